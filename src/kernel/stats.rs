//! Means, intervals and quantiles of samples, and how far a sample lies from a law.
//!
//! Everything here is a pure function of its arguments in their order: sums run from the first value to the last.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use thiserror::Error;

/// Why a statistic does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum StatsError {
    /// An interval needs at least two values.
    #[error("an interval needs at least 2 values, found {found}")]
    TooFew {
        /// How many there were.
        found: usize,
    },
    /// Pairs need two samples of the same length.
    #[error("pairs need samples of the same length, found {left} and {right}")]
    Unpaired {
        /// Length of the first sample.
        left: usize,
        /// Length of the second sample.
        right: usize,
    },
    /// A confidence lies strictly between 0 and 1.
    #[error("a confidence lies between 0 and 1, found {found}")]
    Confidence {
        /// What was given.
        found: f64,
    },
    /// A value is infinite or not a number.
    #[error("a value is not finite: {found}")]
    NotFinite {
        /// The first such value.
        found: f64,
    },
}

/// Count, mean and spread of values, one at a time (B. P. Welford, Technometrics 4(3), 1962).
///
/// Merging follows Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
/// variances", 1979. Floating sums depend on their order: merge in a fixed order (by replication, by shard).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    n: u64,
    mean: f64,
    m2: f64,
}

impl Moments {
    /// No values yet.
    #[must_use]
    pub fn new() -> Moments {
        Moments::default()
    }

    /// Takes one value in.
    #[inline]
    pub fn add(&mut self, x: f64) {
        self.n += 1;
        let d = x - self.mean;
        self.mean += d / self.n as f64;
        self.m2 += d * (x - self.mean);
    }

    /// Takes in all that `other` took in.
    pub fn merge(&mut self, other: &Moments) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.n as f64, other.n as f64);
        let d = other.mean - self.mean;
        self.mean += d * (b / (a + b));
        self.m2 += other.m2 + d * d * (a * b / (a + b));
        self.n += other.n;
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.n
    }

    /// The mean; `None` without values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then_some(self.mean)
    }

    /// The sample variance (divided by n − 1); `None` with fewer than two values.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        (self.n > 1).then(|| self.m2 / (self.n - 1) as f64)
    }

    /// The sample standard deviation; `None` with fewer than two values.
    #[must_use]
    pub fn sd(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// The coefficient of variation, sd / mean; `None` with fewer than two values or a mean of zero.
    #[must_use]
    pub fn cv(&self) -> Option<f64> {
        self.sd().filter(|_| self.mean != 0.0).map(|sd| sd / self.mean)
    }
}

impl Extend<f64> for Moments {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|x| self.add(x));
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Moments {
        let mut m = Moments::new();
        m.extend(values);
        m
    }
}

/// A mean with its confidence interval, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The sample mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How many values (or pairs).
    pub n: usize,
}

impl Interval {
    /// Half the interval's width.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// Student's t interval of the mean: mean ± t · s / √n with n − 1 degrees of freedom. Equal values give a point.
///
/// # Errors
/// Fewer than two values, a value that is not finite, a confidence outside (0, 1).
pub fn t_interval(values: &[f64], confidence: f64) -> Result<Interval, StatsError> {
    if let Some(&found) = values.iter().find(|v| !v.is_finite()) {
        return Err(StatsError::NotFinite { found });
    }
    let n = values.len();
    let moments: Moments = values.iter().copied().collect();
    let (Some(mean), Some(sd)) = (moments.mean(), moments.sd()) else {
        return Err(StatsError::TooFew { found: n });
    };
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(StatsError::Confidence { found: confidence });
    }
    let half = t_quantile(0.5 + confidence / 2.0, n as f64 - 1.0) * sd / (n as f64).sqrt();
    Ok(Interval { mean, low: mean - half, high: mean + half, n })
}

/// The paired t interval of `candidate − base`, pair by pair (same seed, same place in both).
///
/// # Errors
/// As [`t_interval`]; samples of different lengths.
pub fn paired_interval(base: &[f64], candidate: &[f64], confidence: f64) -> Result<Interval, StatsError> {
    if base.len() != candidate.len() {
        return Err(StatsError::Unpaired { left: base.len(), right: candidate.len() });
    }
    let differences: Vec<f64> = base.iter().zip(candidate).map(|(b, c)| c - b).collect();
    t_interval(&differences, confidence)
}

