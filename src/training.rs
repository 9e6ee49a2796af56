//! The life of a training job: how fast it goes, what a checkpoint holds and takes to write, how often one should be
//! taken, and what reclaims and failures make of the time to the end.
//!
//! - [`size`]: bytes of a checkpoint; [`transfer`]: how long it takes to write and read, and whether a notice is long
//!   enough; [`store`]: a store that many write to at once; [`replicas`]: checkpoints in the memory of peers;
//! - [`interval`]: how long to work between two checkpoints; [`makespan`]: the mean time to the end;
//! - [`speed`]: how fast a job goes, and how that is known; [`lever`]: what pulls at that; [`memory`]: what fits a GPU.
//!
//! *Invariant:* no events, and no money but the price list of egress in [`transfer`]. Whoever drives the simulation asks
//! and gets times, bytes and factors. The closed forms are floats in whatever unit of time the caller keeps to;
//! [`store`] is exact, in integer nanoseconds and bytes.

pub mod impossible;
pub mod interval;
pub mod lever;
pub mod makespan;
pub mod memory;
pub mod progress;
pub mod replicas;
pub mod restart;
pub mod size;
pub mod speed;
pub mod store;
pub mod transfer;

pub use impossible::Impossible;
pub use store::Store;
