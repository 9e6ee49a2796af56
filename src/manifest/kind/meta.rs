//! `metadata`, and lists of requirements on labels, which several kinds share.

use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::units::Diagnostic;

/// A name with a value, each where it was written.
pub type Pair = (At<String>, At<String>);

/// `metadata`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// Its name, or the prefix of one that is made up.
    pub name: Option<At<String>>,
    /// Its namespace; `default` where none is written.
    pub namespace: Option<At<String>>,
    /// Labels.
    pub labels: Vec<Pair>,
    /// Annotations.
    pub annotations: Vec<Pair>,
}

/// Annotations that are read; all others have no bearing on cost.
const READ: [&str; 3] =
    ["karpenter.sh/do-not-disrupt", "cluster-autoscaler.kubernetes.io/safe-to-evict", "fleetcast.io/run-time"];

impl Meta {
    /// Reads `metadata`.
    pub fn read(parent: &mut Fields<'_>, cx: &mut Cx<'_>) -> Meta {
        let Some(mut m) = parent.map("metadata", cx) else { return Meta::default() };
        let name = m.text("name", cx).or_else(|| m.text("generateName", cx));
        let namespace = m.text("namespace", cx);
        let labels = m.text_map("labels", cx);
        let annotations = m.text_map("annotations", cx);
        for (k, _) in &annotations {
            if READ.contains(&k.as_str()) {
                continue;
            }
            let path = m.path_of("annotations");
            if k.starts_with("fleetcast.io/") {
                let d = Diagnostic::error(format!("unknown annotation `{}` of {}", k.value, cx.named()))
                    .at(k.at.0, k.at.1, "not one of fleetcast's")
                    .help("the one that is read is `fleetcast.io/run-time: 3h`, on a Job");
                cx.lint("unknown-annotation", d, &path);
            } else if k.starts_with("karpenter.sh/") || k.starts_with("cluster-autoscaler.kubernetes.io/") {
                cx.not_modelled(k.at, &format!("{path}[{}]", k.value), "left out of account");
            } else if k.starts_with("autoscaling.keda.sh/paused") {
                cx.not_modelled(k.at, &format!("{path}[{}]", k.value), "the scaler is taken to be at work");
            } else {
                *cx.findings.no_effect.entry("annotations of other tools".to_owned()).or_default() += 1;
            }
        }
        m.no_effect(
            &[
                "generateName",
                "creationTimestamp",
                "deletionTimestamp",
                "finalizers",
                "generation",
                "managedFields",
                "ownerReferences",
                "resourceVersion",
                "selfLink",
                "uid",
                "clusterName",
            ],
            cx,
        );
        m.finish(cx);
        Meta { name, namespace, labels, annotations }
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&At<String>> {
        self.labels.iter().find(|(k, _)| k.value == key).map(|(_, v)| v)
    }

    /// The value of an annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&At<String>> {
        self.annotations.iter().find(|(k, _)| k.value == key).map(|(_, v)| v)
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.as_ref().map_or("default", |n| n.value.as_str())
    }
}

/// `key`, `operator`, `values`: of node affinity, of node pools, of selectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// The label.
    pub key: At<String>,
    /// How its value is compared.
    pub operator: At<Operator>,
    /// With what.
    pub values: Vec<At<String>>,
    /// Karpenter's `minValues`.
    pub min_values: Option<At<i64>>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// One of the values.
    In,
    /// None of them.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
    /// A whole number above the value.
    Gt,
    /// A whole number below the value.
    Lt,
}

