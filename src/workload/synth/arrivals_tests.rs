//! The laws that arrivals obey, against closed forms.

use jiff::tz::TimeZone;

use super::super::shape::Daily;
use super::*;

const DAY: f64 = 86_400.0;

fn all(a: &Arrivals, c: &Calendar, seed: u64, days: f64) -> Vec<f64> {
    let until = SimTime::ZERO + Duration::from_secs_f64(days * DAY);
    let times: Vec<SimTime> = a.times(c, &Streams::new(seed, 0), "w", SimTime::ZERO, until).unwrap().collect();
    assert!(times.is_sorted() && times.last().is_none_or(|t| *t < until));
    times.iter().map(|t| t.as_secs_f64()).collect()
}

fn cv(gaps: &[f64]) -> f64 {
    let n = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / n;
    (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / n).sqrt() / mean
}

fn gaps(times: &[f64]) -> Vec<f64> {
    times.windows(2).map(|w| w[1] - w[0]).collect()
}

#[test]
fn poisson_counts_are_within_three_sigma_and_gaps_have_cv_one() {
    let n = all(&Arrivals::poisson(120.0), &Calendar::default(), 1, 100.0);
    let want: f64 = 120.0 * 24.0 * 100.0;
    assert!((n.len() as f64 - want).abs() < 3.0 * want.sqrt(), "{}", n.len());
    assert!((cv(&gaps(&n)) - 1.0).abs() < 0.01);
}

#[test]
fn counts_of_poisson_days_have_variance_equal_to_their_mean() {
    let t = all(&Arrivals::poisson(10.0), &Calendar::default(), 2, 2000.0);
    let mut days = vec![0.0; 2000];
    for x in t {
        days[(x / DAY) as usize] += 1.0;
    }
    let mean = days.iter().sum::<f64>() / 2000.0;
    let var = days.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 1999.0;
    // Var of the index of dispersion is about 2/(n−1).
    assert!((var / mean - 1.0).abs() < 3.0 * (2.0f64 / 1999.0).sqrt(), "{}", var / mean);
}

#[test]
fn the_cv_is_recovered_with_a_flat_rate() {
    for want in [0.0, 0.4, 2.5] {
        let t = all(&Arrivals::renewal(60.0, want), &Calendar::default(), 3, 200.0);
        let got = cv(&gaps(&t));
        assert!((got - want).abs() < 0.03 * want + 1e-6, "{want}: {got}");
        // Stationary from the start: the mean count is exact, its variance about CV²·n.
        let n = 60.0 * 24.0 * 200.0;
        assert!((t.len() as f64 - n).abs() <= 3.0 * want * f64::sqrt(n) + 1.0, "{want}: {}", t.len());
    }
}

#[test]
fn the_cv_survives_a_weekly_shape_on_the_rescaled_clock() {
    let shape = Shape::daily(Daily { peak: 10.0, trough: 1.0, peak_hour: 14.0, weekend: 0.5 }).unwrap();
    for want in [0.5, 1.0, 3.0] {
        let a = Arrivals { shape: Some(shape.clone()), ..Arrivals::renewal(60.0, want) };
        let t = all(&a, &Calendar::default(), 4, 140.0);
        // The integral of the rate by hand: the default epoch is a Monday in UTC.
        let mut upto = vec![0.0];
        for s in 0..672 {
            upto.push(upto[s] + shape.weight(s) * 15.0);
        }
        let own = |x: f64| {
            let (weeks, rest) = ((x / (7.0 * DAY)).floor(), x % (7.0 * DAY));
            let s = (rest / 900.0) as usize;
            weeks * upto[672] + upto[s] + shape.weight(s) * (rest / 60.0 - s as f64 * 15.0)
        };
        let g = gaps(&t.iter().map(|x| own(*x)).collect::<Vec<f64>>());
        let mean = g.iter().sum::<f64>() / g.len() as f64;
        assert!((mean - 1.0).abs() < 0.03 * want.max(0.3), "{want}: mean {mean}");
        assert!((cv(&g) / want - 1.0).abs() < 0.03, "{want}: {}", cv(&g));
    }
}

