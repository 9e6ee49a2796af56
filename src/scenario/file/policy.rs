//! The queue's discipline, placement and quotas.

use crate::scenario::decode::{Spanned, choice, record};
use crate::units::Name;

choice! {
    /// In which order waiting jobs are served, and what happens behind one that does not fit.
    pub enum Queue {
        /// First come, first served; everyone waits behind the first.
        Fifo,
        /// First come, first served, but whoever fits goes ahead, as pods do under kube-scheduler.
        SkipAhead,
        /// EASY backfill: whoever does not delay the first one's reservation goes ahead.
        Backfill(Backfill),
        /// The least work first.
        ShortestFirst(Behind),
        /// The highest priority first.
        Priority(PriorityQueue),
        /// The group that holds the least GPU per weight first.
        FairShare(FairShare),
    }
}

record! {
    /// EASY backfill.
    pub struct Backfill {
        /// How many waiting jobs behind the first are looked at.
        pub depth: u32 = 100 => "Slurm's default bf_max_job_test is 500 for its background pass; 100 keeps every pass short",
    }
}

choice! {
    /// What happens behind a job that does not fit.
    pub enum Blocked {
        /// Everyone waits.
        Wait,
        /// Whoever fits goes ahead.
        Skip,
    }
}

record! {
    /// What happens behind a job that does not fit.
    pub struct Behind {
        /// Wait or skip.
        pub blocked: Blocked = Blocked::Skip => "kube-scheduler tries every pod",
    }
}

record! {
    /// Priorities.
    pub struct PriorityQueue {
        /// Whether a job may push out running jobs of lower priority. What they did is lost; they wait again.
        pub preempt: bool = false => "kube-scheduler preempts only for priority classes that say so",
        /// Wait or skip.
        pub blocked: Blocked = Blocked::Skip => "kube-scheduler tries every pod",
    }
}

record! {
    /// Fair share over one label.
    pub struct FairShare {
        /// The label whose values share: `team`.
        pub by: Spanned<Name>,
        /// Weights by value, `[("research", 2.0)]`; others weigh 1.
        pub weights: Vec<(Name, Spanned<f64>)> = Vec::new() => "all weigh the same",
        /// Wait or skip.
        pub blocked: Blocked = Blocked::Skip => "kube-scheduler tries every pod",
    }
}

choice! {
    /// How nodes are scored.
    pub enum Placement {
        /// Any node that fits, each as likely.
        Random,
        /// The first that fits in tie order.
        FirstFit,
        /// The least left over.
        BestFit,
        /// The smallest dot product of what is free and what is asked for.
        DotProduct,
        /// A GPU in use before an idle one, a node in use before an idle one.
        GpuPacking,
        /// Nodes that run pods of the same kind.
        GpuClustering,
        /// The least growth of fragmentation.
        Fgd,
        /// The most left over: kube-scheduler's default.
        LeastAllocated,
        /// The least left over by share of the node: kube-scheduler's packing score.
        MostAllocated,
    }
}

choice! {
    /// Which node wins among equals. It can move a result by points of a fleet: see `fleetcast verify fgd`.
    pub enum Ties {
        /// As listed.
        Listed,
        /// The last listed first.
        Reversed,
        /// An arbitrary fixed order, by the run's seed or one of its own.
        Shuffled(Shuffled),
        /// Nodes with fewer GPUs first.
        FewestGpusFirst,
        /// Nodes with more GPUs first.
        MostGpusFirst,
        /// Anew at every placement, each as likely.
        Random,
    }
}

record! {
    /// A shuffled order.
    pub struct Shuffled {
        /// Seed of the order; the run's own where left out.
        pub seed: Option<u64>,
    }
}

record! {
    /// A limit on the GPUs that work with a label may hold at once.
    pub struct Quota {
        /// `team=search`.
        pub label: Spanned<String>,
        /// GPUs; shares count as shares.
        pub gpus: Spanned<f64>,
    }
}
