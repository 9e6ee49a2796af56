//! What a request trace holds: rates, burstiness, lengths and what requests share, as plain data for `trace inspect`.
//!
//! A trace is measured as it was recorded, whatever its options say of scaling, repetition and jitter; only its window
//! counts. Requests are read twice and never kept: memory grows with the different lengths, minutes, sessions and
//! blocks of a trace, not with its requests.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::recorded::{Jitter, Options, Recorded};
use super::{PrefixRef, Request, Source, Traffic};
use crate::formats::rows::Outcome;
use crate::kernel::Streams;
use crate::units::time::NANOS_PER_HOUR;
use crate::units::{Duration, SimTime};
use crate::workload::inspect::{Quantiles, exposure};
use crate::workload::synth::Calendar;
use crate::workload::trace::window;

const NANOS_PER_MINUTE: u64 = NANOS_PER_HOUR / 60;
const NANOS_PER_DAY: u64 = NANOS_PER_HOUR * 24;

/// All figures of a request trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The format it was read in, by its key.
    pub format: &'static str,
    /// Rows read.
    pub rows: u64,
    /// Requests of the window; all figures below are of these.
    pub requests: u64,
    /// Rows before the window.
    pub before: u64,
    /// Rows after it.
    pub after: u64,
    /// Rows left out because their answers have no tokens.
    pub failures: u64,
    /// The date and time at which the window begins (UTC where the file names an offset, else of the clock of the
    /// place); `None` for a trace without dates.
    pub origin: Option<String>,
    /// From the start of the window to its end or, where that is open, to the last request, seconds.
    pub span_s: f64,
    /// How requests come.
    pub rate: RateFigures,
    /// Tokens of prompts.
    pub input: Option<Quantiles>,
    /// Tokens generated.
    pub output: Option<Quantiles>,
    /// Spearman's rank correlation of the two, equal lengths sharing their mean rank; `None` where either is the same in
    /// all requests.
    pub rank_correlation: Option<f64>,
    /// Requests by label set (BurstGPT's model and kind of log), ascending; empty without labels.
    pub by_label: Vec<(String, u64)>,
    /// Sessions, where the trace has them.
    pub sessions: Option<SessionFigures>,
    /// Blocks of prompts, where the trace names them.
    pub prefix: Option<PrefixFigures>,
    /// Requests an hour by hour of the day, from midnight on; in a trace without dates from its start. `None` for hours
    /// that the window does not reach.
    pub hour_of_day: Vec<Option<f64>>,
    /// What the reader had to say.
    pub notices: Vec<String>,
    /// The distribution of prompts, at most [`CURVE`] points of it: tokens, and the share of requests with at most so
    /// many. Not among the figures that are printed.
    #[serde(skip)]
    pub input_curve: Vec<(f64, f64)>,
    /// That of answers.
    #[serde(skip)]
    pub output_curve: Vec<(f64, f64)>,
}

/// Points of a curve.
pub const CURVE: usize = 400;

/// How requests come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RateFigures {
    /// Requests a second over the span; `None` when it is 0.
    pub per_second_mean: Option<f64>,
    /// Requests of the busiest minute, counted from the window's start.
    pub per_minute_max: u64,
    /// Coefficient of variation of the gaps between requests; 1 for a Poisson process. `None` with fewer than two gaps.
    pub gap_cv: Option<f64>,
    /// Variance over mean of the requests in whole minutes (the index of dispersion of counts; D. R. Cox, P. A. W.
    /// Lewis, The Statistical Analysis of Series of Events, 1966); 1 for a Poisson process. `None` with fewer than two
    /// minutes.
    pub dispersion_minute: Option<f64>,
    /// The same of whole hours.
    pub dispersion_hour: Option<f64>,
    /// The step of the grid that times lie on, seconds.
    pub grid_s: Option<f64>,
    /// Seconds to a value of `series`: a round width, and a whole number of steps where times lie on a grid.
    pub series_step_s: f64,
    /// Requests in each step from the window's start, the last one perhaps cut short.
    pub series: Vec<u64>,
}

/// Who came again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionFigures {
    /// Different sessions.
    pub sessions: u64,
    /// Requests that belong to one.
    pub requests: u64,
    /// Requests to a session.
    pub turns: Option<Quantiles>,
}

