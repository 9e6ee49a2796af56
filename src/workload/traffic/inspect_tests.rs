//! Figures against the traces' documentation, and against counts by hand.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::*;
use crate::kernel::stats::correlation;
use crate::units::{Name, SourceMap};
use crate::workload::traffic::{Failures, Repeat, Scale};

/// A published file, or `None` and a line saying so.
fn data(path: &str) -> Option<PathBuf> {
    let p = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if p.exists() {
        return Some(p);
    }
    let _ = writeln!(std::io::stderr(), "skipped: no data ({path})");
    None
}

fn name() -> Name {
    Name::new("trace").unwrap()
}

fn open(path: &Path) -> Inspection {
    let r = Recorded::open(name(), None, path, Options::default(), &mut SourceMap::default()).unwrap();
    inspect(&r).unwrap()
}

fn recorded(text: &str, options: Options) -> Recorded {
    Recorded::from_bytes(name(), None, "t", text.as_bytes(), options, &mut SourceMap::default()).unwrap()
}

fn of(text: &str) -> Inspection {
    inspect(&recorded(text, Options::default())).unwrap()
}

fn azure(rows: &[(&str, u32, u32)]) -> String {
    let mut text = "TIMESTAMP,ContextTokens,GeneratedTokens\n".to_owned();
    rows.iter().for_each(|(at, i, o)| text.push_str(&format!("2023-11-16 {at},{i},{o}\n")));
    text
}

#[test]
fn an_infinite_cache_hits_what_mooncake_says() {
    for (file, references, hits) in [("conversation", 288_500, 0.3664), ("synthetic", 121_877, 0.6396)] {
        let Some(path) = data(&format!("mooncake/{file}_trace.jsonl")) else { return };
        let p = open(&path).prefix.unwrap();
        assert_eq!(p.references, references);
        assert!((p.hit_rate - hits).abs() < 5e-5 && (p.leading_hit_rate - hits).abs() < 5e-5, "{file}: {p:?}");
        // Whatever is not seen before is new, and each block is new once.
        assert_eq!(p.blocks, p.references - p.seen_before, "{file}");
    }
}

#[test]
fn azure_has_the_figures_of_its_documentation() {
    for (file, rows, span, cv, input, output) in [
        ("conv", 19_366, 3_501.7, 1.09, (1_154.7, 1_020.0), (211.1, 129.0)),
        ("code", 8_819, 3_435.9, 13.15, (2_047.8, 1_469.0), (27.9, 13.0)),
    ] {
        let Some(path) = data(&format!("azure-llm-2023/AzureLLMInferenceTrace_{file}.csv")) else { return };
        let i = open(&path);
        assert_eq!((i.format, i.rows, i.requests, i.rate.grid_s), ("azure-llm", rows, rows, None));
        assert!((i.span_s - span).abs() < 0.06 && (i.rate.gap_cv.unwrap() - cv).abs() < 6e-3);
        for (q, (mean, median)) in [(i.input.unwrap(), input), (i.output.unwrap(), output)] {
            assert!((q.mean - mean).abs() < 0.06 && (q.p50 - median).abs() < 0.6, "{file}: {q:?}");
        }
        assert_eq!(i.rate.series.iter().sum::<u64>(), rows);
        // It begins at a quarter past six and is over within the hour of seven.
        let hours: Vec<usize> = (0..24).filter(|h| i.hour_of_day[*h].is_some()).collect();
        assert_eq!(hours, [18, 19]);
        assert!(i.origin.unwrap().starts_with("2023-11-16T18:1"));
    }
}

