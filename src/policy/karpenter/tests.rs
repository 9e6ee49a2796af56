//! Upstream's vectors, and those worked out from its rules. Property tests are in `laws`.

use super::*;
use crate::units::Duration;

mod disruption;
mod figures;
mod laws;
mod provisioning;

const GIB: u64 = 1 << 30;
/// A dollar.
const USD: f64 = 1e12;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(seconds: f64) -> SimTime {
    SimTime((seconds * 1e9) as u64)
}

fn usd(dollars: f64) -> Rate {
    Rate((dollars * USD).round() as i128)
}

const OD: CapacityType = CapacityType::OnDemand;
const SPOT: CapacityType = CapacityType::Spot;

/// A small world, built by hand.
#[derive(Clone, Debug, Default)]
struct World {
    pools: Vec<NodePool>,
    types: Vec<InstanceType>,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    pods: Vec<Pod>,
    pdbs: Vec<Pdb>,
    revision: u64,
}

impl World {
    fn view(&self) -> View<'_> {
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
    /// A type of so many milli-CPU and GiB with offerings in zones 0, 1, …
    fn kind(&mut self, cpu: u64, gib: u64, offerings: &[(CapacityType, f64)]) -> TypeIx {
        let ix = TypeIx(self.types.len() as u32);
        let capacity = Resources { cpu_milli: cpu, memory: gib * GIB, gpu_milli: 8000, pods: 110 };
        let mut zones = [0, 0, 0];
        let offer = |(kind, price): &(CapacityType, f64)| {
            let zone = zones[*kind as usize];
            zones[*kind as usize] += 1;
            Offering::new(Value(zone), *kind, usd(*price))
        };
        let offerings = offerings.iter().map(offer).collect();
        self.types.push(InstanceType::new(ix, capacity, offerings));
        for pool in &mut self.pools {
            pool.types.push(ix);
        }
        ix
    }
    fn pool(&mut self) -> &mut NodePool {
        let types = (0..self.types.len() as u32).map(TypeIx).collect();
        self.pools.push(NodePool { types, budgets: vec![Budget::of("100%")], ..NodePool::default() });
        self.pools.last_mut().unwrap()
    }
    fn node(&mut self, kind: TypeIx, offering: usize) -> NodeIx {
        self.nodes.push(Node::of(PoolIx(0), kind, &self.types[kind.at()], offering));
        NodeIx(self.nodes.len() as u32 - 1)
    }
    fn pod(&mut self, node: Option<NodeIx>, cpu: u64, memory: u64) -> &mut Pod {
        let shape = Shape { requests: Resources::pod(cpu, memory, 0), ..Shape::default() };
        self.pod_of(node, shape)
    }
    fn pod_of(&mut self, node: Option<NodeIx>, shape: Shape) -> &mut Pod {
        self.shapes.push(shape);
        self.pods.push(Pod::new(ShapeIx(self.shapes.len() as u32 - 1), node));
        self.pods.last_mut().unwrap()
    }
    fn karpenter(&self, config: Config) -> Karpenter {
        Karpenter::new(config, &self.pools).unwrap()
    }
    /// What a pass decides at a time when nothing is too early.
    fn pass(&self, config: Config) -> Option<Command> {
        match self.karpenter(config).begin(&self.view(), at(1e5)) {
            Verdict::Idle { .. } => None,
            Verdict::Validate { command, .. } | Verdict::Act(command) => Some(command),
        }
    }
}

fn spot_to_spot() -> Config {
    Config { spot_to_spot: true, ..Config::default() }
}

fn on_demand_only() -> Requirements {
    Requirements::new().with(Key::CAPACITY_TYPE, Set::of([OD.value()]))
}

fn two_nodes() -> World {
    let mut w = World::default();
    let kind = w.kind(4000, 16, &[(OD, 1.0)]);
    w.pool();
    let (a, b) = (w.node(kind, 0), w.node(kind, 0));
    for node in [a, a, b] {
        w.pod(Some(node), 100, GIB);
    }
    w
}
