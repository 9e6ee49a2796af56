//! `fleetcast trace`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli_bin::{fine, fleetcast, refused, word};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::io::Write;

/// A trace of our own: a job an hour and a bit, of 1, 2 or 8 GPUs.
fn small(dir: &Path) -> PathBuf {
    let mut text = "arrive,duration,gpus,cpu_milli,memory_mib,label.team\n".to_owned();
    for i in 0..48u32 {
        let gpus = [1, 2, 8][(i % 3) as usize];
        text.push_str(&format!(
            "{},{},{gpus},4000,16384,{}\n",
            i * 3700,
            600 + i * i * 11,
            ["ads", "search"][(i % 2) as usize]
        ));
    }
    put(dir, "small.csv", text.as_bytes())
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, bytes).expect("written");
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::default());
    e.write_all(bytes).expect("written");
    e.finish().expect("packed")
}

#[test]
fn figures_are_those_of_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = small(dir.path());
    let v: Value = serde_json::from_str(&fine(&["trace", "inspect", word(&file), "--json"])).expect("JSON");
    assert_eq!((&v["format"], &v["jobs"]), (&"csv".into(), &48.into()));
    // Sixteen jobs each of 1, 2 and 8 GPUs.
    assert_eq!(v["gpus_requested"], 176.0);
    let hours: f64 = (0..48).map(|i| [1.0, 2.0, 8.0][i % 3] * (600 + i * i * 11) as f64 / 3600.0).sum();
    assert!((v["gpu_hours"].as_f64().expect("a number") - hours).abs() < 1e-6);
    // All gaps are alike.
    assert_eq!(v["arrivals"]["gap_cv"], 0.0);
    let text = fine(&["trace", "inspect", word(&file)]);
    for w in ["small: csv trace", "jobs in the window", "team=search", "run time", "GPUs of a job"] {
        assert!(text.contains(w), "no `{w}` in\n{text}");
    }
    // Compressed, the figures are the same; and they are the same each time.
    let packed = put(dir.path(), "small.csv.gz", &gzip(&fs::read(&file).expect("read")));
    assert_eq!(text, fine(&["trace", "inspect", word(&packed)]));
    // `$FLEETCAST_DATA` stands for the folder of the data.
    assert_eq!(text, fine(&["trace", "inspect", "$FLEETCAST_DATA/small.csv", "--data", word(dir.path())]));
    // A window: the first ten arrive before 37,000 s.
    let some = fine(&["trace", "inspect", word(&file), "--to", "37000s", "--json"]);
    let some: Value = serde_json::from_str(&some).expect("JSON");
    assert_eq!(some["jobs"], 10);
}

/// A trace of requests of `tests/good`.
fn requests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good/requests").join(name)
}

fn json(words: &[&str]) -> Value {
    serde_json::from_str(&fine(words)).expect("JSON")
}

#[test]
fn requests_with_dates() {
    let file = requests("azure.csv");
    let v = json(&["trace", "inspect", word(&file), "--json"]);
    // 24 requests, one every five seconds, from 09:58:00 to 09:59:55.
    assert_eq!((&v["format"], &v["rows"], &v["requests"]), (&"azure-llm".into(), &24.into(), &24.into()));
    assert_eq!((&v["span_s"], &v["origin"]), (&115.0.into(), &"2024-05-10T09:58:00".into()));
    assert_eq!((&v["rate"]["per_minute_max"], &v["rate"]["gap_cv"]), (&12.into(), &0.0.into()));
    assert_eq!((&v["rate"]["grid_s"], &v["prefix"], &v["sessions"]), (&Value::Null, &Value::Null, &Value::Null));
    // Prompts 100, 110, … 330 and answers 5, 6, … 28 rise together.
    assert_eq!((&v["input"]["p50"], &v["output"]["max"]), (&215.0.into(), &28.0.into()));
    assert_eq!(v["rank_correlation"], 1.0);
    let text = fine(&["trace", "inspect", word(&file)]);
    for w in ["azure: azure-llm trace of requests", "times lie on a grid", "from 06:00", "1 min 55 s", "0.20"] {
        assert!(text.contains(w), "no `{w}` in\n{text}");
    }
    // The last line is what a scenario wants.
    let block = format!("Recorded(name: \"azure\", file: \"{}\")", word(&file));
    assert_eq!(text.lines().last(), Some(block.as_str()));
    // The same compressed, and by the name of its format.
    let dir = tempfile::tempdir().expect("a folder");
    let packed = put(dir.path(), "azure.csv.gz", &gzip(&fs::read(&file).expect("read")));
    assert_eq!(v, json(&["trace", "inspect", word(&packed), "--json", "--format", "azure-llm"]));
    // A window by dates: from a minute on, twelve.
    let late = json(&["trace", "inspect", word(&file), "--json", "--from", "2024-05-10T09:59"]);
    assert_eq!((&late["requests"], &late["before"]), (&12.into(), &12.into()));
    let early = fine(&["trace", "inspect", word(&file), "--to", "30s"]);
    assert!(early.contains("left out: after the window") && early.contains("6 of 24 requests"), "{early}");
    // Of half a minute there is no hour of the day.
    assert!(!early.contains("requests an hour"), "{early}");
}

