use std::io::Cursor;

use super::*;
use crate::formats::Node;
use crate::scenario::file::laws::{Arrive, Gpus, Length, When};
use crate::scenario::file::work::Jobs;
use crate::workload::fit::Family;
use crate::workload::trace::{Options, from_read};

/// Sixty jobs an uneven while apart, one in six fails, with two labels and shares of a GPU.
fn fitted() -> Fitted {
    let mut text = "arrive,duration,gpus,gpu_milli,cpu_milli,memory_mib,ending,label.team,label.env\n".to_owned();
    for i in 0..60u32 {
        let (gpus, milli) = match i % 4 {
            0 => (0, String::new()),
            1 => (1, "375".to_owned()),
            2 => (1, "1000".to_owned()),
            _ => (8, String::new()),
        };
        let ending = if i % 6 == 5 { "fails" } else { "completes" };
        let team = ["search", "ads", ""][(i % 3) as usize];
        let (arrive, duration) = (i * 300 + i * i % 290, 60 + i * i * 7);
        text.push_str(&format!("{arrive},{duration},{gpus},{milli},4000,8192,{ending},{team},prod\n"));
    }
    let t = from_read(None, "sixty", Cursor::new(text.into_bytes()), &Options::default(), &mut SourceMap::default());
    fit(&t.expect("a trace")).expect("a fit")
}

fn decoded(f: &Fitted) -> Jobs {
    let text = block(f, &Name::new("jobs").expect("a name"), "sixty (csv)", true);
    let mut sources = SourceMap::default();
    let id = sources.add("fit", text.clone());
    let (node, found) = parse(id, &sources, Syntax::Ron);
    assert_eq!(found.list, [], "{text}");
    let d = decode::decode::<Work>(&node.as_ref().map_or_else(|| panic!("{text}"), Node::clone));
    assert_eq!(d.diagnostics.list, [], "{text}");
    match d.value {
        Some(Work::Jobs(j)) => j,
        other => panic!("{other:?}"),
    }
}

fn name(s: &str) -> Name {
    Name::new(s).expect("a name")
}

#[test]
fn what_was_fitted_is_what_the_block_says() {
    let f = fitted();
    let j = decoded(&f);
    assert_eq!(j.name.value, name("jobs"));
    let Arrive::Renewal(r) = &j.arrive.value else { panic!("{:?}", j.arrive) };
    assert!((*r.per_day / (f.per_hour * 24.0) - 1.0).abs() < 1e-4);
    assert!((*r.cv / f.cv - 1.0).abs() < 0.01);
    // Fifteen of sixty jobs have each size.
    let Gpus::Mix(sizes) = &j.gpus.value else { panic!("{:?}", j.gpus) };
    assert_eq!(sizes.iter().map(|(n, w)| (*n, **w)).collect::<Vec<_>>(), [(0, 15.0), (1, 30.0), (8, 15.0)]);
    let shares: Vec<(f64, f64)> = j.shares.iter().map(|(p, w)| (p.value.0, **w)).collect();
    assert_eq!(shares, [(0.375, 15.0), (1.0, 15.0)]);
    // A label that all have is fixed; one that some lack is drawn, and those that lack it say so.
    assert_eq!(j.labels.iter().collect::<Vec<_>>(), [(&name("env"), &name("prod"))]);
    let [team] = j.label_mix.as_slice() else { panic!("{:?}", j.label_mix) };
    let values: Vec<(&str, f64)> = team.values.iter().map(|(v, w)| (v.as_str(), **w)).collect();
    assert_eq!((team.key.as_str(), values), ("team", vec![("ads", 20.0), ("search", 20.0), ("unlabelled", 20.0)]));
    // One in six, rounded down to hundredths of a percent.
    assert!((j.ends.failed.get() - 0.1666).abs() < 1e-9);
    assert_eq!(j.ends.cancelled.get(), 0.0);
    // Sizes of 8 GPUs ask for 500 thousandths a GPU, those of 1 for 4000, those of 0.375 for more: the median is 4000.
    assert_eq!((*j.cpus_per_gpu, *j.cpus), (4.0, 4.0));
    assert_eq!(j.memory_per_gpu, Bytes(8 << 30));
}

/// The law of the block's lengths as it will be drawn from.
fn mean_of(l: &Length) -> f64 {
    let s = |d: &Duration| d.as_secs_f64();
    let law = match l {
        Length::LogNormal(m) => Dist::lognormal_median_p95(s(&m.median), s(&m.p95)),
        Length::Weibull(w) => Dist::weibull(*w.shape, s(&w.scale)),
        Length::HyperExp(h) => Dist::hyperexp(s(&h.mean), *h.cv),
        Length::Quantiles(points) => Dist::quantiles(&points.iter().map(|(p, d)| (p.0, s(d))).collect::<Vec<_>>()),
        other => panic!("{other:?}"),
    };
    law.expect("a law").mean()
}

