//! Nodes that go, and what it does to those who run on them: by hand, against the tick engine, and at random.

use std::sync::Arc;

use proptest::prelude::*;

use super::{check_conservation, simulate};
use crate::catalog::BillingRule;
use crate::fleet::Capacity;
use crate::kernel::{Dist, Streams};
use crate::market::{
    Availability, Backoff, Cause, Hardware, Kill, Launch, LaunchFailure, Lemons, Lifetime, Notice, Offset, Replay,
    Shock,
};
use crate::outcome::{ChargeKind, JobEnd, JobRow, Outcome, Recorder};
use crate::policy::spot::diversify::Allocation;
use crate::policy::spot::ticks::{Task, replay};
use crate::policy::spot::{Purchase, Return, Want};
use crate::scenario::model::{Buying, Checkpoint, Model, OnNotice, Run, Source, Staffing, Store, Supply};
use crate::training::progress::{Keeping, Pace};
use crate::training::restart::Stage;
use crate::units::{Activity, Duration, Rate, SimTime, Usd};
use crate::workload::{Job, Request};

const MIN: u64 = 60_000_000_000;
const H: u64 = 60 * MIN;
const DOLLAR: i128 = 1_000_000_000_000;

fn constant(x: f64) -> Dist {
    Dist::constant(x).unwrap()
}

fn launch() -> Launch {
    Launch { unavailable_for: Duration::ZERO, ..Launch::new(constant(0.0)) }
}

fn supply(on_request: bool, spot: bool) -> Supply {
    Supply {
        staffing: if on_request { Staffing::OnRequest } else { Staffing::Standing },
        spot,
        lifetimes: Vec::new(),
        replays: Vec::new(),
        launch: launch(),
        notice: Notice::NONE,
        hardware: None,
        spares: 0,
    }
}

fn trace(gap: Duration, values: &[u32], nodes_per_unit: u32) -> (Replay, Cause) {
    let trace = Arc::new(Availability::of_ticks(gap, values));
    (Replay { trace, offset: Offset::Fixed(Duration::ZERO), wrap: false, nodes_per_unit }, Cause::Capacity)
}

/// One pool of nodes of one GPU.
fn pool(m: &mut Model, name: &str, nodes: u32, rate: i128, supply: Supply) -> usize {
    let id = m.add_pool(name, Capacity { cpu_milli: 0, mem_mib: 0, gpus: 1 }, nodes, Rate(rate)).0 as usize;
    m.pools[id].market = if supply.spot { "spot" } else { "on-demand" }.to_owned();
    m.pools[id].supply = Some(Box::new(supply));
    id
}

fn job(work: Duration, pods: u16) -> Job {
    Job {
        arrive: SimTime::ZERO,
        work,
        pods,
        request: Request { cpu_milli: 0, mem_mib: 0, gpus: 1, gpu_milli: 1000, slice: 0 },
        patience: Duration(u64::MAX),
        ..Job::default()
    }
}

fn run_of(pace: Pace, stages: Vec<(Stage, Dist)>, buying: Option<Buying>) -> Run {
    let checkpoint = Checkpoint { pace, ..Checkpoint::default() };
    Run { checkpoint, stages, redundancy_ppm: 0, buying: buying.map(Box::new) }
}

fn buying(purchase: Purchase, tick: Duration, overhead: Duration, deadline: Option<Duration>, nodes: u16) -> Buying {
    Buying {
        purchase,
        tick,
        deadline,
        overhead,
        hold_survivors: false,
        least: nodes,
        efficiency: Vec::new(),
        base: None,
        allocation: Allocation::LowestPrice,
        spread: false,
    }
}

/// Rows by ordinal.
#[derive(Default)]
struct Rows(Vec<Row>);
struct Row {
    state: JobEnd,
    end: SimTime,
    attempts: u32,
    activity: [u128; Activity::COUNT],
}
impl Recorder for Rows {
    fn wants_jobs(&self) -> bool {
        true
    }
    fn job(&mut self, r: &JobRow<'_>) {
        self.0.push(Row { state: r.state, end: r.end, attempts: r.attempts, activity: *r.activity });
    }
}

fn run(m: &Model, replication: u32) -> (Outcome, Rows) {
    let mut rows = Rows::default();
    let o = simulate(m, 1, replication, &mut rows);
    check_conservation(&o);
    (o, rows)
}

