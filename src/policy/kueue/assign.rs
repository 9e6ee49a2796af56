//! Which flavors a workload would get, and at what price: borrowing, preemption.
//!
//! Rules: kubernetes-sigs/kueue, `pkg/scheduler/flavorassigner`. A search always begins with the first flavor: upstream
//! goes on from the last one tried when a policy made it stop early.

use super::config::{ClusterQueue, Fungibility, Policy, ResourceGroup, WhenCan};
use super::fair;
use super::preempt::{self, Preemptor, Running};
use super::tree::{Amounts, Cell, Tree};
use super::view::{FlavorIx, PodSet, ResourceIx, Workload};

/// How a flavor could be had, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Not at all.
    NoFit,
    /// If somebody could be preempted, but nobody can.
    NoCandidates,
    /// By preemption of its own queue's workloads.
    Preempt,
    /// By preemption of others' only.
    Reclaim,
    /// As it is.
    Fit,
}

impl Mode {
    /// Whether somebody must go first.
    #[must_use]
    pub const fn preempts(self) -> bool {
        matches!(self, Mode::NoCandidates | Mode::Preempt | Mode::Reclaim)
    }
}

/// What a pod set gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSetFlavors {
    /// How many pods: fewer than asked for with partial admission.
    pub count: u32,
    /// By resource: its flavor, and how much.
    pub flavors: Vec<(ResourceIx, FlavorIx, i64)>,
}

/// What a workload would get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its pod sets, in order; empty when nothing fits.
    pub pod_sets: Vec<PodSetFlavors>,
    /// The worst of its flavors.
    pub mode: Mode,
    /// How high up the tree it borrows; 0: not at all.
    pub borrows: u32,
    /// All of it by cell.
    pub(super) usage: Amounts,
    /// Cells that somebody must leave.
    pub(super) short: Vec<Cell>,
}

/// A mode with how far it borrows.
type Grade = (Mode, u32);

/// A flavor, and by resource how much of it is wanted and how that could be had.
type Graded = (FlavorIx, Vec<(ResourceIx, i64, Grade)>);

fn preferred(a: Grade, b: Grade, f: &Fungibility) -> bool {
    if a.0 == Mode::NoFit || b.0 == Mode::NoFit {
        return a.0 != Mode::NoFit;
    }
    let hopeless = |g: Grade| g.0 == Mode::NoCandidates;
    if hopeless(a) != hopeless(b) {
        return hopeless(b);
    }
    if f.prefer_preemption && a.1 != b.1 {
        return a.1 < b.1;
    }
    if a.0 == b.0 { a.1 < b.1 } else { a.0 > b.0 }
}

fn looks_further(g: Grade, f: &Fungibility) -> bool {
    let next = |w| w == WhenCan::TryNextFlavor;
    matches!(g.0, Mode::NoFit | Mode::NoCandidates)
        || (g.0.preempts() && next(f.preempt))
        || (g.1 > 0 && next(f.borrow))
}

/// The search for one workload.
pub(super) struct Assigner<'a, 'r> {
    pub(super) tree: &'a mut Tree,
    pub(super) running: &'a Running<'r>,
    pub(super) workload: &'a Workload,
    pub(super) fair: Option<&'a [super::config::Strategy]>,
}

impl Assigner<'_, '_> {
    fn queue(&self) -> &ClusterQueue {
        &self.running.queues[self.workload.queue.0 as usize]
    }

    /// What pod sets of `counts` pods would get: a flavor for every resource of every one, or nothing.
    pub(super) fn assign(&mut self, counts: &[u32]) -> Assignment {
        let mut out =
            Assignment { pod_sets: Vec::new(), mode: Mode::Fit, borrows: 0, usage: Vec::new(), short: Vec::new() };
        let workload = self.workload;
        for (set, count) in workload.pod_sets.iter().zip(counts) {
            let mut given = PodSetFlavors { count: *count, flavors: Vec::new() };
            let mut requests: Vec<(ResourceIx, i64)> =
                set.requests.iter().map(|(r, v)| (*r, v.saturating_mul(i64::from(*count)))).collect();
            requests.sort_unstable();
            for (resource, _) in &requests {
                if given.flavors.iter().any(|(r, _, _)| r == resource) {
                    continue;
                }
                let group = self.queue().groups.iter().find(|g| g.resources.contains(resource)).cloned();
                let found = group.and_then(|g| self.flavor(set, &g, &requests, &out.usage));
                let Some((flavor, covered)) = found else {
                    return Assignment { pod_sets: Vec::new(), mode: Mode::NoFit, ..out };
                };
                for (r, value, (mode, borrows)) in covered {
                    out.mode = out.mode.min(mode);
                    out.borrows = out.borrows.max(borrows);
                    let cell = self.tree.cell(flavor, r);
                    if mode.preempts() && !out.short.contains(&cell) {
                        out.short.push(cell);
                    }
                    given.flavors.push((r, flavor, value));
                }
            }
            for (r, f, v) in &given.flavors {
                let cell = self.tree.cell(*f, *r);
                match out.usage.iter_mut().find(|(c, _)| *c == cell) {
                    Some((_, sum)) => *sum += v,
                    None => out.usage.push((cell, *v)),
                }
            }
            out.pod_sets.push(given);
        }
        out
    }

