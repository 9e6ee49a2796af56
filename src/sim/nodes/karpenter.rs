//! Karpenter at work in the world: batches of pods that wait, launches, passes of disruption, commands under way.

use rustc_hash::FxHashMap;

use super::view::{Seen, view_of};
use super::watch::Machine;
use super::{Brain, Nodes, NodesEvent, Removal, Tally, event};
use crate::fleet::{NodeId, NodeState, PoolId, PoolSet};
use crate::kernel::Timer;
use crate::policy::karpenter::{
    self as policy, Batcher, Command, Compat, InstanceType, Method, Node, NodeIx, Planned, PodIx, PoolIx, Set, Shape,
    ShapeIx, Value, Verdict, offer, retries_for,
};
use crate::scenario::model::{Karpenter, Model, NODE_POOL};
use crate::sim::world::World;
use crate::units::{Duration, Rate, SimTime};
use crate::workload::Request;

/// How often a pod that nothing could be done for is looked at again: ten seconds until it is told to the batcher anew,
/// and one for the batch (`pkg/controllers/provisioning/controller.go`).
const STILL_PENDING: Duration = Duration::from_secs(11);

/// Karpenter's own state.
pub(super) struct KarpenterState<'m> {
    pub model: &'m Karpenter,
    policy: policy::Karpenter,
    batcher: Batcher,
    batch: Option<(Timer, SimTime)>,
    unavailable: offer::Unavailable,
    /// What may be launched, at today's prices.
    pub types: Vec<InstanceType>,
    /// By pool: a node of it; none where the queue's pods never run.
    pub templates: Vec<Option<Node>>,
    /// By pool: which of the model's offers it is.
    offer_of: Vec<Option<usize>>,
    pub shapes: Vec<Shape>,
    pub shape_of: FxHashMap<(Request, PoolSet), ShapeIx>,
    /// A decision that waits to be checked, with its nodes.
    checking: Option<(Command, Vec<Machine>)>,
    /// Decisions whose replacements are on their way.
    ongoing: Vec<Ongoing>,
    /// The world, as it was seen last.
    pub seen: Seen,
    /// The last pass found nothing: the world's revision then, and until when that stands.
    idle: Option<(u64, SimTime)>,
}

/// Nodes that go when those that take their place are ready.
#[derive(Clone, Debug)]
struct Ongoing {
    nodes: Vec<Machine>,
    replacements: Vec<Machine>,
    why: Removal,
    since: SimTime,
}

const fn removal(m: Method) -> Removal {
    match m {
        Method::Emptiness => Removal::Empty,
        Method::Drift => Removal::Drifted,
        Method::Expiration => Removal::Expired,
        Method::MultiNode | Method::SingleNode => Removal::Underutilized,
    }
}

impl<'m> KarpenterState<'m> {
    pub fn of(model: &'m Model, k: &'m Karpenter) -> KarpenterState<'m> {
        let mut offer_of = vec![None; model.pools.len()];
        for (i, o) in k.offers.iter().enumerate() {
            offer_of[o.pool.0 as usize] = Some(i);
        }
        let templates = (0..model.pools.len())
            .map(|i| match offer_of[i] {
                Some(o) => {
                    let o = &k.offers[o];
                    let t = &k.types[o.instance.0 as usize];
                    Some(Node::of(PoolIx(o.node_pool), o.instance, t, o.offering))
                }
                None => standing_node(model, k, i),
            })
            .collect();
        KarpenterState {
            model: k,
            policy: policy::Karpenter::new(k.config.clone(), &k.pools)
                .expect("settings are checked when a scenario is resolved"),
            batcher: Batcher::default(),
            batch: None,
            unavailable: offer::Unavailable::default(),
            types: k.types.clone(),
            templates,
            offer_of,
            shapes: Vec::new(),
            shape_of: FxHashMap::default(),
            checking: None,
            ongoing: Vec::new(),
            seen: Seen::default(),
            idle: None,
        }
    }

    /// Whether some command waits for nodes.
    pub fn waits_for_nodes(&self) -> bool {
        !self.ongoing.is_empty()
    }

    pub fn termination_grace(&self, pool: PoolId) -> Option<Duration> {
        self.pool_of(pool).and_then(|p| p.termination_grace)
    }

    fn pool_of(&self, pool: PoolId) -> Option<&'m policy::NodePool> {
        let o = self.offer_of[pool.0 as usize]?;
        Some(&self.model.pools[self.model.offers[o].node_pool as usize])
    }
}

