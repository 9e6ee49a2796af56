//! Where in a case a controller's complaint belongs: the field that it is about.

use crate::formats::{Node, Place, Value};
use crate::policy::{hpa, keda};

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

const MIN: &[&str] = &["min_replicas", "min_replica_count"];
const MAX: &[&str] = &["max_replicas", "max_replica_count"];

impl Blame for hpa::ConfigError {
    fn way(&self) -> Vec<Step> {
        use hpa::ConfigError as E;
        let direction = |way: &str| Step::Field(if way == "up" { &["scale_up"] } else { &["scale_down"] });
        let policy = |way: &str, i| vec![direction(way), Step::Field(&["policies"]), Step::Item(i)];
        match self {
            E::NegativeMinimum(_)
            | E::ZeroMinimumWithoutGate
            | E::ZeroMinimumWithoutMetric
            | E::MinimumAboveMaximum { .. } => vec![Step::Field(MIN)],
            E::NoMaximum(_) => vec![Step::Field(MAX)],
            E::NoMetrics => vec![Step::Field(&["metrics"])],
            E::NoTarget(i) => {
                vec![Step::Field(&["metrics", "metric"]), Step::Item(*i), Step::Field(&["target", "average_value"])]
            }
            E::Tolerance(_) => vec![Step::Field(&["tolerance", "tolerance_up", "tolerance_down"])],
            E::NoPolicies(way) => vec![direction(way), Step::Field(&["policies"])],
            E::NoChange(way, i) | E::Period(way, i) => policy(way, *i),
            E::Window(way) => vec![direction(way), Step::Field(&["stabilization_window"])],
        }
    }
}

impl Blame for keda::ConfigError {
    fn way(&self) -> Vec<Step> {
        use keda::ConfigError as E;
        match self {
            E::NegativeMinimum(_) | E::MinimumAboveMaximum { .. } => vec![Step::Field(MIN)],
            E::NoMaximum(_) => vec![Step::Field(MAX)],
            E::Idle { .. } => vec![Step::Field(&["idle_replica_count"])],
            E::NoTriggers => vec![Step::Field(&["triggers"])],
            E::NoTarget(i) => vec![Step::Field(&["triggers"]), Step::Item(*i), Step::Field(&["target"])],
            E::NoModifiedTarget => vec![Step::Field(&["scaling_modifiers"]), Step::Field(&["target"])],
            E::Activation => vec![Step::Field(&["activation_threshold", "activation_target"])],
            E::Fallback(_) => vec![Step::Field(&["fallback"]), Step::Field(&["replicas"])],
            E::Behavior(e) => e.way(),
        }
    }
}

impl Blame for keda::jobs::ConfigError {
    fn way(&self) -> Vec<Step> {
        use keda::jobs::ConfigError as E;
        vec![match self {
            E::NegativeMinimum(_) | E::MinimumAboveMaximum { .. } => Step::Field(MIN),
            E::NoMaximum(_) => Step::Field(MAX),
            E::Share(_) => Step::Field(&["running_job_percentage"]),
        }]
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
