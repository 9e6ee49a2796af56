//! Workloads: parameters into a synthesis, traces into jobs, and whether the fleet could ever run them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Context;
use super::laws;
use super::nodes::disruption;
use super::sizes::{Size, check_sizes, sizes_of};
use super::stores::Stores;
use super::usage::{Draws, usage};
use crate::fleet::{PoolId, PoolSet};
use crate::kernel::Dist;
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::Scenario;
use crate::scenario::file::laws::{Gpus, ShareLaw};
use crate::scenario::file::node_autoscaler::Disruption;
use crate::scenario::file::work::{self as shape, Fallback, Format, WaitTarget, Work as Shape};
use crate::scenario::model::{self, Model, Source, Tier, Work};
use crate::units::{Diagnostic, Diagnostics, Duration, Fraction, Label, Name};
use crate::workload::synth::{Amount, Endings, Mix, Spec, Synth};
use crate::workload::trace::{self, Moment, TraceFormat};
use crate::workload::{Job, Request, Use};

/// What every kind of work says about where it may run.
pub(super) struct Where<'a> {
    pub name: &'a Spanned<Name>,
    pub pools: Option<&'a Spanned<Vec<Spanned<Name>>>>,
    pub fallback: &'a Spanned<Vec<Fallback>>,
    pub speed: &'a [(Spanned<String>, Spanned<f64>)],
    pub one_island: bool,
    pub wait_target: Option<&'a WaitTarget>,
    pub disruption: Option<&'a Disruption>,
}

impl Context<'_, '_> {
    /// All work, added to the model.
    pub fn work(&mut self, s: &Scenario, pools: &Names, stores: &Stores<'_>, model: &mut Model, out: &mut Diagnostics) {
        let mut names = Names::new("workload");
        if s.work.is_empty() && s.manifests.is_empty() {
            out.push(Diagnostic::warning("there is no work: the fleet will stand idle").at(
                s.work.at.0,
                s.work.at.1,
                "empty",
            ));
        }
        // Pools that could not be made have no index: without all of them, references mean nothing.
        if model.pools.len() != s.pools.len() {
            return;
        }
        for w in s.work.iter() {
            let name = match w {
                Shape::Jobs(j) => &j.name,
                Shape::Trace(t) => &t.name,
                Shape::Training(t) => &t.name,
                Shape::Service(v) => &v.name,
            };
            names.add(name, out);
            let made = match w {
                Shape::Jobs(j) => self.jobs(s, j, pools, stores, model, out),
                Shape::Trace(t) => self.trace(s, t, pools, model, out),
                Shape::Training(t) => self.training(s, t, pools, stores, model, out),
                Shape::Service(v) => self.service(s, v, pools, model, out).map(|(work, service)| {
                    model.services.push(service);
                    work
                }),
            };
            if let Some(work) = made {
                model.work.push(work);
            }
        }
    }

