//! kube-scheduler's own rules that others build on, by themselves.
//!
//! - [`score`]: how the plugin `NodeResourcesFit` scores a node for a pod, from the pod's containers and any resources
//!   with weights;
//! - [`preempt`]: which node a pod of higher priority takes, and which pods go there;
//! - [`backoff`]: when a pod that fitted nowhere is looked at again.
//!
//! Rules: kubernetes/kubernetes, `pkg/scheduler/framework/plugins/{noderesources,defaultpreemption}` and
//! `pkg/scheduler/framework/preemption`. The formulas themselves are [`least_allocated`] and [`most_allocated`], which the
//! placement engine uses too.
//!
//! [`least_allocated`]: crate::policy::placement::score::least_allocated
//! [`most_allocated`]: crate::policy::placement::score::most_allocated

pub mod preempt;
pub mod score;
#[cfg(test)]
mod tests;

use crate::units::Duration;

/// `podInitialBackoffSeconds`; 1 s (`apis/config/v1/defaults.go`).
pub const BACKOFF: Duration = Duration::from_secs(1);
/// `podMaxBackoffSeconds`; 10 s (`apis/config/v1/defaults.go`).
pub const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// How long a pod waits after so many failed attempts: 1 s, doubled by each, at most 10 s.
#[must_use]
pub fn backoff(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        n => Duration(BACKOFF.0.saturating_mul(1 << (n - 1).min(32)).min(BACKOFF_MAX.0)),
    }
}
