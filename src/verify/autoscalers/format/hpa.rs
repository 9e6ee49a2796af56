//! Cases of the HorizontalPodAutoscaler.

use crate::scenario::decode::{Spanned, choice, record};
use crate::units::Duration;
use crate::verify::quantity::Quantity;

record! {
    /// How many replicas one metric asks for.
    pub struct ProposalCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// `scale.spec.replicas`.
        pub current: i32,
        /// `scale.status.replicas`; `current` where left out.
        pub status_replicas: Option<i32>,
        /// The pods that the selector matches; `current` ready ones where left out.
        pub pods: Option<Vec<Pod>>,
        /// The metric.
        pub metric: Metric,
        /// The controller's flags.
        pub flags: Flags = Flags::defaults() => "upstream's defaults",
        /// The tolerance on the way up, in place of the flag.
        pub tolerance_up: Option<f64>,
        /// The tolerance on the way down, in place of the flag.
        pub tolerance_down: Option<f64>,
        /// What must come out.
        pub expect: ProposalExpected,
    }
}

record! {
    /// What a proposal must be. At least one of the fields; each is a line of the report.
    pub struct ProposalExpected {
        /// Replicas.
        pub replicas: Option<i32>,
        /// The figure that the status shows, where the target is a utilisation: percent.
        pub utilization: Option<i32>,
        /// The figure that the status shows, where it is a quantity: the average per pod or replica, or the value.
        pub value: Option<Quantity>,
        /// Whether the metric must fail.
        pub error: bool = false => "most cases propose something",
    }
}

record! {
    /// Flags of the controller.
    pub struct Flags {
        /// `--horizontal-pod-autoscaler-tolerance`.
        pub tolerance: f64 = 0.1 => "kubernetes config/v1alpha1/defaults.go",
        /// `--horizontal-pod-autoscaler-downscale-stabilization`.
        pub downscale_stabilization: Duration = Duration::from_secs(300) => "kubernetes config/v1alpha1/defaults.go",
        /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
        pub cpu_initialization_period: Duration = Duration::from_secs(300) => "kubernetes config/v1alpha1/defaults.go",
        /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
        pub initial_readiness_delay: Duration = Duration::from_secs(30) => "kubernetes config/v1alpha1/defaults.go",
        /// `--horizontal-pod-autoscaler-sync-period`; only timelines use it.
        pub sync_period: Duration = Duration::from_secs(15) => "kubernetes config/v1alpha1/defaults.go",
        /// The feature gate `HPAScaleToZero`.
        pub scale_to_zero: bool = false => "the gate is alpha",
    }
}

impl Flags {
    /// Upstream's.
    pub fn defaults() -> Flags {
        crate::scenario::decode::all_defaults()
    }
}

choice! {
    /// A pod.
    pub enum Pod {
        /// Running and ready since it started, an hour ago.
        Ready,
        /// Running since an hour, and never ready.
        Unready,
        /// Pending.
        Pending,
        /// Failed.
        Failed,
        /// Succeeded.
        Succeeded,
        /// Running, ready, and being deleted.
        Deleted,
        /// Any other.
        Other(PodDetails),
        /// So many of one kind.
        Times(u32, Box<Pod>),
    }
}

record! {
    /// A pod in detail. Ages are before the reconciliation.
    pub struct PodDetails {
        /// Its phase.
        pub phase: Phase = Phase::Running => "the pods of a running service",
        /// Whether it has a deletion timestamp.
        pub deleted: bool = false => "most have none",
        /// How long ago it started; without it, it has no start time.
        pub started: Option<Duration>,
        /// The status of its condition `Ready`; without it, it has none.
        pub ready: Option<bool>,
        /// How long ago that condition last changed; when it started where left out.
        pub ready_changed: Option<Duration>,
    }
}

choice! {
    /// The phase of a pod.
    pub enum Phase {
        /// Pending.
        Pending,
        /// Running.
        Running,
        /// Succeeded.
        Succeeded,
        /// Failed.
        Failed,
    }
}

