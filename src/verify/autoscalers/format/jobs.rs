//! Cases of KEDA's ScaledJob.

use crate::scenario::decode::{Spanned, choice, record};

choice! {
    /// `scalingStrategy`.
    pub enum Strategy {
        /// `default`.
        Default,
        /// `custom`.
        Custom(Custom),
        /// `accurate`.
        Accurate,
        /// `eager`.
        Eager,
    }
}

record! {
    /// The parts of the custom strategy.
    pub struct Custom {
        /// `customScalingQueueLengthDeduction`.
        pub queue_length_deduction: u32 = 0 => "none",
        /// `customScalingRunningJobPercentage`, as a share: 0.5 is half.
        pub running_job_percentage: f64 = 0.0 => "none",
    }
}

record! {
    /// How many jobs a strategy allows.
    pub struct StrategyCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The strategy.
        pub strategy: Strategy,
        /// How many jobs there should be.
        pub max_scale: u32,
        /// Unfinished jobs, less the minimum.
        pub running: u32,
        /// Jobs without a running or completed pod.
        pub pending: u32 = 0 => "none",
        /// `maxReplicaCount`.
        pub max_replica_count: u32,
        /// The jobs it must allow; may be negative.
        pub expect: i64,
    }
}

record! {
    /// How many jobs a poll of a ScaledJob starts.
    pub struct ScaledJobCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// `minReplicaCount`.
        pub min_replica_count: u32 = 0 => "keda apis/keda/v1alpha1",
        /// `maxReplicaCount`.
        pub max_replica_count: u32 = 100 => "keda apis/keda/v1alpha1",
        /// `scalingStrategy`.
        pub strategy: Strategy = Strategy::Default => "keda apis/keda/v1alpha1",
        /// `multipleScalersCalculation`.
        pub multiple_scalers_calculation: Combine = Combine::Max => "keda apis/keda/v1alpha1",
        /// The triggers.
        pub triggers: Vec<JobTrigger>,
        /// Unfinished jobs.
        pub running: u32 = 0 => "none",
        /// Those of them without a running or completed pod.
        pub pending: u32 = 0 => "none",
        /// What must come out.
        pub expect: ScaledJobExpected,
    }
}

choice! {
    /// How several triggers count together.
    pub enum Combine {
        /// The one with the longest queue.
        Max,
        /// The one with the shortest queue.
        Min,
        /// The mean.
        Avg,
        /// The sum.
        Sum,
    }
}

record! {
    /// A trigger of a ScaledJob.
    pub struct JobTrigger {
        /// How much waits.
        pub queue_length: f64,
        /// How much of it a job takes.
        pub target_average: f64 = 1.0 => "a job for each",
        /// Whether it is active; above zero where left out.
        pub active: Option<bool>,
    }
}

record! {
    /// What a poll of a ScaledJob must decide. At least one of the fields; each is a line of the report.
    pub struct ScaledJobExpected {
        /// Jobs to start.
        pub created: Option<u32>,
        /// How many jobs there should be.
        pub max_scale: Option<u32>,
        /// How much waits, as far as it limits the jobs to start.
        pub scale_to: Option<u32>,
        /// How many more jobs the strategy allows.
        pub effective: Option<u32>,
        /// Whether it is active.
        pub active: Option<bool>,
    }
}

record! {
    /// The mean target of a ScaledJob's triggers.
    pub struct TargetCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The targets.
        pub targets: Vec<f64>,
        /// The mean that must come out.
        pub expect: f64,
    }
}
