//! The grid of a device and its profiles.

use super::super::source::Evidence;
use super::super::table::Text;
use super::profile::Profile;
use super::resource;
use super::slices::{MAX_WIDTH, Slices};
use crate::units::{Diagnostic, nearest};

/// Which profile of a [`Geometry`], in the order of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileId(pub u8);

/// The most profiles of a geometry.
pub const MAX_PROFILES: usize = 64;

/// MiB of nominal memory that an instance of unknown size is taken to have for each GB of its name: 0.85 GiB, below the
/// worst that was seen (20 of 23 on a GB200). An assumption.
const NOMINAL_MIB_PER_GB: u32 = 870;

/// A grid, before it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its name.
    pub name: Text,
    /// Memory slices.
    pub width: u8,
    /// Compute slices.
    pub compute: u8,
    /// The profiles.
    pub profiles: Vec<Profile>,
    /// Whether switching MIG on or off resets the GPU (A30 and A100).
    pub reset_to_toggle: bool,
    /// How sure the grid is.
    pub evidence: Evidence,
    /// Where the grid comes from.
    pub source: Text,
    /// What to know about it; may be empty.
    pub note: Text,
}

/// How a device can be cut: checked, so that nothing below needs to doubt it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry(Shape);

/// What is wrong with a grid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryFault {
    /// No slices, or too many.
    #[error("a grid of {0} memory slices: it must have 1 to {MAX_WIDTH}")]
    Width(u8),
    /// No compute slices.
    #[error("a grid without compute slices")]
    NoCompute,
    /// No profiles, or too many.
    #[error("{0} profiles: a grid has 1 to {MAX_PROFILES}")]
    Profiles(usize),
    /// Two profiles of one name.
    #[error("two profiles are called `{0}`")]
    Duplicate(String),
    /// A profile without slices or a start.
    #[error("profile `{0}` needs at least one compute slice, one memory slice, one start and a maximum of one")]
    Empty(String),
    /// A start from which it leaves the grid.
    #[error("profile `{profile}` with {size} slices from {start} on leaves the grid of {width}")]
    Beyond {
        /// The profile.
        profile: String,
        /// Its memory slices.
        size: u8,
        /// The start.
        start: u8,
        /// The grid's memory slices.
        width: u8,
    },
    /// The driver's order is not its starts.
    #[error("the driver's order of profile `{0}` must name each of its starts once")]
    Order(String),
}

/// A profile that the geometry does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{geometry} has no MIG profile `{word}`")]
pub struct UnknownProfile {
    /// What was asked for.
    pub word: String,
    /// The geometry.
    pub geometry: String,
    /// The nearest right name.
    pub nearest: Option<String>,
    /// All names.
    pub known: Vec<String>,
}

impl UnknownProfile {
    /// As a diagnostic, still without a place.
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        let d = Diagnostic::error(self.to_string());
        let d = match &self.nearest {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d,
        };
        d.help(format!("its profiles: {}", self.known.join(", ")))
    }
}

