//! How the front of a service is set up.

use crate::serving::cache::response::{SemanticCache, Setup as CacheSetup};
use crate::serving::replica::transfer::Link;
use crate::serving::router::Routing;
use crate::units::Duration;

/// What stands before the replicas. Durations of [`Duration`]`(u64::MAX)` mean "for ever".
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Kinds of replicas that share a router.
    pub lanes: Vec<Lane>,
    /// By source of the traffic, the lane that it asks.
    pub lane_of_source: Vec<u16>,
    /// Requests that wait here while a lane has no replica, at most; what comes beyond is refused. 0 refuses all.
    pub hold: u32,
    /// How long a request waits to be taken up by an engine.
    pub patience: Duration,
    /// How long a client waits for the last token.
    pub timeout: Duration,
    /// What clients do about a request that came to nothing.
    pub retry: Retry,
    /// Caches of whole answers.
    pub caches: Caches,
    /// Limits on the rate of some requests; each request must pass all that it is under.
    pub limits: Vec<Limit>,
}

/// Replicas behind one router: of one model, one role.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Who decides.
    pub routing: Routing,
    /// For a lane of prefills: where they are decoded, and how KV gets there.
    pub decode: Option<Decode>,
}

/// Where prompts that were read are decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Decode {
    /// The lane.
    pub lane: u16,
    /// How KV is moved.
    pub link: Link,
    /// Bytes of KV of a token.
    pub bytes_per_token: f64,
}

/// Retries of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Times one request is sent again, at most.
    pub most: u8,
    /// Before the first retry; twice as long before each further one.
    pub backoff: Duration,
    /// Whether a request that was refused or limited is sent again.
    pub refused: bool,
    /// Whether one that was given up on is.
    pub timed_out: bool,
    /// Whether one that was cut off with its replica is.
    pub cut_off: bool,
}

impl Retry {
    /// Clients send nothing again but what was cut off, once: what load balancers do for a connection that broke.
    pub const DEFAULT: Retry =
        Retry { most: 1, backoff: Duration::ZERO, refused: false, timed_out: false, cut_off: true };
}

/// Caches of whole answers; a request asks the edge, then the exact, then the semantic one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caches {
    /// At the edge: in so many places, among which requests are spread evenly.
    pub edge: Option<(u32, CacheSetup)>,
    /// One table for all.
    pub exact: Option<CacheSetup>,
    /// By meaning.
    pub semantic: Option<SemanticCache>,
    /// How often prompts repeat: so many different ones, the k-th asked in proportion to k^−s. For edge and exact caches.
    pub prompts: Option<(u64, f64)>,
}

/// A token bucket over the requests with some sets of labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// By index of the traffic's label sets, whether it counts.
    pub covers: Vec<bool>,
    /// What is counted.
    pub of: Limited,
    /// How many a second.
    pub per_second: f64,
    /// How many at once.
    pub burst: f64,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Requests.
    Requests,
    /// Tokens of prompt and answer.
    Tokens,
}

/// What is promised to the requests of clients; a batch has its own deadline instead.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slo {
    /// Time to the first token.
    pub ttft: Option<Objective>,
    /// Mean time between tokens after the first.
    pub tpot: Option<Objective>,
    /// Time to the last token.
    pub e2e: Option<Objective>,
}

/// A latency that is promised to a share of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// Within.
    pub within: Duration,
    /// To this share, 0 to 1.
    pub share: f64,
}
