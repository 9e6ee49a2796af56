//! Numbers, money, lengths of time and shares as people read them.
//!
//! *Invariant:* rounding happens here and nowhere before; a text never claims more digits than it shows.

use crate::units::Usd;

/// An integer with thousands separators: `1,234,567`.
#[must_use]
pub fn count(n: u64) -> String {
    group(&n.to_string())
}

fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A number with thousands separators and `decimals` decimals: `-1,234.5`. What is not finite prints as `–`.
#[must_use]
pub fn number(v: f64, decimals: usize) -> String {
    if !v.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{:.decimals$}", v.abs());
    let (whole, frac) = text.split_once('.').unwrap_or((&text, ""));
    let zero = text.chars().all(|c| matches!(c, '0' | '.'));
    let sign = if v < 0.0 && !zero { "-" } else { "" };
    let dot = if frac.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{frac}", group(whole))
}

/// Whole dollars with separators from 100 USD on, cents below: `118,204 USD`, `3.67 USD`.
#[must_use]
pub fn usd(v: Usd) -> String {
    format!("{} USD", dollars(v.to_f64()))
}

/// As [`usd`] without the unit.
#[must_use]
pub fn dollars(v: f64) -> String {
    number(v, if v.abs() >= 99.5 || v == 0.0 { 0 } else { 2 })
}

/// An axis tick in dollars: `$20`, `$5,000`, `$120k`, `$1.2M`. `step` is the distance of ticks, so that no two print
/// alike; `max` is the largest on the axis: all have its unit.
#[must_use]
pub fn dollar_tick(v: f64, step: f64, max: f64) -> String {
    let sign = if v < 0.0 { "-" } else { "" };
    let a = v.abs();
    let (unit, suffix) = match max.abs().max(step) {
        m if m >= 1e9 => (1e9, "B"),
        m if m >= 1e6 => (1e6, "M"),
        m if m >= 1e5 => (1e3, "k"),
        _ => (1.0, ""),
    };
    if a == 0.0 { "$0".to_owned() } else { format!("{sign}${}{suffix}", number(a / unit, decimals(step / unit))) }
}

/// Decimals that multiples of `step` need, at most 6.
#[must_use]
pub fn decimals(step: f64) -> usize {
    let whole = |v: f64| (v - v.round()).abs() < 1e-6;
    (0..6).find(|d| whole(step * 10f64.powi(*d))).unwrap_or(6) as usize
}

/// A share as whole percent, with one decimal where it is small: `41 %`, `0.4 %`. What is not finite prints as `–`.
#[must_use]
pub fn percent(share: f64) -> String {
    let p = share * 100.0;
    if !p.is_finite() {
        return "–".to_owned();
    }
    if p > 0.0 && p < 0.05 {
        return "< 0.1 %".to_owned();
    }
    let decimals = usize::from(p.abs() < 9.95 && p != 0.0 && (p - p.round()).abs() >= 0.05);
    format!("{} %", number(p, decimals))
}

/// A length of time in nanoseconds, two leading units at most: `0 s`, `42 s`, `12 min`, `1 h 20 min`, `3 d 4 h`.
#[must_use]
pub fn length(ns: u64) -> String {
    let s = ns as f64 / 1e9;
    if s < 59.5 {
        return if s == 0.0 {
            "0 s".into()
        } else if s < 0.0095 {
            "< 0.01 s".into()
        } else if s < 9.95 {
            let t = format!("{s:.2}");
            format!("{} s", t.trim_end_matches('0').trim_end_matches('.'))
        } else {
            format!("{s:.0} s")
        };
    }
    let two = |big: u64, b: &str, small: u64, u: &str| {
        if small == 0 { format!("{big} {b}") } else { format!("{big} {b} {small} {u}") }
    };
    let secs = s.round() as u64;
    if secs < 600 {
        return two(secs / 60, "min", secs % 60, "s");
    }
    let min = (s / 60.0).round() as u64;
    if min < 1_440 {
        return if min < 60 { format!("{min} min") } else { two(min / 60, "h", min % 60, "min") };
    }
    let h = (s / 3_600.0).round() as u64;
    two(h / 24, "d", h % 24, "h")
}

