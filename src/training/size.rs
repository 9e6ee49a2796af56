//! How many bytes a checkpoint holds.
