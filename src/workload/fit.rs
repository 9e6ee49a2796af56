//! From a trace to the parameters of a synthetic workload like it.
//!
//! What is kept: the mean rate, the weekly shape (when the trace is at least two weeks long), the variability of the
//! gaps after the shape is taken out, and each attribute's own distribution. What is not: attributes that go together
//! (large jobs that are long), trends, and who submitted after whom. Jobs that run or wait at the start shape no rate.

use serde::Serialize;

use super::inspect::{exposure, week_offset};
use super::job::{Ending, Job};
use super::synth::{Amount, Arrivals, Endings, Mix, MixError, Pattern, Shape, Spec};
use super::trace::Trace;
use crate::kernel::dist::{fit_hyperexp, fit_lognormal, fit_weibull};
use crate::kernel::{Dist, Moments, stats};
use crate::units::{Label, Name};

/// A family that was tried on the durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Its logarithm is normal.
    Lognormal,
    /// A power of an exponential.
    Weibull,
    /// Two exponentials with balanced means.
    Hyperexp,
    /// A table of quantiles with straight lines between them.
    Quantiles,
}

/// A law fitted to the durations, seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its family.
    pub family: Family,
    /// The law.
    pub dist: Dist,
    /// Its Kolmogorov–Smirnov distance from the durations.
    pub ks: f64,
    /// Its mean over the durations' mean: what the fit makes of the GPU-hours.
    pub mean_ratio: f64,
}

/// The parameters of a synthetic workload like a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// Jobs that it was fitted to.
    pub jobs: u64,
    /// Mean arrivals an hour.
    pub per_hour: f64,
    /// Coefficient of variation of the gaps, on a clock that runs with the weekly shape.
    pub cv: f64,
    /// Arrivals in each hour of the week from Monday 00:00 over their mean; `None` when the trace is too short, or too
    /// thin for 168 numbers to mean anything.
    pub week: Option<Vec<f64>>,
    /// The law of the durations of jobs that complete, seconds: see [`fit`].
    pub length: Candidate,
    /// All that were tried, nearest first.
    pub tried: Vec<Candidate>,
    /// Jobs of zero length, which no law was fitted to.
    pub zero_length: u64,
    /// Median and 95th percentile of the same durations, seconds.
    pub median_p95_s: (f64, f64),
    /// GPUs of whole jobs and how many jobs have them, ascending.
    pub gpus: Vec<(u32, f64)>,
    /// Thousandths of a GPU and how many jobs of one GPU ask for them, ascending; empty when all ask for whole ones.
    pub shares: Vec<(u16, f64)>,
    /// Median CPU per GPU, thousandths of a core, and per pod without GPUs.
    pub cpu_milli: Amount,
    /// Median memory per GPU, MiB, and per pod without GPUs.
    pub mem_mib: Amount,
    /// Label sets and how many jobs have them, most first.
    pub labels: Vec<(Vec<Label>, f64)>,
    /// Accepted devices and how many jobs name them, most first.
    pub accepts: Vec<(Vec<String>, f64)>,
    /// Priorities and how many jobs have them, ascending.
    pub priorities: Vec<(i32, f64)>,
    /// Share of jobs that fail, and the mean of their length over the mean of those that complete.
    pub fails: (f64, f64),
    /// Likewise for jobs that are cancelled.
    pub cancelled: (f64, f64),
    /// What to know about the fit.
    pub notes: Vec<String>,
}

/// Why nothing can be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// A rate needs a few gaps.
    #[error("a fit needs at least {needs} jobs that arrive in the window, found {found}")]
    TooFew {
        /// The least.
        needs: usize,
        /// What there were.
        found: usize,
    },
    /// All jobs arrive at once.
    #[error("all jobs arrive at the same moment: there is no rate to fit")]
    NoSpan,
    /// All jobs have zero length.
    #[error("all jobs have zero length: there are no durations to fit")]
    NoLength,
    /// Parameters came out that a workload cannot have.
    #[error("the fit does not make a workload: {0}")]
    Mix(#[from] MixError),
}

const NEEDS: usize = 10;
/// A family of two or three parameters within this distance is taken before a table that follows every wiggle.
const PLAIN_ENOUGH: f64 = 0.03;
/// The arrivals an hour of the week needs, on average, for a weekly shape.
const SHAPE_NEEDS: usize = 10;

