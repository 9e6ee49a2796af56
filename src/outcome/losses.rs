//! What was taken back, what broke, and what it cost: by pool and by workload.

use serde::{Deserialize, Serialize};

use super::exact::{Exact, Money};
use crate::kernel::Histogram;
use crate::units::Activity;

/// Launches, losses and lives of a pool's nodes within the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolLosses {
    /// Nodes launched.
    pub launches: u64,
    /// Launches that the provider refused.
    pub launches_failed: u64,
    /// Nodes lost, by cause, in the order of [`crate::market::Cause::ALL`].
    pub lost: Vec<u64>,
    /// Node·ns that nodes were there and at risk.
    pub up_ns: Exact,
    /// Lives of nodes from launch to loss, ns; those given back or still there are in `survived`.
    pub lives: Histogram,
    /// Ages of nodes that were given back, or were there at the end, ns: censored lives.
    pub survived: Histogram,
    /// From the launch until the node took work, ns: nodes that came to that within the window. Empty in outcomes written
    /// before it was counted.
    #[serde(default)]
    pub boots: Histogram,
}

impl PoolLosses {
    /// Nodes lost for any cause.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lost.iter().sum()
    }

    /// Mean time to a loss in node-hours: exposure over losses. None without a loss.
    #[must_use]
    pub fn mean_hours_to_loss(&self) -> Option<f64> {
        let n = self.total();
        (n > 0).then(|| self.up_ns.0 as f64 / 3.6e12 / n as f64)
    }
}

/// Interruptions, restarts, saves and deadlines of a workload's runs within the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunOutcome {
    /// Interruptions by cause, in the order of [`crate::market::Cause::ALL`].
    pub interruptions: Vec<u64>,
    /// Milli-unit·ns by stage of setting up, in the order of [`crate::training::restart::Stage::ALL`].
    pub stages: Vec<Exact>,
    /// Checkpoints that became durable.
    pub checkpoints: u64,
    /// Saves on notice that were durable in time.
    pub saves: u64,
    /// Saves on notice that were not.
    pub saves_failed: u64,
    /// From the notice until the progress was safe, ns: the saves that made it.
    pub notice_to_safe: Histogram,
    /// Jobs that met their deadline.
    pub deadline_met: u64,
    /// Jobs whose deadline passed before they had finished.
    pub deadline_missed: u64,
    /// The runs that ended or still ran, in the order in which they left: the first thousand.
    pub finishes: Vec<Finish>,
    /// The interruptions that cost most, dearest first: five.
    pub worst: Vec<Loss>,
    /// What the first runs did, in the order in which stretches ended: the first twenty thousand. Only for runs that buy
    /// their own capacity.
    pub timeline: Vec<Stretch>,
}

/// A run that ended, or where it stood.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// Ordinal of the job within its workload.
    pub ordinal: u64,
    /// Its arrival, ns from the start of the window (0 when before it).
    pub arrive_ns: u64,
    /// When it ended, ns from the start of the window.
    pub end_ns: u64,
    /// Whether it completed.
    pub done: bool,
    /// Whether it met its deadline, where it has one and the answer is known.
    pub met: Option<bool>,
    /// Times it was started.
    pub attempts: u32,
}

/// An interruption and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// When, ns from the start of the window.
    pub at_ns: u64,
    /// The pool of the node that was lost.
    pub pool: String,
    /// The cause's key.
    pub cause: String,
    /// Ordinal of the job within its workload.
    pub ordinal: u64,
    /// Nodes lost at that instant.
    pub nodes: u32,
    /// Milli-unit·ns of work thrown away.
    pub lost: Exact,
    /// Milli-unit·ns of setting up again.
    pub restart: Exact,
    /// What both cost.
    pub usd: Money,
}

/// A stretch of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// Ordinal of the job within its workload.
    pub ordinal: u64,
    /// The pool; empty while it waits.
    pub pool: String,
    /// `spot`, `on-demand`, `owned`; empty while it waits.
    pub market: String,
    /// What it did; none while it waits without capacity.
    pub activity: Option<Activity>,
    /// From, ns from the start of the window.
    pub from_ns: u64,
    /// To.
    pub to_ns: u64,
}
