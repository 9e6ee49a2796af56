//! The engine: what a scan of all nodes would pick, without the scan.
//!
//! For each shape of pod that is asked about, the engine keeps every node's score, and brings up to date only the nodes
//! that the fleet's log names since the shape was last asked about. First fit needs no scores and goes down one tree
//! over all nodes; Random keeps a bit per node.

use super::cut::CutOrders;
use super::fgd::TypicalPods;
use super::index::{Bits, Cache, History, Keys, key, score_part};
use super::luck::Luck;
use super::score::Weights;
use super::scorer::{Scorer, fits};
use super::sums::Sums;
use super::ties::Ties;
use super::tree::Tree;
use super::{PlacementPolicy, Target};
use crate::fleet::{Fleet, Gpus, IslandId, NodeId, PoolId};
use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeMap;

/// Index of a [`Target`] that a [`Placer`] knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeId(u32);

impl ShapeId {
    /// As an index; ids count from 0 in the order in which shapes were first named.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a pod goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The node.
    pub node: NodeId,
    /// Which of its GPUs: as many as the pod asks for.
    pub gpus: Gpus,
}

/// What a placer may be told beyond its policy.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How equal scores are settled.
    pub ties: Ties,
    /// What LeastAllocated and MostAllocated weigh.
    pub weights: Weights,
    /// The pods that FGD keeps room for.
    pub typical: TypicalPods,
    /// Bytes for scores kept; past that the shape least recently asked about is forgotten and, when asked about again,
    /// scored afresh. At least one shape is kept. Counts kept for `slots` and its kin have the same limit again.
    pub index_bytes_max: usize,
    /// By pool, where in nodes whose GPUs are cut pods go; first fit and ascending starts beyond.
    pub cuts: Vec<CutOrders>,
}

impl Default for Settings {
    /// Listed order, kube-scheduler's weights, no typical pods, 128 MiB: 1,677 shapes on 10,000 nodes.
    fn default() -> Settings {
        Settings {
            ties: Ties::default(),
            weights: Weights::default(),
            typical: TypicalPods::default(),
            index_bytes_max: 128 << 20,
            cuts: Vec::new(),
        }
    }
}

/// Bytes that one shape's index takes for each node.
const BYTES_PER_NODE: usize = 8;

/// Up to this many nodes of an island are scored on the spot, instead of bringing the whole fleet's scores up to date.
const ISLAND_SCAN_MAX: usize = 64;

/// Picks nodes for pods under one policy. It belongs to one fleet: give it the same one in every call.
///
/// A pick changes nothing but the generator of Random: place the pod on the fleet, or not, and the log does the rest.
#[derive(Clone, Debug)]
pub struct Placer {
    policy: PlacementPolicy,
    ties: Ties,
    seed: u64,
    bytes_max: usize,
    luck: Luck,
    scorer: Scorer,
    shapes: IndexSet<Target, FxBuildHasher>,
    ranks: Vec<u32>,
    /// Ranks given by hand.
    given: BTreeMap<NodeId, u32>,
    islands: Vec<Vec<u32>>,
    history: History,
    synced: u64,
    tree: Tree,
    keys: Cache<Keys>,
    bits: Cache<Bits>,
    sums: Cache<Sums>,
}

impl Placer {
    /// A placer with the default [`Settings`]. The seed matters to Random and to shuffled or random ties.
    #[must_use]
    pub fn new(policy: PlacementPolicy, seed: u64) -> Placer {
        Placer::with(policy, seed, &Settings::default())
    }

