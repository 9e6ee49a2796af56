//! Several pods on one GPU without cutting it: time-slicing and MPS.
//!
//! | file | what it holds |
//! |---|---|
//! | [`rules`] | what NVIDIA's device plugin and the driver allow: replicas, clients, requests, memory |
//! | [`contention`] | how much slower co-runners make each other |
//!
//! Neither isolates: under time-slicing pods share memory and faults, under MPS a fatal fault of one can take down the
//! others, and memory bandwidth is shared in both. MIG isolates all three; PCIe and power are shared even there.

pub mod contention;
pub mod rules;
#[cfg(test)]
mod tests;

pub use contention::{Contention, Tenant};
pub use rules::{CannotShare, Crash, Mps, Target, TimeSlicing, Way};
