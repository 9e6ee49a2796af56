//! Services: lanes of models and roles, their deployments, what stands before them, what is promised.

use std::num::NonZeroU64;

use super::context::Context;
use super::engine::{self, Made};
use super::sizes::{Size, check_sizes};
use super::work::{Where, fixed_labels, standing, tiers};
use crate::fleet::{PoolId, PoolSet};
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::Scenario;
use crate::scenario::file::service as shape;
use crate::scenario::model::service::{Deployment, Gate, Objective, Role, Rollout, RolloutStep, Scale, Service, Slo};
use crate::scenario::model::{Model, Source, Work};
use crate::serving::cache::response;
use crate::serving::front::{Caches, Config, Decode, Lane, Limit, Limited, Retry};
use crate::serving::profile;
use crate::serving::replica::transfer::Link;
use crate::serving::router::Routing;
use crate::units::{Diagnostic, Diagnostics, Duration, Label, SimTime};
use crate::workload::Request;
use crate::workload::traffic::Traffic;

/// Blocks of KV that count as one to a router by KV: about a prompt.
const KV_GRAIN: u32 = 64;

/// What a lane serves.
#[derive(Clone, Copy, PartialEq)]
struct Kind {
    model: &'static profile::Model,
    role: Role,
}

/// A deployment that is resolved, with its engines.
struct Ready {
    deployment: Deployment,
    engines: Vec<Made>,
}

const fn role(r: &shape::Role) -> Role {
    match r {
        shape::Role::Whole => Role::Whole,
        shape::Role::Prefill => Role::Prefill,
        shape::Role::Decode => Role::Decode,
    }
}

