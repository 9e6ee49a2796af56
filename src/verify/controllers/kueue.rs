//! Runs cases of Kueue.

use std::collections::{BTreeMap, BTreeSet};

use super::format as f;
use super::names::{NOW, Names, ago, too_many};
use crate::policy::kueue::{
    Admitted, Assignment, BorrowWithinCohort, ClusterQueue, Cohort, CohortIx, Config, ConfigError, FlavorIx,
    FlavorQuotas, Fungibility, Kueue, Outcome, PodSet, Policy, Preemption, QueueIx, Queueing, Quota, ResourceGroup,
    ResourceIx, Strategy, View, Weight, WhenCan, Workload,
};
use crate::scenario::decode::{Decode, Spanned};
use crate::units::Duration;
use crate::verify::cases::Report;
use crate::verify::quantity::{Amount, Quantity};

/// A case's names: amounts are in thousandths throughout.
struct Known {
    queues: Names,
    flavors: Names,
    resources: Names,
}

fn amount(a: Amount) -> i64 {
    a.0
}

fn limits(q: &f::Quota) -> Quota {
    Quota { nominal: q.nominal.0, borrowing: q.borrowing_limit.map(amount), lending: q.lending_limit.map(amount) }
}

const fn policy(p: &f::PreemptionPolicy) -> Policy {
    match p {
        f::PreemptionPolicy::Never => Policy::Never,
        f::PreemptionPolicy::LowerPriority => Policy::LowerPriority,
        f::PreemptionPolicy::LowerOrNewerEqualPriority => Policy::LowerOrNewerEqualPriority,
        f::PreemptionPolicy::Any => Policy::Any,
    }
}

const fn when(w: &f::WhenCan) -> WhenCan {
    match w {
        f::WhenCan::MayStopSearch => WhenCan::MayStopSearch,
        f::WhenCan::TryNextFlavor => WhenCan::TryNextFlavor,
    }
}

/// The configuration and its names; `None`, reported, if there is none.
fn config(q: &f::Quotas, report: &mut Report<'_>) -> Option<(Config, Known)> {
    let mut known =
        Known { queues: Names::new("queue"), flavors: Names::new("flavor"), resources: Names::new("resource") };
    let mut cohorts = Names::new("cohort");
    for c in &q.cohorts {
        cohorts.add(&c.name, report)?;
    }
    let parents =
        q.cohorts.iter().filter_map(|c| c.parent.as_ref()).chain(q.queues.iter().filter_map(|q| q.cohort.as_ref()));
    // Cohorts that are only named, by name.
    for name in parents.collect::<BTreeSet<_>>() {
        cohorts.intern(name);
    }
    let mut made = Config { cohorts: vec![Cohort::default(); cohorts.len()], ..Config::default() };
    for (c, made) in q.cohorts.iter().zip(&mut made.cohorts) {
        made.parent = c.parent.as_deref().and_then(|p| cohorts.get(p)).map(CohortIx);
        made.weight = Weight(c.weight.milli());
        for flavor in &c.flavors {
            let ix = FlavorIx(known.flavors.intern(&flavor.name));
            let of = |(r, q): &(String, f::Quota)| (ix, ResourceIx(known.resources.intern(r)), limits(q));
            made.quotas.extend(flavor.quotas.iter().map(of).collect::<Vec<_>>());
        }
    }
    for queue in &q.queues {
        known.queues.add(&queue.name, report)?;
        let mut groups = Vec::new();
        for group in &queue.groups {
            groups.push(resource_group(group, &queue.name, &mut known, report)?);
        }
        let (p, g) = (&queue.preemption, &queue.flavor_fungibility);
        made.queues.push(ClusterQueue {
            cohort: queue.cohort.as_deref().and_then(|c| cohorts.get(c)).map(CohortIx),
            groups,
            preemption: Preemption {
                within_queue: policy(&p.within_cluster_queue),
                reclaim: policy(&p.reclaim_within_cohort),
                borrow: p
                    .borrow_within_cohort
                    .as_ref()
                    .map(|b| BorrowWithinCohort { max_priority: b.max_priority_threshold }),
            },
            fungibility: Fungibility {
                borrow: when(&g.when_can_borrow),
                preempt: when(&g.when_can_preempt),
                prefer_preemption: g.prefer_preemption,
            },
            queueing: if queue.strict_fifo { Queueing::StrictFifo } else { Queueing::BestEffortFifo },
            weight: Weight(queue.weight.milli()),
        });
    }
    let strategy = |s: &f::Strategy| match s {
        f::Strategy::LessThanOrEqualToFinalShare => Strategy::FinalShare,
        f::Strategy::LessThanInitialShare => Strategy::InitialShare,
    };
    made.fair_sharing = q.fair_sharing.as_ref().map(|list| list.iter().map(strategy).collect());
    Some((made, known))
}

