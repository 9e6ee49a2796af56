//! What is written becomes what runs, in numbers from the specification.

use std::path::Path;

use super::Env;
use super::losses;
use crate::fleet::PoolId;
use crate::formats::Syntax;
use crate::market::{Cause, Kill, LaunchFailure, Lifetime, Offset};
use crate::policy::spot::Purchase;
use crate::scenario::model::{Model, Run, Source};
use crate::scenario::{CurveUnit, Loaded, load};
use crate::training::progress::{Keeping, Pace};
use crate::training::restart::Stage;
use crate::units::{Duration, Rate, SimTime, SourceMap, Usd};

const BOUGHT: &str = include_str!("../../../tests/good/bought.ron");
const FAILING: &str = include_str!("../../../tests/good/failing.ron");

pub(super) fn loaded(text: &str) -> Loaded {
    let mut sources = SourceMap::default();
    let id = sources.add("test.ron", text);
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good");
    let result = load(id, Syntax::Ron, &[], None, &mut Env::new(&mut sources, base, "no-such-data"));
    result.unwrap_or_else(|d| panic!("{}", crate::formats::render::render(&d, &sources, false)))
}

/// A run of eight nodes of eight H100s each, with some fields of its own.
fn run(pool: &str, scenario: &str, training: &str) -> Model {
    loaded(&format!(
        "(version: 1, name: \"t\", start: \"2026-10-05\", horizon: \"30d\", {scenario}
          pools: [(name: \"p\", instance: \"p5.48xlarge\", region: \"us-east-1\", nodes: 8, {pool})],
          work: [Training(name: \"r\", nodes: 8, {training})])"
    ))
    .model
}

fn spec(m: &Model) -> &Run {
    m.work[0].run.as_deref().expect("it keeps its progress")
}

fn minutes(m: f64) -> f64 {
    m * 60.0
}

#[test]
fn a_checkpoint_holds_and_takes_what_the_specification_says() {
    let m = loaded(BOUGHT).model;
    let run = spec(&m);
    let c = &run.checkpoint;
    // spot_checkpoint.md 2.1 and 2.3: 7B parameters of 14 bytes, 2 GB/s.
    assert_eq!(c.bytes, 98_000_000_000);
    assert_eq!(c.pace, Pace::sync(Duration::from_secs(1800), Duration::from_secs(49)));
    assert_eq!((c.store, c.own_bps, c.keep), (Some(0), 8_000_000_000, 2));
    assert_eq!(m.stores[0].total_bps, 2_000_000_000);
    let on_notice = c.on_notice.expect("asked for");
    assert_eq!((on_notice.drain, on_notice.write), (Duration::from_secs(10), Duration::from_secs(49)));
    // 98 GB at 0.023 USD a month of 730 h.
    assert!((c.storage.to_f64() - 0.023 * 98.0 / 730.0).abs() < 1e-11);
    assert_eq!(c.egress, vec![Usd(0); 4]);
    // Read back at the store's bandwidth; an image of 20 GB at 1.215 GB/s.
    let stage = |s| run.stages.iter().find(|(k, _)| *k == s).map(|(_, d)| d.mean());
    assert_eq!(stage(Stage::Read), Some(49.0));
    assert!((stage(Stage::Image).unwrap() - 20.0 / 1.215).abs() < 1e-6);
    assert_eq!((stage(Stage::Detect), stage(Stage::SetUp), stage(Stage::Reshape)), (Some(30.0), None, None));
}

#[test]
fn data_that_leaves_its_region_costs_money_and_time() {
    let m = run(
        "",
        "stores: [(name: \"s\", write: \"100GB/s\", region: \"us-west-2\")],",
        "work: Time(\"10h\"), checkpoint: (params: 70e9, every: \"1h\", store: \"s\")",
    );
    let c = &spec(&m).checkpoint;
    // 980 GB at 0.02 USD; eight nodes at 8.20 Gbit/s.
    assert_eq!(c.egress, [Usd(19_600_000_000_000)]);
    assert!((c.pace.stall.as_secs_f64() - 980.0 / (8.0 * 8.2 / 8.0)).abs() < 1e-6);
}

#[test]
fn optimal_intervals_follow_from_the_laws_of_the_pools() {
    // Eight nodes that fail once in 192 h each: one loss a day; a stall of 5 minutes. spot_checkpoint.md 2.6.
    for (rule, want) in [("Young", 120.0), ("Daly", 116.689_815), ("Exact", 116.690_073)] {
        let m = run(
            "hardware: (gpu_hours_per_failure: NodeHours(192)),",
            "",
            &format!("work: Time(\"500h\"), checkpoint: (write: \"5m\", read: \"10m\", every: {rule})"),
        );
        let pace = spec(&m).checkpoint.pace;
        assert!((pace.interval.as_secs_f64() - minutes(want)).abs() < 1e-4, "{rule}: {:?}", pace.interval);
        assert_eq!(pace.stall, Duration::from_secs(300));
    }
}

#[test]
fn losses_of_a_gang_add_up() {
    // spot_checkpoint.md 1.5: λi = 0.02, λz = 0.01, p = 0.6, n = 8.
    let m = run(
        "buy: Spot(reclaim: [Lifetime(Exponential(\"50h\"))]),",
        "shocks: [(name: \"z\", per_hour: 0.01, kill: Fraction(\"60%\"))],",
        "work: Time(\"10h\")",
    );
    let rate = losses::of_gang(&m, &[0], 8);
    assert!((rate.per_hour - 0.169_993).abs() < 1e-6, "{rate:?}");
    assert!((rate.mean_hours() - 5.8826).abs() < 1e-4);
    // Section 4: the published rate of 16,384 H100s is one loss in 3.09 h.
    let m = loaded(
        "(version: 1, name: \"t\", start: \"2026-10-05\", horizon: \"1d\",
          pools: [(name: \"p\", instance: \"p5.48xlarge\", region: \"us-east-1\", nodes: 2048,
                   hardware: (gpu_hours_per_failure: Published(\"llama3\"), software: \"15%\"))],
          work: [Training(name: \"r\", gpus: 16384, work: Time(\"1h\"))])",
    )
    .model;
    assert!((losses::of_gang(&m, &[0], 2048).mean_hours() - 54.0 * 24.0 / 419.0).abs() < 1e-9);
    // Lemons do not change the fleet's rate.
    let m = run("hardware: (lemons: (share: \"10%\", factor: 10)),", "", "work: Time(\"1h\")");
    assert!((losses::of_gang(&m, &[0], 8).mean_hours() - 50_000.0 / 64.0).abs() < 1e-9);
}

#[test]
fn a_gang_on_a_trace_loses_as_often_as_was_measured() {
    let m = loaded(BOUGHT).model;
    // Zone a: 20 h of four nodes, then fewer, 30 h, none, 36 h: three ends in 86 h; and at most a day each, together.
    let a = losses::of_gang(&m, &[0], 4);
    let shock = 0.01 * (1.0 - 0.4_f64.powi(4));
    assert!((a.per_hour - (3.0 / 86.0 + 1.0 / 24.0 + shock)).abs() < 1e-9, "{a:?}");
    assert!(a.measured && a.basis[0].contains("measured in its trace"));
}

#[test]
fn spot_pools_have_their_causes_notices_and_launches() {
    let m = loaded(BOUGHT).model;
    let [a, b, c, d] = [0, 1, 2, 3].map(|i: usize| m.pools[i].supply.as_deref().expect("on request"));
    assert!(a.on_request() && a.spot && d.on_request() && !d.spot);
    let (replay, cause) = &a.replays[0];
    assert_eq!((*cause, replay.offset, replay.wrap), (Cause::Capacity, Offset::Stride(Duration::from_hours(6)), false));
    assert_eq!((replay.at(Duration::ZERO, SimTime::ZERO), replay.trace.max()), (4, 4));
    assert_eq!((a.lifetimes[0].1, a.lifetimes[0].0.mean_hours()), (Cause::MaxLifetime, Some(24.0)));
    // AWS's own notice where nothing is said; what is said where something is.
    assert_eq!((a.notice.kill, a.notice.detect), (Duration::from_secs(120), Duration::from_secs(5)));
    assert_eq!(b.notice.effective(), Duration::from_secs(105));
    assert_eq!((b.launch.quota, &b.launch.fail), (Some(4), &LaunchFailure::Chance(0.1)));
    assert!(matches!(d.launch.fail, LaunchFailure::OnOff(_)));
    // Lives of 0.5, 1.5 and 1.75 h, each as likely.
    let Lifetime::Law(lives) = &c.lifetimes[0].0 else { panic!("a law") };
    assert!((lives.mean() - 3.75 / 3.0).abs() < 1e-12);
    // The price is above the bid of 3.50 from hour 25 to hour 27 of the run.
    let (bid, cause) = &c.replays[0];
    let at = |h| bid.at(Duration::ZERO, SimTime(Duration::from_hours(h).0));
    assert_eq!((*cause, at(24), at(25), at(26), at(27)), (Cause::Price, 4, 0, 0, 4));
    let Kill::Fraction(p) = m.shocks[0].kill else { panic!("a fraction") };
    assert_eq!((m.shocks[0].pools.as_slice(), p), (&[0_u16][..], 0.6));
}

#[test]
fn a_made_up_market_is_up_as_often_as_its_laws_say() {
    let m = run(
        "buy: Spot(reclaim: [UpDown(up: Exponential(\"4h\"), down: Exponential(\"1h\"), tick: \"10m\")]),",
        "",
        "work: Time(\"10h\")",
    );
    let supply = m.pools[0].supply.as_deref().expect("it comes and goes");
    let (replay, _) = &supply.replays[0];
    assert_eq!((replay.offset, replay.wrap, replay.nodes_per_unit), (Offset::Random, true, 8));
    // 3,000 days hold some 14,400 turns: the mean is known to less than a hundredth.
    assert!((replay.trace.mean().unwrap() - 0.8).abs() < 0.01);
    assert!((losses::of_gang(&m, &[0], 8).mean_hours() / 4.0 - 1.0).abs() < 0.04);
}

#[test]
fn a_price_history_is_the_tariff_step_by_step() {
    let m = loaded(BOUGHT).model;
    let steps: Vec<(u64, Rate)> = m.pools[2].tariff.steps.iter().map(|s| (s.from.0 / 60_000_000_000, s.rate)).collect();
    let usd = |u: i128| Rate(u * 100_000_000);
    // Midnight UTC is 0; the price before it is still in force then.
    assert_eq!(
        steps,
        [(0, usd(11_700)), (390, usd(12_500)), (1500, usd(39_999)), (1620, usd(12_100)), (3600, usd(11_900))]
    );
    let from_start =
        loaded(&BOUGHT.replace("[\"market/prices.json\"]", "[\"market/prices.json\"], aligned: FromStart"));
    let second = from_start.model.pools[2].tariff.steps[1].from;
    assert_eq!(second, SimTime(Duration::from_secs(12 * 3600 + 1800).0), "18:00 to 06:30");
}

#[test]
fn runs_that_buy_say_how() {
    let l = loaded(BOUGHT);
    assert!(l.model.ends_with_work && l.model.replications == 3);
    let buying = |m: &Model| spec(m).buying.clone().expect("a policy");
    let b = buying(&l.model);
    assert_eq!(b.purchase, Purchase::UniformProgress { hysteresis: true });
    assert_eq!((b.tick, b.deadline), (Duration::from_secs(600), Some(Duration::from_hours(60))));
    assert_eq!((b.least, b.efficiency.len(), b.hold_survivors, b.spread), (4, 0, false, false));
    // Two minutes of boot, and the stages' 30 + 10 + 30 + 16.46 + 60 + 49 + 120 s.
    assert!((b.overhead.as_secs_f64() - (120.0 + 299.0 + 20.0 / 1.215)).abs() < 1e-6, "{}", b.overhead);
    let elastic = buying(&l.variants[0]);
    assert_eq!(elastic.least, 2);
    // In proportion below what is stated, straight lines above.
    for (got, want) in elastic.efficiency.iter().zip([0.275, 0.55, 0.775, 1.0]) {
        assert!((got - want).abs() < 1e-12);
    }
    let Purchase::SpotElseOnDemand { wait, back: Some(back), breaker: Some(breaker) } = buying(&l.variants[1]).purchase
    else {
        panic!("spot, else on demand")
    };
    assert_eq!((wait, back.after, breaker.max), (Duration::from_secs(1200), Duration::from_hours(1), 3));
    let half = buying(&l.variants[2]);
    assert_eq!((half.base.map(|b| b.of(4)), half.spread), (Some((3, 1)), true));
}

#[test]
fn a_run_is_a_job_of_whole_nodes() {
    let m = run("", "warmup: \"2d\",", "work: Time(\"30h\"), arrive: \"1h\", count: 3, every: \"5h\"");
    let Source::Jobs(jobs) = &m.work[0].source else { panic!("laid out") };
    let hours = |h| SimTime(Duration::from_hours(h).0);
    assert_eq!(jobs.iter().map(|j| j.arrive).collect::<Vec<_>>(), [hours(49), hours(54), hours(59)]);
    assert_eq!((jobs[0].pods, jobs[0].request.gpus, jobs[0].request.gpu_milli), (8, 8, 1000));
    assert_eq!(jobs[0].work, Duration::from_hours(30));
    assert!(m.open_pools(0, 0, 1).has(PoolId(0)));
    let run = spec(&m);
    assert_eq!((run.checkpoint.pace.keeping, run.buying.is_none()), (Keeping::Nothing, true));
}

#[test]
fn tokens_become_time_by_throughput_or_by_physics() {
    // 6 · 70e9 FLOP a token on 64 H100s at 40 % of 989.4 TFLOP/s.
    let m = run("", "", "work: Tokens(1e9), physics: (params: 70e9)");
    let Source::Jobs(jobs) = &m.work[0].source else { panic!("laid out") };
    let peak = crate::catalog::Catalog::embedded().device("H100").unwrap().tflops_16 * 1e12;
    let want = 1e9 * 6.0 * 70e9 / (64.0 * peak * 0.4);
    assert!((jobs[0].work.as_secs_f64() / want - 1.0).abs() < 1e-9);
    // Measured: 4e10 tokens at 4.9e5 a second; prefetch takes four fifths of a stall of 10 %.
    let m = loaded(FAILING).model;
    let Source::Jobs(jobs) = &m.work[1].source else { panic!("laid out") };
    let step = 0.9 + 0.1 * 0.2;
    assert!((jobs[0].work.as_secs_f64() - 4e10 / 4.9e5 * step).abs() < 1e-3);
    assert_eq!(jobs[0].usage.stall_ppm, (0.02 / step * 1e6_f64).round() as u32);
    // 16 bytes of each of 13e9 parameters over 64 GPUs, and 30 GB.
    assert_eq!(jobs[0].usage.gpu_mem_mib, (33.25e9_f64 / 1_048_576.0).ceil() as u32);
    assert_eq!(spec_of(&m, 1).redundancy_ppm, 50_000);
    assert_eq!(spec_of(&m, 1).checkpoint.peers, Some(2));
}

fn spec_of(m: &Model, i: usize) -> &Run {
    m.work[i].run.as_deref().expect("it keeps its progress")
}

#[test]
fn jobs_of_the_queue_may_checkpoint_too() {
    let m = loaded(FAILING).model;
    let batch = spec_of(&m, 0);
    assert_eq!(batch.checkpoint.pace, Pace::sync(Duration::from_secs(1200), Duration::from_secs(4)));
    assert_eq!(batch.stages.iter().map(|(s, d)| (*s, d.mean())).collect::<Vec<_>>(), [(Stage::SetUp, 180.0)]);
    assert!(batch.buying.is_none() && batch.checkpoint.store.is_none());
    // 5 October 2026 is a Monday: midnight in New York is hour 0 of the week.
    let spot = m.pools[0].supply.as_deref().expect("nodes come and go");
    let Lifetime::Calendar(c) = &spot.lifetimes[1].0 else { panic!("a calendar") };
    assert_eq!((c.per_hour, c.epoch_hour), (0.02, 0.0));
    let Lifetime::Bathtub(b) = &spot.lifetimes[2].0 else { panic!("a bathtub") };
    assert!((b.cdf(1.0) - 0.284_454).abs() < 1e-6, "spot_checkpoint.md 1.4");
    let h100 = m.pools[1].supply.as_deref().expect("they fail");
    assert_eq!((h100.spares, h100.on_request()), (1, false));
}

#[test]
fn a_share_of_interruptions_is_a_hazard_by_its_exposure() {
    // spot_checkpoint.md 1.8: 12.5 % of instances.
    for (exposure, mean) in [("730h", 5_467.0), ("168h", 1_258.0), ("24h", 180.0)] {
        let mut sources = SourceMap::default();
        let text = format!(
            "(version: 1, name: \"t\", start: \"2026-10-05\", horizon: \"30d\",
              pools: [(name: \"p\", device: \"none\", cpus: 8, memory: \"8GiB\", price: PerNode(\"1 USD/h\"), nodes: 2,
                       buy: Spot(reclaim: [Advisor(share: \"12.5%\", exposure: \"{exposure}\")]))],
              work: [Jobs(name: \"j\", arrive: Poisson(per_day: 1), length: Constant(\"1h\"), gpus: 0)])"
        );
        let id = sources.add("t", text);
        let l = load(id, Syntax::Ron, &[], None, &mut Env::new(&mut sources, "", "")).expect("a CPU pool");
        assert!(l.warnings.list.is_empty(), "no warning for nodes without GPUs");
        let supply = l.model.pools[0].supply.as_deref().expect("reclaims");
        let found = supply.lifetimes[0].0.mean_hours().expect("finite");
        assert!((found / mean - 1.0).abs() < 3e-3, "{exposure}: {found}");
    }
}

#[test]
fn a_curve_has_a_model_for_each_point_and_variant() {
    let l = loaded(BOUGHT);
    let names: Vec<Option<&str>> = l.curves.iter().map(|c| c.variant.as_deref()).collect();
    assert_eq!(names, [None, Some("elastic"), Some("slow-return"), Some("half-on-demand")]);
    for c in &l.curves {
        assert_eq!((c.name.as_str(), c.unit, c.replications), ("interval", CurveUnit::Seconds, 3));
        let points: Vec<(&str, f64)> = c.points.iter().map(|p| (p.label.as_str(), p.value)).collect();
        assert_eq!(points, [("10m", 600.0), ("1h", 3600.0)]);
        for p in &c.points {
            assert_eq!(spec(&p.model).checkpoint.pace.interval.as_secs_f64(), p.value);
            assert_eq!(p.model.variant, c.variant);
        }
    }
    assert_eq!(spec(&l.curves[1].points[0].model).buying.as_ref().map(|b| b.least), Some(2));
}
