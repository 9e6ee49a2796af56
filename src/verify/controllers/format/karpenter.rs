//! Cases of Karpenter.

use jiff::civil::DateTime;

use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::{Duration, Rate};
use crate::verify::quantity::Amount;

/// The moment of a case that does not say.
fn new_year() -> DateTime {
    jiff::civil::date(2024, 1, 1).to_datetime(jiff::civil::Time::midnight())
}

choice! {
    /// Whose rules hold.
    pub enum Compat {
        /// The API v1beta1, up to v0.37.
        V1Beta1,
        /// v1.0 to v1.13.
        V1_13,
        /// From v1.14.
        V1_14,
    }
}

record! {
    /// The operator's settings.
    pub struct Settings {
        /// Whose rules hold.
        pub compat: Compat = Compat::V1_14 => "the newest that is known",
        /// `--batch-idle-duration`.
        pub batch_idle_duration: Duration = Duration::from_secs(1) => "karpenter options.go",
        /// `--batch-max-duration`.
        pub batch_max_duration: Duration = Duration::from_secs(10) => "karpenter options.go",
        /// `--preference-policy`: whether preferences count.
        pub respect_preferences: bool = true => "karpenter options.go",
        /// `--min-values-policy`: `BestEffort` rather than `Strict`.
        pub best_effort_min_values: bool = false => "karpenter options.go",
        /// The feature gate `SpotToSpotConsolidation`.
        pub spot_to_spot_consolidation: bool = false => "karpenter options.go",
        /// The feature gate `ReservedCapacity`.
        pub reserved_capacity: bool = true => "karpenter options.go",
    }
}

choice! {
    /// How a requirement is meant.
    pub enum Operator {
        /// One of the values.
        In,
        /// None of them.
        NotIn,
        /// Any.
        Exists,
        /// The label is not there.
        DoesNotExist,
        /// Above the value; of those that the case names.
        Gt,
        /// Below it; of those that the case names.
        Lt,
    }
}

record! {
    /// A requirement on a label.
    pub struct Requirement {
        /// The label.
        pub key: String,
        /// How it is meant.
        pub operator: Operator = Operator::In => "most are",
        /// The values.
        pub values: Vec<Spanned<String>> = Vec::new() => "`Exists` has none",
        /// `minValues`.
        pub min_values: Option<u32>,
    }
}

choice! {
    /// What a taint does.
    pub enum Effect {
        /// Keeps off.
        NoSchedule,
        /// Keeps off if it can.
        PreferNoSchedule,
        /// Keeps off and drives away.
        NoExecute,
    }
}

record! {
    /// A taint.
    pub struct Taint {
        /// Its key.
        pub key: String,
        /// Its value.
        pub value: String = String::new() => "taints need none",
        /// What it does.
        pub effect: Effect = Effect::NoSchedule => "the usual one",
    }
}

record! {
    /// A toleration. Without a key it is of every taint, without a value of all values, without an effect of all effects.
    pub struct Toleration {
        /// Its key.
        pub key: Option<String>,
        /// Its value; left out, the operator is `Exists`.
        pub value: Option<String>,
        /// Its effect.
        pub effect: Option<Effect>,
    }
}

choice! {
    /// How capacity is bought.
    pub enum Capacity {
        /// `on-demand`.
        OnDemand,
        /// `spot`.
        Spot,
        /// `reserved`.
        Reserved,
    }
}

record! {
    /// Where and how a type can be had.
    pub struct Offering {
        /// How it is bought.
        pub capacity: Capacity = Capacity::OnDemand => "the usual one",
        /// The zone.
        pub zone: String = "zone-1".to_owned() => "all are in one",
        /// What a node costs for an hour.
        pub price: Rate,
        /// Whether it can be had now.
        pub available: bool = true => "most can",
        /// Of a reservation: how many nodes it still takes.
        pub reservations: u32 = 1 => "one that is left",
    }
}

