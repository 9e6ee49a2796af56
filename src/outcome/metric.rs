//! The table of metrics: every figure that can be reported, gated or compared, under one name.

use serde::{Deserialize, Serialize};

use super::{ChargeKind, MILLI_NS_PER_GPU_HOUR, Outcome};
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
    out
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
