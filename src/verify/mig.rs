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
mod report;
#[cfg(test)]
mod tests;

use std::path::Path;

use self::format::{Cases, Item};
use self::report::Report;
use super::{Case, NoCases, Options};
use crate::formats::{Syntax, parse, read_text};
use crate::scenario::decode::{Spanned, decode, schema};
use crate::units::{Diagnostic, Diagnostics, SourceId, SourceMap};

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
    let (mut sources, mut cases, mut faults) = (SourceMap::default(), Vec::new(), Diagnostics::default());
    for (name, text) in VECTORS {
        let id = sources.add(name, text);
        faults.extend(text_cases(id, Syntax::Ron, &sources, &mut cases));
    }
    cases.extend(points::cases());
    for path in &options.cases {
        faults.extend(file_cases(path, &mut sources, &mut cases));
    }
    if faults.has_errors() { Err(NoCases::Bad(faults, sources)) } else { Ok(cases) }
}

fn file_cases(path: &Path, sources: &mut SourceMap, cases: &mut Vec<Case>) -> Diagnostics {
    let read = Syntax::from_path(path).and_then(|syntax| Ok((read_text(path, sources)?, syntax)));
    match read {
        Ok((id, syntax)) => text_cases(id, syntax, sources, cases),
        Err(d) => d,
    }
}

/// Runs the cases of a text, and reports what is wrong with it.
fn text_cases(id: SourceId, syntax: Syntax, sources: &SourceMap, cases: &mut Vec<Case>) -> Diagnostics {
    let (node, mut faults) = parse(id, sources, syntax);
    let Some(node) = node else { return faults };
    let decoded = decode::<Cases>(&node);
    faults.extend(decoded.diagnostics);
    let Some(file) = decoded.value else { return faults };
    if file.version.value != VERSION {
        let (source, span) = file.version.at;
        faults.push(
            Diagnostic::error(format!("version {} of the case format is not known", file.version.value))
                .at(source, span, "not a version that is read here")
                .help(format!("write version: {VERSION}")),
        );
        return faults;
    }
    let mut seen: Vec<&Spanned<String>> = Vec::new();
    for item in &file.cases {
        let name = item.id();
        if let Some(first) = seen.iter().find(|s| s.value == name.value) {
            faults.push(
                Diagnostic::error(format!("two cases are called `{}`", name.value))
                    .at(name.at.0, name.at.1, "the same id again")
                    .also(first.at.0, first.at.1, "first used here")
                    .help("an id says which line of the report is meant: give this one another"),
            );
        }
        seen.push(name);
        item.run(&mut Report::new(name, cases, &mut faults));
    }
    faults
}

impl Item {
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
