//! What decides how many replicas there are: a number, a HorizontalPodAutoscaler, a KEDA ScaledObject.

use crate::scenario::decode::quantity::Percent;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::Duration;

choice! {
    /// How many replicas there are.
    pub enum Scale (number is Fixed) {
        /// Always so many.
        Fixed(u32),
        /// A Kubernetes HorizontalPodAutoscaler.
        Hpa(Hpa),
        /// A KEDA ScaledObject, and the HPA that it makes.
        Keda(Keda),
    }
}

choice! {
    /// What is measured, and how much of it a replica should have.
    pub enum Metric {
        /// CPU used, as a share of what the pod requests.
        Cpu(Percent),
        /// Share of the time with a step in progress: what a dashboard that polls for kernels shows as GPU utilisation.
        GpuUtilisation(Percent),
        /// Requests that wait for an engine.
        Queue(f64),
        /// Requests in the system, waiting and running.
        Concurrency(f64),
        /// Tokens produced a second.
        TokensPerSecond(f64),
        /// Requests a second.
        RequestsPerSecond(f64),
        /// Share of KV in use.
        KvUse(Percent),
    }
}

choice! {
    /// How an HPA reads what is no resource of pods.
    pub enum ReadAs {
        /// As a custom metric of the pods: the mean over those that are ready.
        Pods,
        /// As an external metric: what all have together, and what is held before them, over the replicas that exist.
        External,
    }
}

record! {
    /// A HorizontalPodAutoscaler (`autoscaling/v2`) with its controller's flags.
    pub struct Hpa {
        /// `minReplicas`.
        pub min: Spanned<u32> = Spanned::unplaced(1) => "Kubernetes, `pkg/apis/autoscaling/v2/defaults.go`",
        /// `maxReplicas`.
        pub max: Spanned<u32>,
        /// Metrics with their targets: `[Queue(5), Cpu("80%")]`; the largest proposal wins.
        pub metrics: Spanned<Vec<Spanned<Metric>>> = Spanned::unplaced(vec![Spanned::unplaced(Metric::Cpu(Percent(0.8)))]) => "CPU at 80 % (Kubernetes, `pkg/apis/autoscaling/v2/defaults.go`)",
        /// How it reads metrics other than CPU.
        pub read_as: ReadAs = ReadAs::Pods => "as Prometheus Adapter serves an engine's metrics",
        /// How fast it may scale; the controller's legacy limits where left out.
        pub behavior: Option<Spanned<ScalingBehavior>>,
        /// By how much a ratio may differ from 1 without a step.
        pub tolerance: Spanned<f64> = Spanned::unplaced(0.1) => "`--horizontal-pod-autoscaler-tolerance`",
        /// The window over which steps down are held back where the behaviour names none.
        pub downscale_stabilisation: Duration = Duration::from_secs(300) => "`--horizontal-pod-autoscaler-downscale-stabilization`",
        /// How long after its start a pod's CPU counts only with a sample taken while it was ready.
        pub cpu_initialisation: Duration = Duration::from_secs(300) => "`--horizontal-pod-autoscaler-cpu-initialization-period`",
        /// How long after its start a pod that turns unready counts as never having been ready.
        pub readiness_delay: Duration = Duration::from_secs(30) => "`--horizontal-pod-autoscaler-initial-readiness-delay`",
        /// The feature gate `HPAScaleToZero`: whether a minimum of 0 is allowed.
        pub scale_to_zero: bool = false => "off in Kubernetes",
        /// How often it decides.
        pub sync: Spanned<Duration> = Spanned::unplaced(crate::policy::hpa::SYNC_PERIOD) => "`--horizontal-pod-autoscaler-sync-period`",
        /// How often replicas are scraped; rates are over this.
        pub scrape: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(15)) => "metrics-server's `--metric-resolution`; Prometheus often has 30s or 60s",
        /// How old a scrape is before it is seen.
        pub lag: Duration = Duration::ZERO => "seen at once: say what your pipeline adds, often 10 to 60 s; a guess",
        /// Replicas when the run begins; the minimum where left out.
        pub initial: Option<Spanned<u32>>,
    }
}

record! {
    /// How fast an HPA may scale.
    pub struct ScalingBehavior {
        /// `scaleUp`.
        pub up: Option<ScalingRules>,
        /// `scaleDown`.
        pub down: Option<ScalingRules>,
    }
}

record! {
    /// The rules of one direction; what is left out is upstream's.
    pub struct ScalingRules {
        /// `stabilizationWindowSeconds`; none up, the controller's down, where left out.
        pub window: Option<Duration>,
        /// `policies`: `[Pods(4, "15s"), Percent("100%", "15s")]`; up the larger of these two, down 100 % in 15 s, where left
        /// out.
        pub policies: Option<Vec<ScalingPolicy>>,
        /// `selectPolicy`.
        pub select: SelectPolicy = SelectPolicy::Max => "Kubernetes, `pkg/apis/autoscaling/v2/defaults.go`",
        /// A tolerance of this direction; the controller's where left out.
        pub tolerance: Option<f64>,
    }
}

