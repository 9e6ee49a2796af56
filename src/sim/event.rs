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
    /// Something about a service.
    Service(ServiceEvent),
    /// Something about the autoscaling of nodes.
    Nodes(NodesEvent),
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
    /// How busy the replicas are that take turns on a pool's GPUs.
    Look(PoolId),
    /// A transfer of the store of this index is done.
    Stored(u32),
}

/// About a service, or a deployment or rollout of it, by their indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceEvent {
    /// A replica's start-up is over.
    Started(JobId),
    /// A replica that is going may have nothing left.
    Drained(JobId),
    /// A rollout looks where it stands.
    Rollout(u16, u16),
    /// KEDA polls the triggers of a deployment.
    Poll(u16, u16),
    /// An HPA decides.
    Sync(u16, u16),
    /// Replicas of a deployment are scraped.
    Scrape(u16, u16),
    /// A bucket of the series is over.
    Bucket(u16),
}

/// About the autoscaling of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodesEvent {
    /// A batch of waiting pods is over.
    Provision,
    /// Whoever takes nodes away looks.
    Disrupt,
    /// A node may be too old.
    Expire(NodeId),
    /// The Descheduler runs.
    Deschedule,
    /// Pods of a node that goes may be told to.
    Drain(NodeId),
    /// A node that was marked goes.
    Remove(NodeId),
}

impl Event {
    /// Its place among events of the same instant. The one table: a bucket of time is over before anything happens in
    /// the next; completions free capacity before anything else looks at it, what stops work comes before what brings work, and dispatching (which is not an event: it happens when
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
            Capacity, CapacityNotice, Change, Evict, Look, Lost, Notice, Ready, Reap, Refill, Repaired, Shock, Stored,
        };
        use JobEvent::{Arrive, Decide, End, GiveUp, Saved, Step, Widen};
        use ServiceEvent::{Bucket, Drained, Poll, Rollout, Scrape, Started, Sync};
        const fn both(a: u16, b: u16) -> u32 {
            (a as u32) << 16 | b as u32
        }
        match self {
            Event::Service(Bucket(s)) => (0, s as u32),
            Event::Job(End(j)) | Event::Service(Drained(j)) => (1, j.0),
            Event::Job(Saved(j) | Step(j)) => (2, j.0),
            Event::Fleet(Stored(k)) => (2, k),
            Event::Fleet(Lost(n)) => (3, n.0),
            Event::Fleet(Shock(i)) => (4, i),
            Event::Fleet(Capacity(p)) => (5, p.0 as u32),
            Event::Fleet(Reap) => (6, 0),
            Event::Fleet(Notice(n)) => (7, n.0),
            Event::Fleet(CapacityNotice(p)) => (8, p.0 as u32),
            Event::Fleet(Evict(n)) => (9, n.0),
            Event::Fleet(Change(i)) => (10, i),
            Event::Fleet(Repaired(n)) => (11, n.0),
            Event::Fleet(Ready(n)) => (12, n.0),
            Event::WindowStart => (13, 0),
            Event::Job(Arrive) => (14, 0),
            Event::Job(Widen(j)) => (15, j.0),
            Event::Job(GiveUp(j)) => (16, j.0),
            Event::Fleet(Refill(p)) => (17, p.0 as u32),
            Event::Job(Decide(j)) => (18, j.0),
            Event::Service(Started(j)) => (19, j.0),
            Event::Service(Rollout(s, r)) => (20, both(s, r)),
            Event::Service(Poll(s, d)) => (21, both(s, d)),
            Event::Service(Sync(s, d)) => (22, both(s, d)),
            Event::Service(Scrape(s, d)) => (23, both(s, d)),
            Event::Nodes(NodesEvent::Expire(n)) => (24, n.0),
            Event::Nodes(NodesEvent::Drain(n) | NodesEvent::Remove(n)) => (25, n.0),
            Event::Nodes(NodesEvent::Provision) => (26, 0),
            Event::Nodes(NodesEvent::Deschedule) => (27, 0),
            Event::Nodes(NodesEvent::Disrupt) => (28, 0),
            Event::Fleet(Look(p)) => (29, p.0 as u32),
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
