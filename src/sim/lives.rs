//! The lives of nodes: deliveries, booting, retirement, and what is billed for them.

use super::event::{Event, FleetEvent};
use super::jobs::JobId;
use super::world::World;
use crate::catalog::EndedBy;
use crate::fleet::{Capacity, NodeId, NodeState, PoolId};
use crate::kernel::{Stream, Timer};
use crate::ledger::Unit;
use crate::market::Cause;
use crate::outcome::NodeRow;
use crate::scenario::model::{ChangeKind, NodeSpec};
use crate::units::{Activity, Duration, SimTime};
use crate::workload::Request;

/// What there is to know of a node beside its place in the fleet.
#[derive(Clone, Debug)]
pub(super) struct NodeLife {
    /// Billed from, while it is billed.
    pub from: SimTime,
    /// Its ordinal within its pool: names it `POOL-ORDINAL`.
    pub ordinal: u32,
    /// Milli-units.
    pub milli: u64,
    /// When its present boot is over.
    pub ready_at: SimTime,
    /// In service since: its launch, or its last repair.
    pub born: SimTime,
    /// When the provider will take it back, and why.
    pub taken: Option<(SimTime, Cause)>,
    /// What becomes of it first, with the timer of that or of its notice.
    pub fate: Option<Fate>,
    /// Not there because it is being repaired.
    pub in_repair: bool,
    /// Its own luck, once it was needed.
    pub luck: Option<Box<Stream>>,
    /// How much oftener than others its hardware fails.
    pub weakness: f64,
    /// Told that it will be taken back.
    pub doomed: bool,
    /// The run that launched it.
    pub owner: Option<JobId>,
    /// Thousandths of its free GPUs that nothing in demand can use, while it takes work.
    pub stranded: u64,
    /// The change of the fleet that cuts its GPUs anew once it is empty.
    pub recut: Option<u32>,
}

/// What will become of a node if nothing else comes first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub at: SimTime,
    pub cause: Cause,
    pub timer: Timer,
    /// The shock behind it.
    pub shock: Option<usize>,
}

/// What the free share of a node in this state is; none while it takes work or is not billed.
const fn idle_as(state: NodeState) -> Option<Activity> {
    match state {
        NodeState::Booting => Some(Activity::Boot),
        NodeState::Held => Some(Activity::GangWait),
        NodeState::Draining => Some(Activity::Drain),
        NodeState::Reconfiguring => Some(Activity::Reconfiguring),
        NodeState::Broken => Some(Activity::Broken),
        NodeState::Ready | NodeState::Away | NodeState::Gone => None,
    }
}

