use super::*;
use crate::experiment::compare::paired::Series;
use crate::experiment::compare::tests::sample;
use crate::outcome::Direction;

const BASE: [f64; 8] = [1000.0, 1120.0, 940.0, 1060.0, 1180.0, 890.0, 1010.0, 1090.0];
const CAND: [f64; 8] = [1035.0, 1150.0, 975.0, 1088.0, 1224.0, 915.0, 1049.0, 1120.0];

fn series(name: &str, unit: &str, better: Direction, values: &[f64]) -> Series {
    Series { name: name.into(), unit: unit.into(), better, values: values.iter().copied().map(Some).collect() }
}

fn samples() -> (Sample, Sample) {
    let with = |cost: &[f64], share: &[f64]| {
        let mut s = sample(cost);
        s.metrics.push(series("cost.total", "USD", Direction::Lower, cost));
        s.metrics.push(series("slo.chat.wait", "%", Direction::Higher, share));
        s.metrics.push(series("wait.p90", "s", Direction::Lower, &[5_400.0; 8]));
        s
    };
    (with(&BASE, &[99.0; 8]), with(&CAND, &[97.5; 8]))
}

fn parse(text: &str) -> Result<Gate, String> {
    Gate::from_argument(text, &mut SourceMap::default()).map_err(|d| d.list[0].message.clone())
}

fn judge(text: &str) -> Result<GateResult, String> {
    let (b, c) = samples();
    let g =
        parse(text)?.resolve(&b, &c).map_err(|d| format!("{}; {}", d.list[0].message, d.list[0].help.join("; ")))?;
    let change = b.metric(&g.metric).zip(c.metric(&g.metric)).map(|(b, c)| Change::of(b, c));
    Ok(g.judge(change.as_ref(), &c))
}

#[test]
fn the_interval_against_the_limit_decides() {
    // The change is +3.21 % [2.71, 3.71], in dollars +33.25 [28.04, 38.46].
    for (gate, held) in [
        ("cost.total > +2%", Held::Broken),
        ("cost.total > +3%", Held::Inconclusive),
        ("cost.total > +5%", Held::Holds),
        ("cost.total>+28 USD", Held::Broken),
        ("cost.total > +30", Held::Inconclusive),
        ("cost.total > +1_000 USD", Held::Holds),
        ("cost.total < +2%", Held::Holds),
        ("cost.total < +5 %", Held::Broken),
        ("cost.total < -1%", Held::Holds),
        ("cost.total < −1%", Held::Holds),
        // The candidate's own mean is 1069.5 with an interval some 170 wide.
        ("cost.total > 500 USD", Held::Broken),
        ("cost.total > 1_070", Held::Inconclusive),
        ("cost.total > 2000 USD", Held::Holds),
        ("slo.chat.wait < -1pp", Held::Broken),
        ("slo.chat.wait < -2pp", Held::Holds),
        ("slo.chat.wait < -1.5 points", Held::Holds),
        ("slo.chat.wait < -1%", Held::Broken),
        ("slo.chat.wait < 98%", Held::Broken),
        ("slo.chat.wait < 97%", Held::Holds),
        ("wait.p90 > 2h", Held::Holds),
        ("wait.p90 > 1h", Held::Broken),
        ("wait.p90 > +5m", Held::Holds),
    ] {
        assert_eq!(judge(gate).map(|r| r.held), Ok(held), "{gate}");
    }
    let r = judge("cost.total > +3%").unwrap();
    // s = 6.2278 of a base of 1036.25 is 0.60099 %, the limit is 0.20869 % away: √k / t(k − 1) must reach 2.8800. It does at
    // k = 35 (t = 2.0322: 2.911) and not at 34 (t = 2.0345: 2.866).
    assert_eq!(r.pairs_needed, Some(35));
}

#[test]
fn what_is_no_gate_says_so() {
    for (gate, message) in [
        ("cost.total", "a gate says on which side of a limit it breaks, and this has neither `<` nor `>`"),
        ("cost.total >= +2%", "a gate knows `<` and `>` alone"),
        ("cost.total > ", "`` is not the limit of a gate"),
        ("cost.total > much", "`much` is not the limit of a gate"),
        ("cost.total > +inf", "`+inf` is not the limit of a gate"),
        ("cost.total > +1,000", "`+1,000` is not the limit of a gate"),
        ("cost.total > 1.2.3", "`1.2.3` is not the limit of a gate"),
        ("slo.chat.wait < 1pp", "`1pp` counts points, which are a difference, and has no sign"),
    ] {
        assert_eq!(parse(gate).map(|g| g.text), Err(message.to_owned()), "{gate}");
    }
    for (gate, starts) in [
        ("cost.totla > +2%", "there is no metric `cost.totla`; did you mean `cost.total`?"),
        ("slo.chat.ttft_p99 > +5%", "there is no metric `slo.chat.ttft_p99`; did you mean `slo.chat.wait`?"),
        ("cost.total > 2%", "`cost.total` is in USD, and the limit is in %; with a sign"),
        ("cost.total > +5 s", "`cost.total` is in USD, and the limit is in s; write the limit in USD"),
        ("cost.total > +5pp", "`cost.total` is in USD, and the limit is in pp"),
    ] {
        let got = judge(gate).map(|r| r.held).unwrap_err();
        assert!(got.starts_with(starts), "{gate}: {got}");
    }
}

#[test]
fn a_figure_that_only_one_has_may_be_gated_by_its_value_alone() {
    let (mut b, c) = samples();
    b.metrics.retain(|m| m.name != "wait.p90");
    let of = |text: &str| {
        parse(text).unwrap().resolve(&b, &c).map(|g| g.judge(None, &c).held).map_err(|d| d.list[0].message.clone())
    };
    assert_eq!(of("wait.p90 > 1h"), Ok(Held::Broken));
    assert_eq!(of("wait.p90 > +1h"), Err("only the candidate has the metric `wait.p90`".to_owned()));
}

#[test]
fn a_base_of_nothing_and_a_figure_that_is_absent() {
    let of = |base: [f64; 3], cand: [Option<f64>; 3]| {
        let mut b = sample(&[1.0; 3]);
        b.metrics.push(series("jobs.failed", "jobs", Direction::Lower, &base));
        let mut c = b.clone();
        c.metrics[0].values = cand.to_vec();
        let g = parse("jobs.failed > +2%").unwrap().resolve(&b, &c).unwrap();
        g.judge(Some(&Change::of(&b.metrics[0], &c.metrics[0])), &c).held
    };
    assert_eq!(of([0.0; 3], [Some(0.0); 3]), Held::Holds, "nothing of nothing");
    assert_eq!(of([0.0; 3], [Some(1.0); 3]), Held::Broken, "anything is more than any share of nothing");
    assert_eq!(of([1.0; 3], [Some(1.0), None, Some(1.0)]), Held::Inconclusive);
}
