//! Simulated time on a local calendar: which weight of a weekly shape holds when, daylight saving included.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::shape::{SLOTS, Shape};
use crate::units::SimTime;

const SLOT_NS: i128 = 15 * 60 * 1_000_000_000;
const SEC_NS: i128 = 1_000_000_000;
/// 1970-01-01 was a Thursday, three days after a Monday.
const MONDAY_NS: i128 = 3 * 86_400 * SEC_NS;

/// Ties simulated time to the calendar.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// The instant of simulated time zero.
    pub epoch: Timestamp,
    /// Whose clocks the shapes follow.
    pub zone: TimeZone,
}

impl Default for Calendar {
    /// Monday, 1 January 2024, UTC: for workloads whose dates do not matter.
    fn default() -> Calendar {
        Calendar { epoch: Timestamp::constant(1_704_067_200, 0), zone: TimeZone::UTC }
    }
}

/// A stretch of simulated time with one weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// From here,
    pub from: SimTime,
    /// up to here.
    pub to: SimTime,
    /// The shape's weight.
    pub weight: f64,
}

/// Walks a shape forward in simulated time. On the day the clocks go forward the hour that does not exist is left out,
/// on the day they go back the hour that comes twice counts twice: those days have 23 and 25 hours of demand.
#[derive(Clone, Debug)]
pub struct Walk {
    shape: Shape,
    zone: TimeZone,
    epoch_ns: i128,
    at: SimTime,
    /// Local time minus UTC.
    offset_ns: i128,
    /// When the offset changes next.
    changes: SimTime,
}

/// No stretch is longer than a week, so that a float of seconds within it is exact to a nanosecond.
const LONGEST: u64 = 7 * 86_400 * 1_000_000_000;

impl Walk {
    /// From a moment on.
    #[must_use]
    pub fn new(shape: Shape, calendar: &Calendar, at: SimTime) -> Walk {
        let mut walk = Walk {
            shape,
            zone: calendar.zone.clone(),
            epoch_ns: calendar.epoch.as_nanosecond(),
            at,
            offset_ns: 0,
            changes: SimTime::ZERO,
        };
        walk.read_clock();
        walk
    }

    /// Looks up the offset at `at` and when it changes next. Beyond what the calendar covers it stays as it was.
    fn read_clock(&mut self) {
        self.changes = SimTime::MAX;
        let Ok(now) = Timestamp::from_nanosecond(self.epoch_ns + i128::from(self.at.0)) else { return };
        let seconds = |o: Offset| i128::from(o.seconds()) * SEC_NS;
        self.offset_ns = seconds(self.zone.to_offset(now));
        if let Some(t) = self.zone.following(now).find(|t| seconds(t.offset()) != self.offset_ns) {
            let ns = t.timestamp().as_nanosecond() - self.epoch_ns;
            self.changes = SimTime(u64::try_from(ns).unwrap_or(u64::MAX));
        }
    }

