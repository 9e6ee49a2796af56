//! Nodes that are taken back, break, and work again: reclaims with and without notice, shocks, failures, repairs.
//!
//! What happens to several nodes at one instant happens at once: losses are gathered and worked off together, so that a
//! run that loses two nodes of one group knows it.

use std::collections::BTreeSet;

use super::event::{Event, FleetEvent};
use super::jobs::JobId;
use super::lives::Fate;
use super::markets::Supplier;
use super::world::World;
use crate::catalog::EndedBy;
use crate::fleet::{NodeId, NodeState, PoolId};
use crate::kernel::{Stream, Streams};
use crate::market::{Cause, LaunchFailure, Offset, Replay, hours};
use crate::outcome::PoolLosses;
use crate::scenario::model::Model;
use crate::units::{Duration, SimTime};

/// A process of shocks.
#[derive(Clone, Debug)]
pub(super) struct ShockProcess {
    /// Which shock of the model.
    shock: usize,
    /// The nodes in its scope; all of its pools' when it has no group.
    members: Vec<NodeId>,
    luck: Stream,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Risks {
    /// By pool.
    pub suppliers: Vec<Option<Box<Supplier>>>,
    shocks: Vec<ShockProcess>,
    /// Whether nodes can be lost at all.
    pub any: bool,
    /// Which jobs run on a node; kept only when nodes can be lost.
    pub jobs_on: Vec<smallvec::SmallVec<[JobId; 2]>>,
    /// Nodes that are lost at this instant.
    dead: Vec<(NodeId, Cause, Option<usize>)>,
}

impl Risks {
    pub fn of(model: &Model, streams: &Streams, replication: u32) -> Risks {
        let any = model.pools.iter().any(|p| p.supply.is_some()) || !model.shocks.is_empty();
        let need = Duration(model.end().0);
        // One draw for all: zones that were recorded together begin at the same place.
        let aligned = || streams.stream("replay", "", 0).uniform();
        let suppliers = model
            .pools
            .iter()
            .map(|p| {
                let supply = p.supply.as_deref()?;
                let random = supply.replays.iter().any(|(r, _)| r.offset == Offset::Random);
                let luck = if random { aligned() } else { 0.0 };
                let mut replays: Vec<(Replay, Duration, Cause)> =
                    supply.replays.iter().map(|(r, c)| (r.clone(), r.origin(replication, luck, need), *c)).collect();
                if let LaunchFailure::OnOff(market) = &supply.launch.fail {
                    let path = market.path(need, None, &mut streams.stream("launch-market", &p.name, 0));
                    let replay = Replay {
                        trace: path.into(),
                        offset: Offset::Fixed(Duration::ZERO),
                        wrap: true,
                        nodes_per_unit: u32::MAX,
                    };
                    replays.push((replay, Duration::ZERO, Cause::User));
                }
                Some(Box::new(Supplier {
                    slots: Vec::new(),
                    offered: 0,
                    running: 0,
                    luck: streams.stream("supply", &p.name, 0),
                    refused: 0,
                    blocked_until: SimTime::ZERO,
                    refill: None,
                    replays,
                    tally: PoolLosses { lost: vec![0; Cause::ALL.len()], ..PoolLosses::default() },
                }))
            })
            .collect();
        Risks { suppliers, any, ..Risks::default() }
    }

    pub fn supplier(&self, pool: PoolId) -> Option<&Supplier> {
        self.suppliers.get(pool.0 as usize)?.as_deref()
    }

    pub fn supplier_mut(&mut self, pool: PoolId) -> Option<&mut Supplier> {
        self.suppliers.get_mut(pool.0 as usize)?.as_deref_mut()
    }
}

impl World<'_, '_> {
    /// A node that was not there before joins what is known of risks.
    pub fn risk_new(&mut self, id: NodeId) {
        if !self.risks.any {
            return;
        }
        self.risks.jobs_on.push(smallvec::SmallVec::new());
        let pool = self.fleet.node(id).pool;
        let Some(supply) = self.supply(pool) else { return };
        let lemons = supply.hardware.as_ref().map(|h| h.lemons);
        if let Some(s) = self.risks.supplier_mut(pool) {
            s.slots.push(id);
        }
        if let Some(l) = lemons.filter(|l| l.share > 0.0)
            && self.luck_of(id).chance(l.share)
        {
            self.lives[id.0 as usize].weakness = l.factor;
        }
    }

    /// A node's own luck, keyed by its place in its pool: a policy that launches others meets the same.
    fn luck_of(&mut self, id: NodeId) -> &mut Stream {
        let pool = &self.model.pools[self.fleet.node(id).pool.0 as usize].name;
        let life = &mut self.lives[id.0 as usize];
        let ordinal = u64::from(life.ordinal);
        life.luck.get_or_insert_with(|| Box::new(self.streams.stream("life", pool, ordinal)))
    }

