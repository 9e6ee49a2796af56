//! Costs, budgets, balanced scores, and what a disruption pass decides.

use super::super::balanced::{Part, Score, Totals, can_pass, score, scores};
use super::super::budget::{Nodes, Window, allowed, remaining};
use super::super::cost::{Cost, eviction, lifetime_remaining, weighted};
use super::*;

/// D1 to D6, D8 (`pkg/utils/disruption`).
#[test]
fn evicting_a_pod_costs_what_its_priority_and_deletion_cost_say() {
    for (id, deletion_cost, priority, cost) in [
        ("D1", 0, 0, 1.0),
        ("D2", i32::MAX, 0, 10.0),
        ("D2", -i32::MAX, 0, -10.0),
        ("D3", 0, 1_000_000_000, 10.0),
        ("D4", 0, 33_554_432, 2.0),
        ("D5", 100, 0, 1.000_000_745_058_059_7),
        ("D6", 0, 10_000, 1.000_298_023_223_877),
    ] {
        assert_eq!(eviction(deletion_cost, priority).to_f64(), cost, "{id}");
    }
    let pods = vec![Pod::new(ShapeIx(0), None); 3];
    let d8 = weighted(&pods, Some(Duration::from_hours(720)), SimTime::ZERO, at(360.0 * 3600.0));
    assert_eq!(d8, (i128::from(Cost::ONE.0) * 3 / 2) << 16, "D8: 1.5");
    assert_eq!(lifetime_remaining(Some(s(10)), s(11)), (0, 10_000_000_000));
    assert_eq!(lifetime_remaining(None, s(11)), (1, 1));
}

fn on_demand_only() -> Requirements {
    Requirements::new().with(Key::CAPACITY_TYPE, Set::of([OD.value()]))
}

fn two_nodes() -> World {
    let mut w = World::default();
    let kind = w.kind(4000, 16, &[(OD, 1.0)]);
    w.pool();
    let (a, b) = (w.node(kind, 0), w.node(kind, 0));
    for node in [a, a, b] {
        w.pod(Some(node), 100, GIB);
    }
    w
}

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

/// K1 to K5 (`budget_test.go`).
#[test]
fn a_budget_is_a_number_or_a_share_rounded_up() {
    for (id, nodes, budget, gives) in [
        ("K1", 19, "20%", 4),
        ("K2", 10, "5%", 1),
        ("K3", 10, "30%", 3),
        ("K4", 10, "10%", 1),
        ("all", 10, "100%", 10),
        ("none", 10, "0", 0),
        ("0%", 10, "0%", 0),
        ("no nodes", 0, "10%", 0),
        ("more", 3, "7", 7),
        ("invalid", 10, "101%", 0),
    ] {
        assert_eq!(allowed(&[Budget::of(budget)], nodes, Reason::Empty, at(0.0), 0), gives, "{id}");
    }
    assert_eq!(allowed(&[], 10, Reason::Empty, at(0.0), 0), u32::MAX, "no budget");
    let drift = Budget { reasons: vec![Reason::Drifted], ..Budget::of("0") };
    let both = [drift, Budget::of("5"), Budget::of("3")];
    assert_eq!(allowed(&both, 10, Reason::Drifted, at(0.0), 0), 0);
    assert_eq!(allowed(&both, 10, Reason::Empty, at(0.0), 0), 3, "the least of those that list the reason");
    // K5, and who is counted.
    let mut w = World::default();
    let kind = w.kind(4000, 16, &[(OD, 1.0)]);
    w.pool();
    for _ in 0..10 {
        w.node(kind, 0);
    }
    w.nodes[0].ready = false;
    w.nodes[1].deleting = true;
    let left = |w: &World| remaining(&w.pools, &w.nodes, Reason::Empty, at(0.0), 0);
    assert_eq!(left(&w), [8], "K5");
    w.nodes[2].terminating = true;
    w.nodes[3].initialized = None;
    w.nodes[4].pool = None;
    assert_eq!(left(&w), [5], "7 counted, 2 of them going");
    w.pools[0].budgets = vec![Budget::of("1")];
    assert_eq!(left(&w), [0], "never below nothing");
}

