//! `verify --timing`: how long the stated set-ups take on this machine, beside their targets.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use super::{Spinner, json_lines, word};
use crate::cli::console::{Console, Failure};
use crate::cli::table;
use crate::policy::karpenter::{Config, Karpenter, synthetic};
use crate::units::{Duration, SimTime, SourceMap};
use crate::verify::timing::{self, HoldHeap, HoldQueue, Timed};
use crate::verify::{Case, NoCases, Options, Verdict, checkpoint, fgd, serving, spot};

/// Hold operations in one measurement: long enough for the clock, short enough for both to see the same machine.
const HOLDS: u64 = 500_000;

/// Requests in one measurement of the serving engine: its caches are warm after the first thousands.
const REQUESTS: u64 = 2_000_000;

/// The measurements of one set-up.
#[derive(Clone, Debug, PartialEq)]
struct Measured {
    /// `simulate/mm8_1m_jobs_s`: the ending is the unit.
    case: String,
    about: &'static str,
    target: f64,
    values: Vec<f64>,
}

impl Measured {
    fn median(&self) -> f64 {
        crate::kernel::stats::quantile(&sorted(&self.values), 0.5).unwrap_or(f64::NAN)
    }

    /// Rates are to be reached, times to be kept.
    fn verdict(&self) -> Verdict {
        let (median, rate) = (self.median(), self.case.ends_with("_per_s"));
        let held = if rate { median >= self.target } else { median <= self.target };
        if held { Verdict::Pass } else { Verdict::Fail }
    }

    fn case(&self) -> Case {
        Case {
            suite: "timing",
            case: self.case.clone(),
            published: Some(self.target),
            ours: self.median(),
            tolerance: None,
            verdict: self.verdict(),
        }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut v = values.to_vec();
    v.sort_by(f64::total_cmp);
    v
}

fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64()
}

/// A pass of Karpenter over a cluster that is there already.
fn consolidation_pass(nodes: u32) -> f64 {
    let cluster = synthetic::cluster(nodes, synthetic::Fill::Stuck);
    let view = cluster.view();
    let mut karpenter = Karpenter::new(Config::default(), view.pools).expect("a valid pool");
    seconds(|| karpenter.begin(&view, SimTime::ZERO + Duration::from_hours(1)))
}

/// Times every set-up `times` times and prints medians beside targets. Set-ups whose data is not there are named and
/// left out.
///
/// # Errors
/// Data that is there and cannot be used.
pub(super) fn run(times: u32, data: &Path, as_json: bool, console: &Console) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        console.note("note: this is a debug build: only a release build (cargo build --release) shows the speed");
    }
    let mut all = Vec::new();
    for pending in [1_000, 100_000] {
        let _spinner = Spinner::new(console, format!("timing: hold at {pending} pending"));
        all.push(hold(pending, times));
    }
    {
        let _spinner = Spinner::new(console, "timing: M/M/8 in the kernel".to_owned());
        all.push(Measured {
            case: "kernel/mm8_1m_jobs_s".to_owned(),
            about: "M/M/8 at 80 % load, 1,000,000 jobs, on the event queue alone",
            target: 0.12,
            values: (0..times).map(|_| seconds(|| timing::kernel_mm8(1_000_000))).collect(),
        });
    }
    {
        let _spinner = Spinner::new(console, "timing: makespans of V1".to_owned());
        let v1 = checkpoint::VECTORS[0].model();
        all.push(Measured {
            case: "simulate/makespan_v1_100k_s".to_owned(),
            about: "100,000 replications of the first makespan vector, on all threads (target: two cores)",
            target: 5.0,
            values: (0..times).map(|_| seconds(|| checkpoint::replicas::makespans(&v1, 1, 100_000))).collect(),
        });
    }
    for (nodes, target) in [(100, 0.005), (1_000, 0.05), (10_000, 0.5), (50_000, 2.5)] {
        let _spinner = Spinner::new(console, format!("timing: a consolidation pass over {nodes} nodes"));
        all.push(Measured {
            case: format!("controllers/karpenter_pass_{nodes}_s"),
            about: "a fruitless consolidation pass over so many nodes of eight pods, of which half could move",
            target,
            values: (0..times).map(|_| consolidation_pass(nodes)).collect(),
        });
    }
    let mut sources = SourceMap::default();
    let mut setups = timing::setups();
    let mut missing = Vec::new();
    let philly = data.join("philly/philly.csv");
    if philly.is_file() {
        setups.push(timing::philly(&philly, &mut sources).map_err(|d| Failure::Input(d, sources.clone()))?);
    } else {
        missing
            .push("simulate/philly_20k_fifo_s needs `philly/philly.csv` (siasosp23/artifacts, sia-simulator/traces)");
    }
    let openb = ["openb/openb_pod_list_default.csv", "openb/openb_node_list_gpu_node.csv"];
    if openb.iter().all(|f| data.join(f).is_file()) {
        setups.push(timing::openb(data, &mut sources).map_err(|d| Failure::Input(d, sources.clone()))?);
    } else {
        missing.push("simulate/openb_replay_s needs `openb/` (alibaba/clusterdata, cluster-trace-gpu-v2023/csv)");
    }
    for s in &setups {
        let _spinner = Spinner::new(console, format!("timing: {}", s.about));
        all.push(setup(s, times));
    }
    all.extend(growth(&all));
    for s in serving::timing::SETUPS {
        let _spinner = Spinner::new(console, format!("timing: {}", s.about));
        all.push(engine(&s, times));
    }
    for (suite, needs) in [
        (&FGD, "fgd/600_runs_s needs `openb/` (alibaba/clusterdata, cluster-trace-gpu-v2023/csv)"),
        (&SPOT, "spot/table_s needs `spot/skypilot-spot-traces/` (skypilot-org/spot-traces)"),
    ] {
        match experiment(suite, times, data, console)? {
            Some(m) => all.push(m),
            None => missing.push(needs),
        }
    }
    if as_json {
        console.print(&json_lines(&all.iter().map(Measured::case).collect::<Vec<_>>())?);
    } else {
        console.print(&report(&all, times));
    }
    for m in missing {
        let text = format!("timing: skipped: {m}; point to it with --data FOLDER or FLEETCAST_DATA");
        if as_json { console.note(&text) } else { console.print(&text) }
    }
    Ok(())
}

