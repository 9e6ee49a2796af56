//! Saves out of turn: on a notice, and before a planned move.

use super::event::{Event, JobEvent};
use super::jobs::JobId;
use super::runs::{Leaves, Saving};
use super::world::World;
use crate::fleet::NodeId;
use crate::market::Cause;
use crate::training::progress::Keeping;
use crate::units::{Duration, SimTime};

impl World<'_, '_> {
    /// A planned move keeps the progress: whether that takes a save first.
    pub fn save_first(&mut self, id: JobId) -> bool {
        let l = &self.jobs[id];
        let Some(spec) = self.run_spec(l.work) else { return false };
        let pace = spec.checkpoint.pace;
        let (drain, write) = match spec.checkpoint.on_notice {
            Some(n) => (n.drain, Duration(n.drain.0 + n.write.0)),
            None => (Duration::ZERO, Duration(pace.stall.0 + pace.persist.0)),
        };
        let Some(r) = l.run.as_deref() else { return false };
        let reached = r.reached(l.start, self.now);
        let keeps = pace.keeping == Keeping::Checkpoints && reached.done > reached.durable;
        if !keeps || write == Duration::ZERO || l.ends <= self.now + write {
            return keeps && l.ends <= self.now + write;
        }
        self.begin_save(id, Saving { since: self.now, notice: None }, drain, self.now + write);
        true
    }

    /// Computing stops (then), and the progress is safe when the save is done.
    fn begin_save(&mut self, id: JobId, saving: Saving, drain: Duration, done: SimTime) {
        if self.save_to_store(id, (saving.since - self.now) + drain) {
            let since = self.now;
            if let Some(r) = self.jobs[id].run.as_deref_mut() {
                r.saving = Some(Saving { since, ..saving });
            }
            return;
        }
        let l = &mut self.jobs[id];
        if let Some(t) = l.end_timer.take() {
            self.queue.cancel(t);
        }
        let e = Event::Job(JobEvent::Saved(id));
        l.end_timer = Some(self.queue.arm(done, e.class(), e));
        if let Some(r) = l.run.as_deref_mut() {
            r.saving = Some(saving);
        }
    }

    /// A node that a running job is on will be taken back at an instant: the job saves itself if it can.
    pub fn noticed(&mut self, id: JobId, node: NodeId, at: SimTime) {
        let l = &self.jobs[id];
        if l.replica.is_some() {
            return self.replica_noticed(id, at);
        }
        let (Some(r), Some(spec)) = (l.run.as_deref(), self.run_spec(l.work)) else { return };
        let Some(how) = spec.checkpoint.on_notice else { return };
        if r.saving.is_some() || spec.checkpoint.pace.keeping != Keeping::Checkpoints || l.ends <= at {
            return;
        }
        let notice = self.supply(self.fleet.node(node).pool).map(|s| s.notice);
        let (detect, reserve) = notice.map_or((Duration::ZERO, Duration::ZERO), |n| (n.detect, n.reserve));
        let since = self.now + detect;
        if since.0 <= l.start.0.saturating_add(r.set_up.0) {
            return;
        }
        let done = since + how.drain + how.write;
        if done + reserve > at {
            let now = self.now;
            if now >= self.window.0 {
                let work = l.work;
                self.tally.runs[work as usize].saves_failed += 1;
            }
            return;
        }
        self.begin_save(id, Saving { since, notice: Some(self.now) }, how.drain, done);
    }

    /// A save is done: the run's progress is safe, and it goes on elsewhere.
    pub fn saved(&mut self, id: JobId) {
        let l = &mut self.jobs[id];
        l.end_timer = None;
        let work = l.work;
        let notice = l.run.as_deref().and_then(|r| r.saving).and_then(|s| s.notice);
        if let Some(told) = notice {
            if self.now >= self.window.0 {
                let t = &mut self.tally.runs[work as usize];
                t.saves += 1;
                t.notice_to_safe.record((self.now - told).0);
            }
            let doomed = self.jobs[id].pods.iter().map(|s| s.node).find(|n| self.lives[n.0 as usize].doomed);
            let (pool, cause) = match doomed {
                Some(n) => {
                    let cause = self.lives[n.0 as usize].fate.map_or(Cause::Capacity, |f| f.cause);
                    (self.fleet.node(n).pool, cause)
                }
                None => (self.fleet.node(self.jobs[id].pods[0].node).pool, Cause::Capacity),
            };
            self.wound(id, cause, pool, 1, Leaves::Everything);
            self.tally.interrupted(work);
            if let Some(b) = self.buyer(id) {
                b.preempted = true;
            }
        }
        self.put_back(id, Leaves::Everything);
    }
}
