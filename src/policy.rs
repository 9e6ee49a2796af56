//! Policies: each controller's configuration, what it looks at, and what it decides.
//!
//! *Invariant:* a policy never mutates the fleet and never sees the queue of events.

pub mod cluster_autoscaler;
pub mod culler;
pub mod descheduler;
pub mod hpa;
pub mod karpenter;
pub mod keda;
pub mod kueue;
pub mod mig;
pub mod placement;
pub mod queue;
pub mod spot;
pub mod vpa;
