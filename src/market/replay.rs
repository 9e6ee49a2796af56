//! A recorded availability laid over a run.
//!
//! A recording has no date of its own here: a replication begins somewhere in it. Zones that were recorded together
//! begin at the same place, so that they fall together; [`align`] cuts them to one length first.

use std::sync::Arc;

use thiserror::Error;

use super::availability::Availability;
use crate::units::{Duration, SimTime};

/// Where in the recording a replication begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// So far in, in every replication.
    Fixed(Duration),
    /// Replication `r` begins `r` times so far in, and around again when the run no longer fits behind it. On a
    /// recording in ticks the stride is rounded to whole ticks, at least one.
    Stride(Duration),
    /// Anywhere that the run fits, each tick equally likely.
    Random,
}

/// A recording and how a run goes through it.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The recording.
    pub trace: Arc<Availability>,
    /// Where replications begin.
    pub offset: Offset,
    /// After its end the recording begins again; otherwise a run must end before it does.
    pub wrap: bool,
    /// Nodes for each unit that the recording counts.
    pub nodes_per_unit: u32,
}

/// Why a run cannot go through a recording.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReplayError {
    /// Nothing was recorded.
    #[error("the trace is empty")]
    Empty,
    /// The run ends after the recording does.
    #[error("the run needs {need} from {from} into a trace of {length}, and runs off its end")]
    OffEnd {
        /// The run's length.
        need: Duration,
        /// Where it begins.
        from: Duration,
        /// The recording's length.
        length: Duration,
    },
}

impl Replay {
    /// Where in the recording the run's epoch lies. `luck` is one uniform draw from [0, 1) that all replays of a model
    /// share, so that zones of equal length stay aligned; `need` is the run's length.
    #[must_use]
    pub fn origin(&self, replication: u32, luck: f64, need: Duration) -> Duration {
        let length = self.trace.length();
        let tick = self.trace.gap().map_or(1, |g| g.0.max(1));
        match self.offset {
            Offset::Fixed(d) => d,
            Offset::Stride(_) => {
                let places = self.places(need);
                Duration(self.stride().saturating_mul(u64::from(replication) % places.max(1)))
            }
            Offset::Random => {
                // With wrap every tick is a beginning; without, those behind which the run fits.
                let room = if self.wrap { length.0.saturating_sub(1) } else { length.0.saturating_sub(need.0) };
                let ticks = room / tick + 1;
                let drawn = (luck.clamp(0.0, 1.0) * ticks as f64) as u64;
                Duration(drawn.min(ticks - 1) * tick)
            }
        }
    }

    /// How many different beginnings a stride has; 1 for the other offsets, 0 where the run does not fit at all.
    #[must_use]
    pub fn places(&self, need: Duration) -> u64 {
        let length = self.trace.length().0;
        if length == 0 || (!self.wrap && need.0 > length) {
            return 0;
        }
        match self.offset {
            Offset::Stride(_) if self.wrap => (length - 1) / self.stride() + 1,
            Offset::Stride(_) => (length - need.0) / self.stride() + 1,
            _ => 1,
        }
    }

    fn stride(&self) -> u64 {
        let Offset::Stride(by) = self.offset else { return 1 };
        match self.trace.gap() {
            Some(g) if g.0 > 0 => (((by.0 as f64 / g.0 as f64).round() as u64).max(1)).saturating_mul(g.0),
            _ => by.0.max(1),
        }
    }

    /// How many nodes are on offer at an instant. Past the end of a recording that does not wrap, none are.
    #[must_use]
    pub fn at(&self, origin: Duration, now: SimTime) -> u32 {
        self.trace.at(self.place(origin, now)).saturating_mul(self.nodes_per_unit)
    }

    /// The first instant strictly after `now` at which [`Replay::at`] changes, and to what.
    #[must_use]
    pub fn next_change(&self, origin: Duration, now: SimTime) -> Option<(SimTime, u32)> {
        let (length, place) = (self.trace.length(), self.place(origin, now));
        if place >= length {
            return None;
        }
        let nodes = |units: u32| units.saturating_mul(self.nodes_per_unit);
        if let Some((at, units)) = self.trace.next_change(place) {
            return Some((now + (at - place), nodes(units)));
        }
        let (last, first) = (self.trace.at(place), if self.wrap { self.trace.at(Duration::ZERO) } else { 0 });
        let seam = now + (length - place);
        if first != last {
            return Some((seam, nodes(first)));
        }
        // Equal on both sides of the seam: the next change lies in the next round, if there is one at all.
        let (at, units) = self.trace.next_change(Duration::ZERO).filter(|_| self.wrap)?;
        Some((seam + at, nodes(units)))
    }

    fn place(&self, origin: Duration, now: SimTime) -> Duration {
        let t = origin.0.saturating_add(now.0);
        Duration(if self.wrap && self.trace.length().0 > 0 { t % self.trace.length().0 } else { t })
    }

    /// Whether a run of this length can be had.
    ///
    /// # Errors
    /// When the recording is empty, or the run goes off its end and it does not wrap.
    pub fn check(&self, need: Duration) -> Result<(), ReplayError> {
        let length = self.trace.length();
        if length == Duration::ZERO {
            return Err(ReplayError::Empty);
        }
        let from = if let Offset::Fixed(d) = self.offset { d } else { Duration::ZERO };
        if !self.wrap && from + need > length {
            return Err(ReplayError::OffEnd { need, from, length });
        }
        Ok(())
    }
}

/// Cuts recordings that were made together to the length of the shortest, so that one origin is the same instant in
/// all. Files of one folder have different lengths and no dates; that they begin together is an assumption.
pub fn align(replays: &mut [Replay]) {
    let Some(shortest) = replays.iter().map(|r| r.trace.length()).min() else { return };
    for r in replays.iter_mut().filter(|r| r.trace.length() > shortest) {
        r.trace = Arc::new(r.trace.truncated(shortest));
    }
}
