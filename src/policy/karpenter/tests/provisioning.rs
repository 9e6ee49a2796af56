//! Batches, where pods go, and what is launched.

use super::super::offer::{Launch, SpotChoice, Unavailable, launch, worst_launch};
use super::*;

/// B1 to B5.
#[test]
fn a_batch_closes_after_a_pause_or_at_its_maximum() {
    let config = Config::default();
    // (pod, when); when windows close.
    let run = |arrivals: &[(u32, f64)]| {
        let (mut batcher, mut closed) = (Batcher::default(), Vec::new());
        for (pod, when) in arrivals {
            if let Some(due) = batcher.closes(&config)
                && due <= at(*when)
            {
                assert!(batcher.close(&config, due));
                closed.push(due);
            }
            batcher.trigger(PodIx(*pod), at(*when));
        }
        closed.extend(batcher.closes(&config));
        closed
    };
    assert_eq!(run(&[(0, 0.0)]), [at(1.0)], "B1");
    assert_eq!(run(&[(0, 0.0), (1, 0.9), (2, 1.8)]), [at(2.8)], "B2");
    let forever: Vec<(u32, f64)> = (0..21).map(|i| (i, f64::from(i) * 0.5)).collect();
    assert_eq!(run(&forever), [at(10.0), at(11.0)], "B3");
    assert_eq!(run(&[(0, 0.0), (1, 1.5)]), [at(1.0), at(2.5)], "B4");
    assert_eq!(run(&[(0, 0.0), (0, 0.9)]), [at(1.0)], "B5");
    let mut open = Batcher::default();
    assert!(!open.close(&config, at(5.0)));
    open.trigger(PodIx(0), at(0.0));
    assert!(!open.close(&config, at(0.9)));
    assert_eq!(config.nomination_window(), s(20));
}

/// C9: 4.5 and 1 CPU, the largest type has 5.
#[test]
fn pods_that_do_not_fit_together_get_nodes_of_their_own() {
    let mut w = World::default();
    w.kind(1000, 4, &[(OD, 1.0)]);
    w.kind(5000, 20, &[(OD, 5.0)]);
    w.pool();
    w.pod(None, 1000, GIB);
    w.pod(None, 4500, GIB);
    let found = w.karpenter(Config::default()).provision(&w.view(), at(0.0));
    let kinds: Vec<&[TypeIx]> = found.planned.iter().map(|p| &p.types[..]).collect();
    assert_eq!(kinds, [&[TypeIx(1)][..], &[TypeIx(0), TypeIx(1)][..]], "C9");
    assert!(found.failed.is_empty());
}

/// C8: 40 pods of 1.8 GB, two on a node; then 20 of 400 MB that fit beside them.
#[test]
fn later_pods_use_what_is_left_on_nodes() {
    let mut w = World::default();
    let kind = w.kind(4000, 4, &[(OD, 1.0)]);
    w.pool();
    let gb = 1_000_000_000;
    for _ in 0..40 {
        w.pod(None, 10, 1_800_000_000);
    }
    let mut k = w.karpenter(Config::default());
    let found = k.provision(&w.view(), at(0.0));
    assert_eq!(found.planned.len(), 20);
    assert!(found.planned.iter().all(|p| p.pods.len() == 2 && p.requests.memory < 4 * gb));
    for planned in found.planned {
        let node = w.node(kind, 0);
        for pod in planned.pods {
            w.pods[pod.at()].node = Some(node);
        }
    }
    for _ in 0..20 {
        w.pod(None, 10, 400_000_000);
    }
    let found = k.provision(&w.view(), at(0.0));
    assert_eq!((found.planned.len(), found.nominated.len()), (0, 20), "C8");
    let nodes: Vec<u32> = found.nominated.iter().map(|(_, n)| n.0).collect();
    assert_eq!(nodes, (0..20).collect::<Vec<_>>(), "first fit by name");
}

