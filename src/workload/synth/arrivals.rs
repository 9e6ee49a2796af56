//! When jobs arrive: renewal processes with a given variability, bent to a weekly shape, growth and bursts.
//!
//! A stationary renewal process of unit rate runs on a clock of its own that advances with the integral of the rate
//! (time rescaling: Brown, Barbieri, Ventura, Kass and Frank, "The time-rescaling theorem", Neural Computation 14(2),
//! 2002). So its variability survives whatever the rate does, and with exponential gaps the result is exactly the
//! Poisson process of that rate.

use super::calendar::{Calendar, Stretch, Walk};
use super::gaps::{Gaps, MAX_CV};
use super::shape::Shape;
use crate::kernel::{Stream, Streams};
use crate::units::{Duration, SimTime};

/// A quarter of a year of 365.25 days.
pub const QUARTER: Duration = Duration::from_secs(7_889_400);

/// Why arrivals cannot be made so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ArrivalError {
    /// A rate that is negative, NaN or infinite, or so high that arrivals are less than 10 ns apart.
    #[error("{0} arrivals an hour is not a rate from 0 to 3.6e11")]
    Rate(f64),
    /// A coefficient of variation out of range.
    #[error("a coefficient of variation of {0} is not from 0 to {MAX_CV}")]
    Cv(f64),
    /// A zero interval.
    #[error("the interval between arrivals must not be 0")]
    Interval,
    /// A growth that is not positive.
    #[error("growth by a factor of {0} is not from 0.001 to 1000")]
    Growth(f64),
    /// A zero period of growth.
    #[error("the period of growth must be at least an hour")]
    GrowthPeriod,
    /// A burst ratio below 1.
    #[error("arrivals in bursts are {0} times as frequent as outside: not from 1 to 1e9")]
    Ratio(f64),
    /// A zero mean length of bursts or of the time between them.
    #[error("the mean time in and between bursts must be at least a second")]
    BurstLength,
    /// A shape, growth or bursts on arrivals that have no rate.
    #[error("a shape, growth and bursts bend a rate: arrivals at fixed times take none of them")]
    NotARate,
}

/// The rule by which jobs arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// All at the start of the interval (as many as [`Arrivals::count`], one by default).
    Once,
    /// One at the start, then one every so often.
    Every(Duration),
    /// A renewal process.
    Renewal {
        /// Mean arrivals an hour, before shape and growth.
        per_hour: f64,
        /// Coefficient of variation of the gaps (on the rescaled clock): 1 is Poisson's. See [`Gaps`].
        cv: f64,
    },
}

/// Bursts: the rate switches between two levels, the time at each exponential (a Markov-modulated Poisson process of
/// two states when the CV is 1). The mean rate stays as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursts {
    /// Mean length of a burst.
    pub on: Duration,
    /// Mean time between bursts.
    pub off: Duration,
    /// The rate in a burst over the rate outside, at least 1.
    pub ratio: f64,
}

/// Growth compounded continuously: the rate at time t is multiplied by `factor^(t/per)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// 1.12 for +12 %.
    pub factor: f64,
    /// In this much time, e.g. a [`QUARTER`].
    pub per: Duration,
}

/// When jobs arrive. `Default` is one job at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// The rule.
    pub pattern: Pattern,
    /// How the rate varies over the local week.
    pub shape: Option<Shape>,
    /// How the rate grows.
    pub growth: Option<Growth>,
    /// How the rate bursts.
    pub bursts: Option<Bursts>,
    /// At most so many.
    pub count: Option<u64>,
}

impl Default for Arrivals {
    fn default() -> Arrivals {
        Arrivals { pattern: Pattern::Once, shape: None, growth: None, bursts: None, count: None }
    }
}

impl Arrivals {
    /// A Poisson process.
    #[must_use]
    pub fn poisson(per_hour: f64) -> Arrivals {
        Arrivals::renewal(per_hour, 1.0)
    }

    /// A renewal process.
    #[must_use]
    pub fn renewal(per_hour: f64, cv: f64) -> Arrivals {
        Arrivals { pattern: Pattern::Renewal { per_hour, cv }, ..Arrivals::default() }
    }

