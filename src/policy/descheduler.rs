//! The Descheduler's node utilisation plugins, by themselves: which pods are evicted so that nodes are evenly used, or so
//! that some of them become empty.
//!
//! - [`Config`]: a plugin's arguments, with upstream's defaults and validation;
//! - [`View`]: nodes and pods, plain data in the order of names;
//! - [`run`]: one run: how each node was classed and why, who is evicted in order, who was passed over and why;
//! - [`Evictor`] and [`Kept`]: which pods are never evicted (`DefaultEvictor`).
//!
//! Rules: kubernetes-sigs/descheduler, `pkg/framework/plugins/nodeutilization`, `.../defaultevictor`,
//! `pkg/descheduler/evictions`. It only evicts: whoever calls it makes the pods wait again, and with
//! `HighNodeUtilization` it takes `MostAllocated` scoring and an autoscaler to make anything of the empty nodes.
//!
//! **When to call it.** The binary runs once ([`INTERVAL`], 0); the Helm chart sets [`HELM_INTERVAL`], 5 minutes, as a
//! Deployment, and else makes a `CronJob`. It looks at requests, or at metrics if told to, at that moment only, and
//! remembers nothing.
//!
//! **Thresholds and GPUs.** CPU, memory and pods always count against what destinations have left; a GPU (any extended
//! resource) counts only where it is listed in the thresholds, and then
//! - a node without any has 0 % of it in use, so that it always passes as under-used by that threshold;
//! - a destination without any has none left, so that one listed resource that no destination has stops all evictions;
//! - a node that is full of GPUs but light on CPU is "under-used" where GPUs are not listed;
//! - metrics do not have them: with metrics they cannot be listed.
//!
//! Percentages are doubles, as upstream's are, and what they cap is cut to whole units; amounts are whole. Upstream goes
//! over maps and sorts without keeping the order of equals: here equals go by name.
//!
//! *Invariant:* nothing is evicted that the view does not allow: budgets, limits, [`Kept`].

mod classify;
mod config;
mod evict;
mod evictor;
#[cfg(test)]
mod tests;
mod view;

pub use classify::{Class, Judged, Why};
pub use config::{Config, ConfigError, HELM_INTERVAL, INTERVAL, Limits, Plugin, SYSTEM_CRITICAL, Usage};
pub use evict::{Evicted, Passed, Run, Stop, run};
pub use evictor::{Evictor, Kept};
pub use view::{Node, Pod, PodKind, Qos, ResourceIx, Taint, View};
