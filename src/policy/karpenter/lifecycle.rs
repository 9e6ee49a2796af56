//! What happens to nodes whatever they are used for: they expire, drift, or never come up.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/controllers/nodeclaim/{expiration,disruption,lifecycle}`.

use super::config::{Compat, LAUNCH_TIMEOUT, REGISTRATION_TIMEOUT, TYPE_NOT_FOUND_AFTER};
use super::view::{Node, NodeIx, View};
use crate::units::{Duration, SimTime};

/// Nodes that are as old as their pool's `expireAfter`: they are deleted at once, whatever budgets say. In v1beta1
/// there are none: nodes expire like drifted ones there.
#[must_use]
pub fn expired(view: &View<'_>, compat: Compat, now: SimTime) -> Vec<NodeIx> {
    if compat == Compat::V1Beta1 {
        return Vec::new();
    }
    (0..view.nodes.len() as u32)
        .map(NodeIx)
        .filter(|n| !view.nodes[n.at()].deleting && has_expired(view, &view.nodes[n.at()], now))
        .collect()
}

/// Whether a node is as old as its pool's `expireAfter`.
pub(super) fn has_expired(view: &View<'_>, node: &Node, now: SimTime) -> bool {
    let after = node.pool.and_then(|p| view.pools.get(p.at())).and_then(|p| p.expire_after);
    after.is_some_and(|after| now.since(node.created) >= after)
}

/// Why a node has drifted from what its pool would make today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftReason {
    /// `NodePoolDrifted`: the pool's template is another.
    Template,
    /// `RequirementsDrifted`: its labels do not satisfy the pool's requirements.
    Requirements,
    /// `InstanceTypeNotFound`: its type or offering is not there any more; only for nodes older than an hour.
    InstanceType,
}

/// Whether a node has drifted; looked for every 5 minutes.
#[must_use]
pub fn drift(view: &View<'_>, node: &Node, now: SimTime) -> Option<DriftReason> {
    let pool = view.pools.get(node.pool?.at())?;
    if node.template != pool.template {
        return Some(DriftReason::Template);
    }
    // As the node has labels for what it is, even a well-known key that it lacks is drift.
    if !node.labels.serves(&pool.requirements, false) {
        return Some(DriftReason::Requirements);
    }
    let offered = || {
        let t = node.instance.filter(|t| pool.types.contains(t))?;
        let offerings = &view.types.get(t.at())?.offerings;
        offerings.iter().find(|o| Some(o.zone) == node.zone && Some(o.capacity_type) == node.capacity_type)
    };
    let old = now.since(node.created) >= TYPE_NOT_FOUND_AFTER;
    (old && offered().is_none()).then_some(DriftReason::InstanceType)
}

/// Whether a NodeClaim made at `created` has not come up in time and is deleted: 5 minutes to be launched, 15 to be
/// registered.
#[must_use]
pub fn overdue(created: SimTime, launched: bool, registered: bool, now: SimTime) -> bool {
    let age = now.since(created);
    (!launched && age >= LAUNCH_TIMEOUT) || (!registered && age >= REGISTRATION_TIMEOUT)
}

/// For how long a command is tried again before it is given up: 80 ms for each command that waits, from 10 minutes to
/// an hour (`pkg/controllers/disruption/queue.go`).
#[must_use]
pub fn retries_for(queued: u64) -> Duration {
    Duration(queued.saturating_mul(80_000_000)).clamp(Duration::from_secs(600), Duration::from_hours(1))
}
