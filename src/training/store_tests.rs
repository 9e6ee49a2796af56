//! The store against closed forms, a naive fluid, and itself in another order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const GB: u64 = 1_000_000_000;

fn bps(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).unwrap()
}

fn at(secs: f64) -> SimTime {
    SimTime((secs * 1e9).round() as u64)
}

/// Starts these (time, id, bytes, cap), each when its time comes, and runs to the end: when each was done.
fn run(store: &mut Store, mut jobs: Vec<(SimTime, u32, u64, NonZeroU64)>) -> BTreeMap<u32, SimTime> {
    jobs.sort_by_key(|j| j.0);
    let mut done = BTreeMap::new();
    let mut jobs = jobs.into_iter().peekable();
    loop {
        let next = store.next_done();
        match (next, jobs.peek()) {
            (Some((t, id)), Some(job)) if t <= job.0 => {
                store.finish(t, id);
                done.insert(id, t);
            }
            (_, Some(_)) => {
                let (t, id, bytes, cap) = jobs.next().unwrap();
                store.start(t, id, bytes, cap);
            }
            (Some((t, id)), None) => {
                store.finish(t, id);
                done.insert(id, t);
            }
            (None, None) => return done,
        }
    }
}

#[test]
fn equal_writers_take_as_many_times_as_long_as_they_are() {
    // 7B parameters at 14 bytes over 2 GB/s: 49 s alone.
    for k in [1_u32, 2, 5, 8, 100] {
        let mut s = Store::new(bps(2 * GB), bps(2 * GB));
        let done = run(&mut s, (0..k).map(|id| (at(3.0), id, 98 * GB, bps(100 * GB))).collect());
        for t in done.values() {
            assert_eq!(*t, at(3.0 + 49.0 * f64::from(k)));
        }
        assert_eq!(s.moved(), u128::from(98 * GB) * u128::from(k));
    }
}

#[test]
fn a_share_that_does_not_divide_ends_within_a_nanosecond() {
    let mut s = Store::new(bps(GB), bps(GB));
    let done = run(&mut s, (0..3).map(|id| (SimTime::ZERO, id, GB, bps(GB))).collect());
    // A third of 1 GB/s is 333,333,333.333333 B/s, a third of a micro-byte short: 3 s and a nanosecond begun.
    assert!(done.values().all(|t| *t == SimTime(3 * GB + 1)), "{done:?}");
}

#[test]
fn a_writer_that_comes_halfway_shares_the_other_half() {
    // Alone until 5 s (5 of 10 GB), then half each: the first needs 10 s more, the second has 5 GB left then.
    let mut s = Store::new(bps(GB), bps(GB));
    let done = run(&mut s, vec![(SimTime::ZERO, 1, 10 * GB, bps(GB)), (at(5.0), 2, 10 * GB, bps(GB))]);
    assert_eq!((done[&1], done[&2]), (at(15.0), at(20.0)));
}

#[test]
fn a_slow_link_leaves_its_share_to_the_others() {
    // 10 GB/s among links of 1, 4 and 100: 1, 4 and the 5 that are left.
    let mut s = Store::new(bps(10 * GB), bps(100 * GB));
    for (id, cap) in [(1, 100), (2, 1), (3, 4)] {
        s.start(SimTime::ZERO, id, 100 * GB, bps(cap * GB));
    }
    let left = |id| s.left(at(1.0), id).unwrap();
    assert_eq!([left(1), left(2), left(3)], [95 * GB, 99 * GB, 96 * GB]);
    // The store's own cap for one writer binds too.
    let mut s = Store::new(bps(10 * GB), bps(3 * GB));
    s.start(SimTime::ZERO, 1, 30 * GB, bps(9 * GB));
    assert_eq!(s.next_done(), Some((at(10.0), 1)));
}

