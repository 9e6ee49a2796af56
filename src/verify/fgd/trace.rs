//! Reading the nodes and pods of openb (alibaba/clusterdata, `cluster-trace-gpu-v2023`).

use crate::fleet::{Capacity, Fleet, IslandId, MAX_GPUS, NodeState, PoolId, PoolSet};
use crate::policy::placement::{Target, TypicalPods};
use crate::units::{Diagnostic, Diagnostics, SourceId, SourceMap, Span, nearest};
use crate::workload::Request;
use indexmap::IndexSet;
use std::path::Path;

/// Faults reported per file; the rest are likely the same.
const FAULTS_MAX: usize = 20;

/// The nodes of a cluster, one pool per GPU model.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// GPU models in order of first appearance; the pool of a model is its index.
    pub models: IndexSet<String>,
    /// Pool and size of each node, as listed.
    pub nodes: Vec<(PoolId, Capacity)>,
}

impl Cluster {
    /// Reads `openb_node_list_*.csv`: columns `cpu_milli`, `memory_mib`, `gpu`, `model`; others are ignored.
    pub fn read(sources: &mut SourceMap, path: &Path) -> Result<Cluster, Diagnostics> {
        let mut table = Table::read(sources, path, "the node list", &["cpu_milli", "memory_mib", "gpu", "model"], &[])?;
        let mut models: IndexSet<String> = IndexSet::new();
        let mut nodes = Vec::new();
        while let Some(row) = table.next_row() {
            let cpu_milli = table.number(&row, 0, u32::MAX);
            let mem_mib = table.number(&row, 1, u32::MAX);
            let gpus = table.number(&row, 2, MAX_GPUS as u32);
            let model = table.text(&row, 3);
            if !models.contains(model) && models.len() == PoolSet::MAX {
                table.fault(&row, 3, format!("more than {} GPU models", PoolSet::MAX), "one model too many");
                break;
            }
            let (pool, _) = models.insert_full(model.to_owned());
            nodes.push((PoolId(pool as u16), Capacity { cpu_milli, mem_mib, gpus: gpus as u8 }));
        }
        table.finish()?;
        let cluster = Cluster { models, nodes };
        if cluster.milli() == 0 {
            let message = format!("the node list `{}` has no GPU", path.display());
            return Err(Diagnostic::error(message).help("give `openb_node_list_gpu_node.csv`").into());
        }
        Ok(cluster)
    }

    /// Milli-GPU of all nodes.
    #[must_use]
    pub fn milli(&self) -> u64 {
        self.nodes.iter().map(|(_, c)| 1000 * u64::from(c.gpus)).sum()
    }

    /// The nodes as an empty fleet, all ready, on one island.
    #[must_use]
    pub fn fleet(&self) -> Fleet {
        let mut fleet = Fleet::default();
        for (pool, capacity) in &self.nodes {
            fleet.add(*pool, IslandId(0), *capacity, NodeState::Ready);
        }
        fleet
    }
}

/// The pods of a trace: their distinct shapes, and the shape of each pod in order of name.
#[derive(Clone, Debug)]
pub struct Trace {
    /// `TRACE` of `openb_pod_list_TRACE.csv`; of another file its name without the ending.
    pub name: String,
    /// Distinct shapes, in order of first appearance.
    pub shapes: Vec<Target>,
    /// Indices into `shapes`, sorted by the pods' names.
    pub pods: Vec<u32>,
    /// What the trace asks for 95 % of the time: FGD's target workload.
    pub typical: TypicalPods,
}

/// The share of pods that FGD's typical shapes cover in the published runs.
const COVERAGE_PERCENT: u32 = 95;

