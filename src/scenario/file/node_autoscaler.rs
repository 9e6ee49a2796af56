//! What adds nodes for pods that wait and takes away those that are not worth their price.

use crate::scenario::decode::quantity::Percent;
use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::{Bytes, Duration, Fraction, Name};
use std::num::NonZeroU32;

choice! {
    /// Who sizes the pools whose `nodes` are `Scaled`.
    pub enum NodeAutoscaler {
        /// The Kubernetes Cluster Autoscaler: every scaled pool is a node group.
        ClusterAutoscaler(Box<ClusterAutoscaler>),
        /// Karpenter: nodes for pods, of whichever listed pool is cheapest, and consolidation.
        Karpenter(Box<Karpenter>),
    }
}

record! {
    /// The Cluster Autoscaler's flags (defaults: kubernetes/autoscaler, release 1.34, `config/flags/flags.go`).
    pub struct ClusterAutoscaler {
        /// `--scan-interval`.
        pub scan_interval: Duration = Duration::from_secs(10) => "10 s",
        /// `--expander`: each filters what the one before left.
        pub expander: Vec<Expander> = vec![Expander::LeastWaste] => "least-waste; before 1.34 `random`",
        /// `--scale-down-enabled`.
        pub scale_down: bool = true => "on",
        /// `--scale-down-unneeded-time`: a node that has been unneeded for longer goes.
        pub unneeded_time: Duration = Duration::from_secs(600) => "10 min",
        /// `--scale-down-delay-after-add`.
        pub delay_after_add: Duration = Duration::from_secs(600) => "10 min",
        /// `--scale-down-delay-after-delete`.
        pub delay_after_delete: Duration = Duration::ZERO => "none",
        /// `--scale-down-delay-after-failure`.
        pub delay_after_failure: Duration = Duration::from_secs(180) => "3 min",
        /// `--scale-down-utilization-threshold`: fuller nodes stay.
        pub utilization_threshold: Fraction = Fraction::HALF => "0.5",
        /// `--scale-down-gpu-utilization-threshold`: fuller nodes with GPUs stay.
        pub gpu_utilization_threshold: Fraction = Fraction::HALF => "0.5",
        /// How full a node with GPUs is.
        pub gpu_utilisation: GpuNodeUtilisation = GpuNodeUtilisation::GpuOnly => "its GPUs alone, as upstream",
        /// `--max-node-provision-time`: a node that is not there by then is given up.
        pub max_node_provision_time: Duration = Duration::from_secs(900) => "15 min",
        /// `--max-scale-down-parallelism`.
        pub max_scale_down_parallelism: u32 = 10 => "10 empty nodes at once",
        /// `--max-drain-parallelism`.
        pub max_drain_parallelism: u32 = 1 => "one drain at a time",
        /// `--max-nodes-total`; 0 is no limit.
        pub max_nodes_total: u32 = 0 => "no limit",
        /// `--new-pod-scale-up-delay`.
        pub new_pod_scale_up_delay: Duration = Duration::ZERO => "none",
        /// `--balance-similar-node-groups`.
        pub balance_similar_node_groups: bool = false => "off",
    }
}

choice! {
    /// How a node group is chosen among those that would do.
    pub enum Expander {
        /// Any, each as likely.
        Random,
        /// The one that helps most pods.
        MostPods,
        /// The one that wastes the least CPU and memory; GPUs do not count.
        LeastWaste,
        /// The cheapest for what it helps; upstream has it on GCE and a few others.
        Price,
        /// Pools by tier, the highest number first: `[(10, ["spot"]), (1, ["od"])]`.
        Priority(Vec<(i64, Vec<Spanned<Name>>)>),
    }
}

choice! {
    /// How full a node with GPUs is.
    pub enum GpuNodeUtilisation {
        /// Its GPUs alone: upstream's rule.
        GpuOnly,
        /// The fullest of CPU, memory and GPUs: what users ask for (kubernetes/autoscaler #4773).
        MaxOfAll,
    }
}

