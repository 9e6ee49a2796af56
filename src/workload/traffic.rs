//! Inference requests: replayed from published traces, or made from parameters.
//!
//! - [`request`]: one request, and what of its prompt others share;
//! - [`recorded`]: traces in the formats of [`read`], checked once and replayed in windows, scaled, repeated;
//! - [`synth`]: rates, lengths and sessions; [`mod@lengths`]: two laws and their correlation, fits of [`mod@azure`]'s;
//! - [`inspect`]: what a recorded trace holds;
//! - [`batch`]: offline jobs with deadlines, evaluation runs;
//! - [`labels`]: who sends a request, and how urgent it is.
//!
//! A [`Traffic`] is a list of sources. Each draws from random streams that its own name keys, so that a source that is
//! added, removed or changed leaves the requests of all others as they were.
//!
//! ```
//! use fleetcast::kernel::Streams;
//! use fleetcast::units::{Name, SimTime};
//! use fleetcast::workload::synth::Calendar;
//! use fleetcast::workload::traffic::{Lengths, Rate, Spec, Synth, Traffic};
//!
//! let spec = Spec::new(Name::new("chat")?, Rate::poisson(5.0), Lengths::azure_conversation());
//! let traffic = Traffic::new(vec![Synth::new(spec).map_err(|e| e[0].to_string())?.into()])
//!     .map_err(|e| e[0].to_string())?;
//! let hour = SimTime(3_600_000_000_000);
//! let requests = traffic.requests(&Streams::new(1, 0), &Calendar::default(), SimTime::ZERO, hour);
//! assert!((17_400..18_600).contains(&requests.count()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod azure;
pub mod batch;
mod error;
mod grid;
pub mod inspect;
pub mod labels;
pub mod lengths;
pub mod read;
pub mod recorded;
mod replay;
pub mod request;
mod stamp;
pub mod synth;

pub use batch::{Batch, BatchSpec, Runs};
pub use error::TrafficError;
pub use labels::Marks;
pub use lengths::Lengths;
pub use read::Format;
pub use recorded::{Failures, Jitter, Options, Over, Recorded, Repeat, Scale, Summary};
pub use request::{BLOCK_TOKENS, BlockId, PrefixRef, Request};
pub use synth::{Launch, MONTH, Rate, Sessions, Spec, Synth};

use super::synth::Calendar;
use crate::formats::rows::Fault;
use crate::kernel::Streams;
use crate::units::{Label, Name, SimTime};
use request::Owner;

/// Where requests come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A trace.
    Recorded(Box<Recorded>),
    /// Parameters.
    Synth(Box<Synth>),
    /// Many at once.
    Batch(Box<Batch>),
}

impl From<Recorded> for Source {
    fn from(trace: Recorded) -> Source {
        Source::Recorded(Box::new(trace))
    }
}

impl From<Synth> for Source {
    fn from(synth: Synth) -> Source {
        Source::Synth(Box::new(synth))
    }
}

impl From<Batch> for Source {
    fn from(batch: Batch) -> Source {
        Source::Batch(Box::new(batch))
    }
}

impl Source {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        match self {
            Source::Recorded(r) => &r.name,
            Source::Synth(s) => &s.spec().name,
            Source::Batch(b) => &b.spec().name,
        }
    }

    fn label_sets(&self) -> Result<Vec<Vec<Label>>, TrafficError> {
        match self {
            Source::Recorded(r) => Ok(r.label_sets().to_vec()),
            Source::Synth(s) => s.spec().marks.table(),
            Source::Batch(b) => b.spec().marks.table(),
        }
    }

    /// Tokens that all of its prompts begin with.
    #[must_use]
    pub fn shared(&self) -> u32 {
        match self {
            Source::Recorded(_) => 0,
            Source::Synth(s) => s.spec().shared,
            Source::Batch(b) => b.spec().shared,
        }
    }
}

/// All requests of a service.
#[derive(Clone, Debug)]
pub struct Traffic {
    sources: Vec<Source>,
    /// Where each source's label sets begin.
    labels: Vec<u16>,
    label_sets: Vec<Vec<Label>>,
}

impl Traffic {
    /// Puts sources together.
    ///
    /// # Errors
    /// All that is wrong with their names and labels.
    pub fn new(sources: Vec<Source>) -> Result<Traffic, Vec<TrafficError>> {
        let mut wrong = Vec::new();
        if sources.len() > 1 << 14 {
            wrong.push(TrafficError::TooManySources(sources.len()));
        }
        let (mut labels, mut label_sets) = (Vec::new(), Vec::new());
        for (i, s) in sources.iter().enumerate() {
            if sources[..i].iter().any(|other| other.name() == s.name()) {
                wrong.push(TrafficError::SameName(s.name().clone()));
            }
            labels.push(label_sets.len() as u16);
            match s.label_sets() {
                Ok(sets) => label_sets.extend(sets),
                Err(e) => wrong.push(e),
            }
        }
        if label_sets.len() > usize::from(u16::MAX) {
            wrong.push(TrafficError::TooManyLabels(label_sets.len() as u128));
        }
        if wrong.is_empty() { Ok(Traffic { sources, labels, label_sets }) } else { Err(wrong) }
    }

    /// The sources that [`Request::source`] indexes.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The label sets that [`Request::labels`] indexes, each ordered by key; some may never occur.
    #[must_use]
    pub fn label_sets(&self) -> &[Vec<Label>] {
        &self.label_sets
    }

