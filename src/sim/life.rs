//! The life of a job: it arrives, waits, starts, ends; or is withdrawn, pushed out, or cut off by the horizon.

use smallvec::SmallVec;

use super::event::{Event, JobEvent};
use super::jobs::{JobId, Live, RowParts};
use super::runs::{Leaves, Part, RunState};
use super::service::replica::ReplicaState;
use super::turns::Turn;
use super::waiting::{ClassId, ClassKey, own_key};
use super::world::World;
use crate::fleet::{NodeState, PoolId, PoolSet};
use crate::ledger::{Held, Unit};
use crate::outcome::{JobEnd, JobRow, StretchRow};
use crate::policy::placement::{Spot, Target};
use crate::units::{Activity, Duration, SimTime};
use crate::workload::{Ending, Job, Request};

impl World<'_, '_> {
    /// A job arrives: it joins the queue, or is turned away when it could never run.
    pub fn arrive(&mut self) {
        let Some((work, ordinal, job)) = self.arrivals.take() else { return };
        self.next_arrival();
        self.submit(work, ordinal, job, None);
    }

    /// A job joins the queue. None when it could never run, and is turned away.
    pub fn submit(&mut self, work: u16, ordinal: u64, job: Job, replica: Option<Box<ReplicaState>>) -> Option<JobId> {
        let account = self.accounts.account(work, job.labels);
        self.tally.arrived(work);
        let buys = self.run_spec(work).is_some_and(|r| r.buying.is_some());
        let last = self.model.work[work as usize].tiers.len() as u8;
        let widest = self.class_of(work, &job, account, last);
        let limits = self.accounts.get(account).limits;
        let fits_quota = self.accounts.ever_allows(self.model, limits, job.total_milli());
        let live = Live {
            job,
            work,
            tier: 1,
            ordinal,
            seq: self.tally.seq(),
            account,
            class: widest,
            queued: self.now,
            first_start: SimTime::MAX,
            start: SimTime::MAX,
            made: SimTime::ZERO,
            ends: SimTime::MAX,
            attempts: 0,
            end_timer: None,
            turn: None,
            patience: None,
            widen: None,
            pods: SmallVec::new(),
            run: self.model.work[work as usize].run.as_ref().map(|_| Box::new(RunState::new(job.work, self.now))),
            replica,
            row: self.rows.then(Box::<RowParts>::default),
        };
        if !self.waiting.class(widest).possible || !fits_quota {
            self.tally.rejected(&live, !fits_quota);
            self.report(&live, JobEnd::Rejected);
            return None;
        }
        if buys {
            let id = self.jobs.insert(live);
            self.manage(id);
            return Some(id);
        }
        let tiers = &self.model.work[work as usize].tiers;
        let next_tier = tiers.get(1).map(|t| t.after);
        let class = if last == 1 { widest } else { self.class_of(work, &job, account, 1) };
        let id = self.jobs.insert(Live { class, ..live });
        if job.patience != Duration(u64::MAX) {
            let e = Event::Job(JobEvent::GiveUp(id));
            self.jobs[id].patience = Some(self.queue.arm(self.now + job.patience, e.class(), e));
        }
        if let Some(after) = next_tier {
            let e = Event::Job(JobEvent::Widen(id));
            self.jobs[id].widen = Some(self.queue.arm(self.now + after, e.class(), e));
        }
        self.enqueue(id);
        Some(id)
    }

    /// The class of a job when this many of its workload's tiers are open.
    fn class_of(&mut self, work: u16, job: &Job, account: u32, tiers: u8) -> ClassId {
        let w = &self.model.work[work as usize];
        let pools = self.model.open_pools(work as usize, job.accept, tiers as usize);
        let shape = self.placer.shape(Target { request: job.request, pools });
        let a = self.accounts.get(account);
        let one_island = w.one_island && job.pods > 1;
        let key = ClassKey { shape, pods: job.pods, one_island, limits: a.limits, group: a.group };
        match self.waiting.find(&key) {
            Some(id) => id,
            None => {
                let possible = self.possible(&job.request, job.pods, pools, one_island);
                self.waiting.define(key, job.request, pools, possible)
            }
        }
    }

