//! The end of a step: tokens, first tokens, and those that leave.

use std::cmp::Reverse;

use super::clock::Instant;
use super::engine::{InStep, Replica};
use super::slots::State;
use crate::serving::request::{Gaps, Part, Sink};
use crate::units::SimTime;

impl Replica {
    /// Ends the step in progress.
    pub(super) fn finish<S: Sink>(&mut self, sink: &mut S) {
        let Some(step) = self.step.take() else { return };
        let t = step.end;
        self.settle(step.steps, &step, sink);
        self.totals.busy_ps += u128::from(t.since(step.begin));
        self.totals.prefill_tokens += step.prefill;
        self.totals.prompt_ps += u128::from(step.prompt_ps);
        if self.n > 0 {
            while let Some(&Reverse((end, order, slot))) = self.ends.peek()
                && end <= self.v
            {
                self.ends.pop();
                if self.slots.get(slot).order == order {
                    self.leave(slot, t.ceil(), sink);
                }
            }
        }
        let mut finishing = std::mem::take(&mut self.finishing);
        for slot in finishing.drain(..) {
            self.first_token(slot, t, sink);
        }
        self.finishing = finishing;
    }

    /// Books so many decode steps of the step in progress.
    pub(super) fn settle<S: Sink>(&mut self, steps: u64, step: &InStep, sink: &mut S) {
        if self.n > 0 && steps > 0 {
            let (first_ps, growth_ps) = (step.first_ps, step.growth_ps);
            sink.gaps(Gaps { sequences: self.n, first_ps, growth_ps, steps });
            if steps > 1 {
                self.used += self.growth_blocks(steps - 1);
                self.prefix.trim(self.free());
            }
            self.v += steps;
            self.k += self.n * steps;
            self.totals.decode_tokens += self.n * steps;
        }
        self.totals.steps += steps;
        self.totals.turns += 1;
    }

    /// A prompt has been read to its end.
    fn first_token<S: Sink>(&mut self, slot: u32, t: Instant, sink: &mut S) {
        let (at, v) = (t.ceil(), self.v);
        let s = self.slots.get_mut(slot);
        let pins = s.pins;
        s.record.produced += 1;
        if s.record.first_token == SimTime::MAX {
            s.record.first_token = at;
            sink.first_token(&s.record);
        } else {
            sink.gaps(Gaps { sequences: 1, first_ps: t.since(s.last_token), growth_ps: 0, steps: 1 });
        }
        self.totals.first_tokens += 1;
        let s = self.slots.get_mut(slot);
        let (pins, shared) = self.prefix.keep(&s.request, pins);
        s.pins = pins;
        self.used -= shared;
        let (need, left) = (u64::from(s.need), s.request.output - s.record.produced);
        if s.request.part == Part::Prefill {
            s.state = State::Moving;
            s.record.ended = at;
            let record = s.record;
            // Its KV stays, but it no longer runs.
            self.unlink(slot);
            self.totals.finished += 1;
            sink.prefilled(&record, self.slots.ticket(slot));
        } else if left == 0 {
            self.leave(slot, at, sink);
        } else {
            s.state = State::Decoding;
            s.since = v;
            self.join(slot, need, v + u64::from(left));
        }
    }

    /// A request has all of its tokens.
    fn leave<S: Sink>(&mut self, slot: u32, at: SimTime, sink: &mut S) {
        self.stop(slot, at);
        let s = self.slots.get_mut(slot);
        s.record.ended = at;
        debug_assert_eq!(s.record.produced, s.record.output);
        sink.finished(&s.record);
        self.slots.vacate(slot);
        self.slots.give_back(slot);
        self.totals.finished += 1;
    }

    /// Running requests leave whose time is over or whose caller has taken them back.
    pub(super) fn leave_doomed<S: Sink>(&mut self, t: Instant, sink: &mut S) {
        while let Some((ticket, why)) = self.doomed.pop() {
            let Some(slot) = self.slots.of(ticket) else { continue };
            match self.slots.get(slot).state {
                State::Prefilling | State::Decoding => {
                    self.stop(slot, t.ceil());
                    let s = self.slots.get_mut(slot);
                    s.record.ended = t.ceil();
                    sink.dropped(&s.record, why);
                    self.slots.vacate(slot);
                    self.slots.give_back(slot);
                    self.totals.dropped += 1;
                }
                State::Waiting => self.drop_waiting(slot, t.ceil(), why, sink),
                State::Moving | State::Gone => {}
            }
        }
    }
}
