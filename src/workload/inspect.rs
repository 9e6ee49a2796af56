//! What a trace holds: counts, rates, quantiles and demand, as plain data for `trace inspect`.

use serde::Serialize;

use super::trace::{Trace, TraceFormat};
use crate::kernel::{Moments, stats};
use crate::units::Duration;
use crate::units::time::NANOS_PER_HOUR;

/// A summary of a sample. Quantiles interpolate linearly (type 7 of Hyndman and Fan).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// How many values.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// 10 % are below.
    pub p10: f64,
    /// 25 % are below.
    pub p25: f64,
    /// Half are below.
    pub p50: f64,
    /// 75 % are below.
    pub p75: f64,
    /// 90 % are below.
    pub p90: f64,
    /// 95 % are below.
    pub p95: f64,
    /// 99 % are below.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Quantiles {
    /// Of a sample in any order; `None` when it is empty.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Quantiles> {
        values.sort_by(f64::total_cmp);
        let q = |p: f64| stats::quantile(&values, p);
        Some(Quantiles {
            n: values.len() as u64,
            mean: values.iter().sum::<f64>() / values.len() as f64,
            min: q(0.0)?,
            p10: q(0.1)?,
            p25: q(0.25)?,
            p50: q(0.5)?,
            p75: q(0.75)?,
            p90: q(0.9)?,
            p95: q(0.95)?,
            p99: q(0.99)?,
            max: q(1.0)?,
        })
    }
}

/// How jobs arrive. Jobs that run or wait at the start are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ArrivalFigures {
    /// Jobs that arrive.
    pub jobs: u64,
    /// Mean arrivals an hour over the span.
    pub per_hour_mean: f64,
    /// Most arrivals in one hour, counted from the start.
    pub per_hour_max: u64,
    /// Coefficient of variation of the gaps between arrivals; 1 for a Poisson process. `None` with fewer than two gaps.
    pub gap_cv: Option<f64>,
    /// Variance over mean of the arrivals in whole hours; 1 for a Poisson process. `None` with fewer than two hours.
    pub dispersion_hourly: Option<f64>,
    /// Arrivals of each hour from the start, the last one perhaps cut short.
    pub hourly: Vec<u64>,
}

/// GPUs asked for at once, if every job started when it arrived.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DemandFigures {
    /// Mean over the span, GPUs.
    pub mean_gpus: f64,
    /// 95 % of the span has at most this many.
    pub p95_gpus: f64,
    /// The most at any moment.
    pub max_gpus: f64,
    /// Mean of each hour from the start.
    pub hourly_gpus: Vec<f64>,
}

/// Jobs of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What they share: GPUs (`8`), an ending (`fails`), a label (`qos=LS`), accepted devices (`P100|T4`).
    pub what: String,
    /// How many.
    pub jobs: u64,
    /// Their GPU-hours.
    pub gpu_hours: f64,
}

/// All figures of a trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The format it was read in.
    pub format: TraceFormat,
    /// Rows read.
    pub rows: u64,
    /// Jobs in the window.
    pub jobs: u64,
    /// Of them, running at its start.
    pub running_at_start: u64,
    /// Of them, waiting at its start.
    pub waiting_at_start: u64,
    /// Rows that were earlier than the row before them.
    pub out_of_order: u64,
    /// Jobs whose end lies beyond the trace: their durations are cut.
    pub open_ended: u64,
    /// The local date and time of its start, where the trace has dates.
    pub origin: Option<String>,
    /// Days from the start to the end of the window, or to the last arrival.
    pub span_days: f64,
    /// Jobs without a GPU.
    pub cpu_only: u64,
    /// Jobs that ask for part of a GPU.
    pub shares: u64,
    /// GPUs asked for in all, a share counting as such.
    pub gpus_requested: f64,
    /// GPU-hours of all jobs.
    pub gpu_hours: f64,
    /// By GPUs of the whole job, ascending.
    pub by_gpus: Vec<Group>,
    /// By ending.
    pub by_ending: Vec<Group>,
    /// By label, by key and then value.
    pub by_label: Vec<Group>,
    /// By accepted devices; empty when all accept any.
    pub by_devices: Vec<Group>,
    /// How they arrive.
    pub arrivals: ArrivalFigures,
    /// Run times, seconds.
    pub duration_s: Option<Quantiles>,
    /// Waits that the trace recorded, seconds.
    pub wait_s: Option<Quantiles>,
    /// Wait and run time together, seconds; a job without a recorded wait counts with its run time.
    pub lifetime_s: Option<Quantiles>,
    /// GPUs asked for at once.
    pub demand: DemandFigures,
    /// Mean arrivals in each hour of the week, from Monday 00:00 local time; where the trace has no dates, from its
    /// start. Empty when the span is less than a week.
    pub hour_of_week: Vec<f64>,
    /// What the reader had to say.
    pub notices: Vec<String>,
}

