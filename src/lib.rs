//! fleetcast forecasts what a fleet of GPUs costs, how well it is used, who waits, and where the waste goes.
//!
//! Data flows one way: a scenario file, traces and prices become a `Model`; the simulator turns a model into events;
//! events into a ledger; the ledger into an `Outcome`; outcomes into comparisons; those into charts and tables.
//! A module imports only from modules above it in the list below (`tests/it/layers.rs` proves it).
//!
//! `docs/architecture.md` in the repository is the map.

pub mod units;

pub mod kernel;

pub mod formats;

pub mod catalog;

pub mod workload;

pub mod market;

pub mod fleet;

pub mod policy;

pub mod manifest;

pub mod training;

pub mod serving;

pub mod ledger;

pub mod outcome;

pub mod scenario;

pub mod sim;

pub mod experiment;

pub mod report;

pub mod verify;

pub mod cli;
