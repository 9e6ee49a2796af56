//! Karpenter's NodePools and the Descheduler.

use super::Out;
use crate::manifest::kind::descheduler::{Descheduler, Utilization};
use crate::manifest::kind::node_pool::{Api, Consolidation, NodePool};
use crate::manifest::object::{Manifests, Object};
use crate::policy::karpenter::budget::{Nodes, Window};
use crate::units::{Diagnostic, nearest};

pub(super) fn lint(m: &Manifests, out: &mut Out<'_>) {
    for (o, n) in m.node_pools() {
        refused(o, n, out);
        budgets(o, n, out);
        instances(o, n, out);
        graces(m, o, n, out);
        class(m, o, n, out);
    }
    for (o, d) in m.deschedulers() {
        descheduler(o, d, out);
    }
}

/// Families of EC2 that have GPUs.
fn has_gpu_family(word: &str) -> bool {
    let family: String = word.split('.').next().unwrap_or("").to_ascii_lowercase();
    let letters: String = family.chars().take_while(char::is_ascii_alphabetic).collect();
    matches!(letters.as_str(), "p" | "g" | "gr")
}

/// Whether the nodes of a pool have GPUs, as far as its requirements tell.
pub(super) fn has_gpus(n: &NodePool) -> bool {
    let listed = |key: &str, f: &dyn Fn(&str) -> bool| {
        n.values(key).is_some_and(|v| !v.is_empty() && v.iter().all(|v| f(&v.value)))
    };
    let gpu_key = |k: &str| k.starts_with("karpenter.k8s.aws/instance-gpu-") || k.starts_with("nvidia.com/gpu");
    n.requirements.iter().any(|r| {
        use crate::manifest::kind::meta::Operator as Op;
        gpu_key(&r.key) && matches!(r.operator.value, Op::In | Op::Exists | Op::Gt)
    }) || n.labels.iter().any(|(k, _)| gpu_key(&k.value))
        || listed("karpenter.k8s.aws/instance-category", &|v| matches!(v, "p" | "g" | "gr"))
        || listed("karpenter.k8s.aws/instance-family", &has_gpu_family)
        || listed("node.kubernetes.io/instance-type", &has_gpu_family)
}

fn refused(o: &Object, n: &NodePool, out: &mut Out<'_>) {
    if let Some(w) = n.weight.filter(|w| !(1..=100).contains(&w.value)) {
        let d = Diagnostic::error(format!("{} has a weight of {}", o.named(), w.value))
            .at(w.at.0, w.at.1, "Karpenter takes 1 to 100")
            .help("the heaviest pool is tried first; left out it is 0");
        out.push("karpenter-weight", o, "spec.weight", d);
    }
    let path = "spec.disruption.consolidationPolicy";
    if let Some(p) = n.policy {
        let wrong = match (n.api, p.value) {
            (Api::V1, Consolidation::WhenUnderutilized) => {
                Some(("karpenter.sh/v1 does not have it", "WhenEmptyOrUnderutilized"))
            }
            (Api::V1Beta1, Consolidation::WhenEmptyOrUnderutilized) => {
                Some(("karpenter.sh/v1beta1 does not have it", "WhenUnderutilized"))
            }
            (Api::V1Beta1, Consolidation::Balanced) => Some(("it begins with v1.14", "WhenUnderutilized")),
            _ => None,
        };
        if let Some((why, word)) = wrong {
            let d = Diagnostic::error(format!("`consolidationPolicy` of {} is of another version", o.named()))
                .at(p.at.0, p.at.1, why)
                .help(format!("write {word}"));
            out.push("karpenter-policy-of-other-version", o, path, d);
        }
    }
    if n.api == Api::V1Beta1 {
        let under = n.policy.is_none_or(|p| p.value == Consolidation::WhenUnderutilized);
        if let Some(a) = n.consolidate_after.filter(|a| under && a.value.is_some()) {
            let d = Diagnostic::error(format!("{} has `consolidateAfter` with `WhenUnderutilized`", o.named()))
                .at(a.at.0, a.at.1, "v1beta1 refuses the two together")
                .help("leave `consolidateAfter` out, write consolidationPolicy: WhenEmpty, or move to karpenter.sh/v1");
            let d = match n.policy {
                Some(p) => d.also(p.at.0, p.at.1, "this policy"),
                None => d.help("WhenUnderutilized is v1beta1's default policy"),
            };
            out.push("karpenter-after-with-underutilized", o, "spec.disruption.consolidateAfter", d);
        }
        if let Some(p) = n.policy.filter(|p| p.value == Consolidation::WhenEmpty && n.consolidate_after.is_none()) {
            let d = Diagnostic::error(format!("{} has `WhenEmpty` without `consolidateAfter`", o.named()))
                .at(p.at.0, p.at.1, "v1beta1 asks for it")
                .help("write consolidateAfter: 30s");
            out.push("karpenter-empty-without-after", o, path, d);
        }
    }
    let (replicas, at) = (n.replicas, n.limits.iter().find(|(k, _)| k.value != "nodes").map(|(k, _)| k.at));
    if let Some((r, at)) = replicas.zip(at) {
        let d = Diagnostic::error(format!("{} is static and limits more than nodes", o.named()))
            .at(at.0, at.1, "a static pool limits `nodes` only")
            .also(r.at.0, r.at.1, "static")
            .help("leave the limit out");
        out.push("karpenter-refused", o, "spec.limits", d);
    }
    for r in &n.requirements {
        let Some(min) = r.min_values else { continue };
        let listed = r.values.len() as i64;
        let why = if !(1..=50).contains(&min.value) {
            format!("{} is not from 1 to 50", min.value)
        } else if listed > 0 && min.value > listed {
            format!("{listed} listed, {} wanted", min.value)
        } else {
            continue;
        };
        let d = Diagnostic::error(format!("`minValues` of `{}` in {} cannot be met", r.key.value, o.named()))
            .at(min.at.0, min.at.1, why)
            .help("it asks for so many different values among the types that are left");
        out.push("karpenter-refused", o, "spec.template.spec.requirements", d);
    }
    for r in &n.requirements {
        if r.key.value == "karpenter.sh/nodepool" || r.key.value == "kubernetes.io/hostname" {
            let d = Diagnostic::error(format!("{} has a requirement on `{}`", o.named(), r.key.value))
                .at(r.key.at.0, r.key.at.1, "Karpenter refuses requirements on this label")
                .help("leave it out");
            out.push("karpenter-refused", o, "spec.template.spec.requirements", d);
        }
    }
}

