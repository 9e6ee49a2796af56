//! The life of a replica: created, placed, started, drained, gone; and what its time was spent on.

use smallvec::SmallVec;

use crate::fleet::NodeId;
use crate::kernel::Timer;
use crate::outcome::{JobEnd, StartStage};
use crate::serving::replica::Replica;
use crate::sim::event::{Event, ServiceEvent};
use crate::sim::jobs::JobId;
use crate::sim::runs::Part;
use crate::sim::world::World;
use crate::units::money::split_largest_remainder;
use crate::units::{Activity, Duration, SimTime};
use crate::workload::{Ending, Job, Use};

/// What a pod that is a replica has beside what every job has.
#[derive(Clone, Debug)]
pub(in crate::sim) struct ReplicaState {
    pub service: u16,
    pub deployment: u16,
    pub created: SimTime,
    /// Stages of its present start-up: image, load, warm-up.
    pub stages: [Duration; 3],
    /// When they are over; `MAX` while it waits.
    pub ready_at: SimTime,
    /// Its number in its lane, once it takes requests.
    pub place: Option<u32>,
    /// Its time is booked until then.
    booked: SimTime,
    /// Nanoseconds in steps that are booked, and picoseconds in steps and of prompts that are counted.
    busy: u64,
    steps: (u128, u128),
    /// Prompt tokens computed and tokens produced that are counted.
    tokens: (u64, u64),
    /// When it is cut off, if it is going.
    pub leaving: Option<SimTime>,
    /// It goes because its node does.
    evicted: bool,
    timer: Option<Timer>,
    /// Snapshots at scrapes.
    pub samples: super::scrape::Series,
}

impl World<'_, '_> {
    fn replica(&self, id: JobId) -> Option<&ReplicaState> {
        self.jobs[id].replica.as_deref()
    }

    /// Creates a replica, which waits for a place on a node.
    pub(super) fn create_replica(&mut self, s: u16, d: u16) {
        let spec = self.deployment(s, d);
        let work = self.services[s as usize].model.work;
        let job = Job {
            arrive: self.now,
            work: Duration(u64::MAX),
            pods: spec.pods,
            request: spec.request,
            accept: d,
            labels: 0,
            priority: spec.priority,
            ending: Ending::Completes,
            usage: Use { busy_ppm: spec.busy_ppm, ..Use::default() },
            patience: Duration(u64::MAX),
        };
        let deployments = &mut self.services[s as usize].deployments;
        let count = deployments.len() as u64;
        let state = &mut deployments[d as usize];
        state.ordinals += 1;
        state.tally.created += 1;
        // Deployments take turns, so that a service's ordinals are dense: who keeps a bit for each need not guess.
        let ordinal = (state.ordinals - 1) * count + u64::from(d);
        let replica = ReplicaState {
            service: s,
            deployment: d,
            created: self.now,
            stages: [Duration::ZERO; 3],
            ready_at: SimTime::MAX,
            place: None,
            booked: self.now,
            busy: 0,
            steps: (0, 0),
            tokens: (0, 0),
            leaving: None,
            evicted: false,
            timer: None,
            samples: super::scrape::Series::default(),
        };
        if let Some(id) = self.submit(work, ordinal, job, Some(Box::new(replica))) {
            self.services[s as usize].deployments[d as usize].pods.push(id);
        }
    }

    /// A replica was given a place: its start-up begins.
    pub fn replica_placed(&mut self, id: JobId) {
        let (now, l) = (self.now, &self.jobs[id]);
        let Some(r) = l.replica.as_deref() else { return };
        let (s, d, created, queued) = (r.service, r.deployment, r.created, l.queued);
        let nodes: SmallVec<[NodeId; 4]> = l.pods.iter().map(|p| p.node).collect();
        let spec = &self.deployment(s, d).start;
        let state = &mut self.services[s as usize].deployments[d as usize];
        // What is there when the run begins has been there before.
        let first = now == SimTime::ZERO && created == SimTime::ZERO;
        // Three draws for each start, whatever becomes of them.
        let drawn = [&spec.image, &spec.load, &spec.warm_up].map(|law| law.sample(&mut state.luck).max(0.0));
        let mut stages = drawn.map(|s| if first { Duration::ZERO } else { Duration::from_secs_f64(s) });
        if nodes.iter().all(|n| state.images.contains(n)) {
            stages[0] = Duration::ZERO;
        }
        if spec.image_stays {
            state.images.extend(nodes);
        }
        let made = if first { now } else { self.jobs[id].made };
        let ready_at = made + Duration(stages.iter().map(|s| s.0).sum());
        if now >= self.window.0 && !first {
            state.tally.stages[StartStage::Schedule as usize].record((now - queued).0);
            for (stage, took) in [StartStage::Image, StartStage::Load, StartStage::WarmUp].into_iter().zip(stages) {
                state.tally.stages[stage as usize].record(took.0);
            }
        }
        let e = Event::Service(ServiceEvent::Started(id));
        let timer = self.queue.arm(ready_at, e.class(), e);
        if let Some(r) = self.jobs[id].replica.as_deref_mut() {
            (r.stages, r.ready_at, r.booked, r.timer) = (stages, ready_at, now, Some(timer));
        }
    }

