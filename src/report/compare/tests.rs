use super::{Party, Report, junit, markdown, text};
use crate::experiment::compare::{Comparison, Gate, Held, One, Sample};
use crate::experiment::fixture::v7;
use crate::experiment::{Control, replicate};
use crate::scenario::model::Model;
use crate::units::SourceMap;

fn sample(model: &Model) -> Sample {
    Sample::of(model, 5, &replicate(model, 5, 0..6, Control::default(), |_, o| One::of(o)))
}

/// V7 with checkpoints that are too seldom, beside V7.
fn report(name: &str, gates: &[&str]) -> Report {
    let (b, c) = (sample(&v7(10.0)), sample(&v7(45.0)));
    let gate = |t: &&str| Gate::from_argument(t, &mut SourceMap::default()).unwrap().resolve(&b, &c).unwrap();
    let gates: Vec<Gate> = gates.iter().map(gate).collect();
    let c = Comparison::of(name, &b, &c, &gates, true);
    let party = |n: &str| Party {
        name: n.into(),
        scenario: "v7".into(),
        variant: None,
        set: vec!["a|b=`c`".into()],
        scenario_sha256: "0123456789abcdef".into(),
        stored: None,
        inputs: Vec::new(),
        evidence: Vec::new(),
    };
    Report {
        schema: super::SCHEMA.into(),
        fleetcast: "1.2.3".into(),
        random_streams: "streams/1".into(),
        confidence: 0.95,
        seed: 5,
        replications: 6,
        base: party("often.ron"),
        candidates: vec![party(name)],
        held: c.held(),
        comparisons: vec![c],
        command: "fleetcast compare often.ron seldom.ron".into(),
    }
}

const GATES: [&str; 3] = ["cost.total > +2%", "jobs.done < -1%", "cost.total > +20%"];

#[test]
fn the_terminal_says_what_changed_how_sure_and_which_gates() {
    let r = report("seldom.ron", &GATES);
    let held: Vec<Held> = r.comparisons[0].gates.iter().map(|g| g.held).collect();
    assert_eq!((held[0], held[1], r.held), (Held::Broken, Held::Holds, Held::Broken));
    let t = text::text(&r, false);
    let lines: Vec<&str> = t.lines().collect();
    assert_eq!(lines[0], "seldom.ron beside often.ron");
    assert!(lines[1].starts_with("Cost +") && lines[1].ends_with("same work, more money"), "{}", lines[1]);
    assert!(lines[2].contains("broken (cost.total"), "{}", lines[2]);
    assert!(t.contains("\n  BROKEN") && t.contains("cost.total > +2%") && t.contains("] %"), "{t}");
    assert!(t.contains("Why the bill changed (USD a run, mean of 6)") && t.contains("by workload"), "{t}");
    assert!(t.contains("other behaviour, at the base's prices    +"), "{t}");
    assert!(lines.iter().all(|l| l.trim_end() == *l), "no line ends in spaces");
    // All figures are more than the changed ones, and each is there.
    let all = text::text(&r, true);
    assert!(r.comparisons[0].metrics.iter().all(|m| all.contains(&format!("  {} ", m.name))));
    assert!(!t.contains("hours.hung") && !all.contains("further figures"));
}

#[test]
fn markdown_begins_with_its_marker_and_nothing_in_a_name_is_markup() {
    let name = "a|b<script>@me`x\nrow";
    let m = markdown::markdown(&report(name, &GATES));
    assert_eq!(m.lines().next(), Some("<!-- fleetcast:compare:v7 -->"));
    assert_eq!(markdown::marker("x --> y"), "<!-- fleetcast:compare:x-y -->");
    assert!(m.contains("### a\\|b&lt;script>@\u{200b}me\\`x row beside often.ron — fails"), "{m}");
    assert!(m.contains("| `cost.total > +2%` | +") && m.contains("**broken**"), "{m}");
    assert!(m.contains("| the bill |") && m.contains("fleetcast compare often.ron seldom.ron"), "{m}");
    // Rows of a table have the columns of its head, whatever is in them.
    for table in m.split("\n\n").filter(|t| t.starts_with('|')) {
        let bars = |l: &str| l.replace("\\|", "").matches('|').count();
        let head = bars(table.lines().next().unwrap());
        assert!(table.lines().filter(|l| l.starts_with('|')).all(|l| bars(l) == head), "{table}");
    }
}

#[test]
fn markdown_that_is_too_long_is_cut_between_rows() {
    let mut r = report("seldom.ron", &GATES);
    let one = r.comparisons[0].clone();
    r.comparisons = vec![one; 40];
    let m = markdown::markdown(&r);
    assert!(m.chars().count() <= markdown::LONGEST);
    assert!(m.starts_with("<!-- fleetcast:compare:v7 -->"));
}

#[test]
fn junit_has_a_case_a_gate_and_is_xml() {
    let name = "a<b>&\"c\"\u{1}";
    let x = junit::junit(&report(name, &["cost.total > +2%", "jobs.done < -1%"]));
    assert!(x.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{x}");
    assert!(x.contains("<failure message=\"cost.total &gt; +2%: +") && x.contains("type=\"regression\""), "{x}");
    assert!(x.contains("a&lt;b&gt;&amp;&quot;c&quot;\u{fffd} beside often.ron"), "{x}");
    assert_eq!((x.matches("<testcase ").count(), x.matches("</testcase>").count()), (2, 2));
    // Every tag that opens closes.
    let (opened, closed) = (x.matches('<').count(), x.matches('>').count());
    assert_eq!(opened, closed);
    let none = junit::junit(&report("n", &[]));
    assert!(none.contains("tests=\"1\" failures=\"0\"") && none.contains("compared, without gates"), "{none}");
}

#[test]
fn the_json_reads_back() {
    let r = report("seldom.ron", &GATES);
    assert_eq!(serde_json::from_str::<Report>(&r.to_json().unwrap()).unwrap(), r);
}
