//! Decimal numbers as they are written, without rounding: the ground under money, time and bytes.

/// A decimal number, exactly: `±digits · 10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// Below zero.
    pub negative: bool,
    digits: u128,
    exponent: i32,
}

/// Why a number has no exact value of the kind that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inexact {
    /// It would have to be rounded.
    TooFine,
    /// It is beyond the range.
    TooLarge,
}

impl Decimal {
    /// Reads `12`, `-1_000.5`, `1e-3`, `.5`, `0x1F`, `8u32`, `1.5f64`. `None` for anything else, infinities and NaN
    /// among them, and for more than 38 significant digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, body) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let base = match body.get(..2) {
            Some("0x") => 16,
            Some("0o") => 8,
            Some("0b") => 2,
            _ => 10,
        };
        let body = without_suffix(body, base);
        if base != 10 {
            let digits: String = body[2..].chars().filter(|c| *c != '_').collect();
            let digits = u128::from_str_radix(&digits, base).ok()?;
            return Some(Decimal { negative, digits, exponent: 0 }.trimmed());
        }
        let (mantissa, power) = match body.split_once(['e', 'E']) {
            Some((m, e)) => (m, e.replace('_', "").parse::<i32>().ok()?),
            None => (body, 0),
        };
        let (whole, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (mut digits, mut exponent, mut seen) = (0u128, power, false);
        let mut zeros = 0u32;
        for (c, in_frac) in whole.chars().map(|c| (c, false)).chain(frac.chars().map(|c| (c, true))) {
            if c == '_' {
                continue;
            }
            let digit = c.to_digit(10)?;
            seen = true;
            exponent = exponent.checked_sub(i32::from(in_frac))?;
            // Zeros wait until a digit follows, so that any number of them at the end costs nothing.
            if digit == 0 {
                zeros += u32::from(digits > 0);
                continue;
            }
            let shift = 10u128.checked_pow(zeros + 1)?;
            digits = digits.checked_mul(shift)?.checked_add(u128::from(digit))?;
            zeros = 0;
        }
        if !seen {
            return None;
        }
        let exponent = if digits == 0 { 0 } else { exponent.checked_add(i32::try_from(zeros).ok()?)? };
        Some(Decimal { negative: negative && digits > 0, digits, exponent })
    }

    fn trimmed(mut self) -> Decimal {
        while self.digits > 0 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.exponent += 1;
        }
        self.negative &= self.digits > 0;
        self
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// The number times `10^by`.
    #[must_use]
    pub fn shifted(self, by: i32) -> Decimal {
        Decimal { exponent: self.exponent.saturating_add(by), ..self }
    }

    /// The absolute value times `factor`, if that is a whole number that fits.
    ///
    /// # Errors
    /// [`Inexact`] when it is not whole, or larger than 128 bits.
    pub fn times(self, factor: u128) -> Result<u128, Inexact> {
        if self.digits == 0 || factor == 0 {
            return Ok(0);
        }
        if self.exponent >= 0 {
            let power = 10u128.checked_pow(self.exponent.unsigned_abs()).ok_or(Inexact::TooLarge)?;
            let product = self.digits.checked_mul(power).ok_or(Inexact::TooLarge)?;
            return product.checked_mul(factor).ok_or(Inexact::TooLarge);
        }
        // Cancel the tens below the line with the factor, then with the digits: both divisions must be exact.
        let mut below = 10u128.checked_pow(self.exponent.unsigned_abs()).ok_or(Inexact::TooFine)?;
        let common = gcd(below, factor);
        below /= common;
        if !self.digits.is_multiple_of(below) {
            return Err(Inexact::TooFine);
        }
        (self.digits / below).checked_mul(factor / common).ok_or(Inexact::TooLarge)
    }

    /// The number times `factor` with its sign.
    ///
    /// # Errors
    /// As [`Decimal::times`].
    pub fn signed_times(self, factor: u128) -> Result<i128, Inexact> {
        let v = i128::try_from(self.times(factor)?).map_err(|_| Inexact::TooLarge)?;
        Ok(if self.negative { -v } else { v })
    }

    /// The nearest double; infinite beyond its range.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        // The standard library rounds a decimal text correctly, which arithmetic on powers of ten would not.
        format!("{sign}{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::INFINITY)
    }
}

