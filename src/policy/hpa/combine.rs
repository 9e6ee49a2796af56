//! What several metrics ask for together (upstream's `computeReplicasForMetrics`).

use smallvec::SmallVec;

use super::propose::{MetricError, Proposal, Reading, propose};
use super::{Config, View};
use crate::units::SimTime;

/// What the metrics ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Combined {
    /// The most that any asks for.
    pub replicas: i32,
    /// The metric that asks for it, the first of several.
    pub by: usize,
    /// What each asks for.
    pub each: SmallVec<[Result<Proposal, MetricError>; 2]>,
}

/// Why the metrics ask for nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct NoProposal {
    /// The first metric that failed.
    pub first: usize,
    /// Why.
    pub error: MetricError,
    /// How many failed.
    pub failed: usize,
    /// The most that the others ask for, were it not less than there is.
    pub held: Option<i32>,
}

/// What the metrics ask for.
///
/// # Errors
/// When all failed, or some did and the others ask for less than there is: nobody scales down half blind.
pub fn combine(config: &Config, view: &View<'_>, now: SimTime) -> Result<Combined, NoProposal> {
    let about = (view.replicas, view.status_replicas, view.pods);
    let mut each = SmallVec::new();
    let (mut best, mut failed) = (None::<(i32, usize)>, 0);
    let mut first: Option<(usize, MetricError)> = None;
    for (i, metric) in config.metrics.iter().enumerate() {
        let reading = view.readings.get(i).unwrap_or(&Reading::Failed);
        let proposal = propose(config, *metric, reading, about, now);
        match proposal {
            Ok(p) if best.is_none_or(|(most, _)| p.replicas > most) => best = Some((p.replicas, i)),
            Ok(_) => {}
            Err(error) => {
                first = first.or(Some((i, error)));
                failed += 1;
            }
        }
        each.push(proposal);
    }
    match (best, first) {
        (None, None) => Err(NoProposal { first: 0, error: MetricError::Unavailable, failed, held: None }),
        (None, Some((first, error))) => Err(NoProposal { first, error, failed, held: None }),
        (Some((most, _)), Some((first, error))) if most < view.replicas => {
            Err(NoProposal { first, error, failed, held: Some(most) })
        }
        (Some((replicas, by)), _) => Ok(Combined { replicas, by, each }),
    }
}
