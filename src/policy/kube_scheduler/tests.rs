//! The specification's vectors (sections 7.1 and 7.2), and what must hold for any input.

use proptest::prelude::*;

use super::preempt::{Incoming, Node, Pod, Preemption, Victims, choose, preempt, sample, victims};
use super::score::{self, Container, DEFAULT_RESOURCES, Resource, Strategy, for_score, pick};
use super::*;
use crate::policy::pdb::Pdb;
use crate::policy::placement::luck::Luck;
use crate::policy::pods::Resources;
use crate::units::SimTime;

/// A node of a row: its CPU and memory, what is requested of them, and the expected scores, least and most allocated.
type Scored = ((u64, u64), (u64, u64), (i32, i32));

/// A row of the table of scores: the pod's requests (nothing: no containers), the weights of CPU and memory, the nodes.
struct Row {
    id: &'static str,
    pod: Option<(u64, u64)>,
    weights: (u32, u32),
    nodes: [Scored; 2],
}

const SCORES: [Row; 6] = [
    Row {
        id: "SC1",
        pod: Some((3000, 5000)),
        weights: (1, 1),
        nodes: [((4000, 10000), (0, 0), (37, 62)), ((6000, 10000), (0, 0), (50, 50))],
    },
    Row {
        id: "SC2",
        pod: Some((3000, 5000)),
        weights: (1, 2),
        nodes: [((4000, 10000), (0, 0), (41, 58)), ((6000, 10000), (0, 0), (50, 50))],
    },
    Row {
        id: "SC3",
        pod: None,
        weights: (1, 1),
        nodes: [((10000, 20000), (6000, 0), (70, 30)), ((10000, 20000), (6000, 5000), (57, 42))],
    },
    Row {
        id: "SC4",
        pod: Some((3000, 5000)),
        weights: (1, 1),
        nodes: [((10000, 20000), (3000, 0), (57, 42)), ((10000, 20000), (3000, 5000), (45, 55))],
    },
    Row {
        id: "SC5",
        pod: Some((5000, 9000)),
        weights: (1, 1),
        nodes: [((5000, 10000), (0, 0), (5, 95)), ((10000, 9000), (0, 0), (25, 75))],
    },
    Row {
        id: "SC7",
        pod: None,
        weights: (1, 1),
        nodes: [((4000, 10000), (6000, 0), (50, 50)), ((4000, 10000), (6000, 5000), (25, 75))],
    },
];

fn both(node: &score::Node, pod: &[Container], resources: &[(Resource, u32)]) -> (i32, i32) {
    let of = |strategy| score::score(strategy, node, pod, resources);
    (of(Strategy::LeastAllocated), of(Strategy::MostAllocated))
}

#[test]
fn nodes_score_as_in_upstreams_tests() {
    for row in SCORES {
        let container = |(cpu, memory)| Container { cpu: Some(cpu), memory: Some(memory), extended: Vec::new() };
        let pod: Vec<Container> = row.pod.map(container).into_iter().collect();
        let resources = [(Resource::Cpu, row.weights.0), (Resource::Memory, row.weights.1)];
        for ((cpu, memory), (cpu_requested, memory_requested), want) in row.nodes {
            let node = score::Node { cpu, memory, cpu_requested, memory_requested, ..score::Node::default() };
            assert_eq!(both(&node, &pod, &resources), want, "{}: {node:?}", row.id);
        }
    }
}

#[test]
fn an_extended_resource_counts_where_it_is_configured_and_asked_for() {
    let resources = [(Resource::Cpu, 1), (Resource::Memory, 1), (Resource::Extended(7), 1)];
    let pod = |extended: &[(u32, u64)]| [Container { cpu: Some(500), memory: Some(500), extended: extended.to_vec() }];
    let node = |gpus| score::Node { cpu: 1000, memory: 1000, extended: vec![(7, gpus)], ..score::Node::default() };
    assert_eq!(both(&node(4), &pod(&[(7, 2)]), &resources), (50, 50), "SC6");
    assert_eq!(both(&node(10), &pod(&[(7, 2)]), &resources), (60, 40), "SC6");
    // Not asked for, not there, not configured.
    assert_eq!(both(&node(10), &pod(&[]), &resources), (50, 50));
    assert_eq!(both(&node(0), &pod(&[(7, 2)]), &resources), (50, 50));
    assert_eq!(both(&node(10), &pod(&[(7, 2)]), &DEFAULT_RESOURCES), (50, 50));
}

#[test]
fn a_container_that_does_not_say_counts_as_a_small_one() {
    let silent = Container::default();
    let zero = Container { cpu: Some(0), memory: Some(0), extended: Vec::new() };
    assert_eq!(for_score(std::slice::from_ref(&silent)), (100, 200 << 20));
    assert_eq!(for_score(&[silent.clone(), silent]), (200, 400 << 20));
    assert_eq!(for_score(&[zero]), (0, 0));
    assert_eq!(for_score(&[]), (0, 0));
}

