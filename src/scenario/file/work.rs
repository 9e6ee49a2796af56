//! Work: jobs drawn from parameters, or read from a trace; services are in [`super::service`].

use super::checkpoint::{Checkpoint, Restart};
use super::laws::{Arrive, Gpus, Length, ShareLaw};
use super::node_autoscaler::Disruption;
use super::service::Service;
use super::share::SliceOf;
use super::training::Training;
use crate::scenario::decode::quantity::Percent;
use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::{Bytes, Duration, Fraction, Name};
use indexmap::IndexMap;

choice! {
    /// A stream of jobs, or a service.
    pub enum Work {
        /// Drawn from parameters: training, fine-tuning, batch inference; anything that runs and ends.
        Jobs(Jobs),
        /// Read from a trace.
        Trace(Trace),
        /// Training runs that keep their progress, on the fleet's nodes or on nodes that they buy.
        Training(Training),
        /// Requests, and replicas that answer them.
        Service(Box<Service>),
    }
}

record! {
    /// Jobs drawn from parameters.
    pub struct Jobs {
        /// Its name; it keys the random streams, so that other work can come and go without changing these jobs.
        pub name: Spanned<Name>,
        /// Labels that all its jobs carry: `(team: "search", env: "prod")`.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "no labels: its cost is unlabelled",
        /// Labels that are drawn for each job: `[(key: "team", values: [("search", 0.6), ("ads", 0.4)])]`.
        pub label_mix: Vec<LabelMix> = Vec::new() => "no drawn labels",
        /// Pools that its jobs may use; all where left out.
        pub pools: Option<Spanned<Vec<Spanned<Name>>>>,
        /// Pools that open to a job once it has waited.
        pub fallback: Spanned<Vec<Fallback>> = Spanned::unplaced(Vec::new()) => "no other pools open later",
        /// When jobs arrive.
        pub arrive: Spanned<Arrive>,
        /// How long they run on a device of speed 1.
        pub length: Spanned<Length>,
        /// GPUs of a whole job; more than a node has become a gang of like pods, all placed or none.
        pub gpus: Spanned<Gpus> = Spanned::unplaced(Gpus::Fixed(1)) => "one GPU",
        /// For jobs of one GPU: which share of it they ask for, by weight: `[("50%", 0.3), ("100%", 0.7)]`.
        pub shares: Vec<(Spanned<Percent>, Spanned<f64>)> = Vec::new() => "whole GPUs",
        /// The slice that each of its pods asks of a GPU, on pools whose GPUs are cut: `Profile("1g.10gb")`.
        pub slice: Option<Spanned<SliceOf>>,
        /// Share of the work that takes as long on a slice of a GPU as on all of it.
        pub unsliced: Fraction = Fraction::new(0.62).unwrap_or_default() => "the median of MISO's training logs on an A100; 0.1 fills a GPU, 0.9 is too small to",
        /// Cores for each GPU.
        pub cpus_per_gpu: Spanned<f64> = Spanned::unplaced(0.0) => "CPU is not what limits",
        /// Memory for each GPU.
        pub memory_per_gpu: Bytes = Bytes(0) => "memory is not what limits",
        /// Cores of a CPU-only job.
        pub cpus: Spanned<f64> = Spanned::unplaced(1.0) => "one core",
        /// Devices that its jobs accept, by name; any where empty.
        pub devices: Vec<Spanned<String>> = Vec::new() => "any device of its pools",
        /// Whether a gang must be placed within one island.
        pub one_island: bool = false => "pods of a gang may spread over islands",
        /// How jobs end.
        pub ends: Spanned<Ends> = Spanned::unplaced(Ends::default()) => "all complete",
        /// How jobs use the GPUs that they hold.
        pub use_of_gpu: GpuUse = GpuUse::default() => "busy all the time: say how busy yours are",
        /// Higher goes first under a priority queue.
        pub priority: i32 = 0 => "all the same",
        /// How long a job waits before its owner withdraws it; for ever where left out.
        pub patience: Option<Duration>,
        /// Speed by device, `[("T4", 0.2)]`, relative to the device that lengths are given for; 1 for others.
        pub speed: Vec<(Spanned<String>, Spanned<f64>)> = Vec::new() => "the same on every device",
        /// How its pods bear that their node goes.
        pub disruption: Disruption = all_defaults() => "they may be moved, all at once",
        /// The wait that it promises.
        pub wait_target: Option<WaitTarget>,
        /// How its jobs keep their progress; an interruption takes all of it where left out.
        pub checkpoint: Option<Checkpoint>,
        /// What they go through before they compute (again); nothing where left out.
        pub restart: Option<Spanned<Restart>>,
    }
}

record! {
    /// Values of a label, by weight.
    pub struct LabelMix {
        /// The label: `team`.
        pub key: Name,
        /// Its values.
        pub values: Spanned<Vec<(Name, Spanned<f64>)>>,
    }
}

record! {
    /// Pools that open later.
    pub struct Fallback {
        /// Which.
        pub pools: Vec<Spanned<Name>>,
        /// To a job that has waited this long.
        pub after: Duration,
    }
}

