//! Fast against slow on random clusters, and how much work a pass is.

use proptest::prelude::*;

use super::super::consolidate;
use super::super::solve::{Question, Solver};
use super::super::{candidate, synthetic};
use super::*;

/// What a node can do, found the slow way: every pod against every node in turn, every type against every sum.
#[derive(Debug, PartialEq)]
enum Slow {
    Delete,
    Replace(Vec<TypeIx>),
    Stay,
}

fn slow(w: &World, node: usize) -> Slow {
    let mut free: Vec<Resources> = w.nodes.iter().map(|n| n.allocatable).collect();
    for p in &w.pods {
        let n = p.node.unwrap().at();
        free[n] = free[n].minus(&w.shapes[p.shape.at()].requests);
    }
    let mut moving: Vec<usize> = (0..w.pods.len()).filter(|i| w.pods[*i].node.unwrap().at() == node).collect();
    let of = |i: &usize| w.shapes[w.pods[*i].shape.at()].requests;
    // In which of the two zones it may be.
    let zone = |i: &usize, z: u32| w.shapes[w.pods[*i].shape.at()].requirements.allows(Key::ZONE, Value(z));
    moving.sort_by(|a, b| (of(b).cpu_milli, of(b).memory).cmp(&(of(a).cpu_milli, of(a).memory)).then(a.cmp(b)));
    let mut rest = Vec::new();
    for i in &moving {
        match (0..free.len()).find(|n| *n != node && of(i).fits(&free[*n]) && zone(i, w.nodes[*n].zone.unwrap().0)) {
            Some(n) => free[n] = free[n].minus(&of(i)),
            None => rest.push(*i),
        }
    }
    if rest.is_empty() {
        return Slow::Delete;
    }
    // Greedily onto planned nodes: more than one is as bad as none.
    let sum = rest.iter().fold(Resources::default(), |s, i| s.plus(&of(i)));
    let price = w.nodes[node].price(&w.types);
    // Pods of different zones do not go together.
    let allowed = |o: &&Offering| rest.iter().all(|i| zone(i, o.zone.0));
    let worst = |t: &InstanceType| {
        let of =
            |kind| t.offerings.iter().filter(allowed).filter(move |o| o.capacity_type == kind).map(|o| o.price).max();
        of(SPOT).or_else(|| of(OD))
    };
    let mut types: Vec<TypeIx> = (0..w.types.len() as u32)
        .map(TypeIx)
        .filter(|t| sum.fits(&w.types[t.at()].allocatable) && worst(&w.types[t.at()]).is_some_and(|p| p < price))
        .collect();
    types.sort_by_key(|t| (w.types[t.at()].offerings.iter().filter(allowed).map(|o| o.price).min(), *t));
    if types.is_empty() { Slow::Stay } else { Slow::Replace(types) }
}

/// Random clusters: types by (cores, prices), nodes by type and zone, pods by node and size.
fn worlds() -> impl Strategy<Value = World> {
    let kinds = proptest::collection::vec((1_u64..16, 1_u32..40, 0_u32..20), 1..6);
    let nodes = proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..2), 1..10);
    let pods = proptest::collection::vec((any::<prop::sample::Index>(), 1_u64..30, 1_u64..8, 0_u32..6), 0..40);
    (kinds, nodes, pods).prop_map(|(kinds, nodes, pods)| {
        let mut w = World::default();
        for (cores, od, spot) in kinds {
            let mut offers = vec![(OD, f64::from(od) / 10.0), (OD, f64::from(od) / 8.0)];
            if spot > 0 {
                offers.push((SPOT, f64::from(spot) / 10.0));
                offers.push((SPOT, f64::from(spot) / 20.0));
            }
            w.kind(1000 * cores, 4 * cores, &offers);
        }
        w.pool();
        for (n, zone) in nodes {
            let kind = TypeIx(n.index(w.types.len()) as u32);
            w.node(kind, zone);
        }
        let mut free: Vec<Resources> = w.nodes.iter().map(|n| n.allocatable).collect();
        for (n, cpu, gib, bound) in pods {
            let n = n.index(w.nodes.len());
            let need = Resources::pod(cpu * 250, gib * GIB, 0);
            if need.fits(&free[n]) {
                free[n] = free[n].minus(&need);
                // One in three must stay in its zone.
                let zone = Set::of(w.nodes[n].zone);
                let requirements = Requirements::new();
                let requirements = if bound < 2 { requirements.with(Key::ZONE, zone) } else { requirements };
                w.pod_of(Some(NodeIx(n as u32)), Shape { requests: need, requirements, ..Shape::default() });
            }
        }
        w
    })
}

