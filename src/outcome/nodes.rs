//! What an autoscaler of nodes did over the window.

use serde::{Deserialize, Serialize};

use super::{ChargeKind, Exact, Money, Outcome};
use crate::units::{Activity, Usd};

/// Nodes that came and went at an autoscaler's word, and what that cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeScaling {
    /// Who: `Karpenter`.
    pub by: String,
    /// Nodes launched.
    pub launched: u64,
    /// Launches that the provider refused, or that found the pool at its maximum.
    pub refused: u64,
    /// Nodes told to go, by reason: `empty`, `underutilized`, `drifted`, `expired`.
    pub removed: Vec<(String, u64)>,
    /// Decisions that were carried out.
    pub commands: u64,
    /// Decisions that were taken back: what should have taken the nodes' place did not come.
    pub given_up: u64,
    /// Pods told to go.
    pub evicted: u64,
    /// What those that could not save their progress lost, milli-unit·ns.
    pub lost: Exact,
    /// What that had cost.
    pub lost_usd: Money,
    /// What all decisions together promised to save an hour, USD.
    pub promised_usd_per_hour: f64,
    /// Passes over the fleet.
    pub passes: u64,
    /// Passes that were skipped as nothing had changed that could matter.
    pub skipped: u64,
}

impl NodeScaling {
    /// Nodes told to go.
    #[must_use]
    pub fn removed_in_all(&self) -> u64 {
        self.removed.iter().map(|(_, n)| n).sum()
    }
}

/// What it cost that nodes came and went and that work was moved or lost, whatever the cause. All of it is in the bill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisruptionCost {
    /// Work thrown away.
    pub lost: Usd,
    /// Setting up again.
    pub restart: Usd,
    /// Nodes that boot.
    pub boot: Usd,
    /// Nodes that are told to go, once nothing runs on them.
    pub drain: Usd,
}

impl DisruptionCost {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.lost + self.restart + self.boot + self.drain
    }
}

impl Outcome {
    /// Whether nodes come and go: an autoscaler watches them, or their number changes. Outcomes written before nodes were
    /// counted show only the first.
    #[must_use]
    pub fn nodes_come_and_go(&self) -> bool {
        let varies = |v: &[f64]| v.windows(2).any(|w| (w[0] - w[1]).abs() > 1e-9);
        self.nodes.is_some() || self.series.pools.iter().any(|s| varies(&s.nodes))
    }

    /// What of the bill is disruption.
    #[must_use]
    pub fn disruption(&self) -> DisruptionCost {
        let of = |a: Activity| self.charges.iter().filter(|c| c.kind == ChargeKind::Activity(a)).map(|c| c.usd.0).sum();
        DisruptionCost {
            lost: of(Activity::Lost),
            restart: of(Activity::Restart),
            boot: of(Activity::Boot),
            drain: of(Activity::Drain),
        }
    }
}
