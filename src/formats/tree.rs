//! The spanned tree: what a RON, JSON or YAML text says, with the place of every word.
//!
//! *Invariant:* nothing is interpreted. Numbers keep the letters they were written with, maps keep their order, and a
//! name that may be an enum variant, a unit struct or forgotten quotes stays a name until a type is known.

use rustc_hash::FxHashMap;

use crate::units::{Diagnostic, Diagnostics, SourceId, Span};

/// Bytes of a source.
pub type Place = (SourceId, Span);

/// The deepest nesting that is read. Scenarios need about ten; the limit keeps recursive code off the end of the stack.
pub const MAX_DEPTH: usize = 128;

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What was written.
    pub value: Value,
    /// Where.
    pub at: Place,
    /// Written in an override (`--set`, a variant), where quotes may be left out: a word or a number may stand for text.
    pub loose: bool,
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// RON `None`; JSON and YAML null.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number, verbatim: `330_000`, `1e-3`, `0x1F`, `8u32`, `inf`.
    Number(String),
    /// Text, escapes resolved.
    Text(String),
    /// `[a, b]` in all syntaxes; `(a, b)` in RON.
    List(Vec<Node>),
    /// `{k: v}` in all syntaxes; `(k: v)` and `()` in RON. In the order of the text, duplicates included.
    Map(Vec<Entry>),
    /// RON's named forms `Name`, `Name(a, b)`, `Name(k: v)`; YAML's `!Name value`.
    Tagged {
        /// The name.
        name: String,
        /// Where the name is.
        name_span: Span,
        /// Absent for a bare name; a [`Value::Map`] for `Name(k: v)` and `Name()`; a [`Value::List`] of the arguments
        /// for `Name(a, b)`.
        body: Option<Box<Node>>,
    },
}

/// One `key: value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Mostly [`Value::Text`]; any value in RON's `{ }` and in YAML.
    pub key: Node,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A value at a place.
    #[must_use]
    pub fn new(value: Value, at: Place) -> Node {
        Node { value, at, loose: false }
    }

    /// The node as the text of a key: text itself, or a bare name.
    #[must_use]
    pub fn key_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(t) | Value::Number(t) | Value::Tagged { name: t, body: None, .. } => Some(t),
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// The text, if that is what it is.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(t) => Some(t),
            _ => None,
        }
    }

    /// The entries of a map, or of a named map `Name(k: v)`.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Tagged { body: Some(body), .. } => match &body.value {
                Value::Map(entries) => Some(entries),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value of a key of a map or a named map; the last one when the key is there twice.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().rev().find(|e| e.key.key_text() == Some(key)).map(|e| &e.value)
    }

    /// The words that name the node: the name of a named form, the opening bracket of a list or map, all of a scalar.
    /// A caret under a whole record of many lines helps nobody.
    #[must_use]
    pub fn head(&self) -> Place {
        let (source, span) = self.at;
        match &self.value {
            Value::Tagged { name_span, .. } => (source, *name_span),
            Value::Map(entries) => match entries.first() {
                // A YAML block begins with its first key, which is as good a place as a bracket.
                Some(first) if first.key.at.1.start == span.start => first.key.at,
                _ => (source, Span { start: span.start, end: span.end.min(span.start + 1) }),
            },
            Value::List(_) => (source, Span { start: span.start, end: span.end.min(span.start + 1) }),
            _ => self.at,
        }
    }

    /// What was found, for a message: `` `OnDemand` ``, `the number 8`, `the text "abc"`, `a list of 3`.
    #[must_use]
    pub fn found(&self) -> String {
        match &self.value {
            Value::Null => "nothing (null)".to_owned(),
            Value::Bool(b) => format!("`{b}`"),
            Value::Number(n) => format!("the number {}", shorten(n)),
            Value::Text(t) => format!("the text \"{}\"", shorten(t)),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Map(_) => "a record".to_owned(),
            Value::Tagged { name, body: None, .. } => format!("`{}`", shorten(name)),
            Value::Tagged { name, .. } => format!("`{}(…)`", shorten(name)),
        }
    }

    /// How many levels of lists, maps and named bodies there are, 0 for a scalar.
    #[must_use]
    pub fn depth(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.iter().map(|e| e.key.depth().max(e.value.depth())).max().unwrap_or(0),
            Value::Tagged { body: Some(body), .. } => body.depth().max(1),
            _ => 0,
        }
    }

    /// Calls `f` on this node and all below it.
    pub fn walk_mut(&mut self, f: &mut impl FnMut(&mut Node)) {
        f(self);
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|n| n.walk_mut(f)),
            Value::Map(entries) => entries.iter_mut().for_each(|e| {
                e.key.walk_mut(f);
                e.value.walk_mut(f);
            }),
            Value::Tagged { body: Some(body), .. } => body.walk_mut(f),
            _ => {}
        }
    }
}

/// At most 40 characters of a text that goes into a message, on one line.
#[must_use]
pub fn shorten(text: &str) -> String {
    let mut out: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        out.push('…');
    }
    out
}

/// Reports every key that a map has twice, with both places. Serde-based readers silently keep the last.
pub(super) fn duplicate_keys(node: &Node, out: &mut Diagnostics) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|n| duplicate_keys(n, out)),
        Value::Tagged { body: Some(body), .. } => duplicate_keys(body, out),
        Value::Map(entries) => {
            let mut seen: FxHashMap<String, Place> = FxHashMap::default();
            for entry in entries {
                let key = match entry.key.key_text() {
                    Some(text) => text.to_owned(),
                    None => outline(&entry.key),
                };
                if let Some((source, first)) = seen.get(&key) {
                    let (at, span) = entry.key.at;
                    out.push(
                        Diagnostic::error(format!("`{}` is given twice", shorten(&key)))
                            .at(at, span, "given again here")
                            .also(*source, *first, "first given here")
                            .help("keep one of them"),
                    );
                } else {
                    seen.insert(key, entry.key.at);
                }
                duplicate_keys(&entry.key, out);
                duplicate_keys(&entry.value, out);
            }
        }
        _ => {}
    }
}

/// The diagnostic for nesting beyond [`MAX_DEPTH`].
pub(super) fn too_deep(at: Place) -> Diagnostic {
    Diagnostic::error(format!("nested more than {MAX_DEPTH} levels deep"))
        .at(at.0, at.1, "this is one level too many")
        .help("is a closing bracket missing further up?")
}

/// The tree without places, in one line: `(map (k v))`. For comparing keys and trees.
#[must_use]
pub fn outline(node: &Node) -> String {
    let mut out = String::new();
    write_outline(node, &mut out);
    out
}

fn write_outline(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(n),
        Value::Text(t) => out.push_str(&format!("{t:?}")),
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                write_outline(item, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (i, e) in entries.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                write_outline(&e.key, out);
                out.push(':');
                write_outline(&e.value, out);
            }
            out.push('}');
        }
        Value::Tagged { name, body, .. } => {
            out.push_str(name);
            if let Some(body) = body {
                write_outline(body, out);
            }
        }
    }
}
