//! The world: it owns the queue of events, sends each to its room, and applies what policies decide.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use super::accounts::Accounts;
use super::arrivals::Arrivals;
use super::counts::NodeCounts;
use super::event::{Event, FleetEvent, JobEvent};
use super::free::FreeShares;
use super::jobs::{JobId, Jobs};
use super::lives::NodeLife;
use super::losses::Risks;
use super::nodes::{Nodes, Watch};
use super::service::ServiceState;
use super::slices::SlicePool;
use super::tally::Tally;
use super::turns::TurnGpus;
use super::waiting::{Line, WaitingRoom};
use super::writes::SharedStore;
use crate::fleet::{Fleet, NodeState};
use crate::kernel::{Queue, Streams};
use crate::ledger::{Ledger, SharedGpus};
use crate::outcome::{ChargeKind, Progress, Recorder};
use crate::policy::placement::{PlacementPolicy, Placer, Settings, Spot, Target, TypicalPods};
use crate::policy::queue::Blocked;
use crate::scenario::model::{Model, Staffing};
use crate::units::{SimTime, Usd};

/// How many events pass between two calls of [`Recorder::progress`].
const PROGRESS_EVERY: u64 = 1 << 15;

/// Everything that changes while a run goes on.
pub(super) struct World<'m, 'r> {
    pub model: &'m Model,
    pub recorder: &'r mut dyn Recorder,
    /// Whether job rows are wanted.
    pub rows: bool,
    /// Whether stretches and changes of nodes are.
    pub watched: bool,
    pub streams: Streams,
    pub queue: Queue<Event>,
    pub fleet: Fleet,
    pub placer: Placer,
    pub books: Ledger,
    pub shared: SharedGpus,
    pub jobs: Jobs,
    /// Buffers of gangs that are over, for those that start: a run allocates no more of them than ran at once.
    pub spare: Vec<SmallVec<[Spot; 1]>>,
    pub waiting: WaitingRoom,
    /// For a pass over the queue: the classes still to be looked at. Empty between passes.
    pub line: Line,
    /// Running jobs by when they will end; kept only when backfill or preemption looks ahead.
    pub running: Option<BTreeSet<(SimTime, JobId)>>,
    pub running_count: u64,
    pub accounts: Accounts,
    pub arrivals: Arrivals<'m>,
    pub tally: Tally,
    pub free: FreeShares,
    /// How many nodes there are, over time.
    pub counts: NodeCounts,
    pub lives: Vec<NodeLife>,
    /// GPUs on which pods take turns.
    pub turn_gpus: TurnGpus,
    /// By pool, who holds what of GPUs that are cut.
    pub slices: Vec<Option<Box<SlicePool>>>,
    pub risks: Risks,
    /// Stores that checkpoints are written to.
    pub stores: Vec<SharedStore>,
    /// Services, each with its front and its replicas.
    pub services: Vec<ServiceState<'m>>,
    /// Who scales nodes, if anybody does; away while it decides.
    pub nodes: Option<Box<Nodes<'m>>>,
    /// What it remembers.
    pub watch: Watch,
    /// The run is being closed: nothing is cut off any more.
    pub closing: bool,
    /// Runs that wait for capacity of their own, outside the queue.
    pub unplaced: u64,
    /// Storage and data transfer, by payer.
    pub extras: BTreeMap<(u32, ChargeKind), Usd>,
    /// Whether anything happened that could let a waiting job start.
    pub dirty: bool,
    pub now: SimTime,
    /// The measured window.
    pub window: (SimTime, SimTime),
    pub events: u64,
    pub fingerprint: u64,
    pub stopped: bool,
}

