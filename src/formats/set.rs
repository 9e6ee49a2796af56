//! Overrides by name, `PATH=VALUE`, applied to a tree before it has types.
//!
//! - `pools.ft.nodes=4`: an item of a list goes by its `name`; one without by its first field or element, if that is
//!   text (`work.chat.on.mig.max=0`, `budgets.research.usd=1`). `pools[0]` counts from 0. Quotes keep a dot inside a
//!   name (`pools."a.b".nodes`), which is rarely needed: the longest name that is there wins.
//! - Names of variants are transparent: `work.chat.scale` goes through `Service(name: "chat", scale: …)`, and through
//!   JSON's `{"Service": {…}}`; they may be written as well.
//! - The value is read as RON, `OnDemand`, `Fixed(8)`, `[1, 2]`; what is not RON is text, `10m`, `18%`. It is *loose*:
//!   where text is wanted, a word or number will do.
//! - A field that is absent is added. Whether there is such a field only the types know: they complain, at the word
//!   in the override, when it is decoded.

use super::ron;
use super::tree::{Entry, MAX_DEPTH, Node, Place, Value, shorten, too_deep};
use crate::units::{Diagnostic, Diagnostics, SourceId, SourceMap, Span, nearest};

/// The longest path: far beyond any scenario, and short enough to walk by recursion.
const MAX_STEPS: usize = 32;

/// One `PATH=VALUE`, read and not yet applied.
#[derive(Clone, Debug)]
pub struct Override {
    steps: Vec<Step>,
    value: Node,
}

#[derive(Clone, Debug)]
struct Step {
    to: To,
    at: Place,
}

#[derive(Clone, Debug)]
enum To {
    Name(String),
    Index(usize),
}

impl Override {
    /// Reads an argument of `--set`. It becomes a source of its own, so that carets can point into it.
    ///
    /// # Errors
    /// When it is not of the form `PATH=VALUE`, or the value begins like a record or list and is not one.
    pub fn from_argument(text: &str, sources: &mut SourceMap) -> Result<Override, Diagnostics> {
        let source = sources.add("--set", text);
        parse(source, text, 0, text.len())
    }

    /// Reads an override that is a text in a file, as variants hold them.
    ///
    /// # Errors
    /// As [`Override::from_argument`], and when the node is not text.
    pub fn from_node(node: &Node, sources: &SourceMap) -> Result<Override, Diagnostics> {
        let (source, span) = node.at;
        let Some(text) = node.as_text() else {
            return Err(Diagnostic::error(format!("expected an override, found {}", node.found()))
                .at(source, span, "not text")
                .help("write it as \"pools.ft.nodes=4\"")
                .into());
        };
        let file = sources.get(source).text.as_ref();
        let written = file.get(span.start as usize..span.end as usize).unwrap_or("");
        // Without escapes the text stands in the file as it is, and carets can point into it.
        if let Some(skip) = written.find(text).filter(|_| !written.contains('\\')) {
            let start = span.start as usize + skip;
            return parse(source, file, start, start + text.len());
        }
        let everywhere = |at: &mut Place| *at = node.at;
        let mut read = parse(source, text, 0, text.len()).map_err(|mut out| {
            for d in &mut out.list {
                d.at = d.at.map(|_| node.at);
                d.also = None;
            }
            out
        })?;
        read.steps.iter_mut().for_each(|s| everywhere(&mut s.at));
        read.value.walk_mut(&mut |n| {
            everywhere(&mut n.at);
            if let Value::Tagged { name_span, .. } = &mut n.value {
                *name_span = span;
            }
        });
        Ok(read)
    }

    /// Made of a path and a value that stand at different places of a file: carets point to the whole of either.
    ///
    /// # Errors
    /// As [`Override::from_argument`].
    pub fn from_parts(path: (&str, Place), value: (&str, Place)) -> Result<Override, Diagnostics> {
        let text = format!("{}={}", path.0, value.0);
        let mut read = parse(path.1.0, &text, 0, text.len()).map_err(|mut out| {
            for d in &mut out.list {
                let in_path = d.at.is_none_or(|(_, span)| span.start as usize <= path.0.len());
                d.at = Some(if in_path { path.1 } else { value.1 });
                d.also = None;
            }
            out
        })?;
        read.steps.iter_mut().for_each(|s| s.at = path.1);
        read.value.walk_mut(&mut |n| {
            n.at = value.1;
            if let Value::Tagged { name_span, .. } = &mut n.value {
                *name_span = value.1.1;
            }
        });
        Ok(read)
    }