impl Geometry {
    /// Checks a grid.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn new(shape: Shape) -> Result<Geometry, Vec<GeometryFault>> {
        let faults = faults(&shape);
        if faults.is_empty() { Ok(Geometry(shape)) } else { Err(faults) }
    }

    /// Its name: `A100-40`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Memory slices.
    #[must_use]
    pub const fn width(&self) -> u8 {
        self.0.width
    }

    /// Compute slices.
    #[must_use]
    pub const fn compute(&self) -> u8 {
        self.0.compute
    }

    /// All memory slices.
    #[must_use]
    pub const fn all(&self) -> Slices {
        Slices::run(0, self.0.width)
    }

    /// Whether switching MIG on or off resets the GPU; on others an idle GPU is enough.
    #[must_use]
    pub const fn reset_to_toggle(&self) -> bool {
        self.0.reset_to_toggle
    }

    /// How sure the grid is; each profile has a grade of its own for its figures.
    #[must_use]
    pub const fn evidence(&self) -> Evidence {
        self.0.evidence
    }

    /// Where the grid comes from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What to know about it; may be empty.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.0.note
    }

    /// The profiles in the order of the table.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.0.profiles
    }

    /// The ids of all profiles.
    pub fn ids(&self) -> impl Iterator<Item = ProfileId> + use<> {
        (0..self.0.profiles.len() as u8).map(ProfileId)
    }

    /// The profile of an id that this geometry gave out.
    ///
    /// # Panics
    /// For the id of another geometry.
    #[must_use]
    pub fn profile(&self, id: ProfileId) -> &Profile {
        &self.0.profiles[usize::from(id.0)]
    }

    /// The profile that takes the most memory slices; of those the most compute; of those the first.
    #[must_use]
    pub fn whole(&self) -> ProfileId {
        let key = |id: &ProfileId| (self.profile(*id).size, self.profile(*id).compute, std::cmp::Reverse(id.0));
        self.ids().max_by_key(key).unwrap_or(ProfileId(0))
    }

    /// The profile of a name, an alias, a family (`1g.2x`) or a Kubernetes resource (`nvidia.com/mig-1g.5gb.me`,
    /// `mig-1g.5gb.me`); case does not matter. Names go before aliases and those before families.
    ///
    /// # Errors
    /// [`UnknownProfile`] with the nearest right name.
    pub fn find(&self, word: &str) -> Result<ProfileId, UnknownProfile> {
        let w = word.trim().to_ascii_lowercase();
        let bare = w.strip_prefix("nvidia.com/").unwrap_or(&w);
        let bare = bare.strip_prefix("mig-").unwrap_or(bare);
        let is = |name: &str| name.eq_ignore_ascii_case(bare) || resource::suffix(name).eq_ignore_ascii_case(bare);
        let by = |f: &dyn Fn(&Profile) -> bool| self.ids().find(|id| f(self.profile(*id)));
        by(&|p| is(&p.name))
            .or_else(|| by(&|p| p.aliases.iter().any(|a| is(a))))
            .or_else(|| by(&|p| is(&p.family)))
            .ok_or_else(|| UnknownProfile {
                word: word.to_owned(),
                geometry: self.name().to_owned(),
                nearest: nearest(bare, self.profiles().iter().map(|p| &*p.name)).map(str::to_owned),
                known: self.profiles().iter().map(|p| p.name.to_string()).collect(),
            })
    }

    /// The compute of an instance as a share of the largest one's: by SMs where both are known, by compute slices
    /// otherwise. On Hopper they differ: 1g has 16 of 132 SMs, not a seventh.
    ///
    /// Returned as a pair, part and whole, so that shares can be compared exactly.
    #[must_use]
    pub fn compute_parts(&self, id: ProfileId) -> (u32, u32) {
        let (p, whole) = (self.profile(id), self.profile(self.whole()));
        match (p.sms, whole.sms) {
            (Some(part), Some(all)) if all > 0 => (u32::from(part), u32::from(all)),
            _ => (u32::from(p.compute), u32::from(self.compute())),
        }
    }

    /// [`Geometry::compute_parts`] as a share.
    #[must_use]
    pub fn compute_share(&self, id: ProfileId) -> f64 {
        let (part, all) = self.compute_parts(id);
        f64::from(part) / f64::from(all)
    }

    /// The memory, caches and bandwidth of an instance as a share of the GPU's: its memory slices by the grid's (MIG user
    /// guide). PCIe and power are not divided.
    #[must_use]
    pub fn memory_share(&self, id: ProfileId) -> f64 {
        f64::from(self.profile(id).size) / f64::from(self.width())
    }

    /// The share of a GPU that an instance is charged for, as part and whole: the larger of its compute slices by the
    /// grid's and its memory slices by the grid's. An instance of 3g takes 3/7 of the compute and half the memory: half the
    /// GPU. Shares of a legal layout may add up to less than 1, and the rest is idle.
    #[must_use]
    pub fn dominant_parts(&self, id: ProfileId) -> (u32, u32) {
        let p = self.profile(id);
        let compute = (u32::from(p.compute), u32::from(self.compute()));
        let memory = (u32::from(p.size), u32::from(self.width()));
        if compute.0 * memory.1 >= memory.0 * compute.1 { compute } else { memory }
    }

    /// MiB that an instance can use, and how sure that is: what the driver reports; where that is not known, so many
    /// times the smallest base profile's as it has slices (never more than what was reported where both are known);
    /// where not even that is known, 0.85 of the GB in its name (an assumption); `None` without a number in its name.
    #[must_use]
    pub fn usable_mib(&self, id: ProfileId) -> Option<(u32, Evidence)> {
        let p = self.profile(id);
        if let Some(mib) = p.memory_mib {
            return Some((mib, p.evidence));
        }
        let known = self.profiles().iter().filter(|q| p.size.is_multiple_of(q.size));
        let least = known.filter_map(|q| q.memory_mib.map(|m| (q.size, m))).min();
        if let Some((size, mib)) = least {
            return Some((mib * u32::from(p.size / size), Evidence::Guess));
        }
        let gb: String = p.name.split('.').nth(1)?.chars().take_while(char::is_ascii_digit).collect();
        Some((gb.parse::<u32>().ok()?.checked_mul(NOMINAL_MIB_PER_GB)?, Evidence::Guess))
    }
}

fn faults(g: &Shape) -> Vec<GeometryFault> {
    let mut out = Vec::new();
    if !(1..=MAX_WIDTH).contains(&g.width) {
        out.push(GeometryFault::Width(g.width));
    }
    if g.compute == 0 {
        out.push(GeometryFault::NoCompute);
    }
    if !(1..=MAX_PROFILES).contains(&g.profiles.len()) {
        out.push(GeometryFault::Profiles(g.profiles.len()));
    }
    for (i, p) in g.profiles.iter().enumerate() {
        let name = || p.name.to_string();
        if g.profiles[..i].iter().any(|q| q.name.eq_ignore_ascii_case(&p.name)) {
            out.push(GeometryFault::Duplicate(name()));
        }
        if p.size == 0 || p.compute == 0 || p.max == 0 || p.starts.is_empty() {
            out.push(GeometryFault::Empty(name()));
        }
        let beyond = p.starts.iter().find(|s| u16::from(*s) + u16::from(p.size) > u16::from(g.width));
        if let Some(start) = beyond {
            out.push(GeometryFault::Beyond { profile: name(), size: p.size, start, width: g.width });
        }
        let order = &p.driver_order;
        if order.len() != usize::from(p.starts.count()) || Slices::of(order) != p.starts {
            out.push(GeometryFault::Order(name()));
        }
    }
    out
}
