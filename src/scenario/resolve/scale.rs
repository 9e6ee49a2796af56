//! What scales a deployment: an HPA's or a ScaledObject's configuration, checked as upstream checks it.

use crate::policy::{hpa, keda};
use crate::scenario::decode::Spanned;
use crate::scenario::decode::quantity::Percent;
use crate::scenario::decode::shapes::NOWHERE;
use crate::scenario::file::scale as shape;
use crate::scenario::model::service::{Role, Scale, Signal, Watch};
use crate::units::{Diagnostic, Diagnostics, Duration};

type At = crate::formats::Place;

/// What a scaler is told of its deployment.
#[derive(Clone, Copy)]
pub(super) struct Scaled<'a> {
    /// The deployment's name.
    pub name: &'a str,
    /// Milli-cores that its pods request.
    pub cpu: Option<u32>,
    /// What its replicas do.
    pub role: Role,
    /// Requests that are held while there are none.
    pub hold: u32,
}

/// The scaler of a deployment.
pub(super) fn scale(s: &Spanned<shape::Scale>, of: Scaled<'_>, out: &mut Diagnostics) -> Option<Scale> {
    match &s.value {
        shape::Scale::Fixed(n) => Some(Scale::Fixed(*n)),
        shape::Scale::Hpa(h) => hpa_of(h, of, out),
        shape::Scale::Keda(k) => keda_of(k, of, out),
    }
}

/// The most replicas that there will ever be.
pub(super) fn most(s: &Scale) -> u32 {
    let above = |n: i32| u32::try_from(n).unwrap_or(0);
    match s {
        Scale::Fixed(n) => *n,
        Scale::Hpa { config, initial, .. } => above(config.max).max(*initial),
        Scale::Keda { config, initial, .. } => above(config.max).max(*initial),
    }
}

/// The fewest.
pub(super) fn fewest(s: &Scale) -> u32 {
    let above = |n: i32| u32::try_from(n).unwrap_or(0);
    match s {
        Scale::Fixed(n) => *n,
        Scale::Hpa { config, .. } => above(config.min),
        Scale::Keda { config, .. } => above(config.at_rest()),
    }
}

fn int(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn milli(v: f64) -> i64 {
    (v * 1000.0).round() as i64
}

/// The words of a metric in files.
const fn key(m: &shape::Metric) -> &'static str {
    match m {
        shape::Metric::Cpu(_) => "Cpu",
        shape::Metric::GpuUtilisation(_) => "GpuUtilisation",
        shape::Metric::Queue(_) => "Queue",
        shape::Metric::Concurrency(_) => "Concurrency",
        shape::Metric::TokensPerSecond(_) => "TokensPerSecond",
        shape::Metric::RequestsPerSecond(_) => "RequestsPerSecond",
        shape::Metric::KvUse(_) => "KvUse",
    }
}

/// What is measured and its target in thousandths (of per cent, for shares); a CPU's in milli-cores.
fn measured(m: &Spanned<shape::Metric>, of: Scaled<'_>, out: &mut Diagnostics) -> Option<(Signal, i64)> {
    let (signal, target) = match &m.value {
        shape::Metric::Cpu(share) => {
            let Some(request) = of.cpu.filter(|c| *c > 0) else {
                out.push(
                    Diagnostic::error(format!("`{}` scales on CPU and requests none", of.name))
                        .at(m.at.0, m.at.1, "a share of nothing")
                        .help("say what its pods request: cpu: (request: 4)")
                        .help("an engine keeps a core busy whatever its load: Queue or Concurrency say more"),
                );
                return None;
            };
            (Signal::Cpu, (share.0 * f64::from(request)).round() as i64)
        }
        shape::Metric::GpuUtilisation(Percent(p)) => (Signal::GpuUtilisation, milli(p * 100.0)),
        shape::Metric::KvUse(Percent(p)) => (Signal::KvUse, milli(p * 100.0)),
        shape::Metric::Queue(v) => (Signal::Queue, milli(*v)),
        shape::Metric::Concurrency(v) => (Signal::Concurrency, milli(*v)),
        shape::Metric::TokensPerSecond(v) => (Signal::TokensPerSecond, milli(*v)),
        shape::Metric::RequestsPerSecond(v) => (Signal::RequestsPerSecond, milli(*v)),
    };
    let share = match &m.value {
        shape::Metric::GpuUtilisation(p) | shape::Metric::KvUse(p) => Some(p.0),
        _ => None,
    };
    if share.is_some_and(|p| p > 1.0) {
        out.push(
            Diagnostic::error(format!("`{}` of `{}` is never above 100%", key(m), of.name))
                .at(m.at.0, m.at.1, "its target is beyond that")
                .help(format!("for example {}(\"70%\")", key(m))),
        );
        return None;
    }
    if of.role == Role::Prefill && matches!(signal, Signal::KvUse | Signal::TokensPerSecond) {
        let why =
            if signal == Signal::KvUse { "KV is held where requests are decoded" } else { "it ends at one token" };
        out.push(
            Diagnostic::error(format!("`{}` says nothing about `{}`, which only reads prompts", key(m), of.name))
                .at(m.at.0, m.at.1, why)
                .help("scale it on Queue, Concurrency, RequestsPerSecond or GpuUtilisation"),
        );
        return None;
    }
    Some((signal, target))
}

