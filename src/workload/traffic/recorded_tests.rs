//! Traces: the published ones against their documentation, windows, scaling, repetition, faults.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::*;
use crate::kernel::Streams;
use crate::kernel::stats::{ks_distance, quantile};
use crate::workload::synth::Calendar;

use crate::workload::traffic::{PrefixRef, Request, Source, Traffic};

const SEC: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SEC;
const DAY: u64 = 24 * HOUR;

/// The published data; tests of it are skipped where it is not there.
fn data(path: &str) -> Option<PathBuf> {
    let p = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    p.exists().then_some(p)
}

fn name() -> Name {
    Name::new("trace").unwrap()
}

fn open(path: &Path, options: Options) -> Recorded {
    Recorded::open(name(), None, path, options, &mut SourceMap::default()).unwrap()
}

fn text(text: &str, options: Options) -> Result<Recorded, Diagnostics> {
    Recorded::from_bytes(name(), None, "t.csv", text.as_bytes(), options, &mut SourceMap::default())
}

fn replay(r: &Recorded, calendar: &Calendar, from: u64, to: u64) -> Vec<Request> {
    let traffic = Traffic::new(vec![Source::from(r.clone())]).unwrap();
    traffic.requests(&Streams::new(5, 0), calendar, SimTime(from), SimTime(to)).collect()
}

fn played(r: &Recorded, to: u64) -> Vec<Request> {
    replay(r, &Calendar::default(), 0, to)
}

/// One request a second from midnight on, its number as its input.
fn seconds(n: u32) -> String {
    let row = |i: u32| format!("{i},GPT-4,{},7,{},Conversation log\n", i + 1, i + 8);
    let header = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n";
    header.to_owned() + &(0..n).map(row).collect::<String>()
}

#[test]
fn azure_has_the_figures_of_its_documentation() {
    // Rows, span, mean and median of prompts, mean and median of answers, mean gap and its CV.
    for (file, rows, span, input, output, gap, high) in [
        ("conv", 19_366, 3_501.7, (1_154.7, 1_020.0), (211.1, 129.0), (0.181, 1.09), (0.99, 4_142.0, 0.99, 601.0)),
        ("code", 8_819, 3_435.9, (2_047.8, 1_469.0), (27.9, 13.0), (0.390, 13.15), (1.0, 7_437.0, 0.9, 55.0)),
    ] {
        let Some(path) = data(&format!("azure-llm-2023/AzureLLMInferenceTrace_{file}.csv")) else { return };
        let r = open(&path, Options::default());
        let s = r.summary();
        assert_eq!((r.format(), s.rows, s.kept, s.grid), (Format::Azure, rows, rows, None));
        assert!((s.span.as_secs_f64() - span).abs() < 0.06);
        assert!((s.gaps.mean().unwrap() - gap.0).abs() < 6e-4 && (s.gaps.cv().unwrap() - gap.1).abs() < 6e-3);
        let requests = played(&r, HOUR);
        assert_eq!(requests.len() as u64, rows);
        let (p, upper, q, answer) = high;
        for (f, (mean, median), (p, high)) in
            [((|r| r.input) as fn(&Request) -> u32, input, (p, upper)), (|r| r.output, output, (q, answer))]
        {
            let mut v: Vec<f64> = requests.iter().map(|r| f64::from(f(r))).collect();
            v.sort_by(f64::total_cmp);
            assert!((v.iter().sum::<f64>() / v.len() as f64 - mean).abs() < 0.06);
            assert!((quantile(&v, 0.5).unwrap() - median).abs() < 0.6);
            assert!((quantile(&v, p).unwrap() - high).abs() < 0.6);
        }
        assert_eq!(requests[0].at, SimTime(0));
    }
}

