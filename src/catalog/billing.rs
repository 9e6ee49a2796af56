//! How long a run of a machine is billed.
//!
//! A machine is billed from the provider's acknowledging its launch (not from the request) through boot, work and
//! drain until it is gone. The rule is applied once to each continuous run, not to each hour of it; what rounding and
//! the minimum add belongs to the run's last hour (`finops.md` 1.3).

use super::price::Market;
use super::source::{Evidence, Provider};
use crate::units::{Duration, Rate, Usd};

/// Who ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndedBy {
    /// The user, or a controller acting for them; also a run that is cut off by the horizon.
    User,
    /// The provider took the machine back.
    Provider,
}

/// A provider's rule for turning the length of a run into billed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillingRule {
    /// Billed time is a multiple of this; zero means to the nanosecond.
    pub granularity: Duration,
    /// The least that a run of any length costs.
    pub minimum: Duration,
    /// A run that the provider ends when it is younger than this is free.
    pub spot_reclaim_free_within: Option<Duration>,
    /// A run that the provider ends later is rounded down instead of up, and the minimum does not apply.
    pub reclaim_rounds_down: bool,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_hours(1);

impl BillingRule {
    /// By the second, a minute at least: EC2, GCE and Azure on demand.
    pub const SECONDS: BillingRule = BillingRule {
        granularity: SECOND,
        minimum: MINUTE,
        spot_reclaim_free_within: None,
        reclaim_rounds_down: false,
    };
    /// EC2 spot with Linux or Windows: free when EC2 takes it back in its first hour.
    pub const EC2_SPOT: BillingRule = BillingRule { spot_reclaim_free_within: Some(HOUR), ..BillingRule::SECONDS };
    /// EC2 spot with a distribution that is billed by whole hours (SUSE): the hour that EC2 cuts short is free.
    pub const EC2_SPOT_HOURLY: BillingRule = BillingRule {
        granularity: HOUR,
        minimum: HOUR,
        spot_reclaim_free_within: Some(HOUR),
        reclaim_rounds_down: true,
    };
    /// GKE Autopilot's pods: by the second, no minimum.
    pub const GKE_AUTOPILOT: BillingRule = BillingRule { minimum: Duration::ZERO, ..BillingRule::SECONDS };
    /// Exactly the time used: hardware of one's own.
    pub const EXACT: BillingRule = BillingRule {
        granularity: Duration::ZERO,
        minimum: Duration::ZERO,
        spot_reclaim_free_within: None,
        reclaim_rounds_down: false,
    };

    /// The rule of a provider in a market (Linux), with where it comes from.
    #[must_use]
    pub const fn of(provider: Provider, market: Market) -> SourcedRule {
        let (rule, source, evidence) = match (provider, market) {
            (Provider::Aws, Market::OnDemand) => {
                (BillingRule::SECONDS, "EC2 per-second billing, third-party pages", Evidence::Prior)
            }
            (Provider::Aws, Market::Spot) => {
                (BillingRule::EC2_SPOT, "AWS: billing for interrupted Spot Instances", Evidence::Measured)
            }
            // That GCP does not bill a VM preempted in its first minute could not be confirmed: not applied.
            (Provider::Gcp, _) => (BillingRule::SECONDS, "GCE per-second billing, third-party pages", Evidence::Prior),
            (Provider::Azure, _) => {
                (BillingRule::SECONDS, "Azure per-second billing, a third-party page", Evidence::Prior)
            }
            (Provider::Own, _) => (BillingRule::EXACT, "hardware of one's own is not metered", Evidence::Measured),
        };
        SourcedRule { rule, source, evidence }
    }

    /// Billed time of a run: nothing for no run; nothing for one that the provider ended within the free time; else the
    /// run rounded up to the granularity, and at least the minimum.
    #[must_use]
    pub fn billed(&self, run: Duration, ended_by: EndedBy) -> Duration {
        if run == Duration::ZERO {
            return Duration::ZERO;
        }
        let step = self.granularity.0.max(1);
        if ended_by == EndedBy::Provider {
            if self.spot_reclaim_free_within.is_some_and(|free| run < free) {
                return Duration::ZERO;
            }
            if self.reclaim_rounds_down {
                return Duration(run.0 / step * step);
            }
        }
        let rounded = Duration(run.0.div_ceil(step).saturating_mul(step));
        debug_assert!(rounded >= run);
        rounded.max(self.minimum)
    }

    /// What a run costs at a constant rate.
    #[must_use]
    pub fn charge(&self, rate: Rate, run: Duration, ended_by: EndedBy) -> Usd {
        rate.over(u128::from(self.billed(run, ended_by).0))
    }
}

/// A rule with where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourcedRule {
    /// The rule.
    pub rule: BillingRule,
    /// Where it comes from.
    pub source: &'static str,
    /// How sure it is.
    pub evidence: Evidence,
}

/// Google's automatic sustained-use discount: of a month's use of a machine the first quarter of the month costs list
/// price, the second 80 %, the third 60 %, the last 40 % (`finops.md` 1.4, third-party pages that agree). Rounded once.
/// Use beyond the month is not discounted further.
#[must_use]
pub fn sustained_use(rate: Rate, used: Duration, month: Duration) -> Usd {
    // In quarters of nanoseconds, so that a month that four does not divide is exact.
    let (used, quarter) = (4 * u128::from(used.0), u128::from(month.0));
    let mut weighted = 0;
    for (tier, tenths) in [10_u128, 8, 6, 4].into_iter().enumerate() {
        let start = quarter * tier as u128;
        let end = if tier == 3 { u128::MAX } else { start + quarter };
        weighted += used.clamp(start, end) * tenths - start * tenths;
    }
    // weighted is in fortieths of a nanosecond.
    let num = rate.0 * weighted as i128;
    let den = 40 * i128::from(crate::units::time::NANOS_PER_HOUR);
    let half = if num < 0 { -(den / 2) } else { den / 2 };
    Usd((num + half) / den)
}

