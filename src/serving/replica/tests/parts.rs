//! Prefill and decode apart, replicas that go, and groups.

use std::num::NonZeroU64;

use super::{All, cost, requests};
use crate::kernel::Streams;
use crate::serving::replica::naive::Fate;
use crate::serving::replica::transfer::{Link, Transfers};
use crate::serving::replica::{Config, Group, Replica};
use crate::serving::request::{Part, Request};
use crate::serving::router::Routing;
use crate::units::{Duration, SimTime};

#[test]
fn kv_moves_from_prefill_to_decode_and_no_token_is_lost() {
    let n = 300;
    let mut prefill = Replica::new(Config { kv_tokens: 40_000, ..Config::default() }, cost()).unwrap();
    let mut decode = Replica::new(Config { kv_tokens: 40_000, ..Config::default() }, cost()).unwrap();
    let all = requests(n, 5.0, 800, 100, 7);
    let (mut a, mut b) = (All::default(), All { ended: vec![None; n as usize], ..All::default() });
    let bps = NonZeroU64::new(20_000_000_000).unwrap();
    let mut link = Transfers::new(Link { base: Duration(500_000), bps, shared_bps: Some(bps), overlap_ppm: 0 });
    let (mut next, mut started, mut first_at_b) = (0, 0, 0);
    loop {
        let times =
            [all.get(next).map(|r: &Request| r.arrival), prefill.next_event(), decode.next_event(), link.next_event()];
        let Some(now) = times.into_iter().flatten().min() else { break };
        prefill.advance(now, &mut a);
        decode.advance(now, &mut b);
        for (r, _) in &a.prefilled[started..] {
            link.start(now, r.id as u32, u64::from(r.prompt) * 131_072);
        }
        started = a.prefilled.len();
        while let Some((at, id)) = link.done(now) {
            let (r, ticket) = *a.prefilled.iter().find(|p| p.0.id == u64::from(id)).unwrap();
            assert!(prefill.release(at, ticket, &mut a) && !prefill.release(at, ticket, &mut a));
            let whole = &all[id as usize];
            if r.output > 1 {
                decode.offer(at, Request { part: Part::Decode, ..whole.clone() }, &mut b);
            }
            first_at_b += 1;
        }
        while next < all.len() && all[next].arrival == now {
            prefill.offer(now, Request { part: Part::Prefill, ..all[next].clone() }, &mut a);
            next += 1;
        }
    }
    assert_eq!((first_at_b, a.prefilled.len() as u64), (n, n));
    assert!(prefill.is_empty() && decode.is_empty());
    let ended: Vec<_> = b.ended.iter().flatten().collect();
    assert_eq!(ended.len(), all.iter().filter(|r| r.output > 1).count());
    assert!(ended.iter().all(|e| e.1 == Fate::Finished && e.0.produced == e.0.output));
    let produced = prefill.totals().first_tokens + decode.totals().decode_tokens + decode.totals().first_tokens;
    assert_eq!(produced, all.iter().map(|r| u64::from(r.output)).sum::<u64>());
}

#[test]
fn a_reclaimed_replica_hands_back_what_it_had_and_how_far_it_was() {
    let mut replica = Replica::new(Config::default(), cost()).unwrap();
    let mut all = All { ended: vec![None; 3], ..All::default() };
    for id in 0..3 {
        replica.offer(SimTime(0), Request::new(id, SimTime(0), 100, 1_000), &mut all);
    }
    let now = SimTime(1_000_000_000);
    replica.advance(now, &mut all);
    let seen = replica.snapshot(now);
    let back = replica.evict_all(now, &mut all);
    assert_eq!(back.iter().map(|e| e.request.id).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(back.iter().map(|e| u64::from(e.record.produced)).sum::<u64>(), seen.output_tokens);
    // About a second of steps of 6.6 ms and a little.
    assert!((130..152).contains(&back[0].record.produced), "{}", back[0].record.produced);
    assert_eq!((replica.next_event(), replica.is_empty()), (None, true));
}

#[test]
fn a_group_serves_all_and_routes_around_who_drains() {
    let mut group = Group::new(Routing::LeastOutstanding);
    group.add_many(5, &Config::default(), &cost()).unwrap();
    let n = 2_000;
    let mut all = All { ended: vec![None; n as usize], ..All::default() };
    let mut s = Streams::new(1, 0).stream("test", "group", 0);
    let mut back = 0;
    for (i, r) in requests(n, 20.0, 800, 150, 3).into_iter().enumerate() {
        let now = r.arrival;
        group.advance(now, &mut all);
        match i {
            500 => group.drain(1),
            900 => back += group.remove(now, 2, &mut all).len(),
            _ => {}
        }
        let id = r.id;
        if let crate::serving::replica::group::Routed::To(to, _) = group.offer(now, r, &mut s, &mut all) {
            assert!(!(i > 500 && to == 1 || i > 900 && to == 2), "{id} to {to}");
        }
    }
    group.advance(SimTime(u64::MAX - 1), &mut all);
    assert!(back > 0);
    assert_eq!(all.ended.iter().flatten().count() + back, n as usize);
    assert_eq!(group.iter().map(|g| g.0).collect::<Vec<_>>(), [0, 1, 3, 4]);
    assert_eq!(group.add(Replica::new(Config::default(), cost()).unwrap()), 2);
}