/// K7 to K9: 2024-01-01 00:00 UTC is 1 704 067 200.
#[test]
fn a_schedule_opens_a_window_in_utc() {
    const NEW_YEAR: i64 = 1_704_067_200;
    let hours = Duration::from_hours;
    let h = |n: f64| at(n * 3600.0);
    for (id, schedule, duration, now, active) in [
        ("K7", "@daily", hours(48), h(0.0), true),
        ("K7", "@daily", hours(48), h(13.7), true),
        ("K8", "30 6 * * SUN", hours(6), h(144.0), false),
        ("K8 at its hit", "30 6 * * SUN", hours(6), h(150.5), true),
        ("K8 before its end", "30 6 * * SUN", hours(6), h(156.49), true),
        // The hit must be later than now − duration: at its exact end a window is over.
        ("K8 at its end", "30 6 * * SUN", hours(6), h(156.5), false),
        ("K9", "@yearly", hours(24), h(12.0), true),
        ("K9 a day on", "@yearly", hours(24), h(24.0), false),
        ("never hits", "0 0 30 2 *", hours(1), h(0.0), true),
    ] {
        assert_eq!(Window::parse(schedule, duration).active(now, NEW_YEAR), active, "{id}");
    }
    let closed = Budget { window: Window::parse("0 9 * * *", hours(8)), ..Budget::of("0") };
    let budgets = [closed, Budget::of("2")];
    assert_eq!(allowed(&budgets, 10, Reason::Empty, h(8.0), NEW_YEAR), 2);
    assert_eq!(allowed(&budgets, 10, Reason::Empty, h(10.0), NEW_YEAR), 0);
    let broken = Budget { window: Window::parse("0 9 * *", hours(8)), ..Budget::of("5") };
    assert_eq!(allowed(&[broken], 10, Reason::Empty, h(8.0), NEW_YEAR), 0, "what cannot be read forbids");
}