#[test]
fn requests_in_sessions_and_failures() {
    let v = json(&["trace", "inspect", word(&requests("burstgpt.csv")), "--json"]);
    assert_eq!((&v["rows"], &v["requests"], &v["failures"]), (&6.into(), &5.into(), &1.into()));
    assert_eq!((&v["sessions"]["sessions"], &v["sessions"]["requests"]), (&2.into(), &4.into()));
    assert_eq!(v["sessions"]["turns"]["max"], 3.0);
    // 0 s, 40 s in the first minute, 65 s and 90 s in the second, 3,700 s in the second hour: no whole one.
    assert_eq!((&v["rate"]["per_minute_max"], &v["rate"]["dispersion_hour"]), (&2.into(), &Value::Null));
    // Four in the first hour of the day; one in the 100 s that the trace has of the second.
    assert_eq!(v["hour_of_day"][0], 4.0);
    assert!((v["hour_of_day"][1].as_f64().expect("a number") - 36.0).abs() < 1e-9);
    assert_eq!(v["hour_of_day"][2], Value::Null);
    let text = fine(&["trace", "inspect", word(&requests("burstgpt.csv"))]);
    for w in ["failures", "sessions", "model=GPT-4", "requests of a session", "from hour 0"] {
        assert!(text.contains(w), "no `{w}` in\n{text}");
    }
}

#[test]
fn requests_that_share_prefixes() {
    let v = json(&["trace", "inspect", word(&requests("mooncake.jsonl")), "--json"]);
    // 2 + 3 + 3 + 1 + 2 references; seen before: none, 1 and 2, 1 and 2, none, 9.
    let p = &v["prefix"];
    assert_eq!((&p["references"], &p["blocks"], &p["seen_before"]), (&11.into(), &6.into(), &5.into()));
    assert_eq!((p["hit_rate"].as_f64(), &p["leading_hit_rate"]), (Some(5.0 / 11.0), &p["hit_rate"]));
    assert_eq!(v["span_s"], 9.0);
    let text = fine(&["trace", "inspect", word(&requests("mooncake.jsonl"))]);
    assert!(text.contains("hits of an infinite cache") && text.contains("45.45 %"), "{text}");
}

#[test]
fn the_chart_of_requests_is_written_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let (file, out) = (requests("azure.csv"), dir.path().join("charts"));
    let said = fleetcast(&["trace", "inspect", word(&file), "--out", word(&out)]);
    assert_eq!(said.code, 0, "{}", said.err);
    let read = |n: &str| fs::read(out.join(n)).expect("read");
    assert!(read("trace.svg").starts_with(b"<svg") && read("trace.png").starts_with(b"\x89PNG"));
    let table = String::from_utf8(read("trace.csv")).expect("UTF-8");
    let rows = |what: &str| table.lines().filter(|l| l.starts_with(what)).count();
    assert!(table.starts_with("what,at,value\n"));
    // 115 steps of a second; 24 lengths each.
    assert_eq!((rows("requests_per_second,"), rows("prompt_tokens"), rows("answer_tokens")), (115, 24, 24));
    // One moment has no rate, and so no chart, which is said.
    let one = put(dir.path(), "one.csv", b"TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00,7,7\n");
    let said = fleetcast(&["trace", "inspect", word(&one), "--out", word(&dir.path().join("none"))]);
    assert!(said.code == 0 && said.err.contains("no chart"), "{}", said.err);
}

