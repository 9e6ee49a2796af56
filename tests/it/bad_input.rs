//! Bad input: every case of `tests/bad` has one fault, and its diagnostic is kept beside it as a snapshot.
//!
//! A new case is a file; `INSTA_UPDATE=always cargo test --test it bad_input` writes its snapshot, which is to be read
//! before it is committed: is the place right, would a newcomer know what to do?

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use fleetcast::formats::{Syntax, read_text, render};
use fleetcast::units::{Diagnostics, Severity, SourceMap};
use proptest::prelude::*;

use crate::scenarios::{NO_DATA, load_file, load_text, root};

/// Cases that are only worth a warning: they load.
const WARNINGS: &[&str] = &[
    "change-after-the-horizon",
    "manifests-unused",
    "no-work",
    "unknown-region",
    "header-only",
    "unknown-column",
    "checkpoint-longer-than-the-interval",
    "checkpoint-never-done-before-the-next",
    "checkpoint-too-slow-for-the-notice",
    "notice-longer-than-the-gap",
    "advice-for-a-gpu",
    "throughput-far-beyond",
    "levers-on-one-part",
    "deadline-without-a-policy",
    "deadline-after-the-window",
    "service-keda-cooldown-without-zero",
    "service-model-without-traffic",
    "service-more-replicas-than-places",
    "service-retries-never-timed-out",
    "service-rollout-after-the-horizon",
    "service-rollout-gate-without-steps",
    "service-trace-soon-over",
];

/// The files of a folder of cases, in order.
fn cases(folder: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(Path::new("tests/bad").join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

/// What a user would read, which must be an error, or for a few cases a warning.
fn shown(case: &str, found: &Diagnostics, sources: &SourceMap) -> String {
    let may_warn = WARNINGS.contains(&case) && !found.list.is_empty();
    assert!(found.has_errors() || may_warn, "{case}: no error\n{}", render::render(found, sources, false));
    for d in &found.list {
        assert!(!d.message.ends_with('.'), "{case}: a message ends with a full stop");
    }
    render::render(found, sources, false)
}

/// Compares with the snapshot of a case.
fn snapshot(folder: &str, case: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => format!("../bad/snapshots/{folder}"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(case, text) });
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Loads a scenario's text and shows what was found, warnings included.
fn found_in(case: &str, name: &str, text: &str, base: &Path) -> String {
    let (result, sources) = load_text(name, text, Syntax::Ron, base, &[]);
    let found = result.map_or_else(|d| d, |l| l.warnings);
    shown(case, &found, &sources)
}

#[test]
fn a_bad_scenario_is_told_with_place_and_remedy() {
    for path in cases("scenario") {
        let case = name_of(&path);
        let (result, sources) = load_file(&path);
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let found = result.map_or_else(|d| d, |l| l.warnings);
        snapshot("scenario", &case, &shown(&stem, &found, &sources));
    }
}

/// Each file of a folder in the place of the good one that a good scenario names.
fn in_place_of(folder: &str, scenario: &str, good: &str) {
    let text = fs::read_to_string(Path::new("tests/good").join(scenario)).unwrap();
    assert!(text.contains(good));
    for path in cases(folder) {
        let case = name_of(&path);
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = text.replace(good, &case);
        snapshot(folder, &case, &found_in(&stem, scenario, &text, path.parent().unwrap()));
    }
}

#[test]
fn a_broken_trace_is_told_with_its_line() {
    in_place_of("trace", "replay.ron", "jobs.csv");
}

#[test]
fn a_broken_list_of_nodes_is_told_with_its_line() {
    in_place_of("nodes", "listed.ron", "nodes.csv");
}

#[test]
fn a_broken_price_file_is_told_with_its_line() {
    in_place_of("prices", "priced.ron", "prices.csv");
}

/// Through the binary, from the top: exit code 2, and nothing but the diagnostic.
#[test]
fn a_broken_trace_of_requests_is_told_with_its_line() {
    for path in cases("requests") {
        let ran = crate::cli_run::fleetcast(root(), &["trace", "inspect", path.to_str().unwrap()]);
        let case = name_of(&path);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{case}\n{}", ran.err);
        snapshot("requests", &case, &ran.err);
    }
}

/// Bytes in the place of the trace: what cannot be kept as a text file in a repository.
#[test]
fn truncated_archives_and_other_encodings_are_told() {
    let good = fs::read("tests/good/jobs.csv").unwrap();
    let many: Vec<u8> =
        (0..2000).flat_map(|i| format!("{},{},1,x\n", i * 10, 100 + i * 7919 % 97).into_bytes()).collect();
    let all = [b"arrive,duration,gpus,label.team\n".as_slice(), &many].concat();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&all).unwrap();
    let gz = gz.finish().unwrap();
    let zst = zstd::encode_all(all.as_slice(), 3).unwrap();
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(good.iter().flat_map(|b| [*b, 0])).collect();
    let latin1 = [good.as_slice(), b"180,600,1,caf\xe9\n"].concat();
    // The checksum is in the last eight bytes.
    let mut broken_gz = gz.clone();
    let at = broken_gz.len() - 6;
    broken_gz[at] ^= 0x55;
    let generated: [(&str, &[u8]); 7] = [
        ("truncated-gzip", &gz[..gz.len() - 4]),
        ("truncated-zstd", &zst[..zst.len() - 4]),
        ("broken-gzip", &broken_gz),
        ("gzip-without-a-body", &gz[..4]),
        ("not-utf-8", &latin1),
        ("utf-16", &utf16),
        ("zero-bytes", &[0; 64]),
    ];
    let text = fs::read_to_string("tests/good/replay.ron").unwrap();
    for (case, bytes) in generated {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("jobs.csv"), bytes).unwrap();
        let shown = found_in(case, "replay.ron", &text, folder.path());
        snapshot("generated", case, &shown.replace(folder.path().to_str().unwrap(), "FOLDER"));
    }
    // The same archives whole are read.
    for bytes in [gz, zst] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("jobs.csv"), bytes).unwrap();
        let (result, _) = load_text("replay.ron", &text, Syntax::Ron, folder.path(), &[]);
        assert!(result.is_ok());
    }
}

