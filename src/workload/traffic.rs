//! Inference requests: replayed from published traces, or made from parameters.
//!
//! - [`request`]: one request, and what of its prompt others share.

pub mod request;

pub use request::{BLOCK_TOKENS, BlockId, PrefixRef, Request};
