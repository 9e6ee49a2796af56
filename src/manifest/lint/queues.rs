//! Kueue.

use super::Out;
use crate::manifest::kind::kueue::Group;
use crate::manifest::kind::workload::Workload;
use crate::manifest::object::{Manifests, Object};
use crate::policy::kueue as policy;
use crate::units::{Diagnostic, nearest};

/// The label that says which LocalQueue a job waits in.
pub const QUEUE: &str = "kueue.x-k8s.io/queue-name";

pub(super) fn lint(m: &Manifests, out: &mut Out<'_>) {
    for (o, q) in m.cluster_queues() {
        groups(m, o, &q.groups, q.cohort.is_some(), out);
        if q.preemption.reclaim == policy::Policy::Never && q.preemption.borrow.is_some() {
            refused(
                o,
                o.name_at(),
                "it may preempt for borrowing but not reclaim within its cohort",
                "write reclaimWithinCohort: Any or LowerPriority",
                out,
            );
        }
    }
    for (o, c) in m.cohorts() {
        groups(m, o, &c.groups, c.parent.is_some(), out);
        let (mut at, mut steps) = (c.parent.as_ref(), 0);
        while let Some(p) = at
            && steps <= m.cohorts().count()
        {
            at = m.cohorts().find(|(o, _)| o.name() == p.value).and_then(|(_, c)| c.parent.as_ref());
            steps += 1;
        }
        if at.is_some() {
            refused(o, o.name_at(), "through its parents it is within itself", "mend `parentName` of one of them", out);
        }
    }
    for (o, l) in m.local_queues() {
        if m.cluster_queues().next().is_some() && !m.cluster_queues().any(|(c, _)| c.name() == l.queue.value) {
            unknown(o, "cluster queue", &l.queue, m.cluster_queues().map(|(c, _)| c.name()), out);
        }
    }
    for (o, w) in m.workloads() {
        job(m, o, w, out);
    }
}

fn refused(o: &Object, at: crate::formats::Place, why: &str, help: &str, out: &mut Out<'_>) {
    let d = Diagnostic::error(format!("{} would be refused: {why}", o.named()))
        .at(at.0, at.1, "Kueue does not take this")
        .help(help);
    out.push("kueue-refused", o, "spec", d);
}

fn unknown<'a>(
    o: &Object,
    what: &str,
    name: &crate::manifest::At<String>,
    all: impl Iterator<Item = &'a str>,
    out: &mut Out<'_>,
) {
    let d = Diagnostic::warning(format!(
        "{} names the {what} `{}`, which the manifests do not have",
        o.named(),
        name.value
    ))
    .at(name.at.0, name.at.1, "what waits there is never admitted");
    let d = match nearest(&name.value, all) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d.help("read its file too, or mend the name"),
    };
    let id = if what == "flavor" { "kueue-unknown-flavor" } else { "kueue-unknown-queue" };
    out.push(id, o, "spec", d);
}

fn groups(m: &Manifests, o: &Object, groups: &[Group], in_cohort: bool, out: &mut Out<'_>) {
    let mut resources: Vec<&str> = Vec::new();
    let mut flavors: Vec<&str> = Vec::new();
    for g in groups {
        for r in &g.resources {
            if resources.contains(&r.value.as_str()) {
                refused(o, r.at, &format!("`{}` is covered twice", r.value), "keep it in one group", out);
            }
            resources.push(&r.value);
        }
        for f in &g.flavors {
            if flavors.contains(&f.name.value.as_str()) {
                refused(
                    o,
                    f.name.at,
                    &format!("the flavor `{}` is there twice", f.name.value),
                    "keep it in one group",
                    out,
                );
            }
            flavors.push(&f.name.value);
            let listed: Vec<&str> = f.quotas.iter().map(|q| q.resource.value.as_str()).collect();
            let covered: Vec<&str> = g.resources.iter().map(|r| r.value.as_str()).collect();
            if listed != covered && o.kind == "ClusterQueue" {
                let why = format!("the flavor `{}` does not have the group's resources in their order", f.name.value);
                refused(o, f.name.at, &why, &format!("list {}", covered.join(", ")), out);
            }
            if m.flavors().next().is_some() && !m.flavors().any(|(x, _)| x.name() == f.name.value) {
                unknown(o, "flavor", &f.name, m.flavors().map(|(x, _)| x.name()), out);
            }
            for q in &f.quotas {
                if q.nominal.nanos() < 0 || [&q.borrowing, &q.lending].into_iter().flatten().any(|l| l.nanos() < 0) {
                    refused(o, q.nominal.at, "a quota or limit is negative", "write 0 or more", out);
                }
                let limit = q.borrowing.or(q.lending);
                if let Some(l) = limit.filter(|_| !in_cohort) {
                    refused(
                        o,
                        l.at,
                        "a borrowing or lending limit without a cohort above it",
                        "give it a cohort, or leave the limit out",
                        out,
                    );
                }
                if let Some(l) = q.lending.filter(|l| l.value > q.nominal.value) {
                    refused(
                        o,
                        l.at,
                        "it would lend more than its nominal quota",
                        "write the nominal quota or less",
                        out,
                    );
                }
            }
        }
    }
}

/// Whether a job that waits in a queue can ever be admitted.
fn job(m: &Manifests, o: &Object, w: &Workload, out: &mut Out<'_>) {
    let Some(label) = o.meta.label(QUEUE) else { return };
    let local = m.local_queues().find(|(q, _)| q.name() == label.value && q.meta.namespace() == o.meta.namespace());
    let Some((_, local)) = local else {
        if m.local_queues().next().is_some() {
            unknown(o, "local queue", label, m.local_queues().map(|(q, _)| q.name()), out);
        }
        return;
    };
    let Some((queue, q)) = m.cluster_queues().find(|(c, _)| c.name() == local.queue.value) else { return };
    for (resource, each) in &w.pod.requests {
        let all = each.times(u64::from(w.pods()));
        if all.nanos() == 0 {
            continue;
        }
        let mine =
            q.groups.iter().flat_map(|g| &g.flavors).flat_map(|f| &f.quotas).filter(|x| x.resource.value == *resource);
        let most = mine.map(|x| match (q.cohort.is_some(), x.borrowing) {
            (false, _) => Some(x.nominal.value),
            (true, Some(b)) => Some(x.nominal.plus(b.value)),
            (true, None) => None,
        });
        let most: Vec<_> = most.collect();
        if most.is_empty() {
            let d = Diagnostic::warning(format!(
                "{} asks for `{resource}`, which {} does not cover",
                o.named(),
                queue.named()
            ))
            .at(each.at.0, each.at.1, "it is never admitted")
            .help(format!("add `{resource}` to coveredResources with a quota"));
            out.push("kueue-resource-not-covered", o, &w.pod.path, d);
        } else if most.iter().all(|x| x.is_some_and(|x| x < all)) {
            let d = Diagnostic::warning(format!(
                "{} asks for {all} of `{resource}`, more than {} can give",
                o.named(),
                queue.named()
            ))
            .at(each.at.0, each.at.1, "it is never admitted: all or nothing")
            .help("raise the quota or the borrowing limit, or run fewer pods at once");
            out.push("kueue-job-above-quota", o, &w.pod.path, d);
        }
    }
}