#[test]
fn a_scenario_that_is_no_text_is_told() {
    let good = fs::read("tests/good/small.ron").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = good.windows(5).position(|w| w == b"small").unwrap();
    let mut latin1 = good.clone();
    latin1[at] = 0xe9;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&good).unwrap();
    for (case, bytes) in [("scenario-not-utf-8", latin1), ("scenario-gzip", gz.finish().unwrap())] {
        let path = folder.path().join("small.ron");
        fs::write(&path, bytes).unwrap();
        let mut sources = SourceMap::default();
        let found = read_text(&path, &mut sources).expect_err("not text");
        let text = shown(case, &found, &sources);
        snapshot("generated", case, &text.replace(folder.path().to_str().unwrap(), "FOLDER"));
    }
}

#[test]
fn a_missing_file_is_told_with_where_it_comes_from() {
    let replay = fs::read_to_string("tests/good/replay.ron").unwrap();
    let listed = fs::read_to_string("tests/good/listed.ron").unwrap();
    let base = Path::new("tests/good");
    let public = |text: &str, old: &str, new: &str| text.replace(old, &format!("$FLEETCAST_DATA/{new}"));
    for (case, text) in [
        ("missing-trace", replay.replace("jobs.csv", "no-such.csv")),
        ("missing-public-trace", public(&replay, "jobs.csv", "openb/openb_pod_list_default.csv")),
        ("missing-public-philly", public(&replay, "jobs.csv", "philly/philly.csv")),
        ("missing-unknown-public-trace", public(&replay, "jobs.csv", "ours/jobs.csv")),
        ("missing-public-nodes", public(&listed, "nodes.csv", "openb/openb_node_list_gpu_node.csv")),
        ("folder-as-trace", replay.replace("jobs.csv", "../good")),
    ] {
        snapshot("generated", case, &found_in(case, "replay.ron", &text, base));
    }
    let mut sources = SourceMap::default();
    let found = read_text(Path::new("tests/good/no-such.ron"), &mut sources).expect_err("no file");
    snapshot("generated", "missing-scenario", &shown("missing-scenario", &found, &sources));
}

