//! Quantities with units: each is read exactly or refused, and says what it would take.

use serde_json::json;

use super::decimal::{Decimal, Inexact, split_unit};
use super::number::decimal;
use super::scalar::{Form, Refusal, Scalar, ScalarDef, Written, quote, scalars};
use crate::units::money::{PICO, Rate, Usd};
use crate::units::{Bytes, Duration, Fraction, nearest};

/// A share or a growth: `"12%"` or `0.12`. May be negative or beyond one.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

/// Bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bandwidth(pub u64);

/// Watts, finite and not negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Power(pub f64);

scalars!(Duration, Bytes, Fraction, Percent, Usd, Rate, Bandwidth, Power);

/// A unit and how many of the smallest it is.
type Unit = (&'static str, u128);

/// From the largest, as they must follow each other and as they are printed.
const TIME: [Unit; 9] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// From the largest.
const DATA: [Unit; 11] = [
    ("PiB", 1 << 50),
    ("PB", 1_000_000_000_000_000),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

fn unit_of(units: &[Unit], word: &str) -> Option<u128> {
    units.iter().find(|(u, _)| *u == word).map(|(_, f)| *f)
}

fn unknown_unit(units: &[Unit], word: &str, number: &str) -> Refusal {
    let names = units.iter().map(|(u, _)| *u).filter(|u| *u != "µs");
    let all = names.clone().collect::<Vec<_>>().join(", ");
    let near = names.clone().find(|u| u.eq_ignore_ascii_case(word)).or_else(|| nearest(word, names));
    match near {
        Some(near) => Refusal::because(format!("`{word}` is not a unit"))
            .help(format!("write \"{number}{near}\"; units are {all}")),
        None => Refusal::because(format!("`{word}` is not a unit")).help(format!("units are {all}")),
    }
}

/// What stands before the unit.
fn before<'a>(text: &'a str, unit: &str) -> &'a str {
    text.strip_suffix(unit).unwrap_or(text).trim_end()
}

fn negative() -> Refusal {
    Refusal::because("must not be negative")
}

/// A number and one of the units, times the size of the unit.
fn measured(w: Written<'_>, units: &[Unit], smallest: &str, missing: &str) -> Result<u64, Refusal> {
    let text = w.text.trim();
    if w.form == Form::Bool {
        return Err(Refusal::other());
    }
    let Some((number, unit)) = split_unit(text) else { return Err(Refusal::other()) };
    if unit.is_empty() {
        return Err(Refusal::because("a unit is missing").help(missing.replace("{}", text)));
    }
    let factor = unit_of(units, unit).ok_or_else(|| unknown_unit(units, unit, before(text, unit)))?;
    if number.negative {
        return Err(negative());
    }
    match number.times(factor).map(u64::try_from) {
        Ok(Ok(v)) => Ok(v),
        Err(Inexact::TooFine) => Err(Refusal::because(format!("not a whole number of {smallest}"))),
        _ => Err(Refusal::because("too large")),
    }
}

/// The largest unit in which it is whole.
fn show_measured(v: u64, units: &[Unit]) -> String {
    let fits = units.iter().find(|(_, f)| v > 0 && u128::from(v) % f == 0).or(units.last());
    fits.map_or_else(String::new, |(u, f)| format!("{}{u}", u128::from(v) / f))
}

impl Scalar for Duration {
    const DEF: ScalarDef = ScalarDef {
        name: "duration",
        what: "a duration",
        examples: "\"2h 30m\", \"90s\" or \"31d\"",
        meaning: "A length of time in text: numbers with the units w, d (24 h), h, m, s, ms, us, ns, the larger first: \
                  `\"2h 30m\"`, `\"1.5h\"`. Exact to the nanosecond. A month is written as the days or hours it is \
                  meant to have.",
        schema: || {
            let unit = "(w|d|h|m|s|ms|us|µs|ns)";
            json!({"type": "string", "pattern": format!("^\\s*([0-9][0-9_]*\\.?[0-9]*|\\.[0-9]+)\\s*{unit}(\\s*([0-9][0-9_]*\\.?[0-9]*|\\.[0-9]+)\\s*{unit})*\\s*$")})
        },
    };

