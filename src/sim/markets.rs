//! Pools whose nodes come and go: what their markets offer, and launching what was lost or is asked for.

use super::event::{Event, FleetEvent};
use super::jobs::JobId;
use super::world::World;
use crate::fleet::{NodeId, NodeState, PoolId};
use crate::kernel::{Dist, Stream, Timer};
use crate::market::{Cause, LaunchFailure, Replay};
use crate::outcome::{Exact, PoolLosses};
use crate::scenario::model::Supply;
use crate::units::{Duration, SimTime};

/// What is behind a pool whose nodes come and go.
#[derive(Clone, Debug)]
pub(super) struct Supplier {
    /// Its nodes, by ordinal.
    pub slots: Vec<NodeId>,
    /// What the market offers, each with where it begins.
    pub replays: Vec<(Replay, Duration, Cause)>,
    /// Nodes on offer now.
    pub offered: u32,
    /// Nodes that the provider has given out.
    pub running: u32,
    /// Luck of the pool: launches, boots, repairs.
    pub luck: Stream,
    /// Refusals in a row.
    pub refused: u32,
    /// No launch before that.
    pub blocked_until: SimTime,
    pub refill: Option<Timer>,
    pub tally: PoolLosses,
}

impl Supplier {
    /// What is on offer to those who launch: the least of all replays. A market that only refuses launches takes nothing
    /// back.
    pub fn on_offer(&self, now: SimTime) -> u32 {
        self.replays.iter().map(|(r, origin, _)| r.at(*origin, now)).min().unwrap_or(u32::MAX)
    }

    /// What may go on running.
    pub fn tolerated(&self, now: SimTime) -> (u32, Cause) {
        self.replays
            .iter()
            .filter(|(_, _, c)| *c != Cause::User)
            .map(|(r, origin, c)| (r.at(*origin, now), *c))
            .min_by_key(|(n, _)| *n)
            .unwrap_or((u32::MAX, Cause::Capacity))
    }

    pub fn next_change(&self, now: SimTime) -> Option<SimTime> {
        self.replays.iter().filter_map(|(r, origin, _)| r.next_change(*origin, now)).map(|(t, _)| t).min()
    }

    /// What happened to its nodes so far.
    pub const fn losses(&self) -> &PoolLosses {
        &self.tally
    }

    /// How many more nodes could be launched now.
    pub fn room(&self, quota: Option<u32>) -> u32 {
        let by_market = self.offered.saturating_sub(self.running);
        quota.map_or(by_market, |q| by_market.min(q.saturating_sub(self.running)))
    }
}

impl World<'_, '_> {
    pub fn supply(&self, pool: PoolId) -> Option<&Supply> {
        self.model.pools[pool.0 as usize].supply.as_deref()
    }

    /// Puts markets and shocks into motion, at the epoch: what is on offer first, then nodes, then shocks.
    pub fn open_markets(&mut self) {
        for i in 0..self.risks.suppliers.len() {
            let pool = PoolId(i as u16);
            if let Some(s) = self.risks.supplier_mut(pool) {
                s.offered = s.on_offer(SimTime::ZERO);
                self.next_capacity(pool);
            }
        }
    }

    pub fn count_loss(&mut self, id: NodeId, cause: Cause) {
        let (now, window) = (self.now, self.window);
        let born = self.lives[id.0 as usize].born;
        let pool = self.fleet.node(id).pool;
        if let Some(s) = self.risks.supplier_mut(pool)
            && now >= window.0
        {
            s.tally.lost[cause as usize] += 1;
            s.tally.lives.record((now - born).0);
            s.tally.up_ns = Exact(s.tally.up_ns.0 + u128::from(now.since(born.max(window.0)).0));
        }
        self.lives[id.0 as usize].born = now;
    }

