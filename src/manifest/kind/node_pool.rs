//! Karpenter's NodePool (`karpenter.sh/v1`, `v1beta1`) and EC2NodeClass (`karpenter.k8s.aws/v1`, `v1beta1`).

use super::meta::{Meta, Pair, Requirement, Taint};
use crate::formats::{Node, Place};
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::manifest::quantity::Quantity;
use crate::policy::karpenter::Reason;
use crate::policy::karpenter::budget::{Nodes, Window};
use crate::units::{Diagnostic, Duration};

/// Which API it was written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `karpenter.sh/v1beta1`, up to v0.37.
    V1Beta1,
    /// `karpenter.sh/v1`.
    V1,
}

/// `consolidationPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consolidation {
    /// Empty nodes.
    WhenEmpty,
    /// v1beta1's name for all nodes.
    WhenUnderutilized,
    /// v1's name for all nodes.
    WhenEmptyOrUnderutilized,
    /// All that save enough for what they disturb, from v1.14.
    Balanced,
}

/// A NodePool.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePool {
    /// Which API it was written for.
    pub api: Api,
    /// `weight`.
    pub weight: Option<At<i64>>,
    /// `limits`.
    pub limits: Vec<(At<String>, At<Quantity>)>,
    /// `disruption.consolidationPolicy`.
    pub policy: Option<At<Consolidation>>,
    /// `disruption.consolidateAfter`.
    pub consolidate_after: Option<At<Option<Duration>>>,
    /// `disruption.budgets`; one of 10 % where left out.
    pub budgets: Option<Vec<At<Budget>>>,
    /// `expireAfter`: of the template in v1, of `disruption` in v1beta1; 720 h where left out.
    pub expire_after: Option<At<Option<Duration>>>,
    /// `terminationGracePeriod`.
    pub termination_grace: Option<At<Duration>>,
    /// A static pool of so many nodes.
    pub replicas: Option<At<u32>>,
    /// Labels of its nodes.
    pub labels: Vec<Pair>,
    /// What its nodes are.
    pub requirements: Vec<Requirement>,
    /// Where they are written.
    pub requirements_at: Place,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// Its node class: kind and name.
    pub class: Option<(Option<At<String>>, At<String>)>,
}

/// A disruption budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// How many nodes.
    pub nodes: Nodes,
    /// For which reasons; all where empty.
    pub reasons: Vec<Reason>,
    /// When.
    pub window: Window,
    /// Its schedule as it is written.
    pub schedule: Option<String>,
}

const CONSOLIDATION: [(&str, Consolidation); 4] = [
    ("WhenEmpty", Consolidation::WhenEmpty),
    ("WhenUnderutilized", Consolidation::WhenUnderutilized),
    ("WhenEmptyOrUnderutilized", Consolidation::WhenEmptyOrUnderutilized),
    ("Balanced", Consolidation::Balanced),
];

