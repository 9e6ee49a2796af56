//! The replications of a run and of its variants, its curves, and what is written and said of them.

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::super::console::{Console, Failure};
use super::super::files::OutDir;
use crate::experiment::luck::{Finish, Kept};
use crate::experiment::{Candidate, Control, CurveOutcome, Luck, Rep, curve, replicate};
use crate::outcome::Outcome;
use crate::report::About;
use crate::report::chart::{curves, finishes, luck_drawings};
use crate::report::words;
use crate::scenario::Curve;
use crate::scenario::model::Model;

/// What is to be run besides the runs that give the charts of one run.
pub(super) struct Plan<'a> {
    /// The scenario and its variants, each with the outcome of its replication 0.
    pub runs: Vec<(&'a Model, &'a Outcome)>,
    /// How many replications each of them has in all.
    pub replications: u32,
    /// Curves, each with how often a point is run.
    pub curves: Vec<(&'a Curve, u32)>,
    pub seed: u64,
}

/// What came of it.
pub(super) struct Many {
    /// The scenario first, then its variants; empty with a single replication.
    pub candidates: Vec<Candidate>,
    pub curves: Vec<CurveOutcome>,
}

impl Plan<'_> {
    /// Runs everything, with a bar that counts the runs.
    pub fn run(&self, console: &Console) -> Many {
        let n = self.replications;
        let of_runs = if n > 1 { u64::from(n - 1) * self.runs.len() as u64 } else { 0 };
        let of_curves: u64 = self.curves.iter().map(|(c, k)| c.points.len() as u64 * u64::from(*k)).sum();
        let bar = (console.progress && of_runs + of_curves > 0).then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {eta} left  {pos} of {len} runs");
            ProgressBar::new(of_runs + of_curves).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let done = || {
            if let Some(bar) = &bar {
                bar.inc(1);
            }
        };
        let control = Control { stop: None, done: Some(&done) };
        let candidate = |(model, first): &(&Model, &Outcome)| {
            let mut reps = vec![Rep::of(model, 0, first)];
            reps.extend(replicate(model, self.seed, 1..n, control, |r, o| Rep::of(model, r, o)));
            Candidate::of(model, self.seed, n, reps)
        };
        let candidates = if n > 1 { self.runs.iter().map(candidate).collect() } else { Vec::new() };
        let curves = self.curves.iter().map(|(c, k)| curve::run(c, self.seed, *k, control)).collect();
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        Many { candidates, curves }
    }
}

#[derive(Serialize)]
struct LuckFile<'a> {
    schema: &'static str,
    scenario: &'a str,
    candidates: Vec<OneLuck<'a>>,
}

#[derive(Serialize)]
struct OneLuck<'a> {
    variant: Option<&'a str>,
    luck: &'a Luck,
}

impl Many {
    /// What the scenario's own replications say.
    pub fn luck(&self) -> Option<&Luck> {
        self.candidates.first().map(|c| &c.luck)
    }

    /// Writes tables and charts.
    pub fn write(&self, out: &OutDir, scenario: &str, about: &About) -> Result<(), Failure> {
        if !self.candidates.is_empty() {
            let candidates =
                self.candidates.iter().map(|c| OneLuck { variant: c.variant.as_deref(), luck: &c.luck }).collect();
            let file = LuckFile { schema: "fleetcast.luck/1", scenario, candidates };
            let mut text = serde_json::to_string_pretty(&file).map_err(|e| Failure::Fault(e.into()))?;
            text.push('\n');
            out.write("luck.json", text.as_bytes())?;
            out.write("replications.csv", replications_csv(&self.candidates)?.as_bytes())?;
        }
        if !self.curves.is_empty() {
            out.write("curves.csv", curves::table(&self.curves).as_bytes())?;
        }
        for (file, drawing) in luck_drawings(&self.candidates, &self.curves, about) {
            let charts = crate::report::render_all(vec![drawing]).map_err(|e| Failure::Fault(e.into()))?;
            for c in charts {
                out.write(&format!("charts/{file}.svg"), c.svg.as_bytes())?;
                out.write(&format!("charts/{file}.png"), &c.png)?;
                out.write(&format!("charts/{file}.csv"), c.csv.as_bytes())?;
            }
        }
        Ok(())
    }

