//! Quotas of cluster queues and cohorts, and who uses what of whose.
//!
//! Rules: kubernetes-sigs/kueue, `pkg/cache/scheduler/{resource_node,fair_sharing}.go`.

use std::cmp::Ordering;

use super::config::{Config, Quota, Weight};
use super::view::{FlavorIx, QueueIx, ResourceIx};

/// A flavor of a resource: where its quota and usage stand.
pub(super) type Cell = usize;

/// Amounts by cell.
pub(super) type Amounts = Vec<(Cell, i64)>;

/// The tree. Cohorts come first, then cluster queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    cohorts: usize,
    resources: usize,
    parent: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    weight: Vec<Weight>,
    quotas: Vec<Vec<Quota>>,
    /// Which cells a node has, itself or below.
    has: Vec<Vec<bool>>,
    /// What there is at a node and below, as far as it is lent.
    subtree: Vec<Vec<i64>>,
    /// A queue's usage; a cohort's children's, beyond what they keep to themselves.
    usage: Vec<Vec<i64>>,
}

impl Tree {
    /// The tree of a configuration without faults, nothing used.
    #[must_use]
    pub fn new(config: &Config) -> Tree {
        let (cohorts, cells) = (config.cohorts.len(), (config.flavors * config.resources) as usize);
        let nodes = cohorts + config.queues.len();
        let resources = config.resources as usize;
        let mut t = Tree {
            cohorts,
            resources,
            parent: Vec::with_capacity(nodes),
            children: vec![Vec::new(); nodes],
            weight: Vec::with_capacity(nodes),
            quotas: vec![vec![Quota::default(); cells]; nodes],
            has: vec![vec![false; cells]; nodes],
            subtree: vec![vec![0; cells]; nodes],
            usage: vec![vec![0; cells]; nodes],
        };
        for (i, c) in config.cohorts.iter().enumerate() {
            t.parent.push(c.parent.map(|p| p.0 as usize));
            t.weight.push(c.weight);
            for (f, r, q) in &c.quotas {
                t.set(i, *f, *r, *q);
            }
        }
        for (i, queue) in config.queues.iter().enumerate() {
            t.parent.push(queue.cohort.map(|p| p.0 as usize));
            t.weight.push(queue.weight);
            for g in &queue.groups {
                for f in &g.flavors {
                    for (r, q) in g.resources.iter().zip(&f.quotas) {
                        t.set(cohorts + i, f.flavor, *r, *q);
                    }
                }
            }
        }
        for i in 0..nodes {
            if let Some(p) = t.parent[i] {
                t.children[p].push(i);
            }
        }
        for i in (0..nodes).filter(|i| t.parent[*i].is_none()).collect::<Vec<_>>() {
            t.sum_up(i);
        }
        t
    }

    fn set(&mut self, node: usize, f: FlavorIx, r: ResourceIx, quota: Quota) {
        let cell = self.cell(f, r);
        self.quotas[node][cell] = quota;
        self.has[node][cell] = true;
    }

    fn sum_up(&mut self, node: usize) {
        for cell in 0..self.subtree[node].len() {
            self.subtree[node][cell] = self.quotas[node][cell].nominal;
        }
        for child in self.children[node].clone() {
            self.sum_up(child);
            for cell in 0..self.subtree[node].len() {
                let lent = self.subtree[child][cell] - self.local(child, cell);
                self.subtree[node][cell] = self.subtree[node][cell].saturating_add(lent);
                self.has[node][cell] |= self.has[child][cell];
            }
        }
    }

