//! Preemption under fair sharing: from those whose share is largest.
//!
//! Rules: kubernetes-sigs/kueue, `pkg/scheduler/preemption/{preemption.go,fairsharing}`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::config::{Policy, Strategy};
use super::preempt::{self, Preemptor, Running};
use super::tree::{Share, Tree};

/// Candidates by queue, and which parts of the tree have no more.
struct Queues<'a, 'r> {
    running: &'a Running<'r>,
    own: usize,
    own_queue: super::QueueIx,
    path: BTreeSet<usize>,
    waiting: BTreeMap<usize, VecDeque<usize>>,
    pruned: BTreeSet<usize>,
}

impl<'a, 'r> Queues<'a, 'r> {
    fn new(tree: &Tree, running: &'a Running<'r>, p: &Preemptor<'_>, candidates: &[usize]) -> Queues<'a, 'r> {
        let own = tree.queue(p.queue);
        let mut waiting: BTreeMap<usize, VecDeque<usize>> = BTreeMap::new();
        for i in candidates {
            waiting.entry(tree.queue(running.admitted[*i].queue)).or_default().push_back(*i);
        }
        let path = tree.ancestors(own).collect();
        Queues { running, own, own_queue: p.queue, path, waiting, pruned: BTreeSet::new() }
    }
    fn head(&self, queue: usize) -> Option<usize> {
        self.waiting.get(&queue).and_then(|w| w.front().copied())
    }
    fn pop(&mut self, queue: usize) -> Option<usize> {
        self.waiting.get_mut(&queue).and_then(VecDeque::pop_front)
    }

    /// The next queue to take from: down from the root, always to the child with the largest share.
    fn next(&mut self, tree: &Tree) -> Option<usize> {
        if tree.parent(self.own).is_none() {
            return (!self.pruned.contains(&self.own) && self.head(self.own).is_some()).then_some(self.own);
        }
        let root = tree.root(self.own);
        while !self.pruned.contains(&root) {
            if let Some(found) = self.below(tree, root) {
                return Some(found);
            }
        }
        None
    }

    fn below(&mut self, tree: &Tree, cohort: usize) -> Option<usize> {
        let mut queue: Option<(usize, Share)> = None;
        let mut deeper: Option<(usize, Share)> = None;
        for child in tree.children(cohort) {
            if self.pruned.contains(child) {
                continue;
            }
            let share = tree.share_at(*child);
            if tree.queue_of(*child).is_none() {
                if !share.borrowing && !self.path.contains(child) {
                    self.pruned.insert(*child);
                } else if deeper.is_none_or(|(_, s)| share.compare(&s) != Ordering::Less) {
                    deeper = Some((*child, share));
                }
                continue;
            }
            let Some(head) = self.head(*child).filter(|_| share.borrowing || *child == self.own) else {
                self.pruned.insert(*child);
                continue;
            };
            let better = match queue {
                None => true,
                Some((other, s)) => match share.compare(&s) {
                    Ordering::Greater => true,
                    Ordering::Less => false,
                    // Equal shares: whose candidate comes first.
                    Ordering::Equal => self.head(other).is_none_or(|o| {
                        self.running.order(head, self.own_queue) < self.running.order(o, self.own_queue)
                    }),
                },
            };
            if better {
                queue = Some((*child, share));
            }
        }
        match (queue, deeper) {
            (None, None) => {
                self.pruned.insert(cohort);
                None
            }
            (Some((q, s)), Some((c, t))) => {
                if t.compare(&s) == Ordering::Less {
                    Some(q)
                } else {
                    self.below(tree, c)
                }
            }
            (Some((q, _)), None) => Some(q),
            (None, Some((c, _))) => self.below(tree, c),
        }
    }

    /// The preemptor's and a target's subtrees right below the cohort that they share.
    fn sides(&self, tree: &Tree, target: usize) -> (usize, usize) {
        let shared = tree.ancestors(target).find(|n| self.path.contains(n));
        let side = |node: usize| tree.ancestors(node).take_while(|n| Some(*n) != shared).last().unwrap_or(node);
        (side(self.own), side(target))
    }
}

