//! HPA, ScaledObject and VPA.

use super::Out;
use crate::manifest::finding::At;
use crate::manifest::kind::hpa::{Amount, Hpa, Source, Target};
use crate::manifest::kind::keda::{MetricType, ScaledObject};
use crate::manifest::kind::vpa::Mode;
use crate::manifest::kind::workload::{Workload, WorkloadKind};
use crate::manifest::object::{Manifests, Object};
use crate::policy::{hpa, keda};
use crate::units::Diagnostic;

pub(super) fn lint(m: &Manifests, out: &mut Out<'_>) {
    for (o, h) in m.hpas() {
        one_hpa(m, o, h, out);
    }
    for (o, k) in m.scaled_objects() {
        one_keda(m, o, k, out);
    }
    same_target(m, out);
    vpas(m, out);
}

/// What a reference names, if the manifests have it.
pub(super) fn target_of<'m>(m: &'m Manifests, o: &Object, t: &Target) -> Option<(&'m Object, &'m Workload)> {
    m.workloads()
        .find(|(w, _)| w.name() == t.name.value && w.kind == t.kind() && w.meta.namespace() == o.meta.namespace())
}

/// Whether something of the name is missing among others that are there.
fn without_target(m: &Manifests, o: &Object, t: &Target, out: &mut Out<'_>) {
    if target_of(m, o, t).is_some() || m.workloads().next().is_none() {
        return;
    }
    let d = Diagnostic::warning(format!(
        "{} scales {} `{}`, which the manifests do not have",
        o.named(),
        t.kind(),
        t.name.value
    ))
    .at(t.name.at.0, t.name.at.1, "not among what was read");
    let other = m.workloads().find(|(w, _)| w.name() == t.name.value);
    let d = match other {
        Some((w, _)) if w.kind != t.kind() => d.help(format!("there is a {} of that name", w.kind)),
        Some((w, _)) => d.help(format!("there is one in the namespace `{}`", w.meta.namespace())),
        None => match crate::units::nearest(&t.name, m.workloads().map(|(w, _)| w.name())) {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d.help("read its file too, or mend the name"),
        },
    };
    out.push("scaler-without-target", o, "spec.scaleTargetRef", d);
}

/// Names of metrics whose values are naturally below 1.
fn is_share_or_time(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "ratio",
        "perc",
        "util",
        "usage",
        "share",
        "fraction",
        "seconds",
        "latency",
        "duration",
        "duty",
        "load",
        "saturation",
    ]
    .iter()
    .any(|w| name.contains(w))
        && !name.contains("per_second")
}