#[test]
fn the_best_node_is_any_of_the_best() {
    let mut luck = Luck::new(1, 0);
    let mut seen = [0; 4];
    for _ in 0..300 {
        seen[pick(&[3, 9, 1, 9], &mut luck).unwrap()] += 1;
    }
    assert!(seen[0] + seen[2] == 0 && seen[1] > 100 && seen[3] > 100, "{seen:?}");
    assert_eq!(pick(&[], &mut luck), None);
}

#[test]
fn attempts_are_further_and_further_apart() {
    assert_eq!([0, 1, 2, 3, 4, 5, 99].map(|n| backoff(n).0 / 1_000_000_000), [0, 1, 2, 4, 8, 10, 10]);
}

fn pod(gpus: i64, priority: i32) -> Pod {
    Pod { priority, request: Resources::of_pod(0, 0, gpus * 1000), started: SimTime(0), pdbs: Vec::new() }
}

/// A node of 8 GPUs that these pods fill or leave partly free.
fn node(pods: Vec<Pod>) -> Node {
    let all = Resources { cpu: 1000, memory: 1000, gpu: 8000, pods: 110 };
    Node { free: pods.iter().fold(all, |free, p| free.minus(p.request)), pods }
}

fn wants(gpus: i64, priority: i32) -> Incoming {
    let request = Resources::of_pod(0, 0, gpus * 1000);
    Incoming { priority, request, never: false, victims_terminating: false }
}

/// One of the table of preemptions: by node its pods as (GPUs, priority, whether a budget forbids their eviction), what
/// comes as (GPUs, priority), and the node and pods that are expected.
type Case = (&'static str, &'static [&'static [(i64, i32, bool)]], (i64, i32), Option<(usize, &'static [usize])>);

const PREEMPTIONS: [Case; 7] = [
    ("P1", &[&[(4, 0, false), (4, 5, false)]], (4, 10), Some((0, &[0]))),
    ("P2", &[&[(4, 1, false), (4, 1, false)], &[(8, 2, false)]], (8, 10), Some((0, &[0, 1]))),
    ("P3", &[&[(4, 5, false), (4, 1, false)], &[(8, 5, false)]], (8, 10), Some((1, &[0]))),
    ("P4", &[&[(8, 10, false)]], (1, 10), None),
    ("P5", &[&[(8, 0, true)], &[(8, 9, false)]], (8, 10), Some((1, &[0]))),
    (
        "each victim adds 2^31 to the sum",
        &[&[(4, 1, false), (4, -9, false)], &[(8, 1, false)]],
        (8, 10),
        Some((1, &[0])),
    ),
    ("all equal: the first", &[&[(8, 1, false)], &[(8, 1, false)]], (8, 10), Some((0, &[0]))),
];

#[test]
fn preemption_takes_the_node_and_the_pods_that_the_rules_say() {
    let none = [Pdb { allowed: 0, never: false }];
    for (id, nodes, (gpus, priority), want) in PREEMPTIONS {
        let of = |(gpus, priority, guarded): &(i64, i32, bool)| Pod {
            pdbs: if *guarded { vec![0] } else { Vec::new() },
            ..pod(*gpus, *priority)
        };
        let nodes: Vec<Node> = nodes.iter().map(|pods| node(pods.iter().map(of).collect())).collect();
        let found = preempt(&nodes, &wants(gpus, priority), &none, 0);
        assert_eq!(found.map(|p| (p.node, p.victims.pods)), want.map(|(n, v)| (n, v.to_vec())), "{id}");
    }
}

#[test]
fn who_may_not_preempt_does_not() {
    let nodes = [node(vec![pod(8, 0)])];
    assert!(preempt(&nodes, &wants(1, 10), &[], 0).is_some());
    assert_eq!(preempt(&nodes, &Incoming { never: true, ..wants(1, 10) }, &[], 0), None);
    assert_eq!(preempt(&nodes, &Incoming { victims_terminating: true, ..wants(1, 10) }, &[], 0), None);
    assert_eq!(preempt(&nodes, &wants(9, 10), &[], 0), None, "even an empty node is too small");
    assert_eq!(preempt(&[], &wants(1, 10), &[], 3), None);
}

