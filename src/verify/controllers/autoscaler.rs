//! Runs cases of the Cluster Autoscaler's parts.

use std::collections::BTreeMap;

use super::format as f;
use super::names::{Names, too_many};
use crate::policy::cluster_autoscaler::Resources;
use crate::policy::cluster_autoscaler::balance::{Size, balance as split};
use crate::policy::cluster_autoscaler::estimator::{self, Class, Domain, Spread};
use crate::policy::cluster_autoscaler::expander::{self, Filter, Market};
use crate::policy::cluster_autoscaler::removal::{Verdict, simulate};
use crate::policy::cluster_autoscaler::utilisation::{self, Config, Kind, Node, Pod};
use crate::scenario::decode::Decode;
use crate::verify::cases::Report;
use crate::verify::quantity::Amount;

fn resources(r: &f::CaResources) -> Resources {
    Resources { cpu: r.cpu.0, memory: r.memory.units(), gpu: r.gpu.0, pods: r.pods.units() }
}

fn request(cpu: Amount, memory: Amount, gpu: Amount) -> Resources {
    Resources::of_pod(cpu.0, memory.units(), gpu.0)
}

fn tolerable(tolerance: f64, report: &mut Report<'_>) -> bool {
    if tolerance < 0.0 {
        report.fault("the tolerance is negative", "write 0 or more");
    }
    tolerance >= 0.0
}

pub fn estimate(case: &f::EstimateCase, report: &mut Report<'_>) {
    if too_many(case.pods.iter().map(|c| c.count), 1_000_000, "pods", report) {
        return;
    }
    let spread = |s: &f::Spread| Spread {
        max_skew: s.max_skew.into(),
        min_domains: s.min_domains,
        by: match &s.by {
            f::Domain::Hostname => Domain::Hostname,
            f::Domain::Label(value) => Domain::Label(value.clone()),
        },
        existing: s.existing.iter().map(|(d, n)| (d.clone(), i64::from(*n))).collect(),
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
            spread: c.spread.as_ref().map(spread),
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

fn pod(p: &f::CaPod) -> Pod {
    Pod {
        request: request(p.cpu, p.memory, p.gpu),
        kind: match p.kind {
            f::CaKind::Replicated => Kind::Replicated,
            f::CaKind::Custom => Kind::Custom,
            f::CaKind::Unreplicated => Kind::Unreplicated,
            f::CaKind::Daemon => Kind::Daemon,
            f::CaKind::Mirror => Kind::Mirror,
        },
        overdue: p.overdue,
        safe_to_evict: p.safe_to_evict,
        system: p.system,
        local_storage: p.local_storage,
        evictions_allowed: p.evictions_allowed,
    }
}

pub fn scale_down(case: &f::ScaleDownCase, report: &mut Report<'_>) {
    let flags = &case.flags;
    let config = Config {
        threshold: flags.threshold,
        gpu_threshold: flags.gpu_threshold,
        ignore_daemons: flags.ignore_daemonsets,
        ignore_mirrors: flags.ignore_mirror_pods,
        skip_local_storage: flags.skip_local_storage,
        skip_system: flags.skip_system,
        skip_custom: flags.skip_custom,
    };
    let faults = config.faults();
    for e in &faults {
        report.fault(e.to_string(), "a threshold is a share: write 0.5 for a half");
    }
    let pods = case.nodes.iter().flat_map(|n| n.pods.iter().map(|p| p.count));
    if !faults.is_empty() || !tolerable(case.tolerance, report) || too_many(pods, 100_000, "pods", report) {
        return;
    }
    let (mut names, mut nodes) = (Names::new("node"), Vec::new());
    for n in &case.nodes {
        if names.add(&n.name, report).is_none() {
            return;
        }
        let allocatable = resources(&n.allocatable);
        nodes.push(Node {
            allocatable,
            gpu_label: n.gpu_label.unwrap_or(allocatable.gpu > 0),
            disabled: n.disabled,
            pods: n.pods.iter().flat_map(|p| std::iter::repeat_n(pod(p), p.count as usize)).collect(),
        });
    }
    let listed: Option<Vec<usize>> = match &case.candidates {
        None => Some((0..nodes.len()).collect()),
        Some(list) => {
            let found: Vec<Option<u32>> = list.iter().map(|n| names.find(n, report)).collect();
            found.into_iter().map(|n| n.map(|n| n as usize)).collect()
        }
    };
    let Some(candidates) = listed else { return };
    let verdicts: BTreeMap<usize, Verdict> =
        simulate(&nodes, &candidates, &config, |_, _, _| true).into_iter().collect();
    let e = &case.expect;
    for (name, expected) in &e.utilization {
        let Some(i) = names.find(name, report) else { continue };
        let ours = utilisation::utilisation(&nodes[i as usize], &config);
        report.double(&format!("{} utilization", name.value), Some(*expected), ours, case.tolerance);
    }
    for (name, expected) in &e.eligible {
        let Some(i) = names.find(name, report) else { continue };
        let ours = utilisation::eligible(&nodes[i as usize], &config);
        report.flag(&format!("{} eligible", name.value), Some(*expected), ours);
    }
    for (name, expected) in &e.verdicts {
        let Some(i) = names.find(name, report) else { continue };
        let ours = match verdicts.get(&(i as usize)) {
            None => "not looked at".to_owned(),
            Some(Verdict::Removable { moves }) => match expected {
                f::CaVerdict::RemovableTo(_) => {
                    let to: Vec<String> = moves.iter().map(|(_, n)| names.name(*n as u32).to_owned()).collect();
                    f::CaVerdict::RemovableTo(to).show()
                }
                _ => "Removable".to_owned(),
            },
            Some(Verdict::NotEligible) => "NotEligible".to_owned(),
            Some(Verdict::Destination) => "Destination".to_owned(),
            Some(Verdict::NoPlace(_)) => "NoPlace".to_owned(),
            Some(Verdict::Blocked(_, b)) => format!("Blocked({b:?})"),
        };
        report.word(&name.value, Some(&expected.show()), &ours);
    }
}
