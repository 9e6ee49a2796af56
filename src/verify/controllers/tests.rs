//! The vectors, the page of the format, and broken files.

use super::*;
use crate::verify::Verdict;
use crate::verify::cases::testing::{self, Fault};

fn cases_of(text: &str) -> (Vec<Case>, Vec<Fault>) {
    testing::cases_of::<Cases>(text)
}

#[test]
fn every_vector_holds() {
    let (mut names, mut failed) = (Vec::new(), Vec::new());
    for (name, text) in VECTORS {
        let (cases, faults) = cases_of(text);
        assert_eq!(faults, [], "{name}");
        failed.extend(cases.iter().filter(|c| c.verdict != Verdict::Pass).cloned());
        names.extend(cases.into_iter().map(|c| c.case));
    }
    assert!(failed.is_empty(), "{failed:#?}");
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "a name of its own for each");
    // The tables of the specification, row by row.
    let ids = |prefix: &str| {
        let number = |n: &&String| n.strip_prefix(prefix).is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
        names
            .iter()
            .filter(number)
            .map(|n| n.split(' ').next().unwrap_or_default())
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    let counts =
        ["B", "D", "K", "C", "T", "BL", "Q", "KQ", "J", "DS", "V", "U", "CA-E", "CA-W", "CA-P", "SC", "S", "P", "PDB"]
            .map(ids);
    assert_eq!(counts, [5, 8, 8, 9, 3, 9, 6, 8, 7, 8, 11, 6, 7, 2, 5, 7, 6, 5, 7]);
}

#[test]
fn every_example_of_the_page_holds_and_every_kind_has_one() {
    let page = include_str!("../../../docs/controller-cases.md");
    let mut lines = 0;
    let blocks: Vec<&str> = page.split("```ron\n").skip(1).map(|b| b.split("```").next().unwrap_or_default()).collect();
    for text in &blocks {
        let (cases, faults) = cases_of(text);
        assert_eq!(faults, [], "{text}");
        for c in &cases {
            assert_eq!(c.verdict, Verdict::Pass, "{c:?}");
        }
        lines += cases.len();
    }
    for kind in [
        "KarpenterBatch(",
        "KarpenterProvision(",
        "KarpenterDisrupt(",
        "KarpenterTimeline(",
        "KarpenterBudget(",
        "KarpenterCost(",
        "KarpenterBalanced(",
        "KueueQuota(",
        "KueueCycle(",
        "Culler(",
        "Descheduler(",
        "VpaHistogram(",
        "VpaRecommend(",
        "VpaConfidence(",
        "VpaUpdate(",
        "CaEstimate(",
        "CaExpand(",
        "CaPreferredNode(",
        "CaBalance(",
        "CaScaleDown(",
        "CaScan(",
        "SchedulerScore(",
        "SchedulerPreempt(",
        "Pdb(",
    ] {
        assert!(blocks.iter().any(|b| b.contains(kind)), "{kind}");
    }
    assert!(lines > 80, "{lines}");
}

#[test]
fn the_page_ends_with_the_reference_of_the_fields() {
    let page = include_str!("../../../docs/controller-cases.md");
    let (_, fields) = page.split_once("# Fields\n\n").expect("the heading");
    assert_eq!(fields, reference(), "copy what `reference()` says there again");
}

#[test]
fn a_wrong_figure_fails_and_says_what_ours_was() {
    let text = r#"(cases: [
        CaBalance(id: "b", groups: [(1, 5), (2, 5)], add: 1, expect: [1, 3]),
        KarpenterDisrupt(
            id: "k", cluster: (types: [(name: "t", offerings: [(price: 1)])], nodes: [(name: "n")]),
            expect: (nothing: true, method: Drift, nodes: ["m"], blocked: [("n", Pdb)], replacements: [(types: ["t"])]),
        ),
        Culler(id: "c", servers: [(name: "s")], until: "1h", expect: [("s", TooOld("600s"))]),
        VpaHistogram(id: "v", buckets: Linear(max: 10, size: 1), samples: [(value: 1)], expect: (percentiles: [(0.5, 3)])),
    ])"#;
    let (cases, faults) = cases_of(text);
    assert_eq!(faults, []);
    let shown: Vec<(&str, Verdict)> = cases.iter().map(|c| (c.case.as_str(), c.verdict)).collect();
    let fail = |s| (s, Verdict::Fail);
    assert_eq!(
        shown,
        [
            fail("b group 1"),
            fail("b group 2"),
            fail("k nothing (ours Emptiness n)"),
            fail("k method Drift (ours Emptiness)"),
            fail("k nodes m (ours n)"),
            fail("k planned"),
            fail("k n blocked Pdb (ours No)"),
            fail("c s too old"),
            fail("v percentile 0.5"),
        ]
    );
    assert_eq!((cases[0].published, cases[0].ours), (Some(1.0), 2.0));
    assert!(cases[7].ours.is_nan());
}

