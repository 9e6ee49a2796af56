//! A user's own prices, as CSV, over the embedded book.
//!
//! | column | | meaning |
//! |---|---|---|
//! | `instance` | required | a type of the catalogue, or a new one (with the four columns below) |
//! | `region` | required | any name; a known region's for a known type |
//! | `market` | required | `on_demand` or `spot` |
//! | `from` | required | the first date at which the price holds, `YYYY-MM-DD` |
//! | `usd_per_hour` | required | USD per hour of the whole machine, a plain decimal |
//! | `source` | optional | where it comes from; the file's name if left out |
//! | `device`, `gpus`, `vcpus`, `memory_gib` | together | the figures of a type, to define a new one or correct one |
//! | `provider` | optional | `aws`, `gcp`, `azure` or `own`, for billing rules and fees; `own` for a new type |
//!
//! Columns may stand in any order, rows too. Blank lines and lines that begin with `#` are skipped. From the first date
//! that a file gives for a type, region and market, only the file's rows count; before it, the embedded ones.
//! All problems are reported together, and a file with an error changes nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::Date;

use super::book::Catalog;
use super::instance::{Figures, Instance};
use super::price::{Basis, Market, PriceRow};
use super::source::{Evidence, Provider};
use super::table;
use crate::units::money::PICO;
use crate::units::{Diagnostic, Diagnostics, Rate, SourceId, SourceMap, Span, nearest};

const REQUIRED: [&str; 5] = ["instance", "region", "market", "from", "usd_per_hour"];
const OPTIONAL: [&str; 6] = ["source", "device", "gpus", "vcpus", "memory_gib", "provider"];
const FIGURES: [&str; 4] = ["device", "gpus", "vcpus", "memory_gib"];
const EXAMPLE: &str = "the first line names the columns: instance,region,market,from,usd_per_hour";
/// No machine costs more by the hour; beyond it, sums over a simulated decade could overflow.
const DEAREST: Rate = Rate(1_000_000_000 * PICO);

/// What a file added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Price rows.
    pub prices: usize,
    /// Machine types defined or corrected.
    pub instances: usize,
}

/// A field with its place.
struct Field<'a> {
    text: Cow<'a, str>,
    span: Span,
}

/// The fields of one line, and the line's own place.
struct Line<'a> {
    fields: Vec<Field<'a>>,
    span: Span,
}

/// A row that was read and found sound by itself.
struct Row {
    instance: String,
    region: String,
    market: Market,
    from: Date,
    rate: Rate,
    source: String,
    span: Span,
}

/// By type (its name in lower case), region and market.
type Rows = BTreeMap<(String, String, Market), Vec<Row>>;

/// A definition of a machine type.
struct Definition {
    name: String,
    provider: Option<Provider>,
    figures: Figures,
    span: Span,
}

impl Catalog {
    /// Reads a user's price CSV (columns above) over this catalogue. Nothing is changed when a finding is an error.
    pub fn import_prices(&mut self, texts: &SourceMap, id: SourceId) -> (Imported, Diagnostics) {
        let file = texts.get(id);
        let mut reader = Reader { catalog: self, id, found: Diagnostics::default() };
        let (rows, definitions) = reader.read(&file.text, &file.name);
        let found = reader.found;
        if found.has_errors() {
            return (Imported::default(), found);
        }
        let done = Imported { prices: rows.values().map(Vec::len).sum(), instances: definitions.len() };
        self.apply(rows, definitions, &file.name);
        (done, found)
    }

    fn apply(&mut self, rows: Rows, definitions: BTreeMap<String, Definition>, file: &str) {
        for d in definitions.into_values() {
            let known = self.instances.find(&d.name).ok().cloned();
            let name = known.as_ref().map_or(Cow::Owned(d.name), |i| i.name.clone());
            let provider = d.provider.or(known.map(|i| i.provider)).unwrap_or(Provider::Own);
            let source = self.sources.own(file);
            self.instances.define(name, provider, d.figures, source, Evidence::Measured);
        }
        for ((instance, region, market), list) in rows {
            let Ok(id) = self.instances.find(&instance).map(|i| i.id) else {
                debug_assert!(false, "{instance} was checked when it was read");
                continue;
            };
            let list: Vec<PriceRow> = list
                .into_iter()
                .map(|r| PriceRow {
                    from: r.from,
                    rate: r.rate,
                    seen_until: r.from,
                    source: self.sources.own(&r.source),
                    evidence: Evidence::Measured,
                    basis: Basis::Listed,
                })
                .collect();
            self.prices.overlay(id, region.into(), market, &list);
        }
    }
}

