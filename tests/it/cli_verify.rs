//! `fleetcast verify`.

use crate::cli_bin::{fine, fleetcast, refused};
use fleetcast::verify::SUITES;
use serde_json::Value;

#[test]
fn the_list_names_every_suite() {
    let table = fine(&["verify", "--list"]);
    assert_eq!(table.lines().count(), SUITES.len() + 1);
    for s in SUITES {
        assert!(table.lines().any(|l| l.starts_with(s.name) && l.ends_with(s.about)), "{table}");
    }
    let lines = fine(&["verify", "--list", "--json"]);
    let first: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("an object");
    assert_eq!(first["suite"], SUITES[0].name);
}

#[test]
fn json_is_a_line_a_case_and_the_exit_code_goes_by_the_verdicts() {
    // Two replications of each queue: little enough to be quick, deterministic in any case.
    let words = ["verify", "queues", "queues", "--seeds", "2", "--json"];
    let said = fleetcast(&words);
    let lines: Vec<Value> = said.out.lines().map(|l| serde_json::from_str(l).expect("an object")).collect();
    // Named twice, run once: M/M/1 and M/D/1 at two loads, M/M/8, M/M/32.
    assert_eq!(lines.len(), 6);
    for l in &lines {
        let keys: Vec<&str> = l.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["suite", "case", "published", "ours", "tolerance", "verdict"]);
        assert_eq!(l["suite"], "queues");
        let n = |k: &str| l[k].as_f64().expect("a number");
        let within = (n("ours") - n("published")).abs() <= n("tolerance");
        assert_eq!(l["verdict"], if within { "pass" } else { "fail" });
    }
    let failed = lines.iter().any(|l| l["verdict"] == "fail");
    assert_eq!((said.code, said.err.as_str()), (i32::from(failed), ""));
    // M/M/1 at 80 %: rho / (1 - rho) service times of an hour.
    assert!((lines[1]["published"].as_f64().expect("a number") - 4.0).abs() < 1e-9);
}

#[test]
fn bad_words_are_refused_before_anything_runs() {
    let _ = refused(&["verify", "quues"], &["there is no suite `quues`", "did you mean `queues`?"]);
    let err = refused(&["verify", "queues", "nonsense", "rubbish"], &["`nonsense`", "`rubbish`", "verify --list"]);
    assert!(!err.contains("did you mean"), "{err}");
    let _ = refused(&["verify", "--seeds", "0"], &["--seeds"]);
    let _ = refused(&["verify", "--trace", "some.csv"], &["SUITE"]);
    let _ = refused(&["verify", "--list", "--timing"], &["--timing"]);
}

#[test]
fn help_teaches() {
    let text = fine(&["verify", "--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
    for w in ["Examples:", "--timing", "never changes the exit code", "skipped"] {
        assert!(text.contains(w), "{w}");
    }
}

#[test]
fn cases_of_ones_own_are_run_after_the_published_ones() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let case = |id: &str, replicas: u32| {
        format!("RateLimit(id: \"{id}\", current: 10, wanted: 50, max_replicas: 99, expect: (replicas: {replicas}))")
    };
    let (good, wrong) = (
        file("good.ron", &format!("(cases: [{}])", case("mine", 20))),
        file("wrong.ron", &format!("(cases: [{}])", case("theirs", 21))),
    );
    let published = fine(&["verify", "autoscalers", "--json"]);
    let with = fine(&["verify", "autoscalers", "--json", "--cases", &good]);
    let own = with.strip_prefix(&published).expect("the published ones first");
    let line: Value = serde_json::from_str(own).expect("one object");
    assert_eq!((&line["case"], &line["verdict"]), (&"mine".into(), &"pass".into()));
    let said = fleetcast(&["verify", "autoscalers", "--cases", &good, &wrong]);
    assert_eq!(said.code, 1);
    assert!(said.out.lines().any(|l| l.starts_with("theirs") && l.ends_with("FAIL")), "{}", said.out);
    // Bad files: all that is wrong, with its place.
    let bad = file(
        "bad.ron",
        "(cases: [\n    RateLimit(id: \"a\", current: 10, wanted: 50, max_replica: 99, expect: ()),\n])",
    );
    let err = refused(
        &["verify", "autoscalers", "--cases", &bad],
        &["bad.ron:2", "did you mean `max_replicas`?", "missing field"],
    );
    assert!(!err.contains("panic"), "{err}");
    let _ = refused(&["verify", "autoscalers", "--cases", "/nowhere/x.ron"], &["/nowhere/x.ron"]);
    let _ = refused(&["verify", "queues", "--cases", &good], &["--cases", "autoscalers"]);
    let _ = refused(&["verify", "--cases", &good], &["SUITE"]);
}

#[test]
fn mig_cases_of_ones_own_are_run_after_the_published_ones() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let case = |layouts: u32| {
        let expect = format!("(layouts: {layouts})");
        format!(
            "(cases: [Grid(id: \"mine\", grid: Device(\"A30\"), profiles: [\"1g\", \"2g\", \"4g\"], expect: {expect})])"
        )
    };
    let published = fine(&["verify", "mig", "--json"]);
    let with = fine(&["verify", "mig", "--json", "--cases", &file("good.ron", &case(26))]);
    let own = with.strip_prefix(&published).expect("the published ones first");
    let line: Value = serde_json::from_str(own).expect("one object");
    assert_eq!((&line["case"], &line["verdict"]), (&"mine layouts".into(), &"pass".into()));
    assert_eq!(fleetcast(&["verify", "mig", "--cases", &file("wrong.ron", &case(27))]).code, 1);
    let bad = file("bad.ron", "(cases: [\n    Grid(id: \"a\", grid: Device(\"A3O\"), expect: (layouts: 1)),\n])");
    let _ = refused(&["verify", "mig", "--cases", &bad], &["bad.ron:2", "did you mean `A30`?"]);
    let _ = refused(&["verify", "mig", "autoscalers", "--cases", &bad], &["different forms"]);
}

#[test]
fn controller_cases_of_ones_own_are_run_after_the_published_ones() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let case = |third: u32| format!("(cases: [CaBalance(id: \"mine\", groups: [(1, 9)], add: 2, expect: [{third}])])");
    let published = fine(&["verify", "controllers", "--json"]);
    let with = fine(&["verify", "controllers", "--json", "--cases", &file("good.ron", &case(3))]);
    let own = with.strip_prefix(&published).expect("the published ones first");
    let line: Value = serde_json::from_str(own).expect("one object");
    assert_eq!((&line["case"], &line["verdict"]), (&"mine group 1".into(), &"pass".into()));
    assert_eq!(fleetcast(&["verify", "controllers", "--cases", &file("wrong.ron", &case(4))]).code, 1);
    let bad = file("bad.ron", "(cases: [\n    CaBalance(id: \"a\", group: [(1, 9)], add: 2, expect: [3]),\n])");
    let _ = refused(&["verify", "controllers", "--cases", &bad], &["bad.ron:2", "did you mean `groups`?"]);
    let _ = refused(&["verify", "controllers", "mig", "--cases", &bad], &["different forms"]);
}
