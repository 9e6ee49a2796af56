//! A table of a trace, row by row: columns by name, typed fields, and faults that show the line.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use super::lines::{Fault, LONGEST, Lines};
use crate::units::{Diagnostic, Diagnostics, Duration, SourceId, SourceMap, Span, nearest};

/// Bytes that are looked at to tell how a file is packed.
const MAGIC: usize = 4;
/// A line is shown up to here.
const SHOWN: usize = 2_000;

/// A table being read.
pub(crate) struct Table<'s> {
    name: String,
    sources: &'s mut SourceMap,
    lines: Lines<BufReader<Box<dyn Read>>>,
    header: Vec<String>,
    /// Where the names stand in the header's line.
    places: Vec<Span>,
    header_line: String,
    /// Faults of the present row.
    bad: Diagnostics,
    /// The present row as a text, once it was needed.
    shown: Option<SourceId>,
    over: bool,
}

/// Unpacks what is packed, by its first bytes.
fn unpacked(mut raw: Box<dyn Read>) -> std::io::Result<Box<dyn Read>> {
    let mut magic = Vec::with_capacity(MAGIC);
    (&mut raw).take(MAGIC as u64).read_to_end(&mut magic)?;
    let packed = magic.clone();
    let whole = Cursor::new(magic).chain(raw);
    Ok(match packed[..] {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(whole)?),
        _ => Box::new(whole),
    })
}

