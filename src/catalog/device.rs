//! What one GPU is. The table is `devices.csv`; `spec` figures that were recalled rather than read say so.
//!
//! MIG geometry (placement grids, profiles) is keyed by [`Device::name`] and stands in [`super::mig`]; here is only how
//! many compute slices a device has.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use super::energy::PowerModel;
use super::lookup::LookupError;
use super::source::Evidence;
use super::table::{self, maybe, number};
use crate::units::nearest;

/// Which row of [`Devices`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u16);

/// One GPU (or TPU chip) as the operating system counts it: a K80 board is two.
///
/// Rates are dense, never the sparse figures that many pages print. Source of every row:
/// the [`Device::source`] text; grades: [`Device::sheet`] for all columns but idle watts, which have [`Device::idle`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Device {
    /// Canonical name, e.g. `H100-SXM-80GB`.
    pub name: &'static str,
    /// Other names, e.g. `H100`, `V100M16`.
    pub aliases: Vec<&'static str>,
    /// `nvidia`, `amd` or `google`.
    pub vendor: &'static str,
    /// Nominal memory, GB.
    pub memory_gb: f64,
    /// Memory bandwidth, GB/s.
    pub bandwidth_gb_s: f64,
    /// BF16 or FP16 TFLOP/s, dense; the 32-bit rate where 16-bit is no faster (the note says so).
    pub tflops_16: f64,
    /// FP8 TFLOP/s, dense, or INT8 TOP/s where there is no FP8 (the note says so).
    pub tflops_8: Option<f64>,
    /// Thermal design power, W.
    pub tdp_w: Option<f64>,
    /// Power without work, W: the middle of the range in the note.
    pub idle_w: Option<f64>,
    /// NVLink, Infinity Fabric or ICI, GB/s both ways together.
    pub nvlink_gb_s: Option<f64>,
    /// MIG compute slices: 7, 4, or `None` where there is no MIG.
    pub mig_slices: Option<u8>,
    /// Streaming multiprocessors or compute units.
    pub sms: Option<u16>,
    /// Idle watts of the Cloud Carbon Footprint coefficients (linear model).
    pub ccf_min_w: Option<f64>,
    /// Full-load watts of the same.
    pub ccf_max_w: Option<f64>,
    /// Grade of the data-sheet columns.
    pub sheet: Evidence,
    /// Grade of the idle watts.
    pub idle: Evidence,
    /// Where the row comes from.
    pub source: &'static str,
    /// When it was written down.
    #[serde(serialize_with = "as_text")]
    pub as_of: Date,
    /// What to know about it; may be empty.
    pub note: &'static str,
}

pub(super) fn as_text<S: Serializer>(d: &Date, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(d)
}

impl Device {
    /// `idle + (TDP − idle) · util^0.9`; `None` where power is not published.
    #[must_use]
    pub fn power(&self) -> Option<PowerModel> {
        Some(PowerModel::concave(self.idle_w?, self.tdp_w?))
    }

    /// The linear model of Cloud Carbon Footprint, where it has the device.
    #[must_use]
    pub fn power_ccf(&self) -> Option<PowerModel> {
        Some(PowerModel::linear(self.ccf_min_w?, self.ccf_max_w?))
    }
}

/// The device table with its names.
#[derive(Clone, Debug)]
pub struct Devices {
    list: Vec<Device>,
    names: BTreeMap<String, DeviceId>,
}

/// One spelling for look-up: lower case, `-` for blanks and underscores, without `nvidia-`.
fn fold(word: &str) -> String {
    let w = word.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    w.strip_prefix("nvidia-").map(str::to_owned).unwrap_or(w)
}

impl Devices {
    pub(super) fn embedded() -> Devices {
        let list: Vec<Device> = table::rows::<19>(include_str!("devices.csv"))
            .map(|f| Device {
                name: f[0],
                aliases: f[1].split(';').filter(|a| !a.is_empty()).collect(),
                vendor: f[2],
                memory_gb: number(f[3]),
                bandwidth_gb_s: number(f[4]),
                tflops_16: number(f[5]),
                tflops_8: maybe(f[6]),
                tdp_w: maybe(f[7]),
                idle_w: maybe(f[8]),
                nvlink_gb_s: maybe(f[9]),
                mig_slices: maybe(f[10]).map(|n| n as u8),
                sms: maybe(f[11]).map(|n| n as u16),
                ccf_min_w: maybe(f[12]),
                ccf_max_w: maybe(f[13]),
                sheet: Evidence::of_table(f[14]),
                idle: Evidence::of_table(f[15]),
                source: f[16],
                as_of: table::date(f[17]),
                note: f[18],
            })
            .collect();
        let mut names = BTreeMap::new();
        for (i, d) in list.iter().enumerate() {
            for n in std::iter::once(&d.name).chain(&d.aliases) {
                let before = names.insert(fold(n), DeviceId(i as u16));
                debug_assert!(before.is_none(), "two devices are called {n}");
            }
        }
        Devices { list, names }
    }

    /// The device of an id that this table gave out.
    #[must_use]
    pub fn get(&self, id: DeviceId) -> &Device {
        &self.list[usize::from(id.0)]
    }

