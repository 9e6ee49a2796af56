//! Rate limits: token buckets in whole numbers.

use super::config::{Limit, Limited};
use crate::units::SimTime;

/// One token in the unit of a level: a micro-token a second for a nanosecond is 10⁻¹⁵ of it.
const TOKEN: u128 = 1_000_000_000_000_000;

/// A bucket: full at first, filled at its rate, never beyond its burst.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// Micro-tokens a second.
    rate: u64,
    burst: u128,
    level: u128,
    at: SimTime,
}

impl Bucket {
    pub fn new(limit: &Limit) -> Bucket {
        let burst = (limit.burst.max(0.0) * 1e6).round() as u128 * (TOKEN / 1_000_000);
        Bucket { rate: (limit.per_second.max(0.0) * 1e6).round() as u64, burst, level: burst, at: SimTime::ZERO }
    }

    /// What is in it at `now`.
    fn fill(&mut self, now: SimTime) {
        self.level = (self.level + u128::from(self.rate) * u128::from(now.since(self.at).0)).min(self.burst);
        self.at = now;
    }
}

/// The limits that each request must pass.
#[derive(Clone, Debug)]
pub(super) struct Limits<'m> {
    limits: &'m [Limit],
    buckets: Vec<Bucket>,
}

impl<'m> Limits<'m> {
    pub fn new(limits: &'m [Limit]) -> Limits<'m> {
        Limits { limits, buckets: limits.iter().map(Bucket::new).collect() }
    }

    /// Whether a request with these labels and so many tokens may pass now. It takes from every limit that it is under, or
    /// from none.
    pub fn pass(&mut self, now: SimTime, labels: u16, tokens: u64) -> bool {
        if self.limits.is_empty() {
            return true;
        }
        let wanted = |of: Limited| TOKEN * u128::from(if of == Limited::Tokens { tokens } else { 1 });
        let mine = |l: &Limit| l.covers.get(labels as usize).copied().unwrap_or(false);
        for (l, b) in self.limits.iter().zip(&mut self.buckets).filter(|(l, _)| mine(l)) {
            b.fill(now);
            // A request larger than the bucket passes when that is full: it would never pass otherwise.
            if b.level < wanted(l.of).min(b.burst) {
                return false;
            }
        }
        for (l, b) in self.limits.iter().zip(&mut self.buckets).filter(|(l, _)| mine(l)) {
            b.level = b.level.saturating_sub(wanted(l.of));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn limit(of: Limited, per_second: f64, burst: f64) -> Limit {
        Limit { covers: vec![true, false], of, per_second, burst }
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let limits = [limit(Limited::Requests, 2.0, 3.0)];
        let mut l = Limits::new(&limits);
        let at = |ms: u64| SimTime(ms * 1_000_000);
        let passed: Vec<bool> = [0, 0, 0, 0, 499, 500, 999, 1_000].iter().map(|&t| l.pass(at(t), 0, 9)).collect();
        assert_eq!(passed, [true, true, true, false, false, true, false, true]);
        // Another team is not under it.
        assert!((0..10).all(|_| l.pass(at(1_000), 1, 9)));
    }

    #[test]
    fn tokens_are_counted_and_nothing_is_taken_by_a_request_that_another_limit_stops() {
        let limits = [limit(Limited::Tokens, 100.0, 1_000.0), limit(Limited::Requests, 0.0, 1.0)];
        let mut l = Limits::new(&limits);
        assert!(l.pass(SimTime(0), 0, 600));
        // The second limit is used up; the first keeps its 400 and gains 100 a second.
        assert!(!l.pass(SimTime(0), 0, 100));
        assert_eq!(l.buckets[0].level / TOKEN, 400);
        l.buckets[1].level = 5 * TOKEN;
        l.buckets[1].burst = 5 * TOKEN;
        assert!(!l.pass(SimTime(S), 0, 501));
        assert!(l.pass(SimTime(S), 0, 500));
        // Larger than the bucket: passes when it is full.
        assert!(!l.pass(SimTime(10 * S), 0, 5_000));
        assert!(l.pass(SimTime(11 * S), 0, 5_000));
    }
}
