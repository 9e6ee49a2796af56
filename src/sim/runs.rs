//! The life of a run that keeps its progress: setting up, computing between checkpoints, losing what was not durable.

use smallvec::SmallVec;

use super::buyer::Buyer;
use super::jobs::JobId;
use super::world::World;
use super::writes::Steps;
use crate::fleet::PoolId;
use crate::kernel::{Dist, Stream, Timer};
use crate::market::Cause;
use crate::outcome::{ChargeKind, Exact, Finish, JobEnd, Loss, Money};
use crate::scenario::model::Run;
use crate::training::progress::{Keeping, Pace, Reached};
use crate::training::restart::Stage;
use crate::units::{Activity, Duration, SimTime, Usd};

/// Where a run stands beside what every job has.
#[derive(Clone, Debug)]
pub(super) struct RunState {
    /// Work to do from the last durable point on, at speed 1.
    pub left: Duration,
    /// The present attempt's stages of setting up and how long each takes.
    pub stages: SmallVec<[(Stage, Duration); 4]>,
    /// Their sum.
    pub set_up: Duration,
    /// How the present attempt computes.
    pub pace: Pace,
    /// Compute to do in the present attempt, wall clock.
    pub wall: Duration,
    /// Its speed, redundancy included.
    pub speed: f64,
    /// Whether it has computed before.
    pub begun: bool,
    /// Whether the next set-up only changes an elastic run's shape.
    pub reshapes: bool,
    /// Where it stands on a shared store.
    pub steps: Option<Steps>,
    /// Whether the present set-up reads a checkpoint from it.
    pub reads: bool,
    /// Computing stopped here, to save.
    pub saving: Option<Saving>,
    /// The last interruption, until what setting up again costs is known.
    pub wound: Option<Box<Loss>>,
    /// When its first checkpoint was durable.
    pub first_checkpoint: Option<SimTime>,
    /// Its own luck, when its stages have any.
    pub luck: Option<Box<Stream>>,
    /// When it began to wait without capacity.
    pub idle_since: SimTime,
    pub buyer: Option<Box<Buyer>>,
}

/// A save in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saving {
    /// Computing stopped then.
    pub since: SimTime,
    /// Notice was given then; none for a save that the run's own plans ask for.
    pub notice: Option<SimTime>,
}

/// What an attempt leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    /// All of its progress.
    Everything,
    /// What was durable.
    Durable,
    /// Nothing: the job failed or was cancelled.
    Nothing,
}

/// A part of an attempt, spent alike.
pub(super) struct Part {
    pub from: SimTime,
    pub to: SimTime,
    pub activity: Activity,
    /// So much of it was `CheckpointStall`.
    pub stalled: Duration,
    /// No kernel ran.
    pub still: bool,
    /// Who pays, where it is not the job's own account.
    pub account: Option<u32>,
}

impl RunState {
    pub fn new(work: Duration, now: SimTime) -> RunState {
        RunState {
            left: work,
            stages: SmallVec::new(),
            set_up: Duration::ZERO,
            pace: Pace::NOTHING,
            wall: work,
            speed: 1.0,
            begun: false,
            reshapes: false,
            steps: None,
            reads: false,
            saving: None,
            wound: None,
            first_checkpoint: None,
            luck: None,
            idle_since: now,
            buyer: None,
        }
    }

    /// Where the present attempt stands.
    pub fn reached(&self, start: SimTime, now: SimTime) -> Reached {
        let until = self.saving.map_or(now, |s| s.since.min(now));
        if let Some(steps) = &self.steps {
            return steps.reached(until, self.pace.slow_ppm);
        }
        self.pace.at(self.wall, until.since(start + self.set_up))
    }
}

impl World<'_, '_> {
    pub fn run_spec(&self, work: u16) -> Option<&Run> {
        self.model.work[work as usize].run.as_deref()
    }

