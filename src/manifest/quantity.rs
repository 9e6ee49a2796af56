//! Quantities, durations and percentages as Kubernetes writes them.
//!
//! Grammar of quantities: kubernetes/apimachinery `pkg/api/resource/quantity.go`: a decimal number with `n`, `u`, `m`,
//! `k`, `M`, `G`, `T`, `P`, `E`, with `Ki` to `Ei`, or with a decimal exponent. Durations are Go's
//! (`time.ParseDuration`), which knows no days.

use std::fmt;

use crate::units::Duration;

/// Nano-units of one.
const ONE: i128 = 1_000_000_000;

/// An amount, exact to a billionth; what is finer is rounded up, as upstream does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

/// Suffixes with what they multiply by, in billionths.
const SUFFIXES: [(&str, i128); 15] = [
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("", ONE),
    ("k", ONE * 1_000),
    ("M", ONE * 1_000_000),
    ("G", ONE * 1_000_000_000),
    ("T", ONE * 1_000_000_000_000),
    ("P", ONE * 1_000_000_000_000_000),
    ("E", ONE * 1_000_000_000_000_000_000),
    ("Ki", ONE << 10),
    ("Mi", ONE << 20),
    ("Gi", ONE << 30),
    ("Ti", ONE << 40),
    ("Pi", ONE << 50),
];

impl Quantity {
    /// So many whole units.
    #[must_use]
    pub const fn whole(n: i64) -> Quantity {
        Quantity(n as i128 * ONE)
    }

    /// Reads `100m`, `16Gi`, `1e3`, `0.5`.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Quantity, (String, String)> {
        const HOW: &str = "write a number with an optional unit: 500m, 2, 1e3, 16Gi, 2G";
        let bad = |why: &str| (why.to_owned(), HOW.to_owned());
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(bad("does not begin with a number"));
        }
        if number.len() > 40 {
            return Err(bad("has too many digits"));
        }
        let (factor, shift) = match SUFFIXES.iter().chain([&("Ei", ONE << 60)]).find(|(s, _)| *s == suffix) {
            Some((_, f)) => (*f, 0),
            None => (ONE, exponent(suffix).ok_or_else(|| wrong_suffix(number, suffix))?),
        };
        let digits: String = [whole, fraction].concat();
        let mut value: i128 = digits
            .trim_start_matches('0')
            .parse()
            .unwrap_or(if digits.trim_matches('0').is_empty() { 0 } else { i128::MAX });
        // value × factor × 10^shift ÷ 10^(digits of the fraction), rounded up.
        let ten = |n: u32| 10_i128.checked_pow(n);
        let down = fraction.len() as i32 - shift;
        value = match value.checked_mul(factor) {
            Some(v) if down <= 0 => ten(down.unsigned_abs()).and_then(|t| v.checked_mul(t)).unwrap_or(i128::MAX),
            Some(v) => ten(down.unsigned_abs()).map_or(i128::from(v > 0), |t| v / t + i128::from(v % t > 0)),
            None => i128::MAX,
        };
        // Upstream's largest quantity is 2^63 − 1 units.
        let most = i128::from(i64::MAX) * ONE;
        let value = value.min(most);
        Ok(Quantity(if negative { -value } else { value }))
    }

    /// Billionths.
    #[must_use]
    pub const fn nanos(self) -> i128 {
        self.0
    }

    /// Thousandths, rounded up (`MilliValue`).
    #[must_use]
    pub fn milli(self) -> i64 {
        i64::try_from(self.0.div_euclid(1_000_000) + i128::from(self.0.rem_euclid(1_000_000) > 0)).unwrap_or(i64::MAX)
    }

    /// Whole units, rounded up (`Value`).
    #[must_use]
    pub fn units(self) -> i64 {
        i64::try_from(self.0.div_euclid(ONE) + i128::from(self.0.rem_euclid(ONE) > 0)).unwrap_or(i64::MAX)
    }

    /// As a double, for shares and messages.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// Whether it is a whole number.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0 % ONE == 0
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_add(other.0))
    }

    /// So many times as much.
    #[must_use]
    pub const fn times(self, n: u64) -> Quantity {
        Quantity(self.0.saturating_mul(n as i128))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole() {
            return write!(f, "{}", self.0 / ONE);
        }
        let text = format!("{:.9}", self.to_f64());
        f.write_str(text.trim_end_matches('0'))
    }
}

/// `e3` and `E-2`.
fn exponent(suffix: &str) -> Option<i32> {
    let digits = suffix.strip_prefix(['e', 'E'])?;
    let n: i32 = digits.parse().ok()?;
    (-40..=40).contains(&n).then_some(n)
}

fn wrong_suffix(number: &str, suffix: &str) -> (String, String) {
    let trimmed = suffix.trim();
    let help = match trimmed.to_ascii_lowercase().as_str() {
        "kb" | "mb" | "gb" | "tb" | "pb" | "kib" | "mib" | "gib" | "tib" => {
            let letter = trimmed[..1].to_ascii_uppercase();
            let decimal = if letter == "K" { "k".to_owned() } else { letter.clone() };
            format!("write {number}{letter}i (powers of 1024) or {number}{decimal} (powers of 1000)")
        }
        "ki" | "mi" | "gi" | "ti" | "pi" => format!("write {number}{}i", trimmed[..1].to_ascii_uppercase()),
        "g" | "t" | "p" => format!("write {number}{} or {number}{0}i", trimmed.to_ascii_uppercase()),
        "%" => "percentages are not taken here".to_owned(),
        _ => "units are m, k, M, G, T, P, E and Ki, Mi, Gi, Ti, Pi, Ei".to_owned(),
    };
    (format!("`{trimmed}` is not a unit of quantities"), help)
}