proptest! {
    /// One node at a time: the tree, the marks and the bound that ends hopeless searches change nothing.
    #[test]
    fn the_fast_search_finds_what_the_slow_one_finds(w in worlds()) {
        let config = Config::default();
        let mut solver = Solver::new(&config, w.view(), at(1e5));
        let candidates = candidate::all(&config, &w.view(), &solver.index, false, at(1e5));
        prop_assert_eq!(candidates.len(), w.nodes.len());
        for c in candidates {
            let found = match consolidate::compute(&mut solver, &[c]) {
                Ok(m) => m.replacement.map_or(Slow::Delete, |p| Slow::Replace(p.types)),
                Err(_) => Slow::Stay,
            };
            prop_assert_eq!(found, slow(&w, c.node.at()));
        }
    }

    /// A simulation leaves no trace: asked again after others, it answers the same, and so does a new one.
    #[test]
    fn simulations_do_not_disturb_each_other(w in worlds(), order in proptest::collection::vec(any::<prop::sample::Index>(), 1..8)) {
        let config = Config::default();
        let mut solver = Solver::new(&config, w.view(), at(1e5));
        for i in order {
            let removed = [NodeIx(i.index(w.nodes.len()) as u32)];
            let q = Question { removed: &removed, consolidation: true, cheaper_than: None };
            let again = solver.solve(q);
            let fresh = Solver::new(&config, w.view(), at(1e5)).solve(q);
            prop_assert_eq!(again, fresh);
        }
    }

    /// Nothing is put where it does not fit, and no pod is lost.
    #[test]
    fn every_pod_has_one_place(w in worlds(), n in any::<prop::sample::Index>()) {
        let mut w = w;
        let gone = NodeIx(n.index(w.nodes.len()) as u32);
        for p in &mut w.pods {
            if p.node == Some(gone) {
                p.node = None;
            }
        }
        let pending = w.pods.iter().filter(|p| p.node.is_none()).count();
        let found = w.karpenter(Config::default()).provision(&w.view(), at(1e5));
        let planned: usize = found.planned.iter().map(|p| p.pods.len()).sum();
        prop_assert_eq!(planned + found.nominated.len() + found.failed.len(), pending);
        for (pod, node) in found.nominated {
            w.pods[pod.at()].node = Some(node);
        }
        let mut used = vec![Resources::default(); w.nodes.len()];
        for p in &w.pods {
            if let Some(n) = p.node {
                used[n.at()] = used[n.at()].plus(&w.shapes[p.shape.at()].requests);
            }
        }
        for (u, n) in used.iter().zip(&w.nodes) {
            prop_assert!(u.fits(&n.allocatable));
        }
        for p in &found.planned {
            prop_assert!(!p.types.is_empty());
            prop_assert!(p.types.iter().all(|t| p.requests.fits(&w.types[t.at()].allocatable)));
        }
    }

    /// A budget that holds is never exceeded.
    #[test]
    fn no_command_takes_more_nodes_than_its_budget(w in worlds(), budget in 0_u32..4) {
        let mut w = w;
        w.pools[0].budgets = vec![Budget::of(&budget.to_string())];
        let taken = w.pass(Config::default()).map_or(0, |c| c.nodes.len());
        prop_assert!(taken <= budget as usize);
    }
}

/// A pass over `n` candidates that finds nothing makes at most `n` simulations for single nodes and ⌈log₂ 101⌉ for the
/// search among up to 101.
#[test]
fn a_fruitless_pass_simulates_each_candidate_once() {
    for fill in [synthetic::Fill::Full, synthetic::Fill::Stuck, synthetic::Fill::Spot] {
        for n in [10, 100, 300] {
            let cluster = synthetic::cluster(n, fill);
            let view = cluster.view();
            let mut k = Karpenter::new(Config::default(), view.pools).unwrap();
            assert!(matches!(k.begin(&view, at(1e5)), Verdict::Idle { .. }), "{fill:?}");
            assert!(k.work().simulations <= u64::from(n) + 7, "{fill:?}: {:?}", k.work());
            // Where what fits nowhere is too much for a cheaper node, counting says so without a simulation.
            let least = if fill == synthetic::Fill::Spot { u64::from(n) } else { 0 };
            assert!(k.work().simulations >= least, "{fill:?}");
            let before = k.work().simulations;
            assert!(matches!(k.begin(&view, at(1e5 + 10.0)), Verdict::Idle { .. }));
            assert_eq!(k.work().simulations, before, "nothing has changed");
        }
    }
    let slack = synthetic::cluster(50, synthetic::Fill::Slack);
    let mut k = Karpenter::new(Config::default(), slack.view().pools).unwrap();
    let Verdict::Validate { command, .. } = k.begin(&slack.view(), at(1e5)) else { panic!("there is room") };
    assert_eq!(command.method, Method::MultiNode);
    assert!(k.work().simulations <= 7);
}