#[test]
fn requests_out_of_order_can_be_sorted_and_are_never_fitted() {
    let dir = tempfile::tempdir().expect("a folder");
    let text = fs::read_to_string(requests("azure.csv")).expect("read");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(3, 9);
    let mixed = put(dir.path(), "mixed.csv", lines.join("\n").as_bytes());
    let _ = refused(&["trace", "inspect", word(&mixed)], &["mixed.csv:5", "earlier"]);
    let sorted = json(&["trace", "inspect", word(&mixed), "--sort", "--json"]);
    let whole = json(&["trace", "inspect", word(&requests("azure.csv")), "--json"]);
    assert_eq!((&sorted["input"], &sorted["rate"]), (&whole["input"], &whole["rate"]));
    let _ = refused(&["trace", "fit", word(&mixed)], &["trace of requests (azure-llm)", "jobs only"]);
    let _ = refused(&["trace", "fit", word(&mixed), "--format", "mooncake"], &["mooncake"]);
    let _ = refused(&["trace", "inspect", "no.csv", "--format", "burstgpt"], &["published at", "HPMLL"]);
    let neither = put(dir.path(), "neither.csv", b"a,b\n1,2\n");
    let _ = refused(&["trace", "inspect", word(&neither)], &["csv has arrive", "azure-llm has TIMESTAMP"]);
}

#[test]
fn the_chart_is_written_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let (file, out) = (small(dir.path()), dir.path().join("a/charts"));
    let said = fleetcast(&["trace", "inspect", word(&file), "--out", word(&out)]);
    assert_eq!(said.code, 0, "{}", said.err);
    let mut names: Vec<String> = fs::read_dir(&out)
        .expect("the folder is there")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["trace.csv", "trace.png", "trace.svg"]);
    let read = |n: &str| fs::read(out.join(n)).expect("read");
    assert!(read("trace.svg").starts_with(b"<svg") && read("trace.png").starts_with(b"\x89PNG"));
    let table = String::from_utf8(read("trace.csv")).expect("UTF-8");
    assert!(table.starts_with("what,at,measured,fitted\n"));
    // The same bytes again.
    let (svg, _) = (read("trace.svg"), fine(&["trace", "inspect", word(&file), "--out", word(&out)]));
    assert_eq!(svg, read("trace.svg"));
    // A file where the folder should be.
    let _ = refused(&["trace", "inspect", word(&file), "--out", word(&file)], &["cannot write"]);
}

#[test]
fn a_fit_is_a_work_block_that_runs() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = small(dir.path());
    let block = fine(&["trace", "fit", word(&file), "--name", "like-small"]);
    assert!(block.starts_with("// Fitted by fleetcast") && block.contains("\n  name: \"like-small\",\n"), "{block}");
    assert!(block.contains("Kolmogorov") && block.contains("taken"), "{block}");
    let scenario = format!(
        "Scenario(version: 1, name: \"s\", start: \"2026-10-05\", horizon: \"2d\", tz: \"UTC\",\n\
         pools: [(name: \"h100\", instance: \"p5.48xlarge\", region: \"us-east-1\", nodes: Fixed(4))],\n\
         work: [\n{block}])"
    );
    let path = put(dir.path(), "s.ron", scenario.as_bytes());
    let said = fleetcast(&["run", word(&path), "--no-files", "--json"]);
    assert_eq!(said.code, 0, "{}\n{scenario}", said.err);
    let v: Value = serde_json::from_str(&said.out).expect("JSON");
    // As many jobs arrive in two days as in the trace: one in 3,700 s, and the fit is regular.
    let arrived = v["outcome"]["jobs"]["arrived"].as_f64().expect("a number");
    assert!((44.0..=50.0).contains(&arrived), "{arrived}");
}