    /// All, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (DeviceId, &Device)> {
        self.list.iter().enumerate().map(|(i, d)| (DeviceId(i as u16), d))
    }

    /// The device of a name or an alias; case, `_`, `-` and blanks do not matter, nor does a leading `NVIDIA-`.
    ///
    /// # Errors
    /// [`LookupError::UnknownDevice`] with the nearest right name.
    pub fn find(&self, word: &str) -> Result<DeviceId, LookupError> {
        let folded = fold(word);
        if let Some(id) = self.names.get(&folded) {
            return Ok(*id);
        }
        let spelt = |w: &str| {
            let id = self.names.get(w)?;
            let d = self.get(*id);
            std::iter::once(&d.name).chain(&d.aliases).find(|n| fold(n) == w).map(|n| (*n).to_owned())
        };
        Err(LookupError::UnknownDevice {
            word: word.to_owned(),
            nearest: nearest(&folded, self.names.keys().map(String::as_str)).and_then(spelt),
            known: self.list.iter().map(|d| d.name.to_owned()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(word: &str) -> String {
        let all = Devices::embedded();
        match all.find(word) {
            Ok(id) => all.get(id).name.to_owned(),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn devices_answer_to_their_names_and_aliases_in_any_case() {
        for (word, name) in [
            ("H100", "H100-SXM-80GB"),
            ("h100-80gb", "H100-SXM-80GB"),
            ("h100 sxm 80gb", "H100-SXM-80GB"),
            ("V100M16", "V100-SXM2-16GB"),
            ("v100m32", "V100-SXM2-32GB"),
            ("T4", "T4-16GB"),
            ("P100", "P100-PCIE-16GB"),
            ("nvidia-tesla-k80", "K80-12GB"),
            ("NVIDIA-A100-SXM4-80GB", "A100-SXM-80GB"),
            ("A10", "A10-24GB"),
            ("G2", "unknown GPU `G2`"),
        ] {
            assert_eq!(named(word), name);
        }
    }

    #[test]
    fn an_unknown_device_names_the_nearest() {
        let e = Devices::embedded().find("A100-SMX-40GB").expect_err("a slip");
        assert_eq!(e.help()[0], "did you mean `A100-SXM-40GB`?");
    }

    #[test]
    fn every_device_of_the_specification_is_there_with_its_figures() {
        // gpu_partitioning.md 6.1: name, memory, bandwidth, 16-bit rate, TDP, MIG, SMs.
        let table = [
            ("T4", 16.0, 320.0, 65.0, Some(70.0), None, Some(40)),
            ("V100-32GB", 32.0, 900.0, 125.0, Some(300.0), None, Some(80)),
            ("A10", 24.0, 600.0, 125.0, Some(150.0), None, Some(72)),
            ("A10G", 24.0, 600.0, 70.0, Some(300.0), None, Some(80)),
            ("L4", 24.0, 300.0, 121.0, Some(72.0), None, Some(58)),
            ("L40S", 48.0, 864.0, 362.0, Some(350.0), None, Some(142)),
            ("A30", 24.0, 933.0, 165.0, Some(165.0), Some(4), Some(56)),
            ("A100-40GB", 40.0, 1555.0, 312.0, Some(400.0), Some(7), Some(108)),
            ("A100-PCIE-80GB", 80.0, 1935.0, 312.0, Some(300.0), Some(7), Some(108)),
            ("H100", 80.0, 3350.0, 989.0, Some(700.0), Some(7), Some(132)),
            ("H100-PCIE", 80.0, 2000.0, 756.0, Some(350.0), Some(7), Some(114)),
            ("H100-NVL", 94.0, 3900.0, 835.0, Some(400.0), Some(7), Some(132)),
            ("H200", 141.0, 4800.0, 989.0, Some(700.0), Some(7), Some(132)),
            ("H200-NVL", 141.0, 4800.0, 835.0, Some(600.0), Some(7), Some(132)),
            ("H20", 96.0, 4000.0, 148.0, Some(400.0), Some(7), Some(78)),
            ("B200", 180.0, 7700.0, 2250.0, Some(1000.0), Some(7), Some(148)),
            ("GB200", 186.0, 8000.0, 2500.0, Some(1200.0), Some(7), Some(152)),
            ("RTX-PRO-6000", 96.0, 1597.0, 500.0, Some(600.0), Some(4), Some(188)),
            ("MI250X", 128.0, 3277.0, 383.0, Some(560.0), None, Some(220)),
            ("MI300X", 192.0, 5300.0, 1307.0, Some(750.0), None, Some(304)),
            ("TPU-v5e", 16.0, 819.0, 197.0, None, None, None),
            ("TPU-v5p", 95.0, 2765.0, 459.0, None, None, None),
        ];
        let all = Devices::embedded();
        for (word, memory, bandwidth, rate, tdp, mig, sms) in table {
            let d = all.get(all.find(word).expect("in the table"));
            assert_eq!((d.memory_gb, d.bandwidth_gb_s, d.tflops_16), (memory, bandwidth, rate), "{word}");
            assert_eq!((d.tdp_w, d.mig_slices, d.sms), (tdp, mig, sms), "{word}");
        }
    }

    #[test]
    fn figures_are_sane_and_names_unique() {
        let all = Devices::embedded();
        let words: usize = all.list.iter().map(|d| 1 + d.aliases.len()).sum();
        assert_eq!(words, all.names.len());
        for (_, d) in all.iter() {
            assert!(d.memory_gb > 0.0 && d.bandwidth_gb_s > 0.0 && d.tflops_16 > 0.0, "{}", d.name);
            assert!(d.idle_w <= d.tdp_w, "{}", d.name);
            assert!(d.idle_w.is_some() == d.tdp_w.is_some(), "{}", d.name);
            assert!(d.sheet != Evidence::Measured, "{}: no data sheet was read here", d.name);
        }
    }
}
