//! What autoscalers are shown: replicas are scraped at their period, and seen once a scrape is old enough.
//!
//! Gauges (queue, concurrency, KV) are as they stood at the scrape; rates and use are means over the time since the one
//! before. Values are in thousandths, cut off: milli-cores, thousandths of a request, of a per cent.

use std::collections::VecDeque;

use crate::policy::hpa::Sample;
use crate::scenario::model::service::{CpuUse, Scale, Signal, Watch};
use crate::sim::event::ServiceEvent;
use crate::sim::jobs::JobId;
use crate::sim::world::World;
use crate::units::{Duration, SimTime};

/// How often replicas are scraped that nothing scales, for the report's sake: the resolution of the metrics server.
const SCRAPE: Duration = Duration::from_secs(15);

/// How many signals there are.
const SIGNALS: usize = 7;

/// Values of all signals, thousandths.
type Values = [i64; SIGNALS];

const fn at(signal: Signal) -> usize {
    match signal {
        Signal::Cpu => 0,
        Signal::GpuUtilisation => 1,
        Signal::Queue => 2,
        Signal::Concurrency => 3,
        Signal::TokensPerSecond => 4,
        Signal::RequestsPerSecond => 5,
        Signal::KvUse => 6,
    }
}

/// Scrapes of one thing, the oldest first; as many as somebody may still have to see.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Series {
    all: VecDeque<(SimTime, Duration, Values)>,
    /// Counters at the last scrape: tokens, requests, nanoseconds in steps.
    last: (u64, u64, u64),
    last_at: SimTime,
}

impl Series {
    fn push(&mut self, now: SimTime, window: Duration, v: Values, lag: Duration) {
        // The newest that can be seen, and all after it.
        while self.all.get(1).is_some_and(|e| e.0 + lag <= now) {
            self.all.pop_front();
        }
        self.all.push_back((now, window, v));
    }

    /// What is seen of a signal at `now`.
    pub fn seen(&self, signal: Signal, now: SimTime, lag: Duration) -> Option<Sample> {
        let (taken, window, v) = self.all.iter().rev().find(|e| e.0 + lag <= now)?;
        Some(Sample { value: v[at(signal)], at: *taken, window: *window })
    }
}

/// What is scraped of a deployment as a whole.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Samples {
    watch: Watch,
    whole: Series,
}

impl Samples {
    pub fn of(scale: &Scale) -> Samples {
        let watch = match scale {
            Scale::Fixed(_) => Watch { sync: SCRAPE, scrape: SCRAPE, lag: Duration::ZERO },
            Scale::Hpa { watch, .. } | Scale::Keda { watch, .. } => *watch,
        };
        Samples { watch, whole: Series::default() }
    }

    pub fn every(&self) -> Duration {
        self.watch.scrape
    }

    pub fn lag(&self) -> Duration {
        self.watch.lag
    }

    /// What is seen of a signal over all replicas, and of what is held before them; none before the first scrape is seen.
    pub fn whole(&self, signal: Signal, now: SimTime) -> Option<f64> {
        self.whole.seen(signal, now, self.watch.lag).map(|s| s.value as f64 / 1000.0)
    }
}

/// A counter's change as thousandths a second.
fn rate(change: u64, over: Duration) -> i64 {
    if over.0 == 0 {
        return 0;
    }
    i64::try_from(u128::from(change) * 1_000_000_000_000 / u128::from(over.0)).unwrap_or(i64::MAX)
}

/// A share of a whole in thousandths of a per cent.
fn percent(part: u64, of: u64) -> i64 {
    if of == 0 { 0 } else { i64::try_from(u128::from(part) * 100_000 / u128::from(of)).unwrap_or(i64::MAX) }
}

fn cpu(use_of: CpuUse, busy: u64, over: Duration) -> i64 {
    let of = u128::from(use_of.busy) * u128::from(busy);
    i64::from(use_of.idle) + of.checked_div(u128::from(over.0)).map_or(0, |v| v as i64)
}

