//! The maps of a manifest, whose keys are taken one by one: what nobody took is told, mechanically.

use super::finding::{At, Class, Findings};
use super::quantity::{IntOrPercent, Quantity, duration};
use crate::formats::tree::shorten;
use crate::formats::{Entry, Node, Place, Value};
use crate::units::{Diagnostic, Duration, nearest};

/// What reading one object needs.
#[derive(Debug)]
pub struct Cx<'f> {
    /// Where findings go.
    pub findings: &'f mut Findings,
    /// `HorizontalPodAutoscaler/llm`, for messages.
    pub object: String,
}

impl Cx<'_> {
    /// `llm`'s words for messages: `` HorizontalPodAutoscaler `llm` ``.
    #[must_use]
    pub fn named(&self) -> String {
        match self.object.split_once('/') {
            Some((kind, name)) if !name.is_empty() => format!("{kind} `{}`", shorten(name)),
            _ => self.object.trim_end_matches('/').to_owned(),
        }
    }

    /// An error: this is not what should be here.
    pub fn invalid(&mut self, at: Place, path: &str, message: &str, label: &str, help: &str) {
        let message = format!("{message} in {}", self.named());
        let d = Diagnostic::error(message).at(at.0, at.1, label).help(help);
        let object = self.object.clone();
        self.findings.push(Class::Invalid, "invalid", &object, path, d);
    }

    /// A lint found while reading.
    pub fn lint(&mut self, id: &'static str, d: Diagnostic, path: &str) {
        let object = self.object.clone();
        self.findings.push(Class::Lint, id, &object, path, super::lint::told(id, d));
    }

    /// Something that the model does not have.
    pub fn not_modelled(&mut self, at: Place, path: &str, why: &str) {
        let d = Diagnostic::warning(format!("`{path}` of {} is not modelled", self.named())).at(at.0, at.1, why);
        let object = self.object.clone();
        self.findings.push(Class::NotModelled, "not-modelled", &object, path, d);
    }

    fn no_effect(&mut self, key: &str) {
        *self.findings.no_effect.entry(key.to_owned()).or_default() += 1;
    }
}

