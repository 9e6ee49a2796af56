//! What the free slices of a GPU are good for.

use super::gpu::MigGpu;
use crate::catalog::mig::{Media, ProfileId, Slices};

/// Free slices of a GPU that nothing in demand can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stranded {
    /// Memory slices in no legal placement of any profile in demand.
    pub memory: Slices,
    /// Compute slices beyond the most that legal instances of the profiles in demand could still add.
    pub compute: u8,
}

/// Free memory slices that at least one legal placement of a profile in demand covers.
#[must_use]
pub fn usable(gpu: &MigGpu, demanded: &[ProfileId]) -> Slices {
    let of = |id: &ProfileId| {
        let p = gpu.geometry().profile(*id);
        let starts = gpu.starts(*id).unwrap_or_default();
        starts.iter().fold(Slices::NONE, |m, s| m.with(p.at(s)))
    };
    demanded.iter().fold(Slices::NONE, |m, id| m.with(of(id)))
}

/// What of the free slices no profile in demand can use. Without demand, all of it.
///
/// Two instances of 3g leave a compute slice that has no memory slice; seven of 1g leave a memory slice at which nothing
/// starts.
#[must_use]
pub fn stranded(gpu: &MigGpu, demanded: &[ProfileId]) -> Stranded {
    let free = gpu.geometry().compute().saturating_sub(gpu.compute_used());
    Stranded { memory: gpu.free().without(usable(gpu, demanded)), compute: free.saturating_sub(addable(gpu, demanded)) }
}

/// Free memory slices that are left over when as many of a profile as fit are put there: what is fragmented for it.
#[must_use]
pub fn fragmented(gpu: &MigGpu, id: ProfileId) -> u8 {
    let p = gpu.geometry().profile(id);
    gpu.free().count().saturating_sub(p.fits(gpu.occupied()) * p.size)
}

/// The most steps of an exact search; real grids take a few thousand.
const MAX_STEPS: u32 = 100_000;

/// The most compute slices that legal instances of the profiles in demand could add. Exact on real grids; where a made-up
/// one has so many limited profiles that the search would not end, limits are left out.
fn addable(gpu: &MigGpu, demanded: &[ProfileId]) -> u8 {
    let g = gpu.geometry();
    let open: Vec<ProfileId> = demanded.iter().copied().filter(|id| gpu.starts(*id).is_ok()).collect();
    let by_slices = by_slices(gpu, &open);
    let limited = |id: &ProfileId| {
        let p = g.profile(*id);
        p.media != Media::Base || p.max < p.fits(Slices::NONE)
    };
    let most = if open.iter().any(limited) {
        let mut steps = MAX_STEPS;
        searched(gpu, &open, 0, &mut steps).map_or(by_slices, |n| n.min(by_slices))
    } else {
        by_slices
    };
    most.min(g.compute().saturating_sub(gpu.compute_used()))
}

/// Without limits: slices are walked once, from the last.
fn by_slices(gpu: &MigGpu, open: &[ProfileId]) -> u8 {
    let (g, width) = (gpu.geometry(), usize::from(gpu.geometry().width()));
    // best[s]: the most that can be added from slice s on.
    let mut best = vec![0_u8; width + 1];
    for s in (0..width).rev() {
        best[s] = best[s + 1];
        for id in open {
            let p = g.profile(*id);
            if p.free_starts(gpu.occupied()).has(s as u8) {
                best[s] = best[s].max(p.compute.saturating_add(best[s + usize::from(p.size)]));
            }
        }
    }
    best[0]
}

/// With limits: every way to add, by ascending start. `None` when it takes too long.
fn searched(gpu: &MigGpu, open: &[ProfileId], from: u8, steps: &mut u32) -> Option<u8> {
    *steps = steps.checked_sub(1)?;
    let mut best = 0;
    for id in open {
        let Ok(starts) = gpu.starts(*id) else { continue };
        for start in starts.iter().filter(|s| *s >= from) {
            let mut more = gpu.clone();
            if more.create(*id, start).is_ok() {
                let rest = searched(&more, open, start + 1, steps)?;
                best = best.max(gpu.geometry().profile(*id).compute.saturating_add(rest));
            }
        }
    }
    Some(best)
}