#[test]
fn mooncake_has_the_figures_of_its_documentation() {
    // Requests, mean prompt, mean answer, span, references to blocks, share of them that an infinite cache has.
    for (file, rows, input, output, span, blocks, hits) in [
        ("conversation", 12_031, 12_035.0, 342.6, 3_537.0, 288_500, 0.3664),
        ("synthetic", 3_993, 15_325.0, 149.1, 1_022.0, 121_877, 0.6396),
    ] {
        let Some(path) = data(&format!("mooncake/{file}_trace.jsonl")) else { return };
        let r = open(&path, Options { jitter: Jitter::Off, ..Options::default() });
        let s = r.summary();
        assert_eq!((r.format(), s.kept), (Format::Mooncake, rows));
        assert!((s.input.mean().unwrap() - input).abs() < 0.6 && (s.output.mean().unwrap() - output).abs() < 0.06);
        assert!((s.span.as_secs_f64() - span).abs() < 0.6);
        let traffic = Traffic::new(vec![Source::from(r.clone())]).unwrap();
        let (mut seen, mut refs, mut hit, mut ids) = (BTreeSet::new(), 0, 0, Vec::new());
        for request in played(&r, HOUR) {
            ids.clear();
            traffic.blocks(&request, u64::from(request.input), &mut ids);
            refs += ids.len();
            hit += ids.iter().filter(|b| seen.contains(*b)).count();
            seen.extend(ids.iter().copied());
        }
        assert_eq!(refs, blocks);
        assert!((hit as f64 / refs as f64 - hits).abs() < 5e-5, "{file}: {hit}");
        assert_eq!(s.grid.is_some(), file == "conversation");
    }
}

#[test]
fn times_on_a_grid_are_told_and_spread_evenly_within_it() {
    let Some(path) = data("mooncake/conversation_trace.jsonl") else { return };
    let r = open(&path, Options::default());
    // A grid of about 3 s, up to 28 requests on a stamp.
    assert_eq!(r.summary().grid, Some(Duration::from_secs(3)));
    assert_eq!(r.notices(), ["times lie on a grid of 3s: each is moved forward within it"]);
    let raw = played(&open(&path, Options { jitter: Jitter::Off, ..Options::default() }), HOUR);
    let moved = played(&r, HOUR);
    assert_eq!(raw.len(), moved.len());
    assert!(moved.windows(2).all(|w| w[0].at <= w[1].at));
    // The same requests: each by its blocks, which name it but for a few.
    let key = |r: &Request| match r.prefix {
        PrefixRef::Blocks { start, .. } => start,
        _ => u32::MAX,
    };
    let mut by_start: Vec<&Request> = moved.iter().collect();
    by_start.sort_by_key(|r| key(r));
    let shifts: Vec<f64> = raw.iter().zip(by_start).map(|(a, b)| (b.at - a.at).as_secs_f64()).collect();
    assert!(shifts.iter().all(|s| (0.0..3.0).contains(s)));
    assert!(ks_distance(&shifts, |x| (x / 3.0).clamp(0.0, 1.0)) < 1.95 / (shifts.len() as f64).sqrt());
    assert!(text(&seconds(500), Options::default()).unwrap().summary().grid.is_none());
}

#[test]
fn a_window_a_limit_and_time_scaling_do_what_they_say() {
    let after = |s| Some(Moment::After(Duration::from_secs(s)));
    let r = text(&seconds(100), Options { from: after(10), to: after(20), ..Options::default() }).unwrap();
    let got = played(&r, HOUR);
    assert_eq!(
        got.iter().map(|r| (r.at.0 / SEC, r.input)).collect::<Vec<_>>(),
        (0..10).map(|i| (i, i as u32 + 11)).collect::<Vec<_>>()
    );
    assert_eq!(
        r.notices()[1],
        "10 of 100 requests are in the window; 10 come before it, 80 after it or beyond the limit"
    );
    let r = text(&seconds(100), Options { limit: Some(4), scale: Scale::Time(4.0), ..Options::default() }).unwrap();
    assert_eq!(played(&r, HOUR).iter().map(|r| r.at.0).collect::<Vec<_>>(), [0, SEC / 4, SEC / 2, 3 * SEC / 4]);
    // A replay begins where it is asked to, and ends there.
    assert_eq!(replay(&r, &Calendar::default(), HOUR, HOUR + SEC / 2).len(), 2);
}

