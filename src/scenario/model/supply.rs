//! How a pool's nodes come and go: reclaims, failures, launches that do not succeed.

use crate::market::{Cause, Hardware, Launch, Lifetime, Notice, Replay};

/// How a pool's nodes come and go. A pool without one has its nodes for ever.
#[derive(Clone, Debug)]
pub struct Supply {
    /// Nodes are launched when a run asks for them. Otherwise all are there from the start, and launched again whenever
    /// the provider took one back.
    pub on_request: bool,
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
