//! Training runs: gang, work, checkpoints, and how capacity is bought under a deadline.

use std::sync::Arc;

use super::checkpoint::{Who, stages};
use super::context::Context;
use super::losses::{self, LossRate};
use super::sizes::{Size, check_sizes};
use super::speed::Gang;
use super::stores::Stores;
use super::work::{Where, fixed_labels, tiers, usage};
use crate::fleet::PoolSet;
use crate::kernel::Dist;
use crate::policy::spot::diversify::Allocation;
use crate::policy::spot::split::OnDemandBase;
use crate::policy::spot::{Breaker, Purchase, Return};
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::Scenario;
use crate::scenario::file::training as shape;
use crate::scenario::model::{Buying, Checkpoint, Model, Run, Source, Tier, Work};
use crate::training::restart::Stage;
use crate::units::{Diagnostic, Diagnostics, Duration, Fraction, SimTime};
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
        let who = Who { name: t.name.as_str(), at: t.name.at, nodes: gang.nodes, pools: mine.clone(), losses };
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
        Some(work)
    }

    /// The pools that it may use: those on request for a run that buys, the others for one that waits in the queue.
    fn pools_of(&self, t: &shape::Training, model: &Model, all: PoolSet, out: &mut Diagnostics) -> Option<Vec<usize>> {
        let buys = t.policy.is_some();
        let fits = |p: usize| model.pools[p].supply.as_ref().is_some_and(|s| s.on_request) == buys;
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

    /// How it buys, and whether its pools can serve that.
    fn buying(
        &self,
        t: &shape::Training,
        policy: &Spanned<shape::SpotPolicy>,
        gang: &Gang,
        overhead: Duration,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Buying> {
        let purchase = purchase(policy);
        let (uses_spot, uses_on_demand) = match purchase {
            Purchase::OnDemandOnly => (false, true),
            Purchase::SpotOnly => (true, false),
            _ => (true, true),
        };
        let needs_deadline =
            matches!(purchase, Purchase::Greedy | Purchase::TimeSliced { .. } | Purchase::UniformProgress { .. });
        if needs_deadline && t.deadline.is_none() {
            out.push(
                Diagnostic::error(format!("the policy of `{}` works towards a deadline, and it has none", *t.name))
                    .at(policy.at.0, policy.at.1, "field `deadline` is missing")
                    .help("for example deadline: \"96h\"; without one: SpotOnly, SpotElseOnDemand or OnDemandOnly"),
            );
        }
        if t.decide_every.0 == 0 {
            out.push(
                Diagnostic::error(format!("`{}` would decide without end", *t.name))
                    .at(t.decide_every.at.0, t.decide_every.at.1, "above 0")
                    .help("for example decide_every: \"10m\""),
            );
            return None;
        }
        let least = self.least(t, gang, out)?;
        for (uses, spot, what, remedy) in [
            (uses_on_demand, false, "on-demand", "add one with nodes: OnRequest(…) and buy: OnDemand, or use SpotOnly"),
            (uses_spot, true, "spot", "add one with nodes: OnRequest(…) and buy: Spot, or use OnDemandOnly"),
        ] {
            if !uses {
                continue;
            }
            let room: Vec<(usize, u32)> = gang
                .pools
                .iter()
                .filter_map(|p| model.pools[*p].supply.as_deref().map(|s| (*p, s)))
                .filter(|(_, s)| s.spot == spot)
                .map(|(p, s)| {
                    let offered = s.replays.iter().map(|(r, _)| r.trace.max().saturating_mul(r.nodes_per_unit));
                    (p, offered.chain(s.launch.quota).fold(self.facts[p].nodes, u32::min))
                })
                .collect();
            if room.is_empty() {
                let mut d =
                    Diagnostic::error(format!("the policy of `{}` needs {what} capacity, and it has none", *t.name))
                        .at(policy.at.0, policy.at.1, format!("no {what} pool"));
                let standing = model
                    .pools
                    .iter()
                    .find(|p| (p.market == "spot") == spot && p.supply.as_ref().is_none_or(|s| !s.on_request));
                if let Some(p) = standing {
                    d = d.help(format!("the nodes of pool `{}` stand there anyway: they are not on request", p.name));
                }
                out.push(d.help(remedy));
                return None;
            }
            let most = if t.spread {
                room.iter().map(|r| u64::from(r.1)).sum()
            } else {
                u64::from(room.iter().map(|r| r.1).max().unwrap_or(0))
            };
            if most < u64::from(least) {
                let at = t.nodes.as_ref().map(|n| n.at).or(t.gpus.as_ref().map(|g| g.at)).unwrap_or(t.name.at);
                let have: Vec<String> =
                    room.iter().map(|(p, n)| format!("{n} in `{}`", model.pools[*p].name)).collect();
                let spread = if t.spread { "" } else { "; a gang is in one pool unless `spread` is true" };
                out.push(
                    Diagnostic::error(format!(
                        "the gang of `{}` ({least} nodes) is larger than its {what} pools",
                        *t.name
                    ))
                    .at(at.0, at.1, format!("at most {most} at once"))
                    .help(format!("there can be {}{spread}", have.join(", ")))
                    .help("the least of the pool's nodes, its quota and what its trace ever offers counts"),
                );
                return None;
            }
        }
        Some(Buying {
            purchase,
            tick: *t.decide_every,
            deadline: t.deadline.map(|d| *d),
            overhead,
            hold_survivors: t.survivors == shape::Survivors::Hold,
            least: u16::try_from(least).unwrap_or(u16::MAX),
            efficiency: efficiency(t, gang, out)?,
            base: t.base.as_ref().map(split),
            allocation: match &t.allocation {
                shape::AllocationRule::LowestPrice => Allocation::LowestPrice,
                shape::AllocationRule::CapacityOptimized => Allocation::CapacityOptimized,
                shape::AllocationRule::PriceCapacityOptimized(p) => {
                    Allocation::PriceCapacityOptimized { weight: p.weight, quantile: p.deepest.get() }
                }
                shape::AllocationRule::Even => Allocation::Even,
            },
            spread: t.spread,
        })
    }

    fn least(&self, t: &shape::Training, gang: &Gang, out: &mut Diagnostics) -> Option<u32> {
        let Some(e) = &t.elastic else { return Some(gang.nodes) };
        if e.least.get() > gang.nodes {
            out.push(
                Diagnostic::error(format!(
                    "`{}` needs at least {} of its {} nodes",
                    *t.name,
                    e.least.get(),
                    gang.nodes
                ))
                .at(e.least.at.0, e.least.at.1, "more than it has")
                .help("the least number of nodes that it can compute on"),
            );
            return None;
        }
        Some(e.least.get())
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

fn split(b: &shape::BaseShare) -> OnDemandBase {
    OnDemandBase { base: b.nodes, percent_above: (b.above.get() * 100.0).round() as u32 }
}

fn purchase(p: &shape::SpotPolicy) -> Purchase {
    match p {
        shape::SpotPolicy::OnDemandOnly => Purchase::OnDemandOnly,
        shape::SpotPolicy::SpotOnly => Purchase::SpotOnly,
        shape::SpotPolicy::Greedy => Purchase::Greedy,
        shape::SpotPolicy::TimeSliced(n) => Purchase::TimeSliced { slices: n.get() },
        shape::SpotPolicy::UniformProgress(u) => Purchase::UniformProgress { hysteresis: u.hysteresis },
        shape::SpotPolicy::SpotElseOnDemand(e) => Purchase::SpotElseOnDemand {
            wait: e.wait,
            back: e.back.as_ref().map(|b| Return {
                after: b.after,
                cooldown: b.cooldown,
                min_saving: b.min_saving.get(),
            }),
            breaker: e.breaker.as_ref().map(|b| Breaker { max: b.max.get(), window: b.window, hold: b.hold }),
        },
    }
}

/// What a launch costs in time on average: the slowest boot and all stages of setting up again.
fn overhead(model: &Model, pools: &[usize], stages: &[(Stage, Dist)]) -> Duration {
    let boot = |p: &usize| model.pools[*p].supply.as_ref().map_or(0.0, |s| s.launch.boot.mean());
    let boot = pools.iter().map(boot).fold(0.0, f64::max);
    let set_up: f64 = stages.iter().filter(|(s, _)| *s != Stage::Reshape).map(|(_, d)| d.mean()).sum();
    Duration::from_secs_f64(boot + set_up)
}

/// Speed by number of nodes relative to all, straight lines between what is stated; empty where in proportion.
fn efficiency(t: &shape::Training, gang: &Gang, out: &mut Diagnostics) -> Option<Vec<f64>> {
    let Some(e) = &t.elastic else { return Some(Vec::new()) };
    if e.efficiency.is_empty() {
        return Some(Vec::new());
    }
    let at = e.efficiency.at;
    let rising = e.efficiency.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1);
    let within = e.efficiency.iter().all(|(n, f)| (1..=gang.nodes).contains(n) && f.get() > 0.0);
    if !rising || !within {
        out.push(
            Diagnostic::error(format!("the efficiency of `{}` is no rising table of its nodes", *t.name))
                .at(at.0, at.1, format!("from 1 to {} nodes, shares above 0%", gang.nodes))
                .help("for example efficiency: [(8, \"55%\"), (12, \"78%\")]"),
        );
        return None;
    }
    let all = f64::from(gang.nodes);
    let mut points: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    points.extend(e.efficiency.iter().map(|(n, f)| (f64::from(*n), f.get())));
    if points.last().is_none_or(|l| l.0 < all) {
        points.push((all, 1.0));
    }
    let speed = |n: u32| {
        let n = f64::from(n);
        let above = points.partition_point(|p| p.0 < n).clamp(1, points.len() - 1);
        let (low, high) = (points[above - 1], points[above]);
        low.1 + (high.1 - low.1) * (n - low.0) / (high.0 - low.0)
    };
    Some((1..=gang.nodes).map(speed).collect())
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
