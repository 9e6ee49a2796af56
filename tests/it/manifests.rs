//! Kubernetes manifests: what is told of bad ones, that every lint is seen, that the example runs as it is.
//!
//! A new case is a file in `tests/bad/manifests`; `INSTA_UPDATE=always cargo test --test it manifests` writes its
//! snapshot, which is to be read before it is committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fleetcast::formats::{Syntax, render};
use fleetcast::manifest::files::{matching, read_files};
use fleetcast::manifest::lint::LINTS;
use fleetcast::manifest::{Findings, Manifests, lint, read};
use fleetcast::outcome::Silent;
use fleetcast::sim::{check_conservation, simulate};
use fleetcast::units::SourceMap;
use proptest::prelude::*;

use crate::cli_run::fleetcast;
use crate::scenarios::{load_file, load_text, root};

fn cases() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir("tests/bad/manifests").unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    all.sort();
    all
}

/// Reads and lints files.
fn linted(paths: &[PathBuf]) -> (Manifests, Findings, SourceMap) {
    let (mut sources, mut all, mut findings) = (SourceMap::default(), Manifests::default(), Findings::default());
    read_files(paths, &mut sources, &mut all, &mut findings);
    lint(&all, &mut findings);
    (all, findings, sources)
}

#[test]
fn a_bad_manifest_is_told_with_place_and_remedy() {
    for path in cases() {
        let case = path.file_name().unwrap().to_string_lossy().into_owned();
        let ran = fleetcast(root(), &["lint", path.to_str().unwrap()]);
        assert!(!ran.err.is_empty(), "{case}");
        for line in ran.err.lines().filter(|l| l.starts_with("error: ") || l.starts_with("warning: ")) {
            assert!(!line.ends_with('.'), "{case}: {line}");
        }
        let text = format!("{}\n{}exit {}\n", ran.err, ran.out, ran.code);
        insta::with_settings!({
            snapshot_path => "../bad/snapshots/manifests",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(case, text) });
    }
}

#[test]
fn every_snapshot_has_its_case() {
    let have: Vec<String> =
        cases().iter().map(|p| format!("{}.snap", p.file_name().unwrap().to_string_lossy())).collect();
    for e in fs::read_dir("tests/bad/snapshots/manifests").unwrap() {
        let name = e.unwrap().file_name().to_string_lossy().into_owned();
        assert!(have.contains(&name) || name.ends_with(".new"), "{name} has no case");
    }
}

/// Each lint of the table is found in some case, with the severity of the table, and stands in the documents.
#[test]
fn every_lint_is_seen_and_documented() {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for path in cases() {
        for f in linted(&[path]).1.list {
            if let Some(l) = LINTS.iter().find(|l| l.id == f.id) {
                assert_eq!(l.severity, f.diagnostic.severity, "{}", l.id);
                assert!(f.diagnostic.at.is_some() && !f.diagnostic.help.is_empty(), "{}", l.id);
                seen.insert(l.id);
            }
        }
    }
    let docs = fs::read_to_string("docs/manifests.md").unwrap();
    for l in LINTS {
        assert!(seen.contains(l.id), "no case shows {}", l.id);
        assert!(docs.contains(&format!("| `{}` |", l.id)), "docs/manifests.md does not list {}", l.id);
    }
}

/// Exit codes of `lint`: 0 for warnings, 1 for refusals and for `--deny-warnings`, 2 for what cannot be read.
#[test]
fn the_exit_code_says_how_bad_it_is() {
    let code = |args: &[&str]| fleetcast(root(), &[&["lint"], args].concat()).code;
    assert_eq!(code(&["tests/bad/manifests/not-modelled.yaml"]), 0);
    assert_eq!(code(&["tests/bad/manifests/not-modelled.yaml", "--deny-warnings"]), 1);
    assert_eq!(code(&["tests/bad/manifests/lint-kueue.yaml"]), 1);
    assert_eq!(code(&["tests/bad/manifests/bad-quantity.yaml"]), 2);
    assert_eq!(code(&["tests/bad/manifests/no-such-file.yaml"]), 2);
    assert_eq!(code(&["Cargo.toml"]), 2);
    let all = fleetcast(root(), &["lint", "--json", "tests/bad/manifests"]);
    assert_eq!(all.code, 2);
    let json: serde_json::Value = serde_json::from_str(&all.out).unwrap();
    let first = &json["findings"][0];
    assert!(first["at"]["line"].is_u64() && first["at"]["column"].is_u64() && first["id"].is_string());
}

