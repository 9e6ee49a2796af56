//! Runs that buy their own capacity: they decide, launch, move between markets, and give back.
//!
//! A run holds whole nodes that it launched and nobody else uses. It decides at every tick of its own clock and whenever
//! something happened to it, after all that an instant brings: a policy sees the state after a preemption.

use smallvec::SmallVec;

use super::event::{Event, JobEvent};
use super::jobs::JobId;
use super::runs::{Leaves, RunState};
use super::world::World;
use crate::catalog::EndedBy;
use crate::fleet::{Gpus, NodeId, NodeState, PoolId};
use crate::kernel::Timer;
use crate::market::Cause;
use crate::outcome::Stretch;
use crate::policy::placement::Spot;
use crate::policy::spot::diversify::{PoolView, spread};
use crate::policy::spot::{Market, Purchase, Purchaser, View, Want};
use crate::scenario::model::Buying;
use crate::units::{Activity, Duration, Rate, SimTime, Usd};

/// What a run that buys knows beside what every run does.
#[derive(Clone, Debug)]
pub(super) struct Buyer {
    purchaser: Purchaser,
    /// Launched for it and not known to go.
    pub nodes: Vec<NodeId>,
    /// The market that its policy chose last.
    market: Option<Market>,
    /// Lost spot since its last decision.
    pub preempted: bool,
    /// Where it goes once it has saved itself.
    moving: Option<Market>,
    /// The next decision by the clock.
    tick: Option<Timer>,
    /// A decision at this instant, because something happened.
    soon: Option<Timer>,
    launched: SimTime,
}

impl Buyer {
    /// Its timers, to be cancelled when the run leaves.
    pub fn timers(&mut self) -> impl Iterator<Item = Timer> {
        [self.tick.take(), self.soon.take()].into_iter().flatten()
    }
}

impl World<'_, '_> {
    fn buying(&self, id: JobId) -> Option<&Buying> {
        self.run_spec(self.jobs[id].work)?.buying.as_deref()
    }

    pub fn buyer(&mut self, id: JobId) -> Option<&mut Buyer> {
        self.jobs[id].run.as_deref_mut()?.buyer.as_deref_mut()
    }

    pub fn is_bought(&self, id: JobId) -> bool {
        self.jobs[id].run.as_deref().is_some_and(|r| r.buyer.is_some())
    }

    /// A run arrives that buys its own capacity: it waits, and decides at once.
    pub fn manage(&mut self, id: JobId) {
        let Some(buying) = self.buying(id) else { return };
        let buyer = Buyer {
            purchaser: Purchaser::new(buying.purchase),
            nodes: Vec::new(),
            market: None,
            preempted: false,
            moving: None,
            tick: None,
            soon: None,
            launched: self.now,
        };
        if let Some(r) = self.jobs[id].run.as_deref_mut() {
            r.buyer = Some(Box::new(buyer));
        }
        self.join_unplaced();
        self.decide_soon(id);
    }

    fn join_unplaced(&mut self) {
        self.unplaced += 1;
        self.tally.queue_length(self.now, self.waiting.len() + self.unplaced);
    }

    /// A waiting run's wait is over.
    pub fn leave_unplaced(&mut self, id: JobId) {
        self.unplaced -= 1;
        self.tally.queue_length(self.now, self.waiting.len() + self.unplaced);
        let l = &self.jobs[id];
        let first = self.first_choice(l);
        self.tally.waited(l, first, self.now);
    }

    fn decide_soon(&mut self, id: JobId) {
        let e = Event::Job(JobEvent::Decide(id));
        if self.buyer(id).is_some_and(|b| b.soon.is_none()) {
            let timer = self.queue.arm(self.now, e.class(), e);
            if let Some(b) = self.buyer(id) {
                b.soon = Some(timer);
            }
        }
    }

