//! A sample kept in a file, to compare with later: schema `fleetcast.baseline/1`.
//!
//! The file is JSON, in the order of its fields, so that two can be read beside each other. Its `sha256` is over the
//! compact form of its `body`: a file that was cut short or changed by hand is refused, whatever its layout.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::sample::Sample;
use crate::kernel::random;
use crate::units::{Diagnostic, Diagnostics, SourceId, Span};

/// The schema's name.
pub const SCHEMA: &str = "fleetcast.baseline/1";

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// As it was named.
    pub file: String,
    /// Of its bytes.
    pub sha256: String,
}

/// A stored sample, and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The program's version.
    pub fleetcast: String,
    /// The scheme of the random streams.
    pub random_streams: String,
    /// What it was called on the command line.
    pub name: String,
    /// The scenario's text.
    pub scenario: Input,
    /// Settings changed by name.
    pub set: Vec<String>,
    /// Data files that were read.
    pub inputs: Vec<Input>,
    /// The replications.
    pub sample: Sample,
}

fn hash(body: &Value) -> String {
    Sha256::digest(body.to_string().as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

impl Baseline {
    /// As a file.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let body = serde_json::to_value(self)?;
        let file = serde_json::json!({ "schema": SCHEMA, "sha256": hash(&body), "body": body });
        let mut text = serde_json::to_string_pretty(&file)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a file's text, which is the source `id`.
    ///
    /// # Errors
    /// A diagnostic when it is no whole JSON, of another schema, changed since it was written, or made by another version of
    /// the program or another scheme of random streams: its runs would not be those that this program makes.
    pub fn from_text(id: SourceId, text: &str, version: &str) -> Result<Baseline, Diagnostics> {
        let again = "make it again: fleetcast compare BASE --save-baseline FILE";
        let mut file: Value = serde_json::from_str(text).map_err(|e| {
            let what =
                if e.is_eof() { "the stored baseline ends too early" } else { "the stored baseline is not JSON" };
            let at = offset(text, e.line(), e.column());
            let d = Diagnostic::error(format!("{what}: {e}"));
            Diagnostics::from(
                d.at(id, Span { start: at, end: (at + 1).min(text.len() as u32) }, "up to here").help(again),
            )
        })?;
        let nowhere = |message: String| Diagnostics::from(Diagnostic::error(message).help(again));
        match file.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => {}
            Some(other) => {
                return Err(nowhere(format!("the file is `{other}`, and a stored baseline is `{SCHEMA}`")));
            }
            None => return Err(nowhere(format!("the file does not say that it is `{SCHEMA}`"))),
        }
        let body = file.get_mut("body").map(Value::take).unwrap_or_default();
        if file.get("sha256").and_then(Value::as_str) != Some(&hash(&body)) {
            return Err(nowhere(
                "the stored baseline was changed after it was written: its hash is another".to_owned(),
            ));
        }
        let body: Baseline = serde_json::from_value(body)
            .map_err(|e| nowhere(format!("the stored baseline does not have the form of `{SCHEMA}`: {e}")))?;
        if body.fleetcast != version || body.random_streams != random::SCHEME {
            return Err(nowhere(format!(
                "the stored baseline was made by fleetcast {} with the random streams `{}`, and this is {version} with `{}`",
                body.fleetcast,
                body.random_streams,
                random::SCHEME
            )));
        }
        let s = &body.sample;
        let n = s.bills.len();
        let whole = n > 0
            && s.fingerprints.len() == n
            && s.metrics.iter().all(|m| m.values.len() == n)
            && (s.tokens.is_empty() || s.tokens.len() == n)
            && s.total() == s.lines.iter().map(|l| l.usd.0).sum();
        if !whole {
            return Err(nowhere(
                "the stored baseline contradicts itself: its figures are not of one number of runs".to_owned(),
            ));
        }
        Ok(body)
    }
}

/// The byte of a line and column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> u32 {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len().saturating_sub(1));
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at as u32
}
