//! What a managed Kubernetes control plane costs by the hour and cluster, by date.
//!
//! The guides say that AKS and GKE Autopilot are free; Google's own page charges Autopilot like Standard. Both are
//! here: `autopilot` is Google's figure, `free` stands for a cluster that is not charged.

use jiff::civil::{Date, date};

use super::source::{Evidence, Provider};
use crate::units::Rate;
use crate::units::money::PICO;

/// A control-plane fee from a date on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fee {
    /// Whose.
    pub provider: Provider,
    /// `EKS`, `GKE`, `AKS`, or `own`.
    pub service: &'static str,
    /// `standard`, `extended`, `autopilot`, `free`, `premium`.
    pub tier: &'static str,
    /// Since when it holds; the dates themselves are recalled.
    pub from: Date,
    /// USD per hour and cluster.
    pub rate: Rate,
    /// Where it comes from.
    pub source: &'static str,
    /// How sure it is.
    pub evidence: Evidence,
}

const TENTH: Rate = Rate(PICO / 10);
const SIX_TENTHS: Rate = Rate(PICO / 10 * 6);
const FREE: Rate = Rate(0);

const fn fee(
    provider: Provider,
    service: &'static str,
    tier: &'static str,
    from: Date,
    rate: Rate,
    source: &'static str,
) -> Fee {
    Fee { provider, service, tier, from, rate, source, evidence: Evidence::Prior }
}

/// The fees, the usual tier of each provider first. GKE's free tier (a monthly credit for one cluster) is not in them.
pub const FEES: &[Fee] = &[
    fee(Provider::Aws, "EKS", "standard", date(2020, 1, 21), TENTH, "AWS blog, mirrored; opencost defaults"),
    fee(Provider::Aws, "EKS", "extended", date(2024, 4, 1), SIX_TENTHS, "AWS blog on extended support, mirrored"),
    fee(Provider::Gcp, "GKE", "standard", date(2020, 6, 6), TENTH, "GKE pricing page; opencost defaults"),
    fee(Provider::Gcp, "GKE", "autopilot", date(2021, 2, 24), TENTH, "GKE pricing page"),
    fee(Provider::Gcp, "GKE", "free", date(2020, 6, 6), FREE, "practitioners' guides; GKE's page charges 0.10"),
    fee(Provider::Azure, "AKS", "free", date(2018, 6, 13), FREE, "third-party pages"),
    fee(Provider::Azure, "AKS", "standard", date(2023, 2, 1), TENTH, "third-party pages"),
    fee(Provider::Azure, "AKS", "premium", date(2023, 11, 1), SIX_TENTHS, "third-party pages"),
    fee(Provider::Own, "own", "free", date(2000, 1, 1), FREE, "a control plane of one's own costs its machines"),
];

/// Why there is no fee.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeeError {
    /// The provider has no such tier.
    #[error("{provider} has no control-plane tier `{tier}`: it has {known}")]
    UnknownTier {
        /// The provider asked for.
        provider: Provider,
        /// The tier asked for.
        tier: String,
        /// The tiers there are.
        known: String,
    },
    /// The tier did not exist yet.
    #[error("the control-plane fee `{tier}` of {provider} is known from {first} on")]
    BeforeFirst {
        /// The provider asked for.
        provider: Provider,
        /// The tier asked for.
        tier: String,
        /// The first date.
        first: Date,
    },
}

/// The fee in force on a date.
///
/// # Errors
/// [`FeeError`]: no such tier, or the date is before its first.
pub fn control_plane(provider: Provider, tier: &str, on: Date) -> Result<&'static Fee, FeeError> {
    let of = || FEES.iter().filter(move |f| f.provider == provider);
    let mut rows = of().filter(|f| f.tier.eq_ignore_ascii_case(tier)).peekable();
    let Some(first) = rows.peek().map(|f| f.from) else {
        let known: Vec<_> = of().map(|f| f.tier).collect();
        return Err(FeeError::UnknownTier { provider, tier: tier.to_owned(), known: known.join(", ") });
    };
    let found = rows.filter(|f| f.from <= on).max_by_key(|f| f.from);
    found.ok_or_else(|| FeeError::BeforeFirst { provider, tier: tier.to_owned(), first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_clusters_cost_what_the_guides_say() {
        // claims.md, control-plane: five clusters at 0.10 for 720 h are 360 USD a month; AKS nothing.
        let on = date(2026, 8, 1);
        for p in [Provider::Aws, Provider::Gcp] {
            let month = control_plane(p, "standard", on).expect("a fee").rate.over(5 * 720 * 3_600_000_000_000);
            assert_eq!(month.exact(), "360.00");
        }
        assert_eq!(control_plane(Provider::Azure, "Free", on).expect("a fee").rate, Rate(0));
        assert_eq!(control_plane(Provider::Gcp, "autopilot", on).expect("a fee").rate.to_f64(), 0.1);
        assert_eq!(control_plane(Provider::Aws, "extended", on).expect("a fee").rate.to_f64(), 0.6);
    }

    #[test]
    fn a_wrong_tier_or_date_is_an_error() {
        let e = control_plane(Provider::Aws, "autopilot", date(2026, 1, 1)).expect_err("no such tier");
        assert_eq!(e.to_string(), "aws has no control-plane tier `autopilot`: it has standard, extended");
        assert!(control_plane(Provider::Aws, "extended", date(2023, 1, 1)).is_err());
    }
}
