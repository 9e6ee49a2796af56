//! Serving of language models against what was measured and what is known in closed form.
//!
//! - [`tpot`]: fits of measured times between tokens, priors from data sheets, and the classifier of saturated rows;
//! - [`engine`]: continuous batching and queues in closed form, leaps against steps, conservation, Little's law;
//! - [`fleet`]: services through the whole simulator, in closed form;
//! - [`caches`]: hit rates in closed form and on published traces;
//! - [`runs`]: measured runs of an engine, request by request;
//! - [`timing`]: the engine's timed set-ups.

pub mod caches;
pub mod engine;
pub mod fleet;
pub mod runs;
pub mod timing;
pub mod tpot;

use super::{Case, NoCases, Options};

/// The suite's name.
pub const SUITE: &str = "serving";

/// Runs the suite.
///
/// # Errors
/// [`NoCases::Bad`] for a file that cannot be read.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let mut out = Vec::new();
    // A part without its data leaves its cases out; the others still run.
    engine::cases(options, &mut out);
    fleet::cases(&mut out);
    tpot::cases(options, &mut out)?;
    caches::cases(options, &mut out)?;
    runs::cases(options, &mut out)?;
    Ok(out)
}
