//! One job as it arrives: its shape, its work, how it will end, and how it uses what it holds.

use crate::units::{Duration, SimTime};

/// What each pod of a job asks of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Thousandths of a core.
    pub cpu_milli: u32,
    /// Mebibytes of memory.
    pub mem_mib: u32,
    /// How many GPUs; 0 for a CPU-only pod.
    pub gpus: u8,
    /// Thousandths of each of those GPUs: 1000 for whole ones, less only when `gpus` is 1; 0 when `gpus` is 0.
    pub gpu_milli: u16,
    /// Which slice of a GPU, by its place in the run's table of slices from 1; 0 for whole GPUs and thousandths of one.
    /// `gpu_milli` is then what the slice is worth where it is asked for first.
    pub slice: u8,
}

impl Request {
    /// Milli-GPUs asked for in all.
    #[must_use]
    pub const fn total_milli(&self) -> u32 {
        self.gpus as u32 * self.gpu_milli as u32
    }

    /// Whether it asks for part of one GPU.
    #[must_use]
    pub const fn is_share(&self) -> bool {
        self.gpus == 1 && self.gpu_milli < 1000
    }
}

/// How a job ends once it has run for its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// It completes; its work counted.
    #[default]
    Completes,
    /// It fails for a reason of its own; its work is discarded.
    Fails,
    /// Its owner cancels it; its work is discarded.
    Cancelled,
}

impl Ending {
    /// The word in files and reports.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Ending::Completes => "completes",
            Ending::Fails => "fails",
            Ending::Cancelled => "cancelled",
        }
    }
}

/// How a job uses the GPUs it holds, in parts per million of the time it holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Use {
    /// True utilisation while not stalled: the share of the GPU's compute at work.
    pub busy_ppm: u32,
    /// The share of the time that it waits for input, with no kernel on the GPU.
    pub stall_ppm: u32,
    /// GPU memory it needs on each GPU, MiB; 0 when unknown.
    pub gpu_mem_mib: u32,
}

impl Default for Use {
    /// Busy all the time: what a simulator that does not model use assumes.
    fn default() -> Use {
        Use { busy_ppm: 1_000_000, stall_ppm: 0, gpu_mem_mib: 0 }
    }
}

/// A job as its source yields it, in order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// When it arrives.
    pub arrive: SimTime,
    /// How long it runs on a device of speed 1.
    pub work: Duration,
    /// Pods of the gang, all placed or none.
    pub pods: u16,
    /// What each pod asks for.
    pub request: Request,
    /// Index into its source's table of accepted device sets; 0 accepts any.
    pub accept: u16,
    /// Index into its source's table of label sets.
    pub labels: u16,
    /// Higher goes first where the queue heeds it.
    pub priority: i32,
    /// How it ends.
    pub ending: Ending,
    /// How it uses its GPUs.
    pub usage: Use,
    /// How long it waits in the queue before its owner withdraws it; `Duration(u64::MAX)` for ever.
    pub patience: Duration,
}

impl Job {
    /// Milli-GPUs of the whole gang.
    #[must_use]
    pub const fn total_milli(&self) -> u64 {
        self.request.total_milli() as u64 * self.pods as u64
    }
}
