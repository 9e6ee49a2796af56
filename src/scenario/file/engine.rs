//! What a replica runs: profile of its steps, limits of its engine, prefix cache, start-up.

use std::num::NonZeroU32;

use super::laws::Length;
use crate::scenario::decode::quantity::Bandwidth;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::{Bytes, Duration, Fraction};

choice! {
    /// How weights or KV are stored.
    pub enum NumberFormat {
        /// 16 bits: BF16 or FP16.
        Bf16,
        /// 8 bits: FP8 or INT8.
        Fp8,
        /// 4 bits and their scales: MXFP4, NVFP4, INT4.
        Fp4,
    }
}

choice! {
    /// What a step costs, and how that is known.
    pub enum ProfileOf {
        /// The bundled profile that matches model, device, engine, number format and GPUs; an estimate from the data sheet
        /// where there is none.
        Matching,
        /// A bundled profile by its name (`fleetcast profile list`).
        Bundled(Spanned<String>),
        /// An estimate from the GPU's data sheet and the model's architecture.
        FromPhysics(PhysicsProfile),
        /// Fitted to a table of measured concurrencies.
        FromBenchmark(BenchmarkProfile),
        /// An estimate or bundled profile whose overhead of the host is calibrated on a timed run.
        FromTrace(CalibratedProfile),
        /// Coefficients of one's own.
        Explicit(Coefficients),
    }
}

record! {
    /// An estimate from the data sheet.
    pub struct PhysicsProfile {
        /// Where the GPUs of a replica talk over something slower than NVLink.
        pub link: Option<SlowLink>,
    }
}

record! {
    /// A link between GPUs that is slower than NVLink.
    pub struct SlowLink {
        /// Latency of one all-reduce.
        pub latency: Duration = Duration(10_000) => "10 us; a guess",
        /// Bandwidth of each GPU, one way.
        pub bandwidth: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(16_000_000_000)) => "PCIe 4 x16 as all-reduces measure it, about 16 GB/s",
    }
}

record! {
    /// A benchmark to fit.
    pub struct BenchmarkProfile {
        /// CSV with the columns isl, osl, concurrency, ttft_ms, tpot_ms; plain, gzip or zstd.
        pub file: Spanned<String>,
        /// Which set of a file that has several: `MODEL/GPU/ENGINE/DTYPE/TP`.
        pub set: Option<Spanned<String>>,
        /// Mean length over nominal length: below 1 where the load generator draws lengths at random.
        pub length_share: Fraction = Fraction::new(crate::serving::fit::LENGTH_SHARE).unwrap_or_default() => "genai-perf and vLLM's random data set draw from 80 to 100 % of the nominal length",
        /// Rows of a longer TTFT queued and are left out.
        pub ttft_most: Duration = Duration::from_secs(5) => "5 s, beyond which aiconfigurator's rows queue",
    }
}

record! {
    /// A timed run to calibrate on.
    pub struct CalibratedProfile {
        /// The requests of the run, in a format of request traces.
        pub file: Spanned<String>,
        /// Their mean time to the last token, as measured.
        pub mean: Spanned<Duration>,
        /// The bundled profile to calibrate; the one that matches, or an estimate, where left out.
        pub base: Option<Spanned<String>>,
        /// At most so many of its requests.
        pub limit: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_999) => "2,000: enough for a mean, and soon replayed",
    }
}

record! {
    /// The coefficients of a step, in milliseconds.
    pub struct Coefficients {
        /// Each step: reading the weights, launching kernels.
        pub a: Spanned<f64>,
        /// Overhead of the host, each step.
        pub host: f64 = 0.0 => "none beside `a`",
        /// Each decoding sequence.
        pub b: f64 = 0.0 => "nothing",
        /// Each token, of prompts and decodes alike.
        pub b1: f64 = 0.0 => "nothing",
        /// Each token beyond `t0`.
        pub b2: f64 = 0.0 => "nothing",
        /// Tokens in a step at which `b2` sets in.
        pub t0: f64 = 0.0 => "from the first token",
        /// Each KV token that decodes read.
        pub c: f64 = 0.0 => "nothing",
        /// Each prompt token, beside `b1` and `b2`.
        pub p: f64 = 0.0 => "nothing",
        /// Each pair of prompt token and token before it.
        pub q: f64 = 0.0 => "nothing",
        /// Each step that has prompt tokens.
        pub m: f64 = 0.0 => "nothing",
        /// Reading the weights of all experts once.
        pub expert_ms: f64 = 0.0 => "a dense model",
        /// Where they come from.
        pub source: String = "stated in the scenario".to_owned() => "the scenario",
    }
}