/// Reads a Go duration: `10m`, `1h30m`, `90s`, `1.5h`, `0s`.
///
/// # Errors
/// What is wrong and what to write instead.
pub fn duration(text: &str) -> Result<Duration, (String, String)> {
    const HOW: &str = "write hours, minutes and seconds: 90s, 10m, 1h30m, 720h";
    let bad = |why: String| (why, HOW.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.starts_with('-') {
        return Err(bad("is negative".to_owned()));
    }
    if rest.is_empty() {
        return Err(bad("is empty".to_owned()));
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if number.is_empty() || number == "." || !digits(whole) || !digits(fraction) || number.len() > 20 {
            return Err(bad("is not a number with a unit".to_owned()));
        }
        let nanos: u128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            "" => {
                return Err(("has no unit".to_owned(), format!("write {number}s, {number}m or {number}h")));
            }
            "d" | "w" => {
                let hours = if unit == "d" { 24 } else { 168 };
                let help = match whole.parse::<u64>() {
                    Ok(n) if fraction.is_empty() => format!("write {}h", n.saturating_mul(hours)),
                    _ => format!("a {unit} is {hours}h"),
                };
                return Err((format!("`{unit}` is not a unit of Kubernetes durations"), help));
            }
            _ => return Err(bad(format!("`{unit}` is not a unit of durations"))),
        };
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(u128::from(u64::MAX)) };
        total = total.saturating_add(whole.saturating_mul(nanos));
        if !fraction.is_empty() {
            let f: u128 = fraction.parse().unwrap_or(0);
            total = total.saturating_add(f.saturating_mul(nanos) / 10_u128.pow(fraction.len() as u32));
        }
        rest = next;
    }
    match u64::try_from(total) {
        Ok(n) if n <= i64::MAX as u64 => Ok(Duration(n)),
        _ => Err(bad("is longer than 292 years".to_owned())),
    }
}

/// A count, or a percentage of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// So many.
    Count(u32),
    /// So many per cent.
    Percent(u32),
}

impl IntOrPercent {
    /// The percentage of a text `25%`; whether it is in range is for who asks to say.
    #[must_use]
    pub fn percent(text: &str) -> Option<IntOrPercent> {
        let digits = text.strip_suffix('%')?;
        (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse().ok().map(IntOrPercent::Percent))?
    }
}

impl fmt::Display for IntOrPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntOrPercent::Count(n) => write!(f, "{n}"),
            IntOrPercent::Percent(p) => write!(f, "{p}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact() {
        for (text, nanos) in [
            ("100m", 100_000_000),
            ("0", 0),
            ("1", ONE),
            ("0.5", ONE / 2),
            (".5", ONE / 2),
            ("1.", ONE),
            ("1e3", 1000 * ONE),
            ("1E3", 1000 * ONE),
            ("1.5e-3", 1_500_000),
            ("16Gi", (16 << 30) * ONE),
            ("1.5Gi", 3 * (1 << 29) * ONE),
            ("2G", 2_000_000_000 * ONE),
            ("1E", 1_000_000_000_000_000_000 * ONE),
            ("-3", -3 * ONE),
            ("1n", 1),
            ("0.1n", 1),
            ("99999999999999999999E", i128::from(i64::MAX) * ONE),
        ] {
            assert_eq!(Quantity::parse(text), Ok(Quantity(nanos)), "{text}");
        }
        assert_eq!(Quantity::parse("1500m").unwrap().units(), 2);
        assert_eq!(Quantity::parse("1u").unwrap().milli(), 1);
        assert_eq!(Quantity::parse("0.25").unwrap().to_string(), "0.25");
    }

    #[test]
    fn what_is_no_quantity_says_what_to_write() {
        for (text, help) in [
            ("16GB", "write 16Gi (powers of 1024) or 16G (powers of 1000)"),
            ("16gi", "write 16Gi"),
            ("512mb", "write 512Mi (powers of 1024) or 512M (powers of 1000)"),
            ("4 cores", "units are"),
            ("1,5", "units are"),
            ("", "write a number"),
            ("abc", "write a number"),
            ("1.2.3", "write a number"),
            ("50%", "percentages"),
        ] {
            let (_, found) = Quantity::parse(text).expect_err(text);
            assert!(found.starts_with(help), "{text}: {found}");
        }
    }

    #[test]
    fn durations_are_gos() {
        for (text, seconds) in
            [("10m", 600), ("1h30m", 5400), ("90s", 90), ("720h", 2_592_000), ("0s", 0), ("1.5h", 5400), ("0", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("30d").unwrap_err().1, "write 720h");
        assert_eq!(duration("30").unwrap_err().1, "write 30s, 30m or 30h");
        for text in ["", "h", "1x", "-1h", "1h-3m", "1..5h", "9999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn percentages_are_whole_numbers() {
        assert_eq!(IntOrPercent::percent("25%"), Some(IntOrPercent::Percent(25)));
        assert_eq!(IntOrPercent::percent("2.5%"), None);
        assert_eq!(IntOrPercent::percent("25"), None);
        assert_eq!(IntOrPercent::percent("%"), None);
    }
}
