//! Pods and nodes of Alibaba's cluster-trace-gpu-v2023 ("openb"; FGD, USENIX ATC 2023).
//!
//! A pod arrives at its creation and runs for deletion − scheduled; one that was never scheduled runs for deletion −
//! creation. Phase `Failed` fails; every other phase, `Running` too (the state when the trace was collected),
//! completes at its deletion time. GPUs are shared in thousandths (`gpu_milli`), which count for pods of one GPU; pods
//! of several have whole ones, as in the authors' simulator. `gpu_spec` lists the accepted models, `A|B`.

use std::io::Read;
use std::path::Path;

use super::read::{Line, Table};
use super::tables::fits;
use super::{Options, Row, Start, Tables};
use crate::units::{Diagnostics, Duration, Name, SimTime, SourceMap};
use crate::workload::{Ending, Job, Request};

/// The columns that a list of pods needs to be replayed.
pub const NEEDED: &[&str] =
    &["cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "creation_time", "deletion_time", "scheduled_time"];
const SHAPE: &[&str] = &["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"];

/// Where the columns of a request stand.
struct Ask {
    cpu: usize,
    mem: usize,
    gpus: usize,
    milli: usize,
    spec: Option<usize>,
}

impl Ask {
    fn new(t: &Table<'_>) -> Option<Ask> {
        Some(Ask {
            cpu: t.column("cpu_milli")?,
            mem: t.column("memory_mib")?,
            gpus: t.column("num_gpu")?,
            milli: t.column("gpu_milli")?,
            spec: t.column("gpu_spec"),
        })
    }

    fn request(&self, t: &mut Line<'_>) -> Request {
        let gpus = t.whole(self.gpus, u64::from(u8::MAX)) as u8;
        // The authors' loader caps at 1000.
        let milli = t.whole(self.milli, u64::from(u32::MAX)).min(1000) as u16;
        if gpus == 1 && milli == 0 {
            t.wrong(self.milli, "`gpu_milli` is 0 for a pod of one GPU", "expected 1 to 1000");
        }
        Request {
            cpu_milli: t.whole(self.cpu, u64::from(u32::MAX)) as u32,
            mem_mib: t.whole(self.mem, u64::from(u32::MAX)) as u32,
            gpus,
            gpu_milli: match gpus {
                0 => 0,
                1 => milli,
                _ => 1000,
            },
            slice: 0,
        }
    }
}

/// Where the columns of a list of pods stand.
pub(super) struct Columns {
    ask: Ask,
    creation: usize,
    deletion: usize,
    scheduled: usize,
    phase: Option<usize>,
    qos: Option<usize>,
    qos_key: Name,
    priorities: Vec<(String, i32)>,
    never_scheduled: u64,
}

impl Columns {
    pub(super) fn new(t: &mut Table<'_>, options: &Options) -> Result<Columns, Diagnostics> {
        t.check_header(NEEDED, NEEDED, None)?;
        let col = |name| t.column(name).expect("check_header saw it");
        Ok(Columns {
            ask: Ask::new(t).expect("check_header saw its columns"),
            creation: col("creation_time"),
            deletion: col("deletion_time"),
            scheduled: col("scheduled_time"),
            phase: t.column("pod_phase"),
            qos: t.column("qos"),
            qos_key: Name::new("qos").expect("letters"),
            priorities: options.qos_priority.clone(),
            never_scheduled: 0,
        })
    }

    pub(super) fn notices(&self) -> Vec<String> {
        let n = self.never_scheduled;
        if n == 0 { vec![] } else { vec![format!("{n} pods were never scheduled: they run for deletion − creation")] }
    }

    pub(super) fn row(&mut self, t: &mut Line<'_>, tables: &mut Tables) -> Row {
        let request = self.ask.request(t);
        let created = t.seconds(self.creation);
        let deleted = t.seconds(self.deletion);
        let scheduled = t.maybe_seconds(self.scheduled);
        let start = scheduled.unwrap_or(created);
        if start < created {
            t.wrong(self.scheduled, "a pod was scheduled before it was created", "earlier than creation_time");
        }
        if deleted < start {
            t.wrong(self.deletion, "a pod ends before it starts", "earlier than its start");
        }
        self.never_scheduled += u64::from(scheduled.is_none());
        let qos = self.qos.map_or("", |c| t.text(c));
        let priority = self.priorities.iter().find(|(q, _)| q == qos).map_or(0, |(_, p)| *p);
        let labels = tables.labels(std::iter::once((&self.qos_key, qos)));
        let accept = tables.accept(self.ask.spec.map_or("", |c| t.text(c)));
        let failed = self.phase.is_some_and(|c| t.text(c) == "Failed");
        let (labels, accept) = (fits(labels, t), fits(accept, t));
        Row {
            line: t.at(),
            job: Job {
                arrive: SimTime(created.0),
                work: deleted.max(start) - start,
                pods: 1,
                request,
                accept,
                labels,
                priority,
                ending: if failed { Ending::Fails } else { Ending::Completes },
                patience: Duration(u64::MAX),
                ..Job::default()
            },
            wait: scheduled.map(|s| s.max(created) - created),
            start: Start::Arrives,
            open_ended: false,
        }
    }
}

/// A pod without its times: what the placement experiment takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// What it asks for.
    pub request: Request,
    /// The models that it accepts, in the file's order; empty accepts any.
    pub devices: Vec<String>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Thousandths of a core.
    pub cpu_milli: u32,
    /// Mebibytes.
    pub mem_mib: u32,
    /// GPUs.
    pub gpus: u8,
    /// Their model; empty without GPUs.
    pub model: String,
}

