//! What single-node searches found hopeless, remembered for as long as nothing that they looked at has changed.
//!
//! A search for one node takes its pods in order, puts each on the first node with room, and ends early when what is left
//! over fits no type that is cheap enough. It comes out the same as long as the node's own pods, the nodes that it put
//! pods on and the cheapest price of every type are as they were, and no node that has changed since has room for one of
//! its pods. That is exact, and cheap to see to: few nodes change between two passes.

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::candidate::Candidate;
use super::solve::Solver;
use super::view::{NodeIx, Resources};
use crate::units::{Rate, SimTime};

/// So many shapes have a bit of their own.
const SHAPES: usize = 64;

/// A node as it was seen last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    free: Resources,
    /// Whether consolidated pods may land on it.
    open: bool,
    last_pod_event: Option<SimTime>,
}

/// A search that found nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hopeless {
    price: Rate,
    /// The shapes of its pods.
    shapes: u64,
    /// Nodes that took some of them.
    used: SmallVec<[u64; 4]>,
}

/// What is remembered, by the names of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memo {
    floors: Vec<Option<Rate>>,
    known: FxHashMap<u64, (Known, u64)>,
    hopeless: FxHashMap<u64, Hopeless>,
    pass: u64,
}

impl Memo {
    /// Forgets what may have changed since the last call. False: nothing can be remembered of this view.
    pub(super) fn refresh(&mut self, solver: &Solver<'_>) -> bool {
        let (view, index) = (&solver.view, &solver.index);
        // Pods that wait, and those of nodes that go, take part in every search.
        let plain = index.pending.is_empty() && index.leaving.is_empty() && view.shapes.len() <= SHAPES;
        if !plain || index.relaxable.iter().any(|r| *r) || view.nodes.iter().any(|n| n.name == 0) {
            return false;
        }
        self.pass += 1;
        if self.floors != index.floor {
            self.floors.clone_from(&index.floor);
            self.hopeless.clear();
        }
        let mut changed: FxHashSet<u64> = FxHashSet::default();
        let mut takes = 0_u64;
        for (i, n) in view.nodes.iter().enumerate() {
            let open = !n.deleting && n.is_initialized() && !index.too_early[i];
            let now = Known { free: index.free[i], open, last_pod_event: n.last_pod_event };
            let entry = self.known.entry(n.name);
            let before = match entry {
                std::collections::hash_map::Entry::Occupied(mut e) => {
                    let (known, pass) = e.get_mut();
                    *pass = self.pass;
                    if *known == now {
                        continue;
                    }
                    *known = now;
                    true
                }
                std::collections::hash_map::Entry::Vacant(e) => {
                    e.insert((now, self.pass));
                    false
                }
            };
            if before {
                changed.insert(n.name);
            }
            if open {
                for (s, shape) in view.shapes.iter().enumerate().filter(|(_, s)| s.requests.fits(&index.free[i])) {
                    debug_assert!(shape.requests.pods == 1);
                    takes |= 1 << s;
                }
            }
        }
        if self.known.len() > view.nodes.len() {
            let pass = self.pass;
            self.known.retain(|name, (_, seen)| {
                let here = *seen == pass;
                if !here {
                    changed.insert(*name);
                }
                here
            });
        }
        if !changed.is_empty() || takes != 0 {
            self.hopeless.retain(|name, h| {
                h.shapes & takes == 0 && !changed.contains(name) && !h.used.iter().any(|u| changed.contains(u))
            });
        }
        true
    }

    /// Whether a search for this node would find nothing again.
    pub(super) fn knows(&self, solver: &Solver<'_>, c: &Candidate) -> bool {
        self.hopeless.get(&solver.view.nodes[c.node.at()].name).is_some_and(|h| h.price == c.price)
    }

    /// The last search was for this node, and ended early.
    pub(super) fn remember(&mut self, solver: &Solver<'_>, c: &Candidate) {
        let view = &solver.view;
        let name = |n: &NodeIx| view.nodes[n.at()].name;
        let pods = solver.index.pods_of(c.node);
        let shapes = pods.iter().fold(0, |all, p| all | 1_u64 << view.pods[p.at()].shape.0);
        let used = solver.used.iter().map(name).collect();
        self.hopeless.insert(name(&c.node), Hopeless { price: c.price, shapes, used });
    }
}
