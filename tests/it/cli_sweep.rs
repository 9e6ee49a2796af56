//! Sweeps through the binary: points, resuming, shards, and what is refused.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value as Json;

use crate::cli_run::{Ran, files, fleetcast, outcome};

/// Two T4 nodes for two days, jobs of an hour: waits depend on the nodes and on luck.
const SCENARIO: &str = r#"Scenario(
  version: 1, name: "small", start: "2026-10-05", horizon: "2d",
  pools: [(name: "t4", instance: "g4dn.12xlarge", region: "us-east-1", nodes: Fixed(2))],
  work: [Jobs(name: "training", arrive: Poisson(per_day: 120), length: Exponential("1h"))],
  variants: [(name: "long", set: ["work.training.length=Exponential(\"2h\")"])],
)"#;

/// 3 × 2 points, 4 replications: 24 runs.
const DESIGN: [&str; 8] = [
    "--axis",
    "pools.t4.nodes=1..3:1",
    "--axis",
    "queue=Fifo,ShortestFirst",
    "--replications",
    "4",
    "--metric",
    "wait.mean",
];

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("small.ron"), SCENARIO).expect("written");
    folder
}

fn sweep(at: &Path, design: &[&str], out: &str, more: &[&str]) -> Ran {
    fleetcast(at, &[&["sweep", "small.ron", "--out", out], design, more].concat())
}

fn fine(ran: &Ran) -> &str {
    assert_eq!(ran.code, 0, "{}", ran.err);
    &ran.out
}

/// What a refusal says; it prints nothing and exits with 2.
fn refused(ran: &Ran) -> &str {
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    &ran.err
}

