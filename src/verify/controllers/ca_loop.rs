//! Runs cases of the Cluster Autoscaler as a whole: how full nodes are, which could go, and its loop over time.

use std::collections::BTreeSet;

use super::autoscaler::{request, resources, tolerable};
use super::format as f;
use super::names::{NOW, Names, several, too_many};
use crate::policy::cluster_autoscaler::{
    Bound, Classes, ClusterAutoscaler, Config, Decision, Deleting, Expander, Group, GroupIx, Kin, Kind, Limits, Move,
    Node, NodeId, Pdb, Pending, Shape, ShapeIx, View, WhyNot, timing, utilisation,
};
use crate::scenario::decode::{Decode, Spanned};
use crate::units::{Duration, SimTime};
use crate::verify::cases::Report;

/// The most scans of a case.
const MOST: u64 = 100_000;

/// A deletion under way.
#[derive(Debug)]
struct Going {
    until: SimTime,
    node: NodeId,
    moves: Vec<Move>,
}

/// A cluster that carries decisions out.
#[derive(Debug)]
struct World {
    group_names: Names,
    node_names: Names,
    groups: Vec<Group>,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    pending: Vec<Pending>,
    pdbs: Vec<Pdb>,
    revision: u64,
    going: Vec<Going>,
    next_fails: bool,
}

impl World {
    fn new() -> World {
        World {
            group_names: Names::new("group"),
            node_names: Names::new("node"),
            groups: Vec::new(),
            nodes: Vec::new(),
            shapes: Vec::new(),
            pending: Vec::new(),
            pdbs: Vec::new(),
            revision: 0,
            going: Vec::new(),
            next_fails: false,
        }
    }