    /// Begins an attempt: draws its stages and says how long it lasts if nothing happens.
    pub fn begin_attempt(&mut self, id: JobId, speed: f64) -> Duration {
        let l = &self.jobs[id];
        let (work, ordinal) = (l.work, l.ordinal);
        let model = self.model;
        let Some(spec) = model.work[work as usize].run.as_deref() else { return l.job.work.at_speed(speed) };
        let streams = &self.streams;
        let r = self.jobs[id].run.as_deref_mut().expect("a job of such a workload has one");
        let again = r.begun;
        r.stages.clear();
        for (stage, law) in &spec.stages {
            let taken = match (r.reshapes, *stage) {
                (reshapes, Stage::Reshape) => reshapes,
                (true, _) => false,
                (false, s) => again || s.on_first_start(),
            };
            if !taken {
                continue;
            }
            let seconds = match law {
                Dist::Constant(_) => law.mean(),
                law => {
                    let name = &model.work[work as usize].name;
                    let luck = r.luck.get_or_insert_with(|| Box::new(streams.stream("set-up", name, ordinal)));
                    law.sample(luck)
                }
            };
            r.stages.push((*stage, Duration::from_secs_f64(seconds.max(0.0))));
        }
        r.reshapes = false;
        r.set_up = Duration(r.stages.iter().map(|(_, d)| d.0).sum());
        r.speed = speed * (1.0 - f64::from(spec.redundancy_ppm) / 1e6);
        r.wall = r.left.at_speed(r.speed);
        r.pace = spec.checkpoint.pace;
        r.saving = None;
        r.set_up + r.pace.lasts(r.wall)
    }

    /// The parts of the attempt that ends now.
    pub fn parts_of(&self, id: JobId, leaves: Leaves) -> SmallVec<[Part; 4]> {
        let l = &self.jobs[id];
        let (start, now) = (l.start, self.now);
        let mut parts = SmallVec::new();
        if l.replica.is_some() {
            return self.replica_parts(id);
        }
        let Some(r) = l.run.as_deref() else {
            let activity = match leaves {
                Leaves::Everything => Activity::Productive,
                Leaves::Durable => Activity::Lost,
                Leaves::Nothing => Activity::Discarded,
            };
            // Making an instance is nobody's work.
            let made = l.made.clamp(start, now);
            let mut push = |from, to, activity, still, account| {
                if from < to {
                    parts.push(Part { from, to, activity, stalled: Duration::ZERO, still, account });
                }
            };
            push(start, made, Activity::Reconfiguring, true, Some(0));
            push(made, now, activity, false, None);
            return parts;
        };
        let begins = SimTime(start.0.saturating_add(r.set_up.0)).min(now);
        let stops = r.saving.map_or(now, |s| s.since).max(begins);
        let reached = r.reached(start, now);
        let tax = self.run_spec(l.work).map_or(0, |s| s.redundancy_ppm);
        // Redundant computing is not progress: it is booked with the checkpoints, as what protects progress costs.
        let taxed = |computed: Duration| Duration((u128::from(computed.0) * u128::from(tax) / 1_000_000) as u64);
        let set_up = if r.begun { Activity::Restart } else { Activity::ColdStart };
        let mut push = |from: SimTime, to: SimTime, activity, stalled: Duration, still| {
            if from < to {
                parts.push(Part { from, to, activity, stalled, still, account: None });
            }
        };
        push(start, begins, set_up, Duration::ZERO, true);
        match leaves {
            Leaves::Everything | Leaves::Nothing => {
                let activity = if leaves == Leaves::Nothing { Activity::Discarded } else { Activity::Productive };
                push(begins, stops, activity, reached.stalled + taxed(reached.done), false);
            }
            Leaves::Durable => {
                let kept = begins + reached.durable_at;
                push(begins, kept, Activity::Productive, reached.stalled_durable + taxed(reached.durable), false);
                let lost = reached.done - reached.durable;
                let stalled = reached.stalled - reached.stalled_durable;
                push(kept, stops, Activity::Lost, stalled + taxed(lost), false);
            }
        }
        push(stops, now, Activity::CheckpointStall, Duration::ZERO, true);
        parts
    }

