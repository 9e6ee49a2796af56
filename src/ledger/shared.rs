//! What a polling dashboard sees on GPUs that several pods share.
//!
//! `DCGM_FI_DEV_GPU_UTIL` is the share of the last sample window in which at least one kernel ran. With residents that
//! run independently, a poll finds the GPU idle only when all of them are: `1 − Π(1 − duty)`
//! (`gpu_partitioning.md` section 7, the analytic union).

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::book::Ledger;
use crate::fleet::{NodeId, PoolId};
use crate::units::SimTime;

/// The residents of shared GPUs, by node and GPU. Look-up only: never iterated while the run goes on.
#[derive(Clone, Debug, Default)]
pub struct SharedGpus {
    gpus: FxHashMap<(NodeId, u8), Shared>,
}

#[derive(Clone, Debug)]
struct Shared {
    pool: PoolId,
    since: SimTime,
    stalls_ppm: SmallVec<[u32; 6]>,
}

impl Shared {
    /// Milli-GPU × ppm that polls see: the whole GPU shows as busy when anyone is.
    fn level(&self) -> u64 {
        let idle = self.stalls_ppm.iter().fold(1_000_000u64, |p, s| p * u64::from(*s) / 1_000_000);
        if self.stalls_ppm.is_empty() { 0 } else { 1000 * (1_000_000 - idle) }
    }
}

impl SharedGpus {
    /// A pod that stalls this share of the time takes a part of a GPU.
    pub fn enter(&mut self, books: &mut Ledger, at: (PoolId, NodeId, usize), now: SimTime, stall_ppm: u32) {
        let (pool, node, gpu) = at;
        let s = self.gpus.entry((node, gpu as u8)).or_insert_with(|| Shared {
            pool,
            since: now,
            stalls_ppm: SmallVec::new(),
        });
        books.sampled(pool, s.since, now, s.level());
        s.since = now;
        s.stalls_ppm.push(stall_ppm);
    }

    /// It leaves again.
    pub fn leave(&mut self, books: &mut Ledger, at: (PoolId, NodeId, usize), now: SimTime, stall_ppm: u32) {
        let (pool, node, gpu) = at;
        let Some(s) = self.gpus.get_mut(&(node, gpu as u8)) else {
            debug_assert!(false, "a pod leaves a GPU it never entered");
            return;
        };
        books.sampled(pool, s.since, now, s.level());
        s.since = now;
        if let Some(i) = s.stalls_ppm.iter().position(|p| *p == stall_ppm) {
            s.stalls_ppm.swap_remove(i);
        }
    }

    /// Books what is still open at the end of the run.
    pub fn close(self, books: &mut Ledger, now: SimTime) {
        // Sums of integers: the order of the map cannot show.
        for s in self.gpus.into_values() {
            books.sampled(s.pool, s.since, now, s.level());
        }
    }
}
