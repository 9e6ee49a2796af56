//! `fleetcast catalog`.

use crate::cli_bin::{fine, refused};
use fleetcast::catalog::Catalog;
use fleetcast::units::SourceMap;
use serde_json::Value;

fn list(words: &[&str]) -> Vec<Value> {
    let text = fine(words);
    serde_json::from_str::<Vec<Value>>(&text).expect("a list")
}

#[test]
fn the_practitioners_prices_are_there_by_date() {
    // T4, A10G, A100, H100 on three clouds, USD per hour: the table that the project promises.
    for (instance, region, at, usd) in [
        ("g4dn.xlarge", "us-east-1", "2024-06-01", "0.526"),
        ("g5.xlarge", "us-east-1", "2024-06-01", "1.006"),
        ("p4d.24xlarge", "us-east-1", "2024-06-01", "32.7726"),
        ("p5.48xlarge", "us-east-1", "2024-06-01", "98.32"),
        ("p5.48xlarge", "us-east-1", "2025-12-01", "55.04"),
        ("p3.2xlarge", "us-east-1", "2024-06-01", "3.06"),
        ("a2-highgpu-1g", "us-central1", "2024-06-01", "3.673"),
        ("Standard_NC24ads_A100_v4", "eastus", "2026-06-18", "3.673"),
    ] {
        let words = ["catalog", "prices", instance, "--region", region, "--market", "on_demand", "--at", at, "--json"];
        let found = list(&words);
        assert_eq!(found.len(), 1, "{instance} on {at}");
        assert!(found[0]["usd_per_hour"].as_str().is_some_and(|p| p.starts_with(usd)), "{instance}: {}", found[0]);
        for field in ["source", "evidence", "from", "until"] {
            assert!(found[0][field].as_str().is_some_and(|t| !t.is_empty()), "{instance}: no {field}");
        }
    }
}

#[test]
fn tables_show_source_date_and_evidence() {
    let text = fine(&["catalog", "prices", "p5.48xlarge", "--region", "US-East-1", "--at", "2026-11-01"]);
    let header: Vec<&str> = text.lines().next().expect("a header").split_whitespace().collect();
    assert_eq!(header, ["region", "market", "from", "until", "USD/h", "evidence", "source", "note"]);
    let row = text.lines().nth(1).expect("a row");
    assert!(row.starts_with("us-east-1  on-demand  2025-06-23") && row.contains("55.04  measured  [1]"), "{row}");
    assert!(text.contains("\n[1] ") && text.contains("not confirmed"), "{text}");
    let devices = fine(&["catalog", "devices"]);
    assert!(devices.lines().any(|l| l.starts_with("H100-SXM-80GB ") && l.contains("prior")), "{devices}");
    let sources = fine(&["catalog", "sources"]);
    assert!(sources.contains("licence: Apache-2.0") && sources.contains("Evidence\n"));
    assert!(list(&["catalog", "sources", "--json"]).iter().all(|s| s["address"].is_string()));
}

#[test]
fn instances_are_the_default_and_filters_narrow_them() {
    let all = list(&["catalog", "--json"]);
    assert_eq!(all, list(&["catalog", "instances", "--json"]));
    let h100 = list(&["catalog", "instances", "--provider", "aws", "--device", "H100", "--json"]);
    let names: Vec<&str> = h100.iter().filter_map(|i| i["instance"].as_str()).collect();
    assert_eq!(names, ["p5.48xlarge", "p5.4xlarge"]);
    let rented = list(&["catalog", "devices", "--provider", "gcp", "--json"]);
    let names: Vec<&str> = rented.iter().filter_map(|i| i["name"].as_str()).collect();
    assert!(names.contains(&"L4-24GB") && !names.contains(&"A10G-24GB"), "{names:?}");
    assert!(!all.is_empty() && rented.len() < list(&["catalog", "devices", "--json"]).len());
    let none = fine(&["catalog", "instances", "--provider", "gcp", "--region", "us-east-1"]);
    assert!(none.starts_with("no instance type"));
}

#[test]
fn slips_name_the_nearest() {
    for (words, said) in [
        (&["catalog", "prices", "p5.48xlrge"][..], "did you mean `p5.48xlarge`?"),
        (&["catalog", "prices", "p5.48xlarge", "--region", "us-eest-1"], "did you mean `us-east-1`?"),
        (&["catalog", "instances", "--region", "us-eest-1"], "did you mean `us-east-1`?"),
        (&["catalog", "instances", "--device", "H10O"], "did you mean `H100`?"),
        (&["catalog", "instances", "--provider", "amazon"], "allowed are aws, gcp, azure"),
        (&["catalog", "prices", "p5.48xlarge", "--market", "sopt"], "allowed are on_demand and spot"),
        (&["catalog", "prices", "p5.48xlarge", "--at", "yesterday"], "write it as 2026-10-05"),
        (&["catalog", "prices", "p5.48xlarge", "--at", "1999-12-31"], "the first is of "),
        (&["catalog", "prices", "p5.48xlarge", "--region", "us-east-1", "--at", "1999-12-31"], "2023-09-18"),
        (&["catalog", "price"], "prices"),
    ] {
        let _ = refused(words, &[said]);
    }
}

#[test]
fn the_example_of_the_import_help_is_read() {
    let text = fine(&["catalog", "import-help"]);
    let example = text.split("Example:\n").nth(1).expect("it is last");
    let mut sources = SourceMap::default();
    let id = sources.add("my-prices.csv", example);
    let (added, found) = Catalog::embedded().clone().import_prices(&sources, id);
    assert_eq!(found.list, []);
    assert_eq!((added.prices, added.instances), (2, 1));
}
