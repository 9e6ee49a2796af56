//! Scenario files: shapes, checks of form, names and meaning, and the model they resolve to.
//!
//! - [`mod@file`]: what may be written; [`decode`]: how it is read, described and reported;
//! - [`resolve`]: from what was written to the [`model`] that runs; [`load()`]: all of it, with overrides,
//!   variants and curves; [`Settings`]: the same for points of a sweep.
//!
//! *Invariant:* nothing here runs, prints or writes. Files are read where the scenario names them.

mod build;
mod curve;
pub mod decode;
pub mod file;
mod load;
pub mod model;
mod points;
pub mod resolve;

pub use curve::{Curve, CurveUnit, Point, numbers};
pub use load::{Loaded, load};
pub use points::Settings;
pub use resolve::Env;

/// The embedded quickstart: it needs no data.
pub const QUICKSTART: &str = include_str!("../scenarios/quickstart.ron");
