//! The beginning of a step: who decodes, whose prompt is read, how many steps are taken at once.

use std::cmp::Reverse;

use super::clock::Instant;
use super::config::Mode;
use super::engine::{InStep, Replica};
use super::slots::{NONE, State};
use crate::serving::cost::Step;
use crate::serving::request::{Part, Sink};
use crate::units::SimTime;

impl Replica {
    /// Begins a step at `t`, or idles.
    pub(super) fn begin<S: Sink>(&mut self, t: Instant, sink: &mut S) {
        debug_assert!(self.finishing.is_empty());
        self.step = None;
        self.fickle = false;
        self.miss_until(t, sink);
        self.leave_doomed(t, sink);
        let mut preempted = false;
        let residue = (self.v & ((1 << self.shift) - 1)) as usize;
        while u64::from(self.phases[residue]) > self.free() {
            self.preempt(self.last, t, sink);
            preempted = true;
        }
        self.used += u64::from(self.phases[residue]);
        let mut step = Step::decode(self.n, self.k);
        // A sequence decodes a token, and there are no more sequences than tokens: `Config::check`.
        let mut budget = u64::from(self.config.max_num_batched_tokens) - self.n;
        if let Some(slot) = self.partial {
            preempted |= !self.go_on(slot, &mut budget, &mut step, t, sink);
        }
        if !preempted && self.queued > 0 {
            while budget > 0 && self.running < self.config.max_num_seqs {
                if !self.admit(&mut budget, &mut step, t, sink) {
                    break;
                }
            }
        }
        self.prefix.trim(self.free());
        if step.tokens() == 0 {
            return;
        }
        let leap = self.config.mode == Mode::Leap && step.prefill == 0 && !preempted && !self.fickle;
        let steps = if leap { self.leap(t) } else { 1 };
        let first_ps = self.cost.step(&step);
        let growth_ps = self.cost.growth(self.n);
        let prompt_ps = match (step.prefill, step.decoding) {
            (0, _) => 0,
            (_, 0) => first_ps,
            (_, n) => first_ps - self.cost.decode(n, step.decode_kv),
        };
        let mut s =
            InStep { begin: t, end: t, n: self.n, steps, first_ps, growth_ps, prefill: step.prefill, prompt_ps };
        s.end = t.after(s.ps(steps));
        self.step = Some(s);
    }

    /// How many steps can be taken at once: until a sequence ends, blocks lack, or somebody's patience ends.
    fn leap(&mut self, t: Instant) -> u64 {
        // Those that have lost their KV, or left before their end, are still in the heap.
        while let Some(&Reverse((_, order, slot))) = self.ends.peek() {
            if self.slots.get(slot).order == order {
                break;
            }
            self.ends.pop();
        }
        let end = self.ends.peek().map_or(self.v + 1, |e| e.0.0);
        let mut steps = end - self.v;
        let free = self.free();
        // No sequence needs more blocks than this: mostly there are enough, and nothing has to be counted.
        if self.n * ((steps >> self.shift) + 1) > free {
            steps = steps.min(1 + self.room(free));
        }
        if let Some(Reverse(d)) = self.deadlines.peek() {
            steps = steps.min(self.cost.steps_reaching(self.n, self.k, t.until(d.at)).max(1));
        }
        steps
    }

    /// How many steps after the one that begins have room in so many blocks.
    fn room(&self, free: u64) -> u64 {
        let size = 1_u64 << self.shift;
        // In as many steps as a block has tokens, each sequence needs one block.
        let (rounds, mut rest) = (free / self.n, free % self.n);
        for i in 0..size {
            let need = u64::from(self.phases[((self.v + 1 + i) & (size - 1)) as usize]);
            if need > rest {
                return rounds * size + i;
            }
            rest -= need;
        }
        unreachable!("the phases of all sequences add up to more than the rest")
    }

    /// Blocks that decoding needs in `steps` steps after the first from `v` on.
    pub(super) fn growth_blocks(&self, steps: u64) -> u64 {
        let size = 1_u64 << self.shift;
        let part: u64 =
            (1..=steps & (size - 1)).map(|i| u64::from(self.phases[((self.v + i) & (size - 1)) as usize])).sum();
        (steps >> self.shift) * self.n + part
    }

    /// Reads on in a prompt. False when its blocks are not there, and it loses what it has.
    fn go_on<S: Sink>(&mut self, slot: u32, budget: &mut u64, step: &mut Step, t: Instant, sink: &mut S) -> bool {
        let s = self.slots.get(slot);
        let (need, done) = (u64::from(s.need), u64::from(s.done));
        let chunk = (need - done).min(*budget);
        if chunk == 0 {
            return true;
        }
        let more = self.blocks_of(done + chunk) - self.blocks_of(done);
        if more > self.free() {
            self.preempt(slot, t, sink);
            return false;
        }
        self.used += more;
        step.add_chunk(chunk, done);
        *budget -= chunk;
        self.slots.get_mut(slot).done += chunk as u32;
        if done + chunk == need {
            self.partial = None;
            self.finishing.push(slot);
        }
        true
    }

