//! Where there is room: the nodes and those on their way, with what this scan has put there. Changes can be undone.

use std::collections::BTreeMap;

use super::domains::Domains;
use super::view::{Bound, Kin, Shape, ShapeIx, Topology, View};
use crate::policy::pods::Resources;

/// A node, or one on its way.
#[derive(Clone, Debug)]
struct Place {
    free: Resources,
    kin: Kin,
    open: bool,
    ports: Vec<u16>,
    /// Pods that this scan put there.
    extra: Vec<Bound>,
    /// What was free, and how many ports were taken, when something was last kept.
    kept: (Resources, usize),
}

impl Place {
    fn takes(&self, shape: &Shape, free: Resources, ports: &[u16]) -> bool {
        self.open
            && shape.request.fits(free)
            && shape.classes.contains(self.kin.class)
            && !shape.host_ports.iter().any(|p| ports.contains(p))
    }

    /// Whether it takes a pod once what is under way is undone.
    fn would_take(&self, shape: &Shape) -> bool {
        self.takes(shape, self.kept.0, &self.ports[..self.kept.1])
    }

    fn keep(&mut self) {
        self.kept = (self.free, self.ports.len());
    }
}

/// What undoes a step.
#[derive(Clone, Copy, Debug)]
enum Undo {
    Put { place: usize, shape: ShapeIx },
    Left { place: usize, shape: ShapeIx, count: u32 },
}

/// Places: first the view's nodes in their order, then those that [`Room::add`] added.
///
/// For every shape it remembers a prefix of places that have no room for it: room only shrinks but for what is undone.
/// So finding the first place costs, over a whole scan, one look at each place and shape.
#[derive(Clone, Debug)]
pub(super) struct Room<'a> {
    shapes: &'a [Shape],
    places: Vec<Place>,
    /// By shape: no place before this one takes it.
    from: Vec<usize>,
    /// By shape with a spread, its pods by domain.
    counts: BTreeMap<ShapeIx, Domains>,
    undo: Vec<Undo>,
    /// How often it was looked whether a place takes a pod.
    pub(super) looks: u64,
}

