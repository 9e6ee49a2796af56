//! The engine against closed forms, and against itself.
//!
//! - **Continuous batching**: requests of `O` tokens whose steps take `a + b·n` with `n` in the batch, Poisson arrivals,
//!   no cap. The number in the system is negative binomial and its mean `(a/b + 1)·x/(1 − x)`, `x = λ·O·b`, whatever the
//!   law of the lengths: a birth–death chain with deaths at `n/(O·(a + b·n))`. The engine works in steps, and whoever comes waits for the end of the
//!   one in progress: half a step, unless it idles, which the closed form does not have and is added to it.
//! - The same with a cap on the batch, lengths geometric, by the birth–death chain.
//! - **Prefill**: one prompt a step, all alike: M/D/1 (Pollaczek–Khinchine).
//! - Leaps against single steps, conservation and Little's law on a saturated run with preemptions: exact.
//!
//! A mean passes within three of its standard errors (by means of batches) and 0.1 %, what half a step leaves. Each case has a line with
//! its standard error.

use rayon::prelude::*;

use super::SUITE;
use super::timing::Traffic;
use crate::kernel::{Dist, Stream, Streams};
use crate::serving::cost::{Quantised, StepCost};
use crate::serving::replica::naive::{self, Fate};
use crate::serving::replica::{Config, Replica};
use crate::serving::request::{Dropped, Gaps, Record, Request, Sink};
use crate::units::{Duration, SimTime};
use crate::verify::{Case, Options, Verdict};

/// Requests in a case of continuous batching. Debug builds, whose tests only ask whether it works, have fewer.
const REQUESTS: u64 = if cfg!(debug_assertions) { 10_000 } else { 1_000_000 };
/// Batches whose means give the standard error.
const BATCHES: usize = 50;

/// Laws of length with a mean of 100 tokens.
#[derive(Clone, Copy, Debug)]
enum Lengths {
    Fixed,
    Geometric,
    /// 20, or one time in ten 820.
    Bimodal,
}

impl Lengths {
    fn name(self) -> &'static str {
        match self {
            Lengths::Fixed => "fixed",
            Lengths::Geometric => "geometric",
            Lengths::Bimodal => "bimodal",
        }
    }

    /// One draw, whatever the law.
    fn draw(self, s: &mut Stream) -> u32 {
        let u = s.open();
        match self {
            Lengths::Fixed => 100,
            // By inversion, with success probability 1/100.
            Lengths::Geometric => 1 + (u.ln() / 0.99_f64.ln()) as u32,
            Lengths::Bimodal => 20 + 800 * u32::from(u <= 0.1),
        }
    }
}

/// `a + b·n` seconds a step, and the mean length.
const A: f64 = 0.02;
const B: f64 = 0.0005;
const O: f64 = 100.0;

/// What was seen of a queue.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Sums of times in the system by batch, s, and counts.
    batches: Vec<(f64, u64)>,
    /// ∫ N dt by the changes of N, ns; and the sum of all times in the system. They are equal when all have left.
    area: u128,
    times: u128,
    /// Area and time at the beginning of each batch.
    marks: Vec<(u128, SimTime)>,
    count: u64,
    in_system: u64,
    since: SimTime,
}

impl Seen {
    fn change(&mut self, at: SimTime, by: i64) {
        self.area += u128::from(at.since(self.since).0) * u128::from(self.in_system);
        (self.since, self.in_system) = (at, self.in_system.wrapping_add_signed(by));
    }

    fn mean(&self) -> f64 {
        self.batches.iter().map(|b| b.0).sum::<f64>() / self.count as f64
    }

    /// Standard error of the mean, by the means of batches.
    fn error(&self) -> f64 {
        error(&self.batches.iter().filter(|b| b.1 > 0).map(|b| b.0 / b.1 as f64).collect::<Vec<f64>>())
    }

