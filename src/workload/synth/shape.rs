//! How demand varies over the local week: one weight for each of its 672 quarter-hours.
//!
//! A shape multiplies a rate. Shapes from knots or from a daily curve have mean 1 over the week, so the rate stays the
//! week's mean. Working hours have mean 1 over the days they name, so "24 a day, Mon-Fri 08:00-20:00" is 24 on each of
//! those days and none at the weekend.

use std::f64::consts::TAU;

/// Quarter-hours in a week; slot 0 begins on Monday at 00:00.
pub const SLOTS: usize = 672;
/// Quarter-hours in a day.
pub const SLOTS_PER_DAY: usize = 96;

/// Why a description is not a shape.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// Neither a day nor a week of hours.
    #[error("a shape has 24 weights (the hours of a day) or 168 (the hours of a week from Monday), not {0}")]
    Count(usize),
    /// A weight that is negative, NaN or infinite.
    #[error("weight {0} is not a finite number of at least 0")]
    BadWeight(f64),
    /// Nothing ever arrives.
    #[error("the weights of a shape must not all be 0")]
    AllZero,
    /// A peak below its trough.
    #[error("the peak ({peak}) must not be below the trough ({trough})")]
    PeakBelowTrough {
        /// The peak given.
        peak: f64,
        /// The trough given.
        trough: f64,
    },
    /// Text that does not read as working hours.
    #[error("{0:?} does not read as working hours such as \"Mon-Fri 08:00-20:00\"")]
    Hours(String),
    /// A time within a quarter-hour.
    #[error("{0:?} is not on a quarter of an hour")]
    OffGrid(String),
}

/// Weights over the local week, normalised as the module says.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    weights: Vec<f64>,
    /// For each slot, how many slots from it on have its weight; `SLOTS` when all do.
    runs: Vec<u16>,
    raw_mean: f64,
}

/// A daily curve: a cosine between trough and peak, with Saturdays and Sundays scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Daily {
    /// The weight at the peak; any unit, e.g. requests per second.
    pub peak: f64,
    /// The weight twelve hours away, same unit.
    pub trough: f64,
    /// The local time of the peak, in hours after midnight.
    pub peak_hour: f64,
    /// The factor on Saturdays and Sundays.
    pub weekend: f64,
}

impl Shape {
    /// The same all week.
    #[must_use]
    pub fn flat() -> Shape {
        Shape::normalised(vec![1.0; SLOTS], SLOTS)
    }

    /// From 24 weights (the hours of every day) or 168 (the hours of the week, from Monday 00:00), each constant
    /// within its hour; mean 1 over the week.
    ///
    /// # Errors
    /// [`ShapeError`] for another number of weights, or weights that are negative, not finite or all 0.
    pub fn hourly(weights: &[f64]) -> Result<Shape, ShapeError> {
        if weights.len() != 24 && weights.len() != 168 {
            return Err(ShapeError::Count(weights.len()));
        }
        Shape::checked((0..SLOTS).map(|s| weights[s / 4 % weights.len()]).collect(), SLOTS)
    }

    /// From a daily curve; each quarter-hour has the curve's mean over it; mean 1 over the week. What the mean was
    /// before, in the unit of `peak` and `trough`, is [`Shape::raw_mean`].
    ///
    /// # Errors
    /// [`ShapeError`] for negative or non-finite values, all 0, or a peak below its trough.
    pub fn daily(d: Daily) -> Result<Shape, ShapeError> {
        for w in [d.peak, d.trough, d.weekend, d.peak_hour] {
            if !(w.is_finite() && w >= 0.0) {
                return Err(ShapeError::BadWeight(w));
            }
        }
        if d.peak < d.trough {
            return Err(ShapeError::PeakBelowTrough { peak: d.peak, trough: d.trough });
        }
        let sin = |hour: f64| (TAU * (hour - d.peak_hour) / 24.0).sin();
        let slot = |s: usize| {
            let from = (s % SLOTS_PER_DAY) as f64 / 4.0;
            // The mean of cos over the quarter-hour, from its integral.
            let cos = (sin(from + 0.25) - sin(from)) / (TAU / 24.0 * 0.25);
            let w = d.trough + (d.peak - d.trough) * (1.0 + cos) / 2.0;
            w.max(0.0) * if s / SLOTS_PER_DAY >= 5 { d.weekend } else { 1.0 }
        };
        Shape::checked((0..SLOTS).map(slot).collect(), SLOTS)
    }

