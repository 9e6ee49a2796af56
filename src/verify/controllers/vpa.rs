//! Runs cases of the Vertical Pod Autoscaler.

use super::format as f;
use super::names::{NOW, Names, ago, several, too_many};
use crate::policy::vpa::histogram::{Buckets, Histogram};
use crate::policy::vpa::updater::{self, Updater};
use crate::policy::vpa::{Amounts, Bounds, Confidence, Container, Estimate, MemoryConfig, Policy, Recommender};
use crate::scenario::decode::Decode;
use crate::units::{Duration, SimTime};
use crate::verify::cases::Report;
use crate::verify::quantity::Amount;

/// The most samples of a case.
const MOST: u64 = 100_000;

fn at(d: Duration) -> SimTime {
    SimTime::ZERO + d
}

/// A line within a share of what is expected.
fn near(what: &str, expected: f64, ours: f64, tolerance: f64, report: &mut Report<'_>) {
    report.double(what, Some(expected), ours, tolerance * expected.abs());
}

fn tolerable(tolerance: f64, report: &mut Report<'_>) -> bool {
    if tolerance < 0.0 {
        report.fault("the tolerance is negative", "write 0 or more");
    }
    tolerance >= 0.0
}

pub fn histogram(case: &f::HistogramCase, report: &mut Report<'_>) {
    let made = match &case.buckets.value {
        f::Buckets::Cpu => Ok(Buckets::cpu()),
        f::Buckets::Memory => Ok(Buckets::memory()),
        f::Buckets::Linear(b) => Buckets::linear(b.max, b.size, b.epsilon),
        f::Buckets::Exponential(b) => Buckets::exponential(b.max, b.first, b.ratio, b.epsilon),
    };
    let buckets = match made {
        Ok(b) => b,
        Err(e) => {
            return report.fault_at(case.buckets.at, e.to_string(), "no histogram", "the VPA would refuse it too");
        }
    };
    if case.half_life == Some(Duration::ZERO) {
        return report.fault("a half-life of 0", "leave `half_life` out for weights that do not decay");
    }
    if !tolerable(case.tolerance, report) {
        return;
    }
    if case.samples.iter().any(|s| s.weight < 0.0) {
        return report.fault("a sample has a negative weight", "write `subtract: true` to take a sample away");
    }
    let mut h = Histogram::new(buckets, case.half_life);
    for s in &case.samples {
        if s.subtract {
            h.subtract(s.value, s.weight, at(s.at));
        } else {
            h.add(s.value, s.weight, at(s.at));
        }
    }
    let e = &case.expect;
    report.number("buckets", e.buckets, Some(buckets.count() as u64));
    for (i, start) in e.starts.iter().flatten().enumerate() {
        near(&format!("start {i}"), *start, buckets.start(i), case.tolerance, report);
    }
    for (i, start) in &e.start {
        near(&format!("start of {i}"), *start, buckets.start(*i as usize), case.tolerance, report);
    }
    for (value, bucket) in &e.find {
        report.number(&format!("find {value}"), Some(*bucket), Some(buckets.find(*value) as u64));
    }
    for (p, value) in &e.percentiles {
        near(&format!("percentile {p}"), *value, h.percentile(*p), case.tolerance, report);
    }
    report.flag("empty", e.empty, h.is_empty());
}

pub fn confidence(case: &f::ConfidenceCase, report: &mut Report<'_>) {
    if case.interval == Duration::ZERO {
        return report.fault("the interval is 0", "upstream has a day: `interval: \"24h\"`");
    }
    if !tolerable(case.tolerance, report) {
        return;
    }
    let samples = case.samples.unwrap_or(case.lifespan.0 / 60_000_000_000);
    let sure = Confidence::of(case.lifespan, samples, case.interval);
    if let Some(expected) = case.expect.confidence {
        near("confidence", expected, sure.0, case.tolerance, report);
    }
    if let Some(expected) = case.expect.value {
        near("value", expected, case.base * sure.factor(case.multiplier, case.exponent), case.tolerance, report);
    }
}

fn recommender(r: &f::Recommender) -> Recommender {
    let bounds = |(lower, target, upper): (f64, f64, f64)| Bounds { lower, target, upper };
    Recommender {
        cpu: bounds(r.cpu_percentiles),
        memory: bounds(r.memory_percentiles),
        margin: r.margin,
        pod_min_cpu_milli: r.pod_min_cpu.0 as f64,
        pod_min_memory_mib: r.pod_min_memory.units() as f64 / (1024.0 * 1024.0),
        confidence_cpu: r.confidence_cpu,
        confidence_memory: r.confidence_memory,
        ..Recommender::default()
    }
}

