//! Autoscalers: what a scenario says into what Kubernetes and KEDA are told.

use super::context::Context;
use crate::formats::Place;
use crate::policy::{hpa, keda};
use crate::scenario::decode::Spanned;
use crate::scenario::file::scale as shape;
use crate::scenario::file::scale::Metric;
use crate::scenario::model::service::{CpuUse, Scale, Signal, Watch};
use crate::units::{Diagnostic, Diagnostics, Duration};

/// The most replicas of a deployment.
const MOST: u32 = 1_000_000;

/// A fault of an autoscaler's configuration, at its place.
fn refused(e: impl std::fmt::Display, at: Place) -> Diagnostic {
    Diagnostic::error(e.to_string()).at(at.0, at.1, "the API would refuse this")
}

const fn signal(m: &Metric) -> Signal {
    match m {
        Metric::Queue(_) => Signal::Queue,
        Metric::Concurrency(_) => Signal::Concurrency,
        Metric::RequestsPerSecond(_) => Signal::RequestsPerSecond,
        Metric::TokensPerSecond(_) => Signal::TokensPerSecond,
        Metric::KvUse(_) => Signal::KvUse,
        Metric::GpuUtilisation(_) => Signal::GpuUtilisation,
        Metric::Cpu(_) => Signal::Cpu,
    }
}

/// The target in thousandths, per replica: requests, tokens a second, per cent. Of CPU the share, in per cent.
fn target(m: &Spanned<Metric>, out: &mut Diagnostics) -> Option<i64> {
    let (value, what) = match m.value {
        Metric::Queue(v) | Metric::Concurrency(v) => (v, "requests"),
        Metric::RequestsPerSecond(v) => (v, "requests a second"),
        Metric::TokensPerSecond(v) => (v, "tokens a second"),
        Metric::KvUse(p) | Metric::GpuUtilisation(p) | Metric::Cpu(p) => (p.0 * 100.0, "per cent"),
    };
    let milli = (value * 1000.0).round();
    if (1.0..=1e15).contains(&milli) {
        return Some(milli as i64);
    }
    out.push(
        Diagnostic::error(format!("a target of {value} {what}"))
            .at(m.at.0, m.at.1, "above 0, in thousandths at least 1")
            .help("it is what each replica should have: for example Queue(5)"),
    );
    None
}

/// CPU that nobody requests has no utilisation.
fn cpu_is_requested(m: &Spanned<Metric>, cpu: CpuUse, out: &mut Diagnostics) -> bool {
    let missing = matches!(m.value, Metric::Cpu(_)) && cpu.request == 0;
    if missing {
        out.push(
            Diagnostic::error("there is no CPU utilisation: the replicas request no CPU")
                .at(m.at.0, m.at.1, "measured against the request")
                .help("say what they request: cpu: (request: 4)")
                .help("other metrics: Queue, Concurrency, RequestsPerSecond, TokensPerSecond, KvUse, GpuUtilisation"),
        );
    }
    !missing
}

fn behavior(b: &shape::Behavior) -> hpa::Behavior {
    let rules = |r: Option<&shape::Rules>, default: hpa::Rules| {
        let Some(r) = r else { return default };
        let policy = |p: &shape::Policy| {
            let (kind, value, period) = match p {
                shape::Policy::Pods(n, d) => (hpa::PolicyKind::Pods, n, d),
                shape::Policy::Percent(n, d) => (hpa::PolicyKind::Percent, n, d),
            };
            hpa::Policy { kind, value: i32::try_from(*value).unwrap_or(i32::MAX), period: *period }
        };
        hpa::Rules {
            window: r.window,
            policies: r.policies.as_ref().map_or(default.policies, |l| l.iter().map(policy).collect()),
            select: match r.select {
                shape::Select::Max => hpa::Select::Max,
                shape::Select::Min => hpa::Select::Min,
                shape::Select::Disabled => hpa::Select::Disabled,
            },
            tolerance: r.tolerance,
        }
    };
    hpa::Behavior { up: rules(b.up.as_ref(), hpa::Rules::up()), down: rules(b.down.as_ref(), hpa::Rules::down()) }
}

