//! Requests that leave before their end: taken back by their callers, or handed back when the replica goes.

use super::engine::Replica;
use super::slots::{NONE, State};
use crate::serving::request::{Dropped, Evicted, Sink, Ticket};
use crate::units::SimTime;

impl Replica {
    /// Its caller takes a request back: one that waits leaves now, one that runs when the step in progress ends. False
    /// when it is not here any longer.
    pub fn abort<S: Sink>(&mut self, now: SimTime, ticket: Ticket, sink: &mut S) -> bool {
        self.advance_to(now, false, sink);
        let Some(slot) = self.slots.of(ticket) else { return false };
        match self.slots.get(slot).state {
            State::Waiting => {
                self.drop_waiting(slot, now, Dropped::Aborted, sink);
                // Whoever is first now may fit where this one did not.
                self.cut(now);
            }
            State::Prefilling | State::Decoding => {
                self.doomed.push((ticket, Dropped::Aborted));
                self.cut(now);
            }
            State::Moving | State::Gone => return false,
        }
        true
    }

    /// The KV of a request that was prefilled here has been moved: its blocks are free from the next step on. False when
    /// it is not here any longer.
    pub fn release<S: Sink>(&mut self, now: SimTime, ticket: Ticket, sink: &mut S) -> bool {
        self.advance_to(now, false, sink);
        let Some(slot) = self.slots.of(ticket).filter(|&s| self.slots.get(s).state == State::Moving) else {
            return false;
        };
        let tokens = u64::from(self.slots.get(slot).need);
        // What the steps until now have pushed out of the cache is out, though there is room again from now on.
        if let Some(s) = self.step.filter(|s| s.steps > 1) {
            let grown = self.growth_blocks(s.done(now).min(s.steps - 1));
            self.prefix.trim(self.free() - grown);
        }
        self.release_blocks(slot, tokens, now);
        self.slots.vacate(slot);
        self.slots.give_back(slot);
        self.cut(now);
        if self.step.is_none() && self.queued > 0 {
            self.wake.get_or_insert(now);
        }
        true
    }

    /// Refuses new requests from now on; those that are here go on to their end.
    pub const fn drain(&mut self) {
        self.draining = true;
    }

    /// Whether nothing is here: no request waits, runs or has its KV moved.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.queued == 0 && self.running == 0 && self.used_by_moving() == 0
    }

    /// Blocks in use when nothing runs are those on the move.
    const fn used_by_moving(&self) -> u64 {
        if self.running == 0 { self.used } else { 0 }
    }

    /// The replica is gone: hands back all that is here, the running ones by order of admission, then those that wait,
    /// then those whose KV was on the move. Steps that have ended by `now` count; of the one in progress nothing is
    /// left. Its caches are empty afterwards, and it can be used again.
    pub fn evict_all<S: Sink>(&mut self, now: SimTime, sink: &mut S) -> Vec<Evicted> {
        self.advance_to(now, false, sink);
        if let Some(step) = self.step.take() {
            // What ends by `now` has been taken note of: the last step is not among those that are done.
            let done = if step.steps > 1 { step.done(now) } else { 0 };
            self.settle(done, &step, sink);
            self.totals.busy_ps += u128::from(step.begin.until(now));
        }
        let mut slots = Vec::new();
        let mut next = self.first;
        while next != NONE {
            slots.push(next);
            next = self.slots.get(next).after;
        }
        slots.extend(self.waiting.iter().filter(|&s| self.slots.get(s).state == State::Waiting));
        slots.extend((0..self.slots.len() as u32).filter(|&s| self.slots.get(s).state == State::Moving));
        let all: Vec<Evicted> = slots.into_iter().map(|s| self.hand_back(s, now)).collect();
        self.waiting.sweep(|_| true);
        self.slots.clear();
        self.ends.clear();
        self.deadlines.clear();
        self.doomed.clear();
        self.finishing.clear();
        self.phases.fill(0);
        (self.first, self.last, self.running, self.queued) = (NONE, NONE, 0, 0);
        (self.n, self.k, self.used, self.partial, self.wake) = (0, 0, 0, None, None);
        self.prefix.clear();
        self.totals.evicted += all.len() as u64;
        all
    }

    fn hand_back(&mut self, slot: u32, now: SimTime) -> Evicted {
        let v = self.v;
        let s = self.slots.get_mut(slot);
        if s.state == State::Decoding {
            s.record.produced += (v - s.since) as u32;
        }
        s.record.ended = now;
        Evicted { request: s.request.clone(), record: s.record }
    }
}
