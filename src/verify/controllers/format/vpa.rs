//! Cases of the Vertical Pod Autoscaler.

use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::Duration;
use crate::verify::quantity::Amount;

choice! {
    /// How values fall into buckets.
    pub enum Buckets {
        /// Those of CPU, in cores.
        Cpu,
        /// Those of memory, in bytes.
        Memory,
        /// Equal ones.
        Linear(Linear),
        /// Growing ones.
        Exponential(Exponential),
    }
}

record! {
    /// Equal buckets.
    pub struct Linear {
        /// The largest value.
        pub max: f64,
        /// The size of each.
        pub size: f64,
        /// Less weight than this is none.
        pub epsilon: f64 = 0.001 => "upstream's tests",
    }
}

record! {
    /// Growing buckets.
    pub struct Exponential {
        /// The largest value.
        pub max: f64,
        /// The size of the first.
        pub first: f64,
        /// By how much each is larger than the one before.
        pub ratio: f64,
        /// Less weight than this is none.
        pub epsilon: f64 = 0.001 => "upstream's tests",
    }
}

record! {
    /// A sample, or several that are alike.
    pub struct WeightedSample {
        /// The value.
        pub value: f64,
        /// Its weight.
        pub weight: f64 = 1.0 => "alike",
        /// When it was taken.
        pub at: Duration = Duration::ZERO => "without decay it does not matter",
        /// Whether it is taken away again rather than added.
        pub subtract: bool = false => "added",
    }
}

record! {
    /// A histogram.
    pub struct HistogramCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// Its buckets.
        pub buckets: Spanned<Buckets>,
        /// After how long a sample weighs half as much; never where left out.
        pub half_life: Option<Duration>,
        /// Samples, in the order in which they are added.
        pub samples: Vec<WeightedSample> = Vec::new() => "none",
        /// By how much doubles may differ, relative to what is expected.
        pub tolerance: f64 = 1e-9 => "doubles",
        /// What must come out.
        pub expect: HistogramExpected,
    }
}

record! {
    /// What must come out. At least one of the fields.
    pub struct HistogramExpected {
        /// How many buckets there are.
        pub buckets: Option<u64>,
        /// Where the first buckets start.
        pub starts: Option<Vec<f64>>,
        /// By bucket, where it starts.
        pub start: Vec<(u64, f64)> = Vec::new() => "not asked",
        /// Values and the buckets that they fall into.
        pub find: Vec<(f64, u64)> = Vec::new() => "not asked",
        /// Shares from 0 to 1 and the percentiles.
        pub percentiles: Vec<(f64, f64)> = Vec::new() => "not asked",
        /// Whether nothing is in it.
        pub empty: Option<bool>,
    }
}

choice! {
    /// What is seen of a container.
    pub enum Sample {
        /// CPU in use.
        Cpu(Amount, Duration),
        /// Memory in use.
        Memory(Amount, Duration),
        /// An OOM kill of a container that asked for so much memory.
        Oom(Amount, Duration),
        /// So much CPU and memory once a minute.
        EveryMinute(EveryMinute),
    }
}

record! {
    /// Constant usage, seen once a minute, both ends included.
    pub struct EveryMinute {
        /// CPU in use; not seen where left out.
        pub cpu: Option<Amount>,
        /// Memory in use; not seen where left out.
        pub memory: Option<Amount>,
        /// From when.
        pub from: Duration = Duration::ZERO => "the beginning",
        /// Until when; at most 100000 samples in a case.
        pub to: Duration,
    }
}

