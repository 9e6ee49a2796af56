//! What an autoscaler of nodes did over the window.

use serde::{Deserialize, Serialize};

use super::{Exact, Money};

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
