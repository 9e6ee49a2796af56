//! A user's file: merged by date, or refused whole with every fault in its place.

use jiff::civil::date;

use super::*;
use crate::units::Severity;

fn import(text: &str) -> (Catalog, Imported, Diagnostics, SourceMap, SourceId) {
    let mut catalog = Catalog::embedded().clone();
    let mut texts = SourceMap::default();
    let id = texts.add("prices.csv", text);
    let (done, found) = catalog.import_prices(&texts, id);
    (catalog, done, found, texts, id)
}

/// Each finding as `line:column severity message`.
fn findings(text: &str) -> Vec<String> {
    let (_, _, found, texts, _) = import(text);
    let line = |d: &Diagnostic| {
        let (l, c) = d.at.map_or((0, 0), |(id, s)| texts.line_col(id, s.start));
        let grade = if d.severity == Severity::Error { "error" } else { "warning" };
        format!("{l}:{c} {grade} {}", d.message)
    };
    found.list.iter().map(line).collect()
}

fn usd(c: &Catalog, instance: &str, region: &str, market: Market, on: Date) -> f64 {
    let i = c.instance(instance).expect("a type");
    c.price(i, region, market, on).expect("a price").rate.to_f64()
}

#[test]
fn from_its_first_date_on_only_the_users_rows_count() {
    let (c, done, found, ..) = import(
        "\u{feff}# our contract\r\n\
         usd_per_hour,instance,region,market,from,source\r\n\
         40,p5.48xlarge,us-east-1,on-demand,2025-01-01,\"contract 7, annex A\"\r\n\
         \r\n\
         38.5,P5.48XLARGE,US-EAST-1,on_demand,2024-12-01,\r\n",
    );
    assert_eq!((done, found.list.len()), (Imported { prices: 2, instances: 0 }, 0));
    let od = |on| usd(&c, "p5.48xlarge", "us-east-1", Market::OnDemand, on);
    assert_eq!(od(date(2024, 11, 30)), 98.32, "the embedded price holds before");
    assert_eq!(od(date(2024, 12, 1)), 38.5);
    assert_eq!(od(date(2025, 1, 1)), 40.0);
    assert_eq!(od(date(2026, 1, 1)), 40.0, "the embedded cut of 2025-06 no longer counts");
    let p5 = c.instance("p5.48xlarge").expect("a type");
    let row = c.price(p5, "us-east-1", Market::OnDemand, date(2025, 2, 1)).expect("a price").row;
    assert_eq!(c.sources.get(row.source).title, "contract 7, annex A");
    // The embedded catalogue itself is untouched.
    assert_eq!(usd(Catalog::embedded(), "p5.48xlarge", "us-east-1", Market::OnDemand, date(2025, 1, 1)), 98.32);
}

#[test]
fn a_quoted_spot_price_replaces_the_estimate_from_its_date() {
    let (c, ..) = import("instance,region,market,from,usd_per_hour\np5.48xlarge,us-east-1,spot,2025-09-01,60\n");
    let i = c.instance("p5.48xlarge").expect("a type");
    let row = |on| c.price(i, "us-east-1", Market::Spot, on).expect("a price").row;
    assert_eq!(row(date(2025, 8, 31)).evidence, Evidence::Fitted);
    let own = row(date(2025, 9, 1));
    // Dearer than on-demand (55.04) and not clamped.
    assert_eq!((own.rate.to_f64(), own.basis), (60.0, Basis::Listed));
}

#[test]
fn a_new_type_may_be_defined_in_any_row() {
    let (c, done, found, ..) = import(
        "instance,region,market,from,usd_per_hour,device,gpus,vcpus,memory_gib\n\
         hgx-8,hall-1,on_demand,2026-01-01,24,,,,\n\
         hgx-8,hall-2,on_demand,2026-01-01,26,h100,8,224,2048\n",
    );
    assert_eq!((done, found.list.len()), (Imported { prices: 2, instances: 1 }, 0));
    let i = c.instance("HGX-8").expect("defined");
    assert_eq!(i.device.map(|d| c.devices.get(d).name), Some("H100-SXM-80GB"));
    assert_eq!((i.provider, i.gpu_count(), i.memory.0), (Provider::Own, 8, 2_048 << 30));
    assert_eq!(usd(&c, "hgx-8", "hall-1", Market::OnDemand, date(2026, 1, 1)), 24.0);
    assert_eq!(c.prices.regions(i.id, Market::OnDemand), ["hall-1", "hall-2"]);
}