fn same(a: &Path, b: &Path, why: &str) {
    let (a, b) = (files(a), files(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{why}");
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{name} differs: {why}");
    }
}

fn json(at: &Path) -> Json {
    serde_json::from_slice(&fs::read(at).expect("a file")).expect("JSON")
}

#[test]
fn every_point_has_the_mean_of_runs_that_meet_the_same_luck() {
    let at = folder();
    let ran = sweep(at.path(), &DESIGN, "out", &[]);
    assert!(fine(&ran).contains("6 points of a grid, 4 runs each"), "{}", ran.out);
    assert!(ran.err.contains("6 points × 4 replications: 24 runs"), "{}", ran.err);
    // The command that it names to try next works.
    let next = ran.out.lines().find_map(|l| l.trim().strip_prefix("fleetcast ")).expect("a command");
    let next: Vec<&str> = next.split("    ").next().expect("words").split(' ').chain(["--no-files"]).collect();
    fine(&fleetcast(at.path(), &next));
    let out = files(&at.path().join("out"));
    let names: Vec<&String> = out.keys().collect();
    assert_eq!(
        names,
        [
            "charts/wait.mean.csv",
            "charts/wait.mean.png",
            "charts/wait.mean.svg",
            "points.csv",
            "runs.jsonl",
            "sweep.json"
        ]
    );
    // What a run of the point by itself says is what the sweep has, for the luck of replication 0.
    let lines = String::from_utf8_lossy(&out["runs.jsonl"]).into_owned();
    let rows: Vec<Json> = lines.lines().map(|l| serde_json::from_str(l).expect("a run")).collect();
    let order: Vec<(u64, u64)> =
        rows.iter().map(|r| (r["point"].as_u64().expect("n"), r["replication"].as_u64().expect("n"))).collect();
    assert_eq!(order, (0..6).flat_map(|p| (0..4).map(move |r| (p, r))).collect::<Vec<_>>());
    for (point, set) in [(0, ["pools.t4.nodes=1", "queue=Fifo"]), (3, ["pools.t4.nodes=2", "queue=ShortestFirst"])] {
        let ran = fleetcast(
            at.path(),
            &["run", "small.ron", "--no-files", "--no-variants", "--json", "--set", set[0], "--set", set[1]],
        );
        let alone: Json = serde_json::from_str(fine(&ran)).expect("JSON");
        let metric = alone["metrics"].as_array().expect("a list").iter().find(|m| m["name"] == "wait.mean");
        assert_eq!(metric.expect("the metric")["value"], rows[point * 4]["values"][0]);
        let print = u64::from_str_radix(rows[point * 4]["fingerprint"].as_str().expect("text"), 16).expect("hex");
        assert_eq!(outcome(&ran.out).fingerprint, print);
    }
    // Each row of the table is the mean of its four runs.
    let table = String::from_utf8_lossy(&out["points.csv"]).into_owned();
    let mut table = csv::Reader::from_reader(table.as_bytes());
    let head: Vec<String> = table.headers().expect("a header").iter().map(str::to_owned).collect();
    assert_eq!(
        head,
        ["point", "pools.t4.nodes", "queue", "wait.mean.n", "wait.mean.mean", "wait.mean.low", "wait.mean.high"]
    );
    for (i, row) in table.records().enumerate() {
        let row = row.expect("a row");
        assert_eq!((&row[1], &row[2]), (["1", "2", "3"][i / 2], ["Fifo", "ShortestFirst"][i % 2]));
        let values: Vec<f64> = rows[4 * i..4 * i + 4].iter().map(|r| r["values"][0].as_f64().expect("n")).collect();
        let mean = values.iter().sum::<f64>() / 4.0;
        let s = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
        let near = |k: usize, want: f64| (row[k].parse::<f64>().expect("n") - want).abs() <= 1e-4 * (1.0 + want.abs());
        // t(3; 97.5 %) = 3.18245.
        let half = 3.182_45 * s / 2.0;
        assert!(near(4, mean) && near(5, mean - half) && near(6, mean + half) && &row[3] == "4", "{row:?}");
    }
}

#[test]
fn the_bytes_depend_on_neither_threads_nor_a_second_run() {
    let at = folder();
    fine(&sweep(at.path(), &DESIGN, "one", &["--threads", "1"]));
    fine(&sweep(at.path(), &DESIGN, "two", &["--threads", "3"]));
    same(&at.path().join("one"), &at.path().join("two"), "threads");
    let ran = sweep(at.path(), &DESIGN, "two", &[]);
    assert!(ran.err.contains("24 of them done before"), "{}", ran.err);
    fine(&ran);
    same(&at.path().join("one"), &at.path().join("two"), "again");
}

#[test]
fn a_sweep_cut_short_anywhere_goes_on_to_the_same_bytes() {
    let at = folder();
    fine(&sweep(at.path(), &DESIGN, "whole", &[]));
    let whole = files(&at.path().join("whole"));
    let lines: Vec<&[u8]> = whole["runs.jsonl"].split_inclusive(|b| *b == b'\n').collect();
    assert_eq!(lines.len(), 24);
    // Threads end runs in another order than they begin them.
    let mixed: Vec<u8> = (0..24).flat_map(|i| lines[i * 7 % 24]).copied().collect();
    let ends: Vec<usize> = mixed.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
    let cuts =
        [(0, 0), (1, 0), (ends[0] - 1, 0), (ends[0], 1), (ends[9] + 13, 10), (ends[22] + 5, 23), (mixed.len() - 1, 23)];
    for (i, (bytes, done)) in cuts.into_iter().enumerate() {
        let out = at.path().join(format!("cut-{i}"));
        fs::create_dir_all(out.join("charts")).expect("a folder");
        fs::write(out.join("sweep.json"), &whole["sweep.json"]).expect("written");
        fs::write(out.join("runs.jsonl"), &mixed[..bytes]).expect("written");
        // What a process that died while it wrote leaves behind.
        fs::write(out.join(".fleetcast-x1"), "half").expect("written");
        fs::write(out.join("charts/.fleetcast-x2"), "half").expect("written");
        let ran = sweep(at.path(), &DESIGN, out.to_str().expect("text"), &[]);
        fine(&ran);
        assert_eq!(ran.err.contains(&format!(", {done} of them done before")), done > 0, "{}", ran.err);
        same(&at.path().join("whole"), &out, &format!("cut at {bytes}"));
    }
}

#[test]
fn a_run_that_ended_is_not_run_again() {
    let at = folder();
    fine(&sweep(at.path(), &DESIGN, "out", &[]));
    let path = at.path().join("out/runs.jsonl");
    let lines: Vec<String> = fs::read_to_string(&path).expect("text").lines().map(str::to_owned).collect();
    // A value that no run has stays as it is.
    let first: Json = serde_json::from_str(&lines[0]).expect("JSON");
    let told = lines[0].replace(&first["values"][0].to_string(), "123456.5");
    assert_ne!(told, lines[0]);
    fs::write(&path, format!("{told}\n{}\n", lines[5])).expect("written");
    let ran = sweep(at.path(), &DESIGN, "out", &[]);
    fine(&ran);
    let again: Vec<String> = fs::read_to_string(&path).expect("text").lines().map(str::to_owned).collect();
    assert_eq!((&again[0], &again[1..]), (&told, &lines[1..]));
}

#[test]
fn a_killed_sweep_goes_on_to_the_same_bytes() {
    let at = folder();
    // Long enough that it is killed at work, on any machine.
    let design = ["--axis", "pools.t4.nodes=1..4:1", "--replications", "80", "--metric", "cost.total", "wait.p90"];
    let args = [&["sweep", "small.ron", "--out", "killed", "--threads", "2"], &design[..]].concat();
    let runs = at.path().join("killed/runs.jsonl");
    let count = || fs::read(&runs).map_or(0, |b| b.iter().filter(|b| **b == b'\n').count());
    // Runs until so many lines are there, and is killed; says how many there are then.
    let killed_at = |wanted: usize| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fleetcast"))
            .args(&args)
            .current_dir(at.path())
            .env_remove("FLEETCAST_DATA")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        for _ in 0..60_000 {
            if count() >= wanted || child.try_wait().expect("a child").is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // One that is over already cannot be killed: what counts is what it left.
        let _ = child.kill();
        child.wait().expect("it is over");
        count()
    };
    // On a machine that stalls this process at the wrong moment a sweep gets to its end: then once more.
    let mut before = 0;
    for _ in 0..5 {
        let _ = fs::remove_dir_all(at.path().join("killed"));
        let first = killed_at(3);
        before = killed_at(first + 40);
        if before < 320 {
            assert!(first >= 3 && before >= first + 40, "{first} and {before} runs");
            break;
        }
    }
    assert!(before < 320, "killed at work");
    // As if the last line had been cut by a full disk.
    fs::OpenOptions::new()
        .append(true)
        .open(&runs)
        .and_then(|mut f| f.write_all(b"{\"point\":3,\"re"))
        .expect("written");
    let ran = sweep(at.path(), &design, "killed", &[]);
    fine(&ran);
    assert!(ran.err.contains(&format!("{before} of them done before")), "{}", ran.err);
    fine(&sweep(at.path(), &design, "unbroken", &[]));
    same(&at.path().join("unbroken"), &at.path().join("killed"), "killed twice");
}

fn merge(at: &Path, folders: &[&str], out: &str) -> Ran {
    fleetcast(at, &[&["merge"], folders, &["--out", out]].concat())
}

#[test]
fn shards_put_together_are_the_bytes_of_one_run() {
    let at = folder();
    fine(&sweep(at.path(), &DESIGN, "whole", &[]));
    for of in [1, 3, 5] {
        let names: Vec<String> = (1..=of).rev().map(|i| format!("part-{i}-of-{of}")).collect();
        for (i, name) in (1..=of).rev().zip(&names) {
            let ran = sweep(at.path(), &DESIGN, name, &["--shard", &format!("{i}/{of}")]);
            assert!(fine(&ran).is_empty() && ran.err.contains(&format!("shard {i}/{of}: ")), "{}", ran.err);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let out = format!("all-{of}");
        let ran = merge(at.path(), &names, &out);
        assert!(fine(&ran).contains("6 points of a grid"), "{}", ran.out);
        same(&at.path().join("whole"), &at.path().join(&out), &format!("{of} shards"));
        // Once more over the same, and the whole sweep finds nothing left to do.
        fine(&merge(at.path(), &names, &out));
        let ran = sweep(at.path(), &DESIGN, &out, &[]);
        assert!(fine(&ran).contains("6 points") && ran.err.contains("24 of them done before"), "{}", ran.err);
    }
}

#[test]
fn shards_that_are_not_one_sweep_are_told_apart() {
    let at = folder();
    let shard = |out: &str, part: &str, more: &[&str]| {
        fine(&sweep(at.path(), &DESIGN, out, &[&["--shard", part], more].concat()));
    };
    shard("a", "1/3", &[]);
    shard("b", "2/3", &[]);
    shard("c", "3/3", &[]);
    let says = |folders: &[&str], words: &[&str]| {
        let ran = merge(at.path(), folders, "all");
        for w in words {
            assert!(refused(&ran).contains(w), "{w}\n{}", ran.err);
        }
        assert!(!at.path().join("all").exists());
    };
    says(&["a", "c"], &["of the 3 shards these are missing: 2"]);
    says(&["a", "b", "c", "a"], &["`a` and `a` are both shard 1/3"]);
    says(&["nowhere"], &["there is no sweep in `nowhere`"]);
    shard("seeded", "2/3", &["--seed", "7"]);
    says(&["a", "seeded", "c"], &["`a` and `seeded` are not of the same sweep", "seed: 1 in `a`, 7 in `seeded`"]);
    shard("halves", "2/2", &[]);
    says(&["a", "halves"], &["parts: 3 in `a`, 2 in `halves`"]);
    fine(&sweep(at.path(), &DESIGN, "whole", &[]));
    says(&["whole"], &["`whole` holds a whole sweep, not a shard of one"]);
    // An older version, as its file says.
    let plan = fs::read_to_string(at.path().join("b/sweep.json")).expect("text");
    let now = format!("\"fleetcast\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(plan.contains(&now));
    fs::write(at.path().join("b/sweep.json"), plan.replace(&now, "\"fleetcast\": \"0.0.9\"")).expect("written");
    says(&["a", "b", "c"], &["version: fleetcast 0.1.0 in `a`, fleetcast 0.0.9 in `b`"]);
    fs::write(at.path().join("b/sweep.json"), &plan).expect("written");
    // A run that is missing, and a line that is broken.
    let runs = fs::read_to_string(at.path().join("b/runs.jsonl")).expect("text");
    let cut = runs.trim_end().rfind('\n').expect("lines") + 9;
    fs::write(at.path().join("b/runs.jsonl"), &runs[..cut]).expect("written");
    says(&["a", "b", "c"], &["`b` is not done: 7 of 8 runs have ended"]);
    fs::write(at.path().join("b/runs.jsonl"), runs.replacen("\"point\"", "\"punkt\"", 1)).expect("written");
    says(&["a", "b", "c"], &["`b/runs.jsonl` is damaged: line 1: not a run"]);
    fs::copy(at.path().join("a/runs.jsonl"), at.path().join("b/runs.jsonl")).expect("copied");
    says(&["a", "b", "c"], &["is no run of this folder's design"]);
    fs::write(at.path().join("b/sweep.json"), &plan[..plan.len() / 2]).expect("written");
    says(&["a", "b", "c"], &["cannot read `b/sweep.json`"]);
    // Nothing else is overwritten.
    fs::write(at.path().join("b/sweep.json"), &plan).expect("written");
    fs::write(at.path().join("b/runs.jsonl"), &runs).expect("written");
    let ran = merge(at.path(), &["a", "b", "c"], "seeded");
    assert!(refused(&ran).contains("`seeded` holds another sweep"), "{}", ran.err);
}

#[test]
fn a_folder_of_another_sweep_is_refused_and_what_differs_is_told() {
    let at = folder();
    fine(&sweep(at.path(), &DESIGN, "out", &["--shard", "1/2"]));
    let before = files(&at.path().join("out"));
    let says = |design: &[&str], more: &[&str], words: &[&str]| {
        let ran = sweep(at.path(), design, "out", more);
        for w in [&["`out` holds another sweep"], words].concat() {
            assert!(refused(&ran).contains(w), "{w}\n{}", ran.err);
        }
        assert!(files(&at.path().join("out")) == before, "nothing is touched");
    };
    let part = ["--shard", "1/2"];
    says(&DESIGN, &["--shard", "2/2"], &["part: shard 1/2 there, shard 2/2 here"]);
    says(&DESIGN, &[], &["part: shard 1/2 there, the whole here"]);
    says(&DESIGN, &[&part[..], &["--seed", "9"]].concat(), &["seed: 1 there, 9 here"]);
    says(&DESIGN, &[&part[..], &["--set", "horizon=3d"]].concat(), &["settings: none there, horizon=3d here"]);
    says(&DESIGN, &[&part[..], &["--variant", "long"]].concat(), &["variant: none there, `long` here"]);
    says(
        &DESIGN[..6],
        &[&part[..], &["--metric", "cost.total"]].concat(),
        &["metrics: wait.mean there, cost.total here"],
    );
    says(
        &["--axis", "pools.t4.nodes=1..3:2", "--replications", "4", "--metric", "wait.mean"],
        &part,
        &["axes: pools.t4.nodes=1..3:1 and queue=Fifo,ShortestFirst there, pools.t4.nodes=1..3:2 here"],
    );
    fs::write(at.path().join("small.ron"), SCENARIO.replace("120", "121")).expect("written");
    says(&DESIGN, &part, &["scenario: small ("]);
    fs::write(at.path().join("small.ron"), SCENARIO).expect("written");
    fine(&sweep(at.path(), &DESIGN, "out", &part));
    assert!(files(&at.path().join("out")) == before);
    // A whole line that is no run is not thrown away in silence.
    let runs = at.path().join("out/runs.jsonl");
    fs::write(&runs, [&b"{\"point\": 0}\n"[..], &before["runs.jsonl"]].concat()).expect("written");
    let ran = sweep(at.path(), &DESIGN, "out", &part);
    assert!(refused(&ran).contains("`out/runs.jsonl` is damaged: line 1: not a run"), "{}", ran.err);
    fs::remove_file(at.path().join("out/sweep.json")).expect("removed");
    let ran = sweep(at.path(), &DESIGN, "out", &part);
    assert!(refused(&ran).contains("there is no sweep.json beside it"), "{}", ran.err);
}

#[test]
fn a_folder_that_another_process_works_in_is_left_alone() {
    let at = folder();
    fine(&sweep(at.path(), &DESIGN, "out", &[]));
    let file = fs::File::open(at.path().join("out/runs.jsonl")).expect("a file");
    file.lock().expect("a lock");
    let ran = sweep(at.path(), &DESIGN, "out", &[]);
    assert!(refused(&ran).contains("another process is at work in it"), "{}", ran.err);
    file.unlock().expect("unlocked");
    fine(&sweep(at.path(), &DESIGN, "out", &[]));
}

#[test]
fn a_data_file_with_other_bytes_is_another_sweep() {
    let at = tempfile::tempdir().expect("a folder");
    for f in ["replay.ron", "jobs.csv"] {
        fs::copy(Path::new("tests/good").join(f), at.path().join(f)).expect("copied");
    }
    let args = ["sweep", "replay.ron", "--axis", "queue=Fifo,SkipAhead", "--metric", "cost.total", "--out", "out"];
    fine(&fleetcast(at.path(), &args));
    let inputs = json(&at.path().join("out/sweep.json"))["inputs"].clone();
    assert!(inputs[0]["file"] == "jobs.csv" && inputs[0]["sha256"].as_str().is_some_and(|s| s.len() == 64), "{inputs}");
    let text = fs::read_to_string(at.path().join("jobs.csv")).expect("text");
    fs::write(at.path().join("jobs.csv"), text + "\n").expect("written");
    let ran = fleetcast(at.path(), &args);
    assert!(refused(&ran).contains("data files: jobs.csv ("), "{}", ran.err);
}

#[test]
fn all_that_is_wrong_is_told_before_anything_is_run() {
    let at = folder();
    let says = |args: &[&str], words: &[&str]| {
        let ran = fleetcast(at.path(), &[&["sweep", "small.ron"], args].concat());
        for w in words {
            assert!(refused(&ran).contains(w), "{w}\n{}", ran.err);
        }
        assert!(!at.path().join("fleetcast-out").exists(), "no folder is made");
    };
    says(&[], &["a sweep needs an axis"]);
    says(
        &["--axis", "pools.t4.nods=1,2", "--axis", "work.trainig.length=Constant(\"1h\")", "--metric", "cost.totl"],
        &["did you mean `training`?", "did you mean `cost.total`?", "this comes from every point of the sweep"],
    );
    says(&["--axis", "pools.t4.nods=1,2"], &["unknown field `nods`", "did you mean `nodes`?"]);
    // One fault a point, each with its point.
    says(
        &["--axis", "pools.t4.nodes=0,1,x", "--axis", "queue=Fifo,Fofo"],
        &[
            "this comes from the point pools.t4.nodes=0, queue=Fifo",
            "queue=Fofo",
            "pools.t4.nodes=x",
            "did you mean `Fifo`?",
        ],
    );
    says(&["--axis", "pools.t4.nodes=1..4"], &["the range 1..4 has no step", "--latin"]);
    says(&["--axis", "pools.t4.nodes=4..1:1"], &["ends before it begins"]);
    says(&["--axis", "pools.t4.nodes=1,1"], &["has the value 1 twice"]);
    says(&["--axis", "pools.t4.nodes=1", "--shard", "4/3"], &["3 shards are numbered from 1 to 3"]);
    says(&["--axis", "pools.t4.nodes=1", "--shard", "0/3"], &["3 shards are numbered from 1 to 3"]);
    says(&["--axis", "pools.t4.nodes=1", "--shard", "x"], &["write I/N"]);
    says(&["--axis", "pools.t4.nodes=1", "--design", "none.ron"], &["none.ron"]);
    says(&["--axis", "pools.t4.nodes=1", "--variant", "lang"], &["did you mean `long`?"]);
    fs::write(at.path().join("bad.ron"), "Design(axes: [(set: \"queue\", too: [\"Fifo\"])])").expect("written");
    says(&["--design", "bad.ron"], &["unknown field `too`", "bad.ron:1"]);
    fs::write(at.path().join("file"), "").expect("written");
    let ran = sweep(at.path(), &DESIGN, "file/out", &[]);
    assert!(refused(&ran).contains("cannot write"), "{}", ran.err);
}

#[test]
fn a_design_in_a_file_is_the_one_on_the_command_line() {
    let at = folder();
    let file = r#"Design(
      axes: [(set: "pools.t4.nodes", to: ["1..3:1"]), (set: "queue", to: ["Fifo", "ShortestFirst"])],
      replications: 4, metrics: ["wait.mean"],
    )"#;
    fs::write(at.path().join("design.ron"), file).expect("written");
    fine(&sweep(at.path(), &["--design", "design.ron"], "file", &[]));
    fine(&sweep(at.path(), &DESIGN, "line", &[]));
    same(&at.path().join("line"), &at.path().join("file"), "the same design");
}

#[test]
fn a_latin_hypercube_has_each_value_as_often_and_depends_on_the_seed() {
    let at = folder();
    let design =
        ["--axis", "pools.t4.nodes=1..3", "--axis", "work.training.length=Constant(\"30m..2h\")", "--latin", "6"];
    let run = |out: &str, more: &[&str]| -> Vec<Json> {
        let ran = sweep(at.path(), &design, out, &[&["--metric", "cost.total", "--json"], more].concat());
        let result: Json = serde_json::from_str(fine(&ran)).expect("JSON");
        assert_eq!(result["schema"], "fleetcast.sweep-result/1");
        assert_eq!(result["best"]["ranking"].as_array().map(Vec::len), Some(6));
        result["points"].as_array().expect("a list").iter().map(|p| p["values"].clone()).collect()
    };
    let one = run("one", &[]);
    for n in ["1", "2", "3"] {
        assert_eq!(one.iter().filter(|v| v[0] == n).count(), 2, "{one:?}");
    }
    assert_eq!(one, run("two", &[]));
    assert_ne!(one, run("three", &["--seed", "2"]));
    same(&at.path().join("one"), &at.path().join("two"), "the same seed");
}

#[test]
fn the_examples_of_help_are_there() {
    let at = folder();
    for (command, words) in
        [("sweep", "--axis pools.t4.nodes=4..16:2"), ("merge", "fleetcast merge part-1 part-2 --out all")]
    {
        assert!(fine(&fleetcast(at.path(), &[command, "--help"])).contains(words));
    }
}
