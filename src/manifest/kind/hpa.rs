//! HorizontalPodAutoscaler, `autoscaling/v2` (and v1, which is one CPU metric).

use super::meta::Selector;
use crate::formats::Place;
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::manifest::quantity::Quantity;
use crate::policy::hpa::{self, Behavior, Policy, PolicyKind, Rules, Select};
use crate::units::Duration;

/// What an autoscaler scales.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its kind; a Deployment where left out.
    pub kind: Option<At<String>>,
    /// Its name.
    pub name: At<String>,
}

impl Target {
    /// Reads a reference.
    pub fn read(f: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Option<Target> {
        let mut t = f.needed_map(key, cx)?;
        let kind = t.text("kind", cx);
        let name = t.needed_text("name", cx);
        t.no_effect(&["apiVersion"], cx);
        t.not_modelled("envSourceContainerName", "left out of account", cx);
        t.finish(cx);
        Some(Target { kind, name: name? })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind.as_ref().map_or("Deployment", |k| k.value.as_str())
    }
}

/// An HPA.
#[derive(Clone, Debug, PartialEq)]
pub struct Hpa {
    /// What it scales.
    pub target: Target,
    /// `minReplicas`; 1 where left out.
    pub min: Option<At<u32>>,
    /// `maxReplicas`.
    pub max: At<u32>,
    /// Its metrics; CPU at 80 % where there are none.
    pub metrics: Vec<Metric>,
    /// Where the metrics are written.
    pub metrics_at: Place,
    /// How fast it may scale.
    pub behavior: Option<At<Behavior>>,
}

/// A metric with its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Where it begins.
    pub at: Place,
    /// Its path.
    pub path: String,
    /// What is measured.
    pub source: Source,
    /// How much of it there should be.
    pub target: Amount,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A resource of the pods, or of one of their containers.
    Resource(At<String>),
    /// A metric of the pods.
    Pods(At<String>),
    /// A metric of one object.
    Object(At<String>),
    /// A metric from outside.
    External(At<String>),
}

impl Source {
    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &At<String> {
        match self {
            Source::Resource(n) | Source::Pods(n) | Source::Object(n) | Source::External(n) => n,
        }
    }
}

/// A target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// Per cent of what the pods request.
    Utilisation(At<u32>),
    /// For each pod.
    Average(At<Quantity>),
    /// For all together.
    Value(At<Quantity>),
}

impl Amount {
    /// Where it is written.
    #[must_use]
    pub const fn at(&self) -> Place {
        match self {
            Amount::Utilisation(u) => u.at,
            Amount::Average(q) | Amount::Value(q) => q.at,
        }
    }
}

impl Hpa {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, v1: bool, cx: &mut Cx<'_>) -> Option<Hpa> {
        let target = Target::read(&mut s, "scaleTargetRef", cx);
        let min = s.count("minReplicas", cx);
        if !s.has("maxReplicas") {
            s.missing("maxReplicas", cx);
        }
        let max = s.int("maxReplicas", 1, i64::from(i32::MAX), cx).map(|m| m.map(|m| m as u32));
        if let (Some(min), Some(max)) = (min, max)
            && min.value > max.value
        {
            let path = s.path_of("minReplicas");
            let message = format!("the minimum of {} replicas is above the maximum of {}", min.value, max.value);
            cx.invalid(min.at, &path, &message, "Kubernetes refuses it", &format!("write {} or less", max.value));
        }
        let mut metrics = Vec::new();
        let metrics_at = s.key_at("metrics").unwrap_or(s.at);
        if v1 {
            if let Some(u) = s.int("targetCPUUtilizationPercentage", 1, 100_000, cx) {
                let (at, path) = (u.at, s.path_of("targetCPUUtilizationPercentage"));
                let source = Source::Resource(At::new("cpu".to_owned(), at));
                metrics.push(Metric { at, path, source, target: Amount::Utilisation(u.map(|u| u as u32)) });
            }
        } else {
            metrics = s.maps("metrics", cx).into_iter().filter_map(|m| metric(m, cx)).collect();
        }
        let behavior = if v1 { None } else { behavior(&mut s, "behavior", cx) };
        s.finish(cx);
        Some(Hpa { target: target?, min, max: max?, metrics, metrics_at, behavior })
    }

    /// As the controller has it, for its own checks.
    #[must_use]
    pub fn config(&self) -> hpa::Config {
        let metrics: Vec<hpa::Metric> = self.metrics.iter().map(Metric::config).collect();
        let default = hpa::Config::default();
        hpa::Config {
            min: self.min.map_or(1, |m| i32::try_from(m.value).unwrap_or(i32::MAX)),
            max: i32::try_from(self.max.value).unwrap_or(i32::MAX),
            metrics: if metrics.is_empty() { default.metrics } else { metrics },
            behavior: self.behavior.as_ref().map(|b| b.value.clone()),
            ..hpa::Config::default()
        }
    }
}

impl Metric {
    fn config(&self) -> hpa::Metric {
        let whole = match self.target {
            Amount::Value(q) => hpa::Target::Value(q.milli()),
            Amount::Average(q) => hpa::Target::AverageValue(q.milli()),
            Amount::Utilisation(u) => hpa::Target::Value(i64::from(u.value)),
        };
        match (&self.source, self.target) {
            (Source::Resource(name), Amount::Utilisation(u)) => hpa::Metric::Resource {
                cpu: name.value == "cpu",
                target: hpa::PodTarget::Utilisation(i32::try_from(u.value).unwrap_or(i32::MAX)),
            },
            (Source::Resource(name), _) => hpa::Metric::Resource {
                cpu: name.value == "cpu",
                target: hpa::PodTarget::AverageValue(whole.quantity()),
            },
            (Source::Pods(_), _) => hpa::Metric::Pods { average: whole.quantity() },
            (Source::Object(_), _) => hpa::Metric::Object(whole),
            (Source::External(_), _) => hpa::Metric::External(whole),
        }
    }
}

