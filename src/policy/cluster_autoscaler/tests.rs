//! Upstream's own vectors (`binpacking_estimator_test.go`, `waste_test.go`, `price_test.go`, `balancing_processor_test.go`,
//! `info_test.go`) for the parts; the loop is in `scan`, `up` and `down`, what must hold for any input in `laws`.

mod down;
mod laws;
mod scan;
mod up;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::balance::{Size, Template, balance, similar};
use super::estimator::{Class, Domain, estimate};
use super::expander::{Choice, Filter, Market, pick, preferred_cpu, price_score, survivors, waste};
use super::timing::{Backoff, Due, Unneeded, deletions, healthy, over, too_young};
use super::utilisation::{Mode, drain, low, utilisation};
use super::*;
use crate::units::{Duration, SimTime};

const fn r(cpu: i64, memory: i64, gpu: i64, pods: i64) -> Resources {
    Resources { cpu, memory, gpu, pods }
}

const JUPITER: u64 = 5;
const MARS: u64 = 4;

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

fn spread(by: Domain, old: u64) -> Option<estimator::Spread> {
    Some(estimator::Spread { max_skew: 2, min_domains: 1, by, existing: BTreeMap::from([(old, 0)]) })
}

#[test]
fn the_estimator_packs_as_upstreams_tests_do() {
    assert_eq!(packs((1000, 2000, 10), &[class(10, 350, 1000)], 1000), (5, 10), "CA-E1");
    assert_eq!(packs((10_000, 20_000, 10), &[class(20, 10, 100)], 1000), (2, 20), "CA-E2");
    let ports = Class { host_ports: vec![5555], ..class(8, 200, 1000) };
    assert_eq!(packs((1000, 5000, 10), &[ports], 1000), (8, 8), "CA-E3");
    assert_eq!(packs((1000, 5000, 10), &[class(20, 500, 1000)], 5), (5, 10), "CA-E4");
    let hosts = Class { spread: spread(Domain::Hostname, 0), ..class(8, 200, 200) };
    assert_eq!(packs((1000, 5000, 10), &[hosts], 1000), (4, 8), "CA-E5");
    let zones = Class { spread: spread(Domain::Label(MARS), JUPITER), ..class(8, 20, 100) };
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

/// A node of no labels with pods of one each.
fn node(allocatable: Resources, gpu_label: bool) -> Node {
    let group = Group::new("g", 0, 9, allocatable);
    Node { gpu_label, ..Node::of(NodeId(1), GroupIx(0), &group) }
}

fn share(node: &Node, shapes: &[Shape], config: &utilisation::Config) -> f64 {
    utilisation(node, (0..shapes.len() as u32).map(|i| Bound::new(ShapeIx(i), 1)), shapes, config)
}

/// Utilisation: pods of 100 m and 200,000 B by kind on a node of 2000 m and 2,000,000 B, whether those of daemons and
/// mirrors are ignored, and the expected share (section 3.6).
const UTILISATION: [(&str, &[Kind], bool, bool, f64); 4] = [
    ("U1", &[Kind::Replicated, Kind::Replicated], false, false, 0.2),
    ("U2", &[Kind::Replicated, Kind::Replicated, Kind::Daemon, Kind::Daemon], true, false, 0.25),
    ("U3", &[Kind::Replicated, Kind::Replicated, Kind::Mirror], false, true, 2.0 / 9.0),
    ("U4", &[Kind::Replicated, Kind::Mirror, Kind::Daemon], true, true, 1.0 / 8.0),
];

/// Of a node with the GPU label: its milli-GPU, those asked for by a pod that also takes all of the CPU, and the share.
const GPU_UTILISATION: [(&str, i64, i64, f64); 5] = [
    ("U5", 1000, 1000, 1.0),
    ("U6", 0, 1000, 0.0),
    ("4 of 8", 8000, 4000, 0.5),
    ("5 of 8", 8000, 5000, 0.625),
    ("a CPU-only pod", 8000, 0, 0.0),
];

#[test]
fn utilisation_is_as_upstreams_test_has_it() {
    for (id, kinds, ignore_daemons, ignore_mirrors, want) in UTILISATION {
        let shape = |kind: &Kind| Shape { kind: *kind, ..Shape::plain(r(100, 200_000, 0, 1)) };
        let shapes: Vec<Shape> = kinds.iter().map(shape).collect();
        let config = utilisation::Config { ignore_daemons, ignore_mirrors, ..utilisation::Config::default() };
        assert_eq!(share(&node(r(2000, 2_000_000, 0, 110), false), &shapes, &config), want, "{id}");
    }
    let config = utilisation::Config::default();
    for (id, gpus, used, want) in GPU_UTILISATION {
        let node = node(r(2000, 2_000_000, gpus, 110), true);
        assert_eq!(share(&node, &[Shape::plain(r(2000, 0, used, 1))], &config), want, "{id}");
        assert_eq!(low(&node, want, &config), want <= 0.5, "{id}");
    }
}

#[test]
fn a_node_may_go_up_to_its_threshold() {
    let config = utilisation::Config::default();
    let eligible = |used| {
        let node = node(r(1000, 10, 0, 10), false);
        low(&node, share(&node, &[Shape::plain(r(used, 0, 0, 1))], &config), &config)
    };
    assert_eq!([600, 100, 500, 501].map(eligible), [false, true, true, false]);
}

#[test]
fn the_other_mode_looks_at_all_that_a_gpu_node_has() {
    let node = node(r(2000, 2_000_000, 8000, 110), true);
    let config = utilisation::Config { mode: Mode::MaxOfAll, ..utilisation::Config::default() };
    let of = |request| share(&node, &[Shape::plain(request)], &config);
    assert_eq!([of(r(1500, 0, 1000, 1)), of(r(0, 500_000, 1000, 1)), of(r(0, 0, 4000, 1))], [0.75, 0.25, 0.5]);
}

#[test]
fn pods_that_are_overdue_count_for_nothing() {
    let (node, shapes) = (node(r(1000, 10, 0, 10), false), [Shape::plain(r(900, 1, 0, 1))]);
    let pods = [Bound { overdue: true, ..Bound::new(ShapeIx(0), 1) }];
    assert_eq!(utilisation(&node, pods.into_iter(), &shapes, &utilisation::Config::default()), 0.0);
}

#[test]
fn bad_settings_are_all_told() {
    let config = Config {
        utilisation: utilisation::Config { threshold: 1.5, gpu_threshold: f64::NAN, ..utilisation::Config::default() },
        timing: timing::Config {
            scan: Duration::ZERO,
            drain_parallelism: 0,
            backoff: Duration::from_secs(3600),
            max_unready_percent: 101,
            ..timing::Config::default()
        },
        limits: Limits { cores: Range { min: 9, max: 8 }, ..Limits::default() },
        expanders: vec![Expander::MostPods, Expander::LeastWaste, Expander::MostPods],
        ..Config::default()
    };
    let faults: Vec<String> = config.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "the scale-down-utilization-threshold is 1.5; it must be between 0 and 1",
            "the scale-down-gpu-utilization-threshold is NaN; it must be between 0 and 1",
            "the scan-interval is 0; it must be longer",
            "the initial-node-group-backoff-duration is longer than the max-node-group-backoff-duration",
            "the max-drain-parallelism is 0; it must be at least 1 while scale-down is enabled",
            "the max-total-unready-percentage is 101%; it must be at most 100%",
            "the cores-total has a minimum of 9, above its maximum of 8",
            "the expander most-pods is named twice",
        ]
    );
    assert!(ClusterAutoscaler::new(config).is_err() && Config::default().faults().is_empty());
    let group = Group::new("a", 3, 2, Resources::default());
    assert_eq!(group.faults()[0].to_string(), "the size of group a has a minimum of 3, above its maximum of 2");
}

