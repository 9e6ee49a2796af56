//! Two candidates that met the same luck: what differs, how sure that is, which gates hold, and why the bill changed.
//!
//! - [`sample`]: what is kept of a candidate's replications; [`paired`]: a figure in both, pair by pair;
//! - [`gate`]: what must not happen to a figure; [`gates_file`]: a file of these;
//! - [`why`]: the difference of the bill, split without a remainder; [`reprice`]: price told from behaviour;
//! - [`baseline`]: a sample kept in a file.
//!
//! *Invariant:* only figures of the same name are compared, over the same replications of the same seed. Every interval is
//! that of one figure: of twenty that do not differ, one is told apart by luck.

pub mod baseline;
pub mod gate;
pub mod gates_file;
pub mod paired;
pub mod reprice;
pub mod sample;
#[cfg(test)]
mod tests;
pub mod why;

use serde::{Deserialize, Serialize};

pub use baseline::Baseline;
pub use gate::{Gate, GateResult, Held, Limit, Side};
pub use paired::{Change, Series, Verdict};
pub use reprice::Repriced;
pub use sample::{One, Sample};
pub use why::{Amount, Part, Why};

use crate::units::{Diagnostic, Diagnostics};

/// A candidate beside the base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The candidate's name.
    pub candidate: String,
    /// Pairs of replications.
    pub pairs: u32,
    /// Whether nothing random showed in either: then a difference is exact, and an interval of no width says so.
    pub alike: bool,
    /// Every metric that both have, in the order of the table of metrics.
    pub metrics: Vec<Change>,
    /// Metrics that only the base has.
    pub only_base: Vec<String>,
    /// Metrics that only the candidate has.
    pub only_candidate: Vec<String>,
    /// The gates, in their order.
    pub gates: Vec<GateResult>,
    /// Why the bill changed.
    pub why: Why,
    /// Price told from behaviour, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reprice: Option<Repriced>,
    /// What is to be known besides.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Compares a candidate with the base. The gates were resolved for these two.
    #[must_use]
    pub fn of(name: &str, base: &Sample, candidate: &Sample, gates: &[Gate], reprice: bool) -> Comparison {
        let both = |m: &Series| Some(Change::of(m, candidate.metric(&m.name)?));
        let metrics: Vec<Change> = base.metrics.iter().filter_map(both).collect();
        let missing = |of: &Sample, from: &Sample| {
            of.metrics.iter().map(|m| m.name.clone()).filter(|n| from.metric(n).is_none()).collect()
        };
        let judge = |g: &Gate| g.judge(metrics.iter().find(|c| c.name == g.metric), candidate);
        Comparison {
            candidate: name.to_owned(),
            pairs: base.replications(),
            alike: base.is_alike() && candidate.is_alike(),
            gates: gates.iter().map(judge).collect(),
            only_base: missing(base, candidate),
            only_candidate: missing(candidate, base),
            why: Why::of(base, candidate),
            reprice: reprice.then(|| Repriced::of(base, candidate)),
            notes: notes(base, candidate),
            metrics,
        }
    }

    /// The worst that a gate came to; they hold where there is none.
    #[must_use]
    pub fn held(&self) -> Held {
        self.gates.iter().map(|g| g.held).max().unwrap_or(Held::Holds)
    }

    /// A metric's change.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Change> {
        self.metrics.iter().find(|c| c.name == name)
    }
}

/// Why two samples cannot be compared.
///
/// # Errors
/// Other horizons, other seeds or numbers of replications, a pool of GPUs beside one of cores under one name, a metric in
/// another unit.
pub fn comparable(name: &str, base: &Sample, candidate: &Sample) -> Result<(), Diagnostics> {
    let hours = |ns: u64| crate::units::Duration(ns).to_string();
    if base.horizon_ns != candidate.horizon_ns {
        return Err(Diagnostic::error(format!(
            "`{name}` has a horizon of {}, and the base of {}",
            hours(candidate.horizon_ns),
            hours(base.horizon_ns)
        ))
        .help("bills of windows of different lengths say nothing beside each other: give both the same, --set-all horizon=7d").into());
    }
    if (base.seed, base.replications()) != (candidate.seed, candidate.replications()) {
        return Err(Diagnostic::error(format!(
            "`{name}` has {} runs of seed {}, and the base {} of seed {}",
            candidate.replications(),
            candidate.seed,
            base.replications(),
            base.seed
        ))
        .help("pairs are of one seed and one replication")
        .into());
    }
    for p in &base.pools {
        if let Some(other) = candidate.pools.iter().find(|c| c.name == p.name && c.unit != p.unit) {
            return Err(Diagnostic::error(format!(
                "the pool `{}` is counted in {} in the base, and in {} in `{name}`",
                p.name, p.unit, other.unit
            ))
            .help("give the pool another name: it is not the same pool any more")
            .into());
        }
    }
    for m in &base.metrics {
        if let Some(other) = candidate.metric(&m.name).filter(|c| c.unit != m.unit) {
            return Err(Diagnostic::error(format!(
                "`{}` is in {} in the base, and in {} in `{name}`",
                m.name, m.unit, other.unit
            ))
            .help("only figures of one unit can be compared")
            .into());
        }
    }
    Ok(())
}

fn notes(base: &Sample, candidate: &Sample) -> Vec<String> {
    let mut out = Vec::new();
    if base.start != candidate.start {
        out.push(format!(
            "the windows begin at different times ({} and {}): prices and calendars may differ",
            base.start, candidate.start
        ));
    }
    if base.warmup_ns != candidate.warmup_ns {
        out.push("the warm-ups differ, so that the pairs do not meet the same luck in the window".to_owned());
    }
    out
}
