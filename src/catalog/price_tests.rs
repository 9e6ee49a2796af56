//! Prices against the sources' own figures (`data/README.md` section 8) and the practitioners' table.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;
use crate::catalog::{Catalog, LookupError, Quote};

fn quote(instance: &str, region: &str, market: Market, on: Date) -> Result<Quote, LookupError> {
    let c = Catalog::embedded();
    c.price(c.instances.find(instance)?, region, market, on)
}

fn usd(instance: &str, region: &str, market: Market, on: Date) -> String {
    match quote(instance, region, market, on) {
        Ok(q) => crate::units::Usd(q.rate.0).exact(),
        Err(e) => e.to_string(),
    }
}

#[test]
fn the_practitioners_table_is_reachable_by_date() {
    for (instance, region, on, price) in [
        ("g4dn.xlarge", "us-east-1", date(2024, 6, 1), "0.526"),
        ("g5.xlarge", "us-east-1", date(2024, 6, 1), "1.006"),
        ("p4d.24xlarge", "us-east-1", date(2024, 6, 1), "32.7726"),
        ("p4d.24xlarge", "us-east-1", date(2025, 6, 22), "32.7726"),
        ("p4d.24xlarge", "us-east-1", date(2025, 6, 23), "21.957642"),
        ("p5.48xlarge", "us-east-1", date(2024, 6, 1), "98.32"),
        ("p5.48xlarge", "us-east-1", date(2026, 8, 3), "55.04"),
        ("p3.2xlarge", "us-east-1", date(2023, 1, 1), "3.06"),
        ("a2-highgpu-1g", "us-central1", date(2024, 6, 1), "3.673385"),
        ("NC24ads_A100_v4", "eastus", date(2026, 6, 18), "3.673"),
        ("m5.4xlarge", "us-east-1", date(2024, 6, 1), "0.768"),
    ] {
        assert_eq!(usd(instance, region, Market::OnDemand, on), price, "{instance} on {on}");
    }
}

#[test]
fn the_checks_of_the_data_readme_hold() {
    use Market::{OnDemand, Spot};
    for (instance, region, market, on, price) in [
        ("a2-highgpu-1g", "us-central1", Spot, date(2023, 5, 8), "1.1020155"),
        ("a2-highgpu-1g", "us-central1", Spot, date(2026, 8, 3), "1.92802"),
        ("a3-highgpu-8g", "us-central1", OnDemand, date(2026, 8, 3), "88.49"),
        ("a3-highgpu-8g", "us-central1", Spot, date(2026, 8, 3), "50.61"),
        ("a2-ultragpu-8g", "us-central1", OnDemand, date(2026, 8, 3), "40.55"),
        ("g2-standard-4", "us-central1", OnDemand, date(2026, 8, 3), "0.7068"),
        ("ND96isr_H100_v5", "eastus", OnDemand, date(2026, 6, 18), "98.32"),
        ("ND96asr_v4", "eastus", OnDemand, date(2026, 6, 18), "27.197"),
        ("NC6s_v3", "eastus", OnDemand, date(2026, 6, 18), "3.06"),
        ("nvidia-tesla-p100", "us-central1", OnDemand, date(2023, 1, 1), "1.46"),
    ] {
        let found: f64 = usd(instance, region, market, on).parse().expect("a price");
        let stated: f64 = price.parse().expect("a price");
        // The README rounds some of them to two to four decimals.
        assert!((found / stated - 1.0).abs() < 2e-4, "{instance} {market} on {on}: {found} against {stated}");
    }
}

#[test]
fn spot_may_be_dearer_than_on_demand() {
    let q = quote("p5.48xlarge", "ca-central-1", Market::Spot, date(2025, 7, 1)).expect("an estimate");
    // 113.068 × (1 + 0.62)
    assert_eq!(q.rate.0, 183_170_160_000_000);
    assert_eq!(q.row.evidence, Evidence::Fitted);
    let on_demand: Rate = "113.068".parse().expect("a price");
    assert_eq!(q.row.basis, Basis::SpotEstimate { on_demand, savings_pct: -62 });
}

#[test]
fn before_the_first_row_the_answer_is_an_error_that_says_from_when() {
    let e = quote("p5.48xlarge", "us-east-1", Market::OnDemand, date(2023, 9, 17)).expect_err("too early");
    assert_eq!(
        e.to_string(),
        "no on-demand price of p5.48xlarge in us-east-1 is known on 2023-09-17: the first is of 2023-09-18"
    );
    assert!(e.help()[1].contains("instance,region,market,from,usd_per_hour"));
    let e = quote("p5.48xlarge", "us-east-1", Market::Spot, date(2025, 6, 27)).expect_err("no advice yet");
    assert!(matches!(e, LookupError::BeforeFirst { first, .. } if first == date(2025, 6, 28)));
}

#[test]
fn a_wrong_region_names_the_nearest_and_a_missing_market_says_so() {
    let e = quote("p5.48xlarge", "us-esat-1", Market::OnDemand, date(2025, 1, 1)).expect_err("a slip");
    assert_eq!(e.help()[0], "did you mean `us-east-1`?");
    let e = quote("NC6s_v3", "eastus", Market::Spot, date(2026, 7, 1)).expect_err("no licence, no price");
    assert!(matches!(e, LookupError::NoMarket { .. }));
}

#[test]
fn a_price_says_how_long_nobody_has_confirmed_it() {
    let days = |instance, region, on| {
        quote(instance, region, Market::OnDemand, on).map(|q| q.unconfirmed_days()).expect("a price")
    };
    assert_eq!(days("p5.48xlarge", "us-east-1", date(2025, 1, 1)), 0, "a later row follows");
    assert_eq!(days("p5.48xlarge", "us-east-1", date(2026, 7, 20)), 0);
    assert_eq!(days("p5.48xlarge", "us-east-1", date(2026, 7, 30)), 10);
    // Only one day of us-east-2 is known: a year later the price is a year old.
    assert_eq!(days("p5.48xlarge", "us-east-2", date(2026, 4, 5)), 365);
}

