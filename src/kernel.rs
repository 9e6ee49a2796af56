//! The event queue, random streams and statistics: everything that does not know what an event means.
//!
//! - [`queue`]: what happens next, and the clock;
//! - [`random`]: named streams of random numbers;
//! - [`dist`]: the laws that durations, sizes and gaps follow, and fitting them to a trace;
//! - [`integral`]: exact integrals over time, whole and by bucket;
//! - [`histogram`]: mergeable counts with quantiles;
//! - [`stats`]: moments, confidence intervals, quantiles, distance from a law.
//!
//! *Invariant:* imports `units` and nothing else of the house. The same calls give the same results, bit for bit.

pub mod dist;
pub mod histogram;
pub mod integral;
pub mod queue;
pub mod random;
pub mod stats;

pub use dist::{Dist, DistError};
pub use histogram::Histogram;
pub use integral::{Buckets, Integral};
pub use queue::{Queue, Timer};
pub use random::{Stream, Streams};
pub use stats::{Interval, Moments, StatsError, paired_interval, t_interval};
