//! From a decoded scenario to the model that runs: checks of names and meaning, prices looked up, files read.
//!
//! All problems of the stage are reported together. Nothing is decided here that a file could not have said.

mod buying;
mod checkpoint;
mod context;
mod copies;
mod engine;
mod fleet;
mod front;
mod laws;
mod losses;
mod manifests;
mod nodes;
mod policy;
mod prices;
mod reclaim;
mod recordings;
mod replicas;
mod rollout;
mod scale;
mod service;
#[cfg(test)]
mod service_tests;
mod share;
mod sizes;
mod speed;
mod stores;
mod supply;
#[cfg(test)]
mod tests;
mod traffic;
mod training;
mod usage;
mod work;

pub use context::Env;

use super::decode::Names;
use super::file::{self, Scenario};
use super::model::Model;
use crate::formats::Place;
use crate::outcome::EvidenceNote;
use crate::units::{Diagnostic, Diagnostics, Duration};
use context::Context;

/// The longest run: integer nanoseconds would hold 584 years, prices and calendars mean nothing that far.
const LONGEST: Duration = Duration::from_hours(24 * 365 * 30);

/// The years in which a run may start: beyond them, a date is a slip.
const YEARS: std::ops::RangeInclusive<i16> = 1990..=2200;

/// Resolves a scenario. The model is there only when nothing is wrong; warnings may come with it.
pub fn resolve(s: &Scenario, variant: Option<&str>, env: &mut Env<'_>) -> (Option<Model>, Diagnostics) {
    let mut out = Diagnostics::default();
    if let Some(d) = unknown_version(u64::from(*s.version), s.version.at) {
        out.push(d);
        return (None, out);
    }
    let applied = manifests::apply(s, env, &mut out);
    let s = &applied.scenario;
    if s.horizon.0 == 0 || *s.horizon > LONGEST {
        out.push(Diagnostic::error("the horizon must be longer than nothing and at most 30 years").at(
            s.horizon.at.0,
            s.horizon.at.1,
            format!("{} is not", *s.horizon),
        ));
    }
    if *s.warmup > LONGEST {
        out.push(Diagnostic::error("the warm-up must be at most 30 years").at(
            s.warmup.at.0,
            s.warmup.at.1,
            format!("{} is not", *s.warmup),
        ));
    }
    if !YEARS.contains(&s.start.year()) {
        out.push(
            Diagnostic::error(format!("the start must lie between the years {} and {}", YEARS.start(), YEARS.end()))
                .at(s.start.at.0, s.start.at.1, "not a year to forecast"),
        );
    }
    let start = context::moment(*s.start, &s.tz, s.start.at, &mut out);
    let Some(start) = start.filter(|_| !out.has_errors()) else { return (None, out) };
    if let Some(f) = &s.price_file {
        env.import_prices(f, &mut out);
    }
    let written_out = copies::written_out(s, &mut out);
    let s = written_out.as_ref().unwrap_or(s);
    let mut cx = Context::new(s, start.clone(), env);
    cx.collect_asks(s, &mut out);
    let (mut pools, nodes) = cx.pools(s, &mut out);
    let mut names = Names::new("pool");
    for p in s.pools.iter() {
        names.add(&p.name, &mut out);
    }
    let mut shocks = Vec::new();
    // Pools that could not be made have no index.
    if pools.len() == s.pools.len() {
        cx.align(&mut pools);
        shocks = cx.shocks(s, &names, &mut out);
    }
    let (stores, model_stores) = stores::stores(s, &mut out);
    let changes = cx.changes(s, &names, &nodes, &mut out);
    let quotas = policy::quotas(s, &mut out);
    let queue = policy::queue(&s.queue, &mut out);
    let (ties, tie_seed) = policy::ties(&s.ties);
    let budgets = policy::budgets(s, &mut out);
    let fees = cx.fees(s, &mut out);
    let bucket = bucket(s, &mut out);
    let mut evidence: Vec<EvidenceNote> = std::mem::take(&mut cx.evidence);
    let mut model = Model {
        name: s.name.to_string(),
        variant: variant.map(str::to_owned),
        start,
        warmup: *s.warmup,
        horizon: *s.horizon,
        pools,
        nodes,
        shocks,
        stores: model_stores,
        ends_with_work: s.ends_with_work,
        replications: s.replications.get(),
        changes,
        node_autoscaler: None,
        descheduler: s.descheduler.as_ref().and_then(|d| nodes::descheduler(d, &mut out)),
        queue,
        placement: policy::placement(&s.placement),
        ties,
        tie_seed,
        quotas,
        work: Vec::new(),
        services: Vec::new(),
        budgets,
        fees,
        bucket,
        evidence: Vec::new(),
    };
    cx.work(s, &names, &stores, &mut model, &mut out);
    cx.manifest_work(&applied, &names, &mut model, &mut out);
    cx.node_autoscaler(s, &names, &mut model, &mut out);
    cx.demand(&mut model);
    policy::labels_in_use(s, &model, &mut out);
    evidence.extend(cx.evidence);
    model.evidence = evidence;
    if written_out.is_some() {
        copies::told_once(&mut out);
        model.evidence = copies::known_once(std::mem::take(&mut model.evidence));
    }
    (if out.has_errors() { None } else { Some(model) }, out)
}

/// The refusal of a version that this program does not read.
pub(super) fn unknown_version(found: u64, at: Place) -> Option<Diagnostic> {
    (found != u64::from(file::VERSION)).then(|| {
        Diagnostic::error(format!("version {found} of the scenario format is not known"))
            .at(at.0, at.1, "not a version that this program reads")
            .help(format!("this program reads version {}; a newer fleetcast may read yours", file::VERSION))
    })
}

/// The width of the series' buckets: as told, or the widest of a few that leaves at least a hundred of them.
fn bucket(s: &Scenario, out: &mut Diagnostics) -> Duration {
    const MAX: u64 = 200_000;
    if let Some(b) = s.bucket {
        if b.0 == 0 || s.horizon.0.div_ceil(b.0) > MAX {
            out.push(
                Diagnostic::error(format!("a bucket of {} makes no series over {}", *b, *s.horizon))
                    .at(b.at.0, b.at.1, "too narrow")
                    .help(format!(
                        "choose one that fits between 1 and {MAX} times into the horizon, for example \"1h\""
                    )),
            );
        }
        return *b;
    }
    [24 * 60, 6 * 60, 60, 15, 5]
        .map(|m| Duration::from_secs(m * 60))
        .into_iter()
        .find(|b| s.horizon.0 / b.0 >= 100)
        .unwrap_or(Duration::from_secs(60))
}
