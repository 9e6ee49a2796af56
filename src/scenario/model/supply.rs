//! How a pool's nodes come and go: reclaims, failures, launches that do not succeed.

use crate::market::{Cause, Hardware, Launch, Lifetime, Notice, Replay};

/// Who launches a pool's nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staffing {
    /// All are there from the start, and launched again whenever the provider took one back.
    Standing,
    /// Runs launch them when they want them.
    OnRequest,
    /// An autoscaler does.
    Scaled {
        /// It leaves so many.
        min: u32,
        /// So many are there at the epoch.
        initial: u32,
    },
}

/// How a pool's nodes come and go. A pool without one has its nodes for ever.
#[derive(Clone, Debug)]
pub struct Supply {
    /// Who launches its nodes.
    pub staffing: Staffing,
    /// Whether this is the spot market, for purchase policies.
    pub spot: bool,
    /// How long a node is kept, each law drawn at its launch: the first to be over takes it back.
    pub lifetimes: Vec<(Lifetime, Cause)>,
    /// What the market offers over time: the least of them holds.
    pub replays: Vec<(Replay, Cause)>,
    /// How launching goes.
    pub launch: Launch,
    /// What is told before a reclaim.
    pub notice: Notice,
    /// How the machines themselves fail.
    pub hardware: Option<Hardware>,
    /// Nodes of the pool that are kept free on purpose: so much of what is free and unwanted is `spare`.
    pub spares: u32,
}

impl Supply {
    /// Whether runs launch its nodes.
    #[must_use]
    pub const fn on_request(&self) -> bool {
        matches!(self.staffing, Staffing::OnRequest)
    }
    /// Whether its nodes stand there, and are launched again when they are lost.
    #[must_use]
    pub const fn standing(&self) -> bool {
        matches!(self.staffing, Staffing::Standing)
    }
    /// Whether an autoscaler launches them.
    #[must_use]
    pub const fn scaled(&self) -> bool {
        matches!(self.staffing, Staffing::Scaled { .. })
    }
}
