//! Steps down through the loop: what goes, and why the rest stays.

use super::scan::Act::{Delete, Grow};
use super::scan::Event::{Pods, Uses};
use super::scan::{World, autoscaler};
use super::*;

#[test]
fn a_minimum_of_the_cluster_keeps_nodes() {
    let mut world = World::new();
    let group = world.group(0, 9, r(4000, 8 << 30, 0, 110));
    world.fill(3, group, &[]);
    let limits = Limits { cores: Range { min: 7, max: 100 }, ..Limits::default() };
    let mut ca = autoscaler(Config { limits, ..Config::default() });
    assert_eq!(world.run(&mut ca, &[], 610), [(610, Delete(0))]);
    assert_eq!(ca.why_not(), [(NodeId(1), WhyNot::ClusterMin), (NodeId(2), WhyNot::ClusterMin)]);
}

#[test]
fn a_gpu_node_without_its_driver_counts_as_on_its_way() {
    let mut world = World::new();
    let group = world.group(0, 9, r(1000, 1000, 8000, 110));
    let id = world.node(group, vec![]);
    world.at(id).allocatable.gpu = 0;
    let shape = world.shape(Shape::plain(Resources::of_pod(1, 1, 8000)));
    world.pend(shape, 1, at(0));
    let mut ca = autoscaler(Config::default());
    assert!(ca.scan(&world.view(), at(100)).is_empty());
    assert_eq!(ca.why_not(), [(id, WhyNot::Starting)]);
    // A second pod needs another node; 15 minutes after it registered the node counts as broken.
    world.pend(shape, 1, at(0));
    assert_eq!(ca.scan(&world.view(), at(110)).grow, [ScaleUp { group, by: 1 }]);
    world.groups[0].target += 1;
    world.revision += 1;
    assert!(ca.scan(&world.view(), at(900)).is_empty());
    assert_eq!(ca.next_due(at(900)), SimTime(at(900).0 + 1));
    assert_eq!(ca.scan(&world.view(), at(910)).grow, [ScaleUp { group, by: 1 }]);
}

#[test]
fn an_unhealthy_cluster_is_left_alone_and_its_timers_are_lost() {
    let mut world = World::new();
    let group = world.group(0, 20, r(1000, 1000, 0, 110));
    world.fill(8, group, &[]);
    let mut ca = autoscaler(Config::default());
    assert_eq!(ca.scan(&world.view(), at(1000)).ended, Ended::Done);
    assert_eq!(ca.unneeded_since(NodeId(7)), Some(at(1000)));
    // Four of eight not ready, long after they registered: more than three, and more than 45 %.
    world.nodes[..4].iter_mut().for_each(|n| n.ready = false);
    world.revision += 1;
    let decision = ca.scan(&world.view(), at(1010));
    assert_eq!((decision.is_empty(), decision.ended), (true, Ended::Unhealthy));
    assert_eq!((ca.unneeded_since(NodeId(7)), ca.why_not()[7].1), (None, WhyNot::Unhealthy));
    world.nodes[0].ready = true;
    world.revision += 1;
    assert_eq!(ca.scan(&world.view(), at(1020)).ended, Ended::Done);
    // One that is not ready waits for 20 minutes.
    assert_eq!(ca.why_not()[1].1, WhyNot::NotLongEnough { due: over(at(1020), Duration::from_secs(1200), true) });
    assert_eq!(ca.why_not()[7].1, WhyNot::NotLongEnough { due: over(at(1020), Duration::from_secs(600), true) });
}