    /// The path as written, quotes aside.
    #[must_use]
    pub fn path(&self) -> String {
        join(&self.steps)
    }

    /// The value that will be set.
    #[must_use]
    pub fn value(&self) -> &Node {
        &self.value
    }

    /// Sets the value in the tree.
    ///
    /// # Errors
    /// When a list has no item of the name or number, or two of the name, or when something that is neither list nor
    /// record would have to hold the rest of the path.
    pub fn apply(&self, root: &mut Node) -> Result<(), Diagnostics> {
        self.put(root, 0).map_err(|d| *d)?;
        // Several overrides could build on each other; what reads the tree later goes down it by recursion.
        if root.depth() > 2 * MAX_DEPTH {
            let (source, span) = self.value.at;
            return Err(too_deep((source, span)).into());
        }
        Ok(())
    }

    fn put(&self, node: &mut Node, done: usize) -> Result<(), Box<Diagnostic>> {
        let rest = &self.steps[done..];
        let Some(step) = rest.first() else {
            *node = self.value.clone();
            return Ok(());
        };
        if let Some(name) = bare_variant(node) {
            let name_span = node.at.1;
            node.value = Value::Tagged { name, name_span, body: None };
        }
        if node.value == Value::Null {
            node.value = Value::Map(Vec::new());
        }
        let found = node.found();
        match &mut node.value {
            Value::Tagged { name, body, .. } => {
                let body = body.get_or_insert_with(|| Box::new(Node::new(Value::Map(Vec::new()), step.at)));
                let spelled = matches!(&step.to, To::Name(n) if n == name) && body.get(name).is_none();
                let done = if spelled { done + 1 } else { done };
                match &mut body.value {
                    // `Name(x)`: the argument, unless the path counts arguments.
                    Value::List(items)
                        if items.len() == 1
                            && is_container(&items[0])
                            && !matches!(self.steps.get(done), Some(Step { to: To::Index(_), .. })) =>
                    {
                        self.put(&mut items[0], done)
                    }
                    _ => self.put(body, done),
                }
            }
            Value::Map(entries) => self.put_in_map(entries, done),
            Value::List(items) => {
                let (index, used) = self.item(items, done)?;
                self.put(&mut items[index], done + used)
            }
            _ => {
                let inside = self.name_of(done);
                Err(Box::new(
                    Diagnostic::error(format!("nothing can be set inside {inside}"))
                        .at(step.at.0, step.at.1, format!("{inside} is {found}"))
                        .help("set it as a whole, or leave out the last part of the path"),
                ))
            }
        }
    }

    fn put_in_map(&self, entries: &mut Vec<Entry>, done: usize) -> Result<(), Box<Diagnostic>> {
        let step = &self.steps[done];
        let at_key = |key: &str| entries.iter().rposition(|e| e.key.key_text() == Some(key));
        if let Some((index, used)) = self.longest(done, at_key) {
            return self.put(&mut entries[index].value, done + used);
        }
        if let [only] = entries.as_mut_slice()
            && is_wrapper(only)
        {
            return self.put(&mut only.value, done);
        }
        let To::Name(name) = &step.to else {
            let inside = self.name_of(done);
            return Err(Box::new(
                Diagnostic::error(format!("{inside} is a record, not a list"))
                    .at(step.at.0, step.at.1, "counts items of a list")
                    .help("name the field instead"),
            ));
        };
        let mut value = Node { value: Value::Null, at: step.at, loose: true };
        self.put(&mut value, done + 1)?;
        entries.push(Entry { key: Node::new(Value::Text(name.clone()), step.at), value });
        Ok(())
    }

