//! How many nodes there are, by pool and by what they do, over time.

use crate::fleet::{NodeState, PoolId};
use crate::kernel::Buckets;
use crate::ledger::book::buckets;
use crate::scenario::model::Model;
use crate::units::SimTime;

/// What is counted of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Nodes that are billed, whatever they do.
    Billed,
    /// Of those, nodes that boot.
    Booting,
    /// Of those, nodes that are cordoned.
    Draining,
}

impl Counted {
    const ALL: [Counted; 3] = [Counted::Billed, Counted::Booting, Counted::Draining];

    /// Whether a node in this state is one of them.
    const fn has(self, state: NodeState) -> bool {
        match self {
            Counted::Billed => state.is_billed(),
            Counted::Booting => matches!(state, NodeState::Booting),
            Counted::Draining => matches!(state, NodeState::Draining),
        }
    }
}

/// A count, since when it has been that, and its integral up to then.
#[derive(Clone, Debug)]
struct Count {
    nodes: u64,
    since: SimTime,
    sum: Buckets,
}

impl Count {
    fn settle(&mut self, now: SimTime) {
        self.sum.add(self.since, now, self.nodes);
        self.since = now;
    }
}

/// The counts of all pools.
#[derive(Clone, Debug)]
pub(super) struct NodeCounts {
    pools: Vec<[Count; Counted::ALL.len()]>,
}

impl NodeCounts {
    /// No node anywhere; what is counted before the window is cut off.
    pub fn of(model: &Model, window: (SimTime, SimTime)) -> NodeCounts {
        let n = buckets(window, model.bucket);
        let sum = Buckets::new(window.0, model.bucket, n);
        let none = Count { nodes: 0, since: SimTime::ZERO, sum };
        NodeCounts { pools: vec![Counted::ALL.map(|_| none.clone()); model.pools.len()] }
    }

    /// A node goes from one state to another.
    pub fn moved(&mut self, pool: PoolId, was: NodeState, to: NodeState, now: SimTime) {
        for (what, c) in Counted::ALL.into_iter().zip(&mut self.pools[pool.0 as usize]) {
            let (before, after) = (what.has(was), what.has(to));
            if before != after {
                c.settle(now);
                c.nodes = c.nodes + u64::from(after) - u64::from(before);
            }
        }
    }

    /// Node·ns of each bucket, by pool, in the order of [`Counted::ALL`].
    pub fn finish(self, end: SimTime) -> Vec<[Vec<u128>; Counted::ALL.len()]> {
        let close = |mut c: Count| {
            c.settle(end);
            c.sum.finish()
        };
        self.pools.into_iter().map(|p| p.map(close)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Duration;
    use NodeState::{Away, Booting, Draining, Ready};

    #[test]
    fn node_time_is_counted_by_what_nodes_do_and_cut_to_the_window() {
        let mut m = Model::empty("counts", Duration::from_secs(40));
        m.bucket = Duration::from_secs(10);
        let node = crate::fleet::Capacity { cpu_milli: 0, mem_mib: 0, gpus: 1 };
        let pool = m.add_pool("a", node, 1, crate::units::Rate(0));
        let at = |s: u64| SimTime::ZERO + Duration::from_secs(s);
        let mut c = NodeCounts::of(&m, (at(10), at(50)));
        // The window is 10 to 50 s. One node boots from 5 to 15 s, is cordoned at 32 s and gone at 45 s; another is
        // ready from 20 s to the end.
        c.moved(pool, Away, Booting, at(5));
        c.moved(pool, Booting, Ready, at(15));
        c.moved(pool, Away, Ready, at(20));
        c.moved(pool, Ready, Draining, at(32));
        c.moved(pool, Draining, Away, at(45));
        let all = c.finish(at(50));
        let s = |v: &[u128]| v.iter().map(|n| n / 1_000_000_000).collect::<Vec<u128>>();
        let [billed, booting, draining] = &all[0];
        assert_eq!(s(billed), [10, 20, 20, 15]);
        assert_eq!(s(booting), [5, 0, 0, 0]);
        assert_eq!(s(draining), [0, 0, 8, 5]);
    }
}