impl Context<'_, '_> {
    pub(super) fn service(
        &mut self,
        s: &Scenario,
        v: &shape::Service,
        pools: &Names,
        model: &mut Model,
        out: &mut Diagnostics,
    ) -> Option<Work> {
        let before = out.list.len();
        if v.deployments.is_empty() || v.traffic.is_empty() {
            let (what, at) =
                if v.traffic.is_empty() { ("traffic", v.traffic.at) } else { ("deployments", v.deployments.at) };
            out.push(Diagnostic::error(format!("service `{}` has no {what}", *v.name)).at(at.0, at.1, "empty"));
            return None;
        }
        let mut names = Names::new("deployment");
        v.deployments.iter().for_each(|d| {
            names.add(&d.name, out);
        });
        v.rollouts.iter().for_each(|r| {
            names.add(&r.new.name, out);
        });
        let mut sources = Names::new("source of requests");
        v.traffic.iter().for_each(|r| {
            sources.add(r.name(), out);
        });
        // Every deployment's pools together, for the tiers.
        let all: Vec<Spanned<crate::units::Name>> =
            v.deployments.iter().flat_map(|d| d.pools.iter().cloned()).collect();
        let all = Spanned { value: all, at: v.deployments.at };
        let place = Where {
            name: &v.name,
            pools: Some(&all),
            fallback: &v.fallback,
            speed: &[],
            one_island: false,
            wait_target: None,
        };
        let tiers = standing(&place, tiers(&place, pools, out)?, model, out)?;
        let later = tiers[1..].iter().fold(PoolSet::EMPTY, |s, t| s.or(t.pools));

        let mut lanes: Vec<Kind> = Vec::new();
        let mut ready: Vec<Ready> = Vec::new();
        for d in v.deployments.iter() {
            let found = Self::served(d, out).map(|m| Kind { model: m, role: role(&d.role) });
            let Some(kind) = found else { continue };
            let lane = lanes.iter().position(|l| *l == kind).unwrap_or_else(|| {
                lanes.push(kind);
                lanes.len() - 1
            });
            ready.extend(self.deployment(d, kind, lane as u16, (pools, later), v, model, out));
        }
        if out.list[before..].iter().any(|d| d.severity == crate::units::Severity::Error) {
            return None;
        }
        self.both_halves(v, &lanes, out)?;
        let lane_of_source = self.lanes_of(v, &lanes, out)?;
        // New versions have lanes of their own behind those of the models.
        let mut rollouts = Vec::new();
        let mut lane_count = lanes.len();
        for r in &v.rollouts {
            let old = names.find(&r.deployment, out)?;
            if old >= v.deployments.len() {
                out.push(Diagnostic::error(format!("`{}` is itself a new version", *r.deployment)).at(
                    r.deployment.at.0,
                    r.deployment.at.1,
                    "not one of `deployments`",
                ));
                return None;
            }
            if v.deployments[old].role.value != shape::Role::Whole || r.new.role.value != shape::Role::Whole {
                out.push(
                    Diagnostic::error("only replicas that do all of a request can be rolled out")
                        .at(r.deployment.at.0, r.deployment.at.1, "prefill or decode")
                        .help("roll both out as a service of their own"),
                );
                return None;
            }
            let kind = Kind { model: Self::served(&r.new, out)?, role: Role::Whole };
            let mut new = self.deployment(&r.new, kind, lane_count as u16, (pools, later), v, model, out)?;
            lane_count += 1;
            new.deployment.scale = Scale::Fixed(0);
            rollouts.push(self.rollout(r, old as u16, ready.len() as u16, out)?);
            ready.push(new);
        }
        self.promises(v, &ready, out);
        let traffic = self.traffic(v, &ready, &lane_of_source, out)?;
        let front = self.front(v, (&lanes, lane_count), lane_of_source, &ready, &traffic, out)?;
        let own = fixed_labels(v.labels.iter());
        let mut labels = vec![own.clone()];
        for set in traffic.label_sets() {
            // The service's word wins over its requests'.
            let more = set.iter().filter(|l| own.iter().all(|o| o.key != l.key));
            let mut all: Vec<Label> = own.iter().chain(more).cloned().collect();
            all.sort();
            labels.push(all);
        }
        let accepts = ready.iter().map(|r| r.deployment.pools).collect();
        let sizes: Vec<Size> = ready
            .iter()
            .enumerate()
            .map(|(i, r)| Size { request: r.deployment.request, pods: r.deployment.pods, accept: i as u16, n: None })
            .collect();
        let index = u16::try_from(model.services.len()).ok()?;
        let work = self.finish(s, model, &place, tiers, accepts, labels, Source::Service(index), out)?;
        check_sizes(
            model,
            &work,
            &sizes,
            v.name.at,
            &["replicas need whole nodes' GPUs: lower `gpus`".to_owned()],
            out,
        );
        let slo = v.slo.as_ref().map_or_else(Slo::default, |slo| {
            let of = |o: &Option<Spanned<shape::Objective>>| {
                o.as_ref().map(|o| Objective { within: *o.within, share: o.share.get() })
            };
            Slo { ttft: of(&slo.ttft), tpot: of(&slo.tpot), e2e: of(&slo.e2e) }
        });
        model.services.push(Service {
            work: u16::try_from(model.work.len()).ok()?,
            traffic,
            front,
            deployments: ready.into_iter().map(|r| r.deployment).collect(),
            rollouts,
            slo,
        });
        Some(work)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one struct")]
    fn deployment(
        &mut self,
        d: &shape::Deployment,
        kind: Kind,
        lane: u16,
        (pools, later): (&Names, PoolSet),
        v: &shape::Service,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Ready> {
        let mut set = PoolSet::EMPTY;
        for p in d.pools.iter() {
            set = set.with(PoolId(pools.find(p, out)? as u16));
        }
        if set.is_empty() {
            out.push(Diagnostic::error(format!("`{}` may use no pool at all", *d.name)).at(
                d.pools.at.0,
                d.pools.at.1,
                "empty",
            ));
            return None;
        }
        let set = set.or(later);
        let (gpus, pods) = self.shape_of(d, set, model, out)?;
        let cpu = engine::cpu(&d.cpu, out)?;
        let (mut engines, mut made) = (vec![None; model.pools.len()], Vec::new());
        for p in set.iter() {
            let m = self.engine(d, kind.model, p.0 as usize, model, out)?;
            engines[p.0 as usize] = Some(engine::shared(&m));
            made.push(m);
        }
        let mem = u32::try_from(d.memory.mib_ceil()).unwrap_or(u32::MAX);
        let request = Request { cpu_milli: cpu.request, mem_mib: mem, gpus, gpu_milli: 1000 };
        let start = self.start(d, kind.model, out);
        let scale = self.scale(&d.scale, cpu, &v.hold, out);
        let deployment = Deployment {
            name: d.name.to_string(),
            model: kind.model.name.to_owned(),
            role: kind.role,
            lane,
            pools: set,
            engines,
            request,
            pods,
            priority: d.priority,
            start: start?,
            grace: d.grace,
            scale: scale?,
            cpu,
            busy_ppm: d.busy.ppm(),
        };
        Some(Ready { deployment, engines: made })
    }

    /// GPUs of each pod, and pods of a replica: whole nodes where one has too few GPUs.
    fn shape_of(
        &mut self,
        d: &shape::Deployment,
        set: PoolSet,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<(u8, u16)> {
        let want = d.gpus.get();
        let mut found: Option<(u32, u32)> = None;
        for p in set.iter() {
            let name = &model.pools[p.0 as usize].name;
            let node = self.facts[p.0 as usize].gpus.unwrap_or(0);
            let split = if node >= want {
                Some((want, 1))
            } else if node > 0 && want.is_multiple_of(node) {
                Some((node, want / node))
            } else {
                None
            };
            let same = match (split, found) {
                (Some(s), Some(f)) => s == f,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if !same {
                out.push(
                    Diagnostic::error(format!(
                        "a replica of {want} GPUs cannot be put on nodes of {node} in pool `{name}`"
                    ))
                    .at(d.gpus.at.0, d.gpus.at.1, "neither within a node nor whole nodes, alike in all pools")
                    .help("choose a number of GPUs that the nodes of all its pools have, or a multiple of it"),
                );
                return None;
            }
            found = split;
        }
        let (gpus, pods) = found?;
        Some((u8::try_from(gpus).ok()?, u16::try_from(pods).ok()?))
    }

    /// Who reads prompts needs who decodes, and the other way round.
    fn both_halves(&mut self, v: &shape::Service, lanes: &[Kind], out: &mut Diagnostics) -> Option<()> {
        for kind in lanes {
            let has = |r: Role| lanes.iter().any(|l| l.model == kind.model && l.role == r);
            let name = kind.model.name;
            let (wrong, help) = match kind.role {
                Role::Prefill if !has(Role::Decode) => {
                    ("nobody decodes what its replicas read", "add a deployment with role: Decode")
                }
                Role::Decode if !has(Role::Prefill) => {
                    ("nobody reads the prompts for its replicas", "add a deployment with role: Prefill")
                }
                Role::Whole if has(Role::Prefill) || has(Role::Decode) => (
                    "it is served whole and in halves",
                    "give all of its deployments one way: Whole, or Prefill and Decode",
                ),
                _ => continue,
            };
            let d = v.deployments.iter().find(|d| role(&d.role) == kind.role && Self::is(d, kind))?;
            out.push(
                Diagnostic::error(format!("model `{name}`: {wrong}")).at(d.role.at.0, d.role.at.1, "here").help(help),
            );
            return None;
        }
        Some(())
    }

    fn is(d: &shape::Deployment, kind: &Kind) -> bool {
        profile::Model::find(&d.model).is_ok_and(|m| m == kind.model)
    }

    /// The lane that each source of requests asks.
    fn lanes_of(&mut self, v: &shape::Service, lanes: &[Kind], out: &mut Diagnostics) -> Option<Vec<u16>> {
        let fronts: Vec<usize> = (0..lanes.len()).filter(|i| lanes[*i].role != Role::Decode).collect();
        let list = || fronts.iter().map(|i| lanes[*i].model.name).collect::<Vec<_>>().join(", ");
        let mut of = Vec::new();
        for r in v.traffic.iter() {
            let lane = match r.model() {
                Some(word) => {
                    let named = profile::Model::find(word).ok();
                    let hit = fronts.iter().find(|i| named.is_some_and(|m| m == lanes[**i].model));
                    if hit.is_none() {
                        out.push(
                            Diagnostic::error(format!("no deployment of `{}` serves `{}`", *v.name, **word))
                                .at(word.at.0, word.at.1, "asked for here")
                                .help(format!("its models are {}", list())),
                        );
                    }
                    *hit?
                }
                None if fronts.len() == 1 => fronts[0],
                None => {
                    let name = r.name();
                    out.push(
                        Diagnostic::error(format!("requests `{}` do not say which model they ask for", **name))
                            .at(name.at.0, name.at.1, "the service has several")
                            .help(format!("add model: one of {}", list())),
                    );
                    return None;
                }
            };
            of.push(lane as u16);
        }
        Some(of)
    }

    /// Promises that no replica can keep, however idle.
    fn promises(&mut self, v: &shape::Service, ready: &[Ready], out: &mut Diagnostics) {
        let Some(slo) = &v.slo else { return };
        let least = |skip: Role, of: fn(&Made) -> u64| {
            let mine = ready.iter().filter(|r| r.deployment.role != skip);
            mine.flat_map(|r| &r.engines).map(of).min()
        };
        engine::impossible("a first token", slo.ttft.as_ref(), least(Role::Decode, |m| m.least_ttft), out);
        engine::impossible("each next token", slo.tpot.as_ref(), least(Role::Prefill, |m| m.least_tpot), out);
        engine::impossible("an answer", slo.e2e.as_ref(), least(Role::Decode, |m| m.least_ttft), out);
        for o in [&slo.ttft, &slo.tpot, &slo.e2e].into_iter().flatten() {
            if o.share.get() <= 0.0 {
                out.push(Diagnostic::error("a promise to nobody").at(o.at.0, o.at.1, "a share above 0%"));
            }
        }
    }

    fn traffic(
        &mut self,
        v: &shape::Service,
        ready: &[Ready],
        lane_of_source: &[u16],
        out: &mut Diagnostics,
    ) -> Option<Traffic> {
        let mut sources = Vec::new();
        for (r, lane) in v.traffic.iter().zip(lane_of_source) {
            let mine = ready.iter().filter(|d| d.deployment.lane == *lane);
            let context = mine.flat_map(|d| &d.engines).map(|e| e.engine.config.max_model_len).min();
            sources.push(self.requests(r, context.unwrap_or(u32::MAX), out));
        }
        let sources = sources.into_iter().collect::<Option<Vec<_>>>()?;
        match Traffic::new(sources) {
            Ok(t) => Some(t),
            Err(list) => {
                for e in list {
                    out.push(Diagnostic::error(e.to_string()).at(v.traffic.at.0, v.traffic.at.1, "these requests"));
                }
                None
            }
        }
    }

    fn front(
        &mut self,
        v: &shape::Service,
        (lanes, count): (&[Kind], usize),
        lane_of_source: Vec<u16>,
        ready: &[Ready],
        traffic: &Traffic,
        out: &mut Diagnostics,
    ) -> Option<Config> {
        let routing = match *v.routing {
            shape::Routing::RoundRobin => Routing::RoundRobin,
            shape::Routing::LeastOutstanding => Routing::LeastOutstanding,
            shape::Routing::LeastKv => Routing::LeastKv { grain: KV_GRAIN },
            shape::Routing::PrefixAffine(most) if !(1.0..=1e6).contains(&most) => {
                out.push(
                    Diagnostic::error(format!("no replica may have {most} times the mean of requests"))
                        .at(v.routing.at.0, v.routing.at.1, "1 or more")
                        .help("for example PrefixAffine(1.25)"),
                );
                return None;
            }
            shape::Routing::PrefixAffine(most) => Routing::PrefixAffine { most },
            shape::Routing::PowerOfTwo => Routing::PowerOfTwo,
        };
        let link = self.link(&v.transfer, out)?;
        let mut all = Vec::new();
        for i in 0..count {
            let decode = lanes.get(i).filter(|k| k.role == Role::Prefill).and_then(|k| {
                let lane = lanes.iter().position(|l| l.model == k.model && l.role == Role::Decode)?;
                let bytes = ready.iter().find(|r| usize::from(r.deployment.lane) == i)?.engines.first()?.kv_bytes;
                Some(Decode { lane: lane as u16, link, bytes_per_token: bytes })
            });
            all.push(Lane { routing, decode });
        }
        let forever = Duration(u64::MAX);
        let patience = v.patience.as_ref().map_or(forever, |p| p.value);
        let timeout = v.timeout.as_ref().map_or(forever, |p| p.value);
        if let (Some(p), Some(t)) = (&v.patience, &v.timeout)
            && **p > **t
        {
            out.push(
                Diagnostic::error("clients give up the whole before they give up waiting for it to begin")
                    .at(p.at.0, p.at.1, format!("longer than the timeout of {}", **t))
                    .also(t.at.0, t.at.1, "the timeout"),
            );
        }
        let r = &v.retries;
        if *r.most > 10 {
            out.push(Diagnostic::error(format!("{} retries of a request", *r.most)).at(
                r.most.at.0,
                r.most.at.1,
                "at most 10",
            ));
        }
        if *r.most > 0 && !(r.refused || r.timed_out || r.cut_off) {
            out.push(
                Diagnostic::error("clients retry, and never have a reason to")
                    .at(r.at.0, r.at.1, "none of refused, timed_out, cut_off")
                    .help("say when, or write most: 0"),
            );
        }
        Some(Config {
            lanes: all,
            lane_of_source,
            hold: *v.hold,
            patience,
            timeout,
            retry: Retry {
                most: u8::try_from(*r.most).unwrap_or(u8::MAX),
                backoff: r.backoff,
                refused: r.refused,
                timed_out: r.timed_out,
                cut_off: r.cut_off,
            },
            caches: self.caches(v, out)?,
            limits: self.limits(v, traffic, out)?,
        })
    }

    fn link(&mut self, t: &shape::Transfer, out: &mut Diagnostics) -> Option<Link> {
        let rate = |b: &Spanned<crate::scenario::decode::quantity::Bandwidth>, out: &mut Diagnostics| {
            let found = NonZeroU64::new(b.0);
            if found.is_none() {
                out.push(Diagnostic::error("a link that moves nothing").at(b.at.0, b.at.1, "above 0"));
            }
            found
        };
        let shared_bps = match &t.shared {
            Some(b) => Some(rate(b, out)?),
            None => None,
        };
        Some(Link { base: t.base, bps: rate(&t.bandwidth, out)?, shared_bps, overlap_ppm: t.overlap.ppm() })
    }

    fn caches(&mut self, v: &shape::Service, out: &mut Diagnostics) -> Option<Caches> {
        let Some(c) = &v.caches else { return Some(Caches::default()) };
        let setup = |capacity: u64, ttl, renew_on_hit, hit_latency| response::Setup {
            capacity: usize::try_from(capacity).unwrap_or(usize::MAX),
            ttl,
            renew_on_hit,
            hit_latency,
        };
        if (c.edge.is_some() || c.exact.is_some()) && c.prompts.is_none() {
            out.push(
                Diagnostic::error("how often prompts repeat is not said")
                    .at(c.at.0, c.at.1, "edge and exact caches answer prompts that repeat")
                    .help("add prompts: (different: 100000, zipf: 1.0), as your logs have it"),
            );
            return None;
        }
        if let Some(p) = &c.prompts
            && let Err(e) = crate::kernel::Dist::zipf(p.different, p.zipf)
        {
            out.push(Diagnostic::error(e.to_string()).at(p.at.0, p.at.1, "this cannot be drawn from"));
            return None;
        }
        if let Some(x) = &c.semantic {
            self.note(format!("semantic cache of {}", *v.name), "prior", format!("{} % of requests, as stated", x.hits.get() * 100.0));
        }
        Some(Caches {
            edge: c.edge.as_ref().map(|e| (e.places.get(), setup(e.capacity, e.ttl, e.renew_on_hit, e.latency))),
            exact: c.exact.as_ref().map(|e| setup(e.capacity, e.ttl, e.renew_on_hit, e.latency)),
            semantic: c.semantic.as_ref().map(|x| response::SemanticCache {
                hits: x.hits,
                wrong: x.wrong,
                lookup: x.lookup,
            }),
            prompts: c.prompts.as_ref().map(|p| (p.different, p.zipf)),
        })
    }

    fn limits(&mut self, v: &shape::Service, traffic: &Traffic, out: &mut Diagnostics) -> Option<Vec<Limit>> {
        let own = fixed_labels(v.labels.iter());
        let mut all = Vec::new();
        for l in &v.limits {
            let (key, value) = &l.label.value;
            let label = Label { key: key.clone(), value: value.clone() };
            let covers: Vec<bool> =
                traffic.label_sets().iter().map(|set| set.contains(&label) || own.contains(&label)).collect();
            if !covers.contains(&true) {
                out.push(
                    Diagnostic::error(format!("no request of `{}` has the label {label}", *v.name))
                        .at(l.label.at.0, l.label.at.1, "limits nobody")
                        .help("labels come from `labels` and `label_mix` of the traffic, or from the service"),
                );
                return None;
            }
            let (of, rate, at) = match (&l.requests_per_second, &l.tokens_per_minute) {
                (Some(r), None) => (Limited::Requests, **r, r.at),
                (None, Some(t)) => (Limited::Tokens, **t / 60.0, t.at),
                _ => {
                    out.push(
                        Diagnostic::error("a limit has one rate")
                            .at(l.label.at.0, l.label.at.1, "of this one")
                            .help("write requests_per_second or tokens_per_minute"),
                    );
                    return None;
                }
            };
            let burst = l.burst.as_ref().map_or(10.0 * rate, |b| **b);
            if !(0.0..=1e12).contains(&rate) || !(0.0..=1e15).contains(&burst) {
                out.push(Diagnostic::error("a rate that cannot be a limit").at(at.0, at.1, "from 0 to 1e12"));
                return None;
            }
            all.push(Limit { covers, of, per_second: rate, burst: burst.max(1.0) });
        }
        Some(all)
    }

    fn rollout(&mut self, r: &shape::Rollout, old: u16, new: u16, out: &mut Diagnostics) -> Option<Rollout> {
        let (shadow, steps): (bool, Vec<(crate::units::Fraction, Duration)>) = match &r.strategy.value {
            shape::Strategy::Canary(steps) => (false, steps.clone()),
            shape::Strategy::Shadow(share, pause) => (true, vec![(*share, *pause)]),
        };
        if steps.is_empty() || steps.iter().any(|s| s.0.ppm() == 0) {
            out.push(
                Diagnostic::error("a rollout moves a share of the requests in each step")
                    .at(r.strategy.at.0, r.strategy.at.1, "a step of nothing")
                    .help("for example Canary([(\"5%\", \"10m\"), (\"50%\", \"30m\")])"),
            );
            return None;
        }
        if *r.at >= self.horizon {
            out.push(
                Diagnostic::error("the rollout begins after the window's end")
                    .at(r.at.at.0, r.at.at.1, format!("the horizon is {}", self.horizon))
                    .help("it counts from the window's start"),
            );
            return None;
        }
        Some(Rollout {
            at: SimTime(self.warmup.0 + r.at.0),
            old,
            new,
            shadow,
            steps: steps.iter().map(|(s, d)| RolloutStep { share_ppm: s.ppm(), pause: *d }).collect(),
            gate: r.gate.as_ref().map(|g| Gate {
                least: g.least.max(1),
                good: g.good.get(),
                worse_by: g.worse_by.get(),
            }),
        })
    }
}
