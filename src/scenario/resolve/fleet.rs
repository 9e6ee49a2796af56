//! Pools and their nodes, islands, and dated changes.

use super::context::{Context, PoolFacts, moment};
use super::prices::{Hardware, placed};
use std::sync::Arc;

use crate::catalog::{Device, Instance, Market, PowerModel, Provider, energy};
use crate::fleet::{Capacity, IslandId, MAX_GPUS, PoolId, PoolSet};
use crate::formats::Place;
use crate::ledger::{Power, Unit};
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::Scenario;
use crate::scenario::file::fleet::{self as shape, Nodes, OpenbNodes};
use crate::scenario::file::money::Buy;
use crate::scenario::model::{Change, ChangeKind, NodeSpec, Pool};
use crate::units::{Diagnostic, Diagnostics, Duration, SimTime};
use crate::workload::trace::openb;

/// The most nodes of one pool: beyond this a count is a slip.
const MAX_NODES: u32 = 1_000_000;

impl Context<'_, '_> {
    /// All pools and the nodes that are there from the start.
    pub fn pools(&mut self, s: &Scenario, out: &mut Diagnostics) -> (Vec<Pool>, Vec<NodeSpec>) {
        let (mut pools, mut nodes) = (Vec::new(), Vec::new());
        if s.pools.is_empty() || s.pools.len() > PoolSet::MAX {
            out.push(
                Diagnostic::error(format!(
                    "a fleet has between 1 and {} pools, this one has {}",
                    PoolSet::MAX,
                    s.pools.len()
                ))
                .at(s.pools.at.0, s.pools.at.1, "the pools")
                .help("a pool: (name: \"ft\", instance: \"p5.48xlarge\", region: \"us-east-1\", nodes: 8)"),
            );
        }
        let mut island = 0;
        for (i, p) in s.pools.iter().take(PoolSet::MAX).enumerate() {
            if let Some((pool, specs)) = self.pool(s, p, PoolId(i as u16), &mut island, out) {
                pools.push(pool);
                nodes.extend(specs);
            }
        }
        (pools, nodes)
    }

