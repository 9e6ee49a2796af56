//! MIG against exhaustive enumeration, documented transcripts and published points.
//!
//! - how many layouts, masks, maximal layouts and multisets each grid has, by listing all of them;
//! - where instances land and which requests are refused, as `nvidia-smi` transcripts of the MIG user guide and issues of
//!   its Kubernetes tools have it;
//! - names, slices, SMs and memory of profiles, as drivers print them;
//! - how fast slices and shared GPUs are, on published points (MISO, nebuly-ai/nos).
//!
//! The first three are cases in the format of `docs/mig-cases.md`. Files of more cases in that format are run after them.

mod format;
mod lower;
mod of_fleet;
mod of_gpu;
mod of_grid;
mod points;
#[cfg(test)]
mod tests;

use self::format::{Cases, Item};
use super::cases::{self, CaseFile, Report, Runner};
use super::{Case, NoCases, Options};
use crate::scenario::decode::{Spanned, schema};

/// The suite's name.
const SUITE: &str = "mig";

/// The version of the format of case files.
pub const VERSION: u32 = 1;

/// The vectors, in the order of their tables.
const VECTORS: [(&str, &str); 3] = [
    ("<the counts of layouts>", include_str!("mig/grids.ron")),
    ("<the placements>", include_str!("mig/placements.ron")),
    ("<the profiles>", include_str!("mig/profiles.ron")),
];

/// Runs the suite: the vectors, the published points, then the cases of files.
///
/// # Errors
/// [`NoCases::Bad`] with all that is wrong in all case files.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let mut runner = Runner::default();
    runner.texts::<Cases>(&VECTORS);
    runner.extend(points::cases());
    runner.files::<Cases>(options);
    runner.finish()
}

impl CaseFile for Cases {
    const SUITE: &'static str = SUITE;
    const VERSION: u32 = VERSION;
    type Item = Item;
    fn version(&self) -> &Spanned<u32> {
        &self.version
    }
    fn items(&self) -> &[Item] {
        &self.cases
    }
}

impl cases::Item for Item {
    fn id(&self) -> &Spanned<String> {
        match self {
            Item::Grid(c) => &c.id,
            Item::Gpu(c) => &c.id,
            Item::Fleet(c) => &c.id,
            Item::Profile(c) => &c.id,
            Item::Speed(c) => &c.id,
        }
    }

    fn run(&self, report: &mut Report<'_>) {
        match self {
            Item::Grid(c) => of_grid::counts(c, report),
            Item::Gpu(c) => of_gpu::steps(c, report),
            Item::Fleet(c) => of_fleet::requests(c, report),
            Item::Profile(c) => of_grid::profile(c, report),
            Item::Speed(c) => of_grid::speed(c, report),
        }
    }
}

/// The field reference of case files, as `docs/mig-cases.md` ends with it.
#[must_use]
pub fn reference() -> String {
    schema::markdown::<Cases>()
}
