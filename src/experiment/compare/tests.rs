use super::sample::Fingerprint;
use super::*;
use crate::experiment::fixture::v7;
use crate::experiment::{Control, replicate};
use crate::outcome::{Direction, Money};
use crate::scenario::model::Model;
use crate::units::{SourceMap, Usd};

/// A sample without metrics or lines whose bills are these dollars.
pub fn sample(bills: &[f64]) -> Sample {
    Sample {
        scenario: "s".into(),
        variant: None,
        seed: 1,
        start: "2026-10-01".into(),
        horizon_ns: 1,
        warmup_ns: 0,
        pools: Vec::new(),
        bills: bills.iter().map(|v| Money(Usd((v * 1e12) as i128))).collect(),
        fingerprints: (0..bills.len() as u64).map(Fingerprint).collect(),
        metrics: Vec::new(),
        tokens: Vec::new(),
        lines: Vec::new(),
        prices: Vec::new(),
    }
}

fn run(model: &Model, n: u32) -> Sample {
    let ones = replicate(model, 5, 0..n, Control::default(), |_, o| One::of(o));
    Sample::of(model, 5, &ones)
}

/// V7 at another price of its pool.
fn dearer(tau: f64, pico: i128) -> Model {
    let mut m = v7(tau);
    for step in &mut m.pools[0].tariff.steps {
        step.rate.0 = pico;
    }
    m
}

#[test]
fn pairing_makes_the_variance_of_a_difference_ten_times_smaller() {
    // A day of work on a node that fails once an hour, with a checkpoint every 11 minutes instead of every 10: what the
    // failures do to the bill is the same in both.
    let (b, c) = (run(&v7(10.0), 100), run(&v7(11.0), 100));
    let values =
        |s: &Sample| -> Vec<f64> { s.metric("cost.total").unwrap().values.iter().map(|v| v.unwrap()).collect() };
    let (b, c) = (values(&b), values(&c));
    let var = |v: &[f64]| v.iter().copied().collect::<crate::kernel::Moments>().variance().unwrap();
    let d: Vec<f64> = b.iter().zip(&c).map(|(b, c)| c - b).collect();
    let gain = (var(&b) + var(&c)) / var(&d);
    assert!(gain >= 10.0, "pairing gains {gain:.1}×");
}

#[test]
fn a_run_beside_itself_is_the_same_in_every_figure() {
    let s = run(&v7(10.0), 6);
    let gates: Vec<Gate> = ["cost.total > +0%", "cost.total < -0%", "hours.lost > +0"]
        .map(|t| Gate::from_argument(t, &mut SourceMap::default()).unwrap().resolve(&s, &s).unwrap())
        .to_vec();
    let c = Comparison::of("itself", &s, &s, &gates, true);
    assert!(c.metrics.iter().all(|m| m.verdict == Verdict::Same || m.missing > 0), "{:?}", c.metrics);
    assert!(c.metric("cost.total").unwrap().verdict == Verdict::Same && c.metrics.len() > 40);
    assert_eq!(c.held(), Held::Holds);
    assert_eq!(c.why.sentence(), "same work, same money (within 1 %)");
    let r = c.reprice.unwrap();
    assert_eq!((r.price.0, r.behaviour.0, r.kept.len()), (Usd::ZERO, Usd::ZERO, 0));
    assert!(c.only_base.is_empty() && c.only_candidate.is_empty() && !c.alike);
}

