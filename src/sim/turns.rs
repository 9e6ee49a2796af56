//! GPUs on which pods take turns: how much those who share one slow each other down.
//!
//! `slowdown = 1 + k · Σ duty of the others` (`gpu_partitioning.md` 4.3). A job's duty is the share of its time in which it
//! does not stall; that of a replica is how busy it was since the last look, so that an idle endpoint slows nobody. When
//! somebody comes, goes or is looked at, jobs go on with a later or an earlier end, and replicas take the new cost from
//! their next step on.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::event::{Event, FleetEvent, JobEvent};
use super::jobs::JobId;
use super::world::World;
use crate::fleet::sharing::contention::Tenant;
use crate::fleet::{NodeId, PoolId};
use crate::scenario::model::Turns;
use crate::units::{Duration, SimTime};

/// A slowdown of nothing, in thousandths.
const ALONE: u32 = 1000;

/// One of those who share a GPU.
#[derive(Clone, Debug)]
struct Seat {
    job: JobId,
    /// Share of its time in which it has work, in hundredths.
    duty: u32,
    /// Share of the GPU that it uses then, parts per million.
    uses: u32,
    /// How many times as long it takes, in thousandths.
    slow: u32,
    /// A replica's nanoseconds in steps at the last look.
    busy: u64,
}

/// One GPU.
#[derive(Clone, Debug, Default)]
struct Shared {
    /// What was counted last, then.
    at: SimTime,
    seats: SmallVec<[Seat; 8]>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct TurnGpus(BTreeMap<(NodeId, u8), Shared>);

/// A job whose end moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Its work that was left at `since`, alone on the GPU.
    left: Duration,
    since: SimTime,
}

impl Turn {
    pub fn new(left: Duration, since: SimTime) -> Turn {
        Turn { left, since }
    }
}

impl World<'_, '_> {
    fn turns(&self, pool: PoolId) -> Option<Turns> {
        self.model.pools[pool.0 as usize].share.as_deref()?.turns
    }

    /// Looks at replicas on shared GPUs, where there are any.
    pub fn open_turns(&mut self) {
        if self.model.services.is_empty() {
            return;
        }
        for i in 0..self.model.pools.len() {
            let pool = PoolId(i as u16);
            if let Some(t) = self.turns(pool) {
                self.schedule(SimTime::ZERO + t.look, Event::Fleet(FleetEvent::Look(pool)));
            }
        }
    }

    /// How busy the replicas of a pool were since the last look.
    pub fn look(&mut self, pool: PoolId) {
        let Some(t) = self.turns(pool) else { return };
        let keys: Vec<(NodeId, u8)> =
            self.turn_gpus.0.keys().copied().filter(|k| self.fleet.node(k.0).pool == pool).collect();
        for key in keys {
            let jobs: SmallVec<[JobId; 8]> = self.turn_gpus.0[&key].seats.iter().map(|s| s.job).collect();
            let busy: SmallVec<[Option<u64>; 8]> = jobs.iter().map(|j| self.busy_of(*j)).collect();
            let Some(gpu) = self.turn_gpus.0.get_mut(&key) else { continue };
            for (seat, busy) in gpu.seats.iter_mut().zip(busy) {
                let Some(busy) = busy else { continue };
                let did = busy.saturating_sub(seat.busy).min(t.look.0);
                seat.busy = busy;
                seat.duty = ((u128::from(did) * 100 + u128::from(t.look.0) / 2) / u128::from(t.look.0)) as u32;
            }
            self.settle_turns(key);
        }
        self.schedule(self.now + t.look, Event::Fleet(FleetEvent::Look(pool)));
    }

    /// A replica's nanoseconds in steps so far; none of a job.
    fn busy_of(&mut self, id: JobId) -> Option<u64> {
        let r = self.jobs[id].replica.as_deref()?;
        let (s, d, place) = (r.service, r.deployment, r.place);
        let Some(place) = place else { return Some(0) };
        self.catch_up(s);
        let lane = self.deployment(s, d).lane;
        Some(self.services[s as usize].front.snapshot(self.now, lane, place).busy_ns())
    }

    /// A pod takes its place on a GPU that others may be on.
    pub fn turn_taken(&mut self, id: JobId) {
        let l = &self.jobs[id];
        let job = l.job;
        let replica = l.replica.is_some();
        // One pod of one GPU: nothing else fits there.
        let Some(spot) = l.pods.first().copied() else { return };
        if self.turns(self.fleet.node(spot.node).pool).is_none() {
            return;
        }
        let duty = if replica { 0 } else { (1_000_000 - job.usage.stall_ppm) / 10_000 };
        for g in spot.gpus.iter() {
            let key = (spot.node, g as u8);
            self.count_turns(key);
            let seat = Seat { job: id, duty, uses: job.usage.busy_ppm, slow: ALONE, busy: 0 };
            self.turn_gpus.0.entry(key).or_default().seats.push(seat);
            self.settle_turns(key);
        }
    }

