//! Requests made from parameters: a rate, lengths, sessions.
//!
//! Purposes of the random streams: `arrivals`, `bursts`, `input`, `output`, `turns`, `think`, `labels`, `priority`; owner: the
//! source's name, for its n-th launch `NAME/launch-n`. Every request takes the same number of draws of each, in order of
//! arrival, so that changing one attribute leaves the others as they were, and a launch leaves the rest of the traffic.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::labels::Luck;
use super::lengths::Pair;
use super::{Lengths, Marks, PrefixRef, Request, TrafficError};
use crate::kernel::{Dist, Stream, Streams};
use crate::units::{Duration, Name, SimTime};
use crate::workload::synth::{Arrivals, Bursts, Calendar, Growth, Pattern, Shape, Times};

/// A mean month: a twelfth of 365.25 days. For [`Growth`] by the month.
pub const MONTH: Duration = Duration::from_secs(2_629_800);

/// How often requests arrive.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// Mean requests a second (all turns of sessions counted), before shape, growth and launches.
    pub per_second: f64,
    /// Coefficient of variation of the gaps between arrivals (with sessions: between their starts) on the clock that
    /// runs with the rate: 1 is Poisson's. See [`Arrivals`].
    pub cv: f64,
    /// How the rate varies over the local week.
    pub shape: Option<Shape>,
    /// How it grows, from simulated time zero.
    pub growth: Option<Growth>,
    /// How it bursts.
    pub bursts: Option<Bursts>,
    /// Spikes on top of it.
    pub launches: Vec<Launch>,
}

impl Rate {
    /// A Poisson process of a constant rate.
    #[must_use]
    pub fn poisson(per_second: f64) -> Rate {
        Rate { per_second, cv: 1.0, shape: None, growth: None, bursts: None, launches: Vec::new() }
    }
}

/// A launch: from a moment on the rate is `1 + height·e^(−t/decay)` times what it would be.
///
/// The additional requests are a process of their own, of the same CV. For Poisson arrivals the sum is exactly the
/// process of the sum of the rates; for others its variance over long times is that of the CV.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Launch {
    /// When.
    pub at: SimTime,
    /// The additional rate at that moment, over the rate without it.
    pub height: f64,
    /// The time in which the addition falls to 1/e; at least 10 minutes.
    pub decay: Duration,
}

/// Conversations of several turns.
///
/// A turn's prompt is the shared prompt, all that was said before (inputs and outputs) and what is new; so all of the
/// turn before is its prefix. Where it would exceed the context, the conversation goes on as a new session, with the
/// new tokens only. The ends of answers are not known here, so the time to think counts from arrival to arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct Sessions {
    /// Mean turns; their number is geometric from 1 on.
    pub turns: f64,
    /// Seconds from one turn's arrival to the next's.
    pub think: Dist,
}

/// The parameters of a source of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The source's name, which keys its random streams.
    pub name: Name,
    /// How often they arrive.
    pub rate: Rate,
    /// How long they are; the input is what is new in it.
    pub lengths: Lengths,
    /// Conversations; `None` makes every request stand alone.
    pub sessions: Option<Sessions>,
    /// Tokens of a prompt that all requests begin with (a system prompt); they come on top of the input.
    pub shared: u32,
    /// The model's context, input and output: what is longer is cut (first the output, to leave room for one token of input, then the input).
    pub context: u32,
    /// Labels and priorities; those of a session's first turn hold for all of it.
    pub marks: Marks,
}

impl Spec {
    /// Requests that stand alone, without labels, of any length.
    #[must_use]
    pub fn new(name: Name, rate: Rate, lengths: Lengths) -> Spec {
        let marks = Marks::default();
        Spec { name, rate, lengths, sessions: None, shared: 0, context: u32::MAX, marks }
    }
}

/// A checked [`Spec`].
#[derive(Clone, Debug)]
pub struct Synth {
    spec: Spec,
    lengths: Pair,
    /// Starts of sessions, or of requests where there are none.
    arrivals: Arrivals,
    /// The arrivals of each launch on a clock that begins with it, in the order of the spec.
    launches: Vec<Arrivals>,
}