/// A group's resources are those of its flavors, of which each must have all.
fn resource_group(
    group: &f::ResourceGroup,
    queue: &Spanned<String>,
    known: &mut Known,
    report: &mut Report<'_>,
) -> Option<ResourceGroup> {
    let names: Vec<&String> =
        group.flavors.first().map(|f| f.quotas.iter().map(|(r, _)| r).collect()).unwrap_or_default();
    let resources = names.iter().map(|r| ResourceIx(known.resources.intern(r))).collect();
    let mut flavors = Vec::new();
    for flavor in &group.flavors {
        let of = |name: &&String| flavor.quotas.iter().find(|(r, _)| r == *name).map(|(_, q)| limits(q));
        let quotas: Option<Vec<Quota>> = names.iter().map(of).collect();
        let Some(quotas) = quotas.filter(|q| q.len() == flavor.quotas.len()) else {
            let message =
                format!("flavor `{}` of queue `{}` has not the resources of its group", flavor.name, queue.value);
            report.fault_at(queue.at, message, "of this queue", "all flavors of a group list the same resources, once");
            return None;
        };
        flavors.push(FlavorQuotas { flavor: FlavorIx(known.flavors.intern(&flavor.name)), quotas });
    }
    Some(ResourceGroup { resources, flavors })
}

/// What the API server refuses, at its queue or cohort.
fn refuse(faults: &[ConfigError], q: &f::Quotas, report: &mut Report<'_>) {
    use ConfigError as E;
    for e in faults {
        let queue = |i: &usize| q.queues.get(*i).map(|x| &x.name);
        let cohort = |i: &usize| q.cohorts.get(*i).map(|x| &x.name);
        let of = |what: &str, i: &usize| if what == "cohort" { cohort(i) } else { queue(i) };
        let name = match e {
            E::Cycle(i) => cohort(i),
            E::NoCohort(what, i) | E::Unknown(what, i) | E::Negative(what, i) | E::LimitWithoutCohort(what, i) => {
                of(what, i)
            }
            E::LendsTooMuch(i)
            | E::ResourceTwice(i)
            | E::FlavorTwice(i)
            | E::BorrowWithoutReclaim(i)
            | E::AnyWithinQueue(i) => queue(i),
            E::Uneven { queue: i, .. } => queue(i),
            E::Strategies => None,
        };
        let help = "the cluster would refuse it too; queues and cohorts count from 0";
        match name {
            Some(name) => report.fault_at(name.at, e.to_string(), "refused", help),
            None => report.fault(e.to_string(), help),
        }
    }
}

/// Uses as the tree has them.
fn cells(uses: &[f::Use], known: &Known, report: &mut Report<'_>) -> Vec<(QueueIx, FlavorIx, ResourceIx, i64)> {
    let mut out = Vec::new();
    for u in uses {
        let Some(q) = known.queues.find(&u.queue, report) else { continue };
        match (known.flavors.get(&u.flavor), known.resources.get(&u.resource)) {
            (Some(f), Some(r)) => out.push((QueueIx(q), FlavorIx(f), ResourceIx(r), u.amount.0)),
            _ => {
                let message = format!("no quota anywhere is of `{}` of `{}`", u.flavor, u.resource);
                report.fault_at(u.queue.at, message, "used here", "name a flavor and a resource that have quotas");
            }
        }
    }
    out
}

