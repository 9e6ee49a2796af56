//! What no training run can be: the typed error of this room.

use crate::units::Diagnostic;

/// A quantity outside what a formula is about. `Display` is the message without a full stop; [`Impossible::help`] the
/// remedy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Impossible {
    /// A quantity that is negative, zero where it may not be, infinite or not a number.
    #[error("a {what} of {value}")]
    Quantity {
        /// What it is, as a reader would say it: `checkpoint stall`.
        what: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed: `above zero`.
        allowed: &'static str,
    },
    /// The mean time to get through one segment is beyond any number: interruptions come faster than work is saved.
    #[error("the run never ends: {segment} between durable checkpoints against {mtbf} between interruptions")]
    NeverEnds {
        /// Work and stall of one segment, in the caller's unit of time.
        segment: f64,
        /// The mean time between interruptions, in the same unit.
        mtbf: f64,
    },
}

impl Impossible {
    /// The remedy.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Impossible::Quantity { allowed, .. } => format!("it must be {allowed}"),
            Impossible::NeverEnds { .. } => {
                "take checkpoints more often, write them faster, or use fewer or steadier nodes".to_owned()
            }
        }
    }

    /// As a diagnostic, still without a place.
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        Diagnostic::error(self.to_string()).help(self.help())
    }
}

/// `value` when it is above zero and finite.
///
/// # Errors
/// [`Impossible::Quantity`].
pub(crate) fn positive(what: &'static str, value: f64) -> Result<f64, Impossible> {
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Impossible::Quantity { what, value, allowed: "above zero" })
    }
}

/// `value` when it is zero or more and finite.
///
/// # Errors
/// [`Impossible::Quantity`].
pub(crate) fn not_negative(what: &'static str, value: f64) -> Result<f64, Impossible> {
    if value >= 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Impossible::Quantity { what, value, allowed: "zero or more" })
    }
}

/// `value` when it lies in 0..=1.
///
/// # Errors
/// [`Impossible::Quantity`].
pub(crate) fn share(what: &'static str, value: f64) -> Result<f64, Impossible> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(Impossible::Quantity { what, value, allowed: "from 0 to 1" })
    }
}

/// `value` when it is above zero, infinity included: a mean time between events that never come.
///
/// # Errors
/// [`Impossible::Quantity`].
pub(crate) fn mean_time(what: &'static str, value: f64) -> Result<f64, Impossible> {
    if value > 0.0 { Ok(value) } else { Err(Impossible::Quantity { what, value, allowed: "above zero" }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_its_remedy() {
        let e = positive("checkpoint interval", f64::NAN).expect_err("not a number");
        assert_eq!(e.to_string(), "a checkpoint interval of NaN");
        assert_eq!(e.to_diagnostic().help, ["it must be above zero"]);
        assert!(not_negative("stall", -0.5).is_err() && not_negative("stall", f64::INFINITY).is_err());
        assert!(mean_time("MTBF", f64::INFINITY).is_ok() && mean_time("MTBF", f64::NAN).is_err());
        assert!(share("share", 1.5).is_err() && share("share", 1.0).is_ok());
    }
}
