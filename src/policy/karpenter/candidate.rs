//! Which nodes may be disrupted, and in what order.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/controllers/disruption/{types,consolidation}.go`,
//! `pkg/controllers/state/statenode.go`, `pkg/utils/pdb`.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::balanced::Totals;
use super::config::{Compat, Config, ConsolidationPolicy, NodePool};
use super::cost::{self, Cost};
use super::index::{self, Index};
use super::view::{CapacityType, NodeIx, PoolIx, TypeIx, View};
use crate::policy::pdb::{self, Refusal};
use crate::units::{Rate, SimTime};

/// A node that could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) node: NodeIx,
    pub(super) pool: PoolIx,
    pub(super) instance: Option<TypeIx>,
    pub(super) capacity_type: Option<CapacityType>,
    pub(super) price: Rate,
    /// What moving its pods costs.
    pub(super) cost: Cost,
    /// The order up to v1.13.
    pub(super) weighted: i128,
    /// Whether it is empty by the version's rule.
    pub(super) empty: bool,
    /// Whether it has no pod that would move.
    pub(super) vacant: bool,
}

/// Why a node may not be disrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// Not Karpenter's.
    Unmanaged,
    /// Not initialised.
    Uninitialized,
    /// Marked for deletion.
    Deleting,
    /// Held for a pending pod.
    Nominated,
    /// `karpenter.sh/do-not-disrupt` on the node.
    NodeAnnotation,
    /// `karpenter.sh/do-not-disrupt` on a pod.
    PodAnnotation,
    /// A pod has several disruption budgets: its eviction is refused.
    SeveralPdbs,
    /// A pod's disruption budget allows none.
    Pdb,
}

/// Whether a node may be disrupted by a graceful method; `None`: nothing is in the way.
pub(super) fn blocked(view: &View<'_>, index: &Index, node: NodeIx, now: SimTime) -> Option<Blocked> {
    let n = &view.nodes[node.at()];
    if n.pool.is_none() {
        return Some(Blocked::Unmanaged);
    }
    if !n.is_initialized() {
        return Some(Blocked::Uninitialized);
    }
    if n.deleting {
        return Some(Blocked::Deleting);
    }
    if n.nominated_until > now {
        return Some(Blocked::Nominated);
    }
    if n.do_not_disrupt {
        return Some(Blocked::NodeAnnotation);
    }
    let active = || index.pods_of(node).iter().map(|p| &view.pods[p.at()]).filter(|p| p.active);
    if active().any(|p| p.protected(now)) {
        return Some(Blocked::PodAnnotation);
    }
    active().find_map(|p| match pdb::eviction(&p.pdbs, view.pdbs) {
        Ok(()) => None,
        Err(Refusal::Budget) => Some(Blocked::Pdb),
        Err(Refusal::Several) => Some(Blocked::SeveralPdbs),
    })
}

/// All nodes that may be disrupted, by name. Pods do not block an eventual method (drift) in a pool with a
/// `terminationGracePeriod`.
pub(super) fn all(config: &Config, view: &View<'_>, index: &Index, eventual: bool, now: SimTime) -> Vec<Candidate> {
    let of = |i: usize| {
        let node = NodeIx(i as u32);
        let n = &view.nodes[i];
        let pool = n.pool?;
        let p = &view.pools[pool.at()];
        let overridden = |b| {
            let by_pod = matches!(b, Blocked::PodAnnotation | Blocked::SeveralPdbs | Blocked::Pdb);
            eventual && by_pod && p.termination_grace.is_some()
        };
        match blocked(view, index, node, now) {
            Some(b) if !overridden(b) => return None,
            _ => {}
        }
        let ixs = index.pods_of(node);
        let pods = || ixs.iter().map(|p| &view.pods[p.at()]);
        Some(Candidate {
            node,
            pool,
            instance: n.instance.filter(|t| p.types.contains(t)),
            capacity_type: n.capacity_type,
            price: n.price(view.types),
            cost: cost::reschedule(pods()),
            weighted: cost::weighted(pods(), p.expire_after, n.created, now),
            empty: index::empty(view, ixs, config.compat),
            vacant: !pods().any(super::view::Pod::reschedulable),
        })
    };
    (0..view.nodes.len()).filter_map(of).collect()
}

/// What each pool's nodes cost and would disturb, all of them.
pub(super) fn totals(view: &View<'_>, index: &Index) -> Vec<Totals> {
    let mut totals = vec![Totals::default(); view.pools.len()];
    for (i, n) in view.nodes.iter().enumerate() {
        if let Some(pool) = n.pool {
            let t = &mut totals[pool.at()];
            t.price.0 += n.price(view.types).0;
            t.disruption.0 += cost::reschedule(index.pods_of(NodeIx(i as u32)).iter().map(|p| &view.pods[p.at()])).0;
        }
    }
    totals
}

impl Candidate {
    /// Whether its `consolidateAfter` is over, in a pool that consolidates.
    fn consolidatable(&self, config: &Config, pool: &NodePool, index: &Index) -> bool {
        let enabled = pool.replicas.is_none() && pool.consolidates_after(config.compat).is_some();
        enabled && !index.too_early[self.node.at()]
    }
    /// Whether emptiness takes it.
    pub(super) fn for_emptiness(&self, config: &Config, pool: &NodePool, index: &Index) -> bool {
        self.empty && self.consolidatable(config, pool, index)
    }
    /// Whether consolidation takes it: its type, zone and capacity type must be known, and it must not be empty, as
    /// that is emptiness' business.
    pub(super) fn for_consolidation(&self, config: &Config, view: &View<'_>, index: &Index) -> bool {
        let pool = &view.pools[self.pool.at()];
        self.instance.is_some()
            && self.capacity_type.is_some()
            && view.nodes[self.node.at()].zone.is_some()
            && !self.empty
            && pool.policy != ConsolidationPolicy::WhenEmpty
            && self.consolidatable(config, pool, index)
    }
}

/// Sorts candidates. From v1.14 by price over disruption cost, largest first; before by what their evictions cost, in
/// proportion to what is left of their lives, smallest first. Ties by name.
pub(super) fn sort(candidates: &mut [Candidate], compat: Compat) {
    candidates.sort_by(|a, b| match compat {
        Compat::V1_14 => {
            // a.price / a.cost against b.price / b.cost; costs are at least 1.
            let (x, y) = (a.price.0 * i128::from(b.cost.0), b.price.0 * i128::from(a.cost.0));
            y.cmp(&x).then(a.node.cmp(&b.node))
        }
        _ => a.weighted.cmp(&b.weighted).then(a.node.cmp(&b.node)),
    });
}

/// Takes the pools' candidates in turn, each pool's in their order: first the pools that the last pass did not reach,
/// then the others, by name.
pub(super) fn interleaved(sorted: &[Candidate], unseen: &BTreeSet<PoolIx>) -> Vec<Candidate> {
    let mut pools: Vec<PoolIx> = sorted.iter().map(|c| c.pool).collect();
    pools.sort_by(|a, b| match (unseen.contains(a), unseen.contains(b)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => a.cmp(b),
    });
    pools.dedup();
    let mut place = std::collections::BTreeMap::new();
    for (i, p) in pools.iter().enumerate() {
        place.insert(*p, (i, 0_usize));
    }
    let mut keyed: Vec<((usize, usize), Candidate)> = Vec::with_capacity(sorted.len());
    for c in sorted {
        let (pool, count) = place.entry(c.pool).or_insert((0, 0));
        keyed.push(((*count, *pool), *c));
        *count += 1;
    }
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, c)| c).collect()
}
