//! `fleetcast compare`, through the binary: the policy repository of the examples, gates, stored baselines, bad input.

use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;

use crate::cli_run::{Ran, fleetcast};
use crate::scenarios::root;

fn example() -> PathBuf {
    root().join("examples/policy-repo")
}

/// Runs `compare` in the example's folder.
fn compare(args: &[&str]) -> Ran {
    fleetcast(&example(), &[&["compare"], args].concat())
}

#[test]
fn what_saves_passes_what_breaks_is_named_and_too_few_runs_are_inconclusive() {
    let saves = compare(&["baseline.ron", "saves.ron", "--gates", "gates.ron"]);
    assert_eq!((saves.code, saves.err.as_str()), (0, ""), "{}", saves.out);
    assert!(saves.out.contains("same work, less money") && saves.out.contains("4 gates hold"), "{}", saves.out);
    let breaks = compare(&["baseline.ron", "breaks.ron", "--gates", "gates.ron"]);
    assert_eq!(breaks.code, 1, "{}", breaks.err);
    assert!(breaks.out.contains("BROKEN  slo.experiments.wait < 95%"), "{}", breaks.out);
    assert!(breaks.out.contains("research was promised"), "a broken gate says why it is there");
    for few in ["1", "2"] {
        let ran = compare(&["baseline.ron", "saves.ron", "--gates", "gates.ron", "--replications", few]);
        assert_eq!(ran.code, 3, "{}", ran.out);
        assert!(ran.out.contains("inconclusive  slo.experiments.wait < 95%"), "{}", ran.out);
    }
    // What is broken outweighs what is inconclusive, and one candidate the other.
    let both = compare(&["baseline.ron", "saves.ron", "breaks.ron", "--gates", "gates.ron", "--replications", "4"]);
    assert_eq!(both.code, 1, "{}", both.out);
    assert!(both.out.contains("saves.ron beside baseline.ron") && both.out.contains("breaks.ron beside baseline.ron"));
}

#[test]
fn every_output_is_the_same_at_any_number_of_threads_and_the_splits_add_up() {
    let out = tempfile::tempdir().expect("a folder");
    let at = |f: &str| out.path().join(f).display().to_string();
    let run = |threads: &str| {
        let (md, xml) = (at("c.md"), at("c.xml"));
        let files = ["--markdown", &md, "--junit", &xml, "--json", "--reprice", "--threads", threads];
        let ran = compare(&[&["baseline.ron", "breaks.ron", "--gates", "gates.ron"], &files[..]].concat());
        assert_eq!(ran.code, 1, "{}", ran.err);
        (ran.out, fs::read_to_string(md).expect("Markdown"), fs::read_to_string(xml).expect("JUnit"))
    };
    let (json, md, xml) = run("1");
    assert!((json.clone(), md.clone(), xml.clone()) == run("3"), "threads change nothing");
    assert!(md.starts_with("<!-- fleetcast:compare:policy-repo -->\n") && md.contains("**broken**"), "{md}");
    assert!(xml.contains("failures=\"2\"") && xml.contains("name=\"slo.experiments.wait &lt; 95%\""), "{xml}");

    let json: Json = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["schema"], &json["held"]), (&"fleetcast.compare/1".into(), &"broken".into()));
    let c = &json["comparisons"][0];
    let pico = |v: &Json| -> i128 { v.as_str().expect("money").parse::<fleetcast::units::Usd>().expect("dollars").0 };
    for split in ["by_activity", "by_pool", "by_workload", "by_pool_and_activity"] {
        let parts = c["why"][split].as_array().expect("a list");
        let sum: i128 = parts.iter().map(|p| pico(&p["change"])).sum();
        assert_eq!(sum, pico(&c["why"]["total"]["change"]), "{split}");
    }
    // Six of eight nodes at 5.60 USD an hour for a week, 32 runs.
    assert_eq!(pico(&c["why"]["total"]["change"]), -2 * 5_600_000_000_000 * 168 * 32);
    // The prices are the same: all of it is behaviour.
    assert_eq!(pico(&c["reprice"]["price"]), 0);
    assert_eq!(c["reprice"]["behaviour"], c["why"]["total"]["change"]);
    let cost = c["metrics"].as_array().expect("a list").iter().find(|m| m["name"] == "cost.total").expect("the bill");
    assert_eq!((&cost["verdict"], &cost["pairs"]), (&"better".into(), &32.into()));
}

#[test]
fn settings_and_variants_of_one_file_are_compared_and_a_scenario_with_itself_is_the_same() {
    let cheap = compare(&[
        "baseline.ron",
        "--set",
        "pools.a10g.price=PerGpu(\"0.70 USD/h\")",
        "--reprice",
        "--replications",
        "3",
    ]);
    assert_eq!(cheap.code, 0, "{}", cheap.err);
    assert!(cheap.out.contains("Cost -50.0 %") && cheap.out.contains("same work, less money"), "{}", cheap.out);
    assert!(cheap.out.contains("other behaviour, at the base's prices    0"), "{}", cheap.out);
    // On the same footing in both, nothing differs.
    let both = compare(&[
        "baseline.ron",
        "--set-all",
        "pools.a10g.nodes=6",
        "--set",
        "pools.a10g.nodes=6",
        "--replications",
        "2",
    ]);
    assert!(both.out.contains("same work, same money"), "{}", both.out);

    let folder = tempfile::tempdir().expect("a folder");
    let text = fs::read_to_string(example().join("baseline.ron")).expect("the base");
    let end = text.rfind(')').expect("its end");
    let variants = "  variants: [(name: \"six\", set: [\"pools.a10g.nodes=6\"]), (name: \"nine\", set: [\"pools.a10g.nodes=9\"])],\n)\n";
    fs::write(folder.path().join("v.ron"), format!("{}{variants}", &text[..end])).expect("written");
    let all = fleetcast(folder.path(), &["compare", "v.ron", "--replications", "2"]);
    assert!(all.out.contains("six beside v.ron") && all.out.contains("nine beside v.ron"), "{}{}", all.out, all.err);
    let one = fleetcast(folder.path(), &["compare", "v.ron", "--variant", "nine", "--replications", "2"]);
    assert!(one.out.contains("nine beside v.ron") && !one.out.contains("six"), "{}", one.out);
}