    pub(super) fn cell(&self, f: FlavorIx, r: ResourceIx) -> Cell {
        f.0 as usize * self.resources + r.0 as usize
    }
    pub(super) fn queue(&self, q: QueueIx) -> usize {
        self.cohorts + q.0 as usize
    }
    pub(super) fn queue_of(&self, node: usize) -> Option<QueueIx> {
        node.checked_sub(self.cohorts).map(|q| QueueIx(q as u32))
    }
    pub(super) fn parent(&self, node: usize) -> Option<usize> {
        self.parent[node]
    }
    pub(super) fn children(&self, node: usize) -> &[usize] {
        &self.children[node]
    }
    pub(super) fn quota(&self, node: usize, cell: Cell) -> Quota {
        self.quotas[node][cell]
    }
    pub(super) fn used(&self, node: usize, cell: Cell) -> i64 {
        self.usage[node][cell]
    }
    pub(super) fn root(&self, mut node: usize) -> usize {
        while let Some(p) = self.parent[node] {
            node = p;
        }
        node
    }
    /// A node's ancestors, from its parent to the root.
    pub(super) fn ancestors(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.parent[node], |n| self.parent[*n])
    }

    /// What a node keeps to itself: beyond its lending limit.
    fn local(&self, node: usize, cell: Cell) -> i64 {
        self.quotas[node][cell].lending.map_or(0, |l| self.subtree[node][cell].saturating_sub(l).max(0))
    }
    /// What is left of that.
    pub(super) fn local_left(&self, node: usize, cell: Cell) -> i64 {
        self.local(node, cell).saturating_sub(self.usage[node][cell]).max(0)
    }
    /// What is left for a node; below nothing when more was admitted than there is.
    pub(super) fn left(&self, node: usize, cell: Cell) -> i64 {
        let (subtree, used) = (self.subtree[node][cell], self.usage[node][cell]);
        let Some(parent) = self.parent[node] else { return subtree.saturating_sub(used) };
        let mut above = self.left(parent, cell);
        if let Some(limit) = self.quotas[node][cell].borrowing {
            let local = self.local(node, cell);
            let (stored, used) = (subtree.saturating_sub(local), used.saturating_sub(local).max(0));
            above = above.min(stored.saturating_sub(used).saturating_add(limit));
        }
        self.local_left(node, cell).saturating_add(above)
    }
    /// What a node could have if nobody used anything.
    fn at_most(&self, node: usize, cell: Cell) -> i64 {
        let subtree = self.subtree[node][cell];
        let Some(parent) = self.parent[node] else { return subtree };
        let all = self.local(node, cell).saturating_add(self.at_most(parent, cell));
        self.quotas[node][cell].borrowing.map_or(all, |limit| all.min(subtree.saturating_add(limit)))
    }

    /// What a queue may still use of a flavor of a resource.
    #[must_use]
    pub fn available(&self, q: QueueIx, f: FlavorIx, r: ResourceIx) -> i64 {
        self.left(self.queue(q), self.cell(f, r)).max(0)
    }
    /// What it could use if nobody used anything.
    #[must_use]
    pub fn potential(&self, q: QueueIx, f: FlavorIx, r: ResourceIx) -> i64 {
        self.at_most(self.queue(q), self.cell(f, r))
    }
    pub(super) fn potential_at(&self, node: usize, cell: Cell) -> i64 {
        self.at_most(node, cell)
    }

    /// A queue uses more.
    pub fn take(&mut self, q: QueueIx, f: FlavorIx, r: ResourceIx, amount: i64) {
        self.add(self.queue(q), self.cell(f, r), amount);
    }
    /// A queue uses less.
    pub fn give(&mut self, q: QueueIx, f: FlavorIx, r: ResourceIx, amount: i64) {
        self.remove(self.queue(q), self.cell(f, r), amount);
    }
    /// Adds usage; what is beyond a node's own goes up.
    pub(super) fn add(&mut self, node: usize, cell: Cell, amount: i64) {
        let local = self.local_left(node, cell);
        self.usage[node][cell] = self.usage[node][cell].saturating_add(amount);
        if let Some(parent) = self.parent[node]
            && amount > local
        {
            self.add(parent, cell, amount - local);
        }
    }
    /// Removes usage; what had gone up comes down first.
    pub(super) fn remove(&mut self, node: usize, cell: Cell, amount: i64) {
        let above = self.usage[node][cell].saturating_sub(self.local(node, cell));
        self.usage[node][cell] = self.usage[node][cell].saturating_sub(amount);
        if let Some(parent) = self.parent[node]
            && above > 0
        {
            self.remove(parent, cell, amount.min(above));
        }
    }

    /// Whether a node uses no more than it has, of all cells.
    pub(super) fn within_nominal(&self, node: usize, cells: &[Cell]) -> bool {
        cells.iter().all(|c| self.subtree[node][*c] >= self.usage[node][*c])
    }
    /// Whether requests stay within what a node has; and what of them goes up.
    pub(super) fn fits_here(&self, node: usize, requests: &[(Cell, i64)]) -> (bool, Amounts) {
        let fits = requests.iter().all(|(c, v)| self.subtree[node][*c] >= self.usage[node][*c].saturating_add(*v));
        (fits, requests.iter().map(|(c, v)| (*c, (v - self.local_left(node, *c)).max(0))).collect())
    }
    /// Whether a queue would use more than its nominal quota.
    pub(super) fn borrows_with(&self, node: usize, cell: Cell, amount: i64) -> bool {
        let own = if node >= self.cohorts { self.quotas[node][cell].nominal } else { self.subtree[node][cell] };
        own < self.usage[node][cell].saturating_add(amount)
    }
    fn height(&self, node: usize) -> u32 {
        let cohorts = self.children[node].iter().filter(|c| **c < self.cohorts);
        let least = u32::from(!self.children[node].is_empty());
        cohorts.map(|c| self.height(*c) + 1).max().unwrap_or(0).max(least)
    }
    /// How high the lowest subtree is that `amount` more fits in: 0 for the queue itself, the whole tree if none does;
    /// and whether there is a cohort above it.
    pub(super) fn lowest_fit(&self, node: usize, cell: Cell, amount: i64) -> (u32, bool) {
        let parent = self.parent[node];
        if !self.borrows_with(node, cell, amount) || parent.is_none() {
            return (0, parent.is_some());
        }
        let mut rest = amount - self.local_left(node, cell);
        for n in self.ancestors(node) {
            if !self.borrows_with(n, cell, rest) {
                return (self.height(n), self.parent[n].is_some());
            }
            rest -= self.local_left(n, cell);
        }
        (self.height(self.root(node)), false)
    }

    /// How much a node borrows, as a share of what its cohort can lend.
    pub(super) fn share_at(&self, node: usize) -> Share {
        let mut share = Share { numerator: 0, denominator: 1, weight: self.weight[node], borrowing: false };
        let Some(parent) = self.parent[node] else { return share };
        let mut borrowed = vec![0_i64; self.resources];
        for cell in (0..self.usage[node].len()).filter(|c| self.has[node][*c]) {
            let more = self.usage[node][cell].saturating_sub(self.subtree[node][cell]);
            if more > 0 {
                borrowed[cell % self.resources] += more;
                share.borrowing = true;
            }
        }
        for (r, b) in borrowed.iter().enumerate().filter(|(_, b)| **b > 0) {
            let cells = (r..self.usage[node].len()).step_by(self.resources);
            let lendable: i64 = cells.fold(0, |sum, c| sum.saturating_add(self.at_most(parent, c)));
            if lendable > 0 {
                let (n, d) = (i128::from(*b) * 1000, i128::from(lendable));
                if fraction(n, d, share.numerator, share.denominator) == Ordering::Greater {
                    (share.numerator, share.denominator) = (n, d);
                }
            }
        }
        share
    }
    /// A queue's dominant resource share.
    #[must_use]
    pub fn share(&self, q: QueueIx) -> Share {
        self.share_at(self.queue(q))
    }
}

