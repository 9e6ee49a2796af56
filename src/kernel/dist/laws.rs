//! The laws with a formula.

use rand_distr::{Distribution, Exp1};
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::{checked_gamma_lr, gamma, ln_gamma};

use super::{DistError, Law, Stream, finite, least_reaching, not_negative, positive};
use crate::kernel::stats::normal_quantile;

/// Φ⁻¹(0.95), by which a 95th percentile fixes a log-normal's spread.
const Z95: f64 = 1.644_853_626_951_472_7;

/// The mean of a law that has one must be a number.
fn with_mean<L: Law>(law: L) -> Result<L, DistError> {
    if law.mean().is_finite() { Ok(law) } else { Err(DistError::Overflow) }
}

/// See [`Dist::constant`](super::Dist::constant).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    value: f64,
}

impl Constant {
    pub(super) fn new(value: f64) -> Result<Constant, DistError> {
        Ok(Constant { value: finite("the value", value)? })
    }
}

impl Law for Constant {
    /// Draws nothing from the stream.
    #[inline]
    fn sample(&self, _: &mut Stream) -> f64 {
        self.value
    }
    fn mean(&self) -> f64 {
        self.value
    }
    fn variance(&self) -> f64 {
        0.0
    }
    fn cdf(&self, x: f64) -> f64 {
        if x < self.value { 0.0 } else { 1.0 }
    }
    fn quantile(&self, _: f64) -> f64 {
        self.value
    }
}

/// See [`Dist::uniform`](super::Dist::uniform).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform {
    low: f64,
    high: f64,
}

impl Uniform {
    pub(super) fn new(low: f64, high: f64) -> Result<Uniform, DistError> {
        let (low, high) = (finite("the low end", low)?, finite("the high end", high)?);
        if high < low {
            return Err(DistError::Order { what: "the high end", than: "the low end", found: high, bound: low });
        }
        // A width beyond the largest number would make every draw infinite.
        if !(high - low).is_finite() {
            return Err(DistError::Overflow);
        }
        Ok(Uniform { low, high })
    }
}

impl Law for Uniform {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.quantile(stream.uniform())
    }
    fn mean(&self) -> f64 {
        self.low + (self.high - self.low) / 2.0
    }
    fn variance(&self) -> f64 {
        (self.high - self.low).powi(2) / 12.0
    }
    fn cdf(&self, x: f64) -> f64 {
        if x >= self.high {
            1.0
        } else if x < self.low {
            0.0
        } else {
            (x - self.low) / (self.high - self.low)
        }
    }
    fn quantile(&self, p: f64) -> f64 {
        (self.low + (self.high - self.low) * p).min(self.high)
    }
}

/// See [`Dist::exponential`](super::Dist::exponential).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    mean: f64,
}

impl Exponential {
    pub(super) fn new(mean: f64) -> Result<Exponential, DistError> {
        Ok(Exponential { mean: positive("the mean", mean)? })
    }
}

impl Law for Exponential {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        let unit: f64 = Exp1.sample(stream);
        unit * self.mean
    }
    fn mean(&self) -> f64 {
        self.mean
    }
    fn variance(&self) -> f64 {
        self.mean * self.mean
    }
    fn cdf(&self, x: f64) -> f64 {
        -(-x.max(0.0) / self.mean).exp_m1()
    }
    fn quantile(&self, p: f64) -> f64 {
        // `0 −` rather than a minus sign: the quantile of 0 is 0, not −0.
        (0.0 - (-p).ln_1p()) * self.mean
    }
}

/// See [`Dist::lognormal`](super::Dist::lognormal).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    mu: f64,
    sigma: f64,
    draws: rand_distr::LogNormal<f64>,
}

impl LogNormal {
    pub(super) fn new(mu: f64, sigma: f64) -> Result<LogNormal, DistError> {
        let (mu, sigma) = (finite("mu", mu)?, not_negative("sigma", sigma)?);
        let draws = rand_distr::LogNormal::new(mu, sigma).map_err(|_| DistError::Overflow)?;
        with_mean(LogNormal { mu, sigma, draws })
    }

    pub(super) fn from_median_p95(median: f64, p95: f64) -> Result<LogNormal, DistError> {
        let (median, p95) = (positive("the median", median)?, positive("p95", p95)?);
        if p95 < median {
            return Err(DistError::Order { what: "p95", than: "the median", found: p95, bound: median });
        }
        LogNormal::new(median.ln(), (p95.ln() - median.ln()) / Z95)
    }

