//! How long prompts and answers are: two laws over whole tokens, joined by a rank correlation.
//!
//! Both lengths are functions of normal draws, z₁ and ρ·z₁ + √(1 − ρ²)·z₂ (a Gaussian copula), so that each keeps its own law whatever
//! the correlation. A Spearman rank correlation r_s needs ρ = 2·sin(π·r_s/6) (Kruskal, "Ordinal measures of association",
//! JASA 53, 1958). The inverse distribution is tabulated over z, because a request must cost a few nanoseconds.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use rand_distr::{Distribution, StandardNormal};
use statrs::function::erf::erfc;

use super::TrafficError;
use crate::kernel::{Dist, Stream};

/// The largest number of tokens of a length: floats of single precision are exact up to here.
pub const MAX_TOKENS: u32 = 1 << 24;

/// The laws of a request's lengths. Draws are rounded to whole tokens and kept from 1 to the cap.
#[derive(Clone, Debug, PartialEq)]
pub struct Lengths {
    /// Tokens of the prompt.
    pub input: Dist,
    /// Tokens generated.
    pub output: Dist,
    /// Spearman's rank correlation of the two, −1 to 1.
    pub correlation: f64,
    /// Longer prompts are cut to this.
    pub max_input: u32,
    /// Longer answers are cut to this.
    pub max_output: u32,
}

impl Lengths {
    /// Independent lengths without a cap.
    #[must_use]
    pub fn new(input: Dist, output: Dist) -> Lengths {
        Lengths { input, output, correlation: 0.0, max_input: MAX_TOKENS, max_output: MAX_TOKENS }
    }

    /// The conversation trace of Azure, November 2023 (Azure/AzurePublicDataset `AzureLLMInferenceTrace_conv.csv`,
    /// CC-BY-4.0; Patel et al., "Splitwise", ISCA 2024): 19,366 requests, quantiles and rank correlation measured by us.
    #[must_use]
    pub fn azure_conversation() -> Lengths {
        fitted(super::azure::CONV_INPUT, super::azure::CONV_OUTPUT, super::azure::CONV_CORRELATION)
    }

    /// The code-completion trace of the same source: 8,819 requests; its prompts are cut at 7,437 tokens.
    #[must_use]
    pub fn azure_code() -> Lengths {
        fitted(super::azure::CODE_INPUT, super::azure::CODE_OUTPUT, super::azure::CODE_CORRELATION)
    }

    /// # Errors
    /// All that is wrong.
    pub(super) fn compile(&self) -> Result<Pair, Vec<TrafficError>> {
        let mut wrong = Vec::new();
        if !(-1.0..=1.0).contains(&self.correlation) {
            wrong.push(TrafficError::Correlation(self.correlation));
        }
        for cap in [self.max_input, self.max_output] {
            if !(1..=MAX_TOKENS).contains(&cap) {
                wrong.push(TrafficError::Cap(cap));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let rho = (2.0 * (PI * self.correlation / 6.0).sin()).clamp(-1.0, 1.0);
        Ok(Pair {
            input: Table::new(&self.input, self.max_input),
            output: Table::new(&self.output, self.max_output),
            rho,
            rest: (1.0 - rho * rho).sqrt(),
        })
    }
}

fn fitted(input: &[(f64, f64)], output: &[(f64, f64)], correlation: f64) -> Lengths {
    let law = |points| Dist::quantiles(points).expect("the embedded tables are tested");
    Lengths { correlation, ..Lengths::new(law(input), law(output)) }
}

/// Lengths ready to draw.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    input: Table,
    output: Table,
    rho: f64,
    rest: f64,
}

impl Pair {
    /// Input and output. One normal draw of each stream.
    #[inline]
    pub fn draw(&self, input: &mut Stream, output: &mut Stream) -> (u32, u32) {
        let first: f64 = StandardNormal.sample(input);
        let own: f64 = StandardNormal.sample(output);
        (self.input.at(first), self.output.at(self.rho * first + self.rest * own))
    }
}

/// The table covers this many standard deviations on either side: beyond lies a chance of 10⁻¹⁵.
const REACH: f64 = 8.0;
/// Cells a standard deviation.
const CELLS_PER_SD: usize = 256;
const CELLS: usize = 2 * REACH as usize * CELLS_PER_SD;

/// A law's quantile function over normal scores: straight lines between 4,097 knots. The error of a log-normal of
/// σ = 3 is below 2·10⁻⁵ of the value ((σh)²/8, h = 1/256).
#[derive(Clone, Debug)]
struct Table {
    knots: Vec<f32>,
    /// A law with jumps, which lines would smear: asked itself wherever a cell is not level.
    jumps: Option<Dist>,
    cap: f64,
}

impl Table {
    fn new(law: &Dist, cap: u32) -> Table {
        let cap = f64::from(cap);
        let knot = |i: usize| {
            let z = i as f64 / CELLS_PER_SD as f64 - REACH;
            law.quantile(normal_cdf(z)).clamp(1.0, cap) as f32
        };
        let jumps = match law {
            Dist::Values(_) | Dist::Zipf(_) | Dist::Mixture(_) => Some(law.clone()),
            _ => None,
        };
        Table { knots: (0..=CELLS).map(knot).collect(), jumps, cap }
    }

