//! `fleetcast merge`: the shards of a sweep put together, to the same bytes as a single run.

use std::path::{Path, PathBuf};

use super::console::{Console, Exit, Failure};
use super::files::OutDir;
use super::sweep::folder::{PLAN, json, read_plan, read_runs, same, write_runs};
use super::sweep::{Shown, finish};
use crate::experiment::sweep::{Plan, Run, Swept};
use crate::units::{Diagnostic, Diagnostics};

/// Arguments of `merge`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  fleetcast sweep my.ron --axis pools.t4.nodes=4..16:2 --shard 1/2 --out part-1     on one machine
  fleetcast sweep my.ron --axis pools.t4.nodes=4..16:2 --shard 2/2 --out part-2     on another
  fleetcast merge part-1 part-2 --out all")]
pub struct Args {
    /// The folders of all shards, in any order
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// Folder for the whole sweep
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Print the results as JSON (schema fleetcast.sweep-result/1) instead of the table
    #[arg(long)]
    json: bool,
}

/// A shard's folder.
struct Part<'a> {
    folder: &'a Path,
    plan: Plan,
    runs: Vec<Run>,
}

pub fn run(a: &Args, console: &Console) -> Result<Exit, Failure> {
    let mut parts = Vec::new();
    for folder in &a.folders {
        let plan = read_plan(folder)?.ok_or_else(|| {
            Diagnostic::error(format!("there is no sweep in `{}`", folder.display()))
                .help(format!("the folder of a shard has a file {PLAN}"))
        })?;
        let runs = read_runs(folder, &plan)?;
        parts.push(Part { folder, plan, runs });
    }
    let found = faults(&parts);
    if found.has_errors() {
        return Err(Failure::input(found));
    }
    // Where files lie is told by the first part, whatever the order of the folders.
    parts.sort_by_key(|p| p.plan.shard.map(|s| s.index));
    let plan = Plan { shard: None, ..parts[0].plan.clone() };
    if let Some(there) = read_plan(&a.out)? {
        same(&a.out, &there, &plan)?;
    }
    let runs = parts.into_iter().flat_map(|p| p.runs).collect();
    let swept = Swept::new(plan, runs).ok_or_else(|| anyhow::anyhow!("a run of the sweep is missing"))?;
    let out = OutDir::create(&a.out)?;
    out.write(PLAN, json(&swept.plan)?.as_bytes())?;
    write_runs(&out, swept.runs())?;
    finish(&out, &swept, &Shown { json: a.json, scenario: Some(Path::new(&swept.plan.scenario)) }, console)?;
    Ok(Exit::Fine)
}

/// Why the parts are not one sweep: all that can be said together.
fn faults(parts: &[Part<'_>]) -> Diagnostics {
    let mut out = Diagnostics::default();
    let first = &parts[0];
    for p in &parts[1..] {
        let (there, here) = (format!("in `{}`", first.folder.display()), format!("in `{}`", p.folder.display()));
        let mut differs = first.plan.differences(&p.plan, &there, &here);
        if let (Some(a), Some(b)) = (first.plan.shard, p.plan.shard)
            && a.of != b.of
        {
            differs.push(format!("parts: {} {there}, {} {here}", a.of, b.of));
        }
        if !differs.is_empty() {
            let what = format!("`{}` and `{}` are not of the same sweep", first.folder.display(), p.folder.display());
            out.push(differs.into_iter().fold(Diagnostic::error(what), Diagnostic::help));
        }
    }
    for p in parts.iter().filter(|p| p.plan.shard.is_none()) {
        out.push(
            Diagnostic::error(format!("`{}` holds a whole sweep, not a shard of one", p.folder.display()))
                .help("name the folders that `fleetcast sweep --shard I/N` made"),
        );
    }
    if out.has_errors() {
        return out;
    }
    let of = first.plan.shard.map_or(0, |s| s.of);
    let index = |p: &Part<'_>| p.plan.shard.map_or(0, |s| s.index);
    for (i, p) in parts.iter().enumerate() {
        if let Some(other) = parts[..i].iter().find(|o| index(o) == index(p)) {
            let what = format!("`{}` and `{}`", other.folder.display(), p.folder.display());
            out.push(
                Diagnostic::error(format!("{what} are both shard {}/{of}", index(p))).help("name one of them alone"),
            );
        }
        let (has, wants) = (p.runs.len(), p.plan.runs().count());
        if has < wants {
            let what = format!("`{}` is not done: {has} of {wants} runs have ended", p.folder.display());
            out.push(Diagnostic::error(what).help("repeat the command that made it, and it goes on from there"));
        }
    }
    // A list of what is missing stays short however many parts there are.
    let missing: Vec<String> =
        (1..=of).filter(|i| parts.iter().all(|p| index(p) != *i)).map(|i| i.to_string()).collect();
    if !missing.is_empty() {
        let (some, more) =
            (missing.iter().take(12).cloned().collect::<Vec<_>>().join(", "), missing.len().saturating_sub(12));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        out.push(
            Diagnostic::error(format!("of the {of} shards these are missing: {some}{more}"))
                .help("run them with `fleetcast sweep … --shard I/N`, or name their folders too"),
        );
    }
    out
}
