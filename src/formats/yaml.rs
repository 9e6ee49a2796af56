//! YAML 1.2 with the core schema, several documents a file, anchors and aliases. Events and places come from
//! `saphyr-parser`; the tree is built here, so that numbers stay verbatim, duplicate keys are seen, a file nested
//! 100,000 deep costs no stack, and aliases cannot multiply without end.
//!
//! Plain words are typed by the core schema (YAML 1.2.2, section 10.3.2): `no`, `2026-10-01` and `330_000` are text.
//! A local tag is a name: `!Spot {…}` reads as RON's `Spot(…)`.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::tree::{Entry, MAX_DEPTH, Node, Value, duplicate_keys, too_deep};
use crate::units::{Diagnostic, Diagnostics, SourceId, Span};

/// How many nodes aliases may add to a file.
const MAX_ALIASED_NODES: usize = 100_000;

/// Reads `text[from..]` as one YAML document; the tree is absent when the syntax is wrong, and a second document is an
/// error.
#[must_use]
pub fn parse(source: SourceId, text: &str, from: usize) -> (Option<Node>, Diagnostics) {
    let (mut documents, mut out) = parse_documents(source, text, from);
    if let Some(second) = documents.get(1) {
        let (at, span) = second.head();
        out.push(
            Diagnostic::error("a second document in the file")
                .at(at, span, "begins here")
                .help("one document is wanted here: put the other into a file of its own"),
        );
    }
    if documents.is_empty() && !out.has_errors() {
        let end = text.len() as u32;
        out.push(Diagnostic::error("the text is empty").at(source, Span { start: end, end }, "no value here"));
    }
    let first = if documents.is_empty() { None } else { Some(documents.swap_remove(0)) };
    (first, out)
}

/// Reads all documents of a file, as Kubernetes manifests come. Empty documents are left out. None at all when the
/// syntax is wrong anywhere.
#[must_use]
pub fn parse_documents(source: SourceId, text: &str, from: usize) -> (Vec<Node>, Diagnostics) {
    let mut builder = Builder {
        source,
        offsets: Offsets::new(text, from),
        documents: Vec::new(),
        open: Vec::new(),
        anchors: BTreeMap::new(),
        earlier: BTreeSet::new(),
        aliased: 0,
    };
    let mut out = Diagnostics::default();
    for event in Parser::new_from_str(&text[from..]) {
        let fault = match event {
            Ok((event, span)) => builder.event(event, span.start, span.end).err(),
            Err(e) => {
                let span = builder.offsets.span(*e.marker(), *e.marker());
                Some(Box::new(match e.info() {
                    "recursion limit exceeded" => too_deep((source, span)),
                    why => Diagnostic::error(format!("not YAML: {why}"))
                        .at(source, span, "reading stopped here")
                        .help(advice(why)),
                }))
            }
        };
        if let Some(fault) = fault {
            out.push(*fault);
            return (Vec::new(), out);
        }
    }
    for document in &builder.documents {
        duplicate_keys(document, &mut out);
    }
    (builder.documents, out)
}

/// What to do about a fault of the parser, in whose words the cause is often further up.
fn advice(why: &str) -> &'static str {
    if why.contains("tab") {
        "indent with spaces: YAML does not allow tabs there"
    } else if why.contains("anchor") {
        "an alias (*name) repeats what an anchor (&name) marked further up"
    } else {
        "is the indentation of this line and of those above it the same for all entries of a list or map?"
    }
}

type Step = Result<(), Box<Diagnostic>>;

/// A list or map whose end has not come yet.
struct Open {
    start: Span,
    anchor: usize,
    tag: Option<String>,
    items: Vec<Node>,
    /// Maps hold keys and values in turn.
    map: bool,
}

