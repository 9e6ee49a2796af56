//! Karpenter, by itself: which nodes are launched for pods that wait, and which go.
//!
//! - [`Config`] and [`NodePool`]: the operator's settings and the pools, with upstream's defaults and validation;
//! - [`View`]: what it looks at, plain data in the order of names;
//! - [`Batcher`]: when pending pods are provisioned for; [`Karpenter::provision`]: where they go;
//! - [`Karpenter::begin`] and [`Karpenter::resume`]: one disruption pass and the check after its delay;
//! - [`offer`]: which machine a launch takes; [`budget`], [`cron`]: how many nodes may go, and when;
//! - [`cost`], [`balanced`]: what a disruption costs, and when it is worth that;
//! - [`expired`], [`drift`], [`overdue`], [`retries_for`]: what happens to nodes and commands by themselves.
//!
//! Rules: kubernetes-sigs/karpenter v1.14 (the core) and aws/karpenter-provider-aws; [`Compat`] brings older ones. Prices
//! are whole pico-dollars, quantities whole thousandths and bytes, disruption costs whole 2⁻²⁷: no order depends on a
//! rounding. Where upstream's order is that of a map or of an unstable sort, ours is by name.
//!
//! Of pods it knows requests, labels (required terms, preferences), taints, anti-affinity by host, disruption budgets
//! and `do-not-disrupt`. Not modelled: topology spread, affinity to other pods, volumes, host ports, dynamic resources,
//! strict reservations, static pools' own drift.
//!
//! *Invariant:* a what-if never copies the nodes; it marks those that it touches.

use std::collections::BTreeSet;

use crate::units::{Rate, SimTime};

pub mod balanced;
mod batch;
pub mod budget;
mod candidate;
mod config;
mod consolidate;
pub mod cost;
pub mod cron;
mod index;
mod lifecycle;
mod memo;
pub mod offer;
mod pass;
pub mod requirement;
mod solve;
pub mod synthetic;
#[cfg(test)]
mod tests;
mod tree;
mod view;

pub use batch::Batcher;
pub use budget::{Budget, Nodes, Reason, Window};
pub use candidate::Blocked;
pub use config::{
    After, BALANCED_K, Compat, Config, ConfigError, ConsolidationPolicy, DRIFT_PERIOD, INSUFFICIENT_CAPACITY_TTL,
    LAUNCH_TIMEOUT, Limits, MAX_CANDIDATES, MAX_TYPES, MinValuesPolicy, NodePool, POLL, PoolError, RECONSIDER,
    REGISTRATION_TIMEOUT, SPOT_TO_SPOT_TYPES, TYPE_NOT_FOUND_AFTER, VALIDATION_DELAY,
};
pub use consolidate::WhyNot;
pub use lifecycle::{DriftReason, drift, expired, overdue, retries_for};
pub use pass::{Abandoned, Verdict};
pub use requirement::{Key, Requirements, Set, Value};
pub use solve::Planned;
pub use view::{
    CapacityType, DoNotDisrupt, InstanceType, Node, NodeIx, Offering, Pdb, Pod, PodIx, PoolIx, Resources, Shape,
    ShapeIx, Taint, TypeIx, View,
};

/// How nodes are chosen to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// v1beta1: nodes that are too old.
    Expiration,
    /// Empty nodes.
    Emptiness,
    /// Drifted nodes.
    Drift,
    /// Several nodes for one or none.
    MultiNode,
    /// One node for one or none.
    SingleNode,
}

impl Method {
    /// What its budgets are about.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Method::Emptiness => Reason::Empty,
            Method::Expiration | Method::Drift => Reason::Drifted,
            Method::MultiNode | Method::SingleNode => Reason::Underutilized,
        }
    }
    /// The methods in the order of a pass.
    #[must_use]
    pub const fn order(compat: Compat) -> &'static [Method] {
        match compat {
            Compat::V1Beta1 => {
                &[Method::Expiration, Method::Drift, Method::Emptiness, Method::MultiNode, Method::SingleNode]
            }
            // Upstream has static pools' drift between these two.
            _ => &[Method::Emptiness, Method::Drift, Method::MultiNode, Method::SingleNode],
        }
    }
}

