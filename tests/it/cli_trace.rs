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
    for w in ["openb:", "philly:", "dlrm:", "csv:", "label.KEY", "github.com/alibaba/clusterdata", "must ascend"] {
        assert!(text.contains(w), "{w}");
    }
}
