//! `fleetcast report`, through the binary: pages of a run, a comparison and a sweep, and what is refused. How they look and work
//! in a browser is held in `tests/html`.

use std::fs;
use std::path::Path;

use crate::cli_run::{Ran, fleetcast};

const SCENARIO: &str = r#"Scenario(
  version: 1, name: "small", start: "2026-10-05", horizon: "2d",
  pools: [(name: "t4", instance: "g4dn.12xlarge", region: "us-east-1", nodes: Fixed(2))],
  work: [Jobs(name: "training", arrive: Poisson(per_day: 120), length: Exponential("1h"), labels: (team: "research"))],
  variants: [(name: "more", set: ["pools.t4.nodes=Fixed(3)"])],
)"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("small.ron"), SCENARIO).expect("written");
    folder
}

fn ok(at: &Path, args: &[&str]) -> Ran {
    let ran = fleetcast(at, args);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    ran
}

/// What must not be in a page: anything that it would fetch.
fn hold(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    for word in ["http://", "https://", "@import", "<link", "<iframe"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("Content-Security-Policy"));
}

#[test]
fn a_run_has_a_page_with_its_ledger_inputs_and_charts() {
    let dir = folder();
    let at = dir.path();
    ok(at, &["run", "small.ron", "--out", "out", "--replications", "3"]);
    let ran = ok(at, &["report", "out"]);
    assert!(ran.out.is_empty() && ran.err.contains("report.html"), "{}", ran.err);
    let page = fs::read_to_string(at.join("out/report.html")).expect("a page");
    hold(&page);
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(at.join("out/manifest.json")).expect("a manifest")).expect("JSON");
    assert!(page.contains(manifest["scenario_sha256"].as_str().expect("a hash")));
    for what in [
        "id=\"ledger\"",
        "id=\"bill\"",
        "id=\"evidence\"",
        "id=\"luck\"",
        "id=\"variants\"",
        "id=\"defaults\"",
        "id=\"cost-by-activity\"",
    ] {
        assert!(page.contains(what), "{what}");
    }
    // Every chart of the folder is in it, with its finding.
    let charts = fs::read_dir(at.join("out/charts")).expect("charts").flatten();
    let n = charts.filter(|e| e.path().extension().is_some_and(|x| x == "svg")).count();
    assert_eq!(page.matches("data:image/svg+xml;base64,").count(), n);
    // The same folder, the same bytes; elsewhere and to stdout too.
    ok(at, &["report", "out", "--out", "new/page.html"]);
    let again = ok(at, &["report", "out", "--out", "-"]).out;
    assert!(fs::read_to_string(at.join("new/page.html")).expect("a page") == page && again == page);
    // A summary alone has a page too, and says what it lacks.
    let alone = ok(at, &["run", "small.ron", "--no-files", "--no-variants", "--json"]).out;
    fs::write(at.join("alone.json"), alone).expect("written");
    ok(at, &["report", "alone.json"]);
    let page = fs::read_to_string(at.join("alone.html")).expect("beside it");
    hold(&page);
    assert!(page.contains("manifest was not beside this summary"));
}

#[test]
fn a_comparison_and_a_sweep_have_pages() {
    let dir = folder();
    let at = dir.path();
    ok(at, &["compare", "small.ron", "--replications", "4", "--out", "change", "--fail-on", "cost.total > +90%"]);
    for f in ["comparison.json", "charts/why.svg", "charts/why.png", "charts/why.csv", "charts/changes.png"] {
        assert!(at.join("change").join(f).exists(), "{f}");
    }
    ok(at, &["report", "change"]);
    let page = fs::read_to_string(at.join("change/report.html")).expect("a page");
    hold(&page);
    for what in ["id=\"gates-0\"", "id=\"why-activity-0\"", "id=\"metrics-0\"", "id=\"evidence-0\"", "tag holds"] {
        assert!(page.contains(what), "{what}");
    }
    // What --json prints is the folder's file, and has the same page but for the charts.
    let args = ["compare", "small.ron", "--replications", "4", "--fail-on", "cost.total > +90%", "--json"];
    let json = ok(at, &args).out;
    assert_eq!(json, fs::read_to_string(at.join("change/comparison.json")).expect("JSON"));
    fs::write(at.join("c.json"), json).expect("written");
    ok(at, &["report", "c.json"]);
    hold(&fs::read_to_string(at.join("c.html")).expect("a page"));

    let axes = ["--axis", "pools.t4.nodes=1..3:1", "--axis", "queue=Fifo,ShortestFirst", "--replications", "2"];
    ok(at, &[&["sweep", "small.ron", "--out", "grid"], &axes[..]].concat());
    ok(at, &["report", "grid"]);
    let page = fs::read_to_string(at.join("grid/report.html")).expect("a page");
    hold(&page);
    for what in ["id=\"heat-0\"", "id=\"lines-0\"", "id=\"best\"", "id=\"axes\"", "id=\"evidence\""] {
        assert!(page.contains(what), "{what}");
    }
}

