//! `fleetcast sweep`: a scenario at many points of its settings, each run several times under the same luck.

mod finish;
pub(super) mod folder;
mod points;
mod prepare;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::console::{Console, Exit, Failure};
use super::run::sha256;
pub(super) use finish::{Shown, finish};
use folder::Folder;
use points::Points;
use prepare::{Prepared, prepare};

use crate::experiment::sweep::record::{AxisRecord, InputFile, MOST_SHARDS, SCHEMA};
use crate::experiment::sweep::run::Task;
use crate::experiment::sweep::{Plan, Run, Shard, Swept};
use crate::experiment::{Control, sweep};
use crate::report::words;
use crate::scenario::file::money::PricesAt;
use crate::units::SourceMap;

/// Arguments of `sweep`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A list is split at its commas; a range has both of its ends, and its numbers may have units. Several axes make a grid.
Every point is checked before the first run. Each run that ends is written down at once: the same command takes an interrupted
sweep up where it was, and `--shard` and `fleetcast merge` give the same bytes as a single run.

Examples:
  fleetcast sweep my.ron --axis pools.t4.nodes=4..16:2
  fleetcast sweep my.ron --axis pools.t4.nodes=4,8,12 --axis queue=Fifo,SkipAhead --replications 20
  fleetcast sweep my.ron --axis work.ft.checkpoint.every=10m..2h:10m --metric cost.total work.ft.finish.p50
  fleetcast sweep my.ron --axis pools.t4.nodes=4..16 --axis work.ft.deadline=30h..60h --latin 40
  fleetcast sweep my.ron --design sweep.ron --shard 2/3 --out part-2
  fleetcast merge part-1 part-2 part-3 --out all")]
pub struct Args {
    /// The scenario (.ron, .json, .yaml); the embedded quickstart where none is named
    scenario: Option<PathBuf>,
    /// A setting and its values: a list, a range, or a list of both; may be given several times
    #[arg(long, value_name = "PATH=A,B,C|FROM..TO:STEP")]
    axis: Vec<String>,
    /// Axes, replications and metrics from a file (.ron, .json, .yaml)
    #[arg(long, value_name = "FILE")]
    design: Option<PathBuf>,
    /// So many points of a Latin hypercube in the place of the grid; ranges then need no step
    #[arg(long, value_name = "N")]
    latin: Option<NonZeroU32>,
    /// Run each point so many times, with the same luck at all points, instead of as often as the scenario says
    #[arg(long, value_name = "N")]
    replications: Option<NonZeroU32>,
    /// The metrics to keep (`fleetcast metrics`); points are ranked by the first
    #[arg(long, value_name = "NAME", num_args = 1..)]
    metric: Vec<String>,
    /// Change a setting of all points by name; may be given several times
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Start from the settings of this variant
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Seed of every random stream, instead of the scenario's
    #[arg(long)]
    seed: Option<u64>,
    /// Do this part of the runs alone; `fleetcast merge` puts the parts together
    #[arg(long, value_name = "I/N", value_parser = shard, conflicts_with = "json")]
    shard: Option<Shard>,
    /// Folder for the results [default: fleetcast-out/SCENARIO-sweep]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print the results as JSON (schema fleetcast.sweep-result/1) instead of the table
    #[arg(long)]
    json: bool,
}

/// Reads `2/3`.
fn shard(text: &str) -> Result<Shard, String> {
    let number = |t: &str| t.trim().parse::<u32>().ok();
    let Some((index, of)) = text.split_once('/').and_then(|(i, n)| Some((number(i)?, number(n)?))) else {
        return Err("write I/N, for example 2/3 for the second of three parts".to_owned());
    };
    if !(1..=MOST_SHARDS).contains(&of) {
        return Err(format!("a sweep has from 1 to {MOST_SHARDS} shards"));
    }
    if !(1..=of).contains(&index) {
        return Err(format!("{of} shards are numbered from 1 to {of}"));
    }
    Ok(Shard { index, of })
}

pub fn run(a: &Args, data: &Path, console: &Console) -> Result<Exit, Failure> {
    let mut sources = SourceMap::default();
    let prepared = match prepare(a, data, console, &mut sources) {
        Ok(p) => p,
        Err(d) => return Err(Failure::Input(d, sources)),
    };
    let plan = plan(a, &prepared)?;
    let path = a.out.clone().unwrap_or_else(|| {
        let part = plan.shard.map_or_else(String::new, |s| format!("-{}-of-{}", s.index, s.of));
        let variant = plan.variant.as_ref().map_or_else(String::new, |v| format!("-{v}"));
        Path::new("fleetcast-out").join(format!("{}{variant}-sweep{part}", plan.name))
    });
    let (folder, mut runs) = Folder::open(&path, &plan)?;
    let (folder, more) = work(folder, &plan, &runs, &prepared.points, console)?;
    runs.extend(more);
    runs.sort_by_key(|r| (r.point, r.replication));
    let out = folder.finish(&runs)?;
    if let Some(s) = plan.shard {
        let text = format!("shard {}/{}: {} in {}", s.index, s.of, counted(runs.len(), "run"), path.display());
        console.note(&format!("{text}; `fleetcast merge` puts the {} parts together", s.of));
        return Ok(Exit::Fine);
    }
    let swept = Swept::new(plan, runs).ok_or_else(|| anyhow::anyhow!("a run of the sweep is missing"))?;
    finish(&out, &swept, &Shown { json: a.json, scenario: a.scenario.as_deref() }, console)?;
    Ok(Exit::Fine)
}

