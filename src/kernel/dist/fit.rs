//! Fitting a law to a sample, as `trace fit` does.

use thiserror::Error;

use super::{Dist, DistError};
use crate::kernel::stats::{Moments, ks_distance};

/// A law fitted to a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The law.
    pub dist: Dist,
    /// Kolmogorov and Smirnov's distance from the sample, 0 to 1. Since the parameters come from the same sample it
    /// ranks laws against each other; the usual critical values do not apply.
    pub ks: f64,
    /// How many values the sample had.
    pub n: usize,
}

/// Why a law cannot be fitted to a sample.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FitError {
    /// Two parameters need at least two values.
    #[error("a fit needs at least 2 values, found {found}")]
    TooFew {
        /// How many there were.
        found: usize,
    },
    /// These laws have positive values only.
    #[error("a value to fit must be finite and greater than zero, found {found}")]
    NotPositive {
        /// The first such value.
        found: f64,
    },
    /// All values are equal.
    #[error("all values are {value}; a constant fits them")]
    NoSpread {
        /// The value.
        value: f64,
    },
    /// The parameters found are not a law's.
    #[error(transparent)]
    Dist(#[from] DistError),
}

/// The log-normal of greatest likelihood: mean and standard deviation (divided by n) of the logarithms.
///
/// # Errors
/// Fewer than two values, one that is not positive, none that differs.
pub fn fit_lognormal(values: &[f64]) -> Result<Fit, FitError> {
    check(values)?;
    let logs: Moments = values.iter().map(|x| x.ln()).collect();
    let (mean, variance) = (logs.mean().unwrap_or(0.0), logs.variance().unwrap_or(0.0));
    let n = values.len() as f64;
    fitted(Dist::lognormal(mean, (variance * (n - 1.0) / n).sqrt())?, values)
}

/// The hyper-exponential with the sample's mean and coefficient of variation (two moments, balanced means). From a
/// mean and a cv alone it is [`Dist::hyperexp`].
///
/// # Errors
/// As [`fit_lognormal`]; a sample that varies less than an exponential.
pub fn fit_hyperexp(values: &[f64]) -> Result<Fit, FitError> {
    check(values)?;
    let moments: Moments = values.iter().copied().collect();
    let (mean, cv) = (moments.mean().unwrap_or(f64::NAN), moments.cv().unwrap_or(f64::NAN));
    fitted(Dist::hyperexp(mean, cv)?, values)
}

/// The Weibull of greatest likelihood. The shape k solves Σ xᵏ ln x / Σ xᵏ − 1/k = mean ln x (A. C. Cohen,
/// Technometrics 7(4), 1965, equation 2.5) by Newton's method, kept inside a bracket; the left side rises with k, so
/// there is one solution. The scale is (Σ xᵏ / n)^(1/k).
///
/// # Errors
/// As [`fit_lognormal`].
pub fn fit_weibull(values: &[f64]) -> Result<Fit, FitError> {
    check(values)?;
    // Relative to the greatest value no power overflows, and the logarithms are at most 0.
    let greatest = values.iter().copied().fold(0.0, f64::max);
    let logs: Vec<f64> = values.iter().map(|x| x.ln() - greatest.ln()).collect();
    let moments: Moments = logs.iter().copied().collect();
    let (mean_log, sd_log) = (moments.mean().unwrap_or(0.0), moments.sd().unwrap_or(0.0));
    let sums = |k: f64| {
        logs.iter().fold((0.0, 0.0, 0.0), |(s0, s1, s2), &l| {
            let w = (k * l).exp();
            (s0 + w, s1 + w * l, s2 + w * l * l)
        })
    };
    let (mut low, mut high) = (0.0, f64::INFINITY);
    // The moment estimate from the logarithms, whose standard deviation is π / (k √6).
    let mut k = std::f64::consts::PI / (6.0_f64.sqrt() * sd_log);
    // Newton takes under ten steps from there; the bracket alone would end after some sixty.
    for _ in 0..200 {
        let (s0, s1, s2) = sums(k);
        let ratio = s1 / s0;
        let value = ratio - 1.0 / k - mean_log;
        if value > 0.0 {
            high = k;
        } else {
            low = k;
        }
        let newton = k - value / (s2 / s0 - ratio * ratio + 1.0 / (k * k));
        let next = if newton > low && newton < high {
            newton
        } else if high.is_finite() {
            low + (high - low) / 2.0
        } else {
            2.0 * k
        };
        let done = (next - k).abs() <= 1e-14 * k;
        k = next;
        if done {
            break;
        }
    }
    let scale = greatest * (sums(k).0 / values.len() as f64).powf(1.0 / k);
    fitted(Dist::weibull(k, scale)?, values)
}

fn check(values: &[f64]) -> Result<(), FitError> {
    let (Some(&first), 2..) = (values.first(), values.len()) else {
        return Err(FitError::TooFew { found: values.len() });
    };
    if let Some(&found) = values.iter().find(|v| !(v.is_finite() && **v > 0.0)) {
        return Err(FitError::NotPositive { found });
    }
    if values.iter().all(|&v| v == first) {
        return Err(FitError::NoSpread { value: first });
    }
    Ok(())
}

fn fitted(dist: Dist, values: &[f64]) -> Result<Fit, FitError> {
    let ks = ks_distance(values, |x| dist.cdf(x));
    Ok(Fit { dist, ks, n: values.len() })
}
