//! Plain numbers: whole ones within their range, and doubles that are finite.

use std::num::{NonZeroU32, NonZeroU64};

use serde_json::json;

use super::decimal::{Decimal, Inexact};
use super::scalar::{Form, Refusal, Scalar, ScalarDef, Written, scalars};

/// A number above zero.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Positive(f64);

/// A number of zero or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct NonNegative(f64);

impl Positive {
    /// `None` unless finite and above zero.
    #[must_use]
    pub fn new(v: f64) -> Option<Positive> {
        (v.is_finite() && v > 0.0).then_some(Positive(v))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl NonNegative {
    /// `None` unless finite and not below zero.
    #[must_use]
    pub fn new(v: f64) -> Option<NonNegative> {
        // Adding zero turns a negative zero into zero, so that nothing prints as -0.
        (v.is_finite() && v >= 0.0).then_some(NonNegative(v + 0.0))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// The number that was written, or why it is none.
pub(super) fn decimal(w: Written<'_>) -> Result<Decimal, Refusal> {
    match w.form {
        Form::Number => Decimal::parse(w.text).ok_or_else(|| not_finite(w.text)),
        // A number in quotes, or one that YAML takes for text.
        Form::Text if Decimal::parse(w.text).is_some() => {
            let plain = w.text.replace('_', "");
            Err(Refusal::because("a number goes without quotes").help(format!("write {plain}")))
        }
        _ => Err(Refusal::other()),
    }
}

fn not_finite(text: &str) -> Refusal {
    let letters = text.trim_start_matches(['-', '+', '.']).to_ascii_lowercase();
    if letters.starts_with("inf") || letters.starts_with("nan") {
        Refusal::because("must be finite")
    } else {
        Refusal::because("too long a number to be read exactly")
    }
}

/// A finite double.
fn double(w: Written<'_>) -> Result<f64, Refusal> {
    let v = decimal(w)?.to_f64();
    if v.is_finite() { Ok(v) } else { Err(Refusal::because("too large for a number")) }
}

fn show_double(v: f64) -> String {
    // As a whole number where that is what one would write.
    if v.fract() == 0.0 && v.abs() < 1e15 { format!("{v:.0}") } else { format!("{v:?}") }
}

scalars!(f64, Positive, NonNegative, u8, u16, u32, u64, i32, i64, NonZeroU32, NonZeroU64);

impl Scalar for f64 {
    const DEF: ScalarDef = ScalarDef {
        name: "number",
        what: "a number",
        examples: "0.5, 12 or 1e-3",
        meaning: "A finite number; `_` may group its digits.",
        schema: || json!({"type": "number"}),
    };

    fn read(w: Written<'_>) -> Result<f64, Refusal> {
        double(w)
    }

    fn write(&self) -> String {
        show_double(*self)
    }
}

impl Scalar for Positive {
    const DEF: ScalarDef = ScalarDef {
        name: "number above 0",
        what: "a number above 0",
        examples: "0.5, 12 or 1e-3",
        meaning: "A finite number above zero.",
        schema: || json!({"type": "number", "exclusiveMinimum": 0}),
    };

    fn read(w: Written<'_>) -> Result<Positive, Refusal> {
        Positive::new(double(w)?).ok_or_else(|| Refusal::because("must be above 0"))
    }

    fn write(&self) -> String {
        show_double(self.0)
    }
}

impl Scalar for NonNegative {
    const DEF: ScalarDef = ScalarDef {
        name: "number of 0 or more",
        what: "a number of 0 or more",
        examples: "0, 0.5 or 1e-3",
        meaning: "A finite number, not below zero.",
        schema: || json!({"type": "number", "minimum": 0}),
    };

    fn read(w: Written<'_>) -> Result<NonNegative, Refusal> {
        NonNegative::new(double(w)?).ok_or_else(|| Refusal::because("must not be negative"))
    }

    fn write(&self) -> String {
        show_double(self.0)
    }
}

/// A whole number from `low` to `high`.
fn whole(w: Written<'_>, low: i128, high: i128) -> Result<i128, Refusal> {
    match decimal(w)?.signed_times(1) {
        Ok(v) if v < low && low == 0 => Err(Refusal::because("must not be negative")),
        Ok(v) if v < low => Err(Refusal::because(format!("must be at least {low}"))),
        Ok(v) if v <= high => Ok(v),
        Err(Inexact::TooFine) => Err(Refusal::because("must be a whole number")),
        _ => Err(Refusal::because(format!("must be at most {high}"))),
    }
}

macro_rules! whole_numbers {
    ($($ty:ty, $name:literal, $what:literal, $low:expr, $high:expr;)+) => {
        $(
            impl Scalar for $ty {
                const DEF: ScalarDef = ScalarDef {
                    name: $name,
                    what: $what,
                    examples: "8 or 10_000",
                    meaning: "A whole number; `_` may group its digits.",
                    schema: || json!({"type": "integer", "minimum": $low, "maximum": $high}),
                };

                fn read(w: Written<'_>) -> Result<$ty, Refusal> {
                    let v = whole(w, i128::from($low), i128::from($high))?;
                    // Within the range by the line above; the error only satisfies the types.
                    <$ty>::try_from(v).map_err(|_| Refusal::other())
                }

                fn write(&self) -> String {
                    self.to_string()
                }
            }
        )+
    };
}

whole_numbers! {
    u8, "whole number", "a whole number", 0u8, u8::MAX;
    u16, "whole number", "a whole number", 0u16, u16::MAX;
    u32, "whole number", "a whole number", 0u32, u32::MAX;
    u64, "whole number", "a whole number", 0u64, u64::MAX;
    i32, "whole number, may be negative", "a whole number", i32::MIN, i32::MAX;
    i64, "whole number, may be negative", "a whole number", i64::MIN, i64::MAX;
}

macro_rules! counts {
    ($($ty:ty, $inner:ty;)+) => {
        $(
            impl Scalar for $ty {
                const DEF: ScalarDef = ScalarDef {
                    name: "whole number above 0",
                    what: "a whole number above 0",
                    examples: "1, 8 or 10_000",
                    meaning: "A whole number of one or more.",
                    schema: || json!({"type": "integer", "minimum": 1, "maximum": <$inner>::MAX}),
                };

                fn read(w: Written<'_>) -> Result<$ty, Refusal> {
                    let v = whole(w, 1, i128::from(<$inner>::MAX))?;
                    <$inner>::try_from(v).ok().and_then(<$ty>::new).ok_or_else(Refusal::other)
                }

                fn write(&self) -> String {
                    self.to_string()
                }
            }
        )+
    };
}

counts! {
    NonZeroU32, u32;
    NonZeroU64, u64;
}
