//! `fleetcast run`: a scenario, its summary, its charts and tables.

mod luck;

use std::io::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::console::{Console, Exit, Failure};
use super::files::OutDir;
use super::load::{self, Input};
use super::trace_out::TraceOut;
use crate::outcome::{JobRow, MILLI_NS_PER_GPU_HOUR, NodeRow, Outcome, Progress, Recorder, Silent, StretchRow};
use crate::policy::placement::{TieOrder, Ties};
use crate::report::manifest::{self, InputFile, Manifest};
use crate::report::tables::{
    JobsCsv, charges_csv, loss_tables, service_tables, slice_tables, summary_json, timeseries_csv,
};
use crate::report::{About, drawings, render_all, summary};
use crate::scenario::Loaded;
use crate::scenario::file::money::PricesAt;
use crate::scenario::model::Model;
use crate::sim::simulate;
use crate::units::{Activity, Duration};

use luck::{Many, Plan, with_luck};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  fleetcast run
  fleetcast run my.ron --set pools.t4.nodes=40 --set queue=SkipAhead
  fleetcast run my.ron --variant all-on-demand --seed 7 --out run-7
  fleetcast run my.ron --replications 100
  fleetcast run my.ron --json | jq '.metrics[] | select(.name == \"cost.total\")'")]
pub struct Args {
    /// The scenario (.ron, .json, .yaml); the embedded quickstart where none is named
    scenario: Option<PathBuf>,
    /// Change a setting by name, e.g. `pools.ft.buy=OnDemand`; may be given several times
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Seed of every random stream, instead of the scenario's
    #[arg(long)]
    seed: Option<u64>,
    /// Run this variant alone
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Leave the scenario's variants out
    #[arg(long, conflicts_with = "variant")]
    no_variants: bool,
    /// Run it and its variants, and each point of its curves, so many times, each with luck of its own
    #[arg(long, value_name = "N")]
    replications: Option<NonZeroU32>,
    /// Leave the scenario's curves out
    #[arg(long)]
    no_curves: bool,
    /// Folder for charts and tables [default: fleetcast-out/SCENARIO]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write no files
    #[arg(long, conflicts_with = "out")]
    no_files: bool,
    /// Write the run (of variants, the base) as a trace for ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "FILE")]
    trace_out: Option<PathBuf>,
    /// Also run it under every tie order, and show how much the order of equal nodes moves the result
    #[arg(long)]
    ties: bool,
    /// Print the outcome as JSON (schema fleetcast.run/1) instead of the summary
    #[arg(long)]
    json: bool,
}

pub fn run(a: &Args, data: &Path, console: &Console) -> Result<Exit, Failure> {
    let input = load::scenario(a.scenario.as_deref(), &a.set, a.variant.as_deref(), data, console)?;
    let loaded = &input.loaded;
    let seed = a.seed.unwrap_or(loaded.scenario.seed);
    let folder = a.out.clone().unwrap_or_else(|| {
        let name = loaded
            .model
            .variant
            .as_ref()
            .map_or_else(|| loaded.model.name.clone(), |v| format!("{}-{v}", loaded.model.name));
        Path::new("fleetcast-out").join(name)
    });
    // Outputs are opened before the work starts: a bad path fails early.
    let out = if a.no_files { None } else { Some(OutDir::create(&folder)?) };
    let mut recorder = RunRecorder::new(out.as_ref(), loaded.model.window_start(), console)?;
    recorder.trace = a.trace_out.as_ref().map(|p| TraceOut::open(p, &loaded.model, seed)).transpose()?;
    let variants: &[_] = if a.no_variants { &[] } else { &loaded.variants };
    let (outcome, others) = rayon::join(
        || simulate(&loaded.model, seed, 0, &mut recorder),
        || variants.par_iter().map(|m| simulate(m, seed, 0, &mut Silent)).collect::<Vec<Outcome>>(),
    );
    recorder.finish(&outcome)?;
    for n in input.notices.iter().chain(&outcome.notices) {
        console.note(&format!("note: {n}"));
    }
    let many = plan(a, loaded, seed, &outcome, variants, &others).run(console);
    if let Some(out) = &out {
        write_all(out, a, seed, &input, &outcome, &others, &many)?;
    }
    if a.json {
        let text = summary_json(&outcome).and_then(|t| with_luck(&t, many.luck()));
        console.print(&text.map_err(|e| Failure::Fault(e.into()))?);
    } else {
        console.print(&summary::text(&outcome, &others, &next(a, out.as_ref(), &outcome, !others.is_empty())));
        if !many.candidates.is_empty() {
            console.print(&many.text());
        }
        if a.ties {
            console.print(&tie_orders(loaded, seed));
        }
    }
    Ok(Exit::Fine)
}

