//! Real jobs, read from the formats in which traces are published.
//!
//! A reader is an iterator: it takes a file row by row (gzip and zstd by their magic bytes) and yields [`Row`]s or
//! [`Diagnostics`] with the file and the line. [`open`] puts a reader's rows in order, cuts a window out of them and
//! makes a [`Trace`]: jobs whose times count from the start of the window.
//!
//! | format | jobs | order | times |
//! |---|---|---|---|
//! | [`openb`] | pods of a GPU-sharing cluster | sorted on reading | seconds from the trace's start |
//! | [`philly`] | training jobs | sorted on reading | local date and time |
//! | [`dlrm`] | inference instances | sorted on reading | seconds from the trace's start |
//! | [`mod@csv`] | ours | must be sorted, or ask for it | either |

pub mod csv;
pub mod dlrm;
pub mod openb;
pub mod philly;
mod read;
pub mod tables;
pub mod window;

use std::fmt;
use std::path::Path;

use jiff::civil::DateTime;
use serde::Serialize;

use super::job::Job;
use crate::units::{Diagnostic, Diagnostics, Duration, Label, SimTime, SourceMap};
pub use tables::Tables;

/// A format of trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// Pods of Alibaba's cluster-trace-gpu-v2023.
    Openb,
    /// Jobs of Microsoft's Philly, as the schedulers' artifacts ship them.
    Philly,
    /// Instances of Alibaba's cluster-trace-gpu-v2025 (disaggregated DLRM).
    Dlrm,
    /// The format of our own.
    Csv,
}

impl TraceFormat {
    /// All of them.
    pub const ALL: [TraceFormat; 4] = [TraceFormat::Openb, TraceFormat::Philly, TraceFormat::Dlrm, TraceFormat::Csv];

    /// The word for it in scenarios and on the command line.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            TraceFormat::Openb => "openb",
            TraceFormat::Philly => "philly",
            TraceFormat::Dlrm => "dlrm",
            TraceFormat::Csv => "csv",
        }
    }

    /// The columns by which a header is known to be of this format; also those that it cannot do without.
    #[must_use]
    pub const fn marks(self) -> &'static [&'static str] {
        match self {
            TraceFormat::Openb => openb::NEEDED,
            TraceFormat::Philly => philly::NEEDED,
            TraceFormat::Dlrm => dlrm::NEEDED,
            TraceFormat::Csv => csv::NEEDED,
        }
    }

    /// The format whose needed columns a header has; the first of [`TraceFormat::ALL`] when several do.
    #[must_use]
    pub fn detect(header: &[&str]) -> Option<TraceFormat> {
        TraceFormat::ALL.into_iter().find(|f| f.marks().iter().all(|m| header.contains(m)))
    }
}

impl fmt::Display for TraceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// How a row's job stood when the trace began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// It arrives at its time.
    #[default]
    Arrives,
    /// It runs already: its arrival lies before the trace, or before the window cut out of it.
    Running,
}

/// One row of a trace as its reader yields it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line in the file, the header being 1.
    pub line: u64,
    /// The job; its arrival on the trace's own clock (see [`Clock`]), its tables' indices into the reader's [`Tables`].
    pub job: Job,
    /// How long the trace says that it waited; `None` when it does not say.
    pub wait: Option<Duration>,
    /// Whether it runs when the trace begins.
    pub start: Start,
    /// Its end lies beyond the trace; its work is cut there.
    pub open_ended: bool,
}

/// What a reader's times count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// From the trace's own start.
    #[default]
    Relative,
    /// From 1970-01-01T00:00 on the clock of the place, which is not known further.
    Civil,
}

/// A moment of a trace as a user names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    /// So long after the trace's start: its time zero, or its first arrival where it has dates.
    After(Duration),
    /// A local date and time, where the trace has dates.
    At(DateTime),
}

/// What to do with a trace on reading. `Default` takes all of it as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Start of the window.
    pub from: Option<Moment>,
    /// End of the window, not in it.
    pub to: Option<Moment>,
    /// Sort our own format, which must be sorted otherwise.
    pub sort: bool,
    /// The most GPUs of a pod, where a format has only the GPUs of whole jobs.
    pub gpus_per_node: u8,
    /// Factor on all times, arrivals and durations.
    pub stretch: f64,
    /// Factor on the rate of arrivals; durations stay.
    pub rate: f64,
    /// The window so many times, one after the other.
    pub repeat: u32,
    /// At most so many jobs of the window.
    pub limit: Option<u64>,
    /// Priorities by the value of openb's `qos` column; a value that is not named has 0.
    pub qos_priority: Vec<(String, i32)>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            from: None,
            to: None,
            sort: false,
            gpus_per_node: 8,
            stretch: 1.0,
            rate: 1.0,
            repeat: 1,
            limit: None,
            qos_priority: Vec::new(),
        }
    }
}

/// The jobs of a trace, or of a window of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The format it was read in.
    pub format: TraceFormat,
    /// The jobs, ascending by arrival, times from the start of the window. First those running then, by when they had
    /// started, with the work that they had left; then those waiting; then those that arrive.
    pub jobs: Vec<Job>,
    /// How many of them run at the start.
    pub running_at_start: usize,
    /// How many of them had arrived before and wait at the start.
    pub waiting_at_start: usize,
    /// The wait that the trace recorded for each job; for those waiting at the start, what was left of it.
    pub waits: Vec<Option<Duration>>,
    /// Sets of devices by [`Job::accept`]; 0 is empty and accepts any.
    pub accepts: Vec<Vec<String>>,
    /// Sets of labels by [`Job::labels`], each ordered by key; 0 is empty.
    pub label_sets: Vec<Vec<Label>>,
    /// From the start of the window to its end or, where that is open, to the last arrival (for a trace that says how
    /// long it is, to its end).
    pub span: Duration,
    /// The local date and time of the start, where the trace has dates.
    pub origin: Option<DateTime>,
    /// Rows read.
    pub rows: u64,
    /// Rows that were earlier than the row before them.
    pub out_of_order: u64,
    /// Jobs over before the window.
    pub before: u64,
    /// Jobs that arrive after the window.
    pub after: u64,
    /// Jobs of the window whose end lies beyond the trace.
    pub open_ended: u64,
    /// What the user should know, a sentence each.
    pub notices: Vec<String>,
}

impl Trace {
    /// The jobs that arrive in the window: all but those that run or wait at its start.
    #[must_use]
    pub fn arriving(&self) -> &[Job] {
        &self.jobs[self.running_at_start + self.waiting_at_start..]
    }
}

/// What a reader knows beside its rows, once they are read.
pub trait Reader: Iterator<Item = Result<Row, Diagnostics>> {
    /// Which format it reads.
    fn format(&self) -> TraceFormat;
    /// What its times count from.
    fn clock(&self) -> Clock;
    /// How long the trace is, when the format says so.
    fn length(&self) -> Option<Duration>;
    /// The tables that the rows index.
    fn tables(&self) -> &Tables;
    /// Gives the tables away.
    fn take_tables(&mut self) -> Tables;
    /// Columns that were there and not used, and the like.
    fn notices(&self) -> Vec<String>;
    /// The texts that its diagnostics point into.
    fn sources(&self) -> &SourceMap;
}
