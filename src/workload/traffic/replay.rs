//! A recorded trace as requests in simulated time: placed, repeated, scaled and jittered.
//!
//! Purposes of the random streams: `thin` (one draw for each row, when the number is scaled), `copies` (one for each
//! copy), `jitter` (one for each request, when times are jittered); owner: the source's name. They are drawn in the
//! order of the rows, kept or not.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::read::{Reader, Row};
use super::recorded::{Filter, Recorded, Repeat, Rows, Scale, Verdict};
use super::{PrefixRef, Request};
use crate::formats::rows::{Fault, Outcome};
use crate::kernel::{Stream, Streams};
use crate::units::{Duration, SimTime};
use crate::workload::synth::Calendar;

/// Copies come at most so much later than what they copy.
const SPREAD: Duration = Duration::from_secs(60);

/// The requests of a [`Recorded`].
pub(super) struct Feed<'a> {
    trace: &'a Recorded,
    rows: Cursor<'a>,
    /// Which repetition is under way.
    turn: u64,
    /// Simulated time at which its window begins; it may lie before `from`.
    base: i128,
    /// The same from one repetition to the next.
    period: i128,
    /// Times are divided by this.
    speed: f64,
    /// Requests for each row, on average.
    number: f64,
    step: Duration,
    thin: Stream,
    copies: Stream,
    jitter: Stream,
    /// Requests that are later than their rows, until no row can come before them.
    late: BinaryHeap<Reverse<Late>>,
    made: u64,
    /// The row that was read last, in simulated time.
    reached: SimTime,
    over: bool,
    from: SimTime,
    to: SimTime,
    fault: Option<Box<Fault>>,
}

enum Cursor<'a> {
    Held(std::slice::Iter<'a, Row>),
    File(Box<Reader>, Filter),
    /// The file could not be opened again.
    Gone,
}

/// Ordered by time, then as made.
#[derive(Clone, Copy, Debug)]
struct Late(SimTime, u64, Request);