#[test]
fn azure_dates_cut_a_window() {
    let Some(path) = data("azure-llm-2023/AzureLLMInferenceTrace_conv.csv") else { return };
    let at = |t: &str| Some(Moment::At(t.parse().unwrap()));
    let options = Options { from: at("2023-11-16T18:30:00"), to: at("2023-11-16T18:40:00"), ..Options::default() };
    let r = open(&path, options);
    let lines = std::fs::read_to_string(&path).unwrap();
    let want = lines.lines().filter(|l| ("2023-11-16 18:30".."2023-11-16 18:40").contains(l)).count();
    assert_eq!(r.summary().kept, want as u64);
    assert_eq!(r.summary().span, Duration::from_secs(600));
}

#[test]
fn thinning_keeps_the_law_and_copies_multiply_it() {
    let Some(path) = data("azure-llm-2023/AzureLLMInferenceTrace_conv.csv") else { return };
    let whole = played(&open(&path, Options::default()), 2 * HOUR);
    let mut inputs: Vec<f64> = whole.iter().map(|r| f64::from(r.input)).collect();
    inputs.sort_by(f64::total_cmp);
    let cdf = |x: f64| inputs.partition_point(|v| *v <= x) as f64 / inputs.len() as f64;
    for number in [0.3, 2.5] {
        let r = open(&path, Options { scale: Scale::Number(number), ..Options::default() });
        let got = played(&r, 2 * HOUR);
        let want = number * whole.len() as f64;
        // Four standard deviations of a binomial.
        let part = number.fract();
        assert!((got.len() as f64 - want).abs() < 4.0 * (whole.len() as f64 * part * (1.0 - part)).sqrt());
        assert!(got.windows(2).all(|w| w[0].at <= w[1].at));
        // The law of lengths in the sample: one-sided steps of the discrete law are below the critical value.
        let mut v: Vec<f64> = got.iter().map(|r| f64::from(r.input)).collect();
        v.sort_by(f64::total_cmp);
        let n = v.len() as f64;
        let worst =
            inputs.iter().map(|x| (v.partition_point(|y| y <= x) as f64 / n - cdf(*x)).abs()).fold(0.0, f64::max);
        assert!(worst < 1.95 / n.sqrt(), "{number}: {worst}");
        if number < 1.0 {
            // What is kept is kept as it was.
            let mut all = whole.iter();
            assert!(got.iter().all(|g| all.any(|w| w == g)));
        }
    }
}

#[test]
fn a_repetition_back_to_back_leaves_a_mean_gap() {
    let r = text(&seconds(10), Options { repeat: Repeat::BackToBack, ..Options::default() }).unwrap();
    let got = played(&r, 35 * SEC);
    assert_eq!(got.iter().map(|r| r.at.0 / SEC).collect::<Vec<_>>(), (0..35).collect::<Vec<_>>());
    assert!(got.iter().enumerate().all(|(i, r)| r.input == i as u32 % 10 + 1));
}