/// Reads a list of pods in the file's order; times are not needed and not read.
///
/// # Errors
/// All faults of the file.
pub fn pods(path: &Path, sources: &mut SourceMap) -> Result<Vec<Pod>, Diagnostics> {
    pods_of(Table::open(path, sources)?)
}

/// The same from anywhere.
///
/// # Errors
/// All faults of the text.
pub fn pods_from_read(
    name: &str,
    bytes: impl Read + Send + 'static,
    sources: &mut SourceMap,
) -> Result<Vec<Pod>, Diagnostics> {
    pods_of(Table::from_read(name, bytes, sources)?)
}

fn pods_of(mut t: Table<'_>) -> Result<Vec<Pod>, Diagnostics> {
    t.check_header(SHAPE, NEEDED, None)?;
    let ask = Ask::new(&t).expect("check_header saw its columns");
    let name = t.column("name").expect("check_header saw it");
    all(t, |t| {
        let request = ask.request(t);
        let devices = ask.spec.map_or("", |c| t.text(c));
        Pod {
            name: t.text(name).to_owned(),
            request,
            devices: devices.split('|').map(str::trim).filter(|d| !d.is_empty()).map(str::to_owned).collect(),
        }
    })
}

/// Reads a list of nodes in the file's order.
///
/// # Errors
/// All faults of the file.
pub fn nodes(path: &Path, sources: &mut SourceMap) -> Result<Vec<Node>, Diagnostics> {
    nodes_of(Table::open(path, sources)?)
}

/// The same from anywhere.
///
/// # Errors
/// All faults of the text.
pub fn nodes_from_read(
    name: &str,
    bytes: impl Read + Send + 'static,
    sources: &mut SourceMap,
) -> Result<Vec<Node>, Diagnostics> {
    nodes_of(Table::from_read(name, bytes, sources)?)
}

fn nodes_of(mut t: Table<'_>) -> Result<Vec<Node>, Diagnostics> {
    let needed = ["sn", "cpu_milli", "memory_mib", "gpu", "model"];
    t.check_header(&needed, &needed, None)?;
    let [sn, cpu, mem, gpu, model] = needed.map(|n| t.column(n).expect("check_header saw it"));
    all(t, |t| Node {
        name: t.text(sn).to_owned(),
        cpu_milli: t.whole(cpu, u64::from(u32::MAX)) as u32,
        mem_mib: t.whole(mem, u64::from(u32::MAX)) as u32,
        gpus: t.whole(gpu, u64::from(u8::MAX)) as u8,
        model: t.text(model).to_owned(),
    })
}

/// Every row, or the faults of the first twenty rows that have any.
fn all<T>(mut t: Table<'_>, read: impl Fn(&mut Line<'_>) -> T) -> Result<Vec<T>, Diagnostics> {
    let mut out = Vec::new();
    let mut bad = Diagnostics::default();
    while let Some(row) = t.next(&read) {
        match row {
            Ok(value) => out.push(value),
            Err(d) => bad.extend(d),
        }
        if bad.list.len() >= super::MOST_FAULTS {
            break;
        }
    }
    if out.is_empty() && bad.list.is_empty() {
        let d = crate::units::Diagnostic::error(format!("`{}` has a header and no rows", t.name()))
            .help("one node or pod a row: is the file whole?");
        bad.push(d);
    }
    if bad.list.is_empty() { Ok(out) } else { Err(bad) }
}