    /// The place of a list's item that the path goes to, and how many steps of the path name it.
    fn item(&self, items: &[Node], done: usize) -> Result<(usize, usize), Box<Diagnostic>> {
        let step = &self.steps[done];
        let inside = self.name_of(done);
        let wanted = match &step.to {
            To::Index(index) => return self.counted(items, *index, done),
            To::Name(name) => name,
        };
        let named = |wanted: &str| items.iter().position(|n| item_name(n) == Some(wanted));
        if let Some((index, used)) = self.longest(done, named) {
            let name = item_name(&items[index]);
            return match items.iter().skip(index + 1).position(|n| item_name(n) == name) {
                None => Ok((index, used)),
                Some(further) => Err(Box::new(
                    Diagnostic::error(format!("{inside} has two items named `{}`", name.unwrap_or_default()))
                        .at(step.at.0, step.at.1, "which of them?")
                        .help(format!("count from 0: `[{index}]` or `[{}]`", index + 1 + further)),
                )),
            };
        }
        if let Ok(index) = wanted.parse() {
            return self.counted(items, index, done);
        }
        let names: Vec<&str> = items.iter().filter_map(item_name).collect();
        let mut d = Diagnostic::error(format!("{inside} has no item named `{}`", shorten(wanted))).at(
            step.at.0,
            step.at.1,
            "no such name",
        );
        if let Some(near) = nearest(wanted, names.iter().copied()) {
            d = d.help(format!("did you mean `{near}`?"));
        }
        d = match (names.len(), items.len()) {
            (_, 0) => d.help("the list is empty"),
            (0, n) => d.help(format!("its items have no names: use [0] to [{}]", n - 1)),
            _ => d.help(format!("names there: {}", some_of(&names))),
        };
        Err(Box::new(d))
    }

    fn counted(&self, items: &[Node], index: usize, done: usize) -> Result<(usize, usize), Box<Diagnostic>> {
        if index < items.len() {
            return Ok((index, 1));
        }
        let (source, span) = self.steps[done].at;
        let d = Diagnostic::error(format!("{} has no item {index}", self.name_of(done)));
        Err(Box::new(d.at(source, span, format!("there are {}", items.len())).help("items are counted from 0")))
    }

    /// The longest run of steps from `done` that, joined by dots, is a name that `find` knows.
    fn longest<T>(&self, done: usize, find: impl Fn(&str) -> Option<T>) -> Option<(T, usize)> {
        let rest = &self.steps[done..];
        let names = rest.iter().take_while(|s| matches!(s.to, To::Name(_))).count();
        (1..=names).rev().find_map(|used| find(&join(&rest[..used])).map(|t| (t, used)))
    }

    /// What the first `done` steps lead to, for messages.
    fn name_of(&self, done: usize) -> String {
        if done == 0 { "the top level".to_owned() } else { format!("`{}`", join(&self.steps[..done])) }
    }
}

/// At most twelve names, and how many more there are.
fn some_of(names: &[&str]) -> String {
    let mut out = names.iter().take(12).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 12 {
        out.push_str(&format!(" and {} more", names.len() - 12));
    }
    out
}

fn join(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match &step.to {
            To::Index(i) => out.push_str(&format!("[{i}]")),
            To::Name(n) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(n);
            }
        }
    }
    out
}

fn is_container(node: &Node) -> bool {
    matches!(node.value, Value::List(_) | Value::Map(_) | Value::Tagged { .. })
}

fn is_capital(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// JSON's way of writing a variant: `{"Spot": {…}}`.
fn is_wrapper(entry: &Entry) -> bool {
    entry.key.key_text().is_some_and(is_capital) && is_container(&entry.value)
}

/// JSON's way of writing a variant without content, `"OnDemand"`.
fn bare_variant(node: &Node) -> Option<String> {
    node.as_text().filter(|t| is_capital(t)).map(str::to_owned)
}

/// What an item of a list goes by: its field `name`, else its first field or element if that is text.
#[must_use]
pub fn item_name(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Tagged { body: Some(body), .. } => match &body.value {
            Value::List(items) if items.len() == 1 && is_container(&items[0]) => item_name(&items[0]),
            _ => item_name(body),
        },
        Value::Map(entries) => {
            if let Some(name) = node.get("name") {
                return name.key_text();
            }
            match entries.as_slice() {
                [only] if is_wrapper(only) => item_name(&only.value),
                [first, ..] => first.value.as_text(),
                [] => None,
            }
        }
        Value::List(items) => items.first().and_then(Node::as_text),
        _ => None,
    }
}