    /// What is left to do after the attempt that ends now, and what it tells of stages and checkpoints.
    pub fn end_attempt(&mut self, id: JobId, leaves: Leaves, milli: &[(PoolId, u64)]) {
        let (now, window) = (self.now, self.window);
        let l = &self.jobs[id];
        let (start, work) = (l.start, l.work);
        let Some(r) = l.run.as_deref() else { return };
        let reached = r.reached(start, now);
        let total: u64 = milli.iter().map(|(_, m)| *m).sum();
        let kept = match leaves {
            Leaves::Everything => reached.done,
            Leaves::Durable => reached.durable,
            Leaves::Nothing => Duration::ZERO,
        };
        let left = r.left - r.work_of(kept);
        // The stages of setting up, one after the other, as far as the attempt came.
        let mut at = start;
        for (stage, d) in &r.stages {
            let to = (at + *d).min(now);
            let (a, b) = (at.max(window.0), to.min(window.1));
            if a < b {
                self.tally.runs[work as usize].stage(*stage, u128::from(total) * u128::from((b - a).0));
            }
            at = to;
        }
        // What setting up again cost belongs to the interruption before it.
        let set_up_end = SimTime(start.0.saturating_add(r.set_up.0)).min(now);
        let restart = u128::from(total) * u128::from((set_up_end - start).0);
        let restart_usd: Usd = milli.iter().map(|(p, m)| self.books.cost_of(*p, start, set_up_end, *m)).sum();
        let first =
            (reached.checkpoints > 0).then(|| start + r.set_up + r.pace.interval + r.pace.stall + r.pace.persist);
        let reads = r.stages.iter().any(|(s, _)| *s == Stage::Read);
        let t = &mut self.tally.runs[work as usize];
        if now >= window.0 {
            t.checkpoints += reached.checkpoints;
        }
        let moved = reached.checkpoints + u64::from(reads);
        let account = self.jobs[id].account;
        let egress = milli.first().and_then(|(p, _)| self.run_spec(work)?.checkpoint.egress.get(p.0 as usize)).copied();
        if let Some(usd) = egress.filter(|_| now >= window.0) {
            self.extra(account, ChargeKind::Egress, Usd(usd.0 * i128::from(moved)));
        }
        let Some(r) = self.jobs[id].run.as_deref_mut() else { return };
        if let Some(mut wound) = r.wound.take() {
            wound.restart = Exact(restart);
            wound.usd = Money(wound.usd.0 + restart_usd);
            self.tally.runs[work as usize].worst(*wound);
        }
        r.left = left;
        r.begun |= now > start + r.set_up;
        if r.first_checkpoint.is_none() {
            r.first_checkpoint = first.map(|f| f.min(now));
        }
    }

    /// Notes an interruption of a running job, before its attempt is ended.
    pub fn wound(&mut self, id: JobId, cause: Cause, pool: PoolId, nodes: u32, leaves: Leaves) {
        if self.now < self.window.0 {
            return;
        }
        let l = &self.jobs[id];
        let Some(r) = l.run.as_deref() else { return };
        let parts = self.parts_of(id, leaves);
        let mut lost = 0;
        let mut usd = Usd::ZERO;
        for s in &l.pods {
            let pool = self.fleet.node(s.node).pool;
            let milli = self.pod_milli(pool, &l.job.request);
            for p in parts.iter().filter(|p| p.activity == Activity::Lost) {
                lost += u128::from(milli) * u128::from((p.to - p.from).0 - p.stalled.0);
                usd += self.books.cost_of(pool, p.from, p.to, milli);
            }
        }
        let wound = Loss {
            at_ns: self.now.since(self.window.0).0,
            pool: self.model.pools[pool.0 as usize].name.clone(),
            cause: cause.key().to_owned(),
            ordinal: l.ordinal,
            nodes,
            lost: Exact(lost),
            restart: Exact(0),
            usd: Money(usd),
        };
        let before = r.wound.clone();
        let work = l.work;
        let t = &mut self.tally.runs[work as usize];
        t.interrupted(cause);
        if let Some(w) = before {
            t.worst(*w);
        }
        if let Some(r) = self.jobs[id].run.as_deref_mut() {
            r.wound = Some(Box::new(wound));
        }
    }

