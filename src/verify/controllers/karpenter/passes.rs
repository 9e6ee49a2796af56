//! Runs cases of disruption.

use super::cluster::Cluster;
use super::labels::capacity;
use super::{config, planned};
use crate::policy::karpenter::{Command, Karpenter, NodeIx, Verdict, WhyNot, drift, expired};
use crate::scenario::decode::{Decode, Spanned};
use crate::units::{Duration, SimTime};
use crate::verify::cases::Report;
use crate::verify::controllers::format as f;
use crate::verify::controllers::names::NOW;

fn nodes(list: &[NodeIx], cluster: &Cluster) -> Vec<String> {
    list.iter().map(|n| cluster.node_names.name(n.0).to_owned()).collect()
}

pub fn disrupt(case: &f::DisruptCase, report: &mut Report<'_>) {
    let Some(cluster) = Cluster::new(&case.cluster, report) else { return };
    let mut karpenter = match Karpenter::new(config(&case.settings, case.time), &cluster.pools) {
        Ok(k) => k,
        Err(faults) => return cluster.refuse(&faults, report),
    };
    let view = cluster.view();
    let (found, waits) = match karpenter.begin(&view, NOW) {
        Verdict::Idle { .. } => (None, false),
        Verdict::Validate { command, .. } => (Some(command), true),
        Verdict::Act(command) => (Some(command), false),
    };
    command(&case.expect, found.as_ref(), waits, &cluster, report);
    questions(&case.expect, &karpenter, &cluster, report);
}

/// What the pass decides.
fn command(e: &f::DisruptExpected, found: Option<&Command>, waits: bool, cluster: &Cluster, report: &mut Report<'_>) {
    let gone = found.map_or_else(Vec::new, |c| nodes(&c.nodes, cluster));
    if let Some(nothing) = e.nothing {
        let what = found.map_or_else(|| "nothing".to_owned(), |c| format!("{:?} {}", c.method, gone.join(" ")));
        report.happened(if nothing { "nothing" } else { "something" }, nothing == found.is_none(), &what);
    }
    let method = found.map_or_else(|| "none".to_owned(), |c| format!("{:?}", c.method));
    report.word("method", e.method.as_ref().map(Decode::show).as_deref(), &method);
    report.set("nodes", e.nodes.as_deref(), &gone);
    report.words("order", e.order.as_deref(), &gone);
    report.number("count", e.count, Some(gone.len() as u64));
    if let Some(expected) = &e.replacements {
        planned::compare(expected, found.map_or(&[], |c| &c.replacements), cluster, report);
    }
    report.double("savings", e.savings, found.map_or(f64::NAN, |c| c.savings.to_f64()), 1e-9);
    report.flag("waits", e.waits, waits);
}

/// What is asked of single nodes.
fn questions(e: &f::DisruptExpected, karpenter: &Karpenter, cluster: &Cluster, report: &mut Report<'_>) {
    let view = cluster.view();
    for (name, expected) in &e.blocked {
        let Some(n) = cluster.node_names.find(name, report) else { continue };
        let ours = karpenter.blocked(&view, NodeIx(n), NOW).map_or("No".to_owned(), |b| format!("{b:?}"));
        report.word(&format!("{} blocked", name.value), Some(&expected.show()), &ours);
    }
    for (names, expected) in &e.why_not {
        let found: Vec<Option<u32>> = names.iter().map(|n| cluster.node_names.find(n, report)).collect();
        let Some(list) = found.into_iter().map(|n| n.map(NodeIx)).collect::<Option<Vec<_>>>() else { continue };
        let ours = match karpenter.explain(&view, &list, NOW) {
            Ok(()) => f::WhyNot::No,
            Err(WhyNot::NoPlace) => f::WhyNot::NoPlace,
            Err(WhyNot::SeveralNodes(n)) => f::WhyNot::SeveralNodes(n as u64),
            Err(WhyNot::NotCheaper) => f::WhyNot::NotCheaper,
            Err(WhyNot::MinValues) => f::WhyNot::MinValues,
            Err(WhyNot::SpotToSpotOff) => f::WhyNot::SpotToSpotOff,
            Err(WhyNot::SpotToSpotFew(n)) => f::WhyNot::SpotToSpotFew(n as u64),
        };
        let shown: Vec<&str> = names.iter().map(|n| n.value.as_str()).collect();
        report.word(&format!("{} why not", shown.join(" ")), Some(&expected.show()), &ours.show());
    }
    if let Some(expected) = &e.expired {
        let ours = nodes(&expired(&view, karpenter.config().compat, NOW), cluster);
        report.set("expired", Some(expected), &ours);
    }
    for (name, expected) in &e.drift {
        let Some(n) = cluster.node_names.find(name, report) else { continue };
        let ours = drift(&view, &cluster.nodes[n as usize], NOW).map_or("No".to_owned(), |d| format!("{d:?}"));
        report.word(&format!("{} drift", name.value), Some(&expected.show()), &ours);
    }
}

