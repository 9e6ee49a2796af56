//! Deployments of a service's name, and what scales them, in the place of the scenario's settings.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use super::metrics::{measured, metric};
use super::places::Places;
use crate::formats::Place;
use crate::manifest::kind::hpa::{Amount, Hpa, Source};
use crate::manifest::kind::keda::{MetricType, ScaledObject, Trigger};
use crate::manifest::kind::pod::GPU;
use crate::manifest::kind::workload::{Canary, Step, Workload};
use crate::manifest::{At, Body, Manifests, Object};
use crate::policy::hpa::{Behavior, PolicyKind, Rules, Select};
use crate::policy::keda::FallbackBehavior;
use crate::scenario::decode::Spanned;
use crate::scenario::decode::quantity::Percent;
use crate::scenario::file::Scenario;
use crate::scenario::file::manifest::ManifestMetric;
use crate::scenario::file::rollout::Strategy;
use crate::scenario::file::scale as shape;
use crate::scenario::file::service::{Deployment, Service};
use crate::units::{Bytes, Diagnostic, Diagnostics, Duration, Fraction, Name};

type Words = [(Spanned<String>, ManifestMetric)];

/// Lays them over the services.
pub(super) fn apply(
    m: &Manifests,
    places: &Places<'_>,
    s: &mut Scenario,
    used: &mut BTreeSet<usize>,
    out: &mut Diagnostics,
) {
    let words = s.manifest_metrics.clone();
    for v in super::services_of(s) {
        let alone = v.deployments.len() == 1;
        let mut spaces: Vec<Name> = Vec::new();
        for at in 0..v.deployments.len() {
            let names = names(v, &v.deployments[at], alone);
            let Some(name) = find(m, &names) else { continue };
            if let Some((i, w)) = workload(m, &name) {
                used.insert(i);
                let o = &m.objects[i];
                sizes(m, o, w, places, &mut v.deployments.value[at], out);
                spaces.extend(o.meta.namespace.as_ref().and_then(|n| Name::new(&n.value).ok()));
                if let Some(c) = &w.canary {
                    canary(o, c, v, at, out);
                }
            }
            let d = &mut v.deployments.value[at];
            if let Some((i, scale)) = scaler(m, &name, &words, out) {
                used.insert(i);
                d.scale = scale;
            }
        }
        // Its namespace is a label, so that a ResourceQuota holds for it.
        if let (Some(space), Ok(key)) = (spaces.into_iter().next(), Name::new("namespace")) {
            v.labels.entry(key).or_insert(space);
        }
    }
}

/// The names by which manifests may know a deployment: its own, the service's and its own, the service's where it has no
/// other.
fn names(v: &Service, d: &Deployment, alone: bool) -> Vec<String> {
    let mut all = vec![format!("{}-{}", *v.name, *d.name), d.name.to_string()];
    if alone {
        all.push(v.name.to_string());
    }
    all
}

/// The first of the names that a workload or a scaler has.
fn find(m: &Manifests, names: &[String]) -> Option<String> {
    let scaled = |n: &str| {
        m.hpas().any(|(_, h)| h.target.name.value == n) || m.scaled_objects().any(|(_, k)| k.target.name.value == n)
    };
    names.iter().find(|n| workload(m, n).is_some() || scaled(n)).cloned()
}

fn workload<'m>(m: &'m Manifests, name: &str) -> Option<(usize, &'m Workload)> {
    m.objects.iter().enumerate().find_map(|(i, o)| match &o.body {
        Body::Workload(w) if o.name() == name && !w.kind.ends() => Some((i, &**w)),
        _ => None,
    })
}

/// What a Deployment says of its pods.
fn sizes(m: &Manifests, o: &Object, w: &Workload, places: &Places<'_>, d: &mut Deployment, out: &mut Diagnostics) {
    let p = &w.pod;
    if let Some(g) = p.request(GPU)
        && let Some(n) = NonZeroU32::new(p.gpus())
    {
        d.gpus = Spanned { value: n, at: g.at };
    } else if let Some((profile, q)) = p.mig().next() {
        out.push(Diagnostic::warning(format!("{} asks for the MIG instance `{profile}`", o.named())).at(
            q.at.0,
            q.at.1,
            "the scenario's deployment has whole GPUs; its own setting stays",
        ));
    }
    if let Some(c) = p.request("cpu") {
        d.cpu.request = Some(Spanned { value: c.to_f64(), at: c.at });
    }
    if let Some(b) = p.request("memory") {
        d.memory = Bytes(u64::try_from(b.units()).unwrap_or(0));
    }
    d.grace = p.grace();
    d.priority = super::priority(m, p);
    d.disruption = super::disruption(m, o, p);
    if let (Some(r), shape::Scale::Fixed(_)) = (w.replicas, &d.scale.value) {
        d.scale = Spanned { value: shape::Scale::Fixed(r.value), at: r.at };
    }
    if d.pools.is_none()
        && let Some(pools) = places.for_pod(o, p, out)
        && let Some(first) = pools.first()
    {
        let at = first.at;
        d.pools = Some(Spanned { value: pools, at });
    }
}

