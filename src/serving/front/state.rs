//! A front at work.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::caches::{Asked, Found};
use super::config::{Config, Slo};
use super::handoff::Handoff;
use super::limit::Limits;
use super::tag::Tag;
use super::tally::{Again, Bucket, Computed, Counts, Fate, LaneTally, Promises, Tally, Todo, Used};
use crate::kernel::{Buckets, DistError, Stream, Streams};
use crate::serving::cost::Quantised;
use crate::serving::replica::group::Routed;
use crate::serving::replica::transfer::Transfers;
use crate::serving::replica::{Group, Latencies, PrefixCaching, Replica, Snapshot, Totals};
use crate::serving::request::{Admission, Part, Prefix, Request};
use crate::units::{Duration, SimTime};
use crate::workload::synth::Calendar;
use crate::workload::traffic::{self, PrefixRef, Requests, Source, Traffic};

/// What a front needs beside its configuration.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The service's name, which keys its random streams.
    pub name: &'a str,
    /// What is promised.
    pub slo: Slo,
    /// Streams of the run.
    pub streams: &'a Streams,
    /// The run's clock against the calendar.
    pub calendar: &'a Calendar,
    /// When requests end.
    pub end: SimTime,
    /// Series of the window, empty.
    pub series: &'a Buckets,
}

/// A request that a lane holds while it has no replica.
#[derive(Clone, Debug)]
struct Held {
    since: SimTime,
    request: Request,
}

impl Held {
    /// When nobody waits for it any longer.
    fn until(&self) -> SimTime {
        self.request.start_by.min(self.request.finish_by)
    }
}

/// A request that comes (again) later.
#[derive(Clone, Debug)]
enum Later {
    /// Sent again.
    Again(Again),
    /// It has asked the caches, and goes on to its lane.
    Uncached(Again),
    /// A cache answers it.
    Answer(Tag, SimTime, bool),
}

/// Where a share of a lane's requests goes instead, or is copied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Split {
    to: u16,
    share_ppm: u32,
    shadow: bool,
}

#[derive(Debug)]
struct LaneState {
    group: Group,
    held: VecDeque<Held>,
    split: Option<Split>,
    /// Requests that it was asked.
    asked: u64,
    /// Whether its replicas cache blocks by their hashes.
    blocks: bool,
    shadow: bool,
    transfers: Option<Transfers>,
}

/// A service's requests, what stands before its replicas, and these.
#[derive(Debug)]
pub struct Front<'m> {
    config: &'m Config,
    traffic: &'m Traffic,
    requests: Requests<'m>,
    next: Option<traffic::Request>,
    lanes: Vec<LaneState>,
    limits: Limits<'m>,
    caches: Asked,
    /// By time, then in the order in which they were put here.
    later: BTreeMap<(SimTime, u64), Later>,
    puts: u64,
    /// Whether what replicas say may cause something before the next thing that is known.
    reacts: bool,
    route: Stream,
    split: Stream,
    tally: Tally,
    blocks: Vec<traffic::BlockId>,
}

