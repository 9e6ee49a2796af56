//! The loop: what one scan does after another.
//!
//! Rules: `core/static_autoscaler.go`, `clusterstate/clusterstate.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::{Config, ConfigError, Ties};
use super::decision::{Decision, Drain, Ended, Move, ScaleUp, WhyNot};
use super::room::Room;
use super::scale_down::{self, Known, Recheck, Removable};
use super::scale_up::{self, Up};
use super::timing::{self, Backoff, Due, Last, Unneeded, over};
use super::view::{Deleting, GroupIx, NodeId, Pending, ShapeIx, View};
use crate::policy::placement::luck::Luck;
use crate::policy::pods::Resources;
use crate::units::SimTime;

/// The Cluster Autoscaler at work.
///
/// ```
/// use fleetcast::policy::cluster_autoscaler::{
///     ClusterAutoscaler, Config, Group, Pending, Resources, ScaleUp, Shape, View, GroupIx, ShapeIx,
/// };
/// use fleetcast::units::SimTime;
///
/// let mut autoscaler = ClusterAutoscaler::new(Config::default()).unwrap();
/// let gpus = |n: i64| Resources { cpu: 96_000, memory: 1 << 40, gpu: 1000 * n, pods: 110 };
/// let view = View {
///     groups: &[Group::new("h100", 0, 10, gpus(8))],
///     nodes: &[],
///     unregistered: &[],
///     shapes: &[Shape::plain(Resources::of_pod(8000, 1 << 36, 4000))],
///     pending: &[Pending { shape: ShapeIx(0), count: 3, created: SimTime::ZERO }],
///     pdbs: &[],
///     revision: 1,
/// };
/// let at = |seconds: u64| SimTime(seconds * 1_000_000_000);
/// // GPU pods younger than 30 s are waited for; nothing happens by itself before.
/// assert!(autoscaler.scan(&view, at(10)).is_empty());
/// assert_eq!(autoscaler.next_due(at(10)), at(30));
/// // Two pods fit on a node of eight GPUs.
/// assert_eq!(autoscaler.scan(&view, at(30)).grow, [ScaleUp { group: GroupIx(0), by: 2 }]);
/// ```
#[derive(Clone, Debug)]
pub struct ClusterAutoscaler {
    config: Arc<Config>,
    luck: Luck,
    last: Last,
    backoff: Vec<Backoff>,
    unneeded: Unneeded,
    /// Nodes not to be tried again yet, in the order of numbers.
    recheck: Vec<Recheck>,
    /// Where the last pass had the pods of each unneeded node go.
    hints: BTreeMap<NodeId, Vec<Move>>,
    /// Machines that were given up and are still there, in the order of numbers.
    given_up: Vec<NodeId>,
    /// The revision at which the last scan found nothing to do and left everything as it was.
    settled: Option<u64>,
    /// When a timer may change that.
    due: SimTime,
    why: Vec<(NodeId, WhyNot)>,
    work: Work,
}

/// How much work scans were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Scans that were done.
    pub scans: u64,
    /// Scans that were left out, as they could find nothing.
    pub skipped: u64,
    /// How often it was looked whether a node takes a pod.
    pub looks: u64,
}

/// The first instant after now at which something is due.
struct Wake {
    now: SimTime,
    next: SimTime,
}

impl Wake {
    fn at(&mut self, t: SimTime) {
        if t > self.now && t < self.next {
            self.next = t;
        }
    }
}

impl ClusterAutoscaler {
    /// The autoscaler without a past.
    ///
    /// # Errors
    /// All that is wrong with the settings. [`super::Group::faults`] says what is wrong with a group.
    pub fn new(config: Config) -> Result<ClusterAutoscaler, Vec<ConfigError>> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let seed = if let Ties::Random(seed) = config.ties { seed } else { 0 };
        Ok(ClusterAutoscaler {
            config: Arc::new(config),
            luck: Luck::new(seed, 0),
            last: Last::default(),
            backoff: Vec::new(),
            unneeded: Unneeded::default(),
            recheck: Vec::new(),
            hints: BTreeMap::new(),
            given_up: Vec::new(),
            settled: None,
            due: SimTime::ZERO,
            why: Vec::new(),
            work: Work::default(),
        })
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How much work it was so far.
    #[must_use]
    pub const fn work(&self) -> Work {
        self.work
    }

