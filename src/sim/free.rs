//! What the free share of each pool is free for.
//!
//! Between two instants the classes are constant; they are worked out once when an instant is over. While work waits that
//! a pool could serve, the free share of nodes that can take the smallest waiting request is held back by the queue
//! (its order, a reservation, a quota) if a job of that request could start at all, and the rest is fragmented. When nothing
//! waits for the pool, what is free is unallocated.

use super::world::World;
use crate::fleet::{PoolId, PoolSet};
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
}

impl FreeShares {
    pub fn new(pools: usize) -> FreeShares {
        FreeShares { pools: vec![PoolShare::default(); pools], touched: Vec::new() }
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
                self.books.settle(pool, self.now);
                let levels = self.books.free_mut(pool);
                levels[Activity::Unallocated as usize] = ready;
                levels[Activity::Boot as usize] = boot;
                levels[Activity::Drain as usize] = drain;
            }
            return;
        }
        self.free.touched.clear();
        let mut wanted = PoolSet::EMPTY;
        let mut held = vec![None; self.free.pools.len()];
        // The smallest request first: what it cannot use, nothing that waits can.
        let mut classes = self.waiting.active().to_vec();
        classes.sort_unstable_by_key(|c| {
            let c = self.waiting.class(*c);
            (c.request.total_milli(), c.request.cpu_milli, c.request.mem_mib, c.key.pods, c.key.shape)
        });
        for id in classes {
            let class = self.waiting.class(id);
            let (pools, shape, pods) = (class.pools, class.key.shape, u64::from(class.key.pods));
            wanted = wanted.or(pools);
            if pools.iter().all(|p| held[p.0 as usize].is_some()) || !self.has_room(id) {
                continue;
            }
            debug_assert!(pods > 0);
            for p in pools.iter() {
                if held[p.0 as usize].is_none() {
                    held[p.0 as usize] = Some(self.placer.free_where_fits(&self.fleet, shape, p));
                }
            }
        }
        for (i, held) in held.into_iter().enumerate() {
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
            self.books.settle(pool, self.now);
            let levels = self.books.free_mut(pool);
            levels[Activity::Boot as usize] = boot;
            levels[Activity::Drain as usize] = drain;
            levels[Activity::Unallocated as usize] = if wanted { 0 } else { ready };
            levels[Activity::QueueHeld as usize] = if wanted { held } else { 0 };
            levels[Activity::Fragmented as usize] = if wanted { ready - held } else { 0 };
        }
    }
}