    /// Checks everything.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<(), Vec<ArrivalError>> {
        let mut wrong = Vec::new();
        match self.pattern {
            Pattern::Renewal { per_hour, cv } => {
                if !(0.0..=3.6e11).contains(&per_hour) {
                    wrong.push(ArrivalError::Rate(per_hour));
                }
                if !(0.0..=MAX_CV).contains(&cv) {
                    wrong.push(ArrivalError::Cv(cv));
                }
            }
            Pattern::Every(Duration::ZERO) => wrong.push(ArrivalError::Interval),
            Pattern::Every(_) | Pattern::Once => {}
        }
        let rate = matches!(self.pattern, Pattern::Renewal { .. });
        if !rate && (self.shape.is_some() || self.growth.is_some() || self.bursts.is_some()) {
            wrong.push(ArrivalError::NotARate);
        }
        if let Some(g) = self.growth {
            if !(1e-3..=1e3).contains(&g.factor) {
                wrong.push(ArrivalError::Growth(g.factor));
            }
            if g.per < Duration::from_hours(1) {
                wrong.push(ArrivalError::GrowthPeriod);
            }
        }
        if let Some(b) = self.bursts {
            if !(1.0..=1e9).contains(&b.ratio) {
                wrong.push(ArrivalError::Ratio(b.ratio));
            }
            if b.on < Duration::from_secs(1) || b.off < Duration::from_secs(1) {
                wrong.push(ArrivalError::BurstLength);
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// The arrivals in `[from, until)` of the workload `owner`, ascending. Draws come from its streams `arrivals` and
    /// `bursts`. Growth counts from simulated time zero.
    ///
    /// # Errors
    /// What [`Arrivals::check`] finds.
    pub fn times(
        &self,
        calendar: &Calendar,
        streams: &Streams,
        owner: &str,
        from: SimTime,
        until: SimTime,
    ) -> Result<Times, Vec<ArrivalError>> {
        self.check()?;
        let left = self.count.unwrap_or(if self.pattern == Pattern::Once { 1 } else { u64::MAX });
        let source = match self.pattern {
            Pattern::Once => Source::Fixed { next: Some(from), step: Duration::ZERO },
            Pattern::Every(step) => Source::Fixed { next: Some(from), step },
            Pattern::Renewal { per_hour, .. } if per_hour == 0.0 => Source::Fixed { next: None, step: Duration::ZERO },
            Pattern::Renewal { per_hour, cv } => {
                let gaps = Gaps::new(cv).ok_or_else(|| vec![ArrivalError::Cv(cv)])?;
                let shape = self.shape.clone().unwrap_or_else(Shape::flat);
                let growth = self.growth.map_or(0.0, |g| g.factor.ln() / g.per.as_secs_f64());
                Source::Rate(Box::new(Rescaled {
                    gaps,
                    stream: streams.stream("arrivals", owner, 0),
                    first: true,
                    rate: per_hour / 3600.0,
                    growth,
                    walk: Walk::new(shape, calendar, from),
                    bursts: self.bursts.map(|b| Modulation::new(b, streams.stream("bursts", owner, 0), from)),
                    stretch: Stretch { from, to: from, weight: 0.0 },
                    piece: Piece { from, to: from, length: 0.0, at: 0.0, rate: 0.0 },
                }))
            }
        };
        Ok(Times { left, until, source })
    }
}

/// The arrival times of a workload, ascending; memory constant.
#[derive(Clone, Debug)]
pub struct Times {
    left: u64,
    until: SimTime,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Fixed { next: Option<SimTime>, step: Duration },
    Rate(Box<Rescaled>),
}

impl Iterator for Times {
    type Item = SimTime;

    #[inline]
    fn next(&mut self) -> Option<SimTime> {
        if self.left == 0 {
            return None;
        }
        let at = match &mut self.source {
            Source::Rate(r) => r.next(self.until),
            Source::Fixed { next, step } => next.inspect(|t| *next = t.0.checked_add(step.0).map(SimTime)),
        };
        let at = at.filter(|t| *t < self.until);
        self.left = if at.is_some() { self.left - 1 } else { 0 };
        at
    }
}

/// A piece of time on which the rate is `rate·exp(growth·x)`, x in seconds from `from`.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: SimTime,
    to: SimTime,
    /// `to − from` in seconds.
    length: f64,
    /// Seconds from `from`: how far the process has come.
    at: f64,
    /// Arrivals a second at `from`.
    rate: f64,
}

/// A unit-rate renewal process on a clock that advances with the integral of the rate.
#[derive(Clone, Debug)]
struct Rescaled {
    gaps: Gaps,
    stream: Stream,
    first: bool,
    /// Arrivals a second at weight 1, outside growth and bursts.
    rate: f64,
    /// Growth of the rate, per second.
    growth: f64,
    walk: Walk,
    stretch: Stretch,
    bursts: Option<Modulation>,
    piece: Piece,
}

impl Rescaled {
    #[inline]
    fn next(&mut self, until: SimTime) -> Option<SimTime> {
        let mut need = if self.first {
            self.first = false;
            self.gaps.first(&mut self.stream)
        } else {
            self.gaps.next(&mut self.stream)
        };
        loop {
            let p = &mut self.piece;
            if self.growth == 0.0 {
                let left = p.rate * (p.length - p.at);
                if need < left {
                    p.at += need / p.rate;
                    return Some(p.moment());
                }
                need -= left.max(0.0);
            } else {
                // Here the rate is r·exp(g·at): its integral to the end is r'(exp(g·rest) − 1)/g, inverted alike.
                let here = p.rate * (self.growth * p.at).exp();
                let left = here * (self.growth * (p.length - p.at)).exp_m1() / self.growth;
                if need < left {
                    p.at += (self.growth * need / here).ln_1p() / self.growth;
                    return Some(p.moment());
                }
                need -= left.max(0.0);
            }
            if !self.advance(until) {
                return None;
            }
        }
    }

