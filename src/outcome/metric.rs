//! The table of metrics: every figure that can be reported, gated or compared, under one name.

mod service;

use serde::{Deserialize, Serialize};

use super::{ChargeKind, MILLI_NS_PER_GPU_HOUR, Outcome, Part};
use crate::kernel::Histogram;
use crate::units::{Activity, Group, Usd};

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither.
    Neutral,
}

/// A figure of an outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// e.g. `cost.pool.h100`.
    pub name: String,
    /// The figure; absent when its denominator is nothing.
    pub value: Option<f64>,
    /// e.g. `USD`.
    pub unit: String,
    /// Which way is better.
    pub better: Direction,
}

/// A row of the documented table: a name with its placeholders, unit, direction, denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MetricDoc {
    /// `cost.pool.NAME`
    pub name: &'static str,
    /// `USD`
    pub unit: &'static str,
    /// Which way is better.
    pub better: Direction,
    /// What it is, and of what.
    pub meaning: &'static str,
}

const fn doc(name: &'static str, unit: &'static str, better: Direction, meaning: &'static str) -> MetricDoc {
    MetricDoc { name, unit, better, meaning }
}

/// Every metric that a run may yield.
pub const TABLE: &[MetricDoc] = &[
    doc("cost.total", "USD", Direction::Lower, "the bill of the window"),
    doc("cost.month", "USD", Direction::Lower, "the bill scaled to a month of 730 hours"),
    doc("cost.avoidable", "USD", Direction::Lower, "the part of the bill that using less would save"),
    doc("cost.sunk", "USD", Direction::Neutral, "the part of the bill that is owned or committed"),
    doc("cost.useful_gpu_hour", "USD/GPU-h", Direction::Lower, "bill of the pools with GPUs / productive GPU-hours"),
    doc("cost.pool.NAME", "USD", Direction::Lower, "the bill of a pool"),
    doc("cost.work.NAME", "USD", Direction::Lower, "what a workload was charged"),
    doc("cost.label.KEY.VALUE", "USD", Direction::Lower, "what work with this label was charged"),
    doc(
        "cost.label.KEY.(unlabelled)",
        "USD",
        Direction::Lower,
        "what work without this label, and the fleet's own waste and fees, cost",
    ),
    doc("util.allocated", "%", Direction::Higher, "GPU time held by jobs / GPU time billed"),
    doc("util.true", "%", Direction::Higher, "compute at work, averaged over time / GPU time billed"),
    doc(
        "util.sampled",
        "%",
        Direction::Neutral,
        "what a dashboard that polls for running kernels shows / GPU time billed",
    ),
    doc("wait.mean", "s", Direction::Lower, "arrival to first start, jobs that started"),
    doc("wait.p50", "s", Direction::Lower, "the same, median"),
    doc("wait.p90", "s", Direction::Lower, "the same, 90th percentile"),
    doc("wait.p99", "s", Direction::Lower, "the same, 99th percentile"),
    doc("wait.work.NAME.p90", "s", Direction::Lower, "the same for one workload"),
    doc(
        "slo.NAME.wait",
        "%",
        Direction::Higher,
        "jobs of a workload that started within its target / jobs that started or have waited longer",
    ),
    doc(
        "waste.ACTIVITY",
        "USD",
        Direction::Lower,
        "dollars spent in an activity that is not productive; `fleetcast metrics --activities` lists them",
    ),
    doc(
        "waste.minimum_and_rounding",
        "USD",
        Direction::Lower,
        "what billing minimums and granularity add to the time run",
    ),
    doc("waste.unused_commitment", "USD", Direction::Lower, "commitments paid for and not used"),
    doc("waste.total", "USD", Direction::Lower, "all of these"),
    doc("hours.ACTIVITY", "GPU-h", Direction::Neutral, "GPU-hours spent in an activity"),
    doc("jobs.arrived", "jobs", Direction::Neutral, "jobs that arrived in the window"),
    doc("jobs.done", "jobs", Direction::Higher, "jobs that completed in the window"),
    doc("jobs.failed", "jobs", Direction::Lower, "jobs that failed for their own reasons"),
    doc("jobs.cancelled", "jobs", Direction::Lower, "jobs that were cancelled or withdrawn"),
    doc("jobs.rejected", "jobs", Direction::Lower, "jobs that could never run"),
    doc("jobs.preemptions", "times", Direction::Lower, "times a running job was pushed out"),
    doc("jobs.queued_at_end", "jobs", Direction::Lower, "jobs still waiting when the window closed"),
    doc("energy.kwh", "kWh", Direction::Lower, "energy of the GPUs at the meter (with PUE)"),
    doc("budget.NAME.used", "%", Direction::Lower, "spent / the budget's amount"),
    doc("nodes.launched", "nodes", Direction::Neutral, "nodes that an autoscaler launched"),
    doc("nodes.refused", "times", Direction::Lower, "launches that it asked for and did not get"),
    doc("nodes.removed", "nodes", Direction::Neutral, "nodes that it told to go"),
    doc(
        "nodes.removed.REASON",
        "nodes",
        Direction::Neutral,
        "the same, by reason: empty, underutilized, drifted, expired",
    ),
    doc("nodes.evicted", "pods", Direction::Lower, "pods that it told to go"),
    doc("nodes.lost_usd", "USD", Direction::Lower, "what work had cost that pods lost when they were told to go"),
    doc("goodput", "%", Direction::Higher, "productive GPU time / GPU time held by jobs"),
    doc("cost.spot", "USD", Direction::Neutral, "productive time and input stalls on spot"),
    doc(
        "cost.fallback",
        "USD",
        Direction::Lower,
        "productive time and input stalls on demand, of workloads that also paid for spot",
    ),
    doc("cost.lost", "USD", Direction::Lower, "work thrown away by interruptions and preemptions"),
    doc("cost.restart", "USD", Direction::Lower, "setting up again after an interruption"),
    doc("cost.checkpoints", "USD", Direction::Lower, "GPU time that stood still for checkpoints and saves"),
    doc("cost.notice", "USD", Direction::Lower, "nodes that were told to go, once nothing ran on them"),
    doc("cost.storage", "USD", Direction::Lower, "checkpoints kept"),
    doc("cost.egress", "USD", Direction::Lower, "checkpoints moved between places"),
    doc(
        "cost.free_reclaim",
        "USD",
        Direction::Neutral,
        "time not billed because the provider took the node back (≤ 0)",
    ),
    doc("spot.share", "%", Direction::Neutral, "productive GPU time on spot / productive GPU time"),
    doc("jobs.interruptions", "times", Direction::Lower, "times a running job lost a node, or stopped to save itself"),
    doc("launch.granted", "nodes", Direction::Neutral, "nodes launched"),
    doc("launch.refused", "times", Direction::Lower, "launches that the provider refused"),
    doc("pool.NAME.launched", "nodes", Direction::Neutral, "nodes of a pool launched"),
    doc("pool.NAME.refused", "times", Direction::Lower, "launches of a pool that the provider refused"),
    doc("pool.NAME.lost", "nodes", Direction::Lower, "nodes of a pool lost, for any cause"),
    doc("pool.NAME.mean_hours_to_loss", "h", Direction::Higher, "node-hours there and at risk / nodes lost"),
    doc("work.NAME.interruptions", "times", Direction::Lower, "interruptions of a workload's runs"),
    doc("work.NAME.goodput", "%", Direction::Higher, "its productive time / the time that it held"),
    doc("work.NAME.lost_gpu_hours", "GPU-h", Direction::Lower, "its work thrown away"),
    doc(
        "work.NAME.usd_per_useful_gpu_hour",
        "USD/GPU-h",
        Direction::Lower,
        "all that it cost, its store and the pools that it alone uses included / its productive GPU-hours",
    ),
    doc("work.NAME.finish.p50", "h", Direction::Lower, "arrival to completion, completed jobs, median"),
    doc("work.NAME.finish.p90", "h", Direction::Lower, "the same, 90th percentile"),
    doc("work.NAME.deadline_met", "jobs", Direction::Higher, "jobs that met their deadline"),
    doc("work.NAME.deadline_missed", "jobs", Direction::Lower, "jobs whose deadline passed before they had finished"),
    doc(
        "work.NAME.deadline_miss_share",
        "%",
        Direction::Lower,
        "missed / met and missed: over replications, the probability of a miss",
    ),
    doc(
        "work.NAME.saves_in_time",
        "%",
        Direction::Higher,
        "saves on notice that were durable in time / saves on notice",
    ),
    doc(
        "work.NAME.notice_to_safe.p90",
        "s",
        Direction::Lower,
        "notice to durable progress, saves in time, 90th percentile",
    ),
    doc(
        "slo.NAME.ttft_p50",
        "s",
        Direction::Lower,
        "a service: first sending to first token, answered requests, median",
    ),
    doc("slo.NAME.ttft_p90", "s", Direction::Lower, "the same, 90th percentile"),
    doc("slo.NAME.ttft_p95", "s", Direction::Lower, "the same, 95th percentile"),
    doc("slo.NAME.ttft_p99", "s", Direction::Lower, "the same, 99th percentile"),
    doc("slo.NAME.tpot_p50", "s", Direction::Lower, "mean gap after the first token, one value a request, median"),
    doc("slo.NAME.tpot_p99", "s", Direction::Lower, "the same, 99th percentile"),
    doc("slo.NAME.itl_p50", "s", Direction::Lower, "every gap between tokens, median"),
    doc("slo.NAME.itl_p99", "s", Direction::Lower, "the same, 99th percentile"),
    doc("slo.NAME.e2e_p50", "s", Direction::Lower, "first sending to last token, answered requests, median"),
    doc("slo.NAME.e2e_p99", "s", Direction::Lower, "the same, 99th percentile"),
    doc(
        "slo.NAME.attained",
        "%",
        Direction::Higher,
        "requests that kept every promise / requests that concluded, lost ones included",
    ),
    doc(
        "slo.NAME.ttft",
        "%",
        Direction::Higher,
        "requests that kept the promised time to the first token / requests that it was promised to and that concluded",
    ),
    doc(
        "slo.NAME.tpot",
        "%",
        Direction::Higher,
        "the same of the time per output token; answers of one token are left out",
    ),
    doc("slo.NAME.e2e", "%", Direction::Higher, "the same of the time to the last token"),
    doc("slo.NAME.deadline", "%", Direction::Higher, "the same of deadlines"),
    doc("slo.NAME.lost", "%", Direction::Lower, "refused, limited, timed out and failed / requests that concluded"),
    doc(
        "service.NAME.requests",
        "requests",
        Direction::Neutral,
        "requests that clients sent; a retry is the same request",
    ),
    doc("service.NAME.answered", "requests", Direction::Higher, "answered in full by a replica"),
    doc("service.NAME.from_cache", "requests", Direction::Neutral, "answered by a cache of responses"),
    doc(
        "service.NAME.refused",
        "requests",
        Direction::Lower,
        "refused for good: queues full, too long for the model, or no replica",
    ),
    doc("service.NAME.limited", "requests", Direction::Lower, "refused for good by a rate limit"),
    doc("service.NAME.timed_out", "requests", Direction::Lower, "given up by their clients"),
    doc("service.NAME.failed", "requests", Direction::Lower, "cut off with their replica, and not sent again"),
    doc("service.NAME.retries", "times", Direction::Lower, "times a client sent a request again"),
    doc(
        "service.NAME.goodput",
        "requests/s",
        Direction::Higher,
        "requests that kept every promise / length of the window",
    ),
    doc(
        "service.NAME.input_tokens",
        "tokens",
        Direction::Neutral,
        "prompt tokens of the requests that replicas answered",
    ),
    doc("service.NAME.output_tokens", "tokens", Direction::Neutral, "tokens of the answers"),
    doc("service.NAME.prefix_hit", "%", Direction::Higher, "input tokens found in a prefix cache / input tokens"),
    doc(
        "service.NAME.usd_per_million_input",
        "USD/Mtoken",
        Direction::Lower,
        "the service's bill, idle, cold and lost time included, times the part of its steps that prompts took / million input tokens",
    ),
    doc(
        "service.NAME.usd_per_million_output",
        "USD/Mtoken",
        Direction::Lower,
        "the rest of the bill / million output tokens",
    ),
    doc(
        "service.NAME.usd_per_request",
        "USD",
        Direction::Lower,
        "the service's bill / requests answered, by replicas and caches",
    ),
    doc(
        "service.NAME.usd_per_good_request",
        "USD",
        Direction::Lower,
        "the service's bill / requests that kept every promise",
    ),
    doc("service.NAME.cold_starts", "replicas", Direction::Lower, "replicas that became ready"),
    doc("service.NAME.start_up_p50", "s", Direction::Lower, "creation of a replica to taking requests, median"),
    doc("service.NAME.start_up_p99", "s", Direction::Lower, "the same, 99th percentile"),
    doc("service.NAME.preemptions", "times", Direction::Lower, "requests that lost their KV and began again"),
    doc(
        "service.NAME.kv_use",
        "%",
        Direction::Neutral,
        "KV in use / KV of the replicas that took requests, averaged over replica time",
    ),
    doc("service.NAME.replicas_mean", "replicas", Direction::Lower, "replicas that took requests, averaged over time"),
    doc(
        "service.NAME.replicas_max",
        "replicas",
        Direction::Lower,
        "the most that took requests at once, added over deployments",
    ),
    doc(
        "service.NAME.busy",
        "%",
        Direction::Higher,
        "replica time with a step in progress / replica time taking requests",
    ),
];

