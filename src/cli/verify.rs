//! `fleetcast verify`: our figures beside published and closed-form ones, and how fast the simulator is.

mod timing;

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;

use super::console::{Console, Exit, Failure};
use super::table;
use crate::units::{Diagnostic, Diagnostics, nearest};
use crate::verify::{Case, NoCases, Options, SUITES, Suite, Verdict};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A case passes when ours is within its tolerance of the published figure; one without a published figure is unchecked.
A suite whose public data is not there is skipped, and counts neither as a pass nor as a failure.
Exit codes: 0 nothing failed, 1 a case failed, 2 bad input. How long things took never changes the exit code.

Examples:
  fleetcast verify                                   all that is quick
  fleetcast verify fgd --data ~/gpu-data             the published placement experiment
  fleetcast verify fgd --trace mine.csv --seeds 3    the same on a trace of your own
  fleetcast verify spot --optimum                    spot policies beside the best that could be had
  fleetcast verify autoscalers --cases mine.ron      HPA and KEDA on cases of your own
  fleetcast verify mig --cases mine.ron              MIG grids and placements of your own
  fleetcast verify controllers --cases mine.ron      Karpenter, Kueue and others on cases of your own
  fleetcast verify queues --json | jq 'select(.verdict == \"fail\")'
  fleetcast verify --timing --seeds 3                only how fast it is")]
pub struct Args {
    /// The suites to run (see --list); the quick ones where none is named
    #[arg(value_name = "SUITE")]
    suites: Vec<String>,
    /// List the suites and run none
    #[arg(long, conflicts_with_all = ["trace", "cases", "seeds", "optimum", "timing"])]
    list: bool,
    /// Run these trace files instead of the published ones; name the suite before
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "suites")]
    trace: Vec<PathBuf>,
    /// Also run the cases of these files (`autoscalers`: docs/cases.md, `mig`: docs/mig-cases.md, `controllers`:
    /// docs/controller-cases.md). Name the suite before
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "suites")]
    cases: Vec<PathBuf>,
    /// How many seeds to average over, or how often to time; each suite's own number (or 5) where left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: Option<u32>,
    /// Also work out the best that could have been done, knowing the future, as a bound (`spot`)
    #[arg(long)]
    optimum: bool,
    /// Time the set-ups whose speed is stated; suites are then run only where named. Use a release build and a quiet
    /// machine. The verdict is by the target, and does not change the exit code
    #[arg(long)]
    timing: bool,
    /// Print one JSON object a line and case: suite, case, published, ours, tolerance, verdict
    #[arg(long)]
    json: bool,
}

/// The suites that read case files, each in a form of its own.
const READ_CASES: [&str; 3] = ["autoscalers", "mig", "controllers"];

/// A suite as `--list` shows it.
#[derive(Serialize)]
struct SuiteLine {
    suite: &'static str,
    quick: bool,
    about: &'static str,
}

pub fn run(a: &Args, data: &Path, console: &Console) -> Result<Exit, Failure> {
    let suites = chosen(a)?;
    if a.list {
        return list(if a.suites.is_empty() { SUITES.iter().collect() } else { suites }, a.json, console);
    }
    if !a.cases.is_empty() {
        let readers = suites.iter().filter(|s| READ_CASES.contains(&s.name)).count();
        let help = || READ_CASES.map(|s| format!("`fleetcast verify {s} --cases FILE`")).join(" or ");
        if readers == 0 {
            let d = Diagnostic::error("no suite that was named reads case files");
            return Err(Failure::input(d.help(format!("write {}", help()))));
        }
        if readers > 1 {
            let d = Diagnostic::error("the suites that were named read case files of different forms");
            return Err(Failure::input(d.help(format!("name one: {}", help()))));
        }
    }
    let options = Options {
        data: Some(data.to_owned()),
        traces: a.trace.clone(),
        cases: a.cases.clone(),
        seeds: a.seeds.map(|n| n as usize),
        optimum: a.optimum,
    };
    let mut results = Vec::new();
    for s in suites {
        let progress = Spinner::new(console, format!("{}: {}", s.name, s.about));
        let result = (s.run)(&options);
        drop(progress);
        match result {
            Ok(cases) => results.push((s.name, Ok(cases))),
            Err(NoCases::NoData(why)) => results.push((s.name, Err(why))),
            // Bad input ends it before anything is printed: there is no half of a report.
            Err(NoCases::Bad(d, sources)) => return Err(Failure::Input(d, sources)),
        }
    }
    let mut failed = false;
    for (name, result) in &results {
        match result {
            Ok(cases) => {
                failed |= cases.iter().any(|c| c.verdict == Verdict::Fail);
                // No cases, no line: not even an empty one.
                if !(a.json && cases.is_empty()) {
                    console.print(&if a.json { json_lines(cases)? } else { report(name, cases) });
                }
            }
            Err(why) => {
                let text = skipped(name, why, data);
                if a.json { console.note(&text) } else { console.print(&text) }
            }
        }
    }
    if a.timing {
        timing::run(a.seeds.unwrap_or(5), data, a.json, console)?;
    }
    Ok(if failed { Exit::Failed } else { Exit::Fine })
}

/// The suites that were named, each once, in the order of the command line; the quick ones without any.
fn chosen(a: &Args) -> Result<Vec<&'static Suite>, Failure> {
    if a.suites.is_empty() {
        return Ok(if a.timing { Vec::new() } else { SUITES.iter().filter(|s| s.quick).collect() });
    }
    let mut out: Vec<&Suite> = Vec::new();
    let mut bad = Diagnostics::default();
    for word in &a.suites {
        match SUITES.iter().find(|s| s.name == word) {
            Some(s) if out.iter().all(|o| o.name != s.name) => out.push(s),
            Some(_) => {}
            None => bad.push(unknown(word)),
        }
    }
    if bad.has_errors() { Err(Failure::input(bad)) } else { Ok(out) }
}

