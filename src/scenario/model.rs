//! What the simulator runs: everything resolved, interned and checked; no files, no names to look up.

mod nodes;
mod run;
pub mod service;
mod share;
mod supply;

use std::sync::Arc;

use crate::fleet::{Capacity, Cut, Free, IslandId, PoolId, PoolSet};
use crate::market::Shock;
pub use nodes::{ClusterAutoscaler, Descheduler, Disruption, Karpenter, NODE_POOL, NodeAutoscaler, Offer};
pub use run::{Buying, Checkpoint, OnNotice, Run, Store};
pub use service::Service;
pub use share::{Share, Slice, Turns};
pub use supply::{Staffing, Supply};

pub use crate::ledger::{Metering, Power, PriceStep, Tariff, Unit};
use crate::outcome::EvidenceNote;
use crate::policy::placement::{PlacementPolicy, Ties};
use crate::policy::queue::QueuePolicy;
use crate::units::{Duration, Label, Rate, SimTime, Usd};
use crate::workload::Job;
use crate::workload::synth::Synth;

/// A scenario, ready to run. The run's clock starts `warmup` before the measured window.
#[derive(Clone, Debug)]
pub struct Model {
    /// The scenario's name.
    pub name: String,
    /// The variant's name, when it is one.
    pub variant: Option<String>,
    /// When the measured window starts.
    pub start: jiff::Zoned,
    /// Simulated before the window and left out of every figure.
    pub warmup: Duration,
    /// Length of the measured window.
    pub horizon: Duration,
    /// Pools, at most [`PoolSet::MAX`].
    pub pools: Vec<Pool>,
    /// Nodes there from the epoch, in the scenario's order.
    pub nodes: Vec<NodeSpec>,
    /// What takes several nodes at once.
    pub shocks: Vec<Shock>,
    /// Stores that checkpoints are written to.
    pub stores: Vec<Store>,
    /// Whether the run is over, and its window with it, when all jobs that will ever arrive have left.
    pub ends_with_work: bool,
    /// How many draws of luck a run of it reports; at least 1.
    pub replications: u32,
    /// Dated changes of the fleet, ascending by time.
    pub changes: Vec<Change>,
    /// In which order the queue is served, and what happens behind a job that does not fit.
    pub queue: QueuePolicy,
    /// Where pods go.
    pub placement: PlacementPolicy,
    /// Which node wins among equals.
    pub ties: Ties,
    /// Seed of a shuffled tie order; the run's own when none.
    pub tie_seed: Option<u64>,
    /// Who sizes pools that are scaled.
    pub node_autoscaler: Option<NodeAutoscaler>,
    /// What moves pods to even out nodes.
    pub descheduler: Option<Descheduler>,
    /// Limits on what work with a label may hold at once.
    pub quotas: Vec<Quota>,
    /// Where jobs come from.
    pub work: Vec<Work>,
    /// Services, each with a workload whose jobs are its replicas.
    pub services: Vec<Service>,
    /// Budgets.
    pub budgets: Vec<Budget>,
    /// Standing fees.
    pub fees: Vec<Fee>,
    /// Width of a bucket of the series.
    pub bucket: Duration,
    /// How well the inputs are known.
    pub evidence: Vec<EvidenceNote>,
}

/// A pool of like nodes at one price.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// The device's canonical name, or `cpu`.
    pub device: String,
    /// The instance type, when it has one.
    pub instance: Option<String>,
    /// The zone, when it says so.
    pub zone: Option<String>,
    /// `on-demand`, `spot`, `owned`.
    pub market: String,
    /// What it costs, and in which unit.
    pub tariff: Tariff,
    /// Power drawn by its devices.
    pub power: Power,
    /// How its nodes come and go; none when they stay.
    pub supply: Option<Box<Supply>>,
    /// How its GPUs are shared out; none where whole and by thousandths.
    pub share: Option<Arc<Share>>,
}

/// A node to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// Its pool.
    pub pool: PoolId,
    /// Its island.
    pub island: IslandId,
    /// What it has.
    pub capacity: Capacity,
}

/// A dated change of the fleet.
#[derive(Clone, Debug)]
pub struct Change {
    /// When, on the run's clock.
    pub at: SimTime,
    /// What.
    pub kind: ChangeKind,
}

/// A delivery or a retirement.
#[derive(Clone, Debug)]
pub enum ChangeKind {
    /// Nodes arrive, and take work once booted.
    Add {
        /// Which.
        nodes: Vec<NodeSpec>,
        /// Billed and unable to work for this long.
        boot: Duration,
    },
    /// Nodes leave: cordoned at once, gone when empty or when the grace is over.
    Remove {
        /// From which pool.
        pool: PoolId,
        /// How many: the emptiest first, then the newest.
        count: u32,
        /// What still runs after this long is stopped and queued again; for ever when `Duration(u64::MAX)`.
        grace: Duration,
    },
    /// GPUs are cut anew: nodes are cordoned at once, and cut when empty.
    Recut {
        /// Of which pool.
        pool: PoolId,
        /// The places of each GPU afterwards.
        cut: Arc<Cut>,
        /// What still runs after this long is stopped and queued again; for ever when `Duration(u64::MAX)`.
        grace: Duration,
        /// How long a node takes no pods once it is empty.
        takes: Duration,
    },
}

