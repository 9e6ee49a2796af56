//! A range of values, `FROM..TO:STEP`, in exact integers: numbers with any unit, lengths of time, sizes, bandwidths.

use std::fmt;

use crate::scenario::decode::decimal::{Decimal, split_unit};
use crate::scenario::decode::quantity::Bandwidth;
use crate::scenario::decode::scalar::{Form, Scalar, Written};
use crate::units::{Bytes, Diagnostic, Duration};

/// The most decimals of a number in a range.
const DECIMALS: u32 = 18;

/// Into how many steps a range without one is divided, at least, where it is not of whole numbers.
const FINE: i128 = 1_000;

/// Evenly spaced values, both ends included where the step meets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    from: i128,
    step: i128,
    count: u64,
    unit: Unit,
    /// What stands around it: `OnRequest(` and `)`.
    around: (String, String),
    written: String,
}

/// What its integers count.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unit {
    /// So many decimals of a number, with what follows it: `%`, ` USD/h`, or nothing.
    Number(u32, String),
    /// Nanoseconds.
    Time,
    /// Bytes.
    Size,
    /// Bytes a second.
    Speed,
}

/// Why a text is not a range that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// An end or the step is not a number.
    NotANumber(String),
    /// Ends and step have units that do not go together.
    Units,
    /// It has no step, and needs one.
    NoStep,
    /// Its step is nothing or less.
    Still,
    /// It ends before it begins.
    Backwards,
    /// A number is too large, or has too many decimals.
    TooLong,
}

impl Why {
    /// As a diagnostic without a place.
    #[must_use]
    pub fn into_diagnostic(self, text: &str) -> Diagnostic {
        let example = "write FROM..TO:STEP, for example 1..16:1 or 10m..2h:10m";
        match self {
            Why::NotANumber(what) => {
                let d = Diagnostic::error(format!("`{what}` in the range {text} is not a number"));
                d.help(example).help("a text that only looks like a range goes in quotes")
            }
            Why::Units => {
                Diagnostic::error(format!("the parts of the range {text} have units that do not go together"))
                    .help("write the same unit in all of them, for example 10%..50%:10%")
            }
            Why::NoStep => Diagnostic::error(format!("the range {text} has no step"))
                .help(example)
                .help("ranges without a step are for --latin, which draws values from them"),
            Why::Still => Diagnostic::error(format!("the step of the range {text} must be above 0")).help(example),
            Why::Backwards => {
                Diagnostic::error(format!("the range {text} ends before it begins")).help("write the smaller end first")
            }
            Why::TooLong => Diagnostic::error(format!("the range {text} has numbers with too many digits"))
                .help(format!("at most {DECIMALS} decimals")),
        }
    }
}

/// Whether a value is meant as a range: two dots after what begins like a number, bare or as the only argument of a name.
#[must_use]
pub fn is_range(text: &str) -> bool {
    let (_, inner, _) = unwrap(text);
    inner.split_once("..").is_some_and(|(from, _)| split_unit(from).is_some())
}

/// What is around a range, and the range: `OnRequest(`, `1..4:1`, `)`.
fn unwrap(text: &str) -> (&str, &str, &str) {
    let (mut from, mut to) = (0, text.len());
    loop {
        let inner = &text[from..to];
        let name = inner.find('(').filter(|i| {
            let word = inner[..*i].trim();
            word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(|c| c.is_ascii_alphanumeric())
        });
        let quoted = inner.len() > 2 && inner.starts_with('"') && inner.ends_with('"');
        match name {
            Some(i) if inner.ends_with(')') => (from, to) = (from + i + 1, to - 1),
            // A text in quotes of its own is a text.
            _ if quoted && from > 0 => (from, to) = (from + 1, to - 1),
            _ => return (&text[..from], inner, &text[to..]),
        }
    }
}

