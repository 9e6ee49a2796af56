//! Training runs: gang, work, checkpoints, and how capacity is bought under a deadline.

use std::sync::Arc;

use super::buying::{overhead, split};
use super::checkpoint::{Who, stages};
use super::context::Context;
use super::losses::{self, LossRate};
use super::sizes::{Size, check_sizes};
use super::speed::Gang;
use super::stores::Stores;
use super::usage::usage;
use super::work::{Where, fixed_labels, tiers};
use crate::fleet::PoolSet;
use crate::kernel::Dist;
use crate::scenario::decode::{Names, Spanned, all_defaults};
use crate::scenario::file::Scenario;
use crate::scenario::file::checkpoint::Restart;
use crate::scenario::file::training as shape;
use crate::scenario::file::work::Jobs;
use crate::scenario::model::{Checkpoint, Model, Run, Source, Tier, Work};
use crate::units::{Diagnostic, Diagnostics, Duration, Fraction, Name, SimTime};
use crate::workload::{Job, Request, Use};

/// The most runs of one workload: they are laid out before the run.
const MOST_RUNS: u32 = 1_000_000;

impl Context<'_, '_> {
    pub(super) fn training(
        &mut self,
        s: &Scenario,
        t: &shape::Training,
        pools: &Names,
        stores: &Stores<'_>,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Work> {
        let place = Where {
            name: &t.name,
            pools: t.pools.as_ref(),
            fallback: &Spanned::unplaced(Vec::new()),
            speed: &[],
            one_island: t.one_island,
            wait_target: None,
            disruption: Some(&t.disruption),
        };
        let all = tiers(&place, pools, out)?[0].pools;
        let mine = self.pools_of(t, model, all, out)?;
        let gang = self.gang(t, &mine, out)?;
        let going = self.going(s, t, &gang, model, out);
        let memory = match &t.memory {
            Some(need) => {
                let activations = going.as_ref().map_or(1.0, |g| g.activations);
                Some(self.memory(need, &gang, activations, out))
            }
            None => None,
        };
        let losses = self.losses(t, model, &gang);
        let who = Who { name: t.name.as_str(), nodes: gang.nodes, pools: mine.clone(), losses };
        let kept = match &t.checkpoint {
            Some(c) => Some(self.checkpoint(c, &who, stores, model, out)?),
            None => None,
        };
        let read = kept.as_ref().map(|k| k.read);
        let stages = stages(&t.restart, read, t.elastic.as_ref().map(|e| &e.reshape), out)?;
        let (going, memory) = (going?, memory.map_or(Some(None), |m| m.map(Some))?);
        let checkpoint = kept.map_or_else(Checkpoint::default, |k| k.checkpoint);
        let buying = match &t.policy {
            Some(policy) => {
                let overhead = overhead(model, &mine, &stages);
                Some(Box::new(self.buying(t, policy, &gang, overhead, model, out)?))
            }
            None => {
                without_policy(t, out);
                None
            }
        };
        if t.redundancy.get() >= 1.0 {
            out.push(
                Diagnostic::error(format!("`{}` gives all its compute to redundancy", *t.name))
                    .at(t.redundancy.at.0, t.redundancy.at.1, "below 100%")
                    .help("Bamboo's costs 10 to 20 %"),
            );
            return None;
        }
        if let (Some(buying), Some(deadline)) = (&buying, &t.deadline) {
            let best = mine.iter().map(|p| going.speed[*p]).fold(0.0, f64::max) * (1.0 - t.redundancy.get());
            let least = checkpoint.pace.lasts(going.work.at_speed(best)) + buying.overhead;
            if least > **deadline {
                out.push(
                    Diagnostic::error(format!("`{}` cannot meet its deadline, whatever it buys", *t.name))
                        .at(deadline.at.0, deadline.at.1, format!("too short by {}", least - **deadline))
                        .help(format!(
                            "with nothing going wrong it takes {least}, of which {} are one launch and set-up",
                            buying.overhead
                        ))
                        .help("give it more time, more nodes or less work"),
                );
            }
        }
        if let (Some(_), Some(deadline)) = (&buying, &t.deadline)
            && *t.arrive < self.horizon
            && *t.arrive + **deadline > self.horizon
        {
            out.push(
                Diagnostic::warning(format!("the window ends before the deadline of `{}`", *t.name))
                    .at(deadline.at.0, deadline.at.1, format!("the horizon is {}", self.horizon))
                    .help("lengthen the horizon: what happens after it is not simulated"),
            );
        }
        let run = Run { checkpoint, stages, redundancy_ppm: t.redundancy.ppm(), buying };
        let job = self.job(t, &gang, model, going.work, going.stall, memory, out)?;
        let jobs = self.jobs_at(t, job, out)?;
        let tier = PoolSet(mine.iter().fold(0, |set, p| set | 1 << p));
        let sizes = [Size { request: job.request, pods: job.pods, accept: 0, n: Some(u64::from(t.count.get())) }];
        let mut work = self.finish(
            s,
            model,
            &place,
            vec![Tier { pools: tier, after: Duration::ZERO }],
            vec![PoolSet::ALL],
            vec![fixed_labels(t.labels.iter())],
            Source::Jobs(Arc::from(jobs)),
            out,
        )?;
        work.speed = going.speed;
        if run.buying.is_none() {
            check_sizes(model, &work, &sizes, t.name.at, &[], out);
        }
        work.run = Some(Arc::new(run));
        self.note(format!("work of {}", *t.name), "prior", "parameters stated in the scenario");
        if *t.restart == Restart::Stages(all_defaults()) {
            self.note(format!("set-up of {}", *t.name), "guess", "stages of a large job, by default");
        }
        Some(work)
    }

