//! Diagnostics as text for people: file, line, column, the line itself with carets, and what to do.
//!
//! A pure function: where the text goes, and whether it may be coloured, is for `cli` to say.

use std::borrow::Cow;

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Renderer, Snippet};

use super::tree::Place;
use crate::units::{Diagnostic, Diagnostics, Severity, SourceMap};

/// More than this many are counted, not shown: nobody mends a thousand faults from one listing.
const MAX_SHOWN: usize = 100;

/// A line of source is shown in this many columns; the renderer cuts what is longer around the caret.
const MAX_COLUMNS: usize = 200;

/// A line of more bytes than this is cut before the renderer sees it, which would take it apart character by character.
const MAX_LINE_BYTES: usize = 16 << 10;

/// How many characters stay before and after the caret of such a line.
const KEPT: usize = 300;

/// How many lines apart two places may be to be shown in one piece of source.
const MAX_APART: usize = 40;

/// All diagnostics, one after the other, and a last line that counts them. Empty when there are none.
#[must_use]
pub fn render(diagnostics: &Diagnostics, sources: &SourceMap, colour: bool) -> String {
    let list = &diagnostics.list;
    if list.is_empty() {
        return String::new();
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.term_width(MAX_COLUMNS);
    let mut out = String::new();
    for d in list.iter().take(MAX_SHOWN) {
        out.push_str(&one(d, sources, &renderer));
        out.push_str("\n\n");
    }
    if list.len() > MAX_SHOWN {
        out.push_str(&format!("and {} more that are not shown\n", list.len() - MAX_SHOWN));
    }
    out.push_str(&summary(diagnostics));
    out.push('\n');
    out
}

/// `3 errors`, `1 error, 2 warnings`.
#[must_use]
pub fn summary(diagnostics: &Diagnostics) -> String {
    let count = |severity, word: &str| match diagnostics.list.iter().filter(|d| d.severity == severity).count() {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let parts: Vec<String> =
        [count(Severity::Error, "error"), count(Severity::Warning, "warning")].into_iter().flatten().collect();
    parts.join(", ")
}

fn one(d: &Diagnostic, sources: &SourceMap, renderer: &Renderer) -> String {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(d.message.as_str()));
    if let Some(at) = d.at {
        let first = Mark { at, label: &d.label, kind: AnnotationKind::Primary };
        let second =
            d.also.as_ref().map(|(id, span, label)| Mark { at: (*id, *span), label, kind: AnnotationKind::Context });
        for element in places(&first, second.as_ref(), sources) {
            group = group.element(element);
        }
    }
    for help in &d.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let text = renderer.render(&[group]);
    if d.at.is_some() || d.help.is_empty() { text } else { closed(&text) }
}

/// Without the bar that parts help from source, where there is no source: the last line before the first help.
fn closed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let bar = lines.iter().position(|l| plain(l).trim_end() == " |");
    let kept = lines.iter().enumerate().filter(|(i, _)| Some(*i) != bar).map(|(_, l)| *l);
    kept.collect::<Vec<_>>().join("\n")
}

/// A line without its colours (`ESC [ … m`).
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    out + rest
}

/// A place and what is said of it.
struct Mark<'a> {
    at: Place,
    label: &'a str,
    kind: AnnotationKind,
}

/// Whole lines of a source, and where they begin in it.
struct Excerpt<'a> {
    text: &'a str,
    start: usize,
    first_line: usize,
}

fn places<'a>(first: &Mark<'a>, second: Option<&Mark<'a>>, sources: &'a SourceMap) -> Vec<Element<'a>> {
    let Some(second) = second else { return alone(first, sources) };
    if let Some(both) = together(first, second, sources) {
        return both;
    }
    let mut out = alone(first, sources);
    out.extend(alone(second, sources));
    out
}

/// Both places in one piece of source, if they are near each other.
fn together<'a>(first: &Mark<'a>, second: &Mark<'a>, sources: &'a SourceMap) -> Option<Vec<Element<'a>>> {
    if first.at.0 != second.at.0 {
        return None;
    }
    let (a, b) = (excerpt(first.at, sources), excerpt(second.at, sources));
    let (low, high) = if a.start <= b.start { (&a, &b) } else { (&b, &a) };
    let text = &sources.get(first.at.0).text[low.start..high.start + high.text.len()];
    if text.lines().take(MAX_APART + 2).count() > MAX_APART || text.lines().any(|l| l.len() > MAX_COLUMNS) {
        return None;
    }
    let whole = Excerpt { text, start: low.start, first_line: low.first_line };
    let snippet = Snippet::source(text)
        .line_start(whole.first_line)
        .path(sources.get(first.at.0).name.as_str())
        .annotation(annotation(first, &whole, text, whole.start))
        .annotation(annotation(second, &whole, text, whole.start));
    Some(vec![snippet.into()])
}