impl Synth {
    /// Checks the parameters.
    ///
    /// # Errors
    /// All that is wrong with them, but for the labels, which [`super::Traffic::new`] checks.
    pub fn new(spec: Spec) -> Result<Synth, Vec<TrafficError>> {
        let mut wrong = Vec::new();
        let rate = &spec.rate;
        if !(0.0..=1e8).contains(&rate.per_second) {
            wrong.push(TrafficError::Rate(rate.per_second));
        }
        let turns = spec.sessions.as_ref().map_or(1.0, |s| s.turns);
        if !(1.0..=1e6).contains(&turns) {
            wrong.push(TrafficError::Turns(turns));
        }
        if spec.shared.saturating_add(2) > spec.context {
            wrong.push(TrafficError::Context { shared: spec.shared, context: spec.context });
        }
        if rate.launches.len() > 60 {
            wrong.push(TrafficError::TooManyLaunches(rate.launches.len()));
        }
        for l in &rate.launches {
            if !(0.0..=1e6).contains(&l.height) {
                wrong.push(TrafficError::Height(l.height));
            }
            if l.decay < Duration::from_secs(600) {
                wrong.push(TrafficError::Decay);
            }
        }
        let lengths = spec.lengths.compile().map_err(|e| wrong.extend(e)).ok();
        let Some(lengths) = lengths.filter(|_| wrong.is_empty()) else { return Err(wrong) };
        let arrivals = Arrivals {
            pattern: Pattern::Renewal { per_hour: rate.per_second * 3600.0 / turns, cv: rate.cv },
            shape: rate.shape.clone(),
            growth: rate.growth,
            bursts: rate.bursts,
            count: None,
        };
        let launches: Vec<Arrivals> = rate.launches.iter().map(|l| l.arrivals(&arrivals)).collect();
        for a in std::iter::once(&arrivals).chain(&launches) {
            if let Err(list) = a.check() {
                wrong.extend(list.into_iter().map(TrafficError::from));
                // The faults of a launch would be those of the base again.
                break;
            }
        }
        if wrong.is_empty() { Ok(Synth { spec, lengths, arrivals, launches }) } else { Err(wrong) }
    }

    /// What it was made from.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The requests in `[from, to)`: those of the rate, then those of each launch, each in order of arrival.
    pub(super) fn feeds<'a>(
        &'a self,
        streams: &Streams,
        calendar: &Calendar,
        from: SimTime,
        to: SimTime,
    ) -> Vec<Feed<'a>> {
        let name = self.spec.name.as_str();
        let times = |a: &Arrivals, c: &Calendar, owner: &str, from: SimTime, to: SimTime| {
            a.times(c, streams, owner, from, to).expect("arrivals were checked by Synth::new")
        };
        let mut out = vec![Feed::new(
            self,
            times(&self.arrivals, calendar, name, from, to),
            Duration::ZERO,
            (streams, name),
            (0, to),
        )];
        for (k, (launch, arrivals)) in self.spec.rate.launches.iter().zip(&self.launches).enumerate() {
            // On a clock that begins with the launch its decay is growth from time zero.
            let shift = Duration(launch.at.0);
            let Some(epoch) = i64::try_from(shift.0)
                .ok()
                .and_then(|ns| calendar.epoch.checked_add(jiff::SignedDuration::from_nanos(ns)).ok())
            else {
                // Beyond the year 9999, and so beyond every run.
                continue;
            };
            let owner = format!("{name}/launch-{k}");
            let calendar = Calendar { epoch, zone: calendar.zone.clone() };
            let (start, end) = (SimTime(from.since(launch.at).0), SimTime(to.since(launch.at).0));
            let ids = (k as u32 + 1) << 26;
            out.push(Feed::new(
                self,
                times(arrivals, &calendar, &owner, start, end),
                shift,
                (streams, &owner),
                (ids, to),
            ));
        }
        out
    }
}

impl Launch {
    /// Its arrivals on a clock that begins with it.
    fn arrivals(&self, base: &Arrivals) -> Arrivals {
        // Both the growth and the decay are exponentials: their product is one. A factor by the hour stays in range.
        let growth = base.growth.map_or(0.0, |g| g.factor.ln() / g.per.as_secs_f64());
        let so_far = (growth * self.at.as_secs_f64()).exp();
        let hourly = (3600.0 * (growth - 1.0 / self.decay.as_secs_f64())).exp();
        let mut pattern = base.pattern.clone();
        if let Pattern::Renewal { per_hour, .. } = &mut pattern {
            *per_hour *= self.height * so_far;
        }
        Arrivals { pattern, growth: Some(Growth { factor: hourly, per: Duration::from_hours(1) }), ..base.clone() }
    }
}

/// A turn that is yet to come. Ordered by time, then by session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    at: SimTime,
    session: u32,
    /// Tokens of the shared prompt and all that was said; below that of the shared prompt before the first turn.
    history: u32,
    labels: u16,
    priority: i8,
}

