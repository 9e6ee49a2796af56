//! What a synthetic workload yields, against the parameters it was given.

use super::*;

fn name(s: &str) -> Name {
    Name::new(s).unwrap()
}

fn label(k: &str, v: &str) -> Label {
    Label { key: name(k), value: name(v) }
}

fn plain() -> Spec {
    Spec::new(name("w"), Arrivals::poisson(1000.0), Dist::lognormal_median_p95(600.0, 6000.0).unwrap())
}

fn rich() -> Spec {
    Spec {
        gpus: Mix::new([(0, 0.1), (1, 0.6), (8, 0.2), (16, 0.1)]).unwrap(),
        shares: Some(Mix::new([(250, 1.0), (1000, 3.0)]).unwrap()),
        cpu_milli: Amount { cpu_only: 4000, per_pod: 1000, per_gpu: 8000 },
        mem_mib: Amount { cpu_only: 1024, per_pod: 0, per_gpu: 1001 },
        labels: vec![
            Mix::new([(vec![label("team", "a")], 3.0), (vec![label("team", "b")], 1.0)]).unwrap(),
            Mix::only(vec![label("env", "prod")]),
        ],
        accept: Mix::new([(vec![], 0.5), (vec!["T4".to_owned(), "A10".to_owned()], 0.5)]).unwrap(),
        priority: Mix::new([(0, 0.9), (10, 0.1)]).unwrap(),
        endings: Endings {
            fails: 0.2,
            cancelled: 0.1,
            failed_length: Some(Dist::constant(0.5).unwrap()),
            cancelled_length: None,
        },
        patience: Some(Dist::constant(3600.0).unwrap()),
        usage: Usage {
            busy: Some(Dist::uniform(0.2, 0.6).unwrap()),
            stall: Some(Dist::constant(0.05).unwrap()),
            gpu_mem_mib: Some(Dist::constant(20_480.5).unwrap()),
        },
        ..plain()
    }
}

fn made(spec: Spec, n: usize) -> Vec<Job> {
    let s = Synth::new(spec).unwrap();
    s.jobs(&Streams::new(3, 0), &Calendar::default(), SimTime::ZERO, SimTime::MAX).take(n).collect()
}

#[test]
fn every_attribute_has_its_share_within_four_sigma() {
    let n = 50_000.0f64;
    let jobs = made(rich(), 50_000);
    let near = |what: &str, p: f64, of: f64, f: &dyn Fn(&Job) -> bool| {
        let got = jobs.iter().filter(|j| f(j)).count() as f64;
        assert!((got - p * of).abs() < 4.0 * (p * (1.0 - p) * of).sqrt(), "{what}: {got} for {}", p * of);
    };
    near("cpu", 0.1, n, &|j| j.request.gpus == 0 && j.request.gpu_milli == 0);
    near("16", 0.1, n, &|j| j.pods == 2 && j.request.gpus == 8);
    near("share", 0.6 * 0.25, n, &|j| j.request.is_share());
    near("team b", 0.25, n, &|j| j.labels == 1);
    near("any", 0.5, n, &|j| j.accept == 0);
    near("urgent", 0.1, n, &|j| j.priority == 10);
    near("fails", 0.2, n, &|j| j.ending == Ending::Fails);
    near("cancelled", 0.1, n, &|j| j.ending == Ending::Cancelled);
    assert!(jobs.iter().all(|j| j.patience == Duration::from_hours(1)));
    assert!(jobs.iter().all(|j| (200_000..=600_000).contains(&j.usage.busy_ppm) && j.usage.stall_ppm == 50_000));
    assert!(jobs.iter().all(|j| j.usage.gpu_mem_mib == 20_481));
}

#[test]
fn requests_follow_the_gpus_of_a_pod() {
    for j in made(rich(), 2_000) {
        let want = match (j.request.gpus, j.request.gpu_milli) {
            (0, 0) => (4000, 1024),
            (1, 1000) => (9000, 1001),
            // A quarter of 1001 MiB, rounded up.
            (1, 250) => (3000, 251),
            (8, 1000) => (65_000, 8008),
            other => panic!("{other:?}"),
        };
        assert_eq!((j.request.cpu_milli, j.request.mem_mib), want);
    }
}

