//! What can happen, and in which order at one instant.

use super::jobs::JobId;
use crate::fleet::NodeId;

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
}

impl Event {
    /// Its place among events of the same instant. The one table: completions free capacity before anything else
    /// looks at it, what stops work comes before what brings work, and dispatching (which is not an event: it happens when
    /// an instant's events are over) sees them all.
    pub(super) const fn class(self) -> u8 {
        match self {
            Event::Job(JobEvent::End(_)) => 0,
            Event::Fleet(FleetEvent::Evict(_)) => 2,
            Event::Fleet(FleetEvent::Change(_)) => 3,
            Event::Fleet(FleetEvent::Ready(_)) => 4,
            Event::WindowStart => 5,
            Event::Job(JobEvent::Arrive) => 6,
            Event::Job(JobEvent::Widen(_)) => 7,
            Event::Job(JobEvent::GiveUp(_)) => 8,
        }
    }

    /// A number for the run's fingerprint.
    pub(super) const fn code(self) -> u64 {
        let (class, what) = match self {
            Event::Job(JobEvent::Arrive) => (6, 0),
            Event::Job(JobEvent::End(j)) => (0, j.0),
            Event::Job(JobEvent::GiveUp(j)) => (8, j.0),
            Event::Job(JobEvent::Widen(j)) => (7, j.0),
            Event::Fleet(FleetEvent::Change(i)) => (3, i),
            Event::Fleet(FleetEvent::Ready(n)) => (4, n.0),
            Event::Fleet(FleetEvent::Evict(n)) => (2, n.0),
            Event::WindowStart => (5, 0),
        };
        (class as u64) << 32 | what as u64
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
