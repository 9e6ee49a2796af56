//! Runs cases of provisioning, and compares nodes that are to be launched.

use super::cluster::Cluster;
use super::config;
use crate::policy::karpenter::offer::{Launch, SpotChoice, launch};
use crate::policy::karpenter::{CapacityType, Karpenter, Planned};
use crate::scenario::decode::Decode;
use crate::units::Rate;
use crate::verify::cases::Report;
use crate::verify::controllers::format as f;
use crate::verify::controllers::names::NOW;

pub fn provision(case: &f::ProvisionCase, report: &mut Report<'_>) {
    let Some(cluster) = Cluster::new(&case.cluster, report) else { return };
    let any_day = jiff::civil::date(2024, 1, 1).to_datetime(jiff::civil::Time::midnight());
    let mut karpenter = match Karpenter::new(config(&case.settings, any_day), &cluster.pools) {
        Ok(k) => k,
        Err(faults) => return cluster.refuse(&faults, report),
    };
    let mut found = karpenter.provision(&cluster.view(), NOW);
    found.planned.sort_by_key(|p| p.pods.iter().min().copied());
    let e = &case.expect;
    report.number("nodes", e.nodes, Some(found.planned.len() as u64));
    if let Some(expected) = &e.planned {
        compare(expected, &found.planned, &cluster, report);
    }
    let pair = |pod: &str, node: &str| format!("{pod}@{node}");
    let nominated: Vec<String> =
        found.nominated.iter().map(|(p, n)| pair(cluster.pod_names.name(p.0), cluster.node_names.name(n.0))).collect();
    let expected: Option<Vec<String>> = e.nominated.as_ref().map(|list| list.iter().map(|(p, n)| pair(p, n)).collect());
    report.set("nominated", expected.as_deref(), &nominated);
    report.number("nominated", e.nominated_count, Some(nominated.len() as u64));
    report.set("failed", e.failed.as_deref(), &cluster.pod_list(&found.failed));
    if let Some(price) = e.price {
        let each = |p: &Planned| launched(p, &cluster).map_or(0, |l| l.price.0);
        let ours = Rate(found.planned.iter().map(each).sum());
        report.double("price", Some(price.to_f64()), ours.to_f64(), 0.0);
    }
}

fn launched(p: &Planned, cluster: &Cluster) -> Option<Launch> {
    launch(&p.types, &cluster.types, &p.requirements, SpotChoice::Cheapest)
}

/// Nodes that are to be launched, one after the other.
pub fn compare(expected: &[f::Planned], ours: &[Planned], cluster: &Cluster, report: &mut Report<'_>) {
    report.number("planned", Some(expected.len() as u64), Some(ours.len() as u64));
    for (i, (e, p)) in expected.iter().zip(ours).enumerate() {
        let what = |word: &str| format!("planned {} {word}", i + 1);
        report.word(&what("pool"), e.pool.as_deref(), cluster.pool_names.name(p.pool.0));
        report.set(&what("pods"), e.pods.as_deref(), &cluster.pod_list(&p.pods));
        report.number(&what("pod count"), e.pod_count, Some(p.pods.len() as u64));
        let types = cluster.type_list(&p.types);
        report.set(&what("types"), e.types.as_deref(), &types);
        report.number(&what("type count"), e.type_count, Some(types.len() as u64));
        report.word(&what("cheapest"), e.cheapest.as_deref(), types.first().map_or("none", String::as_str));
        let wanted: Option<Vec<String>> = e.capacity.as_ref().map(|list| list.iter().map(Decode::show).collect());
        report.set(&what("capacity"), wanted.as_deref(), &Cluster::capacities(&p.requirements));
        report.set(&what("zones"), e.zones.as_deref(), &cluster.labels.zones(&p.requirements));
        if let Some(wanted) = &e.launch {
            launch_of(wanted, launched(p, cluster), &what("launch"), cluster, report);
        }
    }
}

fn launch_of(e: &f::Launch, ours: Option<Launch>, what: &str, cluster: &Cluster, report: &mut Report<'_>) {
    let offering = ours.map(|l| cluster.types[l.instance.0 as usize].offerings[l.offering]);
    let word = |w: &str| format!("{what} {w}");
    let name = ours.map_or("none", |l| cluster.type_names.name(l.instance.0));
    report.word(&word("type"), e.r#type.as_deref(), name);
    let bought = offering.map_or("none", |o| match o.capacity_type {
        CapacityType::OnDemand => "OnDemand",
        CapacityType::Spot => "Spot",
        CapacityType::Reserved => "Reserved",
    });
    report.word(&word("capacity"), e.capacity.as_ref().map(Decode::show).as_deref(), bought);
    let zone = offering.map_or_else(|| "none".to_owned(), |o| cluster.labels.zone_name(o.zone));
    report.word(&word("zone"), e.zone.as_deref(), &zone);
    report.double(&word("price"), e.price.map(Rate::to_f64), ours.map_or(f64::NAN, |l| l.price.to_f64()), 0.0);
}
