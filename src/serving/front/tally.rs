//! What became of requests: counts, latencies, promises, and the two integrals of Little's law.
//!
//! Latencies are kept by bucket of time and added to those of the window when the bucket is over: each is recorded once.

use super::config::{Retry, Slo};
use super::handoff::Handoffs;
use super::tag::Tag;
use crate::kernel::{Buckets, Histogram};
use crate::serving::replica::Latencies;
use crate::serving::request::{Dropped, Gaps, Prefix, Record, Refusal, Request, Sink, Ticket};
use crate::units::{Duration, SimTime};

/// What became of the requests of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// On their way when the window began.
    pub in_flight_at_start: u64,
    /// Sent by clients.
    pub sent: u64,
    /// Answered by a replica.
    pub answered: u64,
    /// Answered by a cache.
    pub from_cache: u64,
    /// Refused for good.
    pub refused: u64,
    /// Refused for good by a limit.
    pub limited: u64,
    /// Given up on for good.
    pub timed_out: u64,
    /// Cut off with their replica for good.
    pub failed: u64,
    /// Sent again.
    pub retries: u64,
    /// Wrong answers among those of caches.
    pub wrong: u64,
    /// Copies for a shadow.
    pub shadowed: u64,
    /// Prompt tokens of those that a replica answered.
    pub input: u64,
    /// Of these, found in a prefix cache.
    pub cached: u64,
    /// Tokens of their answers.
    pub output: u64,
    /// Requests that kept every promise.
    pub good: u64,
}

impl Counts {
    /// Requests that reached their end.
    #[must_use]
    pub const fn concluded(&self) -> u64 {
        self.answered + self.from_cache + self.lost()
    }

    /// Those without an answer.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.refused + self.limited + self.timed_out + self.failed
    }
}

/// How a promise was kept: met, and of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Requests that kept it.
    pub met: u64,
    /// Requests that it was made to.
    pub of: u64,
}

/// Promises: TTFT, TPOT, end to end, and the deadlines of batches.
pub type Promises = [Kept; 4];

/// What the requests of a set of labels used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Requests that concluded.
    pub requests: u64,
    /// Those that kept every promise.
    pub good: u64,
    /// Prompt tokens of answers by replicas.
    pub input: u64,
    /// Their tokens.
    pub output: u64,
}

/// What was computed for a set of labels on a lane since last asked: prompt tokens that were not in a cache, and tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Computed {
    /// Prompt tokens.
    pub prompt: u64,
    /// Tokens.
    pub output: u64,
}

/// What a lane's requests came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneTally {
    /// Requests that concluded on it, copies for a shadow included.
    pub concluded: u64,
    /// Those that kept every promise, or would have.
    pub good: u64,
    /// Requests that lost their KV.
    pub preemptions: u64,
    /// By label set.
    pub computed: Vec<Computed>,
}

/// Values of a bucket of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// Requests sent.
    pub sent: u64,
    /// Requests concluded.
    pub concluded: u64,
    /// Requests that kept every promise.
    pub good: u64,
    /// Requests lost.
    pub lost: u64,
    /// Prompt tokens answered.
    pub input: u64,
    /// Tokens of answers.
    pub output: u64,
    /// Median and 99th percentile, ns: TTFT, TPOT, end to end.
    pub quantiles: [Option<(u64, u64)>; 3],
}

/// A level by two ways: from its changes, and from each one's stay.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    now: u64,
    /// Σ times of leaving − Σ times of coming, within the window.
    area: i128,
    stayed: u128,
    from: SimTime,
}

impl Level {
    fn come(&mut self, at: SimTime) {
        self.now += 1;
        self.area -= i128::from(at.0);
    }

    /// One leaves at `at`; `since` is what it says of its own coming.
    fn go(&mut self, since: SimTime, at: SimTime) {
        debug_assert!(self.now > 0, "nobody leaves who has not come");
        self.now -= 1;
        self.area += i128::from(at.0);
        self.stayed += u128::from(at.since(since.max(self.from)).0);
    }

    /// The window begins: who is here came now.
    fn begin(&mut self, at: SimTime) {
        *self = Level { now: self.now, area: -(i128::from(at.0) * i128::from(self.now)), stayed: 0, from: at };
    }

    /// The integral, once all have left.
    fn integral(&self) -> u128 {
        debug_assert_eq!(self.now, 0, "all have left");
        self.area.max(0) as u128
    }
}