    pub(super) fn from_mean_cv(mean: f64, cv: f64) -> Result<LogNormal, DistError> {
        let (mean, cv) = (positive("the mean", mean)?, not_negative("the cv", cv)?);
        let variance = (cv * cv).ln_1p();
        LogNormal::new(mean.ln() - variance / 2.0, variance.sqrt())
    }

    /// The mean of the logarithm.
    #[must_use]
    pub fn mu(&self) -> f64 {
        self.mu
    }

    /// The standard deviation of the logarithm.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        self.sigma
    }
}

impl Law for LogNormal {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draws.sample(stream)
    }
    fn mean(&self) -> f64 {
        (self.mu + self.sigma * self.sigma / 2.0).exp()
    }
    fn variance(&self) -> f64 {
        let s2 = self.sigma * self.sigma;
        s2.exp_m1() * (2.0 * self.mu + s2).exp()
    }
    fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 {
            0.0
        } else if self.sigma == 0.0 {
            if x < self.mu.exp() { 0.0 } else { 1.0 }
        } else {
            Normal::standard().cdf((x.ln() - self.mu) / self.sigma)
        }
    }
    fn quantile(&self, p: f64) -> f64 {
        // Without spread the ends would be 0 · ∞.
        if self.sigma == 0.0 { self.mu.exp() } else { (self.mu + self.sigma * normal_quantile(p)).exp() }
    }
}

/// See [`Dist::weibull`](super::Dist::weibull).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    shape: f64,
    scale: f64,
    draws: rand_distr::Weibull<f64>,
}

impl Weibull {
    pub(super) fn new(shape: f64, scale: f64) -> Result<Weibull, DistError> {
        let (shape, scale) = (positive("the shape", shape)?, positive("the scale", scale)?);
        let draws = rand_distr::Weibull::new(scale, shape).map_err(|_| DistError::Overflow)?;
        with_mean(Weibull { shape, scale, draws })
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// The scale: the 63.2 % quantile.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }
}

impl Law for Weibull {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draws.sample(stream)
    }
    fn mean(&self) -> f64 {
        self.scale * gamma(1.0 + 1.0 / self.shape)
    }
    fn variance(&self) -> f64 {
        // Γ(1+2/k) − Γ(1+1/k)² as a product, which keeps the digits of a large shape.
        let (first, second) = (ln_gamma(1.0 + 1.0 / self.shape), ln_gamma(1.0 + 2.0 / self.shape));
        self.scale * self.scale * (2.0 * first).exp() * (second - 2.0 * first).exp_m1().max(0.0)
    }
    fn cdf(&self, x: f64) -> f64 {
        -(-(x.max(0.0) / self.scale).powf(self.shape)).exp_m1()
    }
    fn quantile(&self, p: f64) -> f64 {
        self.scale * (0.0 - (-p).ln_1p()).powf(1.0 / self.shape)
    }
}

/// See [`Dist::gamma`](super::Dist::gamma).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    shape: f64,
    scale: f64,
    draws: rand_distr::Gamma<f64>,
}

impl Gamma {
    pub(super) fn new(mean: f64, cv: f64) -> Result<Gamma, DistError> {
        let (mean, cv) = (positive("the mean", mean)?, positive("the cv", cv)?);
        let (shape, scale) = ((cv * cv).recip(), mean * cv * cv);
        // A cv near 1e±154 leaves no shape or no scale.
        if !(shape > 0.0 && shape.is_finite() && scale > 0.0 && scale.is_finite()) {
            return Err(DistError::Overflow);
        }
        let draws = rand_distr::Gamma::new(shape, scale).map_err(|_| DistError::Overflow)?;
        Ok(Gamma { shape, scale, draws })
    }

    /// The shape, 1 / cv².
    #[must_use]
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// The scale, mean · cv².
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }
}

/// Beyond this shape the incomplete gamma function loses digits and time; the cube root of a Gamma is then normal to
/// better than 1e-6 (E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", PNAS 17, 1931).
const LARGE_SHAPE: f64 = 1e5;

