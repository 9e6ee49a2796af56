//! What the Descheduler sees: plain data, numbered in the order of names.

use crate::units::SimTime;

/// Which resource. The first three are always there; extended resources follow in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceIx(pub u32);

impl ResourceIx {
    /// Thousandths of a core.
    pub const CPU: ResourceIx = ResourceIx(0);
    /// Bytes.
    pub const MEMORY: ResourceIx = ResourceIx(1);
    /// Pods.
    pub const PODS: ResourceIx = ResourceIx(2);
    /// The first extended resource: whole numbers, as Kubernetes has them.
    pub const EXTENDED: ResourceIx = ResourceIx(3);

    pub(super) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// A taint; its number stands for key, value and effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Which.
    pub number: u32,
    /// `PreferNoSchedule`: keeps nobody off by `nodeFit`, and yet must be tolerated for an eviction.
    pub prefer: bool,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// What pods can have, by resource; `None` where it does not know the resource.
    pub allocatable: Vec<Option<i64>>,
    /// Cordoned.
    pub unschedulable: bool,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// What is measured to be in use, by resource; of CPU and memory, for [`super::Usage::Metrics`].
    pub measured: Option<Vec<i64>>,
}

impl Node {
    /// What it has of a resource.
    pub(super) fn has(&self, r: ResourceIx) -> Option<i64> {
        self.allocatable.get(r.at()).copied().flatten()
    }
}

/// Quality of service, the first to go first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qos {
    /// No requests and no limits.
    BestEffort,
    /// Something between.
    #[default]
    Burstable,
    /// Requests that are limits.
    Guaranteed,
}

/// Whose pod it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodKind {
    /// Of a controller that makes another.
    #[default]
    Replicated,
    /// Of a `DaemonSet`.
    Daemon,
    /// Static, or its mirror.
    Static,
    /// Of nobody.
    Bare,
}

/// A pod on a node; terminating and finished ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Where it is: a number of [`View::nodes`].
    pub node: u32,
    /// Requests by resource; that of [`ResourceIx::PODS`] is not read.
    pub requests: Vec<i64>,
    /// What is measured to be in use, by resource, for [`super::Usage::Metrics`]; without it the pod is passed over.
    pub measured: Option<Vec<i64>>,
    /// Its priority.
    pub priority: Option<i32>,
    /// Its quality of service.
    pub qos: Qos,
    /// Its namespace.
    pub namespace: u32,
    /// Whose it is.
    pub kind: PodKind,
    /// Whether it has local storage.
    pub local_storage: bool,
    /// Whether it has a `PersistentVolumeClaim`.
    pub volume: bool,
    /// Whether it has the annotation `descheduler.alpha.kubernetes.io/evict`: then nothing else keeps it.
    pub asks_for_it: bool,
    /// How many pods its owner has, itself included.
    pub replicas: u32,
    /// When it started.
    pub started: Option<SimTime>,
    /// Its disruption budgets, numbers of [`View::budgets`].
    pub budgets: Vec<u32>,
    /// The taints that it tolerates.
    pub tolerates: Vec<u32>,
    /// The nodes that its selector and required affinity allow; `None`: all.
    pub allowed: Option<Vec<u32>>,
}

impl Pod {
    /// What it asks for of a resource.
    pub(super) fn asks(&self, r: ResourceIx) -> i64 {
        self.requests.get(r.at()).copied().unwrap_or(0)
    }
}

/// Everything that a run looks at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// How many resources there are, the three basic ones included.
    pub resources: u32,
    /// The nodes, in the order of their names.
    pub nodes: &'a [Node],
    /// The pods, in the order in which a node lists them.
    pub pods: &'a [Pod],
    /// How many evictions each disruption budget allows now.
    pub budgets: &'a [u32],
}
