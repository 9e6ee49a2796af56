//! A table of a trace, row by row: what a field may be, and all faults of a row together.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::formats::rows::csv::{Column, Csv, Row};
use crate::formats::rows::{Fault, Lines, Outcome};
use crate::units::{Diagnostics, Duration, SourceMap, nearest};

/// A table being read.
pub(crate) struct Table<'s> {
    csv: Csv,
    names: Vec<String>,
    /// The reader's columns, in the order of the names.
    columns: Vec<Column>,
    sources: &'s mut SourceMap,
    /// The line of the last fault: one that comes again means that reading cannot go on.
    failed_at: Option<u64>,
    over: bool,
}

/// A row being read.
pub(crate) struct Line<'a> {
    row: Row<'a>,
    names: &'a [String],
    columns: &'a [Column],
    bad: Vec<Fault>,
}

impl<'s> Table<'s> {
    /// Opens a file.
    pub fn open(path: &Path, sources: &'s mut SourceMap) -> Result<Table<'s>, Diagnostics> {
        Table::new(Lines::open(path), sources)
    }

    /// Takes bytes from anywhere.
    pub fn from_read(
        name: &str,
        bytes: impl Read + Send + 'static,
        sources: &'s mut SourceMap,
    ) -> Result<Table<'s>, Diagnostics> {
        Table::new(Lines::from_reader(name, bytes), sources)
    }

    fn new(lines: Outcome<Lines>, sources: &'s mut SourceMap) -> Result<Table<'s>, Diagnostics> {
        match lines.and_then(Csv::new) {
            Err(fault) => Err(fault.into_diagnostic(sources).into()),
            Ok(csv) => {
                let names = csv.header().to_vec();
                let columns = names.iter().filter_map(|n| csv.optional_column(n)).collect();
                Ok(Table { csv, names, columns, sources, failed_at: None, over: false })
            }
        }
    }

    /// The names of the columns.
    pub fn header(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        self.csv.name()
    }

    /// Where a column stands.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|h| h == name)
    }

    /// Faults of the header: needed columns that are missing; in a format that says how its other columns begin, also
    /// columns that it does not know.
    pub fn check_header(&mut self, needed: &[&str], known: &[&str], prefix: Option<&str>) -> Result<(), Diagnostics> {
        let mut bad = Vec::new();
        let names = self.names.clone();
        for n in needed.iter().filter(|n| self.column(n).is_none()) {
            let near = nearest(n, self.header().into_iter().filter(|h| !known.contains(h))).map(str::to_owned);
            bad.push(match near.and_then(|near| self.column(&near)) {
                Some(i) => self.header_fault(i, format!("no column `{n}`"), format!("rename this to `{n}`")),
                None => {
                    let mut whole = self.header_fault(0, format!("no column `{n}`"), "these are the columns");
                    whole.span = (0, whole.text.len());
                    whole
                }
            });
        }
        // Only our own format is strict: a column that it does not know could be one that was meant and is ignored.
        let unknown = |h: &str| prefix.is_some_and(|p| !known.contains(&h) && !h.starts_with(p));
        for (i, h) in names.iter().enumerate().filter(|(_, h)| unknown(h)) {
            let fault = self.header_fault(i, format!("unknown column `{h}`"), "not a column of this format");
            bad.push(match nearest(h, known.iter().copied()) {
                Some(n) => Fault { help: vec![format!("did you mean `{n}`?")], ..fault },
                None => {
                    let prefix = prefix.unwrap_or("");
                    let label = super::tables::made_name(h);
                    let columns = format!("the columns are {} and `{prefix}KEY`", known.join(", "));
                    let label = format!("to keep it as a label, name it `{prefix}{label}`");
                    Fault { help: vec![columns, label], ..fault }
                }
            });
        }
        self.finish((), bad)
    }

    /// A fault at a name of the header.
    pub fn header_fault(&self, i: usize, message: String, label: impl Into<String>) -> Fault {
        let start = self.names[..i].iter().map(|h| h.len() + 1).sum::<usize>();
        Fault {
            file: Arc::from(self.csv.name()),
            line: 1,
            text: self.names.join(","),
            span: (start, start + self.names[i].len()),
            message,
            label: label.into(),
            help: Vec::new(),
        }
    }

    /// What was made, unless there were faults.
    pub fn finish<T>(&mut self, made: T, bad: Vec<Fault>) -> Result<T, Diagnostics> {
        if bad.is_empty() {
            return Ok(made);
        }
        Err(Diagnostics { list: bad.into_iter().map(|f| f.into_diagnostic(self.sources)).collect() })
    }

    /// Reads the next row; `None` at the end. All of its faults come together.
    pub fn next<T>(&mut self, read: impl FnOnce(&mut Line<'_>) -> T) -> Option<Result<T, Diagnostics>> {
        if self.over {
            return None;
        }
        match self.csv.next_row() {
            Ok(None) => {
                self.over = true;
                None
            }
            Ok(Some(row)) => {
                let mut line = Line { row, names: &self.names, columns: &self.columns, bad: Vec::new() };
                let made = read(&mut line);
                let bad = line.bad;
                Some(self.finish(made, bad))
            }
            Err(fault) => {
                self.over = self.failed_at == Some(fault.line);
                self.failed_at = Some(fault.line);
                (!self.over).then(|| Err(fault.into_diagnostic(self.sources).into()))
            }
        }
    }
}

impl Line<'_> {
    /// The line it begins on, the header being 1.
    pub fn at(&self) -> u64 {
        self.row.line()
    }

