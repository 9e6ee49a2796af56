//! Services on small fleets, worked out by hand; and whatever happens to their nodes.

use std::sync::Arc;

use proptest::prelude::*;

use crate::fleet::{Capacity, PoolId};
use crate::kernel::Dist;
use crate::market::{Availability, Cause, Launch, Notice, Offset, Replay};
use crate::outcome::service::ServiceOutcome;
use crate::outcome::{Outcome, Silent, StartStage};
use crate::policy::{hpa, keda};
use crate::scenario::model::service::{
    Deployment, Engine, Gate, Objective, Rollout, RolloutStep, Scale, Signal, Start, Watch,
};
use crate::scenario::model::{Change, ChangeKind, Model, Source, Supply};
use crate::serving::cost::{Quantised, StepCost};
use crate::serving::front::Retry;
use crate::serving::replica;
use crate::sim::{check_conservation, simulate};
use crate::units::{Activity, Duration, Label, Name, Rate, SimTime, Usd};
use crate::workload::synth::Mix;
use crate::workload::traffic::{Batch, BatchSpec, Lengths, Marks, Rate as Requests, Runs, Spec, Synth, Traffic};
use crate::workload::{Job, Request};

const S: u64 = 1_000_000_000;
const MIN: u64 = 60 * S;
const DOLLAR: Rate = Rate(1_000_000_000_000);

fn name(n: &str) -> Name {
    Name::new(n).unwrap()
}

fn seconds(s: f64) -> Dist {
    Dist::constant(s).unwrap()
}

fn lengths(input: f64, output: f64) -> Lengths {
    Lengths::new(seconds(input), seconds(output))
}

/// So many requests at each of these seconds.
fn bursts(at: &[u64], requests: u32, input: f64, output: f64) -> Traffic {
    let runs = Runs::At(at.iter().map(|s| SimTime(s * S)).collect());
    let spec = BatchSpec::offline(name("batch"), SimTime::ZERO, requests, Duration(100 * S), lengths(input, output));
    Traffic::new(vec![Batch::new(BatchSpec { runs, ..spec }).unwrap().into()]).unwrap()
}

fn steady(per_second: f64, teams: &[(&str, f64)]) -> Traffic {
    let mut spec = Spec::new(name("users"), Requests::poisson(per_second), lengths(200.0, 50.0));
    let label = |v: &str| vec![Label { key: name("team"), value: name(v) }];
    if !teams.is_empty() {
        let mix = Mix::new(teams.iter().map(|(t, w)| (label(t), *w))).unwrap();
        spec.marks = Marks { labels: vec![mix], ..Marks::default() };
    }
    Traffic::new(vec![Synth::new(spec).unwrap().into()]).unwrap()
}

/// Steps of 10 ms and 1 ms a sequence; prompts add 0.01 ms a token.
fn engine() -> Engine {
    let cost = StepCost { a: 10.0, b: 1.0, p: 0.01, ..StepCost::default() };
    let config = replica::Config { kv_tokens: 100_000, ..replica::Config::default() };
    Engine { config, cost: Quantised::new(&cost).unwrap(), profile: "by hand".into() }
}

/// Start-ups of a minute.
fn deployment(scale: Scale) -> Deployment {
    Deployment {
        start: Start { image: seconds(20.0), image_stays: true, load: seconds(30.0), warm_up: seconds(10.0) },
        ..Deployment::on(PoolId(0), engine(), scale)
    }
}

/// A service alone on a pool of nodes of one GPU at a dollar an hour.
fn model(nodes: u32, minutes: u64, traffic: Traffic, deployments: Vec<Deployment>) -> Model {
    let mut m = Model::empty("hand", Duration(minutes * MIN));
    m.bucket = Duration(10 * MIN);
    m.add_pool("p", Capacity { cpu_milli: 8_000, mem_mib: 8_192, gpus: 1 }, nodes, DOLLAR);
    let app = Label { key: name("app"), value: name("chat") };
    let s = m.add_service("chat", &[app], traffic, deployments);
    s.slo.ttft = Some(Objective { within: Duration(S), share: 0.95 });
    m
}

fn run(m: &Model) -> Outcome {
    let o = simulate(m, 1, 0, &mut Silent);
    check_conservation(&o);
    o
}

fn service(o: &Outcome) -> &ServiceOutcome {
    o.work.iter().find_map(|w| w.service.as_deref()).unwrap()
}

