//! Cutting a window out of a trace, and stretching, thinning or repeating what is in it.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::{Clock, Moment, Row, Start};
use crate::units::{Duration, SimTime};

/// What happened to the rows when the window was cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Jobs, ascending by arrival: those running at the start first, by when they started.
    pub rows: Vec<Row>,
    /// How many of them run at the start.
    pub running: usize,
    /// How many of them had arrived before the window and wait at its start.
    pub waiting: usize,
    /// Jobs over before the window.
    pub before: u64,
    /// Jobs that arrive after it.
    pub after: u64,
}

/// Keeps what matters in `[from, to)` on the trace's clock, and shifts it so that `from` is zero.
///
/// A job that arrived before `from` and ran then (by the trace's own record: it had started, and was not over) arrives
/// at zero, running, with the time that it had left. One that still waited then arrives at zero with all of its work.
/// `rows` must ascend by arrival.
#[must_use]
pub fn cut(rows: Vec<Row>, from: SimTime, to: SimTime) -> Cut {
    let mut out = Cut::default();
    let mut running: Vec<(SimTime, Row)> = Vec::new();
    let mut rest = Vec::with_capacity(rows.len());
    for mut row in rows {
        let start = row.job.arrive + row.wait.unwrap_or(Duration::ZERO);
        let end = start + row.job.work;
        if row.job.arrive >= to {
            out.after += 1;
        } else if row.job.arrive >= from && row.start == Start::Arrives {
            row.job.arrive = SimTime(row.job.arrive.0 - from.0);
            rest.push(row);
        } else if end <= from {
            out.before += 1;
        } else if start <= from {
            row.job.arrive = SimTime::ZERO;
            row.job.work = end.since(from);
            row.start = Start::Running;
            row.wait = None;
            running.push((start, row));
        } else {
            row.job.arrive = SimTime::ZERO;
            // What was left of its wait at the start of the window.
            row.wait = row.wait.map(|_| start.since(from));
            out.waiting += 1;
            rest.push(row);
        }
    }
    // Stable, so equal starts keep the order of the file.
    running.sort_by_key(|(start, _)| *start);
    // Those that wait at the start come before those that arrive in the window: the sort is stable and they have 0.
    rest.sort_by_key(|r| r.job.arrive);
    out.running = running.len();
    out.rows = running.into_iter().map(|(_, r)| r).chain(rest).collect();
    out
}

/// Multiplies arrival times and works by `stretch`, then divides arrival times alone by `rate`.
pub fn rescale(rows: &mut [Row], stretch: f64, rate: f64) {
    let times = |t: u64, factor: f64| if factor == 1.0 { t } else { (t as f64 * factor).round() as u64 };
    for row in rows {
        row.job.arrive = SimTime(times(row.job.arrive.0, stretch / rate));
        row.job.work = Duration(times(row.job.work.0, stretch));
        row.wait = row.wait.map(|w| Duration(times(w.0, stretch)));
    }
}

/// Appends `times − 1` copies, each later by `period` than the one before; jobs that run or wait at the start are not
/// copied, because they belong to the time before. Rows must ascend, and lie within the period.
pub fn repeat(rows: &mut Vec<Row>, times: u32, period: Duration, warm: usize) {
    let base: Vec<Row> = rows[warm..].to_vec();
    rows.reserve(base.len() * (times as usize).saturating_sub(1));
    for k in 1..u64::from(times) {
        let shift = Duration(period.0.saturating_mul(k));
        rows.extend(base.iter().map(|r| {
            let mut r = *r;
            r.job.arrive += shift;
            r
        }));
    }
}

/// Sorts by arrival, keeping the order of the file among equals; how many rows were earlier than the row before them.
pub fn sort(rows: &mut [Row]) -> u64 {
    let out_of_order = rows.windows(2).filter(|w| w[1].job.arrive < w[0].job.arrive).count() as u64;
    if out_of_order > 0 {
        rows.sort_by_key(|r| r.job.arrive);
    }
    out_of_order
}

/// What civil clocks count from.
pub const CIVIL_EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A moment on the reader's clock, from what the user named; `start` is where the trace begins on that clock.
///
/// # Errors
/// A sentence when a date is asked of a trace without dates, or lies before 1970.
pub fn moment(m: Moment, clock: Clock, start: SimTime) -> Result<SimTime, String> {
    match (m, clock) {
        (Moment::After(d), _) => Ok(start + d),
        (Moment::At(at), Clock::Relative) => Err(format!(
            "{at} is a date, and this trace has none: name the time since its start instead, such as `115d`"
        )),
        (Moment::At(at), Clock::Civil) => u64::try_from(at.duration_since(CIVIL_EPOCH).as_nanos())
            .map(SimTime)
            .map_err(|_| format!("{at} is not a date between 1970 and 2554")),
    }
}

