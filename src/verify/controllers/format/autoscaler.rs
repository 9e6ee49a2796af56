//! Cases of the Cluster Autoscaler.

use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::{Duration, Rate};
use crate::verify::quantity::Amount;

record! {
    /// What a node has, or pods ask for together.
    pub struct CaResources {
        /// CPU.
        pub cpu: Amount = Amount(0) => "none",
        /// Memory.
        pub memory: Amount = Amount(0) => "none",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "most have none",
        /// Pods.
        pub pods: Amount = Amount(110_000) => "the kubelet's default",
    }
}

choice! {
    /// What a domain of a spread is.
    pub enum Domain {
        /// `kubernetes.io/hostname`: each new node is one.
        Hostname,
        /// Another label, of which all new nodes have this value.
        Label(String),
    }
}

record! {
    /// A `topologySpreadConstraints` entry with `DoNotSchedule` that selects the class's own pods.
    pub struct Spread {
        /// By how many pods a domain may exceed the emptiest.
        pub max_skew: u32,
        /// With fewer domains than this the emptiest counts as empty.
        pub min_domains: u32 = 1 => "Kubernetes",
        /// What a domain is.
        pub by: Domain,
        /// Pods that already run, by domain, with a zero for each empty one.
        pub existing: Vec<(String, u32)> = Vec::new() => "no nodes yet",
    }
}

record! {
    /// Pods that are alike.
    pub struct PodClass {
        /// How many.
        pub count: u32,
        /// CPU that each asks for.
        pub cpu: Amount = Amount(0) => "nothing",
        /// Memory.
        pub memory: Amount = Amount(0) => "nothing",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "nothing",
        /// Ports of the host that each takes.
        pub host_ports: Vec<u16> = Vec::new() => "none",
        /// How they must be spread.
        pub spread: Option<Spread>,
    }
}

record! {
    /// How many nodes of a group pods need.
    pub struct EstimateCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// What a node of the group has.
        pub template: CaResources,
        /// What DaemonSets take of it.
        pub daemons: CaDaemons = all_defaults() => "nothing",
        /// At most so many nodes.
        pub max_nodes: u32 = 1000 => "--max-nodes-per-scaleup",
        /// The pods; a million at most.
        pub pods: Vec<PodClass>,
        /// What must come out.
        pub expect: EstimateExpected,
    }
}

record! {
    /// What DaemonSets take of a node.
    pub struct CaDaemons {
        /// CPU.
        pub cpu: Amount = Amount(0) => "nothing",
        /// Memory.
        pub memory: Amount = Amount(0) => "nothing",
        /// Pods.
        pub pods: Amount = Amount(0) => "none",
    }
}

record! {
    /// What must come out. At least one of the fields.
    pub struct EstimateExpected {
        /// Nodes that get at least one pod.
        pub nodes: Option<u64>,
        /// Pods scheduled.
        pub pods: Option<u64>,
        /// The same by class.
        pub by_class: Option<Vec<u64>>,
    }
}

record! {
    /// One way to scale up.
    pub struct Choice {
        /// The group.
        pub group: Spanned<String>,
        /// Nodes that it would get.
        pub nodes: u32 = 1 => "one",
        /// Pods that it would help.
        pub pods: u32 = 1 => "one",
        /// What those ask for together.
        pub requested: CaResources = all_defaults() => "nothing",
        /// The capacity of one node.
        pub capacity: CaResources = all_defaults() => "not looked at by `most-pods` and `priority`",
        /// Price of a node for an hour, in any unit.
        pub node_price: f64 = 0.0 => "for `price` alone",
        /// Price of the pods for an hour, in the same unit.
        pub pod_price: f64 = 0.0 => "for `price` alone",
        /// Whether the group is there already.
        pub exists: bool = true => "most are",
    }
}

record! {
    /// What the price expander knows.
    pub struct Price {
        /// Price of a pod of 500 m and 500 MiB for an hour.
        pub stabilization: f64,
        /// The preferred node's CPU.
        pub preferred_cpu: Amount,
    }
}

choice! {
    /// An expander.
    pub enum Expander {
        /// `most-pods`.
        MostPods,
        /// `least-waste`.
        LeastWaste,
        /// `priority`: tiers with the names of their groups.
        Priority(Vec<(i64, Vec<String>)>),
        /// `price`.
        Price(Price),
    }
}

