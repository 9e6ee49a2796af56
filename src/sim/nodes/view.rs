//! The world as Karpenter sees it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::karpenter::KarpenterState;
use crate::fleet::{NodeId, NodeState};
use crate::policy::karpenter::{DoNotDisrupt, InstanceType, Node, NodeIx, Pdb, Pod, Resources, Shape, ShapeIx, View};
use crate::policy::pdb::Rule;
use crate::scenario::model::Karpenter;
use crate::sim::jobs::JobId;
use crate::sim::world::World;
use crate::units::SimTime;
use crate::workload::Request;

/// What was seen last, and is brought up to date by what has changed since.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub nodes: Vec<Node>,
    /// Beside each node, which of the fleet it is.
    pub ids: Vec<NodeId>,
    /// By node of the fleet: its number.
    number: Vec<u32>,
    /// Pods that run (or places that are free), then those that wait.
    pub pods: Vec<Pod>,
    /// Beside each pod that runs, where.
    places: Vec<NodeId>,
    free: Vec<u32>,
    /// The pods of each running job.
    of_job: FxHashMap<JobId, SmallVec<[u32; 1]>>,
    pub pdbs: Vec<Pdb>,
}

const NOWHERE: u32 = u32::MAX;

impl Seen {
    /// The number of a node of the fleet; one that nobody has where it is gone.
    pub fn number(&self, id: NodeId) -> NodeIx {
        NodeIx(self.number.get(id.0 as usize).copied().unwrap_or(NOWHERE))
    }

    fn node_of(&self, id: NodeId) -> Option<NodeIx> {
        Some(self.number(id)).filter(|n| n.0 != NOWHERE)
    }

    fn add(&mut self, job: JobId, at: NodeId, pod: Pod) {
        let pod = Pod { node: self.node_of(at), ..pod };
        let i = match self.free.pop() {
            Some(i) => {
                (self.pods[i as usize], self.places[i as usize]) = (pod, at);
                i
            }
            None => {
                self.pods.push(pod);
                self.places.push(at);
                self.places.len() as u32 - 1
            }
        };
        self.of_job.entry(job).or_default().push(i);
    }

    fn remove(&mut self, job: JobId) {
        for i in self.of_job.remove(&job).unwrap_or_default() {
            let pod = &mut self.pods[i as usize];
            (pod.node, pod.active) = (None, false);
            self.free.push(i);
        }
    }

