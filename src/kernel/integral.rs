//! Exact integrals over time of whole-number levels (milli-GPUs, pods, requests), in level × nanoseconds.
//!
//! Integer all the way, so that a sum never depends on the order of its parts and the ledger can demand equality.

use crate::units::{Duration, SimTime};

/// The running integral of a level that changes at events: O(1) a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integral {
    since: SimTime,
    value: u64,
    max: u64,
    area: u128,
}

impl Integral {
    /// Starts at an instant with a level.
    #[must_use]
    pub fn new(start: SimTime, value: u64) -> Integral {
        Integral { since: start, value, max: value, area: 0 }
    }

    /// From `now` on the level is `value`. Times must not fall: an earlier one stops a debug build and counts as no
    /// time in a release build.
    #[inline]
    pub fn set(&mut self, now: SimTime, value: u64) {
        self.area = self.total(now);
        self.since = self.since.max(now);
        self.value = value;
        self.max = self.max.max(value);
    }

    /// From `now` on the level is `delta` more. A level below zero stops a debug build and is zero in a release build.
    #[inline]
    pub fn add(&mut self, now: SimTime, delta: i64) {
        debug_assert!(self.value.checked_add_signed(delta).is_some(), "a level leaves its range");
        self.set(now, self.value.saturating_add_signed(delta));
    }

    /// The integral from the start to `now`, level × nanoseconds. It cannot overflow: 2⁶⁴ levels for 2⁶⁴ ns fit.
    #[inline]
    #[must_use]
    pub fn total(&self, now: SimTime) -> u128 {
        debug_assert!(now >= self.since, "an integral is read before its last change");
        self.area + u128::from(self.value) * u128::from(now.since(self.since).0)
    }

    /// The level now.
    #[inline]
    #[must_use]
    pub fn value(&self) -> u64 {
        self.value
    }

    /// The largest level ever set, even for no time.
    #[inline]
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }
}

/// Integrals by bucket of equal width, from intervals given in any order: O(1) an interval, however long.
///
/// Bucket `i` covers `[origin + i·width, origin + (i+1)·width)`. What lies outside the buckets is cut off.
#[derive(Clone, Debug)]
pub struct Buckets {
    origin: u64,
    width: u64,
    /// Level × nanoseconds of the partly covered buckets at the ends of intervals.
    partial: Vec<u128>,
    /// How much the level over whole buckets changes at the start of each bucket.
    step: Vec<i128>,
}

impl Buckets {
    /// `n` buckets of a width (at least one nanosecond) from `origin` on.
    #[must_use]
    pub fn new(origin: SimTime, width: Duration, n: usize) -> Buckets {
        debug_assert!(width.0 > 0, "a bucket has a width");
        // One more than asked for takes what falls on the range's very end, which is nothing.
        Buckets { origin: origin.0, width: width.0.max(1), partial: vec![0; n + 1], step: vec![0; n + 1] }
    }

    /// As many buckets of the same width at the same times, with nothing in them.
    #[must_use]
    pub fn empty(&self) -> Buckets {
        Buckets::new(SimTime(self.origin), Duration(self.width), self.len())
    }