    fn jobs(
        &mut self,
        s: &Scenario,
        j: &shape::Jobs,
        pools: &Names,
        stores: &Stores<'_>,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Work> {
        let at = j.name.at;
        let place = Where {
            name: &j.name,
            pools: j.pools.as_ref(),
            fallback: &j.fallback,
            speed: &j.speed,
            one_island: j.one_island,
            wait_target: j.wait_target.as_ref(),
            disruption: Some(&j.disruption),
        };
        let tiers = standing(&place, tiers(&place, pools, out)?, model, out)?;
        let asked = j.slice.as_ref();
        if let Some(at) = asked.map(|s| s.at)
            && (j.gpus.value != Gpus::Fixed(1) || !j.shares.is_empty())
        {
            out.push(
                Diagnostic::error(format!(
                    "`{}` asks for a slice of a GPU, and for more or less than one GPU",
                    *j.name
                ))
                .at(at.0, at.1, "one slice a job")
                .help("leave `gpus` and `shares` out: a slice is less than a GPU, and instances cannot be joined"),
            );
            return None;
        }
        let each = if let Gpus::Fixed(n) = j.gpus.value { n } else { 1 };
        // Shares of a GPU are given out by thousandths, where it is not cut.
        let each = if j.shares.is_empty() { each } else { 2 };
        let on = self.on_slices(&place, asked, each, tiers, model, out)?;
        let tiers = on.tiers;
        let biggest = model.nodes.iter().map(|n| n.capacity.gpus).max().unwrap_or(0).max(1);
        let mut spec = Spec::new(
            j.name.value.clone(),
            laws::arrivals(&j.arrive, j.arrive.at, out)?,
            laws::length(&j.length, j.length.at, out)?,
        );
        spec.gpus = match &j.gpus.value {
            Gpus::Fixed(n) => Mix::only(*n),
            Gpus::Mix(entries) => laws::mix(weighed(entries), j.gpus.at, out)?,
        };
        // Gangs are cut by the nodes of the pools that open first.
        let open = tiers[0].pools;
        spec.gpus_per_node =
            model.nodes.iter().filter(|n| open.has(n.pool)).map(|n| n.capacity.gpus).max().unwrap_or(biggest).max(1);
        if !j.shares.is_empty() {
            let mut entries = Vec::new();
            let first = j.shares[0].0.at;
            for (p, w) in &j.shares {
                let milli = (p.0 * 1000.0).round();
                if !(1.0..=1000.0).contains(&milli) {
                    out.push(
                        Diagnostic::error(format!("a share of {}% of a GPU", p.0 * 100.0))
                            .at(p.at.0, p.at.1, "from 0.1% to 100%")
                            .help("whole GPUs are asked for by `gpus`, CPU-only jobs by gpus: 0"),
                    );
                    return None;
                }
                entries.push((milli as u16, *w));
            }
            spec.shares = Some(laws::mix(weighed(&entries), first, out)?);
        }
        if on.slice > 0 {
            (spec.slice, spec.shares) = (on.slice, Some(Mix::only(on.milli)));
        }
        spec.cpu_milli = Amount { cpu_only: milli(&j.cpus, out)?, per_pod: 0, per_gpu: milli(&j.cpus_per_gpu, out)? };
        let mem = j.memory_per_gpu.mib_ceil();
        spec.mem_mib = Amount { cpu_only: 0, per_pod: 0, per_gpu: u32::try_from(mem).unwrap_or(u32::MAX) };
        spec.labels.push(Mix::only(fixed_labels(j.labels.iter())));
        for (i, m) in j.label_mix.iter().enumerate() {
            if j.labels.contains_key(&m.key) || j.label_mix[..i].iter().any(|o| o.key == m.key) {
                out.push(
                    Diagnostic::error(format!("`{}` gives its jobs the label `{}` twice", *j.name, m.key))
                        .at(m.values.at.0, m.values.at.1, "drawn here, and given elsewhere")
                        .help("keep it in `labels` or in one entry of `label_mix`"),
                );
                return None;
            }
            let label = |v: &Name| vec![Label { key: m.key.clone(), value: v.clone() }];
            let values: Vec<_> = m.values.iter().map(|(v, w)| (label(v), *w)).collect();
            spec.labels.push(laws::mix(weighed(&values), m.values.at, out)?);
        }
        spec.accept = Mix::only(j.devices.iter().map(|d| d.value.clone()).collect());
        for d in &j.devices {
            if self.answering(s, model, d).is_empty() {
                out.push(nobody_answers(d, model));
            }
        }
        spec.priority = Mix::only(j.priority);
        let scaled = |f: Fraction| (f != Fraction::ONE).then(|| Dist::constant(f.get()).ok()).flatten();
        if j.ends.failed.ppm() + j.ends.cancelled.ppm() > 1_000_000 {
            out.push(
                Diagnostic::error(format!(
                    "{}% of the jobs fail and {}% are cancelled: more than all",
                    f64::from(j.ends.failed.ppm()) / 1e4,
                    f64::from(j.ends.cancelled.ppm()) / 1e4
                ))
                .at(j.ends.at.0, j.ends.at.1, "at most 100% together")
                .help("what is left of 100% completes"),
            );
            return None;
        }
        spec.endings = Endings {
            fails: j.ends.failed.get(),
            cancelled: j.ends.cancelled.get(),
            failed_length: scaled(j.ends.failed_after),
            cancelled_length: scaled(j.ends.cancelled_after),
        };
        spec.patience = match j.patience {
            Some(p) => Dist::constant(p.as_secs_f64()).ok(),
            None => None,
        };
        spec.usage = usage(&j.use_of_gpu, out)?;
        let most = match &j.gpus.value {
            Gpus::Fixed(n) => *n,
            Gpus::Mix(entries) => entries.iter().map(|(n, _)| *n).max().unwrap_or(0),
        };
        if crate::workload::gang(most, spec.gpus_per_node).is_none() {
            out.push(
                Diagnostic::error(format!("a job of {most} GPUs is not a gang of equal pods"))
                    .at(j.gpus.at.0, j.gpus.at.1, format!("at most 65535 pods of at most {} GPUs", spec.gpus_per_node))
                    .help("ask for fewer GPUs, or for a multiple of the GPUs of a node"),
            );
            return None;
        }
        let synth = match Synth::new(spec) {
            Ok(s) => s,
            Err(list) => {
                for e in list {
                    out.push(Diagnostic::error(format!("workload `{}`: {e}", *j.name)).at(at.0, at.1, "here"));
                }
                return None;
            }
        };
        let accepts = self.accepts(s, model, synth.accepts());
        let labels = synth.label_sets().to_vec();
        let gpus_per_node = synth.spec().gpus_per_node;
        let mut work = self.finish(s, model, &place, tiers, accepts, labels, Source::Synth(Box::new(synth)), out)?;
        let Source::Synth(synth) = &work.source else { return None };
        check_sizes(model, &work, &sizes_of(synth), at, &[], out);
        work.unsliced = j.unsliced.get();
        let gang = crate::workload::gang(most, gpus_per_node);
        work.run = self.keeping(j, &work, gang.map_or(1, |(pods, _)| u32::from(pods)), stores, model, out)?;
        let cut = work.tiers.iter().flat_map(|t| t.pools.iter()).find(|p| {
            let share = model.pools.get(usize::from(p.0)).and_then(|p| p.share.as_deref());
            share.is_some_and(|s| s.turns.is_some() || s.create.0 + s.destroy.0 > 0)
        });
        if let (Some(_), Some(pool)) = (&work.run, cut) {
            out.push(
                Diagnostic::error(format!(
                    "`{}` keeps its progress, which is not modelled on GPUs that are shared by turns or cut on demand",
                    *j.name
                ))
                .at(at.0, at.1, format!("in pool `{}`", model.pools[usize::from(pool.0)].name))
                .help("name pools of whole GPUs or fixed instances, or leave `checkpoint` and `restart` out"),
            );
            return None;
        }
        self.note(format!("jobs of {}", *j.name), "prior", "parameters stated in the scenario");
        Some(work)
    }