    /// The mean number in the system from the first mark to the last, when arrivals end, and its standard error.
    fn number(&self) -> (f64, f64) {
        let mean = |a: &(u128, SimTime), b: &(u128, SimTime)| (b.0 - a.0) as f64 / b.1.since(a.1).0 as f64;
        let each: Vec<f64> = self.marks.windows(2).map(|w| mean(&w[0], &w[1])).collect();
        (mean(&self.marks[0], &self.marks[self.marks.len() - 1]), error(&each))
    }
}

/// Standard error of a mean by the means of batches.
fn error(means: &[f64]) -> f64 {
    let (n, mean) = (means.len() as f64, means.iter().sum::<f64>() / means.len() as f64);
    (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt()
}

struct Watch {
    seen: Seen,
    /// Requests by batch.
    each: u64,
}

impl Sink for Watch {
    fn finished(&mut self, r: &Record) {
        let t = r.ended.since(r.arrival);
        let b = (r.id / self.each) as usize;
        if self.seen.batches.len() <= b {
            self.seen.batches.resize(b + 1, (0.0, 0));
        }
        self.seen.batches[b].0 += t.as_secs_f64();
        self.seen.batches[b].1 += 1;
        self.seen.count += 1;
        self.seen.times += u128::from(t.0);
        self.seen.change(r.ended, -1);
    }
}

/// Poisson requests through an engine; all of them leave.
fn run(n: u64, rate: f64, cost: &StepCost, config: Config, mut length: impl FnMut(&mut Stream) -> (u32, u32)) -> Seen {
    let gap = Dist::exponential(1.0 / rate).expect("a rate above zero");
    let mut stream = Streams::new(1, 0).stream("verify", "batching", rate.to_bits());
    let cost = Quantised::new(cost).expect("coefficients");
    let mut replica = Replica::new(config, cost).expect("limits");
    let mut watch = Watch { seen: Seen::default(), each: n.div_ceil(BATCHES as u64) };
    let mut now = SimTime::ZERO;
    for id in 0..n {
        now += Duration::from_secs_f64(gap.sample(&mut stream));
        let (prompt, output) = length(&mut stream);
        replica.advance(now, &mut watch);
        if id % watch.each == 0 || id + 1 == n {
            watch.seen.change(now, 0);
            watch.seen.marks.push((watch.seen.area, now));
        }
        watch.seen.change(now, 1);
        replica.offer(now, Request::new(id, now, prompt, output), &mut watch);
    }
    replica.advance(SimTime::MAX, &mut watch);
    watch.seen
}

/// A prompt token costs what a decoded one does: a request of `O` tokens is in `O` steps.
fn batching(n: u64, rate: f64, lengths: Lengths, cap: u32) -> Seen {
    let cost = StepCost { a: A * 1e3, b1: B * 1e3, ..StepCost::default() };
    let config =
        Config { max_num_seqs: cap, max_num_batched_tokens: cap.max(65_536), kv_tokens: 1 << 40, ..Config::default() };
    run(n, rate, &cost, config, |s| (1, lengths.draw(s)))
}

/// Mean number in the system, its probability of idling, and of being at `cap` or above, of the chain.
fn chain(rate: f64, cap: u64) -> (f64, f64, f64) {
    let (mut p, mut sum, mut mean, mut full, mut first) = (1.0, 0.0, 0.0, 0.0, 0.0);
    for n in 0..200_000_u64 {
        if n == 0 {
            first = p;
        }
        sum += p;
        mean += n as f64 * p;
        full += if n >= cap { p } else { 0.0 };
        let m = (n + 1).min(cap) as f64;
        p *= rate * O * (A + B * m) / m;
        if sum > 1e200 {
            (p, sum, mean, full, first) = (p / sum, 1.0, mean / sum, full / sum, first / sum);
        }
        if n > 100 && p < sum * 1e-18 {
            break;
        }
    }
    (mean / sum, first / sum, full / sum)
}

/// A mean beside what it should be.
fn mean(case: &str, n: u64, expected: f64, seen: f64, error: f64, out: &mut Vec<Case>) {
    let tolerance = 3.0 * error + 1e-3 * expected;
    out.push(Case::checked(SUITE, format!("{case}, n {n}"), expected, seen, tolerance));
    out.push(Case::unchecked(SUITE, format!("{case}, standard error"), error));
}

/// Something that must be exactly so.
fn exact(case: impl Into<String>, expected: u128, ours: u128, out: &mut Vec<Case>) {
    let verdict = if expected == ours { Verdict::Pass } else { Verdict::Fail };
    out.push(Case { verdict, ..Case::checked(SUITE, case, expected as f64, ours as f64, 0.0) });
}

/// Runs the cases.
pub fn cases(_: &Options, out: &mut Vec<Case>) {
    // λ, and the published E[N] and E[T].
    let loads = [(1.0, 2.1579, 2.1579), (4.0, 10.25, 2.5625), (8.0, 27.3333, 3.4167), (16.0, 164.0, 10.25)];
    let grid: Vec<_> = [Lengths::Fixed, Lengths::Geometric, Lengths::Bimodal]
        .into_iter()
        .flat_map(|l| loads.into_iter().map(move |load| (l, load)))
        .collect();
    let runs: Vec<_> = grid
        .into_par_iter()
        .map(|(lengths, load)| {
            // Near saturation what one request meets, thousands after it meet, too.
            let n = if load.0 > 10.0 { 4 * REQUESTS } else { REQUESTS };
            (lengths, load, n, batching(n, load.0, lengths, 60_000))
        })
        .collect();
    for (lengths, (rate, number, time), n, seen) in runs {
        let x = rate * O * B;
        let (closed_n, closed_t) = ((A / B + 1.0) * x / (1.0 - x), O * (A + B) / (1.0 - x));
        let name = format!("batching/{}/lambda {rate}", lengths.name());
        // The residual of a step that somebody who comes finds in progress.
        let (_, idle, _) = chain(rate, u64::MAX);
        let step = A * (1.0 - idle) + B * closed_n;
        mean(&format!("{name}/E[T] (s)"), n, closed_t + step / 2.0, seen.mean(), seen.error(), out);
        let (number_seen, number_error) = seen.number();
        mean(&format!("{name}/E[N]"), n, closed_n + rate * step / 2.0, number_seen, number_error, out);
        if lengths.name() == "fixed" {
            out.push(Case::checked(SUITE, format!("{name}/closed E[N]"), number, closed_n, 5e-5));
            out.push(Case::checked(SUITE, format!("{name}/closed E[T] (s)"), time, closed_t, 5e-5));
        }
        exact(format!("{name}/Little's law (ns)"), seen.times, seen.area, out);
    }
    capped(out);
    prefill(out);
    itself(out);
}

fn capped(out: &mut Vec<Case>) {
    for (rate, number, time, full) in [(4.0, 10.25, 2.5625, 2e-6), (8.0, 30.3509, 3.7939, 0.3621)] {
        let seen = batching(REQUESTS, rate, Lengths::Geometric, 32);
        let (closed, idle, at_cap) = chain(rate, 32);
        let name = format!("batching/cap 32/lambda {rate}");
        out.push(Case::checked(SUITE, format!("{name}/closed E[N]"), number, closed, 1e-4));
        out.push(Case::checked(SUITE, format!("{name}/closed P(N >= 32)"), full, at_cap, 1e-4));
        out.push(Case::checked(SUITE, format!("{name}/closed E[T] (s)"), time, closed / rate, 1e-4));
        // Half a step for those that find room; the others wait for a departure, which is the end of a step anyway.
        let step = A * (1.0 - idle) + B * closed.min(32.0);
        let expected = closed / rate + (1.0 - at_cap) * step / 2.0;
        mean(&format!("{name}/E[T] (s)"), REQUESTS, expected, seen.mean(), seen.error(), out);
        exact(format!("{name}/Little's law (ns)"), seen.times, seen.area, out);
    }
}

fn prefill(out: &mut Vec<Case>) {
    // 21.2 ms and 0.0687 ms a token; a budget of one prompt a step.
    let cost = StepCost { a: 21.2, p: 0.0687, ..StepCost::default() };
    let config = Config { max_num_seqs: 1_000, max_num_batched_tokens: 1_000, ..Config::default() };
    let seen = run(REQUESTS, 4.0, &cost, config, |_| (1_000, 1));
    let (s, rho) = (0.0899, 0.3596);
    let wait = rho * s / (2.0 * (1.0 - rho));
    out.push(Case::checked(SUITE, "prefill/closed wait (ms)", 25.24, wait * 1e3, 5e-3));
    mean("prefill/mean TTFT (ms)", REQUESTS, (wait + s) * 1e3, seen.mean() * 1e3, seen.error() * 1e3, out);
    exact("prefill/Little's law (ns)", seen.times, seen.area, out);
}

/// Remembers how each request ended.
struct Ends {
    all: Vec<Option<(Record, Fate)>>,
    tokens: u128,
}

impl Sink for Ends {
    fn finished(&mut self, r: &Record) {
        self.all[r.id as usize - 1] = Some((*r, Fate::Finished));
    }
    fn dropped(&mut self, r: &Record, why: Dropped) {
        self.all[r.id as usize - 1] = Some((*r, Fate::Dropped(why)));
    }
    fn gaps(&mut self, g: Gaps) {
        self.tokens += u128::from(g.sequences) * u128::from(g.steps);
    }
}

/// A saturated run with preemptions, leaping, against the naive engine, step by step.
fn itself(out: &mut Vec<Case>) {
    // The naive engine is slow, and slower still in a debug build.
    let n = if cfg!(debug_assertions) { 1_500 } else { 20_000 };
    let config = Config { kv_tokens: 60_000, ..Config::default() };
    let mut traffic = Traffic::new(30.0, 1);
    let requests: Vec<Request> = (0..n).map(|_| traffic.draw()).collect();
    let cost = super::timing::cost();
    let (expected, _) = naive::run(&config, &cost, &requests);
    let mut replica = Replica::new(config, cost).expect("limits");
    let mut ends = Ends { all: vec![None; requests.len()], tokens: 0 };
    for r in &requests {
        replica.offer(r.arrival, r.clone(), &mut ends);
    }
    replica.advance(SimTime::MAX, &mut ends);
    let differ = ends.all.iter().zip(&expected).filter(|(a, b)| a.as_ref() != Some(b)).count();
    let t = replica.totals();
    exact(format!("leap/requests that differ from single steps, of {n}"), 0, differ as u128, out);
    out.push(Case::unchecked(SUITE, "leap/preemptions in it", t.preemptions as f64));
    out.push(Case::unchecked(SUITE, "leap/steps for each one computed", t.steps as f64 / t.turns as f64));
    exact("leap/requests taken and ended", t.offered.into(), (t.finished + t.dropped).into(), out);
    let asked: u128 = requests.iter().map(|r| u128::from(r.output)).sum();
    exact("leap/tokens asked for and produced", asked, u128::from(t.decode_tokens + t.first_tokens), out);
    exact("leap/tokens after a gap", asked - n as u128, ends.tokens, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_without_a_cap_is_the_closed_form() {
        for rate in [1.0, 4.0, 8.0, 16.0] {
            let x = rate * O * B;
            let (mean, idle, _) = chain(rate, u64::MAX);
            assert!((mean - (A / B + 1.0) * x / (1.0 - x)).abs() < 1e-6 * mean, "{rate}: {mean}");
            // Negative binomial: P(0) = (1 − x)^(a/b + 1).
            assert!((idle - (1.0 - x).powf(A / B + 1.0)).abs() < 1e-9, "{rate}: {idle}");
        }
    }

    #[test]
    fn all_hold() {
        let mut out = Vec::new();
        cases(&Options::default(), &mut out);
        for case in &out {
            assert_ne!(case.verdict, Verdict::Fail, "{case:?}");
        }
        assert!(out.len() > 50);
    }
}
