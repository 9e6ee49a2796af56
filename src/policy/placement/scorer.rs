//! One policy's scores for the nodes of a fleet, with what can be kept per node.

use super::cut::CutOrders;
use super::fgd::{Tables, TypicalPods};
use super::luck::Luck;
use super::{PlacementPolicy, Target, Weights, gpu, score};
use crate::fleet::{Gpus, Node, NodeState};
use crate::policy::mig::{GpuOrder, StartOrder};

/// Scores nodes. Only FGD keeps anything: its tables and each node's fragmentation.
#[derive(Clone, Debug)]
pub(super) struct Scorer {
    policy: PlacementPolicy,
    weights: Weights,
    tables: Option<Tables>,
    fragmentation: Vec<i64>,
    /// By pool, where in nodes whose GPUs are cut pods go; the default beyond.
    cuts: Vec<CutOrders>,
}

/// Whether the node takes work and the pod fits on it.
#[inline]
pub(super) fn fits(node: &Node, t: &Target) -> bool {
    node.state == NodeState::Ready && t.pools.has(node.pool) && node.fits(&t.request)
}

impl Scorer {
    pub(super) fn new(policy: PlacementPolicy, weights: Weights, typical: &TypicalPods, cuts: &[CutOrders]) -> Scorer {
        let tables = (policy == PlacementPolicy::Fgd).then(|| Tables::new(typical));
        Scorer { policy, weights, tables, fragmentation: Vec::new(), cuts: cuts.to_vec() }
    }

    /// Takes note of a node that changed.
    pub(super) fn note(&mut self, index: usize, node: &Node) {
        // The words of GPUs that are cut are not milli-GPU.
        if let Some(tables) = self.tables.as_ref().filter(|_| node.cut.is_none()) {
            if self.fragmentation.len() <= index {
                self.fragmentation.resize(index + 1, 0);
            }
            self.fragmentation[index] = tables.fragmentation(&node.free, node.pool);
        }
    }

    /// The score of a node that was noted since it changed; `None` where the pod does not fit.
    #[inline]
    pub(super) fn score(&self, index: usize, node: &Node, t: &Target) -> Option<i32> {
        if !fits(node, t) {
            return None;
        }
        let (free, r) = (&node.free, &t.request);
        if let Some(cut) = &node.cut {
            return Some(self.orders(node).score(self.policy, self.weights, node, cut, r));
        }
        Some(match self.policy {
            PlacementPolicy::Random | PlacementPolicy::FirstFit => 0,
            PlacementPolicy::BestFit => score::best_fit(free, r),
            PlacementPolicy::DotProduct => score::dot_product(free, r),
            PlacementPolicy::GpuPacking => score::gpu_packing(free, r),
            PlacementPolicy::GpuClustering => score::gpu_clustering(free, r),
            PlacementPolicy::Fgd => match &self.tables {
                Some(tables) => tables.score(free, node.pool, r, self.fragmentation[index]),
                None => 0,
            },
            PlacementPolicy::LeastAllocated => {
                score::least_allocated(&score::demands(&node.capacity, free, r, self.weights))
            }
            PlacementPolicy::MostAllocated => {
                score::most_allocated(&score::demands(&node.capacity, free, r, self.weights))
            }
        })
    }

    fn orders(&self, node: &Node) -> &CutOrders {
        static PLAIN: CutOrders = CutOrders { gpus: GpuOrder::FirstFit, starts: StartOrder::Ascending, table: None };
        self.cuts.get(usize::from(node.pool.0)).unwrap_or(&PLAIN)
    }

    /// Which GPUs of the chosen node to take.
    pub(super) fn gpus(&self, index: usize, node: &Node, t: &Target, luck: &mut Luck) -> Option<Gpus> {
        let (free, r) = (&node.free, &t.request);
        if let Some(cut) = node.cut.as_ref().filter(|_| r.gpus > 0) {
            return self.orders(node).choose(cut, free, r).map(|c| c.gpus);
        }
        match (self.policy, &self.tables) {
            (PlacementPolicy::Random, _) if r.is_share() => gpu::any(free, r.gpu_milli, luck),
            (_, Some(tables)) if r.is_share() => tables.pick(free, node.pool, r, self.fragmentation[index]),
            _ => gpu::usual(free, r),
        }
    }
}
