//! What a training run does beside computing: checkpoints, setting up again, buying its capacity.

use crate::kernel::Dist;
use crate::policy::spot::diversify::Allocation;
use crate::policy::spot::{Purchase, split::OnDemandBase};
use crate::training::progress::Pace;
use crate::training::restart::Stage;
use crate::units::{Duration, Rate, Usd};

/// How the runs of a workload keep their progress and get going again.
#[derive(Clone, Debug)]
pub struct Run {
    /// How they checkpoint.
    pub checkpoint: Checkpoint,
    /// What they go through before they compute, in order; seconds. Stages that a first start does not have are left out
    /// of it ([`Stage::on_first_start`]).
    pub stages: Vec<(Stage, Dist)>,
    /// Compute given up for redundancy, in parts per million of the time.
    pub redundancy_ppm: u32,
    /// How they buy capacity; none for runs that wait for a fleet's own nodes.
    pub buying: Option<Box<Buying>>,
}

/// How progress is kept.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// Intervals and stalls, when nobody else writes to the store.
    pub pace: Pace,
    /// What one holds.
    pub bytes: u64,
    /// The store it is written to, index into [`super::Model::stores`]; none where writing never waits for others.
    pub store: Option<u16>,
    /// What one run can write at, bytes a second, where a store is shared.
    pub own_bps: u64,
    /// A save when a reclaim is announced.
    pub on_notice: Option<OnNotice>,
    /// Copies in the memory of peers: by groups of so many nodes. A loss that leaves one of every group takes nothing.
    pub peers: Option<u32>,
    /// How many are kept; what they cost is a charge of its own.
    pub keep: u32,
    /// USD for the bytes of one checkpoint kept for an hour.
    pub storage: Rate,
    /// By pool, what moving one checkpoint between it and the store costs.
    pub egress: Vec<Usd>,
}

/// A save when a reclaim is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnNotice {
    /// Until the step in flight is over and writing begins.
    pub drain: Duration,
    /// How long writing takes when nobody else writes.
    pub write: Duration,
    /// Whether an early signal is enough.
    pub early: bool,
}

/// How a run buys capacity.
#[derive(Clone, Debug)]
pub struct Buying {
    /// Which market it wants when.
    pub purchase: Purchase,
    /// How often it decides, from its arrival; also whenever something happens to it.
    pub tick: Duration,
    /// When it should have finished, from its arrival.
    pub deadline: Option<Duration>,
    /// What it takes a launch to cost in time, for its plans.
    pub overhead: Duration,
    /// What becomes of the nodes that are left when a gang loses one: kept and billed while it waits, or given back.
    pub hold_survivors: bool,
    /// The least nodes it can compute on; all of them unless it is elastic.
    pub least: u16,
    /// By count of nodes from 1, how fast it computes relative to all of them; empty when linear.
    pub efficiency: Vec<f64>,
    /// Of its nodes, those that are always on demand.
    pub base: Option<OnDemandBase>,
    /// Which pools of a market it launches in.
    pub allocation: Allocation,
    /// Whether its nodes are spread over the pools of a market.
    pub spread: bool,
}

/// A store that checkpoints are written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its name.
    pub name: String,
    /// What all writers together get, bytes a second.
    pub total_bps: u64,
}
