//! What a ScaledObject is told, with KEDA's defaults and KEDA's validation.

use thiserror::Error;

use super::POLLING_INTERVAL;
use super::fallback::Fallback;
use crate::policy::hpa::{self, Behavior, Target};
use crate::units::Duration;

/// A ScaledObject. Defaults: kedacore/keda `apis/keda/v1alpha1/scaledobject_types.go`,
/// `pkg/scaling/executor/scale_executor.go`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How often the operator polls the triggers; 30 s by default. It decides only between zero (or idle) and the rest.
    pub polling_interval: Duration,
    /// How long after the last activity it goes to zero (or idle); 5 minutes by default.
    pub cooldown: Duration,
    /// How long after it was made it may first go to zero, when no trigger ever was active; nothing by default.
    pub initial_cooldown: Duration,
    /// `minReplicaCount`; 0 by default.
    pub min: i32,
    /// `maxReplicaCount`; 100 by default.
    pub max: i32,
    /// `idleReplicaCount`: what it goes to instead of the minimum while no trigger is active; below the minimum.
    pub idle: Option<i32>,
    /// What it does when triggers fail; nothing by default.
    pub fallback: Option<Fallback>,
    /// The triggers.
    pub triggers: Vec<Trigger>,
    /// `advanced.scalingModifiers`: one metric made of all triggers.
    pub modifiers: Option<Modifiers>,
    /// `advanced.horizontalPodAutoscalerConfig.behavior`, for the HPA.
    pub behavior: Option<Behavior>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            polling_interval: POLLING_INTERVAL,
            cooldown: Duration::from_secs(300),
            initial_cooldown: Duration::ZERO,
            min: 0,
            max: 100,
            idle: None,
            fallback: None,
            triggers: Vec::new(),
            modifiers: None,
            behavior: None,
        }
    }
}

/// Something outside that is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trigger {
    /// What the HPA aims at, in thousandths; KEDA's default is an average value.
    pub target: Target,
    /// It is active while its value is above this; 0 by default.
    pub activation: f64,
    /// `useCachedMetrics`: the HPA gets the value of the last poll instead of a fresh one.
    pub cached: bool,
}

/// One metric made of all triggers by a formula; the [`super::View`] brings its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Modifiers {
    /// What the HPA aims at, in thousandths.
    pub target: Target,
    /// `activationTarget`: active while the value is above this; 0 by default.
    pub activation: f64,
}

/// What KEDA refuses.
#[derive(Clone, Debug, Error, PartialEq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum ConfigError {
    #[error("the minimum of {0} replicas is negative")]
    NegativeMinimum(i32),
    #[error("the maximum of {0} replicas is not above 0")]
    NoMaximum(i32),
    #[error("the minimum of {min} replicas is above the maximum of {max}")]
    MinimumAboveMaximum { min: i32, max: i32 },
    #[error("{idle} idle replicas are negative or not below the minimum of {min}")]
    Idle { idle: i32, min: i32 },
    #[error("there is no trigger")]
    NoTriggers,
    #[error("the target of trigger {0} is not above 0")]
    NoTarget(usize),
    #[error("the target of the scaling modifiers is not above 0")]
    NoModifiedTarget,
    #[error("an activation threshold is not a number")]
    Activation,
    #[error("the fallback's {0} replicas are negative")]
    Fallback(i32),
    #[error("{0}")]
    Behavior(hpa::ConfigError),
}

impl Config {
    /// All that KEDA would refuse; empty when the configuration may run.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut out = Vec::new();
        if self.min < 0 {
            out.push(ConfigError::NegativeMinimum(self.min));
        }
        if self.max < 1 {
            out.push(ConfigError::NoMaximum(self.max));
        } else if self.min > self.max {
            out.push(ConfigError::MinimumAboveMaximum { min: self.min, max: self.max });
        }
        if let Some(idle) = self.idle.filter(|idle| *idle < 0 || *idle >= self.min) {
            out.push(ConfigError::Idle { idle, min: self.min });
        }
        if self.triggers.is_empty() {
            out.push(ConfigError::NoTriggers);
        }
        for (i, t) in self.triggers.iter().enumerate() {
            // With modifiers the triggers' own targets are not used.
            if t.target.quantity() <= 0 && self.modifiers.is_none() {
                out.push(ConfigError::NoTarget(i));
            }
        }
        if self.modifiers.is_some_and(|m| m.target.quantity() <= 0) {
            out.push(ConfigError::NoModifiedTarget);
        }
        let thresholds = self.triggers.iter().map(|t| t.activation).chain(self.modifiers.map(|m| m.activation));
        if thresholds.into_iter().any(|a| !a.is_finite()) {
            out.push(ConfigError::Activation);
        }
        if let Some(f) = self.fallback.filter(|f| f.replicas < 0) {
            out.push(ConfigError::Fallback(f.replicas));
        }
        if let Some(b) = &self.behavior {
            let mut faults = Vec::new();
            b.faults(&mut faults);
            out.extend(faults.into_iter().map(ConfigError::Behavior));
        }
        out
    }

    /// The minimum and maximum of the HPA that KEDA makes: an HPA cannot own zero, so its minimum is at least one.
    #[must_use]
    pub fn hpa_bounds(&self) -> (i32, i32) {
        (if self.min > 0 { self.min } else { 1 }, self.max)
    }

    /// What it goes to while no trigger is active.
    #[must_use]
    pub fn at_rest(&self) -> i32 {
        self.idle.unwrap_or(self.min)
    }
}
