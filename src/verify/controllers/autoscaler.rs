//! Runs cases of the Cluster Autoscaler's parts.

use super::format as f;
use super::names::{Names, too_many};
use crate::policy::cluster_autoscaler::Resources;
use crate::policy::cluster_autoscaler::balance::{Size, balance as split};
use crate::policy::cluster_autoscaler::estimator::{self, Class, Domain, Spread};
use crate::policy::cluster_autoscaler::expander::{self, Filter, Market};
use crate::verify::cases::Report;
use crate::verify::quantity::Amount;

pub fn resources(r: &f::CaResources) -> Resources {
    Resources { cpu: r.cpu.0, memory: r.memory.units(), gpu: r.gpu.0, pods: r.pods.units() }
}

pub fn request(cpu: Amount, memory: Amount, gpu: Amount) -> Resources {
    Resources::of_pod(cpu.0, memory.units(), gpu.0)
}

pub fn tolerable(tolerance: f64, report: &mut Report<'_>) -> bool {
    if tolerance < 0.0 {
        report.fault("the tolerance is negative", "write 0 or more");
    }
    tolerance >= 0.0
}

pub fn estimate(case: &f::EstimateCase, report: &mut Report<'_>) {
    if too_many(case.pods.iter().map(|c| c.count), 1_000_000, "pods", report) {
        return;
    }
    let mut domains = Names::new("domain");
    let mut spread = |s: &f::Spread| Spread {
        max_skew: s.max_skew.into(),
        min_domains: s.min_domains,
        by: match &s.by {
            f::Domain::Hostname => Domain::Hostname,
            f::Domain::Label(value) => Domain::Label(domains.intern(value).into()),
        },
        existing: s.existing.iter().map(|(d, n)| (domains.intern(d).into(), i64::from(*n))).collect(),
    };
    if case.pods.iter().filter_map(|c| c.spread.as_ref()).any(|s| s.max_skew == 0) {
        return report.fault("a spread has a `max_skew` of 0", "Kubernetes wants 1 or more");
    }
    let classes: Vec<Class> = case
        .pods
        .iter()
        .map(|c| Class {
            request: request(c.cpu, c.memory, c.gpu),
            count: c.count,
            host_ports: c.host_ports.clone(),
            spread: c.spread.as_ref().map(&mut spread),
        })
        .collect();
    let template = resources(&case.template);
    let d = &case.daemons;
    let daemons = Resources { cpu: d.cpu.0, memory: d.memory.units(), gpu: 0, pods: d.pods.units() };
    let found = estimator::estimate(template, template.minus(daemons), &classes, case.max_nodes);
    let e = &case.expect;
    report.number("nodes", e.nodes, Some(u64::from(found.nodes)));
    report.number("pods", e.pods, Some(found.pods()));
    let list = |v: &[u64]| v.iter().map(u64::to_string).collect::<Vec<_>>();
    let ours: Vec<u64> = found.scheduled.iter().map(|n| u64::from(*n)).collect();
    report.words("by class", e.by_class.as_deref().map(list).as_deref(), &list(&ours));
}

pub fn expand(case: &f::ExpandCase, report: &mut Report<'_>) {
    if !tolerable(case.tolerance, report) {
        return;
    }
    let mut names = Names::new("group");
    let mut choices = Vec::new();
    for c in &case.options {
        if names.add(&c.group, report).is_none() {
            return;
        }
        choices.push(expander::Choice {
            group: c.group.value.clone(),
            nodes: c.nodes,
            pods: c.pods,
            requested: resources(&c.requested),
            capacity: resources(&c.capacity),
            node_price: c.node_price,
            pod_price: c.pod_price,
            exists: c.exists,
        });
    }
    let filter = |e: &f::Expander| match e {
        f::Expander::MostPods => Filter::MostPods,
        f::Expander::LeastWaste => Filter::LeastWaste,
        f::Expander::Priority(tiers) => Filter::Priority(tiers.clone()),
        f::Expander::Price(p) => Filter::Price(market(p)),
    };
    let empty = |c: &&f::Choice| c.capacity.cpu.0 == 0 || c.capacity.memory.0 == 0;
    let weighs = case.expanders.iter().any(|e| matches!(e, f::Expander::LeastWaste)) || !case.expect.waste.is_empty();
    if let Some(c) = case.options.iter().find(empty).filter(|_| weighs) {
        let message = format!("group `{}` has no CPU or no memory, of which shares would be free", c.group.value);
        return report.fault_at(c.group.at, message, "no capacity", "write `capacity: (cpu: …, memory: …)`");
    }
    let filters: Vec<Filter> = case.expanders.iter().map(filter).collect();
    let e = &case.expect;
    let ours = expander::pick(&choices, &filters).map_or("none", |c| c.group.as_str());
    report.word("group", e.group.as_deref(), ours);
    let left: Vec<String> = expander::survivors(&choices, &filters).iter().map(|c| c.group.clone()).collect();
    report.set("left", e.left.as_deref(), &left);
    for (name, waste) in &e.waste {
        let Some(i) = names.find(name, report) else { continue };
        let ours = expander::waste(&choices[i as usize]);
        report.double(&format!("waste {}", name.value), Some(*waste), ours, case.tolerance);
    }
    let price = case.expanders.iter().find_map(|e| if let f::Expander::Price(p) = e { Some(p) } else { None });
    for (name, score) in &e.score {
        let Some(i) = names.find(name, report) else { continue };
        let Some(p) = price else {
            report.fault_at(name.at, "a score without the expander `Price`", "no score", "add it to `expanders`");
            continue;
        };
        let ours = expander::price_score(&choices[i as usize], &market(p));
        report.double(&format!("score {}", name.value), Some(*score), ours, case.tolerance);
    }
}

const fn market(p: &f::Price) -> Market {
    Market { stabilisation: p.stabilization, preferred_cpu: p.preferred_cpu.0 }
}

pub fn preferred(case: &f::PreferredCase, report: &mut Report<'_>) {
    for (nodes, cpu) in &case.expect {
        let ours = expander::preferred_cpu(*nodes as usize) as f64 / 1000.0;
        report.double(&format!("{nodes} nodes"), Some(cpu.0 as f64 / 1000.0), ours, 0.0);
    }
}

pub fn balance(case: &f::BalanceCase, report: &mut Report<'_>) {
    if too_many([case.add], 1_000_000, "nodes", report) {
        return;
    }
    if case.groups.len() != case.expect.len() {
        let message = format!("{} sizes for {} groups", case.expect.len(), case.groups.len());
        return report.fault(message, "write one in `expect` for each group");
    }
    let groups: Vec<Size> = case.groups.iter().map(|(current, max)| Size { current: *current, max: *max }).collect();
    let mut ours = split(&groups, case.add);
    let mut expected = case.expect.clone();
    if case.any_order {
        ours.sort_unstable();
        expected.sort_unstable();
    }
    for (i, (want, ours)) in expected.iter().zip(ours).enumerate() {
        report.number(&format!("group {}", i + 1), Some(u64::from(*want)), Some(u64::from(ours)));
    }
}