    /// The best flavor of a group for a pod set's resources in it.
    fn flavor(
        &mut self,
        set: &PodSet,
        group: &ResourceGroup,
        requests: &[(ResourceIx, i64)],
        assumed: &[(Cell, i64)],
    ) -> Option<Graded> {
        let fungibility = self.queue().fungibility;
        let mut best: Option<Graded> = None;
        let mut best_grade = (Mode::NoFit, u32::MAX);
        for f in &group.flavors {
            if set.flavors.as_ref().is_some_and(|allowed| !allowed.contains(&f.flavor)) {
                continue;
            }
            let mut worst = (Mode::Fit, 0);
            let mut covered = Vec::new();
            for (r, value) in requests.iter().filter(|(r, _)| group.resources.contains(r)) {
                let grade = self.grade(self.tree.cell(f.flavor, *r), *value, assumed);
                if preferred(worst, grade, &fungibility) {
                    worst = grade;
                }
                if worst.0 == Mode::NoFit {
                    break;
                }
                covered.push((*r, *value, grade));
            }
            let last = !looks_further(worst, &fungibility);
            if last || preferred(worst, best_grade, &fungibility) {
                best = Some((f.flavor, covered));
                best_grade = worst;
            }
            if last {
                break;
            }
        }
        best.filter(|_| best_grade.0 != Mode::NoFit)
    }

    /// How an amount could be had of a cell, on top of what earlier pod sets would use.
    fn grade(&mut self, cell: Cell, value: i64, assumed: &[(Cell, i64)]) -> Grade {
        let node = self.tree.queue(self.workload.queue);
        let before = assumed.iter().find(|(c, _)| *c == cell).map_or(0, |(_, v)| *v);
        let value = value.saturating_add(before);
        if value > self.tree.potential_at(node, cell) {
            return (Mode::NoFit, 0);
        }
        let (borrows, cohort_above) = self.tree.lowest_fit(node, cell, value);
        if value <= self.tree.left(node, cell).max(0) {
            return (Mode::Fit, borrows);
        }
        let preemption = self.queue().preemption;
        let while_borrowing =
            preemption.borrow.is_some() || (self.fair.is_some() && preemption.reclaim != Policy::Never);
        if self.tree.quota(node, cell).nominal >= value || cohort_above || while_borrowing {
            return self.oracle(node, cell, value);
        }
        (Mode::NoFit, borrows)
    }

    /// Whether preemption would free one cell, and whose.
    fn oracle(&mut self, node: usize, cell: Cell, value: i64) -> Grade {
        let targets = self.targets(&[(cell, value)], &[cell]);
        targets.iter().for_each(|i| self.running.give(self.tree, *i));
        let (borrows, _) = self.tree.lowest_fit(node, cell, value);
        targets.iter().for_each(|i| self.running.take(self.tree, *i));
        let own = |i: &usize| self.running.admitted[*i].queue == self.workload.queue;
        match &targets[..] {
            [] => (Mode::NoCandidates, borrows),
            some if some.iter().any(own) => (Mode::Preempt, borrows),
            _ => (Mode::Reclaim, borrows),
        }
    }

    /// Who must go for `usage`, of which the cells `short` are not there.
    pub(super) fn targets(&mut self, usage: &[(Cell, i64)], short: &[Cell]) -> Vec<usize> {
        let (queue, priority, queued) = (self.workload.queue, self.workload.priority, self.workload.queued);
        let p = Preemptor { queue, priority, queued, usage, short };
        match self.fair {
            Some(strategies) => fair::targets(self.tree, self.running, &p, strategies),
            None => preempt::targets(self.tree, self.running, &p),
        }
    }

    /// What the workload would get, and who must go for that; with fewer pods if that helps and it can do with fewer.
    pub(super) fn best(&mut self) -> (Assignment, Vec<usize>) {
        let full: Vec<u32> = self.workload.pod_sets.iter().map(|s| s.count).collect();
        let whole = self.assign(&full);
        if let Some(targets) = self.possible(&whole) {
            return (whole, targets);
        }
        let deltas: Vec<u32> =
            self.workload.pod_sets.iter().map(|s| s.count - s.min_count.unwrap_or(s.count).min(s.count)).collect();
        let total: u32 = deltas.iter().sum();
        if total == 0 {
            return (whole, Vec::new());
        }
        // Bisection for the first step down that fits; step `i` takes the share i/total of what each set can spare.
        let (mut low, mut high, mut found) = (0, total + 1, None);
        while low < high {
            let mid = low + (high - low) / 2;
            let step = |(n, d): (&u32, &u32)| n - (u64::from(*d) * u64::from(mid) / u64::from(total)) as u32;
            let counts: Vec<u32> = full.iter().zip(&deltas).map(step).collect();
            let reduced = self.assign(&counts);
            match self.possible(&reduced) {
                Some(targets) => {
                    found = Some((reduced, targets));
                    high = mid;
                }
                None => low = mid + 1,
            }
        }
        found.unwrap_or((whole, Vec::new()))
    }

    /// Whether an assignment can be had: as it is, or by preemption of somebody.
    fn possible(&mut self, a: &Assignment) -> Option<Vec<usize>> {
        match a.mode {
            Mode::NoFit => None,
            Mode::Fit => Some(Vec::new()),
            _ => Some(self.targets(&a.usage, &a.short)).filter(|t| !t.is_empty()),
        }
    }
}
