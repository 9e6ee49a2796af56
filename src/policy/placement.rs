//! Where a pod goes: scoring policies over indexes that refresh only what changed.
//!
//! A policy gives every node that a pod fits on an integer score; the highest wins, and equal scores are settled by a
//! [`TieOrder`], because tie order alone moves the published FGD results by five points of a fleet. The pure scores
//! are in [`score`] and [`fgd`]; [`Placer`] is the engine, equal to a scan of all nodes and much faster.
//!
//! Sources: the FGD authors' simulator (hkust-adsl/kubernetes-scheduler-simulator, `pkg/simulator/plugin`), of
//! "Beware of Fragmentation" (USENIX ATC 2023), and kube-scheduler (`noderesources/least_allocated.go`,
//! `most_allocated.go`).
//!
//! *Invariant:* nothing here changes a fleet. The caller places, and the fleet's log tells the engine.

pub mod cut;
pub mod fgd;
pub mod gpu;
pub mod luck;
pub mod placer;
pub mod score;
pub mod ties;

mod index;
mod scorer;
mod sums;
mod tree;

#[cfg(test)]
mod cut_tests;
#[cfg(test)]
mod tests;

pub use cut::CutOrders;
pub use fgd::{TypicalPod, TypicalPods};
pub use placer::{Placer, Settings, ShapeId, Spot};
pub use score::Weights;
pub use ties::{TieOrder, Ties};

use crate::fleet::PoolSet;
use crate::workload::Request;
use serde::{Deserialize, Serialize};

/// How nodes are scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PlacementPolicy {
    /// Any fitting node, each as likely; a share goes to any fitting GPU of it.
    Random,
    /// The first fitting node in tie order.
    FirstFit,
    /// The least left over, CPU and GPU weighing the same.
    #[default]
    BestFit,
    /// The smallest dot product of what is free and what is asked for (Tetris with its sign turned).
    DotProduct,
    /// A GPU in use before an idle GPU of a node in use, before an idle node.
    GpuPacking,
    /// Nodes that already run pods of the same kind (shares, or `n` whole GPUs).
    GpuClustering,
    /// The least growth of fragmentation (FGD).
    Fgd,
    /// kube-scheduler's default: the most left over, by share of the node.
    LeastAllocated,
    /// kube-scheduler's packing score: the least left over, by share of the node.
    MostAllocated,
}

impl PlacementPolicy {
    /// All of them, in the order of the documentation.
    pub const ALL: [PlacementPolicy; 9] = [
        PlacementPolicy::Random,
        PlacementPolicy::FirstFit,
        PlacementPolicy::BestFit,
        PlacementPolicy::DotProduct,
        PlacementPolicy::GpuPacking,
        PlacementPolicy::GpuClustering,
        PlacementPolicy::Fgd,
        PlacementPolicy::LeastAllocated,
        PlacementPolicy::MostAllocated,
    ];
}

/// What one pod asks for, and the pools it may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// What it takes from a node.
    pub request: Request,
    /// Where it may go.
    pub pools: PoolSet,
}
