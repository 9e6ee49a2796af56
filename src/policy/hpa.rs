//! The Kubernetes HorizontalPodAutoscaler (`autoscaling/v2`), by itself.
//!
//! - [`Config`]: one HPA with its behaviour, and the controller's flags; every default is upstream's;
//! - [`propose`]: how many replicas one metric asks for; [`combine`]: what several ask for together;
//! - [`stabilise`]: windows over past recommendations; [`rate`]: how far one step may go;
//! - [`Hpa::decide`]: one reconciliation, all of the above in upstream's order.
//!
//! Rules: kubernetes/kubernetes, `pkg/controller/podautoscaler/{horizontal,replica_calculator}.go` and
//! `metrics/utilization.go`. Quantities are whole thousandths (milli-CPU, milli-requests), divisions truncate and ratios
//! are doubles, as they are there: many results depend on it.
//!
//! *Invariant:* nothing here knows how old a metric is allowed to be, nor what it measures. The [`View`] brings
//! samples as the metrics API would hand them out at this moment, lag included.

use crate::units::SimTime;

mod combine;
mod config;
mod pods;
mod propose;
pub mod rate;
pub mod request;
pub mod stabilise;
#[cfg(test)]
mod tests;

pub use combine::{Combined, NoProposal, combine};
pub use config::{
    Behavior, Config, ConfigError, MAX_PERIOD, MAX_WINDOW, Metric, PodTarget, Policy, PolicyKind, Rules, SYNC_PERIOD,
    Select, Target,
};
pub use pods::{Condition, Groups, Phase, Pod, Sample, group};
pub use propose::{MetricError, Proposal, Reading, Reported, Tolerance, propose};
pub use rate::{Event, LimitReason};
pub use stabilise::{Recommendation, Stabilised};

/// What the controller sees at one reconciliation.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `scale.spec.replicas`: what was last asked for.
    pub replicas: i32,
    /// `scale.status.replicas`: what exists, ready or not. Per-replica targets of object and external metrics use it.
    pub status_replicas: i32,
    /// Every pod that the selector matches.
    pub pods: &'a [Pod],
    /// One reading for each metric of the configuration, in its order. A metric beyond the end could not be read.
    pub readings: &'a [Reading<'a>],
}

/// Why the decision is what it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The target stands at zero and the minimum is not zero: somebody else owns it.
    Disabled,
    /// More than the maximum: straight to it, without windows or limits.
    AboveMaximum,
    /// Less than the minimum: straight to it.
    BelowMinimum,
    /// No metric could be read, or some could not and the others ask for less: nothing is done, nothing remembered.
    MetricsFailed(NoProposal),
    /// The metrics were followed as far as windows and limits allow.
    Followed {
        /// What the metrics ask for.
        combined: Combined,
        /// After the windows.
        stabilised: i32,
        /// Whether the windows changed anything (`AbleToScale`).
        able: Stabilised,
        /// What limited the step (`ScalingLimited`).
        limit: LimitReason,
    },
}

/// What a reconciliation decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// How many replicas there should be. The target is rescaled iff this differs from [`View::replicas`].
    pub replicas: i32,
    /// Why.
    pub outcome: Outcome,
}

/// What the controller remembers of one HPA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// What the metrics asked for at earlier reconciliations, before windows; in slots that are used again.
    pub recommendations: Vec<Recommendation>,
    /// Steps up that were taken; only kept with a behaviour.
    pub ups: Vec<Event>,
    /// Steps down that were taken; only kept with a behaviour.
    pub downs: Vec<Event>,
}

/// One HPA at work.
#[derive(Clone, Debug)]
pub struct Hpa {
    config: Config,
    state: State,
}

impl Hpa {
    /// An HPA without a past.
    ///
    /// # Errors
    /// All that the API server would refuse.
    pub fn new(config: Config) -> Result<Hpa, Vec<ConfigError>> {
        Hpa::resumed(config, State::default())
    }

    /// An HPA with a past.
    ///
    /// # Errors
    /// As [`Hpa::new`].
    pub fn resumed(config: Config, state: State) -> Result<Hpa, Vec<ConfigError>> {
        let faults = config.faults();
        if faults.is_empty() { Ok(Hpa { config, state }) } else { Err(faults) }
    }

    /// How it is configured.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What it remembers.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// One reconciliation. What is decided counts as done: the step is remembered for the limits of later ones.
    pub fn decide(&mut self, view: &View<'_>, now: SimTime) -> Decision {
        let Hpa { config, state } = self;
        let current = view.replicas;
        if state.recommendations.is_empty() {
            state.recommendations.push(Recommendation { replicas: current, at: now });
        }
        let decision = if current == 0 && config.min != 0 {
            Decision { replicas: current, outcome: Outcome::Disabled }
        } else if current > config.max {
            Decision { replicas: config.max, outcome: Outcome::AboveMaximum }
        } else if current < config.min {
            Decision { replicas: config.min, outcome: Outcome::BelowMinimum }
        } else {
            follow(config, state, view, now)
        };
        if let Some(behavior) = &config.behavior {
            let by = decision.replicas.abs_diff(current);
            let event = Event { by: i32::try_from(by).unwrap_or(i32::MAX), at: now };
            if decision.replicas > current {
                rate::remember(&mut state.ups, event, &behavior.up);
            } else if decision.replicas < current {
                rate::remember(&mut state.downs, event, &behavior.down);
            }
        }
        decision
    }
}

/// The metrics, then windows, then limits.
fn follow(config: &Config, state: &mut State, view: &View<'_>, now: SimTime) -> Decision {
    let current = view.replicas;
    let combined = match combine(config, view, now) {
        Ok(combined) => combined,
        Err(failed) => return Decision { replicas: current, outcome: Outcome::MetricsFailed(failed) },
    };
    // A negative metric asks for none, not for fewer than none.
    let wanted = combined.replicas.max(0);
    let recs = &mut state.recommendations;
    let (stabilised, able, (replicas, limit)) = match &config.behavior {
        None => {
            let stabilised = stabilise::plain(recs, config.downscale_stabilisation, wanted, now);
            let able = if stabilised == wanted { Stabilised::No } else { Stabilised::Down };
            (stabilised, able, rate::plain(current, stabilised, config.min, config.max))
        }
        Some(behavior) => {
            let windows = config.windows(behavior);
            let (stabilised, able) = stabilise::with_windows(recs, windows, current, wanted, now);
            let past = rate::Past { ups: &state.ups, downs: &state.downs };
            (stabilised, able, rate::limited(behavior, past, current, stabilised, config.min, config.max, now))
        }
    };
    debug_assert!(replicas >= config.min.min(current) && replicas <= config.max.max(current));
    Decision { replicas, outcome: Outcome::Followed { combined, stabilised, able, limit } }
}