/// Reads `text[start..end]` as `PATH=VALUE`.
fn parse(source: SourceId, text: &str, start: usize, end: usize) -> Result<Override, Diagnostics> {
    let span = |a: usize, b: usize| Span { start: a as u32, end: b as u32 };
    let fault = |a: usize, b: usize, message: &str, label: &str| -> Diagnostics {
        Diagnostic::error(message)
            .at(source, span(a, b), label)
            .help("write PATH=VALUE, for example pools.ft.nodes=4")
            .into()
    };
    let all = &text[start..end];
    let mut steps = Vec::new();
    let mut at = start;
    // After a step comes `.`, `[` or `=`; before the first one anything but those.
    let equals = loop {
        let rest = &text[at..end];
        let lead = rest.len() - rest.trim_start().len();
        let (from, rest) = (at + lead, rest.trim_start());
        if let Some(quoted) = rest.strip_prefix('"') {
            let Some(len) = quoted.find('"') else {
                return Err(fault(from, end, "a quoted name is never closed", "opened here"));
            };
            at = from + len + 2;
            steps.push(Step { to: To::Name(quoted[..len].to_owned()), at: (source, span(from, at)) });
        } else if let Some(counted) = rest.strip_prefix('[').filter(|_| !steps.is_empty()) {
            let Some(len) = counted.find(']') else {
                return Err(fault(from, end, "`[` is never closed", "opened here"));
            };
            at = from + len + 2;
            let Ok(index) = counted[..len].trim().parse() else {
                return Err(fault(from, at, "brackets hold the number of an item, from 0", "not a number"));
            };
            steps.push(Step { to: To::Index(index), at: (source, span(from, at)) });
        } else {
            let len = rest.find(['.', '[', '=']).unwrap_or(rest.len());
            let name = rest[..len].trim_end();
            if name.is_empty() {
                let message = if all.contains('=') { "a part of the path is empty" } else { "no `=` in an override" };
                return Err(fault(from, (from + 1).min(end), message, "here"));
            }
            at = from + len;
            steps.push(Step { to: To::Name(name.to_owned()), at: (source, span(from, from + name.len())) });
        }
        let rest = text[at..end].trim_start();
        let next = end - rest.len();
        match rest.chars().next() {
            Some('=') => break next,
            Some('.') => at = next + 1,
            Some('[') => at = next,
            None => return Err(fault(start, end, "no `=` in an override", "not PATH=VALUE")),
            Some(c) => return Err(fault(next, next + c.len_utf8(), "expected `.`, `[` or `=`", "not part of a path")),
        }
    };
    if steps.len() > MAX_STEPS {
        return Err(fault(start, equals, "a path of more than 32 parts", "too long"));
    }
    let raw = text[equals + 1..end].trim();
    if raw.is_empty() {
        let mut out = fault(equals, equals + 1, "nothing after `=`", "a value is missing");
        out.list[0].help = vec!["write \"\" for an empty text and None for nothing".to_owned()];
        return Err(out);
    }
    let from = end - text[equals + 1..end].trim_start().len();
    let to = from + raw.len();
    let (node, out) = ron::parse(source, &text[..to], from);
    let mut value = match node {
        Some(node) if !out.has_errors() => node,
        _ if looks_like_ron(raw) => return Err(out),
        _ => Node::new(Value::Text(raw.to_owned()), (source, span(from, to))),
    };
    value.walk_mut(&mut |n| n.loose = true);
    Ok(Override { steps, value })
}

/// Whether a value was meant as RON, so that its faults are worth telling.
fn looks_like_ron(raw: &str) -> bool {
    let name = raw.trim_start_matches(|c: char| c == '_' || c.is_ascii_alphanumeric());
    raw.starts_with(['(', '[', '{', '"']) || (name.len() < raw.len() && name.trim_start().starts_with('('))
}

#[cfg(test)]
mod tests;
