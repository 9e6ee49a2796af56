//! Rows of the formats in which request traces are published, one at a time.
//!
//! | format | columns | times |
//! |---|---|---|
//! | Azure LLM 2023, 2024 | `TIMESTAMP`, `ContextTokens`, `GeneratedTokens` | date and time, up to 9 fractional digits, with or without a zone |
//! | BurstGPT | `Timestamp`, `Model`, `Request tokens`, `Response tokens`, `Log Type`; optional `Session ID` | seconds from the start |
//! | Mooncake | JSON lines: `timestamp`, `input_length`, `output_length`; optional `hash_ids` | milliseconds from the start |
//!
//! Rows must ascend by time; all lengths must be 1 or more, but for BurstGPT's failures, whose answer has 0.

use std::fmt;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::stamp;
use crate::formats::rows::csv::{Column, Csv, Row as CsvRow};
use crate::formats::rows::jsonl::{JsonLines, Record};
use crate::formats::rows::{Lines, Outcome};
use crate::units::Name;
use crate::workload::trace::Tables;
use crate::workload::traffic::BLOCK_TOKENS;

/// A format of request trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Azure's LLM inference traces of 2023 and 2024.
    Azure,
    /// BurstGPT, with or without its columns of sessions.
    BurstGpt,
    /// Mooncake's, with prefix blocks.
    Mooncake,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 3] = [Format::Azure, Format::BurstGpt, Format::Mooncake];

    /// The word for it in scenarios and on the command line.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Format::Azure => "azure-llm",
            Format::BurstGpt => "burstgpt",
            Format::Mooncake => "mooncake",
        }
    }

    /// Where the data is published.
    #[must_use]
    pub const fn published(self) -> &'static str {
        match self {
            Format::Azure => "github.com/Azure/AzurePublicDataset, AzureLLMInferenceDataset2023 and 2024",
            Format::BurstGpt => "github.com/HPMLL/BurstGPT",
            Format::Mooncake => "github.com/kvcache-ai/Mooncake, FAST25-release/traces",
        }
    }

    /// The columns, or fields of the first object, by which a file is known to be of this format.
    #[must_use]
    pub const fn marks(self) -> &'static [&'static str] {
        match self {
            Format::Azure => &["TIMESTAMP", "ContextTokens", "GeneratedTokens"],
            Format::BurstGpt => &["Timestamp", "Request tokens", "Response tokens"],
            Format::Mooncake => &["timestamp", "input_length", "output_length"],
        }
    }

    /// Whether its times are dates.
    #[must_use]
    pub const fn has_dates(self) -> bool {
        matches!(self, Format::Azure)
    }

    /// By the first line of a file.
    #[must_use]
    pub fn detect(line: &str) -> Option<Format> {
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.starts_with('{') {
            return Format::Mooncake.marks().iter().all(|m| line.contains(m)).then_some(Format::Mooncake);
        }
        let names: Vec<&str> = line.split(',').map(|n| n.trim().trim_matches('"')).collect();
        [Format::Azure, Format::BurstGpt].into_iter().find(|f| f.marks().iter().all(|m| names.contains(m)))
    }

    /// By the first line of a file; `None` also where it cannot be read.
    #[must_use]
    pub fn of(path: &Path) -> Option<Format> {
        Input::File(path.to_owned()).first_line().ok().and_then(|line| Format::detect(&line))
    }

    /// Columns, or fields, that are read where a file has them.
    #[must_use]
    pub const fn optional(self) -> &'static [&'static str] {
        match self {
            Format::Azure => &[],
            Format::BurstGpt => &["Model", "Log Type", "Session ID"],
            Format::Mooncake => &["hash_ids"],
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// Where rows come from; it can be read again and again.
#[derive(Clone, Debug)]
pub(super) enum Input {
    File(PathBuf),
    Bytes(String, Arc<[u8]>),
}

impl Input {
    pub fn lines(&self) -> Outcome<Lines> {
        match self {
            Input::File(path) => Lines::open(path),
            Input::Bytes(name, bytes) => Lines::from_reader(name, Cursor::new(bytes.clone())),
        }
    }

    pub fn name(&self) -> String {
        match self {
            Input::File(path) => path.display().to_string(),
            Input::Bytes(name, _) => name.clone(),
        }
    }

    /// The first line, for [`Format::detect`].
    pub fn first_line(&self) -> Outcome<String> {
        let mut line = Vec::new();
        self.lines()?.append(&mut line)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

/// A request as a file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Nanoseconds on the trace's clock: since 1970 where it has dates, else since its start.
    pub at: u64,
    /// Tokens of the prompt.
    pub input: u32,
    /// Tokens generated; 0 for a failure.
    pub output: u32,
    /// From 1; 0 for none.
    pub session: u32,
    /// Blocks of the prompt in the arena.
    pub start: u32,
    /// How many.
    pub blocks: u16,
    /// Index into the reader's label sets.
    pub labels: u16,
}

/// The rows of a file.
pub(super) struct Reader {
    source: Source,
    last: u64,
    /// Whether rows may go back in time.
    pub any_order: bool,
    /// Requests beyond this context are faults.
    pub context: Option<u32>,
    /// Ids of blocks, as rows come; taken out by whoever keeps the rows.
    pub arena: Vec<u32>,
    pub tables: Tables,
    model: Name,
    log: Name,
}

enum Source {
    Azure {
        csv: Csv,
        at: Column,
        input: Column,
        output: Column,
    },
    Burst {
        csv: Csv,
        at: Column,
        input: Column,
        output: Column,
        model: Option<Column>,
        log: Option<Column>,
        session: Option<Column>,
    },
    Mooncake(JsonLines),
}

impl Reader {
    pub fn new(input: &Input, format: Format) -> Outcome<Reader> {
        let lines = input.lines()?;
        let source = match format {
            Format::Mooncake => Source::Mooncake(JsonLines::new(lines)),
            Format::Azure => {
                let csv = Csv::new(lines)?;
                let [at, input, output] =
                    [csv.column("TIMESTAMP")?, csv.column("ContextTokens")?, csv.column("GeneratedTokens")?];
                Source::Azure { csv, at, input, output }
            }
            Format::BurstGpt => {
                let csv = Csv::new(lines)?;
                let [at, input, output] =
                    [csv.column("Timestamp")?, csv.column("Request tokens")?, csv.column("Response tokens")?];
                let [model, log, session] = ["Model", "Log Type", "Session ID"].map(|name| csv.optional_column(name));
                Source::Burst { csv, at, input, output, model, log, session }
            }
        };
        let name = |text| Name::new(text).expect("a name");
        let (model, log) = (name("model"), name("log"));
        Ok(Reader {
            source,
            last: 0,
            any_order: false,
            context: None,
            arena: Vec::new(),
            tables: Tables::default(),
            model,
            log,
        })
    }

    /// The next row, its line and its number in the file; a faulty row can be read past.
    pub fn next(&mut self) -> Outcome<Option<Row>> {
        let context = self.context;
        let Reader { source, last, any_order, arena, tables, model: model_key, log: log_key, .. } = self;
        let floor = if *any_order { 0 } else { *last };
        let row = match source {
            Source::Azure { csv, at, input, output } => {
                let Some(row) = csv.next_row()? else { return Ok(None) };
                let time = stamp::parse(row.text(*at).trim()).map_err(|why| {
                    row.fault(*at, format!("line {}: {why}", row.line()), "expected YYYY-MM-DD HH:MM:SS.fffffff")
                })?;
                in_order(time, floor, &row, *at)?;
                let made = Row { at: time, input: tokens(&row, *input)?, output: tokens(&row, *output)?, ..EMPTY };
                fits(&made, context).map_err(|m| row.fault(*input, m(row.line()), "too long").help(OVER))?;
                made
            }
            Source::Burst { csv, at, input, output, model, log, session } => {
                let Some(row) = csv.next_row()? else { return Ok(None) };
                let time = seconds(&row, *at)?;
                in_order(time, floor, &row, *at)?;
                let pairs = [(&*model_key, *model), (&*log_key, *log)];
                let pairs = pairs.into_iter().filter_map(|(k, c)| Some((k, row.filled(c?)?)));
                let labels = tables.labels(pairs).map_err(|_| {
                    row.fault(*at, format!("line {}: more than 65535 sets of labels", row.line()), "from here on")
                        .help("do `Model` and `Log Type` hold what they say?")
                })?;
                let session = session.and_then(|c| row.filled(c).map(|_| c)).map(|c| whole(&row, c)).transpose()?;
                let made = Row {
                    at: time,
                    input: tokens(&row, *input)?,
                    output: whole(&row, *output)?,
                    session: session.unwrap_or(0),
                    labels,
                    ..EMPTY
                };
                fits(&made, context).map_err(|m| row.fault(*input, m(row.line()), "too long").help(OVER))?;
                made
            }
            Source::Mooncake(lines) => {
                let Some(record) = lines.next_record()? else { return Ok(None) };
                let made = mooncake(&record, floor, arena)?;
                fits(&made, context)
                    .map_err(|m| record.fault("input_length", m(record.line()), "too long").help(OVER))?;
                made
            }
        };
        *last = row.at;
        Ok(Some(row))
    }
}

const OVER: &str = "cut such requests, or leave them out (`over`), or name a model of a longer context";

/// The fault of a request beyond the context, for a line.
fn fits(row: &Row, context: Option<u32>) -> Result<(), impl FnOnce(u64) -> String> {
    let tokens = u64::from(row.input) + u64::from(row.output);
    match context {
        Some(c) if tokens > u64::from(c) => {
            Err(move |line| format!("line {line} has a request of {tokens} tokens: the context has {c}"))
        }
        _ => Ok(()),
    }
}

const EMPTY: Row = Row { at: 0, input: 0, output: 0, session: 0, start: 0, blocks: 0, labels: 0 };

fn in_order(at: u64, floor: u64, row: &CsvRow<'_>, column: Column) -> Outcome<()> {
    if at >= floor {
        return Ok(());
    }
    let message = format!("line {} is earlier than the line before it", row.line());
    Err(row.fault(column, message, "goes back in time").help("sort the file by time, or ask for `sort`"))
}

/// Seconds as nanoseconds.
fn seconds(row: &CsvRow<'_>, column: Column) -> Outcome<u64> {
    let s = row.signed(column)?;
    if s < 0.0 {
        let message = format!("line {} has a negative time", row.line());
        return Err(row.fault(column, message, "before the trace's start"));
    }
    if s > 9e9 {
        let message = format!("line {} has a time beyond 285 years", row.line());
        return Err(row.fault(column, message, "expected seconds from the trace's start"));
    }
    Ok((s * 1e9).round() as u64)
}

/// A whole number of tokens that fits; BurstGPT writes some as `120.0`.
fn whole(row: &CsvRow<'_>, column: Column) -> Outcome<u32> {
    let text = row.text(column).trim();
    let text = text.strip_suffix(".0").unwrap_or(text);
    match text.parse::<u32>() {
        Ok(n) => Ok(n),
        // The reader's own words for what is no number at all.
        Err(_) => {
            let n = row.u64(column)?;
            let message = format!("line {}: {n} is more than 4294967295", row.line());
            Err(row.fault(column, message, "too large"))
        }
    }
}

fn tokens(row: &CsvRow<'_>, column: Column) -> Outcome<u32> {
    match whole(row, column)? {
        0 => {
            let message = format!("line {} has a request of zero tokens", row.line());
            Err(row
                .fault(column, message, "expected 1 or more")
                .help("remove the row: a request has a prompt and an answer"))
        }
        n => Ok(n),
    }
}

/// The most blocks of a prompt.
const MOST_BLOCKS: usize = u16::MAX as usize;

fn mooncake(record: &Record<'_>, floor: u64, arena: &mut Vec<u32>) -> Outcome<Row> {
    let line = record.line();
    let negative = |field: &str| record.fields.get(field).and_then(Value::as_f64).is_some_and(|n| n < 0.0);
    if negative("timestamp") {
        let message = format!("line {line} has a negative time");
        return Err(record.fault("timestamp", message, "before the trace's start"));
    }
    let at = record.u64("timestamp")?.checked_mul(1_000_000).filter(|t| *t < i64::MAX as u64);
    let at = at.ok_or_else(|| {
        let message = format!("line {line} has a time beyond 292 years");
        record.fault("timestamp", message, "expected milliseconds from the trace's start")
    })?;
    if at < floor {
        let message = format!("line {line} is earlier than the line before it");
        let fault = record.fault("timestamp", message, "goes back in time");
        return Err(fault.help("sort the file by time, or ask for `sort`"));
    }
    let length = |field: &str| match record.u64(field)? {
        0 => {
            let message = format!("line {line} has a request of zero tokens");
            let fault = record.fault(field, message, "expected 1 or more");
            Err(fault.help("remove the row: a request has a prompt and an answer"))
        }
        n => u32::try_from(n)
            .map_err(|_| record.fault(field, format!("line {line}: {n} is more than 4294967295"), "too large")),
    };
    let (input, output) = (length("input_length")?, length("output_length")?);
    let start = arena.len();
    if record.has("hash_ids") {
        let not = |found: String| {
            let message =
                format!("field `hash_ids` needs a list of whole numbers up to 4294967295, line {line} has {found}");
            record.fault("hash_ids", message, "not such a list")
        };
        let ids = record.fields.get("hash_ids").and_then(Value::as_array).ok_or_else(|| not("no list".to_owned()))?;
        let wanted = input.div_ceil(BLOCK_TOKENS) as usize;
        if ids.len() != wanted || wanted > MOST_BLOCKS {
            let message = format!(
                "line {line} has {} blocks for {input} tokens: {wanted} blocks of {BLOCK_TOKENS} are needed",
                ids.len()
            );
            return Err(record.fault("hash_ids", message, "another number of blocks"));
        }
        for id in ids {
            let found = id.as_u64().and_then(|n| u32::try_from(n).ok()).ok_or_else(|| not(id.to_string()));
            match found {
                Ok(n) => arena.push(n),
                Err(fault) => {
                    arena.truncate(start);
                    return Err(fault);
                }
            }
        }
    }
    let first = u32::try_from(start).map_err(|_| {
        record.fault("hash_ids", format!("line {line}: more than 4294967295 blocks in all"), "from here on")
    })?;
    Ok(Row { at, input, output, start: first, blocks: (arena.len() - start) as u16, ..EMPTY })
}
