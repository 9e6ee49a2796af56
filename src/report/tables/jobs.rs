//! `jobs.csv`: a row for each job, written as jobs leave and read back one at a time.

use std::io::{Read, Write};

use csv::StringRecord;

use crate::outcome::{JobRow, MILLI_NS_PER_GPU_HOUR};
use crate::units::{Activity, SimTime, Usd};

/// The columns before the activities. Times are seconds from the start of the measured window, negative before it.
const HEAD: [&str; 14] = [
    "workload", "ordinal", "labels", "state", "arrive_s", "start_s", "end_s", "wait_s", "pods", "gpus", "pool",
    "nodes", "attempts", "usd",
];

/// Writes `jobs.csv` row by row; nothing is kept. The columns after `usd` are GPU-hours by activity, `NAME_gpu_h`.
#[derive(Debug)]
pub struct JobsCsv<W: Write> {
    out: csv::Writer<W>,
    start: SimTime,
    field: String,
}

impl<W: Write> JobsCsv<W> {
    /// Writes the header. `window_start` is the run's clock at the start of the measured window.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new(out: W, window_start: SimTime) -> csv::Result<JobsCsv<W>> {
        let mut out = csv::WriterBuilder::new().buffer_capacity(64 * 1024).from_writer(out);
        for h in HEAD {
            out.write_field(h)?;
        }
        for a in Activity::ALL {
            out.write_field(format!("{}_gpu_h", a.key()))?;
        }
        out.write_record(None::<&[u8]>)?;
        Ok(JobsCsv { out, start: window_start, field: String::new() })
    }

    /// Writes a job.
    ///
    /// # Errors
    /// When writing fails.
    pub fn row(&mut self, r: &JobRow<'_>) -> csv::Result<()> {
        let start = self.start;
        let at = |t: SimTime| i128::from(t.0) - i128::from(start.0);
        self.out.write_field(r.workload)?;
        self.put(r.ordinal)?;
        self.join(r.labels)?;
        self.out.write_field(r.state.key())?;
        self.put(Seconds(at(r.arrive)))?;
        match r.start {
            Some(s) => self.put(Seconds(at(s)))?,
            None => self.out.write_field("")?,
        }
        self.put(Seconds(at(r.end)))?;
        match r.start {
            Some(s) => self.put(Seconds(i128::from(s.0) - i128::from(r.arrive.0)))?,
            None => self.out.write_field("")?,
        }
        self.put(r.pods)?;
        self.put(Thousandths(r.milli))?;
        self.out.write_field(r.pool.unwrap_or(""))?;
        self.join(r.nodes)?;
        self.put(r.attempts)?;
        self.out.write_field(r.usd.exact())?;
        for a in r.activity {
            if *a == 0 {
                self.out.write_field("0")?;
            } else {
                self.put(*a as f64 / MILLI_NS_PER_GPU_HOUR)?;
            }
        }
        self.out.write_record(None::<&[u8]>)
    }

    /// Writes what is buffered and gives the writer back.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(self) -> std::io::Result<W> {
        self.out.into_inner().map_err(|e| e.into_error())
    }

    fn put(&mut self, v: impl std::fmt::Display) -> csv::Result<()> {
        use std::fmt::Write as _;
        self.field.clear();
        // Formatting into a string cannot fail.
        let _ = write!(self.field, "{v}");
        self.out.write_field(&self.field)
    }

    fn join(&mut self, parts: &[String]) -> csv::Result<()> {
        self.field.clear();
        for (i, p) in parts.iter().enumerate() {
            if i > 0 {
                self.field.push(' ');
            }
            self.field.push_str(p);
        }
        self.out.write_field(&self.field)
    }
}

/// Nanoseconds shown as exact seconds without trailing zeros.
struct Seconds(i128);
impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, abs) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, mut frac, mut digits) = (abs / 1_000_000_000, abs % 1_000_000_000, 9);
        if frac == 0 {
            return write!(f, "{sign}{whole}");
        }
        while frac.is_multiple_of(10) {
            frac /= 10;
            digits -= 1;
        }
        write!(f, "{sign}{whole}.{frac:0digits$}")
    }
}

struct Thousandths(u64);
impl std::fmt::Display for Thousandths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}", self.0 as f64 / 1e3) }
    }
}

/// A row of `jobs.csv` as read back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobRecord {
    /// Its workload.
    pub workload: String,
    /// Ordinal within its workload.
    pub ordinal: u64,
    /// Its labels, `key=value`.
    pub labels: Vec<String>,
    /// How it left: `done`, `failed`, …
    pub state: String,
    /// Seconds from the start of the window.
    pub arrive_s: f64,
    /// First start, when it started.
    pub start_s: Option<f64>,
    /// When it left.
    pub end_s: f64,
    /// GPUs of the whole gang.
    pub gpus: f64,
    /// The pool of its first pod.
    pub pool: String,
    /// The nodes of its last attempt.
    pub nodes: Vec<String>,
    /// Times it was started.
    pub attempts: u32,
    /// What it was charged, USD.
    pub usd: Usd,
    /// GPU-hours by activity, in the order of [`Activity::ALL`].
    pub hours: Vec<f64>,
}

