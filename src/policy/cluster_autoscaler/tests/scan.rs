//! The whole loop, driven every ten seconds over a small cluster that does what it is told.

use super::*;

/// A cluster that carries decisions out.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) groups: Vec<Group>,
    pub(super) nodes: Vec<Node>,
    pub(super) unregistered: Vec<Unregistered>,
    pub(super) shapes: Vec<Shape>,
    pub(super) pending: Vec<Pending>,
    pub(super) pdbs: Vec<Pdb>,
    pub(super) revision: u64,
    next: u64,
    /// Deletions under way: until when (seconds), of which node, with which moves.
    going: Vec<(u64, NodeId, Vec<Move>)>,
    /// Whether the next deletion fails at once.
    fail: bool,
}

/// What happens at a second.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// So many pods of (milli-CPU, milli-GPU) for nodes of a group, or for all, are made and find no place.
    Pods(u32, (i64, i64), Option<u32>),
    /// A node's pods are replaced by one of so much milli-CPU, or, with 0, by none.
    Uses(u64, i64),
    /// The next deletion fails as it begins.
    NextDeletionFails,
    /// Nothing that a group is waiting for comes.
    LaunchFails(u32),
}

/// What the autoscaler does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Grow(u32, u32),
    Abandon(u64),
    Delete(u64),
    Drain(u64),
}

impl World {
    pub(super) fn new() -> World {
        World {
            groups: Vec::new(),
            nodes: Vec::new(),
            unregistered: Vec::new(),
            shapes: Vec::new(),
            pending: Vec::new(),
            pdbs: Vec::new(),
            revision: 0,
            next: 0,
            going: Vec::new(),
            fail: false,
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            groups: &self.groups,
            nodes: &self.nodes,
            unregistered: &self.unregistered,
            shapes: &self.shapes,
            pending: &self.pending,
            pdbs: &self.pdbs,
            revision: self.revision,
        }
    }

    /// A group whose nodes are a class of their own.
    pub(super) fn group(&mut self, min: u32, max: u32, capacity: Resources) -> GroupIx {
        let ix = GroupIx(self.groups.len() as u32);
        let name = format!("ng{}", ix.0 + 1);
        let kin = Kin { class: ix.0, zone: ix.0 };
        self.groups.push(Group { kin, ..Group::new(&name, min, max, capacity) });
        ix
    }

    pub(super) fn shape(&mut self, shape: Shape) -> ShapeIx {
        let known = self.shapes.iter().position(|s| *s == shape);
        let ix = known.unwrap_or_else(|| {
            self.shapes.push(shape);
            self.shapes.len() - 1
        });
        ShapeIx(ix as u32)
    }

    /// A ready node of a group with pods; the group's target counts it.
    pub(super) fn node(&mut self, group: GroupIx, pods: Vec<Bound>) -> NodeId {
        let id = NodeId(self.next);
        self.next += 1;
        self.groups[group.at()].target += 1;
        self.nodes.push(Node { pods, ..Node::of(id, group, &self.groups[group.at()]) });
        self.revision += 1;
        id
    }

    pub(super) fn fill(&mut self, nodes: u32, group: GroupIx, pods: &[Bound]) {
        for _ in 0..nodes {
            self.node(group, pods.to_vec());
        }
    }

    pub(super) fn pend(&mut self, shape: ShapeIx, count: u32, created: SimTime) {
        self.pending.push(Pending { shape, count, created });
        self.revision += 1;
    }

    pub(super) fn at(&mut self, id: NodeId) -> &mut Node {
        self.nodes.iter_mut().find(|n| n.id == id).unwrap()
    }

