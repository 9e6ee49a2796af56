//! Who is evicted, node by node.

use std::collections::BTreeMap;

use super::classify::{Class, Judged, classify};
use super::config::{Config, Plugin, Usage};
use super::evictor::Kept;
use super::view::{Node, Pod, ResourceIx, View};
use crate::units::SimTime;

/// Why a run evicts nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// This node has no metrics.
    NoMetrics(u32),
    /// No node is under-used.
    NoneUnder,
    /// No more are than `numberOfNodes`.
    FewUnder,
    /// All are.
    AllUnder,
    /// None is over-used.
    NoneOver,
    /// No other node can be scheduled to.
    NoDestination,
}

/// Why a pod of a node that pods leave was passed over, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// The evictor keeps it.
    Kept(Kept),
    /// It asks for none of the listed resources (`OnlyThresholdingResources`).
    AsksForNone,
    /// It tolerates the taints of no destination.
    Taints,
    /// No other node has room for it (`nodeFit`).
    NoFit,
    /// Its namespace is excluded.
    Namespace,
    /// It is not measured.
    NotMeasured,
    /// So many of its namespace went already.
    NamespaceLimit,
    /// Its disruption budget allows none.
    Budget,
    /// It has several disruption budgets: the eviction is an error.
    SeveralBudgets,
}

/// An eviction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// Which of the view's pods.
    pub pod: u32,
    /// Where it was.
    pub node: u32,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// How each node was classed; empty without metrics.
    pub nodes: Vec<Judged>,
    /// Why nothing was tried at all; `None` if it was.
    pub stop: Option<Stop>,
    /// Who is evicted, in order.
    pub evicted: Vec<Evicted>,
    /// Who was looked at and passed over.
    pub passed: Vec<(u32, Passed)>,
}

/// One run of the plugin over all nodes. The configuration has no faults.
#[must_use]
pub fn run(config: &Config, view: &View<'_>, now: SimTime) -> Run {
    let mut out = Run { nodes: Vec::new(), stop: None, evicted: Vec::new(), passed: Vec::new() };
    match classify(config, view) {
        Ok(nodes) => out.nodes = nodes,
        Err(node) => {
            out.stop = Some(Stop::NoMetrics(node));
            return out;
        }
    }
    let of = |class: Class| -> Vec<usize> { (0..out.nodes.len()).filter(|i| out.nodes[*i].class == class).collect() };
    let (under, over, others) = (of(Class::Under), of(Class::Over), of(Class::Destination));
    let high = matches!(config.plugin, Plugin::High { .. });
    out.stop = if under.is_empty() {
        Some(Stop::NoneUnder)
    } else if under.len() <= config.number_of_nodes as usize {
        Some(Stop::FewUnder)
    } else if under.len() == view.nodes.len() {
        Some(Stop::AllUnder)
    } else if !high && over.is_empty() {
        Some(Stop::NoneOver)
    } else if high && others.is_empty() {
        Some(Stop::NoDestination)
    } else {
        None
    };
    if out.stop.is_some() {
        return out;
    }
    // Milli-CPU, bytes, pods and the rest added up: memory decides.
    let size = |i: &usize| counted(config, view).map(|r| i128::from(out.nodes[*i].used[r.at()])).sum::<i128>();
    let (mut sources, destinations) = if high { (under, others) } else { (over, under) };
    if high {
        sources.sort_by_key(size);
    } else {
        sources.sort_by_key(|i| std::cmp::Reverse(size(i)));
    }
    let mut work = Eviction::new(config, view, now, &out.nodes, &destinations);
    for source in sources {
        if work.node(source).is_err() {
            break;
        }
    }
    (out.evicted, out.passed) = (work.evicted, work.passed);
    out
}

/// The resources that count: the basic ones and those listed.
fn counted<'a>(config: &'a Config, view: &View<'_>) -> impl Iterator<Item = ResourceIx> + 'a {
    (0..view.resources).map(ResourceIx).filter(|r| *r < ResourceIx::EXTENDED || config.lists(*r))
}

