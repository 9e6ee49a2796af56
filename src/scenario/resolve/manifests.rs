//! Kubernetes manifests of a scenario: read once, laid over its services and node pools; what nobody claims is work.
//!
//! - [`services`]: a Deployment, StatefulSet or Rollout of a service's name, and what scales it;
//! - [`descheduler`]: a DeschedulerPolicy as the scenario's Descheduler;
//! - [`nodes`]: NodePools as those of the scenario's Karpenter;
//! - [`work`]: all other pods, and jobs;
//! - [`places`]: which pools labels, affinity and taints leave;
//! - [`metrics`]: what a metric of an autoscaler measures.
//!
//! What of the manifests comes to nothing is told, object by object.

mod descheduler;
mod metrics;
mod nodes;
mod places;
mod services;
mod work;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::context::{DATA, Env};
use crate::manifest::files::{matching, read_files};
use crate::manifest::kind::meta::Pair;
use crate::manifest::kind::pod::{GPU, Pod};
use crate::manifest::quantity::Quantity;
use crate::manifest::{At, Body, Findings, Manifests, Object, lint};
use crate::scenario::decode::Spanned;
use crate::scenario::file::node_autoscaler as shape;
use crate::scenario::file::{Quota, Scenario, Work};
use crate::units::{Diagnostic, Diagnostics, Name, nearest};
use places::Places;

/// Manifests that were read, by the patterns that name them.
#[derive(Debug, Default)]
pub(super) struct Cache(Vec<(Vec<String>, Arc<Loaded>)>);

/// What some patterns lead to.
#[derive(Debug)]
struct Loaded {
    manifests: Manifests,
    findings: Findings,
}

/// A scenario with its manifests laid over it.
pub(super) struct Applied {
    /// The scenario as it is with them.
    pub scenario: Scenario,
    /// The objects.
    manifests: Option<Arc<Loaded>>,
    /// Which objects have a part in it.
    used: BTreeSet<usize>,
}

impl Applied {
    /// All that was read.
    fn all(&self) -> Option<&Manifests> {
        self.manifests.as_ref().map(|l| &l.manifests)
    }
}

/// Reads the manifests that the scenario names, and lays them over it.
pub(super) fn apply(s: &Scenario, env: &mut Env<'_>, out: &mut Diagnostics) -> Applied {
    let mut applied = Applied { scenario: s.clone(), manifests: None, used: BTreeSet::new() };
    if s.manifests.is_empty() {
        if let Some((name, job)) = s.manifest_jobs.first() {
            out.push(
                Diagnostic::error(format!("`manifest_jobs` names `{name}`, and there are no manifests"))
                    .at(job.run.at.0, job.run.at.1, "for a job of which file?")
                    .help("write manifests: [\"k8s/*.yaml\"]"),
            );
        }
        return applied;
    }
    let Some(loaded) = load(s, env, out) else { return applied };
    out.extend(loaded.findings.diagnostics());
    applied.manifests = Some(Arc::clone(&loaded));
    if loaded.findings.has_errors() {
        return applied;
    }
    let m = &loaded.manifests;
    let (pools, catalog) = (applied.scenario.pools.clone(), env.catalog.clone());
    let places = Places::new(&pools, &catalog, m);
    nodes::apply(m, &places, &mut applied.scenario, &mut applied.used, out);
    descheduler::apply(m, &mut applied.scenario, &mut applied.used, out);
    services::apply(m, &places, &mut applied.scenario, &mut applied.used, out);
    quotas(m, &mut applied, out);
    queues(m, &mut applied, out);
    known_jobs(s, m, out);
    applied
}

fn load(s: &Scenario, env: &mut Env<'_>, out: &mut Diagnostics) -> Option<Arc<Loaded>> {
    let patterns: Vec<String> = s.manifests.iter().map(|p| p.value.clone()).collect();
    let mut paths = Vec::new();
    for p in s.manifests.iter() {
        let found = match p.strip_prefix(DATA) {
            Some(rest) => matching(&env.data, rest.trim_start_matches(['/', '\\'])),
            None => matching(&env.base, p),
        };
        if found.is_empty() {
            let base = if env.base.as_os_str().is_empty() { Path::new(".") } else { &env.base };
            out.push(
                Diagnostic::error(format!("no file is named by `{}`", p.value))
                    .at(p.at.0, p.at.1, "nothing there")
                    .help(format!("patterns start at the scenario's folder, `{}`", base.display()))
                    .help("`*` stands for any part of a name, `**` for any folders"),
            );
        }
        for f in found {
            if !paths.contains(&f) {
                paths.push(f);
            }
        }
    }
    if paths.is_empty() {
        return None;
    }
    if let Some((_, loaded)) = env.manifests.0.iter().find(|(p, _)| *p == patterns) {
        return Some(Arc::clone(loaded));
    }
    let (mut manifests, mut findings) = (Manifests::default(), Findings::default());
    read_files(&paths, env.sources, &mut manifests, &mut findings);
    lint(&manifests, &mut findings);
    for p in paths {
        if !env.inputs.contains(&p) {
            env.inputs.push(p);
        }
    }
    if let Some(note) = findings.no_effect_note() {
        env.notices.push(format!("manifests: {note}"));
    }
    let loaded = Arc::new(Loaded { manifests, findings });
    env.manifests.0.push((patterns, Arc::clone(&loaded)));
    Some(loaded)
}

