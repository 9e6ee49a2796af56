//! New versions of deployments.

use super::context::Context;
use super::replicas::{Made, role};
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::rollout as shape;
use crate::scenario::file::scale::Scale;
use crate::scenario::file::service::{Deployment, Service};
use crate::scenario::model::Model;
use crate::scenario::model::service::{Gate, Role, Rollout, RolloutStep};
use crate::units::{Diagnostic, Diagnostics, Duration};

/// All requests, parts per million.
const ALL: u32 = 1_000_000;

/// The new version as a deployment: what it leaves out is as it was; whatever scales the old one counts for both.
fn version(old: &Deployment, new: &shape::Version) -> Deployment {
    fn or<T: Clone>(new: &Option<T>, old: &T) -> T {
        new.as_ref().unwrap_or(old).clone()
    }
    // A number format that was left out goes with the new profile or model, one that was told stays.
    Deployment {
        name: new.name.clone(),
        model: or(&new.model, &old.model),
        pools: new.pools.clone().or_else(|| old.pools.clone()),
        gpus: or(&new.gpus, &old.gpus),
        engine: or(&new.engine, &old.engine),
        dtype: new.dtype.clone().or_else(|| old.dtype.clone()),
        kv_dtype: new.kv_dtype.clone().or_else(|| old.kv_dtype.clone()),
        profile: or(&new.profile, &old.profile),
        limits: or(&new.limits, &old.limits),
        prefix_cache: or(&new.prefix_cache, &old.prefix_cache),
        speculative: new.speculative.clone().or_else(|| old.speculative.clone()),
        shrunk: new.shrunk.clone().or_else(|| old.shrunk.clone()),
        start: or(&new.start, &old.start),
        cpu: or(&new.cpu, &old.cpu),
        scale: Spanned { value: Scale::Fixed(0), at: old.scale.at },
        ..old.clone()
    }
}

impl Context<'_, '_> {
    /// The rollouts of a service; their new versions are added to its deployments, each with a lane of its own after
    /// those that there are.
    pub(super) fn rollouts(
        &mut self,
        v: &Service,
        names: &mut Names,
        pools: &Names,
        model: &Model,
        made: &mut Vec<Made>,
        out: &mut Diagnostics,
    ) -> Option<Vec<Rollout>> {
        let (mut all, mut whole) = (Vec::new(), true);
        for r in &v.rollouts {
            let named = names.add(&r.new.name, out);
            let (at, strategy) = (self.happens(&r.at, "this rollout", out), strategy(r, out));
            let Some(old) = names.find(&r.deployment, out) else {
                whole = false;
                continue;
            };
            let Some(shape) = v.deployments.get(old) else {
                out.push(
                    Diagnostic::error(format!("`{}` is itself a new version", *r.deployment))
                        .at(r.deployment.at.0, r.deployment.at.1, "came by a rollout")
                        .help("a rollout replaces a deployment of the service, once"),
                );
                whole = false;
                continue;
            };
            if role(&shape.role) != Role::Whole {
                out.push(
                    Diagnostic::error(format!("`{}` does a part of each request", *r.deployment))
                        .at(r.deployment.at.0, r.deployment.at.1, "a rollout replaces replicas that do all of it")
                        .help("compare two variants of the scenario instead"),
                );
                whole = false;
                continue;
            }
            let new = self.deployment(v, &version(shape, &r.new), pools, model, out);
            let (Some(mut new), Some((shadow, steps)), Some(_)) = (new, strategy, named) else {
                whole = false;
                continue;
            };
            let lane = made[old].deployment.lane;
            let shared = made.iter().take(v.deployments.len()).enumerate();
            if let Some((_, with)) = shared.into_iter().find(|(i, m)| *i != old && m.deployment.lane == lane) {
                out.push(
                    Diagnostic::error(format!("`{}` answers together with `{}`", *r.deployment, with.deployment.name))
                        .at(r.deployment.at.0, r.deployment.at.1, "a new version takes over all requests of a model")
                        .help("give them services of their own, or make them one deployment of several pools"),
                );
                whole = false;
                continue;
            }
            new.deployment.lane = made.iter().map(|m| m.deployment.lane + 1).max().unwrap_or(0);
            let at_new = made.len() as u16;
            made.push(new);
            // One after the horizon was told, and does not happen; its version is there without replicas.
            let Some(at) = at else {
                whole &= !out.has_errors();
                continue;
            };
            let gate = r.gate.as_ref().map(|g| Gate { least: g.least, good: g.good.get(), worse_by: g.worse_by.get() });
            if gate.is_some() && steps.is_empty() {
                out.push(
                    Diagnostic::warning(format!("nothing is judged when `{}` takes over all at once", *r.new.name))
                        .at(r.strategy.at.0, r.strategy.at.1, "no step for the gate to look at")
                        .help("write strategy: Canary([(\"5%\", \"10m\"), (\"50%\", \"30m\")])"),
                );
            }
            all.push((Rollout { at, old: old as u16, new: at_new, shadow, steps, gate }, r.deployment.clone()));
        }
        for (i, (r, name)) in all.iter().enumerate() {
            let lasts = |r: &Rollout| r.steps.iter().fold(r.at, |t, s| t + s.pause);
            let clash = |o: &Rollout| {
                let (first, then) = if o.at <= r.at { (o, r) } else { (r, o) };
                o.old == r.old && (!first.shadow || lasts(first) > then.at)
            };
            if all[..i].iter().any(|(o, _)| clash(o)) {
                out.push(
                    Diagnostic::error(format!("`{}` is replaced twice", **name))
                        .at(name.at.0, name.at.1, "by another rollout too, before this or while it goes on")
                        .help("a deployment is replaced once; shadows may come before that"),
                );
                whole = false;
            }
        }
        whole.then(|| all.into_iter().map(|(r, _)| r).collect())
    }
}

