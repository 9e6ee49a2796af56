//! Reading bytes into spanned trees and rows. No meaning here.
//!
//! - [`tree`]: what a RON, JSON or YAML text says, with the place of every word;
//! - [`parse`]: from a text to its tree, all faults reported together;
//! - [`set`]: overrides by name, applied to a tree;
//! - [`rows`]: CSV and JSON lines, plain or compressed, row by row in constant memory;
//! - [`render`]: diagnostics as text for people.
//!
//! *Invariant:* nothing here knows what a pool or a trace is.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::units::{Diagnostic, Diagnostics, SourceId, SourceMap, Span};

pub mod json;
pub mod render;
pub mod ron;
pub mod rows;
pub mod set;
pub mod tree;
pub mod yaml;

pub use tree::{Entry, Node, Place, Value};

/// The largest text that is read whole.
pub const MAX_TEXT_BYTES: u64 = 64 << 20;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Rusty Object Notation, the native form of scenarios.
    Ron,
    /// JSON, strict.
    Json,
    /// YAML 1.2.
    Yaml,
}

impl Syntax {
    /// By the ending of a file's name.
    ///
    /// # Errors
    /// A diagnostic that lists the endings that are known.
    pub fn from_path(path: &Path) -> Result<Syntax, Diagnostics> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match ending.as_str() {
            "ron" => Ok(Syntax::Ron),
            "json" => Ok(Syntax::Json),
            "yaml" | "yml" => Ok(Syntax::Yaml),
            _ => Err(Diagnostic::error(format!("`{}` has no ending that says how it is written", path.display()))
                .help("name it .ron, .json, .yaml or .yml")
                .into()),
        }
    }
}

/// Reads a whole text file into the map.
///
/// # Errors
/// A diagnostic when it cannot be opened or read, is larger than [`MAX_TEXT_BYTES`] or is not UTF-8.
pub fn read_text(path: &Path, sources: &mut SourceMap) -> Result<SourceId, Diagnostics> {
    let name = path.display().to_string();
    let fault = |e: std::io::Error| Diagnostics::from(rows::cannot_read(&name, &e));
    let file = File::open(path).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    text_from_bytes(&name, bytes, sources)
}

/// Takes bytes as a text into the map. A byte order mark at the beginning stays, and is skipped when the text is parsed.
///
/// # Errors
/// A diagnostic when there are more than [`MAX_TEXT_BYTES`] or they are not UTF-8, which then says the line and the byte.
pub fn text_from_bytes(name: &str, bytes: Vec<u8>, sources: &mut SourceMap) -> Result<SourceId, Diagnostics> {
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        return Err(Diagnostic::error(format!("`{name}` is larger than {} MiB", MAX_TEXT_BYTES >> 20))
            .help("a text that is read whole is small: keep data in files of its own, CSV or JSON lines")
            .into());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(sources.add(name, text)),
        Err(e) => {
            let at = e.utf8_error().valid_up_to();
            let bytes = e.as_bytes();
            let start = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
            let end = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| at + i);
            let line = bytes[..start].iter().filter(|b| **b == b'\n').count() + 1;
            let byte = bytes[at];
            // The line is shown with the bad bytes replaced; what precedes them keeps its place.
            let id = sources.add_piece(name, String::from_utf8_lossy(&bytes[start..end]).into_owned(), line);
            let bad = (at - start) as u32;
            let mut d = Diagnostic::error(format!("not UTF-8 text: byte {at} is 0x{byte:02X}")).at(
                id,
                Span { start: bad, end: bad + 3 },
                "not UTF-8 from here",
            );
            d = match (bytes.first(), bytes.get(1)) {
                (Some(0x1f), Some(0x8b)) => d.help("this is a gzip file: unpack it"),
                (Some(0xff), Some(0xfe)) | (Some(0xfe), Some(0xff)) => d.help("this is UTF-16: save it as UTF-8"),
                _ => d.help("save the file as UTF-8"),
            };
            Err(d.into())
        }
    }
}

