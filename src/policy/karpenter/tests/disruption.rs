//! What a disruption pass decides.

use super::*;

/// D7: equal prices, two pods and one: the node with one pod goes first. By name the other would.
#[test]
fn the_node_that_saves_most_by_disruption_goes_first() {
    let mut w = two_nodes();
    w.pools[0].budgets = vec![Budget::of("1")];
    let command = w.pass(Config::default()).unwrap();
    assert_eq!((command.method, command.nodes), (Method::SingleNode, vec![NodeIx(1)]));
    // Up to v1.13 the order is what evictions cost by what is left of a life: the node near its end goes first.
    w.nodes[0].created = SimTime::ZERO;
    w.nodes[1].created = at(9e4);
    w.pools[0].expire_after = Some(s(110_000));
    let old = Config { compat: Compat::V1_13, ..Config::default() };
    // 2 × (110000 − 100000) against 1 × (110000 − 10000).
    assert_eq!(w.pass(old).unwrap().nodes, [NodeIx(0)]);
}

/// C6: ten empty nodes.
#[test]
fn empty_nodes_go_together_within_their_budget() {
    for (budget, gone) in [("10%", 1), ("30%", 3), ("100%", 10)] {
        let mut w = World::default();
        let kind = w.kind(4000, 16, &[(OD, 1.0)]);
        w.pool().budgets = vec![Budget::of(budget)];
        for _ in 0..10 {
            w.node(kind, 0);
        }
        let command = w.pass(Config::default()).unwrap();
        assert_eq!((command.method, command.nodes.len()), (Method::Emptiness, gone), "{budget}");
        assert_eq!((command.replacements.len(), command.savings), (0, usd(gone as f64)));
    }
    let mut w = World::default();
    let kind = w.kind(4000, 16, &[(OD, 1.0)]);
    w.pool().budgets = vec![Budget::of("0")];
    w.node(kind, 0);
    assert_eq!(w.pass(Config::default()), None);
}

/// From v1.14 a node whose pods cost nothing to evict is empty; before it is not.
#[test]
fn a_node_of_worthless_pods_is_empty_since_v1_14() {
    let mut w = two_nodes();
    w.kind(100_000, 500, &[(OD, 100.0)]);
    for pod in &mut w.pods {
        pod.deletion_cost = -i32::MAX;
        pod.priority = 0;
    }
    assert_eq!(w.pass(Config::default()).unwrap().method, Method::Emptiness);
    let old = Config { compat: Compat::V1_13, ..Config::default() };
    assert_eq!(w.pass(old).unwrap().method, Method::SingleNode);
    w.pools[0].policy = ConsolidationPolicy::WhenEmpty;
    let old = Config { compat: Compat::V1_13, ..Config::default() };
    assert_eq!(w.pass(old), None);
}

/// C1: at worst the spot launch costs 1.0, more than the node.
#[test]
fn a_replacement_must_be_cheaper_at_worst() {
    let world = |spot: &[f64]| {
        let mut w = World::default();
        let dear = w.kind(4000, 16, &[(OD, 0.5)]);
        let offers: Vec<_> = [(OD, 2.0)].into_iter().chain(spot.iter().map(|p| (SPOT, *p))).collect();
        w.kind(4000, 16, &offers);
        w.pool();
        let node = w.node(dear, 0);
        w.pod(Some(node), 3000, GIB);
        w
    };
    assert_eq!(world(&[1.0, 0.2, 0.4]).pass(Config::default()), None, "C1");
    assert_eq!(world(&[0.5, 0.2, 0.4]).pass(Config::default()), None, "strictly");
    let command = world(&[0.49, 0.2, 0.4]).pass(Config::default()).unwrap();
    assert_eq!((command.nodes, command.savings), (vec![NodeIx(0)], usd(0.3)));
    let planned = &command.replacements[0];
    assert_eq!(planned.types, [TypeIx(1)]);
    // Spot and on-demand were allowed: only spot may launch.
    assert!(planned.requirements.allows(Key::CAPACITY_TYPE, SPOT.value()));
    assert!(!planned.requirements.allows(Key::CAPACITY_TYPE, OD.value()));
}

/// `count` types, the first the cheapest, one spot offering each, and a node of type `of` with one pod.
fn spot_world(count: u64, of: u32) -> World {
    let mut w = World::default();
    for i in 0..count {
        w.kind(4000, 16, &[(SPOT, 0.1 + i as f64 * 0.01)]);
    }
    w.pool();
    let node = w.node(TypeIx(of), 0);
    w.pod(Some(node), 3000, GIB);
    w
}

