//! First fit without an index per shape: a binary tree over the nodes in tie order, each inner node keeping the most
//! that any node below it has free of each resource.
//!
//! A search goes left first and skips what cannot hold the pod. It may enter a part where one node has the CPU and
//! another the memory; a staircase of both (the most memory beside at least so much CPU, in coarse steps) rules most of
//! these out. So the cost is logarithmic in
//! practice, not in the worst case. A shape that was looked for before goes on where it was found: of the nodes ahead
//! of that, only those that changed since can have become a fit.

use super::Target;
use super::index::History;
use crate::fleet::{Fleet, Node, NodeState, PoolSet};

/// The most of each resource on any one node below that takes work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Most {
    /// By step of CPU: the highest step of memory on a node with at least that much CPU.
    stair: [u8; STAIRS],
    cpu_milli: u32,
    mem_mib: u32,
    /// The most free on one GPU plus 1; 0 without GPUs.
    gpu: u16,
    whole: u8,
    /// Whether any node below takes work.
    ready: bool,
}

impl Most {
    fn of(node: &Node) -> Most {
        if node.state != NodeState::Ready {
            return Most::default();
        }
        let f = &node.free;
        let (gpu, whole) = match (f.gpus, &node.cut) {
            (0, _) => (0, 0),
            (_, None) => (f.largest + 1, f.whole),
            // What fits the places of a cut only the node itself can say: here, that anything may while any is free.
            (_, Some(_)) => {
                if f.milli > 0 {
                    (u16::MAX, u8::MAX)
                } else {
                    (0, 0)
                }
            }
        };
        Most {
            stair: stair(f.cpu_milli, f.mem_mib),
            cpu_milli: f.cpu_milli,
            mem_mib: f.mem_mib,
            gpu,
            whole,
            ready: true,
        }
    }

    fn join(a: &Most, b: &Most) -> Most {
        Most {
            stair: std::array::from_fn(|i| a.stair[i].max(b.stair[i])),
            cpu_milli: a.cpu_milli.max(b.cpu_milli),
            mem_mib: a.mem_mib.max(b.mem_mib),
            gpu: a.gpu.max(b.gpu),
            whole: a.whole.max(b.whole),
            ready: a.ready || b.ready,
        }
    }

    /// On a leaf: whether the pod fits, pools aside. Above: whether it may fit somewhere below.
    #[inline]
    fn may_take(&self, t: &Target, needs: (usize, u8)) -> bool {
        let r = &t.request;
        r.cpu_milli <= self.cpu_milli
            && r.mem_mib <= self.mem_mib
            && needs.1 <= self.stair[needs.0]
            && self.ready
            && match (r.gpus, r.gpu_milli) {
                (0, _) => true,
                (n, 1000) => self.whole >= n,
                (_, m) => self.gpu > m,
            }
    }
}

const STAIRS: usize = 16;

/// Steps of CPU, two to a doubling: from less than 0.75 cores to 128 and more.
fn cpu_step(milli: u32) -> usize {
    let v = if milli < 2 { 0 } else { milli.ilog2() << 1 | (milli >> (milli.ilog2() - 1) & 1) };
    (v.saturating_sub(18) as usize).min(STAIRS - 1)
}

/// Steps of memory, eight to a doubling.
fn mem_step(mib: u32) -> u8 {
    if mib < 8 { mib as u8 } else { (mib.ilog2() << 3 | (mib >> (mib.ilog2() - 3) & 7)) as u8 }
}

fn stair(cpu_milli: u32, mem_mib: u32) -> [u8; STAIRS] {
    let (top, step) = (cpu_step(cpu_milli), mem_step(mem_mib));
    std::array::from_fn(|i| if i <= top { step } else { 0 })
}

/// How far a shape has come: no place ahead of `from` took it when the log ended at `cursor`.
#[derive(Clone, Copy, Debug, Default)]
struct Hint {
    cursor: u64,
    from: u32,
}

/// More changes than this and a search from the start is cheaper than looking at each.
const CHANGES_MAX: usize = 48;

/// The tree. Leaf `leaves + p` is the `p`-th node in tie order; inner node `i` has children `2i` and `2i + 1`.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    most: Vec<Most>,
    /// The pools of the nodes below; apart, as most pods may go anywhere.
    pools: Vec<PoolSet>,
    leaves: usize,
    /// Nodes in tie order.
    order: Vec<u32>,
    /// Where each node is in that order.
    place: Vec<u32>,
    hints: Vec<Hint>,
    stale: bool,
    /// Whether any node's GPUs are cut: then a leaf that may take a pod has to be asked.
    cut: bool,
}

impl Tree {
    /// The order changed; the next [`update`](Self::update) builds the tree anew.
    pub(super) fn reorder(&mut self) {
        self.stale = true;
    }

