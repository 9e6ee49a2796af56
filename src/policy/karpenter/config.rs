//! The operator's settings and the node pools, with upstream's defaults and upstream's validation.

use thiserror::Error;

use super::budget::{Budget, BudgetError};
use super::requirement::Requirements;
use super::view::{Resources, Taint, TypeIx};
use crate::units::{Duration, SimTime};

/// How often the disruption controller looks (`pollingPeriod`).
pub const POLL: Duration = Duration::from_secs(10);
/// How long a decision to consolidate waits before it is checked again (`commandValidationDelay`).
pub const VALIDATION_DELAY: Duration = Duration::from_secs(15);
/// How long a pass that found nothing is not repeated while nothing changes (`pkg/controllers/state/cluster.go`).
pub const RECONSIDER: Duration = Duration::from_secs(300);
/// How many types a NodeClaim may name (`pkg/controllers/provisioning/scheduling`, `MaxInstanceTypes`).
pub const MAX_TYPES: usize = 600;
/// How many candidates multi-node consolidation takes at once (`MaxParallel`).
pub const MAX_CANDIDATES: usize = 100;
/// How many cheaper types a spot node's spot replacement needs (`MinInstanceTypesForSpotToSpotConsolidation`).
pub const SPOT_TO_SPOT_TYPES: usize = 15;
/// A NodeClaim that has not launched by then is deleted (`launchTTL`).
pub const LAUNCH_TIMEOUT: Duration = Duration::from_secs(300);
/// A NodeClaim that has not registered by then is deleted (`registrationTTL`).
pub const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(900);
/// How often drift is looked for.
pub const DRIFT_PERIOD: Duration = Duration::from_secs(300);
/// A node whose type is not offered any more drifts only when it is this old.
pub const TYPE_NOT_FOUND_AFTER: Duration = Duration::from_hours(1);
/// How long an offering that had no capacity is not tried (karpenter-provider-aws, `UnavailableOfferingsTTL`).
pub const INSUFFICIENT_CAPACITY_TTL: Duration = Duration::from_secs(180);
/// `k` of the policy `Balanced` (`BalancedK`).
pub const BALANCED_K: u32 = 2;

/// Whose rules hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compat {
    /// The API v1beta1, up to v0.37: `WhenUnderutilized` takes no `consolidateAfter`, `WhenEmpty` needs one, and nodes
    /// expire gracefully, within budgets.
    V1Beta1,
    /// v1.0 to v1.13: the cheapest to disrupt first.
    V1_13,
    /// From v1.14: the most saved by disruption first; pods that cost nothing to evict leave a node empty; `Balanced`.
    #[default]
    V1_14,
}

/// What happens when the types left over have fewer values than `minValues` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinValuesPolicy {
    /// The pod does not go there.
    #[default]
    Strict,
    /// It does, with fewer.
    BestEffort,
}

/// The operator's settings. Defaults: kubernetes-sigs/karpenter, `pkg/operator/options/options.go`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whose rules hold.
    pub compat: Compat,
    /// Unix time of [`SimTime::ZERO`], in seconds: schedules of budgets are in UTC.
    pub epoch: i64,
    /// `--batch-idle-duration`; 1 s.
    pub batch_idle: Duration,
    /// `--batch-max-duration`; 10 s.
    pub batch_max: Duration,
    /// `--preference-policy`: whether preferences count (`Respect`, the default) or not (`Ignore`).
    pub respect_preferences: bool,
    /// `--min-values-policy`.
    pub min_values: MinValuesPolicy,
    /// The feature gate `SpotToSpotConsolidation`; off.
    pub spot_to_spot: bool,
    /// The feature gate `ReservedCapacity`; on.
    pub reserved_capacity: bool,
    /// How many candidates single-node consolidation looks at before it gives up. Upstream has 3 minutes of the
    /// clock, which a simulated controller does not use up: `None` by default.
    pub single_node_limit: Option<usize>,
    /// How many steps the search of multi-node consolidation takes (upstream 1 minute); `None` by default.
    pub multi_node_limit: Option<usize>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            compat: Compat::default(),
            epoch: 0,
            batch_idle: Duration::from_secs(1),
            batch_max: Duration::from_secs(10),
            respect_preferences: true,
            min_values: MinValuesPolicy::Strict,
            spot_to_spot: false,
            reserved_capacity: true,
            single_node_limit: None,
            multi_node_limit: None,
        }
    }
}

