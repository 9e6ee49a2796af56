//! A mergeable histogram of whole numbers (nanoseconds, tokens) whose quantiles are right to three digits.
//!
//! Counts, sum, least and greatest are exact; quantiles come from buckets no wider than a thousandth of their value
//! (G. Tene's HdrHistogram, the crate `hdrhistogram`). Integers throughout: merging in any order gives the same.

mod parts;
mod store;

use store::Store;

use thiserror::Error;

/// Significant decimal digits that quantiles keep.
pub const DIGITS: u8 = 3;

/// Why stored parts are not a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the parts do not make a histogram: {0}")]
pub struct HistogramError(&'static str);

/// How often which values occurred. Recording takes a few nanoseconds; memory is bounded by the range of values
/// (8 bytes for each of 1,024 buckets per doubling beyond 2,047: 270 KB up to an hour in ns, 450 KB at most; next to
/// nothing while there are few).
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    store: Store,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram::new()
    }
}

impl Histogram {
    /// Nothing recorded yet.
    #[must_use]
    pub fn new() -> Histogram {
        Histogram { store: Store::new(), count: 0, sum: 0, min: u64::MAX, max: 0 }
    }

    /// Records a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Records a value `n` times.
    #[inline]
    pub fn record_n(&mut self, value: u64, n: u64) {
        if n == 0 {
            return;
        }
        self.store.record_n(value, n);
        self.count += n;
        self.sum += u128::from(value) * u128::from(n);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Records `first`, `first + growth`, … , so many `steps` of them, each `n` times: the same as recording them one by
    /// one, in time that goes with the buckets they fall in.
    ///
    /// The greatest of them must be a `u64`.
    #[inline]
    pub fn record_run(&mut self, first: u64, growth: u64, steps: u64, n: u64) {
        if n == 0 || steps == 0 {
            return;
        }
        let last = first + growth * (steps - 1);
        self.store.record_run(first, growth, steps, n);
        self.count += n * steps;
        let (f, g, s) = (u128::from(first), u128::from(growth), u128::from(steps));
        self.sum += u128::from(n) * (f * s + g * (s * (s - 1) / 2));
        self.min = self.min.min(first);
        self.max = self.max.max(last);
    }

    /// Takes in all that `other` recorded.
    pub fn merge(&mut self, other: &Histogram) {
        self.store.merge(&other.store);
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many values, exact.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sum of the values, exact.
    #[must_use]
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The least value, exact; `None` when empty.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.min)
    }