/// A node that nobody scales, as Karpenter sees it.
fn standing_node(model: &Model, k: &Karpenter, pool: usize) -> Option<Node> {
    let p = &model.pools[pool];
    if p.supply.as_ref().is_some_and(|s| s.on_request()) {
        return None;
    }
    let c = model.all_nodes().find(|n| usize::from(n.pool.0) == pool)?.capacity;
    let resources = policy::Resources {
        cpu_milli: u64::from(c.cpu_milli),
        memory: u64::from(c.mem_mib) << 20,
        gpu_milli: 1000 * u64::from(c.gpus),
        pods: u64::MAX,
    };
    let number = Value((k.pools.len() + pool) as u32);
    Some(Node {
        name: 0,
        pool: None,
        instance: None,
        zone: None,
        capacity_type: None,
        capacity: resources,
        allocatable: resources,
        daemons: policy::Resources::default(),
        labels: policy::Requirements::new().with(NODE_POOL, Set::of([number])),
        taints: Vec::new(),
        created: SimTime::ZERO,
        initialized: None,
        last_pod_event: None,
        ready: true,
        deleting: false,
        terminating: false,
        nominated_until: SimTime::ZERO,
        do_not_disrupt: false,
        drifted: None,
        template: 0,
    })
}

impl<'m> World<'m, '_> {
    /// Karpenter begins to look, and nodes that are there begin to age.
    pub(super) fn open_karpenter(&mut self, k: &KarpenterState<'m>) {
        for i in 0..self.fleet.nodes().len() {
            let id = NodeId(i as u32);
            if self.fleet.node(id).state == NodeState::Ready {
                self.will_expire(k, id);
            }
        }
        self.schedule(self.now + policy::POLL, event(NodesEvent::Disrupt));
    }

    /// A node will be too old then.
    fn will_expire(&mut self, k: &KarpenterState<'m>, id: NodeId) {
        let age = k.pool_of(self.fleet.node(id).pool).and_then(|p| p.expire_after);
        if k.model.config.compat == Compat::V1Beta1 {
            return;
        }
        if let Some(at) = age.and_then(|a| self.now.0.checked_add(a.0)).filter(|at| *at < self.window.1.0) {
            self.schedule(SimTime(at), event(NodesEvent::Expire(id)));
        }
    }

    /// A node is as old as it may get, unless it is another by now: it goes, whatever budgets say.
    pub(super) fn expire(&mut self, nodes: &mut Nodes<'m>, id: NodeId) {
        let Brain::Karpenter(k) = &nodes.brain else { return };
        let after = k.pool_of(self.fleet.node(id).pool).and_then(|p| p.expire_after);
        let due = after.is_some_and(|a| self.watch.of(id).created + a == self.now);
        if due && self.fleet.node(id).state.is_billed() {
            self.cordon(id);
            self.drain(nodes, id, Removal::Expired);
        }
    }

    /// A pod waits, or has to leave a node that goes: the batch grows.
    pub(super) fn pod_is_pending(&mut self, k: &mut KarpenterState<'m>, pod: PodIx) {
        k.batcher.trigger(pod, self.now);
        self.arm_batch(k);
    }

    fn arm_batch(&mut self, k: &mut KarpenterState<'m>) {
        let Some(at) = k.batcher.closes(&k.model.config) else { return };
        if k.batch.is_some_and(|(_, armed)| armed == at) {
            return;
        }
        let e = event(NodesEvent::Provision);
        let timer = self.queue.arm(at.max(self.now), e.class(), e);
        if let Some((old, _)) = k.batch.replace((timer, at)) {
            self.queue.cancel(old);
        }
    }

    /// The batch is over: nodes are launched for the pods that fit nowhere.
    pub(super) fn provision(&mut self, nodes: &mut Nodes<'m>) {
        let Nodes { brain: Brain::Karpenter(k), tally, .. } = nodes else { return };
        k.batch = None;
        if !k.batcher.close(&k.model.config, self.now) {
            return self.arm_batch(k);
        }
        if self.waiting.is_empty() && self.watch.draining.is_empty() && !self.has_cordoned() {
            return;
        }
        self.refresh_offers(k);
        self.see(k);
        let seen = &k.seen;
        let found = k.policy.provision(&view_of(k.model, &k.types, &k.shapes, seen, self.watch.revision), self.now);
        let until = self.now + k.model.config.nomination_window();
        for (_, n) in &found.nominated {
            self.watch.of_mut(seen.ids[n.0 as usize]).nominated_until = until;
        }
        for p in &found.planned {
            if let Some(id) = self.launch_planned(k, tally, p) {
                self.watch.of_mut(id).nominated_until = until;
            }
        }
        // Those that still wait are told to the batcher again.
        if !self.waiting.is_empty() && k.batch.is_none() {
            let e = event(NodesEvent::Provision);
            let at = self.now + STILL_PENDING;
            k.batcher.trigger(PodIx(u32::MAX), SimTime(at.0 - k.model.config.batch_idle.0.min(at.0)));
            k.batch = Some((self.queue.arm(at, e.class(), e), at));
        }
    }

    fn has_cordoned(&self) -> bool {
        self.watch.there.iter().any(|id| self.fleet.node(*id).state == NodeState::Draining)
    }

    /// Prices of today, and what can be had.
    fn refresh_offers(&mut self, k: &mut KarpenterState<'m>) {
        k.unavailable.next(self.now);
        for o in &k.model.offers {
            let price = self.model.node_price(o.pool, self.now);
            let zone = Value(o.zone);
            let there = k.unavailable.allows(o.instance, zone, o.capacity_type, self.now);
            let known = &mut k.types[o.instance.0 as usize].offerings[o.offering];
            if (known.price, known.available) != (price, there) {
                (known.price, known.available) = (price, there);
                self.watch.revision += 1;
            }
        }
    }

    /// Launches what was planned: the offering that the provider takes, or the next when there is no capacity.
    fn launch_planned(&mut self, k: &mut KarpenterState<'m>, tally: &mut Tally, p: &Planned) -> Option<NodeId> {
        loop {
            let choice = offer::launch(&p.types, &k.types, &p.requirements, offer::SpotChoice::Cheapest)?;
            let o = *k
                .model
                .offers
                .iter()
                .find(|o| o.instance == choice.instance && o.offering == choice.offering)
                .expect("every offering is a pool");
            if let Some(id) = self.launch_from(tally, o.pool) {
                self.will_expire(k, id);
                return Some(id);
            }
            k.unavailable.mark(o.instance, Value(o.zone), o.capacity_type, self.now);
            k.types[o.instance.0 as usize].offerings[o.offering].available = false;
            self.watch.revision += 1;
        }
    }

    /// A pass of the disruption controller, or the check of what the last one found.
    pub(super) fn disrupt(&mut self, nodes: &mut Nodes<'m>) {
        self.commands_go_on(nodes);
        let Nodes { brain: Brain::Karpenter(k), tally, .. } = nodes else { return };
        self.refresh_offers(k);
        let revision = self.watch.revision;
        if k.checking.is_none()
            && super::may_skip()
            && k.idle.is_some_and(|(seen, until)| seen == revision && self.now < until)
        {
            tally.skipped += 1;
            return self.schedule(self.now + policy::POLL, event(NodesEvent::Disrupt));
        }
        tally.passes += 1;
        self.see(k);
        let seen = &k.seen;
        let checking = k.checking.take();
        let whole = checking.is_none();
        let view = view_of(k.model, &k.types, &k.shapes, seen, revision);
        let verdict = match checking {
            Some((mut command, machines)) => {
                let number = |m: &Machine| if self.watch.is(*m) { seen.number(m.id) } else { NodeIx(u32::MAX) };
                command.nodes = machines.iter().map(number).collect();
                k.policy.resume(&view, command, self.now)
            }
            None => k.policy.begin(&view, self.now),
        };
        k.idle = None;
        match verdict {
            Verdict::Idle { next } => {
                let scheduled =
                    k.model.pools.iter().flat_map(|p| &p.budgets).any(|b| b.window != policy::budget::Window::Always);
                let until = k.next_due(self.now).min(k.policy.reconsiders());
                // The check of an earlier decision does not look at all methods again.
                k.idle = (whole && !scheduled).then_some((revision, until));
                self.schedule(next, event(NodesEvent::Disrupt));
            }
            Verdict::Validate { command, at } => {
                let machine = |n: &NodeIx| self.watch.machine(k.seen.ids[n.0 as usize]);
                let machines = command.nodes.iter().map(machine).collect();
                k.checking = Some((command, machines));
                self.schedule(at, event(NodesEvent::Disrupt));
            }
            Verdict::Act(command) => {
                let ids = command.nodes.iter().map(|n| k.seen.ids[n.0 as usize]).collect();
                self.carry_out(nodes, ids, &command);
                self.schedule(self.now, event(NodesEvent::Disrupt));
            }
        }
    }

    /// Does what a pass decided: cordons, launches what takes the nodes' place, and drains.
    fn carry_out(&mut self, nodes: &mut Nodes<'m>, ids: Vec<NodeId>, command: &Command) {
        let (why, counts) = (removal(command.method), self.now >= self.window.0);
        for id in &ids {
            self.cordon(*id);
        }
        let Nodes { brain: Brain::Karpenter(k), tally, .. } = nodes else { return };
        let launched: Vec<Option<NodeId>> =
            command.replacements.iter().map(|p| self.launch_planned(k, tally, p)).collect();
        if launched.iter().any(Option::is_none) {
            tally.given_up += u64::from(counts);
            for id in ids {
                self.uncordon(id);
            }
            return;
        }
        if counts {
            tally.commands += 1;
            tally.promised += command.savings.max(Rate(0)).0;
        }
        let replacements: Vec<NodeId> = launched.into_iter().flatten().collect();
        if replacements.is_empty() {
            for id in ids {
                self.drain(nodes, id, why);
            }
        } else {
            let machines = |ids: Vec<NodeId>| ids.into_iter().map(|id| self.watch.machine(id)).collect();
            k.ongoing.push(Ongoing {
                nodes: machines(ids),
                replacements: machines(replacements),
                why,
                since: self.now,
            });
        }
    }

    /// Commands whose replacements are ready go on; those that waited too long, or lost one, are taken back.
    pub(super) fn commands_go_on(&mut self, nodes: &mut Nodes<'m>) {
        let Nodes { brain: Brain::Karpenter(k), tally, .. } = nodes else { return };
        let patience = retries_for(k.ongoing.len() as u64);
        let (mut done, mut kept) = (Vec::new(), Vec::new());
        for c in std::mem::take(&mut k.ongoing) {
            // One that was lost is away, whatever its place holds now.
            let state = |m: &Machine| if self.watch.is(*m) { self.fleet.node(m.id).state } else { NodeState::Away };
            if c.replacements.iter().all(|m| state(m) == NodeState::Ready) {
                done.push(c);
            } else if self.now >= c.since + patience
                || c.replacements.iter().any(|m| !matches!(state(m), NodeState::Booting | NodeState::Ready))
            {
                tally.given_up += u64::from(self.now >= self.window.0);
                for m in &c.nodes {
                    if self.watch.is(*m) {
                        self.uncordon(m.id);
                    }
                }
            } else {
                kept.push(c);
            }
        }
        k.ongoing = kept;
        for c in done {
            for m in c.nodes {
                if self.watch.is(m) {
                    self.drain(nodes, m.id, c.why);
                }
            }
        }
    }
}