fn one_hpa(m: &Manifests, o: &Object, h: &Hpa, out: &mut Out<'_>) {
    without_target(m, o, &h.target, out);
    let target = target_of(m, o, &h.target);
    if let Some((_, w)) = target
        && let Some(r) = w.replicas
        && matches!(w.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::Rollout)
    {
        replicas(o, r, out);
    }
    for metric in &h.metrics {
        let name = metric.source.name();
        match (&metric.source, metric.target) {
            (Source::Resource(r), Amount::Utilisation(u)) => {
                let lacking =
                    target.filter(|_| r.value == "cpu").and_then(|(w, k)| Some((w, k.pod.without_cpu.clone()?)));
                let lacking = lacking.or_else(|| {
                    let (w, k) = target.filter(|_| r.value == "memory")?;
                    k.pod.request("memory").is_none().then(|| (w, At::new(String::new(), k.pod.at)))
                });
                if let Some((w, container)) = lacking {
                    let who = if container.value.is_empty() {
                        "its pods".to_owned()
                    } else {
                        format!("its container `{}`", container.value)
                    };
                    let d = Diagnostic::warning(format!(
                        "{} scales on {} of {}, and {who} requests none",
                        o.named(),
                        r.value,
                        w.named()
                    ))
                    .at(u.at.0, u.at.1, "a share of nothing: the HPA reports an error and never scales")
                    .also(container.at.0, container.at.1, "no request here")
                    .help(format!("write `resources.requests.{}` for every container", r.value));
                    out.push("hpa-without-request", o, &metric.path, d);
                }
            }
            (Source::Resource(_), _) => {}
            (_, Amount::Average(q) | Amount::Value(q)) => {
                if q.nanos() < 1_000_000_000 && !is_share_or_time(name) {
                    let thousand = q.milli();
                    let d = Diagnostic::warning(format!(
                        "the target of `{}` in {} is {}, not {thousand}",
                        name.value,
                        o.named(),
                        q.value
                    ))
                    .at(q.at.0, q.at.1, "`m` means thousandths: any load asks for the maximum of replicas")
                    .help(format!("write \"{thousand}\" if a replica should have {thousand}"));
                    out.push("hpa-milli-target", o, &metric.path, d);
                }
            }
            (_, Amount::Utilisation(_)) => {}
        }
        if let Source::Resource(r) = &metric.source
            && r.value != "cpu"
            && r.value != "memory"
        {
            let d = Diagnostic::warning(format!("{} scales on the resource `{}`", o.named(), r.value))
                .at(r.at.0, r.at.1, "metrics-server has CPU and memory only: the metric is never there")
                .help("use a Pods or External metric of dcgm-exporter: DCGM_FI_DEV_GPU_UTIL")
                .help("or one of the engine, which says more: vllm:num_requests_waiting");
            out.push("hpa-gpu-resource", o, &metric.path, d);
        }
    }
    if h.min.map_or(1, |x| x.value) == h.max.value && h.max.value > 0 {
        let at = h.min.map_or(h.max.at, |x| x.at);
        let d = Diagnostic::warning(format!("{} always has {} replicas", o.named(), h.max.value))
            .at(at.0, at.1, "minimum and maximum are the same: it never scales")
            .help("raise `maxReplicas`, or leave the HPA out");
        out.push("hpa-never-scales", o, "spec.minReplicas", d);
    }
    for fault in h.config().faults() {
        use hpa::ConfigError as E;
        // What reading has told already is not told again.
        let (at, help) = match &fault {
            E::ZeroMinimumWithoutGate => (
                h.min.map(|x| x.at),
                "write minReplicas: 1, or scale to zero with a ScaledObject; with the gate say scale_to_zero in the scenario",
            ),
            E::ZeroMinimumWithoutMetric => (h.min.map(|x| x.at), "add an Object or External metric"),
            E::NoPolicies(_) => (h.behavior.as_ref().map(|b| b.at), "write a policy, or selectPolicy: Disabled"),
            _ => continue,
        };
        let at = at.unwrap_or(h.max.at);
        let d = Diagnostic::error(format!("{} would be refused: {fault}", o.named()))
            .at(at.0, at.1, "Kubernetes does not take this")
            .help(help);
        out.push("hpa-refused", o, "spec", d);
    }
}

fn replicas(o: &Object, r: At<u32>, out: &mut Out<'_>) {
    let d = Diagnostic::warning(format!("`replicas` of what {} scales is {}", o.named(), r.value))
        .at(r.at.0, r.at.1, "each apply of the manifest sets the number back")
        .help("leave `replicas` out: the scaler owns it");
    out.push("replicas-and-scaler", o, "spec.replicas", d);
}

