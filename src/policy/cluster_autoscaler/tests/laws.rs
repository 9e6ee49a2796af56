//! What must hold on any cluster, and the fast way against the slow one.

use super::scan::World;
use super::synthetic::{Fill, cluster};
use super::*;

/// A cluster of three groups with random nodes and pods.
#[derive(Clone, Debug)]
struct Made {
    nodes: Vec<(u32, Vec<(u32, u32)>)>,
    pending: Vec<(u32, u32)>,
    budget: u32,
}

fn made() -> impl Strategy<Value = Made> {
    let pods = proptest::collection::vec((0_u32..8, 1_u32..4), 0..3);
    let nodes = proptest::collection::vec((0_u32..3, pods), 0..12);
    let pending = proptest::collection::vec((0_u32..8, 1_u32..9), 0..3);
    (nodes, pending, 0_u32..3).prop_map(|(nodes, pending, budget)| Made { nodes, pending, budget })
}

fn world(made: &Made) -> World {
    let mut w = World::new();
    w.group(0, 9, r(1000, 1000, 0, 6));
    w.group(2, 6, r(2000, 1000, 0, 9));
    w.group(1, 5, r(1000, 3000, 4000, 9));
    w.pdbs.push(Pdb { allowed: made.budget, never: false });
    let plain = |cpu, memory, gpu| Shape::plain(Resources::of_pod(cpu, memory, gpu));
    let spread = |by, max_skew| Shape { spread: Some(Spread { max_skew, min_domains: 1, by }), ..plain(80, 60, 0) };
    w.shapes = vec![
        plain(100, 150, 0),
        plain(350, 100, 0),
        plain(50, 100, 1000),
        Shape { pdbs: vec![0], ..plain(120, 90, 0) },
        Shape { kind: Kind::Daemon, ..plain(60, 40, 0) },
        Shape { classes: Classes::Only([0, 1].into()), host_ports: vec![80], ..plain(90, 90, 0) },
        spread(Topology::Host, 2),
        spread(Topology::Zone, 1),
    ];
    for (group, pods) in &made.nodes {
        // No node holds more than it has.
        let mut free = w.groups[*group as usize].template.allocatable;
        let mut held = Vec::new();
        for (shape, count) in pods {
            let shape_ = &w.shapes[*shape as usize];
            let count = if shape_.host_ports.is_empty() { *count } else { 1 };
            let again = held.iter().any(|b: &Bound| b.shape.0 == *shape);
            if !again && shape_.classes.contains(*group) && shape_.request.times(count).fits(free) {
                free = free.minus(shape_.request.times(count));
                held.push(Bound::new(ShapeIx(*shape), count));
            }
        }
        w.node(GroupIx(*group), held);
    }
    for (shape, count) in &made.pending {
        w.pend(ShapeIx(*shape), *count, at(0));
    }
    w
}

/// Checks a decision against the view on which it was taken.
fn check(w: &World, d: &Decision) {
    for grow in &d.grow {
        let g = &w.groups[grow.group.at()];
        assert!(grow.by > 0 && g.target + grow.by <= g.max, "above the maximum");
    }
    let gone: Vec<NodeId> = d.delete.iter().copied().chain(d.drain.iter().map(|d| d.node)).collect();
    assert!(gone.is_empty() || d.grow.is_empty(), "up and down in one scan");
    let node = |id: NodeId| w.nodes.iter().find(|n| n.id == id).unwrap();
    for (ix, g) in w.groups.iter().enumerate() {
        let mine = |n: &&Node| n.group == Some(GroupIx(ix as u32));
        let deleting = w.nodes.iter().filter(mine).filter(|n| n.deleting != Deleting::No).count();
        let going = gone.iter().map(|id| node(*id)).filter(mine).count();
        assert!(going == 0 || g.target as usize >= g.min as usize + deleting + going, "below the minimum");
    }
    let movable = |n: &Node| -> Vec<(ShapeIx, u32)> {
        let moves = |b: &&Bound| w.shapes[b.shape.at()].kind != Kind::Daemon;
        n.pods.iter().filter(moves).map(|b| (b.shape, b.count)).collect()
    };
    assert!(d.delete.iter().all(|id| movable(node(*id)).is_empty()), "a node with pods goes as an empty one");
    let mut taken: BTreeMap<NodeId, Resources> = BTreeMap::new();
    for drain in &d.drain {
        for (shape, count) in movable(node(drain.node)) {
            // Pods that wait and would land on the node have to move, too.
            let moved: u32 = drain.moves.iter().filter(|m| m.shape == shape).map(|m| m.count).sum();
            assert!(moved >= count, "a pod without a place");
        }
        for m in &drain.moves {
            let (to, shape) = (node(m.to), &w.shapes[m.shape.at()]);
            assert!(!gone.contains(&m.to) && to.open() && shape.classes.contains(to.kin.class), "a bad place");
            let sum = taken.entry(m.to).or_default();
            *sum = sum.plus(shape.request.times(m.count));
        }
    }
    for (id, taken) in taken {
        let n = node(id);
        let held =
            n.pods.iter().fold(Resources::default(), |s, b| s.plus(w.shapes[b.shape.at()].request.times(b.count)));
        assert!(taken.fits(n.allocatable.minus(held)), "a place too small");
    }
}

