//! What the free share of each pool is free for.
//!
//! Between two instants the classes are constant; they are worked out once when an instant is over. While work waits that
//! a pool could serve, the free share of nodes that can take the smallest waiting request is held back by the queue
//! (its order, a reservation, a quota) if a job of that request could start at all, and the rest is fragmented. When nothing
//! waits for the pool, what is free is unallocated.

use super::world::World;
use crate::fleet::PoolId;
use crate::units::Activity;

#[derive(Clone, Debug, Default)]
struct PoolShare {
    /// Free on nodes that take work.
    ready: u64,
    boot: u64,
    drain: u64,
    nodes: u32,
    nodes_max: u32,
    milli: u64,
    /// Nodes and milli-units when the window began.
    at_start: (u32, u64),
    ordinals: u32,
    touched: bool,
    wanted: bool,
}

/// Free milli-units by pool.
#[derive(Clone, Debug)]
pub(super) struct FreeShares {
    pools: Vec<PoolShare>,
    touched: Vec<PoolId>,
    /// For [`World::reclassify`]: what of each pool the queue holds back.
    held: Vec<Option<u64>>,
}

impl FreeShares {
    pub fn new(pools: usize) -> FreeShares {
        FreeShares { pools: vec![PoolShare::default(); pools], touched: Vec::new(), held: Vec::new() }
    }

    /// A node joins; returns its ordinal within the pool.
    pub fn add_node(&mut self, pool: PoolId, milli: u64) -> u32 {
        let p = &mut self.pools[pool.0 as usize];
        p.nodes += 1;
        p.nodes_max = p.nodes_max.max(p.nodes);
        p.milli += milli;
        p.ordinals += 1;
        p.ordinals - 1
    }

    pub fn remove_node(&mut self, pool: PoolId, milli: u64) {
        let p = &mut self.pools[pool.0 as usize];
        p.nodes -= 1;
        p.milli -= milli;
    }

    /// Nodes and milli-units when the window began.
    pub fn at_start(&self, pool: PoolId) -> (u32, u64) {
        self.pools[pool.0 as usize].at_start
    }

    /// The most nodes at once since the window began.
    pub fn nodes_max(&self, pool: PoolId) -> u32 {
        self.pools[pool.0 as usize].nodes_max
    }

    /// The window begins.
    pub fn begin(&mut self) {
        for p in &mut self.pools {
            p.nodes_max = p.nodes;
            p.at_start = (p.nodes, p.milli);
        }
    }

    /// Free milli-units of ready nodes: `taken` go, `given` come.
    pub fn shift(&mut self, pool: PoolId, taken: i64, given: i64) {
        let p = &mut self.pools[pool.0 as usize];
        p.ready = p.ready.checked_add_signed(given - taken).expect("no more is taken than is free");
        self.touch(pool);
    }

    /// Booting or draining milli-units change.
    pub fn hold_back(&mut self, pool: PoolId, what: Activity, delta: i64) {
        let p = &mut self.pools[pool.0 as usize];
        let level = if what == Activity::Boot { &mut p.boot } else { &mut p.drain };
        *level = level.checked_add_signed(delta).expect("no more is given back than was held back");
        self.touch(pool);
    }

    fn touch(&mut self, pool: PoolId) {
        let p = &mut self.pools[pool.0 as usize];
        if !p.touched {
            p.touched = true;
            self.touched.push(pool);
        }
    }
}

impl World<'_, '_> {
    /// Sets the levels of the free shares for the time from now on.
    pub fn reclassify(&mut self) {
        if self.waiting.is_empty() && self.free.pools.iter().all(|p| !p.wanted) {
            // The common case: nobody waits and nobody did.
            while let Some(pool) = self.free.touched.pop() {
                let p = &mut self.free.pools[pool.0 as usize];
                p.touched = false;
                let (ready, boot, drain) = (p.ready, p.boot, p.drain);
                self.level(pool, Levels { unallocated: ready, boot, drain, ..Levels::default() });
            }
            return;
        }
        self.free.touched.clear();
        let wanted = self.waiting.wanted();
        let mut left = wanted;
        let mut held = std::mem::take(&mut self.free.held);
        held.clear();
        held.resize(self.free.pools.len(), None);
        // The smallest request first: what it cannot use, nothing that waits can.
        for i in 0..self.waiting.active().len() {
            if left.is_empty() {
                break;
            }
            let id = self.waiting.active()[i];
            let class = self.waiting.class(id);
            let (pools, shape) = (class.pools.and(left), class.key.shape);
            if pools.is_empty() || !self.has_room(id) {
                continue;
            }
            for p in pools.iter() {
                held[p.0 as usize] = Some(self.placer.free_where_fits(&self.fleet, shape, p));
            }
            left = left.without(pools);
        }
        for (i, held) in held.iter().enumerate() {
            let pool = PoolId(i as u16);
            let p = &mut self.free.pools[i];
            p.touched = false;
            p.wanted = wanted.has(pool);
            let (ready, boot, drain, wanted) = (p.ready, p.boot, p.drain, p.wanted);
            // CPU pools count in milli-CPU, which the placement index does not sum: all or nothing there.
            let held = match self.model.pools[i].tariff.unit {
                crate::ledger::Unit::Gpu => held.unwrap_or(0).min(ready),
                crate::ledger::Unit::Cpu => held.map_or(0, |_| ready),
            };
            self.level(
                pool,
                match wanted {
                    true => Levels { held, fragmented: ready - held, boot, drain, ..Levels::default() },
                    false => Levels { unallocated: ready, boot, drain, ..Levels::default() },
                },
            );
        }
        self.free.held = held;
    }

    /// Sets a pool's levels from now on.
    fn level(&mut self, pool: PoolId, to: Levels) {
        let l = self.books.free(pool);
        let are = Levels {
            unallocated: l[Activity::Unallocated as usize],
            held: l[Activity::QueueHeld as usize],
            fragmented: l[Activity::Fragmented as usize],
            boot: l[Activity::Boot as usize],
            drain: l[Activity::Drain as usize],
        };
        // What does not change goes on: integrals of constants add up exactly.
        if are == to {
            return;
        }
        self.books.settle(pool, self.now);
        let l = self.books.free_mut(pool);
        l[Activity::Unallocated as usize] = to.unallocated;
        l[Activity::QueueHeld as usize] = to.held;
        l[Activity::Fragmented as usize] = to.fragmented;
        l[Activity::Boot as usize] = to.boot;
        l[Activity::Drain as usize] = to.drain;
    }
}

/// What a pool's capacity that no job holds is free for, in milli-units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Levels {
    unallocated: u64,
    held: u64,
    fragmented: u64,
    boot: u64,
    drain: u64,
}
