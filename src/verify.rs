//! Validation suites: a published or closed-form figure, ours beside it, and the tolerance.
//!
//! *Invariant:* a suite returns plain rows and prints nothing; a verdict never depends on which seeds were chosen by
//! hand, only on their number.

pub mod fgd;
