//! Spot, else on demand: the wait before, the slow way back, and the circuit breaker.

use super::{Breaker, Market, Return, View, Want};
use crate::units::Duration;
use std::collections::VecDeque;

/// What is remembered of one run. Times are since the run arrived.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fallback {
    /// Since when there is nothing to run on.
    waiting: Option<Duration>,
    /// Since when it runs on demand.
    on_demand: Option<Duration>,
    /// When it last went back to spot.
    returned: Option<Duration>,
    /// Interruptions within the breaker's window, oldest first; at most the breaker's maximum.
    interrupts: VecDeque<Duration>,
    /// Until when the breaker holds it on demand; kept after that for as long as it is there.
    held: Option<Duration>,
}

impl Fallback {
    pub(super) fn decide(
        &mut self,
        v: &View,
        spot: bool,
        wait: Duration,
        back: Option<Return>,
        breaker: Option<Breaker>,
    ) -> Want {
        if let (true, Some(b)) = (v.preempted, breaker) {
            self.interrupted(v.t, b);
        }
        self.note(v);
        if self.held.is_some_and(|until| v.t < until) {
            return Want::OnDemand;
        }
        if v.running != Some(Market::OnDemand) {
            self.held = None;
        }
        match v.running {
            Some(Market::Spot) => Want::Spot,
            Some(Market::OnDemand) if spot && self.may_return(v, back) => {
                (self.returned, self.held) = (Some(v.t), None);
                Want::Spot
            }
            Some(Market::OnDemand) => Want::OnDemand,
            None if spot => {
                self.waiting = None;
                Want::Spot
            }
            None if v.t - *self.waiting.get_or_insert(v.t) >= wait => Want::OnDemand,
            None => Want::Nothing,
        }
    }

    fn interrupted(&mut self, t: Duration, b: Breaker) {
        self.interrupts.push_back(t);
        while self.interrupts.front().is_some_and(|first| t - *first > b.window) {
            self.interrupts.pop_front();
        }
        if self.interrupts.len() >= b.max.max(1) as usize {
            self.interrupts.clear();
            self.held = Some(t + b.hold);
        }
    }

    /// Keeps the clocks: how long on demand, how long without anything.
    fn note(&mut self, v: &View) {
        if v.running == Some(Market::OnDemand) {
            self.on_demand.get_or_insert(v.t);
        } else {
            self.on_demand = None;
        }
        if v.running.is_some() {
            self.waiting = None;
        }
    }

    /// Whether a run on demand may go to spot that can be had. One that the breaker sent there goes back when its time
    /// is up, also where no way back is declared: it did not fall back for want of spot.
    fn may_return(&self, v: &View, back: Option<Return>) -> bool {
        let Some(r) = back else { return self.held.is_some() };
        let long = |since: Option<Duration>, least: Duration| since.is_none_or(|s| v.t - s >= least);
        let (spot, on_demand) = (v.prices.0.0 as f64, v.prices.1.0 as f64);
        long(self.on_demand, r.after) && long(self.returned, r.cooldown) && spot <= on_demand * (1.0 - r.min_saving)
    }
}