record! {
    /// Which group is scaled up.
    pub struct ExpandCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The options.
        pub options: Vec<Choice>,
        /// The expanders, in order.
        pub expanders: Vec<Expander> = vec![Expander::LeastWaste] => "release-1.34",
        /// By how much scores may differ.
        pub tolerance: f64 = 1e-9 => "doubles",
        /// What must come out.
        pub expect: ExpandExpected,
    }
}

record! {
    /// What must come out. At least one of the fields.
    pub struct ExpandExpected {
        /// The group that is taken: of several that are left, the first by name.
        pub group: Option<String>,
        /// The groups that are left, in any order.
        pub left: Option<Vec<String>>,
        /// By group: the free shares of CPU and memory, added up.
        pub waste: Vec<(Spanned<String>, f64)> = Vec::new() => "not asked",
        /// By group: the score of the first `Price` expander.
        pub score: Vec<(Spanned<String>, f64)> = Vec::new() => "not asked",
    }
}

record! {
    /// The node that the price expander prefers.
    pub struct PreferredCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// By the cluster's nodes: the preferred node's CPU.
        pub expect: Vec<(u32, Amount)>,
    }
}

record! {
    /// How a step is split over similar groups.
    pub struct BalanceCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// By group: its size and its maximum.
        pub groups: Vec<(u32, u32)>,
        /// How many nodes are added, at most a million.
        pub add: u32,
        /// The new sizes.
        pub expect: Vec<u32>,
        /// Whether groups may change places: only how many have which size counts.
        pub any_order: bool = false => "equals go to the first",
    }
}

choice! {
    /// What kind of pod it is.
    pub enum CaKind {
        /// Of a controller that makes another.
        Replicated,
        /// Of a custom controller.
        Custom,
        /// Of nobody.
        Unreplicated,
        /// Of a DaemonSet.
        Daemon,
        /// The mirror of a static pod.
        Mirror,
    }
}

record! {
    /// A pod on a node, or several that are alike.
    pub struct CaPod {
        /// How many, at most 100000 in a case.
        pub count: u32 = 1 => "one",
        /// CPU that it asks for.
        pub cpu: Amount = Amount(0) => "nothing",
        /// Memory.
        pub memory: Amount = Amount(0) => "nothing",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "nothing",
        /// What kind it is.
        pub kind: CaKind = CaKind::Replicated => "most are",
        /// Whether it has been terminating for longer than its grace.
        pub overdue: bool = false => "most are not",
        /// `cluster-autoscaler.kubernetes.io/safe-to-evict`.
        pub safe_to_evict: Option<bool>,
        /// Whether it runs in `kube-system`.
        pub system: bool = false => "most do not",
        /// Whether it has local storage.
        pub local_storage: bool = false => "most have none",
        /// The evictions that its disruption budget allows; it has none where left out.
        pub evictions_allowed: Option<u32>,
    }
}

record! {
    /// A node, or several that are alike.
    pub struct CaNode {
        /// Its name; of several, `name-1` and on, with leading zeros.
        pub name: Spanned<String>,
        /// How many there are, at most 10000 in a case.
        pub count: u32 = 1 => "one",
        /// Its group; the first where left out. Not looked at in `CaScaleDown`, which has one for all.
        pub group: Option<Spanned<String>>,
        /// What pods can have; in `CaScan`, what its group's template says where left out.
        pub allocatable: Option<CaResources>,
        /// Whether it has the provider's GPU label; where left out, whether it has GPUs.
        pub gpu_label: Option<bool>,
        /// The annotation `scale-down-disabled`.
        pub disabled: bool = false => "most have none",
        /// Its pods.
        pub pods: Vec<CaPod> = Vec::new() => "none",
    }
}

choice! {
    /// What becomes of a node.
    pub enum CaVerdict {
        /// It can go.
        Removable,
        /// It can go, its pods to these nodes, in the order of its pods.
        RemovableTo(Vec<String>),
        /// Too full, or kept by its annotation.
        NotEligible,
        /// It takes in the pods of a node that goes before it.
        Destination,
        /// A pod would find no other node.
        NoPlace,
        /// A pod keeps it.
        Blocked(CaBlocker),
    }
}