impl<'m, 'r> World<'m, 'r> {
    /// The world at the epoch: nodes in place, nothing running.
    pub fn new(model: &'m Model, seed: u64, replication: u32, recorder: &'r mut dyn Recorder) -> World<'m, 'r> {
        let streams = Streams::new(seed, replication);
        let window = (model.window_start(), model.end());
        let accounts = Accounts::of(model);
        let tariffs: Vec<_> = model.pools.iter().map(|p| (p.tariff.clone(), p.power)).collect();
        let mut books = Ledger::open(&tariffs, window, model.bucket, model.budgets.len());
        accounts.watch(model, &mut books);
        let looks_ahead = model.queue.preempt || matches!(model.queue.blocked, Blocked::Easy { .. });
        let rows = recorder.wants_jobs();
        let watched = recorder.wants_stretches();
        let mut world = World {
            model,
            recorder,
            rows,
            queue: Queue::new(),
            fleet: Fleet::default(),
            placer: placer(model, seed, &streams),
            books,
            shared: SharedGpus::default(),
            jobs: Jobs::default(),
            spare: Vec::new(),
            waiting: WaitingRoom::default(),
            line: Line::new(),
            running: looks_ahead.then(BTreeSet::new),
            running_count: 0,
            accounts,
            arrivals: Arrivals::of(model, &streams),
            risks: Risks::of(model, &streams, replication),
            stores: Vec::new(),
            services: Vec::new(),
            nodes: Nodes::of(model),
            watch: Watch::new(model),
            closing: false,
            unplaced: 0,
            extras: BTreeMap::new(),
            watched,
            streams,
            tally: Tally::of(model),
            free: FreeShares::new(model.pools.len()),
            counts: NodeCounts::of(model, window),
            lives: Vec::new(),
            turn_gpus: TurnGpus::default(),
            slices: SlicePool::all(model, window),
            dirty: false,
            now: SimTime::ZERO,
            window,
            events: 0,
            fingerprint: 0xcbf2_9ce4_8422_2325,
            stopped: false,
        };
        world.populate();
        world
    }

    /// Puts the first nodes in place and schedules what is dated.
    fn populate(&mut self) {
        self.open_markets();
        self.open_stores();
        let mut there_of = vec![0_u32; self.model.pools.len()];
        for spec in &self.model.nodes {
            let there = self.supply(spec.pool).is_none_or(|s| {
                let room = self.risks.supplier(spec.pool).map_or(0, |r| r.room(s.launch.quota));
                let wanted = match s.staffing {
                    Staffing::Standing => true,
                    Staffing::OnRequest => false,
                    Staffing::Scaled { initial, .. } => there_of[spec.pool.0 as usize] < initial,
                };
                wanted && room > 0
            });
            there_of[spec.pool.0 as usize] += u32::from(there);
            let id = self.add_node(*spec, if there { NodeState::Ready } else { NodeState::Away });
            if there {
                self.settle_in(id);
            }
        }
        for (i, p) in self.model.pools.iter().enumerate() {
            let spares = u64::from(p.supply.as_deref().map_or(0, |s| s.spares));
            let milli = self.model.nodes.iter().find(|n| n.pool.0 as usize == i);
            let milli = milli.map_or(0, |n| self.node_milli(n.pool, n.capacity));
            self.free.keep_spare(crate::fleet::PoolId(i as u16), spares * milli);
        }
        self.open_shocks();
        for (i, c) in self.model.changes.iter().enumerate() {
            self.schedule(c.at, Event::Fleet(FleetEvent::Change(i as u32)));
        }
        if self.window.0 > SimTime::ZERO {
            self.schedule(self.window.0, Event::WindowStart);
        } else {
            self.begin_window();
        }
        self.next_arrival();
        self.open_services();
        self.open_turns();
        self.open_nodes();
        self.end_of_instant();
    }

    pub fn schedule(&mut self, at: SimTime, e: Event) {
        self.queue.push(at, e.class(), e);
    }

    /// Puts the next arrival into the lane beside the heap.
    pub fn next_arrival(&mut self) {
        if let Some(at) = self.arrivals.next_time()
            && at < self.window.1
        {
            let e = Event::Job(JobEvent::Arrive);
            self.queue.lane_push(at.max(self.now), e.class(), e);
        }
    }

    /// Runs to the end of the window, or until the recorder says stop.
    pub fn run(&mut self) {
        while let Some(at) = self.queue.peek_time() {
            if at >= self.window.1 {
                break;
            }
            let Some((at, event)) = self.queue.pop() else { break };
            debug_assert!(at >= self.now, "time ran backwards");
            self.now = at;
            self.events += 1;
            self.note(event);
            self.handle(event);
            // An instant is over when the next event is later: only then are waiting jobs looked at, so that all
            // completions and arrivals of the instant are seen together.
            if self.queue.peek_time() != Some(at) {
                self.end_of_instant();
                if self.model.ends_with_work && self.is_work_over() {
                    self.cut_window(at.max(self.window.0));
                    break;
                }
            }
            if self.events.is_multiple_of(PROGRESS_EVERY) {
                let p = Progress { now: self.now, end: self.window.1, events: self.events };
                if !self.recorder.progress(p) {
                    self.stopped = true;
                    break;
                }
            }
        }
        if self.stopped {
            self.cut_window(self.now.max(self.window.0));
        }
        self.now = self.window.1;
    }