choice! {
    /// A metric: its target, and what is read of it.
    pub enum Metric {
        /// A resource of the pods.
        Resource(ResourceMetric),
        /// A resource of one container of each pod.
        ContainerResource(ContainerMetric),
        /// A custom metric of the pods.
        Pods(PodsMetric),
        /// A metric of a Kubernetes object.
        Object(ObjectMetric),
        /// A metric from outside.
        External(ExternalMetric),
    }
}

record! {
    /// A resource of the pods. Either `values` with a request, or `containers`.
    pub struct ResourceMetric {
        /// The resource. Readiness matters for `cpu` only.
        pub name: String = "cpu".to_owned() => "upstream's default metric",
        /// The target.
        pub target: PodTarget = PodTarget::Utilization(80) => "upstream's default metric",
        /// By pod, what it uses; `None` where there is no sample, and pods beyond the end have none.
        pub values: Vec<Option<Quantity>> = Vec::new() => "no samples",
        /// What every pod requests.
        pub request: Option<Quantity>,
        /// By pod, what it requests, `None` where a container requests nothing; in place of `request`.
        pub requests: Option<Vec<Option<Quantity>>>,
        /// By pod, its containers: in place of `values` and requests.
        pub containers: Option<Vec<PodContainers>>,
        /// Samples of pods that the selector no longer matches.
        pub stray: Vec<Quantity> = Vec::new() => "none",
        /// By pod, how old its sample is; fresh where left out.
        pub ages: Vec<Duration> = Vec::new() => "fresh",
        /// Over how long a sample was taken.
        pub window: Duration = Duration::from_secs(60) => "the window of upstream's tests",
        /// Whether the metrics API fails altogether.
        pub failed: bool = false => "it answers",
    }
}

record! {
    /// A resource of one container of each pod.
    pub struct ContainerMetric {
        /// The container's name.
        pub container: String,
        /// The resource. Readiness matters for `cpu` only.
        pub name: String = "cpu".to_owned() => "upstream's default metric",
        /// The target.
        pub target: PodTarget,
        /// By pod, its containers.
        pub containers: Vec<PodContainers>,
        /// By pod, how old its sample is; fresh where left out.
        pub ages: Vec<Duration> = Vec::new() => "fresh",
        /// Over how long a sample was taken.
        pub window: Duration = Duration::from_secs(60) => "the window of upstream's tests",
        /// Whether the metrics API fails altogether.
        pub failed: bool = false => "it answers",
    }
}

record! {
    /// The containers of a pod.
    pub struct PodContainers {
        /// The pod's own request, over those of its containers.
        pub pod_request: Option<Quantity>,
        /// Its containers.
        pub containers: Vec<Container>,
    }
}

record! {
    /// A container.
    pub struct Container {
        /// Its name.
        pub name: String,
        /// What it requests; nothing where left out, which makes a utilisation fail.
        pub request: Option<Quantity>,
        /// What it uses; no sample where left out.
        pub usage: Option<Quantity>,
        /// What kind it is.
        pub kind: ContainerKind = ContainerKind::Regular => "most are",
    }
}

choice! {
    /// The kind of a container.
    pub enum ContainerKind {
        /// A regular one.
        Regular,
        /// An init container that restarts always.
        Sidecar,
        /// An init container that runs once: its request does not count.
        Init,
    }
}

record! {
    /// A custom metric of the pods.
    pub struct PodsMetric {
        /// `averageValue`.
        pub average_value: Quantity,
        /// By pod, its value; `None` where there is no sample, and pods beyond the end have none.
        pub values: Vec<Option<Quantity>> = Vec::new() => "no samples",
        /// Samples of pods that the selector no longer matches.
        pub stray: Vec<Quantity> = Vec::new() => "none",
        /// Whether the metrics API fails altogether.
        pub failed: bool = false => "it answers",
    }
}

record! {
    /// A metric of a Kubernetes object.
    pub struct ObjectMetric {
        /// The target.
        pub target: Target,
        /// Its value; the metrics API fails where left out.
        pub value: Option<Quantity>,
    }
}

record! {
    /// A metric from outside.
    pub struct ExternalMetric {
        /// The target.
        pub target: Target,
        /// Its series, which are added up; the metrics API fails where there is none.
        pub values: Vec<Quantity> = Vec::new() => "it fails",
    }
}

