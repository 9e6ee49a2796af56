//! Tables: a caption, heads that sort, numbers with the key that they are sorted by.

use maud::{Markup, PreEscaped, html};

use super::page::prose;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    number: bool,
    hint: String,
}

/// A column of words.
pub fn words(name: impl Into<String>) -> Column {
    Column { name: name.into(), number: false, hint: String::new() }
}

/// A column of numbers.
pub fn numbers(name: impl Into<String>) -> Column {
    Column { name: name.into(), number: true, hint: String::new() }
}

impl Column {
    /// With an explanation, shown to who points at it.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Column {
        self.hint = text.into();
        self
    }
}

/// A cell.
#[derive(Clone, Debug)]
pub struct Cell {
    body: Markup,
    key: Option<f64>,
}

/// Words.
pub fn text(t: impl AsRef<str>) -> Cell {
    Cell { body: html! { (t.as_ref()) }, key: None }
}

/// Words of a program.
pub fn code(t: impl AsRef<str>) -> Cell {
    Cell { body: html! { code { (t.as_ref()) } }, key: None }
}

/// A number as it is read, and as it is sorted.
pub fn number(shown: impl AsRef<str>, key: f64) -> Cell {
    Cell { body: html! { (shown.as_ref()) }, key: Some(key).filter(|k| k.is_finite()) }
}

/// A number that may be absent.
pub fn maybe(v: Option<f64>, show: impl Fn(f64) -> String) -> Cell {
    v.map_or_else(|| text("–"), |v| number(show(v), v))
}

/// Anything.
pub const fn markup(body: Markup) -> Cell {
    Cell { body, key: None }
}

/// A bar of a share from 0 to 1.
pub fn bar(share: f64, ink: &str) -> Cell {
    let width = 100.0 * share.clamp(0.0, 1.0);
    let style = format!("width:{width:.1}px;background:var(--{ink})");
    Cell { body: html! { span class="bar" style=(style) {} }, key: Some(share) }
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    id: String,
    caption: String,
    note: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    foot: Vec<Cell>,
    filter: bool,
}

/// A table with a mark of its own within the page, and a caption.
pub fn table(id: impl Into<String>, caption: impl Into<String>, columns: Vec<Column>) -> Table {
    let (id, caption) = (id.into(), caption.into());
    Table { id, caption, note: String::new(), columns, rows: Vec::new(), foot: Vec::new(), filter: false }
}

impl Table {
    /// A remark after the caption.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Table {
        self.note = text.into();
        self
    }

    /// With a field to search its rows.
    #[must_use]
    pub const fn filter(mut self, on: bool) -> Table {
        self.filter = on;
        self
    }

    /// Adds rows.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Table {
        self.rows.extend(rows);
        debug_assert!(self.rows.iter().all(|r| r.len() == self.columns.len()), "{}: a cell a column", self.id);
        self
    }

    /// A last row that is not sorted with the others.
    #[must_use]
    pub fn foot(mut self, row: Vec<Cell>) -> Table {
        self.foot = row;
        self
    }

    /// As HTML; nothing without rows.
    #[must_use]
    pub fn html(self) -> Markup {
        if self.rows.is_empty() {
            return PreEscaped(String::new());
        }
        let cell = |c: &Cell, i: usize| {
            let number = self.columns[i].number;
            let key = c.key.map(|k| format!("{k}"));
            html! { td.n[number] .t[!number] data-v=[key.filter(|_| number)] { (c.body) } }
        };
        html! {
            @if self.filter {
                div class="filter" {
                    label for=(format!("{}-filter", self.id)) { "Find" }
                    input type="search" id=(format!("{}-filter", self.id)) data-table=(self.id);
                    output { (format!("{} rows", self.rows.len())) }
                }
            }
            div class="wide" {
                table class="sort" id=(self.id) {
                    caption { (self.caption) @if !self.note.is_empty() { " " span class="note" { (prose(&self.note)) } } }
                    thead {
                        tr {
                            @for c in &self.columns {
                                th scope="col" .n[c.number] aria-sort="none" title=[Some(&c.hint).filter(|h| !h.is_empty())] {
                                    button type="button" { (c.name) }
                                }
                            }
                        }
                    }
                    tbody { @for r in &self.rows { tr { @for (i, c) in r.iter().enumerate() { (cell(c, i)) } } } }
                    @if !self.foot.is_empty() {
                        tfoot { tr { @for (i, c) in self.foot.iter().enumerate() { (cell(c, i)) } } }
                    }
                }
            }
        }
    }
}