/// Seconds of GPU time in an activity.
fn spent(o: &Outcome, a: Activity) -> f64 {
    o.pools.iter().map(|p| p.hours(a) * 3600.0).sum()
}

#[test]
fn a_fixed_replica_serves_from_the_start_and_idles_in_between() {
    // Two requests of 100 and 5 tokens at minute 1: steps of 12 ms (2 ms of them prompts), then four of 12 ms.
    let m = model(1, 10, bursts(&[60], 2, 100.0, 5.0), vec![deployment(Scale::Fixed(1))]);
    let o = run(&m);
    let s = service(&o);
    assert_eq!((s.requests.sent, s.requests.answered, s.good), (2, 2, 2));
    assert_eq!((s.tokens.input, s.tokens.output, s.tokens.prefilled, s.tokens.produced), (200, 10, 200, 10));
    assert_eq!((s.latency.ttft.max(), s.latency.e2e.max()), (Some(12_000_000), Some(60_000_000)));
    assert!((spent(&o, Activity::Productive) - 0.060).abs() < 1e-9);
    assert!((spent(&o, Activity::WarmIdle) - 599.940).abs() < 1e-9);
    assert_eq!(o.bill().0, 166_666_666_667, "a sixth of a dollar");
    // The service pays for all of it; its jobs are no jobs.
    assert_eq!((o.work[0].bill.0, o.jobs.arrived), (o.bill(), 0));
    let d = &s.deployments[0];
    assert_eq!((d.ready_ns.0, d.busy_ns.0, d.started, d.created), (u128::from(10 * MIN), 60_000_000, 0, 1));
    // Prompts: all of the first step, of which nobody decoded.
    assert!((d.prefill_share - 12.0 / 60.0).abs() < 1e-12);
    let (input, output) = s.usd_per_million(6.0);
    assert!((input.unwrap() - 6.0 * 0.2 / 200.0 * 1e6).abs() < 1e-6);
    assert!((output.unwrap() - 6.0 * 0.8 / 10.0 * 1e6).abs() < 1e-6);
    assert!((s.series.usd[0] - 1.0 / 6.0).abs() < 1e-9);
}

#[test]
fn teams_pay_for_what_was_computed_for_them_and_the_service_for_its_idling() {
    let traffic = steady(2.0, &[("a", 3.0), ("b", 1.0)]);
    let o = run(&model(1, 120, traffic, vec![deployment(Scale::Fixed(1))]));
    let s = service(&o);
    let usd = |i: usize| s.by_label[i].usd.0.to_f64();
    let busy: f64 = usd(0) + usd(1);
    assert!((busy * 3600.0 - spent(&o, Activity::Productive)).abs() < 1.0, "{busy}");
    // Requests are alike: dollars go as requests do, but for those cut off by buckets.
    let (a, b) = (&s.by_label[0], &s.by_label[1]);
    assert_eq!(a.labels, ["app=chat", "team=a"]);
    let share = a.requests as f64 / (a.requests + b.requests) as f64;
    assert!((usd(0) / busy - share).abs() < 0.01, "{} {share}", usd(0) / busy);
    // Σ over the teams, and what has none, is the bill.
    let by_team: Usd = o.by_label("team").into_iter().map(|(_, u)| u).sum();
    assert_eq!(by_team, o.bill());
}

/// KEDA on the queue: five waiting requests a replica.
fn keda(min: i32, max: i32) -> Scale {
    let target = hpa::Target::AverageValue(5_000);
    let config = keda::Config {
        min,
        max,
        triggers: vec![keda::Trigger { target, activation: 0.0, cached: false }],
        ..keda::Config::default()
    };
    Scale::Keda {
        config: Box::new(config),
        flags: Box::default(),
        signals: vec![Signal::Queue],
        watch: Watch { sync: hpa::SYNC_PERIOD, scrape: Duration(15 * S), lag: Duration::ZERO },
        initial: min.unsigned_abs(),
    }
}

