//! A DeschedulerPolicy as the scenario's Descheduler.

use std::collections::BTreeSet;

use crate::manifest::kind::descheduler::{Descheduler, Threshold};
use crate::manifest::{Body, Manifests, Object};
use crate::scenario::decode::Spanned;
use crate::scenario::decode::quantity::Percent;
use crate::scenario::file::Scenario;
use crate::scenario::file::node_autoscaler::{
    self as shape, DeschedulerPlugin, HighNodeUtilization, LowNodeUtilization, NodeResource,
};
use crate::units::{Diagnostic, Diagnostics};

/// The first plugin of node utilisation that is enabled takes the place of the scenario's; how often it runs stays, since
/// a policy does not say.
pub(super) fn apply(m: &Manifests, s: &mut Scenario, used: &mut BTreeSet<usize>, out: &mut Diagnostics) {
    let every = s.descheduler.as_ref().map(|d| d.every);
    let mut found = None;
    for (i, o) in m.objects.iter().enumerate() {
        let Body::Descheduler(d) = &o.body else { continue };
        for (plugin, nodes) in plugins(o, d, out) {
            if found.is_some() {
                out.push(
                    Diagnostic::warning(format!("a second plugin of {} has no part in the scenario", o.named())).at(
                        plugin.at.0,
                        plugin.at.1,
                        "the first that is enabled is the one that runs",
                    ),
                );
                continue;
            }
            used.insert(i);
            let at = plugin.at;
            let value = shape::Descheduler {
                plugin,
                every: every.unwrap_or(Spanned::unplaced(crate::policy::descheduler::HELM_INTERVAL)),
                number_of_nodes: nodes,
                max_per_node: d.most_per_node.map(|n| n.value),
                max_total: d.most.map(|n| n.value),
            };
            found = Some(Spanned { value, at });
        }
    }
    if found.is_some() {
        s.descheduler = found;
    }
}

/// Plugins of node utilisation that are enabled, each with its `numberOfNodes`.
fn plugins(o: &Object, d: &Descheduler, out: &mut Diagnostics) -> Vec<(Spanned<DeschedulerPlugin>, u32)> {
    let mut all = Vec::new();
    for p in &d.profiles {
        let on = |name: &str| p.enabled.iter().any(|e| e.value == name);
        if let Some(u) = p.low.as_ref().filter(|_| on("LowNodeUtilization")) {
            let value = DeschedulerPlugin::LowNodeUtilization(LowNodeUtilization {
                thresholds: thresholds(o, &u.thresholds, out),
                targets: thresholds(o, &u.targets, out),
                deviation: u.deviation,
            });
            all.push((Spanned { value, at: u.at }, u.nodes.map_or(0, |n| n.value)));
        }
        if let Some(u) = p.high.as_ref().filter(|_| on("HighNodeUtilization")) {
            let thresholds = thresholds(o, &u.thresholds, out);
            let value = DeschedulerPlugin::HighNodeUtilization(HighNodeUtilization { thresholds, only_listed: false });
            all.push((Spanned { value, at: u.at }, u.nodes.map_or(0, |n| n.value)));
        }
    }
    all
}

fn thresholds(o: &Object, all: &[Threshold], out: &mut Diagnostics) -> Vec<(NodeResource, Percent)> {
    let mut found = Vec::new();
    for (k, v) in all {
        let resource = match k.value.as_str() {
            "cpu" => NodeResource::Cpu,
            "memory" => NodeResource::Memory,
            "pods" => NodeResource::Pods,
            "nvidia.com/gpu" => NodeResource::Gpu,
            _ => {
                out.push(
                    Diagnostic::warning(format!("the threshold on `{}` of {} has no counterpart", k.value, o.named()))
                        .at(k.at.0, k.at.1, "left out of account"),
                );
                continue;
            }
        };
        found.push((resource, Percent(v.value / 100.0)));
    }
    found
}