/// The date and time of a moment on a civil clock.
#[must_use]
pub fn civil(t: SimTime) -> Option<DateTime> {
    let ns = i64::try_from(t.0 % 1_000_000_000).ok()?;
    let seconds = i64::try_from(t.0 / 1_000_000_000).ok()?;
    CIVIL_EPOCH.checked_add(SignedDuration::new(seconds, ns as i32)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Job;

    const S: u64 = 1_000_000_000;

    fn row(arrive: u64, wait: u64, work: u64) -> Row {
        let job = Job { arrive: SimTime(arrive * S), work: Duration(work * S), pods: 1, ..Job::default() };
        Row { line: 0, job, wait: Some(Duration(wait * S)), start: Start::Arrives, open_ended: false }
    }

    fn secs(rows: &[Row]) -> Vec<(u64, u64)> {
        rows.iter().map(|r| (r.job.arrive.0 / S, r.job.work.0 / S)).collect()
    }

    #[test]
    fn a_window_keeps_what_runs_or_waits_at_its_start() {
        let rows = vec![
            row(0, 0, 50),   // over before
            row(1, 60, 100), // started at 61, ends at 161
            row(2, 0, 300),  // started at 2, ends at 302
            row(90, 30, 7),  // waits at 100
            row(100, 0, 5),
            row(150, 10, 6),
            row(200, 0, 9), // after
        ];
        let c = cut(rows, SimTime(100 * S), SimTime(200 * S));
        assert_eq!((c.before, c.after, c.running, c.waiting), (1, 1, 2, 1));
        assert_eq!(secs(&c.rows), [(0, 202), (0, 61), (0, 7), (0, 5), (50, 6)]);
        assert_eq!(c.rows[2].wait, Some(Duration(20 * S)));
        assert!(c.rows.iter().filter(|r| r.start == Start::Running).count() == 2);
    }

    #[test]
    fn the_whole_of_a_trace_is_a_window_that_changes_nothing() {
        let rows = vec![row(0, 0, 5), row(3, 1, 2)];
        let c = cut(rows.clone(), SimTime::ZERO, SimTime::MAX);
        assert_eq!((c.rows, c.running, c.before, c.after), (rows, 0, 0, 0));
    }

    #[test]
    fn time_in_the_window_is_conserved() {
        // The seconds that each job runs at or after the start are the same before and after the cut.
        let rows: Vec<Row> = (0..500).map(|i| row(i * 7 % 400, i * 13 % 50, i * 29 % 300)).collect();
        let mut sorted = rows;
        sort(&mut sorted);
        let from = 200 * S;
        let want: u64 = sorted
            .iter()
            .map(|r| {
                let start = r.job.arrive.0 + r.wait.unwrap().0;
                (start + r.job.work.0).saturating_sub(start.max(from))
            })
            .sum();
        let got: u64 = cut(sorted, SimTime(from), SimTime::MAX).rows.iter().map(|r| r.job.work.0).sum();
        assert_eq!(got, want);
    }

    #[test]
    fn rate_and_stretch_do_what_they_say() {
        let mut rows = vec![row(10, 4, 6)];
        rescale(&mut rows, 1.0, 2.0);
        assert_eq!((secs(&rows), rows[0].wait), (vec![(5, 6)], Some(Duration(4 * S))));
        rescale(&mut rows, 3.0, 1.0);
        assert_eq!((secs(&rows), rows[0].wait), (vec![(15, 18)], Some(Duration(12 * S))));
    }

    #[test]
    fn repeats_leave_the_warm_start_out() {
        let mut rows = vec![row(0, 0, 1), row(5, 0, 2)];
        repeat(&mut rows, 3, Duration(10 * S), 1);
        assert_eq!(secs(&rows), [(0, 1), (5, 2), (15, 2), (25, 2)]);
    }

    #[test]
    fn sorting_counts_what_was_out_of_order_and_is_stable() {
        let mut rows = vec![row(5, 0, 1), row(3, 0, 2), row(5, 0, 3), row(1, 0, 4)];
        assert_eq!(sort(&mut rows), 2);
        assert_eq!(secs(&rows), [(1, 4), (3, 2), (5, 1), (5, 3)]);
    }
}