/// What is to be run besides: replications as the command line says, else the scenario; curves where they are written.
fn plan<'a>(
    a: &Args,
    loaded: &'a Loaded,
    seed: u64,
    outcome: &'a Outcome,
    variants: &'a [Model],
    others: &'a [Outcome],
) -> Plan<'a> {
    let curves = loaded
        .curves
        .iter()
        .filter(|c| !a.no_files && !a.no_curves && (!a.no_variants || c.variant.is_none()))
        .map(|c| (c, a.replications.map_or(c.replications, NonZeroU32::get)))
        .collect();
    Plan {
        runs: std::iter::once((&loaded.model, outcome)).chain(variants.iter().zip(others)).collect(),
        replications: a.replications.map_or(loaded.model.replications, NonZeroU32::get),
        curves,
        seed,
    }
}

/// The same run under every order in which equal nodes may be taken.
fn tie_orders(loaded: &Loaded, seed: u64) -> String {
    let orders: Vec<Ties> = TieOrder::ALL.into_iter().map(Ties::Order).chain([Ties::Random]).collect();
    let rows: Vec<(String, Outcome)> = orders
        .into_par_iter()
        .map(|ties| {
            let name = match ties {
                Ties::Order(o) => format!("{o:?}"),
                Ties::Random => "Random".to_owned(),
            };
            (name, simulate(&Model { ties, ..loaded.model.clone() }, seed, 0, &mut Silent))
        })
        .collect();
    let mut t = comfy_table::Table::new();
    t.load_style(comfy_table::presets::NOTHING);
    t.set_header(["tie order", "bill USD", "allocated %", "fragmented GPU-h", "wait mean", "wait p90", "done"]);
    for (name, o) in rows {
        let wait = |q: Option<f64>| q.map_or_else(|| "–".to_owned(), |ns| Duration(ns as u64).to_string());
        let waits = o.all_waits();
        t.add_row([
            name,
            o.bill().to_string(),
            o.utilisation().map_or_else(|| "–".to_owned(), |u| format!("{:.2}", 100.0 * u.0)),
            format!("{:.1}", o.gpu_activity(Activity::Fragmented) as f64 / MILLI_NS_PER_GPU_HOUR),
            wait(waits.mean()),
            wait(waits.quantile(0.9).map(|v| v as f64)),
            o.jobs.done.to_string(),
        ]);
    }
    format!("\nHow much the order of equal nodes moves the result\n{t}")
}

