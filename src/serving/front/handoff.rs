//! Requests whose prompts were read on one replica and that are decoded on another.

use super::tag::Tag;
use crate::serving::request::Ticket;
use crate::units::SimTime;

/// A request between its first token and its last, on two replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handoff {
    pub tag: Tag,
    pub arrival: SimTime,
    pub first_token: SimTime,
    pub prompt: u32,
    pub output: u32,
    pub cached: u32,
    /// Where its KV still is, until it has been moved.
    pub from: Option<(u16, u32, Ticket)>,
}

/// All of them, in places that are used again.
#[derive(Debug, Default)]
pub(super) struct Handoffs {
    places: Vec<Option<Handoff>>,
    free: Vec<u32>,
}

impl Handoffs {
    pub fn put(&mut self, h: Handoff) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = Some(h);
                place
            }
            None => {
                self.places.push(Some(h));
                u32::try_from(self.places.len() - 1).expect("fewer requests on their way than 2^32")
            }
        }
    }

    pub fn get_mut(&mut self, place: u32) -> Option<&mut Handoff> {
        self.places.get_mut(place as usize)?.as_mut()
    }

    pub fn take(&mut self, place: u32) -> Handoff {
        self.free.push(place);
        self.places[place as usize].take().expect("a place is given up once")
    }

    /// Places whose KV is still on a replica.
    pub fn moving_from(&self, lane: u16, replica: u32) -> Vec<u32> {
        let here = |h: &Handoff| h.from.is_some_and(|f| (f.0, f.1) == (lane, replica));
        let all = self.places.iter().enumerate();
        all.filter(|(_, h)| h.as_ref().is_some_and(here)).map(|(i, _)| i as u32).collect()
    }

    /// Those whose KV has left its replica and that no other replica has yet, or all that is left of a run.
    pub fn iter(&self) -> impl Iterator<Item = &Handoff> {
        self.places.iter().flatten()
    }
}
