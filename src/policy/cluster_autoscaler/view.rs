//! What the controller sees: plain data.
//!
//! Groups are in the order of their names and nodes in the order of their numbers: where upstream's order is that of a
//! list or a map, ours is this one. Pods that are alike are one entry with a count.

use std::collections::BTreeSet;

use super::balance::Template;
use super::utilisation::Kind;
use crate::policy::pdb::Pdb;
use crate::policy::pods::Resources;
use crate::units::{Rate, SimTime};

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
    /// Which of [`View::groups`].
    GroupIx,
    /// Which of [`View::shapes`].
    ShapeIx
);

/// A machine's own number, never used again for another: timers are kept by it. Nodes and machines that are not nodes
/// yet share the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// What about a node or a template decides which pods it takes, but room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kin {
    /// A number for its labels and taints: nodes with the same number take the same pods.
    pub class: u32,
    /// A number for its zone.
    pub zone: u32,
}

/// Which classes of nodes a pod goes to, by node selector, affinity and tolerations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Classes {
    /// All.
    #[default]
    All,
    /// These.
    Only(BTreeSet<u32>),
}

impl Classes {
    /// Whether it goes to a class.
    #[must_use]
    pub fn contains(&self, class: u32) -> bool {
        match self {
            Classes::All => true,
            Classes::Only(classes) => classes.contains(&class),
        }
    }
}

/// A `topologySpreadConstraints` entry with `DoNotSchedule` that selects the shape's own pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// By how many pods a domain may exceed the emptiest; at least 1.
    pub max_skew: i64,
    /// With fewer domains than this the emptiest counts as empty; 1 by default.
    pub min_domains: u32,
    /// What a domain is.
    pub by: Topology,
}

/// What pods are spread over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Nodes (`kubernetes.io/hostname`).
    Host,
    /// Zones (`topology.kubernetes.io/zone`).
    Zone,
}

/// What pods of one owner and one template have in common: an equivalence class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What each asks for.
    pub request: Resources,
    /// What each is worth for an hour: the price expander alone reads it.
    pub price: Rate,
    /// Whose they are.
    pub kind: Kind,
    /// Their priority.
    pub priority: i32,
    /// Where they may go.
    pub classes: Classes,
    /// Ports of the host that each takes. A required anti-affinity to its own kind by host is a port of its own.
    pub host_ports: Vec<u16>,
    /// How they must be spread.
    pub spread: Option<Spread>,
    /// `cluster-autoscaler.kubernetes.io/safe-to-evict`, where it is set.
    pub safe_to_evict: Option<bool>,
    /// Whether they run in `kube-system`.
    pub system: bool,
    /// Whether they have local storage.
    pub local_storage: bool,
    /// Their disruption budgets, numbers of [`View::pdbs`].
    pub pdbs: Vec<u32>,
    /// Their `terminationGracePeriodSeconds`, in seconds; 30 by default.
    pub grace: u32,
}

impl Shape {
    /// Replicated pods that go anywhere and that nothing protects.
    #[must_use]
    pub const fn plain(request: Resources) -> Shape {
        Shape {
            request,
            price: Rate(0),
            kind: Kind::Replicated,
            priority: 0,
            classes: Classes::All,
            host_ports: Vec::new(),
            spread: None,
            safe_to_evict: None,
            system: false,
            local_storage: false,
            pdbs: Vec::new(),
            grace: 30,
        }
    }
}

/// Pods of a shape on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Which shape.
    pub shape: ShapeIx,
    /// How many.
    pub count: u32,
    /// Whether they have been terminating for longer than their grace: they take room, and count for nothing else.
    pub overdue: bool,
}

impl Bound {
    /// So many pods of a shape.
    #[must_use]
    pub const fn new(shape: ShapeIx, count: u32) -> Bound {
        Bound { shape, count, overdue: false }
    }
}

/// Pods that the scheduler found no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Which shape.
    pub shape: ShapeIx,
    /// How many.
    pub count: u32,
    /// When the oldest of them was made. With a [`super::Config::new_pod_delay`], give pods made at different times as
    /// different entries.
    pub created: SimTime,
}

