//! Words of a RON text. Boundaries only: strings are unescaped by the reader, and numbers stay text.

use super::super::tree::shorten;
use crate::units::{Diagnostic, Diagnostics, SourceId, Span};

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of `( [ {`.
    Open(u8),
    /// One of `) ] }`.
    Close(u8),
    Comma,
    Colon,
    /// Not RON, but a common slip for a colon.
    Equals,
    Hash,
    Bang,
    /// `name` or `r#name`.
    Ident,
    Number,
    /// `"…"`, quotes included.
    Str,
    /// `r#"…"#`, all included; the number is that of the hashes.
    RawStr(u32),
    /// `'c'`, quotes included.
    Char,
    /// Reported already; stands where a value would.
    Bad,
    End,
}

/// A word and its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// All words of `text[from..]`, the last of kind [`Kind::End`].
pub(super) fn tokens(text: &str, from: usize, source: SourceId, out: &mut Diagnostics) -> Vec<Token> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: from, source, out, tokens: Vec::new() };
    lexer.run();
    lexer.tokens
}

/// Whether a word is a text of several lines.
pub(super) fn over_lines(text: &str, t: &Token) -> bool {
    t.kind == Kind::Str && text[t.span.start as usize..t.span.end as usize].contains('\n')
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    source: SourceId,
    out: &'a mut Diagnostics,
    tokens: Vec<Token>,
}

/// Whitespace as the grammar of `ron` lists it (docs/grammar.md of that crate).
fn is_space(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
    )
}

