//! The cost ratios of GAIA that can be had without a carbon trace, run again on the published jobs.
//!
//! Setup (W. A. Hanafy et al., "Going Green for Less Green", ASPLOS 2024; umassos/GAIA, `src/`): 1,000 CPU jobs on
//! nine reserved CPUs and on-demand without a limit, in ticks of five seconds (arrivals and lengths are cut to whole
//! ticks). A job runs on the reserved CPUs if all of its CPUs are free there, else all of it on demand; reserved CPUs
//! are paid at 40 % of on-demand until the last job starts, used or not.
//!
//! - *NoWait*: a job starts when it arrives.
//! - *AllWait-Threshold*: it waits for reserved CPUs, at most 6 h when it is shorter than 2 h and else 24 h. Whoever fits
//!   goes, in order of arrival.
//! - *On-Demand* and *Spot-First*: no reserved CPUs; with Spot-First, jobs of at most 2 h run at a fifth of the price
//!   (the length before it is cut: one job of 7,204 s makes the difference).
//!
//! The published figures are the outputs kept in `notebooks/evaluation_plot.ipynb`. Figure 10 normalises by a policy
//! that needs a carbon trace, so that only the ratio of two of its bars is free of it; the table under figure 11 has one
//! of its bills in dollars ([`RES_FIRST`]), which ties figure 10 to the on-demand bill.
//!
//! What differs: upstream gives CPUs back after the submissions of a tick, and looks at waiting jobs again in the next.
//! Here a run ends a nanosecond after its tick: arrivals and limits of that tick do not see its CPUs, and a waiting job
//! takes them at once, a tick earlier than upstream. Jobs of one tick go in the order of the file, short before long
//! where they wait; upstream's heap has an order of its own among them. Together that is 0.02 % of a ratio; a replay
//! in upstream's order agrees to six digits.

use std::path::Path;
use std::sync::Arc;

use super::{Case, NoCases, Options};
use crate::fleet::{Capacity, PoolId, PoolSet};
use crate::formats::rows::Outcome;
use crate::formats::rows::csv::Csv;
use crate::outcome::{JobRow, Recorder, Silent};
use crate::policy::queue::Blocked;
use crate::scenario::model::{Metering, Model, PriceStep, Source, Tier};
use crate::sim::simulate;
use crate::units::{Diagnostic, Diagnostics, Duration, Rate, SimTime, SourceMap, Usd};
use crate::workload::{Job, Request};

/// Upstream's unit of time.
const TICK: Duration = Duration::from_secs(5);
/// Reserved CPUs in figure 10.
const RESERVED_CPUS: u32 = 9;
/// USD per CPU-hour: on demand, a fifth of that on spot, 40 % of it reserved (`src/cluster/base_cluster.py`).
const ON_DEMAND: Rate = Rate(62_400_000_000);
const SPOT: Rate = Rate(12_480_000_000);
const RESERVED: Rate = Rate(24_960_000_000);

/// Normalised costs of figure 10, and that of Spot-First in figure 12.
const NO_WAIT: f64 = 0.851234;
const ALL_WAIT: f64 = 0.715772;
const SPOT_FIRST: f64 = 0.858983;
/// RES-First-Carbon-Time with nine reserved CPUs: its bar in figure 10 and its bill in USD under figure 11.
const RES_FIRST: (f64, f64) = (0.783703, 142.148535);
/// The bill on demand in USD, under figure 11.
const ON_DEMAND_BILL: f64 = 199.175860;
/// How far ours may be off, relative.
const TOLERANCE: f64 = 0.001;

/// The published trace, within the data folder.
const FILE: &str = "pai_1k.csv";