/// Why a node stays: the pods on it by shape, on a node of 1000 m; another node has 300 m free.
#[test]
fn every_node_says_why_it_stays() {
    let why = |change: &dyn Fn(&mut World, NodeId)| {
        let mut world = World::new();
        let group = world.group(0, 9, r(1000, 1000, 0, 110));
        let full = world.shape(Shape::plain(Resources::of_pod(700, 1, 0)));
        let id = world.node(group, vec![]);
        world.node(group, vec![Bound::new(full, 1)]);
        change(&mut world, id);
        let mut ca = autoscaler(Config::default());
        let decision = ca.scan(&world.view(), at(100));
        assert!(decision.is_empty());
        ca.why_not()[0].1
    };
    let with = |shape: Shape, count| {
        move |w: &mut World, id: NodeId| {
            let shape = w.shape(shape.clone());
            w.at(id).pods = vec![Bound::new(shape, count)];
        }
    };
    let small = Shape::plain(Resources::of_pod(200, 1, 0));
    let again = at(400);
    let (first, due) = (ShapeIx(1), over(at(100), Duration::from_secs(600), true));
    assert_eq!(why(&|_, _| {}), WhyNot::NotLongEnough { due });
    assert_eq!(why(&with(small.clone(), 1)), WhyNot::NotLongEnough { due });
    assert_eq!(why(&with(small.clone(), 2)), WhyNot::NoPlace { shape: first, again });
    assert_eq!(why(&with(small.clone(), 3)), WhyNot::Utilised { share: 0.6 });
    let blocked = |shape: Shape| why(&with(shape, 1));
    let by = |why| WhyNot::Blocked { shape: first, why, again };
    let small = || small.clone();
    assert_eq!(blocked(Shape { kind: Kind::Unreplicated, ..small() }), by(Blocker::Unreplicated));
    assert_eq!(blocked(Shape { local_storage: true, ..small() }), by(Blocker::LocalStorage));
    assert_eq!(
        blocked(Shape { classes: Classes::Only([7].into()), ..small() }),
        WhyNot::NoPlace { shape: first, again }
    );
    assert_eq!(blocked(Shape { priority: -11, ..small() }), WhyNot::NotLongEnough { due });
    assert_eq!(why(&|w, id| w.at(id).disabled = true), WhyNot::Disabled);
    assert_eq!(why(&|w, id| w.at(id).deleting = Deleting::Empty), WhyNot::Deleting);
    assert_eq!(why(&|w, id| w.at(id).group = None), WhyNot::NotAutoscaled);
    assert_eq!(why(&|w, _| w.groups[0].min = 2), WhyNot::GroupAtMin);
    let guarded = |w: &mut World, id: NodeId| {
        w.pdbs.push(Pdb { allowed: 0, never: false });
        with(Shape { pdbs: vec![0], ..Shape::plain(Resources::of_pod(200, 1, 0)) }, 1)(w, id);
    };
    assert_eq!(why(&guarded), by(Blocker::Budget));
}

#[test]
fn a_node_that_failed_is_left_alone_for_five_minutes() {
    let mut world = World::new();
    let group = world.group(0, 9, r(1000, 1000, 0, 110));
    let system = world.shape(Shape { system: true, ..Shape::plain(Resources::of_pod(1, 1, 0)) });
    world.node(group, vec![Bound::new(system, 1)]);
    let mut ca = autoscaler(Config::default());
    // Empty from 100 on; tried again at 300, so that its ten minutes are over after 900.
    assert_eq!(world.run(&mut ca, &[(100, Uses(0, 0))], 1000), [(910, Delete(0))]);
}

#[test]
fn a_budget_is_spent_by_the_nodes_that_go_before() {
    let mut world = World::new();
    let (group, big) = (world.group(0, 9, r(1000, 1000, 0, 110)), world.group(1, 1, r(9000, 9000, 0, 110)));
    world.pdbs.push(Pdb { allowed: 2, never: false });
    let guarded = world.shape(Shape { pdbs: vec![0], grace: 900, ..Shape::plain(Resources::of_pod(100, 1, 0)) });
    let large = world.shape(Shape::plain(Resources::of_pod(6000, 1, 0)));
    world.node(big, vec![Bound::new(large, 1)]);
    world.fill(3, group, &[Bound::new(guarded, 1)]);
    let mut ca = autoscaler(Config::default());
    assert!(ca.scan(&world.view(), at(0)).is_empty());
    assert_eq!(ca.why_not()[3].1, WhyNot::Blocked { shape: guarded, why: Blocker::Budget, again: at(300) });
    let decision = ca.scan(&world.view(), at(620));
    let moves = vec![Move { shape: guarded, count: 1, to: NodeId(0) }];
    // One at a time, and no pod gets more than ten minutes.
    assert_eq!(decision.drain, [Drain { node: NodeId(1), moves, grace: 600 }]);
    let blocked = WhyNot::Blocked { shape: guarded, why: Blocker::Budget, again: at(920) };
    let rest = [(NodeId(0), WhyNot::GroupAtMin), (NodeId(2), WhyNot::Parallelism), (NodeId(3), blocked)];
    assert_eq!(ca.why_not(), rest);
}

