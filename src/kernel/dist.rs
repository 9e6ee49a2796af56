//! The laws that gaps, durations and sizes follow.
//!
//! A [`Dist`] is made by a constructor that checks its parameters, so that drawing from it cannot fail. It has no
//! unit: what goes in (a mean in seconds) is what comes out. Draws are `rand_distr`'s algorithms on a [`Stream`]; some
//! of them use a varying number of the stream's numbers, so a quantity that policies must share has a stream of its
//! own. The first draws of each law are pinned in every build configuration (`dist/golden.rs`).
//!
//! ```
//! use fleetcast::kernel::{Dist, Streams};
//!
//! let gap = Dist::hyperexp(4.051, 2.53)?;
//! assert!((gap.mean() - 4.051).abs() < 1e-12);
//! let mut stream = Streams::new(1, 0).stream("spot-up", "us-west-2a", 0);
//! assert!(gap.sample(&mut stream) > 0.0);
//! assert!(Dist::hyperexp(4.051, 0.5).is_err());
//! # Ok::<(), fleetcast::kernel::DistError>(())
//! ```

mod fit;
#[cfg(test)]
mod golden;
mod laws;
mod table;
#[cfg(test)]
mod tests;
mod zipf;

use thiserror::Error;

pub use fit::{Fit, FitError, fit_hyperexp, fit_lognormal, fit_weibull};
pub use laws::{Constant, Exponential, Gamma, HyperExp, LogNormal, Pareto, Uniform, Weibull};
pub use table::{Mixture, Quantiles, Values};
pub use zipf::Zipf;

use super::random::Stream;
#[cfg(test)]
use super::random::Streams;

/// Why parameters do not make a law. The message names the parameter as the constructor's documentation does.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DistError {
    /// A parameter is infinite or not a number.
    #[error("{what} must be a finite number, found {found}")]
    NotFinite {
        /// The parameter.
        what: &'static str,
        /// What was given.
        found: f64,
    },
    /// A parameter is zero or negative where it may not be.
    #[error("{what} must be greater than zero, found {found}")]
    NotPositive {
        /// The parameter.
        what: &'static str,
        /// What was given.
        found: f64,
    },
    /// A parameter is negative.
    #[error("{what} must not be negative, found {found}")]
    Negative {
        /// The parameter.
        what: &'static str,
        /// What was given.
        found: f64,
    },
    /// A parameter must be at least another.
    #[error("{what} must be at least {than}, found {found} and {bound}")]
    Order {
        /// The parameter that is too small.
        what: &'static str,
        /// The parameter that it must reach.
        than: &'static str,
        /// The value of the first.
        found: f64,
        /// The value of the second.
        bound: f64,
    },
    /// A hyper-exponential varies at least as much as an exponential.
    #[error("a hyper-exponential needs a cv of at least 1, found {found}; for less, use a Gamma of this mean and cv")]
    CvBelowOne {
        /// What was given.
        found: f64,
    },
    /// A table or mixture without entries, or without weight.
    #[error("{what} has no entry with a weight")]
    Empty {
        /// The table.
        what: &'static str,
    },
    /// A table's column does not rise.
    #[error("{what} must rise, entry {index} ({found}) does not")]
    Unsorted {
        /// The column.
        what: &'static str,
        /// The entry, counted from 1.
        index: usize,
        /// Its value.
        found: f64,
    },
    /// Quantile points do not span 0 to 1.
    #[error("the points must reach from probability 0 to 1, found {first} to {last}")]
    Span {
        /// The first probability.
        first: f64,
        /// The last probability.
        last: f64,
    },
    /// More ranks than an `f64` counts exactly.
    #[error("a Zipf law has between 1 and 2^53 ranks, found {found}")]
    Ranks {
        /// What was given.
        found: u64,
    },
    /// The law's mean exists and is beyond the largest number.
    #[error("the mean of this law overflows; its spread is too large")]
    Overflow,
}

