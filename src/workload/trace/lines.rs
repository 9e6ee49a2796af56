//! Records of comma-separated fields, line by line: quotes as in RFC 4180, blank lines skipped, memory constant.

use std::io::{BufRead, Read};

/// The longest record that is read, so that a file that is no table cannot fill the memory.
pub(super) const LONGEST: usize = 1 << 20;

/// Splits bytes into records.
pub(super) struct Lines<R> {
    input: R,
    /// The present record as it stands in the file, without the end of its last line.
    raw: Vec<u8>,
    /// Its fields without quotes, one after the other; unused when it has no quotes.
    plain: Vec<u8>,
    quoted: bool,
    /// Where each field lies in `plain`, or in `raw` when there are no quotes.
    fields: Vec<(usize, usize)>,
    /// Where each field lies in `raw`.
    places: Vec<(usize, usize)>,
    /// The line on which the record begins, from 1.
    line: u64,
    /// Lines read so far.
    read: u64,
    /// The last line had no end.
    unended: bool,
}

/// Why there is no next record.
#[derive(Debug)]
pub(super) enum Fault {
    /// Reading failed.
    Io(std::io::Error),
    /// A record longer than [`LONGEST`].
    TooLong,
    /// The file ends within quotes.
    OpenQuote,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Lines<R> {
        let (raw, plain, fields, places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Lines { input, raw, plain, quoted: false, fields, places, line: 0, read: 0, unended: false }
    }

    /// Takes the next record; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, Fault> {
        loop {
            self.raw.clear();
            if !self.append_line()? {
                return Ok(false);
            }
            self.line = self.read;
            self.cut_line_end();
            if !self.raw.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        self.fields.clear();
        self.quoted = self.raw.contains(&b'"');
        if !self.quoted {
            let mut start = 0;
            for (i, _) in self.raw.iter().enumerate().filter(|(_, b)| **b == b',') {
                self.fields.push((start, i));
                start = i + 1;
            }
            self.fields.push((start, self.raw.len()));
            return Ok(true);
        }
        while !self.split_quoted() {
            // A quote is open at the end of the line: the record goes on in the next.
            self.raw.push(b'\n');
            if !self.append_line()? {
                return Err(Fault::OpenQuote);
            }
            self.cut_line_end();
        }
        Ok(true)
    }

    /// Appends a line with its end; false when there is none.
    fn append_line(&mut self) -> Result<bool, Fault> {
        let room = LONGEST + 1 - self.raw.len().min(LONGEST);
        let n = (&mut self.input).take(room as u64).read_until(b'\n', &mut self.raw).map_err(Fault::Io)?;
        self.read += u64::from(n > 0);
        if self.raw.len() > LONGEST {
            self.line = self.read;
            return Err(Fault::TooLong);
        }
        if n > 0 {
            self.unended = self.raw.last() != Some(&b'\n');
        }
        Ok(n > 0)
    }

    fn cut_line_end(&mut self) {
        if self.raw.last() == Some(&b'\n') {
            self.raw.pop();
        }
        if self.raw.last() == Some(&b'\r') {
            self.raw.pop();
        }
    }

    /// Splits a record with quotes; false when it ends within one.
    fn split_quoted(&mut self) -> bool {
        self.fields.clear();
        self.places.clear();
        self.plain.clear();
        let (mut begin, mut place, mut open) = (0, 0, false);
        let mut i = 0;
        while i < self.raw.len() {
            match (self.raw[i], open) {
                (b'"', true) if self.raw.get(i + 1) == Some(&b'"') => {
                    self.plain.push(b'"');
                    i += 1;
                }
                (b'"', _) => open = !open,
                (b',', false) => {
                    self.fields.push((begin, self.plain.len()));
                    self.places.push((place, i));
                    (begin, place) = (self.plain.len(), i + 1);
                }
                (b, _) => self.plain.push(b),
            }
            i += 1;
        }
        self.fields.push((begin, self.plain.len()));
        self.places.push((place, i));
        !open
    }

    /// How many fields the record has.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field's bytes, without quotes; empty when there is no such field.
    #[inline]
    pub(super) fn field(&self, i: usize) -> &[u8] {
        let Some((from, to)) = self.fields.get(i) else { return &[] };
        if self.quoted { &self.plain[*from..*to] } else { &self.raw[*from..*to] }
    }

    /// Where a field stands in [`Lines::raw`]; the end when there is no such field.
    pub(super) fn place(&self, i: usize) -> (usize, usize) {
        let places = if self.quoted { &self.places } else { &self.fields };
        places.get(i).copied().unwrap_or((self.raw.len(), self.raw.len()))
    }

    /// The record as it stands in the file.
    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The line on which the record begins, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Whether the last line read had no end, as the last of a file may.
    pub(super) fn unended(&self) -> bool {
        self.unended
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8]) -> Vec<(u64, Vec<String>)> {
        let mut lines = Lines::new(text);
        let mut out = Vec::new();
        while lines.advance().unwrap() {
            let fields = (0..lines.len()).map(|i| String::from_utf8_lossy(lines.field(i)).into_owned()).collect();
            out.push((lines.line(), fields));
        }
        out
    }

    #[test]
    fn lines_are_counted_past_blank_ones_and_within_quotes() {
        let found = all(b"a,b\r\n\r\n1,\"x\r\ny, \"\"z\"\"\"\n  \n,\n\"\",2");
        let lines: Vec<u64> = found.iter().map(|f| f.0).collect();
        assert_eq!(lines, [1, 3, 6, 7]);
        assert_eq!(found[1].1, ["1", "x\ny, \"z\""]);
        assert_eq!(found[2].1, ["", ""]);
        assert_eq!(found[3].1, ["", "2"]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let mut open = Lines::new(&b"a\n\"b\nc"[..]);
        assert!(open.advance().unwrap());
        assert!(matches!(open.advance(), Err(Fault::OpenQuote)));
        let long = vec![b'x'; 3 * LONGEST];
        assert!(matches!(Lines::new(&long[..]).advance(), Err(Fault::TooLong)));
        assert!(!Lines::new(&b"\n\n"[..]).advance().unwrap());
    }

    proptest! {
        #[test]
        fn records_are_those_of_the_csv_crate(
            rows in proptest::collection::vec(proptest::collection::vec("[ab,\"\n é]{0,6}", 2..5), 1..8)
        ) {
            let mut w = ::csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for r in &rows {
                w.write_record(r).unwrap();
            }
            let text = w.into_inner().unwrap();
            let found: Vec<Vec<String>> = all(&text).into_iter().map(|f| f.1).collect();
            prop_assert_eq!(found, rows);
        }
    }
}
