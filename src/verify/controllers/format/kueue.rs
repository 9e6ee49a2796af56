//! Cases of Kueue and of the idle culler.

use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::Duration;
use crate::verify::quantity::Amount;

record! {
    /// A quota of one flavor of one resource.
    pub struct Quota {
        /// `nominalQuota`.
        pub nominal: Amount = Amount(0) => "none of its own",
        /// `borrowingLimit`; no limit where left out.
        pub borrowing_limit: Option<Amount>,
        /// `lendingLimit`; all is lent where left out.
        pub lending_limit: Option<Amount>,
    }
}

record! {
    /// A flavor with its quotas.
    pub struct FlavorQuotas {
        /// The flavor.
        pub name: String = "default".to_owned() => "there is one",
        /// By resource.
        pub quotas: Vec<(String, Quota)>,
    }
}

record! {
    /// Resources that are always given in the same flavor: those of its flavors' quotas.
    pub struct ResourceGroup {
        /// The flavors, in the order in which they are tried.
        pub flavors: Vec<FlavorQuotas>,
    }
}

record! {
    /// A cohort. One that is only named somewhere needs no record.
    pub struct Cohort {
        /// Its name.
        pub name: Spanned<String>,
        /// The cohort that it is in.
        pub parent: Option<String>,
        /// Quotas of its own.
        pub flavors: Vec<FlavorQuotas> = Vec::new() => "none",
        /// `fairSharing.weight`.
        pub weight: Amount = Amount(1000) => "kueue",
    }
}

choice! {
    /// Who may be preempted.
    pub enum PreemptionPolicy {
        /// Nobody.
        Never,
        /// Lower priorities.
        LowerPriority,
        /// These, and equal ones that are newer.
        LowerOrNewerEqualPriority,
        /// Anybody; within a cohort only.
        Any,
    }
}

record! {
    /// `borrowWithinCohort` with the policy `LowerPriority`.
    pub struct BorrowWithinCohort {
        /// `maxPriorityThreshold`.
        pub max_priority_threshold: Option<i32>,
    }
}

record! {
    /// `preemption`.
    pub struct Preemption {
        /// `withinClusterQueue`.
        pub within_cluster_queue: PreemptionPolicy = PreemptionPolicy::Never => "kueue",
        /// `reclaimWithinCohort`.
        pub reclaim_within_cohort: PreemptionPolicy = PreemptionPolicy::Never => "kueue",
        /// `borrowWithinCohort`; `Never` where left out.
        pub borrow_within_cohort: Option<BorrowWithinCohort>,
    }
}

choice! {
    /// What to do with a flavor that would do.
    pub enum WhenCan {
        /// Take it (`Borrow` and `Preempt` in older releases).
        MayStopSearch,
        /// Look at the others first.
        TryNextFlavor,
    }
}

record! {
    /// `flavorFungibility`.
    pub struct Fungibility {
        /// `whenCanBorrow`.
        pub when_can_borrow: WhenCan = WhenCan::MayStopSearch => "kueue",
        /// `whenCanPreempt`.
        pub when_can_preempt: WhenCan = WhenCan::TryNextFlavor => "kueue",
        /// `preference: PreemptionOverBorrowing`.
        pub prefer_preemption: bool = false => "kueue",
    }
}

record! {
    /// A ClusterQueue.
    pub struct ClusterQueue {
        /// Its name.
        pub name: Spanned<String>,
        /// Its cohort.
        pub cohort: Option<String>,
        /// What it has.
        pub groups: Vec<ResourceGroup> = Vec::new() => "nothing",
        /// Who is preempted for its workloads.
        pub preemption: Preemption = all_defaults() => "nobody",
        /// How flavors are chosen.
        pub flavor_fungibility: Fungibility = all_defaults() => "kueue",
        /// Whether its `queueingStrategy` is `StrictFIFO` rather than `BestEffortFIFO`.
        pub strict_fifo: bool = false => "kueue",
        /// `fairSharing.weight`.
        pub weight: Amount = Amount(1000) => "kueue",
    }
}

choice! {
    /// A strategy of preemption under fair sharing.
    pub enum Strategy {
        /// With the workload the preemptor's share is at most the other's without its.
        LessThanOrEqualToFinalShare,
        /// It is below the other's as it is.
        LessThanInitialShare,
    }
}

record! {
    /// Cohorts and queues. Both go by the order of the lists; cohorts without a record follow by name.
    pub struct Quotas {
        /// Cohorts.
        pub cohorts: Vec<Cohort> = Vec::new() => "none but those that are named",
        /// Queues.
        pub queues: Vec<ClusterQueue>,
        /// Fair sharing with these strategies (upstream's default are both, in this order); off where left out.
        pub fair_sharing: Option<Vec<Strategy>>,
    }
}

record! {
    /// An amount of a flavor of a resource.
    pub struct Use {
        /// The queue.
        pub queue: Spanned<String>,
        /// The flavor.
        pub flavor: String = "default".to_owned() => "there is one",
        /// The resource.
        pub resource: String = "cpu".to_owned() => "most cases have one",
        /// How much.
        pub amount: Amount,
    }
}

record! {
    /// What a tree of quotas leaves to each queue.
    pub struct QuotaCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// Cohorts and queues.
        pub quotas: Quotas,
        /// What is used.
        pub usage: Vec<Use> = Vec::new() => "nothing",
        /// What must come out.
        pub expect: QuotaExpected,
    }
}

record! {
    /// What must be left. At least one of the fields.
    pub struct QuotaExpected {
        /// What each queue may still use; below nothing is nothing.
        pub available: Vec<Use> = Vec::new() => "not asked",
        /// What it could use if nobody used anything.
        pub potential: Vec<Use> = Vec::new() => "not asked",
        /// By queue, its dominant resource share, rounded up.
        pub share: Vec<(Spanned<String>, Share)> = Vec::new() => "not asked",
    }
}