/// Largest CPU first, then memory, then oldest, then UID; GPUs do not count.
#[test]
fn the_queue_goes_by_cpu_then_memory_then_age() {
    let mut w = World::default();
    w.kind(1000, 64, &[(OD, 1.0)]);
    w.pool();
    w.pod(None, 600, GIB).created = at(5.0);
    w.pod(None, 600, GIB).created = at(3.9);
    w.pod(None, 600, GIB).created = at(3.1);
    w.pod(None, 600, 2 * GIB);
    w.pod(None, 700, GIB);
    let gpu = Shape { requests: Resources::pod(500, GIB, 8000), ..Shape::default() };
    w.pod_of(None, gpu);
    let found = w.karpenter(Config::default()).provision(&w.view(), at(9.0));
    let order: Vec<u32> = found.planned.iter().map(|p| p.pods[0].0).collect();
    // Ages are compared to the second: 3.9 and 3.1 are equal, and go by UID.
    assert_eq!(order, [4, 3, 1, 2, 0, 5]);
}

#[test]
fn a_pod_joins_the_planned_node_with_the_fewest_pods() {
    let mut w = World::default();
    w.kind(10_000, 64, &[(OD, 1.0)]);
    w.pool();
    // 6000 and 6000 on two nodes; 3000 to the first; 1000 to the second, which has fewer. Now both have two, and the
    // second stands first: it takes the last.
    for cpu in [6000, 6000, 3000, 1000, 1000] {
        w.pod(None, cpu, GIB);
    }
    let found = w.karpenter(Config::default()).provision(&w.view(), at(0.0));
    let mut pods: Vec<Vec<u32>> = found.planned.iter().map(|p| p.pods.iter().map(|x| x.0).collect()).collect();
    pods.sort();
    assert_eq!(pods, [vec![0, 2], vec![1, 3, 4]]);
}

#[test]
fn heavier_pools_come_first_and_limits_close_them() {
    let mut w = World::default();
    w.kind(2000, 8, &[(OD, 1.0)]);
    w.kind(4000, 16, &[(OD, 2.0)]);
    w.pool();
    w.pool();
    w.pool().weight = Some(10);
    for _ in 0..3 {
        w.pod(None, 1500, GIB);
    }
    let pools = |w: &World| {
        let found = w.karpenter(Config::default()).provision(&w.view(), at(0.0));
        (found.planned.iter().map(|p| p.pool.0).collect::<Vec<_>>(), found.failed.len())
    };
    // Two on a node of 4 cores, one on another.
    assert_eq!(pools(&w), (vec![2, 2], 0));
    w.pools[2].limits.nodes = Some(1);
    assert_eq!(pools(&w), (vec![2, 1], 0), "then the later name");
    // A planned node holds the largest that it could be: 4 of 5 cores, so that the second has no room.
    w.pools.truncate(1);
    w.pools[0].limits = Limits { cpu_milli: Some(5000), ..Limits::default() };
    assert_eq!(pools(&w), (vec![0], 1));
    w.pools[0].limits.cpu_milli = Some(6000);
    assert_eq!(pools(&w), (vec![0, 0], 0));
    // What is there counts, unless it goes.
    let node = w.node(TypeIx(1), 0);
    w.pod(Some(node), 4000, GIB);
    assert_eq!(pools(&w), (vec![0], 2), "2 cores left: one small node, for one pod");
    w.nodes[0].deleting = true;
    w.pools[0].limits = Limits { nodes: Some(2), ..Limits::default() };
    assert_eq!(pools(&w).0.len(), 2);
}

