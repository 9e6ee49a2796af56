//! Upstream's vectors, and those worked out from its rules.

use proptest::prelude::*;

use super::histogram::{BucketError, Buckets, Histogram};
use super::updater::{self, Stays, Updater};
use super::*;
use crate::units::SimTime;

const HOUR: Duration = Duration::from_hours(1);
const EPSILON: f64 = 0.001;

const fn hours(n: u64) -> SimTime {
    SimTime(n * 3_600_000_000_000)
}
const fn minutes(n: u64) -> SimTime {
    SimTime(n * 60_000_000_000)
}

fn near(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a}, not {b}");
}

/// V1, V2 (`histogram_options_test.go`).
#[test]
fn buckets_grow_and_values_find_theirs() {
    let b = Buckets::exponential(500.0, 40.0, 1.5, EPSILON).unwrap();
    assert_eq!(b.count(), 6);
    for (n, start) in [0.0, 40.0, 100.0, 190.0, 325.0, 527.5].into_iter().enumerate() {
        near(b.start(n), start, 1e-9);
    }
    assert_eq!([-1.0, 39.99, 40.0, 100.0, 900.0].map(|v| b.find(v)), [0, 0, 1, 2, 5]);
    // What upstream's constants come to.
    let cpu = Buckets::exponential(1000.0, 0.01, 1.05, histogram::EPSILON).unwrap();
    let memory = Buckets::exponential(1e12, 1e7, 1.05, histogram::EPSILON).unwrap();
    assert_eq!((cpu, memory), (Buckets::cpu(), Buckets::memory()));
    assert_eq!(Buckets::exponential(1.0, 1.0, 1.0, EPSILON), Err(BucketError::Ratio));
    assert_eq!(Buckets::linear(0.0, 1.0, EPSILON), Err(BucketError::NotPositive));
    assert_eq!(Buckets::linear(1e9, 1.0, EPSILON), Err(BucketError::TooMany));
    assert_eq!(Buckets::linear(1.0, 1.0, 0.0), Err(BucketError::Epsilon));
}

fn unit() -> Buckets {
    Buckets::linear(10.0, 1.0, EPSILON).unwrap()
}

/// V3 (`histogram_test.go`).
#[test]
fn a_percentile_is_the_end_of_its_bucket() {
    let mut h = Histogram::new(unit(), None);
    assert!(h.is_empty() && h.percentile(0.5) == 0.0);
    for v in 1..=4 {
        h.add(f64::from(v), f64::from(v), SimTime::ZERO);
    }
    let of = |p: f64| h.percentile(p);
    assert_eq!([0.0, 0.1].map(of), [2.0; 2]);
    assert_eq!([0.2, 0.3].map(of), [3.0; 2]);
    assert_eq!([0.4, 0.5, 0.6].map(of), [4.0; 3]);
    assert_eq!([0.7, 0.8, 0.9, 1.0].map(of), [5.0; 4]);
    // The last bucket has no end.
    let mut last = Histogram::new(unit(), None);
    last.add(100.0, 1.0, SimTime::ZERO);
    assert_eq!(last.percentile(0.5), 9.0);
}

/// V4, V5 (`decaying_histogram_test.go`).
#[test]
fn old_samples_weigh_less() {
    let mut h = Histogram::new(unit(), Some(HOUR));
    for k in 1..=4 {
        // Upstream's test gives value k the weight k: with equal weights its percentiles would be others.
        h.add(k as f64, k as f64, hours(k));
    }
    let of = |p: f64| h.percentile(p);
    assert_eq!([0.02, 0.03, 0.10, 0.11, 0.34, 0.35, 1.0].map(of), [2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]);
    let mut h = Histogram::new(unit(), Some(HOUR));
    h.add(2.0, 1000.0, hours(10));
    h.add(1.0, 1.0, hours(30));
    assert_eq!([0.999, 1.0].map(|p| h.percentile(p)), [2.0, 3.0]);
}

/// Beyond a hundred half-lives weights are scaled down: nothing overflows, the latest sample decides.
#[test]
fn weights_never_overflow() {
    let mut h = Histogram::new(unit(), Some(HOUR));
    for k in 0..5000 {
        h.add((k % 7) as f64, 1.0, hours(k));
        assert!(!h.is_empty() && h.percentile(1.0).is_finite());
    }
    // 4999 % 7 = 1 weighs half of all, 0 a quarter, 6 an eighth.
    assert_eq!([0.2, 0.5, 0.9].map(|p| h.percentile(p)), [1.0, 2.0, 7.0]);
}