    /// It leaves again.
    pub fn turn_left(&mut self, id: JobId) {
        let Some(spot) = self.jobs[id].pods.first().copied() else { return };
        if self.turns(self.fleet.node(spot.node).pool).is_none() {
            return;
        }
        for g in spot.gpus.iter() {
            let key = (spot.node, g as u8);
            self.count_turns(key);
            if let Some(gpu) = self.turn_gpus.0.get_mut(&key) {
                gpu.seats.retain(|s| s.job != id);
            }
            self.jobs[id].turn = None;
            if !self.closing {
                self.settle_turns(key);
            }
        }
    }

    /// Counts how much longer those on a GPU took, until now.
    fn count_turns(&mut self, key: (NodeId, u8)) {
        let (now, window) = (self.now, self.window);
        let pool = self.fleet.node(key.0).pool;
        let Some(gpu) = self.turn_gpus.0.get_mut(&key) else { return };
        let from = std::mem::replace(&mut gpu.at, now).max(window.0);
        let Some(slices) = self.slices[pool.0 as usize].as_mut().filter(|_| from < now) else { return };
        for s in &gpu.seats {
            let busy = (now - from).0 as f64 * f64::from(s.duty) / 100.0;
            slices.slowdown.stretched += busy;
            slices.slowdown.busy += busy * f64::from(ALONE) / f64::from(s.slow);
        }
    }

    /// Works out how much those on a GPU slow each other down from now on.
    fn settle_turns(&mut self, key: (NodeId, u8)) {
        self.count_turns(key);
        let Some(turns) = self.turns(self.fleet.node(key.0).pool) else { return };
        let Some(gpu) = self.turn_gpus.0.get_mut(&key) else { return };
        gpu.at = self.now;
        let tenant = |s: &Seat| Tenant { duty: f64::from(s.duty) / 100.0, uses: f64::from(s.uses) / 1e6 };
        let tenants: SmallVec<[Tenant; 8]> = gpu.seats.iter().map(tenant).collect();
        let slow = if turns.mps { turns.contention.mps(&tenants) } else { turns.contention.time_sliced(&tenants) };
        let mut changed: SmallVec<[(JobId, u32, u32); 8]> = SmallVec::new();
        for (seat, slow) in gpu.seats.iter_mut().zip(slow) {
            let slow = ((slow * f64::from(ALONE)).round() as u32).max(ALONE);
            if slow != seat.slow {
                changed.push((seat.job, std::mem::replace(&mut seat.slow, slow), slow));
            }
        }
        for (job, was, slow) in changed {
            if self.jobs[job].replica.is_some() {
                self.turn_started(job);
            } else {
                self.retime(job, was, slow);
            }
        }
    }

    /// A job goes on at another pace.
    fn retime(&mut self, id: JobId, was: u32, slow: u32) {
        let (now, l) = (self.now, &mut self.jobs[id]);
        let Some(turn) = &mut l.turn else { return };
        let done = u128::from((now - turn.since).0) * u128::from(ALONE) / u128::from(was);
        turn.left = Duration(turn.left.0.saturating_sub(done as u64));
        turn.since = now;
        let lasts = (u128::from(turn.left.0) * u128::from(slow)).div_ceil(u128::from(ALONE));
        let ends = SimTime(now.0.saturating_add(u64::try_from(lasts).unwrap_or(u64::MAX)));
        let before = std::mem::replace(&mut l.ends, ends);
        if let Some(t) = l.end_timer.take() {
            self.queue.cancel(t);
        }
        let e = Event::Job(JobEvent::End(id));
        self.jobs[id].end_timer = Some(self.queue.arm(ends, e.class(), e));
        if let Some(r) = &mut self.running {
            r.remove(&(before, id));
            r.insert((ends, id));
        }
    }

    /// A replica takes the cost of its steps from those it shares its GPU with.
    pub fn turn_started(&mut self, id: JobId) {
        let l = &self.jobs[id];
        let (Some(r), Some(spot)) = (l.replica.as_deref(), l.pods.first().copied()) else { return };
        let (s, d, Some(place)) = (r.service, r.deployment, r.place) else { return };
        let pool = self.fleet.node(spot.node).pool;
        if self.turns(pool).is_none() {
            return;
        }
        let gpu = spot.gpus.iter().next().unwrap_or(0) as u8;
        let seats = self.turn_gpus.0.get(&(spot.node, gpu)).map(|g| &g.seats);
        let Some(slow) = seats.and_then(|s| s.iter().find(|s| s.job == id)).map(|s| s.slow) else { return };
        self.catch_up(s);
        let spec = self.deployment(s, d);
        let Some(engine) = spec.engines[pool.0 as usize].as_deref() else { return };
        let cost = engine.cost.stretched(slow);
        self.services[s as usize].front.set_cost(self.now, spec.lane, place, cost);
    }
}
