//! From nanoseconds since the start of the window to civil time in the scenario's zone, and to the ticks of an axis.
//!
//! Calendars live at this edge only (`jiff`, with its own copy of the zone data: never the host's).

use jiff::civil::DateTime;
use jiff::{Span, Timestamp, Zoned};

use crate::outcome::Outcome;

const HOUR: u64 = 3_600_000_000_000;
const DAY: u64 = 24 * HOUR;

/// The window's start as an instant in its zone. A start or zone that cannot be read (an outcome from elsewhere)
/// leaves hours since the start.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Option<Zoned>,
}

impl Clock {
    /// The clock of an outcome.
    #[must_use]
    pub fn of(o: &Outcome) -> Clock {
        Clock::new(&o.start, &o.tz)
    }

    /// From a civil time such as `2026-10-05T00:00:00` and an IANA zone name.
    #[must_use]
    pub fn new(start: &str, tz: &str) -> Clock {
        Clock { start: start.parse::<DateTime>().ok().and_then(|d| d.in_tz(tz).ok()) }
    }

    /// The instant `ns` after the start.
    #[must_use]
    pub fn at(&self, ns: u64) -> Option<Zoned> {
        let s = self.start.as_ref()?;
        let t: i128 = s.timestamp().as_nanosecond() + i128::from(ns);
        Some(Timestamp::from_nanosecond(t).ok()?.to_zoned(s.time_zone().clone()))
    }

    fn show(&self, ns: u64, format: &str) -> String {
        self.at(ns).map_or_else(|| format!("hour {}", ns / HOUR), |z| z.strftime(format).to_string())
    }

    /// `Sun 11 Oct 2026`.
    #[must_use]
    pub fn date(&self, ns: u64) -> String {
        self.show(ns, "%a %-d %b %Y")
    }

    /// `Sun 11 Oct 14:00`.
    #[must_use]
    pub fn date_time(&self, ns: u64) -> String {
        self.show(ns, "%a %-d %b %H:%M")
    }

    /// `2026-10-11T14:00:00-04:00`, or the hours since the start.
    #[must_use]
    pub fn iso(&self, ns: u64) -> String {
        self.show(ns, "%Y-%m-%dT%H:%M:%S%:z")
    }

    /// Hours since Monday 00:00 of civil time, 0 to 168.
    #[must_use]
    pub fn hour_of_week(&self, ns: u64) -> f64 {
        match self.at(ns) {
            Some(z) => {
                let day = f64::from(z.weekday().to_monday_zero_offset());
                day * 24.0 + f64::from(z.hour()) + f64::from(z.minute()) / 60.0 + f64::from(z.second()) / 3_600.0
            }
            None => (ns as f64 / HOUR as f64) % 168.0,
        }
    }

    /// End of the calendar month in which the window starts, ns from the start.
    #[must_use]
    pub fn month_end(&self) -> Option<u64> {
        let s = self.start.as_ref()?;
        let end = s.first_of_month().ok()?.start_of_day().ok()?.checked_add(Span::new().months(1)).ok()?;
        u64::try_from(end.timestamp().as_nanosecond() - s.timestamp().as_nanosecond()).ok()
    }

    /// Ticks on round civil times over `0..=to`, as many as fit: `fits(&labels)` says whether a set does.
    #[must_use]
    pub fn ticks(&self, to: u64, fits: impl Fn(&[(u64, String)]) -> bool) -> Vec<(u64, String)> {
        for step in STEPS {
            // A step that would give hundreds of ticks can never fit and is not worth laying out.
            if to / step.nanos() > 60 {
                continue;
            }
            let ticks = self.ticks_by(*step, to);
            if fits(&ticks) {
                return ticks;
            }
        }
        Vec::new()
    }

    fn ticks_by(&self, step: Step, to: u64) -> Vec<(u64, String)> {
        let mut out = Vec::new();
        let Some(s) = &self.start else {
            let n = step.nanos();
            return (0..=to / n).map(|i| (i * n, format!("{} h", i * n / HOUR))).collect();
        };
        let zero = s.timestamp().as_nanosecond();
        let Ok(mut day) = s.start_of_day() else { return out };
        let (span, format) = match step {
            Step::Hours(h) => (Span::new().hours(h), "%H:%M"),
            Step::Days(1) => (Span::new().days(1), "%a %-d %b"),
            Step::Dates(d) => (Span::new().days(d), "%-d %b"),
            Step::Days(d) => {
                // Weeks begin on Monday.
                let back = i64::from(day.weekday().to_monday_zero_offset());
                day = day.checked_sub(Span::new().days(back)).unwrap_or(day);
                (Span::new().days(d), "%-d %b")
            }
            Step::Months(m) => {
                day = day.first_of_month().unwrap_or(day);
                if m >= 12 {
                    day = day.first_of_year().unwrap_or(day);
                }
                (Span::new().months(m), "%b %Y")
            }
        };
        // The limit on the loop: STEPS are only tried where at most 60 fit, plus one period before the start.
        for _ in 0..200 {
            let at = day.timestamp().as_nanosecond() - zero;
            if at > i128::from(to) {
                break;
            }
            if at >= 0 {
                let midnight = day.hour() == 0 && matches!(step, Step::Hours(_));
                let text = day.strftime(if midnight { "%a %-d %b" } else { format }).to_string();
                out.push((at as u64, text));
            }
            let Ok(next) = day.checked_add(span) else { break };
            day = next;
        }
        out
    }
}

#[derive(Clone, Copy)]
enum Step {
    Hours(i64),
    Days(i64),
    /// Days without the weekday's name.
    Dates(i64),
    Months(i64),
}

impl Step {
    const fn nanos(self) -> u64 {
        match self {
            Step::Hours(h) => h as u64 * HOUR,
            Step::Days(d) | Step::Dates(d) => d as u64 * DAY,
            Step::Months(m) => m as u64 * 30 * DAY,
        }
    }
}

const STEPS: &[Step] = &[
    Step::Hours(1),
    Step::Hours(3),
    Step::Hours(6),
    Step::Hours(12),
    Step::Days(1),
    Step::Dates(1),
    Step::Dates(2),
    Step::Days(7),
    Step::Days(14),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(60),
    Step::Months(240),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossing_a_clock_change_keeps_civil_days() {
        // New York leaves summer time on 1 November 2026 at 02:00: that day has 25 hours.
        let c = Clock::new("2026-10-31T00:00:00", "America/New_York");
        assert_eq!(c.iso(0), "2026-10-31T00:00:00-04:00");
        assert_eq!(c.iso(DAY + 24 * HOUR), "2026-11-01T23:00:00-05:00");
        let days: Vec<u64> = c.ticks_by(Step::Days(1), 3 * DAY).into_iter().map(|t| t.0 / HOUR).collect();
        assert_eq!(days, [0, 24, 49]);
        assert_eq!(c.hour_of_week(24 * HOUR), 6.0 * 24.0);
    }

    #[test]
    fn a_month_ends_where_the_calendar_says() {
        let c = Clock::new("2026-10-05T00:00:00", "Europe/Berlin");
        // 27 days, one hour longer for the change of 25 October.
        assert_eq!(c.month_end(), Some((27 * 24 + 1) * HOUR));
    }

    #[test]
    fn an_unreadable_start_leaves_hours() {
        let c = Clock::new("soon", "Nowhere/None");
        assert_eq!(c.date(5 * HOUR), "hour 5");
        assert_eq!(c.ticks(10 * HOUR, |t| t.len() < 5).last().map(|t| t.1.clone()), Some("9 h".into()));
    }
}
