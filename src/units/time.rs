//! Simulated time: unsigned integer nanoseconds since the run's epoch.
//!
//! The epoch lies before the scenario's start by its warm-up, so a run may begin with a fleet at work.
//! There is no floating clock anywhere: two events are simultaneous or they are not.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// Nanoseconds in a second.
pub const NANOS_PER_SEC: u64 = 1_000_000_000;
/// Nanoseconds in an hour, the unit in which capacity is priced.
pub const NANOS_PER_HOUR: u64 = 3_600 * NANOS_PER_SEC;

/// An instant: nanoseconds since the run's epoch. Covers 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(pub u64);

/// A length of time in nanoseconds, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub u64);

impl SimTime {
    /// The run's epoch.
    pub const ZERO: SimTime = SimTime(0);
    /// Later than any event; "never".
    pub const MAX: SimTime = SimTime(u64::MAX);

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: SimTime) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the epoch, for printing and charts only.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);

    /// A whole number of seconds.
    #[must_use]
    pub const fn from_secs(s: u64) -> Duration {
        Duration(s * NANOS_PER_SEC)
    }

    /// Seconds rounded to the nearest nanosecond; negative and NaN become zero, what is beyond the range the maximum.
    #[must_use]
    pub fn from_secs_f64(s: f64) -> Duration {
        // `as` saturates and sends NaN to zero, which is the documented rule.
        Duration((s * NANOS_PER_SEC as f64).round() as u64)
    }

    /// A whole number of hours.
    #[must_use]
    pub const fn from_hours(h: u64) -> Duration {
        Duration(h * NANOS_PER_HOUR)
    }

    /// Seconds, for printing and statistics.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// Hours, for printing and statistics.
    #[must_use]
    pub fn as_hours_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_HOUR as f64
    }

    /// `self` divided by a positive speed factor, rounded up to a whole nanosecond so that work never finishes early.
    #[must_use]
    pub fn at_speed(self, speed: f64) -> Duration {
        debug_assert!(speed > 0.0);
        if speed == 1.0 { self } else { Duration((self.0 as f64 / speed).ceil() as u64) }
    }
}

impl Add<Duration> for SimTime {
    type Output = SimTime;
    fn add(self, d: Duration) -> SimTime {
        SimTime(self.0.saturating_add(d.0))
    }
}
impl AddAssign<Duration> for SimTime {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}
impl Sub<SimTime> for SimTime {
    type Output = Duration;
    fn sub(self, earlier: SimTime) -> Duration {
        debug_assert!(self >= earlier, "time ran backwards");
        self.since(earlier)
    }
}
impl Add for Duration {
    type Output = Duration;
    fn add(self, d: Duration) -> Duration {
        Duration(self.0.saturating_add(d.0))
    }
}
impl Sub for Duration {
    type Output = Duration;
    fn sub(self, d: Duration) -> Duration {
        Duration(self.0.saturating_sub(d.0))
    }
}

impl fmt::Display for Duration {
    /// Two leading units at most: `3d 4h`, `12m 30s`, `1.25s`, `40ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.0 / NANOS_PER_SEC;
        let (d, h, m, sec) = (s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60);
        match (d, h, m) {
            (0, 0, 0) if self.0 == 0 => write!(f, "0s"),
            (0, 0, 0) if s == 0 => {
                let ms = self.0 as f64 / 1e6;
                if ms >= 1.0 { write!(f, "{ms:.3}ms") } else { write!(f, "{}ns", self.0) }
            }
            (0, 0, 0) => {
                let frac = self.0 % NANOS_PER_SEC;
                if frac == 0 { write!(f, "{sec}s") } else { write!(f, "{:.2}s", self.as_secs_f64()) }
            }
            (0, 0, m) if sec == 0 => write!(f, "{m}m"),
            (0, 0, m) => write!(f, "{m}m {sec}s"),
            (0, h, 0) => write!(f, "{h}h"),
            (0, h, m) => write!(f, "{h}h {m}m"),
            (d, 0, _) => write!(f, "{d}d"),
            (d, h, _) => write!(f, "{d}d {h}h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_with_two_leading_units() {
        for (secs, text) in
            [(0.0, "0s"), (0.04, "40.000ms"), (59.0, "59s"), (90.0, "1m 30s"), (7_200.0, "2h"), (273_600.0, "3d 4h")]
        {
            assert_eq!(Duration::from_secs_f64(secs).to_string(), text);
        }
    }

    #[test]
    fn work_never_finishes_early_at_a_fractional_speed() {
        assert_eq!(Duration(10).at_speed(3.0), Duration(4));
        assert_eq!(Duration(9).at_speed(3.0), Duration(3));
        assert_eq!(Duration::from_secs_f64(f64::NAN), Duration::ZERO);
    }
}
