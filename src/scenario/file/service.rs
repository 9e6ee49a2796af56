//! Services: requests, what stands before the replicas, deployments of replicas, and what scales them.

use indexmap::IndexMap;
use std::num::NonZeroU32;

use super::engine::{
    CpuOfReplica, EngineLimits, NumberFormat, PrefixCache, ProfileOf, ShrunkModel, SpeculativeDecoding, StartUp,
};
use super::front::{Caches, Promises, RateLimit, Retries, Routing, Transfer};
use super::node_autoscaler::Disruption;
use super::rollout::Rollout;
use super::scale::Scale;
use super::share::SliceOf;
use super::traffic::Traffic;
use super::work::Fallback;
use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::{Bytes, Duration, Fraction, Name};

record! {
    /// Requests, and replicas that answer them.
    pub struct Service {
        /// Its name.
        pub name: Spanned<Name>,
        /// So many services alike, each with requests and replicas of its own: `NAME-1`, `NAME-2` and so on.
        pub copies: Spanned<NonZeroU32> = Spanned::unplaced(NonZeroU32::MIN) => "one service",
        /// By how much the day of each copy's traffic is later than that of the copy before; the same day where left out.
        pub stagger: Option<Spanned<Duration>>,
        /// Labels that it and all its requests carry.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "no labels: its cost is unlabelled",
        /// Where requests come from.
        pub traffic: Spanned<Vec<Traffic>>,
        /// Kinds of replicas.
        pub deployments: Spanned<Vec<Deployment>>,
        /// Pools that open to a replica once it has waited for a place.
        pub fallback: Spanned<Vec<Fallback>> = Spanned::unplaced(Vec::new()) => "no other pools open later",
        /// How a replica is chosen.
        pub routing: Spanned<Routing> = Spanned::unplaced(Routing::LeastOutstanding) => "what load balancers for inference do",
        /// Requests that are held while there is no replica, at most; what comes beyond is refused.
        pub hold: Spanned<u32> = Spanned::unplaced(10_000) => "10,000; a guess (KEDA's HTTP add-on holds without limit)",
        /// How long a request waits to be taken up by an engine; for ever where left out.
        pub patience: Option<Spanned<Duration>>,
        /// How long a client waits for the last token; for ever where left out.
        pub timeout: Option<Spanned<Duration>>,
        /// What clients do about a request that came to nothing.
        pub retries: Retries = all_defaults() => "sent again once when cut off",
        /// Caches of whole answers.
        pub caches: Caches = all_defaults() => "none",
        /// Limits on the rate of some requests; each request must pass all that it is under.
        pub limits: Vec<RateLimit> = Vec::new() => "no limits",
        /// How KV gets from prefill to decode, for services that separate them.
        pub transfer: Transfer = all_defaults() => "1 ms and 25 GB/s for each transfer",
        /// New versions.
        pub rollouts: Vec<Rollout> = Vec::new() => "no new versions",
        /// What is promised.
        pub slo: Promises = all_defaults() => "no promises",
    }
}

record! {
    /// Replicas of one kind.
    pub struct Deployment {
        /// Its name.
        pub name: Spanned<Name>,
        /// The model, by name: `Llama-3.1-8B`.
        pub model: Spanned<String>,
        /// Pools that its replicas may use; all that have nodes of their own and GPUs where left out.
        pub pools: Option<Spanned<Vec<Spanned<Name>>>>,
        /// GPUs of a replica, which share every layer (tensor parallelism).
        pub gpus: Spanned<NonZeroU32> = Spanned::unplaced(NonZeroU32::MIN) => "one GPU",
        /// The slice that each of its replicas asks of a GPU, on pools whose GPUs are cut: `Profile("1g.10gb")`.
        pub slice: Option<Spanned<SliceOf>>,
        /// Share of a step that takes as long on a slice of a GPU as on all of it.
        pub unsliced: Fraction = Fraction::new(0.1).unwrap_or_default() => "transformers in MISO's logs on an A100; reading memory goes by its share of the bandwidth",
        /// The engine: `vllm`, `sglang`, `trtllm`.
        pub engine: Spanned<String> = Spanned::unplaced("vllm".to_owned()) => "the engine with the most bundled profiles",
        /// How weights are stored; as the named profile has them, else 16 bits, where left out.
        pub dtype: Option<NumberFormat>,
        /// How KV is stored; as the profile has it, else 16 bits, where left out.
        pub kv_dtype: Option<NumberFormat>,
        /// What a step costs.
        pub profile: Spanned<ProfileOf> = Spanned::unplaced(ProfileOf::Matching) => "the bundled profile that matches, else an estimate from the data sheet",
        /// What its replicas do of a request.
        pub role: Role = Role::Whole => "prompt and answer on one replica",
        /// The engine's limits.
        pub limits: EngineLimits = all_defaults() => "vLLM's",
        /// What a replica keeps of the KV of earlier prompts.
        pub prefix_cache: Spanned<PrefixCache> = Spanned::unplaced(PrefixCache::Off) => "nothing: say how prompts repeat before counting on it",
        /// Speculative decoding.
        pub speculative: Option<SpeculativeDecoding>,
        /// What the model was made smaller by, for what no number format says.
        pub shrunk: Option<ShrunkModel>,
        /// What a replica goes through before it takes requests.
        pub start: StartUp = all_defaults() => "image, weights and warm-up of a vLLM pod",
        /// How long a replica that is to go may take over what it has (`terminationGracePeriodSeconds`).
        pub grace: Duration = Duration::from_secs(30) => "Kubernetes' 30 s",
        /// How its pods bear that their node goes.
        pub disruption: Disruption = all_defaults() => "they may be moved, all at once, each within the deployment's `grace`",
        /// How many replicas there are.
        pub scale: Spanned<Scale> = Spanned::unplaced(Scale::Fixed(1)) => "one replica",
        /// CPU of a replica's pod.
        pub cpu: CpuOfReplica = all_defaults() => "CPU is not what limits",
        /// Memory of a replica's pod.
        pub memory: Bytes = Bytes(0) => "memory is not what limits",
        /// Its pods' priority in the queue of the fleet; higher goes first under a priority queue.
        pub priority: i32 = 0 => "all the same",
        /// Share of the GPU's compute at work while a step is in progress.
        pub busy: Fraction = Fraction::ONE => "all of it: say what yours reach (decoding is bound by memory, often 10 to 40 %)",
    }
}

choice! {
    /// What a replica does of a request.
    pub enum Role {
        /// All of it.
        Whole,
        /// Up to the first token.
        Prefill,
        /// From the second token on.
        Decode,
    }
}