    /// Whether the fleet, with all that will ever be added to it, could take such a gang when empty.
    fn possible(&self, r: &Request, pods: u16, pools: PoolSet, one_island: bool) -> bool {
        let mut by_island: std::collections::BTreeMap<u32, u64> = std::collections::BTreeMap::new();
        for n in self.model.all_nodes().filter(|n| pools.has(n.pool)) {
            let island = if one_island { n.island.0 } else { 0 };
            *by_island.entry(island).or_default() += u64::from(self.model.slots(n.pool, n.capacity, r));
        }
        by_island.values().any(|slots| *slots >= u64::from(pods))
    }

    fn enqueue(&mut self, id: JobId) {
        let l = &self.jobs[id];
        let place = (own_key(&self.model.queue.order, &l.job), l.seq);
        self.waiting.join(l.class, place, id);
        self.watch.pod_waits(id, l.seq);
        self.tally.queue_length(self.now, self.waiting.len() + self.unplaced);
        self.dirty = true;
    }

    /// Takes a job out of the queue; its wait until now is over.
    fn dequeue(&mut self, id: JobId) {
        let l = &self.jobs[id];
        let place = (own_key(&self.model.queue.order, &l.job), l.seq);
        self.waiting.leave(l.class, place);
        self.watch.pod_gave_up();
        self.tally.queue_length(self.now, self.waiting.len() + self.unplaced);
        let first = self.first_choice(l);
        self.tally.waited(l, first, self.now);
    }

    /// The pool that a waiting job counts as demand for: the first of its first tier that it accepts.
    pub fn first_choice(&self, l: &Live) -> Option<PoolId> {
        (1..=self.model.work[l.work as usize].tiers.len())
            .find_map(|n| self.model.open_pools(l.work as usize, l.job.accept, n).iter().next())
    }

    /// Another tier of pools opens to a waiting job.
    pub fn widen(&mut self, id: JobId) {
        let l = &self.jobs[id];
        if l.is_running() {
            return;
        }
        let (work, job, account, tier) = (l.work, l.job, l.account, l.tier + 1);
        let place = (own_key(&self.model.queue.order, &job), l.seq);
        let (old, queued) = (l.class, l.queued);
        let class = self.class_of(work, &job, account, tier);
        self.waiting.leave(old, place);
        self.waiting.join(class, place, id);
        let next = self.model.work[work as usize].tiers.get(tier as usize).map(|t| t.after);
        let timer = next.map(|after| {
            let e = Event::Job(JobEvent::Widen(id));
            // Delays count from when the job joined the queue.
            self.queue.arm((queued + after).max(self.now), e.class(), e)
        });
        let l = &mut self.jobs[id];
        (l.class, l.tier, l.widen) = (class, tier, timer);
        self.dirty = true;
    }

    /// The owner of a waiting job will wait no longer.
    pub fn give_up(&mut self, id: JobId) {
        // Patience that ends in the very instant in which there is room is still served.
        if std::mem::take(&mut self.dirty) {
            self.dispatch();
        }
        if self.jobs[id].is_running() {
            return;
        }
        self.give_back(id);
    }

    /// A waiting job is taken back.
    pub fn give_back(&mut self, id: JobId) {
        self.dequeue(id);
        self.cancel_timers(id);
        self.replica_left(id);
        let live = self.jobs.remove(id);
        self.tally.left(&live, JobEnd::Cancelled, self.now);
        self.report(&live, JobEnd::Cancelled);
        self.dirty = true;
    }

    fn cancel_timers(&mut self, id: JobId) {
        let l = &mut self.jobs[id];
        for t in [l.end_timer.take(), l.patience.take(), l.widen.take()].into_iter().flatten() {
            self.queue.cancel(t);
        }
    }

    /// Starts a waiting job on these spots.
    pub fn start(&mut self, id: JobId, spots: SmallVec<[Spot; 1]>) {
        self.dequeue(id);
        self.cancel_timers(id);
        self.begin(id, spots);
    }

