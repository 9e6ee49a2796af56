//! Spot policies on measured availability: what a job with a deadline pays, and how far that is from what could be had.
//!
//! Setup: 48 h of work by a deadline of 52, 70 or 92 h; 0.02 or 0.2 h lost with every launch; spot at 0.9731 and on
//! demand at 3.06 USD an hour for every type (p3.2xlarge in us-west-2, as in the paper's simulator); whole ticks billed.
//! A job starts every 12 h of every file of the folder for as long as `floor(R/g) + 1` ticks are left. Files of a gap
//! below a minute are short: on those also 24 h of work by 26, 35, 36, 46 or 48 h, and a start every 6 h.
//!
//! The traces are those of skypilot-org/spot-traces (1, or any count above 0, is *available*; the copies inside the
//! paper's simulator have it the other way round). Policies: "Can't Be Late" (NSDI 2024) and SpotHedge (EuroSys 2025),
//! by a reference port that was checked against the paper's simulator; its figures are the published ones here.

mod published;
mod serving;
mod table;
mod trace;
mod vectors;

pub use table::{POLICIES, Setting, Start, starts};
pub use trace::Availability;

use super::{Case, NoCases, Options};
use crate::units::{Diagnostic, Diagnostics, SourceMap};
use std::path::{Path, PathBuf};

/// The suite's name.
const SUITE: &str = "spot";

/// Where the traces lie in the data folder, and where they come from.
const FOLDER: &str = "spot/skypilot-spot-traces";
const FROM: &str = "skypilot-org/spot-traces";

/// The suite as `verify` runs it: decision vectors, the October 2022 table, single runs, SpotHedge; with `optimum` the
/// gap to what could be had. On given traces the same settings, a mean over all and a figure per file.
///
/// # Errors
/// [`NoCases::NoData`] where the published files are not there, [`NoCases::Bad`] for files that cannot be used.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let mut sources = SourceMap::default();
    let cases = if options.traces.is_empty() {
        let dir = options.data.as_ref().map(|d| d.join(FOLDER));
        let dir = dir.filter(|d| d.is_dir()).ok_or_else(|| missing(FOLDER))?;
        ours(&dir, options.optimum, &mut sources)?
    } else {
        read(&options.traces, &mut sources).and_then(|traces| table::given(&traces, options.optimum))
    };
    cases.map_err(|d| NoCases::Bad(d, sources))
}

/// The published cases; the outer error is for data that is not there.
fn ours(dir: &Path, optimum: bool, sources: &mut SourceMap) -> Result<Result<Vec<Case>, Diagnostics>, NoCases> {
    let october = paths(dir, published::OCTOBER, published::OCTOBER_FILES.iter())?;
    let mut served = Vec::new();
    for s in &serving::SETUPS {
        served.push(paths(dir, s.folder, s.files.iter())?);
    }
    let mut cases = vectors::cases();
    let mut faults = Diagnostics::default();
    match read(&october, sources) {
        Ok(traces) => cases.extend(table::published(&traces, optimum)),
        Err(d) => faults.extend(d),
    }
    for (s, paths) in serving::SETUPS.iter().zip(&served) {
        match read(paths, sources) {
            Ok(traces) => cases.extend(serving::cases(s, &traces)),
            Err(d) => faults.extend(d),
        }
    }
    Ok(if faults.has_errors() { Err(faults) } else { Ok(cases) })
}

fn missing(what: &str) -> NoCases {
    NoCases::NoData(format!("`{what}` is not there; it is published in {FROM}"))
}

fn paths<'a>(dir: &Path, folder: &str, files: impl Iterator<Item = &'a &'a str>) -> Result<Vec<PathBuf>, NoCases> {
    let path = |name: &&str| {
        let path = dir.join(folder).join(format!("{name}.json"));
        if path.is_file() { Ok(path) } else { Err(missing(&format!("{FOLDER}/{folder}/{name}.json"))) }
    };
    files.map(path).collect()
}

/// Reads every file; the faults of all of them together.
fn read(paths: &[PathBuf], sources: &mut SourceMap) -> Result<Vec<Availability>, Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut traces = Vec::new();
    for path in paths {
        match Availability::read(path, sources) {
            Ok(t) => traces.push(t),
            Err(d) => faults.extend(d),
        }
    }
    name_apart(&mut traces, paths);
    if faults.has_errors() { Err(faults) } else { Ok(traces) }
}

/// Files of one name in different folders are called `FOLDER/NAME`.
fn name_apart(traces: &mut [Availability], paths: &[PathBuf]) {
    let names: Vec<String> = traces.iter().map(|t| t.name.clone()).collect();
    if traces.len() != paths.len() {
        return;
    }
    for (i, (t, path)) in traces.iter_mut().zip(paths).enumerate() {
        let twice = names.iter().enumerate().any(|(j, n)| j != i && *n == names[i]);
        if let (true, Some(folder)) = (twice, path.parent().and_then(Path::file_name)) {
            t.name = format!("{}/{}", folder.to_string_lossy(), names[i]);
        }
    }
}

/// A trace on which no setting has room for a single run.
fn too_short(t: &Availability, need: usize) -> Diagnostic {
    let found = format!("{} of {} s", t.counts.len(), t.gap.as_secs_f64());
    Diagnostic::error(format!("the trace is too short for a single run: {found}, and the shortest takes {need}"))
        .at(t.source, t.data_span, format!("{} values", t.counts.len()))
        .help("give a longer trace; a run takes its deadline and a tick")
}

#[cfg(test)]
mod tests;