fn starts_ident(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn continues_ident(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn span(&self, start: usize) -> Span {
        Span { start: start as u32, end: self.at as u32 }
    }

    fn push(&mut self, kind: Kind, start: usize) {
        let span = self.span(start);
        self.tokens.push(Token { kind, span });
    }

    fn error(&mut self, span: Span, message: impl Into<String>, label: &str, help: &str) {
        self.out.push(Diagnostic::error(message).at(self.source, span, label).help(help));
    }

    fn skip_while(&mut self, keep: impl Fn(char) -> bool) {
        while let Some(c) = self.peek()
            && keep(c)
        {
            self.at += c.len_utf8();
        }
    }

    fn run(&mut self) {
        while let Some(c) = self.peek() {
            let start = self.at;
            if is_space(c) {
                self.at += c.len_utf8();
                continue;
            }
            let single = match c {
                '(' | '[' | '{' => Some(Kind::Open(c as u8)),
                ')' | ']' | '}' => Some(Kind::Close(c as u8)),
                ',' => Some(Kind::Comma),
                ':' => Some(Kind::Colon),
                '=' => Some(Kind::Equals),
                '#' => Some(Kind::Hash),
                '!' => Some(Kind::Bang),
                _ => None,
            };
            if let Some(kind) = single {
                self.at += 1;
                self.push(kind, start);
                continue;
            }
            match c {
                '/' if self.byte(1) == b'/' => self.skip_while(|c| c != '\n'),
                '/' if self.byte(1) == b'*' => self.block_comment(),
                '"' => self.string(start),
                '\'' => self.character(start),
                'r' if self.raw_string_ahead() => self.raw_string(start),
                'b' if matches!(self.byte(1), b'"' | b'\'') || self.rest().starts_with("br") && self.raw_after_b() => {
                    self.byte_string(start);
                }
                'r' if self.byte(1) == b'#' && self.text[self.at + 2..].chars().next().is_some_and(continues_ident) => {
                    self.at += 2;
                    self.skip_while(|c| continues_ident(c) || matches!(c, '.' | '+' | '-'));
                    self.push(Kind::Ident, start);
                }
                '+' | '-' | '.' | '0'..='9' => self.number(start),
                c if starts_ident(c) => self.ident(start),
                _ => {
                    self.at += c.len_utf8();
                    let span = self.span(start);
                    self.error(
                        span,
                        format!("unexpected character {c:?}"),
                        "not part of RON",
                        "text goes in double quotes",
                    );
                    self.push(Kind::Bad, start);
                }
            }
        }
        let start = self.at;
        self.push(Kind::End, start);
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0usize;
        while self.at < self.bytes.len() {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
        let span = Span { start: start as u32, end: start as u32 + 2 };
        self.error(span, "this comment is never closed", "opened here", "comments nest: each `/*` needs its own `*/`");
        self.push(Kind::Bad, start);
    }

    fn string(&mut self, start: usize) {
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.byte(0) {
                // What is escaped may be a character of several bytes; the bytes after its first hold no quote.
                b'\\' => self.at = (self.at + 2).min(self.bytes.len()),
                b'"' => {
                    self.at += 1;
                    self.push(Kind::Str, start);
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.unclosed(start);
    }

    fn unclosed(&mut self, start: usize) {
        self.at = self.bytes.len();
        let span = Span { start: start as u32, end: start as u32 + 1 };
        // Quotes pair up from the front: after one that is forgotten, every text is inside out, and the first that runs
        // over a line's end is the likely one.
        match self.tokens.iter().find(|t| over_lines(self.text, t)).copied() {
            Some(first) => {
                let opened = Span { start: first.span.start, end: first.span.start + 1 };
                let label = "this text runs over the end of its line: is its closing quote missing?";
                self.error(opened, "quotes do not pair up", label, "add the closing quote");
            }
            None => self.error(span, "this text is never closed", "opened here", "add the closing quote"),
        }
        self.push(Kind::Bad, start);
    }

    fn character(&mut self, start: usize) {
        self.at += 1;
        let mut chars = self.rest().char_indices();
        let len = match chars.next() {
            Some((_, '\\')) => {
                chars.next();
                chars.find(|(_, c)| matches!(c, '\'' | '\n')).filter(|(_, c)| *c == '\'').map(|(i, _)| i + 1)
            }
            // `ron` reads three quotes in a row as the character between the outer two.
            Some((_, c)) if c != '\'' || self.rest().starts_with("''") => {
                chars.next().filter(|(_, c)| *c == '\'').map(|(i, _)| i + 1)
            }
            _ => None,
        };
        if let Some(len) = len {
            self.at += len;
            return self.push(Kind::Char, start);
        }
        let line = self.rest().find('\n').unwrap_or(self.rest().len());
        let close = self.rest()[..line].find('\'');
        let inside = shorten(&self.rest()[..close.unwrap_or(0)]);
        self.at += close.map_or(0, |i| i + 1);
        let span = self.span(start);
        let help = format!("text goes in double quotes: \"{inside}\"");
        self.error(span, "single quotes hold one character", "not a character", &help);
        self.push(Kind::Bad, start);
    }

    fn raw_string_ahead(&self) -> bool {
        self.text[self.at + 1..].trim_start_matches('#').starts_with('"')
    }

    fn raw_after_b(&self) -> bool {
        self.text[self.at + 2..].trim_start_matches('#').starts_with('"')
    }

    fn raw_string(&mut self, start: usize) {
        let hashes = self.text[self.at + 1..].bytes().take_while(|b| *b == b'#').count();
        self.at += hashes + 2;
        let close = format!("\"{}", "#".repeat(hashes));
        match self.rest().find(&close) {
            Some(i) => {
                self.at += i + close.len();
                self.push(Kind::RawStr(hashes as u32), start);
            }
            None => self.unclosed(start),
        }
    }

    fn byte_string(&mut self, start: usize) {
        self.at += 1;
        let quoted = self.at;
        match self.byte(0) {
            b'"' => self.string(quoted),
            b'\'' => self.character(quoted),
            _ => self.raw_string(quoted),
        }
        if let Some(token) = self.tokens.last_mut() {
            if token.kind == Kind::Bad {
                return;
            }
            token.kind = Kind::Bad;
            token.span.start = start as u32;
        }
        let span = self.span(start);
        self.error(span, "bytes are not used here", "a byte string", "leave out the `b` to write text");
    }

    fn ident(&mut self, start: usize) {
        self.skip_while(continues_ident);
        if self.junk_follows() { self.unquoted(start) } else { self.push(Kind::Ident, start) }
    }

    fn number(&mut self, start: usize) {
        let len = number_len(self.rest());
        self.at += len;
        if len == 0 || self.junk_follows() || self.peek().is_some_and(continues_ident) {
            return self.unquoted(start);
        }
        self.push(Kind::Number, start);
    }

    /// Whether the word runs on in a way that only text in quotes may: `us-east-1`, `18%`, `4GB/s`.
    fn junk_follows(&self) -> bool {
        match self.peek() {
            Some('/') => !matches!(self.byte(1), b'/' | b'*'),
            Some(c) => matches!(c, '-' | '+' | '.' | '%'),
            None => false,
        }
    }

    fn unquoted(&mut self, start: usize) {
        while let Some(c) = self.peek()
            && (continues_ident(c) || self.junk_follows())
        {
            self.at += c.len_utf8();
        }
        // Always forward, or the caller would come back to the same place.
        if self.at == start {
            self.at += self.peek().map_or(0, char::len_utf8);
        }
        let span = self.span(start);
        let word = shorten(&self.text[start..self.at]);
        self.error(
            span,
            format!("`{word}` is neither a number nor a name"),
            "needs quotes",
            &format!("write \"{word}\""),
        );
        self.push(Kind::Bad, start);
    }
}

/// The length of the number that `s` begins with, 0 for none: the grammar of `ron` (docs/grammar.md of that crate),
/// suffixes included.
pub(super) fn number_len(s: &str) -> usize {
    let b = s.as_bytes();
    let get = |i: usize| b.get(i).copied().unwrap_or(0);
    let run = |mut i: usize, keep: &dyn Fn(u8) -> bool| {
        while keep(get(i)) || get(i) == b'_' {
            i += 1;
        }
        i
    };
    let sign = usize::from(matches!(get(0), b'+' | b'-'));
    for word in ["inf", "NaN"] {
        if s[sign..].starts_with(word) {
            return suffixed(s, sign + 3, &["f32", "f64"]);
        }
    }
    if get(sign) == b'0' && matches!(get(sign + 1), b'x' | b'o' | b'b') {
        let base = match get(sign + 1) {
            b'x' => 16,
            b'o' => 8,
            _ => 2,
        };
        let digit = |c: u8| (c as char).is_digit(base);
        return if digit(get(sign + 2)) { suffixed(s, run(sign + 2, &digit), &INT_SUFFIXES) } else { 0 };
    }
    let digit = |c: u8| c.is_ascii_digit();
    let mut end = sign;
    let whole = digit(get(end));
    if whole {
        end = run(end, &digit);
    }
    let mut float = false;
    if get(end) == b'.' && (whole || digit(get(end + 1))) && get(end + 1) != b'.' && get(end + 1) != b'_' {
        float = true;
        end += 1;
        if digit(get(end)) {
            end = run(end, &digit);
        }
    } else if !whole {
        return 0;
    }
    if matches!(get(end), b'e' | b'E') {
        let exp = end + 1 + usize::from(matches!(get(end + 1), b'+' | b'-'));
        let after = run(exp, &digit);
        if b[exp.min(b.len())..after.min(b.len())].iter().any(u8::is_ascii_digit) {
            float = true;
            end = after;
        }
    }
    let end = if float { end } else { suffixed(s, end, &INT_SUFFIXES) };
    suffixed(s, end, &["f32", "f64"])
}

/// Suffixes of whole numbers.
pub(super) const INT_SUFFIXES: [&str; 10] = ["i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128"];

fn suffixed(s: &str, end: usize, suffixes: &[&str]) -> usize {
    let is_end = |i: usize| !s[i..].starts_with(continues_ident);
    suffixes.iter().find(|x| s[end..].starts_with(**x) && is_end(end + x.len())).map_or(end, |x| end + x.len())
}
