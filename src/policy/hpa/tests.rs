//! The rules one by one, and what must hold whatever the metrics say. Upstream's own vectors are in `verify`.

use proptest::prelude::*;

use super::pods::Waits;
use super::request::{Container, Kind, request, usage};
use super::*;
use crate::units::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn at(seconds: u64) -> SimTime {
    SimTime(seconds * 1_000_000_000)
}

fn sample(value: i64, seconds: u64) -> Sample {
    Sample { value, at: at(seconds), window: s(30) }
}

fn queue_config(average: i64, min: i32, max: i32) -> Config {
    Config { min, max, metrics: vec![Metric::External(Target::AverageValue(average))], ..Config::default() }
}

fn decide(hpa: &mut Hpa, replicas: i32, total: i64, now: SimTime) -> Decision {
    let readings = [Reading::Series(&[total])];
    hpa.decide(&View { replicas, status_replicas: replicas, pods: &[], readings: &readings }, now)
}

#[test]
fn a_pods_cpu_counts_only_once_it_has_been_ready_for_a_window() {
    let waits = Waits { cpu_initialisation: s(120), readiness_delay: s(10) };
    let pod = |started, holds, since| Pod {
        started: Some(at(started)),
        ready: Some(Condition { holds, since: at(since) }),
        ..Pod::ready_since(at(0))
    };
    // (pod, when sampled, now, whether it counts for CPU): windows of 30 s.
    let table = [
        // Starting up: ready, and the sample begins after it turned ready.
        (pod(1000, true, 1010), 1040, 1050, true),
        (pod(1000, true, 1010), 1039, 1050, false),
        (pod(1000, false, 1010), 1050, 1050, false),
        // The period ends after exactly 120 s: then an old sample counts.
        (pod(1000, true, 1100), 1101, 1119, false),
        (pod(1000, true, 1100), 1101, 1120, true),
        // Later an unready pod counts, if it had ever been ready: it turned later than the delay.
        (pod(1000, false, 1010), 1200, 1200, true),
        (pod(1000, false, 1009), 1200, 1200, false),
        // Without a start or a condition it never does.
        (Pod { started: None, ..pod(1000, true, 1000) }, 1200, 1200, false),
        (Pod { ready: None, ..pod(1000, true, 1000) }, 1200, 1200, false),
    ];
    for (i, (pod, sampled, now, counts)) in table.into_iter().enumerate() {
        let samples = [Some(sample(100, sampled))];
        let groups = group(&[pod], &samples, true, waits, at(now));
        assert_eq!((groups.ready, groups.unready.len()), if counts { (1, 0) } else { (0, 1) }, "row {i}");
        // Of any other metric a running pod counts.
        assert_eq!(group(&[pod], &samples, false, waits, at(now)).ready, 1, "row {i}");
    }
}

#[test]
fn pods_that_go_are_ignored_before_anything_else() {
    let waits = Waits { cpu_initialisation: s(300), readiness_delay: s(30) };
    let ready = Pod::ready_since(at(0));
    let pods = [
        Pod { deleted: true, phase: Phase::Pending, ..ready },
        Pod { phase: Phase::Failed, ..ready },
        Pod { phase: Phase::Pending, ..ready },
        ready,
        Pod { phase: Phase::Succeeded, ..ready },
    ];
    let samples = [Some(sample(1, 900)), None, Some(sample(1, 900)), None, Some(sample(1, 900))];
    let groups = group(&pods, &samples, false, waits, at(1000));
    assert_eq!(groups, Groups { ready: 1, unready: vec![2], missing: vec![3], ignored: vec![0, 1] });
}

#[test]
fn a_request_is_of_regular_and_restarting_containers() {
    let c = |name: &str, request, kind| Container { name: name.to_owned(), request, usage: request, kind };
    let all = [c("app", Some(500), Kind::Regular), c("log", Some(200), Kind::Sidecar), c("init", None, Kind::Init)];
    assert_eq!(request(&all, None, None), Some(700));
    assert_eq!(request(&all, Some(900), None), Some(900), "the pod's own goes first");
    assert_eq!(request(&all, Some(900), Some("log")), Some(200), "but not for one container");
    assert_eq!(request(&all, None, Some("none")), Some(0));
    assert_eq!(request(&[c("app", None, Kind::Regular)], None, None), None);
    assert_eq!((usage(&all, None), usage(&all, Some("log")), usage(&all, Some("none"))), (Some(700), Some(200), None));
}

