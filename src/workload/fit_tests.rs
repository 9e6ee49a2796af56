//! The round trip: a synthetic workload, fitted, has the parameters that it was made from.

use super::*;
use crate::kernel::Streams;
use crate::units::{Duration, SimTime};
use crate::workload::inspect::tests::trace;
use crate::workload::synth::{Calendar, Daily, Synth};

fn name(s: &str) -> Name {
    Name::new(s).unwrap()
}

fn made(spec: Spec, seed: u64, days: u64) -> Trace {
    let span = Duration::from_hours(24 * days);
    let s = Synth::new(spec).unwrap();
    // The default calendar begins on a Monday, as a trace without dates is taken to.
    let jobs = s.jobs(&Streams::new(seed, 0), &Calendar::default(), SimTime::ZERO, SimTime(span.0)).collect();
    Trace { label_sets: s.label_sets().to_vec(), accepts: s.accepts().to_vec(), ..trace(jobs, span) }
}

fn spec() -> Spec {
    let team = |t: &str| vec![Label { key: name("team"), value: name(t) }];
    Spec {
        gpus: Mix::new([(1, 0.7), (8, 0.2), (16, 0.1)]).unwrap(),
        shares: Some(Mix::new([(500, 0.5), (1000, 0.5)]).unwrap()),
        cpu_milli: Amount { cpu_only: 0, per_pod: 0, per_gpu: 6000 },
        mem_mib: Amount { cpu_only: 0, per_pod: 0, per_gpu: 8192 },
        labels: vec![Mix::new([(team("a"), 0.8), (team("b"), 0.2)]).unwrap()],
        accept: Mix::new([(vec![], 0.75), (vec!["T4".to_owned()], 0.25)]).unwrap(),
        endings: Endings {
            fails: 0.2,
            cancelled: 0.1,
            failed_length: Some(Dist::constant(0.5).unwrap()),
            cancelled_length: Some(Dist::constant(0.25).unwrap()),
        },
        ..Spec::new(name("w"), Arrivals::poisson(60.0), Dist::lognormal(6.0, 1.5).unwrap())
    }
}

/// Whether `got` is within four standard errors of a share `p` of `n`.
fn share(got: f64, n: f64, p: f64) {
    assert!((got / n - p).abs() < 4.0 * (p * (1.0 - p) / n).sqrt(), "{} for {p}", got / n);
}

#[test]
fn rate_sizes_lengths_labels_and_endings_come_back() {
    let f = fit(&made(spec(), 11, 60)).unwrap();
    let n = f.jobs as f64;
    assert!((f.per_hour - 60.0).abs() < 4.0 * (60.0 / 1440.0f64).sqrt(), "{}", f.per_hour);
    assert!((f.cv - 1.0).abs() < 0.02, "{}", f.cv);
    for (g, p) in f.gpus.iter().zip([0.7, 0.2, 0.1]) {
        share(g.1, n, p);
    }
    assert_eq!(f.gpus.iter().map(|g| g.0).collect::<Vec<_>>(), [1, 8, 16]);
    assert_eq!(f.shares.len(), 2);
    share(f.shares[0].1, f.gpus[0].1, 0.5);
    share(f.labels[0].1, n, 0.8);
    share(f.accepts[1].1, n, 0.25);
    share(f.fails.0 * n, n, 0.2);
    share(f.cancelled.0 * n, n, 0.1);
    // Means of log-normals of CV 2.9: their ratio has a standard error of about 2.9·√(1/n₁ + 1/n₂).
    assert!((f.fails.1 - 0.5).abs() < 0.06 && (f.cancelled.1 - 0.25).abs() < 0.05, "{:?} {:?}", f.fails, f.cancelled);
    assert_eq!((f.cpu_milli.per_gpu, f.mem_mib.per_gpu), (6000, 8192));
    assert_eq!(f.length.family, Family::Lognormal);
    assert!(f.length.ks < 0.01 && (f.length.mean_ratio - 1.0).abs() < 0.05, "{:?}", f.length);
    let Dist::LogNormal(law) = &f.length.dist else { panic!("{:?}", f.length) };
    assert!((law.mu() - 6.0).abs() < 0.03 && (law.sigma() - 1.5).abs() < 0.02, "{law:?}");
}