#[test]
fn every_split_adds_up_and_a_price_is_told_from_behaviour() {
    let (b, other) = (run(&v7(10.0), 8), run(&v7(45.0), 8));
    let total = other.total() - b.total();
    let c = Comparison::of("seldom", &b, &other, &[], true);
    let w = &c.why;
    assert_eq!((w.total.change.0, w.replications), (total, 8));
    for parts in [&w.by_activity, &w.by_pool, &w.by_workload, &w.by_pool_and_activity] {
        assert_eq!(parts.iter().map(|p| p.change.0).sum::<Usd>(), total);
        assert_eq!(parts.iter().map(|p| p.base.0).sum::<Usd>(), b.total());
        assert!(parts.is_sorted_by_key(|p| std::cmp::Reverse(p.change.0.0.abs())));
    }
    // One price: all of it is behaviour. One job done in either: the work is the same.
    let r = c.reprice.clone().unwrap();
    assert_eq!((r.price.0, r.behaviour.0), (Usd::ZERO, total));
    assert_eq!(w.sentence(), "same work, more money");

    // Twice the price and the same behaviour: all of it is price.
    let twice = run(&dearer(10.0, 2_000_000_000_000), 8);
    let r = Comparison::of("dearer", &b, &twice, &[], true).reprice.unwrap();
    // Each line is rounded once to a pico-dollar.
    let near = |a: Usd, want: Usd, s: &Sample| (a - want).0.unsigned_abs() <= s.lines.len() as u128;
    assert!(near(r.price.0, b.total(), &twice) && near(r.behaviour.0, Usd::ZERO, &twice), "{r:?}");
    assert_eq!(r.price.0 + r.behaviour.0, twice.total() - b.total());
    // Both: its time at the base's price is what the other behaviour cost there.
    let both = run(&dearer(45.0, 3_000_000_000_000), 8);
    let r = Comparison::of("both", &b, &both, &[], true).reprice.unwrap();
    assert!(near(r.at_base_prices.0, other.total(), &both));
    assert_eq!(r.price.0 + r.behaviour.0, both.total() - b.total());
}

#[test]
fn what_has_no_price_of_the_base_stays_and_is_named() {
    let b = run(&v7(10.0), 2);
    let mut m = v7(10.0);
    m.pools[0].name = "other".into();
    // A pool of another name meets other luck.
    let renamed = run(&m, 2);
    let r = Comparison::of("renamed", &b, &renamed, &[], true).reprice.unwrap();
    assert_eq!((r.price.0, &r.only_base[..]), (Usd::ZERO, &["node".to_owned()][..]));
    assert_eq!((r.kept.len(), r.kept[0].name.as_str(), r.kept[0].usd.0), (1, "other", renamed.total()));
    let mut m = dearer(10.0, 2_000_000_000_000);
    m.pools[0].device = "another".into();
    let r = Comparison::of("machines", &b, &run(&m, 2), &[], true).reprice.unwrap();
    assert_eq!(r.kept[0].why, "its machines are others than the base's");
    assert_eq!(r.price.0, Usd::ZERO);
}

#[test]
fn prices_that_change_at_the_same_dates_are_taken_date_by_date_and_others_stay() {
    let own = run(&v7(10.0), 2);
    let steps = |dates: &[(u64, i128)]| {
        let mut s = own.clone();
        s.prices = dates
            .iter()
            .map(|(from, usd)| {
                let mut p = own.prices[0].clone();
                (p.from_ns, p.usd_per_hour) = (*from, Money(Usd(*usd)));
                p
            })
            .collect();
        s
    };
    let dollar = 1_000_000_000_000;
    let mut later = steps(&[(0, dollar), (9, dollar)]);
    // All of the candidate's time lies after its second date.
    later.lines.iter_mut().for_each(|l| l.price_from_ns = Some(9));
    let at = |base: &Sample| reprice::Repriced::of(base, &later);
    let total = later.total().0;
    let same = at(&steps(&[(0, 7 * dollar), (9, 3 * dollar)]));
    assert!((same.at_base_prices.0.0 - 3 * total).abs() <= 3 * later.lines.len() as i128, "the price of that date");
    let one = at(&steps(&[(0, 2 * dollar)]));
    assert!((one.at_base_prices.0.0 - 2 * total).abs() <= 2 * later.lines.len() as i128, "one price for all of it");
    let other = at(&steps(&[(0, 7 * dollar), (8, 3 * dollar)]));
    assert_eq!((other.at_base_prices.0.0, other.kept.len()), (total, 1));
    assert_eq!(other.kept[0].why, "its prices change at other dates than the base's");
}

