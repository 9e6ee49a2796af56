//! The tables that a trace's jobs index: accepted device sets and label sets, each kept once.

use rustc_hash::FxHashMap;

use super::read::Line;
use crate::units::{Label, Name};

/// Sets of accepted devices and of labels, in order of first appearance.
#[derive(Clone, Debug)]
pub struct Tables {
    accepts: Vec<Vec<String>>,
    label_sets: Vec<Vec<Label>>,
    accept_ids: FxHashMap<String, u16>,
    label_ids: FxHashMap<String, u16>,
    /// The key of a label set, reused from row to row.
    key: String,
    /// The first text that had to be changed to be a name, with what it became, and how many were.
    changed: Option<(String, Name)>,
    changes: u64,
}

/// More distinct sets than an index of 16 bits holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// Notes that a row does not fit into the tables, and takes the empty set for it.
pub(super) fn fits(found: Result<u16, TooMany>, t: &mut Line<'_>) -> u16 {
    found.unwrap_or_else(|TooMany| {
        let m = format!("more than {LIMIT} different sets of labels or devices");
        t.wrong_help(0, m, "the first row too many", "leave out the column that differs from row to row");
        0
    })
}

const LIMIT: usize = u16::MAX as usize;
/// Between the texts of a key: no CSV field that is a name holds it, and a field that does is kept apart by its length.
const GAP: char = '\u{1f}';

impl Default for Tables {
    /// Index 0 of the device sets accepts any; index 0 of the label sets has no label.
    fn default() -> Tables {
        let mut ids = (FxHashMap::default(), FxHashMap::default());
        ids.0.insert(String::new(), 0);
        ids.1.insert(String::new(), 0);
        Tables {
            accepts: vec![Vec::new()],
            label_sets: vec![Vec::new()],
            accept_ids: ids.0,
            label_ids: ids.1,
            key: String::new(),
            changed: None,
            changes: 0,
        }
    }
}

impl Tables {
    /// The index of a device set written `A|B`; empty accepts any. Order does not matter, repeats are dropped.
    ///
    /// # Errors
    /// [`TooMany`] when the table is full.
    pub fn accept(&mut self, text: &str) -> Result<u16, TooMany> {
        if let Some(id) = self.accept_ids.get(text) {
            return Ok(*id);
        }
        let mut set: Vec<String> =
            text.split('|').map(str::trim).filter(|d| !d.is_empty()).map(str::to_owned).collect();
        set.sort();
        set.dedup();
        let at = self.accepts.iter().position(|s| *s == set).unwrap_or_else(|| {
            self.accepts.push(set);
            self.accepts.len() - 1
        });
        if at >= LIMIT {
            return Err(TooMany);
        }
        self.accept_ids.insert(text.to_owned(), at as u16);
        Ok(at as u16)
    }

