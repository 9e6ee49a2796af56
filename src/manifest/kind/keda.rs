//! ScaledObject, `keda.sh/v1alpha1`.

use super::hpa::{Target, behavior};
use crate::formats::Place;
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::policy::hpa::{self, Behavior};
use crate::policy::keda::{self, FallbackBehavior};
use crate::units::Duration;

/// A ScaledObject.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledObject {
    /// What it scales.
    pub target: Target,
    /// `minReplicaCount`; 0 where left out.
    pub min: Option<At<u32>>,
    /// `maxReplicaCount`; 100 where left out.
    pub max: Option<At<u32>>,
    /// `idleReplicaCount`.
    pub idle: Option<At<u32>>,
    /// `pollingInterval`; 30 s where left out.
    pub polling: Option<At<Duration>>,
    /// `cooldownPeriod`; 5 minutes where left out.
    pub cooldown: Option<At<Duration>>,
    /// `initialCooldownPeriod`.
    pub initial_cooldown: Option<At<Duration>>,
    /// `fallback`.
    pub fallback: Option<Fallback>,
    /// `advanced.horizontalPodAutoscalerConfig.behavior`.
    pub behavior: Option<At<Behavior>>,
    /// Whether a formula makes one metric of all.
    pub formula: Option<Place>,
    /// Its triggers.
    pub triggers: Vec<Trigger>,
    /// Where they are written.
    pub triggers_at: Place,
}

/// What it does when triggers cannot be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fallback {
    /// `failureThreshold`.
    pub after: At<u32>,
    /// `replicas`.
    pub replicas: At<u32>,
    /// `behavior`.
    pub behavior: FallbackBehavior,
}

/// A trigger.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// Where it begins.
    pub at: Place,
    /// Its path.
    pub path: String,
    /// `prometheus`, `cpu`, `kafka`.
    pub kind: At<String>,
    /// What its target is for.
    pub metric_type: MetricType,
    /// `useCachedMetrics`.
    pub cached: bool,
    /// What it asks for: a query, the name of a metric.
    pub query: Option<At<String>>,
    /// Its target.
    pub threshold: Option<At<f64>>,
    /// It is active above this.
    pub activation: Option<At<f64>>,
}

/// What the target of a trigger is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricType {
    /// Each replica.
    #[default]
    AverageValue,
    /// All together.
    Value,
    /// A share of the request, for CPU and memory.
    Utilization,
}

/// Where each scaler of KEDA keeps its target and its activation (kedacore/keda, `pkg/scalers/*_scaler.go`).
const TARGETS: [(&str, &str, &str); 14] = [
    ("prometheus", "threshold", "activationThreshold"),
    ("cpu", "value", ""),
    ("memory", "value", ""),
    ("kafka", "lagThreshold", "activationLagThreshold"),
    ("apache-kafka", "lagThreshold", "activationLagThreshold"),
    ("rabbitmq", "value", "activationValue"),
    ("aws-sqs-queue", "queueLength", "activationQueueLength"),
    ("azure-servicebus", "messageCount", "activationMessageCount"),
    ("azure-queue", "queueLength", "activationQueueLength"),
    ("gcp-pubsub", "value", "activationValue"),
    ("redis", "listLength", "activationListLength"),
    ("redis-streams", "pendingEntriesCount", "activationLagCount"),
    ("nats-jetstream", "lagThreshold", "activationLagThreshold"),
    ("metrics-api", "targetValue", "activationTargetValue"),
];

/// Scalers that count what waits in a queue.
pub const QUEUES: [&str; 10] = [
    "kafka",
    "apache-kafka",
    "rabbitmq",
    "aws-sqs-queue",
    "azure-servicebus",
    "azure-queue",
    "gcp-pubsub",
    "redis",
    "redis-streams",
    "nats-jetstream",
];