/// All figures of a trace.
#[must_use]
pub fn inspect(trace: &Trace) -> Inspection {
    let jobs = &trace.jobs;
    let hours = |j: &super::Job| j.total_milli() as f64 / 1000.0 * j.work.as_hours_f64();
    let count = |f: &dyn Fn(&super::Job) -> bool| jobs.iter().filter(|j| f(j)).count() as u64;
    let secs = |d: Duration| d.as_secs_f64();
    let lifetime = jobs.iter().zip(&trace.waits).map(|(j, w)| secs(j.work + w.unwrap_or(Duration::ZERO)));
    Inspection {
        format: trace.format,
        rows: trace.rows,
        jobs: jobs.len() as u64,
        running_at_start: trace.running_at_start as u64,
        waiting_at_start: trace.waiting_at_start as u64,
        out_of_order: trace.out_of_order,
        open_ended: trace.open_ended,
        origin: trace.origin.map(|o| o.to_string()),
        span_days: trace.span.as_hours_f64() / 24.0,
        cpu_only: count(&|j| j.request.gpus == 0),
        shares: count(&|j| j.request.is_share()),
        gpus_requested: jobs.iter().map(super::Job::total_milli).sum::<u64>() as f64 / 1000.0,
        gpu_hours: jobs.iter().map(hours).sum(),
        by_gpus: grouped(jobs, |j| [u32::from(j.pods) * u32::from(j.request.gpus)], u32::to_string),
        by_ending: grouped(jobs, |j| [j.ending], |e| e.key().to_owned()),
        by_label: grouped(jobs, |j| &trace.label_sets[usize::from(j.labels)], |l| l.to_string()),
        by_devices: if jobs.iter().all(|j| j.accept == 0) {
            Vec::new()
        } else {
            let name = |set: &&Vec<String>| if set.is_empty() { "any".to_owned() } else { set.join("|") };
            grouped(jobs, |j| [&trace.accepts[usize::from(j.accept)]], name)
        },
        arrivals: arrivals(trace),
        duration_s: Quantiles::of(jobs.iter().map(|j| secs(j.work)).collect()),
        wait_s: Quantiles::of(trace.waits.iter().flatten().map(|w| secs(*w)).collect()),
        lifetime_s: Quantiles::of(lifetime.collect()),
        demand: demand(trace),
        hour_of_week: hour_of_week(trace),
        notices: trace.notices.clone(),
    }
}

/// Jobs and GPU-hours by what `keys` says of each job, ascending by it.
fn grouped<'a, K: Ord, I: IntoIterator<Item = K>>(
    jobs: &'a [super::Job],
    keys: impl Fn(&'a super::Job) -> I,
    name: impl Fn(&K) -> String,
) -> Vec<Group> {
    let mut groups: std::collections::BTreeMap<K, (u64, f64)> = std::collections::BTreeMap::new();
    for j in jobs {
        let gpu_hours = j.total_milli() as f64 / 1000.0 * j.work.as_hours_f64();
        for k in keys(j) {
            let g = groups.entry(k).or_default();
            *g = (g.0 + 1, g.1 + gpu_hours);
        }
    }
    groups.iter().map(|(k, (jobs, gpu_hours))| Group { what: name(k), jobs: *jobs, gpu_hours: *gpu_hours }).collect()
}

