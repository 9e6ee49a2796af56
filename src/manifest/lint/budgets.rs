//! PodDisruptionBudgets and ResourceQuotas.

use super::Out;
use crate::manifest::kind::budget::{Pdb, ResourceQuota};
use crate::manifest::kind::pod::GPU;
use crate::manifest::kind::workload::Workload;
use crate::manifest::object::{Manifests, Object};
use crate::manifest::quantity::{IntOrPercent, Quantity};
use crate::policy::pdb::Rule;
use crate::units::Diagnostic;

pub(super) fn lint(m: &Manifests, out: &mut Out<'_>) {
    for (o, p) in m.pdbs() {
        blocks(m, o, p, out);
    }
    overlap(m, out);
    for (o, q) in m.quotas() {
        quota(m, o, q, out);
    }
}

fn selected<'m>(m: &'m Manifests, o: &'m Object, p: &'m Pdb) -> impl Iterator<Item = (&'m Object, &'m Workload)> {
    m.workloads().filter(move |(w, k)| {
        w.meta.namespace() == o.meta.namespace()
            && p.selector.as_ref().is_some_and(|s| s.selects(&k.pod.meta.labels))
            && !k.kind.ends()
    })
}

fn blocks(m: &Manifests, o: &Object, p: &Pdb, out: &mut Out<'_>) {
    let written = p.min_available.as_ref().or(p.max_unavailable.as_ref());
    let always = written.filter(|_| p.rule().is_some_and(Rule::never));
    let at = |v: &crate::manifest::At<IntOrPercent>| v.at;
    let tell = |out: &mut Out<'_>, place: crate::formats::Place, why: String| {
        let d = Diagnostic::warning(format!("{} never lets a pod go: {why}", o.named()))
            .at(place.0, place.1, "a node with such a pod is never drained, consolidated or upgraded")
            .help("write maxUnavailable: 1, or minAvailable one below the replicas");
        out.push("pdb-blocks-for-ever", o, "spec", d);
    };
    if let Some(v) = always {
        tell(out, at(v), format!("{} of any number", v.value));
    } else {
        // A scaler's minimum is what there is when it is quiet; its maximum may leave room.
        let mine: Vec<_> = selected(m, o, p).collect();
        let most = mine.iter().fold(0_u32, |sum, (w, k)| sum.saturating_add(most_pods(m, w, k)));
        if most > 0 && p.allows(most) == 0 {
            let place = written.map_or(o.at, at);
            let who = mine.iter().map(|(w, _)| w.named()).collect::<Vec<_>>().join(", ");
            tell(out, place, format!("{who}: at most {most} in all"));
        }
    }
    let any = m.workloads().any(|(w, _)| w.meta.namespace() == o.meta.namespace());
    if any && selected(m, o, p).next().is_none() {
        let d = Diagnostic::warning(format!("{} selects no pods of what was read", o.named()))
            .at(o.name_at().0, o.name_at().1, "it protects nothing here")
            .help("compare its selector with the labels of the pods' templates");
        out.push("pdb-selects-nothing", o, "spec.selector", d);
    }
}

/// The most pods that something may have, its scaler considered.
pub(super) fn most_pods(m: &Manifests, w: &Object, k: &Workload) -> u32 {
    let mine = |o: &Object, t: &crate::manifest::kind::hpa::Target| {
        o.meta.namespace() == w.meta.namespace() && t.name.value == w.name() && t.kind() == w.kind
    };
    let hpa = m.hpas().find(|(o, h)| mine(o, &h.target)).map(|(_, h)| h.max.value);
    let keda = m.scaled_objects().find(|(o, s)| mine(o, &s.target)).map(|(_, s)| s.max.map_or(100, |x| x.value));
    hpa.or(keda).unwrap_or_else(|| k.pods())
}

fn overlap(m: &Manifests, out: &mut Out<'_>) {
    let all: Vec<(&Object, &Pdb)> = m.pdbs().collect();
    for (i, (b, q)) in all.iter().enumerate() {
        for (a, p) in &all[..i] {
            let both = selected(m, a, p).find(|(w, _)| selected(m, b, q).any(|(v, _)| std::ptr::eq(*w, v)));
            if let Some((w, _)) = both {
                let d = Diagnostic::warning(format!(
                    "{} and {} both select the pods of {}",
                    a.named(),
                    b.named(),
                    w.named()
                ))
                .at(b.name_at().0, b.name_at().1, "an eviction of a pod with two budgets fails")
                .also(a.name_at().0, a.name_at().1, "the other one")
                .help("keep one of them");
                out.push("pdb-overlap", b, "spec.selector", d);
            }
        }
    }
}

fn quota(m: &Manifests, o: &Object, q: &ResourceQuota, out: &mut Out<'_>) {
    for (k, _) in &q.hard {
        let bare = k.value.strip_prefix("limits.").unwrap_or(&k.value);
        if bare.contains('/')
            && !k.value.starts_with("requests.")
            && !k.value.starts_with("count/")
            && !k.value.contains("storageclass")
        {
            let d = Diagnostic::error(format!("{} limits `{}`", o.named(), k.value))
                .at(k.at.0, k.at.1, "of extended resources Kubernetes limits requests only")
                .help(format!("write requests.{bare}"));
            out.push("quota-of-extended-resource", o, "spec.hard", d);
        }
    }
    let Some(limit) = q.gpus() else { return };
    let mine = m.workloads().filter(|(w, _)| w.meta.namespace() == o.meta.namespace());
    let all = mine.map(|(_, k)| k.pod.request(GPU).map_or(Quantity::default(), |g| g.times(u64::from(k.pods()))));
    let all = all.fold(Quantity::default(), Quantity::plus);
    if all > limit.value {
        let d = Diagnostic::warning(format!(
            "{} allows {} GPUs, and the pods of its namespace ask for {all}",
            o.named(),
            limit.value
        ))
        .at(limit.at.0, limit.at.1, "the last of them are refused, and their owners try for ever")
        .help("raise the quota, or ask for less");
        out.push("quota-below-pods", o, "spec.hard", d);
    }
}
