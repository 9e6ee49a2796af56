//! A figure in two samples that met the same luck: the difference, pair by pair, and what may be said of it.

use serde::{Deserialize, Serialize};

use crate::experiment::luck::Mean;
use crate::kernel::Moments;
use crate::kernel::stats::correlation;
use crate::outcome::Direction;

/// A figure by replication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The metric's name: `cost.total`.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Which way is better.
    pub better: Direction,
    /// By replication; absent where its denominator is nothing.
    pub values: Vec<Option<f64>>,
}

/// What may be said of a difference, from its 95 % interval alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval lies on the better side of nothing.
    Better,
    /// The interval lies on the worse side.
    Worse,
    /// Above nothing, for a figure of which neither side is better.
    Higher,
    /// Below nothing, likewise.
    Lower,
    /// Equal in every pair, of which there are two or more.
    Same,
    /// The interval has nothing in it: no difference is told. So it is with fewer than two pairs, and where the figure is
    /// absent in some.
    NotTold,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Higher => "higher",
            Verdict::Lower => "lower",
            Verdict::Same => "the same",
            Verdict::NotTold => "unclear",
        }
    }
}

/// What became of one figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The metric's name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Which way is better.
    pub better: Direction,
    /// The base's mean over the pairs.
    pub base: Option<f64>,
    /// The candidate's.
    pub candidate: Option<f64>,
    /// Candidate less base, with the paired t interval.
    pub change: Option<Mean>,
    /// The same in percent of the base's mean; none where that is nothing.
    pub percent: Option<Mean>,
    /// Pairs in which both have the figure.
    pub pairs: u32,
    /// Pairs in which one has not.
    pub missing: u32,
    /// Correlation over the pairs: what pairing is worth.
    pub correlation: Option<f64>,
    /// What may be said.
    pub verdict: Verdict,
}

impl Change {
    /// Compares two series of one metric.
    #[must_use]
    pub fn of(base: &Series, candidate: &Series) -> Change {
        let (b, c) = both(base, candidate);
        let mean = |v: &[f64]| v.iter().copied().collect::<Moments>().mean();
        let (mean_b, mean_c) = (mean(&b), mean(&c));
        let missing = (base.values.len().max(candidate.values.len()) - b.len()) as u32;
        let change = difference(&b, &c);
        // The differences are scaled by the mean of the base, and the interval with them.
        let percent = match (change, mean_b) {
            (Some(d), Some(m)) if m != 0.0 => {
                let scale = |v: f64| 100.0 * v / m.abs();
                Some(Mean { mean: scale(d.mean), low: d.low.map(scale), high: d.high.map(scale) })
            }
            _ => None,
        };
        let verdict = if missing > 0 { Verdict::NotTold } else { verdict(&b, &c, change, base.better) };
        Change {
            name: base.name.clone(),
            unit: base.unit.clone(),
            better: base.better,
            base: mean_b,
            candidate: mean_c,
            change,
            percent,
            pairs: b.len() as u32,
            missing,
            correlation: correlation(&b, &c),
            verdict,
        }
    }
}

/// The pairs in which both have the figure.
fn both(base: &Series, candidate: &Series) -> (Vec<f64>, Vec<f64>) {
    base.values.iter().zip(&candidate.values).filter_map(|(b, c)| Some(((*b)?, (*c)?))).unzip()
}

/// Candidate less base with its paired 95 % t interval; none without a pair, no ends from one pair.
#[must_use]
pub fn difference(base: &[f64], candidate: &[f64]) -> Option<Mean> {
    Mean::of(&base.iter().zip(candidate).map(|(b, c)| c - b).collect::<Vec<_>>())
}

