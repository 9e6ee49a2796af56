//! Many replicas behind a router, as one source of events.
//!
//! What happens next among a thousand replicas is kept in a tournament over their next events: a change costs ten
//! comparisons, and no entry is ever stale.

use super::config::BadConfig;
use super::engine::Replica;
use crate::kernel::Stream;
use crate::serving::request::{Admission, Evicted, Prefix, Request, Sink};
use crate::serving::router::tournament::Tournament;
use crate::serving::router::{Router, Routing};
use crate::units::SimTime;

/// Replicas of a service.
#[derive(Clone, Debug)]
pub struct Group {
    replicas: Vec<Option<Replica>>,
    next: Tournament<SimTime>,
    router: Router,
}

/// What became of an offer to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routed {
    /// This replica was asked, and said so.
    To(u32, Admission),
    /// There is none to ask.
    Nowhere,
}

impl Group {
    /// No replica yet.
    #[must_use]
    pub fn new(routing: Routing) -> Group {
        Group { replicas: Vec::new(), next: Tournament::new(SimTime::MAX), router: Router::new(routing) }
    }

    /// A replica that takes requests from now on; returns its number, the lowest that is free.
    pub fn add(&mut self, replica: Replica) -> u32 {
        let at = self.replicas.iter().position(Option::is_none).unwrap_or_else(|| {
            self.replicas.push(None);
            self.replicas.len() - 1
        });
        let i = u32::try_from(at).expect("fewer replicas than 2^32");
        self.router.open(i);
        self.replicas[at] = Some(replica);
        self.refresh(i);
        i
    }

    /// As many replicas of the same configuration and cost.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn add_many(
        &mut self,
        n: u32,
        config: &super::Config,
        cost: &crate::serving::cost::Quantised,
    ) -> Result<(), BadConfig> {
        for _ in 0..n {
            self.add(Replica::new(config.clone(), cost.clone())?);
        }
        Ok(())
    }

    /// When something happens next; `None` when all idle.
    #[inline]
    #[must_use]
    pub fn next_event(&self) -> Option<SimTime> {
        self.next.best().map(|b| b.0)
    }

    /// Lets everything happen that happens until `now`, in order of time, then of number.
    #[inline]
    pub fn advance<S: Sink>(&mut self, now: SimTime, sink: &mut S) {
        while let Some((at, i)) = self.next.best()
            && at <= now
        {
            if let Some(r) = &mut self.replicas[i] {
                sink.of(i as u32);
                r.advance(at, sink);
            }
            self.refresh(i as u32);
        }
    }

    /// Brings a request to the replica that the router chooses. Call after [`Group::advance`] to before `now`. `stream`
    /// is for routers that draw.
    pub fn offer<S: Sink>(&mut self, now: SimTime, request: Request, stream: &mut Stream, sink: &mut S) -> Routed {
        let key = match &request.prefix {
            Prefix::None => None,
            Prefix::Session { session, .. } => Some(*session),
            Prefix::Blocks(hashes) => hashes.first().copied(),
        };
        let Some(i) = self.router.choose(key, stream) else { return Routed::Nowhere };
        let Some(r) = &mut self.replicas[i as usize] else { return Routed::Nowhere };
        sink.of(i);
        let said = r.offer(now, request, sink);
        self.refresh(i);
        Routed::To(i, said)
    }

    /// Whether no replica takes requests.
    #[inline]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.router.replicas().is_empty()
    }

    /// A replica takes no new requests; those that are there go on.
    pub fn drain(&mut self, i: u32) {
        self.router.close(i);
        if let Some(r) = self.get_mut(i) {
            r.drain();
        }
    }

    /// A replica goes, and hands back what was there.
    pub fn remove<S: Sink>(&mut self, now: SimTime, i: u32, sink: &mut S) -> Vec<Evicted> {
        self.router.close(i);
        self.next.set(i as usize, SimTime::MAX);
        let Some(mut r) = self.replicas.get_mut(i as usize).and_then(Option::take) else { return Vec::new() };
        sink.of(i);
        let back = r.evict_all(now, sink);
        self.router.tell(i, 0, 0);
        back
    }

    /// A replica by its number.
    #[must_use]
    pub fn get(&self, i: u32) -> Option<&Replica> {
        self.replicas.get(i as usize)?.as_ref()
    }

    /// The same, to do something with it; follow with [`Group::refresh`].
    pub fn get_mut(&mut self, i: u32) -> Option<&mut Replica> {
        self.replicas.get_mut(i as usize)?.as_mut()
    }

    /// Replicas there are, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Replica)> {
        self.replicas.iter().enumerate().filter_map(|(i, r)| Some((i as u32, r.as_ref()?)))
    }

    /// Takes note of what was done with a replica.
    #[inline]
    pub fn refresh(&mut self, i: u32) {
        let Some(r) = &self.replicas[i as usize] else { return };
        self.next.set(i as usize, r.next_event().unwrap_or(SimTime::MAX));
        self.router.tell(i, r.outstanding(), r.kv_blocks_used());
    }
}
