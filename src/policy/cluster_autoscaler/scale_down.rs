//! Which nodes are unneeded, and why the others are not.
//!
//! Rules: `core/scaledown/{planner,eligibility,unremovable}`, `simulator/cluster.go`, and, for how many candidates are
//! looked at, the flags `--scale-down-non-empty-candidates-count` and `--scale-down-candidates-pool-*`.

use std::collections::BTreeMap;

use super::config::Config;
use super::decision::{Move, WhyNot};
use super::room::Room;
use super::timing::{Unneeded, over};
use super::utilisation::{Blocker, drain, low, utilisation};
use super::view::{Bound, Deleting, NodeId, Shape, ShapeIx, View};
use crate::units::SimTime;

/// A node that a simulation found unremovable: it is not tried again for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Recheck {
    pub(super) node: NodeId,
    pub(super) until: SimTime,
    pub(super) why: WhyNot,
}

/// A node that could go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Removable {
    /// Which of the view's nodes.
    pub(super) at: usize,
    /// Where its pods would go; none for an empty node.
    pub(super) moves: Vec<Move>,
}

/// What a pass knows from those before it.
pub(super) struct Known<'a> {
    pub(super) unneeded: &'a Unneeded,
    /// In the order of numbers; none that is over.
    pub(super) recheck: &'a [Recheck],
    pub(super) hints: &'a BTreeMap<NodeId, Vec<Move>>,
}

/// What a pass finds.
pub(super) struct Found {
    /// Nodes that could go, in the order in which they were looked at.
    pub(super) removable: Vec<Removable>,
    /// Nodes that a simulation found unremovable.
    pub(super) failed: Vec<Recheck>,
    /// By node why it stays; `None` for those that could go.
    pub(super) why: Vec<Option<WhyNot>>,
}

/// Whether pods of a shape count at all: those of very low priority do not.
pub(super) fn counted(config: &Config, shape: &Shape) -> bool {
    shape.priority >= config.expendable_below
}

/// The pods of a node that count, with those that this scan put there.
fn pods<'a>(config: &'a Config, view: &'a View<'_>, room: &'a Room<'_>, at: usize) -> impl Iterator<Item = Bound> {
    let (node, shapes) = (&view.nodes[at], view.shapes);
    node.pods.iter().chain(room.extra(at)).filter(|b| counted(config, &shapes[b.shape.at()])).copied()
}