    /// A replica's start-up is over: it takes requests.
    pub(super) fn replica_started(&mut self, id: JobId) {
        let Some(r) = self.replica(id) else { return };
        let (s, d, created) = (r.service, r.deployment, r.created);
        self.catch_up(s);
        let pool = self.fleet.node(self.jobs[id].pods[0].node).pool;
        let spec = self.deployment(s, d);
        let engine = spec.engines[pool.0 as usize].as_deref().expect("a replica is placed where it has an engine");
        let replica = Replica::new(engine.config.clone(), engine.cost.clone())
            .expect("limits are checked when a scenario is resolved");
        let now = self.now;
        let state = &mut self.services[s as usize];
        let place = state.front.add(now, spec.lane, replica);
        let t = &mut state.deployments[d as usize].tally;
        t.ready_now += 1;
        t.ready_max = t.ready_max.max(t.ready_now);
        if now >= self.window.0 && now > SimTime::ZERO {
            t.started += 1;
            t.start_up.record((now - created).0);
        }
        if let Some(r) = self.jobs[id].replica.as_deref_mut() {
            (r.place, r.timer) = (Some(place), None);
        }
        self.turn_started(id);
        self.watch.job(id);
        // A replica that is told to go before it is ready goes at once.
        debug_assert!(self.jobs[id].replica.as_deref().is_some_and(|r| r.leaving.is_none()));
    }

    /// A replica is to go, at `until` at the latest: what it has it may finish.
    pub(super) fn let_go(&mut self, id: JobId, until: SimTime, evicted: bool) {
        let Some(r) = self.replica(id) else { return };
        let (s, d, place) = (r.service, r.deployment, r.place);
        if r.leaving.is_some() {
            return;
        }
        self.catch_up(s);
        let lane = self.deployment(s, d).lane;
        let state = &mut self.services[s as usize];
        let deployment = &mut state.deployments[d as usize];
        deployment.pods.retain(|p| *p != id);
        if !self.jobs[id].is_running() {
            return self.withdraw(id, false);
        }
        deployment.leaving.push(id);
        self.watch.job(id);
        if let Some(place) = place {
            state.front.drain(lane, place);
        }
        if let Some(r) = self.jobs[id].replica.as_deref_mut() {
            (r.leaving, r.evicted) = (Some(until), evicted);
        }
        self.replica_drains(id);
    }

    /// A pod that still waits is taken back.
    fn withdraw(&mut self, id: JobId, lost: bool) {
        let Some(r) = self.replica(id) else { return };
        let (s, d) = (r.service, r.deployment);
        let t = &mut self.services[s as usize].deployments[d as usize].tally;
        *(if lost { &mut t.lost } else { &mut t.removed }) += 1;
        self.give_back(id);
    }

    /// Looks whether a replica that is going has nothing left, or no time.
    pub(super) fn replica_drains(&mut self, id: JobId) {
        let Some(r) = self.replica(id) else { return };
        let (s, d, place, until, evicted) = (r.service, r.deployment, r.place, r.leaving, r.evicted);
        let Some(until) = until else { return };
        self.catch_up(s);
        let lane = self.deployment(s, d).lane;
        let left = place.map_or(Ok(()), |p| self.services[s as usize].front.drained(lane, p));
        match left {
            Err(next) if self.now < until => {
                let at = next.max(SimTime(self.now.0 + 1)).min(until);
                let e = Event::Service(ServiceEvent::Drained(id));
                let timer = self.queue.arm(at, e.class(), e);
                if let Some(r) = self.jobs[id].replica.as_deref_mut()
                    && let Some(old) = r.timer.replace(timer)
                {
                    self.queue.cancel(old);
                }
            }
            _ => {
                let t = &mut self.services[s as usize].deployments[d as usize].tally;
                *(if evicted { &mut t.lost } else { &mut t.removed }) += 1;
                self.end_replica(id);
            }
        }
    }