record! {
    /// A machine type.
    pub struct InstanceType {
        /// Its name.
        pub name: Spanned<String>,
        /// CPU.
        pub cpu: Amount = Amount(4000) => "karpenter's fake provider",
        /// Memory.
        pub memory: Amount = Amount((4 * 1000) << 30) => "karpenter's fake provider",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "most have none",
        /// Pods.
        pub pods: Amount = Amount(110_000) => "the kubelet's default",
        /// What of it pods can have; all of it where left out.
        pub allocatable: Option<Allocatable>,
        /// Further labels: key and value; a key may come several times.
        pub labels: Vec<(String, String)> = Vec::new() => "type, zones and capacity types are implied",
        /// Metal, or with an accelerator: not launched while others remain.
        pub exotic: bool = false => "most are not",
        /// Its offerings.
        pub offerings: Vec<Offering>,
    }
}

record! {
    /// What pods can have of a node.
    pub struct Allocatable {
        /// CPU.
        pub cpu: Amount,
        /// Memory.
        pub memory: Amount,
        /// GPUs.
        pub gpu: Amount = Amount(0) => "most have none",
        /// Pods.
        pub pods: Amount = Amount(110_000) => "the kubelet's default",
    }
}

choice! {
    /// After a while, or never.
    pub enum After (duration is After) {
        /// After so long.
        After(Duration),
        /// `Never`.
        Never,
    }
}

choice! {
    /// `consolidationPolicy`.
    pub enum ConsolidationPolicy {
        /// Only empty nodes.
        WhenEmpty,
        /// All; v1beta1 has it as `WhenUnderutilized`.
        WhenEmptyOrUnderutilized,
        /// All that save enough.
        Balanced,
    }
}

choice! {
    /// Why nodes are disrupted.
    pub enum Reason {
        /// `Underutilized`.
        Underutilized,
        /// `Empty`.
        Empty,
        /// `Drifted`.
        Drifted,
    }
}

record! {
    /// A disruption budget.
    pub struct Budget {
        /// How many nodes: `"5"` or `"10%"`.
        pub nodes: String = "10%".to_owned() => "karpenter nodepool.go",
        /// For which reasons; for all where left out.
        pub reasons: Vec<Reason> = Vec::new() => "for all",
        /// A cron schedule in UTC; always without.
        pub schedule: Option<String>,
        /// For how long after each hit.
        pub duration: Option<Duration>,
    }
}

record! {
    /// What counts against limits.
    pub struct Limits {
        /// CPU.
        pub cpu: Option<Amount>,
        /// Memory.
        pub memory: Option<Amount>,
        /// GPUs.
        pub gpu: Option<Amount>,
        /// Nodes.
        pub nodes: Option<u64>,
    }
}

record! {
    /// A NodePool.
    pub struct NodePool {
        /// Its name.
        pub name: Spanned<String> = Spanned::unplaced("default".to_owned()) => "there is one",
        /// `weight`.
        pub weight: Option<u32>,
        /// What its nodes are.
        pub requirements: Vec<Requirement> = Vec::new() => "anything",
        /// Labels of its nodes.
        pub labels: Vec<(String, String)> = Vec::new() => "none",
        /// Taints of its nodes.
        pub taints: Vec<Taint> = Vec::new() => "none",
        /// Its types, by name; all where left out.
        pub types: Option<Vec<Spanned<String>>>,
        /// What DaemonSets take of each of its nodes.
        pub daemons: PodRequests = all_defaults() => "none",
        /// Its limits.
        pub limits: Limits = all_defaults() => "none",
        /// `disruption.consolidationPolicy`.
        pub consolidation_policy: ConsolidationPolicy = ConsolidationPolicy::WhenEmptyOrUnderutilized => "karpenter nodepool.go",
        /// `disruption.consolidateAfter`; 0 s where left out.
        pub consolidate_after: Option<After>,
        /// `disruption.budgets`.
        pub budgets: Vec<Budget> = vec![all_defaults()] => "karpenter nodepool.go: 10 %",
        /// `template.spec.expireAfter`.
        pub expire_after: After = After::After(Duration::from_hours(720)) => "karpenter nodepool.go",
        /// `template.spec.terminationGracePeriod`.
        pub termination_grace_period: Option<Duration>,
        /// A static pool of so many nodes.
        pub replicas: Option<u64>,
        /// Stands for the hash of its template: nodes with another have drifted.
        pub template: u64 = 0 => "all alike",
    }
}

record! {
    /// What pods ask for.
    pub struct PodRequests {
        /// CPU.
        pub cpu: Amount = Amount(0) => "nothing",
        /// Memory.
        pub memory: Amount = Amount(0) => "nothing",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "nothing",
        /// Pods.
        pub pods: Amount = Amount(0) => "nothing",
    }
}