/// What must be done about something that a replica said.
#[derive(Debug)]
pub(super) enum Todo {
    /// A client sends a request again.
    Again(Again),
    /// A prompt was read, and its KV is to be moved.
    Prefilled { lane: u16, replica: u32, record: Record, ticket: Ticket },
}

/// A request that is sent again.
#[derive(Clone, Debug)]
pub(super) struct Again {
    pub at: SimTime,
    pub tag: Tag,
    pub arrival: SimTime,
    pub prompt: u32,
    pub output: u32,
    pub prefix: Prefix,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Answered { ttft: Duration, tpot: Option<u64>, input: u32, cached: u32, output: u32 },
    Cached { wrong: bool },
    Refused,
    Limited,
    TimedOut,
    Failed,
}

/// Who listens to all replicas.
#[derive(Debug)]
pub(super) struct Tally {
    retry: Retry,
    slo: Slo,
    /// By source, the time in which its requests are due, for batches.
    due: Vec<Option<Duration>>,
    /// By source, whether it is one of clients, to whom latencies are promised.
    interactive: Vec<bool>,
    /// The lane and replica that speak.
    pub lane: u16,
    replica: u32,
    /// Whether the lane only has copies.
    pub shadow: bool,
    pub counts: Counts,
    pub promises: Promises,
    pub used: Vec<Used>,
    pub lanes: Vec<LaneTally>,
    /// Latencies of the window but for the present bucket, and of that.
    pub latency: Latencies,
    recent: Latencies,
    bucket: Bucket,
    in_system: Level,
    queued: Level,
    pub in_system_series: Buckets,
    pub queued_series: Buckets,
    pub todo: Vec<Todo>,
    pub handoffs: Handoffs,
}

impl Tally {
    pub fn new(
        (retry, slo): (Retry, Slo),
        (due, interactive): (Vec<Option<Duration>>, Vec<bool>),
        (lanes, labels): (usize, usize),
        series: &Buckets,
    ) -> Tally {
        let lane = LaneTally { computed: vec![Computed::default(); labels], ..LaneTally::default() };
        Tally {
            retry,
            slo,
            due,
            interactive,
            lane: 0,
            replica: 0,
            shadow: false,
            counts: Counts::default(),
            promises: Promises::default(),
            used: vec![Used::default(); labels],
            lanes: vec![lane; lanes],
            latency: Latencies::default(),
            recent: Latencies::default(),
            bucket: Bucket::default(),
            in_system: Level::default(),
            queued: Level::default(),
            in_system_series: series.clone(),
            queued_series: series.clone(),
            todo: Vec::new(),
            handoffs: Handoffs::default(),
        }
    }

    /// The measured window begins: all before it is forgotten.
    pub fn begin(&mut self, at: SimTime) {
        self.in_system.begin(at);
        self.queued.begin(at);
        self.counts = Counts { in_flight_at_start: self.in_system.now, ..Counts::default() };
        self.promises = Promises::default();
        self.used.fill(Used::default());
        self.latency = Latencies::default();
        self.recent = Latencies::default();
        self.bucket = Bucket::default();
    }

    /// A client sends a request.
    #[inline]
    pub fn sent(&mut self, at: SimTime) {
        self.counts.sent += 1;
        self.bucket.sent += 1;
        self.in_system.come(at);
    }

    /// A request begins to wait for an engine.
    #[inline]
    pub fn queue(&mut self, at: SimTime) {
        self.queued.come(at);
    }

    /// A request that came then waits no longer.
    #[inline]
    pub fn unqueue(&mut self, since: SimTime, at: SimTime) {
        self.queued.go(since, at);
        self.queued_series.add(since, at, 1);
    }

    /// Requests in the system.
    pub fn in_system(&self) -> u64 {
        self.in_system.now
    }

    /// A request has come to nothing for now: whether its client sends it again, after which time.
    pub fn again(&self, tag: Tag, why: Fate) -> Option<Duration> {
        let willing = match why {
            Fate::Refused | Fate::Limited => self.retry.refused,
            Fate::TimedOut => self.retry.timed_out,
            Fate::Failed => self.retry.cut_off,
            Fate::Answered { .. } | Fate::Cached { .. } => false,
        };
        let wait = self.retry.backoff.0.saturating_mul(1 << u64::from(tag.tries).min(30));
        (willing && !tag.shadow && tag.tries < self.retry.most).then_some(Duration(wait))
    }

