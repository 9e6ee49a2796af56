//! The engine's state, and how it is driven.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clock::Instant;
use super::config::{BadConfig, Config};
use super::slots::{NONE, Slots, State};
use super::snapshot::Totals;
use super::waiting::Waiting;
use crate::serving::cache::prefix::PrefixCache;
use crate::serving::cost::Quantised;
use crate::serving::request::{Admission, Dropped, Part, Refusal, Request, Sink, Ticket};
use crate::units::SimTime;

/// One engine with its requests. See the [module](super) for its rules.
///
/// Whoever owns the clock calls [`advance`](Replica::advance) at [`next_event`](Replica::next_event), and anything else
/// at any time, in order of time.
#[derive(Clone, Debug)]
pub struct Replica {
    pub(super) config: Config,
    pub(super) cost: Quantised,
    pub(super) slots: Slots,
    pub(super) waiting: Waiting,
    /// Requests that wait.
    pub(super) queued: u32,
    /// Running requests by order of admission: a list through the slots.
    pub(super) first: u32,
    pub(super) last: u32,
    /// How many run.
    pub(super) running: u32,
    /// How many have been admitted.
    pub(super) admissions: u64,
    /// The one whose prompt is read in parts. There is one at most, and it is the last: who is left with a part of a
    /// prompt has used up the budget.
    pub(super) partial: Option<u32>,
    /// Counts decode steps: every decoding sequence gains a token in each.
    pub(super) v: u64,
    /// Decoding sequences.
    pub(super) n: u64,
    /// KV tokens that they hold.
    pub(super) k: u64,
    /// When each decoding sequence ends, by `v`. One that has lost its KV since no longer has that order.
    pub(super) ends: BinaryHeap<Reverse<End>>,
    /// Decoding sequences by the residue of `v` at which they need a new block.
    pub(super) phases: Box<[u32]>,
    /// Blocks of KV in use.
    pub(super) used: u64,
    /// Blocks there are.
    pub(super) blocks: u64,
    /// Binary logarithm of the tokens in a block.
    pub(super) shift: u32,
    pub(super) prefix: PrefixCache,
    /// The first in the queue lacks blocks now, and may lack none a step later though nobody leaves: no leap.
    pub(super) fickle: bool,
    /// The step or leap in progress.
    pub(super) step: Option<InStep>,
    /// Whose prompts are read to the end in it.
    pub(super) finishing: Vec<u32>,
    /// An idle engine begins then.
    pub(super) wake: Option<SimTime>,
    pub(super) deadlines: BinaryHeap<Reverse<Deadline>>,
    /// Running requests that leave when the step ends.
    pub(super) doomed: Vec<(Ticket, Dropped)>,
    pub(super) draining: bool,
    pub(super) totals: Totals,
}

/// When a sequence ends: the step counter, the order of admission (ties leave in it), the slot.
pub(super) type End = (u64, u64, u32);

/// When a request's patience ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline {
    pub at: SimTime,
    pub slot: u32,
    pub turn: u32,
    /// Of being taken up; else of being finished.
    pub start: bool,
}

/// A step in progress, or several that leap over.
#[derive(Clone, Copy, Debug)]
pub(super) struct InStep {
    pub begin: Instant,
    pub end: Instant,
    /// Decoding sequences in it.
    pub n: u64,
    pub steps: u64,
    /// Picoseconds of the first step, and by how much each is longer than the one before.
    pub first_ps: u64,
    pub growth_ps: u64,
    /// Prompt tokens in it.
    pub prefill: u64,
    /// Picoseconds that these add to it.
    pub prompt_ps: u64,
}

impl InStep {
    /// Picoseconds of so many of its steps; 213 days at most.
    #[inline]
    pub const fn ps(&self, steps: u64) -> u64 {
        let pairs = steps.saturating_mul(steps.saturating_sub(1)) / 2;
        self.first_ps.saturating_mul(steps).saturating_add(self.growth_ps.saturating_mul(pairs))
    }

    /// What prompts added to it until `now`, in proportion to its length. Steps with prompts are never taken together.
    pub const fn prompt_part(&self, now: SimTime) -> u128 {
        if self.prompt_ps == 0 {
            return 0;
        }
        let so_far = self.begin.until(now);
        let so_far = if so_far < self.first_ps { so_far } else { self.first_ps };
        self.prompt_ps as u128 * so_far as u128 / self.first_ps as u128
    }

