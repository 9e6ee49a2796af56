//! What a case found, as lines of the report.

use super::SUITE;
use super::blame::{self, Blame};
use super::quantity::Quantity;
use crate::formats::{Node, Place};
use crate::scenario::decode::Spanned;
use crate::units::{Diagnostic, Diagnostics};
use crate::verify::Case;

/// Gathers the lines and faults of one case.
#[derive(Debug)]
pub struct Report<'a> {
    id: &'a Spanned<String>,
    /// As it was written.
    node: &'a Node,
    /// `step 2`, where there are several.
    part: String,
    lines: usize,
    cases: &'a mut Vec<Case>,
    faults: &'a mut Diagnostics,
}

impl<'a> Report<'a> {
    /// Of a case by its id, and as it was written.
    pub fn new(
        id: &'a Spanned<String>,
        node: &'a Node,
        cases: &'a mut Vec<Case>,
        faults: &'a mut Diagnostics,
    ) -> Report<'a> {
        Report { id, node, part: String::new(), lines: 0, cases, faults }
    }

    /// A fault of the case as a whole.
    pub fn fault(&mut self, message: impl Into<String>, help: &str) {
        self.fault_at(self.id.at, message, "in this case", help);
    }

    /// A fault with a place of its own.
    pub fn fault_at(&mut self, at: Place, message: impl Into<String>, label: &str, help: &str) {
        let mut d = Diagnostic::error(message).at(at.0, at.1, label);
        if !help.is_empty() {
            d = d.help(help);
        }
        self.faults.push(d);
    }

    /// What a controller refuses in its configuration; `None` then.
    pub fn accept<T, E: Blame>(&mut self, made: Result<T, Vec<E>>) -> Option<T> {
        match made {
            Ok(t) => Some(t),
            Err(faults) => {
                for f in faults {
                    let help = "the cluster would refuse it too";
                    match blame::place(self.node, &f.way()) {
                        Some(at) => self.fault_at(at, f.to_string(), "refused", help),
                        None => self.fault(f.to_string(), help),
                    }
                }
                None
            }
        }
    }

    /// What follows belongs to this part of the case.
    pub fn part(&mut self, part: impl Into<String>) {
        self.part = part.into();
    }

    /// A whole number that must be exactly so; nothing when nothing is expected. Without `what` it is the main figure.
    pub fn number(&mut self, what: &str, expected: Option<i64>, ours: Option<i64>) {
        if let Some(expected) = expected {
            let ours = ours.map_or(f64::NAN, |v| v as f64);
            self.line(what, expected as f64, ours);
        }
    }

    /// A quantity that must be exactly so, in whole units.
    pub fn quantity(&mut self, what: &str, expected: Option<Quantity>, ours: Option<i64>) {
        if let Some(Quantity(milli)) = expected {
            // Thousandths are compared, whole units shown: the same integers give the same doubles.
            self.line(what, milli as f64 / 1000.0, ours.map_or(f64::NAN, |v| v as f64 / 1000.0));
        }
    }

    /// A double that must be exactly so.
    pub fn double(&mut self, what: &str, expected: f64, ours: f64) {
        self.line(what, expected, ours);
    }

    /// Yes or no.
    pub fn flag(&mut self, what: &str, expected: Option<bool>, ours: bool) {
        self.number(what, expected.map(i64::from), Some(i64::from(ours)));
    }

    /// A word that must be the same: 1 when it is, 0 with our word when it is not.
    pub fn word(&mut self, what: &str, expected: Option<&str>, ours: &str) {
        if let Some(expected) = expected {
            let same = expected == ours;
            let found = if same { String::new() } else { format!(" (ours {ours})") };
            self.line(&format!("{what} {expected}{found}"), 1.0, f64::from(u8::from(same)));
        }
    }

    fn line(&mut self, what: &str, expected: f64, ours: f64) {
        let words = [self.id.value.as_str(), &self.part, what];
        let name: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
        self.lines += 1;
        self.cases.push(Case::checked(SUITE, name.join(" "), expected, ours, 0.0));
    }

    /// Reports a case, or a part of it, that expects nothing.
    pub fn expects_something(&mut self, before: usize) {
        if self.lines == before {
            let part = if self.part.is_empty() { String::new() } else { format!(" at {}", self.part) };
            self.fault(format!("the case `{}` expects nothing{part}", self.id.value), "fill in `expect`");
        }
    }

    /// How many lines so far.
    pub fn lines(&self) -> usize {
        self.lines
    }
}