    /// Nodes have come or gone: all numbers are given anew.
    fn renumber(&mut self, ids: Vec<NodeId>, template: impl Fn(NodeId) -> Node) {
        let mut old = std::mem::take(&mut self.nodes).into_iter().zip(std::mem::take(&mut self.ids)).peekable();
        for id in &ids {
            while old.next_if(|(_, o)| o < id).is_some() {}
            let kept = old.next_if(|(_, o)| o == id);
            self.nodes.push(kept.map_or_else(|| template(*id), |(n, _)| n));
        }
        self.number.fill(NOWHERE);
        for (i, id) in ids.iter().enumerate() {
            let at = id.0 as usize;
            if self.number.len() <= at {
                self.number.resize(at + 1, NOWHERE);
            }
            self.number[at] = i as u32;
        }
        self.ids = ids;
        for pods in self.of_job.values() {
            for i in pods {
                let at = self.places[*i as usize].0 as usize;
                let n = self.number.get(at).copied().filter(|n| *n != NOWHERE);
                self.pods[*i as usize].node = n.map(NodeIx);
            }
        }
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
    pub(super) fn see(&mut self, k: &mut KarpenterState<'_>) {
        let mut seen = std::mem::take(&mut k.seen);
        let takes = |id: &NodeId| k.templates[self.fleet.node(*id).pool.0 as usize].is_some();
        if self.watch.moved || seen.ids.is_empty() {
            self.watch.moved = false;
            let ids: Vec<NodeId> = self.watch.there.iter().copied().filter(takes).collect();
            if ids != seen.ids {
                seen.renumber(ids, |id| {
                    let template = k.templates[self.fleet.node(id).pool.0 as usize].as_ref();
                    template.expect("only such nodes are listed").clone()
                });
            }
        }
        for (n, id) in seen.nodes.iter_mut().zip(&seen.ids) {
            let facts = self.watch.of(*id);
            // A place in a pool is another node after each launch.
            n.name = if super::may_skip() { facts.launch } else { 0 };
            n.created = facts.created;
            n.initialized = facts.ready;
            n.ready = facts.ready.is_some();
            n.last_pod_event = facts.last_pod_event;
            n.deleting = self.fleet.node(*id).state == NodeState::Draining;
            n.nominated_until = facts.nominated_until;
        }
        let budgets = self.budgets_of_pods();
        let pdbs: BTreeMap<(u16, u16), u32> = budgets.keys().zip(0..).map(|(kind, i)| (*kind, i)).collect();
        seen.pdbs.clear();
        seen.pdbs.extend(budgets.into_values().map(|(_, pdb)| pdb));
        seen.pods.truncate(seen.places.len());
        for id in std::mem::take(&mut self.watch.changed) {
            seen.remove(id);
            if let Some(l) = self.jobs.get(id)
                && l.is_running()
                && !self.is_bought(id)
            {
                let pod = self.pod_of(k, &pdbs, id);
                for s in &l.pods {
                    seen.add(id, s.node, pod.clone());
                }
            }
        }
        self.each_pending(|w, id| {
            let pod = w.pod_of(k, &pdbs, id);
            seen.pods.extend(std::iter::repeat_n(pod, usize::from(w.jobs[id].job.pods)));
        });
        k.seen = seen;
    }

    /// Every job that waits and whose pods exist.
    pub(super) fn each_pending(&self, mut f: impl FnMut(&Self, JobId)) {
        let mut asked: FxHashMap<u16, u64> = FxHashMap::default();
        for class in self.waiting.active() {
            for (_, id) in self.waiting.class(*class).line() {
                let l = &self.jobs[id];
                // Pods beyond a quota are not made.
                let limits = self.accounts.get(l.account).limits;
                let milli = asked.entry(limits).or_default();
                if self.accounts.allows(self.model, limits, *milli + l.job.total_milli()) {
                    *milli += l.job.total_milli();
                    f(self, id);
                }
            }
        }
    }

    /// A pod of a job, nowhere yet.
    fn pod_of(&self, k: &mut KarpenterState<'_>, pdbs: &BTreeMap<(u16, u16), u32>, id: JobId) -> Pod {
        let l = &self.jobs[id];
        let shape = k.shape(&l.job.request, self.waiting.class(l.class).pools, self.model.pools.len());
        let d = self.disruption(id);
        Pod {
            created: l.queued,
            started: l.is_running().then_some(l.start),
            priority: l.job.priority,
            do_not_disrupt: if d.do_not_disrupt { DoNotDisrupt::Always } else { DoNotDisrupt::No },
            pdbs: pdbs.get(&self.kind_of(id)).copied().into_iter().collect(),
            active: !self.is_leaving(id),
            ..Pod::new(shape, None)
        }
    }

    /// The disruption budgets of all work that has one: which kind of pods has which, and how it stands.
    pub(super) fn budgets_of_pods(&self) -> BTreeMap<(u16, u16), (Rule, Pdb)> {
        let mut counts: BTreeMap<(u16, u16), (Rule, u32, u32)> = BTreeMap::new();
        if self.watch.budgets {
            for (id, l) in self.jobs.iter() {
                let Some(rule) = self.disruption(id).budget else { continue };
                let c = counts.entry(self.kind_of(id)).or_insert((rule, 0, 0));
                c.1 += u32::from(l.job.pods);
                c.2 += if self.is_healthy(id) { u32::from(l.job.pods) } else { 0 };
            }
        }
        counts
            .into_iter()
            .map(|(kind, (rule, expected, healthy))| (kind, (rule, Pdb::of(rule, expected, healthy))))
            .collect()
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
    pub(super) fn next_due(&self, now: SimTime) -> SimTime {
        let compat = self.model.config.compat;
        let due = self.seen.nodes.iter().filter_map(|n| {
            let pool = &self.model.pools[n.pool?.0 as usize];
            let since = n.last_pod_event.or(n.initialized)?;
            let after = pool.consolidates_after(compat).map(|a| since + a);
            after.into_iter().chain([n.nominated_until]).filter(|t| *t > now).min()
        });
        due.min().unwrap_or(SimTime::MAX)
    }
}