impl NodePool {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, api: Api, cx: &mut Cx<'_>) -> NodePool {
        let at = s.at;
        let weight = s.int("weight", i64::MIN, i64::MAX, cx);
        let limits = s.resources("limits", cx);
        let replicas = s.count("replicas", cx);
        let mut pool = NodePool {
            api,
            weight,
            limits,
            policy: None,
            consolidate_after: None,
            budgets: None,
            expire_after: None,
            termination_grace: None,
            replicas,
            labels: Vec::new(),
            requirements: Vec::new(),
            requirements_at: at,
            taints: Vec::new(),
            class: None,
        };
        if let Some(mut d) = s.map("disruption", cx) {
            pool.policy = d.word("consolidationPolicy", &CONSOLIDATION, cx);
            pool.consolidate_after = d.duration_or_never("consolidateAfter", cx);
            if d.has("expireAfter") {
                let key = d.key_at("expireAfter").unwrap_or(d.at);
                let path = d.path_of("expireAfter");
                pool.expire_after = d.duration_or_never("expireAfter", cx);
                if api == Api::V1 {
                    moved(&path, "spec.template.spec.expireAfter", key, cx);
                }
            }
            if d.has("budgets") {
                pool.budgets = Some(d.maps("budgets", cx).into_iter().map(|b| budget(b, cx)).collect());
            }
            d.finish(cx);
        }
        if let Some(mut t) = s.needed_map("template", cx) {
            let meta = Meta::read(&mut t, cx);
            pool.labels = meta.labels;
            if let Some(spec) = t.needed_map("spec", cx) {
                pool.template(spec, cx);
            }
            t.finish(cx);
        }
        s.finish(cx);
        pool
    }

    fn template(&mut self, mut t: Fields<'_>, cx: &mut Cx<'_>) {
        self.requirements_at = t.key_at("requirements").unwrap_or(t.at);
        if !t.has("requirements") {
            t.missing("requirements", cx);
        }
        self.requirements = t.maps("requirements", cx).into_iter().filter_map(|f| Requirement::read(f, cx)).collect();
        self.taints = Taint::read_all(&mut t, "taints", cx);
        // Startup taints go when a daemon takes them off: nodes are ready when the scenario's stages are over.
        t.no_effect(&["startupTaints"], cx);
        let class_at = t.key_at("nodeClassRef");
        if let Some(mut c) = t.needed_map("nodeClassRef", cx) {
            let kind = c.text("kind", cx);
            let name = c.needed_text("name", cx);
            let (group, version) = (c.text("group", cx), c.text("apiVersion", cx));
            if self.api == Api::V1 && group.is_none() {
                let at = version.map_or(class_at.unwrap_or(t.at), |v| v.at);
                let d = Diagnostic::error(format!("`nodeClassRef` of {} has no `group`", cx.named()))
                    .at(at.0, at.1, "karpenter.sh/v1 refuses it")
                    .help("write `group: karpenter.k8s.aws` in the place of v1beta1's `apiVersion`");
                cx.lint("karpenter-v1beta1-field", d, &c.path);
            }
            c.finish(cx);
            self.class = name.map(|n| (kind, n));
        }
        let expire = t.duration_or_never("expireAfter", cx);
        if expire.is_some() {
            self.expire_after = expire;
        }
        self.termination_grace = t.duration("terminationGracePeriod", cx);
        if t.has("kubelet") {
            if self.api == Api::V1 {
                let at = t.key_at("kubelet").unwrap_or(t.at);
                moved(&t.path_of("kubelet"), "`kubelet` of the EC2NodeClass", at, cx);
                t.take("kubelet");
            } else {
                t.not_modelled("kubelet", "what nodes keep for themselves is left out of account", cx);
            }
        }
        t.no_effect(&["resources"], cx);
        t.finish(cx);
    }

    /// The values that a label of its nodes may have, where a requirement lists them or a label fixes it.
    #[must_use]
    pub fn values(&self, key: &str) -> Option<Vec<&At<String>>> {
        let listed = self.requirements.iter().find(|r| r.key.value == key);
        if let Some(r) = listed.filter(|r| r.operator.value == super::meta::Operator::In) {
            return Some(r.values.iter().collect());
        }
        self.labels.iter().find(|(k, _)| k.value == key).map(|(_, v)| vec![v])
    }
}

fn moved(path: &str, to: &str, at: Place, cx: &mut Cx<'_>) {
    let d = Diagnostic::error(format!("`{path}` of {} is a field of v1beta1", cx.named()))
        .at(at.0, at.1, "karpenter.sh/v1 does not have it here")
        .help(format!("in v1 it is {to}"));
    cx.lint("karpenter-v1beta1-field", d, path);
}

