//! From what work needs to the profile that has it.

use crate::catalog::mig::{Geometry, Media, ProfileId};
use crate::units::Fraction;

/// What a piece of work needs of a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Demand {
    /// MiB of GPU memory.
    pub memory_mib: u32,
    /// Compute, as a share of the GPU's largest instance.
    pub compute: Fraction,
}

/// The smallest of `allowed` (all profiles when empty) that has the memory and the compute: the fewest memory slices, of
/// those the fewest compute slices, of those plain before media extensions and graphics, of those the first in the table.
/// `None` when no profile has it.
///
/// Memory is what an instance reports, which is less than its name says ([`Geometry::usable_mib`]); compute goes by SMs
/// where they are known ([`Geometry::compute_share`]): a seventh of an H100 is not a 1g.
#[must_use]
pub fn smallest(g: &Geometry, demand: &Demand, allowed: &[ProfileId]) -> Option<ProfileId> {
    let enough = |id: &ProfileId| {
        let memory = g.usable_mib(*id).is_some_and(|(mib, _)| mib >= demand.memory_mib);
        // A share and its part of the whole round to the same double when they are the same number.
        memory && g.compute_share(*id) >= demand.compute.get()
    };
    let rank = |id: &ProfileId| {
        let p = g.profile(*id);
        (p.size, p.compute, p.media != Media::Base, p.graphics, id.0)
    };
    let open = |id: &ProfileId| allowed.is_empty() || allowed.contains(id);
    g.ids().filter(open).filter(enough).min_by_key(rank)
}
