//! The front of a service: what stands between clients and replicas.
//!
//! - [`config`]: lanes, caches, limits, retries.

pub mod config;

pub use config::{Caches, Config, Decode, Lane, Limit, Limited, Retry};