    /// How many of its steps have ended by `now`.
    #[inline]
    pub fn done(&self, now: SimTime) -> u64 {
        let ps = self.begin.until(now);
        // What `Quantised::steps_within` does, with what is known here. A float gets within a step or so of the root;
        // integers settle it.
        let (g, w) = (self.growth_ps as f64, ps as f64);
        let d = self.first_ps as f64 - g / 2.0;
        let mut steps = ((2.0 * w / (d + (d * d + 2.0 * g * w).sqrt())) as u64).min(self.steps);
        while self.ps(steps) > ps {
            steps -= 1;
        }
        while steps < self.steps && self.ps(steps + 1) <= ps {
            steps += 1;
        }
        steps
    }
}

impl Replica {
    /// A replica with nothing in it.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(config: Config, cost: Quantised) -> Result<Replica, BadConfig> {
        config.check()?;
        let prefix = PrefixCache::new(config.prefix, config.block_tokens);
        Ok(Replica {
            blocks: config.kv_blocks(),
            shift: config.block_tokens.trailing_zeros(),
            phases: vec![0; config.block_tokens as usize].into(),
            slots: Slots::default(),
            waiting: Waiting::default(),
            queued: 0,
            first: NONE,
            last: NONE,
            running: 0,
            admissions: 0,
            partial: None,
            v: 0,
            n: 0,
            k: 0,
            ends: BinaryHeap::new(),
            used: 0,
            prefix,
            fickle: false,
            step: None,
            finishing: Vec::new(),
            wake: None,
            deadlines: BinaryHeap::new(),
            doomed: Vec::new(),
            draining: false,
            totals: Totals::default(),
            config,
            cost,
        })
    }

    /// Its limits.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// When something happens here next if nothing comes; `None` when it idles.
    #[inline]
    #[must_use]
    pub fn next_event(&self) -> Option<SimTime> {
        let own = self.step.map(|s| s.end.ceil()).or(self.wake);
        match self.deadlines.peek() {
            None => own,
            // Of a request that has left meanwhile it may be: then nothing happens at that time, which does no harm.
            Some(Reverse(d)) => Some(own.map_or(d.at, |o| o.min(d.at))),
        }
    }

    /// Lets everything happen that happens until `now`, `now` included.
    #[inline]
    pub fn advance<S: Sink>(&mut self, now: SimTime, sink: &mut S) {
        self.advance_to(now, true, sink);
    }

    /// As [`Replica::advance`]; an idle engine does not begin at `now` itself unless `wakes`: others may come at this
    /// instant.
    #[inline]
    pub(super) fn advance_to<S: Sink>(&mut self, now: SimTime, wakes: bool, sink: &mut S) {
        let limit = Instant::at(now);
        loop {
            let end = self.step.map(|s| s.end);
            let next = end.or(self.wake.map(Instant::at));
            if let Some(&Reverse(d)) = self.deadlines.peek()
                && d.at <= now
                && next.is_none_or(|next| Instant::at(d.at) < next)
            {
                self.deadlines.pop();
                self.miss(d, sink);
                continue;
            }
            let Some(next) = next.filter(|&next| next < limit || (next == limit && (wakes || end.is_some()))) else {
                break;
            };
            self.wake = None;
            self.finish(sink);
            self.begin(next, sink);
        }
    }

    /// Brings a request. It may be in a step that begins later than `now`; an idle engine begins at `now`, with all that
    /// is offered by then, when it is next advanced.
    pub fn offer<S: Sink>(&mut self, now: SimTime, request: Request, sink: &mut S) -> Admission {
        self.advance_to(now, false, sink);
        let why = match self.config.refusal(&request) {
            _ if self.draining => Some(Refusal::Draining),
            None if self.queued >= self.config.queue_limit => Some(Refusal::QueueFull),
            why => why,
        };
        if let Some(why) = why {
            self.totals.refused += 1;
            sink.refused(&request, now, why);
            return Admission::Refused(why);
        }
        let priority = request.priority;
        let (start_by, finish_by) = (request.start_by, request.finish_by);
        let slot = self.slots.take(request, now, 0);
        if self.slots.get(slot).request.part == Part::Decode {
            let s = self.slots.get_mut(slot);
            (s.record.produced, s.record.first_token) = (1, now);
        }
        let ticket = self.slots.ticket(slot);
        for (at, start) in [(start_by, true), (finish_by, false)] {
            if at != SimTime::MAX {
                self.deadlines.push(Reverse(Deadline { at, slot, turn: ticket.turn, start }));
            }
        }
        self.waiting.push_last(slot, priority);
        self.queued += 1;
        self.totals.offered += 1;
        if self.step.is_none() {
            self.wake.get_or_insert(now);
        } else if self.running < self.config.max_num_seqs && self.waiting.head() == Some(slot) {
            self.cut(now);
        }
        Admission::Taken(ticket)
    }

    /// Ends a leap with the step that is in progress at `now`: the next one may be different.
    pub(super) fn cut(&mut self, now: SimTime) {
        let Some(s) = &mut self.step else { return };
        if s.steps < 2 {
            return;
        }
        let steps = s.done(now) + 1;
        if steps < s.steps {
            s.steps = steps;
            s.end = s.begin.after(s.ps(steps));
        }
    }

    /// Steps cost something else from the next one on: what is in progress ends as it began.
    pub fn set_cost(&mut self, now: SimTime, cost: Quantised) {
        self.cut(now);
        self.cost = cost;
    }

    /// Blocks that so many tokens take.
    #[inline]
    pub(super) const fn blocks_of(&self, tokens: u64) -> u64 {
        tokens.div_ceil(1 << self.shift)
    }

    /// Blocks that no request needs.
    #[inline]
    pub(super) const fn free(&self) -> u64 {
        self.blocks - self.used
    }

    /// The residue of `v` at which a sequence that holds `tokens` now needs a new block.
    #[inline]
    pub(super) const fn phase(&self, tokens: u64) -> usize {
        (self.v.wrapping_sub(tokens) & ((1 << self.shift) - 1)) as usize
    }

    /// A request's patience has ended.
    fn miss<S: Sink>(&mut self, d: Deadline, sink: &mut S) {
        let ticket = Ticket { slot: d.slot, turn: d.turn };
        let Some(slot) = self.slots.of(ticket) else { return };
        let s = self.slots.get(slot);
        // Who has been taken up once has started, even if it waits again.
        if d.start && s.record.admitted != SimTime::MAX {
            return;
        }
        let why = if d.start { Dropped::WaitedTooLong } else { Dropped::TookTooLong };
        match s.state {
            State::Waiting => self.drop_waiting(slot, d.at, why, sink),
            State::Prefilling | State::Decoding => self.doomed.push((ticket, why)),
            State::Moving | State::Gone => {}
        }
    }

    /// Patience that has ended by the beginning of a step.
    pub(super) fn miss_until<S: Sink>(&mut self, t: Instant, sink: &mut S) {
        while let Some(&Reverse(d)) = self.deadlines.peek() {
            if Instant::at(d.at) > t {
                break;
            }
            self.deadlines.pop();
            self.miss(d, sink);
        }
    }

    /// Takes a waiting request out of the queue for good.
    pub(super) fn drop_waiting<S: Sink>(&mut self, slot: u32, at: SimTime, why: Dropped, sink: &mut S) {
        let s = self.slots.get_mut(slot);
        s.record.ended = at;
        let record = s.record;
        self.slots.vacate(slot);
        self.queued -= 1;
        self.totals.dropped += 1;
        sink.dropped(&record, why);
        self.sweep();
    }

    /// Gives back the slots of those who left the queue: at its head at once, elsewhere when they are many.
    pub(super) fn sweep(&mut self) {
        if self.waiting.places() == self.queued as usize {
            return;
        }
        while let Some(head) = self.waiting.head()
            && self.slots.get(head).state == State::Gone
        {
            self.waiting.pop();
            self.slots.give_back(head);
        }
        if self.waiting.places() > 2 * self.queued as usize + 64 {
            let slots = &mut self.slots;
            self.waiting.sweep(|s| {
                let gone = slots.get(s).state == State::Gone;
                if gone {
                    slots.give_back(s);
                }
                gone
            });
        }
    }
}
