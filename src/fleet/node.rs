//! Nodes and what is free on them.

use std::sync::Arc;

use super::cut::Cut;
use super::log::ChangeLog;
use super::poolset::{IslandId, PoolId};
use crate::workload::Request;

/// The most GPUs on one node (p2.16xlarge and a2-megagpu-16g have 16).
pub const MAX_GPUS: usize = 16;

/// Index of a node; never reused within a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// Which GPUs of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gpus {
    /// Bit `i` is GPU `i`.
    pub mask: u16,
    /// Which place of the one GPU, where GPUs are cut: an instance's index in the layout, or the memory slice from which
    /// it lies; 0 otherwise.
    pub place: u8,
}

impl Gpus {
    /// These GPUs, not cut.
    #[must_use]
    pub const fn of(mask: u16) -> Gpus {
        Gpus { mask, place: 0 }
    }
    /// A place of one GPU.
    #[must_use]
    pub const fn at(gpu: usize, place: u8) -> Gpus {
        Gpus { mask: 1 << gpu, place }
    }
    /// The indices in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.mask;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let i = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                i
            })
        })
    }
    /// How many.
    #[must_use]
    pub const fn count(self) -> u8 {
        self.mask.count_ones() as u8
    }
}

/// What a node has when empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capacity {
    /// Thousandths of a core.
    pub cpu_milli: u32,
    /// Mebibytes.
    pub mem_mib: u32,
    /// GPUs, at most [`MAX_GPUS`].
    pub gpus: u8,
}

/// What is free on a node now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Free {
    /// Thousandths of a core.
    pub cpu_milli: u32,
    /// Mebibytes.
    pub mem_mib: u32,
    /// Free milli-GPU of each GPU; 1000 is idle. On a node with a [`Cut`], which places of each GPU are free. Beyond the
    /// node's GPUs: 0.
    pub gpu: [u16; MAX_GPUS],
    /// Free milli-GPU of all GPUs.
    pub milli: u32,
    /// GPUs on the node.
    pub gpus: u8,
    /// GPUs that are wholly free; 0 with a cut.
    pub whole: u8,
    /// The most that is free on one GPU, in milli-GPU; 0 without GPUs or with a cut.
    pub largest: u16,
    /// Which kinds of GPU pod run here: bit 0 shares of a GPU, bit `n` pods of `n` whole GPUs.
    pub classes: u32,
}

impl Free {
    /// All of a node's capacity.
    #[must_use]
    pub fn of(cap: Capacity) -> Free {
        let mut gpu = [0; MAX_GPUS];
        gpu[..cap.gpus as usize].fill(1000);
        Free {
            cpu_milli: cap.cpu_milli,
            mem_mib: cap.mem_mib,
            gpu,
            milli: 1000 * u32::from(cap.gpus),
            gpus: cap.gpus,
            whole: cap.gpus,
            largest: if cap.gpus == 0 { 0 } else { 1000 },
            classes: 0,
        }
    }

    /// All of the capacity of a node with or without a cut.
    #[must_use]
    pub fn with_cut(cap: Capacity, cut: Option<&Cut>) -> Free {
        let mut free = Free::of(cap);
        if let Some(cut) = cut {
            free.gpu[..usize::from(cap.gpus)].fill(cut.empty());
            (free.whole, free.largest) = (0, 0);
        }
        free
    }

    /// The words of the GPUs that there are.
    #[must_use]
    pub fn words(&self) -> &[u16] {
        &self.gpu[..usize::from(self.gpus)]
    }

    /// Whether one pod of this request fits, node type and cut aside.
    #[must_use]
    pub fn fits(&self, r: &Request) -> bool {
        if r.cpu_milli > self.cpu_milli || r.mem_mib > self.mem_mib {
            return false;
        }
        match (r.gpus, r.gpu_milli) {
            (0, _) => true,
            (n, 1000) => self.whole >= n,
            (_, m) => self.gpus > 0 && self.largest >= m,
        }
    }

    /// The same on a node with or without a cut.
    #[must_use]
    pub fn fits_with(&self, cut: Option<&Cut>, r: &Request) -> bool {
        cut.map_or_else(|| self.fits(r), |c| c.fits(self, r))
    }

    /// Takes what a pod on these GPUs takes; false, and nothing taken, when it is not there.
    pub fn take(&mut self, cut: Option<&Cut>, r: &Request, gpus: Gpus) -> bool {
        let Some(cut) = cut.filter(|_| r.gpus > 0) else { return self.take_uncut(r, gpus) };
        let there = r.cpu_milli <= self.cpu_milli && r.mem_mib <= self.mem_mib && cut.take(self, r, gpus);
        if there {
            self.cpu_milli -= r.cpu_milli;
            self.mem_mib -= r.mem_mib;
        }
        there
    }