/// The scaler of a name.
fn scaler(m: &Manifests, name: &str, words: &Words, out: &mut Diagnostics) -> Option<(usize, Spanned<shape::Scale>)> {
    m.objects.iter().enumerate().find_map(|(i, o)| match &o.body {
        Body::Hpa(h) if h.target.name.value == name => Some((i, hpa(o, h, words, out)?)),
        Body::ScaledObject(k) if k.target.name.value == name => Some((i, keda(o, k, words, out)?)),
        _ => None,
    })
}

fn placed<T, U>(v: &At<T>, value: U) -> Spanned<U> {
    Spanned { value, at: v.at }
}

/// A metric that has no counterpart is left out, as long as another one is left.
fn left_out(o: &Object, what: &str, at: Place, why: &str, out: &mut Diagnostics) {
    out.push(
        Diagnostic::warning(format!("{} scales on `{what}`, which has no counterpart", o.named()))
            .at(at.0, at.1, why.to_owned())
            .help(format!("say what it measures: manifest_metrics: [(\"{what}\", Queue)]")),
    );
}

fn nothing_left(o: &Object, at: Place, what: &str, out: &mut Diagnostics) {
    out.push(
        Diagnostic::error(format!("none of the metrics of {} has a counterpart", o.named()))
            .at(at.0, at.1, "it would scale on nothing")
            .help(format!("say what they measure: manifest_metrics: [(\"{what}\", Queue)]"))
            .help("Queue, Concurrency, TokensPerSecond, RequestsPerSecond, GpuUtilisation, KvUse"),
    );
}

fn hpa(o: &Object, h: &Hpa, words: &Words, out: &mut Diagnostics) -> Option<Spanned<shape::Scale>> {
    let at = o.name_at();
    let mut metrics: Vec<Spanned<shape::Metric>> = Vec::new();
    // Targets for all together have a counterpart in a ScaledObject's HPA only.
    let mut whole: Vec<shape::Trigger> = Vec::new();
    let mut external = true;
    for x in &h.metrics {
        let name = x.source.name();
        let found = match (&x.source, x.target) {
            (Source::Resource(r), Amount::Utilisation(u)) if r.value == "cpu" => {
                external = false;
                Some(placed(&u, shape::Metric::Cpu(Percent(f64::from(u.value) / 100.0))))
            }
            (Source::Resource(r), _) => {
                let why = if r.value == "cpu" {
                    "write averageUtilization"
                } else {
                    "replicas do not use more of it under load"
                };
                left_out(o, &r.value, x.at, why, out);
                None
            }
            (source, Amount::Average(q) | Amount::Value(q)) => match measured(&name.value, words) {
                Some(kind) => {
                    if matches!(source, Source::Pods(_)) {
                        external = false;
                    }
                    metric(&kind, q.to_f64()).map(|v| placed(&q, v))
                }
                None => {
                    left_out(o, &name.value, name.at, "its name does not say what it measures", out);
                    None
                }
            },
            _ => None,
        };
        let Some(found) = found else { continue };
        if matches!(x.target, Amount::Value(_)) && !matches!(x.source, Source::Resource(_)) {
            let activation = Spanned::unplaced(0.0);
            whole.push(shape::Trigger { on: found, target: shape::TargetOf::Whole, activation, cached: false });
        } else {
            metrics.push(found);
        }
    }
    if !h.metrics.is_empty() && metrics.is_empty() && whole.is_empty() {
        let name = h.metrics.first().map_or("", |x| x.source.name().value.as_str());
        nothing_left(o, h.metrics_at, name, out);
        return None;
    }
    let min = h.min.as_ref().map_or(Spanned::unplaced(1), |x| placed(x, x.value));
    let max = placed(&h.max, h.max.value);
    let behavior = h.behavior.as_ref().map(|b| placed(b, behavior(&b.value)));
    if !whole.is_empty() {
        for x in &metrics {
            out.push(
                Diagnostic::warning(format!("{} has targets for each replica and for all together", o.named())).at(
                    x.at.0,
                    x.at.1,
                    "this one is left out of account: the model's HPA takes one kind",
                ),
            );
        }
        let triggers = Spanned { value: whole, at: h.metrics_at };
        let k = shape::Keda { min, max, behavior, ..keda_defaults(triggers) };
        return Some(Spanned { value: shape::Scale::Keda(k), at });
    }
    let metrics = if metrics.is_empty() {
        Spanned::unplaced(vec![Spanned::unplaced(shape::Metric::Cpu(Percent(0.8)))])
    } else {
        Spanned { value: metrics, at: h.metrics_at }
    };
    let read_as = if external { shape::ReadAs::External } else { shape::ReadAs::Pods };
    let value = shape::Hpa { min, max, metrics, read_as, behavior, ..hpa_defaults() };
    Some(Spanned { value: shape::Scale::Hpa(value), at })
}

