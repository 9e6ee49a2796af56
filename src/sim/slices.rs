//! GPUs that are cut: who holds which slice, what is stranded, and how long a pod waits until its instance is there.
//!
//! Where instances are made on demand, the slices of one that goes are free for the next at once, and whoever is placed
//! on them waits until the old instance is destroyed and its own is made. That is the same time line as keeping the
//! slices until they are destroyed, but that a pod could have gone elsewhere meanwhile: a second, by default.

use std::sync::Arc;

use smallvec::SmallVec;

use super::event::{Event, FleetEvent};
use super::world::World;
use crate::catalog::mig::Slices;
use crate::fleet::cut::Places;
use crate::fleet::{Cut, NodeId, NodeState, PoolId};
use crate::kernel::Buckets;
use crate::ledger::book::buckets;
use crate::outcome::slices::{GPUS_SHOWN, GpuUse, SliceKind, SliceOutcome};
use crate::outcome::{Exact, Slowdown};
use crate::policy::placement::Spot;
use crate::scenario::model::{ChangeKind, Model, Share};
use crate::units::{Duration, SimTime};
use crate::workload::Request;

/// A level over time.
#[derive(Clone, Debug)]
struct Level {
    since: SimTime,
    now: u64,
    series: Buckets,
}

impl Level {
    fn shift(&mut self, at: SimTime, taken: u64, given: u64) {
        self.series.add(self.since, at, self.now);
        (self.since, self.now) = (at, self.now + given - taken);
    }

    /// Level × ns by bucket, until the run's end.
    fn close(mut self, end: SimTime) -> Vec<u128> {
        self.series.add(self.since, end, self.now);
        self.series.finish()
    }
}

/// One GPU.
#[derive(Clone, Debug)]
struct Gpu {
    /// Compute slices of the instances in use.
    compute: u8,
    /// Compute slices left over that are counted now.
    left: u8,
    /// Thousandths taken; of the first GPUs of the pool.
    taken: Option<Level>,
}

/// The slices of a pool.
#[derive(Clone, Debug)]
pub(super) struct SlicePool {
    kinds: Vec<(Level, u64)>,
    stranded: Level,
    compute_left: Level,
    compute_all: Level,
    /// By node, as the pool's nodes came.
    nodes: Vec<(NodeId, SmallVec<[Gpu; 8]>)>,
    /// Where a node is in that list.
    place: rustc_hash::FxHashMap<NodeId, usize>,
    shown: usize,
    level: Level,
    /// Slices on which an instance is being destroyed until then.
    going: Vec<(NodeId, u16, Slices, SimTime)>,
    made: u64,
    making: u64,
    pub recut: u64,
    pub slowdown: Slowdown,
    /// The newest layout, once there is another than the first.
    cut: Option<Arc<Cut>>,
}

impl SlicePool {
    /// By pool; none where GPUs are not cut.
    pub fn all(model: &Model, window: (SimTime, SimTime)) -> Vec<Option<Box<SlicePool>>> {
        let series = || Buckets::new(window.0, model.bucket, buckets(window, model.bucket));
        let level = || Level { since: SimTime::ZERO, now: 0, series: series() };
        let of = |s: &Share| {
            Box::new(SlicePool {
                kinds: s.slices.iter().map(|_| (level(), 0)).collect(),
                stranded: level(),
                compute_left: level(),
                compute_all: level(),
                nodes: Vec::new(),
                place: rustc_hash::FxHashMap::default(),
                shown: 0,
                level: level(),
                going: Vec::new(),
                made: 0,
                making: 0,
                recut: 0,
                slowdown: Slowdown::default(),
                cut: None,
            })
        };
        model.pools.iter().map(|p| p.share.as_deref().map(of)).collect()
    }

    /// The measured window begins.
    pub fn begin(&mut self) {
        self.kinds.iter_mut().for_each(|k| k.1 = 0);
        (self.made, self.making, self.recut) = (0, 0, 0);
    }

    fn add(&mut self, id: NodeId, gpus: u8) {
        let one = |shown: &mut usize| {
            let taken = (*shown < GPUS_SHOWN).then(|| self.level.clone());
            *shown += 1;
            Gpu { compute: 0, left: 0, taken }
        };
        let mut shown = self.shown;
        let all = (0..gpus).map(|_| one(&mut shown)).collect();
        self.shown = shown;
        self.place.insert(id, self.nodes.len());
        self.nodes.push((id, all));
    }

