//! Whatever is done to a replica, steps and leaps say the same.

use proptest::prelude::*;

use crate::serving::replica::{Config, Mode, PrefixCaching, Replica};
use crate::serving::request::{Admission, Dropped, Evicted, Gaps, Part, Prefix, Record, Request, Sink, Ticket};
use crate::units::{Duration, SimTime};

/// What a caller may do.
#[derive(Clone, Debug)]
enum Do {
    Offer {
        prompt: u32,
        output: u32,
        part: u8,
        prefix: u8,
        patience: Option<u64>,
    },
    /// Takes back one of the tickets given so far.
    Abort(usize),
    /// Releases the KV of one of the prompts read so far.
    Release(usize),
    Evict,
    Look,
}

/// All that was said, in order.
#[derive(Debug, PartialEq)]
enum Said {
    Admitted(Record),
    First(Record),
    Finished(Record),
    Prefilled(Record),
    Preempted(Record),
    Dropped(Record, Dropped),
    Back(Evicted),
    Looked(super::super::Snapshot),
    /// All gaps: a leap tells of them when it ends, so that their place is not the same.
    Gaps(u64, u128),
}

#[derive(Default)]
struct Log {
    said: Vec<Said>,
    prefilled: Vec<Ticket>,
    /// How many gaps, and their sum.
    gaps: (u64, u128),
}

impl Log {
    fn say(&mut self, s: Said) {
        self.said.push(s);
    }
}

impl Sink for Log {
    fn admitted(&mut self, r: &Record) {
        self.say(Said::Admitted(*r));
    }
    fn first_token(&mut self, r: &Record) {
        self.say(Said::First(*r));
    }
    fn finished(&mut self, r: &Record) {
        self.say(Said::Finished(*r));
    }
    fn prefilled(&mut self, r: &Record, t: Ticket) {
        self.prefilled.push(t);
        self.say(Said::Prefilled(*r));
    }
    fn preempted(&mut self, r: &Record) {
        self.say(Said::Preempted(*r));
    }
    fn dropped(&mut self, r: &Record, why: Dropped) {
        self.say(Said::Dropped(*r, why));
    }
    fn gaps(&mut self, g: Gaps) {
        self.gaps.0 += g.sequences * g.steps;
        self.gaps.1 +=
            (0..g.steps).map(|i| u128::from(g.sequences) * u128::from(g.first_ps + i * g.growth_ps)).sum::<u128>();
    }
}

fn request(id: u64, now: SimTime, what: &Do) -> Request {
    let Do::Offer { prompt, output, part, prefix, patience } = *what else { unreachable!("only offers") };
    let mut r = Request::new(id, now, prompt, output);
    r.part = [Part::Whole, Part::Whole, Part::Prefill, Part::Decode][usize::from(part)];
    r.prefix = match prefix {
        0 => Prefix::None,
        n @ 1..=5 => Prefix::Session { session: u64::from(n), shared: prompt * 2 / 3 },
        // Three trees of prompts that have beginnings in common.
        n => Prefix::Blocks(
            (0..prompt.div_ceil(8)).map(|i| u64::from(i * 8 + if i < 3 { 0 } else { u32::from(n) })).collect(),
        ),
    };
    if let Some(ns) = patience {
        r.finish_by = now + Duration(ns);
    }
    r
}

fn play(config: &Config, all: &[(u64, Do)]) -> (Vec<Said>, Replica) {
    let mut replica = Replica::new(config.clone(), super::cost()).unwrap();
    let (mut log, mut tickets, mut now, mut id) = (Log::default(), Vec::new(), SimTime::ZERO, 0);
    for (gap, what) in all {
        now += Duration(*gap);
        while let Some(t) = replica.next_event().filter(|&t| t < now) {
            replica.advance(t, &mut log);
        }
        match what {
            Do::Offer { .. } => {
                if let Admission::Taken(t) = replica.offer(now, request(id, now, what), &mut log) {
                    tickets.push(t);
                }
                id += 1;
            }
            Do::Abort(i) if !tickets.is_empty() => {
                replica.abort(now, tickets[i % tickets.len()], &mut log);
            }
            Do::Release(i) if !log.prefilled.is_empty() => {
                let t = log.prefilled[i % log.prefilled.len()];
                replica.release(now, t, &mut log);
            }
            Do::Evict => {
                let back = replica.evict_all(now, &mut log);
                back.into_iter().for_each(|e| log.say(Said::Back(e)));
                assert!(replica.is_empty() && replica.kv_blocks_used() == 0);
            }
            Do::Look => {
                // What happens at this very nanosecond first: `busy` and counts then do not depend on the mode.
                replica.advance(now, &mut log);
                let s = replica.snapshot(now);
                log.say(Said::Looked(s));
            }
            Do::Abort(_) | Do::Release(_) => {}
        }
    }
    // All KV that waits to be moved is moved at last.
    loop {
        while let Some(t) = replica.next_event() {
            now = now.max(t);
            replica.advance(t, &mut log);
        }
        let Some(t) = log.prefilled.pop() else { break };
        replica.release(now, t, &mut log);
    }
    let (n, sum) = log.gaps;
    log.say(Said::Gaps(n, sum));
    (log.said, replica)
}

fn any_do() -> impl Strategy<Value = Do> {
    let offer = (1u32..120, 1u32..50, 0u8..4, 0u8..9, prop::option::of(0u64..900_000_000))
        .prop_map(|(prompt, output, part, prefix, patience)| Do::Offer { prompt, output, part, prefix, patience });
    prop_oneof![
        8 => offer,
        1 => any::<usize>().prop_map(Do::Abort),
        2 => any::<usize>().prop_map(Do::Release),
        1 => Just(Do::Evict),
        1 => Just(Do::Look),
    ]
}

fn any_config() -> impl Strategy<Value = Config> {
    let prefix = prop_oneof![
        Just(PrefixCaching::Off),
        (0u64..400_000_000).prop_map(|ns| PrefixCaching::Sessions { idle: Duration(ns) }),
        Just(PrefixCaching::Blocks { tokens_per_hash: 8 }),
    ];
    (1u32..10, 0u32..60, 200u64..500, 0u32..4, prefix).prop_map(|(seqs, more, kv, shift, prefix)| Config {
        max_num_seqs: seqs,
        max_num_batched_tokens: seqs + more,
        kv_tokens: kv,
        block_tokens: 1 << shift,
        prefix,
        ..Config::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]
    #[test]
    fn steps_and_leaps_say_the_same(
        config in any_config(), all in prop::collection::vec((0u64..120_000_000, any_do()), 1..60),
    ) {
        let of = |mode| play(&Config { mode, ..config.clone() }, &all);
        let ((steps, slow), (leaps, fast)) = (of(Mode::Step), of(Mode::Leap));
        let differ = steps.iter().zip(&leaps).find(|(a, b)| a != b);
        prop_assert!(differ.is_none() && steps.len() == leaps.len(), "{:#?}", differ);
        let (s, f) = (slow.totals(), fast.totals());
        prop_assert_eq!((s.steps, s.decode_tokens, s.busy_ps), (f.steps, f.decode_tokens, f.busy_ps));
        // All that was taken has ended somehow, and nothing is held.
        let moved = f.finished + f.dropped + f.evicted;
        prop_assert!(f.offered <= moved && fast.is_empty() && fast.kv_blocks_used() == 0, "{:?}", f);
    }
}
