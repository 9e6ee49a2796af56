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

pub use published::{CURVE_COLUMNS, curve_default, published, published_traces, tolerance};
pub use replay::{Curve, Run};
pub use suite::{Cell, SEEDS, TieRow, run_curve, run_suite, tie_orders};
pub use trace::{Cluster, Trace};

use super::{Case, NoCases, Options};
use crate::units::{Diagnostic, SourceMap};
use std::path::PathBuf;

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

/// The suite as `verify` runs it: the ten published traces of `openb/` in the data folder, or the given ones; the
/// nodes are those of the data folder or, without one, lie beside the first trace.
///
/// # Errors
/// [`NoCases::NoData`] where the published files are not there, [`NoCases::Bad`] for files that cannot be used.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let dir = options.data.as_ref().map(|d| d.join("openb"));
    let beside = || options.traces.first().and_then(|t| t.parent()).map(PathBuf::from);
    let missing = |what: &str| {
        let from = "alibaba/clusterdata, folder `cluster-trace-gpu-v2023/csv`";
        NoCases::NoData(format!("{what} is not there; it is published in {from}"))
    };
    let nodes = dir.iter().cloned().chain(beside()).map(|d| d.join(NODES)).find(|p| p.is_file());
    let nodes = nodes.ok_or_else(|| missing(&format!("`openb/{NODES}`")))?;
    let mut traces = options.traces.clone();
    if traces.is_empty() {
        let dir = dir.ok_or_else(|| missing("`openb/`"))?;
        for name in published_traces() {
            let file = format!("openb_pod_list_{name}.csv");
            let path = dir.join(&file);
            if !path.is_file() {
                return Err(missing(&format!("`openb/{file}`")));
            }
            traces.push(path);
        }
    }
    let n = options.seeds.map_or(SEEDS.end - SEEDS.start, |n| n as u64).max(1);
    let seeds: Vec<u64> = (SEEDS.start..SEEDS.start.saturating_add(n)).collect();
    let mut sources = SourceMap::default();
    let cells = match run_suite(&mut sources, &traces, &nodes, &seeds) {
        Ok(cells) => cells,
        Err(d) => return Err(NoCases::Bad(d, sources)),
    };
    cells.into_iter().map(case).collect()
}

/// The cluster's nodes.
const NODES: &str = "openb_node_list_gpu_node.csv";

fn case(cell: Cell) -> Result<Case, NoCases> {
    let name = cell.case();
    let Some(ours) = cell.mean else {
        let message = format!("`{name}` has no figure: no pod arrives when 100 % of the GPUs have been asked for");
        let help = "the pods of the trace are too large for the cluster, or it has too few of them";
        return Err(NoCases::Bad(Diagnostic::error(message).help(help).into(), SourceMap::default()));
    };
    let published = cell.published.map(|p| p.0);
    Ok(Case { suite: "fgd", case: name, published, ours, tolerance: cell.tolerance, verdict: cell.verdict })
}

#[cfg(test)]
mod tests;