#[test]
fn what_is_cut_off_has_whole_bytes_left() {
    let mut s = Store::new(bps(3), bps(3));
    s.start(SimTime::ZERO, 7, 10, bps(3));
    s.start(SimTime::ZERO, 8, 10, bps(3));
    // 1.5 B/s for a second: 8.5 bytes left, which are nine.
    assert_eq!(s.abort(at(1.0), 7), Some(9));
    assert_eq!(s.abort(at(1.0), 7), None);
    assert_eq!(s.moved(), 1);
    // The other goes on at 3 B/s.
    assert_eq!(s.next_done(), Some((SimTime(1_000_000_000 + 2_833_333_334), 8)));
    assert_eq!(s.in_flight(), 1);
}

#[test]
fn nothing_to_write_is_done_at_once_and_no_size_overflows() {
    let mut s = Store::new(bps(1), bps(1));
    s.start(at(1.0), 1, 0, bps(1));
    assert_eq!(s.next_done(), Some((at(1.0), 1)));
    s.finish(at(1.0), 1);
    assert_eq!(s.next_done(), None);
    s.start(at(1.0), 2, u64::MAX, bps(u64::MAX));
    assert_eq!(s.next_done(), Some((SimTime::MAX, 2)));
    assert_eq!(s.abort(at(1.0), 2), Some(u64::MAX));
    let mut s = Store::new(bps(u64::MAX), bps(u64::MAX));
    s.start(SimTime::ZERO, 1, u64::MAX, bps(u64::MAX));
    assert_eq!(s.next_done(), Some((at(1.0), 1)));
}

#[test]
fn a_trial_tells_what_the_crowd_costs_and_changes_nothing() {
    let mut s = Store::new(bps(GB), bps(GB));
    s.start(SimTime::ZERO, u32::MAX, 10 * GB, bps(GB));
    assert_eq!(s.would_take(at(5.0), 10 * GB, bps(GB)), at(20.0));
    assert_eq!(s.next_done(), Some((at(10.0), u32::MAX)));
    assert_eq!(s.in_flight(), 1);
}

#[test]
#[should_panic(expected = "in flight already")]
fn one_id_is_one_transfer() {
    let mut s = Store::new(bps(1), bps(1));
    s.start(SimTime::ZERO, 1, 1, bps(1));
    s.start(SimTime::ZERO, 1, 1, bps(1));
}

/// The obvious fluid: floats, the water level found by bisection, from event to event.
fn naive(total: f64, cap: f64, jobs: &[(u64, u64, u64)]) -> Vec<f64> {
    let mut left: Vec<f64> = jobs.iter().map(|j| j.1 as f64).collect();
    let caps: Vec<f64> = jobs.iter().map(|j| cap.min(j.2 as f64)).collect();
    let mut done = vec![f64::NAN; jobs.len()];
    let mut now = 0.0;
    while done.iter().any(|d| d.is_nan()) {
        let active: Vec<usize> = (0..jobs.len()).filter(|&i| done[i].is_nan() && jobs[i].0 as f64 <= now).collect();
        let (mut low, mut high) = (0.0, total);
        for _ in 0..200 {
            let level = (low + high) / 2.0;
            let used: f64 = active.iter().map(|&i| caps[i].min(level)).sum();
            if used <= total { low = level } else { high = level }
        }
        let ends = active.iter().map(|&i| (now + left[i] / caps[i].min(low) * 1e9, Some(i)));
        let comes = jobs.iter().map(|j| j.0 as f64).filter(|t| *t > now).map(|t| (t, None));
        let (t, who) = ends.chain(comes).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        for &i in &active {
            left[i] -= caps[i].min(low) * (t - now) * 1e-9;
        }
        now = t;
        if let Some(i) = who {
            done[i] = t;
        }
    }
    done
}

fn jobs() -> impl Strategy<Value = Vec<(u64, u64, u64)>> {
    // Start (ns), bytes, own cap.
    prop::collection::vec((0..20 * GB, 1..50 * GB, GB / 10..5 * GB), 1..12)
}

