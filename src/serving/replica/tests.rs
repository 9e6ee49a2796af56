//! The engine against the naive one, in both modes, on random and on saturated runs; what is conserved; hand-backs.

mod both;
mod caches;
mod parts;

use proptest::prelude::*;

use super::naive::{self, Fate};
use super::{Config, Mode, PrefixCaching, Replica};
use crate::kernel::Streams;
use crate::serving::cost::{Quantised, StepCost};
use crate::serving::request::{Admission, Dropped, Gaps, Record, Request, Sink, Ticket};
use crate::units::{Fraction, SimTime};

/// Remembers everything.
#[derive(Default)]
struct All {
    ended: Vec<Option<(Record, Fate)>>,
    preempted: usize,
    /// Tokens that came after a gap, and the picoseconds of all gaps.
    gaps: (u64, u128),
    prefilled: Vec<(Record, Ticket)>,
}

impl All {
    fn end(&mut self, r: &Record, fate: Fate) {
        assert_eq!(self.ended[r.id as usize], None, "a request ends once");
        self.ended[r.id as usize] = Some((*r, fate));
    }
}

impl Sink for All {
    fn finished(&mut self, r: &Record) {
        self.end(r, Fate::Finished);
    }
    fn dropped(&mut self, r: &Record, why: Dropped) {
        self.end(r, Fate::Dropped(why));
    }
    fn preempted(&mut self, _: &Record) {
        self.preempted += 1;
    }
    fn prefilled(&mut self, r: &Record, t: Ticket) {
        self.prefilled.push((*r, t));
    }
    fn gaps(&mut self, g: Gaps) {
        self.gaps.0 += g.sequences * g.steps;
        let sum: u128 = (0..g.steps).map(|i| u128::from(g.first_ps + i * g.growth_ps)).sum();
        self.gaps.1 += u128::from(g.sequences) * sum;
    }
}

fn cost() -> Quantised {
    let cost =
        StepCost { a: 6.6, b: 0.0133, b2: 0.018, t0: 256.0, c: 0.000_044_5, q: 1e-7, m: 0.3, ..StepCost::default() };
    Quantised::new(&cost).unwrap()
}

/// Drives a replica event by event, as a simulator would.
fn drive(config: &Config, requests: &[Request]) -> (All, Replica) {
    let mut all = All { ended: vec![None; requests.len()], ..All::default() };
    let mut replica = Replica::new(config.clone(), cost()).unwrap();
    for r in requests {
        while let Some(t) = replica.next_event().filter(|&t| t < r.arrival) {
            replica.advance(t, &mut all);
        }
        if let Admission::Refused(why) = replica.offer(r.arrival, r.clone(), &mut all) {
            all.ended[r.id as usize] = Some((record(r), Fate::Refused(why)));
        }
    }
    while let Some(t) = replica.next_event() {
        replica.advance(t, &mut all);
    }
    (all, replica)
}

fn record(r: &Request) -> Record {
    let never = SimTime::MAX;
    Record {
        id: r.id,
        arrival: r.arrival,
        offered: r.arrival,
        admitted: never,
        first_token: never,
        ended: never,
        prompt: r.prompt,
        output: r.output,
        produced: 0,
        cached: 0,
        preemptions: 0,
    }
}

/// Both modes against the naive engine; returns the leaping run.
fn same(config: &Config, requests: &[Request]) -> (All, Replica) {
    let (expected, steps) = naive::run(config, &cost(), requests);
    let mut last = None;
    for mode in [Mode::Step, Mode::Leap] {
        let config = Config { mode, ..config.clone() };
        let (all, replica) = drive(&config, requests);
        for (ours, theirs) in all.ended.iter().zip(&expected) {
            assert_eq!(ours.as_ref(), Some(theirs), "{mode:?}");
        }
        assert_eq!(replica.totals().steps, steps, "{mode:?}");
        conserved(&all, &replica);
        last = Some((all, replica));
    }
    last.unwrap()
}