/// V6 to V9 (`estimator_test.go`).
#[test]
fn little_is_known_with_little_confidence() {
    let day = Duration::from_hours(24);
    let nine = Confidence::of(Duration::from_secs(16 * 60), 9, day);
    assert_eq!(nine, Confidence(0.00625));
    // Upstream's base of 3.14 gives 907.46 and 4.5216.
    near(nine.factor(0.1, 2.0), 907.46 / (314.0 / 100.0), 1e-9);
    near(Confidence(0.5).factor(0.1, 2.0), 4.5216 / (314.0 / 100.0), 1e-12);
    let of = |minutes: u64| Confidence::of(Duration::from_secs(60 * minutes), minutes, day);
    let upper = |minutes| of(minutes).factor(1.0, 1.0);
    near(upper(720), 3.0, 1e-12);
    near(upper(1440), 2.0, 1e-12);
    near(upper(7 * 1440), 8.0 / 7.0, 1e-12);
    let lower = |minutes| of(minutes).factor(0.001, -2.0);
    // Three digits are printed.
    near(lower(5), 0.603, 5e-4);
    near(lower(30), 0.910, 5e-4);
    near(lower(60), 0.954, 5e-4);
    assert_eq!(Confidence::of(Duration::ZERO, 1, day).factor(1.0, 1.0), f64::INFINITY);
}

/// V10, V11.
#[test]
fn constant_usage_gives_its_bucket_and_a_margin() {
    let mut c = Container::default();
    for m in 0..=1500 {
        c.add_cpu(1000, minutes(m));
        assert!(c.add_memory(2_000_000_000, minutes(m)));
    }
    assert_eq!(Buckets::cpu().find(1.0), 36);
    near(Buckets::cpu().start(37), 1.016281, 1e-6);
    let e = Recommender::default().recommend(&c, 1, &Policy::default());
    assert_eq!(e.target.cpu_milli, 1168, "V10");
    near(c.memory().percentile(0.9), 2.0935e9, 5e4);
    near(e.target.memory as f64, 2.4075e9, 5e4);
    // A day and an hour: a confidence of 1500/1440.
    assert_eq!(e.upper.cpu_milli, (1168.0 * (1.0 + 1440.0 / 1500.0)) as i64);
    assert_eq!(e.lower.cpu_milli, (1168.0 * (1.0_f64 + 0.001 * 1440.0 / 1500.0).powf(-2.0)) as i64);
    // The least that is recommended, by containers; then the policy.
    let nothing = Container::default();
    let least = Recommender::default().recommend(&nothing, 2, &Policy::default());
    assert_eq!(least.target, Amounts { cpu_milli: 12, memory: 125 << 20 });
    let policy = Policy { max_cpu_milli: Some(500), min_memory: Some(3_000_000_000), ..Policy::default() };
    let capped = Recommender::default().recommend(&c, 1, &policy);
    assert_eq!((capped.target.cpu_milli, capped.target.memory), (500, 3_000_000_000));
    assert_eq!(capped.uncapped, e.target);
}

/// Of each day the peak counts, once.
#[test]
fn memory_counts_the_peak_of_each_window() {
    let mut c = Container::default();
    let mib = |n: i64| n << 20;
    assert!(c.add_memory(mib(100), hours(0)));
    assert!(c.add_memory(mib(900), hours(1)));
    assert!(c.add_memory(mib(300), hours(2)));
    assert!(!c.add_memory(mib(9000), hours(1)), "older than the last");
    assert!((800.0..1000.0).contains(&(c.memory().percentile(0.0) / f64::from(1 << 20))), "one sample, the peak");
    assert!(c.add_memory(mib(100), hours(24)));
    assert!(c.memory().percentile(0.0) / f64::from(1 << 20) < 150.0, "the next window");
    // A kill counts 20 % or 100 MiB more than what was used, whichever is more.
    let mut c = Container::default();
    c.add_memory(mib(1000), hours(0));
    assert!(c.add_oom(mib(500), hours(1)));
    let buckets = Buckets::memory();
    assert_eq!(c.memory().percentile(1.0), buckets.start(buckets.find(mib(1200) as f64) + 1));
    assert!(c.add_oom(mib(500), hours(2)));
    assert_eq!(c.memory().percentile(1.0), buckets.start(buckets.find(mib(1200) as f64) + 1), "no further");
    c.add_memory(mib(10), hours(100));
    assert!(!c.add_oom(mib(5000), hours(1)), "too old");
}

#[test]
fn faults_are_all_told() {
    let cpu = Bounds { lower: -1.0, target: 2.0, upper: f64::NAN };
    let bad = Recommender {
        cpu,
        margin: -1.0,
        pod_min_cpu_milli: -1.0,
        confidence_cpu: Duration::ZERO,
        ..Recommender::default()
    };
    assert_eq!((bad.faults().len(), Recommender::default().faults().len()), (6, 0));
    let bad = Updater { tolerance: 2.0, min_change: f64::NAN, ..Updater::default() };
    assert_eq!((bad.faults().len(), Updater::default().faults().len()), (2, 0));
}

