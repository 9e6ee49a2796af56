//! Who starts now: a pass over the classes of waiting jobs in the queue's order, with backfill and preemption.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ordered_float::OrderedFloat;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::jobs::JobId;
use super::waiting::{ClassId, Rank};
use super::world::World;
use crate::fleet::{Free, Gpus, IslandId, NodeId, NodeState};
use crate::policy::placement::Spot;
use crate::policy::queue::{Blocked, Order};
use crate::units::SimTime;
use crate::workload::Request;

/// More changed nodes than this, and asking the placement index is cheaper than looking at each.
const CHANGES_MAX: usize = 32;

impl World<'_, '_> {
    /// Starts every job that the queue's discipline lets start now.
    pub fn dispatch(&mut self) {
        loop {
            let Some(class) = self.first_class() else { return };
            if self.try_start(class) {
                continue;
            }
            if self.model.queue.preempt && self.make_room(class) {
                // Whoever was pushed out waits behind; the head now fits.
                let started = self.try_start(class);
                debug_assert!(started, "room was made");
                if started {
                    continue;
                }
            }
            match self.model.queue.blocked {
                Blocked::Wait => return,
                Blocked::Skip => return self.skip_ahead(),
                Blocked::Easy { depth } => return self.backfill(class, depth),
            }
        }
    }

    /// The place in line of a class's first job, comparable over classes.
    fn rank(&self, id: ClassId) -> Option<Rank> {
        let class = self.waiting.class(id);
        let share = if class.key.group == 0 { 0.0 } else { self.accounts.share(class.key.group) };
        class.head().map(|(place, _)| (OrderedFloat(share), place))
    }