fn budgets(o: &Object, n: &NodePool, out: &mut Out<'_>) {
    let path = "spec.disruption.budgets";
    let all = n.budgets.as_deref().unwrap_or_default();
    if all.len() > 50 {
        let d = Diagnostic::error(format!("{} has {} budgets", o.named(), all.len()))
            .at(all[50].at.0, all[50].at.1, "Karpenter takes at most 50")
            .help("put their reasons together");
        out.push("karpenter-refused", o, path, d);
    }
    let none = |b: &Nodes| matches!(b, Nodes::Count(0) | Nodes::Percent(0));
    if let Some(b) = all.iter().find(|b| none(&b.nodes) && b.reasons.is_empty() && matches!(b.window, Window::Always)) {
        let d = Diagnostic::warning(format!("{} never lets a node go", o.named()))
            .at(b.at.0, b.at.1, "no consolidation and no drift, at any time; only expiry takes nodes")
            .help("give it a schedule with a duration, or reasons");
        out.push("karpenter-budget-zero", o, path, d);
    }
    if n.api == Api::V1Beta1
        && let Some(b) = all.iter().find(|b| !b.reasons.is_empty())
    {
        let d = Diagnostic::error(format!("a budget of {} names reasons", o.named()))
            .at(b.at.0, b.at.1, "v1beta1 does not have them")
            .help("leave `reasons` out, or move to karpenter.sh/v1");
        out.push("karpenter-refused", o, path, d);
    }
    if let Some(a) = n.consolidate_after.filter(|a| a.value.is_none()) {
        let d = Diagnostic::warning(format!("{} never consolidates", o.named()))
            .at(a.at.0, a.at.1, "empty nodes stay too, and are paid for until they expire")
            .help("write consolidateAfter: 1m, or longer");
        out.push("karpenter-never-consolidates", o, "spec.disruption.consolidateAfter", d);
    }
}