/// BL1 to BL10 (`balanced_test.go`); prices in dollars a day, as there: only their ratio counts.
#[test]
fn a_balanced_move_must_save_its_share() {
    let cost = |n: i64| Cost(n << 27);
    let totals = |price, disruption| Totals { price: usd(price), disruption: cost(disruption) };
    for (id, pool, savings, moved, k, value, approved) in [
        ("BL1", totals(58.08, 90), 7.26, 4, 2, 2.8125, true),
        ("BL2", totals(58.08, 90), 4.84, 5, 2, 1.5, true),
        ("BL3", totals(58.08, 90), 2.42, 9, 2, 0.416_666_666_666_666_7, false),
        ("BL3 k = 3", totals(58.08, 90), 2.42, 9, 3, 0.416_666_666_666_666_7, true),
        ("BL3 k = 1", totals(58.08, 90), 2.42, 9, 1, 0.416_666_666_666_666_7, false),
        ("BL4", totals(58.08, 90), 0.0, 11, 2, 0.0, false),
        ("BL5", totals(48.40, 90), 2.42, 9, 2, 0.5, true),
        ("BL7", totals(580.80, 900), 72.6, 40, 2, 2.8125, true),
        ("BL9", totals(58.08, 90), 4.84, 0, 2, f64::INFINITY, true),
        ("BL9 nothing", totals(58.08, 90), 0.0, 0, 2, 0.0, false),
        ("BL9 no cost", totals(0.0, 90), 4.84, 4, 2, 0.0, false),
        ("no disruption", totals(58.08, 0), 4.84, 4, 2, 0.0, false),
        ("loss", totals(58.08, 90), -1.0, 4, 2, 0.0, false),
        ("BL10", totals(580.80, 900), 7.26, 4, 2, 2.8125, true),
    ] {
        let found = score(savings, cost(moved), pool, k);
        let near = found.value() == value || (found.value() - value).abs() < 1e-12;
        assert!(near, "{id}: {}", found.value());
        assert_eq!(found.approved(), approved, "{id}");
    }
    // BL8: a move across two pools, its savings split by what each pool's nodes cost.
    let a = Part { price: usd(4.84), disruption: cost(4), totals: totals(48.40, 90), balanced: true };
    let b = Part { price: usd(1.45), disruption: cost(4), totals: totals(14.50, 90), balanced: true };
    for found in scores(&[a, b], usd(6.29)).into_iter().map(Option::unwrap) {
        assert!((found.value() - 2.25).abs() < 1e-12 && found.approved());
    }
    let other = Part { balanced: false, ..b };
    assert!(scores(&[a, other], usd(6.29))[1].is_none());
    assert!(can_pass(&a) && can_pass(&Part { disruption: cost(90), ..other }));
    assert!(!can_pass(&Part { disruption: cost(90), ..b }), "0.1 of the price for all of the disruption");
    assert!(can_pass(&Part { totals: totals(0.0, 90), ..a }), "not judged without a price");
    assert_eq!(Score { savings: 0.1, disruption: 0.2, k: 2 }.value(), 0.5);
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

#[test]
fn nodes_drift_expire_and_time_out() {
    let mut w = two_nodes();
    w.pools[0].expire_after = Some(s(100));
    w.nodes[1].created = at(1.0);
    let view = w.view();
    assert_eq!(expired(&view, Compat::V1_14, at(100.0)), [NodeIx(0)]);
    assert_eq!(expired(&view, Compat::V1Beta1, at(100.0)), []);
    let hour = at(3600.0);
    assert_eq!(drift(&view, &w.nodes[0], hour), None);
    let other = Node { template: 7, ..w.nodes[0].clone() };
    assert_eq!(drift(&view, &other, hour), Some(DriftReason::Template));
    let gone = Node { zone: Some(Value(9)), ..w.nodes[0].clone() };
    assert_eq!(drift(&view, &gone, hour), Some(DriftReason::InstanceType));
    assert_eq!(drift(&view, &gone, at(3599.0)), None);
    w.pools[0].requirements = Requirements::new().with(Key::ZONE, Set::of([Value(1)]));
    assert_eq!(drift(&w.view(), &w.nodes[0], hour), Some(DriftReason::Requirements));
    for (launched, registered, seconds, late) in [
        (false, false, 299.0, false),
        (false, false, 300.0, true),
        (true, false, 899.0, false),
        (true, false, 900.0, true),
        (true, true, 9e5, false),
    ] {
        assert_eq!(overdue(at(0.0), launched, registered, at(seconds)), late);
    }
}

#[test]
fn a_command_is_tried_from_ten_minutes_to_an_hour() {
    for (queued, seconds) in [(0, 600), (7500, 600), (10_000, 800), (45_000, 3600), (u64::MAX, 3600)] {
        assert_eq!(retries_for(queued), s(seconds), "{queued}");
    }
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
    let first = k.work().simulations;
    assert!(first > 0);
    assert_eq!(k.begin(&w.view(), at(110.0)), idle(110.0));
    assert_eq!((k.work().simulations, k.work().skipped), (first, 2));
    w.revision += 1;
    assert_eq!(k.begin(&w.view(), at(120.0)), idle(120.0));
    assert_eq!(k.work().simulations, 2 * first);
    assert_eq!(k.begin(&w.view(), at(419.0)), idle(419.0));
    assert_eq!(k.work().simulations, 2 * first);
    assert_eq!(k.begin(&w.view(), at(420.0)), idle(420.0), "five minutes on");
    assert_eq!(k.work().simulations, 3 * first);
}

#[test]
fn all_faults_are_reported_at_once() {
    let pool = NodePool {
        weight: Some(101),
        budgets: vec![
            Budget { nodes: Nodes::parse("x"), window: Window::parse("* *", s(90)), ..Budget::default() },
            Budget { window: Window::parse("@daily", s(90)), ..Budget::default() },
        ],
        replicas: Some(2),
        limits: Limits { cpu_milli: Some(1), ..Limits::default() },
        policy: ConsolidationPolicy::Balanced,
        requirements: Requirements::new().with_min(Key::INSTANCE_TYPE, Set::of([Value(1)]), 2),
        ..NodePool::default()
    };
    let config = Config { batch_idle: s(20), compat: Compat::V1_13, ..Config::default() };
    assert_eq!(Karpenter::new(config, &[pool]).unwrap_err().len(), 9);
    assert!(Karpenter::new(Config::default(), &[NodePool::default()]).is_ok());
}