/// Good scenarios of markets and training runs with one fault each: what is replaced, and by what.
#[test]
fn a_bad_market_or_training_run_is_told() {
    const BOUGHT: &[(&str, &str, &str)] = &[
        ("replay-without-polarity", "polarity: OneIsAvailable, gap:", "gap:"),
        ("replay-of-another-gap", "gap: \"1h\"", "gap: \"10m\""),
        ("replay-off-its-end", "horizon: \"3d\"", "horizon: \"5d\""),
        ("replay-of-negative-values", "market/zone-a.json", "../bad/market/negative.json"),
        (
            "replay-of-descending-times",
            "\"market/zone-a.json\", polarity: OneIsAvailable, gap: \"1h\"",
            "\"../bad/market/descending.csv\"",
        ),
        ("replay-of-nothing", "market/zone-a.json", "../bad/market/empty.json"),
        ("replay-of-a-missing-file", "market/zone-a.json", "market/zone-z.json"),
        (
            "replay-with-a-stride-of-nothing",
            "offset: Stride(\"6h\"), measured_on",
            "offset: Stride(\"0s\"), measured_on",
        ),
        ("lives-at-negative-times", "market/lives.csv", "../bad/market/negative-time.csv"),
        ("checkpoint-after-no-work", "every: \"30m\"", "every: \"0s\""),
        ("checkpoint-interval-without-a-unit", "every: \"30m\"", "every: 30"),
        (
            "checkpoint-longer-than-the-interval",
            "every: \"30m\", store: \"s3\", on_notice: (drain: \"10s\")),\n      deadline: \"60h\"",
            "every: \"45s\", store: \"s3\"),\n      deadline: \"70h\"",
        ),
        ("checkpoint-never-done-before-the-next", "every: \"30m\"", "every: \"20s\", mode: Async"),
        ("checkpoint-without-a-size", "params: 7e9, every", "every"),
        ("checkpoint-of-two-sizes", "params: 7e9, every", "params: 7e9, size: \"98GB\", every"),
        ("checkpoint-too-slow-for-the-notice", "params: 7e9", "params: 70e9"),
        ("store-without-bandwidth", "write: \"2GB/s\"", "write: \"0GB/s\""),
        ("store-unknown", "store: \"s3\"", "store: \"s4\""),
        ("deadline-before-the-work-fits", "deadline: \"60h\"", "deadline: \"30h\""),
        ("deadline-after-the-window", "deadline: \"60h\"", "deadline: \"80h\""),
        ("policy-without-a-deadline", "deadline: \"60h\",", ""),
        ("policy-without-on-demand", "nodes: 4,\n      work", "nodes: 4, pools: [\"a\", \"b\"],\n      work"),
        (
            "policy-with-nodes-that-stand",
            "region: \"us-east-1\", nodes: OnRequest(4)",
            "region: \"us-east-1\", nodes: 4",
        ),
        ("no-policy-for-nodes-on-request", "policy: UniformProgress,", ""),
        ("run-larger-than-its-pools", "      nodes: 4,\n", "      nodes: 5,\n"),
        ("run-of-broken-nodes", "      nodes: 4,\n", "      gpus: 10,\n"),
        ("run-without-a-size", "      nodes: 4,\n", ""),
        ("run-after-the-horizon", "      nodes: 4,\n", "      nodes: 4, arrive: \"4d\",\n"),
        (
            "run-that-does-not-fit-the-memory",
            "deadline: \"60h\",",
            "deadline: \"60h\", memory: (params: 70e9, activations: \"2GB\"),",
        ),
        ("run-with-tokens-and-no-speed", "Time(\"30h\")", "Tokens(1e9)"),
        ("run-with-a-time-and-a-throughput", "Time(\"30h\"),", "Time(\"30h\"), physics: (params: 7e9),"),
        (
            "optimum-without-losses",
            "every: \"30m\", store: \"s3\", on_notice: (drain: \"10s\")),\n      deadline: \"60h\",\n      policy: UniformProgress",
            "every: Daly, store: \"s3\"),\n      pools: [\"on-demand\"], policy: OnDemandOnly",
        ),
        ("elastic-with-more-than-it-has", "policy: UniformProgress,", "policy: UniformProgress, elastic: (least: 5),"),
        ("notice-longer-than-a-life", "MaxLifetime(\"24h\")", "MaxLifetime(\"90s\")"),
        ("notice-longer-than-the-gap", "kill: \"2m\"", "kill: \"2h\""),
        ("advice-for-a-gpu", "Empirical(file: \"market/lives.csv\")", "Advisor"),
        ("crossing-without-a-path", "      price: Path(files: [\"market/prices.json\"]),\n", ""),
        ("price-history-of-another-zone", "zone: \"us-east-1c\"", "zone: \"us-east-1d\""),
        ("price-history-of-another-time", "start: \"2026-10-05\"", "start: \"2027-10-05\""),
        ("zone-of-another-region", "zone: \"us-east-1a\", nodes", "zone: \"us-east-1a\", region: \"us-west-2\", nodes"),
        ("shock-that-hits-nothing", "zone: \"us-east-1a\", per_hour", "zone: \"us-east-1z\", per_hour"),
        ("launches-that-all-fail", "Chance(\"10%\")", "Chance(\"100%\")"),
        ("curve-of-a-wrong-path", "work.ft.checkpoint.every\", to", "work.fft.checkpoint.every\", to"),
        ("curve-of-a-wrong-field", "work.ft.checkpoint.every\", to", "work.ft.checkpoint.evry\", to"),
        ("curve-of-a-wrong-value", "to: [\"10m\", \"1h\"]", "to: [\"10 minutes\", \"1h\"]"),
        ("curve-that-cannot-run", "to: [\"10m\", \"1h\"]", "to: [\"10m\", \"0s\"]"),
        ("curve-without-points", "to: [\"10m\", \"1h\"]", "to: []"),
    ];
    const FAILING: &[(&str, &str, &str)] = &[
        ("failure-rate-unknown", "Published(\"llama3\")", "Published(\"lama3\")"),
        ("failures-never", "Published(\"llama3\")", "0"),
        ("spares-more-than-nodes", "spares: 1", "spares: 9"),
        ("clock-of-too-few-hours", "Sinusoid(amplitude: \"80%\", phase: 8)", "Hours([1, 2, 3])"),
        ("bathtub-of-more-than-all", "a: 0.45", "a: 1.45"),
        ("shock-of-no-weight", "Counts([(1, 3), (4, 1)])", "Counts([(1, 0)])"),
        ("throughput-twice", "gpus: 32, tokens", "gpus: 64, tokens"),
        (
            "throughput-of-another-device",
            "(device: \"H100\", gpus: 32, tokens_per_s: 2.6e5), (device: \"H100\"",
            "(device: \"A100\"",
        ),
        (
            "throughput-far-beyond",
            "gpus: 32, tokens_per_s: 2.6e5), (device: \"H100\", gpus: 64",
            "gpus: 8, tokens_per_s: 1.3e5), (device: \"H100\", gpus: 16",
        ),
        ("levers-on-one-part", "[InputPrefetch]", "[InputPrefetch, InputPrefetch]"),
        ("copies-of-one", "InMemory(group: 2)", "InMemory(group: 1)"),
        ("redundancy-of-all", "redundancy: \"5%\"", "redundancy: \"100%\""),
        ("deadline-without-a-policy", "redundancy: \"5%\"", "deadline: \"60h\""),
        ("policy-for-a-pool-that-stands", "redundancy: \"5%\"", "policy: OnDemandOnly"),
        ("jobs-on-nodes-on-request", "nodes: 6,", "nodes: OnRequest(6),"),
    ];
    let base = Path::new("tests/good");
    for (file, cases) in [("bought.ron", BOUGHT), ("failing.ron", FAILING)] {
        let good = fs::read_to_string(base.join(file)).unwrap();
        for (case, old, new) in cases {
            assert!(good.contains(old), "{case}: {file} does not have {old}");
            let text = good.replacen(old, new, 1);
            snapshot("market", case, &found_in(case, file, &text, base));
        }
    }
}