/// The controller's flags, which manifests do not have.
fn hpa_defaults() -> shape::Hpa {
    shape::Hpa {
        min: Spanned::unplaced(1),
        max: Spanned::unplaced(1),
        metrics: Spanned::unplaced(Vec::new()),
        read_as: shape::ReadAs::Pods,
        behavior: None,
        tolerance: Spanned::unplaced(0.1),
        downscale_stabilisation: Duration::from_secs(300),
        cpu_initialisation: Duration::from_secs(300),
        readiness_delay: Duration::from_secs(30),
        scale_to_zero: false,
        sync: Spanned::unplaced(crate::policy::hpa::SYNC_PERIOD),
        scrape: Spanned::unplaced(Duration::from_secs(15)),
        lag: Duration::ZERO,
        initial: None,
    }
}

fn keda_defaults(triggers: Spanned<Vec<shape::Trigger>>) -> shape::Keda {
    shape::Keda {
        min: Spanned::unplaced(0),
        max: Spanned::unplaced(100),
        triggers,
        polling: Spanned::unplaced(crate::policy::keda::POLLING_INTERVAL),
        cooldown: Duration::from_secs(300),
        initial_cooldown: Duration::ZERO,
        idle: None,
        fallback: None,
        behavior: None,
        tolerance: Spanned::unplaced(0.1),
        downscale_stabilisation: Duration::from_secs(300),
        sync: Spanned::unplaced(crate::policy::hpa::SYNC_PERIOD),
        scrape: Spanned::unplaced(Duration::from_secs(15)),
        lag: Duration::ZERO,
        initial: None,
    }
}

fn behavior(b: &Behavior) -> shape::ScalingBehavior {
    let rules = |r: &Rules| shape::ScalingRules {
        window: r.window,
        policies: Some(
            r.policies
                .iter()
                .map(|p| match p.kind {
                    PolicyKind::Pods => shape::ScalingPolicy::Pods(p.value.unsigned_abs(), p.period),
                    PolicyKind::Percent => shape::ScalingPolicy::Percent(Percent(f64::from(p.value) / 100.0), p.period),
                })
                .collect(),
        ),
        select: match r.select {
            Select::Max => shape::SelectPolicy::Max,
            Select::Min => shape::SelectPolicy::Min,
            Select::Disabled => shape::SelectPolicy::Disabled,
        },
        tolerance: r.tolerance,
    };
    shape::ScalingBehavior { up: Some(rules(&b.up)), down: Some(rules(&b.down)) }
}

