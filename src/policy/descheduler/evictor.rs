//! Which pods may be evicted at all.
//!
//! Rules: `pkg/framework/plugins/defaultevictor`.

use super::config::SYSTEM_CRITICAL;
use super::view::{Pod, PodKind};
use crate::units::{Duration, SimTime};

/// `DefaultEvictor`. Defaults are upstream's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evictor {
    /// `nodeFit`: only pods for which another node has room; off.
    pub node_fit: bool,
    /// `minReplicas`: only pods whose owner has at least so many; 0.
    pub min_replicas: u32,
    /// `minPodAge`: only pods that old; 0.
    pub min_pod_age: Duration,
    /// `priorityThreshold`: pods of this priority and above stay; unset.
    pub priority_threshold: Option<i32>,
    /// `evictSystemCriticalPods`; off.
    pub system_critical: bool,
    /// `evictLocalStoragePods`; off.
    pub local_storage: bool,
    /// `evictDaemonSetPods`; off.
    pub daemons: bool,
    /// `ignorePvcPods`: pods with a volume stay; off.
    pub ignore_volumes: bool,
    /// `evictFailedBarePods` and the like for pods of nobody; off.
    pub bare: bool,
}

/// What keeps a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Of a `DaemonSet`.
    Daemon,
    /// Static, or a mirror.
    Static,
    /// Nobody would make another.
    Bare,
    /// Critical to the system.
    SystemCritical,
    /// Its priority is at the threshold or above.
    Priority,
    /// Local storage.
    LocalStorage,
    /// A volume.
    Volume,
    /// Too few of its kind.
    FewReplicas,
    /// Too young.
    Young,
}

impl Evictor {
    /// What keeps a pod; `None`: it may go. The annotation lets any go.
    #[must_use]
    pub fn keeps(&self, pod: &Pod, now: SimTime) -> Option<Kept> {
        if pod.asks_for_it {
            return None;
        }
        // Without a threshold of its own the evictor's is that of system-critical pods.
        let threshold = self.priority_threshold.filter(|_| !self.system_critical);
        let rules = [
            (pod.kind == PodKind::Daemon && !self.daemons, Kept::Daemon),
            (pod.kind == PodKind::Static, Kept::Static),
            (pod.kind == PodKind::Bare && !self.bare, Kept::Bare),
            (!self.system_critical && pod.priority.is_some_and(|p| p >= SYSTEM_CRITICAL), Kept::SystemCritical),
            (threshold.is_some_and(|t| pod.priority.unwrap_or(0) >= t), Kept::Priority),
            (pod.local_storage && !self.local_storage, Kept::LocalStorage),
            (pod.volume && self.ignore_volumes, Kept::Volume),
            (self.min_replicas > 1 && pod.replicas < self.min_replicas, Kept::FewReplicas),
            (
                self.min_pod_age > Duration::ZERO && pod.started.is_none_or(|at| now.since(at) < self.min_pod_age),
                Kept::Young,
            ),
        ];
        rules.into_iter().find(|(holds, _)| *holds).map(|(_, why)| why)
    }
}
