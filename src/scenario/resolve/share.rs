//! Pools whose GPUs are cut, and the slices that work asks of them.

use std::sync::Arc;

use super::context::Context;
use super::work::Where;
use crate::catalog::Device;
use crate::catalog::mig::speed::mig_tax;
use crate::catalog::mig::{Geometry, Media, ProfileId, of_device};
use crate::fleet::cut::{Cut, MAX_PLACES, Places};
use crate::fleet::mig::{Demand, MigGpu, Placement, smallest};
use crate::fleet::sharing::contention::Contention;
use crate::fleet::sharing::{self, Target};
use crate::fleet::{PoolId, PoolSet};
use crate::formats::Place;
use crate::policy::mig as orders;
use crate::policy::mig::{FragTable, Mix, StaticLayout, pack};
use crate::policy::placement::CutOrders;
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::Scenario;
use crate::scenario::file::fleet::Pool;
use crate::scenario::file::share as shape;
use crate::scenario::file::work::Work;
use crate::scenario::model::{Change, ChangeKind, Model, Share, Slice, Tier, Turns};
use crate::units::{Diagnostic, Diagnostics, Duration};
use crate::workload::Request;

/// What work asks of a GPU that is cut.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    /// A profile by its name.
    Profile(String),
    /// The smallest that has this.
    Need(Demand),
}

/// The most asks of a run: they are told apart by a byte.
const MAX_ASKS: usize = 255;

/// What a workload or a deployment says of slices.
pub(super) type Asked<'a> = Option<&'a Spanned<shape::SliceOf>>;

fn ask(slice: &shape::SliceOf) -> Ask {
    match slice {
        shape::SliceOf::Profile(word) => Ask::Profile(word.trim().to_ascii_lowercase()),
        shape::SliceOf::Smallest(need) => Ask::Need(Demand {
            memory_mib: u32::try_from(need.memory.mib_ceil()).unwrap_or(u32::MAX),
            compute: need.compute,
        }),
    }
}

/// What a workload gets of the pools that it may use.
pub(super) struct OnSlices {
    /// The index of what it asks for; 0 is whole GPUs.
    pub slice: u8,
    /// What that is worth where it is asked for first, in thousandths of a GPU.
    pub milli: u16,
    pub tiers: Vec<Tier>,
}

impl Context<'_, '_> {
    /// Numbers all slices that work asks for: pools have to know them.
    pub fn collect_asks(&mut self, s: &Scenario, out: &mut Diagnostics) {
        for w in s.work.iter() {
            let asked: Vec<&Spanned<shape::SliceOf>> = match w {
                Work::Jobs(j) => j.slice.iter().collect(),
                Work::Service(v) => v.deployments.iter().filter_map(|d| d.slice.as_ref()).collect(),
                Work::Trace(_) | Work::Training(_) => Vec::new(),
            };
            for a in asked {
                let ask = ask(a);
                if self.asks.contains(&ask) {
                    continue;
                }
                self.asks.push(ask);
                if self.asks.len() > MAX_ASKS {
                    let at = a.at;
                    out.push(
                        Diagnostic::error(format!("work asks for more than {MAX_ASKS} different slices"))
                            .at(at.0, at.1, "one too many")
                            .help("give workloads that need about the same the same `profile` or `slice`"),
                    );
                    return;
                }
            }
        }
    }

