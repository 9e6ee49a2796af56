//! The engine against a scan of all nodes: every policy, every tie order, over random histories of a fleet.

use super::fgd::tests::upstream;
use super::score::rescaled;
use super::score::{best_fit, demands, dot_product, gpu_clustering, gpu_packing, least_allocated, most_allocated};
use super::*;
use crate::fleet::{Capacity, Fleet, Gpus, IslandId, NodeId, NodeState, PoolId};
use proptest::prelude::*;

/// What a scan finds: the best nodes, in the order in which ties are settled.
fn scan(
    fleet: &Fleet,
    policy: PlacementPolicy,
    settings: &Settings,
    t: &Target,
    rank: &dyn Fn(usize) -> u32,
    among: &dyn Fn(usize) -> bool,
) -> Vec<usize> {
    let fitting: Vec<usize> = (0..fleet.nodes().len())
        .filter(|i| {
            let n = &fleet.nodes()[*i];
            n.state == NodeState::Ready && t.pools.has(n.pool) && n.fits(&t.request) && among(*i)
        })
        .collect();
    let r = &t.request;
    let mut scores: Vec<i32> = fitting
        .iter()
        .map(|i| {
            let n = &fleet.nodes()[*i];
            match policy {
                PlacementPolicy::Random | PlacementPolicy::FirstFit => 0,
                PlacementPolicy::BestFit => best_fit(&n.free, r),
                PlacementPolicy::DotProduct => dot_product(&n.free, r),
                PlacementPolicy::GpuPacking => gpu_packing(&n.free, r),
                PlacementPolicy::GpuClustering => gpu_clustering(&n.free, r),
                PlacementPolicy::Fgd => settings.typical.place(&n.free, n.pool, r).expect("it fits").0,
                PlacementPolicy::LeastAllocated => least_allocated(&demands(&n.capacity, &n.free, r, settings.weights)),
                PlacementPolicy::MostAllocated => most_allocated(&demands(&n.capacity, &n.free, r, settings.weights)),
            }
        })
        .collect();
    if policy == PlacementPolicy::BestFit {
        rescaled(&mut scores);
    }
    let top = scores.iter().copied().max();
    let mut best: Vec<usize> = fitting.iter().zip(&scores).filter(|(_, s)| Some(**s) == top).map(|(i, _)| *i).collect();
    best.sort_by_key(|i| (rank(*i), *i));
    best
}

fn shapes() -> Vec<Target> {
    let of = |cpu, mem, gpus, milli, pools| Target {
        request: Request { cpu_milli: cpu, mem_mib: mem, gpus, gpu_milli: milli, slice: 0 },
        pools,
    };
    let one = PoolSet::only(PoolId(1));
    vec![
        of(4000, 100, 0, 0, PoolSet::ALL),
        of(500, 2000, 0, 0, one),
        of(6000, 100, 1, 460, PoolSet::ALL),
        of(1000, 10, 1, 250, PoolSet::only(PoolId(0)).with(PoolId(2))),
        of(12_000, 1000, 1, 1000, PoolSet::ALL),
        of(8000, 500, 2, 1000, one),
        of(16_000, 500, 4, 1000, PoolSet::ALL),
        of(0, 0, 8, 1000, PoolSet::ALL),
        of(0, 0, 1, 10, PoolSet::ALL),
    ]
}

const SIZES: [Capacity; 5] = [
    Capacity { cpu_milli: 96_000, mem_mib: 6000, gpus: 8 },
    Capacity { cpu_milli: 32_000, mem_mib: 3000, gpus: 4 },
    Capacity { cpu_milli: 16_000, mem_mib: 2000, gpus: 2 },
    Capacity { cpu_milli: 64_000, mem_mib: 8000, gpus: 0 },
    Capacity { cpu_milli: 192_000, mem_mib: 9000, gpus: 16 },
];

struct World {
    fleet: Fleet,
    placer: Placer,
    settings: Settings,
    policy: PlacementPolicy,
    seed: u64,
    given: std::collections::BTreeMap<usize, u32>,
    pods: Vec<(NodeId, Request, Gpus)>,
}

impl World {
    fn rank(&self, i: usize) -> u32 {
        let order = match self.settings.ties {
            Ties::Order(o) => o.rank(self.seed, i as u32, self.fleet.nodes()[i].capacity),
            Ties::Random => i as u32,
        };
        self.given.get(&i).copied().unwrap_or(order)
    }

