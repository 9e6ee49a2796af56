//! Who lived when: from logs of nodes that come and go, and counts of those that are live.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use rustc_hash::FxHashMap;

use super::How;
use super::input::Text;
use super::lines::{Faults, Field, Line, lines};
use crate::formats::tree::shorten;
use crate::formats::{Node, Value};
use crate::market::Availability;
use crate::units::{Diagnostic, Diagnostics, Duration, SourceMap, Span, nearest};

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// What it was: `v100x8`, a machine type; empty where the log does not say.
    pub kind: String,
    /// When it came, since the log's start; zero in a list of lives without times.
    pub born: Duration,
    /// How long it was seen alive.
    pub lived: Duration,
    /// It was taken. Otherwise its user ended it or the log did, and it lived at least so long.
    pub taken: bool,
}

/// The instances of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifeLog {
    /// In the order in which they ended; those alive at the end of the log last.
    pub lives: Vec<Life>,
    /// Launches that got nothing.
    pub launches_failed: u64,
    /// From the log's start to its last line.
    pub length: Duration,
    /// The log has times, so that what was alive when can be told.
    pub dated: bool,
}

impl LifeLog {
    /// Those of a kind; all for an empty word.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Life> {
        self.lives.iter().filter(move |l| kind.is_empty() || l.kind == kind)
    }

    /// Mean time to a preemption of a kind, in hours: all the time lived over the number taken. Infinite where none
    /// was.
    #[must_use]
    pub fn mttp_hours(&self, kind: &str) -> f64 {
        let lived: f64 = self.of_kind(kind).map(|l| l.lived.as_hours_f64()).sum();
        lived / self.of_kind(kind).filter(|l| l.taken).count() as f64
    }

    /// The lives of those that were taken.
    #[must_use]
    pub fn taken(&self) -> Vec<Duration> {
        self.lives.iter().filter(|l| l.taken).map(|l| l.lived).collect()
    }

    /// How many were taken at each instant at which any was, in order of time.
    #[must_use]
    pub fn batches(&self) -> Vec<u32> {
        let mut ends: Vec<Duration> = self.lives.iter().filter(|l| l.taken).map(|l| l.born + l.lived).collect();
        ends.sort_unstable();
        ends.chunk_by(|a, b| a == b).map(|c| c.len() as u32).collect()
    }

    /// How many were alive when.
    #[must_use]
    pub fn availability(&self) -> Availability {
        let mut changes: Vec<(Duration, i64)> = Vec::new();
        for life in &self.lives {
            changes.push((life.born, 1));
            if life.born + life.lived < self.length {
                changes.push((life.born + life.lived, -1));
            }
        }
        changes.sort_unstable_by_key(|c| c.0);
        let mut alive = 0_i64;
        let steps = changes.chunk_by(|a, b| a.0 == b.0).map(|c| {
            alive += c.iter().map(|x| x.1).sum::<i64>();
            (c[0].0, u32::try_from(alive.max(0)).unwrap_or(u32::MAX))
        });
        Availability::of_steps(steps.collect(), self.length)
    }
}

const MS: u64 = 1_000_000;

/// A time that must not lie before the one above it.
struct Clock {
    last: Option<Duration>,
    sort: bool,
    /// How many did, where that is allowed.
    back: usize,
}

impl Clock {
    fn tick(&mut self, at: Duration, span: Span, faults: &mut Faults) {
        match self.last {
            Some(last) if at < last && !self.sort => faults.add(
                span,
                format!("this time is {} before that of the line above", last - at),
                "times must not descend",
                "put the lines in order, or ask for that with `sort: true`",
            ),
            Some(last) if at < last => self.back += 1,
            _ => {}
        }
        // Only falls are reported, not all that comes after a single time that is too late.
        self.last = Some(at);
    }

    fn warning(&self, name: &str) -> Diagnostics {
        if self.back == 0 {
            return Diagnostics::default();
        }
        let lines = if self.back == 1 { "1 line was".to_owned() } else { format!("{} lines were", self.back) };
        Diagnostic::warning(format!("{lines} earlier than the one above in `{name}`; they were put in order")).into()
    }
}

fn milliseconds(field: Field<'_>, faults: &mut Faults) -> Option<Duration> {
    let found = field.text.parse::<u64>().ok().and_then(|ms| ms.checked_mul(MS)).map(Duration);
    if found.is_none() {
        let message = match field.text {
            "" => "the time is missing".to_owned(),
            t if t.starts_with('-') => format!("the time is negative: {}", shorten(t)),
            t => format!("`{}` is not a time", shorten(t)),
        };
        faults.add(field.span, message, "expected whole milliseconds since the trace's start", "");
    }
    found
}

