//! Generators against their laws.

use super::{SUITE, digits};
use crate::kernel::{Dist, Moments, Stream, Streams};
use crate::market::advisor::{Feed, LABELS, hazard};
use crate::market::hardware::preset;
use crate::market::shock::marginal_rate;
use crate::market::{Bathtub, Calendar, CalendarShape, Cause, Kill, Lifetime, OnOff, Shock, gang_rate, hours};
use crate::units::{Duration, SimTime};
use crate::verify::Case;

/// Draws of a law.
const DRAWS: usize = 100_000;
/// First failures of a gang, or of a job.
const RUNS: usize = 20_000;

pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    hyperexp(&mut out);
    sinusoid(&mut out);
    bathtub(&mut out);
    shock(&mut out);
    on_off(&mut out);
    advisor(&mut out);
    hardware(&mut out);
    out
}

fn stream(what: &str) -> Stream {
    Streams::new(1, 0).stream("verify", what, 0)
}

/// A mean held to four standard errors.
fn mean(case: &str, expected: f64, values: &Moments) -> Case {
    let error = values.sd().unwrap_or(0.0) / (values.count() as f64).sqrt();
    Case::checked(SUITE, case, expected, values.mean().unwrap_or(f64::NAN), 4.0 * error)
}

/// Balanced means in two phases: p = ½(1 + √((c² − 1)/(c² + 1))), λ₁ = 2p/m, λ₂ = 2(1 − p)/m.
fn hyperexp(out: &mut Vec<Case>) {
    for (m, cv, p, l1, l2) in [
        (4.051, 2.53, 0.927131, 0.457729, 0.035976),
        (6.064, 2.56, 0.928726, 0.306308, 0.023507),
        (10.401, 2.49, 0.924919, 0.177852, 0.014437),
    ] {
        let dist = Dist::hyperexp(m, cv).expect("a valid law");
        let name = format!("hyper-exponential {m} h, cv {cv}");
        if let Dist::HyperExp(law) = &dist {
            out.push(digits(format!("{name}: p"), p, law.p(), 6));
            out.push(digits(format!("{name}: rate 1 (/h)"), l1, law.rates().0, 6));
            out.push(digits(format!("{name}: rate 2 (/h)"), l2, law.rates().1, 6));
        }
        let (life, mut s) = (Lifetime::Law(dist), stream(&name));
        let drawn: Moments = (0..DRAWS).map(|_| life.draw(SimTime::ZERO, &mut s).as_hours_f64()).collect();
        let (mean, spread) = (drawn.mean().unwrap_or(f64::NAN), drawn.cv().unwrap_or(f64::NAN));
        out.push(Case::checked(SUITE, format!("{name}: drawn mean (h)"), m, mean, 0.02 * m));
        out.push(Case::checked(SUITE, format!("{name}: drawn cv"), cv, spread, 0.02 * cv));
    }
}

/// λ(t) = 0.1 (1 + 0.8 sin(2πt/24)).
fn sinusoid(out: &mut Vec<Case>) {
    let shape = CalendarShape::Sinusoid { amplitude: 0.8, phase_h: 0.0 };
    let life = Lifetime::Calendar(Calendar { per_hour: 0.1, shape, epoch_hour: 0.0 });
    let mut s = stream("sinusoid");
    let drawn: Vec<Duration> = (0..DRAWS).map(|_| life.draw(SimTime::ZERO, &mut s)).collect();
    for (t, survival) in [(6.0, 0.404308), (12.0, 0.163465), (24.0, 0.090718)] {
        out.push(digits(format!("sinusoid: S({t})"), survival, life.survival(SimTime::ZERO, hours(t)), 6));
        let lived = drawn.iter().filter(|d| **d > hours(t)).count() as f64 / DRAWS as f64;
        let error = (survival * (1.0 - survival) / DRAWS as f64).sqrt();
        out.push(Case::checked(SUITE, format!("sinusoid: drawn S({t})"), survival, lived, 4.0 * error));
    }
}

fn bathtub(out: &mut Vec<Case>) {
    let tub = Bathtub { a: 0.45, tau1_h: 1.0, tau2_h: 0.8, b_h: 24.0, cap_h: None };
    for (t, f) in [
        (0.5, 0.177061),
        (1.0, 0.284454),
        (3.0, 0.427596),
        (6.0, 0.448885),
        (12.0, 0.449997),
        (20.0, 0.453032),
        (22.0, 0.486938),
        (23.0, 0.578927),
        (23.5, 0.690868),
        (24.0, 0.900000),
    ] {
        out.push(digits(format!("bathtub: F({t})"), f, tub.cdf(t), 6));
    }
    out.push(digits("bathtub: F = 1 at (h)", 24.160537, tub.end(), 6));
    out.push(digits("bathtub: mean (h)", 13.298295, tub.mean(), 6));
    let (life, mut s) = (Lifetime::Bathtub(tub), stream("bathtub"));
    let drawn: Moments = (0..DRAWS).map(|_| life.draw(SimTime::ZERO, &mut s).as_hours_f64()).collect();
    out.push(mean("bathtub: drawn mean (h)", 13.298295, &drawn));
}

