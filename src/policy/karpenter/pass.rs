//! One pass of the disruption controller, and the check of its decision a while later.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/controllers/disruption/{controller,emptiness,drift,validation}.go`. Upstream
//! sleeps while a decision waits to be checked; here the caller comes back for that.

use super::candidate::{self, Candidate};
use super::config::{Compat, POLL, RECONSIDER, VALIDATION_DELAY};
use super::consolidate::{self, Move};
use super::solve::{Planned, Question, Solver};
use super::view::{NodeIx, PoolIx, View};
use super::{Command, Karpenter, Method, budget, lifecycle};
use crate::units::{Rate, SimTime};

/// What comes of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do before `next`.
    Idle {
        /// When to begin again.
        next: SimTime,
    },
    /// Something, if it still holds at `at`: come back with [`Karpenter::resume`].
    Validate {
        /// What.
        command: Command,
        /// When.
        at: SimTime,
    },
    /// Taint the nodes, launch the replacements, delete the nodes when those are initialised; begin again at once.
    Act(Command),
}

/// Why a decision is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// Nodes are not candidates any more.
    Churn,
    /// A node is held for a pod, or budgets do not allow it any more.
    Budget,
    /// Simulating again gives something else.
    Scheduling,
}

impl Karpenter {
    /// Begins a pass: the first method that finds something ends it.
    pub fn begin(&mut self, view: &View<'_>, now: SimTime) -> Verdict {
        self.run(view, now, 0)
    }

    /// Checks what [`Karpenter::begin`] found. What is dropped makes the pass go on with the next method. Nodes must have
    /// kept their numbers.
    pub fn resume(&mut self, view: &View<'_>, command: Command, now: SimTime) -> Verdict {
        let method = command.method;
        if let Ok(command) = self.validate(view, command, now) {
            return Verdict::Act(command);
        }
        let order = Method::order(self.config.compat);
        let next = order.iter().position(|m| *m == method).map_or(order.len(), |i| i + 1);
        self.run(view, now, next)
    }

    fn run(&mut self, view: &View<'_>, now: SimTime, from: usize) -> Verdict {
        let config = self.config.clone();
        let mut solver: Option<Solver<'_>> = None;
        let mut verdict = Verdict::Idle { next: now + POLL };
        for method in &Method::order(config.compat)[from..] {
            let solver = solver.get_or_insert_with(|| Solver::with_candidates(&config, *view, now));
            if let Some(command) = self.by_method(*method, solver) {
                verdict = match method {
                    Method::Drift | Method::Expiration => Verdict::Act(command),
                    _ => Verdict::Validate { command, at: now + VALIDATION_DELAY },
                };
                break;
            }
        }
        self.work.simulations += solver.map_or(0, |s| s.simulations);
        verdict
    }

    fn by_method(&mut self, method: Method, solver: &mut Solver<'_>) -> Option<Command> {
        let (view, now) = (solver.view, solver.now);
        // Drift is rare, and what a method looks at is most of a pass.
        if method == Method::Drift && view.nodes.iter().all(|n| n.drifted.is_none()) {
            return None;
        }
        let mut candidates = candidates(solver, method);
        if candidates.is_empty() {
            return None;
        }
        let mut left = budget::remaining(view.pools, view.nodes, method.reason(), now, self.config.epoch);
        match method {
            Method::Expiration | Method::Drift => replace(solver, method, candidates, &left),
            Method::Emptiness => {
                candidate::sort(&mut candidates, self.config.compat);
                let chosen = within(&mut left, candidates);
                let some = !chosen.is_empty();
                some.then(|| command(solver, method, Move { candidates: chosen, replacement: None }))
            }
            Method::MultiNode => {
                if self.skips(0, view.revision, now) {
                    return None;
                }
                candidate::sort(&mut candidates, self.config.compat);
                let all = candidates.len();
                let chosen = within(&mut left, candidates);
                let totals = candidate::totals(&view, &solver.index);
                let found = consolidate::multi(solver, &chosen, &totals);
                // Had a budget been in the way, a later pass might find what this one did not.
                if found.is_none() && chosen.len() == all {
                    self.state.hopeless[0] = Some(self.state.epoch);
                }
                found.map(|m| command(solver, method, m))
            }
            Method::SingleNode => {
                if self.skips(1, view.revision, now) {
                    return None;
                }
                let remembers = self.state.memo.refresh(solver);
                if remembers && self.config.single_node_limit.is_none() {
                    // Where all are known to be hopeless, their order does not matter.
                    let memo = &self.state.memo;
                    let reached = |c: &Candidate| left[c.pool.at()] > 0;
                    if candidates.iter().all(|c| !reached(c) || memo.knows(solver, c)) {
                        if candidates.iter().all(reached) {
                            self.state.hopeless[1] = Some(self.state.epoch);
                        }
                        self.state.unseen.clear();
                        return None;
                    }
                }
                candidate::sort(&mut candidates, self.config.compat);
                let candidates = candidate::interleaved(&candidates, &self.state.unseen);
                self.single(solver, &candidates, &left, remembers)
            }
        }
    }

