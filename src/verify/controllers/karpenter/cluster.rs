//! From what a case says to what Karpenter looks at.

use super::labels::{Labels, POOL, capacity};
use super::{after, budgets};
use crate::policy::karpenter::{
    ConfigError, ConsolidationPolicy, DoNotDisrupt, InstanceType, Key, Limits, Node, NodePool, Offering, Pdb, Pod,
    PodIx, PoolIx, Requirements, Resources, Shape, ShapeIx, Taint, TypeIx, View,
};
use crate::scenario::decode::Spanned;
use crate::units::SimTime;
use crate::verify::cases::Report;
use crate::verify::controllers::descheduler::{taints, tolerates};
use crate::verify::controllers::format as f;
use crate::verify::controllers::names::{NOW, Names, ago, several, too_many};
use crate::verify::quantity::Amount;

/// A case's cluster, with its names.
#[derive(Debug)]
pub struct Cluster {
    pub pools: Vec<NodePool>,
    pub types: Vec<InstanceType>,
    pub nodes: Vec<Node>,
    pub shapes: Vec<Shape>,
    pub pods: Vec<Pod>,
    pub pdbs: Vec<Pdb>,
    pub revision: u64,
    pub labels: Labels,
    pub pool_names: Names,
    pub type_names: Names,
    pub node_names: Names,
    pub pod_names: Names,
    /// Where each pool was written.
    written: Vec<Spanned<String>>,
}

fn resources(cpu: Amount, memory: Amount, gpu: Amount, pods: Amount) -> Resources {
    Resources { cpu_milli: cpu.milli(), memory: memory.whole(), gpu_milli: gpu.milli(), pods: pods.whole() }
}

fn allocatable(a: &f::Allocatable) -> Resources {
    resources(a.cpu, a.memory, a.gpu, a.pods)
}

/// In the order of names.
fn by_name<T>(list: &[T], name: impl Fn(&T) -> &Spanned<String>) -> Vec<&T> {
    let mut sorted: Vec<&T> = list.iter().collect();
    sorted.sort_by(|a, b| name(a).value.cmp(&name(b).value));
    sorted
}

impl Cluster {
    /// `None`: it makes none, which has been reported.
    pub fn new(c: &f::Cluster, report: &mut Report<'_>) -> Option<Cluster> {
        if too_many(c.nodes.iter().map(|n| n.count), 10_000, "nodes", report)
            || too_many(c.pods.iter().map(|p| p.count), 100_000, "pods", report)
        {
            return None;
        }
        let mut type_names = Names::new("type");
        let types = by_name(&c.types, |t| &t.name);
        for t in &types {
            type_names.add(&t.name, report)?;
        }
        let mut labels = Labels::new(type_names.clone(), &c.well_known);
        let all = c.pools.iter().flat_map(|p| &p.requirements);
        let of_pods = c.pods.iter().flat_map(|p| p.required.iter().chain(&p.preferred).flatten());
        all.chain(of_pods).for_each(|r| labels.hear(r));
        let mut out = Cluster {
            pools: Vec::new(),
            types: Vec::new(),
            nodes: Vec::new(),
            shapes: Vec::new(),
            pods: Vec::new(),
            pdbs: Vec::new(),
            revision: 0,
            labels,
            pool_names: Names::new("pool"),
            type_names,
            node_names: Names::new("node"),
            pod_names: Names::new("pod"),
            written: Vec::new(),
        };
        for t in types {
            out.add_type(t);
        }
        let taints = taints(
            c.pools.iter().flat_map(|p| &p.taints).chain(c.nodes.iter().filter_map(|n| n.taints.as_ref()).flatten()),
        );
        let pools = by_name(&c.pools, |p| &p.name);
        for p in &pools {
            out.add_pool(p, &taints, report)?;
        }
        let first = c.pools.first().map(|p| p.name.value.as_str()).unwrap_or_default().to_owned();
        let groups = out.add_nodes(c, &first, &pools, &taints, report)?;
        let mut pdb_names = Names::new("disruption budget");
        for p in &c.pdbs {
            pdb_names.add(&p.name, report)?;
            out.pdbs.push(Pdb { allowed: p.allowed, never: p.never });
        }
        for p in &c.pods {
            out.add_pods(p, &groups, &taints, &pdb_names, report)?;
        }
        Some(out)
    }

