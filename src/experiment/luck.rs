//! What the replications of a model say together: when its work finishes, whether deadlines hold, what it costs.
//!
//! The replication is the unit: runs of one replication share its luck, so that a workload misses its deadline in a
//! replication when any of its runs does. Quantiles and shares have exact binomial intervals ([`super::exact`]), means
//! Student's t. A run that did not finish within the horizon counts as later than all that did; a mean of times is given
//! only where all finished.

use serde::{Deserialize, Serialize};

use super::exact::{self, Quantile};
use crate::kernel::{Moments, t_interval};
use crate::outcome::{MILLI_NS_PER_GPU_HOUR, Outcome, WorkOutcome};
use crate::scenario::model::Model;
use crate::units::{Activity, Duration, Usd};

/// Confidence of every interval here.
pub const CONFIDENCE: f64 = 0.95;

/// The quantiles given.
pub const QUANTILES: [f64; 4] = [0.1, 0.5, 0.9, 0.99];

/// When all runs of a workload were over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// So many ns after the first of them arrived (or the window began).
    After(u64),
    /// Not within the horizon: later than this many ns.
    Beyond(u64),
    /// Never: one of them failed, was cancelled or could not run.
    Never,
}

/// Whether a workload's runs met their deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// All of them.
    Met,
    /// Not all of them.
    Missed,
    /// The horizon came before the deadline of one that had not finished, or one was cancelled.
    Unknown,
}

/// One replication in brief.
#[derive(Clone, Debug, PartialEq)]
pub struct Rep {
    /// Which.
    pub replication: u32,
    /// The run's fingerprint: runs that agree event for event have the same.
    pub fingerprint: u64,
    /// The bill.
    pub usd: Usd,
    /// By workload, in the scenario's order.
    pub work: Vec<WorkRep>,
}

/// A workload in one replication.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkRep {
    /// What it was charged.
    pub usd: Usd,
    /// When all of its runs were over; none for work that does not keep its progress, that has no jobs, or that has more
    /// runs than an outcome lists.
    pub finish: Option<Finish>,
    /// Whether deadlines were met, where there are any.
    pub kept: Option<Kept>,
    /// Productive time of the time held, 0 to 1; none when it held nothing.
    pub goodput: Option<f64>,
    /// Interruptions.
    pub interruptions: u64,
    /// GPU-hours of progress thrown away.
    pub lost_hours: f64,
}

impl Rep {
    /// In brief what replication `r` of `model` came to.
    #[must_use]
    pub fn of(model: &Model, r: u32, o: &Outcome) -> Rep {
        let work = o.work.iter().enumerate().map(|(i, w)| WorkRep::of(w, deadline(model, i))).collect();
        Rep { replication: r, fingerprint: o.fingerprint, usd: o.bill(), work }
    }

    /// Whether both are the same but for their number.
    fn is_like(&self, other: &Rep) -> bool {
        (self.fingerprint, self.usd, &self.work) == (other.fingerprint, other.usd, &other.work)
    }
}

/// The deadline of a workload's runs, from their arrival.
#[must_use]
pub fn deadline(model: &Model, work: usize) -> Option<Duration> {
    model.work.get(work)?.run.as_deref()?.buying.as_deref()?.deadline
}

impl WorkRep {
    fn of(w: &WorkOutcome, deadline: Option<Duration>) -> WorkRep {
        let held: u128 = w.activity.iter().map(|a| a.0).sum();
        let of = |a: Activity| w.activity.get(a as usize).map_or(0, |v| v.0) as f64;
        let interruptions = w.run.as_ref().map_or(0, |r| r.interruptions.iter().sum());
        WorkRep {
            usd: w.bill.0,
            finish: finish(w),
            kept: deadline.and_then(|_| kept(w)),
            goodput: (held > 0).then(|| of(Activity::Productive) / held as f64),
            interruptions,
            lost_hours: of(Activity::Lost) / MILLI_NS_PER_GPU_HOUR,
        }
    }
}

fn jobs(w: &WorkOutcome) -> u64 {
    w.jobs.arrived + w.jobs.running_at_start + w.jobs.queued_at_start
}