fn setup(s: &Timed, times: u32) -> Measured {
    Measured {
        case: format!("{}_s", s.name),
        about: s.about,
        target: s.target_s,
        values: (0..times).map(|_| seconds(|| s.run())).collect(),
    }
}

/// Requests that the serving engine simulates in a second.
fn engine(s: &serving::timing::Setup, times: u32) -> Measured {
    let rate = |_| {
        let mut finished = 0;
        let s = seconds(|| finished = (s.run)(REQUESTS));
        finished as f64 / s
    };
    Measured { case: s.name.to_owned(), about: s.about, target: s.target, values: (0..times).map(rate).collect() }
}

/// The hold operation over that of a bare standard heap: both in turns, so that both see the same machine.
fn hold(pending: usize, times: u32) -> Measured {
    let (mut queue, mut heap) = (HoldQueue::new(pending), HoldHeap::new(pending));
    // Once through all, so that the memory is there and the times are spread as they stay.
    black_box((queue.run(pending as u64), heap.run(pending as u64)));
    let ratio = |_| seconds(|| queue.run(HOLDS)) / seconds(|| heap.run(HOLDS));
    Measured {
        case: format!("kernel/hold_{pending}_ratio"),
        about: "the hold operation over that of a bare BinaryHeap of the same entry",
        target: 1.5,
        values: (0..times).map(ratio).collect(),
    }
}

/// How much longer three times the requests on three times the hosts take, from the measurements of both.
fn growth(all: &[Measured]) -> Option<Measured> {
    let of = |case: &str| all.iter().find(|m| m.case == case);
    let (small, large) = (of("simulate/first_fit_10k_on_1k_s")?, of("simulate/first_fit_30k_on_3k_s")?);
    Some(Measured {
        case: "simulate/first_fit_30k_over_10k_ratio".to_owned(),
        about: "the second of the first fits over the first",
        target: 3.6,
        values: large.values.iter().zip(&small.values).map(|(l, s)| l / s).collect(),
    })
}

/// A suite that is timed as a whole, files read, on all threads.
struct Experiment {
    case: &'static str,
    about: &'static str,
    /// What the spinner says.
    doing: &'static str,
    target: f64,
    run: fn(&Options) -> Result<Vec<Case>, NoCases>,
}