    /// A request has reached its end.
    pub fn conclude(&mut self, tag: Tag, arrival: SimTime, at: SimTime, fate: Fate) {
        let e2e = at.since(arrival);
        let good = self.judge(tag, e2e, fate);
        if tag.shadow {
            return;
        }
        self.in_system.go(arrival, at);
        self.in_system_series.add(arrival, at, 1);
        let (c, used) = (&mut self.counts, &mut self.used[tag.labels as usize]);
        match fate {
            Fate::Answered { ttft, tpot, input, cached, output } => {
                c.answered += 1;
                c.input += u64::from(input);
                c.cached += u64::from(cached);
                c.output += u64::from(output);
                used.input += u64::from(input);
                used.output += u64::from(output);
                self.bucket.input += u64::from(input);
                self.bucket.output += u64::from(output);
                self.recent.ttft.record(ttft.0);
                self.recent.e2e.record(e2e.0);
                if let Some(ns) = tpot {
                    self.recent.tpot.record(ns);
                }
            }
            Fate::Cached { wrong } => {
                c.from_cache += 1;
                c.wrong += u64::from(wrong);
                self.recent.ttft.record(e2e.0);
                self.recent.e2e.record(e2e.0);
            }
            Fate::Refused => c.refused += 1,
            Fate::Limited => c.limited += 1,
            Fate::TimedOut => c.timed_out += 1,
            Fate::Failed => c.failed += 1,
        }
        c.good += u64::from(good);
        used.requests += 1;
        used.good += u64::from(good);
        self.bucket.concluded += 1;
        self.bucket.good += u64::from(good);
        self.bucket.lost += u64::from(!matches!(fate, Fate::Answered { .. } | Fate::Cached { .. }));
    }

    /// Whether a request kept every promise made to one of its kind; counts them, but for copies.
    fn judge(&mut self, tag: Tag, e2e: Duration, fate: Fate) -> bool {
        let times = match fate {
            Fate::Answered { ttft, tpot, .. } => Some((ttft, tpot)),
            Fate::Cached { .. } => Some((e2e, None)),
            _ => None,
        };
        let mut good = times.is_some();
        let (source, count) = (tag.source as usize, !tag.shadow);
        let promises = &mut self.promises;
        let mut promise = |what: usize, met: bool| {
            promises[what].of += u64::from(count);
            promises[what].met += u64::from(met && count);
            good &= met;
        };
        if self.interactive[source] {
            if let Some(o) = self.slo.ttft {
                promise(0, times.is_some_and(|t| t.0 <= o.within));
            }
            if let Some(o) = self.slo.tpot {
                match times {
                    // One token has no time between tokens: nothing was promised of it.
                    Some((_, None)) => {}
                    _ => promise(1, times.and_then(|t| t.1).is_some_and(|ns| ns <= o.within.0)),
                }
            }
            if let Some(o) = self.slo.e2e {
                promise(2, times.is_some() && e2e <= o.within);
            }
        }
        if let Some(due) = self.due[source] {
            promise(3, times.is_some() && e2e <= due);
        }
        let lane = &mut self.lanes[self.lane as usize];
        lane.concluded += 1;
        lane.good += u64::from(good);
        good
    }

    /// A request that is still on its way when the run is over.
    pub fn leave_at_end(&mut self, arrival: SimTime, end: SimTime) {
        self.in_system.go(arrival, end);
        self.in_system_series.add(arrival, end, 1);
    }

    /// A bucket of time is over: its values; its latencies join those of the window.
    pub fn roll(&mut self) -> Bucket {
        let r = &mut self.recent;
        let pair = |h: &Histogram| Some((h.quantile(0.5)?, h.quantile(0.99)?));
        let quantiles = [pair(&r.ttft), pair(&r.tpot), pair(&r.e2e)];
        self.latency.merge(r);
        *r = Latencies::default();
        Bucket { quantiles, ..std::mem::take(&mut self.bucket) }
    }

    /// The integrals of what was in the system and in queues, each by the changes and by the stays, once all have left.
    pub fn littles_law(&self) -> [(u128, u128); 2] {
        [&self.in_system, &self.queued].map(|l| (l.integral(), l.stayed))
    }

