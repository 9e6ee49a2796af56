//! The rules of a replica, written the slow and obvious way: each step by itself, each sequence by itself, nothing kept
//! that can be counted. The engine must give the same times on every request.
//!
//! It knows no prefix cache but a fixed hit rate, and does whole requests.

use super::config::{Config, PrefixCaching};
use crate::serving::cost::{Quantised, Step};
use crate::serving::request::{Dropped, Record, Refusal, Request};
use crate::units::SimTime;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// With all of its tokens.
    Finished,
    /// At the door.
    Refused(Refusal),
    /// Without its last token.
    Dropped(Dropped),
}

/// A sequence and what it holds.
#[derive(Clone, Debug)]
struct Seq {
    r: Request,
    record: Record,
    fate: Option<Fate>,
    /// Tokens in its KV.
    kv: u64,
    /// Tokens that its KV must have before the next token can come.
    need: u64,
    /// Tokens that it computes in this step.
    now: u64,
}

struct World<'a> {
    config: &'a Config,
    cost: &'a Quantised,
    all: Vec<Seq>,
    /// By order of admission.
    running: Vec<usize>,
    /// In the order in which they are taken up.
    waiting: Vec<usize>,
    /// Picoseconds.
    t: u128,
    steps: u64,
}

/// Runs requests, sorted by arrival and offered when they arrive, on one replica until all have ended. Returns what became
/// of each, in their order, and the number of steps.
///
/// # Panics
/// When the requests are not sorted.
#[must_use]
pub fn run(config: &Config, cost: &Quantised, requests: &[Request]) -> (Vec<(Record, Fate)>, u64) {
    assert!(requests.is_sorted_by_key(|r| r.arrival), "requests come in order of arrival");
    let all = requests.iter().map(|r| Seq::new(r.clone())).collect();
    let mut w = World { config, cost, all, running: Vec::new(), waiting: Vec::new(), t: 0, steps: 0 };
    let mut next = 0;
    while next < requests.len() || !w.running.is_empty() || !w.waiting.is_empty() {
        if w.running.is_empty() && w.waiting.is_empty() {
            // Idle until somebody comes; whoever comes at that instant is there when the step begins.
            w.t = ps(requests[next].arrival);
            while next < requests.len() && ps(requests[next].arrival) == w.t {
                w.arrive(next);
                next += 1;
            }
        }
        let Some(end) = w.begin() else { continue };
        while next < requests.len() && ps(requests[next].arrival) < end {
            w.expire(ps(requests[next].arrival));
            w.arrive(next);
            next += 1;
        }
        w.t = end;
        w.end();
    }
    let fate = |s: &Seq| (s.record, s.fate.expect("all have ended"));
    (w.all.iter().map(fate).collect(), w.steps)
}

fn ps(t: SimTime) -> u128 {
    u128::from(t.0) * 1_000
}

/// The first whole nanosecond that is not before.
fn ns(ps: u128) -> SimTime {
    SimTime(ps.div_ceil(1_000) as u64)
}

impl Seq {
    fn new(r: Request) -> Seq {
        let never = SimTime::MAX;
        let record = Record {
            id: r.id,
            arrival: r.arrival,
            offered: r.arrival,
            admitted: never,
            first_token: never,
            ended: never,
            prompt: r.prompt,
            output: r.output,
            produced: 0,
            cached: 0,
            preemptions: 0,
        };
        Seq { need: u64::from(r.prompt), r, record, fate: None, kv: 0, now: 0 }
    }

    /// Its prompt has been read, and what it had produced before a preemption.
    fn decodes(&self) -> bool {
        self.kv >= self.need
    }
}

