//! Who starts now: a pass over the classes of waiting jobs in the queue's order, with backfill and preemption.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ordered_float::OrderedFloat;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::jobs::JobId;
use super::waiting::{ClassId, Line, Rank};
use super::world::World;
use crate::fleet::{Free, Gpus, IslandId, NodeId, NodeState, PoolSet};
use crate::policy::placement::{Spot, Target};
use crate::policy::queue::{Blocked, Order};
use crate::units::SimTime;
use crate::workload::Request;

/// More changed nodes than this, and asking the placement index is cheaper than looking at each.
const CHANGES_MAX: usize = 32;

impl World<'_, '_> {
    /// Starts every job that the queue's discipline lets start now.
    ///
    /// Classes are taken in the order of their first jobs. One that cannot start blocks, under strict order, the pools
    /// that it may use for everyone behind it; under EASY it gets a reservation on them. Pools that nobody before wants
    /// are served as if they had a queue of their own. A job over its quota waits aside and blocks nobody.
    pub fn dispatch(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        // Until a class is set aside, the first in line is the next; the others are lined up only then.
        let mut lined_up = false;
        let mut blocked = PoolSet::EMPTY;
        let mut plans: Vec<Plan> = Vec::new();
        while let Some(id) = if lined_up { self.next_in(&mut line) } else { self.first_class() } {
            let class = self.waiting.class(id);
            let (limits, milli, pools) = (class.key.limits, class.milli(), class.pools);
            let Some((_, job)) = class.head() else { break };
            let open = pools.without(blocked);
            if !open.is_empty() && self.accounts.allows(self.model, limits, milli) {
                let mut started = self.try_start(id, job, open);
                if !started && self.model.queue.preempt && self.make_room(id) {
                    // Whoever was pushed out waits again, and what was worked out no longer holds: the pass begins anew.
                    (lined_up, blocked) = (false, PoolSet::EMPTY);
                    plans.clear();
                    started = self.try_start(id, job, pools);
                    debug_assert!(started, "room was made");
                }
                if started {
                    if lined_up {
                        line.extend(self.rank(id).map(|r| Reverse((r, id))));
                    }
                    continue;
                }
                match self.model.queue.blocked {
                    Blocked::Skip => {}
                    Blocked::Wait => blocked = blocked.or(pools),
                    Blocked::Easy { .. } => {
                        // The first to want these pools gets a reservation; others may yet go ahead of it.
                        if open == pools {
                            plans.extend(self.reserve(id));
                        }
                        blocked = blocked.or(pools);
                    }
                }
                if self.waiting.wanted().without(blocked).is_empty() {
                    break;
                }
            }
            if !lined_up {
                lined_up = true;
                self.line_up(&mut line, id, blocked);
            }
        }
        line.clear();
        self.line = line;
        if let Blocked::Easy { depth } = self.model.queue.blocked
            && !plans.is_empty()
        {
            self.backfill(&mut plans, depth);
        }
    }

    /// What the group of a class holds, under fair share.
    fn share_of(&self, id: ClassId) -> OrderedFloat<f64> {
        let group = self.waiting.class(id).key.group;
        OrderedFloat(if group == 0 { 0.0 } else { self.accounts.share(group) })
    }

    /// The place in line of a class's first job, comparable over classes.
    fn rank(&self, id: ClassId) -> Option<Rank> {
        self.waiting.class(id).head().map(|(place, _)| (self.share_of(id), place))
    }

    fn first_class(&mut self) -> Option<ClassId> {
        if !matches!(self.model.queue.order, Order::FairShare { .. }) {
            return self.waiting.first();
        }
        let ranked = self.waiting.active().iter().filter_map(|c| self.rank(*c).map(|r| (r, *c)));
        ranked.min().map(|(_, c)| c)
    }

    /// Lines up the classes that may yet do something in a pass: all but the one set aside, those whose pools are all
    /// blocked, and, where one that cannot start is passed over anyway, those without room.
    fn line_up(&self, line: &mut Line, aside: ClassId, blocked: PoolSet) {
        let passed_over = self.model.queue.blocked == Blocked::Skip && !self.model.queue.preempt;
        line.clear();
        let open = |c: &ClassId| *c != aside && !self.waiting.class(*c).pools.without(blocked).is_empty();
        let hopeful = |c: &ClassId| open(c) && (!passed_over || self.may_have_room(*c));
        let classes = self.waiting.active().iter().filter(|c| hopeful(c));
        line.extend(classes.filter_map(|c| self.rank(*c).map(|r| Reverse((r, *c)))));
    }