    fn gpu(&mut self, id: NodeId, gpu: usize) -> Option<&mut Gpu> {
        let at = *self.place.get(&id)?;
        self.nodes.get_mut(at)?.1.get_mut(gpu)
    }
}

impl World<'_, '_> {
    fn share(&self, pool: PoolId) -> Option<&Share> {
        self.model.pools[pool.0 as usize].share.as_deref()
    }

    /// How fast a pod of this workload computes in a pool, relative to the reference of its work.
    pub fn speed_on(&self, work: u16, pool: PoolId, r: &Request) -> f64 {
        let w = &self.model.work[work as usize];
        let speed = w.speed[pool.0 as usize];
        let slice = self.share(pool).and_then(|s| s.slices.get(usize::from(r.slice))?.as_ref());
        slice.filter(|_| r.gpus > 0).map_or(speed, |s| speed / (w.unsliced + (1.0 - w.unsliced) / s.compute))
    }

    /// Whether others may be on the same GPU, without instances of their own: polls see it busy when anyone is.
    pub fn shares_gpu(&self, pool: PoolId, r: &Request) -> bool {
        match self.share(pool) {
            None => r.is_share(),
            Some(s) => r.gpus > 0 && matches!(s.cut.places(), Places::Turns(_)),
        }
    }

    /// A node joins what is known of slices.
    pub fn slices_new(&mut self, id: NodeId) {
        let node = self.fleet.node(id);
        let (pool, gpus) = (node.pool, node.capacity.gpus);
        if let Some(s) = &mut self.slices[pool.0 as usize] {
            s.add(id, gpus);
        }
    }

    /// A pod has taken a place, or given it back.
    pub fn slice_moved(&mut self, spot: Spot, r: &Request, taken: bool) {
        let pool = self.fleet.node(spot.node).pool;
        let Some(share) = self.model.pools[pool.0 as usize].share.as_deref().filter(|_| r.gpus > 0) else { return };
        let (now, milli) = (self.now, u64::from(share.cut.milli_of(r)));
        let compute = share.slices.get(usize::from(r.slice)).and_then(Option::as_ref).map_or(0, |s| s.slices);
        let Some(s) = &mut self.slices[pool.0 as usize] else { return };
        let (took, gave) = if taken { (0, milli) } else { (milli, 0) };
        if let Some((level, placed)) = s.kinds.get_mut(usize::from(r.slice)) {
            level.shift(now, took, gave);
            *placed += u64::from(taken);
        }
        for g in spot.gpus.iter() {
            let Some(gpu) = s.gpu(spot.node, g) else { continue };
            gpu.compute = if taken { gpu.compute + compute } else { gpu.compute - compute };
            if let Some(level) = &mut gpu.taken {
                level.shift(now, took, gave);
            }
        }
        self.restrand(spot.node);
    }

    /// Brings what is stranded on a node up to date: nothing while it takes no work.
    pub fn restrand(&mut self, id: NodeId) {
        let node = self.fleet.node(id);
        let Some(cut) = node.cut.as_deref() else { return };
        let (pool, ready, now) = (node.pool, node.state == NodeState::Ready, self.now);
        let stranded = if ready { u64::from(cut.stranded(&node.free)) } else { 0 };
        let Some(s) = &mut self.slices[pool.0 as usize] else { return };
        let was = std::mem::replace(&mut self.lives[id.0 as usize].stranded, stranded);
        if was != stranded {
            s.stranded.shift(now, was, stranded);
            self.free.strand(pool, was, stranded);
        }
        let Some(at) = s.place.get(&id).copied() else { return };
        let (mut took, mut gave) = (0, 0);
        for (g, word) in s.nodes[at].1.iter_mut().zip(node.free.words()) {
            let left = if ready { cut.compute_left(*word, g.compute) } else { 0 };
            took += u64::from(std::mem::replace(&mut g.left, left));
            gave += u64::from(left);
        }
        if took != gave {
            s.compute_left.shift(now, took, gave);
        }
    }

