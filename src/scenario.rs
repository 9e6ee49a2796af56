//! Scenario files: shapes, checks of form, names and meaning, and the model they resolve to.

pub mod model;
