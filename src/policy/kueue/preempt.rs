//! Who must go so that a workload fits.
//!
//! Rules: kubernetes-sigs/kueue, `pkg/scheduler/preemption` (`preemption.go`, `classical`, `common`).

use std::cmp::Reverse;

use super::config::{ClusterQueue, Policy};
use super::tree::{Amounts, Cell, Tree};
use super::view::{Admitted, QueueIx};
use crate::units::SimTime;

/// Who wants in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preemptor<'a> {
    pub(super) queue: QueueIx,
    pub(super) priority: i32,
    pub(super) queued: SimTime,
    /// What it would use.
    pub(super) usage: &'a [(Cell, i64)],
    /// Of which cells something must be freed.
    pub(super) short: &'a [Cell],
}

/// Why a workload may be preempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    /// It is of the same queue.
    SameQueue,
    /// Its queue borrows what is closer to the preemptor's.
    Hierarchy,
    /// Its queue borrows, and the preemptor must not.
    ReclaimOnly,
    /// Its queue borrows, and the preemptor may.
    WhileBorrowing,
}

/// Workloads with quota, as usage by cell.
#[derive(Clone, Debug)]
pub(super) struct Running<'a> {
    pub(super) admitted: &'a [Admitted],
    pub(super) usage: Vec<Amounts>,
    pub(super) queues: &'a [ClusterQueue],
}

impl<'a> Running<'a> {
    pub(super) fn new(admitted: &'a [Admitted], queues: &'a [ClusterQueue], tree: &Tree) -> Running<'a> {
        let cells = |a: &Admitted| a.usage.iter().map(|(f, r, v)| (tree.cell(*f, *r), *v)).collect();
        Running { admitted, usage: admitted.iter().map(cells).collect(), queues }
    }
    pub(super) fn take(&self, tree: &mut Tree, i: usize) {
        let node = tree.queue(self.admitted[i].queue);
        self.usage[i].iter().for_each(|(c, v)| tree.add(node, *c, *v));
    }
    pub(super) fn give(&self, tree: &mut Tree, i: usize) {
        let node = tree.queue(self.admitted[i].queue);
        self.usage[i].iter().for_each(|(c, v)| tree.remove(node, *c, *v));
    }
    pub(super) fn uses(&self, i: usize, cells: &[Cell]) -> bool {
        self.usage[i].iter().any(|(c, _)| cells.contains(c))
    }
    /// In which order candidates go: those that are being evicted, those of other queues, the lowest priority, the last
    /// that got quota, by number.
    pub(super) fn order(&self, i: usize, own: QueueIx) -> (bool, bool, i32, Reverse<SimTime>, u64) {
        let a = &self.admitted[i];
        (!a.evicted, a.queue == own, a.priority, Reverse(a.reserved), a.uid)
    }
}

/// Whether `policy` lets a candidate go.
pub(super) fn permits(policy: Policy, p: &Preemptor<'_>, candidate: &Admitted) -> bool {
    let lower = p.priority > candidate.priority;
    match policy {
        Policy::Never => false,
        Policy::LowerPriority => lower,
        Policy::LowerOrNewerEqualPriority => lower || (p.priority == candidate.priority && p.queued < candidate.queued),
        Policy::Any => true,
    }
}

/// Whether the preemptor fits now.
pub(super) fn fits(tree: &Tree, p: &Preemptor<'_>, borrowing: bool) -> bool {
    let node = tree.queue(p.queue);
    p.usage.iter().all(|(c, v)| (borrowing || !tree.borrows_with(node, *c, *v)) && *v <= tree.left(node, *c).max(0))
}

/// Puts back, last first, whoever need not go; the last one that went is needed.
pub(super) fn fill_back(
    tree: &mut Tree,
    running: &Running<'_>,
    mut targets: Vec<usize>,
    fits: impl Fn(&mut Tree) -> bool,
) -> Vec<usize> {
    for i in (0..targets.len().saturating_sub(1)).rev() {
        running.take(tree, targets[i]);
        if fits(tree) {
            targets.swap_remove(i);
        } else {
            running.give(tree, targets[i]);
        }
    }
    targets
}

/// A candidate, why, and the lowest cohort that it shares with the preemptor.
type Candidate = (usize, Variant, Option<usize>);