/// Proposals that upstream's tables do not have, by hand.
#[test]
fn missing_pods_stand_for_their_request_or_the_target_or_nothing() {
    let pods = vec![Pod::ready_since(at(0)); 4];
    let half = [Some(sample(0, 900)), Some(sample(1500, 900)), None, None];
    let requests = [Some(1000); 4];
    let reading = Reading::Pods { samples: &half, stray: &[], requests: &requests };
    let with = |metric, reading: &Reading<'_>| {
        propose(&Config::default(), metric, reading, (4, 4, &pods), at(1000)).map(|p| p.replicas)
    };
    let cpu = |percent| Metric::Resource { cpu: false, target: PodTarget::Utilisation(percent) };
    // 75 of 150 %: missing ones stand for 150 % of 1000: (1500 + 3000) / 4000 = 112 %; ceil(112/150 · 4) = 3.
    assert_eq!(with(cpu(150), &reading), Ok(3));
    // 75 of 80 % is within the tolerance alone, but 100 % each: (1500 + 2000) / 4000 = 87 %: across 1, so nothing.
    assert_eq!(with(cpu(80), &reading), Ok(4));
    // Exactly at the target a utilisation leaves missing pods out …
    assert_eq!(with(cpu(75), &reading), Ok(4));
    // … and an average takes them for nothing: 1500 / 4 = 375 of 750; ceil(0.5 · 4) = 2.
    assert_eq!(with(Metric::Pods { average: 750 }, &reading), Ok(2));
    // Down, they stand for the target: (1500 + 2 · 1000) / 4 = 875 of 1000; ceil(0.875 · 4) = 4.
    assert_eq!(with(Metric::Pods { average: 1000 }, &reading), Ok(4));
    let none = Reading::Pods { samples: &[], stray: &[], requests: &requests };
    assert_eq!(with(cpu(50), &none), Err(MetricError::Unavailable));
    let unknown = Reading::Pods { samples: &half, stray: &[], requests: &[Some(1000), Some(1000), None, Some(1000)] };
    assert_eq!(with(cpu(50), &unknown), Err(MetricError::NoRequest(2)));
    let nothing = Reading::Pods { samples: &half, stray: &[], requests: &[Some(0); 4] };
    assert_eq!(with(cpu(50), &nothing), Err(MetricError::NothingMatched));
    assert_eq!(with(cpu(50), &Reading::Series(&[1])), Err(MetricError::Unavailable));
}

#[test]
fn from_zero_a_value_counts_as_it_is_and_an_average_by_itself() {
    let config = Config::default();
    let with = |target, total| {
        propose(&config, Metric::Object(target), &Reading::Series(&[total]), (0, 0, &[]), at(0)).map(|p| p.replicas)
    };
    assert_eq!(with(Target::Value(1000), 2100), Ok(3));
    assert_eq!(with(Target::Value(1000), 0), Ok(0));
    assert_eq!(with(Target::AverageValue(1000), 2100), Ok(3));
    assert_eq!(with(Target::AverageValue(1000), 0), Ok(0));
    // Beyond the range is its end.
    assert_eq!(with(Target::Value(1), i64::MAX), Ok(i32::MAX));
    // Above zero a value needs pods to count.
    let one = propose(&config, Metric::Object(Target::Value(1)), &Reading::Series(&[9]), (1, 1, &[]), at(0));
    assert_eq!(one, Err(MetricError::NoPods));
}

#[test]
fn zero_belongs_to_somebody_else_and_bounds_need_no_metric() {
    let mut hpa = Hpa::new(queue_config(1000, 2, 10)).unwrap();
    let mut outcome = |replicas| {
        let d = decide(&mut hpa, replicas, 0, at(0));
        (d.replicas, d.outcome)
    };
    assert_eq!(outcome(0), (0, Outcome::Disabled));
    assert_eq!(outcome(1), (2, Outcome::BelowMinimum));
    assert_eq!(outcome(50), (10, Outcome::AboveMaximum));
}

