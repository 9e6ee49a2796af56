//! Per shape: how many such pods fit on every node, and the sums of that by island and by pool.

use super::Target;
use super::scorer::fits;
use crate::fleet::{IslandId, Node, PoolId};

/// Counts for one shape. The sums by island and by pool are kept from when they are first asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) cursor: u64,
    count: Vec<u32>,
    total: u64,
    islands: Option<Vec<u64>>,
    pools: Option<Pools>,
}

/// Milli-GPU free where the shape fits.
#[derive(Clone, Debug, Default)]
struct Pools {
    milli: Vec<u32>,
    sum: Vec<u64>,
}

fn bump(sums: &mut Vec<u64>, at: usize, old: u32, new: u32) {
    if sums.len() <= at {
        sums.resize(at + 1, 0);
    }
    sums[at] = sums[at] - u64::from(old) + u64::from(new);
}

impl Sums {
    /// Brings one node up to date.
    pub(super) fn update(&mut self, index: usize, nodes: &[Node], t: &Target) {
        let node = &nodes[index];
        if self.count.len() < nodes.len() {
            self.count.resize(nodes.len(), 0);
        }
        let new = if fits(node, t) { node.count(&t.request) } else { 0 };
        let old = std::mem::replace(&mut self.count[index], new);
        self.total = self.total - u64::from(old) + u64::from(new);
        if let Some(islands) = &mut self.islands {
            bump(islands, node.island.0 as usize, old, new);
        }
        if let Some(pools) = &mut self.pools {
            pools.update(index, nodes, new);
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Pods that fit, by island.
    pub(super) fn islands(&mut self, nodes: &[Node]) -> &[u64] {
        let count = &self.count;
        self.islands.get_or_insert_with(|| {
            let mut sums = Vec::new();
            for (node, count) in nodes.iter().zip(count) {
                bump(&mut sums, node.island.0 as usize, 0, *count);
            }
            sums
        })
    }

    /// The island that holds `need` pods with the least room to spare, the first of equal ones.
    pub(super) fn tightest_island(&mut self, nodes: &[Node], need: u64) -> Option<IslandId> {
        let enough = self.islands(nodes).iter().enumerate().filter(|(_, n)| **n >= need && **n > 0);
        enough.min_by_key(|(_, n)| **n).map(|(i, _)| IslandId(i as u32))
    }

    /// Milli-GPU free on those nodes of a pool that take at least one pod.
    pub(super) fn free_in(&mut self, nodes: &[Node], pool: PoolId) -> u64 {
        let count = &self.count;
        let pools = self.pools.get_or_insert_with(|| {
            let mut pools = Pools::default();
            for (i, count) in count.iter().enumerate() {
                pools.update(i, nodes, *count);
            }
            pools
        });
        pools.sum.get(usize::from(pool.0)).copied().unwrap_or(0)
    }
}

impl Pools {
    fn update(&mut self, index: usize, nodes: &[Node], count: u32) {
        if self.milli.len() < nodes.len() {
            self.milli.resize(nodes.len(), 0);
        }
        let node = &nodes[index];
        let new = if count > 0 { node.free.milli } else { 0 };
        let old = std::mem::replace(&mut self.milli[index], new);
        bump(&mut self.sum, usize::from(node.pool.0), old, new);
    }
}
