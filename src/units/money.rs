//! Exact money: integer pico-dollars, rates per hour, and splits that lose nothing.
//!
//! A pico-dollar (1e-12 USD) represents 0.06 USD per million tokens and a seventh of a GPU without error.
//! `i128` holds 1.7e26 dollars of them. Rounding to cents happens when printing and nowhere else.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

/// Pico-dollars in a dollar.
pub const PICO: i128 = 1_000_000_000_000;

/// An amount of money in pico-dollars; may be negative (a credit).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(pub i128);

/// A price in pico-dollars per hour of one billed unit (a node, or one GPU).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub i128);

impl Usd {
    /// Nothing.
    pub const ZERO: Usd = Usd(0);

    /// Dollars as a float: for charts, statistics and percentages, never for sums.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / PICO as f64
    }

    /// All twelve decimals, trailing zeros cut to two: `12.50`, `0.524783571429`. Parses back to the same amount.
    #[must_use]
    pub fn exact(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let abs = self.0.unsigned_abs();
        let mut frac = format!("{:012}", abs % PICO as u128);
        while frac.len() > 2 && frac.ends_with('0') {
            frac.pop();
        }
        format!("{sign}{}.{frac}", abs / PICO as u128)
    }
}

impl Rate {
    /// The cost of `nanos` nanoseconds at this rate, rounded half away from zero to a pico-dollar.
    #[must_use]
    pub fn over(self, nanos: u128) -> Usd {
        let hour = i128::from(super::time::NANOS_PER_HOUR);
        let num = self.0 * nanos as i128;
        let half = if num < 0 { -(hour / 2) } else { hour / 2 };
        Usd((num + half) / hour)
    }

    /// Dollars per hour as a float, for printing.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / PICO as f64
    }
}

/// Why a text is not an amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a plain decimal number.
    #[error("not a decimal number of dollars")]
    NotDecimal,
    /// More than twelve decimals: would be rounded.
    #[error("more than twelve decimals")]
    TooFine,
    /// Beyond what a bill can hold.
    #[error("too large")]
    TooLarge,
}

impl FromStr for Usd {
    type Err = MoneyError;
    /// Reads a plain decimal (`32.77`, `330_000`, `-1.5`); exact or an error, never rounded.
    fn from_str(s: &str) -> Result<Usd, MoneyError> {
        let t: String = s.trim().chars().filter(|c| *c != '_').collect();
        let (neg, t) = match t.strip_prefix('-') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, t),
        };
        let (whole, frac) = t.split_once('.').unwrap_or((&t, ""));
        let digits = |p: &str| p.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && frac.is_empty()) || !digits(whole) || !digits(frac) {
            return Err(MoneyError::NotDecimal);
        }
        let frac = frac.trim_end_matches('0');
        if frac.len() > 12 {
            return Err(MoneyError::TooFine);
        }
        if whole.len() > 20 {
            return Err(MoneyError::TooLarge);
        }
        let w: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| MoneyError::TooLarge)? };
        let f: i128 = format!("{frac:0<12}").parse().map_err(|_| MoneyError::NotDecimal)?;
        let v = w * PICO + f;
        Ok(Usd(if neg { -v } else { v }))
    }
}

impl FromStr for Rate {
    type Err = MoneyError;
    fn from_str(s: &str) -> Result<Rate, MoneyError> {
        Usd::from_str(s).map(|u| Rate(u.0))
    }
}

impl fmt::Display for Usd {
    /// Two decimals and thousands separators: `1,234.50`. Rounds half away from zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cent = PICO as u128 / 100;
        let cents = (self.0.unsigned_abs() + cent / 2) / cent;
        let whole = (cents / 100).to_string();
        let mut out = String::new();
        for (i, c) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i).is_multiple_of(3) {
                out.push(',');
            }
            out.push(c);
        }
        let sign = if self.0 < 0 && cents > 0 { "-" } else { "" };
        f.pad(&format!("{sign}{out}.{:02}", cents % 100))
    }
}

impl Add for Usd {
    type Output = Usd;
    fn add(self, o: Usd) -> Usd {
        Usd(self.0 + o.0)
    }
}
impl Sub for Usd {
    type Output = Usd;
    fn sub(self, o: Usd) -> Usd {
        Usd(self.0 - o.0)
    }
}
impl Neg for Usd {
    type Output = Usd;
    fn neg(self) -> Usd {
        Usd(-self.0)
    }
}
impl AddAssign for Usd {
    fn add_assign(&mut self, o: Usd) {
        self.0 += o.0;
    }
}
impl SubAssign for Usd {
    fn sub_assign(&mut self, o: Usd) {
        self.0 -= o.0;
    }
}
impl Sum for Usd {
    fn sum<I: Iterator<Item = Usd>>(it: I) -> Usd {
        it.fold(Usd::ZERO, Add::add)
    }
}

