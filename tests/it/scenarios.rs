//! Good scenarios load without a word, run, and balance; how one is written does not matter.

use std::fs;
use std::path::{Path, PathBuf};

use fleetcast::formats::{Syntax, parse, read_text};
use fleetcast::outcome::{Outcome, Silent};
use fleetcast::scenario::decode::schema;
use fleetcast::scenario::{Env, Loaded, QUICKSTART, load};
use fleetcast::sim::{check_conservation, simulate};
use fleetcast::units::{Diagnostics, SourceMap};

/// A data folder that is not there: a test must not depend on what lies on the machine.
pub const NO_DATA: &str = "no-such-data";

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Loads a text as `fleetcast run` does.
pub fn load_text(
    name: &str,
    text: &str,
    syntax: Syntax,
    base: &Path,
    sets: &[&str],
) -> (Result<Loaded, Diagnostics>, SourceMap) {
    let mut sources = SourceMap::default();
    let id = sources.add(name, text);
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    let result = load(id, syntax, &sets, None, &mut Env::new(&mut sources, base, NO_DATA));
    (result, sources)
}

/// Loads a file as `fleetcast run` does.
pub fn load_file(path: &Path) -> (Result<Loaded, Diagnostics>, SourceMap) {
    load_with_data(path, Path::new(NO_DATA))
}

fn load_with_data(path: &Path, data: &Path) -> (Result<Loaded, Diagnostics>, SourceMap) {
    let mut sources = SourceMap::default();
    let read = Syntax::from_path(path).and_then(|s| Ok((s, read_text(path, &mut sources)?)));
    let result = read.and_then(|(syntax, id)| {
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        load(id, syntax, &[], None, &mut Env::new(&mut sources, base, data))
    });
    (result, sources)
}

/// The public data, where this machine has it.
#[allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a test says what it skips")]
pub fn data() -> Option<PathBuf> {
    let named = std::env::var_os("FLEETCAST_DATA").map(PathBuf::from);
    let found = named.unwrap_or_else(|| root().join("../shared/data"));
    if found.join("openb/openb_pod_list_default.csv").is_file() {
        return Some(found);
    }
    eprintln!("skipped: no public data; set FLEETCAST_DATA to the folder that holds openb/");
    None
}

fn good(path: &Path) -> Loaded {
    let (result, sources) = load_file(path);
    let show = |d: &Diagnostics| fleetcast::formats::render::render(d, &sources, false);
    let loaded = result.unwrap_or_else(|d| panic!("{}", show(&d)));
    assert!(loaded.warnings.list.is_empty(), "{}", show(&loaded.warnings));
    loaded
}

fn run(loaded: &Loaded, seed: u64) -> Outcome {
    simulate(&loaded.model, seed, 0, &mut Silent)
}

#[test]
fn good_scenarios_load_without_a_word_and_run() {
    let mut n = 0;
    for e in fs::read_dir(root().join("tests/good")).unwrap() {
        let path = e.unwrap().path();
        if Syntax::from_path(&path).is_ok() {
            let o = run(&good(&path), 1);
            check_conservation(&o);
            let asked: u64 = o.work.iter().filter_map(|w| w.service.as_ref()).map(|s| s.requests.sent).sum();
            assert!(o.jobs.arrived + asked > 0, "{}", path.display());
            n += 1;
        }
    }
    assert!(n >= 6);
}

#[test]
fn every_scenario_runs_and_balances_with_its_variants() {
    let mut n = 0;
    for e in fs::read_dir(root().join("scenarios")).unwrap() {
        let path = e.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let loaded = if text.contains("$FLEETCAST_DATA") {
            let Some(data) = data() else { continue };
            load_with_data(&path, &data).0.unwrap_or_else(|d| panic!("{}: {d:?}", path.display()))
        } else {
            good(&path)
        };
        for m in std::iter::once(&loaded.model).chain(&loaded.variants) {
            check_conservation(&simulate(m, loaded.scenario.seed, 0, &mut Silent));
        }
        n += 1;
    }
    assert!(n > 0);
}

