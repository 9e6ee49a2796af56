//! A request trace that was read once and checked, ready to be replayed.
//!
//! Opening reads the whole file: all of its faults are told then, with what was dropped and why. Up to 2²⁰ requests are kept in memory (32 MiB);
//! a longer file is read again, row by row, by every replay, so that memory does not grow with it. Files with prefix
//! blocks are always kept.

use std::path::Path;
use std::sync::Arc;

use super::grid::Grid;
use super::read::{Format, Input, Reader, Row};
use super::synth::clip;
use crate::formats::rows::Outcome;
use crate::kernel::Moments;
use crate::units::{Diagnostic, Diagnostics, Duration, Label, Name, SimTime, SourceMap};
use crate::workload::trace::{Clock, Moment, window};

/// What happens to requests beyond the model's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Over {
    /// Each is a fault of the file, wherever in it.
    #[default]
    Reject,
    /// They are left out, and counted.
    Drop,
    /// They are cut (first the output, to leave room for a token of input, then the input), and counted.
    Clip,
}

/// What happens to BurstGPT's failures: requests whose answer has no tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failures {
    /// They are left out, and counted.
    #[default]
    Drop,
    /// They stay, as requests of one token: their prompts were sent.
    Keep,
}

/// How the rate of a trace is changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Times are divided by this: what took an hour takes less. The day's phase is lost.
    Time(f64),
    /// Each request comes so many times on average: below 1 it is kept with this probability (the trace is thinned), above 1 it
    /// has copies, each later than it by up to a minute (uniform), with sessions and prefixes of their own.
    Number(f64),
}

/// What follows the end of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing.
    #[default]
    Once,
    /// The trace again, at once.
    BackToBack,
    /// The trace again after a whole number of days, always at the time of day that it was recorded at: a replay that begins
    /// at noon begins with the trace's noon. Times of traces without dates count from midnight.
    Days,
    /// The same by weeks; times of traces without dates count from Monday, 00:00.
    Weeks,
}

/// What happens to times that lie on a grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jitter {
    /// They stay.
    Off,
    /// If the trace is found to lie on a grid, each is moved forward within its step, uniformly.
    #[default]
    Grid,
    /// Each is moved forward within so much.
    Within(Duration),
}

/// How a trace is read and replayed. `Default` takes all of it, once, as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Start of the window.
    pub from: Option<Moment>,
    /// End of the window, not in it.
    pub to: Option<Moment>,
    /// At most so many requests of the window.
    pub limit: Option<u64>,
    /// Sort the file by time, which must be sorted otherwise; up to 2²⁰ rows.
    pub sort: bool,
    /// The model's context, input and output.
    pub context: Option<u32>,
    /// What happens to requests beyond it.
    pub over: Over,
    /// What happens to failures.
    pub failures: Failures,
    /// How the rate is changed.
    pub scale: Scale,
    /// What follows its end.
    pub repeat: Repeat,
    /// What happens to times on a grid.
    pub jitter: Jitter,
    /// Labels of all requests, besides those of the file (BurstGPT's `model` and `log`); these win.
    pub labels: Vec<Label>,
    /// Priority of all requests.
    pub priority: i8,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            from: None,
            to: None,
            limit: None,
            sort: false,
            context: None,
            over: Over::default(),
            failures: Failures::default(),
            scale: Scale::Time(1.0),
            repeat: Repeat::default(),
            jitter: Jitter::default(),
            labels: Vec::new(),
            priority: 0,
        }
    }
}