/// The workloads that must go so that the preemptor fits; empty if that cannot be. The tree is left as it was.
pub(super) fn targets(
    tree: &mut Tree,
    running: &Running<'_>,
    p: &Preemptor<'_>,
    strategies: &[Strategy],
) -> Vec<usize> {
    let own = &running.queues[p.queue.0 as usize];
    let node = tree.queue(p.queue);
    let root = tree.root(node);
    let mut candidates: Vec<usize> = (0..running.admitted.len())
        .filter(|i| {
            let a = &running.admitted[*i];
            let queue = tree.queue(a.queue);
            let policy = if a.queue == p.queue {
                own.preemption.within_queue
            } else {
                let borrows = p.short.iter().any(|c| tree.borrows_with(queue, *c, 0));
                let related = tree.parent(node).is_some() && tree.root(queue) == root && borrows;
                if related { own.preemption.reclaim } else { Policy::Never }
            };
            running.uses(*i, p.short) && preempt::permits(policy, p, a)
        })
        .collect();
    if candidates.is_empty() {
        return candidates;
    }
    candidates.sort_by_key(|i| running.order(*i, p.queue));
    // Shares count the preemptor in.
    p.usage.iter().for_each(|(c, v)| tree.add(node, *c, *v));
    let fits = |tree: &mut Tree| {
        p.usage.iter().for_each(|(c, v)| tree.remove(node, *c, *v));
        let fits = preempt::fits(tree, p, true);
        p.usage.iter().for_each(|(c, v)| tree.add(node, *c, *v));
        fits
    };
    let default = [Strategy::FinalShare, Strategy::InitialShare];
    let strategies = if strategies.is_empty() { &default[..] } else { strategies };
    let (mut gone, mut again) = (Vec::new(), Vec::new());
    let mut done = first(tree, running, p, &candidates, strategies[0], &fits, (&mut gone, &mut again));
    if !done && strategies.len() > 1 {
        done = second(tree, running, p, &again, &fits, &mut gone);
    }
    p.usage.iter().for_each(|(c, v)| tree.remove(node, *c, *v));
    if done {
        gone = preempt::fill_back(tree, running, gone, |t| preempt::fits(t, p, true));
    }
    gone.iter().for_each(|i| running.take(tree, *i));
    if done { gone } else { Vec::new() }
}

/// The first strategy, over all candidates; those that it spares are kept for the second.
fn first(
    tree: &mut Tree,
    running: &Running<'_>,
    p: &Preemptor<'_>,
    candidates: &[usize],
    strategy: Strategy,
    fits: &impl Fn(&mut Tree) -> bool,
    (gone, again): (&mut Vec<usize>, &mut Vec<usize>),
) -> bool {
    let mut queues = Queues::new(tree, running, p, candidates);
    let own = queues.own;
    // Who stays within its own quota takes it back whatever the shares.
    let entitled = p.short.iter().all(|c| !tree.borrows_with(own, *c, 0));
    while let Some(queue) = queues.next(tree) {
        if queue == own || entitled {
            let Some(i) = queues.pop(queue) else { break };
            running.give(tree, i);
            gone.push(i);
            if fits(tree) {
                return true;
            }
            continue;
        }
        let (mine, theirs) = queues.sides(tree, queue);
        let (new, old) = (tree.share_at(mine), tree.share_at(theirs));
        while let Some(i) = queues.pop(queue) {
            running.give(tree, i);
            let passes = match strategy {
                Strategy::FinalShare => new.compare(&tree.share_at(theirs)) != Ordering::Greater,
                Strategy::InitialShare => new.compare(&old) == Ordering::Less,
            };
            if !passes {
                running.take(tree, i);
                again.push(i);
                continue;
            }
            gone.push(i);
            if fits(tree) {
                return true;
            }
            // Shares have changed: another queue may be next.
            break;
        }
    }
    false
}

/// The second strategy, `LessThanInitialShare`, at most once for each queue.
fn second(
    tree: &mut Tree,
    running: &Running<'_>,
    p: &Preemptor<'_>,
    again: &[usize],
    fits: &impl Fn(&mut Tree) -> bool,
    gone: &mut Vec<usize>,
) -> bool {
    let mut queues = Queues::new(tree, running, p, again);
    while let Some(queue) = queues.next(tree) {
        let (mine, theirs) = queues.sides(tree, queue);
        let passes = tree.share_at(mine).compare(&tree.share_at(theirs)) == Ordering::Less;
        if let Some(i) = queues.pop(queue)
            && passes
        {
            running.give(tree, i);
            gone.push(i);
            if fits(tree) {
                return true;
            }
        }
        queues.pruned.insert(queue);
    }
    false
}
