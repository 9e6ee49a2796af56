//! A front against replicas by themselves, by hand, and whatever is done to it.

use proptest::prelude::*;

use super::tally::Counts;
use super::*;
use crate::kernel::{Buckets, Dist, Streams};
use crate::serving::cache::response::{SemanticCache, Setup as CacheSetup};
use crate::serving::cost::{Quantised, StepCost};
use crate::serving::replica::transfer::Link;
use crate::serving::replica::{Config as Engine, Latencies, Replica};
use crate::serving::request::Request;
use crate::serving::router::Routing;
use crate::units::{Duration, Fraction, Label, Name, SimTime};
use crate::workload::synth::{Calendar, Mix};
use crate::workload::traffic::{Batch, BatchSpec, Lengths, Marks, Rate, Spec, Synth, Traffic};

const S: u64 = 1_000_000_000;
const NEVER: Duration = Duration(u64::MAX);

fn name(n: &str) -> Name {
    Name::new(n).unwrap()
}

fn lengths(input: f64, output: f64) -> Lengths {
    Lengths::new(Dist::constant(input).unwrap(), Dist::constant(output).unwrap())
}

fn steady(per_second: f64, l: Lengths) -> Traffic {
    Traffic::new(vec![Synth::new(Spec::new(name("users"), Rate::poisson(per_second), l)).unwrap().into()]).unwrap()
}

/// So many requests at each of these seconds.
fn at(seconds: &[u64], requests: u32, input: f64, output: f64) -> Traffic {
    let runs = seconds.iter().map(|s| SimTime(s * S)).collect();
    let spec = BatchSpec {
        runs: crate::workload::traffic::Runs::At(runs),
        ..BatchSpec::offline(name("batch"), SimTime::ZERO, requests, Duration(S), lengths(input, output))
    };
    Traffic::new(vec![Batch::new(spec).unwrap().into()]).unwrap()
}

fn plain() -> Config {
    Config {
        lanes: vec![Lane { routing: Routing::LeastOutstanding, decode: None }],
        lane_of_source: vec![0; 4],
        hold: 1_000,
        patience: NEVER,
        timeout: NEVER,
        retry: Retry { most: 0, ..Retry::DEFAULT },
        caches: Caches::default(),
        limits: Vec::new(),
    }
}

/// Steps of 10 ms and 1 ms a sequence; prompts add 0.01 ms a token.
fn cost() -> Quantised {
    Quantised::new(&StepCost { a: 10.0, b: 1.0, p: 0.01, ..StepCost::default() }).unwrap()
}

fn replica() -> Replica {
    Replica::new(Engine { kv_tokens: 20_000, ..Engine::default() }, cost()).unwrap()
}

const SLO: Slo = Slo {
    ttft: Some(Objective { within: Duration(200_000_000), share: 0.99 }),
    tpot: Some(Objective { within: Duration(15_000_000), share: 0.95 }),
    e2e: None,
};

fn front<'a>(config: &'a Config, traffic: &'a Traffic, end: u64) -> Front<'a> {
    let setup = Setup {
        name: "chat",
        slo: SLO,
        streams: &Streams::new(1, 0),
        calendar: &Calendar::default(),
        end: SimTime(end * S),
        series: &Buckets::new(SimTime::ZERO, Duration(S), end as usize),
    };
    Front::new(config, traffic, &setup).unwrap()
}

fn balances(c: &state::Closed) {
    let n: &Counts = &c.counts;
    assert_eq!(n.in_flight_at_start + n.sent, n.concluded() + c.in_flight_at_end, "{n:?}");
    assert_eq!(c.in_system.0, c.in_system.1, "Little's law in the system");
    assert_eq!(c.queued.0, c.queued.1, "Little's law in the queues");
    assert_eq!(c.used.iter().map(|u| u.requests).sum::<u64>(), n.concluded());
    assert_eq!(c.used.iter().map(|u| u.output).sum::<u64>(), n.output);
}