impl Config {
    /// How long a node is held for the pod that a provisioning pass put there: twice the longest batch, at least 10 s.
    #[must_use]
    pub fn nomination_window(&self) -> Duration {
        Duration(self.batch_max.0.saturating_mul(2)).max(Duration::from_secs(10))
    }
    /// All that is wrong.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if self.batch_idle == Duration::ZERO || self.batch_max == Duration::ZERO {
            faults.push(ConfigError::NoBatch);
        }
        if self.batch_idle > self.batch_max {
            faults.push(ConfigError::IdleAboveMax { idle: self.batch_idle, max: self.batch_max });
        }
        faults
    }
}

/// `consolidationPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsolidationPolicy {
    /// Only empty nodes.
    WhenEmpty,
    /// All (v1beta1: `WhenUnderutilized`).
    #[default]
    WhenEmptyOrUnderutilized,
    /// All that save enough for what they disturb (from v1.14).
    Balanced,
}

/// A pool's limits: no node is launched that could exceed one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Thousandths of a core.
    pub cpu_milli: Option<u64>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Thousandths of a GPU.
    pub gpu_milli: Option<u64>,
    /// Nodes.
    pub nodes: Option<u64>,
}

/// `consolidateAfter` and `expireAfter`: after so long, or `Never`.
pub type After = Option<Duration>;

/// A NodePool. Defaults: kubernetes-sigs/karpenter, `pkg/apis/v1/nodepool.go`.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePool {
    /// Heavier pools are tried first; 1 to 100, unset is 0. Ties: the later name first.
    pub weight: Option<u32>,
    /// What its nodes are.
    pub requirements: Requirements,
    /// The taints of its nodes.
    pub taints: Vec<Taint>,
    /// The types that its node class has, ascending.
    pub types: Vec<TypeIx>,
    /// What DaemonSets take of a node.
    pub daemons: Resources,
    /// Its limits; none by default.
    pub limits: Limits,
    /// `disruption.consolidationPolicy`.
    pub policy: ConsolidationPolicy,
    /// `disruption.consolidateAfter`: 0 s by default; `Some(None)` is `Never`, `None` is unset (only in v1beta1).
    pub consolidate_after: Option<After>,
    /// `disruption.budgets`: one of 10 % by default.
    pub budgets: Vec<Budget>,
    /// `template.spec.expireAfter`: 720 h by default; `None` is `Never`.
    pub expire_after: After,
    /// `template.spec.terminationGracePeriod`; unset by default.
    pub termination_grace: Option<Duration>,
    /// A static pool with so many nodes (feature gate `StaticCapacity`): not consolidated.
    pub replicas: Option<u64>,
    /// Stands for the template: nodes made of another have drifted.
    pub template: u64,
}

impl Default for NodePool {
    fn default() -> NodePool {
        NodePool {
            weight: None,
            requirements: Requirements::new(),
            taints: Vec::new(),
            types: Vec::new(),
            daemons: Resources::default(),
            limits: Limits::default(),
            policy: ConsolidationPolicy::default(),
            consolidate_after: Some(Some(Duration::ZERO)),
            budgets: vec![Budget::default()],
            expire_after: Some(Duration::from_hours(720)),
            termination_grace: None,
            replicas: None,
            template: 0,
        }
    }
}

