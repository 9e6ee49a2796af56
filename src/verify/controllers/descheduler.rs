//! Runs cases of the Descheduler.

use super::format as f;
use super::names::{NOW, Names, ago, several, too_many};
use crate::policy::descheduler::{
    self as ds, Config, ConfigError, Evictor, Limits, Node, Passed, Plugin, Pod, PodKind, Qos, ResourceIx, Usage, View,
};
use crate::scenario::decode::Decode;
use crate::verify::cases::Report;
use crate::verify::quantity::Amount;

/// The first resources, in the order of their numbers.
const BASIC: [&str; 3] = ["cpu", "memory", "pods"];

/// A taint or toleration is of a taint's number.
struct World {
    resources: Names,
    nodes: Names,
    pods: Names,
    budgets: Names,
    namespaces: Names,
}

fn percents(list: &[(String, f64)], w: &mut World) -> Vec<(ResourceIx, f64)> {
    list.iter().map(|(r, p)| (ResourceIx(w.resources.intern(r)), *p)).collect()
}

fn config(case: &f::DeschedulerCase, w: &mut World) -> Config {
    let e = &case.evictor;
    let mut made = match &case.plugin {
        f::Plugin::LowNodeUtilization(l) => Config {
            plugin: Plugin::Low { targets: percents(&l.target_thresholds, w), deviation: l.use_deviation_thresholds },
            number_of_nodes: l.number_of_nodes,
            usage: if l.metrics { Usage::Metrics } else { Usage::Requests },
            ..Config::low(percents(&l.thresholds, w), Vec::new())
        },
        f::Plugin::HighNodeUtilization(h) => Config {
            plugin: Plugin::High { only_listed: h.only_thresholding_resources },
            number_of_nodes: h.number_of_nodes,
            ..Config::high(percents(&h.thresholds, w))
        },
    };
    made.excluded_namespaces = e.excluded_namespaces.iter().map(|n| w.namespaces.intern(n)).collect();
    made.limits = Limits {
        per_node: e.max_pods_per_node,
        per_namespace: e.max_pods_per_namespace,
        total: e.max_pods_total,
        per_node_by_plugin: match &case.plugin {
            f::Plugin::LowNodeUtilization(l) => l.eviction_limit_node,
            f::Plugin::HighNodeUtilization(_) => None,
        },
    };
    made.evictor = Evictor {
        node_fit: e.node_fit,
        min_replicas: e.min_replicas,
        min_pod_age: e.min_pod_age,
        priority_threshold: e.priority_threshold,
        system_critical: e.evict_system_critical_pods,
        local_storage: e.evict_local_storage_pods,
        daemons: e.evict_daemon_set_pods,
        ignore_volumes: e.ignore_pvc_pods,
        bare: e.evict_bare_pods,
    };
    made
}

/// Whether a toleration is of a taint.
pub fn tolerates(t: &f::Toleration, taint: &f::Taint) -> bool {
    let key = t.key.as_ref().is_none_or(|k| *k == taint.key);
    let value = t.value.as_ref().is_none_or(|v| *v == taint.value);
    key && value && t.effect.as_ref().is_none_or(|e| *e == taint.effect)
}

/// All taints of a case, each once: a taint's number is its place.
pub fn taints<'c>(all: impl Iterator<Item = &'c f::Taint>) -> Vec<&'c f::Taint> {
    let mut list: Vec<&f::Taint> = Vec::new();
    for t in all {
        if !list.contains(&t) {
            list.push(t);
        }
    }
    list
}

fn amounts(cpu: Amount, memory: Amount, pods: i64, extended: &[(String, Amount)], w: &mut World) -> Vec<Option<i64>> {
    let mut out = vec![Some(cpu.0), Some(memory.units()), Some(pods)];
    for (r, v) in extended {
        let i = w.resources.intern(r) as usize;
        if out.len() <= i {
            out.resize(i + 1, None);
        }
        out[i] = Some(v.units());
    }
    out
}

/// What is measured, by resource.
fn measured(m: &Option<(Amount, Amount)>) -> Option<Vec<i64>> {
    m.map(|(cpu, memory)| vec![cpu.0, memory.units()])
}

fn nodes(case: &f::DeschedulerCase, taints: &[&f::Taint], w: &mut World, report: &mut Report<'_>) -> Option<Vec<Node>> {
    let mut out = Vec::new();
    for n in &case.nodes {
        w.nodes.add(&n.name, report)?;
        let number = |t: &f::Taint| taints.iter().position(|x| *x == t).unwrap_or(0) as u32;
        out.push(Node {
            allocatable: amounts(n.cpu, n.memory, n.pods.units(), &n.extended, w),
            unschedulable: n.unschedulable,
            taints: n.taints.iter().map(|t| ds::Taint { number: number(t), prefer: f::prefers(&t.effect) }).collect(),
            measured: measured(&n.measured),
        });
    }
    Some(out)
}