#[test]
fn a_front_adds_nothing_to_its_replica() {
    let (config, traffic) = (plain(), steady(2.0, Lengths::azure_conversation()));
    let mut f = front(&config, &traffic, 500);
    f.add(SimTime::ZERO, 0, replica());
    f.advance(SimTime(500 * S));
    let totals = f.totals(0, 0);
    let closed = f.close(SimTime(500 * S));
    balances(&closed);
    let (mut alone, mut seen) = (replica(), Latencies::default());
    let all = traffic.requests(&Streams::new(1, 0), &Calendar::default(), SimTime::ZERO, SimTime(500 * S));
    for r in all {
        alone.offer(r.at, Request::new(0, r.at, r.input, r.output), &mut seen);
    }
    alone.advance(SimTime(500 * S), &mut seen);
    assert_eq!((totals.finished, totals.busy_ps), (alone.totals().finished, alone.totals().busy_ps));
    // What is cut off at the end has had the steps that were over.
    alone.evict_all(SimTime(500 * S), &mut seen);
    let l = &closed.latency;
    assert!(l.ttft == seen.ttft && l.e2e == seen.e2e && l.tpot == seen.tpot && l.itl_ps == seen.itl_ps);
    assert!(l.wait.count() >= seen.wait.count() && l.ttft_from_admission == seen.ttft_from_admission);
    assert!(closed.counts.answered > 900);
}

#[test]
fn how_often_it_is_looked_at_changes_nothing() {
    let mut config = plain();
    config.patience = Duration(2 * S);
    config.retry = Retry { most: 2, backoff: Duration(S / 2), refused: true, timed_out: true, cut_off: true };
    let traffic = steady(8.0, Lengths::azure_conversation());
    let run = |steps: u64| {
        let mut f = front(&config, &traffic, 300);
        f.add(SimTime::ZERO, 0, replica());
        (1..=300 * steps).for_each(|i| f.advance(SimTime(i * S / steps)));
        f.close(SimTime(300 * S))
    };
    let (often, seldom) = (run(7), run(1));
    balances(&often);
    assert_eq!((often.counts, often.promises), (seldom.counts, seldom.promises));
    assert!(often.latency == seldom.latency);
    assert!(often.counts.timed_out > 0 && often.counts.retries > often.counts.timed_out, "{:?}", often.counts);
}

#[test]
fn what_comes_while_there_is_no_replica_is_held_until_there_is_one() {
    let (mut config, traffic) = (plain(), at(&[1, 3], 2, 100.0, 5.0));
    config.hold = 3;
    let mut f = front(&config, &traffic, 20);
    f.advance(SimTime(4 * S));
    // Three are held; the fourth found no room.
    assert_eq!(f.held(0), 3);
    f.add(SimTime(4 * S), 0, replica());
    f.advance(SimTime(20 * S));
    let c = f.close(SimTime(20 * S));
    balances(&c);
    assert_eq!((c.counts.answered, c.counts.refused), (3, 1));
    // The first step reads 300 prompt tokens: 10 + 3 ms.
    assert_eq!(c.latency.ttft.max(), Some(3 * S + 13_000_000));
    assert_eq!(c.latency.ttft.min(), Some(S + 13_000_000));
    // A batch's own promise: within a second of being sent. None made it.
    assert_eq!(c.promises[3], tally::Kept { met: 0, of: 4 });
    // Held time is time in a queue: 3 s and 3 s and 1 s.
    assert_eq!(c.queued.0, u128::from(7 * S));

    config.patience = Duration(2 * S);
    let mut f = front(&config, &traffic, 20);
    f.advance(SimTime(20 * S));
    let c = f.close(SimTime(20 * S));
    balances(&c);
    assert_eq!((c.counts.timed_out, c.counts.refused, c.in_flight_at_end), (4, 0, 0));
}

#[test]
fn what_is_cut_off_with_a_replica_is_sent_again_and_keeps_its_time() {
    let (mut config, traffic) = (plain(), at(&[1], 2, 100.0, 5.0));
    config.retry = Retry { most: 1, backoff: Duration(S), ..Retry::DEFAULT };
    let run = |config: &Config| {
        let mut f = front(config, &traffic, 20);
        let i = f.add(SimTime::ZERO, 0, replica());
        // The first step ends at 12 ms; the second, of two sequences, at 24.
        f.advance(SimTime(S + 20_000_000));
        f.remove(SimTime(S + 20_000_000), 0, i);
        f.advance(SimTime(5 * S));
        f.add(SimTime(5 * S), 0, replica());
        f.advance(SimTime(20 * S));
        f.close(SimTime(20 * S))
    };
    let c = run(&config);
    balances(&c);
    assert_eq!((c.counts.sent, c.counts.retries, c.counts.answered), (2, 2, 2));
    assert_eq!(c.latency.ttft.min(), Some(4 * S + 12_000_000));
    config.retry.cut_off = false;
    let c = run(&config);
    balances(&c);
    assert_eq!((c.counts.retries, c.counts.answered, c.counts.failed), (0, 0, 2));
}

