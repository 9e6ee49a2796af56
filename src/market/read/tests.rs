//! The readers on the published files, and on files with one fault each.

use std::path::{Path, PathBuf};

use super::*;
use crate::formats::render::render;
use crate::kernel::Dist;
use crate::kernel::stats::quantile;
use crate::market::lifetime::empirical;
use crate::market::{PricePath, hours};

/// A file of the public data, where that is there.
fn data(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/spot").join(path);
    path.exists().then_some(path)
}

const AVAILABLE: How =
    How { format: TraceFormat::Detect, polarity: Some(Polarity::OneIsAvailable), gap: None, sort: false };
const PLAIN: How = How { polarity: None, ..AVAILABLE };

fn availability(path: &Path, how: How) -> Availability {
    let (a, warnings) = read_availability(Input::Path(path), how, &mut SourceMap::default()).expect("a good file");
    assert!(how.sort || warnings.list.is_empty(), "{warnings:?}");
    a
}

fn lives(path: &Path) -> LifeLog {
    read_lives(Input::Path(path), PLAIN, &mut SourceMap::default()).expect("a good file").0
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} ± {tolerance}");
}

#[test]
fn spot_traces_have_the_published_availability_and_runs() {
    let folder = "skypilot-spot-traces/availability/1-node/aws-02-15-2023";
    for (zone, up, up_h, down_h) in [
        ("us-west-2b", 0.905, 10.4, 1.1),
        ("us-west-2a", 0.883, 6.1, 0.8),
        ("us-west-2c", 0.891, 6.8, 0.8),
        ("us-east-2a", 0.759, 5.7, 1.8),
        ("us-east-2b", 0.682, 4.3, 2.0),
        ("us-east-1f", 0.591, 2.3, 1.6),
        ("us-east-1a", 0.167, 0.7, 3.6),
    ] {
        let Some(path) = data(&format!("{folder}/{zone}_v100_1.json")) else { return };
        let a = availability(&path, How { gap: Some(Duration::from_secs(195)), ..AVAILABLE });
        close(a.length().as_hours_f64() / 24.0, 45.5, 0.005);
        let runs = a.runs(1);
        close(runs.availability(), up, 0.0006);
        close(a.mean().expect("a mean"), runs.availability(), 1e-9);
        close(runs.up_stats().expect("up").mean, up_h, 0.06);
        close(runs.down_stats().expect("down").mean, down_h, 0.06);
    }
}

#[test]
fn polarity_turns_a_trace_into_its_complement() {
    let Some(path) = data("skypilot-spot-traces/availability/1-node/aws-10-26-2022/us-west-2a_k80_1.json") else {
        return;
    };
    let up = availability(&path, AVAILABLE);
    let down = availability(&path, How { polarity: Some(Polarity::OneIsPreempted), ..AVAILABLE });
    let pairs = up.ticks().expect("ticks").into_iter().zip(down.ticks().expect("ticks"));
    assert!(pairs.clone().all(|(a, b)| a + b == 1));
    assert_eq!(pairs.count(), 3895);
}

#[test]
fn counts_of_a_folder_of_many_nodes_are_read_as_they_are() {
    let folder = "skypilot-spot-traces/availability/16-node/aws-08-27-2023";
    for (zone, n, mean) in [("us-east-2b", 3247, 0.5474), ("us-west-2a", 4736, 0.4312), ("us-west-2c", 4736, 0.4270)] {
        let Some(path) = data(&format!("{folder}/{zone}_v100_1.json")) else { return };
        let a = availability(&path, AVAILABLE);
        assert_eq!((a.ticks().expect("ticks").len(), a.max()), (n, 16));
        close(a.mean().expect("a mean") / 16.0, mean, 5e-5);
    }
}

