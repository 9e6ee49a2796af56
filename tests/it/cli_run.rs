//! The commands, through the binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use fleetcast::formats::{Syntax, parse};
use fleetcast::outcome::Outcome;
use fleetcast::scenario::decode::schema;
use fleetcast::sim::check_conservation;
use fleetcast::units::SourceMap;
use serde_json::Value as Json;

use crate::scenarios::root;

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the binary in a folder, without a data folder of the machine's.
pub fn fleetcast(folder: &Path, args: &[&str]) -> Ran {
    let done = Command::new(env!("CARGO_BIN_EXE_fleetcast"))
        .args(args)
        .current_dir(folder)
        .env_remove("FLEETCAST_DATA")
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    Ran {
        code: done.status.code().unwrap_or(-1),
        out: String::from_utf8(done.stdout).expect("text"),
        err: String::from_utf8(done.stderr).expect("text"),
    }
}

/// Runs the quickstart into `out` of a new folder.
fn quickstart(more: &[&str]) -> (tempfile::TempDir, Ran) {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = fleetcast(folder.path(), &[&["run", "--out", "out"], more].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    (folder, ran)
}

/// Every file below a folder with its bytes, in order.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for e in fs::read_dir(&at).expect("a folder") {
            let path = e.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_string_lossy().replace('\\', "/");
                all.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    all
}

pub fn outcome(text: &str) -> Outcome {
    let mut json: Json = serde_json::from_str(text).expect("JSON");
    assert_eq!(json["schema"], "fleetcast.run/1");
    serde_json::from_value(json["outcome"].take()).expect("an outcome")
}