    /// A placer with settings.
    #[must_use]
    pub fn with(policy: PlacementPolicy, seed: u64, settings: &Settings) -> Placer {
        Placer {
            policy,
            ties: settings.ties,
            seed,
            bytes_max: settings.index_bytes_max,
            luck: Luck::new(seed, 0),
            scorer: Scorer::new(policy, settings.weights, &settings.typical, &settings.cuts),
            shapes: IndexSet::default(),
            ranks: Vec::new(),
            given: BTreeMap::new(),
            islands: Vec::new(),
            history: History::default(),
            synced: 0,
            tree: Tree::default(),
            keys: Cache::new(),
            bits: Cache::new(),
            sums: Cache::new(),
        }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> PlacementPolicy {
        self.policy
    }

    /// Gives a node a rank of its own instead of the one of the tie order: among equal scores the lower rank wins, and
    /// among equal ranks the lower index. For nodes that were already looked at, all scores kept are dropped.
    pub fn set_rank(&mut self, node: NodeId, rank: u32) {
        self.given.insert(node, rank);
        if let Some(known) = self.ranks.get_mut(node.0 as usize)
            && *known != rank
        {
            *known = rank;
            self.keys.clear();
            self.tree.reorder();
        }
    }

    /// The id of what a pod asks for; equal targets have equal ids.
    pub fn shape(&mut self, t: Target) -> ShapeId {
        ShapeId(self.shapes.insert_full(t).0 as u32)
    }

    /// What a shape asks for.
    #[must_use]
    pub fn target(&self, s: ShapeId) -> &Target {
        &self.shapes[s.index()]
    }

    /// The best place for one pod, or `None` where it fits nowhere.
    pub fn pick(&mut self, fleet: &Fleet, s: ShapeId) -> Option<Spot> {
        self.sync(fleet);
        let nodes = fleet.nodes();
        let node = match (self.policy, self.ties) {
            (PlacementPolicy::FirstFit, Ties::Order(_)) => {
                self.tree.settle(nodes, &self.ranks);
                self.tree.first(s.index(), &self.shapes[s.index()], &self.history, fleet)
            }
            (PlacementPolicy::FirstFit | PlacementPolicy::Random, _) => {
                self.refresh_bits(fleet, s);
                let max = self.shapes_max();
                self.bits.get(s, max).any(&mut self.luck)
            }
            (_, ties) => {
                let max = self.shapes_max();
                let keys = refresh_keys(
                    &mut self.keys,
                    max,
                    &self.history,
                    &self.scorer,
                    &self.ranks,
                    fleet,
                    (s, &self.shapes[s.index()]),
                );
                match ties {
                    Ties::Order(_) => keys.best(),
                    Ties::Random => keys.any_best(&mut self.luck),
                }
            }
        }?;
        self.spot(fleet, s, node)
    }

    /// The best place for one pod on a given island.
    pub fn pick_in(&mut self, fleet: &Fleet, s: ShapeId, island: IslandId) -> Option<Spot> {
        self.sync(fleet);
        let members = self.islands.get(island.0 as usize)?;
        if members.len() == fleet.nodes().len() {
            return self.pick(fleet, s);
        }
        let t = &self.shapes[s.index()];
        let flat = matches!(self.policy, PlacementPolicy::FirstFit | PlacementPolicy::Random);
        let any = self.ties == Ties::Random || self.policy == PlacementPolicy::Random;
        let node = if members.len() > ISLAND_SCAN_MAX && !flat {
            let max = self.bytes_max / (BYTES_PER_NODE * self.ranks.len().max(1));
            let keys = refresh_keys(&mut self.keys, max, &self.history, &self.scorer, &self.ranks, fleet, (s, t));
            best_of(members, |i| keys.get(i), any, &mut self.luck)
        } else {
            let (scorer, ranks, nodes) = (&self.scorer, &self.ranks, fleet.nodes());
            let of = |i: usize| scorer.score(i, &nodes[i], t).map_or(0, |score| key(score, ranks[i]));
            best_of(members, of, any, &mut self.luck)
        }?;
        self.spot(fleet, s, node)
    }

    /// How many such pods fit now: the sum over the nodes of its pools that take work.
    pub fn slots(&mut self, fleet: &Fleet, s: ShapeId) -> u64 {
        self.sums(fleet, s).total()
    }

    /// How many such pods fit on an island now.
    pub fn slots_in(&mut self, fleet: &Fleet, s: ShapeId, island: IslandId) -> u64 {
        self.sums(fleet, s).islands(fleet.nodes()).get(island.0 as usize).copied().unwrap_or(0)
    }

    /// How many such pods fit now, by island; islands past the end have room for none.
    pub fn slots_by_island(&mut self, fleet: &Fleet, s: ShapeId) -> &[u64] {
        self.sums(fleet, s).islands(fleet.nodes())
    }

    /// The island that takes `need` such pods with the fewest slots to spare, the first of equal ones.
    pub fn island_with_slots(&mut self, fleet: &Fleet, s: ShapeId, need: u64) -> Option<IslandId> {
        self.sums(fleet, s).tightest_island(fleet.nodes(), need)
    }

    /// Milli-GPU free on those nodes of a pool that take at least one such pod now.
    pub fn free_where_fits(&mut self, fleet: &Fleet, s: ShapeId, pool: PoolId) -> u64 {
        self.sums(fleet, s).free_in(fleet.nodes(), pool)
    }

    /// Whether a node takes one such pod now.
    #[must_use]
    pub fn fits(&self, fleet: &Fleet, s: ShapeId, node: NodeId) -> bool {
        fits(fleet.node(node), &self.shapes[s.index()])
    }

    fn spot(&mut self, fleet: &Fleet, s: ShapeId, node: usize) -> Option<Spot> {
        let id = NodeId(node as u32);
        let gpus = self.scorer.gpus(node, fleet.node(id), &self.shapes[s.index()], &mut self.luck)?;
        Some(Spot { node: id, gpus })
    }

    fn shapes_max(&self) -> usize {
        self.bytes_max / (BYTES_PER_NODE * self.ranks.len().max(1))
    }

    /// Takes note of the nodes that are new and of those that changed.
    fn sync(&mut self, fleet: &Fleet) {
        let (nodes, log) = (fleet.nodes(), fleet.log());
        if self.synced == log.end() {
            return;
        }
        for (i, node) in nodes.iter().enumerate().skip(self.ranks.len()) {
            let order = match self.ties {
                Ties::Order(order) => order.rank(self.seed, i as u32, node.capacity),
                Ties::Random => i as u32,
            };
            self.ranks.push(self.given.get(&NodeId(i as u32)).copied().unwrap_or(order));
            self.history.stamps.push(0);
            let island = node.island.0 as usize;
            if self.islands.len() <= island {
                self.islands.resize(island + 1, Vec::new());
            }
            self.islands[island].push(i as u32);
        }
        let tree = self.policy == PlacementPolicy::FirstFit;
        match log.since(self.synced) {
            Some(entries) => {
                for (i, node) in entries.iter().enumerate() {
                    self.history.stamps[node.0 as usize] = self.synced + i as u64 + 1;
                }
            }
            None => self.history.stamps.fill(log.end()),
        }
        let (scorer, trees, ranks) = (&mut self.scorer, &mut self.tree, &self.ranks);
        self.history.changed(log, self.synced, |i| {
            scorer.note(i, &nodes[i]);
            if tree {
                trees.update(i, nodes, ranks);
            }
        });
        self.synced = log.end();
    }

    fn refresh_bits(&mut self, fleet: &Fleet, s: ShapeId) {
        let (max, t, nodes) = (self.shapes_max(), &self.shapes[s.index()], fleet.nodes());
        let bits = self.bits.get(s, max);
        bits.grow(nodes.len());
        self.history.changed(fleet.log(), bits.cursor, |i| bits.set(i, fits(&nodes[i], t)));
        bits.cursor = self.synced;
    }

    fn sums(&mut self, fleet: &Fleet, s: ShapeId) -> &mut Sums {
        self.sync(fleet);
        let (max, t, nodes) = (self.shapes_max(), &self.shapes[s.index()], fleet.nodes());
        let sums = self.sums.get(s, max);
        self.history.changed(fleet.log(), sums.cursor, |i| sums.update(i, nodes, t));
        sums.cursor = self.synced;
        sums
    }

    #[cfg(test)]
    pub(super) fn shapes_kept(&self) -> usize {
        self.keys.len()
    }
}

/// A shape's keys, up to date.
fn refresh_keys<'a>(
    cache: &'a mut Cache<Keys>,
    max: usize,
    history: &History,
    scorer: &Scorer,
    ranks: &[u32],
    fleet: &Fleet,
    (s, t): (ShapeId, &Target),
) -> &'a mut Keys {
    let nodes = fleet.nodes();
    let keys = cache.get(s, max);
    keys.grow(nodes.len());
    history.changed(fleet.log(), keys.cursor, |i| {
        keys.set(i, scorer.score(i, &nodes[i], t).map_or(0, |score| key(score, ranks[i])));
    });
    keys.cursor = fleet.log().end();
    keys
}

/// The member of the highest key (the first of equal ones), or any of the highest score.
fn best_of(members: &[u32], of: impl Fn(usize) -> u64, any: bool, luck: &mut Luck) -> Option<usize> {
    let mut best = (0, None);
    for i in members.iter().map(|m| *m as usize) {
        let key = of(i);
        if key > best.0 {
            best = (key, Some(i));
        }
    }
    if !any {
        return best.1;
    }
    let top = score_part(best.0);
    let equal = || members.iter().map(|m| *m as usize).filter(|i| score_part(of(*i)) == top);
    best.1?;
    equal().nth(luck.below(equal().count() as u32) as usize)
}
