//! The scheduling simulation: where pods would go, and what new nodes they would need.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/controllers/provisioning/scheduling`. Pods in their queue's order, each to the
//! first existing node that fits, else to the planned node with the fewest pods that still has a type for all of them,
//! else to a new one. A planned node keeps the set of types that it could be.
//!
//! A what-if changes nothing: it keeps its own figures for the nodes that it touches, marked with its number, so that
//! the next one begins with the view again at no cost.
//!
//! Upstream tries failed pods again while it makes progress. Here every condition (requests, labels, taints, limits,
//! apart) can only get tighter while pods are placed, so that a second try fails like the first and is left out.

use rustc_hash::FxHashMap;

use super::config::{Config, MAX_TYPES, MinValuesPolicy};
use super::index::{self, Index, Left};
use super::offer;
use super::requirement::{Key, Requirements, Set};
use super::tree;
use super::view::{CapacityType, NodeIx, PodIx, PoolIx, Resources, ShapeIx, TypeIx, View};
use crate::units::{Rate, SimTime};

/// A node that would be launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Of which pool.
    pub pool: PoolIx,
    /// What it must be.
    pub requirements: Requirements,
    /// What it could be, the cheapest first.
    pub types: Vec<TypeIx>,
    /// What its pods ask for, without DaemonSets.
    pub requests: Resources,
    /// Its pods.
    pub pods: Vec<PodIx>,
    /// Reserved offerings held for it: type and offering.
    reserved: Vec<(TypeIx, usize)>,
    groups: Vec<u32>,
    /// Demands (and how far relaxed) whose requirements it already has.
    merged: Vec<(u32, Level)>,
    /// Stands for its template and the shapes that came to it, in order, if limits had no part in it.
    trail: Option<u32>,
}

/// What a simulation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simulated {
    /// Pods that go to existing nodes.
    pub(super) placed: Vec<(PodIx, NodeIx)>,
    /// Nodes to launch, their types in no particular order.
    pub(super) planned: Vec<Planned>,
    /// Pods that go nowhere.
    pub(super) failed: Vec<PodIx>,
}

/// How far a pod's wishes are given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Level {
    /// Required terms dropped.
    terms: u16,
    /// Preferences dropped.
    preferences: u16,
    /// Whether `PreferNoSchedule` taints are tolerated.
    tolerate: bool,
}

/// Which pods and nodes a simulation is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Question<'a> {
    /// Nodes that would go.
    pub(super) removed: &'a [NodeIx],
    /// Whether nodes within their `consolidateAfter` and uninitialised ones are no destination.
    pub(super) consolidation: bool,
    /// If set: stop as soon as it is sure that no single new node cheaper than this would do.
    pub(super) cheaper_than: Option<Rate>,
}

/// Which nodes suit a pod, requests aside.
#[derive(Debug)]
struct Suits {
    classes: Vec<bool>,
    marks: u64,
}

/// Simulates on one view.
#[derive(Debug)]
pub(super) struct Solver<'a> {
    pub(super) config: &'a Config,
    pub(super) view: View<'a>,
    pub(super) index: Index,
    pub(super) now: SimTime,
    /// How many simulations were made.
    pub(super) simulations: u64,
    /// Whether searches go on to their end though nothing can come of them: to say why.
    pub(super) exhaustive: bool,
    /// Whether the last simulation ended early: what was left over has no type below the limit that holds all of it.
    pub(super) gave_up: bool,
    /// By shape: whether no node as it is has room for one, once that was asked.
    homeless: Vec<Option<bool>>,
    /// The nodes that had taken pods by then.
    pub(super) used: Vec<NodeIx>,
    /// The nodes that may be disrupted by a graceful method, where that is known.
    pub(super) candidates: Option<Vec<super::candidate::Candidate>>,
    number: u32,
    /// By node: the simulation that `free` is of.
    touched: Vec<u32>,
    free: Vec<Resources>,
    /// By node: the simulation that it is removed in.
    removed: Vec<u32>,
    /// Anti-affinity groups that came to nodes in this simulation.
    groups: Vec<(NodeIx, u32)>,
    /// By demand and level: which nodes suit.
    suits: FxHashMap<(u32, Level), Suits>,
    /// By demand and level: what is required of labels.
    wishes: FxHashMap<(u32, Level), Requirements>,
    /// What planned nodes become by one more pod, as far as it was asked before: by trail, shape and level.
    known: FxHashMap<(u32, ShapeIx, Level), Option<u32>>,
    /// What planned nodes of trails beyond those of the templates are.
    trails: Vec<Narrowed>,
}