/// Fits the parameters of a synthetic workload to a trace.
///
/// Durations are those of jobs that complete; the others' lengths are these times a factor (all jobs together, and no
/// factor, when fewer than ten complete). Log-normal and Weibull by greatest likelihood, the hyper-exponential by two moments, and a table of
/// quantiles. The one with the smallest Kolmogorov–Smirnov distance is taken; the table, which is near by construction,
/// only when no family comes within 0.03.
///
/// # Errors
/// [`FitError`]: fewer than ten arrivals, all at one moment, or none with a length.
pub fn fit(trace: &Trace) -> Result<Fitted, FitError> {
    let jobs = trace.arriving();
    if jobs.len() < NEEDS {
        return Err(FitError::TooFew { needs: NEEDS, found: jobs.len() });
    }
    if trace.span.0 == 0 || jobs[0].arrive == jobs[jobs.len() - 1].arrive {
        return Err(FitError::NoSpan);
    }
    let n = jobs.len() as f64;
    let mut notes = Vec::new();
    let per_hour = n / trace.span.as_hours_f64();
    let week = week(trace);
    if week.is_none() {
        notes.push(format!(
            "no weekly shape: that takes two weeks and {} arrivals an hour of the week, this trace has {:.1} days and {:.1}",
            SHAPE_NEEDS,
            trace.span.as_hours_f64() / 24.0,
            n / 168.0
        ));
    }
    let cv = gap_cv(trace, week.as_deref());
    let whole = |j: &&Job| j.ending == Ending::Completes;
    let by_ending = jobs.iter().filter(whole).count() >= NEEDS;
    let secs: Vec<f64> = jobs.iter().filter(|j| !by_ending || whole(j)).map(|j| j.work.as_secs_f64()).collect();
    let positive: Vec<f64> = secs.iter().copied().filter(|s| *s > 0.0).collect();
    let zero_length = (secs.len() - positive.len()) as u64;
    if zero_length > 0 {
        notes.push(format!("{zero_length} jobs of zero length are left out of the law of durations"));
    }
    let tried = lengths(positive);
    let best = tried.iter().find(|c| c.family != Family::Quantiles);
    let length = best.filter(|c| c.ks <= PLAIN_ENOUGH).or(tried.first()).cloned().ok_or(FitError::NoLength)?;
    if let Some(plain) = best.filter(|_| length.family == Family::Quantiles) {
        notes.push(format!(
            "no family comes within {PLAIN_ENOUGH}: the nearest is the {:?} at {:.3}",
            plain.family, plain.ks
        ));
    }
    let mut sorted = secs;
    sorted.sort_by(f64::total_cmp);
    let q = |p| stats::quantile(&sorted, p).unwrap_or(0.0);
    let single: Vec<&Job> = jobs.iter().filter(|j| j.request.gpus == 1 && j.pods == 1).collect();
    let shares = if single.iter().any(|j| j.request.is_share()) {
        tally(single.iter().map(|j| j.request.gpu_milli))
    } else {
        Vec::new()
    };
    let by_weight = |mut list: Vec<(u16, f64)>| {
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        list
    };
    let labels = by_weight(tally(jobs.iter().map(|j| j.labels)));
    let accepts = by_weight(tally(jobs.iter().map(|j| j.accept)));
    Ok(Fitted {
        jobs: jobs.len() as u64,
        per_hour,
        cv,
        week,
        length,
        tried,
        zero_length,
        median_p95_s: (q(0.5), q(0.95)),
        gpus: tally(jobs.iter().map(|j| u32::from(j.pods) * u32::from(j.request.gpus))),
        shares,
        cpu_milli: amount(jobs, |j| j.request.cpu_milli),
        mem_mib: amount(jobs, |j| j.request.mem_mib),
        labels: labels.into_iter().map(|(i, w)| (trace.label_sets[usize::from(i)].clone(), w)).collect(),
        accepts: accepts.into_iter().map(|(i, w)| (trace.accepts[usize::from(i)].clone(), w)).collect(),
        priorities: tally(jobs.iter().map(|j| j.priority)),
        fails: ending(jobs, Ending::Fails, by_ending),
        cancelled: ending(jobs, Ending::Cancelled, by_ending),
        notes,
    })
}

impl Fitted {
    /// The synthetic workload, for nodes of `per_node` GPUs.
    ///
    /// # Errors
    /// When the tallies of a hand-made value make no mix.
    pub fn spec(&self, name: Name, per_node: u8) -> Result<Spec, FitError> {
        let shape = self.week.as_ref().and_then(|w| Shape::hourly(w).ok());
        let arrivals = Arrivals {
            pattern: Pattern::Renewal { per_hour: self.per_hour, cv: self.cv },
            shape,
            ..Arrivals::default()
        };
        let factor = |(share, ratio): (f64, f64)| {
            if share > 0.0 && ratio > 0.0 { Dist::constant(ratio).ok() } else { None }
        };
        Ok(Spec {
            gpus: Mix::new(self.gpus.iter().copied())?,
            gpus_per_node: per_node,
            shares: if self.shares.is_empty() { None } else { Some(Mix::new(self.shares.iter().copied())?) },
            cpu_milli: self.cpu_milli,
            mem_mib: self.mem_mib,
            labels: vec![Mix::new(self.labels.iter().cloned())?],
            accept: Mix::new(self.accepts.iter().cloned())?,
            priority: Mix::new(self.priorities.iter().copied())?,
            endings: Endings {
                fails: self.fails.0,
                cancelled: self.cancelled.0,
                failed_length: factor(self.fails),
                cancelled_length: factor(self.cancelled),
            },
            ..Spec::new(name, arrivals, self.length.dist.clone())
        })
    }
}

