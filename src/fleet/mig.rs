//! MIG instances on GPUs: what is on one now, what may come next, and what the rest is good for.
//!
//! | file | what it holds |
//! |---|---|
//! | [`gpu`] | [`MigGpu`]: the instances of one GPU and the only legal changes |
//! | [`refusal`] | [`Refusal`]: why a change is not legal |
//! | [`layouts`] | every layout of a set of profiles: masks, maximal layouts, multisets |
//! | [`mod@stranded`] | slices that no profile in demand can use |
//! | [`demand`] | the smallest profile for so much memory and compute |
//! | [`expose`] | what a node offers to Kubernetes |
//!
//! *Invariant:* the occupied slices are those of the instances, none twice; slices are taken when creating begins and
//! given back when destroying ends. A live instance neither moves nor grows: whoever wants another layout destroys and
//! creates.

pub mod demand;
pub mod expose;
pub mod gpu;
pub mod layouts;
pub mod refusal;
pub mod stranded;
#[cfg(test)]
mod tests;

pub use demand::{Demand, smallest};
pub use expose::{Unexposable, offered};
pub use gpu::{Instance, InstanceId, MigGpu, Mode, Phase, Placement};
pub use layouts::{Layout, Layouts, Multiset, TooMany};
pub use refusal::Refusal;
pub use stranded::{Stranded, fragmented, stranded, usable};