choice! {
    /// A share.
    pub enum Share (number is Of) {
        /// Thousandths of what the cohort can lend, by weight.
        Of(u64),
        /// Of a weight of 0 that borrows.
        Endless,
    }
}

record! {
    /// A workload that has quota. Times are ages.
    pub struct Admitted {
        /// Its name, unlike any other in the case; equals go by name.
        pub name: Spanned<String>,
        /// Whose quota it has.
        pub queue: Spanned<String>,
        /// Its priority.
        pub priority: i32 = 0 => "Kubernetes",
        /// How long ago it was made.
        pub created: Duration = Duration::from_secs(3600) => "an hour",
        /// How long ago it got its quota.
        pub reserved: Duration = Duration::from_secs(3600) => "an hour",
        /// Whether it is being evicted.
        pub evicted: bool = false => "most are not",
        /// What it has: flavor, resource and how much.
        pub usage: Vec<(String, String, Amount)>,
    }
}

record! {
    /// Pods that are alike.
    pub struct PodSet {
        /// How many.
        pub count: u32 = 1 => "one",
        /// With how few it can do (`minCount`); all are needed where left out.
        pub min_count: Option<u32>,
        /// What one pod asks for: resource and how much.
        pub requests: Vec<(String, Amount)>,
        /// The flavors that its selectors and tolerations allow; all where left out.
        pub flavors: Option<Vec<String>>,
    }
}

record! {
    /// A workload that waits.
    pub struct Pending {
        /// Its name, unlike any other in the case; equals go by name.
        pub name: Spanned<String>,
        /// Where it waits.
        pub queue: Spanned<String>,
        /// Its priority.
        pub priority: i32 = 0 => "Kubernetes",
        /// How long ago it was made, or last evicted.
        pub created: Duration = Duration::ZERO => "now",
        /// What it needs.
        pub pod_sets: Vec<PodSet>,
    }
}

choice! {
    /// What becomes of a workload.
    pub enum Outcome {
        /// It gets its quota.
        Admit,
        /// It gets its quota with so many pods in its sets.
        AdmitCounts(Vec<u64>),
        /// It gets its quota in these flavors: for each pod set and resource, in the order in which the case asks.
        AdmitFlavors(Vec<Vec<(String, String)>>),
        /// These are preempted for it, in any order.
        Preempt(Vec<String>),
        /// It waits: there is no room, and nobody is preempted for it.
        Inadmissible,
        /// Somebody before it in the cycle took what it needed: it is looked at again.
        Skipped,
        /// It is not the head of its queue: this cycle does not look at it.
        NotLookedAt,
    }
}

record! {
    /// What scheduling cycles decide.
    pub struct CycleCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// Cohorts and queues.
        pub quotas: Quotas,
        /// Workloads that have quota.
        pub admitted: Vec<Admitted> = Vec::new() => "none",
        /// Workloads that wait.
        pub pending: Vec<Pending>,
        /// How many cycles, one after the other; what is admitted stays, what is preempted is gone in the next. At most 1000.
        pub cycles: u32 = 1 => "one",
        /// By workload, what must become of it: at last, or in its last cycle.
        pub expect: Vec<(Spanned<String>, Outcome)>,
        /// Which workloads have quota in the end, in any order.
        pub admitted_after: Option<Vec<String>>,
    }
}

record! {
    /// A notebook server. Times are since the culler's start.
    pub struct Server {
        /// Its name.
        pub name: Spanned<String>,
        /// Whether it is a named server, and not its user's default one.
        pub named: bool = false => "most users have one",
        /// Whether its user is an administrator.
        pub admin: bool = false => "most are not",
        /// When it was started.
        pub started: Duration = Duration::ZERO => "with the culler",
        /// From when on it is not pending and runs.
        pub ready: Duration = Duration::ZERO => "at once",
        /// When the hub hears of activity, in any order; never where left out.
        pub activity: Vec<Duration> = Vec::new() => "none: its age counts",
        /// Until when it is always active.
        pub busy_until: Option<Duration>,
    }
}

record! {
    /// When notebook servers are stopped.
    pub struct CullerCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// `--timeout`.
        pub timeout: Duration = Duration::from_secs(600) => "jupyterhub-idle-culler",
        /// `--cull-every`; half the timeout where left out.
        pub cull_every: Option<Duration>,
        /// `--max-age`; off at 0.
        pub max_age: Duration = Duration::ZERO => "jupyterhub-idle-culler",
        /// `--cull-default-servers`.
        pub cull_default_servers: bool = true => "jupyterhub-idle-culler",
        /// `--cull-named-servers`.
        pub cull_named_servers: bool = true => "jupyterhub-idle-culler",
        /// `--remove-named-servers`.
        pub remove_named_servers: bool = false => "jupyterhub-idle-culler",
        /// `--cull-admin-users`.
        pub cull_admin_users: bool = true => "jupyterhub-idle-culler",
        /// The servers.
        pub servers: Vec<Server>,
        /// When to stop looking; at most a million looks.
        pub until: Duration = Duration::from_hours(24) => "a day",
        /// By server, what must become of it.
        pub expect: Vec<(Spanned<String>, Culled)>,
    }
}

choice! {
    /// What becomes of a server.
    pub enum Culled (duration is At) {
        /// It is stopped then.
        At(Duration),
        /// It is stopped then, and removed.
        Removed(Duration),
        /// It is stopped then for its age.
        TooOld(Duration),
        /// It runs until the end.
        Never,
    }
}
