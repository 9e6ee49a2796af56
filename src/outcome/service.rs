//! What became of a service's requests, how fast they were, and what its replicas did.
//!
//! Every request that a client sent is in exactly one place of [`RequestCounts`], and every token that was computed in
//! one of [`TokenCounts`]. Latencies are those that clients feel: they count from the first sending, retries included.

use serde::{Deserialize, Serialize};

use super::exact::{Exact, Money};
use crate::kernel::Histogram;

/// A service over the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceOutcome {
    /// What became of the requests.
    pub requests: RequestCounts,
    /// What became of the tokens.
    pub tokens: TokenCounts,
    /// Latencies of the requests that were answered in the window.
    pub latency: LatencyOutcome,
    /// What is promised, and how it was kept.
    pub slo: Vec<SloOutcome>,
    /// Requests that kept every promise made for one of their kind; without promises, all that were answered.
    pub good: u64,
    /// For Little's law: request·ns in the system by the changes of their number, and by each one's stay. Equal always.
    pub in_system_ns: Exact,
    /// The second of the two.
    pub stayed_ns: Exact,
    /// The same two for the queues before the engines, up to the first time that a request is taken up.
    pub queued_ns: Exact,
    /// The second of the two.
    pub waited_ns: Exact,
    /// By set of labels of the requests, in the order of the traffic's table; sets that sent nothing are left out.
    pub by_label: Vec<LabelUse>,
    /// One for each deployment, in the scenario's order.
    pub deployments: Vec<DeploymentOutcome>,
    /// Decisions of rollouts, in order of time.
    pub rollouts: Vec<RolloutStep>,
    /// Over the window.
    pub series: ServiceSeries,
}

/// What became of the requests: `in_flight_at_start + sent` equals the sum of `answered`, `from_cache`, `refused`,
/// `limited`, `timed_out`, `failed` and `in_flight_at_end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// On their way when the window began.
    pub in_flight_at_start: u64,
    /// Sent by clients; a retry is the same request.
    pub sent: u64,
    /// Answered in full by a replica.
    pub answered: u64,
    /// Answered by a response cache.
    pub from_cache: u64,
    /// Refused for good: queues full, longer than the model takes, or no replica and nothing holds them.
    pub refused: u64,
    /// Refused for good by a rate limit.
    pub limited: u64,
    /// Clients that gave up waiting, for good.
    pub timed_out: u64,
    /// Cut off with their replica, and not sent again.
    pub failed: u64,
    /// Still on their way when the window ended.
    pub in_flight_at_end: u64,
    /// Times a client sent one again.
    pub retries: u64,
    /// Wrong answers of a semantic cache, which are in `from_cache` too.
    pub wrong_answers: u64,
    /// Copies that a shadow rollout sent to the new version; they are nobody's requests.
    pub shadowed: u64,
}

impl RequestCounts {
    /// Requests that reached an end in the window: the denominator of attainment.
    #[must_use]
    pub const fn concluded(&self) -> u64 {
        self.answered + self.from_cache + self.lost()
    }

    /// Those that ended without an answer.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.refused + self.limited + self.timed_out + self.failed
    }
}

/// Tokens of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// Prompt tokens of the answered requests, those from caches of responses left out.
    pub input: u64,
    /// Of these, found in a prefix cache.
    pub input_cached: u64,
    /// Tokens of the answers.
    pub output: u64,
    /// Prompt tokens that replicas computed, for whomever: again after a preemption, for requests that were cut off.
    pub prefilled: u64,
    /// Tokens that replicas produced, for whomever.
    pub produced: u64,
}

/// Latencies. Times in ns, but `itl_ps`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyOutcome {
    /// From the client's sending to the first token.
    pub ttft: Histogram,
    /// From being taken up by an engine to the first token.
    pub ttft_from_admission: Histogram,
    /// From reaching a replica to being taken up.
    pub wait: Histogram,
    /// Mean gap after the first token, one value a request; none for answers of one token.
    pub tpot: Histogram,
    /// Every gap between tokens, ps.
    pub itl_ps: Histogram,
    /// From the client's sending to the last token.
    pub e2e: Histogram,
}

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// Time to the first token.
    Ttft,
    /// Mean time between tokens after the first.
    Tpot,
    /// Time to the last token.
    E2e,
    /// A batch's deadline.
    Deadline,
}