    /// How the GPUs of a pool are shared out. `Some(None)`: whole.
    pub fn share(
        &mut self,
        s: &Scenario,
        p: &Pool,
        device: Option<&Device>,
        out: &mut Diagnostics,
    ) -> Option<Option<Share>> {
        let at = p.share.at;
        let Some(device) = device else {
            if p.share.value == shape::Share::Whole {
                return Some(None);
            }
            out.push(
                Diagnostic::error(format!("pool `{}` has no GPUs to share", *p.name))
                    .at(at.0, at.1, "its nodes have none")
                    .help("leave `share` out"),
            );
            return None;
        };
        if p.share.value != shape::Share::Whole && matches!(p.nodes, crate::scenario::file::Nodes::OnRequest(_)) {
            out.push(
                Diagnostic::error(format!(
                    "the nodes of pool `{}` are on request, and runs ask for whole ones",
                    *p.name
                ))
                .at(at.0, at.1, "GPUs that are cut")
                .help("write nodes: Fixed(…), or leave `share` out"),
            );
            return None;
        }
        if p.share.value != shape::Share::Whole
            && let Some((other, what)) = who_counts_gpus(s)
        {
            out.push(
                Diagnostic::error(format!("{what} and the cut GPUs of pool `{}` are not modelled together", *p.name))
                    .at(at.0, at.1, "it would take slices for GPUs")
                    .also(other.0, other.1, "here")
                    .help(format!("leave {what} out, or `share`")),
            );
            return None;
        }
        match &p.share.value {
            shape::Share::Whole => Some(None),
            shape::Share::Mig(m) => {
                let g = geometry(device, at, out)?;
                let cut = self.cut(g, &m.layout, single(m), &layouts(s, p, g), out)?;
                let (create, destroy, starts, mix) = match &m.layout.value {
                    shape::Layout::Dynamic(d) => (d.create, d.destroy, start_order(&d.starts), mix(g, &d.mix, out)?),
                    _ => (Duration::ZERO, Duration::ZERO, orders::StartOrder::Ascending, None),
                };
                let tax = mig_tax(g.profile(g.whole()).sms, device.sms);
                let slice = |k: usize| {
                    let probe = probe(k);
                    let p = cut.take_of(&probe)?.profile;
                    let (name, compute) = (g.profile(p).name.to_string(), g.compute_share(p) * tax);
                    Some(Slice { name, compute, slices: g.profile(p).compute })
                };
                let slices = (0..=self.asks.len()).map(slice).collect();
                let table = mix.map(|m| FragTable::new(g, &m));
                let orders = CutOrders { gpus: gpu_order(&m.gpus), starts, table };
                self.note(
                    format!("MIG grid of pool {}", *p.name),
                    g.evidence().key(),
                    format!("{}; speed of slices by SMs", g.source()),
                );
                Some(Some(Share { cut: Arc::new(cut), orders, slices, create, destroy, turns: None }))
            }
            shape::Share::TimeSlicing(t) => {
                let fault = sharing::TimeSlicing::new(*t.replicas).check().err();
                works(sharing::Way::TimeSlicing, device, at, out)?;
                let contention =
                    Contention { time_slicing: *t.slowdown, time_slicing_most: t.most.get(), ..Contention::default() };
                let turns = Turns { mps: false, contention, look: *t.look };
                self.turns(p, (&t.replicas, fault), (&t.slowdown, &t.look), &t.gpus, turns, out)
            }
            shape::Share::Mps(m) => {
                // Compute capabilities are not in the catalogue: all of its NVIDIA devices are Volta or later.
                let most = sharing::Mps::plugin_clients((7, 0), false);
                let fault = sharing::Mps::new(*m.replicas).check(Target::Gpu, most).err();
                works(sharing::Way::Mps, device, at, out)?;
                let contention = Contention { mps: *m.slowdown, ..Contention::default() };
                let turns = Turns { mps: true, contention, look: *m.look };
                self.turns(p, (&m.replicas, fault), (&m.slowdown, &m.look), &m.gpus, turns, out)
            }
        }
    }

