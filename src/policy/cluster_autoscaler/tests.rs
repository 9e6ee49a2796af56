//! Upstream's vectors (`binpacking_estimator_test.go`, `waste_test.go`, `price_test.go`, `balancing_processor_test.go`,
//! `info_test.go`), timing worked out from the rules, and what must hold for any input.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::balance::{Size, Template, balance, similar};
use super::estimator::{Class, Domain, Spread, estimate};
use super::expander::{Choice, Filter, Market, pick, preferred_cpu, price_score, survivors, waste};
use super::removal::{Verdict, simulate};
use super::timing::{Backoff, Due, Group, Last, Unneeded, deletions, healthy, too_young};
use super::utilisation::{Blocker, Config, Kind, Node, Pod, drain, eligible, utilisation};
use super::*;
use crate::units::SimTime;

const fn r(cpu: i64, memory: i64, gpu: i64, pods: i64) -> Resources {
    Resources { cpu, memory, gpu, pods }
}

const fn at(seconds: u64) -> SimTime {
    SimTime(seconds * 1_000_000_000)
}

fn class(count: u32, cpu: i64, memory: i64) -> Class {
    Class::plain(Resources::of_pod(cpu, memory, 0), count)
}

fn packs(template: (i64, i64, i64), classes: &[Class], max: u32) -> (u32, u64) {
    let node = r(template.0, template.1, 0, template.2);
    let found = estimate(node, node, classes, max);
    (found.nodes, found.pods())
}

fn spread(by: Domain, old: &str) -> Option<Spread> {
    Some(Spread { max_skew: 2, min_domains: 1, by, existing: BTreeMap::from([(old.to_owned(), 0)]) })
}

#[test]
fn the_estimator_packs_as_upstreams_tests_do() {
    assert_eq!(packs((1000, 2000, 10), &[class(10, 350, 1000)], 1000), (5, 10), "CA-E1");
    assert_eq!(packs((10_000, 20_000, 10), &[class(20, 10, 100)], 1000), (2, 20), "CA-E2");
    let ports = Class { host_ports: vec![5555], ..class(8, 200, 1000) };
    assert_eq!(packs((1000, 5000, 10), &[ports], 1000), (8, 8), "CA-E3");
    assert_eq!(packs((1000, 5000, 10), &[class(20, 500, 1000)], 5), (5, 10), "CA-E4");
    let hosts = Class { spread: spread(Domain::Hostname, "old"), ..class(8, 200, 200) };
    assert_eq!(packs((1000, 5000, 10), &[hosts], 1000), (4, 8), "CA-E5");
    let zones = Class { spread: spread(Domain::Label("mars".into()), "jupiter"), ..class(8, 20, 100) };
    assert_eq!(packs((1000, 5000, 10), &[zones], 1000), (1, 2), "CA-E6");
    assert_eq!(
        packs((1000, 5000, 100), &[class(50_000, 50, 100), class(1000, 95, 190)], 3000),
        (2595, 51_000),
        "CA-E8"
    );
}

#[test]
fn a_class_that_no_new_node_takes_leaves_the_next_its_turn() {
    assert_eq!(packs((1000, 1000, 10), &[class(3, 2000, 10), class(2, 500, 10)], 10), (1, 2));
    assert_eq!(packs((1000, 1000, 10), &[class(1, 1, 1)], 0), (0, 0));
}

fn choice(group: &str, nodes: u32, pods: u32, cpu: i64, prices: (f64, f64)) -> Choice {
    Choice {
        group: group.into(),
        nodes,
        pods,
        requested: r(500, 1000, 0, 1),
        capacity: r(cpu, 16_000, 0, 110),
        node_price: prices.0,
        pod_price: prices.1,
        exists: true,
    }
}

#[test]
fn least_waste_adds_the_free_shares_of_cpu_and_memory() {
    let balanced = choice("balanced", 1, 1, 8000, (0.0, 0.0));
    let highmem = Choice { capacity: r(8000, 32_000, 0, 110), ..choice("highmem", 1, 1, 8000, (0.0, 0.0)) };
    let lowcpu = choice("lowcpu", 1, 1, 4000, (0.0, 0.0));
    assert_eq!((waste(&balanced), waste(&highmem), waste(&lowcpu)), (1.875, 1.90625, 1.8125));
    let mut all = vec![balanced, highmem];
    assert_eq!(pick(&all, &[Filter::LeastWaste]).unwrap().group, "balanced");
    all.push(lowcpu);
    assert_eq!(pick(&all, &[Filter::LeastWaste]).unwrap().group, "lowcpu");
}