    fn first_class(&mut self) -> Option<ClassId> {
        if !matches!(self.model.queue.order, Order::FairShare { .. }) {
            return self.waiting.first();
        }
        let ranked = self.waiting.active().iter().filter_map(|c| self.rank(*c).map(|r| (r, *c)));
        ranked.min().map(|(_, c)| c)
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
            node.free.fits(&class.request) && node.state == NodeState::Ready && class.pools.has(node.pool)
        };
        match self.fleet.log().since(class.full_at) {
            Some(changed) if changed.len() <= CHANGES_MAX => changed.iter().any(takes),
            _ => true,
        }
    }

    /// Starts the first job of a class if it fits.
    fn try_start(&mut self, id: ClassId) -> bool {
        let class = self.waiting.class(id);
        let (key, milli, request) = (class.key, class.milli(), class.request);
        let Some((_, job)) = class.head() else { return false };
        if !self.accounts.allows(self.model, key.limits, milli) {
            return false;
        }
        match self.find_spots(id, &request) {
            Some(spots) => {
                self.start(job, spots);
                true
            }
            None => false,
        }
    }

    /// Places a gang's pods one after the other; all or none.
    fn find_spots(&mut self, id: ClassId, request: &Request) -> Option<SmallVec<[Spot; 1]>> {
        let spots = if self.may_have_room(id) { self.place_all(id, request) } else { None };
        if spots.is_none() {
            self.waiting.set_full(id, self.fleet.log().end());
            debug_assert!(!self.count_room(id), "what is remembered of full classes holds");
        }
        spots
    }

    fn place_all(&mut self, id: ClassId, request: &Request) -> Option<SmallVec<[Spot; 1]>> {
        let key = self.waiting.class(id).key;
        let mut island: Option<IslandId> = None;
        if key.pods > 1 {
            if key.one_island {
                island = Some(self.placer.island_with_slots(&self.fleet, key.shape, u64::from(key.pods))?);
            } else if self.placer.slots(&self.fleet, key.shape) < u64::from(key.pods) {
                return None;
            }
        }
        let mut spots = if key.pods > 1 { self.spare.pop().unwrap_or_default() } else { SmallVec::new() };
        for _ in 0..key.pods {
            let spot = match island {
                Some(i) => self.placer.pick_in(&self.fleet, key.shape, i),
                None => self.placer.pick(&self.fleet, key.shape),
            };
            match spot {
                Some(s) => {
                    self.place(s, request);
                    spots.push(s);
                }
                None => {
                    debug_assert!(spots.is_empty(), "counted slots hold as many pods as counted");
                    for s in spots.drain(..) {
                        self.unplace(s, request);
                    }
                    return None;
                }
            }
        }
        Some(spots)
    }

    /// Starts, in order, whatever fits behind a head that does not.
    fn skip_ahead(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let hopeful = self.waiting.active().iter().filter(|c| self.may_have_room(**c));
        line.extend(hopeful.filter_map(|c| self.rank(*c).map(|r| Reverse((r, *c)))));
        while let Some(Reverse((rank, class))) = line.pop() {
            // Starting others only takes capacity: a class that failed once in a pass fails for the rest of it. It also
            // only raises what groups hold, so that a rank that is still true when it comes up is the least.
            match self.rank(class) {
                Some(now) if now != rank => line.push(Reverse((now, class))),
                Some(_) if self.try_start(class) => line.extend(self.rank(class).map(|r| Reverse((r, class)))),
                _ => {}
            }
        }
        self.line = line;
    }

    /// EASY: the head gets the earliest reservation that releases allow; others start now only if it still holds then.
    fn backfill(&mut self, head: ClassId, depth: usize) {
        let Some(mut plan) = self.reserve(head) else { return };
        let order = self.first_in_line(depth + 1);
        let mut failed: Vec<ClassId> = Vec::new();
        for (class, job) in order.into_iter().skip(1) {
            // Only a class's first can be told from the fleet's state; the head's own class is blocked by definition.
            if class == head || failed.contains(&class) {
                continue;
            }
            if self.waiting.class(class).head().map(|(_, j)| j) != Some(job) {
                continue;
            }
            if !self.try_backfill(class, job, &mut plan) {
                failed.push(class);
            }
        }
    }

    /// The first `n` jobs in line, over all classes.
    fn first_in_line(&self, n: usize) -> Vec<(ClassId, JobId)> {
        let of = |c: ClassId| {
            let class = self.waiting.class(c);
            let share = if class.key.group == 0 { 0.0 } else { self.accounts.share(class.key.group) };
            (class.line(), OrderedFloat(share))
        };
        let mut lines: Vec<_> = self.waiting.active().iter().map(|c| of(*c)).collect();
        let mut heads: BinaryHeap<Reverse<(Rank, ClassId, JobId, usize)>> = BinaryHeap::new();
        let mut out = Vec::with_capacity(n.min(self.waiting.len() as usize));
        let mut next = |i: usize| {
            let (line, share) = &mut lines[i];
            line.next().map(|(p, j)| Reverse(((*share, p), self.waiting.active()[i], j, i)))
        };
        heads.extend((0..self.waiting.active().len()).filter_map(&mut next));
        while let Some(Reverse((_, class, job, i))) = heads.pop() {
            out.push((class, job));
            if out.len() == n {
                break;
            }
            heads.extend(next(i));
        }
        out
    }

    /// Starts a job behind the head if it is over by the reservation or leaves it room.
    fn try_backfill(&mut self, class: ClassId, job: JobId, plan: &mut Plan) -> bool {
        let c = self.waiting.class(class);
        let (key, milli, request) = (c.key, c.milli(), c.request);
        if !self.accounts.allows(self.model, key.limits, milli) {
            return false;
        }
        let Some(spots) = self.find_spots(class, &request) else { return false };
        let l = &self.jobs[job];
        let speed = spots
            .iter()
            .map(|s| self.model.work[l.work as usize].speed[self.fleet.node(s.node).pool.0 as usize])
            .fold(f64::INFINITY, f64::min);
        let over_by = self.now + l.job.work.at_speed(speed);
        // The overlay must not see these pods yet: it holds the nodes as they were before.
        for s in &spots {
            plan.nodes.entry(s.node).or_insert_with(|| {
                let mut f = self.fleet.node(s.node).free;
                for other in spots.iter().filter(|o| o.node == s.node) {
                    f.give(&request, other.gpus);
                }
                f
            });
        }
        if over_by > plan.at {
            let before: SmallVec<[(NodeId, Free); 2]> =
                spots.iter().map(|s| (s.node, *plan.free_at(self, s.node))).collect();
            let mut fits = true;
            for s in &spots {
                fits &= plan.take(self, s.node, &request, s.gpus);
            }
            if !fits || plan.slots() < plan.need {
                for (n, f) in before {
                    plan.update(self, n, f);
                }
                for s in spots {
                    self.unplace(s, &request);
                }
                return false;
            }
        }
        self.start(job, spots);
        true
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
        // Not by releases alone (a delivery, a quota): no reservation to protect, so everyone may go ahead.
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
            let before: SmallVec<[(NodeId, Free); 2]> =
                l.pods.iter().map(|s| (s.node, *plan.free_at(self, s.node))).collect();
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

/// What would be free at some instant: an overlay on the fleet, not a copy of it.
struct Plan {
    at: SimTime,
    request: Request,
    pools: crate::fleet::PoolSet,
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
        if node.state == NodeState::Ready && self.pools.has(node.pool) { u64::from(f.count(&self.request)) } else { 0 }
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