    fn read(w: Written<'_>) -> Result<Duration, Refusal> {
        let text = w.text.trim();
        let missing = |n: &str| {
            Refusal::because("a unit is missing").help(format!(
                "which unit? write \"{n}s\" for seconds, \"{n}m\" for minutes, \"{n}h\" for hours or \"{n}d\" for days"
            ))
        };
        match w.form {
            Form::Number => return Err(missing(text)),
            Form::Bool => return Err(Refusal::other()),
            Form::Text => {}
        }
        let (mut rest, mut total, mut last) = (text, 0u128, u128::MAX);
        if rest.is_empty() {
            return Err(Refusal::because("empty"));
        }
        while !rest.is_empty() {
            let word = rest.find(|c: char| c.is_alphabetic() || c == 'µ');
            let Some(start) = word else { return Err(missing(rest)) };
            let Some(number) = Decimal::parse(rest[..start].trim()) else { return Err(Refusal::other()) };
            let len = rest[start..].find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len() - start);
            let unit = &rest[start..start + len];
            if number.negative {
                return Err(negative());
            }
            let Some(factor) = unit_of(&TIME, unit) else { return Err(no_time_unit(unit, rest[..start].trim())) };
            if factor >= last {
                return Err(Refusal::because("units go from the larger to the smaller, each once"));
            }
            last = factor;
            total = match number.times(factor) {
                Ok(ns) => total.saturating_add(ns),
                Err(Inexact::TooFine) => return Err(Refusal::because("finer than a nanosecond")),
                Err(Inexact::TooLarge) => u128::MAX,
            };
            rest = rest[start + len..].trim_start();
        }
        u64::try_from(total).map(Duration).map_err(|_| Refusal::because("longer than 584 years"))
    }

    fn write(&self) -> String {
        let (mut rest, mut parts) = (u128::from(self.0), Vec::new());
        for (unit, size) in TIME.iter().filter(|(u, _)| !matches!(*u, "w" | "µs")) {
            let n = rest / size;
            rest %= size;
            if n > 0 {
                parts.push(format!("{n}{unit}"));
            }
        }
        if parts.is_empty() { "\"0s\"".to_owned() } else { quote(&parts.join(" ")) }
    }
}

fn no_time_unit(unit: &str, number: &str) -> Refusal {
    let word = unit.to_lowercase();
    let is = |names: &[&str]| names.contains(&word.as_str());
    if unit == "M" || is(&["mo", "month", "months"]) {
        return Refusal::because("a month has no fixed length").help("write \"30d\", \"31d\" or \"730h\"");
    }
    if is(&["y", "yr", "yrs", "year", "years"]) {
        return Refusal::because("a year has no fixed length").help("write \"365d\" or \"8760h\"");
    }
    let meant = match word.as_str() {
        "sec" | "secs" | "second" | "seconds" => Some("s"),
        "min" | "mins" | "minute" | "minutes" => Some("m"),
        "hr" | "hrs" | "hour" | "hours" => Some("h"),
        "day" | "days" => Some("d"),
        "week" | "weeks" => Some("w"),
        "msec" | "millis" | "milliseconds" => Some("ms"),
        _ => None,
    };
    match meant {
        Some(meant) => Refusal::because(format!("`{unit}` is not a unit")).help(format!("write \"{number}{meant}\"")),
        None => unknown_unit(&TIME, unit, number),
    }
}

impl Scalar for Bytes {
    const DEF: ScalarDef = ScalarDef {
        name: "size",
        what: "a size in bytes",
        examples: "\"80GiB\", \"980GB\" or \"500MB\"",
        meaning: "A size in text: `B`, `kB` `MB` `GB` `TB` `PB` (powers of 1000), `KiB` `MiB` `GiB` `TiB` `PiB` (powers \
                  of 1024). A whole number of bytes.",
        schema: || json!({"type": "string", "pattern": "^\\s*[0-9][0-9_]*\\.?[0-9]*\\s*(B|kB|MB|GB|TB|PB|KiB|MiB|GiB|TiB|PiB)\\s*$"}),
    };

    fn read(w: Written<'_>) -> Result<Bytes, Refusal> {
        let missing = "write \"{}GB\" (powers of 1000) or \"{}GiB\" (powers of 1024)";
        let kubernetes = w.text.trim_end_matches('i').ends_with(['K', 'M', 'G', 'T', 'P']);
        match measured(w, &DATA, "bytes", missing) {
            Err(_) if kubernetes && w.form == Form::Text && split_unit(w.text).is_some() => {
                let stem = w.text.trim();
                Err(Refusal::because("the unit is cut short").help(format!("write \"{stem}B\"")))
            }
            other => other.map(Bytes),
        }
    }

    fn write(&self) -> String {
        quote(&show_measured(self.0, &DATA))
    }
}

/// Per second, in bytes; networks count bits.
const BITS: [Unit; 4] = [("Tbit", 1_000_000_000_000), ("Gbit", 1_000_000_000), ("Mbit", 1_000_000), ("kbit", 1_000)];

