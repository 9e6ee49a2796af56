//! CSV as RFC 4180 has it: a header, commas, fields in double quotes where they hold commas, quotes or line ends.
//!
//! The crate `csv` counts lines after a blank line or a line end of two bytes wrongly, and cannot tell a short last row
//! from a file that was cut; both matter to whoever must mend a trace. Its reading of fields is what the tests hold
//! this reader against.

use std::path::Path;

use super::{Fault, Lines, MAX_ROW_BYTES, Outcome, listed};
use crate::formats::tree::shorten;
use crate::units::nearest;

/// A table that is read row by row.
#[derive(Debug)]
pub struct Csv {
    lines: Lines,
    header: Vec<String>,
    /// The row as it is in the file.
    raw: Vec<u8>,
    /// The row's fields without quotes, one after the other; unused while a row has no quotes.
    plain: Vec<u8>,
    fields: Vec<Field>,
    /// Whether the fields are in `plain` and not in `raw`.
    unquoted: bool,
    first_line: u64,
}

/// Where a field is: in the text that is read, and in the row as it was written.
#[derive(Clone, Copy, Debug)]
struct Field {
    start: usize,
    end: usize,
    raw: (usize, usize),
}

/// A column that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column(usize);

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    csv: &'a Csv,
    text: &'a str,
}

impl Csv {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be read, is empty, or names a column twice.
    pub fn open(path: &Path) -> Outcome<Csv> {
        Csv::new(Lines::open(path)?)
    }

    /// Reads the header.
    ///
    /// # Errors
    /// As [`Csv::open`].
    pub fn new(lines: Lines) -> Outcome<Csv> {
        let mut csv = Csv {
            lines,
            header: Vec::new(),
            raw: Vec::new(),
            plain: Vec::new(),
            fields: Vec::new(),
            unquoted: false,
            first_line: 0,
        };
        if !csv.read()? {
            let message = format!("`{}` is empty", csv.lines.file);
            return Err(
                Fault::file(&csv.lines.file, message).help("it should begin with a line that names its columns")
            );
        }
        let text = csv.text()?;
        let trimmed = |i: usize, f: &Field| {
            let name = &text[f.start..f.end];
            // A byte order mark belongs to the file, not to the name of its first column.
            if i == 0 { name.trim_start_matches('\u{feff}').trim() } else { name.trim() }.to_owned()
        };
        let header: Vec<String> = csv.fields.iter().enumerate().map(|(i, f)| trimmed(i, f)).collect();
        for (i, name) in header.iter().enumerate() {
            if header[..i].contains(name) {
                let message = format!("two columns are named `{}`", shorten(name));
                return Err(csv.fault(csv.fields[i].raw, message).label("the same name again"));
            }
        }
        csv.header = header;
        Ok(csv)
    }

