//! Figures of a comparison in words.

use crate::experiment::compare::{Change, Comparison, GateResult, Held, Limit, Why};
use crate::experiment::luck::Mean;
use crate::report::words;
use crate::units::Usd;

/// What a stranger asks for first: shown whatever it did.
const KEY: [&str; 6] = ["cost.total", "cost.useful_gpu_hour", "util.true", "wait.p90", "jobs.done", "goodput"];

/// Figures that the splits of the bill show already, or that say the same as another.
const TOLD_ELSEWHERE: [&str; 8] =
    ["cost.month", "cost.avoidable", "cost.pool.", "cost.work.", "waste.", "hours.", "cost.sunk", "cost.label."];

/// Whether a figure is in the short list.
#[must_use]
pub fn is_key(name: &str) -> bool {
    KEY.contains(&name) || name.starts_with("slo.")
}

/// Whether the splits show it already.
#[must_use]
pub fn is_told_elsewhere(name: &str) -> bool {
    TOLD_ELSEWHERE.iter().any(|p| name == *p || (p.ends_with('.') && name.starts_with(p)))
}

/// Decimals for a figure of this size: whole from 100 on, and three digits that count below.
fn decimals(size: f64) -> usize {
    match size {
        s if s >= 99.5 || s == 0.0 => 0,
        s if s >= 9.95 => 1,
        s if s >= 0.995 => 2,
        s if s >= 0.0995 => 3,
        _ => 4,
    }
}

/// A figure beside one that differs from it by so much, without its unit: with as many decimals as show the difference,
/// but not more than two for its sake.
#[must_use]
pub fn value(v: Option<f64>, change: Option<Mean>) -> String {
    let by = change.map_or(0.0, |c| c.mean.abs());
    v.map_or_else(|| "–".to_owned(), |v| words::number(v, decimals(v.abs()).max(decimals(by).min(2))))
}

/// A change in percent of the base; empty for a figure that is a percentage, whose change is in points.
#[must_use]
pub fn percent(c: &Change) -> String {
    c.percent.filter(|_| c.unit != "%").map_or_else(String::new, |p| format!("{} %", signed(p.mean)))
}

/// The unit of a change.
#[must_use]
pub fn change_unit(c: &Change) -> &str {
    if c.unit == "%" { "points" } else { &c.unit }
}

fn signed_with(v: f64, decimals: usize) -> String {
    let text = words::number(v, decimals);
    if v > 0.0 && text.chars().any(|c| c.is_ascii_digit() && c != '0') { format!("+{text}") } else { text }
}

/// A change: `+33.3`, `-12`, `0`.
#[must_use]
pub fn signed(v: f64) -> String {
    signed_with(v, decimals(v.abs()))
}

/// A change with its interval: `+33.3 [+28.0, +38.5]`; `+30` where it is the same in each pair.
#[must_use]
pub fn change(m: Option<Mean>) -> String {
    interval(m, signed_with)
}

/// A figure with its interval: `1,070 [981, 1,158]`.
#[must_use]
pub fn figure(m: Option<Mean>) -> String {
    interval(m, words::number)
}

fn interval(m: Option<Mean>, say: impl Fn(f64, usize) -> String) -> String {
    let Some(m) = m else { return "–".to_owned() };
    let d = decimals(m.mean.abs().max(m.low.unwrap_or(0.0).abs()).max(m.high.unwrap_or(0.0).abs()));
    match (m.low, m.high) {
        (Some(low), Some(high)) if (low, high) == (0.0, 0.0) => say(0.0, 0),
        (Some(low), Some(high)) if (low, high) == (m.mean, m.mean) => say(m.mean, d),
        (Some(low), Some(high)) => format!("{} [{}, {}]", say(m.mean, d), say(low, d), say(high, d)),
        _ => say(m.mean, d),
    }
}

/// The mean of sums over replications, in dollars.
#[must_use]
pub fn dollars(sum: Usd, n: u32) -> String {
    words::dollars(sum.to_f64() / f64::from(n.max(1)))
}

