//! The Kubernetes Cluster Autoscaler, by itself: what it grows, what it deletes, and why it leaves the rest.
//!
//! - [`ClusterAutoscaler`]: the loop; [`Config`]: its flags with upstream's defaults;
//! - [`View`]: what a scan looks at; [`Decision`]: what it decides; [`WhyNot`]: why a node stays.
//!
//! Its parts, each by itself:
//!
//! - [`estimator`]: how many nodes of a group a set of pending pods needs;
//! - [`expander`]: which group is scaled up;
//! - [`balance`]: how a step is split over similar groups;
//! - [`utilisation`]: how full a node is, and which pods keep it;
//! - [`timing`]: what young pods, cooldowns, unneeded timers, parallelism and failures hold back.
//!
//! # Using it
//!
//! Call [`ClusterAutoscaler::scan`] every [`timing::Config::scan`] (10 s) with a view of the cluster as it is. A scan
//! that can find nothing is left out by itself, exactly: the same [`View::revision`], and no timer over. So a caller may
//! just as well sleep until the first scan at or after [`ClusterAutoscaler::next_due`], or after the next change. Then do
//! what the [`Decision`] says, before the next scan:
//!
//! - `grow`: raise the group's target; the provider launches the machines. While they are not ready they count as
//!   upcoming: by the target alone, or listed in [`View::unregistered`], so that they can be given up after
//!   [`timing::Config::provision`] (15 min). A launch that fails: [`ClusterAutoscaler::launch_failed`], and lower the
//!   target.
//! - `abandon`: delete the machines and lower the target.
//! - `delete`: mark the node [`Deleting::Empty`], delete its machine after [`timing::Config::delete_delay`] (5 s). When it
//!   is gone, take it from the nodes and lower the target.
//! - `drain`: mark it [`Deleting::Drain`]; after [`timing::Config::delete_delay`] evict its pods, mirrors and those of
//!   `DaemonSet`s excepted. An eviction that a disruption budget refuses is tried again for
//!   [`timing::Config::eviction`] (2 min). Each pod gets its grace, at most [`timing::Config::max_graceful`] (10 min).
//!   When all have gone the machine is deleted, as above. One that fails: mark the node [`Deleting::No`] and call
//!   [`ClusterAutoscaler::deletion_failed`].
//!
//! All timers are the autoscaler's own but these three: the delete delay, the eviction's retries, the grace.
//!
//! # What a scan costs
//!
//! One that is left out: nothing. Any other, with N nodes, P entries of pods on them (a shape with a count is one), S
//! shapes, W entries of pods that wait, G groups:
//!
//! - N + P for the room and the utilisations;
//! - S·N looks at most whether a node takes a pod, over all first fits together, as a node that is full for a shape is not
//!   looked at again ([`Work::looks`] counts them); pods with a topology spread are placed one by one, each with a look at
//!   every node;
//! - G·(pods that wait) for the estimates, only when something waits that has no place.
//!
//! A node that was found unremovable is not simulated for 5 min, and of the nodes that were not unneeded before no more
//! than a tenth are tried in a scan. Memory is N + P + S·G. [`synthetic`] makes clusters to measure it on.
//!
//! # What is otherwise than upstream
//!
//! Rules: kubernetes/autoscaler, branch `cluster-autoscaler-release-1.34`, `cluster-autoscaler/`. Quantities are whole
//! milli-CPU, bytes and milli-GPU; ratios are doubles where upstream has doubles. Where upstream's order is that of a map,
//! a list or a round robin (which node takes a pod, which candidate is first), ours is by number or name. There is no
//! limit by the wall clock. Candidates are first empty nodes, then those that were unneeded before, then others. Not
//! modelled: auto-provisioned groups, provisioning requests, dynamic resource allocation, affinity to other pods' labels,
//! volumes, flags by group.
//!
//! *Invariant:* nothing here knows a cloud or a fleet. Groups, nodes and pods are plain data.

pub mod balance;
mod config;
mod controller;
mod decision;
mod domains;
pub mod estimator;
pub mod expander;
mod room;
mod scale_down;
mod scale_up;
pub mod synthetic;
#[cfg(test)]
mod tests;
pub mod timing;
pub mod utilisation;
mod view;

pub use crate::policy::pdb::Pdb;
pub use crate::policy::pods::Resources;
pub use config::{Config, ConfigError, Expander, Limits, Range, Ties};
pub use controller::{ClusterAutoscaler, Work};
pub use decision::{Decision, Drain, Ended, Move, ScaleUp, WhyNot};
pub use utilisation::{Blocker, Kind};
pub use view::{
    Bound, Classes, Deleting, Group, GroupIx, Kin, Node, NodeId, Pending, Shape, ShapeIx, Spread, Topology,
    Unregistered, View,
};
