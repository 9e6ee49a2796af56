//! Deployments: where replicas may run, with which engine, and how they start.

use std::sync::Arc;

use super::context::Context;
use super::engine::OnPool;
use super::laws;
use super::nodes::disruption;
use super::scale::{Scaled, fewest, most, scale};
use super::share::OnSlices;
use super::stores::moving;
use super::work::{Where, tiers};
use crate::fleet::{PoolId, PoolSet};
use crate::kernel::Dist;
use crate::scenario::decode::quantity::Bandwidth;
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::engine as engine_shape;
use crate::scenario::file::laws::Length;
use crate::scenario::file::service as shape;
use crate::scenario::model::Model;
use crate::scenario::model::Tier;
use crate::scenario::model::service::{CpuUse, Deployment, Role, Start};
use crate::serving::profile::Model as Architecture;
use crate::units::{Bytes, Diagnostic, Diagnostics, Duration};
use crate::workload::Request;

/// A deployment, and what its service wants to know of it.
pub(super) struct Made {
    pub deployment: Deployment,
    /// Its model.
    pub model: &'static Architecture,
    /// Bytes that a token keeps in KV.
    pub kv_bytes: f64,
    /// The longest request that all of its engines take.
    pub context: u32,
    /// Its own pools, without those that open later.
    pub own: PoolSet,
    /// The tiers of the service, in which its own pools are the first.
    pub tiers: Vec<Tier>,
}

pub(super) const fn role(r: &shape::Role) -> Role {
    match r {
        shape::Role::Whole => Role::Whole,
        shape::Role::Prefill => Role::Prefill,
        shape::Role::Decode => Role::Decode,
    }
}

