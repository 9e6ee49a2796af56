//! A cluster made up to measure what a pass costs: many nodes, eight pods on each, nothing to gain.

use super::Budget;
use super::config::NodePool;
use super::requirement::Value;
use super::view::{
    CapacityType, InstanceType, Node, NodeIx, Offering, Pod, PoolIx, Resources, Shape, ShapeIx, TypeIx, View,
};
use crate::units::Rate;

/// How full the nodes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// So full that no pod fits elsewhere.
    Full,
    /// With room for two more pods on each: a node's eight go to four others.
    Slack,
    /// With room for one small pod on each and large ones that fit nowhere: half of a node's pods can move.
    Stuck,
    /// Full spot nodes of the dearest type among 512: what else there is would be cheaper, and spot is not replaced by
    /// spot, so that no bound ends a search early.
    Spot,
}

/// The cluster's data.
#[derive(Clone, Debug)]
pub struct Cluster {
    pools: Vec<NodePool>,
    types: Vec<InstanceType>,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    pods: Vec<Pod>,
}

/// A cluster of `nodes` nodes of 16 cores with 8 pods each, of 8 shapes; 16 types from 4 to 512 cores in 3 zones,
/// on-demand. [`Fill::Spot`] has other types.
#[must_use]
pub fn cluster(nodes: u32, fill: Fill) -> Cluster {
    const GIB: u64 = 1 << 30;
    let kind = |i: u64, cores: u64, price: i128, capacity_type| {
        let offerings = (0..3).map(|z| Offering::new(Value(z), capacity_type, Rate(price))).collect();
        let capacity = Resources { cpu_milli: 1000 * cores, memory: 4 * GIB * cores, gpu_milli: 0, pods: 110 };
        InstanceType::new(TypeIx(i as u32), capacity, offerings)
    };
    let types: Vec<InstanceType> = match fill {
        Fill::Spot => (0..512).map(|i| kind(i, 16, 1_000_000_000_000 + i128::from(i), CapacityType::Spot)).collect(),
        _ => (0..16)
            .map(|i| (i, 4 << (i / 2)))
            .map(|(i, cores)| {
                kind(i, cores, 100_000_000_000 * i128::from(cores) - i128::from(i % 2), CapacityType::OnDemand)
            })
            .collect(),
    };
    // Of 16 cores: the cheaper of the two such types, or the dearest of the spot types.
    let number = if fill == Fill::Spot { TypeIx(511) } else { TypeIx(5) };
    let cores = 16_000;
    let each = match fill {
        Fill::Full | Fill::Spot => cores / 8,
        Fill::Slack => cores / 10,
        Fill::Stuck => cores / 8 - 100,
    };
    let shapes: Vec<Shape> = (0..8_u64)
        .map(|i| {
            let cpu = match fill {
                Fill::Stuck if i < 4 => each + 400,
                Fill::Stuck => each - 400,
                _ => each,
            };
            Shape { requests: Resources::pod(cpu, GIB + i, 0), ..Shape::default() }
        })
        .collect();
    let pool = NodePool {
        types: (0..types.len() as u32).map(TypeIx).collect(),
        budgets: vec![Budget::of("100%")],
        ..NodePool::default()
    };
    let made = |i: u32| Node::of(PoolIx(0), number, &types[number.at()], i as usize % 3);
    Cluster {
        pools: vec![pool],
        nodes: (0..nodes).map(made).collect(),
        pods: (0..8 * nodes).map(|i| Pod::new(ShapeIx(i % 8), Some(NodeIx(i / 8)))).collect(),
        types,
        shapes,
    }
}

impl Cluster {
    /// It, as the controller sees it.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View {
            pools: &self.pools,
            types: &self.types,
            nodes: &self.nodes,
            shapes: &self.shapes,
            pods: &self.pods,
            pdbs: &[],
            revision: 0,
        }
    }
}
