//! Nodes that go: cordoned, their pods told to leave as budgets allow, and given back when the last has left.

use super::{Brain, Nodes, NodesEvent, Removal, event};
use crate::fleet::{NodeId, NodeState};
use crate::sim::jobs::JobId;
use crate::sim::runs::Leaves;
use crate::sim::world::World;
use crate::units::{Activity, Duration, Usd};

/// How often evictions that a budget refused are tried again (the longest wait of Karpenter's eviction queue,
/// `pkg/controllers/node/termination/terminator/eviction.go`).
const TRY_AGAIN: Duration = Duration::from_secs(10);

impl<'m> World<'m, '_> {
    /// A node takes no more pods.
    pub(super) fn cordon(&mut self, id: NodeId) {
        if matches!(self.fleet.node(id).state, NodeState::Ready | NodeState::Booting) {
            self.move_node(id, NodeState::Draining, None);
        }
    }

    /// A cordoned node takes pods again.
    pub(super) fn uncordon(&mut self, id: NodeId) {
        let going = self.watch.draining.contains_key(&id) || self.lives[id.0 as usize].doomed;
        if self.fleet.node(id).state == NodeState::Draining && !going {
            let booting = self.lives[id.0 as usize].ready_at > self.now;
            self.move_node(id, if booting { NodeState::Booting } else { NodeState::Ready }, None);
        }
    }

    /// The pods of a cordoned node are told to go; without pods it goes at once.
    pub(super) fn drain(&mut self, nodes: &mut Nodes<'m>, id: NodeId, why: Removal) {
        if self.fleet.node(id).state != NodeState::Draining || self.watch.draining.contains_key(&id) {
            return;
        }
        if self.now >= self.window.0 {
            nodes.tally.removed[why as usize] += 1;
        }
        self.watch.draining.insert(id, (self.now, why));
        self.drain_on(nodes, id);
    }

    /// Goes on with a drain: whoever may go is told to.
    pub(super) fn drain_on(&mut self, nodes: &mut Nodes<'m>, id: NodeId) {
        let Some((since, _)) = self.watch.draining.get(&id).copied() else { return };
        if self.fleet.node(id).pods == 0 {
            // One that the provider takes back goes when it is taken.
            if !self.lives[id.0 as usize].doomed {
                self.terminate(id);
            }
            return;
        }
        let patience = nodes.brain.termination_grace(self.fleet.node(id).pool);
        let forced = patience.is_some_and(|p| self.now >= since + p);
        let mut pods: Vec<JobId> = self.risks.jobs_on[id.0 as usize].to_vec();
        pods.sort_unstable();
        pods.dedup();
        for job in pods {
            self.tell_to_go(nodes, job, id, forced);
        }
        if let Brain::ClusterAutoscaler(c) = &mut nodes.brain
            && self.now >= since + c.eviction_limit()
            && self.keeps_pods(id)
        {
            c.drain_failed(id, self.now);
            nodes.tally.given_up += u64::from(self.now >= self.window.0);
            self.watch.draining.remove(&id);
            return self.uncordon(id);
        }
        // What still runs is looked at again; the last pod to leave takes the node with it.
        if self.watch.draining.contains_key(&id) {
            let again = self.now + TRY_AGAIN;
            let end = patience.map(|p| since + p).filter(|end| *end > self.now);
            self.schedule(end.map_or(again, |end| end.min(again)), event(NodesEvent::Drain(id)));
        }
    }

    /// Whether a pod of a node has not been told to go.
    fn keeps_pods(&self, id: NodeId) -> bool {
        let going = |j: &JobId| self.is_leaving(*j) || self.jobs[*j].run.as_deref().is_some_and(|r| r.saving.is_some());
        self.risks.jobs_on[id.0 as usize].iter().any(|j| !going(j))
    }

    /// Tells a pod to go, unless something protects it.
    pub(super) fn tell_to_go(&mut self, nodes: &mut Nodes<'m>, job: JobId, from: NodeId, forced: bool) {
        let d = *self.disruption(job);
        let saves = |w: &World<'_, '_>| w.jobs[job].run.as_deref().is_some_and(|r| r.saving.is_some());
        if self.is_leaving(job) || saves(self) {
            return;
        }
        if !forced && (d.do_not_disrupt || d.budget.is_some_and(|_| self.disruptions_allowed(job) == 0)) {
            return;
        }
        let counts = self.now >= self.window.0;
        nodes.tally.evicted += u64::from(counts) * self.jobs[job].pods.len() as u64;
        // A replica drains, a run that can save itself is given the time; everybody else stops now.
        self.noticed(job, from, self.now + d.grace);
        if self.jobs.get(job).is_some_and(|l| l.replica.is_none() && l.is_running()) && !saves(self) {
            let (lost, usd) = self.lost_now(job);
            if counts {
                nodes.tally.lost += lost;
                nodes.tally.lost_usd += usd;
            }
            self.requeue_leaving(job, Leaves::Durable);
        }
    }

    /// How many pods of a job's kind may be disrupted now.
    fn disruptions_allowed(&self, job: JobId) -> u32 {
        let Some(budget) = self.disruption(job).budget else { return u32::MAX };
        let mine = self.kind_of(job);
        let (mut expected, mut healthy) = (0, 0);
        for (id, l) in self.jobs.iter().filter(|(id, _)| self.kind_of(*id) == mine) {
            expected += u32::from(l.job.pods);
            healthy += if self.is_healthy(id) { u32::from(l.job.pods) } else { 0 };
        }
        budget.allowed(expected, healthy)
    }

    /// Whose disruption budget counts a job: its workload's, or its deployment's.
    pub(super) fn kind_of(&self, id: JobId) -> (u16, u16) {
        let l = &self.jobs[id];
        (l.work, l.replica.as_deref().map_or(0, |r| r.deployment))
    }

    /// Whether a pod runs and, if it is a replica, takes requests.
    pub(super) fn is_healthy(&self, id: JobId) -> bool {
        let l = &self.jobs[id];
        let serves = l.replica.as_deref().is_none_or(|r| r.place.is_some());
        l.is_running() && serves && !self.is_leaving(id)
    }

    /// What a running job would lose if it stopped now: milli-unit·ns, and what they cost.
    fn lost_now(&self, id: JobId) -> (u128, Usd) {
        let l = &self.jobs[id];
        let parts = self.parts_of(id, Leaves::Durable);
        let (mut lost, mut usd) = (0, Usd::ZERO);
        for s in &l.pods {
            let pool = self.fleet.node(s.node).pool;
            let milli = self.pod_milli(pool, &l.job.request);
            for p in parts.iter().filter(|p| p.activity == Activity::Lost) {
                lost += u128::from(milli) * u128::from((p.to - p.from).0 - p.stalled.0);
                usd += self.books.cost_of(pool, p.from, p.to, milli);
            }
        }
        (lost, usd)
    }
}
