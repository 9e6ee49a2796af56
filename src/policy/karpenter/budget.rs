//! Disruption budgets: how many nodes of a pool may go at once.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/apis/v1/nodepool.go` and `pkg/controllers/disruption/helpers.go`
//! (`BuildDisruptionBudgetMapping`).

use thiserror::Error;

use super::config::NodePool;
use super::cron::{Cron, CronError};
use super::view::{Node, PoolIx};
use crate::units::{Duration, SimTime};

/// Nanoseconds in a second.
const SECOND: i128 = 1_000_000_000;
/// Nanoseconds in a minute.
const MINUTE: u64 = 60_000_000_000;

/// Why nodes are disrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// `Underutilized`.
    Underutilized,
    /// `Empty`.
    Empty,
    /// `Drifted`; in v1beta1 expiry counts as one too.
    Drifted,
}

/// How many nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// So many.
    Count(u32),
    /// So much of the pool's nodes, rounded up; at most 100.
    Percent(u32),
    /// Neither: none at all.
    Invalid(String),
}

impl Nodes {
    /// Reads `5` or `10%`.
    #[must_use]
    pub fn parse(text: &str) -> Nodes {
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let parsed = match text.strip_suffix('%') {
            Some(p) if digits(p) && (p.len() <= 2 || p == "100") => p.parse().ok().map(Nodes::Percent),
            None if digits(text) => text.parse().ok().map(Nodes::Count),
            _ => None,
        };
        parsed.unwrap_or_else(|| Nodes::Invalid(text.to_owned()))
    }
    fn of(&self, nodes: u32) -> u32 {
        match *self {
            Nodes::Count(n) => n,
            Nodes::Percent(p) => (u64::from(p) * u64::from(nodes)).div_ceil(100).min(u64::from(u32::MAX)) as u32,
            Nodes::Invalid(_) => 0,
        }
    }
}

/// When a budget holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// Always.
    Always,
    /// For a while after each hit of a schedule.
    Scheduled {
        /// When it begins.
        schedule: Cron,
        /// For how long: whole minutes.
        duration: Duration,
    },
    /// The schedule cannot be read: no node may go.
    Invalid(CronError),
}

impl Window {
    /// A window of `duration` after each hit of the schedule `text`.
    #[must_use]
    pub fn parse(text: &str, duration: Duration) -> Window {
        match Cron::parse(text) {
            Ok(schedule) => Window::Scheduled { schedule, duration },
            Err(e) => Window::Invalid(e),
        }
    }
    /// Whether it holds at `now`: the first hit after `now − duration` is not later than `now`. A schedule that never
    /// hits always holds, as upstream takes "no hit" for the beginning of time. `epoch` is the Unix time of zero.
    #[must_use]
    pub fn active(&self, now: SimTime, epoch: i64) -> bool {
        let Window::Scheduled { schedule, duration } = self else { return true };
        let now = i128::from(epoch) * SECOND + i128::from(now.0);
        let from = (now - i128::from(duration.0)).div_euclid(SECOND);
        let Ok(from) = i64::try_from(from) else { return true };
        schedule.next(from).is_none_or(|hit| i128::from(hit) * SECOND <= now)
    }
}

/// One budget of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many may go; 10 % by default.
    pub nodes: Nodes,
    /// For which reasons; empty: for all.
    pub reasons: Vec<Reason>,
    /// When; always by default.
    pub window: Window,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { nodes: Nodes::Percent(10), reasons: Vec::new(), window: Window::Always }
    }
}

impl Budget {
    /// A budget of `nodes`, always and for all reasons.
    #[must_use]
    pub fn of(nodes: &str) -> Budget {
        Budget { nodes: Nodes::parse(nodes), ..Budget::default() }
    }
    /// How many of `nodes` it allows; `None` while it does not hold.
    #[must_use]
    pub fn allows(&self, nodes: u32, now: SimTime, epoch: i64) -> Option<u32> {
        match &self.window {
            Window::Invalid(_) => Some(0),
            window => window.active(now, epoch).then(|| self.nodes.of(nodes)),
        }
    }
    /// All that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<BudgetError> {
        let mut faults = Vec::new();
        match &self.nodes {
            Nodes::Invalid(text) => faults.push(BudgetError::Nodes(text.clone())),
            Nodes::Percent(p) if *p > 100 => faults.push(BudgetError::Nodes(format!("{p}%"))),
            _ => {}
        }
        match &self.window {
            Window::Invalid(e) => faults.push(BudgetError::Schedule(e.clone())),
            Window::Scheduled { duration, .. } if duration.0 == 0 || duration.0 % MINUTE != 0 => {
                faults.push(BudgetError::Duration(*duration));
            }
            _ => {}
        }
        faults
    }
}

/// What is wrong with a budget.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum BudgetError {
    #[error("`{0}` is neither a number of nodes nor a percentage up to 100%")]
    Nodes(String),
    #[error("{0}")]
    Schedule(CronError),
    #[error("a duration of {0} is not a whole number of minutes above 0")]
    Duration(Duration),
}

/// How many of a pool's `nodes` may be disrupted for `reason`, those that already are included: the least of all
/// budgets that hold and list the reason; no limit (`u32::MAX`) without any.
#[must_use]
pub fn allowed(budgets: &[Budget], nodes: u32, reason: Reason, now: SimTime, epoch: i64) -> u32 {
    budgets
        .iter()
        .filter(|b| b.reasons.is_empty() || b.reasons.contains(&reason))
        .filter_map(|b| b.allows(nodes, now, epoch))
        .min()
        .unwrap_or(u32::MAX)
}

/// How many more nodes of each pool may be disrupted now: [`allowed`] less those that are not ready or marked for
/// deletion. Counted are Karpenter's initialised nodes that are not yet terminating.
#[must_use]
pub fn remaining(pools: &[NodePool], nodes: &[Node], reason: Reason, now: SimTime, epoch: i64) -> Vec<u32> {
    let mut counts = vec![(0_u32, 0_u32); pools.len()];
    for node in nodes {
        let Some(PoolIx(pool)) = node.pool else { continue };
        let Some((all, going)) = counts.get_mut(pool as usize) else { continue };
        if node.is_initialized() && !node.terminating {
            *all += 1;
            *going += u32::from(!node.ready || node.deleting);
        }
    }
    let left = |(pool, (all, going)): (&NodePool, (u32, u32))| {
        allowed(&pool.budgets, all, reason, now, epoch).saturating_sub(going)
    };
    pools.iter().zip(counts).map(left).collect()
}
