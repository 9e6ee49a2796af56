//! `NodeResourcesFit`: the score of a node for a pod.
//!
//! Rules: `noderesources/{resource_allocation,least_allocated,most_allocated}.go`, `util/pod_resources.go`.

use crate::policy::placement::luck::Luck;
use crate::policy::placement::score::{Demand, UNSET_CPU_MILLI, UNSET_MEMORY_MIB, least_allocated, most_allocated};

/// `scoringStrategy.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// `LeastAllocated`, the default: the emptiest node.
    #[default]
    LeastAllocated,
    /// `MostAllocated`: the fullest.
    MostAllocated,
}

/// A resource that is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Milli-CPU.
    Cpu,
    /// Bytes.
    Memory,
    /// An extended resource, by a number of the caller's: a GPU, a MIG profile.
    Extended(u32),
}

/// `scoringStrategy.resources` by default: CPU and memory, 1 each. No GPU (`apis/config/v1/defaults.go`).
pub const DEFAULT_RESOURCES: [(Resource, u32); 2] = [(Resource::Cpu, 1), (Resource::Memory, 1)];

/// What a container requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Milli-CPU; `None`: not said, which counts as 100 m in scores. An explicit 0 is 0.
    pub cpu: Option<u64>,
    /// Bytes; `None`: not said, which counts as 200 MiB in scores.
    pub memory: Option<u64>,
    /// Extended resources.
    pub extended: Vec<(u32, u64)>,
}

/// What a node has and what its pods take of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Allocatable milli-CPU.
    pub cpu: u64,
    /// Allocatable bytes.
    pub memory: u64,
    /// Allocatable extended resources.
    pub extended: Vec<(u32, u64)>,
    /// Milli-CPU of its pods, those that did not say counted as in [`for_score`] (`NonZeroRequested`).
    pub cpu_requested: u64,
    /// Bytes of its pods, likewise.
    pub memory_requested: u64,
    /// Extended resources of its pods.
    pub extended_requested: Vec<(u32, u64)>,
}

/// What a pod counts in scores: milli-CPU and bytes. A container that does not say counts 100 m and 200 MiB; a pod
/// without containers counts nothing.
#[must_use]
pub fn for_score(containers: &[Container]) -> (u64, u64) {
    let cpu = containers.iter().map(|c| c.cpu.unwrap_or(u64::from(UNSET_CPU_MILLI))).sum();
    let memory = containers.iter().map(|c| c.memory.unwrap_or(u64::from(UNSET_MEMORY_MIB) << 20)).sum();
    (cpu, memory)
}

fn amount(of: &[(u32, u64)], number: u32) -> u64 {
    of.iter().filter(|(n, _)| *n == number).map(|(_, amount)| amount).sum()
}

/// The score of a node for a pod, from 0 to 100. `resources` says what counts and how much; an extended resource counts
/// only for pods that ask for it, and what the node has none of not at all.
#[must_use]
pub fn score(strategy: Strategy, node: &Node, containers: &[Container], resources: &[(Resource, u32)]) -> i32 {
    let (cpu, memory) = for_score(containers);
    let demand = |(resource, weight): &(Resource, u32)| match *resource {
        Resource::Cpu => Demand { capacity: node.cpu, requested: node.cpu_requested + cpu, weight: *weight },
        Resource::Memory => {
            Demand { capacity: node.memory, requested: node.memory_requested + memory, weight: *weight }
        }
        Resource::Extended(number) => {
            let asked: u64 = containers.iter().map(|c| amount(&c.extended, number)).sum();
            let capacity = if asked == 0 { 0 } else { amount(&node.extended, number) };
            Demand { capacity, requested: amount(&node.extended_requested, number) + asked, weight: *weight }
        }
    };
    let demands: Vec<Demand> = resources.iter().map(demand).collect();
    match strategy {
        Strategy::LeastAllocated => least_allocated(&demands),
        Strategy::MostAllocated => most_allocated(&demands),
    }
}

/// The node of the highest score; among equals any, each as likely, as upstream. `None` without nodes.
pub fn pick(scores: &[i32], luck: &mut Luck) -> Option<usize> {
    let best = scores.iter().max()?;
    let equal = || scores.iter().enumerate().filter(|(_, s)| *s == best).map(|(i, _)| i);
    equal().nth(luck.below(equal().count() as u32) as usize)
}
