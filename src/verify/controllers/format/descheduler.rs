//! Cases of the Descheduler.

use super::{Effect, Taint, Toleration};
use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::Duration;
use crate::verify::quantity::Amount;

choice! {
    /// Which plugin.
    pub enum Plugin {
        /// `LowNodeUtilization`.
        LowNodeUtilization(Low),
        /// `HighNodeUtilization`.
        HighNodeUtilization(High),
    }
}

record! {
    /// Arguments of `LowNodeUtilization`. Percentages by resource: `cpu`, `memory`, `pods`, or an extended one.
    pub struct Low {
        /// `thresholds`.
        pub thresholds: Vec<(String, f64)>,
        /// `targetThresholds`.
        pub target_thresholds: Vec<(String, f64)>,
        /// `useDeviationThresholds`.
        pub use_deviation_thresholds: bool = false => "descheduler",
        /// `numberOfNodes`.
        pub number_of_nodes: u32 = 0 => "descheduler",
        /// `metricsUtilization`: usage is what is measured.
        pub metrics: bool = false => "requests",
        /// `evictionLimits.node`.
        pub eviction_limit_node: Option<u32>,
    }
}

record! {
    /// Arguments of `HighNodeUtilization`. Percentages by resource: `cpu`, `memory`, `pods`, or an extended one.
    pub struct High {
        /// `thresholds`.
        pub thresholds: Vec<(String, f64)>,
        /// `numberOfNodes`.
        pub number_of_nodes: u32 = 0 => "descheduler",
        /// `evictionModes: [OnlyThresholdingResources]`.
        pub only_thresholding_resources: bool = false => "descheduler",
    }
}

record! {
    /// `DefaultEvictor` and the limits of the run.
    pub struct Evictor {
        /// `nodeFit`.
        pub node_fit: bool = false => "descheduler",
        /// `minReplicas`.
        pub min_replicas: u32 = 0 => "descheduler",
        /// `minPodAge`.
        pub min_pod_age: Duration = Duration::ZERO => "descheduler",
        /// `priorityThreshold`.
        pub priority_threshold: Option<i32>,
        /// `evictSystemCriticalPods`.
        pub evict_system_critical_pods: bool = false => "descheduler",
        /// `evictLocalStoragePods`.
        pub evict_local_storage_pods: bool = false => "descheduler",
        /// `evictDaemonSetPods`.
        pub evict_daemon_set_pods: bool = false => "descheduler",
        /// `ignorePvcPods`.
        pub ignore_pvc_pods: bool = false => "descheduler",
        /// Whether pods without an owner may go too.
        pub evict_bare_pods: bool = false => "descheduler",
        /// `evictableNamespaces.exclude` of the plugin.
        pub excluded_namespaces: Vec<String> = Vec::new() => "none",
        /// `maxNoOfPodsToEvictPerNode`.
        pub max_pods_per_node: Option<u32>,
        /// `maxNoOfPodsToEvictPerNamespace`.
        pub max_pods_per_namespace: Option<u32>,
        /// `maxNoOfPodsToEvictTotal`.
        pub max_pods_total: Option<u32>,
    }
}

record! {
    /// A node.
    pub struct DsNode {
        /// Its name.
        pub name: Spanned<String>,
        /// CPU that pods can have.
        pub cpu: Amount,
        /// Memory.
        pub memory: Amount,
        /// Pods.
        pub pods: Amount = Amount(110_000) => "the kubelet's default",
        /// Extended resources: name and how many.
        pub extended: Vec<(String, Amount)> = Vec::new() => "none",
        /// Whether it is cordoned.
        pub unschedulable: bool = false => "most are not",
        /// Its taints.
        pub taints: Vec<Taint> = Vec::new() => "none",
        /// Its labels.
        pub labels: Vec<(String, String)> = Vec::new() => "none",
        /// CPU and memory that are measured to be in use.
        pub measured: Option<(Amount, Amount)>,
    }
}

choice! {
    /// Whose pod it is.
    pub enum Owner {
        /// A controller's that makes another.
        ReplicaSet,
        /// A DaemonSet's.
        DaemonSet,
        /// Static, or the mirror of one.
        Static,
        /// Nobody's.
        Nobody,
    }
}

choice! {
    /// Quality of service.
    pub enum Qos {
        /// No requests and no limits.
        BestEffort,
        /// Something between.
        Burstable,
        /// Requests that are limits.
        Guaranteed,
    }
}