/// Which nodes a first pass finds removable, and their moves, found the slow way: pod by pod, node by node.
fn slow(w: &World) -> Vec<(NodeId, Vec<Move>)> {
    let config = Config::default();
    let mut free: Vec<Resources> = w.nodes.iter().map(|n| n.allocatable).collect();
    let mut ports: Vec<Vec<u16>> = vec![Vec::new(); w.nodes.len()];
    for (i, n) in w.nodes.iter().enumerate() {
        for b in &n.pods {
            free[i] = free[i].minus(w.shapes[b.shape.at()].request.times(b.count));
            ports[i].extend(&w.shapes[b.shape.at()].host_ports);
        }
    }
    // Pods of shapes with a spread by (shape, domain).
    let domain = |s: ShapeIx, n: usize| match w.shapes[s.at()].spread.map(|s| s.by) {
        Some(Topology::Zone) => w.nodes[n].kin.zone as usize,
        _ => n,
    };
    let mut counts: BTreeMap<(ShapeIx, usize), i64> = BTreeMap::new();
    for (n, node) in w.nodes.iter().enumerate() {
        for s in (0..8).map(ShapeIx) {
            let here = node.pods.iter().filter(|b| b.shape == s).map(|b| i64::from(b.count)).sum::<i64>();
            *counts.entry((s, domain(s, n))).or_insert(0) += here;
        }
    }
    let mut left: Vec<i64> = w.pdbs.iter().map(|p| i64::from(p.allowed)).collect();
    let (mut gone, mut received) = (vec![false; w.nodes.len()], vec![false; w.nodes.len()]);
    let daemon = |b: &Bound| w.shapes[b.shape.at()].kind == Kind::Daemon;
    let candidate = |i: &usize| {
        let n = &w.nodes[*i];
        let g = &w.groups[n.group.unwrap().at()];
        let share = utilisation(n, n.pods.iter().copied(), &w.shapes, &config.utilisation);
        g.target > g.min && low(n, share, &config.utilisation)
    };
    let mut order: Vec<usize> = (0..w.nodes.len()).filter(candidate).collect();
    order.sort_by_key(|i| !w.nodes[*i].pods.iter().all(daemon));
    let mut found = Vec::new();
    for i in order {
        let pods: Vec<ShapeIx> = w.nodes[i]
            .pods
            .iter()
            .filter(|b| !daemon(b))
            .flat_map(|b| std::iter::repeat_n(b.shape, b.count as usize))
            .collect();
        let blocked = pods.iter().any(|s| drain(&w.shapes[s.at()], &left, &config.utilisation).is_err());
        if received[i] || blocked {
            continue;
        }
        let kept = (free.clone(), ports.clone(), counts.clone());
        for s in &pods {
            *counts.get_mut(&(*s, domain(*s, i))).unwrap() -= 1;
        }
        let mut moves: Vec<Move> = Vec::new();
        let all = pods.iter().all(|s| {
            let shape = &w.shapes[s.at()];
            let of = |d| counts[&(*s, d)];
            let least = counts.iter().filter(|((of, _), _)| of == s).map(|(_, c)| *c).min().unwrap();
            let takes = |n: &usize| {
                *n != i
                    && !gone[*n]
                    && shape.request.fits(free[*n])
                    && shape.classes.contains(w.nodes[*n].kin.class)
                    && !shape.host_ports.iter().any(|p| ports[*n].contains(p))
                    && shape.spread.is_none_or(|rule| of(domain(*s, *n)) + 1 - least <= rule.max_skew)
            };
            let Some(to) = (0..w.nodes.len()).find(takes) else { return false };
            free[to] = free[to].minus(shape.request);
            ports[to].extend(&shape.host_ports);
            *counts.get_mut(&(*s, domain(*s, to))).unwrap() += 1;
            let to = w.nodes[to].id;
            match moves.iter_mut().find(|m| m.shape == *s && m.to == to) {
                Some(m) => m.count += 1,
                None => moves.push(Move { shape: *s, count: 1, to }),
            }
            true
        });
        if !all {
            (free, ports, counts) = kept;
            continue;
        }
        gone[i] = true;
        for m in &moves {
            received[w.nodes.iter().position(|n| n.id == m.to).unwrap()] = true;
            for b in &w.shapes[m.shape.at()].pdbs {
                left[*b as usize] -= i64::from(m.count);
            }
        }
        found.push((w.nodes[i].id, moves));
    }
    found
}

