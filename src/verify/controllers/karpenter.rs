//! Runs cases of Karpenter.

mod cluster;
mod figures;
mod labels;
mod passes;
mod planned;

pub use figures::{balanced, batch, budget, cost};
pub use passes::{disrupt, timeline};
pub use planned::provision;

use super::format as f;
use super::names::NOW;
use crate::policy::karpenter::{Budget, Compat, Config, MinValuesPolicy, Nodes, Reason, Window};
use crate::units::Duration;

/// The operator's settings at a moment of the calendar.
fn config(s: &f::Settings, time: jiff::civil::DateTime) -> Config {
    let unix = time.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |z| z.timestamp().as_second());
    Config {
        compat: match s.compat {
            f::Compat::V1Beta1 => Compat::V1Beta1,
            f::Compat::V1_13 => Compat::V1_13,
            f::Compat::V1_14 => Compat::V1_14,
        },
        epoch: unix - (NOW.0 / 1_000_000_000) as i64,
        batch_idle: s.batch_idle_duration,
        batch_max: s.batch_max_duration,
        respect_preferences: s.respect_preferences,
        min_values: if s.best_effort_min_values { MinValuesPolicy::BestEffort } else { MinValuesPolicy::Strict },
        spot_to_spot: s.spot_to_spot_consolidation,
        reserved_capacity: s.reserved_capacity,
        ..Config::default()
    }
}

const fn reason(r: &f::Reason) -> Reason {
    match r {
        f::Reason::Underutilized => Reason::Underutilized,
        f::Reason::Empty => Reason::Empty,
        f::Reason::Drifted => Reason::Drifted,
    }
}

const fn after(a: &f::After) -> Option<Duration> {
    match a {
        f::After::After(d) => Some(*d),
        f::After::Never => None,
    }
}

fn budgets(list: &[f::Budget]) -> Vec<Budget> {
    let of = |b: &f::Budget| Budget {
        nodes: Nodes::parse(&b.nodes),
        reasons: b.reasons.iter().map(reason).collect(),
        window: match &b.schedule {
            None => Window::Always,
            Some(text) => Window::parse(text, b.duration.unwrap_or(Duration::ZERO)),
        },
    };
    list.iter().map(of).collect()
}