fn finish(w: &WorkOutcome) -> Option<Finish> {
    let (run, n) = (w.run.as_ref()?, jobs(w));
    // Jobs that could never run leave no finish behind.
    if n == 0 || run.finishes.len() as u64 + w.jobs.rejected < n {
        return None;
    }
    let end = run.finishes.iter().map(|f| f.end_ns).max().unwrap_or(0);
    let from = run.finishes.iter().map(|f| f.arrive_ns).min().unwrap_or(0);
    let open = w.jobs.running_at_end + w.jobs.queued_at_end;
    Some(match () {
        () if w.jobs.done == n => Finish::After(end - from),
        () if w.jobs.done + open == n => Finish::Beyond(end - from),
        () => Finish::Never,
    })
}

fn kept(w: &WorkOutcome) -> Option<Kept> {
    let (run, n) = (w.run.as_ref()?, jobs(w));
    // What failed or could not run at all will not be done by then.
    Some(match () {
        () if n == 0 => return None,
        () if run.deadline_missed + w.jobs.failed + w.jobs.rejected > 0 => Kept::Missed,
        () if run.deadline_met == n => Kept::Met,
        () => Kept::Unknown,
    })
}

/// A mean with its t interval; no interval from fewer than two values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Mean {
    pub(super) fn of(values: &[f64]) -> Option<Mean> {
        let mean = values.iter().copied().collect::<Moments>().mean()?;
        let i = t_interval(values, CONFIDENCE).ok();
        Some(Mean { mean, low: i.map(|i| i.low), high: i.map(|i| i.high) })
    }
}

/// Mean and quantiles of values that are all known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The mean.
    pub mean: Mean,
    /// At [`QUANTILES`].
    pub quantiles: Vec<Quantile>,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Spread> {
        let mean = Mean::of(&values)?;
        values.sort_by(f64::total_cmp);
        Some(Spread { mean, quantiles: quantiles(&values, 0) })
    }

    /// The quantile of `p`, one of [`QUANTILES`].
    #[must_use]
    pub fn at(&self, p: f64) -> Option<&Quantile> {
        self.quantiles.iter().find(|q| q.p == p)
    }
}

fn quantiles(sorted: &[f64], beyond: usize) -> Vec<Quantile> {
    QUANTILES.iter().map(|p| exact::quantile(sorted, beyond, *p, CONFIDENCE)).collect()
}

/// Times from the first arrival to the last finish of a workload, seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Makespan {
    /// Replications in which all of its runs finished.
    pub finished: u32,
    /// Replications that the horizon cut off before that.
    pub beyond: u32,
    /// Replications in which one failed, was cancelled or could not run.
    pub never: u32,
    /// The mean; none unless all finished.
    pub mean: Option<Mean>,
    /// At [`QUANTILES`]; those above the finished share are beyond.
    pub quantiles: Vec<Quantile>,
}

impl Makespan {
    fn of(finishes: &[Finish]) -> Option<Makespan> {
        let mut times: Vec<f64> = Vec::with_capacity(finishes.len());
        let (mut beyond, mut never) = (0, 0);
        for f in finishes {
            match f {
                Finish::After(ns) => times.push(*ns as f64 / 1e9),
                Finish::Beyond(_) => beyond += 1,
                Finish::Never => never += 1,
            }
        }
        let mean = (times.len() == finishes.len()).then(|| Mean::of(&times)).flatten();
        times.sort_by(f64::total_cmp);
        let quantiles = quantiles(&times, finishes.len() - times.len());
        (!finishes.is_empty()).then_some(Makespan { finished: times.len() as u32, beyond, never, mean, quantiles })
    }

    /// The quantile of `p`, one of [`QUANTILES`].
    #[must_use]
    pub fn at(&self, p: f64) -> Option<&Quantile> {
        self.quantiles.iter().find(|q| q.p == p)
    }
}

/// In how many replications a workload misses its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Misses {
    /// The deadline, seconds from a run's arrival.
    pub deadline_s: f64,
    /// Replications in which a run missed it.
    pub missed: u32,
    /// Replications in which all met it.
    pub met: u32,
    /// Replications that were over before it was known.
    pub unknown: u32,
    /// The share that misses it, were all that is unknown to meet it.
    pub least: f64,
    /// The share that misses it, were all that is unknown to miss it.
    pub most: f64,
    /// Lower end of the interval of `least`.
    pub low: f64,
    /// Upper end of the interval of `most`.
    pub high: f64,
}