/// A group of equal machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its minimum size.
    pub min: u32,
    /// Its maximum size.
    pub max: u32,
    /// Its target size: what it has, is waiting for and is deleting.
    pub target: u32,
    /// What a new node looks like; `free` is what its `DaemonSet`s leave.
    pub template: Template,
    /// What decides which pods a new node takes.
    pub kin: Kin,
    /// What a node costs for an hour: the price expander alone reads it.
    pub price: Rate,
    /// Whether its nodes come and go only all together (`ZeroOrMaxNodeScaling`), as a slice of TPUs.
    pub whole: bool,
}

impl Group {
    /// A group without nodes, of nodes of which pods may have everything.
    #[must_use]
    pub fn new(name: &str, min: u32, max: u32, capacity: Resources) -> Group {
        Group {
            name: name.to_owned(),
            min,
            max,
            target: 0,
            template: Template {
                labels: std::collections::BTreeMap::new(),
                capacity,
                allocatable: capacity,
                free: capacity,
            },
            kin: Kin::default(),
            price: Rate(0),
            whole: false,
        }
    }
}

/// How a node is being deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deleting {
    /// It is not.
    #[default]
    No,
    /// As an empty node.
    Empty,
    /// Its pods are being evicted.
    Drain,
}

/// A node that has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub id: NodeId,
    /// Its group; `None`: of none that is scaled.
    pub group: Option<GroupIx>,
    /// What decides which pods it takes.
    pub kin: Kin,
    /// What counts against limits on the whole cluster.
    pub capacity: Resources,
    /// What pods may have.
    pub allocatable: Resources,
    /// Whether it carries the provider's GPU label. Without allocatable GPUs it is then not ready: its driver or device
    /// plugin is not there yet.
    pub gpu_label: bool,
    /// Whether it carries the annotation `scale-down-disabled`.
    pub disabled: bool,
    /// Whether it is `Ready`, its startup taints gone.
    pub ready: bool,
    /// Whether it takes no new pods although it is ready.
    pub cordoned: bool,
    /// When it registered.
    pub created: SimTime,
    /// Whether it is being deleted.
    pub deleting: Deleting,
    /// Its pods.
    pub pods: Vec<Bound>,
}

impl Node {
    /// A ready node of a group, empty.
    #[must_use]
    pub fn of(id: NodeId, number: GroupIx, group: &Group) -> Node {
        Node {
            id,
            group: Some(number),
            kin: group.kin,
            capacity: group.template.capacity,
            allocatable: group.template.allocatable,
            gpu_label: group.template.capacity.gpu > 0,
            disabled: false,
            ready: true,
            cordoned: false,
            created: SimTime::ZERO,
            deleting: Deleting::No,
            pods: Vec::new(),
        }
    }

    /// Whether it works: ready, and with its GPUs where it should have some.
    #[must_use]
    pub const fn works(&self) -> bool {
        self.ready && !(self.gpu_label && self.allocatable.gpu <= 0)
    }

    /// Whether it takes new pods.
    #[must_use]
    pub fn open(&self) -> bool {
        self.works() && !self.cordoned && self.deleting == Deleting::No
    }
}

/// A machine that was asked for and has not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unregistered {
    /// Its number.
    pub id: NodeId,
    /// Its group.
    pub group: GroupIx,
    /// Since when.
    pub since: SimTime,
}

/// Everything that a scan looks at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The groups, in the order of their names; the same ones all the time.
    pub groups: &'a [Group],
    /// The nodes that have registered, in the order of their numbers.
    pub nodes: &'a [Node],
    /// Machines that were asked for and have not registered, in any order. Those that the group's target counts and that
    /// nobody can name yet may be left out: they are upcoming all the same.
    pub unregistered: &'a [Unregistered],
    /// The pods' templates.
    pub shapes: &'a [Shape],
    /// The pods that wait, in any order that is not chance.
    pub pending: &'a [Pending],
    /// The disruption budgets.
    pub pdbs: &'a [Pdb],
    /// Counts up whenever anything above changes. A caller that does not count passes a new number each time.
    pub revision: u64,
}
