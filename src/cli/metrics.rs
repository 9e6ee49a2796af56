//! `fleetcast metrics`: every figure that a run may report, and the activities that billed GPU time goes to.

use serde::Serialize;

use super::console::{Console, Exit, Failure};
use super::table;
use crate::outcome::metric::{Direction, TABLE};
use crate::units::activity::{Activity, Group};

/// Arguments of `metrics`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Words in capitals are names of the scenario or of an activity: `cost.pool.NAME` of a pool `h100` is `cost.pool.h100`.

Examples:
  fleetcast metrics
  fleetcast metrics --activities       where a billed GPU-hour can go
  fleetcast metrics --json | jq -r '.[] | select(.better == \"lower\") | .name'")]
pub struct Args {
    /// The activities that billed GPU time is divided into, instead of the metrics
    #[arg(long)]
    activities: bool,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

/// An activity as a row to print.
#[derive(Serialize)]
struct ActivityLine {
    activity: &'static str,
    title: &'static str,
    group: Group,
}

pub fn run(a: &Args, console: &Console) -> Result<Exit, Failure> {
    let text = match (a.activities, a.json) {
        (false, false) => {
            let rows = TABLE.iter().map(|m| [m.name, m.unit, better(m.better), m.meaning].map(str::to_owned).to_vec());
            table::plain(&["metric", "unit", "better", "what it is"], &[], rows)
        }
        (false, true) => json(TABLE)?,
        (true, false) => {
            let rows = activities().map(|l| [l.activity, l.title, group(l.group)].map(str::to_owned).to_vec());
            table::plain(&["activity", "title", "group"], &[], rows)
        }
        (true, true) => json(&activities().collect::<Vec<_>>())?,
    };
    console.print(&text);
    Ok(Exit::Fine)
}

fn activities() -> impl Iterator<Item = ActivityLine> {
    Activity::ALL.into_iter().map(|a| ActivityLine { activity: a.key(), title: a.title(), group: a.group() })
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|e| Failure::Fault(e.into()))
}

const fn better(d: Direction) -> &'static str {
    match d {
        Direction::Lower => "lower",
        Direction::Higher => "higher",
        Direction::Neutral => "neither",
    }
}

const fn group(g: Group) -> &'static str {
    match g {
        Group::Useful => "useful",
        Group::JobWaste => "the job's waste",
        Group::FleetWaste => "the fleet's waste",
    }
}
