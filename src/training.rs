//! The life of a training job: how fast it goes, what a checkpoint holds and takes to write, how often one should be
//! taken, and what reclaims and failures make of the time to the end.
//!
//! No money and no events: whoever drives the simulation asks, and gets times, bytes and factors. The closed forms are
//! floats in whatever unit of time the caller keeps to; [`store`] is exact, in integer nanoseconds and bytes.

pub mod impossible;
pub mod interval;
pub mod makespan;
pub mod memory;
pub mod size;
pub mod speed;
pub mod store;
pub mod transfer;

pub use impossible::Impossible;
