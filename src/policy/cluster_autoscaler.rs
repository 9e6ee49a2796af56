//! The Kubernetes Cluster Autoscaler, by itself: the rules of one scan, part by part.
//!
//! - [`estimator`]: how many nodes of a group a set of pending pods needs;
//! - [`expander`]: which group is scaled up;
//! - [`balance`]: how a step is split over similar groups;
//! - [`utilisation`]: how full a node is, and whether it is a candidate for removal;
//! - [`removal`]: which nodes could go, were their pods moved;
//! - [`timing`]: what young pods, cooldowns, unneeded timers and failures hold back.
//!
//! Rules: kubernetes/autoscaler, branch `cluster-autoscaler-release-1.34`, `cluster-autoscaler/`. Quantities are whole
//! milli-CPU, bytes and milli-GPU; ratios are doubles where upstream has doubles.
//!
//! *Invariant:* nothing here knows a cloud or a fleet. Groups, nodes and pods are plain data.

pub mod balance;
pub mod estimator;
pub mod expander;
pub mod removal;
#[cfg(test)]
mod tests;
pub mod timing;
pub mod utilisation;

/// Quantities of the resources that the autoscaler reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Milli-CPU.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Milli-GPU.
    pub gpu: i64,
    /// Pods: 1 for a pod, the most that it takes for a node.
    pub pods: i64,
}

impl Resources {
    /// What one pod asks for.
    #[must_use]
    pub const fn of_pod(cpu: i64, memory: i64, gpu: i64) -> Resources {
        Resources { cpu, memory, gpu, pods: 1 }
    }

    /// The sum of each.
    #[must_use]
    pub const fn plus(self, other: Resources) -> Resources {
        Resources {
            cpu: self.cpu.saturating_add(other.cpu),
            memory: self.memory.saturating_add(other.memory),
            gpu: self.gpu.saturating_add(other.gpu),
            pods: self.pods.saturating_add(other.pods),
        }
    }

    /// What is left of each when the other is taken away; negative where there was less.
    #[must_use]
    pub const fn minus(self, other: Resources) -> Resources {
        Resources {
            cpu: self.cpu.saturating_sub(other.cpu),
            memory: self.memory.saturating_sub(other.memory),
            gpu: self.gpu.saturating_sub(other.gpu),
            pods: self.pods.saturating_sub(other.pods),
        }
    }

    /// Whether a request fits into what is free. A resource that is not asked for is not looked at, as in the
    /// scheduler's `NodeResourcesFit`: an overcommitted one keeps out only those that want more of it.
    #[must_use]
    pub const fn fits(self, free: Resources) -> bool {
        (self.cpu <= 0 || self.cpu <= free.cpu)
            && (self.memory <= 0 || self.memory <= free.memory)
            && (self.gpu <= 0 || self.gpu <= free.gpu)
            && (self.pods <= 0 || self.pods <= free.pods)
    }
}
