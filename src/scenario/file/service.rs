//! Services: requests, what stands before their replicas, deployments, promises.

use super::laws::Length;
use super::scale::Scale;
use super::traffic::Requests;
use super::training::Grade;
use crate::scenario::decode::quantity::{Bandwidth, Percent};
use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::{Bytes, Duration, Fraction, Name};
use indexmap::IndexMap;
use std::num::NonZeroU32;

record! {
    /// Models that answer requests.
    pub struct Service {
        /// Its name.
        pub name: Spanned<Name>,
        /// Labels that it carries.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "no labels: its cost is unlabelled",
        /// Where its requests come from.
        pub traffic: Spanned<Vec<Requests>>,
        /// Kinds of replicas.
        pub deployments: Spanned<Vec<Deployment>>,
        /// Pools that open to a replica once it has waited for a place.
        pub fallback: Spanned<Vec<super::work::Fallback>> = Spanned::unplaced(Vec::new()) => "no other pools open later",
        /// Which replica a request goes to.
        pub routing: Spanned<Routing> = Spanned::unplaced(Routing::LeastOutstanding) => "the one with the fewest requests, what gateways of models do",
        /// Requests that wait at the front while there is no replica, at most.
        pub hold: Spanned<u32> = Spanned::unplaced(10_000) => "enough for some minutes at zero; a guess",
        /// How long a request waits to be taken up by an engine before its client gives up; for ever where left out.
        pub patience: Option<Spanned<Duration>>,
        /// How long a client waits for the last token; for ever where left out.
        pub timeout: Option<Spanned<Duration>>,
        /// What clients do about requests that came to nothing.
        pub retries: Spanned<Retries> = Spanned::unplaced(all_defaults()) => "sent again once if cut off with its replica, as load balancers do",
        /// Caches of whole answers.
        pub caches: Option<Spanned<Caches>>,
        /// Limits on the rate of requests with a label.
        pub limits: Vec<RateLimit> = Vec::new() => "no limits",
        /// How KV moves from replicas that read prompts to those that decode.
        pub transfer: Spanned<Transfer> = Spanned::unplaced(all_defaults()) => "400 Gbit/s a replica",
        /// New versions.
        pub rollouts: Vec<Rollout> = Vec::new() => "no rollouts",
        /// What is promised.
        pub slo: Option<Slo>,
    }
}

choice! {
    /// Which replica a request goes to.
    pub enum Routing {
        /// One after the other.
        RoundRobin,
        /// The one with the fewest requests.
        LeastOutstanding,
        /// The one whose requests hold the least KV.
        LeastKv,
        /// Those of one session or prefix to one replica, unless that has more than so many times the mean of requests.
        PrefixAffine(f64),
        /// The emptier of two drawn at random.
        PowerOfTwo,
    }
}

record! {
    /// What clients do about requests that came to nothing.
    pub struct Retries {
        /// Times a request is sent again, at most.
        pub most: Spanned<u32> = Spanned::unplaced(1) => "once",
        /// Before the first retry; twice as long before each further one.
        pub backoff: Duration = Duration::ZERO => "at once",
        /// After a refusal: a full queue, a rate limit, no replica.
        pub refused: bool = false => "a refusal is an answer",
        /// After the client gave up waiting.
        pub timed_out: bool = false => "the user is gone",
        /// After the replica went with it.
        pub cut_off: bool = true => "load balancers send a broken request again",
    }
}

record! {
    /// Caches of whole answers; the edge is asked first, then the exact one, then the semantic one.
    pub struct Caches {
        /// How often prompts repeat, for edge and exact caches.
        pub prompts: Option<Spanned<Popularity>>,
        /// Near the clients: exact caches in several places.
        pub edge: Option<EdgeCache>,
        /// By the prompt, word for word.
        pub exact: Option<ExactCache>,
        /// By its meaning.
        pub semantic: Option<SemanticCache>,
    }
}

record! {
    /// How often prompts repeat: the k-th most frequent comes in proportion to k^−zipf.
    pub struct Popularity {
        /// Different prompts.
        pub different: u64,
        /// The exponent.
        pub zipf: f64,
    }
}

record! {
    /// An exact cache.
    pub struct ExactCache {
        /// Answers that it holds; the least recently used goes first.
        pub capacity: u64 = 10_000 => "a small cache; a guess",
        /// How long an answer is good; for ever where left out.
        pub ttl: Option<Duration>,
        /// Whether a hit makes it good for as long again.
        pub renew_on_hit: bool = false => "the time counts from when it was computed",
        /// What an answer from it takes.
        pub latency: Duration = Duration(2_000_000) => "2 ms, a look-up over a local network; a guess",
    }
}