/// Why a row of `jobs.csv` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// Not CSV, or not readable.
    #[error("cannot read the jobs: {0}")]
    Csv(#[from] csv::Error),
    /// A column is missing.
    #[error("the jobs have no column `{0}`")]
    NoColumn(String),
    /// A field is not what its column holds.
    #[error("line {line}: `{found}` is not a {what}")]
    Field {
        /// Line of the file, from 1.
        line: u64,
        /// What is there.
        found: String,
        /// What should be.
        what: &'static str,
    },
}

/// Reads `jobs.csv` a row at a time; columns are found by name.
///
/// # Errors
/// When the header cannot be read or lacks a column; each row has its own.
pub fn read_jobs<R: Read>(input: R) -> Result<impl Iterator<Item = Result<JobRecord, JobsError>>, JobsError> {
    let mut r = csv::Reader::from_reader(input);
    let header = r.headers()?.clone();
    let find = |name: &str| header.iter().position(|h| h == name).ok_or_else(|| JobsError::NoColumn(name.to_owned()));
    let head: Vec<usize> = HEAD.iter().map(|h| find(h)).collect::<Result<_, _>>()?;
    let acts: Vec<usize> =
        Activity::ALL.iter().map(|a| find(&format!("{}_gpu_h", a.key()))).collect::<Result<_, _>>()?;
    Ok(r.into_records().map(move |row| parse(&row?, &head, &acts)))
}

fn parse(row: &StringRecord, head: &[usize], acts: &[usize]) -> Result<JobRecord, JobsError> {
    let get = |i: usize| row.get(i).unwrap_or("");
    let col = |name: &str| get(HEAD.iter().position(|h| *h == name).map_or(usize::MAX, |i| head[i]));
    fn read<T: std::str::FromStr>(row: &StringRecord, found: &str, what: &'static str) -> Result<T, JobsError> {
        let line = row.position().map_or(0, csv::Position::line);
        found.parse().map_err(|_| JobsError::Field { line, found: found.to_owned(), what })
    }
    let number = |name: &str| read::<f64>(row, col(name), "number");
    let words = |name: &str| col(name).split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect();
    Ok(JobRecord {
        workload: col("workload").to_owned(),
        ordinal: read(row, col("ordinal"), "count")?,
        labels: words("labels"),
        state: col("state").to_owned(),
        arrive_s: number("arrive_s")?,
        start_s: if col("start_s").is_empty() { None } else { Some(number("start_s")?) },
        end_s: number("end_s")?,
        gpus: number("gpus")?,
        pool: col("pool").to_owned(),
        nodes: words("nodes"),
        attempts: read(row, col("attempts"), "count")?,
        usd: read(row, col("usd"), "amount of money")?,
        hours: acts.iter().map(|i| read(row, get(*i), "number")).collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::JobEnd;

    fn written() -> Vec<u8> {
        let mut w = JobsCsv::new(Vec::new(), SimTime(10_000_000_000)).unwrap();
        let mut activity = [0u128; Activity::COUNT];
        activity[Activity::Productive as usize] = 3_600_000_000_000_000;
        let (labels, nodes) = (vec!["team=a, b".to_owned()], vec!["n-1".to_owned(), "n-2".to_owned()]);
        let row = JobRow {
            ordinal: 7,
            workload: "train",
            labels: &labels,
            arrive: SimTime(9_500_000_000),
            start: Some(SimTime(12_000_000_000)),
            end: SimTime(3_612_000_000_001),
            state: JobEnd::Done,
            pods: 2,
            milli: 250,
            pool: Some("h100"),
            nodes: &nodes,
            attempts: 1,
            usd: "6.88".parse().unwrap(),
            activity: &activity,
        };
        w.row(&row).unwrap();
        w.row(&JobRow { start: None, pool: None, nodes: &[], state: JobEnd::Queued, ..row.clone() }).unwrap();
        w.finish().unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let bytes = written();
        let rows: Vec<JobRecord> = read_jobs(&bytes[..]).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].arrive_s, -0.5);
        assert_eq!(rows[0].start_s, Some(2.0));
        assert_eq!(rows[0].gpus, 0.25);
        assert_eq!(rows[0].nodes, ["n-1", "n-2"]);
        assert_eq!(rows[0].hours[Activity::Productive as usize], 1.0);
        assert_eq!(rows[0].usd, "6.88".parse().unwrap());
        assert_eq!((rows[1].start_s, rows[1].pool.as_str()), (None, ""));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(",3602.000000001,2.5,"), "{text}");
    }

    #[test]
    fn a_broken_row_says_where_and_what() {
        let text = String::from_utf8(written()).unwrap().replacen("train,7", "train,seven", 1);
        let e = read_jobs(text.as_bytes()).unwrap().next().unwrap().unwrap_err();
        assert_eq!(e.to_string(), "line 2: `seven` is not a count");
        let e = read_jobs("a,b\n1,2\n".as_bytes()).err().unwrap();
        assert_eq!(e.to_string(), "the jobs have no column `workload`");
    }
}
