//! Serving.

pub mod caches;
pub mod engine;
pub mod runs;
pub mod timing;