const FGD: Experiment = Experiment {
    case: "fgd/600_runs_s",
    about: "ten traces, six policies, ten seeds, files read, on all threads (target: two cores)",
    doing: "600 runs of the FGD experiment",
    target: 15.0,
    run: fgd::run,
};

const SPOT: Experiment = Experiment {
    case: "spot/table_s",
    about: "six settings, about 390 starts, seven spot policies, and SpotHedge, files read, on all threads (target: two cores)",
    doing: "the spot table",
    target: 3.0,
    run: spot::run,
};

/// A published experiment; `None` without its data.
fn experiment(e: &Experiment, times: u32, data: &Path, console: &Console) -> Result<Option<Measured>, Failure> {
    let options = Options { data: Some(data.to_owned()), ..Options::default() };
    let mut values = Vec::new();
    for i in 1..=times {
        let _spinner = Spinner::new(console, format!("timing: {} ({i} of {times})", e.doing));
        let start = Instant::now();
        match (e.run)(&options) {
            Ok(cases) => black_box(cases),
            Err(NoCases::NoData(_)) => return Ok(None),
            Err(NoCases::Bad(d, sources)) => return Err(Failure::Input(d, sources)),
        };
        values.push(start.elapsed().as_secs_f64());
    }
    Ok(Some(Measured { case: e.case.to_owned(), about: e.about, target: e.target, values }))
}

fn report(all: &[Measured], times: u32) -> String {
    let rows = all.iter().map(|m| {
        let v = sorted(&m.values);
        let end = |v: Option<&f64>| v.map_or_else(|| "-".to_owned(), |v| figure(*v));
        vec![
            m.case.clone(),
            figure(m.median()),
            end(v.first()),
            end(v.last()),
            figure(m.target),
            word(m.verdict()).to_owned(),
            m.about.to_owned(),
        ]
    });
    let header = ["case", "median", "min", "max", "target", "verdict", "what it is"];
    let table = table::plain(&header, &[1, 2, 3, 4], rows);
    let within = all.iter().filter(|m| m.verdict() == Verdict::Pass).count();
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    format!("{table}timing: {within} of {} within their target on this machine, each measured {times}\n", all.len())
}

fn figure(v: f64) -> String {
    format!("{v:.4}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(case: &str, target: f64, values: &[f64]) -> Measured {
        Measured { case: case.to_owned(), about: "a thing", target, values: values.to_vec() }
    }

    #[test]
    fn the_verdict_is_that_of_the_median() {
        let m = measured("simulate/x_s", 2.0, &[9.0, 1.0, 2.0]);
        assert_eq!((m.median(), m.verdict()), (2.0, Verdict::Pass));
        assert_eq!(measured("x", 1.9, &[9.0, 1.0, 2.0]).verdict(), Verdict::Fail);
        let c = m.case();
        assert_eq!(
            (c.suite, c.case.as_str(), c.published, c.ours, c.tolerance),
            ("timing", "simulate/x_s", Some(2.0), 2.0, None)
        );
    }

    #[test]
    fn a_rate_is_to_be_reached() {
        assert_eq!(measured("serving/x_requests_per_s", 2.0, &[3.0]).verdict(), Verdict::Pass);
        assert_eq!(measured("serving/x_requests_per_s", 2.0, &[1.0]).verdict(), Verdict::Fail);
    }

    #[test]
    fn the_table_shows_median_ends_and_target() {
        let text = report(&[measured("simulate/x_s", 2.0, &[9.0, 1.0, 3.0])], 3);
        let row: Vec<&str> = text.lines().nth(1).expect("a row").split_whitespace().take(6).collect();
        assert_eq!(row, ["simulate/x_s", "3.0000", "1.0000", "9.0000", "2.0000", "FAIL"]);
        assert!(text.ends_with("timing: 0 of 1 within their target on this machine, each measured 3 times\n"));
    }

    #[test]
    fn growth_compares_run_with_run() {
        let all = [
            measured("simulate/first_fit_10k_on_1k_s", 1.0, &[1.0, 2.0, 1.0]),
            measured("simulate/first_fit_30k_on_3k_s", 1.0, &[3.0, 6.0, 5.0]),
        ];
        let g = growth(&all).expect("both are there");
        assert_eq!((g.median(), g.verdict()), (3.0, Verdict::Pass));
        assert_eq!(growth(&all[..1]), None);
    }
}