const fn word(state: NodeState) -> &'static str {
    match state {
        NodeState::Booting => "booting",
        NodeState::Ready => "ready",
        NodeState::Held => "held",
        NodeState::Draining => "draining",
        NodeState::Reconfiguring => "reconfiguring",
        NodeState::Broken => "broken",
        NodeState::Away | NodeState::Gone => "away",
    }
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
            Unit::Gpu => match self.model.pools[pool.0 as usize].share.as_deref() {
                None => u64::from(r.total_milli()),
                Some(share) => u64::from(share.cut.milli_of(r)),
            },
            Unit::Cpu => u64::from(r.cpu_milli),
        }
    }

    pub fn node_name(&self, id: NodeId) -> String {
        let pool = self.fleet.node(id).pool;
        format!("{}-{}", self.model.pools[pool.0 as usize].name, self.lives[id.0 as usize].ordinal)
    }

    /// Puts a node into the fleet; unless it is away it is billed from now on.
    pub fn add_node(&mut self, spec: NodeSpec, state: NodeState) -> NodeId {
        let cut = self.cut_of(spec.pool);
        let id = self.fleet.add_cut(spec.pool, spec.island, spec.capacity, NodeState::Away, cut);
        let milli = self.node_milli(spec.pool, spec.capacity);
        self.lives.push(NodeLife {
            from: self.now,
            ordinal: self.free.ordinal(spec.pool),
            milli,
            ready_at: self.now,
            born: self.now,
            taken: None,
            fate: None,
            in_repair: false,
            luck: None,
            weakness: 1.0,
            doomed: false,
            owner: None,
            stranded: 0,
            recut: None,
        });
        self.slices_new(id);
        self.risk_new(id);
        if state != NodeState::Away {
            self.move_node(id, state, None);
        }
        id
    }

    /// Moves a node to another state: what of it is free is free for something else from now on, and its bill begins or
    /// goes on. Its bill ends with [`World::bill_node`].
    pub fn move_node(&mut self, id: NodeId, to: NodeState, cause: Option<Cause>) {
        let pool = self.fleet.node(id).pool;
        let was = self.fleet.node(id).state;
        let free = self.free_milli(id) as i64;
        match (was.is_billed(), idle_as(was)) {
            (false, _) => {}
            (true, Some(what)) => self.free.hold_back(pool, what, -free),
            (true, None) => self.free.shift(pool, free, 0),
        }
        match (to.is_billed(), idle_as(to)) {
            (false, _) => {}
            (true, Some(what)) => self.free.hold_back(pool, what, free),
            (true, None) => self.free.shift(pool, 0, free),
        }
        let milli = self.lives[id.0 as usize].milli;
        match (was.is_billed(), to.is_billed()) {
            (false, true) => {
                self.lives[id.0 as usize].from = self.now;
                self.free.add_node(pool, milli);
            }
            (true, false) => self.free.remove_node(pool, milli),
            _ => {}
        }
        self.recut_idle(id, was);
        self.counts.moved(pool, was, to, self.now);
        self.fleet.set_state(id, to);
        self.slices_state(id, was, to);
        self.restrand(id);
        self.watch.node_event(id, was, to, self.now);
        if self.watched {
            self.recorder.node(&NodeRow {
                pool: &self.model.pools[pool.0 as usize].name,
                ordinal: self.lives[id.0 as usize].ordinal,
                at: self.now,
                state: word(to),
                cause: cause.map(Cause::key),
            });
        }
        self.dirty = true;
    }

    /// Ends an empty node's bill, and takes it away.
    pub fn bill_node(&mut self, id: NodeId, to: NodeState, by: EndedBy, cause: Option<Cause>) {
        let pool = self.fleet.node(id).pool;
        let (from, milli) = (self.lives[id.0 as usize].from, self.lives[id.0 as usize].milli);
        self.books.node(pool, milli, from, self.now, Some(by));
        self.move_node(id, to, cause);
    }

    pub fn change_fleet(&mut self, i: usize) {
        match &self.model.changes[i].kind {
            ChangeKind::Add { nodes, boot } => {
                for spec in nodes {
                    let state = if boot.0 == 0 { NodeState::Ready } else { NodeState::Booting };
                    let id = self.add_node(*spec, state);
                    self.settle_in(id);
                    if boot.0 > 0 {
                        self.lives[id.0 as usize].ready_at = self.now + *boot;
                        self.schedule(self.now + *boot, Event::Fleet(FleetEvent::Ready(id)));
                    }
                }
                self.dirty = true;
            }
            ChangeKind::Remove { pool, count, grace } => self.retire(*pool, *count, *grace),
            ChangeKind::Recut { pool, cut, grace, .. } => self.recut_pool(i as u32, *pool, cut, *grace),
        }
    }

    pub fn node_ready(&mut self, id: NodeId) {
        // The boot of an earlier life may have been cut short.
        if !matches!(self.fleet.node(id).state, NodeState::Booting | NodeState::Reconfiguring)
            || self.lives[id.0 as usize].ready_at != self.now
        {
            return;
        }
        if self.fleet.node(id).state == NodeState::Booting {
            self.count_boot(id);
        }
        match self.lives[id.0 as usize].owner {
            Some(job) => {
                self.move_node(id, NodeState::Held, None);
                self.node_joined(job);
            }
            None => self.move_node(id, NodeState::Ready, None),
        }
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
            self.move_node(id, NodeState::Draining, None);
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

    /// Puts what came free on a node to where its state says.
    pub fn came_free(&mut self, id: NodeId, milli: i64) {
        let n = self.fleet.node(id);
        let (pool, state) = (n.pool, n.state);
        match idle_as(state) {
            Some(what) => self.free.hold_back(pool, what, milli),
            None => self.free.shift(pool, 0, milli),
        }
    }

    /// Ends an empty cordoned node's life, and its bill.
    pub fn terminate(&mut self, id: NodeId) {
        self.forget_fate(id);
        self.count_survivor(id);
        let pool = self.fleet.node(id).pool;
        if let Some(s) = self.risks.supplier_mut(pool) {
            s.running -= 1;
        }
        // A place that an autoscaler fills may be filled again.
        let again = self.supply(pool).is_some_and(|s| s.scaled());
        self.bill_node(id, if again { NodeState::Away } else { NodeState::Gone }, EndedBy::User, None);
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