fn of(o: &Outcome, kind: ChargeKind) -> f64 {
    o.charges.iter().filter(|c| c.kind == kind).map(|c| c.usd.0.to_f64()).sum()
}

/// The reference setup: one node, whole ticks billed, progress never lost, an overhead a launch.
fn tick_world(task: &Task, purchase: Purchase, spot: &[bool]) -> Model {
    let horizon = Duration(task.tick.0 * spot.len() as u64);
    let mut m = Model::empty("ticks", horizon);
    m.ends_with_work = true;
    let values: Vec<u32> = spot.iter().map(|s| u32::from(*s)).collect();
    let whole_ticks = BillingRule { granularity: task.tick, ..BillingRule::EXACT };
    let a = pool(
        &mut m,
        "spot",
        1,
        task.prices.0.0,
        Supply { replays: vec![trace(task.tick, &values, 1)], ..supply(true, true) },
    );
    let b = pool(&mut m, "od", 1, task.prices.1.0, supply(true, false));
    for p in [a, b] {
        m.pools[p].tariff.rule = whole_ticks;
    }
    let seconds = task.overhead.as_secs_f64();
    let buys = buying(purchase, task.tick, task.overhead, task.deadline, 1);
    let run = run_of(Pace::EVERYTHING, vec![(Stage::SetUp, constant(seconds))], Some(buys));
    m.add_work("run", Source::Jobs(vec![job(task.work, 1)].into())).run = Some(Arc::new(run));
    m
}

#[test]
fn the_world_buys_as_the_tick_engine_does() {
    let policies = [
        Purchase::OnDemandOnly,
        Purchase::SpotOnly,
        Purchase::Greedy,
        Purchase::TimeSliced { slices: 3 },
        Purchase::UniformProgress { hysteresis: false },
        Purchase::UniformProgress { hysteresis: true },
    ];
    let mut luck = Streams::new(7, 0).stream("test", "ticks", 0);
    for case in 0..200 {
        let tick = Duration(10 * MIN);
        let n = 40 + luck.below(40) as usize;
        let (up, down) = (luck.uniform(), luck.uniform());
        let mut on = luck.chance(0.5);
        let spot: Vec<bool> = (0..n)
            .map(|_| {
                on = if on { !luck.chance(up * 0.5) } else { luck.chance(down * 0.5) };
                on
            })
            .collect();
        let work = Duration((1 + luck.below(150)) * MIN);
        let overhead = Duration(luck.below(15) * MIN);
        let deadline = Duration(work.0 + 2 * overhead.0 + tick.0 + luck.below(200) * MIN);
        if deadline.0 > tick.0 * (n as u64 - 2) {
            continue;
        }
        let prices = (Rate(973_100_000_000), Rate(3_060_000_000_000));
        let task = Task { work, deadline: Some(deadline), overhead, tick, prices };
        for p in policies {
            let want = replay(&task, p, &spot, |_: Want| {});
            let (o, rows) = run(&tick_world(&task, p, &spot), 0);
            let losses = |i: usize| o.pools[i].losses.clone().unwrap();
            let seen = (losses(0).launches + losses(1).launches, losses(0).total());
            assert_eq!(seen, (want.launches, want.preemptions), "case {case} {p:?}: launches and preemptions");
            if let Some(finish) = want.finish {
                let ended = rows.0[0].end.0.div_ceil(tick.0) * tick.0;
                assert_eq!(ended, finish.0, "case {case} {p:?}: finish");
                assert!((o.bill().to_f64() - want.cost.to_f64()).abs() < 1e-9, "case {case} {p:?}: bill");
            }
        }
    }
}

#[test]
fn a_reclaim_in_the_first_hour_is_free_and_a_later_one_is_not() {
    for (seconds, usd) in [(3_599, 0.0), (3_601, 3_601.0 / 3_600.0)] {
        let mut m = Model::empty("free", Duration(3 * H));
        let cut = Availability::of_steps(vec![(Duration::ZERO, 1), (Duration::from_secs(seconds), 0)], Duration(3 * H));
        let replay =
            Replay { trace: Arc::new(cut), offset: Offset::Fixed(Duration::ZERO), wrap: false, nodes_per_unit: 1 };
        let p =
            pool(&mut m, "spot", 1, DOLLAR, Supply { replays: vec![(replay, Cause::Capacity)], ..supply(false, true) });
        m.pools[p].tariff.rule = BillingRule::EC2_SPOT;
        m.add_work("w", Source::Jobs(vec![job(Duration(10 * H), 1)].into()));
        let (o, rows) = run(&m, 0);
        assert!((o.bill().to_f64() - usd).abs() < 1e-9, "{seconds}: {}", o.bill());
        assert_eq!(rows.0[0].state, JobEnd::Queued, "nothing comes back");
        assert_eq!(o.pools[0].hours(Activity::Lost), seconds as f64 / 3_600.0);
        let free = of(&o, ChargeKind::FreeReclaim);
        assert!((free - (usd - seconds as f64 / 3_600.0)).abs() < 1e-9, "{free}");
    }
}