    /// Single-node consolidation: the first candidate that can go.
    fn single(
        &mut self,
        solver: &mut Solver<'_>,
        candidates: &[Candidate],
        left: &[u32],
        remembers: bool,
    ) -> Option<Command> {
        let totals = candidate::totals(&solver.view, &solver.index);
        let mut unseen: std::collections::BTreeSet<PoolIx> = candidates.iter().map(|c| c.pool).collect();
        let mut constrained = false;
        for (i, c) in candidates.iter().enumerate() {
            if self.config.single_node_limit.is_some_and(|limit| i >= limit) {
                self.state.unseen = unseen;
                return None;
            }
            unseen.remove(&c.pool);
            if left[c.pool.at()] == 0 {
                constrained = true;
                continue;
            }
            if !consolidate::can_pass(solver, c, &totals) || (remembers && self.state.memo.knows(solver, c)) {
                continue;
            }
            solver.gave_up = false;
            let found = consolidate::compute(solver, std::slice::from_ref(c)).ok();
            if remembers && solver.gave_up {
                self.state.memo.remember(solver, c);
            }
            if let Some(m) = found.filter(|m| consolidate::approved(solver, m, &totals)) {
                return Some(command(solver, Method::SingleNode, m));
            }
        }
        if !constrained {
            self.state.hopeless[1] = Some(self.state.epoch);
        }
        self.state.unseen = unseen;
        None
    }

    /// Whether a method found nothing and nothing has changed since, nor five minutes gone by.
    fn skips(&mut self, which: usize, revision: u64, now: SimTime) -> bool {
        let state = &mut self.state;
        if state.revision != Some(revision) || now.since(state.since) >= RECONSIDER {
            state.revision = Some(revision);
            state.epoch += 1;
            state.since = now;
        }
        let skip = state.hopeless[which] == Some(state.epoch);
        self.work.skipped += u64::from(skip);
        skip
    }

    /// Whether a decision still holds. Of empty nodes those go that still are; any other goes as a whole or not at all.
    ///
    /// # Errors
    /// Why it is dropped.
    pub fn validate(&mut self, view: &View<'_>, mut command: Command, now: SimTime) -> Result<Command, Abandoned> {
        let config = self.config.clone();
        let mut solver = Solver::new(&config, *view, now);
        let current = candidates(&solver, command.method);
        let find = |n: &NodeIx| current.iter().find(|c| c.node == *n).copied();
        let still: Vec<Candidate> = command.nodes.iter().filter_map(find).collect();
        let mut left = budget::remaining(view.pools, view.nodes, command.method.reason(), now, config.epoch);
        if still.is_empty() || (command.method != Method::Emptiness && still.len() != command.nodes.len()) {
            return Err(Abandoned::Churn);
        }
        let allowed = within(&mut left, still);
        if command.method == Method::Emptiness {
            if allowed.is_empty() {
                return Err(Abandoned::Budget);
            }
            command.nodes = allowed.iter().map(|c| c.node).collect();
            command.savings = Rate(allowed.iter().map(|c| c.price.0).sum());
            return Ok(command);
        }
        if allowed.len() != command.nodes.len() {
            return Err(Abandoned::Budget);
        }
        let found = solver.solve(Question { removed: &command.nodes, consolidation: true, cheaper_than: None });
        self.work.simulations += 1;
        let placed = !found.failed.iter().any(|p| view.pods[p.at()].node.is_some());
        let same = match (&found.planned[..], &command.replacements[..]) {
            ([], []) => true,
            ([new], [old]) => old.types.iter().all(|t| new.types.contains(t)),
            _ => false,
        };
        if placed && same { Ok(command) } else { Err(Abandoned::Scheduling) }
    }
}