impl World<'_> {
    fn blocks(&self, tokens: u64) -> u64 {
        tokens.div_ceil(u64::from(self.config.block_tokens))
    }

    /// Blocks that running sequences hold, with those for the tokens of this step.
    fn used(&self) -> u64 {
        self.running.iter().map(|&i| self.blocks(self.all[i].kv + self.all[i].now)).sum()
    }

    fn arrive(&mut self, i: usize) {
        let refusal = match self.config.refusal(&self.all[i].r) {
            None if self.waiting.len() >= self.config.queue_limit as usize => Some(Refusal::QueueFull),
            why => why,
        };
        if let Some(why) = refusal {
            self.all[i].fate = Some(Fate::Refused(why));
            return;
        }
        let priority = self.all[i].r.priority;
        let at = self.waiting.iter().position(|&w| self.all[w].r.priority > priority).unwrap_or(self.waiting.len());
        self.waiting.insert(at, i);
    }

    /// Waiting requests leave whose patience has ended by `t`.
    fn expire(&mut self, t: u128) {
        let all = &mut self.all;
        self.waiting.retain(|&i| {
            let s = &mut all[i];
            let starts = (s.record.admitted == SimTime::MAX).then_some((s.r.start_by, Dropped::WaitedTooLong));
            let over = [starts, Some((s.r.finish_by, Dropped::TookTooLong))];
            let first = over.into_iter().flatten().filter(|o| ps(o.0) <= t).min_by_key(|o| o.0);
            if let Some((at, why)) = first {
                s.record.ended = at;
                s.fate = Some(Fate::Dropped(why));
            }
            first.is_none()
        });
    }

    /// Begins a step; returns when it ends, or nothing when there is nothing to do.
    fn begin(&mut self) -> Option<u128> {
        let t = self.t;
        self.expire(t);
        let all = &mut self.all;
        self.running.retain(|&i| {
            let s = &mut all[i];
            let over = ps(s.r.finish_by) <= t;
            if over {
                s.record.ended = ns(t);
                s.fate = Some(Fate::Dropped(Dropped::TookTooLong));
            }
            !over
        });
        let (total, mut budget) = (self.config.kv_blocks(), u64::from(self.config.max_num_batched_tokens));
        for &i in &self.running {
            let s = &mut self.all[i];
            s.now = u64::from(s.decodes());
            budget -= s.now;
        }
        let mut preempted = false;
        while self.used() > total {
            self.preempt();
            preempted = true;
        }
        if let Some(&i) = self.running.last()
            && !self.all[i].decodes()
        {
            self.all[i].now = (self.all[i].need - self.all[i].kv).min(budget);
            budget -= self.all[i].now;
            if self.used() > total {
                self.preempt();
                preempted = true;
            }
        }
        while !preempted && budget > 0 && self.running.len() < self.config.max_num_seqs as usize {
            let Some(&i) = self.waiting.first() else { break };
            let found = self.found(&self.all[i]);
            let chunk = (self.all[i].need - found).min(budget);
            if self.used() + self.blocks(found + chunk) > total {
                break;
            }
            self.waiting.remove(0);
            self.running.push(i);
            budget -= chunk;
            let s = &mut self.all[i];
            (s.kv, s.now) = (found, chunk);
            if s.record.admitted == SimTime::MAX {
                (s.record.admitted, s.record.cached) = (ns(t), found as u32);
            }
        }
        let mut step = Step::default();
        for &i in &self.running {
            let s = &self.all[i];
            if s.decodes() {
                step.decoding += 1;
                step.decode_kv += s.kv;
            } else {
                step.add_chunk(s.now, s.kv);
            }
        }
        (step.tokens() > 0).then(|| t + u128::from(self.cost.step(&step)))
    }

    fn found(&self, s: &Seq) -> u64 {
        let PrefixCaching::Fixed(share) = self.config.prefix else { return 0 };
        let tokens = u64::from(share.ppm()) * u64::from(s.r.prompt) / 1_000_000;
        let tokens = tokens.min(s.need - 1);
        tokens - tokens % u64::from(self.config.block_tokens)
    }

    /// The one admitted last begins again later.
    fn preempt(&mut self) {
        let i = self.running.pop().expect("one alone fits");
        let s = &mut self.all[i];
        s.record.preemptions += 1;
        s.need = u64::from(s.r.prompt + s.record.produced);
        (s.kv, s.now) = (0, 0);
        let at = self
            .waiting
            .iter()
            .position(|&w| self.all[w].r.priority >= self.all[i].r.priority)
            .unwrap_or(self.waiting.len());
        self.waiting.insert(at, i);
    }

    /// Ends the step.
    fn end(&mut self) {
        self.steps += 1;
        let (all, t) = (&mut self.all, ns(self.t));
        self.running.retain(|&i| {
            let s = &mut all[i];
            s.kv += std::mem::take(&mut s.now);
            if s.decodes() {
                s.record.produced += 1;
                s.record.first_token = s.record.first_token.min(t);
            }
            let ends = s.record.produced == s.r.output;
            if ends {
                s.record.ended = t;
                s.fate = Some(Fate::Finished);
            }
            !ends
        });
    }
}