choice! {
    /// Why a pod keeps its node.
    pub enum CaBlocker {
        /// `safe-to-evict: "false"`.
        NotSafeToEvict,
        /// Nothing would make another.
        Unreplicated,
        /// A custom controller's.
        CustomController,
        /// Local storage.
        LocalStorage,
        /// In `kube-system` without a disruption budget.
        System,
        /// Its disruption budget allows none.
        Budget,
    }
}

record! {
    /// Flags of scaling down.
    pub struct CaFlags {
        /// `--scale-down-utilization-threshold`.
        pub threshold: f64 = 0.5 => "release-1.34",
        /// `--scale-down-gpu-utilization-threshold`.
        pub gpu_threshold: f64 = 0.5 => "release-1.34",
        /// `--ignore-daemonsets-utilization`.
        pub ignore_daemonsets: bool = false => "release-1.34",
        /// `--ignore-mirror-pods-utilization`.
        pub ignore_mirror_pods: bool = false => "release-1.34",
        /// `--skip-nodes-with-local-storage`.
        pub skip_local_storage: bool = true => "release-1.34",
        /// `--skip-nodes-with-system-pods`.
        pub skip_system: bool = true => "release-1.34",
        /// `--skip-nodes-with-custom-controller-pods`.
        pub skip_custom: bool = true => "release-1.34",
    }
}

record! {
    /// How full nodes are, and which could go.
    pub struct ScaleDownCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The flags.
        pub flags: CaFlags = all_defaults() => "release-1.34",
        /// The nodes; pods go to the first that takes them. Empty nodes are looked at first, then the others in this order.
        pub nodes: Vec<CaNode>,
        /// By how much utilisations may differ.
        pub tolerance: f64 = 1e-12 => "doubles",
        /// What must come out.
        pub expect: ScaleDownExpected,
    }
}

record! {
    /// What must come out. At least one of the fields.
    pub struct ScaleDownExpected {
        /// By node, how full it is, from 0.
        pub utilization: Vec<(Spanned<String>, f64)> = Vec::new() => "not asked",
        /// By node, whether it is empty enough and not kept by its annotation.
        pub eligible: Vec<(Spanned<String>, bool)> = Vec::new() => "not asked",
        /// By node, what becomes of it.
        pub verdicts: Vec<(Spanned<String>, CaVerdict)> = Vec::new() => "not asked",
    }
}

record! {
    /// A group of equal machines.
    pub struct CaGroup {
        /// Its name; groups go by name.
        pub name: Spanned<String>,
        /// Its minimum size.
        pub min: u32 = 0 => "none",
        /// Its maximum size.
        pub max: u32 = 1000 => "large",
        /// What a node of it has.
        pub template: CaResources,
        /// What a node costs for an hour; the expander `Price` alone looks at it.
        pub price: Rate = Rate(0) => "not looked at",
        /// Whether its nodes come and go only all together.
        pub whole: bool = false => "most do not",
    }
}

record! {
    /// Flags of the loop.
    pub struct CaLoop {
        /// `--scan-interval`.
        pub scan_interval: Duration = Duration::from_secs(10) => "release-1.34",
        /// `--scale-down-unneeded-time`.
        pub unneeded_time: Duration = Duration::from_secs(600) => "release-1.34",
        /// `--scale-down-unready-time`.
        pub unready_time: Duration = Duration::from_secs(1200) => "release-1.34",
        /// `--scale-down-delay-after-add`.
        pub delay_after_add: Duration = Duration::from_secs(600) => "release-1.34",
        /// `--scale-down-delay-after-delete`.
        pub delay_after_delete: Duration = Duration::ZERO => "release-1.34",
        /// `--scale-down-delay-after-failure`.
        pub delay_after_failure: Duration = Duration::from_secs(180) => "release-1.34",
        /// `--max-scale-down-parallelism`.
        pub max_scale_down_parallelism: u32 = 10 => "release-1.34",
        /// `--max-drain-parallelism`.
        pub max_drain_parallelism: u32 = 1 => "release-1.34",
        /// `--scale-down-enabled`.
        pub scale_down: bool = true => "release-1.34",
        /// `--balance-similar-node-groups`.
        pub balance: bool = false => "release-1.34",
        /// `--max-nodes-total`; no limit at 0.
        pub max_nodes_total: u32 = 0 => "release-1.34",
        /// `--expander`.
        pub expanders: Vec<LoopExpander> = vec![LoopExpander::LeastWaste] => "release-1.34",
    }
}