fn pods(case: &f::DeschedulerCase, taints: &[&f::Taint], w: &mut World, report: &mut Report<'_>) -> Option<Vec<Pod>> {
    let mut out = Vec::new();
    for p in &case.pods {
        let node = w.nodes.find(&p.node, report)?;
        let mut budgets = Vec::new();
        for b in &p.pdbs {
            budgets.push(w.budgets.find(b, report)?);
        }
        let requests = amounts(p.cpu, p.memory, 1, &p.extended, w).into_iter().map(|v| v.unwrap_or(0)).collect();
        let selected = |n: &f::DsNode| p.node_selector.iter().all(|wanted| n.labels.contains(wanted));
        let allowed = (0..).zip(&case.nodes).filter(|(_, n)| selected(n)).map(|(i, _)| i);
        let tolerated = (0..).zip(taints).filter(|(_, t)| p.tolerations.iter().any(|x| tolerates(x, t)));
        let pod = Pod {
            node,
            requests,
            measured: measured(&p.measured),
            priority: p.priority,
            qos: match p.qos {
                f::Qos::BestEffort => Qos::BestEffort,
                f::Qos::Burstable => Qos::Burstable,
                f::Qos::Guaranteed => Qos::Guaranteed,
            },
            namespace: w.namespaces.intern(&p.namespace),
            kind: match p.owner {
                f::Owner::ReplicaSet => PodKind::Replicated,
                f::Owner::DaemonSet => PodKind::Daemon,
                f::Owner::Static => PodKind::Static,
                f::Owner::Nobody => PodKind::Bare,
            },
            local_storage: p.local_storage,
            volume: p.pvc,
            asks_for_it: p.evict,
            replicas: p.replicas,
            started: Some(ago(p.started)),
            budgets,
            tolerates: tolerated.map(|(i, _)| i).collect(),
            allowed: (!p.node_selector.is_empty()).then(|| allowed.collect()),
        };
        for name in several(&p.name, p.count) {
            w.pods.add_as(&p.name, &name, report)?;
            out.push(pod.clone());
        }
    }
    Some(out)
}

/// What the plugin refuses, in the names of the case.
fn refuse(faults: &[ConfigError], w: &World, report: &mut Report<'_>) {
    for e in faults {
        let name = |r: &ResourceIx| w.resources.name(r.0).to_owned();
        let message = match e {
            ConfigError::Percent { which, resource, percent } => {
                format!("`{which}` has {percent} for `{}`; it is a percentage, from 0 to 100", name(resource))
            }
            ConfigError::Twice { which, resource } => format!("`{which}` lists `{}` twice", name(resource)),
            ConfigError::Above { resource, low, high } => {
                format!("the threshold of `{}`, {low}, is above its target, {high}", name(resource))
            }
            ConfigError::ExtendedByMetrics(r) => {
                format!("metrics have CPU and memory only, and `{}` has a threshold", name(r))
            }
            other => other.to_string(),
        };
        report.fault(message, "the Descheduler would refuse it too");
    }
}

pub fn run(case: &f::DeschedulerCase, report: &mut Report<'_>) {
    if too_many(case.pods.iter().map(|p| p.count), 100_000, "pods", report) {
        return;
    }
    let mut w = World {
        resources: Names::new("resource"),
        nodes: Names::new("node"),
        pods: Names::new("pod"),
        budgets: Names::new("disruption budget"),
        namespaces: Names::new("namespace"),
    };
    BASIC.iter().for_each(|r| _ = w.resources.intern(r));
    let config = config(case, &mut w);
    for (name, _) in &case.pdbs {
        if w.budgets.add(name, report).is_none() {
            return;
        }
    }
    let taints = taints(case.nodes.iter().flat_map(|n| &n.taints));
    let Some(nodes) = nodes(case, &taints, &mut w, report) else { return };
    let Some(pods) = pods(case, &taints, &mut w, report) else { return };
    let faults = config.faults();
    if !faults.is_empty() {
        return refuse(&faults, &w, report);
    }
    let budgets: Vec<u32> = case.pdbs.iter().map(|(_, n)| *n).collect();
    let view = View { resources: w.resources.len() as u32, nodes: &nodes, pods: &pods, budgets: &budgets };
    let found = ds::run(&config, &view, NOW);
    let e = &case.expect;
    let gone: Vec<String> = found.evicted.iter().map(|x| w.pods.name(x.pod).to_owned()).collect();
    report.number("count", e.count, Some(gone.len() as u64));
    report.set("evicted", e.evicted.as_deref(), &gone);
    report.words("order", e.order.as_deref(), &gone);
    for (name, count) in &e.by_node {
        let Some(n) = w.nodes.find(name, report) else { continue };
        let ours = found.evicted.iter().filter(|x| x.node == n).count() as u64;
        report.number(&format!("{} evicted", name.value), Some(*count), Some(ours));
    }
    for (name, class) in &e.classes {
        let Some(n) = w.nodes.find(name, report) else { continue };
        let ours = found.nodes.get(n as usize).map_or("none".to_owned(), |j| format!("{:?}", j.class));
        report.word(&name.value, Some(&class.show()), &ours);
    }
    for (name, resource, percent) in &e.percent {
        let Some(n) = w.nodes.find(name, report) else { continue };
        let Some(r) = w.resources.get(resource) else {
            report.fault_at(name.at, format!("the case has no resource `{resource}`"), "asked here", "name one it has");
            continue;
        };
        let ours = found.nodes.get(n as usize).and_then(|j| j.percent.get(r as usize).copied().flatten());
        report.double(&format!("{} {resource} %", name.value), Some(*percent), ours.unwrap_or(f64::NAN), 1e-9);
    }
    let stop = match found.stop {
        None => "No".to_owned(),
        Some(ds::Stop::NoMetrics(_)) => "NoMetrics".to_owned(),
        Some(other) => format!("{other:?}"),
    };
    report.word("stop", e.stop.as_ref().map(Decode::show).as_deref(), &stop);
    for (name, why) in &e.passed {
        let Some(p) = w.pods.find(name, report) else { continue };
        let ours = found.passed.iter().find(|(i, _)| *i == p).map_or("none".to_owned(), |(_, why)| match why {
            Passed::Kept(kept) => format!("{kept:?}"),
            other => format!("{other:?}"),
        });
        report.word(&format!("{} passed over", name.value), Some(&why.show()), &ours);
    }
}
