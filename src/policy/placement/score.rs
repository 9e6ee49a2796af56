//! The scores, as pure functions of what is free on a node and what a pod asks for.
//!
//! All are integers and higher is better. A score is only meant for a node that the pod fits on. Where the authors'
//! code works in floats and cuts to an integer, the same formula is evaluated here in exact integers and rounded down.

use crate::fleet::{Capacity, Free};
use crate::workload::Request;
use serde::{Deserialize, Serialize};

/// The CPU that scores of BestFit and DotProduct are measured against: 128 cores (`MaxSpecCpu` upstream).
pub const MAX_SPEC_CPU_MILLI: u32 = 128_000;
/// The GPUs that scores of BestFit, DotProduct and GpuClustering are measured against: 8 (`MaxSpecGpu` upstream).
pub const MAX_SPEC_GPU_MILLI: u32 = 8_000;

/// BestFit: ⌊100·(1 − (½·(cpu free − cpu)/128000 + ½·(gpu free − gpu)/8000))⌋, in thousandths of a core and of a GPU.
///
/// From 0 to 100 on nodes of up to 128 cores and 8 GPUs, below 0 on larger ones. Upstream then stretches the scores of
/// the fitting nodes to 0–100 ([`rescaled`]); that keeps the set of best nodes, so the engine leaves it out.
#[must_use]
pub fn best_fit(free: &Free, r: &Request) -> i32 {
    let cpu = u64::from(free.cpu_milli.saturating_sub(r.cpu_milli));
    let gpu = u64::from(free.milli.saturating_sub(r.total_milli()));
    // 50·cpu/128000 + 50·gpu/8000 = (cpu + 16·gpu)/2560.
    100 - (cpu + 16 * gpu).div_ceil(2560) as i32
}

/// BestFit's second step: scores stretched to 0–100 over the fitting nodes, by integer division; all alike give 100.
pub fn rescaled(scores: &mut [i32]) {
    let (Some(low), Some(high)) = (scores.iter().copied().min(), scores.iter().copied().max()) else { return };
    for s in scores {
        *s = if high == low { 100 } else { ((i64::from(*s) - i64::from(low)) * 100 / i64::from(high - low)) as i32 };
    }
}

/// DotProduct: ⌊100·(1 − ½·(cpu free/128000·cpu/128000 + gpu free/8000·gpu/8000))⌋.
#[must_use]
pub fn dot_product(free: &Free, r: &Request) -> i32 {
    let cpu = u64::from(free.cpu_milli) * u64::from(r.cpu_milli);
    let gpu = u64::from(free.milli) * u64::from(r.total_milli());
    // 50/128000² = 1/327,680,000, and 128000² = 256·8000².
    100 - cpu.saturating_add(256 * gpu).div_ceil(327_680_000).min(1 << 30) as i32
}

/// GpuPacking: 50–100 where a GPU in use takes the pod, the fuller the better; 33–50 where idle GPUs of a node in use
/// do, the fewer the better; at most 33 on a node whose GPUs are all idle; 0 for a CPU-only pod.
#[must_use]
pub fn gpu_packing(free: &Free, r: &Request) -> i32 {
    if r.gpus == 0 || r.gpu_milli == 0 {
        return 0;
    }
    let whole = i32::from(free.whole);
    if free.whole == free.gpus {
        return (33 - whole).max(whole);
    }
    if r.is_share() {
        // GPUs are taken ascending by what is free on them: a share takes the fullest that fits.
        let left = free.gpu[..usize::from(free.gpus)].iter().filter(|g| **g >= r.gpu_milli).min();
        let left = left.map_or(1000, |g| i32::from(*g));
        if left == 1000 { 49 } else { (100 - left / 10 / 10).max(50) }
    } else {
        (50 - i32::from(r.gpus)).max(33)
    }
}