    fn trace(
        &mut self,
        s: &Scenario,
        t: &shape::Trace,
        pools: &Names,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Work> {
        let place = Where {
            name: &t.name,
            pools: t.pools.as_ref(),
            fallback: &t.fallback,
            speed: &t.speed,
            one_island: t.one_island,
            wait_target: t.wait_target.as_ref(),
            disruption: Some(&t.disruption),
        };
        let tiers = standing(&place, tiers(&place, pools, out)?, model, out)?;
        let path = self.env.input(&t.file, out)?;
        let per_node = u8::try_from(*t.gpus_per_node).ok().filter(|n| (1..=16).contains(n));
        let Some(gpus_per_node) = per_node else {
            out.push(
                Diagnostic::error(format!("{} GPUs per node", *t.gpus_per_node))
                    .at(t.gpus_per_node.at.0, t.gpus_per_node.at.1, "between 1 and 16")
                    .help("8 is usual"),
            );
            return None;
        };
        if !(t.speed_up.is_finite() && *t.speed_up > 0.0) {
            out.push(Diagnostic::error(format!("time cannot run {} times as fast", *t.speed_up)).at(
                t.speed_up.at.0,
                t.speed_up.at.1,
                "above 0",
            ));
            return None;
        }
        let options = trace::Options {
            from: (t.from.0 > 0).then_some(Moment::After(t.from)),
            to: t.to.map(Moment::After),
            sort: t.sort,
            gpus_per_node,
            rate: *t.speed_up,
            limit: t.limit,
            ..trace::Options::default()
        };
        let format = match t.format {
            Format::Detect => None,
            Format::Openb => Some(TraceFormat::Openb),
            Format::Philly => Some(TraceFormat::Philly),
            Format::Dlrm => Some(TraceFormat::Dlrm),
            Format::Csv => Some(TraceFormat::Csv),
        };
        let read = match trace::open(format, &path, &options, self.env.sources) {
            Ok(t) => t,
            Err(d) => {
                out.extend(d);
                return None;
            }
        };
        if read.jobs.is_empty() {
            out.push(
                Diagnostic::error(format!("no job of `{}` lies in the window", path.display()))
                    .at(t.file.at.0, t.file.at.1, "nothing to replay")
                    .help(format!("it has {} rows; `fleetcast trace inspect` shows when they arrive", read.rows))
                    .help("the window is `from` and `to`, counted from the trace's origin"),
            );
            return None;
        }
        self.env.notices.extend(read.notices.iter().map(|n| format!("{}: {n}", *t.name)));
        let end = self.end();
        let late = read.jobs.iter().filter(|j| j.arrive >= end).count();
        if late > 0 {
            self.env.notices.push(format!("{}: {late} jobs arrive after the horizon and are left out", *t.name));
        }
        let mut jobs: Vec<Job> = read.jobs.into_iter().filter(|j| j.arrive < end).collect();
        if jobs.is_empty() {
            out.push(
                Diagnostic::error(format!("all {late} jobs of `{}` arrive after the horizon", path.display()))
                    .at(t.file.at.0, t.file.at.1, "nothing to replay")
                    .help("set `from` to where its window begins; `fleetcast trace inspect` shows when jobs arrive"),
            );
            return None;
        }
        let cpu = milli(&t.cpus_per_gpu, out)?;
        let mem = u32::try_from(t.memory_per_gpu.mib_ceil()).unwrap_or(u32::MAX);
        let mut draw = Draws::new(self.seed, &t.name, &t.use_of_gpu, out)?;
        for j in &mut jobs {
            let gpus = u64::from(j.request.total_milli());
            let scaled = |per: u32| u32::try_from((u64::from(per) * gpus).div_ceil(1000)).unwrap_or(u32::MAX);
            if j.request.cpu_milli == 0 {
                j.request.cpu_milli = scaled(cpu);
            }
            if j.request.mem_mib == 0 {
                j.request.mem_mib = scaled(mem);
            }
            if j.usage == Use::default() {
                j.usage = draw.next();
            }
        }
        let fixed = fixed_labels(t.labels.iter());
        let labels: Vec<Vec<Label>> = read
            .label_sets
            .iter()
            .map(|set| {
                // The scenario's word wins over the trace's.
                let own = set.iter().filter(|l| fixed.iter().all(|f| f.key != l.key)).cloned();
                let mut all: Vec<Label> = own.chain(fixed.iter().cloned()).collect();
                all.sort();
                all
            })
            .collect();
        let accepts = self.accepts(s, model, &read.accepts);
        for (set, pools) in read.accepts.iter().zip(&accepts) {
            if pools.is_empty() {
                out.push(nobody_answers(&Spanned { value: set.join("|"), at: t.file.at }, model));
            }
        }
        let mut sizes: BTreeMap<(Request, u16, u16), u64> = BTreeMap::new();
        for j in &jobs {
            *sizes.entry((j.request, j.pods, j.accept)).or_default() += 1;
        }
        let sizes: Vec<Size> =
            sizes.into_iter().map(|((request, pods, accept), n)| Size { request, pods, accept, n: Some(n) }).collect();
        let work = self.finish(s, model, &place, tiers, accepts, labels, Source::Jobs(Arc::from(jobs)), out)?;
        let cut =
            format!("jobs of more than {gpus_per_node} GPUs are cut into pods by `gpus_per_node`, now {gpus_per_node}");
        check_sizes(model, &work, &sizes, t.file.at, &[cut], out);
        let file = path.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned());
        self.note(format!("jobs of {}", *t.name), "measured", format!("trace {file}"));
        if *t.use_of_gpu.busy == ShareLaw::Constant(Fraction::ONE) {
            self.note(format!("GPU use of {}", *t.name), "guess", "fully busy by default: the trace does not say");
        } else {
            self.note(format!("GPU use of {}", *t.name), "prior", "stated in the scenario");
        }
        Some(work)
    }

