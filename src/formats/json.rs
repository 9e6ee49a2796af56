//! JSON as it is in RFC 8259: no comments, no trailing commas. Syntax and places come from `jsonc-parser`.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::tree::{Entry, MAX_DEPTH, Node, Value, duplicate_keys, too_deep};
use crate::units::{Diagnostic, Diagnostics, SourceId, Span};

/// Reads `text[from..]` as one JSON value; the tree is absent when the syntax is wrong.
#[must_use]
pub fn parse(source: SourceId, text: &str, from: usize) -> (Option<Node>, Diagnostics) {
    let reader = Reader { source, from, text: &text[from..] };
    if let Some(at) = reader.first_too_deep() {
        return (None, too_deep((source, at)).into());
    }
    let options = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(reader.text, &CollectOptions::default(), &options) {
        Err(e) => {
            let mut message = e.kind().to_string();
            if let Some(first) = message.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            let message = message.trim_end_matches('.').to_owned();
            let range = e.range();
            let end = range.end.max(range.start + 1).min(reader.text.len().max(range.start));
            let help = match e.kind() {
                ParseErrorKind::CommentsNotAllowed => "remove it: RON (.ron) and YAML (.yaml) have comments",
                ParseErrorKind::TrailingCommasNotAllowed => "remove the comma",
                ParseErrorKind::UnterminatedArray => "add the closing `]`",
                ParseErrorKind::UnterminatedObject => "add the closing `}`",
                _ => "JSON has names and text in double quotes, commas between entries, and nothing else",
            };
            let d =
                Diagnostic::error(format!("not JSON: {message}")).at(source, reader.span(range.start, end), message);
            (None, d.help(help).into())
        }
        Ok(parsed) => match parsed.value {
            None => {
                let end = reader.text.len();
                let d = Diagnostic::error("the text is empty").at(source, reader.span(end, end), "no value here");
                (None, d.into())
            }
            Some(value) => {
                let node = reader.node(&value);
                let mut out = Diagnostics::default();
                duplicate_keys(&node, &mut out);
                (Some(node), out)
            }
        },
    }
}

struct Reader<'a> {
    source: SourceId,
    from: usize,
    text: &'a str,
}

impl Reader<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        Span { start: (start + self.from) as u32, end: (end + self.from) as u32 }
    }

    /// The first bracket that is nested too deep. The parser has a limit of its own, which would allow more.
    fn first_too_deep(&self) -> Option<Span> {
        let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
        for (i, b) in self.text.bytes().enumerate() {
            match b {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'[' | b'{' if !quoted => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Some(self.span(i, i + 1));
                    }
                }
                b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        None
    }

    fn node(&self, value: &ast::Value<'_>) -> Node {
        let range = value.range();
        let at = (self.source, self.span(range.start, range.end));
        let value = match value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(b) => Value::Bool(b.value),
            ast::Value::NumberLit(n) => Value::Number(n.value.to_owned()),
            ast::Value::StringLit(s) => Value::Text(s.value.to_string()),
            ast::Value::Array(a) => Value::List(a.elements.iter().map(|v| self.node(v)).collect()),
            ast::Value::Object(o) => Value::Map(
                o.properties
                    .iter()
                    .map(|p| {
                        let (text, range) = match &p.name {
                            ast::ObjectPropName::String(s) => (s.value.to_string(), s.range),
                            ast::ObjectPropName::Word(w) => (w.value.to_owned(), w.range),
                        };
                        let at = (self.source, self.span(range.start, range.end));
                        Entry { key: Node::new(Value::Text(text), at), value: self.node(&p.value) }
                    })
                    .collect(),
            ),
        };
        Node::new(value, at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::outline;
    use super::*;
    use crate::units::SourceMap;

    fn read(text: &str) -> (Option<Node>, Diagnostics) {
        let mut map = SourceMap::default();
        let id = map.add("f.json", text);
        parse(id, text, 0)
    }

    fn expected(v: &serde_json::Value) -> String {
        use serde_json::Value as V;
        let join = |v: Vec<String>| v.join(" ");
        match v {
            V::Null => "null".to_owned(),
            V::Bool(b) => b.to_string(),
            V::Number(n) => n.to_string(),
            V::String(s) => format!("{s:?}"),
            V::Array(a) => format!("[{}]", join(a.iter().map(expected).collect())),
            V::Object(o) => format!("{{{}}}", join(o.iter().map(|(k, v)| format!("{k:?}:{}", expected(v))).collect())),
        }
    }

    #[test]
    fn the_tree_is_that_of_serde_json() {
        for text in [r#"{"a": [1, -2, true, null, "x\nA"], "é": {"b": {}}}"#, "[]", "\"\\ud83d\\ude00\"", " 8 "] {
            let (node, out) = read(text);
            assert_eq!(out.list, []);
            let theirs: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(outline(&node.unwrap()), expected(&theirs));
        }
        assert_eq!(outline(&read("1.50e3").0.unwrap()), "1.50e3");
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        for (text, caret) in [
            ("{\"a\": 1,}", ","),
            ("{\"a\": 1 // x\n}", "//"),
            ("{a: 1}", "a"),
            ("[1 2]", ""),
            ("{\"a\": }", "}"),
            ("{\"a\": 'x'}", "'"),
            ("[1] 2", "2"),
            ("", ""),
            ("{\"é\": [1", "["),
        ] {
            let (node, out) = read(text);
            assert!(node.is_none(), "{text}");
            let (_, s) = out.list[0].at.unwrap();
            let under = &text[s.start as usize..s.end as usize];
            assert!(under.starts_with(caret), "{text}: {under:?} {:?}", out.list[0]);
        }
    }

    #[test]
    fn duplicates_and_depth_are_reported() {
        let (node, out) = read("{\"a\": 1, \"a\": 2}");
        assert!(node.is_some());
        assert_eq!(out.list[0].message, "`a` is given twice");
        for open in ["[", "{\"a\":"] {
            assert!(read(&open.repeat(100_000)).1.list[0].message.contains("levels deep"));
        }
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(&deep(MAX_DEPTH)).0.is_some());
        assert!(read(&deep(MAX_DEPTH + 1)).0.is_none());
    }

    proptest! {
        #[test]
        fn we_take_what_serde_json_takes_and_nothing_else(text in "[\\[\\]{},:\"0-2.eE+ atrue/\\\\n-]{0,12}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            let (node, out) = read(&text);
            prop_assert_eq!(node.is_some(), theirs, "{}: {:?}", text, out.list);
        }
    }
}
