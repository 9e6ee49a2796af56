//! Who sizes scaled pools, and how pods bear that their node goes.

use std::collections::BTreeMap;

use super::context::Context;
use crate::fleet::{PoolId, PoolSet};
use crate::policy::cluster_autoscaler as ca;
use crate::policy::karpenter::budget::{Nodes as Count, Window};
use crate::policy::karpenter::{
    self, Budget, CapacityType, Compat, Config, ConsolidationPolicy, InstanceType, Key, Limits, Offering, Reason,
    Requirements, Resources, Set, TypeIx, Value,
};
use crate::policy::pdb::{Amount, Rule};
use crate::scenario::decode::quantity::Percent;
use crate::scenario::decode::{Names, Spanned};
use crate::scenario::file::Scenario;
use crate::scenario::file::fleet::Nodes;
use crate::scenario::file::node_autoscaler::{self as shape, AfterOrNever};
use crate::scenario::model::{
    ClusterAutoscaler, Descheduler, Disruption, Karpenter, Model, NODE_POOL, NodeAutoscaler, Offer,
};
use crate::units::{Diagnostic, Diagnostics, Duration, Name, SimTime};

/// How pods bear that their node goes; `grace` is theirs where the shape says none.
pub(super) fn disruption(d: &shape::Disruption, grace: Duration, out: &mut Diagnostics) -> Option<Disruption> {
    let budget = match &d.budget {
        Some(b) => Some(pod_budget(b, out)?),
        None => None,
    };
    Some(Disruption { do_not_disrupt: d.do_not_disrupt, budget, grace: d.grace.unwrap_or(grace) })
}

fn pod_budget(b: &Spanned<shape::PodBudget>, out: &mut Diagnostics) -> Option<Rule> {
    let (shape::PodBudget::MaxUnavailable(text) | shape::PodBudget::MinAvailable(text)) = &b.value;
    let (number, percent) = match text.strip_suffix('%') {
        Some(p) => (p.parse::<u32>().ok(), true),
        None => (text.parse::<u32>().ok(), false),
    };
    let max = matches!(b.value, shape::PodBudget::MaxUnavailable(_));
    match number.filter(|n| !percent || *n <= 100) {
        Some(n) => {
            let amount = if percent { Amount::Percent(n) } else { Amount::Pods(n) };
            Some(if max { Rule::MaxUnavailable(amount) } else { Rule::MinAvailable(amount) })
        }
        None => {
            out.push(
                Diagnostic::error(format!("`{text}` is neither a number of pods nor a percentage up to 100%"))
                    .at(b.at.0, b.at.1, "not an amount")
                    .help("for example MaxUnavailable(\"25%\") or MinAvailable(\"2\")"),
            );
            None
        }
    }
}

/// The Descheduler.
pub(super) fn descheduler(d: &Spanned<shape::Descheduler>, out: &mut Diagnostics) -> Option<Descheduler> {
    use crate::policy::descheduler::{Config, Limits, Plugin, ResourceIx};
    let list = |all: &[(shape::NodeResource, Percent)]| -> Vec<(ResourceIx, f64)> {
        let number = |r: &shape::NodeResource| match r {
            shape::NodeResource::Cpu => ResourceIx::CPU,
            shape::NodeResource::Memory => ResourceIx::MEMORY,
            shape::NodeResource::Pods => ResourceIx::PODS,
            shape::NodeResource::Gpu => ResourceIx::EXTENDED,
        };
        all.iter().map(|(r, p)| (number(r), p.0 * 100.0)).collect()
    };
    let mut config = match &*d.plugin {
        shape::DeschedulerPlugin::LowNodeUtilization(l) => {
            let mut config = Config::low(list(&l.thresholds), list(&l.targets));
            if let Plugin::Low { deviation, .. } = &mut config.plugin {
                *deviation = l.deviation;
            }
            config
        }
        shape::DeschedulerPlugin::HighNodeUtilization(h) => {
            let mut config = Config::high(list(&h.thresholds));
            if let Plugin::High { only_listed } = &mut config.plugin {
                *only_listed = h.only_listed;
            }
            config
        }
    };
    config.number_of_nodes = d.number_of_nodes;
    config.limits = Limits { per_node: d.max_per_node, total: d.max_total, ..Limits::default() };
    let faults = config.faults();
    for f in &faults {
        out.push(Diagnostic::error(format!("the Descheduler would refuse: {f}")).at(
            d.plugin.at.0,
            d.plugin.at.1,
            "this plugin",
        ));
    }
    if d.every.0 == 0 {
        out.push(
            Diagnostic::error("a Descheduler that runs every 0 s")
                .at(d.every.at.0, d.every.at.1, "must be longer")
                .help("for example every: \"5m\""),
        );
        return None;
    }
    faults.is_empty().then_some(Descheduler { config, every: *d.every })
}

