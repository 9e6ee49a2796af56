//! How full a node is, whether it may be a candidate for removal, and which pods keep it.
//!
//! Rules: `simulator/utilization/info.go`, `core/scaledown/eligibility`, `simulator/drainability`.

use super::config::ConfigError;
use super::view::{Bound, Node, Shape};
use crate::policy::pods::Resources;

/// What kind of pod it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of a controller that makes another when it goes.
    Replicated,
    /// Of a custom controller.
    Custom,
    /// Of nobody: gone when it goes.
    Unreplicated,
    /// Of a `DaemonSet`.
    Daemon,
    /// A mirror of a static pod.
    Mirror,
}

/// What the utilisation of a node with GPUs is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// That of its GPUs alone: upstream's rule.
    #[default]
    GpuOnly,
    /// The largest of CPU, memory and GPUs: what users ask for (kubernetes/autoscaler issues 1367 and 4773), in no
    /// release.
    MaxOfAll,
}

/// The flags. Defaults: `config/flags/flags.go`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// `--scale-down-utilization-threshold`; 0.5.
    pub threshold: f64,
    /// `--scale-down-gpu-utilization-threshold`; 0.5.
    pub gpu_threshold: f64,
    /// How full a node with GPUs is; upstream's rule. An override of ours.
    pub mode: Mode,
    /// `--ignore-daemonsets-utilization`; off.
    pub ignore_daemons: bool,
    /// `--ignore-mirror-pods-utilization`; off.
    pub ignore_mirrors: bool,
    /// `--skip-nodes-with-local-storage`; on.
    pub skip_local_storage: bool,
    /// `--skip-nodes-with-system-pods`; on.
    pub skip_system: bool,
    /// `--skip-nodes-with-custom-controller-pods`; on.
    pub skip_custom: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            threshold: 0.5,
            gpu_threshold: 0.5,
            mode: Mode::GpuOnly,
            ignore_daemons: false,
            ignore_mirrors: false,
            skip_local_storage: true,
            skip_system: true,
            skip_custom: true,
        }
    }
}

impl Config {
    /// All that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let both = [
            ("scale-down-utilization-threshold", self.threshold),
            ("scale-down-gpu-utilization-threshold", self.gpu_threshold),
        ];
        let bad = both.into_iter().filter(|(_, v)| !(0.0..=1.0).contains(v));
        bad.map(|(which, value)| ConfigError::Threshold { which, value }).collect()
    }
}

/// How full a node with these pods is, from 0: of its GPUs alone where it has the GPU label, else of CPU or memory,
/// whichever is fuller. A GPU node whose driver is not ready has 0. Ignored pods are taken from the sum and from what
/// there is.
#[must_use]
pub fn utilisation(node: &Node, pods: impl Iterator<Item = Bound>, shapes: &[Shape], config: &Config) -> f64 {
    let (mut all, mut skipped) = (Resources::default(), Resources::default());
    for bound in pods.filter(|b| !b.overdue) {
        let shape = &shapes[bound.shape.at()];
        let sum = shape.request.times(bound.count);
        all = all.plus(sum);
        if (shape.kind == Kind::Daemon && config.ignore_daemons)
            || (shape.kind == Kind::Mirror && config.ignore_mirrors)
        {
            skipped = skipped.plus(sum);
        }
    }
    let ratio = |used: i64, of: i64| if of > 0 { used as f64 / of as f64 } else { 0.0 };
    let gpu = ratio(all.gpu, node.allocatable.gpu);
    if node.gpu_label && config.mode == Mode::GpuOnly {
        return gpu;
    }
    let (used, of) = (all.minus(skipped), node.allocatable.minus(skipped));
    let rest = ratio(used.cpu, of.cpu).max(ratio(used.memory, of.memory));
    if node.gpu_label { rest.max(gpu) } else { rest }
}

/// Whether a node that is so full is empty enough, the threshold included.
#[must_use]
pub fn low(node: &Node, utilisation: f64, config: &Config) -> bool {
    utilisation <= if node.gpu_label { config.gpu_threshold } else { config.threshold }
}

/// Why a pod keeps its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// `safe-to-evict: "false"`.
    NotSafeToEvict,
    /// Nothing would make another.
    Unreplicated,
    /// A custom controller's.
    CustomController,
    /// Local storage.
    LocalStorage,
    /// In `kube-system` without a disruption budget.
    System,
    /// A disruption budget of it allows no eviction now.
    Budget,
}

/// What pods of a shape mean for a drain: `Ok(false)` they stay behind (mirrors, those of a `DaemonSet`), `Ok(true)` they
/// must find another node. `allowed` is how many evictions each disruption budget allows now.
///
/// # Errors
/// The first [`Blocker`] in the order of the enum. `safe-to-evict: "true"` lifts all but the budget.
pub fn drain(shape: &Shape, allowed: &[i64], config: &Config) -> Result<bool, Blocker> {
    if matches!(shape.kind, Kind::Mirror | Kind::Daemon) {
        return Ok(false);
    }
    let safe = shape.safe_to_evict == Some(true);
    let spent = |b: &u32| allowed.get(*b as usize).is_some_and(|left| *left < 1);
    let blockers = [
        (shape.safe_to_evict == Some(false), Blocker::NotSafeToEvict),
        (!safe && shape.kind == Kind::Unreplicated, Blocker::Unreplicated),
        (!safe && shape.kind == Kind::Custom && config.skip_custom, Blocker::CustomController),
        (!safe && shape.local_storage && config.skip_local_storage, Blocker::LocalStorage),
        (!safe && shape.system && shape.pdbs.is_empty() && config.skip_system, Blocker::System),
        (shape.pdbs.iter().any(spent), Blocker::Budget),
    ];
    match blockers.into_iter().find(|(holds, _)| *holds) {
        Some((_, blocker)) => Err(blocker),
        None => Ok(true),
    }
}
