//! What an autoscaler of nodes remembers of the world, noted as it happens.

use std::collections::{BTreeMap, BTreeSet};

use super::Removal;
use crate::fleet::{NodeId, NodeState};
use crate::scenario::model::Model;
use crate::sim::jobs::JobId;
use crate::units::SimTime;

/// What is noted; nothing where nobody scales nodes.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Watch {
    /// Whether anybody wants to know.
    on: bool,
    /// By node.
    facts: Vec<Facts>,
    /// Counts up whenever a node or a pod comes, goes or moves.
    pub revision: u64,
    /// Jobs that joined the queue since waiting pods were last looked at, with their places in the order of arrival.
    pub fresh: Vec<(JobId, u64)>,
    /// Whether any work has a disruption budget.
    pub budgets: bool,
    /// Nodes that are billed.
    pub there: BTreeSet<NodeId>,
    /// Whether these have changed since they were last looked at.
    pub moved: bool,
    /// Jobs that started, stopped, or are to go, since they were last looked at.
    pub changed: Vec<JobId>,
    launches: u64,
    /// Nodes that were cordoned since.
    pub going: Vec<NodeId>,
    /// Nodes whose pods are told to go: since when, and why.
    pub draining: BTreeMap<NodeId, (SimTime, Removal)>,
}

/// What is known of a node beside its state.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sim) struct Facts {
    /// A number that no other launch has, from 1.
    pub launch: u64,
    /// When it was launched.
    pub created: SimTime,
    /// Since when it is ready.
    pub ready: Option<SimTime>,
    /// When a pod last came or went.
    pub last_pod_event: Option<SimTime>,
    /// Until when it is kept for a pod that waits.
    pub nominated_until: SimTime,
}

/// A node in one of its lives: its place in the pool may hold another machine later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Machine {
    pub id: NodeId,
    launch: u64,
}

impl Watch {
    /// The machine that a node is now.
    pub fn machine(&self, id: NodeId) -> Machine {
        Machine { id, launch: self.of(id).launch }
    }

    /// Whether a node still is that machine.
    pub fn is(&self, m: Machine) -> bool {
        self.of(m.id).launch == m.launch
    }

    pub fn new(model: &Model) -> Watch {
        let deployments = model.services.iter().flat_map(|s| &s.deployments);
        let budgets = model.work.iter().map(|w| &w.disruption).chain(deployments.map(|d| &d.disruption));
        Watch {
            on: model.node_autoscaler.is_some(),
            budgets: budgets.into_iter().any(|d| d.budget.is_some()),
            ..Watch::default()
        }
    }

    /// A job starts, stops, or is to go.
    pub fn job(&mut self, id: JobId) {
        if self.on {
            self.changed.push(id);
        }
    }

    /// A pod came to a node or left it.
    pub fn pod_event(&mut self, node: NodeId, now: SimTime) {
        if self.on {
            self.revision += 1;
            self.of_mut(node).last_pod_event = Some(now);
        }
    }

    /// A job waits from now on.
    pub fn pod_waits(&mut self, id: JobId, seq: u64) {
        if self.on {
            self.revision += 1;
            self.fresh.push((id, seq));
        }
    }

    /// A job waits no longer, and did not start.
    pub fn pod_gave_up(&mut self) {
        self.revision += 1;
    }

    /// A node changes its state.
    pub fn node_event(&mut self, node: NodeId, from: NodeState, to: NodeState, now: SimTime) {
        if !self.on {
            return;
        }
        self.revision += 1;
        match (from, to) {
            (NodeState::Away, _) => {
                let ready = (to == NodeState::Ready).then_some(now);
                self.launches += 1;
                *self.of_mut(node) = Facts { launch: self.launches, created: now, ready, ..Facts::default() };
            }
            (NodeState::Booting, NodeState::Ready) => self.of_mut(node).ready = Some(now),
            (_, NodeState::Draining) => self.going.push(node),
            _ => {}
        }
        if to.is_billed() {
            self.moved |= self.there.insert(node);
        } else {
            self.moved |= self.there.remove(&node);
            self.draining.remove(&node);
        }
    }

    /// What is known of a node.
    pub fn of(&self, node: NodeId) -> Facts {
        self.facts.get(node.0 as usize).copied().unwrap_or_default()
    }

    pub fn of_mut(&mut self, node: NodeId) -> &mut Facts {
        let i = node.0 as usize;
        if self.facts.len() <= i {
            self.facts.resize(i + 1, Facts::default());
        }
        &mut self.facts[i]
    }
}
