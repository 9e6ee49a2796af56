//! Which GPU a new instance goes to, and from which slice on.

use std::cmp::Reverse;

use super::frag::FragTable;
use crate::catalog::mig::ProfileId;
use crate::fleet::mig::{MigGpu, Refusal};

/// From which of the legal starts of a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartOrder {
    /// The lowest (instaslice, DAS `pkg/scheduler/plugins/mig/mig.go`).
    #[default]
    Ascending,
    /// As NVIDIA's driver was seen to choose where no start is asked for: 1g at 6, 4, 5, 0, 1, 2, 3; 2g at 4, 0, 2; 3g at
    /// 4, 0. A preset from transcripts of the MIG user guide; see `Profile::driver_order`.
    NvidiaDriver,
    /// The one after which the GPU is least fragmented for the demand ([`super::frag`]); of equals the lowest.
    LeastFragmentation,
}

/// To which of the GPUs that have a legal start; of equals the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuOrder {
    /// The first in the list (DAS).
    #[default]
    FirstFit,
    /// The one with the fewest free slices.
    BestFit,
    /// The one with the most free slices: what DAS's score does between nodes. Spreading strands capacity.
    Spread,
    /// The one whose fragmentation grows least.
    LeastFragmentation,
}

/// A placement policy for GPUs of one geometry: ids of profiles and the table mean something there only.
#[derive(Clone, Copy, Debug)]
pub struct Placer<'a> {
    /// Between GPUs.
    pub gpus: GpuOrder,
    /// Within a GPU.
    pub starts: StartOrder,
    /// Fragmentation under the demand.
    pub table: &'a FragTable,
}

impl Placer<'_> {
    /// Legal starts of a profile on a GPU, the preferred one first.
    ///
    /// # Errors
    /// Why there are none.
    pub fn preference(&self, gpu: &MigGpu, id: ProfileId) -> Result<Vec<u8>, Refusal> {
        let legal = gpu.starts(id)?;
        let p = gpu.geometry().profile(id);
        Ok(match self.starts {
            StartOrder::Ascending => legal.iter().collect(),
            StartOrder::NvidiaDriver => p.driver_order.iter().copied().filter(|s| legal.has(*s)).collect(),
            StartOrder::LeastFragmentation => {
                let mut all: Vec<u8> = legal.iter().collect();
                all.sort_by_key(|s| (self.table.growth(gpu.occupied(), p.at(*s)), *s));
                all
            }
        })
    }

    /// The start of a profile on one GPU: the first of [`Placer::preference`], without a list.
    ///
    /// # Errors
    /// Why there is none.
    pub fn start(&self, gpu: &MigGpu, id: ProfileId) -> Result<u8, Refusal> {
        let legal = gpu.starts(id)?;
        let p = gpu.geometry().profile(id);
        let start = match self.starts {
            StartOrder::Ascending => legal.iter().next(),
            StartOrder::NvidiaDriver => p.driver_order.iter().copied().find(|s| legal.has(*s)),
            StartOrder::LeastFragmentation => {
                legal.iter().min_by_key(|s| (self.table.growth(gpu.occupied(), p.at(*s)), *s))
            }
        };
        // `starts` is never empty, and every order names each start.
        start.ok_or(Refusal::NoFreeStart { profile: id, free: gpu.free().count() })
    }

    /// The GPU, by its index, and the start. `None` when no GPU has room.
    #[must_use]
    pub fn choose(&self, gpus: &[MigGpu], id: ProfileId) -> Option<(usize, u8)> {
        let open = gpus.iter().enumerate().filter_map(|(i, gpu)| Some((i, gpu, self.start(gpu, id).ok()?)));
        let chosen = match self.gpus {
            GpuOrder::FirstFit => { open }.next(),
            GpuOrder::BestFit => open.min_by_key(|(i, gpu, _)| (gpu.free().count(), *i)),
            GpuOrder::Spread => open.min_by_key(|(i, gpu, _)| (Reverse(gpu.free().count()), *i)),
            GpuOrder::LeastFragmentation => open.min_by_key(|(i, gpu, start)| {
                let taken = gpu.geometry().profile(id).at(*start);
                (self.table.growth(gpu.occupied(), taken), *i)
            }),
        };
        chosen.map(|(i, _, start)| (i, start))
    }
}

/// DAS's score of a node: free slices of all its GPUs by all slices, in whole per cent; more is preferred, so that it
/// spreads. 0 without GPUs.
#[must_use]
pub fn das_score(gpus: &[MigGpu]) -> u32 {
    let sum = |f: &dyn Fn(&MigGpu) -> u8| gpus.iter().map(|g| u32::from(f(g))).sum::<u32>();
    let free = sum(&|g| g.free().count());
    (free * 100).checked_div(sum(&|g| g.geometry().width())).unwrap_or(0)
}
