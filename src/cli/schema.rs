//! `fleetcast schema`: the scenario format as JSON Schema, or as the field reference.

use super::console::{Console, Exit, Failure};
use crate::scenario::decode::schema;
use crate::scenario::file::Scenario;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The field reference in Markdown instead of the JSON Schema
    #[arg(long)]
    reference: bool,
}

pub fn run(a: &Args, console: &Console) -> Result<Exit, Failure> {
    console.print(&if a.reference { reference() } else { json()? });
    Ok(Exit::Fine)
}

/// The field reference, as committed in `docs/scenario-reference.md`.
pub fn reference() -> String {
    format!(
        "# Scenario fields\n\nGenerated from the types: `fleetcast schema --reference`. Version {}.\n\n{}",
        crate::scenario::file::VERSION,
        schema::markdown::<Scenario>()
    )
}

fn json() -> Result<String, Failure> {
    let value = schema::json_schema::<Scenario>("fleetcast scenario");
    serde_json::to_string_pretty(&value).map_err(|e| Failure::Fault(e.into()))
}