proptest! {
    #[test]
    fn nothing_goes_beyond_what_is_allowed(made in made(), changes in proptest::collection::vec((0_u64..90, made_change()), 0..6)) {
        let mut w = world(&made);
        let mut ca = ClusterAutoscaler::new(Config::default()).unwrap();
        // The same controller, told each time that something changed: what is left out would have found nothing.
        let (mut twin, mut twin_revision) = (ca.clone(), 0);
        for scan in 0..90 {
            for (_, change) in changes.iter().filter(|c| c.0 == scan) {
                apply(&mut w, change, scan * 10);
            }
            let now = at(scan * 10);
            let next = ca.next_due(now);
            let decision = ca.scan(&w.view(), now);
            twin_revision += 1;
            let same = twin.scan(&View { revision: twin_revision, ..w.view() }, now);
            prop_assert_eq!((&decision.grow, &decision.delete, &decision.drain), (&same.grow, &same.delete, &same.drain));
            prop_assert_eq!(ca.why_not(), twin.why_not());
            prop_assert!(decision.ended != Ended::Skipped || next > now);
            check(&w, &decision);
            w.finish(scan * 10);
            w.apply(&decision, scan * 10, &mut ca);
        }
        prop_assert_eq!(twin.work().skipped, 0);
        prop_assert_eq!(ca.work().scans + ca.work().skipped, 90);
    }

    #[test]
    fn a_pass_finds_what_the_slow_way_finds(made in made()) {
        let w = world(&Made { pending: Vec::new(), ..made });
        // Everything that is unneeded goes at once, so that its moves are seen.
        let timing = timing::Config {
            unneeded: Duration::ZERO,
            strict: false,
            parallelism: 100,
            drain_parallelism: 100,
            ..timing::Config::default()
        };
        let mut ca = ClusterAutoscaler::new(Config { timing, ..Config::default() }).unwrap();
        let decision = ca.scan(&w.view(), at(1000));
        let mut want = slow(&w);
        want.sort_by_key(|(id, moves)| (!moves.is_empty(), *id));
        let unneeded: Vec<NodeId> = w.nodes.iter().map(|n| n.id).filter(|n| ca.unneeded_since(*n).is_some()).collect();
        let mut ids: Vec<NodeId> = want.iter().map(|w| w.0).collect();
        ids.sort_unstable();
        prop_assert_eq!(unneeded, ids);
        for drain in &decision.drain {
            prop_assert_eq!(&want.iter().find(|w| w.0 == drain.node).unwrap().1, &drain.moves);
        }
    }
}

/// A change of a cluster, with a number that says of what.
fn made_change() -> impl Strategy<Value = (u32, usize)> {
    (0_u32..4, 0_usize..12)
}

fn apply(w: &mut World, (what, which): &(u32, usize), seconds: u64) {
    w.revision += 1;
    let n = w.nodes.len();
    match what {
        0 => w.pend(ShapeIx((*which % 8) as u32), 2, at(seconds)),
        1 => w.pending.clear(),
        2 if n > 0 => w.nodes[which % n].pods.clear(),
        3 if n > 0 => w.nodes[which % n].cordoned ^= true,
        _ => {}
    }
}

#[test]
fn a_scan_looks_at_each_node_once_for_each_shape() {
    for fill in [Fill::Busy, Fill::Some, Fill::Stuck] {
        for nodes in [100, 400, 1200] {
            let mut cluster = cluster(nodes, fill);
            let mut ca = ClusterAutoscaler::new(Config::default()).unwrap();
            let mut most = 0;
            for scan in 0..40 {
                cluster.touch();
                let before = ca.work().looks;
                assert!(ca.scan(&cluster.view(), at(scan * 10)).is_empty());
                most = most.max(ca.work().looks - before);
            }
            // Eight shapes, and a few looks for each of the nodes that are tried.
            assert!(most <= 10 * u64::from(nodes), "{most} looks at {nodes} nodes, {fill:?}");
            // Nothing changed and no timer over: nothing is looked at.
            let settled = (400..).step_by(10).map(at).find(|now| {
                ca.scan(&cluster.view(), *now);
                ca.next_due(*now) > *now
            });
            let (now, before) = (settled.unwrap(), ca.work());
            assert!(ca.scan(&cluster.view(), now).is_empty());
            assert_eq!((ca.work().looks, ca.work().scans), (before.looks, before.scans), "{fill:?}, {nodes}");
        }
    }
}
