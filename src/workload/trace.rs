//! Real jobs, read from the formats in which traces are published.
//!
//! A reader is an iterator: it takes a file row by row (gzip and zstd by their magic bytes) and yields [`Row`]s or
//! [`Diagnostics`] with the file and the line. [`open`] puts a reader's rows in order, cuts a window out of them and
//! makes a [`Trace`]: jobs whose times count from the start of the window.
//!
//! | format | jobs | order | times |
//! |---|---|---|---|
//! | [`openb`] | pods of a GPU-sharing cluster | sorted on reading | seconds from the trace's start |
//! | [`philly`] | training jobs | sorted on reading | local date and time |
//! | [`dlrm`] | inference instances | sorted on reading | seconds from the trace's start |
//! | [`mod@csv`] | ours | must be sorted, or ask for it | either |

pub mod csv;
pub mod dlrm;
pub mod openb;
pub mod philly;
mod read;
pub mod tables;
pub mod window;

use std::fmt;
use std::io::Read;
use std::path::Path;

use jiff::civil::DateTime;
use serde::Serialize;

use super::job::Job;
use crate::units::{Diagnostic, Diagnostics, Duration, Label, SimTime, SourceMap};
use read::Table;
pub use tables::Tables;

/// A format of trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// Pods of Alibaba's cluster-trace-gpu-v2023.
    Openb,
    /// Jobs of Microsoft's Philly, as the schedulers' artifacts ship them.
    Philly,
    /// Instances of Alibaba's cluster-trace-gpu-v2025 (disaggregated DLRM).
    Dlrm,
    /// The format of our own.
    Csv,
}

impl TraceFormat {
    /// All of them.
    pub const ALL: [TraceFormat; 4] = [TraceFormat::Openb, TraceFormat::Philly, TraceFormat::Dlrm, TraceFormat::Csv];

    /// The word for it in scenarios and on the command line.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            TraceFormat::Openb => "openb",
            TraceFormat::Philly => "philly",
            TraceFormat::Dlrm => "dlrm",
            TraceFormat::Csv => "csv",
        }
    }

    /// Where the data is published; `None` for the format of our own.
    #[must_use]
    pub const fn published(self) -> Option<&'static str> {
        match self {
            TraceFormat::Openb => Some("github.com/alibaba/clusterdata, cluster-trace-gpu-v2023/csv"),
            TraceFormat::Philly => Some("github.com/siasosp23/artifacts, sia-simulator/traces/philly.csv"),
            TraceFormat::Dlrm => Some("github.com/alibaba/clusterdata, cluster-trace-gpu-v2025"),
            TraceFormat::Csv => None,
        }
    }

    /// The columns by which a header is known to be of this format.
    #[must_use]
    pub const fn marks(self) -> &'static [&'static str] {
        match self {
            TraceFormat::Openb => &["num_gpu", "gpu_milli", "cpu_milli"],
            TraceFormat::Philly => &["timestamp", "num_gpus"],
            TraceFormat::Dlrm => &["instance_sn", "app_name"],
            TraceFormat::Csv => &["arrive"],
        }
    }

    /// The format whose marks a header has; the first of [`TraceFormat::ALL`] when several do.
    #[must_use]
    pub fn detect(header: &[&str]) -> Option<TraceFormat> {
        TraceFormat::ALL.into_iter().find(|f| f.marks().iter().all(|m| header.contains(m)))
    }
}

impl fmt::Display for TraceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// What is said of a file whose header is of no format.
pub const UNKNOWN: &str = "is not a trace of a known format";

/// How a row's job stood when the trace began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// It arrives at its time.
    #[default]
    Arrives,
    /// It runs already: its arrival lies before the trace, or before the window cut out of it.
    Running,
}

/// One row of a trace as its reader yields it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line in the file, the header being 1.
    pub line: u64,
    /// The job; its arrival on the trace's own clock (see [`Clock`]), its tables' indices into the reader's [`Tables`].
    pub job: Job,
    /// How long the trace says that it waited; `None` when it does not say.
    pub wait: Option<Duration>,
    /// Whether it runs when the trace begins.
    pub start: Start,
    /// Its end lies beyond the trace; its work is cut there.
    pub open_ended: bool,
}

/// What a reader's times count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// From the trace's own start.
    #[default]
    Relative,
    /// From 1970-01-01T00:00 on the clock of the place, which is not known further.
    Civil,
}

