//! Runs that share a store: what they write and read takes longer the more of them do so at once.
//!
//! Where a store is shared a run goes on by events: compute to the next checkpoint, write (or copy, and write while it
//! computes on), and so forth. Where it is not, [`crate::training::progress`] has all of it in closed form; the two agree
//! to the nanosecond when a run has the store to itself and persists within its interval.

use std::num::NonZeroU64;

use super::event::{Event, FleetEvent, JobEvent};
use super::jobs::JobId;
use super::world::World;
use crate::kernel::Timer;
use crate::training::progress::Reached;
use crate::training::restart::Stage;
use crate::training::store::Store;
use crate::units::{Duration, SimTime};

/// A store and when its next transfer is done.
#[derive(Clone, Debug)]
pub(super) struct SharedStore {
    store: Store,
    next: Option<Timer>,
}

/// What a run on a shared store is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Going through the fixed stages of setting up.
    SetUp,
    /// Reading its checkpoint.
    Read,
    /// Computing.
    Compute,
    /// Standing still for the copy to host memory.
    Block,
    /// Standing still until the checkpoint is written.
    Write,
    /// Finishing the step in flight before a save.
    Drain,
    /// Writing on notice, or before a planned move.
    Save,
}

/// Where an attempt on a shared store stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    phase: Phase,
    /// When the phase began.
    since: SimTime,
    /// When computing began.
    began: SimTime,
    /// Compute done when the phase began.
    done: Duration,
    /// Compute at which the next checkpoint is taken.
    target: Duration,
    /// What the checkpoint on its way to the store holds, and when its stall ended.
    flight: Option<(Duration, SimTime)>,
    /// What the last durable one holds, and when its stall ended.
    kept: (Duration, SimTime),
    checkpoints: u64,
}

impl Steps {
    /// Compute done until now: slower while a checkpoint is on its way.
    fn computed(&self, now: SimTime, slow_ppm: u32) -> Duration {
        if self.phase != Phase::Compute {
            return self.done;
        }
        let wall = now.since(self.since).0;
        let slow = if self.flight.is_some() { u128::from(slow_ppm) } else { 0 };
        Duration(self.done.0 + wall - (u128::from(wall) * slow / 1_000_000) as u64)
    }

    /// Where the attempt stands, as the closed form would say it.
    pub fn reached(&self, now: SimTime, slow_ppm: u32) -> Reached {
        if matches!(self.phase, Phase::SetUp | Phase::Read) {
            return Reached::default();
        }
        let done = self.computed(now, slow_ppm);
        let elapsed = now.since(self.began);
        let (durable, at) = self.kept;
        let durable_at = at.since(self.began);
        Reached {
            done,
            durable,
            durable_at,
            stalled_durable: durable_at - durable,
            stalled: elapsed - done,
            checkpoints: self.checkpoints,
        }
    }
}

impl World<'_, '_> {
    pub fn open_stores(&mut self) {
        let bps = |n: u64| NonZeroU64::new(n).unwrap_or(NonZeroU64::MIN);
        let open = |total: u64| SharedStore { store: Store::new(bps(total), NonZeroU64::MAX), next: None };
        self.stores = self.model.stores.iter().map(|s| open(s.total_bps)).collect();
    }

    /// Whether the job's checkpoints go to a store that others use too: which, and how fast it can write itself.
    fn shared_store(&self, id: JobId) -> Option<(usize, NonZeroU64)> {
        let c = &self.run_spec(self.jobs[id].work)?.checkpoint;
        Some((usize::from(c.store?), NonZeroU64::new(c.own_bps).unwrap_or(NonZeroU64::MAX)))
    }

