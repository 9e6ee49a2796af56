//! What a run yields: plain, versioned data, and the trait that receives rows while it runs.
//!
//! *Invariant:* an outcome does not know how it was made. Amounts of money and integrals of GPU time are exact integers
//! (written as decimal strings where JSON's numbers would lose digits); figures for people are derived on demand.

pub mod charge;
pub mod exact;
pub mod losses;
pub mod metric;
pub mod nodes;
pub mod recorder;
pub mod service;
pub mod slices;
pub mod split;

use serde::{Deserialize, Serialize};

pub use charge::{Charge, ChargeKind, PriceRow};
pub use exact::{Exact, Money};
pub use losses::{Finish, Loss, PoolLosses, RunOutcome, Stretch};
pub use metric::{Direction, Metric, metrics};
pub use nodes::{DisruptionCost, NodeScaling};
pub use recorder::{JobEnd, JobRow, NodeRow, Progress, Recorder, Silent, StretchRow};
pub use service::{DeploymentOutcome, Promise, ServiceOutcome, SloOutcome, StartStage};
pub use slices::{SliceKind, SliceOutcome, Slowdown};
pub use split::{Part, SplitRow, WorkLosses};

use crate::kernel::Histogram;
use crate::units::{Activity, Usd};

/// The version of [`Outcome`]'s JSON form. Raised when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// Milli-GPU nanoseconds in a GPU-hour.
pub const MILLI_NS_PER_GPU_HOUR: f64 = 3.6e15;

/// Everything a run yields. Figures cover the measured window: the warm-up is excluded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// [`VERSION`].
    pub version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The variant's name, when it is one.
    pub variant: Option<String>,
    /// Seed of the run.
    pub seed: u64,
    /// Which replication of that seed, from 0.
    pub replication: u32,
    /// Start of the measured window, civil time in `tz`, e.g. `2026-10-05T00:00:00`.
    pub start: String,
    /// IANA name of the scenario's time zone.
    pub tz: String,
    /// Length of the measured window, ns.
    pub horizon_ns: u64,
    /// One for each pool, in the scenario's order.
    pub pools: Vec<PoolOutcome>,
    /// One for each workload, in the scenario's order.
    pub work: Vec<WorkOutcome>,
    /// Every line of the bill. Their sum is [`Outcome::bill`], exactly.
    pub charges: Vec<Charge>,
    /// The prices that the charges refer to by index.
    pub prices: Vec<PriceRow>,
    /// What became of the jobs.
    pub jobs: JobCounts,
    /// Waits by gang size, ascending.
    pub waits: Vec<WaitClass>,
    /// The queue's own bookkeeping, for Little's law.
    pub queue: QueueTally,
    /// Series over the window.
    pub series: Series,
    /// What the autoscaler of nodes did, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<NodeScaling>,
    /// Budgets and when they are crossed.
    pub budgets: Vec<BudgetOutcome>,
    /// Inputs by how well they are known, weakest first.
    pub evidence: Vec<EvidenceNote>,
    /// Events handled, warm-up included.
    pub events: u64,
    /// FNV-1a over every event handled, in order: two runs that agree have the same.
    #[serde(with = "exact::hex")]
    pub fingerprint: u64,
    /// Things worth knowing about the run: what the horizon cut off, what was rejected and why.
    pub notices: Vec<String>,
}

/// What became of the jobs: `arrived + running_at_start + queued_at_start` equals the sum of the other six.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCounts {
    /// Running when the measured window began.
    pub running_at_start: u64,
    /// Waiting when the measured window began.
    pub queued_at_start: u64,
    /// Arrived within the window.
    pub arrived: u64,
    /// Completed.
    pub done: u64,
    /// Failed for their own reasons.
    pub failed: u64,
    /// Cancelled while running, or withdrawn from the queue.
    pub cancelled: u64,
    /// Could never run: larger than the fleet or their quota.
    pub rejected: u64,
    /// Still running when the window ended.
    pub running_at_end: u64,
    /// Still waiting when the window ended.
    pub queued_at_end: u64,
    /// Times a running job was pushed out by another.
    pub preemptions: u64,
    /// Times a running job lost a node, or stopped to save itself before it did.
    #[serde(default)]
    pub interruptions: u64,
}