#[test]
fn the_quickstart_says_what_matters_on_one_screen_and_writes_the_rest() {
    let (folder, ran) = quickstart(&[]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!((10..=25).contains(&lines.len()), "{} lines", lines.len());
    for l in &lines {
        assert!(l.chars().count() <= 100, "{} columns: {l}", l.chars().count());
        assert_eq!(l.trim_end(), *l, "no line ends in spaces");
    }
    for word in ["Bill", "Use", "Jobs", "Pools", "Waste", "Variants", "Try next", "two-fewer-a100"] {
        assert!(ran.out.contains(word), "{word}");
    }
    let all = files(&folder.path().join("out"));
    for name in ["manifest.json", "summary.json", "timeseries.csv", "charges.csv", "jobs.csv"] {
        assert!(all.get(name).is_some_and(|b| !b.is_empty()), "{name}");
    }
    let charts: Vec<&String> = all.keys().filter(|n| n.starts_with("charts/")).collect();
    assert!(charts.len() >= 12, "{charts:?}");
    for name in charts.iter().filter(|n| n.ends_with(".svg")) {
        let stem = name.trim_end_matches(".svg");
        let png = &all[&format!("{stem}.png")];
        // Width and height stand in the header of a PNG.
        assert_eq!(&png[1..4], b"PNG");
        assert_eq!(&png[16..24], [&1920u32.to_be_bytes()[..], &1080u32.to_be_bytes()].concat(), "{stem}");
        assert!(all.contains_key(&format!("{stem}.csv")), "{stem} has its data beside it");
    }
    // Nothing temporary is left, and every file of a variant is there.
    assert!(all.keys().all(|n| !n.contains(".fleetcast-")));
    assert!(all.contains_key("variants/two-fewer-a100.json"));
    let manifest: Json = serde_json::from_slice(&all["manifest.json"]).expect("JSON");
    assert_eq!(manifest["schema"], "fleetcast.manifest/1");
    // The summary, the charges and the jobs are of one run.
    let o = outcome(std::str::from_utf8(&all["summary.json"]).expect("text"));
    check_conservation(&o);
    let rows = String::from_utf8_lossy(&all["charges.csv"]).lines().count();
    assert_eq!(rows, o.charges.len() + 1);
}

#[test]
fn the_same_inputs_give_the_same_bytes_whatever_the_threads() {
    let (first, printed) = quickstart(&[]);
    for more in [&[][..], &["--threads", "1"], &["--threads", "2"]] {
        let (again, ran) = quickstart(more);
        assert_eq!(ran.out, printed.out);
        let (a, b) = (files(&first.path().join("out")), files(&again.path().join("out")));
        assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
        for (name, bytes) in &a {
            assert!(*bytes == b[name], "{name} differs with {more:?}");
        }
    }
    // A second run into the same folder replaces it by the same.
    let before = files(first.path());
    assert_eq!(fleetcast(first.path(), &["run", "--out", "out"]).code, 0);
    assert!(before == files(first.path()));
}

#[test]
fn json_is_the_outcome_of_the_summary() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = fleetcast(folder.path(), &["run", "--json", "--out", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out, fs::read_to_string(folder.path().join("out/summary.json")).expect("a file"));
    let o = outcome(&ran.out);
    assert_eq!((o.scenario.as_str(), o.seed), ("quickstart", 1));
    let other = fleetcast(folder.path(), &["run", "--json", "--no-files", "--seed", "7"]);
    assert_eq!(outcome(&other.out).seed, 7);
    assert_ne!(outcome(&other.out).fingerprint, o.fingerprint);
}

#[test]
fn settings_and_variants_go_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |more: &[&str]| fleetcast(folder.path(), &[&["run", "--json", "--no-files"], more].concat());
    let set = outcome(&run(&["--set", "pools.a100.nodes=6", "--set", "name=six"]).out);
    assert_eq!((set.scenario.as_str(), set.pools[1].nodes_at_start), ("six", 6));
    let variant = outcome(&run(&["--variant", "two-fewer-a100"]).out);
    assert_eq!(variant.variant.as_deref(), Some("two-fewer-a100"));
    assert_eq!(variant.fingerprint, set.fingerprint, "the same settings, the same run");
    for (more, words) in [
        (&["--set", "pools.a10.nodes=6"][..], "did you mean `a100`?"),
        (&["--set", "pools.a100.node=6"], "did you mean `nodes`?"),
        (&["--set", "horizn=1d"], "did you mean `horizon`?"),
        (&["--variant", "two-fewer-a10"], "did you mean `two-fewer-a100`?"),
        (&["--variant", "more"], "its variants: two-fewer-a100, two-fewer-h100"),
    ] {
        let ran = run(more);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{more:?}");
        assert!(ran.err.contains(words), "{more:?}\n{}", ran.err);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "--no-files writes none");
}

#[test]
fn what_the_summary_says_to_try_next_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = fleetcast(folder.path(), &["run"]);
    let next: Vec<&str> = ran.out.lines().skip_while(|l| !l.starts_with("Try next")).collect();
    assert_eq!(next.len(), 3, "{}", ran.out);
    for line in next {
        let line = line.trim_start_matches("Try next").split("    (").next().expect("a first part");
        let words: Vec<&str> = line.split_whitespace().skip_while(|w| *w != "fleetcast").skip(1).collect();
        let ran = fleetcast(folder.path(), &words);
        assert_eq!(ran.code, 0, "{words:?}\n{}", ran.err);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_the_work() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "mine").expect("written");
    for out in ["file", "file/below", "file/below/further"] {
        let ran = fleetcast(folder.path(), &["run", "--out", out]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{out}");
        assert!(ran.err.contains("cannot write") && ran.err.contains("= help:"), "{}", ran.err);
    }
    for file in ["file/my.ron", "my.txt"] {
        let ran = fleetcast(folder.path(), &["init", file]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{file}\n{}", ran.err);
    }
    let left = files(folder.path());
    assert_eq!(left.len(), 1);
    assert_eq!(left["file"], b"mine");
}

#[test]
fn init_writes_what_checks_and_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| fleetcast(folder.path(), args);
    assert_eq!(run(&["init", "my.ron"]).code, 0);
    let text = fs::read_to_string(folder.path().join("my.ron")).expect("a file");
    assert!(text.lines().filter(|l| l.contains("//")).count() > 10, "it is commented");
    let check = run(&["check", "my.ron"]);
    assert_eq!(check.code, 0, "{}", check.err);
    assert!(check.out.starts_with("my.ron: fine: 3 pools, 32 nodes, 200 GPUs"), "{}", check.out);
    // The defaults, each with the reason for it.
    assert!(check.out.contains("defaults taken:"));
    assert!(check.out.lines().any(|l| l.contains("seed") && l.contains("so that runs repeat")), "{}", check.out);
    let quiet = run(&["check", "--quiet", "my.ron"]);
    assert_eq!(quiet.out.lines().count(), 1);
    let ran = run(&["run", "my.ron", "--json", "--no-files"]);
    let embedded = run(&["run", "--json", "--no-files"]);
    assert_eq!(ran.out, embedded.out, "it is the quickstart");
    // What is there is never overwritten.
    let again = run(&["init", "my.ron"]);
    assert_eq!(again.code, 2);
    assert_eq!(fs::read_to_string(folder.path().join("my.ron")).expect("a file"), text);
}