#[test]
fn a_repetition_keeps_the_phase_of_the_day_and_of_the_week() {
    // One request each hour of two days, from Thursday, 2023-11-16, 06:00 on; the input tells day and hour.
    let row = |i: u32| {
        format!(
            "2023-11-{:02} {:02}:00:00.0000000,{},5\n",
            16 + (i + 6) / 24,
            (i + 6) % 24,
            1000 * ((i + 6) / 24 + 1) + (i + 6) % 24
        )
    };
    let trace = "TIMESTAMP,ContextTokens,GeneratedTokens\n".to_owned() + &(0..48).map(row).collect::<String>();
    // Simulated time zero is Wednesday, 2026-01-07, 20:00 in New York.
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let calendar = Calendar { epoch: "2026-01-08T01:00:00Z".parse().unwrap(), zone };
    let days = text(&trace, Options { repeat: Repeat::Days, ..Options::default() }).unwrap();
    let got = replay(&days, &calendar, 0, 5 * DAY);
    assert_eq!(got.len(), 5 * 24);
    for (i, r) in got.iter().enumerate() {
        assert_eq!((r.at.0, r.input % 1000), (i as u64 * HOUR, (20 + i as u32) % 24));
    }
    // Weekly, the same requests come on Thursdays to Saturdays only, each at its own time.
    let weeks = text(&trace, Options { repeat: Repeat::Weeks, ..Options::default() }).unwrap();
    assert!(weeks.notices().iter().any(|n| n.contains("have no requests")), "{:?}", weeks.notices());
    let got = replay(&weeks, &calendar, 0, 14 * DAY);
    assert_eq!(got.len(), 96);
    assert_eq!((got[0].at.0, got[0].input), (10 * HOUR, 1006));
    assert_eq!((got[48].at.0, got[48].input), (7 * DAY + 10 * HOUR, 1006));
    // A replay from the middle goes on where the first would have been.
    assert_eq!(replay(&weeks, &calendar, 30 * HOUR, 14 * DAY), got[20..]);
}

#[test]
fn repeated_blocks_are_others() {
    let line = "{\"timestamp\": 1000, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [4, 9]}\n";
    let options =
        Options { repeat: Repeat::BackToBack, to: Some(Moment::After(Duration::from_secs(2))), ..Options::default() };
    let r = text(line, options).unwrap();
    let traffic = Traffic::new(vec![Source::from(r.clone())]).unwrap();
    let got = played(&r, 4 * SEC);
    let blocks: Vec<Vec<_>> = got
        .iter()
        .map(|r| {
            let mut out = Vec::new();
            traffic.blocks(r, u64::from(r.input), &mut out);
            out
        })
        .collect();
    assert_eq!((got[0].at.0, got[1].at.0), (SEC, 3 * SEC));
    assert!(blocks[0].len() == 2 && blocks[0].iter().all(|b| !blocks[1].contains(b)));
}

#[test]
fn a_file_too_long_to_keep_is_read_again_with_the_same_result() {
    let options = Options {
        scale: Scale::Number(1.5),
        jitter: Jitter::Within(Duration::from_secs(2)),
        repeat: Repeat::BackToBack,
        from: Some(Moment::After(Duration::from_secs(5))),
        ..Options::default()
    };
    let bytes: std::sync::Arc<[u8]> = seconds(200).into_bytes().into();
    let make = |bytes: &std::sync::Arc<[u8]>, hold| {
        let input = Input::Bytes("t.csv".to_owned(), bytes.clone());
        Recorded::new(name(), None, input, options.clone(), hold, &mut SourceMap::default()).unwrap()
    };
    let (held, streamed) = (make(&bytes, 1000), make(&bytes, 50));
    assert!(held.is_held() && !streamed.is_held());
    assert_eq!(held.summary(), streamed.summary());
    assert_eq!(played(&held, HOUR), played(&streamed, HOUR));
    // Packed, it is the same file.
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&bytes).unwrap();
    let packed = [gz.finish().unwrap(), zstd::encode_all(&bytes[..], 1).unwrap()];
    for p in packed {
        assert_eq!(played(&make(&p.into(), 50), HOUR), played(&held, HOUR));
    }
}

#[test]
fn a_file_that_is_gone_ends_the_requests_and_says_so() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(seconds(100).as_bytes()).unwrap();
    let input = Input::File(file.path().to_owned());
    let r = Recorded::new(name(), None, input, Options::default(), 10, &mut SourceMap::default()).unwrap();
    drop(file);
    let traffic = Traffic::new(vec![Source::from(r)]).unwrap();
    let mut requests = traffic.requests(&Streams::new(1, 0), &Calendar::default(), SimTime::ZERO, SimTime(HOUR));
    assert!(requests.next().is_none() && requests.fault().is_some());
}

