//! ScaledJobs: how many jobs to start at a poll (`pkg/scaling/executor/scale_jobs.go`, `pkg/scaling/scaledjob/metrics.go`).
//!
//! Jobs are only ever started; nothing here ends one.

use thiserror::Error;

/// A ScaledJob.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `minReplicaCount`; 0 by default.
    pub min: i64,
    /// `maxReplicaCount`; 100 by default.
    pub max: i64,
    /// `scalingStrategy.strategy`.
    pub strategy: Strategy,
    /// `scalingStrategy.multipleScalersCalculation`.
    pub combine: Combine,
}

impl Default for Config {
    fn default() -> Config {
        Config { min: 0, max: 100, strategy: Strategy::Default, combine: Combine::Max }
    }
}

/// How many may be started in view of those that run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Strategy {
    /// What is wanted less what runs.
    #[default]
    Default,
    /// What is wanted less a fixed number and a share of what runs, cut off; at most the maximum.
    Custom {
        /// `customScalingQueueLengthDeduction`.
        deduction: i64,
        /// `customScalingRunningJobPercentage`, as a share: 0.5 is half.
        running_share: f64,
    },
    /// For queues whose length does not count what is being worked on: what is wanted less what has not started.
    Accurate,
    /// As much as fits.
    Eager,
}

/// How several triggers count together. Only active ones do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Combine {
    /// The one with the longest queue.
    #[default]
    Max,
    /// The one with the shortest queue; while the shortest so far is empty the next one replaces it.
    Min,
    /// The mean.
    Avg,
    /// The sum.
    Sum,
}

/// A trigger as it is at a poll.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trigger {
    /// How much waits.
    pub queue: f64,
    /// How much of it a job takes; at 0 the trigger asks for no job.
    pub target: f64,
    /// Whether it is active.
    pub active: bool,
}

/// What the triggers want together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whether any is active, or a minimum keeps it so.
    pub active: bool,
    /// How much waits: no more jobs than this are started.
    pub scale_to: i64,
    /// How many jobs there should be.
    pub max_scale: i64,
}

/// What a poll decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the triggers want.
    pub wanted: Wanted,
    /// How many more the strategy allows.
    pub effective: i64,
    /// How many jobs to start.
    pub start: i64,
}

/// What KEDA refuses.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum ConfigError {
    #[error("the minimum of {0} jobs is negative")]
    NegativeMinimum(i64),
    #[error("the maximum of {0} jobs is not above 0")]
    NoMaximum(i64),
    #[error("the minimum of {min} jobs is above the maximum of {max}")]
    MinimumAboveMaximum { min: i64, max: i64 },
    #[error("the share of running jobs, {0}, is not a finite number")]
    Share(f64),
}

impl Config {
    /// All that KEDA would refuse.
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
        match self.strategy {
            Strategy::Custom { running_share, .. } if !running_share.is_finite() => {
                out.push(ConfigError::Share(running_share));
            }
            _ => {}
        }
        out
    }

    /// What the triggers want together.
    #[must_use]
    pub fn wanted(&self, triggers: &[Trigger]) -> Wanted {
        let asks = |t: &Trigger| if t.target == 0.0 { 0.0 } else { (t.queue / t.target).min(self.max as f64) };
        let live = || triggers.iter().filter(|t| t.active);
        // Queue and jobs of the trigger that decides; none while every queue is empty.
        let (mut queue, mut jobs, mut active) = (0.0, 0.0, false);
        match self.combine {
            Combine::Max => {
                for t in live() {
                    if t.queue > queue {
                        (queue, jobs, active) = (t.queue, asks(t), true);
                    }
                }
            }
            Combine::Min => {
                for t in live() {
                    if queue == 0.0 || t.queue < queue {
                        (queue, jobs, active) = (t.queue, asks(t), true);
                    }
                }
            }
            Combine::Avg | Combine::Sum => {
                for t in live() {
                    (queue, jobs, active) = (queue + t.queue, jobs + asks(t), true);
                }
                let n = live().count();
                if self.combine == Combine::Avg && n > 0 {
                    (queue, jobs) = (queue / n as f64, jobs / n as f64);
                }
            }
        }
        Wanted {
            active: active || self.min > 0,
            scale_to: queue.ceil() as i64,
            max_scale: jobs.min(self.max as f64).ceil() as i64,
        }
    }

    /// How many more jobs the strategy allows. `running` counts unfinished jobs beyond the minimum, `pending` those
    /// without a running or completed pod. May be negative.
    #[must_use]
    pub fn effective(&self, max_scale: i64, running: i64, pending: i64) -> i64 {
        match self.strategy {
            Strategy::Default => max_scale - running,
            Strategy::Custom { deduction, running_share } => {
                // `as` cuts towards zero, which is the rule.
                (max_scale - deduction - (running as f64 * running_share) as i64).min(self.max)
            }
            Strategy::Accurate if max_scale + running - pending > self.max => self.max - running,
            Strategy::Accurate => max_scale - pending,
            Strategy::Eager => (self.max - running - pending).min(max_scale),
        }
    }

    /// One poll: how many jobs to start, with `running` unfinished jobs of which `pending` have not started.
    #[must_use]
    pub fn decide(&self, triggers: &[Trigger], running: i64, pending: i64) -> Decision {
        let wanted = self.wanted(triggers);
        let (effective, scale_to) = if running < self.min {
            (self.min - running, self.min - running)
        } else {
            let effective = self.effective(wanted.max_scale, running - self.min, pending).max(0);
            // The eager strategy fills up whatever the queue's length says.
            (effective, if self.strategy == Strategy::Eager { self.max } else { wanted.scale_to })
        };
        let start = if wanted.active { scale_to.min(effective).max(0) } else { 0 };
        Decision { wanted, effective, start }
    }
}

/// The mean of the targets of several triggers (`GetTargetAverageValue`); 0 when there are none.
#[must_use]
pub fn mean_target(targets: &[f64]) -> f64 {
    if targets.is_empty() { 0.0 } else { targets.iter().sum::<f64>() / targets.len() as f64 }
}
