//! What a provider rents: a machine type with its GPUs, vCPUs and memory. The table is `instances.csv`.
//!
//! Prices are not here: a type has one only in a region, in a market and on a date (`price`).

use std::collections::BTreeMap;

use super::device::{DeviceId, Devices};
use super::lookup::LookupError;
use super::source::{Evidence, Provider, SourceRef, Sources};
use super::table::{self, Text};
use crate::units::{Bytes, MilliCpu, MilliGpu, nearest};

/// Which row of [`Instances`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u32);

/// A machine type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its number in the catalogue.
    pub id: InstanceId,
    /// The provider's own name, e.g. `p5.48xlarge`, `Standard_NC24ads_A100_v4`.
    pub name: Text,
    /// Who rents it.
    pub provider: Provider,
    /// The GPU model; `None` for a machine without GPUs.
    pub device: Option<DeviceId>,
    /// All its GPUs together; less than 1000 for a type with a share of one.
    pub gpus: MilliGpu,
    /// vCPUs; none for a GPU that is rented alone and attached to a machine billed apart.
    pub cpu: MilliCpu,
    /// Main memory.
    pub memory: Bytes,
    /// Where the figures come from.
    pub source: SourceRef,
    /// How sure they are.
    pub evidence: Evidence,
}

impl Instance {
    /// Devices that a node of this type has: a share of one counts as one.
    #[must_use]
    pub const fn gpu_count(&self) -> u32 {
        self.gpus.0.div_ceil(1_000)
    }
}

/// What a user's own table says about a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The GPU model.
    pub device: Option<DeviceId>,
    /// All GPUs.
    pub gpus: MilliGpu,
    /// vCPUs.
    pub cpu: MilliCpu,
    /// Main memory.
    pub memory: Bytes,
}

impl Figures {
    /// Reads the three amounts from decimal text. `None` when one is not a plain number of at most three decimals.
    pub(super) fn parse(device: Option<DeviceId>, gpus: &str, vcpus: &str, memory_gib: &str) -> Option<Figures> {
        let milli = |s: &str| table::thousandths(s).and_then(|n| u32::try_from(n).ok());
        Some(Figures {
            device,
            gpus: MilliGpu(milli(gpus)?),
            cpu: MilliCpu(milli(vcpus)?),
            // Thousandths of a GiB, to the byte below. Twelve digits of GiB do not overflow u128.
            memory: Bytes(u64::try_from(u128::from(table::thousandths(memory_gib)?) * (1_u128 << 30) / 1_000).ok()?),
        })
    }
}

/// The machine types with their names.
#[derive(Clone, Debug)]
pub struct Instances {
    list: Vec<Instance>,
    names: BTreeMap<String, InstanceId>,
}

/// One spelling for look-up: lower case, `_` for blanks, without `Standard_`.
fn fold(word: &str) -> String {
    let w = word.trim().to_ascii_lowercase().replace(' ', "_");
    w.strip_prefix("standard_").map(str::to_owned).unwrap_or(w)
}

impl Instances {
    pub(super) fn embedded(devices: &Devices, sources: &Sources) -> Instances {
        let mut all = Instances { list: Vec::new(), names: BTreeMap::new() };
        for [name, provider, device, gpus, vcpus, memory, source, evidence] in
            table::rows::<8>(include_str!("instances.csv"))
        {
            let device = (!device.is_empty()).then(|| devices.find(device).expect("the tables agree on devices"));
            let figures = Figures::parse(device, gpus, vcpus, memory).expect("the table holds plain numbers");
            let provider = provider.parse().expect("the table names known providers");
            let source = sources.find(source).expect("the tables agree on sources");
            all.define(name.into(), provider, figures, source, Evidence::of_table(evidence));
        }
        all
    }

    /// Adds a type or replaces the figures of one.
    pub(super) fn define(
        &mut self,
        name: Text,
        provider: Provider,
        f: Figures,
        source: SourceRef,
        evidence: Evidence,
    ) -> InstanceId {
        let key = fold(&name);
        let known = self.names.get(&key).copied();
        let id = known.unwrap_or(InstanceId(self.list.len() as u32));
        let row = Instance {
            id,
            name,
            provider,
            device: f.device,
            gpus: f.gpus,
            cpu: f.cpu,
            memory: f.memory,
            source,
            evidence,
        };
        match known {
            Some(_) => self.list[id.0 as usize] = row,
            None => {
                self.list.push(row);
                self.names.insert(key, id);
            }
        }
        id
    }

    /// The type of an id that this table gave out.
    #[must_use]
    pub fn get(&self, id: InstanceId) -> &Instance {
        &self.list[id.0 as usize]
    }

    /// All: AWS, GCP, Azure, then the user's own.
    pub fn iter(&self) -> impl Iterator<Item = &Instance> {
        self.list.iter()
    }

    /// The type of a name, in any case, an Azure one with or without `Standard_` and with blanks for `_`.
    ///
    /// # Errors
    /// [`LookupError::UnknownInstance`] with the nearest right name.
    pub fn find(&self, word: &str) -> Result<&Instance, LookupError> {
        let key = fold(word);
        if let Some(id) = self.names.get(&key) {
            return Ok(self.get(*id));
        }
        let near = nearest(&key, self.names.keys().map(String::as_str)).and_then(|k| self.names.get(k));
        Err(LookupError::UnknownInstance {
            word: word.to_owned(),
            nearest: near.map(|id| self.get(*id).name.clone().into_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::units::MilliGpu;

    #[test]
    fn azure_names_are_found_in_every_usual_spelling() {
        let c = Catalog::embedded();
        for word in ["Standard_NC24ads_A100_v4", "NC24ads_A100_v4", "nc24ads_a100_v4", "NC24ads A100 v4"] {
            assert_eq!(c.instances.find(word).map(|i| &*i.name), Ok("Standard_NC24ads_A100_v4"), "{word}");
        }
        let e = c.instances.find("NC24ads_A100_v5").expect_err("no such type");
        assert_eq!(e.help()[0], "did you mean `Standard_NC24ads_A100_v4`?");
    }

    #[test]
    fn types_carry_their_gpus() {
        let c = Catalog::embedded();
        for (name, device, count, vcpus, gib) in [
            ("p5.48xlarge", "H100-SXM-80GB", 8, 192, 2048),
            ("p4d.24xlarge", "A100-SXM-40GB", 8, 96, 1152),
            ("g5.xlarge", "A10G-24GB", 1, 4, 16),
            ("g4dn.xlarge", "T4-16GB", 1, 4, 16),
            ("p2.16xlarge", "K80-12GB", 16, 64, 732),
            ("a2-highgpu-1g", "A100-SXM-40GB", 1, 12, 85),
            ("NC24ads_A100_v4", "A100-PCIE-80GB", 1, 24, 220),
        ] {
            let i = c.instances.find(name).expect("in the table");
            let d = i.device.map(|d| c.devices.get(d).name);
            assert_eq!((d, i.gpu_count(), i.cpu.0), (Some(device), count, vcpus * 1_000), "{name}");
            assert_eq!(i.memory.0, gib << 30, "{name}");
        }
        let m5 = c.instances.find("m5.4xlarge").expect("in the table");
        assert_eq!((m5.device, m5.gpus, m5.cpu.0), (None, MilliGpu(0), 16_000));
        let share = c.instances.find("g6f.xlarge").expect("in the table");
        assert_eq!((share.gpus, share.gpu_count()), (MilliGpu(125), 1));
    }
}
