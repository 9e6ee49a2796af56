//! Services for tests: a chat that KEDA scales, with a launch and a rollout, beside nightly batches on machines of their own.

use crate::fleet::{Capacity, PoolId};
use crate::kernel::Dist;
use crate::outcome::{Outcome, Silent};
use crate::policy::{hpa, keda};
use crate::scenario::model::Model;
use crate::scenario::model::service::{
    Deployment, Engine, Gate, Objective, Rollout, RolloutStep, Scale, Signal, Start, Watch,
};
use crate::serving::cost::{Quantised, StepCost};
use crate::serving::replica;
use crate::sim::simulate;
use crate::units::{Duration, Label, Name, Rate, SimTime};
use crate::workload::synth::Mix;
use crate::workload::traffic::{
    Batch, BatchSpec, Launch, Lengths, Marks, Rate as Requests, Runs, Spec, Synth, Traffic,
};

const S: u64 = 1_000_000_000;
const MIN: u64 = 60 * S;

fn name(n: &str) -> Name {
    Name::new(n).expect("a name")
}

fn constant(x: f64) -> Dist {
    Dist::constant(x).expect("finite")
}

fn label(key: &str, value: &str) -> Label {
    Label { key: name(key), value: name(value) }
}

/// Steps of `a` ms and 1 ms a sequence; prompts add 0.05 ms a token.
fn deployment(pool: PoolId, a: f64, scale: Scale) -> Deployment {
    let cost = StepCost { a, b: 1.0, p: 0.05, ..StepCost::default() };
    let config = replica::Config { kv_tokens: 40_000, ..replica::Config::default() };
    let engine = Engine { config, cost: Quantised::new(&cost).expect("finite"), profile: "by hand".into() };
    Deployment {
        model: "llama-3.1-8b".into(),
        start: Start { image: constant(140.0), image_stays: true, load: constant(75.0), warm_up: constant(40.0) },
        ..Deployment::on(pool, engine, scale)
    }
}

/// From one to four replicas, ten requests in the system a replica.
fn keda() -> Scale {
    let target = hpa::Target::AverageValue(10_000);
    let config = keda::Config {
        min: 1,
        max: 4,
        triggers: vec![keda::Trigger { target, activation: 0.0, cached: false }],
        ..keda::Config::default()
    };
    Scale::Keda {
        config: Box::new(config),
        flags: Box::default(),
        signals: vec![Signal::Concurrency],
        watch: Watch { sync: hpa::SYNC_PERIOD, scrape: Duration(15 * S), lag: Duration::ZERO },
        initial: 1,
    }
}

/// Six hours, by ten minutes.
pub fn model() -> Model {
    let mut m = Model::empty("chat", Duration(360 * MIN));
    m.start = jiff::civil::date(2026, 10, 5).at(8, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).expect("UTC has it");
    m.bucket = Duration(10 * MIN);
    let node = Capacity { cpu_milli: 8_000, mem_mib: 8_192, gpus: 1 };
    let l4 = m.add_pool("l4", node, 6, Rate(800_000_000_000));
    let a10g = m.add_pool("a10g", node, 2, Rate(1_210_000_000_000));
    for (pool, device) in [(l4, "L4"), (a10g, "A10G")] {
        m.pools[pool.0 as usize].device = device.into();
    }
    let lengths = || Lengths::new(Dist::lognormal_median_p95(300.0, 1_100.0).expect("positive"), constant(60.0));
    let mut spec = Spec::new(name("users"), Requests::poisson(4.0), lengths());
    spec.rate.launches.push(Launch { at: SimTime(120 * MIN), height: 7.0, decay: Duration(40 * MIN) });
    let teams = [("search", 3.0), ("support", 2.0), ("mobile", 1.0)];
    let mix = Mix::new(teams.map(|(t, w)| (vec![label("team", t)], w))).expect("weights");
    spec.marks = Marks { labels: vec![mix], ..Marks::default() };
    let traffic = Traffic::new(vec![Synth::new(spec).expect("a rate").into()]).expect("a source");
    let new = Deployment { name: "chat-v2".into(), lane: 1, ..deployment(l4, 9.0, Scale::Fixed(0)) };
    let old = Deployment { name: "chat-v1".into(), ..deployment(l4, 12.0, keda()) };
    let s = m.add_service("chat", &[label("app", "chat")], traffic, vec![old, new]);
    s.slo.ttft = Some(Objective { within: Duration(S), share: 0.95 });
    s.slo.tpot = Some(Objective { within: Duration(S / 20), share: 0.99 });
    let pause = Duration(15 * MIN);
    s.rollouts.push(Rollout {
        at: SimTime(270 * MIN),
        old: 0,
        new: 1,
        shadow: false,
        steps: vec![RolloutStep { share_ppm: 100_000, pause }, RolloutStep { share_ppm: 500_000, pause }],
        gate: Some(Gate { least: 50, good: 0.9, worse_by: 0.05 }),
    });
    let runs = Runs::At([30, 150, 300].map(|m| SimTime(m * MIN)).to_vec());
    let spec = BatchSpec::offline(name("nightly"), SimTime::ZERO, 200, Duration(20 * MIN), lengths());
    let traffic = Traffic::new(vec![Batch::new(BatchSpec { runs, ..spec }).expect("a batch").into()]).expect("one");
    let fixed = Deployment { name: "summaries".into(), ..deployment(a10g, 15.0, Scale::Fixed(1)) };
    m.add_service("summaries", &[label("team", "search")], traffic, vec![fixed]);
    m
}

/// What [`model`] yields.
pub fn outcome() -> Outcome {
    simulate(&model(), 5, 0, &mut Silent)
}