fn keda(o: &Object, k: &ScaledObject, words: &Words, out: &mut Diagnostics) -> Option<Spanned<shape::Scale>> {
    let triggers: Vec<shape::Trigger> = k.triggers.iter().filter_map(|t| trigger(o, t, words, out)).collect();
    if triggers.is_empty() {
        let name = k.triggers.first().and_then(|t| t.query.as_ref()).map_or("", |q| q.value.as_str());
        nothing_left(o, k.triggers_at, name, out);
        return None;
    }
    let count =
        |v: &Option<At<u32>>, default: u32| v.as_ref().map_or(Spanned::unplaced(default), |x| placed(x, x.value));
    let fallback = k.fallback.map(|f| shape::KedaFallback {
        after: f.after.value,
        replicas: placed(&f.replicas, f.replicas.value),
        behavior: match f.behavior {
            FallbackBehavior::Static => shape::FallbackTo::Static,
            FallbackBehavior::CurrentReplicas => shape::FallbackTo::CurrentReplicas,
            FallbackBehavior::CurrentReplicasIfHigher => shape::FallbackTo::CurrentReplicasIfHigher,
            FallbackBehavior::CurrentReplicasIfLower => shape::FallbackTo::CurrentReplicasIfLower,
        },
    });
    let plain = keda_defaults(Spanned { value: triggers, at: k.triggers_at });
    let value = shape::Keda {
        min: count(&k.min, 0),
        max: count(&k.max, 100),
        polling: k.polling.as_ref().map_or(plain.polling, |p| placed(p, p.value)),
        cooldown: k.cooldown.map_or(plain.cooldown, |c| c.value),
        initial_cooldown: k.initial_cooldown.map_or(plain.initial_cooldown, |c| c.value),
        idle: k.idle.as_ref().map(|i| placed(i, i.value)),
        fallback,
        behavior: k.behavior.as_ref().map(|b| placed(b, behavior(&b.value))),
        ..plain
    };
    Some(Spanned { value: shape::Scale::Keda(value), at: o.name_at() })
}

fn trigger(o: &Object, t: &Trigger, words: &Words, out: &mut Diagnostics) -> Option<shape::Trigger> {
    let target = t.threshold;
    let on = match t.kind.value.as_str() {
        "cpu" if t.metric_type == MetricType::Utilization => {
            let u = target?;
            placed(&u, shape::Metric::Cpu(Percent(u.value / 100.0)))
        }
        "cpu" | "memory" => {
            left_out(o, &t.kind.value, t.at, "only a share of requested CPU has a counterpart", out);
            return None;
        }
        kind => {
            let name = t.query.as_ref().map_or(kind, |q| q.value.as_str());
            let queue = crate::manifest::kind::keda::QUEUES.contains(&kind);
            let found = measured(name, words).or(queue.then_some(ManifestMetric::Queue));
            let Some(found) = found else {
                left_out(o, name, t.query.as_ref().map_or(t.at, |q| q.at), "it does not say what it measures", out);
                return None;
            };
            let u = target.unwrap_or(At::new(5.0, t.at));
            let made = metric(&found, u.value)?;
            placed(&u, made)
        }
    };
    let of = match t.metric_type {
        MetricType::Value => shape::TargetOf::Whole,
        _ => shape::TargetOf::Replica,
    };
    let activation = t.activation.as_ref().map_or(Spanned::unplaced(0.0), |a| placed(a, a.value));
    Some(shape::Trigger { on, target: of, activation, cached: t.cached })
}

/// The steps of a Rollout become those of the scenario's rollout of the same deployment.
fn canary(o: &Object, c: &Canary, v: &mut Service, at: usize, out: &mut Diagnostics) {
    let name = v.deployments[at].name.value.clone();
    let place = o.name_at();
    let mut steps: Vec<(Fraction, Duration)> = Vec::new();
    let mut weight = None;
    for s in &c.steps {
        match s.value {
            Step::SetWeight(w) => weight = Fraction::new(f64::from(w) / 100.0),
            Step::Pause(Some(d)) if d > Duration::ZERO => {
                let share = weight.unwrap_or(Fraction::ZERO);
                match steps.last_mut().filter(|(s, _)| *s == share) {
                    Some((_, t)) => *t = Duration(t.0.saturating_add(d.0)),
                    None => steps.push((share, d)),
                }
            }
            _ => {}
        }
    }
    steps.retain(|(s, _)| *s > Fraction::ZERO);
    let mine = v.rollouts.iter_mut().find(|r| r.deployment.value == name);
    match mine {
        Some(r) if !steps.is_empty() => {
            let steps = Spanned { value: steps, at: place };
            r.strategy = Spanned { value: Strategy::Canary(steps), at: place };
        }
        Some(_) => {}
        None => out.push(
            Diagnostic::warning(format!("no new version of {} comes in the scenario", o.named()))
                .at(place.0, place.1, "its canary steps are never taken")
                .help(format!("write rollouts: [(at: After(\"1h\"), deployment: \"{name}\", new: (name: \"v2\"))]")),
        ),
    }
}