    /// Since when a node is unneeded.
    #[must_use]
    pub fn unneeded_since(&self, node: NodeId) -> Option<SimTime> {
        self.unneeded.since(node)
    }

    /// Until when a group is left alone after failures; before now, or none, if it is not.
    #[must_use]
    pub fn backoff_until(&self, group: GroupIx) -> Option<SimTime> {
        self.backoff.get(group.at()).and_then(Backoff::until)
    }

    /// Why each node was not removed, in the order of numbers, as of the last scan that looked; nodes that it removed
    /// are not there. A scan that scales up does not look, and one that was left out would say the same.
    #[must_use]
    pub fn why_not(&self) -> &[(NodeId, WhyNot)] {
        &self.why
    }

    /// The first instant from `now` on at which a scan may do something although the view stays as it is: now, if the
    /// last scan did or changed anything; [`SimTime::MAX`] if never.
    ///
    /// A caller may leave out scans before it while the revision stays the same: they would be left out anyway.
    #[must_use]
    pub fn next_due(&self, now: SimTime) -> SimTime {
        if self.settled.is_some() { self.due.max(now) } else { now }
    }

    /// The provider refused to launch a node of a group, or one that was launched failed: the group is left alone for a
    /// while. Take it off the group's target.
    pub fn launch_failed(&mut self, group: GroupIx, now: SimTime) {
        self.settled = None;
        if self.backoff.len() <= group.at() {
            self.backoff.resize(group.at() + 1, Backoff::default());
        }
        self.backoff[group.at()].fail(&self.config.timing, now);
    }

    /// A deletion failed: a pod could not be evicted in time, or the provider did not delete the machine. No deletion
    /// begins for a while. The node is not being deleted any more.
    pub fn deletion_failed(&mut self, now: SimTime) {
        self.settled = None;
        self.last.failure = Some(now);
    }

    /// One scan. Scans must not go back in time.
    pub fn scan(&mut self, view: &View<'_>, now: SimTime) -> Decision {
        debug_assert!(view.nodes.is_sorted_by_key(|n| n.id), "nodes are in the order of their numbers");
        if self.settled == Some(view.revision) && now < self.due {
            self.work.skipped += 1;
            return Decision::default();
        }
        self.work.scans += 1;
        if self.backoff.len() < view.groups.len() {
            self.backoff.resize(view.groups.len(), Backoff::default());
        }
        let mut wake = Wake { now, next: SimTime::MAX };
        let (decision, changed) = self.run(view, now, &mut wake);
        for backoff in &self.backoff {
            backoff.until().into_iter().for_each(|t| wake.at(t));
        }
        self.settled = (!changed && decision.is_empty()).then_some(view.revision);
        self.due = wake.next;
        decision
    }