#[test]
fn failures_are_dropped_and_told_or_kept() {
    let trace = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
                 5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,30,0,30,API log\n118,GPT-4,1087,230,1317,API log\n";
    let r = text(trace, Options::default()).unwrap();
    assert_eq!(
        r.notices(),
        [
            "2 label values were changed to be valid names, the first from \"Conversation log\" to \"Conversation-log\"",
            "1 requests without an answer (failures) were left out"
        ]
    );
    assert_eq!(
        played(&r, HOUR).iter().map(|r| (r.at.0 / SEC, r.input, r.output)).collect::<Vec<_>>(),
        [(5, 472, 18), (118, 1087, 230)]
    );
    let label = |k: &str, v: &str| Label { key: Name::new(k).unwrap(), value: Name::new(v).unwrap() };
    let options = Options { failures: Failures::Keep, labels: vec![label("team", "search")], ..Options::default() };
    let r = text(trace, options).unwrap();
    let traffic = Traffic::new(vec![Source::from(r.clone())]).unwrap();
    let got = played(&r, HOUR);
    assert_eq!((got.len(), got[1].output), (3, 1));
    let set = &traffic.label_sets()[usize::from(got[1].labels)];
    assert_eq!(set[..], [label("log", "API-log"), label("model", "GPT-4"), label("team", "search")]);
}

#[test]
fn what_exceeds_the_context_is_rejected_dropped_or_cut() {
    let trace = "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,90,10\n\
                 2024-05-10 00:00:01.5+00:00,95,10\n2024-05-10 00:00:02+00:00,10,300\n";
    let with = |over| text(trace, Options { context: Some(100), over, ..Options::default() });
    let lengths = |r: &Recorded| played(r, HOUR).iter().map(|r| (r.input, r.output)).collect::<Vec<_>>();
    let bad = with(Over::Reject).unwrap_err();
    let messages: Vec<&str> = bad.list.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "line 3 has a request of 105 tokens: the context has 100",
            "line 4 has a request of 310 tokens: the context has 100"
        ]
    );
    assert_eq!(lengths(&with(Over::Drop).unwrap()), [(90, 10)]);
    assert_eq!(lengths(&with(Over::Clip).unwrap()), [(90, 10), (90, 10), (1, 99)]);
    assert_eq!(with(Over::Clip).unwrap().notices(), ["2 requests were cut to the context"]);
}

