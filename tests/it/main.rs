//! The integration tests: one binary, one link.

mod cli_bin;
mod cli_catalog;
mod cli_metrics;
mod cli_trace;
mod cli_verify;
mod golden_draws;
mod layers;