#[test]
fn a_market_that_shrinks_by_one_takes_one_whether_it_was_told_or_not() {
    for notice in [0, 120] {
        let mut m = Model::empty("shrinks", Duration(10 * H));
        let cut = Availability::of_steps(vec![(Duration::ZERO, 3), (Duration(2 * H), 2)], Duration(20 * H));
        let replay =
            Replay { trace: Arc::new(cut), offset: Offset::Fixed(Duration::ZERO), wrap: false, nodes_per_unit: 1 };
        let s = Supply {
            replays: vec![(replay, Cause::Capacity)],
            notice: Notice { kill: Duration::from_secs(notice), ..Notice::NONE },
            ..supply(false, true)
        };
        pool(&mut m, "spot", 3, DOLLAR, s);
        m.add_work("w", Source::Jobs(vec![job(Duration(H), 1)].into()));
        let losses = run(&m, 0).0.pools[0].losses.clone().unwrap();
        assert_eq!(losses.total(), 1, "notice of {notice} s");
    }
}

/// A node that is taken back after 100 minutes and comes again at once, with this much notice.
fn on_notice(notice: Duration, write: Duration) -> (Outcome, Rows) {
    let mut m = Model::empty("notice", Duration(10 * H));
    m.ends_with_work = true;
    let gap = Duration(100 * MIN);
    let s = Supply {
        replays: vec![trace(gap, &[1, 0, 1, 1, 1, 1], 1)],
        notice: Notice { kill: notice, detect: Duration::from_secs(5), ..Notice::NONE },
        ..supply(false, true)
    };
    pool(&mut m, "spot", 1, DOLLAR, s);
    let mut run_spec =
        run_of(Pace::sync(Duration(60 * MIN), Duration(MIN)), vec![(Stage::Read, constant(600.0))], None);
    run_spec.checkpoint.on_notice = Some(OnNotice { drain: Duration::from_secs(1), write, early: false });
    m.add_work("w", Source::Jobs(vec![job(Duration(150 * MIN), 1)].into())).run = Some(Arc::new(run_spec));
    run(&m, 0)
}

#[test]
fn a_save_on_notice_keeps_everything_when_there_is_time_for_it() {
    // 7B parameters at 14 bytes over 2 GB/s: 49 s (spot_checkpoint.md 2.3).
    let write = Duration::from_secs(49);
    let (o, rows) = on_notice(Duration::from_secs(120), write);
    let r = o.work[0].run.clone().unwrap();
    assert_eq!((r.saves, r.saves_failed), (1, 0));
    assert_eq!(r.notice_to_safe.max(), Some(Duration::from_secs(5 + 1 + 49).0));
    assert_eq!(rows.0[0].activity[Activity::Lost as usize], 0);
    // Computed until 98:05, of which a minute was the checkpoint after 60; then 10 minutes of reading from 200 on, and
    // the last 52:55 of work in one interval of at most 60.
    let done = 98 * MIN + 5_000_000_000 - MIN;
    assert_eq!(rows.0[0].end, SimTime(200 * MIN + 10 * MIN + (150 * MIN - done)));
    assert_eq!(o.pools[0].hours(Activity::Drain), 65.0 / 3600.0, "from the save until the kill the node is of no use");
    let (o, rows) = on_notice(Duration::from_secs(30), write);
    let r = o.work[0].run.clone().unwrap();
    assert_eq!((r.saves, r.saves_failed), (0, 1));
    // Back to the checkpoint after 60: 39 minutes lost.
    assert_eq!(rows.0[0].activity[Activity::Lost as usize], 39 * u128::from(MIN) * 1000);
    assert_eq!(rows.0[0].end, SimTime(200 * MIN + 10 * MIN + 91 * MIN), "90 minutes more, and a checkpoint after 60");
}