    /// The window ends here.
    fn cut_window(&mut self, end: SimTime) {
        self.window.1 = end;
        self.books.cut(end);
        self.tally.cut(end);
    }

    /// Whether all jobs that will ever arrive have left.
    fn is_work_over(&self) -> bool {
        self.jobs.len() == 0 && self.arrivals.next_time().is_none_or(|at| at >= self.window.1)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Job(JobEvent::Arrive) => self.arrive(),
            Event::Job(JobEvent::End(id)) => self.end_job(id),
            Event::Job(JobEvent::GiveUp(id)) => self.give_up(id),
            Event::Job(JobEvent::Widen(id)) => self.widen(id),
            Event::Fleet(FleetEvent::Change(i)) => self.change_fleet(i as usize),
            Event::Fleet(FleetEvent::Ready(node)) => self.node_ready(node),
            Event::Fleet(FleetEvent::Evict(node)) => self.evict(node),
            Event::Fleet(FleetEvent::Notice(node)) => self.notice(node),
            Event::Fleet(FleetEvent::Lost(node)) => self.lost(node),
            Event::Fleet(FleetEvent::Reap) => self.reap(),
            Event::Fleet(FleetEvent::Repaired(node)) => self.repaired(node),
            Event::Fleet(FleetEvent::Shock(process)) => self.shock(process),
            Event::Fleet(FleetEvent::Capacity(pool)) => self.capacity(pool),
            Event::Fleet(FleetEvent::CapacityNotice(pool)) => self.capacity_notice(pool),
            Event::Fleet(FleetEvent::Refill(pool)) => self.refill(pool),
            Event::Fleet(FleetEvent::Look(pool)) => self.look(pool),
            Event::Job(JobEvent::Saved(id)) => self.saved(id),
            Event::Job(JobEvent::Decide(id)) => self.decide(id),
            Event::Job(JobEvent::Step(id)) => self.step(id),
            Event::Fleet(FleetEvent::Stored(store)) => self.stored(store as usize),
            Event::Service(e) => self.on_service(e),
            Event::Nodes(e) => self.on_nodes(e),
            Event::WindowStart => self.begin_window(),
        }
    }

    /// From here on everything counts.
    fn begin_window(&mut self) {
        self.tally.begin(self.waiting.len() + self.unplaced);
        for (_, l) in self.jobs.iter() {
            self.tally.begin_work(l.work, l.is_running());
        }
        self.free.begin();
        self.slices.iter_mut().flatten().for_each(|s| s.begin());
        self.begin_services();
    }

    fn end_of_instant(&mut self) {
        if std::mem::take(&mut self.dirty) && !self.waiting.is_empty() {
            self.dispatch();
        }
        self.look_at_pending();
        self.reclassify();
    }

    /// One FNV-1a step a word: two runs that agree have the same fingerprint.
    fn note(&mut self, event: Event) {
        for word in [self.now.0, event.code()] {
            self.fingerprint = (self.fingerprint ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// How many jobs of each workload FGD looks at to learn which pods are typical.
const TYPICAL_JOBS: usize = 10_000;
/// The share of them that its list of typical pods covers, in percent (the FGD authors' setting).
const TYPICAL_PERCENT: u32 = 95;

/// The placement engine, told the tie order and, for FGD, which pods are typical of the workload.
fn placer(model: &Model, seed: u64, streams: &Streams) -> Placer {
    let mut settings = Settings { ties: model.ties, ..Settings::default() };
    let orders = |p: &crate::scenario::model::Pool| p.share.as_deref().map(|s| s.orders.clone()).unwrap_or_default();
    settings.cuts = model.pools.iter().map(orders).collect();
    if model.placement == PlacementPolicy::Fgd {
        // Streams are named: looking ahead at the jobs does not change what is drawn later.
        let mut ahead = Arrivals::of(model, streams);
        let mut left = vec![TYPICAL_JOBS; model.work.len()];
        let mut pods = Vec::new();
        while let Some((w, _, job)) = ahead.take() {
            let n = &mut left[w as usize];
            if *n > 0 {
                *n -= 1;
                let pools = model.open_pools(w as usize, job.accept, usize::MAX);
                pods.extend(std::iter::repeat_n(Target { request: job.request, pools }, usize::from(job.pods)));
            } else if left.iter().all(|n| *n == 0) {
                break;
            }
        }
        settings.typical = TypicalPods::of(pods, TYPICAL_PERCENT);
    }
    Placer::with(model.placement, model.tie_seed.unwrap_or(seed), &settings)
}
