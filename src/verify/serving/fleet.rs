//! Services through the whole simulator, fleet and ledger included, against closed forms.
//!
//! - **Prefill as M/D/1**: prompts alike, answers of one token, one prompt a step: the mean TTFT is `s + ρ s / (2 (1 − ρ))`.
//! - **Continuous batching**: answers of `O` tokens on a fixed replica; mean time in the system as in [`super::engine`].
//! - **Scale to zero**, Poisson requests at rate λ, KEDA on requests a second, scraped and polled every `h`, cooldown `τ`
//!   (a multiple of `h`). A scrape says whether its slot was empty, with `p = e^(−λh)`. The replica goes at the first poll
//!   more than `τ` after the last active one: after `k = τ/h + 1` empty slots in a row, for which one waits
//!   `(1 − p^k) / (p^k (1 − p))` slots from an active one on (the waiting time for a run of `k`: W. Feller, vol. 1,
//!   XIII.7), and then `1 / (1 − p)` for the next active one. So a GPU is held for a share `1 − p^k` of the time, and there
//!   are `p^k (1 − p) / h` cold starts a second.
//! - **The bill**: what replicas held is billed, every dollar once: input and output tokens, idling and start-ups add up
//!   to it.
//!
//! Means over independent runs, held to three standard errors of the mean.

use rayon::prelude::*;

use super::SUITE;
use crate::fleet::Capacity;
use crate::kernel::{Dist, Moments};
use crate::outcome::{Outcome, Silent};
use crate::policy::{hpa, keda};
use crate::scenario::model::Model;
use crate::scenario::model::service::{Deployment, Engine, Scale, Signal, Watch};
use crate::serving::cost::{Quantised, StepCost};
use crate::serving::replica;
use crate::sim::{check_conservation, simulate};
use crate::units::{Activity, Duration, Name, Rate};
use crate::verify::{Case, Verdict};
use crate::workload::traffic::{self, Lengths, Traffic};

/// Independent runs of each case. Debug builds, whose tests only ask whether it works, have fewer and shorter ones.
const RUNS: u32 = 20;
const SCALE: f64 = if cfg!(debug_assertions) { 0.05 } else { 1.0 };

const DOLLAR: Rate = Rate(1_000_000_000_000);

fn steady(per_second: f64, input: f64, output: Dist) -> Traffic {
    let lengths = Lengths::new(Dist::constant(input).expect("a length"), output);
    let name = Name::new("users").expect("a name");
    let spec = traffic::Spec::new(name, traffic::Rate::poisson(per_second), lengths);
    let source = traffic::Synth::new(spec).expect("valid by construction");
    Traffic::new(vec![source.into()]).expect("one source")
}

/// A service alone on one GPU at a dollar an hour.
fn alone(hours: f64, traffic: Traffic, cost: &StepCost, config: replica::Config, scale: Scale) -> Model {
    let mut m = Model::empty("service", Duration::from_secs_f64(hours * SCALE * 3600.0));
    m.warmup = Duration::from_secs(1_800);
    let pool = m.add_pool("gpu", Capacity { cpu_milli: 8_000, mem_mib: 8_192, gpus: 1 }, 1, DOLLAR);
    let cost = Quantised::new(cost).expect("coefficients");
    let engine = Engine { config, cost, profile: "by hand".to_owned() };
    m.add_service("service", &[], traffic, vec![Deployment::on(pool, engine, scale)]);
    m
}

fn runs(m: &Model) -> Vec<Outcome> {
    let run = |r| {
        let o = simulate(m, 1, r, &mut Silent);
        check_conservation(&o);
        o
    };
    (0..RUNS).into_par_iter().map(run).collect()
}

/// A mean over runs beside what it should be.
fn mean(
    case: &str,
    expected: f64,
    runs: &[Outcome],
    figure: impl Fn(&Outcome) -> f64,
    slack: f64,
    out: &mut Vec<Case>,
) {
    let mut m = Moments::new();
    runs.iter().for_each(|o| m.add(figure(o)));
    let error = m.sd().unwrap_or(0.0) / f64::from(RUNS).sqrt();
    let n: u64 = runs.iter().filter_map(|o| Some(o.work[0].service.as_deref()?.requests.concluded())).sum();
    let name = format!("fleet/{case}, n {n}");
    out.push(Case::checked(SUITE, name, expected, m.mean().unwrap_or(f64::NAN), 3.0 * error + slack * expected));
}

fn mean_of(h: &crate::kernel::Histogram) -> f64 {
    h.mean().unwrap_or(f64::NAN) / 1e9
}

/// Runs the cases.
pub fn cases(out: &mut Vec<Case>) {
    prefill(out);
    batching(out);
    to_zero(out);
}