#[test]
fn a_spare_takes_over_and_a_broken_node_is_mended() {
    // Four nodes for a gang of three; the first failure comes by a shock that takes one node and repairs it in an hour.
    let mut m = Model::empty("spare", Duration(100 * H));
    let hardware = Hardware {
        node_mtbf: Duration(u64::MAX / 4),
        lemons: Lemons::NONE,
        reboot_share: 0.0,
        reboot: constant(0.0),
        replace: constant(1.0),
        billed: true,
        software: None,
    };
    pool(&mut m, "p", 4, DOLLAR, Supply { hardware: Some(hardware), spares: 1, ..supply(false, false) });
    m.shocks.push(Shock {
        name: "one".to_owned(),
        per_hour: 0.2,
        kill: Kill::Counts(vec![(1, 1.0)]),
        pools: vec![0],
        group: None,
        cause: Cause::Hardware,
        down: Some(constant(1.0)),
    });
    let run_spec = run_of(Pace::EVERYTHING, vec![(Stage::SetUp, constant(60.0))], None);
    m.add_work("w", Source::Jobs(vec![job(Duration(1_000 * H), 3)].into())).run = Some(Arc::new(run_spec));
    let (o, rows) = run(&m, 0);
    let p = &o.pools[0];
    let lost = p.losses.clone().unwrap();
    let r = o.work[0].run.clone().unwrap();
    assert!(lost.total() > 5, "the shocks come: {}", lost.total());
    assert_eq!(lost.lost[Cause::Hardware as usize], lost.total());
    // Each failure of a busy node is an interruption of a minute; with one spare and repairs of an hour the gang only
    // waits when a second node breaks within the hour.
    let set_ups = f64::from(rows.0[0].attempts) / 60.0 * 3.0;
    assert!((p.hours(Activity::Restart) + p.hours(Activity::ColdStart) - set_ups).abs() < 0.06);
    assert_eq!(r.interruptions[Cause::Hardware as usize] + 1, u64::from(rows.0[0].attempts));
    let repairs = lost.total() as f64;
    assert!((p.hours(Activity::Broken) - repairs).abs() < 1.01, "{} for {repairs}", p.hours(Activity::Broken));
    assert!(p.hours(Activity::Spare) > 50.0);
    assert_eq!(p.hours(Activity::Lost), 0.0);
}

#[test]
fn a_job_of_16384_gpus_is_interrupted_as_often_as_its_gpus_fail() {
    // One failure in 50,677 GPU-hours: 3.09 hours between interruptions (Llama 3 405B, spot_checkpoint.md 4).
    let mut m = Model::empty("llama", Duration(400 * H));
    m.bucket = m.horizon;
    let mut h = Hardware::of_gpus(50_677.0, 8);
    (h.reboot, h.replace, h.software) = (constant(0.0), constant(0.0), None);
    let p = m.add_pool("h100", Capacity { cpu_milli: 0, mem_mib: 0, gpus: 8 }, 2_048, Rate(DOLLAR));
    m.pools[p.0 as usize].supply = Some(Box::new(Supply { hardware: Some(h), ..supply(false, false) }));
    let request = Request { cpu_milli: 0, mem_mib: 0, gpus: 8, gpu_milli: 1000, slice: 0 };
    let gang = Job { request, ..job(Duration(10_000 * H), 2_048) };
    m.add_work("w", Source::Jobs(vec![gang].into())).run = Some(Arc::new(run_of(Pace::EVERYTHING, Vec::new(), None)));
    let (o, _) = run(&m, 0);
    let n = o.work[0].run.clone().unwrap().interruptions[Cause::Hardware as usize] as f64;
    let expected = 400.0 / (50_677.0 / 16_384.0);
    assert!((n - expected).abs() < 4.0 * expected.sqrt(), "{n} for {expected}");
}

