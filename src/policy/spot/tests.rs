//! The purchaser alone, and in continuous time.

use super::ticks::tests::{PRICES, UP, UP_NO_HYST};
use super::*;
use proptest::prelude::*;

fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// An hour into ten hours of work without a deadline, nothing running, both markets open.
fn view() -> View {
    View {
        t: s(3_600),
        tick: s(60),
        work: s(36_000),
        deadline: None,
        done: s(1_800),
        safe: s(1_800),
        running: None,
        settling: Duration::ZERO,
        overhead: s(300),
        spot: true,
        on_demand: true,
        preempted: false,
        prices: PRICES,
    }
}

const fn fallback(wait: Duration, back: Option<Return>, breaker: Option<Breaker>) -> Purchase {
    Purchase::SpotElseOnDemand { wait, back, breaker }
}

const GUARDED: [Purchase; 6] = [
    Purchase::Greedy,
    Purchase::TimeSliced { slices: 4 },
    Purchase::TimeSliced { slices: 9 },
    UP_NO_HYST,
    UP,
    fallback(
        Duration::from_secs(900),
        Some(Return { after: Duration::ZERO, cooldown: Duration::ZERO, min_saving: 0.0 }),
        None,
    ),
];

#[test]
fn without_a_deadline_only_on_demand_buyers_buy_on_demand() {
    let none = View { spot: false, ..view() };
    for p in [Purchase::SpotOnly, Purchase::Greedy, Purchase::TimeSliced { slices: 3 }, UP, UP_NO_HYST] {
        assert_eq!(Purchaser::new(p).decide(&view()), Want::Spot, "{p:?}");
        assert_eq!(Purchaser::new(p).decide(&none), Want::Nothing, "{p:?}");
    }
    assert_eq!(Purchaser::new(Purchase::OnDemandOnly).decide(&view()), Want::OnDemand);
    assert_eq!(Purchaser::new(fallback(Duration::ZERO, None, None)).decide(&none), Want::OnDemand);
}

#[test]
fn the_fallback_waits_and_starts_to_wait_anew_after_spot() {
    let mut p = Purchaser::new(fallback(s(600), None, None));
    let at = |t, spot, running| View { t: s(t), spot, running, ..view() };
    assert_eq!(p.decide(&at(0, false, None)), Want::Nothing);
    assert_eq!(p.decide(&at(599, false, None)), Want::Nothing);
    assert_eq!(p.decide(&at(600, true, None)), Want::Spot);
    assert_eq!(p.decide(&at(700, true, Some(Market::Spot))), Want::Spot);
    assert_eq!(p.decide(&at(800, false, None)), Want::Nothing);
    assert_eq!(p.decide(&at(1_399, false, None)), Want::Nothing);
    assert_eq!(p.decide(&at(1_400, false, None)), Want::OnDemand);
    assert_eq!(p.decide(&at(9_999, true, Some(Market::OnDemand))), Want::OnDemand, "no way back was declared");
}

#[test]
fn the_way_back_is_slow_and_only_for_a_saving() {
    let back = Return { after: s(1_800), cooldown: s(7_200), min_saving: 0.5 };
    let mut p = Purchaser::new(fallback(Duration::ZERO, Some(back), None));
    let on_demand = |t| View { t: s(t), running: Some(Market::OnDemand), ..view() };
    assert_eq!(p.decide(&on_demand(100)), Want::OnDemand);
    assert_eq!(p.decide(&on_demand(1_899)), Want::OnDemand);
    assert_eq!(p.decide(&View { spot: false, ..on_demand(1_900) }), Want::OnDemand);
    let dear = (Rate(PRICES.1.0 * 6 / 10), PRICES.1);
    assert_eq!(p.decide(&View { prices: dear, ..on_demand(1_950) }), Want::OnDemand, "two fifths are not a half");
    assert_eq!(p.decide(&on_demand(2_000)), Want::Spot);
    // Lost at once, on demand again: the next return waits for both.
    assert_eq!(p.decide(&View { t: s(2_060), spot: false, preempted: true, ..view() }), Want::OnDemand);
    assert_eq!(p.decide(&on_demand(2_100)), Want::OnDemand);
    assert_eq!(p.decide(&on_demand(9_199)), Want::OnDemand);
    assert_eq!(p.decide(&on_demand(9_200)), Want::Spot);
}

#[test]
fn the_breaker_trips_within_its_window_and_lets_go() {
    let breaker = Breaker { max: 3, window: s(1_000), hold: s(5_000) };
    let mut p = Purchaser::new(fallback(s(60), None, Some(breaker)));
    let lost = |t| View { t: s(t), preempted: true, ..view() };
    assert_eq!(p.decide(&lost(0)), Want::Spot);
    assert_eq!(p.decide(&lost(900)), Want::Spot);
    assert_eq!(p.decide(&lost(1_001)), Want::Spot, "the first is out of the window");
    assert_eq!(p.decide(&lost(1_500)), Want::OnDemand, "the third within it");
    let on_demand = |t| View { t: s(t), running: Some(Market::OnDemand), ..view() };
    assert_eq!(p.decide(&on_demand(6_499)), Want::OnDemand);
    assert_eq!(p.decide(&View { spot: false, ..on_demand(6_500) }), Want::OnDemand);
    assert_eq!(p.decide(&on_demand(6_560)), Want::Spot, "held, not fallen back: it returns without a declared way");
    assert_eq!(p.decide(&lost(7_000)), Want::Spot, "and counts from nothing");
}