pub fn quota(case: &f::QuotaCase, report: &mut Report<'_>) {
    let Some((mut config, known)) = config(&case.quotas, report) else { return };
    (config.flavors, config.resources) = (known.flavors.len() as u32, known.resources.len() as u32);
    let kueue = match Kueue::new(config) {
        Ok(kueue) => kueue,
        Err(faults) => return refuse(&faults, &case.quotas, report),
    };
    let mut tree = kueue.tree(&[]);
    for (q, f, r, v) in cells(&case.usage, &known, report) {
        tree.take(q, f, r, v);
    }
    let e = &case.expect;
    let shown = |q, f, r| {
        let (queue, flavor, resource) = (known.queues.name(q), known.flavors.name(f), known.resources.name(r));
        let default = if flavor == "default" { String::new() } else { format!(" {flavor}") };
        if resource == "cpu" { format!("{queue}{default}") } else { format!("{queue}{default} {resource}") }
    };
    for (q, f, r, v) in cells(&e.available, &known, report) {
        let what = format!("available {}", shown(q.0, f.0, r.0));
        report.quantity(&what, Some(Quantity(v)), Some(tree.available(q, f, r)));
    }
    for (q, f, r, v) in cells(&e.potential, &known, report) {
        let what = format!("potential {}", shown(q.0, f.0, r.0));
        report.quantity(&what, Some(Quantity(v)), Some(tree.potential(q, f, r)));
    }
    for (name, share) in &e.share {
        let Some(q) = known.queues.find(name, report) else { continue };
        let ours = tree.share(QueueIx(q)).rounded();
        let what = format!("share {}", name.value);
        match share {
            f::Share::Of(v) => report.number(&what, Some(*v), Some(ours)),
            f::Share::Endless => report.happened(&format!("{what} endless"), ours == u64::MAX, &ours.to_string()),
        }
    }
}

/// The workloads of a case.
struct Workloads {
    names: Names,
    admitted: Vec<Admitted>,
    pending: Vec<Workload>,
}

fn workloads(case: &f::CycleCase, known: &mut Known, report: &mut Report<'_>) -> Option<Workloads> {
    let mut names = Names::new("workload");
    // Numbers in the order of names: equals go by them.
    let mut sorted: Vec<&Spanned<String>> =
        case.admitted.iter().map(|a| &a.name).chain(case.pending.iter().map(|p| &p.name)).collect();
    sorted.sort_by(|a, b| a.value.cmp(&b.value));
    for name in sorted {
        names.add(name, report)?;
    }
    let uid = |name: &Spanned<String>| u64::from(names.get(name).unwrap_or(0));
    let (mut admitted, mut pending) = (Vec::new(), Vec::new());
    for a in &case.admitted {
        let queue = QueueIx(known.queues.find(&a.queue, report)?);
        let mut usage = Vec::new();
        for (f, r, v) in &a.usage {
            let (Some(f), Some(r)) = (known.flavors.get(f), known.resources.get(r)) else {
                let message = format!("no quota anywhere is of `{f}` of `{r}`");
                report.fault_at(a.name.at, message, "it has some", "name a flavor and a resource that have quotas");
                return None;
            };
            usage.push((FlavorIx(f), ResourceIx(r), v.0));
        }
        admitted.push(Admitted {
            uid: uid(&a.name),
            queue,
            priority: a.priority,
            queued: ago(a.created),
            reserved: ago(a.reserved),
            evicted: a.evicted,
            usage,
        });
    }
    for p in &case.pending {
        let queue = QueueIx(known.queues.find(&p.queue, report)?);
        let set = |s: &f::PodSet| PodSet {
            count: s.count,
            min_count: s.min_count,
            requests: s.requests.iter().map(|(r, v)| (ResourceIx(known.resources.intern(r)), v.0)).collect(),
            flavors: s.flavors.as_ref().map(|l| l.iter().filter_map(|f| known.flavors.get(f)).map(FlavorIx).collect()),
        };
        let mut set = set;
        pending.push(Workload {
            uid: uid(&p.name),
            queue,
            priority: p.priority,
            queued: ago(p.created),
            pod_sets: p.pod_sets.iter().map(&mut set).collect(),
        });
    }
    Some(Workloads { names, admitted, pending })
}

