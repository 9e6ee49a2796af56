//! GPUs that are given out in places: MIG instances, fixed or made on demand, or turns on a GPU that several pods share.
//!
//! A node without a [`Cut`] gives out whole GPUs and thousandths of them. On one with a cut, each GPU has a *word* in
//! [`Free::gpu`](super::Free::gpu) that says which of its places are free, and a pod takes one place of one GPU:
//!
//! | places | the word of a GPU |
//! |---|---|
//! | turns | how many are free |
//! | a fixed layout | a bit for each instance that is free |
//! | made on demand | a bit for each memory slice that is free |
//!
//! An instance is worth its memory slices: `1g.10gb` of an H100 is an eighth of a GPU, `3g.40gb` half of one. Memory
//! slices are what instances of one GPU never share, so that what is taken and what is free always add up to the GPU;
//! the larger of the shares of memory and compute would give 4g and 3g together more than one GPU. Compute slices that
//! are left over (3g beside 3g) are counted apart: [`Cut::compute_left`].

use std::sync::Arc;

use super::mig::Placement;
use super::node::{Free, Gpus};
use crate::catalog::mig::{Geometry, ProfileId, Slices};
use crate::workload::Request;

/// The most places of a GPU whose places are bits.
pub const MAX_PLACES: usize = 16;

/// What a pod takes of a GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Take {
    /// The profile of its instance; of no meaning for turns.
    pub profile: ProfileId,
    /// Thousandths of the GPU.
    pub milli: u16,
}

/// What places there are.
#[derive(Clone, Debug, PartialEq)]
pub enum Places {
    /// So many turns a GPU, all alike.
    Turns(u16),
    /// These instances and no others; at most [`MAX_PLACES`].
    Fixed(Vec<Placement>),
    /// Any legal instance, made when a pod comes and destroyed when it goes.
    Made,
}

/// How the GPUs of a node are given out.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    places: Places,
    geometry: Option<Arc<Geometry>>,
    /// By what is asked for: index 0 is one whole GPU, index `k` slice `k` of the run's table. None: it has no place here.
    takes: Vec<Option<Take>>,
    /// Thousandths of a GPU that nothing in demand can use, by its word; empty for turns.
    stranded: Vec<u16>,
    /// Compute slices that instances in demand could still add, by its word; empty for turns.
    addable: Vec<u8>,
}

impl Cut {
    /// Turns: a pod that asks for one GPU takes one of `replicas`.
    #[must_use]
    pub fn turns(replicas: u16) -> Cut {
        let take = Take { profile: ProfileId(0), milli: 1000 / replicas.max(1) };
        Cut {
            places: Places::Turns(replicas.max(1)),
            geometry: None,
            takes: vec![Some(take)],
            stranded: Vec::new(),
            addable: Vec::new(),
        }
    }

    /// Instances: which profile each request gets, by the same index as [`Cut::take_of`]. The layout must be legal.
    #[must_use]
    pub fn instances(geometry: &Arc<Geometry>, places: Places, profiles: &[Option<ProfileId>]) -> Cut {
        let take = |id: &ProfileId| Take { profile: *id, milli: milli(geometry, geometry.profile(*id).size) };
        let takes = profiles.iter().map(|p| p.as_ref().map(take)).collect();
        let mut cut =
            Cut { places, geometry: Some(geometry.clone()), takes, stranded: Vec::new(), addable: Vec::new() };
        let all: Vec<ProfileId> = profiles.iter().flatten().copied().collect();
        cut.demand(&all);
        cut
    }

    /// What places there are.
    #[must_use]
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// How its GPUs can be cut; none for turns.
    #[must_use]
    pub const fn geometry(&self) -> Option<&Arc<Geometry>> {
        self.geometry.as_ref()
    }

    /// Says which profiles are in demand: what none of them can use is stranded.
    pub fn demand(&mut self, profiles: &[ProfileId]) {
        let Some(g) = self.geometry.clone() else { return };
        let words = 1_usize << self.bits(&g);
        let of =
            |word: usize| (self.stranded_in(&g, profiles, word as u16), self.addable_in(&g, profiles, word as u16));
        let (stranded, addable) = (0..words).map(of).unzip();
        (self.stranded, self.addable) = (stranded, addable);
    }

    fn bits(&self, g: &Geometry) -> usize {
        match &self.places {
            Places::Fixed(layout) => layout.len().min(MAX_PLACES),
            Places::Turns(_) | Places::Made => usize::from(g.width()),
        }
    }