/// Whether it is a shadow, and its steps.
fn strategy(r: &shape::Rollout, out: &mut Diagnostics) -> Option<(bool, Vec<RolloutStep>)> {
    let mut wrong = |at: crate::formats::Place, what: String, label: &str, help: &str| {
        out.push(Diagnostic::error(what).at(at.0, at.1, label).help(help));
        None
    };
    let name = &r.new.name;
    match &r.strategy.value {
        shape::Strategy::AllAtOnce => Some((false, Vec::new())),
        shape::Strategy::Canary(steps) => {
            let rising = steps.windows(2).all(|w| w[0].0 < w[1].0);
            let some = steps.first().is_some_and(|s| s.0.ppm() > 0);
            if !some || !rising {
                return wrong(
                    steps.at,
                    format!("the steps of `{}` do not lead up from nothing to all requests", **name),
                    if steps.is_empty() { "no steps" } else { "shares must rise, from above 0%" },
                    "for example Canary([(\"5%\", \"10m\"), (\"50%\", \"30m\")])",
                );
            }
            let step = |(share, pause): &(crate::units::Fraction, Duration)| RolloutStep {
                share_ppm: share.ppm(),
                pause: *pause,
            };
            Some((false, steps.iter().map(step).collect()))
        }
        shape::Strategy::Staged(s) if s.steps.get() > 1_000 => {
            wrong(s.steps.at, format!("{} steps", s.steps.get()), "at most 1,000", "4 are usual")
        }
        shape::Strategy::Staged(s) => {
            let n = s.steps.get();
            let share = |i: u32| (u64::from(ALL) * u64::from(i) / u64::from(n)) as u32;
            Some((false, (1..n).map(|i| RolloutStep { share_ppm: share(i), pause: s.each }).collect()))
        }
        shape::Strategy::Shadow(share, pause) if share.ppm() > 0 => {
            Some((true, vec![RolloutStep { share_ppm: share.ppm(), pause: *pause }]))
        }
        shape::Strategy::Shadow(..) => wrong(
            r.strategy.at,
            format!("`{}` is sent copies of no request", **name),
            "must be above 0%",
            "for example Shadow(\"100%\", \"2h\")",
        ),
    }
}
