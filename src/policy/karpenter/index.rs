//! What is worked out of a view once, for all what-ifs of a pass.

use std::collections::BTreeMap;

use super::config::{Compat, MinValuesPolicy};
use super::offer;
use super::requirement::Requirements;
use super::tree::Tree;
use super::view::{CapacityType, NodeIx, PodIx, PoolIx, Resources, ShapeIx, Taint, TypeIx, View};
use super::{Config, cost};
use crate::units::{Rate, SimTime};

/// What is left of a pool's limits: CPU, memory, GPU, nodes.
pub(super) type Left = [Option<i128>; 4];

/// A pool as new nodes are made of it.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) pool: PoolIx,
    pub(super) types: Vec<TypeIx>,
    pub(super) requirements: Requirements,
}

/// The view, sorted out.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// All pods, those of a node side by side; the first of node `i` is at `starts[i]`.
    pods: Vec<PodIx>,
    starts: Vec<u32>,
    /// Unschedulable pods.
    pub(super) pending: Vec<PodIx>,
    /// Pods that leave nodes which are marked for deletion.
    pub(super) leaving: Vec<PodIx>,
    /// The nodes that pods may land on: initialised ones, then others, each by name.
    pub(super) order: Vec<NodeIx>,
    /// By node: what is free.
    pub(super) free: Vec<Resources>,
    /// By node: the anti-affinity groups on it.
    pub(super) groups: Vec<Vec<u32>>,
    /// Over `order`.
    pub(super) tree: Tree,
    /// By node: which labels and taints it has.
    pub(super) class: Vec<u32>,
    /// By class: one of its nodes.
    pub(super) example: Vec<NodeIx>,
    /// By shape: what it demands of nodes but its requests.
    pub(super) demand: Vec<u32>,
    /// By node: whether it is within its `consolidateAfter`.
    pub(super) too_early: Vec<bool>,
    /// The pools that new nodes are made of, in the order in which they are tried.
    pub(super) templates: Vec<Template>,
    /// By pool: what is left of its limits with all nodes there.
    pub(super) left: Vec<Left>,
    /// By type: its cheapest offering that can be had.
    pub(super) floor: Vec<Option<Rate>>,
    /// Types that can be had, the cheapest first.
    pub(super) by_floor: Vec<TypeIx>,
    /// Beside these: the most of each resource that one of them or of those before has.
    pub(super) most: Vec<Resources>,
    /// What is free on all nodes that pods may land on, together.
    pub(super) free_in_all: Resources,
    /// Whether there is any reserved capacity.
    pub(super) reservations: bool,
    /// Whether some pool has a `PreferNoSchedule` taint.
    pub(super) prefers: bool,
    /// By shape: whether it can be relaxed.
    pub(super) relaxable: Vec<bool>,
}