/// A moment of a trace as a user names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    /// So long after the trace's start: its time zero, or its first arrival where it has dates.
    After(Duration),
    /// A local date and time, where the trace has dates.
    At(DateTime),
}

/// What to do with a trace on reading. `Default` takes all of it as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Start of the window.
    pub from: Option<Moment>,
    /// End of the window, not in it.
    pub to: Option<Moment>,
    /// Sort our own format, which must be sorted otherwise.
    pub sort: bool,
    /// The most GPUs of a pod, where a format has only the GPUs of whole jobs.
    pub gpus_per_node: u8,
    /// Factor on all times, arrivals and durations.
    pub stretch: f64,
    /// Factor on the rate of arrivals; durations stay.
    pub rate: f64,
    /// The window so many times, one after the other.
    pub repeat: u32,
    /// At most so many jobs of the window.
    pub limit: Option<u64>,
    /// Priorities by the value of openb's `qos` column; a value that is not named has 0.
    pub qos_priority: Vec<(String, i32)>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            from: None,
            to: None,
            sort: false,
            gpus_per_node: 8,
            stretch: 1.0,
            rate: 1.0,
            repeat: 1,
            limit: None,
            qos_priority: Vec::new(),
        }
    }
}

/// The jobs of a trace, or of a window of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The format it was read in.
    pub format: TraceFormat,
    /// The jobs, ascending by arrival, times from the start of the window. First those running then, by when they had
    /// started, with the work that they had left; then those waiting; then those that arrive.
    pub jobs: Vec<Job>,
    /// How many of them run at the start.
    pub running_at_start: usize,
    /// How many of them had arrived before and wait at the start.
    pub waiting_at_start: usize,
    /// The wait that the trace recorded for each job; for those waiting at the start, what was left of it.
    pub waits: Vec<Option<Duration>>,
    /// Sets of devices by [`Job::accept`]; 0 is empty and accepts any.
    pub accepts: Vec<Vec<String>>,
    /// Sets of labels by [`Job::labels`], each ordered by key; 0 is empty.
    pub label_sets: Vec<Vec<Label>>,
    /// From the start of the window to its end or, where that is open, to the last arrival (for a trace that says how
    /// long it is, to its end).
    pub span: Duration,
    /// The local date and time of the start, where the trace has dates.
    pub origin: Option<DateTime>,
    /// Rows read.
    pub rows: u64,
    /// Rows that were earlier than the row before them.
    pub out_of_order: u64,
    /// Jobs over before the window.
    pub before: u64,
    /// Jobs that arrive after the window.
    pub after: u64,
    /// Jobs of the window whose end lies beyond the trace.
    pub open_ended: u64,
    /// What the user should know, a sentence each.
    pub notices: Vec<String>,
}

impl Trace {
    /// The jobs that arrive in the window: all but those that run or wait at its start.
    #[must_use]
    pub fn arriving(&self) -> &[Job] {
        &self.jobs[self.running_at_start + self.waiting_at_start..]
    }
}

/// The rows of a file, one at a time; memory constant but for the tables of names.
pub struct Reader<'s> {
    format: TraceFormat,
    table: Table<'s>,
    tables: Tables,
    columns: Columns,
}

enum Columns {
    Openb(openb::Columns),
    Philly(philly::Columns),
    Dlrm(dlrm::Columns),
    Csv(csv::Columns),
}