#[test]
fn with_the_gate_it_goes_to_zero_and_comes_back() {
    let config = Config { scale_to_zero: true, ..queue_config(1000, 0, 10) };
    let mut hpa = Hpa::new(config).unwrap();
    assert_eq!(decide(&mut hpa, 1, 0, at(0)).replicas, 1, "five minutes of what was there");
    assert_eq!(decide(&mut hpa, 1, 0, at(301)).replicas, 0);
    assert_eq!(decide(&mut hpa, 0, 2500, at(316)).replicas, 3);
}

#[test]
fn nobody_scales_down_half_blind() {
    let config = Config {
        max: 100,
        metrics: vec![Metric::External(Target::AverageValue(1000)), Metric::External(Target::AverageValue(1000))],
        ..Config::default()
    };
    let mut hpa = Hpa::new(config).unwrap();
    let mut with = |readings: &[Reading<'_>]| {
        let d = hpa.decide(&View { replicas: 5, status_replicas: 5, pods: &[], readings }, at(0));
        (d.replicas, d.outcome)
    };
    let (low, high) = (Reading::Series(&[2000]), Reading::Series(&[8000]));
    let failed = |held| {
        let failed = if held { 1 } else { 2 };
        Outcome::MetricsFailed(NoProposal {
            first: 0,
            error: MetricError::Unavailable,
            failed,
            held: held.then_some(2),
        })
    };
    assert_eq!(with(&[Reading::Failed, low]), (5, failed(true)));
    assert_eq!(with(&[Reading::Failed]), (5, failed(false)));
    assert_eq!(with(&[Reading::Failed, high]).0, 8, "up it goes by what it can see");
    assert_eq!(with(&[low, high]).0, 8, "the most of both");
    // What failed left no trace but the first recommendation; the two others did.
    assert_eq!(hpa.state().recommendations.iter().map(|r| r.replicas).collect::<Vec<_>>(), [5, 8, 8]);
}

#[test]
fn without_a_behaviour_it_doubles_at_most_and_remembers_no_steps() {
    let mut hpa = Hpa::new(queue_config(1000, 1, 100)).unwrap();
    for (t, from, to) in [(0, 1, 4), (15, 4, 8), (30, 8, 16)] {
        let d = decide(&mut hpa, from, 90_000, at(t));
        assert_eq!(d.replicas, to);
        assert!(matches!(d.outcome, Outcome::Followed { limit: LimitReason::ScaleUpLimit, .. }));
    }
    assert_eq!((hpa.state().ups.len(), hpa.state().downs.len()), (0, 0));
}

#[test]
fn ends_of_windows_and_periods_lie_where_upstream_has_them() {
    let old = |age: u64| vec![Recommendation { replicas: 9, at: at(1000 - age) }];
    // Alone, the window's far end belongs to it …
    assert_eq!(stabilise::plain(&mut old(300), s(300), 3, at(1000)), 9);
    assert_eq!(stabilise::plain(&mut old(301), s(300), 3, at(1000)), 3);
    // … with both it does not; at the very end the entry neither counts nor gives up its slot.
    let windows = stabilise::Windows { up: s(0), down: s(300) };
    let (mut log, mut older) = (old(300), old(301));
    assert_eq!(stabilise::with_windows(&mut old(299), windows, 9, 3, at(1000)).0, 9);
    assert_eq!(stabilise::with_windows(&mut log, windows, 9, 3, at(1000)).0, 3);
    assert_eq!(stabilise::with_windows(&mut older, windows, 9, 3, at(1000)).0, 3);
    assert_eq!((log.len(), older.len()), (2, 1));
    // A step counts while it is strictly newer than the period.
    let rules = Rules { policies: vec![Policy { kind: PolicyKind::Pods, value: 5, period: s(60) }], ..Rules::up() };
    let up = |age: u64| {
        let ups = [Event { by: 3, at: at(1000 - age) }];
        rate::up_limit(&rules, rate::Past { ups: &ups, downs: &[] }, 10, at(1000))
    };
    assert_eq!((up(59), up(60)), (12, 15));
    // And keeps its slot until it is older than that.
    let mut events = vec![Event { by: 1, at: at(0) }, Event { by: 2, at: at(100) }];
    rate::remember(&mut events, Event { by: 3, at: at(160) }, &rules);
    assert_eq!(events.iter().map(|e| e.by).collect::<Vec<_>>(), [3, 2]);
    rate::remember(&mut events, Event { by: 4, at: at(160) }, &rules);
    assert_eq!(events.iter().map(|e| e.by).collect::<Vec<_>>(), [3, 2, 4]);
}

