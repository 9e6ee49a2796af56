//! Correlated loss: many nodes at one instant.
//!
//! A. W. Marshall and I. Olkin, "A multivariate exponential distribution", JASA 62(317), 1967: beside the life of its
//! own that each node has, shocks come to a scope as a Poisson process, and each hits some of the nodes in it.

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use smallvec::SmallVec;

use crate::kernel::{Dist, Stream};

/// Why capacity was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The provider needed it.
    Capacity,
    /// The spot price went above the bid.
    Price,
    /// It had lived as long as it may.
    MaxLifetime,
    /// Hardware failed.
    Hardware,
    /// Software failed, and the machine is well.
    Software,
    /// Its user ended it.
    User,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 6] =
        [Cause::Capacity, Cause::Price, Cause::MaxLifetime, Cause::Hardware, Cause::Software, Cause::User];

    /// The word in files: `capacity`, `max_lifetime`, …
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Cause::Capacity => "capacity",
            Cause::Price => "price",
            Cause::MaxLifetime => "max_lifetime",
            Cause::Hardware => "hardware",
            Cause::Software => "software",
            Cause::User => "user",
        }
    }

    /// The words in tables.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Cause::Capacity => "capacity reclaimed",
            Cause::Price => "price above bid",
            Cause::MaxLifetime => "maximum lifetime",
            Cause::Hardware => "hardware failure",
            Cause::Software => "software failure",
            Cause::User => "ended by its user",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// How many a shock hits.
#[derive(Clone, Debug, PartialEq)]
pub enum Kill {
    /// Each node in scope with this probability, independently.
    Fraction(f64),
    /// So many, drawn by weight; which ones, each set equally likely.
    Counts(Vec<(u32, f64)>),
}

/// A process of shocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Shock {
    /// What to call it.
    pub name: String,
    /// Shocks per hour, of each process.
    pub per_hour: f64,
    /// How many of those in scope each hits.
    pub kill: Kill,
    /// Indices of the pools in scope.
    pub pools: Vec<u16>,
    /// Every so many consecutive slots have a process of their own (a rack, a switch); one process for all otherwise.
    pub group: Option<u32>,
    /// What the loss is put down to.
    pub cause: Cause,
    /// Hours until a node that was hit is back, where it comes back (hardware).
    pub down: Option<Dist>,
}

impl Shock {
    /// How many processes there are over so many slots.
    #[must_use]
    pub fn processes(&self, slots: usize) -> usize {
        slots.div_ceil(self.group_size(slots))
    }

    /// The slots of a process; empty where there is no such process.
    #[must_use]
    pub fn members(&self, process: usize, slots: usize) -> Range<usize> {
        let size = self.group_size(slots);
        let at = |p: usize| p.saturating_mul(size).min(slots);
        at(process)..at(process.saturating_add(1))
    }

    fn group_size(&self, slots: usize) -> usize {
        self.group.map_or(slots, |g| g as usize).max(1)
    }

    /// The indices below `n` of those hit, ascending. `n` draws for a fraction, one per victim and one more for counts.
    pub fn victims(&self, n: usize, s: &mut Stream) -> SmallVec<[usize; 8]> {
        match &self.kill {
            Kill::Fraction(p) => {
                let p = p.clamp(0.0, 1.0);
                (0..n).filter(|_| s.uniform() < p).collect()
            }
            Kill::Counts(table) => {
                let mut sum = 0.0;
                let sums: Vec<f64> = table
                    .iter()
                    .map(|(_, w)| {
                        sum += w.max(0.0);
                        sum
                    })
                    .collect();
                if !(sum > 0.0 && sum.is_finite()) {
                    return SmallVec::new();
                }
                let count = (table[s.index_weighted(&sums)].0 as usize).min(n);
                // R. W. Floyd's sample without replacement (CACM 30(9), 1987): one draw for each.
                let mut out: SmallVec<[usize; 8]> = SmallVec::new();
                for j in n - count..n {
                    let drawn = s.below(j as u64 + 1) as usize;
                    let new = if out.contains(&drawn) { j } else { drawn };
                    out.push(new);
                }
                out.sort_unstable();
                out
            }
        }
    }

    /// The probability that a shock hits one given node of `n` in scope.
    #[must_use]
    pub fn share(&self, n: usize) -> f64 {
        match &self.kill {
            Kill::Fraction(p) => p.clamp(0.0, 1.0),
            Kill::Counts(table) => {
                let (mut hit, mut weight) = (0.0, 0.0);
                for (count, w) in table {
                    weight += w.max(0.0);
                    hit += w.max(0.0) * f64::from(*count).min(n as f64);
                }
                if weight > 0.0 && n > 0 { hit / weight / n as f64 } else { 0.0 }
            }
        }
    }
}

/// The rate at which a gang of `n` nodes loses its first, where each node fails alone at `node_rate`, and shocks at
/// `shock_rate` hit each of them with probability `p`: nλᵢ + λz(1 − (1 − p)ⁿ). Rates in any one unit.
#[must_use]
pub fn gang_rate(node_rate: f64, shock_rate: f64, p: f64, n: u32) -> f64 {
    f64::from(n) * node_rate + shock_rate * (1.0 - (1.0 - p).powf(f64::from(n)))
}

/// The rate at which one node is lost: λᵢ + pλz.
#[must_use]
pub fn marginal_rate(node_rate: f64, shock_rate: f64, p: f64) -> f64 {
    node_rate + p * shock_rate
}