impl Requirement {
    /// Reads one.
    pub fn read(mut f: Fields<'_>, cx: &mut Cx<'_>) -> Option<Requirement> {
        let key = f.needed_text("key", cx);
        let words = [
            ("In", Operator::In),
            ("NotIn", Operator::NotIn),
            ("Exists", Operator::Exists),
            ("DoesNotExist", Operator::DoesNotExist),
            ("Gt", Operator::Gt),
            ("Lt", Operator::Lt),
        ];
        if !f.has("operator") {
            f.missing("operator", cx);
        }
        let operator = f.word("operator", &words, cx);
        let values = f.texts("values", cx);
        let min_values = f.int("minValues", i64::MIN, i64::MAX, cx);
        let (key, operator) = (key?, operator?);
        let wrong = match *operator {
            Operator::In | Operator::NotIn if values.is_empty() => Some("it needs at least one value"),
            Operator::Exists | Operator::DoesNotExist if !values.is_empty() => Some("it takes no values"),
            Operator::Gt | Operator::Lt if values.len() != 1 || values[0].parse::<i64>().is_err() => {
                Some("it takes one whole number, as text")
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            let path = f.path_of("values");
            let message = format!("the operator of `{}` and its values do not go together", key.value);
            cx.invalid(operator.at, &path, &message, wrong, "see `values` beside it");
            return None;
        }
        f.finish(cx);
        Some(Requirement { key, operator, values, min_values })
    }

    /// Whether a set of labels meets it.
    #[must_use]
    pub fn meets(&self, labels: &[Pair]) -> bool {
        let value = labels.iter().find(|(k, _)| k.value == self.key.value).map(|(_, v)| v.value.as_str());
        self.allows(value)
    }

    /// Whether the label may have this value, or be absent.
    #[must_use]
    pub fn allows(&self, value: Option<&str>) -> bool {
        let listed = |v: &str| self.values.iter().any(|w| w.value == v);
        let number = |v: &str| v.parse::<i64>().ok().zip(self.values.first().and_then(|w| w.parse::<i64>().ok()));
        match (*self.operator, value) {
            (Operator::In, Some(v)) => listed(v),
            (Operator::NotIn, Some(v)) => !listed(v),
            (Operator::Exists, v) => v.is_some(),
            (Operator::DoesNotExist, v) => v.is_none(),
            (Operator::Gt, Some(v)) => number(v).is_some_and(|(a, b)| a > b),
            (Operator::Lt, Some(v)) => number(v).is_some_and(|(a, b)| a < b),
            (Operator::NotIn, None) => true,
            (Operator::In | Operator::Gt | Operator::Lt, None) => false,
        }
    }
}

/// `matchLabels` and `matchExpressions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// Labels that must be there.
    pub labels: Vec<Pair>,
    /// Requirements that must be met.
    pub expressions: Vec<Requirement>,
}

impl Selector {
    /// Reads the selector below a key.
    pub fn read(f: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Option<Selector> {
        let mut s = f.map(key, cx)?;
        let labels = s.text_map("matchLabels", cx);
        let expressions = s.maps("matchExpressions", cx).into_iter().filter_map(|f| Requirement::read(f, cx)).collect();
        s.finish(cx);
        Some(Selector { labels, expressions })
    }

    /// Whether a set of labels is selected.
    #[must_use]
    pub fn selects(&self, labels: &[Pair]) -> bool {
        let has = |p: &Pair| labels.iter().any(|(k, v)| k.value == p.0.value && v.value == p.1.value);
        self.labels.iter().all(has) && self.expressions.iter().all(|e| e.meets(labels))
    }
}

/// A taint of nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Taint {
    /// Its key.
    pub key: At<String>,
    /// Its value.
    pub value: Option<At<String>>,
    /// Its effect.
    pub effect: Effect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// They are not placed.
    NoSchedule,
    /// They are placed elsewhere if that goes.
    PreferNoSchedule,
    /// They are put out too.
    NoExecute,
}

const EFFECTS: [(&str, Effect); 3] = [
    ("NoSchedule", Effect::NoSchedule),
    ("PreferNoSchedule", Effect::PreferNoSchedule),
    ("NoExecute", Effect::NoExecute),
];

impl Taint {
    /// Reads the taints below a key.
    pub fn read_all(f: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Vec<Taint> {
        let mut all = Vec::new();
        for mut t in f.maps(key, cx) {
            let key = t.needed_text("key", cx);
            let value = t.text("value", cx);
            if !t.has("effect") {
                t.missing("effect", cx);
            }
            let effect = t.word("effect", &EFFECTS, cx);
            t.no_effect(&["timeAdded"], cx);
            t.finish(cx);
            if let (Some(key), Some(effect)) = (key, effect) {
                all.push(Taint { key, value, effect: effect.value });
            }
        }
        all
    }
}

/// A toleration of pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Toleration {
    /// The taint's key; any where left out.
    pub key: Option<At<String>>,
    /// Whether any value will do.
    pub exists: bool,
    /// The taint's value.
    pub value: Option<At<String>>,
    /// The taint's effect; any where left out.
    pub effect: Option<Effect>,
}

impl Toleration {
    /// Reads the tolerations below a key.
    pub fn read_all(f: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Vec<Toleration> {
        let mut all = Vec::new();
        for mut t in f.maps(key, cx) {
            let key = t.text("key", cx);
            let exists = t.word("operator", &[("Equal", false), ("Exists", true)], cx);
            let value = t.text("value", cx);
            let effect = t.word("effect", &EFFECTS, cx);
            t.no_effect(&["tolerationSeconds"], cx);
            t.finish(cx);
            let exists = exists.is_some_and(|e| e.value);
            all.push(Toleration { key, exists, value, effect: effect.map(|e| e.value) });
        }
        all
    }

    /// Whether it tolerates a taint.
    #[must_use]
    pub fn tolerates(&self, t: &Taint) -> bool {
        let text = |v: &Option<At<String>>| v.as_ref().map(|v| v.value.clone()).unwrap_or_default();
        let key = match &self.key {
            Some(k) => k.value == t.key.value,
            None => self.exists,
        };
        key && self.effect.is_none_or(|e| e == t.effect) && (self.exists || text(&self.value) == text(&t.value))
    }
}
