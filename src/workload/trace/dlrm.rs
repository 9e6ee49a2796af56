//! Inference instances of Alibaba's cluster-trace-gpu-v2025 (disaggregated DLRM, NSDI 2025).
//!
//! The trace is a window of 31 days. An instance without a creation time was there before: it runs when the trace
//! begins. One without a deletion time outlives it: it runs to the end of the trace, and its true length is not known
//! (`open_ended`). The others run for deletion − scheduled. `app_name` and `role` (`CN`, a CPU node's; `HN`, a GPU
//! node's) become the labels `app` and `role`. CPU is in cores and memory in GiB, made thousandths and MiB; disk, RDMA
//! and the limit of instances per node are not modelled. Rows are nearly in order and are sorted on reading.

use super::read::{Line, Table};
use super::tables::fits;
use super::{Row, Start, Tables};
use crate::units::{Diagnostics, Duration, Name, SimTime};
use crate::workload::{Job, Request};

/// The columns that it needs.
pub const NEEDED: &[&str] = &[
    "instance_sn",
    "app_name",
    "cpu_request",
    "gpu_request",
    "memory_request",
    "creation_time",
    "scheduled_time",
    "deletion_time",
];

/// How long the trace is, by its publisher.
pub const LENGTH: Duration = Duration::from_hours(31 * 24);

/// Where the columns stand.
pub(super) struct Columns {
    app: usize,
    role: Option<usize>,
    cpu: usize,
    gpu: usize,
    mem: usize,
    creation: usize,
    scheduled: usize,
    deletion: usize,
    keys: [Name; 2],
    open_ended: u64,
    running: u64,
}

impl Columns {
    pub(super) fn new(t: &mut Table<'_>) -> Result<Columns, Diagnostics> {
        t.check_header(NEEDED, NEEDED, None)?;
        let col = |name| t.column(name).expect("check_header saw it");
        Ok(Columns {
            app: col("app_name"),
            role: t.column("role"),
            cpu: col("cpu_request"),
            gpu: col("gpu_request"),
            mem: col("memory_request"),
            creation: col("creation_time"),
            scheduled: col("scheduled_time"),
            deletion: col("deletion_time"),
            keys: ["app", "role"].map(|k| Name::new(k).expect("letters")),
            open_ended: 0,
            running: 0,
        })
    }

    pub(super) fn notices(&self) -> Vec<String> {
        let (run, open) = (self.running, self.open_ended);
        vec![format!("{run} instances run when the trace begins, {open} outlive it: those run to its end")]
    }

    pub(super) fn row(&mut self, t: &mut Line<'_>, tables: &mut Tables) -> Row {
        let most = f64::from(u32::MAX);
        let gpus = t.whole(self.gpu, u64::from(u8::MAX)) as u8;
        let request = Request {
            cpu_milli: (t.number(self.cpu, 0.0, most / 1000.0) * 1000.0).ceil() as u32,
            mem_mib: (t.number(self.mem, 0.0, most / 1024.0) * 1024.0).ceil() as u32,
            gpus,
            gpu_milli: if gpus == 0 { 0 } else { 1000 },
            slice: 0,
        };
        let created = t.maybe_seconds(self.creation);
        let scheduled = t.maybe_seconds(self.scheduled);
        let deleted = t.maybe_seconds(self.deletion);
        let arrive = created.unwrap_or(Duration::ZERO);
        let start = scheduled.unwrap_or(arrive);
        let end = deleted.unwrap_or(LENGTH.max(start));
        if start < arrive {
            t.wrong(self.scheduled, "an instance was scheduled before it was created", "too early");
        }
        if end < start {
            t.wrong(self.deletion, "an instance ends before it starts", "earlier than its start");
        }
        let running = created.is_none() && scheduled.is_none();
        self.running += u64::from(running);
        self.open_ended += u64::from(deleted.is_none());
        let role = self.role.map_or("", |c| t.text(c));
        let pairs = [(&self.keys[0], t.text(self.app)), (&self.keys[1], role)];
        let labels = tables.labels(pairs.into_iter());
        let labels = fits(labels, t);
        Row {
            line: t.at(),
            job: Job {
                arrive: SimTime(arrive.0),
                work: end.max(start) - start,
                pods: 1,
                request,
                labels,
                patience: Duration(u64::MAX),
                ..Job::default()
            },
            wait: if running { None } else { scheduled.map(|s| s.max(arrive) - arrive) },
            start: if running { Start::Running } else { Start::Arrives },
            open_ended: deleted.is_none(),
        }
    }
}