fn plan(a: &Args, p: &Prepared) -> Result<Plan, Failure> {
    let mut inputs = Vec::new();
    for path in &p.points.inputs {
        let bytes = std::fs::read(path).map_err(|e| Failure::Fault(e.into()))?;
        inputs.push(InputFile { file: path.display().to_string(), sha256: sha256(&bytes) });
    }
    let m = &p.settings.model;
    let prices = match &p.settings.scenario.prices {
        PricesAt::On(d) => d.value.to_string(),
        PricesAt::InForce => m.start.date().to_string(),
    };
    let zone = m.start.time_zone().iana_name().unwrap_or("UTC").to_owned();
    let length = words::length(m.horizon.0);
    Ok(Plan {
        schema: SCHEMA.to_owned(),
        fleetcast: env!("CARGO_PKG_VERSION").to_owned(),
        random_streams: crate::kernel::random::SCHEME.to_owned(),
        name: m.name.clone(),
        scenario: p.opened.name.clone(),
        scenario_sha256: p.sha256.clone(),
        inputs,
        set: a.set.clone(),
        variant: a.variant.clone(),
        seed: p.seed,
        replications: p.replications,
        axes: p.design.axes.iter().map(|x| AxisRecord { path: x.path.clone(), to: x.written() }).collect(),
        latin: p.design.latin.map(NonZeroU32::get),
        metrics: p.kept.clone(),
        about: format!("{length} from {} ({zone}) · prices of {prices}", m.start.date()),
        evidence: m.evidence.clone(),
        points: (0..p.design.len()).map(|i| p.design.values(i)).collect(),
        shard: a.shard,
    })
}

/// Does the runs that are not there, and writes each down as it ends.
fn work(
    folder: Folder,
    plan: &Plan,
    there: &[Run],
    points: &Points,
    console: &Console,
) -> Result<(Folder, Vec<Run>), Failure> {
    let done: BTreeSet<(u32, u32)> = there.iter().map(|r| (r.point, r.replication)).collect();
    let mut tasks = Vec::new();
    for (point, replication) in plan.runs().filter(|r| !done.contains(r)) {
        let model = points.models[point as usize].as_ref();
        let model = model.ok_or_else(|| anyhow::anyhow!("point {point} was not loaded"))?;
        tasks.push(Task { point, replication, model });
    }
    let before = if done.is_empty() { String::new() } else { format!(", {} of them done before", done.len()) };
    let all = done.len() + tasks.len();
    console.note(&format!(
        "{} × {}: {}{before}",
        counted(plan.points.len(), "point"),
        counted(plan.replications as usize, "replication"),
        counted(all, "run")
    ));
    let bar = (console.progress && !tasks.is_empty()).then(|| {
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {eta} left  {pos} of {len} runs");
        let bar = ProgressBar::new(all as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        // The time left counts from what is to be done now.
        bar.with_position(done.len() as u64)
    });
    if let Some(bar) = &bar {
        bar.reset_eta();
    }
    let stop = AtomicBool::new(false);
    let state = Mutex::new((folder, Vec::with_capacity(tasks.len()), None));
    let ended = |run: Run| {
        // A thread that panicked while it held the lock has ended the process's work anyway.
        let Ok(mut state) = state.lock() else { return };
        match state.0.add(&run) {
            Ok(()) => state.1.push(run),
            Err(e) => {
                state.2 = Some(e);
                stop.store(true, Ordering::Relaxed);
            }
        }
        if let Some(bar) = &bar {
            bar.inc(1);
        }
    };
    sweep::run::all(&tasks, plan.seed, &plan.metrics, Control { stop: Some(&stop), done: None }, &ended);
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let (folder, runs, broken) = state.into_inner().map_err(|_| anyhow::anyhow!("a run did not come to its end"))?;
    match broken {
        Some(e) => Err(e),
        None => Ok((folder, runs)),
    }
}

/// `1 run`, `2,000 runs`.
pub(super) fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", words::count(n as u64), if n == 1 { "" } else { "s" })
}