    /// Shocks know their members only once the nodes are there.
    pub fn open_shocks(&mut self) {
        for (k, shock) in self.model.shocks.iter().enumerate() {
            let nodes: Vec<NodeId> = shock
                .pools
                .iter()
                .filter_map(|p| self.risks.supplier(PoolId(*p)))
                .flat_map(|s| s.slots.iter().copied())
                .collect();
            for process in 0..shock.processes(nodes.len()) {
                let members = nodes[shock.members(process, nodes.len())].to_vec();
                let luck = self.streams.stream("shock", &shock.name, process as u64);
                let at = self.risks.shocks.len() as u32;
                self.risks.shocks.push(ShockProcess { shock: k, members, luck });
                self.next_shock(at);
            }
        }
    }

    fn next_shock(&mut self, at: u32) {
        let p = &mut self.risks.shocks[at as usize];
        let rate = self.model.shocks[p.shock].per_hour;
        let wait = hours(-p.luck.open().ln() / rate);
        if rate > 0.0 && self.now.0.checked_add(wait.0).is_some_and(|t| t < self.window.1.0) {
            self.schedule(self.now + wait, Event::Fleet(FleetEvent::Shock(at)));
        }
    }

    /// Several nodes are hit at once: those that the provider takes back are told so first.
    pub fn shock(&mut self, at: u32) {
        let ShockProcess { shock, members, .. } = &self.risks.shocks[at as usize];
        let (k, shock) = (*shock, &self.model.shocks[*shock]);
        let alive: Vec<NodeId> = members.iter().copied().filter(|n| self.is_given_out(*n)).collect();
        let victims = shock.victims(alive.len(), &mut self.risks.shocks[at as usize].luck);
        for v in victims {
            let id = alive[v];
            let notice = match shock.cause {
                Cause::Hardware | Cause::Software => Duration::ZERO,
                _ => self.notice_of(id),
            };
            self.doom(id, self.now + notice, shock.cause, shock.down.is_some().then_some(k));
        }
        self.next_shock(at);
    }

    /// Whether a node is there, working or not, and not yet told that it goes.
    fn is_given_out(&self, id: NodeId) -> bool {
        use NodeState::{Booting, Draining, Held, Ready};
        matches!(self.fleet.node(id).state, Booting | Ready | Held | Draining) && !self.lives[id.0 as usize].doomed
    }

    /// How long before its end a node is told: from the early signal on, where runs heed it.
    fn notice_of(&mut self, id: NodeId) -> Duration {
        let model = self.model;
        let Some(supply) = model.pools[self.fleet.node(id).pool.0 as usize].supply.as_deref() else {
            return Duration::ZERO;
        };
        let heeds = |w: &crate::scenario::model::Work| {
            w.run.as_deref().and_then(|r| r.checkpoint.on_notice).is_some_and(|n| n.early)
        };
        match &supply.notice.early {
            Some(_) if model.work.iter().any(heeds) => {
                Duration(supply.notice.kill.0 + supply.notice.early_lead(self.luck_of(id)).0)
            }
            _ => supply.notice.kill,
        }
    }

    /// A node is there from now on: draws what will become of it.
    pub fn settle_in(&mut self, id: NodeId) {
        let pool = self.fleet.node(id).pool;
        let model = self.model;
        let Some(supply) = model.pools[pool.0 as usize].supply.as_deref() else { return };
        let now = self.now;
        if let Some(s) = self.risks.supplier_mut(pool) {
            s.running += 1;
        }
        let mut taken: Option<(SimTime, Cause)> = None;
        for (law, cause) in &supply.lifetimes {
            let life = law.draw(now, self.luck_of(id));
            let at = SimTime(now.0.saturating_add(life.0));
            if taken.is_none_or(|(t, _)| at < t) {
                taken = Some((at, *cause));
            }
        }
        self.lives[id.0 as usize].doomed = false;
        self.lives[id.0 as usize].taken = taken;
        self.await_fate(id);
    }

