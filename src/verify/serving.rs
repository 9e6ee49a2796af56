//! Serving of language models against what was measured and what is known in closed form.
//!
//! - [`tpot`]: fits of measured times between tokens, priors from data sheets, and the classifier of saturated rows.

pub mod tpot;

use super::{Case, NoCases, Options};

/// The suite's name.
pub const SUITE: &str = "serving";

/// Runs the suite.
///
/// # Errors
/// [`NoCases::NoData`] where no part has anything to run, [`NoCases::Bad`] for a file that cannot be read.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let mut out = Vec::new();
    // A part without its data leaves its cases out; the others still run.
    let missing = tpot::cases(options, &mut out)?;
    match missing {
        Some(what) if out.is_empty() => Err(NoCases::NoData(what)),
        _ => Ok(out),
    }
}