    fn pool(
        &mut self,
        s: &Scenario,
        p: &shape::Pool,
        id: PoolId,
        island: &mut u32,
        out: &mut Diagnostics,
    ) -> Option<(Pool, Vec<NodeSpec>)> {
        let catalog = self.env.catalog.clone();
        let instance: Option<&Instance> = match &p.instance {
            Some(word) => match catalog.instance(word) {
                Ok(i) => Some(i),
                Err(e) => {
                    out.push(placed(&e, word));
                    return None;
                }
            },
            None => None,
        };
        let device = self.device(p, instance, out)?;
        let caps = match &p.nodes {
            Nodes::Fixed(n) => {
                let cap = self.node_capacity(p, instance, device.as_ref(), out)?;
                if *n > MAX_NODES {
                    out.push(
                        Diagnostic::error(format!("pool `{}` would have {n} nodes, more than {MAX_NODES}", *p.name))
                            .at(p.name.at.0, p.name.at.1, "so many are a slip")
                            .help("write fewer `nodes`"),
                    );
                    return None;
                }
                vec![cap; *n as usize]
            }
            Nodes::OnRequest(n) => {
                let cap = self.node_capacity(p, instance, device.as_ref(), out)?;
                if n.get() > MAX_NODES {
                    out.push(
                        Diagnostic::error(format!(
                            "pool `{}` could have {} nodes, more than {MAX_NODES}",
                            *p.name, **n
                        ))
                        .at(n.at.0, n.at.1, "so many are a slip")
                        .help("write fewer nodes: OnRequest(16)"),
                    );
                    return None;
                }
                vec![cap; n.get() as usize]
            }
            Nodes::Scaled(n) => {
                let cap = self.node_capacity(p, instance, device.as_ref(), out)?;
                let first = n.initial.map_or(n.min, |i| *i);
                if n.min > n.max.get() || first < n.min || first > n.max.get() || n.max.get() > MAX_NODES {
                    let at = n.initial.map_or(n.max.at, |i| i.at);
                    out.push(
                        Diagnostic::error(format!(
                            "pool `{}` would begin with {first} nodes, of at least {} and at most {}",
                            *p.name, n.min, *n.max
                        ))
                        .at(at.0, at.1, format!("min ≤ initial ≤ max ≤ {MAX_NODES}"))
                        .help("for example nodes: Scaled((min: 0, max: 40))"),
                    );
                    return None;
                }
                vec![cap; n.max.get() as usize]
            }
            Nodes::Openb(list) => self.openb_nodes(list, device.is_some(), out)?,
        };
        let like = match (&p.nodes, caps.first()) {
            (Nodes::Fixed(_) | Nodes::OnRequest(_) | Nodes::Scaled(_), _) => {
                Some(self.node_capacity(p, instance, device.as_ref(), out)?)
            }
            (_, Some(first)) => Some(*first),
            _ => None,
        };
        let same = |f: fn(&Capacity) -> u32| {
            let first = like.as_ref().map(f)?;
            caps.iter().all(|c| f(c) == first).then_some(first)
        };
        let unit = if device.is_some() { Unit::Gpu } else { Unit::Cpu };
        let region = region(p, instance, out)?;
        let hardware = Hardware {
            instance,
            region: region.clone(),
            gpus: same(|c| u32::from(c.gpus)),
            cpu_milli: same(|c| c.cpu_milli),
            unit,
        };
        let mut facts = PoolFacts {
            provider: instance.map_or(Provider::Own, |i| i.provider),
            region: region.map(|r| r.value),
            zone: p.zone.as_ref().map(|z| z.value.clone()),
            device: device.clone(),
            gpus: hardware.gpus,
            nodes: u32::try_from(caps.len()).unwrap_or(u32::MAX),
            folders: Vec::new(),
        };
        let path = self.price_path(p, out)?;
        let tariff = self.tariff(s, p, &hardware, path.as_ref(), out);
        // Faults of the price and of how nodes come and go are told together.
        let supply = self.supply(p, &facts, path.as_ref().map(|(path, ..)| path), out);
        let (tariff, supply) = (tariff?, supply?);
        let power = self.power(p, instance, device.as_ref(), out)?;
        let share = self.share(s, p, device.as_ref(), out)?;
        let per_island = p.island.map_or(u32::MAX, |n| n.get());
        let mut specs = Vec::with_capacity(caps.len());
        for (k, capacity) in caps.into_iter().enumerate() {
            if k > 0 && (k as u32).is_multiple_of(per_island) {
                *island += 1;
            }
            specs.push(NodeSpec { pool: id, island: IslandId(*island), capacity });
        }
        *island += 1;
        let market = match p.buy {
            Buy::OnDemand(_) => Market::OnDemand.key().replace('_', "-"),
            Buy::Spot(_) => Market::Spot.key().to_owned(),
            Buy::Owned(_) => "owned".to_owned(),
        };
        let pool = Pool {
            name: p.name.to_string(),
            device: device.as_ref().map_or("cpu", |d| d.name).to_owned(),
            instance: instance.map(|i| i.name.to_string()),
            zone: p.zone.as_ref().map(|z| z.value.clone()),
            market,
            tariff,
            power,
            share: share.map(Arc::new),
            supply: supply.map(|(supply, folders)| {
                facts.folders = folders;
                Box::new(supply)
            }),
        };
        self.facts.push(facts);
        Some((pool, specs))
    }

    /// The device of a pool: its own word, or its instance type's. `Some(None)` is a pool of CPU nodes.
    fn device(&self, p: &shape::Pool, i: Option<&Instance>, out: &mut Diagnostics) -> Option<Option<Device>> {
        let devices = &self.env.catalog.devices;
        match (&p.device, i) {
            (Some(word), _) if word.eq_ignore_ascii_case("none") => Some(None),
            (Some(word), _) => match devices.find(word) {
                Ok(id) => Some(Some(devices.get(id).clone())),
                Err(e) => {
                    out.push(
                        placed(&e, word)
                            .help("the name may stand for a device of your choice: list it in `answers_to`"),
                    );
                    None
                }
            },
            (None, Some(i)) => Some(i.device.map(|d| devices.get(d).clone())),
            (None, None) => {
                out.push(
                    Diagnostic::error(format!("pool `{}` says neither instance nor device", *p.name))
                        .at(p.name.at.0, p.name.at.1, "what are its nodes?")
                        .help("name an `instance` type, or a `device` with `gpus`, `cpus` and `memory`; device: \"none\" for CPU nodes"),
                );
                None
            }
        }
    }

