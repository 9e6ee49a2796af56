//! Upstream's vectors (`lownodeutilization_test.go`, `highnodeutilization_test.go`), and what must hold for any input.

use proptest::prelude::*;

use super::*;
use crate::units::{Duration, SimTime};

const CPU: ResourceIx = ResourceIx::CPU;
const PODS: ResourceIx = ResourceIx::PODS;
const GPU: ResourceIx = ResourceIx::EXTENDED;
const NOW: SimTime = SimTime(1_000_000_000_000);

fn node(cpu: i64, pods: i64) -> Node {
    Node { allocatable: vec![Some(cpu), Some(3000), Some(pods), None], ..Node::default() }
}

fn cordoned(cpu: i64, pods: i64) -> Node {
    Node { unschedulable: true, ..node(cpu, pods) }
}

fn pod(node: u32, cpu: i64) -> Pod {
    Pod { node, requests: vec![cpu, 0, 1, 0], ..Pod::default() }
}

fn daemon(node: u32, cpu: i64) -> Pod {
    Pod { kind: PodKind::Daemon, ..pod(node, cpu) }
}

fn go(config: &Config, nodes: &[Node], pods: &[Pod]) -> Run {
    assert_eq!(config.faults(), []);
    run(config, &View { resources: 4, nodes, pods, budgets: &[0, 1] }, NOW)
}

fn gone(config: &Config, nodes: &[Node], pods: &[Pod]) -> Vec<u32> {
    go(config, nodes, pods).evicted.iter().map(|e| e.pod).collect()
}

/// DS1's cluster: five that may go, three that may not, one elsewhere.
fn loaded() -> (Vec<Node>, Vec<Pod>) {
    let mut pods = vec![pod(0, 400); 5];
    pods.push(daemon(0, 400));
    pods.push(Pod { local_storage: true, ..pod(0, 400) });
    pods.push(Pod { priority: Some(SYSTEM_CRITICAL), ..pod(0, 400) });
    pods.push(pod(1, 400));
    (vec![node(4000, 9), node(4000, 10), cordoned(4000, 10)], pods)
}

fn low(under: f64, over: f64) -> Config {
    Config::low(vec![(CPU, under), (PODS, under)], vec![(CPU, over), (PODS, over)])
}

#[test]
fn over_used_nodes_give_until_they_are_at_their_targets() {
    let (nodes, mut pods) = loaded();
    assert_eq!(gone(&low(30.0, 50.0), &nodes, &pods), [0, 1, 2, 3], "DS1");
    let mut deviation = low(5.0, 5.0);
    if let Plugin::Low { deviation, .. } = &mut deviation.plugin {
        *deviation = true;
    }
    assert_eq!(gone(&deviation, &nodes, &pods).len(), 2, "DS2");
    let found = go(&low(30.0, 50.0), &nodes, &pods);
    let classes: Vec<_> = found.nodes.iter().map(|n| (n.class, n.why)).collect();
    assert_eq!(
        classes,
        [(Class::Over, Why::Above(CPU)), (Class::Under, Why::AllLow), (Class::Neither, Why::Unschedulable)]
    );
    let kept: Vec<_> = found.passed.iter().map(|(p, why)| (*p, *why)).collect();
    assert_eq!(
        kept,
        [
            (5, Passed::Kept(Kept::Daemon)),
            (6, Passed::Kept(Kept::LocalStorage)),
            (7, Passed::Kept(Kept::SystemCritical))
        ]
    );
    // The lowest priority first, none before any; then quality of service.
    pods[0].priority = Some(10);
    pods[1].priority = Some(-1);
    pods[2].qos = Qos::Guaranteed;
    pods[3].qos = Qos::BestEffort;
    assert_eq!(gone(&low(30.0, 50.0), &nodes, &pods), [3, 4, 2, 1]);
}

#[test]
fn limits_and_budgets_hold() {
    let (nodes, mut pods) = loaded();
    let limited = |limits: Limits, pods: &[Pod]| gone(&Config { limits, ..low(30.0, 50.0) }, &nodes, pods);
    let none = Limits::default();
    assert_eq!(limited(Limits { per_node: Some(1), ..none }, &pods), [0]);
    assert_eq!(limited(Limits { per_node_by_plugin: Some(2), ..none }, &pods), [0, 1]);
    assert_eq!(limited(Limits { total: Some(3), ..none }, &pods), [0, 1, 2]);
    pods[0].namespace = 1;
    assert_eq!(limited(Limits { per_namespace: Some(1), ..none }, &pods), [0, 1]);
    pods[1].budgets = vec![0];
    pods[2].budgets = vec![1];
    pods[3].budgets = vec![1];
    pods[4].budgets = vec![0, 1];
    assert_eq!(limited(none, &pods), [0, 2]);
    let excluded = Config { excluded_namespaces: vec![0], ..low(30.0, 50.0) };
    assert_eq!(gone(&excluded, &nodes, &pods), [0]);
}