record! {
    /// Exact caches near the clients.
    pub struct EdgeCache {
        /// Places, among which requests are spread evenly.
        pub places: NonZeroU32,
        /// Answers that each holds.
        pub capacity: u64 = 10_000 => "a small cache; a guess",
        /// How long an answer is good; for ever where left out.
        pub ttl: Option<Duration>,
        /// Whether a hit makes it good for as long again.
        pub renew_on_hit: bool = false => "the time counts from when it was computed",
        /// What an answer from it takes.
        pub latency: Duration = Duration(2_000_000) => "2 ms, a look-up over a local network; a guess",
    }
}

record! {
    /// A cache that finds what means the same. Published shares of hits range from 20 to 69 %: measure yours.
    pub struct SemanticCache {
        /// Share of requests that it answers.
        pub hits: Fraction,
        /// Share of its answers that are to another question.
        pub wrong: Fraction = Fraction::ZERO => "none: say how many of yours are",
        /// Embedding and search, for every request.
        pub lookup: Duration = Duration(15_000_000) => "15 ms, the middle of 5 to 30; a guess",
    }
}

record! {
    /// A limit on the rate of requests with a label: one of the two rates.
    pub struct RateLimit {
        /// The label's key and value: `("team", "search")`.
        pub label: Spanned<(Name, Name)>,
        /// Requests a second.
        pub requests_per_second: Option<Spanned<f64>>,
        /// Tokens of prompts and answers a minute.
        pub tokens_per_minute: Option<Spanned<f64>>,
        /// At once, in requests or tokens; ten seconds of the rate where left out.
        pub burst: Option<Spanned<f64>>,
    }
}

