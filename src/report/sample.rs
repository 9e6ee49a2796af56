//! Outcomes for tests: one made by hand (three pools, a week by hours, two variants, a budget), and one simulated, whose
//! nodes come and go.

pub mod services;

use std::sync::Arc;

use crate::catalog::BillingRule;
use crate::fleet::{Capacity, PoolSet};
use crate::kernel::{Dist, Histogram};
use crate::market::{Cause, Hardware, Launch, LaunchFailure, Lemons, Lifetime, Notice};
use crate::outcome::{
    BudgetOutcome, Charge, ChargeKind, EvidenceNote, Exact, JobCounts, Money, Outcome, PoolOutcome, PoolSeries,
    PriceRow, QueueTally, Series, Silent, VERSION, WaitClass, WaitTarget, WorkOutcome,
};
use crate::policy::spot::Purchase;
use crate::policy::spot::diversify::Allocation;
use crate::scenario::model::{Buying, Checkpoint, Model, OnNotice, Run, Source, Supply};
use crate::sim::simulate;
use crate::training::progress::Pace;
use crate::training::restart::Stage;
use crate::units::{Activity, Duration, Rate, SimTime, Usd};
use crate::workload::{Job, Request};

const HOUR: u64 = 3_600_000_000_000;
const GPU_HOUR: u128 = 3_600_000_000_000_000;

fn money(v: f64) -> Money {
    Money(Usd((v * 1e12) as i128))
}

fn waits(n: u64, median_s: f64, spread: f64) -> Histogram {
    // Quantiles of a lognormal by its logistic likeness: only the shape matters here.
    let mut h = Histogram::new();
    for i in 0..n {
        let p = (i as f64 + 0.5) / n as f64;
        let s = median_s * (spread * (p / (1.0 - p)).ln() / 1.7).exp();
        h.record(if median_s == 0.0 { 0 } else { (s * 1e9) as u64 });
    }
    h
}

type Row = (&'static str, &'static str, &'static str, &'static str, f64, f64, f64, u32);

/// (name, device, instance, market, GPUs, USD per GPU-hour, share at work at noon, GPUs a node)
const POOLS: [Row; 3] = [
    ("h100", "H100-SXM-80GB", "p5.48xlarge", "on-demand", 64.0, 6.88, 0.74, 8),
    ("a100", "A100-SXM-40GB", "p4d.24xlarge", "spot", 64.0, 2.74, 0.55, 8),
    ("t4", "T4", "g4dn.xlarge", "on-demand", 72.0, 0.526, 0.22, 1),
];

