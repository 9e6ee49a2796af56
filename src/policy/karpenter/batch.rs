//! When pending pods are provisioned for: after a pause, or after a while.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/controllers/provisioning/batcher.go`.

use std::collections::BTreeSet;

use super::config::Config;
use super::view::PodIx;
use crate::units::SimTime;

/// An open window that collects pods.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    since: SimTime,
    latest: SimTime,
    pods: BTreeSet<PodIx>,
}

/// Collects pending pods into batches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batcher {
    open: Option<Open>,
}

impl Batcher {
    /// Pod `pod` is pending. The first opens a window; only one that the window has not seen prolongs it.
    pub fn trigger(&mut self, pod: PodIx, now: SimTime) {
        let open = self.open.get_or_insert_with(|| Open { since: now, latest: now, pods: BTreeSet::new() });
        if open.pods.insert(pod) {
            open.latest = now;
        }
    }
    /// When the open window closes: the idle time after the last new pod, at most the maximum after the first.
    #[must_use]
    pub fn closes(&self, config: &Config) -> Option<SimTime> {
        self.open.as_ref().map(|o| (o.latest + config.batch_idle).min(o.since + config.batch_max))
    }
    /// Closes the window if its time has come. True: provision now.
    pub fn close(&mut self, config: &Config, now: SimTime) -> bool {
        let due = self.closes(config).is_some_and(|at| at <= now);
        if due {
            self.open = None;
        }
        due
    }
}
