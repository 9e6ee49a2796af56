//! What a formula says of a run whose circumstances are those of the formula: one job, alike nodes that fail at a constant
//! rate, checkpoints at a constant pace.

use crate::fleet::PoolId;
use crate::kernel::Dist;
use crate::market::Lifetime;
use crate::scenario::model::{Model, Pool, Run, Source};
use crate::training::interval::Rule;
use crate::training::makespan::{Faults, asynchronous, des_form};
use crate::training::progress::Keeping;
use crate::training::restart::Stage;

/// A run in terms of the formulas; seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closed {
    /// Compute between two checkpoints.
    pub interval: f64,
    /// Stall of a checkpoint.
    pub stall: f64,
    /// From its stall until it is durable; 0 when synchronous.
    pub persist: f64,
    /// Mean time between interruptions of the job.
    pub mtbf: f64,
    /// What the mean time to the end rests on besides, where all of it is known.
    pub rest: Option<Rest>,
}

/// What the mean time to the end rests on besides the pace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rest {
    /// Wall-clock compute.
    pub work: f64,
    /// Setting up at the first start.
    pub first: f64,
    /// Setting up again, interruptible.
    pub restart: f64,
    /// Repair before it, not interruptible; its mean.
    pub downtime: f64,
}

impl Closed {
    /// The formulas' terms for a workload of a model. None where the formulas do not speak of it: no checkpoints, more
    /// than one job, pools that differ in their losses, losses that are not memoryless, shocks, replayed markets, saves on
    /// notice, copies at peers, a store that others write to. `rest` is none where in addition the capacity that a run comes back on is
    /// not simply its own repaired nodes.
    #[must_use]
    pub fn of(model: &Model, work: usize) -> Option<Closed> {
        let w = model.work.get(work)?;
        let run = w.run.as_deref()?;
        let Source::Jobs(jobs) = &w.source else { return None };
        let [job] = &jobs[..] else { return None };
        let (c, pace) = (&run.checkpoint, run.checkpoint.pace);
        if pace.keeping != Keeping::Checkpoints || pace.interval.0 == 0 || pace.slow_ppm > 0 {
            return None;
        }
        if c.on_notice.is_some() || c.peers.is_some() || !model.shocks.is_empty() {
            return None;
        }
        // A store is nobody else's where there is no other work.
        if c.store.is_some() && model.work.len() > 1 {
            return None;
        }
        let pools: Vec<(usize, &Pool)> = model
            .pools
            .iter()
            .enumerate()
            .filter(|(i, _)| w.tiers.iter().any(|t| t.pools.has(PoolId(*i as u16))))
            .collect();
        let rate = loss_rate(pools.first()?.1)?;
        if rate <= 0.0 || pools.iter().any(|(_, p)| loss_rate(p) != Some(rate)) {
            return None;
        }
        let rest = match &pools[..] {
            [(i, pool)] if model.work.len() == 1 && own_nodes(model, job.pods) => {
                rest(run, pool, job.work.at_speed(w.speed[*i]).as_secs_f64())
            }
            _ => None,
        };
        Some(Closed {
            interval: pace.interval.as_secs_f64(),
            stall: pace.stall.as_secs_f64(),
            persist: pace.persist.as_secs_f64(),
            mtbf: 3_600.0 / (rate * f64::from(job.pods)),
            rest,
        })
    }

    /// The interval that a rule gives, seconds.
    #[must_use]
    pub fn optimum(&self, rule: Rule) -> Option<f64> {
        rule.interval(self.stall, self.mtbf).ok()
    }

    /// The mean time from start to end at an interval, both in seconds; the form of a run as it goes, with whole segments.
    #[must_use]
    pub fn mean(&self, interval: f64) -> Option<f64> {
        let r = self.rest?;
        let faults = Faults::new(self.mtbf, r.restart, r.downtime).ok()?;
        let (mean, every) = if self.persist > 0.0 {
            let (m, every) = asynchronous(&faults, r.work, interval, self.stall, self.persist).ok()?;
            (m.mean, every)
        } else {
            (des_form(&faults, r.work, interval, self.stall).ok()?.mean, interval)
        };
        if r.first == 0.0 {
            return Some(mean);
        }
        // The first segment begins with setting up. Interrupted in it or in the segment, the run begins that again after a
        // downtime, as `segment` has it; not interrupted, both are done.
        let s = if r.work > every { every + self.stall } else { r.work };
        let again = Faults::new(self.mtbf, 0.0, r.downtime).ok()?.segment(r.restart + s);
        let strikes = -(-(r.first + s) / self.mtbf).exp_m1();
        Some(mean - faults.segment(s) + strikes * (self.mtbf + r.downtime + again))
    }
}