/// The cases that do not have one fault, with this message, in the second line: with what they have.
fn unlike(table: &[(String, &str)]) -> Vec<String> {
    let wrong = |(case, message): &(String, &str)| {
        let (_, faults) = cases_of(&format!("(cases: [\n{case}\n])"));
        let fine = matches!(&faults[..], [(found, (2, _))] if found.contains(message));
        (!fine).then(|| format!("{case}: not {message}, but {faults:?}"))
    };
    table.iter().filter_map(wrong).collect()
}

#[test]
fn what_is_wrong_with_a_karpenter_case_is_told_with_its_place() {
    let t = r#"types: [(name: "t", offerings: [(price: 1)])]"#;
    let case = |cluster: &str| format!("KarpenterDisrupt(id: \"x\", cluster: ({cluster}), expect: (nothing: true))");
    let table = [
        (format!(r#"KarpenterDisrupt(id: "x", cluster: ({t}), expect: ())"#), "expects nothing"),
        (case(&format!(r#"{t}, nodes: [(name: "n", type: "u")]"#)), "no type `u`"),
        (case(&format!(r#"{t}, nodes: [(name: "n", capacity: Spot)]"#)), "has no such offering"),
        (case(&format!(r#"{t}, nodes: [(name: "n"), (name: "n")]"#)), "two nodes called `n`"),
        (case(&format!(r#"{t}, nodes: [(name: "n", count: 4294967295)]"#)), "more than 10000"),
        (case(&format!(r#"{t}, nodes: [(name: "n", pool: Pool("p"))]"#)), "no pool `p`"),
        (case(&format!(r#"{t}, pods: [(name: "p", node: "n")]"#)), "no node `n`"),
        (case(&format!(r#"{t}, pods: [(name: "p", pdbs: ["b"])]"#)), "no disruption budget `b`"),
        (case(&format!(r#"{t}, pods: [(name: "p", cpu: -1)]"#)), "expected an amount"),
        (
            case(&format!(r#"{t}, pods: [(name: "p", required: [[(key: "k", operator: Gt, values: ["x"])]])]"#)),
            "not a whole number",
        ),
        (
            case(&format!(r#"{t}, pods: [(name: "p", required: [[(key: "k", operator: Exists, values: ["x"])]])]"#)),
            "with 1 values",
        ),
        (case(&format!(r#"{t}, pods: [(name: "p", required: [[(key: "k")]])]"#)), "with 0 values"),
        (case(&format!(r#"{t}, pools: [(weight: 101)]"#)), "a weight of 101"),
        (case(&format!(r#"{t}, pools: [(budgets: [(nodes: "ten")])]"#)), "`ten` is neither"),
        (case(&format!(r#"{t}, pools: [(budgets: [(schedule: "61 * * * *", duration: "1h")])]"#)), "budget 0"),
        (
            format!(
                r#"KarpenterDisrupt(id: "x", settings: (compat: V1_13), cluster: ({t}, pools: [(consolidation_policy: Balanced)]), expect: (nothing: true))"#
            ),
            "begins with v1.14",
        ),
        (format!(r#"KarpenterDisrupt(id: "x", cluster: ({t}), expect: (blocked: [("n", No)]))"#), "no node `n`"),
        (
            format!(r#"KarpenterTimeline(id: "x", cluster: ({t}), until: "1w 1d", expect: (nothing: true))"#),
            "more than a week",
        ),
        (
            format!(
                r#"KarpenterTimeline(id: "x", cluster: ({t}, pods: [(name: "p")]), events: [("2s", PodGoes("p")), ("1s", PodGoes("p"))], expect: (nothing: true))"#
            ),
            "before the one above it",
        ),
        (
            r#"KarpenterBatch(id: "x", arrivals: [("a", "2s"), ("b", "1s")], expect: ["3s"])"#.to_owned(),
            "before the one above it",
        ),
        (
            r#"KarpenterBatch(id: "x", settings: (batch_idle_duration: "20s"), arrivals: [], expect: [])"#.to_owned(),
            "idle time of a batch",
        ),
        (
            r#"KarpenterBudget(id: "x", budgets: [], nodes: 1, not_ready: 2, expect: (allowed: [(Empty, 1)]))"#
                .to_owned(),
            "more nodes go than there are",
        ),
        (r#"KarpenterCost(id: "x", pods: [()], expect: (eviction: [1, 1]))"#.to_owned(), "2 costs for 1 pods"),
        (r#"KarpenterBalanced(id: "x", parts: [], savings: 1, k: 0, expect: (approved: true))"#.to_owned(), "`k` is 0"),
        (r#"KarpenterDisrupts(id: "x")"#.to_owned(), "unknown choice `KarpenterDisrupts`"),
    ];
    assert_eq!(unlike(&table), [""; 0]);
}

#[test]
fn what_is_wrong_with_other_cases_is_told_with_its_place() {
    let low = |t: &str| {
        format!(
            "Descheduler(id: \"x\", plugin: LowNodeUtilization({t}), nodes: [(name: \"n\", cpu: 1, memory: 1)], expect: (count: 0))"
        )
    };
    let q = |queue: &str| {
        format!(
            "KueueQuota(id: \"x\", quotas: (queues: [(name: \"q\", {queue})]), expect: (available: [(queue: \"q\", amount: 1)]))"
        )
    };
    let group = r#"groups: [(flavors: [(quotas: [("cpu", (nominal: 1))])])]"#;
    let table = [
        (low(r#"thresholds: [("cpu", -1)], target_thresholds: [("cpu", 50)]"#), "a percentage, from 0 to 100"),
        (low(r#"thresholds: [("cpu", 60)], target_thresholds: [("cpu", 50)]"#), "`cpu`, 60, is above its target, 50"),
        (low(r#"thresholds: [("cpu", 6)], target_thresholds: [("memory", 50)]"#), "list different resources"),
        (low(r#"thresholds: [("gpu", 6)], target_thresholds: [("gpu", 50)], metrics: true"#), "`gpu` has a threshold"),
        (
            r#"Descheduler(id: "x", plugin: HighNodeUtilization(thresholds: [("cpu", 6)]), nodes: [], pods: [(name: "p", node: "n")], expect: (count: 0))"#.to_owned(),
            "no node `n`",
        ),
        (
            r#"Descheduler(id: "x", plugin: HighNodeUtilization(thresholds: [("cpu", 6)]), nodes: [], expect: (percent: []))"#.to_owned(),
            "expects nothing",
        ),
        (q(r#"groups: [(flavors: [(quotas: [("cpu", (nominal: 1, lending_limit: 1))])])]"#), "without a cohort above it"),
        (q(r#"groups: [(flavors: [(name: "a", quotas: [("cpu", ())]), (name: "b", quotas: [("gpu", ())])])]"#), "has not the resources of its group"),
        (q(&format!("{group}, preemption: (within_cluster_queue: Any)")), "not a policy within a queue"),
        (format!(r#"KueueQuota(id: "x", quotas: (queues: [(name: "q", {group})]), expect: (available: [(queue: "r", amount: 1)]))"#), "no queue `r`"),
        (format!(r#"KueueQuota(id: "x", quotas: (queues: [(name: "q", {group})]), usage: [(queue: "q", resource: "gpu", amount: 1)], expect: (share: [("q", 0)]))"#), "no quota anywhere is of `default` of `gpu`"),
        (
            format!(r#"KueueCycle(id: "x", quotas: (queues: [(name: "q", {group})]), pending: [(name: "w", queue: "q", pod_sets: []), (name: "w", queue: "q", pod_sets: [])], expect: [])"#),
            "two workloads called `w`",
        ),
        (
            format!(r#"KueueCycle(id: "x", quotas: (queues: [(name: "q", {group})]), cycles: 1001, pending: [], expect: [])"#),
            "more than 1000",
        ),
        (r#"Culler(id: "x", timeout: "0s", cull_every: "1s", servers: [], expect: [])"#.to_owned(), "a timeout of 0"),
        (r#"Culler(id: "x", cull_every: "1ns", servers: [], expect: [])"#.to_owned(), "more than 1000000"),
        (r#"Culler(id: "x", servers: [], expect: [("s", Never)])"#.to_owned(), "no server `s`"),
        (r#"VpaHistogram(id: "x", buckets: Exponential(max: 1, first: 1, ratio: 1), expect: (buckets: 1))"#.to_owned(), "ratio"),
        (r#"VpaHistogram(id: "x", buckets: Linear(max: 1e12, size: 1), expect: (buckets: 1))"#.to_owned(), "at most 1000000 buckets"),
        (r#"VpaHistogram(id: "x", buckets: Cpu, half_life: "0s", expect: (buckets: 1))"#.to_owned(), "a half-life of 0"),
        (r#"VpaRecommend(id: "x", samples: [EveryMinute(to: "365d")], expect: (confidence: 1))"#.to_owned(), "more than 100000"),
        (r#"VpaRecommend(id: "x", recommender: (margin: -1), samples: [], expect: (confidence: 1))"#.to_owned(), "the safety margin is -1"),
        (r#"VpaUpdate(id: "x", updater: (eviction_tolerance: 2), pods: [], expect: (count: 0))"#.to_owned(), "eviction tolerance is 2"),
        (r#"VpaUpdate(id: "x", pods: [], expect: (stays: [("p", Young)]))"#.to_owned(), "no pod `p`"),
        (r#"CaEstimate(id: "x", template: (), pods: [(count: 4000000000)], expect: (nodes: 0))"#.to_owned(), "more than 1000000"),
        (r#"CaExpand(id: "x", options: [(group: "g")], expect: (group: "g"))"#.to_owned(), "no CPU or no memory"),
        (r#"CaExpand(id: "x", options: [(group: "g", capacity: (cpu: 1, memory: 1))], expect: (score: [("g", 1)]))"#.to_owned(), "without the expander `Price`"),
        (r#"CaBalance(id: "x", groups: [(1, 2)], add: 1, expect: [])"#.to_owned(), "0 sizes for 1 groups"),
        (r#"CaScaleDown(id: "x", flags: (threshold: 50), nodes: [], expect: (eligible: []))"#.to_owned(), "must be between 0 and 1"),
        (r#"CaScaleDown(id: "x", nodes: [(name: "n")], expect: (eligible: [("n", true)]))"#.to_owned(), "without `allocatable`"),
        (r#"CaScan(id: "x", groups: [], expect: (acts: []))"#.to_owned(), "no groups"),
        (r#"CaScan(id: "x", settings: (scan_interval: "0s"), groups: [], expect: (acts: []))"#.to_owned(), "scan-interval is 0"),
        (r#"CaScan(id: "x", groups: [(name: "g", min: 2, max: 1, template: ())], expect: (acts: []))"#.to_owned(), "minimum of 2"),
        (r#"CaScan(id: "x", groups: [(name: "g", template: ())], events: [("1s", Empties("n"))], expect: (acts: []))"#.to_owned(), "no node `n`"),
        (r#"SchedulerScore(id: "x", containers: [], nodes: [], expect: (least: [("n", 1)]))"#.to_owned(), "no node `n`"),
        (r#"SchedulerPreempt(id: "x", priority: 1, nodes: [(name: "n", pods: [(name: "p", pdbs: ["b"])])], expect: (node: "n"))"#.to_owned(), "no disruption budget `b`"),
        (r#"Pdb(id: "x", budgets: [(expected: 1)], expect: (allowed: [1]))"#.to_owned(), "both of its amounts, or none"),
        (r#"Pdb(id: "x", budgets: [(min_available: "half", expected: 1)], expect: (allowed: [1]))"#.to_owned(), "neither pods nor a percentage"),
        (r#"Pdb(id: "x", budgets: [(min_available: "101%", expected: 1)], expect: (allowed: [1]))"#.to_owned(), "above 100%"),
        (
            r#"CaBalance(id: "x", groups: [(1, 2)], add: 1, expect: [2]), CaBalance(id: "x", groups: [(1, 2)], add: 1, expect: [2])"#.to_owned(),
            "two cases are called `x`",
        ),
    ];
    assert_eq!(unlike(&table), [""; 0]);
    assert_eq!(cases_of("(version: 2, cases: [])").1[0].0, "version 2 of the case format is not known");
}

#[test]
fn a_file_that_is_not_there_is_bad_input() {
    let options = Options { cases: vec!["/nowhere/mine.ron".into()], ..Options::default() };
    match run(&options) {
        Err(NoCases::Bad(d, _)) => assert!(d.list[0].message.contains("/nowhere/mine.ron")),
        other => panic!("{other:?}"),
    }
}
