//! What a replica keeps of prompts.

use super::{All, cost};
use crate::serving::replica::{Config, PrefixCaching, Replica};
use crate::serving::request::{Prefix, Record, Request};
use crate::units::{Duration, SimTime};

/// One after the other, each when the one before has left; returns their records.
fn one_by_one(config: Config, requests: Vec<Request>, pause: Duration) -> (Vec<Record>, Replica) {
    let mut replica = Replica::new(config, cost()).unwrap();
    let mut all = All { ended: vec![None; requests.len()], ..All::default() };
    let mut now = SimTime::ZERO;
    for mut r in requests {
        r.arrival = now;
        replica.offer(now, r, &mut all);
        while let Some(t) = replica.next_event() {
            replica.advance(t, &mut all);
            now = t;
        }
        now += pause;
    }
    (all.ended.into_iter().flatten().map(|e| e.0).collect(), replica)
}

fn turn(id: u64, session: u64, prompt: u32, shared: u32) -> Request {
    Request { prefix: Prefix::Session { session, shared }, ..Request::new(id, SimTime::ZERO, prompt, 20) }
}

fn cached(records: &[Record]) -> Vec<u32> {
    records.iter().map(|r| r.cached).collect()
}

fn sessions(idle_s: u64, kv_tokens: u64) -> Config {
    let prefix = PrefixCaching::Sessions { idle: Duration::from_secs(idle_s) };
    Config { prefix, kv_tokens, max_model_len: 4_000, ..Config::default() }
}

#[test]
fn the_next_turn_finds_what_the_last_one_left() {
    // 100 + 19 tokens are left, in whole blocks of 16: 112. Another session finds nothing.
    let turns = vec![turn(0, 1, 100, 0), turn(1, 1, 200, 119), turn(2, 2, 200, 119), turn(3, 1, 90, 90)];
    let (r, replica) = one_by_one(sessions(60, 8_000), turns, Duration::ZERO);
    assert_eq!(cached(&r), [0, 112, 0, 80]);
    assert!(r[1].first_token.since(r[1].admitted) <= r[2].first_token.since(r[2].admitted));
    assert_eq!(replica.kv_blocks_used(), 0);
}

#[test]
fn a_session_is_forgotten_when_idle_or_when_room_is_needed() {
    let turns = || vec![turn(0, 1, 500, 0), turn(1, 2, 500, 0), turn(2, 1, 600, 519)];
    let found = |idle, kv, pause| cached(&one_by_one(sessions(idle, kv), turns(), Duration::from_secs(pause)).0)[2];
    assert_eq!(found(60, 8_000, 1), 512);
    assert_eq!(found(60, 8_000, 61), 0);
    // The other session took the room: 33 blocks each, and there are 50.
    assert_eq!(found(60, 800, 1), 0);
}

fn hashed(id: u64, arrival: u64, hashes: &[u64], prompt: u32) -> Request {
    Request { prefix: Prefix::Blocks(hashes.into()), ..Request::new(id, SimTime(arrival), prompt, 10) }
}

fn blocks(kv_tokens: u64) -> Config {
    Config {
        prefix: PrefixCaching::Blocks { tokens_per_hash: 32 },
        kv_tokens,
        max_model_len: 4_000,
        ..Config::default()
    }
}

#[test]
fn a_prompt_finds_the_leading_run_of_its_blocks_and_computes_one_token_at_least() {
    let all = vec![
        hashed(0, 0, &[1, 2, 3, 4], 128),
        // All of it is there: the last block is computed all the same.
        hashed(1, 0, &[1, 2, 3, 4], 128),
        // The third differs; what comes after it does not count.
        hashed(2, 0, &[1, 2, 9, 4], 128),
        // The last hash is of a part of a block.
        hashed(3, 0, &[1, 2, 3, 4, 5], 140),
        hashed(4, 0, &[1, 2, 3, 4, 5], 140),
    ];
    let (r, replica) = one_by_one(blocks(8_000), all, Duration::ZERO);
    assert_eq!(cached(&r), [0, 96, 64, 128, 128]);
    assert_eq!(replica.kv_blocks_used(), 0);
}

#[test]
fn shared_blocks_are_held_once() {
    let mut replica = Replica::new(blocks(8_000), cost()).unwrap();
    let mut all = All { ended: vec![None; 3], ..All::default() };
    let mut r = hashed(0, 0, &[1, 2, 3, 4], 128);
    r.output = 500;
    replica.offer(SimTime(0), r.clone(), &mut all);
    replica.advance(SimTime(100_000_000), &mut all);
    let alone = replica.snapshot(SimTime(100_000_000)).kv_blocks_used;
    r.id = 1;
    replica.offer(SimTime(100_000_000), r, &mut all);
    replica.advance(SimTime(130_000_000), &mut all);
    // Three blocks of 32 tokens are the first one's; the last, and what is decoded, are its own until it is computed,
    // then it is the same block.
    let two = replica.snapshot(SimTime(130_000_000)).kv_blocks_used;
    assert!(two <= alone + 3, "{alone} {two}");
    replica.advance(SimTime::MAX, &mut all);
    assert_eq!((replica.kv_blocks_used(), all.ended.iter().flatten().count()), (0, 2));
}

#[test]
fn a_busy_replica_keeps_less_and_a_new_one_nothing() {
    let filler = |id| hashed(id, 0, &[id + 100, id + 200, id + 300, id + 400], 128);
    let run = |kv| {
        let mut list = vec![hashed(0, 0, &[1, 2, 3, 4], 128)];
        list.extend((1..6).map(filler));
        list.push(hashed(6, 0, &[1, 2, 3, 4], 128));
        one_by_one(blocks(kv), list, Duration::ZERO)
    };
    assert_eq!(run(8_000).0[6].cached, 96);
    assert_eq!(run(400).0[6].cached, 0);
    let (_, mut replica) = run(8_000);
    replica.evict_all(SimTime::MAX, &mut ());
    let mut all = All { ended: vec![None; 1], ..All::default() };
    replica.offer(SimTime::MAX, hashed(0, 0, &[1, 2, 3, 4], 128), &mut all);
    assert!(replica.is_empty() || replica.snapshot(SimTime::MAX).waiting == 1);
}