    /// A scan that is not left out: what it decides, and whether it changed what the next one goes by.
    fn run(&mut self, view: &View<'_>, now: SimTime, wake: &mut Wake) -> (Decision, bool) {
        let mut decision = Decision::default();
        let config = Arc::clone(&self.config);
        let timing = &config.timing;
        let starting: Vec<bool> = view.nodes.iter().map(|n| starting(n, timing, now, wake)).collect();
        let (late, mut changed) = self.give_up(view, now, wake, &mut decision);

        let unready =
            view.nodes.iter().zip(&starting).filter(|(n, s)| !n.works() && !**s && n.deleting == Deleting::No);
        let (unready, all) = (unready.count() as u32, view.nodes.len() as u32);
        if !timing::healthy(unready, all, timing) {
            changed |= self.unneeded.update(&[], now);
            self.why = view.nodes.iter().map(|n| (n.id, WhyNot::Unhealthy)).collect();
            decision.ended = Ended::Unhealthy;
            return (decision, changed);
        }

        let upcoming = upcoming(view, &starting, &late);
        let mut room = Room::new(view, &starting, |s| scale_down::counted(&config, s));
        for (group, n) in view.groups.iter().zip(&upcoming) {
            (0..*n).for_each(|_| room.add(group.template.free, group.kin));
        }
        let pending = waiting(&config, view, &mut room, now, wake);
        self.work.looks += std::mem::take(&mut room.looks);
        let ready = view.nodes.iter().filter(|n| n.works() && n.deleting == Deleting::No).count() as u32;
        let ages: Vec<(SimTime, bool)> =
            pending.iter().map(|p| (p.created, view.shapes[p.shape.at()].request.gpu > 0)).collect();
        for (created, gpu) in &ages {
            wake.at(over(*created, timing::YOUNG, false));
            if *gpu {
                wake.at(over(*created, timing::YOUNG_GPU, false));
            }
        }
        let full = config.limits.nodes_max > 0 && ready >= config.limits.nodes_max;
        // A cluster that may not grow anyway does not wait for more pods.
        let young = !full && timing::too_young(&ages, now);
        if !pending.is_empty() && !full && !young {
            let backoff: Vec<bool> = self.backoff.iter().map(|b| b.active(now)).collect();
            let nodes = ready + upcoming.iter().sum::<u32>();
            let total = scale_up::total(view);
            let up =
                Up { config: &config, view: *view, room: &room, pending: &pending, backoff: &backoff, nodes, total };
            decision.grow = scale_up::step(&up, &mut self.luck);
            if !decision.grow.is_empty() {
                self.last.scale_up = Some(now);
                decision.ended = Ended::ScaledUp;
                return (decision, true);
            }
        }
        if config.scale_down {
            changed |= self.scale_down(view, &mut room, &starting, young, now, wake, &mut decision);
        } else {
            self.why = view.nodes.iter().map(|n| (n.id, WhyNot::Off)).collect();
            decision.ended = Ended::Done;
        }
        if config.enforce_min {
            let short = (0..).map(GroupIx).zip(view.groups).filter(|(_, g)| g.target < g.min);
            decision.grow = short.map(|(group, g)| ScaleUp { group, by: g.min - g.target }).collect();
            if !decision.grow.is_empty() {
                self.last.scale_up = Some(now);
                decision.ended = Ended::ScaledUp;
            }
        }
        (decision, changed)
    }

    /// Gives up machines that did not register in time, as far as the group's minimum allows; by group how many are
    /// late, and whether anything changed.
    fn give_up(&mut self, view: &View<'_>, now: SimTime, wake: &mut Wake, out: &mut Decision) -> (Vec<u32>, bool) {
        let timing = &self.config.timing;
        let mut late = vec![0; view.groups.len()];
        let mut seen = Vec::new();
        let mut machines: Vec<_> = view.unregistered.iter().collect();
        machines.sort_by_key(|m| m.id);
        for m in machines {
            let end = over(m.since, timing.provision, true);
            if now < end {
                wake.at(end);
                continue;
            }
            seen.push(m.id);
            let group = &view.groups[m.group.at()];
            late[m.group.at()] += 1;
            if late[m.group.at()] <= group.target.saturating_sub(group.min) {
                out.abandon.push(m.id);
            }
            // Of machines that are still there a scan later the group has heard already.
            if self.given_up.binary_search(&m.id).is_err() {
                self.backoff[m.group.at()].fail(timing, now);
            }
        }
        let changed = seen != self.given_up;
        self.given_up = seen;
        (late, changed)
    }

