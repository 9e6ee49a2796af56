//! Many requests at once.
//!
//! - [`in_order`]: one after the other, as they are asked for; order matters ("Insufficient Resources" for 1g, 1g, 2g, 3g
//!   on an A100 with the driver's order, and not with the 3g first: MIG user guide);
//! - [`permuted`]: mig-parted's way, permutations until one is accepted;
//! - [`arrange`]: with explicit starts, whenever there is any way at all;
//! - [`pack`]: on several GPUs, the largest first.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::place::Placer;
use crate::catalog::mig::{Geometry, ProfileId, Slices};
use crate::fleet::mig::{MigGpu, Placement, Refusal};

/// Places requests one after the other, each where the policy puts it.
///
/// # Errors
/// The index of the first request that is refused, and why.
pub fn in_order(gpu: &MigGpu, requests: &[ProfileId], placer: &Placer<'_>) -> Result<Vec<Placement>, (usize, Refusal)> {
    let mut gpu = gpu.clone();
    let mut one = |(i, id): (usize, &ProfileId)| {
        let start = placer.start(&gpu, *id).map_err(|e| (i, e))?;
        gpu.create(*id, start).map_err(|e| (i, e))?;
        Ok((*id, start))
    };
    requests.iter().enumerate().map(&mut one).collect()
}

/// The first permutation of the requests, in the lexicographic order of the list, that [`in_order`] accepts; in the order
/// of creation. `None` when none is accepted. NVIDIA/mig-parted `SetMigConfig` tries permutations, too; which first is not
/// documented.
#[must_use]
pub fn permuted(gpu: &MigGpu, requests: &[ProfileId], placer: &Placer<'_>) -> Option<Vec<Placement>> {
    if !room_for_all(gpu, requests) {
        return None;
    }
    let mut walk = Walk { gpu: gpu.clone(), rest: requests.to_vec(), out: Vec::new(), failed: BTreeSet::new() };
    walk.permute(placer).then_some(walk.out)
}

/// Whether there are slices enough: a quick no, and a bound on how long a search can be.
fn room_for_all(gpu: &MigGpu, requests: &[ProfileId]) -> bool {
    let size: usize = requests.iter().map(|id| usize::from(gpu.geometry().profile(*id).size)).sum();
    size <= usize::from(gpu.free().count())
}

/// A walk over permutations: what is there, what is still to come, and from where it did not work.
struct Walk {
    gpu: MigGpu,
    rest: Vec<ProfileId>,
    out: Vec<Placement>,
    /// Sorted rest and occupied slices. Whether the rest can be placed depends on nothing else.
    failed: BTreeSet<(Vec<ProfileId>, Slices)>,
}

impl Walk {
    fn permute(&mut self, placer: &Placer<'_>) -> bool {
        if self.rest.is_empty() {
            return true;
        }
        let mut sorted = self.rest.clone();
        sorted.sort_unstable();
        let state = (sorted, self.gpu.occupied());
        if self.failed.contains(&state) {
            return false;
        }
        for i in 0..self.rest.len() {
            let id = self.rest[i];
            // The same profile at the same place in line was tried already.
            if self.rest[..i].contains(&id) {
                continue;
            }
            let Ok(start) = placer.start(&self.gpu, id) else { continue };
            let Ok(made) = self.gpu.create(id, start) else { continue };
            self.rest.remove(i);
            self.out.push((id, start));
            if self.permute(placer) {
                return true;
            }
            self.out.pop();
            self.rest.insert(i, id);
            let undone = self.gpu.destroy(made);
            debug_assert!(undone.is_ok(), "an instance that was just made is unused");
        }
        self.failed.insert(state);
        false
    }
}

/// Places all requests on one GPU if there is any way, beside what is there; in the order of the requests. The hardest go
/// first (most slices, then fewest starts), each at the starts the policy prefers, and a choice is taken back where the
/// rest would not fit. `None` when there is no way.
#[must_use]
pub fn arrange(gpu: &MigGpu, requests: &[ProfileId], placer: &Placer<'_>) -> Option<Vec<Placement>> {
    if !room_for_all(gpu, requests) {
        return None;
    }
    let order = hardest_first(gpu.geometry(), requests);
    let mut starts = vec![0; requests.len()];
    let mut failed = BTreeSet::new();
    let found = settle(&mut gpu.clone(), requests, &order, placer, &mut starts, &mut failed);
    found.then(|| requests.iter().copied().zip(starts).collect())
}

/// Places what is left of `order`. `failed`: how many were left, and the occupied slices, from where it did not work.
fn settle(
    gpu: &mut MigGpu,
    requests: &[ProfileId],
    order: &[usize],
    placer: &Placer<'_>,
    out: &mut [u8],
    failed: &mut BTreeSet<(usize, Slices)>,
) -> bool {
    let Some((&now, rest)) = order.split_first() else { return true };
    let state = (order.len(), gpu.occupied());
    if failed.contains(&state) {
        return false;
    }
    let id = requests[now];
    for start in placer.preference(gpu, id).unwrap_or_default() {
        let Ok(made) = gpu.create(id, start) else { continue };
        out[now] = start;
        if settle(gpu, requests, rest, placer, out, failed) {
            return true;
        }
        let undone = gpu.destroy(made);
        debug_assert!(undone.is_ok(), "an instance that was just made is unused");
    }
    failed.insert(state);
    false
}

/// The indices of requests: most memory slices first, of those the fewest starts, then as they stand.
fn hardest_first(g: &Geometry, requests: &[ProfileId]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by_key(|i| {
        let p = g.profile(requests[*i]);
        (Reverse(p.size), p.starts.count(), requests[*i], *i)
    });
    order
}

/// What [`pack`] did: by request, the GPU and the start; `None` for one that found no room.
pub type Packing = Vec<Option<(usize, u8)>>;

/// Puts requests on GPUs, beside what is there: the hardest first (as in [`arrange`]), each where the policy puts it. GPUs
/// must be of one geometry. This is first (or best) fit decreasing: not always the fewest GPUs, which is NP-hard in
/// general.
#[must_use]
pub fn pack(gpus: &[MigGpu], requests: &[ProfileId], placer: &Placer<'_>) -> Packing {
    let mut out = vec![None; requests.len()];
    let Some(first) = gpus.first() else { return out };
    let mut gpus = gpus.to_vec();
    for i in hardest_first(&first.geometry().clone(), requests) {
        if let Some((at, start)) = placer.choose(&gpus, requests[i])
            && gpus[at].create(requests[i], start).is_ok()
        {
            out[i] = Some((at, start));
        }
    }
    out
}

/// The fewest empty GPUs that [`pack`] needs for all requests; `None` when one of them fits no GPU.
#[must_use]
pub fn gpus_needed(empty: &MigGpu, requests: &[ProfileId], placer: &Placer<'_>) -> Option<usize> {
    let fits = |n: usize| pack(&vec![empty.clone(); n], requests, placer).iter().all(Option::is_some);
    (0..=requests.len()).find(|n| fits(*n))
}
