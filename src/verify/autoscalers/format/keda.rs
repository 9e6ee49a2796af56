//! Cases of KEDA's ScaledObject.

use super::hpa::{Behavior, Flags, Target};
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::Duration;
use crate::verify::quantity::Quantity;

record! {
    /// Polls of one ScaledObject, one after the other.
    pub struct KedaPollCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The ScaledObject.
        pub scaled_object: ScaledObject,
        /// How long before the first poll it was made.
        pub created: Duration = Duration::from_hours(1) => "long enough for most",
        /// How long before the first poll a trigger was last active; never where left out.
        pub last_active: Option<Duration>,
        /// `scale.spec.replicas` at the first poll.
        pub current: i32,
        /// The polls, in the order of time.
        pub steps: Vec<KedaStep>,
    }
}

record! {
    /// One poll.
    pub struct KedaStep {
        /// When, after the beginning of the case.
        pub at: Spanned<Duration> = Spanned::unplaced(Duration::ZERO) => "the beginning",
        /// `scale.spec.replicas`, where somebody else changed it; what was decided last where left out.
        pub current: Option<i32>,
        /// By trigger, its value; `None` where it cannot be read.
        pub values: Vec<Option<f64>>,
        /// With `scaling_modifiers`: the value of the formula.
        pub composite: Option<f64>,
        /// The annotations that pause it.
        pub paused: Paused = Paused::No => "most are not",
        /// The annotation that makes it active.
        pub force_activation: bool = false => "most have none",
        /// What must come out.
        pub expect: KedaExpected,
    }
}

choice! {
    /// Whether it is paused.
    pub enum Paused {
        /// No.
        No,
        /// Where it stands: `autoscaling.keda.sh/paused`.
        Here,
        /// At so many replicas: `autoscaling.keda.sh/paused-replicas`.
        At(i32),
    }
}

record! {
    /// What a poll must decide. At least one of the fields; each is a line of the report.
    pub struct KedaExpected {
        /// Replicas.
        pub replicas: Option<i32>,
        /// Whether it is active.
        pub active: Option<bool>,
        /// Why.
        pub reason: Option<KedaReason>,
    }
}

choice! {
    /// Why a poll decided what it did.
    pub enum KedaReason {
        /// It is paused.
        Paused,
        /// From zero or idle to the minimum, at least one.
        Activated,
        /// Active: the HPA has it.
        Active,
        /// Active though a trigger failed.
        ActiveWithErrors,
        /// A trigger failed, and the HPA will fall back.
        HeldForFallback,
        /// A trigger failed, and there is no fallback.
        HeldNotReady,
        /// The cooldown still runs.
        CoolingDown,
        /// To idle or zero.
        Deactivated,
        /// It stood below the minimum.
        RaisedToMinimum,
        /// Not active, and where it should be.
        AtRest,
    }
}

record! {
    /// A ScaledObject.
    pub struct ScaledObject {
        /// `pollingInterval`; only timelines use it.
        pub polling_interval: Duration = Duration::from_secs(30) => "keda apis/keda/v1alpha1",
        /// `cooldownPeriod`.
        pub cooldown_period: Duration = Duration::from_secs(300) => "keda apis/keda/v1alpha1",
        /// `initialCooldownPeriod`.
        pub initial_cooldown_period: Duration = Duration::ZERO => "keda apis/keda/v1alpha1",
        /// `minReplicaCount`.
        pub min_replica_count: i32 = 0 => "keda apis/keda/v1alpha1",
        /// `maxReplicaCount`.
        pub max_replica_count: i32 = 100 => "keda apis/keda/v1alpha1",
        /// `idleReplicaCount`.
        pub idle_replica_count: Option<i32>,
        /// `fallback`.
        pub fallback: Option<Fallback>,
        /// The triggers.
        pub triggers: Vec<Trigger>,
        /// `advanced.scalingModifiers`: the formula's value is given with each step.
        pub scaling_modifiers: Option<Modifiers>,
        /// `advanced.horizontalPodAutoscalerConfig.behavior`.
        pub behavior: Option<Behavior>,
    }
}