    /// The names of the columns.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The name of the file, as diagnostics show it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.lines.name()
    }

    /// Finds a column. Only before the first row is read can the fault show the header.
    ///
    /// # Errors
    /// When there is none of the name: with the nearest, and those there are.
    pub fn column(&self, name: &str) -> Outcome<Column> {
        self.optional_column(name).ok_or_else(|| {
            let message = format!("no column `{name}` in `{}`", self.lines.file);
            let mut fault = if self.lines.number() <= self.first_line && self.fields.len() == self.header.len() {
                self.fault((0, self.raw.len()), message).label("the columns")
            } else {
                Fault::file(&self.lines.file, message)
            };
            if let Some(near) = nearest(name, self.header.iter().map(String::as_str)) {
                fault = fault.help(format!("is it `{near}`?"));
            }
            fault.help(format!("columns found: {}", listed(&self.header)))
        })
    }

    /// Finds a column that may be missing.
    #[must_use]
    pub fn optional_column(&self, name: &str) -> Option<Column> {
        self.header.iter().position(|h| h == name).map(Column)
    }

    /// The next row; blank lines are passed over.
    ///
    /// # Errors
    /// When the file cannot be read on, is cut short, is not UTF-8, or the row has another number of fields than the
    /// header.
    pub fn next_row(&mut self) -> Outcome<Option<Row<'_>>> {
        if !self.read()? {
            return Ok(None);
        }
        if self.fields.len() != self.header.len() {
            return Err(self.ragged());
        }
        Ok(Some(Row { csv: self, text: self.text()? }))
    }

    fn text(&self) -> Outcome<&str> {
        // Checked as it was written, so that the fault can show it.
        let raw = self.lines.text(self.first_line, &self.raw)?;
        // Taking quotes out of text leaves text.
        Ok(if self.unquoted { std::str::from_utf8(&self.plain).unwrap_or_default() } else { raw })
    }

    fn fault(&self, span: (usize, usize), message: String) -> Box<Fault> {
        let end = self.raw.len() - self.raw.iter().rev().take_while(|b| matches!(b, b'\n' | b'\r')).count();
        Fault::row(&self.lines.file, self.first_line, &self.raw, (span.0.min(end), span.1.min(end)), message)
    }

    fn ragged(&self) -> Box<Fault> {
        let (found, wanted) = (self.fields.len(), self.header.len());
        if self.lines.is_cut() && found < wanted {
            let message = format!("file is cut short at line {}", self.lines.number());
            return self
                .fault((0, self.raw.len()), message)
                .label(format!("{found} of {wanted} fields, and no end of line"))
                .help("fetch the file again, or remove its last line");
        }
        let fields = |n: usize| if n == 1 { "1 field".to_owned() } else { format!("{n} fields") };
        let message = format!("line {} has {}, the header has {}", self.first_line, fields(found), wanted);
        let (span, label) = match self.fields.get(wanted) {
            Some(extra) => ((extra.raw.0, self.raw.len()), "beyond the last column".to_owned()),
            None => {
                let missing = self.header.get(found).map_or("", String::as_str);
                ((0, self.raw.len()), format!("ends before `{}`", shorten(missing)))
            }
        };
        self.fault(span, message).label(label).help("a field that holds a comma goes in double quotes")
    }

    /// Reads the next row that is not blank into `raw` and `fields`.
    fn read(&mut self) -> Outcome<bool> {
        loop {
            self.raw.clear();
            if !self.lines.append(&mut self.raw)? {
                return Ok(false);
            }
            if !matches!(self.raw.as_slice(), b"\n" | b"\r\n") {
                break;
            }
        }
        self.first_line = self.lines.number();
        self.fields.clear();
        self.unquoted = self.raw.contains(&b'"');
        if self.unquoted {
            return self.read_quoted().map(|()| true);
        }
        let end = without_line_end(&self.raw);
        let mut start = 0;
        for (i, b) in self.raw[..end].iter().enumerate() {
            if *b == b',' {
                self.fields.push(Field { start, end: i, raw: (start, i) });
                start = i + 1;
            }
        }
        self.fields.push(Field { start, end, raw: (start, end) });
        Ok(true)
    }

    /// The slow way, for rows with quotes: they may run over several lines.
    fn read_quoted(&mut self) -> Outcome<()> {
        self.plain.clear();
        let mut at = 0;
        loop {
            let (start, raw_start) = (self.plain.len(), at);
            if self.raw.get(at) == Some(&b'"') {
                at = self.quoted_field(at)?;
            } else {
                let end = without_line_end(&self.raw);
                let len = self.raw[at..end].iter().position(|b| *b == b',').unwrap_or(end - at);
                self.plain.extend_from_slice(&self.raw[at..at + len]);
                at += len;
            }
            self.fields.push(Field { start, end: self.plain.len(), raw: (raw_start, at) });
            if self.raw.get(at) != Some(&b',') {
                return Ok(());
            }
            at += 1;
        }
    }

    /// Reads a field in quotes that begins at `open` and returns where it ends in `raw`.
    fn quoted_field(&mut self, open: usize) -> Outcome<usize> {
        let mut at = open + 1;
        loop {
            match self.raw.get(at) {
                Some(b'"') if self.raw.get(at + 1) == Some(&b'"') => {
                    self.plain.push(b'"');
                    at += 2;
                }
                Some(b'"') => {
                    at += 1;
                    if at == without_line_end(&self.raw) || self.raw.get(at) == Some(&b',') {
                        return Ok(at);
                    }
                    let fault =
                        self.fault((open, at + 1), format!("text after a closing quote in line {}", self.first_line));
                    return Err(fault.label("quoted").help("a quote inside a quoted field is doubled: \"\""));
                }
                Some(b) => {
                    self.plain.push(*b);
                    at += 1;
                }
                None => {
                    let more = self.lines.append(&mut self.raw);
                    let message = match more {
                        Ok(true) => continue,
                        Ok(false) => format!("file is cut short at line {}", self.lines.number()),
                        Err(_) if self.raw.len() > MAX_ROW_BYTES => {
                            format!(
                                "a quoted field in line {} is longer than {} MiB",
                                self.first_line,
                                MAX_ROW_BYTES >> 20
                            )
                        }
                        Err(fault) => return Err(fault),
                    };
                    return Err(self
                        .fault((open, open + 1), message)
                        .label("this quote is never closed")
                        .help("add the closing quote"));
                }
            }
        }
    }
}