    /// From working hours: `"08:00-20:00"` (every day), `"Mon-Fri 08:00-20:00"`, `"Sat,Sun 10:00-16:00"`, or several
    /// joined by `;`. Hours that end before they begin run past midnight. Mean 1 over the days named.
    ///
    /// # Errors
    /// [`ShapeError::Hours`] for what does not read so, [`ShapeError::OffGrid`] for times off the quarter-hour.
    pub fn working_hours(text: &str) -> Result<Shape, ShapeError> {
        let mut weights = vec![0.0; SLOTS];
        let mut named = [false; 7];
        for part in text.split(';') {
            let bad = || ShapeError::Hours(part.trim().to_owned());
            let words: Vec<&str> = part.split_whitespace().collect();
            let (days, hours) = match words[..] {
                [hours] => ([true; 7], hours),
                [days, hours] => (read_days(days).ok_or_else(bad)?, hours),
                _ => return Err(bad()),
            };
            let (from, to) = hours.split_once('-').ok_or_else(bad)?;
            let (from, to) = (read_slot(from).ok_or_else(bad)??, read_slot(to).ok_or_else(bad)??);
            if from == to || from == SLOTS_PER_DAY {
                return Err(bad());
            }
            let to = if to < from { to + SLOTS_PER_DAY } else { to };
            for day in (0..7).filter(|d| days[*d]) {
                named[day] = true;
                for s in from..to {
                    weights[(day * SLOTS_PER_DAY + s) % SLOTS] = 1.0;
                }
            }
        }
        let days = named.iter().filter(|n| **n).count();
        Shape::checked(weights, days * SLOTS_PER_DAY)
    }

    /// Both at once, e.g. working hours and an hourly curve; mean 1 over the week.
    ///
    /// # Errors
    /// [`ShapeError::AllZero`] when they do not overlap.
    pub fn and(&self, other: &Shape) -> Result<Shape, ShapeError> {
        Shape::checked(self.weights.iter().zip(&other.weights).map(|(a, b)| a * b).collect(), SLOTS)
    }

