//! Case files: what all suites that read them share.
//!
//! - [`CaseFile`] and [`Item`]: a suite's own form of a file and of a case;
//! - [`Runner`]: runs texts and files of cases, one after the other, and gathers what is wrong with them;
//! - [`Report`]: what a case found, as lines of the report.

use std::path::Path;

use super::quantity::Quantity;
use super::{Case, NoCases, Options};
use crate::formats::{Node, Place, Syntax, Value, parse, read_text};
use crate::scenario::decode::{Decode, Spanned, decode};
use crate::units::{Diagnostic, Diagnostics, SourceId, SourceMap};

/// A file of cases in a suite's form.
pub trait CaseFile: Decode {
    /// The suite's name.
    const SUITE: &'static str;
    /// The version of the form.
    const VERSION: u32;
    /// A case.
    type Item: Item;
    /// The version that is written.
    fn version(&self) -> &Spanned<u32>;
    /// The cases, from its field `cases`.
    fn items(&self) -> &[Self::Item];
}

/// A case.
pub trait Item {
    /// Its name.
    fn id(&self) -> &Spanned<String>;
    /// Runs it.
    fn run(&self, report: &mut Report<'_>);
}

/// Runs cases and gathers lines and faults.
#[derive(Debug, Default)]
pub struct Runner {
    sources: SourceMap,
    cases: Vec<Case>,
    faults: Diagnostics,
}

impl Runner {
    /// Runs texts that come with the suite, each under its name.
    pub fn texts<F: CaseFile>(&mut self, texts: &[(&str, &str)]) {
        for (name, text) in texts {
            let id = self.sources.add(*name, *text);
            self.faults.extend(text_cases::<F>(id, Syntax::Ron, &self.sources, &mut self.cases));
        }
    }
    /// Lines that are in no file.
    pub fn extend(&mut self, cases: impl IntoIterator<Item = Case>) {
        self.cases.extend(cases);
    }
    /// Runs the files of the options.
    pub fn files<F: CaseFile>(&mut self, options: &Options) {
        for path in &options.cases {
            let found = self.file::<F>(path);
            self.faults.extend(found);
        }
    }
    fn file<F: CaseFile>(&mut self, path: &Path) -> Diagnostics {
        let read = Syntax::from_path(path).and_then(|syntax| Ok((read_text(path, &mut self.sources)?, syntax)));
        match read {
            Ok((id, syntax)) => text_cases::<F>(id, syntax, &self.sources, &mut self.cases),
            Err(d) => d,
        }
    }
    /// The lines.
    ///
    /// # Errors
    /// [`NoCases::Bad`] with all that is wrong in all files.
    pub fn finish(self) -> Result<Vec<Case>, NoCases> {
        if self.faults.has_errors() { Err(NoCases::Bad(self.faults, self.sources)) } else { Ok(self.cases) }
    }
}

/// Runs the cases of a text, and reports what is wrong with it.
pub fn text_cases<F: CaseFile>(
    id: SourceId,
    syntax: Syntax,
    sources: &SourceMap,
    cases: &mut Vec<Case>,
) -> Diagnostics {
    let (node, mut faults) = parse(id, sources, syntax);
    let Some(node) = node else { return faults };
    let decoded = decode::<F>(&node);
    faults.extend(decoded.diagnostics);
    let Some(file) = decoded.value else { return faults };
    if file.version().value != F::VERSION {
        let (source, span) = file.version().at;
        faults.push(
            Diagnostic::error(format!("version {} of the case format is not known", file.version().value))
                .at(source, span, "not a version that is read here")
                .help(format!("write version: {}", F::VERSION)),
        );
        return faults;
    }
    let mut seen: Vec<&Spanned<String>> = Vec::new();
    let nodes = match node.get("cases").map(|n| &n.value) {
        Some(Value::List(nodes)) => nodes.as_slice(),
        _ => &[],
    };
    for (item, node) in file.items().iter().zip(nodes) {
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
        item.run(&mut Report::new(F::SUITE, name, node, cases, &mut faults));
    }
    faults
}

/// A whole number of a report.
pub trait Whole: Copy {
    /// As the report has it.
    fn shown(self) -> f64;
}

impl Whole for i64 {
    fn shown(self) -> f64 {
        self as f64
    }
}

impl Whole for u64 {
    fn shown(self) -> f64 {
        self as f64
    }
}

/// Gathers the lines and faults of one case.
#[derive(Debug)]
pub struct Report<'a> {
    suite: &'static str,
    id: &'a Spanned<String>,
    /// As it was written.
    node: &'a Node,
    /// `step 2`, where there are several.
    part: String,
    lines: usize,
    /// Whether anything of it was reported as wrong.
    faulty: bool,
    cases: &'a mut Vec<Case>,
    faults: &'a mut Diagnostics,
}

