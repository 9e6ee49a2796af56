//! KEDA: a ScaledObject's way between zero and one, the metrics it hands to the HPA, and ScaledJobs.
//!
//! - [`ScaledObject::poll`]: the operator's loop, every [`Config::polling_interval`]: nothing or idle, and back;
//! - [`ScaledObject::hpa`]: the HPA that KEDA makes, which owns everything from one to N at its own period;
//! - [`ScaledObject::pull`]: what KEDA's metrics server answers to that HPA, [`fallback`] included;
//! - [`jobs`]: ScaledJobs, which only ever add.
//!
//! Rules: kedacore/keda `pkg/scaling/executor/scale_scaledobjects.go`, `pkg/fallback/fallback.go`,
//! `apis/keda/v1alpha1`. Trigger values are doubles, as they are there; what the HPA gets is cut to thousandths.
//!
//! Two things surprise people. The jump from N to zero is one step, whatever N is: it passes by the HPA's behaviour
//! (kedacore/keda issues 7770, 7204). And the cooldown does nothing between N and a minimum of one or more (6844, 737).

use crate::policy::hpa;
use crate::units::{Duration, SimTime};

mod config;
pub mod fallback;
pub mod jobs;
mod poll;
#[cfg(test)]
mod tests;

pub use config::{Config, ConfigError, Modifiers, Trigger};
pub use fallback::{Fallback, FallbackBehavior};
pub use poll::{Decision, Pause, Reason, View};

/// What KEDA remembers of a ScaledObject.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// When it was made: the initial cooldown counts from here.
    pub created: SimTime,
    /// When a trigger was last active; `None` when none ever was.
    pub last_active: Option<SimTime>,
    /// By trigger: consecutive failed answers to the HPA.
    pub failures: Vec<u32>,
    /// By trigger: the value of the last poll, for those that answer from it.
    pub polled: Vec<Option<f64>>,
}

/// One ScaledObject at work.
#[derive(Clone, Debug)]
pub struct ScaledObject {
    config: Config,
    state: State,
}

/// What the metrics server sees when the HPA asks.
#[derive(Clone, Copy, Debug)]
pub struct Pull<'a> {
    /// By trigger: its value now; `None` when it cannot be read.
    pub values: &'a [Option<f64>],
    /// With modifiers: the formula's value now.
    pub composite: Option<f64>,
    /// `scale.status.replicas`.
    pub replicas: i32,
    /// How many of them are ready.
    pub ready: i32,
}

impl ScaledObject {
    /// A ScaledObject made at `created`.
    ///
    /// # Errors
    /// All that KEDA's admission webhook or the API server would refuse.
    pub fn new(config: Config, created: SimTime) -> Result<ScaledObject, Vec<ConfigError>> {
        ScaledObject::resumed(config, State { created, ..State::default() })
    }

    /// A ScaledObject with a past.
    ///
    /// # Errors
    /// As [`ScaledObject::new`].
    pub fn resumed(config: Config, mut state: State) -> Result<ScaledObject, Vec<ConfigError>> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        state.failures.resize(config.triggers.len(), 0);
        state.polled.resize(config.triggers.len(), None);
        Ok(ScaledObject { config, state })
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

    /// The HPA that KEDA makes: from one (or the minimum) to the maximum, one external metric for each trigger, or one
    /// in all with modifiers. `base` brings the controller's flags.
    #[must_use]
    pub fn hpa(&self, base: &hpa::Config) -> hpa::Config {
        let metrics = match &self.config.modifiers {
            Some(m) => vec![hpa::Metric::External(m.target)],
            None => self.config.triggers.iter().map(|t| hpa::Metric::External(t.target)).collect(),
        };
        let (min, max) = self.config.hpa_bounds();
        hpa::Config { min, max, metrics, behavior: self.config.behavior.clone(), ..base.clone() }
    }

    /// What the metrics server answers for each metric of [`ScaledObject::hpa`], in thousandths; `None` is an error.
    /// Failures are counted here and not at polls: the HPA does not ask while there is nothing to scale.
    pub fn pull(&mut self, pull: &Pull<'_>, out: &mut Vec<Option<i64>>) {
        out.clear();
        let ScaledObject { config, state } = self;
        for (i, trigger) in config.triggers.iter().enumerate() {
            let fresh = pull.values.get(i).copied().flatten();
            let value = if trigger.cached { state.polled[i] } else { fresh };
            state.failures[i] = if value.is_some() { 0 } else { state.failures[i].saturating_add(1) };
            if config.modifiers.is_none() {
                let instead =
                    || config.fallback.as_ref()?.answer(state.failures[i], trigger.target, pull.replicas, pull.ready);
                out.push(value.map(milli).or_else(instead));
            }
        }
        if let Some(m) = &config.modifiers {
            let worst = state.failures.iter().copied().max().unwrap_or(0);
            let value = pull.composite.filter(|_| worst == 0);
            let instead = || config.fallback.as_ref()?.answer(worst, m.target, pull.replicas, pull.ready);
            out.push(value.map(milli).or_else(instead));
        }
    }
}

/// Thousandths, cut off as KEDA does when it makes a quantity of a double; NaN is 0 and what is beyond the range its end.
#[must_use]
pub fn milli(value: f64) -> i64 {
    (value * 1000.0) as i64
}

/// KEDA's default polling interval.
pub const POLLING_INTERVAL: Duration = Duration::from_secs(30);