#[test]
fn shocks_take_a_gang_as_often_as_their_law_says() {
    // spot_checkpoint.md 1.5: node rate 0.02, shock rate 0.01, p 0.6, eight nodes: 5.8826 hours to the first loss.
    let mut m = Model::empty("shock", Duration(40_000 * H));
    m.bucket = m.horizon;
    let law = Lifetime::Law(Dist::exponential(50.0).unwrap());
    let s = Supply { lifetimes: vec![(law, Cause::Capacity)], ..supply(false, true) };
    pool(&mut m, "p", 8, DOLLAR, s);
    m.shocks.push(Shock {
        name: "zone".to_owned(),
        per_hour: 0.01,
        kill: Kill::Fraction(0.6),
        pools: vec![0],
        group: None,
        cause: Cause::Capacity,
        down: None,
    });
    let run_spec = run_of(Pace::EVERYTHING, Vec::new(), None);
    m.add_work("w", Source::Jobs(vec![job(Duration(1_000_000 * H), 8)].into())).run = Some(Arc::new(run_spec));
    let (o, _) = run(&m, 0);
    let n: u64 = o.work[0].run.clone().unwrap().interruptions.iter().sum();
    let expected = 40_000.0 / 5.8826;
    assert!((n as f64 - expected).abs() < 4.0 * expected.sqrt(), "{n} for {expected}");
    let marginal = o.pools[0].losses.clone().unwrap().mean_hours_to_loss().unwrap();
    assert!((marginal * 0.026 - 1.0).abs() < 0.05, "{marginal}");
}

#[test]
fn an_elastic_run_goes_on_with_fewer_nodes_and_grows_again() {
    // Four nodes, of which two are away from hour 1 to hour 2: 1 h at full speed, 1 h at half, then the rest.
    let mut m = Model::empty("elastic", Duration(10 * H));
    m.ends_with_work = true;
    let s = Supply { replays: vec![trace(Duration(H), &[4, 2, 4, 4, 4, 4, 4, 4, 4, 4], 1)], ..supply(true, true) };
    pool(&mut m, "spot", 4, DOLLAR, s);
    let mut buys = buying(Purchase::SpotOnly, Duration(H), Duration::ZERO, None, 4);
    buys.least = 1;
    let mut run_spec = run_of(Pace::EVERYTHING, Vec::new(), Some(buys));
    run_spec.stages = vec![(Stage::Reshape, constant(0.0))];
    m.add_work("w", Source::Jobs(vec![job(Duration(3 * H), 4)].into())).run = Some(Arc::new(run_spec));
    let (o, rows) = run(&m, 0);
    assert_eq!(rows.0[0].state, JobEnd::Done);
    assert_eq!(rows.0[0].end, SimTime(3 * H + H / 2));
    assert!((o.bill().to_f64() - (4.0 + 2.0 + 1.5 * 4.0)).abs() < 1e-9, "{}", o.bill());
}

#[test]
fn copies_in_the_memory_of_peers_survive_unless_a_whole_group_is_lost() {
    let model = |kill: u32| {
        let mut m = Model::empty("peers", Duration(2 * H));
        let values: Vec<u32> = vec![4, 4 - kill, 4, 4];
        let s = Supply { replays: vec![trace(Duration(30 * MIN), &values, 1)], ..supply(false, true) };
        pool(&mut m, "spot", 4, DOLLAR, s);
        let mut run_spec = run_of(Pace::sync(Duration(20 * MIN), Duration::ZERO), Vec::new(), None);
        run_spec.checkpoint.peers = Some(2);
        m.add_work("w", Source::Jobs(vec![job(Duration(10 * H), 4)].into())).run = Some(Arc::new(run_spec));
        m
    };
    // The youngest is one node: its peer has the other copy. Both of a group: back to the store's checkpoint at 20 min.
    assert_eq!(run(&model(1), 0).0.pools[0].hours(Activity::Lost), 0.0);
    assert!((run(&model(2), 0).0.pools[0].hours(Activity::Lost) - 4.0 / 6.0).abs() < 1e-9);
}

#[test]
fn what_keeping_checkpoints_costs_is_on_the_bill() {
    let mut m = Model::empty("store", Duration(10 * H));
    m.ends_with_work = true;
    pool(&mut m, "p", 1, DOLLAR, supply(false, false));
    let mut run_spec = run_of(Pace::sync(Duration(H), Duration(6 * MIN)), Vec::new(), None);
    // Two kept at a dollar an hour, and half a dollar each time one is moved.
    (run_spec.checkpoint.keep, run_spec.checkpoint.storage) = (2, Rate(DOLLAR));
    run_spec.checkpoint.egress = vec![Usd(DOLLAR / 2)];
    m.add_work("w", Source::Jobs(vec![job(Duration(3 * H), 1)].into())).run = Some(Arc::new(run_spec));
    let (o, rows) = run(&m, 0);
    assert_eq!(rows.0[0].end, SimTime(3 * H + 12 * MIN));
    // The first is durable at 1:06; the run ends at 3:12.
    assert!((of(&o, ChargeKind::Storage) - 2.0 * 2.1).abs() < 1e-9);
    assert!((of(&o, ChargeKind::Egress) - 1.0).abs() < 1e-9, "two checkpoints were written");
    assert!((of(&o, ChargeKind::Activity(Activity::CheckpointStall)) - 0.2).abs() < 1e-9);
}