record! {
    /// How KV moves from replicas that read prompts to those that decode.
    pub struct Transfer {
        /// Before the first byte.
        pub base: Duration = Duration(1_000_000) => "1 ms; a guess",
        /// Of one transfer.
        pub bandwidth: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(50_000_000_000)) => "400 Gbit/s, one adapter of an HGX node",
        /// Of all together; they do not meet where left out.
        pub shared: Option<Spanned<Bandwidth>>,
        /// Share that is moved while the prompt is still being read, layer by layer.
        pub overlap: Fraction = Fraction::ZERO => "none",
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

choice! {
    /// How numbers are stored.
    pub enum NumberFormat {
        /// 16 bits.
        Bf16,
        /// 8 bits.
        Fp8,
        /// 4 bits and their scales.
        Fp4,
    }
}

record! {
    /// Replicas of one kind.
    pub struct Deployment {
        /// Its name.
        pub name: Spanned<Name>,
        /// The model: `Llama-3.1-8B` (`fleetcast profile list` has them).
        pub model: Spanned<String>,
        /// Pools that its replicas may use.
        pub pools: Spanned<Vec<Spanned<Name>>>,
        /// GPUs of a replica, all sharing every layer (tensor parallelism).
        pub gpus: Spanned<NonZeroU32> = Spanned::unplaced(NonZeroU32::MIN) => "one GPU",
        /// The engine: `vllm`, `sglang`, `trtllm`.
        pub engine: Spanned<String> = Spanned::unplaced("vllm".to_owned()) => "the most common one",
        /// How weights are stored.
        pub dtype: NumberFormat = NumberFormat::Bf16 => "as most models are published",
        /// How KV is stored.
        pub kv_dtype: NumberFormat = NumberFormat::Bf16 => "engines' default",
        /// What a step costs.
        pub profile: Spanned<Profile> = Spanned::unplaced(Profile::Best) => "a bundled profile of that model, GPU, engine and format where there is one, else the data sheet",
        /// What its replicas do.
        pub role: Spanned<Role> = Spanned::unplaced(Role::Whole) => "all of a request",
        /// The engine's limits.
        pub limits: Spanned<EngineLimits> = Spanned::unplaced(all_defaults()) => "vLLM's defaults",
        /// What is kept of earlier prompts.
        pub prefix_cache: Spanned<PrefixCache> = Spanned::unplaced(PrefixCache::Off) => "nothing",
        /// A draft proposes tokens that a step of the model checks.
        pub speculative: Option<Spanned<Speculative>>,
        /// The model made smaller: quantised, distilled.
        pub shrunk: Option<Spanned<ShrunkModel>>,
        /// What a replica goes through before it takes requests.
        pub start: Spanned<Start> = Spanned::unplaced(all_defaults()) => "image, weights and warm-up of a usual engine",
        /// How long a replica that is to go may take over what it has.
        pub grace: Duration = Duration::from_secs(30) => "terminationGracePeriodSeconds of Kubernetes",
        /// What decides how many replicas there are.
        pub scale: Spanned<Scale> = Spanned::unplaced(Scale::Fixed(1)) => "one replica",
        /// CPU of a replica.
        pub cpu: Spanned<Cpu> = Spanned::unplaced(all_defaults()) => "no request: CPU is not what limits",
        /// Memory of a replica's pods.
        pub memory: Bytes = Bytes(0) => "memory is not what limits",
        /// Higher goes first in the queue of the fleet, under a priority queue.
        pub priority: i32 = 0 => "all the same",
        /// Share of the GPU's compute at work while a step is in progress.
        pub busy: Fraction = Fraction::ONE => "all: say how busy yours is",
    }
}

choice! {
    /// What a step costs.
    pub enum Profile {
        /// The bundled profile of that model, GPU, engine and format where there is one, else the data sheet.
        Best,
        /// A bundled profile by its name; every pool must have its GPU.
        Bundled(Spanned<String>),
        /// From the data sheet and the model's architecture.
        FromPhysics,
        /// From a benchmark: a CSV of concurrency, lengths, TTFT and TPOT, as `fleetcast profile fit` reads it.
        FromBenchmark(Spanned<String>),
        /// Coefficients of your own, as `fleetcast profile fit` prints them.
        Explicit(Coefficients),
    }
}

record! {
    /// Coefficients of a step, in milliseconds: `a + host + b·n + b1·T + b2·max(0, T − t0) + c·K + p·P + q·pairs + [P > 0] m`.
    pub struct Coefficients {
        /// Fixed part.
        pub a: Spanned<f64>,
        /// Overhead of the host.
        pub host: f64 = 0.0 => "within `a`",
        /// A decoding sequence.
        pub b: f64 = 0.0 => "nothing",
        /// A token of prompts and decodes alike.
        pub b1: f64 = 0.0 => "nothing",
        /// A token beyond `t0`.
        pub b2: f64 = 0.0 => "nothing",
        /// Tokens in a step at which `b2` sets in.
        pub t0: f64 = 0.0 => "at once",
        /// A KV token that decodes read.
        pub c: f64 = 0.0 => "nothing",
        /// A prompt token.
        pub p: f64 = 0.0 => "nothing",
        /// A pair of prompt token and token before it.
        pub q: f64 = 0.0 => "nothing",
        /// A step that has prompt tokens at all.
        pub m: f64 = 0.0 => "nothing",
        /// Reading the weights of all experts once.
        pub expert_ms: f64 = 0.0 => "a dense model",
        /// Share of experts that one token uses.
        pub expert_share: f64 = 0.0 => "a dense model",
        /// How well they are known.
        pub grade: Grade = Grade::Prior => "stated, not measured here",
        /// Where they come from.
        pub source: String = "stated in the scenario".to_owned() => "the scenario",
    }
}

record! {
    /// The limits of an engine.
    pub struct EngineLimits {
        /// Sequences that run at once, at most.
        pub max_num_seqs: Option<NonZeroU32>,
        /// Tokens in a step, at most.
        pub max_num_batched_tokens: NonZeroU32 = NonZeroU32::new(2_048).unwrap_or(NonZeroU32::MIN) => "vLLM's default with chunked prefill",
        /// Tokens of KV that fit, where you know them; else by the memory that weights and engine leave.
        pub kv_tokens: Option<Spanned<u64>>,
        /// Tokens in a block of KV.
        pub block_tokens: Spanned<NonZeroU32> = Spanned::unplaced(NonZeroU32::new(16).unwrap_or(NonZeroU32::MIN)) => "vLLM's default",
        /// Tokens of prompt and answer together; the model's context where left out.
        pub max_model_len: Option<Spanned<NonZeroU32>>,
        /// Requests that wait in a replica, at most; without limit where left out.
        pub queue: Option<NonZeroU32>,
    }
}

choice! {
    /// What is kept of earlier prompts, in the KV that no sequence needs.
    pub enum PrefixCache {
        /// Nothing.
        Off,
        /// A fixed share of each prompt.
        Fixed(Fraction),
        /// What a session's last turn left, until it has been idle for so long or its room is needed.
        Sessions(Duration),
        /// Blocks of 512 tokens by their hashes, least recently used first.
        Blocks,
    }
}

record! {
    /// Speculative decoding.
    pub struct Speculative {
        /// Mean tokens that come of a step, the model's own included.
        pub accepted: f64,
        /// Tokens proposed for a step.
        pub drafted: u32,
        /// What drafting takes, as a share of the fixed part of a step.
        pub draft: Percent = Percent(0.1) => "10 %; a guess",
        /// Where the figures come from.
        pub source: String = "stated in the scenario".to_owned() => "the scenario",
    }
}

record! {
    /// A model made smaller: what it reads and computes, as shares of the original's.
    pub struct ShrunkModel {
        /// What was done: `int4 weights (AWQ)`, `distilled to 3B`.
        pub what: String,
        /// Where the shares come from.
        pub source: String,
        /// Bytes of weights.
        pub weights: Percent = Percent(1.0) => "as large",
        /// Arithmetic.
        pub compute: Percent = Percent(1.0) => "as much",
        /// Bytes of KV.
        pub kv: Percent = Percent(1.0) => "as large",
    }
}

record! {
    /// What a replica goes through before it takes requests, after it has a place.
    pub struct Start {
        /// Size of the image.
        pub image: Bytes = Bytes(10_000_000_000) => "10 GB, as engines' images are",
        /// At which it is pulled and unpacked.
        pub pull: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(200_000_000)) => "200 MB/s, pulling and unpacking; a guess",
        /// How long pulling takes, instead of size over bandwidth.
        pub image_time: Option<Spanned<Length>>,
        /// Whether a node that has pulled it keeps it.
        pub image_stays: bool = true => "the kubelet keeps images",
        /// Size of the weights; the model's where left out.
        pub weights: Option<Bytes>,
        /// At which weights are read.
        pub load: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(1_000_000_000)) => "1 GB/s, from a network store; a guess",
        /// How long loading takes, instead of size over bandwidth.
        pub load_time: Option<Spanned<Length>>,
        /// Compiling, capturing graphs, the first probe.
        pub warm_up: Spanned<Length> = Spanned::unplaced(Length::Constant(Duration::from_secs(45))) => "45 s; vLLM takes half a minute to some minutes; a guess",
    }
}