impl Law for Gamma {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draws.sample(stream)
    }
    fn mean(&self) -> f64 {
        self.shape * self.scale
    }
    fn variance(&self) -> f64 {
        self.shape * self.scale * self.scale
    }
    fn cdf(&self, x: f64) -> f64 {
        let x = x / self.scale;
        if x <= 0.0 {
            0.0
        } else if x == f64::INFINITY {
            1.0
        } else if self.shape > LARGE_SHAPE {
            let ninth = (9.0 * self.shape).recip();
            Normal::standard().cdf(((x / self.shape).cbrt() - (1.0 - ninth)) / ninth.sqrt())
        } else {
            // Arguments are positive and finite, the only ones it refuses.
            checked_gamma_lr(self.shape, x).unwrap_or(f64::NAN)
        }
    }
    fn quantile(&self, p: f64) -> f64 {
        if p == 1.0 { f64::INFINITY } else { least_reaching(p, 0.0, f64::MAX, |x| self.cdf(x)) }
    }
}

/// See [`Dist::pareto`](super::Dist::pareto).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pareto {
    scale: f64,
    shape: f64,
    draws: rand_distr::Pareto<f64>,
}

impl Pareto {
    pub(super) fn new(scale: f64, shape: f64) -> Result<Pareto, DistError> {
        let (scale, shape) = (positive("the scale", scale)?, positive("the shape", shape)?);
        let draws = rand_distr::Pareto::new(scale, shape).map_err(|_| DistError::Overflow)?;
        Ok(Pareto { scale, shape, draws })
    }
}

impl Law for Pareto {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draws.sample(stream)
    }
    fn mean(&self) -> f64 {
        if self.shape <= 1.0 { f64::INFINITY } else { self.scale * (self.shape / (self.shape - 1.0)) }
    }
    fn variance(&self) -> f64 {
        let a = self.shape;
        if a <= 2.0 {
            return f64::INFINITY;
        }
        (self.scale / (a - 1.0)).powi(2) * (a / (a - 2.0))
    }
    fn cdf(&self, x: f64) -> f64 {
        if x < self.scale { 0.0 } else { 1.0 - (self.scale / x).powf(self.shape) }
    }
    fn quantile(&self, p: f64) -> f64 {
        self.scale * (1.0 - p).powf(-1.0 / self.shape)
    }
}

/// See [`Dist::hyperexp`](super::Dist::hyperexp): with probability p an exponential of rate λ₁, else of rate λ₂.
///
/// Balanced means (each phase brings half of the mean): p = ½(1 + √((c²−1)/(c²+1))), λ₁ = 2p/m, λ₂ = 2(1−p)/m, the
/// usual two-moment fit (H. C. Tijms, "Stochastic Models", 1994, appendix B).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HyperExp {
    p: f64,
    rest: f64,
    mean: f64,
    cv: f64,
}

impl HyperExp {
    pub(super) fn new(mean: f64, cv: f64) -> Result<HyperExp, DistError> {
        let (mean, cv) = (positive("the mean", mean)?, positive("the cv", cv)?);
        if cv < 1.0 {
            return Err(DistError::CvBelowOne { found: cv });
        }
        let c2 = cv * cv;
        let root = ((c2 - 1.0) / (c2 + 1.0)).sqrt();
        // 1 − p without subtracting near equals: ½(1−r) = ½(1−r²)/(1+r) and 1−r² = 2/(c²+1).
        let (p, rest) = (0.5 * (1.0 + root), ((c2 + 1.0) * (1.0 + root)).recip());
        let law = HyperExp { p, rest, mean, cv };
        if rest > 0.0 && (mean / rest).is_finite() { Ok(law) } else { Err(DistError::Overflow) }
    }

    /// The probability p of the first, shorter phase.
    #[must_use]
    pub fn p(&self) -> f64 {
        self.p
    }

    /// The rates λ₁ ≥ λ₂ of the phases, per unit of the mean.
    #[must_use]
    pub fn rates(&self) -> (f64, f64) {
        (2.0 * self.p / self.mean, 2.0 * self.rest / self.mean)
    }
}

impl Law for HyperExp {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        let half = if stream.uniform() < self.p { self.p } else { self.rest };
        let unit: f64 = Exp1.sample(stream);
        unit * (self.mean / (2.0 * half))
    }
    fn mean(&self) -> f64 {
        self.mean
    }
    fn variance(&self) -> f64 {
        (self.mean * self.cv).powi(2)
    }
    fn cdf(&self, x: f64) -> f64 {
        let (first, second) = self.rates();
        let x = x.max(0.0);
        0.0 - self.p * (-first * x).exp_m1() - self.rest * (-second * x).exp_m1()
    }
    fn quantile(&self, p: f64) -> f64 {
        if p == 1.0 { f64::INFINITY } else { least_reaching(p, 0.0, f64::MAX, |x| self.cdf(x)) }
    }
}