#[test]
fn a_stored_base_gives_what_running_it_gives() {
    let out = tempfile::tempdir().expect("a folder");
    let file = out.path().join("base.json").display().to_string();
    let saved = compare(&["baseline.ron", "--save-baseline", &file, "--replications", "8"]);
    assert_eq!((saved.code, saved.out.as_str()), (0, ""), "{}", saved.err);
    let json = |ran: Ran| -> Json { serde_json::from_str(&ran.out).expect("JSON") };
    let stored = json(compare(&["--baseline", &file, "saves.ron", "--reprice", "--json"]));
    let run = json(compare(&["baseline.ron", "saves.ron", "--reprice", "--json", "--replications", "8"]));
    assert_eq!(stored["comparisons"], run["comparisons"]);
    assert_eq!(stored["base"]["stored"].as_str(), Some(file.as_str()));

    // Other numbers than are stored, a file that was cut short, one that was changed.
    for (args, message) in [
        (&["--replications", "9"][..], "has a number of runs of 8, and 9 is asked for"),
        (&["--seed", "2"], "has the seed 1, and 2 is asked for"),
        (&["--set", "horizon=3d"], "has a horizon of 3d, and the base of 7d"),
    ] {
        let ran = compare(&[&["--baseline", &file, "saves.ron"], args].concat());
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert!(ran.err.contains(message), "{}", ran.err);
    }
    let text = fs::read_to_string(&file).expect("the base");
    for (bent, message) in [
        (text[..text.len() / 2].to_owned(), "ends too early"),
        (text.replacen("\"seed\": 1", "\"seed\": 3", 1), "was changed after it was written"),
        (String::new(), "ends too early"),
    ] {
        fs::write(&file, bent).expect("written");
        let ran = compare(&["--baseline", &file, "saves.ron"]);
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert!(ran.err.contains(message), "{}", ran.err);
    }
}

#[test]
fn bad_input_is_told_with_its_place_before_the_runs() {
    for (args, messages) in [
        (
            &["baseline.ron", "saves.ron", "--fail-on", "cost.totla > +2%"][..],
            &["there is no metric `cost.totla`", "did you mean `cost.total`?", "--fail-on:1:1"][..],
        ),
        (
            &["baseline.ron", "saves.ron", "--fail-on", "slo.experimnets.wait < 95%"],
            &["did you mean `slo.experiments.wait`?"],
        ),
        (&["baseline.ron", "saves.ron", "--fail-on", "cost.total > 2%"], &["`cost.total` is in USD", "+2%"]),
        (&["baseline.ron", "saves.ron", "--fail-on", "cost.total"], &["neither `<` nor `>`"]),
        (&["baseline.ron", "--set", "horizon=3d"], &["has a horizon of 3d, and the base of 7d", "--set-all"]),
        (&["baseline.ron"], &["there is nothing to compare the scenario with"]),
        (&["baseline.ron", "saves.ron", "--variant", "x"], &["--variant goes with one scenario"]),
        (&["baseline.ron", "nowhere.ron"], &["nowhere.ron"]),
        (&["baseline.ron", "saves.ron", "--gates", "saves.ron"], &["saves.ron:"]),
        (&["baseline.ron", "saves.ron", "--markdown", "."], &["is not the name of a file"]),
    ] {
        let ran = compare(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.out);
        assert_eq!(ran.out, "", "{args:?}");
        for m in messages {
            assert!(ran.err.contains(m), "{args:?}: {}", ran.err);
        }
    }
}

#[test]
fn faults_of_a_gates_file_are_told_together_with_their_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let gates = folder.path().join("g.ron");
    fs::write(
        &gates,
        "Gates(\n  version: 1,\n  gates: [\n    (metric: \"cost.total\", abvoe: \"+2%\"),\n    (metric: \"jobs.done\", below: \"few\"),\n  ],\n)\n",
    )
    .expect("written");
    let file = gates.display().to_string();
    let ran = compare(&["baseline.ron", "saves.ron", "--gates", &file]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    for m in ["g.ron:4", "abvoe", "above", "g.ron:5", "`few` is not the limit of a gate"] {
        assert!(ran.err.contains(m), "{m}: {}", ran.err);
    }
    fs::write(&gates, "Gates(version: 1, gates: [(metric: \"jobs.doen\", below: \"-1%\")])").expect("written");
    let ran = compare(&["baseline.ron", "saves.ron", "--gates", &file]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("did you mean `jobs.done`?") && ran.err.contains("g.ron:1"), "{}", ran.err);
}