/// C2, C3, C7.
#[test]
fn spot_replaces_spot_only_with_fifteen_cheaper_types() {
    assert_eq!(spot_world(20, 1).pass(spot_to_spot()), None, "C2");
    assert_eq!(spot_world(20, 14).pass(spot_to_spot()), None, "14 cheaper");
    let k = spot_world(20, 14).karpenter(spot_to_spot());
    assert_eq!(k.explain(&spot_world(20, 14).view(), &[NodeIx(0)], at(1.0)), Err(WhyNot::SpotToSpotFew(14)));
    for of in [15, 19] {
        let command = spot_world(20, of).pass(spot_to_spot()).unwrap();
        assert_eq!(command.replacements[0].types, (0..15).map(TypeIx).collect::<Vec<_>>(), "the 15 cheapest");
    }
    assert_eq!(spot_world(20, 19).pass(Config::default()), None, "the gate is off");
    // C3: minValues lengthens the list.
    let mut w = spot_world(20, 19);
    w.pools[0].requirements = Requirements::new().with_min(Key::INSTANCE_TYPE, Set::any(), 16);
    assert_eq!(w.pass(spot_to_spot()).unwrap().replacements[0].types.len(), 16, "C3");
    // C7: with the gate off a spot node still goes if its pods fit elsewhere.
    let mut w = spot_world(20, 19);
    let other = w.node(TypeIx(0), 0);
    w.pod(Some(other), 2000, GIB).do_not_disrupt = DoNotDisrupt::Always;
    assert_eq!(w.pass(Config::default()), None, "C7: it does not fit");
    w.pods[0].shape = ShapeIx(1);
    let command = w.pass(Config::default()).unwrap();
    assert_eq!((command.nodes, command.replacements.len()), (vec![NodeIx(0)], 0), "C7");
}

/// C4: two nodes could become one that costs as much as both.
#[test]
fn merging_needs_a_strictly_cheaper_node() {
    let mut w = World::default();
    let small = w.kind(4000, 16, &[(OD, 1.0)]);
    w.kind(8000, 32, &[(OD, 2.0)]);
    w.pool().requirements = on_demand_only();
    for _ in 0..2 {
        let node = w.node(small, 0);
        w.pod(Some(node), 3000, GIB);
    }
    assert_eq!(w.pass(Config::default()), None, "C4");
    w.types[1].offerings[0].price = usd(1.99);
    let command = w.pass(Config::default()).unwrap();
    assert_eq!((command.method, command.nodes.len()), (Method::MultiNode, 2));
    assert_eq!((&command.replacements[0].types[..], command.savings), (&[TypeIx(1)][..], usd(0.01)));
    w.nodes[1].do_not_disrupt = true;
    assert_eq!(w.pass(Config::default()), None, "alone each would need as much");
    // A pool that says nothing of capacity types allows spot, so that only spot may be launched: there is none.
    w.nodes[1].do_not_disrupt = false;
    w.pools[0].requirements = Requirements::new();
    assert_eq!(w.pass(Config::default()), None);
}

/// The doc example of `filterOutSameInstanceType`: {2xlarge, 2xlarge, small} may become a nano, and nothing that they
/// are or that is dearer than the small one.
#[test]
fn several_nodes_do_not_become_one_of_their_own_types() {
    let world = |with_nano: bool| {
        let mut w = World::default();
        let big = w.kind(3000, 8, &[(OD, 0.3)]);
        let small = w.kind(2500, 8, &[(OD, 0.1)]);
        w.kind(2500, 8, &[(OD, 0.15)]);
        if with_nano {
            w.kind(2500, 8, &[(OD, 0.05)]);
        }
        w.pool().requirements = on_demand_only();
        for kind in [big, big, small] {
            let node = w.node(kind, 0);
            w.pod(Some(node), 800, GIB);
            // DaemonSet pods fill it without moving.
            w.pod(Some(node), if kind == big { 1900 } else { 1400 }, GIB).bound = true;
        }
        w
    };
    let command = world(true).pass(Config::default()).unwrap();
    assert_eq!((command.method, command.nodes.len()), (Method::MultiNode, 3));
    assert_eq!(command.replacements[0].types, [TypeIx(3)]);
    // Without one the three stay three, though one small node would be cheaper: the two large ones can become it.
    let w = world(false);
    let three = w.karpenter(Config::default()).explain(&w.view(), &[NodeIx(0), NodeIx(1), NodeIx(2)], at(1e5));
    assert_eq!(three, Ok(()));
    let command = w.pass(Config::default()).unwrap();
    assert_eq!((command.method, command.nodes), (Method::MultiNode, vec![NodeIx(0), NodeIx(1)]));
    assert_eq!(command.replacements[0].types, [TypeIx(1), TypeIx(2)]);
}

