//! The fleet's state: pools, nodes, GPUs, and the only transitions that are legal.
//!
//! *Invariant:* no policy and no money here. Every change of what a node can take is written to a log, so that indexes
//! elsewhere refresh only what changed.

pub mod cut;
pub mod log;
pub mod mig;
pub mod node;
pub mod poolset;
pub mod sharing;

pub use cut::Cut;
pub use log::ChangeLog;
pub use node::{Capacity, Fleet, Free, Gpus, MAX_GPUS, Node, NodeId, NodeState};
pub use poolset::{IslandId, PoolId, PoolSet};
