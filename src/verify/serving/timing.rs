//! The engine's timed set-ups: how many requests a second of one core it simulates. Nothing here reads a clock.
//!
//! Arrivals and lengths are drawn while it runs, and all latencies are recorded. Lengths are those of Azure's conversation
//! trace: `AzureLLMInferenceTrace_conv.csv` (Azure/AzurePublicDataset, CC-BY-4.0; Splitwise, ISCA 2024), 19,366 requests.

use crate::kernel::{Dist, Stream, Streams};
use crate::serving::cost::{Quantised, StepCost};
use crate::serving::replica::{Config, Group, Latencies, Replica};
use crate::serving::request::{Request, Sink};
use crate::serving::router::Routing;
use crate::units::{Duration, SimTime};

/// Quantiles of `ContextTokens` at 0, 1/128, … 1. The last is where the mean, 1,154.7, comes out: the largest of all,
/// 14,050, is one request.
const PROMPT: [u16; 129] = [
    2, 23, 64, 120, 165, 181, 181, 181, 194, 197, 200, 203, 206, 209, 212, 218, 235, 247, 321, 371, 374, 376, 378, 381,
    383, 386, 388, 390, 391, 393, 394, 395, 396, 397, 398, 400, 401, 402, 403, 404, 405, 407, 408, 410, 412, 415, 419,
    422, 428, 437, 459, 670, 818, 881, 910, 946, 966, 979, 986, 995, 1001, 1007, 1011, 1016, 1020, 1024, 1028, 1033,
    1037, 1040, 1044, 1048, 1052, 1055, 1059, 1064, 1067, 1071, 1075, 1080, 1083, 1087, 1092, 1096, 1100, 1105, 1110,
    1115, 1120, 1127, 1133, 1139, 1147, 1155, 1164, 1176, 1189, 1208, 1233, 1266, 1312, 1314, 1315, 1317, 1335, 1371,
    1479, 1621, 1766, 1904, 2019, 2173, 2309, 2445, 2584, 2694, 3018, 3718, 4074, 4076, 4079, 4081, 4084, 4086, 4089,
    4094, 4107, 4162, 6332,
];

/// Quantiles of `GeneratedTokens`; mean 211.1. Their correlation with the prompt's length, −0.11, is left out.
const OUTPUT: [u16; 129] = [
    7, 14, 18, 28, 33, 37, 40, 43, 45, 47, 49, 51, 53, 54, 56, 58, 60, 63, 64, 66, 68, 70, 72, 73, 75, 76, 78, 79, 81,
    82, 83, 84, 85, 86, 87, 88, 89, 89, 90, 91, 92, 93, 94, 94, 95, 96, 97, 98, 99, 100, 101, 103, 104, 105, 107, 108,
    110, 112, 114, 116, 118, 121, 123, 126, 129, 132, 135, 138, 141, 145, 149, 153, 157, 161, 163, 167, 171, 178, 181,
    187, 195, 205, 217, 217, 223, 273, 373, 375, 377, 382, 385, 387, 389, 392, 393, 394, 395, 396, 396, 396, 397, 398,
    399, 401, 402, 405, 407, 409, 411, 411, 414, 414, 416, 418, 420, 423, 427, 429, 429, 433, 440, 446, 456, 472, 502,
    528, 568, 615, 1000,
];

/// Poisson requests of Azure's conversation lengths.
#[derive(Clone, Debug)]
pub struct Traffic {
    stream: Stream,
    gap: Dist,
    now: SimTime,
    id: u64,
}

impl Traffic {
    /// So many requests a second.
    #[must_use]
    pub fn new(per_s: f64, seed: u64) -> Traffic {
        Traffic {
            stream: Streams::new(seed, 0).stream("arrival", "azure-conv", 0),
            gap: Dist::exponential(1.0 / per_s).expect("a rate above zero"),
            now: SimTime::ZERO,
            id: 0,
        }
    }

    /// The next request: three draws.
    #[inline]
    pub fn draw(&mut self) -> Request {
        self.now += Duration::from_secs_f64(self.gap.sample(&mut self.stream));
        let (prompt, output) = (length(&PROMPT, self.stream.uniform()), length(&OUTPUT, self.stream.uniform()));
        self.id += 1;
        Request::new(self.id, self.now, prompt, output)
    }
}

/// The quantile at `u` in [0, 1), linear between those of the table.
#[inline]
fn length(table: &[u16; 129], u: f64) -> u32 {
    let at = u * 128.0;
    let i = at as usize;
    let (low, high) = (f64::from(table[i]), f64::from(table[i + 1]));
    (low + (high - low) * (at - i as f64) + 0.5) as u32
}