#[test]
fn prefill_and_decode_on_two_replicas_take_their_steps_and_the_transfer() {
    let mut config = plain();
    let link = Link {
        base: Duration(1_000_000),
        bps: std::num::NonZeroU64::new(1_000_000_000).unwrap(),
        shared_bps: None,
        overlap_ppm: 0,
    };
    // 100 tokens of 100 kB take 10 ms, and 1 ms before them.
    let decode = Some(Decode { lane: 1, link, bytes_per_token: 100_000.0 });
    config.lanes = vec![
        Lane { routing: Routing::LeastOutstanding, decode },
        Lane { routing: Routing::LeastOutstanding, decode: None },
    ];
    let traffic = at(&[1], 1, 100.0, 5.0);
    let mut f = front(&config, &traffic, 20);
    f.add(SimTime::ZERO, 0, replica());
    f.add(SimTime::ZERO, 1, replica());
    f.advance(SimTime(20 * S));
    let (read, decoded) = (f.totals(0, 0), f.totals(1, 0));
    let c = f.close(SimTime(20 * S));
    balances(&c);
    assert_eq!(
        (read.prefill_tokens, read.decode_tokens, decoded.prefill_tokens, decoded.decode_tokens),
        (100, 0, 0, 4)
    );
    // First token after 11 ms; then 11 ms of transfer and four steps of 11 ms: 55 ms over four gaps.
    assert_eq!(c.latency.ttft.max(), Some(11_000_000));
    assert_eq!(c.latency.e2e.max(), Some(66_000_000));
    assert_eq!(c.latency.tpot.max(), Some(13_750_000));
    // An answer of one token never leaves the first.
    let traffic = at(&[1], 1, 100.0, 1.0);
    let mut f = front(&config, &traffic, 20);
    f.add(SimTime::ZERO, 0, replica());
    f.advance(SimTime(20 * S));
    let c = f.close(SimTime(20 * S));
    balances(&c);
    assert_eq!((c.counts.answered, c.latency.e2e.max()), (1, Some(11_000_000)));
}

#[test]
fn a_share_goes_to_the_new_version_or_is_copied_to_it() {
    let mut config = plain();
    config.lanes = vec![config.lanes[0].clone(), config.lanes[0].clone()];
    let traffic = steady(20.0, lengths(50.0, 4.0));
    let run = |shadow: bool| {
        let mut f = front(&config, &traffic, 500);
        f.add(SimTime::ZERO, 0, replica());
        f.add(SimTime::ZERO, 1, replica());
        f.split(0, 1, 250_000, shadow);
        f.advance(SimTime(500 * S));
        let asked = f.asked(1);
        let lane = f.lane(1).clone();
        (asked, lane, f.close(SimTime(500 * S)))
    };
    let (asked, lane, c) = run(false);
    balances(&c);
    // A quarter of some 10,000: four standard deviations are 173.
    let quarter = c.counts.sent as f64 / 4.0;
    assert!((asked as f64 - quarter).abs() < 175.0, "{asked} of {}", c.counts.sent);
    assert!(lane.good <= lane.concluded && lane.concluded.abs_diff(asked) <= 2);
    let (asked, lane, c) = run(true);
    balances(&c);
    assert_eq!(c.counts.shadowed, asked);
    assert!((asked as f64 - quarter).abs() < 175.0 && lane.concluded > 2_000);
    assert!(c.counts.answered + c.in_flight_at_end == c.counts.sent, "copies are nobody's requests");
}

#[test]
fn caches_thin_what_reaches_replicas() {
    let mut config = plain();
    let half = Fraction::new(0.5).unwrap();
    config.caches.semantic = Some(SemanticCache { hits: half, wrong: half, lookup: Duration(15_000_000) });
    let traffic = steady(40.0, lengths(50.0, 2.0));
    let mut f = front(&config, &traffic, 250);
    f.add(SimTime::ZERO, 0, replica());
    f.advance(SimTime(250 * S));
    let asked = f.asked(0);
    let c = f.close(SimTime(250 * S));
    balances(&c);
    let (sent, hits) = (c.counts.sent as f64, c.counts.from_cache as f64);
    assert!((hits - sent / 2.0).abs() < 4.0 * (sent / 4.0).sqrt() && (asked as f64 - sent / 2.0).abs() < 210.0);
    assert!((c.counts.wrong as f64 - hits / 2.0).abs() < 4.0 * (hits / 4.0).sqrt());
    // A hit takes the look-up; a miss, the look-up and a step.
    assert_eq!(c.latency.ttft.min(), Some(15_000_000));
    // Exact: one prompt only is asked once.
    let setup = CacheSetup { hit_latency: Duration::ZERO, ..CacheSetup::default() };
    config.caches = Caches { exact: Some(setup), prompts: Some((1, 1.0)), ..Caches::default() };
    let mut f = front(&config, &traffic, 250);
    f.add(SimTime::ZERO, 0, replica());
    f.advance(SimTime(250 * S));
    assert_eq!(f.asked(0), 1);
    balances(&f.close(SimTime(250 * S)));
}

