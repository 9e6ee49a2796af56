//! The published figures: unallocated GPU %, mean and standard deviation of ten seeds.
//!
//! Source: hkust-adsl/kubernetes-scheduler-simulator, `experiments/analysis/expected_results/analysis_allo_discrete.csv`
//! (Apache-2.0), columns 80–130, 100 minus the allocation there.

use super::POLICIES;
use crate::policy::placement::PlacementPolicy;

/// Mean and standard deviation per policy, in the order of [`POLICIES`].
type Row = [(f64, f64); 6];

/// At 100 % arrived, by trace (`openb_pod_list_TRACE.csv`).
const AT_100: [(&str, Row); 10] = [
    ("default", [(13.70, 0.33), (9.38, 0.19), (8.35, 0.61), (8.22, 0.53), (7.14, 0.14), (4.77, 0.11)]),
    ("cpu050", [(10.98, 0.26), (6.97, 0.19), (6.48, 0.34), (6.54, 0.32), (6.44, 0.13), (5.00, 0.11)]),
    ("cpu100", [(12.57, 0.28), (8.27, 0.27), (7.58, 0.40), (7.50, 0.42), (6.74, 0.13), (4.79, 0.14)]),
    ("cpu200", [(16.97, 0.27), (12.55, 0.61), (10.33, 0.38), (10.02, 0.48), (7.85, 0.21), (5.18, 0.16)]),
    ("gpushare40", [(15.14, 0.34), (10.70, 0.14), (10.24, 0.62), (10.23, 0.53), (8.56, 0.20), (6.04, 0.07)]),
    ("gpushare60", [(17.19, 0.35), (13.18, 0.28), (13.10, 0.41), (12.85, 0.37), (10.94, 0.18), (8.75, 0.13)]),
    ("gpushare80", [(19.38, 0.28), (15.86, 0.19), (15.50, 0.54), (15.35, 0.50), (13.34, 0.24), (10.92, 0.11)]),
    ("gpuspec10", [(13.74, 0.25), (9.83, 0.39), (8.04, 0.71), (7.76, 0.65), (6.90, 0.21), (5.34, 0.19)]),
    ("gpuspec20", [(14.10, 0.35), (11.71, 0.17), (10.89, 0.21), (10.72, 0.25), (11.54, 0.12), (5.34, 0.13)]),
    ("multigpu20", [(13.08, 0.52), (8.15, 0.32), (6.66, 0.60), (6.50, 0.64), (6.27, 0.25), (4.47, 0.16)]),
];

/// The columns (arrived %) of the published curve of the default trace.
pub const CURVE_COLUMNS: [usize; 7] = [80, 90, 95, 100, 110, 120, 130];

/// Means of the default trace by column, in the order of [`POLICIES`].
const CURVE: [[f64; 6]; 7] = [
    [21.34, 19.98, 19.98, 19.98, 19.98, 19.98],
    [14.98, 10.02, 10.02, 10.02, 10.01, 10.02],
    [14.28, 9.42, 8.39, 8.26, 7.18, 5.10],
    [13.70, 9.38, 8.35, 8.22, 7.14, 4.77],
    [13.12, 9.30, 8.27, 8.14, 7.07, 4.70],
    [12.72, 9.23, 8.20, 8.08, 7.00, 4.65],
    [12.53, 9.15, 8.12, 8.00, 6.92, 4.61],
];

/// The traces with published figures.
pub fn published_traces() -> impl Iterator<Item = &'static str> {
    AT_100.iter().map(|(name, _)| *name)
}

fn column(p: PlacementPolicy) -> Option<usize> {
    POLICIES.iter().position(|q| *q == p)
}

/// Mean and standard deviation of ten seeds at 100 % arrived; `None` for a trace or policy that was not published.
#[must_use]
pub fn published(trace: &str, p: PlacementPolicy) -> Option<(f64, f64)> {
    let (_, row) = AT_100.iter().find(|(name, _)| *name == trace)?;
    Some(row[column(p)?])
}

/// The published mean of the default trace at one of [`CURVE_COLUMNS`].
#[must_use]
pub fn curve_default(p: PlacementPolicy, arrived_percent: usize) -> Option<f64> {
    let row = CURVE_COLUMNS.iter().position(|c| *c == arrived_percent)?;
    Some(CURVE[row][column(p)?])
}

/// By how many points our mean of `n` seeds may differ from a published mean of ten with standard deviation `sd`: at
/// least 0.3 (FGD, BestFit, DotProduct), 0.6 (GpuPacking, GpuClustering) or 1.0 (Random); and three standard errors of
/// the difference, 3·sd·√(1/10 + 1/n), without which a correct program would now and then fail by chance.
#[must_use]
pub fn tolerance(p: PlacementPolicy, sd: f64, n: usize) -> f64 {
    let least = match p {
        PlacementPolicy::Random => 1.0,
        PlacementPolicy::GpuPacking | PlacementPolicy::GpuClustering => 0.6,
        _ => 0.3,
    };
    f64::max(least, 3.0 * sd * (0.1 + 1.0 / n.max(1) as f64).sqrt())
}