impl Context<'_, '_> {
    /// A deployment, still without its lane.
    pub(super) fn deployment(
        &mut self,
        v: &shape::Service,
        d: &shape::Deployment,
        pools: &Names,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Made> {
        let architecture = Architecture::find(&d.model);
        if let Err(e) = &architecture {
            out.push(e.to_diagnostic().at(d.model.at.0, d.model.at.1, "no such model"));
        }
        let cpu = cores(&d.cpu, out);
        let of = Scaled { name: d.name.as_str(), cpu: cpu.and_then(|c| c.0), role: role(&d.role), hold: *v.hold };
        let scale = scale(&d.scale, of, out);
        let architecture = architecture.ok()?;
        let on = self.places(v, d, pools, model, out)?;
        let (own, tiers) = (on.tiers[0].pools, on.tiers);
        let engines = self.engines(d, architecture, (own, on.slice), &tiers, model, out)?;
        let there = engines.iter().enumerate().filter(|(_, e)| e.is_some());
        let all = there.fold(PoolSet::EMPTY, |set, (i, _)| set.with(PoolId(i as u16)));
        let (mut request, pods) = self.pods(d, all, cpu?.0, model, out)?;
        if on.slice > 0 {
            (request.slice, request.gpu_milli) = (on.slice, on.milli);
        }
        let some = || engines.iter().flatten();
        let weights = some().map(|e| e.weights).fold(0.0, f64::max);
        let start = self.start(v, d, weights, out)?;
        let (scale, use_of) = (scale?, cpu?.1);
        let made = Made {
            model: architecture,
            kv_bytes: some().map(|e| e.kv_bytes).fold(0.0, f64::max),
            context: some().map(|e| e.engine.config.max_model_len).min().unwrap_or(architecture.context),
            own: own.and(all),
            tiers,
            deployment: Deployment {
                name: d.name.to_string(),
                model: architecture.name.to_owned(),
                role: role(&d.role),
                lane: 0,
                pools: all,
                engines: engines.iter().map(|e| e.as_ref().map(|e| Arc::new(e.engine.clone()))).collect(),
                request,
                pods,
                priority: d.priority,
                start,
                grace: d.grace,
                disruption: disruption(&d.disruption, d.grace, out)?,
                scale,
                cpu: use_of,
                busy_ppm: d.busy.ppm(),
            },
        };
        self.note_engines(v, d, &engines, model);
        enough_room(d, &made, model, out);
        Some(made)
    }

    /// Its own pools, and all tiers with those that open later.
    fn places(
        &mut self,
        v: &shape::Service,
        d: &shape::Deployment,
        pools: &Names,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<OnSlices> {
        let place = Where {
            name: &d.name,
            pools: d.pools.as_ref(),
            fallback: &v.fallback,
            speed: &[],
            one_island: false,
            wait_target: None,
            disruption: None,
        };
        let mut all = tiers(&place, pools, out)?;
        let on_request = |p: usize| model.pools[p].supply.as_ref().is_some_and(|s| s.on_request());
        let named = d.pools.iter().flat_map(|p| p.iter()).chain(v.fallback.iter().flat_map(|f| &f.pools));
        for name in named {
            let Some(i) = model.pools.iter().position(|p| p.name == name.as_str()) else { continue };
            let (label, help) = if on_request(i) {
                ("its nodes are on request", "write nodes: Fixed(…) in the pool: replicas use nodes that stand there")
            } else if self.facts[i].device.is_none() {
                ("its nodes have no GPUs", "name a pool of GPUs")
            } else {
                continue;
            };
            out.push(
                Diagnostic::error(format!("replicas of `{}` cannot run in pool `{}`", *d.name, **name))
                    .at(name.at.0, name.at.1, label)
                    .help(help),
            );
            return None;
        }
        let usable = (0..model.pools.len())
            .filter(|p| !on_request(*p) && self.facts[*p].device.is_some())
            .fold(PoolSet::EMPTY, |set, p| set.with(PoolId(p as u16)));
        for t in &mut all {
            t.pools = t.pools.and(usable);
        }
        if all[0].pools.is_empty() {
            out.push(
                Diagnostic::error(format!("replicas of `{}` have no pool to run in", *d.name))
                    .at(d.name.at.0, d.name.at.1, "no pool has GPUs that stand there")
                    .help("add a pool with nodes: Fixed(…)"),
            );
            return None;
        }
        if let Some(s) = d.slice.as_ref().filter(|_| d.gpus.get() > 1) {
            out.push(
                Diagnostic::error(format!(
                    "replicas of `{}` are of {} GPUs and ask for a slice of one",
                    *d.name,
                    d.gpus.get()
                ))
                .at(s.at.0, s.at.1, "one slice a replica")
                .help("leave `gpus` out: instances cannot be joined"),
            );
            return None;
        }
        self.on_slices(&place, d.slice.as_ref(), d.gpus.get(), all, model, out)
    }

    /// Its engine by pool. A pool that is named must have one; of others those do that can.
    fn engines(
        &mut self,
        d: &shape::Deployment,
        architecture: &'static Architecture,
        (own, slice): (PoolSet, u8),
        tiers: &[Tier],
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Vec<Option<OnPool>>> {
        let open = tiers.iter().fold(PoolSet::EMPTY, |set, t| set.or(t.pools));
        let mut engines: Vec<Option<OnPool>> = vec![None; model.pools.len()];
        let (mut faults, mut bad) = (Vec::new(), false);
        for p in open.iter().map(|p| usize::from(p.0)).filter(|p| *p < model.pools.len()) {
            match self.engine(d, architecture, p, model.pools[p].share.as_deref(), slice) {
                Ok(e) => engines[p] = Some(e),
                Err(why) if own.has(PoolId(p as u16)) && d.pools.is_some() => {
                    bad = true;
                    faults.push(why);
                }
                Err(why) => faults.push(why),
            }
        }
        let nowhere = own.iter().all(|p| engines.get(usize::from(p.0)).is_none_or(Option::is_none));
        if !bad && !nowhere {
            return Some(engines);
        }
        // The same fault on like pools is told once.
        let mut told: Vec<String> = Vec::new();
        for d in faults.into_iter().flat_map(|f| f.list) {
            if !told.contains(&d.message) {
                told.push(d.message.clone());
                out.push(d);
            }
        }
        None
    }

    /// What each pod asks for, and how many pods a replica has.
    fn pods(
        &self,
        d: &shape::Deployment,
        pools: PoolSet,
        cpu: Option<u32>,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<(Request, u16)> {
        let gpus = d.gpus.get();
        let sizes =
            |p: PoolId| model.all_nodes().filter(move |n| n.pool == p).map(|n| u32::from(n.capacity.gpus)).max();
        let smallest = pools.iter().filter_map(|p| Some((sizes(p)?, p))).min_by_key(|s| s.0);
        let (per_node, pool) = smallest.filter(|s| s.0 > 0).unwrap_or((gpus, PoolId(0)));
        let name = model.pools.get(usize::from(pool.0)).map_or("", |p| p.name.as_str());
        let pods = gpus.div_ceil(per_node);
        if gpus > per_node && (!gpus.is_multiple_of(per_node) || pods > u32::from(u16::MAX)) {
            let below = gpus - gpus % per_node;
            out.push(
                Diagnostic::error(format!("a replica of {gpus} GPUs is no whole number of nodes of pool `{name}`"))
                    .at(d.gpus.at.0, d.gpus.at.1, format!("a node has {per_node}"))
                    .help(format!("write gpus: {below} or {}, or name pools of larger nodes", below + per_node)),
            );
            return None;
        }
        let mem = u32::try_from(d.memory.mib_ceil()).unwrap_or(u32::MAX);
        let each = u8::try_from(gpus / pods).unwrap_or(u8::MAX);
        Some((
            Request { cpu_milli: cpu.unwrap_or(0), mem_mib: mem, gpus: each, gpu_milli: 1000, slice: 0 },
            pods as u16,
        ))
    }

    fn start(
        &mut self,
        v: &shape::Service,
        d: &shape::Deployment,
        weights: f64,
        out: &mut Diagnostics,
    ) -> Option<Start> {
        let s = &d.start;
        let takes = |own: &Option<Spanned<Length>>, size: f64, at: &Spanned<Bandwidth>, what, out: &mut Diagnostics| {
            if let Some(law) = own {
                return laws::length(law, law.at, out);
            }
            let bytes = moving(at, what, out)?;
            Dist::constant(size / bytes.get() as f64).ok()
        };
        let image = takes(&s.pull_time, s.image.0 as f64, &s.pull, "pulling an image", out);
        let weights = s.weights.map_or(weights, |Bytes(b)| b as f64);
        let load = takes(&s.load_time, weights, &s.load, "loading weights", out);
        let warm_up = laws::length(&s.warm_up, s.warm_up.at, out);
        let what = format!("start-up of {}/{}", *v.name, *d.name);
        if *s == crate::scenario::decode::all_defaults() {
            self.note(what, "guess", "image, weights and warm-up of a vLLM pod, by default");
        } else {
            self.note(what, "prior", "stated in the scenario");
        }
        Some(Start { image: image?, image_stays: s.image_stays, load: load?, warm_up: warm_up? })
    }

    fn note_engines(&mut self, v: &shape::Service, d: &shape::Deployment, all: &[Option<OnPool>], model: &Model) {
        let mut said: Vec<&str> = Vec::new();
        for (i, e) in all.iter().enumerate() {
            let Some(e) = e else { continue };
            if said.contains(&e.engine.profile.as_str()) {
                continue;
            }
            said.push(&e.engine.profile);
            let what = format!("steps of {}/{} on {}", *v.name, *d.name, model.pools[i].device);
            self.note(what, e.known.0.key(), e.known.1.clone());
        }
    }
}

/// Cores requested, and what replicas use of them, in thousandths.
fn cores(c: &engine_shape::CpuOfReplica, out: &mut Diagnostics) -> Option<(Option<u32>, CpuUse)> {
    let mut milli = |v: &Spanned<f64>| {
        if (0.0..=1e6).contains(&v.value) {
            return Some((v.value * 1000.0).round() as u32);
        }
        out.push(
            Diagnostic::error(format!("{} cores are not possible", v.value))
                .at(v.at.0, v.at.1, "from 0 to 1,000,000")
                .help("for example 4, or 0.5"),
        );
        None
    };
    let request = c.request.as_ref().map(&mut milli);
    let (idle, busy) = (milli(&c.idle), milli(&c.busy));
    let request = match request {
        Some(r) => Some(r?),
        None => None,
    };
    Some((request, CpuUse { request: request.unwrap_or(0), idle: idle?, busy: busy? }))
}

/// A replica that no node holds is a fault; more replicas than fit at once are worth a warning.
fn enough_room(d: &shape::Deployment, made: &Made, model: &Model, out: &mut Diagnostics) {
    let of = &made.deployment;
    let (mut places, mut biggest) = (0_u64, 0);
    for n in model.all_nodes().filter(|n| of.pools.has(n.pool)) {
        let here = u64::from(model.slots(n.pool, n.capacity, &of.request));
        places += here;
        biggest = biggest.max(n.capacity.gpus);
    }
    let fits = places / u64::from(of.pods.max(1));
    let needs = u64::from(fewest(&of.scale));
    let gpus = d.gpus.get();
    if fits == 0 && most(&of.scale) > 0 {
        out.push(
            Diagnostic::error(format!("no node that `{}` may use can hold a replica", *d.name))
                .at(d.gpus.at.0, d.gpus.at.1, format!("{gpus} GPUs a replica; a node has at most {biggest}"))
                .help("add nodes or pools, or ask for fewer GPUs, cores or less memory"),
        );
    } else if fits < needs {
        out.push(
            Diagnostic::warning(format!("`{}` should have {needs} replicas, and its pools hold {fits}", *d.name))
                .at(d.scale.at.0, d.scale.at.1, "more than will ever find a place")
                .help("the others wait in the queue of the fleet; add nodes, or ask for fewer replicas"),
        );
    }
}

/// Whether a deployment can ever have a replica.
pub(super) fn ever(d: &Deployment) -> bool {
    most(&d.scale) > 0
}

/// "For ever", where nothing was said.
pub(super) fn for_ever(d: Option<&Spanned<Duration>>) -> Duration {
    d.map_or(Duration(u64::MAX), |d| d.value)
}
