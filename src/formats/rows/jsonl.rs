//! JSON lines: one object a line, read one at a time.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Fault, Lines, Outcome, listed};
use crate::formats::tree::shorten;
use crate::units::nearest;

/// A file of objects that is read line by line.
#[derive(Debug)]
pub struct JsonLines {
    lines: Lines,
    raw: Vec<u8>,
}

/// An object and its line.
#[derive(Debug)]
pub struct Record<'a> {
    lines: &'a Lines,
    raw: &'a [u8],
    /// Its fields.
    pub fields: Map<String, Value>,
}

impl JsonLines {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> Outcome<JsonLines> {
        Ok(JsonLines::new(Lines::open(path)?))
    }

    /// Reads from lines.
    #[must_use]
    pub fn new(lines: Lines) -> JsonLines {
        JsonLines { lines, raw: Vec::new() }
    }

    /// The next object; blank lines are passed over.
    ///
    /// # Errors
    /// When the file cannot be read on, is cut short, is not UTF-8, or the line is not one object.
    pub fn next_record(&mut self) -> Outcome<Option<Record<'_>>> {
        loop {
            self.raw.clear();
            if !self.lines.append(&mut self.raw)? {
                return Ok(None);
            }
            // A byte order mark belongs to the file, not to its first object.
            if self.lines.number() == 1 && self.raw.starts_with("\u{feff}".as_bytes()) {
                self.raw.drain(..3);
            }
            if !self.raw.trim_ascii().is_empty() {
                break;
            }
        }
        let line = self.lines.number();
        let text = self.lines.text(line, &self.raw)?;
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(fields)) => Ok(Some(Record { lines: &self.lines, raw: &self.raw, fields })),
            Ok(_) => {
                let message = format!("line {line} is not an object");
                let fault = Fault::row(&self.lines.file, line, &self.raw, (0, 1), message);
                Err(fault.label("not an object").help("each line holds one object: {\"field\": value, …}"))
            }
            Err(e) if e.is_eof() && self.lines.is_cut() => {
                let message = format!("file is cut short at line {line}");
                let fault = Fault::row(&self.lines.file, line, &self.raw, (0, self.raw.len()), message);
                Err(fault.label("ends inside the object").help("fetch the file again, or remove its last line"))
            }
            Err(e) => {
                let why = e.to_string();
                let why = why.split(" at line ").next().unwrap_or_default();
                let at = e.column().saturating_sub(1).min(self.raw.len());
                let fault =
                    Fault::row(&self.lines.file, line, &self.raw, (at, at + 1), format!("line {line} is not JSON"));
                Err(fault.label(why))
            }
        }
    }
}

impl Record<'_> {
    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// A fault of a field.
    #[must_use]
    pub fn fault(&self, field: &str, message: impl Into<String>, label: impl Into<String>) -> Box<Fault> {
        let text = String::from_utf8_lossy(self.raw);
        let key = format!("\"{field}\"");
        let span = text.find(&key).map_or((0, 1), |i| (i, i + key.len()));
        Fault::row(&self.lines.file, self.line(), self.raw, span, message.into()).label(label)
    }

    fn present(&self, field: &str) -> Outcome<&Value> {
        self.fields.get(field).filter(|v| !v.is_null()).ok_or_else(|| {
            let names: Vec<String> = self.fields.keys().cloned().collect();
            let message = format!("no field `{field}` in line {}", self.line());
            let fault = Fault::row(&self.lines.file, self.line(), self.raw, (0, 1), message).label("this object");
            let fault = match nearest(field, names.iter().map(String::as_str)) {
                Some(near) if near != field => fault.help(format!("is it `{near}`?")),
                _ => fault,
            };
            fault.help(format!("fields found: {}", listed(&names)))
        })
    }

    fn wrong(&self, field: &str, what: &str, found: &Value) -> Box<Fault> {
        let message = format!("field `{field}` needs {what}, line {} has {}", self.line(), shorten(&found.to_string()));
        self.fault(field, message, format!("not {what}"))
    }

    /// The text of a field.
    ///
    /// # Errors
    /// When it is missing or not text.
    pub fn text(&self, field: &str) -> Outcome<&str> {
        let v = self.present(field)?;
        v.as_str().ok_or_else(|| self.wrong(field, "text", v))
    }

    /// A finite number of zero or more.
    ///
    /// # Errors
    /// When it is missing or anything else.
    pub fn f64(&self, field: &str) -> Outcome<f64> {
        let v = self.present(field)?;
        v.as_f64().filter(|n| n.is_finite() && *n >= 0.0).ok_or_else(|| self.wrong(field, "a number of 0 or more", v))
    }

    /// A whole number of zero or more.
    ///
    /// # Errors
    /// When it is missing or anything else.
    pub fn u64(&self, field: &str) -> Outcome<u64> {
        let v = self.present(field)?;
        v.as_u64().ok_or_else(|| self.wrong(field, "a whole number of 0 or more", v))
    }

    /// Whether a field is there and not null.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(|v| !v.is_null())
    }
}