#[test]
fn bamboo_comes_and_goes_as_published() {
    for path in ["bamboo/p3-trace.csv", "parcae/p3.csv"] {
        let Some(path) = data(path) else { return };
        let a = availability(&path, PLAIN);
        close(a.length().as_hours_f64(), 11.37, 0.005);
        assert_eq!(a.max(), 32);
        close(a.mean().expect("a mean"), 24.03, 0.005);
    }
    let Some(path) = data("bamboo/p3-trace.csv") else { return };
    let log = lives(&path);
    let taken = log.taken();
    assert_eq!((log.lives.len(), taken.len()), (177, 167));
    close(taken.iter().map(|d| d.as_hours_f64()).sum::<f64>() / 167.0, 1.46, 0.005);
    close(1.0 / log.mttp_hours(""), 0.6115, 5e-5);
    let batches = log.batches();
    let of = |n: u32| batches.iter().filter(|b| **b == n).count();
    assert_eq!((batches.len(), [1, 2, 3, 4, 5, 6].map(of)), (79, [39, 13, 15, 7, 1, 4]));

    for path in ["bamboo/g4dn-trace.csv", "spotserve/g4dn.csv"] {
        let Some(path) = data(path) else { return };
        let log = lives(&path);
        assert_eq!((log.lives.len(), log.taken().len()), (79, 74));
        close(log.taken().iter().map(|d| d.as_hours_f64()).sum::<f64>() / 74.0, 1.65, 0.005);
        // Published from the first node on, which comes after 480 s.
        let (a, first) = (availability(&path, PLAIN), 480.0 / 3600.0);
        let h = a.length().as_hours_f64();
        close(h - first, 10.6, 0.05);
        close(a.mean().expect("a mean") * h / (h - first), 12.8, 0.05);
    }
}

#[test]
fn dated_counts_are_read_and_put_in_order_when_asked() {
    let Some(path) = data("bamboo/gcloud/a100x1-east1b.txt") else { return };
    let a = availability(&path, PLAIN);
    let counts: Vec<u32> = a.steps().iter().map(|s| s.1).collect();
    let drops: Vec<u32> = counts.windows(2).filter(|w| w[1] < w[0]).map(|w| w[0] - w[1]).collect();
    assert_eq!((a.max(), counts.iter().min(), drops.len(), drops.iter().sum()), (64, Some(&17), 36, 154));

    let Some(path) = data("bamboo/gcloud/v100x1-east1c.txt") else { return };
    let mut sources = SourceMap::default();
    let d = read_availability(Input::Path(&path), PLAIN, &mut sources).expect_err("times go back");
    // Fifteen go back; eight are shown.
    assert_eq!(d.list.len(), 8);
    assert_eq!(d.list[7].help[1], "7 more like this in the file");
    let (id, span) = d.list[0].at.expect("a place");
    assert_eq!(sources.line_col(id, span.start), (4, 1));
    let how = How { sort: true, ..PLAIN };
    let (a, warnings) = read_availability(Input::Path(&path), how, &mut sources).expect("sorted");
    assert!(warnings.list[0].message.starts_with("15 lines were earlier"), "{warnings:?}");
    assert_eq!((a.max(), a.steps().iter().map(|s| s.1).min()), (80, Some(30)));
}

