//! How badly the free slices of a GPU fit the demand.
//!
//! `F(mask) = Σ w_p · (free − fits_p(mask) · size_p)`: for each profile in demand the free slices that are left over when
//! as many of it as fit are put there, weighted by its share of the demand. This is FGD's idea (USENIX ATC 2023) carried
//! over to slices; the transfer is ours and an assumption. On an A100 it finds by itself what the driver does: the first
//! 1g goes to slice 6, the first 3g to slice 4.
//!
//! In a loss system with Poisson arrivals, packing policies differ by less than the noise and only spreading hurts (by
//! more than twenty points of accepted slices): it is not better than best fit without a mix that says so.

use crate::catalog::mig::{Geometry, ProfileId, Slices};

/// The demand by profile, in whole parts of any unit, so that comparisons are exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mix(Vec<(ProfileId, u32)>);

impl Mix {
    /// These parts. A profile that is named twice has both.
    #[must_use]
    pub const fn new(parts: Vec<(ProfileId, u32)>) -> Mix {
        Mix(parts)
    }

    /// One part of each.
    #[must_use]
    pub fn even(profiles: impl IntoIterator<Item = ProfileId>) -> Mix {
        Mix(profiles.into_iter().map(|p| (p, 1)).collect())
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[(ProfileId, u32)] {
        &self.0
    }

    /// All parts together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, w)| u64::from(*w)).sum()
    }

    /// `F` of an occupied mask, in parts × slices.
    #[must_use]
    pub fn fragmentation(&self, g: &Geometry, occupied: Slices) -> u64 {
        let free = u64::from(g.all().without(occupied).count());
        let one = |(id, w): &(ProfileId, u32)| {
            let p = g.profile(*id);
            u64::from(*w) * free.saturating_sub(u64::from(p.fits(occupied)) * u64::from(p.size))
        };
        self.0.iter().map(one).sum()
    }
}

/// `F` of every mask of a geometry: 16, 256, 4096, at most 65,536 numbers.
#[derive(Clone, Debug)]
pub struct FragTable {
    f: Vec<u64>,
    total: u64,
}

impl FragTable {
    /// Works all of them out.
    #[must_use]
    pub fn new(g: &Geometry, mix: &Mix) -> FragTable {
        let f = (0..1_u32 << g.width()).map(|m| mix.fragmentation(g, Slices(m as u16))).collect();
        FragTable { f, total: mix.total() }
    }

    /// In parts × slices.
    ///
    /// # Panics
    /// For slices beyond the geometry.
    #[must_use]
    pub fn of(&self, occupied: Slices) -> u64 {
        self.f[usize::from(occupied.0)]
    }

    /// All parts of the mix.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// In slices: divided by all parts of the mix; 0 without demand. For people.
    #[must_use]
    pub fn slices(&self, occupied: Slices) -> f64 {
        if self.total == 0 { 0.0 } else { self.of(occupied) as f64 / self.total as f64 }
    }

    /// By how much it grows when these slices are taken, in parts × slices.
    #[must_use]
    pub fn growth(&self, occupied: Slices, taken: Slices) -> i64 {
        self.of(occupied.with(taken)) as i64 - self.of(occupied) as i64
    }
}