/// Three commands to try next.
fn next(a: &Args, out: Option<&OutDir>, o: &Outcome, variants: bool) -> Vec<String> {
    let scenario = a.scenario.as_ref().map_or_else(String::new, |p| format!(" {}", p.display()));
    // Of pools whose nodes are launched on request more of them change nothing: luck is what to look at there.
    let set = match o.pools.iter().find(|p| p.nodes_at_start > 0) {
        Some(p) => format!(" --set pools.{}.nodes={}", p.name, p.nodes_at_start + 2),
        None => " --replications 100".to_owned(),
    };
    let mut list = Vec::new();
    if let Some(out) = out {
        let at = out.path().display();
        list.push(format!("fleetcast report {at}    (one page of HTML; `explain` for the bill)"));
    }
    let serves = o.work.iter().any(|w| w.service.is_some());
    list.push(match &a.scenario {
        // Replicas decide there, not nodes: the variants beside each other, pair by pair.
        Some(p) if serves && variants => format!("fleetcast compare {} --replications 8", p.display()),
        _ => format!("fleetcast run{scenario}{set}"),
    });
    list.push(match &a.scenario {
        Some(p) => format!("fleetcast check {}", p.display()),
        None => "fleetcast init my.ron".to_owned(),
    });
    list
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn write_all(
    out: &OutDir,
    a: &Args,
    seed: u64,
    input: &Input,
    o: &Outcome,
    others: &[Outcome],
    many: &Many,
) -> Result<(), Failure> {
    let json = |e: serde_json::Error| Failure::Fault(e.into());
    let mut inputs = Vec::new();
    let mut files = input.inputs.clone();
    files.sort();
    files.dedup();
    for path in &files {
        let bytes = std::fs::read(path).map_err(|e| Failure::Fault(e.into()))?;
        inputs.push(InputFile { file: path.display().to_string(), sha256: sha256(&bytes) });
    }
    let manifest = Manifest {
        schema: manifest::SCHEMA.to_owned(),
        fleetcast: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: input.name.clone(),
        scenario_sha256: sha256(input.text.as_bytes()),
        random_streams: crate::kernel::random::SCHEME.to_owned(),
        seed,
        set: a.set.clone(),
        variant: o.variant.clone(),
        inputs,
        defaults: input
            .loaded
            .defaults
            .iter()
            .map(|d| manifest::Default { path: d.path.clone(), value: d.value.clone(), source: d.source.to_string() })
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&manifest).map_err(json)?;
    text.push('\n');
    out.write("manifest.json", text.as_bytes())?;
    let summary = summary_json(o).and_then(|t| with_luck(&t, many.luck())).map_err(json)?;
    out.write("summary.json", summary.as_bytes())?;
    out.write("timeseries.csv", timeseries_csv(o).as_bytes())?;
    out.write("charges.csv", charges_csv(o).as_bytes())?;
    for (name, text) in loss_tables(o).into_iter().chain(service_tables(o)).chain(slice_tables(o)) {
        out.write(name, text.as_bytes())?;
    }
    for v in others {
        let name = v.variant.as_deref().unwrap_or("variant");
        out.write(&format!("variants/{name}.json"), summary_json(v).map_err(json)?.as_bytes())?;
    }
    let prices = match &input.loaded.scenario.prices {
        PricesAt::On(d) => d.value.to_string(),
        PricesAt::InForce => input.loaded.model.start.date().to_string(),
    };
    let about = About::of(o, env!("CARGO_PKG_VERSION"), Some(&prices)).with(&input.loaded.model);
    let charts = render_all(drawings(o, others, &about)).map_err(|e| Failure::Fault(e.into()))?;
    for c in charts {
        out.write(&format!("charts/{}.svg", c.name), c.svg.as_bytes())?;
        out.write(&format!("charts/{}.png", c.name), &c.png)?;
        out.write(&format!("charts/{}.csv", c.name), c.csv.as_bytes())?;
    }
    many.write(out, &o.scenario, &about)
}

/// Writes job rows as they come, and shows how far the run is.
struct RunRecorder {
    jobs: Option<(JobsCsv<std::io::BufWriter<std::fs::File>>, super::files::Pending)>,
    trace: Option<TraceOut>,
    broken: Option<String>,
    bar: Option<ProgressBar>,
}

impl RunRecorder {
    fn new(out: Option<&OutDir>, start: crate::units::SimTime, console: &Console) -> Result<RunRecorder, Failure> {
        let jobs = match out {
            Some(out) => {
                let pending = out.open("jobs.csv")?;
                let file = pending.file.as_file().try_clone().map_err(|e| Failure::Fault(e.into()))?;
                let rows = JobsCsv::new(std::io::BufWriter::new(file), start).map_err(|e| Failure::Fault(e.into()))?;
                Some((rows, pending))
            }
            None => None,
        };
        let bar = console.progress.then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {eta} left  {msg}");
            ProgressBar::new(1000).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Ok(RunRecorder { jobs, trace: None, broken: None, bar })
    }

    fn finish(self, o: &Outcome) -> Result<(), Failure> {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        if let Some(trace) = self.trace {
            trace.finish(o)?;
        }
        if let Some(e) = self.broken {
            return Err(Failure::Fault(anyhow::anyhow!("writing jobs.csv: {e}")));
        }
        if let Some((rows, pending)) = self.jobs {
            let mut w = rows.finish().map_err(|e| Failure::Fault(e.into()))?;
            w.flush().map_err(|e| Failure::Fault(e.into()))?;
            pending.keep()?;
        }
        Ok(())
    }
}

impl Recorder for RunRecorder {
    fn wants_jobs(&self) -> bool {
        self.jobs.is_some()
    }

    fn wants_stretches(&self) -> bool {
        self.trace.is_some()
    }

    fn stretch(&mut self, row: &StretchRow<'_>) {
        if let Some(t) = &mut self.trace {
            t.stretch(row);
        }
    }

    fn node(&mut self, row: &NodeRow<'_>) {
        if let Some(t) = &mut self.trace {
            t.node(row);
        }
    }

    fn job(&mut self, row: &JobRow<'_>) {
        if let Some((rows, _)) = &mut self.jobs
            && self.broken.is_none()
            && let Err(e) = rows.row(row)
        {
            self.broken = Some(e.to_string());
        }
    }

    fn progress(&mut self, p: Progress) -> bool {
        if let Some(bar) = &self.bar {
            bar.set_position((p.now.0 as u128 * 1000 / p.end.0.max(1) as u128) as u64);
            bar.set_message(format!("{} events", p.events));
        }
        self.broken.is_none() && !self.trace.as_ref().is_some_and(TraceOut::is_broken)
    }
}
