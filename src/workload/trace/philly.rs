//! Training jobs of Microsoft's Philly cluster, 2017 (M. Jeon et al., USENIX ATC 2019), in the table that the Sia and
//! ElasticFlow artifacts ship: `timestamp` (submission, local time), `duration` (s), `num_gpus`, `cluster` (the virtual
//! cluster, which becomes the label `vc`).
//!
//! The rows are not in order and are sorted on reading. There are no nodes in it: a job of more GPUs than a node has is
//! a gang of the fewest equal pods ([`gang()`]). No CPU, memory, ending or queueing time either.

use jiff::civil::DateTime;

use super::read::{Line, Table};
use super::tables::fits;
use super::{Options, Row, Start, Tables, window};
use crate::units::{Diagnostics, Duration, Name, SimTime};
use crate::workload::{Job, Request, gang};

/// The columns that it needs.
pub const NEEDED: &[&str] = &["timestamp", "duration", "num_gpus"];

/// Where the columns stand.
pub(super) struct Columns {
    at: usize,
    duration: usize,
    gpus: usize,
    cluster: Option<usize>,
    key: Name,
    per_node: u8,
}

impl Columns {
    pub(super) fn new(t: &mut Table<'_>, options: &Options) -> Result<Columns, Diagnostics> {
        t.check_header(NEEDED, NEEDED, None)?;
        let [at, duration, gpus] = [0, 1, 2].map(|i| t.column(NEEDED[i]).expect("check_header saw it"));
        let key = Name::new("vc").expect("letters");
        Ok(Columns { at, duration, gpus, cluster: t.column("cluster"), key, per_node: options.gpus_per_node })
    }

    pub(super) fn row(&mut self, t: &mut Line<'_>, tables: &mut Tables) -> Row {
        let arrive = civil(t, self.at);
        let work = t.seconds(self.duration);
        let (pods, gpus) = gang_of(t, self.gpus, self.per_node);
        let cluster = self.cluster.map_or("", |c| t.text(c));
        let labels = tables.labels(std::iter::once((&self.key, cluster)));
        let labels = fits(labels, t);
        Row {
            line: t.at(),
            job: Job {
                arrive,
                work,
                pods,
                request: Request { gpus, gpu_milli: if gpus == 0 { 0 } else { 1000 }, ..Request::default() },
                labels,
                patience: Duration(u64::MAX),
                ..Job::default()
            },
            wait: None,
            start: Start::Arrives,
            open_ended: false,
        }
    }
}

/// A local date and time on the civil clock.
fn civil(t: &mut Line<'_>, column: usize) -> SimTime {
    let at: Option<DateTime> = t.text(column).parse().ok();
    let ns = at.and_then(|at| u64::try_from(at.duration_since(window::CIVIL_EPOCH).as_nanos()).ok());
    ns.map(SimTime).unwrap_or_else(|| {
        t.not(column, "a date and time", "local time from 1970 on, such as 2017-10-09 07:01:55");
        SimTime::ZERO
    })
}

/// The gang of a whole job's GPUs.
pub(super) fn gang_of(t: &mut Line<'_>, column: usize, per_node: u8) -> (u16, u8) {
    let gpus = t.whole(column, u64::from(u32::MAX)) as u32;
    gang(gpus, per_node).unwrap_or_else(|| {
        let m = format!("a job of {gpus} GPUs is not a gang of at most 65535 equal pods of at most {per_node} GPUs");
        t.wrong(column, m, "too many, or a large prime");
        (1, 0)
    })
}
