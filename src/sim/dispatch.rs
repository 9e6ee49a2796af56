//! Who starts now: a pass over the classes of waiting jobs in the queue's order, with backfill and preemption.

use std::cmp::Reverse;

use ordered_float::OrderedFloat;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::jobs::JobId;
use super::waiting::{ClassId, Rank};
use super::world::World;
use crate::fleet::{Free, Gpus, IslandId, NodeId, NodeState, PoolSet};
use crate::policy::placement::{Spot, Target};
use crate::policy::queue::Blocked;
use crate::units::SimTime;
use crate::workload::Request;

impl World<'_, '_> {
    /// Starts every job that the queue's discipline lets start now.
    ///
    /// Classes are taken in the order of their first jobs. One that cannot start blocks, under strict order, the pools
    /// that it may use for everyone behind it; under EASY it gets a reservation on them. Pools that nobody before wants
    /// are served as if they had a queue of their own. A job over its quota waits aside and blocks nobody.
    pub fn dispatch(&mut self) {
        let mut aside: Vec<ClassId> = Vec::new();
        let mut blocked = PoolSet::EMPTY;
        let mut plans: Vec<Plan> = Vec::new();
        while let Some(id) = self.first_class(&aside) {
            let class = self.waiting.class(id);
            let (limits, milli, pools) = (class.key.limits, class.milli(), class.pools);
            if !self.accounts.allows(self.model, limits, milli) {
                aside.push(id);
                continue;
            }
            let Some((_, job)) = class.head() else { break };
            let open = pools.without(blocked);
            if !open.is_empty() && self.try_start(id, job, open) {
                continue;
            }
            if self.model.queue.preempt && !open.is_empty() && self.make_room(id) {
                // Whoever was pushed out waits again, and what was worked out no longer holds: the pass begins anew.
                aside.clear();
                plans.clear();
                blocked = PoolSet::EMPTY;
                let started = self.try_start(id, job, pools);
                debug_assert!(started, "room was made");
                if started {
                    continue;
                }
            }
            aside.push(id);
            match self.model.queue.blocked {
                Blocked::Skip => {}
                Blocked::Wait => blocked = blocked.or(pools),
                Blocked::Easy { .. } => {
                    // The first to want these pools gets a reservation; others may yet go ahead of it.
                    if pools.and(blocked).is_empty() {
                        plans.extend(self.reserve(id));
                    }
                    blocked = blocked.or(pools);
                }
            }
        }
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

    fn first_class(&self, aside: &[ClassId]) -> Option<ClassId> {
        let rank = |c: ClassId| -> Option<(Rank, ClassId)> {
            self.waiting.class(c).head().map(|(place, _)| ((self.share_of(c), place), c))
        };
        self.waiting.active().iter().filter(|c| !aside.contains(c)).filter_map(|c| rank(*c)).min().map(|(_, c)| c)
    }

    /// Whether the fleet has room for a job of this class now, whatever the queue and quotas say.
    pub fn has_room(&mut self, id: ClassId) -> bool {
        let key = self.waiting.class(id).key;
        if key.one_island {
            return self.placer.island_with_slots(&self.fleet, key.shape, u64::from(key.pods)).is_some();
        }
        self.placer.slots(&self.fleet, key.shape) >= u64::from(key.pods)
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
        let mut spots: SmallVec<[Spot; 1]> = SmallVec::new();
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
        let mut order: Vec<(Rank, ClassId, JobId)> = Vec::new();
        for c in self.waiting.active() {
            let share = self.share_of(*c);
            order.extend(self.waiting.class(*c).line().take(depth).map(|(p, j)| ((share, p), *c, j)));
        }
        order.sort_unstable();
        // A class that has no room has none for the rest of the pass: starting others only takes capacity.
        let mut full: Vec<ClassId> = Vec::new();
        for (_, class, job) in order.into_iter().take(depth) {
            if full.contains(&class) {
                continue;
            }
            let c = self.waiting.class(class);
            let (limits, milli, pools) = (c.key.limits, c.milli(), c.pools);
            if !self.accounts.allows(self.model, limits, milli) {
                continue;
            }
            match self.find_spots(class, pools) {
                Some(spots) => self.try_backfill(class, job, spots, plans),
                None => full.push(class),
            }
        }
    }

    /// Starts a job on these spots if it is over by each reservation or leaves it room; else gives them back.
    fn try_backfill(&mut self, class: ClassId, job: JobId, spots: SmallVec<[Spot; 1]>, plans: &mut [Plan]) {
        let request = self.waiting.class(class).request;
        let l = &self.jobs[job];
        let speed = spots
            .iter()
            .map(|s| self.model.work[l.work as usize].speed[self.fleet.node(s.node).pool.0 as usize])
            .fold(f64::INFINITY, f64::min);
        let over_by = self.now + l.job.work.at_speed(speed);
        // The overlays must not see these pods yet: they hold the nodes as they were before.
        for plan in plans.iter_mut() {
            for s in &spots {
                plan.nodes.entry(s.node).or_insert_with(|| {
                    let mut f = self.fleet.node(s.node).free;
                    for other in spots.iter().filter(|o| o.node == s.node) {
                        f.give(&request, other.gpus);
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
        let class = self.waiting.class(head);
        let (key, request, pools) = (class.key, class.request, class.pools);
        let ending: Vec<(SimTime, JobId)> = self.running.as_ref()?.iter().copied().collect();
        let mut plan = Plan {
            at: SimTime::MAX,
            request,
            pools,
            need: u64::from(key.pods),
            one_island: key.one_island,
            nodes: FxHashMap::default(),
            base: Vec::new(),
        };
        plan.count_all(self);
        for (end, j) in ending {
            let l = &self.jobs[j];
            for s in &l.pods {
                plan.give(self, s.node, &l.job.request, s.gpus);
            }
            if plan.slots() >= plan.need {
                plan.at = end;
                return Some(plan);
            }
        }
        // Not by releases alone (a delivery will have to help): no reservation to protect, so everyone may go ahead.
        Some(plan)
    }

    /// Pushes out running jobs of lower priority, the lowest and then the youngest first, and of those only as many as it
    /// takes, until the first job of a class fits. Changes nothing when even all of them would not do.
    fn make_room(&mut self, id: ClassId) -> bool {
        let class = self.waiting.class(id);
        let (key, request, pools, milli) = (class.key, class.request, class.pools, class.milli());
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
        let mut plan = Plan {
            at: self.now,
            request,
            pools,
            need,
            one_island: key.one_island,
            nodes: FxHashMap::default(),
            base: Vec::new(),
        };
        plan.count_all(self);
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
    /// Slots by island (one island when the gang may spread), kept as the overlay changes.
    base: Vec<u64>,
}

impl Plan {
    fn island(&self, w: &World<'_, '_>, n: NodeId) -> usize {
        if self.one_island { w.fleet.node(n).island.0 as usize } else { 0 }
    }

    fn count(&self, w: &World<'_, '_>, n: NodeId, f: &Free) -> u64 {
        let node = w.fleet.node(n);
        if node.state == NodeState::Ready && self.pools.has(node.pool) { u64::from(f.count(&self.request)) } else { 0 }
    }

    fn count_all(&mut self, w: &World<'_, '_>) {
        self.base.clear();
        for (i, node) in w.fleet.nodes().iter().enumerate() {
            let n = NodeId(i as u32);
            let island = self.island(w, n);
            if self.base.len() <= island {
                self.base.resize(island + 1, 0);
            }
            self.base[island] += self.count(w, n, &node.free);
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
        f.give(r, gpus);
        self.update(w, n, f);
    }

    /// Takes what a pod would take; false (and nothing taken) when it is not there.
    fn take(&mut self, w: &World<'_, '_>, n: NodeId, r: &Request, gpus: Gpus) -> bool {
        let mut f = *self.free_at(w, n);
        let ok = f.take(r, gpus);
        if ok {
            self.update(w, n, f);
        }
        ok
    }
}
