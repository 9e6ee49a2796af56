//! The vectors, the page of the format, and broken files.

use super::*;
use crate::verify::Verdict;
use crate::verify::cases::testing::{self, Fault};

fn cases_of(text: &str) -> (Vec<Case>, Vec<Fault>) {
    testing::cases_of::<Cases>(text)
}

#[test]
fn every_published_vector_is_exact() {
    let cases = match run(&Options::default()) {
        Ok(cases) => cases,
        Err(other) => panic!("{other:#?}"),
    };
    for c in &cases {
        assert_eq!(c.verdict, Verdict::Pass, "{c:?}");
        assert_eq!(c.tolerance, Some(0.0));
    }
    let mut names: Vec<_> = cases.iter().map(|c| &c.case).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "a name of its own for each");
    // The tables of the specification, row by row: ten, twelve, seven, fourteen, two; twenty-six of KEDA.
    let main = |prefix: &str| {
        let number =
            |c: &&Case| c.case.strip_prefix(prefix).is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
        let ids: std::collections::BTreeSet<&str> =
            cases.iter().filter(number).map(|c| c.case.split(' ').next().unwrap_or_default()).collect();
        ids.len()
    };
    let counts = ["H", "HP", "HV", "HA", "HS", "HR", "HL", "KD"].map(main);
    assert_eq!(counts, [10, 4, 4, 4, 7, 14, 2, 26]);
}

#[test]
fn every_example_of_the_page_holds_and_every_kind_has_one() {
    let page = include_str!("../../../docs/cases.md");
    let (mut kinds, mut lines) = (0, 0);
    for block in page.split("```ron\n").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        let (cases, faults) = cases_of(text);
        assert_eq!(faults, [], "{text}");
        for c in &cases {
            assert_eq!(c.verdict, Verdict::Pass, "{c:?}");
        }
        (kinds, lines) = (kinds + 1, lines + cases.len());
    }
    assert_eq!(kinds, 11);
    assert!(lines > 60, "{lines}");
}

#[test]
fn the_page_ends_with_the_reference_of_the_fields() {
    let page = include_str!("../../../docs/cases.md");
    let (_, fields) = page.split_once("# Fields\n\n").expect("the heading");
    assert_eq!(fields, reference(), "copy what `reference()` says there again");
}