impl Index {
    pub(super) fn new(config: &Config, view: &View<'_>, now: SimTime) -> Index {
        let nodes = view.nodes;
        let mut starts = vec![0_u32; nodes.len() + 1];
        for pod in view.pods {
            if let Some(n) = pod.node {
                starts[n.at() + 1] += 1;
            }
        }
        for i in 0..nodes.len() {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut pods = vec![PodIx(0); starts[nodes.len()] as usize];
        let mut used = vec![Resources::default(); nodes.len()];
        let mut groups = vec![Vec::new(); nodes.len()];
        let (mut pending, mut leaving) = (Vec::new(), Vec::new());
        for (i, pod) in view.pods.iter().enumerate() {
            let ix = PodIx(i as u32);
            let shape = &view.shapes[pod.shape.at()];
            let Some(n) = pod.node else {
                if pod.reschedulable() {
                    pending.push(ix);
                }
                continue;
            };
            pods[next[n.at()] as usize] = ix;
            next[n.at()] += 1;
            used[n.at()] = used[n.at()].plus(&shape.requests);
            groups[n.at()].extend(shape.apart);
            if nodes[n.at()].deleting && currently_reschedulable(view, ix, now) {
                leaving.push(ix);
            }
        }
        let free: Vec<Resources> =
            nodes.iter().zip(&used).map(|(n, u)| n.allocatable.minus(u).minus(&n.daemons)).collect();
        let mut order: Vec<NodeIx> = (0..nodes.len() as u32).map(NodeIx).filter(|n| !nodes[n.at()].deleting).collect();
        order.sort_by_key(|n| !nodes[n.at()].is_initialized());
        let (class, example) = classes(view);
        let tree = Tree::new(order.iter().map(|n| (free[n.at()], class[n.at()])));
        let too_early =
            nodes.iter().map(|n| n.pool.is_some_and(|p| view.pools[p.at()].too_early(config.compat, n, now))).collect();
        let floor: Vec<Option<Rate>> = view.types.iter().map(|t| offer::cheapest(t, &Requirements::new())).collect();
        let mut by_floor: Vec<TypeIx> =
            (0..view.types.len() as u32).map(TypeIx).filter(|t| floor[t.at()].is_some()).collect();
        by_floor.sort_by_key(|t| floor[t.at()]);
        let most = by_floor
            .iter()
            .scan(Resources::default(), |most, t| {
                *most = most.max(&view.types[t.at()].allocatable);
                Some(*most)
            })
            .collect();
        let free_in_all = order.iter().fold(Resources::default(), |sum, n| sum.plus(&free[n.at()]));
        let prefers = view.pools.iter().any(|p| p.taints.iter().any(|t| t.prefer));
        let reserved = |t: &super::InstanceType| t.offerings.iter().any(|o| o.capacity_type == CapacityType::Reserved);
        Index {
            reservations: view.types.iter().any(reserved),
            class,
            example,
            demand: demands(view),
            templates: templates(config, view),
            left: left(view),
            relaxable: view.shapes.iter().map(|s| prefers || s.terms.len() > 1 || !s.preferences.is_empty()).collect(),
            pods,
            starts,
            pending,
            leaving,
            order,
            free,
            groups,
            tree,
            too_early,
            floor,
            by_floor,
            most,
            free_in_all,
            prefers,
        }
    }

    /// The pods of a node.
    pub(super) fn pods_of(&self, node: NodeIx) -> &[PodIx] {
        &self.pods[self.starts[node.at()] as usize..self.starts[node.at() + 1] as usize]
    }
}

/// Whether a pod moves now: nothing holds it for good.
pub(super) fn currently_reschedulable(view: &View<'_>, pod: PodIx, now: SimTime) -> bool {
    let p = &view.pods[pod.at()];
    let stuck = p.pdbs.len() > 1 || p.pdbs.iter().any(|b| view.pdbs.get(*b as usize).is_some_and(|b| b.never));
    p.reschedulable() && !p.protected(now) && !stuck
}

/// A pod's place in the scheduling queue: the largest CPU request first, then memory, then the oldest (to the second),
/// then by UID.
pub(super) fn place_in_queue(view: &View<'_>, pod: PodIx) -> (u64, u64, u64, PodIx) {
    let p = &view.pods[pod.at()];
    let r = &view.shapes[p.shape.at()].requests;
    (u64::MAX - r.cpu_milli, u64::MAX - r.memory, p.created.0 / crate::units::time::NANOS_PER_SEC, pod)
}

fn classes(view: &View<'_>) -> (Vec<u32>, Vec<NodeIx>) {
    let mut seen: BTreeMap<(&Requirements, &[Taint]), u32> = BTreeMap::new();
    let mut example = Vec::new();
    let mut class = Vec::with_capacity(view.nodes.len());
    for (i, n) in (0_u32..).zip(view.nodes) {
        // Most nodes are like the one before.
        if let Some(before) = view.nodes[..i as usize].last()
            && before.taints == n.taints
            && before.labels == n.labels
        {
            class.push(class[i as usize - 1]);
            continue;
        }
        class.push(*seen.entry((&n.labels, &n.taints)).or_insert_with(|| {
            example.push(NodeIx(i));
            example.len() as u32 - 1
        }));
    }
    (class, example)
}

/// Shapes that differ in requests and anti-affinity only demand the same.
fn demands(view: &View<'_>) -> Vec<u32> {
    let mut seen = BTreeMap::new();
    let mut demand = Vec::with_capacity(view.shapes.len());
    for s in view.shapes {
        let next = seen.len() as u32;
        demand.push(*seen.entry((&s.requirements, &s.terms, &s.preferences, &s.tolerations)).or_insert(next));
    }
    demand
}

/// Pools by weight, heaviest first, then by name, last first; each with the types that its requirements leave.
fn templates(config: &Config, view: &View<'_>) -> Vec<Template> {
    let mut order: Vec<PoolIx> = (0..view.pools.len() as u32).map(PoolIx).collect();
    order.retain(|p| view.pools[p.at()].replicas.is_none());
    order.sort_by_key(|p| std::cmp::Reverse((view.pools[p.at()].weight.unwrap_or(0), *p)));
    let mut templates = Vec::new();
    for pool in order {
        let p = &view.pools[pool.at()];
        let suits = |t: &TypeIx| {
            let t = &view.types[t.at()];
            t.labels.intersects(&p.requirements) && offer::usable(t, &p.requirements).next().is_some()
        };
        let types: Vec<TypeIx> = p.types.iter().copied().filter(suits).collect();
        let enough = offer::min_values(&types, view.types, &p.requirements).is_ok();
        if !types.is_empty() && (enough || config.min_values == MinValuesPolicy::BestEffort) {
            templates.push(Template { pool, types, requirements: p.requirements.clone() });
        }
    }
    templates
}

fn left(view: &View<'_>) -> Vec<Left> {
    let limits = |p: &super::NodePool| {
        let l = &p.limits;
        [l.cpu_milli, l.memory, l.gpu_milli, l.nodes].map(|x| x.map(i128::from))
    };
    let mut left: Vec<Left> = view.pools.iter().map(limits).collect();
    for node in view.nodes.iter().filter(|n| !n.deleting) {
        if let Some(pool) = node.pool {
            take(&mut left[pool.at()], &node.capacity, -1);
        }
    }
    left
}

/// Adds (`sign` 1) or takes (−1) a node of `capacity`.
pub(super) fn take(left: &mut Left, capacity: &Resources, sign: i128) {
    let amounts = [capacity.cpu_milli, capacity.memory, capacity.gpu_milli, 1];
    for (l, a) in left.iter_mut().zip(amounts) {
        if let Some(l) = l {
            *l += sign * i128::from(a);
        }
    }
}

/// Whether a node of `capacity` stays within what is left.
pub(super) fn within(left: &Left, capacity: &Resources) -> bool {
    let amounts = [capacity.cpu_milli, capacity.memory, capacity.gpu_milli, 1];
    left.iter().zip(amounts).all(|(l, a)| l.is_none_or(|l| i128::from(a) <= l))
}

/// Whether a shape goes with a class of nodes at all.
pub(super) fn tolerates(view: &View<'_>, shape: ShapeIx, taints: &[Taint], prefer_ok: bool) -> bool {
    let s = &view.shapes[shape.at()];
    taints.iter().all(|t| s.tolerations.contains(&t.number) || (t.prefer && prefer_ok))
}

/// Whether a node is empty by `compat`.
pub(super) fn empty(view: &View<'_>, pods: &[PodIx], compat: Compat) -> bool {
    let mut on = pods.iter().map(|p| &view.pods[p.at()]);
    match compat {
        Compat::V1_14 => cost::reschedule(on) <= cost::Cost::ONE,
        _ => !on.any(super::view::Pod::reschedulable),
    }
}