    /// What is said of it after the summary; empty with a single replication.
    pub fn text(&self) -> String {
        let Some(base) = self.candidates.first() else { return String::new() };
        let mut lines =
            vec![format!("Luck      {} runs of each; 95 % intervals in brackets", words::count(base.luck.n.into()))];
        let many = self.candidates.len() > 1;
        let alike = |who: &str| {
            fold(&format!(
                "{who}all runs are the same, event for event: nothing random was drawn, or nothing that matters, \
                 and the intervals say nothing of luck"
            ))
        };
        let all_alike = self.candidates.iter().all(|c| c.luck.alike);
        if all_alike {
            lines.extend(alike(""));
        }
        for c in &self.candidates {
            let who = |work: &str| match (many, c.luck.work.len() > 1) {
                (true, true) => format!("{}, {work}: ", c.name()),
                (true, false) => format!("{}: ", c.name()),
                (false, true) => format!("{work}: "),
                (false, false) => String::new(),
            };
            if c.luck.alike && !all_alike {
                lines.extend(alike(&who("").replace(", :", ":")));
            }
            let mut told = false;
            for w in &c.luck.work {
                let Some(m) = &w.makespan else { continue };
                let quantile = |p| m.at(p).map_or_else(|| "–".to_owned(), finishes::with_interval);
                let mut text = format!("{}finish P50 {}, P90 {}", who(&w.name), quantile(0.5), quantile(0.9));
                if let Some(d) = &w.deadline {
                    text.push_str(&format!("; {}", finishes::misses(d, c.luck.n)));
                }
                for (k, what) in [(m.beyond, "beyond the horizon"), (m.never, "never")] {
                    if k > 0 {
                        text.push_str(&format!("; {k} finish {what}"));
                    }
                }
                lines.extend(fold(&text));
                told = true;
            }
            if let Some(s) = &c.luck.cost {
                let range = match (s.mean.low, s.mean.high) {
                    (Some(a), Some(b)) => format!(" ({}–{})", words::dollars(a), words::dollars(b)),
                    _ => String::new(),
                };
                let p90 = s
                    .at(0.9)
                    .and_then(|q| q.value.value())
                    .map_or_else(String::new, |v| format!(", P90 {} USD", words::dollars(v)));
                let who = if told { "  ".to_owned() } else { who("").replace(", :", ":") };
                lines.extend(fold(&format!("{who}cost {} USD{range}{p90}", words::dollars(s.mean.mean))));
            }
        }
        format!("\n{}", lines.join("\n"))
    }
}

/// Lines of at most a hundred columns behind the gutter of the summary.
fn fold(text: &str) -> Vec<String> {
    let mut out = vec![String::from(" ").repeat(9)];
    for w in text.split(' ') {
        let last = out.len() - 1;
        if out[last].chars().count() + 1 + w.chars().count() > 100 {
            out.push(format!("{:12}{w}", ""));
        } else {
            out[last].push(' ');
            out[last].push_str(w);
        }
    }
    out
}

/// The outcome's JSON with what its replications say under the key `luck`.
pub(super) fn with_luck(text: &str, luck: Option<&Luck>) -> Result<String, serde_json::Error> {
    let Some(luck) = luck else { return Ok(text.to_owned()) };
    let mut value: serde_json::Value = serde_json::from_str(text)?;
    if let Some(map) = value.as_object_mut() {
        map.insert("luck".to_owned(), serde_json::to_value(luck)?);
    }
    let mut text = serde_json::to_string_pretty(&value)?;
    text.push('\n');
    Ok(text)
}

/// A row a replication and workload. `finish_s` is the time to the end where the state is `finished`, else how long it was
/// watched.
fn replications_csv(all: &[Candidate]) -> Result<String, Failure> {
    let fault = |e: csv::Error| Failure::Fault(e.into());
    let mut w = csv::Writer::from_writer(Vec::new());
    let head = [
        "variant",
        "replication",
        "workload",
        "state",
        "finish_s",
        "deadline",
        "usd",
        "run_usd",
        "goodput",
        "interruptions",
        "lost_gpu_h",
    ];
    w.write_record(head).map_err(fault)?;
    for c in all {
        for r in &c.reps {
            for (k, work) in r.work.iter().zip(&c.luck.work) {
                let (state, finish) = match k.finish {
                    Some(Finish::After(ns)) => ("finished", Some(ns)),
                    Some(Finish::Beyond(ns)) => ("beyond_horizon", Some(ns)),
                    Some(Finish::Never) => ("never", None),
                    None => ("", None),
                };
                let kept = match k.kept {
                    Some(Kept::Met) => "met",
                    Some(Kept::Missed) => "missed",
                    Some(Kept::Unknown) => "unknown",
                    None => "",
                };
                let row = [
                    c.variant.clone().unwrap_or_default(),
                    r.replication.to_string(),
                    work.name.clone(),
                    state.to_owned(),
                    finish.map_or_else(String::new, |ns| format!("{}", ns as f64 / 1e9)),
                    kept.to_owned(),
                    k.usd.exact(),
                    r.usd.exact(),
                    k.goodput.map_or_else(String::new, |g| format!("{g}")),
                    k.interruptions.to_string(),
                    format!("{}", k.lost_hours),
                ];
                w.write_record(row).map_err(fault)?;
            }
        }
    }
    let bytes = w.into_inner().map_err(|e| Failure::Fault(anyhow::anyhow!("replications.csv: {e}")))?;
    String::from_utf8(bytes).map_err(|e| Failure::Fault(e.into()))
}