/// Gangs of one node on a store of 1 GB/s in all, whose checkpoints of 360 GB take six minutes alone.
fn on_store(jobs: u64, pace: Pace) -> Model {
    let mut m = Model::empty("shared", Duration(40 * H));
    m.ends_with_work = true;
    let s = Supply { replays: vec![trace(Duration(150 * MIN), &[8, 0, 8, 8, 8, 8, 8], 1)], ..supply(false, true) };
    pool(&mut m, "p", jobs as u32, DOLLAR, s);
    m.stores.push(Store { name: "store".to_owned(), total_bps: 1_000_000_000 });
    let mut run_spec = run_of(pace, vec![(Stage::Init, constant(60.0)), (Stage::Read, constant(360.0))], None);
    (run_spec.checkpoint.store, run_spec.checkpoint.own_bps) = (Some(0), u64::MAX);
    run_spec.checkpoint.bytes = 360_000_000_000;
    let list: Vec<Job> = (0..jobs).map(|_| job(Duration(5 * H), 1)).collect();
    m.add_work("w", Source::Jobs(list.into())).run = Some(Arc::new(run_spec));
    m
}

#[test]
fn a_run_alone_on_a_shared_store_goes_as_the_closed_form_does() {
    let six = Duration(6 * MIN);
    for pace in [Pace::sync(Duration(H), six), Pace::background(Duration(H), Duration(MIN), six, 200_000)] {
        let shared = on_store(1, pace);
        let mut alone = shared.clone();
        let mut spec = Run::clone(alone.work[0].run.as_deref().unwrap());
        spec.checkpoint.store = None;
        alone.work[0].run = Some(Arc::new(spec));
        let ((a, rows_a), (b, rows_b)) = (run(&shared, 0), run(&alone, 0));
        assert_eq!(rows_a.0[0].end, rows_b.0[0].end, "{pace:?}");
        assert_eq!(rows_a.0[0].activity, rows_b.0[0].activity, "{pace:?}");
        assert_eq!(a.work[0].run.as_ref().unwrap().checkpoints, b.work[0].run.as_ref().unwrap().checkpoints);
        assert_eq!(rows_a.0[0].attempts, 2);
    }
}

#[test]
fn when_everyone_writes_at_once_everyone_waits() {
    let (o, rows) = run(&on_store(4, Pace::sync(Duration(H), Duration(6 * MIN))), 0);
    // A minute of set-up, an hour, 24 minutes of writing, an hour: at 150 minutes the second write has gone on for 5.
    // All read the first checkpoint at once from minute 300 on: 24 minutes; then 4 hours with 3 checkpoints.
    let back = 300 + 1 + 24;
    assert!(rows.0.iter().all(|r| r.end == SimTime((back + 4 * 60 + 3 * 24) * MIN)));
    assert_eq!(o.pools[0].hours(Activity::Lost), 4.0);
    assert_eq!(o.pools[0].hours(Activity::CheckpointStall), 4.0 * (24.0 + 5.0 + 3.0 * 24.0) / 60.0);
    assert_eq!(o.pools[0].hours(Activity::Restart), 4.0 * 25.0 / 60.0);
}