    fn happen(&mut self, event: Event, seconds: u64, ca: &mut ClusterAutoscaler) {
        self.revision += 1;
        match event {
            Event::Pods(count, (cpu, gpu), group) => {
                let classes = group.map_or(Classes::All, |g| Classes::Only([g].into()));
                let shape = self.shape(Shape { classes, ..Shape::plain(Resources::of_pod(cpu, 1, gpu)) });
                self.pend(shape, count, at(seconds));
            }
            Event::Uses(node, cpu) => {
                let shape = self.shape(Shape::plain(Resources::of_pod(cpu, 1, 0)));
                self.at(NodeId(node)).pods = if cpu == 0 { Vec::new() } else { vec![Bound::new(shape, 1)] };
            }
            Event::NextDeletionFails => self.fail = true,
            Event::LaunchFails(group) => {
                let lost = self.unregistered.iter().filter(|m| m.group.0 == group).count() as u32;
                self.unregistered.retain(|m| m.group.0 != group);
                self.groups[group as usize].target -= lost;
                ca.launch_failed(GroupIx(group), at(seconds));
            }
        }
    }

    /// Deletions that are over by now: an empty node takes five seconds, a drain 45.
    pub(super) fn finish(&mut self, seconds: u64) {
        let (over, going): (Vec<_>, Vec<_>) = self.going.drain(..).partition(|g| g.0 <= seconds);
        self.going = going;
        for (_, id, moves) in over {
            self.revision += 1;
            let i = self.nodes.iter().position(|n| n.id == id).unwrap();
            let group = self.nodes.remove(i).group.unwrap();
            self.groups[group.at()].target -= 1;
            for m in moves {
                match self.nodes.iter_mut().find(|n| n.id == m.to) {
                    Some(node) => node.pods.push(Bound::new(m.shape, m.count)),
                    None => self.pend(m.shape, m.count, at(seconds)),
                }
            }
        }
    }

    /// Does what was decided.
    pub(super) fn apply(&mut self, decision: &Decision, seconds: u64, ca: &mut ClusterAutoscaler) {
        self.revision += u64::from(!decision.is_empty());
        for grow in &decision.grow {
            self.groups[grow.group.at()].target += grow.by;
            for _ in 0..grow.by {
                let id = NodeId(self.next);
                self.next += 1;
                self.unregistered.push(Unregistered { id, group: grow.group, since: at(seconds) });
            }
        }
        for id in &decision.abandon {
            let i = self.unregistered.iter().position(|m| m.id == *id).unwrap();
            self.groups[self.unregistered.remove(i).group.at()].target -= 1;
        }
        let deletes = decision.delete.iter().map(|id| (*id, Vec::new(), 5, Deleting::Empty));
        let drains = decision.drain.iter().map(|d| (d.node, d.moves.clone(), 45, Deleting::Drain));
        for (id, moves, takes, how) in deletes.chain(drains) {
            if std::mem::take(&mut self.fail) {
                ca.deletion_failed(at(seconds));
            } else {
                self.at(id).deleting = how;
                self.going.push((seconds + takes, id, moves));
            }
        }
    }

    /// Scans at 0, 10, 20, … up to `until`; what was done when.
    pub(super) fn run(&mut self, ca: &mut ClusterAutoscaler, events: &[(u64, Event)], until: u64) -> Vec<(u64, Act)> {
        let (mut acts, mut events) = (Vec::new(), events.iter().peekable());
        for now in (0..=until).step_by(10) {
            while let Some((seconds, event)) = events.next_if(|e| e.0 <= now) {
                self.happen(*event, *seconds, ca);
            }
            self.finish(now);
            let decision = ca.scan(&self.view(), at(now));
            acts.extend(decision.grow.iter().map(|g| (now, Act::Grow(g.group.0, g.by))));
            acts.extend(decision.abandon.iter().map(|id| (now, Act::Abandon(id.0))));
            acts.extend(decision.delete.iter().map(|id| (now, Act::Delete(id.0))));
            acts.extend(decision.drain.iter().map(|d| (now, Act::Drain(d.node.0))));
            self.apply(&decision, now, ca);
        }
        acts
    }
}

pub(super) fn autoscaler(config: Config) -> ClusterAutoscaler {
    ClusterAutoscaler::new(config).unwrap()
}