impl Options {
    fn check(&self) -> Result<(), Diagnostics> {
        let mut bad = Diagnostics::default();
        let (what, factor) = match self.scale {
            Scale::Time(f) => ("time", f),
            Scale::Number(f) => ("number", f),
        };
        if !(1e-6..=1e6).contains(&factor) {
            bad.push(Diagnostic::error(format!("the {what} factor is {factor}, not from 0.000001 to 1000000")));
        }
        if matches!(self.scale, Scale::Number(f) if f > 1e3) {
            bad.push(Diagnostic::error(format!("the number factor is {factor}: at most 1000 copies are made")));
        }
        if matches!(self.repeat, Repeat::Days | Repeat::Weeks) && self.scale != Scale::Time(1.0) && what == "time" {
            let d = Diagnostic::error("a trace that keeps the day's phase cannot be scaled in time");
            bad.push(d.help("scale the number of requests instead"));
        }
        if self.context.is_some_and(|c| c < 2) {
            bad.push(Diagnostic::error("a context has room for at least 2 tokens"));
        }
        if bad.list.is_empty() { Ok(()) } else { Err(bad) }
    }
}

/// What a trace holds. Lengths are of the requests kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows read.
    pub rows: u64,
    /// Requests of the window that are replayed.
    pub kept: u64,
    /// Rows before the window.
    pub before: u64,
    /// Rows after it, or beyond the limit.
    pub after: u64,
    /// Failures left out.
    pub failures: u64,
    /// Requests left out because they exceed the context.
    pub over: u64,
    /// Requests cut to the context.
    pub clipped: u64,
    /// Tokens of prompts.
    pub input: Moments,
    /// Tokens generated.
    pub output: Moments,
    /// Seconds between arrivals.
    pub gaps: Moments,
    /// From the window's start to its end.
    pub span: Duration,
    /// The step of the grid that times lie on.
    pub grid: Option<Duration>,
}

/// A checked trace.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub(super) name: Name,
    pub(super) options: Options,
    pub(super) rows: Rows,
    /// The window on the trace's clock.
    pub(super) start: u64,
    /// From one repetition to the next on the trace's clock; 0 when there is none.
    pub(super) period: u64,
    /// The highest session of a row.
    pub(super) sessions: u32,
    format: Format,
    label_sets: Vec<Vec<Label>>,
    summary: Summary,
    notices: Vec<String>,
}

/// Where a replay takes its rows from.
#[derive(Clone, Debug)]
pub(super) enum Rows {
    /// Those of the window, and the ids of their blocks.
    Held(Arc<(Vec<Row>, Vec<u32>)>),
    /// The file, to be read again.
    File { input: Input, format: Format, filter: Filter },
}

/// Which rows are replayed, and how they are cut.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    from: u64,
    to: u64,
    left: u64,
    context: u32,
    over: Over,
    failures: Failures,
}

/// What a filter says of a row.
pub(super) enum Verdict {
    Keep(Row),
    Clipped(Row),
    Before,
    After,
    Failure,
    Over,
}

impl Filter {
    pub fn judge(&mut self, mut row: Row) -> Verdict {
        if row.at < self.from {
            return Verdict::Before;
        }
        if row.at >= self.to || self.left == 0 {
            return Verdict::After;
        }
        if row.output == 0 {
            if self.failures == Failures::Drop {
                return Verdict::Failure;
            }
            row.output = 1;
        }
        let over = u64::from(row.input) + u64::from(row.output) > u64::from(self.context);
        if over && self.over == Over::Drop {
            return Verdict::Over;
        }
        self.left -= 1;
        if !over {
            return Verdict::Keep(row);
        }
        (row.input, row.output) = clip(row.input, row.output, self.context);
        row.blocks = row.blocks.min(row.input.div_ceil(super::BLOCK_TOKENS).min(u32::from(u16::MAX)) as u16);
        Verdict::Clipped(row)
    }
}

/// Requests that are kept in memory.
const HOLD: usize = 1 << 20;
/// Faults after which reading stops.
const MOST_FAULTS: usize = 20;

impl Recorded {
    /// Reads and checks a trace; its format by its first line where none is named. `name` keys the random streams.
    ///
    /// # Errors
    /// All faults of the options or of the file (at most twenty), or a window without requests.
    pub fn open(
        name: Name,
        format: Option<Format>,
        path: &Path,
        options: Options,
        sources: &mut SourceMap,
    ) -> Result<Recorded, Diagnostics> {
        Recorded::new(name, format, Input::File(path.to_owned()), options, HOLD, sources)
    }