record! {
    /// A trigger.
    pub struct Trigger {
        /// What the HPA aims at.
        pub target: Target = Target::AverageValue(Quantity(1000)) => "a case that only polls does not look at it",
        /// `activationThreshold`: active while the value is above it.
        pub activation_threshold: f64 = 0.0 => "keda's scalers",
        /// `useCachedMetrics`.
        pub use_cached_metrics: bool = false => "keda apis/keda/v1alpha1",
    }
}

record! {
    /// `scalingModifiers`.
    pub struct Modifiers {
        /// `target` and `metricType`.
        pub target: Target,
        /// `activationTarget`.
        pub activation_target: f64 = 0.0 => "keda apis/keda/v1alpha1",
    }
}

record! {
    /// `fallback`.
    pub struct Fallback {
        /// `failureThreshold`: more consecutive failures than this.
        pub failure_threshold: u32,
        /// `replicas`.
        pub replicas: i32,
        /// `behavior`.
        pub behavior: FallbackBehavior = FallbackBehavior::Static => "keda apis/keda/v1alpha1",
    }
}

choice! {
    /// How the replicas there are bear on a fallback.
    pub enum FallbackBehavior {
        /// Always the fallback's.
        Static,
        /// Those there are.
        CurrentReplicas,
        /// The larger.
        CurrentReplicasIfHigher,
        /// The smaller.
        CurrentReplicasIfLower,
    }
}

record! {
    /// What KEDA tells the HPA when a trigger has failed.
    pub struct KedaFallbackCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// `fallback`.
        pub fallback: Fallback,
        /// The trigger's target.
        pub target: Target,
        /// How many times in a row it has failed, this one included.
        pub failures: u32,
        /// How many replicas there are.
        pub current: i32 = 0 => "a static fallback does not look at it",
        /// How many of them are ready; all where left out.
        pub ready: Option<i32>,
        /// What must come out.
        pub expect: FallbackExpected,
    }
}

record! {
    /// What a fallback must be. At least one of the fields; each is a line of the report.
    pub struct FallbackExpected {
        /// The metric that the HPA gets.
        pub metric: Option<Quantity>,
        /// The replicas that the HPA makes of it, without windows and limits.
        pub replicas: Option<i32>,
        /// Whether the HPA must get an error.
        pub error: bool = false => "most cases fall back",
    }
}

record! {
    /// The bounds of the HPA that KEDA makes.
    pub struct KedaHpaCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The ScaledObject.
        pub scaled_object: ScaledObject,
        /// `minReplicas` that must come out.
        pub min_replicas: i32,
        /// `maxReplicas` that must come out.
        pub max_replicas: i32,
    }
}

record! {
    /// KEDA and its HPA together. Both begin at 0 and go by their periods; at the same instant KEDA polls first. What is
    /// decided is there and ready at once.
    pub struct KedaTimelineCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The ScaledObject, made at 0.
        pub scaled_object: ScaledObject,
        /// The controller's flags.
        pub flags: Flags = Flags::defaults() => "upstream's defaults",
        /// Replicas at the beginning.
        pub current: i32 = 0 => "nothing runs yet",
        /// What the triggers say, from when on; in the order of time, the first at 0.
        pub values: Vec<Spell>,
        /// What must be seen: when, and how many replicas, all that happens at that instant included.
        pub expect: Vec<(Duration, i32)>,
    }
}

record! {
    /// What the triggers say from some time on.
    pub struct Spell {
        /// From when on.
        pub from: Spanned<Duration> = Spanned::unplaced(Duration::ZERO) => "the beginning",
        /// By trigger, its value; `None` where it cannot be read.
        pub values: Vec<Option<f64>>,
        /// With `scaling_modifiers`: the value of the formula.
        pub composite: Option<f64>,
    }
}