/// Every metric of an outcome, in the order of [`TABLE`].
#[must_use]
pub fn metrics(o: &Outcome) -> Vec<Metric> {
    let mut out = Vec::new();
    let mut put = |name: String, value: Option<f64>, unit: &str, better: Direction| {
        out.push(Metric { name, value: value.filter(|v| v.is_finite()), unit: unit.to_owned(), better });
    };
    use Direction::{Higher, Lower, Neutral};
    let bill = o.bill().to_f64();
    put("cost.total".into(), Some(bill), "USD", Lower);
    put("cost.month".into(), (o.hours() > 0.0).then(|| bill / o.hours() * 730.0), "USD", Lower);
    let sunk: f64 = o.charges.iter().filter(|c| !c.avoidable).map(|c| c.usd.0).sum::<Usd>().to_f64();
    put("cost.avoidable".into(), Some(bill - sunk), "USD", Lower);
    put("cost.sunk".into(), Some(sunk), "USD", Neutral);
    let useful = o.gpu_activity(Activity::Productive) as f64 / MILLI_NS_PER_GPU_HOUR;
    let gpu_bill: f64 = o.gpu_pools().map(|p| p.bill.0).sum::<Usd>().to_f64();
    put("cost.useful_gpu_hour".into(), (useful > 0.0).then(|| gpu_bill / useful), "USD/GPU-h", Lower);
    for p in &o.pools {
        put(format!("cost.pool.{}", p.name), Some(p.bill.0.to_f64()), "USD", Lower);
    }
    for w in &o.work {
        put(format!("cost.work.{}", w.name), Some(w.bill.0.to_f64()), "USD", Lower);
    }
    for key in o.label_keys() {
        for (value, usd) in o.by_label(&key) {
            put(format!("cost.label.{key}.{value}"), Some(usd.to_f64()), "USD", Lower);
        }
    }
    let u = o.utilisation();
    put("util.allocated".into(), u.map(|u| 100.0 * u.0), "%", Higher);
    put("util.true".into(), u.map(|u| 100.0 * u.1), "%", Higher);
    put("util.sampled".into(), u.map(|u| 100.0 * u.2), "%", Neutral);
    let all = o.all_waits();
    let secs = |h: &Histogram, q: f64| h.quantile(q).map(|ns| ns as f64 / 1e9);
    put("wait.mean".into(), all.mean().map(|ns| ns / 1e9), "s", Lower);
    for (name, q) in [("wait.p50", 0.5), ("wait.p90", 0.9), ("wait.p99", 0.99)] {
        put(name.into(), secs(&all, q), "s", Lower);
    }
    for w in &o.work {
        put(format!("wait.work.{}.p90", w.name), secs(&w.waits, 0.9), "s", Lower);
    }
    for w in &o.work {
        if let Some(t) = &w.wait_target {
            put(format!("slo.{}.wait", w.name), (t.of > 0).then(|| 100.0 * t.met as f64 / t.of as f64), "%", Higher);
        }
    }
    let mut waste = 0.0;
    for a in Activity::ALL.into_iter().filter(|a| a.group() != Group::Useful) {
        let usd = o.activity_usd(a).to_f64();
        waste += usd;
        put(format!("waste.{}", a.key()), Some(usd), "USD", Lower);
    }
    for kind in [ChargeKind::MinimumAndRounding, ChargeKind::UnusedCommitment] {
        let usd = o.charges.iter().filter(|c| c.kind == kind).map(|c| c.usd.0).sum::<Usd>().to_f64();
        waste += usd;
        put(format!("waste.{}", kind.key()), Some(usd), "USD", Lower);
    }
    put("waste.total".into(), Some(waste), "USD", Lower);
    for a in Activity::ALL {
        put(format!("hours.{}", a.key()), Some(o.gpu_activity(a) as f64 / MILLI_NS_PER_GPU_HOUR), "GPU-h", Neutral);
    }
    let j = &o.jobs;
    for (name, n, better) in [
        ("arrived", j.arrived, Neutral),
        ("done", j.done, Higher),
        ("failed", j.failed, Lower),
        ("cancelled", j.cancelled, Lower),
        ("rejected", j.rejected, Lower),
        ("preemptions", j.preemptions, Lower),
        ("queued_at_end", j.queued_at_end, Lower),
    ] {
        put(format!("jobs.{name}"), Some(n as f64), if name == "preemptions" { "times" } else { "jobs" }, better);
    }
    put("energy.kwh".into(), Some(o.pools.iter().map(super::PoolOutcome::energy_kwh).sum()), "kWh", Lower);
    for b in &o.budgets {
        let amount = b.amount.0.to_f64();
        put(format!("budget.{}.used", b.name), (amount > 0.0).then(|| 100.0 * b.spent.0.to_f64() / amount), "%", Lower);
    }
    if let Some(n) = &o.nodes {
        put("nodes.launched".into(), Some(n.launched as f64), "nodes", Neutral);
        put("nodes.refused".into(), Some(n.refused as f64), "times", Lower);
        put("nodes.removed".into(), Some(n.removed_in_all() as f64), "nodes", Neutral);
        for (why, k) in &n.removed {
            put(format!("nodes.removed.{why}"), Some(*k as f64), "nodes", Neutral);
        }
        put("nodes.evicted".into(), Some(n.evicted as f64), "pods", Lower);
        put("nodes.lost_usd".into(), Some(n.lost_usd.0.to_f64()), "USD", Lower);
    }
    if o.has_interruptions() {
        interruptions(o, &mut put);
    }
    service::services(o, &mut put);
    out
}

