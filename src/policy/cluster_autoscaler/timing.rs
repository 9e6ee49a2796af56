//! What holds a step back: young pods, cooldowns, unneeded timers, parallelism, backoff.
//!
//! Rules: `core/static_autoscaler.go`, `core/scaledown/{planner,unneeded,budgets}`, `utils/backoff`.

use super::view::NodeId;
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
    /// How long a node may take from registering to ready before it counts as unready (`MaxNodeStartupTime` of
    /// `clusterstate/clusterstate.go`); 15 min.
    pub startup: Duration,
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
    /// `--unremovable-node-recheck-timeout`; 5 min.
    pub recheck: Duration,
    /// `--node-delete-delay-after-taint`; 5 s. The caller waits so long between taint and eviction or deletion.
    pub delete_delay: Duration,
    /// `--max-graceful-termination-sec`, in seconds; 600. No pod gets more after its eviction.
    pub max_graceful: u32,
    /// `--max-pod-eviction-time`; 2 min. The caller tries a refused eviction again for so long; then the drain has
    /// failed.
    pub eviction: Duration,
    /// Whether a node must be unneeded for longer than its time, and not just as long; upstream: yes. With exact clocks
    /// a node found at 10 s then goes at 620 s and not at 610 s.
    pub strict: bool,
    /// The same for the delays after an addition, a deletion and a failure; yes. Upstream's test lets a scan at the very
    /// end of a delay pass, but real clocks never meet it there.
    pub strict_cooldown: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            scan: Duration::from_secs(10),
            provision: Duration::from_secs(900),
            startup: Duration::from_secs(900),
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
            recheck: Duration::from_secs(300),
            delete_delay: Duration::from_secs(5),
            max_graceful: 600,
            eviction: Duration::from_secs(120),
            strict: true,
            strict_cooldown: true,
        }
    }
}

/// The first instant at which something lies `wait` back, or, if strict, more than that.
#[must_use]
pub const fn over(since: SimTime, wait: Duration, strict: bool) -> SimTime {
    SimTime(since.0.saturating_add(wait.0).saturating_add(strict as u64))
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
    /// Until when deletions are held back; before `now` if they are not.
    #[must_use]
    pub fn cooling_until(&self, config: &Config) -> SimTime {
        let delays = [
            (self.scale_up, config.after_add),
            (self.failure, config.after_failure),
            (self.delete, config.after_delete),
        ];
        let ends = delays.into_iter().filter_map(|(at, wait)| Some(over(at?, wait, config.strict_cooldown)));
        ends.max().unwrap_or_default()
    }

    /// Whether deletions are held back.
    #[must_use]
    pub fn cooling(&self, config: &Config, now: SimTime) -> bool {
        now < self.cooling_until(config)
    }
}

/// Since when each node is unneeded, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unneeded {
    since: Vec<(NodeId, SimTime)>,
}

impl Unneeded {
    /// Takes over what a scan found, in the order of numbers: new nodes start their timer, those that are not there lose
    /// it. Whether any did.
    pub fn update(&mut self, nodes: &[NodeId], now: SimTime) -> bool {
        let mut old = self.since.iter().peekable();
        let mut new = Vec::with_capacity(nodes.len());
        for id in nodes {
            while old.next_if(|(n, _)| n < id).is_some() {}
            let since = old.next_if(|(n, _)| n == id).map_or(now, |(_, since)| *since);
            new.push((*id, since));
        }
        let changed = new != self.since;
        self.since = new;
        changed
    }

    /// Since when a node is unneeded.
    #[must_use]
    pub fn since(&self, node: NodeId) -> Option<SimTime> {
        self.since.binary_search_by_key(&node, |(n, _)| *n).ok().map(|i| self.since[i].1)
    }

    /// How many are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.since.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.since.is_empty()
    }

    /// When a node's time is up; an unready one has the longer time.
    #[must_use]
    pub fn due(&self, node: NodeId, ready: bool, config: &Config) -> Option<SimTime> {
        let wait = if ready { config.unneeded } else { config.unready };
        self.since(node).map(|since| over(since, wait, config.strict))
    }

    /// How many nodes are worth to be known as unneeded at once, with `known` of them so far: as many as could go by the
    /// time that the last one's time is up, and no more than twice the parallelism above what is known.
    #[must_use]
    pub fn limit(known: usize, config: &Config) -> usize {
        let n = config.parallelism as usize;
        let loops = (config.unneeded.0.max(config.scan.0) / config.scan.0.max(1)) as usize;
        (known + 2 * n).min(n.saturating_mul(loops).saturating_add(n))
    }
}

/// A node whose time is up and that its group can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its group.
    pub group: u32,
    /// Whether no pod has to move.
    pub empty: bool,
}

/// Which of the nodes go now, as positions in `due`, in their order: as many at once as parallelism allows, with `empty`
/// and `drains` deletions in progress.
///
/// Groups that go as a whole come first, one of them even if it is larger than what is left; then empty nodes, then
/// drains, each in their order (`core/scaledown/budgets`).
#[must_use]
pub fn deletions(due: &[Due], whole: impl Fn(u32) -> bool, empty: u32, drains: u32, config: &Config) -> Vec<usize> {
    let mut left = i64::from(config.parallelism) - i64::from(empty) - i64::from(drains);
    let mut drains_left = i64::from(config.drain_parallelism) - i64::from(drains);
    let mut buckets: std::collections::BTreeMap<u32, Vec<usize>> = std::collections::BTreeMap::new();
    for (i, node) in due.iter().enumerate().filter(|(_, d)| whole(d.group)) {
        buckets.entry(node.group).or_default().push(i);
    }
    let mut chosen = Vec::new();
    let mut overflow = true;
    for empties in [true, false] {
        for bucket in buckets.values().filter(|b| b.iter().all(|i| due[*i].empty) == empties) {
            let room = if empties { left } else { left.min(drains_left) };
            let size = bucket.len() as i64;
            if room < size && (room <= 0 || !overflow) {
                break;
            }
            overflow = false;
            left -= size;
            drains_left -= if empties { 0 } else { size };
            chosen.extend(bucket);
        }
    }
    for empties in [true, false] {
        for (i, _) in due.iter().enumerate().filter(|(_, d)| d.empty == empties && !whole(d.group)) {
            let room = if empties { left } else { left.min(drains_left) };
            if room <= 0 {
                break;
            }
            left -= 1;
            drains_left -= i64::from(!empties);
            chosen.push(i);
        }
    }
    chosen.sort_unstable();
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
            Some(last) if now < over(last.at, config.backoff_reset, true) => {
                let doubled = last.wait.0.saturating_mul(2).min(config.backoff_max.0);
                if last.until < now { Duration(doubled) } else { last.wait }
            }
            _ => config.backoff,
        };
        let until = SimTime(now.0.saturating_add(wait.0));
        self.last = Some(Failure { at: now, until, wait });
        until
    }

    /// Until when the group is left alone, if it ever failed.
    #[must_use]
    pub fn until(&self) -> Option<SimTime> {
        self.last.map(|last| last.until)
    }

    /// Whether the group is left alone.
    #[must_use]
    pub fn active(&self, now: SimTime) -> bool {
        self.until().is_some_and(|until| until > now)
    }
}
