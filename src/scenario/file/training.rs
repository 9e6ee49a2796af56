//! Training runs: job speed and memory, and how capacity is bought under a deadline.

use super::checkpoint::{Checkpoint, Restart};
use super::laws::Length;
use super::node_autoscaler::Disruption;
use super::work::GpuUse;
use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::{Bytes, Duration, Fraction, Name};
use indexmap::IndexMap;
use std::num::NonZeroU32;

record! {
    /// Training runs that keep their progress, on nodes that they ask for or on those of a fleet.
    pub struct Training {
        /// Its name.
        pub name: Spanned<Name>,
        /// Labels that its runs carry.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "no labels: its cost is unlabelled",
        /// When the first run arrives, after the window's start.
        pub arrive: Spanned<Duration> = Spanned::unplaced(Duration::ZERO) => "with the window",
        /// How many runs.
        pub count: NonZeroU32 = NonZeroU32::MIN => "one run",
        /// How long after one run the next arrives.
        pub every: Duration = Duration::ZERO => "all together",
        /// Pools that it may use; all where left out. With a `policy` they have nodes `OnRequest`.
        pub pools: Option<Spanned<Vec<Spanned<Name>>>>,
        /// Nodes of the gang.
        pub nodes: Option<Spanned<NonZeroU32>>,
        /// GPUs of the gang, instead of nodes.
        pub gpus: Option<Spanned<NonZeroU32>>,
        /// How much there is to do.
        pub work: Spanned<TrainingWork>,
        /// For work given as time: speed by device, `[("T4", 0.2)]`, relative to the device that the time is for.
        pub speed: Vec<(Spanned<String>, Spanned<f64>)> = Vec::new() => "the same on every device",
        /// For work given in tokens: measured throughputs of the whole job.
        pub throughput: Vec<Throughput> = Vec::new() => "none: from the device's peak, see `physics`",
        /// For work in tokens without throughputs, or in FLOP: speed from the device's peak.
        pub physics: Option<Physics>,
        /// Speed on so many GPUs as a share of that many times the speed of one: `[(8, "97%"), (128, "88%")]`.
        pub parallel: Spanned<Vec<(u32, Fraction)>> = Spanned::unplaced(Vec::new()) => "none declared: throughputs and MFU hold for the whole job",
        /// What pulls at speed and memory.
        pub levers: Vec<Spanned<Lever>> = Vec::new() => "none",
        /// What the model needs of each GPU's memory, to be checked against the device.
        pub memory: Option<Spanned<MemoryNeed>>,
        /// Share of its compute that is given up to redundancy, so that the loss of a node takes nothing.
        pub redundancy: Spanned<Fraction> = Spanned::unplaced(Fraction::ZERO) => "none (Bamboo's costs 10 to 20 %)",
        /// How its pods bear that their node goes.
        pub disruption: Disruption = all_defaults() => "they may be moved, all at once",
        /// How it keeps its progress; an interruption takes all of it where left out.
        pub checkpoint: Option<Checkpoint>,
        /// What it goes through before it computes (again).
        pub restart: Spanned<Restart> = Spanned::unplaced(Restart::Stages(all_defaults())) => "stages of a large job on fresh nodes",
        /// How it buys capacity; it waits for the fleet's own nodes where left out.
        pub policy: Option<Spanned<SpotPolicy>>,
        /// When it should have finished, after it arrived.
        pub deadline: Option<Spanned<Duration>>,
        /// How often the policy decides, beside whenever something happens.
        pub decide_every: Spanned<Duration> = Spanned::unplaced(Duration::from_secs(600)) => "the tick of the simulator of Can't Be Late (NSDI 2024)",
        /// What becomes of the other nodes when a gang loses one.
        pub survivors: Survivors = Survivors::Release => "SkyPilot tears a cluster down that lost a node",
        /// It goes on with fewer nodes; a gang needs all of them where left out.
        pub elastic: Option<Elastic>,
        /// Of its nodes, those that are always on demand.
        pub base: Option<BaseShare>,
        /// Which pool of a market it launches in.
        pub allocation: AllocationRule = AllocationRule::LowestPrice => "what Karpenter comes to on demand, and what a gang of one type wants",
        /// Whether its nodes are spread over the pools of a market; otherwise a gang is in one pool.
        pub spread: bool = false => "a gang wants one fabric",
        /// Whether a gang on the fleet's own nodes must be placed within one island.
        pub one_island: bool = false => "its nodes may spread over islands",
        /// Higher goes first under a priority queue.
        pub priority: i32 = 0 => "all the same",
        /// How it uses the GPUs that it holds.
        pub use_of_gpu: GpuUse = GpuUse::default() => "busy all the time: say how busy yours are",
    }
}

choice! {
    /// How much there is to do.
    pub enum TrainingWork {
        /// So much time on the device that lengths are given for, with all nodes and nothing going wrong.
        Time(Duration),
        /// So many tokens.
        Tokens(f64),
        /// So many floating-point operations.
        Flops(f64),
    }
}

