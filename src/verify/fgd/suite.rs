//! All runs of the experiment, their means beside the published ones.

use super::replay::{EXPERIMENT, Run, check_size};
use super::trace::{Cluster, Trace};
use super::{CURVE_COLUMNS, POLICIES, curve_default, policy_name, published, tolerance};
use crate::policy::placement::{PlacementPolicy, TieOrder, Ties};
use crate::units::{Diagnostics, SourceMap};
use crate::verify::Verdict;
use rayon::prelude::*;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The first of the published seeds (42 to 51); `n` seeds are the first `n` from here.
pub const SEEDS: std::ops::Range<u64> = 42..52;

/// One figure of ours beside the published one, in percent of the fleet's GPUs unallocated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// `TRACE` of `openb_pod_list_TRACE.csv`.
    pub trace: String,
    /// The policy.
    pub policy: PlacementPolicy,
    /// When: percent of the fleet's GPUs that have arrived.
    pub arrived_percent: usize,
    /// Mean over the seeds; `None` where no pod arrived near that percentage.
    pub mean: Option<f64>,
    /// Standard deviation over the seeds (n − 1); 0 for one seed.
    pub sd: f64,
    /// Seeds.
    pub n: usize,
    /// Published mean and standard deviation of ten seeds; the curve's columns other than 100 % have the standard
    /// deviation of 100 %, as theirs is not published.
    pub published: Option<(f64, f64)>,
    /// By how much the means may differ.
    pub tolerance: Option<f64>,
    /// Whether they do.
    pub verdict: Verdict,
}

impl Cell {
    /// `TRACE/POLICY`, with `@PERCENT` where that is not 100.
    #[must_use]
    pub fn case(&self) -> String {
        let case = format!("{}/{}", self.trace, policy_name(self.policy));
        if self.arrived_percent == 100 { case } else { format!("{case}@{}", self.arrived_percent) }
    }

    fn new(
        trace: &str,
        policy: PlacementPolicy,
        arrived_percent: usize,
        values: &[Option<f64>],
        published: Option<(f64, f64)>,
    ) -> Cell {
        let n = values.len();
        let known: Vec<f64> = values.iter().flatten().copied().collect();
        let mean = (n > 0 && known.len() == n).then(|| known.iter().sum::<f64>() / n as f64);
        let squares = |m: f64| known.iter().map(|v| (v - m).powi(2)).sum::<f64>();
        let sd = mean.filter(|_| n > 1).map_or(0.0, |m| (squares(m) / (n - 1) as f64).sqrt());
        let tolerance = published.map(|(_, sd)| tolerance(policy, sd, n));
        let verdict = match (mean, published, tolerance) {
            (Some(m), Some((p, _)), Some(t)) if (m - p).abs() <= t => Verdict::Pass,
            (Some(_), Some(_), Some(_)) => Verdict::Fail,
            _ => Verdict::Unchecked,
        };
        Cell { trace: trace.to_owned(), policy, arrived_percent, mean, sd, n, published, tolerance, verdict }
    }
}

/// Reads the nodes and every trace; all faults of all files together.
fn read(sources: &mut SourceMap, traces: &[PathBuf], nodes: &Path) -> Result<(Cluster, Vec<Trace>), Diagnostics> {
    let cluster = Cluster::read(sources, nodes)?;
    let mut found = Diagnostics::default();
    let mut read = Vec::new();
    for path in traces {
        match Trace::read(sources, path, &cluster) {
            Ok(t) => match check_size(&cluster, &t) {
                Ok(()) => read.push(t),
                Err(d) => found.extend(d),
            },
            Err(d) => found.extend(d),
        }
    }
    if found.has_errors() { Err(found) } else { Ok((cluster, read)) }
}

