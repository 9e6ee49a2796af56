//! Whole layouts of a GPU, as NVIDIA's mig-parted and mig-manager configure and apply them.
//!
//! Applying is for the whole GPU: everything on it is cleared and the list is made anew. It does not drain workloads;
//! nothing may run on the GPU, and while it lasts (`Times::apply`) no new GPU pod can start on the node.

use super::pack;
use super::place::{Placer, StartOrder};
use crate::catalog::mig::{Geometry, ProfileId, UnknownProfile};
use crate::fleet::mig::{MigGpu, Mode, Placement, Refusal};

/// What a GPU shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaticLayout {
    /// Whole: MIG off.
    Disabled,
    /// MIG on, so many of each profile; none of any is an empty GPU in MIG mode.
    Instances(Vec<(ProfileId, u8)>),
}

impl StaticLayout {
    /// A configuration by its name in mig-parted's `config-default.yaml`: `all-disabled`, `all-enabled`, `all-balanced`
    /// (two 1g, one 2g and, on seven slices, one 3g: `pkg/mig/builder/balanced.go`), and `all-` with a profile, as many as
    /// a GPU can have: `all-1g.10gb`, `all-1g.5gb.me`.
    ///
    /// # Errors
    /// [`UnknownProfile`] for any other name.
    pub fn named(g: &Geometry, name: &str) -> Result<StaticLayout, UnknownProfile> {
        let word = name.trim().to_ascii_lowercase();
        match word.strip_prefix("all-").unwrap_or(&word) {
            "disabled" => Ok(StaticLayout::Disabled),
            "enabled" => Ok(StaticLayout::Instances(Vec::new())),
            "balanced" => {
                let large = if g.compute() >= 7 { Some(("3g", 1)) } else { None };
                let parts = [("1g", 2), ("2g", 1)].into_iter().chain(large);
                let all = parts.map(|(w, n)| Ok((g.find(w)?, n))).collect::<Result<_, UnknownProfile>>()?;
                Ok(StaticLayout::Instances(all))
            }
            profile => {
                let id = g.find(profile)?;
                Ok(StaticLayout::Instances(vec![(id, g.profile(id).max)]))
            }
        }
    }

    /// The instances one by one, in the order of the list; none when MIG is off.
    #[must_use]
    pub fn requests(&self) -> Vec<ProfileId> {
        match self {
            StaticLayout::Disabled => Vec::new(),
            StaticLayout::Instances(list) => {
                list.iter().flat_map(|(id, n)| std::iter::repeat_n(*id, usize::from(*n))).collect()
            }
        }
    }
}

/// What applying a layout takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apply {
    /// The GPU is so already: mig-manager does nothing, and operands stay up.
    Already,
    /// Switch MIG on or off first when `toggle`, then clear the GPU and create these, in this order.
    Replace {
        /// Whether the mode changes.
        toggle: bool,
        /// What is created.
        placements: Vec<Placement>,
    },
}

/// Why a layout is not applied. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotApply {
    /// No way of making all of these instances on one GPU was accepted.
    NoWay,
    /// The GPU is not idle.
    Gpu(Refusal),
}

/// What it takes to give a GPU a layout. That it is possible is said before whether the GPU is idle, and that nothing is
/// to be done before that: an applied layout does not need an idle GPU. With [`StartOrder::NvidiaDriver`] permutations of
/// the list are tried until one is accepted, as mig-parted does; with other orders starts are explicit, and whatever fits
/// is found.
///
/// # Errors
/// [`CannotApply`].
pub fn apply(gpu: &MigGpu, wanted: &StaticLayout, placer: &Placer<'_>) -> Result<Apply, CannotApply> {
    let (requests, mode) = (wanted.requests(), gpu.mode());
    let to = if matches!(wanted, StaticLayout::Disabled) { Mode::Off } else { Mode::On };
    let there = {
        let mut there: Vec<ProfileId> = gpu.instances().iter().map(|i| i.profile).collect();
        let mut want = requests.clone();
        there.sort_unstable();
        want.sort_unstable();
        there == want
    };
    if mode == to && there {
        return Ok(Apply::Already);
    }
    let empty = MigGpu::new(gpu.geometry().clone());
    let placements = match placer.starts {
        StartOrder::NvidiaDriver => pack::permuted(&empty, &requests, placer),
        StartOrder::Ascending | StartOrder::LeastFragmentation => pack::arrange(&empty, &requests, placer),
    };
    let placements = placements.ok_or(CannotApply::NoWay)?;
    if let Mode::Toggling(_) = mode {
        return Err(CannotApply::Gpu(Refusal::Mode(mode)));
    }
    gpu.idle().map_err(CannotApply::Gpu)?;
    Ok(Apply::Replace { toggle: mode != to, placements })
}
