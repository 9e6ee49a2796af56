//! What stands between clients and replicas: routing, retries, caches of answers, limits, promises.

use std::num::NonZeroU32;

use crate::scenario::decode::quantity::Bandwidth;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::{Duration, Fraction};

choice! {
    /// How a replica is chosen.
    pub enum Routing {
        /// One after the other.
        RoundRobin,
        /// The one with the fewest requests.
        LeastOutstanding,
        /// The one whose requests hold the least KV; so many blocks count as one.
        LeastKv(NonZeroU32),
        /// Requests of one beginning (or session) to one replica, unless that has more than so many times the mean.
        PrefixAffine(Spanned<f64>),
        /// The emptier of two drawn at random.
        PowerOfTwo,
    }
}

record! {
    /// What clients do about a request that came to nothing.
    pub struct Retries {
        /// Times one request is sent again, at most.
        pub most: u8 = 1 => "once, as load balancers do for a connection that broke",
        /// Before the first retry; twice as long before each further one.
        pub backoff: Duration = Duration::ZERO => "at once",
        /// After what.
        pub on: Spanned<Vec<RetryOn>> = Spanned::unplaced(vec![RetryOn::CutOff]) => "connections that broke with their replica",
    }
}

choice! {
    /// Why a request is sent again.
    pub enum RetryOn {
        /// It was refused or limited.
        Refused,
        /// It was given up on.
        TimedOut,
        /// It was cut off with its replica.
        CutOff,
    }
}

record! {
    /// Caches of whole answers; a request asks the edge, then the exact, then the semantic one.
    pub struct Caches {
        /// At the edge: several, which share nothing.
        pub edge: Option<EdgeCache>,
        /// One table for all.
        pub exact: Option<ExactCache>,
        /// By meaning.
        pub semantic: Option<SemanticCache>,
        /// How often prompts repeat, which edge and exact caches live on.
        pub prompts: Option<Prompts>,
    }
}

record! {
    /// A cache by the hash of a prompt.
    pub struct ExactCache {
        /// Answers that it holds; the least recently used goes first.
        pub capacity: NonZeroU32 = NonZeroU32::MIN.saturating_add(9_999) => "10,000; a guess",
        /// How long an answer is good; for ever where left out.
        pub ttl: Option<Duration>,
        /// Whether a hit makes it good for as long again.
        pub renew_on_hit: bool = false => "the time counts from when it was computed",
        /// What an answer from it takes.
        pub latency: Duration = Duration(2_000_000) => "2 ms, a look-up in memory over the network; a guess",
    }
}

record! {
    /// Exact caches in several places.
    pub struct EdgeCache {
        /// Places, among which requests are spread evenly.
        pub places: NonZeroU32,
        /// Answers that each holds.
        pub capacity: NonZeroU32 = NonZeroU32::MIN.saturating_add(9_999) => "10,000; a guess",
        /// How long an answer is good; for ever where left out.
        pub ttl: Option<Duration>,
        /// Whether a hit makes it good for as long again.
        pub renew_on_hit: bool = false => "the time counts from when it was computed",
        /// What an answer from it takes.
        pub latency: Duration = Duration(2_000_000) => "2 ms, a look-up in memory over the network; a guess",
    }
}

record! {
    /// A cache that finds what means the same.
    pub struct SemanticCache {
        /// The share of requests that it answers; there is no default: measure it.
        pub hits: Fraction,
        /// The share of its answers that are to another question.
        pub wrong: Fraction = Fraction::ZERO => "none is counted: measure it",
        /// Embedding and search, for every request.
        pub lookup: Duration = Duration(15_000_000) => "15 ms, of 5 to 30 for embedding and search; a guess",
    }
}

record! {
    /// How often prompts repeat: the k-th most frequent is asked in proportion to k^-s.
    pub struct Prompts {
        /// Different prompts.
        pub different: Spanned<u64>,
        /// The exponent s.
        pub zipf: Spanned<f64> = Spanned::unplaced(1.0) => "1, Zipf's law; a guess",
    }
}

record! {
    /// A limit on the rate of some requests: a bucket that fills at the rate and holds the burst.
    pub struct RateLimit {
        /// Which requests: those with this label, `team=ads`; all where left out.
        pub label: Option<Spanned<String>>,
        /// Requests a second.
        pub requests_per_second: Option<Spanned<f64>>,
        /// Tokens of prompt and answer a minute.
        pub tokens_per_minute: Option<Spanned<f64>>,
        /// What may come at once; a second's worth of requests (at least one) or a minute's of tokens where left out.
        pub burst: Option<Spanned<f64>>,
    }
}

record! {
    /// How KV gets from where a prompt was read to where it is decoded.
    pub struct Transfer {
        /// Before the first byte.
        pub base: Duration = Duration(1_000_000) => "1 ms of set-up; a guess",
        /// Of one transfer.
        pub bandwidth: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(25_000_000_000)) => "200 Gbit/s of InfiniBand or EFA for a GPU, as in Splitwise (ISCA 2024); a guess for other fabrics",
        /// Of all together; they do not meet where left out.
        pub shared: Option<Spanned<Bandwidth>>,
        /// Share of the bytes that are moved while the prompt is still being read, layer by layer.
        pub overlap: Fraction = Fraction::ZERO => "none: moved when the prompt is read",
    }
}

record! {
    /// What is promised to the requests of clients; a batch has its own deadline instead.
    pub struct Promises {
        /// Time to the first token.
        pub ttft: Option<Promise>,
        /// Mean time between tokens after the first.
        pub tpot: Option<Promise>,
        /// Time to the last token.
        pub e2e: Option<Promise>,
    }
}

record! {
    /// A latency that is promised to a share of requests.
    pub struct Promise {
        /// Within.
        pub within: Spanned<Duration>,
        /// To so many of them.
        pub share: Fraction = Fraction::new(0.99).unwrap_or_default() => "99 %, a common target",
    }
}