impl Trace {
    /// Reads `openb_pod_list_*.csv`: columns `name`, `cpu_milli`, `memory_mib`, `num_gpu`, `gpu_milli` and, where there
    /// is one, `gpu_spec` (models separated by `|`; empty means any); others are ignored.
    pub fn read(sources: &mut SourceMap, path: &Path, cluster: &Cluster) -> Result<Trace, Diagnostics> {
        let columns = ["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"];
        let mut table = Table::read(sources, path, "the trace", &columns, &["gpu_spec"])?;
        let mut shapes: IndexSet<Target> = IndexSet::new();
        let mut named: Vec<(String, u32)> = Vec::new();
        while let Some(row) = table.next_row() {
            let name = table.text(&row, 0).to_owned();
            let cpu_milli = table.number(&row, 1, u32::MAX);
            let mem_mib = table.number(&row, 2, u32::MAX);
            let gpus = table.number(&row, 3, u32::from(u8::MAX)) as u8;
            let milli = table.number(&row, 4, u32::MAX).min(1000) as u16;
            let spec = table.text(&row, 5);
            // As upstream: a pod without GPU or with none of it is CPU-only and goes anywhere; several are whole.
            let (gpus, gpu_milli) = match (gpus, milli) {
                (0, _) | (_, 0) => (0, 0),
                (1, m) => (1, m),
                (n, _) => (n, 1000),
            };
            let mut pools = PoolSet::ALL;
            if gpus > 0 && !spec.is_empty() {
                let known = spec.split('|').filter_map(|m| cluster.models.get_index_of(m.trim()));
                pools = known.fold(PoolSet::EMPTY, |set, i| set.with(PoolId(i as u16)));
            }
            let request = Request { cpu_milli, mem_mib, gpus, gpu_milli, slice: 0 };
            let (shape, _) = shapes.insert_full(Target { request, pools });
            named.push((name, shape as u32));
        }
        table.finish()?;
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let pods: Vec<u32> = named.into_iter().map(|(_, shape)| shape).collect();
        let shapes: Vec<Target> = shapes.into_iter().collect();
        if shapes.iter().all(|t| t.request.gpus == 0) {
            let message = format!("no pod of the trace `{}` asks for a GPU", path.display());
            let help =
                "the experiment fills a fleet's GPUs; give a trace whose `num_gpu` and `gpu_milli` are not all 0";
            return Err(Diagnostic::error(message).help(help).into());
        }
        let typical = TypicalPods::of(pods.iter().map(|p| shapes[*p as usize]), COVERAGE_PERCENT);
        let stem = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        let name = stem.strip_prefix("openb_pod_list_").unwrap_or(&stem).to_owned();
        Ok(Trace { name, shapes, pods, typical })
    }
}

/// A CSV file with a header, its faults collected.
struct Table {
    source: SourceId,
    text: std::sync::Arc<str>,
    reader: csv::Reader<std::io::Cursor<std::sync::Arc<[u8]>>>,
    /// What was asked for, and where each is in a record.
    columns: Vec<(String, Option<usize>)>,
    rows: usize,
    what: String,
    found: Diagnostics,
}

struct Line {
    record: csv::StringRecord,
    start: usize,
}