record! {
    /// Karpenter, its operator's settings and its node pools.
    pub struct Karpenter {
        /// Its NodePools. Each lists the pools of this scenario that it may launch from: one for each instance type, zone
        /// and way of buying.
        pub node_pools: Spanned<Vec<NodePool>>,
        /// Whose rules hold.
        pub compat: Spanned<Compat> = Spanned::unplaced(Compat::V1_14) => "the newest release that was read",
        /// `--batch-idle-duration`: how long no new pod may come before nodes are launched for those that wait.
        pub batch_idle: Duration = Duration::from_secs(1) => "kubernetes-sigs/karpenter, pkg/operator/options",
        /// `--batch-max-duration`: how long a batch of pods is collected at most.
        pub batch_max: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(10)) => "kubernetes-sigs/karpenter, pkg/operator/options",
        /// The feature gate `SpotToSpotConsolidation`.
        pub spot_to_spot: bool = false => "off in Karpenter",
    }
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
    /// A Karpenter NodePool.
    pub struct NodePool {
        /// Its name.
        pub name: Spanned<Name>,
        /// The pools that it launches from; their `nodes` are `Scaled`.
        pub pools: Spanned<Vec<Spanned<Name>>>,
        /// `spec.weight`: heavier ones are tried first.
        pub weight: Option<Spanned<u32>>,
        /// `spec.limits`.
        pub limits: NodeLimits = all_defaults() => "no limits",
        /// `disruption.consolidationPolicy`.
        pub consolidation: Spanned<Consolidation> = Spanned::unplaced(Consolidation::WhenEmptyOrUnderutilized) => "kubernetes-sigs/karpenter, pkg/apis/v1/nodepool.go",
        /// `disruption.consolidateAfter`: how long after its last pod event a node may go.
        pub consolidate_after: Option<Spanned<AfterOrNever>>,
        /// `disruption.budgets`: how many of its nodes may go at once.
        pub budgets: Spanned<Vec<Spanned<NodeBudget>>> = Spanned::unplaced(vec![Spanned::unplaced(NodeBudget::default())]) => "10 % (kubernetes-sigs/karpenter, pkg/apis/v1/nodepool.go)",
        /// `template.spec.expireAfter`: nodes of that age go, whatever budgets say.
        pub expire_after: AfterOrNever = AfterOrNever::After(Duration::from_hours(720)) => "720 h (kubernetes-sigs/karpenter, pkg/apis/v1/nodepool.go)",
        /// `template.spec.terminationGracePeriod`: how long a node that goes waits for pods that may not be disrupted; for
        /// ever where left out.
        pub termination_grace: Option<Duration>,
    }
}

record! {
    /// What all nodes of a NodePool may have together.
    pub struct NodeLimits {
        /// Cores.
        pub cpus: Option<Spanned<f64>>,
        /// Memory.
        pub memory: Option<Bytes>,
        /// GPUs.
        pub gpus: Option<u32>,
        /// Nodes.
        pub nodes: Option<u32>,
    }
}

choice! {
    /// Which nodes may be consolidated.
    pub enum Consolidation {
        /// None but those without pods.
        WhenEmpty,
        /// All; in v1beta1 it is called `WhenUnderutilized`.
        WhenEmptyOrUnderutilized,
        /// All that save enough for what they disturb; from v1.14.
        Balanced,
    }
}

choice! {
    /// A length of time, or never.
    pub enum AfterOrNever (duration is After) {
        /// After so long.
        After(Duration),
        /// Never.
        Never,
    }
}

record! {
    /// How many nodes may go at once, when, and why.
    pub struct NodeBudget {
        /// `5` or `10%` of the pool's nodes.
        pub nodes: String = "10%".to_owned() => "kubernetes-sigs/karpenter, pkg/apis/v1/nodepool.go",
        /// For which reasons; all where empty.
        pub reasons: Vec<DisruptionReason> = Vec::new() => "all",
        /// A cron schedule in UTC, `0 9 * * mon-fri`, at whose hits the budget begins to hold; always where left out.
        pub schedule: Option<String>,
        /// For how long after a hit it holds.
        pub duration: Option<Duration>,
    }
}