#[test]
fn the_price_filter_scores_as_upstreams_test_does() {
    // Within half a unit of the last digit that is printed.
    let near = |c: &Choice, preferred_cpu, want: f64, half_digit: f64| {
        let score = price_score(c, &Market { stabilisation: 10.0, preferred_cpu });
        assert!((score - want).abs() <= half_digit, "{}: {score}, not {want}", c.group);
    };
    near(&choice("P1 ng1", 2, 2, 1000, (20.0, 30.0)), 2000, 2.4168, 5e-5);
    near(&choice("P1 ng2", 1, 2, 4000, (200.0, 30.0)), 2000, 10.5, 1e-9);
    near(&choice("P2 ng1", 2, 2, 1000, (50.0, 30.0)), 4000, 10.4508, 5e-5);
    near(&choice("P2 ng2", 1, 2, 4000, (200.0, 30.0)), 4000, 5.25, 1e-9);
    near(&choice("P4 ng1", 2, 2, 1000, (200.0, 30.0)), 2000, 19.818, 5e-4);
    near(&choice("P4 ng2", 1, 2, 4000, (100.0, 30.0)), 2000, 5.5, 1e-9);
    near(&choice("P5 ng1", 2, 1, 1000, (200.0, 20.0)), 2000, 26.42, 5e-3);
    near(&Choice { exists: false, ..choice("P7 ng3", 1, 2, 4000, (90.0, 30.0)) }, 2000, 10.0, 1e-9);
    let gpu = Choice { capacity: r(2000, 1, 1000, 110), ..choice("gpu", 1, 2, 2000, (30.0, 30.0)) };
    near(&gpu, 2000, 1000.0, 1e-9);
    assert_eq!([1, 3, 9, 27, 81, 243, 500].map(preferred_cpu), [1, 2, 4, 8, 16, 32, 32].map(|c| c * 1000));
}

#[test]
fn priorities_exclude_the_rest_only_where_one_matches() {
    let all = [choice("a", 1, 1, 1, (0.0, 0.0)), choice("b", 1, 3, 1, (0.0, 0.0)), choice("c", 1, 3, 1, (0.0, 0.0))];
    let names = |filters: &[Filter]| survivors(&all, filters).iter().map(|c| c.group.clone()).collect::<Vec<_>>();
    let tiers = vec![(10, vec!["a".into(), "c".into()]), (20, vec!["b".into()]), (30, vec!["x".into()])];
    assert_eq!(names(&[Filter::Priority(tiers)]), ["b"]);
    assert_eq!(names(&[Filter::Priority(vec![(1, vec!["x".into()])])]), ["a", "b", "c"]);
    assert_eq!(names(&[Filter::MostPods]), ["b", "c"]);
    assert_eq!(pick(&all, &[Filter::MostPods]).unwrap().group, "b");
}

#[test]
fn the_smallest_group_grows_first() {
    let sizes = |groups: &[(u32, u32)], nodes| {
        let groups: Vec<Size> = groups.iter().map(|(current, max)| Size { current: *current, max: *max }).collect();
        balance(&groups, nodes)
    };
    let four = [(1, 10), (3, 10), (5, 10), (5, 10)];
    assert_eq!(sizes(&four, 1), [2, 3, 5, 5]);
    assert_eq!(sizes(&four, 2), [3, 3, 5, 5]);
    assert_eq!(sizes(&four, 4), [4, 4, 5, 5]);
    assert_eq!(sizes(&four, 5), [5, 4, 5, 5]);
    assert_eq!(sizes(&four, 10), [6, 6, 6, 6]);
    assert_eq!(sizes(&[(1, 3), (3, 10)], 4), [3, 5]);
    assert_eq!(sizes(&[(1, 3), (3, 10), (5, 7)], 9), [3, 8, 7]);
    assert_eq!(sizes(&[(1, 3), (3, 10), (5, 7)], 900), [3, 10, 7]);
}

#[test]
fn similar_groups_may_differ_in_zone_and_a_little_memory() {
    let template = |zone: &str, memory| Template {
        labels: BTreeMap::from([("topology.kubernetes.io/zone".to_owned(), zone.to_owned())]),
        capacity: r(1000, memory, 0, 110),
        allocatable: r(1000, 1000, 0, 110),
        free: r(1000, 1000, 0, 110),
    };
    assert!(similar(&template("a", 1000), &template("b", 985), &[]));
    assert!(!similar(&template("a", 1000), &template("b", 984), &[]));
    let mut other = template("a", 1000);
    other.labels.insert("tier".into(), "x".into());
    assert!(!similar(&template("a", 1000), &other, &[]));
    assert!(similar(&template("a", 1000), &other, &["tier".into()]));
}

fn pod(kind: Kind, request: Resources) -> Pod {
    Pod { kind, ..Pod::plain(request) }
}

fn node(allocatable: Resources, pods: Vec<Pod>) -> Node {
    Node { allocatable, gpu_label: false, disabled: false, pods }
}