#[test]
fn overrides_are_told_as_files_are() {
    let small = fs::read_to_string("tests/good/small.ron").unwrap();
    for (case, set) in [
        ("set-wrong-name", "pools.t5.nodes=4"),
        ("set-wrong-field", "pools.t4.node=4"),
        ("set-wrong-value", "pools.t4.nodes=many"),
        ("set-without-equals", "pools.t4.nodes"),
        ("set-without-value", "pools.t4.nodes="),
        ("set-wrong-unit", "horizon=7 days"),
        ("set-negative", "pools.t4.nodes=-3"),
        ("set-unclosed", "pools.t4.nodes=Fixed(3"),
        ("set-whole-list", "pools=3"),
        ("set-empty", ""),
    ] {
        let (result, sources) = load_text("small.ron", &small, Syntax::Ron, Path::new(""), &[set]);
        let found = result.expect_err(case);
        snapshot("generated", case, &shown(case, &found, &sources));
    }
}

#[test]
fn nesting_without_end_is_refused_and_costs_no_stack() {
    for deep in [1_000, 100_000] {
        for (case, syntax, text) in [
            ("deep-lists", Syntax::Ron, "[".repeat(deep)),
            ("deep-lists-closed", Syntax::Ron, format!("{}{}", "[".repeat(deep), "]".repeat(deep))),
            ("deep-records", Syntax::Ron, format!("{}1{}", "A(b: ".repeat(deep), ")".repeat(deep))),
            ("deep-mixtures", Syntax::Ron, {
                let law = format!("{}Constant(\"1h\"){}", "Mixture([(1, ".repeat(deep), ")])".repeat(deep));
                fs::read_to_string("tests/good/small.ron").unwrap().replace("Constant(\"1h\")", &law)
            }),
            ("deep-json", Syntax::Json, format!("{}1{}", "{\"a\": [".repeat(deep), "]}".repeat(deep))),
            ("deep-yaml", Syntax::Yaml, format!("{}1{}", "[".repeat(deep), "]".repeat(deep))),
            ("deep-yaml-blocks", Syntax::Yaml, "- ".repeat(deep)),
            ("deep-comments", Syntax::Ron, "/*".repeat(deep)),
        ] {
            let (result, sources) = load_text("deep", &text, syntax, Path::new(""), &[]);
            let found = result.expect_err(case);
            // What is shown has the same first line at both depths.
            let text = shown(case, &found, &sources);
            if deep == 1_000 {
                snapshot("generated", case, &text);
            }
        }
        let set = format!("pools.t4.nodes={}", "[".repeat(deep));
        let small = fs::read_to_string("tests/good/small.ron").unwrap();
        assert!(load_text("small.ron", &small, Syntax::Ron, Path::new(""), &[&set]).0.is_err());
        let set = format!("{}=1", "a.".repeat(deep));
        assert!(load_text("small.ron", &small, Syntax::Ron, Path::new(""), &[&set]).0.is_err());
    }
}