impl Range {
    /// Reads `FROM..TO:STEP`. With `stepless` the step may be left out: it is then 1 between whole numbers without a unit, and
    /// else the largest power of ten that divides the range into a thousand steps or more.
    ///
    /// # Errors
    /// [`Why`] it is not one.
    pub fn read(text: &str, stepless: bool) -> Result<Range, Why> {
        let (before, inner, after) = unwrap(text);
        let (from, rest) = inner.split_once("..").ok_or(Why::NoStep)?;
        let (to, step) = match rest.rsplit_once(':') {
            Some((to, step)) => (to, Some(step.trim())),
            None => (rest, None),
        };
        let parts: Vec<&str> = [from.trim(), to.trim()].into_iter().chain(step).collect();
        let (mut v, mut unit) = integers(&parts)?;
        if v[1] < v[0] {
            return Err(Why::Backwards);
        }
        let step = match (v.get(2), stepless) {
            (Some(step), _) if *step <= 0 => return Err(Why::Still),
            (Some(step), _) => *step,
            (None, false) => return Err(Why::NoStep),
            (None, true) => resolution(&mut v, &mut unit),
        };
        let count = u64::try_from((v[1] - v[0]) / step + 1).map_err(|_| Why::TooLong)?;
        let around = (before.to_owned(), after.to_owned());
        Ok(Range { from: v[0], step, count, unit, around, written: text.to_owned() })
    }