#[test]
fn from_zero_a_request_waits_for_the_poll_and_the_start_up_and_the_cooldown_takes_it_back() {
    // One request at 65 s. Scraped at 75, polled at 90 (30, 60, 90): one replica from then on, a minute later it is
    // ready. Inactive at the poll at 180; the last activity was at 150 (scrape at 135 or 150 still sees it held until
    // 150): zero once more than 300 s have passed since, at the poll at 480.
    let m = model(1, 20, bursts(&[65], 1, 100.0, 5.0), vec![deployment(keda(0, 4))]);
    let o = run(&m);
    let s = service(&o);
    // 25 s until the poll, 60 s of start-up, a step of 11 ms.
    assert_eq!(s.latency.ttft.max(), Some(85 * S + 11_000_000));
    assert_eq!((s.requests.answered, s.good), (1, 1), "a batch within its deadline");
    let d = &s.deployments[0];
    assert_eq!((d.created, d.started, d.removed, d.ready_max), (1, 1, 1, 1));
    assert_eq!(d.start_up.max(), Some(60 * S));
    let stage = |s: StartStage| d.stages[s as usize].max().unwrap() / S;
    assert_eq!(StartStage::ALL.map(stage), [0, 20, 30, 10]);
    assert!((spent(&o, Activity::ColdStart) - 60.0).abs() < 1e-9);
    // Ready from 150; the poll at 150 comes before its scrape, which saw the queue at 135: active at 150 for the last time.
    let gone = 150.0 + s.deployments[0].ready_ns.0 as f64 / 1e9;
    assert!((gone - 480.0).abs() < 1e-9, "{gone}");
    assert!((spent(&o, Activity::Productive) + spent(&o, Activity::WarmIdle) - 330.0).abs() < 1e-6);
    assert!((spent(&o, Activity::Unallocated) - (1200.0 - 390.0)).abs() < 1e-6);
}

#[test]
fn an_image_is_pulled_once_a_node_and_a_replica_waits_for_room() {
    // Bursts of 20 requests of 4,000 tokens: they queue, KEDA wants 4 replicas, there are two GPUs.
    let m = model(2, 60, bursts(&[65, 1_500], 40, 100.0, 2_000.0), vec![deployment(keda(0, 4))]);
    let o = run(&m);
    let d = &service(&o).deployments[0];
    assert_eq!(d.ready_max, 2);
    // The second time both nodes have the image.
    let image = &d.stages[StartStage::Image as usize];
    assert_eq!((image.max(), image.min()), (Some(20 * S), Some(0)));
    assert_eq!(service(&o).requests.answered, 80);
    assert!(o.queue.waited_ns.0 > 0, "pods waited for a node");
}

#[test]
fn an_hpa_follows_its_signal_and_who_goes_finishes_what_it_has() {
    let config =
        hpa::Config { min: 1, max: 5, metrics: vec![hpa::Metric::Pods { average: 4_000 }], ..hpa::Config::default() };
    let scale = Scale::Hpa {
        config: Box::new(config),
        signals: vec![Signal::Concurrency],
        watch: Watch { sync: hpa::SYNC_PERIOD, scrape: Duration(15 * S), lag: Duration(5 * S) },
        initial: 1,
    };
    // 5 requests a second of 50 tokens that take about 0.8 s each: about 4 in the system. 30 a second are more.
    let mut spec = Spec::new(name("users"), Requests::poisson(4.0), lengths(200.0, 50.0));
    spec.rate.launches.push(crate::workload::traffic::Launch {
        at: SimTime(10 * MIN),
        height: 5.0,
        decay: Duration(10 * MIN),
    });
    let traffic = Traffic::new(vec![Synth::new(spec).unwrap().into()]).unwrap();
    let o = run(&model(6, 90, traffic, vec![deployment(scale)]));
    let (s, d) = (service(&o), &service(&o).deployments[0]);
    assert!(d.ready_max >= 4 && d.scalings >= 4 && d.removed >= 2, "{} {} {}", d.ready_max, d.scalings, d.removed);
    // Nothing is cut off: a drained replica has 30 s for requests of one.
    assert_eq!((s.requests.failed, s.requests.retries), (0, 0));
    let last = |v: &[f64]| v[v.len() - 1];
    assert!(last(&s.series.deployments[0].desired) < 3.0);
    // Latency rises when the launch comes, and has come down at the end.
    let p99 = |i: usize| s.series.ttft_p99[i].unwrap();
    assert!(p99(1) > 4.0 * p99(0), "{} {}", p99(1), p99(0));
}

