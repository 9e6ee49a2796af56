//! From what a person writes to what the simulator runs: file shapes, checks of form, names and meaning.

pub mod decode;
