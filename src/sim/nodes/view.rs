//! The world as Karpenter sees it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::karpenter::KarpenterState;
use crate::fleet::{NodeId, NodeState};
use crate::policy::karpenter::{DoNotDisrupt, InstanceType, Node, NodeIx, Pdb, Pod, Resources, Shape, ShapeIx, View};
use crate::scenario::model::Karpenter;
use crate::sim::jobs::JobId;
use crate::sim::world::World;
use crate::units::SimTime;
use crate::workload::Request;

/// What was seen at an instant.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub nodes: Vec<Node>,
    /// Beside each node, which of the fleet it is.
    pub ids: Vec<NodeId>,
    pub pods: Vec<Pod>,
    pub pdbs: Vec<Pdb>,
}

impl Seen {
    /// The number of a node of the fleet; one that nobody has where it is gone.
    pub fn number(&self, id: NodeId) -> NodeIx {
        self.ids.binary_search(&id).map_or(NodeIx(u32::MAX), |i| NodeIx(i as u32))
    }
}

/// The view of what was seen.
pub(super) fn view_of<'a>(
    model: &'a Karpenter,
    types: &'a [InstanceType],
    shapes: &'a [Shape],
    seen: &'a Seen,
    revision: u64,
) -> View<'a> {
    View { pools: &model.pools, types, nodes: &seen.nodes, shapes, pods: &seen.pods, pdbs: &seen.pdbs, revision }
}

/// What a pod asks for, as Karpenter counts it.
const fn requests(r: &Request) -> Resources {
    Resources::pod(r.cpu_milli as u64, (r.mem_mib as u64) << 20, r.total_milli() as u64)
}

impl World<'_, '_> {
    /// Looks at all nodes that take pods of the queue, and all pods.
    pub(super) fn see(&self, k: &mut KarpenterState<'_>) -> Seen {
        let mut seen = Seen::default();
        for (i, node) in self.fleet.nodes().iter().enumerate() {
            let id = NodeId(i as u32);
            let Some(template) = k.templates[node.pool.0 as usize].as_ref() else { continue };
            if !matches!(node.state, NodeState::Booting | NodeState::Ready | NodeState::Draining) {
                continue;
            }
            let facts = self.watch.of(id);
            let mut n = template.clone();
            n.created = facts.created;
            n.initialized = facts.ready;
            n.ready = facts.ready.is_some();
            n.last_pod_event = facts.last_pod_event;
            n.deleting = node.state == NodeState::Draining;
            n.nominated_until = facts.nominated_until;
            seen.nodes.push(n);
            seen.ids.push(id);
        }
        let mut number: FxHashMap<NodeId, u32> = FxHashMap::default();
        number.extend(seen.ids.iter().enumerate().map(|(i, id)| (*id, i as u32)));
        let pdbs = self.budgets_of_pods(&mut seen);
        let mut waiting: FxHashMap<u16, u64> = FxHashMap::default();
        for (id, l) in self.jobs.iter() {
            if l.job.request == Request::default() || self.is_bought(id) {
                continue;
            }
            let running = l.is_running();
            if !running {
                // Pods beyond a quota are not made.
                let limits = self.accounts.get(l.account).limits;
                let milli = waiting.entry(limits).or_default();
                if !self.accounts.allows(self.model, limits, *milli + l.job.total_milli()) {
                    continue;
                }
                *milli += l.job.total_milli();
            }
            let shape = k.shape(&l.job.request, self.waiting.class(l.class).pools, self.model.pools.len());
            let d = self.disruption(id);
            let pod = Pod {
                created: l.queued,
                started: running.then_some(l.start),
                priority: l.job.priority,
                do_not_disrupt: if d.do_not_disrupt { DoNotDisrupt::Always } else { DoNotDisrupt::No },
                pdbs: pdbs.get(&self.kind_of(id)).copied().into_iter().collect(),
                active: !self.is_leaving(id),
                ..Pod::new(shape, None)
            };
            if running {
                for s in &l.pods {
                    if let Some(n) = number.get(&s.node) {
                        seen.pods.push(Pod { node: Some(NodeIx(*n)), ..pod.clone() });
                    }
                }
            } else {
                seen.pods.extend(std::iter::repeat_n(pod, usize::from(l.job.pods)));
            }
        }
        seen
    }

    /// The disruption budgets of all work that has one: which kind of pods has which.
    fn budgets_of_pods(&self, seen: &mut Seen) -> BTreeMap<(u16, u16), u32> {
        let mut counts: BTreeMap<(u16, u16), (JobId, u32, u32)> = BTreeMap::new();
        for (id, l) in self.jobs.iter() {
            if self.disruption(id).budget.is_none() {
                continue;
            }
            let c = counts.entry(self.kind_of(id)).or_insert((id, 0, 0));
            c.1 += u32::from(l.job.pods);
            c.2 += if self.is_healthy(id) { u32::from(l.job.pods) } else { 0 };
        }
        let mut numbers = BTreeMap::new();
        for (kind, (id, expected, healthy)) in counts {
            if let Some(b) = self.disruption(id).budget {
                numbers.insert(kind, seen.pdbs.len() as u32);
                seen.pdbs.push(Pdb { allowed: b.allowed(expected, healthy), never: b.never() });
            }
        }
        numbers
    }
}

impl KarpenterState<'_> {
    /// The number of what a pod asks for.
    fn shape(&mut self, r: &Request, pools: crate::fleet::PoolSet, all: usize) -> ShapeIx {
        if let Some(s) = self.shape_of.get(&(*r, pools)) {
            return *s;
        }
        let number = ShapeIx(self.shapes.len() as u32);
        self.shapes.push(Shape {
            requests: requests(r),
            requirements: self.model.demand(pools, all),
            ..Shape::default()
        });
        self.shape_of.insert((*r, pools), number);
        number
    }

    /// Whether time alone will let more nodes go, and when: one that is kept for a pod, or whose `consolidateAfter` is
    /// not over.
    pub(super) fn next_due(&self, seen: &Seen, now: SimTime) -> SimTime {
        let compat = self.model.config.compat;
        let due = seen.nodes.iter().filter_map(|n| {
            let pool = &self.model.pools[n.pool?.0 as usize];
            let since = n.last_pod_event.or(n.initialized)?;
            let after = pool.consolidates_after(compat).map(|a| since + a);
            after.into_iter().chain([n.nominated_until]).filter(|t| *t > now).min()
        });
        due.min().unwrap_or(SimTime::MAX)
    }
}
