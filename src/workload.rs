//! Work to be done: what a job asks for, and where jobs come from.
//!
//! *Invariant:* this room knows nothing of the fleet. A job names the devices it accepts as text; which pools those
//! are is decided later.

pub mod job;

pub use job::{Ending, Job, Request, Use};
