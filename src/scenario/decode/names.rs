//! Names that are given once, and references that must lead somewhere.

use indexmap::IndexMap;

use super::Spanned;
use crate::formats::Place;
use crate::units::{Diagnostic, Diagnostics, Name, nearest};

/// The things of one kind in a scenario, by name, in order.
#[derive(Clone, Debug)]
pub struct Names {
    kind: &'static str,
    places: IndexMap<Name, Place>,
}

impl Names {
    /// None yet. `kind` is the word for one: `pool`.
    #[must_use]
    pub fn new(kind: &'static str) -> Names {
        Names { kind, places: IndexMap::new() }
    }

    /// Takes in a name and returns its index; a name that is taken is reported with both places.
    pub fn add(&mut self, name: &Spanned<Name>, out: &mut Diagnostics) -> Option<usize> {
        if let Some((source, first)) = self.places.get(&name.value).copied() {
            let (at, span) = name.at;
            out.push(
                Diagnostic::error(format!("two {}s are named `{}`", self.kind, name.value))
                    .at(at, span, "the same name again")
                    .also(source, first, "first used here")
                    .help("a name says which one is meant: give this one another"),
            );
            return None;
        }
        Some(self.places.insert_full(name.value.clone(), name.at).0)
    }

    /// The index of what is referred to; a reference that leads nowhere is reported with what there is.
    pub fn find(&self, name: &Spanned<Name>, out: &mut Diagnostics) -> Option<usize> {
        let found = self.places.get_index_of(&name.value);
        if found.is_none() {
            let label = format!("there is no such {}", self.kind);
            let mut d =
                Diagnostic::error(format!("no {} named `{}`", self.kind, name.value)).at(name.at.0, name.at.1, label);
            if let Some(near) = nearest(name.value.as_str(), self.iter().map(Name::as_str)) {
                d = d.help(format!("did you mean `{near}`?"));
            }
            out.push(d.help(self.list()));
        }
        found
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &Name> {
        self.places.keys()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn list(&self) -> String {
        let shown: Vec<&str> = self.iter().take(12).map(Name::as_str).collect();
        match (self.len(), shown.len()) {
            (0, _) => format!("no {} is defined", self.kind),
            (all, some) if all > some => format!("{}s are {} and {} more", self.kind, shown.join(", "), all - some),
            _ => format!("{}s are {}", self.kind, shown.join(", ")),
        }
    }
}

/// All names of one kind at once, those used twice reported.
#[must_use]
pub fn unique<'a>(
    kind: &'static str,
    names: impl IntoIterator<Item = &'a Spanned<Name>>,
    out: &mut Diagnostics,
) -> Names {
    let mut all = Names::new(kind);
    for name in names {
        all.add(name, out);
    }
    all
}