impl Misses {
    fn of(deadline: Duration, all: &[Kept]) -> Option<Misses> {
        let count = |k: Kept| all.iter().filter(|a| **a == k).count();
        let (missed, unknown, n) = (count(Kept::Missed), count(Kept::Unknown), all.len());
        (n > 0).then(|| Misses {
            deadline_s: deadline.as_secs_f64(),
            missed: missed as u32,
            met: count(Kept::Met) as u32,
            unknown: unknown as u32,
            least: missed as f64 / n as f64,
            most: (missed + unknown) as f64 / n as f64,
            low: exact::share(missed, n, CONFIDENCE).0,
            high: exact::share(missed + unknown, n, CONFIDENCE).1,
        })
    }
}

/// What the replications of a model say together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Luck {
    /// How many replications.
    pub n: u32,
    /// How many were wanted: more than `n` where the runs were stopped.
    pub wanted: u32,
    /// The seed of all of them.
    pub seed: u64,
    /// Of every interval.
    pub confidence: f64,
    /// Whether all of two or more replications are the same, event for event and cent for cent: nothing random was drawn,
    /// or nothing that matters, and an interval of no width says nothing of luck.
    #[serde(default)]
    pub alike: bool,
    /// The bill, USD.
    pub cost: Option<Spread>,
    /// By workload, in the scenario's order.
    pub work: Vec<WorkLuck>,
}

/// What the replications say of a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkLuck {
    /// Its name.
    pub name: String,
    /// What it was charged, USD.
    pub cost: Option<Spread>,
    /// How long it took; none for work that does not keep its progress.
    pub makespan: Option<Makespan>,
    /// Deadlines, where it has one.
    pub deadline: Option<Misses>,
    /// Productive time of the time held, 0 to 1, over the replications in which it held any.
    pub goodput: Option<Spread>,
    /// Interruptions.
    pub interruptions: Option<Spread>,
    /// GPU-hours of progress thrown away.
    pub lost_hours: Option<Spread>,
}

impl Luck {
    /// From the replications of a model; `wanted` is how many there should be.
    #[must_use]
    pub fn of(model: &Model, seed: u64, wanted: u32, reps: &[Rep]) -> Luck {
        let work = model.work.iter().enumerate().map(|(i, w)| {
            let rows = || reps.iter().filter_map(|r| r.work.get(i));
            let finishes: Vec<Finish> = rows().filter_map(|r| r.finish).collect();
            let kept: Vec<Kept> = rows().filter_map(|r| r.kept).collect();
            let keeps = w.run.is_some();
            WorkLuck {
                name: w.name.clone(),
                cost: Spread::of(rows().map(|r| r.usd.to_f64()).collect()),
                // Where some replication has no finish of its own, the others alone would be a selection.
                makespan: (finishes.len() == reps.len()).then(|| Makespan::of(&finishes)).flatten(),
                deadline: deadline(model, i).and_then(|d| Misses::of(d, &kept)),
                goodput: Spread::of(rows().filter_map(|r| r.goodput).collect()),
                interruptions: keeps.then(|| Spread::of(rows().map(|r| r.interruptions as f64).collect())).flatten(),
                lost_hours: keeps.then(|| Spread::of(rows().map(|r| r.lost_hours).collect())).flatten(),
            }
        });
        Luck {
            n: reps.len() as u32,
            wanted,
            seed,
            confidence: CONFIDENCE,
            alike: reps.len() > 1 && reps.windows(2).all(|w| w[0].is_like(&w[1])),
            cost: Spread::of(reps.iter().map(|r| r.usd.to_f64()).collect()),
            work: work.collect(),
        }
    }
}

/// A scenario or one of its variants, with its replications.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The variant's name; none for the scenario itself.
    pub variant: Option<String>,
    /// Its replications in brief.
    pub reps: Vec<Rep>,
    /// What they say together.
    pub luck: Luck,
}

impl Candidate {
    /// From the replications of a model.
    #[must_use]
    pub fn of(model: &Model, seed: u64, wanted: u32, reps: Vec<Rep>) -> Candidate {
        Candidate { variant: model.variant.clone(), luck: Luck::of(model, seed, wanted, &reps), reps }
    }

    /// The variant's name, or `today`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.variant.as_deref().unwrap_or("today")
    }
}

#[cfg(test)]
#[path = "luck_tests.rs"]
mod tests;