/// One pass over all candidates. `room` holds the pods that wait and fit already; it gets the moves of the nodes that
/// could go. `starting` are nodes that are not ready yet.
pub(super) fn pass(
    config: &Config,
    view: &View<'_>,
    room: &mut Room<'_>,
    starting: &[bool],
    known: &Known<'_>,
    now: SimTime,
) -> Found {
    let n = view.nodes.len();
    let mut received = vec![false; n];
    settle_drains(config, view, room, &mut received);
    let mut allowed: Vec<i64> = view.pdbs.iter().map(|p| i64::from(p.allowed)).collect();
    let mut found = Found { removable: Vec::new(), failed: Vec::new(), why: vec![None; n] };

    let (mut empty, mut before, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let mut recheck = known.recheck.iter().peekable();
    for (at, node) in view.nodes.iter().enumerate() {
        while recheck.next_if(|r| r.node < node.id).is_some() {}
        let recent = recheck.next_if(|r| r.node == node.id);
        if let Some(why) = ineligible(config, view, room, at, starting[at], recent) {
            found.why[at] = Some(why);
        } else if pods(config, view, room, at)
            .all(|b| b.overdue || drain(&view.shapes[b.shape.at()], &[], &config.utilisation) == Ok(false))
        {
            empty.push(at);
        } else if known.unneeded.since(node.id).is_some() {
            before.push(at);
        } else {
            others.push(at);
        }
    }

    let limit = Unneeded::limit(known.unneeded.len(), &config.timing);
    // Groups that go as a whole do not count against the limit.
    let whole = |at: usize| view.nodes[at].group.is_some_and(|g| view.groups[g.at()].whole);
    let share = (n * config.pool_percent as usize).div_ceil(100);
    let pool = share.max(config.pool_min as usize).min(others.len());
    let (mut counting, mut loaded) = (0, 0);
    let order = empty.iter().map(|at| (*at, false)).chain(before.iter().map(|at| (*at, false)));
    let order: Vec<(usize, bool)> = order.chain(others.iter().map(|at| (*at, true))).collect();
    let (fresh_from, mut fresh) = (empty.len() + before.len(), 0);
    for (place, (at, new)) in order.iter().copied().enumerate() {
        if place == fresh_from {
            // Of new candidates as many as the flag leaves after those that were unneeded before.
            fresh = (config.candidates as usize).saturating_sub(loaded);
        }
        let beyond = new && (place - fresh_from >= pool || fresh == 0);
        if counting >= limit || beyond {
            found.why[at] = Some(WhyNot::NotExamined);
            continue;
        }
        if received[at] {
            found.why[at] = Some(WhyNot::Destination);
            continue;
        }
        let hints = known.hints.get(&view.nodes[at].id).map_or(&[][..], Vec::as_slice);
        match simulate(config, view, room, at, hints, &allowed) {
            Ok(moves) => {
                room.keep();
                room.close(at);
                for m in &moves {
                    if let Ok(to) = view.nodes.binary_search_by_key(&m.to, |node| node.id) {
                        received[to] = true;
                    }
                    for b in &view.shapes[m.shape.at()].pdbs {
                        if let Some(left) = allowed.get_mut(*b as usize) {
                            *left -= i64::from(m.count);
                        }
                    }
                }
                counting += usize::from(!whole(at));
                loaded += usize::from(!moves.is_empty());
                fresh -= usize::from(new);
                found.removable.push(Removable { at, moves });
            }
            Err(failure) => {
                room.undo();
                let until = over(now, config.timing.recheck, false);
                let why = match failure {
                    Failure::Blocked(shape, why) => WhyNot::Blocked { shape, why, again: until },
                    Failure::NoPlace(shape) => WhyNot::NoPlace { shape, again: until },
                };
                found.why[at] = Some(why);
                found.failed.push(Recheck { node: view.nodes[at].id, until, why });
            }
        }
    }
    found
}

/// Why a node is no candidate at all.
fn ineligible(
    config: &Config,
    view: &View<'_>,
    room: &Room<'_>,
    at: usize,
    starting: bool,
    recent: Option<&Recheck>,
) -> Option<WhyNot> {
    let node = &view.nodes[at];
    let Some(group) = node.group.map(|g| &view.groups[g.at()]) else { return Some(WhyNot::NotAutoscaled) };
    if node.deleting != Deleting::No {
        return Some(WhyNot::Deleting);
    }
    if starting {
        return Some(WhyNot::Starting);
    }
    if group.target <= group.min {
        return Some(WhyNot::GroupAtMin);
    }
    if let Some(recent) = recent {
        return Some(recent.why);
    }
    if node.disabled {
        return Some(WhyNot::Disabled);
    }
    let share = utilisation(node, pods(config, view, room, at), view.shapes, &config.utilisation);
    (!low(node, share, &config.utilisation)).then_some(WhyNot::Utilised { share })
}

/// Puts the pods of nodes that are being drained where they may go, as far as there is room: it is taken already.
fn settle_drains(config: &Config, view: &View<'_>, room: &mut Room<'_>, received: &mut [bool]) {
    for node in view.nodes.iter().filter(|n| n.deleting == Deleting::Drain) {
        for b in node.pods.iter().filter(|b| !b.overdue) {
            let shape = &view.shapes[b.shape.at()];
            if counted(config, shape) && drain(shape, &[], &config.utilisation) != Ok(false) {
                room.fill(b.shape, b.count, view.nodes.len(), None, |at, _| received[at] = true);
            }
        }
    }
    room.keep();
}

enum Failure {
    Blocked(ShapeIx, Blocker),
    NoPlace(ShapeIx),
}

/// Finds places for the pods of a node: first where the last pass had them go, then the first node that takes them. The
/// moves are in `room`; the caller keeps or undoes them.
fn simulate(
    config: &Config,
    view: &View<'_>,
    room: &mut Room<'_>,
    at: usize,
    hints: &[Move],
    allowed: &[i64],
) -> Result<Vec<Move>, Failure> {
    // Every blocker before any placement, as upstream gathers the pods to move first.
    let mut to_move: Vec<(ShapeIx, u32)> = Vec::new();
    for b in pods(config, view, room, at).filter(|b| !b.overdue) {
        match drain(&view.shapes[b.shape.at()], allowed, &config.utilisation) {
            Err(blocker) => return Err(Failure::Blocked(b.shape, blocker)),
            Ok(true) => to_move.push((b.shape, b.count)),
            Ok(false) => {}
        }
    }
    let mut moves: Vec<Move> = Vec::new();
    for (shape, count) in &to_move {
        room.leave(*shape, *count, at);
    }
    for (shape, count) in to_move {
        let mut left = count;
        let mut note = |place: usize, count: u32| {
            let to = view.nodes[place].id;
            match moves.iter_mut().find(|m| m.shape == shape && m.to == to) {
                Some(m) => m.count += count,
                None => moves.push(Move { shape, count, to }),
            }
        };
        for hint in hints.iter().filter(|h| h.shape == shape) {
            let Ok(to) = view.nodes.binary_search_by_key(&hint.to, |node| node.id) else { continue };
            if to == at {
                continue;
            }
            let mut wanted = hint.count.min(left);
            while wanted > 0 {
                let n = room.put(shape, wanted, to);
                if n == 0 {
                    break;
                }
                note(to, n);
                wanted -= n;
                left -= n;
            }
        }
        left -= room.fill(shape, left, view.nodes.len(), Some(at), note);
        if left > 0 {
            return Err(Failure::NoPlace(shape));
        }
    }
    Ok(moves)
}
