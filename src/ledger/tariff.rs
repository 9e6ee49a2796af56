//! What a pool's capacity costs, and in which unit.

use crate::catalog::{BillingRule, PowerModel};
use crate::units::time::NANOS_PER_HOUR;
use crate::units::{Rate, SimTime};

/// What a pool's capacity is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milli-GPU.
    Gpu,
    /// Milli-CPU: a pool of nodes without GPUs.
    Cpu,
}

/// When a pool's capacity is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metering {
    /// Nodes, from launch to termination, used or not.
    Nodes,
    /// Pods, for what they hold while they hold it: serverless nodes, or on-demand without a bottom.
    Pods,
}

/// A pool's prices and billing rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// What capacity is counted in.
    pub unit: Unit,
    /// When it is billed.
    pub metering: Metering,
    /// Prices as a step function of time, ascending; the first is from the epoch.
    pub steps: Vec<PriceStep>,
    /// Milli-units that one rate pays for: 8000 where a node of 8 GPUs is priced, 1000 where one GPU is.
    pub per_milli: u32,
    /// The same in words: `node of 8 GPUs`.
    pub per: String,
    /// How a node's run is rounded up to what is billed.
    pub rule: BillingRule,
    /// Owned or committed: freeing it saves nothing.
    pub sunk: bool,
}

/// A price in force from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceStep {
    /// From when.
    pub from: SimTime,
    /// Per hour of [`Tariff::per_milli`] milli-units.
    pub rate: Rate,
    /// Source and date.
    pub source: String,
    /// Evidence grade.
    pub evidence: String,
}

impl Tariff {
    /// Milli-unit·ns that one hour at the rate pays for.
    #[must_use]
    pub fn per_hour(&self) -> u128 {
        u128::from(self.per_milli) * u128::from(NANOS_PER_HOUR)
    }
}

/// Power of one device, and of the building around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Watts by true utilisation; none where nothing is published.
    pub model: Option<PowerModel>,
    /// Power usage effectiveness of the facility.
    pub pue: f64,
}

impl Power {
    /// Micro-watts above idle at a true utilisation.
    #[must_use]
    pub fn dynamic_uw(&self, busy_ppm: u32) -> u64 {
        self.model.map_or(0, |m| ((m.watts(f64::from(busy_ppm) / 1e6) - m.idle_w).max(0.0) * 1e6).round() as u64)
    }

    /// Micro-watts when idle.
    #[must_use]
    pub fn idle_uw(&self) -> u64 {
        self.model.map_or(0, |m| (m.idle_w * 1e6).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Evidence;

    #[test]
    fn power_is_idle_at_rest_and_peak_at_full_use() {
        let model = PowerModel { idle_w: 70.0, full_w: 700.0, exponent: 0.9, evidence: Evidence::Guess };
        let p = Power { model: Some(model), pue: 1.1 };
        assert_eq!(p.idle_uw(), 70_000_000);
        assert_eq!(p.idle_uw() + p.dynamic_uw(1_000_000), 700_000_000);
        assert_eq!(p.dynamic_uw(0), 0);
    }
}