/// Splits `total` over `weights` so that the parts add up to it exactly: each part is the floor of its exact
/// share, and the units left over go to the largest remainders, ties to the lowest index. All-zero weights
/// give everything to the first part; no weights give no parts.
///
/// `total` may be negative (the split of its absolute value, negated).
#[must_use]
pub fn split_largest_remainder(total: i128, weights: &[u128]) -> Vec<i128> {
    let sum: u128 = weights.iter().sum();
    if weights.is_empty() {
        return Vec::new();
    }
    if sum == 0 {
        let mut out = vec![0; weights.len()];
        out[0] = total;
        return out;
    }
    let abs = total.unsigned_abs();
    let mut rest = abs;
    let mut parts: Vec<(i128, u128)> = Vec::with_capacity(weights.len());
    for &w in weights {
        let (q, r) = mul_div_rem(abs, w, sum);
        rest -= q;
        parts.push((q as i128, r));
    }
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|&a, &b| parts[b].1.cmp(&parts[a].1).then(a.cmp(&b)));
    debug_assert!(rest < parts.len() as u128 || rest == 0);
    for &i in order.iter().take(rest as usize) {
        parts[i].0 += 1;
    }
    let out: Vec<i128> = parts.into_iter().map(|(q, _)| if total < 0 { -q } else { q }).collect();
    debug_assert_eq!(out.iter().sum::<i128>(), total);
    out
}

/// The cost of `quantity` at `rate` for each `per`, rounded half up to a pico-dollar: `rate × quantity / per`, with a
/// 256-bit product, so that no fleet and no horizon overflows it.
#[must_use]
pub fn priced(rate: Rate, quantity: u128, per: u128) -> Usd {
    let (q, r) = mul_div_rem(rate.0.unsigned_abs(), quantity, per);
    let v = (q + u128::from(r >= per - r)) as i128;
    Usd(if rate.0 < 0 { -v } else { v })
}

/// `a·b` divided by `d`, quotient and remainder, with a 256-bit product. The quotient must fit.
fn mul_div_rem(a: u128, b: u128, d: u128) -> (u128, u128) {
    if let Some(p) = a.checked_mul(b) {
        return (p / d, p % d);
    }
    // b = k·d + b', so a·b/d = a·k + a·b'/d with b' below d.
    let (k, b) = (b / d, b % d);
    if k > 0 {
        let (q, r) = mul_div_rem(a, b, d);
        return (a * k + q, r);
    }
    // Schoolbook: shift-and-subtract over the bits of `a`, keeping the remainder below `d`.
    let (mut q, mut r) = (0u128, 0u128);
    for bit in (0..128).rev() {
        // r = 2r + b·bit(a); each step adds at most two multiples of d.
        let (r2, over) = r.overflowing_add(r);
        q = q.wrapping_shl(1);
        r = r2;
        if over || r >= d {
            r = r.wrapping_sub(d);
            q += 1;
        }
        if a >> bit & 1 == 1 {
            let (r3, over) = r.overflowing_add(b);
            r = r3;
            if over || r >= d {
                r = r.wrapping_sub(d);
                q += 1;
            }
        }
    }
    (q, r)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_to_money_is_exact_or_an_error() {
        assert_eq!("32.7726".parse(), Ok(Usd(32_772_600_000_000)));
        assert_eq!("330_000".parse(), Ok(Usd(330_000 * PICO)));
        assert_eq!("-0.000000000001".parse(), Ok(Usd(-1)));
        assert_eq!("0.0000000000001".parse::<Usd>(), Err(MoneyError::TooFine));
        for bad in ["", ".", "1e3", "NaN", "inf", "1,000", "$3"] {
            assert_eq!(bad.parse::<Usd>(), Err(MoneyError::NotDecimal), "{bad}");
        }
    }

    #[test]
    fn printing_groups_thousands_and_rounds_only_there() {
        assert_eq!(Usd(1_234_567_895_000_000_000).to_string(), "1,234,567.90");
        assert_eq!(Usd(-5_000_000_000).to_string(), "-0.01");
        assert_eq!(Usd(-1).to_string(), "0.00");
        assert_eq!("3.673".parse::<Usd>().unwrap().exact(), "3.673");
    }

    #[test]
    fn an_hour_at_a_rate_costs_the_rate() {
        let r: Rate = "3.06".parse().unwrap();
        assert_eq!(r.over(3_600_000_000_000).to_string(), "3.06");
        assert_eq!(r.over(0), Usd::ZERO);
    }

    #[test]
    fn a_price_times_a_quantity_survives_products_beyond_128_bits() {
        // 1e14 pico-dollars an hour (100 USD) for 1e29 units, 1e15 of them an hour: 1e28 pico-dollars.
        assert_eq!(priced(Rate(100_000_000_000_000), 10u128.pow(29), 10u128.pow(15)), Usd(10i128.pow(28)));
        assert_eq!(priced(Rate(3), 5, 10), Usd(2), "1.5 rounds up");
        assert_eq!(priced(Rate(-3), 5, 10), Usd(-2));
    }

    #[test]
    fn remainders_go_to_the_largest_then_the_first() {
        assert_eq!(split_largest_remainder(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(split_largest_remainder(-10, &[1, 1, 1]), [-4, -3, -3]);
        assert_eq!(split_largest_remainder(7, &[0, 0]), [7, 0]);
        assert_eq!(split_largest_remainder(100, &[2, 1]), [67, 33]);
        assert!(split_largest_remainder(5, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn parts_always_add_up(total in -1_000_000_000_000_000_000_000_000i128..1_000_000_000_000_000_000_000_000,
                               w in proptest::collection::vec(0u128..1_000_000_000_000_000_000_000_000_000, 1..40)) {
            let parts = split_largest_remainder(total, &w);
            prop_assert_eq!(parts.iter().sum::<i128>(), total);
            let sum: u128 = w.iter().sum();
            if sum > 0 {
                for (p, &wi) in parts.iter().zip(&w) {
                    let exact = total as f64 * (wi as f64 / sum as f64);
                    prop_assert!((*p as f64 - exact).abs() <= 1.0 + exact.abs() * 1e-9);
                }
            }
        }
    }
}
