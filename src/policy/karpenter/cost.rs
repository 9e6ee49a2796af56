//! What a disruption costs: in exact integers, so that no order depends on a rounding.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/utils/disruption/disruption.go` and `pkg/controllers/disruption/types.go`.
//! Upstream's doubles are multiples of 2⁻²⁷ here; their values are the same.

use super::config::After;
use super::view::Pod;
use crate::units::{Duration, SimTime};

/// A cost, in units of 2⁻²⁷; a default pod costs [`Cost::ONE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(pub i64);

impl Cost {
    /// What a node or a default pod costs.
    pub const ONE: Cost = Cost(1 << 27);
    const LIMIT: i64 = 10 << 27;

    /// As a number; exact.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Cost::ONE.0 as f64
    }
}

/// What evicting a pod costs: 1 + deletion cost / 2²⁷ + priority / 2²⁵, within −10 and 10.
#[must_use]
pub fn eviction(deletion_cost: i32, priority: i32) -> Cost {
    let cost = Cost::ONE.0 + i64::from(deletion_cost) + 4 * i64::from(priority);
    Cost(cost.clamp(-Cost::LIMIT, Cost::LIMIT))
}

/// What moving a node's pods costs (`RescheduleDisruptionCost`): 1 for the node, and what its reschedulable pods cost,
/// where that is more than nothing.
#[must_use]
pub fn reschedule<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> Cost {
    let movable = pods.into_iter().filter(|p| p.reschedulable());
    Cost(Cost::ONE.0 + movable.map(|p| eviction(p.deletion_cost, p.priority).0.max(0)).sum::<i64>())
}

/// How much of a node's life is left, as a fraction (numerator, denominator) from 0 to 1; 1 if it never expires.
#[must_use]
pub fn lifetime_remaining(expire_after: After, age: Duration) -> (u64, u64) {
    match expire_after {
        None | Some(Duration::ZERO) => (1, 1),
        Some(total) => (total.0.saturating_sub(age.0), total.0),
    }
}

/// Up to v1.13 the order of candidates: what evicting all its pods costs, times what is left of its life. In units of
/// 2⁻⁴³, cut off.
#[must_use]
pub fn weighted<'a>(
    pods: impl IntoIterator<Item = &'a Pod>,
    expire_after: After,
    created: SimTime,
    now: SimTime,
) -> i128 {
    let all: i128 = pods.into_iter().map(|p| i128::from(eviction(p.deletion_cost, p.priority).0)).sum();
    let (left, total) = lifetime_remaining(expire_after, now.since(created));
    ((all * i128::from(left)) << 16) / i128::from(total)
}
