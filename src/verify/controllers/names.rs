//! Names of a case: each given once, references that must lead somewhere.

use std::collections::BTreeMap;

use crate::scenario::decode::Spanned;
use crate::units::{Diagnostic, Duration, SimTime};
use crate::verify::cases::Report;

/// The moment of a case: late enough for any age that makes sense.
pub const NOW: SimTime = SimTime(200 * 365 * 24 * 3_600_000_000_000);

/// So long before.
pub const fn ago(age: Duration) -> SimTime {
    SimTime(NOW.0.saturating_sub(age.0))
}

/// Names in an order, with their numbers.
#[derive(Clone, Debug)]
pub struct Names {
    what: &'static str,
    list: Vec<String>,
    numbers: BTreeMap<String, u32>,
}

impl Names {
    /// Of things that are called `what`.
    pub const fn new(what: &'static str) -> Names {
        Names { what, list: Vec::new(), numbers: BTreeMap::new() }
    }
    /// The number of a name that is used as soon as it is written.
    pub fn intern(&mut self, name: &str) -> u32 {
        if let Some(n) = self.numbers.get(name) {
            return *n;
        }
        let n = self.list.len() as u32;
        self.list.push(name.to_owned());
        self.numbers.insert(name.to_owned(), n);
        n
    }
    /// A new name; `None`, reported, if it is there already.
    pub fn add(&mut self, name: &Spanned<String>, report: &mut Report<'_>) -> Option<u32> {
        self.add_as(name, &name.value, report)
    }
    /// The same for a name that was made of one that was written.
    pub fn add_as(&mut self, written: &Spanned<String>, name: &str, report: &mut Report<'_>) -> Option<u32> {
        if self.numbers.contains_key(name) {
            let message = format!("there are two {}s called `{name}`", self.what);
            report.fault_at(written.at, message, "the same name again", "give this one another");
            return None;
        }
        Some(self.intern(name))
    }
    /// The number of a name that must be there; `None`, reported, if it is not.
    pub fn find(&self, name: &Spanned<String>, report: &mut Report<'_>) -> Option<u32> {
        let found = self.numbers.get(&name.value).copied();
        if found.is_none() {
            let known = if self.list.is_empty() {
                format!("the case has no {}", self.what)
            } else {
                let first: Vec<&str> = self.list.iter().take(12).map(String::as_str).collect();
                format!("it has {}", first.join(", "))
            };
            let d = Diagnostic::error(format!("the case has no {} `{}`", self.what, name.value)).help(known);
            report.diagnostic(d, name.at, "no such name");
        }
        found
    }
    /// The number of a name, if it is there.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }
    /// The name of a number.
    pub fn name(&self, n: u32) -> &str {
        self.list.get(n as usize).map_or("?", String::as_str)
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }
}

/// The names of `count` things that are alike: `name` itself of one, `name-1` and on of several, with leading zeros so
/// that they stand in the order of their numbers.
pub fn several(name: &str, count: u32) -> Vec<String> {
    if count == 1 {
        return vec![name.to_owned()];
    }
    let width = count.to_string().len();
    (1..=count).map(|i| format!("{name}-{i:0width$}")).collect()
}

/// Whether a case asks for more things than it may; reported.
pub fn too_many(counts: impl IntoIterator<Item = u32>, most: u64, what: &str, report: &mut Report<'_>) -> bool {
    let all: u64 = counts.into_iter().map(u64::from).sum();
    if all > most {
        report.fault(format!("the case has {all} {what}, more than {most}"), "make it smaller: a case is one rule");
    }
    all > most
}