    /// When a request is due; `None` for one without a deadline.
    #[must_use]
    pub fn due(&self, request: &Request) -> Option<SimTime> {
        match self.sources.get(usize::from(request.source))? {
            Source::Batch(b) => b.spec().due_in.map(|d| request.at + d),
            Source::Recorded(_) | Source::Synth(_) => None,
        }
    }

    /// The requests in `[from, to)`, in order of time; at the same moment in the order of the sources. The same streams
    /// give the same requests.
    #[must_use]
    pub fn requests(&self, streams: &Streams, calendar: &Calendar, from: SimTime, to: SimTime) -> Requests<'_> {
        let mut feeds = Vec::new();
        for (i, source) in self.sources.iter().enumerate() {
            let mut add = |feed| feeds.push(Lane::new(feed, i as u16, self.labels[i]));
            match source {
                Source::Recorded(r) => add(Feed::Recorded(Box::new(replay::Feed::new(r, streams, calendar, from, to)))),
                Source::Batch(b) => add(Feed::Batch(Box::new(b.feed(streams, calendar, from, to)))),
                Source::Synth(s) => {
                    s.feeds(streams, calendar, from, to).into_iter().for_each(|f| add(Feed::Synth(Box::new(f))));
                }
            }
        }
        Requests { feeds }
    }

    /// Appends the blocks that `tokens` tokens of a request fill, counted from the start of its prompt and beyond it into
    /// its output; full ones only, but for recorded prompts, whose last block the trace names too. Two requests with
    /// the same block have the same tokens up to its end. Blocks of a session's prompt are new with each session, those of a lone
    /// request are left out but for what it shares.
    pub fn blocks(&self, request: &Request, tokens: u64, out: &mut Vec<BlockId>) {
        let Some(source) = self.sources.get(usize::from(request.source)) else { return };
        let id = |owner, index: usize| BlockId::new(request.source, owner, index as u16);
        let size = u64::from(BLOCK_TOKENS);
        // An index has 16 bits; no context has 2²⁵ tokens.
        let full = (tokens.min(request.tokens()) / size).min(u64::from(u16::MAX)) as usize;
        match request.prefix {
            PrefixRef::Blocks { start, len, copy } => {
                let Source::Recorded(r) = source else { return };
                let wanted = usize::try_from(tokens.div_ceil(size)).unwrap_or(usize::MAX);
                let ids = r.blocks(start, len).iter().take(wanted);
                out.extend(ids.map(|b| BlockId::new(request.source, Owner::Recorded(*b), copy)));
            }
            // Whether a recorded session's prompts repeat what was said, no trace says.
            _ if matches!(source, Source::Recorded(_)) => {}
            _ => {
                let system = (u64::from(source.shared()) / size) as usize;
                let own = match request.prefix {
                    PrefixRef::Prompt { id, tokens } if id > 0 => {
                        Some((Owner::Prompt(id), (u64::from(tokens) / size) as usize))
                    }
                    _ if request.session > 0 => Some((Owner::Session(request.session), full)),
                    _ => None,
                };
                out.extend((0..system.min(full)).map(|i| id(Owner::Prompt(0), i)));
                if let Some((owner, upto)) = own {
                    out.extend((system..upto.min(full)).map(|i| id(owner, i)));
                }
            }
        }
    }
}

/// Requests of several sources in order of time.
pub struct Requests<'a> {
    feeds: Vec<Lane<'a>>,
}

/// A source's requests, the next of them at hand.
struct Lane<'a> {
    head: Option<Request>,
    feed: Feed<'a>,
    source: u16,
    labels: u16,
}

enum Feed<'a> {
    Recorded(Box<replay::Feed<'a>>),
    Synth(Box<synth::Feed<'a>>),
    Batch(Box<batch::Feed<'a>>),
}

impl<'a> Lane<'a> {
    fn new(feed: Feed<'a>, source: u16, labels: u16) -> Lane<'a> {
        let mut lane = Lane { head: None, feed, source, labels };
        lane.advance();
        lane
    }

    #[inline]
    fn advance(&mut self) -> Option<Request> {
        let next = match &mut self.feed {
            Feed::Synth(f) => f.next(),
            Feed::Recorded(f) => f.next(),
            Feed::Batch(f) => f.next(),
        };
        let next = next.map(|r| Request { source: self.source, labels: self.labels + r.labels, ..r });
        std::mem::replace(&mut self.head, next)
    }
}

impl Requests<'_> {
    /// What went wrong with a trace's file since it was checked; its requests then end early. Look when the iterator
    /// is at its end.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.feeds.iter().find_map(|lane| match &lane.feed {
            Feed::Recorded(f) => f.fault(),
            Feed::Synth(_) | Feed::Batch(_) => None,
        })
    }
}

impl Iterator for Requests<'_> {
    type Item = Request;

    #[inline]
    fn next(&mut self) -> Option<Request> {
        // Services have few sources: a scan beats a heap. The first of equals wins.
        let mut best: Option<(SimTime, usize)> = None;
        for (i, lane) in self.feeds.iter().enumerate() {
            if let Some(head) = &lane.head
                && best.is_none_or(|b| head.at < b.0)
            {
                best = Some((head.at, i));
            }
        }
        self.feeds[best?.1].advance()
    }
}

impl std::fmt::Debug for Requests<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("feeds", &self.feeds.len()).finish()
    }
}

#[cfg(test)]
#[path = "traffic/tests.rs"]
mod tests;
