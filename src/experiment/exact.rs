//! Intervals that rest on the binomial law alone: for quantiles between order statistics, for shares after Clopper and
//! Pearson. No law of the values is assumed, and no number of runs is too small to be right: a bound that so few runs
//! cannot give is not given.
//!
//! Both are the same argument. Of `n` independent values the number that lie below the quantile of `p` is binomial, so
//! that `X₍l₎ ≤ q_p ≤ X₍u₎` holds with probability `P(l ≤ B ≤ u − 1)` (H. A. David and H. N. Nagaraja, *Order
//! Statistics*, 3rd ed., 2003, section 7.1). And a share is the one under which what was counted is not too rare
//! (C. J. Clopper and E. S. Pearson, *Biometrika* 26, 1934).

use serde::{Deserialize, Serialize};
use statrs::function::beta::beta_reg;

/// A value that may be out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Here.
    At(f64),
    /// Above every run that finished: the horizon cut the others off, or they never end.
    Beyond,
    /// So few runs do not bound it on this side.
    TooFew,
}

impl Bound {
    /// The value, where there is one.
    #[must_use]
    pub const fn value(self) -> Option<f64> {
        match self {
            Bound::At(v) => Some(v),
            Bound::Beyond | Bound::TooFew => None,
        }
    }
}

/// A quantile with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// Of which share, 0 to 1.
    pub p: f64,
    /// The least value that at least this share of the runs does not exceed.
    pub value: Bound,
    /// Lower end of the interval.
    pub low: Bound,
    /// Upper end.
    pub high: Bound,
}

/// Which order statistics, from 1, bound the quantile of `p` among `n` values: lower and upper, none on a side that no
/// value bounds. Each side errs with probability (1 − confidence)/2 at most.
#[must_use]
pub fn ranks(n: usize, p: f64, confidence: f64) -> (Option<usize>, Option<usize>) {
    let tail = (1.0 - confidence) / 2.0;
    // `q < X₍l₎` when fewer than l values lie at or below it: P(B ≤ l − 1) ≤ tail. It rises with l.
    let l = first(n + 1, |l| at_most(l, n, p) > tail);
    // `q > X₍u₎` when u or more lie below it: P(B ≥ u) ≤ tail.
    let u = first(n + 1, |u| u > 0 && 1.0 - at_most(u - 1, n, p) <= tail);
    // The first k with P(B ≤ k) > tail is the largest l with P(B ≤ l − 1) ≤ tail.
    ((l > 0).then_some(l), (u <= n).then_some(u))
}

/// The probability that the interval between two order statistics holds the quantile of `p`, for values of a continuous
/// law.
#[must_use]
pub fn coverage(n: usize, p: f64, ranks: (Option<usize>, Option<usize>)) -> f64 {
    let above = ranks.1.map_or(1.0, |u| at_most(u - 1, n, p));
    let below = ranks.0.map_or(0.0, |l| at_most(l - 1, n, p));
    above - below
}

/// The quantile of `p` of ascending values, of which `beyond` more are known only to be larger than all of them.
#[must_use]
pub fn quantile(sorted: &[f64], beyond: usize, p: f64, confidence: f64) -> Quantile {
    debug_assert!(sorted.is_sorted(), "quantiles are of sorted samples");
    let n = sorted.len() + beyond;
    let at = |rank: usize| sorted.get(rank - 1).map_or(Bound::Beyond, |v| Bound::At(*v));
    let (low, high) = ranks(n, p, confidence);
    // A rank that is whole but for rounding is that rank.
    let rank = ((p * n as f64 - 1e-9).ceil().max(1.0) as usize).min(n);
    Quantile {
        p,
        value: if n == 0 { Bound::TooFew } else { at(rank) },
        low: low.map_or(Bound::TooFew, at),
        high: high.map_or(Bound::TooFew, at),
    }
}

/// The interval of a share of which `hits` among `n` were counted, both ends from 0 to 1 (Clopper and Pearson 1934).
#[must_use]
pub fn share(hits: usize, n: usize, confidence: f64) -> (f64, f64) {
    let tail = (1.0 - confidence) / 2.0;
    // P(B ≥ hits) rises with the share, P(B ≤ hits) falls.
    let low = if hits == 0 { 0.0 } else { bisect(|p| 1.0 - at_most(hits - 1, n, p) <= tail) };
    let high = if hits >= n { 1.0 } else { bisect(|p| at_most(hits, n, p) >= tail) };
    (low, high)
}

/// `P(B ≤ k)` for a binomial `B` of `n` trials: the regularised incomplete beta function.
fn at_most(k: usize, n: usize, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        1.0
    } else if p >= 1.0 {
        0.0
    } else {
        beta_reg((n - k) as f64, k as f64 + 1.0, 1.0 - p)
    }
}

/// The first number below `n` for which it holds, where it goes on to hold; `n` when there is none.
fn first(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut a, mut b) = (0, n);
    while a < b {
        let m = a + (b - a) / 2;
        if holds(m) { b = m } else { a = m + 1 }
    }
    a
}