    fn view(&self) -> View<'_> {
        View {
            groups: &self.groups,
            nodes: &self.nodes,
            unregistered: &[],
            shapes: &self.shapes,
            pending: &self.pending,
            pdbs: &self.pdbs,
            revision: self.revision,
        }
    }

    fn shape(&mut self, shape: Shape) -> ShapeIx {
        let known = self.shapes.iter().position(|s| *s == shape);
        let ix = known.unwrap_or_else(|| {
            self.shapes.push(shape);
            self.shapes.len() - 1
        });
        ShapeIx(ix as u32)
    }

    fn pods(&mut self, list: &[f::CaPod]) -> Vec<Bound> {
        let mut out = Vec::new();
        for p in list {
            let pdbs = match p.evictions_allowed {
                None => Vec::new(),
                Some(allowed) => {
                    self.pdbs.push(Pdb { allowed, never: false });
                    vec![self.pdbs.len() as u32 - 1]
                }
            };
            let shape = Shape {
                kind: match p.kind {
                    f::CaKind::Replicated => Kind::Replicated,
                    f::CaKind::Custom => Kind::Custom,
                    f::CaKind::Unreplicated => Kind::Unreplicated,
                    f::CaKind::Daemon => Kind::Daemon,
                    f::CaKind::Mirror => Kind::Mirror,
                },
                safe_to_evict: p.safe_to_evict,
                system: p.system,
                local_storage: p.local_storage,
                pdbs,
                ..Shape::plain(request(p.cpu, p.memory, p.gpu))
            };
            let shape = self.shape(shape);
            out.push(Bound { overdue: p.overdue, ..Bound::new(shape, p.count) });
        }
        out
    }

    /// Adds nodes; those without a group of their own are of the first.
    fn add(&mut self, list: &[f::CaNode], one_group: bool, report: &mut Report<'_>) -> Option<()> {
        let pods = list.iter().flat_map(|n| n.pods.iter().map(|p| p.count.saturating_mul(n.count)));
        if too_many(list.iter().map(|n| n.count), 10_000, "nodes", report) || too_many(pods, 100_000, "pods", report) {
            return None;
        }
        for n in list {
            let group = match &n.group {
                Some(name) if !one_group => GroupIx(self.group_names.find(name, report)?),
                _ => GroupIx(0),
            };
            for name in several(&n.name, n.count) {
                let id = NodeId(self.node_names.add_as(&n.name, &name, report)?.into());
                let pods = self.pods(&n.pods);
                let of = &mut self.groups[group.0 as usize];
                of.target += 1;
                let plain = Node::of(id, group, of);
                let allocatable = n.allocatable.as_ref().map_or(plain.allocatable, resources);
                let label = n.gpu_label.unwrap_or(plain.gpu_label || allocatable.gpu > 0);
                self.nodes.push(Node { allocatable, gpu_label: label, disabled: n.disabled, pods, ..plain });
            }
        }
        Some(())
    }

    fn node(&mut self, name: &Spanned<String>, report: &mut Report<'_>) -> Option<&mut Node> {
        let id = NodeId(self.node_names.find(name, report)?.into());
        let found = self.nodes.iter_mut().find(|n| n.id == id);
        if found.is_none() {
            let message = format!("the node `{}` is gone by then", name.value);
            report.fault_at(name.at, message, "named here", "name one that is there");
        }
        found
    }

    fn name(&self, id: NodeId) -> String {
        self.node_names.name(id.0 as u32).to_owned()
    }

    fn happen(&mut self, event: &f::CaEvent, at: SimTime, report: &mut Report<'_>) -> Option<()> {
        self.revision += 1;
        match event {
            f::CaEvent::Pods(p) => {
                let mut classes = Classes::All;
                if let Some(list) = &p.groups {
                    let mut only = BTreeSet::new();
                    for name in list {
                        only.insert(self.group_names.find(name, report)?);
                    }
                    classes = Classes::Only(only);
                }
                let plain = Shape::plain(request(p.cpu, p.memory, p.gpu));
                let shape = self.shape(Shape { priority: p.priority, classes, ..plain });
                self.pending.push(Pending { shape, count: p.count, created: at });
            }
            f::CaEvent::Runs(name, pods) => {
                let pods = self.pods(pods);
                self.node(name, report)?.pods = pods;
            }
            f::CaEvent::Empties(name) => self.node(name, report)?.pods.clear(),
            f::CaEvent::NextDeletionFails => self.next_fails = true,
            f::CaEvent::LaunchFails(_) => {}
        }
        Some(())
    }

    /// Nodes whose deletion is over are gone, their pods where they were to go.
    fn finish(&mut self, now: SimTime) {
        let (over, going): (Vec<Going>, Vec<Going>) =
            std::mem::take(&mut self.going).into_iter().partition(|g| g.until <= now);
        self.going = going;
        for g in over {
            let group = self.nodes.iter().find(|n| n.id == g.node).and_then(|n| n.group);
            if let Some(group) = group {
                self.groups[group.0 as usize].target -= 1;
            }
            self.nodes.retain(|n| n.id != g.node);
            for m in g.moves {
                if let Some(to) = self.nodes.iter_mut().find(|n| n.id == m.to) {
                    to.pods.push(Bound::new(m.shape, m.count));
                }
            }
            self.revision += 1;
        }
    }

    /// Begins what was decided; what was done, as it is shown.
    fn carry_out(&mut self, d: &Decision, case: &f::ScanCase, now: SimTime, ca: &mut ClusterAutoscaler) -> Vec<String> {
        let mut acts = Vec::new();
        let shown = |name: String| Spanned::unplaced(name);
        for g in &d.grow {
            self.groups[g.group.0 as usize].target += g.by;
            acts.push(f::CaAct::Grow(shown(self.group_names.name(g.group.0).to_owned()), g.by).show());
        }
        let empty = d.delete.iter().map(|n| (*n, Vec::new(), Deleting::Empty, Duration::from_secs(5)));
        let drained = d.drain.iter().map(|x| (x.node, x.moves.clone(), Deleting::Drain, case.drain_takes));
        for (node, moves, how, takes) in empty.chain(drained).collect::<Vec<_>>() {
            let name = shown(self.name(node));
            let act = if how == Deleting::Empty { f::CaAct::Delete(name) } else { f::CaAct::Drain(name) };
            acts.push(act.show());
            if std::mem::take(&mut self.next_fails) {
                ca.deletion_failed(now);
                continue;
            }
            if let Some(n) = self.nodes.iter_mut().find(|n| n.id == node) {
                n.deleting = how;
            }
            self.going.push(Going { until: now + takes, node, moves });
        }
        if !acts.is_empty() {
            self.revision += 1;
        }
        acts
    }
}

const fn flags(flags: &f::CaFlags) -> utilisation::Config {
    utilisation::Config {
        threshold: flags.threshold,
        gpu_threshold: flags.gpu_threshold,
        mode: utilisation::Mode::GpuOnly,
        ignore_daemons: flags.ignore_daemonsets,
        ignore_mirrors: flags.ignore_mirror_pods,
        skip_local_storage: flags.skip_local_storage,
        skip_system: flags.skip_system,
        skip_custom: flags.skip_custom,
    }
}

