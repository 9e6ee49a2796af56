//! Fragmentation Gradient Descent: how much of a node's idle GPU a typical pod could not use, and which placement lets
//! that grow the least.
//!
//! Source: "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent" (USENIX ATC
//! 2023), as coded in hkust-adsl/kubernetes-scheduler-simulator, `pkg/utils/frag.go` and `plugin/fgd_score.go`.
//! A node's CPU matters (a GPU without CPU beside it is fragmented); its memory does not.
//!
//! Weights are integers, so that F and its differences are exact: [`TypicalPods::fragmentation`] is the definition, and
//! [`Tables`] the same number from look-ups.

mod tables;

pub use tables::Tables;

use super::Target;
use crate::fleet::{Fleet, Free, Gpus, NodeState, PoolId, PoolSet};
use crate::workload::Request;
use indexmap::IndexMap;

/// One shape of typical pod and how often it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypicalPod {
    /// What it asks for and where it may go; memory plays no part.
    pub target: Target,
    /// Its frequency, in units of one over [`TypicalPods::denominator`].
    pub weight: u32,
}

/// The pods that a fleet is to be kept ready for, with their frequencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypicalPods {
    pods: Vec<TypicalPod>,
    denominator: u32,
}

impl Default for TypicalPods {
    /// None: nothing is ever fragmented and FGD scores every node 50.
    fn default() -> TypicalPods {
        TypicalPods { pods: Vec::new(), denominator: 1 }
    }
}

impl TypicalPods {
    /// Given shapes and frequencies `weight/denominator`, which need not add up to 1. A denominator of 0 counts as 1;
    /// pods of several partial GPUs, which no request can ask for, count as pods of as many whole ones.
    #[must_use]
    pub fn new(pods: Vec<TypicalPod>, denominator: u32) -> TypicalPods {
        let mut pods = pods;
        for p in &mut pods {
            let r = &mut p.target.request;
            r.mem_mib = 0;
            match (r.gpus, r.gpu_milli) {
                (0, _) | (_, 0) => (r.gpus, r.gpu_milli, p.target.pools) = (0, 0, PoolSet::ALL),
                (1, m) => r.gpu_milli = m.min(1000),
                _ => r.gpu_milli = 1000,
            }
        }
        TypicalPods { pods, denominator: denominator.max(1) }
    }

    /// The most frequent shapes of a workload that together make up at least `coverage_percent` of its pods, with their
    /// frequencies among themselves. Shapes are told apart by CPU, GPUs and pools; equal counts go by shape.
    ///
    /// The published experiments take 95 %, CPU-only pods included: 35 shapes of the default openb trace.
    #[must_use]
    pub fn of(pods: impl IntoIterator<Item = Target>, coverage_percent: u32) -> TypicalPods {
        let mut counts: IndexMap<Target, u32> = IndexMap::new();
        let mut total = 0u64;
        for mut p in pods {
            p.request.mem_mib = 0;
            if p.request.gpus == 0 {
                p.pools = PoolSet::ALL;
            }
            *counts.entry(p).or_default() += 1;
            total += 1;
        }
        let mut counts: Vec<(Target, u32)> = counts.into_iter().collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut covered = 0u64;
        let mut keep = 0;
        while keep < counts.len() && covered * 100 < total * u64::from(coverage_percent) {
            covered += u64::from(counts[keep].1);
            keep += 1;
        }
        let pods = counts[..keep].iter().map(|&(target, weight)| TypicalPod { target, weight }).collect();
        TypicalPods::new(pods, covered as u32)
    }

    /// The shapes, most frequent first where [`of`](Self::of) made them.
    #[must_use]
    pub fn pods(&self) -> &[TypicalPod] {
        &self.pods
    }

    /// What the weights, and every numerator here, are divided by.
    #[must_use]
    pub fn denominator(&self) -> u32 {
        self.denominator
    }

    /// Σ weight·F over the typical pods, in milli-GPU over [`denominator`](Self::denominator): F is all that is free
    /// on the node's GPUs for a CPU-only pod and for one that cannot run here (pool, CPU or GPUs), else what is free
    /// on GPUs that have less than the pod wants of one.
    #[must_use]
    pub fn fragmentation(&self, free: &Free, pool: PoolId) -> i64 {
        let gpus = &free.gpu[..usize::from(free.gpus)];
        let part = |p: &TypicalPod| {
            let r = &p.target.request;
            let enough = gpus.iter().filter(|g| **g >= r.gpu_milli).count() >= usize::from(r.gpus);
            let runs = r.gpus > 0 && p.target.pools.has(pool) && r.cpu_milli <= free.cpu_milli && enough;
            let lost: u32 = gpus.iter().filter(|g| !runs || **g < r.gpu_milli).map(|g| u32::from(*g)).sum();
            i64::from(p.weight) * i64::from(lost)
        };
        self.pods.iter().map(part).sum()
    }

    /// F(node) in milli-GPU: what a typical pod, on average, finds free and cannot use.
    #[must_use]
    pub fn node_fragmentation(&self, free: &Free, pool: PoolId) -> f64 {
        self.fragmentation(free, pool) as f64 / f64::from(self.denominator)
    }

    /// F(cluster) in milli-GPU: the sum over the nodes that take work.
    #[must_use]
    pub fn cluster_fragmentation(&self, fleet: &Fleet) -> f64 {
        let ready = fleet.nodes().iter().filter(|n| n.state == NodeState::Ready);
        ready.map(|n| self.fragmentation(&n.free, n.pool)).sum::<i64>() as f64 / f64::from(self.denominator)
    }

    /// FGD's score of a change of Σ weight·F by `before − after`: ⌊100·σ((F before − F after)/1000)⌋.
    #[must_use]
    pub fn score_of(&self, gain: i64) -> i32 {
        let x = gain as f64 / f64::from(self.denominator) / 1000.0;
        (100.0 * (1.0 / (1.0 + (-x).exp()))).floor() as i32
    }

    /// The score of placing a request on a node and the GPUs to take, by definition: a share tries every GPU that
    /// takes it and keeps the first of the best score. `None` when it does not fit.
    #[must_use]
    pub fn place(&self, free: &Free, pool: PoolId, r: &Request) -> Option<(i32, Gpus)> {
        if !free.fits(r) {
            return None;
        }
        let before = self.fragmentation(free, pool);
        let try_on = |gpus: Gpus| {
            let mut after = *free;
            after.cpu_milli -= r.cpu_milli;
            for i in gpus.iter() {
                after.gpu[i] -= r.gpu_milli;
            }
            (self.score_of(before - self.fragmentation(&after, pool)), gpus)
        };
        if !r.is_share() {
            return super::gpu::usual(free, r).map(try_on);
        }
        let fitting = (0..usize::from(free.gpus)).filter(|i| free.gpu[*i] >= r.gpu_milli);
        let mut best: Option<(i32, Gpus)> = None;
        for (score, gpus) in fitting.map(|i| try_on(Gpus::of(1 << i))) {
            if best.is_none_or(|b| score > b.0) {
                best = Some((score, gpus));
            }
        }
        best
    }
}

#[cfg(test)]
pub(crate) mod tests;
