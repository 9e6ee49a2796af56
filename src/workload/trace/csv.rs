//! The table of our own: one job a row, columns in any order.
//!
//! | column | meaning |
//! |---|---|
//! | `arrive` | seconds since the trace's start, or a date and time (`2026-10-01T08:00:00`, local; with `Z` or an offset, UTC). Numbers from 315,360,000 (ten years) on are Unix time. Not both in one file |
//! | `duration` | seconds on a device of speed 1 |
//! | `gpus` | GPUs of the whole job; 0 is a CPU-only pod |
//! | `pods` | optional: equal pods that they are split into; else the fewest that fit a node ([`gang`]) |
//! | `gpu_milli` | optional: thousandths of the GPU of a job of one, 1 to 1000 |
//! | `cpu_milli`, `memory_mib` | optional: of each pod |
//! | `devices` | optional: accepted models, `A\|B`; empty accepts any |
//! | `priority` | optional: higher first |
//! | `ending` | optional: `completes`, `fails` or `cancelled` |
//! | `busy`, `stall` | optional: true utilisation while not stalled, and share of time waiting for input, 0 to 1 |
//! | `gpu_mem_mib` | optional: memory needed on each GPU |
//! | `patience` | optional: seconds after which it leaves the queue |
//! | `label.KEY` | optional: a label; empty sets none |
//!
//! An empty optional field is what the column's absence is. Rows ascend by `arrive` unless the reader is asked to sort.
//!
//! [`gang`]: fn@crate::workload::gang

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::philly::gang_of;
use super::read::{Line, Table};
use super::tables::fits;
use super::{Clock, Options, Row, Start, Tables, window};
use crate::units::{Diagnostics, Duration, Name, SimTime};
use crate::workload::{Ending, Job, Request, Use};

/// The columns that it needs.
pub const NEEDED: &[&str] = &["arrive", "duration", "gpus"];

/// All columns but the labels.
pub const KNOWN: &[&str] = &[
    "arrive",
    "duration",
    "gpus",
    "pods",
    "gpu_milli",
    "cpu_milli",
    "memory_mib",
    "devices",
    "priority",
    "ending",
    "busy",
    "stall",
    "gpu_mem_mib",
    "patience",
];

/// What a column of labels begins with.
pub const LABEL: &str = "label.";

/// Numbers from here on are Unix time: ten years.
const UNIX_FROM: u64 = 315_360_000 * 1_000_000_000;

/// How the first row writes its arrival; all others must do as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Seconds,
    Unix,
    Local,
    Instant,
}

/// Where the columns stand.
pub(super) struct Columns {
    arrive: usize,
    duration: usize,
    gpus: usize,
    pods: Option<usize>,
    milli: Option<usize>,
    cpu: Option<usize>,
    mem: Option<usize>,
    devices: Option<usize>,
    priority: Option<usize>,
    ending: Option<usize>,
    busy: Option<usize>,
    stall: Option<usize>,
    gpu_mem: Option<usize>,
    patience: Option<usize>,
    labels: Vec<(Name, usize)>,
    per_node: u8,
    sorted: bool,
    times: Option<Times>,
    last: SimTime,
}

impl Columns {
    pub(super) fn new(t: &mut Table<'_>, options: &Options) -> Result<Columns, Diagnostics> {
        t.check_header(NEEDED, KNOWN, Some(LABEL))?;
        let mut bad = Vec::new();
        let mut labels = Vec::new();
        for (i, h) in t.header().iter().enumerate() {
            let Some(key) = h.strip_prefix(LABEL) else { continue };
            match Name::new(key) {
                Ok(name) => labels.push((name, i)),
                Err(e) => {
                    let m = format!("`{h}` does not name a label: {e}");
                    bad.push(t.header_fault(i, m, format!("expected `{LABEL}` and a name")));
                }
            }
        }
        t.finish((), bad)?;
        let col = |name| t.column(name).expect("check_header saw it");
        Ok(Columns {
            arrive: col("arrive"),
            duration: col("duration"),
            gpus: col("gpus"),
            pods: t.column("pods"),
            milli: t.column("gpu_milli"),
            cpu: t.column("cpu_milli"),
            mem: t.column("memory_mib"),
            devices: t.column("devices"),
            priority: t.column("priority"),
            ending: t.column("ending"),
            busy: t.column("busy"),
            stall: t.column("stall"),
            gpu_mem: t.column("gpu_mem_mib"),
            patience: t.column("patience"),
            labels,
            per_node: options.gpus_per_node,
            sorted: !options.sort,
            times: None,
            last: SimTime::ZERO,
        })
    }

    pub(super) fn clock(&self) -> Clock {
        match self.times {
            None | Some(Times::Seconds) => Clock::Relative,
            Some(_) => Clock::Civil,
        }
    }

    pub(super) fn notices(&self) -> Vec<String> {
        match self.times {
            Some(Times::Unix) => {
                vec!["arrivals are taken as Unix time; dates and hours of the week are UTC".to_owned()]
            }
            Some(Times::Instant) => vec!["dates and hours of the week are UTC".to_owned()],
            _ => Vec::new(),
        }
    }

