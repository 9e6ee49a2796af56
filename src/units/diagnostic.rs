//! What is wrong with an input, where, and what to do about it.
//!
//! Loading never stops at the first fault: a stage collects [`Diagnostics`] and reports them together.
//! Rendering (carets, colours) belongs to `cli`; this is plain data.

use std::sync::Arc;

/// Bytes `start..end` of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// Which text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A text that was read, with the name to show for it.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// A path, `--set`, or `<embedded quickstart>`.
    pub name: String,
    /// The whole text, or a piece of it.
    pub text: Arc<str>,
    /// The line of the file on which `text` begins, from 1. Above 1 when only a piece was kept, as for one bad row of
    /// a large trace.
    pub first_line: usize,
}

/// The texts that diagnostics may point into.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Keeps a text and gives it an id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.add_piece(name, text, 1)
    }

    /// Keeps a piece of a larger file: whole lines, the first of which is line `first_line` (from 1) of that file.
    pub fn add_piece(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>, first_line: usize) -> SourceId {
        self.files.push(SourceFile { name: name.into(), text: text.into(), first_line: first_line.max(1) });
        SourceId(self.files.len() as u32 - 1)
    }

    /// The text of an id that this map gave out.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// All texts in the order they were added.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Line and column (both from 1, columns in characters) of a byte offset. The line is that of the whole file, even
    /// when only a piece of it was kept.
    #[must_use]
    pub fn line_col(&self, id: SourceId, byte: u32) -> (usize, usize) {
        let SourceFile { text, first_line, .. } = self.get(id);
        let mut at = (byte as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &text[..at];
        let line = before.matches('\n').count() + first_line;
        let col = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, col)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; the run goes on.
    Warning,
    /// The input cannot be used; exit code 2.
    Error,
}

/// One finding: what is wrong, where, what was found, what is allowed, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One sentence without a full stop: ``unknown field `node` in a pool``.
    pub message: String,
    /// Where, when the fault has a place in a text.
    pub at: Option<(SourceId, Span)>,
    /// The words under the caret: ``not a field of a pool``.
    pub label: String,
    /// A second place that explains the first (`first defined here`).
    pub also: Option<(SourceId, Span, String)>,
    /// What to do: the nearest right name, the allowed values, a command.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            at: None,
            label: String::new(),
            also: None,
            help: Vec::new(),
        }
    }

    /// A warning without a place yet.
    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(message) }
    }

    /// Puts it at a place, with the words under the caret.
    #[must_use]
    pub fn at(mut self, source: SourceId, span: Span, label: impl Into<String>) -> Diagnostic {
        self.at = Some((source, span));
        self.label = label.into();
        self
    }

    /// Points at a second place.
    #[must_use]
    pub fn also(mut self, source: SourceId, span: Span, label: impl Into<String>) -> Diagnostic {
        self.also = Some((source, span, label.into()));
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help.push(text.into());
        self
    }
}

/// Findings in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// All of them.
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, d: Diagnostic) {
        self.list.push(d);
    }

    /// Whether any is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// Takes over all of another's.
    pub fn extend(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(d: Diagnostic) -> Diagnostics {
        Diagnostics { list: vec![d] }
    }
}

/// The candidate nearest to `word` (case-insensitive Damerau–Levenshtein), if near enough to be what was meant:
/// at most a third of the word's length, and at least one edit is always allowed.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let w = word.to_lowercase();
    let limit = (w.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&w, &c.to_lowercase()), c))
        .filter(|(d, _)| *d <= limit)
        .min_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(b.1)))
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_only_when_near() {
        assert_eq!(nearest("ndoes", ["nodes", "name"]), Some("nodes"));
        assert_eq!(nearest("zzz", ["nodes", "name"]), None);
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let mut m = SourceMap::default();
        let id = m.add("f", "aé\nxyz");
        assert_eq!(m.line_col(id, 0), (1, 1));
        assert_eq!(m.line_col(id, 4), (2, 1));
        assert_eq!(m.line_col(id, 99), (2, 4));
        let row = m.add_piece("trace.csv", "a,b", 8_152);
        assert_eq!(m.line_col(row, 2), (8_152, 3));
    }
}