/// A ResourceQuota on GPUs holds for what carries its namespace as a label.
fn quotas(m: &Manifests, applied: &mut Applied, out: &mut Diagnostics) {
    let of = |o: &Object| Name::new(o.meta.namespace()).ok();
    let spaces: BTreeSet<&str> = m.workloads().map(|(o, _)| o.meta.namespace()).collect();
    for (i, o) in m.objects.iter().enumerate() {
        let Body::ResourceQuota(q) = &o.body else { continue };
        for (k, _) in q.hard.iter().filter(|(k, _)| k.value != "requests.nvidia.com/gpu") {
            out.push(
                Diagnostic::warning(format!("`{}` of {} has no counterpart in the scenario", k.value, o.named())).at(
                    k.at.0,
                    k.at.1,
                    "quotas of scenarios are on GPUs",
                ),
            );
        }
        let (Some(gpus), Some(name)) = (q.gpus(), of(o)) else { continue };
        if !spaces.contains(name.as_str()) {
            continue;
        }
        applied.used.insert(i);
        let label = Spanned { value: format!("namespace={name}"), at: gpus.at };
        let gpus = Spanned { value: gpus.to_f64(), at: gpus.at };
        applied.scenario.quotas.push(Quota { label, gpus });
    }
}

/// Kueue's label on jobs.
const QUEUE: &str = "kueue.x-k8s.io/queue-name";

/// The ClusterQueue that a job waits for.
fn queue_of<'m>(m: &'m Manifests, o: &Object) -> Option<&'m str> {
    let label = o.meta.label(QUEUE)?;
    let local = m.local_queues().find(|(q, _)| q.name() == label.value && q.meta.namespace() == o.meta.namespace());
    local.map(|(_, l)| l.queue.value.as_str())
}

/// The GPUs of a ClusterQueue that stands alone are a quota on the jobs that wait for it.
fn queues(m: &Manifests, applied: &mut Applied, out: &mut Diagnostics) {
    for (i, o) in m.objects.iter().enumerate() {
        let Body::ClusterQueue(q) = &o.body else { continue };
        let jobs = m.workloads().any(|(w, _)| queue_of(m, w) == Some(o.name()));
        let gpus =
            || q.groups.iter().flat_map(|g| &g.flavors).flat_map(|f| &f.quotas).filter(|x| x.resource.value == GPU);
        let (Some(first), Ok(name), true) = (gpus().next(), Name::new(o.name()), jobs) else { continue };
        let all = gpus().map(|x| x.nominal.value).fold(Quantity::default(), Quantity::plus);
        if let Some(c) = &q.cohort {
            out.push(Diagnostic::warning(format!("{} borrows nothing from its cohort `{}`", o.named(), c.value)).at(
                c.at.0,
                c.at.1,
                "quotas of scenarios stand alone",
            ));
        }
        let at = first.nominal.at;
        let label = Spanned { value: format!("queue={name}"), at };
        applied.scenario.quotas.push(Quota { label, gpus: Spanned { value: all.to_f64(), at } });
        applied.used.insert(i);
        let local = |b: &Body| matches!(b, Body::LocalQueue(l) if l.queue.value == o.name());
        let flavor = |x: &Object| {
            matches!(x.body, Body::Flavor(_))
                && q.groups.iter().flat_map(|g| &g.flavors).any(|f| f.name.value == x.name())
        };
        let theirs = m.objects.iter().enumerate().filter(|(_, x)| local(&x.body) || flavor(x));
        applied.used.extend(theirs.map(|(i, _)| i));
    }
}

/// Every job that the scenario speaks of must be there.
fn known_jobs(s: &Scenario, m: &Manifests, out: &mut Diagnostics) {
    let jobs = || m.workloads().filter(|(_, w)| w.kind.ends()).map(|(o, _)| o.name());
    for (name, job) in &s.manifest_jobs {
        if jobs().any(|j| j == name.as_str() || j.trim_end_matches('-') == name.as_str()) {
            continue;
        }
        let d = Diagnostic::error(format!("the manifests have no job `{name}`")).at(
            job.run.at.0,
            job.run.at.1,
            "for this run time",
        );
        let d = match nearest(name.as_str(), jobs()) {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d,
        };
        let all = jobs().collect::<Vec<_>>().join(", ");
        out.push(d.help(if all.is_empty() { "they have none".to_owned() } else { format!("they have {all}") }));
    }
}