#[test]
fn check_goes_on_after_a_bad_file() {
    let bad = root().join("tests/bad/scenario/unknown-field.ron");
    let good = root().join("tests/good/small.ron");
    let ran = fleetcast(root(), &["check", "--quiet", bad.to_str().expect("text"), good.to_str().expect("text")]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("did you mean `horizon`?") && ran.out.contains("small.ron: fine"),
        "{}{}",
        ran.out,
        ran.err
    );
}

/// A figure as the tables print it: `12,388.73`.
fn figure(text: &str) -> f64 {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("{text} is a number"))
}

#[test]
fn an_explanation_adds_up() {
    let (folder, _) = quickstart(&["--no-variants"]);
    let o = outcome(&fs::read_to_string(folder.path().join("out/summary.json")).expect("a file"));
    let ran = fleetcast(folder.path(), &["explain", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // The column of dollars adds up to the bill, each line rounded to a cent.
    let rows: Vec<(&str, f64)> = ran
        .out
        .lines()
        .filter_map(|l| {
            let words: Vec<&str> = l.split_whitespace().collect();
            let percent = words.iter().position(|w| *w == "%")?;
            let usd = percent - if words[percent - 2] == "<" { 3 } else { 2 };
            Some((words[0], figure(words[usd])))
        })
        .collect();
    let (last, lines) = rows.split_last().expect("rows");
    assert_eq!(last.0, "the");
    assert!((last.1 - o.bill().to_f64()).abs() <= 0.005_000_1);
    let sum: f64 = lines.iter().map(|r| r.1).sum();
    assert!((sum - last.1).abs() <= 0.005 * (lines.len() + 1) as f64, "{sum} {}", last.1);
    // Each line: hours × price is its amount, and the jobs behind it held those hours.
    for c in &o.charges {
        let ran = fleetcast(folder.path(), &["explain", "out", &c.id]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.starts_with(&format!("Charge     {}: {} USD", c.id, c.usd.0)), "{}", ran.out);
        if let Some(l) = ran.out.lines().find(|l| l.contains("GPU-h of the line's")) {
            let parts: Vec<&str> = l.split(" GPU-h of the line's ").collect();
            let jobs = figure(parts[0].rsplit(' ').next().expect("a word"));
            let line = figure(parts[1].split(';').next().expect("a word"));
            assert!((jobs - line).abs() <= 0.1 + line * 1e-6, "{l}");
        }
    }
    let ran = fleetcast(folder.path(), &["explain", "out", "c999"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("fleetcast explain out"), "{}", ran.err);
    for (run, what) in [("nowhere", "no folder"), (".", "no run")] {
        let ran = fleetcast(folder.path(), &["explain", run]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{what}");
    }
}

#[test]
fn the_committed_schema_and_reference_are_those_of_the_types() {
    for (args, file) in
        [(&["schema"][..], "docs/scenario-schema.json"), (&["schema", "--reference"], "docs/scenario-reference.md")]
    {
        let ran = fleetcast(root(), args);
        let committed = fs::read_to_string(root().join(file)).unwrap_or_default().replace("\r\n", "\n");
        assert!(
            ran.out == committed,
            "{file} is not what the types say: run `cargo run --release -- {} > {file}`",
            args.join(" ")
        );
    }
}

/// Checks a value against the part of JSON Schema that ours uses; the path of the first fault.
fn fault(schema: &Json, v: &Json, root: &Json, path: &str) -> Option<String> {
    let wrong = |why: &str| Some(format!("{path}: {why}, found {v}"));
    if let Some(r) = schema.get("$ref").and_then(Json::as_str) {
        let target = root.pointer(r.trim_start_matches('#')).unwrap_or_else(|| panic!("{r} leads somewhere"));
        return fault(target, v, root, path);
    }
    for (key, exactly) in [("oneOf", true), ("anyOf", false)] {
        if let Some(list) = schema.get(key).and_then(Json::as_array) {
            let fits = list.iter().filter(|s| fault(s, v, root, path).is_none()).count();
            if fits == 0 || exactly && fits > 1 {
                let near = list.iter().filter_map(|s| fault(s, v, root, path)).max_by_key(String::len);
                return wrong(&format!("{fits} choices fit ({near:?})"));
            }
        }
    }
    if schema.get("const").is_some_and(|c| c != v) {
        return wrong(&format!("not {}", schema["const"]));
    }
    let is = |t: &str| match t {
        "object" => v.is_object(),
        "array" => v.is_array(),
        "string" => v.is_string(),
        "boolean" => v.is_boolean(),
        "null" => v.is_null(),
        "number" => v.is_number(),
        "integer" => v.is_i64() || v.is_u64(),
        other => panic!("type {other}"),
    };
    match schema.get("type") {
        Some(Json::String(t)) if !is(t) => return wrong(&format!("not of type {t}")),
        Some(Json::Array(ts)) if !ts.iter().any(|t| is(t.as_str().unwrap_or(""))) => {
            return wrong("of no allowed type");
        }
        _ => {}
    }
    if let Some(n) = v.as_f64() {
        let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
        let low = bound("minimum").is_some_and(|m| n < m) || bound("exclusiveMinimum").is_some_and(|m| n <= m);
        if low || bound("maximum").is_some_and(|m| n > m) {
            return wrong("out of bounds");
        }
    }
    if let Some(o) = v.as_object() {
        for name in schema.get("required").and_then(Json::as_array).into_iter().flatten() {
            if !o.contains_key(name.as_str().unwrap_or("")) {
                return wrong(&format!("{name} is missing"));
            }
        }
        for (k, v) in o {
            let below = format!("{path}.{k}");
            let known = schema.get("properties").and_then(|p| p.get(k));
            let found = match (known, schema.get("additionalProperties")) {
                (Some(s), _) => fault(s, v, root, &below),
                (None, Some(Json::Bool(false))) => Some(format!("{below}: not a field")),
                (None, Some(s)) if s.is_object() => fault(s, v, root, &below),
                _ => None,
            };
            if found.is_some() {
                return found;
            }
        }
    }
    if let Some(items) = v.as_array() {
        let size = |key: &str| schema.get(key).and_then(Json::as_u64).map(|n| n as usize);
        if size("minItems").is_some_and(|n| items.len() < n) || size("maxItems").is_some_and(|n| items.len() > n) {
            return wrong("another number of items");
        }
        for (i, v) in items.iter().enumerate() {
            let own = schema.get("prefixItems").and_then(|p| p.get(i)).or(schema.get("items"));
            let found = own.and_then(|s| fault(s, v, root, &format!("{path}[{i}]")));
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

/// A scenario's text as JSON.
fn as_json(file: &Path) -> Json {
    let mut sources = SourceMap::default();
    let id = fleetcast::formats::read_text(file, &mut sources).expect("text");
    let syntax = Syntax::from_path(file).expect("a syntax");
    let mut json = schema::to_json(&parse(id, &sources, syntax).0.expect("a tree"));
    // RON names the whole; JSON begins with its fields.
    if json.get("Scenario").is_some() { json["Scenario"].take() } else { json }
}

#[test]
fn the_schema_accepts_what_loads_and_refuses_what_is_of_the_wrong_form() {
    let schema: Json = serde_json::from_str(&fleetcast(root(), &["schema"]).out).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut n = 0;
    for folder in ["scenarios", "tests/good"] {
        for e in fs::read_dir(root().join(folder)).expect("a folder") {
            let path = e.expect("an entry").path();
            if Syntax::from_path(&path).is_ok() {
                assert_eq!(fault(&schema, &as_json(&path), &schema, ""), None, "{}", path.display());
                n += 1;
            }
        }
    }
    assert!(n >= 10);
    for case in [
        "unknown-field.ron",
        "missing-field.ron",
        "unknown-variant.ron",
        "missing-unit.ron",
        "negative-number.ron",
        "fractional-count.ron",
        "number-in-quotes.ron",
        "mix-with-a-bare-number.ron",
        "island-of-none.ron",
        "unknown-field.json",
        "null.json",
        "unknown-variant.yaml",
    ] {
        let json = as_json(&root().join("tests/bad/scenario").join(case));
        assert!(fault(&schema, &json, &schema, "").is_some(), "{case}");
    }
}

#[test]
fn openb_is_byte_identical_twice_where_its_data_is() {
    let Some(data) = crate::scenarios::data() else { return };
    let scenario = root().join("scenarios/openb.ron");
    let run = |threads: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let args = ["run", scenario.to_str().expect("text"), "--out", "out", "--threads", threads, "--data"];
        let ran = fleetcast(folder.path(), &[&args[..], &[data.to_str().expect("text")]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.lines().count() <= 25 && ran.out.lines().all(|l| l.chars().count() <= 100), "{}", ran.out);
        (ran.out, files(folder.path()))
    };
    assert!(run("1") == run("2"));
}

#[test]
fn without_the_data_openb_says_where_it_is_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = root().join("scenarios/openb.ron");
    let ran = fleetcast(folder.path(), &["run", scenario.to_str().expect("text"), "--data", "nowhere"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    for words in ["nowhere/openb/openb_node_list_gpu_node.csv", "github.com/alibaba/clusterdata", "FLEETCAST_DATA"] {
        assert!(ran.err.contains(words), "{words}\n{}", ran.err);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn a_trace_of_the_run_is_whole_json_whose_stretches_are_the_time_that_jobs_held() {
    let (folder, _) = quickstart(&["--no-variants", "--trace-out", "traces/run.json"]);
    let text = fs::read(folder.path().join("traces/run.json")).expect("the trace");
    let trace: Json = serde_json::from_slice(&text).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("a list");
    let summary = fs::read(folder.path().join("out/summary.json")).expect("the summary");
    let summary: Json = serde_json::from_slice(&summary).expect("JSON");
    let o: Outcome = serde_json::from_value(summary["outcome"].clone()).expect("an outcome");
    let from: u64 = trace["otherData"]["window_start_ns"].as_str().and_then(|s| s.parse().ok()).expect("the start");
    let clipped = |e: &Json| {
        let n = |k: &str| e["args"][k].as_u64().expect("a number");
        let (a, b) = (n("from_ns").max(from), (n("from_ns") + n("ns")).min(from + o.horizon_ns));
        u128::from(b.saturating_sub(a)) * u128::from(n("milli"))
    };
    let told: u128 = events.iter().filter(|e| e["cat"] == "run").map(clipped).sum();
    let held: u128 = o.work.iter().flat_map(|w| &w.activity).map(|a| a.0).sum();
    assert_eq!(told, held);
    // Nothing else is left behind, and a path that cannot be written to fails before the run.
    assert_eq!(files(&folder.path().join("traces")).len(), 1);
    let ran = fleetcast(folder.path(), &["run", "--no-files", "--trace-out", "out/summary.json/trace.json"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("cannot write"), "{}", ran.err);
}
