//! Cron schedules in UTC, as budgets have them.
//!
//! Rules: robfig/cron v3, `parser.go` and `spec.go` (`ParseStandard`): five fields or a descriptor; `*`, `?`, lists,
//! ranges, steps and English names; Sunday is 0 and not 7. When both days are restricted either is enough. The calendar
//! is `jiff`'s.

use jiff::civil::{Date, date};
use thiserror::Error;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// A schedule: when it hits, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u32,
    days: u32,
    months: u16,
    weekdays: u8,
    /// Whether a day field is a star without a step: then both must hold, else one is enough.
    any_day: bool,
}

/// Why a text is not a schedule.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum CronError {
    #[error("a schedule has 5 fields (minute, hour, day, month, weekday), this one has {0}")]
    Fields(usize),
    #[error("`{0}` is not a descriptor: @yearly, @annually, @monthly, @weekly, @daily, @midnight or @hourly")]
    Descriptor(String),
    #[error("`{0}` is not a number or name here")]
    Number(String),
    #[error("`{text}` is not within {min} to {max}")]
    Bounds { text: String, min: u32, max: u32 },
    #[error("the range `{0}` runs backwards")]
    Backwards(String),
    #[error("a step of 0 in `{0}`")]
    NoStep(String),
    #[error("`{0}` has too many `-` or `/`")]
    Shape(String),
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

struct Field {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

impl Field {
    fn number(&self, text: &str) -> Result<u32, CronError> {
        let lower = text.to_ascii_lowercase();
        if let Some(i) = self.names.iter().position(|n| *n == lower) {
            return Ok(i as u32 + self.min);
        }
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten().ok_or_else(|| CronError::Number(text.to_owned()))
    }
    /// The values as bits, and whether it is a star.
    fn parse(&self, text: &str) -> Result<(u64, bool), CronError> {
        let (mut bits, mut star) = (0, false);
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let (b, s) = self.range(part)?;
            bits |= b;
            star |= s;
        }
        if bits == 0 { Err(CronError::Number(text.to_owned())) } else { Ok((bits, star)) }
    }
    fn range(&self, text: &str) -> Result<(u64, bool), CronError> {
        let (span, step) = match text.split_once('/') {
            Some((_, step)) if step.contains('/') => return Err(CronError::Shape(text.to_owned())),
            Some((span, step)) => (span, Some(self_number(step)?)),
            None => (text, None),
        };
        let (low, high, mut star) = match span.split_once('-') {
            None if span == "*" || span == "?" => (self.min, self.max, true),
            None => {
                let low = self.number(span)?;
                // With a step a single number is a beginning.
                (low, if step.is_some() { self.max } else { low }, false)
            }
            Some((_, b)) if b.contains('-') => return Err(CronError::Shape(text.to_owned())),
            Some((a, b)) => {
                if a == "*" || a == "?" {
                    return Err(CronError::Shape(text.to_owned()));
                }
                (self.number(a)?, self.number(b)?, false)
            }
        };
        let step = step.unwrap_or(1);
        if step == 0 {
            return Err(CronError::NoStep(text.to_owned()));
        }
        star &= step == 1;
        if low < self.min || high > self.max {
            return Err(CronError::Bounds { text: text.to_owned(), min: self.min, max: self.max });
        }
        if low > high {
            return Err(CronError::Backwards(text.to_owned()));
        }
        Ok(((low..=high).step_by(step as usize).fold(0, |bits, v| bits | 1 << v), star))
    }
}

fn self_number(text: &str) -> Result<u32, CronError> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten().ok_or_else(|| CronError::Number(text.to_owned()))
}