/// The outcome; `scale` scales what is bought, for variants.
pub fn outcome(variant: Option<&str>, scale: f64, wait: f64) -> Outcome {
    let n = 168usize;
    let mut pools = Vec::new();
    let mut series = Vec::new();
    let mut charges: Vec<Charge> = Vec::new();
    let mut prices = Vec::new();
    for (i, (name, device, instance, market, gpus, rate, use_, per)) in POOLS.into_iter().enumerate() {
        let gpus = (gpus * scale / 8.0).round() * 8.0;
        let mut s = PoolSeries::default();
        for h in 0..n {
            let hour = (h % 24) as f64;
            let weekend = if h / 24 >= 5 { 0.55 } else { 1.0 };
            let day = 0.6 + 0.4 * (-(hour - 14.0).powi(2) / 30.0).exp();
            let noise = ((h * 7919 + i * 104_729) % 97) as f64 / 97.0 - 0.5;
            let want = gpus * (0.35 + use_) * day * weekend * (1.0 + 0.16 * noise);
            let alloc = want.min(gpus * 0.985);
            s.provisioned.push(gpus);
            s.allocated.push(alloc);
            s.requested.push(want);
            s.busy.push(alloc * (0.52 + 0.08 * noise));
            s.sampled.push(alloc * (0.88 + 0.05 * noise));
            s.job_waste.push(alloc * 0.2);
            s.spend.push(gpus * rate);
        }
        let mut activity = vec![Exact(0); Activity::COUNT];
        let held: f64 = s.allocated.iter().sum();
        let cap = gpus * n as f64;
        let mut put = |a: Activity, h: f64| activity[a as usize] = Exact((h * GPU_HOUR as f64) as u128);
        put(Activity::InputStall, held * 0.05);
        put(Activity::Discarded, held * 0.13);
        put(Activity::Lost, held * 0.012);
        put(Activity::Restart, held * 0.008);
        put(Activity::Productive, held * 0.8);
        put(Activity::Fragmented, (cap - held) * 0.12);
        put(Activity::QueueHeld, (cap - held) * 0.07);
        put(Activity::Boot, (cap - held) * 0.02);
        put(Activity::Unallocated, (cap - held) * 0.79);
        let capacity: u128 = activity.iter().map(|a| a.0).sum();
        let price = prices.len();
        prices.push(PriceRow {
            pool: name.into(),
            usd_per_hour: money(rate * f64::from(per)),
            per: if per == 1 { "node of 1 GPU".into() } else { format!("node of {per} GPUs") },
            per_milli: 1000 * per,
            from_ns: 0,
            source: format!("AWS price list, {instance}, us-east-1, 2026-08-03"),
            evidence: if name == "t4" { "guess" } else { "measured" }.into(),
        });
        let mut bill = Usd::ZERO;
        for a in Activity::ALL {
            let total = activity[a as usize].0;
            if total == 0 {
                continue;
            }
            let held = a.group() != crate::units::Group::FleetWaste;
            let split: &[(&str, &str, u128)] = if held {
                &[("train", "team=research", 50), ("finetune", "team=search", 30), ("lab", "team=support", 20)]
            } else {
                &[("", "", 100)]
            };
            for (work, team, part) in split {
                let ns = total / 100 * part;
                let usd = Usd((ns as f64 / GPU_HOUR as f64 * rate * 1e12) as i128);
                bill += usd;
                charges.push(Charge {
                    id: format!("c{}", charges.len() + 1),
                    pool: name.into(),
                    kind: ChargeKind::Activity(a),
                    workload: held.then(|| (*work).into()),
                    labels: if held { vec!["env=prod".into(), (*team).into()] } else { vec![] },
                    price: Some(price),
                    milli_ns: Exact(ns),
                    usd: Money(usd),
                    avoidable: name != "a100",
                });
            }
        }
        let busy: f64 = s.busy.iter().sum();
        let sampled: f64 = s.sampled.iter().sum();
        pools.push(PoolOutcome {
            slices: None,
            name: name.into(),
            device: device.into(),
            instance: Some(instance.into()),
            market: if name == "a100" { "owned" } else { market }.into(),
            unit: "gpu".into(),
            nodes_at_start: (gpus / f64::from(per)) as u32,
            nodes_max: (gpus / f64::from(per)) as u32,
            units_at_start: gpus,
            activity,
            capacity: Exact(capacity),
            busy_ppm: Exact((busy * GPU_HOUR as f64 * 1e6) as u128),
            sampled_ppm: Exact((sampled * GPU_HOUR as f64 * 1e6) as u128),
            bill: Money(bill),
            sunk: if name == "a100" { Money(bill) } else { Money::default() },
            energy_uw_ns: Exact(1_000_000_000_000_000_000_000_000),
            pue: 1.25,
            waits: waits(1_500, [2_400.0, 300.0, 12.0][i] * wait, 1.2),
            started: 1_500,
            losses: None,
        });
        series.push(s);
    }
    for (kind, usd) in [(ChargeKind::ControlPlane, 16.8), (ChargeKind::MinimumAndRounding, 41.3)] {
        charges.push(Charge {
            id: format!("c{}", charges.len() + 1),
            pool: "cluster".into(),
            kind,
            workload: None,
            labels: vec![],
            price: None,
            milli_ns: Exact(0),
            usd: money(usd),
            avoidable: true,
        });
    }
    let bill: Usd = charges.iter().map(|c| c.usd.0).sum();
    let budget = |name: &str, scope: &str, amount: f64, part: f64, period: &str| {
        let spent = bill.to_f64() * part;
        let rate = spent / (168.0 * HOUR as f64);
        let cross = |x: f64| (x <= spent).then(|| (x / rate) as u64);
        BudgetOutcome {
            name: name.into(),
            scope: scope.into(),
            amount: money(amount),
            period: period.into(),
            spent: money(spent),
            crossed_80_ns: cross(amount * 0.8),
            crossed_100_ns: cross(amount),
            forecast_ns: (amount > spent).then(|| (amount / rate) as u64),
            spend: (1..=n).map(|i| spent * i as f64 / n as f64).collect(),
        }
    };
    let class = |name: &str, jobs, median: f64, spread, still_waiting| WaitClass {
        name: name.into(),
        waits: waits(jobs, median * wait, spread),
        still_waiting,
    };
    let work = |name: &str, part: f64, target: Option<(u64, f64, u64)>| WorkOutcome {
        name: name.into(),
        bill: money(bill.to_f64() * part),
        activity: vec![Exact(0); Activity::COUNT],
        jobs: JobCounts { arrived: 1_600, done: 1_400, failed: 120, cancelled: 80, ..JobCounts::default() },
        waits: waits(1_500, 60.0 * wait, 2.0),
        turnaround: waits(1_400, 4_000.0, 1.5),
        wait_target: target.map(|(s, share, met)| WaitTarget { within_ns: s * 1_000_000_000, share, met, of: 1_500 }),
        run: None,
        service: None,
    };
    let evidence = |what: &str, grade: &str, source: &str| EvidenceNote {
        what: what.into(),
        grade: grade.into(),
        source: source.into(),
    };
    Outcome {
        version: VERSION,
        scenario: "quickstart".into(),
        variant: variant.map(str::to_owned),
        seed: 1,
        replication: 0,
        start: "2026-10-05T00:00:00".into(),
        tz: "America/New_York".into(),
        horizon_ns: 168 * HOUR,
        pools,
        work: vec![
            work("train", 0.4, Some((14_400, 0.9, 1_290))),
            work("finetune", 0.2, None),
            work("lab", 0.1, Some((300, 0.95, 1_473))),
        ],
        charges,
        prices,
        jobs: JobCounts {
            running_at_start: 31,
            queued_at_start: 4,
            arrived: 5_012,
            done: 4_602,
            failed: 214,
            cancelled: 160,
            rejected: 3,
            running_at_end: 48,
            queued_at_end: 20,
            preemptions: 112,
            interruptions: 0,
        },
        waits: vec![
            class("share", 700, 0.0, 1.0, 0),
            class("1", 2_600, 14.0, 1.9, 2),
            class("2–7", 900, 95.0, 1.8, 0),
            class("8", 610, 600.0, 1.5, 5),
            class("9–63", 170, 3_900.0, 1.2, 8),
            class("64+", 12, 21_000.0, 0.9, 5),
        ],
        queue: QueueTally::default(),
        series: Series {
            bucket_ns: HOUR,
            buckets: n,
            pools: series,
            waiting_jobs: vec![3.5; n],
            waiting_gpus: vec![20.0; n],
        },
        nodes: None,
        budgets: vec![
            budget("research", "team=research", 33_000.0, 0.35, "window"),
            budget("platform", "everything", 330_000.0, 1.0, "month"),
        ],
        evidence: vec![
            evidence("price of pool t4", "guess", "typed in by hand"),
            evidence("job lengths of lab", "prior", "Helios, all clusters"),
            evidence("spot lives of a100", "prior", "literature"),
            evidence("arrivals of train", "fitted", "openb"),
        ],
        events: 91_234,
        fingerprint: 0x1234_5678_9abc_def0,
        notices: vec![],
    }
}

