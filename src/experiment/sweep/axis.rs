//! An axis: a setting and the values that it takes, as lists and ranges with units.

use super::range::{Range, is_range};
use crate::formats::Place;
use crate::units::{Diagnostic, Diagnostics, SourceId, Span};

/// The most values of an axis: beyond it a range is a slip.
const MOST: u64 = 1_000_000_000;

/// A setting and its values.
#[derive(Clone, Debug)]
pub struct Axis {
    /// The setting, as `--set` names it.
    pub path: String,
    /// Where it was written.
    pub at: Place,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    One(String, Place),
    Range(Range, Place),
}

impl Piece {
    const fn count(&self) -> u64 {
        match self {
            Piece::One(..) => 1,
            Piece::Range(r, _) => r.count(),
        }
    }
}

impl Axis {
    /// Reads `PATH=A,B,C` or `PATH=FROM..TO:STEP`, the text of a source of its own. A list is split at the commas that no
    /// bracket or quote holds, and any item of it may be a range. `stepless` allows ranges without a step.
    ///
    /// # Errors
    /// Every fault, with its place.
    pub fn from_argument(text: &str, source: SourceId, stepless: bool) -> Result<Axis, Diagnostics> {
        let place = |from: usize, to: usize| (source, Span { start: from as u32, end: to as u32 });
        let mut quoted = false;
        let equals = text.find(|c| {
            quoted ^= c == '"';
            c == '=' && !quoted
        });
        let Some(equals) = equals else {
            return Err(Diagnostic::error("no `=` in an axis")
                .at(source, place(0, text.len()).1, "not PATH=VALUES")
                .help("write PATH=A,B,C or PATH=FROM..TO:STEP, for example pools.ft.nodes=1..16:1")
                .into());
        };
        let values = &text[equals + 1..];
        let items: Vec<(&str, Place)> = split(values)
            .into_iter()
            .map(|(from, to)| (&values[from..to], place(equals + 1 + from, equals + 1 + to)))
            .collect();
        Axis::new((text[..equals].trim(), place(0, equals)), &items, stepless)
    }

    /// From a path and its values, each a value or a range.
    ///
    /// # Errors
    /// Every fault, with its place.
    pub fn new(path: (&str, Place), items: &[(&str, Place)], stepless: bool) -> Result<Axis, Diagnostics> {
        let mut out = Diagnostics::default();
        let mut pieces = Vec::new();
        let (name, at) = path;
        for (text, place) in items {
            let text = text.trim();
            if text.is_empty() {
                out.push(
                    Diagnostic::error(format!("a value of the axis `{name}` is empty"))
                        .at(place.0, place.1, "nothing here")
                        .help("write PATH=A,B,C; \"\" is an empty text"),
                );
            } else if is_range(text) {
                match Range::read(text, stepless) {
                    Ok(r) if r.count() <= MOST.saturating_sub(total(&pieces)) => pieces.push(Piece::Range(r, *place)),
                    Ok(r) => out.push(
                        Diagnostic::error(format!("the range {text} has {} values", r.count()))
                            .at(place.0, place.1, "too many")
                            .help("widen its step"),
                    ),
                    Err(why) => {
                        out.push(why.into_diagnostic(text).at(place.0, place.1, "not a range that can be used"))
                    }
                }
            } else {
                pieces.push(Piece::One(text.to_owned(), *place));
            }
        }
        if items.is_empty() {
            out.push(
                Diagnostic::error(format!("the axis `{name}` has no values"))
                    .at(at.0, at.1, "empty")
                    .help("for example to: [\"1..16:1\"]"),
            );
        }
        if out.has_errors() {
            return Err(out);
        }
        Ok(Axis { path: name.to_owned(), at, pieces })
    }

    /// How many values it has.
    #[must_use]
    pub fn count(&self) -> u64 {
        total(&self.pieces)
    }

    /// The value of a number below [`Axis::count`], and where it was written.
    #[must_use]
    pub fn value(&self, mut index: u64) -> (String, Place) {
        for p in &self.pieces {
            if index < p.count() {
                return match p {
                    Piece::One(text, at) => (text.clone(), *at),
                    Piece::Range(r, at) => (r.value(index), *at),
                };
            }
            index -= p.count();
        }
        (String::new(), self.at)
    }

    /// As it was written: `1,2,4..16:4`.
    #[must_use]
    pub fn written(&self) -> Vec<String> {
        let text = |p: &Piece| match p {
            Piece::One(text, _) => text.clone(),
            Piece::Range(r, _) => r.to_string(),
        };
        self.pieces.iter().map(text).collect()
    }
}

fn total(pieces: &[Piece]) -> u64 {
    pieces.iter().map(Piece::count).sum()
}

/// The parts of a list between commas that no bracket or quote holds.
fn split(text: &str) -> Vec<(usize, usize)> {
    let (mut depth, mut quoted, mut escaped, mut from) = (0i32, false, false, 0);
    let mut out = Vec::new();
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth <= 0 => {
                out.push((from, i));
                from = i + 1;
            }
            _ => {}
        }
    }
    out.push((from, text.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        let a = Axis::from_argument(text, SourceId(0), true).unwrap();
        (0..a.count()).map(|i| a.value(i).0).collect()
    }

    fn fault(text: &str, stepless: bool) -> String {
        let out = Axis::from_argument(text, SourceId(0), stepless).unwrap_err();
        out.list.iter().map(|d| format!("{} [{}]", d.message, d.help.join("; "))).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn lists_are_split_where_no_bracket_or_quote_holds_the_comma() {
        assert_eq!(values("a.b=4, 8,16"), ["4", "8", "16"]);
        assert_eq!(
            values(r#"work.ft.policy=UniformProgress,SpotElse(wait: "20m", x: [1, 2]),"a,b""#),
            ["UniformProgress", r#"SpotElse(wait: "20m", x: [1, 2])"#, "\"a,b\""]
        );
        assert_eq!(values(r#"pools."a=b".n=1"#), ["1"]);
        assert_eq!(values("a=1,2,4..12:4"), ["1", "2", "4", "8", "12"]);
        assert_eq!(values("a=../x.csv,../y.csv"), ["../x.csv", "../y.csv"]);
    }

    #[test]
    fn what_is_not_an_axis_says_what_to_write() {
        assert!(fault("a.b", true).starts_with("no `=` in an axis [write PATH=A,B,C or PATH=FROM..TO:STEP"));
        assert!(fault("a.b=1,,2", true).starts_with("a value of the axis `a.b` is empty"));
        assert!(fault("a=1..5", false).contains("--latin"), "{}", fault("a=1..5", false));
        assert!(fault("a=0..1:0.0000000000001", true).contains("widen its step"));
        // All faults of an axis are told.
        assert_eq!(fault("a=5..1:1,,1..9:0", true).split(" | ").count(), 3);
    }
}