    /// A field's text, trimmed.
    pub fn text(&self, column: usize) -> &str {
        self.columns.get(column).map_or("", |c| self.row.text(*c)).trim()
    }

    /// Notes a fault of a field.
    pub fn wrong(&mut self, column: usize, message: impl Into<String>, label: impl Into<String>) {
        let fault = self.row.fault(self.columns[column], message, label);
        self.bad.push(*fault);
    }

    /// The same, with advice.
    pub fn wrong_help(&mut self, column: usize, message: String, label: &str, help: &str) {
        let fault = self.row.fault(self.columns[column], message, label).help(help);
        self.bad.push(*fault);
    }

    /// Notes that a field is not what it should be, with what it is.
    pub fn not(&mut self, column: usize, what: &str, allowed: &str) {
        let name = self.names.get(column).map_or("", String::as_str);
        let found = self.text(column).to_owned();
        let m = match found.as_str() {
            "" => format!("`{name}` is empty"),
            f => format!("`{name}` is {}, not {what}", shortened(f)),
        };
        self.wrong(column, m, format!("expected {allowed}"));
    }

    /// A whole number up to `max`.
    pub fn whole(&mut self, column: usize, max: u64) -> u64 {
        let text = self.text(column);
        // Some tables write whole numbers as `120.0`.
        let digits = text.split_once('.').map_or(text, |(a, b)| if b.bytes().all(|c| c == b'0') { a } else { text });
        match digits.parse::<u64>() {
            Ok(n) if n <= max => return n,
            Ok(_) => self.not(column, &format!("at most {max}"), &format!("a whole number up to {max}")),
            Err(_) if number(text).is_some_and(|n| n < 0.0) => {
                self.not(column, "allowed to be negative", &format!("a whole number from 0 to {max}"));
            }
            Err(_) if number(text).is_some_and(|n| n > max as f64) => {
                self.not(column, &format!("at most {max}"), &format!("a whole number up to {max}"));
            }
            Err(_) => self.not(column, "a whole number", &format!("a whole number from 0 to {max}")),
        }
        0
    }

    /// A number from `low` to `high`.
    pub fn number(&mut self, column: usize, low: f64, high: f64) -> f64 {
        match number(self.text(column)) {
            Some(n) if (low..=high).contains(&n) => return n,
            Some(_) => self.not(column, &format!("from {low} to {high}"), &format!("a number from {low} to {high}")),
            None => self.not(column, "a number", &format!("a number from {low} to {high}")),
        }
        low
    }

    /// A length of time in seconds, exact to the nanosecond.
    pub fn seconds(&mut self, column: usize) -> Duration {
        match seconds(self.text(column)) {
            Ok(d) => d,
            Err(why) => {
                self.not(column, why, "seconds, such as 90 or 0.25");
                Duration::ZERO
            }
        }
    }

    /// The same; `None` when the field is empty.
    pub fn maybe_seconds(&mut self, column: usize) -> Option<Duration> {
        if self.text(column).is_empty() { None } else { Some(self.seconds(column)) }
    }
}

fn shortened(text: &str) -> String {
    let cut: String = text.chars().take(40).collect();
    if cut.len() < text.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}

fn number(text: &str) -> Option<f64> {
    // Rust reads `inf` and `nan`, in any case, as numbers.
    text.parse::<f64>().ok().filter(|n| n.is_finite())
}

/// Seconds as decimals, exact to the nanosecond (the tenth digit rounds); `1e3` and the like by way of a float.
pub(crate) fn seconds(text: &str) -> Result<Duration, &'static str> {
    const TOO_LATE: &str = "a time that fits (at most 584 years)";
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !whole.is_empty() && digits(whole) && digits(part) && part.is_ascii() {
        let mut nanos = 0u64;
        for i in 0..9 {
            nanos = nanos * 10 + part.as_bytes().get(i).map_or(0, |b| u64::from(b - b'0'));
        }
        nanos += u64::from(part.as_bytes().get(9).is_some_and(|b| *b >= b'5'));
        let s: u64 = whole.parse().map_err(|_| TOO_LATE)?;
        return s.checked_mul(1_000_000_000).and_then(|n| n.checked_add(nanos)).map(Duration).ok_or(TOO_LATE);
    }
    match number(text) {
        Some(n) if n < 0.0 => Err("allowed to be negative"),
        Some(n) if n * 1e9 >= u64::MAX as f64 => Err(TOO_LATE),
        Some(n) => Ok(Duration::from_secs_f64(n)),
        None => Err("a number of seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_to_the_nanosecond() {
        for (text, ns) in [
            ("0", 0),
            ("90", 90_000_000_000),
            ("0.25", 250_000_000),
            ("475.00000000000006", 475_000_000_000),
            ("1.9999999999", 2_000_000_000),
            ("1700000000.123456789", 1_700_000_000_123_456_789),
            ("1e3", 1_000_000_000_000),
            ("5.", 5_000_000_000),
        ] {
            assert_eq!(seconds(text), Ok(Duration(ns)), "{text}");
        }
        for bad in ["", "x", "-1", "nan", "inf", "1e30", "99999999999999999999", "18446744074", "1,5", "٣"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
