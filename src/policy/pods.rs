//! What pods ask for and nodes have, as kube-scheduler's fit looks at it.
//!
//! *Invariant:* a policy that has no other rule takes these sums and this fit, so that the scheduler and those who
//! predict it agree.

/// Whole quantities of what a pod asks for or a node has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// So many of it.
    #[must_use]
    pub const fn times(self, n: u32) -> Resources {
        let n = n as i64;
        Resources {
            cpu: self.cpu.saturating_mul(n),
            memory: self.memory.saturating_mul(n),
            gpu: self.gpu.saturating_mul(n),
            pods: self.pods.saturating_mul(n),
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

    /// How many such requests fit into what is free, one after the other.
    #[must_use]
    pub fn count_in(self, free: Resources) -> u32 {
        let asked = [(self.cpu, free.cpu), (self.memory, free.memory), (self.gpu, free.gpu), (self.pods, free.pods)];
        let counts = asked.into_iter().filter(|(want, _)| *want > 0).map(|(want, have)| (have / want).max(0));
        counts.min().map_or(u32::MAX, |n| u32::try_from(n).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overcommitted_resource_keeps_out_only_those_that_want_more_of_it() {
        let free = Resources { cpu: -100, memory: 10, gpu: 0, pods: 3 };
        assert!(Resources::of_pod(0, 10, 0).fits(free) && !Resources::of_pod(1, 0, 0).fits(free));
        assert_eq!(Resources::of_pod(0, 4, 0).count_in(free), 2);
        assert_eq!(Resources::of_pod(1, 4, 0).count_in(free), 0);
        assert_eq!(Resources::of_pod(0, 0, 0).count_in(free), 3);
    }
}
