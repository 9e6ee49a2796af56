//! Kueue, by itself: which workloads are admitted, with which flavors, and who is preempted for them.
//!
//! - [`Config`]: cohorts and cluster queues with their quotas, with upstream's defaults and validation;
//! - [`Tree`]: who may use what, borrowing and lending included; [`Share`]: how much somebody borrows;
//! - [`Kueue::cycle`]: one scheduling cycle over the heads of all queues;
//! - [`requeue_after`]: how long a workload waits whose pods were not ready in time.
//!
//! Rules: kubernetes-sigs/kueue v0.19, `pkg/scheduler` and `pkg/cache/scheduler`. Amounts are whole numbers in whatever
//! unit a resource is counted. Where upstream's order is that of a map, ours is by number.
//!
//! Not modelled: topology-aware scheduling, admission checks, workload slices, concurrent admission, admission fair
//! sharing, and the order of the heads by share under fair sharing.

use std::collections::BTreeSet;

use crate::units::Duration;

mod assign;
mod config;
mod fair;
mod preempt;
#[cfg(test)]
mod tests;
mod tree;
mod view;

pub use assign::{Assignment, Mode, PodSetFlavors};
pub use config::{
    BorrowWithinCohort, ClusterQueue, Cohort, Config, ConfigError, FlavorQuotas, Fungibility, Policy, Preemption,
    Queueing, Quota, ResourceGroup, Strategy, Weight, WhenCan,
};
pub use tree::{Share, Tree};
pub use view::{Admitted, CohortIx, FlavorIx, PodSet, QueueIx, ResourceIx, View, Workload};

use assign::Assigner;
use preempt::Running;
use tree::Amounts;

/// What becomes of the head of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It gets its quota.
    Admit(Assignment),
    /// These workloads (their numbers) are evicted; it is looked at again when they are gone.
    Preempt {
        /// What it will get if nothing changes.
        assignment: Assignment,
        /// Who goes.
        targets: Vec<u64>,
    },
    /// It does not fit, or nobody can be preempted for it. Without strict order it is set aside until quota is freed.
    Inadmissible(Mode),
    /// Somebody before it in this cycle took what it needed, or preempts the same workload: it is looked at again.
    Skipped,
}

/// What a cycle decides about one workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which workload.
    pub uid: u64,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// Kueue at work.
#[derive(Clone, Debug)]
pub struct Kueue {
    config: Config,
    tree: Tree,
    /// Workloads set aside, with their queues.
    aside: BTreeSet<(QueueIx, u64)>,
}

/// A head with what it would get.
struct Entry<'a> {
    workload: &'a Workload,
    assignment: Assignment,
    targets: Vec<usize>,
}

impl Kueue {
    /// Kueue with nothing admitted.
    ///
    /// # Errors
    /// All that the API server would refuse.
    pub fn new(config: Config) -> Result<Kueue, Vec<ConfigError>> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Kueue { tree: Tree::new(&config), config, aside: BTreeSet::new() })
    }
    /// How it is set up.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }
    /// Quota was freed in a queue: everything set aside in its cohorts is looked at again.
    pub fn freed(&mut self, queue: QueueIx) {
        let tree = &self.tree;
        let root = tree.root(tree.queue(queue));
        self.aside.retain(|(q, _)| tree.root(tree.queue(*q)) != root);
    }
    /// Quotas with what the admitted workloads use.
    #[must_use]
    pub fn tree(&self, admitted: &[Admitted]) -> Tree {
        let mut tree = self.tree.clone();
        let running = Running::new(admitted, &self.config.queues, &tree);
        for i in 0..admitted.len() {
            running.take(&mut tree, i);
        }
        tree
    }

    /// One cycle: the head of every queue, in order: who borrows least far, then the highest priority, then who waits
    /// longest (ties: by number). A queue's head is its highest priority, then who waits longest, that is not set aside.
    pub fn cycle(&mut self, view: &View<'_>) -> Vec<Decision> {
        let mut tree = self.tree(view.admitted);
        let config = self.config.clone();
        let running = Running::new(view.admitted, &config.queues, &tree);
        let heads = self.heads(view.pending);
        let fair = config.fair_sharing.as_deref();
        let mut entries: Vec<Entry<'_>> = heads
            .into_iter()
            .map(|workload| {
                let (assignment, targets) = Assigner { tree: &mut tree, running: &running, workload, fair }.best();
                Entry { workload, assignment, targets }
            })
            .collect();
        entries.sort_by_key(|e| {
            (e.assignment.borrows, -i64::from(e.workload.priority), e.workload.queued, e.workload.uid)
        });
        let mut preempted: BTreeSet<usize> = BTreeSet::new();
        let mut decisions = Vec::new();
        for e in entries {
            let outcome = process(&mut tree, &running, &mut preempted, &e);
            let queue = e.workload.queue;
            let strict = config.queues[queue.0 as usize].queueing == Queueing::StrictFifo;
            if matches!(outcome, Outcome::Inadmissible(_)) && !strict {
                self.aside.insert((queue, e.workload.uid));
            }
            decisions.push(Decision { uid: e.workload.uid, outcome });
        }
        decisions
    }

    fn heads<'a>(&self, pending: &'a [Workload]) -> Vec<&'a Workload> {
        let mut heads: Vec<Option<&Workload>> = vec![None; self.config.queues.len()];
        let key = |w: &Workload| (-i64::from(w.priority), w.queued, w.uid);
        for w in pending.iter().filter(|w| !self.aside.contains(&(w.queue, w.uid))) {
            let head = &mut heads[w.queue.0 as usize];
            if head.is_none_or(|h| key(w) < key(h)) {
                *head = Some(w);
            }
        }
        heads.into_iter().flatten().collect()
    }
}

