//! Policies: each controller's configuration, what it looks at, and what it decides.
//!
//! *Invariant:* a policy never mutates the fleet and never sees the queue of events.

pub mod cluster_autoscaler;
pub mod culler;
pub mod descheduler;
pub mod hpa;
pub mod karpenter;
pub mod keda;
pub mod kube_scheduler;
pub mod kueue;
pub mod mig;
pub mod pdb;
pub mod placement;
pub mod pods;
pub mod queue;
pub mod spot;
pub mod vpa;
