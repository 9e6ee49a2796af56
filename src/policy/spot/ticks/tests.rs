use super::*;

fn hours(h: f64) -> Duration {
    Duration::from_secs_f64(h * 3600.0)
}

/// The prices of the paper's simulator: p3.2xlarge in us-west-2.
pub(in crate::policy::spot) const PRICES: (Rate, Rate) = (Rate(973_100_000_000), Rate(3_060_000_000_000));

fn bits(trace: &str) -> Vec<bool> {
    trace.chars().map(|c| c == '1').collect()
}

fn run(task: &Task, purchase: Purchase, trace: &str) -> (String, Replay) {
    let mut text = String::new();
    let r = replay(task, purchase, &bits(trace), |w| text.push(letter(w)));
    (text, r)
}

pub(in crate::policy::spot) const UP: Purchase = Purchase::UniformProgress { hysteresis: true };
pub(in crate::policy::spot) const UP_NO_HYST: Purchase = Purchase::UniformProgress { hysteresis: false };

pub(in crate::policy::spot) fn small() -> Task {
    Task {
        work: hours(2.0),
        deadline: Some(hours(3.0)),
        overhead: Duration::from_secs(300),
        tick: Duration::from_secs(600),
        prices: PRICES,
    }
}

#[test]
fn the_decision_strings_are_those_of_the_reference() {
    let s13 = "S".repeat(13);
    let o13 = "O".repeat(13);
    let check = |trace: &str, purchase, want: &str, cost: f64, finish_h: f64| {
        let (text, r) = run(&small(), purchase, trace);
        assert_eq!(text, want, "{trace} {purchase:?}");
        assert!((r.cost.to_f64() - cost).abs() < 1e-6, "{trace} {purchase:?} {}", r.cost.exact());
        let f = r.finish.expect("done").as_hours_f64();
        assert!((f - finish_h).abs() < 1e-4, "{f}");
        assert!(!r.missed);
    };
    let (ones, zeros) = ("1".repeat(24), "0".repeat(24));
    for p in [Purchase::Greedy, UP_NO_HYST, UP] {
        check(&ones, p, &s13, 2.108383, 2.1667);
    }
    check(&zeros, Purchase::Greedy, &format!(".....{o13}"), 6.63, 3.0);
    check(&zeros, UP_NO_HYST, &format!(".{o13}"), 6.63, 2.3333);
    check(&zeros, UP, &format!(".{o13}"), 6.63, 2.3333);
    let t = "110011100011110000111111";
    check(t, Purchase::Greedy, "SS..SSS..OOOOOOOOO", 5.400917, 3.0);
    check(t, UP_NO_HYST, "SS.OSSSOOOSSSS.OO", 4.519650, 17.0 / 6.0);
    check(t, UP, "SS.OOOOOOOSSSS..O", 5.053100, 17.0 / 6.0);
    let t = "01".repeat(12);
    check(&t, Purchase::Greedy, ".S.S.SOOOOOOOOOOO", 6.096550, 17.0 / 6.0);
    check(&t, UP_NO_HYST, ".SOSOSOSOOOOOOOOO", 6.768733, 17.0 / 6.0);
    check(&t, UP, ".SOOOOOOOS.S.OOOOO", 6.606550, 3.0);
    let t = "111000000000000111111111";
    check(t, Purchase::Greedy, "SSS....OOOOOOOOOO", 5.586550, 17.0 / 6.0);
    check(t, UP_NO_HYST, "SSS.OOOOOOOOOO", 5.586550, 14.0 / 6.0);
    check(t, UP, "SSS.OOOOOOOOOO", 5.586550, 14.0 / 6.0);
    check(t, Purchase::OnDemandOnly, &o13, 6.63, 13.0 / 6.0);
}
