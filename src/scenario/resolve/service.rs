//! Services: deployments into lanes, traffic into sources, and what no load could keep.

use super::context::Context;
use super::front::{at_least, front, link, prompts_known, routing, slo};
use super::replicas::{Made, ever, role};
use super::traffic::{Asks, model_of, name_of};
use super::work::{Where, fixed_labels};
use crate::fleet::PoolSet;
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::Scenario;
use crate::scenario::file::front::Promise;
use crate::scenario::file::service as shape;
use crate::scenario::model::service::{Engine, Role, Service};
use crate::scenario::model::{Model, Source, Tier, Work};
use crate::serving::cost::Step;
use crate::serving::front::{Decode, Lane};
use crate::serving::profile::Model as Architecture;
use crate::units::{Diagnostic, Diagnostics, Label, nearest};
use crate::workload::traffic::Traffic;

/// A lane to be: of which model, which part of a request.
struct Asked {
    model: &'static str,
    role: Role,
    context: u32,
}

impl Context<'_, '_> {
    pub(super) fn service(
        &mut self,
        s: &Scenario,
        v: &shape::Service,
        pools: &Names,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<(Work, Service)> {
        let mut names = Names::new("deployment");
        for d in v.deployments.iter() {
            names.add(&d.name, out);
        }
        if v.deployments.is_empty() {
            out.push(
                Diagnostic::error(format!("`{}` has no deployment to answer its requests", *v.name))
                    .at(v.deployments.at.0, v.deployments.at.1, "empty")
                    .help("for example deployments: [(name: \"main\", model: \"Llama-3.1-8B\")]"),
            );
        }
        let found: Vec<Option<Made>> = v.deployments.iter().map(|d| self.deployment(v, d, pools, model, out)).collect();
        let (routing, slo) = (routing(&v.routing, out), slo(&v.slo, out));
        prompts_known(v, out);
        let (own, link) = (fixed_labels(v.labels.iter()), link(&v.transfer, out));
        let mut made = found.into_iter().collect::<Option<Vec<_>>>()?;
        if names.len() < made.len() || made.is_empty() {
            return None;
        }
        let asked = lanes(v, &mut made, out)?;
        let lane_of = |m: &str, wanted: &[Role]| asked.iter().position(|a| a.model == m && wanted.contains(&a.role));
        let rollouts = self.rollouts(v, &mut names, pools, model, &mut made, out);
        let (sources, lane_of_source) = self.sources(v, &asked, out)?;
        let traffic = match Traffic::new(sources) {
            Ok(t) => t,
            Err(list) => {
                for e in list {
                    out.push(Diagnostic::error(e.to_string()).at(v.traffic.at.0, v.traffic.at.1, "this traffic"));
                }
                return None;
            }
        };
        let (routing, link) = (routing?, link?);
        let mut front_lanes: Vec<Lane> = Vec::new();
        for (i, a) in asked.iter().enumerate() {
            let mine = || made.iter().filter(|m| usize::from(m.deployment.lane) == i);
            let to = if a.role == Role::Prefill { lane_of(a.model, &[Role::Decode]) } else { None };
            let bytes_per_token = mine().map(|m| m.kv_bytes).fold(0.0, f64::max);
            let decode = to.map(|to| Decode { lane: to as u16, link, bytes_per_token });
            front_lanes.push(Lane { routing, decode });
        }
        let all = made.iter().map(|m| usize::from(m.deployment.lane) + 1).max().unwrap_or(0);
        front_lanes.resize(all, Lane { routing, decode: None });
        let front = front(v, front_lanes, lane_of_source, &own, &traffic, out);
        anybody_there(v, &made, out);
        self.possible(v, &made, out);
        self.note(format!("front of {}", *v.name), "prior", "routing, retries and limits stated in the scenario");
        let tiers = union(&made);
        let labels = label_sets(&own, &traffic);
        let accepts: Vec<PoolSet> = made.iter().map(|m| m.deployment.pools).collect();
        let place = Where {
            name: &v.name,
            pools: None,
            fallback: &v.fallback,
            speed: &[],
            one_island: false,
            wait_target: None,
            disruption: None,
        };
        let index = model.services.len() as u16;
        let work = self.finish(s, model, &place, tiers, accepts, labels, Source::Service(index), out)?;
        let deployments = made.into_iter().map(|m| m.deployment).collect();
        let service =
            Service { work: model.work.len() as u16, traffic, front: front?, deployments, rollouts: rollouts?, slo };
        Some((work, service))
    }

    /// Its sources, each with the lane that it asks.
    fn sources(
        &mut self,
        v: &shape::Service,
        asked: &[Asked],
        out: &mut Diagnostics,
    ) -> Option<(Vec<crate::workload::traffic::Source>, Vec<u16>)> {
        let mut names = Names::new("traffic source");
        if v.traffic.is_empty() {
            out.push(
                Diagnostic::error(format!("`{}` has no traffic", *v.name))
                    .at(v.traffic.at.0, v.traffic.at.1, "empty")
                    .help("for example traffic: [Synthetic(name: \"users\", rate: (per_second: 5))]"),
            );
        }
        let entries: Vec<usize> = (0..asked.len()).filter(|i| asked[*i].role != Role::Decode).collect();
        let (mut sources, mut lanes, mut whole) = (Vec::new(), Vec::new(), !v.traffic.is_empty());
        for t in v.traffic.iter() {
            whole &= names.add(name_of(t), out).is_some();
            let Some(lane) = lane(v, t, asked, &entries, out) else {
                whole = false;
                continue;
            };
            // What is read must be decoded too.
            let model = asked[lane].model;
            let context = asked.iter().filter(|a| a.model == model).map(|a| a.context).min().unwrap_or(u32::MAX);
            match self.requests(t, Asks { service: &v.name, context }, out) {
                Some(source) => {
                    sources.push(source);
                    lanes.push(lane as u16);
                }
                None => whole = false,
            }
        }
        for i in entries.iter().filter(|i| whole && !lanes.contains(&(**i as u16))) {
            let d =
                v.deployments.iter().find(|d| Architecture::find(&d.model).is_ok_and(|m| m.name == asked[*i].model));
            let at = d.map_or(v.name.at, |d| d.name.at);
            out.push(
                Diagnostic::warning(format!("no traffic of `{}` asks `{}`", *v.name, asked[*i].model))
                    .at(at.0, at.1, "its replicas will have nothing to do")
                    .help(format!("write model: \"{}\" in a source of traffic", asked[*i].model)),
            );
        }
        whole.then_some((sources, lanes))
    }

    /// A promise that one request alone on a replica breaks cannot be kept under any load.
    fn possible(&self, v: &shape::Service, made: &[Made], out: &mut Diagnostics) {
        // Answers from a cache are as fast as it is.
        if v.caches.edge.is_some() || v.caches.exact.is_some() || v.caches.semantic.is_some() {
            return;
        }
        let mut prompt = Step::default();
        prompt.add_chunk(1, 0);
        let first = |e: &Engine| at_least(e.cost.step(&prompt));
        let each = |e: &Engine| at_least(e.cost.decode(1, 2));
        let of = |roles: [Role; 2]| {
            let mine = made.iter().filter(move |m| roles.contains(&m.deployment.role));
            mine.flat_map(|m| m.deployment.engines.iter().flatten())
        };
        let readers = || of([Role::Whole, Role::Prefill]);
        let least = [
            (&v.slo.ttft, "time to the first token", readers().map(|e| first(e)).min(), "a prompt of one token takes"),
            (
                &v.slo.tpot,
                "time between tokens",
                of([Role::Whole, Role::Decode]).map(|e| each(e)).min(),
                "a step of one sequence takes",
            ),
            (&v.slo.e2e, "time to the last token", readers().map(|e| first(e)).min(), "a prompt of one token takes"),
        ];
        for (promise, what, least, takes) in least {
            let (Some(Promise { within, .. }), Some(least)) = (promise, least) else { continue };
            if least > **within && within.0 > 0 {
                out.push(
                    Diagnostic::error(format!("`{}` promises a {what} that no load allows", *v.name))
                        .at(within.at.0, within.at.1, format!("{takes} {least} at best"))
                        .help(format!("promise {least} or more, or use faster GPUs, more of them or a smaller model")),
                );
            }
        }
    }
}

/// The lanes of a service: replicas of one model and one role share a router.
fn lanes(v: &shape::Service, made: &mut [Made], out: &mut Diagnostics) -> Option<Vec<Asked>> {
    let mut asked: Vec<Asked> = Vec::new();
    for m in made.iter_mut() {
        let d = &mut m.deployment;
        let at = asked.iter().position(|a| a.model == m.model.name && a.role == d.role);
        let at = at.unwrap_or_else(|| {
            asked.push(Asked { model: m.model.name, role: d.role, context: m.context });
            asked.len() - 1
        });
        asked[at].context = asked[at].context.min(m.context);
        d.lane = at as u16;
    }
    let mut whole = true;
    for a in &asked {
        let has = |role: Role| asked.iter().any(|b| b.model == a.model && b.role == role);
        let shape =
            v.deployments.iter().zip(made.iter()).find(|(_, m)| m.model.name == a.model && m.deployment.role == a.role);
        let Some((d, _)) = shape else { continue };
        let (name, at) = (&*d.name, d.name.at);
        let wrong = match a.role {
            Role::Prefill if !has(Role::Decode) => Some((
                format!("what `{name}` reads is decoded nowhere"),
                "no deployment of its model decodes",
                "add a deployment of the same model with role: Decode",
            )),
            Role::Decode if !has(Role::Prefill) => Some((
                format!("`{name}` decodes what nobody reads"),
                "no deployment of its model reads prompts",
                "add a deployment of the same model with role: Prefill",
            )),
            Role::Whole if has(Role::Prefill) => Some((
                format!("requests to `{}` could go to `{name}`, or be read and decoded apart", a.model),
                "which of them?",
                "one service does one or the other: give them services of their own",
            )),
            _ => None,
        };
        if let Some((message, label, help)) = wrong {
            out.push(Diagnostic::error(message).at(at.0, at.1, label).help(help));
            whole = false;
        }
    }
    debug_assert!(v.deployments.iter().zip(made.iter()).all(|(d, m)| role(&d.role) == m.deployment.role));
    whole.then_some(asked)
}

/// The lane that a source asks: that of its model, or of the only one.
fn lane(
    v: &shape::Service,
    t: &crate::scenario::file::traffic::Traffic,
    asked: &[Asked],
    entries: &[usize],
    out: &mut Diagnostics,
) -> Option<usize> {
    let all = || entries.iter().map(|i| asked[*i].model);
    let listed = || all().collect::<Vec<_>>().join(", ");
    let Some(word) = model_of(t) else {
        if let [only] = entries {
            return Some(*only);
        }
        let name: &Spanned<_> = name_of(t);
        out.push(
            Diagnostic::error(format!("`{}` does not say which model of `{}` it asks", **name, *v.name))
                .at(name.at.0, name.at.1, "field `model` is missing")
                .help(format!("the service has {}", listed())),
        );
        return None;
    };
    let named = Architecture::find(word).map(|m| m.name);
    let found = named.as_ref().ok().and_then(|m| entries.iter().copied().find(|i| asked[*i].model == *m));
    if found.is_none() {
        let d = Diagnostic::error(format!("`{}` has no model `{}`", *v.name, word.value));
        let d = d.at(word.at.0, word.at.1, "no deployment runs it");
        let d = if let Some(near) = nearest(word, all()) { d.help(format!("did you mean `{near}`?")) } else { d };
        out.push(d.help(format!("the service has {}", listed())));
    }
    found
}

/// The pools of all deployments, and then those that open later.
fn union(made: &[Made]) -> Vec<Tier> {
    let mut tiers = made[0].tiers.clone();
    tiers[0].pools = made.iter().fold(PoolSet::EMPTY, |set, m| set.or(m.own));
    tiers
}

/// The service's own labels, then what each set of its traffic adds to them; its own win.
fn label_sets(own: &[Label], traffic: &Traffic) -> Vec<Vec<Label>> {
    let mut sets = vec![own.to_vec()];
    for set in traffic.label_sets() {
        let more = set.iter().filter(|l| own.iter().all(|o| o.key != l.key));
        let mut all: Vec<Label> = own.iter().chain(more).cloned().collect();
        all.sort();
        sets.push(all);
    }
    sets
}

/// Requests of a lane without a replica ever are held for nothing.
fn anybody_there(v: &shape::Service, made: &[Made], out: &mut Diagnostics) {
    for (d, m) in v.deployments.iter().zip(made) {
        let lane = m.deployment.lane;
        let first =
            made.iter().find(|o| o.deployment.lane == lane).is_some_and(|o| o.deployment.name == m.deployment.name);
        if first && !made.iter().any(|o| o.deployment.lane == lane && ever(&o.deployment)) {
            let held = if *v.hold > 0 { "requests would be held for ever" } else { "all requests would be refused" };
            out.push(
                Diagnostic::error(format!("`{}` never has a replica", *d.name))
                    .at(d.scale.at.0, d.scale.at.1, held)
                    .help("write scale: Fixed(1) or more, or an autoscaler"),
            );
        }
    }
}
