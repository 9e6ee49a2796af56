//! Readers of published traces, life logs and price histories.
//!
//! | format | what it is | availability | lives |
//! |---|---|---|---|
//! | [`TraceFormat::SpotTraces`] | `{"metadata": {"gap_seconds": 600}, "data": [0, 1, …]}` | yes, polarity needed | |
//! | [`TraceFormat::AddRemove`] | lines `ms,add\|remove,node` | yes | yes |
//! | [`TraceFormat::Counts`] | lines `ms,count` or `date,time,count` | yes | |
//! | [`TraceFormat::Instances`] | log lines of created, running and lost instances | yes | yes |
//! | [`TraceFormat::Lifetimes`] | JSON of instances with their `time_in_sec` | | yes |
//!
//! The trap of 0/1 traces is their polarity: in `skypilot-org/spot-traces` 1 is *available*; the copies inside the
//! simulator of the same paper (FrontierCS/Frontier-CS, `cant_be_late`) are inverted bit by bit, 1 is *preempted*. The
//! files look alike. So the polarity must be said.
//!
//! In the folders called `availability` places were probed and not held: a run up is an upper bound on an instance's
//! life there. No file has a date; that the files of one folder begin together is an assumption.

mod input;
mod lines;
mod logs;
mod prices;
#[cfg(test)]
mod tests;
mod ticks;

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

pub use input::Input;
pub use logs::{Life, LifeLog};

use super::availability::Availability;
use crate::formats::{Node, Syntax, parse};
use crate::units::{Diagnostic, Diagnostics, Duration, Rate, SourceMap, Span};
use input::Text;

/// What a 1 in a 0/1 trace means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// 1 (or N) is what is available.
    OneIsAvailable,
    /// 1 is a preemption: nothing is available.
    OneIsPreempted,
}

/// How a trace is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// By its first words.
    #[default]
    Detect,
    /// skypilot-org/spot-traces, and the windows of FrontierCS/Frontier-CS, which are inverted.
    SpotTraces,
    /// uclasystem/bamboo and Hsword/SpotServe: a node comes or goes.
    AddRemove,
    /// JF-D/Parcae (milliseconds) and bamboo's `gcloud` (date and time): how many are live.
    Counts,
    /// stanford-futuredata/training_on_a_dime: logs of instances that are kept alive.
    Instances,
    /// kadupitiya/goog-preemption-data: how long each instance lived.
    Lifetimes,
}

impl TraceFormat {
    /// All that a file can be.
    pub const ALL: [TraceFormat; 5] = [
        TraceFormat::SpotTraces,
        TraceFormat::AddRemove,
        TraceFormat::Counts,
        TraceFormat::Instances,
        TraceFormat::Lifetimes,
    ];

    /// The word for it in scenarios and on the command line.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            TraceFormat::Detect => "detect",
            TraceFormat::SpotTraces => "spot_traces",
            TraceFormat::AddRemove => "add_remove",
            TraceFormat::Counts => "counts",
            TraceFormat::Instances => "instances",
            TraceFormat::Lifetimes => "lifetimes",
        }
    }
}

impl fmt::Display for TraceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// How to read a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// The format.
    pub format: TraceFormat,
    /// What a 1 means: needed for [`TraceFormat::SpotTraces`].
    pub polarity: Option<Polarity>,
    /// The time between values that the file must have.
    pub gap: Option<Duration>,
    /// Put lines in order of time; otherwise a time before the one above it is an error.
    pub sort: bool,
}

/// A price from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PricePoint {
    /// Availability zone.
    pub zone: String,
    /// Instance type.
    pub instance: String,
    /// What runs on it, `Linux/UNIX`.
    pub product: String,
    /// Since when.
    pub at: Timestamp,
    /// USD per hour of the whole machine.
    pub usd_per_hour: Rate,
}

/// Reads what one place offers over time. With it come warnings.
///
/// # Errors
/// All that is wrong with the file, with its places: also a 0/1 trace whose polarity is not said, and a gap that is not
/// the one asked for.
pub fn read_availability(
    input: Input<'_>,
    how: How,
    sources: &mut SourceMap,
) -> Result<(Availability, Diagnostics), Diagnostics> {
    let text = input.into_text(sources)?;
    let kind = Kind::of(&text, how.format, sources)?;
    if let Kind::Ticks(root) = &kind {
        return ticks::read(&text, root, how);
    }
    if how.polarity == Some(Polarity::OneIsPreempted) {
        let message = format!("`{}` counts what is live: it has no polarity", text.name);
        return Err(Diagnostic::error(message).help("leave `polarity` out, or say `OneIsAvailable`").into());
    }
    if let Some(gap) = how.gap {
        let message = format!("`{}` has changes at any time, and no gap of {gap}", text.name);
        return Err(Diagnostic::error(message).help("leave the gap out").into());
    }
    let dated = |(log, warnings): (LifeLog, Diagnostics)| (log.availability(), warnings);
    match kind {
        Kind::Counts => logs::counts(&text, how, sources),
        Kind::AddRemove => logs::add_remove(&text, how, sources).map(dated),
        Kind::Instances => logs::instances(&text, how, sources).map(dated),
        Kind::Ticks(_) | Kind::Lives(_) => {
            let message = format!("`{}` says how long instances lived, not when", text.name);
            Err(Diagnostic::error(message).help("use it as an empirical lifetime").into())
        }
    }
}

