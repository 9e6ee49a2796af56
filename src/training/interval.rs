//! How long to work between two checkpoints: Young's, Daly's and the exact optimum.
//!
//! `stall` is how long the job stands still for a checkpoint, `mtbf` the mean time between interruptions (exponential).
//! Both are in one unit of time, whichever the caller keeps to, and so is the answer, which counts work alone, without
//! the stall.
//!
//! The exact optimum does not depend on the cost of a restart, on the downtime or on the work
//! (see [`super::makespan`]), nor on how long an asynchronous checkpoint takes to become durable: the mean time to the
//! end only grows by a constant factor with that. What it does is forbid intervals shorter than itself:
//! [`no_overlap`].

use serde::{Deserialize, Serialize};

use super::impossible::{Impossible, not_negative, positive};

/// A rule for the interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// [`young`].
    Young,
    /// [`daly`].
    Daly,
    /// [`exact`].
    Exact,
}

impl Rule {
    /// All, from the oldest.
    pub const ALL: [Rule; 3] = [Rule::Young, Rule::Daly, Rule::Exact];

    /// The word in files and tables.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Rule::Young => "young",
            Rule::Daly => "daly",
            Rule::Exact => "exact",
        }
    }

    /// The interval that the rule gives.
    ///
    /// # Errors
    /// As [`exact`].
    pub fn interval(self, stall: f64, mtbf: f64) -> Result<f64, Impossible> {
        match self {
            Rule::Young => young(stall, mtbf),
            Rule::Daly => daly(stall, mtbf),
            Rule::Exact => exact(stall, mtbf),
        }
    }
}

/// Young's first-order optimum, `√(2δM)` (Young, *A first order approximation to the optimum checkpoint interval*,
/// CACM 1974).
///
/// # Errors
/// [`Impossible::Quantity`] unless both are above zero and finite: a free checkpoint or a machine that never fails has
/// no best interval.
pub fn young(stall: f64, mtbf: f64) -> Result<f64, Impossible> {
    let (stall, mtbf) = checked(stall, mtbf)?;
    // Two roots instead of one, so that the product cannot overflow.
    Ok(stall.sqrt() * (2.0 * mtbf).sqrt())
}

/// Daly's higher-order optimum: `√(2δM)·[1 + ⅓√(δ/2M) + (δ/2M)/9] − δ` while `δ < 2M`, else `M` (Daly, *A higher order
/// estimate of the optimum checkpoint interval for restart dumps*, FGCS 2006).
///
/// # Errors
/// As [`young`].
pub fn daly(stall: f64, mtbf: f64) -> Result<f64, Impossible> {
    let (stall, mtbf) = checked(stall, mtbf)?;
    if stall >= 2.0 * mtbf {
        return Ok(mtbf);
    }
    let half = stall / (2.0 * mtbf);
    Ok(stall.sqrt() * (2.0 * mtbf).sqrt() * (1.0 + half.sqrt() / 3.0 + half / 9.0) - stall)
}

/// The interval that minimises [`super::makespan::daly_form`]: `M·(1 + W₀(−e^{−δ/M−1}))`, W₀ the principal branch of
/// Lambert's function.
///
/// # Errors
/// As [`young`].
pub fn exact(stall: f64, mtbf: f64) -> Result<f64, Impossible> {
    let (stall, mtbf) = checked(stall, mtbf)?;
    Ok(mtbf * one_plus_lambert(stall / mtbf))
}

/// The interval that an asynchronous checkpoint leaves possible: a snapshot may not begin before the one before it is
/// durable, so at least `persist − block` of work lies between two.
///
/// # Errors
/// [`Impossible::Quantity`] unless `interval` is above zero and the others zero or more.
pub fn no_overlap(interval: f64, block: f64, persist: f64) -> Result<f64, Impossible> {
    positive("checkpoint interval", interval)?;
    not_negative("snapshot stall", block)?;
    not_negative("time to persist a checkpoint", persist)?;
    Ok(interval.max(persist - block))
}