/// The fields of a line, if they are as many as they should be.
fn fields<'t>(line: &Line<'t>, wanted: usize, shape: &str, faults: &mut Faults) -> Option<Vec<Field<'t>>> {
    let fields = line.fields();
    if fields.len() == wanted {
        return Some(fields);
    }
    let message = format!("line {} has {} of {wanted} fields", line.number, fields.len());
    let help =
        if line.cut && fields.len() < wanted { "the file ends here: was it cut short? Fetch it again" } else { "" };
    faults.add(line.span(), message, format!("expected `{shape}`"), help);
    None
}

/// `ms,add|remove,node`.
pub(super) fn add_remove(text: &Text, how: How, sources: &SourceMap) -> Result<(LifeLog, Diagnostics), Diagnostics> {
    let mut faults = Faults::new(text.id);
    let mut clock = Clock { last: None, sort: how.sort, back: 0 };
    let mut events: Vec<(Duration, bool, &str, Span)> = Vec::new();
    for line in lines(&sources.get(text.id).text) {
        let Some(f) = fields(&line, 3, "milliseconds,add or remove,node", &mut faults) else { continue };
        let at = milliseconds(f[0], &mut faults);
        let add = match f[1].text {
            "add" => Some(true),
            "remove" => Some(false),
            word => {
                let help = nearest(word, ["add", "remove"]).map_or(String::new(), |n| format!("is it `{n}`?"));
                let message = format!("`{}` is neither `add` nor `remove`", shorten(word));
                faults.add(f[1].span, message, "expected `add` or `remove`", &help);
                None
            }
        };
        if f[2].text.is_empty() {
            faults.add(line.span(), "the node has no name", "expected `milliseconds,add or remove,node`", "");
        }
        if let (Some(at), Some(add)) = (at, add) {
            clock.tick(at, f[0].span, &mut faults);
            events.push((at, add, f[2].text, f[2].span));
        }
    }
    events.sort_by_key(|e| e.0);
    let length = events.last().map_or(Duration::ZERO, |e| e.0);
    let mut alive = Alive::default();
    let mut lives = Vec::new();
    for (at, add, node, span) in events {
        match (add, alive.remove(node)) {
            (true, None) => alive.insert(node, String::new(), at),
            (true, Some(_)) => {
                faults.add(span, format!("`{}` is added while it is there", shorten(node)), "added before", "");
            }
            (false, Some((kind, born))) => lives.push(Life { kind, born, lived: at - born, taken: true }),
            (false, None) => {
                faults.add(span, format!("`{}` is removed while it is not there", shorten(node)), "was not added", "");
            }
        }
    }
    lives.extend(alive.rest(length));
    let log = LifeLog { lives, launches_failed: 0, length, dated: true };
    check_length(log.length, text, &mut faults);
    faults.finish((log, clock.warning(&text.name)))
}

fn check_length(length: Duration, text: &Text, faults: &mut Faults) {
    if length == Duration::ZERO && !faults.any() {
        let message = format!("no time passes in `{}`", text.name);
        faults.add(Span { start: 0, end: 0 }, message, "all lines are of one instant", "");
    }
}

/// Instances that are alive, in the order in which they came.
#[derive(Default)]
struct Alive<'t> {
    by_name: FxHashMap<&'t str, usize>,
    slots: Vec<Option<(String, Duration)>>,
}

impl<'t> Alive<'t> {
    fn insert(&mut self, name: &'t str, kind: String, born: Duration) {
        self.by_name.insert(name, self.slots.len());
        self.slots.push(Some((kind, born)));
    }

    fn remove(&mut self, name: &str) -> Option<(String, Duration)> {
        self.slots[self.by_name.remove(name)?].take()
    }

    fn rest(self, end: Duration) -> impl Iterator<Item = Life> {
        let life = move |(kind, born): (String, Duration)| Life { kind, born, lived: end - born, taken: false };
        self.slots.into_iter().flatten().map(life)
    }
}

