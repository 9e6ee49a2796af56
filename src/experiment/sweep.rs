//! Sweeps: a scenario at many points of its settings, each run several times under the same luck.
//!
//! - [`axis`] and [`range`]: the values of a setting; [`design`]: the points that axes make; [`file`]: a design as a file;
//!
//! *Invariant:* nothing here opens a file. Results depend on the design, the scenario and the seed alone: not on threads, on
//! the order in which runs end, on interruptions, or on how a sweep was cut into shards.

pub mod axis;
pub mod design;
pub mod file;
pub mod range;

pub use axis::Axis;
pub use design::Design;
