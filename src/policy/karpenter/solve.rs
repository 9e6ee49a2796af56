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
    /// Shapes (and how far relaxed) whose requirements it already has.
    merged: Vec<(ShapeIx, Level)>,
}

/// What a simulation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    /// Pods that go to existing nodes.
    pub placed: Vec<(PodIx, NodeIx)>,
    /// Nodes to launch.
    pub planned: Vec<Planned>,
    /// Pods that go nowhere.
    pub failed: Vec<PodIx>,
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

/// Simulates on one view.
#[derive(Debug)]
pub(super) struct Solver<'a> {
    pub(super) config: &'a Config,
    pub(super) view: View<'a>,
    pub(super) index: Index,
    pub(super) now: SimTime,
    /// How many simulations were made.
    pub(super) simulations: u64,
    number: u32,
    /// By node: the simulation that `free` is of.
    touched: Vec<u32>,
    free: Vec<Resources>,
    /// By node: the simulation that it is removed in.
    removed: Vec<u32>,
    /// Anti-affinity groups that came to nodes in this simulation.
    groups: Vec<(NodeIx, u32)>,
    suits: FxHashMap<(ShapeIx, u32, Level), bool>,
    wishes: FxHashMap<(ShapeIx, Level), Requirements>,
    /// By place of the template and shape: what a new node for one such pod could be, limits aside.
    fresh: FxHashMap<(usize, ShapeIx, Level), Option<Narrowed>>,
}

impl<'a> Solver<'a> {
    pub(super) fn new(config: &'a Config, view: View<'a>, now: SimTime) -> Solver<'a> {
        let index = Index::new(config, &view, now);
        let n = view.nodes.len();
        Solver {
            config,
            view,
            index,
            now,
            simulations: 0,
            number: 0,
            touched: vec![0; n],
            free: vec![Resources::default(); n],
            removed: vec![0; n],
            groups: Vec::new(),
            suits: FxHashMap::default(),
            wishes: FxHashMap::default(),
            fresh: FxHashMap::default(),
        }
    }

    /// Where the pending pods, those of nodes that go anyway and those of the removed nodes would go.
    pub(super) fn solve(&mut self, q: Question<'_>) -> Simulated {
        self.simulations += 1;
        self.number += 1;
        self.groups.clear();
        let mut pods = self.index.pending.clone();
        pods.extend(&self.index.leaving);
        for node in q.removed {
            self.removed[node.at()] = self.number;
            let moving = self.index.pods_of(*node).iter().copied();
            pods.extend(moving.filter(|p| index::currently_reschedulable(&self.view, *p, self.now)));
        }
        pods.sort_unstable_by_key(|p| self.index.rank[p.at()]);
        let mut out = Simulated::default();
        let plain = !pods.iter().any(|p| self.index.relaxable[self.view.pods[p.at()].shape.at()]);
        if plain && let Some(limit) = q.cheaper_than {
            // Without anything to relax, what existing nodes take does not depend on new ones.
            let mut rest = Vec::new();
            for pod in pods {
                if !self.onto_existing(pod, Level::default(), q, &mut out) {
                    rest.push(pod);
                }
            }
            if self.hopeless(&rest, limit) {
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
        self.wishes.entry((shape, level)).or_insert_with(|| {
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

    fn onto_existing(&mut self, pod: PodIx, level: Level, q: Question<'_>, out: &mut Simulated) -> bool {
        let p = &self.view.pods[pod.at()];
        let shape = p.shape;
        let need = self.view.shapes[shape.at()].requests;
        let apart = self.view.shapes[shape.at()].apart;
        // Pods that wait, and those of nodes that go anyway, may go to nodes that are within their `consolidateAfter`.
        let exempt = p.node.is_none_or(|n| self.view.nodes[n.at()].deleting);
        let shun = q.consolidation && !exempt;
        self.wish(shape, level);
        let wish = &self.wishes[&(shape, level)];
        let (view, index, number) = (&self.view, &self.index, self.number);
        let (touched, free, removed, groups) = (&self.touched, &self.free, &self.removed, &self.groups);
        let suits = &mut self.suits;
        let found = index.tree.first(&need, &mut |position| {
            let node = index.order[position];
            let i = node.at();
            if removed[i] == number || (shun && index.too_early[i]) {
                return false;
            }
            if touched[i] == number && !need.fits(&free[i]) {
                return false;
            }
            if let Some(g) = apart
                && (index.groups[i].contains(&g) || groups.contains(&(node, g)))
            {
                return false;
            }
            *suits.entry((shape, index.class[i], level)).or_insert_with(|| {
                let n = &view.nodes[i];
                n.labels.serves(wish, false) && index::tolerates(view, shape, &n.taints, level.tolerate)
            })
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
            if let Some(narrowed) = self.narrowed(&out.planned[i], shape, level, false) {
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
            let blank = Planned {
                pool,
                requirements: Requirements::new(),
                types: Vec::new(),
                requests: Resources::default(),
                pods: Vec::new(),
                reserved: Vec::new(),
                groups: Vec::new(),
                merged: Vec::new(),
            };
            let relax = self.config.min_values == MinValuesPolicy::BestEffort;
            let narrowed = if limited {
                let room = left[pool.at()];
                let all = self.index.templates[t].types.iter();
                let types: Vec<TypeIx> =
                    all.copied().filter(|x| index::within(&room, &self.view.types[x.at()].capacity)).collect();
                let requirements = self.index.templates[t].requirements.clone();
                self.narrowed(&Planned { types, requirements, ..blank.clone() }, shape, level, relax)
            } else if let Some(known) = self.fresh.get(&(t, shape, level)) {
                known.clone()
            } else {
                let template = &self.index.templates[t];
                let (types, requirements) = (template.types.clone(), template.requirements.clone());
                let found = self.narrowed(&Planned { types, requirements, ..blank.clone() }, shape, level, relax);
                self.fresh.insert((t, shape, level), found.clone());
                found
            };
            if let Some(narrowed) = narrowed {
                let mut planned = blank;
                self.commit(&mut planned, pod, shape, level, narrowed, held);
                // Until its type is known it holds the largest that it could be.
                let largest = planned
                    .types
                    .iter()
                    .fold(Resources::default(), |most, t| most.max(&self.view.types[t.at()].capacity));
                index::take(&mut left[pool.at()], &largest, -1);
                out.planned.push(planned);
                return true;
            }
        }
        false
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
        let known = planned.merged.contains(&(shape, level));
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
        if !planned.merged.contains(&(shape, level)) {
            planned.merged.push((shape, level));
        }
        if self.config.reserved_capacity {
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

    /// Reservations become requirements; types go in the order of price, no more than upstream's limit.
    fn finish(&self, out: &mut Simulated) {
        let Simulated { planned, failed, .. } = out;
        planned.retain_mut(|p| {
            if !p.reserved.is_empty() {
                p.requirements = p.requirements.replaced(Key::CAPACITY_TYPE, Set::of([CapacityType::Reserved.value()]));
            }
            offer::by_price(&mut p.types, self.view.types, &p.requirements);
            p.types.truncate(MAX_TYPES);
            let strict = self.config.min_values == MinValuesPolicy::Strict;
            let kept = !strict || offer::min_values(&p.types, self.view.types, &p.requirements).is_ok();
            if !kept {
                failed.append(&mut p.pods);
            }
            kept
        });
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

/// What a planned node must be and could be.
type Narrowed = (Requirements, Vec<TypeIx>);

/// How often each reserved offering is held.
type Held = FxHashMap<(TypeIx, usize), u32>;