    /// The index of a set of labels; pairs with an empty value are left out. What is not a [`Name`] is made one.
    ///
    /// # Errors
    /// [`TooMany`] when the table is full.
    pub fn labels<'a>(&mut self, pairs: impl Iterator<Item = (&'a Name, &'a str)> + Clone) -> Result<u16, TooMany> {
        use std::fmt::Write;
        self.key.clear();
        for (k, v) in pairs.clone().filter(|(_, v)| !v.is_empty()) {
            // Writing to a String cannot fail.
            let _ = write!(self.key, "{k}{GAP}{}{GAP}{v}", v.len());
        }
        if let Some(id) = self.label_ids.get(&self.key) {
            return Ok(*id);
        }
        let mut set: Vec<Label> =
            pairs.filter(|(_, v)| !v.is_empty()).map(|(k, v)| Label { key: k.clone(), value: self.name(v) }).collect();
        set.sort();
        // Two texts may become the same name.
        let at = self.label_sets.iter().position(|s| *s == set).unwrap_or_else(|| {
            self.label_sets.push(set);
            self.label_sets.len() - 1
        });
        if at >= LIMIT {
            return Err(TooMany);
        }
        self.label_ids.insert(self.key.clone(), at as u16);
        Ok(at as u16)
    }

    fn name(&mut self, text: &str) -> Name {
        match Name::new(text) {
            Ok(n) => n,
            Err(_) => {
                let name = made_name(text);
                self.changes += 1;
                self.changed.get_or_insert_with(|| (text.to_owned(), name.clone()));
                name
            }
        }
    }

    /// One sentence when texts had to be changed to be names.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        let (from, to) = self.changed.as_ref()?;
        let n = self.changes;
        Some(format!("{n} label values were changed to be valid names, the first from {from:?} to {:?}", to.as_str()))
    }

    /// Device sets; index 0 is empty and accepts any.
    #[must_use]
    pub fn accepts(&self) -> &[Vec<String>] {
        &self.accepts
    }

    /// Label sets, each ordered by key; index 0 is empty.
    #[must_use]
    pub fn label_sets(&self) -> &[Vec<Label>] {
        &self.label_sets
    }

    /// The tables themselves: device sets, then label sets.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Vec<String>>, Vec<Vec<Label>>) {
        (self.accepts, self.label_sets)
    }
}

/// A text as a name: unsafe characters become `-`, the ends are trimmed of what may not stand there, at most 63
/// characters are kept, and what has nothing left is `x`.
#[must_use]
pub fn made_name(text: &str) -> Name {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let text: String = text.chars().map(safe).collect();
    let inner = text.trim_matches(['-', '_', '.']);
    let cut = inner[..inner.len().min(63)].trim_end_matches(['-', '_', '.']);
    Name::new(cut).or_else(|_| Name::new("x")).expect("letters, digits and inner marks, at most 63")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(s: &str) -> Name {
        Name::new(s).unwrap()
    }

    #[test]
    fn sets_are_kept_once_whatever_their_order() {
        let mut t = Tables::default();
        assert_eq!(t.accept(""), Ok(0));
        assert_eq!(t.accept("V100|P100"), Ok(1));
        assert_eq!(t.accept("P100|V100"), Ok(1));
        assert_eq!(t.accept("P100"), Ok(2));
        assert_eq!(t.accepts()[1], ["P100", "V100"]);
        let (team, env) = (n("team"), n("env"));
        let a = t.labels([(&team, "a"), (&env, "prod")].into_iter()).unwrap();
        assert_eq!(t.labels([(&team, ""), (&env, "")].into_iter()), Ok(0));
        assert_eq!(t.labels([(&env, "prod"), (&team, "a")].into_iter()), Ok(a));
        assert_eq!(t.label_sets()[usize::from(a)][0].key, env);
        assert_eq!(t.notice(), None);
    }

    #[test]
    fn what_is_not_a_name_becomes_one_and_is_said_once() {
        let mut t = Tables::default();
        let team = n("team");
        t.labels([(&team, "R&D / vision")].into_iter()).unwrap();
        t.labels([(&team, "-ops-")].into_iter()).unwrap();
        assert_eq!(t.label_sets()[1][0].value.as_str(), "R-D---vision");
        assert_eq!(t.label_sets()[2][0].value.as_str(), "ops");
        let notice = t.notice().unwrap();
        assert!(notice.starts_with("2 label values") && notice.contains("R-D---vision"), "{notice}");
        assert_eq!(made_name("###").as_str(), "x");
        assert_eq!(made_name(&"é".repeat(80)).as_str(), "x");
        assert_eq!(made_name(&format!("{}.b", "a".repeat(62))).as_str(), "a".repeat(62));
    }

    #[test]
    fn a_full_table_is_an_error_not_a_wrap() {
        let mut t = Tables::default();
        let team = n("team");
        for i in 1..LIMIT {
            t.label_sets.push(vec![Label { key: team.clone(), value: n(&i.to_string()) }]);
        }
        assert_eq!(t.labels([(&team, "one-more")].into_iter()), Err(TooMany));
    }
}
