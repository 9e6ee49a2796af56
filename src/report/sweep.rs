//! Results of a sweep as tables, JSON and words.

use serde::Serialize;

use super::chart::{csv, num};
use super::words;
use crate::experiment::sweep::{Estimate, Plan, Swept};
use crate::outcome::metric::Direction;

/// The schema of `--json`.
pub const SCHEMA: &str = "fleetcast.sweep-result/1";

/// `points.csv`: a row a point; the values of its axes, then of each metric how many runs have a value, their mean, and the ends
/// of its 95 % interval. What is not known is empty.
#[must_use]
pub fn points_csv(s: &Swept) -> String {
    let mut head = vec!["point".to_owned()];
    head.extend(s.plan.axes.iter().map(|a| a.path.clone()));
    for m in &s.plan.metrics {
        head.extend(["n", "mean", "low", "high"].map(|part| format!("{}.{part}", m.name)));
    }
    let rows = s.plan.points.iter().enumerate().map(|(i, values)| {
        let mut row = vec![i.to_string()];
        row.extend(values.iter().cloned());
        for m in 0..s.plan.metrics.len() {
            row.extend(cells(s.estimate(i, m)));
        }
        row
    });
    csv(&head.iter().map(String::as_str).collect::<Vec<_>>(), rows)
}

/// How many, mean, low, high.
#[must_use]
pub fn cells(e: Estimate) -> [String; 4] {
    let opt = |v: Option<f64>| v.map_or_else(String::new, num);
    [e.n.to_string(), opt(e.mean.map(|m| m.mean)), opt(e.mean.and_then(|m| m.low)), opt(e.mean.and_then(|m| m.high))]
}

#[derive(Serialize)]
struct Result<'a> {
    schema: &'static str,
    sweep: &'a Plan,
    confidence: f64,
    alike: bool,
    points: Vec<Point<'a>>,
    best: Option<Best<'a>>,
}

#[derive(Serialize)]
struct Point<'a> {
    point: usize,
    values: Vec<&'a str>,
    metrics: Vec<Figure<'a>>,
}

#[derive(Serialize)]
struct Figure<'a> {
    name: &'a str,
    n: usize,
    mean: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Serialize)]
struct Best<'a> {
    metric: &'a str,
    ranking: Vec<usize>,
    ties: Vec<usize>,
}

/// What `--json` prints: the plan, each point's figures, and the points by the first metric, the best first.
///
/// # Errors
/// Never, as far as is known: all of it is plain.
pub fn json(s: &Swept) -> std::result::Result<String, serde_json::Error> {
    let figure = |p: usize, i: usize| {
        let e = s.estimate(p, i);
        let (name, mean) = (s.plan.metrics[i].name.as_str(), e.mean);
        let (low, high) = (mean.and_then(|m| m.low), mean.and_then(|m| m.high));
        Figure { name, n: e.n, mean: mean.map(|m| m.mean), low, high }
    };
    let points = s.plan.points.iter().enumerate().map(|(point, v)| Point {
        point,
        values: v.iter().map(String::as_str).collect(),
        metrics: (0..s.plan.metrics.len()).map(|i| figure(point, i)).collect(),
    });
    let best = s.plan.metrics.first().map(|m| {
        let ranking = s.ranking(0);
        Best { metric: &m.name, ties: s.ties(ranking[0], 0), ranking }
    });
    let all = Result {
        schema: SCHEMA,
        sweep: &s.plan,
        confidence: crate::experiment::luck::CONFIDENCE,
        alike: s.alike(),
        points: points.collect(),
        best,
    };
    let mut text = serde_json::to_string_pretty(&all)?;
    text.push('\n');
    Ok(text)
}

/// The axes by the end of their paths, as much of it as tells them apart: `nodes`, or `t4.nodes` and `a100.nodes`.
#[must_use]
pub fn short_names(p: &Plan) -> Vec<String> {
    let parts: Vec<Vec<&str>> = p.axes.iter().map(|a| a.path.split('.').collect()).collect();
    let tail = |v: &[&str], n: usize| v[v.len().saturating_sub(n)..].join(".");
    let name = |(i, mine): (usize, &Vec<&str>)| {
        let alone = |n: &usize| parts.iter().enumerate().all(|(j, other)| i == j || tail(other, *n) != tail(mine, *n));
        tail(mine, (1..=mine.len()).find(alone).unwrap_or(mine.len()))
    };
    parts.iter().enumerate().map(name).collect()
}