/// A pool over the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolOutcome {
    /// Its name.
    pub name: String,
    /// The device's canonical name, or `cpu`.
    pub device: String,
    /// The instance type, when it has one.
    pub instance: Option<String>,
    /// `on-demand`, `spot` or `owned`.
    pub market: String,
    /// What one billed unit is: `gpu` (milli-GPU) or, in a pool without GPUs, `cpu` (milli-CPU).
    pub unit: String,
    /// Nodes at the start of the window.
    pub nodes_at_start: u32,
    /// The most nodes billed at once.
    pub nodes_max: u32,
    /// Units (GPUs) at the start of the window.
    pub units_at_start: f64,
    /// Milli-unit·ns by activity, in the order of [`Activity::ALL`]. Their sum is `capacity`, exactly.
    pub activity: Vec<Exact>,
    /// Milli-unit·ns billed.
    pub capacity: Exact,
    /// Milli-unit·ns of true use × 1e6 (parts per million of compute at work).
    pub busy_ppm: Exact,
    /// Milli-unit·ns × 1e6 in which a dashboard's sample sees a kernel.
    pub sampled_ppm: Exact,
    /// What the pool cost.
    pub bill: Money,
    /// Part of `bill` that freeing capacity would not save (owned).
    pub sunk: Money,
    /// Energy of its GPUs, before PUE, in micro-watt·ns.
    pub energy_uw_ns: Exact,
    /// Power usage effectiveness used for the facility's energy.
    pub pue: f64,
    /// Waits of the jobs that started here, ns.
    pub waits: Histogram,
    /// Jobs that started here.
    pub started: u64,
    /// Launches, losses and lives of its nodes, where they come and go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub losses: Option<PoolLosses>,
    /// Who held which slices, where its GPUs are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<Box<SliceOutcome>>,
}

impl PoolOutcome {
    /// GPU-hours (or CPU-core-hours) of an activity.
    #[must_use]
    pub fn hours(&self, a: Activity) -> f64 {
        self.activity[a as usize].0 as f64 / MILLI_NS_PER_GPU_HOUR
    }

    /// Milli-unit·ns held by jobs, whatever they did with it.
    #[must_use]
    pub fn allocated(&self) -> u128 {
        Activity::ALL
            .iter()
            .filter(|a| a.group() != crate::units::Group::FleetWaste)
            .map(|a| self.activity[*a as usize].0)
            .sum()
    }

    /// Energy at the meter, kWh: the GPUs' times the PUE.
    #[must_use]
    pub fn energy_kwh(&self) -> f64 {
        // µW·ns = 1e-15 J; a kWh is 3.6e6 J.
        self.energy_uw_ns.0 as f64 * 1e-15 / 3.6e6 * self.pue
    }

    /// USD per useful GPU-hour; `None` when nothing useful was done.
    #[must_use]
    pub fn usd_per_useful_hour(&self) -> Option<f64> {
        let useful = self.hours(Activity::Productive);
        (useful > 0.0).then(|| self.bill.0.to_f64() / useful)
    }
}

/// A workload over the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkOutcome {
    /// Its name.
    pub name: String,
    /// What it was charged (its activities' share of the bill).
    pub bill: Money,
    /// Milli-GPU·ns by activity.
    pub activity: Vec<Exact>,
    /// What became of its jobs.
    pub jobs: JobCounts,
    /// Waits of its jobs from arrival to first start, ns.
    pub waits: Histogram,
    /// Times from arrival to completion, completed jobs only, ns.
    pub turnaround: Histogram,
    /// The wait that it promises, and to which share of jobs, when it promises one.
    pub wait_target: Option<WaitTarget>,
    /// Interruptions, restarts and deadlines, where its jobs keep their progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunOutcome>,
    /// Requests, latencies and replicas, where it is a service. Its jobs are its replicas' pods, which
    /// [`Outcome::jobs`] leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Box<ServiceOutcome>>,
}

/// "95 % of jobs start within 30 minutes".
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitTarget {
    /// Within, ns.
    pub within_ns: u64,
    /// Share of jobs, 0 to 1.
    pub share: f64,
    /// Jobs of the window that started within it.
    pub met: u64,
    /// Jobs that started, or still wait and have waited longer than that: the denominator.
    pub of: u64,
}

/// Waits of the jobs of one band of sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitClass {
    /// `CPU`, `share`, `1`, `2–7`, `8`, `9–63`, `64+`.
    pub name: String,
    /// Waits from arrival to first start, ns; jobs still waiting are not in it.
    pub waits: Histogram,
    /// Still waiting at the end.
    pub still_waiting: u64,
}

/// The queue's own bookkeeping: arrivals to it, departures from it, and its integral, all within the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueTally {
    /// Job·ns waited, by integrating the length.
    pub length_ns: Exact,
    /// Job·ns waited, by adding each job's wait clipped to the window. Equal to `length_ns` always.
    pub waited_ns: Exact,
    /// The longest the queue got.
    pub longest: u64,
}

/// Regular series: one value per bucket of `bucket_ns` from the start of the window; the last may be cut short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Width of a bucket, ns.
    pub bucket_ns: u64,
    /// How many.
    pub buckets: usize,
    /// Per pool, in the order of [`Outcome::pools`].
    pub pools: Vec<PoolSeries>,
    /// Jobs waiting, time average in the bucket.
    pub waiting_jobs: Vec<f64>,
    /// GPUs asked for by waiting jobs, time average.
    pub waiting_gpus: Vec<f64>,
}