    /// What all kinds of work have in common.
    #[expect(clippy::too_many_arguments, reason = "the parts of one struct, made in two ways")]
    pub(super) fn finish(
        &mut self,
        s: &Scenario,
        model: &Model,
        place: &Where<'_>,
        tiers: Vec<Tier>,
        accepts: Vec<PoolSet>,
        labels: Vec<Vec<Label>>,
        source: Source,
        out: &mut Diagnostics,
    ) -> Option<Work> {
        let speed = self.speeds(s, place.speed, model, out)?;
        Some(Work {
            name: place.name.to_string(),
            source,
            tiers,
            accepts,
            labels,
            speed,
            one_island: place.one_island,
            wait_target: place.wait_target.map(|w| (w.within, w.share.get())),
            disruption: match place.disruption {
                Some(d) => disruption(d, model::Disruption::default().grace, out)?,
                None => model::Disruption::default(),
            },
            run: None,
            unsliced: 1.0,
        })
    }

    /// The pools that answer to a device's name: its canonical name, an alias, or a name the pool lists.
    pub(super) fn answering(&self, s: &Scenario, model: &Model, word: &str) -> PoolSet {
        let devices = &self.env.catalog.devices;
        let canonical = devices.find(word).ok().map(|id| devices.get(id).name);
        let mut set = PoolSet::EMPTY;
        for (i, (pool, shape)) in model.pools.iter().zip(s.pools.iter()).enumerate() {
            let own = shape.answers_to.iter().any(|a| a.eq_ignore_ascii_case(word));
            if own || canonical == Some(pool.device.as_str()) || pool.device.eq_ignore_ascii_case(word) {
                set = set.with(PoolId(i as u16));
            }
        }
        set
    }

