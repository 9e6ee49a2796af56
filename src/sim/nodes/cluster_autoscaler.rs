//! The Cluster Autoscaler at work in the world: scans, launches, deletions and drains.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Brain, Nodes, NodesEvent, Removal, event};
use crate::fleet::{NodeId, NodeState, PoolId, PoolSet};
use crate::policy::cluster_autoscaler::{
    self as policy, Bound, Classes, Deleting, Group, GroupIx, Kin, Node, Pdb, Pending, Shape, ShapeIx, Unregistered,
    View,
};
use crate::policy::pods::Resources;
use crate::scenario::model::{ClusterAutoscaler, Model};
use crate::sim::jobs::JobId;
use crate::sim::world::World;
use crate::units::{Rate, SimTime};
use crate::workload::Request;

/// Pods that a node takes (`maxPods` of a kubelet, Kubernetes' default).
const PODS_PER_NODE: i64 = 110;

/// What an hour of a core and of a GiB count for with the price expander, in pico-dollars (kubernetes/autoscaler,
/// `cloudprovider/gce/gce_price_info.go`; a prior).
const CORE_PRICE: i128 = 33_174_000_000;
const GIB_PRICE: i128 = 4_446_000_000;

/// The Cluster Autoscaler's own state.
pub(super) struct CaState<'m> {
    pub model: &'m ClusterAutoscaler,
    policy: policy::ClusterAutoscaler,
    groups: Vec<Group>,
    /// By pool: its group, and what decides which pods its nodes take; none where the queue's pods never run.
    kin_of: Vec<Option<(Option<GroupIx>, Kin)>>,
    shapes: Vec<Shape>,
    shape_of: FxHashMap<Kind, ShapeIx>,
    /// Nodes that it deletes.
    deleting: BTreeMap<NodeId, Deleting>,
    /// The world's revision at the last scan.
    scanned: Option<u64>,
}

/// What makes pods alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    work: (u16, u16),
    request: Request,
    pools: PoolSet,
    priority: i32,
}

/// What is seen at a scan.
#[derive(Default)]
struct Seen {
    nodes: Vec<Node>,
    ids: Vec<NodeId>,
    unregistered: Vec<Unregistered>,
    starting: Vec<NodeId>,
    pending: Vec<Pending>,
    pdbs: Vec<Pdb>,
}

impl<'m> CaState<'m> {
    pub fn of(model: &'m Model, c: &'m ClusterAutoscaler) -> CaState<'m> {
        let mut zones: BTreeMap<&str, u32> = BTreeMap::new();
        let kin_of = (0..model.pools.len())
            .map(|i| {
                if model.pools[i].supply.as_ref().is_some_and(|s| s.on_request()) {
                    return None;
                }
                let next = zones.len() as u32;
                let zone = *zones.entry(model.pools[i].zone.as_deref().unwrap_or("")).or_insert(next);
                let group = c.groups.iter().position(|p| usize::from(p.0) == i).map(|g| GroupIx(g as u32));
                Some((group, Kin { class: i as u32, zone }))
            })
            .collect::<Vec<Option<(Option<GroupIx>, Kin)>>>();
        let groups = c
            .groups
            .iter()
            .map(|p| {
                let at = usize::from(p.0);
                let min = match model.pools[at].supply.as_ref().map(|s| s.staffing) {
                    Some(crate::scenario::model::Staffing::Scaled { min, .. }) => min,
                    _ => 0,
                };
                let max = model.nodes.iter().filter(|n| n.pool == *p).count() as u32;
                Group {
                    kin: kin_of[at].map_or(Kin::default(), |(_, kin)| kin),
                    ..Group::new(&model.pools[at].name, min, max, capacity(model, *p))
                }
            })
            .collect();
        CaState {
            model: c,
            policy: policy::ClusterAutoscaler::new(c.config.clone())
                .expect("settings are checked when a scenario is resolved"),
            groups,
            kin_of,
            shapes: Vec::new(),
            shape_of: FxHashMap::default(),
            deleting: BTreeMap::new(),
            scanned: None,
        }
    }

    /// How long an eviction that is refused is tried again; then the drain has failed.
    pub const fn eviction_limit(&self) -> crate::units::Duration {
        self.model.config.timing.eviction
    }

    /// A drain has failed: its node stays.
    pub fn drain_failed(&mut self, id: NodeId, now: SimTime) {
        self.deleting.remove(&id);
        self.policy.deletion_failed(now);
    }
}