record! {
    /// A node, or several that are alike. Times are ages, before the moment of the case.
    pub struct Node {
        /// Its name; of several, `name-1` and on, with leading zeros.
        pub name: Spanned<String>,
        /// How many there are, at most 10000 in a case.
        pub count: u32 = 1 => "one",
        /// Its pool; `None`: not Karpenter's. The first pool where left out.
        pub pool: Belongs = Belongs::First => "there is one",
        /// Its type; the first where left out.
        pub r#type: Option<Spanned<String>>,
        /// How it was bought: an offering of its type.
        pub capacity: Capacity = Capacity::OnDemand => "the usual one",
        /// Its zone; that of the first such offering where left out.
        pub zone: Option<String>,
        /// Further labels.
        pub labels: Vec<(String, String)> = Vec::new() => "those of its type and pool are implied",
        /// Its taints; those of its pool where left out.
        pub taints: Option<Vec<Taint>>,
        /// What pods can have, where that is not what its type says.
        pub allocatable: Option<Allocatable>,
        /// How long ago it was made.
        pub created: Duration = Duration::from_hours(1) => "a while ago",
        /// How long ago it was initialised.
        pub initialized: Since = Since::Ago(Duration::from_hours(1)) => "a while ago",
        /// How long ago a pod came or went; never where left out.
        pub last_pod_event: Option<Duration>,
        /// Whether it is `Ready`.
        pub ready: bool = true => "most are",
        /// Whether it is marked for deletion.
        pub deleting: bool = false => "most are not",
        /// For how long it is still held for a pending pod.
        pub nominated: Option<Duration>,
        /// `karpenter.sh/do-not-disrupt` on the node.
        pub do_not_disrupt: bool = false => "most have none",
        /// How long ago it was found to have drifted.
        pub drifted: Option<Duration>,
        /// Its pool's template when it was made.
        pub template: u64 = 0 => "all alike",
    }
}

choice! {
    /// Whose node it is.
    pub enum Belongs {
        /// The first pool's.
        First,
        /// This pool's.
        Pool(Spanned<String>),
        /// Not Karpenter's.
        Nobody,
    }
}

choice! {
    /// Since when.
    pub enum Since (duration is Ago) {
        /// So long ago.
        Ago(Duration),
        /// Not yet.
        NotYet,
    }
}

choice! {
    /// `karpenter.sh/do-not-disrupt` of a pod.
    pub enum DoNotDisrupt {
        /// Not set.
        No,
        /// `true`.
        Always,
        /// For so long after its start.
        For(Duration),
    }
}

record! {
    /// A pod, or several that are alike.
    pub struct Pod {
        /// Its name; of several, `name-1` and on, with leading zeros.
        pub name: Spanned<String>,
        /// How many there are (on each node), at most 100000 in a case.
        pub count: u32 = 1 => "one",
        /// Where it is: a node, or nodes that are alike, each with so many of it. It waits where left out.
        pub node: Option<Spanned<String>>,
        /// CPU that it asks for.
        pub cpu: Amount = Amount(0) => "nothing",
        /// Memory.
        pub memory: Amount = Amount(0) => "nothing",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "nothing",
        /// Its priority.
        pub priority: i32 = 0 => "Kubernetes",
        /// `controller.kubernetes.io/pod-deletion-cost`.
        pub deletion_cost: i32 = 0 => "Kubernetes",
        /// `karpenter.sh/do-not-disrupt`.
        pub do_not_disrupt: DoNotDisrupt = DoNotDisrupt::No => "not set",
        /// Of a DaemonSet or static: it stays with its node.
        pub daemon: bool = false => "most are not",
        /// Whether it is terminating.
        pub terminating: bool = false => "most are not",
        /// How long ago it was made.
        pub created: Duration = Duration::from_secs(60) => "a while ago",
        /// How long ago it started; not known where left out.
        pub started: Option<Duration>,
        /// Its disruption budgets, by name.
        pub pdbs: Vec<Spanned<String>> = Vec::new() => "none",
        /// `nodeSelector`.
        pub node_selector: Vec<(String, String)> = Vec::new() => "none",
        /// Required node affinity: terms of which one must hold.
        pub required: Vec<Vec<Requirement>> = Vec::new() => "none",
        /// Preferred node affinity, the heaviest first.
        pub preferred: Vec<Vec<Requirement>> = Vec::new() => "none",
        /// Its tolerations.
        pub tolerations: Vec<Toleration> = Vec::new() => "none",
        /// A group of which no two pods share a node (required anti-affinity by host).
        pub apart: Option<String>,
    }
}