/// Values and how often they occur, ascending.
fn tally<T: Ord>(values: impl Iterator<Item = T>) -> Vec<(T, f64)> {
    let mut counts: std::collections::BTreeMap<T, f64> = std::collections::BTreeMap::new();
    for v in values {
        *counts.entry(v).or_default() += 1.0;
    }
    counts.into_iter().collect()
}

fn week(trace: &Trace) -> Option<Vec<f64>> {
    let (jobs, span) = (trace.arriving(), trace.span.as_hours_f64());
    if span < 336.0 || jobs.len() < 168 * SHAPE_NEEDS {
        return None;
    }
    let offset = week_offset(trace);
    let mut hours = [0.0; 168];
    for j in jobs {
        hours[(offset + j.arrive.as_secs_f64() / 3600.0) as usize % 168] += 1.0;
    }
    let rates: Vec<f64> = hours.iter().zip(exposure(offset, span)).map(|(n, h)| n / h).collect();
    let mean = rates.iter().sum::<f64>() / 168.0;
    Some(rates.iter().map(|r| r / mean).collect())
}

/// The CV of the gaps between arrivals, each gap measured as the integral of the weekly shape over it.
fn gap_cv(trace: &Trace, week: Option<&[f64]>) -> f64 {
    let offset = week_offset(trace);
    let mut upto = vec![0.0];
    if let Some(w) = week {
        w.iter().for_each(|x| upto.push(upto[upto.len() - 1] + x));
    }
    let own = |hours: f64| match week {
        None => hours,
        Some(w) => {
            let at = offset + hours;
            let (weeks, rest) = ((at / 168.0).floor(), at.rem_euclid(168.0));
            let h = (rest as usize).min(167);
            weeks * upto[168] + upto[h] + w[h] * (rest - h as f64)
        }
    };
    let times = trace.arriving().iter().map(|j| own(j.arrive.as_secs_f64() / 3600.0));
    let gaps: Moments = times.clone().zip(times.skip(1)).map(|(a, b)| b - a).collect();
    gaps.cv().unwrap_or(1.0)
}

/// The probabilities of the table: closer together in the tail, which holds most of the GPU-hours.
const POINTS: [f64; 25] = [
    0.0, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975,
    0.99, 0.995, 0.999, 0.9995, 1.0,
];

/// Every family that can be fitted, nearest first.
fn lengths(mut values: Vec<f64>) -> Vec<Candidate> {
    values.sort_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let candidate = |family, dist: Dist, ks| Candidate { family, mean_ratio: dist.mean() / mean, ks, dist };
    let mut out: Vec<Candidate> = [
        (Family::Lognormal, fit_lognormal(&values)),
        (Family::Weibull, fit_weibull(&values)),
        (Family::Hyperexp, fit_hyperexp(&values)),
    ]
    .into_iter()
    .filter_map(|(family, f)| f.ok().map(|f| candidate(family, f.dist, f.ks)))
    .collect();
    let table: Option<Vec<(f64, f64)>> = POINTS.iter().map(|p| stats::quantile(&values, *p).map(|v| (*p, v))).collect();
    if let Some(dist) = table.and_then(|t| Dist::quantiles(&t).ok()) {
        let ks = stats::ks_distance(&values, |x| dist.cdf(x));
        out.push(candidate(Family::Quantiles, dist, ks));
    }
    out.sort_by(|a, b| a.ks.total_cmp(&b.ks));
    out
}

/// Medians: of what pods without GPUs ask for, and of what others ask for per GPU.
fn amount(jobs: &[Job], of: impl Fn(&Job) -> u32) -> Amount {
    let median = |mut v: Vec<f64>| {
        v.sort_by(f64::total_cmp);
        stats::quantile(&v, 0.5).unwrap_or(0.0).round() as u32
    };
    let (cpu_only, gpu): (Vec<&Job>, Vec<&Job>) = jobs.iter().partition(|j| j.request.gpus == 0);
    let per = |j: &&Job| f64::from(of(j)) * 1000.0 / f64::from(j.request.total_milli().max(1));
    Amount {
        cpu_only: median(cpu_only.iter().map(|j| f64::from(of(j))).collect()),
        per_pod: 0,
        per_gpu: median(gpu.iter().map(per).collect()),
    }
}

/// The share of jobs with an ending, and their mean length over that of the jobs that complete (1 without either).
fn ending(jobs: &[Job], which: Ending, by_ending: bool) -> (f64, f64) {
    let mean = |e: Ending| {
        let m: Moments = jobs.iter().filter(|j| j.ending == e).map(|j| j.work.as_secs_f64()).collect();
        (m.count() as f64, m.mean().unwrap_or(0.0))
    };
    let ((n, length), (_, whole)) = (mean(which), mean(Ending::Completes));
    (n / jobs.len() as f64, if by_ending && n > 0.0 && whole > 0.0 { length / whole } else { 1.0 })
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