impl Context<'_, '_> {
    /// Who sizes scaled pools; every scaled pool needs somebody who does.
    pub fn node_autoscaler(&mut self, s: &Scenario, pools: &Names, model: &mut Model, out: &mut Diagnostics) {
        if model.pools.len() != s.pools.len() {
            return;
        }
        let mut sized = PoolSet::EMPTY;
        if let Some(a) = &s.node_autoscaler {
            model.node_autoscaler = match &a.value {
                shape::NodeAutoscaler::Karpenter(k) => self.karpenter(s, k, pools, model, out).map(|made| {
                    sized = made.offers.iter().fold(sized, |set, o| set.with(o.pool));
                    NodeAutoscaler::Karpenter(Box::new(made))
                }),
                shape::NodeAutoscaler::ClusterAutoscaler(c) => cluster_autoscaler(s, c, a.at, model, out).map(|made| {
                    sized = made.groups.iter().fold(sized, |set, p| set.with(*p));
                    NodeAutoscaler::ClusterAutoscaler(Box::new(made))
                }),
            };
            if out.has_errors() {
                return;
            }
        }
        for (i, p) in s.pools.iter().enumerate() {
            if matches!(p.nodes, Nodes::Scaled(_)) && !sized.has(PoolId(i as u16)) {
                out.push(
                    Diagnostic::error(format!("nobody sizes pool `{}`, whose nodes are scaled", *p.name))
                        .at(p.name.at.0, p.name.at.1, "nodes: Scaled(…)")
                        .help("name it in a node pool of `node_autoscaler`, or write nodes: Fixed(…)"),
                );
            }
        }
    }

