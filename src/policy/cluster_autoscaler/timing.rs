//! What holds a step back: young pods, cooldowns, unneeded timers, parallelism, backoff.
//!
//! Rules: `core/static_autoscaler.go`, `core/scaledown/{unneeded,budgets}`, `utils/backoff`.

use std::collections::BTreeMap;

use crate::units::{Duration, SimTime};

/// Pods younger than this do not wake a scale-up (`unschedulablePodTimeBuffer`).
pub const YOUNG: Duration = Duration::from_secs(2);
/// GPU pods younger than this do not (`unschedulablePodWithGpuTimeBuffer`).
pub const YOUNG_GPU: Duration = Duration::from_secs(30);

/// The flags about time. Defaults: `config/flags/flags.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// `--scan-interval`; 10 s.
    pub scan: Duration,
    /// `--max-node-provision-time`; 15 min.
    pub provision: Duration,
    /// `--scale-down-delay-after-add`; 10 min.
    pub after_add: Duration,
    /// `--scale-down-delay-after-delete`; 0.
    pub after_delete: Duration,
    /// `--scale-down-delay-after-failure`; 3 min.
    pub after_failure: Duration,
    /// `--scale-down-unneeded-time`; 10 min.
    pub unneeded: Duration,
    /// `--scale-down-unready-time`; 20 min.
    pub unready: Duration,
    /// `--max-scale-down-parallelism`; 10.
    pub parallelism: u32,
    /// `--max-drain-parallelism`; 1.
    pub drain_parallelism: u32,
    /// `--initial-node-group-backoff-duration`; 5 min.
    pub backoff: Duration,
    /// `--max-node-group-backoff-duration`; 30 min.
    pub backoff_max: Duration,
    /// `--node-group-backoff-reset-timeout`; 3 h.
    pub backoff_reset: Duration,
    /// `--ok-total-unready-count`; 3.
    pub ok_unready: u32,
    /// `--max-total-unready-percentage`; 45.
    pub max_unready_percent: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            scan: Duration::from_secs(10),
            provision: Duration::from_secs(900),
            after_add: Duration::from_secs(600),
            after_delete: Duration(0),
            after_failure: Duration::from_secs(180),
            unneeded: Duration::from_secs(600),
            unready: Duration::from_secs(1200),
            parallelism: 10,
            drain_parallelism: 1,
            backoff: Duration::from_secs(300),
            backoff_max: Duration::from_secs(1800),
            backoff_reset: Duration::from_secs(3 * 3600),
            ok_unready: 3,
            max_unready_percent: 45,
        }
    }
}

/// Whether something happened strictly more than `wait` ago.
const fn passed(since: SimTime, wait: Duration, now: SimTime) -> bool {
    since.0.saturating_add(wait.0) < now.0
}

/// Whether so many unready nodes of so many are few enough for the autoscaler to act at all.
#[must_use]
pub fn healthy(unready: u32, total: u32, config: &Config) -> bool {
    unready <= config.ok_unready || u64::from(unready) * 100 <= u64::from(config.max_unready_percent) * u64::from(total)
}

/// Whether this scan leaves both scale-up and scale-down, because what is pending is new. Pods as (created, wants GPUs).
///
/// As upstream has it: the oldest pod of all is younger than 2 s, *or* there are GPU pods and the oldest of them is
/// younger than 30 s, whatever else waits.
#[must_use]
pub fn too_young(pending: &[(SimTime, bool)], now: SimTime) -> bool {
    let young = |oldest: Option<SimTime>, limit: Duration| {
        oldest.is_some_and(|created| created.0.saturating_add(limit.0) > now.0)
    };
    young(pending.iter().map(|p| p.0).min(), YOUNG)
        || young(pending.iter().filter(|p| p.1).map(|p| p.0).min(), YOUNG_GPU)
}

