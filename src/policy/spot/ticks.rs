//! A policy replayed tick by tick on an availability trace, without a fleet: the tables of "Can't Be Late".
//!
//! Value `k` of a trace governs `[k·g, (k+1)·g)`. At the start of a tick the one before is realised (what ran first
//! works off its overhead, then makes progress); spot that the trace takes away is gone, the tick before it worked and
//! billed whole; then the policy decides, a launch sets the overhead anew (overheads replace, they never stack), and
//! whole ticks are billed. A run ends at the start of the first tick at which its work is done.
//!
//! Source: FrontierCS/Frontier-CS, `sky_spot/env.py` and `sky_spot/strategies/strategy.py`, in integers.

use super::{Market, Purchase, Purchaser, View, Want};
use crate::units::{Duration, Rate, Usd, priced};

/// What is to be done, by when, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// All the work.
    pub work: Duration,
    /// When it must be done.
    pub deadline: Option<Duration>,
    /// Overhead of every launch.
    pub overhead: Duration,
    /// The length of a tick, above zero.
    pub tick: Duration,
    /// Prices: spot, on demand.
    pub prices: (Rate, Rate),
}

impl Task {
    /// What so many ticks cost, rounded once.
    #[must_use]
    pub fn cost(&self, spot_ticks: u64, on_demand_ticks: u64) -> Usd {
        let hour = u128::from(crate::units::time::NANOS_PER_HOUR);
        let per_hour = self.prices.0.0 * i128::from(spot_ticks) + self.prices.1.0 * i128::from(on_demand_ticks);
        priced(Rate(per_hour), u128::from(self.tick.0), hour)
    }
}

/// What became of a run. Times add up: ticks × tick = progress + overhead + idle + tail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Ticks on spot.
    pub spot_ticks: u64,
    /// Ticks on demand.
    pub on_demand_ticks: u64,
    /// Ticks without anything.
    pub idle_ticks: u64,
    /// Launches in either market.
    pub launches: u64,
    /// Spot instances that the trace took away.
    pub preemptions: u64,
    /// Work done.
    pub progress: Duration,
    /// Time spent on launching.
    pub overhead: Duration,
    /// What was left of the last tick when the work was done: billed, and of no use.
    pub tail: Duration,
    /// When it was done, a whole number of ticks; none where the trace ends before.
    pub finish: Option<Duration>,
    /// Whether that is after the deadline, or never.
    pub missed: bool,
    /// The bill.
    pub cost: Usd,
}

/// Runs a task under a policy on `spot[k]`, whether spot can be had in tick `k`; `each` hears every decision.
#[must_use]
pub fn replay(task: &Task, purchase: Purchase, spot: &[bool], mut each: impl FnMut(Want)) -> Replay {
    assert!(task.tick > Duration::ZERO, "a tick has a length");
    let mut purchaser = Purchaser::new(purchase);
    let mut out = Replay::default();
    let tick = task.tick.0;
    let mut running: Option<Market> = None;
    let mut settling = 0;
    let mut done = 0;
    // One tick more than the trace has, for what was done in its last one.
    for k in 0..=spot.len() {
        if running.is_some() {
            let overhead = tick.min(settling);
            settling -= overhead;
            let work = (tick - overhead).min(task.work.0 - done);
            done += work;
            out.overhead.0 += overhead;
            out.tail.0 += tick - overhead - work;
        }
        let t = Duration(k as u64 * tick);
        if done == task.work.0 {
            out.finish = Some(t);
            break;
        }
        let Some(&has) = spot.get(k) else { break };
        let preempted = running == Some(Market::Spot) && !has;
        if preempted {
            running = None;
            out.preemptions += 1;
        }
        let want = purchaser.decide(&View {
            t,
            tick: task.tick,
            work: task.work,
            deadline: task.deadline,
            done: Duration(done),
            safe: Duration(done),
            running,
            settling: Duration(if running.is_some() { settling } else { 0 }),
            overhead: task.overhead,
            spot: has,
            on_demand: true,
            preempted,
            prices: task.prices,
        });
        let next = match want {
            Want::Nothing => None,
            Want::Spot => Some(Market::Spot),
            Want::OnDemand => Some(Market::OnDemand),
        };
        if next.is_some() && next != running {
            settling = task.overhead.0;
            out.launches += 1;
        }
        running = next;
        match want {
            Want::Nothing => out.idle_ticks += 1,
            Want::Spot => out.spot_ticks += 1,
            Want::OnDemand => out.on_demand_ticks += 1,
        }
        each(want);
    }
    out.progress = Duration(done);
    out.missed = task.deadline.is_some_and(|r| out.finish.is_none_or(|f| f > r));
    out.cost = task.cost(out.spot_ticks, out.on_demand_ticks);
    out
}

/// Decisions in letters: `S` on spot, `O` on demand, `.` neither.
#[must_use]
pub const fn letter(want: Want) -> char {
    match want {
        Want::Nothing => '.',
        Want::Spot => 'S',
        Want::OnDemand => 'O',
    }
}

#[cfg(test)]
pub(in crate::policy::spot) mod tests;
