//! From the arguments of `sweep` to points that can run: all that is wrong is told, and nothing is run.

use std::num::NonZeroU32;
use std::path::Path;

use super::super::console::Console;
use super::super::load::{self, Opened};
use super::super::run::sha256;
use super::Args;
use super::points::{self, Points};
use crate::experiment::sweep::file::{self, AxisShape};
use crate::experiment::sweep::{Axis, Design, Kept, metric};
use crate::formats::{Syntax, parse, read_text};
use crate::scenario::{Env, Settings};
use crate::units::{Diagnostics, SourceMap};

/// What is to be run, checked.
pub struct Prepared {
    pub opened: Opened,
    /// Of the scenario's text.
    pub sha256: String,
    pub settings: Settings,
    pub design: Design,
    pub points: Points,
    pub seed: u64,
    pub replications: u32,
    pub kept: Vec<Kept>,
}

/// Reads and checks everything. First the scenario by itself, then the axes, then the points and the metrics: all faults of a
/// stage together.
pub fn prepare(a: &Args, data: &Path, console: &Console, sources: &mut SourceMap) -> Result<Prepared, Diagnostics> {
    let opened = load::open(a.scenario.as_deref(), sources)?;
    let sha256 = sha256(sources.get(opened.id).text.as_bytes());
    let mut env = Env::new(sources, opened.base.clone(), data);
    let settings = Settings::load(opened.id, opened.syntax, &a.set, a.variant.as_deref(), &mut env)?;
    console.diagnostics(&settings.warnings, sources);
    let file = a.design.as_deref().map(|p| design_file(p, sources)).transpose()?;
    let seed = a.seed.unwrap_or(settings.scenario.seed);
    let of_file = file.as_ref().and_then(|d| d.replications);
    let replications = a.replications.or(of_file).map_or(settings.model.replications, NonZeroU32::get);
    let design = design(a, file.as_ref(), seed, sources)?;

    let number = |point: usize, r: u32| point as u64 * u64::from(replications) + u64::from(r);
    let wanted = |point: usize| a.shard.is_none_or(|s| (0..replications).any(|r| s.has(number(point, r))));
    let points = points::load(&settings, &design, wanted, (&opened.base, data), sources, console);
    let mut out = points.found.clone();
    let kept = kept(a, file.as_ref(), &settings, &points, &mut out);
    if out.has_errors() {
        return Err(out);
    }
    console.diagnostics(&out, sources);
    for n in &points.notices {
        console.note(&format!("note: {n}"));
    }
    Ok(Prepared { opened, sha256, settings, design, points, seed, replications, kept })
}

/// A design from its file.
fn design_file(path: &Path, sources: &mut SourceMap) -> Result<file::Design, Diagnostics> {
    let syntax = Syntax::from_path(path)?;
    let id = read_text(path, sources)?;
    let (tree, mut out) = parse(id, sources, syntax);
    match tree.filter(|_| !out.has_errors()).map(|t| file::read(&t)) {
        Some(Ok(d)) => Ok(d),
        Some(Err(d)) => {
            out.extend(d);
            Err(out)
        }
        None => Err(out),
    }
}

/// The axes of the file, then those of the command line, and their points.
fn design(a: &Args, file: Option<&file::Design>, seed: u64, sources: &mut SourceMap) -> Result<Design, Diagnostics> {
    let latin = a.latin.or(file.and_then(|d| d.latin.as_ref().map(|n| n.value)));
    let (mut axes, mut out) = (Vec::new(), Diagnostics::default());
    let mut take = |axis: Result<Axis, Diagnostics>| match axis {
        Ok(a) => axes.push(a),
        Err(d) => out.extend(d),
    };
    let shapes: &[AxisShape] = file.map_or(&[], |d| &d.axes);
    for s in shapes {
        take(s.axis(latin.is_some()));
    }
    for text in &a.axis {
        let source = sources.add("--axis", text.as_str());
        take(Axis::from_argument(text, source, latin.is_some()));
    }
    if out.has_errors() { Err(out) } else { Design::new(axes, latin, seed) }
}

/// The metrics of the command line, else of the file, else the usual ones; each once.
fn kept(
    a: &Args,
    file: Option<&file::Design>,
    settings: &Settings,
    points: &Points,
    out: &mut Diagnostics,
) -> Vec<Kept> {
    let of_file = file.iter().filter(|_| a.metric.is_empty()).flat_map(|d| &d.metrics);
    let named = of_file.map(|m| (m.value.as_str(), Some(m.at))).chain(a.metric.iter().map(|m| (m.as_str(), None)));
    let mut kept = Vec::new();
    for (name, place) in named {
        match (metric::find(name, &points.known), place) {
            (Ok(k), _) if kept.contains(&k) => {}
            (Ok(k), _) => kept.push(k),
            (Err(d), Some((source, span))) => out.push((*d).at(source, span, "no such metric")),
            (Err(d), None) => out.push(*d),
        }
    }
    if kept.is_empty() { metric::defaults(&settings.model, &points.known) } else { kept }
}