/// `ms,count` or `date,time,count`.
pub(super) fn counts(text: &Text, how: How, sources: &SourceMap) -> Result<(Availability, Diagnostics), Diagnostics> {
    let mut faults = Faults::new(text.id);
    let mut clock = Clock { last: None, sort: how.sort, back: 0 };
    let mut first: Option<DateTime> = None;
    let mut wanted = None;
    let mut rows: Vec<(i128, u32, Span)> = Vec::new();
    for line in lines(&sources.get(text.id).text) {
        let n = *wanted.get_or_insert_with(|| if line.fields().len() >= 3 { 3 } else { 2 });
        let shape = if n == 3 { "date,time,count" } else { "milliseconds,count" };
        let Some(f) = fields(&line, n, shape, &mut faults) else { continue };
        let at = if n == 2 {
            milliseconds(f[0], &mut faults).map(|d| i128::from(d.0))
        } else {
            stamp(&f, &mut faults).map(|at| nanoseconds(*first.get_or_insert(at), at))
        };
        let count = f[n - 1].text.parse::<u32>().ok();
        if count.is_none() {
            let message = format!("`{}` is not a number of nodes", shorten(f[n - 1].text));
            faults.add(f[n - 1].span, message, "expected a whole number, 0 or more", "");
        }
        if let (Some(at), Some(count)) = (at, count) {
            rows.push((at, count, f[0].span));
        }
    }
    // Dates count from the earliest; milliseconds from the trace's own start.
    let zero = if wanted == Some(3) { rows.iter().map(|r| r.0).min().unwrap_or(0) } else { 0 };
    let mut steps = Vec::with_capacity(rows.len());
    for (at, count, span) in rows {
        let at = Duration(u64::try_from(at - zero).unwrap_or(u64::MAX));
        clock.tick(at, span, &mut faults);
        steps.push((at, count));
    }
    steps.sort_by_key(|s| s.0);
    let length = steps.last().map_or(Duration::ZERO, |s| s.0);
    check_length(length, text, &mut faults);
    faults.finish((Availability::of_steps(steps, length), clock.warning(&text.name)))
}

