//! The metrics that a sweep keeps: their names checked before anything runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::outcome::metric::{Direction, MetricDoc, TABLE};
use crate::scenario::model::Model;
use crate::units::{Activity, Diagnostic, nearest};

/// A metric of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// e.g. `cost.pool.h100`.
    pub name: String,
    /// e.g. `USD`.
    pub unit: String,
    /// Which way is better.
    pub better: Direction,
}

impl Kept {
    fn of(name: &str, row: &MetricDoc) -> Kept {
        Kept { name: name.to_owned(), unit: row.unit.to_owned(), better: row.better }
    }
}

/// The metrics that runs of these models may yield, by name: [`TABLE`] with the models' names in it. A name may be here
/// although its metric has no value in a run (the wait of a workload that never starts).
#[must_use]
pub fn known<'a>(models: impl IntoIterator<Item = &'a Model>) -> BTreeMap<String, &'static MetricDoc> {
    let mut out = BTreeMap::new();
    for m in models {
        for row in TABLE {
            for name in names(row.name, m) {
                out.insert(name, row);
            }
        }
    }
    out
}

/// A name of the table with its placeholders filled in.
fn names(pattern: &str, m: &Model) -> Vec<String> {
    // The longest capital word: `NAME`, `KEY.VALUE`, `ACTIVITY`.
    let is_word = |s: &&str| s.len() > 1 && s.chars().all(|c| c.is_ascii_uppercase());
    let Some(word) = pattern.split('.').find(is_word) else { return vec![pattern.to_owned()] };
    let labels = || m.work.iter().flat_map(|w| w.labels.iter().flatten());
    let fill: Vec<String> = match word {
        "ACTIVITY" => Activity::ALL.iter().map(|a| a.key().to_owned()).collect(),
        "KEY" if pattern.contains("KEY.VALUE") => {
            let all = labels().map(|l| pattern.replace("KEY.VALUE", &format!("{}.{}", l.key, l.value)));
            return all.collect();
        }
        "KEY" => labels().map(|l| l.key.to_string()).collect(),
        _ if pattern.starts_with("cost.pool.") || pattern.starts_with("pool.") => {
            m.pools.iter().map(|p| p.name.clone()).collect()
        }
        _ if pattern.starts_with("budget.") => m.budgets.iter().map(|b| b.name.clone()).collect(),
        _ => m.work.iter().map(|w| w.name.clone()).collect(),
    };
    fill.into_iter().map(|name| pattern.replacen(word, &name, 1)).collect()
}

/// The metric of a name.
///
/// # Errors
/// A diagnostic without a place, with the nearest right name.
pub fn find(name: &str, known: &BTreeMap<String, &'static MetricDoc>) -> Result<Kept, Box<Diagnostic>> {
    if let Some(row) = known.get(name) {
        return Ok(Kept::of(name, row));
    }
    let mut d = Diagnostic::error(format!("no metric is called `{name}`"));
    if let Some(near) = nearest(name, known.keys().map(String::as_str)) {
        d = d.help(format!("did you mean `{near}`?"));
    }
    Err(Box::new(d.help("`fleetcast metrics` lists them")))
}

/// The metrics kept where none is named, the one that points are ranked by first: the bill, what a useful GPU-hour costs, true
/// use, waits and their targets, and of work that keeps its progress how long it takes and how often it is late.
#[must_use]
pub fn defaults(m: &Model, known: &BTreeMap<String, &'static MetricDoc>) -> Vec<Kept> {
    const MOST: usize = 8;
    let mut names: Vec<String> = ["cost.total", "cost.useful_gpu_hour", "util.true"].map(str::to_owned).to_vec();
    if m.work.iter().any(|w| w.run.is_none()) {
        names.push("wait.p90".to_owned());
    }
    for w in &m.work {
        if w.wait_target.is_some() {
            names.push(format!("slo.{}.wait", w.name));
        }
        if let Some(run) = &w.run {
            names.push(format!("work.{}.finish.p50", w.name));
            if run.buying.as_ref().is_some_and(|b| b.deadline.is_some()) {
                names.push(format!("work.{}.deadline_miss_share", w.name));
            }
        }
    }
    names.iter().filter_map(|n| find(n, known).ok()).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::v7;
    use super::*;
    use crate::outcome::Silent;
    use crate::outcome::metric::metrics;
    use crate::sim::simulate;

    #[test]
    fn every_metric_that_a_run_yields_is_known_with_its_unit() {
        let m = v7(10.0);
        let known = known([&m]);
        for got in metrics(&simulate(&m, 1, 0, &mut Silent)) {
            let k = find(&got.name, &known).unwrap();
            assert_eq!((k.unit, k.better), (got.unit, got.better), "{}", got.name);
        }
    }

    #[test]
    fn an_unknown_metric_is_told_with_the_nearest() {
        let m = v7(10.0);
        let known = known([&m]);
        let d = find("cost.pool.nod", &known).unwrap_err();
        assert_eq!(d.message, "no metric is called `cost.pool.nod`");
        assert_eq!(d.help[0], "did you mean `cost.pool.node`?");
        assert!(find("cost.pool.NAME", &known).is_err());
        assert!(find("waste.fragmented", &known).is_ok());
    }

    #[test]
    fn without_a_choice_the_bill_comes_first() {
        let m = v7(10.0);
        let names: Vec<String> = defaults(&m, &known([&m])).into_iter().map(|k| k.name).collect();
        assert_eq!(names, ["cost.total", "cost.useful_gpu_hour", "util.true", "work.run.finish.p50"]);
    }
}