/// The nodes that a method looks at, by name.
fn candidates(solver: &Solver<'_>, method: Method) -> Vec<Candidate> {
    let (config, view, index, now) = (solver.config, &solver.view, &solver.index, solver.now);
    let eventual = matches!(method, Method::Drift | Method::Expiration) && config.compat != Compat::V1Beta1;
    let mut all = match &solver.candidates {
        Some(all) if !eventual => all.clone(),
        _ => candidate::all(config, view, index, eventual, now),
    };
    let pool = |c: &Candidate| &view.pools[c.pool.at()];
    all.retain(|c| match method {
        Method::Expiration => lifecycle::has_expired(view, &view.nodes[c.node.at()], now),
        Method::Drift => pool(c).replicas.is_none() && view.nodes[c.node.at()].drifted.is_some(),
        Method::Emptiness => c.for_emptiness(config, pool(c), index),
        Method::MultiNode | Method::SingleNode => c.for_consolidation(config, view, index),
    });
    all
}

/// Those that budgets allow, in order; each takes one.
fn within(left: &mut [u32], candidates: Vec<Candidate>) -> Vec<Candidate> {
    let allowed = |c: &Candidate| {
        let left = &mut left[c.pool.at()];
        let some = *left > 0;
        *left = left.saturating_sub(1);
        some
    };
    let mut allowed = allowed;
    candidates.into_iter().filter(|c| allowed(c)).collect()
}

/// Drift (and expiry in v1beta1): the longest drifted first, nodes without pods before all; one at a time, with as many
/// new nodes as its pods need. Up to v1.13 all nodes without pods go in one command.
fn replace(solver: &mut Solver<'_>, method: Method, mut candidates: Vec<Candidate>, left: &[u32]) -> Option<Command> {
    let view = solver.view;
    candidates.sort_by_key(|c| {
        let n = &view.nodes[c.node.at()];
        let since = if method == Method::Drift { n.drifted.unwrap_or_default() } else { n.created };
        (!c.vacant, since, c.node)
    });
    if solver.config.compat != Compat::V1_14 {
        let vacant: Vec<Candidate> = candidates.iter().filter(|c| c.vacant).copied().collect();
        let chosen = within(&mut left.to_vec(), vacant);
        if !chosen.is_empty() {
            return Some(command(solver, method, Move { candidates: chosen, replacement: None }));
        }
    }
    for c in candidates.into_iter().filter(|c| left[c.pool.at()] > 0) {
        let found = solver.solve(Question { removed: &[c.node], consolidation: false, cheaper_than: None });
        if found.failed.iter().any(|p| view.pods[p.at()].node.is_some()) {
            continue;
        }
        let mut replacements: Vec<Planned> = found.planned;
        replacements.iter_mut().for_each(|p| solver.order(p));
        return Some(Command { method, nodes: vec![c.node], replacements, savings: Rate(0) });
    }
    None
}

fn command(solver: &Solver<'_>, method: Method, found: Move) -> Command {
    let savings = found.savings(solver);
    let nodes = found.candidates.iter().map(|c| c.node).collect();
    Command { method, nodes, replacements: found.replacement.into_iter().collect(), savings }
}
