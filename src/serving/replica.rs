//! A replica: one engine with continuous batching, iteration by iteration, driven from outside.
//!
//! - [`Replica`]: the engine; [`Config`]: its limits;
//! - [`naive`]: the same rules, written the slow and obvious way, to hold the engine against;
//! - [`group`]: many replicas behind a router, as one source of events;
//! - [`latencies`]: what users feel, as histograms;
//! - [`transfer`]: KV on its way from a prefill to a decode replica;
//! - [`factors`]: speculative decoding, and quantised or distilled models, as factors on a step's cost.
//!
//! # The rules
//!
//! They are those of vLLM V1's scheduler (`vllm/v1/core/sched/scheduler.py`; LLMServingSim ports the same). A step begins
//! where the one before ended, or when something comes to an idle replica. At its beginning:
//!
//! 1. Requests whose time is over leave.
//! 2. Each decoding sequence gets room for one more token. Where blocks of KV lack, the sequence admitted last loses all
//!    of its own and waits again, first of its priority; it will compute its prompt and what it had produced anew.
//! 3. The prompt that is being read, if any, goes on: as many tokens as the budget of the step leaves (chunked prefill).
//! 4. Unless the step has preempted, waiting requests are taken up in order of priority, then arrival, while tokens of
//!    the budget, sequences and blocks for their first chunk are there. The first that does not fit ends it.
//!
//! At its end, decoding sequences have a token more; those that have all of theirs leave, by order of admission. A
//! prompt that has been read has its first token.
//!
//! A request that arrives at the very instant at which a step begins is not in that step. A request that prompt and
//! output make larger than all KV is refused at once: so the oldest sequence can always go on.
//!
//! # Leaps
//!
//! All decoding sequences gain a token a step, so nothing about them needs touching: with a counter of steps `v`, a
//! sequence that joined at `v0` has `v − v0` tokens more, ends at a `v` known when it joins, and needs a new block when
//! `v` has its residue modulo the block size. While nobody joins, leaves or reads a prompt, so many steps take a time
//! known in closed form ([`Quantised::run`](crate::serving::cost::Quantised::run)). [`Mode::Leap`] jumps to the next
//! completion, shortage of blocks or time-out; what arrives on the way cuts the jump at the end of the step in progress.
//! [`Mode::Step`] takes every step by itself. Both give the same times to the picosecond, as all of it is in integers.

mod clock;
mod config;
mod engine;
pub mod factors;
mod finish;
pub mod group;
mod hand_back;
pub mod latencies;
pub mod naive;
mod schedule;
mod slots;
mod snapshot;
pub mod transfer;
mod waiting;

#[cfg(test)]
mod tests;

pub use config::{BadConfig, Config, Mode, PrefixCaching};
pub use engine::Replica;
pub use group::Group;
pub use latencies::Latencies;
pub use snapshot::{Snapshot, Totals};
