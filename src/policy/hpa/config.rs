//! What an HPA is told: its spec and the controller's flags, with upstream's defaults and upstream's validation.

use thiserror::Error;

use super::propose::Tolerance;
use super::stabilise::Windows;
use crate::units::Duration;

/// How often each HPA is reconciled (`--horizontal-pod-autoscaler-sync-period`).
pub const SYNC_PERIOD: Duration = Duration::from_secs(15);
/// The longest stabilisation window that the API takes.
pub const MAX_WINDOW: Duration = Duration::from_secs(3600);
/// The longest period of a policy that the API takes.
pub const MAX_PERIOD: Duration = Duration::from_secs(1800);

/// An HPA with the flags of the controller that runs it.
///
/// Defaults: kubernetes/kubernetes `pkg/apis/autoscaling/v2/defaults.go` and
/// `pkg/controller/podautoscaler/config/v1alpha1/defaults.go`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `minReplicas`; 1 by default.
    pub min: i32,
    /// `maxReplicas`.
    pub max: i32,
    /// The metrics; one CPU metric with a target of 80 % by default.
    pub metrics: Vec<Metric>,
    /// `behavior`; without one the legacy limits hold: up to max(2 × current, 4), down without limit.
    pub behavior: Option<Behavior>,
    /// By how much a ratio may differ from 1 without a step; 0.1 by default. A direction's own tolerance overrides it.
    pub tolerance: f64,
    /// The window over which steps down are held back where the behaviour names none; 5 minutes by default.
    pub downscale_stabilisation: Duration,
    /// How long after its start a pod's CPU counts only with a sample taken while it was ready; 5 minutes by default.
    pub cpu_initialisation: Duration,
    /// How long after its start a pod that turns unready counts as never having been ready; 30 s by default.
    pub readiness_delay: Duration,
    /// The feature gate `HPAScaleToZero`: whether a minimum of 0 is allowed; off by default.
    pub scale_to_zero: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            min: 1,
            max: 1,
            metrics: vec![Metric::Resource { cpu: true, target: PodTarget::Utilisation(80) }],
            behavior: None,
            tolerance: 0.1,
            downscale_stabilisation: Duration::from_secs(300),
            cpu_initialisation: Duration::from_secs(300),
            readiness_delay: Duration::from_secs(30),
            scale_to_zero: false,
        }
    }
}

/// What is measured, and how much of it a replica should have. Quantities in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A resource of the pods, or of one container of each (`ContainerResource`): the reading brings whichever it is.
    Resource {
        /// Whether the resource is `cpu`: only its samples depend on readiness.
        cpu: bool,
        /// The target.
        target: PodTarget,
    },
    /// A custom metric of the pods.
    Pods {
        /// `averageValue`.
        average: i64,
    },
    /// A metric of one Kubernetes object.
    Object(Target),
    /// A metric from outside the cluster; its series are added up.
    External(Target),
}

/// The target of a resource metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodTarget {
    /// `averageUtilization`: percent of what the pods request.
    Utilisation(i32),
    /// `averageValue`.
    AverageValue(i64),
}

/// The target of an object or external metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `value`: of the whole, as if one ready pod had it.
    Value(i64),
    /// `averageValue`: of each replica that exists.
    AverageValue(i64),
}

/// How fast it may scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// `scaleUp`.
    pub up: Rules,
    /// `scaleDown`.
    pub down: Rules,
}

impl Default for Behavior {
    fn default() -> Behavior {
        Behavior { up: Rules::up(), down: Rules::down() }
    }
}

/// The rules of one direction. What a user leaves out is what [`Rules::up`] or [`Rules::down`] has.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// `stabilizationWindowSeconds`. `None`: no window up, [`Config::downscale_stabilisation`] down.
    pub window: Option<Duration>,
    /// The policies; at least one.
    pub policies: Vec<Policy>,
    /// Which policy decides.
    pub select: Select,
    /// A tolerance of its own (feature gate `HPAConfigurableTolerance`).
    pub tolerance: Option<f64>,
}

impl Rules {
    /// The default for scaling up: no window, the larger of 4 pods and 100 % in 15 s.
    #[must_use]
    pub fn up() -> Rules {
        let period = Duration::from_secs(15);
        let policies = vec![
            Policy { kind: PolicyKind::Pods, value: 4, period },
            Policy { kind: PolicyKind::Percent, value: 100, period },
        ];
        Rules { window: None, policies, select: Select::Max, tolerance: None }
    }

    /// The default for scaling down: the controller's window, 100 % in 15 s.
    #[must_use]
    pub fn down() -> Rules {
        let policies = vec![Policy { kind: PolicyKind::Percent, value: 100, period: Duration::from_secs(15) }];
        Rules { window: None, policies, select: Select::Max, tolerance: None }
    }
}

/// By how much the number of replicas may change within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Pods or percent.
    pub kind: PolicyKind,
    /// How many; above 0.
    pub value: i32,
    /// The period that is looked back; at most 30 minutes.
    pub period: Duration,
}

/// What a policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// Pods.
    Pods,
    /// Percent of the replicas at the beginning of the period.
    Percent,
}