record! {
    /// What is set of the recommender.
    pub struct Recommender {
        /// `--recommendation-margin-fraction`.
        pub margin: f64 = 0.15 => "vpa recommender main.go",
        /// `--pod-recommendation-min-cpu-millicores`.
        pub pod_min_cpu: Amount = Amount(25) => "vpa recommender.go",
        /// `--pod-recommendation-min-memory-mb`.
        pub pod_min_memory: Amount = Amount((250 * 1000) << 20) => "vpa recommender.go",
        /// Percentiles of CPU: lower bound, target, upper bound.
        pub cpu_percentiles: (f64, f64, f64) = (0.5, 0.9, 0.95) => "vpa recommender.go",
        /// Percentiles of memory.
        pub memory_percentiles: (f64, f64, f64) = (0.5, 0.9, 0.95) => "vpa recommender.go",
        /// `--cpu-histogram-decay-half-life`.
        pub cpu_half_life: Duration = Duration::from_hours(24) => "vpa aggregations_config.go",
        /// `--memory-histogram-decay-half-life`.
        pub memory_half_life: Duration = Duration::from_hours(24) => "vpa aggregations_config.go",
        /// `--memory-aggregation-interval`.
        pub memory_window: Duration = Duration::from_hours(24) => "vpa aggregations_config.go",
        /// `--oom-bump-up-ratio`.
        pub oom_ratio: f64 = 1.2 => "vpa aggregations_config.go",
        /// `--oom-min-bump-up-bytes`.
        pub oom_min_bump: Amount = Amount((100 * 1000) << 20) => "vpa aggregations_config.go",
        /// `--confidence-interval-cpu`.
        pub confidence_cpu: Duration = Duration::from_hours(24) => "vpa recommender.go",
        /// `--confidence-interval-memory`.
        pub confidence_memory: Duration = Duration::from_hours(24) => "vpa recommender.go",
    }
}

record! {
    /// `resourcePolicy` of a container.
    pub struct ContainerPolicy {
        /// `minAllowed.cpu`.
        pub min_cpu: Option<Amount>,
        /// `minAllowed.memory`.
        pub min_memory: Option<Amount>,
        /// `maxAllowed.cpu`.
        pub max_cpu: Option<Amount>,
        /// `maxAllowed.memory`.
        pub max_memory: Option<Amount>,
    }
}

record! {
    /// What is recommended for a container.
    pub struct RecommendCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// What is set of the recommender.
        pub recommender: Recommender = all_defaults() => "vpa",
        /// How many containers its pod has: they share the least that is recommended.
        pub containers: u32 = 1 => "one",
        /// What may be recommended.
        pub policy: ContainerPolicy = all_defaults() => "anything",
        /// What was seen, in the order of time.
        pub samples: Vec<Sample>,
        /// By how much amounts may differ, relative to what is expected.
        pub tolerance: f64 = 0.0 => "exact: milli-CPU and bytes",
        /// What must come out.
        pub expect: RecommendExpected,
    }
}

record! {
    /// Amounts that must be recommended. Fields that are left out are not looked at.
    pub struct Amounts {
        /// CPU.
        pub cpu: Option<Amount>,
        /// Memory.
        pub memory: Option<Amount>,
    }
}

record! {
    /// What must be recommended. At least one of the fields.
    pub struct RecommendExpected {
        /// The target.
        pub target: Option<Amounts>,
        /// The lower bound.
        pub lower: Option<Amounts>,
        /// The upper bound.
        pub upper: Option<Amounts>,
        /// The target before the policy.
        pub uncapped: Option<Amounts>,
        /// Shares and percentiles of CPU, in cores: within 1e-6 of what is expected.
        pub cpu_percentiles: Vec<(f64, f64)> = Vec::new() => "not asked",
        /// Shares and percentiles of memory, in bytes: within 1e-4 of what is expected.
        pub memory_percentiles: Vec<(f64, f64)> = Vec::new() => "not asked",
        /// How sure one can be of the CPU: within 1e-9.
        pub confidence: Option<f64>,
    }
}