#[test]
fn guarded_pods_come_back_first_and_then_the_most_important() {
    // Four pods of 2 GPUs, 4 wanted: two may stay. The guarded one stays although it is the least important; of the
    // others the one that started first.
    let started = |p: Pod, at| Pod { started: SimTime(at), ..p };
    let guarded = Pod { pdbs: vec![0], ..pod(2, 0) };
    let pods = vec![started(pod(2, 3), 50), started(pod(2, 3), 10), guarded, started(pod(2, 3), 90)];
    let found = victims(&node(pods), &wants(4, 10), &[Pdb { allowed: 0, never: false }]).unwrap();
    assert_eq!(found, Victims { pods: vec![0, 3], violations: 0 });
    // One eviction is allowed: the second pod of the budget would violate it.
    let pods: Vec<Pod> = (0..4).map(|_| Pod { pdbs: vec![0], ..pod(2, 0) }).collect();
    let found = victims(&node(pods), &wants(8, 10), &[Pdb { allowed: 1, never: false }]).unwrap();
    assert_eq!(found, Victims { pods: vec![1, 2, 3, 0], violations: 3 });
}

#[test]
fn among_equal_nodes_the_victims_that_started_last_go() {
    let at = |t| Pod { started: SimTime(t), ..pod(8, 1) };
    let nodes = [node(vec![at(5)]), node(vec![at(9)]), node(vec![at(7)])];
    assert_eq!(preempt(&nodes, &wants(8, 10), &[], 0).unwrap().node, 1);
    // Of several victims of the highest priority the earliest counts; others do not.
    let four = |t, priority| Pod { started: SimTime(t), ..pod(4, priority) };
    let nodes = [node(vec![four(5, 1), four(9, 1)]), node(vec![four(6, 1), four(7, 1)])];
    assert_eq!(preempt(&nodes, &wants(8, 10), &[], 0).unwrap().node, 1);
}

#[test]
fn a_tenth_of_the_nodes_is_enough_but_not_below_a_hundred() {
    assert_eq!([0, 50, 100, 500, 1000, 5000].map(sample), [0, 50, 100, 100, 100, 500]);
    // Of 200 equal nodes the first hundred from the offset are looked at: the better one before it is not seen.
    let mut nodes: Vec<Node> = (0..200).map(|_| node(vec![pod(8, 5)])).collect();
    nodes[10] = node(vec![pod(8, 1)]);
    assert_eq!(preempt(&nodes, &wants(8, 10), &[], 50).unwrap().node, 50);
    assert_eq!(preempt(&nodes, &wants(8, 10), &[], 150).unwrap().node, 10);
}

proptest! {
    #[test]
    fn victims_make_room_and_none_goes_in_vain(
        pods in proptest::collection::vec((1_i64..5, -3_i32..12, 0_u64..9, proptest::bool::ANY), 0..7),
        gpus in 1_i64..9, priority in 0_i32..12, allowed in 0_u32..3,
    ) {
        let pods: Vec<Pod> = pods.iter().map(|(g, p, t, guarded)| Pod {
            started: SimTime(*t), pdbs: if *guarded { vec![0] } else { Vec::new() }, ..pod(*g, *p)
        }).collect();
        let (n, incoming) = (node(pods), wants(gpus, priority));
        let lower: Vec<usize> = (0..n.pods.len()).filter(|i| n.pods[*i].priority < priority).collect();
        let without = |gone: &[usize]| gone.iter().fold(n.free, |free, i| free.plus(n.pods[*i].request));
        match victims(&n, &incoming, &[Pdb { allowed, never: false }]) {
            None => prop_assert!(lower.is_empty() || !incoming.request.fits(without(&lower))),
            Some(found) => {
                prop_assert!(found.pods.iter().all(|i| lower.contains(i)));
                prop_assert!(incoming.request.fits(without(&found.pods)));
                for spared in &found.pods {
                    let rest: Vec<usize> = found.pods.iter().copied().filter(|i| i != spared).collect();
                    prop_assert!(!incoming.request.fits(without(&rest)), "pod {} could have stayed", spared);
                }
            }
        }
    }

    #[test]
    fn the_chosen_node_is_not_worse_than_any_other(
        nodes in proptest::collection::vec(proptest::collection::vec((1_i64..9, 0_i32..4, 0_u64..4), 1..4), 1..5),
    ) {
        let of = |(g, p, t): &(i64, i32, u64)| Pod { started: SimTime(*t), ..pod(*g, *p) };
        let nodes: Vec<Node> = nodes.iter().map(|pods| node(pods.iter().map(of).collect())).collect();
        let candidates: Vec<Preemption> = (0..nodes.len())
            .filter_map(|i| victims(&nodes[i], &wants(8, 10), &[]).map(|victims| Preemption { node: i, victims }))
            .collect();
        if let Some(best) = choose(&nodes, &candidates) {
            let highest = |c: &Preemption| c.victims.pods.iter().map(|i| nodes[c.node].pods[*i].priority).max();
            prop_assert!(candidates.iter().all(|c| highest(best) <= highest(c)));
        }
    }
}
