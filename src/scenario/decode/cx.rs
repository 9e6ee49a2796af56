//! Where problems and defaults are gathered, and the steps that every record and choice shares.

use super::Decode;
use crate::formats::tree::shorten;
use crate::formats::{Entry, Node, Place, Value};
use crate::units::{Diagnostic, Diagnostics, nearest};

/// A default that was taken because a field was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultTaken {
    /// The path that would set it: `pools.ft.nodes`.
    pub path: String,
    /// The value as one would write it.
    pub value: String,
    /// Where the value comes from.
    pub source: &'static str,
}

/// The state of decoding: findings, defaults taken, and the path to the node at hand.
#[derive(Debug, Default)]
pub struct Cx {
    diagnostics: Diagnostics,
    defaults: Vec<DefaultTaken>,
    path: String,
}

impl Cx {
    /// Ends decoding.
    #[must_use]
    pub fn finish(self) -> (Diagnostics, Vec<DefaultTaken>) {
        (self.diagnostics, self.defaults)
    }

    /// Reports a problem.
    pub fn report(&mut self, d: Diagnostic) {
        self.diagnostics.push(d);
    }

    /// The path to the node at hand, as `--set` takes it; empty at the root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Runs `f` one step further down: a field or the name of an item, or `[3]`.
    pub fn within<R>(&mut self, step: &str, f: impl FnOnce(&mut Cx) -> R) -> R {
        let before = self.path.len();
        if before > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let out = f(self);
        self.path.truncate(before);
        out
    }

    /// Reports that a node is not what it should be, and returns nothing.
    pub fn wrong<T>(&mut self, node: &Node, expected: &str, label: &str, help: &str) -> Option<T> {
        let (source, span) = node.head();
        let label = if label.is_empty() { format!("expected {expected}") } else { label.to_owned() };
        let mut d = Diagnostic::error(format!("expected {expected}, found {}", node.found())).at(source, span, label);
        if !help.is_empty() {
            d = d.help(help);
        }
        self.report(d);
        None
    }

    /// `` in `pools.ft` ``, or `` in `Scenario` `` at the root.
    fn inside(&self, type_name: &str) -> String {
        if self.path.is_empty() { format!("in `{type_name}`") } else { format!("in `{}`", self.path) }
    }

    /// Opens a record: reports a node that is none, and every field it should not have.
    pub fn fields<'n>(
        &mut self,
        node: &'n Node,
        type_name: &'static str,
        known: &'static [&'static str],
    ) -> Option<Fields<'n>> {
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Tagged { name, body: None, .. } if name == type_name => &[],
            Value::Tagged { name, body: Some(body), .. } if name == type_name => {
                return self.fields(body, type_name, known);
            }
            Value::List(_) | Value::Null => {
                let first = known.first().copied().unwrap_or("field");
                return self.wrong(node, "a record", "", &format!("write its fields by name: ({first}: …)"));
            }
            _ => return self.wrong(node, &format!("a record ({type_name})"), "", &allowed("fields", type_name, known)),
        };
        for entry in entries {
            let Some(key) = entry.key.key_text() else {
                let _: Option<()> = self.wrong(&entry.key, "the name of a field", "", "");
                continue;
            };
            if !known.contains(&key) {
                let (source, span) = entry.key.at;
                let mut d = Diagnostic::error(format!("unknown field `{}` {}", shorten(key), self.inside(type_name)))
                    .at(source, span, format!("`{type_name}` has no such field"));
                if let Some(near) = nearest(key, known.iter().copied()) {
                    d = d.help(format!("did you mean `{near}`?"));
                }
                self.report(d.help(allowed("fields", type_name, known)));
            }
        }
        Some(Fields { entries, head: node.head(), type_name, missing: Vec::new() })
    }

    /// Opens a choice: which variant, and what it holds. Accepts `Name`, `Name(…)`, `"Name"` and `{"Name": …}`, and
    /// where a plain value stands for a variant, that: `plain` is its kind (`number`, or `duration` for text that begins
    /// with a digit) and the variant.
    pub fn variant<'n>(
        &mut self,
        node: &'n Node,
        type_name: &'static str,
        known: &'static [&'static str],
        plain: Option<(&'static str, &'static str)>,
    ) -> Option<Variant<'n>> {
        let (name, at, holds) = match &node.value {
            Value::Tagged { name, name_span, body } => {
                let holds = match body.as_deref() {
                    None => Holds::Nothing,
                    Some(body) => match &body.value {
                        Value::List(arguments) => Holds::Arguments(arguments),
                        _ => Holds::One(body),
                    },
                };
                (name.as_str(), (node.at.0, *name_span), holds)
            }
            Value::Text(t)
                if let Some(("duration", name)) = plain
                    && t.trim_start().starts_with(is_digit) =>
            {
                (name, node.at, Holds::One(node))
            }
            Value::Text(name) => (name.as_str(), node.at, Holds::Nothing),
            // A bare number where a duration is meant misses its unit, which the duration says.
            Value::Number(_) if let Some((_, name)) = plain => (name, node.at, Holds::One(node)),
            Value::Map(entries) if entries.len() == 1 && is_variant(&entries[0], known) => {
                let name = entries[0].key.key_text().unwrap_or_default();
                (name, entries[0].key.at, Holds::One(&entries[0].value))
            }
            _ => {
                let expected = match plain {
                    Some((kind, _)) => format!("a {kind} or a choice ({type_name})"),
                    None => format!("a choice ({type_name})"),
                };
                return self.wrong(node, &expected, "", &allowed("choices", type_name, known));
            }
        };
        if !known.contains(&name) {
            let message = format!("unknown choice `{}`", shorten(name));
            let message = if self.path.is_empty() { message } else { format!("{message} for `{}`", self.path) };
            let mut d = Diagnostic::error(message).at(at.0, at.1, format!("not a choice of `{type_name}`"));
            if let Some(near) = nearest(name, known.iter().copied()) {
                d = d.help(format!("did you mean `{near}`?"));
            }
            self.report(d.help(allowed("choices", type_name, known)));
            return None;
        }
        Some(Variant { name, at, holds })
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn is_variant(entry: &Entry, known: &[&str]) -> bool {
    let name = entry.key.key_text().unwrap_or_default();
    known.contains(&name) || name.starts_with(|c: char| c.is_ascii_uppercase())
}