fn one_keda(m: &Manifests, o: &Object, k: &ScaledObject, out: &mut Out<'_>) {
    without_target(m, o, &k.target, out);
    if let Some((_, w)) = target_of(m, o, &k.target)
        && let Some(r) = w.replicas
    {
        replicas(o, r, out);
    }
    let min = k.min.map_or(0, |x| x.value);
    let rests_low = min == 0 || k.idle.is_some();
    if let Some(c) = k.cooldown.filter(|_| !rests_low) {
        let d = Diagnostic::warning(format!("`cooldownPeriod` of {} does nothing", o.named()))
            .at(c.at.0, c.at.1, format!("it only delays going to 0, and the minimum is {min}"))
            .help("to slow scaling down write advanced.horizontalPodAutoscalerConfig.behavior.scaleDown");
        out.push("keda-cooldown-without-zero", o, "spec.cooldownPeriod", d);
    }
    if let Some(p) = k.polling.filter(|_| !rests_low && !k.triggers.iter().any(|t| t.cached)) {
        let d = Diagnostic::warning(format!("`pollingInterval` of {} does nothing", o.named()))
            .at(p.at.0, p.at.1, format!("it decides between 0 and 1 only, and the minimum is {min}"))
            .help("the HPA reads the triggers every 15 s; useCachedMetrics makes it use what was polled");
        out.push("keda-polling-without-zero", o, "spec.pollingInterval", d);
    }
    for t in &k.triggers {
        if let (Some(target), Some(a)) = (t.threshold, t.activation)
            && a.value > target.value
            && min == 0
        {
            let d = Diagnostic::warning(format!(
                "a trigger of {} wakes above {} and aims at {}",
                o.named(),
                a.value,
                target.value
            ))
            .at(a.at.0, a.at.1, "between the two it stays at 0, and whoever asks waits")
            .help(format!("write an activation of {} or less", target.value));
            out.push("keda-activation-above-target", o, &t.path, d);
        }
        if t.kind.value == "cpu" || t.kind.value == "memory" {
            let target = target_of(m, o, &k.target);
            let lacking =
                target.filter(|_| t.kind.value == "cpu").and_then(|(w, k)| Some((w, k.pod.without_cpu.clone()?)));
            if let Some((w, c)) = lacking.filter(|_| t.metric_type == MetricType::Utilization) {
                let d = Diagnostic::warning(format!(
                    "{} scales on CPU of {}, whose container `{}` requests none",
                    o.named(),
                    w.named(),
                    c.value
                ))
                .at(t.kind.at.0, t.kind.at.1, "a share of nothing: it never scales")
                .also(c.at.0, c.at.1, "no request here")
                .help("write `resources.requests.cpu` for every container");
                out.push("hpa-without-request", o, &t.path, d);
            }
        }
    }
    let only_resources =
        !k.triggers.is_empty() && k.triggers.iter().all(|t| matches!(t.kind.value.as_str(), "cpu" | "memory"));
    if min == 0 && only_resources {
        let at = k.min.map_or(k.triggers_at, |x| x.at);
        let d = Diagnostic::error(format!("{} goes to 0 on CPU and memory alone", o.named()))
            .at(at.0, at.1, "no pod, no CPU: nothing would wake it, and KEDA refuses it")
            .help("write minReplicaCount: 1, or add a trigger that is measured without pods");
        out.push("keda-cpu-to-zero", o, "spec.triggers", d);
    }
    for fault in k.config().faults() {
        use keda::ConfigError as E;
        let (at, help) = match &fault {
            E::Idle { .. } => (k.idle.map(|i| i.at), "write idleReplicaCount: 0 and a minimum above it"),
            E::NoTriggers if k.triggers_at != o.at => (Some(k.triggers_at), "add a trigger"),
            E::NoTarget(i) => {
                (k.triggers.get(*i).and_then(|t| t.threshold).map(|t| t.at), "write what one replica should have")
            }
            E::Behavior(hpa::ConfigError::NoPolicies(_)) => (k.behavior.as_ref().map(|b| b.at), "write a policy"),
            _ => continue,
        };
        // Triggers that could not be read have been told.
        if matches!(fault, E::NoTriggers)
            && out.findings.list.iter().any(|f| f.object == o.id() && f.path.contains("triggers"))
        {
            continue;
        }
        let at = at.unwrap_or(k.triggers_at);
        let d = Diagnostic::error(format!("{} would be refused: {fault}", o.named()))
            .at(at.0, at.1, "KEDA does not take this")
            .help(help);
        out.push("keda-refused", o, "spec", d);
    }
    if let Some(i) = k.idle.filter(|i| i.value != 0 && i.value < min) {
        let d = Diagnostic::error(format!("{} has {} idle replicas", o.named(), i.value))
            .at(i.at.0, i.at.1, "KEDA takes 0 idle replicas only")
            .help("write idleReplicaCount: 0, or leave it out");
        out.push("keda-refused", o, "spec.idleReplicaCount", d);
    }
}