/// Reads the instances of a log: those that were taken, and those that lived on.
///
/// # Errors
/// All that is wrong with the file, with its places; a format that does not tell instances apart.
pub fn read_lives(input: Input<'_>, how: How, sources: &mut SourceMap) -> Result<(LifeLog, Diagnostics), Diagnostics> {
    let text = input.into_text(sources)?;
    match Kind::of(&text, how.format, sources)? {
        Kind::AddRemove => logs::add_remove(&text, how, sources),
        Kind::Instances => logs::instances(&text, how, sources),
        Kind::Lives(root) => logs::lifetimes(&text, &root),
        Kind::Ticks(_) | Kind::Counts => {
            let message = format!("`{}` says how many are available, not which", text.name);
            Err(Diagnostic::error(message).help("use it as an availability trace").into())
        }
    }
}

/// The lives of the instances that were taken, in the order in which they were. Those that lived on say something too:
/// [`read_lives`] has them, and [`super::lifetime::empirical`] counts them.
///
/// # Errors
/// As [`read_lives`].
pub fn read_lifetimes(
    input: Input<'_>,
    how: How,
    sources: &mut SourceMap,
) -> Result<(Vec<Duration>, Diagnostics), Diagnostics> {
    read_lives(input, how, sources).map(|(log, warnings)| (log.taken(), warnings))
}

/// Reads price histories: AWS's `describe-spot-price-history` as JSON, or the CSV of change points by tick. Several
/// files are merged: in order of zone, instance type, product and time, equal points once.
///
/// # Errors
/// All that is wrong with the files, with their places.
pub fn read_price_history(
    inputs: Vec<Input<'_>>,
    sources: &mut SourceMap,
) -> Result<(Vec<PricePoint>, Diagnostics), Diagnostics> {
    prices::read(inputs, sources)
}

/// What a text is, JSON parsed.
enum Kind {
    Ticks(Node),
    AddRemove,
    Counts,
    Instances,
    Lives(Node),
}

impl Kind {
    fn of(text: &Text, format: TraceFormat, sources: &SourceMap) -> Result<Kind, Diagnostics> {
        let words = sources.get(text.id).text.trim_start_matches('\u{feff}').trim_start();
        let json = || {
            let (root, out) = parse(text.id, sources, Syntax::Json);
            root.filter(|_| !out.has_errors()).ok_or(out)
        };
        match format {
            TraceFormat::SpotTraces => json().map(Kind::Ticks),
            TraceFormat::Lifetimes => json().map(Kind::Lives),
            TraceFormat::AddRemove => Ok(Kind::AddRemove),
            TraceFormat::Counts => Ok(Kind::Counts),
            TraceFormat::Instances => Ok(Kind::Instances),
            TraceFormat::Detect if words.starts_with('{') => {
                let root = json()?;
                let of_lives =
                    root.entries().and_then(<[_]>::first).is_some_and(|e| e.value.get("time_in_sec").is_some());
                Ok(if of_lives { Kind::Lives(root) } else { Kind::Ticks(root) })
            }
            TraceFormat::Detect => {
                let first = words.lines().next().unwrap_or("");
                let second = first.split(',').nth(1).map(str::trim);
                match first.as_bytes().first() {
                    Some(b'[') => Ok(Kind::Instances),
                    Some(b'0'..=b'9' | b'-') if matches!(second, Some("add" | "remove")) => Ok(Kind::AddRemove),
                    Some(b'0'..=b'9' | b'-') if second.is_some() => Ok(Kind::Counts),
                    _ => {
                        let end = first.len().min(60) as u32;
                        let keys: Vec<&str> = TraceFormat::ALL.iter().map(|f| f.key()).collect();
                        let d = Diagnostic::error(format!("`{}` is of no known format", text.name));
                        let d = d.at(text.id, Span { start: 0, end }, "begins like none of them");
                        Err(d.help(format!("the formats are {}; say which it is", keys.join(", "))).into())
                    }
                }
            }
        }
    }
}
