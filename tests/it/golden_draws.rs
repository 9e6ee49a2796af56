//! The pinned first draws hold in the build of the integration tests as well.

use fleetcast::kernel::{Dist, Streams};

#[path = "../../src/kernel/dist/golden.rs"]
mod golden;