    fn check(&mut self, t: Target, island: Option<IslandId>) -> Option<Spot> {
        let s = self.placer.shape(t);
        let on = |i: usize| island.is_none_or(|k| self.fleet.nodes()[i].island == k);
        let want = scan(&self.fleet, self.policy, &self.settings, &t, &|i| self.rank(i), &on);
        let got = match island {
            Some(k) => self.placer.pick_in(&self.fleet, s, k),
            None => self.placer.pick(&self.fleet, s),
        };
        let any = self.policy == PlacementPolicy::Random || self.settings.ties == Ties::Random;
        match got {
            None => assert!(want.is_empty(), "{:?}: nothing picked of {want:?}", self.policy),
            Some(spot) => {
                let node = spot.node.0 as usize;
                if any {
                    assert!(want.contains(&node), "{:?}: {node} is not among {want:?}", self.policy);
                } else {
                    assert_eq!(Some(&node), want.first(), "{:?} {:?}", self.policy, t.request);
                }
                let n = self.fleet.node(spot.node);
                let gpus = match self.policy {
                    PlacementPolicy::Fgd => self.settings.typical.place(&n.free, n.pool, &t.request).map(|p| p.1),
                    _ => gpu::usual(&n.free, &t.request),
                };
                if self.policy == PlacementPolicy::Random && t.request.is_share() {
                    assert!(spot.gpus.count() == 1);
                    assert!(spot.gpus.iter().all(|g| n.free.gpu[g] >= t.request.gpu_milli));
                } else {
                    assert_eq!(Some(spot.gpus), gpus);
                }
            }
        }
        got
    }

    fn check_sums(&mut self, t: Target) {
        let s = self.placer.shape(t);
        let count = |i: usize| {
            let n = &self.fleet.nodes()[i];
            let takes = n.state == NodeState::Ready && t.pools.has(n.pool);
            if takes { u64::from(n.count(&t.request)) } else { 0 }
        };
        let n = self.fleet.nodes().len();
        assert_eq!(self.placer.slots(&self.fleet, s), (0..n).map(count).sum::<u64>());
        let in_island = |k: u32| (0..n).filter(|i| self.fleet.nodes()[*i].island.0 == k).map(count).sum::<u64>();
        for k in 0..4 {
            assert_eq!(self.placer.slots_in(&self.fleet, s, IslandId(k)), in_island(k));
        }
        for need in [1, 3, 20] {
            let best = (0..4).filter(|k| in_island(*k) >= need).min_by_key(|k| in_island(*k));
            assert_eq!(self.placer.island_with_slots(&self.fleet, s, need), best.map(IslandId));
        }
        for pool in (0..3).map(PoolId) {
            let nodes = self.fleet.nodes();
            let free =
                (0..n).filter(|i| nodes[*i].pool == pool && count(*i) > 0).map(|i| u64::from(nodes[i].free.milli));
            assert_eq!(self.placer.free_where_fits(&self.fleet, s, pool), free.sum::<u64>());
        }
    }

    fn act(&mut self, kind: u8, x: u32) {
        let shapes = shapes();
        let t = shapes[x as usize % shapes.len()];
        let n = self.fleet.nodes().len() as u32;
        match kind {
            0 => {
                let state = if x.is_multiple_of(7) { NodeState::Booting } else { NodeState::Ready };
                let size = SIZES[x as usize % SIZES.len()];
                self.fleet.add(PoolId((x / 5 % 3) as u16), IslandId(x / 15 % 4), size, state);
            }
            1 if n > 0 => {
                let id = NodeId(x % n);
                let node = self.fleet.node(id);
                match node.state {
                    NodeState::Booting => self.fleet.set_state(id, NodeState::Ready),
                    NodeState::Ready if x.is_multiple_of(3) => self.fleet.set_state(id, NodeState::Draining),
                    NodeState::Draining if node.pods == 0 => self.fleet.set_state(id, NodeState::Gone),
                    _ => {}
                }
            }
            2 if !self.pods.is_empty() => {
                let (id, r, gpus) = self.pods.swap_remove(x as usize % self.pods.len());
                self.fleet.release(id, &r, gpus);
            }
            3 => self.check_sums(t),
            4 if x.is_multiple_of(8) => {
                self.placer.set_rank(NodeId(x / 8 % 40), x);
                self.given.insert((x / 8 % 40) as usize, x);
            }
            5 => {
                self.check(t, Some(IslandId(x / 9 % 4)));
            }
            _ => {
                if let Some(spot) = self.check(t, None) {
                    self.fleet.place(spot.node, &t.request, spot.gpus);
                    self.pods.push((spot.node, t.request, spot.gpus));
                }
            }
        }
    }
}

fn world(policy: PlacementPolicy, ties: Ties, seed: u64, bytes: usize) -> World {
    let weights = if seed.is_multiple_of(2) { Weights::default() } else { Weights { cpu: 1, memory: 2, gpu: 3 } };
    let settings = Settings { ties, weights, typical: upstream(), index_bytes_max: bytes, cuts: Vec::new() };
    let placer = Placer::with(policy, seed, &settings);
    World { fleet: Fleet::default(), placer, settings, policy, seed, given: Default::default(), pods: Vec::new() }
}

