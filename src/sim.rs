//! The simulator: a model in, an outcome out, rows to a recorder on the way.
//!
//! *Invariants:* no files, no terminal, no clock but its own. The same model, seed and replication give the same outcome,
//! bit for bit. One event at a time; all of one instant's events before anyone is dispatched.

mod accounts;
mod arrivals;
mod buyer;
mod counts;
mod dispatch;
mod event;
mod finish;
mod free;
mod jobs;
mod life;
mod lives;
mod losses;
mod markets;
mod nodes;
mod runs;
mod saves;
mod service;
mod slices;
mod tally;
mod turns;
mod waiting;
mod world;
mod writes;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod slices_tests;
#[cfg(test)]
mod survival_tests;
#[cfg(test)]
mod tests;

pub use finish::check_conservation;

use crate::outcome::{Outcome, Recorder};
use crate::scenario::model::Model;

/// Runs a model once.
///
/// # Panics
/// When the books do not balance at the end: a fault of ours, never of the input.
pub fn simulate(model: &Model, seed: u64, replication: u32, recorder: &mut dyn Recorder) -> Outcome {
    let mut world = world::World::new(model, seed, replication, recorder);
    world.run();
    world.finish(seed, replication)
}