/// Figures that only a run has whose work can be interrupted.
fn interruptions(o: &Outcome, put: &mut impl FnMut(String, Option<f64>, &str, Direction)) {
    use Direction::{Higher, Lower, Neutral};
    let percent = |a: u128, b: u128| (b > 0).then(|| 100.0 * a as f64 / b as f64);
    let productive = o.gpu_activity(Activity::Productive);
    let held: u128 = o.gpu_pools().map(super::PoolOutcome::allocated).sum();
    put("goodput".into(), percent(productive, held), "%", Higher);
    let split = o.split();
    let of = |part: Part| split.iter().filter(|r| r.part == part).map(|r| r.usd.0).sum::<Usd>().to_f64();
    let fallback =
        |r: &&super::SplitRow| r.part == Part::OnDemand && r.workload.as_ref().is_some_and(|w| o.uses_spot(w));
    put("cost.spot".into(), Some(of(Part::Spot)), "USD", Neutral);
    let usd = split.iter().filter(fallback).map(|r| r.usd.0).sum::<Usd>().to_f64();
    put("cost.fallback".into(), Some(usd), "USD", Lower);
    for part in [Part::Lost, Part::Restart, Part::Checkpoints, Part::Notice, Part::Storage, Part::Egress] {
        put(format!("cost.{}", part.key()), Some(of(part)), "USD", Lower);
    }
    put("cost.free_reclaim".into(), Some(of(Part::FreeReclaim)), "USD", Neutral);
    let spot = o.gpu_pools().filter(|p| p.market == "spot").map(|p| p.activity[Activity::Productive as usize].0).sum();
    put("spot.share".into(), percent(spot, productive), "%", Neutral);
    put("jobs.interruptions".into(), Some(o.jobs.interruptions as f64), "times", Lower);
    let losses = || o.pools.iter().filter_map(|p| Some((&p.name, p.losses.as_ref()?)));
    put("launch.granted".into(), Some(losses().map(|(_, l)| l.launches).sum::<u64>() as f64), "nodes", Neutral);
    put("launch.refused".into(), Some(losses().map(|(_, l)| l.launches_failed).sum::<u64>() as f64), "times", Lower);
    for (name, l) in losses() {
        put(format!("pool.{name}.launched"), Some(l.launches as f64), "nodes", Neutral);
        put(format!("pool.{name}.refused"), Some(l.launches_failed as f64), "times", Lower);
        put(format!("pool.{name}.lost"), Some(l.total() as f64), "nodes", Lower);
        put(format!("pool.{name}.mean_hours_to_loss"), l.mean_hours_to_loss(), "h", Higher);
    }
    for (w, l) in o.work.iter().zip(o.work_losses()) {
        let Some(r) = &w.run else { continue };
        let hours = |q: f64| w.turnaround.quantile(q).map(|ns| ns as f64 / 3.6e12);
        let (met, missed) = (r.deadline_met, r.deadline_missed);
        let mut put =
            |name: &str, v: Option<f64>, unit: &str, d: Direction| put(format!("work.{}.{name}", w.name), v, unit, d);
        put("interruptions", Some(r.interruptions.iter().sum::<u64>() as f64), "times", Lower);
        put("goodput", l.goodput().map(|v| 100.0 * v), "%", Higher);
        put("lost_gpu_hours", Some(l.lost as f64 / MILLI_NS_PER_GPU_HOUR), "GPU-h", Lower);
        put("usd_per_useful_gpu_hour", l.usd_per_useful_hour(), "USD/GPU-h", Lower);
        put("finish.p50", hours(0.5), "h", Lower);
        put("finish.p90", hours(0.9), "h", Lower);
        put("deadline_met", Some(met as f64), "jobs", Higher);
        put("deadline_missed", Some(missed as f64), "jobs", Lower);
        put("deadline_miss_share", percent(u128::from(missed), u128::from(met + missed)), "%", Lower);
        put("saves_in_time", percent(u128::from(r.saves), u128::from(r.saves + r.saves_failed)), "%", Higher);
        let safe = r.notice_to_safe.quantile(0.9).map(|ns| ns as f64 / 1e9);
        put("notice_to_safe.p90", safe, "s", Lower);
    }
}

