//! The integration tests: one binary, one link.

mod bad_input;
mod cli_bin;
mod cli_catalog;
mod cli_compare;
mod cli_metrics;
mod cli_profile;
mod cli_report;
mod cli_run;
mod cli_sweep;
mod cli_trace;
mod cli_verify;
mod golden_draws;
mod layers;
mod luck;
mod manifests;
mod scenarios;
