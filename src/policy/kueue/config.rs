//! Cohorts, cluster queues and their quotas, with upstream's defaults and upstream's validation.

use thiserror::Error;

use super::view::{CohortIx, FlavorIx, ResourceIx};

/// A quota of one flavor of one resource: whole amounts, in whatever unit the resource is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// `nominalQuota`.
    pub nominal: i64,
    /// `borrowingLimit`: how much more than its own may be used; `None`: no limit.
    pub borrowing: Option<i64>,
    /// `lendingLimit`: how much of its own others may use; `None`: all.
    pub lending: Option<i64>,
}

impl Quota {
    /// A quota without limits.
    #[must_use]
    pub const fn of(nominal: i64) -> Quota {
        Quota { nominal, borrowing: None, lending: None }
    }
    /// With a `borrowingLimit`.
    #[must_use]
    pub const fn borrow(self, limit: i64) -> Quota {
        Quota { borrowing: Some(limit), ..self }
    }
    /// With a `lendingLimit`.
    #[must_use]
    pub const fn lend(self, limit: i64) -> Quota {
        Quota { lending: Some(limit), ..self }
    }
}

/// A fair-sharing weight in thousandths; 1000 by default, 0 never gets more than its own while others want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight(pub u64);

impl Default for Weight {
    fn default() -> Weight {
        Weight(1000)
    }
}

/// A cohort.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cohort {
    /// The cohort that it is in.
    pub parent: Option<CohortIx>,
    /// Quotas of its own.
    pub quotas: Vec<(FlavorIx, ResourceIx, Quota)>,
    /// Its weight.
    pub weight: Weight,
}

/// A flavor in a group, with one quota for each of the group's resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlavorQuotas {
    /// Which.
    pub flavor: FlavorIx,
    /// Its quotas, in the order of the group's resources.
    pub quotas: Vec<Quota>,
}

/// Resources that are always given in the same flavor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceGroup {
    /// `coveredResources`.
    pub resources: Vec<ResourceIx>,
    /// The flavors, in the order in which they are tried.
    pub flavors: Vec<FlavorQuotas>,
}

/// Who may be preempted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Nobody.
    #[default]
    Never,
    /// Lower priorities.
    LowerPriority,
    /// Lower priorities, and equal ones that are newer.
    LowerOrNewerEqualPriority,
    /// Anybody; within a cohort only.
    Any,
}

/// `preemption`; nothing is preempted by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preemption {
    /// `withinClusterQueue`.
    pub within_queue: Policy,
    /// `reclaimWithinCohort`.
    pub reclaim: Policy,
    /// `borrowWithinCohort` with the policy `LowerPriority`; `None`: `Never`.
    pub borrow: Option<BorrowWithinCohort>,
}

/// Preemption of others' workloads for one that borrows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BorrowWithinCohort {
    /// `maxPriorityThreshold`: higher priorities are safe.
    pub max_priority: Option<i32>,
}

/// What to do with a flavor that would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenCan {
    /// Take it.
    MayStopSearch,
    /// Look at the others first.
    TryNextFlavor,
}

/// `flavorFungibility`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fungibility {
    /// `whenCanBorrow`; `MayStopSearch` by default.
    pub borrow: WhenCan,
    /// `whenCanPreempt`; `TryNextFlavor` by default.
    pub preempt: WhenCan,
    /// `preference`: preemption rather than borrowing; by default borrowing rather than preemption.
    pub prefer_preemption: bool,
}

impl Default for Fungibility {
    fn default() -> Fungibility {
        Fungibility { borrow: WhenCan::MayStopSearch, preempt: WhenCan::TryNextFlavor, prefer_preemption: false }
    }
}

/// `queueingStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queueing {
    /// A workload that cannot be admitted does not hold up others.
    #[default]
    BestEffortFifo,
    /// It does.
    StrictFifo,
}

/// A ClusterQueue. Defaults: kubernetes-sigs/kueue, `apis/kueue/v1beta2/clusterqueue_types.go`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterQueue {
    /// Its cohort.
    pub cohort: Option<CohortIx>,
    /// What it has.
    pub groups: Vec<ResourceGroup>,
    /// Who is preempted for its workloads.
    pub preemption: Preemption,
    /// How flavors are chosen.
    pub fungibility: Fungibility,
    /// In which order.
    pub queueing: Queueing,
    /// Its weight.
    pub weight: Weight,
}

/// A strategy of preemption under fair sharing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `LessThanOrEqualToFinalShare`: the preemptor's share with the workload is at most the other's without its.
    FinalShare,
    /// `LessThanInitialShare`: it is below the other's as it is.
    InitialShare,
}

/// Everything that is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// How many flavors there are.
    pub flavors: u32,
    /// How many resources there are.
    pub resources: u32,
    /// The cohorts, in the order of their names.
    pub cohorts: Vec<Cohort>,
    /// The cluster queues, in the order of their names.
    pub queues: Vec<ClusterQueue>,
    /// Fair sharing with these strategies (upstream's default are both, in their order); `None`: off, the default.
    pub fair_sharing: Option<Vec<Strategy>>,
}

