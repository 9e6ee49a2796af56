//! Data files row by row, in constant memory: CSV and JSON lines, plain, gzip or zstd, told apart by their first bytes.
//!
//! - [`Lines`]: the lines of a file, decompressed, each with its number;
//! - [`csv::Csv`]: rows with a header, columns found by name, typed fields;
//! - [`jsonl::JsonLines`]: one JSON object a line.
//!
//! A bad row gives a [`Fault`], which keeps the line it is about; [`Fault::into_diagnostic`] puts that line into a
//! source map, so that the caret shows the true file, line and column of a file that was never held whole.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use crate::units::{Diagnostic, SourceMap, Span};

pub mod csv;
pub mod jsonl;
#[cfg(test)]
mod tests;

/// The longest row: what is longer is not a table.
pub const MAX_ROW_BYTES: usize = 16 << 20;

/// How much is read at a time.
const BUFFER: usize = 128 << 10;

/// What is wrong with a row, or with the file at that row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file's name.
    pub file: Arc<str>,
    /// The line, from 1; 0 when it is about the file as a whole.
    pub line: u64,
    /// The text of the row.
    pub text: String,
    /// What the caret is under, in bytes of the text.
    pub span: (usize, usize),
    /// One sentence without a full stop.
    pub message: String,
    /// The words under the caret.
    pub label: String,
    /// What to do.
    pub help: Vec<String>,
}

/// What reading a row may come to. Boxed: rows are read by the million, and faults are rare.
pub type Outcome<T> = Result<T, Box<Fault>>;

impl Fault {
    /// About a row.
    fn row(file: &Arc<str>, line: u64, text: &[u8], span: (usize, usize), message: String) -> Box<Fault> {
        let text = String::from_utf8_lossy(text).trim_end_matches(['\n', '\r']).to_owned();
        Box::new(Fault { file: file.clone(), line, text, span, message, label: String::new(), help: Vec::new() })
    }

    /// About a file as a whole.
    fn file(file: &Arc<str>, message: String) -> Box<Fault> {
        Fault::row(file, 0, b"", (0, 0), message)
    }

    fn label(mut self: Box<Self>, label: impl Into<String>) -> Box<Fault> {
        self.label = label.into();
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Fault> {
        self.help.push(help.into());
        self
    }

    /// As a diagnostic with a place in `sources`.
    #[must_use]
    pub fn into_diagnostic(self, sources: &mut SourceMap) -> Diagnostic {
        let mut d = Diagnostic::error(self.message);
        if self.line > 0 {
            let line = usize::try_from(self.line).unwrap_or(usize::MAX);
            let id = sources.add_piece(self.file.to_string(), self.text, line);
            let place = |v: usize| u32::try_from(v).unwrap_or(u32::MAX);
            d = d.at(id, Span { start: place(self.span.0), end: place(self.span.1) }, self.label);
        }
        d.help = self.help;
        d
    }
}

/// The diagnostic for a file that cannot be read.
pub(super) fn cannot_read(name: &str, e: &io::Error) -> Diagnostic {
    let d = Diagnostic::error(format!("cannot read `{name}`: {}", plainly(e)));
    match e.kind() {
        io::ErrorKind::NotFound => d.help("is the path right? It counts from the folder the command runs in"),
        io::ErrorKind::IsADirectory => d.help("name a file in it"),
        _ => d,
    }
}

/// The fault of a system call without the number that only programmers want.
fn plainly(e: &io::Error) -> String {
    let text = e.to_string();
    let cut = text.find(" (os error").unwrap_or(text.len());
    let mut out = text[..cut].to_owned();
    if let Some(first) = out.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    out
}

/// The lines of a file, decompressed, one at a time.
pub struct Lines {
    file: Arc<str>,
    input: Box<dyn BufRead + Send>,
    /// The line at hand is this one, from 1.
    line: u64,
    /// The last line that was read had no end: nothing comes after it.
    unended: bool,
}

impl Lines {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened or its first bytes cannot be read.
    pub fn open(path: &Path) -> Outcome<Lines> {
        let name = path.display().to_string();
        let fault = |e: io::Error| {
            let d = cannot_read(&name, &e);
            let mut fault = Fault::file(&name.as_str().into(), d.message);
            fault.help = d.help;
            fault
        };
        let file = File::open(path).map_err(fault)?;
        if file.metadata().map_err(fault)?.is_dir() {
            return Err(fault(io::ErrorKind::IsADirectory.into()));
        }
        Lines::from_reader(&name, file)
    }

