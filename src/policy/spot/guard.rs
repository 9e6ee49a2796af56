//! The deadline guard and the line of uniform progress, in integers.
//!
//! Everything is cross-multiplied in 128 bits: a slice of `n` has its end at `i·R/n` and its goal at `i·C/n`, and both
//! are compared times `n`.

use super::{Market, View, Want};

/// The slice of `n`, from 1, that `v.t` lies in; none where there is no deadline.
pub(super) fn slice(v: &View, n: u64) -> Option<u64> {
    let deadline = v.deadline?;
    if deadline.0 == 0 {
        return Some(n);
    }
    let i = u128::from(v.t.0) * u128::from(n) / u128::from(deadline.0);
    // Below n by the minimum, so that it fits.
    Some(i.min(u128::from(n - 1)) as u64 + 1)
}

/// What the guard of slice `i` of `n` insists on; none where there is time, or no deadline.
///
/// `left = floor((R−t)/g)·g` and `need(x) = ceil((C−done+x)/g)·g`, and
/// - G1: not on spot and `need(2d) ≥ left`: on demand;
/// - G2: `need(d) ≥ left`: stay on spot where it works already, else on demand. Launches that cost nothing go to spot
///   where it can be had.
///
/// Only what would survive a loss counts as done, and spot that could lose work is left while on demand can still make
/// it. In the published model nothing can be lost, and both are the same.
///
/// Source: FrontierCS/Frontier-CS, `sky_spot/strategies/strategy.py`, with the state after a preemption.
pub(super) fn check(v: &View, spot: bool, i: u64, n: u64) -> Option<Want> {
    let deadline = v.deadline?;
    let (i, n) = (u128::from(i), u128::from(n));
    let on_spot = v.running == Some(Market::Spot);
    let lossless = v.safe == v.done;
    let goal = u128::from(v.work.0) * i;
    let rest = goal.saturating_sub(u128::from(v.safe.0) * n);
    // A slice whose goal is met needs nothing; the last one's goal is the work.
    if rest == 0 {
        return None;
    }
    let tick = u128::from(v.tick.0) * n;
    let left = (u128::from(deadline.0) * i).saturating_sub(u128::from(v.t.0) * n) / tick;
    // ceil(a/g) ≥ left, without a second division.
    let short = |x: u64| left == 0 || rest + u128::from(x) * n > (left - 1) * tick;
    if short(v.overhead.0) {
        let stay = on_spot && v.settling.0 == 0 && lossless;
        let free = v.overhead.0 == 0 && spot && lossless;
        return Some(if stay || free { Want::Spot } else { Want::OnDemand });
    }
    (!on_spot && short(v.overhead.0.saturating_mul(2))).then_some(Want::OnDemand)
}

/// Whether less is done than the line from nothing to all work at the deadline has at `t`: `done < t·C/R`.
pub(super) fn behind(v: &View) -> bool {
    v.deadline.is_some_and(|r| u128::from(v.done.0) * u128::from(r.0) < u128::from(v.t.0) * u128::from(v.work.0))
}

/// Whether more is done than the line will have two launches from now: `done > (t+2d)·C/R`. Always without a deadline.
pub(super) fn ahead_by_two(v: &View) -> bool {
    let then = u128::from(v.t.0) + 2 * u128::from(v.overhead.0);
    v.deadline.is_none_or(|r| u128::from(v.done.0) * u128::from(r.0) > then * u128::from(v.work.0))
}
