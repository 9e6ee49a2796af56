//! Why a bill changed: the difference by activity, pool and workload, and whether as much was done for it.
//!
//! Every split adds up to the whole difference exactly: it is made of the sums over the replications, which are integers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::paired::{Change, Series};
use super::sample::{Line, Sample};
use crate::outcome::{Direction, Money};
use crate::units::Usd;

/// What the fleet's own waste and the fees are called among workloads.
pub const NOBODY: &str = "(the fleet's own)";

/// A part of the bill in both; sums over the replications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Of what.
    pub name: String,
    /// In the base.
    pub base: Money,
    /// In the candidate.
    pub candidate: Money,
    /// Candidate less base.
    pub change: Money,
}

impl Part {
    /// From both amounts.
    #[must_use]
    pub fn of(name: &str, base: Usd, candidate: Usd) -> Part {
        Part { name: name.to_owned(), base: Money(base), candidate: Money(candidate), change: Money(candidate - base) }
    }
}

/// How much was done in the candidate beside the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Every measure within 1 % of the base, interval and all.
    Same,
    /// More by some measure, less by none.
    More,
    /// Less by some measure, more by none.
    Less,
    /// More by one measure and less by another.
    Mixed,
    /// Too few runs to tell.
    NotTold,
}

/// A difference within this share of the base, interval and all, is none. Ours: a hundredth is below what a plan is made in.
pub const AS_MUCH: f64 = 0.01;

/// Why the bill changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// How many replications the sums are of.
    pub replications: u32,
    /// The whole bill.
    pub total: Part,
    /// By what the money was for, largest difference first.
    pub by_activity: Vec<Part>,
    /// By pool or fee.
    pub by_pool: Vec<Part>,
    /// By workload.
    pub by_workload: Vec<Part>,
    /// By pool and what it was for.
    pub by_pool_and_activity: Vec<Part>,
    /// What was done: jobs, productive GPU-hours, tokens of answers.
    pub done: Vec<Change>,
    /// Whether as much was done.
    pub work: Amount,
    /// Whether as much was spent.
    pub money: Amount,
}

impl Why {
    /// Compares the bills of as many replications of both.
    #[must_use]
    pub fn of(base: &Sample, candidate: &Sample) -> Why {
        assert_eq!(base.replications(), candidate.replications(), "pairs are of two");
        let by = |name: &dyn Fn(&Line) -> String| split(base, candidate, name);
        let total = Part::of("the bill", base.total(), candidate.total());
        let done: Vec<Change> = measures(base, candidate).iter().map(|(b, c)| Change::of(b, c)).collect();
        let money = base.metric("cost.total").zip(candidate.metric("cost.total")).map(|(b, c)| Change::of(b, c));
        let why = Why {
            replications: base.replications(),
            by_activity: by(&|l| l.kind.title().to_owned()),
            by_pool: by(&|l| l.pool.clone()),
            by_workload: by(&|l| l.workload.clone().unwrap_or_else(|| NOBODY.to_owned())),
            by_pool_and_activity: by(&|l| format!("{}: {}", l.pool, l.kind.title())),
            work: together(done.iter().filter(|c| !(c.base == Some(0.0) && c.candidate == Some(0.0))).map(amount)),
            money: money.as_ref().map_or(Amount::NotTold, amount),
            total,
            done,
        };
        for parts in [&why.by_activity, &why.by_pool, &why.by_workload, &why.by_pool_and_activity] {
            let sum: Usd = parts.iter().map(|p| p.change.0).sum();
            assert_eq!(sum, why.total.change.0, "a split adds up to the whole");
        }
        why
    }

    /// In a sentence without a full stop: `same work, less money`.
    #[must_use]
    pub fn sentence(&self) -> &'static str {
        use Amount::{Less, Mixed, More, NotTold, Same};
        match (self.work, self.money) {
            (Same, Less) => "same work, less money",
            (Same, More) => "same work, more money",
            (Same, Same) => "same work, same money (within 1 %)",
            (More, Same) => "more work, same money (within 1 %)",
            (More, Less) => "more work, less money",
            (More, More) => "more work, more money",
            (Less, Less) => "less work, less money",
            (Less, More) => "less work, more money",
            (Less, Same) => "less work, same money (within 1 %)",
            (Mixed, Less) => "other work (more by one measure, less by another), less money",
            (Mixed, More) => "other work (more by one measure, less by another), more money",
            (Mixed, Same) => "other work (more by one measure, less by another), same money (within 1 %)",
            (NotTold, Less) => "less money; whether as much was done, these runs do not tell",
            (NotTold, More) => "more money; whether as much was done, these runs do not tell",
            (NotTold, Same) => "same money; whether as much was done, these runs do not tell",
            (Same, _) => "same work; whether it cost less, these runs do not tell",
            (More, _) => "more work; whether it cost less, these runs do not tell",
            (Less, _) => "less work; whether it cost less, these runs do not tell",
            _ => "these runs tell neither the work apart nor the money",
        }
    }
}

/// The measures of what was done that both have.
fn measures(base: &Sample, candidate: &Sample) -> Vec<(Series, Series)> {
    let named = |name: &str| Some((base.metric(name)?.clone(), candidate.metric(name)?.clone()));
    let mut out: Vec<(Series, Series)> = ["jobs.done", "hours.productive"].iter().filter_map(|n| named(n)).collect();
    out.extend(base.tokens().zip(candidate.tokens()));
    for (b, c) in &mut out {
        // The more is done, the better, whatever the table says of hours.
        (b.better, c.better) = (Direction::Higher, Direction::Higher);
    }
    out
}

/// Whether a figure is as much as in the base.
fn amount(c: &Change) -> Amount {
    let Some((low, high)) = c.change.and_then(|d| Some((d.low?, d.high?))).filter(|_| c.missing == 0) else {
        return Amount::NotTold;
    };
    let within = AS_MUCH * c.base.unwrap_or(0.0).abs();
    match () {
        () if low >= -within && high <= within => Amount::Same,
        () if low > 0.0 => Amount::More,
        () if high < 0.0 => Amount::Less,
        () => Amount::NotTold,
    }
}

fn together(all: impl Iterator<Item = Amount>) -> Amount {
    let all: Vec<Amount> = all.collect();
    let has = |a| all.contains(&a);
    match (has(Amount::More), has(Amount::Less)) {
        (true, true) => Amount::Mixed,
        (true, false) => Amount::More,
        (false, true) => Amount::Less,
        _ if has(Amount::NotTold) || all.is_empty() => Amount::NotTold,
        _ => Amount::Same,
    }
}

/// The bill by a name of its lines: largest difference first, then by name.
fn split(base: &Sample, candidate: &Sample, name: &dyn Fn(&Line) -> String) -> Vec<Part> {
    let mut sums: BTreeMap<String, (Usd, Usd)> = BTreeMap::new();
    for l in &base.lines {
        sums.entry(name(l)).or_default().0 += l.usd.0;
    }
    for l in &candidate.lines {
        sums.entry(name(l)).or_default().1 += l.usd.0;
    }
    let mut parts: Vec<Part> = sums.iter().map(|(n, (b, c))| Part::of(n, *b, *c)).collect();
    // Stable: equal ones stay in the order of their names.
    parts.sort_by_key(|p| std::cmp::Reverse(p.change.0.0.unsigned_abs()));
    parts
}