/// Nodes that go, and what takes their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// How it was found.
    pub method: Method,
    /// The nodes that go, in the order of the method.
    pub nodes: Vec<NodeIx>,
    /// What is launched first; the nodes go when all of it is initialised. Empty: they only go.
    pub replacements: Vec<Planned>,
    /// What is saved if replacements launch at their cheapest.
    pub savings: Rate,
}

/// What the disruption controller remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The revision of the last view.
    revision: Option<u64>,
    /// Counts changes, and five minutes without one.
    epoch: u64,
    /// When it last counted.
    since: SimTime,
    /// For several nodes and for one: the epoch in which it found nothing.
    hopeless: [Option<u64>; 2],
    /// Nodes that are hopeless one by one.
    memo: memo::Memo,
    /// Pools that the last single-node search did not reach.
    unseen: BTreeSet<PoolIx>,
}

/// How much work passes were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Scheduling simulations.
    pub simulations: u64,
    /// Methods that were skipped as nothing had changed.
    pub skipped: u64,
}

/// Karpenter at work.
#[derive(Clone, Debug)]
pub struct Karpenter {
    config: Config,
    state: State,
    work: Work,
}

/// What a provisioning pass decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// Pods that will fit on nodes that are there or on their way. The nodes are held for [`Config::nomination_window`].
    pub nominated: Vec<(PodIx, NodeIx)>,
    /// Nodes to launch; [`offer::launch`] says which.
    pub planned: Vec<Planned>,
    /// Pods that fit nowhere.
    pub failed: Vec<PodIx>,
}

impl Karpenter {
    /// Karpenter without a past.
    ///
    /// # Errors
    /// All that the operator or the API server would refuse, of the settings and of `pools`.
    pub fn new(config: Config, pools: &[NodePool]) -> Result<Karpenter, Vec<ConfigError>> {
        let mut faults = config.faults();
        for (i, pool) in pools.iter().enumerate() {
            faults.extend(pool.faults(config.compat).into_iter().map(|e| ConfigError::Pool(i, e)));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Karpenter { config, state: State::default(), work: Work::default() })
    }
    /// Its settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }
    /// What it remembers.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }
    /// When searches that found nothing are made again though nothing has changed.
    #[must_use]
    pub fn reconsiders(&self) -> SimTime {
        self.state.since + RECONSIDER
    }
    /// How much work it was so far.
    #[must_use]
    pub const fn work(&self) -> Work {
        self.work
    }

    /// Where the pods that wait, and those of nodes that go, will be.
    #[must_use]
    pub fn provision(&mut self, view: &View<'_>, now: SimTime) -> Provisioned {
        let mut solver = solve::Solver::new(&self.config, *view, now);
        let mut found = solver.solve(solve::Question::default());
        found.planned.iter_mut().for_each(|p| solver.order(p));
        self.work.simulations += 1;
        Provisioned { nominated: found.placed, planned: found.planned, failed: found.failed }
    }

    /// Whether the pods of `nodes` could go elsewhere, and if not, why: the answer that upstream writes into events.
    ///
    /// # Errors
    /// Why they stay.
    pub fn explain(&self, view: &View<'_>, nodes: &[NodeIx], now: SimTime) -> Result<(), WhyNot> {
        let mut solver = solve::Solver::new(&self.config, *view, now);
        solver.exhaustive = true;
        let all = candidate::all(&self.config, view, &solver.index, true, now);
        let chosen: Vec<_> = all.into_iter().filter(|c| nodes.contains(&c.node)).collect();
        consolidate::compute(&mut solver, &chosen).map(|_| ())
    }

    /// Why a node may not be disrupted; `None` if it may.
    #[must_use]
    pub fn blocked(&self, view: &View<'_>, node: NodeIx, now: SimTime) -> Option<Blocked> {
        let index = index::Index::new(&self.config, view, now);
        candidate::blocked(view, &index, node, now)
    }
}