record! {
    /// A measured throughput.
    pub struct Throughput {
        /// On which device.
        pub device: Spanned<String>,
        /// With how many GPUs.
        pub gpus: Spanned<NonZeroU32>,
        /// Tokens per second of the whole job.
        pub tokens_per_s: Spanned<f64>,
        /// How well it is known.
        pub grade: Grade = Grade::Prior => "stated, not measured here",
        /// Where it comes from.
        pub source: String = "stated in the scenario".to_owned() => "the scenario",
    }
}

choice! {
    /// How well a figure is known.
    pub enum Grade {
        /// Measured on what it is used for.
        Measured,
        /// Fitted to measurements.
        Fitted,
        /// Published or stated, not measured here.
        Prior,
        /// A guess.
        Guess,
    }
}

record! {
    /// Speed from the device's peak: 6 FLOP for each parameter and token.
    pub struct Physics {
        /// Parameters of the model; needed for work in tokens.
        pub params: Option<Spanned<f64>>,
        /// Model FLOP utilisation: the share of the peak that training reaches.
        pub mfu: Spanned<Fraction> = Spanned::unplaced(Fraction::new(0.40).unwrap_or_default()) => "38 to 43 % in BF16 (The Llama 3 Herd of Models, 2024)",
        /// The number format.
        pub dtype: Dtype = Dtype::Bf16 => "what large models are trained in",
    }
}

choice! {
    /// A number format, for the peak of a device.
    pub enum Dtype {
        /// BF16 or FP16.
        Bf16,
        /// FP8.
        Fp8,
    }
}

choice! {
    /// What pulls at a job's speed and memory. Each acts on one part of a step; two on one part are warned of.
    pub enum Lever {
        /// From FP32 to 16 bits: twice the speed (a guess), half the activations (Micikevicius et al., ICLR 2018).
        MixedPrecision,
        /// A larger batch, with the speed-up that was measured for it.
        BatchSize(BatchLever),
        /// Prefetching, caching and enough readers: four fifths of the input stall go (a guess).
        InputPrefetch,
        /// Attention that never writes its matrix out: 15 % end to end, and its memory (Dao et al., NeurIPS 2022).
        AttentionKernels(AttentionLever),
        /// Keeps each layer's input alone: three quarters of the speed, a fraction of the activations.
        ActivationCheckpointing(LayersLever),
        /// A factor of one's own.
        Other(OtherLever),
    }
}

record! {
    /// A larger batch.
    pub struct BatchLever {
        /// So many times the samples in a step, and the activations.
        pub times: f64,
        /// The measured factor on speed.
        pub speed: f64,
        /// How well it is known.
        pub grade: Grade = Grade::Prior => "stated, not measured here",
        /// Where it comes from.
        pub source: String = "stated in the scenario".to_owned() => "the scenario",
    }
}

record! {
    /// Attention kernels.
    pub struct AttentionLever {
        /// Tokens of a sequence.
        pub sequence: NonZeroU32,
        /// Width of an attention head.
        pub head_dim: NonZeroU32 = NonZeroU32::MIN.saturating_add(127) => "128, as Llama's",
    }
}

record! {
    /// Activation checkpointing.
    pub struct LayersLever {
        /// Layers of the model.
        pub layers: NonZeroU32,
    }
}

record! {
    /// A declared factor.
    pub struct OtherLever {
        /// What it is.
        pub name: String,
        /// Factor on the speed of the arithmetic.
        pub speed: f64 = 1.0 => "as fast as without",
        /// Factor on the bytes of activations.
        pub activations: f64 = 1.0 => "as much as without",
        /// Share of the input stall that it leaves.
        pub stall: Fraction = Fraction::ONE => "all of it",
        /// How well the factors are known.
        pub grade: Grade = Grade::Guess => "declared, with no source",
        /// Where they come from.
        pub source: String = "stated in the scenario".to_owned() => "the scenario",
    }
}

record! {
    /// What a model needs of the GPUs' memory.
    pub struct MemoryNeed {
        /// Parameters that are trained; of adapters theirs.
        pub params: Spanned<f64>,
        /// What a GPU holds of each.
        pub held: Held = Held::Bf16Adam => "16 bytes: mixed-precision Adam with gradients (ZeRO, SC 2020, section 3.1)",
        /// Weights of a frozen base under adapters.
        pub frozen: Bytes = Bytes(0) => "all is trained",
        /// What is cut over the gang's GPUs.
        pub sharding: Sharding = Sharding::Everything => "FSDP's full shard",
        /// Activations of one GPU at its batch.
        pub activations: Bytes = Bytes(0) => "none: say what yours need",
        /// Kept free on each GPU.
        pub reserve: Bytes = Bytes(0) => "nothing beyond what the nominal size leaves",
    }
}