    fn checked(weights: Vec<f64>, over: usize) -> Result<Shape, ShapeError> {
        if let Some(bad) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return Err(ShapeError::BadWeight(*bad));
        }
        if weights.iter().all(|w| *w == 0.0) {
            return Err(ShapeError::AllZero);
        }
        let shape = Shape::normalised(weights, over);
        match shape.raw_mean.is_finite() && shape.raw_mean > 0.0 {
            true => Ok(shape),
            false => Err(ShapeError::BadWeight(shape.raw_mean)),
        }
    }

    /// Divides by the sum over `over` slots' worth.
    fn normalised(mut weights: Vec<f64>, over: usize) -> Shape {
        let raw_mean = weights.iter().sum::<f64>() / SLOTS as f64;
        let scale = raw_mean * SLOTS as f64 / over as f64;
        for w in &mut weights {
            *w /= scale;
        }
        let mut runs = vec![SLOTS as u16; SLOTS];
        if let Some(change) = (0..SLOTS).find(|s| weights[*s] != weights[(s + 1) % SLOTS]) {
            // Backwards from the slot after a change, so that runs wrap round the end of the week.
            let mut run = 0u16;
            for back in 0..SLOTS {
                let s = (change + SLOTS - back) % SLOTS;
                run = if weights[s] == weights[(s + 1) % SLOTS] { run + 1 } else { 1 };
                runs[s] = run;
            }
        }
        Shape { weights, runs, raw_mean }
    }

    /// The weight of a slot.
    #[must_use]
    pub fn weight(&self, slot: usize) -> f64 {
        self.weights[slot]
    }

    /// How many slots from this one on have the same weight; [`SLOTS`] when all do.
    #[must_use]
    pub fn run(&self, slot: usize) -> usize {
        usize::from(self.runs[slot])
    }

    /// Mean weight over the week: 1 except for working hours, where it is the share of the week's days named.
    #[must_use]
    pub fn week_mean(&self) -> f64 {
        self.weights.iter().sum::<f64>() / SLOTS as f64
    }

    /// The mean of the weights as they were given, over the week.
    #[must_use]
    pub fn raw_mean(&self) -> f64 {
        self.raw_mean
    }

    /// The mean weight of each hour of the week, from Monday 00:00.
    #[must_use]
    pub fn hours(&self) -> Vec<f64> {
        self.weights.chunks(4).map(|c| c.iter().sum::<f64>() / 4.0).collect()
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `Mon-Fri`, `Sat,Sun`, `Mon,Wed-Fri`, in any case.
fn read_days(text: &str) -> Option<[bool; 7]> {
    let day = |t: &str| DAYS.iter().position(|d| t.eq_ignore_ascii_case(d));
    let mut out = [false; 7];
    for part in text.split(',') {
        let (from, to) = match part.split_once('-') {
            Some((a, b)) => (day(a)?, day(b)?),
            None => (day(part)?, day(part)?),
        };
        let last = if to < from { to + 7 } else { to };
        for d in from..=last {
            out[d % 7] = true;
        }
    }
    Some(out)
}

/// `HH:MM` up to `24:00`, as a slot of the day.
fn read_slot(text: &str) -> Option<Result<usize, ShapeError>> {
    let (h, m) = text.split_once(':')?;
    if h.is_empty() || h.len() > 2 || m.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b':') {
        return None;
    }
    let (h, m): (usize, usize) = (h.parse().ok()?, m.parse().ok()?);
    if m > 59 || h * 60 + m > 24 * 60 {
        return None;
    }
    Some(if m % 15 == 0 { Ok(h * 4 + m / 15) } else { Err(ShapeError::OffGrid(text.to_owned())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_hours_have_mean_one_over_the_days_they_name() {
        let s = Shape::working_hours("Mon-Fri 08:00-20:00").unwrap();
        assert_eq!(s.weight(8 * 4 - 1), 0.0);
        assert_eq!(s.weight(8 * 4), 2.0);
        assert_eq!(s.weight(20 * 4), 0.0);
        assert!((0..SLOTS_PER_DAY).all(|q| s.weight(5 * SLOTS_PER_DAY + q) == 0.0));
        assert!((s.week_mean() - 5.0 / 7.0).abs() < 1e-12);
        assert_eq!(Shape::working_hours("00:00-24:00").unwrap().week_mean(), 1.0);
        let night = Shape::working_hours("Fri 22:00-02:00").unwrap();
        assert_eq!(night.weight(4 * 96 + 88), 6.0);
        assert_eq!(night.weight(5 * 96 + 7), 6.0);
        assert_eq!(night.weight(5 * 96 + 8), 0.0);
        let two = Shape::working_hours("Mon,Wed-Thu 09:00-17:00; Sat 10:00-12:30").unwrap();
        assert!(two.weight(5 * 96 + 49) > 0.0 && two.weight(5 * 96 + 50) == 0.0 && two.weight(96 + 40) == 0.0);
    }

    #[test]
    fn what_is_not_working_hours_is_refused() {
        for bad in ["", "Mon-Fri", "Mo 08:00-20:00", "08:00", "8-20", "25:00-26:00", "08:00-08:00", "Mon 08:00-09:00 x"]
        {
            assert!(matches!(Shape::working_hours(bad), Err(ShapeError::Hours(_))), "{bad}");
        }
        assert_eq!(Shape::working_hours("08:10-20:00"), Err(ShapeError::OffGrid("08:10".into())));
    }

    #[test]
    fn a_daily_curve_has_its_peak_trough_and_weekend() {
        let s = Shape::daily(Daily { peak: 220.0, trough: 25.0, peak_hour: 14.0, weekend: 0.5 }).unwrap();
        // The mean of the cosine is midway; five days at 1 and two at 0.5.
        let mean = (220.0 + 25.0) / 2.0 * (5.0 + 2.0 * 0.5) / 7.0;
        assert!((s.raw_mean() - mean).abs() < 1e-9);
        assert!((s.week_mean() - 1.0).abs() < 1e-12);
        assert!((s.weight(14 * 4) * mean - 220.0).abs() < 0.1);
        assert!((s.weight(2 * 4) * mean - 25.0).abs() < 0.1);
        assert!((s.weight(6 * 96 + 14 * 4) - s.weight(14 * 4) / 2.0).abs() < 1e-12);
        assert!(matches!(
            Shape::daily(Daily { peak: 1.0, trough: 2.0, peak_hour: 0.0, weekend: 1.0 }),
            Err(ShapeError::PeakBelowTrough { .. })
        ));
    }

    #[test]
    fn knots_repeat_by_day_or_by_week() {
        let mut day = [1.0; 24];
        day[9] = 25.0;
        let s = Shape::hourly(&day).unwrap();
        assert_eq!((s.weight(9 * 4), s.weight(3 * 96 + 9 * 4 + 3), s.weight(0)), (12.5, 12.5, 0.5));
        let week: Vec<f64> = (0..168).map(f64::from).collect();
        let s = Shape::hourly(&week).unwrap();
        assert!((s.hours()[167] - 167.0 / 83.5).abs() < 1e-12);
        assert_eq!(Shape::hourly(&[1.0; 7]), Err(ShapeError::Count(7)));
        assert_eq!(Shape::hourly(&[0.0; 24]), Err(ShapeError::AllZero));
    }

    #[test]
    fn runs_of_equal_weight_wrap_round_the_week() {
        let s = Shape::working_hours("Mon-Fri 08:00-20:00").unwrap();
        assert_eq!(s.run(32), 48);
        assert_eq!(s.run(33), 47);
        // From Friday 20:00 to Monday 08:00.
        assert_eq!(s.run(4 * 96 + 80), 16 + 2 * 96 + 32);
        assert_eq!(s.run(0), 32);
        assert_eq!(Shape::flat().run(5), SLOTS);
    }
}
