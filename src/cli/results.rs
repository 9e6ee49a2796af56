//! Results read back from where a command wrote them. What cannot be read is a diagnostic, never a panic.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::console::Failure;
use super::sweep::folder::{PLAN, RUNS, read_plan, read_runs};
use crate::experiment::luck::Luck;
use crate::experiment::sweep::Swept;
use crate::outcome::{Outcome, VERSION};
use crate::report::html::Picture;
use crate::report::html::run::Results;
use crate::report::manifest::{self, Manifest};
use crate::report::{compare, tables};
use crate::units::Diagnostic;

/// The file of a comparison's folder.
pub const COMPARISON: &str = "comparison.json";
const SUMMARY: &str = "summary.json";

/// What was found.
pub enum Found {
    Run(Box<Results>),
    Comparison(Box<compare::Report>, Vec<Picture>),
    Sweep(Box<Swept>, Vec<Picture>),
}

fn unreadable(path: &Path, why: &str, help: &str) -> Failure {
    Failure::input(Diagnostic::error(format!("cannot read `{}`: {why}", path.display())).help(help))
}

const A_RUN: &str = "name the folder of a run, as `fleetcast run --out FOLDER` makes it";
const A_COMPARISON: &str = "name what `fleetcast compare --out FOLDER` or `--json > FILE` wrote";
const ANY: &str =
    "name the folder of a run, a comparison (`compare --out`) or a sweep, or a file that `--json` printed";

/// A file as JSON.
fn value(path: &Path, help: &str) -> Result<serde_json::Value, Failure> {
    let bytes = fs::read(path).map_err(|e| unreadable(path, &e.to_string(), help))?;
    serde_json::from_slice(&bytes).map_err(|e| match e.is_eof() {
        true => unreadable(path, &format!("it is cut short: {e}"), "let the command that writes it come to its end"),
        false => unreadable(path, &e.to_string(), help),
    })
}

/// The value's schema, or a word for none.
fn schema(v: &serde_json::Value) -> &str {
    v.get("schema").and_then(|s| s.as_str()).unwrap_or("none")
}

/// A value that must have a schema, as a type.
fn typed<T: DeserializeOwned>(path: &Path, v: serde_json::Value, wanted: &str, help: &str) -> Result<T, Failure> {
    if schema(&v) != wanted {
        let why = format!("its schema is {}, this program reads {wanted}", schema(&v));
        return Err(unreadable(path, &why, "write it again with this version of fleetcast"));
    }
    serde_json::from_value(v).map_err(|e| unreadable(path, &e.to_string(), help))
}

/// A run's outcome from its folder.
pub fn outcome(run: &Path) -> Result<Outcome, Failure> {
    let path = run.join(SUMMARY);
    let v = value(&path, A_RUN)?;
    summary(&path, v)
}

#[derive(Deserialize)]
struct Summary {
    outcome: Outcome,
}

fn summary(path: &Path, v: serde_json::Value) -> Result<Outcome, Failure> {
    let s: Summary = typed(path, v, tables::SCHEMA, A_RUN)?;
    if s.outcome.version != VERSION {
        let why = format!("its outcome has the version {}, this program reads {VERSION}", s.outcome.version);
        return Err(unreadable(path, &why, "write it again with this version of fleetcast"));
    }
    s.outcome.check().map_err(|why| unreadable(path, &format!("it does not hang together: {why}"), A_RUN))?;
    Ok(s.outcome)
}

#[derive(Deserialize)]
struct LuckFile {
    candidates: Vec<OneLuck>,
}

#[derive(Deserialize)]
struct OneLuck {
    variant: Option<String>,
    luck: Luck,
}

