//! Which pods count towards a metric (upstream's `groupPods`).

use crate::units::{Duration, SimTime};

/// A pod as the controller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its phase.
    pub phase: Phase,
    /// Whether it is being deleted.
    pub deleted: bool,
    /// When the kubelet took it on; `None` before.
    pub started: Option<SimTime>,
    /// The condition `Ready`; `None` before it is first set.
    pub ready: Option<Condition>,
}

impl Pod {
    /// A running pod that has been ready since it started.
    #[must_use]
    pub const fn ready_since(at: SimTime) -> Pod {
        let ready = Some(Condition { holds: true, since: at });
        Pod { phase: Phase::Running, deleted: false, started: Some(at), ready }
    }

    /// Whether it runs and is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Running && self.ready.is_some_and(|c| c.holds)
    }
}

/// The phase of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all of its containers have started.
    Pending,
    /// It runs.
    Running,
    /// All containers ended well.
    Succeeded,
    /// A container failed for good.
    Failed,
}

/// A condition of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Whether it holds.
    pub holds: bool,
    /// When it last turned.
    pub since: SimTime,
}

/// A pod's sample of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Thousandths.
    pub value: i64,
    /// When it was taken.
    pub at: SimTime,
    /// Over how long.
    pub window: Duration,
}

/// Indices of pods by how they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// How many count as they are.
    pub ready: usize,
    /// Not ready: their samples are left out, or stand for zero on the way up.
    pub unready: Vec<usize>,
    /// Without a sample.
    pub missing: Vec<usize>,
    /// Deleted or failed: left out altogether.
    pub ignored: Vec<usize>,
}

/// The waits of the controller that bear on readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// [`super::Config::cpu_initialisation`].
    pub cpu_initialisation: Duration,
    /// [`super::Config::readiness_delay`].
    pub readiness_delay: Duration,
}

/// Sorts the pods. Readiness matters only for the resource `cpu`.
#[must_use]
pub fn group(pods: &[Pod], samples: &[Option<Sample>], cpu: bool, waits: Waits, now: SimTime) -> Groups {
    let mut out = Groups::default();
    for (i, pod) in pods.iter().enumerate() {
        if pod.deleted || pod.phase == Phase::Failed {
            out.ignored.push(i);
        } else if pod.phase == Phase::Pending {
            out.unready.push(i);
        } else {
            match samples.get(i).copied().flatten() {
                None => out.missing.push(i),
                Some(sample) if cpu && unready(pod, sample, waits, now) => out.unready.push(i),
                Some(_) => out.ready += 1,
            }
        }
    }
    out
}

/// Whether a pod's CPU does not count yet.
fn unready(pod: &Pod, sample: Sample, waits: Waits, now: SimTime) -> bool {
    let (Some(started), Some(ready)) = (pod.started, pod.ready) else { return true };
    if started + waits.cpu_initialisation > now {
        // Starting up: the sample must lie wholly in the time since it became ready.
        !ready.holds || sample.at < ready.since + sample.window
    } else {
        // Later only a pod that has never really been ready is left out; one that fell unready still counts.
        !ready.holds && started + waits.readiness_delay > ready.since
    }
}
