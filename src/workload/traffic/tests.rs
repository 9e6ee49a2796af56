//! Traffic as a whole. Figures of the published traces are those of the data's documentation, not of this program.

use jiff::civil::time;
use jiff::tz::TimeZone;

use super::*;
use crate::kernel::stats::ks_distance;
use crate::kernel::{Dist, Moments};
use crate::units::Duration;
use crate::workload::synth::{Daily, Growth, Mix, Shape};

const SEC: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SEC;

fn n(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn short() -> Lengths {
    Lengths::new(Dist::lognormal(5.0, 1.0).unwrap(), Dist::lognormal(4.0, 0.8).unwrap())
}

fn synth(spec: Spec) -> Source {
    Source::from(Synth::new(spec).unwrap())
}

fn all(traffic: &Traffic, from: u64, to: u64) -> Vec<Request> {
    let requests = traffic.requests(&Streams::new(9, 0), &Calendar::default(), SimTime(from), SimTime(to));
    requests.collect()
}

fn of(sources: Vec<Source>) -> Traffic {
    Traffic::new(sources).unwrap()
}

#[test]
fn requests_are_the_same_twice_and_in_order() {
    let sessions = Some(Sessions { turns: 3.0, think: Dist::exponential(40.0).unwrap() });
    let spec = Spec { sessions, shared: 700, ..Spec::new(n("chat"), Rate::poisson(5.0), short()) };
    let traffic = of(vec![
        synth(spec),
        synth(Spec::new(n("code"), Rate { cv: 3.0, ..Rate::poisson(2.0) }, Lengths::azure_code())),
        Source::from(
            Batch::new(BatchSpec::offline(n("embed"), SimTime(HOUR / 2), 500, Duration::from_hours(2), short()))
                .unwrap(),
        ),
    ]);
    let (a, b) = (all(&traffic, 0, HOUR), all(&traffic, 0, HOUR));
    assert_eq!(a, b);
    assert!(a.windows(2).all(|w| w[0].at <= w[1].at) && a.iter().all(|r| r.input > 0 && r.output > 0));
    assert_eq!(a.iter().filter(|r| r.source == 2).count(), 500);
    let due: Vec<_> = a.iter().filter_map(|r| traffic.due(r)).collect();
    assert!(due.len() == 500 && due.iter().all(|t| *t == SimTime(HOUR / 2 + 2 * HOUR)));
}

#[test]
fn another_source_changes_no_request_of_the_first() {
    let one = || synth(Spec::new(n("chat"), Rate::poisson(3.0), short()));
    let two = synth(Spec::new(n("code"), Rate::poisson(4.0), short()));
    let alone = all(&of(vec![one()]), 0, HOUR);
    let mixed: Vec<Request> = all(&of(vec![two, one()]), 0, HOUR).into_iter().filter(|r| r.source == 1).collect();
    let strip = |rs: &[Request]| -> Vec<_> { rs.iter().map(|r| (r.at, r.input, r.output)).collect() };
    assert_eq!(strip(&alone), strip(&mixed));
}

#[test]
fn changing_one_attribute_leaves_the_others() {
    let base = Spec::new(n("chat"), Rate::poisson(3.0), short());
    let output = Dist::exponential(900.0).unwrap();
    let team = |v: &str| vec![Label { key: n("team"), value: n(v) }];
    let marks = Marks {
        labels: vec![Mix::new([(team("a"), 3.0), (team("b"), 1.0)]).unwrap()],
        priority: Mix::new([(0i8, 1.0), (5, 1.0)]).unwrap(),
    };
    let other = Spec { lengths: Lengths { output, ..short() }, marks, ..base.clone() };
    let (a, b) = (all(&of(vec![synth(base)]), 0, HOUR), all(&of(vec![synth(other)]), 0, HOUR));
    assert!(a.len() == b.len() && a.iter().zip(&b).all(|(x, y)| (x.at, x.input) == (y.at, y.input)));
    // 10,800 requests: four standard deviations of a binomial (1/4) and (1/2).
    let count = |f: fn(&Request) -> bool| b.iter().filter(|r| f(r)).count() as f64 / b.len() as f64;
    assert!((count(|r| r.labels == 1) - 0.25).abs() < 0.017 && (count(|r| r.priority == 5) - 0.5).abs() < 0.02);
}

#[test]
fn rates_have_their_integral() {
    // A launch of height 4 that decays in two hours, at hour 3, over a rate of 2/s that doubles in a month.
    let launch = Launch { at: SimTime(3 * HOUR), height: 4.0, decay: Duration::from_hours(2) };
    let growth = Some(Growth { factor: 2.0, per: MONTH });
    let rate = Rate { growth, launches: vec![launch], ..Rate::poisson(2.0) };
    let traffic = of(vec![synth(Spec::new(n("chat"), rate, short()))]);
    let requests = all(&traffic, 0, 24 * HOUR);
    let g = 2.0_f64.ln() / MONTH.as_secs_f64();
    let base = |a: f64, b: f64| 2.0 * ((g * b).exp() - (g * a).exp()) / g;
    // 2·4·e^(g·t)·e^(−(t − a)/d), integrated from a.
    let extra = |a: f64, b: f64| {
        let (at, rest) = (10_800.0, g - 1.0 / 7_200.0);
        8.0 * (g * at).exp() * (((b - at) * rest).exp() - ((a - at) * rest).exp()) / rest
    };
    for hour in 0..24u64 {
        let (a, b) = (hour as f64 * 3_600.0, (hour + 1) as f64 * 3_600.0);
        let want = base(a, b) + if hour < 3 { 0.0 } else { extra(a, b) };
        let got = requests.iter().filter(|r| (hour * HOUR..(hour + 1) * HOUR).contains(&r.at.0)).count() as f64;
        // Poisson counts: four standard deviations.
        assert!((got - want).abs() < 4.0 * want.sqrt(), "hour {hour}: {got} for {want}");
    }
}

#[test]
fn a_launch_leaves_the_other_requests() {
    let spec = |launches| Spec::new(n("chat"), Rate { launches, ..Rate::poisson(2.0) }, short());
    let launch = Launch { at: SimTime(HOUR), height: 3.0, decay: Duration::from_hours(1) };
    let base = all(&of(vec![synth(spec(vec![]))]), 0, 3 * HOUR);
    let with = all(&of(vec![synth(spec(vec![launch]))]), 0, 3 * HOUR);
    let mut rest = with.iter();
    assert!(base.iter().all(|r| rest.any(|w| w == r)) && with.len() > base.len() + 5_000);
    // A replay from after the launch has its share: 3·e^(−1)…e^(−2) of 7,200 in the third hour.
    let later = all(&of(vec![synth(spec(vec![launch]))]), 2 * HOUR, 3 * HOUR).len() as f64;
    let want = 7_200.0 * (1.0 + 3.0 * ((-1.0_f64).exp() - (-2.0_f64).exp()));
    assert!((later - want).abs() < 4.0 * want.sqrt(), "{later} for {want}");
}

#[test]
fn arrivals_vary_as_asked_and_follow_the_day() {
    for cv in [0.5, 1.0, 4.0] {
        let spec = Spec::new(n("chat"), Rate { cv, ..Rate::poisson(10.0) }, short());
        let requests = all(&of(vec![synth(spec)]), 0, 6 * HOUR);
        let mut gaps = Moments::new();
        requests.windows(2).for_each(|w| gaps.add((w[1].at - w[0].at).as_secs_f64()));
        assert!((gaps.cv().unwrap() / cv - 1.0).abs() < 0.05, "{cv}");
        assert!((gaps.mean().unwrap() / 0.1 - 1.0).abs() < 0.03, "{cv}");
    }
    let shape = Shape::daily(Daily { peak: 9.0, trough: 1.0, peak_hour: 14.0, weekend: 1.0 }).unwrap();
    let spec = Spec::new(n("chat"), Rate { shape: Some(shape), ..Rate::poisson(5.0) }, short());
    let requests = all(&of(vec![synth(spec)]), 0, 24 * HOUR);
    let at = |h: u64| requests.iter().filter(|r| (h * HOUR..(h + 2) * HOUR).contains(&r.at.0)).count() as f64 / 7_200.0;
    assert!((at(13) - 8.9).abs() < 0.3 && (at(1) - 1.1).abs() < 0.15, "{} {}", at(13), at(1));
}

#[test]
fn a_turn_has_all_that_was_said_as_its_prefix() {
    let sessions = Some(Sessions { turns: 4.0, think: Dist::exponential(60.0).unwrap() });
    let spec = Spec { sessions, shared: 600, context: 3_000, ..Spec::new(n("chat"), Rate::poisson(8.0), short()) };
    let traffic = of(vec![synth(spec)]);
    let requests = all(&traffic, 0, 10 * HOUR);
    let mut said = std::collections::BTreeMap::new();
    let (mut firsts, mut again) = (0u32, 0u32);
    for r in &requests {
        assert!(r.session > 0 && r.tokens() <= 3_000);
        match said.insert(r.session, r.input + r.output) {
            None => {
                firsts += 1;
                assert_eq!(r.prefix, PrefixRef::Prompt { id: 0, tokens: 600 });
                assert!(r.input > 600);
            }
            Some(before) => {
                again += 1;
                assert_eq!(r.prefix, PrefixRef::History { tokens: before });
                assert!(r.input > before);
            }
        }
    }
    // All turns count towards the rate, less the ends of conversations at the start of the interval (a mean of a few minutes).
    assert!((requests.len() as f64 / (8.0 * 36_000.0) - 1.0).abs() < 0.03, "{}", requests.len());
    assert!(firsts > 0 && again > firsts);

    // Without a limit the turns are geometric: the mean, and P(1 turn) = 1/mean.
    let sessions = Some(Sessions { turns: 4.0, think: Dist::constant(1.0).unwrap() });
    let spec = Spec { sessions, ..Spec::new(n("chat"), Rate::poisson(8.0), short()) };
    let mut turns = std::collections::BTreeMap::new();
    for r in all(&of(vec![synth(spec)]), 0, 10 * HOUR) {
        *turns.entry(r.session).or_insert(0u32) += 1;
    }
    let count = turns.len() as f64;
    let mean = f64::from(turns.values().sum::<u32>()) / count;
    let single = turns.values().filter(|t| **t == 1).count() as f64 / count;
    // The standard deviation of the geometric law of mean 4 is √12.
    assert!((mean - 4.0).abs() < 4.0 * 12.0_f64.sqrt() / count.sqrt() + 0.01, "{mean}");
    assert!((single - 0.25).abs() < 4.0 * (0.1875 / count).sqrt(), "{single}");
}

#[test]
fn blocks_are_shared_by_what_is_the_same() {
    let sessions = Some(Sessions { turns: 3.0, think: Dist::constant(30.0).unwrap() });
    let lengths = Lengths::new(Dist::constant(600.0).unwrap(), Dist::constant(300.0).unwrap());
    let spec = Spec { sessions, shared: 1_100, ..Spec::new(n("chat"), Rate::poisson(1.0), lengths) };
    let traffic = of(vec![synth(spec)]);
    let requests = all(&traffic, 0, HOUR);
    let blocks = |r: &Request, tokens: u64| {
        let mut out = Vec::new();
        traffic.blocks(r, tokens, &mut out);
        out
    };
    let second = requests.iter().find(|r| matches!(r.prefix, PrefixRef::History { .. })).unwrap();
    let first = requests.iter().find(|r| r.session == second.session).unwrap();
    let other = requests.iter().find(|r| r.session != second.session).unwrap();
    assert_eq!((first.input, second.input), (1_700, 2_600));
    // 2,000 tokens when the first turn ended: 3 full blocks of the second's 5.
    let (a, b) = (blocks(first, first.tokens()), blocks(second, u64::from(second.input)));
    assert_eq!((a.len(), b.len()), (3, 5));
    assert_eq!(a, b[..3]);
    // Of the shared 1,100 tokens 2 blocks are full.
    let c = blocks(other, u64::from(other.input));
    assert_eq!(c[..2], b[..2]);
    assert!(c[2..].iter().all(|x| !b.contains(x)));
}

#[test]
fn an_evaluation_has_the_same_prompts_in_every_run_on_working_days() {
    let lengths = short();
    let times = vec![time(2, 30, 0, 0), time(14, 0, 0, 0)];
    let batch = Batch::new(BatchSpec::evaluation(n("evals"), 200, times, lengths)).unwrap();
    let traffic = of(vec![Source::from(batch)]);
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    // Thursday, 26 March 2026, 00:00 local; the clocks go forward on Sunday.
    let calendar = Calendar { epoch: "2026-03-25T23:00:00Z".parse().unwrap(), zone };
    let run = |from: u64, to: u64| -> Vec<Request> {
        traffic.requests(&Streams::new(1, 0), &calendar, SimTime(from), SimTime(to)).collect()
    };
    let requests = run(0, 6 * 24 * HOUR);
    let mut starts: Vec<f64> = requests.iter().map(|r| r.at.as_secs_f64() / 3_600.0).collect();
    starts.dedup();
    // Thursday, Friday, Monday and Tuesday; from Monday on an hour earlier on the clock that runs through.
    assert_eq!(starts, [2.5, 14.0, 26.5, 38.0, 97.5, 109.0, 121.5, 133.0]);
    let runs: Vec<&[Request]> = requests.chunks(200).collect();
    for r in &runs {
        assert!(r.iter().zip(runs[0]).all(|(x, y)| (x.input, x.prefix) == (y.input, y.prefix)));
    }
    assert!(runs[0].iter().zip(runs[1]).any(|(x, y)| x.output != y.output));
    // What a run holds does not depend on where the simulation begins.
    assert_eq!(run(100 * HOUR, 6 * 24 * HOUR), requests[1_000..]);
}

#[test]
fn batches_run_when_asked() {
    let every = Runs::Every { first: SimTime(HOUR), every: Duration::from_hours(5) };
    let spec = BatchSpec::offline(n("b"), SimTime(0), 3, Duration::from_hours(1), short());
    let at = |runs: Runs, from: u64| -> Vec<u64> {
        let batch = Batch::new(BatchSpec { runs, ..spec.clone() }).unwrap();
        all(&of(vec![Source::from(batch)]), from, 20 * HOUR).iter().map(|r| r.at.0 / HOUR).collect()
    };
    assert_eq!(at(every.clone(), 0), [1, 1, 1, 6, 6, 6, 11, 11, 11, 16, 16, 16]);
    assert_eq!(at(every, 7 * HOUR), [11, 11, 11, 16, 16, 16]);
    assert_eq!(at(Runs::At(vec![SimTime(9 * HOUR), SimTime(2 * HOUR)]), 0), [2, 2, 2, 9, 9, 9]);
    let bad = Batch::new(BatchSpec { requests: 0, runs: Runs::At(vec![]), ..spec }).unwrap_err();
    assert_eq!(bad, [TrafficError::EmptyBatch, TrafficError::NoRuns]);
}

#[test]
fn the_fits_of_azure_are_within_a_percent_of_the_data() {
    // Means and quantiles of the data's documentation.
    let cases = [
        (Lengths::azure_conversation(), (1_154.7, 1_020.0, 0.99, 4_142.0), (211.1, 129.0, 0.99, 601.0)),
        (Lengths::azure_code(), (2_047.8, 1_469.0, 1.0, 7_437.0), (27.9, 13.0, 0.90, 55.0)),
    ];
    for (lengths, input, output) in cases {
        for (law, (mean, median, p, high)) in [(&lengths.input, input), (&lengths.output, output)] {
            assert!((law.mean() / mean - 1.0).abs() < 0.003, "{} for {mean}", law.mean());
            assert!((law.quantile(0.5).round() / median - 1.0).abs() < 0.02, "{median}");
            assert!((law.quantile(p) / high - 1.0).abs() < 0.05, "{high}");
        }
    }
    let traffic = of(vec![synth(Spec::new(n("chat"), Rate::poisson(20.0), Lengths::azure_conversation()))]);
    let requests = all(&traffic, 0, 3 * HOUR);
    let mean = |f: fn(&Request) -> u32| requests.iter().map(|r| f64::from(f(r))).sum::<f64>() / requests.len() as f64;
    // Standard errors: 1,109/√216,000 = 2.4 and 163/√216,000 = 0.35.
    assert!((mean(|r| r.input) - 1_155.9).abs() < 10.0 && (mean(|r| r.output) - 211.1).abs() < 1.5);
}

#[test]
fn what_makes_no_traffic_is_refused_all_at_once() {
    let bad = Spec {
        sessions: Some(Sessions { turns: 0.5, think: Dist::constant(1.0).unwrap() }),
        shared: 4_000,
        context: 4_001,
        lengths: Lengths { correlation: 2.0, ..short() },
        ..Spec::new(n("x"), Rate::poisson(-1.0), short())
    };
    let wrong = Synth::new(bad).unwrap_err();
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    let cv = Synth::new(Spec::new(n("x"), Rate { cv: -1.0, ..Rate::poisson(1.0) }, short())).unwrap_err();
    assert!(matches!(cv[..], [TrafficError::Arrivals(_)]));
    let one = || synth(Spec::new(n("x"), Rate::poisson(1.0), short()));
    assert_eq!(Traffic::new(vec![one(), one()]).unwrap_err(), [TrafficError::SameName(n("x"))]);
    let team = || Mix::only(vec![Label { key: n("team"), value: n("a") }]);
    let marks = Marks { labels: vec![team(), team()], ..Marks::default() };
    let twice = synth(Spec { marks, ..Spec::new(n("x"), Rate::poisson(1.0), short()) });
    assert_eq!(Traffic::new(vec![twice]).unwrap_err(), [TrafficError::LabelTwice(n("team"))]);
}

#[test]
fn a_poisson_source_has_exponential_gaps_when_cut_to_any_interval() {
    let traffic = of(vec![synth(Spec::new(n("chat"), Rate::poisson(5.0), short()))]);
    let requests = all(&traffic, 7 * HOUR, 8 * HOUR);
    let gaps: Vec<f64> = requests.windows(2).map(|w| (w[1].at - w[0].at).as_secs_f64()).collect();
    let d = ks_distance(&gaps, |x| 1.0 - (-5.0 * x).exp());
    assert!(d < 1.95 / (gaps.len() as f64).sqrt(), "{d}");
}
