//! NodePools of the manifests as those of the scenario's Karpenter.

use std::collections::BTreeSet;

use super::places::Places;
use crate::manifest::kind::node_pool::{Api, Budget, Consolidation, NodePool};
use crate::manifest::{Body, Manifests, Object};
use crate::policy::karpenter::Reason;
use crate::policy::karpenter::budget::{Nodes, Window};
use crate::scenario::decode::{Spanned, all_defaults};
use crate::scenario::file::Scenario;
use crate::scenario::file::node_autoscaler::{
    self as shape, AfterOrNever, Compat, DisruptionReason, Karpenter, NodeAutoscaler, NodeBudget, NodeLimits,
};
use crate::units::{Bytes, Diagnostic, Diagnostics, Duration, Name};

/// Adds them; one of a name that the scenario has keeps the scenario's pools.
pub(super) fn apply(
    m: &Manifests,
    places: &Places<'_>,
    s: &mut Scenario,
    used: &mut BTreeSet<usize>,
    out: &mut Diagnostics,
) {
    let mut made: Vec<(usize, Api, shape::NodePool)> = Vec::new();
    for (i, o) in m.objects.iter().enumerate() {
        let Body::NodePool(n) = &o.body else { continue };
        let Some(name) = super::name_of(o) else { continue };
        let mut pools = places.of(o);
        if let Some(NodeAutoscaler::Karpenter(k)) = s.node_autoscaler.as_ref().map(|a| &a.value)
            && let Some(own) = k.node_pools.iter().find(|p| p.name.value == name)
        {
            pools = own.pools.value.clone();
        }
        if !pools.is_empty() {
            made.push((i, n.api, node_pool(o, n, name, pools, out)));
        }
    }
    let Some((_, _, first)) = made.first() else { return };
    let at = first.name.at;
    used.extend(made.iter().map(|(i, ..)| *i));
    let old = made.iter().filter(|(_, api, _)| *api == Api::V1Beta1).count();
    if old > 0 && old < made.len() {
        out.push(Diagnostic::warning("some NodePools are of v1beta1 and some of v1; all run by the rules of v1").at(
            at.0,
            at.1,
            "one cluster has one version",
        ));
    }
    let compat = if old == made.len() { Compat::V1Beta1 } else { Compat::V1_14 };
    let node_pools = made.into_iter().map(|(_, _, p)| p);
    match s.node_autoscaler.as_mut().map(|a| &mut a.value) {
        Some(NodeAutoscaler::Karpenter(k)) => {
            for p in node_pools {
                match k.node_pools.value.iter_mut().find(|q| q.name.value == p.name.value) {
                    Some(own) => *own = p,
                    None => k.node_pools.value.push(p),
                }
            }
        }
        Some(_) => {
            out.push(Diagnostic::warning("NodePools have no part in a scenario whose nodes are not Karpenter's").at(
                at.0,
                at.1,
                "left out of account",
            ))
        }
        None => {
            let all = Spanned { value: node_pools.collect(), at };
            let k = Karpenter { compat: Spanned { value: compat, at }, ..plain(all) };
            s.node_autoscaler = Some(Spanned { value: NodeAutoscaler::Karpenter(Box::new(k)), at });
        }
    }
}

/// Karpenter with upstream's settings.
fn plain(node_pools: Spanned<Vec<shape::NodePool>>) -> Karpenter {
    Karpenter {
        node_pools,
        compat: Spanned::unplaced(Compat::V1_14),
        batch_idle: Duration::from_secs(1),
        batch_max: Spanned::unplaced(Duration::from_secs(10)),
        spot_to_spot: false,
    }
}

fn node_pool(
    o: &Object,
    n: &NodePool,
    name: Name,
    pools: Vec<Spanned<Name>>,
    out: &mut Diagnostics,
) -> shape::NodePool {
    let at = o.name_at();
    let after = |d: Option<Duration>| d.map_or(AfterOrNever::Never, AfterOrNever::After);
    let policy_at = n.policy.map_or(at, |p| p.at);
    let consolidation = match n.policy.map(|p| p.value) {
        Some(Consolidation::WhenEmpty) => shape::Consolidation::WhenEmpty,
        Some(Consolidation::Balanced) => shape::Consolidation::Balanced,
        _ => shape::Consolidation::WhenEmptyOrUnderutilized,
    };
    let budgets = match &n.budgets {
        None => Spanned::unplaced(vec![Spanned::unplaced(all_defaults())]),
        Some(all) => Spanned { value: all.iter().map(|b| Spanned { value: budget(b), at: b.at }).collect(), at },
    };
    if let Some(r) = n.replicas {
        out.push(
            Diagnostic::warning(format!("`replicas` of {} has no counterpart", o.named()))
                .at(r.at.0, r.at.1, "it is taken for a pool that grows with its pods")
                .help("write nodes: Fixed(…) in a pool of the scenario for nodes that stay"),
        );
    }
    shape::NodePool {
        name: Spanned { value: name, at },
        pools: Spanned { value: pools, at },
        weight: n.weight.and_then(|w| u32::try_from(w.value).ok().map(|v| Spanned { value: v, at: w.at })),
        limits: limits(o, n, out),
        consolidation: Spanned { value: consolidation, at: policy_at },
        consolidate_after: n.consolidate_after.map(|a| Spanned { value: after(a.value), at: a.at }),
        budgets,
        expire_after: n.expire_after.map_or(AfterOrNever::After(Duration::from_hours(720)), |e| after(e.value)),
        termination_grace: n.termination_grace.map(|g| g.value),
    }
}

fn budget(b: &Budget) -> NodeBudget {
    let (schedule, duration) = match &b.window {
        Window::Scheduled { duration, .. } => (b.schedule.clone(), Some(*duration)),
        _ => (None, None),
    };
    let nodes = match &b.nodes {
        Nodes::Count(n) => n.to_string(),
        Nodes::Percent(p) => format!("{p}%"),
        Nodes::Invalid(t) => t.clone(),
    };
    let reason = |r: &Reason| match r {
        Reason::Underutilized => DisruptionReason::Underutilized,
        Reason::Empty => DisruptionReason::Empty,
        Reason::Drifted => DisruptionReason::Drifted,
    };
    NodeBudget { nodes, reasons: b.reasons.iter().map(reason).collect(), schedule, duration }
}

fn limits(o: &Object, n: &NodePool, out: &mut Diagnostics) -> NodeLimits {
    let mut found: NodeLimits = crate::scenario::decode::all_defaults();
    for (k, q) in &n.limits {
        let whole = || u32::try_from(q.units().max(0)).unwrap_or(u32::MAX);
        match k.value.as_str() {
            "cpu" => found.cpus = Some(Spanned { value: q.to_f64(), at: q.at }),
            "memory" => found.memory = Some(Bytes(u64::try_from(q.units()).unwrap_or(0))),
            "nvidia.com/gpu" => found.gpus = Some(whole()),
            "nodes" => found.nodes = Some(whole()),
            _ => out.push(
                Diagnostic::warning(format!("the limit on `{}` of {} has no counterpart", k.value, o.named())).at(
                    k.at.0,
                    k.at.1,
                    "left out of account",
                ),
            ),
        }
    }
    found
}