choice! {
    /// The target of a resource metric.
    pub enum PodTarget {
        /// `averageUtilization`: percent of the requests.
        Utilization(i32),
        /// `averageValue`.
        AverageValue(Quantity),
    }
}

choice! {
    /// The target of an object or external metric.
    pub enum Target {
        /// `value`.
        Value(Quantity),
        /// `averageValue`: for each replica.
        AverageValue(Quantity),
    }
}

record! {
    /// What windows make of a recommendation.
    pub struct StabilizeCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// `scale.spec.replicas`; matters with both windows only.
        pub current: i32 = 0 => "without a behavior it does not matter",
        /// What the metrics ask for now.
        pub wanted: i32,
        /// The windows.
        pub windows: Windows,
        /// What they asked for before: replicas, and how long ago; in their order in the log.
        pub recommendations: Vec<(i32, Duration)> = Vec::new() => "none",
        /// What must come out.
        pub expect: StabilizeExpected,
    }
}

choice! {
    /// Which windows hold.
    pub enum Windows {
        /// Without a `behavior`: one for scaling down.
        Plain(Duration),
        /// With a `behavior`: for scaling up, then for scaling down.
        UpAndDown(Duration, Duration),
    }
}

record! {
    /// What must come out of the windows. At least one of the fields; each is a line of the report.
    pub struct StabilizeExpected {
        /// Replicas.
        pub replicas: Option<i32>,
        /// How many entries the log has afterwards.
        pub log_length: Option<u32>,
        /// The replicas in the log afterwards, slot by slot.
        pub log: Option<Vec<i32>>,
        /// The reason of `AbleToScale`.
        pub able: Option<Able>,
    }
}

choice! {
    /// The reason of the condition `AbleToScale`.
    pub enum Able {
        /// No window changed anything.
        ReadyForNewScale,
        /// The window for scaling up did.
        ScaleUpStabilized,
        /// The window for scaling down did.
        ScaleDownStabilized,
    }
}

record! {
    /// How far one step may go.
    pub struct RateLimitCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// `scale.spec.replicas`.
        pub current: i32,
        /// What is wanted after the windows.
        pub wanted: i32,
        /// `minReplicas`.
        pub min_replicas: i32 = 1 => "kubernetes apis/autoscaling/v2/defaults.go",
        /// `maxReplicas`.
        pub max_replicas: i32,
        /// `behavior`; the legacy limits where left out.
        pub behavior: Option<Behavior>,
        /// Steps up before: by how many, and how long ago.
        pub scale_up_events: Vec<(i32, Duration)> = Vec::new() => "none",
        /// Steps down before: by how many, and how long ago.
        pub scale_down_events: Vec<(i32, Duration)> = Vec::new() => "none",
        /// What must come out.
        pub expect: RateLimitExpected,
    }
}

record! {
    /// What a step must be. At least one of the fields; each is a line of the report.
    pub struct RateLimitExpected {
        /// Replicas.
        pub replicas: Option<i32>,
        /// The reason of `ScalingLimited`.
        pub reason: Option<LimitReason>,
        /// What the policies alone allow in the direction of the step, whatever minimum and maximum say.
        pub limit: Option<i32>,
    }
}

choice! {
    /// The reason of the condition `ScalingLimited`.
    pub enum LimitReason {
        /// Nothing limits.
        DesiredWithinRange,
        /// A policy on the way up.
        ScaleUpLimit,
        /// A policy on the way down.
        ScaleDownLimit,
        /// The maximum.
        TooManyReplicas,
        /// The minimum.
        TooFewReplicas,
    }
}

record! {
    /// `behavior`. What is left out is the default.
    pub struct Behavior {
        /// `scaleUp`.
        pub scale_up: Rules = Rules::defaults() => "kubernetes apis/autoscaling/v2/defaults.go",
        /// `scaleDown`.
        pub scale_down: Rules = Rules::defaults() => "kubernetes apis/autoscaling/v2/defaults.go",
    }
}

