//! One step up: for each group how many nodes would help, and which group gets them.
//!
//! Rules: `core/scaleup/orchestrator/orchestrator.go`, `core/scaleup/resource`.

use super::balance::{Size, balance, similar};
use super::config::{Config, Expander, Limits, Ties};
use super::decision::ScaleUp;
use super::estimator::{self, Class, Domain, Estimate};
use super::expander::{Choice, Filter, Market, preferred_cpu, survivors};
use super::room::Room;
use super::view::{Group, GroupIx, Pending, Shape, Topology, View};
use crate::policy::placement::luck::Luck;
use crate::policy::pods::Resources;

/// What a step up goes by.
pub(super) struct Up<'a> {
    pub(super) config: &'a Config,
    pub(super) view: View<'a>,
    pub(super) room: &'a Room<'a>,
    /// What waits and has no place, by class.
    pub(super) pending: &'a [Pending],
    /// By group: whether it is in backoff.
    pub(super) backoff: &'a [bool],
    /// Nodes that are ready, and those on their way.
    pub(super) nodes: u32,
    /// What the whole cluster has.
    pub(super) total: Resources,
}

/// A group that would help.
struct Helpful {
    group: usize,
    estimate: Estimate,
}

/// Which groups grow, and by how much; nothing if none would help or may.
pub(super) fn step(up: &Up<'_>, luck: &mut Luck) -> Vec<ScaleUp> {
    let classes = up.classes();
    let groups = up.view.groups;
    let open: Vec<bool> = (0..groups.len()).map(|g| up.open(g)).collect();
    let takes: Vec<Vec<bool>> = groups.iter().map(|g| up.pending.iter().map(|p| up.takes(g, p)).collect()).collect();
    let kin = |g: usize| -> Vec<usize> {
        if !up.config.balance || groups[g].whole {
            return Vec::new();
        }
        let alike = |o: &usize| {
            *o != g
                && open[*o]
                && !groups[*o].whole
                && similar(&groups[g].template, &groups[*o].template, &up.config.balance_ignored)
                && takes[g].iter().zip(&takes[*o]).all(|(here, there)| !here || *there)
        };
        (0..groups.len()).filter(alike).collect()
    };
    let mut options: Vec<Helpful> = Vec::new();
    for g in (0..groups.len()).filter(|g| open[*g]) {
        let left = |o: usize| groups[o].max.saturating_sub(groups[o].target);
        let room = std::iter::once(g).chain(kin(g)).map(left).fold(0, u32::saturating_add);
        let most = up.config.nodes_per_scale_up.min(room).min(up.cluster_room());
        let mut estimate = up.estimate(g, &classes, &takes[g], most);
        if groups[g].whole && estimate.nodes > 0 {
            estimate.nodes = groups[g].max - groups[g].target;
        }
        if estimate.nodes > 0 && estimate.pods() > 0 {
            options.push(Helpful { group: g, estimate });
        }
    }
    let choices: Vec<Choice> = options.iter().map(|o| up.choice(o, &classes)).collect();
    let Some(best) = up.pick(&choices, luck) else { return Vec::new() };
    let group = options[best].group;
    let wanted = options[best].estimate.nodes;
    let nodes = wanted.min(up.cluster_room()).min(up.resource_room(&groups[group]));
    if nodes == 0 || (groups[group].whole && nodes < wanted) {
        return Vec::new();
    }
    // The chosen group first: among equal sizes it grows first, then the others by name.
    let members: Vec<usize> = std::iter::once(group).chain(kin(group)).collect();
    let sizes: Vec<Size> = members
        .iter()
        .map(|g| Size { current: groups[*g].target, max: groups[*g].max.max(groups[*g].target) })
        .collect();
    let grown = balance(&sizes, nodes);
    let by = members.iter().zip(sizes.iter().zip(grown)).map(|(g, (old, new))| (*g, new - old.current));
    let mut grow: Vec<ScaleUp> =
        by.filter(|(_, by)| *by > 0).map(|(g, by)| ScaleUp { group: GroupIx(g as u32), by }).collect();
    grow.sort_by_key(|s| s.group);
    grow
}

