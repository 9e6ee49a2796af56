//! `manifest.json`: what went into a run.

use serde::{Deserialize, Serialize};

/// The schema.
pub const SCHEMA: &str = "fleetcast.manifest/1";

/// What went into a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// The program's version.
    pub fleetcast: String,
    /// The scenario's file, as it was named.
    pub scenario: String,
    /// Of its text.
    pub scenario_sha256: String,
    /// The scheme of the random streams.
    pub random_streams: String,
    /// The seed.
    pub seed: u64,
    /// Settings changed by name.
    pub set: Vec<String>,
    /// The variant.
    pub variant: Option<String>,
    /// Data files that were read.
    pub inputs: Vec<InputFile>,
    /// Defaults that were taken.
    pub defaults: Vec<Default>,
}

/// A data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// As it was named.
    pub file: String,
    /// Of its bytes.
    pub sha256: String,
}

/// A default that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Default {
    /// Of which setting.
    pub path: String,
    /// The value.
    pub value: String,
    /// Why it is that.
    pub source: String,
}