/// Cuts Rust's type suffix off a number.
fn without_suffix(body: &str, base: u32) -> &str {
    const INTS: [&str; 10] = ["i128", "u128", "i16", "i32", "i64", "u16", "u32", "u64", "i8", "u8"];
    let mut suffixes = INTS.iter().chain(if base == 10 { ["f32", "f64"].iter() } else { [].iter() });
    suffixes.find_map(|s| body.strip_suffix(s)).unwrap_or(body)
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Splits `12.5 GB/s` into its number and its unit: `None` when it does not begin with a number.
#[must_use]
pub fn split_unit(text: &str) -> Option<(Decimal, &str)> {
    let text = text.trim();
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_');
    let sign = usize::from(text.starts_with(['-', '+']));
    let mut end = sign + text[sign..].find(|c| !number(c)).unwrap_or(text.len() - sign);
    // An exponent, if digits follow: `1e3s`, but not `1exa`.
    if let Some(rest) = text[end..].strip_prefix(['e', 'E']) {
        let signed = usize::from(rest.starts_with(['-', '+']));
        let digits = rest[signed..].bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            end += 1 + signed + digits;
        }
    }
    Some((Decimal::parse(&text[..end])?, text[end..].trim_start()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(text: &str, factor: u128) -> Result<i128, Inexact> {
        Decimal::parse(text).expect(text).signed_times(factor)
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(times("330_000", 1), Ok(330_000));
        assert_eq!(times("1.5", 3600), Ok(5400));
        assert_eq!(times("-1e-3", 1000), Ok(-1));
        assert_eq!(times("0x1F", 1), Ok(31));
        assert_eq!(times("8u32", 1), Ok(8));
        assert_eq!(times("0.50f64", 2), Ok(1));
        assert_eq!(times("100000000000000000000000000000000000000000.0", 0), Ok(0));
        assert_eq!(times("0.1", 3), Err(Inexact::TooFine));
        assert_eq!(times("1e-400", 1 << 60), Err(Inexact::TooFine));
        assert_eq!(times("1e400", 1), Err(Inexact::TooLarge));
        assert_eq!(times("0e400", 1), Ok(0));
        for bad in ["", "-", ".", "inf", "NaN", ".inf", "1e", "1e99999999999", "1.2.3", "x", "0x", "1,000"] {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_unit_follows_its_number() {
        let split = |t: &str| split_unit(t).map(|(d, u)| (d.to_f64(), u.to_owned()));
        assert_eq!(split("12.5 GB/s"), Some((12.5, "GB/s".to_owned())));
        assert_eq!(split("1e3s"), Some((1000.0, "s".to_owned())));
        assert_eq!(split("18%"), Some((18.0, "%".to_owned())));
        assert_eq!(split("7"), Some((7.0, String::new())));
        assert_eq!(split("2EB"), Some((2.0, "EB".to_owned())));
        assert_eq!(split("GB"), None);
        assert_eq!(split("5é"), Some((5.0, "é".to_owned())));
    }

    proptest! {
        #[test]
        fn doubles_survive(f in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
            if let Some(d) = Decimal::parse(&format!("{f:?}")) {
                prop_assert_eq!(d.to_f64(), f);
            }
        }

        #[test]
        fn integers_survive(i in any::<i64>(), k in 0usize..4) {
            let text = format!("{i}{}", "0".repeat(k));
            prop_assert_eq!(times(&text, 1), Ok(i128::from(i) * 10i128.pow(k as u32)));
        }
    }
}