/// Tells which objects came to nothing.
fn unused(m: &Manifests, used: &BTreeSet<usize>, out: &mut Diagnostics) {
    for (i, o) in m.objects.iter().enumerate() {
        let why = match &o.body {
            _ if used.contains(&i) => continue,
            // Their part is in what names them.
            Body::PriorityClass(_) | Body::Pdb(_) | Body::NodeClass(_) => continue,
            // That its pods stay as many has been told.
            Body::Hpa(h) if m.workloads().any(|(w, _)| w.name() == h.target.name.value) => continue,
            Body::ScaledObject(k) if m.workloads().any(|(w, _)| w.name() == k.target.name.value) => continue,
            Body::Hpa(_) | Body::ScaledObject(_) => "what it scales is no deployment of a service in the scenario",
            Body::Vpa(_) => "scenarios do not size pods while they run",
            Body::NodePool(_) => "no pool of the scenario with nodes: Scaled(…) meets its requirements",
            Body::Descheduler(_) => {
                "it enables neither LowNodeUtilization nor HighNodeUtilization, or another one does"
            }
            Body::ClusterQueue(_) | Body::LocalQueue(_) | Body::Flavor(_) | Body::Cohort(_) => {
                "scenarios have quotas and queues of their own: `quotas`, `queue`"
            }
            Body::MigParted(_) | Body::DevicePlugin(_) => "the scenario's pools say how GPUs are cut and shared",
            Body::ResourceQuota(_) => "no pod of its namespace is in the manifests, or it does not limit GPUs",
            Body::Workload(_) => "it starts nothing",
        };
        let at = o.name_at();
        out.push(Diagnostic::warning(format!("{} has no part in the scenario", o.named())).at(at.0, at.1, why));
    }
}

/// How pods bear that their node goes.
fn disruption(m: &Manifests, o: &Object, p: &Pod) -> shape::Disruption {
    let budgets = m.pdbs().filter(|(b, d)| {
        b.meta.namespace() == o.meta.namespace() && d.selector.as_ref().is_some_and(|s| s.selects(&p.meta.labels))
    });
    let budget = budgets.into_iter().find_map(|(_, d)| match (&d.min_available, &d.max_unavailable) {
        (Some(v), _) => Some(Spanned { value: shape::PodBudget::MinAvailable(v.value.to_string()), at: v.at }),
        (_, Some(v)) => Some(Spanned { value: shape::PodBudget::MaxUnavailable(v.value.to_string()), at: v.at }),
        _ => None,
    });
    let never = p.do_not_disrupt.is_some() || p.safe_to_evict.is_some_and(|s| !s.value);
    shape::Disruption { do_not_disrupt: never, budget, grace: p.grace.map(|g| g.value) }
}

/// The priority of a pod's class.
fn priority(m: &Manifests, p: &Pod) -> i32 {
    let class = match &p.priority_class {
        Some(c) => m.priority_classes().find(|(o, _)| o.name() == c.value && o.kind == "PriorityClass"),
        None => m.priority_classes().find(|(o, c)| c.default && o.kind == "PriorityClass"),
    };
    class.map_or(0, |(_, c)| c.value.value)
}

/// Labels of pods as those of a scenario: keys without their prefix, the namespace, no housekeeping.
fn labels(m: &Manifests, o: &Object, pairs: &[Pair]) -> Vec<(Name, Name)> {
    const HOUSEKEEPING: [&str; 7] =
        ["pod-template-hash", "controller-revision-hash", "chart", "managed-by", "heritage", "release", "queue-name"];
    let mut all: Vec<(Name, Name)> = Vec::new();
    let space = At::new("namespace".to_owned(), o.at);
    let namespace = (space, At::new(o.meta.namespace().to_owned(), o.at));
    if let (Ok(key), Some(Ok(queue))) = (Name::new("queue"), queue_of(m, o).map(Name::new)) {
        all.push((key, queue));
    }
    for (k, v) in [&namespace].into_iter().chain(pairs) {
        let bare = k.value.rsplit('/').next().unwrap_or(&k.value);
        if HOUSEKEEPING.contains(&bare) {
            continue;
        }
        if let (Ok(key), Ok(value)) = (Name::new(bare), Name::new(&v.value))
            && !all.iter().any(|(other, _)| *other == key)
        {
            all.push((key, value));
        }
    }
    all
}

/// The name of an object as one of a scenario.
fn name_of(o: &Object) -> Option<Name> {
    Name::new(o.name().trim_end_matches(['-', '.'])).ok()
}

/// The services of a scenario.
fn services_of(s: &mut Scenario) -> impl Iterator<Item = &mut crate::scenario::file::service::Service> {
    s.work.value.iter_mut().filter_map(|w| match w {
        Work::Service(v) => Some(&mut **v),
        _ => None,
    })
}