/// T1 to T3.
#[test]
fn a_decision_waits_and_is_checked() {
    let mut w = World::default();
    let kind = w.kind(4000, 16, &[(OD, 1.0)]);
    w.pool();
    w.node(kind, 0);
    w.nodes[0].last_pod_event = Some(at(2.0));
    let run = |w: &World| {
        let mut k = w.karpenter(Config::default());
        let mut now = at(0.0);
        loop {
            // Before 2 s it had a pod.
            match if now < at(2.0) { Verdict::Idle { next: at(10.0) } } else { k.begin(&w.view(), now) } {
                Verdict::Idle { next } => now = next,
                Verdict::Validate { command, at: due } => break (k, now, due, command),
                Verdict::Act(_) => panic!("not at once"),
            }
        }
    };
    let (mut k, selected, due, command) = run(&w);
    assert_eq!((selected, due), (at(10.0), at(25.0)), "T1");
    assert_eq!(k.resume(&w.view(), command.clone(), due), Verdict::Act(command.clone()));
    w.pools[0].consolidate_after = Some(Some(s(30)));
    let (_, selected, due, _) = run(&w);
    assert_eq!((selected, due), (at(40.0), at(55.0)), "T2");
    w.pools[0].consolidate_after = Some(Some(s(0)));
    w.pod(Some(NodeIx(0)), 100, GIB);
    assert_eq!(k.validate(&w.view(), command.clone(), at(25.0)), Err(Abandoned::Churn), "T3");
    assert_eq!(k.resume(&w.view(), command, at(25.0)), Verdict::Idle { next: at(35.0) });
    w.pools[0].consolidate_after = Some(None);
    w.pods.clear();
    assert_eq!(w.pass(Config::default()), None, "never");
}

#[test]
fn a_decision_is_dropped_when_budgets_nominations_or_types_change() {
    let mut w = World::default();
    let dear = w.kind(4000, 16, &[(OD, 1.0)]);
    let cheap = w.kind(4000, 16, &[(OD, 0.5)]);
    w.pool();
    let node = w.node(dear, 0);
    w.pod(Some(node), 3000, GIB);
    let mut k = w.karpenter(Config::default());
    let Verdict::Validate { command, .. } = k.begin(&w.view(), at(1e5)) else { panic!() };
    assert_eq!(command.replacements[0].types, [cheap]);
    assert_eq!(k.validate(&w.view(), command.clone(), at(1e5)), Ok(command.clone()));
    let mut check = |change: &dyn Fn(&mut World), why| {
        let mut other =
            World { pools: w.pools.clone(), types: w.types.clone(), nodes: w.nodes.clone(), ..World::default() };
        other.shapes = w.shapes.clone();
        other.pods = w.pods.clone();
        change(&mut other);
        assert_eq!(k.validate(&other.view(), command.clone(), at(1e5)), Err(why));
    };
    check(&|w| w.pools[0].budgets = vec![Budget::of("0")], Abandoned::Budget);
    check(&|w| w.nodes[0].nominated_until = at(1e5 + 1.0), Abandoned::Churn);
    check(&|w| w.types[1].offerings[0].available = false, Abandoned::Scheduling);
    check(
        &|w| {
            w.node(cheap, 0);
        },
        Abandoned::Scheduling,
    );
}

