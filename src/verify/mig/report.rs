//! What a case found, as lines of the report.

use super::SUITE;
use crate::formats::Place;
use crate::scenario::decode::Spanned;
use crate::units::{Diagnostic, Diagnostics};
use crate::verify::Case;

/// Gathers the lines and faults of one case.
#[derive(Debug)]
pub struct Report<'a> {
    id: &'a Spanned<String>,
    /// `step 2 1g`, where there are several.
    part: String,
    lines: usize,
    cases: &'a mut Vec<Case>,
    faults: &'a mut Diagnostics,
}

impl<'a> Report<'a> {
    /// Of a case by its id.
    pub fn new(id: &'a Spanned<String>, cases: &'a mut Vec<Case>, faults: &'a mut Diagnostics) -> Report<'a> {
        Report { id, part: String::new(), lines: 0, cases, faults }
    }

    /// A fault of the case as a whole.
    pub fn fault(&mut self, message: impl Into<String>, help: &str) {
        self.diagnostic(Diagnostic::error(message).help(help), self.id.at, "in this case");
    }

    /// A fault with a place.
    pub fn diagnostic(&mut self, d: Diagnostic, at: Place, label: &str) {
        self.faults.push(d.at(at.0, at.1, label));
    }

    /// What follows belongs to this part of the case.
    pub fn part(&mut self, part: impl Into<String>) {
        self.part = part.into();
    }

    /// A whole number that must be exactly so; nothing when nothing is expected. Ours may not be there: then it fails.
    pub fn number(&mut self, what: &str, expected: Option<u64>, ours: Option<u64>) {
        if let Some(expected) = expected {
            self.line(what, expected as f64, ours.map_or(f64::NAN, |v| v as f64), 0.0);
        }
    }

    /// A number that must be so within a tolerance.
    pub fn double(&mut self, what: &str, expected: Option<f64>, ours: f64, tolerance: f64) {
        if let Some(expected) = expected {
            self.line(what, expected, ours, tolerance);
        }
    }

    /// A word that must be the same: 1 when it is, 0 with our word when it is not.
    pub fn word(&mut self, what: &str, expected: Option<&str>, ours: &str) {
        if let Some(expected) = expected {
            let same = expected == ours;
            let found = if same { String::new() } else { format!(" (ours {ours})") };
            self.line(&format!("{what} {expected}{found}"), 1.0, f64::from(u8::from(same)), 0.0);
        }
    }

    /// Whether something happened that must: 1 when it did, 0 with what happened instead when not.
    pub fn happened(&mut self, what: &str, holds: bool, instead: &str) {
        let found = if holds { String::new() } else { format!(" (ours {instead})") };
        self.line(&format!("{what}{found}"), 1.0, f64::from(u8::from(holds)), 0.0);
    }

    fn line(&mut self, what: &str, expected: f64, ours: f64, tolerance: f64) {
        let words = [self.id.value.as_str(), &self.part, what.trim()];
        let name: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
        self.lines += 1;
        self.cases.push(Case::checked(SUITE, name.join(" "), expected, ours, tolerance));
    }

    /// Reports a case, or a part of it, that expects nothing.
    pub fn expects_something(&mut self, before: usize) {
        if self.lines == before {
            let part = if self.part.is_empty() { String::new() } else { format!(" at {}", self.part) };
            self.fault(format!("the case `{}` expects nothing{part}", self.id.value), "fill in what must come out");
        }
    }

    /// How many lines so far.
    pub fn lines(&self) -> usize {
        self.lines
    }
}