    /// What a node of the pool has.
    fn node_capacity(
        &self,
        p: &shape::Pool,
        i: Option<&Instance>,
        device: Option<&Device>,
        out: &mut Diagnostics,
    ) -> Option<Capacity> {
        if let Some(i) = i
            && !i.gpus.0.is_multiple_of(1000)
        {
            let word = p.instance.as_ref()?;
            out.push(
                Diagnostic::error(format!("`{}` has a share of a GPU, which is not modelled", i.name))
                    .at(word.at.0, word.at.1, format!("{} of a GPU", f64::from(i.gpus.0) / 1000.0))
                    .help("choose a type with whole GPUs"),
            );
            return None;
        }
        let gpus = match (&p.gpus, i, device) {
            (_, _, None) => 0,
            (Some(n), _, _) => **n,
            (None, Some(i), _) => i.gpu_count(),
            (None, None, _) => {
                out.push(
                    Diagnostic::error(format!("pool `{}` does not say how many GPUs a node has", *p.name))
                        .at(p.name.at.0, p.name.at.1, "field `gpus` is missing")
                        .help("for example gpus: 8"),
                );
                return None;
            }
        };
        if gpus as usize > MAX_GPUS || (gpus == 0 && device.is_some()) {
            out.push(
                Diagnostic::error(format!(
                    "a node of pool `{}` has {gpus} GPUs: between 1 and {MAX_GPUS} are possible",
                    *p.name
                ))
                .at(p.gpus.map_or(p.name.at, |g| g.at).0, p.gpus.map_or(p.name.at, |g| g.at).1, "GPUs of one node")
                .help("a rack of more is several nodes; nodes without GPUs have device: \"none\""),
            );
            return None;
        }
        let cpus = p.cpus.map(|c| *c * 1000.0).or(i.map(|i| f64::from(i.cpu.0)));
        let memory = p.memory.map(|m| m.0).or(i.map(|i| i.memory.0));
        let (Some(cpus), Some(memory)) = (cpus, memory) else {
            out.push(
                Diagnostic::error(format!("pool `{}` does not say what CPU and memory a node has", *p.name))
                    .at(p.name.at.0, p.name.at.1, "fields `cpus` and `memory` are missing")
                    .help("for example cpus: 96, memory: \"1TiB\""),
            );
            return None;
        };
        let mem = u32::try_from(memory >> 20);
        match mem {
            Ok(mem_mib) if (0.0..=4e9).contains(&cpus) => {
                Some(Capacity { cpu_milli: cpus.round() as u32, mem_mib, gpus: gpus as u8 })
            }
            _ => {
                let at = p.cpus.map_or(p.name.at, |c| c.at);
                out.push(Diagnostic::error(format!("a node of pool `{}` cannot have such CPU or memory", *p.name)).at(
                    at.0,
                    at.1,
                    "from 0 to 4,000,000 cores, at most 4 PiB",
                ));
                None
            }
        }
    }

    /// Nodes of one model from an openb node list.
    fn openb_nodes(&mut self, list: &OpenbNodes, gpus: bool, out: &mut Diagnostics) -> Option<Vec<Capacity>> {
        let path = self.env.input(&list.file, out)?;
        let nodes = match openb::nodes(&path, self.env.sources) {
            Ok(n) => n,
            Err(d) => {
                out.extend(d);
                return None;
            }
        };
        let possible = if gpus { 1..=MAX_GPUS } else { 0..=MAX_GPUS };
        if let Some(n) = nodes.iter().find(|n| n.model == *list.model && !possible.contains(&usize::from(n.gpus))) {
            out.push(
                Diagnostic::error(format!("node `{}` of `{}` has {} GPUs", n.name, path.display(), n.gpus))
                    .at(list.model.at.0, list.model.at.1, format!("{} to {MAX_GPUS} are possible", possible.start()))
                    .help("correct the list, or leave such nodes out of it"),
            );
            return None;
        }
        let caps: Vec<Capacity> = nodes
            .iter()
            .filter(|n| n.model == *list.model)
            .map(|n| Capacity { cpu_milli: n.cpu_milli, mem_mib: n.mem_mib, gpus: n.gpus })
            .collect();
        if caps.is_empty() {
            let mut models: Vec<&str> = nodes.iter().map(|n| n.model.as_str()).collect();
            models.sort_unstable();
            models.dedup();
            out.push(
                Diagnostic::error(format!("no node of model `{}` in `{}`", *list.model, path.display()))
                    .at(list.model.at.0, list.model.at.1, "not in the list")
                    .help(format!("its models are {}", models.join(", "))),
            );
            return None;
        }
        Some(caps)
    }