fn budget(mut b: Fields<'_>, cx: &mut Cx<'_>) -> At<Budget> {
    let at = b.at;
    let path = b.path.clone();
    let nodes = match b.take("nodes") {
        None => Nodes::Percent(10),
        Some(n) => nodes(n, &b.path_of("nodes"), cx),
    };
    let words = [("Underutilized", Reason::Underutilized), ("Empty", Reason::Empty), ("Drifted", Reason::Drifted)];
    let mut reasons = Vec::new();
    for r in b.texts("reasons", cx) {
        match words.iter().find(|(w, _)| *w == r.value) {
            Some((_, reason)) => reasons.push(*reason),
            None => {
                let message = format!("`{path}.reasons` has \"{}\"", r.value);
                cx.invalid(r.at, &path, &message, "no reason of Karpenter's", "it takes Underutilized, Empty, Drifted");
            }
        }
    }
    let schedule = b.text("schedule", cx);
    let duration = b.duration("duration", cx);
    let half = match (&schedule, &duration) {
        (Some(s), None) if !b.has("duration") => Some((s.at, "schedule", "duration", "duration: 8h")),
        (None, Some(d)) if !b.has("schedule") => Some((d.at, "duration", "schedule", "schedule: \"0 9 * * 1-5\"")),
        _ => None,
    };
    if let Some((place, has, lacks, example)) = half {
        let d = Diagnostic::error(format!("a budget of {} has a `{has}` and no `{lacks}`", cx.named()))
            .at(place.0, place.1, "Karpenter refuses one without the other")
            .help(format!("for example {example}; a budget without both always holds"));
        cx.lint("karpenter-budget-half-scheduled", d, &path);
    }
    let mut window = Window::Always;
    if let Some(s) = &schedule {
        let lasts = duration.map_or(Duration::from_secs(60), |d| d.value);
        window = Window::parse(s, lasts);
        if let Window::Invalid(e) = &window {
            let help = "five fields in UTC: minute, hour, day of the month, month, day of the week: \"0 9 * * 1-5\"";
            let message = format!("the schedule \"{}\" of `{path}` cannot be read", s.value);
            cx.invalid(s.at, &path, &message, &e.to_string(), help);
        }
    }
    if let Some(d) = duration.filter(|d| d.value.0 == 0 || d.value.0 % 60_000_000_000 != 0) {
        let message = format!("the duration of `{path}` is {}", d.value);
        cx.invalid(d.at, &path, &message, "Karpenter takes whole minutes above 0", "for example 30m or 8h");
        window = Window::Always;
    }
    b.finish(cx);
    let schedule = schedule.map(|s| s.value);
    At::new(Budget { nodes, reasons, window, schedule }, at)
}

/// `nodes` of a budget: text, `"10%"` or `"5"`; a bare number is refused by the API.
fn nodes(n: &Node, path: &str, cx: &mut Cx<'_>) -> Nodes {
    use crate::formats::Value;
    let text = match &n.value {
        Value::Text(t) => t.clone(),
        Value::Number(t) => {
            let d = Diagnostic::error(format!("`{path}` of {} is {} and must be text", cx.named(), n.found()))
                .at(n.at.0, n.at.1, "the API server refuses it")
                .help(format!("write \"{t}\" with quotes"));
            cx.lint("not-text", d, path);
            t.clone()
        }
        _ => n.found(),
    };
    let found = Nodes::parse(&text);
    if matches!(found, Nodes::Invalid(_)) {
        let message = format!("`{path}` is \"{text}\"");
        cx.invalid(n.at, path, &message, "neither a count nor a percentage", "write \"5\" or \"10%\"");
    }
    found
}

/// An EC2NodeClass: what of it bears on which nodes there may be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeClass {
    /// `instanceStorePolicy`, `amiFamily` and the like are taken as they come; this is its kubelet's `maxPods`.
    pub max_pods: Option<At<u32>>,
}

impl NodeClass {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, cx: &mut Cx<'_>) -> NodeClass {
        s.no_effect(
            &[
                "amiFamily",
                "amiSelectorTerms",
                "associatePublicIPAddress",
                "context",
                "instanceProfile",
                "instanceStorePolicy",
                "metadataOptions",
                "role",
                "securityGroupSelectorTerms",
                "subnetSelectorTerms",
                "tags",
                "userData",
            ],
            cx,
        );
        s.not_modelled("blockDeviceMappings", "disks of nodes are not billed", cx);
        s.not_modelled("detailedMonitoring", "CloudWatch is not billed", cx);
        s.not_modelled("capacityReservationSelectorTerms", "write buy: Reserved in a pool of the scenario", cx);
        let mut max_pods = None;
        if let Some(mut k) = s.map("kubelet", cx) {
            max_pods = k.count("maxPods", cx);
            for key in ["systemReserved", "kubeReserved", "evictionHard", "evictionSoft", "podsPerCore"] {
                k.not_modelled(key, "what nodes keep for themselves is left out of account", cx);
            }
            k.no_effect(&["clusterDNS", "cpuCFSQuota", "evictionMaxPodGracePeriod", "evictionSoftGracePeriod"], cx);
            k.no_effect(&["imageGCHighThresholdPercent", "imageGCLowThresholdPercent"], cx);
            k.finish(cx);
        }
        s.finish(cx);
        NodeClass { max_pods }
    }
}
