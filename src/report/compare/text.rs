//! A comparison for the terminal.

use super::wording as say;
use super::{Comparison, Report};
use crate::experiment::compare::{Change, Held, Part, Repriced, Verdict};
use crate::report::words;

/// The most lines of a split that are shown before the rest is one.
const SPLIT: usize = 6;

/// The whole text. With `all`, every figure is in it.
#[must_use]
pub fn text(r: &Report, all: bool) -> String {
    let parts: Vec<String> = r.comparisons.iter().map(|c| one(r, c, all)).collect();
    parts.join("\n\n")
}

fn one(r: &Report, c: &Comparison, all: bool) -> String {
    let mut out = vec![format!("{} beside {}", c.candidate, r.base.name), words::sentence(&say::finding(c))];
    let gates = say::gates(c);
    if !gates.is_empty() {
        out.push(words::sentence(&gates));
    }
    out.push(words::sentence(&say::basis(c, r.seed)));
    out.extend(c.notes.iter().map(|n| format!("Note: {n}")));
    if !c.gates.is_empty() {
        out.push("\nGates (each says what must not be)".to_owned());
        let mut rows: Vec<Vec<String>> = Vec::new();
        for g in &c.gates {
            rows.push(vec![say::held(g.held).to_owned(), g.gate.clone(), say::measured(g)]);
            let about = g.about.clone().filter(|_| g.held != Held::Holds).unwrap_or_default();
            let more = [say::remedy(g), about].into_iter().filter(|t| !t.is_empty());
            rows.extend(more.map(|t| vec![format!("  {t}")]));
        }
        out.extend(table(&[], &rows, &[]));
    }
    out.extend(figures(c, all));
    out.extend(why(c));
    if let Some(p) = &c.reprice {
        out.extend(reprice(p, c.pairs));
    }
    let clean =
        |l: String| l.chars().map(|ch| if ch.is_control() && ch != '\n' { '\u{fffd}' } else { ch }).collect::<String>();
    out.into_iter().map(clean).collect::<Vec<_>>().join("\n")
}

/// The figures that are shown, and how many are not.
fn figures(c: &Comparison, all: bool) -> Vec<String> {
    let gated = |m: &Change| c.gates.iter().any(|g| g.metric == m.name);
    let told = |m: &Change| !matches!(m.verdict, Verdict::Same | Verdict::NotTold);
    let shown: Vec<&Change> = c
        .metrics
        .iter()
        .filter(|m| all || gated(m) || say::is_key(&m.name) || (told(m) && !say::is_told_elsewhere(&m.name)))
        .collect();
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|m| {
            let verdict = match m.missing {
                0 => m.verdict.title().to_owned(),
                n => format!("absent in {n} of {} pairs", m.pairs + n),
            };
            vec![
                m.name.clone(),
                say::value(m.base, m.change),
                say::value(m.candidate, m.change),
                say::change(m.change),
                say::change_unit(m).to_owned(),
                say::percent(m),
                verdict,
            ]
        })
        .collect();
    let mut out = vec![String::new()];
    out.extend(table(&["figure", "base", "candidate", "change", "", "", "verdict"], &rows, &[1, 2, 5]));
    let rest =
        |v: fn(&Change) -> bool| c.metrics.iter().filter(|m| v(m) && !shown.iter().any(|s| s.name == m.name)).count();
    let same = rest(|m| m.verdict == Verdict::Same);
    let open = rest(|m| m.verdict == Verdict::NotTold);
    let other = c.metrics.len() - shown.len() - same - open;
    let mut more = Vec::new();
    for (n, what) in [(other, "in the splits below"), (open, "unclear"), (same, "the same in every pair")] {
        if n > 0 {
            more.push(format!("{n} {what}"));
        }
    }
    if !more.is_empty() {
        out.push(format!("  further figures (--all): {}", more.join(", ")));
    }
    for (names, who) in [(&c.only_base, "base"), (&c.only_candidate, "candidate")] {
        if !names.is_empty() {
            out.push(format!("  only the {who} has {}", words::shorten(&words::list(names), 120)));
        }
    }
    out
}