#[test]
fn a_retired_node_takes_its_replica_with_it_and_another_comes() {
    let traffic = steady(5.0, &[]);
    let mut m = model(2, 60, traffic, vec![deployment(Scale::Fixed(1))]);
    m.changes.push(Change {
        at: SimTime(20 * MIN),
        kind: ChangeKind::Remove { pool: PoolId(0), count: 1, grace: Duration(10 * S) },
    });
    // The emptiest goes: the other node. Retire both, and the replica is cut off.
    m.changes.push(Change {
        at: SimTime(30 * MIN),
        kind: ChangeKind::Add { nodes: vec![m.nodes[0]], boot: Duration::ZERO },
    });
    m.changes.push(Change {
        at: SimTime(40 * MIN),
        kind: ChangeKind::Remove { pool: PoolId(0), count: 2, grace: Duration(10 * S) },
    });
    m.changes.push(Change {
        at: SimTime(41 * MIN),
        kind: ChangeKind::Add { nodes: vec![m.nodes[0]], boot: Duration::ZERO },
    });
    m.changes.sort_by_key(|c| c.at);
    let o = run(&m);
    let (s, d) = (service(&o), &service(&o).deployments[0]);
    assert_eq!((d.lost, d.started), (1, 1));
    // Requests in flight are sent again, once, and held until the new one is ready; nobody is left out.
    assert!(s.requests.retries > 0 && s.requests.failed == 0 && s.requests.refused == 0);
    // Cut off at 40:10; a node at 41:00, ready at 42:00.
    let longest = s.latency.ttft.max().unwrap() as f64 / 1e9;
    assert!((109.0..115.0).contains(&longest), "{longest}");
}

#[test]
fn a_replica_on_spot_drains_on_notice_and_its_successor_starts_at_once() {
    let supply = |notice: u64| Supply {
        staffing: crate::scenario::model::Staffing::Standing,
        spot: true,
        lifetimes: Vec::new(),
        replays: vec![(
            Replay {
                trace: Arc::new(Availability::of_steps(
                    vec![(Duration::ZERO, 2), (Duration(20 * MIN), 1)],
                    Duration(200 * MIN),
                )),
                offset: Offset::Fixed(Duration::ZERO),
                wrap: false,
                nodes_per_unit: 1,
            },
            Cause::Capacity,
        )],
        launch: Launch::new(seconds(0.0)),
        notice: Notice { kill: Duration(notice * S), ..Notice::NONE },
        hardware: None,
        spares: 0,
    };
    let run_with = |notice: u64| {
        let mut m = model(3, 60, steady(5.0, &[]), vec![deployment(Scale::Fixed(2))]);
        m.nodes.truncate(2);
        m.pools[0].supply = Some(Box::new(supply(notice)));
        // A node that stays, for the successor.
        m.add_pool("q", Capacity { cpu_milli: 8_000, mem_mib: 8_192, gpus: 1 }, 1, DOLLAR);
        let d = &mut m.services[0].deployments[0];
        d.pools = d.pools.with(PoolId(1));
        d.engines.push(d.engines[0].clone());
        m.work[0].accepts = vec![d.pools];
        run(&m)
    };
    // Two minutes are enough for requests of a second: nothing is cut off.
    let o = run_with(120);
    let (s, d) = (service(&o), &service(&o).deployments[0]);
    assert_eq!((d.lost, d.removed, d.started), (1, 0, 1));
    assert_eq!((s.requests.retries, s.requests.failed), (0, 0));
    // Without notice what is in flight is cut off, and sent again.
    let o = run_with(0);
    let (s, d) = (service(&o), &service(&o).deployments[0]);
    assert_eq!((d.lost, d.started), (1, 1));
    assert!(s.requests.retries > 0 && s.requests.failed == 0);
}

fn with_rollout(slow: bool, shadow: bool) -> Model {
    let mut new = Deployment { name: "v2".into(), lane: 1, ..deployment(Scale::Fixed(0)) };
    if slow {
        let cost = StepCost { a: 10.0, b: 1.0, p: 0.01, m: 1_500.0, ..StepCost::default() };
        new.engines = vec![Some(Arc::new(Engine { cost: Quantised::new(&cost).unwrap(), ..engine() }))];
    }
    let traffic = steady(5.0, &[]);
    let mut m = model(6, 120, traffic, vec![deployment(Scale::Fixed(2)), new]);
    let pause = Duration(10 * MIN);
    m.services[0].rollouts.push(Rollout {
        at: SimTime(20 * MIN),
        old: 0,
        new: 1,
        shadow,
        steps: vec![RolloutStep { share_ppm: 100_000, pause }, RolloutStep { share_ppm: 500_000, pause }],
        gate: Some(Gate { least: 50, good: 0.9, worse_by: 0.05 }),
    });
    m
}

