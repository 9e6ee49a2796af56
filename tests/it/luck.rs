//! Replications and curves, through the binary.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::cli_run::{Ran, fleetcast};

/// One node that fails once an hour, a day of work, checkpoints: its mean makespan is known in closed form.
const SCENARIO: &str = r#"Scenario(
  version: 1, name: "day", start: "2026-10-01", horizon: "10d", ends_with_work: true, replications: 30,
  pools: [(
    name: "node", device: "H100", nodes: 1, gpus: 1, cpus: 8, memory: "64GiB", price: PerGpu("3 USD/h"),
    hardware: (gpu_hours_per_failure: 1, reboot_share: "100%", reboot: Constant("10m"), billed: true),
  )],
  work: [Training(
    name: "run", gpus: 1, work: Time("24h"),
    checkpoint: (every: "10m", size: "1GB", write: "30s"),
    restart: Stages(
      read: Constant("5m"), detect: Constant("0s"), cleanup: Constant("0s"), driver: Constant("0s"), image: Cached,
      init: Constant("0s"), warm_up: Constant("0s"),
    ),
  )],
  variants: [(name: "slow-read", set: ["work.run.restart.read=Constant(\"10m\")"])],
  curves: [(name: "interval", set: "work.run.checkpoint.every", to: ["4m", "10m", "30m"], replications: 10)],
)"#;

fn run(folder: &Path, more: &[&str]) -> Ran {
    fs::write(folder.join("day.ron"), SCENARIO).expect("written");
    let ran = fleetcast(folder, &[&["run", "day.ron", "--out", "out"], more].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join("out").join(name)).expect(name)
}

#[test]
fn replications_and_curves_are_told_written_and_the_same_at_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run(folder.path(), &[]);
    assert!(ran.out.contains("30 runs of each") && ran.out.contains("slow-read: finish P50"), "{}", ran.out);
    let files = [
        "luck.json",
        "summary.json",
        "replications.csv",
        "curves.csv",
        "charts/curve-interval.svg",
        "charts/finishes.svg",
    ];
    let first = files.map(|f| read(folder.path(), f));
    run(folder.path(), &["--threads", "1"]);
    assert!(first == files.map(|f| read(folder.path(), f)), "threads change nothing");

    let luck: Json = serde_json::from_str(&first[0]).expect("JSON");
    assert_eq!(luck["schema"], "fleetcast.luck/1");
    assert_eq!(luck["candidates"][1]["variant"], "slow-read");
    let makespan = &luck["candidates"][0]["luck"]["work"][0]["makespan"];
    assert_eq!((&makespan["finished"], &makespan["beyond"]), (&Json::from(30), &Json::from(0)));
    // 2094.54 minutes in the mean, ± 4 · 124.1 / √30.
    let mean = makespan["mean"]["mean"].as_f64().expect("a number") / 60.0;
    assert!((mean - 2_094.54).abs() < 4.0 * 124.1 / 30_f64.sqrt(), "{mean}");
    let summary: Json = serde_json::from_str(&first[1]).expect("JSON");
    assert_eq!(summary["luck"], luck["candidates"][0]["luck"]);
    assert_eq!(first[2].lines().count(), 1 + 2 * 30);
    assert_eq!(first[3].lines().count(), 1 + 2 * 3);
}

#[test]
fn the_command_line_says_how_often_and_a_single_run_says_nothing_of_luck() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run(folder.path(), &["--replications", "1", "--no-curves", "--no-variants"]);
    assert!(!ran.out.contains("Luck"), "{}", ran.out);
    assert!(!folder.path().join("out/luck.json").exists() && !folder.path().join("out/curves.csv").exists());
    let ran =
        fleetcast(folder.path(), &["run", "day.ron", "--no-files", "--no-variants", "--replications", "3", "--json"]);
    let json: Json = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(json["luck"]["n"], 3);
    assert_eq!(fleetcast(folder.path(), &["run", "day.ron", "--replications", "0"]).code, 2);
}

#[test]
fn runs_in_which_nothing_is_drawn_are_said_to_be_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let hardware = SCENARIO.lines().find(|l| l.contains("hardware:")).expect("it has one");
    let sure = SCENARIO.replace(hardware, "").replace("replications: 30", "replications: 3");
    fs::write(folder.path().join("sure.ron"), sure).expect("written");
    let words = ["run", "sure.ron", "--no-files", "--no-curves"];
    let said = fleetcast(folder.path(), &words).out;
    // Once for the scenario and its variant together.
    assert_eq!(said.matches("event for event").count(), 1, "{said}");
    let json = fleetcast(folder.path(), &[&words[..], &["--json"]].concat()).out;
    let json: Json = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["luck"]["alike"], true);
    // With failures luck has its say.
    let said = run(folder.path(), &["--replications", "3", "--no-curves"]).out;
    assert!(said.contains("Luck") && !said.contains("event for event"), "{said}");
}
