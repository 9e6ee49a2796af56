//! The vectors, the page of the format, and broken files.

use super::*;
use crate::verify::Verdict;
use crate::verify::cases::testing::{self, Fault};

fn cases_of(text: &str) -> (Vec<Case>, Vec<Fault>) {
    testing::cases_of::<Cases>(text)
}

#[test]
fn everything_published_holds() {
    let cases = match run(&Options::default()) {
        Ok(cases) => cases,
        Err(other) => panic!("{other:#?}"),
    };
    for c in &cases {
        assert_eq!(c.verdict, Verdict::Pass, "{c:?}");
    }
    let mut names: Vec<_> = cases.iter().map(|c| &c.case).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "a name of its own for each");
    for (_, text) in VECTORS {
        assert!(!cases_of(text).0.is_empty());
    }
}

#[test]
fn every_example_of_the_page_holds_and_every_kind_has_one() {
    let page = include_str!("../../../docs/mig-cases.md");
    let (mut blocks, mut lines) = (0, 0);
    for block in page.split("```ron\n").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        let (cases, faults) = cases_of(text);
        assert_eq!(faults, [], "{text}");
        for c in &cases {
            assert_eq!(c.verdict, Verdict::Pass, "{c:?}");
        }
        (blocks, lines) = (blocks + 1, lines + cases.len());
    }
    for kind in [
        "Grid(",
        "Gpu(",
        "Fleet(",
        "Profile(",
        "Speed(",
        "Own(",
        "Apply(",
        "Toggle(",
        "Begin(",
        "BeginDestroy(",
        "Check(",
    ] {
        assert!(
            page.split("```ron\n").skip(1).any(|b| b.split("```").next().unwrap_or_default().contains(kind)),
            "{kind}"
        );
    }
    assert!(blocks >= 4 && lines > 40, "{blocks} {lines}");
}

#[test]
fn the_page_ends_with_the_reference_of_the_fields() {
    let page = include_str!("../../../docs/mig-cases.md");
    let (_, fields) = page.split_once("# Fields\n\n").expect("the heading");
    assert_eq!(fields, reference(), "copy what `reference()` says there again");
}

