//! Our reader of RON: the tree with the place of every word, and all syntax errors of a text at once.
//!
//! The crate `ron` reads values, but stops at the first fault, keeps no places and lets a duplicate key win silently.
//! The grammar is that of `ron` 0.12 (its `docs/grammar.md`), with `implicit_some` and `unwrap_variant_newtypes` on as
//! always; byte strings and ranges are refused. Tests check this reader against `ron` on every sample.

mod lex;
#[cfg(test)]
pub(crate) mod tests;

use lex::{Kind, Token};

use super::tree::{Entry, MAX_DEPTH, Node, Place, Value, duplicate_keys, shorten, too_deep};
use crate::units::{Diagnostic, Diagnostics, SourceId, Span, nearest};

/// More syntax errors than this in one text help nobody: it is probably not RON.
const MAX_ERRORS: usize = 20;

/// Extensions that a file may enable: they are on anyway.
const EXTENSIONS: [&str; 4] = ["unwrap_newtypes", "implicit_some", "unwrap_variant_newtypes", "explicit_struct_names"];

/// Reads `text[from..]` as one RON value.
///
/// The tree is absent when the syntax is wrong anywhere: what recovery guessed would only cause more complaints.
/// Duplicate keys are errors too, but leave a tree.
#[must_use]
pub fn parse(source: SourceId, text: &str, from: usize) -> (Option<Node>, Diagnostics) {
    let mut out = Diagnostics::default();
    let tokens = lex::tokens(text, from, source, &mut out);
    let ended = out.has_errors() && tokens.iter().rev().nth(1).is_some_and(|t| t.kind == Kind::Bad);
    if let Some(first) = tokens.iter().find(|t| lex::over_lines(text, t)).filter(|_| ended) {
        let start = first.span.start;
        // What follows a forgotten quote is read inside out: complaints about it would only mislead.
        if out.list.iter().any(|d| d.at.is_some_and(|(_, s)| s.start == start)) {
            out.list.retain(|d| d.at.is_some_and(|(_, s)| s.start <= start));
            return (None, out);
        }
    }
    let mut parser = Parser { text, source, tokens, at: 0, depth: 0, too_deep: false, ended, out };
    let node = parser.document();
    let mut out = parser.out;
    // The words were read first; the reader's own complaints belong among theirs.
    out.list.sort_by_key(|d| d.at.map(|(_, s)| s.start));
    if out.list.len() > MAX_ERRORS {
        let more = out.list.len() - MAX_ERRORS;
        out.list.truncate(MAX_ERRORS);
        out.push(Diagnostic::error(format!("{more} more errors of syntax are not shown")).help("is this file RON?"));
    }
    if out.has_errors() {
        return (None, out);
    }
    if let Some(node) = &node {
        duplicate_keys(node, &mut out);
    }
    (node, out)
}

struct Parser<'a> {
    text: &'a str,
    source: SourceId,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    too_deep: bool,
    /// The end of the text inside a bracket has been reported, or is the fault of a text or comment never closed.
    ended: bool,
    out: Diagnostics,
}

/// What a value is called in "expected …".
const A_VALUE: &str = "a value";