impl<'s> Table<'s> {
    /// Opens a file.
    pub fn open(path: &Path, sources: &'s mut SourceMap) -> Result<Table<'s>, Diagnostics> {
        let name = path.display().to_string();
        let cannot = |e: std::io::Error| {
            let d = Diagnostic::error(format!("cannot read `{name}`: {e}"));
            match e.kind() {
                std::io::ErrorKind::NotFound => {
                    d.help("name a file that exists; for published traces, say where they are with FLEETCAST_DATA")
                }
                _ => d,
            }
        };
        let file = File::open(path).map_err(cannot)?;
        Table::new(&name, Box::new(BufReader::with_capacity(1 << 16, file)), sources)
    }

    /// Takes bytes from anywhere.
    pub fn new(name: &str, raw: Box<dyn Read>, sources: &'s mut SourceMap) -> Result<Table<'s>, Diagnostics> {
        let fault = |m: String| Diagnostics::from(Diagnostic::error(m));
        let inner = unpacked(raw).map_err(|e| fault(format!("cannot read `{name}`: {e}")))?;
        let mut table = Table {
            name: name.to_owned(),
            sources,
            lines: Lines::new(BufReader::with_capacity(1 << 16, inner)),
            header: Vec::new(),
            places: Vec::new(),
            header_line: String::new(),
            bad: Diagnostics::default(),
            shown: None,
            over: false,
        };
        match table.advance() {
            None => Err(fault(format!("`{name}` is empty"))
                .list
                .remove(0)
                .help("a trace is a table with a header line that names its columns")
                .into()),
            Some(Err(d)) => Err(d),
            Some(Ok(())) => {
                let lines = &table.lines;
                let trim = |i| String::from_utf8_lossy(lines.field(i)).trim().trim_start_matches('\u{feff}').to_owned();
                table.header = (0..lines.len()).map(trim).collect();
                let span = |(a, b): (usize, usize)| Span { start: a as u32, end: b as u32 };
                table.places = (0..lines.len()).map(|i| span(lines.place(i))).collect();
                table.header_line = String::from_utf8_lossy(lines.raw()).into_owned();
                Ok(table)
            }
        }
    }

    /// The names of the columns.
    pub fn header(&self) -> Vec<&str> {
        self.header.iter().map(String::as_str).collect()
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a column stands.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|h| h == name)
    }

    /// Faults of the header: needed columns that are missing, columns that come twice, names that are near to a known
    /// column's and are none.
    pub fn check_header(&mut self, needed: &[&str], known: &[&str], prefix: Option<&str>) -> Result<(), Diagnostics> {
        let mut bad = Diagnostics::default();
        let header = self.header.clone();
        let whole = Span { start: 0, end: self.header_line.len() as u32 };
        let id = self.sources.add_piece(self.name.clone(), self.header_line.clone(), 1);
        let place = |i: usize| self.places[i];
        for n in needed.iter().filter(|n| !header.iter().any(|h| h == *n)) {
            let near = nearest(n, header.iter().map(String::as_str).filter(|h| !known.contains(h)));
            let d = Diagnostic::error(format!("no column `{n}`"));
            bad.push(match near.and_then(|near| header.iter().position(|h| h == near)) {
                Some(i) => d.at(id, place(i), format!("rename this to `{n}`")),
                None => d.at(id, whole, "these are the columns"),
            });
        }
        for (i, h) in header.iter().enumerate() {
            if header[..i].contains(h) && !h.is_empty() {
                bad.push(Diagnostic::error(format!("two columns are named `{h}`")).at(id, place(i), "again here"));
            }
        }
        if let Some(prefix) = prefix {
            // Only our own format is strict: what it does not know could be a field that was meant and is ignored.
            for (i, h) in header.iter().enumerate() {
                if known.contains(&h.as_str()) || h.starts_with(prefix) {
                    continue;
                }
                let d =
                    Diagnostic::error(format!("unknown column `{h}`")).at(id, place(i), "not a column of this format");
                bad.push(match nearest(h, known.iter().copied()) {
                    Some(n) => d.help(format!("did you mean `{n}`?")),
                    None => d
                        .help(format!("the columns are {} and `{prefix}KEY`", known.join(", ")))
                        .help(format!("to keep it as a label, name it `{prefix}{}`", super::tables::made_name(h))),
                });
            }
        }
        if bad.list.is_empty() { Ok(()) } else { Err(bad) }
    }

    /// Takes the next row; `None` at the end. After an error in the bytes themselves there is no next row.
    pub fn advance(&mut self) -> Option<Result<(), Diagnostics>> {
        if self.over {
            return None;
        }
        self.shown = None;
        match self.lines.advance() {
            Ok(false) => {
                self.over = true;
                None
            }
            Ok(true) => Some(self.check_row()),
            Err(fault) => {
                self.over = true;
                let (name, line) = (&self.name, self.lines.line());
                let d = match fault {
                    Fault::Io(e) if cut_short(&e) => {
                        Diagnostic::error(format!("`{name}` is cut short after line {line}"))
                            .help("the compressed data ends before its end mark: fetch the file again")
                    }
                    Fault::Io(e) => Diagnostic::error(format!("cannot read `{name}` after line {line}: {e}")),
                    Fault::TooLong => {
                        Diagnostic::error(format!("line {line} of `{name}` is longer than {} MiB", LONGEST >> 20))
                            .help("a trace is a table of short lines")
                    }
                    Fault::OpenQuote => {
                        Diagnostic::error(format!("a quote that opens on line {line} of `{name}` is not closed"))
                            .help("close it, or fetch the file again if it was cut short")
                    }
                };
                Some(Err(d.into()))
            }
        }
    }

    fn check_row(&mut self) -> Result<(), Diagnostics> {
        let line = self.lines.line();
        if !self.lines.raw().is_ascii() && std::str::from_utf8(self.lines.raw()).is_err() {
            let bad = |i: &usize| std::str::from_utf8(self.lines.field(*i)).is_err();
            let i = (0..self.lines.len()).find(bad).unwrap_or(0);
            let d = self.fault(i, format!("line {line} is not UTF-8 text"), "not UTF-8");
            return Err(d.help("save the file as UTF-8").into());
        }
        let (n, want) = (self.lines.len(), self.header.len());
        if want > 0 && n != want {
            if n < want && self.lines.unended() {
                let m = format!("`{}` is cut short at line {line}", self.name);
                let d = self.fault(n - 1, m, format!("the file ends here, after {n} of {want} fields"));
                return Err(d.help("fetch the file again, or remove the last line").into());
            }
            let m = format!("line {line} has {n} fields, and the header has {want}");
            let d =
                self.fault(n.min(want) - 1, m, if n < want { "the last field" } else { "the last that has a name" });
            return Err(d.help("quote fields that hold a comma").into());
        }
        Ok(())
    }

    /// Whether the text's last byte was not the end of a line: the last row may have lost characters.
    pub fn ends_without_newline(&self) -> bool {
        self.over && self.lines.unended()
    }

    /// The line of the present row, the header being 1.
    pub fn line(&self) -> u64 {
        self.lines.line()
    }

    /// A fault at a field of the present row.
    pub fn fault(&mut self, column: usize, message: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        let (start, end) = self.lines.place(column);
        let id = *self.shown.get_or_insert_with(|| {
            let mut line = String::from_utf8_lossy(self.lines.raw()).into_owned();
            if line.len() > SHOWN {
                let cut = (0..=SHOWN).rev().find(|i| line.is_char_boundary(*i)).unwrap_or(0);
                line.truncate(cut);
            }
            self.sources.add_piece(self.name.clone(), line, self.lines.line() as usize)
        });
        let len = self.sources.get(id).text.len();
        let span = Span { start: start.min(len) as u32, end: end.min(len) as u32 };
        Diagnostic::error(message).at(id, span, label)
    }

    /// Notes a fault of the present row.
    pub fn wrong(&mut self, d: Diagnostic) {
        self.bad.push(d);
    }

    /// The present row, unless a fault was noted.
    pub fn done<T>(&mut self, row: T) -> Result<T, Diagnostics> {
        if self.bad.list.is_empty() { Ok(row) } else { Err(std::mem::take(&mut self.bad)) }
    }

    /// A field's text, trimmed.
    pub fn text(&self, column: usize) -> &str {
        std::str::from_utf8(self.lines.field(column)).unwrap_or("").trim()
    }

    /// Notes that a field is not what it should be, with what it is.
    pub fn not(&mut self, column: usize, what: &str, allowed: &str) {
        let name = self.header.get(column).cloned().unwrap_or_default();
        let found = self.text(column).to_owned();
        let m = match found.as_str() {
            "" => format!("`{name}` is empty"),
            f => format!("`{name}` is {}, not {what}", shortened(f)),
        };
        let d = self.fault(column, m, format!("expected {allowed}"));
        self.wrong(d);
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

fn cut_short(e: &std::io::Error) -> bool {
    // zstd's decoder has no kind of its own for a frame that ends early.
    e.kind() == std::io::ErrorKind::UnexpectedEof || e.to_string().contains("incomplete frame")
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
