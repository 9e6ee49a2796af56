//! Histograms of usage: weights by bucket, that halve with time.
//!
//! Rules: `pkg/recommender/util/{histogram,histogram_options,decaying_histogram}.go`.

use thiserror::Error;

use crate::units::{Duration, SimTime};

/// How many half-lives a weight may have grown before all are scaled down again (`maxDecayExponent`).
const MAX_DECAY_EXPONENT: u64 = 100;
/// The most buckets that options may ask for.
const MAX_BUCKETS: f64 = 1e6;

/// How values fall into buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buckets {
    /// The size of the first bucket.
    first: f64,
    /// By how much each is larger than the one before; 1: all are equal.
    ratio: f64,
    count: usize,
    /// Less weight than this is none.
    epsilon: f64,
}

/// What buckets cannot be made of.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum BucketError {
    #[error("the maximum and the first bucket of a histogram are above 0")]
    NotPositive,
    #[error("the ratio of a histogram's buckets is above 1")]
    Ratio,
    #[error("a histogram's epsilon is above 0")]
    Epsilon,
    #[error("a histogram has at most 1000000 buckets")]
    TooMany,
}

impl Buckets {
    /// Equal buckets of `size` up to `max`.
    ///
    /// # Errors
    /// What upstream refuses, and more than a million buckets.
    pub fn linear(max: f64, size: f64, epsilon: f64) -> Result<Buckets, BucketError> {
        Buckets::checked(max, size, 1.0, epsilon, (max / size).ceil())
    }
    /// Buckets that grow by `ratio`, up to the one that holds `max`.
    ///
    /// # Errors
    /// What upstream refuses, and more than a million buckets.
    pub fn exponential(max: f64, first: f64, ratio: f64, epsilon: f64) -> Result<Buckets, BucketError> {
        if ratio.is_nan() || ratio <= 1.0 {
            return Err(BucketError::Ratio);
        }
        let count = log(ratio, max * (ratio - 1.0) / first + 1.0).ceil() + 1.0;
        Buckets::checked(max, first, ratio, epsilon, count)
    }
    fn checked(max: f64, first: f64, ratio: f64, epsilon: f64, count: f64) -> Result<Buckets, BucketError> {
        let positive = |v: f64| v > 0.0 && v.is_finite();
        if !positive(max) || !positive(first) {
            return Err(BucketError::NotPositive);
        }
        if !positive(epsilon) {
            return Err(BucketError::Epsilon);
        }
        if !(1.0..=MAX_BUCKETS).contains(&count) {
            return Err(BucketError::TooMany);
        }
        Ok(Buckets { first, ratio, count: count as usize, epsilon })
    }
    /// Those of CPU, in cores: from 0.01 to 1000, each 5 % larger.
    #[must_use]
    pub const fn cpu() -> Buckets {
        Buckets { first: 0.01, ratio: 1.05, count: 176, epsilon: EPSILON }
    }
    /// Those of memory, in bytes: from 10⁷ to 10¹², each 5 % larger.
    #[must_use]
    pub const fn memory() -> Buckets {
        Buckets { first: 1e7, ratio: 1.05, count: 176, epsilon: EPSILON }
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
    /// Where a bucket starts.
    #[must_use]
    pub fn start(&self, bucket: usize) -> f64 {
        let n = bucket as f64;
        if self.ratio > 1.0 { self.first * (self.ratio.powf(n) - 1.0) / (self.ratio - 1.0) } else { self.first * n }
    }
    /// Into which a value falls; the last has no end.
    #[must_use]
    pub fn find(&self, value: f64) -> usize {
        if value < self.first {
            return 0;
        }
        let n = if self.ratio > 1.0 {
            log(self.ratio, value * (self.ratio - 1.0) / self.first + 1.0)
        } else {
            value / self.first
        };
        // Cut off, as upstream; a value beyond all numbers falls into the last.
        (n as usize).min(self.count - 1)
    }
}

/// Less weight than this is none (`pkg/recommender/model/aggregations_config.go`): a ten-thousandth of the least sample's,
/// 0.1 core.
pub const EPSILON: f64 = 0.001 * 0.1;

fn log(base: f64, x: f64) -> f64 {
    x.ln() / base.ln()
}

/// A histogram whose samples weigh half as much with every half-life.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    buckets: Buckets,
    /// `None`: weights stay as they are.
    half_life: Option<Duration>,
    /// When a sample weighs what it is given.
    reference: SimTime,
    weights: Vec<f64>,
    total: f64,
    min: usize,
    max: usize,
}