#[test]
fn pods_that_would_be_lost_keep_their_node_unless_they_say_that_it_is_safe() {
    let config = utilisation::Config::default();
    let plain = Shape::plain(r(1, 1, 0, 1));
    let keeps = |s: Shape| {
        let safe = Shape { safe_to_evict: Some(true), ..s.clone() };
        (drain(&s, &[0, 1], &config), drain(&safe, &[0, 1], &config))
    };
    let base = plain.clone();
    let kind = |kind| Shape { kind, ..base.clone() };
    assert_eq!(keeps(kind(Kind::Unreplicated)), (Err(Blocker::Unreplicated), Ok(true)));
    assert_eq!(keeps(kind(Kind::Custom)), (Err(Blocker::CustomController), Ok(true)));
    assert_eq!(keeps(Shape { local_storage: true, ..plain.clone() }), (Err(Blocker::LocalStorage), Ok(true)));
    assert_eq!(keeps(Shape { system: true, ..plain.clone() }), (Err(Blocker::System), Ok(true)));
    assert_eq!(keeps(Shape { system: true, pdbs: vec![1], ..plain.clone() }), (Ok(true), Ok(true)));
    let spent = Shape { pdbs: vec![1, 0], ..plain.clone() };
    assert_eq!(keeps(spent), (Err(Blocker::Budget), Err(Blocker::Budget)));
    let unsafe_ = Shape { safe_to_evict: Some(false), ..plain };
    assert_eq!(drain(&unsafe_, &[], &config), Err(Blocker::NotSafeToEvict));
    assert_eq!(drain(&kind(Kind::Daemon), &[], &config), Ok(false));
}

