//! The shapes of a scenario file, version 1: what may be written, with every default and where it comes from.
//!
//! These are definitions only: checks of meaning and the model they resolve to are in [`super::resolve`]. One definition
//! makes the type, its decoder, its JSON Schema and its rows in the field reference.

pub mod checkpoint;
pub mod engine;
pub mod fleet;
pub mod front;
pub mod laws;
pub mod manifest;
pub mod market;
pub mod money;
pub mod node_autoscaler;
pub mod policy;
pub mod rollout;
pub mod scale;
pub mod service;
pub mod share;
pub mod traffic;
pub mod training;
pub mod work;

pub use fleet::{Change, Nodes, Pool};
pub use policy::{Placement, Queue, Quota, Ties};
pub use work::Work;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::decode::{Spanned, record};
use crate::units::{Duration, Name};
use checkpoint::CheckpointStore;
use indexmap::IndexMap;
use manifest::{ManifestJob, ManifestMetric};
use market::ShockProcess;
use money::{Budget, Cluster, PricesAt};
use node_autoscaler::{Descheduler, NodeAutoscaler};
use std::num::NonZeroU32;

/// The version of the format that this program reads.
pub const VERSION: u32 = 1;

record! {
    /// A scenario: a fleet, its work, and the policies between them.
    pub struct Scenario {
        /// The version of this format: 1.
        pub version: Spanned<u32>,
        /// The scenario's name.
        pub name: Name,
        /// What it is about, for reports.
        pub about: Option<String>,
        /// When the measured window starts, in the scenario's time zone: `2026-10-05` or `2026-10-05T08:00`.
        pub start: Spanned<DateTime>,
        /// How long the measured window is.
        pub horizon: Spanned<Duration>,
        /// Simulated before the window, so that it begins with a fleet at work, and left out of every figure.
        pub warmup: Spanned<Duration> = Spanned::unplaced(Duration::ZERO) => "none: the fleet starts empty",
        /// The IANA time zone of all dates and of day and week shapes.
        pub tz: TimeZone = TimeZone::UTC => "UTC",
        /// Which dated prices apply: those in force as the window goes by, or those of one date throughout.
        pub prices: PricesAt = PricesAt::InForce => "the price book's rows as they change over the window",
        /// A CSV of your own prices, over the embedded price book (`fleetcast catalog import-help` describes it).
        pub price_file: Option<Spanned<String>>,
        /// Seed of every random stream.
        pub seed: u64 = 1 => "an arbitrary fixed number, so that runs repeat",
        /// How many times it is run, each with luck of its own, to say how sure a result is.
        pub replications: Spanned<NonZeroU32> = Spanned::unplaced(NonZeroU32::MIN) => "one run",
        /// Whether the run is over, and its window with it, when all jobs that will ever arrive have left.
        pub ends_with_work: bool = false => "the window is as long as the horizon",
        /// Width of a bucket of the time series.
        pub bucket: Option<Spanned<Duration>>,
        /// Pools of like nodes.
        pub pools: Spanned<Vec<Pool>>,
        /// Dated deliveries and retirements.
        pub changes: Vec<Change> = Vec::new() => "the fleet stays as it is",
        /// What takes several nodes at once.
        pub shocks: Vec<ShockProcess> = Vec::new() => "nodes are lost one by one",
        /// Stores that checkpoints are written to.
        pub stores: Vec<CheckpointStore> = Vec::new() => "no shared store",
        /// In which order waiting jobs are served.
        pub queue: Queue = Queue::Fifo => "strict first come, first served",
        /// Where pods go.
        pub placement: Placement = Placement::BestFit => "the most common packing baseline (FGD paper, section 6)",
        /// Which node wins among equals.
        pub ties: Ties = Ties::Listed => "the order in which the scenario lists nodes",
        /// Who sizes the pools whose `nodes` are `Scaled`.
        pub node_autoscaler: Option<Spanned<NodeAutoscaler>>,
        /// What moves pods to even out nodes, or to empty some.
        pub descheduler: Option<Spanned<Descheduler>>,
        /// Limits on the GPUs that work with a label may hold at once.
        pub quotas: Vec<Quota> = Vec::new() => "no quotas",
        /// Where jobs come from.
        pub work: Spanned<Vec<Work>>,
        /// Kubernetes manifests, by patterns that start at the scenario's folder: `["k8s/*.yaml"]`. A Deployment of a
        /// service's name and what scales it take the place of the scenario's settings, NodePools join its Karpenter, and
        /// all other pods and jobs are work (`docs/manifests.md`).
        pub manifests: Spanned<Vec<Spanned<String>>> = Spanned::unplaced(Vec::new()) => "no manifests",
        /// How long Jobs and CronJobs of the manifests run, by name: `{"finetune": (run: "3h")}`.
        pub manifest_jobs: IndexMap<Name, ManifestJob> = IndexMap::new() => "as their annotations `fleetcast.io/run-time` say",
        /// What metrics of the manifests' autoscalers measure, by name or query: `[("chat_backlog", Queue)]`.
        pub manifest_metrics: Vec<(Spanned<String>, ManifestMetric)> = Vec::new() => "told by their names (`docs/manifests.md`)",
        /// Budgets to watch.
        pub budgets: Vec<Budget> = Vec::new() => "no budgets",
        /// Clusters whose control plane is billed.
        pub clusters: Vec<Cluster> = Vec::new() => "no control-plane fees",
        /// The same scenario with other settings, by name.
        pub variants: Vec<Variant> = Vec::new() => "no variants",
        /// A setting run at several values, for a chart; with each variant too.
        pub curves: Vec<Curve> = Vec::new() => "no curves",
    }
}

record! {
    /// The scenario with some settings changed.
    pub struct Variant {
        /// Its name.
        pub name: Spanned<Name>,
        /// What it is about.
        pub about: Option<String>,
        /// The changes, as `--set` takes them: `pools.ft.buy=OnDemand`.
        pub set: Vec<Spanned<String>>,
    }
}

record! {
    /// One setting at several values.
    pub struct Curve {
        /// Its name.
        pub name: Spanned<Name>,
        /// What it is about.
        pub about: Option<String>,
        /// The setting, as `--set` names it: `work.ft.checkpoint.every`.
        pub set: Spanned<String>,
        /// Its values, as `--set` takes them.
        pub to: Spanned<Vec<Spanned<String>>>,
        /// How many times each point is run; as often as the scenario where left out.
        pub replications: Option<Spanned<NonZeroU32>>,
    }
}
