//! What can go wrong when a name, a region or a date is looked up, and what to do about it.

use jiff::civil::Date;

use super::price::Market;
use crate::units::Diagnostic;

/// A look-up without an answer. `Display` is the message without a full stop; [`LookupError::help`] the remedies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No device of that name or alias.
    #[error("unknown GPU `{word}`")]
    UnknownDevice {
        /// What was asked for.
        word: String,
        /// The nearest right name.
        nearest: Option<String>,
        /// All canonical names.
        known: Vec<String>,
    },
    /// No instance type of that name.
    #[error("unknown instance type `{word}`")]
    UnknownInstance {
        /// What was asked for.
        word: String,
        /// The nearest right name.
        nearest: Option<String>,
    },
    /// The instance type has prices, but not in that region.
    #[error("no {market} price of {instance} in `{region}`")]
    UnknownRegion {
        /// The instance type.
        instance: String,
        /// What was asked for.
        region: String,
        /// The market asked for.
        market: Market,
        /// The nearest right name.
        nearest: Option<String>,
        /// Regions with such a price.
        known: Vec<String>,
    },
    /// The instance type has no price in that market anywhere.
    #[error("no {market} price of {instance} is known")]
    NoMarket {
        /// The instance type.
        instance: String,
        /// The market asked for.
        market: Market,
    },
    /// The date lies before the first known price.
    #[error("no {market} price of {instance} in {region} is known on {on}: the first is of {first}")]
    BeforeFirst {
        /// The instance type.
        instance: String,
        /// The region.
        region: String,
        /// The market asked for.
        market: Market,
        /// The date asked for.
        on: Date,
        /// The first date with a price.
        first: Date,
    },
}

const OWN_PRICE: &str = "or give a price of your own: a CSV with the columns instance,region,market,from,usd_per_hour";

impl LookupError {
    /// The remedies, most useful first.
    #[must_use]
    pub fn help(&self) -> Vec<String> {
        let mean = |n: &Option<String>| n.as_ref().map(|n| format!("did you mean `{n}`?"));
        let mut out = Vec::new();
        match self {
            LookupError::UnknownDevice { nearest, known, .. } => {
                out.extend(mean(nearest));
                out.push(format!("known GPUs: {}", known.join(", ")));
            }
            LookupError::UnknownInstance { nearest, .. } => {
                out.extend(mean(nearest));
                out.push("`fleetcast catalog` lists the known types".to_owned());
                out.push(
                    "or define the type in a price CSV of your own with the columns device,gpus,vcpus,memory_gib"
                        .to_owned(),
                );
            }
            LookupError::UnknownRegion { nearest, known, .. } => {
                out.extend(mean(nearest));
                out.push(format!("regions with such a price: {}", known.join(", ")));
                out.push(OWN_PRICE.to_owned());
            }
            LookupError::NoMarket { .. } => out.push(OWN_PRICE.to_owned()),
            LookupError::BeforeFirst { first, .. } => {
                out.push(format!("use {first} as the date of prices"));
                out.push(OWN_PRICE.to_owned());
            }
        }
        out
    }

    /// As a diagnostic, still without a place.
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        self.help().into_iter().fold(Diagnostic::error(self.to_string()), Diagnostic::help)
    }
}
