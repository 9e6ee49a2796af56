//! Which field a complaint of the HPA or of KEDA is about.

use crate::policy::{hpa, keda};
pub use crate::verify::blame::accept;
use crate::verify::blame::{Blame, Step};

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