impl Scalar for Bandwidth {
    const DEF: ScalarDef = ScalarDef {
        name: "bandwidth",
        what: "a bandwidth",
        examples: "\"4GB/s\" or \"100Gbit/s\"",
        meaning: "Data per second in text: a size and `/s`, `\"4GB/s\"`, `\"1.5GiB/s\"`; or bits, `\"100Gbit/s\"`.",
        schema: || json!({"type": "string", "pattern": "^\\s*[0-9][0-9_]*\\.?[0-9]*\\s*(B|kB|MB|GB|TB|PB|KiB|MiB|GiB|TiB|PiB|kbit|Mbit|Gbit|Tbit)/s\\s*$"}),
    };

    fn read(w: Written<'_>) -> Result<Bandwidth, Refusal> {
        let missing = "write \"{}GB/s\" or \"{}Gbit/s\"";
        let text = w.text.trim();
        let Some(amount) = text.strip_suffix("/s").map(str::trim_end) else {
            let bits = text.ends_with("bps") || text.ends_with("b/s");
            return Err(match (w.form, split_unit(text)) {
                (Form::Bool, _) | (_, None) => Refusal::other(),
                (_, Some((_, ""))) => Refusal::because("a unit is missing").help(missing.replace("{}", text)),
                _ if bits => Refusal::because("bits or bytes?").help("write GB/s for bytes or Gbit/s for bits"),
                _ => Refusal::because("per what?").help(format!("write \"{text}/s\"")),
            });
        };
        let w = Written { text: amount, ..w };
        if let Some((number, unit)) = split_unit(amount)
            && let Some(bits) = unit_of(&BITS, unit)
        {
            if number.negative {
                return Err(negative());
            }
            let bytes =
                number.times(bits / 8).map_err(|_| Refusal::because("not a whole number of bytes per second"))?;
            return u64::try_from(bytes).map(Bandwidth).map_err(|_| Refusal::because("too large"));
        }
        if amount.ends_with('b') {
            return Err(Refusal::because("bits or bytes?").help("write GB/s for bytes or Gbit/s for bits"));
        }
        measured(w, &DATA, "bytes per second", missing).map(Bandwidth)
    }

    fn write(&self) -> String {
        quote(&format!("{}/s", show_measured(self.0, &DATA)))
    }
}

impl Scalar for Power {
    const DEF: ScalarDef = ScalarDef {
        name: "power",
        what: "a power in watts",
        examples: "\"700W\" or \"1.2kW\"",
        meaning: "Power in text: `W`, `kW` or `MW`.",
        schema: || json!({"type": "string", "pattern": "^\\s*[0-9][0-9_]*\\.?[0-9]*\\s*(W|kW|MW)\\s*$"}),
    };

    fn read(w: Written<'_>) -> Result<Power, Refusal> {
        const UNITS: [Unit; 3] = [("MW", 6), ("kW", 3), ("W", 0)];
        let text = w.text.trim();
        let Some((number, unit)) = split_unit(text).filter(|_| w.form != Form::Bool) else {
            return Err(Refusal::other());
        };
        if unit.is_empty() {
            return Err(Refusal::because("a unit is missing").help(format!("write \"{text}W\" or \"{text}kW\"")));
        }
        let power = unit_of(&UNITS, unit).ok_or_else(|| unknown_unit(&UNITS, unit, before(text, unit)))?;
        if number.negative {
            return Err(negative());
        }
        let watts = number.shifted(i32::try_from(power).unwrap_or(0)).to_f64();
        if watts.is_finite() { Ok(Power(watts)) } else { Err(Refusal::because("too large")) }
    }

    fn write(&self) -> String {
        quote(&format!("{}W", self.0))
    }
}

/// A number, or a number of percent, as a double.
fn share(w: Written<'_>) -> Result<f64, Refusal> {
    let v = match (w.form, w.text.trim().strip_suffix('%')) {
        (Form::Text, Some(number)) => {
            Decimal::parse(number.trim()).ok_or_else(|| Refusal::because("not a number before the %"))?.shifted(-2)
        }
        (Form::Text, None) if Decimal::parse(w.text.trim()).is_some() => {
            let t = w.text.trim();
            return Err(
                Refusal::because("a number goes without quotes").help(format!("write {t}, or \"{t}%\" for percent"))
            );
        }
        _ => decimal(w)?,
    };
    let v = v.to_f64();
    if v.is_finite() { Ok(v) } else { Err(Refusal::because("too large")) }
}