fn verdict(b: &[f64], c: &[f64], change: Option<Mean>, better: Direction) -> Verdict {
    let Some(Mean { low: Some(low), high: Some(high), .. }) = change else { return Verdict::NotTold };
    if b == c {
        return Verdict::Same;
    }
    match (low > 0.0, high < 0.0, better) {
        (true, _, Direction::Higher) | (_, true, Direction::Lower) => Verdict::Better,
        (true, _, Direction::Lower) | (_, true, Direction::Higher) => Verdict::Worse,
        (true, _, Direction::Neutral) => Verdict::Higher,
        (_, true, Direction::Neutral) => Verdict::Lower,
        _ => Verdict::NotTold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Streams, paired_interval};
    use proptest::prelude::*;

    fn series(values: &[f64], better: Direction) -> Series {
        Series {
            name: "cost.total".into(),
            unit: "USD".into(),
            better,
            values: values.iter().copied().map(Some).collect(),
        }
    }

    const BASE: [f64; 8] = [1000.0, 1120.0, 940.0, 1060.0, 1180.0, 890.0, 1010.0, 1090.0];
    const CAND: [f64; 8] = [1035.0, 1150.0, 975.0, 1088.0, 1224.0, 915.0, 1049.0, 1120.0];

    #[test]
    fn eight_pairs_tell_what_the_same_figures_unpaired_do_not() {
        // Worked by hand from the differences 35, 30, 35, 28, 44, 25, 39, 30: s = 6.22781778, t(7; 97.5 %) = 2.36462425.
        let c = Change::of(&series(&BASE, Direction::Lower), &series(&CAND, Direction::Lower));
        let d = c.change.unwrap();
        assert!((d.mean - 33.25).abs() < 1e-9);
        assert!((d.low.unwrap() - 28.043_414).abs() < 1e-4 && (d.high.unwrap() - 38.456_586).abs() < 1e-4, "{d:?}");
        let p = c.percent.unwrap();
        assert!((p.mean - 3.208_685).abs() < 1e-5, "{p:?}");
        assert!((p.low.unwrap() - 2.706_2).abs() < 1e-4 && (p.high.unwrap() - 3.711_1).abs() < 1e-4, "{p:?}");
        assert!((c.correlation.unwrap() - 0.998_366).abs() < 1e-6);
        assert_eq!((c.verdict, c.pairs, c.missing), (Verdict::Worse, 8, 0));
        // More is better: the same rise is good news; where neither is, it is a rise.
        let of = |d| Change::of(&series(&BASE, d), &series(&CAND, d)).verdict;
        assert_eq!((of(Direction::Higher), of(Direction::Neutral)), (Verdict::Better, Verdict::Higher));
        // Unpaired, the standard error is 48.4 and the interval has nothing in it.
        let var = |v: &[f64]| v.iter().copied().collect::<Moments>().variance().unwrap();
        let differences: Vec<f64> = BASE.iter().zip(CAND).map(|(b, c)| c - b).collect();
        assert!(((var(&BASE) + var(&CAND)) / var(&differences) - 484.0).abs() < 1.0);
    }

    #[test]
    fn what_is_absent_or_alone_tells_nothing() {
        let one = Change::of(&series(&[1.0], Direction::Lower), &series(&[2.0], Direction::Lower));
        assert_eq!((one.verdict, one.change.unwrap().low), (Verdict::NotTold, None));
        let mut gap = series(&CAND, Direction::Lower);
        gap.values[3] = None;
        let c = Change::of(&series(&BASE, Direction::Lower), &gap);
        assert_eq!((c.pairs, c.missing, c.verdict), (7, 1, Verdict::NotTold));
        let zero = Change::of(&series(&[0.0, 0.0], Direction::Lower), &series(&[1.0, 3.0], Direction::Lower));
        assert_eq!((zero.percent, zero.change.unwrap().mean), (None, 2.0));
    }

    #[test]
    fn an_interval_of_twenty_covers_in_95_of_100() {
        // Differences of mean 3 that are uniform: 12 draws of [0, 1) less 6, a sum near the normal law, plus 3.
        let mut s = Streams::new(11, 0).stream("coverage", "test", 0);
        let mut covered = 0;
        for _ in 0..1_000 {
            let base: Vec<f64> = (0..20).map(|_| 100.0 * s.uniform()).collect();
            let cand: Vec<f64> =
                base.iter().map(|b| b + 3.0 + (0..12).map(|_| s.uniform()).sum::<f64>() - 6.0).collect();
            let d = difference(&base, &cand).unwrap();
            covered += u32::from(d.low.unwrap() <= 3.0 && 3.0 <= d.high.unwrap());
        }
        assert!((930..=970).contains(&covered), "{covered} of 1,000");
    }

    proptest! {
        #[test]
        fn comparing_with_oneself_is_nothing_and_the_other_way_round_is_the_negative(
            pairs in proptest::collection::vec((-1e6..1e6f64, -1e6..1e6f64), 2..30)
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let (a, b) = (series(&a, Direction::Lower), series(&b, Direction::Lower));
            let own = Change::of(&a, &a);
            prop_assert_eq!(own.verdict, Verdict::Same);
            prop_assert_eq!(own.change, Some(Mean { mean: 0.0, low: Some(0.0), high: Some(0.0) }));
            let (to, fro) = (Change::of(&a, &b).change.unwrap(), Change::of(&b, &a).change.unwrap());
            prop_assert!((to.mean + fro.mean).abs() < 1e-6);
            prop_assert!((to.low.unwrap() + fro.high.unwrap()).abs() < 1e-6);
            let (x, y) = both(&a, &b);
            prop_assert_eq!(to.low, Some(paired_interval(&x, &y, 0.95).unwrap().low));
        }
    }
}
