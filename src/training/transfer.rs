//! How long a checkpoint takes to write and to read back.
