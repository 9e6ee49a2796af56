//! The stages that a run goes through before it computes (again), told apart because users ask which of them hurts.

use serde::{Deserialize, Serialize};

/// A stage of setting up (`spot_checkpoint.md` 2.4). Waiting for capacity and booting are metered elsewhere: as the
/// queue's wait and as [`crate::units::Activity::Boot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Stage {
    /// Until someone notices that a peer is gone: a heartbeat, a collective's time-out.
    Detect,
    /// Stopping what is left and cleaning up.
    Cleanup,
    /// Drivers, device plugin, partitions.
    Driver,
    /// Pulling the image.
    Image,
    /// Processes, communicators.
    Init,
    /// Reading the checkpoint.
    Read,
    /// Compiling, filling caches, warming up.
    WarmUp,
    /// An elastic run changing its shape.
    Reshape,
    /// Any of them, where they are given as one figure.
    SetUp,
}

impl Stage {
    /// How many.
    pub const COUNT: usize = 9;
    /// All, in the order in which a run goes through them.
    pub const ALL: [Stage; Stage::COUNT] = [
        Stage::Detect,
        Stage::Cleanup,
        Stage::Driver,
        Stage::Image,
        Stage::Init,
        Stage::Read,
        Stage::WarmUp,
        Stage::Reshape,
        Stage::SetUp,
    ];

    /// The name in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Stage::Detect => "detect",
            Stage::Cleanup => "cleanup",
            Stage::Driver => "driver",
            Stage::Image => "image",
            Stage::Init => "init",
            Stage::Read => "read",
            Stage::WarmUp => "warm_up",
            Stage::Reshape => "reshape",
            Stage::SetUp => "set_up",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Stage::Detect => "detection",
            Stage::Cleanup => "cleaning up",
            Stage::Driver => "driver and partitions",
            Stage::Image => "image pull",
            Stage::Init => "process and NCCL start",
            Stage::Read => "checkpoint read",
            Stage::WarmUp => "warm-up and compilation",
            Stage::Reshape => "elastic reshape",
            Stage::SetUp => "set-up",
        }
    }

    /// Whether a run that starts for the first time goes through it.
    #[must_use]
    pub const fn on_first_start(self) -> bool {
        !matches!(self, Stage::Detect | Stage::Cleanup | Stage::Read | Stage::Reshape)
    }
}