    fn turns(
        &mut self,
        p: &Pool,
        (replicas, fault): (&Spanned<u32>, Option<sharing::CannotShare>),
        (slowdown, look): (&Spanned<f64>, &Spanned<Duration>),
        gpus: &shape::GpuOrder,
        turns: Turns,
        out: &mut Diagnostics,
    ) -> Option<Option<Share>> {
        if let Some(e) = fault {
            out.push(
                Diagnostic::error(e.to_string())
                    .at(replicas.at.0, replicas.at.1, format!("pool `{}`", *p.name))
                    .help("for example replicas: 4"),
            );
            return None;
        }
        if **replicas > 1000 {
            out.push(
                Diagnostic::error(format!("{} replicas of a GPU", **replicas))
                    .at(replicas.at.0, replicas.at.1, "at most 1000: time is booked by thousandths")
                    .help("for example replicas: 4"),
            );
            return None;
        }
        if !(0.0..=100.0).contains(&**slowdown) {
            out.push(
                Diagnostic::error(format!("a slowdown of {}", **slowdown))
                    .at(slowdown.at.0, slowdown.at.1, "from 0 to 100 for each co-runner")
                    .help("1 makes each twice as slow beside one that works all the time"),
            );
            return None;
        }
        if look.0 < 1_000_000_000 {
            out.push(
                Diagnostic::error(format!("how busy replicas are cannot be measured every {}", **look))
                    .at(look.at.0, look.at.1, "at least a second")
                    .help("for example look: \"1m\""),
            );
            return None;
        }
        self.note(
            format!("slowdown of pods that share a GPU of pool {}", *p.name),
            "fitted",
            "linear in what the co-runners have to do: one model on an A100 (nebuly-ai/nos)",
        );
        let cut = Arc::new(Cut::turns(u16::try_from(**replicas).unwrap_or(u16::MAX)));
        let orders = CutOrders { gpus: gpu_order(gpus), ..CutOrders::default() };
        let slices = vec![Some(Slice { name: "turn".to_owned(), compute: 1.0, slices: 0 })];
        Some(Some(Share { cut, orders, slices, create: Duration::ZERO, destroy: Duration::ZERO, turns: Some(turns) }))
    }

    /// The places of a layout, and which profile each ask gets.
    pub fn cut(
        &self,
        g: &Arc<Geometry>,
        layout: &Spanned<shape::Layout>,
        single: Option<Place>,
        others: &[ProfileId],
        out: &mut Diagnostics,
    ) -> Option<Cut> {
        let places = places(g, layout, out)?;
        let mut open: Vec<ProfileId> = match &places {
            Places::Fixed(l) => l.iter().map(|(p, _)| *p).collect(),
            _ => g.ids().filter(|id| unlimited(g, *id)).collect(),
        };
        let mut one = None;
        if let Some(at) = single {
            let other = open.iter().find(|p| **p != open[0]);
            let wrong = match (&places, other) {
                (Places::Made, _) => Some("instances that are made on demand are of many profiles".to_owned()),
                (_, Some(p)) => Some(format!("{} and {}", g.profile(open[0]).name, g.profile(*p).name)),
                _ => None,
            };
            if let Some(why) = wrong {
                out.push(
                    Diagnostic::error("with the strategy `Single` all instances of a node are of one profile")
                        .at(at.0, at.1, why)
                        .help("write strategy: Mixed, or a layout of one profile"),
                );
                return None;
            }
            one = open.first().copied();
        }
        // What its GPUs are cut into at another time has no place now, and may be waited for.
        open.extend(others);
        let of = |ask: &Ask| match ask {
            Ask::Profile(word) if single.is_none() => g.find(word).ok().filter(|p| open.contains(p)),
            Ask::Profile(_) => None,
            Ask::Need(d) => smallest(g, d, &open),
        };
        let profiles: Vec<Option<ProfileId>> = std::iter::once(one).chain(self.asks.iter().map(of)).collect();
        Some(Cut::instances(g, places, &profiles))
    }