#[test]
fn a_good_canary_takes_over_and_a_slow_one_is_sent_away() {
    let o = run(&with_rollout(false, false));
    let s = service(&o);
    let what: Vec<&str> = s.rollouts.iter().map(|r| r.what.as_str()).collect();
    assert_eq!(what, ["started", "step", "passed", "step", "passed", "promoted"]);
    assert_eq!(s.rollouts[1].at_ns / S, 20 * 60 + 60, "one replica of the new version starts for a minute");
    let ready: Vec<f64> = s.series.deployments.iter().map(|d| d.ready[11]).collect();
    assert_eq!(ready, [0.0, 2.0]);
    assert_eq!(s.requests.lost(), 0);

    let o = run(&with_rollout(true, false));
    let s = service(&o);
    let what: Vec<&str> = s.rollouts.iter().map(|r| r.what.as_str()).collect();
    assert_eq!(what, ["started", "step", "aborted"]);
    assert!(s.rollouts[2].why.starts_with("0.00 % of"), "{}", s.rollouts[2].why);
    assert_eq!(s.series.deployments.iter().map(|d| d.ready[11]).collect::<Vec<f64>>(), [2.0, 0.0]);
    // A tenth of the requests of ten minutes were slow, and no other.
    let slow = s.requests.concluded() - s.good;
    assert!((200..420).contains(&slow), "{slow}");
}

#[test]
fn a_shadow_costs_and_touches_nobody() {
    let (plain, shadow) = (
        run(&{
            let mut m = with_rollout(true, true);
            m.services[0].rollouts.clear();
            m
        }),
        run(&with_rollout(true, true)),
    );
    let (a, b) = (service(&plain), service(&shadow));
    assert!(b.requests.shadowed > 200);
    assert_eq!((a.requests.answered, a.good), (b.requests.answered, b.good));
    assert!(a.latency.ttft == b.latency.ttft && a.latency.itl_ps == b.latency.itl_ps);
    let used = |o: &Outcome| o.pools[0].allocated();
    assert!(used(&shadow) > used(&plain));
    let what: Vec<&str> = b.rollouts.iter().map(|r| r.what.as_str()).collect();
    // A shadow that fails its gate is ended early, like a canary.
    assert_eq!(what[..3], ["started", "step", "aborted"]);
}

#[test]
fn jobs_and_replicas_share_a_fleet_by_priority() {
    // A job holds the only GPU until the replica, of higher priority, pushes it out.
    let mut m = model(1, 60, bursts(&[600], 3, 100.0, 5.0), vec![Deployment { priority: 5, ..deployment(keda(0, 1)) }]);
    let job = Job {
        arrive: SimTime(0),
        work: Duration(600 * MIN),
        pods: 1,
        request: Request { cpu_milli: 0, mem_mib: 0, gpus: 1, gpu_milli: 1000, slice: 0 },
        patience: Duration(u64::MAX),
        ..Job::default()
    };
    m.add_work("train", Source::Jobs(vec![job].into()));
    m.queue.preempt = true;
    m.queue.order = crate::policy::queue::Order::Priority;
    let o = run(&m);
    assert_eq!((o.jobs.preemptions, o.jobs.running_at_end), (1, 1));
    assert_eq!(service(&o).requests.answered, 3);
    assert!(spent(&o, Activity::Lost) > 600.0);
}

#[test]
fn the_warm_up_is_left_out() {
    let mut m = model(1, 30, bursts(&[60, 1_800], 2, 100.0, 5.0), vec![deployment(Scale::Fixed(1))]);
    m.warmup = Duration(20 * MIN);
    let o = run(&m);
    let s = service(&o);
    assert_eq!((s.requests.sent, s.tokens.output, s.tokens.produced), (2, 10, 10));
    assert_eq!(s.deployments[0].ready_ns.0, u128::from(30 * MIN));
    assert_eq!(s.series.sent, [0, 2, 0]);
    // A request that is under way when the window begins is counted as such.
    let mut m = model(1, 30, bursts(&[1_199], 1, 100.0, 1_000.0), vec![deployment(Scale::Fixed(1))]);
    m.warmup = Duration(20 * MIN);
    let o = run(&m);
    let r = service(&o).requests;
    assert_eq!((r.in_flight_at_start, r.sent, r.answered), (1, 0, 1));
}

