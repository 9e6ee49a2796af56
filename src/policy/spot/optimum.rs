//! What a run would have cost, had one known the trace: a lower bound for every policy.
//!
//! Same rules and same billing as [`super::ticks`]. The state at a tick is the work done and what runs; the reference
//! fills a table of (progress, type, overhead to go) in units of gcd(tick, overhead). Here each of three kinds of state
//! (on spot and at work, on demand and at work, anything) has at every tick the list of its (cost, done) pairs that no
//! other beats in both. A launch is one step over all the ticks of its overhead, because one that is given up before it
//! works was for nothing. Exact for any tick and overhead, and short lists: what cannot finish in time, or not within
//! the bill of a policy that did, is dropped.

use super::ticks::{Task, replay};
use super::{Purchase, Want};
use crate::units::{Duration, Usd, priced};
use std::collections::VecDeque;

/// The cheapest run that meets the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Optimum {
    /// Its bill.
    pub cost: Usd,
    /// When it ends, a whole number of ticks; the earliest of that cost.
    pub finish: Duration,
}

/// A way to be at a tick: what it cost (price × ticks, so far unrounded) and what it has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Label {
    cost: i128,
    done: u64,
}

/// The cheapest way to finish `task` by its deadline on `spot[k]`, whether spot can be had in tick `k`; without a
/// deadline, by the end of the trace. None where nothing can. Prices must not be negative.
#[must_use]
pub fn optimum(task: &Task, spot: &[bool]) -> Option<Optimum> {
    assert!(task.tick > Duration::ZERO, "a tick has a length");
    assert!(task.prices.0.0 >= 0 && task.prices.1.0 >= 0, "a price below zero has no cheapest run");
    let ticks = task.deadline.map_or(spot.len(), |r| spot.len().min((r.0 / task.tick.0) as usize));
    let search = Search::new(task, &spot[..ticks], bound(task, spot));
    search.run().map(|(ticks, cost)| Optimum { cost: bill(task, cost), finish: Duration(ticks as u64 * task.tick.0) })
}

/// Price × ticks in dollars, rounded once as a replay's bill is.
fn bill(task: &Task, cost: i128) -> Usd {
    priced(crate::units::Rate(cost), u128::from(task.tick.0), u128::from(crate::units::time::NANOS_PER_HOUR))
}

/// The cheapest of three policies that make it in time.
fn bound(task: &Task, spot: &[bool]) -> Option<i128> {
    let of = |purchase| {
        let (mut cost, price) = (0, task.prices);
        let r = replay(task, purchase, spot, |want| match want {
            Want::Nothing => {}
            Want::Spot => cost += price.0.0,
            Want::OnDemand => cost += price.1.0,
        });
        (r.finish.is_some() && !r.missed).then_some(cost)
    };
    let policies = [Purchase::OnDemandOnly, Purchase::Greedy, Purchase::UniformProgress { hysteresis: true }];
    policies.into_iter().filter_map(of).min()
}

struct Search<'a> {
    task: &'a Task,
    spot: &'a [bool],
    /// No way of more than this cost is looked at.
    bound: Option<i128>,
    /// How many ticks from `k` on have spot.
    spot_from: Vec<u64>,
    /// The ticks of a launch up to its first work, and that work.
    launch: (usize, u64),
}

impl<'a> Search<'a> {
    fn new(task: &'a Task, spot: &'a [bool], bound: Option<i128>) -> Search<'a> {
        let mut spot_from = vec![0; spot.len() + 1];
        for k in (0..spot.len()).rev() {
            spot_from[k] = spot_from[k + 1] + u64::from(spot[k]);
        }
        let ticks = task.overhead.0.div_ceil(task.tick.0).max(1);
        let worked = u128::from(ticks) * u128::from(task.tick.0) - u128::from(task.overhead.0);
        Search { task, spot, bound, spot_from, launch: (ticks as usize, worked as u64) }
    }

    /// The tick at whose start it is done, and the cost.
    fn run(&self) -> Option<(usize, i128)> {
        let (ps, po) = (self.task.prices.0.0, self.task.prices.1.0);
        let (q, first) = self.launch;
        let g = self.task.tick.0;
        let start = Label { cost: 0, done: 0 };
        let mut best: Option<(usize, i128)> = (self.task.work.0 == 0).then_some((0, 0));
        // The lists of anything for the last `q` ticks, the oldest first.
        let mut before: VecDeque<Vec<Label>> = VecDeque::from([vec![start]]);
        let (mut on_spot, mut on_demand): (Vec<Label>, Vec<Label>) = (Vec::new(), Vec::new());
        // How many ticks before this one have had spot without a break.
        let mut up = 0;
        for k in 1..=self.spot.len() {
            up = if self.spot[k - 1] { up + 1 } else { 0 };
            let launched = if k >= q { before.front().map_or(&[][..], Vec::as_slice) } else { &[] };
            let step = |l: &Label, price: i128, ticks: usize, work: u64| Label {
                cost: l.cost + price * ticks as i128,
                done: (l.done + work).min(self.task.work.0),
            };
            on_spot = if up > 0 {
                let stayed = on_spot.iter().map(|l| step(l, ps, 1, g));
                let fresh = launched.iter().filter(|_| up >= q).map(|l| step(l, ps, q, first));
                self.merge(k, stayed, fresh)
            } else {
                Vec::new()
            };
            on_demand = self.merge(
                k,
                on_demand.iter().map(|l| step(l, po, 1, g)),
                launched.iter().map(|l| step(l, po, q, first)),
            );
            let running = self.merge(k, on_spot.iter().copied(), on_demand.iter().copied());
            let idle = before.back().map_or(&[][..], Vec::as_slice);
            let any = self.merge(k, idle.iter().copied(), running.into_iter());
            // Sorted by cost and done: the last has done most.
            if let Some(l) = any.last().filter(|l| l.done == self.task.work.0)
                && best.is_none_or(|(_, cost)| l.cost < cost)
            {
                best = Some((k, l.cost));
            }
            before.push_back(any);
            if before.len() > q {
                before.pop_front();
            }
        }
        best
    }

    /// Both lists in one, without what another way beats or what leads nowhere. Each is sorted by cost, and so is the
    /// result, in which `done` rises too.
    fn merge(&self, k: usize, a: impl Iterator<Item = Label>, b: impl Iterator<Item = Label>) -> Vec<Label> {
        let (mut a, mut b) = (a.peekable(), b.peekable());
        let mut out: Vec<Label> = Vec::new();
        loop {
            let next = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) if (x.cost, y.done) <= (y.cost, x.done) => a.next(),
                (_, Some(_)) => b.next(),
                _ => a.next(),
            };
            let Some(l) = next else { break };
            if out.last().is_none_or(|o| o.done < l.done) && self.promising(k, l) {
                out.push(l);
            }
        }
        out
    }

    /// Whether it can still finish in time, and within the bound if every tick of spot to come is used.
    fn promising(&self, k: usize, l: Label) -> bool {
        let need = (self.task.work.0 - l.done).div_ceil(self.task.tick.0);
        if need > (self.spot.len() - k) as u64 {
            return false;
        }
        let (ps, po) = (self.task.prices.0.0, self.task.prices.1.0);
        let cheap = need.min(self.spot_from[k]);
        let least = i128::from(cheap) * ps.min(po) + i128::from(need - cheap) * po;
        self.bound.is_none_or(|b| l.cost + least <= b)
    }
}

#[cfg(test)]
mod tests;