record! {
    /// How jobs end; what is left of 100 % completes.
    pub struct Ends {
        /// Share that fails for reasons of its own: its work is discarded.
        pub failed: Fraction = Fraction::ZERO => "none fails",
        /// Share that its owner cancels: its work is discarded.
        pub cancelled: Fraction = Fraction::ZERO => "none is cancelled",
        /// How long failing jobs run, as a share of the length drawn.
        pub failed_after: Fraction = Fraction::ONE => "as long as others",
        /// How long cancelled jobs run, as a share of the length drawn.
        pub cancelled_after: Fraction = Fraction::ONE => "as long as others",
    }
}

impl Default for Ends {
    fn default() -> Self {
        Ends {
            failed: Fraction::ZERO,
            cancelled: Fraction::ZERO,
            failed_after: Fraction::ONE,
            cancelled_after: Fraction::ONE,
        }
    }
}

record! {
    /// How jobs use the GPUs that they hold.
    pub struct GpuUse {
        /// True utilisation while not stalled: the share of the GPU's compute at work.
        pub busy: Spanned<ShareLaw> = Spanned::unplaced(ShareLaw::Constant(Fraction::ONE)) => "fully busy: say how busy yours are",
        /// Share of the time spent waiting for input, with no kernel on the GPU.
        pub stalled: Spanned<ShareLaw> = Spanned::unplaced(ShareLaw::Constant(Fraction::ZERO)) => "never stalled",
        /// GPU memory needed on each GPU.
        pub memory: Option<Bytes>,
    }
}

impl Default for GpuUse {
    fn default() -> Self {
        GpuUse {
            busy: Spanned::unplaced(ShareLaw::Constant(Fraction::ONE)),
            stalled: Spanned::unplaced(ShareLaw::Constant(Fraction::ZERO)),
            memory: None,
        }
    }
}

record! {
    /// A wait that is promised to a share of jobs.
    pub struct WaitTarget {
        /// Jobs start within this.
        pub within: Duration,
        /// So many of them.
        pub share: Fraction = Fraction::new(0.95).unwrap_or_default() => "95 %, a common target",
    }
}

choice! {
    /// The format of a trace.
    pub enum Format {
        /// Told by the header.
        Detect,
        /// Alibaba's openb pods.
        Openb,
        /// Microsoft's Philly jobs. Known to be unsorted: sorted on reading.
        Philly,
        /// Alibaba's disaggregated DLRM instances.
        Dlrm,
        /// fleetcast's own CSV.
        Csv,
    }
}

record! {
    /// Jobs read from a trace.
    pub struct Trace {
        /// Its name.
        pub name: Spanned<Name>,
        /// The file, plain, gzip or zstd; `$FLEETCAST_DATA` in it stands for the folder of the public data.
        pub file: Spanned<String>,
        /// Its format.
        pub format: Format = Format::Detect => "told by the header",
        /// Labels that all its jobs carry, beside those of the trace.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "only the trace's own",
        /// Pools that its jobs may use; all where left out.
        pub pools: Option<Spanned<Vec<Spanned<Name>>>>,
        /// Pools that open to a job once it has waited.
        pub fallback: Spanned<Vec<Fallback>> = Spanned::unplaced(Vec::new()) => "no other pools open later",
        /// The window of the trace to use: from this time after its origin. Jobs running then are the warm start.
        pub from: Duration = Duration::ZERO => "the trace's origin",
        /// Until this time after its origin; the end where left out.
        pub to: Option<Duration>,
        /// At most so many jobs; all where left out.
        pub limit: Option<u64>,
        /// How much faster time runs: 2 halves all gaps between arrivals (run times stay).
        pub speed_up: Spanned<f64> = Spanned::unplaced(1.0) => "as recorded",
        /// Sort an unsorted file of our own format instead of refusing it.
        pub sort: bool = false => "a file of our own format must be sorted",
        /// GPUs per node by which larger jobs are cut into gangs of like pods.
        pub gpus_per_node: Spanned<u32> = Spanned::unplaced(8) => "8 GPUs per node, as in Philly, Helios and openb",
        /// Cores for each GPU, for traces that do not say.
        pub cpus_per_gpu: Spanned<f64> = Spanned::unplaced(0.0) => "as the trace says, or none",
        /// Memory for each GPU, for traces that do not say.
        pub memory_per_gpu: Bytes = Bytes(0) => "as the trace says, or none",
        /// Whether a gang must be placed within one island.
        pub one_island: bool = false => "pods of a gang may spread over islands",
        /// How jobs use the GPUs that they hold, for traces that do not say.
        pub use_of_gpu: GpuUse = GpuUse::default() => "busy all the time: say how busy yours are",
        /// Speed by device relative to the device that the trace was recorded on; 1 for others.
        pub speed: Vec<(Spanned<String>, Spanned<f64>)> = Vec::new() => "the same on every device",
        /// How its pods bear that their node goes.
        pub disruption: Disruption = all_defaults() => "they may be moved, all at once",
        /// The wait that it promises.
        pub wait_target: Option<WaitTarget>,
    }
}
