//! Watts, PUE and grid intensity.
//!
//! Energy of a device over a time is `hours × watts / 1000 × PUE` kWh, and carbon `kWh × grid intensity` (Cloud Carbon
//! Footprint, `ComputeEstimator`). The default power model is ours: `idle + (TDP − idle) · util^0.9`, an assumption
//! (`gpu_partitioning.md` section 6) that can be replaced by Cloud Carbon Footprint's linear one.

use serde::Serialize;

use super::device::Device;
use super::source::{Evidence, Provider};
use super::table;
use crate::units::Duration;

/// The exponent of the default model. An assumption: B200 nodes were seen at 452–943 W by batch size, so that a linear
/// model serves as well for cost.
pub const EXPONENT: f64 = 0.9;

/// Watts of a device by utilisation: `idle + (full − idle) · util^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PowerModel {
    /// W without work.
    pub idle_w: f64,
    /// W at full load.
    pub full_w: f64,
    /// 1 is linear, less is concave.
    pub exponent: f64,
    /// How sure the shape is.
    pub evidence: Evidence,
}

impl PowerModel {
    /// The default: exponent 0.9, a guess.
    #[must_use]
    pub const fn concave(idle_w: f64, full_w: f64) -> PowerModel {
        PowerModel { idle_w, full_w, exponent: EXPONENT, evidence: Evidence::Guess }
    }

    /// Cloud Carbon Footprint's: linear from the least to the most watts.
    #[must_use]
    pub const fn linear(min_w: f64, max_w: f64) -> PowerModel {
        PowerModel { idle_w: min_w, full_w: max_w, exponent: 1.0, evidence: Evidence::Prior }
    }

    /// W at a utilisation from 0 to 1 (clamped; NaN counts as 0).
    #[must_use]
    pub fn watts(&self, util: f64) -> f64 {
        let u = if util.is_nan() { 0.0 } else { util.clamp(0.0, 1.0) };
        let shape = if self.exponent == 1.0 || u == 0.0 || u == 1.0 { u } else { u.powf(self.exponent) };
        self.idle_w + (self.full_w - self.idle_w) * shape
    }

    /// The same in whole milliwatts, so that energy can be added up exactly as milliwatts × nanoseconds.
    #[must_use]
    pub fn milliwatts(&self, util: f64) -> u64 {
        (self.watts(util) * 1_000.0).round() as u64
    }
}

/// kWh of `watts` over a time, with the building's share.
#[must_use]
pub fn kwh(watts: f64, time: Duration, pue: f64) -> f64 {
    watts * time.as_hours_f64() / 1_000.0 * pue
}

/// kWh of an exact sum of milliwatts × nanoseconds, without the building's share.
#[must_use]
pub fn kwh_of_milliwatt_nanos(sum: u128) -> f64 {
    sum as f64 / (1e6 * 3.6e12)
}

/// A coefficient with where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coefficient {
    /// Its value.
    pub value: f64,
    /// Where it comes from.
    pub source: &'static str,
    /// How sure it is.
    pub evidence: Evidence,
}

const CCF: &str = "cloud-carbon-footprint b7a049c7";
const CCF_COEFFICIENTS: &str = "ccf-coefficients b0032d9";

/// Watts drawn at the meter for each watt in a machine. Azure's documentation says 1.125 where its code says 1.185:
/// the code's is used. A hall of one's own has no default that means anything; 1.5 is a guess to be replaced.
#[must_use]
pub const fn pue(provider: Provider) -> Coefficient {
    let (value, source, evidence) = match provider {
        Provider::Aws => (1.135, CCF, Evidence::Prior),
        Provider::Gcp => (1.10, CCF, Evidence::Prior),
        Provider::Azure => (1.185, CCF, Evidence::Prior),
        Provider::Own => (1.5, "assumed", Evidence::Guess),
    };
    Coefficient { value, source, evidence }
}

const GRID: &str = "\
provider,region,kg_per_kwh
aws,us-east-1,0.415755
aws,us-east-2,0.440187
aws,us-west-1,0.350861
aws,us-west-2,0.350861
aws,eu-west-1,0.2786
gcp,us-central1,0.479
gcp,us-east4,0.383
gcp,us-west1,0.117
gcp,us-west2,0.248
gcp,asia-east1,0.541
gcp,asia-south1,0.723
";

/// The world's average, kg CO2e per kWh, where a region is not known (CodeCarbon's fallback).
pub const WORLD_KG_PER_KWH: f64 = 0.475;