impl Table {
    fn read(
        sources: &mut SourceMap,
        path: &Path,
        what: &str,
        needed: &[&str],
        wanted: &[&str],
    ) -> Result<Table, Diagnostics> {
        let shown = path.display();
        let bytes = std::fs::read(path).map_err(|e| {
            let help = "the openb files are in alibaba/clusterdata, folder `cluster-trace-gpu-v2023/csv`";
            Diagnostic::error(format!("cannot read {what} `{shown}`: {e}")).help(help)
        })?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            let help = "a compressed file must be unpacked first; other encodings must be turned into UTF-8";
            Diagnostic::error(format!("{what} `{shown}` is not UTF-8 text at byte {at}")).help(help)
        })?;
        let text: std::sync::Arc<str> = text.into();
        let source = sources.add(shown.to_string(), text.clone());
        let bytes: std::sync::Arc<[u8]> = text.as_bytes().into();
        let mut reader = csv::ReaderBuilder::new().from_reader(std::io::Cursor::new(bytes));
        let header = reader.headers().cloned().unwrap_or_default();
        let head = Span { start: 0, end: line_end(&text, 0) as u32 };
        let mut found = Diagnostics::default();
        let mut columns = Vec::new();
        for name in needed.iter().chain(wanted) {
            let at = header.iter().position(|h| h.trim() == *name);
            if at.is_none() && needed.contains(name) {
                let mut d = Diagnostic::error(format!("{what} has no column `{name}`"));
                d = d.at(source, head, "the header");
                if let Some(near) = nearest(name, header.iter()) {
                    d = d.help(format!("rename `{near}` to `{name}`"));
                }
                found.push(d.help(format!("needed are {}", needed.join(", "))));
            }
            columns.push(((*name).to_owned(), at));
        }
        if found.has_errors() {
            return Err(found);
        }
        Ok(Table { source, text, reader, columns, rows: 0, what: format!("{what} `{shown}`"), found })
    }

    fn next_row(&mut self) -> Option<Line> {
        let mut record = csv::StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(true) => {
                self.rows += 1;
                let mut start = record.position().map_or(0, |p| p.byte() as usize);
                // The position may lie on line breaks before the record.
                start += self.text[start..].find(|c| c != '\n' && c != '\r').unwrap_or(0);
                (self.found.list.len() < FAULTS_MAX).then_some(Line { record, start })
            }
            Ok(false) => None,
            Err(e) => {
                let mut d = Diagnostic::error(format!("{} has a malformed row", self.what));
                if let Some(p) = e.position() {
                    let mut start = (p.byte() as usize).min(self.text.len());
                    start += self.text[start..].find(|c| c != '\n' && c != '\r').unwrap_or(0);
                    let span = Span { start: start as u32, end: line_end(&self.text, start) as u32 };
                    let label = match e.kind() {
                        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                            format!("{len} fields where the header has {expected_len}")
                        }
                        _ => e.to_string(),
                    };
                    d = d.at(self.source, span, label);
                }
                self.found.push(d.help("a file that was cut off must be fetched again"));
                None
            }
        }
    }

    /// The text of a column; empty where the file does not have it.
    fn text<'a>(&self, row: &'a Line, column: usize) -> &'a str {
        self.columns[column].1.and_then(|i| row.record.get(i)).unwrap_or("").trim()
    }

    /// A whole number up to `max`; a fault is noted and counts as 0.
    fn number(&mut self, row: &Line, column: usize, max: u32) -> u32 {
        let text = self.text(row, column);
        match text.parse::<u64>() {
            Ok(n) if n <= u64::from(max) => n as u32,
            parsed => {
                let label = match parsed {
                    Ok(_) => format!("more than {max}"),
                    Err(_) if text.is_empty() => "empty".to_owned(),
                    Err(_) => "not a whole number".to_owned(),
                };
                let name = &self.columns[column].0;
                let message = format!("`{name}` must be a whole number from 0 to {max}, found `{text}`");
                self.fault(row, column, message, &label);
                0
            }
        }
    }

    fn fault(&mut self, row: &Line, column: usize, message: String, label: &str) {
        let end = line_end(&self.text, row.start);
        let line = &self.text[row.start..end];
        let mut span = (row.start, end);
        // Where nothing is quoted, the fields are what commas separate.
        if let (Some(index), false) = (self.columns[column].1, line.contains('"')) {
            let before: usize = line.split(',').take(index).map(|f| f.len() + 1).sum();
            let len = line.split(',').nth(index).map_or(0, str::len);
            span = (row.start + before, row.start + before + len);
        }
        let span = Span { start: span.0 as u32, end: span.1 as u32 };
        self.found.push(Diagnostic::error(message).at(self.source, span, label));
    }

    fn finish(mut self) -> Result<(), Diagnostics> {
        if self.rows == 0 && !self.found.has_errors() {
            self.found.push(Diagnostic::error(format!("{} has no rows", self.what)));
        }
        if self.found.has_errors() { Err(self.found) } else { Ok(()) }
    }
}

fn line_end(text: &str, start: usize) -> usize {
    text[start..].find(['\n', '\r']).map_or(text.len(), |i| start + i)
}