    /// Takes up the first in the queue. False when nobody waits or it does not fit.
    fn admit<S: Sink>(&mut self, budget: &mut u64, step: &mut Step, t: Instant, sink: &mut S) -> bool {
        let Some(slot) = self.waiting.head() else { return false };
        let s = self.slots.get(slot);
        debug_assert_eq!(s.state, State::Waiting);
        // KV that has come from elsewhere joins the decoding at once; had it been lost here, it is computed.
        let joins = s.request.part == Part::Decode && s.record.preemptions == 0;
        let need = u64::from(s.need);
        let (found, chunk, blocks) = if joins {
            (Default::default(), 1, self.blocks_of(need + 1))
        } else {
            let found = self.prefix.find(&s.request, s.need, t.ceil());
            let chunk = (need - found.tokens).min(*budget);
            (found, chunk, self.blocks_of(found.tokens + chunk) - found.pinned_blocks)
        };
        if blocks + found.unpinned_blocks > self.free() {
            // What was found wants room beside the first chunk: once it is forgotten, less will do.
            self.fickle = found.tokens > 0 && self.prefix.forgets();
            return false;
        }
        self.waiting.pop();
        self.queued -= 1;
        self.sweep();
        self.used += blocks + found.unpinned_blocks;
        *budget -= chunk;
        self.prefix.take(&self.slots.get(slot).request, &found);
        self.append(slot);
        self.admissions += 1;
        let (order, at, v) = (self.admissions, t.ceil(), self.v);
        let s = self.slots.get_mut(slot);
        s.order = order;
        s.pins = found.hashes;
        if s.record.admitted == SimTime::MAX {
            s.record.admitted = at;
            s.record.cached = found.tokens as u32;
            sink.admitted(&s.record);
        }
        if joins {
            s.state = State::Decoding;
            (s.since, s.done) = (v, s.need);
            let end = v + u64::from(s.request.output - s.record.produced);
            self.join(slot, need, end);
            step.decoding += 1;
            step.decode_kv += need;
            return true;
        }
        s.state = State::Prefilling;
        s.done = (found.tokens + chunk) as u32;
        step.add_chunk(chunk, found.tokens);
        if found.tokens + chunk == need {
            self.finishing.push(slot);
        } else {
            self.partial = Some(slot);
        }
        true
    }

    /// A sequence with `tokens` of KV decodes from now on, until the counter is at `end`.
    #[inline]
    pub(super) fn join(&mut self, slot: u32, tokens: u64, end: u64) {
        let order = self.slots.get(slot).order;
        self.n += 1;
        self.k += tokens;
        let phase = self.phase(tokens);
        self.phases[phase] += 1;
        self.ends.push(Reverse((end, order, slot)));
    }

    /// Takes all KV from a running request, which waits again.
    fn preempt<S: Sink>(&mut self, slot: u32, t: Instant, sink: &mut S) {
        let was = self.slots.get(slot).state;
        self.stop(slot, t.ceil());
        let s = self.slots.get_mut(slot);
        if was == State::Decoding {
            s.last_token = t;
        }
        s.state = State::Waiting;
        s.order = 0;
        s.done = 0;
        s.need = s.request.prompt + s.record.produced;
        s.record.preemptions += 1;
        let priority = s.request.priority;
        sink.preempted(&s.record);
        self.waiting.push_first(slot, priority);
        self.queued += 1;
        self.totals.preemptions += 1;
    }

    /// Ends the running of a request: its KV is free, and what it has produced is in its record.
    pub(super) fn stop(&mut self, slot: u32, at: SimTime) {
        let s = self.slots.get(slot);
        let tokens = match s.state {
            State::Decoding => {
                let gained = self.v - s.since;
                let tokens = u64::from(s.need) + gained;
                let phase = self.phase(tokens);
                self.phases[phase] -= 1;
                self.n -= 1;
                self.k -= tokens;
                self.slots.get_mut(slot).record.produced += gained as u32;
                tokens
            }
            _ => u64::from(s.done),
        };
        if self.partial == Some(slot) {
            self.partial = None;
        }
        self.unlink(slot);
        self.release_blocks(slot, tokens, at);
    }

    /// Frees the blocks of a request that holds so many tokens.
    pub(super) fn release_blocks(&mut self, slot: u32, tokens: u64, at: SimTime) {
        let blocks = self.blocks_of(tokens);
        let s = self.slots.get_mut(slot);
        let pins = std::mem::take(&mut s.pins);
        let freed = self.prefix.release(&s.request, pins, tokens, blocks, at);
        self.used -= blocks - self.prefix.blocks_of_hashes(pins) + freed;
    }

    /// Puts a request at the end of the running ones.
    fn append(&mut self, slot: u32) {
        let last = std::mem::replace(&mut self.last, slot);
        let s = self.slots.get_mut(slot);
        (s.before, s.after) = (last, NONE);
        match last {
            NONE => self.first = slot,
            last => self.slots.get_mut(last).after = slot,
        }
        self.running += 1;
    }

    /// Takes a request out of the running ones.
    pub(super) fn unlink(&mut self, slot: u32) {
        let s = self.slots.get(slot);
        let (before, after) = (s.before, s.after);
        match before {
            NONE => self.first = after,
            before => self.slots.get_mut(before).after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.slots.get_mut(after).before = before,
        }
        self.running -= 1;
    }
}
