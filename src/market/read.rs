//! Readers of published traces, life logs and price histories.
//!
//! | format | what it is | availability | lives |
//! |---|---|---|---|
//! | [`TraceFormat::SpotTraces`] | `{"metadata": {"gap_seconds": 600}, "data": [0, 1, …]}` | yes, polarity needed | |
//! | [`TraceFormat::AddRemove`] | lines `ms,add\|remove,node` | yes | yes |
//! | [`TraceFormat::Counts`] | lines `ms,count` or `date,time,count` | yes | |
//! | [`TraceFormat::Instances`] | log lines of created, running and lost instances | yes | yes |
//! | [`TraceFormat::Lifetimes`] | JSON of instances with their `time_in_sec` | | yes |
//!
//! The trap of 0/1 traces is their polarity: in `skypilot-org/spot-traces` 1 is *available*; the copies inside the
//! simulator of the same paper (FrontierCS/Frontier-CS, `cant_be_late`) are inverted bit by bit, 1 is *preempted*. The
//! files look alike. So the polarity must be said.

mod input;
mod lines;
mod logs;
mod prices;
mod ticks;

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

pub use input::Input;

use super::availability::Availability;
use crate::units::{Diagnostic, Diagnostics, Duration, Rate, SourceMap};

/// What a 1 in a 0/1 trace means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// 1 (or N) is what is available.
    OneIsAvailable,
    /// 1 is a preemption: nothing is available.
    OneIsPreempted,
}

/// How a trace is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// By its first words.
    #[default]
    Detect,
    /// skypilot-org/spot-traces, and the windows of FrontierCS/Frontier-CS, which are inverted.
    SpotTraces,
    /// uclasystem/bamboo and Hsword/SpotServe: a node comes or goes.
    AddRemove,
    /// JF-D/Parcae (milliseconds) and bamboo's `gcloud` (date and time): how many are live.
    Counts,
    /// stanford-futuredata/training_on_a_dime: logs of instances that are kept alive.
    Instances,
    /// kadupitiya/goog-preemption-data: how long each instance lived.
    Lifetimes,
}

impl TraceFormat {
    /// All that a file can be.
    pub const ALL: [TraceFormat; 5] = [
        TraceFormat::SpotTraces,
        TraceFormat::AddRemove,
        TraceFormat::Counts,
        TraceFormat::Instances,
        TraceFormat::Lifetimes,
    ];

    /// The word for it in scenarios and on the command line.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            TraceFormat::Detect => "detect",
            TraceFormat::SpotTraces => "spot_traces",
            TraceFormat::AddRemove => "add_remove",
            TraceFormat::Counts => "counts",
            TraceFormat::Instances => "instances",
            TraceFormat::Lifetimes => "lifetimes",
        }
    }
}

impl fmt::Display for TraceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// How to read a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// The format.
    pub format: TraceFormat,
    /// What a 1 means: needed for [`TraceFormat::SpotTraces`].
    pub polarity: Option<Polarity>,
    /// The time between values that the file must have.
    pub gap: Option<Duration>,
    /// Put lines in order of time; otherwise a time before the one above it is an error.
    pub sort: bool,
}

/// A price from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PricePoint {
    /// Availability zone.
    pub zone: String,
    /// Instance type.
    pub instance: String,
    /// What runs on it, `Linux/UNIX`.
    pub product: String,
    /// Since when.
    pub at: Timestamp,
    /// USD per hour of the whole machine.
    pub usd_per_hour: Rate,
}

/// Reads what one place offers over time. With it come warnings.
///
/// # Errors
/// All that is wrong with the file, with its places.
pub fn read_availability(
    input: Input<'_>,
    how: How,
    sources: &mut SourceMap,
) -> Result<(Availability, Diagnostics), Diagnostics> {
    let text = input.into_text(sources)?;
    todo_format(text, how)
}

fn todo_format(_: input::Text, _: How) -> Result<(Availability, Diagnostics), Diagnostics> {
    Err(Diagnostic::error("not there yet").into())
}

/// Reads how long instances lived that were lost, in the order in which they died.
///
/// # Errors
/// All that is wrong with the file, with its places.
pub fn read_lifetimes(
    input: Input<'_>,
    how: How,
    sources: &mut SourceMap,
) -> Result<(Vec<Duration>, Diagnostics), Diagnostics> {
    let text = input.into_text(sources)?;
    let _ = (text, how);
    Err(Diagnostic::error("not there yet").into())
}

/// Reads price histories: AWS's `describe-spot-price-history` as JSON, or the CSV of change points by tick. Several
/// files are merged: in order of zone, instance type, product and time, equal points once.
///
/// # Errors
/// All that is wrong with the files, with their places.
pub fn read_price_history(
    inputs: Vec<Input<'_>>,
    sources: &mut SourceMap,
) -> Result<(Vec<PricePoint>, Diagnostics), Diagnostics> {
    let _ = (inputs, sources);
    Err(Diagnostic::error("not there yet").into())
}