#[test]
fn a_disabled_direction_stays_where_it_is() {
    let behavior = Behavior { up: Rules::up(), down: Rules { select: Select::Disabled, ..Rules::down() } };
    let mut hpa = Hpa::new(Config { behavior: Some(behavior), ..queue_config(1000, 1, 100) }).unwrap();
    for t in 0..100 {
        assert_eq!(decide(&mut hpa, 7, 0, at(t * 15)).replicas, 7);
    }
    assert_eq!(decide(&mut hpa, 7, 9000, at(1500)).replicas, 9);
}

#[test]
fn a_tolerance_of_ones_own_is_by_direction() {
    let behavior = Behavior {
        up: Rules { tolerance: Some(0.0), ..Rules::up() },
        down: Rules { tolerance: Some(0.5), window: Some(s(0)), ..Rules::down() },
    };
    let mut hpa = Hpa::new(Config { behavior: Some(behavior), ..queue_config(1000, 1, 100) }).unwrap();
    assert_eq!(decide(&mut hpa, 10, 10_100, at(0)).replicas, 11);
    assert_eq!(decide(&mut hpa, 10, 5_000, at(60)).replicas, 10, "the end belongs to the tolerance");
    assert_eq!(decide(&mut hpa, 10, 4_999, at(120)).replicas, 5);
}

#[test]
fn what_the_api_refuses_is_refused_all_at_once() {
    let none = Rules { policies: Vec::new(), window: Some(s(3601)), ..Rules::up() };
    let bad = Policy { kind: PolicyKind::Percent, value: 0, period: s(1801) };
    let behavior = Behavior { up: none, down: Rules { policies: vec![bad], tolerance: Some(-0.1), ..Rules::down() } };
    let config =
        Config { min: 5, max: 3, metrics: vec![Metric::Pods { average: 0 }], tolerance: f64::NAN, ..Config::default() };
    let faults = Hpa::new(Config { behavior: Some(behavior), ..config }).unwrap_err();
    assert_eq!(faults.len(), 8, "{faults:?}");
    let only = |config: Config| config.faults();
    assert_eq!(only(Config { max: 0, min: 1, ..Config::default() }), [ConfigError::NoMaximum(0)]);
    assert_eq!(only(Config { min: -1, max: 3, ..Config::default() }), [ConfigError::NegativeMinimum(-1)]);
    assert_eq!(only(Config { metrics: vec![], max: 3, ..Config::default() }), [ConfigError::NoMetrics]);
    assert_eq!(
        only(Config { min: 0, max: 3, ..Config::default() }),
        [ConfigError::ZeroMinimumWithoutGate, ConfigError::ZeroMinimumWithoutMetric]
    );
    for f in faults {
        assert!(!f.to_string().ends_with('.'));
    }
}

fn rules() -> impl Strategy<Value = Rules> {
    let policy = (any::<bool>(), 1..200i32, 1..180u64).prop_map(|(pods, value, period)| Policy {
        kind: if pods { PolicyKind::Pods } else { PolicyKind::Percent },
        value,
        period: s(period),
    });
    let select = prop_oneof![Just(Select::Max), Just(Select::Min), Just(Select::Disabled)];
    (prop::option::of(0..200u64), prop::collection::vec(policy, 1..4), select)
        .prop_map(|(window, policies, select)| Rules { window: window.map(s), policies, select, tolerance: None })
}