/// The workloads (positions in the view) that must go so that the preemptor fits; empty if that cannot be. The tree is
/// left as it was.
pub(super) fn targets(tree: &mut Tree, running: &Running<'_>, p: &Preemptor<'_>) -> Vec<usize> {
    let own = &running.queues[p.queue.0 as usize];
    let node = tree.queue(p.queue);
    let mut same = Vec::new();
    for i in 0..running.admitted.len() {
        let a = &running.admitted[i];
        if a.queue == p.queue && running.uses(i, p.short) && permits(own.preemption.within_queue, p, a) {
            same.push((i, Variant::SameQueue, None));
        }
    }
    let (mut hierarchy, mut priority) = others(tree, running, p);
    for list in [&mut same, &mut hierarchy, &mut priority] {
        list.sort_by_key(|(i, _, _)| running.order(*i, p.queue));
    }
    let (no_others, no_hierarchy) = (hierarchy.is_empty() && priority.is_empty(), hierarchy.is_empty());
    let evicted = |(i, _, _): &&Candidate| running.admitted[*i].evicted;
    let lists = [&hierarchy, &priority, &same];
    let first = lists.iter().flat_map(|l| l.iter().filter(evicted));
    let then = lists.iter().flat_map(|l| l.iter().filter(|c| !evicted(c)));
    let all: Vec<Candidate> = first.chain(then).copied().collect();
    let forbidden = own.preemption.borrow.is_none();
    let under_nominal = p.short.iter().all(|c| tree.quota(node, *c).nominal > tree.used(node, *c));
    let attempts: &[bool] = if no_others || (forbidden && !under_nominal) {
        &[true]
    } else if forbidden && no_hierarchy {
        &[false, true]
    } else {
        &[true, false]
    };
    for borrowing in attempts {
        let mut gone = Vec::new();
        for (i, variant, shared) in &all {
            if !valid(tree, running, p, (*i, *variant, *shared), *borrowing) {
                continue;
            }
            running.give(tree, *i);
            gone.push(*i);
            if fits(tree, p, *borrowing) {
                let targets = fill_back(tree, running, gone, |t| fits(t, p, *borrowing));
                targets.iter().for_each(|i| running.take(tree, *i));
                return targets;
            }
        }
        gone.iter().for_each(|i| running.take(tree, *i));
    }
    Vec::new()
}

/// Whether a candidate still is one: those of other queues only as long as their queue, and every cohort of theirs below
/// the shared one, uses more than it has.
fn valid(
    tree: &Tree,
    running: &Running<'_>,
    p: &Preemptor<'_>,
    (i, variant, shared): Candidate,
    borrowing: bool,
) -> bool {
    if variant == Variant::SameQueue {
        return true;
    }
    if borrowing && variant == Variant::ReclaimOnly {
        return false;
    }
    let node = tree.queue(running.admitted[i].queue);
    let path = std::iter::once(node).chain(tree.ancestors(node).take_while(|n| Some(*n) != shared));
    path.into_iter().all(|n| !tree.within_nominal(n, p.short))
}

/// Candidates of other queues: those over which the preemptor has the advantage that the quota is closer to it, and
/// those that go by priority.
fn others(tree: &Tree, running: &Running<'_>, p: &Preemptor<'_>) -> (Vec<Candidate>, Vec<Candidate>) {
    let (mut hierarchy, mut priority) = (Vec::new(), Vec::new());
    let own = &running.queues[p.queue.0 as usize];
    let node = tree.queue(p.queue);
    if own.preemption.reclaim == Policy::Never {
        return (hierarchy, priority);
    }
    let (mut advantage, mut rest) = tree.fits_here(node, p.usage);
    let mut below = node;
    for cohort in tree.ancestors(node) {
        let list = if advantage { &mut hierarchy } else { &mut priority };
        collect(tree, running, p, (cohort, cohort, below), advantage, list);
        let fits;
        (fits, rest) = tree.fits_here(cohort, &rest);
        advantage |= fits;
        below = cohort;
    }
    (hierarchy, priority)
}

/// Candidates below `at`, without the subtree that was looked at before and those that use no more than they have.
fn collect(
    tree: &Tree,
    running: &Running<'_>,
    p: &Preemptor<'_>,
    (at, shared, skip): (usize, usize, usize),
    advantage: bool,
    list: &mut Vec<Candidate>,
) {
    let own = &running.queues[p.queue.0 as usize];
    for child in tree.children(at).iter().filter(|c| **c != skip && !tree.within_nominal(**c, p.short)) {
        let Some(queue) = tree.queue_of(*child) else {
            collect(tree, running, p, (*child, shared, skip), advantage, list);
            continue;
        };
        for (i, a) in running.admitted.iter().enumerate().filter(|(_, a)| a.queue == queue) {
            if !running.uses(i, p.short) || !permits(own.preemption.reclaim, p, a) {
                continue;
            }
            let variant = match &own.preemption.borrow {
                _ if advantage => Variant::Hierarchy,
                None => Variant::ReclaimOnly,
                Some(b) if a.priority >= p.priority || b.max_priority.is_some_and(|max| a.priority > max) => {
                    Variant::ReclaimOnly
                }
                Some(_) => Variant::WhileBorrowing,
            };
            list.push((i, variant, Some(shared)));
        }
    }
}