record! {
    /// A PodDisruptionBudget.
    pub struct Pdb {
        /// Its name.
        pub name: Spanned<String>,
        /// `status.disruptionsAllowed`.
        pub allowed: u32,
        /// Whether it never allows any (`maxUnavailable: 0`): its pods are not moved even in a simulation.
        pub never: bool = false => "most do at times",
    }
}

record! {
    /// All that Karpenter looks at. Pools, types and nodes go by their names, pods in the order of the list.
    pub struct Cluster {
        /// Node pools.
        pub pools: Vec<NodePool> = vec![all_defaults()] => "one of defaults",
        /// Machine types.
        pub types: Vec<InstanceType>,
        /// Nodes.
        pub nodes: Vec<Node> = Vec::new() => "none",
        /// Pods.
        pub pods: Vec<Pod> = Vec::new() => "none",
        /// Disruption budgets of pods.
        pub pdbs: Vec<Pdb> = Vec::new() => "none",
        /// Labels that any node may turn out to have though its pool does not mention them, beside the usual ones.
        pub well_known: Vec<String> = Vec::new() => "arch, os, region, windows-build and the provider's",
    }
}

record! {
    /// When batches of pending pods close.
    pub struct BatchCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The operator's settings.
        pub settings: Settings = all_defaults() => "all defaults",
        /// Pods and when each is seen to wait, in the order of time.
        pub arrivals: Vec<(String, Spanned<Duration>)>,
        /// When the windows close.
        pub expect: Vec<Duration>,
    }
}

record! {
    /// A node that is to be launched. Fields that are left out are not looked at.
    pub struct Planned {
        /// Its pool.
        pub pool: Option<String>,
        /// Its pods, in any order.
        pub pods: Option<Vec<String>>,
        /// How many pods it has.
        pub pod_count: Option<u64>,
        /// What it could be, in any order.
        pub types: Option<Vec<String>>,
        /// How many types it could be.
        pub type_count: Option<u64>,
        /// The first of these by price.
        pub cheapest: Option<String>,
        /// The capacity types that it may have, in any order.
        pub capacity: Option<Vec<Capacity>>,
        /// The zones that it may lie in of those in the case, in any order.
        pub zones: Option<Vec<String>>,
        /// What a launch takes.
        pub launch: Option<Launch>,
    }
}

record! {
    /// What a launch takes. Fields that are left out are not looked at.
    pub struct Launch {
        /// The type.
        pub r#type: Option<String>,
        /// How it is bought.
        pub capacity: Option<Capacity>,
        /// The zone.
        pub zone: Option<String>,
        /// What it costs for an hour.
        pub price: Option<Rate>,
    }
}

record! {
    /// Where pods that wait go.
    pub struct ProvisionCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The operator's settings.
        pub settings: Settings = all_defaults() => "all defaults",
        /// What there is.
        pub cluster: Cluster,
        /// What must come out.
        pub expect: ProvisionExpected,
    }
}

record! {
    /// What the provisioner must decide. At least one of the fields.
    pub struct ProvisionExpected {
        /// How many nodes are launched.
        pub nodes: Option<u64>,
        /// All nodes that are launched, in the order of their first pods.
        pub planned: Option<Vec<Planned>>,
        /// Pods that go to nodes that are there: pod and node, in any order.
        pub nominated: Option<Vec<(String, String)>>,
        /// How many pods go to nodes that are there.
        pub nominated_count: Option<u64>,
        /// Pods that go nowhere, in any order.
        pub failed: Option<Vec<String>>,
        /// What the nodes cost for an hour as they are launched, one after the other.
        pub price: Option<Rate>,
    }
}

choice! {
    /// How nodes are found that go.
    pub enum Method {
        /// v1beta1: too old.
        Expiration,
        /// Empty.
        Emptiness,
        /// Drifted.
        Drift,
        /// Several for one or none.
        MultiNode,
        /// One for one or none.
        SingleNode,
    }
}