#[test]
fn instance_logs_have_the_published_lives() {
    let log = |path: &str| data(&format!("training_on_a_dime/{path}")).map(|p| lives(&p));
    let Some(one) = log("gcp/availability/persistent_2020-03-01.out") else { return };
    assert_eq!((one.launches_failed, one.lives.len(), one.taken().len()), (513, 423, 417));
    close(one.length.as_hours_f64(), 68.8, 0.05);
    close(one.mttp_hours(""), 1.03, 0.005);
    let bins = [0.0, 1.0, 3.0, 6.0, 12.0, 22.0, 24.6, 99.0];
    let in_bins = |of: &[Duration]| {
        let count = |w: &[f64]| of.iter().filter(|d| (w[0]..w[1]).contains(&d.as_hours_f64())).count();
        bins.windows(2).map(count).collect::<Vec<_>>()
    };
    assert_eq!(in_bins(&one.taken()), [366, 29, 12, 2, 2, 4, 2]);
    for (log, kind, n, mean, mttp) in
        [(&one, "k80x1", 206, 0.72, None), (&one, "p100x1", 147, 0.98, None), (&one, "v100x1", 64, 1.60, Some(1.90))]
    {
        let taken: Vec<f64> = log.of_kind(kind).filter(|l| l.taken).map(|l| l.lived.as_hours_f64()).collect();
        assert_eq!(taken.len(), n);
        close(taken.iter().sum::<f64>() / n as f64, mean, 0.005);
        if let Some(mttp) = mttp {
            close(log.mttp_hours(kind), mttp, 0.005);
        }
    }
    let Some(eight) = log("gcp/availability/persistent_2020-03-04.out") else { return };
    assert_eq!((eight.launches_failed, eight.taken().len()), (1930, 28));
    close(eight.mttp_hours(""), 9.75, 0.005);
    close(eight.mttp_hours("k80x8"), 6.5, 0.05);
    close(eight.mttp_hours("v100x8"), 17.8, 0.05);
    assert_eq!(in_bins(&eight.taken()), [4, 6, 3, 4, 6, 3, 2]);

    let Some(aws) = log("aws/availability/persistent_2020-03-15.out") else { return };
    assert_eq!((aws.launches_failed, aws.lives.len()), (290, 39));
    close(aws.length.as_hours_f64(), 53.5, 0.05);
    close(aws.mttp_hours("k80x1"), 4.23, 0.005);
    close(aws.mttp_hours("k80x8"), 7.06, 0.005);
    for kind in ["v100x1", "v100x8"] {
        assert_eq!(aws.mttp_hours(kind), f64::INFINITY);
        close(aws.of_kind(kind).map(|l| l.lived.as_hours_f64()).sum(), 107.0, 0.1);
    }
    // How many were alive when: the integral is what they lived.
    let path = data("training_on_a_dime/aws/availability/persistent_2020-03-15.out").expect("just read");
    let a = availability(&path, PLAIN);
    let lived: f64 = aws.lives.iter().map(|l| l.lived.as_hours_f64()).sum();
    close(a.mean().expect("a mean") * a.length().as_hours_f64(), lived, 1e-6);
}

#[test]
fn preemptible_lives_are_those_published_and_half_of_them_were_stopped() {
    let Some(path) = data("google-preemptible-2019/data.json") else { return };
    let log = lives(&path);
    let mut all: Vec<f64> = log.lives.iter().map(|l| l.lived.as_hours_f64()).collect();
    all.sort_by(f64::total_cmp);
    let share = |f: &dyn Fn(f64) -> bool| all.iter().filter(|h| f(**h)).count() as f64 / all.len() as f64;
    assert_eq!(all.len(), 1442);
    close(quantile(&all, 0.5).expect("a median"), 1.86, 0.005);
    close(all.iter().sum::<f64>() / 1442.0, 8.41, 0.005);
    close(share(&|h| h < 3.0), 0.560, 0.0005);
    close(share(&|h| h > 20.0), 0.266, 0.0005);
    // 717 have a preemption; the others were stopped by their user, and only lived at least so long.
    let taken = read_lifetimes(Input::Path(&path), PLAIN, &mut SourceMap::default()).expect("a good file").0;
    assert_eq!(taken.len(), 717);
    // The law of lives is above the plain quantiles then.
    let law: Dist = empirical(&log.lives).expect("a law");
    assert!(law.quantile(0.5) > 1.86 && law.mean() > 8.41);
    let d = read_availability(Input::Path(&path), PLAIN, &mut SourceMap::default()).expect_err("no times");
    assert!(d.list[0].message.ends_with("says how long instances lived, not when"));
}

fn history(files: &[&str]) -> Option<Vec<PricePoint>> {
    let paths: Vec<PathBuf> = files.iter().map(|f| data(f)).collect::<Option<_>>()?;
    let inputs = paths.iter().map(|p| Input::Path(p)).collect();
    let (points, warnings) = read_price_history(inputs, &mut SourceMap::default()).expect("good files");
    assert_eq!(warnings.list, []);
    Some(points)
}