    /// Begins an attempt on these spots.
    pub fn begin(&mut self, id: JobId, spots: SmallVec<[Spot; 1]>) {
        let l = &self.jobs[id];
        let (job, work, account) = (l.job, l.work, l.account);
        let mut speed = f64::INFINITY;
        for s in &spots {
            let pool = self.fleet.node(s.node).pool;
            speed = speed.min(self.speed_on(work, pool, &job.request));
            if self.shares_gpu(pool, &job.request) {
                for g in s.gpus.iter() {
                    self.shared.enter(&mut self.books, (pool, s.node, g), self.now, job.usage.stall_ppm);
                }
            }
        }
        if self.risks.any {
            for s in &spots {
                self.risks.jobs_on[s.node.0 as usize].push(id);
            }
        }
        let making = self.instances_made(&spots, &job.request);
        self.accounts.take(account, job.total_milli());
        let pool = self.fleet.node(spots[0].node).pool;
        // A replica ends when its scaler says so.
        let (ends, timer) = if self.jobs[id].replica.is_some() {
            (SimTime::MAX, None)
        } else {
            let speed = speed * self.share_of_speed(id, spots.len());
            let lasts = self.begin_attempt(id, speed);
            self.jobs[id].turn = Some(Turn::new(lasts, self.now));
            let ends = self.now + making + lasts;
            let e = Event::Job(JobEvent::End(id));
            (ends, Some(self.queue.arm(ends, e.class(), e)))
        };
        let l = &mut self.jobs[id];
        (l.start, l.ends, l.end_timer, l.pods) = (self.now, ends, timer, spots);
        l.made = self.now + making;
        l.attempts += 1;
        if l.first_start == SimTime::MAX {
            l.first_start = self.now;
            self.tally.first_start(l, pool, self.now);
        }
        self.watch.job(id);
        self.running_count += 1;
        if let Some(r) = &mut self.running {
            r.insert((ends, id));
        }
        self.begin_steps(id);
        self.turn_taken(id);
        self.replica_placed(id);
    }

    /// Puts a pod on a node (the caller has asked the placer where).
    pub fn place(&mut self, spot: Spot, r: &Request) {
        let pool = self.fleet.node(spot.node).pool;
        self.fleet.place(spot.node, r, spot.gpus);
        self.watch.pod_event(spot.node, self.now);
        let milli = self.pod_milli(pool, r) as i64;
        self.came_free(spot.node, -milli);
        self.slice_moved(spot, r, true);
    }

    /// Takes it off again.
    pub fn unplace(&mut self, spot: Spot, r: &Request) {
        let pool = self.fleet.node(spot.node).pool;
        self.fleet.release(spot.node, r, spot.gpus);
        self.watch.pod_event(spot.node, self.now);
        let milli = self.pod_milli(pool, r) as i64;
        self.came_free(spot.node, milli);
        self.slice_moved(spot, r, false);
        let node = self.fleet.node(spot.node);
        // A node that the provider takes back, or that is lost now, goes by that.
        let taken = self.lives[spot.node.0 as usize].doomed || self.is_dying(spot.node);
        if node.state == NodeState::Draining && node.pods == 0 && !taken {
            self.emptied(spot.node);
        }
    }

    /// Books the present attempt of a job and takes it off its nodes.
    fn stop(&mut self, id: JobId, leaves: Leaves) {
        self.watch.job(id);
        self.before_replica_stops(id);
        let per_pool = self.milli_by_pool(id);
        let parts = self.parts_of(id, leaves);
        self.turn_left(id);
        self.book_parts(id, &per_pool, &parts);
        let spots = std::mem::take(&mut self.jobs[id].pods);
        let l = &self.jobs[id];
        let (job, account, ends) = (l.job, l.account, l.ends);
        self.end_attempt(id, leaves, &per_pool);
        self.stop_steps(id);
        self.replica_stopped(id);
        for s in &spots {
            let pool = self.fleet.node(s.node).pool;
            if self.shares_gpu(pool, &job.request) {
                for g in s.gpus.iter() {
                    self.shared.leave(&mut self.books, (pool, s.node, g), self.now, job.usage.stall_ppm);
                }
            }
            if self.risks.any {
                self.risks.jobs_on[s.node.0 as usize].retain(|j| *j != id);
            }
            self.instance_goes(*s, &job.request);
            self.unplace(*s, &job.request);
        }
        self.accounts.give(account, job.total_milli());
        self.running_count -= 1;
        if let Some(r) = &mut self.running {
            r.remove(&(ends, id));
        }
        self.jobs[id].pods = spots;
        self.dirty = true;
    }

