//! The front of a service: what stands between clients and replicas, and the replicas themselves.
//!
//! - [`Front`]: requests in, answers out; whoever owns the clock adds replicas and takes them away;
//! - [`config`]: lanes, caches, limits, retries, promises;
//! - [`tally`]: what became of the requests.
//!
//! A request passes, in this order: the limits that it is under; the response caches; the share of a rollout; then the
//! router of its lane. Where the lane has no replica it is held. A client whose request came to nothing may send it
//! again: it is the same request, and its latency counts from the first time. In a lane of prefills the first token ends
//! the first half of a request; its KV is moved, and it is decoded in another lane.
//!
//! Nothing here depends on how often [`Front::advance`] is called: a service can be left alone until somebody wants to
//! know or to change something.

mod caches;
pub mod config;
mod handoff;
mod limit;
mod state;
mod tag;
pub mod tally;
#[cfg(test)]
mod tests;

pub use config::{Caches, Config, Decode, Lane, Limit, Limited, Objective, Retry, Slo};
pub use state::{Front, Setup};