/// What is said of a folder or file that has no page.
fn refused(at: &Path, args: &[&str], says: &[&str]) {
    let ran = fleetcast(at, args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
    for text in says {
        assert!(ran.err.contains(text), "{args:?}: no {text:?} in {}", ran.err);
    }
}

#[test]
fn what_is_not_whole_or_of_another_version_is_told() {
    let dir = folder();
    let at = dir.path();
    refused(at, &["report", "nowhere"], &["cannot read `nowhere`", "name the folder"]);
    refused(at, &["report", "."], &["there is no summary.json, comparison.json or sweep.json in it"]);
    refused(at, &["report", "small.ron"], &["cannot read `small.ron`"]);
    ok(at, &["run", "small.ron", "--out", "out", "--no-variants"]);
    let path = at.join("out/summary.json");
    let whole = fs::read_to_string(&path).expect("a summary");
    for n in [0, 1, 20, whole.len() / 2, whole.len() - 3] {
        fs::write(&path, &whole[..n]).expect("written");
        refused(at, &["report", "out"], &["summary.json`", "cut short"]);
    }
    let other = |from: &str, to: &str, says: &[&str]| {
        assert!(whole.contains(from), "{from}");
        fs::write(&path, whole.replacen(from, to, 1)).expect("written");
        refused(at, &["report", "out"], says);
    };
    other("fleetcast.run/1", "fleetcast.run/9", &["its schema is fleetcast.run/9, this program reads fleetcast.run/1"]);
    other("\"version\": 1", "\"version\": 7", &["its outcome has the version 7"]);
    let n = serde_json::from_str::<serde_json::Value>(&whole).expect("JSON")["outcome"]["series"]["buckets"].clone();
    other(&format!("\"buckets\": {n}"), "\"buckets\": 7", &["a series of pool t4 has not 7 values"]);
    other("\"pools\": [", "\"pools\": [], \"old\": [", &["it does not hang together"]);
    other("\"charges\": [", "\"charges\": 3, \"old\": [", &["summary.json`"]);
    fs::write(&path, &whole).expect("written");
    fs::write(at.join("out/manifest.json"), "{\"schema\": \"fleetcast.manifest/2\"}").expect("written");
    refused(at, &["report", "out"], &["manifest.json`", "fleetcast.manifest/2"]);
    fs::remove_file(at.join("out/manifest.json")).expect("removed");
    refused(at, &["report", "out", "--out", "."], &["`.` is not the name of a file"]);

    ok(at, &["sweep", "small.ron", "--axis", "pools.t4.nodes=1,2", "--replications", "2", "--out", "s"]);
    let runs = fs::read_to_string(at.join("s/runs.jsonl")).expect("runs");
    fs::write(at.join("s/runs.jsonl"), runs.lines().take(3).map(|l| format!("{l}\n")).collect::<String>())
        .expect("written");
    refused(at, &["report", "s"], &["`s` is not done: 3 of 4 runs", "goes on from there"]);
    ok(at, &["sweep", "small.ron", "--axis", "pools.t4.nodes=1,2", "--shard", "1/2", "--out", "part"]);
    refused(at, &["report", "part"], &["shard 1/2", "fleetcast merge"]);
    fs::write(at.join("c.json"), "{\"schema\": \"fleetcast.compare/2\"}").expect("written");
    refused(at, &["report", "c.json"], &["fleetcast.compare/2"]);
    fs::write(at.join("c.json"), "{\"schema\": \"fleetcast.luck/1\"}").expect("written");
    refused(at, &["report", "c.json"], &["not of a run, a comparison or a sweep"]);
}