/// What prompts share, in blocks of [`super::BLOCK_TOKENS`] tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrefixFigures {
    /// Blocks of all prompts together.
    pub references: u64,
    /// Different blocks.
    pub blocks: u64,
    /// References to blocks that an earlier prompt had.
    pub seen_before: u64,
    /// Their share of all: the hit rate of a cache that holds everything.
    pub hit_rate: f64,
    /// The share of references that such a cache serves from the front of a prompt without a break; the same as
    /// `hit_rate` where an id stands for a block and all before it.
    pub leading_hit_rate: f64,
}

/// All figures of a trace.
///
/// # Errors
/// A long file is read again; it may have changed since it was checked.
pub fn inspect(trace: &Recorded) -> Outcome<Inspection> {
    let mut raw = trace.clone();
    raw.options = Options { jitter: Jitter::Off, ..Options::default() };
    raw.period = 0;
    let summary = trace.summary();
    let source = Source::from(raw);
    let Source::Recorded(raw) = &source else { unreachable!("it was made of one") };
    let traffic = Traffic::new(vec![source.clone()]).expect("one source has no namesake");
    let mut scan = Scan::new(trace.start % NANOS_PER_DAY, summary.span, summary.grid);
    each(&traffic, summary.span, |r| scan.add(r, raw))?;
    let ranks = [scan.input.twice_midranks(), scan.output.twice_midranks()];
    // Twice a rank has the mean n + 1; sums of products of deviations stay exact.
    let middle = i128::from(scan.input.n) + 1;
    let mut product = 0i128;
    each(&traffic, summary.span, |r| {
        let off = |of: &BTreeMap<u32, u64>, tokens: u32| of.get(&tokens).map_or(0, |r| i128::from(*r) - middle);
        product += off(&ranks[0], r.input) * off(&ranks[1], r.output);
    })?;
    let square = |lengths: &Counts, of: &BTreeMap<u32, u64>| {
        lengths.counts.iter().map(|(v, n)| i128::from(*n) * (i128::from(of[v]) - middle).pow(2)).sum::<i128>() as f64
    };
    let scale = square(&scan.input, &ranks[0]).sqrt() * square(&scan.output, &ranks[1]).sqrt();
    let origin = trace.format().has_dates().then(|| window::civil(SimTime(trace.start))).flatten();
    Ok(Inspection {
        format: trace.format().key(),
        rows: summary.rows,
        requests: summary.kept,
        before: summary.before,
        after: summary.after,
        failures: summary.failures,
        origin: origin.map(|o| o.to_string()),
        span_s: summary.span.as_secs_f64(),
        rate: RateFigures {
            per_second_mean: (summary.span.0 > 0).then(|| summary.kept as f64 / summary.span.as_secs_f64()),
            per_minute_max: scan.minutes.values().copied().max().unwrap_or(0),
            gap_cv: summary.gaps.cv(),
            dispersion_minute: dispersion(&scan.minutes, summary.span.0 / NANOS_PER_MINUTE),
            dispersion_hour: dispersion(&scan.hours(), summary.span.0 / NANOS_PER_HOUR),
            grid_s: summary.grid.map(Duration::as_secs_f64),
            series_step_s: scan.step.as_secs_f64(),
            series: std::mem::take(&mut scan.series),
        },
        input: scan.input.quantiles(),
        output: scan.output.quantiles(),
        rank_correlation: (scale > 0.0).then(|| product as f64 / scale),
        by_label: by_label(&traffic, &scan.labels),
        sessions: scan.sessions(),
        prefix: scan.prefix.figures(),
        hour_of_day: scan.hour_of_day(summary.span),
        notices: trace.notices().to_vec(),
        input_curve: scan.input.curve(),
        output_curve: scan.output.curve(),
    })
}

/// Every request of the window, in order.
fn each(traffic: &Traffic, span: Duration, mut visit: impl FnMut(&Request)) -> Outcome<()> {
    let mut requests =
        traffic.requests(&Streams::new(0, 0), &Calendar::default(), SimTime::ZERO, SimTime(span.0.saturating_add(1)));
    for r in requests.by_ref() {
        visit(&r);
    }
    requests.fault().map_or(Ok(()), |f| Err(Box::new(f.clone())))
}