proptest! {
    /// Whatever the metrics and the behaviour, nothing leaves the bounds once it is within them.
    #[test]
    fn bounds_hold(
        behavior in prop::option::of((rules(), rules())),
        min in 1..10i32, more in 0..50i32, start in 0..60i32,
        totals in prop::collection::vec(prop::option::of(-5_000..200_000i64), 1..40),
    ) {
        let behavior = behavior.map(|(up, down)| Behavior { up, down });
        let mut hpa = Hpa::new(Config { behavior, ..queue_config(1000, min, min + more) }).unwrap();
        let mut n = min + start.min(more);
        for (i, total) in totals.iter().enumerate() {
            let series = [total.unwrap_or(0)];
            let readings = [if total.is_some() { Reading::Series(&series) } else { Reading::Failed }];
            let view = View { replicas: n, status_replicas: n, pods: &[], readings: &readings };
            n = hpa.decide(&view, at(1000 + 15 * i as u64)).replicas;
            prop_assert!((min..=min + more).contains(&n));
        }
        prop_assert!(hpa.state().recommendations.len() <= totals.len() + 1);
    }

    /// More load never asks for fewer replicas, as long as every pod is ready and measured.
    #[test]
    fn proposals_are_monotone(n in 1..40usize, target in 1..150i32, a in 0..3000i64, b in 0..3000i64) {
        let pods = vec![Pod::ready_since(at(0)); n];
        let requests = vec![Some(1000); n];
        let with = |metric, each: i64| {
            let samples = vec![Some(sample(each, 900)); n];
            let reading = Reading::Pods { samples: &samples, stray: &[], requests: &requests };
            propose(&Config::default(), metric, &reading, (n as i32, n as i32, &pods), at(1000)).unwrap().replicas
        };
        let (low, high) = (a.min(b), a.max(b));
        let utilisation = Metric::Resource { cpu: true, target: PodTarget::Utilisation(target) };
        prop_assert!(with(utilisation, low) <= with(utilisation, high));
        let average = Metric::Pods { average: i64::from(target) * 10 };
        prop_assert!(with(average, low) <= with(average, high));
    }

    /// Under a load that stays, it comes to rest and stays there.
    #[test]
    fn rest_is_rest(start in 1..100i32, total in 1..100_000i64, behavior in any::<bool>()) {
        let behavior = behavior.then(Behavior::default);
        let mut hpa = Hpa::new(Config { behavior, ..queue_config(1000, 1, 100) }).unwrap();
        let mut n = start;
        // Down waits for the window of 300 s, up doubles: 600 s are enough for both.
        for i in 0..40 {
            n = decide(&mut hpa, n, total, at(1000 + 15 * i)).replicas;
        }
        let (rest, wanted) = (n, total as f64 / 1000.0);
        prop_assert!(f64::from(rest) == wanted.ceil() || (wanted / f64::from(rest) - 1.0).abs() <= 0.1 + 1e-12);
        for i in 40..80 {
            n = decide(&mut hpa, n, total, at(1000 + 15 * i)).replicas;
            prop_assert_eq!(n, rest);
        }
    }

    /// With the smallest change selected, no policy is ever outrun: not at any instant, for any of them.
    #[test]
    fn no_policy_is_outrun(
        up in rules(), down in rules(),
        totals in prop::collection::vec(0..300_000i64, 1..60),
    ) {
        // One period for all, so that steps of both directions are remembered as long.
        let even = |r: Rules| {
            let policies = r.policies.iter().map(|p| Policy { period: s(60), ..*p }).collect();
            Rules { policies, select: Select::Min, ..r }
        };
        let behavior = Behavior { up: even(up), down: even(down) };
        let config = Config { behavior: Some(behavior.clone()), ..queue_config(1000, 1, 1000) };
        let mut hpa = Hpa::new(config).unwrap();
        let (mut n, mut steps): (i32, Vec<(u64, i32)>) = (10, Vec::new());
        for (i, total) in totals.iter().enumerate() {
            let t = 1000 + 15 * i as u64;
            let next = decide(&mut hpa, n, *total, at(t)).replicas;
            // From the steps themselves, not from what the controller remembers.
            let net: i32 = steps.iter().filter(|(when, _)| t - when < 60).map(|(_, by)| by).sum();
            let start = f64::from(n - net);
            let rules = if next > n { &behavior.up } else { &behavior.down };
            for p in rules.policies.iter().filter(|_| next != n) {
                let by = match p.kind {
                    PolicyKind::Pods => f64::from(p.value),
                    PolicyKind::Percent => start * f64::from(p.value) / 100.0,
                };
                let moved = f64::from(next) - start;
                // Rounding is worth a pod at most: a whole one where the product of doubles, which upstream rounds up,
                // lies a hair above a whole number (75 × 1.64 is 123.00000000000001, so 124).
                prop_assert!(if next > n { moved <= by + 1.0 } else { -moved <= by + 1.0 }, "{p:?}: {start} to {next}");
            }
            if next != n {
                steps.push((t, next - n));
            }
            n = next;
        }
    }
}
