//! How many nodes of a group a set of pending pods needs: first fit decreasing over classes of equal pods.
//!
//! Rules: `estimator/binpacking_estimator.go`.

use std::collections::BTreeMap;

use super::Resources;
use super::domains::Domains;

/// Pods that are alike: the same owner and the same wishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// What each asks for.
    pub request: Resources,
    /// How many.
    pub count: u32,
    /// Ports of the host that each takes: two pods with a port in common never share a node.
    pub host_ports: Vec<u16>,
    /// How they must be spread.
    pub spread: Option<Spread>,
}

impl Class {
    /// A class without ports or a spread.
    #[must_use]
    pub const fn plain(request: Resources, count: u32) -> Class {
        Class { request, count, host_ports: Vec::new(), spread: None }
    }
}

/// A `topologySpreadConstraints` entry with `DoNotSchedule` that selects the class's own pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// By how many pods a domain may exceed the emptiest; at least 1.
    pub max_skew: i64,
    /// With fewer domains than this the emptiest counts as empty; 1 by default.
    pub min_domains: u32,
    /// What a domain is.
    pub by: Domain,
    /// Pods that already run, by domain, with a zero for each empty domain. Nodes that could take none of these pods
    /// count too: the constraint asks for the label, not for room.
    pub existing: BTreeMap<u64, i64>,
}

/// What a domain of a spread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// `kubernetes.io/hostname`: each new node is a domain of its own.
    Hostname,
    /// Another label; all new nodes lie in this domain, a number for the label's value.
    Label(u64),
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Nodes that received at least one pod.
    pub nodes: u32,
    /// Pods scheduled of each class, in the order in which the classes were given.
    pub scheduled: Vec<u32>,
}

impl Estimate {
    /// Pods scheduled of all classes.
    #[must_use]
    pub fn pods(&self) -> u64 {
        self.scheduled.iter().map(|n| u64::from(*n)).sum()
    }
}

struct Node {
    free: Resources,
    ports: Vec<u16>,
    pods: u32,
}

/// Counts of a class's pods by domain while it is packed.
struct Skew<'a> {
    rule: &'a Spread,
    domains: Domains,
    /// New nodes that are known as domains.
    opened: usize,
}

impl<'a> Skew<'a> {
    fn new(rule: &'a Spread) -> Skew<'a> {
        let mut domains = Domains::new(&rule.existing);
        if let Domain::Label(domain) = rule.by {
            domains.add(domain, 0);
        }
        Skew { rule, domains, opened: 0 }
    }

    /// The domain of a new node: with hostnames one of its own, numbered down from the last.
    fn domain(&self, node: usize) -> u64 {
        match self.rule.by {
            Domain::Hostname => u64::MAX - node as u64,
            Domain::Label(domain) => domain,
        }
    }

    fn allows(&mut self, node: usize, opened: usize) -> bool {
        for new in self.opened..opened {
            self.domains.add(self.domain(new), 0);
        }
        self.opened = opened.max(self.opened);
        self.domains.allow(self.domain(node), self.rule.max_skew, self.rule.min_domains)
    }

    fn add(&mut self, node: usize) {
        self.domains.add(self.domain(node), 1);
    }
}

/// Packs the classes onto new nodes of a template. `free` is what a new node has left for pods, after its `DaemonSets`;
/// `allocatable` is what it has in all and orders the classes; at most `max_nodes` are opened.
///
/// Classes go by cpu/allocatable + memory/allocatable, largest first, equals as given; GPUs do not count. Scores are
/// compared exactly, as fractions over a common denominator.
#[must_use]
pub fn estimate(allocatable: Resources, free: Resources, classes: &[Class], max_nodes: u32) -> Estimate {
    let score = |class: &Class| {
        let (cpu, memory) = (i128::from(class.request.cpu), i128::from(class.request.memory));
        let (cpus, bytes) = (i128::from(allocatable.cpu), i128::from(allocatable.memory));
        // A resource that the template has none of adds nothing.
        match (cpus > 0, bytes > 0) {
            (true, true) => cpu * bytes + memory * cpus,
            (true, false) => cpu,
            (false, true) => memory,
            (false, false) => 0,
        }
    };
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(score(&classes[*i])));
    let mut nodes: Vec<Node> = Vec::new();
    let mut scheduled = vec![0; classes.len()];
    for i in order {
        let class = &classes[i];
        let mut skew = class.spread.as_ref().map(Skew::new);
        let (done, limited) = pack(class, &mut skew, &mut nodes, free, max_nodes);
        scheduled[i] = done;
        if limited {
            break;
        }
    }
    let used = nodes.iter().filter(|n| n.pods > 0).count();
    Estimate { nodes: u32::try_from(used).unwrap_or(u32::MAX), scheduled }
}

/// Packs one class; how many were placed, and whether the limit stopped it.
fn pack(
    class: &Class,
    skew: &mut Option<Skew<'_>>,
    nodes: &mut Vec<Node>,
    free: Resources,
    max_nodes: u32,
) -> (u32, bool) {
    let mut done = 0;
    let mut from = 0;
    while done < class.count {
        let Some(at) = (from..nodes.len()).find(|n| place(class, skew, nodes, *n)) else { break };
        done += 1;
        // Equal pods: what refused one refuses the next, unless a spread may let it in later.
        if class.spread.is_none() {
            from = at;
        }
    }
    while done < class.count {
        let last = nodes.len().checked_sub(1);
        if let Some(last) = last {
            if place(class, skew, nodes, last) {
                done += 1;
                continue;
            }
            if nodes[last].pods == 0 {
                return (done, false);
            }
        }
        if nodes.len() >= max_nodes as usize {
            return (done, true);
        }
        nodes.push(Node { free, ports: Vec::new(), pods: 0 });
    }
    (done, false)
}

fn place(class: &Class, skew: &mut Option<Skew<'_>>, nodes: &mut [Node], at: usize) -> bool {
    let opened = nodes.len();
    let node = &mut nodes[at];
    let free = class.request.fits(node.free) && class.host_ports.iter().all(|p| !node.ports.contains(p));
    if !free || skew.as_mut().is_some_and(|s| !s.allows(at, opened)) {
        return false;
    }
    node.free = node.free.minus(class.request);
    node.ports.extend(&class.host_ports);
    node.pods += 1;
    if let Some(s) = skew {
        s.add(at);
    }
    true
}
