//! The published placement experiment of FGD, run again on the published data.
//!
//! Setup ("Beware of Fragmentation", USENIX ATC 2023; hkust-adsl/kubernetes-scheduler-simulator, `pkg/simulator`): the
//! 1,213 GPU nodes of the openb cluster; the pods of a trace, sorted by name, shuffled by a seed and tuned to 130 % of
//! the fleet's GPUs; they arrive in that order, never leave, and are never tried again. Ties go by a fixed order of
//! nodes, drawn once per run. The figure is the share of the fleet's GPUs that is unallocated when as many GPUs have
//! arrived as the fleet has, mean of ten seeds.
//!
//! The authors' scheduler breaks ties by the smallest node name, and the public names are not those of the published
//! runs, so the order is arbitrary here; [`tie_orders`] shows what it is worth.

mod published;
mod replay;
mod suite;
mod trace;

pub use published::{CURVE_COLUMNS, curve_default, published, tolerance};
pub use replay::{Curve, Run};
pub use suite::{Cell, SEEDS, TieRow, Verdict, run_curve, run_suite, tie_orders};
pub use trace::{Cluster, Trace};

use crate::policy::placement::PlacementPolicy;

/// The six policies of the experiment, in the order of the published tables.
pub const POLICIES: [PlacementPolicy; 6] = [
    PlacementPolicy::Random,
    PlacementPolicy::DotProduct,
    PlacementPolicy::GpuClustering,
    PlacementPolicy::GpuPacking,
    PlacementPolicy::BestFit,
    PlacementPolicy::Fgd,
];

/// A policy's name in the case `TRACE/POLICY`.
#[must_use]
pub fn policy_name(p: PlacementPolicy) -> &'static str {
    match p {
        PlacementPolicy::Random => "Random",
        PlacementPolicy::FirstFit => "FirstFit",
        PlacementPolicy::BestFit => "BestFit",
        PlacementPolicy::DotProduct => "DotProd",
        PlacementPolicy::GpuPacking => "GpuPacking",
        PlacementPolicy::GpuClustering => "GpuClustering",
        PlacementPolicy::Fgd => "FGD",
        PlacementPolicy::LeastAllocated => "LeastAllocated",
        PlacementPolicy::MostAllocated => "MostAllocated",
    }
}

#[cfg(test)]
mod tests;
