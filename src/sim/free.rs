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
    /// Of that, what no slice in demand can use.
    stranded: u64,
    /// Free on nodes that do not, by why.
    back: Back,
    /// Of what is ready and unwanted, so much is kept on purpose.
    spare: u64,
    nodes: u32,
    nodes_max: u32,
    milli: u64,
    /// Nodes and milli-units when the window began.
    at_start: (u32, u64),
    ordinals: u32,
    touched: bool,
    wanted: bool,
}

/// Free milli-units of nodes that take no work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Back {
    boot: u64,
    drain: u64,
    broken: u64,
    gang_wait: u64,
    reconfiguring: u64,
}

impl Back {
    fn of(&mut self, what: Activity) -> &mut u64 {
        match what {
            Activity::Boot => &mut self.boot,
            Activity::Drain => &mut self.drain,
            Activity::Broken => &mut self.broken,
            Activity::Reconfiguring => &mut self.reconfiguring,
            _ => &mut self.gang_wait,
        }
    }
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

    /// The next ordinal of a node within the pool.
    pub fn ordinal(&mut self, pool: PoolId) -> u32 {
        let p = &mut self.pools[pool.0 as usize];
        p.ordinals += 1;
        p.ordinals - 1
    }

    /// Milli-units that a pool keeps free on purpose.
    pub fn keep_spare(&mut self, pool: PoolId, milli: u64) {
        self.pools[pool.0 as usize].spare = milli;
    }

    /// A node is billed from now on.
    pub fn add_node(&mut self, pool: PoolId, milli: u64) {
        let p = &mut self.pools[pool.0 as usize];
        p.nodes += 1;
        p.nodes_max = p.nodes_max.max(p.nodes);
        p.milli += milli;
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

    /// What of the free milli-units of ready nodes nothing in demand can use: `taken` go, `given` come.
    pub fn strand(&mut self, pool: PoolId, taken: u64, given: u64) {
        let p = &mut self.pools[pool.0 as usize];
        p.stranded = p.stranded + given - taken;
        self.touch(pool);
    }

    /// Free milli-units of nodes that take no work change.
    pub fn hold_back(&mut self, pool: PoolId, what: Activity, delta: i64) {
        let p = &mut self.pools[pool.0 as usize];
        let level = p.back.of(what);
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
                let levels = Levels::unwanted(p);
                self.level(pool, levels);
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
            let stranded = p.stranded.min(p.ready);
            let (ready, back, wanted) = (p.ready - stranded, p.back, p.wanted);
            let unwanted = Levels::unwanted(p);
            // CPU pools count in milli-CPU, which the placement index does not sum: all or nothing there.
            let held = match self.model.pools[i].tariff.unit {
                crate::ledger::Unit::Gpu => held.unwrap_or(0).min(ready),
                crate::ledger::Unit::Cpu => held.map_or(0, |_| ready),
            };
            self.level(
                pool,
                match wanted {
                    true => Levels { held, fragmented: ready - held, stranded, back, ..Levels::default() },
                    false => unwanted,
                },
            );
        }
        self.free.held = held;
    }

    /// Sets a pool's levels from now on.
    fn level(&mut self, pool: PoolId, to: Levels) {
        // What does not change goes on: integrals of constants add up exactly.
        let l = self.books.free(pool);
        if to.lines().iter().all(|(a, milli)| l[*a as usize] == *milli) {
            return;
        }
        self.books.settle(pool, self.now);
        let l = self.books.free_mut(pool);
        for (a, milli) in to.lines() {
            l[a as usize] = milli;
        }
    }
}

/// What a pool's capacity that no job holds is free for, in milli-units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Levels {
    unallocated: u64,
    spare: u64,
    held: u64,
    fragmented: u64,
    stranded: u64,
    back: Back,
}

impl Levels {
    /// Of a pool that nothing waits for.
    fn unwanted(p: &PoolShare) -> Levels {
        let stranded = p.stranded.min(p.ready);
        let free = p.ready - stranded;
        let spare = free.min(p.spare);
        Levels { unallocated: free - spare, spare, stranded, back: p.back, ..Levels::default() }
    }

    fn lines(&self) -> [(Activity, u64); 10] {
        [
            (Activity::Unallocated, self.unallocated),
            (Activity::Spare, self.spare),
            (Activity::QueueHeld, self.held),
            (Activity::Fragmented, self.fragmented),
            (Activity::Boot, self.back.boot),
            (Activity::Drain, self.back.drain),
            (Activity::Broken, self.back.broken),
            (Activity::GangWait, self.back.gang_wait),
            (Activity::Reconfiguring, self.back.reconfiguring),
            (Activity::MigStranded, self.stranded),
        ]
    }
}