    pub(super) fn row(&mut self, t: &mut Line<'_>, tables: &mut Tables) -> Row {
        let arrive = self.arrival(t);
        let work = t.seconds(self.duration);
        let (pods, request) = self.request(t);
        let given = |t: &Line<'_>, c: Option<usize>| c.filter(|c| !t.text(*c).is_empty());
        let ppm = |t: &mut Line<'_>, c: Option<usize>, none: u32| {
            given(t, c).map_or(none, |c| (t.number(c, 0.0, 1.0) * 1e6).round() as u32)
        };
        let none = Use::default();
        let usage = Use {
            busy_ppm: ppm(t, self.busy, none.busy_ppm),
            stall_ppm: ppm(t, self.stall, none.stall_ppm),
            gpu_mem_mib: given(t, self.gpu_mem).map_or(0, |c| t.whole(c, u64::from(u32::MAX)) as u32),
        };
        let priority = given(t, self.priority).map_or(0, |c| {
            t.text(c).parse().unwrap_or_else(|_| {
                t.not(c, "a whole number", "a whole number, also below 0");
                0
            })
        });
        let ending = given(t, self.ending).map_or(Ending::Completes, |c| {
            let all = [Ending::Completes, Ending::Fails, Ending::Cancelled];
            all.into_iter().find(|e| e.key() == t.text(c)).unwrap_or_else(|| {
                t.not(c, "an ending", "completes, fails or cancelled");
                Ending::Completes
            })
        });
        let patience = given(t, self.patience).map_or(Duration(u64::MAX), |c| t.seconds(c));
        let accept = tables.accept(self.devices.map_or("", |c| t.text(c)));
        let labels = tables.labels(self.labels.iter().map(|(k, c)| (k, t.text(*c))));
        let (labels, accept) = (fits(labels, t), fits(accept, t));
        let job = Job { arrive, work, pods, request, accept, labels, priority, ending, usage, patience };
        Row { line: t.at(), job, wait: None, start: Start::Arrives, open_ended: false }
    }

    fn arrival(&mut self, t: &mut Line<'_>) -> SimTime {
        let text = t.text(self.arrive);
        let civil = |d: DateTime| u64::try_from(d.duration_since(window::CIVIL_EPOCH).as_nanos()).ok();
        let found = if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+')) {
            match super::read::seconds(text) {
                Ok(s) if s.0 >= UNIX_FROM && self.times != Some(Times::Seconds) => Some((Times::Unix, s.0)),
                Ok(s) => Some((Times::Seconds, s.0)),
                Err(_) => None,
            }
        } else if let Ok(at) = text.parse::<Timestamp>() {
            u64::try_from(at.as_nanosecond()).ok().map(|ns| (Times::Instant, ns))
        } else {
            text.parse::<DateTime>().ok().and_then(civil).map(|ns| (Times::Local, ns))
        };
        let Some((kind, ns)) = found else {
            t.not(self.arrive, "a time", "seconds, or a date and time from 1970 on");
            return self.last;
        };
        let first = *self.times.get_or_insert(kind);
        if first != kind {
            t.wrong_help(
                self.arrive,
                "`arrive` is not written as in the first row".to_owned(),
                "another kind of time",
                "write all arrivals as seconds, or all as dates and times of one kind",
            );
            return self.last;
        }
        if self.sorted && ns < self.last.0 {
            t.wrong_help(
                self.arrive,
                format!("line {} arrives before the line above it", t.at()),
                "earlier than the row before",
                "sort the file by `arrive`, or set `sort: true` to have it sorted on reading",
            );
            return self.last;
        }
        self.last = SimTime(ns);
        self.last
    }

    fn request(&self, t: &mut Line<'_>) -> (u16, Request) {
        let given = |t: &Line<'_>, c: Option<usize>| c.filter(|c| !t.text(*c).is_empty());
        let (pods, gpus) = match given(t, self.pods) {
            None => gang_of(t, self.gpus, self.per_node),
            Some(c) => {
                let gpus = t.whole(self.gpus, u64::from(u32::MAX)) as u32;
                let pods = t.whole(c, u64::from(u16::MAX)) as u16;
                let each = gpus.checked_div(u32::from(pods)).and_then(|e| u8::try_from(e).ok());
                match each {
                    Some(each) if u32::from(each) * u32::from(pods) == gpus => (pods, each),
                    _ => {
                        let m = format!("{gpus} GPUs do not split into {pods} equal pods of at most 255");
                        t.wrong(c, m, "expected a divisor of `gpus`");
                        (1, 0)
                    }
                }
            }
        };
        let mut gpu_milli = if gpus == 0 { 0 } else { 1000 };
        if let Some(c) = given(t, self.milli) {
            let milli = t.whole(c, 1000) as u16;
            if milli == gpu_milli || (gpus == 1 && pods == 1 && milli > 0) {
                gpu_milli = milli;
            } else {
                let m = format!("`gpu_milli` is {milli} for a job of {} GPUs", u32::from(gpus) * u32::from(pods));
                t.wrong(c, m, "only a job of one GPU may ask for part of it");
            }
        }
        let amount = |t: &mut Line<'_>, c| given(t, c).map_or(0, |c| t.whole(c, u64::from(u32::MAX)) as u32);
        (pods, Request { cpu_milli: amount(t, self.cpu), mem_mib: amount(t, self.mem), gpus, gpu_milli, slice: 0 })
    }
}