fn unknown(word: &str) -> Diagnostic {
    let names: Vec<&str> = SUITES.iter().map(|s| s.name).collect();
    let mut d = Diagnostic::error(format!("there is no suite `{}`", table::clean(word)));
    if let Some(near) = nearest(word, names.iter().copied()) {
        d = d.help(format!("did you mean `{near}`?"));
    }
    d.help(format!("the suites are {}; `fleetcast verify --list` says what they show", names.join(", ")))
}

fn list(suites: Vec<&Suite>, as_json: bool, console: &Console) -> Result<Exit, Failure> {
    let lines = suites.iter().map(|s| SuiteLine { suite: s.name, quick: s.quick, about: s.about });
    if as_json {
        console.print(&json_lines(&lines.collect::<Vec<_>>())?);
    } else {
        let rows = lines.map(|l| {
            let when = if l.quick { "run by `verify`" } else { "when named" };
            vec![l.suite.to_owned(), when.to_owned(), l.about.to_owned()]
        });
        console.print(&table::plain(&["suite", "when", "what it shows"], &[], rows));
    }
    Ok(Exit::Fine)
}

/// One object a line.
fn json_lines<T: Serialize>(values: &[T]) -> Result<String, Failure> {
    let mut out = String::new();
    for v in values {
        out.push_str(&serde_json::to_string(v).map_err(|e| Failure::Fault(e.into()))?);
        out.push('\n');
    }
    Ok(out)
}

/// The table of a suite and its count.
fn report(name: &str, cases: &[Case]) -> String {
    let rows = cases.iter().map(|c| {
        let maybe = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), figure);
        let verdict = word(c.verdict).to_owned();
        vec![c.case.clone(), maybe(c.published), figure(c.ours), maybe(c.tolerance), verdict]
    });
    let header = ["case", "published", "ours", "tolerance", "verdict"];
    format!("{}{}\n", table::plain(&header, &[1, 2, 3], rows), count(name, cases))
}

/// `fgd: 60 passed, 0 failed, 6 unchecked`.
fn count(name: &str, cases: &[Case]) -> String {
    let n = |v| cases.iter().filter(|c| c.verdict == v).count();
    let (pass, fail, open) = (n(Verdict::Pass), n(Verdict::Fail), n(Verdict::Unchecked));
    format!("{name}: {pass} passed, {fail} failed, {open} unchecked")
}

fn skipped(name: &str, why: &str, data: &Path) -> String {
    let folder = table::clean(&data.display().to_string());
    format!(
        "{name}: skipped: no data ({why}; looked in `{folder}`: point to your copy with --data FOLDER or FLEETCAST_DATA)"
    )
}

const fn word(v: Verdict) -> &'static str {
    match v {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Unchecked => "unchecked",
    }
}

/// Five decimals, so that columns align; fewer for what is large.
fn figure(v: f64) -> String {
    if v.abs() < 1000.0 { format!("{v:.5}") } else { format!("{v:.2}") }
}

/// What is at work now, on stderr where that is a terminal; gone when dropped.
struct Spinner(Option<ProgressBar>);

impl Spinner {
    fn new(console: &Console, message: String) -> Spinner {
        Spinner(console.progress.then(|| {
            let bar = ProgressBar::new_spinner().with_message(message);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        }))
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Vec<Case> {
        vec![
            Case::checked("fgd", "default/FGD", 6.5, 6.4, 0.3),
            Case::checked("fgd", "default/BestFit", 11.0, 10.0, 0.3),
            Case::unchecked("fgd", "mine/FGD", 7.25),
        ]
    }

    #[test]
    fn the_table_ends_with_the_count() {
        let text = report("fgd", &cases());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["case", "published", "ours", "tolerance", "verdict"]
        );
        assert!(lines[2].ends_with("FAIL"));
        let open: Vec<&str> = lines[3].split_whitespace().collect();
        assert_eq!(open, ["mine/FGD", "-", "7.25000", "-", "unchecked"]);
        assert_eq!(lines[4], "fgd: 1 passed, 1 failed, 1 unchecked");
        // Numbers end in the same column.
        let end = |l: &str, w: &str| l.find(w).map(|i| i + w.len());
        assert_eq!(end(lines[1], "6.50000"), end(lines[2], "11.00000"));
    }

    #[test]
    fn a_line_of_json_has_exactly_the_promised_fields() {
        let text = json_lines(&cases()).expect("JSON");
        let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).expect("an object")).collect();
        assert_eq!(lines.len(), 3);
        for l in &lines {
            let keys: Vec<&str> = l.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(keys, ["suite", "case", "published", "ours", "tolerance", "verdict"]);
        }
        assert_eq!(lines[1]["verdict"], "fail");
        assert_eq!(
            (&lines[2]["published"], &lines[2]["tolerance"]),
            (&serde_json::Value::Null, &serde_json::Value::Null)
        );
    }

    #[test]
    fn a_suite_without_data_says_where_to_get_it_and_how_to_point_to_it() {
        let text = skipped("fgd", "`openb/` is not there; it is published in alibaba/clusterdata", Path::new("/data"));
        assert!(
            text.starts_with("fgd: skipped: no data (`openb/` is not there; it is published in alibaba/clusterdata")
        );
        assert!(text.contains("`/data`") && text.contains("--data FOLDER") && text.contains("FLEETCAST_DATA"));
    }
}