    fn take_uncut(&mut self, r: &Request, gpus: Gpus) -> bool {
        let there = r.cpu_milli <= self.cpu_milli
            && r.mem_mib <= self.mem_mib
            && gpus.iter().all(|i| i < self.gpus as usize && self.gpu[i] >= r.gpu_milli);
        if there {
            self.cpu_milli -= r.cpu_milli;
            self.mem_mib -= r.mem_mib;
            for i in gpus.iter() {
                self.whole -= u8::from(self.gpu[i] == 1000 && r.gpu_milli > 0);
                self.gpu[i] -= r.gpu_milli;
            }
            self.milli -= r.total_milli();
            if r.gpus > 0 {
                self.update_largest();
            }
        }
        there
    }

    /// Gives back what a pod on these GPUs took.
    pub fn give(&mut self, cut: Option<&Cut>, r: &Request, gpus: Gpus) {
        self.cpu_milli += r.cpu_milli;
        self.mem_mib += r.mem_mib;
        if let Some(cut) = cut.filter(|_| r.gpus > 0) {
            return cut.give(self, r, gpus);
        }
        for i in gpus.iter() {
            self.gpu[i] += r.gpu_milli;
            debug_assert!(self.gpu[i] <= 1000, "no more comes back than was taken");
            self.whole += u8::from(self.gpu[i] == 1000 && r.gpu_milli > 0);
        }
        self.milli += r.total_milli();
        if r.gpus > 0 {
            self.update_largest();
        }
    }

    /// Brings `largest` up to date after a change of `gpu`. Entries beyond the node's GPUs are 0 and do not count.
    fn update_largest(&mut self) {
        self.largest = self.gpu.iter().fold(0, |a, g| a.max(*g));
    }

    /// How many pods of this request fit one after the other.
    #[must_use]
    pub fn count(&self, cut: Option<&Cut>, r: &Request) -> u32 {
        let mut n = match (r.gpus, r.gpu_milli, cut) {
            (0, ..) => u32::MAX,
            (_, _, Some(cut)) => cut.slots(self, r),
            (k, 1000, None) => u32::from(self.whole / k),
            (_, m, None) => self.words().iter().map(|g| u32::from(g / m.max(1))).sum(),
        };
        n = n.min(self.cpu_milli.checked_div(r.cpu_milli).unwrap_or(u32::MAX));
        n = n.min(self.mem_mib.checked_div(r.mem_mib).unwrap_or(u32::MAX));
        // A pod that asks for nothing fits as often as one likes; keep sums of counts far from overflow.
        n.min(1 << 20)
    }
}

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeState {
    /// Billed, not yet able to take work.
    Booting,
    /// Takes work.
    Ready,
    /// Held by one run that launched it; takes nobody else's work.
    Held,
    /// Takes no new work; what runs may finish.
    Draining,
    /// Its GPUs are being cut anew; nothing runs.
    Reconfiguring,
    /// Out of order and still billed.
    Broken,
    /// Not there and not billed: not yet launched, taken back, given back, or at the repairer's. It may come (again).
    Away,
    /// Gone for good; its index is not reused.
    Gone,
}

impl NodeState {
    /// Whether a node in this state is billed.
    #[must_use]
    pub const fn is_billed(self) -> bool {
        !matches!(self, NodeState::Away | NodeState::Gone)
    }

    /// Whether a node may go from here to there.
    #[must_use]
    pub fn may_become(self, to: NodeState) -> bool {
        use NodeState::{Away, Booting, Broken, Draining, Gone, Held, Ready, Reconfiguring};
        match self {
            Away => matches!(to, Booting | Ready | Held | Gone),
            Booting => matches!(to, Ready | Held | Draining | Broken | Away),
            Ready | Held => matches!(to, Draining | Reconfiguring | Broken | Away),
            Broken => matches!(to, Ready | Held | Booting | Draining | Away),
            Draining => matches!(to, Ready | Booting | Reconfiguring | Broken | Away | Gone),
            Reconfiguring => matches!(to, Ready | Draining | Broken | Away),
            Gone => false,
        }
    }
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its pool.
    pub pool: PoolId,
    /// Its island.
    pub island: IslandId,
    /// What it has.
    pub capacity: Capacity,
    /// What is free.
    pub free: Free,
    /// Its state.
    pub state: NodeState,
    /// Pods running here.
    pub pods: u32,
    /// How its GPUs are given out, where not whole and by thousandths.
    pub cut: Option<Arc<Cut>>,
    counts: [u16; MAX_GPUS + 1],
}

