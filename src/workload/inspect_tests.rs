//! Figures of small traces by hand. Those of the published ones are beside the readers.

use super::*;
use crate::units::{Label, Name, SimTime};
use crate::workload::{Ending, Job, Request};

const HOUR: u64 = NANOS_PER_HOUR;

fn job(arrive_min: u64, work_min: u64, pods: u16, gpus: u8, milli: u16) -> Job {
    Job {
        arrive: SimTime(arrive_min * HOUR / 60),
        work: Duration(work_min * HOUR / 60),
        pods,
        request: Request { gpus, gpu_milli: milli, ..Request::default() },
        ..Job::default()
    }
}

/// A trace of jobs that all arrive, over a span.
pub(in crate::workload) fn trace(jobs: Vec<Job>, span: Duration) -> Trace {
    Trace {
        format: TraceFormat::Csv,
        running_at_start: 0,
        waiting_at_start: 0,
        waits: vec![None; jobs.len()],
        accepts: vec![vec![]],
        label_sets: vec![vec![]],
        span,
        origin: None,
        rows: jobs.len() as u64,
        out_of_order: 0,
        before: 0,
        after: 0,
        open_ended: 0,
        notices: vec![],
        jobs,
    }
}

#[test]
fn demand_is_the_integral_of_what_is_asked_for() {
    // 8 GPUs over [0, 2 h), 0.5 over [1 h, 3 h), 16 over [3 h, 9 h) cut at 4 h.
    let jobs = vec![job(0, 120, 1, 8, 1000), job(60, 120, 1, 1, 500), job(180, 360, 2, 8, 1000), job(190, 5, 1, 0, 0)];
    let i = inspect(&trace(jobs, Duration::from_hours(4)));
    assert_eq!(i.demand.hourly_gpus, [8.0, 8.5, 0.5, 16.0]);
    assert_eq!((i.demand.mean_gpus, i.demand.max_gpus, i.demand.p95_gpus), (33.0 / 4.0, 16.0, 16.0));
    assert_eq!(i.gpu_hours, 16.0 + 1.0 + 96.0);
    assert_eq!((i.cpu_only, i.shares, i.gpus_requested), (1, 1, 24.5));
    let by: Vec<(&str, u64)> = i.by_gpus.iter().map(|g| (g.what.as_str(), g.jobs)).collect();
    assert_eq!(by, [("0", 1), ("1", 1), ("8", 1), ("16", 1)]);
}

#[test]
fn what_ends_at_a_moment_is_gone_before_what_begins_then() {
    let i = inspect(&trace(vec![job(0, 60, 1, 4, 1000), job(60, 60, 1, 4, 1000)], Duration::from_hours(2)));
    assert_eq!((i.demand.max_gpus, i.demand.mean_gpus), (4.0, 4.0));
}

#[test]
fn arrivals_have_the_rate_cv_and_dispersion_of_their_counts() {
    // Four in the first hour, two in the second, none in the third; gaps 15, 15, 15, 15, 15 minutes.
    let jobs: Vec<Job> = (0..6).map(|k| job(k * 15, 1, 1, 1, 1000)).collect();
    let a = inspect(&trace(jobs, Duration::from_hours(3))).arrivals;
    assert_eq!((a.hourly, a.per_hour_mean, a.per_hour_max, a.gap_cv), (vec![4, 2, 0], 2.0, 4, Some(0.0)));
    // Variance of 4, 2, 0 with n − 1 is 4; over the mean, 2.
    assert_eq!(a.dispersion_hourly, Some(2.0));
}

#[test]
fn jobs_at_the_start_count_as_demand_and_not_as_arrivals() {
    let mut t =
        trace(vec![job(0, 60, 1, 2, 1000), job(0, 30, 1, 1, 1000), job(30, 30, 1, 1, 1000)], Duration::from_hours(1));
    (t.running_at_start, t.waiting_at_start) = (1, 1);
    let i = inspect(&t);
    assert_eq!((i.jobs, i.arrivals.jobs, i.demand.mean_gpus), (3, 1, 3.0));
}

#[test]
fn the_hours_of_the_week_follow_the_calendar() {
    // From Wednesday 22:30: one arrival at the start of each of 14 days.
    let jobs: Vec<Job> = (0..14).map(|d| job(d * 24 * 60, 1, 1, 1, 1000)).collect();
    let t = Trace { origin: Some("2026-11-18T22:30".parse().unwrap()), ..trace(jobs, Duration::from_hours(336)) };
    let week = inspect(&t).hour_of_week;
    let busy: Vec<usize> = (0..168).filter(|h| week[*h] > 0.0).collect();
    assert_eq!(busy, [22, 46, 70, 94, 118, 142, 166]);
    assert!(busy.iter().all(|h| (week[*h] - 1.0).abs() < 1e-9));
    assert!(inspect(&trace(vec![], Duration::from_hours(100))).hour_of_week.is_empty());
}

#[test]
fn exposure_adds_up_to_the_span() {
    for (offset, span) in [(0.0, 168.0), (70.5, 400.25), (167.9, 0.2), (3.0, 1000.0)] {
        assert!((exposure(offset, span).iter().sum::<f64>() - span).abs() < 1e-9);
    }
    let e = exposure(167.5, 1.0);
    assert!((e[167] - 0.5).abs() < 1e-9 && (e[0] - 0.5).abs() < 1e-9);
}

#[test]
fn groups_are_by_label_ending_and_device() {
    let label = |v: &str| Label { key: Name::new("team").unwrap(), value: Name::new(v).unwrap() };
    let mut jobs: Vec<Job> = (0..4).map(|k| job(k, 60, 1, 1, 1000)).collect();
    (jobs[1].labels, jobs[2].ending, jobs[3].accept) = (1, Ending::Fails, 1);
    let mut t = trace(jobs, Duration::from_hours(2));
    t.label_sets.push(vec![label("vision")]);
    t.accepts.push(vec!["P100".to_owned(), "T4".to_owned()]);
    let i = inspect(&t);
    let of = |g: &[Group]| g.iter().map(|g| format!("{} {} {}", g.what, g.jobs, g.gpu_hours)).collect::<Vec<_>>();
    assert_eq!(of(&i.by_label), ["team=vision 1 1"]);
    assert_eq!(of(&i.by_ending), ["completes 3 3", "fails 1 1"]);
    assert_eq!(of(&i.by_devices), ["any 3 3", "P100|T4 1 1"]);
}

#[test]
fn an_empty_trace_has_figures_and_no_panic() {
    let i = inspect(&trace(vec![], Duration::ZERO));
    assert_eq!((i.jobs, i.duration_s, i.demand.mean_gpus, i.arrivals.per_hour_mean), (0, None, 0.0, 0.0));
}