#[test]
fn the_example_lints_clean_and_runs_as_it_is() {
    let paths = matching(root(), "examples/k8s/manifests/*.yaml");
    assert!(paths.len() >= 5);
    let (all, findings, sources) = linted(&paths);
    let text = render::render(&findings.diagnostics(), &sources, false);
    assert!(all.objects.len() > 15, "{text}");
    assert!(findings.list.iter().all(|f| f.id == "not-modelled"), "{text}");

    let file = root().join("examples/k8s/production.ron");
    let text = fs::read_to_string(&file).unwrap();
    let sets = ["horizon=3h", "work.chat.traffic.users.rate.per_second=0.5"];
    let (result, sources) = load_text("production.ron", &text, Syntax::Ron, file.parent().unwrap(), &sets);
    let loaded = result.unwrap_or_else(|d| panic!("{}", render::render(&d, &sources, false)));
    let m = &loaded.model;
    let names: Vec<&str> = m.work.iter().map(|w| w.name.as_str()).collect();
    // `nightly-eval` starts at 14:30, after these three hours.
    assert_eq!(names, ["chat", "summaries", "gateway", "vectors", "finetune", "data-prep"]);
    let outcome = simulate(m, 1, 0, &mut Silent);
    check_conservation(&outcome);
    // The two nodes of the fine-tuning job and the replicas of both services came from Karpenter.
    assert!(outcome.pools.iter().all(|p| p.nodes_max > 0), "every pool was used");
}

/// Text with a few bytes changed, taken out or repeated.
fn edited(text: &str, edits: &[(u8, usize, usize, u8)]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for &(kind, a, b, byte) in edits {
        let n = bytes.len().max(1);
        let (a, b) = (a % n, b % n);
        let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 60));
        match kind % 4 {
            0 if !bytes.is_empty() => bytes[a] ^= byte,
            1 => drop(bytes.drain(from..to)),
            2 => {
                let piece = bytes[from..to].to_vec();
                bytes.splice(b..b, piece);
            }
            _ => bytes.insert(a.min(bytes.len()), b"0-:{}[]\"'|>&*m%"[usize::from(byte) % 15]),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_edit_of_a_manifest_makes_the_reader_panic(
        which in any::<usize>(),
        edits in proptest::collection::vec((any::<u8>(), any::<usize>(), any::<usize>(), any::<u8>()), 1..5),
    ) {
        let mut all = matching(Path::new(""), "examples/k8s/manifests/*.yaml");
        all.extend(cases());
        let path = &all[which % all.len()];
        let text = edited(&fs::read_to_string(path).unwrap(), &edits);
        let (mut sources, mut objects, mut findings) = (SourceMap::default(), Manifests::default(), Findings::default());
        let id = sources.add("edited.yaml", text);
        read(id, Syntax::Yaml, &mut sources, &mut objects, &mut findings);
        lint(&objects, &mut findings);
        let _ = render::render(&findings.diagnostics(), &sources, false);
    }
}