    /// How many buckets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.partial.len() - 1
    }

    /// Whether there is no bucket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a level that held over `[from, to)`. An interval that ends before it starts is empty.
    #[inline]
    pub fn add(&mut self, from: SimTime, to: SimTime, level: u64) {
        // Offsets from the origin, cut to the range; the range's end may lie beyond the last representable instant.
        let end = u128::from(self.width) * self.len() as u128;
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        let from = from.0.saturating_sub(self.origin).min(end);
        let to = to.0.saturating_sub(self.origin).min(end);
        if from >= to {
            return;
        }
        let area = |length: u64| u128::from(level) * u128::from(length);
        let (first, last) = ((from / self.width) as usize, (to / self.width) as usize);
        if first == last {
            self.partial[first] += area(to - from);
            return;
        }
        // The end of the first bucket is at most `to`, so it cannot overflow.
        self.partial[first] += area((first as u64 + 1) * self.width - from);
        self.step[first + 1] += i128::from(level);
        self.step[last] -= i128::from(level);
        self.partial[last] += area(to - last as u64 * self.width);
    }

    /// The integral of each bucket, level × nanoseconds.
    #[must_use]
    pub fn finish(self) -> Vec<u128> {
        let (mut level, n) = (0_i128, self.len());
        self.partial
            .into_iter()
            .zip(self.step)
            .take(n)
            .map(|(partial, step)| {
                level += step;
                debug_assert!(level >= 0, "more intervals ended than began");
                partial + level.unsigned_abs() * u128::from(self.width)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_integral_is_the_area_under_the_steps() {
        let mut i = Integral::new(SimTime(10), 2);
        i.add(SimTime(15), 3);
        i.set(SimTime(20), 1);
        i.add(SimTime(20), -1);
        assert_eq!(i.total(SimTime(100)), 2 * 5 + 5 * 5);
        assert_eq!((i.value(), i.max()), (0, 5));
    }

    #[test]
    fn the_largest_integral_fits() {
        let i = Integral::new(SimTime::ZERO, u64::MAX);
        assert_eq!(i.total(SimTime::MAX), u128::from(u64::MAX) * u128::from(u64::MAX));
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "leaves its range")]
    fn a_level_below_zero_stops_a_debug_build() {
        Integral::new(SimTime::ZERO, 1).add(SimTime(1), -2);
    }

    #[test]
    fn intervals_are_cut_to_the_range() {
        let mut b = Buckets::new(SimTime(100), Duration(10), 3);
        b.add(SimTime::ZERO, SimTime::MAX, 2);
        b.add(SimTime(0), SimTime(100), 7);
        b.add(SimTime(130), SimTime(140), 7);
        b.add(SimTime(125), SimTime(115), 7);
        b.add(SimTime(115), SimTime(125), 1);
        assert_eq!(b.finish(), [20, 25, 25]);
    }

    #[test]
    fn ranges_beyond_the_last_instant_do_not_overflow() {
        let mut b = Buckets::new(SimTime(5), Duration(u64::MAX / 2), 9);
        b.add(SimTime::ZERO, SimTime::MAX, u64::MAX);
        let total: u128 = b.finish().iter().sum();
        assert_eq!(total, u128::from(u64::MAX) * u128::from(u64::MAX - 5));
        let mut none = Buckets::new(SimTime::ZERO, Duration(1), 0);
        none.add(SimTime::ZERO, SimTime(5), 1);
        assert!(none.is_empty() && none.finish().is_empty());
    }

    proptest! {
        #[test]
        fn buckets_equal_a_sum_over_every_nanosecond(
            origin in 0..30_u64, width in 1..9_u64, n in 0..7_usize,
            intervals in prop::collection::vec((0..90_u64, 0..90_u64, 0..5_u64), 0..20),
        ) {
            let mut fast = Buckets::new(SimTime(origin), Duration(width), n);
            let mut slow = vec![0_u128; n];
            for (from, to, level) in intervals {
                fast.add(SimTime(from), SimTime(to), level);
                for ns in from.max(origin)..to {
                    if let Some(bucket) = slow.get_mut(((ns - origin) / width) as usize) {
                        *bucket += u128::from(level);
                    }
                }
            }
            prop_assert_eq!(fast.finish(), slow);
        }

        #[test]
        fn buckets_conserve_what_an_integral_counts(changes in prop::collection::vec((0..1_000_000_u64, 0..9_u64), 1..40)) {
            let horizon = SimTime(50_000_000);
            let mut buckets = Buckets::new(SimTime::ZERO, Duration(777_777), 65);
            let mut integral = Integral::new(SimTime::ZERO, 0);
            let mut now = SimTime::ZERO;
            for (delay, level) in changes {
                let next = now + Duration(delay);
                buckets.add(now, next, integral.value());
                integral.set(next, level);
                now = next;
            }
            buckets.add(now, horizon, integral.value());
            prop_assert_eq!(buckets.finish().iter().sum::<u128>(), integral.total(horizon));
        }
    }
}