record! {
    /// The rules of one direction.
    pub struct Rules {
        /// `stabilizationWindowSeconds`; where left out 0 up, the controller's flag down.
        pub stabilization_window: Option<Duration>,
        /// The policies; where left out 4 pods and 100 % in 15 s up, 100 % in 15 s down.
        pub policies: Option<Vec<Policy>>,
        /// `selectPolicy`.
        pub select_policy: Select = Select::Max => "kubernetes apis/autoscaling/v2/defaults.go",
        /// A tolerance of its own, in place of the flag.
        pub tolerance: Option<f64>,
    }
}

impl Rules {
    /// Nothing set.
    pub fn defaults() -> Rules {
        crate::scenario::decode::all_defaults()
    }
}

choice! {
    /// A policy: by how much, within which period.
    pub enum Policy {
        /// Pods.
        Pods(i32, Duration),
        /// Percent.
        Percent(i32, Duration),
    }
}

choice! {
    /// Which policy decides.
    pub enum Select {
        /// The one that allows the largest change.
        Max,
        /// The one that allows the smallest change.
        Min,
        /// None: no change.
        Disabled,
    }
}

record! {
    /// Whole reconciliations of one HPA, one after the other.
    pub struct ReconcileCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// `minReplicas`.
        pub min_replicas: i32 = 1 => "kubernetes apis/autoscaling/v2/defaults.go",
        /// `maxReplicas`.
        pub max_replicas: i32,
        /// `behavior`; none where left out.
        pub behavior: Option<Behavior>,
        /// The controller's flags.
        pub flags: Flags = Flags::defaults() => "upstream's defaults",
        /// `scale.spec.replicas` at the first reconciliation.
        pub current: i32,
        /// What the metrics asked for before the first reconciliation: replicas, and how long ago.
        pub recommendations: Vec<(i32, Duration)> = Vec::new() => "none",
        /// Steps up before: by how many, and how long ago.
        pub scale_up_events: Vec<(i32, Duration)> = Vec::new() => "none",
        /// Steps down before: by how many, and how long ago.
        pub scale_down_events: Vec<(i32, Duration)> = Vec::new() => "none",
        /// The reconciliations, in the order of time.
        pub steps: Vec<ReconcileStep>,
    }
}

record! {
    /// One reconciliation.
    pub struct ReconcileStep {
        /// When, after the beginning of the case.
        pub at: Spanned<Duration> = Spanned::unplaced(Duration::ZERO) => "the beginning",
        /// `scale.spec.replicas`, where somebody else changed it; what was decided last where left out.
        pub current: Option<i32>,
        /// `scale.status.replicas`; as many as there should be where left out.
        pub status_replicas: Option<i32>,
        /// The pods; as many ready ones as there should be where left out.
        pub pods: Option<Vec<Pod>>,
        /// The metrics: as many and in the same order at every step.
        pub metrics: Vec<Metric>,
        /// What must come out.
        pub expect: ReconcileExpected,
    }
}

record! {
    /// What a reconciliation must decide. At least one of the fields; each is a line of the report.
    pub struct ReconcileExpected {
        /// Replicas.
        pub replicas: Option<i32>,
        /// What the metrics ask for together, before windows and limits.
        pub proposal: Option<i32>,
        /// What is left of it after the windows.
        pub stabilized: Option<i32>,
        /// Why.
        pub reason: Option<ReconcileReason>,
        /// The reason of `AbleToScale`.
        pub able: Option<Able>,
    }
}

choice! {
    /// Why a reconciliation decided what it did.
    pub enum ReconcileReason {
        /// It stands at zero and the minimum is not zero.
        ScalingDisabled,
        /// It stood above the maximum.
        AboveMaximum,
        /// It stood below the minimum.
        BelowMinimum,
        /// Metrics failed, and nothing was done.
        MetricsFailed,
        /// Nothing limits.
        DesiredWithinRange,
        /// A policy on the way up.
        ScaleUpLimit,
        /// A policy on the way down.
        ScaleDownLimit,
        /// The maximum.
        TooManyReplicas,
        /// The minimum.
        TooFewReplicas,
    }
}