pub fn cycle(case: &f::CycleCase, report: &mut Report<'_>) {
    let Some((mut config, mut known)) = config(&case.quotas, report) else { return };
    let Some(mut w) = workloads(case, &mut known, report) else { return };
    if too_many([case.cycles], 1000, "cycles", report) {
        return;
    }
    (config.flavors, config.resources) = (known.flavors.len() as u32, known.resources.len() as u32);
    let mut kueue = match Kueue::new(config) {
        Ok(kueue) => kueue,
        Err(faults) => return refuse(&faults, &case.quotas, report),
    };
    let mut last: BTreeMap<u64, Outcome> = BTreeMap::new();
    for n in 0..case.cycles {
        let decisions = kueue.cycle(&View { admitted: &w.admitted, pending: &w.pending });
        for d in decisions {
            match &d.outcome {
                Outcome::Admit(a) => admit(&mut w, d.uid, a, n),
                Outcome::Preempt { targets, .. } => {
                    for queue in
                        w.admitted.iter().filter(|a| targets.contains(&a.uid)).map(|a| a.queue).collect::<Vec<_>>()
                    {
                        kueue.freed(queue);
                    }
                    w.admitted.retain(|a| !targets.contains(&a.uid));
                }
                _ => {}
            }
            last.insert(d.uid, d.outcome);
        }
    }
    for (name, expected) in &case.expect {
        let Some(uid) = w.names.find(name, report) else { continue };
        let ours = shown(last.get(&u64::from(uid)), expected, &w.names, &known);
        report.word(&name.value, Some(&sorted(expected).show()), &ours);
    }
    let admitted: Vec<String> = w.admitted.iter().map(|a| w.names.name(a.uid as u32).to_owned()).collect();
    report.set("admitted", case.admitted_after.as_deref(), &admitted);
}

/// A workload has its quota from this cycle on.
fn admit(w: &mut Workloads, uid: u64, a: &Assignment, cycle: u32) {
    let Some(i) = w.pending.iter().position(|p| p.uid == uid) else { return };
    let p = w.pending.remove(i);
    let mut usage: Vec<(FlavorIx, ResourceIx, i64)> = Vec::new();
    for (r, f, v) in a.pod_sets.iter().flat_map(|s| &s.flavors) {
        match usage.iter_mut().find(|(x, y, _)| (x, y) == (f, r)) {
            Some((.., sum)) => *sum += v,
            None => usage.push((*f, *r, *v)),
        }
    }
    w.admitted.push(Admitted {
        uid,
        queue: p.queue,
        priority: p.priority,
        queued: p.queued,
        reserved: NOW + Duration::from_secs(u64::from(cycle)),
        evicted: false,
        usage,
    });
}

/// What is expected, its victims in the order of their names.
fn sorted(o: &f::Outcome) -> f::Outcome {
    match o {
        f::Outcome::Preempt(list) => {
            let mut list = list.clone();
            list.sort();
            f::Outcome::Preempt(list)
        }
        other => other.clone(),
    }
}

/// What came out, in the words of what is expected.
fn shown(ours: Option<&Outcome>, expected: &f::Outcome, names: &Names, known: &Known) -> String {
    let out = match ours {
        None => f::Outcome::NotLookedAt,
        Some(Outcome::Inadmissible(_)) => f::Outcome::Inadmissible,
        Some(Outcome::Skipped) => f::Outcome::Skipped,
        Some(Outcome::Preempt { targets, .. }) => {
            f::Outcome::Preempt(targets.iter().map(|t| names.name(*t as u32).to_owned()).collect())
        }
        Some(Outcome::Admit(a)) => match expected {
            f::Outcome::AdmitCounts(_) => {
                f::Outcome::AdmitCounts(a.pod_sets.iter().map(|s| u64::from(s.count)).collect())
            }
            f::Outcome::AdmitFlavors(_) => {
                let pair = |(r, f, _): &(ResourceIx, FlavorIx, i64)| {
                    (known.resources.name(r.0).to_owned(), known.flavors.name(f.0).to_owned())
                };
                let of = |s: &crate::policy::kueue::PodSetFlavors| s.flavors.iter().map(pair).collect();
                f::Outcome::AdmitFlavors(a.pod_sets.iter().map(of).collect())
            }
            _ => f::Outcome::Admit,
        },
    };
    sorted(&out).show()
}