    fn stranded_in(&self, g: &Geometry, demanded: &[ProfileId], word: u16) -> u16 {
        match &self.places {
            Places::Turns(_) => 0,
            Places::Fixed(layout) => {
                let cut: u16 = layout.iter().map(|(p, _)| milli(g, g.profile(*p).size)).sum();
                let idle = layout.iter().enumerate().filter(|(i, (p, _))| word >> i & 1 == 1 && !demanded.contains(p));
                1000_u16.saturating_sub(cut) + idle.map(|(_, (p, _))| milli(g, g.profile(*p).size)).sum::<u16>()
            }
            Places::Made => {
                let free = Slices(word);
                let usable = demanded.iter().flat_map(|p| g.profile(*p).placements());
                let usable = usable.filter(|(_, at)| at.without(free).is_empty());
                milli(g, free.without(usable.fold(Slices::NONE, |m, (_, at)| m.with(at))).count())
            }
        }
    }

    fn addable_in(&self, g: &Geometry, demanded: &[ProfileId], word: u16) -> u8 {
        match &self.places {
            Places::Turns(_) => 0,
            Places::Fixed(layout) => {
                let free = layout.iter().enumerate().filter(|(i, (p, _))| word >> i & 1 == 1 && demanded.contains(p));
                free.map(|(_, (p, _))| g.profile(*p).compute).sum()
            }
            Places::Made => {
                // best[s]: the most compute that can be added from slice s on.
                let width = usize::from(g.width());
                let mut best = vec![0_u8; width + 1];
                for s in (0..width).rev() {
                    best[s] = best[s + 1];
                    for p in demanded.iter().map(|id| g.profile(*id)) {
                        if p.starts.has(s as u8) && p.at(s as u8).without(Slices(word)).is_empty() {
                            best[s] = best[s].max(p.compute.saturating_add(best[s + usize::from(p.size)]));
                        }
                    }
                }
                best[0]
            }
        }
    }

    /// What a pod of one GPU takes of it; none where it has no place on such a node.
    #[must_use]
    pub fn take_of(&self, r: &Request) -> Option<&Take> {
        if r.gpus != 1 || (r.slice == 0 && r.gpu_milli != 1000) {
            return None;
        }
        self.takes.get(usize::from(r.slice))?.as_ref()
    }

    /// Thousandths of a GPU that a pod takes; 0 for one without GPUs.
    #[must_use]
    pub fn milli_of(&self, r: &Request) -> u32 {
        self.take_of(r).map_or(0, |t| u32::from(t.milli))
    }

    /// A GPU with all of its places free.
    #[must_use]
    pub fn empty(&self) -> u16 {
        match (&self.places, &self.geometry) {
            (Places::Turns(n), _) => *n,
            (_, Some(g)) => ((1_u32 << self.bits(g)) - 1) as u16,
            (_, None) => 0,
        }
    }

    /// Whether a place of a GPU is free for a pod: an instance's index in the layout, or the slice from which it lies.
    #[must_use]
    pub fn has(&self, word: u16, t: &Take, place: u8) -> bool {
        match (&self.places, &self.geometry) {
            (Places::Turns(_), _) => word > 0,
            (Places::Fixed(layout), _) => {
                layout.get(usize::from(place)).is_some_and(|(p, _)| *p == t.profile) && word >> place & 1 == 1
            }
            (Places::Made, Some(g)) => {
                let p = g.profile(t.profile);
                p.starts.has(place) && p.at(place).without(Slices(word)).is_empty()
            }
            (Places::Made, None) => false,
        }
    }