choice! {
    /// Why a node may not be disrupted.
    pub enum Blocked {
        /// Nothing is in the way.
        No,
        /// Not Karpenter's.
        Unmanaged,
        /// Not initialised.
        Uninitialized,
        /// Marked for deletion.
        Deleting,
        /// Held for a pending pod.
        Nominated,
        /// `karpenter.sh/do-not-disrupt` on the node.
        NodeAnnotation,
        /// The same on a pod.
        PodAnnotation,
        /// A pod has several disruption budgets.
        SeveralPdbs,
        /// A pod's disruption budget allows none.
        Pdb,
    }
}

choice! {
    /// Why nodes are not consolidated.
    pub enum WhyNot {
        /// They can be.
        No,
        /// Some pods would have no place.
        NoPlace,
        /// They would need so many new nodes.
        SeveralNodes(u64),
        /// Nothing that could take their pods is cheaper at worst.
        NotCheaper,
        /// What is cheaper is too little for `minValues`.
        MinValues,
        /// A spot node is not replaced by spot without the feature gate.
        SpotToSpotOff,
        /// It needs 15 cheaper types, and has this number.
        SpotToSpotFew(u64),
    }
}

choice! {
    /// Why a node has drifted.
    pub enum DriftReason {
        /// It has not.
        No,
        /// `NodePoolDrifted`.
        Template,
        /// `RequirementsDrifted`.
        Requirements,
        /// `InstanceTypeNotFound`.
        InstanceType,
    }
}

record! {
    /// What one pass decides.
    pub struct DisruptCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The operator's settings.
        pub settings: Settings = all_defaults() => "all defaults",
        /// What there is.
        pub cluster: Cluster,
        /// The moment, in UTC: schedules of budgets depend on it.
        pub time: DateTime = new_year() => "any will do without schedules",
        /// What must come out.
        pub expect: DisruptExpected,
    }
}

record! {
    /// What the pass must decide. At least one of the fields.
    pub struct DisruptExpected {
        /// Whether nothing is to be done.
        pub nothing: Option<bool>,
        /// How the nodes were found.
        pub method: Option<Method>,
        /// Which nodes go, in any order.
        pub nodes: Option<Vec<String>>,
        /// Which nodes go, in the order of the method.
        pub order: Option<Vec<String>>,
        /// How many nodes go.
        pub count: Option<u64>,
        /// What is launched in their place.
        pub replacements: Option<Vec<Planned>>,
        /// What is saved for an hour if replacements launch at their cheapest.
        pub savings: Option<f64>,
        /// Whether the decision waits and is checked before it is acted on.
        pub waits: Option<bool>,
        /// By node: why it may not be disrupted.
        pub blocked: Vec<(Spanned<String>, Blocked)> = Vec::new() => "not asked",
        /// Nodes together: why they are not consolidated.
        pub why_not: Vec<(Vec<Spanned<String>>, WhyNot)> = Vec::new() => "not asked",
        /// Which nodes are deleted for their age, in any order.
        pub expired: Option<Vec<String>>,
        /// By node: why it has drifted.
        pub drift: Vec<(Spanned<String>, DriftReason)> = Vec::new() => "not asked",
    }
}

choice! {
    /// What happens between passes.
    pub enum Happening {
        /// A pod goes, from a node that takes note of it.
        PodGoes(Spanned<String>),
        /// A pod comes to a node, which takes note of it: as a pod of the cluster that waits.
        PodComes(Spanned<String>, Spanned<String>),
        /// A node is held for a pending pod for so long.
        Nominate(Spanned<String>, Duration),
        /// An offering of a type is not to be had any more, in all zones.
        NoCapacity(Spanned<String>, Capacity),
    }
}

record! {
    /// Passes over time, from 0 on, until something is done.
    pub struct TimelineCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The operator's settings.
        pub settings: Settings = all_defaults() => "all defaults",
        /// What there is at first.
        pub cluster: Cluster,
        /// What happens, in the order of time.
        pub events: Vec<(Spanned<Duration>, Happening)> = Vec::new() => "nothing",
        /// When to stop looking.
        pub until: Duration = Duration::from_secs(600) => "ten minutes",
        /// What must come out.
        pub expect: TimelineExpected,
    }
}