    fn karpenter(
        &mut self,
        s: &Scenario,
        k: &shape::Karpenter,
        pools: &Names,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Karpenter> {
        let compat = match k.compat.value {
            shape::Compat::V1Beta1 => Compat::V1Beta1,
            shape::Compat::V1_13 => Compat::V1_13,
            shape::Compat::V1_14 => Compat::V1_14,
        };
        let window_start = model.start.timestamp().as_second();
        let epoch = window_start - (model.warmup.0 / crate::units::time::NANOS_PER_SEC) as i64;
        let config = Config {
            compat,
            epoch,
            batch_idle: k.batch_idle,
            batch_max: *k.batch_max,
            spot_to_spot: k.spot_to_spot,
            ..Config::default()
        };
        for f in config.faults() {
            out.push(Diagnostic::error(f.to_string()).at(k.batch_max.at.0, k.batch_max.at.1, "these settings"));
        }
        if k.node_pools.is_empty() {
            out.push(
                Diagnostic::error("Karpenter has no node pools")
                    .at(k.node_pools.at.0, k.node_pools.at.1, "empty")
                    .help("a node pool: (name: \"gpu\", pools: [\"g5-od\", \"g5-spot\"])"),
            );
            return None;
        }
        // Names decide ties, as upstream.
        let mut order: Vec<usize> = (0..k.node_pools.len()).collect();
        order.sort_by(|a, b| k.node_pools[*a].name.value.cmp(&k.node_pools[*b].name.value));
        let mut names = Names::new("node pool");
        for p in k.node_pools.iter() {
            names.add(&p.name, out);
        }
        let mut made =
            Karpenter { config, names: Vec::new(), pools: Vec::new(), types: Vec::new(), offers: Vec::new() };
        let mut zones: BTreeMap<Option<String>, u32> = BTreeMap::new();
        for f in &self.facts {
            let next = zones.len() as u32;
            zones.entry(f.zone.clone()).or_insert(next);
        }
        let mut whole = true;
        for at in order {
            whole &= self.node_pool(s, &k.node_pools[at], compat, &zones, pools, model, &mut made, out).is_some();
        }
        for w in &model.work {
            for (accept, _) in w.accepts.iter().enumerate() {
                let at = model.work.iter().position(|o| o.name == w.name).unwrap_or_default();
                if whole && !made.is_plain(model.open_pools(at, accept as u16, usize::MAX)) {
                    whole = false;
                    out.push(
                        Diagnostic::error(format!("labels cannot say which pools `{}` may use", w.name))
                            .at(
                                k.node_pools.at.0,
                                k.node_pools.at.1,
                                "of these, it allows some and not others that are like them",
                            )
                            .help(
                                "allow whole node pools, or all pools of some instance types, zones or ways of buying",
                            ),
                    );
                }
            }
        }
        whole.then_some(made)
    }

    #[expect(clippy::too_many_arguments, reason = "what a node pool is made of")]
    fn node_pool(
        &mut self,
        s: &Scenario,
        p: &shape::NodePool,
        compat: Compat,
        zones: &BTreeMap<Option<String>, u32>,
        pools: &Names,
        model: &Model,
        made: &mut Karpenter,
        out: &mut Diagnostics,
    ) -> Option<()> {
        let number = made.pools.len() as u32;
        let mut whole = true;
        // Pools of one instance type are its offerings.
        let mut types: BTreeMap<String, Vec<(usize, Offering)>> = BTreeMap::new();
        for name in p.pools.iter() {
            let Some(i) = pools.find(name, out) else {
                whole = false;
                continue;
            };
            if !matches!(s.pools[i].nodes, Nodes::Scaled(_)) {
                out.push(
                    Diagnostic::error(format!("node pool `{}` cannot launch from pool `{}`", *p.name, **name))
                        .at(name.at.0, name.at.1, "its nodes are not scaled")
                        .help(format!("write nodes: Scaled((max: 40)) in pool `{}`", **name)),
                );
                whole = false;
                continue;
            }
            if made.offers.iter().any(|o| usize::from(o.pool.0) == i) || types.values().flatten().any(|(j, _)| *j == i)
            {
                out.push(
                    Diagnostic::error(format!("pool `{}` is named twice", **name))
                        .at(name.at.0, name.at.1, "launched from elsewhere too")
                        .help("a pool belongs to one node pool, and is named there once"),
                );
                whole = false;
                continue;
            }
            let m = &model.pools[i];
            let kind = if m.market == "spot" { CapacityType::Spot } else { CapacityType::OnDemand };
            let zone = Value(zones[&self.facts[i].zone]);
            let Some(spec) = model.nodes.iter().find(|n| usize::from(n.pool.0) == i) else { continue };
            let c = spec.capacity;
            let key =
                m.instance.clone().unwrap_or_else(|| format!("{}×{}/{}/{}", c.gpus, m.device, c.cpu_milli, c.mem_mib));
            let offers = types.entry(key).or_default();
            if let Some((other, _)) = offers.iter().find(|(_, o)| o.zone == zone && o.capacity_type == kind) {
                out.push(
                    Diagnostic::error(format!(
                        "pools `{}` and `{}` are the same offering",
                        model.pools[*other].name, **name
                    ))
                    .at(name.at.0, name.at.1, "same instance type, zone and way of buying")
                    .help("give them zones, or leave one out"),
                );
                whole = false;
                continue;
            }
            offers.push((i, Offering::new(zone, kind, model.node_price(PoolId(i as u16), SimTime::ZERO))));
        }
        if p.pools.is_empty() {
            out.push(
                Diagnostic::error(format!("node pool `{}` has nothing to launch", *p.name))
                    .at(p.pools.at.0, p.pools.at.1, "empty")
                    .help("name pools whose nodes are Scaled(…)"),
            );
            whole = false;
        }
        let first = made.types.len() as u32;
        for offers in types.into_values() {
            let number_of_type = TypeIx(made.types.len() as u32);
            let i = offers[0].0;
            let Some(spec) = model.nodes.iter().find(|n| usize::from(n.pool.0) == i) else { continue };
            let c = spec.capacity;
            let capacity = Resources {
                cpu_milli: u64::from(c.cpu_milli),
                memory: u64::from(c.mem_mib) << 20,
                gpu_milli: 1000 * u64::from(c.gpus),
                pods: PODS_PER_NODE,
            };
            for (n, (pool, o)) in offers.iter().enumerate() {
                made.offers.push(Offer {
                    pool: PoolId(*pool as u16),
                    node_pool: number,
                    instance: number_of_type,
                    offering: n,
                    zone: o.zone.0,
                    capacity_type: o.capacity_type,
                });
            }
            let offerings = offers.into_iter().map(|(_, o)| o).collect();
            let mut t = InstanceType::new(number_of_type, capacity, offerings);
            t.labels = t.labels.with(NODE_POOL, Set::of([Value(number)]));
            made.types.push(t);
        }
        let policy = match p.consolidation.value {
            shape::Consolidation::WhenEmpty => ConsolidationPolicy::WhenEmpty,
            shape::Consolidation::WhenEmptyOrUnderutilized => ConsolidationPolicy::WhenEmptyOrUnderutilized,
            shape::Consolidation::Balanced => ConsolidationPolicy::Balanced,
        };
        let l = &p.limits;
        let own: Vec<Offer> = made.offers.iter().filter(|o| o.node_pool == number).copied().collect();
        let pool = karpenter::NodePool {
            weight: p.weight.map(|w| *w),
            // What is listed is what it may launch: a NodePool with just these zones and ways of buying.
            requirements: Requirements::new()
                .with(NODE_POOL, Set::of([Value(number)]))
                .with(Key::ZONE, Set::of(own.iter().map(|o| Value(o.zone))))
                .with(Key::CAPACITY_TYPE, Set::of(own.iter().map(|o| o.capacity_type.value()))),
            types: (first..made.types.len() as u32).map(TypeIx).collect(),
            limits: Limits {
                cpu_milli: l.cpus.map(|c| (*c * 1000.0).max(0.0).round() as u64),
                memory: l.memory.map(|m| m.0),
                gpu_milli: l.gpus.map(|g| 1000 * u64::from(g)),
                nodes: l.nodes.map(u64::from),
            },
            policy,
            consolidate_after: match &p.consolidate_after {
                None if compat == Compat::V1Beta1 => None,
                None => Some(Some(Duration::ZERO)),
                Some(a) => Some(after(&a.value)),
            },
            budgets: p.budgets.iter().map(budget).collect(),
            expire_after: after(&p.expire_after),
            termination_grace: p.termination_grace,
            ..karpenter::NodePool::default()
        };
        for fault in pool.faults(compat) {
            let at = match &fault {
                karpenter::PoolError::Weight(_) => p.weight.map_or(p.name.at, |w| w.at),
                karpenter::PoolError::Budget(i, _) | karpenter::PoolError::ReasonsInV1Beta1(i) => p.budgets[*i].at,
                karpenter::PoolError::AfterWithUnderutilized => {
                    p.consolidate_after.as_ref().map_or(p.name.at, |a| a.at)
                }
                karpenter::PoolError::BalancedTooEarly => p.consolidation.at,
                _ => p.name.at,
            };
            out.push(
                Diagnostic::error(format!("Karpenter would refuse node pool `{}`: {fault}", *p.name))
                    .at(at.0, at.1, "refused"),
            );
            whole = false;
        }
        made.names.push(p.name.to_string());
        made.pools.push(pool);
        whole.then_some(())
    }
}

/// The Cluster Autoscaler over all scaled pools.
fn cluster_autoscaler(
    s: &Scenario,
    c: &shape::ClusterAutoscaler,
    at: crate::formats::Place,
    model: &Model,
    out: &mut Diagnostics,
) -> Option<ClusterAutoscaler> {
    let mut groups: Vec<PoolId> = (0..s.pools.len())
        .filter(|i| matches!(s.pools[*i].nodes, Nodes::Scaled(_)))
        .map(|i| PoolId(i as u16))
        .collect();
    groups.sort_by_key(|p| &model.pools[usize::from(p.0)].name);
    let mut config = ca::Config::default();
    let t = &mut config.timing;
    (t.scan, t.provision, t.unneeded) = (c.scan_interval, c.max_node_provision_time, c.unneeded_time);
    (t.after_add, t.after_delete, t.after_failure) = (c.delay_after_add, c.delay_after_delete, c.delay_after_failure);
    (t.parallelism, t.drain_parallelism) = (c.max_scale_down_parallelism, c.max_drain_parallelism);
    config.utilisation.threshold = c.utilization_threshold.get();
    config.utilisation.gpu_threshold = c.gpu_utilization_threshold.get();
    config.utilisation.mode = match c.gpu_utilisation {
        shape::GpuNodeUtilisation::GpuOnly => ca::utilisation::Mode::default(),
        shape::GpuNodeUtilisation::MaxOfAll => ca::utilisation::Mode::MaxOfAll,
    };
    config.scale_down = c.scale_down;
    config.balance = c.balance_similar_node_groups;
    config.limits.nodes_max = c.max_nodes_total;
    config.new_pod_delay = c.new_pod_scale_up_delay;
    config.expanders = c
        .expander
        .iter()
        .map(|e| match e {
            shape::Expander::Random => ca::Expander::Random,
            shape::Expander::MostPods => ca::Expander::MostPods,
            shape::Expander::LeastWaste => ca::Expander::LeastWaste,
            shape::Expander::Price => ca::Expander::Price { stabilisation: POD_PRICE },
            shape::Expander::Priority(tiers) => {
                for name in tiers.iter().flat_map(|(_, names)| names) {
                    if !groups.iter().any(|g| model.pools[usize::from(g.0)].name == name.as_str()) {
                        out.push(Diagnostic::error(format!("the priority expander names `{}`", **name)).at(
                            name.at.0,
                            name.at.1,
                            "not a pool whose nodes are scaled",
                        ));
                    }
                }
                let names = |list: &[Spanned<Name>]| list.iter().map(|n| n.value.to_string()).collect();
                ca::Expander::Priority(tiers.iter().map(|(n, list)| (*n, names(list))).collect())
            }
        })
        .collect();
    if config.expanders.contains(&ca::Expander::Random) {
        config.ties = ca::Ties::Random(s.seed);
    }
    if groups.is_empty() {
        out.push(
            Diagnostic::error("the Cluster Autoscaler has no node groups")
                .at(at.0, at.1, "no pool has nodes that are scaled")
                .help("write nodes: Scaled((max: 40)) in a pool"),
        );
    }
    for f in config.faults() {
        out.push(Diagnostic::error(format!("the Cluster Autoscaler would refuse: {f}")).at(
            at.0,
            at.1,
            "these settings",
        ));
    }
    Some(ClusterAutoscaler { config, groups })
}

/// What a pod of 500 m and 500 MiB costs for an hour on GCE, which steadies the price expander: 0.5 cores at 0.033174
/// USD and 500 MiB at 0.004446 USD a GiB (kubernetes/autoscaler, `cloudprovider/gce/gce_price_info.go`; a prior).
const POD_PRICE: crate::units::Rate = crate::units::Rate(18_758_000_000);

/// How many pods a node takes (`maxPods` of a kubelet, Kubernetes' default). CNIs on small AWS types allow fewer.
const PODS_PER_NODE: u64 = 110;

const fn after(a: &AfterOrNever) -> Option<Duration> {
    match a {
        AfterOrNever::After(d) => Some(*d),
        AfterOrNever::Never => None,
    }
}

fn budget(b: &Spanned<shape::NodeBudget>) -> Budget {
    let reason = |r: &shape::DisruptionReason| match r {
        shape::DisruptionReason::Underutilized => Reason::Underutilized,
        shape::DisruptionReason::Empty => Reason::Empty,
        shape::DisruptionReason::Drifted => Reason::Drifted,
    };
    let window = match (&b.schedule, b.duration) {
        (Some(schedule), d) => Window::parse(schedule, d.unwrap_or(Duration::ZERO)),
        (None, _) => Window::Always,
    };
    Budget { nodes: Count::parse(&b.nodes), reasons: b.reasons.iter().map(reason).collect(), window }
}