    /// Arms the next of what may happen to a node: its reclaim, or a failure of its hardware or software.
    fn await_fate(&mut self, id: NodeId) {
        let model = self.model;
        let Some(supply) = model.pools[self.fleet.node(id).pool.0 as usize].supply.as_deref() else { return };
        let (now, end) = (self.now, self.window.1);
        let mut next = self.lives[id.0 as usize].taken;
        if let Some(h) = &supply.hardware {
            let weakness = self.lives[id.0 as usize].weakness;
            let luck = self.luck_of(id);
            let mut by = |mean: Duration, cause| {
                let wait = -luck.open().ln() * mean.0 as f64;
                let at = SimTime(now.0.saturating_add(wait as u64));
                if next.is_none_or(|(t, _)| at < t) {
                    next = Some((at, cause));
                }
            };
            by(Duration((h.node_mtbf.0 as f64 / weakness) as u64), Cause::Hardware);
            if let Some(mean) = h.software {
                by(mean, Cause::Software);
            }
        }
        let Some((at, cause)) = next else { return };
        let reclaim = !matches!(cause, Cause::Hardware | Cause::Software);
        let told = if reclaim { self.notice_of(id) } else { Duration::ZERO };
        let when = SimTime(at.0.saturating_sub(told.0)).max(now);
        if when >= end {
            return;
        }
        let e = if told.0 > 0 { FleetEvent::Notice(id) } else { FleetEvent::Lost(id) };
        let e = Event::Fleet(e);
        let timer = self.queue.arm(when, e.class(), e);
        self.lives[id.0 as usize].fate = Some(Fate { at, cause, timer, shock: None });
    }

    /// A node's fate is no longer its fate.
    pub fn forget_fate(&mut self, id: NodeId) {
        if let Some(f) = self.lives[id.0 as usize].fate.take() {
            self.queue.cancel(f.timer);
        }
    }

    /// Decides that a node will be lost then, whatever else would have become of it.
    pub fn doom(&mut self, id: NodeId, at: SimTime, cause: Cause, shock: Option<usize>) {
        self.forget_fate(id);
        let e = Event::Fleet(FleetEvent::Lost(id));
        if at < self.window.1 {
            let timer = self.queue.arm(at, e.class(), e);
            self.lives[id.0 as usize].fate = Some(Fate { at, cause, timer, shock });
        }
        if at > self.now {
            self.give_notice(id, at);
        }
    }

    /// A node's own notice is due.
    pub fn notice(&mut self, id: NodeId) {
        let Some(f) = self.lives[id.0 as usize].fate else { return };
        self.lives[id.0 as usize].fate = None;
        self.doom(id, f.at, f.cause, None);
        if f.at <= self.now {
            self.lost(id);
        }
    }

    /// A node is told that it will be taken back: it takes nothing new, and runs that can save themselves do.
    fn give_notice(&mut self, id: NodeId, at: SimTime) {
        self.lives[id.0 as usize].doomed = true;
        if matches!(self.fleet.node(id).state, NodeState::Ready | NodeState::Held | NodeState::Booting) {
            self.move_node(id, NodeState::Draining, None);
        }
        let jobs = self.risks.jobs_on[id.0 as usize].clone();
        for j in jobs {
            self.noticed(j, id, at);
        }
    }

    /// A node is lost at this instant.
    pub fn lost(&mut self, id: NodeId) {
        let (cause, shock) = match self.lives[id.0 as usize].fate.take() {
            Some(f) => {
                self.queue.cancel(f.timer);
                (f.cause, f.shock)
            }
            None => (Cause::Capacity, None),
        };
        self.mourn(id, cause, shock);
    }

    pub fn mourn(&mut self, id: NodeId, cause: Cause, shock: Option<usize>) {
        if self.risks.dead.is_empty() {
            self.schedule(self.now, Event::Fleet(FleetEvent::Reap));
        }
        self.risks.dead.push((id, cause, shock));
    }

    /// Whether a node is among those that are lost at this instant.
    pub fn is_dying(&self, id: NodeId) -> bool {
        self.risks.dead.iter().any(|(n, _, _)| *n == id)
    }

    /// How many nodes of a pool are lost at this instant.
    pub fn dying_in(&self, pool: PoolId) -> u32 {
        self.risks.dead.iter().filter(|(n, _, _)| self.fleet.node(*n).pool == pool).count() as u32
    }

    /// Works off everything that was lost at this instant.
    pub fn reap(&mut self) {
        let dead = self.risks.dead.clone();
        let ids: Vec<NodeId> = dead.iter().map(|(n, _, _)| *n).collect();
        let mut hit: BTreeSet<JobId> = BTreeSet::new();
        for n in &ids {
            hit.extend(self.risks.jobs_on[n.0 as usize].iter().copied());
        }
        for j in hit {
            let of = dead.iter().find(|(n, _, _)| self.jobs[j].pods.iter().any(|s| s.node == *n));
            let Some((n, cause, _)) = of else { continue };
            let (pool, cause) = (self.fleet.node(*n).pool, *cause);
            let mine = |n: &&NodeId| self.jobs[j].pods.iter().any(|s| s.node == **n);
            let nodes = ids.iter().filter(mine).count() as u32;
            self.interrupt(j, cause, pool, nodes, &ids);
        }
        let mut pools: BTreeSet<PoolId> = BTreeSet::new();
        for (n, cause, shock) in &dead {
            pools.insert(self.fleet.node(*n).pool);
            self.bury(*n, *cause, *shock);
        }
        self.risks.dead.clear();
        for p in pools {
            self.refill(p);
        }
    }

