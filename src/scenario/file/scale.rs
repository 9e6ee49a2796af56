//! What decides how many replicas there are: HPA and KEDA, as Kubernetes has them.

use crate::scenario::decode::quantity::Percent;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::Duration;

choice! {
    /// What decides how many replicas there are.
    pub enum Scale (number is Fixed) {
        /// So many.
        Fixed(u32),
        /// A HorizontalPodAutoscaler, `autoscaling/v2`.
        Hpa(Hpa),
        /// A KEDA ScaledObject.
        Keda(Keda),
    }
}

record! {
    /// A HorizontalPodAutoscaler.
    pub struct Hpa {
        /// Fewest replicas.
        pub min: Spanned<u32> = Spanned::unplaced(1) => "minReplicas of the API",
        /// Most replicas.
        pub max: Spanned<u32>,
        /// What it follows; the metric that asks for most decides.
        pub metrics: Spanned<Vec<Spanned<Metric>>>,
        /// How fast it may scale.
        pub behavior: Option<Behavior>,
        /// By how much a ratio may differ from 1 without a step.
        pub tolerance: Spanned<f64> = Spanned::unplaced(0.1) => "horizontal-pod-autoscaler-tolerance",
        /// How often it decides.
        pub sync: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(15)) => "horizontal-pod-autoscaler-sync-period",
        /// How often replicas are scraped; rates are over this.
        pub scrape: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(15)) => "metric-resolution of the metrics server",
        /// How old a scrape is before the HPA sees it.
        pub lag: Duration = Duration::from_secs(15) => "one more scrape, of an adapter in between; a guess",
        /// Replicas when the run begins; `min` where left out.
        pub initial: Option<Spanned<u32>>,
    }
}

record! {
    /// A KEDA ScaledObject, and the HPA that it makes.
    pub struct Keda {
        /// Fewest replicas; 0 goes to zero.
        pub min: Spanned<u32> = Spanned::unplaced(0) => "minReplicaCount",
        /// Most replicas.
        pub max: Spanned<u32> = Spanned::unplaced(100) => "maxReplicaCount",
        /// What it follows, for each replica; the trigger that asks for most decides.
        pub triggers: Spanned<Vec<Spanned<Metric>>>,
        /// A trigger is active above this; at zero replicas only that counts.
        pub activation: Spanned<f64> = Spanned::unplaced(0.0) => "activationThreshold",
        /// How often it polls.
        pub polling: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(30)) => "pollingInterval",
        /// How long after the last activity it goes to zero.
        pub cooldown: Duration = Duration::from_secs(300) => "cooldownPeriod",
        /// How long after it was made it may first go to zero.
        pub initial_cooldown: Duration = Duration::ZERO => "initialCooldownPeriod",
        /// What it goes to instead of `min` while no trigger is active.
        pub idle: Option<Spanned<u32>>,
        /// How fast its HPA may scale.
        pub behavior: Option<Behavior>,
        /// By how much a ratio may differ from 1 without a step.
        pub tolerance: Spanned<f64> = Spanned::unplaced(0.1) => "horizontal-pod-autoscaler-tolerance",
        /// How often its HPA decides.
        pub sync: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(15)) => "horizontal-pod-autoscaler-sync-period",
        /// How often replicas are scraped; rates are over this.
        pub scrape: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(15)) => "a common scrape_interval of Prometheus",
        /// How old a scrape is before KEDA sees it.
        pub lag: Duration = Duration::ZERO => "KEDA asks Prometheus itself",
        /// Replicas when the run begins; `min` where left out.
        pub initial: Option<Spanned<u32>>,
    }
}

choice! {
    /// What is measured, and how much of it a replica should have.
    pub enum Metric {
        /// Requests that wait for an engine, those held at the front included.
        Queue(f64),
        /// Requests in the system.
        Concurrency(f64),
        /// Requests sent a second.
        RequestsPerSecond(f64),
        /// Tokens produced a second.
        TokensPerSecond(f64),
        /// Share of the KV in use.
        KvUse(Percent),
        /// Share of the time with a step in progress: GPU utilisation as a dashboard polls it.
        GpuUtilisation(Percent),
        /// CPU used, of what is requested.
        Cpu(Percent),
    }
}

record! {
    /// How fast an HPA may scale.
    pub struct Behavior {
        /// Up.
        pub up: Option<Rules>,
        /// Down.
        pub down: Option<Rules>,
    }
}

record! {
    /// Rules of one direction; what is left out is the API's default.
    pub struct Rules {
        /// `stabilizationWindowSeconds`.
        pub window: Option<Duration>,
        /// By how much in which time.
        pub policies: Option<Vec<Policy>>,
        /// Which policy decides.
        pub select: Select = Select::Max => "selectPolicy",
        /// A tolerance of its own.
        pub tolerance: Option<f64>,
    }
}

choice! {
    /// By how much the number may change within a time.
    pub enum Policy {
        /// So many pods.
        Pods(u32, Duration),
        /// So many per cent of what there was: `Percent(100, "15s")`.
        Percent(u32, Duration),
    }
}

choice! {
    /// Which of several policies decides.
    pub enum Select {
        /// The one that allows most.
        Max,
        /// The one that allows least.
        Min,
        /// None: no change in this direction.
        Disabled,
    }
}
