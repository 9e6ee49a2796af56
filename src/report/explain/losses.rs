//! What interruptions cost, beneath the bill: its parts by workload, the dearest interruptions, and how much of the notice
//! it took to be safe.

use std::collections::BTreeMap;

use crate::outcome::{MILLI_NS_PER_GPU_HOUR, Outcome, Part};
use crate::report::clock::Clock;
use crate::report::summary::{columns, right};
use crate::report::tables::losses::dearest;
use crate::report::words;
use crate::training::restart::Stage;
use crate::units::Usd;

/// How many interruptions are shown.
const WORST: usize = 5;
/// The most workloads with a column of their own.
const COLUMNS: usize = 4;

/// The parts of the bill, the dearest interruptions and the saves on notice; nothing where work cannot be interrupted.
#[must_use]
pub fn losses(o: &Outcome) -> String {
    if !o.has_interruptions() {
        return String::new();
    }
    let mut out = format!("\nWhat the bill was for, USD\n\n{}\n", parts(o));
    if let Some(t) = worst(o) {
        out.push_str(&format!("\nThe interruptions that cost most\n\n{t}\n"));
    }
    if let Some(t) = safe(o) {
        out.push_str(&format!("\nFrom notice to safe\n\n{t}\n"));
    }
    out
}

/// Parts down (restarts by stage), workloads across: those with runs first to have a column; all of the others are one.
fn parts(o: &Outcome) -> String {
    let split = o.split();
    let mut names: Vec<Option<&str>> =
        o.work.iter().filter(|w| w.run.is_some()).map(|w| Some(w.name.as_str())).collect();
    names.truncate(COLUMNS);
    let column = |w: Option<&str>| names.iter().position(|n| *n == w).unwrap_or(names.len());
    let mut rows: BTreeMap<(Part, Option<Stage>), Vec<Usd>> = BTreeMap::new();
    let mut sums = vec![Usd::ZERO; names.len() + 2];
    for r in &split {
        let stage = r.stage.and_then(|k| Stage::ALL.into_iter().find(|s| s.key() == k));
        let row = rows.entry((r.part, stage)).or_insert_with(|| vec![Usd::ZERO; names.len() + 2]);
        for at in [column(r.workload.as_deref()), names.len() + 1] {
            row[at] += r.usd.0;
            sums[at] += r.usd.0;
        }
    }
    let others = sums[names.len()] != Usd::ZERO;
    let mut header: Vec<String> = vec![String::new()];
    header.extend(names.iter().flatten().map(|n| words::shorten(n, 20)));
    if others {
        header.push("all else".into());
    }
    header.extend(["all".to_owned(), "share".to_owned()]);
    let mut t = columns(&header.iter().map(String::as_str).collect::<Vec<_>>());
    let bill = o.bill();
    let mut add = |name: String, values: &[Usd]| {
        let mut row = vec![name];
        for (i, v) in values.iter().enumerate() {
            if i != names.len() || others {
                row.push(if *v == Usd::ZERO { "–".into() } else { v.to_string() });
            }
        }
        let all = values[names.len() + 1];
        row.push(words::percent(if bill.0 == 0 { 0.0 } else { all.to_f64() / bill.to_f64() }));
        t.add_row(row);
    };
    for ((part, stage), values) in &rows {
        let name = match stage {
            Some(s) => format!("restart: {}", s.title()),
            None => part.title().to_owned(),
        };
        add(name, values);
    }
    add("the bill".into(), &sums);
    let last = header.len();
    right(&mut t, &(1..last).collect::<Vec<_>>());
    t.trim_fmt()
}

fn worst(o: &Outcome) -> Option<String> {
    let all = dearest(o);
    if all.is_empty() {
        return None;
    }
    let clock = Clock::of(o);
    let mut t = columns(&["when", "run", "pool", "cause", "nodes", "lost GPU-h", "restart GPU-h", "USD"]);
    let hours = |v: u128| words::number(v as f64 / MILLI_NS_PER_GPU_HOUR, 1);
    for (w, l) in all.into_iter().take(WORST) {
        t.add_row(vec![
            clock.date_time(l.at_ns),
            format!("{}-{}", w.name, l.ordinal),
            l.pool.clone(),
            l.cause.replace('_', " "),
            l.nodes.to_string(),
            hours(l.lost.0),
            hours(l.restart.0),
            l.usd.0.to_string(),
        ]);
    }
    right(&mut t, &[4, 5, 6, 7]);
    Some(t.trim_fmt())
}

fn safe(o: &Outcome) -> Option<String> {
    let runs = o.work.iter().filter_map(|w| Some((w, w.run.as_ref()?)));
    let told: Vec<_> = runs.filter(|(_, r)| r.saves + r.saves_failed > 0).collect();
    if told.is_empty() {
        return None;
    }
    let mut t = columns(&["runs", "saves begun", "in time", "p50", "p90", "p99", "longest"]);
    for (w, r) in told {
        let q = |v: Option<u64>| v.map_or_else(|| "–".into(), words::length);
        let h = &r.notice_to_safe;
        t.add_row(vec![
            w.name.clone(),
            words::count(r.saves + r.saves_failed),
            words::count(r.saves),
            q(h.quantile(0.5)),
            q(h.quantile(0.9)),
            q(h.quantile(0.99)),
            q(h.max()),
        ]);
    }
    right(&mut t, &[1, 2, 3, 4, 5, 6]);
    Some(t.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_parts_the_worst_and_the_saves_are_told() {
        let o = sample::spot();
        let text = losses(&o);
        let bill = text.lines().find(|l| l.starts_with("the bill")).unwrap();
        assert!(bill.contains(&o.bill().to_string()), "{bill}");
        for w in &o.work {
            assert!(text.contains(&w.name));
        }
        for part in
            ["work on spot", "work on demand", "restart: checkpoint read", "notice window", "free reclaimed time"]
        {
            assert!(text.lines().any(|l| l.starts_with(part)), "{part}\n{text}");
        }
        let first = &dearest(&o)[0].1;
        assert!(text.contains(&first.usd.0.to_string()), "{text}");
        // 8 s to drain and 55 s to write.
        let saves = text.lines().last().unwrap();
        assert!(saves.starts_with("tune") && saves.contains("1 min 3 s"), "{saves}");
        assert_eq!(losses(&sample::outcome(None, 1.0, 1.0)), "");
    }
}