    /// Takes bytes from anywhere, under the name that diagnostics show.
    ///
    /// # Errors
    /// When the first bytes cannot be read.
    pub fn from_reader(name: &str, mut input: impl Read + Send + 'static) -> Outcome<Lines> {
        let file: Arc<str> = name.into();
        let mut head = Vec::new();
        let first = (&mut input).take(4).read_to_end(&mut head);
        first.map_err(|e| Fault::file(&file, cannot_read(name, &e).message))?;
        let packed = head.clone();
        let whole = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(input));
        let input: Box<dyn BufRead + Send> = match packed.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole))),
            [0x28, 0xb5, 0x2f, 0xfd] => {
                let decoder = zstd::stream::read::Decoder::with_buffer(whole);
                let decoder = decoder.map_err(|e| Fault::file(&file, cannot_read(name, &e).message))?;
                Box::new(BufReader::with_capacity(BUFFER, decoder))
            }
            _ => Box::new(whole),
        };
        Ok(Lines { file, input, line: 0, unended: false })
    }

    /// The number of the line that was read last, from 1; 0 before the first.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.line
    }

    /// The name that diagnostics show.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.file
    }

    /// Whether the line that was read last ended with the file instead of a line end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.unended
    }

    /// Appends the next line, its end included, to `out`. `false` at the end of the file.
    ///
    /// # Errors
    /// When the file cannot be read on, its compression is broken or cut short, or `out` exceeds [`MAX_ROW_BYTES`].
    pub fn append(&mut self, out: &mut Vec<u8>) -> Outcome<bool> {
        if self.unended {
            return Ok(false);
        }
        let before = out.len();
        let room = (MAX_ROW_BYTES + 1).saturating_sub(before) as u64;
        let read = (&mut self.input).take(room).read_until(b'\n', out);
        if out.len() > before {
            self.line += 1;
        }
        match read {
            Err(e) => {
                let line = self.line.max(1);
                let message = match e.kind() {
                    io::ErrorKind::UnexpectedEof => format!("file is cut short at line {line}"),
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                        format!("the compressed data is damaged near line {line}")
                    }
                    _ => format!("cannot read on after line {}: {}", self.line, plainly(&e)),
                };
                let fault = Fault::row(&self.file, line, &out[before..], (0, out.len() - before), message);
                Err(fault.label("the data stops here").help("fetch or pack the file again"))
            }
            Ok(_) if out.len() > MAX_ROW_BYTES => {
                let message = format!("line {} is longer than {} MiB", self.line, MAX_ROW_BYTES >> 20);
                let fault = Fault::row(&self.file, self.line, &out[..80], (0, 80), message);
                Err(fault.label("begins here").help("is this a file of rows, and is each quote closed?"))
            }
            Ok(0) => Ok(false),
            Ok(_) => {
                self.unended = out.last() != Some(&b'\n');
                Ok(true)
            }
        }
    }

    /// The bytes as text, or where they stop being text.
    fn text<'a>(&self, line: u64, bytes: &'a [u8]) -> Outcome<&'a str> {
        std::str::from_utf8(bytes).map_err(|e| {
            let at = e.valid_up_to();
            let message = format!("line {line} is not UTF-8 text: its byte {at} is 0x{:02X}", bytes[at]);
            // The replacement character that is shown in its place takes three bytes.
            let fault = Fault::row(&self.file, line, bytes, (at, at + 3), message);
            fault.label("not UTF-8 from here").help("save the file as UTF-8")
        })
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("file", &self.file).field("line", &self.line).finish_non_exhaustive()
    }
}

/// `a, b, c and 3 more`.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(24).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 24 { format!("{shown} and {} more", names.len() - 24) } else { shown }
}
