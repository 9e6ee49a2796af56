//! First fit without an index per shape: a binary tree over the nodes in tie order, each inner node keeping the most
//! that any node below it has free of each resource.
//!
//! A search goes left first and skips what cannot hold the pod. It may enter a part where one node has the CPU and
//! another the memory, so the cost is logarithmic in practice, not in the worst case.

use super::Target;
use crate::fleet::{Node, NodeState};

/// The most of each resource on any one node below; pools as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Most {
    pools: u128,
    cpu_milli: u32,
    mem_mib: u32,
    /// The most free on one GPU plus 1; 0 without GPUs.
    gpu: u16,
    whole: u8,
}

impl Most {
    fn of(node: &Node) -> Most {
        if node.state != NodeState::Ready {
            return Most::default();
        }
        let f = &node.free;
        Most {
            pools: 1 << node.pool.0,
            cpu_milli: f.cpu_milli,
            mem_mib: f.mem_mib,
            gpu: if f.gpus == 0 { 0 } else { f.largest + 1 },
            whole: f.whole,
        }
    }

    fn join(a: &Most, b: &Most) -> Most {
        Most {
            pools: a.pools | b.pools,
            cpu_milli: a.cpu_milli.max(b.cpu_milli),
            mem_mib: a.mem_mib.max(b.mem_mib),
            gpu: a.gpu.max(b.gpu),
            whole: a.whole.max(b.whole),
        }
    }

    /// On a leaf: whether the pod fits. Above: whether it may fit somewhere below.
    #[inline]
    fn may_take(&self, t: &Target) -> bool {
        let r = &t.request;
        r.cpu_milli <= self.cpu_milli
            && r.mem_mib <= self.mem_mib
            && self.pools & t.pools.0 != 0
            && match (r.gpus, r.gpu_milli) {
                (0, _) => true,
                (n, 1000) => self.whole >= n,
                (_, m) => self.gpu > m,
            }
    }
}

/// The tree. Leaf `leaves + p` is the `p`-th node in tie order; inner node `i` has children `2i` and `2i + 1`.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    most: Vec<Most>,
    leaves: usize,
    /// Nodes in tie order.
    order: Vec<u32>,
    /// Where each node is in that order.
    place: Vec<u32>,
    stale: bool,
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
        let mut at = self.leaves + self.place[index] as usize;
        self.most[at] = Most::of(&nodes[index]);
        while at > 1 {
            at /= 2;
            let joined = Most::join(&self.most[2 * at], &self.most[2 * at + 1]);
            if joined == self.most[at] {
                break;
            }
            self.most[at] = joined;
        }
    }

    /// Builds anew if need be.
    pub(super) fn settle(&mut self, nodes: &[Node], ranks: &[u32]) {
        if !self.stale && self.order.len() == nodes.len() {
            return;
        }
        self.stale = false;
        self.order = (0..nodes.len() as u32).collect();
        self.order.sort_by_key(|n| ranks[*n as usize]);
        self.place = vec![0; nodes.len()];
        for (p, n) in self.order.iter().enumerate() {
            self.place[*n as usize] = p as u32;
        }
        // Room for as many again, so that a growing fleet seldom rebuilds.
        self.leaves = (2 * nodes.len()).next_power_of_two().max(2);
        self.most = vec![Most::default(); 2 * self.leaves];
        for (p, n) in self.order.iter().enumerate() {
            self.most[self.leaves + p] = Most::of(&nodes[*n as usize]);
        }
        for i in (1..self.leaves).rev() {
            self.most[i] = Most::join(&self.most[2 * i], &self.most[2 * i + 1]);
        }
    }

    /// The first node in tie order that takes the pod.
    pub(super) fn first(&self, t: &Target) -> Option<usize> {
        if self.leaves == 0 {
            return None;
        }
        let mut at = 1;
        loop {
            if self.most[at].may_take(t) {
                if at >= self.leaves {
                    return Some(self.order[at - self.leaves] as usize);
                }
                at *= 2;
                continue;
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