    /// Takes the first class out of the line. Starting jobs only raises what groups hold, so that a rank that is still
    /// true when it comes up is the least.
    fn next_in(&self, line: &mut Line) -> Option<ClassId> {
        while let Some(Reverse((rank, class))) = line.pop() {
            match self.rank(class) {
                Some(now) if now != rank => line.push(Reverse((now, class))),
                Some(_) => return Some(class),
                None => {}
            }
        }
        None
    }

    /// Whether the fleet has room for a job of this class now, whatever the queue and quotas say.
    pub fn has_room(&mut self, id: ClassId) -> bool {
        let room = self.may_have_room(id) && self.count_room(id);
        if !room {
            self.waiting.set_full(id, self.fleet.log().end());
        }
        debug_assert_eq!(room, self.count_room(id), "what is remembered of full classes holds");
        room
    }

    /// The same, by the placement index.
    fn count_room(&mut self, id: ClassId) -> bool {
        let key = self.waiting.class(id).key;
        if key.one_island {
            return self.placer.island_with_slots(&self.fleet, key.shape, u64::from(key.pods)).is_some();
        }
        self.placer.slots(&self.fleet, key.shape) >= u64::from(key.pods)
    }

    /// False only when there is no room for certain: there was none for this class before, and none of the nodes that
    /// changed since takes even one of its pods.
    fn may_have_room(&self, id: ClassId) -> bool {
        let class = self.waiting.class(id);
        let takes = |n: &NodeId| {
            let node = self.fleet.node(*n);
            node.state == NodeState::Ready && class.pools.has(node.pool) && node.fits(&class.request)
        };
        match self.fleet.log().since(class.full_at) {
            Some(changed) if changed.len() <= CHANGES_MAX => changed.iter().any(takes),
            _ => true,
        }
    }

    /// Starts a job of a class in these of its pools if it fits there.
    fn try_start(&mut self, id: ClassId, job: JobId, pools: PoolSet) -> bool {
        match self.find_spots(id, pools) {
            Some(spots) => {
                self.start(job, spots);
                true
            }
            None => false,
        }
    }

    /// Places a gang's pods one after the other; all or none.
    fn find_spots(&mut self, id: ClassId, pools: PoolSet) -> Option<SmallVec<[Spot; 1]>> {
        let spots = if self.may_have_room(id) { self.place_all(id, pools) } else { None };
        if spots.is_none() && pools == self.waiting.class(id).pools {
            self.waiting.set_full(id, self.fleet.log().end());
            debug_assert!(!self.count_room(id), "what is remembered of full classes holds");
        }
        spots
    }

    fn place_all(&mut self, id: ClassId, pools: PoolSet) -> Option<SmallVec<[Spot; 1]>> {
        let class = self.waiting.class(id);
        let (key, request) = (class.key, class.request);
        let shape = if pools == class.pools { key.shape } else { self.placer.shape(Target { request, pools }) };
        let mut island: Option<IslandId> = None;
        if key.pods > 1 {
            if key.one_island {
                island = Some(self.placer.island_with_slots(&self.fleet, shape, u64::from(key.pods))?);
            } else if self.placer.slots(&self.fleet, shape) < u64::from(key.pods) {
                return None;
            }
        }
        let mut spots = if key.pods > 1 { self.spare.pop().unwrap_or_default() } else { SmallVec::new() };
        for _ in 0..key.pods {
            let spot = match island {
                Some(i) => self.placer.pick_in(&self.fleet, shape, i),
                None => self.placer.pick(&self.fleet, shape),
            };
            match spot {
                Some(s) => {
                    self.place(s, &request);
                    spots.push(s);
                }
                None => {
                    debug_assert!(spots.is_empty(), "counted slots hold as many pods as counted");
                    for s in spots.drain(..) {
                        self.unplace(s, &request);
                    }
                    return None;
                }
            }
        }
        Some(spots)
    }

