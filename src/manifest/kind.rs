//! One file a kind of object: what of it is read.

pub mod budget;
pub mod descheduler;
pub mod gpu;
pub mod hpa;
pub mod keda;
pub mod kueue;
pub mod meta;
pub mod node_pool;
pub mod pod;
pub mod vpa;
pub mod workload;