/// Where, between 0 and 1, it ceases to hold.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut a, mut b) = (0.0, 1.0);
    for _ in 0..60 {
        let m = 0.5 * (a + b);
        if holds(m) { a = m } else { b = m }
    }
    0.5 * (a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The binomial law by its terms.
    fn terms(n: usize, p: f64) -> Vec<f64> {
        let mut all = vec![(1.0 - p).powi(n as i32)];
        for k in 1..=n {
            all.push(all[k - 1] * (n - k + 1) as f64 / k as f64 * p / (1.0 - p));
        }
        all
    }

    #[test]
    fn coverage_is_what_the_binomial_law_says_and_no_narrower_pair_of_ranks_would_do() {
        for n in 1..=120 {
            for p in [0.1, 0.5, 0.9, 0.99] {
                let t = terms(n, p);
                let sum = |from: usize, to: usize| t[from..to].iter().sum::<f64>();
                for confidence in [0.9, 0.95] {
                    let tail = (1.0 - confidence) / 2.0;
                    let (l, u) = ranks(n, p, confidence);
                    let exact = sum(l.unwrap_or(0), u.unwrap_or(n + 1));
                    assert!((coverage(n, p, (l, u)) - exact).abs() < 1e-10, "{n} {p}");
                    assert!(exact >= confidence - 1e-12, "{n} {p} {exact}");
                    // One rank further in, and that side errs too often.
                    assert!(sum(0, l.unwrap_or(0) + 1) > tail - 1e-12, "{n} {p} lower {l:?}");
                    let inner = u.map_or(n, |u| u - 1);
                    assert!(sum(inner, n + 1) > tail - 1e-12, "{n} {p} upper {u:?}");
                }
            }
        }
    }

    #[test]
    fn the_textbook_ranks() {
        // The median of ten values lies between the second and the ninth with probability 1 − 2·11/1024.
        assert_eq!(ranks(10, 0.5, 0.95), (Some(2), Some(9)));
        assert!((coverage(10, 0.5, (Some(2), Some(9))) - (1.0 - 22.0 / 1024.0)).abs() < 1e-12);
        // Five values do not bound their median at 95 %: 2/32 lie outside of all of them.
        assert_eq!(ranks(5, 0.5, 0.95), (None, None));
        assert_eq!(ranks(6, 0.5, 0.95), (Some(1), Some(6)));
        // Nobody bounds the 99th percentile from above with a hundred: 0.99^100 = 37 % have none above it.
        assert_eq!(ranks(100, 0.99, 0.95).1, None);
        assert_eq!(ranks(0, 0.5, 0.95), (None, None));
        // 1 − 0.99^n ≥ 97.5 % from 368 values on.
        assert_eq!((ranks(367, 0.99, 0.95).1, ranks(368, 0.99, 0.95).1), (None, Some(368)));
    }

    #[test]
    fn quantiles_of_runs_that_were_cut_off_are_beyond() {
        let v: Vec<f64> = (1..=80).map(f64::from).collect();
        let q = quantile(&v, 20, 0.5, 0.95);
        // Ranks 40 and 61 of a hundred: the usual ones for a median.
        assert_eq!((q.value, q.low, q.high), (Bound::At(50.0), Bound::At(40.0), Bound::At(61.0)));
        let q = quantile(&v, 20, 0.8, 0.95);
        assert_eq!((q.value, q.high), (Bound::At(80.0), Bound::Beyond));
        assert_eq!(quantile(&v, 20, 0.9, 0.95).value, Bound::Beyond);
        assert_eq!(quantile(&[], 3, 0.5, 0.95).value, Bound::Beyond);
        assert_eq!(quantile(&[], 0, 0.5, 0.95).value, Bound::TooFew);
        assert_eq!(quantile(&[7.0], 0, 0.99, 0.95).value, Bound::At(7.0));
    }

    #[test]
    fn shares_have_their_closed_forms() {
        for n in [1, 7, 100, 10_000] {
            let edge = 0.025_f64.powf(1.0 / n as f64);
            let ((a, b), (c, d)) = (share(0, n, 0.95), share(n, n, 0.95));
            assert!(a == 0.0 && d == 1.0);
            assert!((b - (1.0 - edge)).abs() < 1e-9 && (c - edge).abs() < 1e-9, "{n}");
        }
        // Each end is the share under which so many or more (or fewer) come with probability 2.5 %.
        for (k, n) in [(3, 100), (50, 100), (1, 9)] {
            let (a, b) = share(k, n, 0.95);
            assert!((terms(n, a)[k..].iter().sum::<f64>() - 0.025).abs() < 1e-9);
            assert!((terms(n, b)[..=k].iter().sum::<f64>() - 0.025).abs() < 1e-9);
        }
        assert_eq!(share(0, 0, 0.95), (0.0, 1.0));
    }

    #[test]
    fn bounds_read_back() {
        let q = quantile(&[1.5, 2.5], 1, 0.9, 0.95);
        let text = serde_json::to_string(&q).unwrap();
        assert_eq!(text, r#"{"p":0.9,"value":"beyond","low":{"at":1.5},"high":"too_few"}"#);
        assert_eq!(serde_json::from_str::<Quantile>(&text).unwrap(), q);
    }
}