impl Scalar for Fraction {
    const DEF: ScalarDef = ScalarDef {
        name: "fraction",
        what: "a fraction from 0 to 1",
        examples: "\"18%\" or 0.18",
        meaning: "A part of a whole: `\"18%\"` or `0.18`; from 0 to 1.",
        schema: || {
            json!({"anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": "^\\s*[0-9][0-9_]*\\.?[0-9]*\\s*%\\s*$"},
            ]})
        },
    };

    fn read(w: Written<'_>) -> Result<Fraction, Refusal> {
        let v = share(w)?;
        Fraction::new(v + 0.0).ok_or_else(|| {
            let refusal = Refusal::because("must be from 0 to 1, that is 0% to 100%");
            // Somebody who writes 18 means 18%.
            if w.form == Form::Number && v > 1.0 && v <= 100.0 {
                refusal.help(format!("write \"{}%\"", w.text))
            } else {
                refusal
            }
        })
    }

    fn write(&self) -> String {
        format!("{:?}", self.get())
    }
}

impl Scalar for Percent {
    const DEF: ScalarDef = ScalarDef {
        name: "percentage",
        what: "a percentage",
        examples: "\"12%\" or 0.12",
        meaning: "A ratio: `\"12%\"` or `0.12`. May be negative, and above 1.",
        schema: || json!({"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^\\s*[-+]?[0-9][0-9_]*\\.?[0-9]*\\s*%\\s*$"}]}),
    };

    fn read(w: Written<'_>) -> Result<Percent, Refusal> {
        share(w).map(Percent)
    }

    fn write(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// Pico-dollars of an amount written as a number, or as text that ends in `unit`.
fn dollars(w: Written<'_>, units: &[&str]) -> Result<i128, Refusal> {
    let text = w.text.trim();
    let number = match w.form {
        Form::Number => decimal(w)?,
        Form::Bool => return Err(Refusal::other()),
        Form::Text => match split_unit(text) {
            Some((number, unit)) if units.contains(&unit) => number,
            Some((_, "")) => {
                return Err(Refusal::because("text without a currency").help(format!(
                    "write {}, or \"{text} {}\"",
                    text.replace('_', ""),
                    units[0]
                )));
            }
            Some((_, unit)) => {
                return Err(Refusal::because(format!("`{unit}` is not a unit here")).help(format!(
                    "write \"{} {}\"",
                    before(text, unit),
                    units[0]
                )));
            }
            None => match text.strip_prefix('$') {
                Some(n) => {
                    return Err(Refusal::because("dollars are written USD").help(format!("write \"{n} {}\"", units[0])));
                }
                None => return Err(Refusal::other()),
            },
        },
    };
    number.signed_times(PICO as u128).map_err(|e| match e {
        Inexact::TooFine => Refusal::because("more than twelve decimals"),
        Inexact::TooLarge => too_much(),
    })
}

fn too_much() -> Refusal {
    Refusal::because("more than a bill can hold")
}

/// A quadrillion dollars: sums of many such amounts still fit.
const MOST: i128 = 1_000_000_000_000_000 * PICO;

fn show_dollars(pico: i128) -> String {
    let exact = Usd(pico).exact();
    exact.strip_suffix(".00").unwrap_or(&exact).to_owned()
}

impl Scalar for Usd {
    const DEF: ScalarDef = ScalarDef {
        name: "dollars",
        what: "an amount of dollars",
        examples: "330_000 or \"12.5 USD\"",
        meaning: "US dollars: a number, or text that ends in `USD`. At most twelve decimals, never rounded.",
        schema: || json!({"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^\\s*[-+]?[0-9][0-9_]*\\.?[0-9]*\\s*USD\\s*$"}]}),
    };

    fn read(w: Written<'_>) -> Result<Usd, Refusal> {
        let v = dollars(w, &["USD"])?;
        if v.abs() <= MOST { Ok(Usd(v)) } else { Err(too_much()) }
    }

    fn write(&self) -> String {
        show_dollars(self.0)
    }
}

impl Scalar for Rate {
    const DEF: ScalarDef = ScalarDef {
        name: "price per hour",
        what: "a price per hour",
        examples: "3.06 or \"3.06 USD/h\"",
        meaning: "US dollars per hour: a number, or text that ends in `USD/h`. Not negative, at most twelve decimals.",
        schema: || {
            json!({"anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": "^\\s*[0-9][0-9_]*\\.?[0-9]*\\s*USD/(h|hour)\\s*$"},
            ]})
        },
    };

    fn read(w: Written<'_>) -> Result<Rate, Refusal> {
        let v = dollars(w, &["USD/h", "USD/hour"])?;
        match v {
            _ if v < 0 => Err(negative()),
            _ if v > MOST => Err(too_much()),
            _ => Ok(Rate(v)),
        }
    }

    fn write(&self) -> String {
        quote(&format!("{} USD/h", show_dollars(self.0)))
    }
}