/// Every snapshot has its case: none is left behind when a case goes.
#[test]
fn no_snapshot_is_without_a_case() {
    for folder in ["scenario", "trace", "requests", "nodes", "prices"] {
        let have: Vec<String> = cases(folder).iter().map(|p| format!("{}.snap", name_of(p))).collect();
        for e in fs::read_dir(format!("tests/bad/snapshots/{folder}")).unwrap() {
            let name = e.unwrap().file_name().to_string_lossy().into_owned();
            assert!(have.contains(&name) || name.ends_with(".new"), "{folder}/{name} has no case");
        }
    }
}

/// Through the binary: exit code 2, the words on stderr, nothing on stdout, no file made.
#[test]
fn bad_input_leaves_nothing_behind() {
    for case in [
        "scenario/unknown-field.ron",
        "scenario/dangling-pool.json",
        "scenario/unknown-instance.yaml",
        "scenario/gang-larger-than-the-fleet.ron",
        "scenario/variant-with-a-wrong-field.ron",
        "scenario/empty.ron",
        "scenario/no-such-file.ron",
        "scenario/no-such-syntax.toml",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = root().join("tests/bad").join(case);
        let path = path.to_str().unwrap();
        for args in [&["run", path][..], &["run", path, "--json"], &["run", path, "--out", "there"], &["check", path]] {
            let ran = crate::cli_run::fleetcast(folder.path(), args);
            assert_eq!(ran.code, 2, "{case} {args:?}\n{}", ran.err);
            assert_eq!(ran.out, "", "{case} {args:?}");
            assert!(ran.err.starts_with("error: "), "{case} {args:?}\n{}", ran.err);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{case} {args:?} left files");
        }
    }
}