fn pod(request: i64, target: i64) -> updater::Pod {
    let of = |cpu_milli| Amounts { cpu_milli, memory: 1000 };
    let estimate = Estimate { lower: of(target / 2), target: of(target), upper: of(target * 2), uncapped: of(target) };
    let c = updater::Container { cpu_milli: Some(request), memory: Some(1000), estimate, oom_after: None };
    updater::Pod { containers: vec![c], started: Some(hours(0)), ..updater::Pod::default() }
}

#[test]
fn pods_outside_their_bounds_go_at_once_and_others_when_they_are_old() {
    let u = Updater::default();
    let verdict = |p: &updater::Pod, h| u.wants(p, hours(h)).map(|u| u.difference).map_err(Some);
    assert_eq!(verdict(&pod(1000, 2002), 1), Ok(1.002), "below its lower bound");
    assert_eq!(verdict(&pod(1000, 1999), 1), Err(Some(Stays::Young)));
    assert!(verdict(&pod(1000, 1999), 12).is_ok());
    assert!(verdict(&pod(1000, 1100), 12).is_ok(), "a tenth is enough");
    assert_eq!(verdict(&pod(1000, 1099), 12), Err(Some(Stays::Small)));
    let mut killed = pod(1000, 1001);
    killed.containers[0].oom_after = Some(Duration::from_secs(599));
    assert!(verdict(&killed, 1).is_ok());
    killed.containers[0].cpu_milli = Some(1001);
    assert_eq!(verdict(&killed, 1), Err(Some(Stays::Unchanged)));
    killed.containers[0].cpu_milli = None;
    assert!(verdict(&killed, 1).is_ok());
    killed.containers[0].cpu_milli = Some(1000);
    killed.containers[0].oom_after = Some(Duration::from_secs(600));
    assert_eq!(verdict(&killed, 1), Err(Some(Stays::Young)));
}

#[test]
fn half_of_a_controllers_pods_go_at_once() {
    let u = Updater::default();
    let outside = || pod(1000, 3000);
    let gone = |u: &Updater, n: u32, pods: &[updater::Pod]| u.run(n, pods, hours(1)).0;
    assert_eq!(gone(&u, 4, &vec![outside(); 4]), [0, 1]);
    assert_eq!(gone(&u, 5, &vec![outside(); 5]), [0, 1]);
    assert_eq!(gone(&u, 4, &vec![outside(); 3]), [0], "one is gone already");
    assert_eq!(u.run(1, &[outside()], hours(1)).1, [(0, Stays::FewReplicas)]);
    let one = Updater { min_replicas: 1, ..u };
    assert_eq!(gone(&one, 1, &[outside()]), [0], "of one that is all there one may go");
    // Who should have more goes first, then who changes most.
    let pods = [pod(1000, 400), pod(1000, 2500), pod(1000, 3000), pod(1000, 400)];
    assert_eq!(gone(&u, 4, &pods), [2, 1]);
    let mut budget = vec![outside(); 4];
    for p in &mut budget {
        p.evictions_allowed = Some(1);
    }
    assert_eq!(gone(&u, 4, &budget), [0]);
}

proptest! {
    /// Percentiles grow with the share, and lie in the bucket after a value that was added.
    #[test]
    fn percentiles_are_monotonic(
        values in proptest::collection::vec((0.0_f64..12.0, 0_u64..200), 1..40), a in 0.0_f64..1.0, b in 0.0_f64..1.0,
    ) {
        let mut h = Histogram::new(unit(), Some(HOUR));
        let mut sorted = values.clone();
        sorted.sort_by_key(|(_, at)| *at);
        for (v, at) in &sorted {
            h.add(*v, 1.0, hours(*at));
        }
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(h.percentile(low) <= h.percentile(high));
        let ends: Vec<f64> = values.iter().map(|(v, _)| (v.floor() + 1.0).min(9.0)).collect();
        prop_assert!(ends.contains(&h.percentile(low)));
    }

    /// The bounds hold the target between them once there is a day of samples.
    #[test]
    fn the_target_lies_within_its_bounds(usage in proptest::collection::vec(1_i64..4000, 1..50)) {
        let mut c = Container::default();
        for m in 0..3000_u64 {
            c.add_cpu(usage[m as usize % usage.len()], minutes(m));
        }
        let e = Recommender::default().recommend(&c, 1, &Policy::default());
        prop_assert!(e.lower.cpu_milli <= e.target.cpu_milli && e.target.cpu_milli <= e.upper.cpu_milli);
    }
}
