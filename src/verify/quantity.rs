//! Quantities as Kubernetes writes them, kept in thousandths.

use serde_json::json;

use crate::formats::Node;
use crate::scenario::decode::decimal::{Decimal, Inexact};
use crate::scenario::decode::scalar::{self, Form, Refusal, Scalar, ScalarDef, Written};
use crate::scenario::decode::{Catalogue, Cx, Decode, TypeRef};

/// A Kubernetes quantity in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantity(pub i64);

/// A suffix and how many thousandths it is.
const SUFFIXES: [(&str, u128); 14] = [
    ("m", 1),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000),
    ("Ki", 1000 << 10),
    ("Mi", 1000 << 20),
    ("Gi", 1000 << 30),
    ("Ti", 1000 << 40),
    ("Pi", 1000 << 50),
    ("Ei", 1000 << 60),
    ("", 1000),
];

impl Scalar for Quantity {
    const DEF: ScalarDef = ScalarDef {
        name: "quantity",
        what: "a quantity",
        examples: "2, 0.5, \"500m\" or \"8Gi\"",
        meaning: "A Kubernetes quantity: a number, or text with a suffix: `m` (thousandths), `k` `M` `G` `T` `P` `E` (powers \
                  of 1000), `Ki` `Mi` `Gi` `Ti` `Pi` `Ei` (powers of 1024). A whole number of thousandths; may be \
                  negative.",
        schema: || json!({"type": ["number", "string"]}),
    };

    fn read(w: Written<'_>) -> Result<Quantity, Refusal> {
        if w.form == Form::Bool {
            return Err(Refusal::other());
        }
        let text = w.text.trim();
        // As a number first: the `E` of `1E3` is an exponent, as it is in Kubernetes.
        let (number, factor) = match Decimal::parse(text) {
            Some(number) => (number, 1000),
            None => {
                let start = text.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |i| i + 1);
                let (number, suffix) = text.split_at_checked(start).ok_or_else(Refusal::other)?;
                let number = Decimal::parse(number).ok_or_else(Refusal::other)?;
                let known = SUFFIXES.iter().find(|(s, _)| *s == suffix);
                let all = "suffixes are m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi and Ei";
                (number, known.ok_or_else(|| Refusal::because(format!("`{suffix}` is not a suffix")).help(all))?.1)
            }
        };
        let size = match number.times(factor) {
            Ok(v) => i64::try_from(v).map_err(|_| Refusal::because("too large"))?,
            Err(Inexact::TooFine) => return Err(Refusal::because("finer than a thousandth")),
            Err(Inexact::TooLarge) => return Err(Refusal::because("too large")),
        };
        Ok(Quantity(if number.negative { -size } else { size }))
    }

    fn write(&self) -> String {
        if self.0 % 1000 == 0 { (self.0 / 1000).to_string() } else { format!("\"{}m\"", self.0) }
    }
}

impl Decode for Quantity {
    fn decode(node: &Node, cx: &mut Cx) -> Option<Quantity> {
        scalar::decode(node, cx)
    }
    fn describe(_: &mut Catalogue) -> TypeRef {
        const DEF: &ScalarDef = &<Quantity as Scalar>::DEF;
        TypeRef::Scalar(DEF)
    }
    fn show(&self) -> String {
        self.write()
    }
}

/// A Kubernetes quantity that is not negative, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount(pub i64);

impl Amount {
    /// Thousandths, as CPU is counted.
    pub const fn milli(self) -> u64 {
        self.0.unsigned_abs()
    }
    /// Whole units, rounded up as Kubernetes does.
    pub const fn whole(self) -> u64 {
        self.0.unsigned_abs().div_ceil(1000)
    }
    /// Whole units.
    pub const fn units(self) -> i64 {
        self.whole() as i64
    }
}

impl Scalar for Amount {
    const DEF: ScalarDef = ScalarDef {
        name: "amount",
        what: "an amount",
        examples: "2, 0.5, \"500m\" or \"8Gi\"",
        meaning: "A Kubernetes quantity that is not negative: a number, or text with a suffix: `m` (thousandths), `k` `M` \
                  `G` `T` `P` `E` (powers of 1000), `Ki` `Mi` `Gi` `Ti` `Pi` `Ei` (powers of 1024). CPU counts in \
                  cores, memory in bytes; what counts in whole units is rounded up.",
        schema: || json!({"type": ["number", "string"]}),
    };

    fn read(w: Written<'_>) -> Result<Amount, Refusal> {
        let q = Quantity::read(w)?;
        if q.0 < 0 { Err(Refusal::because("it is negative")) } else { Ok(Amount(q.0)) }
    }

    fn write(&self) -> String {
        Quantity(self.0).write()
    }
}

impl Decode for Amount {
    fn decode(node: &Node, cx: &mut Cx) -> Option<Amount> {
        scalar::decode(node, cx)
    }
    fn describe(_: &mut Catalogue) -> TypeRef {
        const DEF: &ScalarDef = &<Amount as Scalar>::DEF;
        TypeRef::Scalar(DEF)
    }
    fn show(&self) -> String {
        self.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: Form, text: &str) -> Option<i64> {
        Quantity::read(Written { form, text, loose: false }).ok().map(|q| q.0)
    }

    #[test]
    fn quantities_are_thousandths() {
        for (text, milli) in [
            ("500m", 500),
            ("2", 2000),
            ("0.5", 500),
            ("1.5k", 1_500_000),
            ("1Ki", 1_024_000),
            ("-3m", -3),
            ("1e3", 1_000_000),
        ] {
            assert_eq!(read(Form::Text, text), Some(milli), "{text}");
        }
        assert_eq!(read(Form::Number, "8.6"), Some(8600));
        for bad in ["", "m", "x", "1q", "0.5m", "1 m", "1e30", "9Ei", "é", "1é"] {
            assert_eq!(read(Form::Text, bad), None, "{bad}");
        }
    }
}