    /// A node has booted.
    pub fn count_boot(&mut self, id: NodeId) {
        let (now, born) = (self.now, self.lives[id.0 as usize].born);
        let (pool, counts) = (self.fleet.node(id).pool, now >= self.window.0);
        if let Some(s) = self.risks.supplier_mut(pool).filter(|_| counts) {
            s.tally.boots.record((now - born).0);
        }
    }

    /// A node that was not lost leaves, or the run ends with it.
    pub fn count_survivor(&mut self, id: NodeId) {
        let (now, window) = (self.now, self.window);
        let born = self.lives[id.0 as usize].born;
        let pool = self.fleet.node(id).pool;
        if let Some(s) = self.risks.supplier_mut(pool)
            && now >= window.0
        {
            s.tally.survived.record((now - born).0);
            s.tally.up_ns = Exact(s.tally.up_ns.0 + u128::from(now.since(born.max(window.0)).0));
        }
    }

    pub fn losses_of(&self, pool: PoolId) -> Option<PoolLosses> {
        self.risks.supplier(pool).map(|s| s.tally.clone())
    }

    /// What a market offers changes.
    pub fn capacity(&mut self, pool: PoolId) {
        let now = self.now;
        // Who was told of this change is lost at the same instant, and still counted as running.
        let dying = self.dying_in(pool);
        let Some(s) = self.risks.supplier_mut(pool) else { return };
        s.offered = s.on_offer(now);
        let (tolerated, cause) = s.tolerated(now);
        let over = s.running.saturating_sub(dying).saturating_sub(tolerated);
        for id in self.youngest(pool, over, true) {
            self.forget_fate(id);
            self.mourn(id, cause, None);
        }
        self.next_capacity(pool);
        if over == 0 {
            self.refill(pool);
        }
    }

    /// What a market offers is about to shrink: those who will have to go are told.
    pub fn capacity_notice(&mut self, pool: PoolId) {
        let Some(s) = self.risks.supplier(pool) else { return };
        let Some(at) = s.next_change(self.now) else { return };
        let (tolerated, cause) = s.tolerated(at);
        let over = s.running.saturating_sub(tolerated);
        for id in self.youngest(pool, over, true) {
            if !self.lives[id.0 as usize].doomed {
                self.doom(id, at, cause, None);
            }
        }
    }

    /// The youngest nodes of a pool that the provider has given out.
    pub fn youngest(&self, pool: PoolId, n: u32, doomed_first: bool) -> Vec<NodeId> {
        let Some(s) = self.risks.supplier(pool) else { return Vec::new() };
        if n == 0 {
            return Vec::new();
        }
        let there = |id: &&NodeId| {
            let state = self.fleet.node(**id).state;
            state.is_billed() && state != NodeState::Broken && !self.is_dying(**id)
        };
        let mut nodes: Vec<NodeId> = s.slots.iter().filter(there).copied().collect();
        nodes.sort_by_key(|id| {
            let l = &self.lives[id.0 as usize];
            (std::cmp::Reverse(doomed_first && l.doomed), std::cmp::Reverse((l.born, *id)))
        });
        nodes.truncate(n as usize);
        nodes
    }

    pub fn next_capacity(&mut self, pool: PoolId) {
        let (now, end) = (self.now, self.window.1);
        let notice = self.supply(pool).map_or(Duration::ZERO, |s| s.notice.kill);
        let Some(at) = self.risks.supplier(pool).and_then(|s| s.next_change(now)).filter(|at| *at < end) else {
            return;
        };
        self.schedule(at, Event::Fleet(FleetEvent::Capacity(pool)));
        if notice.0 > 0 {
            let told = SimTime(at.0.saturating_sub(notice.0)).max(now);
            self.schedule(told, Event::Fleet(FleetEvent::CapacityNotice(pool)));
        }
    }

