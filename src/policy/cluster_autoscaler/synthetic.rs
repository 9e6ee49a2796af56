//! A cluster made up to measure what a scan costs: many nodes, seven or eight pods on each.

use super::view::{Bound, Group, GroupIx, Node, NodeId, Pending, Shape, ShapeIx, View};
use crate::policy::pods::Resources;
use crate::units::SimTime;

/// How full the nodes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Too full to be candidates, with room for one more pod each.
    Busy,
    /// One node in ten is half empty; its pods fit elsewhere.
    Some,
    /// All are half empty, and one pod of each fits nowhere else: every node is simulated in its turn, and none can go.
    Stuck,
}

/// The cluster's data.
#[derive(Clone, Debug)]
pub struct Cluster {
    groups: Vec<Group>,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    pending: Vec<Pending>,
    revision: u64,
}

const GIB: i64 = 1 << 30;

/// A cluster of `nodes` nodes of 16 cores in four groups with seven or eight pods each, of eight shapes.
#[must_use]
pub fn cluster(nodes: u32, fill: Fill) -> Cluster {
    let capacity = Resources { cpu: 16_000, memory: 64 * GIB, gpu: 0, pods: 110 };
    let group = |i: u32| Group { target: nodes.div_ceil(4), ..Group::new(&format!("group-{i}"), 0, nodes, capacity) };
    let groups: Vec<Group> = (0..4).map(group).collect();
    // Shapes 0–3 are large and 4–7 small; eight of the same make a node 7/8 or half full.
    let mut shapes: Vec<Shape> =
        (0..8).map(|i| Shape::plain(Resources::of_pod(if i < 4 { 1750 } else { 1000 }, GIB + i, 0))).collect();
    if fill == Fill::Stuck {
        // Two pods of a port never share a node.
        shapes[0].host_ports = vec![80];
    }
    let pods = |i: u32| {
        let low = match fill {
            Fill::Busy => false,
            Fill::Some => i.is_multiple_of(10),
            Fill::Stuck => return vec![Bound::new(ShapeIx(4 + i % 4), 6), Bound::new(ShapeIx(0), 1)],
        };
        let shape = ShapeIx(i % 4 + if low { 4 } else { 0 });
        vec![Bound::new(shape, 8)]
    };
    let node = |i: u32| {
        let ix = GroupIx(i % 4);
        Node { pods: pods(i), ..Node::of(NodeId(u64::from(i)), ix, &groups[ix.at()]) }
    };
    let nodes = (0..nodes).map(node).collect();
    Cluster { groups, nodes, shapes, pending: Vec::new(), revision: 0 }
}

impl Cluster {
    /// It, as the controller sees it.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View {
            groups: &self.groups,
            nodes: &self.nodes,
            unregistered: &[],
            shapes: &self.shapes,
            pending: &self.pending,
            pdbs: &[],
            revision: self.revision,
        }
    }

    /// One pod comes to a node and another one ends there: something changed, and nothing is different.
    pub fn touch(&mut self) {
        self.revision += 1;
    }

    /// So many small pods begin to wait.
    pub fn wait(&mut self, count: u32, created: SimTime) {
        self.revision += 1;
        self.pending = vec![Pending { shape: ShapeIx(7), count, created }];
    }
}