#[test]
fn a_window_is_cut_into_steps() {
    let c = Catalog::embedded();
    let p5 = c.instances.find("p5.48xlarge").expect("a type");
    let steps = |market, a, b| c.schedule_between(p5, "us-east-1", market, a, b).expect("priced");
    let s = steps(Market::OnDemand, date(2025, 6, 1), date(2025, 7, 1));
    assert_eq!(s.iter().map(|s| s.from).collect::<Vec<_>>(), [date(2025, 6, 1), date(2025, 6, 23)]);
    assert_eq!(s[0].row.from, date(2023, 9, 18));
    // The window ends before the change.
    assert_eq!(steps(Market::OnDemand, date(2025, 6, 1), date(2025, 6, 23)).len(), 1);
    // An empty window still has the price at its start.
    assert_eq!(steps(Market::OnDemand, date(2025, 6, 23), date(2025, 6, 23)).len(), 1);

    let a2 = c.instances.find("a2-highgpu-1g").expect("a type");
    let spot = c.schedule_between(a2, "us-central1", Market::Spot, date(2026, 1, 1), date(2026, 7, 1)).expect("priced");
    let dates: Vec<_> = spot.iter().map(|s| s.from).collect();
    assert_eq!(dates, [date(2026, 1, 1), date(2026, 1, 22), date(2026, 2, 5), date(2026, 6, 11), date(2026, 6, 25)]);
}

#[test]
fn the_spot_estimate_follows_on_demand() {
    let all = PriceBook::embedded(&Catalog::embedded().instances, &Catalog::embedded().sources);
    let row = |from, usd: &str| PriceRow {
        from,
        rate: usd.parse().expect("a price"),
        seen_until: from,
        source: all.advice_source,
        evidence: Evidence::Measured,
        basis: Basis::Listed,
    };
    let od = [row(date(2024, 1, 1), "10"), row(date(2025, 1, 1), "8"), row(date(2025, 9, 1), "4")];
    let est = all.estimate(&od, Advice { savings_pct: 25, interruption_bucket: 0 });
    let got: Vec<_> = est.iter().map(|r| (r.from, r.rate.to_f64())).collect();
    assert_eq!(got, [(date(2025, 6, 28), 6.0), (date(2025, 9, 1), 3.0)]);
    // A type that came later has an estimate from its own first day.
    let est = all.estimate(&od[2..], Advice { savings_pct: 25, interruption_bucket: 0 });
    assert_eq!(est.first().map(|r| r.from), Some(date(2025, 9, 1)));
    assert!(all.estimate(&[], Advice { savings_pct: 25, interruption_bucket: 0 }).is_empty());
}

#[test]
fn every_schedule_is_sorted_positive_and_within_its_source() {
    let c = Catalog::embedded();
    let (series, rows) = c.prices.size();
    assert!(series > 2_000 && rows > 5_000, "{series} schedules, {rows} rows");
    for ((id, region, market), list) in &c.prices.series {
        let name = &c.instances.get(*id).name;
        assert!(!list.is_empty());
        for r in list {
            assert!(r.rate.0 > 0, "{name} {region} {market}");
            let s = c.sources.get(r.source);
            assert!(s.first <= Some(r.from) && Some(r.from) <= s.last, "{name} {region} {market}: {}", s.id);
            assert!(r.from <= r.seen_until);
        }
        assert!(list.windows(2).all(|w| w[0].from < w[1].from), "{name} {region} {market}");
        assert!(list.windows(2).all(|w| w[0].rate != w[1].rate), "{name} {region} {market}");
    }
    let total: usize = [
        include_str!("aws.csv"),
        include_str!("gcp.csv"),
        include_str!("azure.csv"),
        include_str!("aws_spot_savings.csv"),
        include_str!("instances.csv"),
        include_str!("devices.csv"),
    ]
    .iter()
    .map(|t| t.len())
    .sum();
    assert!(total < 700_000, "{total} bytes embedded");
}

#[test]
fn less_a_percentage_is_exact() {
    assert_eq!(less_percent(Rate(1_000), 18), Rate(820));
    assert_eq!(less_percent(Rate(1), 50), Rate(1), "half a pico-dollar rounds away from zero");
    assert_eq!(less_percent(Rate(1_000), -62), Rate(1_620));
    assert_eq!(less_percent(Rate(1_000), 100), Rate(0));
}

proptest! {
    /// The step function says on each day what the look-up says.
    #[test]
    fn a_window_agrees_with_the_look_up_of_each_day(start in 0_i64..1_500, length in 1_i64..200, probe in 0_i64..200, spot: bool) {
        let c = Catalog::embedded();
        let market = if spot { Market::Spot } else { Market::OnDemand };
        let a3 = c.instances.find("a3-highgpu-8g").expect("a type");
        let day = |n: i64| date(2024, 6, 1).saturating_add(jiff::Span::new().days(n));
        let (from, to, on) = (day(start), day(start + length), day(start + probe.min(length - 1)));
        let steps = c.schedule_between(a3, "us-central1", market, from, to).expect("priced");
        prop_assert_eq!(steps[0].from, from);
        prop_assert!(steps.iter().all(|s| s.from < to));
        let held = steps.iter().rev().find(|s| s.from <= on).expect("the first holds from the start");
        let asked = c.price(a3, "us-central1", market, on).expect("priced");
        prop_assert_eq!(held.rate, asked.rate);
        prop_assert_eq!(held.row, asked.row);
    }
}