#[test]
fn pods_and_nodes_can_forbid_their_disruption() {
    let check = |change: &dyn Fn(&mut World), why| {
        let mut w = two_nodes();
        change(&mut w);
        let k = w.karpenter(Config::default());
        assert_eq!(k.blocked(&w.view(), NodeIx(0), at(100.0)), why);
    };
    check(&|_| {}, None);
    check(&|w| w.nodes[0].pool = None, Some(Blocked::Unmanaged));
    check(&|w| w.nodes[0].initialized = None, Some(Blocked::Uninitialized));
    check(&|w| w.nodes[0].deleting = true, Some(Blocked::Deleting));
    check(&|w| w.nodes[0].nominated_until = at(100.1), Some(Blocked::Nominated));
    check(&|w| w.nodes[0].nominated_until = at(100.0), None);
    check(&|w| w.nodes[0].do_not_disrupt = true, Some(Blocked::NodeAnnotation));
    check(&|w| w.pods[0].do_not_disrupt = DoNotDisrupt::Always, Some(Blocked::PodAnnotation));
    // A duration holds while the pod is younger than that.
    let hold = |started: f64| {
        move |w: &mut World| {
            w.pods[0].do_not_disrupt = DoNotDisrupt::For(s(60));
            w.pods[0].started = Some(at(started));
        }
    };
    check(&hold(40.1), Some(Blocked::PodAnnotation));
    check(&hold(40.0), None);
    check(&|w| w.pods[0].do_not_disrupt = DoNotDisrupt::For(s(60)), Some(Blocked::PodAnnotation));
    check(
        &|w| {
            w.pods[0].do_not_disrupt = DoNotDisrupt::Always;
            w.pods[0].active = false;
        },
        None,
    );
    let pdb = |allowed, budgets: &[u32]| {
        let budgets = budgets.to_vec();
        move |w: &mut World| {
            w.pdbs = vec![Pdb { allowed, never: false }; 2];
            w.pods[0].pdbs = budgets.clone();
        }
    };
    check(&pdb(1, &[0]), None);
    check(&pdb(0, &[0]), Some(Blocked::Pdb));
    check(&pdb(1, &[0, 1]), Some(Blocked::SeveralPdbs));
}

/// Nodes within their `consolidateAfter` take nobody's pods, uninitialised ones neither.
#[test]
fn consolidation_leaves_busy_and_new_nodes_alone() {
    let mut w = two_nodes();
    w.nodes[1].do_not_disrupt = true;
    assert_eq!(w.pass(Config::default()).unwrap().nodes, [NodeIx(0)]);
    w.pools[0].consolidate_after = Some(Some(s(60)));
    w.nodes[1].last_pod_event = Some(at(1e5 - 59.0));
    assert_eq!(w.pass(Config::default()), None, "a pod came there 59 s ago");
    w.nodes[1].last_pod_event = Some(at(1e5 - 60.0));
    assert!(w.pass(Config::default()).is_some());
    w.nodes[1].initialized = None;
    assert_eq!(w.pass(Config::default()), None, "it may never come up");
}

#[test]
fn policies_decide_which_nodes_are_looked_at() {
    let mut w = two_nodes();
    w.pools[0].policy = ConsolidationPolicy::WhenEmpty;
    assert_eq!(w.pass(Config::default()), None);
    // Two of 1.0 with 3 and 2: deleting the second saves 1/2 of the price for 2/5 of the disruption.
    w.pools[0].policy = ConsolidationPolicy::Balanced;
    w.pools[0].budgets = vec![Budget::of("1")];
    assert_eq!(w.pass(Config::default()).unwrap().nodes, [NodeIx(1)]);
    // A third with a price that dwarfs theirs: 1/102 for 2/6 is too little.
    let dear = w.kind(4000, 16, &[(OD, 100.0)]);
    let node = w.node(dear, 0);
    w.pod(Some(node), 4000, GIB);
    w.nodes[2].do_not_disrupt = true;
    assert_eq!(w.pass(Config::default()), None);
}

#[test]
fn drifted_nodes_go_oldest_first_and_vacant_before() {
    let mut w = two_nodes();
    w.pools[0].budgets = vec![Budget { reasons: vec![Reason::Underutilized], ..Budget::of("0") }];
    assert_eq!(w.pass(Config::default()), None);
    w.nodes[0].drifted = Some(at(50.0));
    w.nodes[1].drifted = Some(at(40.0));
    let mut k = w.karpenter(Config::default());
    let Verdict::Act(command) = k.begin(&w.view(), at(100.0)) else { panic!("without a delay") };
    assert_eq!((command.method, &command.nodes[..]), (Method::Drift, &[NodeIx(1)][..]));
    assert!(command.replacements.is_empty(), "its pods fit on the other node");
    // Full nodes are replaced.
    for shape in &mut w.shapes {
        shape.requests.cpu_milli = 2000;
    }
    w.nodes[0].do_not_disrupt = true;
    w.pods[2].shape = ShapeIx(0);
    let Verdict::Act(command) = k.begin(&w.view(), at(100.0)) else { panic!() };
    assert_eq!((command.nodes.len(), command.replacements.len()), (1, 1));
    // A vacant node of a pool that does not consolidate goes first, though it drifted last.
    let kind = TypeIx(0);
    w.node(kind, 0);
    w.nodes[2].drifted = Some(at(60.0));
    w.pools[0].consolidate_after = Some(None);
    let Verdict::Act(command) = k.begin(&w.view(), at(100.0)) else { panic!() };
    assert_eq!(command.nodes, [NodeIx(2)]);
    // A protected pod holds its node, unless a grace period bounds that.
    w.nodes[2].deleting = true;
    w.pods[2].do_not_disrupt = DoNotDisrupt::Always;
    assert_eq!(k.begin(&w.view(), at(100.0)), Verdict::Idle { next: at(110.0) });
    w.pools[0].termination_grace = Some(s(3600));
    assert!(matches!(k.begin(&w.view(), at(100.0)), Verdict::Act(_)));
}

