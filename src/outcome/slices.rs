//! Who held what of GPUs that are cut: MIG instances, and turns on a GPU that pods share.

use serde::{Deserialize, Serialize};

use super::exact::Exact;

/// A pool whose GPUs are cut, over the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceOutcome {
    /// `mig`, `mig_on_demand`, `time_slicing` or `mps`.
    pub way: String,
    /// What pods hold, by profile or as turns, in the order in which the scenario asks for them.
    pub kinds: Vec<SliceKind>,
    /// GPUs whose free slices nothing in demand can use, time average in each bucket.
    pub stranded: Vec<f64>,
    /// Compute slices of a GPU; 0 for turns.
    pub compute_slices: u32,
    /// Compute slice·ns that no instance had and none in demand could add, on nodes that took work.
    pub compute_left: Exact,
    /// Slices × ns of the nodes that took work, all of them.
    pub compute_all: Exact,
    /// Instances that were made because a pod came.
    pub made: u64,
    /// Time that pods waited on their slices for an instance to be destroyed or made, ns.
    pub making_ns: u64,
    /// Nodes whose GPUs were cut anew.
    pub recut: u64,
    /// How much longer pods that share a GPU by turns took for each other.
    #[serde(default)]
    pub slowdown: Slowdown,
    /// What each GPU had taken in each bucket, 0 to 1; the first 64 of the pool.
    pub gpus: Vec<GpuUse>,
}

/// How much longer pods took because of others on their GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slowdown {
    /// Σ time × how many times as long it took, pod·ns: of the time in which a pod had something to do.
    pub stretched: f64,
    /// The same without others.
    pub busy: f64,
}

impl Slowdown {
    /// How many times as long on average; `None` where pods had nothing to do.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.busy > 0.0).then(|| self.stretched / self.busy)
    }
}

/// What pods hold, of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceKind {
    /// The profile, or `turn`.
    pub name: String,
    /// Thousandths of a GPU.
    pub milli: u32,
    /// Pods that were placed on one.
    pub placed: u64,
    /// Milli-GPU·ns.
    pub held: Exact,
    /// GPUs held, time average in each bucket.
    pub series: Vec<f64>,
}

/// What one GPU had taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuUse {
    /// `POOL-NODE/GPU`.
    pub name: String,
    /// Its share that was taken, by bucket; in thousandths, rounded.
    pub taken: Vec<u16>,
}

/// How many GPUs of a pool are told apart.
pub const GPUS_SHOWN: usize = 64;