#[test]
fn counts_by_hand() {
    // Three in the first minute, two in the second, which ends a second early.
    let i = of(&azure(&[
        ("23:58:00", 10, 4),
        ("23:58:10", 20, 3),
        ("23:58:30", 30, 2),
        ("23:59:30", 40, 1),
        ("23:59:59", 50, 5),
    ]));
    assert_eq!((i.rows, i.requests, i.span_s), (5, 5, 119.0));
    assert_eq!(i.rate.per_second_mean, Some(5.0 / 119.0));
    assert_eq!(i.rate.per_minute_max, 3);
    // One whole minute says nothing of dispersion.
    assert_eq!(i.rate.dispersion_minute, None);
    // Ranks 1 to 5 against 4, 3, 2, 1, 5: 1 − 6·(9 + 1 + 1 + 9 + 0) / (5·24).
    assert_eq!(i.rank_correlation, Some(0.0));
    let q = i.input.unwrap();
    assert_eq!((q.n, q.mean, q.min, q.p10, q.p25, q.p50, q.max), (5, 30.0, 10.0, 14.0, 20.0, 30.0, 50.0));
    // 119 s of the hour from 23:00.
    assert!((i.hour_of_day[23].unwrap() - 5.0 * 3600.0 / 119.0).abs() < 1e-9);
    assert_eq!(i.hour_of_day.iter().flatten().count(), 1);
    assert_eq!((i.sessions, i.prefix, i.by_label), (None, None, vec![]));
}

#[test]
fn dispersion_counts_empty_minutes() {
    // 3, 0, 1 and, in the minute that is cut short, 1: mean 4/3, variance 7/3.
    let at = ["00:00:00", "00:00:10", "00:00:30", "00:02:30", "00:03:59"];
    let rows: Vec<(&str, u32, u32)> = at.iter().map(|a| (*a, 7, 7)).collect();
    let i = of(&azure(&rows));
    assert!((i.rate.dispersion_minute.unwrap() - 7.0 / 4.0).abs() < 1e-12);
    assert_eq!(i.rate.dispersion_hour, None);
    // All lengths are alike: they go with nothing.
    assert_eq!(i.rank_correlation, None);
}

#[test]
fn equal_lengths_share_their_rank() {
    // Ranks of inputs 1.5, 1.5, 3.5, 3.5, 5; of outputs 1, 2.5, 2.5, 4, 5.
    let rows = [(5, 1), (5, 2), (6, 2), (6, 3), (9, 4)];
    let text: Vec<String> = (0..5).map(|i| format!("00:00:0{i}")).collect();
    let rows: Vec<(&str, u32, u32)> = rows.iter().zip(&text).map(|((i, o), t)| (t.as_str(), *i, *o)).collect();
    let want = correlation(&[1.5, 1.5, 3.5, 3.5, 5.0], &[1.0, 2.5, 2.5, 4.0, 5.0]).unwrap();
    assert!((of(&azure(&rows)).rank_correlation.unwrap() - want).abs() < 1e-12);
}

#[test]
fn quantiles_from_counts_are_those_of_the_values() {
    for n in [1u32, 2, 3, 10, 101, 997] {
        let values: Vec<u32> = (0..n).map(|i| i * 7_919 % 53).collect();
        let mut counts = Counts::default();
        values.iter().for_each(|v| counts.add(*v));
        let (got, want) = (counts.quantiles().unwrap(), Quantiles::of(values.iter().map(|v| f64::from(*v)).collect()));
        let want = want.unwrap();
        for (a, b) in [
            (got.mean, want.mean),
            (got.min, want.min),
            (got.p10, want.p10),
            (got.p25, want.p25),
            (got.p50, want.p50),
            (got.p75, want.p75),
            (got.p90, want.p90),
            (got.p95, want.p95),
            (got.p99, want.p99),
            (got.max, want.max),
        ] {
            assert!((a - b).abs() < 1e-9, "{n}: {got:?} {want:?}");
        }
    }
    assert_eq!(Counts::default().quantiles(), None);
}

#[test]
fn a_curve_rises_to_one_in_few_points() {
    let mut few = Counts::default();
    [5, 2, 5, 9].into_iter().for_each(|v| few.add(v));
    assert_eq!(few.curve(), [(2.0, 0.25), (5.0, 0.75), (9.0, 1.0)]);
    let mut many = Counts::default();
    (0..10_000).for_each(|v| many.add(v));
    let curve = many.curve();
    assert!(curve.len() <= CURVE && curve.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 < w[1].1));
    assert_eq!(curve.last(), Some(&(9_999.0, 1.0)));
    // Each is where it belongs: the value v has v + 1 at or below it.
    assert!(curve.iter().all(|(v, p)| (v + 1.0) / 10_000.0 == *p));
}