/// Text with a few bytes changed, or words taken out, repeated or exchanged.
fn edited(text: &str, edits: &[(u8, usize, usize, u8)]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for &(kind, a, b, byte) in edits {
        let n = bytes.len().max(1);
        let (a, b) = (a % n, b % n);
        let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 40));
        match kind % 5 {
            0 if !bytes.is_empty() => bytes[a] ^= byte,
            1 => drop(bytes.drain(from..to)),
            2 => {
                let piece = bytes[from..to].to_vec();
                bytes.splice(b..b, piece);
            }
            3 => bytes.insert(a.min(bytes.len()), byte),
            _ => {
                // Two words change places.
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let mut words: Vec<&str> = text.split_inclusive([' ', '(', ',', ':']).collect();
                let n = words.len().max(1);
                if !words.is_empty() {
                    words.swap(a % n, b % n);
                }
                bytes = words.concat().into_bytes();
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn edits() -> impl Strategy<Value = Vec<(u8, usize, usize, u8)>> {
    proptest::collection::vec((any::<u8>(), any::<usize>(), any::<usize>(), any::<u8>()), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_edit_of_the_quickstart_makes_the_loader_panic(edits in edits()) {
        let text = edited(fleetcast::scenario::QUICKSTART, &edits);
        let (result, sources) = load_text("edited.ron", &text, Syntax::Ron, Path::new(NO_DATA), &[]);
        if let Err(found) = result {
            prop_assert!(found.list.iter().any(|d| d.severity == Severity::Error));
            let _ = render::render(&found, &sources, false);
        }
    }

    #[test]
    fn no_edit_of_a_json_or_yaml_scenario_makes_the_loader_panic(edits in edits()) {
        for (file, syntax) in [("small.json", Syntax::Json), ("small.yaml", Syntax::Yaml)] {
            let good = fs::read_to_string(Path::new("tests/good").join(file)).unwrap();
            let (result, sources) = load_text(file, &edited(&good, &edits), syntax, Path::new(NO_DATA), &[]);
            if let Err(found) = result {
                let _ = render::render(&found, &sources, false);
            }
        }
    }

    #[test]
    fn no_edit_of_a_table_makes_its_reader_panic(edits in edits()) {
        for (scenario, good) in [("replay.ron", "jobs.csv"), ("replay.ron", "openb-pods.csv"), ("listed.ron", "nodes.csv"), ("priced.ron", "prices.csv")] {
            let table = edited(&fs::read_to_string(Path::new("tests/good").join(good)).unwrap(), &edits);
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(good), table).unwrap();
            let text = fs::read_to_string(Path::new("tests/good").join(scenario)).unwrap().replace("jobs.csv", good);
            let (result, sources) = load_text(scenario, &text, Syntax::Ron, folder.path(), &[]);
            if let Err(found) = result {
                let _ = render::render(&found, &sources, false);
            }
        }
    }

    #[test]
    fn no_edit_of_a_trace_of_requests_makes_its_reader_or_its_figures_panic(edits in edits(), sort in any::<bool>()) {
        use fleetcast::workload::traffic::inspect::inspect;
        use fleetcast::workload::traffic::{Format, Options, Recorded};
        let files = ["azure.csv", "burstgpt.csv", "mooncake.jsonl"].into_iter().zip(Format::ALL);
        for (good, format) in files {
            let text = edited(&fs::read_to_string(Path::new("tests/good/requests").join(good)).unwrap(), &edits);
            let (name, mut sources) = (fleetcast::units::Name::new("edited").unwrap(), SourceMap::default());
            let options = Options { sort, ..Options::default() };
            match Recorded::from_bytes(name, Some(format), good, text.into_bytes(), options, &mut sources) {
                Ok(trace) => {
                    let i = inspect(&trace).expect("it is kept in memory");
                    let sum: u64 = i.rate.series.iter().sum();
                    prop_assert_eq!((i.requests, i.rows), (sum, i.requests + i.before + i.after + i.failures));
                    prop_assert!(i.rank_correlation.is_none_or(|r| (-1.000_001..=1.000_001).contains(&r)));
                }
                Err(found) => prop_assert!(!render::render(&found, &sources, false).is_empty()),
            }
        }
    }

    #[test]
    fn no_bytes_make_a_trace_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), magic in 0..4usize) {
        use fleetcast::workload::trace::{Options, Reader, TraceFormat, openb};
        const MAGIC: [&[u8]; 4] = [b"", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"arrive,duration,gpus\n"];
        let bytes = [MAGIC[magic], &bytes].concat();
        for format in [None].into_iter().chain(TraceFormat::ALL.map(Some)) {
            // As they are, and below a good header, so that rows are reached.
            let header = format.map_or(String::new(), header_of);
            for bytes in [bytes.clone(), [header.as_bytes(), &bytes].concat()] {
                let mut sources = SourceMap::default();
                let read = Reader::from_read(format, "bytes", std::io::Cursor::new(bytes), &Options::default(), &mut sources);
                if let Ok(rows) = read {
                    assert!(rows.take(1000).count() <= 1000);
                }
            }
        }
        let mut sources = SourceMap::default();
        let _ = openb::nodes_from_read("bytes", std::io::Cursor::new(bytes.clone()), &mut sources);
        let _ = openb::pods_from_read("bytes", std::io::Cursor::new(bytes), &mut sources);
    }
}

fn header_of(format: fleetcast::workload::trace::TraceFormat) -> String {
    use fleetcast::workload::trace::{TraceFormat, csv, dlrm, openb, philly};
    let columns = match format {
        TraceFormat::Openb => openb::NEEDED,
        TraceFormat::Philly => philly::NEEDED,
        TraceFormat::Dlrm => dlrm::NEEDED,
        TraceFormat::Csv => csv::NEEDED,
    };
    format!("{}\n", columns.join(","))
}
