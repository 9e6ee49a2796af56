//! Where in a case a controller's complaint belongs: the field that it is about.

use super::cases::Report;
use crate::formats::{Node, Place, Value};

/// A step down a case.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// The first field of one of these names, however deep.
    Field(&'static [&'static str]),
    /// An item of a list.
    Item(usize),
}

/// A complaint that is about a field.
pub trait Blame: std::fmt::Display {
    /// The way to the field. Steps that lead nowhere are left out.
    fn way(&self) -> Vec<Step>;
}

/// What a controller refuses in its configuration is reported at its fields; `None` then.
pub fn accept<T, E: Blame>(report: &mut Report<'_>, made: Result<T, Vec<E>>) -> Option<T> {
    match made {
        Ok(t) => Some(t),
        Err(faults) => {
            for f in faults {
                let help = "the cluster would refuse it too";
                match place(report.node(), &f.way()) {
                    Some(at) => report.fault_at(at, f.to_string(), "refused", help),
                    None => report.fault(f.to_string(), help),
                }
            }
            None
        }
    }
}

/// The place at the end of the way; `None` when not even its first step leads anywhere.
pub fn place(case: &Node, way: &[Step]) -> Option<Place> {
    let mut found: Option<&Node> = None;
    for step in way {
        let here = found.unwrap_or(case);
        let next = match step {
            Step::Field(names) => field(here, names),
            Step::Item(i) => match &here.value {
                Value::List(items) => items.get(*i),
                _ => None,
            },
        };
        found = next.or(found);
    }
    found.map(Node::head)
}

/// The first field of one of these names in the order of the text. The tree is at most [`crate::formats::tree::MAX_DEPTH`]
/// deep.
fn field<'n>(node: &'n Node, names: &[&str]) -> Option<&'n Node> {
    let named = |e: &&'n crate::formats::Entry| e.key.key_text().is_some_and(|k| names.contains(&k));
    match &node.value {
        Value::Map(entries) => {
            let own = entries.iter().find(named).map(|e| &e.value);
            own.or_else(|| entries.iter().find_map(|e| field(&e.value, names)))
        }
        Value::List(items) => items.iter().find_map(|n| field(n, names)),
        Value::Tagged { body: Some(body), .. } => field(body, names),
        _ => None,
    }
}