impl Parser<'_> {
    fn token(&self) -> Token {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    fn kind_ahead(&self, n: usize) -> Kind {
        self.tokens.get(self.at + n).map_or(Kind::End, |t| t.kind)
    }

    fn bump(&mut self) -> Token {
        let token = self.token();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    fn eat(&mut self, kind: Kind) -> bool {
        let yes = self.kind() == kind;
        if yes {
            self.bump();
        }
        yes
    }

    fn slice(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }

    fn place(&self, span: Span) -> Place {
        (self.source, span)
    }

    fn node(&self, value: Value, span: Span) -> Node {
        Node::new(value, self.place(span))
    }

    fn previous_end(&self) -> u32 {
        if self.at == 0 { self.token().span.start } else { self.tokens[self.at - 1].span.end }
    }

    /// The last character before the word at hand.
    fn last_char(&self) -> Span {
        let end = self.previous_end();
        let len = self.text[..end as usize].chars().next_back().map_or(0, char::len_utf8);
        Span { start: end - len as u32, end }
    }

    /// The word at hand, as a message names it.
    fn found(&self) -> String {
        match self.kind() {
            Kind::End => "the end of the text".to_owned(),
            _ => format!("`{}`", shorten(self.slice(self.token().span))),
        }
    }

    fn expected(&mut self, what: &str) {
        // A bad word was reported when it was read.
        if self.kind() == Kind::Bad {
            return;
        }
        let d = Diagnostic::error(format!("expected {what}, found {}", self.found()));
        let span = self.token().span;
        self.out.push(d.at(self.source, span, format!("expected {what}")));
    }

    fn document(&mut self) -> Option<Node> {
        self.attributes();
        if self.kind() == Kind::End {
            if !self.out.has_errors() {
                let d = Diagnostic::error("the text is empty").at(self.source, self.token().span, "no value here");
                self.out.push(d);
            }
            return None;
        }
        let node = self.value()?;
        if self.kind() != Kind::End && !self.out.has_errors() {
            let d = Diagnostic::error(format!("expected the end of the text, found {}", self.found()))
                .at(self.source, self.token().span, "the value ended before this")
                .also(self.source, self.last_char(), "the value ends here");
            self.out.push(if self.kind() == Kind::Colon {
                d.help("names and values stand in brackets: (name: value); a file of `name: value` lines is YAML: name it .yaml")
            } else {
                d
            });
        }
        Some(node)
    }

    /// `#![enable(a, b)]`, any number of times.
    fn attributes(&mut self) {
        while self.kind() == Kind::Hash {
            let start = self.bump().span.start;
            let shape = self.eat(Kind::Bang) && self.eat(Kind::Open(b'['));
            let enable = self.token();
            if !shape || !self.eat(Kind::Ident) || self.slice(enable.span) != "enable" || !self.eat(Kind::Open(b'(')) {
                let span = Span { start, end: self.previous_end() };
                self.out.push(
                    Diagnostic::error("expected `#![enable(...)]`")
                        .at(self.source, span, "not an extension attribute")
                        .help("comments begin with `//`"),
                );
                return;
            }
            while self.kind() == Kind::Ident {
                let token = self.bump();
                let name = self.slice(token.span).to_owned();
                if !EXTENSIONS.contains(&name.as_str()) {
                    let mut d = Diagnostic::error(format!("unknown extension `{name}`"))
                        .at(self.source, token.span, "not an extension of RON")
                        .help(format!("extensions are {}", EXTENSIONS.join(", ")));
                    if let Some(near) = nearest(&name, EXTENSIONS) {
                        d = d.help(format!("did you mean `{near}`?"));
                    }
                    self.out.push(d);
                }
                if !self.eat(Kind::Comma) {
                    break;
                }
            }
            for close in [b')', b']'] {
                if !self.eat(Kind::Close(close)) {
                    return self.expected(&format!("`{}`", close as char));
                }
            }
        }
    }

    /// One value; `None` when there is none, which has then been reported.
    fn value(&mut self) -> Option<Node> {
        let token = self.token();
        match token.kind {
            Kind::Number => {
                self.bump();
                Some(self.node(Value::Number(self.slice(token.span).to_owned()), token.span))
            }
            Kind::Str => {
                self.bump();
                let inner = Span { start: token.span.start + 1, end: token.span.end - 1 };
                let text = self.unescape(inner)?;
                Some(self.node(Value::Text(text), token.span))
            }
            Kind::Char => {
                self.bump();
                let inner = Span { start: token.span.start + 1, end: token.span.end - 1 };
                let text = self.unescape(inner)?;
                if text.chars().count() != 1 {
                    let d = Diagnostic::error("single quotes hold one character");
                    self.out.push(d.at(self.source, token.span, "not one character").help("use double quotes"));
                    return None;
                }
                Some(self.node(Value::Text(text), token.span))
            }
            Kind::RawStr(hashes) => {
                self.bump();
                let inner = Span { start: token.span.start + 2 + hashes, end: token.span.end - 1 - hashes };
                Some(self.node(Value::Text(self.slice(inner).to_owned()), token.span))
            }
            Kind::Ident => self.named(),
            Kind::Open(b) => self.nested(|p| match b {
                b'(' => p.parens(),
                b'[' => p.list(),
                _ => p.map(),
            }),
            _ => {
                self.expected(A_VALUE);
                if self.kind() == Kind::Bad {
                    self.bump();
                }
                None
            }
        }
    }

    /// Reads one level deeper, or skips the whole bracket when that would be too deep.
    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Option<Node>) -> Option<Node> {
        if self.depth >= MAX_DEPTH {
            if !self.too_deep {
                self.too_deep = true;
                self.ended = true;
                let at = self.place(self.token().span);
                self.out.push(too_deep(at));
            }
            self.skip_bracket();
            return None;
        }
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    fn skip_bracket(&mut self) {
        let mut open = 0usize;
        loop {
            match self.bump().kind {
                Kind::Open(_) => open += 1,
                Kind::Close(_) => open = open.saturating_sub(1),
                Kind::End => return,
                _ => {}
            }
            if open == 0 {
                return;
            }
        }
    }

    /// `name`, `Name(…)`, and the names that mean something: `true`, `None`, `Some(x)`, `inf`.
    fn named(&mut self) -> Option<Node> {
        let token = self.bump();
        let word = self.slice(token.span);
        let name = word.strip_prefix("r#").unwrap_or(word).to_owned();
        let scalar = match word {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            "inf" | "NaN" => Some(Value::Number(name.clone())),
            _ => None,
        };
        if let Some(value) = scalar {
            return Some(self.node(value, token.span));
        }
        if self.kind() != Kind::Open(b'(') {
            if word == "Some" {
                self.expected("`(` after `Some`");
                return None;
            }
            return Some(self.node(Value::Tagged { name, name_span: token.span, body: None }, token.span));
        }
        let some = word == "Some";
        let body = self.nested(Self::parens)?;
        let span = Span { start: token.span.start, end: body.at.1.end };
        if some {
            return self.inside_some(body);
        }
        Some(self.node(Value::Tagged { name, name_span: token.span, body: Some(Box::new(body)) }, span))
    }

    /// `Some(x)` is `x`, and `Some(k: v)` the record.
    fn inside_some(&mut self, body: Node) -> Option<Node> {
        let at = body.at;
        match body.value {
            Value::List(mut items) if items.len() == 1 => items.pop(),
            Value::Map(ref entries) if !entries.is_empty() => Some(body),
            // What was inside has been reported and left out.
            _ if self.out.has_errors() => None,
            _ => {
                let d = Diagnostic::error("`Some` takes one value").at(at.0, at.1, "not one value");
                self.out.push(d.help("write the value alone: `Some` may be left out"));
                None
            }
        }
    }

    /// `(k: v, …)` is a map, `(a, b)` a list, `()` an empty map.
    fn parens(&mut self) -> Option<Node> {
        let open = self.bump();
        let named =
            matches!(self.kind(), Kind::Ident | Kind::Str) && matches!(self.kind_ahead(1), Kind::Colon | Kind::Equals);
        if named || self.kind() == Kind::Close(b')') {
            let entries = self.items(open, b')', Self::field);
            return Some(self.close(open, Value::Map(entries)));
        }
        let items = self.items(open, b')', |p| {
            if p.kind() == Kind::Ident && p.kind_ahead(1) == Kind::Colon {
                let span = p.token().span;
                p.out.push(
                    Diagnostic::error("a named field among values without names")
                        .at(p.source, span, "this one has a name")
                        .help("name all of them or none"),
                );
                return None;
            }
            p.value()
        });
        Some(self.close(open, Value::List(items)))
    }

    fn list(&mut self) -> Option<Node> {
        let open = self.bump();
        let items = self.items(open, b']', Self::value);
        Some(self.close(open, Value::List(items)))
    }

    fn map(&mut self) -> Option<Node> {
        let open = self.bump();
        let entries = self.items(open, b'}', |p| {
            let key = p.value()?;
            p.colon()?;
            let value = p.value()?;
            Some(Entry { key, value })
        });
        Some(self.close(open, Value::Map(entries)))
    }

    fn close(&self, open: Token, value: Value) -> Node {
        self.node(value, Span { start: open.span.start, end: self.previous_end() })
    }

    /// `name: value`.
    fn field(&mut self) -> Option<Entry> {
        let token = self.token();
        if token.kind == Kind::Str {
            let bare = self.slice(token.span).trim_matches('"').to_owned();
            let d = Diagnostic::error("field names are written without quotes");
            self.out.push(d.at(self.source, token.span, "in quotes").help(format!("write `{}: …`", shorten(&bare))));
            return None;
        }
        if token.kind != Kind::Ident {
            self.expected("a field, as `name: value`");
            return None;
        }
        self.bump();
        let word = self.slice(token.span);
        let name = word.strip_prefix("r#").unwrap_or(word).to_owned();
        self.colon()?;
        let value = self.value()?;
        Some(Entry { key: self.node(Value::Text(name), token.span), value })
    }

    fn colon(&mut self) -> Option<()> {
        if self.eat(Kind::Colon) {
            return Some(());
        }
        if self.kind() == Kind::Equals {
            let span = self.bump().span;
            let d = Diagnostic::error("expected `:`, found `=`");
            self.out.push(d.at(self.source, span, "here").help("RON writes `name: value`"));
            return Some(());
        }
        self.expected("`:`");
        None
    }

    /// Items between commas up to the closing bracket, recovering at the next comma or bracket after a fault.
    fn items<T>(&mut self, open: Token, close: u8, item: impl Fn(&mut Self) -> Option<T>) -> Vec<T> {
        let mut items = Vec::new();
        loop {
            match self.kind() {
                Kind::Close(b) if b == close => {
                    self.bump();
                    return items;
                }
                Kind::End | Kind::Close(_) => {
                    let message = format!("expected `{}`, found {}", close as char, self.found());
                    // Left in place: it may well close the bracket around this one. At the end of the text the
                    // innermost open bracket is the one to name, and one that swallowed the rest was named already.
                    let end = self.kind() == Kind::End;
                    if !(end && self.ended) {
                        self.ended |= end;
                        let d = Diagnostic::error(message).at(self.source, self.token().span, "not closed before this");
                        self.out.push(d.also(self.source, open.span, "opened here"));
                    }
                    return items;
                }
                _ => {}
            }
            let before = self.at;
            let read = item(self);
            let whole = read.is_some();
            items.extend(read);
            if !whole {
                self.recover(before);
            }
            match self.kind() {
                Kind::Comma => {
                    self.bump();
                }
                Kind::Close(_) | Kind::End => {}
                // Reported when it was read.
                Kind::Bad => {
                    self.recover(self.at);
                    self.eat(Kind::Comma);
                }
                _ => {
                    let d = Diagnostic::error(format!("expected `,` or `{}`, found {}", close as char, self.found()));
                    let d = d.at(self.source, self.last_char(), "a comma is missing after this");
                    self.out.push(d.also(self.source, open.span, "opened here"));
                    // The next field can be read as if the comma were there; anything else is a guess.
                    if !(self.kind() == Kind::Ident && self.kind_ahead(1) == Kind::Colon) {
                        self.recover(self.at);
                        self.eat(Kind::Comma);
                    }
                }
            }
        }
    }

    /// Skips to the next comma or closing bracket of this level; always past the word at `before`.
    fn recover(&mut self, before: usize) {
        if self.at == before && !matches!(self.kind(), Kind::Comma | Kind::Close(_) | Kind::Open(_)) {
            self.bump();
        }
        loop {
            match self.kind() {
                Kind::Comma | Kind::Close(_) | Kind::End => return,
                Kind::Open(_) => self.skip_bracket(),
                _ => {
                    self.bump();
                }
            }
        }
    }

    /// The text between quotes with its escapes resolved. Bytes given by `\x` may make up one character together.
    fn unescape(&mut self, span: Span) -> Option<String> {
        let raw = self.slice(span);
        if !raw.contains('\\') {
            return Some(raw.to_owned());
        }
        match unescape(raw) {
            Ok(text) => Some(text),
            Err((start, len, why)) => {
                let start = span.start + start as u32;
                let bad = Span { start, end: (start + len as u32).min(span.end) };
                self.out.push(Diagnostic::error(why).at(self.source, bad, "this escape").help(
                    r#"escapes are \n \r \t \0 \\ \" \' \x7F \u{1F600}; a backslash itself is \\, or write r"…""#,
                ));
                None
            }
        }
    }
}

/// Resolves escapes; the error is an offset, a length and the reason.
fn unescape(raw: &str) -> Result<String, (usize, usize, &'static str)> {
    let b = raw.as_bytes();
    let mut bytes = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        if b[i] != b'\\' {
            bytes.push(b[i]);
            i += 1;
            continue;
        }
        let rest = &raw[i + 1..];
        let Some(c) = rest.chars().next() else { return Err((i, 1, "a backslash with nothing to escape")) };
        let simple = match c {
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            '0' => Some(0),
            '\\' | '"' | '\'' => Some(c as u8),
            _ => None,
        };
        if let Some(byte) = simple {
            bytes.push(byte);
            i += 2;
            continue;
        }
        match c {
            'x' => {
                let hex = rest.get(1..3).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
                let byte = hex.and_then(|h| u8::from_str_radix(h, 16).ok());
                bytes.push(byte.ok_or((i, 4, "`\\x` needs two hexadecimal digits"))?);
                i += 4;
            }
            'u' => {
                let close = rest.find('}').filter(|_| rest[1..].starts_with('{'));
                let hex = close.and_then(|e| rest.get(2..e)).filter(|h| (1..=6).contains(&h.len()));
                let hex = hex.filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
                let c = hex.and_then(|h| u32::from_str_radix(h, 16).ok()).and_then(char::from_u32);
                let len = close.map_or(2, |e| e + 2);
                let c = c.ok_or((i, len, "`\\u{…}` needs the number of a character, 1 to 6 hexadecimal digits"))?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                i += len;
            }
            '\n' | '\r' if c == '\n' || rest.starts_with("\r\n") => {
                let kept = rest.trim_start_matches(['\t', '\n', '\r', ' ']);
                i = raw.len() - kept.len();
            }
            c => return Err((i, 1 + c.len_utf8(), "unknown escape")),
        }
    }
    String::from_utf8(bytes).map_err(|_| (0, raw.len(), "the bytes given by `\\x` are not UTF-8"))
}