#[test]
fn a_wrong_figure_fails_and_says_what_ours_was() {
    let text = r#####"(cases: [
        Grid(id: "g", grid: Device("A30"), profiles: ["1g", "2g", "4g"], expect: (layouts: 27, maximal_layouts: ["4g@0"])),
        Gpu(id: "u", grid: Device("A100"), steps: [
            Create(profile: "3g", expect: 4),
            Create(profile: "4g", expect: At(0)),
            Create(profile: "3g", start: 4, expect: Refused),
            Create(profile: "2g", start: 6, expect: RefusedFor(Occupied)),
            Bind(start: 0), Destroy(start: 0),
            Check(occupied: "####....", stranded_compute: 9),
        ]),
        Profile(id: "p", device: "B200", profile: "3g", expect: (sms: 60, name: "3g.80gb")),
    ])"#####;
    let (cases, faults) = cases_of(text);
    assert_eq!(faults, []);
    let shown: Vec<_> = cases.iter().map(|c| c.case.as_str()).collect();
    assert_eq!(
        shown,
        [
            "g layouts",
            "g maximal layouts (ours also 1g@0 1g@1 1g@2 1g@3)",
            "u step 1 3g start",
            "u step 2 4g start (ours NoFreeStart)",
            "u step 3 3g refused (ours at 4)",
            "u step 4 2g refused Occupied (ours NotAStart)",
            "u step 5 bind done",
            "u step 6 destroy done (ours Busy)",
            "u step 7 check occupied ####.... (ours ########)",
            "u step 7 check stranded compute",
            "p name 3g.80gb (ours 3g.90gb)",
            "p SMs",
        ]
    );
    let failed: Vec<bool> = cases.iter().map(|c| c.verdict == Verdict::Fail).collect();
    assert_eq!(failed, [true, true, true, true, true, true, false, true, true, true, true, true]);
    assert_eq!((cases[0].published, cases[0].ours), (Some(27.0), 26.0));
    assert!(cases[3].ours.is_nan() && cases[11].ours.is_nan());
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
    let own = |profile: &str| {
        format!("Grid(id: \"x\", grid: Own(width: 4, compute: 4, profiles: [{profile}]), expect: (layouts: 1))")
    };
    let gpu = |steps: &str| format!("Gpu(id: \"x\", grid: Device(\"A100\"), steps: [{steps}])");
    let wide = (0..16).map(|i| i.to_string()).collect::<Vec<_>>().join(", ");
    let two = ["a", "b"].map(|n| format!("(name: \"{n}\", compute: 1, size: 1, starts: [{wide}])")).join(", ");
    let table = [
        ("Grid(id: \"x\", grid: Device(\"A30\"), expect: ())".to_owned(), "expects nothing"),
        ("Grid(id: \"x\", grid: Device(\"T4\"), expect: (layouts: 1))".to_owned(), "T4-16GB has no MIG"),
        ("Grid(id: \"x\", grid: Device(\"A31\"), expect: (layouts: 1))".to_owned(), "no MIG geometry `A31`"),
        ("Grid(id: \"x\", grid: Device(\"A30\"), profiles: [\"3g\"], expect: (layouts: 1))".to_owned(), "no MIG profile `3g`"),
        (own("(name: \"a\", compute: 1, size: 2, starts: [3])"), "leaves the grid of 4"),
        (own("(name: \"a\", compute: 1, size: 1, starts: [200])"), "starts beyond the grid"),
        (own("(name: \"a\", compute: 1, size: 1, starts: [])"), "needs at least one"),
        (own("(name: \"a\", compute: 1, size: 1, starts: [0], driver_order: [1])"), "driver's order"),
        (own(""), "0 profiles"),
        (
            format!("Grid(id: \"x\", grid: Own(width: 16, compute: 16, profiles: [{two}]), expect: (layouts: 1))"),
            "more than 200000 layouts",
        ),
        (gpu(""), "has no steps"),
        (gpu("Create(profile: \"9g\", expect: 0)"), "no MIG profile `9g`"),
        (gpu("Create(profile: \"1g\")"), "missing field `expect`"),
        (gpu("Check()"), "expects nothing at step 1 check"),
        (gpu("Check(occupied: \"##\")"), "`##` are not 8 slices"),
        (gpu("Apply()"), "either a layout or a configuration"),
        (gpu("Apply(config: \"all-9g\")"), "no MIG profile `9g`"),
        ("Speed(id: \"x\", device: \"A30\", profile: \"1g\", fixed: 2, expect: 1)".to_owned(), "it is a share"),
        (
            "Fleet(id: \"x\", grid: Device(\"A30\"), gpus: 1, requests: [\"1g\"], expect: [])".to_owned(),
            "0 places for 1 requests",
        ),
        ("Fleet(id: \"x\", grid: Device(\"A30\"), gpus: 1001, requests: [], expect: [])".to_owned(), "more than 1000 GPUs"),
        ("Fleet(id: \"x\", grid: Device(\"A30\"), gpus: 1, requests: [], expect: [])".to_owned(), "expects nothing"),
        ("Profile(id: \"x\", device: \"A30\", profile: \"1g\", expect: ())".to_owned(), "expects nothing"),
        ("Grids(id: \"x\")".to_owned(), "unknown choice `Grids`"),
        (
            "Grid(id: \"x\", grid: Device(\"A30\"), expect: (masks: 16)), Grid(id: \"x\", grid: Device(\"A30\"), expect: (masks: 16))".to_owned(),
            "two cases are called `x`",
        ),
    ];
    for (case, message) in table {
        let found = one(&case);
        assert!(found.contains(message), "{case}: {found}");
    }
    assert_eq!(cases_of("(version: 2, cases: [])").1[0].0, "version 2 of the case format is not known");
}

#[test]
fn made_up_grids_of_any_size_are_run_or_refused() {
    let own = |compute: u32, profile: &str| {
        format!(
            "(cases: [Gpu(id: \"x\", grid: Own(width: 16, compute: {compute}, profiles: [(name: \"a\", {profile})]), steps: [
                Create(profile: \"a\", expect: 0), Create(profile: \"a\", expect: 1), Create(profile: \"a\", expect: 2),
                Check(compute_used: 255, stranded_compute: 0),
            ])])"
        )
    };
    let (cases, faults) = cases_of(&own(255, "compute: 200, size: 1, starts: [0, 1, 2]"));
    assert_eq!(faults, []);
    assert!(cases.iter().all(|c| c.verdict == Verdict::Pass), "{cases:?}");
    let (_, faults) = cases_of(&own(255, "compute: 255, size: 255, starts: [0, 1, 2]"));
    assert!(faults[0].0.contains("leaves the grid of 16"), "{faults:?}");
    let (_, faults) = cases_of(&own(0, "compute: 1, size: 1, starts: [0]"));
    assert!(faults[0].0.contains("without compute slices"), "{faults:?}");
    let (_, faults) =
        cases_of("(cases: [Grid(id: \"x\", grid: Own(width: 0, compute: 1, profiles: []), expect: (masks: 1))])");
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn a_file_that_is_not_there_is_bad_input() {
    let options = Options { cases: vec!["/nowhere/mine.ron".into()], ..Options::default() };
    match run(&options) {
        Err(NoCases::Bad(d, _)) => assert!(d.list[0].message.contains("/nowhere/mine.ron")),
        other => panic!("{other:?}"),
    }
}