    /// What a replica answered, wherever its prompt was read.
    fn answered(&mut self, r: &Record, tag: Tag, first_token: SimTime, arrival: SimTime) {
        let gaps = u64::from(r.output) - 1;
        let tpot = (gaps > 0).then(|| (r.ended.since(first_token).0 + gaps / 2) / gaps);
        let ttft = first_token.since(arrival);
        let (input, cached, output) = (r.prompt, r.cached, r.output);
        let c = &mut self.lanes[self.lane as usize].computed[tag.labels as usize];
        c.output += u64::from(output);
        c.prompt += u64::from(input - cached);
        self.conclude(tag, arrival, r.ended, Fate::Answered { ttft, tpot, input, cached, output });
    }

    /// Somebody's patience has ended.
    pub fn give_up(&mut self, again: Again, why: Fate) {
        match self.again(again.tag, why) {
            Some(wait) => {
                let tag = Tag { tries: again.tag.tries + 1, ..again.tag };
                self.todo.push(Todo::Again(Again { at: again.at + wait, tag, ..again }));
            }
            None => self.conclude(again.tag, again.arrival, again.at, why),
        }
    }
}

impl Sink for Tally {
    #[inline]
    fn of(&mut self, replica: u32) {
        self.replica = replica;
    }

    #[inline]
    fn admitted(&mut self, r: &Record) {
        self.unqueue(r.offered, r.admitted);
        if !self.shadow && Tag::place(r.id).is_none() {
            self.recent.wait.record(r.admitted.since(r.offered).0);
        }
    }

    #[inline]
    fn finished(&mut self, r: &Record) {
        if let Some(place) = Tag::place(r.id) {
            let h = self.handoffs.take(place);
            let r = Record { cached: h.cached, ..*r };
            self.answered(&r, h.tag, h.first_token, h.arrival);
            return;
        }
        if !self.shadow {
            self.recent.ttft_from_admission.record(r.first_token.since(r.admitted).0);
        }
        self.answered(r, Tag::of(r.id), r.first_token, r.arrival);
    }

    fn prefilled(&mut self, record: &Record, ticket: Ticket) {
        if !self.shadow {
            self.recent.ttft_from_admission.record(record.first_token.since(record.admitted).0);
        }
        self.todo.push(Todo::Prefilled { lane: self.lane, replica: self.replica, record: *record, ticket });
    }

    fn preempted(&mut self, _: &Record) {
        self.lanes[self.lane as usize].preemptions += 1;
    }

    fn refused(&mut self, r: &Request, now: SimTime, why: Refusal) {
        let tag = match Tag::place(r.id) {
            Some(place) => self.handoffs.take(place).tag,
            None => Tag::of(r.id),
        };
        let again =
            Again { at: now, tag, arrival: r.arrival, prompt: r.prompt, output: r.output, prefix: r.prefix.clone() };
        match why {
            // It will be too long the next time, too.
            Refusal::TooLong | Refusal::Empty => self.conclude(tag, r.arrival, now, Fate::Refused),
            Refusal::QueueFull | Refusal::Draining => self.give_up(again, Fate::Refused),
        }
    }

    fn dropped(&mut self, r: &Record, _: Dropped) {
        if r.admitted == SimTime::MAX {
            self.unqueue(r.offered, r.ended);
        }
        let tag = match Tag::place(r.id) {
            Some(place) => self.handoffs.take(place).tag,
            None => Tag::of(r.id),
        };
        let (arrival, prompt, output) = (r.arrival, r.prompt, r.output);
        self.give_up(Again { at: r.ended, tag, arrival, prompt, output, prefix: Prefix::None }, Fate::TimedOut);
    }

    #[inline]
    fn gaps(&mut self, g: Gaps) {
        if !self.shadow {
            self.recent.gaps(g);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_counts_the_same_by_changes_and_by_stays() {
        let mut l = Level::default();
        l.come(SimTime(10));
        l.come(SimTime(20));
        l.go(SimTime(10), SimTime(25));
        // The window begins at 30 with one in it, who stays until 70; another comes and goes within.
        l.begin(SimTime(30));
        l.come(SimTime(40));
        l.go(SimTime(20), SimTime(70));
        l.go(SimTime(40), SimTime(45));
        assert_eq!((l.integral(), l.stayed), (45, 45));
    }
}