    /// Begins an attempt on a shared store: its fixed stages first.
    pub fn begin_steps(&mut self, id: JobId) {
        if self.shared_store(id).is_none() {
            return;
        }
        let now = self.now;
        let Some(r) = self.jobs[id].run.as_deref_mut() else { return };
        // The checkpoint is read from the store, for as long as that takes.
        let reads = r.stages.iter().position(|(s, _)| *s == Stage::Read);
        if let Some(i) = reads {
            r.stages.remove(i);
        }
        r.set_up = Duration(r.stages.iter().map(|(_, d)| d.0).sum());
        r.reads = reads.is_some();
        r.steps = Some(Steps {
            phase: Phase::SetUp,
            since: now,
            began: SimTime::MAX,
            done: Duration::ZERO,
            target: Duration::ZERO,
            flight: None,
            kept: (Duration::ZERO, SimTime::ZERO),
            checkpoints: 0,
        });
        let at = now + r.set_up;
        // Until it computes, all of the attempt is setting up.
        r.set_up = Duration(u64::MAX / 4);
        self.step_at(id, at);
    }

    fn step_at(&mut self, id: JobId, at: SimTime) {
        if let Some(t) = self.jobs[id].end_timer.take() {
            self.queue.cancel(t);
        }
        let e = Event::Job(JobEvent::Step(id));
        self.jobs[id].end_timer = Some(self.queue.arm(at, e.class(), e));
    }

    fn steps(&mut self, id: JobId) -> Option<&mut Steps> {
        self.jobs[id].run.as_deref_mut()?.steps.as_mut()
    }

    /// The phase that a run is in is over.
    pub fn step(&mut self, id: JobId) {
        let now = self.now;
        self.jobs[id].end_timer = None;
        let Some(r) = self.jobs[id].run.as_deref_mut() else { return };
        let (reads, wall, pace) = (r.reads, r.wall, r.pace);
        let Some(s) = r.steps.as_mut() else { return };
        match s.phase {
            Phase::SetUp if reads => {
                (s.phase, s.since) = (Phase::Read, now);
                self.transfer(id);
            }
            Phase::SetUp => self.compute(id, true),
            Phase::Compute => {
                s.done = s.computed(now, pace.slow_ppm).min(s.target);
                s.since = now;
                if s.done >= wall {
                    self.end_job(id);
                } else if s.flight.is_some() {
                    // A snapshot may not begin before the one before it is persisted: compute on, the end of the
                    // transfer comes first.
                    s.target = wall;
                    self.compute(id, false);
                } else if pace.persist.0 > 0 {
                    s.phase = Phase::Block;
                    self.step_at(id, now + pace.stall);
                } else {
                    s.phase = Phase::Write;
                    s.flight = Some((s.done, now));
                    self.transfer(id);
                }
            }
            Phase::Block => {
                s.flight = Some((s.done, now));
                self.compute(id, false);
                self.transfer(id);
            }
            Phase::Drain => {
                (s.phase, s.since) = (Phase::Save, now);
                self.transfer(id);
            }
            Phase::Read | Phase::Write | Phase::Save => {}
        }
    }

    /// Computes until the next checkpoint is due or the work is done.
    fn compute(&mut self, id: JobId, first: bool) {
        let now = self.now;
        let Some(r) = self.jobs[id].run.as_deref_mut() else { return };
        let (wall, pace, start) = (r.wall, r.pace, self.jobs[id].start);
        let Some(r) = self.jobs[id].run.as_deref_mut() else { return };
        if first {
            // Setting up is over: as long as it took.
            let took = now - start;
            let fixed: u64 = r.stages.iter().map(|(_, d)| d.0).sum();
            if r.reads {
                r.stages.push((Stage::Read, Duration(took.0 - fixed)));
            }
            r.set_up = took;
        }
        let Some(s) = r.steps.as_mut() else { return };
        if first {
            (s.began, s.kept) = (now, (Duration::ZERO, now));
        }
        (s.phase, s.since) = (Phase::Compute, now);
        let interval = pace.interval.0.max(1);
        if s.target <= s.done {
            s.target = Duration((s.done.0 + interval).min(wall.0));
        }
        let slow = if s.flight.is_some() { u128::from(pace.slow_ppm.min(999_999)) } else { 0 };
        let left = u128::from((s.target - s.done).0);
        let at = now + Duration((left * 1_000_000).div_ceil(1_000_000 - slow) as u64);
        self.step_at(id, at);
    }