#[test]
fn a_team_over_its_limit_is_turned_away_and_the_other_is_not() {
    let label = |v: &str| vec![Label { key: name("team"), value: name(v) }];
    let mut spec = Spec::new(name("users"), Rate::poisson(20.0), lengths(50.0, 2.0));
    let mix = Mix::new([(label("a"), 1.0), (label("b"), 1.0)]).unwrap();
    spec.marks = Marks { labels: vec![mix], ..Marks::default() };
    let traffic = Traffic::new(vec![Synth::new(spec).unwrap().into()]).unwrap();
    let mut config = plain();
    config.limits = vec![Limit { covers: vec![true, false], of: Limited::Requests, per_second: 4.0, burst: 10.0 }];
    let mut f = front(&config, &traffic, 500);
    f.add(SimTime::ZERO, 0, replica());
    f.advance(SimTime(500 * S));
    let c = f.close(SimTime(500 * S));
    balances(&c);
    // Ten a second are offered against four: 2,000 and a burst of ten pass.
    let (a, b) = (c.used[0], c.used[1]);
    assert!((2_000..=2_010).contains(&(a.output / 2)), "{}", a.output);
    assert!(c.counts.limited == a.requests - a.output / 2 && b.output / 2 >= b.requests - 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn nothing_is_lost_whatever_is_done(
        rate in 1.0..12.0_f64, hold in 0..40_u32, patience in 1..8_u64, most in 0..3_u8, parts in any::<bool>(),
        moves in prop::collection::vec((0..6_u8, 1..12_u64, 0..8_usize), 1..30), warm in 0..60_u64,
    ) {
        let mut config = plain();
        config.hold = hold;
        config.patience = if patience > 6 { NEVER } else { Duration(patience * S) };
        config.timeout = if patience > 4 { NEVER } else { Duration(2 * patience * S) };
        config.retry = Retry { most, backoff: Duration(S / 3), refused: most > 1, timed_out: true, cut_off: true };
        let lane = config.lanes[0].clone();
        let link = Link {
            base: Duration(1_000_000),
            bps: std::num::NonZeroU64::new(1_000_000_000).unwrap(),
            shared_bps: std::num::NonZeroU64::new(2_000_000_000),
            overlap_ppm: 0,
        };
        let decode = parts.then_some(Decode { lane: 2, link, bytes_per_token: 300_000.0 });
        config.lanes = vec![Lane { decode: decode.clone(), ..lane.clone() }, Lane { decode, ..lane.clone() }, lane];
        let traffic = steady(rate, Lengths::azure_conversation());
        let mut f = front(&config, &traffic, 150);
        let mut there: Vec<(u16, u32)> = Vec::new();
        let mut now = SimTime::ZERO;
        let mut begun = false;
        for (what, wait, which) in moves {
            now = SimTime((now.0 + wait * S + 1).min(149 * S));
            f.advance(now);
            if !begun && now >= SimTime(warm * S) {
                f.begin(now);
                begun = true;
            }
            match (what, there.is_empty()) {
                (0..=2, _) | (_, true) => {
                    let lane = (which % 3) as u16;
                    let i = f.add(now, lane, replica());
                    if !there.contains(&(lane, i)) {
                        there.push((lane, i));
                    }
                }
                (3, false) => {
                    let (lane, i) = there.swap_remove(which % there.len());
                    f.remove(now, lane, i);
                }
                (4, false) => {
                    let (lane, i) = there[which % there.len()];
                    f.drain(lane, i);
                }
                (_, false) => f.split(0, 1, 100_000 * which as u32, wait % 2 == 0),
            }
        }
        f.advance(SimTime(150 * S));
        balances(&f.close(SimTime(150 * S)));
    }
}
