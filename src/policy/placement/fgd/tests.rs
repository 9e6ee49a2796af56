//! The worked example, the upstream test values, and tables against the definition.

use super::*;
use crate::fleet::{Capacity, IslandId};
use crate::policy::placement::luck::Luck;
use proptest::prelude::*;

fn request(cpu_milli: u32, gpu_milli: u16, gpus: u8) -> Request {
    Request { cpu_milli, mem_mib: 0, gpus, gpu_milli, slice: 0 }
}

/// A node with this much CPU and this much on each GPU, by placing shares on an empty one.
pub(crate) fn node(cpu: u32, gpus: &[u16]) -> Free {
    let mut fleet = Fleet::default();
    let capacity = Capacity { cpu_milli: cpu, mem_mib: 0, gpus: gpus.len() as u8 };
    let id = fleet.add(PoolId(0), IslandId(0), capacity, NodeState::Ready);
    for (i, free) in gpus.iter().enumerate().filter(|(_, f)| **f < 1000) {
        fleet.place(id, &request(0, 1000 - free, 1), Gpus::of(1 << i));
    }
    fleet.node(id).free
}

fn typical(shapes: &[(u32, u16, u8, u32, PoolSet)], denominator: u32) -> TypicalPods {
    let pod = |&(cpu, milli, gpus, weight, pools)| TypicalPod {
        target: Target { request: request(cpu, milli, gpus), pools },
        weight,
    };
    TypicalPods::new(shapes.iter().map(pod).collect(), denominator)
}

/// The shapes of `TestingGenerateGetTypicalPods` (`pkg/utils/frag_test.go` upstream): CPU, milli-GPU, GPUs, type and
/// frequency in ten-thousandths. Their sum is 9506; upstream leaves it so.
pub(crate) const UPSTREAM: [(u32, u16, u8, &str, u32); 35] = [
    (6000, 465, 1, "", 933),
    (8000, 440, 1, "2080", 915),
    (8000, 475, 1, "T4", 876),
    (8000, 440, 1, "P100", 872),
    (2000, 465, 1, "", 868),
    (12000, 900, 1, "", 865),
    (4000, 900, 1, "", 843),
    (16000, 678, 1, "T4", 836),
    (8000, 500, 1, "", 829),
    (6000, 511, 1, "", 811),
    (14000, 1000, 2, "2080", 54),
    (4000, 1000, 1, "2080", 43),
    (32000, 1000, 2, "T4", 43),
    (16000, 1000, 1, "V100M16", 40),
    (64000, 1000, 2, "", 40),
    (10000, 1000, 2, "", 40),
    (11400, 1000, 1, "T4", 36),
    (16000, 1000, 1, "T4", 36),
    (4000, 1000, 2, "", 36),
    (14000, 1000, 2, "V100M16", 36),
    (8000, 1000, 4, "", 36),
    (16000, 1000, 2, "", 32),
    (2000, 1000, 1, "T4", 32),
    (6000, 1000, 1, "", 32),
    (4000, 1000, 1, "", 32),
    (5000, 1000, 1, "", 32),
    (32000, 1000, 4, "V100M16", 32),
    (32000, 1000, 2, "", 32),
    (24000, 1000, 8, "2080", 32),
    (40000, 1000, 4, "", 29),
    (32000, 1000, 8, "", 29),
    (32000, 1000, 1, "T4", 29),
    (16000, 1000, 1, "", 25),
    (7000, 1000, 1, "V100M16", 25),
    (24000, 1000, 1, "T4", 25),
];

/// [`UPSTREAM`] with pool 0 of type 1080, 1 of 2080, 2 of T4, 3 of P100, 4 of V100M16.
pub(crate) fn upstream() -> TypicalPods {
    let pools = |model: &str| match ["1080", "2080", "T4", "P100", "V100M16"].iter().position(|m| *m == model) {
        Some(i) => PoolSet::only(PoolId(i as u16)),
        None => PoolSet::ALL,
    };
    typical(&UPSTREAM.map(|(cpu, milli, gpus, model, weight)| (cpu, milli, gpus, weight, pools(model))), 10_000)
}

#[test]
fn golden_values_of_the_upstream_tests() {
    let t = upstream();
    let tables = Tables::new(&t);
    for (gpus, want) in [(&[200, 1000, 1000, 500][..], 2566.62), (&[1000; 4][..], 3802.40), (&[1000; 8][..], 7604.80)] {
        let free = node(1000, gpus);
        assert!((t.node_fragmentation(&free, PoolId(0)) - want).abs() < 1e-9);
        assert_eq!(tables.fragmentation(&free, PoolId(0)), t.fragmentation(&free, PoolId(0)));
    }
    let one = typical(&[(6000, 465, 1, 933, PoolSet::ALL)], 10_000);
    assert!((one.node_fragmentation(&node(1000, &[200, 1000, 1000, 500]), PoolId(0)) - 251.91).abs() < 1e-9);
}

#[test]
fn cpu_only_pods_count_all_that_is_idle() {
    // `TestNodeGpuShareFragAmountWithNonGpu` upstream: no typical pod runs without CPU, so all 4000 are fragmented,
    // and CPU-only pods take their share of an empty node.
    let t = typical(&[(1000, 0, 0, 1, PoolSet::ALL), (2000, 1000, 1, 3, PoolSet::ALL)], 4);
    assert_eq!(t.node_fragmentation(&node(0, &[1000, 1000, 1000, 1000, 0, 0, 0, 0]), PoolId(0)), 4000.0);
    assert_eq!(t.node_fragmentation(&node(2000, &[1000; 8]), PoolId(0)), 2000.0);
}