#[test]
fn the_quickstart_balances_whatever_the_seed() {
    let (loaded, _) = load_text("quickstart", QUICKSTART, Syntax::Ron, Path::new(""), &[]);
    let loaded = loaded.unwrap();
    let mut prints = Vec::new();
    for seed in 0..6 {
        let o = run(&loaded, seed);
        check_conservation(&o);
        // What the header promises: about 200 GPUs, about 5,000 jobs a week.
        assert_eq!(o.pools.iter().map(|p| p.units_at_start).sum::<f64>(), 200.0);
        assert!((4_000..6_500).contains(&o.jobs.arrived), "{} jobs", o.jobs.arrived);
        prints.push(o.fingerprint);
    }
    prints.dedup();
    assert_eq!(prints.len(), 6, "another seed is another week");
}

/// The tree as YAML, block style where it has parts.
fn yaml(v: &serde_json::Value, indent: usize, out: &mut String) {
    let pad = "  ".repeat(indent);
    match v {
        serde_json::Value::Object(m) if !m.is_empty() => {
            for (k, v) in m {
                out.push_str(&format!("\n{pad}{}:", serde_json::Value::from(k.as_str())));
                yaml(v, indent + 1, out);
            }
        }
        serde_json::Value::Array(a) if !a.is_empty() => {
            for v in a {
                out.push_str(&format!("\n{pad}-"));
                yaml(v, indent + 1, out);
            }
        }
        scalar => out.push_str(&format!(" {scalar}")),
    }
}

#[test]
fn the_quickstart_is_the_same_in_ron_json_and_yaml() {
    let mut sources = SourceMap::default();
    let id = sources.add("quickstart.ron", QUICKSTART);
    let (node, _) = parse(id, &sources, Syntax::Ron);
    // The name of the whole is RON's way: other syntaxes begin with its fields.
    let json = schema::to_json(&node.unwrap())["Scenario"].take();
    let mut block = String::new();
    yaml(&json, 0, &mut block);
    let [ron, json, yaml] = [
        (QUICKSTART.to_owned(), Syntax::Ron),
        (serde_json::to_string_pretty(&json).unwrap(), Syntax::Json),
        (block, Syntax::Yaml),
    ]
    .map(|(text, syntax)| {
        let (loaded, sources) = load_text("quickstart", &text, syntax, Path::new(""), &[]);
        loaded.unwrap_or_else(|d| panic!("{}", fleetcast::formats::render::render(&d, &sources, false)))
    });
    assert_eq!(ron.scenario, json.scenario);
    assert_eq!(ron.scenario, yaml.scenario);
    let print = run(&ron, 1).fingerprint;
    assert_eq!(run(&json, 1), run(&ron, 1));
    assert_eq!(run(&yaml, 1).fingerprint, print);
}

#[test]
fn openb_is_replayed_whole_and_the_same_twice() {
    let Some(data) = data() else { return };
    let (loaded, _) = load_with_data(&root().join("scenarios/openb.ron"), &data);
    let loaded = loaded.unwrap();
    // data/README: 1,213 nodes with GPUs, 6,212 GPUs, 8,152 pods.
    assert_eq!(loaded.model.nodes.len(), 1_213);
    assert_eq!(loaded.model.nodes.iter().map(|n| u32::from(n.capacity.gpus)).sum::<u32>(), 6_212);
    let (a, b) = (run(&loaded, 1), run(&loaded, 1));
    check_conservation(&a);
    assert_eq!(a, b);
    let j = a.jobs;
    assert_eq!(j.rejected + j.cancelled + j.preemptions, 0);
    assert!(j.running_at_start + j.arrived <= 8_152);
    // 99 % of the pods come after day 115.9.
    assert!(j.arrived as f64 > 0.98 * 8_152.0, "{} arrived", j.arrived);
    // The fleet has room for all: the sample never waits.
    assert_eq!(j.queued_at_end, 0);
}