/// The same with a sign.
#[must_use]
pub fn signed_dollars(sum: Usd, n: u32) -> String {
    let text = dollars(sum, n);
    if sum > Usd::ZERO && text != "0.00" { format!("+{text}") } else { text }
}

/// How a gate came out.
#[must_use]
pub const fn held(h: Held) -> &'static str {
    match h {
        Held::Holds => "holds",
        Held::Inconclusive => "inconclusive",
        Held::Broken => "BROKEN",
    }
}

/// What a gate's limit was held against.
#[must_use]
pub fn measured(g: &GateResult) -> String {
    let text = match g.limit {
        Limit::Value(_) => figure(g.measured),
        _ => change(g.measured),
    };
    if g.measured.is_none() { text } else { format!("{text} {}", g.unit) }
}

/// Why a gate is inconclusive, and what helps; empty where it is not.
#[must_use]
pub fn remedy(g: &GateResult) -> String {
    match (g.held, &g.why, g.pairs_needed) {
        (Held::Inconclusive, Some(why), _) => why.clone(),
        (Held::Inconclusive, None, Some(n)) => {
            format!("the limit lies within the interval: about {} runs would tell (--replications)", words::count(n))
        }
        (Held::Inconclusive, None, None) => {
            "the limit lies within the interval, and the mean so near to it that hardly any number of runs would tell"
                .to_owned()
        }
        _ => String::new(),
    }
}

/// The finding in a sentence: `cost -12 % [-13, -11] (-134 USD): same work, less money`.
#[must_use]
pub fn finding(c: &Comparison) -> String {
    let cost = c.metric("cost.total").map(|m| match m.percent {
        Some(p) => format!("cost {} % ({} USD)", change(Some(p)), signed(m.change.map_or(0.0, |d| d.mean))),
        None => format!("cost {} USD", change(m.change)),
    });
    format!("{}: {}", cost.unwrap_or_else(|| "no bill".to_owned()), c.why.sentence())
}

/// The gates in a sentence: `2 gates hold, 1 broken (slo.chat.wait)`; empty without gates.
#[must_use]
pub fn gates(c: &Comparison) -> String {
    let of = |h: Held| c.gates.iter().filter(move |g| g.held == h);
    let named = |h: Held| of(h).map(|g| g.metric.clone()).collect::<Vec<_>>();
    let mut parts = Vec::new();
    match of(Held::Holds).count() {
        0 => {}
        1 => parts.push("1 gate holds".to_owned()),
        n => parts.push(format!("{n} gates hold")),
    }
    for (h, word) in [(Held::Broken, "broken"), (Held::Inconclusive, "inconclusive")] {
        let names = named(h);
        if !names.is_empty() {
            parts.push(format!("{} {word} ({})", names.len(), names.join(", ")));
        }
    }
    parts.join(", ")
}

/// What the numbers are of.
#[must_use]
pub fn basis(c: &Comparison, seed: u64) -> String {
    if c.alike {
        return format!(
            "{} pairs of runs (seed {seed}), all alike: nothing random was drawn, and a difference is exact",
            words::count(c.pairs.into())
        );
    }
    let r = c.metric("cost.total").and_then(|m| m.correlation);
    let r = r.map_or_else(String::new, |r| format!("; bills correlate with {r:.3}"));
    let pairs = if c.pairs == 1 { "pair" } else { "pairs" };
    let n = words::count(c.pairs.into());
    let flat = |m: &Change| m.change.is_some_and(|d| d.low == d.high && d.low.is_some_and(|l| l != 0.0));
    let flat = if c.metrics.iter().any(flat) { ", none where all pairs agree" } else { "" };
    format!("{n} {pairs} under the same luck (seed {seed}); 95 % intervals in brackets{flat}{r}")
}

/// What the sums of a split are shown as.
#[must_use]
pub fn split_title(w: &Why) -> String {
    if w.replications == 1 {
        "USD".to_owned()
    } else {
        format!("USD a run, mean of {}", words::count(w.replications.into()))
    }
}