fn instances(o: &Object, n: &NodePool, out: &mut Out<'_>) {
    let path = "spec.template.spec.requirements";
    let spot = n.values("karpenter.sh/capacity-type").is_some_and(|v| v.iter().any(|v| v.value == "spot"));
    let types = n.values("node.kubernetes.io/instance-type");
    if let Some(t) = types.filter(|t| spot && (1..5).contains(&t.len())) {
        let d = Diagnostic::warning(format!("{} has spot nodes of {} types only", o.named(), t.len()))
            .at(t[0].at.0, t[0].at.1, "few types are often out of capacity together")
            .help("list more types; spot-to-spot consolidation needs 15 cheaper ones")
            .help("or allow on-demand too, which Karpenter takes when spot is out");
        out.push("karpenter-few-types", o, path, d);
    }
    if has_gpus(n) && n.taints.is_empty() {
        let at = n.requirements_at;
        let d = Diagnostic::warning(format!("{} has GPU nodes without a taint", o.named()))
            .at(at.0, at.1, "pods that need no GPU land on them, and keep them from being removed")
            .help("add the taint `nvidia.com/gpu: NoSchedule`, and a toleration to the pods that use GPUs");
        out.push("karpenter-gpu-without-taint", o, path, d);
    }
}

/// Whether a pod could run on a pool: its selector and affinity agree with labels and requirements.
fn could_run(p: &crate::manifest::kind::pod::Pod, pool: &str, n: &NodePool) -> bool {
    let allowed = |key: &str, value: &str| {
        if key == "karpenter.sh/nodepool" {
            return value == pool;
        }
        let fixed = n.labels.iter().find(|(k, _)| k.value == key);
        if let Some((_, v)) = fixed {
            return v.value == value;
        }
        n.requirements.iter().filter(|r| r.key.value == key).all(|r| r.allows(Some(value)))
    };
    let selected = p.node_selector.iter().all(|(k, v)| allowed(&k.value, &v.value));
    selected && (!p.wants_gpu() || has_gpus(n) || !p.node_selector.is_empty())
}

fn graces(m: &Manifests, o: &Object, n: &NodePool, out: &mut Out<'_>) {
    let path = "spec.template.spec";
    let mine = || m.workloads().filter(|(_, w)| could_run(&w.pod, o.name(), n));
    if let Some(g) = n.termination_grace {
        for (w, k) in mine().filter(|(_, k)| k.pod.grace() > g.value) {
            let d = Diagnostic::warning(format!(
                "nodes of {} end {} after a drain begins, pods of {} need {}",
                o.named(),
                g.value,
                w.named(),
                k.pod.grace()
            ))
            .at(g.at.0, g.at.1, "what is left is killed");
            let d = match k.pod.grace {
                Some(p) => d.also(p.at.0, p.at.1, "the pods' grace"),
                None => d,
            };
            let d = d.help(format!("write terminationGracePeriod: {}s or more", k.pod.grace().as_secs_f64().ceil()));
            out.push("karpenter-grace-below-pod", o, path, d);
        }
    } else if n.api == Api::V1 && n.expire_after.is_none_or(|e| e.value.is_some()) {
        let blocker = mine().find(|(_, k)| k.pod.do_not_disrupt.is_some_and(|d| d.value.is_none()) && !k.kind.ends());
        if let Some((w, k)) = blocker {
            let at = n.expire_after.map_or(o.name_at(), |e| e.at);
            let d = Diagnostic::warning(format!(
                "nodes of {} expire, and pods of {} never let them go",
                o.named(),
                w.named()
            ))
            .at(at.0, at.1, "the drain waits for ever, and two nodes are paid for");
            let d = match k.pod.do_not_disrupt {
                Some(p) => d.also(p.at.0, p.at.1, "forbidden here"),
                None => d,
            };
            out.push(
                "karpenter-expiry-without-grace",
                o,
                path,
                d.help("write terminationGracePeriod: 1h in the template's spec"),
            );
        }
    }
}

fn class(m: &Manifests, o: &Object, n: &NodePool, out: &mut Out<'_>) {
    let Some((kind, name)) = &n.class else { return };
    if kind.as_ref().is_some_and(|k| k.value != "EC2NodeClass") || m.node_classes().next().is_none() {
        return;
    }
    if m.node_classes().any(|(c, _)| c.name() == name.value) {
        return;
    }
    let d = Diagnostic::warning(format!(
        "{} has the node class `{}`, which the manifests do not have",
        o.named(),
        name.value
    ))
    .at(name.at.0, name.at.1, "without it the pool makes no nodes");
    let d = match nearest(&name.value, m.node_classes().map(|(c, _)| c.name())) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d.help("read its file too, or mend the name"),
    };
    out.push("karpenter-class-unknown", o, "spec.template.spec.nodeClassRef", d);
}