/// Reads a text of the map into its tree. The tree is absent when the syntax is wrong anywhere; duplicate keys are
/// errors that leave a tree.
#[must_use]
pub fn parse(id: SourceId, sources: &SourceMap, syntax: Syntax) -> (Option<Node>, Diagnostics) {
    let text = sources.get(id).text.as_ref();
    let from = after_mark(text);
    match syntax {
        Syntax::Ron => ron::parse(id, text, from),
        Syntax::Json => json::parse(id, text, from),
        Syntax::Yaml => yaml::parse(id, text, from),
    }
}

/// Reads a text that may hold several documents: all of a YAML stream, the one of RON and JSON.
#[must_use]
pub fn parse_documents(id: SourceId, sources: &SourceMap, syntax: Syntax) -> (Vec<Node>, Diagnostics) {
    let text = sources.get(id).text.as_ref();
    if syntax == Syntax::Yaml {
        return yaml::parse_documents(id, text, after_mark(text));
    }
    let (node, out) = parse(id, sources, syntax);
    (node.into_iter().collect(), out)
}

/// Past the byte order mark, if there is one.
fn after_mark(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_told_with_line_and_byte() {
        let mut sources = SourceMap::default();
        let out = text_from_bytes("f.ron", b"(\n  a: \"x\xffy\",\n)".to_vec(), &mut sources).expect_err("not UTF-8");
        assert_eq!(out.list[0].message, "not UTF-8 text: byte 9 is 0xFF");
        let (id, span) = out.list[0].at.expect("a place");
        assert_eq!(sources.line_col(id, span.start), (2, 8));
        for (bytes, help) in [(&b"\x1f\x8b\x08"[..], "gzip"), (&b"\xff\xfe(\0"[..], "UTF-16"), (&b"\xe9"[..], "UTF-8")]
        {
            let out = text_from_bytes("f", bytes.to_vec(), &mut sources).expect_err("not UTF-8");
            assert!(out.list[0].help[0].contains(help));
        }
        let large = vec![b' '; MAX_TEXT_BYTES as usize + 1];
        let out = text_from_bytes("f", large, &mut sources).expect_err("too large");
        assert_eq!(out.list[0].message, "`f` is larger than 64 MiB");
        let out = read_text(Path::new("/nowhere/f.ron"), &mut sources).expect_err("no file");
        assert_eq!(out.list[0].message, "cannot read `/nowhere/f.ron`: no such file or directory");
    }

    #[test]
    fn the_ending_says_the_syntax() {
        for (name, syntax) in
            [("a.ron", Syntax::Ron), ("b.JSON", Syntax::Json), ("c.yml", Syntax::Yaml), ("d.x.yaml", Syntax::Yaml)]
        {
            assert_eq!(Syntax::from_path(Path::new(name)), Ok(syntax));
        }
        for name in ["a", "a.txt", ".ron"] {
            assert!(Syntax::from_path(Path::new(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn empty_texts_and_byte_order_marks_are_the_same_in_all_syntaxes() {
        for syntax in [Syntax::Ron, Syntax::Json, Syntax::Yaml] {
            for text in ["", " \n\n", "\u{feff}", "\u{feff}\n"] {
                let mut sources = SourceMap::default();
                let id = sources.add("f", text);
                let (node, out) = parse(id, &sources, syntax);
                assert!(node.is_none());
                assert_eq!(
                    out.list.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(),
                    ["the text is empty"],
                    "{text:?}"
                );
            }
            let mut sources = SourceMap::default();
            let id = sources.add("f", "\u{feff}[1, \"é\", 2]");
            let (node, out) = parse(id, &sources, syntax);
            assert_eq!(out.list, []);
            let Some(Node { value: Value::List(items), .. }) = node else { panic!() };
            assert_eq!(items[2].at.1, Span { start: 13, end: 14 });
            assert_eq!(parse_documents(id, &sources, syntax).0.len(), 1);
        }
    }
}