#[test]
fn utilisation_is_as_upstreams_test_has_it() {
    let of = |kinds: &[Kind], ignore_daemons, ignore_mirrors| {
        let pods = kinds.iter().map(|k| pod(*k, r(100, 200_000, 0, 1))).collect();
        let config = Config { ignore_daemons, ignore_mirrors, ..Config::default() };
        utilisation(&node(r(2000, 2_000_000, 0, 110), pods), &config)
    };
    use Kind::{Daemon as D, Mirror as M, Replicated as P};
    assert_eq!(of(&[P, P], false, false), 0.2);
    assert_eq!(of(&[P, P, D, D], true, false), 0.25);
    assert_eq!(of(&[P, P, M], false, true), 2.0 / 9.0);
    assert_eq!(of(&[P, M, D], true, true), 1.0 / 8.0);
    let gpu = |gpus, used| Node {
        gpu_label: true,
        ..node(r(2000, 2_000_000, gpus, 110), vec![Pod::plain(r(2000, 0, used, 1))])
    };
    assert_eq!(utilisation(&gpu(1000, 1000), &Config::default()), 1.0);
    assert_eq!(utilisation(&gpu(0, 1000), &Config::default()), 0.0);
    assert!(eligible(&gpu(8000, 4000), &Config::default()) && !eligible(&gpu(8000, 5000), &Config::default()));
    assert_eq!(utilisation(&gpu(8000, 0), &Config::default()), 0.0);
    let cpu = |used| eligible(&node(r(1000, 10, 0, 10), vec![Pod::plain(r(used, 0, 0, 1))]), &Config::default());
    assert_eq!([600, 100, 500].map(cpu), [false, true, true]);
}

#[test]
fn thresholds_outside_of_a_share_are_all_told() {
    let config = Config { threshold: 1.5, gpu_threshold: f64::NAN, ..Config::default() };
    assert_eq!((config.faults().len(), Config::default().faults().len()), (2, 0));
}

#[test]
fn pods_that_would_be_lost_keep_their_node_unless_they_say_that_it_is_safe() {
    let config = Config::default();
    let plain = Pod::plain(r(1, 1, 0, 1));
    let keeps = |p: Pod| (drain(&p, &config), drain(&Pod { safe_to_evict: Some(true), ..p }, &config));
    assert_eq!(keeps(pod(Kind::Unreplicated, plain.request)), (Err(Blocker::Unreplicated), Ok(true)));
    assert_eq!(keeps(pod(Kind::Custom, plain.request)), (Err(Blocker::CustomController), Ok(true)));
    assert_eq!(keeps(Pod { local_storage: true, ..plain }), (Err(Blocker::LocalStorage), Ok(true)));
    assert_eq!(keeps(Pod { system: true, ..plain }), (Err(Blocker::System), Ok(true)));
    assert_eq!(keeps(Pod { system: true, evictions_allowed: Some(1), ..plain }), (Ok(true), Ok(true)));
    let full = Pod { evictions_allowed: Some(0), ..plain };
    assert_eq!(keeps(full), (Err(Blocker::Budget), Err(Blocker::Budget)));
    assert_eq!(drain(&Pod { safe_to_evict: Some(false), ..plain }, &config), Err(Blocker::NotSafeToEvict));
    assert_eq!(drain(&pod(Kind::Daemon, plain.request), &config), Ok(false));
}

#[test]
fn later_candidates_see_what_earlier_ones_moved() {
    let full = |cpu| node(r(1000, 1000, 0, 10), vec![Pod::plain(r(cpu, 1, 0, 1))]);
    // 400 + 500 fit on the third with 1000; the third took pods in and stays.
    let nodes = [full(400), full(500), node(r(1000, 1000, 0, 10), vec![Pod::plain(r(100, 1, 0, 1))])];
    let found = simulate(&nodes, &[0, 1, 2], &Config::default(), |_, _, to| to == 2);
    let moved = Verdict::Removable { moves: vec![(0, 2)] };
    assert_eq!(found, [(0, moved.clone()), (1, moved), (2, Verdict::Destination)]);
    let nodes = [full(500), full(500), node(r(900, 1000, 0, 10), vec![])];
    let found = simulate(&nodes, &[0, 1], &Config::default(), |_, _, to| to == 2);
    assert_eq!(found[1], (1, Verdict::NoPlace(0)));
    // A node that goes takes in nothing.
    let found = simulate(&[full(100), full(100)], &[0, 1], &Config::default(), |_, _, _| true);
    assert_eq!(found[1], (1, Verdict::Destination));
}

/// The first scan at 0, 10, 20 … at which `when` holds.
fn first_scan(mut when: impl FnMut(SimTime) -> bool) -> u64 {
    (0..1000).map(|n| n * 10).find(|t| when(at(*t))).unwrap()
}

