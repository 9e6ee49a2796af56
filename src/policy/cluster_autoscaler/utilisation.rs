//! How full a node is, and whether it may be a candidate for removal.
//!
//! Rules: `simulator/utilization/info.go`, `core/scaledown/eligibility`, `simulator/drainability`.

use super::Resources;

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

/// A pod on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// What it asks for.
    pub request: Resources,
    /// What kind it is.
    pub kind: Kind,
    /// Whether it has been terminating for longer than its grace: then it counts for nothing.
    pub overdue: bool,
    /// `cluster-autoscaler.kubernetes.io/safe-to-evict`, where it is set.
    pub safe_to_evict: Option<bool>,
    /// Whether it runs in `kube-system`.
    pub system: bool,
    /// Whether it has local storage.
    pub local_storage: bool,
    /// The evictions that its disruption budget allows now; `None` without a budget.
    pub evictions_allowed: Option<u32>,
}

impl Pod {
    /// A replicated pod that nothing protects.
    #[must_use]
    pub const fn plain(request: Resources) -> Pod {
        Pod {
            request,
            kind: Kind::Replicated,
            overdue: false,
            safe_to_evict: None,
            system: false,
            local_storage: false,
            evictions_allowed: None,
        }
    }
}

/// A node with its pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What pods may have.
    pub allocatable: Resources,
    /// Whether it carries the provider's GPU label.
    pub gpu_label: bool,
    /// Whether it carries the annotation `scale-down-disabled`.
    pub disabled: bool,
    /// Its pods.
    pub pods: Vec<Pod>,
}

/// The flags. Defaults: `config/flags/flags.go`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// `--scale-down-utilization-threshold`; 0.5.
    pub threshold: f64,
    /// `--scale-down-gpu-utilization-threshold`; 0.5.
    pub gpu_threshold: f64,
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
            ignore_daemons: false,
            ignore_mirrors: false,
            skip_local_storage: true,
            skip_system: true,
            skip_custom: true,
        }
    }
}

/// What [`Config::faults`] finds.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A threshold that is not a share.
    #[error("the {which} is {value}; it must be between 0 and 1")]
    Threshold {
        /// Which flag.
        which: &'static str,
        /// Its value.
        value: f64,
    },
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

/// How full a node is, from 0: of its GPUs alone where it has the GPU label, else of CPU or memory, whichever is
/// fuller. A GPU node whose driver is not ready has 0. Ignored pods are taken from the sum and from what there is.
#[must_use]
pub fn utilisation(node: &Node, config: &Config) -> f64 {
    let ratio = |used: i64, of: i64| if of > 0 { used as f64 / of as f64 } else { 0.0 };
    let skipped = |p: &Pod| {
        (p.kind == Kind::Daemon && config.ignore_daemons) || (p.kind == Kind::Mirror && config.ignore_mirrors)
    };
    let sum = |keep: &dyn Fn(&Pod) -> bool| {
        let kept = node.pods.iter().filter(|p| !p.overdue && keep(p));
        kept.fold(Resources::default(), |sum, p| sum.plus(p.request))
    };
    if node.gpu_label {
        return ratio(sum(&|_| true).gpu, node.allocatable.gpu);
    }
    let used = sum(&|p| !skipped(p));
    let of = node.allocatable.minus(sum(&skipped));
    ratio(used.cpu, of.cpu).max(ratio(used.memory, of.memory))
}

/// Whether the node is empty enough, the threshold included, and not kept by its annotation.
#[must_use]
pub fn eligible(node: &Node, config: &Config) -> bool {
    let threshold = if node.gpu_label { config.gpu_threshold } else { config.threshold };
    !node.disabled && utilisation(node, config) <= threshold
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
    /// Its disruption budget allows no eviction now.
    Budget,
}

/// What a pod means for a drain: `Ok(false)` stays behind (mirror, `DaemonSet`), `Ok(true)` must find another node.
///
/// # Errors
/// The first [`Blocker`] in the order of the enum. `safe-to-evict: "true"` lifts all but the budget.
pub fn drain(pod: &Pod, config: &Config) -> Result<bool, Blocker> {
    if matches!(pod.kind, Kind::Mirror | Kind::Daemon) || pod.overdue {
        return Ok(false);
    }
    let safe = pod.safe_to_evict == Some(true);
    let blockers = [
        (pod.safe_to_evict == Some(false), Blocker::NotSafeToEvict),
        (!safe && pod.kind == Kind::Unreplicated, Blocker::Unreplicated),
        (!safe && pod.kind == Kind::Custom && config.skip_custom, Blocker::CustomController),
        (!safe && pod.local_storage && config.skip_local_storage, Blocker::LocalStorage),
        (!safe && pod.system && pod.evictions_allowed.is_none() && config.skip_system, Blocker::System),
        (pod.evictions_allowed == Some(0), Blocker::Budget),
    ];
    match blockers.into_iter().find(|(holds, _)| *holds) {
        Some((_, blocker)) => Err(blocker),
        None => Ok(true),
    }
}