/// When things last happened; `None`: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// A scale-up.
    pub scale_up: Option<SimTime>,
    /// A deletion that failed.
    pub failure: Option<SimTime>,
    /// A deletion.
    pub delete: Option<SimTime>,
}

impl Last {
    /// Whether deletions are held back.
    #[must_use]
    pub fn cooling(&self, config: &Config, now: SimTime) -> bool {
        let waits = |at: Option<SimTime>, wait| at.is_some_and(|at| !passed(at, wait, now));
        waits(self.scale_up, config.after_add)
            || waits(self.failure, config.after_failure)
            || waits(self.delete, config.after_delete)
    }
}

/// Since when each node is unneeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unneeded {
    since: BTreeMap<String, SimTime>,
}

impl Unneeded {
    /// Takes over what a scan found: new nodes start their timer, those that are not there lose it.
    pub fn update<'a>(&mut self, nodes: impl IntoIterator<Item = &'a str>, now: SimTime) {
        let old = std::mem::take(&mut self.since);
        for name in nodes {
            self.since.insert(name.to_owned(), old.get(name).copied().unwrap_or(now));
        }
    }

    /// Since when a node is unneeded.
    #[must_use]
    pub fn since(&self, node: &str) -> Option<SimTime> {
        self.since.get(node).copied()
    }

    /// Whether a node's time is up; an unready one has the longer time.
    #[must_use]
    pub fn due(&self, node: &str, ready: bool, config: &Config, now: SimTime) -> bool {
        let wait = if ready { config.unneeded } else { config.unready };
        self.since(node).is_some_and(|since| passed(since, wait, now))
    }
}

/// A node whose time is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its name.
    pub name: String,
    /// Its group: an index into the groups.
    pub group: usize,
    /// Whether no pod has to move.
    pub empty: bool,
}

/// A group as deletions see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its target size.
    pub size: u32,
    /// Its minimum.
    pub min: u32,
    /// Deletions in progress.
    pub deleting: u32,
}

/// Which nodes are deleted now: empty ones first, then drains, each in the order given, as far as parallelism and the
/// groups' minimums allow. `empty` and `drains` are deletions in progress.
#[must_use]
pub fn deletions<'a>(due: &'a [Due], groups: &[Group], empty: u32, drains: u32, config: &Config) -> Vec<&'a Due> {
    let mut groups = groups.to_vec();
    let mut left = config.parallelism.saturating_sub(empty.saturating_add(drains));
    let mut drains_left = config.drain_parallelism.saturating_sub(drains);
    let mut chosen = Vec::new();
    let order = due.iter().filter(|d| d.empty).chain(due.iter().filter(|d| !d.empty));
    for node in order {
        let Some(group) = groups.get_mut(node.group) else { continue };
        let room = left > 0 && (node.empty || drains_left > 0);
        if !room || group.size.saturating_sub(group.deleting) <= group.min {
            continue;
        }
        group.deleting += 1;
        left -= 1;
        drains_left -= u32::from(!node.empty);
        chosen.push(node);
    }
    chosen
}

/// A group's backoff after failed scale-ups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    last: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failure {
    at: SimTime,
    until: SimTime,
    wait: Duration,
}

impl Backoff {
    /// A scale-up failed; until when the group is left alone. A failure while it already is does not double the wait.
    pub fn fail(&mut self, config: &Config, now: SimTime) -> SimTime {
        let wait = match self.last {
            Some(last) if !passed(last.at, config.backoff_reset, now) => {
                let doubled = last.wait.0.saturating_mul(2).min(config.backoff_max.0);
                if last.until < now { Duration(doubled) } else { last.wait }
            }
            _ => config.backoff,
        };
        let until = SimTime(now.0.saturating_add(wait.0));
        self.last = Some(Failure { at: now, until, wait });
        until
    }

    /// Whether the group is left alone.
    #[must_use]
    pub fn active(&self, now: SimTime) -> bool {
        self.last.is_some_and(|last| last.until > now)
    }
}
