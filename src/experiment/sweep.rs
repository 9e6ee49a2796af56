//! Sweeps: a scenario at many points of its settings, each run several times under the same luck.
//!
//! - [`axis`] and [`range`]: the values of a setting; [`design`]: the points that axes make; [`mod@file`]: a design as a file;
//! - [`metric`]: which figures are kept; [`record`]: what is swept and what each run came to, as files;
//! - [`mod@run`]: the runs, in parallel; [`result`]: what they say together.
//!
//! *Invariant:* nothing here opens a file. Results depend on the design, the scenario and the seed alone: not on threads, on
//! the order in which runs end, on interruptions, or on how a sweep was cut into shards.

pub mod axis;
pub mod design;
pub mod file;
pub mod metric;
pub mod range;
pub mod record;
pub mod result;
pub mod run;

pub use axis::Axis;
pub use design::Design;
pub use metric::Kept;
pub use record::{Plan, Run, Shard};
pub use result::{Estimate, Level, Swept};