#[test]
fn a_node_that_takes_pods_in_stays_and_one_that_goes_takes_none() {
    let mut world = World::new();
    let group = world.group(0, 9, r(1000, 1000, 0, 110));
    let shape = world.shape(Shape::plain(Resources::of_pod(400, 1, 0)));
    world.fill(3, group, &[Bound::new(shape, 1)]);
    let mut ca = autoscaler(Config::default());
    assert!(ca.scan(&world.view(), at(0)).is_empty());
    let since = [0, 1, 2].map(|n| ca.unneeded_since(NodeId(n)));
    // The first one's pod goes to the second, which stays; the third one's pod no longer fits there.
    assert_eq!(since, [Some(at(0)), None, None]);
    assert_eq!(ca.why_not()[1].1, WhyNot::Destination);
    assert_eq!(ca.why_not()[2].1, WhyNot::NoPlace { shape, again: at(300) });
}

#[test]
fn pods_are_thought_to_go_where_they_were_thought_to_go_before() {
    let mut world = World::new();
    let (group, big) = (world.group(0, 9, r(1000, 1000, 0, 110)), world.group(2, 2, r(9000, 9000, 0, 110)));
    let (full, half) = (Resources::of_pod(9000, 1, 0), Resources::of_pod(5000, 1, 0));
    let (full, half) = (world.shape(Shape::plain(full)), world.shape(Shape::plain(half)));
    let shape = world.shape(Shape::plain(Resources::of_pod(100, 1, 0)));
    let first = world.node(big, vec![Bound::new(full, 1)]);
    let second = world.node(big, vec![Bound::new(half, 1)]);
    world.node(group, vec![Bound::new(shape, 2)]);
    let mut ca = autoscaler(Config::default());
    assert!(ca.scan(&world.view(), at(0)).is_empty());
    world.at(first).pods = vec![Bound::new(half, 1)];
    world.revision += 1;
    let moves = |d: &Decision| d.drain[0].moves.clone();
    let mut later = ca.clone();
    assert_eq!(moves(&ca.scan(&world.view(), at(610))), [Move { shape, count: 2, to: second }]);
    // Where it is full by then, the first that takes them.
    world.at(second).pods = vec![Bound::new(full, 1)];
    world.revision += 1;
    assert_eq!(moves(&later.scan(&world.view(), at(610))), [Move { shape, count: 2, to: first }]);
}

#[test]
fn pods_of_a_node_that_is_being_drained_have_their_room_already() {
    let mut world = World::new();
    let group = world.group(0, 9, r(1000, 1000, 0, 110));
    let shape = world.shape(Shape::plain(Resources::of_pod(200, 1, 0)));
    let full = world.shape(Shape::plain(Resources::of_pod(600, 1, 0)));
    let going = world.node(group, vec![Bound::new(shape, 1)]);
    let other = world.node(group, vec![Bound::new(shape, 1)]);
    world.node(group, vec![Bound::new(full, 1)]);
    world.at(going).deleting = Deleting::Drain;
    let mut ca = autoscaler(Config::default());
    assert!(ca.scan(&world.view(), at(0)).is_empty());
    // The first one's pod is thought to come to the second, which stays for that.
    assert_eq!(ca.why_not()[..2], [(going, WhyNot::Deleting), (other, WhyNot::Destination)]);
    world.at(going).pods.clear();
    world.revision += 1;
    assert!(ca.scan(&world.view(), at(10)).is_empty());
    assert_eq!(ca.unneeded_since(other), Some(at(10)));
}