/// The length without the line end.
fn without_line_end(raw: &[u8]) -> usize {
    let line = raw.strip_suffix(b"\n").unwrap_or(raw);
    line.strip_suffix(b"\r").unwrap_or(line).len()
}

impl<'a> Row<'a> {
    /// The line it begins on, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.csv.first_line
    }

    /// The text of a field.
    #[must_use]
    pub fn text(&self, column: Column) -> &'a str {
        let field = self.csv.fields[column.0];
        &self.text[field.start..field.end]
    }

    /// A fault of a field: `message` says what is wrong with it, `label` goes under the caret.
    #[must_use]
    pub fn fault(&self, column: Column, message: impl Into<String>, label: impl Into<String>) -> Box<Fault> {
        self.csv.fault(self.csv.fields[column.0].raw, message.into()).label(label)
    }

    fn wrong(&self, column: Column, what: &str) -> Box<Fault> {
        let (name, text) = (&self.csv.header[column.0], self.text(column).trim());
        let found = if text.is_empty() { "nothing".to_owned() } else { format!("\"{}\"", shorten(text)) };
        let message = format!("column `{name}` needs {what}, line {} has {found}", self.line());
        self.fault(column, message, format!("not {what}"))
    }

    /// A finite number of zero or more.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn f64(&self, column: Column) -> Outcome<f64> {
        match self.text(column).trim().parse::<f64>() {
            Ok(v) if v.is_finite() && v >= 0.0 => Ok(v + 0.0),
            _ => Err(self.wrong(column, "a number of 0 or more")),
        }
    }

    /// A finite number.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn signed(&self, column: Column) -> Outcome<f64> {
        match self.text(column).trim().parse::<f64>() {
            Ok(v) if v.is_finite() => Ok(v),
            _ => Err(self.wrong(column, "a number")),
        }
    }

    /// A whole number of zero or more.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn u64(&self, column: Column) -> Outcome<u64> {
        self.text(column).trim().parse().map_err(|_| self.wrong(column, "a whole number of 0 or more"))
    }

    /// The field, unless it is empty.
    #[must_use]
    pub fn filled(&self, column: Column) -> Option<&'a str> {
        Some(self.text(column).trim()).filter(|t| !t.is_empty())
    }

    /// A finite number of zero or more, or nothing.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn optional_f64(&self, column: Column) -> Outcome<Option<f64>> {
        self.filled(column).map(|_| self.f64(column)).transpose()
    }

    /// A whole number of zero or more, or nothing.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn optional_u64(&self, column: Column) -> Outcome<Option<u64>> {
        self.filled(column).map(|_| self.u64(column)).transpose()
    }
}
