//! What serving a language model on GPUs costs in time.
//!
//! - [`cost`]: how long one engine step takes, exactly, and many decode steps in closed form.
//! - [`replica`]: an engine with continuous batching, driven from outside; [`request`]: what it is asked and what it says;
//! - [`cache`]: prefix caches, and caches of whole responses; [`router`]: which replica is asked.
//!
//! *Invariant:* no event queue, no money, no files. Whoever drives a replica asks, and gets times.

pub mod cost;

pub mod cache;
pub mod replica;
pub mod request;
pub mod router;