fn conserved(all: &All, replica: &Replica) {
    let t = replica.totals();
    let ended = all.ended.iter().flatten();
    let count = |f: fn(&Fate) -> bool| ended.clone().filter(|e| f(&e.1)).count() as u64;
    assert_eq!(t.finished, count(|f| *f == Fate::Finished));
    assert_eq!(t.dropped, count(|f| matches!(f, Fate::Dropped(_))));
    assert_eq!(t.refused, count(|f| matches!(f, Fate::Refused(_))));
    assert_eq!(t.offered, t.finished + t.dropped);
    assert_eq!(t.preemptions, all.preempted as u64);
    // Each token is produced once: by decoding, or at the end of a prompt.
    let produced: u64 = ended.clone().map(|e| u64::from(e.0.produced)).sum();
    assert_eq!(t.decode_tokens + t.first_tokens, produced);
    let without_gap = ended.clone().filter(|e| e.0.produced > 0).count() as u64;
    assert_eq!(all.gaps.0, produced - without_gap);
    let s = replica.snapshot(SimTime::MAX);
    assert_eq!((s.waiting, s.running, s.kv_blocks_used, s.busy), (0, 0, 0, false));
}

fn requests(n: u64, per_s: f64, prompt: u32, output: u32, seed: u64) -> Vec<Request> {
    let mut s = Streams::new(seed, 0).stream("test", "requests", 0);
    let mut t = 0.0;
    (0..n)
        .map(|id| {
            t -= s.open().ln() / per_s;
            let mut length = |mean: u32| (1.0 - s.open().ln() * f64::from(mean)) as u32;
            let (prompt, output) = (length(prompt).min(30_000), length(output).min(8_000));
            Request::new(id, SimTime((t * 1e9) as u64), prompt, output)
        })
        .collect()
}

#[test]
fn leaps_and_steps_are_equal_on_every_request_of_a_saturated_run_with_preemptions() {
    let config = Config { kv_tokens: 60_000, max_num_seqs: 64, ..Config::default() };
    let (all, replica) = same(&config, &requests(3_000, 12.0, 1_500, 300, 1));
    assert!(all.preempted > 200, "{}", all.preempted);
    assert!(replica.totals().turns < replica.totals().steps);
}

#[test]
fn a_moderate_run_leaps_over_most_steps() {
    let (_, replica) = same(&Config::default(), &requests(2_000, 3.0, 1_155, 211, 2));
    let t = replica.totals();
    assert!(t.steps > 10 * t.turns, "{t:?}");
    // Memory is that of the most requests at once.
    assert!(replica.slots() < 100, "{}", replica.slots());
}

fn any_config() -> impl Strategy<Value = Config> {
    (1u32..12, 0u32..60, 40u64..400, 0u32..5, 1u32..40, prop::option::of(0.0..0.9f64)).prop_map(
        |(seqs, more, kv, shift, queue, hit)| Config {
            max_num_seqs: seqs,
            max_num_batched_tokens: seqs + more,
            kv_tokens: kv,
            block_tokens: 1 << shift,
            max_model_len: 300,
            queue_limit: queue,
            prefix: hit.map_or(PrefixCaching::Off, |h| PrefixCaching::Fixed(Fraction::new(h).unwrap())),
            ..Config::default()
        },
    )
}

fn any_requests() -> impl Strategy<Value = Vec<Request>> {
    let one = (0u64..60_000, 0u32..120, 0u32..60, 0u8..3, 0u64..3_000, 0u64..6_000, any::<[bool; 3]>());
    prop::collection::vec(one, 1..60).prop_map(|list| {
        let mut t = 0;
        let ms = |x: u64| SimTime(x * 1_000_000);
        list.into_iter()
            .enumerate()
            .map(|(i, (gap, prompt, output, priority, start, finish, [same, waits, stays]))| {
                // Some come at the same instant, some at odd picoseconds between steps.
                t += if same { 0 } else { gap * 1_237 };
                let mut r = Request::new(i as u64, SimTime(t), prompt, output);
                r.priority = priority;
                r.start_by = if waits { SimTime::MAX } else { SimTime(t + ms(start / 20).0 + 1) };
                r.finish_by = if stays { SimTime::MAX } else { SimTime(t + ms(finish / 10).0 + 2) };
                r
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn the_engine_does_what_the_rules_say(config in any_config(), requests in any_requests()) {
        same(&config, &requests);
    }
}
