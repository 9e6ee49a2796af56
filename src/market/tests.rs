//! The vectors of the specification's processes, and laws against their closed forms.

use proptest::prelude::*;

use super::advisor::{self, Feed};
use super::hardware::{self, Hardware, Lemons};
use super::lifetime::empirical;
use super::shock::marginal_rate;
use super::*;
use crate::catalog::Provider;
use crate::kernel::{Dist, Moments, Stream, Streams};
use crate::units::money::PICO;
use crate::units::{Rate, SimTime};

fn stream(what: &str) -> Stream {
    Streams::new(11, 0).stream("test", what, 0)
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} ± {tolerance}");
}

fn at(h: f64) -> SimTime {
    SimTime(hours(h).0)
}

#[test]
fn hours_saturate_and_refuse_nothing() {
    assert_eq!(hours(1.5), Duration::from_secs(5400));
    assert_eq!((hours(f64::INFINITY), hours(f64::NAN), hours(-1.0)), (NEVER, Duration::ZERO, Duration::ZERO));
}

const TUB: Bathtub = Bathtub { a: 0.45, tau1_h: 1.0, tau2_h: 0.8, b_h: 24.0, cap_h: None };

#[test]
fn the_bathtub_is_that_of_the_vector() {
    for (t, f) in [
        (0.5, 0.177061),
        (1.0, 0.284454),
        (3.0, 0.427596),
        (6.0, 0.448885),
        (12.0, 0.449997),
        (20.0, 0.453032),
        (22.0, 0.486938),
        (23.0, 0.578927),
        (23.5, 0.690868),
        (24.0, 0.900000),
    ] {
        close(TUB.cdf(t), f, 5e-7);
        close(TUB.quantile(TUB.cdf(t)), t, 1e-6);
    }
    close(TUB.end(), 24.160537, 5e-7);
    close(TUB.mean(), 13.298295, 5e-7);
    // With the limit of 24 h a tenth of them dies there.
    let capped = Bathtub { cap_h: Some(24.0), ..TUB };
    assert_eq!((capped.end(), capped.cdf(24.0), capped.quantile(0.95)), (24.0, 1.0, 24.0));
    // The mean is the integral of what survives, by Simpson's rule.
    let n = 20_000;
    let simpson: f64 = (0..=n)
        .map(|i| {
            let w = if i == 0 || i == n { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
            w * (1.0 - TUB.cdf(24.0 * f64::from(i) / f64::from(n)))
        })
        .sum::<f64>()
        * 24.0
        / f64::from(n)
        / 3.0;
    close(capped.mean(), simpson, 1e-6);
}

#[test]
fn bathtub_draws_follow_their_law() {
    let life = Lifetime::Bathtub(TUB);
    let mut s = stream("tub");
    let draws: Vec<f64> = (0..20_000).map(|_| life.draw(SimTime::ZERO, &mut s).as_hours_f64()).collect();
    let distance = crate::kernel::stats::ks_distance(&draws, |t| 1.0 - life.survival(SimTime::ZERO, hours(t)));
    assert!(distance < 1.95 / (20_000_f64).sqrt(), "{distance}");
    assert_eq!(life.mean_hours(), Some(TUB.mean()));
}

fn sine(epoch_hour: f64) -> Lifetime {
    let shape = CalendarShape::Sinusoid { amplitude: 0.8, phase_h: 0.0 };
    Lifetime::Calendar(Calendar { per_hour: 0.1, shape, epoch_hour })
}

#[test]
fn the_sinusoid_survives_as_the_vector_says() {
    for (t, s) in [(6.0, 0.404308), (12.0, 0.163465), (24.0, 0.090718)] {
        close(sine(0.0).survival(SimTime::ZERO, hours(t)), s, 5e-7);
        // Born a day later, or in a run that begins a week on, it is the same hour.
        close(sine(0.0).survival(at(24.0), hours(t)), s, 5e-7);
        close(sine(168.0).survival(SimTime::ZERO, hours(t)), s, 5e-7);
        // Born at the hour to which another run's epoch is set.
        close(sine(5.0).survival(SimTime::ZERO, hours(t)), sine(0.0).survival(at(5.0), hours(t)), 1e-12);
    }
    assert_eq!(sine(0.0).mean_hours(), None);
}

#[test]
fn calendar_draws_follow_their_law_whatever_the_hour_of_birth() {
    let mut week = vec![0.2; 168];
    week[100..130].fill(3.0);
    week[0] = 0.0;
    let hourly = |f: Vec<f64>| {
        Lifetime::Calendar(Calendar { per_hour: 0.05, shape: CalendarShape::Hours(f), epoch_hour: 31.25 })
    };
    for (i, life) in [sine(3.5), hourly(week), hourly((0..24).map(f64::from).collect())].iter().enumerate() {
        for born in [0.0, 90.75] {
            let mut s = stream(&format!("calendar {i} {born}"));
            let draws: Vec<f64> = (0..10_000).map(|_| life.draw(at(born), &mut s).as_hours_f64()).collect();
            let law = |t: f64| 1.0 - life.survival(at(born), hours(t));
            let distance = crate::kernel::stats::ks_distance(&draws, law);
            assert!(distance < 1.95 / 100.0, "{i} {born}: {distance}");
        }
    }
    // The hazard gathered is the integral of the rate.
    let Lifetime::Calendar(c) = hourly(vec![1.0, 5.0, 0.0, 2.0]) else { panic!() };
    let steps = 100_000;
    let sum: f64 = (0..steps).map(|i| c.rate(2.0 + 9.7 * (f64::from(i) + 0.5) / f64::from(steps))).sum();
    close(c.hazard(2.0, 9.7), sum * 9.7 / f64::from(steps), 1e-4);
}

#[test]
fn a_hazard_of_nothing_never_kills_and_each_draw_costs_one_number() {
    for shape in [CalendarShape::Hours(vec![0.0; 24]), CalendarShape::Hours(vec![])] {
        let c = Calendar { per_hour: 0.0, shape, epoch_hour: 0.0 };
        assert_eq!(Lifetime::Calendar(c).draw(SimTime::ZERO, &mut stream("never")), NEVER);
    }
    for life in [sine(0.0), Lifetime::Bathtub(TUB)] {
        let (mut a, mut b) = (stream("one"), stream("one"));
        life.draw(at(7.0), &mut a);
        b.uniform();
        assert_eq!(a, b);
    }
}

#[test]
fn censored_lives_count_by_kaplan_and_meier() {
    let life = |h: f64, taken| Life { kind: String::new(), born: Duration::ZERO, lived: hours(h), taken };
    // Worked by hand: 1 (taken), 2 (watched until then), 3 (taken), 4 (watched): S = 3/4, then 3/4 · 1/2.
    let law = empirical(&[life(3.0, true), life(1.0, true), life(4.0, false), life(2.0, false)]).expect("a law");
    for (t, cdf) in [(0.9, 0.0), (1.0, 0.25), (2.9, 0.25), (3.0, 0.625), (4.0, 1.0)] {
        close(law.cdf(t), cdf, 1e-12);
    }
    // All taken: the plain empirical law.
    let plain = empirical(&[life(1.0, true), life(1.0, true), life(5.0, true)]).expect("a law");
    close(plain.mean(), 7.0 / 3.0, 1e-12);
    assert_eq!(empirical(&[life(1.0, false)]), None);
    assert_eq!(empirical(&[]), None);
}

#[test]
fn an_alternating_market_is_up_for_its_share() {
    let market = OnOff::two_exp();
    close(market.availability(), 24.4920 / (24.4920 + 6.4126984), 1e-12);
    let length = hours(60_000.0);
    for gap in [None, Some(Duration::from_secs(600))] {
        let path = market.path(length, gap, &mut stream("two_exp"));
        assert_eq!((path.length(), path.gap(), path.max()), (length, gap, 1));
        let runs = path.runs(1);
        // About 11 600 runs: four standard errors of a mean are 4 %.
        close(runs.up_stats().expect("up").mean, 4.082, 0.04 * 4.082);
        close(runs.down_stats().expect("down").mean, 1.06878, 0.08 * 1.06878);
        close(runs.up_stats().expect("up").cv, 1.0, 0.06);
        close(runs.availability(), market.availability(), 0.01);
    }
    // The start is an ordinary instant: the share of paths that are up at 0 is that of time.
    let ups = (0..4_000)
        .filter(|i| {
            let mut s = Streams::new(5, *i).stream("test", "start", 0);
            market.path(Duration::from_hours(1), None, &mut s).at(Duration::ZERO) == 1
        })
        .count();
    close(ups as f64 / 4_000.0, market.availability(), 4.0 * (0.79 * 0.21 / 4_000.0_f64).sqrt());
}

#[test]
fn a_market_that_is_never_up_or_never_down_is_so() {
    let zero = Dist::constant(0.0).expect("zero is a constant");
    let one = Dist::constant(1.0).expect("one");
    let day = Duration::from_hours(24);
    let never = OnOff::new(zero.clone(), one.clone()).expect("down is positive");
    assert_eq!(never.path(day, None, &mut stream("d")).steps(), [(Duration::ZERO, 0)]);
    let always = OnOff::new(one, zero.clone()).expect("up is positive");
    assert_eq!(always.path(day, None, &mut stream("u")).steps(), [(Duration::ZERO, 1)]);
    assert!(OnOff::new(zero.clone(), zero.clone()).is_err());
    // Turns of a microsecond would make a path of 10^13 steps.
    assert!(OnOff::new(Dist::constant(1e-10).expect("short"), zero).is_err());
    // Turns that are longer than time itself are one run.
    let long = OnOff::new(Dist::constant(1e9).expect("long"), Dist::constant(1e9).expect("long")).expect("finite");
    assert_eq!(long.path(day, None, &mut stream("l")).steps().len(), 1);
    let heavy = Dist::pareto(1.0, 0.9).expect("a Pareto without a mean");
    assert!(OnOff::new(heavy, Dist::constant(1.0).expect("one")).is_err());
}

fn shock(kill: Kill) -> Shock {
    Shock {
        name: "zone".to_owned(),
        per_hour: 0.01,
        kill,
        pools: vec![0],
        group: None,
        cause: Cause::Capacity,
        down: None,
    }
}

#[test]
fn the_gang_rate_is_that_of_the_vector() {
    close(marginal_rate(0.02, 0.01, 0.6), 0.0260, 1e-12);
    close(gang_rate(0.02, 0.01, 0.6, 8), 0.169993, 5e-7);
    close(1.0 / gang_rate(0.02, 0.01, 0.6, 8), 5.8826, 5e-5);
    close(1.0 / (8.0 * 0.0260), 4.8077, 5e-5);
}

#[test]
fn a_fraction_hits_each_alone_and_counts_hit_so_many() {
    let mut s = stream("victims");
    let half = shock(Kill::Fraction(0.6));
    let hit: usize = (0..10_000).map(|_| half.victims(8, &mut s).len()).sum();
    // Four standard deviations of a binomial (80 000, 0.6).
    close(hit as f64, 48_000.0, 4.0 * (80_000.0 * 0.24_f64).sqrt());
    let (mut a, mut b) = (stream("n draws"), stream("n draws"));
    half.victims(8, &mut a);
    for _ in 0..8 {
        b.uniform();
    }
    assert_eq!(a, b, "a fraction costs one number a node, whoever is hit");

    // The batches of bamboo's p3 trace.
    let table = vec![(1, 39.0), (2, 13.0), (3, 15.0), (4, 7.0), (5, 1.0), (6, 4.0)];
    let counts = shock(Kill::Counts(table));
    close(counts.share(32), 167.0 / 79.0 / 32.0, 1e-12);
    let (mut sizes, mut places) = ([0_u32; 7], [0_u32; 10]);
    for _ in 0..20_000 {
        let v = counts.victims(10, &mut s);
        assert!(v.windows(2).all(|w| w[0] < w[1]) && v.iter().all(|i| *i < 10));
        sizes[v.len()] += 1;
        v.iter().for_each(|i| places[*i] += 1);
    }
    close(f64::from(sizes[1]) / 20_000.0, 39.0 / 79.0, 0.015);
    close(f64::from(sizes[6]) / 20_000.0, 4.0 / 79.0, 0.007);
    for n in places {
        close(f64::from(n) / 20_000.0, 0.2114, 0.012);
    }
    // More than there are: all of them. Nobody there, or no weight: nobody.
    assert_eq!(shock(Kill::Counts(vec![(9, 1.0)])).victims(3, &mut s).as_slice(), [0, 1, 2]);
    assert!(shock(Kill::Counts(vec![(9, 1.0)])).victims(0, &mut s).is_empty());
    assert!(shock(Kill::Counts(vec![(9, 0.0)])).victims(3, &mut s).is_empty());
    assert!(shock(Kill::Counts(vec![])).victims(3, &mut s).is_empty());
}

#[test]
fn a_group_is_a_run_of_consecutive_slots() {
    let rack = Shock { group: Some(4), ..shock(Kill::Fraction(1.0)) };
    assert_eq!(rack.processes(10), 3);
    assert_eq!((rack.members(0, 10), rack.members(2, 10), rack.members(3, 10)), (0..4, 8..10, 10..10));
    let zone = shock(Kill::Fraction(1.0));
    assert_eq!((zone.processes(10), zone.members(0, 10), zone.processes(0)), (1, 0..10, 0));
    assert_eq!(Shock { group: Some(0), ..rack }.processes(3), 3);
}

#[test]
fn causes_have_words_of_their_own() {
    let mut keys: Vec<&str> = Cause::ALL.iter().map(|c| c.key()).collect();
    keys.dedup();
    assert_eq!(keys.len(), 6);
    for c in Cause::ALL {
        assert_eq!(serde_json::to_string(&c).ok(), Some(format!("\"{}\"", c.key())));
    }
}

#[test]
fn buckets_are_hazards_only_with_an_exposure() {
    let table = [
        [3.4682e-5, 1.5070e-4, 1.0549e-3],
        [1.0680e-4, 4.6406e-4, 3.2484e-3],
        [1.8292e-4, 7.9483e-4, 5.5638e-3],
        [2.6352e-4, 1.1451e-3, 8.0155e-3],
        [3.9409e-4, 1.7124e-3, 1.1987e-2],
    ];
    for (bucket, row) in table.iter().enumerate() {
        for (exposure_h, expected) in [730.0, 168.0, 24.0].into_iter().zip(row) {
            let h = advisor::hazard(bucket as u8, Feed::AwsMonthly { exposure_h }, false);
            close(h.per_hour, *expected, 5e-5 * expected);
            assert_eq!((h.exposure_h, h.warning), (exposure_h, None));
        }
    }
    close(advisor::hazard(0, Feed::AwsMonthly { exposure_h: 730.0 }, false).mean_hours(), 28_833.0, 0.5);
    // Azure's are per hour.
    close(advisor::hazard(1, Feed::AzureHourly, true).per_hour, -(0.925_f64.ln()), 1e-12);
    let warned = advisor::hazard(4, Feed::AwsMonthly { exposure_h: 730.0 }, true).warning.expect("a warning");
    assert!(warned.contains("730 h of exposure") && warned.contains("2538 h"), "{warned}");
}

#[test]
fn notices_are_the_providers_and_what_is_left_is_shorter() {
    let notice = |p| Notice::of(p).notice;
    for (p, kill, left) in
        [(Provider::Aws, 120, 115), (Provider::Gcp, 30, 25), (Provider::Azure, 30, 25), (Provider::Own, 0, 0)]
    {
        assert_eq!(notice(p).kill, Duration::from_secs(kill));
        assert_eq!(notice(p).effective(), Duration::from_secs(left));
    }
    let gke = Notice { reserve: Duration::from_secs(15), ..notice(Provider::Gcp) };
    assert_eq!(gke.effective(), Duration::from_secs(10));
    assert_eq!(Notice { reserve: Duration::from_secs(60), ..gke }.effective(), Duration::ZERO);
    let (aws, mut s) = (notice(Provider::Aws), stream("lead"));
    let leads: Vec<f64> = (0..10_000).map(|_| aws.early_lead(&mut s).as_secs_f64()).collect();
    let with = leads.iter().filter(|l| **l == 0.0).count();
    close(with as f64, 3_000.0, 4.0 * 45.8);
    assert!(leads.iter().all(|l| *l == 0.0 || (600.0..=1200.0).contains(l)));
    close(leads.iter().sum::<f64>() / 10_000.0, 0.7 * 900.0, 4.0 * 4.4);
    assert_eq!(gke.early_lead(&mut s), Duration::ZERO);
}

#[test]
fn waits_grow_to_their_limit_and_the_jitter_is_even() {
    let mut s = stream("backoff");
    let plain = Backoff { jitter: 0.0, ..Backoff::SKYPILOT };
    let waits: Vec<f64> = (0..6).map(|i| plain.wait(i, &mut s).as_secs_f64()).collect();
    for (found, expected) in waits.iter().zip([60.0, 96.0, 153.6, 245.76, 300.0, 300.0]) {
        close(*found, expected, 1e-6);
    }
    let jittered: Moments = (0..10_000).map(|_| Backoff::SKYPILOT.wait(9, &mut s).as_secs_f64()).collect();
    close(jittered.mean().expect("a mean"), 300.0, 4.0 * 300.0 * 0.4 / 3.0_f64.sqrt() / 100.0);
    // Never negative, never stuck, whatever is asked for.
    for b in [
        Backoff { factor: f64::NAN, ..plain },
        Backoff { factor: 1e300, ..plain },
        Backoff { jitter: 5.0, ..plain },
        Backoff { max: NEVER, factor: 2.0, ..plain },
    ] {
        b.wait(u32::MAX, &mut s);
    }
    assert_eq!(Launch::new(Dist::constant(90.0).expect("a time")).unavailable_for, Duration::from_secs(180));
}

#[test]
fn a_bid_is_served_while_the_price_is_at_most_the_bid() {
    let h = Duration::from_hours;
    let path = PricePath::of_steps(vec![(h(4), Rate(3)), (h(1), Rate(1)), (h(2), Rate(2)), (h(9), Rate(1))], h(8));
    let path = path.expect("prices");
    // The first price is taken to have held before it.
    assert_eq!(path.steps(), [(h(0), Rate(1)), (h(2), Rate(2)), (h(4), Rate(3))]);
    assert_eq!((path.at(h(3)), path.at(h(99))), (Rate(2), Rate(3)));
    assert_eq!(path.next_change(h(2)), Some((h(4), Rate(3))));
    assert_eq!(path.under(Rate(2), 5).steps(), [(h(0), 5), (h(4), 0)]);
    assert_eq!(path.under(Rate(3), 5).steps(), [(h(0), 5)]);
    assert_eq!(path.under(Rate(0), 5).max(), 0);
    close(path.mean() * PICO as f64, (2.0 + 4.0 + 12.0) / 8.0, 1e-9);
    assert_eq!(PricePath::of_steps(Vec::new(), h(8)), None);
}

#[test]
fn a_history_gives_the_price_in_force() {
    let t = |s: &str| s.parse::<jiff::Timestamp>().expect("an instant");
    let point = |at: &str, usd: i128| PricePoint {
        zone: "a".to_owned(),
        instance: "i".to_owned(),
        product: "p".to_owned(),
        at: t(at),
        usd_per_hour: Rate(usd),
    };
    let points = [point("2020-01-02T00:00:00Z", 2), point("2020-01-01T00:00:00Z", 1), point("2020-01-03T00:00:00Z", 3)];
    let day = Duration::from_hours(24);
    let path = PricePath::of_history(&points, t("2020-01-01T12:00:00Z"), day + day).expect("prices");
    let h = Duration::from_hours;
    assert_eq!(path.steps(), [(h(0), Rate(1)), (h(12), Rate(2)), (h(36), Rate(3))]);
    let late = PricePath::of_history(&points, t("2019-12-31T00:00:00Z"), day).expect("prices");
    assert_eq!(late.steps(), [(h(0), Rate(1))]);
    assert_eq!(PricePath::of_history(&[], t("2020-01-01T00:00:00Z"), day), None);
}

#[test]
fn a_made_up_price_stays_in_its_bounds_and_moves_in_small_steps() {
    let (mean, od) = (Rate(PICO * 918 / 1000), Rate(PICO * 306 / 100));
    let law = Reverting::like_p3(mean, od);
    let path = law.path(hours(20_000.0), &mut stream("price")).expect("sound");
    let prices: Vec<f64> = path.steps().iter().map(|s| s.1.to_f64()).collect();
    assert!(prices.len() > 2_000);
    assert!(prices.iter().all(|p| (0.918..=3.06).contains(p)));
    // A step of 2 % and the rounding to 1e-4.
    assert!(prices.windows(2).all(|w| (w[1] / w[0]).ln().abs() <= 0.02 + 2e-4));
    assert_eq!(law.path(hours(100.0), &mut stream("a")), law.path(hours(100.0), &mut stream("a")));
    for bad in [
        Reverting { mean: Rate(0), ..law.clone() },
        Reverting { floor: 1.5, ..law.clone() },
        Reverting { pull: f64::NAN, ..law.clone() },
        Reverting { every: Dist::constant(0.0).expect("zero"), ..law },
    ] {
        assert_eq!(bad.path(hours(100.0), &mut stream("a")), None);
    }
}

#[test]
fn job_mtbf_comes_out_of_the_rate_per_gpu() {
    let rsc1 = hardware::preset("rsc1").expect("a preset").hardware(8);
    for (gpus, expected, tolerance) in [
        (8, 3692.0, 0.5),
        (64, 461.5, 0.05),
        (512, 57.7, 0.05),
        (1024, 28.8, 0.05),
        (4096, 7.21, 0.005),
        (16_384, 1.80, 0.005),
        (131_072, 0.225, 0.0005),
    ] {
        close(rsc1.job_mtbf(gpus / 8).as_hours_f64(), expected, tolerance);
    }
    let llama = hardware::preset("llama3").expect("a preset");
    close(llama.gpu_hours, 50_677.0, 1.0);
    close(llama.hardware(8).job_mtbf(2048).as_hours_f64(), 3.09, 0.005);
    close(llama.hardware(8).node_mtbf.as_hours_f64(), 6_335.0, 0.5);
    close(hardware::preset("rsc2").expect("a preset").hardware(8).node_mtbf.as_hours_f64(), 10_256.0, 0.5);
    close(hardware::preset("opt").expect("a preset").hardware(992).node_mtbf.as_hours_f64(), 13.7, 0.05);
    assert_eq!(hardware::preset("nobody"), None);
}

#[test]
fn lemons_and_software_add_to_the_rate_and_a_split_keeps_the_total() {
    let plain = Hardware::of_gpus(8_000.0, 8);
    let lemons = Hardware { lemons: Lemons { share: 0.01, factor: 10.0 }, ..plain.clone() };
    close(lemons.job_mtbf(10).as_hours_f64(), 100.0 / 1.09, 1e-6);
    assert_eq!(lemons.mtbf_of(true), hours(100.0));
    assert_eq!(lemons.mtbf_of(false), hours(1000.0));
    let split = plain.clone().with_software_share(0.13);
    close(split.rate(), plain.rate(), 1e-15);
    close(split.software.expect("software").as_hours_f64(), 1000.0 / 0.13, 1e-6);
    let all = plain.with_software_share(1.0);
    assert_eq!(all.node_mtbf, NEVER);
    close(all.rate(), 1e-3, 1e-15);
    assert_eq!(Hardware { node_mtbf: NEVER, software: None, ..all }.job_mtbf(8), NEVER);
}

#[test]
fn nonsense_is_told_in_the_words_of_the_documentation() {
    let told = |r: Result<(), Unsound>| r.expect_err("nonsense").to_string();
    assert_eq!(
        told(Bathtub { a: 1.5, ..TUB }.check()),
        "the share of early deaths must be above 0 and at most 1, found 1.5"
    );
    assert!(told(Bathtub { tau2_h: 0.0, ..TUB }.check()).starts_with("tau2 must be greater than 0"));
    assert_eq!(Lifetime::Bathtub(TUB).check(), Ok(()));
    let calendar = |per_hour, shape| Calendar { per_hour, shape, epoch_hour: 0.0 }.check();
    assert!(told(calendar(-1.0, CalendarShape::Hours(vec![1.0; 24]))).contains("0 or more"));
    assert!(told(calendar(1.0, CalendarShape::Hours(vec![1.0; 23]))).contains("24 (a day) or 168 (a week), found 23"));
    assert!(told(calendar(1.0, CalendarShape::Hours(vec![f64::NAN; 24]))).contains("hourly factor"));
    let high = CalendarShape::Sinusoid { amplitude: 1.2, phase_h: 0.0 };
    assert!(told(calendar(1.0, high)).contains("the amplitude must be from 0 to 1"));
    assert_eq!(sine(0.0).check(), Ok(()));
    assert!(told(shock(Kill::Fraction(1.1)).check()).contains("from 0 to 1"));
    assert!(told(shock(Kill::Counts(vec![(1, 0.0)])).check()).contains("sum of the weights"));
    assert!(told(shock(Kill::Counts(vec![(1, -1.0), (2, 3.0)])).check()).contains("weight of a count"));
    assert!(told(Shock { group: Some(0), ..shock(Kill::Fraction(0.5)) }.check()).contains("1 or more"));
    assert_eq!(shock(Kill::Fraction(0.5)).check(), Ok(()));
    assert!(told(Backoff { first: Duration::ZERO, ..Backoff::SKYPILOT }.check()).contains("first wait"));
    assert!(told(Backoff { factor: 0.5, ..Backoff::SKYPILOT }.check()).contains("1 or more"));
    let launch = Launch::new(Dist::constant(90.0).expect("a time"));
    assert_eq!(launch.check(), Ok(()));
    assert!(told(Launch { fail: LaunchFailure::Chance(1.0), ..launch }.check()).contains("nothing would ever start"));
    for p in Provider::ALL {
        assert_eq!(Notice::of(p).notice.check(), Ok(()));
    }
    let lead = (Duration::from_secs(9), Duration::from_secs(3));
    let early = Some(Early { simultaneous: 0.5, lead, false_per_hour: 0.0 });
    assert!(told(Notice { early, ..Notice::NONE }.check()).contains("at least the shortest, found 3"));
    assert!(told(Feed::AwsMonthly { exposure_h: 0.0 }.check(0.1)).contains("at most 744"));
    assert!(told(Feed::AzureHourly.check(1.0)).contains("interrupted share"));
    for p in hardware::PRESETS {
        assert_eq!(p.hardware(8).check(), Ok(()));
    }
    let lemons = Lemons { share: 0.1, factor: 0.5 };
    assert!(told(Hardware { lemons, ..Hardware::of_gpus(8_000.0, 8) }.check()).contains("a lemon fails"));
}

fn ticks() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..4_u32, 1..40)
}