    /// EASY: jobs behind a reservation, in order, start now if every reservation still holds.
    fn backfill(&mut self, plans: &mut [Plan], depth: usize) {
        for (class, job) in self.first_in_line(depth) {
            let c = self.waiting.class(class);
            let (limits, milli, pools) = (c.key.limits, c.milli(), c.pools);
            if !self.accounts.allows(self.model, limits, milli) {
                continue;
            }
            if let Some(spots) = self.find_spots(class, pools) {
                self.try_backfill(class, job, spots, plans);
            }
        }
    }

    /// The first `n` jobs in line, over all classes.
    fn first_in_line(&self, n: usize) -> Vec<(ClassId, JobId)> {
        let active = self.waiting.active();
        let mut lines: Vec<_> = active.iter().map(|c| (self.waiting.class(*c).line(), self.share_of(*c))).collect();
        let mut next = |i: usize| {
            let (line, share) = &mut lines[i];
            line.next().map(|(place, job)| Reverse(((*share, place), active[i], job, i)))
        };
        let mut heads: BinaryHeap<_> = (0..active.len()).filter_map(&mut next).collect();
        let mut out = Vec::new();
        while out.len() < n
            && let Some(Reverse((_, class, job, i))) = heads.pop()
        {
            out.push((class, job));
            heads.extend(next(i));
        }
        out
    }

    /// Starts a job on these spots if it is over by each reservation or leaves it room; else gives them back.
    fn try_backfill(&mut self, class: ClassId, job: JobId, spots: SmallVec<[Spot; 1]>, plans: &mut [Plan]) {
        let request = self.waiting.class(class).request;
        let l = &self.jobs[job];
        let speed = spots
            .iter()
            .map(|s| self.speed_on(l.work, self.fleet.node(s.node).pool, &request))
            .fold(f64::INFINITY, f64::min);
        let making = spots.iter().map(|s| self.longest_making(self.fleet.node(s.node).pool)).max();
        let over_by = self.now + l.job.work.at_speed(speed) + making.unwrap_or_default();
        // The overlays must not see these pods yet: they hold the nodes as they were before.
        for plan in plans.iter_mut() {
            for s in &spots {
                plan.nodes.entry(s.node).or_insert_with(|| {
                    let node = self.fleet.node(s.node);
                    let mut f = node.free;
                    for other in spots.iter().filter(|o| o.node == s.node) {
                        f.give(node.cut.as_deref(), &request, other.gpus);
                    }
                    f
                });
            }
        }
        let mut holds = true;
        let mut undo: Vec<(usize, Before)> = Vec::new();
        for (i, plan) in plans.iter_mut().enumerate() {
            if over_by <= plan.at {
                continue;
            }
            undo.push((i, spots.iter().map(|s| (s.node, *plan.free_at(self, s.node))).collect()));
            for s in &spots {
                holds &= plan.take(self, s.node, &request, s.gpus);
            }
            holds &= plan.slots() >= plan.need;
            if !holds {
                break;
            }
        }
        if holds {
            self.start(job, spots);
            return;
        }
        for (i, before) in undo {
            for (n, f) in before {
                plans[i].update(self, n, f);
            }
        }
        for s in spots {
            self.unplace(s, &request);
        }
    }

    /// When the head could start if nothing else did: running jobs end as they are known to, in order.
    fn reserve(&mut self, head: ClassId) -> Option<Plan> {
        let mut plan = self.plan(head, SimTime::MAX);
        let w = &*self;
        for (end, j) in w.running.as_ref()? {
            let l = &w.jobs[*j];
            for s in &l.pods {
                plan.give(w, s.node, &l.job.request, s.gpus);
            }
            if plan.slots() >= plan.need {
                plan.at = *end;
                return Some(plan);
            }
        }
        // Not by releases alone (a delivery will have to help): no reservation to protect, so everyone may go ahead.
        Some(plan)
    }

    /// The fleet as it is, for the first job of a class.
    fn plan(&mut self, id: ClassId, at: SimTime) -> Plan {
        let class = self.waiting.class(id);
        let (key, request, pools) = (class.key, class.request, class.pools);
        let base = match key.one_island {
            true => self.placer.slots_by_island(&self.fleet, key.shape).to_vec(),
            false => vec![self.placer.slots(&self.fleet, key.shape)],
        };
        let (need, one_island) = (u64::from(key.pods), key.one_island);
        Plan { at, request, pools, need, one_island, nodes: FxHashMap::default(), base }
    }