/// What came of the passes.
#[derive(Debug, Default)]
struct Seen {
    selected: Option<Duration>,
    acted: Option<(Duration, Command)>,
    abandoned: Vec<Duration>,
}

pub fn timeline(case: &f::TimelineCase, report: &mut Report<'_>) {
    let Some(mut cluster) = Cluster::new(&case.cluster, report) else { return };
    let any_day = jiff::civil::date(2024, 1, 1).to_datetime(jiff::civil::Time::midnight());
    let mut karpenter = match Karpenter::new(config(&case.settings, any_day), &cluster.pools) {
        Ok(k) => k,
        Err(faults) => return cluster.refuse(&faults, report),
    };
    if case.until > Duration::from_hours(24 * 7) {
        return report.fault("the case looks on for more than a week", "end it sooner: `until: \"1h\"`");
    }
    if let Some(((late, _), _)) = case.events.windows(2).map(|w| (&w[1], &w[0])).find(|(b, a)| b.0.value < a.0.value) {
        return report.fault_at(late.at, "an event lies before the one above it", "earlier", "write them in order");
    }
    let mut events = case.events.iter().peekable();
    let mut seen = Seen::default();
    let since = |t: SimTime| t.since(NOW);
    let mut next = (NOW, None::<Command>);
    while since(next.0) <= case.until {
        let (now, pending) = next;
        while let Some((_, event)) = events.next_if(|(t, _)| t.value <= since(now)) {
            let Some((at, _)) = case.events.iter().find(|(_, e)| std::ptr::eq(e, event)) else { break };
            if happen(event, NOW + at.value, &mut cluster, report).is_none() {
                return;
            }
        }
        let view = cluster.view();
        let had = pending.is_some();
        let verdict = match pending {
            None => karpenter.begin(&view, now),
            Some(command) => karpenter.resume(&view, command, now),
        };
        next = match verdict {
            Verdict::Act(command) => {
                seen.selected.get_or_insert(since(now));
                seen.acted = Some((since(now), command));
                break;
            }
            Verdict::Validate { command, at } => {
                if had {
                    seen.abandoned.push(since(now));
                }
                seen.selected.get_or_insert(since(now));
                (at, Some(command))
            }
            Verdict::Idle { next } => {
                if had {
                    seen.abandoned.push(since(now));
                }
                (next, None)
            }
        };
    }
    timed(&case.expect, &seen, &cluster, report);
}

fn timed(e: &f::TimelineExpected, seen: &Seen, cluster: &Cluster, report: &mut Report<'_>) {
    let seconds = |d: Option<Duration>| d.map_or(f64::NAN, Duration::as_secs_f64);
    report.double("selected", e.selected.map(Duration::as_secs_f64), seconds(seen.selected), 0.0);
    let acted = seen.acted.as_ref().map(|(t, _)| *t);
    report.double("acted", e.acted.map(Duration::as_secs_f64), seconds(acted), 0.0);
    let list = |v: &[Duration]| v.iter().map(Duration::to_string).collect::<Vec<_>>();
    report.words("abandoned", e.abandoned.as_deref().map(list).as_deref(), &list(&seen.abandoned));
    if let Some(nothing) = e.nothing {
        let what = acted.map_or("nothing".to_owned(), |t| format!("acted at {t}"));
        report.happened(if nothing { "nothing" } else { "something" }, nothing == acted.is_none(), &what);
    }
    let gone = seen.acted.as_ref().map_or_else(Vec::new, |(_, c)| nodes(&c.nodes, cluster));
    report.set("nodes", e.nodes.as_deref(), &gone);
}

/// Changes the cluster; `None`, reported, if a name leads nowhere.
fn happen(event: &f::Happening, at: SimTime, cluster: &mut Cluster, report: &mut Report<'_>) -> Option<()> {
    let node = |c: &Cluster, name: &Spanned<String>, report: &mut Report<'_>| {
        c.node_names.find(name, report).map(|n| n as usize)
    };
    cluster.revision += 1;
    match event {
        f::Happening::PodGoes(pod) => {
            let p = cluster.pod_names.find(pod, report)? as usize;
            if let Some(n) = cluster.pods[p].node.take() {
                cluster.nodes[n.0 as usize].last_pod_event = Some(at);
            }
            // A pod that is gone waits for nothing.
            cluster.pods[p].active = false;
        }
        f::Happening::PodComes(pod, to) => {
            let (p, n) = (cluster.pod_names.find(pod, report)? as usize, node(cluster, to, report)?);
            cluster.pods[p].node = Some(NodeIx(n as u32));
            cluster.pods[p].active = true;
            cluster.nodes[n].last_pod_event = Some(at);
        }
        f::Happening::Nominate(name, d) => {
            let n = node(cluster, name, report)?;
            cluster.nodes[n].nominated_until = at + *d;
        }
        f::Happening::NoCapacity(name, kind) => {
            let t = cluster.type_names.find(name, report)? as usize;
            let offerings = &mut cluster.types[t].offerings;
            offerings.iter_mut().filter(|o| o.capacity_type == capacity(kind)).for_each(|o| o.available = false);
        }
    }
    Some(())
}