    /// Books parts of an attempt, each over all of its pools, and tells whoever watches.
    pub fn book_parts(&mut self, id: JobId, per_pool: &[(PoolId, u64)], parts: &[Part]) {
        let l = &self.jobs[id];
        let (job, account, pods) = (l.job, l.account, l.pods.len());
        for part in parts {
            for (pool, milli) in per_pool {
                self.book(id, *pool, part.account.unwrap_or(account), *milli, &job, part);
            }
            if let Some((pool, _)) = per_pool.first() {
                let milli = per_pool.iter().map(|(_, m)| m).sum();
                self.tell_stretch(id, *pool, milli, pods, part);
            }
        }
    }

    /// What a job holds of each pool.
    pub fn milli_by_pool(&self, id: JobId) -> SmallVec<[(PoolId, u64); 2]> {
        let l = &self.jobs[id];
        // Pods of a gang are mostly in one pool: add up per pool before booking.
        let mut per_pool: SmallVec<[(PoolId, u64); 2]> = SmallVec::new();
        for s in &l.pods {
            let pool = self.fleet.node(s.node).pool;
            let milli = self.pod_milli(pool, &l.job.request);
            match per_pool.iter_mut().find(|(p, _)| *p == pool) {
                Some((_, m)) => *m += milli,
                None => per_pool.push((pool, milli)),
            }
        }
        per_pool
    }

    fn book(&mut self, id: JobId, pool: PoolId, account: u32, milli: u64, job: &Job, part: &Part) {
        if milli == 0 {
            return;
        }
        let gpu = self.model.pools[pool.0 as usize].tariff.unit == Unit::Gpu;
        // Set-up and saves run no kernel: all of such a part is what it is, and none of it input stall.
        let also = match (part.still, part.stalled.0) {
            (true, _) => Some((part.activity, part.to - part.from)),
            (false, 0) => None,
            (false, _) => Some((Activity::CheckpointStall, part.stalled)),
        };
        let held = Held {
            from: part.from,
            to: part.to,
            milli,
            activity: part.activity,
            stall_ppm: job.usage.stall_ppm,
            busy_ppm: job.usage.busy_ppm,
            shared: gpu && self.shares_gpu(pool, &job.request),
            also,
        };
        self.books.held(pool, account, &held);
        let (a, b) = self.books.clip(part.from, part.to);
        if let Some(row) = &mut self.jobs[id].row
            && a < b
        {
            let other = u128::from(milli) * u128::from(held.also_within(a, b));
            let q = u128::from(milli) * u128::from((b - a).0) - other;
            let stall = q * u128::from(job.usage.stall_ppm) / 1_000_000;
            row.activity[Activity::InputStall as usize] += stall;
            row.activity[part.activity as usize] += q - stall;
            if let Some((what, _)) = also {
                row.activity[what as usize] += other;
            }
            row.usd += self.books.cost_of(pool, a, b, milli);
        }
        if let Some(s) = self.jobs[id].replica.as_deref().map(|r| r.service) {
            self.services[s as usize].usd_recent += self.books.cost_of(pool, a, b, milli).to_f64();
        }
    }

    /// Tells whoever watches how a part of an attempt was spent.
    fn tell_stretch(&mut self, id: JobId, pool: PoolId, milli: u64, nodes: usize, part: &Part) {
        self.timeline(id, Some(pool), Some(part.activity), part.from, part.to);
        if self.watched {
            let l = &self.jobs[id];
            let p = &self.model.pools[pool.0 as usize];
            self.recorder.stretch(&StretchRow {
                ordinal: l.ordinal,
                workload: &self.model.work[l.work as usize].name,
                pool: &p.name,
                market: &p.market,
                from: part.from,
                to: part.to,
                activity: part.activity,
                milli,
                nodes,
            });
        }
    }