/// v1beta1 (API of v0.37): expiry is graceful and comes first; `WhenUnderutilized` has no delay.
#[test]
fn v1beta1_expires_within_budgets() {
    let beta = Config { compat: Compat::V1Beta1, ..Config::default() };
    let mut w = two_nodes();
    w.pools[0].consolidate_after = None;
    w.pools[0].expire_after = Some(s(50_000));
    w.nodes[0].created = at(6e4);
    w.nodes[0].last_pod_event = Some(at(1e5));
    let command = w.pass(beta.clone()).unwrap();
    assert_eq!((command.method, command.nodes), (Method::Expiration, vec![NodeIx(1)]));
    w.pools[0].expire_after = None;
    // A pod came to the first node at this very moment, and it goes all the same.
    assert_eq!(w.pass(beta.clone()).unwrap().method, Method::SingleNode);
    w.pools[0].consolidate_after = Some(Some(s(30)));
    assert_eq!(Karpenter::new(beta, &w.pools).unwrap_err(), [ConfigError::Pool(0, PoolError::AfterWithUnderutilized)]);
}

#[test]
fn what_found_nothing_is_not_tried_again_until_something_changes() {
    let mut w = two_nodes();
    for shape in &mut w.shapes {
        shape.requests.cpu_milli = 1900;
    }
    w.pods[2].shape = ShapeIx(0);
    w.shapes[0].requests.cpu_milli = 2000;
    w.shapes[1].requests.cpu_milli = 2000;
    w.pods[2].do_not_disrupt = DoNotDisrupt::No;
    w.pod(Some(NodeIx(1)), 2000, GIB);
    let mut k = w.karpenter(Config::default());
    let idle = |t: f64| Verdict::Idle { next: at(t + 10.0) };
    assert_eq!(k.begin(&w.view(), at(100.0)), idle(100.0));
    assert_eq!(k.work().skipped, 0);
    assert_eq!(k.begin(&w.view(), at(110.0)), idle(110.0));
    assert_eq!(k.work().skipped, 2, "for several nodes and for one");
    w.revision += 1;
    assert_eq!(k.begin(&w.view(), at(120.0)), idle(120.0));
    assert_eq!(k.work().skipped, 2);
    assert_eq!(k.begin(&w.view(), at(419.0)), idle(419.0));
    assert_eq!(k.work().skipped, 4);
    assert_eq!(k.begin(&w.view(), at(420.0)), idle(420.0), "five minutes on");
    assert_eq!(k.work().skipped, 4);
}

/// Why a node stays, in the words of upstream's events.
#[test]
fn a_node_that_stays_has_a_reason() {
    let why = |w: &World, nodes: &[u32]| {
        let nodes: Vec<NodeIx> = nodes.iter().map(|n| NodeIx(*n)).collect();
        w.karpenter(Config::default()).explain(&w.view(), &nodes, at(1e5))
    };
    let mut w = World::default();
    let kind = w.kind(4000, 16, &[(OD, 1.0)]);
    w.pool().requirements = on_demand_only();
    let (a, b) = (w.node(kind, 0), w.node(kind, 0));
    w.pod(Some(a), 3000, GIB);
    w.pod(Some(b), 3000, GIB);
    assert_eq!(why(&w, &[0]), Err(WhyNot::NotCheaper));
    assert_eq!(why(&w, &[0, 1]), Err(WhyNot::SeveralNodes(2)));
    w.pools[0].limits.nodes = Some(1);
    assert_eq!(why(&w, &[0]), Err(WhyNot::NoPlace));
    w.shapes[0].requests.cpu_milli = 1000;
    assert_eq!(why(&w, &[0]), Ok(()));
    assert_eq!(why(&spot_world(20, 19), &[0]), Err(WhyNot::SpotToSpotOff));
}