fn made(config: Config, report: &mut Report<'_>) -> Option<ClusterAutoscaler> {
    match ClusterAutoscaler::new(config) {
        Ok(ca) => Some(ca),
        Err(faults) => {
            faults.iter().for_each(|e| report.fault(e.to_string(), "the autoscaler would not start so"));
            None
        }
    }
}

/// The word of a reason.
fn word(why: &WhyNot) -> &'static str {
    match why {
        WhyNot::Unhealthy => "Unhealthy",
        WhyNot::Off => "Off",
        WhyNot::Starting => "Starting",
        WhyNot::Deleting => "Deleting",
        WhyNot::NotAutoscaled => "NotAutoscaled",
        WhyNot::GroupAtMin => "GroupAtMin",
        WhyNot::Disabled => "Disabled",
        WhyNot::Utilised { .. } => "Utilised",
        WhyNot::Blocked { .. } => "Blocked",
        WhyNot::NoPlace { .. } => "NoPlace",
        WhyNot::Destination => "Destination",
        WhyNot::NotExamined => "NotExamined",
        WhyNot::NotLongEnough { .. } => "NotLongEnough",
        WhyNot::Cooling => "Cooling",
        WhyNot::MinSize => "MinSize",
        WhyNot::ClusterMin => "ClusterMin",
        WhyNot::Whole => "Whole",
        WhyNot::Parallelism => "Parallelism",
    }
}

pub fn scale_down(case: &f::ScaleDownCase, report: &mut Report<'_>) {
    if let Some(n) = case.nodes.iter().find(|n| n.allocatable.is_none()) {
        return report.fault_at(
            n.name.at,
            "a node without `allocatable`",
            "this node",
            "write `allocatable: (cpu: …)`",
        );
    }
    let config = Config {
        utilisation: flags(&case.flags),
        // All that can go goes at once, when it has been unneeded for long enough.
        timing: timing::Config { parallelism: 10_000, drain_parallelism: 10_000, ..timing::Config::default() },
        candidates: 10_000,
        pool_min: 10_000,
        ..Config::default()
    };
    let Some(mut ca) = made(config, report).filter(|_| tolerable(case.tolerance, report)) else { return };
    let mut world = World::new();
    world.groups.push(Group::new("all", 0, 1_000_000, resources(&crate::scenario::decode::all_defaults())));
    if world.add(&case.nodes, true, report).is_none() {
        return;
    }
    let first = ca.scan(&world.view(), NOW);
    let why = ca.why_not().to_vec();
    world.revision += 1;
    let after = NOW + Duration::from_secs(601);
    let second = if first.is_empty() { ca.scan(&world.view(), after) } else { first };
    let e = &case.expect;
    let (config, shapes) = (ca.config().utilisation, &world.shapes);
    for (name, expected) in &e.utilization {
        let Some(i) = world.node_names.find(name, report) else { continue };
        let n = &world.nodes[i as usize];
        let ours = utilisation::utilisation(n, n.pods.iter().copied(), shapes, &config);
        report.double(&format!("{} utilization", name.value), Some(*expected), ours, case.tolerance);
    }
    for (name, expected) in &e.eligible {
        let Some(i) = world.node_names.find(name, report) else { continue };
        let n = &world.nodes[i as usize];
        let full = utilisation::utilisation(n, n.pods.iter().copied(), shapes, &config);
        let ours = !n.disabled && utilisation::low(n, full, &config);
        report.flag(&format!("{} eligible", name.value), Some(*expected), ours);
    }
    for (name, expected) in &e.verdicts {
        let Some(i) = world.node_names.find(name, report) else { continue };
        let id = NodeId(i.into());
        let ours = match why.iter().find(|(n, _)| *n == id).map(|(_, w)| w) {
            Some(WhyNot::NotLongEnough { .. }) | None => match expected {
                f::CaVerdict::RemovableTo(_) => {
                    let moves = second.drain.iter().find(|d| d.node == id).map_or(&[][..], |d| &d.moves);
                    let each = |m: &Move| std::iter::repeat_n(world.name(m.to), m.count as usize);
                    f::CaVerdict::RemovableTo(moves.iter().flat_map(each).collect()).show()
                }
                _ => "Removable".to_owned(),
            },
            Some(WhyNot::Utilised { .. } | WhyNot::Disabled) => "NotEligible".to_owned(),
            Some(WhyNot::Blocked { why, .. }) => format!("Blocked({why:?})"),
            Some(other) => word(other).to_owned(),
        };
        report.word(&name.value, Some(&expected.show()), &ours);
    }
}

