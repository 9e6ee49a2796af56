//! Pods that no service claims, and jobs, as work.

use std::sync::Arc;

use super::places::Places;
use super::{Applied, QUEUE, disruption, labels, name_of, priority, unused};
use crate::catalog::mig::geometries;
use crate::formats::Place;
use crate::manifest::kind::pod::{GPU, Pod};
use crate::manifest::kind::workload::{Workload, WorkloadKind};
use crate::manifest::{Body, Manifests, Object};
use crate::policy::karpenter::cron::Cron;
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::Scenario;
use crate::scenario::model::{Model, Source};
use crate::scenario::resolve::context::Context;
use crate::scenario::resolve::sizes::{Size, check_sizes};
use crate::scenario::resolve::work::{Where, fixed_labels, standing, tiers};
use crate::units::{Diagnostic, Diagnostics, Duration, Label, Name, SimTime};
use crate::workload::{Job, Request};

/// How many jobs a schedule may make.
const MAX_RUNS: usize = 1_000_000;

/// How many pods one object may make over the run: beyond this a number is a slip.
const MAX_PODS: u64 = 2_000_000;

impl Context<'_, '_> {
    /// Adds the work of the manifests, and tells what of them has no part in the scenario.
    pub fn manifest_work(&mut self, applied: &Applied, pools: &Names, model: &mut Model, out: &mut Diagnostics) {
        let Some(m) = applied.all() else { return };
        let s = &applied.scenario;
        if out.has_errors() || model.pools.len() != s.pools.len() {
            return;
        }
        let catalog = self.env.catalog.clone();
        let places = Places::new(&s.pools, &catalog, m);
        let mut used = applied.used.clone();
        for (i, o) in m.objects.iter().enumerate() {
            let Body::Workload(w) = &o.body else { continue };
            if used.contains(&i) {
                continue;
            }
            used.insert(i);
            self.manifest_pods(s, m, o, w, &places, pools, model, out);
        }
        unused(m, &used, out);
        if model.work.is_empty() && !out.has_errors() {
            let at = s.manifests.at;
            out.push(Diagnostic::warning("there is no work: the fleet will stand idle").at(
                at.0,
                at.1,
                "the manifests have no pods",
            ));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a workload is resolved against")]
    fn manifest_pods(
        &mut self,
        s: &Scenario,
        m: &Manifests,
        o: &Object,
        w: &Workload,
        places: &Places<'_>,
        pools: &Names,
        model: &mut Model,
        out: &mut Diagnostics,
    ) -> Option<()> {
        let at = o.name_at();
        let name = free_name(o, model, out)?;
        let pods = self.count(m, o, w, out);
        if let Some(x) = w.suspended.filter(|x| x.value && o.meta.label(QUEUE).is_none()) {
            out.push(
                Diagnostic::warning(format!("{} is suspended", o.named()))
                    .at(x.at.0, x.at.1, "it starts nothing")
                    .help("write suspend: false, or give it a queue of Kueue"),
            );
            return None;
        }
        if pods == 0 {
            out.push(Diagnostic::warning(format!("{} has no pods", o.named())).at(at.0, at.1, "it starts nothing"));
            return None;
        }
        let request = request(o, &w.pod, out)?;
        let starts = self.starts(s, o, w, out)?;
        let all = u64::from(pods).saturating_mul(starts.len() as u64);
        if all > MAX_PODS {
            out.push(
                Diagnostic::error(format!("{} would make {all} pods", o.named()))
                    .at(at.0, at.1, format!("more than {MAX_PODS}"))
                    .help("is a digit too many in `replicas`, `parallelism` or the schedule?"),
            );
            return None;
        }
        let allowed = places.for_pod(o, &w.pod, out);
        if allowed.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let allowed = allowed.map(|value| Spanned { value, at: w.pod.at });
        let (own, none) = (disruption(m, o, &w.pod), Spanned::unplaced(Vec::new()));
        let name = Spanned { value: name, at };
        let place = Where {
            name: &name,
            pools: allowed.as_ref(),
            fallback: &none,
            speed: &[],
            one_island: false,
            wait_target: None,
            disruption: Some(&own),
        };
        let tiers = standing(&place, tiers(&place, pools, out)?, model, out)?;
        let rank = priority(m, &w.pod);
        let jobs = jobs(o, w, pods, request, rank, &starts);
        let pairs: Vec<(Name, Name)> = labels(m, o, &w.pod.meta.labels);
        let labels: Vec<Label> = fixed_labels(pairs.iter().map(|(k, v)| (k, v)));
        let each = jobs.first().map_or(1, |j| j.pods);
        let n = Some(jobs.len() as u64);
        let accepts = vec![crate::fleet::PoolSet::ALL];
        let source = Source::Jobs(Arc::from(jobs));
        let work = self.finish(s, model, &place, tiers, accepts, vec![labels], source, out)?;
        let place = w.pod.request(GPU).map_or(w.pod.at, |g| g.at);
        check_sizes(model, &work, &[Size { request, pods: each, accept: 0, n }], place, &[], out);
        self.note(format!("pods of {}", o.id()), "prior", "Kubernetes manifest");
        model.work.push(work);
        Some(())
    }

    /// How many pods run at once. Without a service there are no requests that a scaler could follow.
    fn count(&self, m: &Manifests, o: &Object, w: &Workload, out: &mut Diagnostics) -> u32 {
        let same = |x: &Object, t: &crate::manifest::kind::hpa::Target| {
            x.meta.namespace() == o.meta.namespace() && t.name.value == o.name() && t.kind() == o.kind
        };
        let hpa = m.hpas().find(|(x, h)| same(x, &h.target)).map(|(x, h)| (x, h.min.map_or(1, |v| v.value)));
        let keda = m.scaled_objects().find(|(x, k)| same(x, &k.target)).map(|(x, k)| (x, k.min.map_or(0, |v| v.value)));
        let Some((scaler, min)) = hpa.or(keda) else { return w.pods() };
        let n = w.replicas.map_or(min.max(1), |r| r.value.max(min));
        let at = scaler.name_at();
        out.push(
            Diagnostic::warning(format!("{} stays at {n} pods", o.named()))
                .at(at.0, at.1, format!("{} has no requests to follow", scaler.named()))
                .help(format!("write a service of the scenario with a deployment called `{}`", o.name())),
        );
        n
    }

    /// When it starts, and how long each pod runs; for ever where it does not end.
    fn starts(
        &self,
        s: &Scenario,
        o: &Object,
        w: &Workload,
        out: &mut Diagnostics,
    ) -> Option<Vec<(SimTime, Duration)>> {
        let end = self.end();
        if !w.kind.ends() {
            // Beyond the end of any run, and far from where clocks end.
            let ever = Duration(end.0.saturating_mul(4).saturating_add(3_600_000_000_000));
            return Some(vec![(SimTime::ZERO, ever)]);
        }
        let own = name_of(o).and_then(|n| s.manifest_jobs.get(&n));
        let run = match (own, run_time(o, w)) {
            (Some(j), _) => j.run.value,
            (None, Some((text, at))) => match crate::manifest::quantity::duration(text) {
                Ok(d) => d,
                Err((why, help)) => {
                    out.push(
                        Diagnostic::error(format!("the run time \"{text}\" of {}", o.named()))
                            .at(at.0, at.1, why)
                            .help(help),
                    );
                    return None;
                }
            },
            (None, None) => {
                let at = o.name_at();
                out.push(
                    Diagnostic::error(format!("how long does {} run?", o.named()))
                        .at(at.0, at.1, "a manifest does not say")
                        .help(format!(
                            "write in the scenario manifest_jobs: {{\"{}\": (run: \"3h\")}}",
                            o.name().trim_end_matches('-')
                        ))
                        .help("or as an annotation of the job fleetcast.io/run-time: 3h"),
                );
                return None;
            }
        };
        if run == Duration::ZERO {
            let at = own.map_or(o.name_at(), |j| j.run.at);
            out.push(
                Diagnostic::error(format!("{} would run for no time", o.named()))
                    .at(at.0, at.1, "must be above 0")
                    .help("for example \"3h\""),
            );
            return None;
        }
        let start = SimTime(self.warmup.0);
        let mut all = Vec::new();
        if let Some(cron) = w.schedule.as_ref().and_then(|t| Cron::parse(&t.value).ok()) {
            let epoch = self.epoch.timestamp().as_second();
            let mut at = epoch - 1;
            while let Some(hit) = cron.next(at)
                && all.len() < MAX_RUNS
            {
                let clock =
                    SimTime(u64::try_from(hit - epoch).unwrap_or(0).saturating_mul(crate::units::time::NANOS_PER_SEC));
                if clock >= end {
                    break;
                }
                all.push((clock, run));
                at = hit;
            }
            if all.is_empty() {
                let t = w.schedule.as_ref().map_or(o.name_at(), |t| t.at);
                out.push(Diagnostic::warning(format!("{} never starts before the horizon", o.named())).at(
                    t.0,
                    t.1,
                    "no hit in the window",
                ));
                return None;
            }
            return Some(all);
        }
        let first = SimTime(start.0.saturating_add(own.map_or(0, |j| j.first.0)));
        match own.and_then(|j| j.every) {
            None => all.push((first, run)),
            Some(every) if every.0 == 0 || (end.0 / every.0.max(1)) as usize > MAX_RUNS => {
                out.push(
                    Diagnostic::error(format!("{} would be made every {}", o.named(), *every))
                        .at(every.at.0, every.at.1, "too often")
                        .help("for example every: \"6h\""),
                );
                return None;
            }
            Some(every) => {
                let mut at = first;
                while at < end {
                    all.push((at, run));
                    at = SimTime(at.0.saturating_add(every.0));
                }
            }
        }
        Some(all)
    }
}

fn run_time<'o>(o: &'o Object, w: &'o Workload) -> Option<(&'o str, Place)> {
    let key = "fleetcast.io/run-time";
    let found = o.meta.annotation(key).or_else(|| w.pod.meta.annotation(key))?;
    Some((found.value.as_str(), found.at))
}

/// A name that no other work has: its own, else with its namespace, else with its kind.
fn free_name(o: &Object, model: &Model, out: &mut Diagnostics) -> Option<Name> {
    let own = o.name().trim_end_matches(['-', '.']);
    let all = [own.to_owned(), format!("{}.{own}", o.meta.namespace()), format!("{}.{own}", o.kind.to_lowercase())];
    let free = all.iter().filter_map(|n| Name::new(n).ok()).find(|n| model.work.iter().all(|w| w.name != n.as_str()));
    if free.is_none() {
        let at = o.name_at();
        out.push(
            Diagnostic::error(format!("{} has no name that a workload can have", o.named()))
                .at(at.0, at.1, "too long, or already taken")
                .help("names have at most 63 letters, digits, `-`, `_` and `.`"),
        );
    }
    free
}

/// What each pod takes of a node.
fn request(o: &Object, p: &Pod, out: &mut Diagnostics) -> Option<Request> {
    let cpu_milli = p.request("cpu").map_or(0, |c| u32::try_from(c.milli()).unwrap_or(u32::MAX));
    let mem = p.request("memory").map_or(0, |b| u64::try_from(b.units()).unwrap_or(0));
    let mem_mib = u32::try_from(mem.div_ceil(1 << 20)).unwrap_or(u32::MAX);
    let gpus = p.gpus();
    let mut mig = p.mig().filter(|(_, q)| q.units() > 0);
    if let Some((profile, q)) = mig.next() {
        let share = share_of(profile);
        if gpus > 0 || q.units() > 1 || mig.next().is_some() {
            out.push(
                Diagnostic::error(format!(
                    "a pod of {} asks for several MIG instances, or for GPUs beside them",
                    o.named()
                ))
                .at(q.at.0, q.at.1, "a pod may have one share of a GPU here")
                .help("ask for one instance, or for whole GPUs"),
            );
            return None;
        }
        out.push(
            Diagnostic::warning(format!(
                "the MIG instance `{profile}` of {} is taken for {}% of a GPU",
                o.named(),
                f64::from(share) / 10.0
            ))
            .at(q.at.0, q.at.1, "its share of the memory slices; layouts are left out of account"),
        );
        return Some(Request { cpu_milli, mem_mib, gpus: 1, gpu_milli: share, ..Request::default() });
    }
    for (r, q) in &p.requests {
        let other = r.contains('/') && r != GPU && !r.starts_with("nvidia.com/mig-");
        if other && q.nanos() > 0 {
            out.push(Diagnostic::warning(format!("{} asks for `{r}`, which has no counterpart", o.named())).at(
                q.at.0,
                q.at.1,
                "left out of account",
            ));
        }
    }
    let Ok(gpus) = u8::try_from(gpus) else {
        let at = p.request(GPU).map_or(p.at, |g| g.at);
        out.push(
            Diagnostic::error(format!("a pod of {} asks for {gpus} GPUs", o.named()))
                .at(at.0, at.1, "no node has so many")
                .help("a pod runs on one node: use several pods"),
        );
        return None;
    };
    if gpus == 0 && cpu_milli == 0 && mem_mib == 0 {
        out.push(
            Diagnostic::warning(format!("pods of {} request nothing", o.named()))
                .at(p.at.0, p.at.1, "they take no room, and cost nothing")
                .help("write `resources.requests`"),
        );
    }
    Some(Request { cpu_milli, mem_mib, gpus, gpu_milli: if gpus > 0 { 1000 } else { 0 }, ..Request::default() })
}

/// The thousandths of a GPU's memory slices that a profile takes, on the first GPU that has it.
fn share_of(profile: &str) -> u16 {
    let on = geometries().find_map(|g| g.find(profile).ok().map(|id| (g, id)));
    on.map_or(1000, |(g, id)| (g.memory_share(id) * 1000.0).round().clamp(1.0, 1000.0) as u16)
}

/// The jobs of a workload, by arrival.
fn jobs(
    o: &Object,
    w: &Workload,
    pods: u32,
    request: Request,
    priority: i32,
    starts: &[(SimTime, Duration)],
) -> Vec<Job> {
    let gang = w.kind.ends() && o.meta.label(QUEUE).is_some();
    let one = Job { request, priority, pods: 1, patience: Duration(u64::MAX), ..Job::default() };
    let mut all = Vec::new();
    for (arrive, run) in starts {
        // More completions than run at once: each of those that run does its part of them, one after the other.
        let completions = match w.kind {
            WorkloadKind::Job | WorkloadKind::CronJob => w.completions.map_or(pods, |c| c.value.max(pods)),
            _ => pods,
        };
        let long = |lane: u32| {
            let turns = completions / pods + u32::from(lane < completions % pods);
            Duration(run.0.saturating_mul(u64::from(turns.max(1))))
        };
        if gang && pods > 1 {
            let pods = u16::try_from(pods).unwrap_or(u16::MAX);
            all.push(Job { arrive: *arrive, work: long(0), pods, ..one });
        } else {
            all.extend((0..pods).map(|lane| Job { arrive: *arrive, work: long(lane), ..one }));
        }
    }
    all
}