fn number(n: &Spanned<u32>, out: &mut Diagnostics) -> Option<i32> {
    if n.value <= MOST {
        return i32::try_from(n.value).ok();
    }
    out.push(Diagnostic::error(format!("{} replicas are more than can be", n.value)).at(
        n.at.0,
        n.at.1,
        format!("at most {MOST}"),
    ));
    None
}

/// Minimum and maximum, the right way round.
fn range(min: &Spanned<u32>, max: &Spanned<u32>, out: &mut Diagnostics) -> Option<(i32, i32)> {
    let (low, high) = (number(min, out), number(max, out));
    let (low, high) = (low?, high?);
    if low > high || high == 0 {
        let d = if high == 0 {
            Diagnostic::error("a maximum of 0 replicas serves nobody").at(max.at.0, max.at.1, "at least 1")
        } else {
            let d = Diagnostic::error(format!("the minimum of {low} replicas is above the maximum of {high}"));
            let d = d.at(min.at.0, min.at.1, "more than the maximum");
            d.also(max.at.0, max.at.1, "the maximum")
        };
        out.push(d);
        return None;
    }
    Some((low, high))
}

fn initial(n: Option<&Spanned<u32>>, (min, max): (i32, i32), out: &mut Diagnostics) -> Option<u32> {
    let Some(n) = n else { return Some(min.unsigned_abs()) };
    let found = number(n, out)?;
    if !(min..=max).contains(&found) {
        out.push(Diagnostic::error(format!("{found} replicas to begin with")).at(
            n.at.0,
            n.at.1,
            format!("from {min} to {max}"),
        ));
        return None;
    }
    Some(found.unsigned_abs())
}

fn periods(all: &[(&str, &Spanned<Duration>)], out: &mut Diagnostics) -> Option<()> {
    let zero: Vec<_> = all.iter().filter(|(_, d)| d.0 == 0).collect();
    for (what, d) in &zero {
        out.push(
            Diagnostic::error(format!("`{what}` must be longer than nothing"))
                .at(d.at.0, d.at.1, "how often?")
                .help("for example \"15s\""),
        );
    }
    zero.is_empty().then_some(())
}

impl Context<'_, '_> {
    /// What scales a deployment.
    pub(super) fn scale(
        &mut self,
        s: &Spanned<shape::Scale>,
        cpu: CpuUse,
        hold: &Spanned<u32>,
        out: &mut Diagnostics,
    ) -> Option<Scale> {
        match &s.value {
            shape::Scale::Fixed(n) if *n == 0 => {
                out.push(
                    Diagnostic::error("a deployment of no replica serves nobody")
                        .at(s.at.0, s.at.1, "at least 1")
                        .help("to scale to zero and back: Keda(max: 4, triggers: [Queue(5)])"),
                );
                None
            }
            shape::Scale::Fixed(n) => {
                number(&Spanned { value: *n, at: s.at }, out).map(|n| Scale::Fixed(n.unsigned_abs()))
            }
            shape::Scale::Hpa(h) => self.hpa(h, s.at, cpu, out),
            shape::Scale::Keda(k) => {
                if *k.min == 0 && hold.value == 0 {
                    out.push(
                        Diagnostic::error("a service that holds no requests can never leave zero replicas")
                            .at(hold.at.0, hold.at.1, "refuses what comes while there is no replica")
                            .also(k.min.at.0, k.min.at.1, "goes to zero")
                            .help("hold some: hold: 10000, or keep a replica: min: 1"),
                    );
                    return None;
                }
                self.keda(k, s.at, cpu, out)
            }
        }
    }

