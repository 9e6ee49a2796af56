//! Measured runs of vLLM, replayed request by request.
//!
//! A run is a file `vllm_GPU_MODEL.csv` with the columns `arrival_s`, `input_tokens`, `output_tokens`, `ttft_s` and
//! `latency_s`, in the data folder or its `llm-measured/` (two of vLLM 0.19 come from LLMServingSim, MIT). The cost of a
//! step comes from the bundled profile of that GPU and model, which was fitted to kernel timings and not to the run. A GPU and
//! model without a profile are priced from the data sheet, and one constant of the host is found for their mean
//! latency; such a run is unchecked.

use std::path::{Path, PathBuf};

use super::SUITE;
use crate::catalog::Catalog;
use crate::formats::rows::Outcome;
use crate::formats::rows::csv::Csv;
use crate::serving::cost::{Quantised, StepCost};
use crate::serving::fit::from_trace;
use crate::serving::physics::Setup;
use crate::serving::profile::{self, Dtype, Model, Profile};
use crate::serving::replica::{Config, Replica};
use crate::serving::request::{Record, Request, Sink};
use crate::units::{Diagnostics, Duration, SimTime, SourceMap};
use crate::verify::{Case, NoCases, Options};

/// By how much means and 99th percentiles may be off, of the measured figure.
const MEAN: f64 = 0.05;
const P99: f64 = 0.08;

/// A request as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    arrival_s: f64,
    prompt: u32,
    output: u32,
    ttft_s: f64,
    latency_s: f64,
}

/// Runs every file that is there.
///
/// # Errors
/// [`NoCases::Bad`] for one that cannot be read.
pub fn cases(options: &Options, out: &mut Vec<Case>) -> Result<(), NoCases> {
    let (mut sources, mut found) = (SourceMap::default(), Diagnostics::default());
    for file in options.data.as_deref().map(files).unwrap_or_default() {
        match read(&file) {
            Ok(run) => held(&file, &run, out),
            Err(fault) => found.push(fault.into_diagnostic(&mut sources)),
        }
    }
    if found.has_errors() { Err(NoCases::Bad(found, sources)) } else { Ok(()) }
}

/// `vllm_*.csv` of a folder, or of `llm-measured/` in it where it has none; their time series are something else.
fn files(data: &Path) -> Vec<PathBuf> {
    for folder in [data.to_owned(), data.join("llm-measured")] {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let wanted = |p: &PathBuf| {
            let name = p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            name.starts_with("vllm_") && name.ends_with(".csv") && !name.ends_with("_timeseries.csv")
        };
        let mut here: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).filter(wanted).collect();
        here.sort();
        if !here.is_empty() {
            return here;
        }
    }
    Vec::new()
}

fn read(path: &Path) -> Outcome<Vec<Measured>> {
    let mut csv = Csv::open(path)?;
    let at = ["arrival_s", "ttft_s", "latency_s"].map(|n| csv.column(n));
    let [arrival, ttft, latency] = at;
    let (arrival, ttft, latency) = (arrival?, ttft?, latency?);
    let (input, output) = (csv.column("input_tokens")?, csv.column("output_tokens")?);
    let mut out: Vec<Measured> = Vec::new();
    while let Some(row) = csv.next_row()? {
        let tokens = |c| match row.u64(c)? {
            n @ 1..=1_000_000 => Ok(n as u32),
            n => Err(row.fault(c, format!("line {}: {n} tokens", row.line()), "must be from 1 to 1,000,000")),
        };
        let m = Measured {
            arrival_s: row.f64(arrival)?,
            prompt: tokens(input)?,
            output: tokens(output)?,
            ttft_s: row.f64(ttft)?,
            latency_s: row.f64(latency)?,
        };
        if out.last().is_some_and(|l| m.arrival_s < l.arrival_s) {
            let text = format!("line {}: it arrives before the request above it", row.line());
            return Err(row.fault(arrival, text, "must not be less than in the line above"));
        }
        out.push(m);
    }
    Ok(out)
}

/// Remembers what was finished, by number.
#[derive(Default)]
struct Finished(Vec<Option<Record>>);

impl Sink for Finished {
    fn finished(&mut self, r: &Record) {
        self.0[r.id as usize] = Some(*r);
    }
}

/// Replays a run; returns the records of those that finished, in order of arrival.
fn replay(run: &[Measured], config: &Config, cost: &StepCost) -> Vec<Record> {
    let Ok(cost) = Quantised::new(cost) else { return Vec::new() };
    let Ok(mut replica) = Replica::new(config.clone(), cost) else { return Vec::new() };
    let mut sink = Finished(vec![None; run.len()]);
    for (id, m) in run.iter().enumerate() {
        let at = SimTime::ZERO + Duration::from_secs_f64(m.arrival_s);
        replica.offer(at, Request::new(id as u64, at, m.prompt, m.output), &mut sink);
    }
    replica.advance(SimTime::MAX, &mut sink);
    sink.0.into_iter().flatten().collect()
}

/// Letters and digits only, small: how names of GPUs and models are compared.
fn plain(s: &str) -> String {
    s.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// GPU and model of a file by its name.
fn names(file: &Path) -> (String, String) {
    let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = stem.trim_start_matches("vllm_");
    let (gpu, model) = rest.split_once('_').unwrap_or((rest, ""));
    (gpu.to_owned(), model.to_owned())
}

/// The profile that was fitted to kernels of that GPU and model, if there is one.
fn bundled(gpu: &str, model: &str) -> Option<&'static Profile> {
    let of = |p: &&Profile| {
        p.engine == "vllm" && p.tp == 1 && plain(&p.device).starts_with(&plain(gpu)) && plain(&p.model) == plain(model)
    };
    profile::bundled().iter().find(of)
}

