//! Plain tables for stdout: two spaces between columns, no borders, nothing that a terminal would act upon.

use comfy_table::{CellAlignment, Table};

/// Rows under a header, each line ending in `\n`. The columns in `right` are aligned to the right.
pub fn plain(header: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut t = Table::new();
    t.load_style(comfy_table::presets::NOTHING);
    t.set_header(header.to_vec());
    for row in rows {
        t.add_row(row.iter().map(|c| clean(c)));
    }
    let last = header.len().saturating_sub(1);
    for (i, c) in t.column_iter_mut().enumerate() {
        c.set_padding((0, if i == last { 0 } else { 2 }));
        if right.contains(&i) {
            c.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut out = String::new();
    for line in t.to_string().lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The text without control characters: names come from files, and a terminal acts upon some of them.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Texts that many rows share, as notes below a table: `[1] …`.
#[derive(Debug, Default)]
pub struct Notes {
    list: Vec<String>,
}

impl Notes {
    /// The mark of a text, the same each time: `[1]`. Empty for an empty text.
    pub fn mark(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let at = self.list.iter().position(|t| t == text).unwrap_or_else(|| {
            self.list.push(text.to_owned());
            self.list.len() - 1
        });
        format!("[{}]", at + 1)
    }

    /// The notes, a line each.
    pub fn text(&self) -> String {
        self.list.iter().enumerate().map(|(i, t)| format!("[{}] {}\n", i + 1, clean(t))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_blanks_at_the_end() {
        let rows =
            vec![vec!["a".to_owned(), "1".to_owned(), String::new()], vec!["bcd".into(), "20".into(), "x".into()]];
        assert_eq!(plain(&["what", "n", "why"], &[1], rows), "what   n  why\na      1\nbcd   20  x\n");
    }

    #[test]
    fn nothing_that_a_terminal_acts_upon_gets_through() {
        assert_eq!(plain(&["a"], &[], [vec!["\u{1b}[31mred".to_owned()]]), "a\n\u{fffd}[31mred\n");
    }

    #[test]
    fn the_same_note_has_one_mark() {
        let mut n = Notes::default();
        assert_eq!([n.mark("x"), n.mark("y"), n.mark("x"), n.mark("")], ["[1]", "[2]", "[1]", ""]);
        assert_eq!(n.text(), "[1] x\n[2] y\n");
    }
}