fn arrivals(trace: &Trace) -> ArrivalFigures {
    let jobs = trace.arriving();
    let mut hourly = vec![0u64; trace.span.0.div_ceil(NANOS_PER_HOUR).max(1) as usize];
    let last = hourly.len() - 1;
    for j in jobs {
        hourly[((j.arrive.0 / NANOS_PER_HOUR) as usize).min(last)] += 1;
    }
    let mut gaps = Moments::new();
    jobs.windows(2).for_each(|w| gaps.add((w[1].arrive - w[0].arrive).as_secs_f64()));
    let mut whole = Moments::new();
    let hours = (trace.span.0 / NANOS_PER_HOUR) as usize;
    hourly.iter().take(hours).for_each(|n| whole.add(*n as f64));
    let over_mean = |m: &Moments| Some(m.variance()? / m.mean().filter(|x| *x > 0.0)?);
    ArrivalFigures {
        jobs: jobs.len() as u64,
        per_hour_mean: if trace.span.0 == 0 { 0.0 } else { jobs.len() as f64 / trace.span.as_hours_f64() },
        per_hour_max: hourly.iter().copied().max().unwrap_or(0),
        gap_cv: gaps.cv(),
        dispersion_hourly: over_mean(&whole),
        hourly,
    }
}

fn demand(trace: &Trace) -> DemandFigures {
    let span = trace.span.0;
    let mut changes: Vec<(u64, i64)> = Vec::with_capacity(trace.jobs.len() * 2);
    for j in trace.jobs.iter().filter(|j| j.work.0 > 0 && j.request.gpus > 0) {
        let milli = j.total_milli() as i64;
        changes.push((j.arrive.0, milli));
        changes.push(((j.arrive + j.work).0, -milli));
    }
    // What ends at a moment leaves before what begins at it.
    changes.sort_unstable();
    let mut hourly = vec![0.0; span.div_ceil(NANOS_PER_HOUR) as usize];
    let mut levels: Vec<(i64, u64)> = Vec::new();
    let (mut at, mut level, mut most) = (0u64, 0i64, 0i64);
    for (t, change) in changes.into_iter().chain([(span, 0)]) {
        let t = t.min(span);
        if t > at {
            levels.push((level, t - at));
            // A long stretch spreads over many hours; the work is bounded by the hours and the changes together.
            let mut from = at;
            while from < t {
                let hour = from / NANOS_PER_HOUR;
                let to = t.min((hour + 1) * NANOS_PER_HOUR);
                hourly[hour as usize] += level as f64 / 1000.0 * (to - from) as f64;
                from = to;
            }
            most = most.max(level);
            at = t;
        }
        level += change;
    }
    for (h, mean) in hourly.iter_mut().enumerate() {
        *mean /= (span - h as u64 * NANOS_PER_HOUR).min(NANOS_PER_HOUR) as f64;
    }
    levels.sort_unstable();
    let total: u128 = levels.iter().map(|(l, t)| *l as u128 * u128::from(*t)).sum();
    let mut upto = 0u128;
    let p95 = levels.iter().find(|(_, t)| {
        upto += u128::from(*t);
        upto * 20 >= u128::from(span) * 19
    });
    DemandFigures {
        mean_gpus: if span == 0 { 0.0 } else { total as f64 / span as f64 / 1000.0 },
        p95_gpus: p95.map_or(0.0, |(l, _)| *l as f64 / 1000.0),
        max_gpus: most as f64 / 1000.0,
        hourly_gpus: hourly,
    }
}

/// Hours from Monday 00:00 to the trace's start.
pub(super) fn week_offset(trace: &Trace) -> f64 {
    trace.origin.map_or(0.0, |o| {
        let midnight = o.date().weekday().to_monday_zero_offset();
        f64::from(midnight) * 24.0 + f64::from(o.hour()) + f64::from(o.minute()) / 60.0 + f64::from(o.second()) / 3600.0
    })
}

/// How much of each hour of the week a span that begins `offset` hours into a week covers, hours.
pub(super) fn exposure(offset: f64, span_hours: f64) -> [f64; 168] {
    let mut out = [(span_hours / 168.0).floor(); 168];
    let (mut at, end) = (offset, offset + span_hours % 168.0);
    while at < end {
        let to = (at.floor() + 1.0).min(end);
        out[at.floor() as usize % 168] += to - at;
        at = to;
    }
    out
}

fn hour_of_week(trace: &Trace) -> Vec<f64> {
    let span = trace.span.as_hours_f64();
    if span < 168.0 {
        return Vec::new();
    }
    let offset = week_offset(trace);
    let mut counts = [0.0f64; 168];
    for j in trace.arriving() {
        counts[(offset + j.arrive.as_secs_f64() / 3600.0) as usize % 168] += 1.0;
    }
    counts.iter().zip(exposure(offset, span)).map(|(n, hours)| n / hours).collect()
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
pub(super) mod tests;