#[test]
fn steps_and_leaps_come_to_the_same_in_a_fleet_that_scales() {
    // Less KV than is wanted: some requests are preempted; replicas come and go; patience ends.
    let run_in = |mode: replica::Mode| {
        let mut e = engine();
        (e.config.mode, e.config.kv_tokens) = (mode, 4_000);
        let d = Deployment {
            start: Start { image: seconds(20.0), image_stays: true, load: seconds(30.0), warm_up: seconds(10.0) },
            ..Deployment::on(PoolId(0), e, keda(1, 4))
        };
        let mut spec = Spec::new(name("users"), Requests::poisson(3.0), Lengths::azure_conversation());
        spec.lengths.max_input = 2_000;
        let traffic = Traffic::new(vec![Synth::new(spec).unwrap().into()]).unwrap();
        let mut m = model(4, 60, traffic, vec![d]);
        m.services[0].front.patience = Duration(30 * S);
        run(&m)
    };
    let (leaps, steps) = (run_in(replica::Mode::Leap), run_in(replica::Mode::Step));
    let d = &service(&leaps).deployments[0];
    assert!(d.preemptions > 0 && d.scalings > 0 && service(&leaps).requests.timed_out > 0);
    // A draining replica is looked at after each of its steps, or leaps: only the number of looks differs.
    let looks = (steps.events, steps.fingerprint);
    assert!(Outcome { events: looks.0, fingerprint: looks.1, ..leaps } == steps, "all else, bit for bit");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn everything_balances_whatever_happens(
        rate in 0.5..25.0_f64, nodes in 1..5_u32, max in 1..6_i32, zero in any::<bool>(), patience in 0..4_u64,
        changes in prop::collection::vec((1..80_u64, 0..3_u32, any::<bool>()), 0..6), warm in 0..2_u64,
        lag in 0..3_u64, seed in any::<u64>(), roll in 0..3_u8,
    ) {
        let mut d = deployment(if zero { keda(0, max) } else { keda(1, max) });
        if let Scale::Keda { watch, .. } = &mut d.scale {
            watch.lag = Duration(lag * 10 * S);
        }
        d.start.load = Dist::uniform(5.0, 90.0).unwrap();
        let new = Deployment { name: "v2".into(), lane: 1, ..deployment(Scale::Fixed(0)) };
        let mut m = model(nodes, 90, steady(rate, &[("a", 1.0), ("b", 2.0)]), vec![d, new]);
        if roll > 0 {
            let steps = vec![RolloutStep { share_ppm: 300_000, pause: Duration(5 * MIN) }];
            let gate = Some(Gate { least: 10, good: 0.5, worse_by: 0.5 });
            m.services[0].rollouts.push(Rollout { at: SimTime(25 * MIN), old: 0, new: 1, shadow: roll == 1, steps, gate });
        }
        m.warmup = Duration(warm * 15 * MIN);
        m.services[0].front.patience = if patience == 0 { Duration(u64::MAX) } else { Duration(patience * 20 * S) };
        m.services[0].front.retry = Retry { most: 2, backoff: Duration(3 * S), refused: true, timed_out: true, cut_off: true };
        for (at, n, add) in changes {
            let kind = if add {
                ChangeKind::Add { nodes: vec![m.nodes[0]; n as usize], boot: Duration(30 * S) }
            } else {
                ChangeKind::Remove { pool: PoolId(0), count: n, grace: Duration(u64::from(n) * 5 * S) }
            };
            m.changes.push(Change { at: SimTime(at * MIN), kind });
        }
        m.changes.sort_by_key(|c| c.at);
        let run = || simulate(&m, seed, 0, &mut Silent);
        let o = run();
        check_conservation(&o);
        let s = service(&o);
        let held: u128 = o.work[0].activity.iter().map(|a| a.0).sum();
        prop_assert_eq!(held, o.pools[0].allocated());
        prop_assert!(s.deployments.iter().all(|d| d.busy_ns.0 <= d.ready_ns.0));
        let usd: f64 = s.series.usd.iter().sum();
        prop_assert!((usd - o.work[0].bill.0.to_f64()).abs() < 1e-6, "{} {}", usd, o.work[0].bill.0);
        prop_assert!(o == run(), "the same again");
    }
}