impl Cron {
    /// Reads five fields or a descriptor.
    ///
    /// # Errors
    /// [`CronError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Cron, CronError> {
        let text = text.trim();
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other if other.starts_with('@') => return Err(CronError::Descriptor(other.to_owned())),
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else { return Err(CronError::Fields(fields.len())) };
        let field = |min, max, names| Field { min, max, names };
        let (minutes, _) = field(0, 59, &[]).parse(minute)?;
        let (hours, _) = field(0, 23, &[]).parse(hour)?;
        let (days, any_day) = field(1, 31, &[]).parse(day)?;
        let (months, _) = field(1, 12, &MONTHS).parse(month)?;
        let (weekdays, any_weekday) = field(0, 6, &WEEKDAYS).parse(weekday)?;
        // Each field is within its bounds, so that none of the narrower types loses a bit.
        Ok(Cron {
            minutes,
            hours: hours as u32,
            days: days as u32,
            months: months as u16,
            weekdays: weekdays as u8,
            any_day: any_day || any_weekday,
        })
    }

    fn on(&self, d: Date) -> bool {
        let day = self.days >> d.day() & 1 == 1;
        let weekday = self.weekdays >> d.weekday().to_sunday_zero_offset() & 1 == 1;
        if self.any_day { day && weekday } else { day || weekday }
    }

    /// The first hit later than `unix` (seconds since 1970, UTC). `None` if there is none within five years.
    #[must_use]
    pub fn next(&self, unix: i64) -> Option<i64> {
        let epoch = date(1970, 1, 1);
        let after = unix.checked_add(1)?;
        let (days, mut second) = (after.div_euclid(DAY), after.rem_euclid(DAY));
        let mut day = epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
        let last = day.year() + 5;
        while day.year() <= last {
            if self.months >> day.month() & 1 == 0 {
                day = day.last_of_month().tomorrow().ok()?;
                second = 0;
                continue;
            }
            if self.on(day)
                && let Some(s) = self.within(second)
            {
                let since = epoch.until(day).ok()?.get_days();
                return Some(i64::from(since) * DAY + s);
            }
            day = day.tomorrow().ok()?;
            second = 0;
        }
        None
    }

    /// The first hit of a day at `from` seconds or later.
    fn within(&self, from: i64) -> Option<i64> {
        let minute = (from + 59) / 60;
        (minute..24 * 60).find(|m| self.hours >> (m / 60) & 1 == 1 && self.minutes >> (m % 60) & 1 == 1).map(|m| m * 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(y: i16, m: i8, d: i8, h: i64, min: i64) -> i64 {
        i64::from(date(1970, 1, 1).until(date(y, m, d)).unwrap().get_days()) * DAY + h * 3600 + min * 60
    }

    #[test]
    fn the_next_hit_is_the_calendars() {
        // 2024-01-07 is a Sunday, 2024-02-29 a Thursday.
        for (text, from, next) in [
            ("@daily", at(2024, 1, 7, 0, 0), Some(at(2024, 1, 8, 0, 0))),
            ("@daily", at(2024, 1, 7, 0, 0) - 1, Some(at(2024, 1, 7, 0, 0))),
            ("@hourly", at(2024, 1, 7, 3, 59) + 30, Some(at(2024, 1, 7, 4, 0))),
            ("@weekly", at(2024, 1, 7, 0, 0), Some(at(2024, 1, 14, 0, 0))),
            ("@monthly", at(2024, 1, 7, 0, 0), Some(at(2024, 2, 1, 0, 0))),
            ("@yearly", at(2024, 1, 1, 12, 0), Some(at(2025, 1, 1, 0, 0))),
            ("30 6 * * SUN", at(2024, 1, 7, 0, 0), Some(at(2024, 1, 7, 6, 30))),
            ("*/15 9-17 * * mon-fri", at(2024, 1, 5, 17, 45), Some(at(2024, 1, 8, 9, 0))),
            ("5/20 0 * * *", at(2024, 1, 7, 0, 5), Some(at(2024, 1, 7, 0, 25))),
            // Both days restricted: either is enough. The 13th, or a Friday.
            ("0 0 13 * 5", at(2024, 1, 7, 0, 0), Some(at(2024, 1, 12, 0, 0))),
            ("0 0 13 * 5", at(2024, 1, 12, 0, 0), Some(at(2024, 1, 13, 0, 0))),
            // A star with a step restricts; a star without one does not.
            ("0 0 */2 * 5", at(2024, 1, 7, 0, 0), Some(at(2024, 1, 9, 0, 0))),
            ("0 0 ? FEB 4", at(2024, 2, 23, 0, 0), Some(at(2024, 2, 29, 0, 0))),
            ("0 0 29 2 *", at(2023, 3, 1, 0, 0), Some(at(2024, 2, 29, 0, 0))),
            ("0 0 30 2 *", at(2024, 1, 1, 0, 0), None),
        ] {
            assert_eq!(Cron::parse(text).unwrap().next(from), next, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_schedule_is_refused() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "@every 1h",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "1-2-3 * * * *",
            "a * * * *",
            "-1 * * * *",
            "1/2/3 * * * *",
            ", * * * *",
            "*-5 * * * *",
        ] {
            assert!(Cron::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        /// Against a search minute by minute.
        #[test]
        fn a_hit_is_the_first_minute_that_matches(
            minute in 0u32..60, hour in 0u32..24, weekday in 0u32..7, from in 0i64..2_000_000_000,
        ) {
            let cron = Cron::parse(&format!("{minute} {hour} * * {weekday}")).unwrap();
            let next = cron.next(from).unwrap();
            let slow = ((from / 60 + 1)..).map(|m| m * 60).find(|s| {
                // 1970-01-01 was a Thursday.
                (s / 60 % 60, s / 3600 % 24, (s / DAY + 4) % 7) == (minute.into(), hour.into(), weekday.into())
            });
            prop_assert_eq!(Some(next), slow);
        }
    }
}