/// No pod may go any more.
struct TotalReached;

struct Eviction<'a> {
    config: &'a Config,
    view: &'a View<'a>,
    now: SimTime,
    judged: &'a [Judged],
    destinations: &'a [usize],
    /// By node, its pods.
    pods: Vec<Vec<u32>>,
    /// By node and resource, what its pods ask for; only for `nodeFit`.
    requested: Vec<Vec<i64>>,
    /// What destinations have left in all, by counted resource.
    left: Vec<(ResourceIx, i64)>,
    budgets: Vec<u32>,
    by_namespace: BTreeMap<u32, u32>,
    evicted: Vec<Evicted>,
    passed: Vec<(u32, Passed)>,
}

impl<'a> Eviction<'a> {
    fn new(
        config: &'a Config,
        view: &'a View<'a>,
        now: SimTime,
        judged: &'a [Judged],
        destinations: &'a [usize],
    ) -> Eviction<'a> {
        let left = |r: ResourceIx| {
            let of = |i: &usize| judged[*i].target[r.at()].saturating_sub(judged[*i].used[r.at()]);
            (r, destinations.iter().map(of).fold(0_i64, i64::saturating_add))
        };
        let mut pods = vec![Vec::new(); view.nodes.len()];
        for (i, pod) in (0..).zip(view.pods) {
            if let Some(list) = pods.get_mut(pod.node as usize) {
                list.push(i);
            }
        }
        let requested = if config.evictor.node_fit { requested(view) } else { Vec::new() };
        Eviction {
            config,
            view,
            now,
            judged,
            destinations,
            pods,
            requested,
            left: counted(config, view).map(left).collect(),
            budgets: view.budgets.to_vec(),
            by_namespace: BTreeMap::new(),
            evicted: Vec::new(),
            passed: Vec::new(),
        }
    }

    /// Whether evictions from a node go on: something is left of everything, and (by `LowNodeUtilization`) the node is
    /// still above one of its targets.
    fn goes_on(&self, used: &[i64], target: &[i64]) -> bool {
        let above = |(r, _): &(ResourceIx, i64)| used[r.at()] > target[r.at()];
        let needed = matches!(self.config.plugin, Plugin::High { .. }) || self.left.iter().any(above);
        needed && self.left.iter().all(|(_, left)| *left > 0)
    }

    fn node(&mut self, node: usize) -> Result<(), TotalReached> {
        let (view, config) = (self.view, self.config);
        let mut pods: Vec<u32> = Vec::new();
        for i in std::mem::take(&mut self.pods[node]) {
            match self.kept(&view.pods[i as usize]) {
                None => pods.push(i),
                Some(why) => self.passed.push((i, why)),
            }
        }
        // Without a priority before any priority, then the lowest, then by quality of service.
        pods.sort_by_key(|i| {
            let p = &view.pods[*i as usize];
            (p.priority, p.qos)
        });
        let (mut used, target) = (self.judged[node].used.clone(), &self.judged[node].target);
        if !self.goes_on(&used, target) {
            return Ok(());
        }
        let mut gone = 0;
        for i in pods {
            let pod = &view.pods[i as usize];
            if config.limits.per_node_by_plugin.is_some_and(|most| gone >= most) {
                break;
            }
            if let Some(why) = self.unfit(pod) {
                self.passed.push((i, why));
                continue;
            }
            if config.limits.total.is_some_and(|most| self.evicted.len() >= most as usize) {
                return Err(TotalReached);
            }
            if config.limits.per_node.is_some_and(|most| gone >= most) {
                return Ok(());
            }
            if let Some(why) = self.refused(pod) {
                self.passed.push((i, why));
                continue;
            }
            self.evicted.push(Evicted { pod: i, node: node as u32 });
            gone += 1;
            for (r, left) in &mut self.left {
                let amount = amount(config, pod, *r);
                *left = left.saturating_sub(amount);
                used[r.at()] = used[r.at()].saturating_sub(amount);
            }
            if !self.goes_on(&used, target) {
                break;
            }
        }
        Ok(())
    }

    fn kept(&self, pod: &Pod) -> Option<Passed> {
        if let Some(kept) = self.config.evictor.keeps(pod, self.now) {
            return Some(Passed::Kept(kept));
        }
        let only = matches!(self.config.plugin, Plugin::High { only_listed: true });
        let asks = self.config.thresholds.iter().any(|(r, _)| pod.asks(*r) > 0);
        (only && !asks).then_some(Passed::AsksForNone)
    }

    /// What is in the way before the eviction is asked for.
    fn unfit(&self, pod: &Pod) -> Option<Passed> {
        let tolerated = |n: &usize| self.view.nodes[*n].taints.iter().all(|t| pod.tolerates.contains(&t.number));
        if !self.destinations.iter().any(tolerated) {
            return Some(Passed::Taints);
        }
        if self.config.evictor.node_fit && !self.fits_elsewhere(pod) {
            return Some(Passed::NoFit);
        }
        if self.config.excluded_namespaces.contains(&pod.namespace) {
            return Some(Passed::Namespace);
        }
        (self.config.usage == Usage::Metrics && pod.measured.is_none()).then_some(Passed::NotMeasured)
    }

    /// Whether any other node could take it, by labels, taints and requests: as all nodes were when the run began.
    fn fits_elsewhere(&self, pod: &Pod) -> bool {
        let fits = |(i, node): (usize, &Node)| {
            let room = |r: ResourceIx| {
                // Upstream asks for no pods, and so a node that is full of pods fits.
                let asks = if r == ResourceIx::PODS { 0 } else { pod.asks(r) };
                let free = |has: i64| has.saturating_sub(self.requested[i][r.at()]);
                (asks == 0 && r >= ResourceIx::EXTENDED) || node.has(r).is_some_and(|has| asks <= free(has))
            };
            let taints = node.taints.iter().all(|t| t.prefer || pod.tolerates.contains(&t.number));
            let allowed = pod.allowed.as_ref().is_none_or(|list| list.contains(&(i as u32)));
            let other = i != pod.node as usize;
            other && !node.unschedulable && taints && allowed && (0..self.view.resources).map(ResourceIx).all(room)
        };
        self.view.nodes.iter().enumerate().any(fits)
    }

    /// Why the eviction is refused; otherwise it is counted.
    fn refused(&mut self, pod: &Pod) -> Option<Passed> {
        let so_far = self.by_namespace.entry(pod.namespace).or_insert(0);
        if self.config.limits.per_namespace.is_some_and(|most| *so_far >= most) {
            return Some(Passed::NamespaceLimit);
        }
        match pod.budgets[..] {
            [] => {}
            [budget] => match self.budgets.get_mut(budget as usize) {
                Some(0) => return Some(Passed::Budget),
                Some(left) => *left -= 1,
                None => {}
            },
            _ => return Some(Passed::SeveralBudgets),
        }
        *so_far += 1;
        None
    }
}

/// What the pods of each node ask for, by resource.
pub(super) fn requested(view: &View<'_>) -> Vec<Vec<i64>> {
    let mut all = vec![vec![0_i64; view.resources as usize]; view.nodes.len()];
    for pod in view.pods {
        let Some(sum) = all.get_mut(pod.node as usize) else { continue };
        for (r, sum) in (0..view.resources).map(ResourceIx).zip(sum) {
            *sum = sum.saturating_add(if r == ResourceIx::PODS { 1 } else { pod.asks(r) });
        }
    }
    all
}

/// What a pod frees.
fn amount(config: &Config, pod: &Pod, r: ResourceIx) -> i64 {
    if r == ResourceIx::PODS {
        return 1;
    }
    match (&pod.measured, config.usage) {
        (Some(measured), Usage::Metrics) => measured.get(r.at()).copied().unwrap_or(0),
        _ => pod.asks(r),
    }
}