/// Decides about one head, after those before it.
fn process(tree: &mut Tree, running: &Running<'_>, preempted: &mut BTreeSet<usize>, e: &Entry<'_>) -> Outcome {
    let node = tree.queue(e.workload.queue);
    let mode = e.assignment.mode;
    if mode == Mode::NoFit {
        return Outcome::Inadmissible(mode);
    }
    if mode.preempts() && e.targets.is_empty() {
        // What it waits for is held for it in this cycle, unless it can always take it back later.
        if running.queues[e.workload.queue.0 as usize].preemption.reclaim != Policy::Any {
            for (cell, amount) in reservation(tree, node, &e.assignment) {
                tree.add(node, cell, amount);
            }
        }
        return Outcome::Inadmissible(Mode::NoCandidates);
    }
    if e.targets.iter().any(|t| preempted.contains(t)) {
        return Outcome::Skipped;
    }
    let fits = |tree: &Tree| e.assignment.usage.iter().all(|(c, v)| *v <= tree.left(node, *c).max(0));
    let at_once = fits(tree);
    let gone: Vec<usize> = preempted.iter().chain(&e.targets).copied().collect();
    gone.iter().for_each(|i| running.give(tree, *i));
    let then = fits(tree);
    gone.iter().for_each(|i| running.take(tree, *i));
    if !then {
        return Outcome::Skipped;
    }
    if mode == Mode::Fit && !at_once {
        // It will fit once those are gone that somebody before it preempts.
        e.assignment.usage.iter().for_each(|(c, v)| tree.add(node, *c, *v));
        return Outcome::Skipped;
    }
    preempted.extend(&e.targets);
    e.assignment.usage.iter().for_each(|(c, v)| tree.add(node, *c, *v));
    let assignment = e.assignment.clone();
    if mode.preempts() {
        let targets = e.targets.iter().map(|i| running.admitted[*i].uid).collect();
        Outcome::Preempt { assignment, targets }
    } else {
        Outcome::Admit(assignment)
    }
}

/// How much of what it needs a workload holds while nobody can be preempted for it: what is left of its queue's own, or
/// as much as the queue may borrow.
fn reservation(tree: &Tree, node: usize, a: &Assignment) -> Amounts {
    let of = |(cell, usage): &(usize, i64)| {
        let quota = tree.quota(node, *cell);
        let used = tree.used(node, *cell);
        let held = match quota.borrowing {
            None if a.borrows > 0 => *usage,
            Some(limit) if a.borrows > 0 => *usage.min(&(quota.nominal + limit - used)),
            _ => (*usage.min(&(quota.nominal - used))).max(0),
        };
        (*cell, held)
    };
    a.usage.iter().map(of).collect()
}

/// How long a workload waits that was evicted for the `count`th time because its pods were not ready in time: 60 s,
/// doubled each time, at most an hour (`waitForPodsReady.requeuingStrategy`). Upstream adds up to 0.01 % at random.
#[must_use]
pub fn requeue_after(count: u32) -> Duration {
    let seconds = 60_u64.checked_shl(count.saturating_sub(1)).filter(|s| *s >= 60).unwrap_or(3600);
    Duration::from_secs(seconds.min(3600))
}
