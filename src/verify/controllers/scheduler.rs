//! Runs cases of kube-scheduler and of disruption budgets.

use super::autoscaler::request;
use super::format as f;
use super::names::{Names, ago};
use crate::policy::kube_scheduler::preempt::{Incoming, Node, Pod, preempt as choose};
use crate::policy::kube_scheduler::score::{self as scores, Container, Resource, Strategy};
use crate::policy::pdb::{Amount as Pods, Pdb, Refusal, Rule, eviction};
use crate::policy::pods::Resources;
use crate::scenario::decode::{Decode, Spanned};
use crate::verify::cases::Report;
use crate::verify::quantity::Amount;

/// Extended resources by number.
fn extended(list: &[(String, Amount)], names: &mut Names) -> Vec<(u32, u64)> {
    list.iter().map(|(r, v)| (names.intern(r), v.whole())).collect()
}

pub fn score(case: &f::ScoreCase, report: &mut Report<'_>) {
    let (mut names, mut resources) = (Names::new("resource"), Names::new("node"));
    let weight = |(r, w): &(String, u32)| {
        let resource = match r.as_str() {
            "cpu" => Resource::Cpu,
            "memory" => Resource::Memory,
            other => Resource::Extended(names.intern(other)),
        };
        (resource, *w)
    };
    let weights: Vec<(Resource, u32)> = case.resources.iter().map(weight).collect();
    let container = |c: &f::ScoreContainer| Container {
        cpu: c.cpu.map(Amount::milli),
        memory: c.memory.map(Amount::whole),
        extended: extended(&c.extended, &mut names),
    };
    let containers: Vec<Container> = case.containers.iter().map(container).collect();
    let mut nodes = Vec::new();
    for n in &case.nodes {
        if resources.add(&n.name, report).is_none() {
            return;
        }
        nodes.push(scores::Node {
            cpu: n.cpu.milli(),
            memory: n.memory.whole(),
            extended: extended(&n.extended, &mut names),
            cpu_requested: n.requested.0.milli(),
            memory_requested: n.requested.1.whole(),
            extended_requested: extended(&n.extended_requested, &mut names),
        });
    }
    let e = &case.expect;
    let both = [("least", &e.least, Strategy::LeastAllocated), ("most", &e.most, Strategy::MostAllocated)];
    for (what, expected, strategy) in both {
        for (name, want) in expected {
            let Some(i) = resources.find(name, report) else { continue };
            let ours = scores::score(strategy, &nodes[i as usize], &containers, &weights);
            report.number(&format!("{} {what}", name.value), Some(*want), Some(i64::from(ours)));
        }
    }
}

pub fn preempt(case: &f::PreemptCase, report: &mut Report<'_>) {
    let (mut node_names, mut pod_names) = (Names::new("node"), Names::new("pod"));
    let mut budgets = Names::new("disruption budget");
    for (name, _) in &case.pdbs {
        if budgets.add(name, report).is_none() {
            return;
        }
    }
    let pdbs: Vec<Pdb> = case.pdbs.iter().map(|(_, allowed)| Pdb { allowed: *allowed, never: false }).collect();
    let (mut nodes, mut numbers) = (Vec::new(), Vec::new());
    for n in &case.nodes {
        if node_names.add(&n.name, report).is_none() {
            return;
        }
        let all = Resources { cpu: n.cpu.0, memory: n.memory.units(), gpu: n.gpu.0, pods: n.pod_limit.units() };
        let (mut pods, mut own) = (Vec::new(), Vec::new());
        for p in &n.pods {
            let Some(number) = pod_names.add(&p.name, report) else { return };
            own.push(number);
            let found: Vec<Option<u32>> = p.pdbs.iter().map(|b| budgets.find(b, report)).collect();
            let Some(pdbs) = found.into_iter().collect() else { return };
            pods.push(Pod {
                priority: p.priority,
                request: request(p.cpu, p.memory, p.gpu),
                started: ago(p.started),
                pdbs,
            });
        }
        nodes.push(Node { free: pods.iter().fold(all, |free, p: &Pod| free.minus(p.request)), pods });
        numbers.push(own);
    }
    let incoming = Incoming {
        priority: case.priority,
        request: request(case.cpu, case.memory, case.gpu),
        never: case.never,
        victims_terminating: case.victims_terminating,
    };
    let found = choose(&nodes, &incoming, &pdbs, 0);
    let e = &case.expect;
    let node = found.as_ref().map_or("none", |p| node_names.name(p.node as u32));
    report.word("node", e.node.as_deref(), node);
    let name = |node: usize, i: &usize| pod_names.name(numbers[node][*i]).to_owned();
    let victims: Vec<String> =
        found.as_ref().map_or_else(Vec::new, |p| p.victims.pods.iter().map(|i| name(p.node, i)).collect());
    report.set("victims", e.victims.as_deref(), &victims);
    report.number("violations", e.violations, Some(found.as_ref().map_or(0, |p| u64::from(p.victims.violations))));
}

/// `2` or `50%`; `None`, reported, if it is neither.
fn pods(text: &Spanned<String>, report: &mut Report<'_>) -> Option<Pods> {
    let read = match text.value.strip_suffix('%') {
        Some(share) => share.parse().ok().map(Pods::Percent),
        None => text.value.parse().ok().map(Pods::Pods),
    };
    if read.is_none() {
        let message = format!("`{}` is neither pods nor a percentage", text.value);
        report.fault_at(text.at, message, "this amount", "write \"2\" or \"50%\"");
    }
    read
}

pub fn budgets(case: &f::PdbCase, report: &mut Report<'_>) {
    let (mut desired, mut allowed, mut pdbs) = (Vec::new(), Vec::new(), Vec::new());
    for b in &case.budgets {
        let (rule, text) = match (&b.min_available, &b.max_unavailable) {
            (Some(text), None) => (pods(text, report).map(Rule::MinAvailable), text),
            (None, Some(text)) => (pods(text, report).map(Rule::MaxUnavailable), text),
            _ => {
                return report
                    .fault("a budget with both of its amounts, or none", "write `min_available` or `max_unavailable`");
            }
        };
        let Some(rule) = rule else { return };
        if let Err(e) = rule.check() {
            return report.fault_at(text.at, e.to_string(), "refused", "the cluster would refuse it too");
        }
        let pdb = Pdb::of(rule, b.expected, b.healthy.unwrap_or(b.expected));
        desired.push(rule.desired_healthy(b.expected).to_string());
        allowed.push(pdb.allowed.to_string());
        pdbs.push(pdb);
    }
    let e = &case.expect;
    let list = |v: &Option<Vec<u64>>| v.as_ref().map(|v| v.iter().map(u64::to_string).collect::<Vec<_>>());
    report.words("desired healthy", list(&e.desired_healthy).as_deref(), &desired);
    report.words("allowed", list(&e.allowed).as_deref(), &allowed);
    report.flag("never", e.never, pdbs.iter().any(|p| p.never));
    let all: Vec<u32> = (0..pdbs.len() as u32).collect();
    let ours = match eviction(&all, &pdbs) {
        Ok(()) => f::Evicted::Allowed,
        Err(Refusal::Budget) => f::Evicted::TooMany,
        Err(Refusal::Several) => f::Evicted::Several,
    };
    report.word("eviction", e.eviction.as_ref().map(Decode::show).as_deref(), &ours.show());
}
