//! Hardware that is bought: straight-line cost per hour. All of it but the power above idle is sunk: a machine that is
//! owned and freed saves nothing until something else uses it.

use crate::units::{Rate, Usd};

/// Hours of a month of life: a year of 8,760 h in twelve parts.
pub const HOURS_PER_MONTH: u32 = 730;

/// A machine of one's own. Every figure is for the whole machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Owned {
    /// Price paid, with what it takes to make it run (rack, network).
    pub capex: Usd,
    /// Months over which it is written off; a month has [`HOURS_PER_MONTH`] hours.
    pub life_months: u32,
    /// What it is worth at the end.
    pub salvage: Usd,
    /// Mean draw at the machine's plug, W. Zero when energy is metered apart, or it would be counted twice.
    pub power_w: f64,
    /// People, space, repairs, licences, per hour.
    pub operations: Rate,
    /// Watts at the meter for each watt at the plug; at least 1.
    pub pue: f64,
    /// Price of a kWh.
    pub tariff: Usd,
}

/// What it costs by the hour, in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedRate {
    /// `(capex − salvage) / (life_months × 730)`.
    pub depreciation: Rate,
    /// As given.
    pub operations: Rate,
    /// `power_w / 1000 × pue × tariff`.
    pub power: Rate,
}

impl OwnedRate {
    /// The three together.
    #[must_use]
    pub fn total(&self) -> Rate {
        Rate(self.depreciation.0 + self.operations.0 + self.power.0)
    }
}

/// What is wrong with the figures of a machine of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnedError {
    /// A negative amount of money.
    #[error("{0} must not be negative")]
    Negative(&'static str),
    /// No life.
    #[error("the life must be at least a month")]
    NoLife,
    /// It cannot be worth more at the end than was paid for it.
    #[error("the salvage value is more than the price paid")]
    SalvageAbovePrice,
    /// Watts are finite and not negative.
    #[error("the power must be a finite number of watts, zero or more")]
    BadPower,
    /// PUE is finite and at least 1.
    #[error("the PUE must be a finite number, 1 or more")]
    BadPue,
}

impl Owned {
    /// The straight-line cost per hour (`finops.md` 1.2).
    ///
    /// # Errors
    /// [`OwnedError`] names the figure that makes no sense.
    pub fn rate(&self) -> Result<OwnedRate, OwnedError> {
        for (what, v) in [
            ("the price paid", self.capex.0),
            ("the salvage value", self.salvage.0),
            ("the cost of operations", self.operations.0),
            ("the tariff", self.tariff.0),
        ] {
            if v < 0 {
                return Err(OwnedError::Negative(what));
            }
        }
        if self.life_months == 0 {
            return Err(OwnedError::NoLife);
        }
        if self.salvage > self.capex {
            return Err(OwnedError::SalvageAbovePrice);
        }
        if !(self.power_w.is_finite() && self.power_w >= 0.0) {
            return Err(OwnedError::BadPower);
        }
        if !(self.pue.is_finite() && self.pue >= 1.0) {
            return Err(OwnedError::BadPue);
        }
        let hours = i128::from(self.life_months) * i128::from(HOURS_PER_MONTH);
        let lost = self.capex.0 - self.salvage.0;
        let power = self.power_w / 1_000.0 * self.pue * self.tariff.0 as f64;
        Ok(OwnedRate {
            depreciation: Rate((lost + hours / 2) / hours),
            operations: self.operations,
            power: Rate(power.round() as i128),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::money::PICO;

    const NODE: Owned = Owned {
        capex: Usd(300_000 * PICO),
        life_months: 60,
        salvage: Usd(37_200 * PICO),
        power_w: 8_000.0,
        operations: Rate(2 * PICO),
        pue: 1.25,
        tariff: Usd(PICO / 10),
    };

    #[test]
    fn five_years_are_43_800_hours() {
        let r = NODE.rate().expect("sound figures");
        // 262,800 USD over 60 × 730 = 5 × 8,760 = 43,800 h; 8 kW × 1.25 × 0.10 USD.
        assert_eq!(r.depreciation, Rate(6 * PICO));
        assert_eq!(r.power, Rate(PICO));
        assert_eq!(r.total(), Rate(9 * PICO));
    }

    #[test]
    fn figures_that_make_no_sense_are_refused() {
        for (bad, e) in [
            (Owned { capex: Usd(-1), ..NODE }, OwnedError::Negative("the price paid")),
            (Owned { life_months: 0, ..NODE }, OwnedError::NoLife),
            (Owned { salvage: Usd(NODE.capex.0 + 1), ..NODE }, OwnedError::SalvageAbovePrice),
            (Owned { power_w: f64::NAN, ..NODE }, OwnedError::BadPower),
            (Owned { pue: 0.9, ..NODE }, OwnedError::BadPue),
        ] {
            assert_eq!(bad.rate(), Err(e));
        }
    }
}