/// A map that is being read.
#[derive(Debug)]
pub struct Fields<'n> {
    /// The keys down to it, `spec.template`; empty at the top.
    pub path: String,
    /// Where it begins.
    pub at: Place,
    entries: &'n [Entry],
    taken: Vec<bool>,
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The fields of a node, which must be a map.
    pub fn of(node: &'n Node, path: impl Into<String>, cx: &mut Cx<'_>) -> Option<Fields<'n>> {
        let path = path.into();
        let Some(entries) = node.entries() else {
            let what = if path.is_empty() { "the document".to_owned() } else { format!("`{path}`") };
            cx.invalid(
                node.at,
                &path,
                &format!("{what} is {}", node.found()),
                "a map of keys is wanted",
                "is the indentation below it right?",
            );
            return None;
        };
        Some(Fields { path, at: node.head(), entries, taken: vec![false; entries.len()], asked: Vec::new() })
    }

    /// The path of a key.
    #[must_use]
    pub fn path_of(&self, key: &str) -> String {
        // A key with dots or slashes would read as several.
        let key = if key.contains(['.', '/']) { format!("[{key}]") } else { key.to_owned() };
        match (self.path.is_empty(), key.starts_with('[')) {
            (true, _) => key,
            (false, true) => format!("{}{key}", self.path),
            (false, false) => format!("{}.{key}", self.path),
        }
    }

    /// The value of a key, null as well.
    fn raw(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        let mut found = None;
        for (i, e) in self.entries.iter().enumerate() {
            if e.key.key_text() == Some(key) {
                self.taken[i] = true;
                found = Some(&e.value);
            }
        }
        found
    }

    /// The value of a key; a null is as if it were not there.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.raw(key).filter(|n| n.value != Value::Null)
    }

    /// Whether a key is there with a value.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|e| e.key.key_text() == Some(key) && e.value.value != Value::Null)
    }

    /// The map below a key.
    pub fn map(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<Fields<'n>> {
        let node = self.take(key)?;
        Fields::of(node, self.path_of(key), cx)
    }

    /// The map below a key, which must be there.
    pub fn needed_map(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<Fields<'n>> {
        if !self.has(key) {
            self.asked.push(key);
            self.missing(key, cx);
            return None;
        }
        self.map(key, cx)
    }

    /// Tells that a key is missing.
    pub fn missing(&self, key: &str, cx: &mut Cx<'_>) {
        let path = self.path_of(key);
        cx.invalid(self.at, &path, &format!("`{path}` is missing"), "it belongs here", &format!("add `{key}:`"));
    }

    /// The items of a list, each with its path.
    pub fn list(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Vec<(&'n Node, String)> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let path = self.path_of(key);
        let Value::List(items) = &node.value else {
            cx.invalid(
                node.at,
                &path,
                &format!("`{path}` is {}", node.found()),
                "a list is wanted",
                "begin each item with a dash: `- …`",
            );
            return Vec::new();
        };
        items.iter().enumerate().map(|(i, n)| (n, format!("{path}[{i}]"))).collect()
    }

    /// The maps of a list.
    pub fn maps(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Vec<Fields<'n>> {
        self.list(key, cx).into_iter().filter_map(|(n, path)| Fields::of(n, path, cx)).collect()
    }

    /// Texts of a list.
    pub fn texts(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Vec<At<String>> {
        self.list(key, cx).into_iter().filter_map(|(n, path)| text(n, &path, cx)).collect()
    }

    /// All keys with their values, for maps whose keys are names.
    pub fn entries(&mut self) -> Vec<(At<String>, &'n Node, String)> {
        self.taken.fill(true);
        let entries = self.entries;
        let named =
            entries.iter().filter_map(|e| e.key.key_text().map(|k| (At::new(k.to_owned(), e.key.at), &e.value)));
        named.map(|(k, v)| (k.clone(), v, self.path_of(&k))).collect()
    }

    /// Text.
    pub fn text(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<At<String>> {
        let node = self.take(key)?;
        text(node, &self.path_of(key), cx)
    }

    /// Text that must be there.
    pub fn needed_text(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<At<String>> {
        if !self.has(key) {
            self.asked.push(key);
            self.missing(key, cx);
            return None;
        }
        self.text(key, cx)
    }

    /// One of several words.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], cx: &mut Cx<'_>) -> Option<At<T>> {
        let found = self.text(key, cx)?;
        if let Some((_, value)) = words.iter().find(|(w, _)| *w == found.value) {
            return Some(At::new(*value, found.at));
        }
        let path = self.path_of(key);
        let all = words.iter().map(|(w, _)| *w).collect::<Vec<_>>().join(", ");
        let help = match nearest(&found.value, words.iter().map(|(w, _)| *w)) {
            Some(near) => format!("did you mean `{near}`? it takes {all}"),
            None => format!("it takes {all}"),
        };
        cx.invalid(found.at, &path, &format!("`{path}` is \"{}\"", shorten(&found)), "not one of its words", &help);
        None
    }

    /// A whole number within bounds.
    pub fn int(&mut self, key: &'static str, least: i64, most: i64, cx: &mut Cx<'_>) -> Option<At<i64>> {
        let node = self.take(key)?;
        let path = self.path_of(key);
        let found = match &node.value {
            Value::Number(t) => integer(t),
            _ => None,
        };
        match found {
            Some(n) if (least..=most).contains(&n) => Some(At::new(n, node.at)),
            Some(n) => {
                let bound = if n < least { format!("{least} or more") } else { format!("{most} or less") };
                cx.invalid(node.at, &path, &format!("`{path}` is {n}"), "out of range", &format!("write {bound}"));
                None
            }
            None => {
                let help = match &node.value {
                    Value::Text(t) if integer(t).is_some() => format!("write {t} without quotes"),
                    Value::Text(t) if is_placeholder(t) => PLACEHOLDER.to_owned(),
                    Value::Text(t) => match t.strip_suffix('s').filter(|n| integer(n).is_some()) {
                        Some(n) => format!("seconds are a plain number: write {n}"),
                        None => "for example 3".to_owned(),
                    },
                    _ => wrong_shape(node, "for example 3"),
                };
                cx.invalid(node.at, &path, &format!("`{path}` is {}", node.found()), "a whole number is wanted", &help);
                None
            }
        }
    }

    /// Replicas and the like: a whole number of 0 or more that 32 bits hold.
    pub fn count(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<At<u32>> {
        self.int(key, 0, i64::from(i32::MAX), cx).map(|n| n.map(|n| n as u32))
    }

    /// Seconds as a whole number.
    pub fn seconds(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<At<Duration>> {
        self.count(key, cx).map(|n| n.map(|n| Duration::from_secs(u64::from(n))))
    }

    /// `true` or `false`; YAML 1.1's other words are what `kubectl` reads too.
    pub fn flag(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<At<bool>> {
        let node = self.take(key)?;
        let found = match &node.value {
            Value::Bool(b) => Some(*b),
            Value::Text(t) => match t.as_str() {
                "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
                "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
                _ => None,
            },
            _ => None,
        };
        if found.is_none() {
            let path = self.path_of(key);
            let help = match node.as_text() {
                Some(t @ ("true" | "false")) => format!("write {t} without quotes"),
                _ => wrong_shape(node, "write true or false"),
            };
            cx.invalid(node.at, &path, &format!("`{path}` is {}", node.found()), "true or false is wanted", &help);
        }
        found.map(|b| At::new(b, node.at))
    }

    /// A quantity.
    pub fn quantity(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<At<Quantity>> {
        let node = self.take(key)?;
        quantity(node, &self.path_of(key), cx)
    }

    /// A map of resources to quantities.
    pub fn resources(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Vec<(At<String>, At<Quantity>)> {
        let Some(mut map) = self.map(key, cx) else { return Vec::new() };
        map.entries().into_iter().filter_map(|(k, v, path)| quantity(v, &path, cx).map(|q| (k, q))).collect()
    }

    /// A Go duration as text.
    pub fn duration(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<At<Duration>> {
        let node = self.take(key)?;
        go_duration(node, &self.path_of(key), cx)
    }

    /// A Go duration, or `Never`.
    pub fn duration_or_never(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<At<Option<Duration>>> {
        let node = self.take(key)?;
        if node.as_text() == Some("Never") {
            return Some(At::new(None, node.at));
        }
        go_duration(node, &self.path_of(key), cx).map(|d| d.map(Some))
    }

    /// A count, or a percentage.
    pub fn int_or_percent(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<At<IntOrPercent>> {
        let node = self.take(key)?;
        let found = match &node.value {
            Value::Number(t) => integer(t).and_then(|n| u32::try_from(n).ok()).map(IntOrPercent::Count),
            Value::Text(t) => IntOrPercent::percent(t),
            _ => None,
        };
        if let Some(found) = found {
            return Some(At::new(found, node.at));
        }
        let path = self.path_of(key);
        let help = match node.as_text() {
            Some(t) if t.bytes().all(|b| b.is_ascii_digit()) && !t.is_empty() => {
                format!("write {t} without quotes, or \"{t}%\"")
            }
            _ => "write a count, 1, or a percentage, \"25%\"".to_owned(),
        };
        cx.invalid(node.at, &path, &format!("`{path}` is {}", node.found()), "not a count or a percentage", &help);
        None
    }

    /// A map of names to texts: labels and the like.
    pub fn text_map(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Vec<(At<String>, At<String>)> {
        let Some(mut map) = self.map(key, cx) else { return Vec::new() };
        map.entries()
            .into_iter()
            .filter(|(_, v, _)| v.value != Value::Null)
            .filter_map(|(k, v, path)| label(v, &path, cx).map(|t| (k, t)))
            .collect()
    }

    /// Keys without any bearing on cost: counted, and told in one note.
    pub fn no_effect(&mut self, keys: &[&'static str], cx: &mut Cx<'_>) {
        for key in keys {
            if self.raw(key).is_some() {
                cx.no_effect(key);
            }
        }
    }

    /// Everything below: read elsewhere or known to have no bearing on cost.
    pub fn all_without_effect(&mut self, cx: &mut Cx<'_>) {
        for (i, e) in self.entries.iter().enumerate() {
            if !self.taken[i]
                && let Some(key) = e.key.key_text()
            {
                cx.no_effect(key);
            }
            self.taken[i] = true;
        }
    }

    /// A key that is known, and has no counterpart in the model; `why` says what that means for a figure.
    pub fn not_modelled(&mut self, key: &'static str, why: &str, cx: &mut Cx<'_>) {
        if let Some(node) = self.take(key) {
            let path = self.path_of(key);
            let at = self.key_at(key).unwrap_or(node.at);
            cx.not_modelled(at, &path, why);
        }
    }

    /// Where a key is written.
    #[must_use]
    pub fn key_at(&self, key: &str) -> Option<Place> {
        self.entries.iter().rev().find(|e| e.key.key_text() == Some(key)).map(|e| e.key.at)
    }

    /// Tells what nobody took.
    pub fn finish(self, cx: &mut Cx<'_>) {
        for (i, e) in self.entries.iter().enumerate() {
            if self.taken[i] {
                continue;
            }
            let Some(key) = e.key.key_text() else {
                cx.invalid(
                    e.key.at,
                    &self.path,
                    "a key is no text",
                    "a name is wanted",
                    "keys are names: `key: value`",
                );
                continue;
            };
            let path = self.path_of(key);
            let near = nearest(key, self.asked.iter().copied()).filter(|n| !self.has(n));
            let d = match near {
                Some(near) => Diagnostic::warning(format!("`{path}` of {} is not known", cx.named()))
                    .at(e.key.at.0, e.key.at.1, "left out of account")
                    .help(format!("did you mean `{near}`? the API server drops or refuses what it does not know")),
                None => Diagnostic::warning(format!("`{path}` of {} is not modelled", cx.named())).at(
                    e.key.at.0,
                    e.key.at.1,
                    "left out of account",
                ),
            };
            let object = cx.object.clone();
            cx.findings.push(Class::NotModelled, "not-modelled", &object, &path, d);
        }
    }
}

const PLACEHOLDER: &str = "this is a placeholder: render the template first (helm template, kustomize build, envsubst)";

/// What to do about a value of the wrong form: `{{ .Values.name }}` reads as a map whose key is a map.
fn wrong_shape(node: &Node, otherwise: &str) -> String {
    let nested = |e: &Entry| matches!(e.key.value, Value::Map(_));
    if node.entries().is_some_and(|all| all.iter().any(nested)) { PLACEHOLDER } else { otherwise }.to_owned()
}

fn is_placeholder(text: &str) -> bool {
    text.contains("${") || text.contains("{{") || (text.starts_with("$(") && text.ends_with(')'))
}

/// A whole number: decimal, or hexadecimal and octal as YAML has them.
fn integer(text: &str) -> Option<i64> {
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).ok();
    }
    match text.strip_suffix(".0") {
        Some(whole) => whole.parse().ok(),
        None => text.strip_prefix('+').unwrap_or(text).parse().ok(),
    }
}

/// Text; a number or a truth value where text belongs is refused by the API server.
pub fn text(node: &Node, path: &str, cx: &mut Cx<'_>) -> Option<At<String>> {
    match &node.value {
        Value::Text(t) => Some(At::new(t.clone(), node.at)),
        Value::Number(t) => {
            let help = format!("write \"{t}\" with quotes");
            cx.invalid(node.at, path, &format!("`{path}` is {}", node.found()), "text is wanted", &help);
            None
        }
        _ => {
            let help = wrong_shape(node, "write a text");
            cx.invalid(node.at, path, &format!("`{path}` is {}", node.found()), "text is wanted", &help);
            None
        }
    }
}

/// The value of a label, an annotation or a trigger's metadata: text to the API server, whatever YAML makes of it.
pub fn label(node: &Node, path: &str, cx: &mut Cx<'_>) -> Option<At<String>> {
    let plain = match &node.value {
        Value::Text(t) => return Some(At::new(t.clone(), node.at)),
        Value::Number(t) => t.clone(),
        Value::Bool(b) => b.to_string(),
        _ => {
            let message = format!("`{path}` is {}", node.found());
            cx.invalid(node.at, path, &message, "text is wanted", "labels and annotations are texts");
            return None;
        }
    };
    let d = Diagnostic::error(format!("`{path}` of {} is {} and must be text", cx.named(), node.found()))
        .at(node.at.0, node.at.1, "the API server refuses it")
        .help(format!("write \"{plain}\" with quotes"));
    cx.lint("not-text", d, path);
    Some(At::new(plain, node.at))
}

/// A quantity.
pub fn quantity(node: &Node, path: &str, cx: &mut Cx<'_>) -> Option<At<Quantity>> {
    let written = match &node.value {
        Value::Number(t) | Value::Text(t) => t.as_str(),
        _ => {
            let help = wrong_shape(node, "for example 500m, 2 or 16Gi");
            cx.invalid(node.at, path, &format!("`{path}` is {}", node.found()), "a quantity is wanted", &help);
            return None;
        }
    };
    match Quantity::parse(written) {
        Ok(q) => Some(At::new(q, node.at)),
        Err((why, help)) => {
            let help = if is_placeholder(written) { PLACEHOLDER.to_owned() } else { help };
            let message = format!("`{path}` is \"{}\", no quantity,", shorten(written));
            cx.invalid(node.at, path, &message, &why, &help);
            None
        }
    }
}

fn go_duration(node: &Node, path: &str, cx: &mut Cx<'_>) -> Option<At<Duration>> {
    let written = match &node.value {
        Value::Number(t) | Value::Text(t) => t.as_str(),
        _ => {
            let help = "for example 90s, 10m or 1h30m";
            cx.invalid(node.at, path, &format!("`{path}` is {}", node.found()), "a duration is wanted", help);
            return None;
        }
    };
    match duration(written) {
        Ok(d) => Some(At::new(d, node.at)),
        Err((why, help)) => {
            let help = if is_placeholder(written) { PLACEHOLDER.to_owned() } else { help };
            let message = format!("`{path}` is \"{}\", no duration,", shorten(written));
            cx.invalid(node.at, path, &message, &why, &help);
            None
        }
    }
}