#[test]
fn under_used_nodes_are_emptied_while_others_have_room() {
    let high = |percent| Config::high(vec![(CPU, percent), (PODS, percent)]);
    let critical = Pod { priority: Some(SYSTEM_CRITICAL), ..pod(0, 400) };
    let four = [pod(1, 400), pod(1, 400), pod(1, 400), pod(1, 400)];
    let nodes = [node(4000, 10), node(4000, 10), cordoned(4000, 10)];
    let mut pods = vec![pod(0, 400), critical];
    pods.extend(four.clone());
    pods.push(pod(2, 400));
    assert_eq!(gone(&high(30.0), &nodes, &pods), [6, 0], "DS4: the emptiest first");
    let nodes = [node(2000, 10), node(2000, 10), cordoned(2000, 10)];
    let mut pods = vec![pod(0, 400)];
    pods.extend(four);
    pods.push(pod(2, 400));
    assert_eq!(gone(&high(30.0), &nodes, &pods).len(), 1, "DS5: then nothing is left");
    let nodes = [node(4000, 10), node(4000, 10), node(4000, 10)];
    let pods: Vec<Pod> = (0..9).map(|i| pod(i / 3, 400)).collect();
    let found = go(&high(20.0), &nodes, &pods);
    assert_eq!((found.evicted.len(), found.stop), (0, Some(Stop::NoneUnder)), "DS6");
}

#[test]
fn classes_go_by_the_mean_or_by_thresholds_that_belong_to_the_lower_class() {
    let percent = [10, 48, 52, 50, 90];
    let nodes = vec![node(1000, 100); 5];
    let pods: Vec<Pod> = (0..).zip(percent).map(|(n, p)| pod(n, 10 * p)).collect();
    let plugin = Plugin::Low { targets: vec![(CPU, 5.0)], deviation: true };
    let config = Config { plugin, ..Config::low(vec![(CPU, 5.0)], vec![(CPU, 5.0)]) };
    let classes: Vec<Class> = go(&config, &nodes, &pods).nodes.iter().map(|n| n.class).collect();
    assert_eq!(classes, [Class::Under, Class::Neither, Class::Neither, Class::Neither, Class::Over], "DS7");
    let class = |used| {
        let config = Config::low(vec![(CPU, 30.0)], vec![(CPU, 50.0)]);
        go(&config, &[node(1000, 10)], &[pod(0, used)]).nodes[0].class
    };
    assert_eq!((class(300), class(301)), (Class::Under, Class::Neither), "DS8");
    assert_eq!((class(500), class(501)), (Class::Neither, Class::Over), "DS9");
}

/// What listing a GPU does, and what not listing it does.
#[test]
fn gpus_count_only_where_they_are_listed() {
    let gpus = |n| Node { allocatable: vec![Some(4000), Some(3000), Some(10), Some(n)], ..Node::default() };
    let wants = |node, cpu, gpu| Pod { requests: vec![cpu, 0, 1, gpu], ..pod(node, cpu) };
    let (full, idle) = (gpus(8), gpus(8));
    let pods: Vec<Pod> = (0..8).map(|_| wants(0, 100, 1)).collect();
    let listed = Config::low(vec![(GPU, 20.0)], vec![(GPU, 50.0)]);
    assert_eq!(gone(&listed, &[full.clone(), idle], &pods).len(), 4);
    let unlisted = Config::low(vec![(CPU, 20.0)], vec![(CPU, 50.0)]);
    let found = go(&unlisted, &[full.clone(), node(4000, 10)], &pods);
    assert_eq!(found.stop, Some(Stop::AllUnder), "full of GPUs and light on CPU");
    // A node without GPUs uses 0 % of them, and has none left: nothing is evicted.
    let found = go(&listed, &[full, node(4000, 10)], &pods);
    assert_eq!((found.nodes[1].class, found.evicted.len(), found.stop), (Class::Under, 0, None));
    assert_eq!((found.nodes[1].percent[3], found.nodes[0].percent[3]), (None, Some(100.0)));
}

#[test]
fn evictions_need_a_destination_that_is_tolerated_and_by_node_fit_one_with_room() {
    let high = Config::high(vec![(CPU, 40.0)]);
    let tainted = Node { taints: vec![Taint { number: 7, prefer: false }], ..node(1000, 10) };
    let mut pods = vec![pod(0, 100), Pod { tolerates: vec![7], ..pod(0, 100) }, pod(1, 500)];
    assert_eq!(gone(&high, &[node(1000, 10), tainted.clone()], &pods), [1]);
    let mut fit = high.clone();
    fit.evictor.node_fit = true;
    assert_eq!(gone(&fit, &[node(1000, 10), node(1000, 10)], &pods), [0, 1]);
    pods[0].allowed = Some(vec![0]);
    pods[1].requests[1] = 3001;
    let found = go(&fit, &[node(1000, 10), node(1000, 10)], &pods);
    assert_eq!(found.passed, [(0, Passed::NoFit), (1, Passed::NoFit)]);
    let only = Config { plugin: Plugin::High { only_listed: true }, ..high };
    pods[0].requests[0] = 0;
    assert_eq!(go(&only, &[node(1000, 10), node(1000, 10)], &pods).passed, [(0, Passed::AsksForNone)]);
}