    /// The same from bytes, under the file name that diagnostics show.
    ///
    /// # Errors
    /// As [`Recorded::open`].
    pub fn from_bytes(
        name: Name,
        format: Option<Format>,
        file: &str,
        bytes: impl Into<Arc<[u8]>>,
        options: Options,
        sources: &mut SourceMap,
    ) -> Result<Recorded, Diagnostics> {
        Recorded::new(name, format, Input::Bytes(file.to_owned(), bytes.into()), options, HOLD, sources)
    }

    /// `hold`: how many rows are kept in memory.
    pub(super) fn new(
        name: Name,
        format: Option<Format>,
        input: Input,
        options: Options,
        hold: usize,
        sources: &mut SourceMap,
    ) -> Result<Recorded, Diagnostics> {
        options.check()?;
        fn fault<T>(outcome: Outcome<T>, sources: &mut SourceMap) -> Result<T, Diagnostics> {
            outcome.map_err(|f| f.into_diagnostic(sources).into())
        }
        let found = match format {
            Some(f) => f,
            None => {
                let line = fault(input.first_line(), sources)?;
                Format::detect(&line).ok_or_else(|| unknown(&input.name()))?
            }
        };
        let mut reader = fault(Reader::new(&input, found), sources)?;
        reader.any_order = options.sort;
        reader.context = options.context.filter(|_| options.over == Over::Reject);
        let mut scan = Scan { hold: Some(Vec::new()), ..Scan::default() };
        let mut bad = Diagnostics::default();
        let mut failed_at = None;
        // Rows to sort are judged when all are there.
        let mut unsorted = Vec::new();
        loop {
            match reader.next() {
                Ok(None) => break,
                Ok(Some(row)) if options.sort => {
                    unsorted.push(row);
                    if unsorted.len() > hold {
                        let d = Diagnostic::error(format!("`{}` is too long to sort here", input.name()));
                        return Err(d.help(format!("at most {hold} rows: sort the file")).into());
                    }
                }
                Ok(Some(row)) => {
                    scan.row(row, found, &options, &mut reader.arena)?;
                    if found != Format::Mooncake && scan.hold.as_ref().is_some_and(|h| h.len() > hold) {
                        scan.hold = None;
                    }
                }
                Err(f) => {
                    // A fault that comes again cannot be read past.
                    let again = failed_at == Some(f.line) || f.line == 0;
                    failed_at = Some(f.line);
                    if !again || bad.list.is_empty() {
                        bad.push(f.into_diagnostic(sources));
                    }
                    if again {
                        break;
                    }
                    if bad.list.len() >= MOST_FAULTS {
                        bad.push(Diagnostic::error(format!("reading stopped after {MOST_FAULTS} faults")));
                        break;
                    }
                }
            }
        }
        if bad.has_errors() {
            return Err(bad);
        }
        let disorder = unsorted.windows(2).filter(|w| w[1].at < w[0].at).count();
        unsorted.sort_by_key(|r| r.at);
        for row in unsorted {
            // The ids of a row that is left out stay: others of higher rows may lie beyond them.
            scan.row(row, found, &options, &mut Vec::new())?;
        }
        let mut notices = Vec::new();
        if disorder > 0 {
            notices.push(format!("{disorder} rows were earlier than the row before them: sorted by time"));
        }
        notices.extend(reader.tables.notice());
        let label_sets = with_labels(reader.tables.label_sets(), &options.labels);
        let arena = std::mem::take(&mut reader.arena);
        scan.finish(
            Recorded {
                name,
                rows: Rows::File {
                    input,
                    format: found,
                    filter: Filter { from: 0, to: 0, left: 0, context: 0, over: Over::Drop, failures: Failures::Drop },
                },
                options,
                start: 0,
                period: 0,
                sessions: 0,
                format: found,
                label_sets,
                summary: Summary::default(),
                notices,
            },
            arena,
        )
    }