    /// The decision that was due: by the clock, or because something happened.
    pub fn decide(&mut self, id: JobId) {
        let now = self.now;
        let arrived = self.jobs[id].job.arrive;
        let Some(tick) = self.buying(id).map(|b| b.tick.0.max(1)) else { return };
        let e = Event::Job(JobEvent::Decide(id));
        // The other decision of this instant, if there is one, is this one.
        let timers: SmallVec<[Timer; 2]> = self.buyer(id).into_iter().flat_map(Buyer::timers).collect();
        for t in timers {
            self.queue.cancel(t);
        }
        let next = arrived + Duration((now.since(arrived).0 / tick + 1) * tick);
        let timer = (next < self.window.1).then(|| self.queue.arm(next, e.class(), e));
        if let Some(b) = self.buyer(id) {
            b.tick = timer;
        }
        if self.jobs[id].run.as_deref().is_none_or(|r| r.saving.is_some()) {
            return;
        }
        let view = self.view(id);
        let Some(b) = self.buyer(id) else { return };
        b.preempted = false;
        // A move that was decided before a save is made after it, if it still can be: asked again, a policy with a
        // cooldown would say that it has only just moved. The deadline has the last word.
        let guarded = |v: &View| Purchaser::new(Purchase::Greedy).decide(v) == Want::OnDemand;
        let want = match b.moving.take().filter(|_| !view.preempted) {
            Some(Market::Spot) if view.spot && !guarded(&view) => Want::Spot,
            Some(Market::OnDemand) if view.on_demand => Want::OnDemand,
            _ => b.purchaser.decide(&view),
        };
        self.act(id, view.running, want);
    }

    /// What the policy sees.
    fn view(&self, id: JobId) -> View {
        let l = &self.jobs[id];
        let (Some(r), Some(buying)) = (l.run.as_deref(), self.buying(id)) else { unreachable!("only buyers decide") };
        let b = r.buyer.as_deref().expect("only buyers decide");
        let whole = b.nodes.len() >= usize::from(l.job.pods);
        let running = b.market.filter(|_| l.is_running() || whole);
        let tax = self.run_spec(l.work).map_or(0, |s| s.redundancy_ppm);
        let speed = self.plan_speed(l.work) * (1.0 - f64::from(tax) / 1e6);
        let pace = self.run_spec(l.work).map(|s| s.checkpoint.pace).unwrap_or_default();
        let lasts = |work: Duration| pace.lasts(work.at_speed(speed));
        let work = lasts(l.job.work);
        let (done_here, safe_here) = if l.is_running() {
            let reached = r.reached(l.start, self.now);
            (r.work_of(reached.done), r.work_of(reached.durable))
        } else {
            (Duration::ZERO, Duration::ZERO)
        };
        let done = work - lasts(r.left - done_here).min(work);
        // On demand nothing is taken back.
        let safe = if running == Some(Market::OnDemand) { done } else { work - lasts(r.left - safe_here).min(work) };
        let settling = if l.is_running() {
            SimTime(l.start.0.saturating_add(r.set_up.0.min(buying.overhead.0))).since(self.now)
        } else if whole {
            buying.overhead
        } else {
            Duration::ZERO
        };
        let need = u32::from(l.job.pods);
        let price = |m| {
            let all = self.pools_of(l.work, m).map(|p| self.price_now(p));
            all.min().unwrap_or(Rate(0))
        };
        View {
            t: self.now - l.job.arrive,
            tick: Duration(buying.tick.0.max(1)),
            work,
            deadline: buying.deadline,
            done,
            safe: safe.min(done),
            running,
            settling,
            overhead: buying.overhead,
            spot: running == Some(Market::Spot) || self.can_have(id, Market::Spot, need),
            on_demand: running == Some(Market::OnDemand) || self.can_have(id, Market::OnDemand, need),
            preempted: b.preempted,
            prices: (price(Market::Spot), price(Market::OnDemand)),
        }
    }

    /// The slowest speed that a run may have to do with: what its plans reckon with.
    fn plan_speed(&self, work: u16) -> f64 {
        let w = &self.model.work[work as usize];
        let speeds = self.pools_of(work, Market::Spot).chain(self.pools_of(work, Market::OnDemand));
        speeds.map(|p| w.speed[p.0 as usize]).fold(f64::INFINITY, f64::min).min(1e9)
    }