    /// How jobs keep their progress and get going again; none for jobs that do neither.
    #[expect(clippy::option_option, reason = "the outer None is a fault that has been reported")]
    pub(super) fn keeping(
        &mut self,
        j: &Jobs,
        work: &Work,
        nodes: u32,
        stores: &Stores<'_>,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Option<Arc<Run>>> {
        if j.checkpoint.is_none() && j.restart.is_none() {
            return Some(None);
        }
        let open = work.tiers.iter().fold(PoolSet::EMPTY, |s, t| s.or(t.pools)).and(PoolSet::first(model.pools.len()));
        let pools: Vec<usize> = open.iter().map(|p| usize::from(p.0)).collect();
        // Jobs of several sizes have one interval: that of the largest, which loses nodes most often.
        let losses = losses::of_gang(model, &pools, nodes);
        let who = Who { name: j.name.as_str(), nodes, pools, losses };
        let kept = match &j.checkpoint {
            Some(c) => Some(self.checkpoint(c, &who, stores, model, out)?),
            None => None,
        };
        let stages = match &j.restart {
            Some(r) => stages(r, kept.as_ref().map(|k| k.read), None, out)?,
            None => Vec::new(),
        };
        let checkpoint = kept.map_or_else(Default::default, |k| k.checkpoint);
        Some(Some(Arc::new(Run { checkpoint, stages, redundancy_ppm: 0, buying: None })))
    }

    /// The pools that it may use: those on request for a run that buys, the others for one that waits in the queue.
    fn pools_of(&self, t: &shape::Training, model: &Model, all: PoolSet, out: &mut Diagnostics) -> Option<Vec<usize>> {
        let buys = t.policy.is_some();
        let fits = |p: usize| model.pools[p].supply.as_ref().is_some_and(|s| s.on_request()) == buys;
        // Runs that keep their progress take whole GPUs.
        let cut = |n: &Spanned<Name>| model.pools.iter().any(|p| p.share.is_some() && p.name == n.as_str());
        if let Some(name) = t.pools.iter().flat_map(|l| l.iter()).find(|n| cut(n)) {
            out.push(
                Diagnostic::error(format!("`{}` takes whole GPUs, and those of pool `{}` are cut", *t.name, **name))
                    .at(name.at.0, name.at.1, "its `share` is not Whole")
                    .help("name pools of whole GPUs; work without checkpoints is Jobs(…)"),
            );
            return None;
        }
        let all = all.iter().filter(|p| model.pools.get(usize::from(p.0)).is_none_or(|p| p.share.is_none()));
        let all = all.fold(PoolSet::EMPTY, |set, p| set.with(p));
        let (mine, others): (Vec<usize>, Vec<usize>) =
            all.iter().map(|p| usize::from(p.0)).filter(|p| *p < model.pools.len()).partition(|p| fits(*p));
        let name = others.first().map(|p| model.pools[*p].name.as_str());
        let blamed = match (&t.pools, name) {
            (Some(list), Some(name)) => list.iter().find(|n| n.as_str() == name).map(|n| n.at),
            _ => None,
        };
        // A pool that is named must be of the right kind; of all pools only those of the right kind are meant.
        if let (Some(at), Some(name)) = (blamed, name) {
            out.push(if buys {
                Diagnostic::error(format!(
                    "`{}` buys its nodes, and those of pool `{name}` stand there anyway",
                    *t.name
                ))
                .at(at.0, at.1, "its nodes are not on request")
                .help("write nodes: OnRequest(…) in the pool, or leave `policy` out: then it waits in the queue")
            } else {
                Diagnostic::error(format!("nobody asks for the nodes of pool `{name}`: `{}` has no policy", *t.name))
                    .at(at.0, at.1, "its nodes are on request")
                    .help("say how it buys: policy: UniformProgress, SpotElseOnDemand, OnDemandOnly, …")
                    .help("or write nodes: Fixed(…) in the pool")
            });
            return None;
        }
        if mine.is_empty() {
            let at = t.policy.as_ref().map_or(t.name.at, |p| p.at);
            out.push(if buys {
                Diagnostic::error(format!("`{}` has no pool to buy from", *t.name))
                    .at(at.0, at.1, "no pool has nodes on request")
                    .help("write nodes: OnRequest(…) in the pools that it may buy from")
            } else {
                Diagnostic::error(format!("`{}` has no nodes to run on", *t.name))
                    .at(at.0, at.1, "all pools have nodes on request, and it has no policy")
                    .help("say how it buys: policy: UniformProgress, SpotElseOnDemand, OnDemandOnly, …")
            });
            return None;
        }
        Some(mine)
    }