proptest! {
    #[test]
    fn ticks_come_back_and_every_reading_agrees_with_them(values in ticks(), need in 1..4_u32) {
        let gap = Duration::from_secs(195);
        let a = Availability::of_ticks(gap, &values);
        prop_assert_eq!(a.ticks(), Some(values.clone()));
        prop_assert_eq!(a.max(), *values.iter().max().unwrap());
        for (k, v) in values.iter().enumerate() {
            let start = Duration(gap.0 * k as u64);
            prop_assert_eq!((a.at(start), a.at(start + Duration(gap.0 - 1))), (*v, *v));
            let next = (k + 1..values.len()).find(|j| values[*j] != *v).map(|j| (Duration(gap.0 * j as u64), values[j]));
            prop_assert_eq!(a.next_change(start), next);
        }
        prop_assert_eq!(a.at(a.length()), 0);
        let up = values.iter().filter(|v| **v >= need).count() as f64 / values.len() as f64;
        let runs = a.runs(need);
        prop_assert!((runs.availability() - up).abs() < 1e-9);
        let total: f64 = runs.up.iter().chain(&runs.down).sum();
        prop_assert!((total - a.length().as_hours_f64()).abs() < 1e-9);
        let other = Availability::of_steps(vec![(Duration(0), 2), (Duration(gap.0 * 5 / 2), 1)], Duration(gap.0 * 7));
        let both = a.both(&other);
        for t in 0..14 * 4 {
            let t = Duration(gap.0 * t / 4);
            let expected = if t < both.length() { a.at(t).min(other.at(t)) } else { 0 };
            prop_assert_eq!(both.at(t), expected);
        }
        prop_assert_eq!(both.length(), a.length().min(other.length()));
        prop_assert_eq!(a.both(&a), a.clone());
        prop_assert_eq!(a.truncated(Duration(gap.0 - 1)).length(), Duration::ZERO);
        let cut = a.truncated(Duration(gap.0 * 3));
        prop_assert_eq!(cut.ticks(), Some(values.iter().take(3).copied().collect::<Vec<_>>()));
    }

    #[test]
    fn a_replay_agrees_with_a_walk_over_nanoseconds(
        values in prop::collection::vec(0..4_u32, 1..9), wrap: bool, origin in 0..30_u64, nodes in 1..3_u32,
    ) {
        let trace = std::sync::Arc::new(Availability::of_ticks(Duration(3), &values));
        let replay = Replay { trace, offset: Offset::Fixed(Duration(0)), wrap, nodes_per_unit: nodes };
        let slow = |now: u64| {
            let t = (origin + now) / 3;
            let k = if wrap { t as usize % values.len() } else { t as usize };
            values.get(k).map_or(0, |v| v * nodes)
        };
        let end = 3 * 3 * values.len() as u64;
        for now in 0..end {
            prop_assert_eq!(replay.at(Duration(origin), SimTime(now)), slow(now));
            let next = (now + 1..now + 2 * end).find(|t| slow(*t) != slow(*t - 1)).map(|t| (SimTime(t), slow(t)));
            prop_assert_eq!(replay.next_change(Duration(origin), SimTime(now)), next, "at {}", now);
        }
    }
}

