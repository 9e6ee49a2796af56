//! A request as a replica sees it, and what a replica says of it.

use std::sync::Arc;

use crate::units::SimTime;

/// What is asked of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The caller's own number for it; replicas only hand it back.
    pub id: u64,
    /// When the client sent it, wherever it has been since. TTFT counts from here.
    pub arrival: SimTime,
    /// Prompt tokens, at least one.
    pub prompt: u32,
    /// Tokens to produce, at least one, the first one included.
    pub output: u32,
    /// 0 is the most urgent; within a level it is first come, first served.
    pub priority: u8,
    /// Which part of it is done here.
    pub part: Part,
    /// Dropped unless a step has taken it up by then; [`SimTime::MAX`] for "waits for ever".
    pub start_by: SimTime,
    /// Dropped unless finished by then: the client is gone. [`SimTime::MAX`] for never.
    pub finish_by: SimTime,
    /// What earlier requests may have left in the cache for it.
    pub prefix: Prefix,
}

impl Request {
    /// A request of the highest priority that waits for ever, with nothing to find in a cache.
    #[must_use]
    pub const fn new(id: u64, arrival: SimTime, prompt: u32, output: u32) -> Request {
        Request {
            id,
            arrival,
            prompt,
            output,
            priority: 0,
            part: Part::Whole,
            start_by: SimTime::MAX,
            finish_by: SimTime::MAX,
            prefix: Prefix::None,
        }
    }

    /// Tokens of KV that it holds in the end: the last token is never fed back.
    #[must_use]
    pub const fn kv_tokens(&self) -> u64 {
        self.prompt as u64 + self.output as u64 - 1
    }
}

/// Which part of a request a replica does: prefill and decode may be on different ones (Splitwise, DistServe).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// Up to the first token. The KV stays until [`release`](super::replica::Replica::release) says that it has been
    /// moved.
    Prefill,
    /// From the second token on: the KV of the prompt has come from elsewhere, and the first token with it.
    Decode,
}

/// What of a prompt may be in a replica's cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Prefix {
    /// Nothing is known of it. A cache with a fixed hit rate hits all the same.
    #[default]
    None,
    /// The next turn of a session: its first `shared` tokens are the context so far.
    Session {
        /// Which session.
        session: u64,
        /// Tokens that this prompt has in common with what the session's last turn left.
        shared: u32,
    },
    /// One hash for each block of the prompt, each of all up to it (Mooncake's `hash_ids`; vLLM's chained hashes). A
    /// last one for a part of a block may be there; it is never found.
    Blocks(Arc<[u64]>),
}

/// How far a request has come on a replica, and when. What has not happened is at [`SimTime::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The caller's number.
    pub id: u64,
    /// When the client sent it.
    pub arrival: SimTime,
    /// When it was offered to this replica.
    pub offered: SimTime,
    /// When a step first took it up.
    pub admitted: SimTime,
    /// When its first token was there; of [`Part::Decode`], when it was offered.
    pub first_token: SimTime,
    /// When its last token was there, or it was dropped.
    pub ended: SimTime,
    /// Prompt tokens.
    pub prompt: u32,
    /// Tokens asked for.
    pub output: u32,
    /// Tokens produced.
    pub produced: u32,
    /// Prompt tokens found in the cache when it was first taken up.
    pub cached: u32,
    /// How often it lost its KV to others and began again.
    pub preemptions: u32,
}

impl Record {
    /// Mean time between tokens after the first, in nanoseconds rounded to nearest: (end − first token) / (output − 1).
    /// `None` for a single token, which has no gap, and before the end.
    #[must_use]
    pub fn tpot_ns(&self) -> Option<u64> {
        if self.output < 2 || self.produced < self.output || self.ended == SimTime::MAX {
            return None;
        }
        let (gaps, ns) = (u64::from(self.output) - 1, self.ended.since(self.first_token).0);
        Some((ns + gaps / 2) / gaps)
    }
}

/// The hold that a caller has on a request in a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub(super) slot: u32,
    pub(super) turn: u32,
}

/// What a replica says to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It waits or runs here from now on.
    Taken(Ticket),
    /// It is not here.
    Refused(Refusal),
}

/// Why a replica refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// As many wait as may wait.
    QueueFull,
    /// Prompt and output exceed the model's context, or all of the replica's KV.
    TooLong,
    /// No prompt or no output: there is nothing to do.
    Empty,
    /// It takes no new requests because it is about to go.
    Draining,
}

/// Why a request ended without its last token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// Not taken up in time.
    WaitedTooLong,
    /// Not finished in time.
    TookTooLong,
    /// Its caller took it back.
    Aborted,
}

/// A request that a reclaim or a shutdown hands back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// As it was offered.
    pub request: Request,
    /// How far it came; `produced` tokens are with the client and lost as work unless they are sent along.
    pub record: Record,
}

/// Gaps between tokens: `sequences` sequences got one token in each of `steps` steps, which took `first_ps`,
/// `first_ps + growth_ps`, … picoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gaps {
    /// How many sequences.
    pub sequences: u64,
    /// Picoseconds of the first step.
    pub first_ps: u64,
    /// By how much each step is longer than the one before, in picoseconds.
    pub growth_ps: u64,
    /// How many steps.
    pub steps: u64,
}

/// Who listens to a replica. Times in a [`Record`] are exact, rounded up to whole nanoseconds; calls come in the order of
/// what happened on one replica.
pub trait Sink {
    /// Of several replicas, the calls that follow come from this one.
    fn of(&mut self, _replica: u32) {}
    /// A step took it up for the first time.
    fn admitted(&mut self, _: &Record) {}
    /// Its first token is there.
    fn first_token(&mut self, _: &Record) {}
    /// Its last token is there.
    fn finished(&mut self, _: &Record) {}
    /// The prompt of a [`Part::Prefill`] is done; its KV waits to be moved and released.
    fn prefilled(&mut self, _: &Record, _: Ticket) {}
    /// It lost its KV and waits again, before all others of its priority.
    fn preempted(&mut self, _: &Record) {}
    /// It was refused when it was offered.
    fn refused(&mut self, _: &Request, _: SimTime, _: Refusal) {}
    /// It ended without its last token.
    fn dropped(&mut self, _: &Record, _: Dropped) {}
    /// Tokens came after these gaps. A sequence's gap across a preemption comes as one of its own.
    fn gaps(&mut self, _: Gaps) {}
}

/// Listens to nothing.
impl Sink for () {}
