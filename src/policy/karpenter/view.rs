//! What the controller sees: plain data, numbered in the order of names.
//!
//! Every list is in the order of its names: where upstream goes by name, this goes by number. Quantities are whole:
//! milli-CPU, bytes, milli-GPU. Prices are those of a node for an hour.

use super::requirement::{Key, Requirements, Set, Value};
pub use crate::policy::pdb::Pdb;
use crate::units::{Duration, Rate, SimTime};

/// A number of an entry of one of the view's lists.
macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
        impl $name {
            pub(super) const fn at(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}
index!(
    /// Which of [`View::pools`].
    PoolIx,
    /// Which of [`View::types`].
    TypeIx,
    /// Which of [`View::nodes`].
    NodeIx,
    /// Which of [`View::pods`].
    PodIx,
    /// Which of [`View::shapes`].
    ShapeIx
);

/// Amounts of what a node has and a pod asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Thousandths of a GPU.
    pub gpu_milli: u64,
    /// Pods.
    pub pods: u64,
}

impl Resources {
    /// What a pod asks for: itself, and the rest.
    #[must_use]
    pub const fn pod(cpu_milli: u64, memory: u64, gpu_milli: u64) -> Resources {
        Resources { cpu_milli, memory, gpu_milli, pods: 1 }
    }
    /// Whether there is enough of everything.
    #[must_use]
    pub const fn fits(&self, free: &Resources) -> bool {
        self.cpu_milli <= free.cpu_milli
            && self.memory <= free.memory
            && self.gpu_milli <= free.gpu_milli
            && self.pods <= free.pods
    }
    /// The sum.
    #[must_use]
    pub const fn plus(&self, o: &Resources) -> Resources {
        Resources {
            cpu_milli: self.cpu_milli.saturating_add(o.cpu_milli),
            memory: self.memory.saturating_add(o.memory),
            gpu_milli: self.gpu_milli.saturating_add(o.gpu_milli),
            pods: self.pods.saturating_add(o.pods),
        }
    }
    /// The difference, nothing where there is less.
    #[must_use]
    pub const fn minus(&self, o: &Resources) -> Resources {
        Resources {
            cpu_milli: self.cpu_milli.saturating_sub(o.cpu_milli),
            memory: self.memory.saturating_sub(o.memory),
            gpu_milli: self.gpu_milli.saturating_sub(o.gpu_milli),
            pods: self.pods.saturating_sub(o.pods),
        }
    }
    /// The larger of each.
    #[must_use]
    pub fn max(&self, o: &Resources) -> Resources {
        Resources {
            cpu_milli: self.cpu_milli.max(o.cpu_milli),
            memory: self.memory.max(o.memory),
            gpu_milli: self.gpu_milli.max(o.gpu_milli),
            pods: self.pods.max(o.pods),
        }
    }
}

/// How capacity is bought (`karpenter.sh/capacity-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapacityType {
    /// `on-demand`.
    OnDemand,
    /// `spot`.
    Spot,
    /// `reserved`.
    Reserved,
}

impl CapacityType {
    /// Its value as a label.
    #[must_use]
    pub const fn value(self) -> Value {
        Value(self as u32)
    }
}

/// Where and how a type can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offering {
    /// The zone, a value of [`Key::ZONE`].
    pub zone: Value,
    /// How it is bought.
    pub capacity_type: CapacityType,
    /// What a node costs.
    pub price: Rate,
    /// Whether it can be had now; not within 3 minutes of an insufficient-capacity error.
    pub available: bool,
    /// Of a reservation: how many nodes it still takes. Not looked at otherwise.
    pub reservation: u32,
}

impl Offering {
    /// One that can be had.
    #[must_use]
    pub const fn new(zone: Value, capacity_type: CapacityType, price: Rate) -> Offering {
        Offering { zone, capacity_type, price, available: true, reservation: 0 }
    }
    /// Whether `requirements` allow it.
    #[must_use]
    pub fn allowed_by(&self, requirements: &Requirements) -> bool {
        requirements.allows(Key::ZONE, self.zone) && requirements.allows(Key::CAPACITY_TYPE, self.capacity_type.value())
    }
}

