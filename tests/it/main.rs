//! The integration tests: one binary, one link.

mod golden_draws;
mod layers;