/// A profile from the data sheet, its host constant found for the run's mean latency.
fn prior(run: &[Measured], gpu: &str, model: &str) -> Option<(StepCost, Config)> {
    let (device, model) = (Catalog::embedded().device(gpu).ok()?, Model::find(model).ok()?);
    let setup = Setup {
        model,
        device,
        tp: 1,
        engine: "vllm",
        weights: Dtype::Bf16,
        compute: Dtype::Bf16,
        kv: Dtype::Bf16,
        link: None,
    };
    let p = Profile::from_physics(&setup).ok()?;
    let config = Config { kv_tokens: p.kv_tokens().ok()?, ..Config::default() };
    let measured = run.iter().map(|m| m.latency_s).sum::<f64>() / run.len() as f64;
    let mean = |cost: &StepCost| {
        let all = replay(run, &config, cost);
        all.iter().map(|r| r.ended.since(r.arrival).as_secs_f64()).sum::<f64>() / all.len() as f64
    };
    let cost = from_trace(&p.cost, measured, mean).map_or(p.cost, |c| c.cost);
    Some((cost, config))
}

/// The figures of a run beside ours.
fn held(file: &Path, run: &[Measured], out: &mut Vec<Case>) {
    let (gpu, model) = names(file);
    let (cost, config, checked) = match bundled(&gpu, &model) {
        Some(p) => {
            let config = Config {
                kv_tokens: p.kv_tokens().unwrap_or(400_000),
                max_num_seqs: p.max_sequences.unwrap_or(256),
                ..Config::default()
            };
            (p.cost, config, true)
        }
        None => match prior(run, &gpu, &model) {
            Some((cost, config)) => (cost, config, false),
            None => return,
        },
    };
    let ours = replay(run, &config, &cost);
    let run_of = |f: fn(&Measured) -> Option<f64>| run.iter().filter_map(f).collect::<Vec<f64>>();
    let ours_of = |f: fn(&Record) -> Option<f64>| ours.iter().filter_map(f).collect::<Vec<f64>>();
    let measured_tpot = |m: &Measured| (m.output > 1).then(|| (m.latency_s - m.ttft_s) / f64::from(m.output - 1) * 1e3);
    let figures: [(&str, Vec<f64>, Vec<f64>); 3] = [
        ("ttft (s)", run_of(|m| Some(m.ttft_s)), ours_of(|r| Some(r.first_token.since(r.arrival).as_secs_f64()))),
        (
            "tpot (ms)",
            run.iter().filter_map(measured_tpot).collect(),
            ours_of(|r| r.tpot_ns().map(|ns| ns as f64 / 1e6)),
        ),
        ("latency (s)", run_of(|m| Some(m.latency_s)), ours_of(|r| Some(r.ended.since(r.arrival).as_secs_f64()))),
    ];
    for (what, theirs, ours) in figures {
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        for (name, theirs, ours, share) in
            [("mean", mean(&theirs), mean(&ours), MEAN), ("p99", p99(&theirs), p99(&ours), P99)]
        {
            let case = format!("run/{gpu}/{model}/{what} {name}");
            out.push(if checked {
                Case::checked(SUITE, case, theirs, ours, share * theirs)
            } else {
                Case { published: Some(theirs), ..Case::unchecked(SUITE, case, ours) }
            });
        }
    }
}

/// The value at rank `0.99 (n − 1)`, rounded: as the measured figures were published.
fn p99(values: &[f64]) -> f64 {
    let mut v = values.to_vec();
    v.sort_by(f64::total_cmp);
    let rank = (0.99 * (v.len().max(1) - 1) as f64).round() as usize;
    v.get(rank).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_profiles() {
        let (gpu, model) = names(Path::new("x/vllm_RTXPRO6000_llama-3.1-8b.csv"));
        assert_eq!((gpu.as_str(), model.as_str()), ("RTXPRO6000", "llama-3.1-8b"));
        for gpu in ["RTX4090", "RTXPRO6000"] {
            assert!(bundled(gpu, &model).is_some(), "{gpu}");
        }
        assert!(bundled("H100", "gpt-2").is_none());
    }

    #[test]
    fn faults_of_a_run_have_a_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let head = "arrival_s,input_tokens,output_tokens,ttft_s,latency_s\n";
        for (rows, line) in [("1,5,5,1,2\n0.5,5,5,1,2\n", 3), ("0,0,5,1,2\n", 2), ("0,5,-1,1,2\n", 2)] {
            std::fs::write(dir.path().join("vllm_RTX4090_llama-3.1-8b.csv"), format!("{head}{rows}")).expect("written");
            let options = Options { data: Some(dir.path().to_owned()), ..Options::default() };
            let Err(NoCases::Bad(found, sources)) = cases(&options, &mut Vec::new()) else { panic!("{rows}") };
            let (id, span) = found.list[0].at.expect("a place");
            let shown = sources.get(id).name.clone();
            assert!(shown.contains("vllm_RTX4090"), "{shown} {span:?} {line}");
        }
    }
}
