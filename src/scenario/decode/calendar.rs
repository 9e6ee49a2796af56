//! Dates, times of day and time zones. Calendars belong to the edge: the simulation counts nanoseconds.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use serde_json::json;

use super::scalar::{Form, Refusal, Scalar, ScalarDef, Written, quote, scalars};
use crate::units::nearest;

scalars!(Date, DateTime, Time, TimeZone);

fn text(w: Written<'_>) -> Result<&str, Refusal> {
    if w.form == Form::Text { Ok(w.text.trim()) } else { Err(Refusal::other()) }
}

/// The numbers of `text` between the separators, each of the given length.
fn digits<const N: usize>(text: &str, separator: char, lengths: [usize; N]) -> Option<[i16; N]> {
    let mut parts = text.split(separator);
    let mut out = [0; N];
    for (slot, len) in out.iter_mut().zip(lengths) {
        let part = parts.next()?;
        if part.len() != len || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

fn date(text: &str) -> Result<Date, Refusal> {
    let [y, m, d] = digits(text, '-', [4, 2, 2]).ok_or_else(Refusal::other)?;
    // Two digits each, so they fit.
    Date::new(y, m as i8, d as i8).map_err(|_| match Date::new(y, m as i8, 1) {
        Ok(first) => Refusal::because(format!("{y:04}-{m:02} has {} days", first.days_in_month())),
        Err(_) => Refusal::because("months go from 01 to 12"),
    })
}

fn time(text: &str) -> Result<Time, Refusal> {
    let hms = digits(text, ':', [2, 2, 2]).or_else(|| digits(text, ':', [2, 2]).map(|[h, m]| [h, m, 0]));
    let [h, m, s] = hms.ok_or_else(Refusal::other)?;
    Time::new(h as i8, m as i8, s as i8, 0).map_err(|_| Refusal::because("from 00:00 to 23:59:59"))
}

fn show_time(t: Time) -> String {
    let s = if t.second() == 0 { String::new() } else { format!(":{:02}", t.second()) };
    format!("{:02}:{:02}{s}", t.hour(), t.minute())
}

impl Scalar for Date {
    const DEF: ScalarDef = ScalarDef {
        name: "date",
        what: "a date",
        examples: "\"2026-10-01\"",
        meaning: "A day: `\"2026-10-01\"`.",
        schema: || json!({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
    };

    fn read(w: Written<'_>) -> Result<Date, Refusal> {
        date(text(w)?)
    }

    fn write(&self) -> String {
        quote(&self.to_string())
    }
}

impl Scalar for Time {
    const DEF: ScalarDef = ScalarDef {
        name: "time of day",
        what: "a time of day",
        examples: "\"14:00\"",
        meaning: "A time of day on the 24-hour clock: `\"14:00\"`, `\"08:30:15\"`.",
        schema: || json!({"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"}),
    };

    fn read(w: Written<'_>) -> Result<Time, Refusal> {
        time(text(w)?)
    }

    fn write(&self) -> String {
        quote(&show_time(*self))
    }
}

impl Scalar for DateTime {
    const DEF: ScalarDef = ScalarDef {
        name: "date and time",
        what: "a date, or a date and time",
        examples: "\"2026-10-01\" or \"2026-10-01T08:00\"",
        meaning: "A moment on the calendar of the scenario's time zone: `\"2026-10-01T08:00\"`; a date alone means \
                  midnight.",
        schema: || json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$"}),
    };

    fn read(w: Written<'_>) -> Result<DateTime, Refusal> {
        let text = text(w)?;
        let (day, clock) = text.split_once(['T', ' ']).map_or((text, None), |(d, t)| (d, Some(t)));
        if clock.is_some_and(|c| c.ends_with('Z') || c.contains(['+', '-'])) {
            return Err(Refusal::because("without a zone: the scenario has one").help("write \"2026-10-01T08:00\""));
        }
        let day = date(day)?;
        let clock = clock.map_or(Ok(Time::midnight()), time)?;
        Ok(day.to_datetime(clock))
    }

    fn write(&self) -> String {
        if self.time() == Time::midnight() {
            return self.date().write();
        }
        quote(&format!("{}T{}", self.date(), show_time(self.time())))
    }
}

impl Scalar for TimeZone {
    const DEF: ScalarDef = ScalarDef {
        name: "time zone",
        what: "the name of a time zone",
        examples: "\"America/New_York\" or \"UTC\"",
        meaning: "A name of the IANA time zone database, which is built in: the host's files are never read.",
        schema: || json!({"type": "string"}),
    };

    fn read(w: Written<'_>) -> Result<TimeZone, Refusal> {
        let text = text(w)?;
        let db = jiff::tz::db();
        db.get(text).map_err(|_| {
            let names: Vec<String> = db.available().map(|n| n.as_str().to_owned()).collect();
            let refusal = Refusal::because("not in the time zone database");
            // The city alone, or an abbreviation, is what people write first.
            let city =
                |n: &&String| n.rsplit('/').next().is_some_and(|c| c.eq_ignore_ascii_case(&text.replace(' ', "_")));
            match names
                .iter()
                .find(city)
                .map(String::as_str)
                .or_else(|| nearest(text, names.iter().map(String::as_str)))
            {
                Some(near) => refusal.help(format!("did you mean \"{near}\"?")),
                None => refusal,
            }
        })
    }

    fn write(&self) -> String {
        quote(self.iana_name().unwrap_or("UTC"))
    }
}
