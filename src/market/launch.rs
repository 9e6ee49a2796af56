//! Launches: whether one gets a node, what a refusal costs, and how long a node takes to boot.
//!
//! Failures cluster: they last as long as the shortage does (median 0.2 to 0.8 h, mean 0.5 to 12 h in the recorded
//! traces). A chance for each attempt understates that; an availability trace or [`LaunchFailure::OnOff`] does not.

use super::lifetime::OnOff;
use crate::kernel::{Dist, Stream};
use crate::units::Duration;

/// Whether launches fail, beside what an availability trace says.
#[derive(Clone, Debug, PartialEq)]
pub enum LaunchFailure {
    /// They do not.
    Never,
    /// Each with this probability, independently.
    Chance(f64),
    /// All of them while the market is down, none while it is up; hours.
    OnOff(OnOff),
}

/// How a pool's launches go.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Whether they fail.
    pub fail: LaunchFailure,
    /// From the request to the refusal.
    pub fail_latency: Duration,
    /// How long to wait before the next attempt.
    pub backoff: Backoff,
    /// How long a pool is passed over after a refusal or a reclaim.
    pub unavailable_for: Duration,
    /// The most nodes that the account may have. Waiting does not help against it.
    pub quota: Option<u32>,
    /// From the request to a node that works, in seconds.
    pub boot: Dist,
}

impl Launch {
    /// Karpenter passes an offering over for three minutes after a refusal or an interruption
    /// (`UnavailableOfferingsTTL` in aws/karpenter-provider-aws `pkg/cache/cache.go`).
    pub const UNAVAILABLE_FOR: Duration = Duration::from_secs(180);

    /// The usual rules with a boot time of this law in seconds: launches that do not fail, refusals after 30 s (10 to
    /// 60 s are seen; a guess), [`Backoff::SKYPILOT`], [`Launch::UNAVAILABLE_FOR`], no quota.
    #[must_use]
    pub fn new(boot: Dist) -> Launch {
        Launch {
            fail: LaunchFailure::Never,
            fail_latency: Duration::from_secs(30),
            backoff: Backoff::SKYPILOT,
            unavailable_for: Launch::UNAVAILABLE_FOR,
            quota: None,
            boot,
        }
    }
}

/// Waits between attempts that grow by a factor up to a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// Before the second attempt.
    pub first: Duration,
    /// Each further wait is so many times the one before.
    pub factor: f64,
    /// No wait is longer, before the jitter.
    pub max: Duration,
    /// A wait is multiplied by a number drawn evenly from 1 − jitter to 1 + jitter.
    pub jitter: f64,
}

impl Backoff {
    /// A first wait of 60 s (skypilot-org/skypilot `sky/jobs/recovery_strategy.py`); the factor, the limit of five
    /// minutes and the jitter are guesses.
    pub const SKYPILOT: Backoff =
        Backoff { first: Duration::from_secs(60), factor: 1.6, max: Duration::from_secs(300), jitter: 0.4 };

    /// The wait after an attempt, the first being 0. One draw.
    pub fn wait(&self, attempt: u32, s: &mut Stream) -> Duration {
        let u = s.uniform();
        let grown = self.first.0 as f64 * self.factor.powf(f64::from(attempt));
        let limited = if grown.is_nan() { self.first.0 as f64 } else { grown.min(self.max.0 as f64) };
        // `as` saturates, and a jitter above 1 cannot make a wait negative.
        Duration((limited * (1.0 + self.jitter * (2.0 * u - 1.0))).round() as u64)
    }
}