#[test]
fn every_family_is_written_so_that_its_mean_stays() {
    let mut f = fitted();
    let tried = f.tried.clone();
    let families: std::collections::BTreeSet<Family> = tried.iter().map(|c| c.family).collect();
    assert!(families.len() >= 4, "{families:?}");
    for c in tried {
        let mean = c.dist.mean();
        f.length = c;
        let written = mean_of(&decoded(&f).length);
        assert!((written / mean - 1.0).abs() < 0.005, "{:?}: {written} for {mean}", f.length.family);
    }
    // A hyper-exponential of cv 1 stays one.
    f.length.dist = Dist::hyperexp(3600.0, 1.0).expect("a law");
    assert!(matches!(decoded(&f).length.value, Length::HyperExp(h) if *h.cv == 1.0));
    // All of one length: a table with an atom.
    f.length.dist = Dist::quantiles(&[(0.0, 60.0), (1.0, 60.0)]).expect("a law");
    assert!((mean_of(&decoded(&f).length) - 60.0).abs() < 1e-9);
}

#[test]
fn a_week_has_a_weight_for_each_hour() {
    let mut f = fitted();
    f.week = Some((0..168).map(|h| f64::from(h % 24) / 11.5).collect());
    let Arrive::Renewal(r) = decoded(&f).arrive.value else { panic!() };
    let When::Hourly(w) = r.when else { panic!() };
    assert_eq!((w.len(), w[0], w[23]), (168, 0.0, 2.0));
}

#[test]
fn what_comes_from_a_file_stays_in_its_comment() {
    let mut f = fitted();
    f.notes = vec!["first\nJobs(name: \"intruder\") \u{1b}[31m".to_owned(), "*/ /* ".to_owned()];
    f.accepts = vec![(vec!["A10\n)".to_owned()], 40.0), (Vec::new(), 20.0)];
    f.priorities = vec![(-1, 10.0), (5, 50.0)];
    f.fails = (0.1, 3.0);
    f.cancelled = (0.9, 0.5);
    let j = decoded(&f);
    assert_eq!((j.name.as_str(), j.priority), ("jobs", 5));
    assert!(j.devices.is_empty());
    assert!(j.ends.failed.get() + j.ends.cancelled.get() <= 1.0);
    assert_eq!((j.ends.failed_after.get(), j.ends.cancelled_after.get()), (1.0, 0.5));
    let text = block(&f, &name("jobs"), "a\nb", true);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(text.lines().all(|l| l.chars().count() <= COLUMNS), "{text}");
}

#[test]
fn devices_that_all_accept_are_quoted() {
    let mut f = fitted();
    f.accepts = vec![(vec!["A10".to_owned(), "odd \"one\"\\".to_owned()], 60.0)];
    let j = decoded(&f);
    assert_eq!(j.devices.iter().map(|d| d.as_str()).collect::<Vec<_>>(), ["A10", "odd \"one\"\\"]);
}

#[test]
fn labels_are_cut_where_a_workload_has_no_room_for_them() {
    let mut f = fitted();
    let set = |i: u32| -> Vec<Label> {
        (0..5).map(|k| Label { key: name(&format!("k{k}")), value: name(&format!("v{}", i % (10 + k * 10))) }).collect()
    };
    f.labels = (0..500).map(|i| (set(i), 1.0)).collect();
    let j = decoded(&f);
    // 10 values of k0 and 20 or 21 of the others: three of the others go beyond what there may be.
    let sizes: Vec<usize> = j.label_mix.iter().map(|m| m.values.len()).collect();
    assert!(sizes.iter().product::<usize>() <= MOST_COMBINATIONS, "{sizes:?}");
    assert!(sizes.len() >= 3, "{sizes:?}");
    let total = |m: &crate::scenario::file::work::LabelMix| m.values.iter().map(|(_, w)| **w).sum::<f64>();
    assert!(j.label_mix.iter().all(|m| total(m) == 500.0));
}

#[test]
fn durations_have_four_digits_and_keep_their_order() {
    for (seconds, text) in [
        (0.0, "\"0s\""),
        (0.25, "\"250ms\""),
        (59.999_9, "\"1m\""),
        (1_102.6, "\"18m 23s\""),
        (1_234_567.8, "\"14d 6h 56m 8s\""),
    ] {
        assert_eq!(duration(seconds), text, "{seconds}");
    }
    let read = |t: String| {
        let form = scalar::Form::Text;
        let w = scalar::Written { form, text: t.trim_matches('"'), loose: false };
        <Duration as scalar::Scalar>::read(w).expect("a duration").0
    };
    let steps: Vec<f64> = (0..400).map(|i| 1e-9 * 1.11f64.powi(i)).filter(|s| *s < 1e10).collect();
    let written: Vec<u64> = steps.iter().map(|s| read(duration(*s))).collect();
    assert!(written.windows(2).all(|w| w[0] <= w[1]));
    for (s, ns) in steps.iter().zip(&written).filter(|(s, _)| **s > 1e-6) {
        assert!((*ns as f64 / 1e9 / s - 1.0).abs() < 6e-4, "{s}: {ns}");
    }
}

#[test]
fn numbers_have_no_exponent() {
    for (v, n, text) in
        [(0.0, 3, "0"), (76_627.0, 15, "76627"), (1.0e-7, 2, "0.0000001"), (241.546, 5, "241.55"), (0.995, 4, "0.995")]
    {
        assert_eq!(digits(v, n), text);
    }
}

#[test]
fn any_file_gives_a_name() {
    for (stem, text) in [("openb pods (1)", "openb-pods--1"), ("…", "fitted"), ("", "fitted"), ("-a_b.c-", "a_b.c")] {
        assert_eq!(name_of(stem).as_str(), text);
    }
    assert_eq!(name_of(&"x".repeat(100)).as_str().len(), 63);
}
