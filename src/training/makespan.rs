//! How long a run takes in the mean, with checkpoints and interruptions: closed forms.
//!
//! Interruptions are exponential with mean `M` and also strike during recovery, which takes a downtime `D` that cannot
//! be interrupted and then a restart `R` that can (and begins again with `D` when it is). All is in one unit of time,
//! whichever the caller keeps to.
//!
//! Everything follows from the **segment law**: the mean time to get `s` uninterrupted units of work is
//! `e^{R/M}·(M+D)·(e^{s/M} − 1)` ([`Faults::segment`]). A checkpoint that stalls the job is part of its segment; one
//! that becomes durable in the background, `w` later, puts the segment before it at risk for that long.
//!
//! The forms are the oracle of the simulator's checkpoint tests (`verify checkpoint`). Source of the law and of
//! [`daly_form`]: Daly 2006 (see [`super::interval`]), equation for the total wall time, with a downtime added.

use super::impossible::{Impossible, mean_time, not_negative, positive, share};
use super::interval::no_overlap;

/// What interrupts a run, and what coming back from it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    mtbf: f64,
    restart: f64,
    downtime: f64,
}

/// The mean of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Makespan {
    /// Mean time from start to end.
    pub mean: f64,
    /// Mean number of interruptions, those during recovery included; each is followed by one downtime.
    pub interruptions: f64,
}

impl Makespan {
    /// Node-time held by a gang of `nodes` that gives its nodes back for `released` of every downtime (the wait for
    /// capacity); times the price of a node it is what the run costs.
    ///
    /// # Errors
    /// [`Impossible::Quantity`] for a negative or non-finite `released`. It is the caller's to keep it within the
    /// downtime.
    pub fn node_time(&self, nodes: u32, released: f64) -> Result<f64, Impossible> {
        not_negative("time without nodes", released)?;
        Ok(f64::from(nodes) * (self.mean - self.interruptions * released).max(0.0))
    }
}

impl Faults {
    /// A mean time between interruptions (infinity for none), an interruptible restart and a downtime before it that is
    /// not; where the downtime is random, its mean.
    ///
    /// # Errors
    /// [`Impossible::Quantity`] unless the first is above zero and the others zero or more and finite.
    pub fn new(mtbf: f64, restart: f64, downtime: f64) -> Result<Faults, Impossible> {
        mean_time("mean time between interruptions", mtbf)?;
        not_negative("restart", restart)?;
        not_negative("downtime", downtime)?;
        Ok(Faults { mtbf, restart, downtime })
    }

    /// The same for a gang that stops when any of its `nodes` does: `M = M_node / n`.
    ///
    /// # Errors
    /// As [`Faults::new`], and for a gang of none.
    pub fn of_gang(node_mtbf: f64, nodes: u32, restart: f64, downtime: f64) -> Result<Faults, Impossible> {
        positive("number of nodes", f64::from(nodes))?;
        Faults::new(node_mtbf / f64::from(nodes), restart, downtime)
    }

    /// The mean time between interruptions.
    #[must_use]
    pub fn mtbf(&self) -> f64 {
        self.mtbf
    }

    /// The mean time from an interruption until work goes on: `D·e^{R/M} + M·(e^{R/M} − 1)`.
    #[must_use]
    pub fn recovery(&self) -> f64 {
        if self.mtbf.is_infinite() {
            return self.downtime + self.restart;
        }
        let r = self.restart / self.mtbf;
        self.downtime * r.exp() + self.mtbf * r.exp_m1()
    }

    /// The segment law: the mean time to get `s` uninterrupted units, beginning at work.
    #[must_use]
    pub fn segment(&self, s: f64) -> f64 {
        if self.mtbf.is_infinite() { s } else { self.scale() * (s / self.mtbf).exp_m1() }
    }

    /// `e^{R/M}·(M+D)`, the factor before every exponential.
    fn scale(&self) -> f64 {
        (self.restart / self.mtbf).exp() * (self.mtbf + self.downtime)
    }

    /// `e^{w/M} − 1`.
    fn exposure(&self, w: f64) -> f64 {
        if self.mtbf.is_infinite() { 0.0 } else { (w / self.mtbf).exp_m1() }
    }

    /// A finite mean with its interruptions. While the job is up they come at a rate of 1/M (Wald), so that
    /// `mean = up + N·D` and `N = up/M` give `N = mean/(M+D)`.
    fn makespan(&self, mean: f64, segment: f64) -> Result<Makespan, Impossible> {
        if mean.is_finite() {
            Ok(Makespan { mean, interruptions: mean / (self.mtbf + self.downtime) })
        } else {
            Err(Impossible::NeverEnds { segment, mtbf: self.mtbf })
        }
    }
}

/// Daly's form: `W/τ` segments, a fraction of one counted as that fraction and the last one checkpointed too. Smooth in
/// `τ`, so it is the one to look for an optimum in; a run has [`des_form`]'s mean.
///
/// # Errors
/// [`Impossible::Quantity`] unless work and stall are zero or more and the interval above zero;
/// [`Impossible::NeverEnds`] when the mean is beyond any number.
pub fn daly_form(faults: &Faults, work: f64, interval: f64, stall: f64) -> Result<Makespan, Impossible> {
    checked(work, interval, stall)?;
    faults.makespan(work / interval * faults.segment(interval + stall), interval + stall)
}