    /// A node begins or ceases to take work: its compute slices count or no longer do.
    pub fn slices_state(&mut self, id: NodeId, was: NodeState, to: NodeState) {
        let node = self.fleet.node(id);
        let Some(g) = node.cut.as_deref().and_then(|c| c.geometry()) else { return };
        let all = u64::from(g.compute()) * u64::from(node.capacity.gpus);
        let (pool, now) = (node.pool, self.now);
        let Some(s) = &mut self.slices[pool.0 as usize] else { return };
        let ready = |s: NodeState| if s == NodeState::Ready { all } else { 0 };
        s.compute_all.shift(now, ready(was), ready(to));
    }

    /// The places of the GPUs of a pool's nodes, as they come up now.
    pub fn cut_of(&self, pool: PoolId) -> Option<Arc<Cut>> {
        let recut = self.slices[pool.0 as usize].as_deref().and_then(|s| s.cut.clone());
        recut.or_else(|| self.share(pool).map(|s| s.cut.clone()))
    }

    /// The GPUs of a pool are to be cut anew, by this change: its nodes are cordoned, and cut when they are empty.
    pub fn recut_pool(&mut self, change: u32, pool: PoolId, cut: &Arc<Cut>, grace: Duration) {
        if let Some(s) = &mut self.slices[pool.0 as usize] {
            s.cut = Some(cut.clone());
        }
        for i in 0..self.fleet.nodes().len() {
            let (id, node) = (NodeId(i as u32), &self.fleet.nodes()[i]);
            if node.pool != pool || node.state == NodeState::Gone {
                continue;
            }
            let (state, pods) = (node.state, node.pods);
            // A node that is retired goes as it is.
            if state == NodeState::Draining && self.lives[i].recut.is_none() && !self.lives[i].doomed {
                continue;
            }
            self.lives[i].recut = Some(change);
            if state == NodeState::Ready {
                self.move_node(id, NodeState::Draining, None);
                if pods == 0 {
                    self.emptied(id);
                } else if grace != Duration(u64::MAX) {
                    self.schedule(self.now + grace, Event::Fleet(FleetEvent::Evict(id)));
                }
            } else if state == NodeState::Reconfiguring {
                self.begin_recut(id, change);
            }
        }
    }

    /// A cordoned node is empty: its GPUs are cut anew, or it goes.
    pub fn emptied(&mut self, id: NodeId) {
        match self.lives[id.0 as usize].recut {
            Some(change) => {
                self.move_node(id, NodeState::Reconfiguring, None);
                self.begin_recut(id, change);
            }
            None => self.terminate(id),
        }
    }

    fn begin_recut(&mut self, id: NodeId, change: u32) {
        let ChangeKind::Recut { pool, cut, takes, .. } = &self.model.changes[change as usize].kind else { return };
        self.lives[id.0 as usize].recut = None;
        self.fleet.recut(id, cut.clone());
        if let Some(s) = &mut self.slices[pool.0 as usize] {
            s.recut += 1;
            s.going.retain(|(n, ..)| *n != id);
        }
        self.lives[id.0 as usize].ready_at = self.now + *takes;
        self.schedule(self.now + *takes, Event::Fleet(FleetEvent::Ready(id)));
    }

    /// A node that does not work comes up with the newest layout.
    pub fn recut_idle(&mut self, id: NodeId, was: NodeState) {
        let Some(change) = self.lives[id.0 as usize].recut else { return };
        if let ChangeKind::Recut { cut, .. } = &self.model.changes[change as usize].kind
            && matches!(was, NodeState::Away | NodeState::Broken | NodeState::Booting)
        {
            self.lives[id.0 as usize].recut = None;
            self.fleet.recut(id, cut.clone());
        }
    }

    /// How long the pods that are placed here now wait until their instances are made.
    pub fn instances_made(&mut self, spots: &[Spot], r: &Request) -> Duration {
        let mut longest = Duration::ZERO;
        for spot in spots {
            let pool = self.fleet.node(spot.node).pool;
            let model = self.model;
            let Some(share) = model.pools[pool.0 as usize].share.as_deref() else { return longest };
            let (Places::Made, Some(g), Some(t)) = (share.cut.places(), share.cut.geometry(), share.cut.take_of(r))
            else {
                continue;
            };
            let (now, mine) = (self.now, g.profile(t.profile).at(spot.gpus.place));
            let Some(s) = &mut self.slices[pool.0 as usize] else { continue };
            s.going.retain(|(.., until)| *until > now);
            let on = |n: NodeId, mask: u16, slices: &Slices| {
                n == spot.node && mask == spot.gpus.mask && slices.overlaps(mine)
            };
            let gone = s.going.iter().filter(|(n, m, at, _)| on(*n, *m, at)).map(|g| g.3).max().unwrap_or(now);
            let delay = Duration((gone - now).0 + share.create.0);
            s.made += 1;
            s.making += delay.0;
            longest = longest.max(delay);
        }
        longest
    }

