//! Kubernetes manifests: what production YAML says, typed, with the place of every word.
//!
//! - [`read()`]: from a text to [`Manifests`]; several documents, anchors, merge keys, lists, configurations within
//!   ConfigMaps;
//! - [`kind`]: one file a kind of object, and what of it is read;
//! - [`fields`]: maps whose keys are taken one by one. A key that nobody takes becomes a finding, mechanically;
//! - [`quantity`]: `100m`, `16Gi`, `1e3`, `1h30m`, `25%`;
//! - [`mod@lint`]: what the controllers refuse, or what does not do what it seems to.
//!
//! *Invariant:* nothing here knows a scenario or simulates. What a manifest says is either read, or told.

pub mod catalogue;
pub mod fields;
pub mod files;
pub mod finding;
pub mod kind;
pub mod lint;
pub mod object;
pub mod quantity;
mod read;
#[cfg(test)]
mod tests;

pub use finding::{At, Class, Finding, Findings};
pub use lint::lint;
pub use object::{Body, Manifests, Object};
pub use read::read;