    /// A replica that was going is gone.
    fn end_replica(&mut self, id: JobId) {
        self.stop_and_leave(id, JobEnd::Done);
        self.dirty = true;
    }

    /// A node that a replica is on will be taken back at an instant: it takes no more requests, and another is created.
    pub fn replica_noticed(&mut self, id: JobId, at: SimTime) {
        let Some(r) = self.replica(id) else { return };
        let (s, d) = (r.service, r.deployment);
        let grace = self.now + self.deployment(s, d).grace;
        self.let_go(id, grace.min(at), true);
        self.reconcile(s, d);
    }

    /// Whether a replica was going anyway: when it is stopped it does not come back.
    pub fn is_leaving(&self, id: JobId) -> bool {
        self.replica(id).is_some_and(|r| r.leaving.is_some())
    }

    /// The replica that stops now: its front has done all until now.
    pub fn before_replica_stops(&mut self, id: JobId) {
        if let Some(r) = self.replica(id) {
            let s = r.service;
            self.catch_up(s);
        }
    }

    /// A replica has stopped and its time is booked: what it had is cut off, and it is as if it had just been created.
    pub fn replica_stopped(&mut self, id: JobId) {
        let Some(r) = self.replica(id) else { return };
        let (s, d, place, timer) = (r.service, r.deployment, r.place, r.timer);
        self.count_replica(id);
        if let Some(t) = timer {
            self.queue.cancel(t);
        }
        let lane = self.deployment(s, d).lane;
        let (now, closing) = (self.now, self.closing);
        let state = &mut self.services[s as usize];
        if let Some(place) = place {
            state.deployments[d as usize].tally.ready_now -= 1;
            if !closing {
                state.front.remove(now, lane, place);
            }
        }
        let dep = &mut state.deployments[d as usize];
        dep.leaving.retain(|j| *j != id);
        if let Some(r) = self.jobs[id].replica.as_deref_mut() {
            // What waits again does so from now on.
            (r.created, r.ready_at, r.place, r.timer) = (now, SimTime::MAX, None, None);
            (r.busy, r.steps, r.tokens) = (0, (0, 0), (0, 0));
            r.samples = super::scrape::Series::default();
        }
    }

    /// A replica lost its place and waits for another.
    pub fn replica_pushed_out(&mut self, id: JobId) {
        if let Some(r) = self.replica(id) {
            let (s, d) = (r.service, r.deployment);
            let t = &mut self.services[s as usize].deployments[d as usize].tally;
            t.lost += 1;
            t.created += 1;
        }
    }

    /// A pod has left the system.
    pub fn replica_left(&mut self, id: JobId) {
        if let Some(r) = self.replica(id) {
            let (s, d) = (r.service, r.deployment);
            let state = &mut self.services[s as usize].deployments[d as usize];
            state.pods.retain(|p| *p != id);
            state.leaving.retain(|p| *p != id);
        }
    }

    /// What a replica's time since it was last booked was spent on: start-up, idling, and serving, shared out among the
    /// label sets of the requests by what was computed for them.
    pub fn replica_parts(&self, id: JobId) -> SmallVec<[Part; 4]> {
        let mut parts = SmallVec::new();
        let Some(r) = self.replica(id) else { return parts };
        let now = self.now;
        let mut push = |from: SimTime, to: SimTime, activity, still, account| {
            if from < to {
                parts.push(Part { from, to, activity, stalled: Duration::ZERO, still, account });
            }
        };
        let started = r.ready_at.clamp(r.booked, now);
        let made = self.jobs[id].made.clamp(r.booked, started);
        push(r.booked, made, Activity::Reconfiguring, true, Some(0));
        push(made, started, Activity::ColdStart, true, None);
        let Some(place) = r.place.filter(|_| started < now) else { return parts };
        let spec = self.deployment(r.service, r.deployment);
        let state = &self.services[r.service as usize];
        let busy_ns = state.front.snapshot(now, spec.lane, place).busy_ns();
        let busy = busy_ns.saturating_sub(r.busy).min((now - started).0);
        let idle_until = SimTime(now.0 - busy);
        push(started, idle_until, Activity::WarmIdle, true, None);
        let shares = self.shares(r.service, r.deployment);
        let weights: Vec<u128> = shares.iter().map(|s| s.1).collect();
        let mut at = idle_until;
        for ((account, _), ns) in shares.iter().zip(split_largest_remainder(i128::from(busy), &weights)) {
            let to = SimTime(at.0 + ns as u64);
            push(at, to, Activity::Productive, false, Some(*account));
            at = to;
        }
        push(at, now, Activity::Productive, false, None);
        parts
    }