fn by_label(traffic: &Traffic, counts: &BTreeMap<u16, u64>) -> Vec<(String, u64)> {
    let mut out: Vec<(String, u64)> = Vec::new();
    for (set, n) in counts {
        let labels = traffic.label_sets().get(usize::from(*set)).map_or(&[][..], |s| s);
        let name: Vec<String> = labels.iter().map(ToString::to_string).collect();
        out.push((if name.is_empty() { "none".to_owned() } else { name.join(", ") }, *n));
    }
    if out.iter().all(|(name, _)| name == "none") {
        return Vec::new();
    }
    out.sort();
    out
}

/// Variance over mean of the counts in the first `whole` bins; bins that are not listed have none.
fn dispersion(counts: &BTreeMap<u64, u64>, whole: u64) -> Option<f64> {
    let (mut sum, mut squares) = (0u128, 0u128);
    for n in counts.range(..whole).map(|(_, n)| u128::from(*n)) {
        sum += n;
        squares += n * n;
    }
    if whole < 2 || sum == 0 {
        return None;
    }
    // (Σn² − (Σn)²/k) / (k − 1) over Σn/k, as one quotient of whole numbers.
    let k = u128::from(whole);
    Some((k * squares - sum * sum) as f64 / ((k - 1) as f64 * sum as f64))
}

/// Whole numbers and how often each came.
#[derive(Debug, Default)]
struct Counts {
    counts: BTreeMap<u32, u64>,
    n: u64,
    sum: u128,
}

impl Counts {
    fn add(&mut self, value: u32) {
        *self.counts.entry(value).or_default() += 1;
        self.n += 1;
        self.sum += u128::from(value);
    }

    /// As [`Quantiles::of`] of the values one by one.
    fn quantiles(&self) -> Option<Quantiles> {
        let last = self.n.checked_sub(1)?;
        let mut ends = Vec::with_capacity(self.counts.len());
        let mut upto = 0;
        for (v, n) in &self.counts {
            upto += n;
            ends.push((upto, f64::from(*v)));
        }
        let nth = |k: u64| ends[ends.partition_point(|e| e.0 <= k).min(ends.len() - 1)].1;
        let q = |p: f64| {
            let h = p * last as f64;
            let (low, high) = (nth(h.floor() as u64), nth((h.floor() as u64 + 1).min(last)));
            low + (h - h.floor()) * (high - low)
        };
        Some(Quantiles {
            n: self.n,
            mean: self.sum as f64 / self.n as f64,
            min: q(0.0),
            p10: q(0.1),
            p25: q(0.25),
            p50: q(0.5),
            p75: q(0.75),
            p90: q(0.9),
            p95: q(0.95),
            p99: q(0.99),
            max: q(1.0),
        })
    }

    /// Values with the share of all at or below each: all of them, or those at even steps of the share.
    fn curve(&self) -> Vec<(f64, f64)> {
        let mut upto = 0;
        let all = self.counts.iter().map(|(v, n)| {
            upto += n;
            (f64::from(*v), upto)
        });
        let all: Vec<(f64, u64)> = all.collect();
        let share = |(v, k): &(f64, u64)| (*v, *k as f64 / self.n as f64);
        if all.len() <= CURVE {
            return all.iter().map(share).collect();
        }
        let steps = (1..=CURVE as u128).map(|i| (i * u128::from(self.n) / CURVE as u128) as u64);
        let mut out: Vec<(f64, u64)> =
            steps.filter_map(|k| all.get(all.partition_point(|a| a.1 < k)).copied()).collect();
        out.dedup();
        out.iter().map(share).collect()
    }

    /// Twice the rank of each value, equal ones having the mean of theirs: a whole number.
    fn twice_midranks(&self) -> BTreeMap<u32, u64> {
        let mut below = 0;
        let rank = |(v, n): (&u32, &u64)| {
            let twice = 2 * below + n + 1;
            below += n;
            (*v, twice)
        };
        self.counts.iter().map(rank).collect()
    }
}

/// The first pass.
struct Scan {
    input: Counts,
    output: Counts,
    /// Requests by minute from the window's start; empty minutes are not listed.
    minutes: BTreeMap<u64, u64>,
    /// From midnight of the trace's clock to the window's start, ns.
    midnight: u64,
    by_hour: [u64; 24],
    labels: BTreeMap<u16, u64>,
    by_session: BTreeMap<u32, u32>,
    prefix: Blocks,
    step: Duration,
    series: Vec<u64>,
}

