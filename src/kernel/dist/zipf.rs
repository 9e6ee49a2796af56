//! Zipf's law over the ranks 1 to n.

use rand_distr::Distribution;

use super::{DistError, Law, Stream, not_negative};

/// See [`Dist::zipf`](super::Dist::zipf).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zipf {
    n: u64,
    exponent: f64,
    /// Σ k^−exponent over all ranks.
    total: f64,
    draws: rand_distr::Zipf<f64>,
}

impl Zipf {
    pub(super) fn new(n: u64, exponent: f64) -> Result<Zipf, DistError> {
        let given = not_negative("the exponent", exponent)?;
        if !(1..=1 << 53).contains(&n) {
            return Err(DistError::Ranks { found: n });
        }
        // The sampler divides by 1 − exponent. So near to 1 it would lose its digits, and the law is that of 1 to
        // within a relative 1e-9 · ln n.
        let exponent = if (given - 1.0).abs() < 1e-9 { 1.0 } else { given };
        let draws = rand_distr::Zipf::new(n as f64, exponent).map_err(|_| DistError::Overflow)?;
        Ok(Zipf { n, exponent, total: harmonic(n, exponent), draws })
    }
}

impl Law for Zipf {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        // The rejection method works on a continuous hat; its rounding may reach one beyond the last rank.
        self.draws.sample(stream).min(self.n as f64)
    }
    fn mean(&self) -> f64 {
        harmonic(self.n, self.exponent - 1.0) / self.total
    }
    fn variance(&self) -> f64 {
        (harmonic(self.n, self.exponent - 2.0) / self.total - self.mean().powi(2)).max(0.0)
    }
    fn cdf(&self, x: f64) -> f64 {
        if x < 1.0 {
            0.0
        } else if x >= self.n as f64 {
            1.0
        } else {
            harmonic(x as u64, self.exponent) / self.total
        }
    }
    fn quantile(&self, p: f64) -> f64 {
        let (mut low, mut high) = (1, self.n);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.cdf(middle as f64) >= p {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low as f64
    }
}

/// Σ k^−s for k from 1 to n: the first terms one by one, the rest by Euler and Maclaurin's formula up to the fifth
/// derivative, which from the 32nd term on is exact to the last digits of an `f64`.
fn harmonic(n: u64, s: f64) -> f64 {
    const DIRECT: u64 = 32;
    let direct: f64 = (1..=n.min(DIRECT)).rev().map(|k| (k as f64).powf(-s)).sum();
    if n <= DIRECT {
        return direct;
    }
    let (a, b) = (DIRECT as f64, n as f64);
    let slope = 1.0 - s;
    let octaves = (b / a).ln();
    let integral = if slope == 0.0 { octaves } else { a.powf(slope) * (slope * octaves).exp_m1() / slope };
    let terms = |x: f64| {
        let (f, x2) = (x.powf(-s), x * x);
        let first = -s * f / x;
        let third = first * (s + 1.0) * (s + 2.0) / x2;
        let fifth = third * (s + 3.0) * (s + 4.0) / x2;
        f / 2.0 + first / 12.0 - third / 720.0 + fifth / 30_240.0
    };
    direct + integral + terms(b) - terms(a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_harmonic_sums_equal_their_terms_added_up() {
        for s in [-2.0, -1.0, -0.3, 0.0, 0.5, 1.0, 1.0 + 1e-10, 1.1, 2.5, 20.0] {
            for n in [1, 31, 32, 33, 1_000, 20_000] {
                let slow: f64 = (1..=n).rev().map(|k| f64::from(k as u32).powf(-s)).sum();
                let fast = harmonic(n, s);
                assert!((fast / slow - 1.0).abs() < 1e-12, "{s} {n}: {fast} {slow}");
            }
        }
    }
}