/// Whether a signal can be above nothing while there is no replica.
const fn wakes(s: Signal, hold: u32) -> bool {
    match s {
        Signal::RequestsPerSecond => true,
        Signal::Queue | Signal::Concurrency => hold > 0,
        Signal::Cpu | Signal::GpuUtilisation | Signal::TokensPerSecond | Signal::KvUse => false,
    }
}

/// From nothing only what is measured without replicas leads back.
fn can_wake(signals: &[Signal], at: At, of: Scaled<'_>, out: &mut Diagnostics) {
    if signals.is_empty() || signals.iter().any(|s| wakes(*s, of.hold)) {
        return;
    }
    let held = of.hold == 0 && signals.iter().any(|s| matches!(s, Signal::Queue | Signal::Concurrency));
    let d = Diagnostic::error(format!("`{}` could go to zero replicas and would never come back", of.name)).at(
        at.0,
        at.1,
        if held { "nothing is held, and so nothing waits" } else { "without replicas it measures nothing" },
    );
    let d = if held { d.help("hold requests while there is no replica: hold: 10000") } else { d };
    out.push(
        d.help("add a metric that is measured before the replicas: Queue, Concurrency or RequestsPerSecond")
            .help("or keep one replica: min: 1"),
    );
}

fn positive(d: &Spanned<Duration>, what: &str, out: &mut Diagnostics) -> Option<Duration> {
    if d.0 > 0 {
        return Some(**d);
    }
    out.push(
        Diagnostic::error(format!("`{what}` of nothing would never let time go on"))
            .at(d.at.0, d.at.1, "must be above 0")
            .help("for example \"15s\""),
    );
    None
}

fn behavior(b: &shape::ScalingBehavior) -> hpa::Behavior {
    let rules = |own: &Option<shape::ScalingRules>, upstream: hpa::Rules| {
        let Some(r) = own else { return upstream };
        hpa::Rules {
            window: r.window,
            policies: r.policies.as_ref().map_or(upstream.policies, |all| all.iter().map(policy).collect()),
            select: match r.select {
                shape::SelectPolicy::Max => hpa::Select::Max,
                shape::SelectPolicy::Min => hpa::Select::Min,
                shape::SelectPolicy::Disabled => hpa::Select::Disabled,
            },
            tolerance: r.tolerance,
        }
    };
    hpa::Behavior { up: rules(&b.up, hpa::Rules::up()), down: rules(&b.down, hpa::Rules::down()) }
}

fn policy(p: &shape::ScalingPolicy) -> hpa::Policy {
    match *p {
        shape::ScalingPolicy::Pods(n, period) => hpa::Policy { kind: hpa::PolicyKind::Pods, value: int(n), period },
        shape::ScalingPolicy::Percent(p, period) => {
            hpa::Policy { kind: hpa::PolicyKind::Percent, value: (p.0 * 100.0).round() as i32, period }
        }
    }
}

/// Places of what upstream may refuse.
struct Places<'a> {
    min: At,
    max: At,
    metrics: (At, Vec<At>),
    tolerance: At,
    behavior: Option<At>,
    name: &'a str,
}