/// GpuClustering: a quarter of the scale by kind of company (75 only pods of the same kind, 50 the same and others, 25
/// none, 0 only others), plus up to 25 for how full the node is: 25·(8000 − free)/8000 cut to an integer. 0 for a
/// CPU-only pod.
#[must_use]
pub fn gpu_clustering(free: &Free, r: &Request) -> i32 {
    if r.gpus == 0 || r.gpu_milli == 0 {
        return 0;
    }
    let class = if r.is_share() { 0 } else { u32::from(r.gpus) };
    let same = free.classes >> class & 1 == 1;
    let base = match (same, free.classes) {
        (true, c) if c == 1 << class => 75,
        (true, _) => 50,
        (false, 0) => 25,
        (false, _) => 0,
    };
    base + 25 * (MAX_SPEC_GPU_MILLI as i32 - free.milli as i32) / MAX_SPEC_GPU_MILLI as i32
}

/// What each resource counts in kube-scheduler's scores; 0 leaves it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Weights {
    /// CPU.
    pub cpu: u32,
    /// Memory.
    pub memory: u32,
    /// GPUs, as an extended resource: only for pods that ask for one.
    pub gpu: u32,
}

impl Default for Weights {
    /// kube-scheduler's: CPU 1, memory 1, GPUs not at all (`apis/config/v1/defaults.go`).
    fn default() -> Weights {
        Weights { cpu: 1, memory: 1, gpu: 0 }
    }
}

/// One resource of a node, as kube-scheduler's scores see it: what there is, what is asked of it with the new pod
/// included, and its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// What the node has; 0 leaves the resource out.
    pub capacity: u64,
    /// Asked for by the pods on it and the new one.
    pub requested: u64,
    /// What it counts; 0 leaves the resource out.
    pub weight: u32,
}

/// LeastAllocated: ⌊Σ w·s/Σ w⌋ with s = (capacity − requested)·100/capacity in integers, 0 where more is requested
/// than there is (`noderesources/least_allocated.go`).
#[must_use]
pub fn least_allocated(demands: &[Demand]) -> i32 {
    weighted(demands, |d| d.capacity.saturating_sub(d.requested) * 100 / d.capacity)
}

/// MostAllocated: the same with s = requested·100/capacity, requested being at most the capacity
/// (`noderesources/most_allocated.go`).
#[must_use]
pub fn most_allocated(demands: &[Demand]) -> i32 {
    weighted(demands, |d| d.requested.min(d.capacity) * 100 / d.capacity)
}

fn weighted(demands: &[Demand], score: impl Fn(&Demand) -> u64) -> i32 {
    let (mut sum, mut weights) = (0u64, 0u64);
    for d in demands.iter().filter(|d| d.capacity > 0 && d.weight > 0) {
        sum += score(d) * u64::from(d.weight);
        weights += u64::from(d.weight);
    }
    sum.checked_div(weights).unwrap_or(0) as i32
}

/// What a container that asks for no CPU counts in scores, in milli-CPU (`DefaultMilliCPURequest`,
/// `util/pod_resources.go`).
pub const UNSET_CPU_MILLI: u32 = 100;
/// What a container that asks for no memory counts in scores, in MiB (`DefaultMemoryRequest`).
pub const UNSET_MEMORY_MIB: u32 = 200;

