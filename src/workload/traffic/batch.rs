//! Many requests at once: offline batch jobs with deadlines, and the runs of evaluations in CI.
//!
//! Every run draws from streams of its own (purposes `input`, `output`, `labels`, `priority`; owner: `NAME/run-n`), so that what a run asks for
//! does not depend on where a simulation begins.

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use super::labels::Luck;
use super::lengths::Pair;
use super::synth::{clip, shared};
use super::{Lengths, Marks, PrefixRef, Request, TrafficError};
use crate::kernel::{Stream, Streams};
use crate::units::{Duration, Name, SimTime};
use crate::workload::synth::Calendar;

/// When a batch runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Runs {
    /// At these moments; they need not be sorted.
    At(Vec<SimTime>),
    /// Once, and then every so often.
    Every {
        /// The first run.
        first: SimTime,
        /// The time between.
        every: Duration,
    },
    /// At these local times of day, on some days of the week.
    Daily {
        /// Times of day; each counts once. One that the clocks skip comes as much later as they skip.
        times: Vec<Time>,
        /// Monday to Sunday.
        days: [bool; 7],
    },
}

/// Requests that come all at once, again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchSpec {
    /// The source's name, which keys its random streams.
    pub name: Name,
    /// When it runs.
    pub runs: Runs,
    /// Requests of a run.
    pub requests: u32,
    /// The time after a run's start in which all of its requests are due; `None` for no deadline.
    pub due_in: Option<Duration>,
    /// Every run has the same prompts, as the test set of an evaluation has: the same lengths of input, and each prompt is known from
    /// the run before. Outputs differ.
    pub same_prompts: bool,
    /// How long they are.
    pub lengths: Lengths,
    /// Tokens of a prompt that all requests begin with; they come on top of the input.
    pub shared: u32,
    /// The model's context, as [`super::Spec::context`].
    pub context: u32,
    /// Labels and priorities.
    pub marks: Marks,
}

impl BatchSpec {
    /// An offline job: so many requests at a moment, all due in a given time.
    #[must_use]
    pub fn offline(name: Name, at: SimTime, requests: u32, due_in: Duration, lengths: Lengths) -> BatchSpec {
        BatchSpec { due_in: Some(due_in), ..BatchSpec::new(name, Runs::At(vec![at]), requests, lengths) }
    }

    /// An evaluation in CI: a set of prompts, run at these local times on working days.
    #[must_use]
    pub fn evaluation(name: Name, prompts: u32, times: Vec<Time>, lengths: Lengths) -> BatchSpec {
        let days = [true, true, true, true, true, false, false];
        BatchSpec { same_prompts: true, ..BatchSpec::new(name, Runs::Daily { times, days }, prompts, lengths) }
    }

    fn new(name: Name, runs: Runs, requests: u32, lengths: Lengths) -> BatchSpec {
        let marks = Marks::default();
        let (due_in, same_prompts, shared, context) = (None, false, 0, u32::MAX);
        BatchSpec { name, runs, requests, due_in, same_prompts, lengths, shared, context, marks }
    }
}

/// A checked [`BatchSpec`].
#[derive(Clone, Debug)]
pub struct Batch {
    spec: BatchSpec,
    lengths: Pair,
}

impl Batch {
    /// Checks the parameters.
    ///
    /// # Errors
    /// All that is wrong with them, but for the labels, which [`super::Traffic::new`] checks.
    pub fn new(mut spec: BatchSpec) -> Result<Batch, Vec<TrafficError>> {
        let mut wrong = Vec::new();
        if spec.requests == 0 {
            wrong.push(TrafficError::EmptyBatch);
        }
        if spec.shared.saturating_add(2) > spec.context {
            wrong.push(TrafficError::Context { shared: spec.shared, context: spec.context });
        }
        match &mut spec.runs {
            Runs::At(moments) => moments.sort_unstable(),
            Runs::Daily { times, .. } => {
                times.sort_unstable();
                times.dedup();
            }
            Runs::Every { .. } => {}
        }
        match &spec.runs {
            Runs::Every { every: Duration::ZERO, .. } => wrong.push(TrafficError::Interval),
            Runs::At(moments) if moments.is_empty() => wrong.push(TrafficError::NoRuns),
            Runs::Daily { times, days } if times.is_empty() || !days.contains(&true) => {
                wrong.push(TrafficError::NoRuns);
            }
            _ => {}
        }
        match spec.lengths.compile() {
            Ok(lengths) if wrong.is_empty() => Ok(Batch { spec, lengths }),
            Ok(_) => Err(wrong),
            Err(more) => {
                wrong.extend(more);
                Err(wrong)
            }
        }
    }

    /// What it was made from, runs sorted.
    #[must_use]
    pub fn spec(&self) -> &BatchSpec {
        &self.spec
    }