/// What every law can do. `p` is in [0, 1] and `x` is not NaN: [`Dist`] sees to it.
trait Law {
    fn sample(&self, stream: &mut Stream) -> f64;
    fn mean(&self) -> f64;
    fn variance(&self) -> f64;
    fn cdf(&self, x: f64) -> f64;
    fn quantile(&self, p: f64) -> f64;
}

/// A law with valid parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same value.
    Constant(Constant),
    /// Equally likely between two ends.
    Uniform(Uniform),
    /// Memoryless.
    Exponential(Exponential),
    /// Its logarithm is normal.
    LogNormal(LogNormal),
    /// A power of an exponential.
    Weibull(Weibull),
    /// A sum of exponentials, generalised.
    Gamma(Gamma),
    /// A power tail above a least value.
    Pareto(Pareto),
    /// Ranks by popularity.
    Zipf(Zipf),
    /// One of two exponentials.
    HyperExp(HyperExp),
    /// A table of values with weights.
    Values(Values),
    /// A table of quantiles, straight between them.
    Quantiles(Quantiles),
    /// One of several laws.
    Mixture(Mixture),
}

macro_rules! each_law {
    ($dist:expr, $law:ident => $do:expr) => {
        match $dist {
            Dist::Constant($law) => $do,
            Dist::Uniform($law) => $do,
            Dist::Exponential($law) => $do,
            Dist::LogNormal($law) => $do,
            Dist::Weibull($law) => $do,
            Dist::Gamma($law) => $do,
            Dist::Pareto($law) => $do,
            Dist::Zipf($law) => $do,
            Dist::HyperExp($law) => $do,
            Dist::Values($law) => $do,
            Dist::Quantiles($law) => $do,
            Dist::Mixture($law) => $do,
        }
    };
}

/// Constructors. Every parameter must be finite; each says what else it must be, and an error says what it was.
impl Dist {
    /// Always `value`, which may be negative.
    ///
    /// # Errors
    /// See [`DistError`]; so for all constructors.
    pub fn constant(value: f64) -> Result<Dist, DistError> {
        Constant::new(value).map(Dist::Constant)
    }

    /// Uniform from `low` to `high` ≥ `low`.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn uniform(low: f64, high: f64) -> Result<Dist, DistError> {
        Uniform::new(low, high).map(Dist::Uniform)
    }

    /// Exponential with a mean > 0.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn exponential(mean: f64) -> Result<Dist, DistError> {
        Exponential::new(mean).map(Dist::Exponential)
    }

    /// Log-normal with the mean `mu` and standard deviation `sigma` ≥ 0 of its logarithm.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn lognormal(mu: f64, sigma: f64) -> Result<Dist, DistError> {
        LogNormal::new(mu, sigma).map(Dist::LogNormal)
    }

    /// Log-normal with a median > 0 and a 95th percentile `p95` ≥ the median.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn lognormal_median_p95(median: f64, p95: f64) -> Result<Dist, DistError> {
        LogNormal::from_median_p95(median, p95).map(Dist::LogNormal)
    }

    /// Log-normal with a mean > 0 and a coefficient of variation ≥ 0.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn lognormal_mean_cv(mean: f64, cv: f64) -> Result<Dist, DistError> {
        LogNormal::from_mean_cv(mean, cv).map(Dist::LogNormal)
    }

    /// Weibull with a shape > 0 (below 1 the hazard falls with age) and a scale > 0.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn weibull(shape: f64, scale: f64) -> Result<Dist, DistError> {
        Weibull::new(shape, scale).map(Dist::Weibull)
    }

    /// Gamma with a mean > 0 and a coefficient of variation > 0.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn gamma(mean: f64, cv: f64) -> Result<Dist, DistError> {
        Gamma::new(mean, cv).map(Dist::Gamma)
    }

    /// Pareto: never less than `scale` > 0, P(X > x) = (scale / x)^shape, shape > 0.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn pareto(scale: f64, shape: f64) -> Result<Dist, DistError> {
        Pareto::new(scale, shape).map(Dist::Pareto)
    }

    /// Zipf over the ranks 1 to `n`, weights k^−exponent, exponent ≥ 0.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn zipf(n: u64, exponent: f64) -> Result<Dist, DistError> {
        Zipf::new(n, exponent).map(Dist::Zipf)
    }

    /// Hyper-exponential of two phases with balanced means, with a mean > 0 and a coefficient of variation ≥ 1.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn hyperexp(mean: f64, cv: f64) -> Result<Dist, DistError> {
        HyperExp::new(mean, cv).map(Dist::HyperExp)
    }

    /// One of a table's (value, weight), values rising (equal ones allowed), weights ≥ 0.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn values(table: &[(f64, f64)]) -> Result<Dist, DistError> {
        Values::new(table).map(Dist::Values)
    }

    /// The law with these (probability, value) quantiles, straight lines between them: probabilities rising strictly
    /// from 0 to 1, values rising (equal ones make an atom).
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn quantiles(points: &[(f64, f64)]) -> Result<Dist, DistError> {
        Quantiles::new(points).map(Dist::Quantiles)
    }

    /// One of several (weight, law), weights ≥ 0.
    ///
    /// # Errors
    /// See [`DistError`].
    pub fn mixture(parts: Vec<(f64, Dist)>) -> Result<Dist, DistError> {
        Mixture::new(parts).map(Dist::Mixture)
    }
}