    pub fn view(&self) -> View<'_> {
        View {
            pools: &self.pools,
            types: &self.types,
            nodes: &self.nodes,
            shapes: &self.shapes,
            pods: &self.pods,
            pdbs: &self.pdbs,
            revision: self.revision,
        }
    }

    /// What the operator refuses, at its pool.
    pub fn refuse(&self, faults: &[ConfigError], report: &mut Report<'_>) {
        for e in faults {
            let help = "the cluster would refuse it too";
            match e {
                ConfigError::Pool(i, e) if *i < self.written.len() => {
                    report.fault_at(self.written[*i].at, format!("this pool: {e}"), "refused", help);
                }
                other => report.fault(other.to_string(), help),
            }
        }
    }

    fn add_type(&mut self, t: &f::InstanceType) {
        let number = TypeIx(self.types.len() as u32);
        let offering = |o: &f::Offering| Offering {
            available: o.available,
            reservation: o.reservations,
            ..Offering::new(self.labels.zone(&o.zone), capacity(&o.capacity), o.price)
        };
        let offerings = t.offerings.iter().map(offering).collect();
        let mut made = InstanceType::new(number, resources(t.cpu, t.memory, t.gpu, t.pods), offerings);
        if let Some(a) = &t.allocatable {
            made.allocatable = allocatable(a);
        }
        made.labels.narrow(&self.labels.labels(&t.labels));
        made.exotic = t.exotic;
        self.types.push(made);
    }

    fn add_pool(&mut self, p: &f::NodePool, taints: &[&f::Taint], report: &mut Report<'_>) -> Option<()> {
        self.pool_names.add(&p.name, report)?;
        self.written.push(p.name.clone());
        let mut requirements = self.labels.requirements(&p.requirements, report)?;
        requirements.narrow(&self.labels.labels(&p.labels));
        let pool_label = [(POOL.to_owned(), p.name.value.clone())];
        requirements.narrow(&self.labels.labels(&pool_label));
        let types = match &p.types {
            None => (0..self.types.len() as u32).map(TypeIx).collect(),
            Some(list) => {
                let mut found = Vec::new();
                for name in list {
                    found.push(TypeIx(self.type_names.find(name, report)?));
                }
                found.sort_unstable();
                found.dedup();
                found
            }
        };
        let (d, l) = (&p.daemons, &p.limits);
        self.pools.push(NodePool {
            weight: p.weight,
            requirements,
            taints: numbered(&p.taints, taints),
            types,
            daemons: resources(d.cpu, d.memory, d.gpu, d.pods),
            limits: Limits {
                cpu_milli: l.cpu.map(Amount::milli),
                memory: l.memory.map(Amount::whole),
                gpu_milli: l.gpu.map(Amount::milli),
                nodes: l.nodes,
            },
            policy: match p.consolidation_policy {
                f::ConsolidationPolicy::WhenEmpty => ConsolidationPolicy::WhenEmpty,
                f::ConsolidationPolicy::WhenEmptyOrUnderutilized => ConsolidationPolicy::WhenEmptyOrUnderutilized,
                f::ConsolidationPolicy::Balanced => ConsolidationPolicy::Balanced,
            },
            consolidate_after: match &p.consolidate_after {
                None => NodePool::default().consolidate_after,
                Some(a) => Some(after(a)),
            },
            budgets: budgets(&p.budgets),
            expire_after: after(&p.expire_after),
            termination_grace: p.termination_grace_period,
            replicas: p.replicas,
            template: p.template,
        });
        Some(())
    }

    /// The nodes, by name; and by what was written, the names that it stands for.
    fn add_nodes(
        &mut self,
        c: &f::Cluster,
        first: &str,
        pools: &[&f::NodePool],
        taints: &[&f::Taint],
        report: &mut Report<'_>,
    ) -> Option<Vec<(String, Vec<String>)>> {
        let (mut named, mut groups) = (Vec::new(), Vec::new());
        for n in &c.nodes {
            let names = several(&n.name, n.count);
            named.extend(names.iter().map(|name| (name.clone(), n)));
            groups.push((n.name.value.clone(), names));
        }
        named.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, n) in named {
            self.node_names.add_as(&n.name, &name, report)?;
            let pool = match &n.pool {
                f::Belongs::Nobody => None,
                f::Belongs::First => self.pool_names.get(first),
                f::Belongs::Pool(name) => Some(self.pool_names.find(name, report)?),
            };
            let node = self.node(n, &name, pool, pools, taints, report)?;
            self.nodes.push(node);
        }
        Some(groups)
    }

    fn node(
        &mut self,
        n: &f::Node,
        name: &str,
        pool: Option<u32>,
        pools: &[&f::NodePool],
        taints: &[&f::Taint],
        report: &mut Report<'_>,
    ) -> Option<Node> {
        let number = match &n.r#type {
            Some(name) => self.type_names.find(name, report)?,
            None if self.types.is_empty() => {
                report.fault_at(n.name.at, "a node without a type", "of no type", "give the cluster `types`");
                return None;
            }
            None => 0,
        };
        let t = &self.types[number as usize];
        let wanted = n.zone.as_ref().map(|z| self.labels.zone(z));
        let fits = |o: &Offering| o.capacity_type == capacity(&n.capacity) && wanted.is_none_or(|z| o.zone == z);
        let Some(offering) = t.offerings.iter().position(fits) else {
            let message = format!("type `{}` has no such offering", self.type_names.name(number));
            report.fault_at(n.name.at, message, "this node", "name a capacity type and a zone that the type has");
            return None;
        };
        let mut node = Node::of(PoolIx(pool.unwrap_or(0)), TypeIx(number), t, offering);
        node.pool = pool.map(PoolIx);
        if let Some(p) = pool {
            let own = [(POOL.to_owned(), self.pool_names.name(p).to_owned())];
            node.labels.narrow(&self.labels.labels(&own));
            node.labels.narrow(&self.labels.labels(&pools[p as usize].labels));
            node.taints = self.pools[p as usize].taints.clone();
        }
        node.labels.narrow(&self.labels.labels(&n.labels));
        let hostname = [("kubernetes.io/hostname".to_owned(), name.to_owned())];
        node.labels.narrow(&self.labels.labels(&hostname));
        if let Some(list) = &n.taints {
            node.taints = numbered(list, taints);
        }
        if let Some(a) = &n.allocatable {
            node.allocatable = allocatable(a);
        }
        node.created = ago(n.created);
        node.initialized = match n.initialized {
            f::Since::Ago(d) => Some(ago(d)),
            f::Since::NotYet => None,
        };
        node.last_pod_event = n.last_pod_event.map(ago);
        node.ready = n.ready;
        node.deleting = n.deleting;
        node.nominated_until = n.nominated.map_or(SimTime::ZERO, |d| NOW + d);
        node.do_not_disrupt = n.do_not_disrupt;
        node.drifted = n.drifted.map(ago);
        node.template = n.template;
        Some(node)
    }

    fn add_pods(
        &mut self,
        p: &f::Pod,
        groups: &[(String, Vec<String>)],
        taints: &[&f::Taint],
        pdb_names: &Names,
        report: &mut Report<'_>,
    ) -> Option<()> {
        let mut requirements = self.labels.labels(&p.node_selector);
        let mut terms = Vec::new();
        for list in &p.required {
            terms.push(self.labels.requirements(list, report)?);
        }
        if let [only] = &terms[..] {
            requirements.narrow(only);
            terms.clear();
        }
        let mut preferences = Vec::new();
        for list in &p.preferred {
            preferences.push(self.labels.requirements(list, report)?);
        }
        let tolerated = (0..).zip(taints).filter(|(_, t)| p.tolerations.iter().any(|x| tolerates(x, t)));
        let tolerations = tolerated.map(|(i, _)| i).collect();
        let apart = p.apart.as_ref().map(|group| {
            let key = self.labels.key("fleetcast/apart");
            self.labels.value(key, group).0
        });
        let requests = Resources { pods: 1, ..resources(p.cpu, p.memory, p.gpu, Amount(0)) };
        let shape = Shape { requests, requirements, terms, preferences, tolerations, apart };
        let ix = match self.shapes.iter().position(|s| *s == shape) {
            Some(i) => ShapeIx(i as u32),
            None => {
                self.shapes.push(shape);
                ShapeIx(self.shapes.len() as u32 - 1)
            }
        };
        let mut pdbs = Vec::new();
        for name in &p.pdbs {
            pdbs.push(pdb_names.find(name, report)?);
        }
        let at = match &p.node {
            None => vec![None],
            Some(name) => match groups.iter().find(|(group, _)| *group == name.value) {
                Some((_, names)) => names.iter().map(|n| self.node_names.get(n)).collect(),
                None => vec![Some(self.node_names.find(name, report)?)],
            },
        };
        let all = p.count.saturating_mul(at.len() as u32);
        if too_many([all, self.pods.len() as u32], 100_000, "pods", report) {
            return None;
        }
        let places = at.iter().flat_map(|n| std::iter::repeat_n(*n, p.count as usize));
        for (name, node) in several(&p.name, all).into_iter().zip(places) {
            self.pod_names.add_as(&p.name, &name, report)?;
            let pod = Pod::new(ix, node.map(crate::policy::karpenter::NodeIx));
            self.pods.push(Pod {
                created: ago(p.created),
                started: p.started.map(ago),
                priority: p.priority,
                deletion_cost: p.deletion_cost,
                do_not_disrupt: match p.do_not_disrupt {
                    f::DoNotDisrupt::No => DoNotDisrupt::No,
                    f::DoNotDisrupt::Always => DoNotDisrupt::Always,
                    f::DoNotDisrupt::For(d) => DoNotDisrupt::For(d),
                },
                pdbs: pdbs.clone(),
                bound: p.daemon,
                active: !p.terminating,
                ..pod
            });
        }
        Some(())
    }

    /// The names of pods.
    pub fn pod_list(&self, pods: &[PodIx]) -> Vec<String> {
        pods.iter().map(|p| self.pod_names.name(p.0).to_owned()).collect()
    }
    /// The names of types.
    pub fn type_list(&self, types: &[TypeIx]) -> Vec<String> {
        types.iter().map(|t| self.type_names.name(t.0).to_owned()).collect()
    }
    /// The capacity types that requirements allow.
    pub fn capacities(r: &Requirements) -> Vec<String> {
        use crate::scenario::decode::Decode;
        let all = [f::Capacity::OnDemand, f::Capacity::Spot, f::Capacity::Reserved];
        let allowed = all.iter().filter(|c| r.allows(Key::CAPACITY_TYPE, capacity(c).value()));
        allowed.map(Decode::show).collect()
    }
}

fn numbered(list: &[f::Taint], all: &[&f::Taint]) -> Vec<Taint> {
    let number = |t: &f::Taint| all.iter().position(|x| *x == t).unwrap_or(0) as u32;
    list.iter().map(|t| Taint { number: number(t), prefer: f::prefers(&t.effect) }).collect()
}