    /// How many values it has.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The value of a number from 0, as one would write it.
    #[must_use]
    pub fn value(&self, index: u64) -> String {
        let v = self.from + self.step * i128::from(index);
        let whole = u64::try_from(v.max(0)).unwrap_or(u64::MAX);
        let bare = |t: String| t.trim_matches('"').to_owned();
        let text = match &self.unit {
            Unit::Number(decimals, unit) => format!("{}{unit}", decimal(v, *decimals)),
            Unit::Time => bare(Duration(whole).write()),
            Unit::Size => bare(Bytes(whole).write()),
            Unit::Speed => bare(Bandwidth(whole).write()),
        };
        format!("{}{text}{}", self.around.0, self.around.1)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The parts as integers of one unit.
fn integers(parts: &[&str]) -> Result<(Vec<i128>, Unit), Why> {
    let mut numbers: Vec<(Decimal, &str)> = Vec::new();
    for p in parts {
        numbers.push(split_unit(p).ok_or_else(|| Why::NotANumber((*p).to_owned()))?);
    }
    let unit = numbers[0].1;
    if numbers.iter().all(|n| n.1 == unit) {
        // The blank between number and unit stays.
        let blank = if parts[0].trim_end_matches(unit).ends_with(' ') { " " } else { "" };
        for decimals in 0..=DECIMALS {
            let exact: Result<Vec<i128>, _> = numbers.iter().map(|n| n.0.signed_times(10u128.pow(decimals))).collect();
            match exact {
                // Differences of such numbers fit as well.
                Ok(v) if v.iter().all(|v| v.abs() < i128::MAX / 4) => {
                    return Ok((v, Unit::Number(decimals, format!("{blank}{unit}"))));
                }
                _ => {}
            }
        }
        return Err(Why::TooLong);
    }
    let all = |read: &dyn Fn(Written<'_>) -> Option<u64>| -> Option<Vec<i128>> {
        parts.iter().map(|p| read(Written { form: Form::Text, text: p, loose: true }).map(i128::from)).collect()
    };
    if let Some(v) = all(&|w| Duration::read(w).ok().map(|d| d.0)) {
        return Ok((v, Unit::Time));
    }
    if let Some(v) = all(&|w| Bytes::read(w).ok().map(|b| b.0)) {
        return Ok((v, Unit::Size));
    }
    if let Some(v) = all(&|w| Bandwidth::read(w).ok().map(|b| b.0)) {
        return Ok((v, Unit::Speed));
    }
    Err(Why::Units)
}

/// The step of a range that was written without one; more decimals where the range needs them.
fn resolution(v: &mut [i128], unit: &mut Unit) -> i128 {
    if matches!(unit, Unit::Number(0, u) if u.is_empty()) {
        return 1;
    }
    if let Unit::Number(decimals, _) = unit {
        let room = |v: &[i128]| v.iter().all(|v| v.abs() < i128::MAX / 100);
        while v[1] > v[0] && v[1] - v[0] < FINE && *decimals < DECIMALS && room(v) {
            *decimals += 1;
            v.iter_mut().for_each(|v| *v *= 10);
        }
    }
    let mut step = 1;
    while (v[1] - v[0]) / (step * 10) >= FINE {
        step *= 10;
    }
    step
}

/// An integer of so many decimals as one writes it, without zeros at the end.
fn decimal(v: i128, decimals: u32) -> String {
    let one = 10u128.pow(decimals);
    let (whole, part) = (v.unsigned_abs() / one, v.unsigned_abs() % one);
    let sign = if v < 0 { "-" } else { "" };
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let part = format!("{part:0width$}", width = decimals as usize);
    format!("{sign}{whole}.{}", part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<String> {
        let r = Range::read(text, false).unwrap();
        (0..r.count()).map(|i| r.value(i)).collect()
    }

    #[test]
    fn a_range_has_both_ends_where_its_step_meets_them() {
        assert_eq!(all("1..4:1"), ["1", "2", "3", "4"]);
        assert_eq!(all("1..8:3"), ["1", "4", "7"]);
        assert_eq!(all("5..5:1"), ["5"]);
        assert_eq!(all("-1..1:0.5"), ["-1", "-0.5", "0", "0.5", "1"]);
        // In binary fractions 0.1 + 0.2 is not 0.3.
        assert_eq!(all("0.1..0.3:0.1"), ["0.1", "0.2", "0.3"]);
        assert_eq!(all("1_000..3_000:1e3"), ["1000", "2000", "3000"]);
    }

    #[test]
    fn units_stay_and_go_together() {
        assert_eq!(all("10m..1h:10m"), ["10m", "20m", "30m", "40m", "50m", "1h"]);
        assert_eq!(all("30m..2h 30m:1h"), ["30m", "1h 30m", "2h 30m"]);
        assert_eq!(all("10%..30%:10%"), ["10%", "20%", "30%"]);
        assert_eq!(all("0.5 USD/h..1 USD/h:0.25 USD/h"), ["0.5 USD/h", "0.75 USD/h", "1 USD/h"]);
        assert_eq!(all("512MiB..1GiB:256MiB"), ["512MiB", "768MiB", "1GiB"]);
        assert_eq!(all("1GB/s..2GB/s:500MB/s"), ["1GB/s", "1500MB/s", "2GB/s"]);
        assert_eq!(all("OnRequest(2..4:2)"), ["OnRequest(2)", "OnRequest(4)"]);
        assert_eq!(all("Constant(\"30m..1h:30m\")"), ["Constant(\"30m\")", "Constant(\"1h\")"]);
    }

    #[test]
    fn what_is_no_range_is_a_value() {
        for text in ["../x.csv", "a..b", "\"1..2\"", "Daly", "[1, 2]", "10m"] {
            assert!(!is_range(text), "{text}");
        }
        assert!(is_range("1..2") && is_range("Fixed(1..2:1)"));
    }

    #[test]
    fn faults_are_told_apart() {
        let why = |t: &str| Range::read(t, false).unwrap_err();
        assert_eq!(why("1..x:1"), Why::NotANumber("x".into()));
        assert_eq!(why("1..5:"), Why::NotANumber(String::new()));
        assert_eq!(why("10m..5GB:1m"), Why::Units);
        assert_eq!(why("10m..2h:10"), Why::Units);
        assert_eq!(why("1..5"), Why::NoStep);
        assert_eq!(why("1..5:0"), Why::Still);
        assert_eq!(why("1..5:-1"), Why::Still);
        assert_eq!(why("5..1:1"), Why::Backwards);
        assert_eq!(why("1..2:1e-30"), Why::TooLong);
    }

    #[test]
    fn without_a_step_whole_numbers_stay_whole_and_others_are_fine() {
        let of = |t: &str| {
            let r = Range::read(t, true).unwrap();
            (r.count(), r.value(1), r.value(r.count() - 1))
        };
        assert_eq!(of("1..16"), (16, "2".into(), "16".into()));
        // 0.4 in steps of 0.0001.
        assert_eq!(of("0.1..0.5"), (4_001, "0.1001".into(), "0.5".into()));
        // 110 minutes are 6600 s: in steps of a second, 6601 values.
        assert_eq!(of("10m..2h"), (6_601, "10m 1s".into(), "2h".into()));
        assert_eq!(of("5%..20%"), (1_501, "5.01%".into(), "20%".into()));
        assert_eq!(of("3%..3%").0, 1);
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "[0-9.:a-z\"() %-]{0,16}") {
            if let Ok(r) = Range::read(&text, true) {
                prop_assert!(r.count() > 0);
                let _ = (r.value(0), r.value(r.count() - 1));
            }
        }

        #[test]
        fn values_ascend_by_the_step_and_end_within_it(from in -500i64..500, width in 0i64..500, step in 1i64..50) {
            let r = Range::read(&format!("{from}..{}:{step}", from + width), false).unwrap();
            let v: Vec<i64> = (0..r.count()).map(|i| r.value(i).parse().unwrap()).collect();
            prop_assert_eq!(v[0], from);
            prop_assert!(v.windows(2).all(|w| w[1] - w[0] == step));
            let last = v[v.len() - 1];
            prop_assert!(last <= from + width && last + step > from + width);
        }
    }
}