impl<'a> Solver<'a> {
    /// One that knows beforehand which nodes may be disrupted, for all methods of a pass.
    pub(super) fn with_candidates(config: &'a Config, view: View<'a>, now: SimTime) -> Solver<'a> {
        let mut solver = Solver::new(config, view, now);
        solver.candidates = Some(super::candidate::all(config, &view, &solver.index, false, now));
        solver
    }

    pub(super) fn new(config: &'a Config, view: View<'a>, now: SimTime) -> Solver<'a> {
        let index = Index::new(config, &view, now);
        let n = view.nodes.len();
        Solver {
            config,
            view,
            index,
            now,
            simulations: 0,
            exhaustive: false,
            gave_up: false,
            homeless: vec![None; view.shapes.len()],
            used: Vec::new(),
            candidates: None,
            number: 0,
            touched: vec![0; n],
            free: vec![Resources::default(); n],
            removed: vec![0; n],
            groups: Vec::new(),
            suits: FxHashMap::default(),
            wishes: FxHashMap::default(),
            known: FxHashMap::default(),
            trails: Vec::new(),
        }
    }

    /// Where the pending pods, those of nodes that go anyway and those of the removed nodes would go.
    pub(super) fn solve(&mut self, q: Question<'_>) -> Simulated {
        self.simulations += 1;
        self.gave_up = false;
        self.number += 1;
        self.groups.clear();
        let mut pods = self.index.pending.clone();
        pods.extend(&self.index.leaving);
        for node in q.removed {
            self.removed[node.at()] = self.number;
            let moving = self.index.pods_of(*node).iter().copied();
            pods.extend(moving.filter(|p| index::currently_reschedulable(&self.view, *p, self.now)));
        }
        pods.sort_unstable_by_key(|p| index::place_in_queue(&self.view, *p));
        let mut out = Simulated::default();
        let plain = !pods.iter().any(|p| self.index.relaxable[self.view.pods[p.at()].shape.at()]);
        if plain && let Some(limit) = q.cheaper_than.filter(|_| !self.exhaustive) {
            // Without anything to relax, what existing nodes take does not depend on new ones.
            let mut rest = Vec::new();
            for pod in pods {
                if !self.onto_existing(pod, Level::default(), q, &mut out) {
                    rest.push(pod);
                }
            }
            if self.hopeless(&rest, limit) {
                self.gave_up = true;
                self.used.clear();
                self.used.extend(out.placed.iter().map(|(_, n)| *n));
                out.failed = rest;
                return out;
            }
            pods = rest;
        }
        let mut left = self.index.left.clone();
        for node in q.removed {
            let n = &self.view.nodes[node.at()];
            if let (Some(pool), false) = (n.pool, n.deleting) {
                index::take(&mut left[pool.at()], &n.capacity, 1);
            }
        }
        let mut held = FxHashMap::default();
        for pod in pods {
            let shape = self.view.pods[pod.at()].shape;
            let mut level = Level::default();
            loop {
                if self.onto_existing(pod, level, q, &mut out)
                    || self.onto_planned(pod, shape, level, &mut out, &mut held)
                    || self.onto_new(pod, shape, level, &mut out, &mut left, &mut held)
                {
                    break;
                }
                match self.relaxed(shape, level) {
                    Some(next) => level = next,
                    None => {
                        out.failed.push(pod);
                        break;
                    }
                }
            }
        }
        self.finish(&mut out);
        self.refuse_uninitialized(&mut out);
        out
    }

    /// Whether it is sure without a simulation that the pods of these nodes do not go elsewhere with at most one new node
    /// below `limit`: they ask for more than what is free elsewhere and the largest such node have together, or those
    /// that fit on no node as it is ask for more than such a node has.
    pub(super) fn too_much(&mut self, nodes: &[NodeIx], limit: Rate) -> bool {
        let (mut need, mut stuck, mut free) = (Resources::default(), Resources::default(), self.index.free_in_all);
        for node in nodes {
            if !self.view.nodes[node.at()].deleting {
                free = free.minus(&self.index.free[node.at()]);
            }
            for pod in self.index.pods_of(*node) {
                if index::currently_reschedulable(&self.view, *pod, self.now) {
                    let shape = self.view.pods[pod.at()].shape;
                    let asked = &self.view.shapes[shape.at()].requests;
                    need = need.plus(asked);
                    let homeless = &mut self.homeless[shape.at()];
                    let tree = &self.index.tree;
                    if *homeless.get_or_insert_with(|| tree.first(asked, u64::MAX, &mut |_| true).is_none()) {
                        stuck = stuck.plus(asked);
                    }
                }
            }
        }
        let floor = |t: &TypeIx| self.index.floor[t.at()].is_some_and(|f| f < limit);
        let below = self.index.by_floor.partition_point(floor);
        let new = below.checked_sub(1).map_or(Resources::default(), |i| self.index.most[i]);
        !need.fits(&free.plus(&new)) || !stuck.fits(&new)
    }

    /// Whether the pods that must go to one new node together have no type below `limit` for it. Pods that wait do not
    /// have to.
    fn hopeless(&self, rest: &[PodIx], limit: Rate) -> bool {
        let mut sum = Resources::default();
        for pod in rest {
            let p = &self.view.pods[pod.at()];
            if p.node.is_some() {
                sum = sum.plus(&self.view.shapes[p.shape.at()].requests);
            }
        }
        if sum.pods == 0 {
            return false;
        }
        let below = self.index.by_floor.iter().take_while(|t| self.index.floor[t.at()].is_some_and(|f| f < limit));
        !below.into_iter().any(|t| sum.fits(&self.view.types[t.at()].allocatable))
    }

    fn relaxed(&self, shape: ShapeIx, mut level: Level) -> Option<Level> {
        let s = &self.view.shapes[shape.at()];
        if usize::from(level.terms) + 1 < s.terms.len() {
            level.terms += 1;
        } else if usize::from(level.preferences) < s.preferences.len() {
            level.preferences += 1;
        } else if self.index.prefers && !level.tolerate {
            level.tolerate = true;
        } else {
            return None;
        }
        Some(level)
    }

    /// What a pod requires of labels at a level.
    fn wish(&mut self, shape: ShapeIx, level: Level) -> &Requirements {
        let s = &self.view.shapes[shape.at()];
        let respect = self.config.respect_preferences;
        self.wishes.entry((self.index.demand[shape.at()], level)).or_insert_with(|| {
            let mut all = s.requirements.clone();
            if let Some(term) = s.terms.get(usize::from(level.terms)) {
                all.narrow(term);
            }
            if respect && let Some(p) = s.preferences.get(usize::from(level.preferences)) {
                all.narrow(p);
            }
            all
        })
    }

    /// Finds out, once for each demand and level, which nodes suit a pod.
    fn judge(&mut self, shape: ShapeIx, level: Level) {
        let key = (self.index.demand[shape.at()], level);
        if self.suits.contains_key(&key) {
            return;
        }
        let wish = self.wish(shape, level).clone();
        let suits = |node: &NodeIx| {
            let n = &self.view.nodes[node.at()];
            n.labels.serves(&wish, false) && index::tolerates(&self.view, shape, &n.taints, level.tolerate)
        };
        let classes: Vec<bool> = self.index.example.iter().map(suits).collect();
        let marks = (0..).zip(&classes).filter(|(_, yes)| **yes).fold(0, |all, (class, _)| all | tree::mark(class));
        self.suits.insert(key, Suits { classes, marks });
    }

    fn onto_existing(&mut self, pod: PodIx, level: Level, q: Question<'_>, out: &mut Simulated) -> bool {
        let p = &self.view.pods[pod.at()];
        let shape = p.shape;
        let need = self.view.shapes[shape.at()].requests;
        let apart = self.view.shapes[shape.at()].apart;
        // Pods that wait, and those of nodes that go anyway, may go to nodes that are within their `consolidateAfter`.
        let exempt = p.node.is_none_or(|n| self.view.nodes[n.at()].deleting);
        let shun = q.consolidation && !exempt;
        self.judge(shape, level);
        let (index, number) = (&self.index, self.number);
        let suits = &self.suits[&(index.demand[shape.at()], level)];
        let (touched, free, removed, groups) = (&self.touched, &self.free, &self.removed, &self.groups);
        let found = index.tree.first(&need, suits.marks, &mut |position| {
            let node = index.order[position];
            let i = node.at();
            if !suits.classes[index.class[i] as usize] || removed[i] == number || (shun && index.too_early[i]) {
                return false;
            }
            if touched[i] == number && !need.fits(&free[i]) {
                return false;
            }
            !apart.is_some_and(|g| index.groups[i].contains(&g) || groups.contains(&(node, g)))
        });
        let Some(position) = found else { return false };
        let node = self.index.order[position];
        let i = node.at();
        if self.touched[i] != self.number {
            self.touched[i] = self.number;
            self.free[i] = self.index.free[i];
        }
        self.free[i] = self.free[i].minus(&need);
        self.groups.extend(apart.map(|g| (node, g)));
        out.placed.push((pod, node));
        true
    }

    /// To the planned node with the fewest pods. Among equals to the one that stood first when the last pod was placed:
    /// upstream, too, sorts its list in place.
    fn onto_planned(&mut self, pod: PodIx, shape: ShapeIx, level: Level, out: &mut Simulated, held: &mut Held) -> bool {
        out.planned.sort_by_key(|p| p.pods.len());
        for i in 0..out.planned.len() {
            if let Some((trail, narrowed)) = self.recalled(&out.planned[i], shape, level, false) {
                out.planned[i].trail = trail;
                self.commit(&mut out.planned[i], pod, shape, level, narrowed, held);
                return true;
            }
        }
        false
    }

    fn onto_new(
        &mut self,
        pod: PodIx,
        shape: ShapeIx,
        level: Level,
        out: &mut Simulated,
        left: &mut [Left],
        held: &mut Held,
    ) -> bool {
        for t in 0..self.index.templates.len() {
            let pool = self.index.templates[t].pool;
            let limited = left[pool.at()].iter().any(Option::is_some);
            let template = &self.index.templates[t];
            let room = left[pool.at()];
            let mut types = template.types.clone();
            if limited {
                types.retain(|x| index::within(&room, &self.view.types[x.at()].capacity));
            }
            let mut planned = Planned {
                pool,
                requirements: template.requirements.clone(),
                types,
                requests: Resources::default(),
                pods: Vec::new(),
                reserved: Vec::new(),
                groups: Vec::new(),
                merged: Vec::new(),
                trail: (!limited).then_some(t as u32),
            };
            let relax = self.config.min_values == MinValuesPolicy::BestEffort;
            if let Some((trail, narrowed)) = self.recalled(&planned, shape, level, relax) {
                planned.trail = trail;
                self.commit(&mut planned, pod, shape, level, narrowed, held);
                if limited {
                    // Until its type is known it holds the largest that it could be.
                    let capacities = planned.types.iter().map(|t| &self.view.types[t.at()].capacity);
                    let largest = capacities.fold(Resources::default(), |most, c| most.max(c));
                    index::take(&mut left[pool.at()], &largest, -1);
                }
                out.planned.push(planned);
                return true;
            }
        }
        false
    }

    /// [`Solver::narrowed`], remembered: the nodes of a fleet are alike, and so are the searches for what could replace
    /// them.
    fn recalled(
        &mut self,
        planned: &Planned,
        shape: ShapeIx,
        level: Level,
        relax_min_values: bool,
    ) -> Option<(Option<u32>, Narrowed)> {
        let templates = self.index.templates.len() as u32;
        let Some(trail) = planned.trail else {
            return self.narrowed(planned, shape, level, relax_min_values).map(|n| (None, n));
        };
        if let Some(known) = self.known.get(&(trail, shape, level)) {
            return known.map(|next| (Some(next), self.trails[(next - templates) as usize].clone()));
        }
        let found = self.narrowed(planned, shape, level, relax_min_values);
        if self.trails.len() >= MAX_TRAILS {
            return found.map(|n| (None, n));
        }
        let next = found.as_ref().map(|n| {
            self.trails.push(n.clone());
            templates + self.trails.len() as u32 - 1
        });
        self.known.insert((trail, shape, level), next);
        found.map(|n| (next, n))
    }

    /// What a planned node would be with one more pod; `None` if it cannot have it.
    fn narrowed(
        &mut self,
        planned: &Planned,
        shape: ShapeIx,
        level: Level,
        relax_min_values: bool,
    ) -> Option<Narrowed> {
        let s = &self.view.shapes[shape.at()];
        if s.apart.is_some_and(|g| planned.groups.contains(&g)) {
            return None;
        }
        let pool = &self.view.pools[planned.pool.at()];
        if !index::tolerates(&self.view, shape, &pool.taints, level.tolerate) {
            return None;
        }
        let need = planned.requests.plus(&s.requests).plus(&pool.daemons);
        let known = planned.merged.contains(&(self.index.demand[shape.at()], level));
        let wish = self.wish(shape, level);
        let mut requirements = planned.requirements.clone();
        let mut same = known || wish.is_empty();
        if !same {
            if !requirements.serves(wish, true) {
                return None;
            }
            requirements.narrow(wish);
            same = requirements == planned.requirements;
        }
        let fits = |t: &TypeIx| {
            let t = &self.view.types[t.at()];
            need.fits(&t.allocatable)
                && (same || (t.labels.intersects(&requirements) && offer::usable(t, &requirements).next().is_some()))
        };
        let types: Vec<TypeIx> = planned.types.iter().copied().filter(fits).collect();
        if types.is_empty() {
            return None;
        }
        if let Err(short) = offer::min_values(&types, self.view.types, &requirements) {
            if !relax_min_values {
                return None;
            }
            requirements.lower_min_values(&short);
        }
        Some((requirements, types))
    }

    fn commit(
        &mut self,
        planned: &mut Planned,
        pod: PodIx,
        shape: ShapeIx,
        level: Level,
        (requirements, types): Narrowed,
        held: &mut Held,
    ) {
        let s = &self.view.shapes[shape.at()];
        planned.requirements = requirements;
        planned.types = types;
        planned.requests = planned.requests.plus(&s.requests);
        planned.pods.push(pod);
        planned.groups.extend(s.apart);
        let demand = (self.index.demand[shape.at()], level);
        if !planned.merged.contains(&demand) {
            planned.merged.push(demand);
        }
        if self.config.reserved_capacity && self.index.reservations {
            self.reserve(planned, held);
        }
    }

    /// Holds every reserved offering that the node could take and that is not all held by others.
    fn reserve(&self, planned: &mut Planned, held: &mut Held) {
        for key in planned.reserved.drain(..) {
            *held.entry(key).or_insert(1) -= 1;
        }
        for t in &planned.types {
            for (i, o) in self.view.types[t.at()].offerings.iter().enumerate() {
                let reserved = o.capacity_type == CapacityType::Reserved && o.available;
                if reserved && o.allowed_by(&planned.requirements) {
                    let count = held.entry((*t, i)).or_insert(0);
                    if *count < o.reservation {
                        *count += 1;
                        planned.reserved.push((*t, i));
                    }
                }
            }
        }
    }

    /// Reservations become requirements; no more types than upstream's limit, the cheapest of them.
    fn finish(&self, out: &mut Simulated) {
        let Simulated { planned, failed, .. } = out;
        planned.retain_mut(|p| {
            // Trails mean something to this solver only.
            p.trail = None;
            if !p.reserved.is_empty() {
                p.requirements = p.requirements.replaced(Key::CAPACITY_TYPE, Set::of([CapacityType::Reserved.value()]));
            }
            if p.types.len() <= MAX_TYPES {
                // Whoever needs them in order sorts what is left then.
                return true;
            }
            self.order(p);
            p.types.truncate(MAX_TYPES);
            let strict = self.config.min_values == MinValuesPolicy::Strict;
            let kept = !strict || offer::min_values(&p.types, self.view.types, &p.requirements).is_ok();
            if !kept {
                failed.append(&mut p.pods);
            }
            kept
        });
    }

    /// Puts a planned node's types in the order of price.
    pub(super) fn order(&self, planned: &mut Planned) {
        offer::by_price(&mut planned.types, self.view.types, &planned.requirements);
    }

    /// A pod that would go to a node that is not initialised goes nowhere for sure, unless its own node goes anyway.
    fn refuse_uninitialized(&self, out: &mut Simulated) {
        for (pod, node) in &out.placed {
            let p = &self.view.pods[pod.at()];
            let leaves = p.node.is_none_or(|n| self.view.nodes[n.at()].deleting);
            if !self.view.nodes[node.at()].is_initialized() && !leaves {
                out.failed.push(*pod);
            }
        }
    }
}

/// How many trails of planned nodes are remembered: with 600 types each a few megabytes.
const MAX_TRAILS: usize = 2048;

/// What a planned node must be and could be.
type Narrowed = (Requirements, Vec<TypeIx>);

/// How often each reserved offering is held.
type Held = FxHashMap<(TypeIx, usize), u32>;
