//! Which pods are evicted so that they come back with what is recommended.
//!
//! Rules: `pkg/updater/priority/{update_priority_calculator,priority_processor}.go`,
//! `pkg/updater/restriction/pods_restriction_factory.go`.

use std::cmp::Ordering;

use thiserror::Error;

use super::{Amounts, Estimate};
use crate::units::{Duration, SimTime};

/// The updater. Defaults: `pkg/updater/main.go`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Updater {
    /// `--min-replicas`: a controller with fewer live pods is left alone; 2.
    pub min_replicas: u32,
    /// `--eviction-tolerance`: the share of a controller's replicas that may be gone at once; 0.5.
    pub tolerance: f64,
    /// Within its bounds a pod is evicted only if this old (`podLifetimeUpdateThreshold`); 12 h.
    pub min_age: Duration,
    /// And if its requests would change by this share; 0.1.
    pub min_change: f64,
    /// `--evict-after-oom-threshold`: a container that was killed this soon after its start; 10 m.
    pub quick_oom: Duration,
}

impl Default for Updater {
    fn default() -> Updater {
        Updater {
            min_replicas: 2,
            tolerance: 0.5,
            min_age: Duration::from_hours(12),
            min_change: 0.1,
            quick_oom: Duration::from_secs(600),
        }
    }
}

/// What makes no updater.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum ConfigError {
    #[error("the eviction tolerance is {0}, and is a share from 0 to 1")]
    Tolerance(f64),
    #[error("the least change is {0}, and is 0 or more")]
    Change(f64),
}

/// A container of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// What it asks for; `None`: nothing.
    pub cpu_milli: Option<i64>,
    /// The same in bytes.
    pub memory: Option<i64>,
    /// What is recommended.
    pub estimate: Estimate,
    /// For how long it ran before it was last killed for want of memory.
    pub oom_after: Option<Duration>,
}

/// A pod of a controller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its containers that the VPA is for.
    pub containers: Vec<Container>,
    /// When it started.
    pub started: Option<SimTime>,
    /// Whether it waits to be scheduled or started: its eviction disturbs nobody.
    pub pending: bool,
    /// How many evictions its disruption budget allows now; `None` without a budget.
    pub evictions_allowed: Option<u32>,
}

/// How urgent an eviction is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Urgency {
    /// Whether a request is outside of its bounds, or missing.
    pub outside: bool,
    /// Whether it should ask for more of something.
    pub grows: bool,
    /// By how much requests would change: of each resource as a share of what is asked for, added up.
    pub difference: f64,
    /// Whether a container was killed soon after its start.
    pub quick_oom: bool,
}

/// Why a pod stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// Its requests are within their bounds, and it is young.
    Young,
    /// They are, and would change by little.
    Small,
    /// It was killed for want of memory, and would ask for the same.
    Unchanged,
    /// Too few of its controller's pods live.
    FewReplicas,
    /// Too many of its controller's pods are gone already.
    Tolerance,
    /// Its disruption budget allows none.
    Budget,
}

impl Updater {
    /// All that is wrong.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if !(0.0..=1.0).contains(&self.tolerance) {
            faults.push(ConfigError::Tolerance(self.tolerance));
        }
        if self.min_change.is_nan() || self.min_change < 0.0 {
            faults.push(ConfigError::Change(self.min_change));
        }
        faults
    }

    /// How urgent a pod's eviction is.
    #[must_use]
    pub fn urgency(&self, pod: &Pod) -> Urgency {
        let mut u = Urgency { outside: false, grows: false, difference: 0.0, quick_oom: false };
        for of in [|a: &Amounts| a.cpu_milli, |a: &Amounts| a.memory].into_iter().enumerate() {
            let (resource, get) = of;
            let (mut asked, mut wanted) = (0_i64, 0_i64);
            for c in &pod.containers {
                let e = &c.estimate;
                let target = get(&e.target);
                wanted = wanted.saturating_add(target);
                match if resource == 0 { c.cpu_milli } else { c.memory } {
                    Some(request) => {
                        asked = asked.saturating_add(request);
                        u.grows |= target > request;
                        u.outside |= request < get(&e.lower) || request > get(&e.upper);
                    }
                    None => (u.grows, u.outside) = (true, true),
                }
            }
            // Upstream counts in thousandths of bytes too; at least one of them.
            let base = if resource == 0 { (asked as f64).max(1.0) } else { (asked as f64).max(0.001) };
            u.difference += (i128::from(asked) - i128::from(wanted)).abs() as f64 / base;
        }
        u.quick_oom = pod.containers.iter().any(|c| c.oom_after.is_some_and(|d| d < self.quick_oom));
        u
    }

    /// Whether a pod is to be evicted if it may be, and how urgently.
    ///
    /// # Errors
    /// Why it stays.
    pub fn wants(&self, pod: &Pod, now: SimTime) -> Result<Urgency, Stays> {
        let u = self.urgency(pod);
        if !u.outside && !u.quick_oom {
            if pod.started.is_none_or(|at| now.since(at) < self.min_age) {
                return Err(Stays::Young);
            }
            if u.difference < self.min_change {
                return Err(Stays::Small);
            }
        }
        if u.quick_oom && u.difference == 0.0 {
            return Err(Stays::Unchanged);
        }
        Ok(u)
    }

    /// One run over a controller that is meant to have `replicas` pods, `pods` being those that live: who is evicted, in
    /// order (numbers of `pods`), and why the others stay.
    ///
    /// Those go first that should ask for more, then those whose requests change most; equals as they come.
    #[must_use]
    pub fn run(&self, replicas: u32, pods: &[Pod], now: SimTime) -> (Vec<usize>, Vec<(usize, Stays)>) {
        let (mut chosen, mut stay) = (Vec::new(), Vec::new());
        for (i, pod) in pods.iter().enumerate() {
            match self.wants(pod, now) {
                Ok(u) => chosen.push((i, u)),
                Err(why) => stay.push((i, why)),
            }
        }
        chosen.sort_by(|(_, a), (_, b)| match b.grows.cmp(&a.grows) {
            Ordering::Equal => b.difference.total_cmp(&a.difference),
            other => other,
        });
        let running = pods.iter().filter(|p| !p.pending).count() as u32;
        let tolerated = (f64::from(replicas) * self.tolerance) as u32;
        let (mut gone, mut out) = (0_u32, Vec::new());
        let mut allowed: Vec<Option<u32>> = pods.iter().map(|p| p.evictions_allowed).collect();
        for (i, _) in chosen {
            let alive = running.saturating_sub(gone);
            let may = pods[i].pending
                || alive > replicas.saturating_sub(tolerated)
                || (replicas == running && tolerated == 0 && gone == 0);
            if (pods.len() as u32) < self.min_replicas {
                stay.push((i, Stays::FewReplicas));
            } else if !may {
                stay.push((i, Stays::Tolerance));
            } else if allowed[i] == Some(0) {
                stay.push((i, Stays::Budget));
            } else {
                out.push(i);
                gone += u32::from(!pods[i].pending);
                // A controller's pods share their budget.
                allowed.iter_mut().flatten().for_each(|left| *left = left.saturating_sub(1));
            }
        }
        stay.sort_by_key(|(i, _)| *i);
        (out, stay)
    }
}
