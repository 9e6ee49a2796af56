//! The policy `Balanced`: a move must save enough for what it disturbs.
//!
//! Rules: kubernetes-sigs/karpenter from v1.14, `pkg/controllers/disruption/{types,balanced}.go`. The score is evaluated
//! in doubles and in upstream's order, (s/S)/(d/D): a move exactly on the threshold passes.

use super::config::BALANCED_K;
use super::cost::Cost;
use crate::units::Rate;

/// A pool's totals over all its nodes, candidates or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What its nodes cost.
    pub price: Rate,
    /// What moving the pods of all its nodes would cost, 1 for each node included.
    pub disruption: Cost,
}

/// A move's score, and what it must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// What it saves, of the pool's price.
    pub savings: f64,
    /// What it disturbs, of the pool's.
    pub disruption: f64,
    /// The threshold's inverse.
    pub k: u32,
}

impl Score {
    /// Savings by disruption: 0 when nothing is saved, infinite when something is and nothing is disturbed.
    #[must_use]
    pub fn value(&self) -> f64 {
        if self.savings <= 0.0 {
            0.0
        } else if self.disruption == 0.0 {
            f64::INFINITY
        } else {
            self.savings / self.disruption
        }
    }
    /// Whether it reaches 1/k.
    #[must_use]
    pub fn approved(&self) -> bool {
        self.value() >= 1.0 / f64::from(self.k)
    }
}

/// Scores a move within a pool. `savings` in dollars an hour: a share of them if pools are mixed. A pool without price
/// or disruption scores 0.
#[must_use]
pub fn score(savings: f64, disruption: Cost, totals: Totals, k: u32) -> Score {
    if totals.price.0 <= 0 || totals.disruption.0 <= 0 {
        return Score { savings: 0.0, disruption: 0.0, k };
    }
    Score { savings: savings / totals.price.to_f64(), disruption: disruption.to_f64() / totals.disruption.to_f64(), k }
}

/// A pool's part of a move: what its nodes cost and disturb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What the nodes that go cost.
    pub price: Rate,
    /// What moving their pods costs.
    pub disruption: Cost,
    /// The pool's totals.
    pub totals: Totals,
    /// Whether the pool's policy is `Balanced`; others always approve.
    pub balanced: bool,
}

/// Scores of a move's balanced pools, in their order, by the threshold 1/`k`; the savings are split by what each pool's nodes cost. Approved if
/// all approve.
#[must_use]
pub fn scores(parts: &[Part], savings: Rate, k: u32) -> Vec<Option<Score>> {
    let source = Rate(parts.iter().map(|p| p.price.0).sum());
    let share = |p: &Part| {
        let savings = savings.to_f64();
        if source.0 > 0 && parts.len() > 1 { savings * (p.price.to_f64() / source.to_f64()) } else { savings }
    };
    parts.iter().map(|p| p.balanced.then(|| score(share(p), p.disruption, p.totals, k))).collect()
}

/// Whether a candidate could pass at best, deleted without replacement. Pools without price are not judged here.
#[must_use]
pub fn can_pass(part: &Part) -> bool {
    let judged = part.balanced && part.totals.price.0 > 0;
    !judged || score(part.price.to_f64(), part.disruption, part.totals, BALANCED_K).approved()
}