fn prefill(out: &mut Vec<Case>) {
    // Section 4: 21.2 ms and 0.0687 ms a token, 1,000 tokens, 4 a second: 89.9 ms, and 25.24 ms of waiting.
    let cost = StepCost { a: 21.2, p: 0.0687, ..StepCost::default() };
    let config = replica::Config { max_num_seqs: 1_000, max_num_batched_tokens: 1_000, ..replica::Config::default() };
    let traffic = steady(4.0, 1_000.0, Dist::constant(1.0).expect("one token"));
    let all = runs(&alone(4.0, traffic, &cost, config, Scale::Fixed(1)));
    let ttft = |o: &Outcome| o.work[0].service.as_deref().map_or(f64::NAN, |s| mean_of(&s.latency.ttft));
    mean("prefill M/D/1/mean TTFT (s)", 0.1151, &all, ttft, 0.0, out);
    // All of a replica's time in steps is prompts', and it is busy for a share ρ of the time.
    let busy = |o: &Outcome| o.pools[0].hours(Activity::Productive) / o.hours();
    mean("prefill M/D/1/busy", 4.0 * 0.0899, &all, busy, 0.0, out);
    let share =
        all.iter().filter_map(|o| o.work[0].service.as_deref()).all(|s| (s.prefill_share() - 1.0).abs() < 1e-12);
    exact("prefill M/D/1/every second in steps is charged to input tokens", share, out);
}

fn batching(out: &mut Vec<Case>) {
    // a 20 ms, b 0.5 ms, O 100, λ 8: E[T] 3.4167 s, E[N] 27.3333, and half a step.
    let cost = StepCost { a: 20.0, b1: 0.5, ..StepCost::default() };
    let config = replica::Config {
        max_num_seqs: 60_000,
        max_num_batched_tokens: 65_536,
        kv_tokens: 1 << 40,
        ..replica::Config::default()
    };
    let traffic = steady(8.0, 1.0, Dist::constant(100.0).expect("a hundred"));
    let all = runs(&alone(3.0, traffic, &cost, config, Scale::Fixed(1)));
    // Nobody comes to an idle engine at such a load: the chain idles for 1e-9 of the time.
    let step = 0.02 + 0.0005 * 27.3333;
    let e2e = |o: &Outcome| o.work[0].service.as_deref().map_or(f64::NAN, |s| mean_of(&s.latency.e2e));
    mean("batching/lambda 8/E[T] (s)", 3.4167 + step / 2.0, &all, e2e, 1e-3, out);
    let number =
        |o: &Outcome| o.work[0].service.as_deref().map_or(f64::NAN, |s| s.in_system_ns.0 as f64 / o.horizon_ns as f64);
    mean("batching/lambda 8/E[N]", 27.3333 + 8.0 * step / 2.0, &all, number, 1e-3, out);
}

/// Requests that take next to nothing, once every ten minutes.
fn to_zero(out: &mut Vec<Case>) {
    let (lambda, h, cooldown) = (1.0 / 600.0, 15.0, 300.0);
    let cost = StepCost { a: 1.0, ..StepCost::default() };
    let target = hpa::Target::AverageValue(1_000_000);
    let config = keda::Config {
        polling_interval: Duration::from_secs(15),
        cooldown: Duration::from_secs(300),
        max: 1,
        triggers: vec![keda::Trigger { target, activation: 0.0, cached: false }],
        ..keda::Config::default()
    };
    let scale = Scale::Keda {
        config: Box::new(config),
        flags: Box::default(),
        signals: vec![Signal::RequestsPerSecond],
        watch: Watch { sync: hpa::SYNC_PERIOD, scrape: Duration::from_secs(15), lag: Duration::ZERO },
        initial: 0,
    };
    let traffic = steady(lambda, 10.0, Dist::constant(2.0).expect("two"));
    let all = runs(&alone(400.0, traffic, &cost, replica::Config::default(), scale));
    let (p, k) = ((-lambda * h).exp(), cooldown / h + 1.0);
    let zero = p.powf(k);
    let held = |o: &Outcome| o.pools[0].allocated() as f64 / o.pools[0].capacity.0 as f64;
    mean("scale to zero/share of time that a GPU is held", 1.0 - zero, &all, held, 0.0, out);
    let starts = |o: &Outcome| {
        let s = o.work[0].service.as_deref();
        s.map_or(f64::NAN, |s| s.deployments[0].started as f64) / (o.hours() * 3600.0)
    };
    mean("scale to zero/cold starts a second", zero * (1.0 - p) / h, &all, starts, 0.0, out);
    // Dollars: what the service held, at a dollar an hour, and the rest is nobody's.
    let adds_up = all.iter().all(|o| {
        let held = o.pools[0].allocated() as f64 / crate::outcome::MILLI_NS_PER_GPU_HOUR;
        let idle = o.bill().to_f64() - o.work[0].bill.0.to_f64();
        (o.work[0].bill.0.to_f64() - held).abs() < 1e-9 && (idle - o.pools[0].hours(Activity::Unallocated)).abs() < 1e-9
    });
    exact("scale to zero/what is held is billed, once", adds_up, out);
}

fn exact(case: &str, holds: bool, out: &mut Vec<Case>) {
    let verdict = if holds { Verdict::Pass } else { Verdict::Fail };
    let ours = f64::from(u8::from(holds));
    out.push(Case { verdict, ..Case::checked(SUITE, format!("fleet/{case}"), 1.0, ours, 0.0) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_holds() {
        let mut out = Vec::new();
        cases(&mut out);
        for c in &out {
            assert_eq!(c.verdict, Verdict::Pass, "{c:?}");
        }
    }
}