impl Outcome {
    /// Waits of all jobs that started in the window.
    #[must_use]
    pub fn all_waits(&self) -> Histogram {
        let mut all = Histogram::new();
        for c in &self.waits {
            all.merge(&c.waits);
        }
        all
    }

    /// Dollars of one activity over all pools.
    #[must_use]
    pub fn activity_usd(&self, a: Activity) -> Usd {
        self.charges.iter().filter(|c| c.kind == super::ChargeKind::Activity(a)).map(|c| c.usd.0).sum()
    }

    /// The label keys that any charge carries, ascending.
    #[must_use]
    pub fn label_keys(&self) -> Vec<String> {
        let keys: std::collections::BTreeSet<&str> =
            self.charges.iter().flat_map(|c| &c.labels).filter_map(|l| l.split_once('=')).map(|(k, _)| k).collect();
        keys.into_iter().map(str::to_owned).collect()
    }

    /// The bill by the values of one label, ascending, with `(unlabelled)` last. Adds up to the bill, exactly.
    #[must_use]
    pub fn by_label(&self, key: &str) -> Vec<(String, Usd)> {
        let mut rows: std::collections::BTreeMap<&str, Usd> = std::collections::BTreeMap::new();
        let mut rest = Usd::ZERO;
        for c in &self.charges {
            match c.labels.iter().filter_map(|l| l.split_once('=')).find(|(k, _)| *k == key) {
                Some((_, v)) => *rows.entry(v).or_default() += c.usd.0,
                None => rest += c.usd.0,
            }
        }
        rows.into_iter().map(|(v, u)| (v.to_owned(), u)).chain([("(unlabelled)".to_owned(), rest)]).collect()
    }
}