    /// Its format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// What it holds.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What the user should know, a sentence each.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Sets of labels, each ordered by key.
    #[must_use]
    pub fn label_sets(&self) -> &[Vec<Label>] {
        &self.label_sets
    }

    /// Whether it is kept in memory.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.rows, Rows::Held(_))
    }

    /// How far times are moved forward, on the trace's clock.
    pub(super) fn step(&self) -> Duration {
        match self.options.jitter {
            Jitter::Off => Duration::ZERO,
            Jitter::Grid => self.summary.grid.unwrap_or_default(),
            Jitter::Within(d) => d,
        }
    }

    /// The ids of blocks of a recorded prompt.
    pub(super) fn blocks(&self, start: u32, len: u16) -> &[u32] {
        match &self.rows {
            Rows::Held(kept) => kept.1.get(start as usize..start as usize + usize::from(len)).unwrap_or_default(),
            Rows::File { .. } => &[],
        }
    }
}

fn unknown(name: &str) -> Diagnostics {
    let mut d = Diagnostic::error(format!("`{name}` is no request trace that is known"));
    for f in Format::ALL {
        let named = if f == Format::Mooncake { "objects with the fields" } else { "a header with the columns" };
        d = d.help(format!("{f} has {named} {}", f.marks().join(", ")));
    }
    d.into()
}

/// The file's sets with the labels of all requests added.
fn with_labels(sets: &[Vec<Label>], more: &[Label]) -> Vec<Vec<Label>> {
    let both = |set: &Vec<Label>| {
        let own = set.iter().filter(|l| more.iter().all(|m| m.key != l.key));
        let mut out: Vec<Label> = own.chain(more).cloned().collect();
        out.sort();
        out
    };
    sets.iter().map(both).collect()
}

/// The pass that checks a file.
#[derive(Default)]
struct Scan {
    filter: Option<Filter>,
    first_filter: Option<Filter>,
    /// Where the trace, and its window, begin.
    start: u64,
    window: (u64, Option<u64>),
    hold: Option<Vec<Row>>,
    grid: Grid,
    last: Option<u64>,
    sessions: u32,
    summary: Summary,
}

impl Scan {
    fn row(&mut self, row: Row, format: Format, options: &Options, arena: &mut Vec<u32>) -> Result<(), Diagnostics> {
        if self.filter.is_none() {
            self.begin(row, format, options)?;
        }
        let Some(filter) = &mut self.filter else { return Ok(()) };
        let s = &mut self.summary;
        s.rows += 1;
        let verdict = filter.judge(row);
        let kept = match verdict {
            Verdict::Keep(row) => row,
            Verdict::Clipped(row) => {
                s.clipped += 1;
                row
            }
            other => {
                match other {
                    Verdict::Before => s.before += 1,
                    Verdict::After => s.after += 1,
                    Verdict::Failure => s.failures += 1,
                    _ => s.over += 1,
                }
                // Its blocks were the last.
                arena.truncate(row.start as usize);
                return Ok(());
            }
        };
        s.kept += 1;
        s.input.add(f64::from(kept.input));
        s.output.add(f64::from(kept.output));
        if let Some(last) = self.last {
            s.gaps.add(Duration(kept.at - last).as_secs_f64());
            self.grid.gap(kept.at - last);
        }
        self.last = Some(kept.at);
        self.sessions = self.sessions.max(kept.session);
        if let Some(hold) = &mut self.hold {
            hold.push(kept);
        }
        Ok(())
    }

    /// At the first row the window is known.
    fn begin(&mut self, row: Row, format: Format, options: &Options) -> Result<(), Diagnostics> {
        let (clock, start) = if format.has_dates() { (Clock::Civil, row.at) } else { (Clock::Relative, 0) };
        let at = |m: Option<Moment>| m.map(|m| window::moment(m, clock, SimTime(start))).transpose();
        let wrong = |why: String| Diagnostics::from(Diagnostic::error(why));
        let (from, to) =
            (at(options.from).map_err(wrong)?.map_or(start, |t| t.0), at(options.to).map_err(wrong)?.map(|t| t.0));
        if to.is_some_and(|t| t <= from) {
            return Err(Diagnostic::error("the window of the trace ends before it begins").into());
        }
        self.start = start;
        self.window = (from, to);
        self.filter = Some(Filter {
            from,
            to: to.unwrap_or(u64::MAX),
            left: options.limit.unwrap_or(u64::MAX),
            context: options.context.unwrap_or(u32::MAX),
            over: options.over,
            failures: options.failures,
        });
        self.first_filter = self.filter.clone();
        Ok(())
    }

