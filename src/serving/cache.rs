//! Caches: of prompts inside a replica, of whole responses before it.
//!
//! - [`prefix`]: what a replica keeps of earlier prompts, three ways;
//! - [`response`]: exact, semantic and edge caches, whose hits never reach a replica;
//! - [`lru`]: the table that forgets what was used least recently;
//! - [`laws`]: hit rates in closed form (Che's approximation, time to live).

pub mod laws;
pub mod lru;
pub mod prefix;
pub mod response;
