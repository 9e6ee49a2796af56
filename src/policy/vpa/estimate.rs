//! Targets and bounds.
//!
//! Rules: `pkg/recommender/logic/{estimator,recommender}.go`, `pkg/utils/vpa/capping.go`.

use thiserror::Error;

use super::{Amounts, Container};
use crate::units::Duration;

/// What an amount may be at most (`MaxResourceAmount`).
const MAX_AMOUNT: f64 = 1e14;

/// Cuts a double off to an amount, within what amounts may be.
fn amount(v: f64) -> i64 {
    // Not a number is nothing.
    v.clamp(0.0, MAX_AMOUNT) as i64
}

/// How sure one can be of what was gathered: the days that it spans, or its samples in days' worth of one a minute,
/// whichever is less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence(pub f64);

impl Confidence {
    /// Of so long a span and so many samples; `unit` is a day by default.
    #[must_use]
    pub fn of(lifespan: Duration, samples: u64, unit: Duration) -> Confidence {
        let (day, minutes) = (unit.0 as f64, unit.0 as f64 / 60e9);
        Confidence((lifespan.0 as f64 / day).min(samples as f64 / minutes))
    }
    /// By how much a bound is widened: (1 + multiplier / confidence) ^ exponent.
    #[must_use]
    pub fn factor(self, multiplier: f64, exponent: f64) -> f64 {
        (1.0 + multiplier / self.0).powf(exponent)
    }
}

/// What is done with a percentile: how it follows from the confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// Above 0: the larger, the further off while little is known.
    pub multiplier: f64,
    /// Above 0 widens upwards, below 0 downwards.
    pub exponent: f64,
}

/// Percentiles of one resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Of the lower bound; 0.5.
    pub lower: f64,
    /// Of the target; 0.9.
    pub target: f64,
    /// Of the upper bound; 0.95.
    pub upper: f64,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { lower: 0.5, target: 0.9, upper: 0.95 }
    }
}

/// `resourcePolicy` of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `minAllowed`, by resource.
    pub min_cpu_milli: Option<i64>,
    /// The same in bytes.
    pub min_memory: Option<i64>,
    /// `maxAllowed`, by resource.
    pub max_cpu_milli: Option<i64>,
    /// The same in bytes.
    pub max_memory: Option<i64>,
}

impl Policy {
    fn clamp(&self, a: Amounts) -> Amounts {
        let within = |v: i64, min: Option<i64>, max: Option<i64>| {
            let v = min.map_or(v, |m| v.max(m));
            max.map_or(v, |m| v.min(m))
        };
        Amounts {
            cpu_milli: within(a.cpu_milli, self.min_cpu_milli, self.max_cpu_milli),
            memory: within(a.memory, self.min_memory, self.max_memory),
        }
    }
}

/// What a container should ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Less is too little.
    pub lower: Amounts,
    /// What is best.
    pub target: Amounts,
    /// More is too much.
    pub upper: Amounts,
    /// The target before `minAllowed` and `maxAllowed`.
    pub uncapped: Amounts,
}

/// The recommender. Defaults: `pkg/recommender/main.go` and `logic/recommender.go`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommender {
    /// `--target-cpu-percentile` and the like.
    pub cpu: Bounds,
    /// `--target-memory-percentile` and the like.
    pub memory: Bounds,
    /// `--recommendation-margin-fraction`; 0.15.
    pub margin: f64,
    /// `--pod-recommendation-min-cpu-millicores`; 25.
    pub pod_min_cpu_milli: f64,
    /// `--pod-recommendation-min-memory-mb`, of 2²⁰ bytes each; 250.
    pub pod_min_memory_mib: f64,
    /// `--confidence-interval-cpu`; 24 h.
    pub confidence_cpu: Duration,
    /// `--confidence-interval-memory`; 24 h.
    pub confidence_memory: Duration,
    /// How the lower bound follows from the confidence: 0.001, −2.
    pub lower: Shift,
    /// How the upper one does: 1, 1.
    pub upper: Shift,
}

impl Default for Recommender {
    fn default() -> Recommender {
        Recommender {
            cpu: Bounds::default(),
            memory: Bounds::default(),
            margin: 0.15,
            pod_min_cpu_milli: 25.0,
            pod_min_memory_mib: 250.0,
            confidence_cpu: Duration::from_hours(24),
            confidence_memory: Duration::from_hours(24),
            lower: Shift { multiplier: 0.001, exponent: -2.0 },
            upper: Shift { multiplier: 1.0, exponent: 1.0 },
        }
    }
}

/// What makes no recommender.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum ConfigError {
    #[error("a percentile is a share from 0 to 1, and {0} is not")]
    Percentile(f64),
    #[error("the safety margin is {0}, and is 0 or more")]
    Margin(f64),
    #[error("the least that is recommended is not below 0")]
    Minimum,
    #[error("a confidence interval is longer than 0")]
    Confidence,
}

impl Recommender {
    /// All that is wrong.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let shares = [self.cpu, self.memory].into_iter().flat_map(|b| [b.lower, b.target, b.upper]);
        let mut faults: Vec<ConfigError> =
            shares.filter(|p| !(0.0..=1.0).contains(p)).map(ConfigError::Percentile).collect();
        if self.margin.is_nan() || self.margin < 0.0 {
            faults.push(ConfigError::Margin(self.margin));
        }
        let some = |v: f64| v >= 0.0;
        if !some(self.pod_min_cpu_milli) || !some(self.pod_min_memory_mib) {
            faults.push(ConfigError::Minimum);
        }
        if self.confidence_cpu == Duration::ZERO || self.confidence_memory == Duration::ZERO {
            faults.push(ConfigError::Confidence);
        }
        faults
    }

    /// What a container of a pod with so many containers should ask for.
    #[must_use]
    pub fn recommend(&self, c: &Container, containers: u32, policy: &Policy) -> Estimate {
        let share = 1.0 / f64::from(containers.max(1));
        let least = Amounts {
            cpu_milli: amount(amount(self.pod_min_cpu_milli) as f64 * share),
            memory: amount(amount(self.pod_min_memory_mib * 1024.0 * 1024.0) as f64 * share),
        };
        let cpu_sure = Confidence::of(c.lifespan(), c.samples(), self.confidence_cpu);
        let memory_sure = Confidence::of(c.lifespan(), c.samples(), self.confidence_memory);
        let of = |cpu: f64, memory: f64, shift: Option<Shift>| {
            let factor = |sure: Confidence| shift.map(|s| sure.factor(s.multiplier, s.exponent));
            let one = |percentile: f64, scale: f64, sure: Confidence| {
                // Cut off after each step, as upstream.
                let with_margin = amount(amount(percentile * scale) as f64 * (1.0 + self.margin));
                factor(sure).map_or(with_margin, |f| amount(with_margin as f64 * f))
            };
            Amounts {
                cpu_milli: one(c.cpu().percentile(cpu), 1000.0, cpu_sure).max(least.cpu_milli),
                memory: one(c.memory().percentile(memory), 1.0, memory_sure).max(least.memory),
            }
        };
        let uncapped = of(self.cpu.target, self.memory.target, None);
        Estimate {
            lower: policy.clamp(of(self.cpu.lower, self.memory.lower, Some(self.lower))),
            target: policy.clamp(uncapped),
            upper: policy.clamp(of(self.cpu.upper, self.memory.upper, Some(self.upper))),
            uncapped,
        }
    }
}