#[test]
fn aws_price_histories_are_those_published_and_merge_without_doubles() {
    let folder = "training_on_a_dime/aws/cost/us-east-1";
    let Some(points) = history(&[&format!("{folder}/p3.2xlarge.json")]) else { return };
    let mut usd: Vec<f64> = points.iter().map(|p| p.usd_per_hour.to_f64()).collect();
    usd.sort_by(f64::total_cmp);
    assert_eq!(usd.len(), 874);
    close(quantile(&usd, 0.5).expect("a median"), 0.9408, 5e-5);
    assert_eq!((usd[0], usd[873]), (0.918, 1.1564));
    assert!(points.windows(2).all(|w| (&w[0].zone, w[0].at) < (&w[1].zone, w[1].at)));

    let dated = ["", "2020-02-27.", "2020-03-05.", "2020-03-13.", "2020-03-23."];
    let names: Vec<String> = dated.iter().map(|d| format!("{folder}/{d}p3.2xlarge.json")).collect();
    let all = history(&names.iter().map(String::as_str).collect::<Vec<_>>()).expect("there");
    // 1 381 entries in the five files, 21 of them twice.
    assert_eq!(all.len(), 1360);
    let zone: Vec<&PricePoint> = points.iter().filter(|p| p.zone == "us-east-1b").collect();
    let path = PricePath::of_history(zone.iter().copied(), zone[0].at, hours(24.0 * 60.0)).expect("prices");
    let od: Rate = "3.06".parse().expect("a price");
    assert_eq!(path.under(od, 1).runs(1).availability(), 1.0);
    let most = path.steps().iter().map(|s| s.1.to_f64()).fold(0.0, f64::max);
    close(most / 3.06, 0.378, 0.0005);

    let Some(short) = history(&["training_on_a_dime/aws/cost/us-east-2/p3.2xlarge.json"]) else { return };
    assert_eq!(short.iter().map(|p| p.usd_per_hour).max(), Some(od), "a hard shortage");
}

#[test]
fn the_prices_of_2023_have_the_published_means() {
    let Some(points) = history(&["aws_p3_2xlarge_spot_price_2023.csv"]) else { return };
    // 1 075 rows, of which two in each of nine zones have no price.
    assert_eq!(points.len(), 1075 - 18);
    let end =
        "2023-02-15T22:08:45Z".parse::<Timestamp>().expect("an instant") + jiff::SignedDuration::from_secs(3_895_125);
    for (zone, mean) in [("us-east-1a", 1.656), ("us-west-2c", 0.941), ("us-east-2b", 0.927)] {
        let of_zone: Vec<PricePoint> = points.iter().filter(|p| p.zone == zone).cloned().collect();
        let from = of_zone[0].at;
        let length = Duration(u64::try_from(end.as_nanosecond() - from.as_nanosecond()).expect("later"));
        close(PricePath::of_history(&of_zone, from, length).expect("prices").mean(), mean, 0.0006);
    }
    assert_eq!(points.iter().map(|p| p.usd_per_hour.to_f64()).fold(9.0, f64::min), 0.918);
}