/// Three hours of work on demand, with spot on offer from minute 60 on until it goes.
fn back_to_spot(until: Option<u64>) -> (Outcome, Rows) {
    let mut m = Model::empty("back", Duration(20 * H));
    m.ends_with_work = true;
    let mut steps = vec![(Duration::ZERO, 0), (Duration(60 * MIN), 1)];
    steps.extend(until.map(|t| (Duration(t * MIN), 0)));
    let cut = Availability::of_steps(steps, Duration(20 * H));
    let replay = Replay { trace: Arc::new(cut), offset: Offset::Fixed(Duration::ZERO), wrap: false, nodes_per_unit: 1 };
    pool(&mut m, "spot", 1, DOLLAR, Supply { replays: vec![(replay, Cause::Capacity)], ..supply(true, true) });
    pool(&mut m, "od", 1, 3 * DOLLAR, supply(true, false));
    let back = Some(Return { after: Duration(10 * MIN), cooldown: Duration(30 * MIN), min_saving: 0.0 });
    let purchase = Purchase::SpotElseOnDemand { wait: Duration::ZERO, back, breaker: None };
    let buys = buying(purchase, Duration(10 * MIN), Duration::ZERO, None, 1);
    let mut run_spec = run_of(Pace::sync(Duration(50 * MIN), Duration(5 * MIN)), Vec::new(), Some(buys));
    run_spec.checkpoint.keep = 1;
    m.add_work("w", Source::Jobs(vec![job(Duration(3 * H), 1)].into())).run = Some(Arc::new(run_spec));
    run(&m, 0)
}

#[test]
fn a_planned_move_is_made_once_the_progress_is_safe() {
    let (o, rows) = back_to_spot(None);
    // On demand until 60 and five minutes more to save, the rest on spot: one move, whatever the cooldown says by then.
    assert_eq!(rows.0[0].end, SimTime((65 + 125 + 10) * MIN));
    assert!((o.bill().to_f64() - (3.0 * 65.0 + 135.0) / 60.0).abs() < 1e-9, "{}", o.bill());
}

#[test]
fn a_move_that_is_called_off_does_not_leave_the_run_standing() {
    // The run saves itself for five minutes, in which spot goes again.
    let (o, rows) = back_to_spot(Some(62));
    assert_eq!(rows.0[0].state, JobEnd::Done);
    // Computing until 60 (with a checkpoint of five minutes after 50), saving until 65, and 125 minutes to go with two
    // checkpoints: the move was called off.
    assert_eq!(rows.0[0].end, SimTime((65 + 125 + 10) * MIN), "{:?}", o.pools[1].hours(Activity::GangWait));
    assert_eq!(o.pools[1].hours(Activity::GangWait), 0.0);
}

