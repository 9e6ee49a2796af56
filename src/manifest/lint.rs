//! What the controllers refuse, or what does not do what it seems to.
//!
//! Each lint has an id, a severity, a place, what happens and what to do. Those that need one object alone are found
//! while it is read (`fields::Cx::lint`), those of an object's meaning or of several objects here, one file a subject.
//! The rules are those of the controllers' own code, as the policies in `crate::policy` have them.

mod budgets;
mod gpus;
mod nodes;
mod pods;
mod queues;
mod scalers;

use super::finding::{Class, Findings};
use super::object::{Manifests, Object};
use crate::units::Diagnostic;
pub use table::LINTS;

mod table;

/// Looks for all lints over all objects.
pub fn lint(m: &Manifests, findings: &mut Findings) {
    let mut out = Out { findings };
    scalers::lint(m, &mut out);
    pods::lint(m, &mut out);
    budgets::lint(m, &mut out);
    nodes::lint(m, &mut out);
    gpus::lint(m, &mut out);
    queues::lint(m, &mut out);
    findings.sort();
}

/// A diagnostic with the id of its lint.
#[must_use]
pub fn told(id: &'static str, mut d: Diagnostic) -> Diagnostic {
    debug_assert!(LINTS.iter().any(|l| l.id == id), "lint `{id}` is not in the table");
    d.message = format!("{} [{id}]", d.message);
    d
}

/// Where lints go.
struct Out<'f> {
    findings: &'f mut Findings,
}

impl Out<'_> {
    fn push(&mut self, id: &'static str, object: &Object, path: &str, d: Diagnostic) {
        self.findings.push(Class::Lint, id, &object.id(), path, told(id, d));
    }
}
