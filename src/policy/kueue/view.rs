//! What Kueue sees: workloads that wait and workloads that have quota.

use crate::units::SimTime;

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
    )*};
}
index!(
    /// Which cohort.
    CohortIx,
    /// Which cluster queue.
    QueueIx,
    /// Which flavor.
    FlavorIx,
    /// Which resource.
    ResourceIx
);

/// Pods that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSet {
    /// How many.
    pub count: u32,
    /// With how few it can do; `None`: all are needed.
    pub min_count: Option<u32>,
    /// What one pod asks for.
    pub requests: Vec<(ResourceIx, i64)>,
    /// The flavors that its node selectors and tolerations allow; `None`: all.
    pub flavors: Option<Vec<FlavorIx>>,
}

/// A workload that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its own number, kept as long as it lives.
    pub uid: u64,
    /// Where it waits.
    pub queue: QueueIx,
    /// Its priority.
    pub priority: i32,
    /// Since when it is in line: when it was made, or last evicted.
    pub queued: SimTime,
    /// What it needs.
    pub pod_sets: Vec<PodSet>,
}

/// A workload that has quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Its own number.
    pub uid: u64,
    /// Whose quota it has.
    pub queue: QueueIx,
    /// Its priority.
    pub priority: i32,
    /// Since when it was in line.
    pub queued: SimTime,
    /// Since when it has quota.
    pub reserved: SimTime,
    /// Whether it is being evicted.
    pub evicted: bool,
    /// What it has.
    pub usage: Vec<(FlavorIx, ResourceIx, i64)>,
}

/// Everything that a cycle looks at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Workloads with quota.
    pub admitted: &'a [Admitted],
    /// Workloads that wait.
    pub pending: &'a [Workload],
}