/// Runs the suite: on `gaia/pai_1k.csv` of the data folder, or on the given traces, which are unchecked unless they have
/// its name. Nothing is random, so that seeds do not matter.
///
/// # Errors
/// [`NoCases::NoData`] where the published file is not there, [`NoCases::Bad`] for files that cannot be used.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let mut paths = options.traces.clone();
    if paths.is_empty() {
        let path = options.data.as_ref().map(|d| d.join("gaia").join(FILE)).filter(|p| p.is_file());
        paths.push(path.ok_or_else(|| {
            NoCases::NoData(format!(
                "`gaia/{FILE}` is not there; it is published in umassos/GAIA, folder `src/cluster_traces`"
            ))
        })?);
    }
    let mut sources = SourceMap::default();
    let mut cases = Vec::new();
    for path in &paths {
        let jobs = match read(path, &mut sources) {
            Ok(jobs) => jobs,
            Err(d) => return Err(NoCases::Bad(d, sources)),
        };
        cases.extend(cases_of(path, &jobs));
    }
    Ok(cases)
}

fn cases_of(path: &Path, jobs: &[Line]) -> Vec<Case> {
    let [on_demand, no_wait, all_wait, spot_first] =
        [Policy::OnDemand, Policy::NoWait, Policy::AllWait, Policy::SpotFirst].map(|p| bill(jobs, p).to_f64());
    let no_wait_bill = NO_WAIT * RES_FIRST.1 / RES_FIRST.0;
    let rows = [
        ("NoWait/AllWait-Threshold", NO_WAIT / ALL_WAIT, no_wait / all_wait),
        ("NoWait/On-Demand", no_wait_bill / ON_DEMAND_BILL, no_wait / on_demand),
        ("Spot-First/On-Demand", SPOT_FIRST, spot_first / on_demand),
        ("On-Demand bill (USD)", ON_DEMAND_BILL, on_demand),
    ];
    let is_published = path.file_name().is_some_and(|n| n == FILE);
    let case = |(name, published, ours): (&str, f64, f64)| match is_published {
        true => Case::checked("gaia", name, published, ours, TOLERANCE * published),
        false => {
            let stem = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
            Case::unchecked("gaia", format!("{stem}/{name}"), ours)
        }
    };
    rows.into_iter().map(case).collect()
}

/// Who runs where, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    OnDemand,
    NoWait,
    AllWait,
    SpotFirst,
}

/// A line of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    arrive: SimTime,
    length: Duration,
    cpus: u32,
    /// At most 2 h as written: what Spot-First puts on spot.
    spot: bool,
}

impl Line {
    fn of(arrive_s: f64, length_s: f64, cpus: u32) -> Line {
        let ticks = |s: f64| (s / TICK.as_secs_f64()) as u64 * TICK.0;
        Line { arrive: SimTime(ticks(arrive_s)), length: Duration(ticks(length_s)), cpus, spot: length_s <= 7200.0 }
    }

    /// How long it waits for reserved CPUs.
    fn limit(&self) -> Duration {
        Duration::from_hours(if self.length < Duration::from_hours(2) { 6 } else { 24 })
    }

    /// How long it runs: it ends just after its last tick, see the module's notes.
    fn work(&self) -> Duration {
        self.length + Duration(1)
    }
}

/// The most CPUs of one job, and of one node of a pool without a limit.
const CPUS_MAX: u32 = 1_000_000;
const NODE_CPUS: u32 = 4_000_000;
/// The latest arrival and the longest job, in seconds: 31 years.
const SECONDS_MAX: f64 = 1e9;

/// Reads a trace: columns `arrival_time` and `length` in seconds, and `cpus`; sorted by arrival.
fn read(path: &Path, sources: &mut SourceMap) -> Result<Vec<Line>, Diagnostics> {
    let mut out = Vec::new();
    rows(path, &mut out).map_err(|f| f.into_diagnostic(sources))?;
    if out.is_empty() {
        let message = format!("`{}` has no jobs", path.display());
        return Err(Diagnostic::error(message).help("each row is one: `arrival_time`, `length`, `cpus`").into());
    }
    Ok(out)
}