    /// The second half of a scan. Whether it changed what the next one goes by.
    #[allow(clippy::too_many_arguments, reason = "the stages of one scan share what was worked out before")]
    fn scale_down(
        &mut self,
        view: &View<'_>,
        room: &mut Room<'_>,
        starting: &[bool],
        young: bool,
        now: SimTime,
        wake: &mut Wake,
        out: &mut Decision,
    ) -> bool {
        let before = self.recheck.len();
        self.recheck.retain(|r| now < r.until);
        let mut changed = self.recheck.len() != before;
        let config = Arc::clone(&self.config);
        let known = Known { unneeded: &self.unneeded, recheck: &self.recheck, hints: &self.hints };
        let found = scale_down::pass(&config, view, room, starting, &known, now);
        self.work.looks += room.looks;
        let mut why = found.why;

        changed |= !found.failed.is_empty();
        self.recheck.extend(found.failed);
        self.recheck.sort_by_key(|r| r.node);
        // Nodes that are gone.
        let mut here = view.nodes.iter().map(|n| n.id).peekable();
        self.recheck.retain(|r| {
            while here.next_if(|id| *id < r.node).is_some() {}
            here.peek() == Some(&r.node)
        });
        self.recheck.iter().for_each(|r| wake.at(r.until));

        let mut removable = found.removable;
        removable.sort_by_key(|r| (!r.moves.is_empty(), r.at));
        let mut ids: Vec<NodeId> = removable.iter().map(|r| view.nodes[r.at].id).collect();
        ids.sort_unstable();
        changed |= self.unneeded.update(&ids, now);
        let hints: BTreeMap<NodeId, Vec<Move>> =
            removable.iter().filter(|r| !r.moves.is_empty()).map(|r| (view.nodes[r.at].id, r.moves.clone())).collect();
        changed |= hints != self.hints;
        self.hints = hints;

        let until = self.last.cooling_until(&config.timing);
        for (at, wait) in [
            (self.last.scale_up, config.timing.after_add),
            (self.last.failure, config.timing.after_failure),
            (self.last.delete, config.timing.after_delete),
        ] {
            at.into_iter().for_each(|at| wake.at(over(at, wait, config.timing.strict_cooldown)));
        }
        let cooling = young || now < until;
        out.ended = match (young, cooling) {
            (true, _) => Ended::TooYoung,
            (_, true) => Ended::Cooling,
            _ => Ended::Done,
        };
        let chosen = self.deletable(view, &removable, cooling, now, wake, &mut why);
        for r in chosen {
            let (removed, node) = (&removable[r], view.nodes[removable[r].at].id);
            if removed.moves.is_empty() {
                out.delete.push(node);
            } else {
                let grace = removed.moves.iter().map(|m| view.shapes[m.shape.at()].grace).max().unwrap_or(0);
                let grace = grace.min(config.timing.max_graceful);
                out.drain.push(Drain { node, moves: removed.moves.clone(), grace });
            }
        }
        if !out.delete.is_empty() || !out.drain.is_empty() {
            self.last.delete = Some(now);
        }
        self.why.clear();
        self.why.extend(view.nodes.iter().zip(why).filter_map(|(n, w)| Some((n.id, w?))));
        changed
    }

    /// Which of the removable nodes go now, as positions in `removable`; writes down why the others do not.
    fn deletable(
        &self,
        view: &View<'_>,
        removable: &[Removable],
        cooling: bool,
        now: SimTime,
        wake: &mut Wake,
        why: &mut [Option<WhyNot>],
    ) -> Vec<usize> {
        let config = &self.config;
        let mut deleting = vec![0; view.groups.len()];
        let (mut empties, mut drains) = (0, 0);
        for node in view.nodes {
            match node.deleting {
                Deleting::No => continue,
                Deleting::Empty => empties += 1,
                Deleting::Drain => drains += 1,
            }
            node.group.into_iter().for_each(|g| deleting[g.at()] += 1);
        }
        let mut sizes: Vec<u32> = view.groups.iter().map(|g| g.target).collect();
        let mut left = spare(config, view);
        let mut due: Vec<usize> = Vec::new();
        for (i, r) in removable.iter().enumerate() {
            let node = &view.nodes[r.at];
            let Some(group) = node.group.map(super::view::GroupIx::at) else { continue };
            let end = self.unneeded.due(node.id, node.works(), &config.timing).unwrap_or(SimTime::MAX);
            let less = [node.capacity.cpu, node.capacity.memory, node.capacity.gpu];
            why[r.at] = if now < end {
                wake.at(end);
                Some(WhyNot::NotLongEnough { due: end })
            } else if cooling {
                Some(WhyNot::Cooling)
            } else if sizes[group].saturating_sub(deleting[group]) <= view.groups[group].min {
                Some(WhyNot::MinSize)
            } else if left.iter().zip(less).any(|(left, less)| left.is_some_and(|left| left < i128::from(less))) {
                Some(WhyNot::ClusterMin)
            } else {
                sizes[group] -= 1;
                for (left, less) in left.iter_mut().zip(less) {
                    *left = left.map(|left| left - i128::from(less));
                }
                due.push(i);
                None
            };
        }
        let whole = |g: u32| view.groups[g as usize].whole;
        let group = |i: usize| view.nodes[removable[i].at].group.map_or(0, |g| g.0);
        let mut together: BTreeMap<u32, u32> = BTreeMap::new();
        due.iter().for_each(|i| *together.entry(group(*i)).or_insert(0) += 1);
        due.retain(|i| {
            let g = group(*i);
            let all = !whole(g) || together.get(&g) == Some(&view.groups[g as usize].target);
            if !all {
                why[removable[*i].at] = Some(WhyNot::Whole);
            }
            all
        });
        let kinds: Vec<Due> =
            due.iter().map(|i| Due { group: group(*i), empty: removable[*i].moves.is_empty() }).collect();
        let chosen = timing::deletions(&kinds, whole, empties, drains, &config.timing);
        for (k, i) in due.iter().enumerate() {
            if chosen.binary_search(&k).is_err() {
                why[removable[*i].at] = Some(WhyNot::Parallelism);
            }
        }
        chosen.into_iter().map(|k| due[k]).collect()
    }
}