#[test]
fn steps_are_put_in_order_and_begin_with_nothing() {
    let d = Duration;
    let a = Availability::of_steps(vec![(d(5), 2), (d(3), 1), (d(5), 1), (d(8), 4), (d(9), 9)], d(9));
    assert_eq!(a.steps(), [(d(0), 0), (d(3), 1), (d(8), 4)]);
    assert_eq!((a.max(), a.gap(), a.ticks()), (4, None, None));
    let empty = Availability::of_steps(Vec::new(), Duration::ZERO);
    assert_eq!((empty.at(d(0)), empty.next_change(d(0)), empty.mean()), (0, None, None));
    assert!(empty.runs(1).availability().is_nan());
}

fn replay(n: usize, offset: Offset, wrap: bool) -> Replay {
    let trace = Availability::of_ticks(Duration::from_secs(600), &vec![1; n]);
    Replay { trace: std::sync::Arc::new(trace), offset, wrap, nodes_per_unit: 1 }
}

#[test]
fn strides_go_around_where_the_run_no_longer_fits() {
    let h = Duration::from_hours;
    // The October 2022 files and their runs: 3895 ticks, offsets every 12 h while o + floor(52 h / g) + 1 <= n.
    let r = replay(3895, Offset::Stride(h(12)), false);
    let need = h(52) + Duration::from_secs(600);
    assert_eq!(r.places(need), 50, "400 runs over eight files");
    assert_eq!(r.places(h(70) + Duration::from_secs(600)), 49, "392 runs");
    assert_eq!(r.places(h(92) + Duration::from_secs(600)), 47, "376 runs");
    assert_eq!(r.origin(49, 0.0, need), h(49 * 12));
    assert_eq!(r.origin(50, 0.0, need), h(0));
    // 12 h are 221.5 ticks of 195 s: rounded to 222.
    let trace = Availability::of_ticks(Duration::from_secs(195), &[1; 1000]);
    let feb = Replay { trace: std::sync::Arc::new(trace), ..r.clone() };
    assert_eq!(feb.origin(1, 0.0, h(12)), Duration::from_secs(222 * 195));
    assert_eq!(replay(6, Offset::Stride(h(12)), true).places(h(99)), 1);
    assert_eq!(replay(6, Offset::Stride(Duration::ZERO), true).origin(7, 0.0, h(99)), Duration::from_secs(600));
}