impl Places<'_> {
    fn hpa(&self, e: &hpa::ConfigError, out: &mut Diagnostics) {
        use hpa::ConfigError as E;
        let place = match e {
            E::NegativeMinimum(_) | E::ZeroMinimumWithoutGate | E::MinimumAboveMaximum { .. } => self.min,
            E::NoMaximum(_) => self.max,
            E::NoMetrics | E::ZeroMinimumWithoutMetric => self.metrics.0,
            E::NoTarget(i) => self.metrics.1.get(*i).copied().unwrap_or(self.metrics.0),
            E::Tolerance(_) => self.tolerance,
            E::NoPolicies(_) | E::NoChange(..) | E::Period(..) | E::Window(_) => self.behavior.unwrap_or(self.min),
        };
        let d = Diagnostic::error(format!("the HPA of `{}` would be refused: {e}", self.name));
        let d = d.at(place.0, place.1, "Kubernetes does not take this");
        out.push(match e {
            E::MinimumAboveMaximum { min, .. } => d.help(format!("write max: {min} or more")),
            E::ZeroMinimumWithoutGate => d.help("write scale_to_zero: true, min: 1, or scale with Keda(…)"),
            E::ZeroMinimumWithoutMetric => d.help("write read_as: External"),
            E::NoMetrics => d.help("for example metrics: [Queue(5)]"),
            E::NoTarget(_) => d.help("a target is what one replica should have: above 0"),
            E::Tolerance(_) => d.help("0.1 is Kubernetes' own"),
            E::NoPolicies(_) | E::NoChange(..) | E::Period(..) => d.help("for example policies: [Pods(4, \"15s\")]"),
            E::Window(_) => d.help("for example window: \"5m\""),
            E::NegativeMinimum(_) | E::NoMaximum(_) => d.help("for example min: 1, max: 10"),
        });
    }

    fn keda(&self, e: &keda::ConfigError, idle: Option<At>, fallback: Option<At>, out: &mut Diagnostics) {
        use keda::ConfigError as E;
        let place = match e {
            E::NegativeMinimum(_) | E::MinimumAboveMaximum { .. } => self.min,
            E::NoMaximum(_) => self.max,
            E::Idle { .. } => idle.unwrap_or(self.min),
            E::NoTarget(i) => self.metrics.1.get(*i).copied().unwrap_or(self.metrics.0),
            E::NoTriggers | E::NoModifiedTarget | E::Activation => self.metrics.0,
            E::Fallback(_) => fallback.unwrap_or(self.min),
            E::Behavior(inner) => return self.hpa(inner, out),
        };
        let d = Diagnostic::error(format!("the ScaledObject of `{}` would be refused: {e}", self.name));
        let d = d.at(place.0, place.1, "KEDA does not take this");
        out.push(match e {
            E::MinimumAboveMaximum { min, .. } => d.help(format!("write max: {min} or more")),
            E::Idle { .. } => d.help("KEDA takes 0 idle replicas, and a minimum above it"),
            E::NoTriggers => d.help("for example triggers: [(on: Queue(5))]"),
            E::NoTarget(_) => d.help("a target is what one replica should have: above 0"),
            _ => d,
        });
    }
}

/// Replicas when the run begins.
fn initial(own: Option<&Spanned<u32>>, least: u32, max: u32, of: Scaled<'_>, out: &mut Diagnostics) -> Option<u32> {
    let Some(n) = own else { return Some(least) };
    if n.value <= max {
        return Some(n.value);
    }
    out.push(
        Diagnostic::error(format!("`{}` begins with {} replicas and may have {max}", of.name, n.value))
            .at(n.at.0, n.at.1, "above the maximum")
            .help(format!("write initial: {max} or less, or a larger max")),
    );
    None
}

fn hpa_of(h: &shape::Hpa, of: Scaled<'_>, out: &mut Diagnostics) -> Option<Scale> {
    let external = h.read_as == shape::ReadAs::External;
    // A metric by default has no place of its own.
    let placed = |m: &Spanned<shape::Metric>| {
        let at = if m.at == NOWHERE { h.metrics.at } else { m.at };
        Spanned { value: m.value.clone(), at }
    };
    let found: Vec<Option<(Signal, i64)>> = h.metrics.iter().map(|m| measured(&placed(m), of, out)).collect();
    let (sync, scrape) = (positive(&h.sync, "sync", out), positive(&h.scrape, "scrape", out));
    let found = found.into_iter().collect::<Option<Vec<_>>>()?;
    let metrics = found.iter().zip(h.metrics.iter()).map(|((_, target), m)| match &m.value {
        shape::Metric::Cpu(share) => {
            let target = hpa::PodTarget::Utilisation((share.0 * 100.0).round() as i32);
            hpa::Metric::Resource { cpu: true, target }
        }
        _ if external => hpa::Metric::External(hpa::Target::AverageValue(*target)),
        _ => hpa::Metric::Pods { average: *target },
    });
    let config = hpa::Config {
        min: int(*h.min),
        max: int(*h.max),
        metrics: metrics.collect(),
        behavior: h.behavior.as_ref().map(|b| behavior(b)),
        tolerance: *h.tolerance,
        downscale_stabilisation: h.downscale_stabilisation,
        cpu_initialisation: h.cpu_initialisation,
        readiness_delay: h.readiness_delay,
        scale_to_zero: h.scale_to_zero,
    };
    let places = Places {
        min: h.min.at,
        max: h.max.at,
        metrics: (h.metrics.at, h.metrics.iter().map(|m| m.at).collect()),
        tolerance: h.tolerance.at,
        behavior: h.behavior.as_ref().map(|b| b.at),
        name: of.name,
    };
    let faults = config.faults();
    faults.iter().for_each(|e| places.hpa(e, out));
    let initial = initial(h.initial.as_ref(), *h.min, *h.max, of, out)?;
    if let Some(own) = h.initial.as_ref().filter(|n| n.value == 0 && *h.min > 0) {
        out.push(
            Diagnostic::error(format!(
                "`{}` begins with no replica, and its HPA leaves a target of zero alone",
                of.name
            ))
            .at(own.at.0, own.at.1, "it would stay there")
            .help("write initial: 1, or scale with Keda(…)"),
        );
        return None;
    }
    let signals: Vec<Signal> = found.iter().map(|f| f.0).collect();
    if *h.min == 0 && h.scale_to_zero && faults.is_empty() {
        // Of an HPA only external metrics are measured without pods.
        let outside: Vec<Signal> = signals.iter().copied().filter(|s| external && *s != Signal::Cpu).collect();
        can_wake(if outside.is_empty() { &signals[..] } else { &outside[..] }, h.metrics.at, of, out);
    }
    if !faults.is_empty() {
        return None;
    }
    let watch = Watch { sync: sync?, scrape: scrape?, lag: h.lag };
    Some(Scale::Hpa { config: Box::new(config), signals, watch, initial })
}

