//! Placement: the published FGD experiment, first fit, and a large fleet at work.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fleetcast::fleet::{Capacity, Fleet, IslandId, NodeState, PoolId, PoolSet};
use fleetcast::policy::placement::luck::Luck;
use fleetcast::policy::placement::{PlacementPolicy, Placer, Settings, ShapeId, Spot, Target, TypicalPods};
use fleetcast::units::SourceMap;
use fleetcast::verify::fgd::{SEEDS, published_traces, run_suite};
use fleetcast::workload::Request;
use std::hint::black_box;
use std::path::{Path, PathBuf};

fn hosts(n: u32, capacity: Capacity) -> Fleet {
    let mut fleet = Fleet::default();
    for _ in 0..n {
        fleet.add(PoolId(0), IslandId(0), capacity, NodeState::Ready);
    }
    fleet
}

/// First fit of CPU-only requests on empty hosts of 144 cores and 200 GiB: once of 1–16 cores and 1–24 GiB, which makes
/// 384 shapes, and once each of a shape of its own, which leaves the engine nothing to remember.
fn first_fit(c: &mut Criterion) {
    for (kind, mem_step) in [("", 1024), (" of all shapes", 1)] {
        for (requests, n) in [(10_000, 1000), (30_000, 3000)] {
            let mut luck = Luck::new(1, 0);
            let mut request = || Request {
                cpu_milli: 1000 * (1 + luck.below(16)),
                mem_mib: mem_step * (1 + luck.below(24 * 1024 / mem_step)),
                ..Request::default()
            };
            let list: Vec<Request> = (0..requests).map(|_| request()).collect();
            let empty = hosts(n, Capacity { cpu_milli: 144_000, mem_mib: 200 << 10, gpus: 0 });
            c.bench_function(&format!("placement/first fit of {requests} requests{kind} on {n} hosts"), |b| {
                b.iter_batched(|| empty.clone(), |fleet| black_box(fill(fleet, &list)), BatchSize::LargeInput);
            });
        }
    }
}

fn fill(mut fleet: Fleet, list: &[Request]) -> Fleet {
    let mut placer = Placer::new(PlacementPolicy::FirstFit, 0);
    for r in list {
        let shape = placer.shape(Target { request: *r, pools: PoolSet::ALL });
        if let Some(spot) = placer.pick(&fleet, shape) {
            fleet.place(spot.node, r, spot.gpus);
        }
    }
    fleet
}

fn twenty_shapes() -> Vec<Target> {
    let sizes = [(1, 1000), (1, 500), (1, 250), (2, 1000), (4, 1000), (8, 1000), (0, 0)];
    let of = |(i, (gpus, gpu_milli)): (u32, (u8, u16))| Target {
        request: Request {
            cpu_milli: 2000 * (1 + i % 3) * u32::from(gpus.max(1)),
            mem_mib: 16_000,
            gpus,
            gpu_milli,
            slice: 0,
        },
        pools: PoolSet::ALL,
    };
    (0..).zip(sizes.into_iter().cycle()).take(20).map(of).collect()
}

/// 1,000,000 placements and as many releases on 10,000 nodes of 8 GPUs that are kept at 80 %.
fn large_fleet(c: &mut Criterion) {
    let empty = hosts(10_000, Capacity { cpu_milli: 128_000, mem_mib: 1 << 20, gpus: 8 });
    let shapes = twenty_shapes();
    let settings = Settings { typical: TypicalPods::of(shapes.clone(), 100), ..Settings::default() };
    let mut group = c.benchmark_group("placement/1000000 placed and released on 10000 nodes");
    group.sample_size(10);
    for policy in [PlacementPolicy::FirstFit, PlacementPolicy::BestFit, PlacementPolicy::Fgd, PlacementPolicy::Random] {
        group
            .bench_function(format!("{policy:?}"), |b| b.iter(|| black_box(churn(&empty, &shapes, policy, &settings))));
    }
    group.finish();
}

fn churn(empty: &Fleet, shapes: &[Target], policy: PlacementPolicy, settings: &Settings) -> Fleet {
    let mut fleet = empty.clone();
    let mut placer = Placer::with(policy, 1, settings);
    let ids: Vec<ShapeId> = shapes.iter().map(|t| placer.shape(*t)).collect();
    let mut luck = Luck::new(1, 1);
    let mut live: Vec<(usize, Spot)> = Vec::new();
    let (mut placed, mut used) = (0, 0u64);
    while placed < 1_000_000 || !live.is_empty() {
        if placed < 1_000_000 && used < 64_000_000 {
            let k = luck.below(shapes.len() as u32) as usize;
            if let Some(spot) = placer.pick(&fleet, ids[k]) {
                fleet.place(spot.node, &shapes[k].request, spot.gpus);
                used += u64::from(shapes[k].request.total_milli());
                live.push((k, spot));
                placed += 1;
                continue;
            }
        }
        let (k, spot) = live.swap_remove(luck.below(live.len() as u32) as usize);
        fleet.release(spot.node, &shapes[k].request, spot.gpus);
        used -= u64::from(shapes[k].request.total_milli());
    }
    fleet
}

/// The published experiment: ten traces, six policies, ten seeds, on all cores. Needs the openb data.
#[allow(clippy::disallowed_macros, reason = "a bench that did nothing says so")]
fn experiment(c: &mut Criterion) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/openb");
    if !dir.is_dir() {
        eprintln!("skipped: no data");
        return;
    }
    let traces: Vec<PathBuf> = published_traces().map(|t| dir.join(format!("openb_pod_list_{t}.csv"))).collect();
    let nodes = dir.join("openb_node_list_gpu_node.csv");
    let seeds: Vec<u64> = SEEDS.collect();
    let mut group = c.benchmark_group("fgd");
    group.sample_size(10);
    group.bench_function("600 runs", |b| {
        b.iter(|| run_suite(&mut SourceMap::default(), &traces, &nodes, &seeds).map(|cells| cells.len()));
    });
    group.finish();
}

criterion_group!(benches, first_fit, large_fleet, experiment);
criterion_main!(benches);