#[test]
fn a_weekly_shape_and_the_cv_beneath_it_come_back() {
    let shape = Shape::daily(Daily { peak: 10.0, trough: 2.0, peak_hour: 15.0, weekend: 0.4 }).unwrap();
    for cv in [0.5, 2.0] {
        let arrivals = Arrivals { shape: Some(shape.clone()), ..Arrivals::renewal(100.0, cv) };
        let f = fit(&made(Spec { arrivals, ..spec() }, 12, 140)).unwrap();
        let week = f.week.clone().unwrap();
        // An hour of the week has 2,000 arrivals at the mean, the least a fifth of that; their CV² scales the error.
        for (got, want) in week.iter().zip(shape.hours()) {
            let error = 4.5 * cv * (want / 2000.0).sqrt();
            assert!((got - want).abs() < error, "{got} for {want}");
        }
        assert!((f.cv / cv - 1.0).abs() < 0.05, "{} for {cv}", f.cv);
    }
}

#[test]
fn each_family_is_recognised_as_itself() {
    for (dist, family) in [
        (Dist::lognormal(5.0, 2.0).unwrap(), Family::Lognormal),
        (Dist::weibull(0.6, 900.0).unwrap(), Family::Weibull),
        (Dist::hyperexp(900.0, 3.0).unwrap(), Family::Hyperexp),
        (
            Dist::mixture(vec![(0.5, Dist::constant(10.0).unwrap()), (0.5, Dist::constant(9000.0).unwrap())]).unwrap(),
            Family::Quantiles,
        ),
    ] {
        let f = fit(&made(Spec { length: dist, endings: Endings::default(), ..spec() }, 13, 30)).unwrap();
        assert_eq!(f.length.family, family, "{:?}", f.tried);
        assert!(f.tried.is_sorted_by_key(|c| c.ks));
    }
}

#[test]
fn the_table_of_quantiles_keeps_the_mean_of_a_heavy_tail() {
    let length =
        Dist::mixture(vec![(0.9, Dist::lognormal(5.0, 0.5).unwrap()), (0.1, Dist::lognormal(11.0, 1.0).unwrap())]);
    let f = fit(&made(Spec { length: length.unwrap(), endings: Endings::default(), ..spec() }, 14, 60)).unwrap();
    assert_eq!(f.length.family, Family::Quantiles);
    assert!((f.length.mean_ratio - 1.0).abs() < 0.1, "{}", f.length.mean_ratio);
}

#[test]
fn a_fit_of_a_fit_is_the_same_workload() {
    let first = fit(&made(spec(), 15, 60)).unwrap();
    let second = fit(&made(first.spec(name("again"), 8).unwrap(), 16, 60)).unwrap();
    assert!((second.per_hour / first.per_hour - 1.0).abs() < 0.03);
    assert!((second.median_p95_s.0 / first.median_p95_s.0 - 1.0).abs() < 0.05);
    assert_eq!(second.length.family, first.length.family);
    assert_eq!(second.labels[0].0, first.labels[0].0);
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let jobs = |n: u64, step: u64, work: u64| {
        let list = (0..n).map(|i| Job { arrive: SimTime(i * step), work: Duration(work), pods: 1, ..Job::default() });
        trace(list.collect(), Duration::from_hours(1))
    };
    assert_eq!(fit(&jobs(3, 1, 1)), Err(FitError::TooFew { needs: 10, found: 3 }));
    assert_eq!(fit(&jobs(20, 0, 1)), Err(FitError::NoSpan));
    assert_eq!(fit(&jobs(20, 1, 0)), Err(FitError::NoLength));
    // Equal durations: no family can be fitted, the table is a constant.
    let f = fit(&jobs(20, 1_000_000_000, 60_000_000_000)).unwrap();
    assert_eq!((f.length.family, f.length.ks), (Family::Quantiles, 0.0));
    assert!((f.length.dist.mean() - 60.0).abs() < 1e-9);
}