impl World<'_, '_> {
    /// Scrapes the replicas of a deployment.
    pub(super) fn scrape(&mut self, s: u16, d: u16) {
        self.catch_up(s);
        let now = self.now;
        let spec = self.deployment(s, d);
        let state = &mut self.services[s as usize];
        let dep = &mut state.deployments[d as usize];
        let lag = dep.samples.lag();
        let mut sum: Values = [0; SIGNALS];
        let mut kv = (0.0, 0_u64);
        let pods: Vec<JobId> = dep.pods.clone();
        for id in pods {
            let Some(r) = self.jobs[id].replica.as_deref_mut() else { continue };
            // A pod has a sample once its containers run.
            let containers = r.ready_at.0.saturating_sub(r.stages[1].0 + r.stages[2].0);
            if r.ready_at == SimTime::MAX || now.0 < containers {
                continue;
            }
            let since = r.samples.last_at.max(SimTime(containers));
            let over = now.since(since);
            let v = match r.place {
                // Loading takes no step.
                None => {
                    let mut v = [0; SIGNALS];
                    v[at(Signal::Cpu)] = i64::from(spec.cpu.idle);
                    v
                }
                Some(place) => {
                    let shot = state.front.snapshot(now, spec.lane, place);
                    let offered = state.front.totals(spec.lane, place).offered;
                    let counters = (shot.output_tokens, offered, shot.busy_ns());
                    let last = std::mem::replace(&mut r.samples.last, counters);
                    let busy = counters.2.saturating_sub(last.2).min(over.0);
                    kv = (kv.0 + shot.kv_use(), kv.1 + 1);
                    let mut v = [0; SIGNALS];
                    v[at(Signal::Cpu)] = cpu(spec.cpu, busy, over);
                    v[at(Signal::GpuUtilisation)] = percent(busy, over.0);
                    v[at(Signal::Queue)] = i64::from(shot.waiting) * 1000;
                    v[at(Signal::Concurrency)] = i64::from(shot.outstanding()) * 1000;
                    v[at(Signal::TokensPerSecond)] = rate(counters.0.saturating_sub(last.0), over);
                    v[at(Signal::RequestsPerSecond)] = rate(counters.1 - last.1, over);
                    v[at(Signal::KvUse)] = percent(shot.kv_blocks_used, shot.kv_blocks);
                    v
                }
            };
            sum.iter_mut().zip(v).for_each(|(s, v)| *s = s.saturating_add(v));
            r.samples.last_at = now;
            r.samples.push(now, over, v, lag);
        }
        let held = i64::try_from(state.front.held(spec.lane)).unwrap_or(i64::MAX / 1000) * 1000;
        sum[at(Signal::Queue)] += held;
        sum[at(Signal::Concurrency)] += held;
        // Requests are counted where they come in: while there is no replica, too.
        let whole = &mut dep.samples.whole;
        let (asked, over) = (state.front.asked(spec.lane), now.since(whole.last_at));
        sum[at(Signal::RequestsPerSecond)] = rate(asked - whole.last.1, over);
        (whole.last.1, whole.last_at) = (asked, now);
        whole.push(now, over, sum, lag);
        if now >= self.window.0 && kv.1 > 0 {
            let t = &mut dep.tally;
            let mean = kv.0 / kv.1 as f64;
            t.kv = (t.kv.0 + kv.0, t.kv.1 + kv.1);
            t.kv_recent = (t.kv_recent.0 + kv.0, t.kv_recent.1 + kv.1);
            t.kv_max = t.kv_max.max(mean);
        }
        let every = dep.samples.every();
        self.tick(now + every, ServiceEvent::Scrape(s, d));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_is_seen_when_it_is_old_enough() {
        let mut s = Series::default();
        let lag = Duration(25);
        for t in [10, 20, 30, 40] {
            let mut v = [0; SIGNALS];
            v[at(Signal::Queue)] = t as i64;
            s.push(SimTime(t), Duration(10), v, lag);
        }
        let seen = |now: u64| s.seen(Signal::Queue, SimTime(now), lag).map(|s| s.value);
        assert_eq!([seen(34), seen(35), seen(44), seen(45), seen(65)], [None, Some(10), Some(10), Some(20), Some(40)]);
        // Nobody will see the first any more.
        s.push(SimTime(50), Duration(10), [0; SIGNALS], lag);
        assert_eq!(s.all.len(), 4);
    }

    #[test]
    fn rates_and_shares_are_cut_off() {
        let s = Duration::from_secs(3);
        assert_eq!((rate(10, s), rate(10, Duration::ZERO)), (3_333, 0));
        assert_eq!((percent(2, 3), percent(1, 0)), (66_666, 0));
        let use_of = CpuUse { request: 4_000, idle: 200, busy: 1_000 };
        assert_eq!(cpu(use_of, 1_500_000_000, s), 700);
    }
}