    /// How many nodes of how many GPUs.
    fn gang(&self, t: &shape::Training, mine: &[usize], out: &mut Diagnostics) -> Option<Gang> {
        let kinds: Vec<Option<u32>> = mine.iter().map(|p| self.facts[*p].gpus).collect();
        let per_node = match kinds.first() {
            Some(Some(n)) if kinds.iter().all(|k| *k == Some(*n)) => *n,
            _ => {
                out.push(
                    Diagnostic::error(format!("the pools of `{}` have nodes of different sizes", *t.name))
                        .at(t.name.at.0, t.name.at.1, "a gang needs like nodes")
                        .help("name pools whose nodes have as many GPUs: pools: [\"a\", \"b\"]"),
                );
                return None;
            }
        };
        let nodes = match (&t.nodes, &t.gpus) {
            (Some(n), None) => n.get(),
            (None, Some(g)) if per_node > 0 && g.get().is_multiple_of(per_node) => g.get() / per_node,
            (None, Some(g)) => {
                out.push(
                    Diagnostic::error(format!("{} GPUs are no whole number of nodes", g.get()))
                        .at(g.at.0, g.at.1, format!("a node has {per_node}"))
                        .help("give a multiple of it, or `nodes`"),
                );
                return None;
            }
            (nodes, gpus) => {
                let at = nodes.as_ref().map(|n| n.at).or(gpus.as_ref().map(|g| g.at)).unwrap_or(t.name.at);
                let twice = nodes.is_some();
                let what = if twice { "says nodes and GPUs" } else { "does not say how many nodes it needs" };
                out.push(
                    Diagnostic::error(format!("`{}` {what}", *t.name))
                        .at(at.0, at.1, if twice { "given twice" } else { "field `nodes` or `gpus` is missing" })
                        .help("for example nodes: 16, or gpus: 128"),
                );
                return None;
            }
        };
        if nodes > u32::from(u16::MAX) {
            out.push(
                Diagnostic::error(format!("a gang of {nodes} nodes"))
                    .at(t.name.at.0, t.name.at.1, "at most 65535")
                    .help("ask for fewer nodes"),
            );
            return None;
        }
        Some(Gang { nodes, per_node, pools: mine.to_vec() })
    }

    /// How often the gang loses a node: on spot where its policy uses that, with its base on demand beside it.
    fn losses(&self, t: &shape::Training, model: &Model, gang: &Gang) -> LossRate {
        let (spot, steady): (Vec<usize>, Vec<usize>) =
            gang.pools.iter().partition(|p| model.pools[**p].supply.as_ref().is_some_and(|s| s.spot));
        let only_steady = matches!(t.policy.as_deref(), Some(shape::SpotPolicy::OnDemandOnly)) || spot.is_empty();
        if only_steady {
            let pools = if steady.is_empty() { &spot } else { &steady };
            return losses::of_gang(model, pools, gang.nodes);
        }
        let Some(base) = &t.base else { return losses::of_gang(model, &spot, gang.nodes) };
        let (d, s) = split(base).of(gang.nodes);
        let mut both = losses::of_gang(model, &spot, s);
        let rest = losses::of_gang(model, &steady, d);
        both.per_hour += rest.per_hour;
        both.basis.extend(rest.basis);
        both
    }

