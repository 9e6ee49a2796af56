//! Where there is room: the nodes and those on their way, with what this scan has put there. Changes can be undone.

use std::collections::BTreeMap;

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
    /// Whether the attempt that is under way put some there.
    touched: bool,
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
    counts: BTreeMap<ShapeIx, BTreeMap<u64, i64>>,
    undo: Vec<Undo>,
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
            Place { free, kin: node.kin, open: node.open() && !starting, ports, extra: Vec::new(), touched: false }
        };
        let places: Vec<Place> = view.nodes.iter().zip(starting).map(place).collect();
        let mut room = Room {
            shapes: view.shapes,
            places,
            from: vec![0; view.shapes.len()],
            counts: BTreeMap::new(),
            undo: Vec::new(),
        };
        let spread = (0..).map(ShapeIx).zip(view.shapes).filter(|(_, s)| s.spread.is_some() && counted(s));
        for (ix, shape) in spread {
            let mut counts = BTreeMap::new();
            for (at, node) in view.nodes.iter().enumerate().filter(|(at, _)| !starting[*at]) {
                let here: i64 = node.pods.iter().filter(|b| b.shape == ix).map(|b| i64::from(b.count)).sum();
                if shape.classes.contains(node.kin.class) {
                    *counts.entry(room.domain(shape, at)).or_insert(0) += here;
                }
            }
            room.counts.insert(ix, counts);
        }
        room
    }

    /// Adds a node that is on its way.
    pub(super) fn add(&mut self, free: Resources, kin: Kin) {
        self.places.push(Place { free, kin, open: true, ports: Vec::new(), extra: Vec::new(), touched: false });
        let at = self.places.len() - 1;
        let spread: Vec<ShapeIx> = self.counts.keys().copied().collect();
        for ix in spread {
            let shape = &self.shapes[ix.at()];
            if shape.classes.contains(kin.class) {
                let domain = self.domain(shape, at);
                self.counts.entry(ix).or_default().entry(domain).or_insert(0);
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
        self.counts.get(&shape).cloned().unwrap_or_default()
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
        let (shape, place) = (&self.shapes[ix.at()], &self.places[at]);
        place.open
            && shape.request.fits(place.free)
            && shape.classes.contains(place.kin.class)
            && !shape.host_ports.iter().any(|p| place.ports.contains(p))
            && self.spread_allows(ix, at)
    }

    fn spread_allows(&self, ix: ShapeIx, at: usize) -> bool {
        let shape = &self.shapes[ix.at()];
        let (Some(rule), Some(counts)) = (shape.spread, self.counts.get(&ix)) else { return true };
        let own = counts.get(&self.domain(shape, at)).copied().unwrap_or(0);
        let enough = counts.len() >= rule.min_domains as usize;
        let least = if enough { counts.values().copied().min().unwrap_or(0) } else { 0 };
        own + 1 - least <= rule.max_skew
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
            // Full for good, unless what is under way is undone or the place is only left out.
            prefix &= Some(at) != but && !self.places[at].touched;
            at += 1;
            if prefix {
                self.from[ix.at()] = at;
            }
        }
        done
    }

    /// Puts up to `count` pods on one place; of a shape with a spread at most one. How many.
    pub(super) fn put(&mut self, ix: ShapeIx, count: u32, at: usize) -> u32 {
        if count == 0 || !self.takes(ix, at) {
            return 0;
        }
        let shape = &self.shapes[ix.at()];
        let alone = shape.spread.is_some() || !shape.host_ports.is_empty();
        let n = if alone { 1 } else { shape.request.count_in(self.places[at].free).min(count) };
        let domain = self.domain(shape, at);
        if let Some(counts) = self.counts.get_mut(&ix) {
            *counts.entry(domain).or_insert(0) += i64::from(n);
        }
        let place = &mut self.places[at];
        place.free = place.free.minus(shape.request.times(n));
        place.ports.extend(&shape.host_ports);
        place.touched = true;
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
        if let Some(here) = self.counts.get_mut(&ix).and_then(|counts| counts.get_mut(&domain)) {
            *here -= i64::from(count);
            self.undo.push(Undo::Left { place, shape: ix, count });
        }
    }

    /// Keeps all that was done since the last time.
    pub(super) fn keep(&mut self) {
        for undo in self.undo.drain(..) {
            if let Undo::Put { place, .. } = undo {
                self.places[place].touched = false;
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
                    if let Some(here) = self.counts.get_mut(&ix).and_then(|counts| counts.get_mut(&domain)) {
                        *here -= 1;
                    }
                    let place = &mut self.places[place];
                    place.free = place.free.plus(shape.request);
                    place.ports.truncate(place.ports.len() - shape.host_ports.len());
                    place.touched = false;
                    match place.extra.last_mut() {
                        Some(last) if last.count > 1 => last.count -= 1,
                        _ => drop(place.extra.pop()),
                    }
                }
                Undo::Left { place, shape, count } => {
                    let domain = self.domain(&self.shapes[shape.at()], place);
                    if let Some(here) = self.counts.get_mut(&shape).and_then(|counts| counts.get_mut(&domain)) {
                        *here += i64::from(count);
                    }
                }
            }
        }
    }
}