/// Losses of a node an hour where they are memoryless.
fn loss_rate(pool: &Pool) -> Option<f64> {
    let s = pool.supply.as_deref()?;
    if !s.replays.is_empty() {
        return None;
    }
    let mut rate = 0.0;
    for (law, _) in &s.lifetimes {
        match law {
            Lifetime::Law(Dist::Exponential(_)) => rate += 1.0 / law.mean_hours()?,
            _ => return None,
        }
    }
    Some(rate + s.hardware.as_ref().map_or(0.0, crate::market::Hardware::rate))
}

/// Whether the job's nodes are all there are.
fn own_nodes(model: &Model, pods: u16) -> bool {
    model.nodes.len() == usize::from(pods) && model.changes.is_empty()
}

/// Whatever a mean needs, where nodes come back repaired and set-up takes a fixed time.
fn rest(run: &Run, pool: &Pool, work: f64) -> Option<Rest> {
    let s = pool.supply.as_deref()?;
    let h = s.hardware.as_ref()?;
    let plain = s.lifetimes.is_empty() && s.standing() && !s.spot && h.software.is_none() && h.lemons.share == 0.0;
    if !plain || !h.billed || run.buying.is_some() || run.redundancy_ppm > 0 {
        return None;
    }
    let (mut first, mut restart) = (0.0, 0.0);
    for (stage, law) in run.stages.iter().filter(|(s, _)| *s != Stage::Reshape) {
        let Dist::Constant(_) = law else { return None };
        restart += law.mean();
        if stage.on_first_start() {
            first += law.mean();
        }
    }
    let downtime = (h.reboot_share * h.reboot.mean() + (1.0 - h.reboot_share) * h.replace.mean()) * 3_600.0;
    Some(Rest { work, first, restart, downtime })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{V7, v7, v7_mean};
    use super::*;
    use crate::training::interval;

    #[test]
    fn v7_is_recognised_and_its_formulas_are_those_of_the_suite() {
        let c = Closed::of(&v7(10.0), 0).unwrap();
        assert!((c.mtbf - 3_600.0).abs() < 1e-6 && c.stall == 30.0 && c.interval == 600.0);
        for tau in [3.0, 10.0, 45.0] {
            assert!((c.mean(tau * 60.0).unwrap() / 60.0 - v7_mean(tau)).abs() < 1e-6);
        }
        let [_, delta, m, ..] = V7;
        let want = interval::exact(delta, m).unwrap();
        assert!((c.optimum(Rule::Exact).unwrap() / 60.0 - want).abs() < 1e-9);
    }

    #[test]
    fn a_first_start_takes_its_set_up_and_what_may_happen_in_it() {
        let with = |first: f64| {
            let mut c = Closed::of(&v7(10.0), 0).unwrap();
            let r = c.rest.as_mut().unwrap();
            r.first = first;
            c.mean(600.0).unwrap()
        };
        // Where set-up is the whole restart, the first segment is one like any other that begins with a restart:
        // `(M + D)(e^{(R+s)/M} − 1)` in place of `e^{R/M}(M + D)(e^{s/M} − 1)`.
        let [_, delta, m, r, d] = V7.map(|v| v * 60.0);
        let s = 600.0 + delta;
        let grown = (m + d) * ((r + s) / m).exp_m1() - (r / m).exp() * (m + d) * (s / m).exp_m1();
        assert!((with(300.0) - with(0.0) - grown).abs() < 1e-6);
    }

    #[test]
    fn models_that_no_formula_speaks_of_have_none() {
        let mut m = v7(10.0);
        let supply = m.pools[0].supply.as_deref_mut().unwrap();
        supply.hardware.as_mut().unwrap().lemons = crate::market::Lemons { share: 0.1, factor: 5.0 };
        let c = Closed::of(&m, 0).unwrap();
        assert!(c.rest.is_none() && c.mean(600.0).is_none() && c.optimum(Rule::Young).is_some());
        let supply = m.pools[0].supply.as_deref_mut().unwrap();
        let weibull = Lifetime::Law(Dist::weibull(1.5, 10.0).unwrap());
        supply.lifetimes.push((weibull, crate::market::Cause::Hardware));
        assert_eq!(Closed::of(&m, 0), None);
        let mut m = v7(10.0);
        m.pools[0].supply = None;
        assert_eq!(Closed::of(&m, 0), None, "nothing is ever lost");
        assert_eq!(Closed::of(&m, 7), None);
    }
}
