//! The Vertical Pod Autoscaler, by itself: what a container should ask for, and when its pod is evicted to get that.
//!
//! - [`histogram`]: buckets of usage, decaying with time;
//! - [`Container`]: what is gathered of one container: CPU samples, the memory peak of each day, OOM kills;
//! - [`Recommender`]: targets and bounds from that, with [`Confidence`] widening the bounds while there is little of it;
//! - [`updater`]: which pods are evicted, in what order, and how many at once.
//!
//! Rules: kubernetes/autoscaler, `vertical-pod-autoscaler/pkg/{recommender,updater}`. The recommender is to be called
//! every [`INTERVAL`], 1 minute, with all samples since; the updater as often. It knows CPU and memory only: GPUs are not
//! its business. Not modelled: checkpoints, histories from Prometheus, in-place updates, the eviction rate limit (off by
//! default).
//!
//! Histograms and estimates are doubles, as upstream's are; amounts are whole milli-CPU and bytes, cut off where upstream
//! cuts them off.

mod container;
mod estimate;
pub mod histogram;
#[cfg(test)]
mod tests;
pub mod updater;

pub use container::{Container, MemoryConfig};
pub use estimate::{Bounds, Confidence, ConfigError, Estimate, Policy, Recommender, Shift};

use crate::units::Duration;

/// How often the recommender and the updater look (`--recommender-interval`, `--updater-interval`).
pub const INTERVAL: Duration = Duration::from_secs(60);

/// Amounts of what the VPA looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Milli-CPU.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory: i64,
}