impl Default for NodeBudget {
    fn default() -> NodeBudget {
        NodeBudget { nodes: "10%".to_owned(), reasons: Vec::new(), schedule: None, duration: None }
    }
}

choice! {
    /// Why a node goes.
    pub enum DisruptionReason {
        /// Its pods fit elsewhere, or on something cheaper.
        Underutilized,
        /// It has no pods.
        Empty,
        /// It is not what its pool would make today.
        Drifted,
    }
}

record! {
    /// The Descheduler with one of its node utilisation plugins (kubernetes-sigs/descheduler,
    /// `pkg/framework/plugins/nodeutilization`).
    pub struct Descheduler {
        /// Which plugin.
        pub plugin: Spanned<DeschedulerPlugin>,
        /// How often it runs.
        pub every: Spanned<Duration> = Spanned::unplaced(crate::policy::descheduler::HELM_INTERVAL) => "5 minutes, as the Helm chart sets it up",
        /// `numberOfNodes`: nothing is done until more nodes than this are under-used.
        pub number_of_nodes: u32 = 0 => "0",
        /// `maxNoOfPodsToEvictPerNode`.
        pub max_per_node: Option<u32>,
        /// `maxNoOfPodsToEvictTotal`.
        pub max_total: Option<u32>,
    }
}

choice! {
    /// Which plugin of the Descheduler.
    pub enum DeschedulerPlugin {
        /// From over-used to under-used nodes.
        LowNodeUtilization(LowNodeUtilization),
        /// Off the under-used nodes, so that an autoscaler can take them.
        HighNodeUtilization(HighNodeUtilization),
    }
}

record! {
    /// `LowNodeUtilization`.
    pub struct LowNodeUtilization {
        /// `thresholds`: what is at or below all of these is under-used: `[(Cpu, "20%"), (Gpu, "20%")]`.
        pub thresholds: Vec<(NodeResource, Percent)>,
        /// `targetThresholds`: what is above one of these is over-used.
        pub targets: Vec<(NodeResource, Percent)>,
        /// `useDeviationThresholds`: thresholds are distances from the mean of all nodes.
        pub deviation: bool = false => "they are shares of a node",
    }
}

record! {
    /// `HighNodeUtilization`.
    pub struct HighNodeUtilization {
        /// `thresholds`: what is at or below all of these is under-used.
        pub thresholds: Vec<(NodeResource, Percent)>,
        /// `evictionModes: [OnlyThresholdingResources]`: only pods that ask for a listed resource.
        pub only_listed: bool = false => "all pods",
    }
}

choice! {
    /// What a node has.
    pub enum NodeResource {
        /// CPU.
        Cpu,
        /// Memory.
        Memory,
        /// Pods.
        Pods,
        /// GPUs: counts only where it is listed.
        Gpu,
    }
}

record! {
    /// How pods bear that their node goes.
    pub struct Disruption {
        /// `karpenter.sh/do-not-disrupt`, `safe-to-evict: "false"`: its nodes go only when it is over.
        pub do_not_disrupt: bool = false => "pods may be moved",
        /// A PodDisruptionBudget over all pods of this work.
        pub budget: Option<Spanned<PodBudget>>,
        /// How long a pod that is told to go may take (`terminationGracePeriodSeconds`): a run that can save itself by then
        /// does. 30 s where left out (Kubernetes, pkg/apis/core/v1/defaults.go); a deployment's own `grace`.
        pub grace: Option<Duration>,
    }
}

choice! {
    /// A PodDisruptionBudget.
    pub enum PodBudget {
        /// So many may be missing at once: `1` or `25%`, which is rounded up.
        MaxUnavailable(String),
        /// So many must be there: `2` or `50%`, which is rounded up.
        MinAvailable(String),
    }
}

record! {
    /// A pool that an autoscaler sizes.
    pub struct ScaledNodes {
        /// Nodes that stay whatever happens.
        pub min: u32 = 0 => "it may go to nothing",
        /// The most nodes.
        pub max: Spanned<NonZeroU32>,
        /// Nodes when the run begins; the minimum where left out.
        pub initial: Option<Spanned<u32>>,
    }
}
