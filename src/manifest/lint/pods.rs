//! How pods leave, and what they forbid.

use super::Out;
use crate::manifest::kind::meta::Effect;
use crate::manifest::kind::pod::Pod;
use crate::manifest::kind::workload::{Step, Workload, WorkloadKind};
use crate::manifest::object::{Manifests, Object};
use crate::units::{Diagnostic, Duration};

/// What AWS tells before it takes spot capacity back.
const SPOT_NOTICE: Duration = Duration::from_secs(120);
/// `--max-graceful-termination-sec` of Cluster Autoscaler.
const CA_GRACE: Duration = Duration::from_secs(600);

pub(super) fn lint(m: &Manifests, out: &mut Out<'_>) {
    for (o, w) in m.workloads() {
        leaving(o, &w.pod, out);
        forbidding(o, w, out);
        priority(m, o, &w.pod, out);
        tolerated(m, o, &w.pod, out);
        canary(o, w, out);
    }
}

fn leaving(o: &Object, p: &Pod, out: &mut Out<'_>) {
    if let Some(stop) = p.pre_stop.filter(|s| s.value >= p.grace()) {
        let d = Diagnostic::warning(format!(
            "the preStop hook of {} sleeps for {} of a grace of {}",
            o.named(),
            stop.value,
            p.grace()
        ))
        .at(stop.at.0, stop.at.1, "nothing is left for the program to end: it is killed");
        let d = match p.grace {
            Some(g) => d.also(g.at.0, g.at.1, "the grace"),
            None => d.also(p.at.0, p.at.1, "no `terminationGracePeriodSeconds`: 30 s by default"),
        };
        let wanted = stop.value.as_secs_f64().ceil() as u64 + 30;
        let d = d.help(format!("write terminationGracePeriodSeconds: {wanted} or more, or a shorter sleep"));
        out.push("prestop-eats-grace", o, &p.path, d);
    }
    let spot = ["karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType", "cloud.google.com/gke-spot"];
    let on_spot =
        spot.iter().flat_map(|k| p.wants(k)).find(|v| matches!(v.value.to_ascii_lowercase().as_str(), "spot" | "true"));
    if let Some((v, g)) = on_spot.zip(p.grace.filter(|g| g.value > SPOT_NOTICE)) {
        let d = Diagnostic::warning(format!("{} takes up to {} to end and runs on spot capacity", o.named(), g.value))
            .at(g.at.0, g.at.1, "the provider gives two minutes")
            .also(v.at.0, v.at.1, "spot")
            .help("what must be saved has to be saved within 120 s; checkpoint as the notice comes");
        out.push("grace-above-spot-notice", o, &p.path, d);
    } else if let Some(g) = p.grace.filter(|g| g.value > CA_GRACE) {
        let d = Diagnostic::warning(format!("{} takes up to {} to end", o.named(), g.value))
            .at(g.at.0, g.at.1, "Cluster Autoscaler waits for 10 minutes and then kills")
            .help("raise --max-graceful-termination-sec; Karpenter waits unless its pool has a terminationGracePeriod");
        out.push("grace-above-autoscaler-limit", o, &p.path, d);
    }
}

fn forbidding(o: &Object, w: &Workload, out: &mut Out<'_>) {
    if w.kind.ends() || w.kind == WorkloadKind::Pod {
        return;
    }
    if let Some(d) = w.pod.do_not_disrupt.filter(|d| d.value.is_none()) {
        let d = Diagnostic::warning(format!("pods of {} run for ever and forbid disruption", o.named()))
            .at(d.at.0, d.at.1, "Karpenter never consolidates a node that has one")
            .help("write how long after its start it holds, \"4h\", or a PodDisruptionBudget");
        out.push("do-not-disrupt-for-ever", o, "spec.template.metadata.annotations", d);
    }
    if let Some(s) = w.pod.safe_to_evict.filter(|s| !s.value) {
        let d = Diagnostic::warning(format!("pods of {} run for ever and forbid their eviction", o.named()))
            .at(s.at.0, s.at.1, "Cluster Autoscaler never removes a node that has one")
            .help("write a PodDisruptionBudget that lets one go at a time");
        out.push("safe-to-evict-false", o, "spec.template.metadata.annotations", d);
    }
}

fn priority(m: &Manifests, o: &Object, p: &Pod, out: &mut Out<'_>) {
    let Some(class) = &p.priority_class else { return };
    let known = m.priority_classes().any(|(c, _)| c.name() == class.value);
    if known || class.value.starts_with("system-") {
        return;
    }
    let d = Diagnostic::warning(format!(
        "{} has the priority class `{}`, which the manifests do not have",
        o.named(),
        class.value
    ))
    .at(class.at.0, class.at.1, "taken for a priority of 0; without the class the API server refuses the pods");
    let d = match crate::units::nearest(&class.value, m.priority_classes().map(|(c, _)| c.name())) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d.help("read the PriorityClass too"),
    };
    out.push("priority-class-unknown", o, &p.path, d);
}

fn tolerated(m: &Manifests, o: &Object, p: &Pod, out: &mut Out<'_>) {
    if !p.wants_gpu() {
        return;
    }
    let pools: Vec<_> = m.node_pools().filter(|(_, n)| super::nodes::has_gpus(n)).collect();
    if pools.is_empty() {
        return;
    }
    let hard = |e: Effect| e != Effect::PreferNoSchedule;
    let refused = |n: &crate::manifest::kind::node_pool::NodePool| {
        n.taints.iter().find(|t| hard(t.effect) && !p.tolerations.iter().any(|x| x.tolerates(t))).cloned()
    };
    let all: Option<Vec<_>> = pools.iter().map(|(pool, n)| Some((*pool, refused(n)?))).collect();
    if let Some(first) = all.as_ref().and_then(|all| all.first()) {
        let (pool, taint) = first;
        let d = Diagnostic::warning(format!(
            "{} asks for GPUs and tolerates the taints of no pool that has some",
            o.named()
        ))
        .at(p.at.0, p.at.1, format!("does not tolerate `{}`", taint.key.value))
        .also(taint.key.at.0, taint.key.at.1, format!("a taint of {}", pool.named()))
        .help("add a toleration; ExtendedResourceToleration adds those whose key is the resource's name");
        // The admission plugin does so in many clusters, EKS not among them.
        out.push("gpu-pod-not-tolerated", o, &p.path, d);
    }
}

fn canary(o: &Object, w: &Workload, out: &mut Out<'_>) {
    let Some(c) = &w.canary else { return };
    let mut weight = 0;
    for s in &c.steps {
        match s.value {
            Step::Pause(None) => {
                let d = Diagnostic::warning(format!("a step of {} pauses without a duration", o.named()))
                    .at(s.at.0, s.at.1, "it waits until somebody promotes it; both versions are paid for")
                    .help("write pause: {duration: 10m}");
                out.push("rollout-waits-for-ever", o, "spec.strategy.canary.steps", d);
            }
            Step::SetWeight(n) => {
                if n < weight {
                    let d = Diagnostic::warning(format!("a step of {} goes back from {weight}% to {n}%", o.named()))
                        .at(s.at.0, s.at.1, "the new version loses requests again")
                        .help("sort the steps by weight");
                    out.push("rollout-steps-go-back", o, "spec.strategy.canary.steps", d);
                }
                weight = n;
            }
            _ => {}
        }
    }
}