#[test]
fn a_random_origin_is_a_tick_behind_which_the_run_fits() {
    let h = Duration::from_hours;
    let r = replay(12, Offset::Random, false);
    assert_eq!(r.origin(3, 0.0, h(1)), Duration::ZERO);
    assert_eq!(r.origin(3, 0.999_999, h(1)), h(1));
    assert_eq!(r.origin(3, 0.5, h(2)), Duration::ZERO);
    assert_eq!(replay(12, Offset::Random, true).origin(0, 0.999_999, h(9)), Duration::from_secs(11 * 600));
    // Zones of one length begin at the same place.
    let mut zones = [replay(12, Offset::Random, false), replay(20, Offset::Random, false)];
    replay::align(&mut zones);
    assert_eq!(zones[0].origin(0, 0.7, h(1)), zones[1].origin(0, 0.7, h(1)));
    assert_eq!(zones[1].trace.ticks().map(|t| t.len()), Some(12));
}

#[test]
fn a_run_off_the_end_is_refused_unless_it_wraps() {
    let h = Duration::from_hours;
    let error = replay(12, Offset::Fixed(h(1)), false).check(h(2)).expect_err("two hours of trace");
    assert_eq!(error.to_string(), "the run needs 2h from 1h into a trace of 2h, and runs off its end");
    assert_eq!(replay(12, Offset::Fixed(h(1)), false).check(h(1)), Ok(()));
    assert_eq!(replay(12, Offset::Fixed(h(1)), true).check(h(99)), Ok(()));
    assert!(replay(12, Offset::Random, false).check(h(3)).is_err());
    assert_eq!(replay(0, Offset::Random, true).check(h(3)), Err(ReplayError::Empty));
}