/// A machine type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceType {
    /// What counts against a node pool's limits.
    pub capacity: Resources,
    /// What pods can have of it.
    pub allocatable: Resources,
    /// Its labels: its own number, the zones and capacity types of its offerings, and the provider's (family, size).
    pub labels: Requirements,
    /// Metal, or with accelerators: dropped before a launch when generic types remain.
    pub exotic: bool,
    /// Its offerings.
    pub offerings: Vec<Offering>,
}

impl InstanceType {
    /// A type of which pods can have everything, with the labels that its number and offerings imply.
    #[must_use]
    pub fn new(number: TypeIx, capacity: Resources, offerings: Vec<Offering>) -> InstanceType {
        let labels = Requirements::new()
            .with(Key::ZONE, Set::of(offerings.iter().map(|o| o.zone)))
            .with(Key::CAPACITY_TYPE, Set::of(offerings.iter().map(|o| o.capacity_type.value())))
            .with(Key::INSTANCE_TYPE, Set::of([Value(number.0)]));
        InstanceType { capacity, allocatable: capacity, labels, exotic: false, offerings }
    }
}

/// A taint; its number stands for key and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Taint {
    /// Which.
    pub number: u32,
    /// `PreferNoSchedule`, else `NoSchedule` or `NoExecute`. A pod tolerates it only after all else failed.
    pub prefer: bool,
}

/// What pods of one template ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Requests; `pods` is 1.
    pub requests: Resources,
    /// `nodeSelector` and what all terms of the required node affinity share.
    pub requirements: Requirements,
    /// The terms of the required node affinity, of which one must hold; they are tried in order. Empty: no terms.
    pub terms: Vec<Requirements>,
    /// Preferred node affinities, the heaviest first. The first is required until nothing else is possible.
    pub preferences: Vec<Requirements>,
    /// Which taints it tolerates.
    pub tolerations: Vec<u32>,
    /// Required anti-affinity by host: at most one pod of a group on a node.
    pub apart: Option<u32>,
}

/// `karpenter.sh/do-not-disrupt` of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DoNotDisrupt {
    /// Not set, or not understood.
    #[default]
    No,
    /// `true`.
    Always,
    /// For so long after its start.
    For(Duration),
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// What it asks for.
    pub shape: ShapeIx,
    /// Where it is; `None` while it is unschedulable.
    pub node: Option<NodeIx>,
    /// When it was made.
    pub created: SimTime,
    /// When it started; `None` if that is not known.
    pub started: Option<SimTime>,
    /// Its priority.
    pub priority: i32,
    /// `controller.kubernetes.io/pod-deletion-cost`.
    pub deletion_cost: i32,
    /// Whether it may be disrupted.
    pub do_not_disrupt: DoNotDisrupt,
    /// Its disruption budgets, numbers of [`View::pdbs`].
    pub pdbs: Vec<u32>,
    /// Of a DaemonSet or a static pod: never moved.
    pub bound: bool,
    /// Not finished and not terminating. Listed at a node, it takes its requests from it all the same: leave out pods
    /// that have finished.
    pub active: bool,
}

impl Pod {
    /// A pod of `shape` at `node`, with defaults.
    #[must_use]
    pub const fn new(shape: ShapeIx, node: Option<NodeIx>) -> Pod {
        Pod {
            shape,
            node,
            created: SimTime::ZERO,
            started: None,
            priority: 0,
            deletion_cost: 0,
            do_not_disrupt: DoNotDisrupt::No,
            pdbs: Vec::new(),
            bound: false,
            active: true,
        }
    }
    /// Whether it moves when its node goes.
    #[must_use]
    pub const fn reschedulable(&self) -> bool {
        self.active && !self.bound
    }
    /// Whether `karpenter.sh/do-not-disrupt` holds it now: a duration as long as the pod is younger than that.
    #[must_use]
    pub fn protected(&self, now: SimTime) -> bool {
        match self.do_not_disrupt {
            DoNotDisrupt::No => false,
            DoNotDisrupt::Always => true,
            DoNotDisrupt::For(d) => self.started.is_none_or(|at| now.since(at) < d),
        }
    }
}