impl Up<'_> {
    fn open(&self, g: usize) -> bool {
        let group = &self.view.groups[g];
        !self.backoff[g] && group.target < group.max && self.resource_room(group) > 0
    }

    /// Whether an empty new node of a group takes a pod.
    fn takes(&self, group: &Group, pending: &Pending) -> bool {
        let shape = &self.view.shapes[pending.shape.at()];
        shape.classes.contains(group.kin.class) && shape.request.fits(group.template.free)
    }

    fn shape(&self, pending: &Pending) -> &Shape {
        &self.view.shapes[pending.shape.at()]
    }

    /// What waits, as the estimator has it, without domains of its spread.
    fn classes(&self) -> Vec<Class> {
        let class = |p: &Pending| {
            let shape = self.shape(p);
            let spread = shape.spread.map(|s| estimator::Spread {
                max_skew: s.max_skew,
                min_domains: s.min_domains,
                by: Domain::Hostname,
                existing: self.room.by_domain(p.shape),
            });
            Class { request: shape.request, count: p.count, host_ports: shape.host_ports.clone(), spread }
        };
        self.pending.iter().map(class).collect()
    }

    fn estimate(&self, g: usize, classes: &[Class], takes: &[bool], most: u32) -> Estimate {
        let group = &self.view.groups[g];
        let chosen: Vec<usize> = (0..classes.len()).filter(|i| takes[*i]).collect();
        let here = |i: &usize| {
            let mut class = classes[*i].clone();
            let zone = self.shape(&self.pending[*i]).spread.is_some_and(|s| s.by == Topology::Zone);
            if let Some(spread) = class.spread.as_mut().filter(|_| zone) {
                spread.by = Domain::Label(u64::from(group.kin.zone));
            }
            class
        };
        let mine: Vec<Class> = chosen.iter().map(here).collect();
        let found = estimator::estimate(group.template.allocatable, group.template.free, &mine, most);
        let mut scheduled = vec![0; classes.len()];
        for (i, n) in chosen.into_iter().zip(found.scheduled) {
            scheduled[i] = n;
        }
        Estimate { nodes: found.nodes, scheduled }
    }

    fn choice(&self, option: &Helpful, classes: &[Class]) -> Choice {
        let group = &self.view.groups[option.group];
        let helped = || classes.iter().zip(self.pending).zip(&option.estimate.scheduled).filter(|(_, n)| **n > 0);
        let requested = helped().fold(Resources::default(), |sum, ((c, _), n)| sum.plus(c.request.times(*n)));
        let pod_price: i128 = helped().map(|((_, p), n)| self.shape(p).price.0 * i128::from(*n)).sum();
        Choice {
            group: group.name.clone(),
            nodes: option.estimate.nodes,
            pods: u32::try_from(option.estimate.pods()).unwrap_or(u32::MAX),
            requested,
            capacity: group.template.capacity,
            node_price: group.price.0 as f64,
            pod_price: pod_price as f64,
            exists: true,
        }
    }

    /// The choice that the expanders and ties leave, by its place.
    fn pick(&self, choices: &[Choice], luck: &mut Luck) -> Option<usize> {
        let random = self.config.expanders.iter().position(|e| *e == Expander::Random);
        let named = &self.config.expanders[..random.unwrap_or(self.config.expanders.len())];
        let filter = |e: &Expander| match e {
            Expander::MostPods => Some(Filter::MostPods),
            Expander::LeastWaste => Some(Filter::LeastWaste),
            Expander::Priority(tiers) => Some(Filter::Priority(tiers.clone())),
            Expander::Price { stabilisation } => Some(Filter::Price(Market {
                stabilisation: stabilisation.0 as f64,
                preferred_cpu: preferred_cpu(self.view.nodes.len()),
            })),
            Expander::Random => None,
        };
        let filters: Vec<Filter> = named.iter().filter_map(filter).collect();
        let left = survivors(choices, &filters);
        let any = random.is_some() || matches!(self.config.ties, Ties::Random(_));
        let chosen = match left.len() {
            0 => return None,
            n if n > 1 && any => left[luck.below(n as u32) as usize],
            _ => left.iter().min_by_key(|c| &c.group)?,
        };
        choices.iter().position(|c| std::ptr::eq(c, chosen))
    }

    /// How many nodes the cluster may still get.
    fn cluster_room(&self) -> u32 {
        match self.config.limits.nodes_max {
            0 => u32::MAX,
            most => most.saturating_sub(self.nodes),
        }
    }

    /// How many nodes of a group the limits on the whole cluster leave.
    fn resource_room(&self, group: &Group) -> u32 {
        let each = maxima(&self.config.limits, self.total, group.template.capacity);
        each.into_iter().flatten().min().map_or(u32::MAX, |n| u32::try_from(n).unwrap_or(u32::MAX))
    }
}

/// What the whole cluster has: the targets of its groups and the nodes of none.
pub(super) fn total(view: &View<'_>) -> Resources {
    let groups = view.groups.iter().map(|g| g.template.capacity.times(g.target));
    let others = view.nodes.iter().filter(|n| n.group.is_none()).map(|n| n.capacity);
    groups.chain(others).fold(Resources::default(), Resources::plus)
}

/// By resource how many nodes of so much fit below the maximum; `None` where a node has none of it.
fn maxima(limits: &Limits, total: Resources, node: Resources) -> [Option<i128>; 3] {
    let room = |max: u64, unit: i128, total: i64, each: i64| {
        (each > 0).then(|| ((i128::from(max) * unit - i128::from(total)) / i128::from(each)).max(0))
    };
    [
        room(limits.cores.max, 1000, total.cpu, node.cpu),
        room(limits.memory_gib.max, 1 << 30, total.memory, node.memory),
        room(limits.gpus.max, 1000, total.gpu, node.gpu),
    ]
}
