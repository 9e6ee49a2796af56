//! Every way to cut a GPU with a set of profiles.
//!
//! A layout is a set of placements that can be on one GPU together; the empty one is one. It is maximal when nothing of
//! the set can be added at any start. A multiset says how many of each profile, not where.

use std::collections::BTreeSet;

use smallvec::SmallVec;

use super::gpu::Placement;
use crate::catalog::mig::{Geometry, ProfileId, Slices};

/// A layout, by ascending start.
pub type Layout = SmallVec<[Placement; 8]>;

/// How many of each profile, in the order of the set.
pub type Multiset = SmallVec<[u8; 8]>;

/// The most layouts that are listed: real sets have a few thousand.
pub const MAX_LAYOUTS: usize = 200_000;

/// The set of profiles has more layouts than [`MAX_LAYOUTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are more than {MAX_LAYOUTS} layouts of these profiles")]
pub struct TooMany;

/// All layouts of a set of profiles.
#[derive(Clone, Debug)]
pub struct Layouts<'g> {
    geometry: &'g Geometry,
    set: Vec<ProfileId>,
    list: Vec<Layout>,
}

impl<'g> Layouts<'g> {
    /// Lists them: in the order in which a walk over ascending starts meets them, profiles in the order of the set. A
    /// profile that is named twice counts once.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn of(geometry: &'g Geometry, set: &[ProfileId]) -> Result<Layouts<'g>, TooMany> {
        let mut unique: Vec<ProfileId> = Vec::new();
        for id in set {
            if !unique.contains(id) {
                unique.push(*id);
            }
        }
        let mut all = Layouts { geometry, set: unique, list: Vec::new() };
        all.grow(&mut Layout::new(), Slices::NONE, 0)?;
        Ok(all)
    }

    fn grow(&mut self, layout: &mut Layout, mask: Slices, from: u8) -> Result<(), TooMany> {
        if self.list.len() == MAX_LAYOUTS {
            return Err(TooMany);
        }
        self.list.push(layout.clone());
        for start in from..self.geometry.width() {
            for i in 0..self.set.len() {
                let id = self.set[i];
                if self.can_add(layout, mask, id, start) {
                    layout.push((id, start));
                    let taken = self.geometry.profile(id).at(start);
                    self.grow(layout, mask.with(taken), start + 1)?;
                    layout.pop();
                }
            }
        }
        Ok(())
    }

    fn can_add(&self, layout: &Layout, mask: Slices, id: ProfileId, start: u8) -> bool {
        let p = self.geometry.profile(id);
        let same = layout.iter().filter(|(q, _)| *q == id).count();
        p.starts.has(start)
            && !p.at(start).overlaps(mask)
            && same < usize::from(p.max)
            && layout.iter().all(|(q, _)| !self.geometry.profile(*q).media.clashes(p.media))
    }

    /// The set.
    #[must_use]
    pub fn set(&self) -> &[ProfileId] {
        &self.set
    }

    /// All layouts, the empty one first.
    #[must_use]
    pub fn list(&self) -> &[Layout] {
        &self.list
    }

    /// The slices that a layout takes.
    #[must_use]
    pub fn mask(&self, layout: &Layout) -> Slices {
        layout.iter().fold(Slices::NONE, |m, (p, s)| m.with(self.geometry.profile(*p).at(*s)))
    }

    /// The different masks.
    #[must_use]
    pub fn masks(&self) -> BTreeSet<Slices> {
        self.list.iter().map(|l| self.mask(l)).collect()
    }

    /// Whether nothing of the set can be added to a layout.
    #[must_use]
    pub fn is_maximal(&self, layout: &Layout) -> bool {
        let mask = self.mask(layout);
        (0..self.geometry.width()).all(|s| self.set.iter().all(|p| !self.can_add(layout, mask, *p, s)))
    }

    /// The maximal layouts.
    pub fn maximal(&self) -> impl Iterator<Item = &Layout> {
        self.list.iter().filter(|l| self.is_maximal(l))
    }

    /// How many of each profile a layout has.
    #[must_use]
    pub fn multiset(&self, layout: &Layout) -> Multiset {
        self.set.iter().map(|p| layout.iter().filter(|(q, _)| q == p).count() as u8).collect()
    }

    /// The different multisets, the empty one among them.
    #[must_use]
    pub fn multisets(&self) -> BTreeSet<Multiset> {
        self.list.iter().map(|l| self.multiset(l)).collect()
    }

    /// The different multisets of maximal layouts.
    #[must_use]
    pub fn maximal_multisets(&self) -> BTreeSet<Multiset> {
        self.maximal().map(|l| self.multiset(l)).collect()
    }

    /// The multisets that no other contains. What is feasible stays so with one instance less, so that one more of each
    /// profile is all that has to be tried.
    #[must_use]
    pub fn inclusion_maximal(&self) -> BTreeSet<Multiset> {
        let all = self.multisets();
        let grows = |m: &Multiset| {
            (0..m.len()).any(|i| {
                let mut more = m.clone();
                more[i] += 1;
                all.contains(&more)
            })
        };
        all.iter().filter(|m| !grows(m)).cloned().collect()
    }

    /// A layout in words: `4g@0 3g@4`, by family.
    #[must_use]
    pub fn text(&self, layout: &Layout) -> String {
        let one = |(p, s): &Placement| format!("{}@{s}", self.geometry.profile(*p).family);
        layout.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}
