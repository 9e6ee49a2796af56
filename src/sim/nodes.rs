//! Autoscaling of nodes: what a policy sees of the world, and what comes of its decisions.
//!
//! The policies are pure and live in [`crate::policy`]; here they get a view, and what they decide is done: nodes are
//! launched, cordoned, drained and given back, and pods are told to go.

mod cluster_autoscaler;
mod deschedule;
mod drain;
mod karpenter;
#[cfg(test)]
mod tests;
mod view;
mod watch;

use super::event::{Event, NodesEvent};
use super::jobs::JobId;
use super::world::World;
use crate::fleet::{NodeId, PoolId};
use crate::outcome::{Exact, Money, NodeScaling};
use crate::policy::karpenter::PodIx;
use crate::scenario::model::{Disruption, Model, NodeAutoscaler};
use crate::units::{Duration, Usd};
use cluster_autoscaler::CaState;
use karpenter::KarpenterState;
pub(super) use watch::Watch;

/// Everything about the autoscaling of nodes but what is noted as it happens ([`Watch`]).
pub(super) struct Nodes<'m> {
    /// Who decides.
    brain: Brain<'m>,
    /// Whether a Descheduler runs too.
    descheduler: bool,
    /// What happened.
    tally: Tally,
}

enum Brain<'m> {
    /// Nobody: only a Descheduler.
    Nobody,
    ClusterAutoscaler(Box<CaState<'m>>),
    Karpenter(Box<KarpenterState<'m>>),
}

#[cfg(test)]
std::thread_local! {
    static SKIPS: std::cell::Cell<bool> = const { std::cell::Cell::new(true) };
}

/// Does something with every pass and every search carried out.
#[cfg(test)]
pub(super) fn without_skipping<T>(f: impl FnOnce() -> T) -> T {
    SKIPS.set(false);
    let out = f();
    SKIPS.set(true);
    out
}

/// Whether passes and searches that can find nothing are skipped; tests hold the two to each other.
pub(super) fn may_skip() -> bool {
    #[cfg(test)]
    return SKIPS.get();
    #[cfg(not(test))]
    true
}

/// Why an autoscaler removes a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Removal {
    /// It has no pods.
    Empty,
    /// Its pods fit elsewhere, or on something cheaper.
    Underutilized,
    /// It is not what its pool would make today.
    Drifted,
    /// It is too old.
    Expired,
}

impl Removal {
    const ALL: [Removal; 4] = [Removal::Empty, Removal::Underutilized, Removal::Drifted, Removal::Expired];

    const fn key(self) -> &'static str {
        match self {
            Removal::Empty => "empty",
            Removal::Underutilized => "underutilized",
            Removal::Drifted => "drifted",
            Removal::Expired => "expired",
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Tally {
    launched: u64,
    refused: u64,
    removed: [u64; Removal::ALL.len()],
    commands: u64,
    given_up: u64,
    evicted: u64,
    lost: u128,
    lost_usd: Usd,
    /// Pico-dollars an hour that commands promised to save.
    promised: i128,
    passes: u64,
    skipped: u64,
}

impl Brain<'_> {
    /// How long a node that goes waits for pods that are protected; for ever where none.
    fn termination_grace(&self, pool: PoolId) -> Option<Duration> {
        match self {
            Brain::Nobody | Brain::ClusterAutoscaler(_) => None,
            Brain::Karpenter(k) => k.termination_grace(pool),
        }
    }
}

impl<'m> Nodes<'m> {
    /// What the model's autoscaler begins with; none without one.
    pub fn of(model: &'m Model) -> Option<Box<Nodes<'m>>> {
        let brain = match model.node_autoscaler.as_ref() {
            None if model.descheduler.is_none() => return None,
            None => Brain::Nobody,
            Some(NodeAutoscaler::ClusterAutoscaler(c)) => Brain::ClusterAutoscaler(Box::new(CaState::of(model, c))),
            Some(NodeAutoscaler::Karpenter(k)) => Brain::Karpenter(Box::new(KarpenterState::of(model, k))),
        };
        Some(Box::new(Nodes { brain, descheduler: model.descheduler.is_some(), tally: Tally::default() }))
    }

    /// What happened over the window.
    pub fn outcome(&self) -> NodeScaling {
        let t = &self.tally;
        NodeScaling {
            by: match (&self.brain, self.descheduler) {
                (Brain::Nobody, _) => "Descheduler",
                (Brain::ClusterAutoscaler(_), false) => "Cluster Autoscaler",
                (Brain::ClusterAutoscaler(_), true) => "Cluster Autoscaler and Descheduler",
                (Brain::Karpenter(_), false) => "Karpenter",
                (Brain::Karpenter(_), true) => "Karpenter and Descheduler",
            }
            .to_owned(),
            launched: t.launched,
            refused: t.refused,
            removed: Removal::ALL.iter().map(|r| (r.key().to_owned(), t.removed[*r as usize])).collect(),
            commands: t.commands,
            given_up: t.given_up,
            evicted: t.evicted,
            lost: Exact(t.lost),
            lost_usd: Money(t.lost_usd),
            promised_usd_per_hour: t.promised as f64 / 1e12,
            passes: t.passes,
            skipped: t.skipped,
        }
    }
}

impl<'m> World<'m, '_> {
    /// Puts the autoscaler into motion, at the epoch.
    pub fn open_nodes(&mut self) {
        if let Some(d) = &self.model.descheduler {
            self.schedule(self.now + d.every, event(NodesEvent::Deschedule));
        }
        self.with_nodes(|w, n| match &mut n.brain {
            Brain::Nobody => {}
            Brain::ClusterAutoscaler(c) => w.open_cluster_autoscaler(c),
            Brain::Karpenter(k) => w.open_karpenter(k),
        });
    }