/// Whatever lies there, told by its files or its schema.
pub fn find(at: &Path) -> Result<Found, Failure> {
    if at.is_dir() {
        return match () {
            () if at.join(PLAN).exists() => sweep(at),
            () if at.join(COMPARISON).exists() => {
                let path = at.join(COMPARISON);
                let report = comparison(&path, value(&path, A_COMPARISON)?)?;
                Ok(Found::Comparison(Box::new(report), pictures(at)?))
            }
            () if at.join(SUMMARY).exists() => run(at),
            () => {
                let why = format!("there is no {SUMMARY}, {COMPARISON} or {PLAN} in it");
                Err(unreadable(at, &why, ANY))
            }
        };
    }
    let v = value(at, ANY)?;
    match schema(&v) {
        s if s.starts_with("fleetcast.compare/") => Ok(Found::Comparison(Box::new(comparison(at, v)?), Vec::new())),
        s if s.starts_with("fleetcast.run/") => {
            let outcome = summary(at, v)?;
            let (variants, luck, pictures) = (Vec::new(), Vec::new(), Vec::new());
            Ok(Found::Run(Box::new(Results { outcome, variants, manifest: None, luck, pictures })))
        }
        s if s.starts_with("fleetcast.sweep") => {
            Err(unreadable(at, &format!("its schema is {s}, which has not every run in it"), "name the sweep's folder"))
        }
        s => Err(unreadable(at, &format!("its schema is {s}, which is not of a run, a comparison or a sweep"), ANY)),
    }
}

/// The outcomes of its variants, in the order of their names.
pub fn variants(run: &Path) -> Result<Vec<Outcome>, Failure> {
    let all = below(&run.join("variants"), "json")?;
    all.into_iter().map(|path| value(&path, A_RUN).and_then(|v| summary(&path, v))).collect()
}

fn run(at: &Path) -> Result<Found, Failure> {
    let (outcome, variants) = (outcome(at)?, variants(at)?);
    let path = at.join("manifest.json");
    let manifest: Option<Manifest> = match path.exists() {
        true => Some(typed(&path, value(&path, A_RUN)?, manifest::SCHEMA, A_RUN)?),
        false => None,
    };
    let path = at.join("luck.json");
    let luck: Vec<OneLuck> = match path.exists() {
        true => typed::<LuckFile>(&path, value(&path, A_RUN)?, "fleetcast.luck/1", A_RUN)?.candidates,
        false => Vec::new(),
    };
    let luck = luck.into_iter().map(|l| (l.variant, l.luck)).collect();
    Ok(Found::Run(Box::new(Results { outcome, variants, manifest, luck, pictures: pictures(at)? })))
}

fn comparison(path: &Path, v: serde_json::Value) -> Result<compare::Report, Failure> {
    let r: compare::Report = typed(path, v, compare::SCHEMA, A_COMPARISON)?;
    if r.comparisons.is_empty() || r.replications == 0 {
        return Err(unreadable(path, "there is no comparison in it", A_COMPARISON));
    }
    Ok(r)
}

fn sweep(at: &Path) -> Result<Found, Failure> {
    let plan = read_plan(at)?.ok_or_else(|| unreadable(at, &format!("there is no {PLAN}"), ANY))?;
    if let Some(s) = plan.shard {
        let what = format!("`{}` is shard {}/{} of a sweep", at.display(), s.index, s.of);
        return Err(Failure::input(
            Diagnostic::error(what).help("put the parts together with `fleetcast merge` first"),
        ));
    }
    let runs = read_runs(at, &plan)?;
    let (has, wants) = (runs.len() as u64, plan.total());
    let swept = Swept::new(plan, runs).ok_or_else(|| {
        let what = format!("`{}` is not done: {has} of {wants} runs are in {RUNS}", at.display());
        Failure::input(Diagnostic::error(what).help("repeat the command that made it, and it goes on from there"))
    })?;
    if swept.plan.metrics.is_empty() {
        return Err(unreadable(at, "it keeps no metric", ANY));
    }
    Ok(Found::Sweep(Box::new(swept), pictures(at)?))
}

/// Files with an ending, by name; none where there is no such folder.
fn below(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(e) => e,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(unreadable(folder, &e.to_string(), ANY)),
    };
    let mut all: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    all.retain(|p| p.extension().is_some_and(|e| e == ending));
    all.sort();
    Ok(all)
}

/// The charts of a run, in the order in which a reader wants them; others follow by name.
const ORDER: [&str; 9] =
    ["dollars", "activities", "capacity", "spend", "waits", "slo", "options", "dashboard", "utilisation"];

fn pictures(folder: &Path) -> Result<Vec<Picture>, Failure> {
    let mut all = Vec::new();
    for path in below(&folder.join("charts"), "svg")? {
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let svg = fs::read_to_string(&path).map_err(|e| unreadable(&path, &e.to_string(), ANY))?;
        all.push(Picture::new(name, svg));
    }
    all.sort_by_key(|p| ORDER.iter().position(|n| *n == p.name).unwrap_or(ORDER.len()));
    Ok(all)
}