#[test]
fn metrics_take_the_place_of_requests() {
    let config = Config { usage: Usage::Metrics, ..Config::low(vec![(CPU, 30.0)], vec![(CPU, 50.0)]) };
    let measured = |cpu| Node { measured: Some(vec![cpu, 0]), ..node(1000, 10) };
    let mut pods = vec![Pod { measured: Some(vec![200, 0]), ..pod(0, 1) }; 3];
    pods[0].measured = None;
    let found = go(&config, &[measured(800), measured(100)], &pods);
    assert_eq!(found.evicted.iter().map(|e| e.pod).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(found.passed, [(0, Passed::NotMeasured)]);
    assert_eq!(go(&config, &[measured(800), node(1000, 10)], &pods).stop, Some(Stop::NoMetrics(1)));
}

#[test]
fn the_evictor_keeps_what_upstreams_does() {
    let of = |e: Evictor, p: Pod| e.keeps(&p, NOW);
    let usual = Evictor::default();
    assert_eq!(of(usual, pod(0, 1)), None);
    let bare = Pod { kind: PodKind::Bare, ..pod(0, 1) };
    assert_eq!(of(usual, bare.clone()), Some(Kept::Bare));
    assert_eq!(of(usual, Pod { asks_for_it: true, ..bare }), None);
    assert_eq!(of(Evictor { min_replicas: 2, ..usual }, Pod { replicas: 1, ..pod(0, 1) }), Some(Kept::FewReplicas));
    let young = Evictor { min_pod_age: Duration::from_secs(60), ..usual };
    assert_eq!(of(young, Pod { started: Some(SimTime(NOW.0 - 59_000_000_000)), ..pod(0, 1) }), Some(Kept::Young));
    assert_eq!(of(young, Pod { started: Some(SimTime(NOW.0 - 60_000_000_000)), ..pod(0, 1) }), None);
    let threshold = Evictor { priority_threshold: Some(100), ..usual };
    assert_eq!(of(threshold, Pod { priority: Some(100), ..pod(0, 1) }), Some(Kept::Priority));
    assert_eq!(of(threshold, Pod { priority: Some(99), ..pod(0, 1) }), None);
}

#[test]
fn all_faults_are_told_at_once() {
    let config =
        Config { usage: Usage::Metrics, ..Config::low(vec![(CPU, 60.0), (CPU, 101.0), (GPU, 1.0)], vec![(CPU, 50.0)]) };
    let faults = config.faults();
    assert_eq!(faults.len(), 6, "{faults:?}");
    assert_eq!(Config::high(vec![]).faults(), [ConfigError::None("thresholds")]);
    let metrics = Config { usage: Usage::Metrics, ..Config::high(vec![(CPU, 1.0)]) };
    assert_eq!(metrics.faults(), [ConfigError::HighByMetrics]);
}

proptest! {
    /// Whatever the cluster: what goes was on a node that gives, once; budgets and limits hold; and before each eviction
    /// destinations had something left of everything.
    #[test]
    fn nobody_goes_who_need_not(
        pods in proptest::collection::vec((0_u32..4, 0_i64..600, 0_u32..3, 0_u32..2), 0..40),
        per_node in proptest::option::of(0_u32..4), is_high in any::<bool>(),
    ) {
        let nodes = [node(2000, 12), node(2000, 12), node(2000, 12), cordoned(2000, 12)];
        let pods: Vec<Pod> = pods
            .into_iter()
            .map(|(n, cpu, budget, namespace)| Pod {
                budgets: if budget < 2 { vec![budget] } else { vec![] }, namespace, ..pod(n, cpu)
            })
            .collect();
        let base = if is_high { Config::high(vec![(CPU, 30.0)]) } else { Config::low(vec![(CPU, 30.0)], vec![(CPU, 50.0)]) };
        let config = Config { limits: Limits { per_node, ..Limits::default() }, ..base };
        let found = go(&config, &nodes, &pods);
        let mut ids: Vec<u32> = found.evicted.iter().map(|e| e.pod).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), found.evicted.len());
        let giver = if is_high { Class::Under } else { Class::Over };
        prop_assert!(found.evicted.iter().all(|e| found.nodes[e.node as usize].class == giver));
        let of_budget = |b| found.evicted.iter().filter(|e| pods[e.pod as usize].budgets == [b]).count();
        prop_assert!(of_budget(0) == 0 && of_budget(1) <= 1);
        for n in 0..4 {
            let on = found.evicted.iter().filter(|e| e.node == n).count();
            prop_assert!(per_node.is_none_or(|most| on <= most as usize));
        }
        let taker = if is_high { Class::Destination } else { Class::Under };
        let mut left: i64 = found.nodes.iter().filter(|n| n.class == taker).map(|n| n.target[0] - n.used[0]).sum();
        for e in &found.evicted {
            prop_assert!(left > 0);
            left -= pods[e.pod as usize].requests[0];
        }
    }
}