    /// GPUs of a pool that are cut anew.
    pub fn recut(&mut self, s: &Scenario, r: &shape::Recut, names: &Names, out: &mut Diagnostics) -> Option<Change> {
        let i = names.find(&r.pool, out)?;
        let (p, at) = (&s.pools[i], r.layout.at);
        let shape::Share::Mig(m) = &p.share.value else {
            out.push(
                Diagnostic::error(format!("the GPUs of pool `{}` are not cut, so they cannot be cut anew", *p.name))
                    .at(r.pool.at.0, r.pool.at.1, "its `share` is not Mig")
                    .help("write share: Mig(layout: …) in the pool"),
            );
            return None;
        };
        if matches!((&m.layout.value, &r.layout.value), (shape::Layout::Dynamic(_), _) | (_, shape::Layout::Dynamic(_)))
        {
            out.push(
                Diagnostic::error(
                    "instances that are made on demand need no other layout, and no layout becomes on demand",
                )
                .at(at.0, at.1, format!("of pool `{}`", *p.name))
                .help("cut a pool with layout: Each(…) or Named(…) into another such layout"),
            );
            return None;
        }
        let device = self.facts.get(i)?.device.clone()?;
        let g = geometry(&device, at, out)?;
        let cut = self.cut(g, &r.layout, single(m), &layouts(s, p, g), out)?;
        let at = self.moment(&r.when, out)?;
        let grace = r.grace.unwrap_or(Duration(u64::MAX));
        let kind = ChangeKind::Recut { pool: PoolId(i as u16), cut: Arc::new(cut), grace, takes: r.takes };
        Some(Change { at, kind })
    }