#[test]
fn a_group_that_goes_as_a_whole_goes_when_all_of_it_can() {
    let mut world = World::new();
    let group = world.group(0, 4, r(1000, 1000, 4000, 110));
    world.groups[0].whole = true;
    let shape = world.shape(Shape::plain(Resources::of_pod(100, 1, 1000)));
    world.pend(shape, 1, at(0));
    let mut ca = autoscaler(Config::default());
    assert_eq!(ca.scan(&world.view(), at(30)).grow, [ScaleUp { group, by: 4 }], "it comes as a whole, too");
    world.pending.clear();
    let ids: Vec<NodeId> = (0..4).map(|_| world.node(group, vec![])).collect();
    world.at(ids[2]).pods = vec![Bound::new(shape, 3)];
    assert!(ca.scan(&world.view(), at(1000)).is_empty());
    assert!(ca.scan(&world.view(), at(1610)).is_empty());
    assert_eq!(ca.why_not()[0].1, WhyNot::Whole);
    world.at(ids[2]).pods.clear();
    world.revision += 1;
    assert!(ca.scan(&world.view(), at(1620)).is_empty());
    assert_eq!(ca.scan(&world.view(), at(2230)).delete, ids);
}

#[test]
fn a_delay_for_new_pods_and_a_minimum_that_is_enforced() {
    let mut world = World::new();
    world.group(0, 9, r(1000, 1000, 0, 110));
    let mut ca = autoscaler(Config { new_pod_delay: Duration::from_secs(60), ..Config::default() });
    assert_eq!(world.run(&mut ca, &[(10, Pods(1, (100, 0), None))], 200), [(80, Grow(0, 1))]);
    let mut world = World::new();
    world.group(3, 9, r(1000, 1000, 0, 110));
    let mut ca = autoscaler(Config { enforce_min: true, ..Config::default() });
    assert_eq!(world.run(&mut ca, &[], 50), [(0, Grow(0, 3))]);
    assert!(world.run(&mut autoscaler(Config::default()), &[], 50).is_empty());
}

#[test]
fn expendable_pods_cause_nothing() {
    let mut world = World::new();
    let group = world.group(0, 9, r(1000, 1000, 0, 110));
    let shape = world.shape(Shape { priority: -11, ..Shape::plain(Resources::of_pod(900, 1, 0)) });
    world.node(group, vec![Bound::new(shape, 1)]);
    world.pend(shape, 3, at(0));
    let mut ca = autoscaler(Config::default());
    assert_eq!(world.run(&mut ca, &[], 700), [(610, Delete(0))]);
}

#[test]
fn at_most_thirty_loaded_nodes_and_a_tenth_of_all_are_tried() {
    let mut world = World::new();
    let (group, big) = (world.group(0, 900, r(1000, 1000, 0, 110)), world.group(1, 1, r(900_000, 9000, 0, 9000)));
    let large = world.shape(Shape::plain(Resources::of_pod(600_000, 1, 0)));
    let shape = world.shape(Shape::plain(Resources::of_pod(100, 1, 0)));
    let stuck = world.shape(Shape { local_storage: true, ..Shape::plain(Resources::of_pod(100, 1, 0)) });
    world.node(big, vec![Bound::new(large, 1)]);
    world.fill(100, group, &[Bound::new(stuck, 1)]);
    world.fill(100, group, &[Bound::new(shape, 1)]);
    let timing = timing::Config { parallelism: 100, ..timing::Config::default() };
    let mut ca = autoscaler(Config { timing, ..Config::default() });
    let count = |ca: &ClusterAutoscaler| (0..201).filter(|n| ca.unneeded_since(NodeId(*n)).is_some()).count();
    // Fifty are tried, all stuck; fifty more; then those that can go, thirty in all.
    let mut seen = Vec::new();
    for now in [0, 10, 20, 30] {
        assert!(ca.scan(&world.view(), at(now)).is_empty());
        seen.push(count(&ca));
    }
    assert_eq!(seen, [0, 0, 30, 30]);
    assert_eq!(ca.why_not().iter().filter(|(_, w)| *w == WhyNot::NotExamined).count(), 70);
}
