//! What serving a language model on GPUs costs in time.
//!
//! - [`cost`]: how long one engine step takes, exactly, and many decode steps in closed form.
//!
//! *Invariant:* no event queue, no money, no files. Whoever drives a replica asks, and gets times.

pub mod cost;