record! {
    /// CPU of a replica, cores.
    pub struct Cpu {
        /// Requested; utilisation is measured against it.
        pub request: Spanned<f64> = Spanned::unplaced(0.0) => "none: CPU is not what limits",
        /// Used without requests.
        pub idle: Spanned<f64> = Spanned::unplaced(0.1) => "a polling loop; a guess",
        /// Used while a step is in progress, beside `idle`.
        pub busy: Spanned<f64> = Spanned::unplaced(1.0) => "one core spins while the GPU works; a guess",
    }
}

record! {
    /// What is promised to the requests of clients.
    pub struct Slo {
        /// Time to the first token.
        pub ttft: Option<Spanned<Objective>>,
        /// Mean time between tokens after the first.
        pub tpot: Option<Spanned<Objective>>,
        /// Time to the last token.
        pub e2e: Option<Spanned<Objective>>,
    }
}

record! {
    /// A latency that is promised to a share of requests; those without an answer break it.
    pub struct Objective {
        /// Within.
        pub within: Spanned<Duration>,
        /// To this share.
        pub share: Fraction = Fraction::new(0.99).unwrap_or_default() => "99 %, a common target",
    }
}

record! {
    /// A new version of a deployment.
    pub struct Rollout {
        /// When it begins, after the window's start.
        pub at: Spanned<Duration>,
        /// The deployment that it replaces.
        pub deployment: Spanned<Name>,
        /// The new version: a deployment whose replicas the rollout counts. Its `scale` is not used.
        pub new: Deployment,
        /// How requests move to it.
        pub strategy: Spanned<Strategy>,
        /// What must hold at the end of each step; it goes on unasked where left out.
        pub gate: Option<Spanned<Gate>>,
    }
}

choice! {
    /// How requests move to a new version.
    pub enum Strategy {
        /// A share for so long, then the next, then all: `[("5%", "10m"), ("50%", "30m")]`.
        Canary(Vec<(Fraction, Duration)>),
        /// Copies of a share for so long, which nobody waits for; then it goes.
        Shadow(Fraction, Duration),
    }
}

record! {
    /// What must hold for the requests of a step.
    pub struct Gate {
        /// Fewer requests than this say nothing: the step goes on.
        pub least: u64 = 100 => "enough to tell 99 % from 95 %",
        /// Of the new version's requests at least this share keeps every promise.
        pub good: Fraction = Fraction::ZERO => "only the comparison counts",
        /// By which its share may lie below the old version's.
        pub worse_by: Fraction = Fraction::new(0.01).unwrap_or_default() => "one in a hundred; a guess",
    }
}