impl<'a> Report<'a> {
    fn new(
        suite: &'static str,
        id: &'a Spanned<String>,
        node: &'a Node,
        cases: &'a mut Vec<Case>,
        faults: &'a mut Diagnostics,
    ) -> Report<'a> {
        Report { suite, id, node, part: String::new(), lines: 0, faulty: false, cases, faults }
    }

    /// The case as it was written.
    pub const fn node(&self) -> &'a Node {
        self.node
    }

    /// A fault of the case as a whole.
    pub fn fault(&mut self, message: impl Into<String>, help: &str) {
        self.fault_at(self.id.at, message, "in this case", help);
    }

    /// A fault with a place of its own.
    pub fn fault_at(&mut self, at: Place, message: impl Into<String>, label: &str, help: &str) {
        let mut d = Diagnostic::error(message);
        if !help.is_empty() {
            d = d.help(help);
        }
        self.diagnostic(d, at, label);
    }

    /// A fault in words of its own.
    pub fn diagnostic(&mut self, d: Diagnostic, at: Place, label: &str) {
        self.faulty = true;
        self.faults.push(d.at(at.0, at.1, label));
    }

    /// What follows belongs to this part of the case.
    pub fn part(&mut self, part: impl Into<String>) {
        self.part = part.into();
    }

    /// A whole number that must be exactly so; nothing when nothing is expected. Ours may not be there: then it fails.
    /// Without `what` it is the main figure.
    pub fn number<N: Whole>(&mut self, what: &str, expected: Option<N>, ours: Option<N>) {
        self.double(what, expected.map(Whole::shown), ours.map_or(f64::NAN, Whole::shown), 0.0);
    }

    /// A quantity that must be exactly so, in whole units.
    pub fn quantity(&mut self, what: &str, expected: Option<Quantity>, ours: Option<i64>) {
        // Thousandths are compared, whole units shown: the same integers give the same doubles.
        let units = |milli: i64| milli as f64 / 1000.0;
        self.double(what, expected.map(|q| units(q.0)), ours.map_or(f64::NAN, units), 0.0);
    }

    /// A number that must be so within a tolerance.
    pub fn double(&mut self, what: &str, expected: Option<f64>, ours: f64, tolerance: f64) {
        if let Some(expected) = expected {
            self.line(what, expected, ours, tolerance);
        }
    }

    /// Yes or no.
    pub fn flag(&mut self, what: &str, expected: Option<bool>, ours: bool) {
        self.number(what, expected.map(i64::from), Some(i64::from(ours)));
    }

    /// A word that must be the same: 1 when it is, 0 with our word when it is not.
    pub fn word(&mut self, what: &str, expected: Option<&str>, ours: &str) {
        if let Some(expected) = expected {
            self.happened(&format!("{what} {expected}"), expected == ours, ours);
        }
    }

    /// Words that must be the same, in their order.
    pub fn words(&mut self, what: &str, expected: Option<&[String]>, ours: &[String]) {
        let shown = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(" ") };
        self.word(what, expected.map(shown).as_deref(), &shown(ours));
    }

    /// Words that must be the same, in any order.
    pub fn set(&mut self, what: &str, expected: Option<&[String]>, ours: &[String]) {
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        self.words(what, expected.map(sorted).as_deref(), &sorted(ours));
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
        self.cases.push(Case::checked(self.suite, name.join(" "), expected, ours, tolerance));
    }

    /// Reports a case, or a part of it, that expects nothing; one that is faulty otherwise may.
    pub fn expects_something(&mut self, before: usize) {
        if self.lines == before && !self.faulty {
            let part = if self.part.is_empty() { String::new() } else { format!(" at {}", self.part) };
            self.fault(format!("the case `{}` expects nothing{part}", self.id.value), "fill in what must come out");
        }
    }

    /// How many lines so far.
    pub const fn lines(&self) -> usize {
        self.lines
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! What the tests of all case formats ask.

    use super::{Case, CaseFile, SourceMap, Syntax, text_cases};

    /// A message, with line and column.
    pub type Fault = (String, (usize, usize));

    /// What comes of the cases of a text, and its faults, each with a place and a label.
    pub fn cases_of<F: CaseFile>(text: &str) -> (Vec<Case>, Vec<Fault>) {
        let (mut sources, mut cases) = (SourceMap::default(), Vec::new());
        let id = sources.add("mine.ron", text);
        let faults = text_cases::<F>(id, Syntax::Ron, &sources, &mut cases);
        let shown = faults.list.into_iter().map(|d| {
            let (at, span) = d.at.expect("a place");
            assert!(!d.message.ends_with('.') && !d.label.is_empty(), "{d:?}");
            (d.message, sources.line_col(at, span.start))
        });
        (cases, shown.collect())
    }
}