fn metric(mut m: Fields<'_>, cx: &mut Cx<'_>) -> Option<Metric> {
    let words = [
        ("Resource", ("resource", 0)),
        ("ContainerResource", ("containerResource", 0)),
        ("Pods", ("pods", 1)),
        ("Object", ("object", 2)),
        ("External", ("external", 3)),
    ];
    let (at, path) = (m.at, m.path.clone());
    if !m.has("type") {
        m.missing("type", cx);
    }
    let (key, kind) = m.word("type", &words, cx)?.value;
    let mut body = m.needed_map(key, cx)?;
    m.finish(cx);
    let name = if kind == 0 {
        let name = body.needed_text("name", cx);
        body.no_effect(&["container"], cx);
        name
    } else {
        let mut named = body.needed_map("metric", cx)?;
        let name = named.needed_text("name", cx);
        // Which series is meant: the model has one of each.
        if Selector::read(&mut named, "selector", cx).is_some() {
            *cx.findings.no_effect.entry("selector of metrics".to_owned()).or_default() += 1;
        }
        named.finish(cx);
        if let Some(mut o) = body.map("describedObject", cx) {
            o.all_without_effect(cx);
        }
        name
    };
    let target = body.needed_map("target", cx).and_then(|t| amount(t, kind, cx));
    body.finish(cx);
    let name = name?;
    let source = match kind {
        0 => Source::Resource(name),
        1 => Source::Pods(name),
        2 => Source::Object(name),
        _ => Source::External(name),
    };
    Some(Metric { at, path, source, target: target? })
}

fn amount(mut t: Fields<'_>, kind: i32, cx: &mut Cx<'_>) -> Option<Amount> {
    let words = [("Utilization", 0), ("AverageValue", 1), ("Value", 2)];
    if !t.has("type") {
        t.missing("type", cx);
    }
    let wanted = t.word("type", &words, cx);
    let utilisation = t.int("averageUtilization", 1, 100_000, cx).map(|u| Amount::Utilisation(u.map(|u| u as u32)));
    let average = t.quantity("averageValue", cx).map(Amount::Average);
    let value = t.quantity("value", cx).map(Amount::Value);
    let (path, at) = (t.path.clone(), t.at);
    t.finish(cx);
    let allowed: &[i32] = match kind {
        0 => &[0, 1],
        1 => &[1],
        _ => &[1, 2],
    };
    let wanted = wanted?;
    if !allowed.contains(&wanted.value) {
        let words = allowed.iter().map(|w| words[*w as usize].0).collect::<Vec<_>>().join(" or ");
        let message = format!("`{path}.type` does not suit this kind of metric");
        cx.invalid(wanted.at, &path, &message, "Kubernetes refuses it", &format!("write {words}"));
        return None;
    }
    let (found, key) = match wanted.value {
        0 => (utilisation, "averageUtilization"),
        1 => (average, "averageValue"),
        _ => (value, "value"),
    };
    let Some(found) = found else {
        let message = format!("`{path}.{key}` is missing or wrong");
        cx.invalid(at, &path, &message, "its type asks for it", &format!("write `{key}:` with the target"));
        return None;
    };
    let above = match found {
        Amount::Utilisation(u) => u.value > 0,
        Amount::Average(q) | Amount::Value(q) => q.nanos() > 0,
    };
    if !above {
        let message = format!("the target `{path}.{key}` is not above 0");
        cx.invalid(found.at(), &path, &message, "Kubernetes refuses it", "write what one replica should have");
        return None;
    }
    Some(found)
}

/// `behavior` below a key.
pub fn behavior(s: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Option<At<Behavior>> {
    let at = s.key_at(key)?;
    let mut b = s.map(key, cx)?;
    let up = b.map("scaleUp", cx).map(|r| rules(r, Rules::up(), cx));
    let down = b.map("scaleDown", cx).map(|r| rules(r, Rules::down(), cx));
    b.finish(cx);
    Some(At::new(Behavior { up: up.unwrap_or_else(Rules::up), down: down.unwrap_or_else(Rules::down) }, at))
}

fn rules(mut r: Fields<'_>, upstream: Rules, cx: &mut Cx<'_>) -> Rules {
    let window = r.int("stabilizationWindowSeconds", 0, 3600, cx).map(|w| Duration::from_secs(w.value as u64));
    let select = [("Max", Select::Max), ("Min", Select::Min), ("Disabled", Select::Disabled)];
    let select = r.word("selectPolicy", &select, cx).map_or(upstream.select, |s| s.value);
    let tolerance = r.quantity("tolerance", cx).map(|q| q.to_f64());
    let mut policies = Vec::new();
    let written = r.has("policies");
    for mut p in r.maps("policies", cx) {
        let kind = p.word("type", &[("Pods", PolicyKind::Pods), ("Percent", PolicyKind::Percent)], cx);
        let value = p.int("value", 1, i64::from(i32::MAX), cx);
        let period = p.int("periodSeconds", 1, 1800, cx);
        for key in ["type", "value", "periodSeconds"] {
            if !p.has(key) {
                p.missing(key, cx);
            }
        }
        p.finish(cx);
        if let (Some(kind), Some(value), Some(period)) = (kind, value, period) {
            let period = Duration::from_secs(period.value as u64);
            policies.push(Policy { kind: kind.value, value: value.value as i32, period });
        }
    }
    r.finish(cx);
    Rules { window, policies: if written { policies } else { upstream.policies }, select, tolerance }
}
