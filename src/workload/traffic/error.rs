//! Why parameters do not make traffic.

use super::lengths::MAX_TOKENS;
use crate::units::Name;
use crate::workload::synth::ArrivalError;

/// What is wrong with the parameters of a source.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrafficError {
    /// Something about its arrivals.
    #[error(transparent)]
    Arrivals(#[from] ArrivalError),
    /// A rate out of range.
    #[error("{0} requests a second is not a rate from 0 to 1e8")]
    Rate(f64),
    /// A rank correlation out of range.
    #[error("a rank correlation of {0} is not from -1 to 1")]
    Correlation(f64),
    /// A cap on a length.
    #[error("a cap of {0} tokens is not from 1 to {MAX_TOKENS}")]
    Cap(u32),
    /// A launch that is no spike.
    #[error("a launch adds {0} times the rate: not from 0 to 1e6")]
    Height(f64),
    /// A launch that decays too fast to follow.
    #[error("the rate of a launch must take at least 10 minutes to decay")]
    Decay,
    /// More launches than have numbers.
    #[error("{0} launches: at most 60 are possible")]
    TooManyLaunches(usize),
    /// Sessions with less than a turn.
    #[error("a session has {0} turns on average: not from 1 to 1e6")]
    Turns(f64),
    /// A context that the shared prompt fills.
    #[error("a shared prompt of {shared} tokens leaves no room in a context of {context}: at least 2 more are needed")]
    Context {
        /// Tokens of the shared prompt.
        shared: u32,
        /// The model's context.
        context: u32,
    },
    /// Nothing to do.
    #[error("a batch needs at least one request")]
    EmptyBatch,
    /// Runs at no time.
    #[error("a batch needs at least one run: name a time")]
    NoRuns,
    /// Runs that do not move on.
    #[error("the interval between runs must not be 0")]
    Interval,
    /// A key that two groups of labels set.
    #[error("label {0} is set by two groups of labels")]
    LabelTwice(Name),
    /// More sets of labels than an index holds.
    #[error("{0} sets of labels: at most 65535 are possible")]
    TooManyLabels(u128),
    /// Two sources of a name.
    #[error("two sources are named {0}")]
    SameName(Name),
    /// More sources than an index holds.
    #[error("{0} sources: at most 16384 are possible")]
    TooManySources(usize),
}