    /// Power of a pool's devices, and its facility's overhead.
    fn power(
        &mut self,
        p: &shape::Pool,
        i: Option<&Instance>,
        d: Option<&Device>,
        out: &mut Diagnostics,
    ) -> Option<Power> {
        let model = d.and_then(Device::power);
        let idle_w = p.idle_power.map(|w| w.0).or(model.map(|m| m.idle_w)).unwrap_or(0.0);
        let peak_w = p.peak_power.map(|w| w.0).or(model.map(|m| m.full_w)).unwrap_or(0.0);
        if peak_w < idle_w {
            out.push(
                Diagnostic::error(format!("pool `{}` draws less at work ({peak_w} W) than idle ({idle_w} W)", *p.name))
                    .at(p.name.at.0, p.name.at.1, "idle above peak")
                    .help("set `idle_power` and `peak_power` so that the peak is the higher"),
            );
            return None;
        }
        let provider = i.map_or(Provider::Own, |i| i.provider);
        let pue = p.pue.map_or_else(|| energy::pue(provider).value, |v| *v);
        if pue.is_nan() || !(1.0..=10.0).contains(&pue) {
            let at = p.pue.map_or(p.name.at, |v| v.at);
            out.push(
                Diagnostic::error(format!("a PUE of {pue} is not between 1 and 10"))
                    .at(at.0, at.1, "a facility draws at least what its machines draw")
                    .help("for example pue: 1.2"),
            );
            return None;
        }
        if d.is_some() && model.is_none() && p.peak_power.is_none() {
            self.note(format!("power of pool {}", *p.name), "guess", "not published: counted as 0 W");
        }
        Some(Power { model: Some(PowerModel::concave(idle_w, peak_w)), pue })
    }

