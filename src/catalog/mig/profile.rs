//! What one kind of GPU instance is.

use super::super::source::Evidence;
use super::super::table::Text;
use super::slices::Slices;

/// Which of a GPU's media engines an instance has, and so beside which others it can be.
///
/// There is one optical-flow engine on a GPU, so that at most one instance has extensions. `+me.all` takes every media
/// engine: beside it there can be only instances without any. The first is the user guide's count of one each; that it
/// holds for `1g+me` and `2g+me` together, and the second, are inferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Media {
    /// What comes with the slices.
    #[default]
    Base,
    /// `+me`: media extensions.
    Extended,
    /// `+me.all`: every media engine.
    All,
    /// `-me`: none.
    Without,
}

impl Media {
    /// Whether two instances of these cannot be on one GPU.
    #[must_use]
    pub const fn clashes(self, other: Media) -> bool {
        use Media::{All, Base, Extended, Without};
        match (self, other) {
            (All, Without) | (Without, All) => false,
            (All, _) | (_, All) | (Extended, Extended) => true,
            (Base | Extended | Without, Base | Extended | Without) => false,
        }
    }

    /// The word in tables.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Media::Base => "base",
            Media::Extended => "extended",
            Media::All => "all",
            Media::Without => "without",
        }
    }

    pub(super) fn of_table(word: &str) -> Media {
        match word {
            "extended" => Media::Extended,
            "all" => Media::All,
            "without" => Media::Without,
            _ => Media::Base,
        }
    }
}

/// Engines of an instance, where they are known. Only for show: drivers disagree on decoders, and slices bind first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Engines {
    /// Copy engines.
    pub copy: Option<u8>,
    /// Video decoders.
    pub decoders: Option<u8>,
    /// Video encoders.
    pub encoders: Option<u8>,
    /// JPEG decoders.
    pub jpeg: Option<u8>,
    /// Optical-flow engines.
    pub ofa: Option<u8>,
}

/// A MIG profile of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// As the driver prints it: `3g.40gb`.
    pub name: Text,
    /// What other drivers print.
    pub aliases: Vec<Text>,
    /// The name without the memory, the same on every device of a grid: `1g`, `1g+me`, `1g.2x` (double memory), `3g`.
    pub family: Text,
    /// Compute slices, the `g` of the name.
    pub compute: u8,
    /// Memory slices that it occupies.
    pub size: u8,
    /// Memory slices at which it may start.
    pub starts: Slices,
    /// The starts in the order in which the driver was seen to take them where none is asked for; ascending where it was
    /// not seen. From five transcripts of the MIG user guide; it follows the single chip's disabled parts, so that it is
    /// a reproducible preset and no law (dask-cuda issue 583 has another order). `1g.2x` was not seen, nor `1g+me`, which is
    /// taken to go where 1g goes: assumptions.
    pub driver_order: Vec<u8>,
    /// The most instances of it on one GPU.
    pub max: u8,
    /// Media engines.
    pub media: Media,
    /// `+gfx`: can draw.
    pub graphics: bool,
    /// Streaming multiprocessors, where known.
    pub sms: Option<u16>,
    /// MiB that the driver reports, rounded down from its GiB, where known.
    pub memory_mib: Option<u32>,
    /// Engines, where known.
    pub engines: Engines,
    /// How sure the name, SMs and memory are.
    pub evidence: Evidence,
    /// Where they come from.
    pub source: Text,
    /// What to know about it; may be empty.
    pub note: Text,
}

impl Profile {
    /// A profile by its shape alone, as a user's own grid has it: base media, ascending driver order, a guess.
    #[must_use]
    pub fn of_shape(name: impl Into<Text>, compute: u8, size: u8, starts: &[u8]) -> Profile {
        let (name, starts) = (name.into(), Slices::of(starts));
        Profile {
            family: name.clone(),
            name,
            aliases: Vec::new(),
            compute,
            size,
            starts,
            driver_order: starts.iter().collect(),
            max: disjoint(starts, size),
            media: Media::Base,
            graphics: false,
            sms: None,
            memory_mib: None,
            engines: Engines::default(),
            evidence: Evidence::Guess,
            source: "a grid of the user's own".into(),
            note: "".into(),
        }
    }

    /// The slices that it occupies from a start on.
    #[must_use]
    pub const fn at(&self, start: u8) -> Slices {
        Slices::run(start, self.size)
    }

    /// Its placements on an empty GPU, by ascending start.
    pub fn placements(&self) -> impl Iterator<Item = (u8, Slices)> + '_ {
        self.starts.iter().map(|s| (s, self.at(s)))
    }

    /// Starts whose slices are all free.
    #[must_use]
    pub fn free_starts(&self, occupied: Slices) -> Slices {
        self.starts.iter().filter(|s| !self.at(*s).overlaps(occupied)).fold(Slices::NONE, |m, s| m.with(Slices(1 << s)))
    }

    /// How many fit beside what is occupied, by slices alone: the number of free starts where starts of the profile
    /// never overlap, as on every real grid; the most disjoint ones otherwise.
    #[must_use]
    pub fn fits(&self, occupied: Slices) -> u8 {
        disjoint(self.free_starts(occupied), self.size)
    }
}

/// The most of these starts whose runs of `size` do not overlap: taking the lowest first is best for runs of one length.
fn disjoint(starts: Slices, size: u8) -> u8 {
    let (mut n, mut next) = (0, 0);
    for s in starts.iter() {
        if s >= next {
            (n, next) = (n + 1, s.saturating_add(size.max(1)));
        }
    }
    n
}