/// What kube-scheduler's scores look at when a pod comes to a node.
///
/// A pod that asks for no CPU or no memory counts 100 m or 200 MiB, for scoring only. Upstream does so for the pods
/// that already run, too; the fleet keeps only what they take, so here those count what they asked for.
#[must_use]
pub fn demands(capacity: &Capacity, free: &Free, r: &Request, w: Weights) -> [Demand; 3] {
    let of = |capacity: u32, free: u32, asked: u32, weight| Demand {
        capacity: u64::from(capacity),
        requested: u64::from(capacity - free) + u64::from(asked),
        weight,
    };
    [
        of(capacity.cpu_milli, free.cpu_milli, if r.cpu_milli == 0 { UNSET_CPU_MILLI } else { r.cpu_milli }, w.cpu),
        of(capacity.mem_mib, free.mem_mib, if r.mem_mib == 0 { UNSET_MEMORY_MIB } else { r.mem_mib }, w.memory),
        of(1000 * u32::from(capacity.gpus), free.milli, r.total_milli(), if r.gpus == 0 { 0 } else { w.gpu }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Fleet, Gpus, IslandId, NodeState, PoolId};

    fn node(cpu: u32, gpus: &[u16]) -> Free {
        let mut fleet = Fleet::default();
        let capacity = Capacity { cpu_milli: cpu, mem_mib: 1, gpus: gpus.len() as u8 };
        let id = fleet.add(PoolId(0), IslandId(0), capacity, NodeState::Ready);
        for (i, free) in gpus.iter().enumerate().filter(|(_, f)| **f < 1000) {
            fleet.place(id, &share(0, 1000 - free), Gpus::of(1 << i));
        }
        fleet.node(id).free
    }

    fn share(cpu: u32, milli: u16) -> Request {
        Request { cpu_milli: cpu, mem_mib: 0, gpus: 1, gpu_milli: milli, slice: 0 }
    }

    fn whole(cpu: u32, gpus: u8) -> Request {
        Request { cpu_milli: cpu, mem_mib: 0, gpus, gpu_milli: if gpus == 0 { 0 } else { 1000 }, slice: 0 }
    }

    #[test]
    fn best_fit_is_the_weighted_rest_in_integers() {
        // 96 cores and 8 GPUs free, 12 cores and 1 GPU asked: 1 − (½·84/128 + ½·7/8) = 0.234375.
        assert_eq!(best_fit(&node(96_000, &[1000; 8]), &whole(12_000, 1)), 23);
        // Nothing left over is the best there is; everything left over on the largest node is 0.
        assert_eq!(best_fit(&node(12_000, &[1000]), &whole(12_000, 1)), 100);
        assert_eq!(best_fit(&node(128_000, &[1000; 8]), &whole(0, 0)), 0);
        assert_eq!(best_fit(&node(128_000, &[1000; 16]), &whole(0, 0)), -50);
    }

    #[test]
    fn best_fit_agrees_with_the_float_formula_away_from_its_steps() {
        for cpu in (0..=128_000).step_by(777) {
            for gpu in (0..=8_000u32).step_by(130) {
                let x = 100.0 * (1.0 - (0.5 * f64::from(cpu) / 128e3 + 0.5 * f64::from(gpu) / 8e3));
                if (x - x.round()).abs() < 1e-9 {
                    continue;
                }
                let free = Free { cpu_milli: cpu, milli: gpu, ..node(0, &[]) };
                assert_eq!(best_fit(&free, &whole(0, 0)), x.floor() as i32);
            }
        }
    }

    #[test]
    fn rescaling_keeps_the_best_and_only_the_best() {
        for scores in [vec![3, 7, 7, 1], vec![-400, 99, 98, 99], vec![5], vec![2, 2], vec![-1000, 1000, 999]] {
            let mut r = scores.clone();
            rescaled(&mut r);
            let best = |v: &[i32]| {
                let top = v.iter().max().copied();
                v.iter().enumerate().filter(|(_, s)| Some(**s) == top).map(|(i, _)| i).collect::<Vec<_>>()
            };
            assert_eq!(best(&scores), best(&r));
        }
    }

    #[test]
    fn dot_product_is_the_mean_of_two_products() {
        // ½·(96/128·12/128 + 8/8·1/8) = 0.09765625.
        assert_eq!(dot_product(&node(96_000, &[1000; 8]), &whole(12_000, 1)), 90);
        assert_eq!(dot_product(&node(96_000, &[1000; 8]), &whole(0, 0)), 100);
        assert_eq!(dot_product(&node(128_000, &[1000; 8]), &whole(128_000, 8)), 0);
        let huge = Free { cpu_milli: u32::MAX, ..node(0, &[]) };
        assert!(dot_product(&huge, &whole(u32::MAX, 0)) < -1_000_000);
    }

    #[test]
    fn packing_prefers_gpus_in_use_then_nodes_in_use() {
        assert_eq!(gpu_packing(&node(1, &[1000; 8]), &share(0, 500)), 25);
        assert_eq!(gpu_packing(&node(1, &[1000; 2]), &share(0, 500)), 31);
        assert_eq!(gpu_packing(&node(1, &[1000; 16]), &whole(0, 1)), 17);
        // 700 free is 70 %, a tenth of that is 7; 600 asked leaves no other GPU in use.
        assert_eq!(gpu_packing(&node(1, &[1000, 700, 500]), &share(0, 600)), 93);
        assert_eq!(gpu_packing(&node(1, &[1000, 700, 500]), &share(0, 300)), 95);
        assert_eq!(gpu_packing(&node(1, &[1000, 700, 500]), &share(0, 800)), 49);
        assert_eq!(gpu_packing(&node(1, &[1000, 700, 1000]), &whole(0, 2)), 48);
        assert_eq!(gpu_packing(&node(1, &[1000, 700]), &whole(0, 0)), 0);
        assert_eq!(gpu_packing(&Free { gpus: 16, whole: 17, ..node(1, &[1000; 16]) }, &whole(0, 16)), 34);
    }

    #[test]
    fn clustering_goes_by_company_then_by_fullness() {
        assert_eq!(gpu_clustering(&node(1, &[1000; 8]), &share(0, 500)), 25);
        assert_eq!(gpu_clustering(&node(1, &[1000, 500]), &share(0, 500)), 75 + 25 * 6500 / 8000);
        assert_eq!(gpu_clustering(&node(1, &[1000, 500]), &whole(0, 1)), 25 * 6500 / 8000);
        let mixed = Free { classes: 0b11, ..node(1, &[1000, 500]) };
        assert_eq!(gpu_clustering(&mixed, &whole(0, 1)), 50 + 25 * 6500 / 8000);
        assert_eq!(gpu_clustering(&mixed, &whole(0, 0)), 0);
    }

    fn kube(cpu: (u64, u64, u32), memory: (u64, u64, u32), other: Option<(u64, u64)>) -> (i32, i32) {
        let of = |(capacity, requested, weight)| Demand { capacity, requested, weight };
        let mut d = vec![of(cpu), of(memory)];
        d.extend(other.map(|(c, r)| of((c, r, 1))));
        (least_allocated(&d), most_allocated(&d))
    }

    #[test]
    fn kube_scheduler_scores_are_its_unit_tests() {
        // SC1 to SC7 of the specification; least_allocated_test.go and most_allocated_test.go.
        assert_eq!(kube((4000, 3000, 1), (10000, 5000, 1), None), (37, 62));
        assert_eq!(kube((6000, 3000, 1), (10000, 5000, 1), None), (50, 50));
        assert_eq!(kube((4000, 3000, 1), (10000, 5000, 2), None), (41, 58));
        assert_eq!(kube((6000, 3000, 1), (10000, 5000, 2), None), (50, 50));
        assert_eq!(kube((10000, 6000, 1), (20000, 0, 1), None), (70, 30));
        assert_eq!(kube((10000, 6000, 1), (20000, 5000, 1), None), (57, 42));
        assert_eq!(kube((10000, 6000, 1), (20000, 5000, 1), None), (57, 42));
        assert_eq!(kube((10000, 6000, 1), (20000, 10000, 1), None), (45, 55));
        assert_eq!(kube((5000, 5000, 1), (10000, 9000, 1), None), (5, 95));
        assert_eq!(kube((10000, 5000, 1), (9000, 9000, 1), None), (25, 75));
        assert_eq!(kube((10000, 5000, 1), (10000, 5000, 1), Some((4, 2))), (50, 50));
        assert_eq!(kube((10000, 5000, 1), (10000, 5000, 1), Some((10, 2))), (60, 40));
        assert_eq!(kube((4000, 6000, 1), (10000, 0, 1), None), (50, 50));
        assert_eq!(kube((4000, 6000, 1), (10000, 5000, 1), None), (25, 75));
    }

    #[test]
    fn gpus_count_only_when_configured_and_asked_for() {
        let cap = Capacity { cpu_milli: 1000, mem_mib: 1000, gpus: 4 };
        let free = Free { mem_mib: 1000, ..node(1000, &[1000; 4]) };
        let w = Weights { cpu: 1, memory: 1, gpu: 1 };
        let asks = |r| demands(&cap, &free, &r, w).map(|d| (d.requested, d.weight));
        assert_eq!(asks(Request::default()), [(100, 1), (200, 1), (0, 0)]);
        assert_eq!(asks(whole(5, 2)), [(5, 1), (200, 1), (2000, 1)]);
        assert_eq!(demands(&cap, &free, &whole(5, 2), Weights::default())[2].weight, 0);
    }
}
