//! Where a replica keeps its requests: slots that are used again, so that memory does not grow with their number.

use super::clock::Instant;
use crate::serving::request::{Prefix, Record, Request, Ticket};
use crate::units::SimTime;

/// No slot: the end of a list.
pub(super) const NONE: u32 = u32::MAX;

/// What a request is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not here: the slot is free, or a place in the queue that nobody has any longer.
    Gone,
    Waiting,
    /// Its prompt is being read.
    Prefilling,
    Decoding,
    /// Its prompt has been read and its KV is on the way to another replica.
    Moving,
}

/// A request in a replica.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub request: Request,
    pub record: Record,
    pub state: State,
    /// How often the slot has been used: tells a ticket of an earlier use.
    pub turn: u32,
    /// Tokens to be in the KV before the next token can be produced.
    pub need: u32,
    /// Of these, computed or found in the cache.
    pub done: u32,
    /// Hashed blocks of the cache that it holds.
    pub pins: u32,
    /// Of an admitted one, the order of admission; else 0.
    pub order: u64,
    /// The step counter when it began to decode.
    pub since: u64,
    /// When its last token was there, if it has lost its KV since.
    pub last_token: Instant,
    /// The one admitted before it, and the one after.
    pub before: u32,
    pub after: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    all: Vec<Slot>,
    free: Vec<u32>,
}

impl Slots {
    #[inline]
    pub fn get(&self, i: u32) -> &Slot {
        &self.all[i as usize]
    }

    #[inline]
    pub fn get_mut(&mut self, i: u32) -> &mut Slot {
        &mut self.all[i as usize]
    }

    /// A slot for a request that begins to wait.
    pub fn take(&mut self, request: Request, now: SimTime, produced: u32) -> u32 {
        let record = Record {
            id: request.id,
            arrival: request.arrival,
            offered: now,
            admitted: SimTime::MAX,
            first_token: if produced > 0 { now } else { SimTime::MAX },
            ended: SimTime::MAX,
            prompt: request.prompt,
            output: request.output,
            produced,
            cached: 0,
            preemptions: 0,
        };
        let need = request.prompt;
        if let Some(i) = self.free.pop() {
            let s = &mut self.all[i as usize];
            (s.request, s.record, s.state) = (request, record, State::Waiting);
            (s.need, s.done, s.pins, s.order) = (need, 0, 0, 0);
            return i;
        }
        self.all.push(Slot {
            request,
            record,
            state: State::Waiting,
            turn: 0,
            need,
            done: 0,
            pins: 0,
            order: 0,
            since: 0,
            last_token: Instant::default(),
            before: NONE,
            after: NONE,
        });
        u32::try_from(self.all.len() - 1).expect("fewer requests in a replica than 2^32")
    }

    /// Ends a request. Its slot is used again only after [`Slots::give_back`]: a queue may still name it.
    #[inline]
    pub fn vacate(&mut self, i: u32) {
        let s = &mut self.all[i as usize];
        s.state = State::Gone;
        s.turn = s.turn.wrapping_add(1);
        s.order = 0;
        s.request.prefix = Prefix::None;
    }

    /// Gives a vacated slot back.
    #[inline]
    pub fn give_back(&mut self, i: u32) {
        self.free.push(i);
    }

    pub fn ticket(&self, i: u32) -> Ticket {
        Ticket { slot: i, turn: self.get(i).turn }
    }

    /// The slot of a ticket that is still good.
    pub fn of(&self, t: Ticket) -> Option<u32> {
        self.all.get(t.slot as usize).filter(|s| s.turn == t.turn && s.state != State::Gone).map(|_| t.slot)
    }

    /// Forgets all requests at once; earlier tickets stay void.
    pub fn clear(&mut self) {
        for i in 0..self.all.len() as u32 {
            if self.get(i).state != State::Gone {
                self.vacate(i);
            }
        }
        self.free = (0..self.all.len() as u32).rev().collect();
    }

    /// Slots there are, free ones included: the most requests that were here at once.
    pub fn len(&self) -> usize {
        self.all.len()
    }
}