record! {
    /// The limits of an engine.
    pub struct EngineLimits {
        /// Sequences that run at once, at most.
        pub max_num_seqs: u32 = 256 => "vLLM's `max_num_seqs`",
        /// Tokens in a step, at most.
        pub max_num_batched_tokens: Spanned<u32> = Spanned::unplaced(2_048) => "vLLM's `max_num_batched_tokens` with chunked prefill",
        /// Tokens of prompt and answer together, at most; the model's context, or what KV holds where that is less, where
        /// left out.
        pub max_model_len: Option<Spanned<u32>>,
        /// Tokens of KV that fit; as the profile's measurements say, or computed from the memory that weights leave, where
        /// left out.
        pub kv_tokens: Option<Spanned<u64>>,
        /// The share of memory that the engine takes; 90 % where left out, as vLLM, SGLang and TensorRT-LLM have it.
        pub gpu_memory_utilization: Option<Spanned<Fraction>>,
        /// Tokens in a block of KV, a power of two.
        pub block_tokens: u32 = 16 => "vLLM's `block_size`",
        /// Requests that wait on a replica, at most; what comes beyond is refused. Without limit where left out.
        pub queue_limit: Option<u32>,
    }
}

choice! {
    /// What a replica keeps of the KV of earlier prompts.
    pub enum PrefixCache {
        /// Nothing.
        Off,
        /// A fixed share of each prompt is found.
        Fixed(Fraction),
        /// What a session's last turn left.
        Sessions(SessionCache),
        /// Blocks by their hashes, of so many tokens each; as vLLM's automatic prefix caching.
        Blocks(u32),
    }
}

record! {
    /// What idle sessions keep.
    pub struct SessionCache {
        /// How long an idle session is kept, where its room is not needed.
        pub idle: Duration = Duration::from_secs(600) => "10 minutes; a guess",
    }
}

record! {
    /// Speculative decoding.
    pub struct SpeculativeDecoding {
        /// Mean tokens that come of a step, the model's own included.
        pub accepted: Spanned<f64>,
        /// Tokens proposed for a step.
        pub drafted: u32,
        /// What drafting takes, as a share of the fixed part of a step.
        pub draft: Fraction = Fraction::new(0.10).unwrap_or_default() => "10 %; a guess",
    }
}

record! {
    /// A model made smaller, as shares of the original.
    pub struct ShrunkModel {
        /// What was done: `distilled to half the layers`.
        pub what: Spanned<String>,
        /// Where the shares come from.
        pub source: String = "stated in the scenario" .to_owned() => "the scenario",
        /// Bytes of weights.
        pub weights: f64 = 1.0 => "as many",
        /// Arithmetic.
        pub compute: f64 = 1.0 => "as much",
        /// Bytes of KV.
        pub kv: f64 = 1.0 => "as many",
    }
}

record! {
    /// What a replica goes through before it takes requests.
    pub struct StartUp {
        /// Size of its image.
        pub image: Bytes = Bytes(20_000_000_000) => "20 GB, vLLM with its libraries (BentoML: 20.2 GB)",
        /// What a node pulls and unpacks it at.
        pub pull: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(40_000_000)) => "20.2 GB in 8 to 10 minutes (BentoML, container of Llama-3.1-8B)",
        /// How long pulling takes, instead of size over bandwidth.
        pub pull_time: Option<Spanned<Length>>,
        /// Whether a node that has pulled the image keeps it for as long as it is there.
        pub image_stays: bool = true => "the kubelet's image cache",
        /// Size of the weights; the model's at its number format where left out.
        pub weights: Option<Bytes>,
        /// What weights are loaded at.
        pub load: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(1_000_000_000)) => "1 GB/s, a network disk or object store; a guess",
        /// How long loading takes, instead of size over bandwidth.
        pub load_time: Option<Spanned<Length>>,
        /// Compiling, capturing graphs, warming up.
        pub warm_up: Spanned<Length> = Spanned::unplaced(Length::Constant(Duration::from_secs(120))) => "about 2 minutes for vLLM (BentoML, Llama-3.1-8B)",
    }
}

record! {
    /// CPU of a replica's pod.
    pub struct CpuOfReplica {
        /// Cores requested, for placing it and for scaling on its utilisation.
        pub request: Option<Spanned<f64>>,
        /// Cores used without requests.
        pub idle: Spanned<f64> = Spanned::unplaced(0.2) => "a polling server; a guess",
        /// Cores used while a step is in progress, beside those.
        pub busy: Spanned<f64> = Spanned::unplaced(1.0) => "one engine loop that spins (vLLM's engine core); a guess",
    }
}