struct Reader<'c> {
    catalog: &'c Catalog,
    id: SourceId,
    found: Diagnostics,
}

impl Reader<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>, label: impl Into<String>, help: &str) {
        let d = Diagnostic::error(message).at(self.id, span, label);
        self.found.push(if help.is_empty() { d } else { d.help(help) });
    }

    fn read(&mut self, text: &str, file: &str) -> (Rows, BTreeMap<String, Definition>) {
        let mut rows = Rows::new();
        let mut definitions = BTreeMap::new();
        let mut lines = lines(text);
        let Some(heading) = lines.next() else {
            self.found.push(Diagnostic::error(format!("`{file}` holds no prices")).help(EXAMPLE));
            return (rows, definitions);
        };
        let Some(columns) = self.columns(&heading) else { return (rows, definitions) };
        let mut used = Vec::new();
        for line in lines {
            if line.fields.len() != heading.fields.len() {
                let (n, m) = (line.fields.len(), heading.fields.len());
                self.error(
                    line.span,
                    format!("this row has {n} fields, the heading {m}"),
                    format!("{n} fields"),
                    "a field with a comma in it must stand in double quotes",
                );
                continue;
            }
            let view = View { line: &line, columns: &columns };
            self.define(view, &mut definitions);
            if let Some(row) = self.price(view, file) {
                let at = view.get("instance").map_or(line.span, |f| f.span);
                // A type whose figures are faulty was reported as such.
                if !view.defines() {
                    used.push((row.instance.clone(), at));
                }
                let key = (key_of(self.catalog, &row.instance), row.region.clone(), row.market);
                rows.entry(key).or_default().push(row);
            }
        }
        self.check_types(&used, &definitions);
        self.check_regions(&rows);
        for list in rows.values_mut() {
            list.sort_by_key(|r| r.from);
            for pair in list.windows(2).filter(|w| w[0].from == w[1].from) {
                let d = Diagnostic::error(format!("two prices of {} on {}", pair[0].instance, pair[0].from))
                    .at(self.id, pair[1].span, "the same type, region, market and date")
                    .also(self.id, pair[0].span, "first given here")
                    .help("keep one of them");
                self.found.push(d);
            }
        }
        if rows.is_empty() && !self.found.has_errors() {
            self.found.push(Diagnostic::warning(format!("`{file}` has a heading and no prices")));
        }
        (rows, definitions)
    }

    /// Each type is in the catalogue or defined somewhere in the file, in whichever row.
    fn check_types(&mut self, used: &[(String, Span)], definitions: &BTreeMap<String, Definition>) {
        for (name, at) in used {
            if definitions.contains_key(&key_of(self.catalog, name)) {
                continue;
            }
            if let Err(e) = self.catalog.instances.find(name) {
                self.found.push(e.to_diagnostic().at(self.id, *at, "not in the catalogue"));
            }
        }
    }

    /// A new region is allowed, and one that is nearly a known one is worth a warning.
    fn check_regions(&mut self, rows: &Rows) {
        for ((_, region, _), list) in rows {
            if let (Err(Some(near)), Some(row)) = (self.catalog.prices.check_region(region), list.first()) {
                let d = Diagnostic::warning(format!("region `{region}` is taken as a new one"))
                    .at(self.id, row.span, "no type of the catalogue has a price there")
                    .help(format!("did you mean `{near}`?"));
                self.found.push(d);
            }
        }
    }

    /// Which column is where. `None` when one is missing: no row can be read then.
    fn columns(&mut self, heading: &Line<'_>) -> Option<BTreeMap<&'static str, usize>> {
        let mut at = BTreeMap::new();
        let known = || REQUIRED.into_iter().chain(OPTIONAL);
        let mut strange = Vec::new();
        for (i, field) in heading.fields.iter().enumerate() {
            let word = field.text.to_ascii_lowercase();
            match known().find(|k| *k == word) {
                Some(k) => {
                    if let Some(first) = at.insert(k, i) {
                        let d = Diagnostic::error(format!("column `{k}` is named twice"))
                            .at(self.id, field.span, "again here")
                            .also(self.id, heading.fields[first].span, "first here");
                        self.found.push(d);
                    }
                }
                None => strange.push(field),
            }
        }
        let missing: Vec<&str> = REQUIRED.into_iter().filter(|k| !at.contains_key(k)).collect();
        for field in strange {
            let d = Diagnostic::warning(format!("column `{}` is not known and is ignored", field.text));
            let near = nearest(&field.text, known().filter(|k| !at.contains_key(k)));
            let d = d.at(self.id, field.span, "not a column of a price file");
            self.found.push(match near {
                Some(n) => d.help(format!("did you mean `{n}`?")),
                None => d.help(format!("columns: {}", known().collect::<Vec<_>>().join(", "))),
            });
        }
        if !missing.is_empty() {
            let list = missing.join(", ");
            self.error(heading.span, format!("missing columns: {list}"), "the heading", EXAMPLE);
            return None;
        }
        Some(at)
    }

    /// The price of a row, if all five of its fields are sound; otherwise each fault is reported.
    fn price(&mut self, row: View<'_>, file: &str) -> Option<Row> {
        let instance = self.need(row, "instance", |t| Ok(t.to_owned()));
        let region = self.need(row, "region", |t| Ok(t.to_ascii_lowercase()));
        let market = self.need(row, "market", |t| t.parse::<Market>().map_err(|e| e.to_string()));
        let from = self
            .need(row, "from", |t| table::fast_date(t).ok_or_else(|| "not a date: write it as 2026-08-03".to_owned()));
        let rate = self.need(row, "usd_per_hour", |t| {
            let rate: Rate = t.parse().map_err(|e| format!("{e}: write it as 3.06"))?;
            match rate {
                r if r.0 < 0 => Err("a price must not be negative".to_owned()),
                r if r > DEAREST => Err("more than 1,000,000,000 USD per hour".to_owned()),
                r => Ok(r),
            }
        });
        let source = row.get("source").map_or_else(|| file.to_owned(), |f| f.text.to_string());
        Some(Row {
            instance: instance?,
            region: region?,
            market: market?,
            from: from?,
            rate: rate?,
            source,
            span: row.line.span,
        })
    }

    /// A field that must be there and pass `read`, whose error goes under the caret.
    fn need<T>(&mut self, row: View<'_>, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let Some(field) = row.get(name) else {
            self.error(row.line.span, format!("`{name}` is empty"), "in this row", "");
            return None;
        };
        match read(&field.text) {
            Ok(v) => Some(v),
            Err(why) => {
                self.error(field.span, format!("`{}` is not a valid {name}", field.text), why, "");
                None
            }
        }
    }

    /// Takes over a row's figures of its machine type, if it has any.
    fn define(&mut self, row: View<'_>, all: &mut BTreeMap<String, Definition>) {
        let Some(name) = row.get("instance").filter(|_| row.defines()) else { return };
        let [device, gpus, vcpus, memory] = FIGURES.map(|c| row.get(c));
        let provider = match row.get("provider").map(|f| (f.span, f.text.parse::<Provider>())) {
            Some((span, Err(e))) => return self.error(span, e.to_string(), "not a provider", ""),
            Some((_, Ok(p))) => Some(p),
            None => None,
        };
        let (Some(gpus), Some(vcpus), Some(memory)) = (gpus, vcpus, memory) else {
            let help = "a machine type needs gpus, vcpus and memory_gib, and device if it has GPUs";
            return self.error(row.line.span, format!("the figures of `{}` are not complete", name.text), "here", help);
        };
        let id = match device.map(|f| (f.span, self.catalog.devices.find(&f.text))) {
            Some((span, Err(e))) => {
                let d = e.to_diagnostic().at(self.id, span, "not a GPU of the catalogue");
                return self.found.push(d);
            }
            Some((_, Ok(id))) => Some(id),
            None => None,
        };
        let Some(figures) = Figures::parse(id, &gpus.text, &vcpus.text, &memory.text) else {
            let label = "gpus, vcpus and memory_gib are plain numbers with at most three decimals";
            return self.error(row.line.span, format!("the figures of `{}` are not numbers", name.text), label, "");
        };
        if (figures.gpus.0 > 0) != figures.device.is_some() {
            let help = "name the device if there are GPUs, and leave it empty if there are none";
            return self.error(gpus.span, format!("`{}`: device and gpus do not agree", name.text), "here", help);
        }
        let known = self.catalog.instances.find(&name.text).ok();
        if let Some(k) = known.filter(|k| !says(k, &figures)) {
            let d = Diagnostic::warning(format!("`{}` has other figures in the catalogue", k.name))
                .at(self.id, row.line.span, "these are used")
                .help("leave device, gpus, vcpus and memory_gib empty to keep the catalogue's");
            self.found.push(d);
        }
        let key = key_of(self.catalog, &name.text);
        let definition = Definition { name: name.text.to_string(), provider, figures, span: row.line.span };
        match all.get(&key) {
            Some(first) if first.figures != figures || first.provider != provider => {
                let d = Diagnostic::error(format!("`{}` is defined twice and not alike", name.text))
                    .at(self.id, row.line.span, "other figures here")
                    .also(self.id, first.span, "first defined here")
                    .help("give the figures once, or the same ones in each row");
                self.found.push(d);
            }
            Some(_) => {}
            None => {
                all.insert(key, definition);
            }
        }
    }
}

