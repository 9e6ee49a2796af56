//! PodDisruptionBudget (`policy/v1`), ResourceQuota and PriorityClass.

use super::meta::Selector;
use crate::formats::Place;
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::manifest::quantity::{IntOrPercent, Quantity};
use crate::policy::pdb::{Amount, Rule};

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq)]
pub struct Pdb {
    /// Which pods; all of the namespace where it is empty, none where it is missing.
    pub selector: Option<Selector>,
    /// So many must stay.
    pub min_available: Option<At<IntOrPercent>>,
    /// So many may be away.
    pub max_unavailable: Option<At<IntOrPercent>>,
}

impl Pdb {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, cx: &mut Cx<'_>) -> Pdb {
        let selector = Selector::read(&mut s, "selector", cx);
        let min_available = s.int_or_percent("minAvailable", cx);
        let max_unavailable = s.int_or_percent("maxUnavailable", cx);
        for (key, v) in [("minAvailable", &min_available), ("maxUnavailable", &max_unavailable)] {
            if let Some(At { value: IntOrPercent::Percent(p), at }) = v
                && *p > 100
            {
                let path = s.path_of(key);
                cx.invalid(*at, &path, &format!("`{path}` is {p}%"), "more than all", "write 100% or less");
            }
        }
        if let (Some(min), Some(_)) = (&min_available, &max_unavailable) {
            let path = s.path_of("minAvailable");
            let message = "`minAvailable` and `maxUnavailable` are both given";
            cx.invalid(min.at, &path, message, "Kubernetes takes one of them", "keep one");
        }
        s.not_modelled("unhealthyPodEvictionPolicy", "pods that are not ready count as away", cx);
        s.finish(cx);
        Pdb { selector, min_available, max_unavailable }
    }

    /// What it asks for; `None` where it says nothing.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        let amount = |v: &At<IntOrPercent>| match v.value {
            IntOrPercent::Count(n) => Amount::Pods(n),
            IntOrPercent::Percent(p) => Amount::Percent(p),
        };
        match (&self.min_available, &self.max_unavailable) {
            (Some(min), _) => Some(Rule::MinAvailable(amount(min))),
            (_, Some(max)) => Some(Rule::MaxUnavailable(amount(max))),
            (None, None) => None,
        }
    }

    /// How many of `pods` pods, all healthy, it lets go at once.
    #[must_use]
    pub fn allows(&self, pods: u32) -> u32 {
        // Upstream takes one that says nothing for `minAvailable: 1`.
        let rule = self.rule().unwrap_or(Rule::MinAvailable(Amount::Pods(1)));
        rule.allowed(pods, pods)
    }
}

/// A ResourceQuota.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceQuota {
    /// `hard`.
    pub hard: Vec<(At<String>, At<Quantity>)>,
    /// Where its limits begin.
    pub at: Place,
}

impl ResourceQuota {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, cx: &mut Cx<'_>) -> ResourceQuota {
        let at = s.key_at("hard").unwrap_or(s.at);
        let hard = s.resources("hard", cx);
        s.not_modelled("scopes", "it is taken to hold for all pods", cx);
        s.not_modelled("scopeSelector", "it is taken to hold for all pods", cx);
        s.finish(cx);
        ResourceQuota { hard, at }
    }

    /// GPUs that its namespace may request.
    #[must_use]
    pub fn gpus(&self) -> Option<At<Quantity>> {
        self.hard.iter().find(|(k, _)| k.value == "requests.nvidia.com/gpu").map(|(_, q)| *q)
    }
}

/// A PriorityClass.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorityClass {
    /// Its value.
    pub value: At<i32>,
    /// Whether pods without a class get it.
    pub default: bool,
    /// Whether pods of it push out others.
    pub preempts: bool,
}

impl PriorityClass {
    /// Reads one: its fields stand at the top.
    pub fn read(f: &mut Fields<'_>, cx: &mut Cx<'_>) -> Option<PriorityClass> {
        if !f.has("value") {
            f.missing("value", cx);
        }
        let value = f.int("value", i64::from(i32::MIN), 2_000_001_000, cx)?;
        let default = f.flag("globalDefault", cx).is_some_and(|d| d.value);
        let words = [("Never", false), ("PreemptLowerPriority", true)];
        let preempts = f.word("preemptionPolicy", &words, cx).is_none_or(|p| p.value);
        f.no_effect(&["description"], cx);
        Some(PriorityClass { value: value.map(|v| v as i32), default, preempts })
    }
}