fn alone<'a>(mark: &Mark<'a>, sources: &'a SourceMap) -> Vec<Element<'a>> {
    let excerpt = excerpt(mark.at, sources);
    let (text, start) = shortened(&excerpt, mark.at.1.start as usize);
    let annotation = annotation(mark, &excerpt, &text, start);
    let name = sources.get(mark.at.0).name.as_str();
    // The renderer counts columns in the text it is given: of a line that was cut, the true one is said apart.
    let path: Cow<'a, str> = if start == excerpt.start {
        name.into()
    } else {
        format!("{name} (column {} of a long line)", sources.line_col(mark.at.0, mark.at.1.start).1).into()
    };
    vec![Snippet::source(text).line_start(excerpt.first_line).path(path).annotation(annotation).into()]
}

/// The line that a place begins on.
fn excerpt(at: Place, sources: &SourceMap) -> Excerpt<'_> {
    let text = sources.get(at.0).text.as_ref();
    let mut byte = (at.1.start as usize).min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let mut start = text[..byte].rfind('\n').map_or(0, |i| i + 1);
    // The end of a text that ends its last line is shown on that line, not on the empty one after it.
    if start == text.len() && start > 0 {
        start = text[..start - 1].rfind('\n').map_or(0, |i| i + 1);
    }
    let len = text[start..].find('\n').unwrap_or(text.len() - start);
    let line = text[start..start + len].trim_end_matches('\r');
    let (first_line, _) = sources.line_col(at.0, start as u32);
    Excerpt { text: line, start, first_line }
}

/// The line, or what is around the caret of a very long one; and the byte of the source at which the text begins. Where
/// the text has been cut there is an ellipsis, which belongs to the text.
fn shortened<'a>(excerpt: &Excerpt<'a>, caret: usize) -> (Cow<'a, str>, usize) {
    if excerpt.text.len() <= MAX_LINE_BYTES {
        return (excerpt.text.into(), excerpt.start);
    }
    let mut at = caret.saturating_sub(excerpt.start).min(excerpt.text.len());
    while !excerpt.text.is_char_boundary(at) {
        at -= 1;
    }
    let begin = excerpt.text[..at].char_indices().rev().nth(KEPT).map_or(0, |(i, _)| i);
    let rest = &excerpt.text[begin..];
    let end = rest.char_indices().nth(2 * KEPT).map_or(rest.len(), |(i, _)| i);
    let lead = if begin > 0 { "…" } else { "" };
    let tail = if end < rest.len() { "…" } else { "" };
    // The start is set back by the ellipsis, so that offsets into the source become offsets into this text.
    let start = (excerpt.start + begin).wrapping_sub(lead.len());
    (format!("{lead}{}{tail}", &rest[..end]).into(), start)
}