fn any_ties() -> impl Strategy<Value = Ties> {
    prop_oneof![
        4 => (0..TieOrder::ALL.len()).prop_map(|i| Ties::Order(TieOrder::ALL[i])),
        1 => Just(Ties::Random),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_picks_what_a_scan_picks(
        policy in 0..PlacementPolicy::ALL.len(),
        ties in any_ties(),
        seed in any::<u64>(),
        bytes in prop_oneof![Just(0usize), Just(1000), Just(1 << 20)],
        first in prop::collection::vec(any::<u32>(), 0..100),
        acts in prop::collection::vec((prop_oneof![1 => Just(0u8), 1 => Just(1), 4 => Just(2), 2 => Just(3), 1 => Just(4), 2 => Just(5), 9 => Just(6)], any::<u32>()), 0..400),
    ) {
        let mut w = world(PlacementPolicy::ALL[policy], ties, seed, bytes);
        for x in first {
            w.act(0, x);
        }
        for (kind, x) in acts {
            w.act(kind, x);
        }
        for t in shapes() {
            w.check(t, None);
            w.check_sums(t);
        }
    }
}

fn homogeneous(n: u32, placer: Placer) -> (Fleet, Placer) {
    let mut fleet = Fleet::default();
    for _ in 0..n {
        fleet.add(PoolId(0), IslandId(0), SIZES[0], NodeState::Ready);
    }
    (fleet, placer)
}

#[test]
fn an_island_of_many_nodes_agrees_with_a_scan_too() {
    for policy in PlacementPolicy::ALL {
        let mut w = world(policy, Ties::Order(TieOrder::Shuffled), 5, 1 << 20);
        for i in 0..300 {
            w.fleet.add(PoolId(0), IslandId(u32::from(i % 3 == 0)), SIZES[i % 2], NodeState::Ready);
        }
        let shapes = shapes();
        for i in 0..600 {
            let t = shapes[i * 7 % shapes.len()];
            if let Some(spot) = w.check(t, Some(IslandId(i as u32 % 2))) {
                w.fleet.place(spot.node, &t.request, spot.gpus);
            }
        }
    }
}

#[test]
fn random_and_random_ties_choose_every_node_as_often() {
    for (policy, ties) in [
        (PlacementPolicy::Random, Ties::default()),
        (PlacementPolicy::BestFit, Ties::Random),
        (PlacementPolicy::FirstFit, Ties::Random),
    ] {
        let settings = Settings { ties, ..Settings::default() };
        let (fleet, mut placer) = homogeneous(130, Placer::with(policy, 11, &settings));
        let s = placer.shape(shapes()[4]);
        let mut seen = [0u32; 130];
        for _ in 0..130 * 200 {
            seen[placer.pick(&fleet, s).expect("all are empty").node.0 as usize] += 1;
        }
        // Chi-square with 129 degrees of freedom; 186 is its 99.9 % point.
        let chi: f64 = seen.iter().map(|n| (f64::from(*n) - 200.0).powi(2) / 200.0).sum();
        assert!(chi < 186.0, "{policy:?}: {chi}");
    }
}

#[test]
fn scores_kept_stay_within_the_limit() {
    let settings = Settings { index_bytes_max: 3 * 8 * 70, ..Settings::default() };
    let (fleet, mut placer) = homogeneous(70, Placer::with(PlacementPolicy::BestFit, 0, &settings));
    for round in 0..3 {
        for t in shapes() {
            let s = placer.shape(t);
            assert!(s.index() < shapes().len(), "round {round} makes no new shapes");
            placer.pick(&fleet, s);
            assert!(placer.shapes_kept() <= 3);
        }
    }
}

#[test]
fn an_empty_fleet_takes_nothing() {
    for policy in PlacementPolicy::ALL {
        let mut placer = Placer::new(policy, 0);
        let s = placer.shape(shapes()[0]);
        let fleet = Fleet::default();
        assert_eq!(placer.pick(&fleet, s), None);
        assert_eq!(placer.pick_in(&fleet, s, IslandId(3)), None);
        assert_eq!(placer.slots(&fleet, s), 0);
        assert_eq!(placer.slots_in(&fleet, s, IslandId(0)), 0);
        assert_eq!(placer.island_with_slots(&fleet, s, 0), None);
        assert_eq!(placer.free_where_fits(&fleet, s, PoolId(0)), 0);
    }
}

#[test]
fn equal_seeds_repeat_and_ranks_decide_among_equals() {
    for policy in PlacementPolicy::ALL {
        let run = || {
            let settings = Settings { ties: Ties::Order(TieOrder::Shuffled), ..Settings::default() };
            let (mut fleet, mut placer) = homogeneous(50, Placer::with(policy, 9, &settings));
            let mut spots = Vec::new();
            for i in 0..200 {
                let t = shapes()[i % 7];
                let s = placer.shape(t);
                if let Some(spot) = placer.pick(&fleet, s) {
                    fleet.place(spot.node, &t.request, spot.gpus);
                    spots.push(spot);
                }
            }
            spots
        };
        assert_eq!(run(), run());
    }
    let (fleet, mut placer) = homogeneous(9, Placer::new(PlacementPolicy::BestFit, 0));
    let s = placer.shape(shapes()[4]);
    assert_eq!(placer.pick(&fleet, s).map(|s| s.node), Some(NodeId(0)));
    placer.set_rank(NodeId(0), 100);
    placer.set_rank(NodeId(4), 0);
    assert_eq!(placer.pick(&fleet, s).map(|s| s.node), Some(NodeId(4)));
}
