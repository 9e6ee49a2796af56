//! Many runs of a model, and what they say together: how luck moves a result, and what a setting does to it.
//!
//! - [`mod@replicate`]: the same model under many lucks, in parallel, in order;
//! - [`exact`]: intervals for quantiles and shares that rest on the binomial law alone;
//! - [`luck`]: what a model's replications say of finish times, deadlines and cost;
//! - [`curve`]: the same over the values of a setting;
//! - [`mod@sweep`]: the same over many settings at once, in parts that can be resumed, shared out and merged;
//! - [`compare`]: two candidates pair by pair: verdicts, gates, why a bill changed;
//! - [`closed`]: what a formula says of the same run, where one is known.
//!
//! *Invariants:* replication `r` of every candidate meets the same luck (common random numbers). No result depends on how
//! many threads there are. A run that the horizon cut off is counted as such and never dropped.

pub mod closed;
pub mod compare;
pub mod curve;
pub mod exact;
#[cfg(test)]
pub(crate) mod fixture;
pub mod luck;
pub mod replicate;
pub mod sweep;

pub use closed::Closed;
pub use curve::{CurveOutcome, PointOutcome};
pub use exact::{Bound, Quantile};
pub use luck::{Candidate, Luck, Rep, WorkLuck, WorkRep};
pub use replicate::{Control, replicate};
