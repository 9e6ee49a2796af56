//! `curves.csv`: what the curves are drawn from.

use crate::experiment::luck::{Misses, WorkLuck};
use crate::experiment::{Bound, CurveOutcome, PointOutcome};
use crate::report::chart::{csv, num};

const HEAD: [&str; 29] = [
    "curve",
    "setting",
    "variant",
    "label",
    "value",
    "workload",
    "runs",
    "finished",
    "beyond_horizon",
    "never",
    "makespan_mean_s",
    "makespan_mean_low_s",
    "makespan_mean_high_s",
    "makespan_p10_s",
    "makespan_p50_s",
    "makespan_p50_low_s",
    "makespan_p50_high_s",
    "makespan_p90_s",
    "makespan_p90_low_s",
    "makespan_p90_high_s",
    "makespan_formula_s",
    "missed",
    "met",
    "deadline_unknown",
    "cost_mean_usd",
    "cost_mean_low_usd",
    "cost_mean_high_usd",
    "cost_p50_usd",
    "cost_p90_usd",
];

/// `curves.csv`: a row a curve, variant, point and workload whose time to the end is known. What lies beyond the horizon
/// reads `beyond`; what is not known is empty. Intervals are of 95 %.
#[must_use]
pub fn table(lines: &[CurveOutcome]) -> String {
    let mut rows = Vec::new();
    for c in lines {
        for p in &c.points {
            for (i, w) in p.luck.work.iter().enumerate() {
                rows.extend(row(c, p, i, w));
            }
        }
    }
    csv(&HEAD, rows)
}

fn row(c: &CurveOutcome, p: &PointOutcome, i: usize, w: &WorkLuck) -> Option<Vec<String>> {
    let m = w.makespan.as_ref()?;
    let opt = |v: Option<f64>| v.map_or_else(String::new, num);
    let bound = |b: Option<Bound>| match b {
        Some(Bound::At(v)) => num(v),
        Some(Bound::Beyond) => "beyond".to_owned(),
        _ => String::new(),
    };
    let q = |p: f64| m.at(p);
    let count = |f: fn(&Misses) -> u32| w.deadline.map_or_else(String::new, |d| f(&d).to_string());
    let cost = p.luck.cost.as_ref();
    let cost_at = |q: f64| bound(cost.and_then(|s| s.at(q)).map(|q| q.value));
    Some(vec![
        c.name.clone(),
        c.path.clone(),
        c.variant.clone().unwrap_or_default(),
        p.label.clone(),
        num(p.value),
        w.name.clone(),
        p.luck.n.to_string(),
        m.finished.to_string(),
        m.beyond.to_string(),
        m.never.to_string(),
        opt(m.mean.map(|m| m.mean)),
        opt(m.mean.and_then(|m| m.low)),
        opt(m.mean.and_then(|m| m.high)),
        bound(q(0.1).map(|q| q.value)),
        bound(q(0.5).map(|q| q.value)),
        bound(q(0.5).map(|q| q.low)),
        bound(q(0.5).map(|q| q.high)),
        bound(q(0.9).map(|q| q.value)),
        bound(q(0.9).map(|q| q.low)),
        bound(q(0.9).map(|q| q.high)),
        opt(p.closed.get(i).copied().flatten().and_then(|k| k.mean(k.interval))),
        count(|d| d.missed),
        count(|d| d.met),
        count(|d| d.unknown),
        opt(cost.map(|c| c.mean.mean)),
        opt(cost.and_then(|c| c.mean.low)),
        opt(cost.and_then(|c| c.mean.high)),
        cost_at(0.5),
        cost_at(0.9),
    ])
}