impl NodePool {
    /// How long after its last pod event a node may be consolidated; `None`: never.
    #[must_use]
    pub fn consolidates_after(&self, compat: Compat) -> After {
        match (compat, self.policy) {
            // v1beta1 delays only nodes that are empty under `WhenEmpty`.
            (Compat::V1Beta1, ConsolidationPolicy::WhenEmptyOrUnderutilized) => match self.consolidate_after {
                Some(None) => None,
                _ => Some(Duration::ZERO),
            },
            _ => self.consolidate_after.unwrap_or(Some(Duration::ZERO)),
        }
    }
    /// Whether a node is still within its `consolidateAfter`: since its last pod event, or else since it was
    /// initialised.
    #[must_use]
    pub fn too_early(&self, compat: Compat, node: &super::Node, now: SimTime) -> bool {
        let (Some(after), Some(initialized)) = (self.consolidates_after(compat), node.initialized) else {
            return false;
        };
        after > Duration::ZERO && now.since(node.last_pod_event.unwrap_or(initialized)) < after
    }
    /// All that the API server would refuse.
    #[must_use]
    pub fn faults(&self, compat: Compat) -> Vec<PoolError> {
        let mut faults = Vec::new();
        if let Some(w) = self.weight
            && !(1..=100).contains(&w)
        {
            faults.push(PoolError::Weight(w));
        }
        if self.budgets.len() > 50 {
            faults.push(PoolError::ManyBudgets(self.budgets.len()));
        }
        for (i, budget) in self.budgets.iter().enumerate() {
            faults.extend(budget.faults().into_iter().map(|e| PoolError::Budget(i, e)));
            if compat == Compat::V1Beta1 && !budget.reasons.is_empty() {
                faults.push(PoolError::ReasonsInV1Beta1(i));
            }
        }
        if compat < Compat::V1_14 && self.policy == ConsolidationPolicy::Balanced {
            faults.push(PoolError::BalancedTooEarly);
        }
        match (compat, self.policy, self.consolidate_after) {
            (Compat::V1Beta1, ConsolidationPolicy::WhenEmptyOrUnderutilized, Some(Some(_))) => {
                faults.push(PoolError::AfterWithUnderutilized);
            }
            (Compat::V1Beta1, ConsolidationPolicy::WhenEmpty, None) => faults.push(PoolError::EmptyWithoutAfter),
            _ => {}
        }
        if self.replicas.is_some() {
            let l = &self.limits;
            if l.cpu_milli.is_some() || l.memory.is_some() || l.gpu_milli.is_some() {
                faults.push(PoolError::StaticLimits);
            }
            if self.weight.is_some() {
                faults.push(PoolError::StaticWeight);
            }
        }
        for (key, min) in self.requirements.min_values() {
            let listed = self.requirements.get(key).map_or(0, |s| s.listed().len());
            if !(1..=50).contains(&min) {
                faults.push(PoolError::MinValues(min));
            } else if listed > 0 && listed < min as usize {
                faults.push(PoolError::FewValues { listed, min });
            }
        }
        faults
    }
}

/// What the operator refuses to start with.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum ConfigError {
    #[error("a batch needs an idle time and a maximum above 0")]
    NoBatch,
    #[error("the idle time of a batch of {idle} is above its maximum of {max}")]
    IdleAboveMax { idle: Duration, max: Duration },
    #[error("node pool {0}: {1}")]
    Pool(usize, PoolError),
}

/// What the API server refuses of a node pool.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum PoolError {
    #[error("a weight of {0} is not from 1 to 100")]
    Weight(u32),
    #[error("{0} budgets are more than 50")]
    ManyBudgets(usize),
    #[error("budget {0}: {1}")]
    Budget(usize, BudgetError),
    #[error("budget {0} names reasons, which v1beta1 does not have")]
    ReasonsInV1Beta1(usize),
    #[error("the policy `Balanced` begins with v1.14")]
    BalancedTooEarly,
    #[error("in v1beta1 `consolidateAfter` cannot be combined with `WhenUnderutilized`")]
    AfterWithUnderutilized,
    #[error("in v1beta1 `consolidateAfter` must be set with `WhenEmpty`")]
    EmptyWithoutAfter,
    #[error("a static pool limits nodes only")]
    StaticLimits,
    #[error("a static pool has no weight")]
    StaticWeight,
    #[error("`minValues` of {0} is not from 1 to 50")]
    MinValues(u32),
    #[error("`minValues` of {min} is above the {listed} values listed")]
    FewValues { listed: usize, min: u32 },
}
