//! A line of the bill, and the price it was billed at.

use serde::{Deserialize, Serialize};

use super::exact::{Exact, Money};
use crate::units::Activity;

/// Why money was charged: for what a GPU did, or for something that no simulated second explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeKind {
    /// GPU (or CPU) time in an activity.
    Activity(Activity),
    /// What granularity and minimum charges add to the seconds run.
    MinimumAndRounding,
    /// Time that the provider does not bill because it took the node back; negative.
    FreeReclaim,
    /// A commitment paid for and not used.
    UnusedCommitment,
    /// A cluster's control plane.
    ControlPlane,
    /// Storage.
    Storage,
    /// Data leaving a zone, region or provider.
    Egress,
    /// Tokens bought from an API.
    Tokens,
}

impl ChargeKind {
    /// The name in files: `productive`, `minimum_and_rounding`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            ChargeKind::Activity(a) => a.key(),
            ChargeKind::MinimumAndRounding => "minimum_and_rounding",
            ChargeKind::FreeReclaim => "free_reclaim",
            ChargeKind::UnusedCommitment => "unused_commitment",
            ChargeKind::ControlPlane => "control_plane",
            ChargeKind::Storage => "storage",
            ChargeKind::Egress => "egress",
            ChargeKind::Tokens => "tokens",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            ChargeKind::Activity(a) => a.title(),
            ChargeKind::MinimumAndRounding => "billing minimum and rounding",
            ChargeKind::FreeReclaim => "free reclaimed time",
            ChargeKind::UnusedCommitment => "unused commitment",
            ChargeKind::ControlPlane => "control plane",
            ChargeKind::Storage => "storage",
            ChargeKind::Egress => "egress",
            ChargeKind::Tokens => "tokens",
        }
    }
}

/// A line of the bill: one pool, one price, one activity, one payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Stable within the outcome: `c1`, `c2`, … in the order of the lines.
    pub id: String,
    /// The pool, or the fee's name where no pool is behind it.
    pub pool: String,
    /// What for.
    pub kind: ChargeKind,
    /// The workload that held the GPUs; none for the fleet's own waste and fees.
    pub workload: Option<String>,
    /// The labels of that work, `key=value`, ordered by key.
    pub labels: Vec<String>,
    /// Index into [`super::Outcome::prices`].
    pub price: Option<usize>,
    /// Milli-GPU·ns (milli-CPU·ns in a pool without GPUs); 0 for lines that no time explains.
    pub milli_ns: Exact,
    /// The amount.
    pub usd: Money,
    /// Whether using less would have saved it: false for what is owned or committed.
    pub avoidable: bool,
}

/// A price that was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRow {
    /// The pool it priced.
    pub pool: String,
    /// USD per hour of one billed unit.
    pub usd_per_hour: Money,
    /// What that unit is: `node of 8 GPUs`, `GPU`, `node of 64 cores`.
    pub per: String,
    /// Milli-GPU (milli-CPU in a pool without GPUs) of that unit: 8000 for a node of 8 GPUs; 0 for a fee.
    pub per_milli: u32,
    /// In force from, ns from the start of the window (0 when from before it).
    pub from_ns: u64,
    /// Where it comes from, with its date.
    pub source: String,
    /// How well it is known.
    pub evidence: String,
}