impl Dist {
    /// Draws a value.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        each_law!(self, law => law.sample(stream))
    }

    /// The mean; infinite where the law has none (a Pareto with a shape of 1 or less).
    #[must_use]
    pub fn mean(&self) -> f64 {
        each_law!(self, law => law.mean())
    }

    /// The variance; infinite where the law has none (a Pareto with a shape of 2 or less).
    #[must_use]
    pub fn variance(&self) -> f64 {
        each_law!(self, law => law.variance())
    }

    /// The coefficient of variation, standard deviation over mean; NaN where the mean is zero or infinite.
    #[must_use]
    pub fn cv(&self) -> f64 {
        if self.mean() == 0.0 { f64::NAN } else { self.variance().sqrt() / self.mean() }
    }

    /// P(X ≤ x). NaN for NaN.
    #[must_use]
    pub fn cdf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { each_law!(self, law => law.cdf(x)) }
    }

    /// The least x with P(X ≤ x) ≥ p; so `quantile(0.0)` and `quantile(1.0)` are the ends of what can be drawn, the
    /// upper one often infinite. NaN unless 0 ≤ p ≤ 1.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        if (0.0..=1.0).contains(&p) { each_law!(self, law => law.quantile(p)) } else { f64::NAN }
    }
}

fn finite(what: &'static str, found: f64) -> Result<f64, DistError> {
    if found.is_finite() { Ok(found) } else { Err(DistError::NotFinite { what, found }) }
}

fn positive(what: &'static str, found: f64) -> Result<f64, DistError> {
    if finite(what, found)? > 0.0 { Ok(found) } else { Err(DistError::NotPositive { what, found }) }
}

fn not_negative(what: &'static str, found: f64) -> Result<f64, DistError> {
    if finite(what, found)? >= 0.0 { Ok(found) } else { Err(DistError::Negative { what, found }) }
}

/// The least number in `low..=high` at which a rising function reaches `p`; `high` if none does. At most 64 steps:
/// it halves the count of numbers between, not the distance.
fn least_reaching(p: f64, low: f64, high: f64, rising: impl Fn(f64) -> f64) -> f64 {
    // Numbers in order as integers: the order of `f64::total_cmp`.
    let to_int = |x: f64| {
        let bits = x.to_bits() as i64;
        bits ^ ((bits >> 63) as u64 >> 1) as i64
    };
    let to_float = |i: i64| f64::from_bits((i ^ ((i >> 63) as u64 >> 1) as i64) as u64);
    let (mut below, mut reached) = (to_int(low), to_int(high));
    while below < reached {
        // The floor of the mean, without overflow.
        let middle = (below & reached) + ((below ^ reached) >> 1);
        if rising(to_float(middle)) >= p {
            reached = middle;
        } else {
            below = middle + 1;
        }
    }
    to_float(reached)
}