/// A dominant resource share: thousandths of what a cohort can lend, by weight. Exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    numerator: i128,
    denominator: i128,
    weight: Weight,
    /// Whether anything is borrowed.
    pub borrowing: bool,
}

impl Share {
    /// Rounded up; `u64::MAX` for a weight of 0 that borrows.
    #[must_use]
    pub fn rounded(&self) -> u64 {
        if self.numerator == 0 {
            return 0;
        }
        if self.weight.0 == 0 {
            return u64::MAX;
        }
        let n = self.numerator.unsigned_abs() * 1000;
        let d = self.denominator.unsigned_abs() * u128::from(self.weight.0);
        u64::try_from(n.div_ceil(d)).unwrap_or(u64::MAX)
    }
    /// Which is larger: those of weight 0 that borrow above all others, among themselves by their unweighted shares.
    #[must_use]
    pub fn compare(&self, other: &Share) -> Ordering {
        let endless = |s: &Share| s.weight.0 == 0 && s.numerator != 0;
        match (endless(self), endless(other)) {
            (true, true) => fraction(self.numerator, self.denominator, other.numerator, other.denominator),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let den = |s: &Share| s.denominator * i128::from(s.weight.0.max(1));
                fraction(self.numerator, den(self), other.numerator, den(other))
            }
        }
    }
}

/// Compares a/b with c/d, all at least 0, b and d above: by whole parts, then what is left, turned over.
fn fraction(a: i128, b: i128, c: i128, d: i128) -> Ordering {
    match (a / b).cmp(&(c / d)) {
        Ordering::Equal => match (a % b, c % d) {
            (0, 0) => Ordering::Equal,
            (0, _) => Ordering::Less,
            (_, 0) => Ordering::Greater,
            (x, y) => fraction(d, y, b, x),
        },
        other => other,
    }
}