/// What a scenario with manifests comes to.
#[test]
fn manifests_of_good_scenarios_become_what_they_say() {
    let (result, sources) = load_file(&root().join("tests/good/manifests/cluster.ron"));
    let loaded = result.unwrap_or_else(|d| panic!("{}", render::render(&d, &sources, false)));
    let m = &loaded.model;
    let of = |name: &str| m.work.iter().find(|w| w.name == name).unwrap_or_else(|| panic!("no work {name}"));
    use fleetcast::policy::pdb::{Amount, Rule};
    use fleetcast::scenario::model::Source;
    let jobs = |name: &str| match &of(name).source {
        Source::Jobs(j) => j.clone(),
        _ => panic!("{name} has no jobs"),
    };
    // 3 replicas, each for ever: 1500 m and 3 GiB, from a limit, a request and a sidecar.
    let web = jobs("web");
    assert_eq!(web.len(), 3);
    assert_eq!((web[0].request.cpu_milli, web[0].request.mem_mib, web[0].request.gpus), (1500, 3072, 0));
    assert!(web.iter().all(|j| j.arrive.0 == 0 && j.work > m.horizon));
    assert_eq!(of("web").disruption.budget, Some(Rule::MinAvailable(Amount::Percent(50))));
    assert_eq!(of("web").disruption.grace.as_secs_f64(), 45.0);
    assert!(of("web").labels[0].iter().any(|l| l.to_string() == "namespace=prod"));
    // 5 completions, 2 at once, an hour each: one pod does three of them, the other two.
    let prep = jobs("prep");
    assert_eq!(prep.iter().map(|j| j.work.as_secs_f64() / 3600.0).collect::<Vec<_>>(), [3.0, 2.0]);
    // A gang of Kueue: four pods of 8 GPUs, all or none, at priority 50, on the pool of its instance type.
    let train = jobs("train");
    assert_eq!((train.len(), train[0].pods, train[0].request.gpus, train[0].priority), (1, 4, 8, 50));
    assert!(of("train").disruption.do_not_disrupt);
    assert_eq!(
        of("train").tiers[0].pools.iter().map(|p| m.pools[usize::from(p.0)].name.as_str()).collect::<Vec<_>>(),
        ["big"]
    );
    let quota = m.quotas.iter().find(|q| q.label.to_string() == "queue=research").unwrap();
    assert_eq!(quota.milli, 32_000);
    // Every six hours of two days, in UTC.
    assert_eq!(jobs("tick").len(), 8);
}

/// An HPA and a ScaledObject in the place of a service's scaler, word for word.
#[test]
fn scalers_of_manifests_are_those_of_services() {
    use fleetcast::policy::hpa;
    use fleetcast::scenario::model::service::{Scale, Signal};
    let (result, sources) = load_file(&root().join("tests/good/manifests/cluster.ron"));
    let loaded = result.unwrap_or_else(|d| panic!("{}", render::render(&d, &sources, false)));
    let service = |name: &str| {
        let at = loaded.model.work.iter().position(|w| w.name == name).unwrap();
        loaded.model.services.iter().find(|s| usize::from(s.work) == at).unwrap()
    };
    let chat = &service("chat").deployments[0];
    let Scale::Hpa { config, signals, .. } = &chat.scale else { panic!("not an HPA") };
    assert_eq!((config.min, config.max), (2, 9));
    assert_eq!(signals, &[Signal::Queue, Signal::Cpu]);
    assert_eq!(config.metrics[0], hpa::Metric::Pods { average: 4500 });
    assert_eq!(config.metrics[1], hpa::Metric::Resource { cpu: true, target: hpa::PodTarget::Utilisation(70) });
    let behavior = config.behavior.as_ref().unwrap();
    assert_eq!(behavior.down.window.unwrap().as_secs_f64(), 600.0);
    assert_eq!(behavior.up, hpa::Rules::up());
    assert_eq!((chat.request.gpus, chat.request.cpu_milli, chat.grace.as_secs_f64()), (1, 3500, 120.0));
    assert_eq!(chat.priority, 50);
    let batch = &service("batch").deployments[0];
    let Scale::Keda { config, signals, .. } = &batch.scale else { panic!("not a ScaledObject") };
    assert_eq!((config.min, config.max, config.cooldown.as_secs_f64()), (0, 100, 120.0));
    assert_eq!(signals, &[Signal::Concurrency]);
    assert_eq!(config.triggers[0].target, hpa::Target::Value(20_000));
    assert_eq!(config.triggers[0].activation, 2.0);
}