impl<'s> Reader<'s> {
    /// Opens a trace; its format by its header where none is named.
    ///
    /// # Errors
    /// The file cannot be read or is empty, its header is of no known format, or columns are missing.
    pub fn open(
        format: Option<TraceFormat>,
        path: &Path,
        options: &Options,
        sources: &'s mut SourceMap,
    ) -> Result<Reader<'s>, Diagnostics> {
        let table = Table::open(path, sources).map_err(|mut bad| {
            let published = format.and_then(TraceFormat::published).filter(|_| !path.exists());
            if let (Some(d), Some(place)) = (bad.list.first_mut(), published) {
                d.help.push(format!("this trace is not shipped: it is published at {place}"));
                d.help.push(
                    "say where your copy is by its path, or by FLEETCAST_DATA for the folder of all data".to_owned(),
                );
            }
            bad
        })?;
        Reader::over(format, table, options)
    }

    /// Takes a trace from anywhere; `name` is shown in diagnostics.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn from_read(
        format: Option<TraceFormat>,
        name: &str,
        bytes: impl Read + Send + 'static,
        options: &Options,
        sources: &'s mut SourceMap,
    ) -> Result<Reader<'s>, Diagnostics> {
        Reader::over(format, Table::from_read(name, bytes, sources)?, options)
    }

    fn over(format: Option<TraceFormat>, mut table: Table<'s>, options: &Options) -> Result<Reader<'s>, Diagnostics> {
        let Some(format) = format.or_else(|| TraceFormat::detect(&table.header())) else {
            let known = TraceFormat::ALL.map(|f| format!("{f} has {}", f.marks().join(", ")));
            let found = table.header().join(", ");
            let d = Diagnostic::error(format!("`{}` {UNKNOWN}: its columns are {found}", table.name()));
            let other = match table.header().as_slice() {
                [one] => [(';', "semicolons"), ('\t', "tabs")].into_iter().find(|(c, _)| one.contains(*c)),
                _ => None,
            };
            let d = match other {
                Some((_, what)) => d.help(format!("its fields are parted by {what}: part them by commas")),
                None => d.help(known.join("; ")),
            };
            return Err(d.into());
        };
        let columns = match format {
            TraceFormat::Openb => Columns::Openb(openb::Columns::new(&mut table, options)?),
            TraceFormat::Philly => Columns::Philly(philly::Columns::new(&mut table, options)?),
            TraceFormat::Dlrm => Columns::Dlrm(dlrm::Columns::new(&mut table)?),
            TraceFormat::Csv => Columns::Csv(csv::Columns::new(&mut table, options)?),
        };
        Ok(Reader { format, table, tables: Tables::default(), columns })
    }

    /// The format being read.
    #[must_use]
    pub fn format(&self) -> TraceFormat {
        self.format
    }

    /// What its times count from; for our own format, known after the first row.
    #[must_use]
    pub fn clock(&self) -> Clock {
        match &self.columns {
            Columns::Openb(_) | Columns::Dlrm(_) => Clock::Relative,
            Columns::Philly(_) => Clock::Civil,
            Columns::Csv(c) => c.clock(),
        }
    }

    /// How long the trace is, when its publisher says so.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        matches!(self.columns, Columns::Dlrm(_)).then_some(dlrm::LENGTH)
    }

    /// The tables that the rows index.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// What the user should know, a sentence each; complete at the end.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let mut out = match &self.columns {
            Columns::Openb(c) => c.notices(),
            Columns::Philly(_) => vec!["this format has no CPU and memory: its jobs ask for none".to_owned()],
            Columns::Dlrm(c) => c.notices(),
            Columns::Csv(c) => c.notices(),
        };
        out.extend(self.tables.notice());
        out
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Row, Diagnostics>;

    fn next(&mut self) -> Option<Result<Row, Diagnostics>> {
        let Reader { table, tables, columns, .. } = self;
        table.next(|line| match columns {
            Columns::Openb(c) => c.row(line, tables),
            Columns::Philly(c) => c.row(line, tables),
            Columns::Dlrm(c) => c.row(line, tables),
            Columns::Csv(c) => c.row(line, tables),
        })
    }
}

/// Faults after which reading stops.
const MOST_FAULTS: usize = 20;

/// Reads a trace, or a window of it, into jobs. The format is that of the header where none is named.
///
/// # Errors
/// All faults of the file (at most twenty), of the options, or a window without jobs.
pub fn open(
    format: Option<TraceFormat>,
    path: &Path,
    options: &Options,
    sources: &mut SourceMap,
) -> Result<Trace, Diagnostics> {
    options.check()?;
    collect(Reader::open(format, path, options, sources)?, options)
}

/// Reads a trace from anywhere; `name` is shown in diagnostics.
///
/// # Errors
/// As [`open`].
pub fn from_read(
    format: Option<TraceFormat>,
    name: &str,
    bytes: impl Read + Send + 'static,
    options: &Options,
    sources: &mut SourceMap,
) -> Result<Trace, Diagnostics> {
    options.check()?;
    collect(Reader::from_read(format, name, bytes, options, sources)?, options)
}

impl Options {
    /// # Errors
    /// All that is wrong with the numbers.
    fn check(&self) -> Result<(), Diagnostics> {
        let mut bad = Diagnostics::default();
        for (what, factor) in [("stretch", self.stretch), ("rate", self.rate)] {
            if !(1e-6..=1e6).contains(&factor) {
                bad.push(Diagnostic::error(format!("`{what}` is {factor}, not from 0.000001 to 1000000")));
            }
        }
        if self.repeat == 0 {
            bad.push(Diagnostic::error("`repeat` is 0: 1 takes the trace as it is"));
        }
        if self.gpus_per_node == 0 {
            bad.push(Diagnostic::error("`gpus_per_node` is 0: at least 1 is needed"));
        }
        if bad.list.is_empty() { Ok(()) } else { Err(bad) }
    }
}