/// A latency in nanoseconds, about three digits: `0 ms`, `4.2 ms`, `850 ms`, `1.25 s`, `12.5 s`; as [`length`] from a
/// minute on.
#[must_use]
pub fn latency(ns: u64) -> String {
    let (ms, s) = (ns as f64 / 1e6, ns as f64 / 1e9);
    let short = |v: f64, decimals: usize, unit: &str| {
        let text = number(v, decimals);
        let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        format!("{text} {unit}")
    };
    match () {
        () if ns > 0 && ms < 0.095 => short(ms, 3, "ms"),
        () if ms < 9.95 => short(ms, 1, "ms"),
        () if ms < 999.5 => short(ms, 0, "ms"),
        () if s < 9.995 => short(s, 2, "s"),
        () if s < 59.95 => short(s, 1, "s"),
        () => length(ns),
    }
}

/// A share that is held against a promise: one decimal, two from 99 % on, rounded down, so that 100 % is all of them and
/// what fell short never reads as what was promised: `95 %`, `91.2 %`, `99.97 %`.
#[must_use]
pub fn attained(share: f64) -> String {
    let p = share * 100.0;
    let unit = if p >= 99.0 { 100.0 } else { 10.0 };
    // The quotient of two counts may lie a hair below the decimal that it is.
    let text = format!("{:.2}", (p * unit + 1e-7).floor() / unit);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Cuts a text to `max` characters, with an ellipsis where something was cut.
#[must_use]
pub fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
    while out.ends_with([' ', ',', ';', ':', '·']) {
        out.pop();
    }
    out.push('…');
    out
}

/// Capital first letter.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut it = text.chars();
    it.next().map_or_else(String::new, |c| c.to_uppercase().chain(it).collect())
}

/// `one, two and three`.
#[must_use]
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_rounded_only_here() {
        assert_eq!(number(1_234_567.891, 1), "1,234,567.9");
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(f64::NAN, 2), "–");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(dollars(99.4), "99.40");
        assert_eq!(dollars(118_204.4), "118,204");
    }

    #[test]
    fn ticks_shorten_thousands_and_millions() {
        assert_eq!(dollar_tick(20_000.0, 20_000.0, 80_000.0), "$20,000");
        assert_eq!(dollar_tick(20_000.0, 20_000.0, 120_000.0), "$20k");
        assert_eq!(dollar_tick(1_200_000.0, 200_000.0, 2e6), "$1.2M");
        assert_eq!(dollar_tick(0.5, 0.25, 1.0), "$0.50");
        assert_eq!(dollar_tick(0.0, 1.0, 9e6), "$0");
    }

    #[test]
    fn times_show_two_units_at_most() {
        let s = 1_000_000_000;
        for (ns, text) in [
            (0, "0 s"),
            (250_000_000, "0.25 s"),
            (42 * s, "42 s"),
            (90 * s, "1 min 30 s"),
            (720 * s, "12 min"),
            (4_800 * s, "1 h 20 min"),
            (86_400 * s, "1 d"),
            (273_600 * s, "3 d 4 h"),
            (3_599_900_000_000, "1 h"),
        ] {
            assert_eq!(length(ns), text);
        }
    }

    #[test]
    fn shares_show_a_decimal_only_where_small() {
        assert_eq!(percent(0.4149), "41 %");
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(percent(0.0001), "< 0.1 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1.0), "100 %");
    }

    #[test]
    fn texts_are_cut_on_characters() {
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(sentence("idle"), "Idle");
    }

    #[test]
    fn latencies_have_about_three_digits() {
        let ms = 1_000_000;
        for (ns, text) in [
            (0, "0 ms"),
            (42_000, "0.042 ms"),
            (4_240_000, "4.2 ms"),
            (9_960_000, "10 ms"),
            (850 * ms, "850 ms"),
            (999_600_000, "1 s"),
            (1_250 * ms, "1.25 s"),
            (9_996 * ms, "10 s"),
            (100 * ms, "100 ms"),
            (61_000 * ms, "1 min 1 s"),
        ] {
            assert_eq!(latency(ns), text);
        }
    }

    #[test]
    fn what_fell_short_never_reads_as_promised() {
        let texts = [0.95, 0.91299, 0.949_99, 0.999, 0.999_98, 1.0, 0.0].map(attained);
        assert_eq!(texts, ["95 %", "91.2 %", "94.9 %", "99.9 %", "99.99 %", "100 %", "0 %"]);
    }
}