fn stamp(f: &[Field<'_>], faults: &mut Faults) -> Option<DateTime> {
    let date = f[0].text.parse::<Date>().ok();
    if date.is_none() {
        faults.add(f[0].span, format!("`{}` is not a date", shorten(f[0].text)), "expected 2021-12-11", "");
    }
    let time = f[1].text.parse::<Time>().ok();
    if time.is_none() {
        faults.add(f[1].span, format!("`{}` is not a time of day", shorten(f[1].text)), "expected 11:13:10", "");
    }
    Some(date?.to_datetime(time?))
}

/// Clock time from one to the other; no zone is stated, so that a change of the clock would show as it is.
fn nanoseconds(from: DateTime, to: DateTime) -> i128 {
    to.duration_since(from).as_nanos()
}

/// `[time] Created instance …`, `… running …`, `… not running …`, `… creation failed`, `Successfully deleted …`.
pub(super) fn instances(text: &Text, how: How, sources: &SourceMap) -> Result<(LifeLog, Diagnostics), Diagnostics> {
    let mut faults = Faults::new(text.id);
    let mut clock = Clock { last: None, sort: how.sort, back: 0 };
    let mut start: Option<Timestamp> = None;
    let mut events: Vec<(Duration, Seen<'_>, Span)> = Vec::new();
    let mut known = 0_usize;
    let mut unknown: Option<(Span, usize)> = None;
    for line in lines(&sources.get(text.id).text) {
        let Some((stamp, said)) = line.text.trim_start().strip_prefix('[').and_then(|t| t.split_once(']')) else {
            match &mut unknown {
                Some((_, n)) => *n += 1,
                None => unknown = Some((line.span(), 1)),
            }
            continue;
        };
        let field = line.after_bracket(stamp);
        let Ok(at) = field.text.parse::<Timestamp>() else {
            let message = format!("`{}` is not an instant", shorten(stamp));
            faults.add(field.span, message, "expected 2020-03-01T10:11:21.000Z", "");
            continue;
        };
        let Some(seen) = Seen::of(said.trim()) else {
            match &mut unknown {
                Some((_, n)) => *n += 1,
                None => unknown = Some((line.span(), 1)),
            }
            continue;
        };
        known += 1;
        let since = at.as_nanosecond() - start.get_or_insert(at).as_nanosecond();
        // With `sort` a line may be earlier than the first; such a log is taken to begin with its first line.
        let at = Duration(u64::try_from(since.max(0)).unwrap_or(u64::MAX));
        if since < 0 && !how.sort {
            let help = "put the lines in order, or ask for that with `sort: true`";
            faults.add(field.span, "this time is before that of the first line", "times must not descend", help);
        }
        clock.tick(at, field.span, &mut faults);
        events.push((at, seen, line.span()));
    }
    events.sort_by_key(|e| e.0);
    let mut warnings = clock.warning(&text.name);
    if let Some((span, n)) = unknown {
        if known == 0 {
            let shape =
                "expected `[2020-03-01T10:11:21.000Z] Created instance NAME with 1 GPU(s) of type v100 in zone Z`";
            faults.add(span, format!("`{}` is not a log of instances", text.name), shape, "");
        } else {
            let lines = if n == 1 { "1 line is".to_owned() } else { format!("{n} lines are") };
            let message = format!("{lines} not about an instance in `{}`", text.name);
            warnings.push(Diagnostic::warning(message).at(text.id, span, "the first of them"));
        }
    }
    let length = events.last().map_or(Duration::ZERO, |e| e.0);
    let mut log = LifeLog { lives: Vec::new(), launches_failed: 0, length, dated: true };
    let mut alive = Alive::default();
    for (at, seen, span) in events {
        match seen {
            Seen::Created { name, kind } => match alive.remove(name) {
                None => alive.insert(name, kind, at),
                Some(_) => {
                    let message = format!("`{}` is created while it is there", shorten(name));
                    faults.add(span, message, "created before", "");
                }
            },
            Seen::Failed => log.launches_failed += 1,
            // A failed launch is followed by the same line, about an instance that never was.
            Seen::Gone { name } => {
                if let Some((kind, born)) = alive.remove(name) {
                    log.lives.push(Life { kind, born, lived: at - born, taken: true });
                }
            }
            Seen::Deleted { name } => {
                if let Some((kind, born)) = alive.remove(name) {
                    log.lives.push(Life { kind, born, lived: at - born, taken: false });
                }
            }
            Seen::Running => {}
        }
    }
    log.lives.extend(alive.rest(length));
    check_length(length, text, &mut faults);
    faults.finish((log, warnings))
}

/// What a line says.
enum Seen<'t> {
    Created { name: &'t str, kind: String },
    Failed,
    Running,
    Gone { name: &'t str },
    Deleted { name: &'t str },
}

impl Seen<'_> {
    fn of(said: &str) -> Option<Seen<'_>> {
        if said.ends_with("creation failed") {
            return Some(Seen::Failed);
        }
        if let Some(rest) = said.strip_prefix("Created instance ") {
            let (name, rest) = rest.split_once(" with ")?;
            let (gpus, rest) = rest.split_once(" GPU(s) of type ")?;
            let (kind, _) = rest.split_once(" in zone ")?;
            let kind = kind.strip_prefix("nvidia-tesla-").unwrap_or(kind);
            return Some(Seen::Created { name, kind: format!("{kind}x{gpus}") });
        }
        if let Some(name) = said.strip_prefix("Successfully deleted instance ") {
            return Some(Seen::Deleted { name });
        }
        let rest = said.strip_prefix("Instance ")?;
        if let Some((name, _)) = rest.split_once(" not running") {
            return Some(Seen::Gone { name });
        }
        rest.contains(" running").then_some(Seen::Running)
    }
}

/// JSON of instances by name: `time_in_sec`, and whether `compute.instances.preempted` is there. Of the published 1,442
/// about half were stopped by their user: those lived at least so long.
pub(super) fn lifetimes(text: &Text, root: &Node) -> Result<(LifeLog, Diagnostics), Diagnostics> {
    let mut faults = Faults::new(text.id);
    let mut lives = Vec::new();
    let entries = root.entries().unwrap_or(&[]);
    for e in entries {
        let name = e.key.key_text().unwrap_or("");
        let Some(node) = e.value.get("time_in_sec") else {
            let message = format!("`{}` has no `time_in_sec`", shorten(name));
            faults.add(e.key.at.1, message, "an instance without its life", "");
            continue;
        };
        let seconds = match &node.value {
            Value::Number(n) => n.parse::<f64>().ok().filter(|s| (0.0..=1e10).contains(s)),
            _ => None,
        };
        let Some(seconds) = seconds else {
            let message = format!("the life of `{}` is {}, not seconds", shorten(name), node.found());
            faults.add(node.at.1, message, "expected seconds, 0 or more", "");
            continue;
        };
        let kind = e.value.get("instance_data").and_then(|d| d.get("MACHINE_TYPE")).and_then(Node::as_text);
        lives.push(Life {
            kind: kind.unwrap_or("").to_owned(),
            born: Duration::ZERO,
            lived: Duration::from_secs_f64(seconds),
            taken: e.value.get("compute.instances.preempted").is_some() || e.value.get("stop").is_none(),
        });
    }
    if entries.is_empty() {
        faults.add(root.head().1, format!("`{}` has no instances", text.name), "nothing here", "");
    }
    let length = lives.iter().map(|l| l.lived).max().unwrap_or(Duration::ZERO);
    faults.finish((LifeLog { lives, launches_failed: 0, length, dated: false }, Diagnostics::default()))
}
