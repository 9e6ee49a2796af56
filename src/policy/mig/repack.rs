//! Making room: whom to evict so that a request fits, and which GPU to empty.
//!
//! A live instance cannot be moved. What repacking can do is to evict what runs on it (it restarts from its checkpoint
//! somewhere else) and make another layout of the slices. The rules are ours, an assumption; published schedulers
//! (MISO, arXiv 2512.16099) move work in this way, but give no formula that could be followed.

use super::place::Placer;
use super::times::Times;
use crate::catalog::mig::ProfileId;
use crate::fleet::mig::{InstanceId, MigGpu, Mode, Phase};
use crate::units::Duration;

/// What evicting an instance would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Restarting what runs on it.
    pub restart: Duration,
    /// Work since its last checkpoint.
    pub lost: Duration,
    /// Whether it may be evicted at all. An unused instance costs nothing and always may.
    pub preemptible: bool,
}

/// Evictions that make room for one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// On which GPU.
    pub gpu: usize,
    /// From which slice on the new instance lies.
    pub start: u8,
    /// Who must go, by ascending id.
    pub evict: Vec<InstanceId>,
    /// Restarts and lost work of all of them.
    pub cost: Duration,
    /// Destroying them and creating the new one.
    pub change: Duration,
}

/// The instances that forbid a placement on a GPU, by ascending id: those on its slices, and those with which it shares
/// media engines or a maximum of one. `None` when it would be forbidden without them, too, or the GPU is not in MIG mode.
#[must_use]
pub fn in_the_way(gpu: &MigGpu, id: ProfileId, start: u8) -> Option<Vec<InstanceId>> {
    if gpu.mode() != Mode::On {
        return None;
    }
    let g = gpu.geometry();
    let p = g.profile(id);
    let blocks = |q: ProfileId| g.profile(q).media.clashes(p.media) || (q == id && p.max == 1);
    let way: Vec<InstanceId> = gpu
        .instances()
        .iter()
        .filter(|i| gpu.slices(i).overlaps(p.at(start)) || blocks(i.profile))
        .map(|i| i.id)
        .collect();
    let rest = gpu.instances().iter().filter(|i| !way.contains(&i.id));
    let mut without = MigGpu::new(g.clone());
    for i in rest {
        without.create(i.profile, i.start).ok()?;
    }
    without.legal(id, start).ok().map(|()| way)
}

/// The cheapest way to make room for a profile: over all GPUs and starts, the sum of the restarts and lost work of those in
/// the way; of equals the fewest evictions, the first GPU, the lowest start. `cost` says what evicting an instance in use
/// costs. What is being created or destroyed cannot be evicted. `None` when there is no way, or no need.
pub fn cheapest(
    gpus: &[MigGpu],
    id: ProfileId,
    times: &Times,
    cost: impl Fn(usize, InstanceId) -> Eviction,
) -> Option<Room> {
    let mut best: Option<Room> = None;
    for (gpu, g) in gpus.iter().enumerate() {
        for start in g.geometry().profile(id).starts.iter() {
            let Some(room) = room(g, gpu, id, start, times, &cost) else { continue };
            let key = |r: &Room| (r.cost, r.evict.len(), r.gpu, r.start);
            if best.as_ref().is_none_or(|b| key(&room) < key(b)) {
                best = Some(room);
            }
        }
    }
    best.filter(|r| !r.evict.is_empty())
}

fn room(
    g: &MigGpu,
    gpu: usize,
    id: ProfileId,
    start: u8,
    times: &Times,
    cost: &impl Fn(usize, InstanceId) -> Eviction,
) -> Option<Room> {
    let evict = in_the_way(g, id, start)?;
    let mut sum = 0_u64;
    for i in &evict {
        match g.instance(*i)?.phase {
            Phase::Ready => {}
            Phase::Bound => {
                let e = cost(gpu, *i);
                if !e.preemptible {
                    return None;
                }
                sum = sum.saturating_add(e.restart.0).saturating_add(e.lost.0);
            }
            Phase::Creating | Phase::Destroying => return None,
        }
    }
    Some(Room { gpu, start, change: times.change(evict.len(), 1), evict, cost: Duration(sum) })
}

/// Whether making room pays: what waiting less is worth is more than the evictions cost and the change takes.
#[must_use]
pub fn pays(room: &Room, wait_saved: Duration) -> bool {
    wait_saved.0 > room.cost.0.saturating_add(room.change.0)
}

/// One instance that goes elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// From which GPU.
    pub from: usize,
    /// Which instance of it.
    pub id: InstanceId,
    /// To which GPU.
    pub to: usize,
    /// From which slice on.
    pub start: u8,
}

/// Moves that empty GPUs, the emptiest first: the GPU with the fewest used slices (the first of equals) is emptied when all
/// its instances fit on other GPUs that are in use, beside what was moved there before; then the next. A GPU that cannot be
/// emptied stays as it is. Instances that `movable` does not allow, or that are on their way, keep their GPU. The largest
/// instances of a GPU are moved first. The moves of a GPU stand together.
pub fn consolidate(gpus: &[MigGpu], placer: &Placer<'_>, movable: impl Fn(usize, InstanceId) -> bool) -> Vec<Move> {
    let mut now = gpus.to_vec();
    let mut moves = Vec::new();
    let mut closed = vec![false; gpus.len()];
    let used = |g: &MigGpu| g.occupied().count();
    loop {
        let open = (0..now.len()).filter(|i| !closed[*i] && used(&now[*i]) > 0);
        let Some(from) = open.min_by_key(|i| (used(&now[*i]), *i)) else { return moves };
        closed[from] = true;
        let Some((batch, after)) = emptied(&now, gpus, from, placer, &movable) else { continue };
        // What was moved here meanwhile came from a GPU that was emptier, and is not moved twice.
        for m in &batch {
            closed[m.to] = true;
        }
        moves.extend(batch);
        now = after;
    }
}

/// The moves that empty a GPU, and how all of them are then.
fn emptied(
    now: &[MigGpu],
    original: &[MigGpu],
    from: usize,
    placer: &Placer<'_>,
    movable: &impl Fn(usize, InstanceId) -> bool,
) -> Option<(Vec<Move>, Vec<MigGpu>)> {
    let mut after = now.to_vec();
    let mut going = original[from].instances().to_vec();
    let geometry = original[from].geometry();
    going.sort_by_key(|i| (std::cmp::Reverse(geometry.profile(i.profile).size), i.id));
    let mut batch = Vec::new();
    for i in going {
        if !matches!(i.phase, Phase::Ready | Phase::Bound) || !movable(from, i.id) {
            return None;
        }
        // GPUs in use of the same geometry, this one not among them.
        let targets: Vec<usize> = (0..after.len())
            .filter(|t| *t != from && !after[*t].occupied().is_empty() && after[*t].geometry() == geometry)
            .collect();
        let candidates: Vec<MigGpu> = targets.iter().map(|t| after[*t].clone()).collect();
        let (at, start) = placer.choose(&candidates, i.profile)?;
        let to = targets[at];
        after[to].create(i.profile, start).ok()?;
        batch.push(Move { from, id: i.id, to, start });
    }
    after[from] = MigGpu::new(geometry.clone());
    Some((batch, after))
}
