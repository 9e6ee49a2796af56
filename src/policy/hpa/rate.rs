//! How far one step may go (upstream's `convertDesiredReplicasWithRules`, `convertDesiredReplicasWithBehaviorRate`,
//! `storeScaleEvent`).

use super::config::{Behavior, Policy, PolicyKind, Rules, Select};
use crate::units::{Duration, SimTime};

/// A step that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// By how many replicas, never negative.
    pub by: i32,
    /// When.
    pub at: SimTime,
}

/// The steps that were taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past<'a> {
    /// Up.
    pub ups: &'a [Event],
    /// Down.
    pub downs: &'a [Event],
}

/// What limited a step; the reason of the condition `ScalingLimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitReason {
    /// Nothing.
    DesiredWithinRange,
    /// A policy, or the legacy limit, on the way up.
    ScaleUpLimit,
    /// A policy on the way down.
    ScaleDownLimit,
    /// The maximum.
    TooManyReplicas,
    /// The minimum.
    TooFewReplicas,
}

impl LimitReason {
    /// The reason as Kubernetes writes it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            LimitReason::DesiredWithinRange => "DesiredWithinRange",
            LimitReason::ScaleUpLimit => "ScaleUpLimit",
            LimitReason::ScaleDownLimit => "ScaleDownLimit",
            LimitReason::TooManyReplicas => "TooManyReplicas",
            LimitReason::TooFewReplicas => "TooFewReplicas",
        }
    }
}

/// The legacy limits, without a behaviour: up to max(2 × current, 4).
#[must_use]
pub fn plain(current: i32, wanted: i32, min: i32, max: i32) -> (i32, LimitReason) {
    let limit = current.saturating_mul(2).max(4);
    let (most, why) =
        if max > limit { (limit, LimitReason::ScaleUpLimit) } else { (max, LimitReason::TooManyReplicas) };
    if wanted < min {
        (min, LimitReason::TooFewReplicas)
    } else if wanted > most {
        (most, why)
    } else {
        (wanted, LimitReason::DesiredWithinRange)
    }
}

/// The limits of a behaviour.
#[must_use]
pub fn limited(
    behavior: &Behavior,
    past: Past<'_>,
    current: i32,
    wanted: i32,
    min: i32,
    max: i32,
    now: SimTime,
) -> (i32, LimitReason) {
    if wanted > current {
        let limit = up_limit(&behavior.up, past, current, now).max(current);
        let (most, why) =
            if max > limit { (limit, LimitReason::ScaleUpLimit) } else { (max, LimitReason::TooManyReplicas) };
        if wanted > most {
            return (most, why);
        }
    } else if wanted < current {
        let limit = down_limit(&behavior.down, past, current, now).min(current);
        let (least, why) =
            if min < limit { (limit, LimitReason::ScaleDownLimit) } else { (min, LimitReason::TooFewReplicas) };
        if wanted < least {
            return (least, why);
        }
    }
    (wanted, LimitReason::DesiredWithinRange)
}

/// The most replicas that the policies for scaling up allow. May be below `current` when events used up the period.
#[must_use]
pub fn up_limit(rules: &Rules, past: Past<'_>, current: i32, now: SimTime) -> i32 {
    let each = rules.policies.iter().map(|p| {
        let start = at_start(p, past, current, now);
        match p.kind {
            PolicyKind::Pods => start.saturating_add(p.value),
            // Rounded up, or a small number could never grow.
            PolicyKind::Percent => (f64::from(start) * (1.0 + f64::from(p.value) / 100.0)).ceil() as i32,
        }
    });
    match rules.select {
        Select::Disabled => Some(current),
        Select::Max => each.max(),
        Select::Min => each.min(),
    }
    .unwrap_or(current)
}

/// The fewest replicas that the policies for scaling down allow. May be above `current`, and below zero.
#[must_use]
pub fn down_limit(rules: &Rules, past: Past<'_>, current: i32, now: SimTime) -> i32 {
    let each = rules.policies.iter().map(|p| {
        let start = at_start(p, past, current, now);
        match p.kind {
            PolicyKind::Pods => start.saturating_sub(p.value),
            // `as` cuts towards zero, which is the rule.
            PolicyKind::Percent => (f64::from(start) * (1.0 - f64::from(p.value) / 100.0)) as i32,
        }
    });
    // The largest change leaves the fewest.
    match rules.select {
        Select::Disabled => Some(current),
        Select::Max => each.min(),
        Select::Min => each.max(),
    }
    .unwrap_or(current)
}

/// The replicas at the beginning of a policy's period, as far as the remembered steps tell.
fn at_start(p: &Policy, past: Past<'_>, current: i32, now: SimTime) -> i32 {
    current.saturating_sub(within(past.ups, p.period, now)).saturating_add(within(past.downs, p.period, now))
}

/// The sum of steps strictly newer than the beginning of the period.
fn within(events: &[Event], period: Duration, now: SimTime) -> i32 {
    events.iter().filter(|e| now.since(e.at) < period).fold(0i32, |sum, e| sum.saturating_add(e.by))
}

/// Remembers a step. It takes the slot of the last one that is older than the longest period of its direction, or a
/// new one.
pub fn remember(events: &mut Vec<Event>, new: Event, rules: &Rules) {
    let longest = rules.policies.iter().map(|p| p.period).max().unwrap_or(Duration::ZERO);
    match events.iter().rposition(|e| new.at.since(e.at) > longest) {
        Some(i) => events[i] = new,
        None => events.push(new),
    }
}