/// A timeline: groups as (minimum, maximum, milli-CPU and milli-GPU of a node), nodes as (group, milli-CPU that a pod on
/// it uses), what happens, and what must be done, all of it, until a second.
struct Timeline {
    id: &'static str,
    groups: &'static [(u32, u32, i64, i64)],
    nodes: &'static [(u32, i64)],
    events: &'static [(u64, Event)],
    until: u64,
    want: &'static [(u64, Act)],
}

use Act::{Abandon, Delete, Drain as Drains, Grow};
use Event::{LaunchFails, NextDeletionFails, Pods, Uses};

const CPUS: (u32, u32, i64, i64) = (0, 20, 1000, 0);
const GPUS: (u32, u32, i64, i64) = (0, 20, 1000, 8000);
/// One large node that stays.
const BIG: (u32, u32, i64, i64) = (1, 1, 10_000, 0);

const TIMELINES: [Timeline; 16] = [
    Timeline {
        id: "S1",
        groups: &[CPUS],
        nodes: &[(0, 900)],
        events: &[(3, Uses(0, 0))],
        until: 900,
        want: &[(620, Delete(0))],
    },
    Timeline {
        id: "S2",
        groups: &[CPUS, CPUS],
        nodes: &[(0, 900)],
        events: &[(3, Uses(0, 0)), (95, Pods(1, (500, 0), Some(1)))],
        until: 900,
        want: &[(100, Grow(1, 1)), (710, Delete(0))],
    },
    Timeline {
        id: "S3",
        groups: &[CPUS],
        nodes: &[(0, 900)],
        events: &[(3, Uses(0, 0)), (600, NextDeletionFails)],
        until: 900,
        want: &[(620, Delete(0)), (810, Delete(0))],
    },
    Timeline {
        id: "S4, drains",
        groups: &[CPUS, BIG],
        nodes: &[(1, 6000), (0, 900), (0, 900)],
        events: &[(3, Uses(1, 400)), (3, Uses(2, 400))],
        until: 900,
        want: &[(620, Drains(1)), (670, Drains(2))],
    },
    Timeline {
        id: "S4, empty nodes",
        groups: &[CPUS],
        nodes: &[(0, 900); 10],
        events: &[
            (3, Uses(0, 0)),
            (3, Uses(1, 0)),
            (3, Uses(2, 0)),
            (3, Uses(3, 0)),
            (3, Uses(4, 0)),
            (3, Uses(5, 0)),
            (3, Uses(6, 0)),
            (3, Uses(7, 0)),
            (3, Uses(8, 0)),
            (3, Uses(9, 0)),
        ],
        until: 900,
        want: &[
            (620, Delete(0)),
            (620, Delete(1)),
            (620, Delete(2)),
            (620, Delete(3)),
            (620, Delete(4)),
            (620, Delete(5)),
            (620, Delete(6)),
            (620, Delete(7)),
            (620, Delete(8)),
            (620, Delete(9)),
        ],
    },
    Timeline {
        id: "S5",
        groups: &[GPUS],
        nodes: &[],
        events: &[(2, Pods(1, (100, 1000), None))],
        until: 200,
        want: &[(40, Grow(0, 1))],
    },
    Timeline {
        id: "S6",
        groups: &[CPUS],
        nodes: &[],
        events: &[(9, Pods(1, (100, 0), None))],
        until: 200,
        want: &[(20, Grow(0, 1))],
    },
    Timeline {
        id: "pods that fit on a node on its way do not ask for another",
        groups: &[CPUS],
        nodes: &[],
        events: &[(5, Pods(1, (500, 0), None)), (25, Pods(1, (500, 0), None)), (45, Pods(1, (500, 0), None))],
        until: 200,
        want: &[(10, Grow(0, 1)), (50, Grow(0, 1))],
    },
    Timeline {
        id: "a node that is needed again starts from nothing",
        groups: &[CPUS],
        nodes: &[(0, 0)],
        events: &[(305, Uses(0, 900)), (312, Uses(0, 0))],
        until: 1000,
        want: &[(930, Delete(0))],
    },
    Timeline {
        id: "a node that does not come is given up and its group left alone",
        groups: &[CPUS],
        nodes: &[],
        events: &[(9, Pods(1, (100, 0), None))],
        until: 1300,
        want: &[(20, Grow(0, 1)), (930, Abandon(0)), (1230, Grow(0, 1))],
    },
    Timeline {
        id: "backoff doubles",
        groups: &[CPUS],
        nodes: &[],
        events: &[(9, Pods(1, (100, 0), None)), (30, LaunchFails(0)), (340, LaunchFails(0)), (950, LaunchFails(0))],
        until: 2200,
        want: &[(20, Grow(0, 1)), (330, Grow(0, 1)), (940, Grow(0, 1)), (2150, Grow(0, 1))],
    },
    Timeline {
        id: "another group takes over while one is left alone",
        groups: &[CPUS, CPUS],
        nodes: &[],
        events: &[(9, Pods(1, (100, 0), None)), (30, LaunchFails(0))],
        until: 600,
        want: &[(20, Grow(0, 1)), (30, Grow(1, 1))],
    },
    Timeline {
        id: "no group falls below its minimum",
        groups: &[(2, 20, 1000, 0)],
        nodes: &[(0, 0), (0, 0), (0, 0)],
        events: &[],
        until: 2000,
        want: &[(610, Delete(0))],
    },
    Timeline {
        id: "no group grows above its maximum",
        groups: &[(0, 3, 1000, 0)],
        nodes: &[(0, 900)],
        events: &[(3, Pods(9, (900, 0), None))],
        until: 200,
        want: &[(10, Grow(0, 2))],
    },
    Timeline {
        id: "a node of eight GPUs with a CPU pod is drained, with one that fits nowhere it is not",
        groups: &[GPUS, BIG],
        nodes: &[(1, 6000), (0, 900), (0, 900)],
        events: &[(4, Uses(0, 9000))],
        until: 800,
        want: &[(610, Drains(1))],
    },
    Timeline {
        id: "young pods hold up deletions",
        groups: &[CPUS, GPUS],
        nodes: &[(0, 0)],
        events: &[(600, Pods(1, (100, 1000), Some(1)))],
        until: 1300,
        want: &[(630, Grow(1, 1)), (1240, Delete(0))],
    },
];