record! {
    /// What must be done. At least one of the fields.
    pub struct TimelineExpected {
        /// When nodes were first selected.
        pub selected: Option<Duration>,
        /// When a decision was acted on.
        pub acted: Option<Duration>,
        /// When decisions were dropped.
        pub abandoned: Option<Vec<Duration>>,
        /// Whether nothing is done until the end.
        pub nothing: Option<bool>,
        /// Which nodes go, in any order.
        pub nodes: Option<Vec<String>>,
    }
}

choice! {
    /// How many nodes may go.
    pub enum Allowed (number is Nodes) {
        /// So many.
        Nodes(u64),
        /// As many as there are: no budget holds.
        Unlimited,
    }
}

record! {
    /// How many nodes of a pool budgets allow.
    pub struct BudgetCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The budgets.
        pub budgets: Vec<Budget>,
        /// The moment, in UTC.
        pub time: DateTime = new_year() => "any will do without schedules",
        /// The pool's initialised nodes, those below included; at most 100000.
        pub nodes: u32 = 10 => "a small pool",
        /// Of them, not ready.
        pub not_ready: u32 = 0 => "none",
        /// Of them, marked for deletion.
        pub deleting: u32 = 0 => "none",
        /// What must come out.
        pub expect: BudgetExpected,
    }
}

record! {
    /// What budgets must allow. At least one of the fields.
    pub struct BudgetExpected {
        /// By reason, how many more nodes may go.
        pub allowed: Vec<(Reason, Allowed)> = Vec::new() => "not asked",
        /// Whether each budget holds now, in their order.
        pub active: Option<Vec<bool>>,
    }
}

record! {
    /// A pod, as far as its eviction costs anything.
    pub struct CostPod {
        /// `controller.kubernetes.io/pod-deletion-cost`.
        pub deletion_cost: i32 = 0 => "Kubernetes",
        /// Its priority.
        pub priority: i32 = 0 => "Kubernetes",
        /// Of a DaemonSet or static: it stays with its node.
        pub daemon: bool = false => "most are not",
        /// How many of it, at most 100000.
        pub count: u32 = 1 => "one",
    }
}

record! {
    /// What disruptions cost.
    pub struct CostCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The pods of a node.
        pub pods: Vec<CostPod>,
        /// The node's pool's `expireAfter`.
        pub expire_after: After = After::Never => "for `weighted` alone",
        /// How old the node is.
        pub age: Duration = Duration::ZERO => "for `weighted` alone",
        /// By how much doubles may differ.
        pub tolerance: f64 = 0.0 => "exact",
        /// What must come out.
        pub expect: CostExpected,
    }
}

record! {
    /// What disruptions must cost. At least one of the fields.
    pub struct CostExpected {
        /// What evicting each pod costs, in the order of the list.
        pub eviction: Option<Vec<f64>>,
        /// What moving all costs (`RescheduleDisruptionCost`).
        pub reschedule: Option<f64>,
        /// Up to v1.13: the sum of evictions times what is left of the node's life.
        pub weighted: Option<f64>,
        /// What share of the node's life is left.
        pub lifetime_remaining: Option<f64>,
    }
}

record! {
    /// A pool's part of a move.
    pub struct Part {
        /// What all the pool's nodes cost.
        pub pool_price: Rate,
        /// What disrupting all of them would cost, 1 for each node included.
        pub pool_disruption: f64,
        /// What the nodes that go cost; the savings are shared out by it. The savings where left out.
        pub price: Option<Rate>,
        /// What disrupting them costs.
        pub disruption: f64,
    }
}

choice! {
    /// A score.
    pub enum Score (number is Value) {
        /// This.
        Value(f64),
        /// Beyond all numbers.
        Infinite,
    }
}

record! {
    /// Whether the policy `Balanced` approves.
    pub struct BalancedCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The pools of the move.
        pub parts: Vec<Part>,
        /// What the move saves; per hour or day, as the prices are.
        pub savings: Rate,
        /// The threshold's inverse.
        pub k: u32 = 2 => "karpenter BalancedK",
        /// By how much scores may differ.
        pub tolerance: f64 = 1e-9 => "doubles",
        /// What must come out.
        pub expect: BalancedExpected,
    }
}

record! {
    /// What must become of the move. At least one of the fields.
    pub struct BalancedExpected {
        /// The score by each pool.
        pub scores: Option<Vec<Score>>,
        /// Whether all approve.
        pub approved: Option<bool>,
    }
}
