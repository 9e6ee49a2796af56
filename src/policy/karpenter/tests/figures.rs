//! Costs, budgets, balanced scores, ages: what a pass computes with; and what is refused.

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
    for found in scores(&[a, b], usd(6.29), BALANCED_K).into_iter().map(Option::unwrap) {
        assert!((found.value() - 2.25).abs() < 1e-12 && found.approved());
    }
    let other = Part { balanced: false, ..b };
    assert!(scores(&[a, other], usd(6.29), BALANCED_K)[1].is_none());
    assert!(can_pass(&a) && can_pass(&Part { disruption: cost(90), ..other }));
    assert!(!can_pass(&Part { disruption: cost(90), ..b }), "0.1 of the price for all of the disruption");
    assert!(can_pass(&Part { totals: totals(0.0, 90), ..a }), "not judged without a price");
    assert_eq!(Score { savings: 0.1, disruption: 0.2, k: 2 }.value(), 0.5);
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