#[test]
fn the_loop_acts_when_the_rules_say() {
    for t in &TIMELINES {
        let mut world = World::new();
        for (min, max, cpu, gpu) in t.groups {
            world.group(*min, *max, r(*cpu, 1000, *gpu, 110));
        }
        for (group, cpu) in t.nodes {
            let shape = world.shape(Shape::plain(Resources::of_pod(*cpu, 1, 0)));
            let pods = if *cpu == 0 { Vec::new() } else { vec![Bound::new(shape, 1)] };
            world.node(GroupIx(*group), pods);
        }
        let mut ca = autoscaler(Config::default());
        assert_eq!(world.run(&mut ca, t.events, t.until), t.want, "{}", t.id);
    }
}

#[test]
fn without_strictness_a_scan_at_the_very_end_of_a_delay_acts() {
    let mut world = World::new();
    world.group(0, 9, r(1000, 1000, 0, 110));
    world.node(GroupIx(0), vec![]);
    let timing = timing::Config { strict: false, ..timing::Config::default() };
    let mut ca = autoscaler(Config { timing, ..Config::default() });
    assert_eq!(world.run(&mut ca, &[], 700), [(600, Delete(0))]);
}

#[test]
fn scans_that_can_find_nothing_are_left_out() {
    let mut world = World::new();
    world.group(0, 9, r(1000, 1000, 0, 110));
    world.node(GroupIx(0), vec![]);
    let mut ca = autoscaler(Config::default());
    world.run(&mut ca, &[], 600);
    // At 0 the timer starts; at 10 nothing changed any more, and the timer is over just after 600.
    assert_eq!((ca.work().scans, ca.work().skipped), (2, 59));
    assert_eq!(ca.next_due(at(600)), SimTime(at(600).0 + 1));
}