#[test]
fn bad_traces_are_refused_with_place_and_remedy() {
    let dir = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| put(dir.path(), name, bytes);
    let head = "arrive,duration,gpus\n";
    let whole = fs::read(small(dir.path())).expect("read");
    let mut cut = gzip(&whole);
    cut.truncate(cut.len() / 2);
    let cases: Vec<(PathBuf, Vec<&str>)> = vec![
        (dir.path().join("none.csv"), vec!["none.csv", "no such file"]),
        (dir.path().to_owned(), vec!["cannot read"]),
        (put("empty.csv", b""), vec!["empty.csv", "empty"]),
        (put("header.csv", head.as_bytes()), vec!["no rows"]),
        (put("unknown.csv", b"a,b\n1,2\n"), vec!["not a trace of a known format", "csv has arrive"]),
        (put("missing.csv", b"arrive,duration\n1,2\n"), vec!["missing.csv:1", "no column `gpus`"]),
        (put("slip.csv", b"arrive,duration,gpus,memory_mb\n1,2,1,1\n"), vec!["slip.csv:1", "`memory_mib`"]),
        (put("word.csv", format!("{head}0,60,1\n5,soon,1\n").as_bytes()), vec!["word.csv:3:3", "soon"]),
        (put("negative.csv", format!("{head}0,-60,1\n").as_bytes()), vec!["negative.csv:2:3"]),
        (put("nan.csv", format!("{head}0,NaN,1\n").as_bytes()), vec!["nan.csv:2:3"]),
        (put("order.csv", format!("{head}9,60,1\n5,60,1\n").as_bytes()), vec!["order.csv:3", "sort"]),
        (put("short.csv", format!("{head}0,60,1\n5,6").as_bytes()), vec!["short.csv:3"]),
        (put("bytes.csv", b"arrive,duration,gpus\n0,60,1\n5,\xff\xfe,1\n"), vec!["bytes.csv:3", "UTF-8"]),
        (put("cut.csv.gz", &cut), vec!["cut.csv.gz"]),
    ];
    for (path, said) in cases {
        for what in ["inspect", "fit"] {
            let _ = refused(&["trace", what, word(&path)], &said);
        }
    }
}

#[test]
fn bad_words_are_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = small(dir.path());
    let file = word(&file);
    for (words, said) in [
        (&["trace", "inspect", file, "--format", "phily"][..], "philly"),
        (&["trace", "inspect", file, "--from", "soon"], "115.9d"),
        (&["trace", "inspect", file, "--from", "12"], "a unit is missing"),
        (&["trace", "inspect", file, "--from", "2026-10-05"], "name the time since its start"),
        (&["trace", "inspect", file, "--from", "2d", "--to", "1d"], "ends before it begins"),
        (&["trace", "inspect", file, "--from", "900d"], "none of its 48 jobs"),
        (&["trace", "inspect", file, "--gpus-per-node", "0"], "gpus-per-node"),
        (&["trace", "fit", file, "--name", "no blanks"], "letters, digits"),
        (&["trace", "fit", file, "--to", "2h"], "at least 10 jobs"),
        (&["trace", "inspect", "no/philly.csv", "--format", "philly"], "published at"),
        (&["trace", "format"], "formats"),
        (&["trace"], "Usage"),
    ] {
        let _ = refused(words, &[said]);
    }
}

#[test]
fn formats_are_listed_with_their_columns() {
    let text = fine(&["trace", "formats"]);
    for w in [
        "openb:",
        "philly:",
        "dlrm:",
        "csv:",
        "label.KEY",
        "github.com/alibaba/clusterdata",
        "must ascend",
        "azure-llm:",
        "burstgpt:",
        "mooncake:",
        "hash_ids",
        "HPMLL",
    ] {
        assert!(text.contains(w), "{w}");
    }
}