    /// Who is charged for the serving time of a lane, and in which proportion: its prompts' part of the time by prompt
    /// tokens that were computed, the rest by tokens produced, of the requests that ended since the last bucket.
    fn shares(&self, s: u16, d: u16) -> SmallVec<[(u32, u128); 4]> {
        let state = &self.services[s as usize];
        let lane = state.front.lane(self.deployment(s, d).lane);
        let (prompts, tokens) = lane.computed.iter().fold((0, 0), |(p, t), c| (p + c.prompt, t + c.output));
        let mut out = SmallVec::new();
        if prompts + tokens == 0 {
            return out;
        }
        // In parts of a million: the integers are far from overflow, and the rest goes by largest remainder.
        let tally = &state.deployments[d as usize].tally;
        let prompt_ppm = match (tally.step_ps, tokens) {
            (_, 0) => 1_000_000,
            (0, _) => 0,
            (all, _) => tally.prompt_ps * 1_000_000 / all,
        };
        for (i, c) in lane.computed.iter().enumerate().filter(|(_, c)| c.prompt + c.output > 0) {
            let part = |n: u64, of: u64, ppm: u128| {
                if of == 0 { 0 } else { u128::from(n) * ppm * 1_000_000 / u128::from(of) }
            };
            let weight = part(c.prompt, prompts, prompt_ppm) + part(c.output, tokens, 1_000_000 - prompt_ppm);
            out.push((self.accounts.account(state.model.work, 1 + i as u16), weight));
        }
        out
    }

    /// Books a replica's time until now.
    pub(super) fn book_replica(&mut self, id: JobId) {
        if !self.jobs[id].is_running() {
            return;
        }
        let parts = self.replica_parts(id);
        let per_pool = self.milli_by_pool(id);
        self.book_parts(id, &per_pool, &parts);
        self.count_replica(id);
    }

    /// Counts what a replica did until now; it is booked.
    fn count_replica(&mut self, id: JobId) {
        let (now, window) = (self.now, self.window);
        let Some(r) = self.replica(id) else { return };
        let (s, d, place, ready_at, booked) = (r.service, r.deployment, r.place, r.ready_at, r.booked);
        if !self.jobs[id].is_running() {
            return;
        }
        let lane = self.deployment(s, d).lane;
        let state = &mut self.services[s as usize];
        let snapshot = place.map(|p| state.front.snapshot(now, lane, p));
        let t = &mut state.deployments[d as usize].tally;
        let started = ready_at.clamp(booked, now);
        t.starting_series.add(booked, started, 1);
        let Some(r) = self.jobs[id].replica.as_deref_mut() else { return };
        r.booked = now;
        let Some(snapshot) = snapshot else { return };
        t.ready_series.add(started, now, 1);
        let busy_ns = snapshot.busy_ns();
        let (busy, steps) = (busy_ns.saturating_sub(r.busy), (snapshot.busy_ps, snapshot.prompt_ps));
        if now > window.0 {
            t.ready_ns += u128::from((now - started.max(window.0)).0);
            t.busy_ns += u128::from(busy);
            t.busy_recent += busy;
        }
        t.step_ps += steps.0 - r.steps.0;
        t.prompt_ps += steps.1 - r.steps.1;
        let tokens = (snapshot.prefill_tokens, snapshot.output_tokens);
        state.computed_tokens.0 += tokens.0 - r.tokens.0;
        state.computed_tokens.1 += tokens.1 - r.tokens.1;
        (r.busy, r.steps, r.tokens) = (busy_ns, steps, tokens);
    }
}
