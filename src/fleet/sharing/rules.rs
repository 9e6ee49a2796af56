//! What may be shared, by how many, and what memory each gets (NVIDIA/k8s-device-plugin, README and
//! `cmd/mps-control-daemon/mps`).

use crate::catalog::Device;
use crate::catalog::mig::{Geometry, ProfileId};

/// A way of putting several pods on one GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Processes take turns.
    TimeSlicing,
    /// Processes run at once through one server.
    Mps,
    /// Instances of their own.
    Mig,
}

impl Way {
    /// Whether a device can be shared in this way: any NVIDIA GPU by time-slicing and MPS, those with MIG slices by MIG;
    /// others share through the operating system only, which is not modelled.
    #[must_use]
    pub fn works_on(self, device: &Device) -> bool {
        match self {
            Way::TimeSlicing | Way::Mps => device.vendor == "nvidia",
            Way::Mig => device.mig_slices.is_some(),
        }
    }

    /// Whether the memory of one is safe from another: under MPS only its amount is limited.
    #[must_use]
    pub const fn isolates_memory(self) -> bool {
        matches!(self, Way::Mig)
    }
}

/// What a sharing rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Whole GPUs.
    Gpu,
    /// Instances of a MIG profile.
    Instance(ProfileId),
}

/// Why sharing is refused. `Display` says why and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotShare {
    /// No replicas.
    #[error("0 replicas: a GPU is shared by at least one")]
    NoReplicas,
    /// The device plugin runs MPS on whole GPUs only.
    #[error("MPS is not supported on MIG instances by the device plugin: share instances by time-slicing")]
    MpsOnInstance,
    /// More clients than the device plugin allows.
    #[error("{replicas} replicas: MPS has at most {most} clients on this GPU")]
    TooManyClients {
        /// What was asked for.
        replicas: u32,
        /// What is allowed.
        most: u32,
    },
    /// A pod asks for more than one replica.
    #[error("a pod asks for {asked} replicas: more than one is refused, and would not be a larger share")]
    MoreThanOne {
        /// What it asks for.
        asked: u32,
    },
}

/// `sharing.timeSlicing`: so many pods a GPU, who take turns. One setting holds for all GPUs of a node, and not together
/// with MPS. A replica is no share: time goes evenly to *processes*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSlicing {
    /// Units that each GPU (or instance) advertises.
    pub replicas: u32,
    /// `renameByDefault`: the resource becomes `<name>.shared`. The plugin's default is no.
    pub rename: bool,
    /// `failRequestsGreaterThanOne`: pods that ask for more than one are refused at admission. The plugin's default is no.
    pub fail_requests_greater_than_one: bool,
}

impl TimeSlicing {
    /// So many replicas; the plugin's defaults.
    #[must_use]
    pub const fn new(replicas: u32) -> TimeSlicing {
        TimeSlicing { replicas, rename: false, fail_requests_greater_than_one: false }
    }

    /// Whether it can be configured. It works on whole GPUs and, with the `mixed` strategy, on instances.
    ///
    /// # Errors
    /// [`CannotShare::NoReplicas`].
    pub const fn check(&self) -> Result<(), CannotShare> {
        if self.replicas == 0 { Err(CannotShare::NoReplicas) } else { Ok(()) }
    }

    /// The resource that pods ask for, and how much `count` GPUs (or instances) offer of it.
    #[must_use]
    pub fn offered(&self, resource: &str, count: u32) -> (String, u32) {
        (renamed(resource, self.rename), self.replicas.saturating_mul(count))
    }

    /// Whether a pod that asks for so many is admitted.
    ///
    /// # Errors
    /// [`CannotShare::MoreThanOne`], with `fail_requests_greater_than_one` only.
    pub const fn admit(&self, asked: u32) -> Result<(), CannotShare> {
        if asked > 1 && self.fail_requests_greater_than_one {
            return Err(CannotShare::MoreThanOne { asked });
        }
        Ok(())
    }
}

fn renamed(resource: &str, rename: bool) -> String {
    if rename { format!("{resource}.shared") } else { resource.to_owned() }
}

/// Who dies when a GPU's memory does not suffice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crash {
    /// The one whose allocation failed.
    #[default]
    Latest,
    /// Everyone on the GPU: it is one fault domain.
    All,
}

