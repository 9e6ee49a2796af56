//! The lives of nodes: deliveries, booting, retirement, and what is billed for them.

use super::event::{Event, FleetEvent};
use super::jobs::JobId;
use super::world::World;
use crate::fleet::{Capacity, NodeId, NodeState, PoolId};
use crate::ledger::Unit;
use crate::scenario::model::{ChangeKind, NodeSpec};
use crate::units::{Activity, Duration, SimTime};
use crate::workload::Request;

/// What the books need to know of a node.
#[derive(Clone, Debug)]
pub(super) struct NodeLife {
    /// Billed from.
    pub from: SimTime,
    /// Its ordinal within its pool: names it `POOL-ORDINAL`.
    pub ordinal: u32,
    /// Milli-units.
    pub milli: u64,
}

impl World<'_, '_> {
    /// Milli-units of a pool that a node has.
    pub fn node_milli(&self, pool: PoolId, c: Capacity) -> u64 {
        match self.model.pools[pool.0 as usize].tariff.unit {
            Unit::Gpu => 1000 * u64::from(c.gpus),
            Unit::Cpu => u64::from(c.cpu_milli),
        }
    }

    /// Milli-units of a pool that a pod takes.
    pub fn pod_milli(&self, pool: PoolId, r: &Request) -> u64 {
        match self.model.pools[pool.0 as usize].tariff.unit {
            Unit::Gpu => u64::from(r.total_milli()),
            Unit::Cpu => u64::from(r.cpu_milli),
        }
    }

    pub fn node_name(&self, id: NodeId) -> String {
        let pool = self.fleet.node(id).pool;
        format!("{}-{}", self.model.pools[pool.0 as usize].name, self.lives[id.0 as usize].ordinal)
    }

    /// Puts a node into the fleet; it is billed from now on.
    pub fn add_node(&mut self, spec: NodeSpec, state: NodeState) -> NodeId {
        let id = self.fleet.add(spec.pool, spec.island, spec.capacity, state);
        let milli = self.node_milli(spec.pool, spec.capacity);
        let ordinal = self.free.add_node(spec.pool, milli);
        self.lives.push(NodeLife { from: self.now, ordinal, milli });
        match state {
            NodeState::Ready => self.free.shift(spec.pool, 0, milli as i64),
            _ => self.hold_back(spec.pool, Activity::Boot, milli as i64),
        }
        id
    }

    /// Changes how much of a pool is booting or draining.
    fn hold_back(&mut self, pool: PoolId, what: Activity, delta: i64) {
        self.free.hold_back(pool, what, delta);
    }

    pub fn change_fleet(&mut self, i: usize) {
        match &self.model.changes[i].kind {
            ChangeKind::Add { nodes, boot } => {
                for spec in nodes {
                    let state = if boot.0 == 0 { NodeState::Ready } else { NodeState::Booting };
                    let id = self.add_node(*spec, state);
                    if boot.0 > 0 {
                        self.schedule(self.now + *boot, Event::Fleet(FleetEvent::Ready(id)));
                    }
                }
                self.dirty = true;
            }
            ChangeKind::Remove { pool, count, grace } => self.retire(*pool, *count, *grace),
        }
    }

    pub fn node_ready(&mut self, id: NodeId) {
        if self.fleet.node(id).state != NodeState::Booting {
            return;
        }
        let (pool, milli) = (self.fleet.node(id).pool, self.lives[id.0 as usize].milli);
        self.fleet.set_state(id, NodeState::Ready);
        self.hold_back(pool, Activity::Boot, -(milli as i64));
        self.free.shift(pool, 0, milli as i64);
        self.dirty = true;
    }

    /// Cordons nodes: the emptiest first, among equals the newest.
    fn retire(&mut self, pool: PoolId, count: u32, grace: Duration) {
        let mut nodes: Vec<(u64, u32, std::cmp::Reverse<u32>)> = self
            .fleet
            .nodes()
            .iter()
            .enumerate()
            .filter(|(_, n)| n.pool == pool && matches!(n.state, NodeState::Ready | NodeState::Booting))
            .map(|(i, n)| {
                let used = self.lives[i].milli - self.free_milli(NodeId(i as u32));
                (used, n.pods, std::cmp::Reverse(i as u32))
            })
            .collect();
        nodes.sort_unstable();
        if nodes.len() < count as usize {
            self.tally.notices.push(format!(
                "{} nodes were to leave pool {}, which had {}",
                count,
                self.model.pools[pool.0 as usize].name,
                nodes.len()
            ));
        }
        for (_, _, std::cmp::Reverse(i)) in nodes.into_iter().take(count as usize) {
            let id = NodeId(i);
            let free = self.free_milli(id);
            match self.fleet.node(id).state {
                NodeState::Booting => self.hold_back(pool, Activity::Boot, -(free as i64)),
                _ => self.free.shift(pool, free as i64, 0),
            }
            self.hold_back(pool, Activity::Drain, free as i64);
            self.fleet.set_state(id, NodeState::Draining);
            if self.fleet.node(id).pods == 0 {
                self.terminate(id);
            } else if grace != Duration(u64::MAX) {
                self.schedule(self.now + grace, Event::Fleet(FleetEvent::Evict(id)));
            }
        }
        self.dirty = true;
    }

    /// Free milli-units of one node.
    pub fn free_milli(&self, id: NodeId) -> u64 {
        let n = self.fleet.node(id);
        match self.model.pools[n.pool.0 as usize].tariff.unit {
            Unit::Gpu => u64::from(n.free.milli),
            Unit::Cpu => u64::from(n.free.cpu_milli),
        }
    }

    /// Ends an empty cordoned node's life, and its bill.
    pub fn terminate(&mut self, id: NodeId) {
        let pool = self.fleet.node(id).pool;
        let NodeLife { from, milli, .. } = self.lives[id.0 as usize];
        self.hold_back(pool, Activity::Drain, -(milli as i64));
        self.books.node(pool, milli, from, self.now, true);
        self.fleet.set_state(id, NodeState::Gone);
        self.free.remove_node(pool, milli);
    }

    /// The grace of a cordoned node is over: what still runs is stopped and waits again.
    pub fn evict(&mut self, id: NodeId) {
        if self.fleet.node(id).state != NodeState::Draining {
            return;
        }
        let victims: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, l)| l.is_running() && l.pods.iter().any(|s| s.node == id))
            .map(|(j, _)| j)
            .collect();
        for j in victims {
            self.requeue(j);
        }
        self.dirty = true;
    }
}
