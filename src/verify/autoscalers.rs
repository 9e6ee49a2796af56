//! Autoscalers against their own unit tests: HPA v2 and KEDA.
//!
//! The vectors are upstream's test values (kubernetes/kubernetes `replica_calculator_test.go`, `horizontal_test.go`;
//! kedacore/keda `scale_jobs_test.go`, `scale_scaledobjects_test.go`, `fallback_test.go`, `metrics_test.go`), written as
//! cases in the format of `docs/cases.md`. Files of more cases in that format are run after them. All are exact.
//!
//! *Invariant:* no simulation stands around a controller here: what is checked is the rule alone.

mod blame;
mod format;
mod lower;
mod of_hpa;
mod of_keda;
mod quantity;
mod report;
#[cfg(test)]
mod tests;

use std::path::Path;

use self::format::{Cases, Item};
use self::report::Report;
use super::{Case, NoCases, Options};
use crate::formats::{Syntax, Value, parse, read_text};
use crate::scenario::decode::{Spanned, decode, schema};
use crate::units::{Diagnostic, Diagnostics, SourceId, SourceMap};

/// The suite's name.
const SUITE: &str = "autoscalers";

/// The version of the format of case files.
pub const VERSION: u32 = 1;

/// The published vectors, in the order of their tables.
const VECTORS: [(&str, &str); 2] = [
    ("<the HPA vectors>", include_str!("autoscalers/hpa.ron")),
    ("<the KEDA vectors>", include_str!("autoscalers/keda.ron")),
];

/// Runs the suite: the published vectors, then those of the case files.
///
/// # Errors
/// [`NoCases::Bad`] with all that is wrong in all case files.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let (mut sources, mut cases, mut faults) = (SourceMap::default(), Vec::new(), Diagnostics::default());
    for (name, text) in VECTORS {
        let id = sources.add(name, text);
        faults.extend(text_cases(id, Syntax::Ron, &sources, &mut cases));
    }
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
    let nodes = match node.get("cases").map(|n| &n.value) {
        Some(Value::List(nodes)) => nodes.as_slice(),
        _ => &[],
    };
    for (item, node) in file.cases.iter().zip(nodes) {
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
        item.run(&mut Report::new(name, node, cases, &mut faults));
    }
    faults
}

impl Item {
    fn id(&self) -> &Spanned<String> {
        match self {
            Item::Proposal(c) => &c.id,
            Item::Stabilize(c) => &c.id,
            Item::RateLimit(c) => &c.id,
            Item::Reconcile(c) => &c.id,
            Item::KedaPoll(c) => &c.id,
            Item::KedaFallback(c) => &c.id,
            Item::KedaHpa(c) => &c.id,
            Item::KedaTimeline(c) => &c.id,
            Item::ScaledJobStrategy(c) => &c.id,
            Item::ScaledJob(c) => &c.id,
            Item::ScaledJobTarget(c) => &c.id,
        }
    }

    fn run(&self, report: &mut Report<'_>) {
        match self {
            Item::Proposal(c) => of_hpa::proposal(c, report),
            Item::Stabilize(c) => of_hpa::stabilize(c, report),
            Item::RateLimit(c) => of_hpa::rate_limit(c, report),
            Item::Reconcile(c) => of_hpa::reconcile(c, report),
            Item::KedaPoll(c) => of_keda::poll(c, report),
            Item::KedaFallback(c) => of_keda::fallback(c, report),
            Item::KedaHpa(c) => of_keda::bounds(c, report),
            Item::KedaTimeline(c) => of_keda::timeline(c, report),
            Item::ScaledJobStrategy(c) => of_keda::job_strategy(c, report),
            Item::ScaledJob(c) => of_keda::scaled_job(c, report),
            Item::ScaledJobTarget(c) => of_keda::mean_target(c, report),
        }
    }
}

/// The field reference of case files, as `docs/cases.md` ends with it.
#[must_use]
pub fn reference() -> String {
    schema::markdown::<Cases>()
}
