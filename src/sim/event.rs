//! What can happen, and in which order at one instant.

use super::jobs::JobId;
use crate::fleet::{NodeId, PoolId};

/// An event. Small and `Copy`: state lives in the world, an event only says where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Something about a job.
    Job(JobEvent),
    /// Something about the fleet.
    Fleet(FleetEvent),
    /// The measured window begins.
    WindowStart,
}

/// About a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobEvent {
    /// The next one arrives; which is for the arrivals to say.
    Arrive,
    /// Its run is over.
    End(JobId),
    /// Its owner will wait no longer.
    GiveUp(JobId),
    /// The next tier of pools opens to it.
    Widen(JobId),
    /// Its save is done.
    Saved(JobId),
    /// It decides which capacity it wants.
    Decide(JobId),
    /// What it is doing on a shared store is over.
    Step(JobId),
}

/// About the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FleetEvent {
    /// The dated change of this index is due.
    Change(u32),
    /// A node has booted.
    Ready(NodeId),
    /// A cordoned node's grace is over.
    Evict(NodeId),
    /// A node is told that it will be taken back.
    Notice(NodeId),
    /// A node is taken back, or breaks.
    Lost(NodeId),
    /// Everything that is lost at this instant is known.
    Reap,
    /// A broken node works again.
    Repaired(NodeId),
    /// Several nodes are hit at once, by the process of this index.
    Shock(u32),
    /// What a pool's market offers changes.
    Capacity(PoolId),
    /// It will shrink: those who have to go are told.
    CapacityNotice(PoolId),
    /// A pool that lost nodes may try to launch again.
    Refill(PoolId),
    /// A transfer of the store of this index is done.
    Stored(u32),
}

impl Event {
    /// Its place among events of the same instant. The one table: completions free capacity before anything else
    /// looks at it, what stops work comes before what brings work, and dispatching (which is not an event: it happens when
    /// an instant's events are over) sees them all.
    pub(super) const fn class(self) -> u8 {
        self.key().0
    }

    /// A number for the run's fingerprint.
    pub(super) const fn code(self) -> u64 {
        let (class, what) = self.key();
        (class as u64) << 32 | what as u64
    }

    /// Its class, and what it is about.
    const fn key(self) -> (u8, u32) {
        use FleetEvent::{
            Capacity, CapacityNotice, Change, Evict, Lost, Notice, Ready, Reap, Refill, Repaired, Shock, Stored,
        };
        use JobEvent::{Arrive, Decide, End, GiveUp, Saved, Step, Widen};
        match self {
            Event::Job(End(j)) => (0, j.0),
            Event::Job(Saved(j) | Step(j)) => (1, j.0),
            Event::Fleet(Stored(k)) => (1, k),
            Event::Fleet(Lost(n)) => (2, n.0),
            Event::Fleet(Shock(i)) => (3, i),
            Event::Fleet(Capacity(p)) => (4, p.0 as u32),
            Event::Fleet(Reap) => (5, 0),
            Event::Fleet(Notice(n)) => (6, n.0),
            Event::Fleet(CapacityNotice(p)) => (7, p.0 as u32),
            Event::Fleet(Evict(n)) => (8, n.0),
            Event::Fleet(Change(i)) => (9, i),
            Event::Fleet(Repaired(n)) => (10, n.0),
            Event::Fleet(Ready(n)) => (11, n.0),
            Event::WindowStart => (12, 0),
            Event::Job(Arrive) => (13, 0),
            Event::Job(Widen(j)) => (14, j.0),
            Event::Job(GiveUp(j)) => (15, j.0),
            Event::Fleet(Refill(p)) => (16, p.0 as u32),
            Event::Job(Decide(j)) => (17, j.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_come_before_arrivals_and_the_code_carries_the_class() {
        let end = Event::Job(JobEvent::End(JobId(7)));
        let arrive = Event::Job(JobEvent::Arrive);
        assert!(end.class() < arrive.class());
        assert!(arrive.class() < Event::Job(JobEvent::GiveUp(JobId(7))).class(), "an arrival may still be served");
        for e in [end, arrive, Event::WindowStart, Event::Fleet(FleetEvent::Ready(NodeId(3)))] {
            assert_eq!(e.code() >> 32, u64::from(e.class()));
        }
        assert!(size_of::<Event>() <= 12);
    }
}