fn allowed(what: &str, type_name: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return format!("`{type_name}` has no {what}");
    }
    format!("{what} of `{type_name}`: {}", known.join(", "))
}

/// The fields of a record that is being read.
#[derive(Debug)]
pub struct Fields<'n> {
    entries: &'n [Entry],
    head: Place,
    type_name: &'static str,
    missing: Vec<&'static str>,
}

impl Fields<'_> {
    /// A field without a default.
    pub fn read<T: Decode>(&mut self, cx: &mut Cx, name: &'static str) -> Option<T> {
        match self.find(name) {
            Some(node) => cx.within(name, |cx| T::decode(node, cx)),
            None => {
                let absent = T::absent();
                if absent.is_none() {
                    self.missing.push(name);
                }
                absent
            }
        }
    }

    /// A field with a default, and where the default comes from.
    pub fn read_or<T: Decode>(
        &mut self,
        cx: &mut Cx,
        name: &'static str,
        default: impl FnOnce() -> T,
        source: &'static str,
    ) -> Option<T> {
        match self.find(name) {
            Some(node) => cx.within(name, |cx| T::decode(node, cx)),
            None => {
                let value = default().placed(self.head);
                let path = cx.within(name, |cx| cx.path.clone());
                cx.defaults.push(DefaultTaken { path, value: value.show(), source });
                Some(value)
            }
        }
    }

    fn find(&self, name: &str) -> Option<&Node> {
        // The last of several, as an override would be; that there are several has been reported.
        self.entries.iter().rev().find(|e| e.key.key_text() == Some(name)).map(|e| &e.value)
    }

    /// Reports the fields that are required and missing, all in one.
    pub fn finish(self, cx: &mut Cx) {
        if self.missing.is_empty() {
            return;
        }
        let names: Vec<String> = self.missing.iter().map(|n| format!("`{n}`")).collect();
        let (word, verb) = if names.len() == 1 { ("field", "is") } else { ("fields", "are") };
        let d = Diagnostic::error(format!("missing {word} {} {}", names.join(", "), cx.inside(self.type_name)));
        let d = d.at(self.head.0, self.head.1, format!("{word} {} {verb} required here", names.join(", ")));
        cx.report(d);
    }
}

/// A variant that is being read.
#[derive(Debug)]
pub struct Variant<'n> {
    /// Its name: one of those that are known.
    pub name: &'n str,
    at: Place,
    holds: Holds<'n>,
}

#[derive(Debug)]
enum Holds<'n> {
    Nothing,
    /// A record, or the value of JSON's `{"Name": value}`.
    One(&'n Node),
    /// What is between the brackets of `Name(a, b)`.
    Arguments(&'n [Node]),
}

impl Variant<'_> {
    fn refuse<T>(&self, cx: &mut Cx, message: &str, label: &str, help: String) -> Option<T> {
        cx.report(Diagnostic::error(format!("`{}` {message}", self.name)).at(self.at.0, self.at.1, label).help(help));
        None
    }

    /// A variant that holds nothing.
    pub fn unit(&self, cx: &mut Cx) -> Option<()> {
        let empty = match &self.holds {
            Holds::Nothing => true,
            Holds::One(node) => match &node.value {
                Value::Null => true,
                Value::Map(entries) => entries.is_empty(),
                _ => false,
            },
            Holds::Arguments(_) => false,
        };
        if empty {
            Some(())
        } else {
            self.refuse(cx, "takes nothing", "stands alone", format!("write `{}`", self.name))
        }
    }

    /// A variant that holds one value.
    pub fn one<T: Decode>(&self, cx: &mut Cx) -> Option<T> {
        match &self.holds {
            Holds::One(node) => T::decode(node, cx),
            Holds::Arguments([node]) => T::decode(node, cx),
            // `Spot` stands for `Spot()`: the record says what it misses.
            Holds::Nothing if T::RECORD => T::decode(&Node::new(Value::Map(Vec::new()), self.at), cx),
            Holds::Nothing => {
                self.refuse(cx, "needs a value", "a value is missing", format!("write `{}(…)`", self.name))
            }
            Holds::Arguments(list) => {
                let label = format!("there are {}", list.len());
                self.refuse(cx, "takes one value", &label, format!("write `{}(…)`", self.name))
            }
        }
    }

    /// A variant that holds several values in order: `T` is a pair or a triple.
    pub fn several<T: Decode>(&self, cx: &mut Cx) -> Option<T> {
        match &self.holds {
            Holds::One(node) => T::decode(node, cx),
            Holds::Arguments([node]) if matches!(node.value, Value::List(_)) => T::decode(node, cx),
            Holds::Arguments(list) => T::decode(&Node::new(Value::List(list.to_vec()), self.at), cx),
            Holds::Nothing => {
                self.refuse(cx, "needs its values", "values are missing", format!("write `{}(…, …)`", self.name))
            }
        }
    }
}
