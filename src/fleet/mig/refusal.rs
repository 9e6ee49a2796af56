//! Why a change of a GPU's instances is not legal.

use super::gpu::{InstanceId, Mode, Phase};
use crate::catalog::mig::{Geometry, ProfileId, Slices};

/// A change that was refused; nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The profile never starts there.
    NotAStart {
        /// The profile.
        profile: ProfileId,
        /// The start asked for.
        start: u8,
    },
    /// Slices from that start on are taken. NVML says the same of a place that is taken by the same profile: there is no
    /// "already exists" (NVIDIA/k8s-dra-driver-gpu `nvlib.go`).
    Occupied {
        /// The profile.
        profile: ProfileId,
        /// The start asked for.
        start: u8,
        /// The slices in the way.
        taken: Slices,
    },
    /// No start of the profile has all its slices free, however many slices are.
    NoFreeStart {
        /// The profile.
        profile: ProfileId,
        /// Free slices.
        free: u8,
    },
    /// As many of the profile as there may be.
    Limit {
        /// The profile.
        profile: ProfileId,
    },
    /// Its media engines are with another instance.
    Media {
        /// The profile.
        profile: ProfileId,
        /// The profile of that instance.
        beside: ProfileId,
    },
    /// No instance of that id.
    NoInstance(InstanceId),
    /// The instance is in use: its compute instance cannot be destroyed.
    Busy(InstanceId),
    /// The instance is not in the phase that the change needs.
    Phase {
        /// The instance.
        id: InstanceId,
        /// Its phase.
        phase: Phase,
    },
    /// MIG is not on, or not off, as the change needs.
    Mode(Mode),
    /// So many instances of the GPU are in use, and the change needs all of it idle.
    GpuBusy {
        /// How many.
        bound: u8,
    },
}

impl Refusal {
    /// A word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::NotAStart { .. } => "NotAStart",
            Refusal::Occupied { .. } => "Occupied",
            Refusal::NoFreeStart { .. } => "NoFreeStart",
            Refusal::Limit { .. } => "Limit",
            Refusal::Media { .. } => "Media",
            Refusal::NoInstance(_) => "NoInstance",
            Refusal::Busy(_) => "Busy",
            Refusal::Phase { .. } => "Phase",
            Refusal::Mode(_) => "Mode",
            Refusal::GpuBusy { .. } => "GpuBusy",
        }
    }

    /// Whether NVML would answer `INSUFFICIENT_RESOURCES`: it does not tell these apart.
    #[must_use]
    pub const fn insufficient_resources(&self) -> bool {
        matches!(
            self,
            Refusal::Occupied { .. } | Refusal::NoFreeStart { .. } | Refusal::Limit { .. } | Refusal::Media { .. }
        )
    }

    /// Why, in a sentence without a full stop.
    #[must_use]
    pub fn text(&self, g: &Geometry) -> String {
        let name = |p: ProfileId| &*g.profile(p).name;
        let list = |s: Slices| s.iter().map(|i| i.to_string()).collect::<Vec<_>>().join(", ");
        match *self {
            Refusal::NotAStart { profile, start } => {
                let starts = list(g.profile(profile).starts);
                format!("{} never starts at slice {start}: it starts at {starts}", name(profile))
            }
            Refusal::Occupied { profile, start, taken } => {
                format!("{} at slice {start} needs slices that are taken: {}", name(profile), list(taken))
            }
            Refusal::NoFreeStart { profile, free } => {
                let p = g.profile(profile);
                let starts = list(p.starts);
                let why = if free >= p.size { "not together where it may start" } else { "too few" };
                format!(
                    "no room for {}: it takes {} slices from one of {starts} on; {free} are free, {why}",
                    p.name, p.size
                )
            }
            Refusal::Limit { profile } => {
                let p = g.profile(profile);
                format!("there are as many {} as a GPU can have ({})", p.name, p.max)
            }
            Refusal::Media { profile, beside } => {
                format!("{} cannot be beside {}: they need the same media engines", name(profile), name(beside))
            }
            Refusal::NoInstance(InstanceId(id)) => format!("there is no instance {id} on this GPU"),
            Refusal::Busy(InstanceId(id)) => format!("instance {id} is in use: stop what runs on it first"),
            Refusal::Phase { id: InstanceId(id), phase } => format!("instance {id} is {}", phase.text()),
            Refusal::Mode(mode) => format!("MIG is {} on this GPU", mode.text()),
            Refusal::GpuBusy { bound } => {
                format!("{bound} of the GPU's instances are in use, and all of it must be idle")
            }
        }
    }
}