    /// Brings one node up to date; `ranks` gives the tie order.
    pub(super) fn update(&mut self, index: usize, nodes: &[Node], ranks: &[u32]) {
        if self.stale {
            return;
        }
        if index >= self.place.len() {
            // New nodes come in index order; one that ranks last is appended, another means a new order.
            let last = self.order.last().map_or(0, |n| ranks[*n as usize]);
            if index != self.order.len() || index >= self.leaves || ranks[index] < last {
                self.stale = true;
                return;
            }
            self.place.push(index as u32);
            self.order.push(index as u32);
        }
        self.cut |= nodes[index].cut.is_some();
        let mut at = self.leaves + self.place[index] as usize;
        let fresh = self.pools[at].is_empty();
        self.most[at] = Most::of(&nodes[index]);
        self.pools[at] = PoolSet::only(nodes[index].pool);
        while at > 1 {
            at /= 2;
            let joined = Most::join(&self.most[2 * at], &self.most[2 * at + 1]);
            if joined == self.most[at] && !fresh {
                break;
            }
            self.most[at] = joined;
            self.pools[at] = self.pools[2 * at].or(self.pools[2 * at + 1]);
        }
    }

    /// Builds anew if need be.
    pub(super) fn settle(&mut self, nodes: &[Node], ranks: &[u32]) {
        if !self.stale && self.order.len() == nodes.len() {
            return;
        }
        self.stale = false;
        self.cut = nodes.iter().any(|n| n.cut.is_some());
        self.hints.clear();
        self.order = (0..nodes.len() as u32).collect();
        self.order.sort_by_key(|n| ranks[*n as usize]);
        self.place = vec![0; nodes.len()];
        for (p, n) in self.order.iter().enumerate() {
            self.place[*n as usize] = p as u32;
        }
        // A power of two with room to spare, so that a growing fleet seldom rebuilds.
        self.leaves = (nodes.len() + 1).next_power_of_two();
        self.most = vec![Most::default(); 2 * self.leaves];
        self.pools = vec![PoolSet::EMPTY; 2 * self.leaves];
        for (p, n) in self.order.iter().enumerate() {
            self.most[self.leaves + p] = Most::of(&nodes[*n as usize]);
            self.pools[self.leaves + p] = PoolSet::only(nodes[*n as usize].pool);
        }
        for i in (1..self.leaves).rev() {
            self.most[i] = Most::join(&self.most[2 * i], &self.most[2 * i + 1]);
            self.pools[i] = self.pools[2 * i].or(self.pools[2 * i + 1]);
        }
    }

    /// Whether the pod fits on the leaf `at`, or may fit below the inner node `at`.
    #[inline]
    fn may_take(&self, at: usize, t: &Target, needs: (usize, u8)) -> bool {
        self.most[at].may_take(t, needs) && (t.pools == PoolSet::ALL || !self.pools[at].and(t.pools).is_empty())
    }

    /// Whether the pod fits on the node at a place, of which the leaf says that it may.
    #[inline]
    fn takes(&self, place: usize, t: &Target, nodes: &[Node]) -> bool {
        !self.cut || nodes[self.order[place] as usize].fits(&t.request)
    }

    /// The first node in tie order that takes the pod of shape number `shape`.
    pub(super) fn first(&mut self, shape: usize, t: &Target, history: &History, fleet: &Fleet) -> Option<usize> {
        let (log, nodes) = (fleet.log(), fleet.nodes());
        if self.hints.len() <= shape {
            self.hints.resize(shape + 1, Hint::default());
        }
        let needs = (cpu_step(t.request.cpu_milli), mem_step(t.request.mem_mib));
        let hint = self.hints[shape];
        let mut ahead = None;
        let mut from = hint.from as usize;
        if from > 0 {
            if log.since(hint.cursor).is_some_and(|changes| changes.len() <= CHANGES_MAX) {
                let mut best = from;
                history.changed(log, hint.cursor, |i| {
                    let place = self.place[i] as usize;
                    if place < best && self.may_take(self.leaves + place, t, needs) && self.takes(place, t, nodes) {
                        best = place;
                    }
                });
                ahead = (best < from).then_some(best);
            } else {
                from = 0;
            }
        }
        let found = ahead.or_else(|| self.search(from, t, needs, nodes));
        self.hints[shape] = Hint { cursor: log.end(), from: found.unwrap_or(self.order.len()) as u32 };
        found.map(|place| self.order[place] as usize)
    }

    /// The first place from `from` on that takes the pod.
    fn search(&self, from: usize, t: &Target, needs: (usize, u8), nodes: &[Node]) -> Option<usize> {
        if from >= self.order.len() {
            return None;
        }
        let mut at = if from == 0 { 1 } else { self.leaves + from };
        loop {
            if self.may_take(at, t, needs) {
                if at < self.leaves {
                    at *= 2;
                    continue;
                }
                if self.takes(at - self.leaves, t, nodes) {
                    return Some(at - self.leaves);
                }
            }
            // Up until there is a right sibling, then to it; past the last one there is none.
            while at & 1 == 1 {
                at /= 2;
                if at <= 1 {
                    return None;
                }
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_never_fall_as_the_amount_grows() {
        for i in 0..200_000u32 {
            let x = i.wrapping_mul(i) / 7;
            let y = x.saturating_add(i);
            assert!(cpu_step(x) <= cpu_step(y) && mem_step(x) <= mem_step(y), "{x} {y}");
        }
        assert_eq!((mem_step(0), mem_step(7), mem_step(8), mem_step(u32::MAX)), (0, 7, 24, 255));
        assert_eq!((cpu_step(0), cpu_step(u32::MAX)), (0, STAIRS - 1));
    }
}