impl<'m> Front<'m> {
    /// A front without replicas. Times of `series` are those of the window.
    ///
    /// # Errors
    /// A law of repeating prompts that is none.
    pub fn new(config: &'m Config, traffic: &'m Traffic, s: &Setup<'_>) -> Result<Front<'m>, DistError> {
        let due = traffic.sources().iter().map(|s| match s {
            Source::Batch(b) => b.spec().due_in,
            Source::Recorded(_) | Source::Synth(_) => None,
        });
        let interactive = traffic.sources().iter().map(|s| !matches!(s, Source::Batch(_)));
        let lanes: Vec<LaneState> = config
            .lanes
            .iter()
            .map(|l| LaneState {
                group: Group::new(l.routing),
                held: VecDeque::new(),
                split: None,
                asked: 0,
                blocks: false,
                shadow: false,
                transfers: l.decode.as_ref().map(|d| Transfers::new(d.link)),
            })
            .collect();
        let labels = traffic.label_sets().len().max(1);
        let mut requests = traffic.requests(s.streams, s.calendar, SimTime::ZERO, s.end);
        Ok(Front {
            next: requests.next(),
            requests,
            limits: Limits::new(&config.limits),
            caches: Asked::new(&config.caches, s.streams, s.name)?,
            later: BTreeMap::new(),
            puts: 0,
            reacts: config.lanes.iter().any(|l| l.decode.is_some())
                || (config.retry.most > 0 && config.retry.timed_out),
            route: s.streams.stream("route", s.name, 0),
            split: s.streams.stream("split", s.name, 0),
            tally: Tally::new(
                (config.retry, s.slo),
                (due.collect(), interactive.collect()),
                (lanes.len(), labels),
                s.series,
            ),
            lanes,
            config,
            traffic,
            blocks: Vec::new(),
        })
    }

    /// Lets everything happen that happens until `to`, `to` included.
    pub fn advance(&mut self, to: SimTime) {
        loop {
            let arrival = self.next.as_ref().map_or(SimTime::MAX, |r| r.at);
            let own = self.next_own();
            let t = arrival.min(own).min(to);
            // All that comes at one instant is there when an idle engine begins at it.
            if !self.run_replicas(SimTime(t.0.saturating_sub(1))) {
                continue;
            }
            if own <= t {
                self.do_own(own);
            } else if arrival <= t && self.next.is_some() {
                self.arrive();
            } else if self.run_replicas(to) {
                return;
            }
        }
    }

    /// Lets replicas go on until `t`. False when something came of it that has to be looked at first.
    #[inline]
    fn run_replicas(&mut self, t: SimTime) -> bool {
        if !self.reacts {
            for (i, lane) in self.lanes.iter_mut().enumerate() {
                (self.tally.lane, self.tally.shadow) = (i as u16, lane.shadow);
                lane.group.advance(t, &mut self.tally);
            }
            return true;
        }
        loop {
            let due = |(i, l): (usize, &LaneState)| Some((l.group.next_event()?, i));
            let Some((at, i)) = self.lanes.iter().enumerate().filter_map(due).min().filter(|n| n.0 <= t) else {
                return true;
            };
            (self.tally.lane, self.tally.shadow) = (i as u16, self.lanes[i].shadow);
            self.lanes[i].group.advance(at, &mut self.tally);
            if !self.tally.todo.is_empty() {
                self.settle();
                return false;
            }
        }
    }

    /// When something happens here that is no arrival and not within a replica.
    #[inline]
    fn next_own(&self) -> SimTime {
        let mut at = self.later.first_key_value().map_or(SimTime::MAX, |e| e.0.0);
        for l in &self.lanes {
            if let Some(h) = l.held.front() {
                at = at.min(h.until());
            }
            if let Some(t) = l.transfers.as_ref().and_then(Transfers::next_event) {
                at = at.min(t);
            }
        }
        at
    }

    /// Does it.
    fn do_own(&mut self, now: SimTime) {
        while let Some(e) = self.later.first_entry().filter(|e| e.key().0 <= now) {
            match e.remove() {
                Later::Again(a) => {
                    self.tally.counts.retries += 1;
                    self.admit(a, now);
                }
                Later::Uncached(a) => self.enter(a, now),
                Later::Answer(tag, arrival, wrong) => {
                    self.tally.lane = self.config.lane_of_source[tag.source as usize];
                    self.tally.conclude(tag, arrival, now, Fate::Cached { wrong });
                }
            }
        }
        for i in 0..self.lanes.len() {
            while self.lanes[i].held.front().is_some_and(|h| h.until() <= now) {
                let Some(h) = self.lanes[i].held.pop_front() else { break };
                self.tally.unqueue(h.since, now);
                self.come_to_nothing(i as u16, h.request, now, Fate::TimedOut);
            }
            while let Some((at, place)) = self.lanes[i].transfers.as_mut().and_then(|t| t.done(now)) {
                self.moved(i as u16, place, at);
            }
        }
        self.settle();
    }

    /// What replicas said and what must follow from it.
    fn settle(&mut self) {
        if self.tally.todo.is_empty() {
            return;
        }
        let mut todo = std::mem::take(&mut self.tally.todo);
        for todo in todo.drain(..) {
            match todo {
                Todo::Again(a) => self.put(a.at, Later::Again(a)),
                Todo::Prefilled { lane, replica, record, ticket } => {
                    let Some(decode) = self.config.lanes[lane as usize].decode.as_ref() else { continue };
                    let place = self.tally.handoffs.put(Handoff {
                        tag: Tag::of(record.id),
                        arrival: record.arrival,
                        first_token: record.first_token,
                        prompt: record.prompt,
                        output: record.output,
                        cached: record.cached,
                        from: Some((lane, replica, ticket)),
                    });
                    let bytes = (f64::from(record.prompt) * decode.bytes_per_token) as u64;
                    if let Some(t) = &mut self.lanes[lane as usize].transfers {
                        t.start(record.ended, place, bytes);
                    }
                }
            }
        }
        // Nothing above speaks to a replica: the list is as empty as it was left.
        self.tally.todo = todo;
    }

    fn put(&mut self, at: SimTime, what: Later) {
        self.puts += 1;
        self.later.insert((at, self.puts), what);
    }

    /// The KV of a request has been moved: it is decoded from now on.
    fn moved(&mut self, lane: u16, place: u32, now: SimTime) {
        let Some(h) = self.tally.handoffs.get_mut(place) else { return };
        let h = std::mem::replace(h, Handoff { from: None, ..*h });
        if let Some((from, replica, ticket)) = h.from {
            let l = &mut self.lanes[from as usize];
            (self.tally.lane, self.tally.shadow) = (from, l.shadow);
            if let Some(r) = l.group.get_mut(replica) {
                r.release(now, ticket, &mut self.tally);
                l.group.refresh(replica);
            }
        }
        let Some(decode) = self.config.lanes[lane as usize].decode.as_ref() else { return };
        let request = Request {
            part: Part::Decode,
            priority: h.tag.priority,
            start_by: later(now, self.config.patience),
            finish_by: later(h.arrival, self.config.timeout),
            ..Request::new(Tag::handed_off(place), h.arrival, h.prompt, h.output)
        };
        self.offer(decode.lane, request, now);
    }

    /// A client sends its request.
    #[inline]
    fn arrive(&mut self) {
        let Some(r) = self.next.take() else { return };
        self.next = self.requests.next();
        let now = r.at;
        self.tally.sent(now);
        let tag = Tag {
            labels: r.labels,
            source: r.source,
            tries: 0,
            priority: (127 - i16::from(r.priority)) as u8,
            shadow: false,
        };
        let prefix = self.prefix(&r);
        self.admit(Again { at: now, tag, arrival: now, prompt: r.input, output: r.output, prefix }, now);
    }

    /// What of a prompt may be cached, in the terms of the lane that it goes to.
    fn prefix(&mut self, r: &traffic::Request) -> Prefix {
        let lane = self.config.lane_of_source[r.source as usize] as usize;
        if self.lanes[lane].blocks {
            self.blocks.clear();
            self.traffic.blocks(r, u64::from(r.input), &mut self.blocks);
            return match self.blocks.is_empty() {
                true => Prefix::None,
                false => Prefix::Blocks(self.blocks.iter().map(|b| b.0).collect::<Arc<[u64]>>()),
            };
        }
        if r.session == 0 {
            return Prefix::None;
        }
        let session = u64::from(r.source) << 32 | u64::from(r.session);
        let shared = match r.prefix {
            PrefixRef::History { tokens } => tokens,
            _ => 0,
        };
        Prefix::Session { session, shared }
    }

    /// A request comes to the front, for the first time or again.
    #[inline]
    fn admit(&mut self, a: Again, now: SimTime) {
        self.tally.lane = self.config.lane_of_source[a.tag.source as usize];
        if !self.limits.pass(now, a.tag.labels, u64::from(a.prompt) + u64::from(a.output)) {
            self.tally.give_up(Again { at: now, ..a }, Fate::Limited);
            return self.settle();
        }
        if self.caches.is_any() {
            match self.caches.ask(now) {
                Found::Hit { after: Duration::ZERO, wrong } => {
                    self.tally.conclude(a.tag, a.arrival, now, Fate::Cached { wrong });
                    return;
                }
                Found::Hit { after, wrong } => {
                    self.put(now + after, Later::Answer(a.tag, a.arrival, wrong));
                    return;
                }
                Found::Miss { after } if after > Duration::ZERO => {
                    self.put(now + after, Later::Uncached(a));
                    return;
                }
                Found::Miss { .. } => {}
            }
        }
        self.enter(a, now);
    }

    /// A request goes to its lane, or a share of them elsewhere.
    #[inline]
    fn enter(&mut self, a: Again, now: SimTime) {
        let mut lane = self.config.lane_of_source[a.tag.source as usize];
        if let Some(split) = self.lanes[lane as usize].split {
            let taken = self.split.below(1_000_000) < u64::from(split.share_ppm);
            if taken && split.shadow {
                let copy = Tag { shadow: true, ..a.tag };
                self.tally.counts.shadowed += 1;
                self.ask(split.to, Again { tag: copy, ..a.clone() }, now);
            } else if taken {
                lane = split.to;
            }
        }
        self.ask(lane, a, now);
    }

    #[inline]
    fn ask(&mut self, lane: u16, a: Again, now: SimTime) {
        let l = &mut self.lanes[lane as usize];
        l.asked += 1;
        // The first token of an answer of one is all of it.
        let half = self.config.lanes[lane as usize].decode.is_some() && a.output > 1;
        let request = Request {
            priority: a.tag.priority,
            part: if half { Part::Prefill } else { Part::Whole },
            start_by: later(now, self.config.patience),
            finish_by: later(now, self.config.timeout),
            prefix: a.prefix,
            ..Request::new(a.tag.id(), a.arrival, a.prompt, a.output)
        };
        self.offer(lane, request, now);
    }

    /// Brings a request to the replicas of a lane, or holds it while there are none.
    #[inline]
    fn offer(&mut self, lane: u16, request: Request, now: SimTime) {
        // Its KV was so long on its way, or it was held behind others, that nobody waits for it any longer.
        if request.start_by.min(request.finish_by) <= now {
            self.come_to_nothing(lane, request, now, Fate::TimedOut);
            return self.settle();
        }
        let l = &mut self.lanes[lane as usize];
        (self.tally.lane, self.tally.shadow) = (lane, l.shadow);
        if l.group.is_closed() {
            if (l.held.len() as u64) < u64::from(self.config.hold) {
                self.tally.queue(now);
                l.held.push_back(Held { since: now, request });
            } else {
                self.come_to_nothing(lane, request, now, Fate::Refused);
                self.settle();
            }
            return;
        }
        match l.group.offer(now, request, &mut self.route, &mut self.tally) {
            Routed::To(_, Admission::Taken(_)) => self.tally.queue(now),
            Routed::To(_, Admission::Refused(_)) => self.settle(),
            Routed::Nowhere => debug_assert!(false, "a lane that is open has a replica"),
        }
    }

    /// A request that no replica has comes to nothing.
    fn come_to_nothing(&mut self, lane: u16, r: Request, now: SimTime, why: Fate) {
        self.tally.lane = lane;
        let (tag, prefix) = match Tag::place(r.id) {
            Some(place) => (self.tally.handoffs.take(place).tag, Prefix::None),
            None => (Tag::of(r.id), r.prefix),
        };
        let (arrival, prompt, output) = (r.arrival, r.prompt, r.output);
        self.tally.give_up(Again { at: now, tag, arrival, prompt, output, prefix }, why);
    }

    /// A replica takes requests from now on, those that were held first. Returns its number in the lane.
    pub fn add(&mut self, now: SimTime, lane: u16, replica: Replica) -> u32 {
        let l = &mut self.lanes[lane as usize];
        l.blocks |= matches!(replica.config().prefix, PrefixCaching::Blocks { .. });
        let i = l.group.add(replica);
        for h in std::mem::take(&mut l.held) {
            self.tally.unqueue(h.since, now);
            self.offer(lane, h.request, now);
        }
        i
    }

    /// A replica takes no new requests.
    pub fn drain(&mut self, lane: u16, i: u32) {
        self.lanes[lane as usize].group.drain(i);
    }

    /// Whether nothing is left on a replica, and else when something happens there.
    pub fn drained(&self, lane: u16, i: u32) -> Result<(), SimTime> {
        match self.lanes[lane as usize].group.get(i) {
            Some(r) if !r.is_empty() => Err(r.next_event().unwrap_or(SimTime::MAX)),
            _ => Ok(()),
        }
    }

    /// A replica goes, and what was there is cut off. Call after [`Front::advance`] to `now`.
    pub fn remove(&mut self, now: SimTime, lane: u16, i: u32) {
        (self.tally.lane, self.tally.shadow) = (lane, self.lanes[lane as usize].shadow);
        for place in self.tally.handoffs.moving_from(lane, i) {
            if let Some(t) = &mut self.lanes[lane as usize].transfers {
                t.abort(now, place);
            }
            self.tally.handoffs.take(place);
        }
        for e in self.lanes[lane as usize].group.remove(now, i, &mut self.tally) {
            if e.record.admitted == SimTime::MAX {
                self.tally.unqueue(e.record.offered, now);
            }
            self.come_to_nothing(lane, e.request, now, Fate::Failed);
        }
        self.settle();
    }

    /// The steps of a replica cost something else from its next one on. Call after [`Front::advance`] to `now`.
    pub fn set_cost(&mut self, now: SimTime, lane: u16, i: u32, cost: Quantised) {
        let group = &mut self.lanes[lane as usize].group;
        if let Some(r) = group.get_mut(i) {
            r.set_cost(now, cost);
            group.refresh(i);
        }
    }

    /// A share of a lane's requests goes to another lane from now on, or copies of them do; none where it is zero.
    pub fn split(&mut self, lane: u16, to: u16, share_ppm: u32, shadow: bool) {
        self.lanes[lane as usize].split = (share_ppm > 0).then_some(Split { to, share_ppm, shadow });
        self.lanes[to as usize].shadow = shadow;
    }

    /// The measured window begins at `now`, to which it has been advanced.
    pub fn begin(&mut self, now: SimTime) {
        self.tally.begin(now);
    }

    /// A bucket of time is over.
    pub fn roll(&mut self) -> Bucket {
        self.tally.roll()
    }

    /// What a replica shows at `now`, to which the front has been advanced.
    #[must_use]
    pub fn snapshot(&self, now: SimTime, lane: u16, i: u32) -> Snapshot {
        self.lanes[lane as usize].group.get(i).map_or_else(Snapshot::default, |r| r.snapshot(now))
    }

    /// What a replica has done so far, steps in progress left out.
    #[must_use]
    pub fn totals(&self, lane: u16, i: u32) -> Totals {
        self.lanes[lane as usize].group.get(i).map_or_else(Totals::default, |r| *r.totals())
    }

    /// Requests that a lane holds.
    #[must_use]
    pub fn held(&self, lane: u16) -> u64 {
        self.lanes[lane as usize].held.len() as u64
    }

    /// Requests that a lane was asked so far.
    #[must_use]
    pub fn asked(&self, lane: u16) -> u64 {
        self.lanes[lane as usize].asked
    }

    /// What a lane's requests came to.
    #[must_use]
    pub fn lane(&self, lane: u16) -> &LaneTally {
        &self.tally.lanes[lane as usize]
    }

    /// What was computed on a lane by label set since last asked.
    pub fn computed(&mut self, lane: u16, out: &mut Vec<Computed>) {
        let c = &mut self.tally.lanes[lane as usize].computed;
        out.clear();
        out.extend_from_slice(c);
        c.fill(Computed::default());
    }

    /// A fault of a trace that came up while it was read again.
    #[must_use]
    pub fn fault(&self) -> Option<&crate::formats::rows::Fault> {
        self.requests.fault()
    }

    /// The run is over at `end`, to which it has been advanced: what is still on its way is counted, each request once.
    #[must_use]
    pub fn close(mut self, end: SimTime) -> Closed {
        let mut on_their_way: Vec<SimTime> = Vec::new();
        for (i, l) in self.lanes.iter_mut().enumerate() {
            (self.tally.lane, self.tally.shadow) = (i as u16, l.shadow);
            let all: Vec<u32> = l.group.iter().map(|(i, _)| i).collect();
            for r in all {
                for e in l.group.remove(end, r, &mut self.tally) {
                    if e.record.admitted == SimTime::MAX {
                        self.tally.unqueue(e.record.offered, end);
                    }
                    let tag = Tag::of(e.request.id);
                    // What is handed off is counted below, wherever it is; but its prefill is among these while its KV
                    // is still there.
                    let is_moving = e.request.part == Part::Prefill && e.record.first_token != SimTime::MAX;
                    if Tag::place(e.request.id).is_none() && !is_moving && !tag.shadow {
                        on_their_way.push(e.request.arrival);
                    }
                }
            }
            for h in std::mem::take(&mut l.held) {
                self.tally.unqueue(h.since, end);
                if Tag::place(h.request.id).is_none() && !Tag::of(h.request.id).shadow {
                    on_their_way.push(h.request.arrival);
                }
            }
        }
        on_their_way.extend(self.tally.handoffs.iter().filter(|h| !h.tag.shadow).map(|h| h.arrival));
        on_their_way.extend(self.later.values().filter_map(|l| match l {
            Later::Again(a) | Later::Uncached(a) => (!a.tag.shadow).then_some(a.arrival),
            Later::Answer(_, arrival, _) => Some(*arrival),
        }));
        let in_flight_at_end = on_their_way.len() as u64;
        assert_eq!(in_flight_at_end, self.tally.in_system(), "every request on its way is found");
        for arrival in on_their_way {
            self.tally.leave_at_end(arrival, end);
        }
        let last = self.tally.roll();
        let law = self.tally.littles_law();
        let t = self.tally;
        Closed {
            counts: t.counts,
            in_flight_at_end,
            promises: t.promises,
            used: t.used,
            latency: t.latency,
            last,
            in_system: law[0],
            queued: law[1],
            in_system_series: t.in_system_series,
            queued_series: t.queued_series,
        }
    }
}

/// An instant so much later; for ever where that is how long.
fn later(now: SimTime, by: Duration) -> SimTime {
    if by == Duration(u64::MAX) { SimTime::MAX } else { now + by }
}

/// What is left of a front.
#[derive(Debug)]
pub struct Closed {
    /// What became of the requests.
    pub counts: Counts,
    /// Those still on their way.
    pub in_flight_at_end: u64,
    /// Promises and how they were kept.
    pub promises: Promises,
    /// By label set.
    pub used: Vec<Used>,
    /// Latencies of the window.
    pub latency: Latencies,
    /// The last bucket of time.
    pub last: Bucket,
    /// Request·ns in the system, by changes and by stays.
    pub in_system: (u128, u128),
    /// The same in the queues before engines.
    pub queued: (u128, u128),
    /// In the system over time.
    pub in_system_series: Buckets,
    /// In queues over time.
    pub queued_series: Buckets,
}