#[test]
fn a_wrong_figure_fails_and_says_what_ours_was() {
    let text = r#"(cases: [
        RateLimit(id: "a", current: 10, wanted: 50, max_replicas: 1000, expect: (replicas: 21, reason: TooManyReplicas)),
        Proposal(id: "b", current: 1, metric: External(target: Value(1)), expect: (replicas: 1)),
    ])"#;
    let (cases, faults) = cases_of(text);
    assert_eq!(faults, []);
    let shown: Vec<_> = cases.iter().map(|c| (c.case.as_str(), c.published, c.ours, c.verdict)).collect();
    assert_eq!(shown[0], ("a", Some(21.0), 20.0, Verdict::Fail));
    assert_eq!(shown[1], ("a reason TooManyReplicas (ours ScaleUpLimit)", Some(1.0), 0.0, Verdict::Fail));
    assert!(shown[2].2.is_nan() && shown[2].3 == Verdict::Fail);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let one = |case: &str| {
        let (_, faults) = cases_of(&format!("(cases: [\n{case}\n])"));
        assert_eq!(faults.len(), 1, "{case}: {faults:?}");
        let (message, (line, _)) = faults.into_iter().next().expect("one");
        assert_eq!(line, 2, "{case}");
        message
    };
    let metric = "metric: External(target: Value(1), values: [1])";
    let table = [
        (format!("Proposal(id: \"x\", current: 1, {metric}, expect: ())"), "expects nothing"),
        (format!("Proposal(id: \"x\", current: -1, {metric}, expect: (replicas: 1))"), "negative replicas"),
        (format!("Proposal(id: \"x\", currant: 1, current: 1, {metric}, expect: (replicas: 1))"), "unknown field `currant`"),
        (format!("Proposal(id: \"x\", current: 100001, {metric}, expect: (replicas: 1))"), "more than 100000 pods"),
        (
            format!("Proposal(id: \"x\", current: 1, pods: [Times(4000000000, Times(4000000000, Ready))], {metric}, expect: (replicas: 1))"),
            "more than 100000 pods",
        ),
        ("Proposals(id: \"x\")".to_owned(), "unknown choice `Proposals`"),
        (
            "Proposal(id: \"x\", current: 1, metric: External(target: Value(0), values: [1]), expect: (replicas: 1))".to_owned(),
            "target of metric 0 is not above 0",
        ),
        (
            "Proposal(id: \"x\", current: 1, metric: External(target: Value(\"1q\"), values: [1]), expect: (replicas: 1))".to_owned(),
            "expected a quantity",
        ),
        (
            "Proposal(id: \"x\", current: 1, metric: Resource(target: Utilization(5), values: [1]), expect: (replicas: 1))".to_owned(),
            "there are none",
        ),
        (
            "Proposal(id: \"x\", current: 1, metric: Pods(average_value: 5, values: [1, 2]), expect: (replicas: 1))".to_owned(),
            "2 values for 1 pods",
        ),
        (
            "Proposal(id: \"x\", current: 1, metric: Resource(request: 1, requests: [1], values: [1]), expect: (replicas: 1))".to_owned(),
            "`request` and `requests`",
        ),
        (
            "Proposal(id: \"x\", current: 1, metric: Resource(request: 1, containers: [(containers: [])]), expect: (replicas: 1))".to_owned(),
            "has containers, and values or requests",
        ),
        (
            "RateLimit(id: \"x\", current: 1, wanted: 2, min_replicas: 9, max_replicas: 5, expect: (replicas: 2))".to_owned(),
            "minimum of 9 replicas is above the maximum of 5",
        ),
        (
            "RateLimit(id: \"x\", current: 1, wanted: 2, max_replicas: 5, behavior: (scale_up: (policies: [])), expect: (replicas: 2))".to_owned(),
            "scaling up has no policy",
        ),
        (
            "RateLimit(id: \"x\", current: 1, wanted: 2, max_replicas: 5, behavior: (scale_up: (policies: [Pods(1, \"31m\")])), expect: (replicas: 2))".to_owned(),
            "period of policy 0 for scaling up",
        ),
        ("Reconcile(id: \"x\", max_replicas: 5, current: 1, steps: [])".to_owned(), "no steps"),
        (
            "Reconcile(id: \"x\", max_replicas: 5, current: 1, min_replicas: 0, steps: [(metrics: [External(target: Value(1))], expect: (replicas: 1))])".to_owned(),
            "HPAScaleToZero",
        ),
        (
            "KedaPoll(id: \"x\", current: 1, scaled_object: (triggers: [()]), steps: [(at: \"9s\", values: [1], expect: (replicas: 1)), (at: \"8s\", values: [1], expect: (replicas: 1))])".to_owned(),
            "before the one above it",
        ),
        (
            "KedaPoll(id: \"x\", current: 1, scaled_object: (triggers: [()]), steps: [(values: [], expect: (replicas: 1))])".to_owned(),
            "0 values for 1 triggers",
        ),
        (
            "KedaPoll(id: \"x\", current: 1, scaled_object: (triggers: []), steps: [(values: [], expect: (replicas: 1))])".to_owned(),
            "there is no trigger",
        ),
        (
            "KedaPoll(id: \"x\", current: 1, scaled_object: (idle_replica_count: 2, triggers: [()]), steps: [(values: [1], expect: (replicas: 1))])".to_owned(),
            "idle replicas",
        ),
        (
            "KedaFallback(id: \"x\", fallback: (failure_threshold: 0, replicas: 1), target: Value(1), failures: 0, expect: (error: true))".to_owned(),
            "needs a failure",
        ),
        (
            "KedaTimeline(id: \"x\", scaled_object: (polling_interval: \"0s\", triggers: [()]), values: [(values: [0])], expect: [(\"1s\", 0)])".to_owned(),
            "too short",
        ),
        (
            "KedaTimeline(id: \"x\", scaled_object: (triggers: [()]), values: [(from: \"1s\", values: [0])], expect: [(\"1s\", 0)])".to_owned(),
            "first values begin after 0",
        ),
        (
            "ScaledJob(id: \"x\", triggers: [(queue_length: -1)], expect: (created: 0))".to_owned(),
            "negative",
        ),
        ("ScaledJobStrategy(id: \"x\", strategy: Eager, max_scale: 1, running: 0, max_replica_count: 0, expect: 0)".to_owned(), "maximum of 0 jobs"),
        (
            "ScaledJobTarget(id: \"x\", targets: [], expect: 0), ScaledJobTarget(id: \"x\", targets: [], expect: 0)".to_owned(),
            "two cases are called `x`",
        ),
    ];
    for (case, message) in table {
        let found = one(&case);
        assert!(found.contains(message), "{case}: {found}");
    }
    assert_eq!(cases_of("(version: 2, cases: [])").1[0].0, "version 2 of the case format is not known");
    assert!(cases_of("(cases: [").1[0].1.0 == 1);
}

#[test]
fn a_file_that_is_not_there_is_bad_input() {
    let options = Options { cases: vec!["/nowhere/mine.ron".into()], ..Options::default() };
    match run(&options) {
        Err(NoCases::Bad(d, _)) => assert!(d.list[0].message.contains("/nowhere/mine.ron")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_complaint_points_to_its_field() {
    let behavior = "behavior: (scale_up: (policies: [Pods(1, \"9s\")]), scale_down: (policies: [Pods(1, \"9s\"),\n Pods(0, \"9s\")]))";
    let table = [
        ("RateLimit(id: \"x\", current: 1, wanted: 2, max_replicas: 5,\n min_replicas: 9, expect: (replicas: 2))".to_owned(), (2, 16)),
        (format!("RateLimit(id: \"x\", current: 1, wanted: 2, max_replicas: 5, {behavior}, expect: (replicas: 2))"), (2, 2)),
        (
            "Proposal(id: \"x\", current: 1, metric: Pods(\naverage_value: 0, values: [1]), expect: (replicas: 1))".to_owned(),
            (2, 16),
        ),
        (
            "KedaHpa(id: \"x\", min_replicas: 1, max_replicas: 1, scaled_object: (triggers: [(),\n(target: Value(0))]))".to_owned(),
            (2, 10),
        ),
        ("RateLimit(\nid: \"x\", current: 1, wanted: 2, max_replicas: 0, expect: (replicas: 2))".to_owned(), (2, 47)),
    ];
    for (case, place) in table {
        let (_, faults) = cases_of(&format!("(cases: [{case}])"));
        assert_eq!(faults.iter().map(|f| f.1).collect::<Vec<_>>(), [place], "{case}: {faults:?}");
    }
}
