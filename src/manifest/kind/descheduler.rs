//! DeschedulerPolicy, `descheduler/v1alpha2`.

use crate::formats::{Place, Value};
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;

/// A policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Descheduler {
    /// Its profiles.
    pub profiles: Vec<Profile>,
    /// Limits on evictions: per node, per namespace, in all.
    pub most_per_node: Option<At<u32>>,
    /// In all.
    pub most: Option<At<u32>>,
}

/// A profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: Option<At<String>>,
    /// Plugins that are on, by name.
    pub enabled: Vec<At<String>>,
    /// Plugins with arguments, by name.
    pub configured: Vec<At<String>>,
    /// `LowNodeUtilization`.
    pub low: Option<Utilization>,
    /// `HighNodeUtilization`.
    pub high: Option<Utilization>,
}

/// A threshold in per cent of what nodes have of a resource.
pub type Threshold = (At<String>, At<f64>);

/// Arguments of both plugins of node utilisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Utilization {
    /// Where they begin.
    pub at: Place,
    /// Their path.
    pub path: String,
    /// `thresholds`.
    pub thresholds: Vec<Threshold>,
    /// `targetThresholds`; of the low one only.
    pub targets: Vec<Threshold>,
    /// `useDeviationThresholds`.
    pub deviation: bool,
    /// `numberOfNodes`.
    pub nodes: Option<At<u32>>,
    /// Whether usage is measured instead of summed from requests.
    pub measured: Option<Place>,
}

impl Descheduler {
    /// Reads one: its fields stand at the top.
    pub fn read(f: &mut Fields<'_>, cx: &mut Cx<'_>) -> Descheduler {
        let most_per_node = f.count("maxNoOfPodsToEvictPerNode", cx);
        let most = f.count("maxNoOfPodsToEvictTotal", cx);
        f.not_modelled("maxNoOfPodsToEvictPerNamespace", "namespaces have no limits of their own", cx);
        f.not_modelled("nodeSelector", "all nodes are looked at", cx);
        f.not_modelled("metricsCollector", "usage is the sum of requests", cx);
        f.not_modelled("metricsProviders", "usage is the sum of requests", cx);
        f.no_effect(&["gracePeriodSeconds"], cx);
        if !f.has("profiles") {
            f.missing("profiles", cx);
        }
        let profiles = f.maps("profiles", cx).into_iter().map(|p| profile(p, cx)).collect();
        Descheduler { profiles, most_per_node, most }
    }
}

fn profile(mut p: Fields<'_>, cx: &mut Cx<'_>) -> Profile {
    let name = p.text("name", cx);
    let mut found = Profile { name, enabled: Vec::new(), configured: Vec::new(), low: None, high: None };
    for mut c in p.maps("pluginConfig", cx) {
        let Some(plugin) = c.needed_text("name", cx) else { continue };
        match plugin.value.as_str() {
            "LowNodeUtilization" => found.low = c.map("args", cx).map(|a| utilization(a, cx)),
            "HighNodeUtilization" => found.high = c.map("args", cx).map(|a| utilization(a, cx)),
            "DefaultEvictor" => {
                if let Some(mut a) = c.map("args", cx) {
                    evictor(&mut a, cx);
                    a.finish(cx);
                }
            }
            _ => {
                let path = c.path.clone();
                cx.not_modelled(plugin.at, &path, "only the plugins of node utilisation have a counterpart");
                c.take("args");
            }
        }
        c.finish(cx);
        found.configured.push(plugin);
    }
    if let Some(mut plugins) = p.map("plugins", cx) {
        for point in ["balance", "deschedule", "filter", "preEvictionFilter", "presort", "sort"] {
            if let Some(mut e) = plugins.map(point, cx) {
                let on = e.texts("enabled", cx);
                if point == "balance" || point == "deschedule" {
                    found.enabled.extend(on);
                }
                e.no_effect(&["disabled"], cx);
                e.finish(cx);
            }
        }
        plugins.finish(cx);
    }
    p.finish(cx);
    found
}

/// `DefaultEvictor`: who may be evicted.
fn evictor(a: &mut Fields<'_>, cx: &mut Cx<'_>) {
    let who = "which pods it may evict is left out of account";
    for key in [
        "evictLocalStoragePods",
        "evictDaemonSetPods",
        "evictSystemCriticalPods",
        "evictFailedBarePods",
        "ignorePvcPods",
        "ignorePodsWithoutPDB",
        "labelSelector",
        "minPodAge",
        "minReplicas",
        "namespaceLabelSelector",
        "nodeFit",
        "nodeSelector",
        "noEvictionPolicy",
        "podProtections",
        "priorityThreshold",
    ] {
        a.not_modelled(key, who, cx);
    }
}

fn utilization(mut a: Fields<'_>, cx: &mut Cx<'_>) -> Utilization {
    let thresholds = percentages(&mut a, "thresholds", cx);
    let targets = percentages(&mut a, "targetThresholds", cx);
    let deviation = a.flag("useDeviationThresholds", cx).is_some_and(|d| d.value);
    let nodes = a.count("numberOfNodes", cx);
    let measured = a.key_at("metricsUtilization");
    let requests = "usage is the sum of requests";
    a.not_modelled("metricsUtilization", requests, cx);
    a.not_modelled("evictableNamespaces", "all namespaces are taken in", cx);
    a.not_modelled("evictionLimits", "no limit for each node", cx);
    a.not_modelled("evictionModes", "left out of account", cx);
    let (at, path) = (a.at, a.path.clone());
    a.finish(cx);
    Utilization { at, path, thresholds, targets, deviation, nodes, measured }
}

fn percentages(a: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Vec<Threshold> {
    let Some(mut map) = a.map(key, cx) else { return Vec::new() };
    let mut found = Vec::new();
    for (resource, node, path) in map.entries() {
        let value = match &node.value {
            Value::Number(t) => t.parse::<f64>().ok(),
            _ => None,
        };
        match value.filter(|v| (0.0..=100.0).contains(v)) {
            Some(v) => found.push((resource, At::new(v, node.at))),
            None => {
                let message = format!("`{path}` is {}", node.found());
                cx.invalid(node.at, &path, &message, "not a percentage from 0 to 100", "write a number: 20");
            }
        }
    }
    found
}