/// A limit on the GPUs that work with a label may hold at once.
#[derive(Clone, Debug)]
pub struct Quota {
    /// Which work.
    pub label: Label,
    /// Milli-GPU.
    pub milli: u64,
}

/// A stream of jobs.
#[derive(Clone, Debug)]
pub struct Work {
    /// Its name.
    pub name: String,
    /// Where they come from.
    pub source: Source,
    /// Pools they may use, in tiers: a tier opens when a job has waited that long. The first opens at once.
    pub tiers: Vec<Tier>,
    /// For each of the source's accepted device sets, the pools whose device is in it.
    pub accepts: Vec<PoolSet>,
    /// For each of the source's label sets, all labels of such a job, sorted by key.
    pub labels: Vec<Vec<Label>>,
    /// Speed on each pool's device relative to the reference of the job's work.
    pub speed: Vec<f64>,
    /// Whether a gang must be placed within one island.
    pub one_island: bool,
    /// The wait it promises and to which share of jobs.
    pub wait_target: Option<(Duration, f64)>,
    /// How its pods bear that their node goes.
    pub disruption: Disruption,
    /// How its jobs keep their progress; none when an interruption takes all of it.
    pub run: Option<Arc<Run>>,
    /// The share of its work that takes as long on a slice of a GPU as on all of it, 0 to 1.
    pub unsliced: f64,
}

/// Where jobs come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A trace, sorted by arrival, on the run's clock.
    Jobs(Arc<[Job]>),
    /// Drawn from parameters.
    Synth(Box<Synth>),
    /// A service's replicas, which its scaler makes: index into [`Model::services`].
    Service(u16),
}

/// Pools that open after a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Which.
    pub pools: PoolSet,
    /// After how long in the queue.
    pub after: Duration,
}

/// A budget.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// The work it covers; everything, fleet waste and fees included, when none.
    pub label: Option<Label>,
    /// The amount for the window.
    pub amount: Usd,
    /// What it covers, in words: `everything, pro rata of 620,000 USD a month`.
    pub scope: String,
}

/// A standing fee, billed by the hour.
#[derive(Clone, Debug)]
pub struct Fee {
    /// e.g. `EKS control plane`.
    pub name: String,
    /// Per hour.
    pub rate: Rate,
    /// Source and date.
    pub source: String,
    /// Evidence grade.
    pub evidence: String,
}

impl Model {
    /// Where the measured window starts on the run's clock.
    #[must_use]
    pub fn window_start(&self) -> SimTime {
        SimTime(self.warmup.0)
    }
    /// The pools that jobs of a workload with these accepted devices may use when so many of its tiers are open.
    #[must_use]
    pub fn open_pools(&self, work: usize, accept: u16, tiers: usize) -> PoolSet {
        let w = &self.work[work];
        let open = w.tiers.iter().take(tiers).fold(PoolSet::EMPTY, |s, t| s.or(t.pools));
        open.and(w.accepts[accept as usize]).and(PoolSet::first(self.pools.len()))
    }

    /// How many such pods an empty node of a pool holds, as its GPUs are cut or ever will be.
    #[must_use]
    pub fn slots(&self, pool: PoolId, capacity: Capacity, r: &crate::workload::Request) -> u32 {
        let first = self.pools[usize::from(pool.0)].share.as_deref().map(|s| &*s.cut);
        let later = self.changes.iter().filter_map(|c| match &c.kind {
            ChangeKind::Recut { pool: p, cut, .. } if *p == pool => Some(&**cut),
            _ => None,
        });
        let count = |cut: Option<&Cut>| Free::with_cut(capacity, cut).count(cut, r);
        later.map(|cut| count(Some(cut))).fold(count(first), u32::max)
    }

    /// Every node that is there at the start or will ever be delivered.
    pub fn all_nodes(&self) -> impl Iterator<Item = &NodeSpec> {
        let later = self.changes.iter().flat_map(|c| match &c.kind {
            ChangeKind::Add { nodes, .. } => nodes.as_slice(),
            ChangeKind::Remove { .. } | ChangeKind::Recut { .. } => &[],
        });
        self.nodes.iter().chain(later)
    }
    /// Where the run ends.
    #[must_use]
    pub fn end(&self) -> SimTime {
        self.window_start() + self.horizon
    }
}
