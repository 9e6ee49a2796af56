//! Lists, options, pairs, maps and values that remember their place.

use std::fmt;
use std::ops::Deref;

use indexmap::IndexMap;

use super::{Catalogue, Cx, Decode, TypeRef};
use crate::formats::set::item_name;
use crate::formats::{Node, Place, Value};
use crate::units::{Name, SourceId, Span};

/// The place of what was never written: the beginning of the first source.
pub const NOWHERE: Place = (SourceId(0), Span { start: 0, end: 0 });

/// A value and where it was written, for checks that come after decoding. Two are equal when their values are.
#[derive(Clone, Copy)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where; the record's own place for a default.
    pub at: Place,
}

impl<T> Spanned<T> {
    /// A value that was not written anywhere, as a default is.
    #[must_use]
    pub const fn unplaced(value: T) -> Spanned<T> {
        Spanned { value, at: NOWHERE }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Decode> Decode for Spanned<T> {
    const RECORD: bool = T::RECORD;

    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        // The head of a record, all of a scalar: where a later check puts its caret.
        T::decode(node, cx).map(|value| Spanned { value, at: node.head() })
    }

    fn absent() -> Option<Self> {
        T::absent().map(Spanned::unplaced)
    }

    fn placed(self, at: Place) -> Self {
        Spanned { value: self.value.placed(at), at }
    }

    fn describe(catalogue: &mut Catalogue) -> TypeRef {
        T::describe(catalogue)
    }

    fn show(&self) -> String {
        self.value.show()
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        if node.value == Value::Null { Some(None) } else { T::decode(node, cx).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn placed(self, at: Place) -> Self {
        self.map(|v| v.placed(at))
    }

    fn describe(catalogue: &mut Catalogue) -> TypeRef {
        TypeRef::Optional(Box::new(T::describe(catalogue)))
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "None".to_owned(), Decode::show)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let Value::List(items) = &node.value else {
            let one = match &node.value {
                Value::Null => String::new(),
                _ => "one item is a list too: write [ ] around it".to_owned(),
            };
            return cx.wrong(node, "a list", "", &one);
        };
        let mut out = Some(Vec::with_capacity(items.len()));
        for (i, item) in items.iter().enumerate() {
            // An item may go by its first text, which can be a path: too long to read.
            let name = item_name(item).filter(|n| is_record(item) && n.len() <= 63);
            let step = name.map_or_else(|| format!("[{i}]"), str::to_owned);
            let value = cx.within(&step, |cx| T::decode(item, cx));
            // All items are read, so that all their problems are told.
            out = out.zip(value).map(|(mut list, v)| {
                list.push(v);
                list
            });
        }
        out
    }

    fn describe(catalogue: &mut Catalogue) -> TypeRef {
        TypeRef::List(Box::new(T::describe(catalogue)))
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(Decode::show).collect::<Vec<_>>().join(", "))
    }
}

fn is_record(node: &Node) -> bool {
    matches!(node.value, Value::Map(_) | Value::Tagged { body: Some(_), .. })
}

impl<T: Decode> Decode for IndexMap<Name, T> {
    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            return cx.wrong(node, "names with values", "", "write (name: value, …)");
        };
        let mut out = Some(IndexMap::with_capacity(entries.len()));
        for entry in entries {
            let key = match entry.key.key_text().map(Name::new) {
                Some(Ok(name)) => Some(name),
                Some(Err(e)) => cx.wrong(&entry.key, "a name", &e.to_string(), ""),
                None => cx.wrong(&entry.key, "a name", "", ""),
            };
            let step = entry.key.key_text().unwrap_or("?").to_owned();
            let value = cx.within(&step, |cx| T::decode(&entry.value, cx));
            out = out.zip(key.zip(value)).map(|(mut map, (k, v))| {
                map.insert(k, v);
                map
            });
        }
        out
    }

    fn describe(catalogue: &mut Catalogue) -> TypeRef {
        TypeRef::Map(Box::new(T::describe(catalogue)))
    }

    fn show(&self) -> String {
        // Quoted keys in braces: a name need not be an identifier.
        let all: Vec<String> = self.iter().map(|(k, v)| format!("{}: {}", k.show(), v.show())).collect();
        format!("{{{}}}", all.join(", "))
    }
}

/// The items of a list of `n`, or a report.
fn exactly<'n>(node: &'n Node, cx: &mut Cx, n: usize, what: &str) -> Option<&'n [Node]> {
    match &node.value {
        Value::List(items) if items.len() == n => Some(items),
        _ => cx.wrong(node, what, "", "write the values together in brackets"),
    }
}

impl<A: Decode, B: Decode> Decode for (A, B) {
    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let items = exactly(node, cx, 2, "a pair, (a, b)")?;
        let (a, b) = (A::decode(&items[0], cx), B::decode(&items[1], cx));
        Some((a?, b?))
    }

    fn describe(catalogue: &mut Catalogue) -> TypeRef {
        TypeRef::Tuple(vec![A::describe(catalogue), B::describe(catalogue)])
    }

    fn show(&self) -> String {
        format!("({}, {})", self.0.show(), self.1.show())
    }
}

impl<A: Decode, B: Decode, C: Decode> Decode for (A, B, C) {
    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        let items = exactly(node, cx, 3, "three values, (a, b, c)")?;
        let (a, b, c) = (A::decode(&items[0], cx), B::decode(&items[1], cx), C::decode(&items[2], cx));
        Some((a?, b?, c?))
    }

    fn describe(catalogue: &mut Catalogue) -> TypeRef {
        TypeRef::Tuple(vec![A::describe(catalogue), B::describe(catalogue), C::describe(catalogue)])
    }

    fn show(&self) -> String {
        format!("({}, {}, {})", self.0.show(), self.1.show(), self.2.show())
    }
}