#[test]
fn sessions_failures_and_labels_of_burstgpt() {
    let text = "Timestamp,Session ID,Model,Request tokens,Response tokens,Log Type\n\
                0,1,GPT-4,10,5,Conversation log\n\
                5,2,ChatGPT,20,0,API log\n\
                9,1,GPT-4,30,7,Conversation log\n\
                12,,ChatGPT,40,8,API log\n\
                20,3,ChatGPT,50,9,API log\n";
    let i = of(text);
    assert_eq!((i.rows, i.requests, i.failures), (5, 4, 1));
    let s = i.sessions.unwrap();
    // Session 2 has the failure alone.
    assert_eq!((s.sessions, s.requests, s.turns.unwrap().max), (2, 3, 2.0));
    let labels: Vec<(&str, u64)> = i.by_label.iter().map(|(l, n)| (l.as_str(), *n)).collect();
    assert_eq!(labels.len(), 2);
    assert!(labels.iter().all(|(l, n)| *n == 2 && (l.contains("GPT-4") != l.contains("ChatGPT"))), "{labels:?}");
    let kept = inspect(&recorded(text, Options { failures: Failures::Keep, ..Options::default() })).unwrap();
    assert_eq!((kept.requests, kept.failures, kept.output.unwrap().min), (5, 0, 1.0));
}

#[test]
fn blocks_count_when_an_earlier_prompt_had_them() {
    let row = |ms: u32, ids: &str, n: u32| {
        format!("{{\"timestamp\": {ms}, \"input_length\": {}, \"output_length\": 3, \"hash_ids\": [{ids}]}}\n", n * 512)
    };
    // 3 new; 2 of 3 known, in front; 1 of 2 known, but behind a new one.
    let text = [row(0, "1, 2, 3", 3), row(10, "1, 2, 4", 3), row(20, "5, 4", 2)].concat();
    let p = of(&text).prefix.unwrap();
    assert_eq!((p.references, p.blocks, p.seen_before), (8, 5, 3));
    assert_eq!((p.hit_rate, p.leading_hit_rate), (3.0 / 8.0, 2.0 / 8.0));
}

#[test]
fn a_grid_is_told_and_the_series_keeps_to_it() {
    // Four requests every 700 ms for ten minutes.
    let text: String = (0..3_428u32)
        .map(|i| format!("{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": 3}}\n", i / 4 * 700, i + 1))
        .collect();
    let i = of(&text);
    assert_eq!((i.rate.grid_s, i.prefix), (Some(0.7), None));
    // 5 s would do for ten minutes; the next multiple of the step is 5.6.
    assert_eq!(i.rate.series_step_s, 5.6);
    assert!(i.rate.series[..i.rate.series.len() - 1].iter().all(|n| *n == 32));
}

#[test]
fn options_of_a_replay_change_no_figure() {
    let text: String = (0..500u32)
        .map(|i| {
            format!("{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": 3}}\n", i / 3 * 2_000, i % 90 + 1)
        })
        .collect();
    let plain = of(&text);
    for (scale, repeat) in
        [(Scale::Time(3.0), Repeat::Once), (Scale::Number(2.5), Repeat::BackToBack), (Scale::Number(0.5), Repeat::Days)]
    {
        let r = recorded(&text, Options { scale, repeat, ..Options::default() });
        let mut i = inspect(&r).unwrap();
        i.notices.clone_from(&plain.notices);
        assert_eq!(i, plain);
    }
}

#[test]
fn a_file_that_is_read_again_has_the_same_figures() {
    let text = azure(&[("00:00:00", 10, 4), ("00:00:10", 20, 3), ("00:00:30", 30, 2), ("00:02:30", 40, 1)]);
    let input = crate::workload::traffic::read::Input::Bytes("t".into(), text.as_bytes().into());
    let r = Recorded::new(name(), None, input, Options::default(), 2, &mut SourceMap::default()).unwrap();
    assert!(!r.is_held());
    assert_eq!(inspect(&r).unwrap(), of(&text));
}
