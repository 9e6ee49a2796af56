//! Splitting the embedded tables. They are ours: plain fields, no quotes, a fixed number of columns, and a test
//! reads each of them whole, so that a malformed one cannot reach a user.

use std::borrow::Cow;

use jiff::civil::Date;

/// Text that is either part of an embedded table or a user's own.
pub type Text = Cow<'static, str>;

/// The rows of an embedded table below its heading, split into `N` fields.
pub(super) fn rows<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    text.lines().skip(1).map(|line| {
        let mut fields = [""; N];
        let mut parts = line.split(',');
        for field in &mut fields {
            *field = parts.next().expect("an embedded table has a fixed number of columns");
        }
        debug_assert!(parts.next().is_none(), "too many fields: {line}");
        fields
    })
}

/// A figure of an embedded table.
pub(super) fn number(s: &str) -> f64 {
    s.parse().expect("an embedded table holds plain numbers")
}

/// A figure of an embedded table that may be unknown.
pub(super) fn maybe(s: &str) -> Option<f64> {
    (!s.is_empty()).then(|| number(s))
}

/// A date of an embedded table, `YYYY-MM-DD`.
pub(super) fn date(s: &str) -> Date {
    fast_date(s).expect("an embedded table holds ISO dates")
}

/// `YYYY-MM-DD` and nothing else: thousands of these are read at start, so no general parser.
pub(super) fn fast_date(s: &str) -> Option<Date> {
    let b = s.as_bytes();
    if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
        return None;
    }
    let number =
        |part: &[u8]| part.iter().try_fold(0_i16, |n, c| c.is_ascii_digit().then(|| n * 10 + i16::from(c - b'0')));
    let (y, m, d) = (number(&b[..4])?, number(&b[5..7])?, number(&b[8..])?);
    Date::new(y, m as i8, d as i8).ok()
}

/// Decimal text with at most three decimals as thousandths; `None` for anything else.
pub(super) fn thousandths(s: &str) -> Option<u64> {
    let (whole, frac) = s.split_once('.').unwrap_or((s, ""));
    let digits = |p: &str| p.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || frac.len() > 3 || !digits(whole) || !digits(frac) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let frac: u64 = format!("{frac:0<3}").parse().ok()?;
    Some(whole * 1_000 + frac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_strictly() {
        assert_eq!(fast_date("2024-02-29"), Some(Date::constant(2024, 2, 29)));
        for bad in ["2023-02-29", "2023-2-01", "2023/02/01", "20230201", "", "2023-02-0x", "-023-02-01"] {
            assert_eq!(fast_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn thousandths_are_exact_or_refused() {
        assert_eq!(thousandths("0.167"), Some(167));
        assert_eq!(thousandths("8"), Some(8_000));
        assert_eq!(thousandths("30.5"), Some(30_500));
        for bad in ["", ".5", "-1", "1.0001", "1e3", "x"] {
            assert_eq!(thousandths(bad), None, "{bad}");
        }
    }
}