    /// The runs in `[from, to)`: ordinal and moment, in order.
    fn runs<'a>(&'a self, calendar: &Calendar, from: SimTime, to: SimTime) -> Box<dyn Iterator<Item = Run> + 'a> {
        match &self.spec.runs {
            Runs::At(moments) => {
                let all = moments.iter().copied().enumerate().map(|(k, at)| (k as u64, at));
                Box::new(all.filter(move |r| (from..to).contains(&r.1)))
            }
            Runs::Every { first, every } => {
                let k = from.since(*first).0.div_ceil(every.0);
                let at = move |k: u64| every.0.checked_mul(k).and_then(|d| first.0.checked_add(d)).map(SimTime);
                Box::new((k..).map_while(move |k| at(k).filter(|t| *t < to).map(|t| (k, t))))
            }
            Runs::Daily { times, days } => {
                let calendar = calendar.clone();
                let days = *days;
                let first = local_date(&calendar, from);
                let dates = std::iter::successors(first, |d| d.tomorrow().ok());
                let all =
                    dates.filter(move |d| days[d.weekday().to_monday_zero_offset() as usize]).flat_map(move |date| {
                        let calendar = calendar.clone();
                        // Ordinals count from year 1, so that they do not depend on where the simulation begins.
                        let day = date.duration_since(Date::constant(1, 1, 1)).as_hours().unsigned_abs() / 24;
                        let runs = times.iter().enumerate().map(move |(i, t)| (i, moment(&calendar, date, *t)));
                        runs.filter_map(move |(i, at)| at.map(|at| (day << 16 | i as u64, at)))
                    });
                Box::new(all.skip_while(move |r| r.1 < from).take_while(move |r| r.1 < to))
            }
        }
    }

    pub(super) fn feed<'a>(&'a self, streams: &Streams, calendar: &Calendar, from: SimTime, to: SimTime) -> Feed<'a> {
        Feed { batch: self, streams: streams.clone(), runs: self.runs(calendar, from, to), run: None }
    }
}

type Run = (u64, SimTime);

/// The local date of a moment; `None` beyond the year 9999.
fn local_date(calendar: &Calendar, at: SimTime) -> Option<Date> {
    let ns = calendar.epoch.as_nanosecond() + i128::from(at.0);
    Some(calendar.zone.to_datetime(Timestamp::from_nanosecond(ns).ok()?).date())
}

/// When a local time of a date comes; `None` when that is before the epoch or beyond the calendar.
fn moment(calendar: &Calendar, date: Date, time: Time) -> Option<SimTime> {
    let at = calendar.zone.to_timestamp(date.to_datetime(time)).ok()?;
    u64::try_from(at.as_nanosecond() - calendar.epoch.as_nanosecond()).ok().map(SimTime)
}

/// The requests of a [`Batch`].
pub(super) struct Feed<'a> {
    batch: &'a Batch,
    streams: Streams,
    runs: Box<dyn Iterator<Item = Run> + 'a>,
    run: Option<UnderWay>,
}

/// A run whose requests are being made.
struct UnderWay {
    at: SimTime,
    done: u32,
    input: Stream,
    output: Stream,
    luck: Luck,
}

impl Feed<'_> {
    /// The next request, its labels counted from 0 and its source 0.
    pub fn next(&mut self) -> Option<Request> {
        let spec = &self.batch.spec;
        if self.run.as_ref().is_none_or(|r| r.done == spec.requests) {
            let (ordinal, at) = self.runs.next()?;
            let name = spec.name.as_str();
            let owner = format!("{name}/run-{ordinal}");
            // What the runs share is drawn from the source's own stream, from its start.
            let prompts = if spec.same_prompts { name } else { &owner };
            self.run = Some(UnderWay {
                at,
                done: 0,
                input: self.streams.stream("input", prompts, 0),
                output: self.streams.stream("output", &owner, 0),
                luck: spec.marks.luck(&self.streams, &owner),
            });
        }
        let run = self.run.as_mut()?;
        run.done += 1;
        let (new, output) = self.batch.lengths.draw(&mut run.input, &mut run.output);
        let (labels, priority) = spec.marks.draw(&mut run.luck);
        let whole = spec.shared.saturating_add(new);
        let (input, output, prefix) = if spec.same_prompts {
            // Cut without regard to the output, which differs from run to run.
            let input = whole.min(spec.context - 1);
            (input, output.min(spec.context - input), PrefixRef::Prompt { id: run.done, tokens: input })
        } else {
            let (input, output) = clip(whole, output, spec.context);
            (input, output, shared(spec.shared, input))
        };
        Some(Request { at: run.at, input, output, session: 0, prefix, labels, source: 0, priority })
    }
}