    /// The greatest value, exact; `None` when empty.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.max)
    }

    /// The mean, exact up to one rounding; `None` when empty.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum as f64 / self.count as f64)
    }

    /// The value that a share `p` of all values do not exceed: the ⌈p·count⌉-th smallest (the first for p = 0), at
    /// most a thousandth too high and never too low. Exact at both ends. `None` when empty or `p` is outside [0, 1].
    #[must_use]
    pub fn quantile(&self, p: f64) -> Option<u64> {
        if self.is_empty() || !(0.0..=1.0).contains(&p) {
            return None;
        }
        let buckets = self.store.buckets();
        let found = buckets.value_at_quantile(p);
        // In the end buckets the exact ends are known, and nearer.
        Some(match p {
            0.0 => self.min,
            _ if buckets.equivalent(found, self.max) => self.max,
            _ => found.max(self.min),
        })
    }

    /// How many values lie in the buckets up to that of `value`, itself included: exact at bucket boundaries, at most
    /// the one bucket too many elsewhere.
    #[must_use]
    pub fn count_up_to(&self, value: u64) -> u64 {
        if value >= self.max { self.count } else { self.store.buckets().count_between(0, value) }
    }

    /// The occupied buckets in rising order as (least value of the bucket, count).
    #[must_use]
    pub fn pairs(&self) -> Vec<(u64, u64)> {
        let buckets = self.store.buckets();
        buckets
            .iter_recorded()
            .map(|step| (buckets.lowest_equivalent(step.value_iterated_to()), step.count_at_value()))
            .collect()
    }

    /// Rebuilds a histogram from its [`pairs`](Histogram::pairs), its sum, least and greatest value. Those of an empty
    /// histogram are not looked at.
    ///
    /// # Errors
    /// Parts that no histogram has: more than 2⁶⁴ values, or a sum or an end that the buckets contradict.
    pub fn from_parts(pairs: &[(u64, u64)], sum: u128, min: u64, max: u64) -> Result<Histogram, HistogramError> {
        let mut h = Histogram::new();
        let (mut low, mut high) = (0_u128, 0_u128);
        for &(value, n) in pairs {
            if h.count.checked_add(n).is_none() {
                return Err(HistogramError("too many values"));
            }
            h.record_n(value, n);
        }
        if h.is_empty() {
            return Ok(h);
        }
        let buckets = h.store.buckets();
        for &(value, n) in pairs {
            low += u128::from(buckets.lowest_equivalent(value)) * u128::from(n);
            high += u128::from(buckets.highest_equivalent(value)) * u128::from(n);
        }
        if !buckets.equivalent(min, h.min) || !buckets.equivalent(max, h.max) || min > max {
            return Err(HistogramError("the least or greatest value is not in the end buckets"));
        }
        if !(low..=high).contains(&sum) {
            return Err(HistogramError("the sum is not one that the buckets allow"));
        }
        drop(buckets);
        Ok(Histogram { sum, min, max, ..h })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_histogram_has_no_quantiles() {
        let h = Histogram::new();
        assert_eq!((h.quantile(0.5), h.min(), h.max(), h.count(), h.sum()), (None, None, None, 0, 0));
        assert_eq!(h.mean(), None);
        assert_eq!(Histogram::from_parts(&h.pairs(), 0, 0, 0).unwrap(), h);
    }

    #[test]
    fn zeros_and_the_greatest_value_are_recorded() {
        let mut h = Histogram::new();
        h.record_n(0, 3);
        h.record(u64::MAX);
        h.record_n(5, 0);
        assert_eq!((h.count(), h.sum()), (4, u128::from(u64::MAX)));
        assert_eq!((h.quantile(0.0), h.quantile(0.75), h.quantile(1.0)), (Some(0), Some(0), Some(u64::MAX)));
        assert_eq!((h.count_up_to(0), h.count_up_to(u64::MAX)), (3, 4));
        assert_eq!((h.quantile(1.1), h.quantile(f64::NAN)), (None, None));
    }

    #[test]
    fn parts_that_contradict_each_other_are_refused() {
        let from = Histogram::from_parts;
        assert!(from(&[(10, 2)], 20, 10, 10).is_ok());
        assert!(from(&[(10, 2)], 21, 10, 10).is_err());
        assert!(from(&[(10, 2)], 20, 9, 10).is_err());
        assert!(from(&[(10, u64::MAX), (11, 1)], 20, 10, 11).is_err());
        assert!(from(&[(u64::MAX, u64::MAX)], 0, u64::MAX, u64::MAX).is_err());
    }

    fn values() -> impl Strategy<Value = Vec<u64>> {
        // Every magnitude alike, and zeros.
        prop::collection::vec((any::<u64>(), 0..=64_u32).prop_map(|(v, s)| v.checked_shr(s).unwrap_or(0)), 1..200)
    }

    fn of(values: &[u64]) -> Histogram {
        let mut h = Histogram::new();
        values.iter().for_each(|&v| h.record(v));
        h
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_thousandth_and_never_too_low(values in values(), p in 0.0..=1.0_f64) {
            let h = of(&values);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let rank = ((p * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
            let (exact, found) = (sorted[rank - 1], h.quantile(p).unwrap());
            prop_assert!(found >= exact && found - exact <= exact / 1_000, "{} for {}", found, exact);
            prop_assert_eq!(h.min(), sorted.first().copied());
            prop_assert_eq!(h.max(), sorted.last().copied());
            prop_assert_eq!(h.sum(), sorted.iter().map(|&v| u128::from(v)).sum::<u128>());
        }

        #[test]
        fn a_run_is_recorded_as_its_values_one_by_one(
            first in any::<u64>(), shift in 1..=64_u32, growth in 0..5_000_u64, steps in 0..3_000_u64, n in 0..4_u64,
        ) {
            let first = first.checked_shr(shift).unwrap_or(0);
            let (mut run, mut each) = (Histogram::new(), Histogram::new());
            run.record_run(first, growth, steps, n);
            (0..steps).for_each(|i| each.record_n(first + growth * i, n));
            prop_assert_eq!(run, each);
        }

        #[test]
        fn merging_and_storing_lose_nothing(a in values(), b in values()) {
            let both = of(&[a.clone(), b.clone()].concat());
            let (mut ab, mut ba) = (of(&a), of(&b));
            ab.merge(&of(&b));
            ba.merge(&of(&a));
            prop_assert_eq!(&ab, &both);
            prop_assert_eq!(&ba, &both);
            let stored = Histogram::from_parts(&both.pairs(), both.sum, both.min, both.max).unwrap();
            prop_assert_eq!(stored, both);
        }
    }
}