    /// The pools that have what is asked for, and what it is worth. For whole GPUs, those that give them out.
    pub fn on_slices(
        &mut self,
        place: &Where<'_>,
        asked: Asked<'_>,
        gpus: u32,
        mut tiers: Vec<Tier>,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<OnSlices> {
        let slice = asked.map_or(0, |s| self.asks.iter().position(|a| *a == ask(s)).map_or(0, |i| i + 1));
        let probe = Request { gpus: u8::try_from(gpus).unwrap_or(u8::MAX), ..probe(slice) };
        let takes = |p: PoolId| match model.pools[usize::from(p.0)].share.as_deref() {
            None => slice == 0,
            Some(s) => gpus == 0 || s.cut.take_of(&probe).is_some(),
        };
        let has = (0..model.pools.len() as u16).map(PoolId).filter(|p| takes(*p));
        let has = has.fold(PoolSet::EMPTY, |set, p| set.with(p));
        let named = place.pools.iter().flat_map(|p| p.iter());
        let mut named = named.chain(place.fallback.iter().flat_map(|f| &f.pools));
        let wrong = named.find_map(|n| {
            let i = model.pools.iter().position(|p| p.name == n.as_str())?;
            (!takes(PoolId(i as u16))).then_some((n, i))
        });
        if let Some((name, i)) = wrong {
            out.push(self.not_there(place, asked, name, i, model));
            return None;
        }
        for t in &mut tiers {
            t.pools = t.pools.and(has);
        }
        if tiers[0].pools.is_empty() {
            let at = asked.map_or(place.name.at, |s| s.at);
            let d = Diagnostic::error(format!("`{}` has no pool to run in", **place.name));
            let d = d.at(at.0, at.1, if slice == 0 { "no pool gives out whole GPUs" } else { "no pool has it" });
            out.push(match slice {
                0 => d.help("write `slice` for pools whose GPUs are cut: slice: Profile(\"1g.10gb\")"),
                _ => self.offers(model).into_iter().fold(d, Diagnostic::help),
            });
            return None;
        }
        let first = tiers[0].pools.iter().next().map_or(0, |p| usize::from(p.0));
        let milli = model.pools[first].share.as_deref().map_or(1000, |s| s.cut.milli_of(&probe) as u16);
        if slice > 0 {
            for p in tiers.iter().flat_map(|t| t.pools.iter()) {
                let share = model.pools[usize::from(p.0)].share.as_deref();
                self.used.extend(share.and_then(|s| s.cut.take_of(&probe)).map(|t| (p, t.profile)));
            }
        } else {
            let one =
                |p: PoolId| model.pools[usize::from(p.0)].share.as_deref()?.cut.take_of(&probe).map(|t| t.profile);
            self.used.extend(tiers.iter().flat_map(|t| t.pools.iter()).filter_map(|p| Some((p, one(p)?))));
        }
        Some(OnSlices { slice: slice as u8, milli: if slice == 0 { 1000 } else { milli }, tiers })
    }

    /// What the pools offer, for messages.
    fn offers(&self, model: &Model) -> Vec<String> {
        let of = |p: &crate::scenario::model::Pool| {
            let cut = &p.share.as_deref()?.cut;
            let g = cut.geometry()?;
            Some(format!("pool `{}` has {}", p.name, profiles_of(cut, g).join(", ")))
        };
        let all: Vec<String> = model.pools.iter().filter_map(of).take(6).collect();
        if all.is_empty() {
            vec!["no pool's GPUs are cut: write share: Mig(layout: Named(\"all-balanced\")) in one".to_owned()]
        } else {
            all
        }
    }

    /// Why a pool that is named does not have what is asked for.
    fn not_there(
        &self,
        place: &Where<'_>,
        asked: Asked<'_>,
        name: &Spanned<crate::units::Name>,
        pool: usize,
        model: &Model,
    ) -> Diagnostic {
        let p = &model.pools[pool];
        let d = Diagnostic::error(format!("pool `{}` has no place for `{}`", **name, **place.name));
        let at = asked.map_or(name.at, |s| s.at);
        let Some(share) = p.share.as_deref() else {
            return d
                .at(at.0, at.1, "its GPUs are not cut")
                .help("write share: Mig(…) in the pool, or leave `slice` out");
        };
        let Some(g) = share.cut.geometry() else {
            return d.at(at.0, at.1, "its GPUs are shared by turns: pods ask for one GPU").help("leave `slice` out");
        };
        let have = profiles_of(&share.cut, g).join(", ");
        let single = share.cut.take_of(&probe(0)).is_some();
        match asked.map(|s| &s.value) {
            Some(shape::SliceOf::Profile(word)) if single => d
                .at(word.at.0, word.at.1, "its strategy is `Single`: every instance is one GPU")
                .help("leave `slice` out, or write strategy: Mixed in the pool"),
            Some(shape::SliceOf::Profile(word)) => match g.find(word) {
                Err(e) => {
                    let mut known =
                        e.to_diagnostic().at(word.at.0, word.at.1, format!("asked for in pool `{}`", p.name));
                    known.message = format!("{}: {}", d.message, known.message);
                    known
                }
                Ok(_) => {
                    d.at(word.at.0, word.at.1, "the GPU has it, the layout does not").help(format!("it has {have}"))
                }
            },
            Some(shape::SliceOf::Smallest(_)) => d
                .at(at.0, at.1, "more than any of its instances has")
                .help(format!("it has {have}"))
                .help("ask for less"),
            None => d
                .at(at.0, at.1, "it gives out slices only")
                .help(format!("write slice: Profile(\"…\") with one of {have}")),
        }
    }

    /// What work uses of each pool is known: what nothing can use is stranded.
    pub fn demand(&self, model: &mut Model) {
        for (i, pool) in model.pools.iter_mut().enumerate() {
            let Some(share) = pool.share.as_mut().map(Arc::make_mut) else { continue };
            let mut used: Vec<ProfileId> =
                self.used.iter().filter(|(p, _)| usize::from(p.0) == i).map(|(_, id)| *id).collect();
            used.sort_unstable();
            used.dedup();
            Arc::make_mut(&mut share.cut).demand(&used);
            for c in &mut model.changes {
                if let ChangeKind::Recut { pool, cut, .. } = &mut c.kind
                    && usize::from(pool.0) == i
                {
                    Arc::make_mut(cut).demand(&used);
                }
            }
            if let (None, Some(g)) = (&share.orders.table, share.cut.geometry().cloned()) {
                share.orders.table = Some(FragTable::new(&g, &Mix::even(used)));
            }
        }
    }
}

/// A pod that asks for this slice.
fn probe(slice: usize) -> Request {
    Request { gpus: 1, gpu_milli: 1000, slice: slice as u8, ..Request::default() }
}

/// What else in a scenario counts the GPUs that pods ask for, and knows of no slices.
fn who_counts_gpus(s: &Scenario) -> Option<(Place, &'static str)> {
    let autoscaler = s.node_autoscaler.as_ref().map(|a| (a.at, "a node autoscaler"));
    autoscaler.or(s.descheduler.as_ref().map(|d| (d.at, "the Descheduler")))
}

fn single(m: &shape::MigShare) -> Option<Place> {
    (m.strategy.value == shape::Strategy::Single).then_some(m.strategy.at)
}

/// The profiles of all layouts that the GPUs of a pool ever have; faults in them are told where they are cut.
fn layouts(s: &Scenario, p: &Pool, g: &Arc<Geometry>) -> Vec<ProfileId> {
    let mine = s.changes.iter().filter_map(|c| match c {
        crate::scenario::file::Change::Recut(r) if r.pool.value == p.name.value => Some(&r.layout),
        _ => None,
    });
    let own = match &p.share.value {
        shape::Share::Mig(m) => Some(&m.layout),
        _ => None,
    };
    let all = own.into_iter().chain(mine).filter_map(|l| places(g, l, &mut Diagnostics::default()));
    let fixed = all.filter_map(|p| if let Places::Fixed(l) = p { Some(l) } else { None });
    fixed.flatten().map(|(p, _)| p).collect()
}

/// The grid of a device.
pub(super) fn geometry(device: &Device, at: Place, out: &mut Diagnostics) -> Option<&'static Arc<Geometry>> {
    let found = of_device(device);
    if found.is_none() {
        let all: Vec<&str> = crate::catalog::mig::geometries().map(|g| g.name()).collect();
        out.push(
            Diagnostic::error(format!("`{}` has no MIG", device.name))
                .at(at.0, at.1, "cannot be cut")
                .help(format!("those that can be cut: {}", all.join(", ")))
                .help("TimeSlicing and Mps share any NVIDIA GPU"),
        );
    }
    found
}