    /// The pools of a market that a workload may launch in, in the scenario's order.
    fn pools_of(&self, work: u16, market: Market) -> impl Iterator<Item = PoolId> + '_ {
        let tiers = self.model.work[work as usize].tiers.len();
        let open = self.model.open_pools(work as usize, 0, tiers);
        open.iter()
            .filter(move |p| self.supply(*p).is_some_and(|s| s.on_request() && s.spot == (market == Market::Spot)))
    }

    fn price_now(&self, pool: PoolId) -> Rate {
        let t = &self.model.pools[pool.0 as usize].tariff;
        let step = t.steps.partition_point(|s| s.from <= self.now).max(1) - 1;
        t.steps[step].rate
    }

    /// How many nodes of a pool could be launched now.
    fn room(&self, pool: PoolId) -> u32 {
        let (Some(s), Some(supply)) = (self.risks.supplier(pool), self.supply(pool)) else { return 0 };
        if self.now < s.blocked_until {
            return 0;
        }
        s.room(supply.launch.quota).min(self.away(pool).len() as u32)
    }

    fn can_have(&self, id: JobId, market: Market, need: u32) -> bool {
        let Some(buying) = self.buying(id) else { return false };
        let least = self.least(id).min(need);
        let mut room = self.pools_of(self.jobs[id].work, market).map(|p| self.room(p));
        if buying.spread { room.sum::<u32>() >= least } else { room.any(|r| r >= least) }
    }

    /// The least nodes that the run can compute on.
    fn least(&self, id: JobId) -> u32 {
        let all = u32::from(self.jobs[id].job.pods);
        self.buying(id).map_or(all, |b| u32::from(b.least).clamp(1, all))
    }

    /// Does what the policy wants.
    fn act(&mut self, id: JobId, running: Option<Market>, want: Want) {
        let market = match want {
            Want::Nothing => None,
            Want::Spot => Some(Market::Spot),
            Want::OnDemand => Some(Market::OnDemand),
        };
        if let Some(m) = running.filter(|_| running == market) {
            // It may have stopped to save itself for a move that is not wanted any longer.
            self.start_if_whole(id);
            if self.least(id) < u32::from(self.jobs[id].job.pods) {
                self.buy(id, m);
            }
            return;
        }
        if self.jobs[id].is_running() {
            if self.save_first(id) {
                let saving = self.jobs[id].run.as_deref().is_some_and(|r| r.saving.is_some());
                if let Some(b) = self.buyer(id).filter(|_| saving) {
                    b.moving = market;
                }
                return;
            }
            self.put_back(id, Leaves::Everything);
        }
        let moves = self.buyer(id).is_some_and(|b| b.market != market);
        if moves || market.is_none() {
            self.release(id);
        }
        if let Some(m) = market {
            self.buy(id, m);
        }
    }

    /// Stops a running job and lets it wait again: in the queue, or for its own decision.
    pub fn put_back(&mut self, id: JobId, leaves: Leaves) {
        if !self.is_bought(id) {
            self.requeue_leaving(id, leaves);
            return;
        }
        self.halt(id, leaves);
        let now = self.now;
        self.join_unplaced();
        // Nodes that are known to go are no longer the run's.
        let doomed: Vec<NodeId> = {
            let lives = &self.lives;
            let Some(b) = self.jobs[id].run.as_deref_mut().and_then(|r| r.buyer.as_deref_mut()) else { return };
            let gone = b.nodes.iter().copied().filter(|n| lives[n.0 as usize].doomed).collect();
            b.nodes.retain(|n| !lives[n.0 as usize].doomed);
            gone
        };
        for n in doomed {
            self.lives[n.0 as usize].owner = None;
        }
        if let Some(r) = self.jobs[id].run.as_deref_mut() {
            r.idle_since = now;
        }
        self.decide_soon(id);
    }

    /// A node of a run is lost.
    pub fn node_left(&mut self, id: JobId, node: NodeId) {
        let hold = self.buying(id).is_some_and(|b| b.hold_survivors);
        let Some(b) = self.buyer(id) else { return };
        b.nodes.retain(|n| *n != node);
        b.preempted = true;
        let left = b.nodes.len() as u32;
        let enough = left >= self.least(id) && self.least(id) < u32::from(self.jobs[id].job.pods);
        if enough && !self.jobs[id].is_running() {
            if let Some(r) = self.jobs[id].run.as_deref_mut() {
                r.reshapes = r.begun;
            }
            self.start_if_whole(id);
        } else if !hold && !self.jobs[id].is_running() {
            self.release(id);
        }
        self.decide_soon(id);
    }

    /// Gives back every node that the run holds.
    pub fn release(&mut self, id: JobId) {
        let Some(b) = self.buyer(id) else { return };
        b.market = None;
        let nodes = std::mem::take(&mut b.nodes);
        for n in nodes {
            self.lives[n.0 as usize].owner = None;
            // A node that is lost at this very instant goes the way of the lost.
            if self.lives[n.0 as usize].doomed || self.is_dying(n) {
                continue;
            }
            self.count_survivor(n);
            self.take_away(n, EndedBy::User, Cause::User);
        }
    }

    /// Launches what the run is short of in a market. A gang is launched whole or not at all.
    fn buy(&mut self, id: JobId, market: Market) {
        let (work, all) = (self.jobs[id].work, u32::from(self.jobs[id].job.pods));
        let Some(buying) = self.model.work[work as usize].run.as_deref().and_then(|r| r.buying.as_deref()) else {
            return;
        };
        let held = self.buyer(id).map_or(0, |b| b.nodes.len() as u32);
        let (mut need, least) = (all.saturating_sub(held), self.least(id));
        if need == 0 {
            return;
        }
        // Nodes that are always on demand, bought with the first of the others.
        let mut plan: Vec<(PoolId, u32)> = Vec::new();
        if market == Market::Spot
            && held == 0
            && let Some(base) = buying.base
        {
            let (on_demand, spot) = base.of(all);
            let Some(pool) = self.pools_of(work, Market::OnDemand).find(|p| self.room(*p) >= on_demand) else { return };
            if on_demand > 0 {
                plan.push((pool, on_demand));
            }
            need = spot;
        }
        let pools: Vec<PoolId> = self.pools_of(work, market).collect();
        let views: Vec<PoolView> = pools.iter().map(|p| self.pool_view(*p)).collect();
        let order: Vec<PoolId> = buying.allocation.order(&views).into_iter().map(|i| pools[i]).collect();
        let short = least.saturating_sub(held).min(need).max(1);
        if need == 0 {
            self.grant(id, market, &plan);
            return;
        }
        if buying.spread {
            let room: Vec<u32> = order.iter().map(|p| self.room(*p)).collect();
            let parts = spread(need, &vec![0; order.len()], &room);
            if parts.iter().sum::<u32>() >= short {
                plan.extend(order.iter().copied().zip(parts).filter(|(_, n)| *n > 0));
                self.grant(id, market, &plan);
                return;
            }
        } else {
            for p in &order {
                let room = self.room(*p);
                if room >= short && self.try_launch(*p) {
                    plan.push((*p, room.min(need)));
                    self.grant(id, market, &plan);
                    return;
                }
            }
        }
        if let Some(p) = order.first() {
            self.refused(*p);
        }
    }

    /// Launches nodes that were granted.
    fn grant(&mut self, id: JobId, market: Market, plan: &[(PoolId, u32)]) {
        let now = self.now;
        let mut launched = Vec::new();
        for (pool, n) in plan {
            for node in self.away(*pool).into_iter().take(*n as usize) {
                self.launch(node, Some(id));
                launched.push(node);
            }
        }
        let Some(b) = self.buyer(id) else { return };
        b.launched = now;
        b.nodes.extend(launched);
        b.market = Some(market);
        self.node_joined(id);
    }

    fn pool_view(&self, pool: PoolId) -> PoolView {
        let losses = self.risks.supplier(pool).map(|s| s.losses().clone()).unwrap_or_default();
        let hazard = losses.mean_hours_to_loss().map_or(0.0, |h| 1.0 / h);
        let price = self.price_now(pool);
        PoolView { price, capacity: f64::from(self.room(pool)), hazard, interruption: Usd(price.0) }
    }

    /// A node that a run launched is up.
    pub fn node_joined(&mut self, id: JobId) {
        if self.jobs[id].is_running() {
            let booting = |n: &NodeId| self.fleet.node(*n).state == NodeState::Booting;
            let waits = self.jobs[id]
                .run
                .as_deref()
                .and_then(|r| r.buyer.as_deref())
                .is_some_and(|b| b.nodes.iter().any(booting));
            let saving = self.jobs[id].run.as_deref().is_some_and(|r| r.saving.is_some());
            if waits || saving {
                return;
            }
            // An elastic run takes in what has come: it stops, keeps everything, and goes on in another shape.
            self.halt(id, Leaves::Everything);
            self.join_unplaced();
            let now = self.now;
            if let Some(r) = self.jobs[id].run.as_deref_mut() {
                (r.reshapes, r.idle_since) = (r.begun, now);
            }
        }
        self.start_if_whole(id);
    }

    /// Starts a run when all of its nodes are up and enough.
    fn start_if_whole(&mut self, id: JobId) {
        let (pods, least) = (u32::from(self.jobs[id].job.pods), self.least(id));
        let Some(b) = self.jobs[id].run.as_deref().and_then(|r| r.buyer.as_deref()) else { return };
        let n = b.nodes.len() as u32;
        let up = |node: &NodeId| self.fleet.node(*node).state == NodeState::Held && !self.is_dying(*node);
        let enough = n >= pods || (least < pods && n >= least);
        if self.jobs[id].is_running() || !enough || !b.nodes.iter().all(up) {
            return;
        }
        let request = self.jobs[id].job.request;
        let mask = Gpus::of(((1_u32 << request.gpus) - 1) as u16);
        let launched = b.launched;
        let spots: SmallVec<[Spot; 1]> = b.nodes.iter().map(|n| Spot { node: *n, gpus: mask }).collect();
        self.note_wait(id, launched);
        for s in &spots {
            self.place(*s, &request);
        }
        self.leave_unplaced(id);
        self.begin(id, spots);
    }

    /// How fast a run is on so many of its nodes, relative to all of them.
    pub fn share_of_speed(&self, id: JobId, nodes: usize) -> f64 {
        let l = &self.jobs[id];
        let all = usize::from(l.job.pods);
        let Some(b) = self.buying(id).filter(|_| nodes < all) else { return 1.0 };
        b.efficiency.get(nodes.wrapping_sub(1)).copied().unwrap_or(nodes as f64 / all as f64)
    }

    /// The wait and the boot that end now, for the timeline.
    fn note_wait(&mut self, id: JobId, launched: SimTime) {
        let Some(r) = self.jobs[id].run.as_deref() else { return };
        let (since, now) = (r.idle_since, self.now);
        let pool = r.buyer.as_deref().and_then(|b| b.nodes.first()).map(|n| self.fleet.node(*n).pool);
        // Without a launch since it stopped there was no boot either.
        let launched = if launched < since { now } else { launched };
        self.timeline(id, None, None, since, launched);
        self.timeline(id, pool, Some(Activity::Boot), launched, now);
    }

    /// Adds a stretch to the timeline of a run that buys.
    pub fn timeline(
        &mut self,
        id: JobId,
        pool: Option<PoolId>,
        activity: Option<Activity>,
        from: SimTime,
        to: SimTime,
    ) {
        let (a, b) = (from.max(self.window.0), to.min(self.window.1));
        if a >= b || !self.is_bought(id) {
            return;
        }
        let l = &self.jobs[id];
        let pool = pool.map(|p| &self.model.pools[p.0 as usize]);
        let stretch = Stretch {
            ordinal: l.ordinal,
            pool: pool.map(|p| p.name.clone()).unwrap_or_default(),
            market: pool.map(|p| p.market.clone()).unwrap_or_default(),
            activity,
            from_ns: (a - self.window.0).0,
            to_ns: (b - self.window.0).0,
        };
        self.tally.runs[l.work as usize].timeline(stretch);
    }
}

impl RunState {
    /// The work at speed 1 that so much of the present attempt's compute is.
    pub fn work_of(&self, computed: Duration) -> Duration {
        if computed >= self.wall {
            return self.left;
        }
        if self.speed == 1.0 {
            return computed.min(self.left);
        }
        Duration((computed.0 as f64 * self.speed).round() as u64).min(self.left)
    }
}