    fn accepts(&self, s: &Scenario, model: &Model, sets: &[Vec<String>]) -> Vec<PoolSet> {
        sets.iter()
            .map(|set| {
                if set.is_empty() {
                    return PoolSet::ALL;
                }
                set.iter().fold(PoolSet::EMPTY, |all, d| all.or(self.answering(s, model, d)))
            })
            .collect()
    }
}

/// Values with plain weights.
fn weighed<T: Clone>(entries: &[(T, Spanned<f64>)]) -> Vec<(T, f64)> {
    entries.iter().map(|(v, w)| (v.clone(), w.value)).collect()
}

pub(super) fn tiers(place: &Where<'_>, pools: &Names, out: &mut Diagnostics) -> Option<Vec<Tier>> {
    let set = |names: &[Spanned<Name>], out: &mut Diagnostics| {
        names.iter().filter_map(|n| pools.find(n, out)).fold(PoolSet::EMPTY, |s, i| s.with(PoolId(i as u16)))
    };
    let first = match place.pools {
        Some(names) if names.is_empty() => {
            out.push(
                Diagnostic::error(format!("`{}` may use no pool at all", **place.name))
                    .at(names.at.0, names.at.1, "empty")
                    .help("leave the field out to allow all pools"),
            );
            return None;
        }
        Some(names) => set(names, out),
        None => PoolSet::first(pools.len()),
    };
    let mut tiers = vec![Tier { pools: first, after: Duration::ZERO }];
    for f in place.fallback.iter() {
        tiers.push(Tier { pools: set(&f.pools, out), after: f.after });
    }
    if !tiers.is_sorted_by_key(|t| t.after) {
        out.push(
            Diagnostic::error(format!("the fallbacks of `{}` do not open one after the other", **place.name))
                .at(place.fallback.at.0, place.fallback.at.1, "out of order")
                .help("sort them by `after`, the shortest first"),
        );
        return None;
    }
    if tiers.iter().any(|t| t.pools.is_empty()) { None } else { Some(tiers) }
}