#[test]
fn tables_hold_every_set_and_their_indices_are_right() {
    let s = Synth::new(rich()).unwrap();
    assert_eq!(s.accepts(), [vec![], vec!["T4".to_owned(), "A10".to_owned()]]);
    assert_eq!(
        s.label_sets(),
        [[label("env", "prod"), label("team", "a")], [label("env", "prod"), label("team", "b")]]
    );
    let three = Spec {
        labels: (0..3)
            .map(|g| Mix::new((0..4).map(|v| (vec![label(&format!("k{g}"), &format!("v{v}"))], 1.0))).unwrap())
            .collect(),
        ..plain()
    };
    let s = Synth::new(three).unwrap();
    assert_eq!(s.label_sets().len(), 64);
    let mut seen = [0u32; 64];
    let streams = Streams::new(1, 0);
    for j in s.jobs(&streams, &Calendar::default(), SimTime::ZERO, SimTime::MAX).take(64_000) {
        seen[usize::from(j.labels)] += 1;
    }
    assert!(seen.iter().all(|n| (f64::from(*n) - 1000.0).abs() < 4.0 * 1000.0f64.sqrt()), "{seen:?}");
}

#[test]
fn changing_one_attribute_leaves_the_others_as_they_were() {
    let base = made(rich(), 3_000);
    let arrivals = made(Spec { arrivals: Arrivals::renewal(50.0, 4.0), ..rich() }, 3_000);
    let strip = |jobs: &[Job]| jobs.iter().map(|j| Job { arrive: SimTime::ZERO, ..*j }).collect::<Vec<_>>();
    assert_eq!(strip(&base), strip(&arrivals));
    let length = made(Spec { length: Dist::exponential(9.0).unwrap(), ..rich() }, 3_000);
    let strip = |jobs: &[Job]| jobs.iter().map(|j| Job { work: Duration::ZERO, ..*j }).collect::<Vec<_>>();
    assert_eq!(strip(&base), strip(&length));
    assert_ne!(base, length);
    let gpus = made(Spec { gpus: Mix::only(4), ..rich() }, 3_000);
    let strip =
        |jobs: &[Job]| jobs.iter().map(|j| Job { request: Request::default(), pods: 0, ..*j }).collect::<Vec<_>>();
    assert_eq!(strip(&base), strip(&gpus));
    let labels = Spec { labels: vec![Mix::only(vec![label("team", "c")])], ..rich() };
    let strip = |jobs: &[Job]| jobs.iter().map(|j| Job { labels: 0, ..*j }).collect::<Vec<_>>();
    assert_eq!(strip(&base), strip(&made(labels, 3_000)));
    let endings = Spec { endings: Endings::default(), ..rich() };
    let kept: Vec<(Job, Job)> = base.iter().copied().zip(made(endings, 3_000)).collect();
    assert!(kept.iter().filter(|(a, _)| a.ending == Ending::Completes).all(|(a, b)| a == b));
    assert!(kept.iter().filter(|(a, _)| a.ending == Ending::Fails).all(|(a, b)| a.work.0.abs_diff(b.work.0 / 2) <= 1));
}

#[test]
fn a_window_of_arrivals_starts_where_it_says_and_repeats_exactly() {
    let s = Synth::new(rich()).unwrap();
    let (from, until) = (SimTime(Duration::from_hours(5).0), SimTime(Duration::from_hours(9).0));
    let jobs = |r| s.jobs(&Streams::new(3, r), &Calendar::default(), from, until).collect::<Vec<Job>>();
    let (a, b) = (jobs(0), jobs(1));
    assert!(a.iter().all(|j| j.arrive >= from && j.arrive < until) && a.is_sorted_by_key(|j| j.arrive));
    assert_eq!(a, jobs(0));
    assert_ne!(a, b);
}

#[test]
fn all_that_is_wrong_is_reported_together() {
    let bad = Spec {
        arrivals: Arrivals::poisson(f64::NAN),
        gpus: Mix::new([(1, 1.0), (65_537, 1.0)]).unwrap(),
        shares: Some(Mix::only(1001)),
        cpu_milli: Amount { per_gpu: u32::MAX, per_pod: 1, ..Amount::default() },
        endings: Endings { fails: 0.8, cancelled: 0.3, ..Endings::default() },
        labels: vec![Mix::only(vec![label("team", "a")]), Mix::only(vec![label("team", "b")])],
        ..plain()
    };
    let wrong = Synth::new(bad).unwrap_err();
    assert!(
        matches!(
            wrong[..],
            [
                SynthError::Arrivals(_),
                SynthError::TooLarge(1),
                SynthError::Gang { .. },
                SynthError::Share(1001),
                SynthError::Endings { .. },
                SynthError::LabelTwice(_)
            ]
        ),
        "{wrong:?}"
    );
    let wide = |k: u32| Mix::new((0..1000).map(|i| (vec![label(&format!("k{k}"), &format!("v{i}"))], 1.0))).unwrap();
    let wrong = Synth::new(Spec { labels: vec![wide(0), wide(1)], ..plain() }).unwrap_err();
    assert_eq!(wrong, [SynthError::TooManyLabels(1_000_000)]);
}