/// Marshall and Olkin: λᵢ = 0.02, λz = 0.01, p = 0.6, a gang of 8.
fn shock(out: &mut Vec<Case>) {
    const N: usize = 8;
    let (node, zone, p) = (0.02, 0.01, 0.6);
    out.push(digits("shock: marginal hazard (/h)", 0.0260, marginal_rate(node, zone, p), 4));
    out.push(digits("shock: gang rate (/h)", 0.169993, gang_rate(node, zone, p, N as u32), 6));
    out.push(digits("shock: gang's first failure (h)", 5.8826, 1.0 / gang_rate(node, zone, p, N as u32), 4));
    let alone = 1.0 / (N as f64 * marginal_rate(node, zone, p));
    out.push(digits("shock: the same if independent (h)", 4.8077, alone, 4));
    let shock = Shock {
        name: "zone".to_owned(),
        per_hour: zone,
        kill: Kill::Fraction(p),
        pools: vec![0],
        group: None,
        cause: Cause::Capacity,
        down: None,
    };
    let own = Dist::exponential(1.0 / node).expect("a positive mean");
    let between = Dist::exponential(1.0 / shock.per_hour).expect("a positive mean");
    let mut s = stream("shock");
    let (mut first, mut one) = (Moments::new(), Moments::new());
    for _ in 0..RUNS {
        let mut lives: Vec<f64> = (0..N).map(|_| own.sample(&mut s)).collect();
        let mut at = 0.0;
        // Shocks until none of the lives can be cut short by a later one.
        while lives.iter().any(|l| *l > at) {
            at += between.sample(&mut s);
            for i in shock.victims(N, &mut s) {
                lives[i] = lives[i].min(at);
            }
        }
        first.add(lives.iter().copied().fold(f64::INFINITY, f64::min));
        one.add(lives[0]);
    }
    out.push(mean("shock: drawn first failure (h)", 1.0 / gang_rate(node, zone, p, N as u32), &first));
    out.push(mean("shock: drawn life of one node (h)", 1.0 / 0.0260, &one));
}

/// `two_exp` of the simulator of "Can't Be Late": 24.4920 ticks of 600 s up, 6.4126984 down.
fn on_off(out: &mut Vec<Case>) {
    let market = OnOff::two_exp();
    let runs = market.path(hours(30_000.0), None, &mut stream("two_exp")).runs(1);
    out.push(mean("two_exp: drawn up (h)", 24.4920 / 6.0, &runs.up.iter().copied().collect()));
    out.push(mean("two_exp: drawn down (h)", 6.4126984 / 6.0, &runs.down.iter().copied().collect()));
}

/// h = −ln(1 − f)/L.
fn advisor(out: &mut Vec<Case>) {
    let table = [
        [3.4682e-5, 1.5070e-4, 1.0549e-3],
        [1.0680e-4, 4.6406e-4, 3.2484e-3],
        [1.8292e-4, 7.9483e-4, 5.5638e-3],
        [2.6352e-4, 1.1451e-3, 8.0155e-3],
        [3.9409e-4, 1.7124e-3, 1.1987e-2],
    ];
    for ((bucket, label), row) in LABELS.iter().enumerate().zip(table) {
        for (exposure_h, expected) in [730.0, 168.0, 24.0].into_iter().zip(row) {
            let h = hazard(bucket as u8, Feed::AwsMonthly { exposure_h }, false).per_hour;
            let name = format!("advisor {label}, {exposure_h} h exposed (/h)");
            // Five digits are published.
            out.push(Case::checked(SUITE, name, expected, h, 5e-5 * expected));
        }
    }
}

/// 24/((n/8) · 0.0065) h for RSC-1, and Llama 3's 16,384 GPUs.
fn hardware(out: &mut Vec<Case>) {
    let rsc1 = preset("rsc1").expect("a preset").hardware(8);
    for (gpus, expected, decimals) in [
        (8, 3692.0, 0),
        (64, 461.5, 1),
        (512, 57.7, 1),
        (1024, 28.8, 1),
        (4096, 7.21, 2),
        (16_384, 1.80, 2),
        (131_072, 0.225, 3),
    ] {
        let ours = rsc1.job_mtbf(gpus / 8).as_hours_f64();
        out.push(digits(format!("RSC-1: {gpus} GPUs, mean time to failure (h)"), expected, ours, decimals));
    }
    let llama = preset("llama3").expect("a preset").hardware(8);
    let job = llama.job_mtbf(16_384 / 8).as_hours_f64();
    out.push(digits("Llama 3: 16384 GPUs, mean time to interruption (h)", 3.09, job, 2));
    // The same out of the nodes' own lives.
    let node = Dist::exponential(llama.node_mtbf.as_hours_f64()).expect("a positive mean");
    let mut s = stream("llama3");
    let first: Moments =
        (0..400).map(|_| (0..16_384 / 8).map(|_| node.sample(&mut s)).fold(f64::INFINITY, f64::min)).collect();
    out.push(mean("Llama 3: drawn first of 2048 nodes to fail (h)", 3.09, &first));
}