choice! {
    /// By how much the number of replicas may change within a period.
    pub enum ScalingPolicy {
        /// So many pods, within so long.
        Pods(u32, Duration),
        /// Such a share of the replicas, within so long.
        Percent(Percent, Duration),
    }
}

choice! {
    /// Which of several policies decides.
    pub enum SelectPolicy {
        /// The one that allows the largest change.
        Max,
        /// The one that allows the smallest change.
        Min,
        /// None: no change in this direction.
        Disabled,
    }
}

record! {
    /// A ScaledObject.
    pub struct Keda {
        /// `minReplicaCount`.
        pub min: Spanned<u32> = Spanned::unplaced(0) => "KEDA, `apis/keda/v1alpha1/scaledobject_types.go`",
        /// `maxReplicaCount`.
        pub max: Spanned<u32> = Spanned::unplaced(100) => "KEDA, `apis/keda/v1alpha1/scaledobject_types.go`",
        /// Triggers: `[(on: Queue(5))]`.
        pub triggers: Spanned<Vec<Trigger>>,
        /// `pollingInterval`: it decides only between zero (or idle) and the rest.
        pub polling: Spanned<Duration> = Spanned::unplaced(crate::policy::keda::POLLING_INTERVAL) => "KEDA's 30 s",
        /// `cooldownPeriod`: how long after the last activity it goes to zero (or idle).
        pub cooldown: Duration = Duration::from_secs(300) => "KEDA's 5 minutes",
        /// `initialCooldownPeriod`.
        pub initial_cooldown: Duration = Duration::ZERO => "KEDA's 0",
        /// `idleReplicaCount`: what it goes to instead of the minimum while no trigger is active.
        pub idle: Option<Spanned<u32>>,
        /// What it does when triggers cannot be read.
        pub fallback: Option<KedaFallback>,
        /// `horizontalPodAutoscalerConfig.behavior`; the controller's legacy limits where left out.
        pub behavior: Option<Spanned<ScalingBehavior>>,
        /// The HPA's: by how much a ratio may differ from 1 without a step.
        pub tolerance: Spanned<f64> = Spanned::unplaced(0.1) => "`--horizontal-pod-autoscaler-tolerance`",
        /// The HPA's: the window over which steps down are held back where the behaviour names none.
        pub downscale_stabilisation: Duration = Duration::from_secs(300) => "`--horizontal-pod-autoscaler-downscale-stabilization`",
        /// How often the HPA decides.
        pub sync: Spanned<Duration> = Spanned::unplaced(crate::policy::hpa::SYNC_PERIOD) => "`--horizontal-pod-autoscaler-sync-period`",
        /// How often replicas are scraped; rates are over this.
        pub scrape: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(15)) => "15 s; Prometheus often has 30s or 60s",
        /// How old a scrape is before it is seen.
        pub lag: Duration = Duration::ZERO => "seen at once: say what your pipeline adds; a guess",
        /// Replicas when the run begins; what it rests at where left out.
        pub initial: Option<Spanned<u32>>,
    }
}

record! {
    /// A trigger.
    pub struct Trigger {
        /// What is measured, with its target.
        pub on: Spanned<Metric>,
        /// Whether the target is for each replica or for all together.
        pub target: TargetOf = TargetOf::Replica => "KEDA's `metricType: AverageValue`",
        /// It is active while the value of all together is above this.
        pub activation: Spanned<f64> = Spanned::unplaced(0.0) => "KEDA's 0: active while there is any",
        /// `useCachedMetrics`: the HPA gets the value of the last poll.
        pub cached: bool = false => "KEDA's false",
    }
}

choice! {
    /// What a target is for.
    pub enum TargetOf {
        /// Each replica (`AverageValue`).
        Replica,
        /// All together (`Value`).
        Whole,
    }
}

record! {
    /// What KEDA does when a trigger cannot be read.
    pub struct KedaFallback {
        /// `failureThreshold`: more failures in a row than this.
        pub after: u32,
        /// `replicas`.
        pub replicas: Spanned<u32>,
        /// How the replicas there are bear on it.
        pub behavior: FallbackTo = FallbackTo::Static => "KEDA's `static`",
    }
}

choice! {
    /// How the replicas there are bear on a fallback.
    pub enum FallbackTo {
        /// Always the fallback's replicas.
        Static,
        /// Those there are.
        CurrentReplicas,
        /// The larger of the two.
        CurrentReplicasIfHigher,
        /// The smaller of the two.
        CurrentReplicasIfLower,
    }
}
