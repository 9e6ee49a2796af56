//! Who sizes pools, and how pods bear that their node goes.

use std::collections::BTreeSet;

use super::{Model, Unit};
use crate::fleet::{PoolId, PoolSet};
use crate::policy::karpenter::{CapacityType, Config, InstanceType, Key, NodePool, Requirements, Set, TypeIx, Value};
use crate::policy::pdb::Rule;
use crate::policy::{cluster_autoscaler, descheduler};
use crate::units::{Duration, Rate, SimTime};

/// Who sizes the pools whose nodes are scaled.
#[derive(Clone, Debug)]
pub enum NodeAutoscaler {
    /// The Cluster Autoscaler.
    ClusterAutoscaler(Box<ClusterAutoscaler>),
    /// Karpenter.
    Karpenter(Box<Karpenter>),
}

/// The Cluster Autoscaler: its flags. Its groups are the scaled pools, in the order of their names.
#[derive(Clone, Debug)]
pub struct ClusterAutoscaler {
    /// The flags.
    pub config: cluster_autoscaler::Config,
    /// The pools that are its groups.
    pub groups: Vec<PoolId>,
}

/// The Descheduler: a plugin and how often it runs. Its resources are CPU, memory, pods and GPUs.
#[derive(Clone, Debug)]
pub struct Descheduler {
    /// The plugin and what it may evict.
    pub config: descheduler::Config,
    /// How often.
    pub every: Duration,
}

/// Karpenter: its settings, its node pools, and what it may launch.
#[derive(Clone, Debug)]
pub struct Karpenter {
    /// The operator's settings.
    pub config: Config,
    /// Names of the node pools.
    pub names: Vec<String>,
    /// The node pools.
    pub pools: Vec<NodePool>,
    /// What may be launched; a type belongs to one node pool. Prices are those at the epoch.
    pub types: Vec<InstanceType>,
    /// What of the view a scaled pool is.
    pub offers: Vec<Offer>,
}

/// A scaled pool as Karpenter knows it: an offering of a type of a node pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The pool.
    pub pool: PoolId,
    /// Its node pool.
    pub node_pool: u32,
    /// Its type.
    pub instance: TypeIx,
    /// Which of the type's offerings.
    pub offering: usize,
    /// Its zone's number.
    pub zone: u32,
    /// How it is bought.
    pub capacity_type: CapacityType,
}

/// How pods bear that their node goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disruption {
    /// Whether they may not be moved at all.
    pub do_not_disrupt: bool,
    /// Their disruption budget.
    pub budget: Option<Rule>,
    /// How long one that is told to go has.
    pub grace: Duration,
}

impl Default for Disruption {
    fn default() -> Disruption {
        Disruption { do_not_disrupt: false, budget: None, grace: Duration::from_secs(30) }
    }
}

/// The label that says to which node pool a node belongs; pools that nobody scales have the numbers after those.
pub const NODE_POOL: Key = Key::FIRST_CUSTOM;

impl Karpenter {
    /// What pods that may use these pools demand of labels: node pools, and of these only some types, zones or ways of
    /// buying where not all of their pools are allowed.
    ///
    /// Labels cannot say "this type in that zone, and that type in this one": see [`Karpenter::is_plain`].
    #[must_use]
    pub fn demand(&self, pools: PoolSet, all: usize) -> Requirements {
        type Facet = fn(&Offer) -> Value;
        let allowed = |o: &&Offer| pools.has(o.pool);
        let node_pools: BTreeSet<u32> = self.offers.iter().filter(allowed).map(|o| o.node_pool).collect();
        let standing = (0..all as u16)
            .filter(|p| pools.has(PoolId(*p)) && self.offers.iter().all(|o| o.pool.0 != *p))
            .map(|p| self.pools.len() as u32 + u32::from(p));
        let mut r = Requirements::new().with(NODE_POOL, Set::of(node_pools.iter().copied().chain(standing).map(Value)));
        let near = |o: &&Offer| node_pools.contains(&o.node_pool);
        let facets: [(Key, Facet); 3] = [
            (Key::INSTANCE_TYPE, |o| Value(o.instance.0)),
            (Key::ZONE, |o| Value(o.zone)),
            (Key::CAPACITY_TYPE, |o| o.capacity_type.value()),
        ];
        for (key, facet) in facets {
            let some: BTreeSet<Value> = self.offers.iter().filter(allowed).map(facet).collect();
            let every: BTreeSet<Value> = self.offers.iter().filter(near).map(facet).collect();
            if some != every {
                r = r.with(key, Set::of(some));
            }
        }
        r
    }

    /// Whether labels can say which of the scaled pools these are.
    #[must_use]
    pub fn is_plain(&self, pools: PoolSet) -> bool {
        let allowed: Vec<&Offer> = self.offers.iter().filter(|o| pools.has(o.pool)).collect();
        let alike = |o: &Offer| {
            allowed.iter().any(|a| a.node_pool == o.node_pool)
                && allowed.iter().any(|a| a.instance == o.instance)
                && allowed.iter().any(|a| a.zone == o.zone)
                && allowed.iter().any(|a| a.capacity_type == o.capacity_type)
        };
        self.offers.iter().all(|o| pools.has(o.pool) || !alike(o))
    }
}

impl Model {
    /// What a node of a pool costs for an hour at an instant, where all are alike.
    #[must_use]
    pub fn node_price(&self, pool: PoolId, at: SimTime) -> Rate {
        let t = &self.pools[pool.0 as usize].tariff;
        let step = t.steps.iter().rev().find(|s| s.from <= at).or(t.steps.first());
        let milli = self.nodes.iter().find(|n| n.pool == pool).map_or(0, |n| match t.unit {
            Unit::Gpu => 1000 * i128::from(n.capacity.gpus),
            Unit::Cpu => i128::from(n.capacity.cpu_milli),
        });
        Rate(step.map_or(0, |s| s.rate.0 * milli / i128::from(t.per_milli.max(1))))
    }
}