/// The requests of one process of a [`Synth`].
#[derive(Clone, Debug)]
pub(super) struct Feed<'a> {
    synth: &'a Synth,
    times: Times,
    shift: Duration,
    /// The next start; `None` when there are no more, or no sessions.
    start: Option<SimTime>,
    turns: BinaryHeap<Reverse<Turn>>,
    /// The session that was begun last.
    last_session: u32,
    to: SimTime,
    /// The probability that another turn follows.
    again: f64,
    input: Stream,
    output: Stream,
    turn: Stream,
    think: Stream,
    luck: Luck,
}

impl<'a> Feed<'a> {
    fn new(
        synth: &'a Synth,
        mut times: Times,
        shift: Duration,
        (streams, owner): (&Streams, &str),
        (ids, to): (u32, SimTime),
    ) -> Feed<'a> {
        let stream = |purpose: &str| streams.stream(purpose, owner, 0);
        let sessions = synth.spec.sessions.as_ref();
        Feed {
            start: if sessions.is_some() { times.next() } else { None },
            synth,
            times,
            shift,
            turns: BinaryHeap::new(),
            last_session: ids,
            to,
            again: sessions.map_or(0.0, |s| 1.0 - 1.0 / s.turns),
            input: stream("input"),
            output: stream("output"),
            turn: stream("turns"),
            think: stream("think"),
            luck: synth.spec.marks.luck(streams, owner),
        }
    }

    /// The next request, its labels counted from 0 and its source 0.
    #[inline]
    pub fn next(&mut self) -> Option<Request> {
        if self.synth.spec.sessions.is_some() {
            return self.next_turn();
        }
        let at = self.times.next()? + self.shift;
        let spec = &self.synth.spec;
        let (new, output) = self.synth.lengths.draw(&mut self.input, &mut self.output);
        let (labels, priority) = spec.marks.draw(&mut self.luck);
        let (input, output) = clip(spec.shared.saturating_add(new), output, spec.context);
        let prefix = shared(spec.shared, input);
        Some(Request { at, input, output, session: 0, prefix, labels, source: 0, priority })
    }

    fn next_turn(&mut self) -> Option<Request> {
        let sessions = self.synth.spec.sessions.as_ref()?;
        let begins = self.start.map(|t| t + self.shift);
        // At the same moment the conversation under way goes first.
        let under_way = self.turns.peek().map(|Reverse(t)| t.at).filter(|at| begins.is_none_or(|b| *at <= b));
        let mut turn = match under_way {
            Some(_) => self.turns.pop().map(|Reverse(t)| t)?,
            None => {
                let at = begins?;
                self.start = self.times.next();
                self.last_session = self.last_session.wrapping_add(1).max(1);
                let (labels, priority) = self.synth.spec.marks.draw(&mut self.luck);
                Turn { at, session: self.last_session, history: 0, labels, priority }
            }
        };
        let spec = &self.synth.spec;
        let (new, drawn) = self.synth.lengths.draw(&mut self.input, &mut self.output);
        let fits = u64::from(turn.history) + u64::from(new) + u64::from(drawn) <= u64::from(spec.context);
        if turn.history > 0 && !fits {
            self.last_session = self.last_session.wrapping_add(1).max(1);
            turn = Turn { session: self.last_session, history: 0, ..turn };
        }
        let before = if turn.history == 0 { spec.shared } else { turn.history };
        let (input, output) = clip(before.saturating_add(new), drawn, spec.context);
        let prefix = match turn.history {
            0 => shared(spec.shared, input),
            tokens => PrefixRef::History { tokens },
        };
        let (at, session) = (turn.at, turn.session);
        // Both are drawn for every turn, the last too.
        let (goes_on, think) = (self.turn.uniform() < self.again, sessions.think.sample(&mut self.think));
        let next = at + Duration::from_secs_f64(think);
        if goes_on && next < self.to {
            self.turns.push(Reverse(Turn { at: next, history: input.saturating_add(output), ..turn }));
        }
        Some(Request { at, input, output, session, prefix, labels: turn.labels, source: 0, priority: turn.priority })
    }
}

/// The prefix of a prompt that begins with the source's shared tokens.
pub(super) fn shared(tokens: u32, input: u32) -> PrefixRef {
    if tokens == 0 { PrefixRef::None } else { PrefixRef::Prompt { id: 0, tokens: tokens.min(input) } }
}

/// Cuts lengths to a context of at least 2 tokens: the output so that a token of input is left, then the input.
#[inline]
pub(super) fn clip(input: u32, output: u32, context: u32) -> (u32, u32) {
    if u64::from(input) + u64::from(output) <= u64::from(context) {
        return (input, output);
    }
    let output = output.min(context - 1);
    (input.min(context - output), output)
}