/// Unallocated % at the given columns for every (trace, policy, seed), in that order.
fn values(
    cluster: &Cluster,
    traces: &[Trace],
    policies: &[PlacementPolicy],
    seeds: &[u64],
    ties: Ties,
    columns: &[usize],
) -> Vec<Vec<Option<f64>>> {
    let mut runs = Vec::new();
    for trace in traces {
        for &policy in policies {
            runs.extend(seeds.iter().map(|&seed| Run { cluster, trace, policy, seed, ties }));
        }
    }
    let of = |run: &Run<'_>| {
        let curve = run.curve();
        columns.iter().map(|c| curve.unallocated(*c)).collect()
    };
    runs.par_iter().with_max_len(1).map(of).collect()
}

/// The experiment at 100 % arrived: every trace under every policy, a mean over the seeds, in that order.
///
/// # Errors
/// Diagnostics for files that cannot be read, with the texts they point into added to `sources`.
pub fn run_suite(
    sources: &mut SourceMap,
    traces: &[PathBuf],
    nodes: &Path,
    seeds: &[u64],
) -> Result<Vec<Cell>, Diagnostics> {
    let (cluster, traces) = read(sources, traces, nodes)?;
    let values = values(&cluster, &traces, &POLICIES, seeds, EXPERIMENT, &[100]);
    let mut values = values.chunks(seeds.len().max(1));
    let mut cells = Vec::new();
    for trace in &traces {
        for policy in POLICIES {
            let row: Vec<Option<f64>> = values.next().unwrap_or(&[]).iter().map(|v| v[0]).collect();
            cells.push(Cell::new(&trace.name, policy, 100, &row, published(&trace.name, policy)));
        }
    }
    Ok(cells)
}

/// The whole curve of a trace, 80 to 130 % arrived; published for `default` only.
///
/// # Errors
/// As [`run_suite`].
pub fn run_curve(sources: &mut SourceMap, trace: &Path, nodes: &Path, seeds: &[u64]) -> Result<Vec<Cell>, Diagnostics> {
    let (cluster, traces) = read(sources, &[trace.to_owned()], nodes)?;
    let values = values(&cluster, &traces, &POLICIES, seeds, EXPERIMENT, &CURVE_COLUMNS);
    let name = &traces[0].name;
    let mut cells = Vec::new();
    for (column, &percent) in CURVE_COLUMNS.iter().enumerate() {
        for (policy, rows) in POLICIES.into_iter().zip(values.chunks(seeds.len().max(1))) {
            let row: Vec<Option<f64>> = rows.iter().map(|v| v[column]).collect();
            let known = (name == "default").then(|| curve_default(policy, percent)).flatten();
            let known = known.zip(published(name, policy)).map(|(mean, (_, sd))| (mean, sd));
            cells.push(Cell::new(name, policy, percent, &row, known));
        }
    }
    Ok(cells)
}

/// What one way of settling ties gives: unallocated % at 100 % arrived.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TieRow {
    /// How ties are settled.
    pub ties: Ties,
    /// Mean over the seeds by policy, in the order of [`POLICIES`].
    pub means: Vec<(PlacementPolicy, Option<f64>)>,
}

/// How far the answer depends on who wins among equal scores: the experiment under each of six ways.
///
/// # Errors
/// As [`run_suite`].
pub fn tie_orders(
    sources: &mut SourceMap,
    trace: &Path,
    nodes: &Path,
    seeds: &[u64],
) -> Result<Vec<TieRow>, Diagnostics> {
    let (cluster, traces) = read(sources, &[trace.to_owned()], nodes)?;
    let ways = TieOrder::ALL.map(Ties::Order).into_iter().chain([Ties::Random]);
    let row = |ties| {
        let values = values(&cluster, &traces, &POLICIES, seeds, ties, &[100]);
        let by_policy = POLICIES.into_iter().zip(values.chunks(seeds.len().max(1)));
        let mean = |rows: &[Vec<Option<f64>>]| {
            rows.iter().map(|v| v[0]).sum::<Option<f64>>().map(|sum| sum / rows.len() as f64)
        };
        TieRow { ties, means: by_policy.map(|(p, rows)| (p, mean(rows))).collect() }
    };
    Ok(ways.map(row).collect())
}
