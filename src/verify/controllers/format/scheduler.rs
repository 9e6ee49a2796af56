//! Cases of kube-scheduler and of disruption budgets.

use crate::scenario::decode::{Spanned, choice, record};
use crate::units::Duration;
use crate::verify::quantity::Amount;

record! {
    /// A container that is scored.
    pub struct ScoreContainer {
        /// CPU; not said where left out, which counts as 100 m.
        pub cpu: Option<Amount>,
        /// Memory; not said where left out, which counts as 200 MiB.
        pub memory: Option<Amount>,
        /// Extended resources: name and how many.
        pub extended: Vec<(String, Amount)> = Vec::new() => "none",
    }
}

record! {
    /// A node that is scored.
    pub struct ScoreNode {
        /// Its name.
        pub name: Spanned<String>,
        /// CPU that pods can have.
        pub cpu: Amount,
        /// Memory.
        pub memory: Amount,
        /// Extended resources: name and how many.
        pub extended: Vec<(String, Amount)> = Vec::new() => "none",
        /// CPU and memory of its pods, as scores count them.
        pub requested: (Amount, Amount) = (Amount(0), Amount(0)) => "empty",
        /// Extended resources of its pods.
        pub extended_requested: Vec<(String, Amount)> = Vec::new() => "none",
    }
}

record! {
    /// How `NodeResourcesFit` scores nodes for a pod.
    pub struct ScoreCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// Resources that count, with their weights: `cpu`, `memory` or an extended one.
        pub resources: Vec<(String, u32)> = vec![("cpu".to_owned(), 1), ("memory".to_owned(), 1)] => "kube-scheduler defaults.go",
        /// The pod's containers.
        pub containers: Vec<ScoreContainer>,
        /// The nodes.
        pub nodes: Vec<ScoreNode>,
        /// What must come out.
        pub expect: ScoreExpected,
    }
}

record! {
    /// Scores from 0 to 100. At least one of the fields.
    pub struct ScoreExpected {
        /// `LeastAllocated`, by node.
        pub least: Vec<(Spanned<String>, i64)> = Vec::new() => "not asked",
        /// `MostAllocated`, by node.
        pub most: Vec<(Spanned<String>, i64)> = Vec::new() => "not asked",
    }
}

record! {
    /// A pod that could be preempted.
    pub struct PreemptPod {
        /// Its name, unlike any other in the case.
        pub name: Spanned<String>,
        /// CPU that it takes.
        pub cpu: Amount = Amount(0) => "nothing",
        /// Memory.
        pub memory: Amount = Amount(0) => "nothing",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "nothing",
        /// Its priority.
        pub priority: i32 = 0 => "Kubernetes",
        /// How long ago it started.
        pub started: Duration = Duration::from_secs(3600) => "an hour",
        /// Its disruption budgets, by name.
        pub pdbs: Vec<Spanned<String>> = Vec::new() => "none",
    }
}

record! {
    /// A node that the pod could run on, were there room.
    pub struct PreemptNode {
        /// Its name.
        pub name: Spanned<String>,
        /// CPU that pods can have.
        pub cpu: Amount = Amount(0) => "none",
        /// Memory.
        pub memory: Amount = Amount(0) => "none",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "most have none",
        /// Pods.
        pub pod_limit: Amount = Amount(110_000) => "the kubelet's default",
        /// Its pods.
        pub pods: Vec<PreemptPod> = Vec::new() => "none",
    }
}

record! {
    /// Which node a pod takes by preemption.
    pub struct PreemptCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// CPU that the pod asks for.
        pub cpu: Amount = Amount(0) => "nothing",
        /// Memory.
        pub memory: Amount = Amount(0) => "nothing",
        /// GPUs.
        pub gpu: Amount = Amount(0) => "nothing",
        /// Its priority.
        pub priority: i32,
        /// `preemptionPolicy: Never`.
        pub never: bool = false => "Kubernetes",
        /// Whether a victim is still terminating on the node that it is nominated for.
        pub victims_terminating: bool = false => "none",
        /// The nodes, in the order in which they are tried.
        pub nodes: Vec<PreemptNode>,
        /// Evictions that disruption budgets allow.
        pub pdbs: Vec<(Spanned<String>, u32)> = Vec::new() => "none",
        /// What must come out.
        pub expect: PreemptExpected,
    }
}

record! {
    /// What must come out. At least one of the fields.
    pub struct PreemptExpected {
        /// The node that it takes; `none` where it takes none.
        pub node: Option<String>,
        /// Who goes, in any order.
        pub victims: Option<Vec<String>>,
        /// How many of them go against their budgets.
        pub violations: Option<u64>,
    }
}

record! {
    /// A PodDisruptionBudget: one of the first two, `"2"` or `"50%"`.
    pub struct PdbRule {
        /// `minAvailable`.
        pub min_available: Option<Spanned<String>>,
        /// `maxUnavailable`.
        pub max_unavailable: Option<Spanned<String>>,
        /// The scale of the pods' controllers; for a `min_available` in pods, the pods that match.
        pub expected: u32,
        /// Pods that are healthy; all where left out.
        pub healthy: Option<u32>,
    }
}

choice! {
    /// What becomes of an eviction.
    pub enum Evicted {
        /// It is let through.
        Allowed,
        /// It is refused for now (429).
        TooMany,
        /// It is an error: the pod has several budgets (500).
        Several,
    }
}

record! {
    /// What disruption budgets allow, and whether a pod with all of them can be evicted.
    pub struct PdbCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The budgets.
        pub budgets: Vec<PdbRule>,
        /// What must come out.
        pub expect: PdbExpected,
    }
}

record! {
    /// What must come out. At least one of the fields.
    pub struct PdbExpected {
        /// By budget, how many pods must stay healthy.
        pub desired_healthy: Option<Vec<u64>>,
        /// By budget, how many evictions are allowed.
        pub allowed: Option<Vec<u64>>,
        /// Whether one of them never allows any.
        pub never: Option<bool>,
        /// What becomes of the eviction of a pod with all of them.
        pub eviction: Option<Evicted>,
    }
}