/// A node, or a NodeClaim on its way to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Stands for its name, as long as it lives; 0 where the caller does not track that. With names, what was found
    /// hopeless is remembered from pass to pass.
    pub name: u64,
    /// Its node pool; `None`: not Karpenter's.
    pub pool: Option<PoolIx>,
    /// Its type; `None` if it is not known.
    pub instance: Option<TypeIx>,
    /// Its zone, if its label is there.
    pub zone: Option<Value>,
    /// How it was bought, if its label is there.
    pub capacity_type: Option<CapacityType>,
    /// What counts against limits.
    pub capacity: Resources,
    /// What pods can have.
    pub allocatable: Resources,
    /// What DaemonSets will still take.
    pub daemons: Resources,
    /// All its labels: those above and its own.
    pub labels: Requirements,
    /// Its taints, without startup taints while it starts.
    pub taints: Vec<Taint>,
    /// When its NodeClaim was made.
    pub created: SimTime,
    /// Since when it is initialised (ready, startup taints gone, device plugins registered).
    pub initialized: Option<SimTime>,
    /// When a pod last came or went.
    pub last_pod_event: Option<SimTime>,
    /// Whether it is `Ready`.
    pub ready: bool,
    /// Marked for deletion, by anybody.
    pub deleting: bool,
    /// Drained, and its machine asked to go: no longer counted.
    pub terminating: bool,
    /// Until when a provisioning pass holds it for a pending pod.
    pub nominated_until: SimTime,
    /// `karpenter.sh/do-not-disrupt` on the node.
    pub do_not_disrupt: bool,
    /// Since when it has drifted.
    pub drifted: Option<SimTime>,
    /// Its pool's template when it was made.
    pub template: u64,
}

impl Node {
    /// A node of `instance` in its offering number `offering`, initialised at the epoch.
    #[must_use]
    pub fn of(pool: PoolIx, number: TypeIx, instance: &InstanceType, offering: usize) -> Node {
        let o = instance.offerings[offering];
        let mut labels = instance.labels.clone();
        labels.narrow(
            &Requirements::new()
                .with(Key::ZONE, Set::of([o.zone]))
                .with(Key::CAPACITY_TYPE, Set::of([o.capacity_type.value()])),
        );
        Node {
            name: 0,
            pool: Some(pool),
            instance: Some(number),
            zone: Some(o.zone),
            capacity_type: Some(o.capacity_type),
            capacity: instance.capacity,
            allocatable: instance.allocatable,
            daemons: Resources::default(),
            labels,
            taints: Vec::new(),
            created: SimTime::ZERO,
            initialized: Some(SimTime::ZERO),
            last_pod_event: None,
            ready: true,
            deleting: false,
            terminating: false,
            nominated_until: SimTime::ZERO,
            do_not_disrupt: false,
            drifted: None,
            template: 0,
        }
    }
    /// What it costs: the offering of its type, zone and capacity type, even one that cannot be had now. Nothing if
    /// there is none.
    #[must_use]
    pub fn price(&self, types: &[InstanceType]) -> Rate {
        let find = || {
            let (zone, kind) = (self.zone?, self.capacity_type?);
            let offerings = &types.get(self.instance?.at())?.offerings;
            offerings.iter().find(|o| o.zone == zone && o.capacity_type == kind).map(|o| o.price)
        };
        find().unwrap_or_default()
    }
    /// Whether it is initialised; nodes of others always are.
    #[must_use]
    pub const fn is_initialized(&self) -> bool {
        self.pool.is_none() || self.initialized.is_some()
    }
}

/// Everything that a pass looks at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The node pools, in the order of their names.
    pub pools: &'a [super::NodePool],
    /// The instance types, in the order of their names.
    pub types: &'a [InstanceType],
    /// The nodes, in the order of their names.
    pub nodes: &'a [Node],
    /// The pods' templates.
    pub shapes: &'a [Shape],
    /// The pods, in the order of their UIDs.
    pub pods: &'a [Pod],
    /// The pods' disruption budgets.
    pub pdbs: &'a [Pdb],
    /// Counts up whenever a node, a pod, a pool, a price or an offering changes: what was found hopeless stays so
    /// until then (or for 5 minutes). A caller that does not count passes a new number each time.
    pub revision: u64,
}