/// A point in few words: `nodes = 4 and queue = Fifo`.
#[must_use]
pub fn point_name(p: &Plan, point: usize) -> String {
    let parts: Vec<String> = short_names(p).iter().zip(&p.points[point]).map(|(n, v)| format!("{n} = {v}")).collect();
    words::list(&parts)
}

/// A figure with its unit as people read it: `1,234 USD`, `12 min`, `41.3 %`.
#[must_use]
pub fn figure(v: f64, unit: &str) -> String {
    match unit {
        "USD" => format!("{} USD", words::dollars(v)),
        "s" if v >= 0.0 => words::length((v * 1e9) as u64),
        _ => format!("{} {unit}", plain(v)),
    }
}

/// A number with about four digits.
#[must_use]
pub fn plain(v: f64) -> String {
    let a = v.abs();
    let decimals = match a {
        _ if (a - a.round()).abs() < 1e-9 || a >= 999.5 => 0,
        _ if a >= 99.5 => 1,
        _ if a >= 0.995 => 2,
        _ => 4,
    };
    words::number(v, decimals)
}

/// A mean with half the width of its interval, to two digits of the latter: `15.1 ± 2.8`.
#[must_use]
pub fn with_half(mean: f64, half: f64) -> String {
    if half <= 0.0 || !half.is_finite() {
        return plain(mean);
    }
    let decimals = (1.0 - half.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{} ± {}", words::number(mean, decimals), words::number(half, decimals))
}

/// What a metric is called in a title.
#[must_use]
pub fn called(name: &str) -> String {
    let known = match name {
        "cost.total" => "the bill",
        "cost.month" => "the bill of a month",
        "cost.avoidable" => "the avoidable bill",
        "cost.useful_gpu_hour" => "the cost of a useful GPU-hour",
        "util.true" => "true use",
        "util.allocated" => "allocation",
        "wait.mean" => "the mean wait",
        "wait.p50" => "the median wait",
        "wait.p90" => "the P90 wait",
        "wait.p99" => "the P99 wait",
        "waste.total" => "waste",
        _ => name,
    };
    known.to_owned()
}

/// The word for the better end.
#[must_use]
pub const fn best_word(d: Direction) -> &'static str {
    match d {
        Direction::Higher => "highest",
        Direction::Lower | Direction::Neutral => "lowest",
    }
}

/// How much more or less: `45 % more`, `12 % less`, or the difference itself where the first is nothing or both are shares.
#[must_use]
pub fn against(from: f64, to: f64, unit: &str) -> String {
    let word = if to > from { "more" } else { "less" };
    if unit == "%" {
        return format!("{} points {word}", plain((to - from).abs()));
    }
    if from > 0.0 && to >= 0.0 {
        let ratio = to / from;
        if ratio >= 2.5 {
            return format!("{} times as much", words::number(ratio, usize::from(ratio < 9.95)));
        }
        return format!("{} {word}", words::percent((ratio - 1.0).abs()));
    }
    format!("{} {word}", figure((to - from).abs(), unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_with_their_units() {
        assert_eq!(figure(1_234.4, "USD"), "1,234 USD");
        assert_eq!(figure(720.0, "s"), "12 min");
        assert_eq!(figure(41.256, "%"), "41.26 %");
        assert_eq!(figure(0.123_45, "USD/GPU-h"), "0.1235 USD/GPU-h");
        assert_eq!(against(100.0, 145.0, "USD"), "45 % more");
        assert_eq!(against(40.0, 30.0, "%"), "10 points less");
        assert_eq!(against(0.0, 30.0, "s"), "30 s more");
        assert_eq!(against(2.0, 90.0, "h"), "45 times as much");
        assert_eq!(with_half(15.053, 2.79), "15.1 ± 2.8");
        assert_eq!(with_half(54_537.2, 217.0), "54,537 ± 217");
        assert_eq!(with_half(187.776, 0.0), "187.8");
    }
}
