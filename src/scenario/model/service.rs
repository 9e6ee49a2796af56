//! A service as the simulator runs it: requests, what stands before its replicas, their deployments, and what scales them.

use std::sync::Arc;

use crate::fleet::PoolSet;
use crate::kernel::Dist;
use crate::policy::{hpa, keda};
use crate::serving::cost::Quantised;
use crate::serving::{front, replica};
use crate::units::{Duration, SimTime};
use crate::workload::Request;
use crate::workload::traffic::Traffic;

pub use crate::serving::front::{Objective, Slo};

/// A service. Its replicas are pods of its workload.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its workload, an index into [`super::Model::work`]. That workload's label set 0 is the service's own; set `1 + i`
    /// has the traffic's label set `i` added, for what serving such requests cost.
    pub work: u16,
    /// Its requests.
    pub traffic: Traffic,
    /// What stands before the replicas.
    pub front: front::Config,
    /// Kinds of replicas; those of rollouts too, which have none until then.
    pub deployments: Vec<Deployment>,
    /// New versions.
    pub rollouts: Vec<Rollout>,
    /// What is promised.
    pub slo: Slo,
}

/// Replicas of one kind.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// The model's name.
    pub model: String,
    /// What its replicas do.
    pub role: Role,
    /// The lane of [`front::Config::lanes`] that its replicas belong to.
    pub lane: u16,
    /// Pools that it may use.
    pub pools: PoolSet,
    /// By pool, the engine there; none where it does not run.
    pub engines: Vec<Option<Arc<Engine>>>,
    /// What each pod of a replica asks for.
    pub request: Request,
    /// Pods of a replica: more than one where a node has too few GPUs.
    pub pods: u16,
    /// Its pods' priority in the queue of the fleet.
    pub priority: i32,
    /// What a replica goes through before it takes requests.
    pub start: Start,
    /// How long a replica that is to go may take over what it has: `terminationGracePeriodSeconds`.
    pub grace: Duration,
    /// How its pods bear that their node goes.
    pub disruption: super::Disruption,
    /// What scales it.
    pub scale: Scale,
    /// CPU that a replica uses, for scaling on it.
    pub cpu: CpuUse,
    /// Share of the compute at work while a step is in progress, parts per million.
    pub busy_ppm: u32,
}

/// What a replica does of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// All of it.
    #[default]
    Whole,
    /// Up to the first token.
    Prefill,
    /// From the second token on.
    Decode,
}

impl Role {
    /// The word in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Role::Whole => "whole",
            Role::Prefill => "prefill",
            Role::Decode => "decode",
        }
    }
}

/// An engine on one kind of GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Engine {
    /// Its limits.
    pub config: replica::Config,
    /// What a step costs.
    pub cost: Quantised,
    /// The profile's name, with the factors on it.
    pub profile: String,
}

/// Stages of a start, each drawn for each replica; seconds.
#[derive(Clone, Debug)]
pub struct Start {
    /// Pulling the image.
    pub image: Dist,
    /// Whether a node that has pulled it once keeps it for as long as it is there.
    pub image_stays: bool,
    /// Loading the weights.
    pub load: Dist,
    /// Warming up.
    pub warm_up: Dist,
}

/// CPU of a replica, milli-cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuUse {
    /// Requested, which utilisation is measured against.
    pub request: u32,
    /// Used without requests.
    pub idle: u32,
    /// Used while a step is in progress, beside `idle`.
    pub busy: u32,
}

/// What decides how many replicas there are.
#[derive(Clone, Debug)]
pub enum Scale {
    /// So many.
    Fixed(u32),
    /// A HorizontalPodAutoscaler.
    Hpa {
        /// Its configuration; one signal for each metric.
        config: Box<hpa::Config>,
        /// What its metrics measure.
        signals: Vec<Signal>,
        /// How it is told.
        watch: Watch,
        /// Replicas when the run begins.
        initial: u32,
    },
    /// A KEDA ScaledObject, and the HPA that it makes.
    Keda {
        /// Its configuration; one signal for each trigger.
        config: Box<keda::Config>,
        /// The controller's flags for the HPA.
        flags: Box<hpa::Config>,
        /// What its triggers measure.
        signals: Vec<Signal>,
        /// How it is told.
        watch: Watch,
        /// Replicas when the run begins.
        initial: u32,
    },
}

/// How an autoscaler is told what it measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// How often the HPA decides.
    pub sync: Duration,
    /// How often replicas are scraped. Rates are over this.
    pub scrape: Duration,
    /// How old a scrape is before anyone sees it.
    pub lag: Duration,
}

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// CPU used, over the scrape.
    Cpu,
    /// Share of the scrape with a step in progress: what a dashboard that polls for kernels shows as GPU utilisation. In
    /// per cent.
    GpuUtilisation,
    /// Requests that wait for an engine, those held before it included.
    Queue,
    /// Requests in the system: on replicas and held before them.
    Concurrency,
    /// Tokens produced a second.
    TokensPerSecond,
    /// Requests sent a second.
    RequestsPerSecond,
    /// Share of KV in use, in per cent.
    KvUse,
}

/// A new version that takes over.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// When it begins.
    pub at: SimTime,
    /// The deployment that it replaces; whatever scales that says how many replicas both need.
    pub old: u16,
    /// The deployment of the new version.
    pub new: u16,
    /// Whether it is only sent copies, and takes over nothing.
    pub shadow: bool,
    /// Shares of the requests, one after the other; after the last comes all of them (of a shadow: none).
    pub steps: Vec<RolloutStep>,
    /// What must hold at the end of each step.
    pub gate: Option<Gate>,
}

/// A step of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutStep {
    /// Share of the requests, parts per million.
    pub share_ppm: u32,
    /// For how long, from when as many of its replicas take requests as it should have.
    pub pause: Duration,
}

/// What a rollout is judged by, over the requests of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Fewer requests than this say nothing, and the step goes on.
    pub least: u64,
    /// Of the new version's requests at least this share must keep every promise; 0 to 1.
    pub good: f64,
    /// And it may be worse than the old version's share by this much at most.
    pub worse_by: f64,
}