#[test]
fn the_guard_buys_what_can_be_had() {
    // 34,200 s of work, a launch of 300 s, and no time to lose.
    let tight = View { deadline: Some(s(3_600 + 34_500)), ..view() };
    assert_eq!(Purchaser::new(Purchase::Greedy).decide(&tight), Want::OnDemand);
    assert_eq!(Purchaser::new(Purchase::Greedy).decide(&View { on_demand: false, ..tight }), Want::Spot);
    let nowhere = View { on_demand: false, spot: false, ..tight };
    assert_eq!(Purchaser::new(Purchase::Greedy).decide(&nowhere), Want::OnDemand, "try");
    let late = View { t: s(99_999), ..tight };
    assert_eq!(Purchaser::new(UP).decide(&late), Want::OnDemand, "after the deadline too");
}

#[test]
fn spot_that_works_is_kept_and_spot_that_could_lose_too_much_is_left() {
    // 34,200 s to do. need(d) = 34,500 = left: on spot and at work this can still be made good.
    let on_spot = View { deadline: Some(s(3_600 + 34_500)), running: Some(Market::Spot), ..view() };
    let decide = |v: &View| Purchaser::new(Purchase::Greedy).decide(v);
    assert_eq!(decide(&on_spot), Want::Spot);
    assert_eq!(decide(&View { settling: s(1), ..on_spot }), Want::OnDemand, "not at work yet");
    assert_eq!(decide(&View { safe: s(1_700), ..on_spot }), Want::OnDemand, "a loss now would be too much");
    // With the loss and a tick to spare there is no hurry.
    let spare = View { safe: s(1_700), deadline: Some(s(3_600 + 34_500 + 100 + 120)), ..on_spot };
    assert_eq!(decide(&spare), Want::Spot);
}

/// A run in continuous time: spot comes and goes at any nanosecond, work since the last checkpoint is lost with it, and
/// decisions are at every tick and at every change. Returns when it ended.
fn live(p: Purchase, v: View, phases: &[u64], checkpoint: u64) -> Duration {
    let mut purchaser = Purchaser::new(p);
    let mut v = View { t: Duration::ZERO, done: Duration::ZERO, safe: Duration::ZERO, spot: false, ..v };
    let mut phases = phases.iter().cycle();
    let mut change = 0;
    loop {
        v.preempted = false;
        if v.t.0 == change {
            v.spot = !v.spot;
            change += phases.next().expect("it cycles").max(&1);
            if !v.spot && v.running == Some(Market::Spot) {
                (v.running, v.preempted, v.done) = (None, true, v.safe);
            }
        }
        if v.running.is_none() {
            v.settling = Duration::ZERO;
        }
        let next = match purchaser.decide(&v) {
            Want::Nothing => None,
            Want::Spot => Some(Market::Spot),
            Want::OnDemand => Some(Market::OnDemand),
        };
        assert!(next != Some(Market::Spot) || v.spot, "{p:?} wants what is not there");
        if next != v.running {
            // Whoever moves takes along what is safe, and nothing else.
            (v.running, v.done, v.settling) = (next, v.safe, v.overhead);
        }
        // To the next decision or the end, whichever is first.
        let rest = v.settling.0 + (v.work.0 - v.done.0);
        let mut step = (change - v.t.0).min(v.tick.0 - v.t.0 % v.tick.0);
        if v.running.is_some() {
            step = step.min(rest);
        }
        v.t.0 += step;
        if v.running.is_some() {
            let overhead = step.min(v.settling.0);
            v.settling.0 -= overhead;
            v.done.0 += step - overhead;
            v.safe = Duration((v.done.0 / checkpoint * checkpoint).max(v.safe.0));
            if v.done == v.work {
                return v.t;
            }
        }
        assert!(v.t.0 < 100 * v.work.0 + 1_000_000, "{p:?} never ends");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn no_deadline_is_missed_in_continuous_time_even_if_work_is_lost(
        phases in proptest::collection::vec(1u64..900, 1..12), work in 1u64..5_000, overhead in 0u64..300,
        tick in 1u64..200, slack in 0u64..3_000, checkpoint in prop_oneof![Just(1u64), 2u64..400],
    ) {
        // A launch on spot for nothing could lose what it does before it is seen to; every other one is priced in.
        prop_assume!(overhead > 0 || checkpoint == 1);
        let deadline = Duration(work + 2 * overhead + tick + slack);
        let v = View {
            tick: Duration(tick), work: Duration(work), overhead: Duration(overhead), deadline: Some(deadline), ..view()
        };
        for p in GUARDED {
            let end = live(p, v, &phases, checkpoint);
            prop_assert!(end <= deadline, "{p:?} ends at {end:?}, {deadline:?}");
        }
    }
}