/// Carbon intensity of the grid at a region, kg CO2e per kWh, location-based. Unknown regions get the world's average,
/// graded a guess.
#[must_use]
pub fn grid(provider: Provider, region: &str) -> Coefficient {
    let known = table::rows::<3>(GRID).find(|[p, r, _]| *p == provider.key() && r.eq_ignore_ascii_case(region));
    match known {
        Some([_, _, kg]) => {
            Coefficient { value: table::number(kg), source: CCF_COEFFICIENTS, evidence: Evidence::Prior }
        }
        None => Coefficient {
            value: WORLD_KG_PER_KWH,
            source: "codecarbon b05965e, world average",
            evidence: Evidence::Guess,
        },
    }
}

/// The regions with a grid intensity of their own: provider, region, kg per kWh.
pub fn grids() -> impl Iterator<Item = (&'static str, &'static str, f64)> {
    table::rows::<3>(GRID).map(|[p, r, kg]| (p, r, table::number(kg)))
}

/// W of a vCPU without work and at full load, and of a GB of memory (Cloud Carbon Footprint's averages).
pub const VCPU_W: (f64, f64) = (0.74, 3.5);
/// W of a GB of memory.
pub const MEMORY_W_PER_GB: f64 = 0.392;
/// W of everything but the GPUs in a chassis of eight 700 W GPUs under load, for each of them: about 10 kW in all
/// against 5.6 kW of GPU design power.
pub const CHASSIS_W_PER_GPU: f64 = 550.0;

/// W of a node beside its GPUs: CPUs, memory, network cards, switches, fans.
///
/// A machine with GPUs of the H100's class on a switched fabric draws [`CHASSIS_W_PER_GPU`] for each, in proportion to
/// their design power; others the averages of Cloud Carbon Footprint for their vCPUs, half used, and memory. The larger
/// of the two counts.
#[must_use]
pub fn node_base_w(device: Option<&Device>, gpus: u32, vcpus: f64, memory_gb: f64) -> Coefficient {
    let plain = vcpus * (VCPU_W.0 + VCPU_W.1) / 2.0 + memory_gb * MEMORY_W_PER_GB;
    let fabric = device.filter(|d| d.nvlink_gb_s.is_some_and(|g| g >= 800.0) && gpus >= 4);
    let chassis = fabric.and_then(|d| d.tdp_w).map_or(0.0, |tdp| CHASSIS_W_PER_GPU * f64::from(gpus) * tdp / 700.0);
    if chassis > plain {
        Coefficient { value: chassis, source: "about 10 kW for a chassis of eight H100", evidence: Evidence::Guess }
    } else {
        Coefficient { value: plain, source: CCF, evidence: Evidence::Prior }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} against {b}");
    }

    #[test]
    fn the_linear_model_gives_the_specifications_vector() {
        // finops.md section 6, V20: 8 A100 for 24 h at 60 %, AWS.
        let a100 = Catalog::embedded().device("A100").expect("a device");
        let watts = a100.power_ccf().expect("in the coefficients").watts(0.6);
        close(watts, 262.6);
        let energy = 8.0 * kwh(watts, Duration::from_hours(24), pue(Provider::Aws).value);
        close(energy, 57.225792);
        close(energy * grid(Provider::Aws, "us-east-1").value, 23.791909);
        close(energy * 0.08, 4.578063);
    }

    #[test]
    fn the_default_model_meets_idle_and_full_power() {
        let h100 = Catalog::embedded().device("H100").expect("a device").power().expect("published");
        close(h100.watts(0.0), 70.5);
        close(h100.watts(1.0), 700.0);
        // 70.5 + 629.5 × 0.5^0.9, and 0.5^0.9 = 0.535886731…
        close(h100.watts(0.5), 407.840697333);
        close(h100.watts(f64::NAN), 70.5);
        close(h100.watts(7.0), 700.0);
        assert_eq!(h100.milliwatts(0.0), 70_500);
        assert_eq!(h100.evidence, Evidence::Guess);
    }

    #[test]
    fn milliwatt_nanoseconds_are_kilowatt_hours() {
        // 1 kW for an hour.
        close(kwh_of_milliwatt_nanos(1_000_000 * u128::from(Duration::from_hours(1).0)), 1.0);
    }

    #[test]
    fn an_unknown_grid_is_the_worlds_and_says_so() {
        let g = grid(Provider::Azure, "eastus");
        assert_eq!((g.value, g.evidence), (0.475, Evidence::Guess));
        assert_eq!(grids().count(), 11);
    }

    #[test]
    fn a_chassis_of_eight_h100_draws_ten_kilowatts() {
        let c = Catalog::embedded();
        let base = node_base_w(c.device("H100").ok(), 8, 192.0, 2048.0);
        close(base.value + 8.0 * 700.0, 10_000.0);
        // A machine without GPUs: 16 vCPUs half used and 64 GB.
        close(node_base_w(None, 0, 16.0, 64.0).value, 16.0 * 2.12 + 64.0 * 0.392);
    }
}