/// Widths of a series, seconds; beyond them come multiples of the last.
const STEPS: [u64; 17] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
/// The most values of a series.
const MOST_STEPS: u64 = 240;

impl Scan {
    fn new(midnight: u64, span: Duration, grid: Option<Duration>) -> Scan {
        let second = Duration::from_secs(1).0;
        let wide = |s: u64| span.0.div_ceil(s * second) <= MOST_STEPS;
        let day = STEPS[STEPS.len() - 1];
        let days = span.0.div_ceil(day * second * MOST_STEPS).max(1);
        let step = STEPS.into_iter().find(|s| wide(*s)).unwrap_or(day * days) * second;
        let step = grid.map_or(step, |g| step.div_ceil(g.0.max(1)) * g.0.max(1));
        Scan {
            input: Counts::default(),
            output: Counts::default(),
            minutes: BTreeMap::new(),
            midnight,
            by_hour: [0; 24],
            labels: BTreeMap::new(),
            by_session: BTreeMap::new(),
            prefix: Blocks::default(),
            step: Duration(step),
            series: vec![0; (span.0 / step + 1) as usize],
        }
    }

    fn add(&mut self, r: &Request, trace: &Recorded) {
        self.input.add(r.input);
        self.output.add(r.output);
        *self.minutes.entry(r.at.0 / NANOS_PER_MINUTE).or_default() += 1;
        self.by_hour[((self.midnight + r.at.0 % NANOS_PER_DAY) / NANOS_PER_HOUR) as usize % 24] += 1;
        *self.labels.entry(r.labels).or_default() += 1;
        if r.session > 0 {
            let turns = self.by_session.entry(r.session).or_default();
            *turns = turns.saturating_add(1);
        }
        if let PrefixRef::Blocks { start, len, .. } = r.prefix {
            self.prefix.add(trace.blocks(start, len));
        }
        if let Some(n) = self.series.get_mut((r.at.0 / self.step.0) as usize) {
            *n += 1;
        }
    }

    fn hours(&self) -> BTreeMap<u64, u64> {
        let mut out = BTreeMap::new();
        for (minute, n) in &self.minutes {
            *out.entry(minute / 60).or_default() += n;
        }
        out
    }

    fn sessions(&self) -> Option<SessionFigures> {
        let mut turns = Counts::default();
        self.by_session.values().for_each(|n| turns.add(*n));
        let figures = SessionFigures { sessions: turns.n, requests: turns.sum as u64, turns: turns.quantiles() };
        (turns.n > 0).then_some(figures)
    }

    /// Requests an hour by hour of the day, over the hours that the window has of it.
    fn hour_of_day(&self, span: Duration) -> Vec<Option<f64>> {
        // The hours of a week, seven of which are the same hour of the day.
        let week = exposure(self.midnight as f64 / NANOS_PER_HOUR as f64, span.as_hours_f64());
        (0..24)
            .map(|h| {
                let hours: f64 = week.iter().skip(h).step_by(24).sum();
                // Of less than a minute there is no rate.
                (hours >= 1.0 / 60.0).then(|| self.by_hour[h] as f64 / hours)
            })
            .collect()
    }
}

/// Ids of blocks as prompts come.
#[derive(Debug, Default)]
struct Blocks {
    seen: BTreeSet<u32>,
    references: u64,
    before: u64,
    leading: u64,
}

impl Blocks {
    fn add(&mut self, ids: &[u32]) {
        self.references += ids.len() as u64;
        let known = |id: &&u32| self.seen.contains(*id);
        self.leading += ids.iter().take_while(known).count() as u64;
        self.before += ids.iter().filter(known).count() as u64;
        self.seen.extend(ids);
    }

    fn figures(&self) -> Option<PrefixFigures> {
        let share = |n: u64| n as f64 / self.references as f64;
        (self.references > 0).then(|| PrefixFigures {
            references: self.references,
            blocks: self.seen.len() as u64,
            seen_before: self.before,
            hit_rate: share(self.before),
            leading_hit_rate: share(self.leading),
        })
    }
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
