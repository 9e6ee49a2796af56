//! Reading availability traces of skypilot-org/spot-traces: `{"metadata": {"gap_seconds": N}, "data": [0, 1, …]}`.
//!
//! `market` has a reader of many formats; this one reads the one that the published tables are on, with its polarity.

use crate::formats::tree::{Node, Value};
use crate::formats::{self, Syntax};
use crate::units::{Diagnostic, Diagnostics, Duration, SourceId, SourceMap, Span, nearest};
use std::path::Path;

/// Faults reported per file; the rest are likely the same.
const FAULTS_MAX: usize = 20;

/// How many nodes could be had, tick by tick.
#[derive(Clone, Debug)]
pub struct Availability {
    /// The file's name without its ending; with its folder before it where two files have the same.
    pub name: String,
    /// The length of a tick.
    pub gap: Duration,
    /// Nodes per tick: 0 is none.
    pub counts: Vec<u32>,
    /// Where `data` is.
    pub(super) source: SourceId,
    pub(super) data_span: Span,
}

impl Availability {
    /// Reads a file.
    ///
    /// # Errors
    /// Diagnostics for what is no such trace, each with its place.
    pub fn read(path: &Path, sources: &mut SourceMap) -> Result<Availability, Diagnostics> {
        let source = formats::read_text(path, sources)?;
        let (root, mut faults) = formats::parse(source, sources, Syntax::Json);
        if faults.has_errors() {
            for d in &mut faults.list {
                d.help.push("a file that was cut off must be fetched again".to_owned());
            }
            return Err(faults);
        }
        let Some(root) = root else { return Err(Diagnostic::error("not JSON").into()) };
        let gap = gap(&root, &mut faults);
        let data = data(&root, &mut faults);
        match (gap, data) {
            (Some(gap), Some((counts, data_span))) if !faults.has_errors() => {
                let name = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
                Ok(Availability { name, gap, counts, source, data_span })
            }
            _ => Err(faults),
        }
    }

    /// Whether there was any, tick by tick.
    #[must_use]
    pub fn any(&self) -> Vec<bool> {
        self.counts.iter().map(|n| *n > 0).collect()
    }
}

/// A key that must be there.
fn field<'a>(node: &'a Node, key: &str, what: &str, faults: &mut Diagnostics) -> Option<&'a Node> {
    let found = node.get(key);
    if found.is_none() {
        let (source, span) = node.head();
        let mut d = Diagnostic::error(format!("{what} has no `{key}`")).at(source, span, format!("no `{key}` in here"));
        let keys = node.entries().unwrap_or(&[]).iter().filter_map(|e| e.key.key_text());
        if let Some(near) = nearest(key, keys) {
            d = d.help(format!("rename `{near}` to `{key}`"));
        }
        faults.push(d.help("a trace is {\"metadata\": {\"gap_seconds\": N}, \"data\": [0, 1, …]}"));
    }
    found
}

/// The longest tick: with a longer one the tightest deadline of the table, 4 h beyond the work, could be missed.
const GAP_MAX_S: u32 = 3_600;

/// `metadata.gap_seconds`: whole seconds, from 1 to an hour.
fn gap(root: &Node, faults: &mut Diagnostics) -> Option<Duration> {
    let metadata = field(root, "metadata", "the trace", faults)?;
    let node = field(metadata, "gap_seconds", "`metadata`", faults)?;
    match whole(node).filter(|s| (1..=GAP_MAX_S).contains(s)) {
        Some(s) => Some(Duration::from_secs(u64::from(s))),
        None => {
            let d = Diagnostic::error(format!(
                "`gap_seconds` must be a whole number of seconds from 1 to {GAP_MAX_S}, found {}",
                node.found()
            ));
            let (source, span) = node.head();
            faults.push(d.at(source, span, "not a length of a tick"));
            None
        }
    }
}

/// `data`: whole numbers, at least one.
fn data(root: &Node, faults: &mut Diagnostics) -> Option<(Vec<u32>, Span)> {
    let node = field(root, "data", "the trace", faults)?;
    let (source, span) = node.head();
    let Value::List(items) = &node.value else {
        let d = Diagnostic::error(format!("`data` must be a list of whole numbers, found {}", node.found()));
        faults.push(d.at(source, span, "not a list"));
        return None;
    };
    if items.is_empty() {
        let d = Diagnostic::error("the trace is empty").at(source, span, "no values");
        faults.push(d.help("one value a tick: how many nodes could be had"));
        return None;
    }
    let mut counts = Vec::with_capacity(items.len());
    let mut bad = 0;
    for (i, item) in items.iter().enumerate() {
        match whole(item) {
            Some(n) => counts.push(n),
            None => {
                bad += 1;
                if bad <= FAULTS_MAX {
                    let (source, span) = item.head();
                    let message = format!("value {i} of `data` must be a whole number, found {}", item.found());
                    let d = Diagnostic::error(message).at(source, span, "not a number of nodes");
                    faults.push(d.help("0 is none; 1 or more is how many could be had"));
                }
            }
        }
    }
    (bad == 0).then_some((counts, span))
}

fn whole(node: &Node) -> Option<u32> {
    match &node.value {
        Value::Number(n) => n.parse().ok(),
        _ => None,
    }
}