/// What a node of a pool has.
fn capacity(model: &Model, pool: PoolId) -> Resources {
    let c = model.nodes.iter().find(|n| n.pool == pool).map(|n| n.capacity);
    c.map_or(Resources::default(), |c| Resources {
        cpu: i64::from(c.cpu_milli),
        memory: i64::from(c.mem_mib) << 20,
        gpu: 1000 * i64::from(c.gpus),
        pods: PODS_PER_NODE,
    })
}

impl<'m> World<'m, '_> {
    /// The Cluster Autoscaler begins to look.
    pub(super) fn open_cluster_autoscaler(&mut self, c: &CaState<'m>) {
        self.schedule(self.now + c.model.config.timing.scan, event(NodesEvent::Disrupt));
    }

    /// A scan, and what comes of it.
    pub(super) fn scan(&mut self, nodes: &mut Nodes<'m>) {
        let Nodes { brain: Brain::ClusterAutoscaler(c), tally, .. } = nodes else { return };
        self.schedule(self.now + c.model.config.timing.scan, event(NodesEvent::Disrupt));
        // Which jobs changed is for a view that is kept; this one is made anew.
        self.watch.changed.clear();
        let revision = self.watch.revision;
        if super::may_skip() && c.scanned == Some(revision) && c.policy.next_due(self.now) > self.now {
            tally.skipped += 1;
            return;
        }
        tally.passes += 1;
        c.scanned = Some(revision);
        c.deleting.retain(|id, _| self.fleet.node(*id).state == NodeState::Draining);
        let seen = self.see_groups(c);
        let view = View {
            groups: &c.groups,
            nodes: &seen.nodes,
            unregistered: &seen.unregistered,
            shapes: &c.shapes,
            pending: &seen.pending,
            pdbs: &seen.pdbs,
            revision,
        };
        let decision = c.policy.scan(&view, self.now);
        let counts = self.now >= self.window.0;
        let id_of = |n: &policy::NodeId| {
            let at = seen.nodes.iter().position(|m| m.id == *n).map(|i| seen.ids[i]);
            at.or_else(|| seen.unregistered.iter().position(|m| m.id == *n).map(|i| seen.starting[i]))
        };
        for up in &decision.grow {
            let pool = c.model.groups[up.group.0 as usize];
            for _ in 0..up.by {
                if self.launch_from(tally, pool).is_none() {
                    c.policy.launch_failed(up.group, self.now);
                    break;
                }
            }
        }
        let (empty, drained) = (decision.delete.iter(), decision.drain.iter().map(|d| &d.node));
        let going = empty.map(|n| (n, Deleting::Empty)).chain(drained.map(|n| (n, Deleting::Drain)));
        for (id, how) in going.filter_map(|(n, how)| Some((id_of(n)?, how))) {
            self.cordon(id);
            c.deleting.insert(id, how);
            tally.commands += u64::from(counts);
            if counts {
                tally.promised += self.model.node_price(self.fleet.node(id).pool, self.now).0;
            }
            self.schedule(self.now + c.model.config.timing.delete_delay, event(NodesEvent::Remove(id)));
        }
        for id in decision.abandon.iter().filter_map(id_of) {
            tally.given_up += u64::from(counts);
            self.cordon(id);
            self.terminate(id);
        }
    }

    /// The taint has been there for a while: the node goes, its pods first.
    pub(super) fn remove_tainted(&mut self, nodes: &mut Nodes<'m>, id: NodeId) {
        let Brain::ClusterAutoscaler(c) = &nodes.brain else { return };
        match c.deleting.get(&id) {
            Some(Deleting::Empty) => self.drain(nodes, id, Removal::Empty),
            Some(Deleting::Drain) => self.drain(nodes, id, Removal::Underutilized),
            _ => {}
        }
    }

    fn see_groups(&mut self, c: &mut CaState<'m>) -> Seen {
        let mut seen = Seen::default();
        let mut number: FxHashMap<NodeId, usize> = FxHashMap::default();
        for (g, pool) in c.groups.iter_mut().zip(&c.model.groups) {
            g.target = 0;
            g.price = self.model.node_price(*pool, self.now);
        }
        // Machines in the order in which they were launched: their numbers ascend.
        let mut there: Vec<NodeId> = self.watch.there.iter().copied().collect();
        there.sort_unstable_by_key(|id| self.watch.of(*id).launch);
        for id in there {
            let node = self.fleet.node(id);
            let Some((group, kin)) = c.kin_of[usize::from(node.pool.0)] else { continue };
            if let Some(g) = group {
                c.groups[g.0 as usize].target += 1;
            }
            let facts = self.watch.of(id);
            let name = policy::NodeId(facts.launch);
            if let (NodeState::Booting, Some(group)) = (node.state, group) {
                seen.unregistered.push(Unregistered { id: name, group, since: facts.created });
                seen.starting.push(id);
                continue;
            }
            let capacity = Resources {
                cpu: i64::from(node.capacity.cpu_milli),
                memory: i64::from(node.capacity.mem_mib) << 20,
                gpu: 1000 * i64::from(node.capacity.gpus),
                pods: PODS_PER_NODE,
            };
            number.insert(id, seen.nodes.len());
            let deleting = c.deleting.get(&id).copied().unwrap_or_default();
            seen.nodes.push(Node {
                id: name,
                group,
                kin,
                capacity,
                allocatable: capacity,
                gpu_label: capacity.gpu > 0,
                disabled: false,
                ready: node.state != NodeState::Booting,
                cordoned: node.state == NodeState::Draining,
                created: facts.ready.unwrap_or(facts.created),
                deleting,
                pods: Vec::new(),
            });
            seen.ids.push(id);
        }
        let budgets = self.budgets_of_pods();
        seen.pdbs.extend(budgets.values().map(|(_, pdb)| *pdb));
        let numbers: BTreeMap<(u16, u16), u32> = budgets.keys().zip(0..).map(|(k, i)| (*k, i)).collect();
        for (id, l) in self.jobs.iter().filter(|(_, l)| l.is_running()) {
            let shape = self.shape_of_pod(c, &numbers, id);
            for s in &l.pods {
                let Some(n) = number.get(&s.node) else { continue };
                let pods = &mut seen.nodes[*n].pods;
                match pods.iter_mut().find(|b| b.shape == shape) {
                    Some(b) => b.count += 1,
                    None => pods.push(Bound::new(shape, 1)),
                }
            }
        }
        let mut waiting: BTreeMap<(ShapeIx, SimTime), u32> = BTreeMap::new();
        self.each_pending(|w, id| {
            let l = &w.jobs[id];
            *waiting.entry((w.shape_of_pod(c, &numbers, id), l.queued)).or_default() += u32::from(l.job.pods);
        });
        seen.pending.extend(waiting.into_iter().map(|((shape, created), count)| Pending { shape, count, created }));
        seen
    }

    /// The number of what a pod is to the autoscaler.
    fn shape_of_pod(&self, c: &mut CaState<'m>, pdbs: &BTreeMap<(u16, u16), u32>, id: JobId) -> ShapeIx {
        let l = &self.jobs[id];
        let pools = self.waiting.class(l.class).pools;
        let work = self.kind_of(id);
        let kind = Kind { work, request: l.job.request, pools, priority: l.job.priority };
        if let Some(s) = c.shape_of.get(&kind) {
            return *s;
        }
        let r = &l.job.request;
        let d = self.disruption(id);
        let number = ShapeIx(c.shapes.len() as u32);
        let price = CORE_PRICE * i128::from(r.cpu_milli) / 1000 + GIB_PRICE * i128::from(r.mem_mib) / 1024;
        c.shapes.push(Shape {
            price: Rate(price),
            priority: l.job.priority,
            classes: Classes::Only(
                (0..self.model.pools.len() as u32).filter(|p| pools.has(PoolId(*p as u16))).collect(),
            ),
            safe_to_evict: d.do_not_disrupt.then_some(false),
            pdbs: pdbs.get(&work).copied().into_iter().collect(),
            grace: (d.grace.0 / crate::units::time::NANOS_PER_SEC) as u32,
            ..Shape::plain(Resources::of_pod(
                i64::from(r.cpu_milli),
                i64::from(r.mem_mib) << 20,
                i64::from(r.total_milli()),
            ))
        });
        c.shape_of.insert(kind, number);
        number
    }
}