struct Builder<'a> {
    source: SourceId,
    offsets: Offsets<'a>,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    /// Anchors of documents that are over.
    earlier: BTreeSet<usize>,
    aliased: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, start: Marker, end: Marker) -> Step {
        let span = self.offsets.span(start, end);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, tag.as_deref(), span)?;
                self.complete(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.begin(anchor, tag.as_deref(), span, false),
            Event::MappingStart(anchor, tag) => self.begin(anchor, tag.as_deref(), span, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(id) => self.alias(id, span),
            Event::DocumentStart(_) => {
                self.earlier.extend(std::mem::take(&mut self.anchors).into_keys());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn error(&self, message: impl Into<String>, span: Span, label: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(message).at(self.source, span, label))
    }

    /// The name of a local tag; nothing for tags of the core schema.
    fn local_tag(&self, tag: Option<&Tag>, span: Span) -> Result<Option<String>, Box<Diagnostic>> {
        match tag {
            Some(t) if t.handle == "!" && !t.suffix.is_empty() => Ok(Some(t.suffix.clone())),
            Some(t) if t.handle.is_empty() && t.suffix == "!" => Ok(None),
            Some(t) if !t.is_yaml_core_schema() => {
                Err(self.error(format!("unknown tag `{}{}`", t.handle, t.suffix), span, "not a tag that is used here"))
            }
            _ => Ok(None),
        }
    }

    fn begin(&mut self, anchor: usize, tag: Option<&Tag>, start: Span, map: bool) -> Step {
        let tag = self.local_tag(tag, start)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(Box::new(too_deep((self.source, start))));
        }
        self.open.push(Open { start, anchor, tag, items: Vec::new(), map });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Step {
        let Some(open) = self.open.pop() else { return Ok(()) };
        // A block ends where the next thing begins: its last item says better where it stopped being written.
        let last = open.items.last().map_or(open.start.end, |n| n.at.1.end);
        let end = if span.end > span.start { span.end } else { last };
        let at = (self.source, Span { start: open.start.start, end: end.max(open.start.start) });
        let value = if open.map {
            let mut entries = Vec::with_capacity(open.items.len() / 2);
            let mut items = open.items.into_iter();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                entries.push(Entry { key, value });
            }
            Value::Map(entries)
        } else {
            Value::List(open.items)
        };
        let node = tagged(Node::new(value, at), open.tag);
        self.complete(node, open.anchor)
    }

    /// A finished node goes into what is open around it, or is a document.
    fn complete(&mut self, node: Node, anchor: usize) -> Step {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None if node.value == Value::Null => {}
            None => self.documents.push(node),
        }
        Ok(())
    }

    /// An alias is a copy that keeps the places of the original, where a fault in it must be mended.
    fn alias(&mut self, id: usize, span: Span) -> Step {
        let Some(node) = self.anchors.get(&id) else {
            if self.earlier.contains(&id) {
                let message = "an alias to what another document marked";
                let d = self.error(message, span, "its anchor is before a `---`");
                return Err(Box::new(d.help("anchors hold within one document: repeat the value here")));
            }
            return Err(self.error("an alias inside what it names", span, "refers to itself"));
        };
        let node = node.clone();
        if self.open.len() + node.depth() > MAX_DEPTH {
            return Err(Box::new(too_deep((self.source, span))));
        }
        self.aliased += count(&node);
        if self.aliased > MAX_ALIASED_NODES {
            let message = format!("aliases repeat more than {MAX_ALIASED_NODES} values");
            return Err(self.error(message, span, "one too many"));
        }
        self.complete(node, 0)
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Node, Box<Diagnostic>> {
        let local = self.local_tag(tag, span)?;
        let at = (self.source, span);
        let core = tag.filter(|t| t.is_yaml_core_schema()).map(|t| t.suffix.as_str());
        let value = match core {
            Some("str") => Value::Text(text.to_owned()),
            Some(kind) => match (kind, plain(text)) {
                ("int" | "float", v @ Value::Number(_)) | ("bool", v @ Value::Bool(_)) | ("null", v @ Value::Null) => v,
                _ => return Err(self.error(format!("`{text}` is not what `!!{kind}` says"), span, "wrong tag")),
            },
            None if style != ScalarStyle::Plain || tag.is_some_and(|t| t.suffix == "!") => Value::Text(text.to_owned()),
            None => plain(text),
        };
        // `!Name` alone is a bare name.
        if let (Some(name), Value::Null) = (&local, &value) {
            let value = Value::Tagged { name: name.clone(), name_span: span, body: None };
            return Ok(Node::new(value, at));
        }
        Ok(tagged(Node::new(value, at), local))
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|e| count(&e.key) + count(&e.value)).sum(),
        Value::Tagged { body: Some(body), .. } => count(body),
        _ => 0,
    }
}

/// `!Name value`: a map is the body of `Name(k: v)`, anything else the one argument of `Name(x)`.
fn tagged(node: Node, tag: Option<String>) -> Node {
    let Some(name) = tag else { return node };
    let at = node.at;
    let body = match node.value {
        Value::Map(_) => node,
        _ => Node::new(Value::List(vec![node]), at),
    };
    Node::new(Value::Tagged { name, name_span: at.1, body: Some(Box::new(body)) }, at)
}

/// What an unquoted word is by the core schema (YAML 1.2.2, section 10.3.2).
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if let Some(octal) = text.strip_prefix("0o") {
        return !octal.is_empty() && octal.bytes().all(|b| (b'0'..=b'7').contains(&b));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let t = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(t, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let (mantissa, exponent) = t.split_once(['e', 'E']).map_or((t, None), |(m, e)| (m, Some(e)));
    if exponent.is_some_and(|e| !digits(e.strip_prefix(['-', '+']).unwrap_or(e))) {
        return false;
    }
    match mantissa.split_once('.') {
        None => digits(mantissa),
        Some((whole, "")) => digits(whole),
        Some((whole, frac)) => (whole.is_empty() || digits(whole)) && digits(frac),
    }
}

/// From the parser's character counts to bytes: the byte of every 256th character is kept.
struct Offsets<'a> {
    text: &'a str,
    from: usize,
    ascii: bool,
    marks: Vec<usize>,
}

impl Offsets<'_> {
    const STEP: usize = 256;

    fn new(text: &str, from: usize) -> Offsets<'_> {
        let text = &text[from..];
        let ascii = text.is_ascii();
        let marks = if ascii { Vec::new() } else { text.char_indices().step_by(Self::STEP).map(|(i, _)| i).collect() };
        Offsets { text, from, ascii, marks }
    }

    fn byte(&self, index: usize) -> usize {
        if self.ascii {
            return self.from + index.min(self.text.len());
        }
        let Some(&mark) = self.marks.get(index / Self::STEP) else { return self.from + self.text.len() };
        let rest = &self.text[mark..];
        self.from + mark + rest.char_indices().nth(index % Self::STEP).map_or(rest.len(), |(i, _)| i)
    }

    /// The bytes between two marks, without the white space at the end that a plain word may drag along.
    fn span(&self, start: Marker, end: Marker) -> Span {
        let (start, end) = (self.byte(start.index()), self.byte(end.index()));
        let end = end.max(start);
        let kept = self.text[start - self.from..end - self.from].trim_end().len();
        Span { start: start as u32, end: (start + kept) as u32 }
    }
}

#[cfg(test)]
mod tests;
