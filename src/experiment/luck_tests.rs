use super::super::exact::Bound;
use super::super::fixture::{V7_MEAN_AT_10, minutes, v7, v7_mean};
use super::super::replicate::{Control, replicate};
use super::*;

fn luck(model: &Model, n: u32) -> Luck {
    let reps = replicate(model, 1, 0..n, Control::default(), |r, o| Rep::of(model, r, o));
    Luck::of(model, 1, n, &reps)
}

#[test]
fn the_mean_makespan_of_v7_lies_in_its_interval_and_the_cost_follows_from_it() {
    assert!((v7_mean(10.0) - V7_MEAN_AT_10).abs() < 1e-6);
    let l = luck(&v7(10.0), 1_000);
    let m = l.work[0].makespan.as_ref().unwrap();
    assert_eq!((m.finished, m.beyond, m.never), (1_000, 0, 0));
    let mean = m.mean.unwrap();
    let (low, high) = (mean.low.unwrap() / 60.0, mean.high.unwrap() / 60.0);
    assert!(low < V7_MEAN_AT_10 && V7_MEAN_AT_10 < high, "{low} {high}");
    // The published deviation of one run is 124.1 min: the interval is ± 1.96 · 124.1 / √1000.
    assert!(((high - low) / 2.0 / (1.96 * 124.1 / 1_000_f64.sqrt()) - 1.0).abs() < 0.15);
    // One GPU at 1 USD an hour, billed while it is broken too.
    let cost = l.cost.as_ref().unwrap();
    assert!((cost.mean.mean * 3_600.0 / mean.mean - 1.0).abs() < 1e-9);
    let order: Vec<f64> = m.quantiles.iter().filter_map(|q| q.value.value()).collect();
    assert!(order.len() == 4 && order.is_sorted());
    for q in &m.quantiles {
        assert!(q.low.value() <= q.value.value() && q.value.value() <= q.high.value(), "{q:?}");
    }
    // Useful time is the work: 24 h of what was held. Nothing is held while the node is broken.
    let goodput = l.work[0].goodput.as_ref().unwrap().mean.mean;
    assert!(goodput > 1_440.0 / V7_MEAN_AT_10 && goodput < 1.0, "{goodput}");
}

#[test]
fn runs_without_chance_are_alike_and_others_are_not() {
    assert!(!luck(&v7(10.0), 3).alike);
    let mut sure = v7(10.0);
    for p in &mut sure.pools {
        if let Some(s) = &mut p.supply {
            s.hardware = None;
        }
    }
    let l = luck(&sure, 3);
    assert!(l.alike);
    // A single run is like no other.
    assert!(!luck(&sure, 1).alike);
    // Without failures: the work and its checkpoints, and intervals of no width.
    let m = l.work[0].makespan.as_ref().unwrap().mean.unwrap();
    assert_eq!((m.low, m.high), (Some(m.mean), Some(m.mean)));
}

#[test]
fn runs_that_the_horizon_cut_off_are_counted_and_quantiles_above_them_are_beyond() {
    let long = luck(&v7(10.0), 200);
    let median = long.work[0].makespan.as_ref().unwrap().at(0.5).unwrap().value.value().unwrap();
    let mut model = v7(10.0);
    // The horizon lies a little above the median.
    model.horizon = minutes(median / 60.0 + 5.0);
    let cut = luck(&model, 200);
    let m = cut.work[0].makespan.as_ref().unwrap();
    assert!(m.beyond > 60 && m.finished > 100 && m.finished + m.beyond == 200, "{m:?}");
    assert_eq!(m.mean, None, "the mean of those that finished would be too small");
    // Cutting off changes nothing below the cut.
    assert_eq!(m.at(0.1), long.work[0].makespan.as_ref().unwrap().at(0.1));
    assert_eq!(m.at(0.5).unwrap().value, Bound::At(median));
    assert_eq!((m.at(0.9).unwrap().value, m.at(0.9).unwrap().high), (Bound::Beyond, Bound::Beyond));
    // Nobody finishes in an hour.
    model.horizon = minutes(60.0);
    let none = luck(&model, 20);
    let m = none.work[0].makespan.as_ref().unwrap();
    assert_eq!((m.finished, m.beyond), (0, 20));
    assert!(m.quantiles.iter().all(|q| q.value == Bound::Beyond));
}

#[test]
fn what_is_unknown_widens_the_share_of_misses_to_both_sides() {
    let hour = Duration::from_hours(1);
    let all: Vec<Kept> =
        [(Kept::Met, 90), (Kept::Missed, 4), (Kept::Unknown, 6)].into_iter().flat_map(|(k, n)| vec![k; n]).collect();
    let m = Misses::of(hour, &all).unwrap();
    assert_eq!((m.missed, m.met, m.unknown, m.least, m.most), (4, 90, 6, 0.04, 0.10));
    assert_eq!((m.low, m.high), (exact::share(4, 100, CONFIDENCE).0, exact::share(10, 100, CONFIDENCE).1));
    assert_eq!(Misses::of(hour, &[]), None);
}

#[test]
fn a_job_that_failed_never_finishes_and_misses_its_deadline() {
    let o = crate::sim::simulate(&v7(10.0), 1, 0, &mut crate::outcome::Silent);
    let mut w = o.work[0].clone();
    assert!(matches!(finish(&w), Some(Finish::After(_))));
    assert_eq!(kept(&w), Some(Kept::Unknown), "it has no deadline to meet");
    w.jobs.done = 0;
    w.jobs.running_at_end = 1;
    assert!(matches!(finish(&w), Some(Finish::Beyond(_))));
    w.jobs.running_at_end = 0;
    w.jobs.failed = 1;
    assert_eq!((finish(&w), kept(&w)), (Some(Finish::Never), Some(Kept::Missed)));
    w.jobs.arrived = 2_000;
    assert_eq!(finish(&w), None, "an outcome does not list so many");
    w.run = None;
    assert_eq!((finish(&w), kept(&w)), (None, None));
}

#[test]
fn it_reads_back_from_json() {
    let l = luck(&v7(10.0), 7);
    let text = serde_json::to_string(&l).unwrap();
    assert_eq!(serde_json::from_str::<Luck>(&text).unwrap(), l);
    let v: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(v["n"], 7);
    assert_eq!(v["confidence"], 0.95);
}