    /// Pushes out running jobs of lower priority, the lowest and then the youngest first, and of those only as many as it
    /// takes, until the first job of a class fits. Changes nothing when even all of them would not do.
    fn make_room(&mut self, id: ClassId) -> bool {
        let class = self.waiting.class(id);
        let (key, pools, milli) = (class.key, class.pools, class.milli());
        let Some((_, job)) = class.head() else { return false };
        if !self.accounts.allows(self.model, key.limits, milli) {
            return false;
        }
        let priority = self.jobs[job].job.priority;
        let mut victims: Vec<(i32, Reverse<SimTime>, JobId)> = self
            .running
            .iter()
            .flatten()
            .map(|(_, j)| (*j, &self.jobs[*j]))
            .filter(|(_, l)| l.job.priority < priority)
            .filter(|(_, l)| l.pods.iter().any(|s| pools.has(self.fleet.node(s.node).pool)))
            .map(|(j, l)| (l.job.priority, Reverse(l.start), j))
            .collect();
        victims.sort_unstable();
        let need = u64::from(key.pods);
        let mut plan = self.plan(id, self.now);
        let mut chosen: Vec<JobId> = Vec::new();
        for (_, _, j) in victims {
            if plan.slots() >= need {
                break;
            }
            let l = &self.jobs[j];
            for s in &l.pods {
                plan.give(self, s.node, &l.job.request, s.gpus);
            }
            chosen.push(j);
        }
        if plan.slots() < need {
            return false;
        }
        // Some of them may not have been needed: put back, the highest priority first, whoever can stay.
        let mut out = Vec::new();
        for j in chosen.into_iter().rev() {
            let l = &self.jobs[j];
            let before: Before = l.pods.iter().map(|s| (s.node, *plan.free_at(self, s.node))).collect();
            let mut fits = true;
            for s in &l.pods {
                fits &= plan.take(self, s.node, &l.job.request, s.gpus);
            }
            if !fits || plan.slots() < need {
                for (n, f) in before {
                    plan.update(self, n, f);
                }
                out.push(j);
            }
        }
        for j in out {
            self.requeue(j);
        }
        true
    }
}

/// Nodes of an overlay as they were.
type Before = SmallVec<[(NodeId, Free); 2]>;

/// What would be free at some instant: an overlay on the fleet, not a copy of it.
struct Plan {
    at: SimTime,
    request: Request,
    pools: PoolSet,
    need: u64,
    one_island: bool,
    nodes: FxHashMap<NodeId, Free>,
    /// Slots by island (all as one when the gang may spread), kept as the overlay changes.
    base: Vec<u64>,
}

impl Plan {
    fn island(&self, w: &World<'_, '_>, n: NodeId) -> usize {
        if self.one_island { w.fleet.node(n).island.0 as usize } else { 0 }
    }

    fn count(&self, w: &World<'_, '_>, n: NodeId, f: &Free) -> u64 {
        let node = w.fleet.node(n);
        if node.state == NodeState::Ready && self.pools.has(node.pool) {
            u64::from(f.count(node.cut.as_deref(), &self.request))
        } else {
            0
        }
    }

    fn slots(&self) -> u64 {
        self.base.iter().copied().max().unwrap_or(0)
    }

    fn free_at<'a>(&'a self, w: &'a World<'_, '_>, n: NodeId) -> &'a Free {
        self.nodes.get(&n).unwrap_or(&w.fleet.node(n).free)
    }

    fn update(&mut self, w: &World<'_, '_>, n: NodeId, f: Free) {
        let (old, new) = (self.count(w, n, self.free_at(w, n)), self.count(w, n, &f));
        let island = self.island(w, n);
        self.base[island] = self.base[island] + new - old;
        self.nodes.insert(n, f);
    }

    /// Adds what a pod would give back.
    fn give(&mut self, w: &World<'_, '_>, n: NodeId, r: &Request, gpus: Gpus) {
        let mut f = *self.free_at(w, n);
        f.give(w.fleet.node(n).cut.as_deref(), r, gpus);
        self.update(w, n, f);
    }

    /// Takes what a pod would take; false (and nothing taken) when it is not there.
    fn take(&mut self, w: &World<'_, '_>, n: NodeId, r: &Request, gpus: Gpus) -> bool {
        let mut f = *self.free_at(w, n);
        let ok = f.take(w.fleet.node(n).cut.as_deref(), r, gpus);
        if ok {
            self.update(w, n, f);
        }
        ok
    }
}