/// What a run does: `n = ⌈W/τ⌉` segments, the last of what work remains and without a checkpoint after it.
///
/// # Errors
/// As [`daly_form`].
pub fn des_form(faults: &Faults, work: f64, interval: f64, stall: f64) -> Result<Makespan, Impossible> {
    checked(work, interval, stall)?;
    let (n, last) = segments(work, interval);
    if n == 0.0 {
        return faults.makespan(0.0, 0.0);
    }
    let full = if n > 1.0 { (n - 1.0) * faults.segment(interval + stall) } else { 0.0 };
    faults.makespan(full + faults.segment(last), interval + stall)
}

/// Asynchronous checkpoints: the job stalls `block` for a snapshot, which is durable `persist` after work has gone on.
/// An interruption before that loses the segment before it too. Exact.
///
/// With `s = τ + block`, `G` the segment law and `B_k` the mean time left at the start of segment `k` while the
/// checkpoint before it is in flight, conditioning on the first interruption gives
/// `B_k = B_{k+1} + G(s_k) + (e^{min(w, s_k)/M} − 1)·G(s_{k−1})`: a checkpoint in flight costs the segment behind it the
/// chance of an interruption within `w`. The sum over all segments is a closed form. A test holds it to the recursion.
///
/// A snapshot waits until the one before it is durable ([`no_overlap`]); the interval used is in the answer.
///
/// # Errors
/// As [`daly_form`], for all four.
pub fn asynchronous(
    faults: &Faults,
    work: f64,
    interval: f64,
    block: f64,
    persist: f64,
) -> Result<(Makespan, f64), Impossible> {
    checked(work, interval, block)?;
    let interval = no_overlap(interval, block, persist)?;
    let s = interval + block;
    let (n, last) = segments(work, interval);
    let mean = if n == 0.0 {
        0.0
    } else if n == 1.0 {
        faults.segment(last)
    } else {
        // Segments 2..n each begin with a checkpoint in flight; the last may end before that is durable.
        (n - 1.0 + (n - 2.0) * faults.exposure(persist) + faults.exposure(persist.min(last))) * faults.segment(s)
            + faults.segment(last)
    };
    Ok((faults.makespan(mean, s + persist)?, interval))
}

/// No periodic checkpoint, and one on every notice that always succeeds, taking `write`: `W·(1 + (write + E_rec)/M)`.
///
/// # Errors
/// As [`daly_form`].
pub fn on_notice(faults: &Faults, work: f64, write: f64) -> Result<Makespan, Impossible> {
    not_negative("amount of work", work)?;
    not_negative("checkpoint written on notice", write)?;
    if faults.mtbf.is_infinite() {
        return Ok(Makespan { mean: work, interruptions: 0.0 });
    }
    // Interruptions of work, and of the recoveries from them.
    let interruptions = work / faults.mtbf * (faults.restart / faults.mtbf).exp();
    let mean = work * (1.0 + (write + faults.recovery()) / faults.mtbf);
    if mean.is_finite() {
        Ok(Makespan { mean, interruptions })
    } else {
        Err(Impossible::NeverEnds { segment: faults.restart, mtbf: faults.mtbf })
    }
}

/// How checkpoints are taken, for [`waste`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Checkpoints {
    /// The job stalls until the checkpoint is durable.
    Sync {
        /// For how long.
        stall: f64,
    },
    /// The job stalls for a snapshot, which becomes durable behind it.
    Async {
        /// How long it stalls.
        block: f64,
        /// How long after that the checkpoint is durable.
        persist: f64,
    },
}

/// The share of time that is wasted, to first order, for charts over the interval: `δ/τ + (1−q)(τ/2 + w)/M + (R+D)/M`,
/// `q` the chance that a checkpoint on notice succeeds (0 without one). It means something only while it is well below 1.
///
/// # Errors
/// [`Impossible::Quantity`].
pub fn waste(faults: &Faults, interval: f64, how: Checkpoints, on_notice: f64) -> Result<f64, Impossible> {
    let q = share("chance that a checkpoint on notice succeeds", on_notice)?;
    let (stall, persist) = match how {
        Checkpoints::Sync { stall } => (stall, 0.0),
        Checkpoints::Async { block, persist } => (block, persist),
    };
    checked(0.0, interval, stall)?;
    let interval = no_overlap(interval, stall, persist)?;
    let at_risk = interval / 2.0 + persist;
    Ok(stall / interval + ((1.0 - q) * at_risk + faults.restart + faults.downtime) / faults.mtbf)
}

fn checked(work: f64, interval: f64, stall: f64) -> Result<(), Impossible> {
    not_negative("amount of work", work)?;
    positive("checkpoint interval", interval)?;
    not_negative("checkpoint stall", stall)?;
    Ok(())
}

/// How many segments and how long the last is, in (0, τ]; none for no work. A work that is a whole number of intervals
/// but for rounding has that number.
fn segments(work: f64, interval: f64) -> (f64, f64) {
    if work == 0.0 {
        return (0.0, 0.0);
    }
    let exact = work / interval;
    let whole = exact.round();
    let n = if whole >= 1.0 && (exact - whole).abs() <= 4.0 * f64::EPSILON * whole { whole } else { exact.ceil() };
    (n, (work - (n - 1.0) * interval).clamp(0.0, interval))
}

#[cfg(test)]
#[path = "makespan_tests.rs"]
mod tests;