fn rows(path: &Path, out: &mut Vec<Line>) -> Outcome<()> {
    let mut csv = Csv::open(path)?;
    let [arrival, length, cpus] = [csv.column("arrival_time")?, csv.column("length")?, csv.column("cpus")?];
    let mut before = 0.0;
    while let Some(row) = csv.next_row()? {
        let (a, l, c) = (row.f64(arrival)?, row.f64(length)?, row.u64(cpus)?);
        for (column, seconds) in [(arrival, a), (length, l)] {
            if seconds > SECONDS_MAX {
                return Err(row.fault(column, format!("{seconds} s is too long"), format!("at most {SECONDS_MAX} s")));
            }
        }
        if a < before {
            let fault = row.fault(arrival, "the trace is not in order of arrival", "earlier than the row before");
            return Err(fault.help("sort it by `arrival_time`"));
        }
        if c == 0 || c > u64::from(CPUS_MAX) {
            return Err(row.fault(cpus, format!("a job of {c} CPUs"), format!("from 1 to {CPUS_MAX}")));
        }
        before = a;
        out.push(Line::of(a, l, c as u32));
    }
    Ok(())
}

/// What all jobs cost under a policy.
fn bill(jobs: &[Line], policy: Policy) -> Usd {
    let mut model = model(jobs, policy);
    if let Some(reserved) = model.pools.iter_mut().position(|p| p.name == "reserved") {
        // When the last job starts does not depend on prices: one run tells it, the next pays until then.
        let mut last = LastStart(SimTime::ZERO);
        simulate(&model, 1, 0, &mut last);
        model.pools[reserved].tariff.steps.push(step(last.0, Rate(0)));
    }
    let outcome = simulate(&model, 1, 0, &mut Silent);
    debug_assert_eq!(outcome.jobs.done, jobs.len() as u64, "the horizon lies behind the last job");
    outcome.bill()
}

/// When the last job started.
struct LastStart(SimTime);

impl Recorder for LastStart {
    fn wants_jobs(&self) -> bool {
        true
    }
    fn job(&mut self, row: &JobRow<'_>) {
        self.0 = self.0.max(row.start.unwrap_or(SimTime::ZERO));
    }
}

fn step(from: SimTime, rate: Rate) -> PriceStep {
    let source = "umassos/GAIA, src/cluster/base_cluster.py".to_owned();
    PriceStep { from, rate, source, evidence: "measured".to_owned() }
}

fn model(jobs: &[Line], policy: Policy) -> Model {
    let end = jobs.iter().map(|j| j.arrive + j.limit() + j.work()).max().unwrap_or(SimTime::ZERO);
    let mut m = Model::empty("gaia", end.since(SimTime::ZERO) + TICK);
    m.bucket = Duration::from_hours(24);
    m.queue.blocked = Blocked::Skip;
    // First fit takes the reserved CPUs, which are listed first, wherever both pools are open.
    let reserved = matches!(policy, Policy::NoWait | Policy::AllWait);
    let reserved = reserved.then(|| PoolSet::only(add_pool(&mut m, "reserved", RESERVED_CPUS, 1, RESERVED)));
    // As many CPUs as all jobs together, with room for what first fit leaves over on each node.
    let cpus: u64 = jobs.iter().map(|j| u64::from(j.cpus)).sum();
    let nodes = (cpus / u64::from(NODE_CPUS - CPUS_MAX) + 1) as u32;
    let unlimited = |m: &mut Model, name: &str, rate| {
        let pool = add_pool(m, name, NODE_CPUS, nodes, rate);
        m.pools[pool.0 as usize].tariff.metering = Metering::Pods;
        PoolSet::only(pool)
    };
    let on_demand = unlimited(&mut m, "on-demand", ON_DEMAND);
    let at_once = |pools| vec![Tier { pools, after: Duration::ZERO }];
    match policy {
        Policy::OnDemand => add_work(&mut m, "jobs", jobs, |_| true, at_once(on_demand)),
        Policy::NoWait => add_work(&mut m, "jobs", jobs, |_| true, at_once(PoolSet::ALL)),
        Policy::AllWait => {
            for hours in [6, 24] {
                let limit = Duration::from_hours(hours);
                let mut tiers = at_once(reserved.expect("this policy has reserved CPUs"));
                tiers.push(Tier { pools: on_demand, after: limit });
                add_work(&mut m, &format!("wait-{hours}h"), jobs, |j| j.limit() == limit, tiers);
            }
        }
        Policy::SpotFirst => {
            let spot = unlimited(&mut m, "spot", SPOT);
            add_work(&mut m, "short", jobs, |j| j.spot, at_once(spot));
            add_work(&mut m, "long", jobs, |j| !j.spot, at_once(on_demand));
        }
    }
    m
}

