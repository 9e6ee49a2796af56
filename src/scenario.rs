//! Scenario files: shapes, checks of form, names and meaning, and the model they resolve to.

mod build;
pub mod decode;
pub mod file;
pub mod model;