impl Histogram {
    /// An empty histogram; `half_life` is above 0.
    #[must_use]
    pub fn new(buckets: Buckets, half_life: Option<Duration>) -> Histogram {
        Histogram {
            half_life: half_life.filter(|h| *h > Duration::ZERO),
            reference: SimTime::ZERO,
            weights: vec![0.0; buckets.count],
            total: 0.0,
            min: buckets.count - 1,
            max: 0,
            buckets,
        }
    }
    /// How values fall into its buckets.
    #[must_use]
    pub const fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// Adds a sample taken at `at`.
    pub fn add(&mut self, value: f64, weight: f64, at: SimTime) {
        let weight = weight * self.decay(at);
        let i = self.buckets.find(value);
        self.weights[i] += weight;
        self.total += weight;
        if self.weights[i] >= self.buckets.epsilon {
            self.min = self.min.min(i);
            self.max = self.max.max(i);
        }
    }
    /// Takes a sample away again, which must be given as it was added.
    pub fn subtract(&mut self, value: f64, weight: f64, at: SimTime) {
        let weight = weight * self.decay(at);
        let i = self.buckets.find(value);
        let less = |from: f64| if from - weight < self.buckets.epsilon { 0.0 } else { from - weight };
        let (total, own) = (less(self.total), less(self.weights[i]));
        self.total = total;
        self.weights[i] = own;
        self.bounds();
    }

    /// Whether nothing of weight is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights[self.min] < self.buckets.epsilon
    }
    /// The end of the first bucket at which the weights reach the share `p` of all; the start of the last bucket, which
    /// has no end; 0 of an empty histogram.
    #[must_use]
    pub fn percentile(&self, p: f64) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let threshold = p * self.total;
        let mut sum = 0.0;
        let mut bucket = self.min;
        while bucket < self.max {
            sum += self.weights[bucket];
            if sum >= threshold {
                break;
            }
            bucket += 1;
        }
        self.buckets.start((bucket + 1).min(self.buckets.count - 1))
    }

    /// What a sample taken at `at` weighs.
    fn decay(&mut self, at: SimTime) -> f64 {
        let Some(half_life) = self.half_life else { return 1.0 };
        if at.0.saturating_sub(self.reference.0) > half_life.0.saturating_mul(MAX_DECAY_EXPONENT) {
            self.shift(at, half_life);
        }
        let age = i128::from(at.0) - i128::from(self.reference.0);
        (age as f64 / half_life.0 as f64).exp2()
    }

    /// Moves the reference to a whole number of half-lives near `at`, and scales all weights accordingly.
    fn shift(&mut self, at: SimTime, half_life: Duration) {
        let near = (at.0.saturating_add(half_life.0 / 2)) / half_life.0 * half_life.0;
        let halvings = (near - self.reference.0) / half_life.0;
        let factor = (-(halvings as f64)).exp2();
        self.weights.iter_mut().for_each(|w| *w *= factor);
        self.total *= factor;
        self.reference = SimTime(near);
        self.bounds();
    }

    fn bounds(&mut self) {
        let some = |w: &f64| *w >= self.buckets.epsilon;
        let last = self.buckets.count - 1;
        self.min = self.weights.iter().position(some).unwrap_or(last);
        self.max = self.weights.iter().rposition(some).unwrap_or(0);
    }
}
