//! Preemption: which node a pod of higher priority takes, and which pods go there.
//!
//! Rules: `framework/preemption/preemption.go`, `defaultpreemption/default_preemption.go`. Victims get their grace period
//! and the pod waits with its `nominatedNodeName`; both are the caller's.

use std::cmp::Reverse;

use crate::policy::pdb::Pdb;
use crate::policy::pods::Resources;
use crate::units::SimTime;

/// A pod that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its priority.
    pub priority: i32,
    /// What it takes.
    pub request: Resources,
    /// When it started.
    pub started: SimTime,
    /// Its disruption budgets, numbers of a list.
    pub pdbs: Vec<u32>,
}

/// A node that the pod could run on, were there room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What is free; negative where more is taken than there is.
    pub free: Resources,
    /// Its pods.
    pub pods: Vec<Pod>,
}

/// The pod that wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its priority; only pods of a strictly lower one go for it.
    pub priority: i32,
    /// What it asks for.
    pub request: Resources,
    /// `preemptionPolicy: Never`.
    pub never: bool,
    /// Whether, on the node that it is nominated for, a pod of lower priority is still terminating.
    pub victims_terminating: bool,
}

/// Who goes from a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Victims {
    /// Which of its pods: those that violate their budget first, else the most important first.
    pub pods: Vec<usize>,
    /// How many of them go although their budget does not allow it.
    pub violations: u32,
}

/// A node and who goes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preemption {
    /// Which node.
    pub node: usize,
    /// Who goes.
    pub victims: Victims,
}

/// `minCandidateNodesPercentage`: 10 (`apis/config/v1/defaults.go`).
pub const SAMPLE_PERCENT: usize = 10;
/// `minCandidateNodesAbsolute`: 100 (`apis/config/v1/defaults.go`).
pub const SAMPLE_LEAST: usize = 100;

/// How many candidates are enough among so many nodes: 10 % of them, at least 100, at most all.
#[must_use]
pub const fn sample(nodes: usize) -> usize {
    let share = nodes * SAMPLE_PERCENT / 100;
    let share = if share < SAMPLE_LEAST { SAMPLE_LEAST } else { share };
    if share < nodes { share } else { nodes }
}

/// Whether the pod may preempt at all.
#[must_use]
pub const fn eligible(pod: &Incoming) -> bool {
    !pod.never && !pod.victims_terminating
}

/// Who must go from a node; `None` where even all pods of lower priority are not enough.
///
/// All of lower priority are taken away, then as many as possible come back: first those whose eviction would violate a
/// budget, then the others, each from the most to the least important (higher priority, then started earlier, then
/// listed earlier). Budgets are spent in that same order.
#[must_use]
pub fn victims(node: &Node, incoming: &Incoming, pdbs: &[Pdb]) -> Option<Victims> {
    let mut lower: Vec<usize> = (0..node.pods.len()).filter(|i| node.pods[*i].priority < incoming.priority).collect();
    lower.sort_by_key(|i| (Reverse(node.pods[*i].priority), node.pods[*i].started, *i));
    let mut free = lower.iter().fold(node.free, |free, i| free.plus(node.pods[*i].request));
    if lower.is_empty() || !incoming.request.fits(free) {
        return None;
    }
    let mut left: Vec<i64> = pdbs.iter().map(|p| i64::from(p.allowed)).collect();
    let mut violates = |pod: &Pod| {
        let mut bad = false;
        for left in pod.pdbs.iter().filter_map(|b| {
            left.get_mut(*b as usize).map(|l| {
                *l -= 1;
                *l
            })
        }) {
            bad |= left < 0;
        }
        bad
    };
    let (violating, others): (Vec<usize>, Vec<usize>) = lower.into_iter().partition(|i| violates(&node.pods[*i]));
    let mut victims = Victims::default();
    for (i, bad) in violating.into_iter().map(|i| (i, true)).chain(others.into_iter().map(|i| (i, false))) {
        let rest = free.minus(node.pods[i].request);
        if incoming.request.fits(rest) {
            free = rest;
        } else {
            victims.pods.push(i);
            victims.violations += u32::from(bad);
        }
    }
    Some(victims)
}

/// What each victim adds to the sum of priorities, so that few victims of high priority beat many of low.
const OFFSET: i64 = 1 << 31;

/// Which of the candidates is taken: the fewest budget violations, then the lowest of the highest priorities, the
/// smallest sum of priorities (2³¹ added to each), the fewest victims, the latest start of the earliest of the victims
/// of highest priority, and the first.
#[must_use]
pub fn choose<'a>(nodes: &[Node], candidates: &'a [Preemption]) -> Option<&'a Preemption> {
    candidates.iter().min_by_key(|c| {
        let pods = || c.victims.pods.iter().map(|i| &nodes[c.node].pods[*i]);
        let highest = pods().map(|p| p.priority).max().unwrap_or(i32::MIN);
        let sum: i64 = pods().map(|p| i64::from(p.priority) + OFFSET).sum();
        let started = pods().filter(|p| p.priority == highest).map(|p| p.started).min().unwrap_or(SimTime::MAX);
        (c.victims.violations, highest, sum, c.victims.pods.len(), Reverse(started))
    })
}

/// Where the pod goes and who goes for it; `None` where it may not preempt or that would not help.
///
/// Nodes are tried from `offset` on, round the end (upstream's offset is random: draw it from a seeded stream), until
/// [`sample`] candidates are found, one of them without a violation. `nodes` are those that the pod could run on but for
/// room: upstream leaves out those that no eviction would make fit.
#[must_use]
pub fn preempt(nodes: &[Node], incoming: &Incoming, pdbs: &[Pdb], offset: usize) -> Option<Preemption> {
    if !eligible(incoming) || nodes.is_empty() {
        return None;
    }
    let enough = sample(nodes.len());
    let (mut candidates, mut clean): (Vec<Preemption>, bool) = (Vec::new(), false);
    for node in (0..nodes.len()).map(|i| (offset % nodes.len() + i) % nodes.len()) {
        if let Some(victims) = victims(&nodes[node], incoming, pdbs) {
            clean |= victims.violations == 0;
            candidates.push(Preemption { node, victims });
        }
        if clean && candidates.len() >= enough {
            break;
        }
    }
    choose(nodes, &candidates).cloned()
}