/// The rendered faults of a text.
fn faults<T: std::fmt::Debug>(
    text: &str,
    read: impl FnOnce(Input<'_>, &mut SourceMap) -> Result<T, Diagnostics>,
) -> String {
    let mut sources = SourceMap::default();
    let d = read(Input::Bytes("bad", text.as_bytes().to_vec()), &mut sources).expect_err(text);
    assert!(d.has_errors() && d.list.iter().all(|d| !d.message.ends_with('.')), "{d:?}");
    render(&d, &sources, false)
}

fn check(text: &str, how: How, expected: &[&str]) {
    let found = faults(text, |input, sources| read_availability(input, how, sources));
    for e in expected {
        assert!(found.contains(e), "{text:?}: no {e:?} in\n{found}");
    }
}

#[test]
fn bad_spot_traces_say_what_is_wrong_where_and_what_to_do() {
    let good = r#"{"metadata": {"gap_seconds": 600}, "data": [0, 1, 1]}"#;
    check(good, PLAIN, &["what a 1 means in `bad` is not said", "bad:1:44", "inverted", "OneIsPreempted"]);
    let half = How { gap: Some(Duration::from_secs(300)), ..AVAILABLE };
    check(good, half, &["the values of `bad` are 10m apart, not 5m", "bad:1:30", "expected 5m"]);
    for (text, expected) in [
        ("", &["`bad` is empty"][..]),
        (" \n", &["`bad` is empty"]),
        ("[1, 2]", &["not an instant"]),
        (r#"{"metadata": {"gap_seconds": 600}, "data": [0, 1"#, &["not JSON", "bad:1:44"]),
        (r#"{"metadata": {"gap_seconds": 600}}"#, &["no `data`"]),
        (r#"{"metadata": {"gap_second": 600}, "data": [1]}"#, &["no `gap_seconds`", "is it `gap_second`?", "bad:1:14"]),
        (r#"{"meta": 1, "data": [1]}"#, &["no `metadata`"]),
        (r#"{"metadata": {"gap_seconds": 0}, "data": [1]}"#, &["`gap_seconds` is the number 0", "from 1 to"]),
        (r#"{"metadata": {"gap_seconds": -5}, "data": [1]}"#, &["not a whole number of seconds"]),
        (r#"{"metadata": {"gap_seconds": 1.5}, "data": [1]}"#, &["not a whole number of seconds"]),
        (r#"{"metadata": {"gap_seconds": "600"}, "data": [1]}"#, &["the text \"600\""]),
        (r#"{"metadata": {"gap_seconds": 600}, "data": []}"#, &["`bad` has no values"]),
        (r#"{"metadata": {"gap_seconds": 600}, "data": 7}"#, &["`data` is the number 7, not a list"]),
        (r#"{"metadata": {"gap_seconds": 600}, "data": [1, -1]}"#, &["value 2 is negative: -1", "bad:1:48"]),
        (r#"{"metadata": {"gap_seconds": 600}, "data": [0.5]}"#, &["value 1 is not a whole number: 0.5"]),
        (r#"{"metadata": {"gap_seconds": 600}, "data": [1, null]}"#, &["value 2 is nothing (null)"]),
        (r#"{"metadata": {"gap_seconds": 600}, "data": [99999999999]}"#, &["value 1 is not a whole number"]),
    ] {
        check(text, AVAILABLE, expected);
    }
    let inverted = How { polarity: Some(Polarity::OneIsPreempted), ..AVAILABLE };
    check(r#"{"metadata": {"gap_seconds": 600}, "data": [0, 4]}"#, inverted, &["value 2 is 4, where 1 is preempted"]);
    // All at once.
    let both = r#"{"metadata": {"gap_seconds": 0}, "data": [-1, 0.5]}"#;
    check(both, PLAIN, &["gap_seconds", "negative", "0.5", "what a 1 means"]);
}

#[test]
fn a_window_of_the_simulator_read_as_available_is_warned_of() {
    let text = r#"{"generator": "x", "original_trace": "y", "metadata": {"gap_seconds": 600}, "data": [0, 1]}"#;
    let read = |polarity| {
        let how = How { polarity: Some(polarity), ..PLAIN };
        read_availability(Input::Bytes("w", text.into()), how, &mut SourceMap::default()).expect("good")
    };
    assert!(read(Polarity::OneIsAvailable).1.list[0].message.contains("in which 1 is preempted"));
    let (a, warnings) = read(Polarity::OneIsPreempted);
    assert_eq!((a.ticks(), warnings.list.len()), (Some(vec![1, 0]), 0));
}

#[test]
fn bad_logs_say_what_is_wrong_where_and_what_to_do() {
    for (text, expected) in [
        ("0,add,a\n5,remove,b\n", &["`b` is removed while it is not there", "bad:2:10"][..]),
        ("0,add,a\n5,add,a\n", &["`a` is added while it is there"]),
        ("0,add,a\n5,removed,a\n", &["`removed` is neither `add` nor `remove`", "is it `remove`?", "bad:2:3"]),
        ("9,add,a\n5,remove,a\n", &["4.000ms before that of the line above", "bad:2:1", "sort: true"]),
        ("0,add,a\n-5,remove,a\n", &["the time is negative: -5", "whole milliseconds"]),
        ("0,add,a\n1.5,remove,a\n", &["`1.5` is not a time"]),
        ("0,add,a\n5,remove", &["line 2 has 2 of 3 fields", "was it cut short?"]),
        ("0,add,a\n5,remove,\n", &["the node has no name"]),
        ("0,add,a\n0,add,b\n", &["no time passes in `bad`"]),
        ("0,1\n5,x\n", &["`x` is not a number of nodes", "bad:2:3"]),
        ("0,1\n5,-1\n", &["`-1` is not a number of nodes"]),
        ("0,1\n5,1.5\n", &["`1.5` is not a number of nodes"]),
        ("7,1\n5,2\n", &["before that of the line above"]),
        ("0,1\n5\n", &["line 2 has 1 of 2 fields", "milliseconds,count"]),
        ("0,1\n99999999999999999,2\n", &["is not a time"]),
        ("2021-12-11, 11:11:30, 55\n2021-12-11, 11:11:10, 5\n", &["20s before that of the line above", "bad:2:1"]),
        ("2021-12-11, 11:11:30, 55\n2021-13-11, 11:11:40, 5\n", &["`2021-13-11` is not a date", "bad:2:1"]),
        ("2021-12-11, 11:11:30, 55\n2021-12-11, 25:11:40, 5\n", &["is not a time of day", "bad:2:13"]),
        ("2021-12-11, 11:11:30, 55\n", &["no time passes"]),
        ("[x] Instance a running in zone z\n", &["`x` is not an instant", "bad:1:2"]),
        ("[2020-03-01T10:11:21Z] hello\n", &["`bad` is not a log of instances"]),
        ("hello, world\n", &["`bad` is of no known format", "add_remove"]),
        ("\u{feff}hello\n", &["`bad` is of no known format"]),
    ] {
        check(text, PLAIN, expected);
    }
    let twice = "[2020-03-01T10:00:00Z] Created instance a with 1 GPU(s) of type t in zone z\n\
                 [2020-03-01T11:00:00Z] Created instance a with 1 GPU(s) of type t in zone z\n";
    check(twice, PLAIN, &["`a` is created while it is there", "bad:2:1"]);
    let back = twice
        .replace("11:00", "09:00")
        .replace("instance a with 1 GPU(s) of type t in zone z\n[", "instance b with 1 GPU(s) of type t in zone z\n[");
    check(&back, PLAIN, &["before that of the first line"]);
    let count = "0,1\n5,2\n";
    check(count, How { polarity: Some(Polarity::OneIsPreempted), ..PLAIN }, &["has no polarity"]);
    check(count, How { gap: Some(Duration::from_secs(5)), ..PLAIN }, &["no gap of 5s"]);
    check(count, How { format: TraceFormat::SpotTraces, ..AVAILABLE }, &["not JSON"]);
    let found = faults(count, |input, sources| read_lives(input, PLAIN, sources));
    assert!(found.contains("how many are available, not which"), "{found}");
    for (text, expected) in [
        (r#"{"a": {"time_in_sec": -1}}"#, "the life of `a` is the number -1, not seconds"),
        (r#"{"a": {"time_in_sec": 1}, "b": {}}"#, "`b` has no `time_in_sec`"),
        (r#"{"a": {"time_in_sec": "x"}}"#, "expected seconds, 0 or more"),
    ] {
        let found = faults(text, |input, sources| read_lives(input, PLAIN, sources));
        assert!(found.contains(expected), "{found}");
    }
    let how = How { format: TraceFormat::Lifetimes, ..PLAIN };
    assert!(faults("{}", |input, sources| read_lives(input, how, sources)).contains("has no instances"));
    assert!(faults("[]", |input, sources| read_lives(input, how, sources)).contains("has no instances"));
}

#[test]
fn many_faults_are_counted_not_shown() {
    let rows = (0..30).map(|i| format!("{i},x\n")).collect::<String>();
    let found = faults(&format!("0,1\n{rows}"), |input, sources| read_availability(input, PLAIN, sources));
    assert!(found.contains("22 more like this in the file"), "{found}");
}

#[test]
fn bad_prices_say_what_is_wrong_where_and_what_to_do() {
    let point = |key: &str, value: &str| {
        let all = [
            ("AvailabilityZone", "\"a\""),
            ("InstanceType", "\"i\""),
            ("ProductDescription", "\"p\""),
            ("SpotPrice", "\"1.25\""),
            ("Timestamp", "\"2020-02-20T22:06:16.000Z\""),
        ];
        let fields = all.map(|(k, v)| format!("\"{k}\": {}", if k == key { value } else { v }));
        format!("{{\"SpotPriceHistory\": [{{{}}}]}}", fields.join(", "))
    };
    let one = |text: &str| faults(text, |input, sources| read_price_history(vec![input], sources));
    for (key, value, expected) in [
        ("SpotPrice", "\"-1\"", "`SpotPrice` is the text \"-1\""),
        ("SpotPrice", "\"cheap\"", "expected USD per hour, such as \"0.9408\""),
        ("SpotPrice", "null", "`SpotPrice` is nothing (null)"),
        ("Timestamp", "\"yesterday\"", "`yesterday` is not an instant"),
        ("InstanceType", "7", "`InstanceType` is the number 7, not text"),
        ("AvailabilityZone", "\"\"", "`AvailabilityZone` is the text"),
    ] {
        let found = one(&point(key, value));
        assert!(found.contains(expected) && found.contains("bad:1:"), "{found}");
    }
    for (text, expected) in [
        ("{}", "no `SpotPriceHistory` in the file"),
        ("[]", "no `SpotPriceHistory` in the file"),
        ("{\"SpotPriceHistory\": 1}", "not a list"),
        ("{\"SpotPriceHistory\": [{}]}", "no `AvailabilityZone` in a price"),
        ("{\"SpotPriceHistory\": [", "not JSON"),
        ("", "`bad` is empty"),
        ("a,b\n1,2\n", "no column `availability_zone`"),
    ] {
        assert!(one(text).contains(expected), "{}", one(text));
    }
    let csv = |row: &str| {
        one(&format!("availability_zone,tick,seconds_from_trace_start,spot_usd_per_hour\nz,5,975,1.0\n{row}\n"))
    };
    for (row, expected) in [
        ("z,6,-5,1.0", "`seconds_from_trace_start` is negative"),
        ("z,6,x,1.0", "is not a whole number of seconds"),
        ("z,4,780,1.0", "before that of the line above"),
        ("z,6,1170,x", "`x` is not a price"),
        ("z,6", "3:1"),
    ] {
        assert!(csv(row).contains(expected), "{}", csv(row));
    }
}

#[test]
fn two_prices_for_one_instant_and_a_cut_history_are_warned_of() {
    let text = |usd: &str, token: &str| {
        format!(
            r#"{{"NextToken": "{token}", "SpotPriceHistory": [{{"AvailabilityZone": "a", "InstanceType": "i",
            "ProductDescription": "p", "SpotPrice": {usd}, "Timestamp": "2020-02-20T22:06:16.000Z"}}]}}"#
        )
    };
    let read = |texts: &[String]| {
        let inputs = texts.iter().map(|t| Input::Bytes("h", t.clone().into_bytes())).collect();
        read_price_history(inputs, &mut SourceMap::default()).expect("good")
    };
    let (points, warnings) = read(&[text("\"1.0\"", ""), text("\"2.0\"", "")]);
    assert_eq!((points.len(), points[0].usd_per_hour.to_f64()), (1, 2.0));
    assert!(warnings.list[0].message.contains("1 instant has two prices"));
    // Equal ones are one, and a bare number is a price too.
    let (points, warnings) = read(&[text("\"1.5\"", ""), text("1.5", "")]);
    assert_eq!((points.len(), warnings.list.len()), (1, 0));
    assert!(read(&[text("\"1.0\"", "more")]).1.list[0].message.contains("one page of a longer history"));
}

#[test]
fn a_packed_file_reads_as_the_plain_one() {
    use std::io::Write;
    let text = b"0,3\n1000,2\n2000,2\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).expect("in memory");
    let read =
        |bytes: Vec<u8>| read_availability(Input::Bytes("f", bytes), PLAIN, &mut SourceMap::default()).map(|r| r.0);
    let plain = read(text.to_vec());
    assert_eq!(plain.as_ref().map(|a| a.steps().to_vec()), Ok(vec![(Duration(0), 3), (Duration::from_secs(1), 2)]));
    let packed = gzip.finish().expect("in memory");
    assert_eq!(read(packed.clone()), plain);
    let cut = read(packed[..packed.len() - 6].to_vec()).expect_err("cut");
    assert!(cut.list[0].message.contains("cut short"), "{cut:?}");
    assert!(read(b"\xff\xfe1,2".to_vec()).expect_err("UTF-16").list[0].message.contains("not UTF-8"));
    let nowhere = read_availability(Input::Path(Path::new("/nowhere/t.json")), PLAIN, &mut SourceMap::default());
    assert!(nowhere.expect_err("no file").list[0].message.contains("no such file"));
}