fn collect(mut reader: Reader<'_>, options: &Options) -> Result<Trace, Diagnostics> {
    let mut rows = Vec::new();
    let mut bad = Diagnostics::default();
    for row in &mut reader {
        match row {
            Ok(r) => rows.push(r),
            Err(d) => bad.extend(d),
        }
        if bad.list.len() >= MOST_FAULTS {
            bad.list.truncate(MOST_FAULTS);
            bad.push(Diagnostic::error(format!("reading stopped after {MOST_FAULTS} faults")));
            break;
        }
    }
    if bad.has_errors() {
        return Err(bad);
    }
    let name = reader.table.name().to_owned();
    if rows.is_empty() {
        let d = Diagnostic::error(format!("`{name}` has a header and no rows"));
        return Err(d.help("a trace has one job a row: is the file whole?").into());
    }
    let total = rows.len() as u64;
    let mut notices = reader.notices();
    let out_of_order = window::sort(&mut rows);
    if out_of_order > 0 {
        let what = format!("{out_of_order} of {total} rows were earlier than the row before them");
        notices.insert(0, format!("{what}: sorted by arrival"));
    }
    // Where there are dates the trace starts with its first job; else where its own clock does.
    let clock = reader.clock();
    let start = if clock == Clock::Civil { rows[0].job.arrive } else { SimTime::ZERO };
    let end = reader.length().map_or(rows[rows.len() - 1].job.arrive, |l| start + l);
    let at = |m: Option<Moment>| m.map(|m| window::moment(m, clock, start)).transpose();
    let fault = |m: String| Diagnostics::from(Diagnostic::error(m));
    let (from, to) = (at(options.from).map_err(fault)?.unwrap_or(start), at(options.to).map_err(fault)?);
    if to.is_some_and(|t| t <= from) {
        return Err(fault(format!("the window of `{name}` ends before it begins")));
    }
    let mut cut = window::cut(rows, from, to.unwrap_or(SimTime::MAX));
    if cut.rows.is_empty() {
        let d = Diagnostic::error(format!("the window of `{name}` holds none of its {total} jobs"));
        let last = Duration(end.0 - start.0);
        return Err(d.help(format!("the trace begins at 0 and its last job arrives {last} later")).into());
    }
    if options.from.is_some() || options.to.is_some() {
        notices.push(format!(
            "{} of {total} jobs are in the window: {} run and {} wait at its start; {} were over before, {} come after",
            cut.rows.len(),
            cut.running,
            cut.waiting,
            cut.before,
            cut.after
        ));
    }
    let mut span = to.unwrap_or(end).since(from);
    if let Some(limit) = options.limit.and_then(|l| usize::try_from(l).ok()).filter(|l| *l < cut.rows.len()) {
        cut.rows.truncate(limit);
        cut.running = cut.running.min(limit);
        cut.waiting = cut.waiting.min(limit - cut.running);
        span = cut.rows.last().map_or(Duration::ZERO, |r| Duration(r.job.arrive.0));
    }
    let mut rows = cut.rows;
    window::rescale(&mut rows, options.stretch, options.rate);
    span = Duration((span.0 as f64 * (options.stretch / options.rate)).round() as u64);
    if options.repeat > 1 {
        window::repeat(&mut rows, options.repeat, span, cut.running + cut.waiting);
        span = Duration(span.0.saturating_mul(u64::from(options.repeat)));
    }
    let origin = (clock == Clock::Civil).then(|| window::civil(from)).flatten();
    let (accepts, label_sets) = std::mem::take(&mut reader.tables).into_parts();
    Ok(Trace {
        format: reader.format,
        running_at_start: cut.running,
        waiting_at_start: cut.waiting,
        waits: rows.iter().map(|r| r.wait).collect(),
        accepts,
        label_sets,
        span,
        origin,
        rows: total,
        out_of_order,
        before: cut.before,
        after: cut.after,
        open_ended: rows.iter().filter(|r| r.open_ended).count() as u64,
        notices,
        jobs: rows.into_iter().map(|r| r.job).collect(),
    })
}

#[cfg(test)]
#[path = "trace/tests.rs"]
mod tests;