/// Which of the pods on a time-sliced GPU run out of memory. `demands` are their MiB in the order in which they allocate;
/// nobody is held to a share, so that whoever finds too little left dies, and the ones before keep what they have.
#[must_use]
pub fn out_of_memory(total_mib: u32, demands: &[u32], crash: Crash) -> Vec<bool> {
    let mut free = total_mib;
    let one = |d: &u32| match free.checked_sub(*d) {
        Some(rest) => {
            free = rest;
            false
        }
        None => true,
    };
    let dead: Vec<bool> = demands.iter().map(one).collect();
    match crash {
        Crash::All if dead.contains(&true) => vec![true; dead.len()],
        Crash::All | Crash::Latest => dead,
    }
}

/// `sharing.mps`: so many clients a GPU, each with a limit of memory and of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mps {
    /// Clients of each GPU.
    pub replicas: u32,
    /// `renameByDefault`.
    pub rename: bool,
}

/// Clients of one device up to CUDA 13.0.
pub const DRIVER_CLIENTS: u32 = 48;
/// Clients of one device from CUDA 13.1 on (MPS documentation).
pub const DRIVER_CLIENTS_13_1: u32 = 60;
/// Clients of one device before Volta.
pub const CLIENTS_BEFORE_VOLTA: u32 = 16;

impl Mps {
    /// So many replicas; the plugin's defaults.
    #[must_use]
    pub const fn new(replicas: u32) -> Mps {
        Mps { replicas, rename: false }
    }

    /// The most clients that the device plugin allows on a GPU of a compute capability `(major, minor)`: 48 from Volta
    /// (7.0) on and 16 before. With `strict`, as the plugin's code has it: its check is named after Volta and compares
    /// with 7.5, so that a V100 gets 16.
    #[must_use]
    pub const fn plugin_clients(capability: (u8, u8), strict: bool) -> u32 {
        let least = if strict { 75 } else { 70 };
        let have = capability.0 as u16 * 10 + capability.1 as u16;
        if have >= least { DRIVER_CLIENTS } else { CLIENTS_BEFORE_VOLTA }
    }

    /// The most clients that the driver allows on a whole GPU, by CUDA version `(major, minor)`, from Volta on.
    #[must_use]
    pub const fn driver_clients(cuda: (u16, u16)) -> u32 {
        if cuda.0 > 13 || (cuda.0 == 13 && cuda.1 >= 1) { DRIVER_CLIENTS_13_1 } else { DRIVER_CLIENTS }
    }

    /// The most clients that the driver allows within an instance: in proportion to its compute slices, rounded down (the
    /// rounding is an assumption): ⌊48·g/7⌋.
    #[must_use]
    pub fn instance_clients(whole: u32, g: &Geometry, id: ProfileId) -> u32 {
        whole * u32::from(g.profile(id).compute) / u32::from(g.compute())
    }

    /// Whether the device plugin takes it. `most` is [`Mps::plugin_clients`].
    ///
    /// # Errors
    /// [`CannotShare`].
    pub const fn check(&self, target: Target, most: u32) -> Result<(), CannotShare> {
        if let Target::Instance(_) = target {
            return Err(CannotShare::MpsOnInstance);
        }
        if self.replicas == 0 {
            return Err(CannotShare::NoReplicas);
        }
        if self.replicas > most {
            return Err(CannotShare::TooManyClients { replicas: self.replicas, most });
        }
        Ok(())
    }

    /// The resource that pods ask for, and how much `count` GPUs offer of it.
    #[must_use]
    pub fn offered(&self, resource: &str, count: u32) -> (String, u32) {
        (renamed(resource, self.rename), self.replicas.saturating_mul(count))
    }

    /// Whether a pod that asks for so many is admitted: one and no more, always.
    ///
    /// # Errors
    /// [`CannotShare::MoreThanOne`].
    pub const fn admit(&self, asked: u32) -> Result<(), CannotShare> {
        if asked > 1 { Err(CannotShare::MoreThanOne { asked }) } else { Ok(()) }
    }

    /// MiB that each client may pin, of a GPU's: ⌊total/replicas⌋. The whole without replicas.
    #[must_use]
    pub fn memory_limit_mib(&self, total_mib: u32) -> u32 {
        total_mib.checked_div(self.replicas).unwrap_or(total_mib)
    }

    /// Per cent of the threads that each client may have active: ⌊100/replicas⌋. All without replicas.
    #[must_use]
    pub fn thread_percentage(&self) -> u32 {
        100_u32.checked_div(self.replicas).unwrap_or(100)
    }
}