impl Node {
    /// Whether one pod of this request fits, its state and pool aside.
    #[inline]
    #[must_use]
    pub fn fits(&self, r: &Request) -> bool {
        match &self.cut {
            None => self.free.fits(r),
            Some(cut) => cut.fits(&self.free, r),
        }
    }

    /// How many pods of this request fit one after the other, its state and pool aside.
    #[must_use]
    pub fn count(&self, r: &Request) -> u32 {
        self.free.count(self.cut.as_deref(), r)
    }
}

/// All nodes, with the log of what changed.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    nodes: Vec<Node>,
    log: ChangeLog,
}

impl Fleet {
    /// Adds a node in a state and returns its index.
    pub fn add(&mut self, pool: PoolId, island: IslandId, capacity: Capacity, state: NodeState) -> NodeId {
        self.add_cut(pool, island, capacity, state, None)
    }

    /// The same of a node whose GPUs are cut.
    pub fn add_cut(
        &mut self,
        pool: PoolId,
        island: IslandId,
        capacity: Capacity,
        state: NodeState,
        cut: Option<Arc<Cut>>,
    ) -> NodeId {
        assert!(capacity.gpus as usize <= MAX_GPUS, "checked when the scenario is loaded");
        let id = NodeId(self.nodes.len() as u32);
        let counts = [0; MAX_GPUS + 1];
        let free = Free::with_cut(capacity, cut.as_deref());
        self.nodes.push(Node { pool, island, capacity, free, state, pods: 0, cut, counts });
        self.touch(id);
        id
    }

    /// All nodes, gone ones included.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// Changes so far.
    #[must_use]
    pub fn log(&self) -> &ChangeLog {
        &self.log
    }

    /// Moves a node to another state.
    pub fn set_state(&mut self, id: NodeId, state: NodeState) {
        let node = &mut self.nodes[id.0 as usize];
        debug_assert!(node.state.may_become(state), "from {:?} to {state:?}", node.state);
        debug_assert!(
            node.pods == 0 || matches!(state, NodeState::Draining | NodeState::Ready),
            "a node with pods cannot be {state:?}"
        );
        node.state = state;
        self.touch(id);
    }

    /// Cuts the GPUs of an empty node anew.
    pub fn recut(&mut self, id: NodeId, cut: Arc<Cut>) {
        let node = &mut self.nodes[id.0 as usize];
        debug_assert_eq!(node.pods, 0, "nothing runs while GPUs are cut");
        node.free = Free::with_cut(node.capacity, Some(&cut));
        node.cut = Some(cut);
        self.touch(id);
    }

    /// Puts a pod on a node, on these GPUs (as many as it asks for; none for a CPU pod).
    pub fn place(&mut self, id: NodeId, r: &Request, gpus: Gpus) {
        let node = &mut self.nodes[id.0 as usize];
        debug_assert_eq!(gpus.count(), r.gpus);
        debug_assert!(matches!(node.state, NodeState::Ready | NodeState::Held));
        let fits = node.free.take(node.cut.as_deref(), r, gpus);
        debug_assert!(fits, "the pod fits");
        node.pods += 1;
        if r.gpus > 0 {
            let class = class_of(r);
            node.counts[class] += 1;
            node.free.classes |= 1 << class;
        }
        self.touch(id);
    }

    /// Takes a pod off a node again.
    pub fn release(&mut self, id: NodeId, r: &Request, gpus: Gpus) {
        let node = &mut self.nodes[id.0 as usize];
        node.free.give(node.cut.as_deref(), r, gpus);
        node.pods -= 1;
        if r.gpus > 0 {
            let class = class_of(r);
            node.counts[class] -= 1;
            if node.counts[class] == 0 {
                node.free.classes &= !(1 << class);
            }
        }
        debug_assert!(node.free.cpu_milli <= node.capacity.cpu_milli && node.free.mem_mib <= node.capacity.mem_mib);
        self.touch(id);
    }

    fn touch(&mut self, id: NodeId) {
        let keep = self.nodes.len();
        self.log.push(id, keep);
    }
}

/// 0 for a share of a GPU, `n` for `n` whole ones: the affinity classes of GpuClustering.
fn class_of(r: &Request) -> usize {
    if r.is_share() { 0 } else { r.gpus as usize }
}
