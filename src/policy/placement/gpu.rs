//! Which GPUs of the chosen node a pod takes.

use super::luck::Luck;
use crate::fleet::{Free, Gpus};
use crate::workload::Request;

/// Whole GPUs: the idle ones of lowest index. `None` when there are too few.
#[must_use]
pub fn lowest_idle(free: &Free, count: u8) -> Option<Gpus> {
    let mut mask = 0;
    let mut left = count;
    for (i, g) in free.gpu[..usize::from(free.gpus)].iter().enumerate() {
        if left == 0 {
            break;
        }
        if *g == 1000 {
            mask |= 1 << i;
            left -= 1;
        }
    }
    (left == 0).then_some(Gpus::of(mask))
}

/// The GPU for a share: the fullest that still takes it, the first of those.
#[must_use]
pub fn tightest(free: &Free, milli: u16) -> Option<Gpus> {
    let fitting = free.gpu[..usize::from(free.gpus)].iter().enumerate().filter(|(_, g)| **g >= milli);
    fitting.min_by_key(|(_, g)| **g).map(|(i, _)| Gpus::of(1 << i))
}

/// The GPU for a share under [`Random`](super::PlacementPolicy::Random): any that takes it, each as likely.
#[must_use]
pub fn any(free: &Free, milli: u16, luck: &mut Luck) -> Option<Gpus> {
    let gpus = &free.gpu[..usize::from(free.gpus)];
    let count = gpus.iter().filter(|g| **g >= milli).count() as u32;
    if count == 0 {
        return None;
    }
    let chosen = luck.below(count) as usize;
    gpus.iter().enumerate().filter(|(_, g)| **g >= milli).nth(chosen).map(|(i, _)| Gpus::of(1 << i))
}

/// What every policy but Random and FGD takes: nothing for a CPU-only pod, the tightest GPU for a share, the lowest
/// idle ones for whole GPUs.
#[must_use]
pub fn usual(free: &Free, r: &Request) -> Option<Gpus> {
    if r.gpus == 0 {
        Some(Gpus::of(0))
    } else if r.is_share() {
        tightest(free, r.gpu_milli)
    } else {
        lowest_idle(free, r.gpus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Capacity, Fleet, IslandId, NodeState, PoolId};

    #[test]
    fn a_share_takes_the_fullest_gpu_and_whole_pods_the_lowest_idle_ones() {
        let mut fleet = Fleet::default();
        let capacity = Capacity { cpu_milli: 1, mem_mib: 1, gpus: 5 };
        let id = fleet.add(PoolId(0), IslandId(0), capacity, NodeState::Ready);
        let share = |m| Request { gpus: 1, gpu_milli: m, ..Request::default() };
        fleet.place(id, &share(400), Gpus::of(0b00010));
        fleet.place(id, &share(700), Gpus::of(0b00100));
        fleet.place(id, &share(700), Gpus::of(0b01000));
        let free = fleet.node(id).free;
        assert_eq!(tightest(&free, 300), Some(Gpus::of(0b00100)));
        assert_eq!(tightest(&free, 301), Some(Gpus::of(0b00010)));
        assert_eq!(tightest(&free, 601), Some(Gpus::of(0b00001)));
        assert_eq!(lowest_idle(&free, 2), Some(Gpus::of(0b10001)));
        assert_eq!(lowest_idle(&free, 3), None);
        assert_eq!(usual(&free, &Request::default()), Some(Gpus::of(0)));
        let mut luck = Luck::new(3, 0);
        let mut seen = 0;
        for _ in 0..100 {
            seen |= any(&free, 500, &mut luck).expect("three fit").mask;
        }
        assert_eq!(seen, 0b10011);
    }
}