/// The whole number of segments, and the interval `work / segments`, with the least mean time to the end when the last
/// segment needs no checkpoint: the minimiser of [`super::makespan::des_form`], which between two such intervals only
/// rises. What is left for that last segment to save is worth one checkpoint at most, so the answer lies near
/// `work / exact(…)`.
///
/// # Errors
/// As [`exact`], and for work that is not above zero.
pub fn whole_segments(work: f64, stall: f64, mtbf: f64) -> Result<(u64, f64), Impossible> {
    let best = exact(stall, mtbf)?;
    positive("amount of work", work)?;
    // Mean time to the end without the constant factor; NaN-free, infinite where a segment is hopeless.
    let cost = |n: u64| {
        let tau = work / n as f64;
        (n - 1) as f64 * ((tau + stall) / mtbf).exp_m1() + (tau / mtbf).exp_m1()
    };
    // Against the smooth form the last segment saves one checkpoint, which moves the optimum by less than M/τ·(1 − e^{−δ/M})
    // segments: by less than one. No checkpoint at all can win from afar, where failures are cheap.
    let near = ((work / best).round() as u64).clamp(1, 1 << 52);
    let n = (near.saturating_sub(3).max(1)..=near + 3)
        .chain([1])
        .min_by(|a, b| cost(*a).total_cmp(&cost(*b)).then(a.cmp(b)))
        .expect("the range is not empty");
    Ok((n, work / n as f64))
}

fn checked(stall: f64, mtbf: f64) -> Result<(f64, f64), Impossible> {
    Ok((positive("checkpoint stall", stall)?, positive("mean time between interruptions", mtbf)?))
}

/// `1 + W₀(−e^{−1−x})` for `x > 0`, in (0, 1].
///
/// Near the branch point (a stall that is short against the mean time between interruptions, which is where everyone
/// is) the sum cancels. So it is solved for directly: with `z = 1 + W₀`, the definition of W becomes `−z − ln(1−z) = x`,
/// by Halley's iteration from the series at either end (Corless et al., *On the Lambert W function*, 1996, §4).
fn one_plus_lambert(x: f64) -> f64 {
    debug_assert!(x > 0.0);
    if x > 40.0 {
        return 1.0; // W₀ is below half of a unit in the last place.
    }
    let root = (2.0 * x).sqrt();
    let mut z = if x < 1.0 { root - root * root / 3.0 + root * root * root / 36.0 } else { 1.0 - (-1.0 - x).exp() };
    for _ in 0..20 {
        let f = excess(z) - x;
        let (first, second) = (z / (1.0 - z), 1.0 / ((1.0 - z) * (1.0 - z)));
        let step = 2.0 * f * first / (2.0 * first * first - f * second);
        let next = (z - step).clamp(z / 2.0, f64::midpoint(z, 1.0));
        if (next - z).abs() <= 2.0 * f64::EPSILON * z {
            return next;
        }
        z = next;
    }
    z
}

