//! The rules one by one. KEDA's own vectors are in `verify`.

use proptest::prelude::*;

use super::jobs::{Combine, Strategy as Scaling};
use super::*;
use crate::policy::hpa::Target;

const fn at(seconds: u64) -> SimTime {
    SimTime(seconds * 1_000_000_000)
}

fn trigger(average: i64) -> Trigger {
    Trigger { target: Target::AverageValue(average), activation: 0.0, cached: false }
}

fn config() -> Config {
    Config { triggers: vec![trigger(1000)], ..Config::default() }
}

fn object(config: Config) -> ScaledObject {
    ScaledObject::new(config, at(0)).unwrap()
}

fn view(replicas: i32, values: &[Option<f64>]) -> View<'_> {
    View { replicas, values, composite: None, pause: Pause::No, force_active: false }
}

fn poll(o: &mut ScaledObject, replicas: i32, value: Option<f64>, seconds: u64) -> (i32, Reason) {
    let d = o.poll(&view(replicas, &[value]), at(seconds));
    (d.replicas, d.reason)
}

#[test]
fn the_cooldown_counts_from_the_last_activity_and_its_end_is_not_enough() {
    let mut o = object(config());
    assert_eq!(poll(&mut o, 0, Some(1.0), 1000), (1, Reason::Activated));
    assert_eq!(poll(&mut o, 7, Some(1.0), 1030), (7, Reason::Active));
    assert_eq!(poll(&mut o, 7, Some(0.0), 1330), (7, Reason::CoolingDown));
    // From seven to nothing in one step.
    assert_eq!(poll(&mut o, 7, Some(0.0), 1331), (0, Reason::Deactivated));
    assert_eq!(poll(&mut o, 0, Some(0.0), 1361), (0, Reason::AtRest));
}

#[test]
fn what_never_was_active_waits_for_the_initial_cooldown_alone() {
    let mut o = object(Config { initial_cooldown: Duration::from_secs(60), ..config() });
    assert_eq!(poll(&mut o, 3, Some(0.0), 60), (3, Reason::CoolingDown));
    assert_eq!(poll(&mut o, 3, Some(0.0), 61), (0, Reason::Deactivated));
    assert_eq!(poll(&mut object(config()), 3, Some(0.0), 1), (0, Reason::Deactivated));
}

#[test]
fn a_cooldown_means_nothing_to_a_minimum_of_one() {
    let mut o = object(Config { min: 2, ..config() });
    assert_eq!(poll(&mut o, 9, Some(0.0), 10_000), (9, Reason::AtRest));
    assert_eq!(poll(&mut o, 1, Some(0.0), 10_000), (2, Reason::RaisedToMinimum));
    assert_eq!(o.config().hpa_bounds(), (2, 100));
    assert_eq!(config().hpa_bounds(), (1, 100));
}

#[test]
fn activity_is_strictly_above_the_threshold() {
    let mut o = object(Config { triggers: vec![Trigger { activation: 10.0, ..trigger(5000) }], ..config() });
    assert_eq!(poll(&mut o, 0, Some(10.0), 0), (0, Reason::AtRest));
    assert_eq!(poll(&mut o, 0, Some(10.1), 0), (1, Reason::Activated));
}

#[test]
fn errors_hold_unless_the_fallback_is_to_nothing() {
    let mut o = object(config());
    assert_eq!(poll(&mut o, 4, None, 9000), (4, Reason::HeldNotReady));
    let fallback = |replicas| Config {
        fallback: Some(Fallback { failure_threshold: 3, replicas, behavior: FallbackBehavior::Static }),
        ..config()
    };
    assert_eq!(poll(&mut object(fallback(6)), 4, None, 9000), (4, Reason::HeldForFallback));
    assert_eq!(poll(&mut object(fallback(0)), 4, None, 9000), (0, Reason::Deactivated));
    // One trigger is active, one fails: nothing to do, and the last activity is not renewed.
    let mut two = object(Config { triggers: vec![trigger(1000); 2], ..config() });
    let d = two.poll(&view(4, &[Some(1.0), None]), at(9000));
    assert_eq!((d.replicas, d.active, d.reason), (4, true, Reason::ActiveWithErrors));
    assert_eq!(two.state().last_active, None);
    // From zero it starts all the same.
    assert_eq!(two.poll(&view(0, &[Some(1.0), None]), at(9000)).replicas, 1);
    assert_eq!(two.state().last_active, Some(at(9000)));
}

