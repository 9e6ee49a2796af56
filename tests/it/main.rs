//! The integration tests: one binary, one link.

mod bad_input;
mod cli_run;
mod golden_draws;
mod layers;
mod scenarios;