    fn finish(mut self, mut out: Recorded, arena: Vec<u32>) -> Result<Recorded, Diagnostics> {
        let Rows::File { input, format, .. } = &out.rows else { return Ok(out) };
        let name = input.name();
        let s = &mut self.summary;
        let Some(filter) = self.first_filter else {
            let d = Diagnostic::error(format!("`{name}` holds no requests"));
            return Err(d.help("a trace has one request a row: is the file whole?").into());
        };
        let Some(last) = self.last else {
            let d = Diagnostic::error(format!("none of the {} requests of `{name}` is left", s.rows));
            let why = format!(
                "{} are before the window, {} after it, {} failed, {} exceed the context",
                s.before, s.after, s.failures, s.over
            );
            return Err(d.help(why).into());
        };
        let (from, to) = self.window;
        let to = to.filter(|_| s.kept < out.options.limit.unwrap_or(u64::MAX));
        s.span = Duration(to.unwrap_or(last) - from);
        s.grid = self.grid.step();
        out.start = from;
        out.sessions = self.sessions;
        let per = |unit: Duration| s.span.0.div_ceil(unit.0).max(1) * unit.0;
        out.period = match out.options.repeat {
            Repeat::Once => 0,
            Repeat::Days => per(Duration::from_hours(24)),
            Repeat::Weeks => per(Duration::from_hours(168)),
            // After the last request as long a gap as there is on average.
            Repeat::BackToBack if to.is_none() => s.span.0 + s.span.0 / (s.kept - 1).max(1),
            Repeat::BackToBack => s.span.0,
        };
        if out.options.repeat != Repeat::Once && out.period == 0 {
            let d = Diagnostic::error(format!("`{name}` has no length, so that it cannot be repeated"));
            return Err(d.help("name the end of its window").into());
        }
        out.notices.extend(notices(s, &out.options, out.period));
        out.rows = match self.hold {
            Some(rows) => Rows::Held(Arc::new((rows, arena))),
            None => Rows::File { input: input.clone(), format: *format, filter },
        };
        out.summary = self.summary;
        Ok(out)
    }
}

fn notices(s: &Summary, options: &Options, period: u64) -> Vec<String> {
    let mut out = Vec::new();
    if s.before + s.after > 0 {
        out.push(format!(
            "{} of {} requests are in the window; {} come before it, {} after it or beyond the limit",
            s.kept, s.rows, s.before, s.after
        ));
    }
    if s.failures > 0 {
        out.push(format!("{} requests without an answer (failures) were left out", s.failures));
    }
    if s.over > 0 {
        out.push(format!("{} requests beyond the context were left out", s.over));
    }
    if s.clipped > 0 {
        out.push(format!("{} requests were cut to the context", s.clipped));
    }
    if let Some(step) = s.grid {
        let does = match options.jitter {
            Jitter::Grid => "each is moved forward within it",
            Jitter::Off => "they stay there, and requests come in clumps",
            Jitter::Within(_) => "each is moved forward as asked",
        };
        out.push(format!("times lie on a grid of {step}: {does}"));
    }
    if matches!(options.repeat, Repeat::Days | Repeat::Weeks) {
        let empty = Duration(period - s.span.0.min(period));
        if empty > Duration::from_hours(1) {
            out.push(format!(
                "the trace is {} long and comes every {}: {empty} of each have no requests",
                s.span,
                Duration(period)
            ));
        }
    }
    out
}

#[cfg(test)]
#[path = "recorded_tests.rs"]
mod tests;
