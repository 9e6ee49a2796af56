//! The Descheduler at work in the world: at every run, pods are told to go and wait again.

use std::collections::BTreeMap;

use super::{Nodes, NodesEvent, event};
use crate::fleet::NodeState;
use crate::policy::descheduler::{self as policy, Node, Pod, Qos, View};
use crate::sim::world::World;

/// CPU, memory, pods, GPUs.
const RESOURCES: u32 = 4;
/// Pods that a node takes (`maxPods` of a kubelet, Kubernetes' default).
const PODS_PER_NODE: i64 = 110;

impl<'m> World<'m, '_> {
    /// A run of the Descheduler, and when the next is.
    pub(super) fn deschedule(&mut self, nodes: &mut Nodes<'m>) {
        let Some(d) = &self.model.descheduler else { return };
        self.schedule(self.now + d.every, event(NodesEvent::Deschedule));
        let (mut seen, mut ids, mut number) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (i, n) in self.fleet.nodes().iter().enumerate() {
            let id = crate::fleet::NodeId(i as u32);
            if !matches!(n.state, NodeState::Ready | NodeState::Draining) {
                continue;
            }
            let gpus = (n.capacity.gpus > 0).then_some(1000 * i64::from(n.capacity.gpus));
            number.insert(id, seen.len() as u32);
            seen.push(Node {
                allocatable: vec![
                    Some(i64::from(n.capacity.cpu_milli)),
                    Some(i64::from(n.capacity.mem_mib) << 20),
                    Some(PODS_PER_NODE),
                    gpus,
                ],
                unschedulable: n.state == NodeState::Draining,
                ..Node::default()
            });
            ids.push(id);
        }
        let budgets = self.budgets_of_pods();
        let allowed: Vec<u32> = budgets.values().map(|(_, b)| b.allowed).collect();
        let budget_of: BTreeMap<(u16, u16), u32> = budgets.keys().zip(0..).map(|(k, i)| (*k, i)).collect();
        let mut replicas: BTreeMap<(u16, u16), u32> = BTreeMap::new();
        for (id, l) in self.jobs.iter() {
            *replicas.entry(self.kind_of(id)).or_default() += u32::from(l.job.pods);
        }
        let (mut pods, mut jobs) = (Vec::new(), Vec::new());
        for (id, l) in self.jobs.iter().filter(|(_, l)| l.is_running()) {
            // Protected pods are none that it may evict.
            if self.is_leaving(id) || self.is_bought(id) {
                continue;
            }
            let (kind, r, pools) = (self.kind_of(id), &l.job.request, self.waiting.class(l.class).pools);
            let open = |n: &crate::fleet::NodeId| pools.has(self.fleet.node(*n).pool);
            let some: Vec<u32> = ids.iter().filter(|n| open(n)).filter_map(|n| number.get(n).copied()).collect();
            for s in &l.pods {
                let Some(node) = number.get(&s.node) else { continue };
                pods.push(Pod {
                    node: *node,
                    requests: vec![i64::from(r.cpu_milli), i64::from(r.mem_mib) << 20, 1, i64::from(r.total_milli())],
                    priority: Some(l.job.priority),
                    qos: Qos::Burstable,
                    namespace: u32::from(l.work),
                    local_storage: self.disruption(id).do_not_disrupt,
                    replicas: replicas[&kind],
                    started: Some(l.start),
                    budgets: budget_of.get(&kind).copied().into_iter().collect(),
                    allowed: (some.len() < ids.len()).then(|| some.clone()),
                    ..Pod::default()
                });
                jobs.push(id);
            }
        }
        let view = View { resources: RESOURCES, nodes: &seen, pods: &pods, budgets: &allowed };
        let run = policy::run(&d.config, &view, self.now);
        for e in run.evicted {
            let job = jobs[e.pod as usize];
            // A gang whose other pod went before it is gone already.
            if self.jobs.get(job).is_some_and(super::super::jobs::Live::is_running) {
                self.tell_to_go(nodes, job, ids[e.node as usize], false);
            }
        }
    }
}