/// A pool's series: time averages in GPUs (cores in a pool without any), and dollars spent per bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolSeries {
    /// Billed.
    pub provisioned: Vec<f64>,
    /// Held by jobs.
    pub allocated: Vec<f64>,
    /// At work (true use).
    pub busy: Vec<f64>,
    /// As a polling dashboard shows it.
    pub sampled: Vec<f64>,
    /// Held plus asked for by waiting jobs whose first choice this pool is.
    pub requested: Vec<f64>,
    /// Time that jobs held and wasted, or threw away.
    pub job_waste: Vec<f64>,
    /// Nodes billed, whatever they do: time average. Empty in outcomes written before there was such a series.
    #[serde(default)]
    pub nodes: Vec<f64>,
    /// Of those, nodes that boot; empty where none did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes_booting: Vec<f64>,
    /// Of those, nodes that are cordoned: they take no more work, and go once what runs there has left. Empty where none
    /// was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes_draining: Vec<f64>,
    /// USD in the bucket.
    pub spend: Vec<f64>,
    /// The same by what the time was spent on, in the order of [`Activity::ALL`], before what the provider gives back;
    /// activities without any are left out. Empty in outcomes written before there was such a series.
    #[serde(default)]
    pub spend_by: Vec<SpendBy>,
}

/// Dollars of one activity over the buckets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpendBy {
    /// The activity.
    pub activity: Activity,
    /// USD in the bucket.
    pub usd: Vec<f64>,
}

/// A budget over the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetOutcome {
    /// Its name.
    pub name: String,
    /// What it covers: `everything` or `team=search`.
    pub scope: String,
    /// The amount for its period.
    pub amount: Money,
    /// The period in words: `window`, `month`.
    pub period: String,
    /// Spent in the window.
    pub spent: Money,
    /// When 80 % was passed, ns from the start of the window.
    pub crossed_80_ns: Option<u64>,
    /// When 100 % was passed.
    pub crossed_100_ns: Option<u64>,
    /// When it runs out at the window's average rate, ns from the start, when after the window.
    pub forecast_ns: Option<u64>,
    /// Cumulative USD at the end of each bucket.
    pub spend: Vec<f64>,
}

/// How well an input is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceNote {
    /// What: `price of pool t4`, `job lengths of research`.
    pub what: String,
    /// `measured`, `fitted`, `prior` or `guess`.
    pub grade: String,
    /// Where it comes from.
    pub source: String,
}

impl Outcome {
    /// The bill: the sum of the charges.
    #[must_use]
    pub fn bill(&self) -> Usd {
        self.charges.iter().map(|c| c.usd.0).sum()
    }

    /// Whether its lists fit each other: what was read from a file may not.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), String> {
        let n = self.series.buckets;
        if self.series.pools.len() != self.pools.len() {
            return Err(format!("{} pools, and series of {}", self.pools.len(), self.series.pools.len()));
        }
        for (p, s) in self.pools.iter().zip(&self.series.pools) {
            if p.activity.len() != Activity::COUNT {
                return Err(format!("pool {} has {} activities of {}", p.name, p.activity.len(), Activity::COUNT));
            }
            let all = [&s.provisioned, &s.allocated, &s.busy, &s.sampled, &s.requested, &s.job_waste, &s.spend];
            if all.into_iter().chain(s.spend_by.iter().map(|b| &b.usd)).any(|v| v.len() != n) {
                return Err(format!("a series of pool {} has not {n} values", p.name));
            }
            if [&s.nodes, &s.nodes_booting, &s.nodes_draining].into_iter().any(|v| !v.is_empty() && v.len() != n) {
                return Err(format!("the nodes of pool {} are not {n} values", p.name));
            }
        }
        if n > 0 && self.series.bucket_ns == 0 {
            return Err("buckets without a width".to_owned());
        }
        if let Some(w) = self.work.iter().find(|w| w.activity.len() != Activity::COUNT) {
            return Err(format!("workload {} has {} activities of {}", w.name, w.activity.len(), Activity::COUNT));
        }
        if let Some(c) = self.charges.iter().find(|c| c.price.is_some_and(|p| p >= self.prices.len())) {
            return Err(format!("the charge {} refers to a price that is not there", c.id));
        }
        Ok(())
    }

    /// Hours of the measured window.
    #[must_use]
    pub fn hours(&self) -> f64 {
        self.horizon_ns as f64 / 3.6e12
    }

    /// Milli-GPU·ns of one activity over the pools that have GPUs.
    #[must_use]
    pub fn gpu_activity(&self, a: Activity) -> u128 {
        self.gpu_pools().map(|p| p.activity[a as usize].0).sum()
    }

    /// The pools that have GPUs.
    pub fn gpu_pools(&self) -> impl Iterator<Item = &PoolOutcome> {
        self.pools.iter().filter(|p| p.unit == "gpu")
    }

    /// Allocated, true and sampled utilisation of the GPUs, each 0 to 1; `None` without GPU time.
    #[must_use]
    pub fn utilisation(&self) -> Option<(f64, f64, f64)> {
        let cap: u128 = self.gpu_pools().map(|p| p.capacity.0).sum();
        if cap == 0 {
            return None;
        }
        let cap = cap as f64;
        let alloc: u128 = self.gpu_pools().map(PoolOutcome::allocated).sum();
        let busy: f64 = self.gpu_pools().map(|p| p.busy_ppm.0 as f64).sum();
        let sampled: f64 = self.gpu_pools().map(|p| p.sampled_ppm.0 as f64).sum();
        Some((alloc as f64 / cap, busy / 1e6 / cap, sampled / 1e6 / cap))
    }
}
