use super::*;
use proptest::prelude::*;

fn hours(h: f64) -> Duration {
    Duration::from_secs_f64(h * 3600.0)
}

/// The prices of the paper's simulator: p3.2xlarge in us-west-2.
pub(in crate::policy::spot) const PRICES: (Rate, Rate) = (Rate(973_100_000_000), Rate(3_060_000_000_000));

fn bits(trace: &str) -> Vec<bool> {
    trace.chars().map(|c| c == '1').collect()
}

fn run(task: &Task, purchase: Purchase, trace: &str) -> (String, Replay) {
    let mut text = String::new();
    let r = replay(task, purchase, &bits(trace), |w| text.push(letter(w)));
    (text, r)
}

pub(in crate::policy::spot) const UP: Purchase = Purchase::UniformProgress { hysteresis: true };
pub(in crate::policy::spot) const UP_NO_HYST: Purchase = Purchase::UniformProgress { hysteresis: false };

pub(in crate::policy::spot) fn small() -> Task {
    Task {
        work: hours(2.0),
        deadline: Some(hours(3.0)),
        overhead: Duration::from_secs(300),
        tick: Duration::from_secs(600),
        prices: PRICES,
    }
}

#[test]
fn the_decision_strings_are_those_of_the_reference() {
    let s13 = "S".repeat(13);
    let o13 = "O".repeat(13);
    let check = |trace: &str, purchase, want: &str, cost: f64, finish_h: f64| {
        let (text, r) = run(&small(), purchase, trace);
        assert_eq!(text, want, "{trace} {purchase:?}");
        assert!((r.cost.to_f64() - cost).abs() < 1e-6, "{trace} {purchase:?} {}", r.cost.exact());
        let f = r.finish.expect("done").as_hours_f64();
        assert!((f - finish_h).abs() < 1e-4, "{f}");
        assert!(!r.missed);
    };
    let (ones, zeros) = ("1".repeat(24), "0".repeat(24));
    for p in [Purchase::Greedy, UP_NO_HYST, UP] {
        check(&ones, p, &s13, 2.108383, 2.1667);
    }
    check(&zeros, Purchase::Greedy, &format!(".....{o13}"), 6.63, 3.0);
    check(&zeros, UP_NO_HYST, &format!(".{o13}"), 6.63, 2.3333);
    check(&zeros, UP, &format!(".{o13}"), 6.63, 2.3333);
    let t = "110011100011110000111111";
    check(t, Purchase::Greedy, "SS..SSS..OOOOOOOOO", 5.400917, 3.0);
    check(t, UP_NO_HYST, "SS.OSSSOOOSSSS.OO", 4.519650, 17.0 / 6.0);
    check(t, UP, "SS.OOOOOOOSSSS..O", 5.053100, 17.0 / 6.0);
    let t = "01".repeat(12);
    check(&t, Purchase::Greedy, ".S.S.SOOOOOOOOOOO", 6.096550, 17.0 / 6.0);
    check(&t, UP_NO_HYST, ".SOSOSOSOOOOOOOOO", 6.768733, 17.0 / 6.0);
    check(&t, UP, ".SOOOOOOOS.S.OOOOO", 6.606550, 3.0);
    let t = "111000000000000111111111";
    check(t, Purchase::Greedy, "SSS....OOOOOOOOOO", 5.586550, 17.0 / 6.0);
    check(t, UP_NO_HYST, "SSS.OOOOOOOOOO", 5.586550, 14.0 / 6.0);
    check(t, UP, "SSS.OOOOOOOOOO", 5.586550, 14.0 / 6.0);
    check(t, Purchase::OnDemandOnly, &o13, 6.63, 13.0 / 6.0);
}

const GUARDED: [Purchase; 6] = [
    Purchase::Greedy,
    Purchase::TimeSliced { slices: 2 },
    Purchase::TimeSliced { slices: 8 },
    UP_NO_HYST,
    UP,
    Purchase::SpotElseOnDemand { wait: Duration(1_000_000_000_000), back: None, breaker: None },
];

fn traces() -> impl Strategy<Value = Vec<bool>> {
    // Runs of either kind, as capacity comes and goes, and single ticks.
    let runs = proptest::collection::vec((any::<bool>(), prop_oneof![Just(1usize), 1usize..30]), 1..60);
    runs.prop_map(|r| r.into_iter().flat_map(|(up, n)| std::iter::repeat_n(up, n)).collect())
}