impl ScaledObject {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, cx: &mut Cx<'_>) -> Option<ScaledObject> {
        let target = Target::read(&mut s, "scaleTargetRef", cx);
        let min = s.count("minReplicaCount", cx);
        let max = s.int("maxReplicaCount", 1, i64::from(i32::MAX), cx).map(|m| m.map(|m| m as u32));
        let idle = s.count("idleReplicaCount", cx);
        let most = max.map_or(100, |m| m.value);
        if let Some(min) = min.filter(|m| m.value > most) {
            let path = s.path_of("minReplicaCount");
            let default = if max.is_some() { "" } else { " (KEDA's default)" };
            let message = format!("the minimum of {} replicas is above the maximum of {most}{default}", min.value);
            cx.invalid(min.at, &path, &message, "KEDA refuses it", &format!("write {most} or less"));
        }
        let polling = s.int("pollingInterval", 1, i64::from(i32::MAX), cx);
        let polling = polling.map(|p| p.map(|p| Duration::from_secs(p as u64)));
        let (cooldown, initial) = (s.seconds("cooldownPeriod", cx), s.seconds("initialCooldownPeriod", cx));
        let fallback = s.map("fallback", cx).and_then(|f| fallback(f, cx));
        let (mut rates, mut formula) = (None, None);
        if let Some(mut a) = s.map("advanced", cx) {
            if let Some(mut h) = a.map("horizontalPodAutoscalerConfig", cx) {
                rates = behavior(&mut h, "behavior", cx);
                h.no_effect(&["name"], cx);
                h.finish(cx);
            }
            formula = a.key_at("scalingModifiers");
            a.not_modelled("scalingModifiers", "each trigger counts by itself", cx);
            a.no_effect(&["restoreToOriginalReplicaCount"], cx);
            a.finish(cx);
        }
        let triggers_at = s.key_at("triggers").unwrap_or(s.at);
        if !s.has("triggers") {
            s.missing("triggers", cx);
        }
        let triggers: Vec<Trigger> = s.maps("triggers", cx).into_iter().filter_map(|t| trigger(t, cx)).collect();
        s.finish(cx);
        Some(ScaledObject {
            target: target?,
            min,
            max,
            idle,
            polling,
            cooldown,
            initial_cooldown: initial,
            fallback,
            behavior: rates,
            formula,
            triggers,
            triggers_at,
        })
    }

    /// As KEDA has it, for its own checks.
    #[must_use]
    pub fn config(&self) -> keda::Config {
        let int = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let triggers = self.triggers.iter().map(|t| {
            // A trigger without a target has been told already, or has one of its own kind.
            let milli = t.threshold.map_or(1000, |v| (v.value * 1000.0).round() as i64);
            let target = match t.metric_type {
                MetricType::Value => hpa::Target::Value(milli),
                _ => hpa::Target::AverageValue(milli),
            };
            keda::Trigger { target, activation: t.activation.map_or(0.0, |a| a.value), cached: t.cached }
        });
        keda::Config {
            polling_interval: self.polling.map_or(keda::POLLING_INTERVAL, |p| p.value),
            cooldown: self.cooldown.map_or(Duration::from_secs(300), |c| c.value),
            initial_cooldown: self.initial_cooldown.map_or(Duration::ZERO, |c| c.value),
            min: self.min.map_or(0, |m| int(m.value)),
            max: self.max.map_or(100, |m| int(m.value)),
            idle: self.idle.map(|i| int(i.value)),
            fallback: None,
            triggers: triggers.collect(),
            modifiers: None,
            behavior: self.behavior.as_ref().map(|b| b.value.clone()),
        }
    }
}

fn fallback(mut f: Fields<'_>, cx: &mut Cx<'_>) -> Option<Fallback> {
    for key in ["failureThreshold", "replicas"] {
        if !f.has(key) {
            f.missing(key, cx);
        }
    }
    let (after, replicas) = (f.count("failureThreshold", cx), f.count("replicas", cx));
    let words = [
        ("static", FallbackBehavior::Static),
        ("currentReplicas", FallbackBehavior::CurrentReplicas),
        ("currentReplicasIfHigher", FallbackBehavior::CurrentReplicasIfHigher),
        ("currentReplicasIfLower", FallbackBehavior::CurrentReplicasIfLower),
    ];
    let behavior = f.word("behavior", &words, cx).map_or(FallbackBehavior::Static, |b| b.value);
    f.finish(cx);
    Some(Fallback { after: after?, replicas: replicas?, behavior })
}

fn trigger(mut t: Fields<'_>, cx: &mut Cx<'_>) -> Option<Trigger> {
    let (at, path) = (t.at, t.path.clone());
    let kind = t.needed_text("type", cx);
    let words = [
        ("AverageValue", MetricType::AverageValue),
        ("Value", MetricType::Value),
        ("Utilization", MetricType::Utilization),
    ];
    let mut metric_type = t.word("metricType", &words, cx).map(|m| m.value);
    let cached = t.flag("useCachedMetrics", cx).is_some_and(|c| c.value);
    t.no_effect(&["name", "authenticationRef"], cx);
    let mut metadata: Vec<_> = t.text_map("metadata", cx);
    t.finish(cx);
    let kind = kind?;
    let mut take = |key: &str| {
        let at = metadata.iter().position(|(k, _)| k.value == key)?;
        Some(metadata.swap_remove(at).1)
    };
    // KEDA before v2.13 had the type of CPU triggers in the metadata.
    let old = take("type");
    if metric_type.is_none() && old.is_some_and(|o| o.value == "Utilization") {
        metric_type = Some(MetricType::Utilization);
    }
    let known = TARGETS.iter().find(|(k, ..)| *k == kind.value);
    let query = take("query").or_else(|| take("metricName")).or_else(|| take("queueName")).or_else(|| take("topic"));
    let (threshold, activation) = match known {
        Some((_, target, active)) => (take(target), take(active)),
        None => (None, None),
    };
    let mut number = |text: Option<At<String>>, what: &str| {
        let text = text?;
        match text.parse::<f64>() {
            Ok(v) if v.is_finite() => Some(At::new(v, text.at)),
            _ => {
                let message = format!("{what} of `{path}` is \"{}\"", text.value);
                cx.invalid(text.at, &path, &message, "a number is wanted", "for example \"5\"");
                None
            }
        }
    };
    let (threshold, activation) = (number(threshold, "the target"), number(activation, "the activation"));
    match known {
        Some((_, target, _)) if threshold.is_none() && kind.value != "kafka" && kind.value != "aws-sqs-queue" => {
            let told = cx.findings.list.last().is_some_and(|f| f.path == path);
            if !told {
                let message = format!("`{path}.metadata.{target}` is missing");
                cx.invalid(kind.at, &path, &message, "it needs a target", &format!("add `{target}: \"5\"`"));
            }
        }
        _ => {}
    }
    if known.is_none() {
        cx.not_modelled(kind.at, &path, "a trigger of this type has no counterpart");
    }
    if !metadata.is_empty() {
        *cx.findings.no_effect.entry("metadata of triggers".to_owned()).or_default() += 1;
    }
    Some(Trigger { at, path, kind, metric_type: metric_type.unwrap_or_default(), cached, query, threshold, activation })
}