/// Which of several policies decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    #[default]
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: no change in this direction.
    Disabled,
}

/// What the API server refuses.
#[derive(Clone, Debug, Error, PartialEq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum ConfigError {
    #[error("the minimum of {0} replicas is negative")]
    NegativeMinimum(i32),
    #[error("a minimum of 0 replicas needs the gate `HPAScaleToZero` (`scale_to_zero`)")]
    ZeroMinimumWithoutGate,
    #[error("a minimum of 0 replicas needs an object or external metric: pods that do not exist measure nothing")]
    ZeroMinimumWithoutMetric,
    #[error("the maximum of {0} replicas is not above 0")]
    NoMaximum(i32),
    #[error("the minimum of {min} replicas is above the maximum of {max}")]
    MinimumAboveMaximum { min: i32, max: i32 },
    #[error("there is no metric")]
    NoMetrics,
    #[error("the target of metric {0} is not above 0")]
    NoTarget(usize),
    #[error("the tolerance of {0} is not a number of 0 or more")]
    Tolerance(f64),
    #[error("scaling {0} has no policy; `select: Disabled` forbids it")]
    NoPolicies(&'static str),
    #[error("policy {1} for scaling {0} allows no change: its value must be above 0")]
    NoChange(&'static str, usize),
    #[error("the period of policy {1} for scaling {0} must be above 0 and at most 30m")]
    Period(&'static str, usize),
    #[error("the stabilisation window for scaling {0} must be at most 1h")]
    Window(&'static str),
}

impl Config {
    /// All that the API server would refuse; empty when the configuration may run.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut out = Vec::new();
        if self.min < 0 {
            out.push(ConfigError::NegativeMinimum(self.min));
        }
        if self.min == 0 {
            if !self.scale_to_zero {
                out.push(ConfigError::ZeroMinimumWithoutGate);
            }
            if !self.metrics.iter().any(|m| matches!(m, Metric::Object(_) | Metric::External(_))) {
                out.push(ConfigError::ZeroMinimumWithoutMetric);
            }
        }
        if self.max < 1 {
            out.push(ConfigError::NoMaximum(self.max));
        } else if self.min > self.max {
            out.push(ConfigError::MinimumAboveMaximum { min: self.min, max: self.max });
        }
        if self.metrics.is_empty() {
            out.push(ConfigError::NoMetrics);
        }
        for (i, m) in self.metrics.iter().enumerate() {
            if m.target() <= 0 {
                out.push(ConfigError::NoTarget(i));
            }
        }
        if !sound(self.tolerance) {
            out.push(ConfigError::Tolerance(self.tolerance));
        }
        if let Some(b) = &self.behavior {
            b.faults(&mut out);
        }
        out
    }

    /// The tolerances of both directions.
    #[must_use]
    pub fn tolerances(&self) -> Tolerance {
        let own = |rules: fn(&Behavior) -> &Rules| self.behavior.as_ref().and_then(|b| rules(b).tolerance);
        Tolerance { down: own(|b| &b.down).unwrap_or(self.tolerance), up: own(|b| &b.up).unwrap_or(self.tolerance) }
    }

    /// The windows of a behaviour, defaults filled in.
    #[must_use]
    pub fn windows(&self, behavior: &Behavior) -> Windows {
        Windows {
            up: behavior.up.window.unwrap_or(Duration::ZERO),
            down: behavior.down.window.unwrap_or(self.downscale_stabilisation),
        }
    }
}

impl Behavior {
    /// Adds what the API server would refuse.
    pub fn faults(&self, out: &mut Vec<ConfigError>) {
        for (way, rules) in [("up", &self.up), ("down", &self.down)] {
            if rules.window.is_some_and(|w| w > MAX_WINDOW) {
                out.push(ConfigError::Window(way));
            }
            if rules.policies.is_empty() {
                out.push(ConfigError::NoPolicies(way));
            }
            for (i, p) in rules.policies.iter().enumerate() {
                if p.value <= 0 {
                    out.push(ConfigError::NoChange(way, i));
                }
                if p.period == Duration::ZERO || p.period > MAX_PERIOD {
                    out.push(ConfigError::Period(way, i));
                }
            }
            if let Some(t) = rules.tolerance.filter(|t| !sound(*t)) {
                out.push(ConfigError::Tolerance(t));
            }
        }
    }
}

fn sound(tolerance: f64) -> bool {
    tolerance.is_finite() && tolerance >= 0.0
}

impl Metric {
    /// The target, whatever it counts.
    #[must_use]
    pub fn target(&self) -> i64 {
        match *self {
            Metric::Resource { target: PodTarget::Utilisation(percent), .. } => i64::from(percent),
            Metric::Resource { target: PodTarget::AverageValue(v), .. } | Metric::Pods { average: v } => v,
            Metric::Object(t) | Metric::External(t) => t.quantity(),
        }
    }
}

impl Target {
    /// The quantity, whatever it is of.
    #[must_use]
    pub const fn quantity(self) -> i64 {
        match self {
            Target::Value(v) | Target::AverageValue(v) => v,
        }
    }
}
