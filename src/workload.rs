//! Work to be done: what a job asks for, and where jobs come from.
//!
//! - [`job`]: one job as it arrives; [`mod@gang`]: how a large one splits into pods;
//! - [`trace`]: real jobs, read from the formats in which traces are published, and from a CSV of our own;
//! - [`synth`]: jobs made from parameters: arrival processes and the mixes of what jobs ask for;
//! - [`mod@traffic`]: inference requests, from traces and from parameters;
//! - [`mod@inspect`]: what a trace holds; [`mod@fit`]: the parameters of a synthetic workload like it.
//!
//! *Invariant:* this room knows nothing of the fleet. A job names the devices it accepts as text; which pools those
//! are is decided later.

pub mod fit;
pub mod gang;
pub mod inspect;
pub mod job;
pub mod synth;
pub mod trace;
pub mod traffic;

pub use fit::{Fitted, fit};
pub use gang::gang;
pub use inspect::{Inspection, inspect};
pub use job::{Ending, Job, Request, Use};
pub use synth::{Spec, Synth};
pub use trace::{Trace, TraceFormat};