pub fn recommend(case: &f::RecommendCase, report: &mut Report<'_>) {
    let r = &case.recommender;
    let recommender = recommender(r);
    let faults = recommender.faults();
    for e in &faults {
        report.fault(e.to_string(), "the recommender would not work so");
    }
    if r.cpu_half_life == Duration::ZERO || r.memory_half_life == Duration::ZERO || r.memory_window == Duration::ZERO {
        return report.fault("a half-life or the memory window is 0", "upstream has a day: \"24h\"");
    }
    if !faults.is_empty() || !tolerable(case.tolerance, report) {
        return;
    }
    let minutes = |m: &f::EveryMinute| m.to.0.saturating_sub(m.from.0) / 60_000_000_000 + 1;
    let many = case.samples.iter().map(|s| match s {
        f::Sample::EveryMinute(m) => u32::try_from(minutes(m)).unwrap_or(u32::MAX),
        _ => 1,
    });
    if too_many(many, MOST, "samples", report) {
        return;
    }
    let memory = MemoryConfig { window: r.memory_window, oom_min_bump: r.oom_min_bump.units(), oom_ratio: r.oom_ratio };
    let mut c = Container::new(r.cpu_half_life, r.memory_half_life, memory);
    for s in &case.samples {
        match s {
            f::Sample::Cpu(v, t) => c.add_cpu(v.0, at(*t)),
            f::Sample::Memory(v, t) => _ = c.add_memory(v.units(), at(*t)),
            f::Sample::Oom(v, t) => _ = c.add_oom(v.units(), at(*t)),
            f::Sample::EveryMinute(m) => {
                for i in 0..minutes(m) {
                    let t = at(m.from + Duration(i * 60_000_000_000));
                    m.cpu.iter().for_each(|v| c.add_cpu(v.0, t));
                    m.memory.iter().for_each(|v| _ = c.add_memory(v.units(), t));
                }
            }
        }
    }
    let p = &case.policy;
    let policy = Policy {
        min_cpu_milli: p.min_cpu.map(|v| v.0),
        min_memory: p.min_memory.map(Amount::units),
        max_cpu_milli: p.max_cpu.map(|v| v.0),
        max_memory: p.max_memory.map(Amount::units),
    };
    let ours = recommender.recommend(&c, case.containers, &policy);
    let e = &case.expect;
    for (what, expected, ours) in [
        ("target", &e.target, ours.target),
        ("lower", &e.lower, ours.lower),
        ("upper", &e.upper, ours.upper),
        ("uncapped", &e.uncapped, ours.uncapped),
    ] {
        let Some(expected) = expected else { continue };
        if let Some(cpu) = expected.cpu {
            let cores = |milli: i64| milli as f64 / 1000.0;
            near(&format!("{what} cpu"), cores(cpu.0), cores(ours.cpu_milli), case.tolerance, report);
        }
        if let Some(memory) = expected.memory {
            near(&format!("{what} memory"), memory.units() as f64, ours.memory as f64, case.tolerance, report);
        }
    }
    for (share, value) in &e.cpu_percentiles {
        near(&format!("cpu percentile {share}"), *value, c.cpu().percentile(*share), 1e-6, report);
    }
    for (share, value) in &e.memory_percentiles {
        near(&format!("memory percentile {share}"), *value, c.memory().percentile(*share), 1e-4, report);
    }
    let sure = Confidence::of(c.lifespan(), c.samples(), recommender.confidence_cpu);
    report.double("confidence", e.confidence, sure.0, 1e-9);
}

fn pod(p: &f::UpdatePod) -> updater::Pod {
    let amounts = |(cpu, memory): (Amount, Amount)| Amounts { cpu_milli: cpu.0, memory: memory.units() };
    let container = |c: &f::UpdateContainer| {
        let target = amounts(c.target);
        updater::Container {
            cpu_milli: c.cpu.map(|v| v.0),
            memory: c.memory.map(Amount::units),
            estimate: Estimate {
                target,
                uncapped: target,
                lower: c.lower.map_or(target, amounts),
                upper: c.upper.map_or(target, amounts),
            },
            oom_after: c.oom_after,
        }
    };
    updater::Pod {
        containers: p.containers.iter().map(container).collect(),
        started: p.age.map(ago),
        pending: p.pending,
        evictions_allowed: p.evictions_allowed,
    }
}

pub fn update(case: &f::UpdateCase, report: &mut Report<'_>) {
    let u = &case.updater;
    let config = Updater {
        min_replicas: u.min_replicas,
        tolerance: u.eviction_tolerance,
        min_age: u.min_age,
        min_change: u.min_change,
        quick_oom: u.quick_oom,
    };
    let faults = config.faults();
    for e in &faults {
        report.fault(e.to_string(), "the updater would not work so");
    }
    if !faults.is_empty() || too_many(case.pods.iter().map(|p| p.count), 10_000, "pods", report) {
        return;
    }
    let (mut names, mut pods) = (Names::new("pod"), Vec::new());
    for p in &case.pods {
        for name in several(&p.name, p.count) {
            if names.add_as(&p.name, &name, report).is_none() {
                return;
            }
            pods.push(pod(p));
        }
    }
    let replicas = case.replicas.unwrap_or(pods.len() as u32);
    let (gone, stay) = config.run(replicas, &pods, NOW);
    let e = &case.expect;
    let gone: Vec<String> = gone.iter().map(|i| names.name(*i as u32).to_owned()).collect();
    report.words("evicted", e.evicted.as_deref(), &gone);
    report.number("count", e.count, Some(gone.len() as u64));
    for (name, why) in &e.stays {
        let Some(i) = names.find(name, report) else { continue };
        let ours = stay.iter().find(|(x, _)| *x == i as usize).map_or("evicted".to_owned(), |(_, s)| format!("{s:?}"));
        report.word(&format!("{} stays", name.value), Some(&why.show()), &ours);
    }
    for (name, difference) in &e.difference {
        let Some(i) = names.find(name, report) else { continue };
        let ours = config.urgency(&pods[i as usize]).difference;
        report.double(&format!("{} difference", name.value), Some(*difference), ours, 1e-9);
    }
}