    /// Takes the next piece; false when it would begin at or after `until`.
    fn advance(&mut self, until: SimTime) -> bool {
        let from = self.piece.to;
        if from >= until {
            return false;
        }
        if from >= self.stretch.to {
            self.stretch = self.walk.step();
        }
        let mut to = self.stretch.to;
        let mut factor = 1.0;
        if let Some(m) = &mut self.bursts {
            factor = m.at(from);
            to = to.min(m.switch);
        }
        let rate = self.rate * self.stretch.weight * factor * (self.growth * from.as_secs_f64()).exp();
        self.piece = Piece { from, to, length: (to - from).as_secs_f64(), at: 0.0, rate };
        true
    }
}

impl Piece {
    fn moment(&self) -> SimTime {
        (self.from + Duration::from_secs_f64(self.at)).min(self.to)
    }
}

/// The two levels of a bursting rate.
#[derive(Clone, Debug)]
struct Modulation {
    stream: Stream,
    /// Mean seconds outside and in a burst.
    means: [f64; 2],
    /// Factors on the rate outside and in a burst; their mean over time is 1.
    factors: [f64; 2],
    burst: bool,
    /// When the level changes next.
    switch: SimTime,
}

impl Modulation {
    /// At `from` the level is drawn by the share of time that each takes.
    fn new(b: Bursts, mut stream: Stream, from: SimTime) -> Modulation {
        let means = [b.off.as_secs_f64(), b.on.as_secs_f64()];
        let low = (means[0] + means[1]) / (means[0] + b.ratio * means[1]);
        let burst = stream.uniform() < means[1] / (means[0] + means[1]);
        let mut m = Modulation { stream, means, factors: [low, low * b.ratio], burst, switch: from };
        m.draw();
        m
    }

    fn draw(&mut self) {
        let stay = -self.stream.open().ln() * self.means[usize::from(self.burst)];
        // At least a nanosecond, so that time moves on.
        self.switch += Duration::from_secs_f64(stay).max(Duration(1));
    }

    /// The factor at a moment not before the last asked for.
    fn at(&mut self, t: SimTime) -> f64 {
        while t >= self.switch {
            self.burst = !self.burst;
            self.draw();
        }
        self.factors[usize::from(self.burst)]
    }
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