#[test]
fn a_shaped_poisson_process_has_the_shape_in_every_hour_of_the_week() {
    let weights: Vec<f64> =
        (0..168).map(|h| 1.0 + f64::from(h % 24) / 4.0 + if h >= 120 { 0.0 } else { 3.0 }).collect();
    let shape = Shape::hourly(&weights).unwrap();
    let a = Arrivals { shape: Some(shape.clone()), ..Arrivals::poisson(100.0) };
    let weeks = 40.0;
    let t = all(&a, &Calendar::default(), 5, 7.0 * weeks);
    let mut hours = vec![0.0; 168];
    for x in &t {
        hours[(x / 3600.0) as usize % 168] += 1.0;
    }
    // Chi-squared over 168 hours: mean 168, sd √336 = 18.3.
    let chi: f64 = hours
        .iter()
        .zip(shape.hours())
        .map(|(n, w)| {
            let want = w * 100.0 * weeks;
            (n - want).powi(2) / want
        })
        .sum();
    assert!((chi - 168.0).abs() < 3.0 * 336.0f64.sqrt(), "{chi}");
}

#[test]
fn working_hours_follow_local_time_and_stay_shut_otherwise() {
    let c =
        Calendar { epoch: "2026-03-02T00:00:00Z".parse().unwrap(), zone: TimeZone::get("America/New_York").unwrap() };
    let a = Arrivals {
        shape: Some(Shape::working_hours("Mon-Fri 08:00-20:00").unwrap()),
        ..Arrivals::poisson(24.0 / 24.0)
    };
    let t = all(&a, &c, 6, 364.0);
    for x in &t {
        let at = c.epoch.checked_add(jiff::SignedDuration::from_secs_f64(*x)).unwrap().to_zoned(c.zone.clone());
        assert!((8..20).contains(&at.hour()) && at.weekday().to_monday_zero_offset() < 5, "{at}");
    }
    // 24 a day on 260 days.
    assert!((t.len() as f64 - 24.0 * 260.0).abs() < 3.0 * (24.0f64 * 260.0).sqrt(), "{}", t.len());
}

#[test]
fn growth_is_compounded_continuously() {
    let a = Arrivals { growth: Some(Growth { factor: 1.12, per: QUARTER }), ..Arrivals::poisson(200.0) };
    let days = 4.0 * QUARTER.as_secs_f64() / DAY;
    let t = all(&a, &Calendar::default(), 7, days);
    // ∫ r·1.12^(t/q) over a quarter = r·q·(1.12 − 1)/ln 1.12, times 1.12 for each quarter before it.
    let base = 200.0 * QUARTER.as_hours_f64() * 0.12 / 1.12f64.ln();
    for q in 0..4 {
        let n = t.iter().filter(|x| (**x / QUARTER.as_secs_f64()) as i32 == q).count() as f64;
        let want = base * 1.12f64.powi(q);
        assert!((n - want).abs() < 3.0 * want.sqrt(), "quarter {q}: {n} for {want}");
    }
    let down = Arrivals { growth: Some(Growth { factor: 0.5, per: QUARTER }), ..Arrivals::poisson(200.0) };
    let want = 200.0 * QUARTER.as_hours_f64() * 0.5 / 2.0f64.ln();
    let n = all(&down, &Calendar::default(), 8, days / 4.0).len() as f64;
    assert!((n - want).abs() < 3.0 * want.sqrt(), "{n} for {want}");
}