fn works(way: sharing::Way, device: &Device, at: Place, out: &mut Diagnostics) -> Option<()> {
    if way.works_on(device) {
        return Some(());
    }
    out.push(
        Diagnostic::error(format!("`{}` is not shared so", device.name))
            .at(at.0, at.1, "NVIDIA GPUs only")
            .help("leave `share` out"),
    );
    None
}

/// Instances that may lie anywhere beside each other: by slices alone.
fn unlimited(g: &Geometry, id: ProfileId) -> bool {
    let p = g.profile(id);
    p.media == Media::Base && !p.graphics && p.max >= p.fits(crate::catalog::mig::Slices::NONE)
}

/// The profiles of a cut, each once.
fn profiles_of(cut: &Cut, g: &Geometry) -> Vec<String> {
    let ids: Vec<ProfileId> = match cut.places() {
        Places::Fixed(l) => l.iter().map(|(p, _)| *p).collect(),
        _ => g.ids().filter(|id| unlimited(g, *id)).collect(),
    };
    let mut names: Vec<String> = Vec::new();
    for id in ids {
        let name = g.profile(id).name.to_string();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What a layout says, checked against the grid.
fn places(g: &Arc<Geometry>, layout: &Spanned<shape::Layout>, out: &mut Diagnostics) -> Option<Places> {
    let (requests, at): (Vec<ProfileId>, Place) = match &layout.value {
        shape::Layout::Dynamic(_) => return Some(Places::Made),
        shape::Layout::Each(words) => {
            let find = |w: &Spanned<String>, out: &mut Diagnostics| match g.find(w) {
                Ok(id) => Some(id),
                Err(e) => {
                    out.push(e.to_diagnostic().at(w.at.0, w.at.1, "no such profile"));
                    None
                }
            };
            let found: Vec<Option<ProfileId>> = words.iter().map(|w| find(w, out)).collect();
            (found.into_iter().collect::<Option<_>>()?, words.at)
        }
        shape::Layout::Named(word) => match StaticLayout::named(g, word) {
            Ok(l) => (l.requests(), word.at),
            Err(e) => {
                let mut d = e.to_diagnostic().at(word.at.0, word.at.1, "no such configuration");
                d.message = format!("mig-parted has no configuration `{}` for {}", **word, g.name());
                out.push(d.help("for example all-balanced, or all- and a profile"));
                return None;
            }
        },
    };
    if requests.is_empty() {
        out.push(
            Diagnostic::error("a layout without instances leaves nothing to run on")
                .at(at.0, at.1, "empty")
                .help("name profiles, or leave `share` out for whole GPUs"),
        );
        return None;
    }
    let empty = MigGpu::new(g.clone());
    let table = FragTable::new(g, &Mix::default());
    let placer =
        orders::Placer { gpus: orders::GpuOrder::FirstFit, starts: orders::StartOrder::Ascending, table: &table };
    let placed: Option<Vec<Placement>> = pack::arrange(&empty, &requests, &placer);
    let Some(mut placed) = placed.filter(|p| p.len() <= MAX_PLACES) else {
        let why = match pack::in_order(&empty, &requests, &placer) {
            Err((i, e)) => format!("instance {} of {}: {}", i + 1, requests.len(), e.text(g)),
            Ok(_) => "they do not fit together".to_owned(),
        };
        let one = |id: ProfileId| format!("{} × {}", g.profile(id).max, g.profile(id).name);
        let alone: Vec<String> = g.ids().filter(|id| unlimited(g, *id)).map(one).collect();
        out.push(
            Diagnostic::error(format!("no {} can have all of these instances", g.name()))
                .at(at.0, at.1, why)
                .help(format!("of one profile alone it can have {}", alone.join(", ")))
                .help("`fleetcast verify mig` lists the layouts that there are"),
        );
        return None;
    };
    placed.sort_by_key(|(_, start)| *start);
    Some(Places::Fixed(placed))
}

/// The demand by profile as told.
fn mix(g: &Geometry, parts: &[(Spanned<String>, Spanned<u32>)], out: &mut Diagnostics) -> Option<Option<Mix>> {
    if parts.is_empty() {
        return Some(None);
    }
    let mut found = Vec::new();
    for (word, weight) in parts {
        match g.find(word) {
            Ok(id) if weight.value <= 1_000_000 => found.push((id, weight.value)),
            Ok(_) => out.push(
                Diagnostic::error(format!("a weight of {}", weight.value))
                    .at(weight.at.0, weight.at.1, "at most 1,000,000")
                    .help("whole parts of any unit: [(\"1g.10gb\", 4), (\"3g.40gb\", 1)]"),
            ),
            Err(e) => out.push(e.to_diagnostic().at(word.at.0, word.at.1, "no such profile")),
        }
    }
    (found.len() == parts.len()).then_some(Some(Mix::new(found)))
}

fn gpu_order(o: &shape::GpuOrder) -> orders::GpuOrder {
    match o {
        shape::GpuOrder::FirstFit => orders::GpuOrder::FirstFit,
        shape::GpuOrder::BestFit => orders::GpuOrder::BestFit,
        shape::GpuOrder::Spread => orders::GpuOrder::Spread,
        shape::GpuOrder::LeastFragmentation => orders::GpuOrder::LeastFragmentation,
    }
}

fn start_order(o: &shape::StartOrder) -> orders::StartOrder {
    match o {
        shape::StartOrder::Ascending => orders::StartOrder::Ascending,
        shape::StartOrder::NvidiaDriver => orders::StartOrder::NvidiaDriver,
        shape::StartOrder::LeastFragmentation => orders::StartOrder::LeastFragmentation,
    }
}