    /// What a loss of these nodes leaves of a job's progress.
    pub fn leaves_after(&self, id: JobId, dead: &[crate::fleet::NodeId]) -> Leaves {
        let l = &self.jobs[id];
        let (Some(r), Some(spec)) = (l.run.as_deref(), self.run_spec(l.work)) else { return Leaves::Durable };
        if r.saving.is_some() && r.pace.keeping == Keeping::Everything {
            return Leaves::Everything;
        }
        // Copies in the memory of peers: a loss takes progress only where a whole group is gone.
        if let Some(group) = spec.checkpoint.peers.map(|g| g.max(1) as usize)
            && self.now >= l.start + r.set_up
        {
            let whole_group_gone = l.pods.chunks(group).any(|g| g.iter().all(|s| dead.contains(&s.node)));
            if !whole_group_gone {
                return Leaves::Everything;
            }
        }
        // Redundant computing: each node's neighbour can take over, unless it is gone too.
        if spec.redundancy_ppm > 0 {
            let n = l.pods.len();
            let gone = |i: usize| dead.contains(&l.pods[i % n].node);
            if n > 1 && !(0..n).any(|i| gone(i) && gone(i + 1)) {
                return Leaves::Everything;
            }
        }
        Leaves::Durable
    }

    /// A run leaves: its nodes are given back, its checkpoints paid for, its deadline looked at.
    pub fn settle_run(&mut self, id: JobId, end: JobEnd) {
        let timers: SmallVec<[Timer; 2]> = self.jobs[id]
            .run
            .as_deref_mut()
            .and_then(|r| r.buyer.as_deref_mut())
            .into_iter()
            .flat_map(Buyer::timers)
            .collect();
        for t in timers {
            self.queue.cancel(t);
        }
        let over = end != JobEnd::Running && end != JobEnd::Queued;
        if over {
            self.release(id);
        }
        let l = &self.jobs[id];
        let Some(r) = l.run.as_deref() else { return };
        let (work, account, ordinal, attempts) = (l.work, l.account, l.ordinal, l.attempts);
        let (arrive, wound) = (l.job.arrive, r.wound.clone());
        if let (Some(spec), Some(first)) = (self.run_spec(work), r.first_checkpoint) {
            let (a, b) = self.books.clip(first, self.now);
            let kept = spec.checkpoint.storage.over(u128::from(b.since(a).0) * u128::from(spec.checkpoint.keep));
            self.extra(account, ChargeKind::Storage, kept);
        }
        if self.now < self.window.0 {
            return;
        }
        let deadline = self.run_spec(work).and_then(|s| s.buying.as_deref()).and_then(|b| b.deadline);
        let late = deadline.map(|d| self.now - arrive > d);
        let met = match (end, late) {
            (JobEnd::Done, Some(late)) => Some(!late),
            (JobEnd::Running | JobEnd::Queued, Some(true)) => Some(false),
            _ => None,
        };
        let finish = Finish {
            ordinal,
            arrive_ns: arrive.since(self.window.0).0,
            end_ns: self.now.since(self.window.0).0,
            done: end == JobEnd::Done,
            met,
            attempts,
        };
        let t = &mut self.tally.runs[work as usize];
        if let Some(w) = wound {
            t.worst(*w);
        }
        t.finish(finish);
    }

    /// Charges something that no time of a GPU explains.
    pub fn extra(&mut self, account: u32, kind: ChargeKind, usd: Usd) {
        if usd > Usd::ZERO {
            *self.extras.entry((account, kind)).or_default() += usd;
        }
    }
}