#[test]
fn scans_act_when_the_rules_say() {
    let config = timing::Config::default();
    let deleted = |last: Last| {
        let mut unneeded = Unneeded::default();
        first_scan(|now| {
            unneeded.update((now >= at(3)).then_some("n"), now);
            unneeded.due("n", true, &config, now) && !last.cooling(&config, now)
        })
    };
    assert_eq!(deleted(Last::default()), 620, "S1");
    assert_eq!(deleted(Last { scale_up: Some(at(100)), ..Last::default() }), 710, "S2");
    assert_eq!(deleted(Last { failure: Some(at(620)), ..Last::default() }), 810, "S3");
    let scaled = |created, gpu| first_scan(|now| now >= at(created) && !too_young(&[(at(created), gpu)], now));
    assert_eq!((scaled(2, true), scaled(9, false)), (40, 20), "S5, S6");
    assert!(too_young(&[(at(0), false), (at(90), true)], at(100)), "a young GPU pod holds up an old CPU pod");
}

#[test]
fn a_node_that_is_needed_once_starts_again() {
    let (config, mut unneeded) = (timing::Config::default(), Unneeded::default());
    unneeded.update(["n"], at(0));
    unneeded.update([], at(300));
    unneeded.update(["n"], at(310));
    assert!(!unneeded.due("n", true, &config, at(910)) && unneeded.due("n", true, &config, at(911)));
    assert!(!unneeded.due("n", false, &config, at(1510)) && unneeded.due("n", false, &config, at(1511)));
}

#[test]
fn one_drain_and_ten_empty_nodes_go_at_once() {
    let config = timing::Config::default();
    let due = |n: usize, empty| (0..n).map(|i| Due { name: i.to_string(), group: 0, empty }).collect::<Vec<_>>();
    let group = |size, min| [Group { size, min, deleting: 0 }];
    assert_eq!(deletions(&due(2, false), &group(20, 0), 0, 0, &config).len(), 1, "S4");
    assert_eq!(deletions(&due(12, true), &group(20, 0), 0, 0, &config).len(), 10, "S4");
    assert_eq!(deletions(&due(12, true), &group(12, 9), 0, 0, &config).len(), 3);
    assert_eq!(deletions(&due(2, false), &group(20, 0), 0, 1, &config).len(), 0);
}

#[test]
fn backoff_doubles_to_its_maximum_and_is_forgotten() {
    let (config, mut backoff) = (timing::Config::default(), Backoff::default());
    let mut now = at(0);
    for minutes in [5, 10, 20, 30, 30] {
        let until = backoff.fail(&config, now);
        assert_eq!(until.0 - now.0, at(minutes * 60).0);
        assert!(backoff.active(now) && !backoff.active(until));
        now = SimTime(until.0 + 1);
    }
    let later = SimTime(now.0 + at(4 * 3600).0);
    assert_eq!(backoff.fail(&config, later).0 - later.0, at(300).0);
}

#[test]
fn a_cluster_is_unhealthy_only_beyond_both_limits() {
    let config = timing::Config::default();
    assert_eq!([(3, 3), (4, 4), (45, 100), (46, 100)].map(|(u, n)| healthy(u, n, &config)), [true, false, true, false]);
}

proptest! {
    #[test]
    fn the_estimate_holds_what_it_schedules(
        sizes in proptest::collection::vec((1_i64..1500, 1_i64..1500, 1_u32..20), 1..6), max in 0_u32..12,
    ) {
        let classes: Vec<Class> = sizes.iter().map(|(c, m, n)| class(*n, *c, *m)).collect();
        let template = r(1000, 1000, 0, 5);
        let found = estimate(template, template, &classes, max);
        prop_assert!(found.nodes <= max && found.pods() <= 5 * u64::from(found.nodes));
        let cpu: i64 = classes.iter().zip(&found.scheduled).map(|(c, n)| c.request.cpu * i64::from(*n)).sum();
        prop_assert!(cpu <= 1000 * i64::from(found.nodes));
        for (c, n) in classes.iter().zip(&found.scheduled) {
            prop_assert!(*n <= c.count && (c.request.fits(template) || *n == 0));
        }
    }

    #[test]
    fn balancing_loses_no_node_that_has_room(groups in proptest::collection::vec((0_u32..9, 0_u32..9), 1..6), n in 0_u32..60) {
        let groups: Vec<Size> = groups.iter().map(|(c, room)| Size { current: *c, max: c + room }).collect();
        let sizes = balance(&groups, n);
        let room: u32 = groups.iter().map(|g| g.max - g.current).sum();
        let added: u32 = groups.iter().zip(&sizes).map(|(g, s)| s - g.current).sum();
        prop_assert_eq!(added, n.min(room));
        prop_assert!(groups.iter().zip(&sizes).all(|(g, s)| *s <= g.max));
    }
}