proptest! {
    #[test]
    fn the_exact_store_is_the_naive_fluid(jobs in jobs(), total in GB / 2..8 * GB, cap in GB / 4..4 * GB) {
        let mut s = Store::new(bps(total), bps(cap));
        let list = jobs.iter().enumerate().map(|(i, j)| (SimTime(j.0), i as u32, j.1, bps(j.2))).collect();
        let fast = run(&mut s, list);
        for (i, slow) in naive(total as f64, cap as f64, &jobs).into_iter().enumerate() {
            // Floats of 1e11 ns over some twenty events; each end of ours is up to a nanosecond late.
            prop_assert!((fast[&(i as u32)].0 as f64 - slow).abs() < 1e-9 * slow + 50.0, "{} {:?} {}", i, fast, slow);
        }
    }

    #[test]
    fn who_starts_first_among_equals_does_not_matter(jobs in jobs(), total in GB / 2..8 * GB) {
        let list: Vec<_> = jobs.iter().enumerate().map(|(i, j)| (at(1.0), i as u32, j.1, bps(j.2))).collect();
        let mut reversed = list.clone();
        reversed.reverse();
        let one = run(&mut Store::new(bps(total), bps(GB)), list);
        prop_assert_eq!(one, run(&mut Store::new(bps(total), bps(GB)), reversed));
    }

    #[test]
    fn every_byte_is_moved_left_or_in_flight(
        jobs in jobs(),
        cuts in prop::collection::vec((0_u32..12, 0..30 * GB), 0..6),
        total in 1..8 * GB,
    ) {
        let mut s = Store::new(bps(total), bps(total));
        let mut events: Vec<_> =
            jobs.iter().enumerate().map(|(i, j)| (j.0, Some((i as u32, j.1, j.2)), 0)).collect();
        events.extend(cuts.iter().map(|(id, t)| (*t, None, *id)));
        events.sort();
        let (mut started, mut cut_off) = (0_u128, 0_u128);
        for (t, start, id) in events {
            while let Some((done, id)) = s.next_done().filter(|d| d.0.0 <= t) {
                s.finish(done, id);
            }
            match start {
                Some((id, bytes, cap)) => {
                    s.start(SimTime(t), id, bytes, bps(cap));
                    started += u128::from(bytes);
                }
                None => cut_off += u128::from(s.abort(SimTime(t), id).unwrap_or(0)),
            }
            let flying: u128 = s.flows.iter().map(|f| u128::from(f.bytes)).sum();
            prop_assert_eq!(started, s.moved() + cut_off + flying);
            // Never more than the store, and all of it while anyone could take more.
            let used: u128 = s.flows.iter().map(|f| f.rate).sum();
            prop_assert!(used <= s.total);
            let thirsty = s.flows.iter().any(|f| f.rate < f.cap);
            prop_assert!(!thirsty || used + s.flows.len() as u128 > s.total);
        }
    }

    #[test]
    fn looking_does_not_change_anything(jobs in jobs(), looks in prop::collection::vec(0..60 * GB, 0..8)) {
        // Advancing in many small steps gives the same ends as in one: a cut of an unknown id is such a step.
        let list: Vec<_> = jobs.iter().enumerate().map(|(i, j)| (SimTime(j.0), i as u32, j.1, bps(j.2))).collect();
        let one = run(&mut Store::new(bps(GB), bps(GB)), list.clone());
        let mut s = Store::new(bps(GB), bps(GB));
        let mut done = BTreeMap::new();
        let mut events: Vec<(u64, Option<usize>)> = looks.into_iter().map(|t| (t, None)).collect();
        events.extend(list.iter().enumerate().map(|(i, j)| (j.0.0, Some(i))));
        events.sort();
        for (t, what) in events.into_iter().chain([(u64::MAX, None)]) {
            while let Some((end, id)) = s.next_done().filter(|d| d.0.0 <= t) {
                s.finish(end, id);
                done.insert(id, end);
            }
            match what {
                Some(i) => s.start(list[i].0, list[i].1, list[i].2, list[i].3),
                None if t < u64::MAX => prop_assert_eq!(s.abort(SimTime(t), 999), None),
                None => {}
            }
        }
        prop_assert_eq!(one, done);
    }
}
