//! Rows as they happen: a run never collects them in memory, whoever wants them takes them.

use crate::units::{Activity, SimTime, Usd};

/// How a job left, or where it stood when the window closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobEnd {
    /// Completed.
    Done,
    /// Failed for its own reasons.
    Failed,
    /// Cancelled or withdrawn.
    Cancelled,
    /// Could never run.
    Rejected,
    /// Still running at the end.
    Running,
    /// Still waiting at the end.
    Queued,
}

impl JobEnd {
    /// The name in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            JobEnd::Done => "done",
            JobEnd::Failed => "failed",
            JobEnd::Cancelled => "cancelled",
            JobEnd::Rejected => "rejected",
            JobEnd::Running => "running",
            JobEnd::Queued => "queued",
        }
    }
}

/// A job when it leaves (or at the end of the run). Times are the run's clock.
#[derive(Clone, Debug)]
pub struct JobRow<'a> {
    /// Ordinal of the job within its workload, from 0.
    pub ordinal: u64,
    /// Its workload.
    pub workload: &'a str,
    /// Its labels, `key=value`.
    pub labels: &'a [String],
    /// Arrival.
    pub arrive: SimTime,
    /// First start, if it started.
    pub start: Option<SimTime>,
    /// When it left, or the end of the run.
    pub end: SimTime,
    /// How.
    pub state: JobEnd,
    /// Pods.
    pub pods: u16,
    /// Milli-GPU of the whole gang.
    pub milli: u64,
    /// The pool of its first pod, when it ran.
    pub pool: Option<&'a str>,
    /// The nodes of its last attempt, by name.
    pub nodes: &'a [String],
    /// Times it was started.
    pub attempts: u32,
    /// What it was charged within the window, rounded to a pico-dollar; the bill's own lines are exact.
    pub usd: Usd,
    /// Milli-unit·ns by activity within the window.
    pub activity: &'a [u128; Activity::COUNT],
}

/// A stretch of time of one job on one pool, all spent alike. Times are the run's clock, not cut to the window.
#[derive(Clone, Copy, Debug)]
pub struct StretchRow<'a> {
    /// Ordinal of the job within its workload, from 0.
    pub ordinal: u64,
    /// Its workload.
    pub workload: &'a str,
    /// The pool of its first pod.
    pub pool: &'a str,
    /// Its market: `on-demand`, `spot`, `owned`.
    pub market: &'a str,
    /// From when.
    pub from: SimTime,
    /// Until when.
    pub to: SimTime,
    /// What it was spent on.
    pub activity: Activity,
    /// Milli-units held, over all of its pools.
    pub milli: u64,
    /// Pods.
    pub nodes: usize,
}

/// A node changed its state.
#[derive(Clone, Copy, Debug)]
pub struct NodeRow<'a> {
    /// Its pool.
    pub pool: &'a str,
    /// Its ordinal within the pool.
    pub ordinal: u32,
    /// When.
    pub at: SimTime,
    /// What it is from now on: `ready`, `booting`, `held`, `draining`, `broken`, `away`.
    pub state: &'static str,
    /// Why, where something happened to it: `capacity`, `hardware`, …
    pub cause: Option<&'static str>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The clock.
    pub now: SimTime,
    /// Where it ends.
    pub end: SimTime,
    /// Events handled so far.
    pub events: u64,
}

/// Receives rows while a run goes on.
pub trait Recorder {
    /// Whether job rows are wanted: when not, the run does not build them.
    fn wants_jobs(&self) -> bool {
        false
    }
    /// Whether stretches and changes of nodes are wanted.
    fn wants_stretches(&self) -> bool {
        false
    }
    /// A job left, or the run ended with it.
    fn job(&mut self, _row: &JobRow<'_>) {}
    /// A job spent a stretch of time on something; told when it is over.
    fn stretch(&mut self, _row: &StretchRow<'_>) {}
    /// A node changed its state.
    fn node(&mut self, _row: &NodeRow<'_>) {}
    /// Called every few tens of thousands of events. Returning false stops the run early; what was simulated is kept.
    fn progress(&mut self, _p: Progress) -> bool {
        true
    }
}

/// A recorder that wants nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;
impl Recorder for Silent {}