/// Two scalers of one thing.
fn same_target(m: &Manifests, out: &mut Out<'_>) {
    let hpas = m.hpas().map(|(o, h)| (o, &h.target));
    let all: Vec<(&Object, &Target)> = hpas.chain(m.scaled_objects().map(|(o, k)| (o, &k.target))).collect();
    for (i, (b, t)) in all.iter().enumerate() {
        let same = all[..i].iter().find(|(a, s)| {
            a.meta.namespace() == b.meta.namespace() && s.name.value == t.name.value && s.kind() == t.kind()
        });
        let Some((a, s)) = same else { continue };
        let mixed = a.kind != b.kind;
        let why = if mixed {
            "KEDA makes an HPA of its own: its webhook refuses it"
        } else {
            "each undoes what the other does"
        };
        let d =
            Diagnostic::error(format!("{} and {} both scale {} `{}`", a.named(), b.named(), t.kind(), t.name.value))
                .at(t.name.at.0, t.name.at.1, why)
                .also(s.name.at.0, s.name.at.1, "scaled here too")
                .help("keep one of them; one HPA may have several metrics, one ScaledObject several triggers");
        out.push(if mixed { "hpa-and-scaledobject" } else { "scaled-twice" }, b, "spec.scaleTargetRef", d);
    }
}

fn vpas(m: &Manifests, out: &mut Out<'_>) {
    for (o, v) in m.vpas() {
        let gpu = |k: &At<String>| k.value.contains('/');
        let named =
            v.containers.iter().flat_map(|c| c.resources.iter().chain(c.min.iter().chain(&c.max).map(|(k, _)| k)));
        for k in named.filter(|k| gpu(k)) {
            let d = Diagnostic::warning(format!("{} names `{}`", o.named(), k.value))
                .at(k.at.0, k.at.1, "the VPA sizes CPU and memory only")
                .help("GPUs are cut by MIG or shared by time-slicing and MPS; leave it out here");
            out.push("vpa-gpu", o, "spec.resourcePolicy", d);
        }
        if matches!(v.mode, Mode::Off | Mode::Initial) {
            continue;
        }
        for (h, hpa) in m.hpas() {
            let same = hpa.target.name.value == v.target.name.value
                && hpa.target.kind() == v.target.kind()
                && h.meta.namespace() == o.meta.namespace();
            let resource = hpa.metrics.iter().find(|x| matches!(x.source, Source::Resource(_)));
            if let Some(x) = resource.filter(|_| same) {
                let d = Diagnostic::warning(format!(
                    "{} sizes the {} that {} scales on",
                    o.named(),
                    x.source.name().value,
                    h.named()
                ))
                .at(
                    v.target.name.at.0,
                    v.target.name.at.1,
                    "a larger request lowers the share, and the HPA scales down: they drive each other",
                )
                .also(x.at.0, x.at.1, "scaled on here")
                .help("scale on a metric of requests, or write updateMode: \"Off\"");
                out.push("vpa-and-hpa", o, "spec.targetRef", d);
            }
        }
        let one = target_of(m, o, &v.target).filter(|(_, w)| w.pods() == 1);
        let alone = one.filter(|_| v.min_replicas.is_none_or(|r| r.value > 1));
        if let Some((w, _)) = alone
            && !m.hpas().any(|(_, h)| h.target.name.value == v.target.name.value)
            && !m.scaled_objects().any(|(_, k)| k.target.name.value == v.target.name.value)
        {
            let at = v.mode_at.map_or(v.target.name.at, |x| x.at);
            let d = Diagnostic::warning(format!("{} never changes the one pod of {}", o.named(), w.named()))
                .at(at.0, at.1, "its updater wants two live replicas before it evicts one")
                .help("write updatePolicy.minReplicas: 1 if a restart is acceptable");
            out.push("vpa-auto-one-replica", o, "spec.updatePolicy", d);
        }
    }
}