    /// Launches again what a standing pool has lost, as far as the market allows.
    pub fn refill(&mut self, pool: PoolId) {
        let model = self.model;
        let Some(supply) = model.pools[pool.0 as usize].supply.as_deref().filter(|s| s.standing()) else { return };
        if let Some(t) = self.risks.supplier_mut(pool).and_then(|s| s.refill.take()) {
            self.queue.cancel(t);
        }
        let away: Vec<NodeId> = self.away(pool);
        for id in away {
            if self.risks.supplier(pool).is_none_or(|s| s.room(supply.launch.quota) == 0) {
                return;
            }
            if !self.try_launch(pool) {
                let wait = self.blocked(pool).since(self.now).0.max(1);
                let e = Event::Fleet(FleetEvent::Refill(pool));
                let timer = self.queue.arm(self.now + Duration(wait), e.class(), e);
                if let Some(s) = self.risks.supplier_mut(pool) {
                    s.refill = Some(timer);
                }
                return;
            }
            self.launch(id, None);
        }
    }

    pub fn blocked(&self, pool: PoolId) -> SimTime {
        self.risks.supplier(pool).map_or(SimTime::ZERO, |s| s.blocked_until)
    }

    /// The nodes of a pool that could be launched, by ordinal.
    pub fn away(&self, pool: PoolId) -> Vec<NodeId> {
        let Some(s) = self.risks.supplier(pool) else { return Vec::new() };
        let free =
            |id: &&NodeId| self.fleet.node(**id).state == NodeState::Away && !self.lives[id.0 as usize].in_repair;
        s.slots.iter().filter(free).copied().collect()
    }

    /// Asks the provider for a node, or for a gang of them at once: whether it is granted. A refusal blocks the pool for
    /// a while.
    pub fn try_launch(&mut self, pool: PoolId) -> bool {
        let model = self.model;
        let Some(supply) = model.pools[pool.0 as usize].supply.as_deref() else { return false };
        let (now, counts) = (self.now, self.now >= self.window.0);
        let Some(s) = self.risks.supplier_mut(pool) else { return false };
        let refused = match supply.launch.fail {
            LaunchFailure::Chance(p) => s.luck.chance(p),
            LaunchFailure::Never | LaunchFailure::OnOff(_) => false,
        };
        if refused {
            let wait = supply.launch.backoff.wait(s.refused, &mut s.luck);
            s.refused += 1;
            let wait = (supply.launch.fail_latency.0 + wait.0).max(supply.launch.unavailable_for.0);
            s.blocked_until = now + Duration(wait.max(1));
            s.tally.launches_failed += u64::from(counts);
        } else {
            s.refused = 0;
        }
        !refused
    }

    /// Notes a launch that the market could not serve.
    pub fn refused(&mut self, pool: PoolId) {
        let counts = self.now >= self.window.0;
        if let Some(s) = self.risks.supplier_mut(pool) {
            s.tally.launches_failed += u64::from(counts);
        }
    }

    /// Launches a node that was granted: it is billed, boots, and is ready.
    pub fn launch(&mut self, id: NodeId, owner: Option<JobId>) {
        let pool = self.fleet.node(id).pool;
        let model = self.model;
        let Some(supply) = model.pools[pool.0 as usize].supply.as_deref() else { return };
        let (now, counts) = (self.now, self.now >= self.window.0);
        let Some(s) = self.risks.supplier_mut(pool) else { return };
        s.tally.launches += u64::from(counts);
        let boot = match &supply.launch.boot {
            law @ Dist::Constant(_) => law.mean(),
            law => law.sample(&mut s.luck),
        };
        let boot = Duration::from_secs_f64(boot.max(0.0));
        self.lives[id.0 as usize].owner = owner;
        self.lives[id.0 as usize].born = now;
        self.lives[id.0 as usize].ready_at = now + boot;
        let up = if owner.is_some() { NodeState::Held } else { NodeState::Ready };
        self.move_node(id, if boot.0 > 0 { NodeState::Booting } else { up }, None);
        self.settle_in(id);
        if boot.0 > 0 {
            self.schedule(now + boot, Event::Fleet(FleetEvent::Ready(id)));
        }
    }
}