/// `−z − ln(1−z) = z²/2 + z³/3 + …` on (0, 1), without cancellation.
fn excess(z: f64) -> f64 {
    if z > 0.1 {
        return -z - (-z).ln_1p();
    }
    // Below a tenth, 17 terms are exact to the last bit; from the smallest up.
    (2..=18).rev().fold(0.0, |sum, k| (sum + 1.0 / f64::from(k)) * z) * z
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::training::makespan::{Faults, daly_form, des_form};

    #[test]
    fn the_published_optima_come_out() {
        // spot_checkpoint.md 2.6: stall, MTBF (minutes), Young, Daly, exact.
        let table = [
            (5.0, 1440.0, 120.000000, 116.689815, 116.690073),
            (5.0, 360.0, 60.000000, 56.712963, 56.714002),
            (5.0, 15.0, 12.247449, 9.140920, 9.166503),
            (1.0, 60.0, 10.954451, 10.297927, 10.298177),
            (2.0, 180.0, 26.832816, 25.516046, 25.516378),
            (0.5, 600.0, 24.494897, 24.162698, 24.162704),
            (10.0, 120.0, 48.989795, 42.549933, 42.562555),
            (30.0, 20.0, 34.641016, 17.527767, 18.204059),
        ];
        for (stall, mtbf, y, d, e) in table {
            for (rule, want) in Rule::ALL.into_iter().zip([y, d, e]) {
                let got = rule.interval(stall, mtbf).unwrap();
                assert!((got - want).abs() < 1e-6, "{} {stall} {mtbf}: {got} {want}", rule.key());
            }
        }
    }

    #[test]
    fn daly_gives_the_mtbf_where_a_checkpoint_takes_twice_as_long() {
        assert_eq!(daly(40.0, 20.0), Ok(20.0));
        assert_eq!(daly(1e6, 20.0), Ok(20.0));
    }

    #[test]
    fn free_checkpoints_and_eternal_machines_have_no_optimum() {
        for (stall, mtbf) in
            [(0.0, 1.0), (-1.0, 1.0), (f64::NAN, 1.0), (1.0, 0.0), (1.0, -2.0), (1.0, f64::NAN), (1.0, f64::INFINITY)]
        {
            for rule in Rule::ALL {
                assert!(matches!(rule.interval(stall, mtbf), Err(Impossible::Quantity { .. })), "{stall} {mtbf}");
            }
        }
    }

    #[test]
    fn a_slow_persist_holds_the_interval_up() {
        assert_eq!(no_overlap(30.0, 0.05, 20.0), Ok(30.0));
        assert_eq!(no_overlap(30.0, 1.0, 45.0), Ok(44.0));
        assert!(no_overlap(0.0, 1.0, 45.0).is_err());
        assert!(no_overlap(30.0, f64::NAN, 45.0).is_err());
    }

    proptest! {
        #[test]
        fn lambert_satisfies_its_definition(log in -28.0_f64..3.6) {
            let x = log.exp();
            let z = one_plus_lambert(x);
            prop_assert!(z > 0.0 && z <= 1.0);
            prop_assert!((excess(z) - x).abs() <= 1e-13 * x + 4.0 * f64::EPSILON * z / (1.0 - z), "{x} {z}");
        }

        #[test]
        fn for_short_stalls_all_three_agree(mtbf in 1.0_f64..1e6, ratio in 1e-12_f64..1e-6) {
            let stall = mtbf * ratio;
            let (y, d, e) = (young(stall, mtbf).unwrap(), daly(stall, mtbf).unwrap(), exact(stall, mtbf).unwrap());
            prop_assert!((d / e - 1.0).abs() < 1e-8, "{d} {e}");
            prop_assert!((y / e - 1.0).abs() < 1e-3);
        }

        #[test]
        fn no_interval_beats_the_exact_one(
            mtbf in 5.0_f64..2000.0,
            ratio in 1e-4_f64..2.0,
            restart in 0.0_f64..30.0,
            factor in 0.02_f64..20.0,
        ) {
            let stall = mtbf * ratio;
            let f = Faults::new(mtbf, restart, 3.0).unwrap();
            let best = exact(stall, mtbf).unwrap();
            let at = |tau| daly_form(&f, 1000.0, tau, stall).unwrap().mean;
            prop_assert!(at(best) <= at(best * factor) * (1.0 + 1e-12));
        }

        #[test]
        fn no_interval_beats_the_best_whole_number_of_segments(
            work in 10.0_f64..3000.0,
            mtbf in 5.0_f64..2000.0,
            ratio in 1e-3_f64..2.0,
        ) {
            let stall = mtbf * ratio;
            let f = Faults::new(mtbf, 2.0, 3.0).unwrap();
            let at = |tau| des_form(&f, work, tau, stall).map_or(f64::INFINITY, |m| m.mean);
            let (n, tau) = whole_segments(work, stall, mtbf).unwrap();
            let best = at(tau);
            prop_assert!((tau * n as f64 - work).abs() < 1e-9 * work);
            for k in 1..400 {
                prop_assert!(best <= at(work / f64::from(k)) * (1.0 + 1e-9), "{n} {k}");
                prop_assert!(best <= at(work * f64::from(k) / 400.0) * (1.0 + 1e-9), "{n} grid {k}");
            }
        }
    }
}