impl Promise {
    /// The word in metrics and files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Promise::Ttft => "ttft",
            Promise::Tpot => "tpot",
            Promise::E2e => "e2e",
            Promise::Deadline => "deadline",
        }
    }
}

/// A promise and how it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SloOutcome {
    /// Of what.
    pub what: Promise,
    /// Within, ns; 0 for deadlines, of which each request has its own.
    pub within_ns: u64,
    /// Promised to this share of requests.
    pub share: f64,
    /// Requests that kept it.
    pub met: u64,
    /// Requests that it was promised to and that concluded in the window, lost ones included. Answers of one token have
    /// no time between tokens and are not in the denominator of that.
    pub of: u64,
}

impl SloOutcome {
    /// The share that kept it, 0 to 1; `None` when it was promised to nobody.
    #[must_use]
    pub fn attained(&self) -> Option<f64> {
        (self.of > 0).then(|| self.met as f64 / self.of as f64)
    }

    /// Whether the promise was kept; a promise to nobody is.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.attained().is_none_or(|a| a >= self.share)
    }
}

/// What the requests of one set of labels used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelUse {
    /// Their labels, `key=value`, sorted by key; empty for those without.
    pub labels: Vec<String>,
    /// Requests that concluded.
    pub requests: u64,
    /// Those that kept every promise.
    pub good: u64,
    /// Prompt tokens of the answered ones.
    pub input: u64,
    /// Tokens of the answers.
    pub output: u64,
    /// What serving them cost: their part of the productive time. Idle, cold and lost time is the service's own.
    pub usd: Money,
}

/// Replicas of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeploymentOutcome {
    /// Its name.
    pub name: String,
    /// The model.
    pub model: String,
    /// `whole`, `prefill` or `decode`.
    pub role: String,
    /// Profiles of its steps, one for each pool it may use: `POOL: PROFILE`.
    pub profiles: Vec<String>,
    /// GPUs of a replica.
    pub gpus: u32,
    /// Replicas asked for by whatever scales it, time average.
    pub desired_mean: f64,
    /// Replicas that took requests, time average.
    pub ready_mean: f64,
    /// The most that took requests at once.
    pub ready_max: u32,
    /// Replica·ns in which it took requests.
    pub ready_ns: Exact,
    /// Replica·ns with a step in progress.
    pub busy_ns: Exact,
    /// Replicas created in the window.
    pub created: u64,
    /// Replicas that became ready.
    pub started: u64,
    /// Replicas taken away by a scaler or a rollout.
    pub removed: u64,
    /// Replicas lost with their node or pushed out.
    pub lost: u64,
    /// How long replicas were in each stage of their start, ns; in the order of [`StartStage::ALL`].
    pub stages: Vec<Histogram>,
    /// From being created to taking requests, ns.
    pub start_up: Histogram,
    /// Requests that lost their KV and began again.
    pub preemptions: u64,
    /// Share of the KV in use, time average over replicas that took requests, 0 to 1.
    pub kv_use_mean: f64,
    /// The highest share seen at a scrape.
    pub kv_use_max: f64,
    /// Of the time in steps, the part that reading prompts added, 0 to 1: what input tokens are charged.
    pub prefill_share: f64,
    /// Scaling decisions that changed the number.
    pub scalings: u64,
}

/// What a replica goes through before it takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartStage {
    /// Waiting for a place on a node. Costs nothing.
    Schedule,
    /// Pulling the image, where the node does not have it.
    Image,
    /// Loading the weights.
    Load,
    /// Warming up: compiling, capturing graphs, the first probe.
    WarmUp,
}

impl StartStage {
    /// All, in order.
    pub const ALL: [StartStage; 4] = [StartStage::Schedule, StartStage::Image, StartStage::Load, StartStage::WarmUp];

    /// The word in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            StartStage::Schedule => "schedule",
            StartStage::Image => "image",
            StartStage::Load => "load",
            StartStage::WarmUp => "warm_up",
        }
    }
}

/// What a rollout did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutStep {
    /// When, ns from the start of the window.
    pub at_ns: u64,
    /// The new version's deployment.
    pub deployment: String,
    /// `started`, `step`, `passed`, `promoted`, `aborted`, `ended`.
    pub what: String,
    /// Share of requests that go to it from now on, 0 to 1.
    pub share: f64,
    /// Why: what the gate found.
    pub why: String,
}

