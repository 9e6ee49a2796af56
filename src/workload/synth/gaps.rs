//! Gaps of mean 1 between the arrivals of a stationary renewal process with a given coefficient of variation.

use rand_distr::{Distribution, Gamma};

use crate::kernel::Stream;

/// The law of the gaps; mean 1.
///
/// - CV 0: constant.
/// - 0 < CV < 1: gamma with shape 1/CV², the usual law for arrivals more regular than Poisson's.
/// - CV 1: exponential, by inversion; the process is Poisson's.
/// - CV > 1: two exponentials with balanced means (`spec/spot_checkpoint.md` §1.2): each branch carries half of the
///   mean, the first is taken with probability (1 + √((CV² − 1)/(CV² + 1)))/2.
///
/// The first gap is drawn from the law of the time left at an arbitrary moment (the equilibrium law), so that the mean
/// number of arrivals in any interval is exactly its length.
#[derive(Clone, Debug, PartialEq)]
pub enum Gaps {
    /// CV 0.
    Constant,
    /// CV below 1.
    Gamma {
        /// The gaps.
        gap: Gamma<f64>,
        /// The gap that an arbitrary moment falls into: gamma again, its shape larger by 1.
        biased: Gamma<f64>,
    },
    /// CV 1.
    Exponential,
    /// CV above 1.
    HyperExp {
        /// Probability of the first branch.
        p: f64,
        /// Means of the branches.
        means: [f64; 2],
    },
}

/// The largest CV allowed: beyond it one gap in a million carries half of the time.
pub const MAX_CV: f64 = 1_000.0;

impl Gaps {
    /// Gaps of mean 1 with this coefficient of variation; `None` unless `0 ≤ cv ≤` [`MAX_CV`].
    #[must_use]
    pub fn new(cv: f64) -> Option<Gaps> {
        if !(0.0..=MAX_CV).contains(&cv) {
            return None;
        }
        // Below a thousandth the gamma's shape exceeds a million, and its gaps are constant to three figures.
        Some(if cv < 1e-3 {
            Gaps::Constant
        } else if cv < 1.0 {
            let shape = 1.0 / (cv * cv);
            Gaps::Gamma {
                gap: Gamma::new(shape, 1.0 / shape).ok()?,
                biased: Gamma::new(shape + 1.0, 1.0 / shape).ok()?,
            }
        } else if cv == 1.0 {
            Gaps::Exponential
        } else {
            let c2 = cv * cv;
            let p = (1.0 + ((c2 - 1.0) / (c2 + 1.0)).sqrt()) / 2.0;
            // 1 − p without cancellation: (1 − x)/2 with x = √(1 − 2/(c² + 1)).
            let q = 1.0 / ((c2 + 1.0) * (2.0 * p));
            Gaps::HyperExp { p, means: [0.5 / p, 0.5 / q] }
        })
    }

    /// The time to the first arrival.
    pub fn first(&self, stream: &mut Stream) -> f64 {
        match self {
            Gaps::Constant => stream.uniform(),
            // An arbitrary moment falls into a gap in proportion to its length, at a uniform place in it.
            Gaps::Gamma { biased, .. } => stream.uniform() * biased.sample(stream),
            Gaps::Exponential => -stream.open().ln(),
            // Balanced: either branch carries half of the time.
            Gaps::HyperExp { means, .. } => {
                let branch = usize::from(stream.uniform() >= 0.5);
                -stream.open().ln() * means[branch]
            }
        }
    }

    /// The next gap. One draw (none when constant, two for the hyper-exponential; the gamma rejects, so a few).
    #[inline]
    pub fn next(&self, stream: &mut Stream) -> f64 {
        match self {
            Gaps::Exponential => -stream.open().ln(),
            Gaps::Constant => 1.0,
            Gaps::Gamma { gap, .. } => gap.sample(stream),
            Gaps::HyperExp { p, means } => {
                let branch = usize::from(stream.uniform() >= *p);
                -stream.open().ln() * means[branch]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Streams;

    #[test]
    fn gaps_have_mean_one_and_the_cv_asked_for() {
        for cv in [0.0, 0.3, 0.8, 1.0, 1.6, 3.0] {
            let g = Gaps::new(cv).unwrap();
            let mut s = Streams::new(7, 0).stream("arrivals", "t", 0);
            let n = 400_000;
            let (mut sum, mut sq) = (0.0, 0.0);
            for _ in 0..n {
                let x = g.next(&mut s);
                assert!(x >= 0.0);
                sum += x;
                sq += x * x;
            }
            let mean = sum / f64::from(n);
            let sd = (sq / f64::from(n) - mean * mean).max(0.0).sqrt();
            assert!((mean - 1.0).abs() <= 4.0 * cv / f64::from(n).sqrt() + 1e-12, "{cv}: mean {mean}");
            assert!((sd - cv).abs() <= 0.02 * cv + 1e-6, "{cv}: sd {sd}");
        }
    }

    #[test]
    fn the_first_gap_has_the_equilibrium_mean() {
        // E[first] = (1 + CV²)/2 for gaps of mean 1 (the inspection paradox).
        for cv in [0.0, 0.5, 1.0, 2.0] {
            let g = Gaps::new(cv).unwrap();
            let mut s = Streams::new(8, 0).stream("arrivals", "t", 0);
            let n = 200_000;
            let mean = (0..n).map(|_| g.first(&mut s)).sum::<f64>() / f64::from(n);
            let want = (1.0 + cv * cv) / 2.0;
            assert!((mean / want - 1.0).abs() < 0.02, "{cv}: {mean} for {want}");
        }
    }

    #[test]
    fn a_cv_that_is_none_is_refused() {
        assert!([-0.1, f64::NAN, f64::INFINITY, 1e9].iter().all(|c| Gaps::new(*c).is_none()));
    }
}