    /// The tokens of a normal score.
    #[inline]
    fn at(&self, z: f64) -> u32 {
        let place = ((z + REACH) * CELLS_PER_SD as f64).clamp(0.0, CELLS as f64 - 0.5);
        let cell = place as usize;
        let (low, high) = (f64::from(self.knots[cell]), f64::from(self.knots[cell + 1]));
        if let (Some(law), true) = (&self.jumps, low != high) {
            return (law.quantile(normal_cdf(z)).clamp(1.0, self.cap) + 0.5) as u32;
        }
        (low + (high - low) * (place - cell as f64) + 0.5) as u32
    }
}

fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z * FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Streams;
    use crate::kernel::stats::{correlation, ks_distance};

    fn draws(lengths: &Lengths, n: usize) -> Vec<(u32, u32)> {
        let pair = lengths.compile().unwrap();
        let s = Streams::new(3, 0);
        let (mut a, mut b) = (s.stream("input", "t", 0), s.stream("output", "t", 0));
        (0..n).map(|_| pair.draw(&mut a, &mut b)).collect()
    }

    fn ranks(values: &[f64]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
        let mut out = vec![0.0; values.len()];
        for (rank, i) in order.into_iter().enumerate() {
            out[i] = rank as f64;
        }
        out
    }

    #[test]
    fn draws_follow_their_laws_whatever_the_correlation() {
        for correlation in [-1.0, -0.4, 0.0, 0.7, 1.0] {
            let law = Dist::lognormal(9.0, 1.2).unwrap();
            let out = Dist::weibull(0.8, 20_000.0).unwrap();
            let lengths = Lengths { correlation, ..Lengths::new(law.clone(), out.clone()) };
            let n = 40_000;
            let got = draws(&lengths, n);
            // Kolmogorov's critical value at 99.9 %; lengths are in thousands, so rounding does not show.
            let limit = 1.95 / (n as f64).sqrt();
            for (law, side) in [(law, 0), (out, 1)] {
                let values: Vec<f64> = got.iter().map(|d| f64::from(if side == 0 { d.0 } else { d.1 })).collect();
                assert!(ks_distance(&values, |x| law.cdf(x)) < limit + 5e-4, "{correlation} {side}");
            }
        }
    }

    #[test]
    fn the_rank_correlation_asked_for_is_reached() {
        for r in [-0.8, -0.3, 0.0, 0.3, 0.5, 0.9, 1.0] {
            let law = || Dist::lognormal(9.0, 1.0).unwrap();
            let lengths = Lengths { correlation: r, ..Lengths::new(law(), law()) };
            let got = draws(&lengths, 50_000);
            let x = ranks(&got.iter().map(|d| f64::from(d.0)).collect::<Vec<_>>());
            let y = ranks(&got.iter().map(|d| f64::from(d.1)).collect::<Vec<_>>());
            let found = correlation(&x, &y).unwrap();
            // Three standard errors at most 3/√n.
            assert!((found - r).abs() < 3.0 / (50_000_f64).sqrt(), "{r}: {found}");
        }
    }

    #[test]
    fn a_correlation_changes_outputs_only() {
        let base = Lengths::azure_conversation();
        let other = Lengths { correlation: 0.6, ..base.clone() };
        let (a, b) = (draws(&base, 100), draws(&other, 100));
        assert!(a.iter().zip(&b).all(|(x, y)| x.0 == y.0) && a != b);
    }

    #[test]
    fn a_table_of_values_gives_its_values_and_no_others() {
        let law = Dist::values(&[(10.0, 1.0), (200.0, 1.0), (4000.0, 2.0)]).unwrap();
        let got = draws(&Lengths::new(law, Dist::constant(0.2).unwrap()), 20_000);
        let count = |v: u32| got.iter().filter(|d| d.0 == v).count() as f64;
        assert!(count(10) + count(200) + count(4000) == 20_000.0 && got.iter().all(|d| d.1 == 1));
        // Four standard deviations of a binomial (20 000, 1/4) and (20 000, 1/2).
        assert!((count(10) - 5_000.0).abs() < 245.0 && (count(4000) - 10_000.0).abs() < 283.0);
    }

    #[test]
    fn a_cap_holds() {
        let lengths = Lengths { max_input: 500, max_output: 7, ..Lengths::azure_conversation() };
        let got = draws(&lengths, 5_000);
        assert!(got.iter().all(|d| (1..=500).contains(&d.0) && (1..=7).contains(&d.1)));
        // 55 % of its prompts are longer than 500 tokens or more (quantile table of the data).
        assert!(got.iter().filter(|d| d.0 == 500).count() > 2_700);
    }

    #[test]
    fn lengths_that_are_none_are_refused() {
        let with = |correlation, max_input| Lengths { correlation, max_input, ..Lengths::azure_code() };
        assert_eq!(with(1.5, 10).compile().unwrap_err(), [TrafficError::Correlation(1.5)]);
        assert_eq!(with(0.0, 0).compile().unwrap_err(), [TrafficError::Cap(0)]);
        assert!(with(f64::NAN, MAX_TOKENS + 1).compile().unwrap_err().len() == 2);
    }
}