/// Whether Google's sustained-use discount applies to a machine type: the families N1, N2, N2D, C2, M1 and M2, on
/// demand, not committed. No A2, A3, G2 or G4 machine has it.
#[must_use]
pub fn sustained_use_applies(provider: Provider, market: Market, instance: &str) -> bool {
    let family = instance.split('-').next().unwrap_or("");
    provider == Provider::Gcp
        && market == Market::OnDemand
        && ["n1", "n2", "n2d", "c2", "m1", "m2"].iter().any(|f| family.eq_ignore_ascii_case(f))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::money::PICO;

    fn secs(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    fn cents(c: i128) -> Usd {
        Usd(c * PICO / 100)
    }

    #[test]
    fn vector_1_granularity_and_minimum() {
        let rate = Rate(36 * PICO);
        let hourly = BillingRule { granularity: HOUR, minimum: HOUR, ..BillingRule::SECONDS };
        for (run, a, b, c) in [
            (7.0, 60, 7, 3_600),
            (60.0, 60, 60, 3_600),
            (61.2, 62, 62, 3_600),
            (3_600.0, 3_600, 3_600, 3_600),
            (3_661.0, 3_661, 3_661, 7_200),
        ] {
            for (rule, cost) in [(BillingRule::SECONDS, a), (BillingRule::GKE_AUTOPILOT, b), (hourly, c)] {
                assert_eq!(rule.billed(secs(run), EndedBy::User), Duration::from_secs(cost as u64), "{run}");
                assert_eq!(rule.charge(rate, secs(run), EndedBy::User), cents(cost), "{run}");
            }
        }
        assert_eq!(hourly.billed(Duration::ZERO, EndedBy::User), Duration::ZERO);
    }

    #[test]
    fn vector_2_spot_that_is_reclaimed_in_its_first_hour_is_free() {
        let rule = BillingRule::of(Provider::Aws, Market::Spot).rule;
        let rate = Rate(36 * PICO);
        assert_eq!(rule.charge(rate, secs(1_800.0), EndedBy::Provider), Usd::ZERO);
        assert_eq!(rule.charge(rate, secs(1_800.0), EndedBy::User), cents(1_800));
        assert_eq!(rule.charge(rate, secs(5_400.0), EndedBy::Provider), cents(5_400));
    }

    #[test]
    fn billing_at_interruption() {
        // spot_checkpoint.md 1.11, at 1 USD/h.
        let rate = Rate(PICO);
        let linux = BillingRule::EC2_SPOT;
        let at = |h: u64, m: u64, s: u64| Duration::from_secs(h * 3_600 + m * 60 + s);
        assert_eq!(linux.charge(rate, at(0, 59, 59), EndedBy::Provider), Usd::ZERO);
        assert_eq!(linux.billed(at(1, 0, 1), EndedBy::Provider), Duration::from_secs(3_601));
        assert!((linux.charge(rate, at(1, 0, 1), EndedBy::Provider).to_f64() - 1.000_278).abs() < 1e-6);
        assert!((linux.charge(rate, at(0, 59, 59), EndedBy::User).to_f64() - 0.999_722).abs() < 1e-6);
        let suse = BillingRule::EC2_SPOT_HOURLY;
        assert_eq!(suse.charge(rate, at(0, 59, 59), EndedBy::Provider), Usd::ZERO);
        assert_eq!(suse.charge(rate, at(1, 59, 59), EndedBy::Provider), cents(100));
        assert_eq!(suse.charge(rate, at(1, 0, 1), EndedBy::User), cents(200));
    }

    #[test]
    fn only_aws_gives_back_the_first_hour() {
        for p in [Provider::Gcp, Provider::Azure, Provider::Own] {
            assert_eq!(BillingRule::of(p, Market::Spot).rule.spot_reclaim_free_within, None);
        }
    }

    #[test]
    fn vector_3_sustained_use() {
        let month = Duration::from_hours(730);
        let list = Rate(PICO);
        for (percent, multiplier) in [(25, 1.0), (50, 0.9), (60, 0.85), (75, 0.8), (100, 0.7)] {
            let used = Duration(month.0 / 100 * percent);
            let paid = sustained_use(list, used, month).to_f64();
            let full = list.over(u128::from(used.0)).to_f64();
            assert!((paid / full - multiplier).abs() < 1e-9, "{percent} %: {}", paid / full);
        }
        assert_eq!(sustained_use(list, Duration::ZERO, month), Usd::ZERO);
        assert!(sustained_use_applies(Provider::Gcp, Market::OnDemand, "n1-standard-8"));
        assert!(!sustained_use_applies(Provider::Gcp, Market::Spot, "n1-standard-8"));
        assert!(!sustained_use_applies(Provider::Gcp, Market::OnDemand, "a2-highgpu-1g"));
    }

    proptest! {
        #[test]
        fn billed_time_covers_the_run_and_never_shrinks_with_it(a in 1_u64..u64::MAX / 2, b in 1_u64..1_000_000_000_000_000) {
            for rule in [BillingRule::SECONDS, BillingRule::EC2_SPOT, BillingRule::EC2_SPOT_HOURLY, BillingRule::EXACT] {
                let (short, long) = (Duration(a.min(b)), Duration(a.max(b)));
                let billed = rule.billed(short, EndedBy::User);
                prop_assert!(billed >= short && billed >= rule.minimum);
                prop_assert!(rule.billed(long, EndedBy::User) >= billed);
                prop_assert!(rule.billed(short, EndedBy::Provider) <= billed);
            }
        }
    }
}