fn keda_of(k: &shape::Keda, of: Scaled<'_>, out: &mut Diagnostics) -> Option<Scale> {
    let found: Vec<Option<(Signal, i64)>> = k.triggers.iter().map(|t| measured(&t.on, of, out)).collect();
    let polling = positive(&k.polling, "polling", out);
    let (sync, scrape) = (positive(&k.sync, "sync", out), positive(&k.scrape, "scrape", out));
    let found = found.into_iter().collect::<Option<Vec<_>>>()?;
    let triggers = found.iter().zip(k.triggers.iter()).map(|((_, target), t)| keda::Trigger {
        target: match t.target {
            shape::TargetOf::Replica => hpa::Target::AverageValue(*target),
            shape::TargetOf::Whole => hpa::Target::Value(*target),
        },
        activation: *t.activation,
        cached: t.cached,
    });
    let config = keda::Config {
        polling_interval: polling?,
        cooldown: k.cooldown,
        initial_cooldown: k.initial_cooldown,
        min: int(*k.min),
        max: int(*k.max),
        idle: k.idle.as_ref().map(|n| int(n.value)),
        fallback: k.fallback.as_ref().map(|f| keda::Fallback {
            failure_threshold: f.after,
            replicas: int(*f.replicas),
            behavior: match f.behavior {
                shape::FallbackTo::Static => keda::FallbackBehavior::Static,
                shape::FallbackTo::CurrentReplicas => keda::FallbackBehavior::CurrentReplicas,
                shape::FallbackTo::CurrentReplicasIfHigher => keda::FallbackBehavior::CurrentReplicasIfHigher,
                shape::FallbackTo::CurrentReplicasIfLower => keda::FallbackBehavior::CurrentReplicasIfLower,
            },
        }),
        triggers: triggers.collect(),
        modifiers: None,
        behavior: k.behavior.as_ref().map(|b| behavior(b)),
    };
    let flags = hpa::Config {
        tolerance: *k.tolerance,
        downscale_stabilisation: k.downscale_stabilisation,
        ..hpa::Config::default()
    };
    let places = Places {
        min: k.min.at,
        max: k.max.at,
        metrics: (k.triggers.at, k.triggers.iter().map(|t| t.on.at).collect()),
        tolerance: k.tolerance.at,
        behavior: k.behavior.as_ref().map(|b| b.at),
        name: of.name,
    };
    let idle = k.idle.as_ref().map(|n| n.at);
    let mut faults = config.faults();
    if !(flags.tolerance.is_finite() && flags.tolerance >= 0.0) {
        faults.push(keda::ConfigError::Behavior(hpa::ConfigError::Tolerance(flags.tolerance)));
    }
    faults.iter().for_each(|e| places.keda(e, idle, k.fallback.as_ref().map(|f| f.replicas.at), out));
    let rest = u32::try_from(config.at_rest()).unwrap_or(0);
    let initial = initial(k.initial.as_ref(), rest, *k.max, of, out)?;
    if !faults.is_empty() {
        return None;
    }
    let signals: Vec<Signal> = found.iter().map(|f| f.0).collect();
    if rest == 0 {
        can_wake(&signals, k.triggers.at, of, out);
    }
    if *k.min > 0 && k.idle.is_none() && k.cooldown != Duration::from_secs(300) {
        out.push(
            Diagnostic::warning(format!("the cooldown of `{}` does nothing", of.name))
                .at(k.min.at.0, k.min.at.1, "it only matters on the way to zero or idle replicas")
                .help("steps down to a minimum of one or more are held back by downscale_stabilisation or behavior"),
        );
    }
    let watch = Watch { sync: sync?, scrape: scrape?, lag: k.lag };
    Some(Scale::Keda { config: Box::new(config), flags: Box::new(flags), signals, watch, initial })
}