/// A model whose nodes come and go: `tune` buys its own nodes in three spot zones and on demand, saves itself on notice
/// and has a deadline; `pretrain` runs in a hall whose machines fail.
pub fn interrupted() -> Model {
    let node = Capacity { cpu_milli: 0, mem_mib: 0, gpus: 8 };
    let constant = |x: f64| Dist::constant(x).expect("finite");
    let mut m = Model::empty("spot-training", Duration::from_hours(96));
    m.start = jiff::civil::date(2026, 10, 5).to_zoned(jiff::tz::TimeZone::UTC).expect("a date that UTC has");
    let mut on = PoolSet::EMPTY;
    let zones =
        [("us-east-1a", 3.0, 2.61), ("us-east-1b", 7.0, 2.74), ("us-east-1d", 14.0, 2.95), ("on-demand", 0.0, 6.88)];
    for (name, mean_h, usd) in zones {
        let spot = mean_h > 0.0;
        let pool = m.add_pool(name, node, 16, Rate((usd * 1e12) as i128));
        on = on.with(pool);
        let p = &mut m.pools[pool.0 as usize];
        p.device = "H100-SXM-80GB".into();
        p.market = if spot { "spot" } else { "on-demand" }.into();
        if spot {
            p.tariff.rule = BillingRule::EC2_SPOT;
        }
        let mut launch = Launch::new(constant(240.0));
        launch.fail = if spot { LaunchFailure::Chance(0.8) } else { LaunchFailure::Never };
        let lifetimes = if spot {
            vec![(Lifetime::Law(Dist::weibull(0.7, mean_h * 2.0).expect("positive")), Cause::Capacity)]
        } else {
            Vec::new()
        };
        p.supply = Some(Box::new(Supply {
            staffing: crate::scenario::model::Staffing::OnRequest,
            spot,
            lifetimes,
            replays: Vec::new(),
            launch,
            notice: if spot { Notice { kill: Duration::from_secs(120), ..Notice::NONE } } else { Notice::NONE },
            hardware: None,
            spares: 0,
        }));
    }
    let hall = m.add_pool("hall", node, 34, Rate(2_100_000_000_000));
    let p = &mut m.pools[hall.0 as usize];
    (p.device, p.market, p.tariff.sunk) = ("H100-SXM-80GB".into(), "owned".into(), true);
    p.supply = Some(Box::new(Supply {
        staffing: crate::scenario::model::Staffing::Standing,
        spot: false,
        lifetimes: Vec::new(),
        replays: Vec::new(),
        launch: Launch::new(constant(0.0)),
        notice: Notice::NONE,
        hardware: Some(Hardware {
            node_mtbf: Duration::from_hours(300),
            lemons: Lemons::NONE,
            reboot_share: 0.5,
            reboot: constant(0.5),
            replace: constant(12.0),
            billed: true,
            software: None,
        }),
        spares: 2,
    }));
    let job = |arrive_h: f64, work_h: f64, pods| Job {
        arrive: SimTime((arrive_h * HOUR as f64) as u64),
        work: Duration((work_h * HOUR as f64) as u64),
        pods,
        request: Request { cpu_milli: 0, mem_mib: 0, gpus: 8, gpu_milli: 1000, slice: 0 },
        patience: Duration(u64::MAX),
        ..Job::default()
    };
    let minute = Duration::from_secs(60);
    let stages = || {
        vec![
            (Stage::Detect, constant(90.0)),
            (Stage::Image, constant(180.0)),
            (Stage::Init, constant(60.0)),
            (Stage::Read, constant(150.0)),
            (Stage::WarmUp, constant(240.0)),
        ]
    };
    let tune = Run {
        checkpoint: Checkpoint {
            pace: Pace::sync(Duration::from_secs(2_700), minute),
            bytes: 980 << 30,
            on_notice: Some(OnNotice { drain: Duration::from_secs(8), write: Duration::from_secs(55), early: false }),
            keep: 2,
            storage: Rate(30_000_000_000),
            egress: vec![Usd(20_000_000_000); 4],
            ..Checkpoint::default()
        },
        stages: stages(),
        redundancy_ppm: 0,
        buying: Some(Box::new(Buying {
            purchase: Purchase::UniformProgress { hysteresis: true },
            tick: Duration::from_secs(600),
            deadline: Some(Duration::from_hours(23)),
            overhead: Duration::from_secs(1_000),
            hold_survivors: false,
            least: 4,
            efficiency: Vec::new(),
            base: None,
            allocation: Allocation::LowestPrice,
            spread: false,
        })),
    };
    let jobs: Vec<Job> = (0..5).map(|i| job(f64::from(i) * 11.0, 20.0, 4)).collect();
    let w = m.add_work("tune", Source::Jobs(jobs.into()));
    w.run = Some(Arc::new(tune));
    w.accepts = vec![on];
    let pretrain = Run {
        checkpoint: Checkpoint {
            pace: Pace::background(Duration::from_secs(1_800), Duration::from_secs(5), minute, 0),
            ..Checkpoint::default()
        },
        stages: stages(),
        redundancy_ppm: 0,
        buying: None,
    };
    let w = m.add_work("pretrain", Source::Jobs(vec![job(2.0, 80.0, 32)].into()));
    w.run = Some(Arc::new(pretrain));
    w.accepts = vec![PoolSet::only(hall)];
    m
}

/// What [`interrupted`] yields.
pub fn spot() -> Outcome {
    simulate(&interrupted(), 3, 0, &mut Silent)
}