#[test]
fn idle_is_below_the_minimum_and_left_for_it() {
    let mut o = object(Config { min: 5, idle: Some(2), ..config() });
    assert_eq!(poll(&mut o, 2, Some(1.0), 0), (5, Reason::Activated));
    assert_eq!(poll(&mut o, 4, Some(1.0), 0), (5, Reason::Activated));
    assert_eq!(poll(&mut o, 8, Some(0.0), 301), (2, Reason::Deactivated));
    assert_eq!(poll(&mut o, 2, Some(0.0), 330), (2, Reason::AtRest));
}

#[test]
fn a_pause_goes_before_everything_and_force_before_the_triggers() {
    let mut o = object(config());
    let mut with = |pause, force_active, replicas| {
        let d = o.poll(&View { pause, force_active, ..view(replicas, &[Some(0.0)]) }, at(9000));
        (d.replicas, d.reason)
    };
    assert_eq!(with(Pause::Here, true, 0), (0, Reason::Paused));
    assert_eq!(with(Pause::At(3), false, 9), (3, Reason::Paused));
    assert_eq!(with(Pause::No, true, 0), (1, Reason::Activated));
    assert_eq!(with(Pause::No, true, 6), (6, Reason::Active));
}

#[test]
fn with_modifiers_only_the_composite_counts_and_an_error_spoils_it() {
    let modifiers = Modifiers { target: Target::AverageValue(2000), activation: 5.0 };
    let o = object(Config { modifiers: Some(modifiers), triggers: vec![trigger(1000); 2], ..config() });
    let both = [Some(100.0), Some(100.0)];
    assert_eq!(o.activity(&both, Some(5.0)), (false, false));
    assert_eq!(o.activity(&both, Some(6.0)), (true, false));
    assert_eq!(o.activity(&both, None), (false, false));
    assert_eq!(o.activity(&[Some(100.0), None], Some(6.0)), (false, true));
    // The HPA then has one metric.
    assert_eq!(o.hpa(&hpa::Config::default()).metrics, [hpa::Metric::External(Target::AverageValue(2000))]);
}

#[test]
fn the_hpa_gets_thousandths_the_last_poll_or_a_fallback() {
    let fallback = Fallback { failure_threshold: 1, replicas: 4, behavior: FallbackBehavior::Static };
    let triggers = vec![trigger(1500), Trigger { cached: true, ..trigger(1000) }];
    let mut o = object(Config { fallback: Some(fallback), triggers, ..config() });
    let mut out = Vec::new();
    let _ = o.poll(&view(1, &[Some(9.0), Some(7.0)]), at(0));
    let mut pull = |values: &[Option<f64>]| {
        o.pull(&Pull { values, composite: None, replicas: 2, ready: 2 }, &mut out);
        out.clone()
    };
    assert_eq!(pull(&[Some(0.9999), Some(99.0)]), [Some(999), Some(7000)]);
    assert_eq!(pull(&[None, None]), [None, Some(7000)], "the first failure is not above the threshold");
    assert_eq!(pull(&[None, None]), [Some(6000), Some(7000)], "the second is");
    assert_eq!(pull(&[Some(1.0), None]), [Some(1000), Some(7000)]);
    assert_eq!(pull(&[None, None]), [None, Some(7000)], "a success begins anew");
}

#[test]
fn a_fallback_goes_by_its_behaviour_and_its_target() {
    let of = |behavior| Fallback { failure_threshold: 0, replicas: 10, behavior };
    let wanted = |b| (of(b).wanted(4), of(b).wanted(15));
    assert_eq!(wanted(FallbackBehavior::Static), (10, 10));
    assert_eq!(wanted(FallbackBehavior::CurrentReplicas), (4, 15));
    assert_eq!(wanted(FallbackBehavior::CurrentReplicasIfHigher), (10, 15));
    assert_eq!(wanted(FallbackBehavior::CurrentReplicasIfLower), (4, 10));
    let fallback = of(FallbackBehavior::Static);
    assert_eq!(fallback.answer(0, Target::AverageValue(1), 4, 4), None);
    // 10 replicas over 4 ready pods: 2.5 times the target.
    assert_eq!(fallback.answer(1, Target::Value(1000), 4, 4), Some(2500));
    assert_eq!(fallback.answer(1, Target::Value(1000), 3, 3), Some(3333), "cut off");
    assert_eq!(fallback.answer(1, Target::Value(1000), 4, 0), None);
}