/// The quantile of Student's t with `freedom` degrees of freedom: the `t` below which lies probability `p`.
/// NaN unless 0 < p < 1 and the degrees are positive.
#[must_use]
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, freedom) {
        Ok(t) if p > 0.0 && p < 1.0 => t.inverse_cdf(p),
        _ => f64::NAN,
    }
}

/// The quantile of the standard normal law. NaN unless 0 ≤ p ≤ 1.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    if (0.0..=1.0).contains(&p) { Normal::standard().inverse_cdf(p) } else { f64::NAN }
}

/// The coefficient of variation of a sample, sd / mean; `None` with fewer than two values or a mean of zero.
#[must_use]
pub fn cv(values: &[f64]) -> Option<f64> {
    values.iter().copied().collect::<Moments>().cv()
}

/// Pearson's correlation of two samples of the same length; `None` when they are not, or when one does not vary.
#[must_use]
pub fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() {
        return None;
    }
    let (ma, mb): (Moments, Moments) = (a.iter().copied().collect(), b.iter().copied().collect());
    let (mean_a, mean_b, spread) = (ma.mean()?, mb.mean()?, (ma.m2 * mb.m2).sqrt());
    let shared: f64 = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum();
    (spread > 0.0).then(|| shared / spread)
}

/// The quantile of a sorted sample with linear interpolation between order statistics (R. J. Hyndman and Y. Fan,
/// "Sample quantiles in statistical packages", 1996, type 7; numpy's default). `None` for an empty sample or a `p`
/// outside [0, 1].
#[must_use]
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    debug_assert!(sorted.is_sorted(), "quantiles are of sorted samples");
    if sorted.is_empty() || !(0.0..=1.0).contains(&p) {
        return None;
    }
    let at = p * (sorted.len() - 1) as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    let (low, high) = (sorted[below], sorted[above]);
    Some(low + (high - low) * (at - below as f64))
}