impl PartialEq for Late {
    fn eq(&self, other: &Late) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Late {}
impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Late) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Late {
    fn cmp(&self, other: &Late) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

const DAY: i128 = 86_400_000_000_000;
/// 1970-01-01 was a Thursday, three days after a Monday.
const MONDAY: i128 = 3 * DAY;

impl<'a> Feed<'a> {
    pub fn new(trace: &'a Recorded, streams: &Streams, calendar: &Calendar, from: SimTime, to: SimTime) -> Feed<'a> {
        let stream = |purpose: &str| streams.stream(purpose, trace.name.as_str(), 0);
        let (speed, number) = match trace.options.scale {
            Scale::Time(f) => (f, 1.0),
            Scale::Number(f) => (1.0, f),
        };
        let start = i128::from(trace.start);
        // How far into the trace the replay begins, so that the phase is kept.
        let skip = match trace.options.repeat {
            Repeat::Once | Repeat::BackToBack => 0,
            Repeat::Days => (local(calendar, from) - start).rem_euclid(DAY),
            Repeat::Weeks => {
                let recorded = if trace.format().has_dates() { start + MONDAY } else { start };
                (local(calendar, from) + MONDAY - recorded).rem_euclid(7 * DAY)
            }
        };
        let scaled = |ns: u64| (ns as f64 / speed).round() as i128;
        let mut feed = Feed {
            rows: Cursor::Gone,
            turn: 0,
            base: i128::from(from.0) - skip,
            // What has a length must keep one, or a repetition would never end; what has none is not repeated.
            period: match trace.period {
                0 => 0,
                ns if speed == 1.0 => i128::from(ns),
                ns => scaled(ns).max(1),
            },
            speed,
            number,
            step: Duration(if speed == 1.0 { trace.step().0 } else { scaled(trace.step().0) as u64 }),
            thin: stream("thin"),
            copies: stream("copies"),
            jitter: stream("jitter"),
            late: BinaryHeap::new(),
            made: 0,
            reached: SimTime::ZERO,
            over: false,
            from,
            to,
            fault: None,
            trace,
        };
        feed.rewind();
        feed
    }

    /// What went wrong with a file that was sound when it was checked.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_deref()
    }

    fn rewind(&mut self) {
        self.rows = match &self.trace.rows {
            Rows::Held(kept) => Cursor::Held(kept.0.iter()),
            Rows::File { input, format, filter } => match Reader::new(input, *format) {
                Ok(reader) => Cursor::File(Box::new(reader), filter.clone()),
                Err(fault) => {
                    self.fault = Some(fault);
                    Cursor::Gone
                }
            },
        };
    }

    /// The next request, its labels counted from 0 and its source 0.
    #[inline]
    pub fn next(&mut self) -> Option<Request> {
        let plain = self.step == Duration::ZERO && self.number == 1.0;
        loop {
            if let Some(Reverse(first)) = self.late.peek()
                && (self.over || first.0 <= self.reached)
            {
                let Reverse(Late(_, _, request)) = self.late.pop()?;
                return Some(request).filter(|r| r.at < self.to);
            }
            if self.over {
                return None;
            }
            match self.row() {
                None => self.over = true,
                Some((row, at)) if plain => return Some(self.request(row, at, self.turn)),
                Some((row, at)) => self.spread(row, at),
            }
        }
    }

    /// The next row in `[from, to)` and its simulated time.
    #[inline]
    fn row(&mut self) -> Option<(Row, SimTime)> {
        loop {
            let next = match self.rows.next() {
                Ok(next) => next,
                Err(fault) => {
                    self.fault = Some(fault);
                    return None;
                }
            };
            let Some(row) = next else {
                if self.period == 0 || self.fault.is_some() {
                    return None;
                }
                self.turn += 1;
                self.base += self.period;
                if self.base >= i128::from(self.to.0) {
                    return None;
                }
                self.rewind();
                continue;
            };
            let since = row.at - self.trace.start;
            let since = if self.speed == 1.0 { i128::from(since) } else { (since as f64 / self.speed).round() as i128 };
            let at = self.base + since;
            if at >= i128::from(self.to.0) {
                return None;
            }
            if at >= i128::from(self.from.0) {
                // Not below 0 and below a u64: it lies in the interval.
                return Some((row, SimTime(at as u64)));
            }
        }
    }

    /// Puts a row's requests among the late ones.
    fn spread(&mut self, row: Row, at: SimTime) {
        self.reached = at;
        let whole = self.number.floor();
        let mut times = whole as u64;
        if self.number != 1.0 {
            times += u64::from(self.thin.uniform() < self.number - whole);
        }
        let most = self.number.ceil() as u64;
        for copy in 0..times {
            let mut at = at;
            if copy > 0 {
                at += part(SPREAD, &mut self.copies);
            }
            if self.step > Duration::ZERO {
                at += part(self.step, &mut self.jitter);
            }
            let request = self.request(row, at, self.turn * most + copy);
            self.made += 1;
            self.late.push(Reverse(Late(at, self.made, request)));
        }
        if times == 0 && self.step > Duration::ZERO {
            self.jitter.uniform();
        }
    }

    #[inline]
    fn request(&self, row: Row, at: SimTime, copy: u64) -> Request {
        let session = match row.session {
            0 => 0,
            // Wraps after 2³² sessions, long over by then.
            s => s.wrapping_add(self.trace.sessions.wrapping_mul(copy as u32)).max(1),
        };
        let prefix = match row.blocks {
            0 => PrefixRef::None,
            len => PrefixRef::Blocks { start: row.start, len, copy: copy as u16 },
        };
        let priority = self.trace.options.priority;
        Request { at, input: row.input, output: row.output, session, prefix, labels: row.labels, source: 0, priority }
    }
}

impl Cursor<'_> {
    fn next(&mut self) -> Outcome<Option<Row>> {
        match self {
            Cursor::Held(rows) => Ok(rows.next().copied()),
            Cursor::Gone => Ok(None),
            Cursor::File(reader, filter) => loop {
                let Some(row) = reader.next()? else { return Ok(None) };
                reader.arena.clear();
                match filter.judge(row) {
                    Verdict::Keep(row) | Verdict::Clipped(row) => return Ok(Some(row)),
                    Verdict::After => return Ok(None),
                    Verdict::Before | Verdict::Failure | Verdict::Over => {}
                }
            },
        }
    }
}

/// A uniform part of a length of time.
fn part(whole: Duration, stream: &mut Stream) -> Duration {
    Duration(stream.below(whole.0))
}

/// Nanoseconds on the local clock since 1970 at a moment. Daylight saving is that of the moment.
fn local(calendar: &Calendar, at: SimTime) -> i128 {
    let utc = calendar.epoch.as_nanosecond() + i128::from(at.0);
    let offset = jiff::Timestamp::from_nanosecond(utc).map_or(0, |t| calendar.zone.to_offset(t).seconds());
    utc + i128::from(offset) * 1_000_000_000
}