/// Series of a service: one value a bucket of [`Series::bucket_ns`](super::Series::bucket_ns). Requests are counted in
/// the bucket in which they were sent (`sent`) or concluded (all else).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceSeries {
    /// Requests sent.
    pub sent: Vec<u64>,
    /// Requests concluded.
    pub concluded: Vec<u64>,
    /// Requests that kept every promise.
    pub good: Vec<u64>,
    /// Requests lost.
    pub lost: Vec<u64>,
    /// Median time to the first token, s; none where nothing was answered.
    pub ttft_p50: Vec<Option<f64>>,
    /// Its 99th percentile.
    pub ttft_p99: Vec<Option<f64>>,
    /// Median of the mean time between tokens, s.
    pub tpot_p50: Vec<Option<f64>>,
    /// Its 99th percentile.
    pub tpot_p99: Vec<Option<f64>>,
    /// Median time to the last token, s.
    pub e2e_p50: Vec<Option<f64>>,
    /// Its 99th percentile.
    pub e2e_p99: Vec<Option<f64>>,
    /// Requests in the system, time average: on replicas, held, or between two tries.
    pub in_system: Vec<f64>,
    /// Of these, waiting for an engine to take them up, time average.
    pub queued: Vec<f64>,
    /// Prompt tokens a second of what was answered.
    pub input_per_s: Vec<f64>,
    /// Output tokens a second of what was answered.
    pub output_per_s: Vec<f64>,
    /// By deployment.
    pub deployments: Vec<DeploymentSeries>,
    /// What its replicas cost in the bucket, USD: all that they held.
    pub usd: Vec<f64>,
}

/// Series of a deployment, time averages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeploymentSeries {
    /// Replicas asked for.
    pub desired: Vec<f64>,
    /// Replicas that took requests.
    pub ready: Vec<f64>,
    /// Replicas on a node and not ready yet.
    pub starting: Vec<f64>,
    /// Replicas with a step in progress.
    pub busy: Vec<f64>,
    /// Share of the KV in use, at scrapes, 0 to 1.
    pub kv_use: Vec<f64>,
}

impl ServiceSeries {
    /// Share of the KV in use in a bucket, over deployments by their ready replicas; `None` without any.
    #[must_use]
    pub fn kv_use(&self, bucket: usize) -> Option<f64> {
        let of = |v: &[f64]| v.get(bucket).copied().unwrap_or(0.0);
        let ready: f64 = self.deployments.iter().map(|d| of(&d.ready)).sum();
        let used: f64 = self.deployments.iter().map(|d| of(&d.ready) * of(&d.kv_use)).sum();
        (ready > 0.0).then(|| used / ready)
    }
}

impl ServiceOutcome {
    /// The share of concluded requests that kept every promise, 0 to 1.
    #[must_use]
    pub fn attained(&self) -> Option<f64> {
        let of = self.requests.concluded();
        (of > 0).then(|| self.good as f64 / of as f64)
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.slo.iter().all(SloOutcome::is_kept)
    }

    /// Of the time in steps, the part that prompts took, over all deployments.
    #[must_use]
    pub fn prefill_share(&self) -> f64 {
        let busy: f64 = self.deployments.iter().map(|d| d.busy_ns.0 as f64 * f64::from(d.gpus)).sum();
        let prefill: f64 =
            self.deployments.iter().map(|d| d.busy_ns.0 as f64 * f64::from(d.gpus) * d.prefill_share).sum();
        if busy > 0.0 { prefill / busy } else { 0.0 }
    }

    /// What a million input tokens and a million output tokens cost, when a bill is divided between them as the time in
    /// steps was. Tokens found in a prefix cache are input tokens too: they make the others cheaper.
    #[must_use]
    pub fn usd_per_million(&self, bill: f64) -> (Option<f64>, Option<f64>) {
        let share = self.prefill_share();
        let per = |usd: f64, n: u64| (n > 0).then(|| usd / n as f64 * 1e6);
        (per(bill * share, self.tokens.input), per(bill * (1.0 - share), self.tokens.output))
    }

    /// From being created to taking requests, ns, replicas of all deployments.
    #[must_use]
    pub fn start_up(&self) -> Histogram {
        let mut all = Histogram::new();
        for d in &self.deployments {
            all.merge(&d.start_up);
        }
        all
    }
}