/// Kolmogorov and Smirnov's distance: the largest difference between a sample's distribution and a law, given by its
/// `cdf` (P(X ≤ x)). Exact for laws with atoms too. NaN for an empty sample.
#[must_use]
pub fn ks_distance(values: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let mut worst = 0.0_f64;
    let mut below = 0;
    while below < sorted.len() {
        let x = sorted[below];
        let upto = below + sorted[below..].partition_point(|&y| y <= x).max(1);
        // Between two values the sample's distribution is flat and the law's rises: the ends are the worst places.
        // The law just below x is its value at the number before x, which also serves where the law jumps at x.
        worst = worst.max((cdf(x) - upto as f64 / n).abs()).max((cdf(x.next_down()) - below as f64 / n).abs());
        below = upto;
    }
    worst
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b} ± {tolerance}");
    }

    const BASE: [f64; 8] = [1000., 1120., 940., 1060., 1180., 890., 1010., 1090.];
    const CANDIDATE: [f64; 8] = [1035., 1150., 975., 1088., 1224., 915., 1049., 1120.];

    // Vector V21 of the cost specification (paired comparison of eight seeds).
    #[test]
    fn the_paired_interval_meets_vector_v21() {
        let d = paired_interval(&BASE, &CANDIDATE, 0.95).unwrap();
        close(d.mean, 33.25, 1e-12);
        close(d.low, 28.0434, 5e-5);
        close(d.high, 38.4566, 5e-5);
        assert_eq!(d.n, 8);
        let differences: Moments = BASE.iter().zip(CANDIDATE).map(|(b, c)| c - b).collect();
        close(differences.sd().unwrap(), 6.227_817_78, 5e-9);
        close(differences.sd().unwrap() / 8_f64.sqrt(), 2.201_866_09, 5e-9);
        let base = BASE.iter().copied().collect::<Moments>().mean().unwrap();
        close(d.mean / base, 0.032_087, 5e-7);
        close(d.low / base, 0.027_062, 5e-7);
        close(d.high / base, 0.037_111, 5e-7);
        close(correlation(&BASE, &CANDIDATE).unwrap(), 0.998_366, 5e-7);
    }

    #[test]
    fn the_interval_of_log_ratios_meets_vector_v21() {
        let r: Vec<f64> = BASE.iter().zip(CANDIDATE).map(|(b, c)| (c / b).ln()).collect();
        let i = t_interval(&r, 0.95).unwrap();
        // As a percentage change: exp(mean of ln) − 1.
        let percent = |x: f64| x.exp_m1() * 100.0;
        close(percent(i.mean), 3.2106, 5e-5);
        close(percent(i.low), 2.7629, 5e-5);
        close(percent(i.high), 3.6603, 5e-5);
    }

    #[test]
    fn quantiles_of_t_and_normal_are_those_of_the_tables() {
        // NIST/SEMATECH e-Handbook, 1.3.6.7.1 and .2; t with one degree is tan(π(p − 1/2)).
        close(t_quantile(0.975, 7.0), 2.364_624_251_6, 1e-9);
        close(t_quantile(0.995, 30.0), 2.749_995_653_6, 1e-9);
        close(t_quantile(0.975, 1.0), (std::f64::consts::PI * 0.475).tan(), 1e-8);
        close(t_quantile(0.025, 7.0), -2.364_624_251_6, 1e-9);
        close(normal_quantile(0.95), 1.644_853_626_951_472_7, 1e-12);
        close(normal_quantile(0.975), 1.959_963_984_540_054, 1e-12);
        assert!(t_quantile(0.0, 3.0).is_nan() && t_quantile(0.5, -1.0).is_nan() && normal_quantile(1.5).is_nan());
    }

    #[test]
    fn intervals_that_do_not_exist_say_why() {
        assert_eq!(t_interval(&[1.0], 0.95), Err(StatsError::TooFew { found: 1 }));
        assert_eq!(t_interval(&[], 0.95), Err(StatsError::TooFew { found: 0 }));
        assert_eq!(t_interval(&[1.0, 2.0], 1.0), Err(StatsError::Confidence { found: 1.0 }));
        assert_eq!(t_interval(&[1.0, f64::INFINITY], 0.9), Err(StatsError::NotFinite { found: f64::INFINITY }));
        assert_eq!(paired_interval(&[1.0], &[], 0.9), Err(StatsError::Unpaired { left: 1, right: 0 }));
        let point = t_interval(&[3.0, 3.0, 3.0], 0.99).unwrap();
        assert_eq!((point.low, point.high, point.half_width()), (3.0, 3.0, 0.0));
    }

    #[test]
    fn quantiles_interpolate_between_order_statistics() {
        // numpy.quantile([1, 2, 4, 8], p).
        for (p, x) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            close(quantile(&[1.0, 2.0, 4.0, 8.0], p).unwrap(), x, 1e-12);
        }
        assert_eq!((quantile(&[], 0.5), quantile(&[1.0], f64::NAN)), (None, None));
        assert_eq!(quantile(&[7.0], 0.3), Some(7.0));
    }

    #[test]
    fn the_ks_distance_sees_both_sides_of_a_step() {
        close(ks_distance(&[0.5], |x| x.clamp(0.0, 1.0)), 0.5, 1e-12);
        close(ks_distance(&[0.9, 0.8], |x| x.clamp(0.0, 1.0)), 0.8, 1e-12);
        // A law with atoms at 1 and 2 of one half each, met by a sample with a quarter at 1.
        let two = |x: f64| if x < 1.0 { 0.0 } else { f64::from(u8::from(x >= 1.0) + u8::from(x >= 2.0)) / 2.0 };
        close(ks_distance(&[2.0, 1.0, 2.0, 2.0], two), 0.25, 1e-12);
        assert_eq!(ks_distance(&[1.0, 2.0], two), 0.0);
        assert!(ks_distance(&[], |x| x).is_nan());
    }

    proptest! {
        #[test]
        fn merged_moments_are_those_of_the_whole(values in prop::collection::vec(-1e6..1e6_f64, 2..60), cut in 0..60_usize) {
            let cut = cut.min(values.len());
            let whole: Moments = values.iter().copied().collect();
            let mut merged: Moments = values[..cut].iter().copied().collect();
            merged.merge(&values[cut..].iter().copied().collect());
            prop_assert_eq!(merged.count(), whole.count());
            prop_assert!((merged.mean - whole.mean).abs() <= 1e-9 * 1e6);
            prop_assert!((merged.m2 - whole.m2).abs() <= 1e-9 * whole.m2.max(1.0));
            // The two-pass definition.
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
            prop_assert!((whole.variance().unwrap() - variance).abs() <= 1e-9 * variance.max(1.0));
        }
    }
}
