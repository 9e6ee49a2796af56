use super::*;
use crate::policy::spot::ticks::tests::{PRICES, UP, UP_NO_HYST, small};
use crate::units::Rate;
use proptest::prelude::*;

const ALL: [Purchase; 8] = [
    Purchase::OnDemandOnly,
    Purchase::SpotOnly,
    Purchase::Greedy,
    Purchase::TimeSliced { slices: 2 },
    Purchase::TimeSliced { slices: 8 },
    UP_NO_HYST,
    UP,
    Purchase::SpotElseOnDemand { wait: Duration(900_000_000_000), back: None, breaker: None },
];

/// The table of the reference: (progress, type, overhead to go) in units of gcd(tick, overhead), no bound, no cleverness.
fn table(task: &Task, spot: &[bool]) -> Option<i128> {
    fn gcd(a: u64, b: u64) -> u64 {
        if b == 0 { a } else { gcd(b, a % b) }
    }
    let unit = gcd(gcd(task.tick.0, task.overhead.0), task.work.0);
    let (g, d, c) = (task.tick.0 / unit, task.overhead.0 / unit, task.work.0 / unit);
    let ticks = task.deadline.map_or(spot.len(), |r| spot.len().min((r.0 / task.tick.0) as usize));
    let width = (d + 1) as usize;
    let at = |done: u64, kind: usize, rem: u64| (done as usize * 3 + kind) * width + rem as usize;
    let mut now: Vec<Option<i128>> = vec![None; (c as usize + 1) * 3 * width];
    now[at(0, 0, 0)] = Some(0);
    let mut best: Option<i128> = None;
    for &has in &spot[..ticks] {
        let mut next = vec![None; now.len()];
        for done in 0..c {
            for kind in 0..3 {
                for rem in 0..=d {
                    let Some(cost) = now[at(done, kind, rem)] else { continue };
                    for (to, price) in [(0, 0), (1, task.prices.0.0), (2, task.prices.1.0)] {
                        if to == 1 && !has {
                            continue;
                        }
                        // Spot that was taken away was idle before this tick; it comes back with a launch.
                        let rem = match to {
                            0 => 0,
                            t if t == kind => rem,
                            _ => d,
                        };
                        let work = if to == 0 { 0 } else { g.saturating_sub(rem) };
                        let rem = if to == 0 { 0 } else { rem.saturating_sub(g) };
                        let slot: &mut Option<i128> = &mut next[at((done + work).min(c), to, rem)];
                        let total = cost + price;
                        if slot.is_none_or(|old| total < old) {
                            *slot = Some(total);
                        }
                    }
                }
            }
        }
        // A state on spot at the end of a tick without spot to follow cannot stay: `to == 1` needs `has`.
        now = next;
        for kind in 0..3 {
            for rem in 0..=d {
                let found = now[at(c, kind, rem)];
                if let Some(v) = found.filter(|v| best.is_none_or(|b| *v < b)) {
                    best = Some(v);
                }
            }
        }
    }
    best
}

#[test]
fn spot_all_along_costs_spot_and_none_costs_on_demand() {
    let task = small();
    let all = optimum(&task, &[true; 24]).expect("a way");
    assert_eq!((all.cost, all.finish), (task.cost(13, 0), Duration::from_secs(13 * 600)));
    let none = optimum(&task, &[false; 24]).expect("a way");
    assert_eq!(none.cost, task.cost(0, 13));
    assert_eq!(optimum(&task, &[true; 12]), None, "the trace is too short");
    let late = Task { deadline: Some(Duration::from_secs(7_200)), ..task };
    assert_eq!(optimum(&late, &[true; 24]), None, "the deadline leaves no time to launch");
    let nothing = Task { work: Duration::ZERO, ..task };
    assert_eq!(optimum(&nothing, &[]).expect("nothing to do").cost, Usd::ZERO);
}

#[test]
fn a_gap_that_a_launch_cannot_bridge_is_waited_out() {
    // Two launches of 5 min in 15 ticks of spot: 15 × 10 − 10 = 140 ≥ 120 min; the deadline has room for the gap.
    let trace: Vec<bool> = "111111100001111111111111".chars().map(|c| c == '1').collect();
    let o = optimum(&small(), &trace).expect("a way");
    assert_eq!(o.cost, small().cost(13, 0), "65 + 55 min of work in 7 + 6 ticks");
    assert_eq!(o.finish, Duration::from_secs(17 * 600));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_lists_are_the_table_and_no_policy_beats_them(
        trace in proptest::collection::vec(prop_oneof![3 => Just(true), 2 => Just(false)], 1..40),
        work in 1u64..20, overhead in 0u64..9, slack in 0u64..20, gap in 1u64..4, dear in 0i128..4, deadline in any::<bool>(),
    ) {
        // In units of 100 s: ticks of 100 to 300 s, overheads of up to 800 s, which may span several ticks.
        let s = |n: u64| Duration::from_secs(100 * n);
        let prices = if dear == 0 { (Rate(5), Rate(3)) } else { (PRICES.0, Rate(PRICES.0.0 * dear)) };
        let deadline = deadline.then(|| s(work * gap + overhead + slack));
        let task = Task { work: s(work * gap), deadline, overhead: s(overhead), tick: s(gap), prices };
        let fast = optimum(&task, &trace);
        prop_assert_eq!(fast.map(|o| o.cost), table(&task, &trace).map(|c| bill(&task, c)));
        for p in ALL {
            let r = replay(&task, p, &trace, |_| {});
            if r.finish.is_some() && !r.missed {
                let o = fast.expect("a policy made it, so there is a way");
                prop_assert!(r.cost >= o.cost, "{:?} {} < {}", p, r.cost.exact(), o.cost.exact());
            }
        }
    }
}