/// Jobs of the queue use nodes that stand there: those on request belong to the runs that ask for them.
pub(super) fn standing(
    place: &Where<'_>,
    mut tiers: Vec<Tier>,
    model: &Model,
    out: &mut Diagnostics,
) -> Option<Vec<Tier>> {
    let asked = |p: usize| model.pools[p].supply.as_ref().is_some_and(|s| s.on_request());
    let on_request =
        (0..model.pools.len()).filter(|p| asked(*p)).fold(PoolSet::EMPTY, |set, p| set.with(PoolId(p as u16)));
    let named = place.pools.iter().flat_map(|p| p.iter());
    let mut named = named.chain(place.fallback.iter().flat_map(|f| &f.pools));
    let wrong = named.find(|n| model.pools.iter().enumerate().any(|(i, p)| p.name == n.as_str() && asked(i)));
    if let Some(name) = wrong {
        out.push(
            Diagnostic::error(format!("jobs of `{}` cannot ask for the nodes of pool `{}`", **place.name, **name))
                .at(name.at.0, name.at.1, "its nodes are on request")
                .help("write nodes: Fixed(…) in the pool; runs that buy nodes are Training(…) with a policy"),
        );
        return None;
    }
    for t in &mut tiers {
        t.pools = t.pools.without(on_request);
    }
    if tiers[0].pools.is_empty() {
        out.push(
            Diagnostic::error(format!("`{}` has no nodes to run on", **place.name))
                .at(place.name.at.0, place.name.at.1, "all pools have nodes on request")
                .help("write nodes: Fixed(…) in a pool; runs that buy nodes are Training(…) with a policy"),
        );
        return None;
    }
    Some(tiers)
}

pub(super) fn nobody_answers(device: &Spanned<String>, model: &Model) -> Diagnostic {
    let have: std::collections::BTreeSet<&str> = model.pools.iter().map(|p| p.device.as_str()).collect();
    let list = have.into_iter().collect::<Vec<_>>().join(", ");
    Diagnostic::error(format!("no pool has device `{}`", device.value))
        .at(device.at.0, device.at.1, "asked for here")
        .help(format!("the pools have {list}"))
        .help("a pool that should serve such jobs lists the name in `answers_to`")
}

pub(super) fn fixed_labels<'a>(pairs: impl Iterator<Item = (&'a Name, &'a Name)>) -> Vec<Label> {
    let mut labels: Vec<Label> = pairs.map(|(k, v)| Label { key: k.clone(), value: v.clone() }).collect();
    labels.sort();
    labels
}

fn milli(cores: &Spanned<f64>, out: &mut Diagnostics) -> Option<u32> {
    if (0.0..=4e6).contains(&cores.value) {
        return Some((cores.value * 1000.0).round() as u32);
    }
    out.push(
        Diagnostic::error(format!("{} cores are not possible", cores.value))
            .at(cores.at.0, cores.at.1, "from 0 to 4,000,000")
            .help("for example 12, or 0.5"),
    );
    None
}