    /// One run as a job.
    #[expect(clippy::too_many_arguments, reason = "the parts of one struct")]
    fn job(
        &self,
        t: &shape::Training,
        gang: &Gang,
        model: &Model,
        work: Duration,
        stall: Fraction,
        memory: Option<u64>,
        out: &mut Diagnostics,
    ) -> Option<Job> {
        let laws = usage(&t.use_of_gpu, out)?;
        let busy = laws.busy.as_ref().map_or(1.0, Dist::mean);
        let stated = t.use_of_gpu.memory.map(|m| m.mib_ceil());
        let gpu_mem = stated.or(memory).unwrap_or(0);
        // Nodes without GPUs are asked for whole.
        let cpu_milli = if gang.per_node > 0 {
            0
        } else {
            let mine = model.nodes.iter().filter(|n| gang.pools.contains(&usize::from(n.pool.0)));
            mine.map(|n| n.capacity.cpu_milli).min().unwrap_or(0)
        };
        let request = Request {
            cpu_milli,
            mem_mib: 0,
            gpus: u8::try_from(gang.per_node).unwrap_or(u8::MAX),
            gpu_milli: if gang.per_node > 0 { 1000 } else { 0 },
            slice: 0,
        };
        Some(Job {
            work,
            pods: u16::try_from(gang.nodes).unwrap_or(u16::MAX),
            request,
            priority: t.priority,
            usage: Use {
                busy_ppm: (busy.clamp(0.0, 1.0) * 1e6).round() as u32,
                stall_ppm: stall.ppm(),
                gpu_mem_mib: u32::try_from(gpu_mem).unwrap_or(u32::MAX),
            },
            patience: Duration(u64::MAX),
            ..Job::default()
        })
    }

    /// All runs, by arrival.
    fn jobs_at(&self, t: &shape::Training, job: Job, out: &mut Diagnostics) -> Option<Vec<Job>> {
        if t.count.get() > MOST_RUNS {
            out.push(
                Diagnostic::error(format!("{} runs of `{}`", t.count.get(), *t.name))
                    .at(t.name.at.0, t.name.at.1, format!("at most {MOST_RUNS}"))
                    .help("jobs that come and go are Jobs(…)"),
            );
            return None;
        }
        let first = self.warmup + *t.arrive;
        let at = |i: u32| SimTime(first.0.saturating_add(t.every.0.saturating_mul(u64::from(i))));
        let last = at(t.count.get() - 1);
        if last >= self.end() {
            out.push(
                Diagnostic::error(format!("a run of `{}` would arrive after the horizon", *t.name))
                    .at(t.arrive.at.0, t.arrive.at.1, "too late")
                    .help("let it arrive earlier, have fewer runs, or lengthen the horizon"),
            );
            return None;
        }
        Some((0..t.count.get()).map(|i| Job { arrive: at(i), ..job }).collect())
    }
}

/// What has a meaning only for a run that buys.
fn without_policy(t: &shape::Training, out: &mut Diagnostics) {
    let help = "say how it buys: policy: UniformProgress, SpotElseOnDemand, OnDemandOnly, …";
    if let Some(e) = &t.elastic {
        out.push(
            Diagnostic::error(format!("`{}` is elastic and waits for the fleet's nodes", *t.name))
                .at(e.least.at.0, e.least.at.1, "a job in the queue is placed whole or not at all")
                .help(help),
        );
    }
    if let Some(b) = &t.base {
        out.push(
            Diagnostic::error(format!("`{}` has a base on demand and buys nothing", *t.name))
                .at(b.above.at.0, b.above.at.1, "needs a policy")
                .help(help),
        );
    }
    if let Some(d) = &t.deadline {
        out.push(
            Diagnostic::warning(format!("nothing is done about the deadline of `{}`", *t.name))
                .at(d.at.0, d.at.1, "it waits for the fleet's own nodes")
                .help(help),
        );
    }
}