    /// Deliveries and retirements, by time.
    pub fn changes(&mut self, s: &Scenario, names: &Names, nodes: &[NodeSpec], out: &mut Diagnostics) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut island = nodes.iter().map(|n| n.island.0 + 1).max().unwrap_or(0);
        for c in &s.changes {
            if let shape::Change::Recut(r) = c {
                changes.extend(self.recut(s, r, names, out).map(|c| (c, r.pool.at)));
                continue;
            }
            let (pool, count, when) = match c {
                shape::Change::Add(a) => (&a.pool, &a.nodes, &a.when),
                shape::Change::Remove(r) => (&r.pool, &r.nodes, &r.when),
                shape::Change::Recut(_) => continue,
            };
            let Some(i) = names.find(pool, out) else { continue };
            if **count == 0 || **count > MAX_NODES {
                out.push(Diagnostic::error(format!("a change of {} nodes", **count)).at(
                    count.at.0,
                    count.at.1,
                    format!("between 1 and {MAX_NODES} are possible"),
                ));
                continue;
            }
            let Some(at) = self.moment(when, out) else { continue };
            let id = PoolId(i as u16);
            let kind = match c {
                shape::Change::Remove(r) => {
                    ChangeKind::Remove { pool: id, count: **count, grace: r.grace.unwrap_or(Duration(u64::MAX)) }
                }
                shape::Change::Add(a) => {
                    let Some(like) = self.like(s, i, id, nodes, out) else { continue };
                    island += 1;
                    let spec = NodeSpec { pool: id, island: IslandId(island), capacity: like };
                    ChangeKind::Add { nodes: vec![spec; **count as usize], boot: a.boot }
                }
                shape::Change::Recut(_) => continue,
            };
            changes.push((Change { at, kind }, count.at));
        }
        changes.sort_by_key(|(c, _)| c.at);
        enough_to_retire(&changes, names, nodes, out);
        changes.into_iter().map(|(c, _)| c).collect()
    }

    /// What a new node of a pool has: what its others have.
    fn like(&self, s: &Scenario, i: usize, id: PoolId, nodes: &[NodeSpec], out: &mut Diagnostics) -> Option<Capacity> {
        if let Some(n) = nodes.iter().find(|n| n.pool == id) {
            return Some(n.capacity);
        }
        let p = &s.pools[i];
        let catalog = &self.env.catalog;
        let instance = p.instance.as_ref().and_then(|w| catalog.instance(w).ok());
        let device = self.device(p, instance, &mut Diagnostics::default())?;
        self.node_capacity(p, instance, device.as_ref(), out)
    }

    /// When a change is due, on the run's clock.
    pub(super) fn moment(&self, when: &Spanned<shape::When>, out: &mut Diagnostics) -> Option<SimTime> {
        let at = match &when.value {
            shape::When::After(d) => SimTime(self.warmup.0.saturating_add(d.0)),
            shape::When::At(date) => {
                let z = moment(*date, self.start.time_zone(), when.at, out)?;
                if z < self.epoch {
                    out.push(
                        Diagnostic::error(format!("{date} lies before the run begins ({})", self.epoch.datetime()))
                            .at(when.at.0, when.at.1, "too early")
                            .help("a pool's `nodes` are those that it begins with"),
                    );
                    return None;
                }
                self.clock(&z)
            }
        };
        if at >= self.end() {
            out.push(
                Diagnostic::warning("this change comes after the horizon and will not happen")
                    .at(when.at.0, when.at.1, "too late"),
            );
            return None;
        }
        Some(at)
    }
}

/// The region of a pool: its own word, or that of its zone.
#[expect(clippy::option_option, reason = "the outer None is a fault that has been reported")]
fn region(p: &shape::Pool, i: Option<&Instance>, out: &mut Diagnostics) -> Option<Option<Spanned<String>>> {
    let provider = i.map_or(Provider::Own, |i| i.provider);
    let Some(zone) = &p.zone else { return Some(p.region.clone()) };
    let of_zone = provider.region_of_zone(zone).to_owned();
    match &p.region {
        Some(r) if provider != Provider::Own && !provider.region_of_zone(r).eq_ignore_ascii_case(&of_zone) => {
            out.push(
                Diagnostic::error(format!("zone `{}` does not lie in region `{}`", **zone, **r))
                    .at(zone.at.0, zone.at.1, format!("lies in `{of_zone}`"))
                    .help("leave `region` out: the zone gives it"),
            );
            None
        }
        Some(r) => Some(Some(r.clone())),
        None => Some(Some(Spanned { value: of_zone, at: zone.at })),
    }
}

/// A pool cannot retire more nodes than it has by then.
fn enough_to_retire(changes: &[(Change, Place)], names: &Names, nodes: &[NodeSpec], out: &mut Diagnostics) {
    let mut have = vec![0u64; names.len()];
    let deliver = |have: &mut Vec<u64>, nodes: &[NodeSpec]| {
        for n in nodes {
            if let Some(h) = have.get_mut(usize::from(n.pool.0)) {
                *h += 1;
            }
        }
    };
    deliver(&mut have, nodes);
    for (change, at) in changes {
        match &change.kind {
            ChangeKind::Add { nodes, .. } => deliver(&mut have, nodes),
            ChangeKind::Remove { pool, count, .. } => {
                let Some(left) = have.get_mut(usize::from(pool.0)) else { continue };
                if u64::from(*count) > *left {
                    let name = names.iter().nth(usize::from(pool.0)).map_or("", |n| n.as_str());
                    out.push(
                        Diagnostic::error(format!(
                            "pool `{name}` retires more nodes ({count}) than it has by then ({left})"
                        ))
                        .at(at.0, at.1, "more than there are")
                        .help("retire fewer; deliveries and retirements count in the order of their dates"),
                    );
                }
                *left = left.saturating_sub(u64::from(*count));
            }
            ChangeKind::Recut { .. } => {}
        }
    }
}
