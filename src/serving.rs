//! Serving language models on GPUs: how long things take, and what fits.
//!
//! - [`cost`]: how long one engine step takes, exactly, and many decode steps in closed form;
//! - [`profile`]: bundled costs by model, GPU, engine and parallelism, with their evidence;
//! - [`fit`]: costs from benchmarks and timed runs; [`physics`]: costs from data sheets;
//! - [`mod@slice`]: costs on a MIG instance;
//! - [`memory`]: KV tokens that fit, and when a measurement was short of them;
//! - [`replica`]: an engine with continuous batching, driven from outside; [`request`]: what it is asked and what it says;
//! - [`front`]: what stands before the replicas of a service: limits, caches, retries, lanes;
//! - [`cache`]: prefix caches, and caches of whole responses; [`router`]: which replica is asked.
//!
//! *Invariant:* no event queue, no money; no files but the benchmark tables that [`fit::read`] reads.

pub mod cost;
pub mod fit;
pub mod memory;
pub mod physics;
pub mod profile;
pub mod slice;

pub mod cache;
pub mod front;
pub mod replica;
pub mod request;
pub mod router;
