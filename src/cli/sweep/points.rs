//! Every point of a sweep, loaded and checked before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::super::console::Console;
use crate::experiment::sweep::{Design, metric};
use crate::outcome::metric::MetricDoc;
use crate::scenario::model::Model;
use crate::scenario::{Env, Settings};
use crate::units::{Diagnostic, Diagnostics, SourceMap};

/// How many points a diagnostic names before it counts them.
const NAMED: usize = 3;

/// How many different findings are told.
const TOLD: usize = 100;

/// From how many points on it is shown how far the check is.
const SLOW: usize = 100;

/// All points of a design.
pub struct Points {
    /// The model of each point that is wanted and can run.
    pub models: Vec<Option<Model>>,
    /// Every metric that any of them may yield.
    pub known: BTreeMap<String, &'static MetricDoc>,
    /// Data files read.
    pub inputs: BTreeSet<PathBuf>,
    /// What readers had to say, each thing once.
    pub notices: Vec<String>,
    /// Faults and warnings that the scenario itself does not have, each with its points.
    pub found: Diagnostics,
}

/// Loads every point, and keeps the models of those that `wanted` asks for. Each has an environment of its own: no point sees
/// the files of another.
pub fn load(
    settings: &Settings,
    design: &Design,
    wanted: impl Fn(usize) -> bool,
    (base, data): (&Path, &Path),
    sources: &mut SourceMap,
    console: &Console,
) -> Points {
    let mut found: Vec<(Diagnostic, Vec<usize>)> = Vec::new();
    let mut more = 0;
    let mut points = Points {
        models: Vec::with_capacity(design.len()),
        known: metric::known([&settings.model]),
        inputs: BTreeSet::new(),
        notices: Vec::new(),
        found: Diagnostics::default(),
    };
    let bar = (console.progress && design.len() >= SLOW).then(|| {
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {eta} left  {pos} of {len} points checked");
        ProgressBar::new(design.len() as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    for i in 0..design.len() {
        if let Some(bar) = &bar {
            bar.inc(1);
        }
        let mut env = Env::new(sources, base, data);
        let (model, told) = match design.overrides(i) {
            Ok(sets) => settings.with(&sets, &mut env),
            Err(d) => (None, d),
        };
        points.inputs.extend(env.inputs);
        for n in env.notices {
            if !points.notices.contains(&n) {
                points.notices.push(n);
            }
        }
        for d in told.list.into_iter().filter(|d| !settings.warnings.list.contains(d)) {
            match found.iter().position(|(f, _)| *f == d) {
                Some(k) => found[k].1.push(i),
                None if found.len() < TOLD => found.push((d, vec![i])),
                None => more += 1,
            }
        }
        if let Some(m) = &model {
            points.known.extend(metric::known([m]));
        }
        points.models.push(model.filter(|_| wanted(i)));
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    points.found.list = found.into_iter().map(|(d, at)| d.help(of(design, &at))).collect();
    if more > 0 {
        // Which of them are errors is beside the point: the first ones are told.
        let d = Diagnostic::warning(format!("{more} further findings in points of the sweep are not shown"));
        points.found.push(d.help("mend those above first"));
    }
    if points.models.iter().enumerate().any(|(i, m)| m.is_none() && wanted(i)) && !points.found.has_errors() {
        points.found.push(
            Diagnostic::error("a point of the sweep cannot run").help("its faults are among those that are not shown"),
        );
    }
    points
}

/// Which points a fault comes from.
fn of(design: &Design, at: &[usize]) -> String {
    if at.len() == design.len() && at.len() > 1 {
        return format!("this comes from every point of the sweep, {} for one", design.name(at[0]));
    }
    let names: Vec<String> = at.iter().take(NAMED).map(|i| design.name(*i)).collect();
    let more = match at.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!("; and {n} more"),
    };
    format!("this comes from the point{} {}{more}", if at.len() > 1 { "s" } else { "" }, names.join("; "))
}