    /// The instance of a pod that stops begins to be destroyed.
    pub fn instance_goes(&mut self, spot: Spot, r: &Request) {
        let pool = self.fleet.node(spot.node).pool;
        let Some(share) = self.model.pools[pool.0 as usize].share.as_deref() else { return };
        let (Places::Made, Some(g), Some(t)) = (share.cut.places(), share.cut.geometry(), share.cut.take_of(r)) else {
            return;
        };
        let (at, until) = (g.profile(t.profile).at(spot.gpus.place), self.now + share.destroy);
        if let Some(s) = self.slices[pool.0 as usize].as_mut().filter(|_| share.destroy.0 > 0) {
            s.going.push((spot.node, spot.gpus.mask, at, until));
        }
    }

    /// The longest that a pod may have to wait for its instance in these pools.
    pub fn longest_making(&self, pool: PoolId) -> Duration {
        self.share(pool).map_or(Duration::ZERO, |s| Duration(s.create.0 + s.destroy.0))
    }

    /// Who held what of a pool's GPUs, when the run is over.
    pub fn slices_of(&mut self, pool: PoolId, lengths: &[f64]) -> Option<Box<SliceOutcome>> {
        let end = self.window.1;
        let share = self.model.pools[pool.0 as usize].share.clone()?;
        let s = *self.slices[pool.0 as usize].take()?;
        let n = lengths.len();
        let gpus = |values: &[u128]| -> Vec<f64> {
            values.iter().take(n).zip(lengths).map(|(v, ns)| *v as f64 / 1000.0 / ns.max(1.0)).collect()
        };
        let sum = |level: Level| Exact(level.close(end).iter().take(n).sum());
        let mut kinds: Vec<SliceKind> = Vec::new();
        for (k, (level, placed)) in s.kinds.into_iter().enumerate() {
            let Some(slice) = share.slices.get(k).and_then(Option::as_ref) else { continue };
            let series = level.close(end);
            let probe = Request { gpus: 1, gpu_milli: 1000, slice: k as u8, ..Request::default() };
            let held = Exact(series.iter().take(n).sum());
            let (milli, series) = (share.cut.milli_of(&probe), gpus(&series));
            // Several requests may mean one profile.
            match kinds.iter_mut().find(|k| k.name == slice.name) {
                Some(k) => {
                    k.placed += placed;
                    k.held = Exact(k.held.0 + held.0);
                    k.series.iter_mut().zip(series).for_each(|(a, b)| *a += b);
                }
                None => kinds.push(SliceKind { name: slice.name.clone(), milli, placed, held, series }),
            }
        }
        kinds.retain(|k| k.placed > 0 || k.held.0 > 0);
        let mut rows = Vec::new();
        for (id, all) in s.nodes {
            for (g, gpu) in all.into_iter().enumerate() {
                let Some(level) = gpu.taken else { continue };
                let thousandths = |v: f64| (v * 1000.0).round() as u16;
                let taken = gpus(&level.close(end)).into_iter().map(thousandths).collect();
                rows.push(GpuUse { name: format!("{}/{g}", self.node_name(id)), taken });
            }
        }
        let way = match (share.cut.places(), share.turns) {
            (Places::Turns(_), Some(t)) if t.mps => "mps",
            (Places::Turns(_), _) => "time_slicing",
            (Places::Fixed(_), _) => "mig",
            (Places::Made, _) => "mig_on_demand",
        };
        Some(Box::new(SliceOutcome {
            way: way.to_owned(),
            kinds,
            stranded: gpus(&s.stranded.close(end)),
            compute_slices: share.cut.geometry().map_or(0, |g| u32::from(g.compute())),
            compute_left: sum(s.compute_left),
            compute_all: sum(s.compute_all),
            made: s.made,
            making_ns: s.making,
            recut: s.recut,
            slowdown: s.slowdown,
            gpus: rows,
        }))
    }
}