impl<'a> Room<'a> {
    /// The nodes of a view as they are, without pods that `counts` does not count. `starting` nodes take nothing.
    pub(super) fn new(view: &View<'a>, starting: &[bool], counted: impl Fn(&Shape) -> bool) -> Room<'a> {
        let place = |(node, starting): (&super::view::Node, &bool)| {
            let mut ports = Vec::new();
            let mut free = node.allocatable;
            for bound in &node.pods {
                let shape = &view.shapes[bound.shape.at()];
                if counted(shape) {
                    free = free.minus(shape.request.times(bound.count));
                    ports.extend(&shape.host_ports);
                }
            }
            let (open, kept) = (node.open() && !starting, (free, ports.len()));
            Place { free, kin: node.kin, open, ports, extra: Vec::new(), kept }
        };
        let places: Vec<Place> = view.nodes.iter().zip(starting).map(place).collect();
        let mut room = Room {
            shapes: view.shapes,
            places,
            from: vec![0; view.shapes.len()],
            counts: BTreeMap::new(),
            undo: Vec::new(),
            looks: 0,
        };
        let spread = (0..).map(ShapeIx).zip(view.shapes).filter(|(_, s)| s.spread.is_some() && counted(s));
        for (ix, shape) in spread {
            let mut counts = Domains::default();
            for (at, node) in view.nodes.iter().enumerate().filter(|(at, _)| !starting[*at]) {
                let here: i64 = node.pods.iter().filter(|b| b.shape == ix).map(|b| i64::from(b.count)).sum();
                if shape.classes.contains(node.kin.class) {
                    counts.add(room.domain(shape, at), here);
                }
            }
            room.counts.insert(ix, counts);
        }
        room
    }

    /// Adds a node that is on its way.
    pub(super) fn add(&mut self, free: Resources, kin: Kin) {
        self.places.push(Place { free, kin, open: true, ports: Vec::new(), extra: Vec::new(), kept: (free, 0) });
        let at = self.places.len() - 1;
        let spread: Vec<ShapeIx> = self.counts.keys().copied().collect();
        for ix in spread {
            let shape = &self.shapes[ix.at()];
            if shape.classes.contains(kin.class) {
                let domain = self.domain(shape, at);
                self.counts.entry(ix).or_default().add(domain, 0);
            }
        }
    }

    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// What this scan put on a place.
    pub(super) fn extra(&self, place: usize) -> &[Bound] {
        &self.places[place].extra
    }

    /// A shape's pods by domain, an empty one for each that has none.
    pub(super) fn by_domain(&self, shape: ShapeIx) -> BTreeMap<u64, i64> {
        self.counts.get(&shape).map(|d| d.counts().clone()).unwrap_or_default()
    }

    fn domain(&self, shape: &Shape, place: usize) -> u64 {
        match shape.spread.map(|s| s.by) {
            Some(Topology::Zone) => u64::from(self.places[place].kin.zone),
            _ => place as u64,
        }
    }

    /// Closes a place for good.
    pub(super) fn close(&mut self, place: usize) {
        self.places[place].open = false;
    }

    fn takes(&self, ix: ShapeIx, at: usize) -> bool {
        let place = &self.places[at];
        place.takes(&self.shapes[ix.at()], place.free, &place.ports) && self.spread_allows(ix, at)
    }

    fn spread_allows(&self, ix: ShapeIx, at: usize) -> bool {
        let shape = &self.shapes[ix.at()];
        let (Some(rule), Some(counts)) = (shape.spread, self.counts.get(&ix)) else { return true };
        counts.allow(self.domain(shape, at), rule.max_skew, rule.min_domains)
    }

    /// Puts up to `count` pods of a shape on the first places before `end` that take them, and not on `but`; calls `put`
    /// for each place with how many went there. How many found a place.
    pub(super) fn fill(
        &mut self,
        ix: ShapeIx,
        count: u32,
        end: usize,
        but: Option<usize>,
        mut put: impl FnMut(usize, u32),
    ) -> u32 {
        let spread = self.shapes[ix.at()].spread.is_some();
        let (mut done, mut at, mut prefix) = (0, self.from[ix.at()], true);
        while done < count && at < end {
            let here = if Some(at) == but { 0 } else { self.put(ix, count - done, at) };
            if here > 0 {
                done += here;
                put(at, here);
            }
            if spread {
                // A pod elsewhere may have let one in here: from the start again, one by one.
                at = if here > 0 { self.from[ix.at()] } else { at + 1 };
                continue;
            }
            if done == count {
                break;
            }
            // Full for good, even if what is under way is undone.
            prefix &= !self.places[at].would_take(&self.shapes[ix.at()]);
            at += 1;
            if prefix {
                self.from[ix.at()] = at;
            }
        }
        done
    }

    /// Puts up to `count` pods on one place; of a shape with a spread at most one. How many.
    pub(super) fn put(&mut self, ix: ShapeIx, count: u32, at: usize) -> u32 {
        self.looks += u64::from(count > 0);
        if count == 0 || !self.takes(ix, at) {
            return 0;
        }
        let shape = &self.shapes[ix.at()];
        let alone = shape.spread.is_some() || !shape.host_ports.is_empty();
        let n = if alone { 1 } else { shape.request.count_in(self.places[at].free).min(count) };
        let domain = self.domain(shape, at);
        if let Some(counts) = self.counts.get_mut(&ix) {
            counts.add(domain, i64::from(n));
        }
        let place = &mut self.places[at];
        place.free = place.free.minus(shape.request.times(n));
        place.ports.extend(&shape.host_ports);
        for _ in 0..n {
            self.undo.push(Undo::Put { place: at, shape: ix });
        }
        match place.extra.last_mut() {
            Some(last) if last.shape == ix => last.count += n,
            _ => place.extra.push(Bound::new(ix, n)),
        }
        n
    }

    /// Takes pods off their place for a spread's counts: they look for another.
    pub(super) fn leave(&mut self, ix: ShapeIx, count: u32, place: usize) {
        let domain = self.domain(&self.shapes[ix.at()], place);
        if let Some(counts) = self.counts.get_mut(&ix) {
            counts.add(domain, -i64::from(count));
            self.undo.push(Undo::Left { place, shape: ix, count });
        }
    }

    /// Keeps all that was done since the last time.
    pub(super) fn keep(&mut self) {
        for undo in self.undo.drain(..) {
            if let Undo::Put { place, .. } = undo {
                self.places[place].keep();
            }
        }
    }

    /// Undoes all that was done since the last time something was kept.
    pub(super) fn undo(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Put { place, shape: ix } => {
                    let shape = &self.shapes[ix.at()];
                    let domain = self.domain(shape, place);
                    if let Some(counts) = self.counts.get_mut(&ix) {
                        counts.add(domain, -1);
                    }
                    let place = &mut self.places[place];
                    place.free = place.kept.0;
                    place.ports.truncate(place.kept.1);
                    match place.extra.last_mut() {
                        Some(last) if last.count > 1 => last.count -= 1,
                        _ => drop(place.extra.pop()),
                    }
                }
                Undo::Left { place, shape, count } => {
                    let domain = self.domain(&self.shapes[shape.at()], place);
                    if let Some(counts) = self.counts.get_mut(&shape) {
                        counts.add(domain, i64::from(count));
                    }
                }
            }
        }
    }
}