#[test]
fn every_fault_is_reported_in_its_place_and_nothing_is_changed() {
    let text = "instance,region,market,from,usd_per_hour\n\
                p5.48xlarge,us-east-1,on_demand,2025-13-01,1\n\
                p5.48xlarge,us-east-1,reserved,2025-01-01,-1\n\
                p5.48xlarg,us-east-1,spot,2025-01-01,1e3\n\
                p5.48xlarg,us-east-1,spot,2025-01-01,1\n\
                p5.48xlarge,us-east-1,on_demand\n\
                ,us-east-1,on_demand,2025-01-01,1\n\
                g5.xlarge,us-east-1,spot,2026-01-01,1\n\
                g5.xlarge,us-east-1,spot,2026-01-01,2\n";
    assert_eq!(
        findings(text),
        [
            "2:33 error `2025-13-01` is not a valid from",
            "3:23 error `reserved` is not a valid market",
            "3:43 error `-1` is not a valid usd_per_hour",
            "4:38 error `1e3` is not a valid usd_per_hour",
            "6:1 error this row has 3 fields, the heading 5",
            "7:1 error `instance` is empty",
            "5:1 error unknown instance type `p5.48xlarg`",
            "9:1 error two prices of g5.xlarge on 2026-01-01",
        ]
    );
    let (c, done, found, ..) = import(text);
    assert_eq!(done, Imported::default());
    assert_eq!(c.prices.size(), Catalog::embedded().prices.size());
    let unknown = found.list.iter().find(|d| d.message.contains("48xlarg`")).expect("reported");
    assert_eq!(unknown.help[0], "did you mean `p5.48xlarge`?");
}

#[test]
fn a_bad_heading_names_what_is_missing_and_what_was_meant() {
    assert_eq!(findings(""), ["0:0 error `prices.csv` holds no prices"]);
    assert_eq!(
        findings("instance,regoin,market,from,usd_per_hour\n"),
        ["1:10 warning column `regoin` is not known and is ignored", "1:1 error missing columns: region"]
    );
    let (_, _, found, ..) = import("instance,regoin,market,from,usd_per_hour\n");
    assert_eq!(found.list[0].help, ["did you mean `region`?"]);
    assert_eq!(
        findings("instance,region,market,from,usd_per_hour,from\n"),
        ["1:42 error column `from` is named twice"]
    );
    assert_eq!(
        findings("instance,region,market,from,usd_per_hour\n"),
        ["0:0 warning `prices.csv` has a heading and no prices"]
    );
}

#[test]
fn a_region_that_is_nearly_a_known_one_is_worth_a_warning() {
    let one = |region: &str| {
        findings(&format!("instance,region,market,from,usd_per_hour\ng5.xlarge,{region},spot,2026-01-01,1\n"))
    };
    assert_eq!(one("us-esat-1"), ["2:1 warning region `us-esat-1` is taken as a new one"]);
    assert!(one("us-west-1").is_empty() && one("our-own-hall").is_empty());
}

#[test]
fn bad_definitions_are_refused() {
    let head = "instance,region,market,from,usd_per_hour,device,gpus,vcpus,memory_gib,provider\n";
    let one = |row: &str| findings(&format!("{head}{row}\n"));
    // One finding each: a type with faulty figures is not reported as unknown too.
    assert_eq!(one("x,r,spot,2026-01-01,1,H1000,8,1,1,"), ["2:23 error unknown GPU `H1000`"]);
    assert_eq!(one("x,r,spot,2026-01-01,1,H100,,1,1,")[0], "2:1 error the figures of `x` are not complete");
    assert_eq!(one("x,r,spot,2026-01-01,1,H100,-8,1,1,")[0], "2:1 error the figures of `x` are not numbers");
    assert_eq!(one("x,r,spot,2026-01-01,1,,8,1,1,")[0], "2:24 error `x`: device and gpus do not agree");
    assert_eq!(
        one("x,r,spot,2026-01-01,1,T4,1,1,1,oracle")[0],
        "2:32 error unknown provider `oracle`: allowed are aws, gcp, azure and own"
    );
    assert_eq!(
        one("x,r,spot,2026-01-01,1,T4,1,1,1,\nx,r,spot,2026-02-01,1,T4,2,1,1,"),
        ["3:1 error `x` is defined twice and not alike"]
    );
    assert_eq!(
        one("g5.xlarge,us-east-1,spot,2026-01-01,1,T4,1,4,16,"),
        ["2:1 warning `g5.xlarge` has other figures in the catalogue"]
    );
}

proptest::proptest! {
    /// Whatever a file holds, reading it ends in findings, never in a panic, and each points into the text.
    #[test]
    fn no_text_makes_it_panic(text in "(instance,region,market,from,usd_per_hour\n)?[a-z0-9é,\"#\r\n. -]{0,120}") {
        let (_, _, found, texts, id) = import(&text);
        let length = texts.get(id).text.len() as u32;
        for (_, span) in found.list.iter().filter_map(|d| d.at) {
            proptest::prop_assert!(span.start <= span.end && span.end <= length);
        }
    }
}
