//! What a scan decides, and why it left what it left.

use super::utilisation::Blocker;
use super::view::{GroupIx, NodeId, ShapeIx};
use crate::units::SimTime;

/// What is to be done. Every list may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Groups whose target grows.
    pub grow: Vec<ScaleUp>,
    /// Machines that never registered and are given up: delete them and take them off their group's target.
    pub abandon: Vec<NodeId>,
    /// Nodes with no pod to move: taint them, wait for the delete delay, delete the machines.
    pub delete: Vec<NodeId>,
    /// Nodes to drain: taint, wait for the delete delay, evict, and delete the machine when all have gone.
    pub drain: Vec<Drain>,
    /// How the scan ended.
    pub ended: Ended,
}

impl Decision {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.grow.is_empty() && self.abandon.is_empty() && self.delete.is_empty() && self.drain.is_empty()
    }
}

/// A group grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleUp {
    /// Which.
    pub group: GroupIx,
    /// By so many nodes.
    pub by: u32,
}

/// A node that is drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Which.
    pub node: NodeId,
    /// Where its pods would find room. Nobody holds it for them: the scheduler decides anew.
    pub moves: Vec<Move>,
    /// How long its slowest pod gets after its eviction, in seconds: its grace, at most
    /// [`super::timing::Config::max_graceful`].
    pub grace: u32,
}

/// Pods that move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Their shape.
    pub shape: ShapeIx,
    /// How many.
    pub count: u32,
    /// Where they go.
    pub to: NodeId,
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    /// It was left out: nothing had changed and no timer was over.
    #[default]
    Skipped,
    /// Too many nodes are not ready.
    Unhealthy,
    /// It scaled up, and left scale-down for the next time.
    ScaledUp,
    /// What waits is too new: nothing was scaled up or down.
    TooYoung,
    /// Deletions are held back after a scale-up, a deletion or a failure.
    Cooling,
    /// It went through.
    Done,
}

/// Why a node was not removed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WhyNot {
    /// The cluster is unhealthy.
    Unhealthy,
    /// Scale-down is switched off.
    Off,
    /// It is starting.
    Starting,
    /// It is being deleted already.
    Deleting,
    /// It belongs to no group that is scaled.
    NotAutoscaled,
    /// Its group is at its minimum: it is not even looked at.
    GroupAtMin,
    /// It carries the annotation `scale-down-disabled`.
    Disabled,
    /// It is too full.
    Utilised {
        /// How full, as [`super::utilisation::utilisation`] has it.
        share: f64,
    },
    /// A pod keeps it.
    Blocked {
        /// Of which shape.
        shape: ShapeIx,
        /// Why.
        why: Blocker,
        /// When it is looked at again.
        again: SimTime,
    },
    /// A pod would find no other node.
    NoPlace {
        /// Of which shape.
        shape: ShapeIx,
        /// When it is looked at again.
        again: SimTime,
    },
    /// It takes in pods of a node that goes before it.
    Destination,
    /// Others come first: the scan looks at so many only.
    NotExamined,
    /// It has not been unneeded for long enough.
    NotLongEnough {
        /// When it will have been.
        due: SimTime,
    },
    /// Deletions are held back after a scale-up, a deletion or a failure, or because young pods wait.
    Cooling,
    /// Without it, and those that go before it, its group would be below its minimum.
    MinSize,
    /// Without it the cluster would be below a minimum.
    ClusterMin,
    /// Its group goes only as a whole, and not all of it can go.
    Whole,
    /// As many nodes as may go at once are going.
    Parallelism,
}