choice! {
    /// What a GPU holds of each parameter, gradients included.
    pub enum Held {
        /// BF16 weights and gradients, FP32 master weights and Adam's moments: 16 bytes.
        Bf16Adam,
        /// FP32 weights, gradients and Adam's moments: 16 bytes.
        Fp32Adam,
        /// FP32 weights, gradients and one momentum: 12 bytes.
        Fp32Momentum,
        /// BF16 weights and gradients, FP32 master weights, moments of a byte: 10 bytes.
        Adam8bit,
    }
}

choice! {
    /// What is cut over the GPUs; the rest each holds whole.
    pub enum Sharding {
        /// Nothing: plain data parallelism.
        Nothing,
        /// Optimiser state (ZeRO stage 1).
        Optimizer,
        /// Gradients too (stage 2).
        Gradients,
        /// Weights too (stage 3, FSDP full shard).
        Everything,
    }
}

choice! {
    /// Which market a run is in when.
    pub enum SpotPolicy {
        /// Never spot.
        OnDemandOnly,
        /// Never on demand.
        SpotOnly,
        /// Spot, and on demand where there is none.
        SpotElseOnDemand(SpotElse),
        /// Spot or nothing, until the deadline leaves time for on demand only.
        Greedy,
        /// The time to the deadline in equal slices, each greedy with its share of the work.
        TimeSliced(Spanned<NonZeroU32>),
        /// Never behind the line from nothing at arrival to all work at the deadline (Can't Be Late, NSDI 2024).
        UniformProgress(UniformLine),
    }
}

record! {
    /// Spot, and on demand where there is none.
    pub struct SpotElse {
        /// How long to be without spot before on demand is bought.
        pub wait: Duration = Duration::ZERO => "at once, as Karpenter does",
        /// When to go back to spot; a run stays on demand where left out.
        pub back: Option<BackToSpot>,
        /// When interruptions are too many.
        pub breaker: Option<CircuitBreaker>,
    }
}

record! {
    /// The slow way back to spot.
    pub struct BackToSpot {
        /// How long a run stays on demand at least.
        pub after: Duration = Duration::from_secs(1800) => "30 minutes, as users of Karpenter ask for (issue 3480)",
        /// How long between two returns at least.
        pub cooldown: Duration = Duration::from_secs(1800) => "30 minutes, as users of Karpenter ask for (issue 3480)",
        /// By which share of the on-demand price spot must be cheaper.
        pub min_saving: Fraction = Fraction::ZERO => "not dearer",
    }
}

record! {
    /// So many interruptions within a time, and the run stays on demand for a while.
    pub struct CircuitBreaker {
        /// Interruptions that trip it.
        pub max: NonZeroU32,
        /// Within which time.
        pub window: Duration,
        /// How long it then stays on demand.
        pub hold: Duration,
    }
}

record! {
    /// Uniform progress.
    pub struct UniformLine {
        /// Back from on demand to spot only when two launches ahead of the line.
        pub hysteresis: bool = true => "the published policy",
    }
}

choice! {
    /// What becomes of the nodes that are left when a gang loses one.
    pub enum Survivors {
        /// Given back.
        Release,
        /// Kept, and billed, while the gang waits.
        Hold,
    }
}

record! {
    /// A run that goes on with fewer nodes.
    pub struct Elastic {
        /// The least nodes it can compute on.
        pub least: Spanned<NonZeroU32>,
        /// Speed by number of nodes, relative to all of them, straight lines between: `[(8, "55%"), (12, "78%")]`.
        pub efficiency: Spanned<Vec<(u32, Fraction)>> = Spanned::unplaced(Vec::new()) => "in proportion to its nodes",
        /// How long changing its shape takes.
        pub reshape: Spanned<Length> = Spanned::unplaced(Length::Constant(Duration::from_secs(60))) => "a guess",
    }
}

record! {
    /// Nodes that are always on demand (an Auto Scaling group's instances distribution).
    pub struct BaseShare {
        /// So many before anything on spot.
        pub nodes: u32 = 0 => "none",
        /// Of the rest, this share, rounded up.
        pub above: Spanned<Fraction> = Spanned::unplaced(Fraction::ZERO) => "none",
    }
}

choice! {
    /// Which pool of a market is launched in.
    pub enum AllocationRule {
        /// The cheapest.
        LowestPrice,
        /// The one with the most capacity.
        CapacityOptimized,
        /// Among those with the most capacity the least of price plus what interruptions cost.
        PriceCapacityOptimized(PriceCapacity),
        /// Every pool as many.
        Even,
    }
}

record! {
    /// Price and capacity together.
    pub struct PriceCapacity {
        /// How much expected interruptions count; 1 is what they cost.
        pub weight: f64 = 1.0 => "what they cost",
        /// Which share of the pools, the deepest first, is looked at.
        pub deepest: Fraction = Fraction::ONE => "all",
    }
}
