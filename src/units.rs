//! Quantities, names and messages: the vocabulary every other room speaks.
//!
//! *Invariant:* nothing here knows of events, files, fleets or policies. Time and money are integers; a
//! quantity that could be confused with another has a type of its own.

pub mod activity;
pub mod diagnostic;
pub mod money;
pub mod name;
pub mod resource;
pub mod time;

pub use activity::{Activity, Group};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, SourceId, SourceMap, Span, nearest};
pub use money::{Rate, Usd, priced, split_largest_remainder};
pub use name::{Label, Name, NameError};
pub use resource::{Bytes, Fraction, MilliCpu, MilliGpu};
pub use time::{Duration, SimTime};