    /// Begins the transfer that the run's phase is about.
    fn transfer(&mut self, id: JobId) {
        let Some((k, own)) = self.shared_store(id) else { return };
        let bytes = self.run_spec(self.jobs[id].work).map_or(0, |r| r.checkpoint.bytes);
        self.stores[k].store.start(self.now, id.0, bytes, own);
        self.await_store(k);
    }

    fn await_store(&mut self, k: usize) {
        if let Some(t) = self.stores[k].next.take() {
            self.queue.cancel(t);
        }
        if let Some((at, _)) = self.stores[k].store.next_done() {
            let e = Event::Fleet(FleetEvent::Stored(k as u32));
            self.stores[k].next = Some(self.queue.arm(at.max(self.now), e.class(), e));
        }
    }

    /// A transfer is done.
    pub fn stored(&mut self, k: usize) {
        let now = self.now;
        self.stores[k].next = None;
        let Some((_, raw)) = self.stores[k].store.next_done().filter(|(at, _)| *at <= now) else {
            self.await_store(k);
            return;
        };
        self.stores[k].store.finish(now, raw);
        self.await_store(k);
        let id = JobId(raw);
        let Some(s) = self.steps(id) else { return };
        match s.phase {
            Phase::Read => self.compute(id, true),
            Phase::Save => self.saved(id),
            Phase::Write => {
                s.kept = (s.done, now);
                s.flight = None;
                s.checkpoints += 1;
                self.compute(id, false);
            }
            Phase::Compute | Phase::Block => {
                // Persisted in the background.
                let slow = self.jobs[id].run.as_deref().map_or(0, |r| r.pace.slow_ppm);
                let interval = self.jobs[id].run.as_deref().map_or(1, |r| r.pace.interval.0.max(1));
                let Some(s) = self.steps(id) else { return };
                if s.phase == Phase::Compute {
                    s.done = s.computed(now, slow);
                    s.since = now;
                }
                if let Some((holds, at)) = s.flight.take() {
                    s.kept = (holds, at);
                    s.checkpoints += 1;
                    // One that is overdue is taken now.
                    s.target = Duration((holds.0 + interval).max(s.done.0));
                }
                if s.phase == Phase::Compute {
                    self.again(id);
                }
            }
            Phase::SetUp | Phase::Drain => {}
        }
    }

    /// Goes on computing at another speed, towards a target that may be due at once.
    fn again(&mut self, id: JobId) {
        let now = self.now;
        let Some(r) = self.jobs[id].run.as_deref_mut() else { return };
        let wall = r.wall;
        let Some(s) = r.steps.as_mut() else { return };
        s.target = s.target.min(wall);
        let at = now + (s.target - s.done.min(s.target));
        self.step_at(id, at);
    }

    /// Begins a save on a shared store, where it takes as long as it takes: whether the run is on one. Computing stops at
    /// once; until the save was known to be needed and the step in flight was over, time goes by.
    pub fn save_to_store(&mut self, id: JobId, until_writing: Duration) -> bool {
        let Some((k, _)) = self.shared_store(id) else { return false };
        let now = self.now;
        let slow = self.jobs[id].run.as_deref().map_or(0, |r| r.pace.slow_ppm);
        // What was on its way makes room for all that there is.
        self.stores[k].store.abort(now, id.0);
        self.await_store(k);
        if let Some(s) = self.steps(id) {
            s.done = s.computed(now, slow);
            (s.phase, s.since, s.flight) = (Phase::Drain, now, None);
        }
        self.step_at(id, now + until_writing);
        true
    }

    /// The attempt is over: its transfer, if there is one, is cut off.
    pub fn stop_steps(&mut self, id: JobId) {
        let Some((k, _)) = self.shared_store(id) else { return };
        if self.stores[k].store.abort(self.now, id.0).is_some() {
            self.await_store(k);
        }
        if let Some(r) = self.jobs[id].run.as_deref_mut() {
            r.steps = None;
        }
    }
}