    pub fn on_nodes(&mut self, e: NodesEvent) {
        // Whoever can start now does so before anybody looks.
        if std::mem::take(&mut self.dirty) && !self.waiting.is_empty() {
            self.dispatch();
        }
        self.with_nodes(|w, n| match e {
            NodesEvent::Provision => w.provision(n),
            NodesEvent::Disrupt if matches!(n.brain, Brain::ClusterAutoscaler(_)) => w.scan(n),
            NodesEvent::Disrupt => w.disrupt(n),
            NodesEvent::Deschedule => w.deschedule(n),
            NodesEvent::Remove(node) => w.remove_tainted(n, node),
            NodesEvent::Expire(node) => w.expire(n, node),
            NodesEvent::Drain(node) => w.drain_on(n, node),
        });
    }

    /// Jobs that joined the queue and still wait are told to whoever launches nodes.
    pub fn look_at_pending(&mut self) {
        let waits = |n: &Nodes<'_>| matches!(&n.brain, Brain::Karpenter(k) if k.waits_for_nodes());
        let Some(nodes) = self.nodes.as_deref() else { return };
        if self.watch.fresh.is_empty() && self.watch.going.is_empty() && !waits(nodes) {
            return;
        }
        self.with_nodes(|w, n| {
            if waits(n) {
                w.commands_go_on(n);
            }
            let Brain::Karpenter(k) = &mut n.brain else {
                // The Cluster Autoscaler looks by itself.
                w.watch.fresh.clear();
                w.watch.going.clear();
                return;
            };
            for id in std::mem::take(&mut w.watch.going) {
                // Not the number of any job.
                w.pod_is_pending(k, PodIx(u32::MAX - 1 - id.0));
            }
            for (id, seq) in std::mem::take(&mut w.watch.fresh) {
                if w.jobs.get(id).is_some_and(|l| l.seq == seq && !l.is_running()) {
                    w.pod_is_pending(k, PodIx(seq as u32));
                }
            }
        });
    }

    /// Lends the autoscaler's state out: it and the world change together.
    fn with_nodes(&mut self, f: impl FnOnce(&mut World<'m, '_>, &mut Nodes<'m>)) {
        if let Some(mut nodes) = self.nodes.take() {
            f(self, &mut nodes);
            self.nodes = Some(nodes);
        }
    }

    /// How the pods of a job bear that their node goes.
    pub(super) fn disruption(&self, id: JobId) -> &'m Disruption {
        let model = self.model;
        match self.jobs[id].replica.as_deref() {
            Some(r) => &model.services[r.service as usize].deployments[r.deployment as usize].disruption,
            None => &model.work[self.jobs[id].work as usize].disruption,
        }
    }

    /// Launches a node of a pool, if the market and the pool allow it.
    fn launch_from(&mut self, tally: &mut Tally, pool: PoolId) -> Option<NodeId> {
        let quota = self.supply(pool).and_then(|s| s.launch.quota);
        let room = self.risks.supplier(pool).map_or(0, |s| s.room(quota));
        let slot = self.away(pool).first().copied();
        let granted = room > 0 && self.blocked(pool) <= self.now && slot.is_some() && self.try_launch(pool);
        let counts = self.now >= self.window.0;
        if !granted {
            tally.refused += u64::from(counts);
            return None;
        }
        let id = slot?;
        tally.launched += u64::from(counts);
        self.launch(id, None);
        Some(id)
    }
}

/// An event of the autoscaler.
const fn event(e: NodesEvent) -> Event {
    Event::Nodes(e)
}
