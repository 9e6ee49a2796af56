//! What KEDA tells the HPA when a trigger has failed too often (`pkg/fallback/fallback.go`).

use crate::policy::hpa::Target;

/// What to do when triggers fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// More consecutive failures than this, and the fallback is used.
    pub failure_threshold: u32,
    /// `fallback.replicas`.
    pub replicas: i32,
    /// How the replicas there are bear on it.
    pub behavior: FallbackBehavior,
}

/// How the replicas there are bear on a fallback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FallbackBehavior {
    /// Always the fallback's replicas.
    #[default]
    Static,
    /// Those there are.
    CurrentReplicas,
    /// The larger of the two.
    CurrentReplicasIfHigher,
    /// The smaller of the two.
    CurrentReplicasIfLower,
}

impl Fallback {
    /// How many replicas the HPA should come to.
    #[must_use]
    pub fn wanted(&self, current: i32) -> i32 {
        match self.behavior {
            FallbackBehavior::Static => self.replicas,
            FallbackBehavior::CurrentReplicas => current,
            FallbackBehavior::CurrentReplicasIfHigher => current.max(self.replicas),
            FallbackBehavior::CurrentReplicasIfLower => current.min(self.replicas),
        }
    }

    /// The metric, in thousandths, from which the HPA computes the wanted replicas: the target times as many. A target
    /// for the whole is measured against ready pods, so the replicas are divided by them first; the product is cut off.
    /// `None`, an error, while there have not been enough failures, and for a whole without ready pods.
    #[must_use]
    pub fn answer(&self, failures: u32, target: Target, current: i32, ready: i32) -> Option<i64> {
        if failures <= self.failure_threshold {
            return None;
        }
        let wanted = self.wanted(current);
        match target {
            Target::AverageValue(t) => Some(t.saturating_mul(i64::from(wanted))),
            Target::Value(_) if ready <= 0 => None,
            Target::Value(t) => Some((t as f64 * (f64::from(wanted) / f64::from(ready))) as i64),
        }
    }
}
