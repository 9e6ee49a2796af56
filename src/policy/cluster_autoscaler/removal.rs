//! Which nodes could go: a what-if over the cluster, kept as an overlay of what each node would have taken in.
//!
//! Rules: `simulator/cluster.go`, `core/scaledown/planner`.

use std::collections::{BTreeMap, BTreeSet};

use super::Resources;
use super::utilisation::{Blocker, Config, Node, drain, eligible};

/// What becomes of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Too full, or kept by its annotation.
    NotEligible,
    /// It takes in the pods of a node that goes before it.
    Destination,
    /// A pod keeps it: which of its pods, and why.
    Blocked(usize, Blocker),
    /// A pod would find no other node.
    NoPlace(usize),
    /// It can go.
    Removable {
        /// Where its pods would go: (which of its pods, which node). None for an empty node.
        moves: Vec<(usize, usize)>,
    },
}

/// Looks at the candidates in their order. `allows(node, pod, other)` says whether all but resources (taints,
/// affinity, …) lets a pod of a node go to another.
///
/// A pod goes to the first node that takes it. Moves are kept, so that later candidates see the room taken; a node that
/// goes takes in nothing, and one that took pods in does not go in the same pass.
pub fn simulate(
    nodes: &[Node],
    candidates: &[usize],
    config: &Config,
    allows: impl Fn(usize, usize, usize) -> bool,
) -> Vec<(usize, Verdict)> {
    let mut taken: BTreeMap<usize, Resources> = BTreeMap::new();
    let mut removed: BTreeSet<usize> = BTreeSet::new();
    let free: Vec<Resources> = nodes.iter().map(free).collect();
    let mut verdicts = Vec::with_capacity(candidates.len());
    for &at in candidates {
        let Some(node) = nodes.get(at) else { continue };
        if removed.contains(&at) {
            continue;
        }
        let verdict = if !eligible(node, config) {
            Verdict::NotEligible
        } else if taken.contains_key(&at) {
            Verdict::Destination
        } else {
            let room = |n: usize| free[n].minus(taken.get(&n).copied().unwrap_or_default());
            let open = |n: usize| n != at && !removed.contains(&n);
            moves(node, nodes.len(), config, room, |pod, n| open(n) && allows(at, pod, n))
        };
        if let Verdict::Removable { moves } = &verdict {
            removed.insert(at);
            for (pod, to) in moves {
                let sum = taken.entry(*to).or_default();
                *sum = sum.plus(node.pods[*pod].request);
            }
        }
        verdicts.push((at, verdict));
    }
    verdicts
}

fn free(node: &Node) -> Resources {
    node.pods.iter().fold(node.allocatable, |left, p| left.minus(p.request))
}

fn moves(
    node: &Node,
    others: usize,
    config: &Config,
    room: impl Fn(usize) -> Resources,
    open: impl Fn(usize, usize) -> bool,
) -> Verdict {
    // Every blocker before any placement, as upstream gathers the pods to move first.
    let mut to_move = Vec::new();
    for (i, pod) in node.pods.iter().enumerate() {
        match drain(pod, config) {
            Err(blocker) => return Verdict::Blocked(i, blocker),
            Ok(true) => to_move.push(i),
            Ok(false) => {}
        }
    }
    let mut here: BTreeMap<usize, Resources> = BTreeMap::new();
    let mut moves = Vec::new();
    for i in to_move {
        let request = node.pods[i].request;
        let fits = |n: &usize| open(i, *n) && request.fits(room(*n).minus(here.get(n).copied().unwrap_or_default()));
        let Some(to) = (0..others).find(fits) else { return Verdict::NoPlace(i) };
        let sum = here.entry(to).or_default();
        *sum = sum.plus(request);
        moves.push((i, to));
    }
    Verdict::Removable { moves }
}
