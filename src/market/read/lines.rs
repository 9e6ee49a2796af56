//! Lines of a text with their places, and the faults found in them.

use crate::units::{Diagnostic, Diagnostics, SourceId, Span};

/// The most faults of one file that are shown; the rest are counted.
const SHOWN: usize = 8;

/// A line, its fields trimmed and with their places.
#[derive(Clone, Copy)]
pub(super) struct Line<'t> {
    /// Its first byte in the text.
    pub start: usize,
    /// Without its end.
    pub text: &'t str,
    /// From 1.
    pub number: usize,
    /// It has no line end: the file may have been cut there.
    pub cut: bool,
}

/// A piece of a line.
#[derive(Clone, Copy)]
pub(super) struct Field<'t> {
    pub text: &'t str,
    pub span: Span,
}

/// The lines that are not blank.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = text.len() - text.trim_start_matches('\u{feff}').len();
    text[start..].split_inclusive('\n').enumerate().filter_map(move |(i, whole)| {
        let line = Line { start, text: whole.trim_end(), number: i + 1, cut: !whole.ends_with('\n') };
        start += whole.len();
        (!line.text.trim().is_empty()).then_some(line)
    })
}

impl<'t> Line<'t> {
    /// The fields between commas.
    pub fn fields(&self) -> Vec<Field<'t>> {
        let mut at = self.start;
        let field = |part: &'t str| {
            let field = piece(at, part);
            at += part.len() + 1;
            field
        };
        self.text.split(',').map(field).collect()
    }

    /// The whole line.
    pub fn span(&self) -> Span {
        piece(self.start, self.text).span
    }

    /// What stands behind the line's opening bracket.
    pub fn after_bracket(&self, part: &'t str) -> Field<'t> {
        piece(self.start + self.text.find('[').map_or(0, |i| i + 1), part)
    }
}

/// Trimmed, with its place.
fn piece(at: usize, part: &str) -> Field<'_> {
    let text = part.trim();
    let start = at + (part.len() - part.trim_start().len());
    Field { text, span: Span { start: start as u32, end: (start + text.len()) as u32 } }
}

/// The faults of a file.
pub(super) struct Faults {
    id: SourceId,
    out: Diagnostics,
    more: usize,
}

impl Faults {
    pub fn new(id: SourceId) -> Faults {
        Faults { id, out: Diagnostics::default(), more: 0 }
    }

    /// Notes one.
    pub fn add(&mut self, span: Span, message: impl Into<String>, label: impl Into<String>, help: &str) {
        if self.out.list.len() >= SHOWN {
            self.more += 1;
            return;
        }
        let d = Diagnostic::error(message).at(self.id, span, label);
        self.out.push(if help.is_empty() { d } else { d.help(help) });
    }

    pub fn any(&self) -> bool {
        !self.out.list.is_empty()
    }

    /// What was made, unless there were faults.
    pub fn finish<T>(mut self, made: T) -> Result<T, Diagnostics> {
        if !self.any() {
            return Ok(made);
        }
        if let (1.., Some(last)) = (self.more, self.out.list.last_mut()) {
            last.help.push(format!("{} more like this in the file", self.more));
        }
        Err(self.out)
    }
}