choice! {
    /// An expander of the loop.
    pub enum LoopExpander {
        /// `most-pods`.
        MostPods,
        /// `least-waste`.
        LeastWaste,
        /// `priority`: tiers with the names of their groups.
        Priority(Vec<(i64, Vec<String>)>),
        /// `price`: what a pod of 500 m and 500 MiB costs for an hour.
        Price(Rate),
    }
}

record! {
    /// Pods that find no place.
    pub struct CaPods {
        /// How many.
        pub count: u32 = 1 => "one",
        /// CPU that each asks for.
        pub cpu: Amount = Amount(0) => "nothing",
        /// Memory.
        pub memory: Amount = Amount(0) => "nothing",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "nothing",
        /// Their priority.
        pub priority: i32 = 0 => "Kubernetes",
        /// The groups whose nodes they go to; all where left out.
        pub groups: Option<Vec<Spanned<String>>>,
    }
}

choice! {
    /// What happens.
    pub enum CaEvent {
        /// Pods are made, and the scheduler finds no place for them.
        Pods(CaPods),
        /// From now on these are the pods of a node.
        Runs(Spanned<String>, Vec<CaPod>),
        /// A node's pods all go.
        Empties(Spanned<String>),
        /// The next deletion fails as it begins.
        NextDeletionFails,
        /// Nothing that a group is waiting for comes.
        LaunchFails(Spanned<String>),
    }
}

choice! {
    /// What is done.
    pub enum CaAct {
        /// A group grows by so many nodes.
        Grow(Spanned<String>, u32),
        /// A node with no pod to move is deleted.
        Delete(Spanned<String>),
        /// A node is drained.
        Drain(Spanned<String>),
    }
}

choice! {
    /// Why a node stays.
    pub enum CaWhy {
        /// The cluster is unhealthy.
        Unhealthy,
        /// Scale-down is off.
        Off,
        /// It is starting.
        Starting,
        /// It is being deleted.
        Deleting,
        /// Its group is at its minimum.
        GroupAtMin,
        /// `scale-down-disabled`.
        Disabled,
        /// Too full.
        Utilised,
        /// A pod keeps it.
        Blocked,
        /// A pod would find no other node.
        NoPlace,
        /// It takes in pods of another.
        Destination,
        /// Others come first.
        NotExamined,
        /// It has not been unneeded for long enough.
        NotLongEnough,
        /// Deletions are held back.
        Cooling,
        /// Its group would be below its minimum.
        MinSize,
        /// Its group goes only as a whole.
        Whole,
        /// As many as may go at once are going.
        Parallelism,
    }
}

record! {
    /// The loop over time, from 0 on. Nodes that are launched stay on their way until the end of the case; a node is gone 5 s
    /// after its deletion begins, or `drain_takes` after its drain does, its pods then on the nodes that were found for them.
    pub struct ScanCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// Flags of the loop.
        pub settings: CaLoop = all_defaults() => "release-1.34",
        /// Flags of scaling down.
        pub flags: CaFlags = all_defaults() => "release-1.34",
        /// The groups.
        pub groups: Vec<CaGroup>,
        /// Nodes that are there at first.
        pub nodes: Vec<CaNode> = Vec::new() => "none",
        /// What happens, in the order of time.
        pub events: Vec<(Spanned<Duration>, CaEvent)> = Vec::new() => "nothing",
        /// How long a drain takes.
        pub drain_takes: Duration = Duration::from_secs(35) => "5 s and a grace of 30 s",
        /// The last scan; at most a week.
        pub until: Duration = Duration::from_secs(1200) => "twenty minutes",
        /// What must come out.
        pub expect: ScanExpected,
    }
}

record! {
    /// What the loop must do. At least one of the fields.
    pub struct ScanExpected {
        /// All that is done, in order.
        pub acts: Option<Vec<(Duration, CaAct)>>,
        /// By node, why it stays at last.
        pub why_not: Vec<(Spanned<String>, CaWhy)> = Vec::new() => "not asked",
    }
}
