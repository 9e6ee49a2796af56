//! Dates and times as traces write them: `2023-11-16 18:15:46.6805900`, with `T` or a blank, up to nine fractional
//! digits, and perhaps `Z` or an offset.

/// Days from 1970-01-01 to a date of the Gregorian calendar from that day on (H. Hinnant, "chrono-compatible low-level
/// date algorithms", `days_from_civil`).
fn days(year: u64, month: u64, day: u64) -> u64 {
    let y = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (y / 400, y % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Nanoseconds since 1970; with an offset, of UTC, else of the clock of the place.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn parse(text: &str) -> Result<u64, &'static str> {
    const NOT: &str = "not a date and time";
    let b = text.as_bytes();
    if b.len() < 19 || [b[4], b[7], b[13], b[16]] != *b"--::" || !matches!(b[10], b' ' | b'T') {
        return Err(NOT);
    }
    let number = |from: usize, to: usize| {
        b[from..to]
            .iter()
            .try_fold(0u64, |n, c| if c.is_ascii_digit() { Ok(n * 10 + u64::from(c - b'0')) } else { Err(NOT) })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u64::from(leap),
        1..=12 => 31,
        _ => return Err("the month is not from 1 to 12"),
    };
    if !(1..=last).contains(&day) {
        return Err("the day is not one of its month");
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err("the time is not one of a day");
    }
    if !(1970..2262).contains(&year) {
        return Err("the year is not from 1970 to 2261");
    }
    let mut at = 19;
    let mut nanos = 0;
    if b.get(at) == Some(&b'.') {
        let digits = b[20..].iter().take_while(|c| c.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return Err("a second has 1 to 9 fractional digits");
        }
        nanos = number(20, 20 + digits)? * 10u64.pow(9 - digits as u32);
        at = 20 + digits;
    }
    let local = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    let utc = match b[at..] {
        [] | [b'Z'] => Some(local),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let off = number(at + 1, at + 3)? * 3600 + number(at + 4, at + 6)? * 60;
            if sign == b'+' { local.checked_sub(off) } else { local.checked_add(off) }
        }
        _ => return Err("the end does not read as `Z` or an offset such as +00:00"),
    };
    utc.map(|s| s * 1_000_000_000 + nanos).ok_or("the time lies before 1970")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_calendar() {
        for text in [
            "1970-01-01 00:00:00",
            "2000-02-29 23:59:59.9",
            "2023-11-16 18:15:46.6805900",
            "2024-05-10 00:00:00.009930+00:00",
            "2024-12-31T01:02:03.123456789-07:30",
            "2100-02-28 12:00:00Z",
            "2261-12-31 00:00:00",
        ] {
            let whole = text.replace(' ', "T");
            let zoned = if text.len() > 19 && (whole.contains('+') || whole.ends_with('Z') || whole[19..].contains('-'))
            {
                whole
            } else {
                format!("{whole}Z")
            };
            let want: jiff::Timestamp = zoned.parse().unwrap();
            assert_eq!(i128::from(parse(text).unwrap()), want.as_nanosecond(), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in [
            "",
            "12",
            "2023-11-16",
            "2023-13-16 00:00:00",
            "2023-02-29 00:00:00",
            "2023-11-16 24:00:00",
            "1969-12-31 23:59:59",
            "2023-11-16 18:15:46.",
            "2023-11-16 18:15:46.1234567890",
            "2023-11-16 18:15:46 UTC",
            "2023-11-16x18:15:46",
            "1970-01-01 00:00:00+01:00",
            "2023-11-1é 18:15:46",
            "-023-11-16 18:15:46",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