fn descheduler(o: &Object, d: &Descheduler, out: &mut Out<'_>) {
    for p in &d.profiles {
        for c in &p.configured {
            if c.value != "DefaultEvictor" && !p.enabled.iter().any(|e| e.value == c.value) {
                let d = Diagnostic::warning(format!(
                    "the plugin `{}` of {} is configured and not enabled",
                    c.value,
                    o.named()
                ))
                .at(c.at.0, c.at.1, "it does nothing")
                .help("add it to `plugins.balance.enabled` (or `deschedule.enabled`)");
                out.push("descheduler-plugin-off", o, "profiles", d);
            }
        }
        if let Some(u) = &p.low {
            low(o, u, out);
        }
        for u in p.low.iter().chain(&p.high) {
            gpus(o, u, p.high.as_ref().is_some_and(|h| h.at == u.at), out);
        }
    }
}

fn low(o: &Object, u: &Utilization, out: &mut Out<'_>) {
    let has = |all: &[crate::manifest::kind::descheduler::Threshold], k: &str| all.iter().any(|(r, _)| r.value == k);
    let odd = u.thresholds.iter().find(|(k, _)| !has(&u.targets, k)).map(|(k, _)| (k, "targetThresholds"));
    let odd = odd.or_else(|| u.targets.iter().find(|(k, _)| !has(&u.thresholds, k)).map(|(k, _)| (k, "thresholds")));
    if let Some((k, lacks)) = odd {
        let d = Diagnostic::error(format!("`{}` of {} has no counterpart in `{lacks}`", k.value, o.named()))
            .at(k.at.0, k.at.1, "LowNodeUtilization refuses thresholds of different resources")
            .help(format!("add `{}` to `{lacks}`", k.value));
        let id = if k.value.contains("gpu") && lacks == "targetThresholds" {
            "descheduler-gpu-ignored"
        } else {
            "descheduler-thresholds-differ"
        };
        // Older versions take the difference and look at what has a target only.
        let d = if id == "descheduler-gpu-ignored" {
            Diagnostic {
                severity: crate::units::Severity::Warning,
                label: "without a target the plugin does not look at it; newer versions refuse it".to_owned(),
                ..d
            }
        } else {
            d
        };
        out.push(id, o, &u.path, d);
    }
    if u.deviation {
        return;
    }
    for (k, v) in &u.thresholds {
        if let Some((_, t)) = u.targets.iter().find(|(t, v2)| t.value == k.value && v2.value < v.value) {
            let d = Diagnostic::error(format!(
                "the target of `{}` in {} is {}%, below its threshold",
                k.value,
                o.named(),
                t.value
            ))
            .at(t.at.0, t.at.1, "LowNodeUtilization refuses it")
            .also(v.at.0, v.at.1, "the threshold")
            .help("nodes below the threshold are filled, those above the target are emptied");
            out.push("descheduler-target-below-threshold", o, &u.path, d);
        }
    }
}

/// GPUs as extended resources: looked at when they are listed by their full name, and never where usage is measured.
fn gpus(o: &Object, u: &Utilization, high: bool, out: &mut Out<'_>) {
    let all = || u.thresholds.iter().chain(&u.targets);
    for (k, _) in all() {
        let core = matches!(k.value.as_str(), "cpu" | "memory" | "pods" | "ephemeral-storage");
        if core {
            continue;
        }
        let why = if let Some(at) = u.measured {
            Some((
                "usage is measured, and metrics have CPU and memory only",
                Some(at),
                "leave `metricsUtilization` out: requests of GPUs count then",
            ))
        } else if !k.value.contains('/') {
            Some(("no node offers a resource of this name", None, "write nvidia.com/gpu"))
        } else {
            None
        };
        if let Some((why, at, help)) = why {
            let d = Diagnostic::warning(format!("the threshold on `{}` in {} is not looked at", k.value, o.named()))
                .at(k.at.0, k.at.1, why)
                .help(help);
            let d = match at {
                Some(at) => d.also(at.0, at.1, "measured"),
                None => d,
            };
            out.push("descheduler-gpu-ignored", o, &u.path, d);
        }
    }
    if high && !u.thresholds.is_empty() && !all().any(|(k, _)| k.value.contains("gpu")) {
        let at = u.thresholds[0].0.at;
        let d = Diagnostic::warning(format!("HighNodeUtilization of {} does not look at GPUs", o.named()))
            .at(at.0, at.1, "a node with all its GPUs in use and idle CPUs counts as underused, and is emptied")
            .help("add `nvidia.com/gpu: 50` to the thresholds where it runs on GPU nodes");
        out.push("descheduler-without-gpu", o, &u.path, d);
    }
}
