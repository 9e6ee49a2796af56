//! The suite on the published data where it is, its settings, and broken traces.

use super::*;
use crate::units::Duration;
use crate::verify::Verdict;
use std::fmt::Write as _;

/// The data folder, where it is beside the checkout.
#[allow(clippy::disallowed_macros, reason = "a test that did nothing says so")]
fn data() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if dir.join(FOLDER).is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: no data");
    None
}

/// A trace as text, up for `up` ticks of every `period`.
fn text(gap: u64, ticks: usize, up: usize, period: usize) -> String {
    let mut data = String::new();
    for k in 0..ticks {
        let _ = write!(data, "{}{}", if k == 0 { "" } else { ", " }, u32::from(k % period < up));
    }
    format!("{{\"metadata\": {{\"gap_seconds\": {gap}}}, \"data\": [{data}]}}")
}

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, text).expect("a file");
    path
}

fn on(traces: Vec<PathBuf>, optimum: bool) -> Result<Vec<Case>, NoCases> {
    run(&Options { traces, optimum, ..Options::default() })
}

fn ours(cases: &[Case], name: &str) -> f64 {
    cases.iter().find(|c| c.case == name).unwrap_or_else(|| panic!("no case {name}")).ours
}

#[test]
fn every_published_figure_comes_out() {
    let Some(dir) = data() else { return };
    let options = Options { data: Some(dir), optimum: true, ..Options::default() };
    let cases = run(&options).expect("it is well formed");
    let failed: Vec<&Case> = cases.iter().filter(|c| c.verdict != Verdict::Pass).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    // 46 of vectors, 6 × 10 of the table, 16 of files, 30 of single runs, 70 of SpotHedge, 20 of gaps.
    assert_eq!(cases.len(), 46 + 60 + 16 + 30 + 70 + 20);
    let mut names: Vec<&str> = cases.iter().map(|c| c.case.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "two cases of one name");
}

#[test]
fn without_its_data_the_suite_says_where_it_is_from() {
    let none = run(&Options { data: Some(PathBuf::from("/nowhere")), ..Options::default() });
    let Err(NoCases::NoData(why)) = none else { panic!("{none:?}") };
    assert!(why.contains(FOLDER) && why.contains("skypilot-org/spot-traces"), "{why}");
}

#[test]
fn fine_traces_have_a_day_of_work_too_and_starts_leave_room_for_a_deadline() {
    let names =
        |gap| Setting::all(Duration::from_secs(gap)).into_iter().map(Setting::name).collect::<Vec<_>>().join(" ");
    assert_eq!(names(600), "48x52x0.02 48x52x0.2 48x70x0.02 48x70x0.2 48x92x0.02 48x92x0.2");
    assert_eq!(names(60), names(600));
    let day =
        "24x26x0.02 24x26x0.2 24x35x0.02 24x35x0.2 24x36x0.02 24x36x0.2 24x46x0.02 24x46x0.2 24x48x0.02 24x48x0.2";
    assert_eq!(names(59), format!("{} {day}", names(600)));
    let dir = tempfile::tempdir().expect("a folder");
    let trace = |gap, ticks| {
        let path = file(dir.path(), "t.json", &text(gap, ticks, 1, 2));
        Availability::read(&path, &mut SourceMap::default()).expect("it is well formed")
    };
    // 52 h are 312 ticks of 600 s: 313 values are one start, 72 more are two.
    let offsets = |gap: u64, ticks: usize| -> Vec<usize> {
        // The shortest deadline that traces of the gap have.
        let all = Setting::all(Duration::from_secs(gap));
        let setting = all.into_iter().min_by_key(|s| s.deadline_h).expect("there are some");
        let stride = Duration::from_hours(setting.work_h / 4);
        starts(&[trace(gap, ticks)], setting, stride).iter().map(|s| s.offset).collect()
    };
    assert_eq!(offsets(600, 312), [0usize; 0]);
    assert_eq!(offsets(600, 313), [0]);
    assert_eq!((offsets(600, 384), offsets(600, 385)), (vec![0], vec![0, 72]));
    // 52 h are 960 ticks of 195 s, 12 h round to 222; 26 h are 2,925 ticks of 32 s, 6 h are 675.
    assert_eq!(offsets(195, 961 + 222), [0, 222]);
    assert_eq!(offsets(32, 2_926 + 675), [0, 675]);
}