    /// Takes a lost node, now empty, out of service.
    fn bury(&mut self, id: NodeId, cause: Cause, shock: Option<usize>) {
        let pool = self.fleet.node(id).pool;
        self.count_loss(id, cause);
        if let Some(job) = self.lives[id.0 as usize].owner.take() {
            self.node_left(job, id);
        }
        let model = self.model;
        let Some(supply) = model.pools[pool.0 as usize].supply.as_deref() else { return };
        let (state, life) = (self.fleet.node(id).state, &self.lives[id.0 as usize]);
        let draining = state == NodeState::Draining && !life.doomed;
        // Cordoned to be cut anew, it does not leave.
        let (leaving, recut) = (draining && life.recut.is_none(), draining && life.recut.is_some());
        if cause == Cause::Software {
            if recut {
                self.emptied(id);
            }
            return if leaving { self.terminate(id) } else { self.await_fate(id) };
        }
        let repair = (cause == Cause::Hardware && supply.standing() && !supply.spot).then(|| {
            let down = shock.and_then(|k| model.shocks[k].down.as_ref());
            let luck = &mut self.risks.suppliers[pool.0 as usize].as_mut().expect("it has a supply").luck;
            let law = match (&supply.hardware, down) {
                (_, Some(law)) => Some(law),
                (Some(h), None) => Some(if luck.chance(h.reboot_share) { &h.reboot } else { &h.replace }),
                (None, None) => None,
            };
            law.map_or(Duration::ZERO, |law| hours(law.sample(luck).max(0.0)))
        });
        let billed = supply.hardware.as_ref().is_none_or(|h| h.billed);
        match repair {
            Some(_) if leaving => self.terminate(id),
            // Back at once: nothing but the interruption happened.
            Some(Duration(0)) => {
                if recut {
                    self.emptied(id);
                }
                self.await_fate(id);
            }
            Some(d) if billed => {
                self.move_node(id, NodeState::Broken, Some(cause));
                self.schedule(self.now + d, Event::Fleet(FleetEvent::Repaired(id)));
            }
            Some(d) => {
                self.take_away(id, EndedBy::Provider, cause);
                self.lives[id.0 as usize].in_repair = true;
                self.schedule(self.now + d, Event::Fleet(FleetEvent::Repaired(id)));
            }
            None => {
                self.take_away(id, EndedBy::Provider, cause);
                let until = self.now + supply.launch.unavailable_for;
                if let Some(s) = self.risks.supplier_mut(pool).filter(|_| !supply.standing()) {
                    s.blocked_until = s.blocked_until.max(until);
                }
            }
        }
    }

    /// Ends an empty node's bill and puts it out of reach until it is launched again.
    pub fn take_away(&mut self, id: NodeId, by: EndedBy, cause: Cause) {
        self.forget_fate(id);
        let pool = self.fleet.node(id).pool;
        if let Some(s) = self.risks.supplier_mut(pool) {
            s.running -= 1;
        }
        self.lives[id.0 as usize].doomed = false;
        self.lives[id.0 as usize].owner = None;
        self.bill_node(id, NodeState::Away, by, Some(cause));
    }

    /// A broken node works again.
    pub fn repaired(&mut self, id: NodeId) {
        self.lives[id.0 as usize].in_repair = false;
        self.lives[id.0 as usize].born = self.now;
        let was = self.fleet.node(id).state;
        self.move_node(id, NodeState::Ready, None);
        if was == NodeState::Away {
            self.settle_in(id);
        } else {
            self.await_fate(id);
        }
    }

    /// A running job has lost nodes.
    fn interrupt(&mut self, id: JobId, cause: Cause, pool: PoolId, nodes: u32, dead: &[NodeId]) {
        let leaves = self.leaves_after(id, dead);
        let work = self.jobs[id].work;
        if self.now >= self.window.0 && self.jobs[id].run.as_deref().is_some_and(|r| r.saving.is_some()) {
            self.tally.runs[work as usize].saves_failed += 1;
        }
        self.wound(id, cause, pool, nodes, leaves);
        self.tally.interrupted(self.jobs[id].work);
        self.put_back(id, leaves);
    }
}
