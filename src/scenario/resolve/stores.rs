//! Stores that checkpoints are written to, and how far they are from the nodes.

use std::num::NonZeroU64;

use super::context::PoolFacts;
use crate::scenario::decode::quantity::Bandwidth;
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::Scenario;
use crate::scenario::file::checkpoint::CheckpointStore;
use crate::scenario::model::Store;
use crate::training::transfer::{Distance, Path};
use crate::units::{Diagnostic, Diagnostics};

/// A store with what the model does not need of it.
pub(super) struct StoreFacts<'a> {
    pub shape: &'a CheckpointStore,
    pub write: NonZeroU64,
    pub read: NonZeroU64,
    pub per_node: Option<NonZeroU64>,
}

/// The scenario's stores by name.
pub(super) struct Stores<'a> {
    pub names: Names,
    /// By the index of the name; none for one that is faulty.
    pub list: Vec<Option<StoreFacts<'a>>>,
}

/// A bandwidth above zero.
pub(super) fn moving(b: &Spanned<Bandwidth>, what: &str, out: &mut Diagnostics) -> Option<NonZeroU64> {
    let found = NonZeroU64::new(b.0);
    if found.is_none() {
        out.push(
            Diagnostic::error(format!("{what} at 0 bytes a second would never end"))
                .at(b.at.0, b.at.1, "above 0")
                .help("for example \"20GB/s\" or \"100Gbit/s\""),
        );
    }
    found
}

/// All stores of a scenario, and the model's.
pub(super) fn stores<'a>(s: &'a Scenario, out: &mut Diagnostics) -> (Stores<'a>, Vec<Store>) {
    let mut all = Stores { names: Names::new("store"), list: Vec::new() };
    let mut model = Vec::new();
    for shape in &s.stores {
        // Of two stores with one name the first is meant.
        if all.names.add(&shape.name, out).is_none() {
            continue;
        }
        if shape.usd_per_gb_month.0 < 0 {
            out.push(
                Diagnostic::error(format!("store `{}` costs less than nothing", *shape.name))
                    .at(shape.usd_per_gb_month.at.0, shape.usd_per_gb_month.at.1, "must not be negative")
                    .help("0 is allowed for a store that is paid for anyway"),
            );
        }
        let write = moving(&shape.write, "writing", out);
        let read = shape.read.as_ref().map_or(write, |r| moving(r, "reading", out));
        let per_node = shape.per_node.as_ref().map(|b| moving(b, "writing", out));
        let facts = match (write, read, per_node) {
            (Some(write), Some(read), per_node) if per_node != Some(None) => {
                Some(StoreFacts { shape, write, read, per_node: per_node.flatten() })
            }
            _ => None,
        };
        model.push(Store { name: shape.name.to_string(), total_bps: shape.write.0 });
        all.list.push(facts);
    }
    (all, model)
}

impl StoreFacts<'_> {
    /// How far a pool is from it.
    pub fn distance(&self, pool: &PoolFacts) -> Distance {
        match (&self.shape.region, &pool.region) {
            (Some(store), Some(pool_region)) => {
                distance(pool.provider.region_of_zone(store), pool.provider.region_of_zone(pool_region))
            }
            _ => Distance::SameRegion,
        }
    }

    fn node_bps(&self, pool: &PoolFacts) -> NonZeroU64 {
        self.per_node.unwrap_or_else(|| self.distance(pool).node_bps())
    }

    /// From a pool's nodes to the store.
    pub fn writing(&self, pool: &PoolFacts) -> Path {
        Path { latency: self.shape.latency, node_bps: self.node_bps(pool), store_bps: Some(self.write) }
    }

    /// From the store to a pool's nodes.
    pub fn reading(&self, pool: &PoolFacts) -> Path {
        Path { store_bps: Some(self.read), ..self.writing(pool) }
    }
}

/// How far two regions are apart, by their names. Azure's names do not tell continents: another region counts as one of
/// the same continent.
fn distance(a: &str, b: &str) -> Distance {
    if a.eq_ignore_ascii_case(b) {
        return Distance::SameRegion;
    }
    let continent = |region: &str| match region.split_once('-').map_or("", |(first, _)| first) {
        "us" | "ca" | "mx" | "northamerica" => Some(0),
        "eu" | "europe" => Some(1),
        "ap" | "asia" | "cn" | "australia" => Some(2),
        "sa" | "southamerica" => Some(3),
        "af" | "africa" => Some(4),
        "me" | "il" => Some(5),
        _ => None,
    };
    match (continent(a), continent(b)) {
        (Some(a), Some(b)) if a != b => Distance::CrossContinent,
        _ => Distance::CrossRegion,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_as_far_apart_as_their_names_say() {
        assert_eq!(distance("us-east-2", "US-EAST-2"), Distance::SameRegion);
        assert_eq!(distance("us-east-2", "ca-central-1"), Distance::CrossRegion);
        assert_eq!(distance("us-central1", "europe-west4"), Distance::CrossContinent);
        assert_eq!(distance("eastus", "westeurope"), Distance::CrossRegion);
    }
}