#[test]
fn bursts_keep_the_mean_rate_and_have_the_dispersion_of_their_law() {
    let b = Bursts { on: Duration::from_secs(1800), off: Duration::from_hours(4), ratio: 20.0 };
    let a = Arrivals { bursts: Some(b), ..Arrivals::poisson(60.0) };
    let (days, mean) = (4000.0, 60.0);
    let t = all(&a, &Calendar::default(), 9, days);
    let hours = (days * 24.0) as usize;
    let mut counts = vec![0.0; hours];
    for x in &t {
        counts[(x / 3600.0) as usize] += 1.0;
    }
    let m = counts.iter().sum::<f64>() / hours as f64;
    let v = counts.iter().map(|c| (c - m).powi(2)).sum::<f64>() / hours as f64;
    // Var N(T) = λT + 2σ²(T/k − (1 − e^(−kT))/k²), σ² the variance of the rate, k = 1/on + 1/off (per hour, T = 1):
    // Heffes and Lucantoni, IEEE JSAC 4(6), 1986.
    let (on, off) = (0.5, 4.0);
    let low = mean * (on + off) / (off + 20.0 * on);
    let p = on / (on + off);
    let sigma2 = p * (1.0 - p) * (low * 19.0) * (low * 19.0);
    let k = 1.0 / on + 1.0 / off;
    let want = mean + 2.0 * sigma2 * (1.0 / k - (1.0 - f64::exp(-k)) / (k * k));
    assert!((m / mean - 1.0).abs() < 0.03, "mean {m}");
    assert!((v / want - 1.0).abs() < 0.05, "variance {v} for {want}");
}

#[test]
fn fixed_arrivals_are_exact() {
    let c = Calendar::default();
    let s = Streams::new(0, 0);
    let hour = SimTime(Duration::from_hours(1).0);
    let times = |a: Arrivals, until| a.times(&c, &s, "w", hour, until).unwrap().map(|t| t.0).collect::<Vec<u64>>();
    assert_eq!(times(Arrivals::default(), SimTime::MAX), [hour.0]);
    assert_eq!(times(Arrivals { count: Some(3), ..Arrivals::default() }, SimTime::MAX), [hour.0; 3]);
    let every = Arrivals { pattern: Pattern::Every(Duration::from_hours(2)), ..Arrivals::default() };
    assert_eq!(times(every.clone(), SimTime(hour.0 * 5)), [hour.0, 3 * hour.0]);
    assert_eq!(times(every, SimTime(hour.0 * 5 + 1)), [hour.0, 3 * hour.0, 5 * hour.0]);
    assert_eq!(times(Arrivals::poisson(0.0), SimTime::MAX), [0u64; 0]);
    assert_eq!(times(Arrivals { count: Some(7), ..Arrivals::poisson(1.0) }, SimTime::MAX).len(), 7);
}

#[test]
fn arrivals_of_another_owner_or_replication_differ_and_the_same_do_not() {
    let (a, c) = (Arrivals::poisson(10.0), Calendar::default());
    let first = |r: u32, owner: &str| {
        a.times(&c, &Streams::new(1, r), owner, SimTime::ZERO, SimTime::MAX).unwrap().take(5).collect::<Vec<_>>()
    };
    assert_eq!(first(0, "w"), first(0, "w"));
    assert_ne!(first(0, "w"), first(1, "w"));
    assert_ne!(first(0, "w"), first(0, "v"));
}

#[test]
fn what_cannot_arrive_is_refused() {
    let check = |a: Arrivals| a.check().unwrap_err();
    assert_eq!(check(Arrivals::poisson(-1.0)), [ArrivalError::Rate(-1.0)]);
    assert_eq!(check(Arrivals::renewal(f64::INFINITY, -2.0)).len(), 2);
    assert_eq!(
        check(Arrivals { pattern: Pattern::Every(Duration::ZERO), ..Arrivals::default() }),
        [ArrivalError::Interval]
    );
    assert_eq!(check(Arrivals { shape: Some(Shape::flat()), ..Arrivals::default() }), [ArrivalError::NotARate]);
    let growth = |factor, per| Arrivals { growth: Some(Growth { factor, per }), ..Arrivals::poisson(1.0) };
    assert_eq!(check(growth(0.0, QUARTER)), [ArrivalError::Growth(0.0)]);
    assert_eq!(check(growth(1.1, Duration(5))), [ArrivalError::GrowthPeriod]);
    let b = Bursts { on: Duration::ZERO, off: Duration::from_hours(1), ratio: 0.5 };
    assert_eq!(
        check(Arrivals { bursts: Some(b), ..Arrivals::poisson(1.0) }),
        [ArrivalError::Ratio(0.5), ArrivalError::BurstLength]
    );
}