    /// The next stretch; they follow one another without a gap, for ever.
    pub fn step(&mut self) -> Stretch {
        let from = self.at;
        if from >= self.changes {
            self.read_clock();
        }
        let local = self.epoch_ns + i128::from(from.0) + self.offset_ns + MONDAY_NS;
        let slot = local.div_euclid(SLOT_NS).rem_euclid(SLOTS as i128) as usize;
        let run = self.shape.run(slot);
        let left = if run == SLOTS {
            LONGEST
        } else {
            (run as i128 * SLOT_NS - local.rem_euclid(SLOT_NS)).min(i128::from(LONGEST)) as u64
        };
        let to = SimTime(from.0.saturating_add(left)).min(self.changes.max(SimTime(from.0 + 1)));
        self.at = to;
        Stretch { from, to, weight: self.shape.weight(slot) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Duration;

    fn calendar(epoch: &str, zone: &str) -> Calendar {
        Calendar { epoch: epoch.parse().unwrap(), zone: TimeZone::get(zone).unwrap() }
    }

    /// Hours with a weight above 0 before `until`.
    fn open_hours(c: &Calendar, shape: &Shape, until: Duration) -> f64 {
        let mut walk = Walk::new(shape.clone(), c, SimTime::ZERO);
        let mut sum = 0.0;
        loop {
            let s = walk.step();
            assert!(s.to > s.from);
            if s.from.0 >= until.0 {
                return sum;
            }
            if s.weight > 0.0 {
                sum += Duration(s.to.0.min(until.0) - s.from.0).as_hours_f64();
            }
        }
    }

    #[test]
    fn the_day_the_clocks_change_has_23_or_25_hours() {
        // New York, 2026: forward on Sunday 8 March, back on Sunday 1 November.
        let sunday = Shape::working_hours("Sun 00:00-24:00").unwrap();
        let week = Duration::from_hours(7 * 24 + 2);
        for (monday, hours) in
            [("2026-03-02T05:00:00Z", 23.0), ("2026-10-26T04:00:00Z", 25.0), ("2026-06-01T04:00:00Z", 24.0)]
        {
            let c = calendar(monday, "America/New_York");
            assert_eq!(open_hours(&c, &sunday, week), hours, "{monday}");
        }
        // The hour from 02:00 does not exist in March and comes once in November, when that from 01:00 comes twice.
        for (shape, march, november) in [("Sun 02:00-03:00", 0.0, 1.0), ("Sun 01:00-02:00", 1.0, 2.0)] {
            let s = Shape::working_hours(shape).unwrap();
            assert_eq!(open_hours(&calendar("2026-03-02T05:00:00Z", "America/New_York"), &s, week), march);
            assert_eq!(open_hours(&calendar("2026-10-26T04:00:00Z", "America/New_York"), &s, week), november);
        }
    }

    #[test]
    fn working_hours_follow_the_local_clock_through_the_year() {
        let nine_to_five = Shape::working_hours("Mon-Fri 09:00-17:00").unwrap();
        let c = calendar("2026-01-01T00:00:00Z", "Europe/Berlin");
        let mut walk = Walk::new(nine_to_five, &c, SimTime::ZERO);
        let mut open = 0.0;
        loop {
            let s = walk.step();
            if s.from.0 >= Duration::from_hours(365 * 24).0 {
                break;
            }
            if s.weight > 0.0 {
                let hour = |t: SimTime| {
                    let ts = Timestamp::from_nanosecond(c.epoch.as_nanosecond() + i128::from(t.0)).unwrap();
                    ts.to_zoned(c.zone.clone()).hour()
                };
                assert_eq!((hour(s.from), hour(s.to)), (9, 17));
                open += (s.to - s.from).as_hours_f64();
            }
        }
        // 2026 begins on a Thursday: 261 weekdays.
        assert_eq!(open, 261.0 * 8.0);
    }

    #[test]
    fn a_flat_shape_is_cut_at_most_weekly_and_at_clock_changes() {
        let c = calendar("2026-01-01T00:00:00Z", "America/New_York");
        let mut walk = Walk::new(Shape::flat(), &c, SimTime::ZERO);
        let mut at = SimTime::ZERO;
        for _ in 0..200 {
            let s = walk.step();
            assert_eq!((s.from, s.weight), (at, 1.0));
            at = s.to;
        }
    }

    #[test]
    fn a_zone_with_an_odd_offset_keeps_its_quarters() {
        // Nepal is 5 h 45 min ahead of UTC and does not change its clocks.
        let c = calendar("2026-06-01T00:00:00Z", "Asia/Kathmandu");
        let s = Shape::working_hours("Mon 06:00-07:00").unwrap();
        let mut walk = Walk::new(s, &c, SimTime::ZERO);
        let first = walk.step();
        assert_eq!((first.weight, first.to), (0.0, SimTime(15 * 60 * 1_000_000_000)));
    }
}