/// Why the bill changed.
fn why(c: &Comparison) -> Vec<String> {
    let w = &c.why;
    let mut rows = Vec::new();
    for (title, parts) in
        [("by what it was for", &w.by_activity), ("by pool", &w.by_pool), ("by workload", &w.by_workload)]
    {
        rows.push(vec![title.to_owned()]);
        rows.extend(split(parts, w.replications));
    }
    rows.push(row("the bill", &w.total, w.replications));
    let mut out = vec![format!("\nWhy the bill changed ({})", say::split_title(w))];
    out.extend(table(&["", "base", "candidate", "change"], &rows, &[1, 2, 3]));
    out
}

fn row(name: &str, p: &Part, n: u32) -> Vec<String> {
    vec![name.to_owned(), say::dollars(p.base.0, n), say::dollars(p.candidate.0, n), say::signed_dollars(p.change.0, n)]
}

/// The largest differences, and one line for the rest; what did not change at all is left out of both.
fn split(parts: &[Part], n: u32) -> Vec<Vec<String>> {
    let changed: Vec<&Part> = parts.iter().filter(|p| p.change.0.0 != 0).collect();
    let unchanged: Vec<&Part> = parts.iter().filter(|p| p.change.0.0 == 0 && (p.base.0.0 != 0)).collect();
    let shown = if changed.len() > SPLIT + 1 { SPLIT } else { changed.len() };
    let mut rows: Vec<Vec<String>> = changed[..shown].iter().map(|p| row(&format!("  {}", p.name), p, n)).collect();
    let mut sum = |name: String, of: &[&Part]| {
        if !of.is_empty() {
            let (b, c) = (of.iter().map(|p| p.base.0).sum(), of.iter().map(|p| p.candidate.0).sum());
            rows.push(row(&name, &Part::of("", b, c), n));
        }
    };
    sum(format!("  {} smaller differences", changed.len() - shown), &changed[shown..]);
    sum("  unchanged".to_owned(), &unchanged);
    rows
}

fn reprice(p: &Repriced, n: u32) -> Vec<String> {
    let mut out = vec![
        "\nPrice and behaviour (USD a run)".to_owned(),
        format!("  other prices for the candidate's time    {}", say::signed_dollars(p.price.0, n)),
        format!("  other behaviour, at the base's prices    {}", say::signed_dollars(p.behaviour.0, n)),
    ];
    for k in &p.kept {
        out.push(format!("  {} ({} USD) stays as the candidate has it: {}", k.name, say::dollars(k.usd.0, n), k.why));
    }
    if !p.only_base.is_empty() {
        out.push(format!("  only the base has {}: its bill counts as behaviour", words::list(&p.only_base)));
    }
    out
}

/// Columns of text behind a margin of two; those in `right` are aligned to the right, the last is not padded.
fn table(head: &[&str], rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let mut all: Vec<Vec<String>> = Vec::new();
    if !head.is_empty() {
        all.push(head.iter().map(|h| (*h).to_owned()).collect());
    }
    all.extend(rows.iter().cloned());
    let columns = all.iter().map(Vec::len).max().unwrap_or(0);
    // A row of one cell is a title, and no column is as wide as it.
    let width: Vec<usize> = (0..columns)
        .map(|i| {
            all.iter().filter(|r| r.len() > 1).filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let line = |r: &Vec<String>| {
        let mut text = String::from("  ");
        for (i, cell) in r.iter().enumerate() {
            let pad = " ".repeat(width[i].saturating_sub(cell.chars().count()));
            if right.contains(&i) {
                text.push_str(&pad);
                text.push_str(cell);
            } else {
                text.push_str(cell);
                text.push_str(&pad);
            }
            text.push_str("  ");
        }
        text.trim_end().to_owned()
    };
    all.iter().map(line).collect()
}
