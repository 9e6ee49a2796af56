//! A spot price as a path in time, and a bid against it.
//!
//! Billing is at the price in force, never at the bid. A higher bid does not make capacity any safer; since AWS
//! changed its market in 2017 prices seldom reach on-demand, and reclaims come from capacity. Both causes exist.

use jiff::Timestamp;

use super::availability::Availability;
use super::hours;
use super::read::PricePoint;
use crate::kernel::{Dist, Stream};
use crate::units::money::PICO;
use crate::units::{Duration, Rate};

/// USD per hour over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricePath {
    steps: Vec<(Duration, Rate)>,
    length: Duration,
}

impl PricePath {
    /// From (since when, price): each holds until the next, the last until `length`, the first also before it. They are
    /// put in order; of several at one instant the last stands. `None` without any.
    #[must_use]
    pub fn of_steps(mut steps: Vec<(Duration, Rate)>, length: Duration) -> Option<PricePath> {
        steps.sort_by_key(|s| s.0);
        let mut out: Vec<(Duration, Rate)> = Vec::new();
        for (at, rate) in steps {
            if at >= length && !out.is_empty() {
                break;
            }
            if out.last().is_some_and(|l| l.0 == at) {
                out.pop();
            }
            if out.last().is_none_or(|l| l.1 != rate) {
                out.push((at, rate));
            }
        }
        out.first_mut()?.0 = Duration::ZERO;
        Some(PricePath { steps: out, length })
    }

    /// The history of one zone, instance type and product from an instant on. The price in force then is the last one
    /// before; where the history begins later, its first price is taken to have held. `None` where there is nothing.
    #[must_use]
    pub fn of_history<'a>(
        points: impl IntoIterator<Item = &'a PricePoint>,
        from: Timestamp,
        length: Duration,
    ) -> Option<PricePath> {
        let mut sorted: Vec<&PricePoint> = points.into_iter().collect();
        sorted.sort_by_key(|p| p.at);
        let first = sorted.partition_point(|p| p.at <= from).saturating_sub(1);
        let since = |at: Timestamp| {
            let ns = at.as_nanosecond() - from.as_nanosecond();
            Duration(u64::try_from(ns.max(0)).unwrap_or(u64::MAX))
        };
        let steps = sorted.get(first..)?.iter().map(|p| (since(p.at), p.usd_per_hour)).collect();
        PricePath::of_steps(steps, length)
    }

    /// The price at an instant; the last one from the end on.
    #[must_use]
    pub fn at(&self, t: Duration) -> Rate {
        self.steps[self.steps.partition_point(|s| s.0 <= t).saturating_sub(1)].1
    }

    /// The first change strictly after `t`, and to what.
    #[must_use]
    pub fn next_change(&self, t: Duration) -> Option<(Duration, Rate)> {
        self.steps.get(self.steps.partition_point(|s| s.0 <= t)).copied()
    }

    /// The steps: since when, at what price. Neighbours differ.
    #[must_use]
    pub fn steps(&self) -> &[(Duration, Rate)] {
        &self.steps
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.length
    }

    /// The mean over time, USD per hour; for statistics, not for bills.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let mut sum = 0.0;
        for (i, (from, rate)) in self.steps.iter().enumerate() {
            let to = self.steps.get(i + 1).map_or(self.length, |s| s.0);
            sum += rate.to_f64() * (to - *from).as_hours_f64();
        }
        sum / self.length.as_hours_f64()
    }

    /// What a bid gets: `units` while the price is at most the bid, none while it is above.
    #[must_use]
    pub fn under(&self, bid: Rate, units: u32) -> Availability {
        let steps = self.steps.iter().map(|(at, rate)| (*at, if *rate <= bid { units } else { 0 })).collect();
        Availability::of_steps(steps, self.length)
    }
}

/// A made-up price: its logarithm goes back to a mean in small steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Reverting {
    /// Where it goes back to.
    pub mean: Rate,
    /// No price is above it.
    pub on_demand: Rate,
    /// No price is below this share of on-demand.
    pub floor: f64,
    /// Hours between changes.
    pub every: Dist,
    /// The share of the distance to the mean (of the logarithm) that each step takes back.
    pub pull: f64,
    /// The standard deviation of a step of the logarithm.
    pub spread: f64,
    /// No step of the logarithm is larger.
    pub step_max: f64,
}

impl Reverting {
    /// Like p3.2xlarge in us-east-1 in early 2020 (stanford-futuredata/training_on_a_dime): a change every six to eight
    /// hours, steps of at most 2 %, a floor of 30 % of on-demand. The pull and the spread are guesses.
    #[must_use]
    pub fn like_p3(mean: Rate, on_demand: Rate) -> Reverting {
        Reverting {
            mean,
            on_demand,
            floor: 0.30,
            every: Dist::uniform(6.0, 8.0).expect("6 is below 8"),
            pull: 0.05,
            spread: 0.01,
            step_max: 0.02,
        }
    }

    /// A path from the mean on, rounded to 1e-4 USD as AWS's prices are. `None` where [`Reverting::check`] fails.
    pub fn path(&self, length: Duration, s: &mut Stream) -> Option<PricePath> {
        self.check().ok()?;
        let (low, high) = (self.floor * self.on_demand.to_f64(), self.on_demand.to_f64());
        let low = low.max(1e-4);
        let mean = self.mean.to_f64().ln();
        let least = hours(self.every.mean() / 1000.0).0.max(1);
        let (mut at, mut x) = (0_u64, mean);
        let mut steps = Vec::new();
        while at < length.0 {
            let usd = x.exp().clamp(low, high.max(low));
            steps.push((Duration(at), Rate((usd * 1e4).round() as i128 * (PICO / 10_000))));
            // Irwin and Hall: twelve uniforms make a normal that cannot run away, with a fixed number of draws.
            let normal = (0..12).map(|_| s.uniform()).sum::<f64>() - 6.0;
            let step = self.pull * (mean - x) + self.spread * normal;
            x = (x + step.clamp(-self.step_max, self.step_max)).clamp(low.ln(), high.max(low).ln());
            at = at.saturating_add(hours(self.every.sample(s)).0.max(least));
        }
        PricePath::of_steps(steps, length)
    }
}
