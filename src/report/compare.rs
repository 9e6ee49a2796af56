//! A comparison for people and machines: [`text`] for the terminal, [`markdown`] for a pull request, [`junit`] for a build
//! server, and its JSON. [`wording`] is what they say alike.

pub mod junit;
pub mod markdown;
pub mod text;
pub mod wording;

use serde::{Deserialize, Serialize};

use crate::experiment::compare::baseline::Input;
use crate::experiment::compare::{Comparison, Held};
use crate::outcome::EvidenceNote;

/// The JSON's schema.
pub const SCHEMA: &str = "fleetcast.compare/1";

/// Everything that is told of one call of `compare`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The program's version.
    pub fleetcast: String,
    /// The scheme of the random streams.
    pub random_streams: String,
    /// Confidence of every interval.
    pub confidence: f64,
    /// Seed of every replication.
    pub seed: u64,
    /// Replications of each.
    pub replications: u32,
    /// The base.
    pub base: Party,
    /// The candidates, in the order of `comparisons`.
    pub candidates: Vec<Party>,
    /// The worst that any gate came to.
    pub held: Held,
    /// A candidate each.
    pub comparisons: Vec<Comparison>,
    /// The command that gives this again.
    pub command: String,
}

/// Who takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// What it is called here.
    pub name: String,
    /// The scenario's own name.
    pub scenario: String,
    /// The variant.
    pub variant: Option<String>,
    /// Settings changed by name.
    pub set: Vec<String>,
    /// Of the scenario's text.
    pub scenario_sha256: String,
    /// The file that it was stored in, where it was not run.
    pub stored: Option<String>,
    /// The data files that it read.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// Its inputs by how well they are known; empty where it was stored.
    #[serde(default)]
    pub evidence: Vec<EvidenceNote>,
}

impl Report {
    /// As JSON.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