fn annotation<'a>(mark: &Mark<'a>, excerpt: &Excerpt<'_>, text: &str, start: usize) -> Annotation<'a> {
    let line_end = {
        let from = (mark.at.1.start as usize).saturating_sub(excerpt.start).min(excerpt.text.len());
        let bytes = excerpt.text.as_bytes();
        excerpt.start + bytes[from..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| from + i)
    };
    // Only the first line of a place that has several: carets under a whole record say nothing.
    let end = (mark.at.1.end as usize).min(line_end);
    let inside = |byte: usize| {
        let mut i = byte.wrapping_sub(start).min(text.len());
        while !text.is_char_boundary(i) {
            i -= 1;
        }
        i
    };
    let from = inside(mark.at.1.start as usize);
    let to = inside(end).max(from);
    let annotation = mark.kind.span(from..to);
    if mark.label.is_empty() { annotation } else { annotation.label(mark.label) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    fn span(text: &str, word: &str) -> Span {
        let start = text.find(word).expect(word) as u32;
        Span { start, end: start + word.len() as u32 }
    }

    fn show(list: Vec<Diagnostic>, sources: &SourceMap) -> String {
        render(&Diagnostics { list }, sources, false)
    }

    #[test]
    fn one_place_with_help() {
        let text = "(\n  pools: [\n    (name: \"é\", ndoes: 8),\n  ],\n)\n";
        let mut sources = SourceMap::default();
        let id = sources.add("fleet.ron", text);
        let d = Diagnostic::error("unknown field `ndoes` in `pools.é`")
            .at(id, span(text, "ndoes"), "`Pool` has no such field")
            .help("did you mean `nodes`?")
            .help("fields of `Pool`: name, nodes");
        assert_eq!(
            show(vec![d], &sources),
            "\
error: unknown field `ndoes` in `pools.é`
 --> fleet.ron:3:17
  |
3 |     (name: \"é\", ndoes: 8),
  |                 ^^^^^ `Pool` has no such field
  |
  = help: did you mean `nodes`?
  = help: fields of `Pool`: name, nodes

1 error
"
        );
    }

    #[test]
    fn help_without_a_place_follows_at_once() {
        let d = Diagnostic::error("cannot read `a|b`\nat all").help("is the path right?").help("or the name?");
        let text = "\
error: cannot read `a|b`
       at all
 = help: is the path right?
 = help: or the name?

1 error
";
        assert_eq!(show(vec![d.clone()], &SourceMap::default()), text);
        // In colour it is the same but for the colours.
        let coloured = render(&Diagnostics { list: vec![d] }, &SourceMap::default(), true);
        assert!(coloured.contains('\u{1b}'));
        assert_eq!(plain(&coloured), text);
        // A bar of a message's own stays.
        let d = Diagnostic::error("a\n|\nb").help("c");
        assert_eq!(show(vec![d], &SourceMap::default()), "error: a\n       |\n       b\n = help: c\n\n1 error\n");
    }

    #[test]
    fn two_places_near_and_far() {
        let mut text = "a: 1\n".to_owned();
        for i in 0..100 {
            text.push_str(&format!("k{i}: {i}\n"));
        }
        text.push_str("a: 2\n");
        let mut sources = SourceMap::default();
        let id = sources.add("f.yaml", text.as_str());
        let other = sources.add("--set", "b=1");
        let near = Diagnostic::error("near").at(id, span(&text, "k3"), "here").also(id, span(&text, "k1"), "first");
        let last = text.len() as u32 - 5;
        let far = Diagnostic::warning("far").at(id, Span { start: last, end: last + 1 }, "again").also(
            id,
            Span { start: 0, end: 1 },
            "first",
        );
        let two =
            Diagnostic::warning("two").at(other, Span { start: 0, end: 1 }, "here").also(id, span(&text, "k1"), "");
        assert_eq!(
            show(vec![near, far, two], &sources),
            "\
error: near
 --> f.yaml:5:1
  |
3 | k1: 1
  | -- first
4 | k2: 2
5 | k3: 3
  | ^^ here

warning: far
   --> f.yaml:102:1
    |
102 | a: 2
    | ^ again
    |
   ::: f.yaml:1:1
    |
  1 | a: 1
    | - first

warning: two
 --> --set:1:1
  |
1 | b=1
  | ^ here
  |
 ::: f.yaml:3:1
  |
3 | k1: 1
  | --

1 error, 2 warnings
"
        );
    }

    #[test]
    fn a_row_of_a_large_file_keeps_its_line_number() {
        let mut sources = SourceMap::default();
        let id = sources.add_piece("openb.csv", "a,b,-3", 8_152);
        let d = Diagnostic::error("`gpus` must not be negative").at(id, Span { start: 4, end: 6 }, "negative");
        assert!(show(vec![d], &sources).contains(" --> openb.csv:8152:5\n"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        for n in [500usize, 100_000] {
            let text = format!("{}X{}", "é".repeat(n), "y".repeat(n));
            let mut sources = SourceMap::default();
            let id = sources.add("f", text.as_str());
            let d = Diagnostic::error("m").at(id, span(&text, "X"), "here");
            let shown = show(vec![d], &sources);
            assert!(shown.contains(&format!("{}", n + 1)), "{shown}");
            assert!(shown.lines().all(|l| l.chars().count() <= MAX_COLUMNS + 20), "{shown}");
            // The caret stands under what it means.
            let lines: Vec<Vec<char>> = shown.lines().map(|l| l.chars().collect()).collect();
            let row = lines.iter().position(|l| l.contains(&'X')).expect("the line");
            let x = lines[row].iter().position(|c| *c == 'X');
            assert_eq!(lines[row + 1].iter().position(|c| *c == '^'), x, "{shown}");
        }
    }

    #[test]
    fn odd_places_do_not_hurt() {
        let mut sources = SourceMap::default();
        let empty = sources.add("empty", "");
        let text = sources.add("t", "aé\nb\r\n");
        let at = |id, start, end| Diagnostic::error("m").at(id, Span { start, end }, "l");
        for d in [
            at(empty, 0, 0),
            at(empty, 5, 9),
            at(text, 2, 2),
            at(text, 2, 7),
            at(text, 7, 7),
            at(text, 99, 3),
            at(text, 5, 1),
            Diagnostic::error("no place"),
        ] {
            let shown = show(vec![d], &sources);
            assert!(shown.starts_with("error: ") && shown.ends_with("1 error\n"), "{shown}");
        }
        assert_eq!(show(Vec::new(), &sources), "");
        let many = vec![Diagnostic::error("m"); 1000];
        assert!(show(many, &sources).ends_with("and 900 more that are not shown\n1000 errors\n"));
    }

    #[test]
    fn colour_is_asked_for() {
        let list = Diagnostics { list: vec![Diagnostic::error("m")] };
        let sources = SourceMap::default();
        assert!(render(&list, &sources, true).contains('\u{1b}'));
        assert!(!render(&list, &sources, false).contains('\u{1b}'));
    }
}