/// What is timed.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The case's name, which ends in its unit.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Requests a second that it is meant to do.
    pub target: f64,
    /// Runs it with so many requests finished; returns how many were.
    pub run: fn(u64) -> u64,
}

/// All of them.
pub const SETUPS: [Setup; 3] = [
    Setup {
        name: "serving/moderate_requests_per_s",
        about: "one replica of an 8B model, Azure conversation lengths at 8 req/s, all histograms on",
        target: 3e6,
        run: moderate,
    },
    Setup {
        name: "serving/saturated_requests_per_s",
        about: "one replica with less KV than its sequences want, and a queue that is never empty: preemptions",
        target: 2.5e6,
        run: saturated,
    },
    Setup {
        name: "serving/1000_replicas_requests_per_s",
        about: "1,000 such replicas at 8 req/s each behind a least-outstanding router",
        target: 0.8e6,
        run: thousand,
    },
];

/// Llama-3.1-8B on one H100, as the fitted profile for TRT-LLM has it, with prompts at the H100's compute-bound rate.
#[must_use]
pub fn cost() -> Quantised {
    let cost = StepCost { a: 6.6, b: 0.0133, b2: 0.018, t0: 256.0, c: 0.000_044_5, ..StepCost::default() };
    Quantised::new(&cost).expect("coefficients of a step")
}

fn replica() -> Replica {
    Replica::new(Config { kv_tokens: 430_000, ..Config::default() }, cost()).expect("limits of an engine")
}

/// One replica at 8 req/s; returns its latencies.
#[must_use]
pub fn one(n: u64, per_s: f64, mut replica: Replica) -> (Latencies, Replica) {
    let (mut traffic, mut latencies) = (Traffic::new(per_s, 1), Latencies::default());
    for _ in 0..n {
        let r = traffic.draw();
        replica.offer(r.arrival, r, &mut latencies);
    }
    replica.advance(SimTime::MAX, &mut latencies);
    (latencies, replica)
}

fn moderate(n: u64) -> u64 {
    one(n, 8.0, replica()).0.finished
}

/// Offers as many as leave, so that 64 wait at all times.
fn saturated(n: u64) -> u64 {
    let (mut traffic, mut latencies) = (Traffic::new(1e6, 1), Latencies::default());
    // Less KV than 256 sequences want: some are preempted.
    let config = Config { kv_tokens: 250_000, ..Config::default() };
    let mut replica = Replica::new(config, cost()).expect("limits of an engine");
    let mut now = SimTime::ZERO;
    while latencies.finished < n {
        while replica.waiting() < 64 {
            let mut r = traffic.draw();
            r.arrival = now;
            replica.offer(now, r, &mut latencies);
        }
        now = replica.next_event().unwrap_or(now);
        replica.advance(now, &mut latencies);
    }
    debug_assert!(latencies.preemptions > 0);
    latencies.finished
}

fn thousand(n: u64) -> u64 {
    let mut latencies = Latencies::default();
    group(n, 1_000, 8.0, &mut latencies);
    latencies.finished
}

/// So many requests on so many replicas, each of which gets `per_s`.
fn group<S: Sink>(n: u64, replicas: u32, per_s: f64, sink: &mut S) -> Group {
    let mut group = Group::new(Routing::LeastOutstanding);
    for _ in 0..replicas {
        group.add(replica());
    }
    let mut traffic = Traffic::new(per_s * f64::from(replicas), 1);
    let mut none = Streams::new(1, 0).stream("router", "", 0);
    for _ in 0..n {
        let r = traffic.draw();
        let now = r.arrival;
        group.advance(now, sink);
        group.offer(now, r, &mut none, sink);
    }
    group.advance(SimTime(u64::MAX - 1), sink);
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_means_of_the_trace() {
        let mean = |t: &[u16; 129]| t.windows(2).map(|w| f64::from(w[0] + w[1]) / 2.0).sum::<f64>() / 128.0;
        assert!((mean(&PROMPT) - 1154.7).abs() < 0.5 && (mean(&OUTPUT) - 211.1).abs() < 0.5);
        assert_eq!((length(&PROMPT, 0.0), length(&OUTPUT, 1.0 - f64::EPSILON)), (2, 1_000));
    }

    #[test]
    fn every_setup_serves_all_and_keeps_its_memory() {
        for s in SETUPS {
            assert!((s.run)(3_000) >= 3_000, "{}", s.name);
        }
        let (short, long) = (one(2_000, 8.0, replica()).1, one(20_000, 8.0, replica()).1);
        assert!(long.slots() <= 2 * short.slots(), "{} after {}", long.slots(), short.slots());
    }
}