/// Work, overhead and tick in seconds that need not divide each other.
fn task(work: u64, overhead: u64, tick: u64, spare: u64) -> Task {
    let s = Duration::from_secs;
    let deadline = Some(s(work + 2 * overhead + tick + spare));
    Task { work: s(work), deadline, overhead: s(overhead), tick: s(tick), prices: PRICES }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_000, ..ProptestConfig::default() })]

    #[test]
    fn no_deadline_is_missed_that_leaves_two_launches_and_a_tick(
        mut trace in traces(), work in 1u64..20_000, overhead in 0u64..2_000, tick in 30u64..900, spare in 0u64..9_000,
    ) {
        let task = task(work, overhead, tick, spare);
        let ticks = task.deadline.map_or(0, |r| r.0.div_ceil(task.tick.0)) as usize;
        trace.resize(ticks + 1, false);
        for p in GUARDED {
            let r = replay(&task, p, &trace, |_| {});
            prop_assert!(!r.missed, "{p:?} {r:?}");
        }
    }

    #[test]
    fn every_tick_and_every_nanosecond_is_in_one_place(
        trace in traces(), work in 1u64..20_000, overhead in 0u64..2_000, tick in 30u64..900, spare in 0u64..9_000,
    ) {
        let task = task(work, overhead, tick, spare);
        for p in GUARDED.into_iter().chain([Purchase::OnDemandOnly, Purchase::SpotOnly]) {
            let mut said = String::new();
            let r = replay(&task, p, &trace, |w| said.push(letter(w)));
            let ticks = r.spot_ticks + r.on_demand_ticks + r.idle_ticks;
            prop_assert_eq!(ticks, said.len() as u64);
            let of = |c: char| said.matches(c).count() as u64;
            prop_assert_eq!((r.spot_ticks, r.on_demand_ticks, r.idle_ticks), (of('S'), of('O'), of('.')));
            let idle = r.idle_ticks * task.tick.0;
            prop_assert_eq!(r.progress.0 + r.overhead.0 + r.tail.0 + idle, ticks * task.tick.0);
            if let Some(f) = r.finish {
                prop_assert_eq!((f.0, r.progress), (ticks * task.tick.0, task.work));
            }
            prop_assert!(r.overhead.0 <= r.launches * task.overhead.0 && r.preemptions <= r.launches);
            prop_assert!(said.bytes().zip(&trace).all(|(c, up)| c != b'S' || *up), "on spot that is not there");
            prop_assert_eq!(r.cost, task.cost(r.spot_ticks, r.on_demand_ticks));
        }
    }
}

#[test]
fn the_tick_belongs_to_the_bound() {
    // With two launches of slack and no tick, rounding to whole ticks alone can be too much: 7,010 s are 12 ticks.
    let without = Task { deadline: Some(Duration::from_secs(7_020)), ..task(7_000, 10, 600, 0) };
    for p in GUARDED.into_iter().chain([Purchase::OnDemandOnly]) {
        assert!(replay(&without, p, &[true; 40], |_| {}).missed, "{p:?}");
        assert!(!replay(&task(7_000, 10, 600, 0), p, &[true; 40], |_| {}).missed, "{p:?}");
    }
}

#[test]
fn the_polarity_of_a_trace_matters() {
    let t = "110011100011110000111111";
    let flipped: String = t.chars().map(|c| if c == '1' { '0' } else { '1' }).collect();
    for p in GUARDED {
        assert_ne!(run(&small(), p, t), run(&small(), p, &flipped), "{p:?}");
    }
}

#[test]
fn launches_for_nothing_are_always_on_spot_where_there_is_any() {
    let free = Task { overhead: Duration::ZERO, ..small() };
    for trace in ["110011100011110000111111", "010101010101010101010101", "000000000000000000011111"] {
        let (text, r) = run(&free, Purchase::Greedy, trace);
        assert!(text.chars().zip(trace.chars()).all(|(c, up)| (c == 'S') == (up == '1')), "{text} on {trace}");
        assert_eq!((r.overhead, r.tail, r.spot_ticks + r.on_demand_ticks), (Duration::ZERO, Duration::ZERO, 12));
        assert!(!r.missed);
    }
}

#[test]
fn without_reclaims_spot_costs_its_price_and_with_nothing_else_on_demand_does() {
    let free = Task { overhead: Duration::ZERO, ..small() };
    let (_, r) = run(&free, Purchase::SpotOnly, &"1".repeat(12));
    assert_eq!(r.cost, Usd(2 * 973_100_000_000), "2 h at the spot price");
    let never = "0".repeat(24);
    let (_, alone) = run(&small(), Purchase::OnDemandOnly, &never);
    for p in [UP, UP_NO_HYST] {
        let (_, r) = run(&small(), p, &never);
        assert_eq!((r.cost, r.idle_ticks), (alone.cost, 1), "it starts when it falls behind");
    }
    // Spot that is gone before its launch is over is paid for nothing, a tick each time.
    let slow = Task { overhead: Duration::from_secs(600), ..small() };
    let (_, alone) = run(&slow, Purchase::OnDemandOnly, &never);
    for p in [UP, UP_NO_HYST, Purchase::Greedy] {
        let (_, churn) = run(&slow, p, &"10".repeat(12));
        assert!(churn.cost > alone.cost && churn.spot_ticks > 0, "{p:?} {churn:?}");
    }
}

#[test]
fn a_trace_that_ends_leaves_the_run_unfinished_and_late() {
    let (_, r) = run(&small(), Purchase::SpotOnly, "111");
    assert_eq!((r.finish, r.missed, r.spot_ticks), (None, true, 3));
    assert_eq!(r.progress, Duration::from_secs(3 * 600 - 300));
    let open = Task { deadline: None, ..small() };
    assert!(!run(&open, Purchase::SpotOnly, "111").1.missed, "no deadline, no miss");
    let (_, done) = run(&small(), Purchase::SpotOnly, &"1".repeat(13));
    assert_eq!(done.finish, Some(Duration::from_secs(13 * 600)), "the last tick of the trace counts");
}