record! {
    /// By how much little confidence widens a bound: (1 + multiplier / confidence) ^ exponent.
    pub struct ConfidenceCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// From the first sample to the last.
        pub lifespan: Duration,
        /// How many samples there were; one a minute where left out.
        pub samples: Option<u64>,
        /// `--confidence-interval-cpu`.
        pub interval: Duration = Duration::from_hours(24) => "vpa recommender.go",
        /// What is widened.
        pub base: f64 = 1.0 => "the factor itself",
        /// The multiplier.
        pub multiplier: f64,
        /// The exponent.
        pub exponent: f64,
        /// By how much doubles may differ, relative to what is expected.
        pub tolerance: f64 = 1e-9 => "doubles",
        /// What must come out.
        pub expect: ConfidenceExpected,
    }
}

record! {
    /// What must come out. At least one of the fields.
    pub struct ConfidenceExpected {
        /// The confidence.
        pub confidence: Option<f64>,
        /// What the base becomes.
        pub value: Option<f64>,
    }
}

record! {
    /// What is set of the updater.
    pub struct Updater {
        /// `--min-replicas`.
        pub min_replicas: u32 = 2 => "vpa updater main.go",
        /// `--eviction-tolerance`.
        pub eviction_tolerance: f64 = 0.5 => "vpa updater main.go",
        /// Within its bounds a pod is evicted only if this old.
        pub min_age: Duration = Duration::from_hours(12) => "vpa update_priority_calculator.go",
        /// And if its requests would change by this share.
        pub min_change: f64 = 0.1 => "vpa update_priority_calculator.go",
        /// `--evict-after-oom-threshold`.
        pub quick_oom: Duration = Duration::from_secs(600) => "vpa update_priority_calculator.go",
    }
}

record! {
    /// A container with what is recommended for it.
    pub struct UpdateContainer {
        /// What it asks for; nothing where left out.
        pub cpu: Option<Amount>,
        /// The same of memory.
        pub memory: Option<Amount>,
        /// The target: CPU and memory.
        pub target: (Amount, Amount),
        /// The lower bound; the target where left out.
        pub lower: Option<(Amount, Amount)>,
        /// The upper bound; the target where left out.
        pub upper: Option<(Amount, Amount)>,
        /// For how long it ran before it was last killed for want of memory.
        pub oom_after: Option<Duration>,
    }
}

record! {
    /// A pod, or several that are alike.
    pub struct UpdatePod {
        /// Its name; of several, `name-1` and on, with leading zeros.
        pub name: Spanned<String>,
        /// How many there are, at most 10000 in a case.
        pub count: u32 = 1 => "one",
        /// Its containers.
        pub containers: Vec<UpdateContainer>,
        /// How long ago it started; not yet where left out.
        pub age: Option<Duration>,
        /// Whether it waits.
        pub pending: bool = false => "most run",
        /// How many evictions its disruption budget allows; it has none where left out.
        pub evictions_allowed: Option<u32>,
    }
}

choice! {
    /// Why a pod stays.
    pub enum Stays {
        /// Within its bounds, and young.
        Young,
        /// Within its bounds, and would change by little.
        Small,
        /// Killed for want of memory, and would ask for the same.
        Unchanged,
        /// Too few of its controller's pods live.
        FewReplicas,
        /// Too many of its controller's pods are gone already.
        Tolerance,
        /// Its disruption budget allows none.
        Budget,
    }
}

record! {
    /// One run of the updater over a controller's pods.
    pub struct UpdateCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// What is set of the updater.
        pub updater: Updater = all_defaults() => "vpa",
        /// How many pods the controller is meant to have; those that there are where left out.
        pub replicas: Option<u32>,
        /// Its pods that live.
        pub pods: Vec<UpdatePod>,
        /// What must come out.
        pub expect: UpdateExpected,
    }
}

record! {
    /// What the run must do. At least one of the fields.
    pub struct UpdateExpected {
        /// Who is evicted, in order.
        pub evicted: Option<Vec<String>>,
        /// How many are.
        pub count: Option<u64>,
        /// By pod, why it stays.
        pub stays: Vec<(Spanned<String>, Stays)> = Vec::new() => "not asked",
        /// By pod, by how much its requests would change: within 1e-9.
        pub difference: Vec<(Spanned<String>, f64)> = Vec::new() => "not asked",
    }
}