fn says(known: &Instance, f: &Figures) -> bool {
    (known.device, known.gpus, known.cpu, known.memory) == (f.device, f.gpus, f.cpu, f.memory)
}

/// One key for all the spellings of a type.
fn key_of(catalog: &Catalog, name: &str) -> String {
    catalog.instances.find(name).map_or(name, |i| &i.name).to_ascii_lowercase()
}

/// A row seen through the heading.
#[derive(Clone, Copy)]
struct View<'a> {
    line: &'a Line<'a>,
    columns: &'a BTreeMap<&'static str, usize>,
}

impl<'a> View<'a> {
    /// The field of a column; `None` when there is no such column or the field is empty.
    fn get(self, name: &str) -> Option<&'a Field<'a>> {
        self.columns.get(name).and_then(|&i| self.line.fields.get(i)).filter(|f| !f.text.is_empty())
    }

    /// Whether the row gives any figure of its machine type.
    fn defines(self) -> bool {
        FIGURES.iter().any(|c| self.get(c).is_some())
    }
}

/// The lines that hold something, with their fields trimmed. A field in double quotes may hold commas and `""`, not a
/// line break: the price files that spreadsheets write have none, and so a place is always within one line.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |raw| {
        let start = at;
        at += raw.len();
        let (start, raw) = match raw.strip_prefix('\u{feff}') {
            Some(rest) if start == 0 => (3, rest),
            _ => (start, raw),
        };
        let line = raw.trim_end_matches(['\n', '\r']);
        let used = line.trim();
        (!used.is_empty() && !used.starts_with('#')).then(|| split(line, start))
    })
}

fn split(line: &str, start: usize) -> Line<'_> {
    let place = |a: usize, b: usize| Span { start: (start + a) as u32, end: (start + b) as u32 };
    let mut fields = Vec::new();
    let (mut from, mut quoted) = (0, false);
    let ends = line.bytes().enumerate().filter_map(|(i, b)| {
        quoted ^= b == b'"';
        (b == b',' && !quoted).then_some(i)
    });
    for end in ends.chain(std::iter::once(line.len())) {
        let raw = &line[from..end];
        let used = raw.trim();
        let a = from + (raw.len() - raw.trim_start().len());
        let inner = used.strip_prefix('"').and_then(|u| u.strip_suffix('"'));
        let text = inner.map_or(Cow::Borrowed(used), |u| Cow::Owned(u.replace("\"\"", "\"").trim().to_owned()));
        fields.push(Field { text, span: place(a, a + used.len()) });
        from = end + 1;
    }
    Line { fields, span: place(0, line.len()) }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