fn config(case: &f::ScanCase) -> Config {
    let s = &case.settings;
    let expander = |e: &f::LoopExpander| match e {
        f::LoopExpander::MostPods => Expander::MostPods,
        f::LoopExpander::LeastWaste => Expander::LeastWaste,
        f::LoopExpander::Priority(tiers) => Expander::Priority(tiers.clone()),
        f::LoopExpander::Price(stabilisation) => Expander::Price { stabilisation: *stabilisation },
    };
    Config {
        timing: timing::Config {
            scan: s.scan_interval,
            unneeded: s.unneeded_time,
            unready: s.unready_time,
            after_add: s.delay_after_add,
            after_delete: s.delay_after_delete,
            after_failure: s.delay_after_failure,
            parallelism: s.max_scale_down_parallelism,
            drain_parallelism: s.max_drain_parallelism,
            ..timing::Config::default()
        },
        utilisation: flags(&case.flags),
        expanders: s.expanders.iter().map(expander).collect(),
        balance: s.balance,
        limits: Limits { nodes_max: s.max_nodes_total, ..Limits::default() },
        scale_down: s.scale_down,
        ..Config::default()
    }
}

/// The groups, by name.
fn add_groups(case: &f::ScanCase, world: &mut World, report: &mut Report<'_>) -> Option<()> {
    let mut sorted: Vec<&f::CaGroup> = case.groups.iter().collect();
    sorted.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    for g in sorted {
        let number = world.group_names.add(&g.name, report)?;
        let kin = Kin { class: number, zone: number };
        let plain = Group::new(&g.name, g.min, g.max, resources(&g.template));
        let group = Group { kin, price: g.price, whole: g.whole, ..plain };
        let faults = group.faults();
        for e in &faults {
            report.fault_at(g.name.at, e.to_string(), "this group", "write a `max` of at least `min`");
        }
        if !faults.is_empty() {
            return None;
        }
        world.groups.push(group);
    }
    if world.groups.is_empty() {
        report.fault("the case has no groups", "write at least one: `groups: [(name: \"g\", template: (cpu: 4))]`");
        return None;
    }
    Some(())
}

pub fn scans(case: &f::ScanCase, report: &mut Report<'_>) {
    let mut world = World::new();
    let Some(mut ca) = made(config(case), report) else { return };
    let interval = case.settings.scan_interval;
    let count = case.until.0 / interval.0.max(1);
    if count > MOST {
        return report.fault(format!("the case has {count} scans, more than {MOST}"), "end it sooner: `until: \"1h\"`");
    }
    if add_groups(case, &mut world, report).is_none() || world.add(&case.nodes, false, report).is_none() {
        return;
    }
    let late = case.events.windows(2).find(|w| w[1].0.value < w[0].0.value);
    if let Some(w) = late {
        return report.fault_at(w[1].0.at, "an event lies before the one above it", "earlier", "write them in order");
    }
    let (mut events, mut acts) = (case.events.iter().peekable(), Vec::new());
    for n in 0..=count {
        let since = Duration(n * interval.0);
        let now = NOW + since;
        while let Some((at, event)) = events.next_if(|(at, _)| at.value <= since) {
            if world.happen(event, NOW + at.value, report).is_none() {
                return;
            }
            if let f::CaEvent::LaunchFails(name) = event {
                let Some(g) = world.group_names.find(name, report) else { return };
                let there = world.nodes.iter().filter(|n| n.group == Some(GroupIx(g))).count() as u32;
                world.groups[g as usize].target = there;
                ca.launch_failed(GroupIx(g), NOW + at.value);
            }
        }
        world.finish(now);
        let decision = ca.scan(&world.view(), now);
        let done = world.carry_out(&decision, case, now, &mut ca);
        acts.extend(done.into_iter().map(|act| format!("{since} {act}")));
    }
    let e = &case.expect;
    if let Some(expected) = &e.acts {
        report.number("acts", Some(expected.len() as u64), Some(acts.len() as u64));
        for (i, (at, act)) in expected.iter().enumerate() {
            let ours = acts.get(i).map_or("nothing", String::as_str);
            report.word(&format!("act {}", i + 1), Some(&format!("{at} {}", act.show())), ours);
        }
    }
    for (name, expected) in &e.why_not {
        let Some(i) = world.node_names.find(name, report) else { continue };
        let found = ca.why_not().iter().find(|(n, _)| *n == NodeId(i.into()));
        let ours = found.map_or("gone", |(_, w)| word(w));
        report.word(&format!("{} stays", name.value), Some(&expected.show()), ours);
    }
}