    /// The places of a GPU that are free for a pod, ascending; of turns, which are all alike, the first.
    pub fn open(&self, word: u16, t: Take) -> impl Iterator<Item = u8> + '_ {
        let most = match (&self.places, &self.geometry) {
            (Places::Turns(_), _) => 1,
            (Places::Fixed(layout), _) => layout.len(),
            (Places::Made, g) => g.as_ref().map_or(0, |g| usize::from(g.width())),
        };
        (0..most as u8).filter(move |p| self.has(word, &t, *p))
    }

    /// How many such pods a GPU takes one after the other, wherever each of them goes.
    #[must_use]
    pub fn count(&self, word: u16, t: &Take) -> u32 {
        match (&self.places, &self.geometry) {
            (Places::Turns(_), _) => u32::from(word),
            (Places::Made, Some(g)) => u32::from(g.profile(t.profile).fits(g.all().without(Slices(word)))),
            _ => self.open(word, *t).count() as u32,
        }
    }

    /// The word of a GPU once a place is taken.
    #[must_use]
    pub fn without(&self, word: u16, t: &Take, place: u8) -> u16 {
        match (&self.places, &self.geometry) {
            (Places::Turns(_), _) => word.saturating_sub(1),
            (Places::Fixed(_), _) => word & !(1 << place),
            (Places::Made, Some(g)) => Slices(word).without(g.profile(t.profile).at(place)).0,
            (Places::Made, None) => word,
        }
    }

    fn with(&self, word: u16, t: &Take, place: u8) -> u16 {
        match (&self.places, &self.geometry) {
            (Places::Turns(_), _) => word + 1,
            (Places::Fixed(_), _) => word | 1 << place,
            (Places::Made, Some(g)) => Slices(word).with(g.profile(t.profile).at(place)).0,
            (Places::Made, None) => word,
        }
    }

    /// Thousandths of a GPU whose places are free.
    #[must_use]
    pub fn free_milli(&self, word: u16) -> u32 {
        match (&self.places, &self.geometry) {
            (Places::Turns(n), _) => u32::from(word) * 1000 / u32::from(*n),
            (Places::Fixed(layout), Some(g)) => {
                let free = layout.iter().enumerate().filter(|(i, _)| word >> i & 1 == 1);
                free.map(|(_, (p, _))| u32::from(milli(g, g.profile(*p).size))).sum()
            }
            (Places::Made, Some(g)) => u32::from(milli(g, Slices(word).count())),
            (_, None) => 0,
        }
    }

    /// Whether one pod of this request fits, node type aside.
    #[must_use]
    pub fn fits(&self, free: &Free, r: &Request) -> bool {
        let room = r.cpu_milli <= free.cpu_milli && r.mem_mib <= free.mem_mib;
        room && (r.gpus == 0
            || self.take_of(r).is_some_and(|t| {
                u32::from(t.milli) <= free.milli && free.words().iter().any(|w| self.open(*w, *t).next().is_some())
            }))
    }

    /// How many such pods fit by GPUs alone.
    #[must_use]
    pub fn slots(&self, free: &Free, r: &Request) -> u32 {
        self.take_of(r).map_or(0, |t| free.words().iter().map(|w| self.count(*w, t)).sum())
    }

    /// Takes a pod's place; false, and nothing taken, when it is not free.
    pub(super) fn take(&self, free: &mut Free, r: &Request, gpus: Gpus) -> bool {
        let Some(t) = self.take_of(r) else { return false };
        let Some(gpu) = gpus.iter().next().filter(|g| *g < usize::from(free.gpus)) else { return false };
        let there = self.has(free.gpu[gpu], t, gpus.place);
        if there {
            free.gpu[gpu] = self.without(free.gpu[gpu], t, gpus.place);
            free.milli -= u32::from(t.milli);
        }
        there
    }

    /// Gives it back.
    pub(super) fn give(&self, free: &mut Free, r: &Request, gpus: Gpus) {
        let (Some(t), Some(gpu)) = (self.take_of(r), gpus.iter().next()) else { return };
        debug_assert!(!self.has(free.gpu[gpu], t, gpus.place) || matches!(self.places, Places::Turns(_)));
        free.gpu[gpu] = self.with(free.gpu[gpu], t, gpus.place);
        free.milli += u32::from(t.milli);
    }

    /// Thousandths of free GPUs that nothing in demand can use.
    #[must_use]
    pub fn stranded(&self, free: &Free) -> u32 {
        if self.stranded.is_empty() {
            return 0;
        }
        free.words().iter().map(|w| u32::from(self.stranded[usize::from(*w)])).sum()
    }

    /// Compute slices of a GPU that no instance has and none in demand could add, when its instances in use have
    /// `used` of them.
    #[must_use]
    pub fn compute_left(&self, word: u16, used: u8) -> u8 {
        let Some(g) = &self.geometry else { return 0 };
        let addable = self.addable.get(usize::from(word)).copied().unwrap_or(0);
        g.compute().saturating_sub(used).saturating_sub(addable)
    }
}

/// Thousandths of a GPU that so many of its memory slices are. Whole on every grid of the catalogue.
fn milli(g: &Geometry, size: u8) -> u16 {
    (u32::from(size) * 1000 / u32::from(g.width())) as u16
}