    fn hpa(&mut self, h: &shape::Hpa, at: Place, cpu: CpuUse, out: &mut Diagnostics) -> Option<Scale> {
        let range = range(&h.min, &h.max, out);
        let periods = periods(&[("sync", &h.sync), ("scrape", &h.scrape)], out);
        let mut metrics = Vec::new();
        for m in h.metrics.iter() {
            let milli = target(m, out)?;
            if !cpu_is_requested(m, cpu, out) {
                return None;
            }
            metrics.push(match m.value {
                Metric::Cpu(_) => {
                    let percent = i32::try_from(milli / 1000).unwrap_or(i32::MAX);
                    hpa::Metric::Resource { cpu: true, target: hpa::PodTarget::Utilisation(percent) }
                }
                _ => hpa::Metric::Pods { average: milli },
            });
        }
        let (min, max) = range?;
        let initial = initial(h.initial.as_ref(), (min, max), out);
        let config = hpa::Config {
            min,
            max,
            metrics,
            behavior: h.behavior.as_ref().map(behavior),
            tolerance: *h.tolerance,
            ..hpa::Config::default()
        };
        let faults = config.faults();
        for e in &faults {
            out.push(refused(e, at));
        }
        periods?;
        let watch = Watch { sync: *h.sync, scrape: *h.scrape, lag: h.lag };
        let signals = h.metrics.iter().map(|m| signal(m)).collect();
        let config = Box::new(config);
        Some(Scale::Hpa { config, signals, watch, initial: initial? }).filter(|_| faults.is_empty())
    }

    fn keda(&mut self, k: &shape::Keda, at: Place, cpu: CpuUse, out: &mut Diagnostics) -> Option<Scale> {
        let range = range(&k.min, &k.max, out);
        let periods = periods(&[("sync", &k.sync), ("scrape", &k.scrape), ("polling", &k.polling)], out);
        let mut triggers = Vec::new();
        for m in k.triggers.iter() {
            let milli = target(m, out)?;
            if !cpu_is_requested(m, cpu, out) {
                return None;
            }
            // CPU is counted in cores over all replicas: the share of what one requests.
            let average = match m.value {
                Metric::Cpu(p) => ((f64::from(cpu.request) * p.0).round() as i64).max(1),
                _ => milli,
            };
            let target = hpa::Target::AverageValue(average);
            triggers.push(keda::Trigger { target, activation: *k.activation, cached: false });
        }
        let wakes = |m: &Metric| matches!(m, Metric::Queue(_) | Metric::Concurrency(_) | Metric::RequestsPerSecond(_));
        if *k.min == 0 && !k.triggers.is_empty() && !k.triggers.iter().any(|m| wakes(m)) {
            out.push(
                Diagnostic::error("nothing that it measures can wake it from zero replicas")
                    .at(k.triggers.at.0, k.triggers.at.1, "measured on replicas, of which there are none")
                    .help("add one that is measured before them: Queue, Concurrency or RequestsPerSecond")
                    .help("or keep a replica: min: 1"),
            );
            return None;
        }
        let (min, max) = range?;
        let initial = initial(k.initial.as_ref(), (min, max), out);
        let idle = match &k.idle {
            Some(n) => Some(number(n, out)?),
            None => None,
        };
        let config = keda::Config {
            polling_interval: *k.polling,
            cooldown: k.cooldown,
            initial_cooldown: k.initial_cooldown,
            min,
            max,
            idle,
            fallback: None,
            triggers,
            modifiers: None,
            behavior: k.behavior.as_ref().map(behavior),
        };
        let flags = hpa::Config { tolerance: *k.tolerance, ..hpa::Config::default() };
        let mut faults: Vec<String> = config.faults().iter().map(ToString::to_string).collect();
        if faults.is_empty()
            && let Ok(object) = keda::ScaledObject::new(config.clone(), crate::units::SimTime::ZERO)
        {
            faults.extend(object.hpa(&flags).faults().iter().map(ToString::to_string));
        }
        for e in &faults {
            out.push(refused(e, at));
        }
        periods?;
        let watch = Watch { sync: *k.sync, scrape: *k.scrape, lag: k.lag };
        let signals = k.triggers.iter().map(|m| signal(m)).collect();
        let (config, flags) = (Box::new(config), Box::new(flags));
        Some(Scale::Keda { config, flags, signals, watch, initial: initial? }).filter(|_| faults.is_empty())
    }
}