#[test]
fn what_keda_refuses_is_refused_all_at_once() {
    let bad = Config {
        min: 5,
        max: 3,
        idle: Some(5),
        triggers: vec![Trigger { activation: f64::NAN, ..trigger(0) }],
        fallback: Some(Fallback { failure_threshold: 0, replicas: -1, behavior: FallbackBehavior::Static }),
        ..Config::default()
    };
    assert_eq!(bad.faults().len(), 5, "{:?}", bad.faults());
    assert_eq!(Config::default().faults(), [ConfigError::NoTriggers]);
    assert_eq!(Config { min: -1, ..config() }.faults(), [ConfigError::NegativeMinimum(-1)]);
    assert_eq!(Config { idle: Some(0), ..config() }.faults(), [ConfigError::Idle { idle: 0, min: 0 }]);
}

#[test]
fn triggers_of_jobs_count_together_by_the_queue() {
    let t = |queue, target, active| jobs::Trigger { queue, target, active };
    let all = [t(10.0, 5.0, true), t(8.0, 1.0, true), t(100.0, 1.0, false)];
    let wanted = |combine| {
        let w = jobs::Config { combine, ..jobs::Config::default() }.wanted(&all);
        (w.scale_to, w.max_scale)
    };
    // The longest queue decides, not the most jobs: 10 at 5 a job.
    assert_eq!(wanted(Combine::Max), (10, 2));
    assert_eq!(wanted(Combine::Min), (8, 8));
    assert_eq!(wanted(Combine::Avg), (9, 5));
    assert_eq!(wanted(Combine::Sum), (18, 10));
    let few = jobs::Config { max: 3, combine: Combine::Sum, ..jobs::Config::default() };
    assert_eq!(few.wanted(&all).max_scale, 3);
    assert!(!few.wanted(&[]).active);
    assert!(jobs::Config { min: 1, ..few }.wanted(&[]).active);
}

#[test]
fn jobs_are_started_up_to_the_queue_or_up_to_the_minimum() {
    let queue = |queue, target| [jobs::Trigger { queue, target, active: queue > 0.0 }];
    let config = jobs::Config { min: 2, max: 10, ..jobs::Config::default() };
    assert_eq!(config.decide(&queue(0.0, 1.0), 0, 0).start, 2, "the minimum, whatever waits");
    // Running counts without the minimum: 5 wanted, 3 − 2 of them at work.
    assert_eq!(config.decide(&queue(5.0, 1.0), 3, 0).start, 4);
    // Three in the queue at half a message a job: six jobs wanted, no more than three started.
    assert_eq!(config.decide(&queue(3.0, 0.5), 2, 0).start, 3);
    let eager = jobs::Config { strategy: Scaling::Eager, ..config };
    assert_eq!(eager.decide(&queue(3.0, 0.5), 2, 0).start, 6, "the eager strategy does");
    assert_eq!(jobs::Config::default().decide(&queue(0.0, 1.0), 5, 0).start, 0);
}

proptest! {
    /// KEDA never starts more than there may be, and never anything while nothing is active.
    #[test]
    fn jobs_keep_to_the_maximum(
        which in 0..3usize, queue in 0.0..500.0f64, target in 0.5..50.0f64,
        min in 0..5i64, more in 1..50i64, running in 0..60i64, pending in 0..60i64,
    ) {
        let strategy = [Scaling::Default, Scaling::Accurate, Scaling::Eager][which];
        let config = jobs::Config { min, max: min + more, strategy, ..jobs::Config::default() };
        let trigger = jobs::Trigger { queue, target, active: queue > 0.0 };
        let d = config.decide(&[trigger], running, pending.min(running));
        prop_assert!(d.start >= 0);
        prop_assert!(d.start <= config.max);
        prop_assert!(d.wanted.active || d.start == 0);
    }

    /// A poll moves only between rest and the minimum: everything else it leaves to the HPA.
    #[test]
    fn a_poll_moves_only_to_rest_or_to_the_minimum(
        min in 0..5i32, idle in prop::option::of(0..5i32), replicas in 0..20i32,
        value in prop::option::of(0.0..3.0f64), wait in 0..1000u64,
    ) {
        let idle = idle.filter(|i| *i < min);
        let mut o = object(Config { min, idle, ..config() });
        let (next, _) = poll(&mut o, replicas, value.map(f64::floor), wait);
        prop_assert!(next == replicas || next == o.config().at_rest() || next == min.max(1));
        // And a second look at the same moment finds nothing left to do.
        let (again, _) = poll(&mut o, next, value.map(f64::floor), wait);
        prop_assert_eq!(again, next);
    }
}