#[test]
fn faults_have_their_place() {
    let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
    let burst = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n";
    let ok = "2023-11-16 18:15:46.6805900,374,44\n";
    let moon = |t: &str, i: &str, o: &str, h: &str| {
        format!("{{\"timestamp\": {t}, \"input_length\": {i}, \"output_length\": {o}, \"hash_ids\": {h}}}\n")
    };
    for (trace, line, column, message) in [
        (format!("{azure}{ok}2023-11-16 18:15:47,0,44\n"), 3, 21, "line 3 has a request of zero tokens"),
        (format!("{azure}{ok}2023-11-16 18:15:47,5,0\n"), 3, 23, "line 3 has a request of zero tokens"),
        (format!("{azure}{ok}2023-11-16 18:15:46,5,5\n"), 3, 1, "line 3 is earlier than the line before it"),
        (format!("{azure}16.11.2023 18:15:46,5,5\n"), 2, 1, "line 2: not a date and time"),
        (format!("{azure}2023-11-31 18:15:46,5,5\n"), 2, 1, "line 2: the day is not one of its month"),
        (
            format!("{azure}{ok}2023-11-16 18:15:47,-5,5\n"),
            3,
            21,
            "column `ContextTokens` needs a whole number of 0 or more, line 3 has \"-5\"",
        ),
        (format!("{burst}-1,GPT-4,5,5,10,API log\n"), 2, 1, "line 2 has a negative time"),
        (format!("{burst}1,GPT-4,0,5,10,API log\n"), 2, 9, "line 2 has a request of zero tokens"),
        (
            format!("{burst}9,GPT-4,7,5,10,API log\n8,GPT-4,5,5,10,API log\n"),
            3,
            1,
            "line 3 is earlier than the line before it",
        ),
        (moon("-1", "5", "5", "[1]"), 1, 2, "line 1 has a negative time"),
        (moon("1", "0", "5", "[]"), 1, 18, "line 1 has a request of zero tokens"),
        (moon("1", "513", "5", "[1]"), 1, 59, "line 1 has 1 blocks for 513 tokens: 2 blocks of 512 are needed"),
        (
            moon("1", "5", "5", "[-1]"),
            1,
            57,
            "field `hash_ids` needs a list of whole numbers up to 4294967295, line 1 has -1",
        ),
        (
            moon("1", "5", "5", "7"),
            1,
            57,
            "field `hash_ids` needs a list of whole numbers up to 4294967295, line 1 has no list",
        ),
        (moon("5", "5", "5", "[1]") + &moon("4", "5", "5", "[1]"), 2, 2, "line 2 is earlier than the line before it"),
    ] {
        let mut sources = SourceMap::default();
        let bad =
            Recorded::from_bytes(name(), None, "t", trace.as_bytes(), Options::default(), &mut sources).unwrap_err();
        assert_eq!(bad.list[0].message, message);
        let (id, span) = bad.list[0].at.unwrap();
        assert_eq!(sources.line_col(id, span.start), (line, column), "{message}");
    }
    for (trace, message) in [
        ("a,b\n1,2\n", "`t.csv` is no request trace that is known"),
        ("", "`t.csv` is no request trace that is known"),
        (azure, "`t.csv` holds no requests"),
    ] {
        assert_eq!(text(trace, Options::default()).unwrap_err().list[0].message, message);
    }
}

#[test]
fn all_faults_are_told_up_to_twenty() {
    let mut trace = "TIMESTAMP,ContextTokens,GeneratedTokens\n".to_owned();
    trace.push_str(&"2023-11-16 18:15:46,0,1\n".repeat(50));
    let bad = text(&trace, Options::default()).unwrap_err();
    assert_eq!(bad.list.len(), 21);
    assert_eq!(bad.list[20].message, "reading stopped after 20 faults");
}

#[test]
fn a_file_out_of_order_is_sorted_when_asked() {
    let trace = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
                 9,GPT-4,1,5,10,API log\n8,GPT-4,2,5,10,API log\n9,GPT-4,3,5,10,API log\n";
    let r = text(trace, Options { sort: true, ..Options::default() }).unwrap();
    assert_eq!(played(&r, HOUR).iter().map(|r| r.input).collect::<Vec<_>>(), [2, 1, 3]);
    assert_eq!(r.notices()[0], "1 rows were earlier than the row before them: sorted by time");
}

#[test]
fn options_that_cannot_be_are_refused() {
    let message = |options| text(&seconds(10), options).unwrap_err().list[0].message.clone();
    let with = Options::default;
    assert!(message(Options { scale: Scale::Time(0.0), ..with() }).contains("time factor is 0"));
    assert!(message(Options { scale: Scale::Number(f64::NAN), ..with() }).contains("number factor is NaN"));
    assert!(
        message(Options { scale: Scale::Time(2.0), repeat: Repeat::Days, ..with() }).contains("keeps the day's phase")
    );
    assert!(message(Options { context: Some(1), ..with() }).contains("at least 2 tokens"));
    let after = |s| Some(Moment::After(Duration::from_secs(s)));
    assert!(message(Options { from: after(50), ..with() }).starts_with("none of the 10 requests"));
    assert!(message(Options { from: after(5), to: after(5), ..with() }).contains("ends before it begins"));
    let date = Some(Moment::At("2023-11-16T18:30:00".parse().unwrap()));
    assert!(message(Options { from: date, ..with() }).contains("is a date, and this trace has none"));
    assert!(message(Options { limit: Some(0), ..with() }).starts_with("none of the 10 requests"));
}