/// Whether a node has registered and is not ready yet, for not too long.
fn starting(node: &super::view::Node, timing: &timing::Config, now: SimTime, wake: &mut Wake) -> bool {
    if node.works() || node.deleting != Deleting::No {
        return false;
    }
    let end = over(node.created, timing.startup, true);
    wake.at(end);
    now < end
}

/// By group, how many nodes are on their way: what its target has more than it has nodes that started, and machines that
/// are late. Nodes that are being deleted still count in the target.
fn upcoming(view: &View<'_>, starting: &[bool], late: &[u32]) -> Vec<u32> {
    let mut there = late.to_vec();
    for (node, _) in view.nodes.iter().zip(starting).filter(|(_, starting)| !**starting) {
        node.group.into_iter().for_each(|g| there[g.at()] += 1);
    }
    view.groups.iter().zip(there).map(|(g, there)| g.target.saturating_sub(there)).collect()
}

/// The pods that need a step up: not expendable, no place among what is free or on its way, old enough. The others are
/// put in their places; the most important first. By class, in the order of the view.
fn waiting(config: &Config, view: &View<'_>, room: &mut Room<'_>, now: SimTime, wake: &mut Wake) -> Vec<Pending> {
    let shape = |p: &Pending| &view.shapes[p.shape.at()];
    let mut order: Vec<&Pending> = view.pending.iter().filter(|p| scale_down::counted(config, shape(p))).collect();
    order.sort_by_key(|p| std::cmp::Reverse(shape(p).priority));
    let mut left: Vec<Pending> = Vec::new();
    let mut class: BTreeMap<ShapeIx, usize> = BTreeMap::new();
    for p in order {
        let end = room.len();
        let placed = room.fill(p.shape, p.count, end, None, |_, _| {});
        room.keep();
        if placed == p.count {
            continue;
        }
        let old = over(p.created, config.new_pod_delay, config.new_pod_delay.0 > 0);
        if now < old {
            wake.at(old);
            continue;
        }
        let rest = p.count - placed;
        let at = *class.entry(p.shape).or_insert(left.len());
        match left.get_mut(at) {
            Some(l) => {
                l.count += rest;
                l.created = l.created.min(p.created);
            }
            None => left.push(Pending { count: rest, ..*p }),
        }
    }
    left
}

/// What the cluster has above its minimums, in milli-CPU, bytes and milli-GPU; `None` without a minimum.
fn spare(config: &Config, view: &View<'_>) -> [Option<i128>; 3] {
    let staying = view.nodes.iter().filter(|n| n.deleting == Deleting::No);
    let total = staying.fold(Resources::default(), |sum, n| sum.plus(n.capacity));
    let over = |min: u64, unit: i128, total: i64| (min > 0).then(|| i128::from(total) - i128::from(min) * unit);
    let limits = &config.limits;
    [
        over(limits.cores.min, 1000, total.cpu),
        over(limits.memory_gib.min, 1 << 30, total.memory),
        over(limits.gpus.min, 1000, total.gpu),
    ]
}