/// Anything that the model can say, at random.
fn any_world() -> impl Strategy<Value = (Model, u32)> {
    let pace = prop_oneof![
        Just(Pace::NOTHING),
        Just(Pace::EVERYTHING),
        (1_u64..90, 0_u64..5).prop_map(|(i, s)| Pace::sync(Duration(i * MIN), Duration(s * MIN))),
        (1_u64..90, 0_u64..3, 1_u64..40, 0_u32..300_000).prop_map(|(i, b, p, s)| Pace::background(
            Duration(i * MIN),
            Duration(b * MIN),
            Duration(p * MIN),
            s
        )),
    ];
    let purchase = prop_oneof![
        Just(Purchase::SpotOnly),
        Just(Purchase::Greedy),
        Just(Purchase::OnDemandOnly),
        Just(Purchase::UniformProgress { hysteresis: true }),
        Just(Purchase::SpotElseOnDemand { wait: Duration(20 * MIN), back: None, breaker: None }),
    ];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (pace, purchase, prop::collection::vec(0_u32..5, 20), flags, 0_u32..4, 0_u64..300, 1_u64..20, 0_u32..100).prop_map(
        |(pace, purchase, values, (bought, hold, elastic, hardware, save), notice, boot, jobs, replication)| {
            let mut m = Model::empty("any", Duration(20 * H));
            m.warmup = Duration(2 * H);
            m.horizon = Duration(17 * H);
            let law = Lifetime::Law(Dist::hyperexp(5.0, 2.5).unwrap());
            let fail = if replication.is_multiple_of(2) { LaunchFailure::Chance(0.4) } else { LaunchFailure::Never };
            let backoff = Backoff { first: Duration(MIN), factor: 1.6, max: Duration(5 * MIN), jitter: 0.4 };
            let mut h = Hardware::of_gpus(20.0, 1);
            (h.reboot, h.replace) = (Dist::exponential(0.2).unwrap(), Dist::exponential(3.0).unwrap());
            (h.billed, h.lemons) = (replication.is_multiple_of(3), Lemons { share: 0.3, factor: 5.0 });
            h.software = Some(Duration(30 * H));
            let s = Supply {
                lifetimes: vec![(law, Cause::Capacity)],
                replays: vec![trace(Duration(H), &values, 1)],
                launch: Launch { fail, backoff, boot: constant(boot as f64), ..launch() },
                notice: Notice { kill: Duration(u64::from(notice) * MIN), ..Notice::NONE },
                hardware: hardware.then(|| h.clone()),
                ..supply(bought, true)
            };
            let p = pool(&mut m, "spot", 4, DOLLAR, s);
            m.pools[p].tariff.rule = BillingRule::EC2_SPOT;
            let o = Supply { hardware: hardware.then_some(h), spares: 1, ..supply(bought, false) };
            pool(&mut m, "od", 3, 3 * DOLLAR, o);
            m.shocks.push(Shock {
                name: "zone".to_owned(),
                per_hour: 0.3,
                kill: Kill::Fraction(0.5),
                pools: vec![0, 1],
                group: Some(3),
                cause: Cause::Capacity,
                down: None,
            });
            let mut buys = buying(purchase, Duration(10 * MIN), Duration(5 * MIN), Some(Duration(9 * H)), 3);
            buys.hold_survivors = hold;
            buys.least = if elastic { 1 } else { 3 };
            buys.spread = hold != elastic;
            let stages =
                vec![(Stage::Init, constant(120.0)), (Stage::Read, constant(60.0)), (Stage::Reshape, constant(30.0))];
            let mut run_spec = run_of(pace, stages, bought.then_some(buys));
            if save {
                run_spec.checkpoint.on_notice =
                    Some(OnNotice { drain: Duration(MIN / 10), write: Duration(MIN), early: false });
            }
            if hold && pace.keeping == Keeping::Checkpoints {
                m.stores.push(Store { name: "store".to_owned(), total_bps: 1_000_000_000 });
                (run_spec.checkpoint.store, run_spec.checkpoint.own_bps) = (Some(0), 700_000_000);
                run_spec.checkpoint.bytes = 60_000_000_000;
            }
            let list: Vec<Job> = (0..jobs)
                .map(|i| Job {
                    arrive: SimTime(i * 47 * MIN),
                    ..job(Duration((30 + 37 * i) * MIN), 1 + (i % 3) as u16)
                })
                .map(|j| if bought { Job { pods: 3, ..j } } else { j })
                .collect();
            m.add_work("w", Source::Jobs(list.into())).run = Some(Arc::new(run_spec));
            (m, replication)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever happens, the books balance, jobs are counted once, and a job that is done did exactly its work.
    #[test]
    fn everything_adds_up(w in any_world().no_shrink()) {
        let (m, replication) = w;
        let mut m = m;
        let (o, _) = run(&m, replication);
        let again = simulate(&m, 1, replication, &mut crate::outcome::Silent);
        prop_assert_eq!(o.fingerprint, again.fingerprint);
        prop_assert_eq!(o.bill(), again.bill());
        // Without a warm-up rows are whole: what a finished job was productive for is its work.
        (m.warmup, m.horizon) = (Duration::ZERO, Duration(19 * H));
        let elastic = m.work[0].run.as_ref().and_then(|r| r.buying.as_ref()).is_some_and(|b| b.least == 1);
        let jobs = match &m.work[0].source { Source::Jobs(j) => j.clone(), Source::Synth(_) | Source::Service(_) => unreachable!() };
        let mut rows = ByOrdinal::default();
        simulate(&m, 1, replication, &mut rows);
        for (ordinal, productive, checkpointing) in rows.0 {
            let j = &jobs[ordinal as usize];
            let work = u128::from(j.work.0) * u128::from(j.pods) * 1000;
            if !elastic {
                prop_assert_eq!(productive, work, "job {}: {} of checkpoints", ordinal, checkpointing);
            } else {
                // Fewer nodes at a speed in proportion do the same work in node-time, up to rounding to nanoseconds.
                prop_assert!(productive.abs_diff(work) < 100_000_000);
            }
        }
    }
}

/// What finished jobs were productive for and checkpointed.
#[derive(Default)]
struct ByOrdinal(Vec<(u64, u128, u128)>);
impl Recorder for ByOrdinal {
    fn wants_jobs(&self) -> bool {
        true
    }
    fn job(&mut self, r: &JobRow<'_>) {
        if r.state == JobEnd::Done {
            let a = r.activity;
            self.0.push((r.ordinal, a[Activity::Productive as usize], a[Activity::CheckpointStall as usize]));
        }
    }
}