/// What the API server refuses.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum ConfigError {
    #[error("cohort {0} is, through its parents, within itself")]
    Cycle(usize),
    #[error("{0} {1} is in a cohort that does not exist")]
    NoCohort(&'static str, usize),
    #[error("{0} {1} has a quota for a flavor or resource that does not exist")]
    Unknown(&'static str, usize),
    #[error("{0} {1} has a negative quota or limit")]
    Negative(&'static str, usize),
    #[error("{0} {1} has a borrowing or lending limit without a cohort above it")]
    LimitWithoutCohort(&'static str, usize),
    #[error("cluster queue {0} would lend more than its nominal quota")]
    LendsTooMuch(usize),
    #[error("cluster queue {queue}: flavor {flavor} of group {group} has not one quota for each resource")]
    Uneven { queue: usize, group: usize, flavor: u32 },
    #[error("cluster queue {0} has a resource in two groups, or twice in one")]
    ResourceTwice(usize),
    #[error("cluster queue {0} has a flavor in two groups, or twice in one")]
    FlavorTwice(usize),
    #[error("cluster queue {0} may preempt for borrowing but not reclaim within its cohort")]
    BorrowWithoutReclaim(usize),
    #[error("cluster queue {0}: `Any` is not a policy within a queue")]
    AnyWithinQueue(usize),
    #[error(
        "fair sharing does not start with `LessThanInitialShare` before `LessThanOrEqualToFinalShare`, nor have one twice"
    )]
    Strategies,
}

impl Config {
    /// All that is wrong.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        let known = |c: Option<CohortIx>| c.is_none_or(|c| (c.0 as usize) < self.cohorts.len());
        let limits = |faults: &mut Vec<ConfigError>, what, i, quotas: &[Quota], above: bool| {
            let negative =
                |q: &Quota| q.nominal < 0 || q.borrowing.is_some_and(|b| b < 0) || q.lending.is_some_and(|l| l < 0);
            if quotas.iter().any(negative) {
                faults.push(ConfigError::Negative(what, i));
            }
            if !above && quotas.iter().any(|q| q.borrowing.is_some() || q.lending.is_some()) {
                faults.push(ConfigError::LimitWithoutCohort(what, i));
            }
        };
        for (i, c) in self.cohorts.iter().enumerate() {
            if !known(c.parent) {
                faults.push(ConfigError::NoCohort("cohort", i));
            }
            if c.quotas.iter().any(|(f, r, _)| f.0 >= self.flavors || r.0 >= self.resources) {
                faults.push(ConfigError::Unknown("cohort", i));
            }
            let quotas: Vec<Quota> = c.quotas.iter().map(|(_, _, q)| *q).collect();
            limits(&mut faults, "cohort", i, &quotas, c.parent.is_some());
            let (mut at, mut steps) = (c.parent, 0);
            while let Some(p) = at.and_then(|p| self.cohorts.get(p.0 as usize))
                && steps <= self.cohorts.len()
            {
                at = p.parent;
                steps += 1;
            }
            if steps > self.cohorts.len() {
                faults.push(ConfigError::Cycle(i));
            }
        }
        for (i, q) in self.queues.iter().enumerate() {
            self.queue_faults(i, q, &mut faults);
            if !known(q.cohort) {
                faults.push(ConfigError::NoCohort("cluster queue", i));
            }
            let quotas: Vec<Quota> =
                q.groups.iter().flat_map(|g| &g.flavors).flat_map(|f| f.quotas.iter().copied()).collect();
            limits(&mut faults, "cluster queue", i, &quotas, q.cohort.is_some());
            if quotas.iter().any(|q| q.lending.is_some_and(|l| l > q.nominal)) {
                faults.push(ConfigError::LendsTooMuch(i));
            }
        }
        if let Some(s) = &self.fair_sharing
            && !matches!(s[..], [] | [_] | [Strategy::FinalShare, Strategy::InitialShare])
        {
            faults.push(ConfigError::Strategies);
        }
        faults
    }

    fn queue_faults(&self, i: usize, q: &ClusterQueue, faults: &mut Vec<ConfigError>) {
        let (mut resources, mut flavors): (Vec<ResourceIx>, Vec<FlavorIx>) = (Vec::new(), Vec::new());
        for (group, g) in q.groups.iter().enumerate() {
            resources.extend(&g.resources);
            for f in &g.flavors {
                flavors.push(f.flavor);
                if f.quotas.len() != g.resources.len() {
                    faults.push(ConfigError::Uneven { queue: i, group, flavor: f.flavor.0 });
                }
            }
        }
        if resources.iter().any(|r| r.0 >= self.resources) || flavors.iter().any(|f| f.0 >= self.flavors) {
            faults.push(ConfigError::Unknown("cluster queue", i));
        }
        let (all, many) = (resources.len(), flavors.len());
        resources.sort_unstable();
        resources.dedup();
        flavors.sort_unstable();
        flavors.dedup();
        if resources.len() < all {
            faults.push(ConfigError::ResourceTwice(i));
        }
        if flavors.len() < many {
            faults.push(ConfigError::FlavorTwice(i));
        }
        if q.preemption.reclaim == Policy::Never && q.preemption.borrow.is_some() {
            faults.push(ConfigError::BorrowWithoutReclaim(i));
        }
        if q.preemption.within_queue == Policy::Any {
            faults.push(ConfigError::AnyWithinQueue(i));
        }
    }
}