    /// A job's run is over, one way or another.
    pub fn end_job(&mut self, id: JobId) {
        let (leaves, end) = match self.jobs[id].job.ending {
            Ending::Completes => (Leaves::Everything, JobEnd::Done),
            Ending::Fails => (Leaves::Nothing, JobEnd::Failed),
            Ending::Cancelled => (Leaves::Nothing, JobEnd::Cancelled),
        };
        self.jobs[id].end_timer = None;
        self.stop(id, leaves);
        self.leave(id, end);
    }

    /// A replica that was to go stops and leaves.
    pub fn stop_and_leave(&mut self, id: JobId, end: JobEnd) {
        self.stop(id, Leaves::Everything);
        self.leave(id, end);
    }

    /// A job leaves the system.
    fn leave(&mut self, id: JobId, end: JobEnd) {
        self.settle_run(id, end);
        self.replica_left(id);
        let live = self.jobs.remove(id);
        self.tally.left(&live, end, self.now);
        self.report(&live, end);
        self.keep_buffer(live.pods);
    }

    /// Keeps the buffer of a gang that is over for the next gang.
    fn keep_buffer(&mut self, mut pods: SmallVec<[Spot; 1]>) {
        if pods.spilled() {
            pods.clear();
            self.spare.push(pods);
        }
    }

    /// Pushes a running job out for another: what was not durable is lost, and it waits again in its old place in line.
    pub fn requeue(&mut self, id: JobId) {
        self.tally.preempted(self.jobs[id].work);
        self.requeue_leaving(id, Leaves::Durable);
    }

    /// Stops a running job, which waits again in its old place in line.
    pub fn requeue_leaving(&mut self, id: JobId, leaves: Leaves) {
        if self.is_leaving(id) {
            return self.stop_and_leave(id, JobEnd::Done);
        }
        self.halt(id, leaves);
        self.replica_pushed_out(id);
        self.enqueue(id);
    }

    /// Stops a running job that will go on.
    pub fn halt(&mut self, id: JobId, leaves: Leaves) {
        if let Some(t) = self.jobs[id].end_timer.take() {
            self.queue.cancel(t);
        }
        self.stop(id, leaves);
        let pods = std::mem::take(&mut self.jobs[id].pods);
        self.keep_buffer(pods);
        let l = &mut self.jobs[id];
        (l.start, l.ends, l.queued) = (SimTime::MAX, SimTime::MAX, self.now);
        if let Some(r) = &mut l.run {
            r.saving = None;
        }
    }

    /// The run is over: what still runs is booked until now, what still waits is counted.
    pub fn close_jobs(&mut self) {
        let ids: Vec<JobId> = self.jobs.iter().map(|(i, _)| i).collect();
        for id in ids {
            let state = if self.jobs[id].is_running() {
                self.stop(id, Leaves::Everything);
                JobEnd::Running
            } else if self.is_bought(id) {
                self.leave_unplaced(id);
                JobEnd::Queued
            } else {
                self.dequeue(id);
                JobEnd::Queued
            };
            self.leave(id, state);
        }
    }

    /// Hands a job's row to the recorder.
    fn report(&mut self, l: &Live, state: JobEnd) {
        let Some(row) = &l.row else { return };
        if self.now < self.window.0 {
            return;
        }
        let nodes: Vec<String> = l.pods.iter().map(|s| self.node_name(s.node)).collect();
        let pool = l.pods.first().map(|s| self.fleet.node(s.node).pool);
        self.recorder.job(&JobRow {
            ordinal: l.ordinal,
            workload: &self.model.work[l.work as usize].name,
            labels: &self.accounts.get(l.account).labels,
            arrive: l.job.arrive,
            start: (l.first_start != SimTime::MAX).then_some(l.first_start),
            end: self.now,
            state,
            pods: l.job.pods,
            milli: l.job.total_milli(),
            pool: pool.map(|p| self.model.pools[p.0 as usize].name.as_str()),
            nodes: &nodes,
            attempts: l.attempts,
            usd: row.usd,
            activity: &row.activity,
        });
    }
}