#[test]
fn the_worked_example() {
    let t = typical(
        &[
            (4000, 300, 1, 4, PoolSet::ALL),
            (8000, 600, 1, 3, PoolSet::ALL),
            (8000, 1000, 1, 2, PoolSet::ALL),
            (32000, 1000, 2, 1, PoolSet::ALL),
        ],
        10,
    );
    let tables = Tables::new(&t);
    let (a, b) = (node(20_000, &[500, 1000]), node(40_000, &[1000, 700]));
    let pool = PoolId(0);
    assert_eq!(t.node_fragmentation(&a, pool), 400.0);
    assert_eq!(t.node_fragmentation(&b, pool), 310.0);
    let task = request(4000, 300, 1);
    let after = |free: &Free, gpu: usize| {
        let mut f = *free;
        f.cpu_milli -= 4000;
        f.gpu[gpu] -= 300;
        let gain = t.fragmentation(free, pool) - t.fragmentation(&f, pool);
        assert_eq!(t.score_of(gain), tables.score_of(gain));
        (-gain / 10, t.score_of(gain))
    };
    assert_eq!(after(&a, 0), (-100, 52));
    assert_eq!(after(&a, 1), (110, 47));
    assert_eq!(after(&b, 0), (110, 47));
    assert_eq!(after(&b, 1), (30, 49));
    assert_eq!(t.place(&a, pool, &task), Some((52, Gpus::of(1))));
    assert_eq!(t.place(&b, pool, &task), Some((49, Gpus::of(2))));
    let before = tables.fragmentation(&a, pool);
    assert_eq!(tables.score(&a, pool, &task, before), 52);
    assert_eq!(tables.pick(&a, pool, &task, before), Some(Gpus::of(1)));
}

#[test]
fn scores_step_where_the_sigmoid_does() {
    for denominator in [1, 7, 10_000, 8152] {
        let t = typical(&[(1, 1000, 1, 1, PoolSet::ALL)], denominator);
        let tables = Tables::new(&t);
        let mut luck = Luck::new(u64::from(denominator), 0);
        for _ in 0..20_000 {
            let gain = i64::from(luck.below(60_000 * denominator)) - 30_000 * i64::from(denominator);
            assert_eq!(tables.score_of(gain), t.score_of(gain), "{gain}/{denominator}");
        }
        assert_eq!(tables.score_of(0), 50);
        assert_eq!(tables.score_of(i64::MIN), 0);
        assert_eq!(tables.score_of(i64::MAX), 100);
    }
}

#[test]
fn typical_pods_are_the_most_frequent_and_say_how_much_they_cover() {
    let target = |cpu, mem| Target { request: Request { mem_mib: mem, ..request(cpu, 1000, 1) }, pools: PoolSet::ALL };
    // 6 of one shape (told apart only by memory), 3 of a second, 1 of a third.
    let pods = (0..6).map(|i| target(1, i)).chain((0..3).map(|_| target(2, 0))).chain([target(3, 0)]);
    let t = TypicalPods::of(pods.clone(), 90);
    assert_eq!(t.pods().iter().map(|p| (p.target.request.cpu_milli, p.weight)).collect::<Vec<_>>(), [(1, 6), (2, 3)]);
    assert_eq!(t.denominator(), 9);
    assert_eq!(TypicalPods::of(pods.clone(), 91).pods().len(), 3);
    assert_eq!(TypicalPods::of(pods, 60).pods().len(), 1);
    assert_eq!(TypicalPods::of([], 95), TypicalPods::new(Vec::new(), 1));
}

fn any_pods() -> impl Strategy<Value = TypicalPods> {
    let size = prop_oneof![Just((0, 0)), (1u16..=1000).prop_map(|m| (m, 1)), (1u8..=16).prop_map(|n| (1000, n))];
    let pod = (0u32..40, size, 1u32..500, 0u128..8);
    prop::collection::vec(pod, 0..12).prop_map(|pods| {
        let shapes: Vec<_> = pods
            .into_iter()
            .map(|(cpu, (milli, gpus), w, pools)| (cpu * 1000, milli, gpus, w, PoolSet(pools)))
            .collect();
        typical(&shapes, 1000)
    })
}

fn any_node() -> impl Strategy<Value = Free> {
    let gpu = prop_oneof![3 => Just(1000u16), 1 => Just(0u16), 4 => 0u16..=1000];
    (0u32..40_000, prop::collection::vec(gpu, 0..=16)).prop_map(|(cpu, gpus)| node(cpu, &gpus))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tables_equal_the_definition(
        t in any_pods(), free in any_node(), pool in 0u16..4, cpu in 0u32..20_000, milli in 1u16..=1000, gpus in 0u8..=16,
    ) {
        let tables = Tables::new(&t);
        let pool = PoolId(pool);
        let before = tables.fragmentation(&free, pool);
        prop_assert_eq!(before, t.fragmentation(&free, pool));
        for r in [request(cpu, 0, 0), request(cpu, milli, 1), request(cpu, 1000, gpus.max(1))] {
            if let Some((score, taken)) = t.place(&free, pool, &r) {
                prop_assert_eq!(tables.score(&free, pool, &r, before), score);
                if r.is_share() {
                    prop_assert_eq!(tables.pick(&free, pool, &r, before), Some(taken));
                }
            }
        }
    }
}