#[test]
fn other_horizons_seeds_and_units_are_no_pairs() {
    let b = run(&v7(10.0), 2);
    let refused = |change: &dyn Fn(&mut Sample)| {
        let mut c = b.clone();
        change(&mut c);
        comparable("cand", &b, &c).err().map(|d| d.list[0].message.clone())
    };
    assert_eq!(refused(&|_| {}), None);
    assert!(refused(&|c| c.horizon_ns /= 2).unwrap().contains("horizon"));
    assert!(refused(&|c| c.seed = 6).unwrap().contains("seed 6"));
    assert!(refused(&|c| c.bills.truncate(1)).unwrap().contains("1 runs"));
    assert!(refused(&|c| c.pools[0].unit = "cpu".into()).unwrap().contains("counted in gpu in the base, and in cpu"));
    assert!(refused(&|c| c.metrics[0].unit = "EUR".into()).unwrap().contains("`cost.total` is in USD"));
}

#[test]
fn how_much_was_done_is_told_from_how_much_was_spent() {
    let with = |done: &[f64], hours: &[f64], cost: &[f64]| {
        let mut s = sample(&[1.0; 4]);
        for (name, unit, better, v) in [
            ("jobs.done", "jobs", Direction::Higher, done),
            ("hours.productive", "GPU-h", Direction::Neutral, hours),
            ("cost.total", "USD", Direction::Lower, cost),
        ] {
            let values = v.iter().copied().map(Some).collect();
            s.metrics.push(Series { name: name.into(), unit: unit.into(), better, values });
        }
        s
    };
    let (done, hours, cost) = ([100.0, 102.0, 98.0, 101.0], [50.0; 4], [10.0, 12.0, 9.0, 11.0]);
    let base = with(&done, &hours, &cost);
    let times = |v: &[f64; 4], f: f64| v.map(|x| x * f);
    let sentence = |s: Sample| Why::of(&base, &s).sentence();
    assert_eq!(sentence(with(&done, &hours, &times(&cost, 0.8))), "same work, less money");
    assert_eq!(sentence(with(&times(&done, 1.005), &hours, &times(&cost, 1.2))), "same work, more money");
    assert_eq!(sentence(with(&times(&done, 1.3), &hours, &cost)), "more work, same money (within 1 %)");
    assert_eq!(sentence(with(&times(&done, 0.7), &hours, &times(&cost, 0.8))), "less work, less money");
    assert!(sentence(with(&times(&done, 0.7), &times(&hours, 1.2), &cost)).starts_with("other work"));
    assert!(sentence(with(&[90.0, 110.0, 100.0, 99.0], &hours, &times(&cost, 0.8))).starts_with("less money; whether"));
}

#[test]
fn a_stored_baseline_reads_back_and_a_broken_one_is_refused() {
    let s = run(&v7(10.0), 3);
    let input = |f: &str| baseline::Input { file: f.into(), sha256: "00".into() };
    let stored = Baseline {
        fleetcast: "1.2.3".into(),
        random_streams: crate::kernel::random::SCHEME.into(),
        name: "v7".into(),
        scenario: input("v7.ron"),
        set: vec!["a=b".into()],
        inputs: vec![input("t.csv")],
        sample: s,
    };
    let text = stored.to_text().unwrap();
    let read = |text: &str, version: &str| {
        let mut sources = SourceMap::default();
        let id = sources.add("b.json", text);
        Baseline::from_text(id, text, version).map_err(|d| d.list[0].message.clone())
    };
    assert_eq!(read(&text, "1.2.3"), Ok(stored.clone()));
    assert!(read(&text, "1.2.4").unwrap_err().contains("made by fleetcast 1.2.3"));
    // Cut anywhere, it is refused; so it is with a digit changed.
    for at in (0..text.len() - 2).step_by(997) {
        let e = read(&text[..at], "1.2.3").unwrap_err();
        assert!(e.contains("too early"), "{at}: {e}");
    }
    assert!(read("not json", "1.2.3").unwrap_err().contains("is not JSON"));
    let bent = text.replacen("\"seed\": 5", "\"seed\": 6", 1);
    assert!(bent != text && read(&bent, "1.2.3").unwrap_err().contains("changed after it was written"));
    assert!(read("{\"schema\": \"fleetcast.run/1\"}", "1.2.3").unwrap_err().contains("`fleetcast.run/1`"));
    assert!(read("{}", "1.2.3").unwrap_err().contains("does not say"));
}
