//! How the GPUs of a pool are shared out, and what work asks of a GPU that is cut.

use super::fleet::When;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::{Bytes, Duration, Fraction, Name};

choice! {
    /// How the GPUs of a pool are shared out.
    pub enum Share {
        /// Whole GPUs, and thousandths of one for jobs that ask for a share.
        Whole,
        /// In MIG instances: work asks for a `slice`.
        Mig(MigShare),
        /// By pods that take turns: each that asks for one GPU gets one of its replicas.
        TimeSlicing(TimeSlicing),
        /// By pods that run at once through NVIDIA's MPS: each that asks for one GPU gets one of its replicas.
        Mps(Mps),
    }
}

record! {
    /// GPUs in MIG instances.
    pub struct MigShare {
        /// Which instances each GPU has.
        pub layout: Spanned<Layout>,
        /// How Kubernetes offers them.
        pub strategy: Spanned<Strategy> = Spanned::unplaced(Strategy::Mixed) => "each profile is a resource of its own",
        /// Which GPU of a node comes first.
        pub gpus: GpuOrder = GpuOrder::BestFit => "spreading is what strands slices; packing orders differ by noise",
    }
}

choice! {
    /// The instances of a GPU.
    pub enum Layout {
        /// These: `Each(["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"])`.
        Each(Spanned<Vec<Spanned<String>>>),
        /// A configuration of NVIDIA's mig-parted: `Named("all-balanced")`, `Named("all-1g.10gb")`.
        Named(Spanned<String>),
        /// Each made when a pod needs it and destroyed when the pod goes.
        Dynamic(Dynamic),
    }
}

record! {
    /// Instances made on demand, beside those that run.
    pub struct Dynamic {
        /// From which slice on an instance lies.
        pub starts: StartOrder = StartOrder::Ascending => "what DAS (instaslice) does",
        /// How long making an instance takes.
        pub create: Duration = Duration::from_secs(1) => "no published figure was found: an assumption",
        /// How long destroying one takes; what comes next on its slices waits for it.
        pub destroy: Duration = Duration::from_secs(1) => "no published figure was found: an assumption",
        /// For `LeastFragmentation`, how often each profile is asked for: `[("1g.10gb", 4), ("3g.40gb", 1)]`.
        pub mix: Vec<(Spanned<String>, Spanned<u32>)> = Vec::new() => "each profile that work asks for as often",
    }
}

choice! {
    /// How Kubernetes offers instances.
    pub enum Strategy {
        /// All instances of a node are of one profile, and each is one GPU: work asks for GPUs.
        Single,
        /// Each profile is a resource of its own: work asks for profiles.
        Mixed,
    }
}

choice! {
    /// Which GPU of a node comes first.
    pub enum GpuOrder {
        /// The first that has room.
        FirstFit,
        /// The one with the least free.
        BestFit,
        /// The one with the most free.
        Spread,
        /// The one whose free slices become least useless to the demand.
        LeastFragmentation,
    }
}

choice! {
    /// From which slice on an instance lies.
    pub enum StartOrder {
        /// The lowest.
        Ascending,
        /// As NVIDIA's driver was seen to choose.
        NvidiaDriver,
        /// The one after which free slices are least useless to the demand.
        LeastFragmentation,
    }
}

record! {
    /// Pods take turns on a GPU. Nothing isolates their memory.
    pub struct TimeSlicing {
        /// Pods of a GPU at once.
        pub replicas: Spanned<u32>,
        /// By how much a co-runner that works all the time slows one down: 1 is as much again.
        pub slowdown: Spanned<f64> = Spanned::unplaced(1.14) => "fitted: YOLOS on an A100 with 1, 3, 5 and 7 pods (nebuly-ai/nos)",
        /// The most work that is done on a GPU when all its pods fill it, relative to one alone.
        pub most: Fraction = Fraction::new(0.9).unwrap_or_default() => "the same data set with 3, 5 and 7 pods",
        /// Which GPU of a node comes first.
        pub gpus: GpuOrder = GpuOrder::Spread => "NVIDIA's device plugin hands out the GPU with the fewest replicas taken",
        /// How often it is measured how busy replicas of services are, which is how much they slow others.
        pub look: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(60)) => "a minute; an assumption",
    }
}

record! {
    /// Pods run at once through one MPS server on each GPU.
    pub struct Mps {
        /// Clients of a GPU at once.
        pub replicas: Spanned<u32>,
        /// By how much a co-runner that works all the time slows one down: 1 is as much again.
        pub slowdown: Spanned<f64> = Spanned::unplaced(0.435) => "fitted: YOLOS on an A100 with 1, 3, 5 and 7 pods (nebuly-ai/nos)",
        /// Which GPU of a node comes first.
        pub gpus: GpuOrder = GpuOrder::Spread => "NVIDIA's device plugin hands out the GPU with the fewest replicas taken",
        /// How often it is measured how busy replicas of services are, which is how much they slow others.
        pub look: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(60)) => "a minute; an assumption",
    }
}

record! {
    /// The GPUs of a pool are cut anew, as NVIDIA's mig-manager does it: nothing may run on the node meanwhile.
    pub struct Recut {
        /// Of which pool.
        pub pool: Spanned<Name>,
        /// The instances that each GPU has afterwards.
        pub layout: Spanned<Layout>,
        /// When its nodes are cordoned.
        pub when: Spanned<When>,
        /// What still runs after this long is stopped, loses its progress and waits again; for ever where left out.
        pub grace: Option<Duration>,
        /// How long a node takes no pods once it is empty.
        pub takes: Duration = Duration::from_secs(240) => "operators report 3 to 5 minutes",
    }
}

choice! {
    /// A slice of a GPU.
    pub enum SliceOf {
        /// An instance of this MIG profile and no other, as Kubernetes has it: `Profile("1g.10gb")`.
        Profile(Spanned<String>),
        /// The smallest instance that has this: `Smallest(memory: "10GiB", compute: 0.2)`.
        Smallest(SliceNeed),
    }
}

record! {
    /// What a pod needs of a GPU: it gets the smallest profile that has it.
    pub struct SliceNeed {
        /// GPU memory.
        pub memory: Bytes = Bytes(0) => "memory is not what limits",
        /// Share of the whole GPU's compute.
        pub compute: Fraction = Fraction::ZERO => "compute is not what limits",
    }
}