#[test]
fn given_traces_have_a_mean_and_a_figure_per_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let always = file(dir.path(), "always.json", &text(600, 700, 1, 1));
    let half = file(dir.path(), "half.json", &text(600, 400, 30, 60));
    let cases = on(vec![always, half], true).expect("both are well formed");
    assert!(cases.iter().all(|c| c.published.is_none() || c.case.ends_with("runs below the optimum")));
    assert!(cases.iter().all(|c| c.verdict != Verdict::Fail), "{cases:?}");
    let of = |name: &str| ours(&cases, name);
    // 48 h and a launch of 0.2 h are 290 ticks of 600 s, all on spot.
    let spot = 290.0 * 0.9731 / 6.0;
    for who in ["greedy", "ts2", "up", "optimum"] {
        assert!((of(&format!("48x52x0.2/{who}/always")) - spot).abs() < 1e-9, "{who}");
    }
    assert!((of("48x52x0.2/od/half") - 290.0 * 3.06 / 6.0).abs() < 1e-9);
    // Slices of 6.5 h for 6 h of work have no time for two launches and a tick: the guard buys on demand at first.
    assert!(of("48x52x0.2/ts8/always") > spot);
    // Room for starts at 0, 72, …, 360 in the first (700 − 313 = 387), and at 0 and 72 in the second.
    assert_eq!(of("48x52x0.2/runs"), 8.0);
    let mean = (6.0 * of("48x52x0.2/up/always") + 2.0 * of("48x52x0.2/up/half")) / 8.0;
    assert!((of("48x52x0.2/up") - mean).abs() < 1e-9);
    assert!((of("48x52x0.2/up/saves %") - 100.0 * (1.0 - mean / 146.88)).abs() < 1e-9);
    assert!(of("48x52x0.2/optimum/half") < of("48x52x0.2/greedy/half"));
    // 92 h are 552 ticks, which only the first has.
    assert!(cases.iter().any(|c| c.case == "48x92x0.2/up/always"));
    assert!(!cases.iter().any(|c| c.case == "48x92x0.2/up/half"));
    assert_eq!(ours(&cases, "48x92x0.2/missed deadlines"), 0.0);
}

#[test]
fn counts_are_available_and_files_of_one_name_are_told_apart() {
    let dir = tempfile::tempdir().expect("a folder");
    let ones = text(600, 313, 40, 70);
    let many = ones.replacen("\"data\": [1, 1", "\"data\": [16, 3", 1);
    assert_ne!(ones, many);
    let paths = vec![file(dir.path(), "a/zone.json", &ones), file(dir.path(), "b/zone.json", &many)];
    let cases = on(paths, false).expect("both are well formed");
    assert_eq!(ours(&cases, "48x52x0.02/up/a/zone"), ours(&cases, "48x52x0.02/up/b/zone"));
    assert!(!cases.iter().any(|c| c.case.contains("optimum")));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let dir = tempfile::tempdir().expect("a folder");
    let paths =
        vec![file(dir.path(), "x.json", &text(300, 1_000, 7, 31)), file(dir.path(), "y.json", &text(600, 500, 9, 20))];
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| on(paths.clone(), true).expect("both are well formed"))
    };
    assert_eq!(with(1), with(7));
}

#[test]
fn broken_traces_say_what_is_wrong_and_where() {
    let dir = tempfile::tempdir().expect("a folder");
    let good = text(600, 313, 1, 2);
    let cut = &good[..good.len() / 2];
    let rows: &[(&str, &str, &str)] = &[
        ("empty.json", "", "the text is empty"),
        ("cut.json", cut, "not JSON"),
        ("no-data.json", "{\"metadata\": {\"gap_seconds\": 600}, \"date\": [1]}", "the trace has no `data`"),
        ("no-values.json", "{\"metadata\": {\"gap_seconds\": 600}, \"data\": []}", "the trace is empty"),
        ("not-a-list.json", "{\"metadata\": {\"gap_seconds\": 600}, \"data\": 1}", "`data` must be a list"),
        ("no-gap.json", "{\"metadata\": {}, \"data\": [1]}", "`metadata` has no `gap_seconds`"),
        ("no-metadata.json", "{\"data\": [1]}", "the trace has no `metadata`"),
        ("zero-gap.json", &good.replace(": 600", ": 0"), "`gap_seconds` must be a whole number"),
        ("text-gap.json", &good.replace(": 600", ": \"600\""), "found the text \"600\""),
        ("coarse.json", &good.replace(": 600", ": 7200"), "from 1 to 3600, found the number 7200"),
        (
            "half.json",
            &good.replacen("[1, 0", "[1, 0.5", 1),
            "value 1 of `data` must be a whole number, found the number 0.5",
        ),
        (
            "minus.json",
            &good.replacen("[1, 0", "[-1, 0", 1),
            "value 0 of `data` must be a whole number, found the number -1",
        ),
        ("null.json", &good.replacen("[1, 0", "[1, null", 1), "found nothing (null)"),
        ("list.json", "[1, 0]", "the trace has no `metadata`"),
        ("short.json", &text(600, 312, 1, 2), "too short for a single run: 312 of 600 s, and the shortest takes 313"),
    ];
    for (name, text, want) in rows {
        let found = on(vec![file(dir.path(), name, text)], false);
        let Err(NoCases::Bad(d, sources)) = found else { panic!("{name}: {found:?}") };
        assert!(d.has_errors() && d.list.iter().any(|d| d.message.contains(want)), "{name}: {d:?}");
        for d in &d.list {
            let (source, span) = d.at.unwrap_or_else(|| panic!("{name} has no place"));
            assert!(span.end as usize <= sources.get(source).text.len(), "{name}");
            assert!(!d.message.ends_with('.'), "{name}");
        }
    }
    let gone = on(vec![dir.path().join("nowhere.json")], false);
    assert!(matches!(gone, Err(NoCases::Bad(..))), "{gone:?}");
    // The faults of all files come together, and no more than twenty of one.
    let noise = good.replace('1', "1.5");
    let bad = vec![file(dir.path(), "noise.json", &noise), file(dir.path(), "none.json", "{}")];
    let Err(NoCases::Bad(d, _)) = on(bad, false) else { panic!("both are broken") };
    assert_eq!(d.list.len(), 20 + 2);
}