#[test]
fn requirements_taints_and_preferences_choose_the_node() {
    let gpu = Key(70);
    let mut w = World::default();
    w.kind(4000, 16, &[(OD, 1.0), (OD, 1.1), (SPOT, 0.3)]);
    w.pool().taints = vec![Taint { number: 1, prefer: false }];
    w.pool().requirements = Requirements::new().with(gpu, Set::of([Value(1)]));
    let one = |w: &World| {
        let found = w.karpenter(Config::default()).provision(&w.view(), at(0.0));
        found.planned.first().map(|p| p.pool.0)
    };
    let base = Shape { requests: Resources::pod(100, GIB, 0), ..Shape::default() };
    w.pod_of(None, base.clone());
    assert_eq!(one(&w), Some(1), "the taint is not tolerated");
    w.shapes[0].requirements = Requirements::new().with(gpu, Set::of([Value(2)]));
    assert_eq!(one(&w), None);
    w.shapes[0].requirements = Requirements::new().with(Key(71), Set::of([Value(2)]));
    assert_eq!(one(&w), None, "a custom label that the pool does not define");
    w.shapes[0].requirements =
        Requirements::new().with(Key(71), Set::not([Value(2)])).with(Key::ZONE, Set::of([Value(1)]));
    assert_eq!(one(&w), Some(1), "absence satisfies NotIn");
    w.shapes[0].requirements = Requirements::new().with(Key::ZONE, Set::of([Value(1)]));
    w.shapes[0].requirements.narrow(&Requirements::new().with(Key::CAPACITY_TYPE, Set::of([SPOT.value()])));
    assert_eq!(one(&w), None, "spot is in zone 0 only");
    w.shapes[0] = Shape { tolerations: vec![1], ..base.clone() };
    assert_eq!(one(&w), Some(1), "by name, last first");
    w.pools[0].weight = Some(1);
    assert_eq!(one(&w), Some(0));
    // A preference is required as long as that works.
    let wants = |v| Requirements::new().with(gpu, Set::of([Value(v)]));
    w.shapes[0] = Shape { tolerations: vec![1], preferences: vec![wants(2), wants(1)], ..base.clone() };
    assert_eq!(one(&w), Some(1));
    w.shapes[0].preferences = vec![wants(2)];
    assert_eq!(one(&w), Some(0));
    // Of required terms the first that works holds.
    w.shapes[0] = Shape { tolerations: vec![1], terms: vec![wants(3), wants(1)], ..base.clone() };
    assert_eq!(one(&w), Some(1));
    w.shapes[0].terms = vec![wants(3), wants(2)];
    assert_eq!(one(&w), None);
    w.pools.truncate(1);
    w.pools[0].taints[0].prefer = true;
    w.shapes[0] = base;
    assert_eq!(one(&w), Some(0), "a soft taint is tolerated in the end");
}

#[test]
fn min_values_need_enough_types() {
    let mut w = World::default();
    for i in 0..3 {
        w.kind(1000 * (i + 1), 4, &[(OD, 1.0 + i as f64)]);
    }
    w.pool().requirements = Requirements::new().with_min(Key::INSTANCE_TYPE, Set::any(), 2);
    w.pod(None, 1500, GIB);
    w.pod(None, 2500, GIB);
    let strict = w.karpenter(Config::default()).provision(&w.view(), at(0.0));
    assert_eq!((strict.planned.len(), strict.failed), (1, vec![PodIx(1)]));
    let config = Config { min_values: MinValuesPolicy::BestEffort, ..Config::default() };
    assert_eq!(w.karpenter(config).provision(&w.view(), at(0.0)).failed, []);
}