fn add_pool(m: &mut Model, name: &str, cpus: u32, nodes: u32, rate: Rate) -> PoolId {
    let pool = m.add_pool(name, Capacity { cpu_milli: 1000 * cpus, ..Capacity::default() }, nodes, rate);
    m.pools[pool.0 as usize].tariff.steps = vec![step(SimTime::ZERO, rate)];
    pool
}

fn add_work(m: &mut Model, name: &str, jobs: &[Line], is_one: impl Fn(&Line) -> bool, tiers: Vec<Tier>) {
    let job = |j: &Line| Job {
        arrive: j.arrive,
        work: j.work(),
        pods: 1,
        request: Request { cpu_milli: 1000 * j.cpus, ..Request::default() },
        patience: Duration(u64::MAX),
        ..Job::default()
    };
    let list: Arc<[Job]> = jobs.iter().filter(|j| is_one(j)).map(job).collect();
    m.add_work(name, Source::Jobs(list)).tiers = tiers;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::verify::Verdict;

    /// CPU·ns on demand and the last start, by walking over the instants at which anything can happen.
    fn slow(jobs: &[Line], waits: bool) -> (u128, SimTime) {
        let limit = |j: &Line| if waits { j.limit() } else { Duration::ZERO };
        let mut instants: Vec<SimTime> = jobs.iter().flat_map(|j| [j.arrive, j.arrive + limit(j)]).collect();
        // Short jobs before long ones of the same instant, each in the order of the file.
        let mut waiting: Vec<Line> = jobs.to_vec();
        waiting.sort_by_key(|j| (j.arrive, if waits { j.limit() } else { Duration::ZERO }));
        let (mut running, mut on_demand, mut last): (Vec<(SimTime, u32)>, u128, SimTime) =
            (Vec::new(), 0, SimTime::ZERO);
        while let Some(now) = instants.iter().copied().min() {
            instants.retain(|t| *t > now);
            running.retain(|(end, _)| *end > now);
            waiting.retain(|j| {
                let used: u32 = running.iter().map(|(_, cpus)| cpus).sum();
                let fits = used + j.cpus <= RESERVED_CPUS;
                let goes = j.arrive <= now && (fits || j.arrive + limit(j) <= now);
                if goes {
                    last = now;
                    if fits {
                        running.push((now + j.work(), j.cpus));
                        instants.push(now + j.work());
                    } else {
                        on_demand += u128::from(j.cpus) * u128::from(j.work().0);
                    }
                }
                !goes
            });
        }
        (on_demand, last)
    }

    fn cost(rate: Rate, cpu_ns: u128) -> Usd {
        crate::units::priced(rate, cpu_ns, 3_600_000_000_000)
    }

    fn slow_bill(jobs: &[Line], waits: bool) -> Usd {
        let (on_demand, last) = slow(jobs, waits);
        cost(ON_DEMAND, on_demand) + cost(RESERVED, u128::from(RESERVED_CPUS) * u128::from(last.0))
    }

    #[test]
    fn times_are_cut_to_whole_ticks_and_classes_go_by_the_right_length() {
        let j = Line::of(12.9, 7204.0, 1);
        assert_eq!((j.arrive, j.length), (SimTime(10_000_000_000), Duration::from_secs(7200)));
        assert!(!j.spot && j.limit() == Duration::from_hours(24));
        assert!(Line::of(0.0, 7200.0, 1).spot);
        assert_eq!(Line::of(0.0, 7199.0, 1).limit(), Duration::from_hours(6));
    }

    #[test]
    fn a_job_that_does_not_fit_beside_another_waits_its_limit_and_goes_on_demand() {
        // Nine CPUs for 100 h; a tick later one job of one CPU and one hour: 6 h of waiting, an hour on demand.
        let jobs = [Line::of(0.0, 360_000.0, 9), Line::of(5.0, 3600.0, 1)];
        let tick = 5.0 / 3600.0;
        for (policy, cpu_hours) in [
            (Policy::AllWait, 0.4 * 9.0 * (6.0 + tick) + 1.0),
            (Policy::NoWait, 0.4 * 9.0 * tick + 1.0),
            (Policy::OnDemand, 901.0),
            (Policy::SpotFirst, 900.2),
        ] {
            let paid = bill(&jobs, policy).to_f64();
            assert!((paid - 0.0624 * cpu_hours).abs() < 1e-9, "{policy:?}: {paid}");
        }
    }

    #[test]
    fn cpus_come_back_after_the_submissions_of_a_tick() {
        let jobs = [Line::of(0.0, 3600.0, 9), Line::of(3600.0, 3600.0, 9), Line::of(3605.0, 3600.0, 9)];
        // The second comes as the first ends and does not see its CPUs; the third does.
        let paid = bill(&jobs, Policy::NoWait).to_f64();
        let expected = 0.0624 * 9.0 * (1.0 + 0.4 * 3605.0 / 3600.0);
        assert!((paid - expected).abs() < 1e-9, "{paid} {expected}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_simulator_agrees_with_a_walk_over_the_instants(
            mut lines in prop::collection::vec((0..200_000u32, 300..60_000u32, 1..12u32), 1..40),
        ) {
            lines.sort_by_key(|l| l.0);
            let jobs: Vec<Line> =
                lines.iter().map(|(a, l, c)| Line::of(f64::from(*a), f64::from(*l), *c)).collect();
            prop_assert_eq!(bill(&jobs, Policy::NoWait), slow_bill(&jobs, false));
            prop_assert_eq!(bill(&jobs, Policy::AllWait), slow_bill(&jobs, true));
        }
    }

    #[test]
    fn the_published_ratios_hold() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
        let options = Options { data: Some(data), ..Options::default() };
        let cases = match run(&options) {
            Ok(cases) => cases,
            Err(NoCases::NoData(_)) => return,
            Err(NoCases::Bad(d, _)) => panic!("{d:?}"),
        };
        assert_eq!(cases.len(), 4);
        for c in &cases {
            assert_eq!(c.verdict, Verdict::Pass, "{c:?}");
        }
        // The bill on demand and the spot share depend on no order: they agree to the last published digit.
        assert!((cases[2].ours - SPOT_FIRST).abs() < 1e-6, "{cases:?}");
        assert!((cases[3].ours - ON_DEMAND_BILL).abs() < 1e-5, "{cases:?}");
    }

    #[test]
    fn without_the_data_it_says_where_it_is_published() {
        let Err(NoCases::NoData(text)) = run(&Options::default()) else { panic!("there is no data") };
        assert!(text.contains("umassos/GAIA"), "{text}");
    }

    fn fault(text: &str) -> String {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.csv");
        std::fs::write(&path, text).expect("written");
        let options = Options { traces: vec![path], ..Options::default() };
        match run(&options) {
            Err(NoCases::Bad(d, _)) => d.list[0].message.clone(),
            other => panic!("{text:?} was taken: {other:?}"),
        }
    }

    #[test]
    fn bad_traces_are_faults_and_others_are_unchecked() {
        let head = "arrival_time,length,cpus\n";
        assert!(fault(&format!("{head}5,300,1\n0,300,1\n")).contains("order of arrival"));
        assert!(fault(&format!("{head}0,300,0\n")).contains("0 CPUs"));
        assert!(fault(&format!("{head}0,1e12,1\n")).contains("too long"));
        assert!(fault("arrival_time,length\n0,300\n").contains("cpus"));
        assert!(fault(head).contains("no jobs"));
        for bad in ["0,-5,1", "0,nan,1", "0,300", "0,300,1.5", "x,300,1"] {
            fault(&format!("{head}{bad}\n"));
        }
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("mine.csv");
        std::fs::write(&path, format!("{head}0,3600,2\n7200,36000,12\n")).expect("written");
        let cases = run(&Options { traces: vec![path], ..Options::default() }).expect("a good trace");
        assert!(cases.iter().all(|c| c.verdict == Verdict::Unchecked));
        assert_eq!(cases[1].case, "mine/NoWait/On-Demand");
    }
}
