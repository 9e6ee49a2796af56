//! One pending request, instance by instance: what nos' MIG agent, instaslice, HAMi and NVIDIA's DRA driver do.
//!
//! A used instance is never touched (nos). Times: `Times::change`.

use super::place::Placer;
use super::repack::in_the_way;
use crate::catalog::mig::ProfileId;
use crate::fleet::mig::{InstanceId, MigGpu, Phase, Refusal};

/// What to do for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Use an instance that is there.
    Bind {
        /// Which GPU.
        gpu: usize,
        /// Which instance.
        id: InstanceId,
    },
    /// Create one.
    Create {
        /// On which GPU.
        gpu: usize,
        /// From which slice on.
        start: u8,
    },
    /// Destroy unused instances, then create one.
    MakeRoom {
        /// On which GPU.
        gpu: usize,
        /// Which, by ascending id.
        destroy: Vec<InstanceId>,
        /// From which slice on the new one lies.
        start: u8,
    },
    /// Nothing can be done now.
    Wait,
}

/// What to do for a request of a profile: use a ready instance of just this profile (the first GPU, its lowest start); else
/// create one where the policy puts it; else, when `destroy_unused`, destroy the fewest unused instances that make room
/// (the first GPU, its lowest start, among equals); else wait. Extended resources are not interchangeable: a larger
/// instance is never used in place of a smaller.
#[must_use]
pub fn next(gpus: &[MigGpu], id: ProfileId, placer: &Placer<'_>, destroy_unused: bool) -> Next {
    for (gpu, g) in gpus.iter().enumerate() {
        let ready = g.instances().iter().filter(|i| i.profile == id && i.phase == Phase::Ready);
        if let Some(i) = ready.min_by_key(|i| i.start) {
            return Next::Bind { gpu, id: i.id };
        }
    }
    if let Some((gpu, start)) = placer.choose(gpus, id) {
        return Next::Create { gpu, start };
    }
    if !destroy_unused {
        return Next::Wait;
    }
    let rooms = gpus.iter().enumerate().flat_map(|(gpu, g)| {
        let starts: Vec<u8> = g.geometry().profile(id).starts.iter().collect();
        starts.into_iter().filter_map(move |start| Some((gpu, start, unused(g, id, start)?)))
    });
    match rooms.min_by_key(|(gpu, start, ids)| (ids.len(), *gpu, *start)) {
        Some((gpu, start, destroy)) => Next::MakeRoom { gpu, destroy, start },
        None => Next::Wait,
    }
}

/// What is in the way of a placement, when all of it is ready and unused.
fn unused(gpu: &MigGpu, id: ProfileId, start: u8) -> Option<Vec<InstanceId>> {
    let way = in_the_way(gpu, id, start)?;
    let free = |i: &InstanceId| gpu.instance(*i).is_some_and(|i| i.phase == Phase::Ready);
    (!way.is_empty() && way.iter().all(free)).then_some(way)
}

/// Why a request cannot be served by creating one on a GPU, for a message: the refusal of the first GPU. `None` without
/// GPUs or when one has room.
#[must_use]
pub fn why_not(gpus: &[MigGpu], id: ProfileId) -> Option<Refusal> {
    let mut refusals = gpus.iter().map(|g| g.starts(id).err());
    let first = refusals.next()??;
    refusals.all(|r| r.is_some()).then_some(first)
}