/// C5: only offerings that the pool allows count.
#[test]
fn a_launch_takes_the_cheapest_compatible_offering() {
    let mut w = World::default();
    w.kind(4000, 16, &[(OD, 1.0), (SPOT, 0.2)]);
    w.kind(4000, 16, &[(OD, 1.3), (SPOT, 0.1)]);
    let both = [TypeIx(0), TypeIx(1)];
    let only = |kind: CapacityType| Requirements::new().with(Key::CAPACITY_TYPE, Set::of([kind.value()]));
    let any = Requirements::new();
    let chosen = |w: &World, r: &Requirements, c| launch(&both, &w.types, r, c).map(|l| (l.instance.0, l.offering));
    assert_eq!(chosen(&w, &only(OD), SpotChoice::Cheapest), Some((0, 0)), "C5");
    assert_eq!(chosen(&w, &any, SpotChoice::Cheapest), Some((1, 1)), "spot before on-demand");
    let calm = SpotChoice::Below { rates: &[10_000, 200_000], limit: 50_000 };
    assert_eq!(chosen(&w, &any, calm), Some((0, 1)));
    let none_calm = SpotChoice::Below { rates: &[100_000, 200_000], limit: 50_000 };
    assert_eq!(chosen(&w, &any, none_calm), Some((1, 1)));
    // Spot that is dearer than the cheapest on-demand offering is not taken.
    w.types[0].offerings[1].price = usd(0.9);
    w.types[1].offerings[1].price = usd(1.2);
    w.types[0].exotic = true;
    assert_eq!(chosen(&w, &any, SpotChoice::Cheapest), Some((1, 1)), "the accelerator type is dropped");
    w.types[0].exotic = false;
    assert_eq!(chosen(&w, &any, SpotChoice::Cheapest), Some((0, 1)));
    // A reservation goes first while it has room.
    let reserved = Offering { reservation: 1, ..Offering::new(Value(0), CapacityType::Reserved, usd(5.0)) };
    w.types[1].offerings.push(reserved);
    assert_eq!(chosen(&w, &any, SpotChoice::Cheapest), Some((1, 2)));
    assert_eq!(worst_launch(&w.types[1], &any), Some(usd(5.0)));
    w.types[1].offerings[2].reservation = 0;
    assert_eq!(chosen(&w, &any, SpotChoice::Cheapest), Some((0, 1)));
    for t in &mut w.types {
        t.offerings.retain(|o| o.capacity_type == OD);
    }
    let fallback = launch(&both, &w.types, &any, SpotChoice::Cheapest).unwrap();
    assert_eq!(fallback, Launch { instance: TypeIx(0), offering: 0, price: usd(1.0), inflexible: true });
    assert_eq!(launch(&both, &w.types, &only(SPOT), SpotChoice::Cheapest), None);
}

/// A reservation of one node is promised to one planned node.
#[test]
fn reservations_are_not_promised_twice() {
    let mut w = World::default();
    let kind = w.kind(1000, 16, &[(OD, 1.0)]);
    w.types[kind.at()]
        .offerings
        .push(Offering { reservation: 1, ..Offering::new(Value(0), CapacityType::Reserved, usd(0.1)) });
    w.pool();
    w.pod(None, 900, GIB);
    w.pod(None, 900, GIB);
    let found = w.karpenter(Config::default()).provision(&w.view(), at(0.0));
    let reserved: Vec<bool> =
        found.planned.iter().map(|p| !p.requirements.allows(Key::CAPACITY_TYPE, OD.value())).collect();
    assert_eq!(reserved, [true, false]);
    let off = Config { reserved_capacity: false, ..Config::default() };
    let found = w.karpenter(off).provision(&w.view(), at(0.0));
    assert!(found.planned.iter().all(|p| p.requirements.is_empty()));
}

#[test]
fn an_offering_without_capacity_rests_for_three_minutes() {
    let mut rest = Unavailable::default();
    let (t, zone) = (TypeIx(0), Value(1));
    assert!(rest.allows(t, zone, SPOT, at(0.0)));
    rest.mark(t, zone, SPOT, at(10.0));
    assert!(!rest.allows(t, zone, SPOT, at(189.9)) && rest.allows(t, zone, SPOT, at(190.0)));
    assert!(rest.allows(t, zone, OD, at(11.0)) && rest.allows(t, Value(0), SPOT, at(11.0)));
    assert_eq!((rest.next(at(11.0)), rest.next(at(190.0))), (Some(at(190.0)), None));
}