record! {
    /// A pod, or several that are alike.
    pub struct DsPod {
        /// Its name; of several, `name-1` and on, with leading zeros.
        pub name: Spanned<String>,
        /// How many there are, at most 100000 in a case.
        pub count: u32 = 1 => "one",
        /// Where it is.
        pub node: Spanned<String>,
        /// CPU that it asks for.
        pub cpu: Amount = Amount(0) => "nothing",
        /// Memory.
        pub memory: Amount = Amount(0) => "nothing",
        /// Extended resources: name and how many.
        pub extended: Vec<(String, Amount)> = Vec::new() => "none",
        /// Its priority; none where left out.
        pub priority: Option<i32>,
        /// Its quality of service.
        pub qos: Qos = Qos::Burstable => "most have requests",
        /// Its namespace.
        pub namespace: String = "default".to_owned() => "Kubernetes",
        /// Whose it is.
        pub owner: Owner = Owner::ReplicaSet => "most are",
        /// How many pods its owner has.
        pub replicas: u32 = 1 => "at least itself",
        /// Whether it has local storage.
        pub local_storage: bool = false => "most have none",
        /// Whether it has a PersistentVolumeClaim.
        pub pvc: bool = false => "most have none",
        /// The annotation `descheduler.alpha.kubernetes.io/evict`.
        pub evict: bool = false => "most have none",
        /// How long ago it started.
        pub started: Duration = Duration::from_hours(1) => "a while ago",
        /// Its disruption budgets, by name.
        pub pdbs: Vec<Spanned<String>> = Vec::new() => "none",
        /// `nodeSelector`.
        pub node_selector: Vec<(String, String)> = Vec::new() => "none",
        /// Its tolerations.
        pub tolerations: Vec<Toleration> = Vec::new() => "none",
        /// CPU and memory that are measured to be in use.
        pub measured: Option<(Amount, Amount)>,
    }
}

choice! {
    /// What a node is to the plugin.
    pub enum Class {
        /// Under-used.
        Under,
        /// Over-used.
        Over,
        /// Of `HighNodeUtilization`: pods may go there.
        Destination,
        /// None of these.
        Neither,
    }
}

choice! {
    /// Why nothing is tried.
    pub enum Stop {
        /// Something is.
        No,
        /// A node has no metrics.
        NoMetrics,
        /// No node is under-used.
        NoneUnder,
        /// No more are than `number_of_nodes`.
        FewUnder,
        /// All are.
        AllUnder,
        /// None is over-used.
        NoneOver,
        /// No other node can be scheduled to.
        NoDestination,
    }
}

choice! {
    /// Why a pod was passed over.
    pub enum Passed {
        /// Of a DaemonSet.
        Daemon,
        /// Static.
        Static,
        /// Nobody would make another.
        Bare,
        /// Critical to the system.
        SystemCritical,
        /// Its priority is at the threshold or above.
        Priority,
        /// Local storage.
        LocalStorage,
        /// A volume.
        Volume,
        /// Too few of its kind.
        FewReplicas,
        /// Too young.
        Young,
        /// It asks for none of the listed resources.
        AsksForNone,
        /// It tolerates the taints of no destination.
        Taints,
        /// No other node has room for it.
        NoFit,
        /// Its namespace is excluded.
        Namespace,
        /// It is not measured.
        NotMeasured,
        /// So many of its namespace went already.
        NamespaceLimit,
        /// Its disruption budget allows none.
        Budget,
        /// It has several disruption budgets.
        SeveralBudgets,
    }
}

record! {
    /// One run of a plugin.
    pub struct DeschedulerCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The plugin.
        pub plugin: Plugin,
        /// Which pods may go.
        pub evictor: Evictor = all_defaults() => "descheduler",
        /// The nodes; equals go in this order.
        pub nodes: Vec<DsNode>,
        /// The pods; equals go in this order.
        pub pods: Vec<DsPod> = Vec::new() => "none",
        /// Evictions that disruption budgets allow.
        pub pdbs: Vec<(Spanned<String>, u32)> = Vec::new() => "none",
        /// What must come out.
        pub expect: DeschedulerExpected,
    }
}

record! {
    /// What the run must do. At least one of the fields.
    pub struct DeschedulerExpected {
        /// How many pods are evicted.
        pub count: Option<u64>,
        /// Who is evicted, in any order.
        pub evicted: Option<Vec<String>>,
        /// Who is evicted, in order.
        pub order: Option<Vec<String>>,
        /// By node, how many of its pods are evicted.
        pub by_node: Vec<(Spanned<String>, u64)> = Vec::new() => "not asked",
        /// By node, what it is.
        pub classes: Vec<(Spanned<String>, Class)> = Vec::new() => "not asked",
        /// By node and resource, how much is in use in percent: within 1e-9.
        pub percent: Vec<(Spanned<String>, String, f64)> = Vec::new() => "not asked",
        /// Why nothing is tried.
        pub stop: Option<Stop>,
        /// By pod, why it is passed over.
        pub passed: Vec<(Spanned<String>, Passed)> = Vec::new() => "not asked",
    }
}

/// Whether a taint only asks to be avoided.
pub const fn prefers(e: &Effect) -> bool {
    matches!(e, Effect::PreferNoSchedule)
}