#[test]
fn young_gpu_pods_hold_up_old_ones() {
    assert!(too_young(&[(at(0), false), (at(90), true)], at(100)));
    assert!(!too_young(&[(at(0), false), (at(99), false)], at(100)) && !too_young(&[], at(100)));
    assert_eq!([1, 2].map(|age| too_young(&[(at(0), false)], at(age))), [true, false]);
    assert_eq!([29, 30].map(|age| too_young(&[(at(0), true)], at(age))), [true, false]);
}

#[test]
fn a_node_that_is_needed_once_starts_again() {
    let (config, mut unneeded, n) = (timing::Config::default(), Unneeded::default(), NodeId(3));
    assert!(unneeded.update(&[n], at(0)));
    assert!(unneeded.update(&[], at(300)));
    assert!(unneeded.update(&[n], at(310)) && !unneeded.update(&[n], at(320)));
    let strict = |seconds| over(at(seconds), Duration::ZERO, true);
    assert_eq!(unneeded.due(n, true, &config), Some(strict(910)));
    assert_eq!(unneeded.due(n, false, &config), Some(strict(1510)));
    assert!(unneeded.update(&[NodeId(1), n, NodeId(4)], at(330)));
    assert_eq!([1, 3, 4].map(|n| unneeded.since(NodeId(n))), [at(330), at(310), at(330)].map(Some));
}

#[test]
fn as_many_nodes_are_unneeded_at_once_as_can_go_in_time() {
    let config = timing::Config::default();
    assert_eq!([0, 5, 590, 5000].map(|known| Unneeded::limit(known, &config)), [20, 25, 610, 610]);
}

#[test]
fn one_drain_and_ten_empty_nodes_go_at_once() {
    let config = timing::Config::default();
    let going = |nodes: &[(u32, bool)], empty, drains| {
        let due: Vec<Due> = nodes.iter().map(|(group, empty)| Due { group: *group, empty: *empty }).collect();
        deletions(&due, |g| g > 0, empty, drains, &config)
    };
    let (e, d) = ((0, true), (0, false));
    assert_eq!(going(&[d, d], 0, 0), [0]);
    assert_eq!(going(&[e; 12], 0, 0), (0..10).collect::<Vec<_>>());
    assert_eq!(going(&[d, e, e, d], 0, 0), [0, 1, 2]);
    assert_eq!(going(&[d, e, e], 8, 0), [1, 2]);
    assert_eq!(going(&[d, e, e], 8, 1), [1]);
    assert!(going(&[d, d], 0, 1).is_empty());
    assert!(going(&[d, e], 10, 0).is_empty());
    // Groups that go as a whole: one may be larger than what is left; then nothing else goes.
    assert_eq!(going(&[&[e][..], &[(1, true); 12], &[(2, true)]].concat(), 0, 0), (1..13).collect::<Vec<_>>());
    assert_eq!(going(&[&[e][..], &[(1, true); 4], &[(2, true); 8]].concat(), 0, 0), [0, 1, 2, 3, 4]);
    assert_eq!(going(&[&[(1, false); 3][..], &[d]].concat(), 0, 0), [0, 1, 2]);
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
