//! What is written and said once all runs of a sweep are there.

use std::path::Path;

use super::super::console::{Console, Failure};
use super::super::files::OutDir;
use super::super::table;
use super::counted;
use crate::experiment::sweep::Swept;
use crate::outcome::metric::Direction;
use crate::report::sweep::{self, figure, plain, points_csv, short_names, with_half};
use crate::report::words;
use crate::scenario::CurveUnit;

/// The most rows of the table: all points, or the best and the worst.
const ROWS: usize = 12;
/// How many of the worst.
const WORST: usize = 4;
/// The most metrics of the table: the rest is in the file.
const METRICS: usize = 4;

/// How results are shown.
pub struct Shown<'a> {
    /// As JSON.
    pub json: bool,
    /// The scenario, for commands to try next.
    pub scenario: Option<&'a Path>,
}

/// Writes tables and charts, and prints the results.
pub fn finish(out: &OutDir, s: &Swept, shown: &Shown<'_>, console: &Console) -> Result<(), Failure> {
    out.write("points.csv", points_csv(s).as_bytes())?;
    for (file, drawing) in crate::report::chart::sweep_drawings(s, env!("CARGO_PKG_VERSION")) {
        let charts = crate::report::render_all(vec![drawing]).map_err(|e| Failure::Fault(e.into()))?;
        for c in charts {
            out.write(&format!("charts/{file}.svg"), c.svg.as_bytes())?;
            out.write(&format!("charts/{file}.png"), &c.png)?;
            out.write(&format!("charts/{file}.csv"), c.csv.as_bytes())?;
        }
    }
    let text =
        if shown.json { sweep::json(s).map_err(|e| Failure::Fault(e.into()))? } else { text(s, shown, out.path()) };
    console.print(&text);
    Ok(())
}

/// The best and the worst points, how sure that is, and what to try next.
fn text(s: &Swept, shown: &Shown<'_>, folder: &Path) -> String {
    let plan = &s.plan;
    let order = s.ranking(0);
    let first = &plan.metrics[0];
    let design = plan.latin.map_or("a grid", |_| "a Latin hypercube");
    let mut out = format!(
        "Sweep     {}: {} of {design}, {} each; 95 % intervals\n",
        table::clean(&plan.name),
        counted(plan.points.len(), "point"),
        counted(plan.replications as usize, "run")
    );
    let by = match first.better {
        Direction::Higher => "the highest first",
        Direction::Lower => "the lowest first",
        Direction::Neutral => "the lowest first (neither way is better)",
    };
    out.push_str(&format!("          by {}, {by}\n\n{}", first.name, rows(s, &order)));
    let known = order.iter().filter(|p| s.estimate(**p, 0).mean.is_some()).count();
    out.push('\n');
    if known == 0 {
        out.push_str(&format!("No run has a value of {}.\n", first.name));
    } else {
        out.push_str(&sure(s, &order, known));
    }
    out.push_str("\nTry next\n");
    for line in next(s, &order, known, shown, folder) {
        out.push_str(&format!("  {line}\n"));
    }
    out
}

/// The table.
fn rows(s: &Swept, order: &[usize]) -> String {
    let plan = &s.plan;
    let mut head = vec![String::new()];
    head.extend(short_names(plan));
    let metrics = plan.metrics.iter().take(METRICS);
    head.extend(metrics.clone().map(|m| format!("{} {}", m.name, m.unit)));
    let row = |(rank, point): (usize, usize)| {
        let mut row = vec![(rank + 1).to_string()];
        row.extend(plan.points[point].iter().map(|v| words::shorten(v, 24)));
        for i in 0..metrics.len() {
            row.push(match s.estimate(point, i).mean {
                None => "–".to_owned(),
                Some(m) => match (m.low, m.high) {
                    (Some(low), Some(high)) => with_half(m.mean, (high - low) / 2.0),
                    _ => plain(m.mean),
                },
            });
        }
        row
    };
    let ranked: Vec<(usize, usize)> = order.iter().copied().enumerate().collect();
    let mut lines: Vec<Vec<String>> = Vec::new();
    if ranked.len() <= ROWS {
        lines.extend(ranked.into_iter().map(row));
    } else {
        let (best, worst) = (ROWS - WORST, ranked.len() - WORST);
        lines.extend(ranked[..best].iter().copied().map(row));
        let mut gap = vec![String::new(); head.len()];
        gap[0] = "…".to_owned();
        lines.push(gap);
        lines.extend(ranked[worst..].iter().copied().map(row));
    }
    let right: Vec<usize> = std::iter::once(0).chain(plan.axes.len() + 1..head.len()).collect();
    table::plain(&head.iter().map(String::as_str).collect::<Vec<_>>(), &right, lines)
}

/// How sure the first place is.
fn sure(s: &Swept, order: &[usize], known: usize) -> String {
    let plan = &s.plan;
    let first = &plan.metrics[0];
    let mut out = String::new();
    if s.alike() {
        out.push_str(
            "All runs of a point are the same, event for event: nothing random was drawn, or nothing that matters.\n",
        );
    } else if plan.replications < 2 {
        out.push_str("A single run of each point says nothing of luck: --replications 20 gives intervals.\n");
    } else {
        let ties = s.ties(order[0], 0).len();
        let rest = known.saturating_sub(1);
        out.push_str(&match (ties, rest) {
            (_, 0) => String::new(),
            (0, _) => format!("The first is better than every other by {}, run against run.\n", first.name),
            (t, r) if t >= r => format!("No point can be told from the first by {}, run against run.\n", first.name),
            (t, _) => {
                format!("{} cannot be told from the first by {}, run against run.\n", counted(t, "point"), first.name)
            }
        });
        if let Some(d) = order.get(known.wrapping_sub(1)).and_then(|worst| s.difference(order[0], *worst, 0))
            && rest > 0
            && (d.low > 0.0 || d.high < 0.0)
        {
            let ends = format!("{} to {}", figure(d.low, &first.unit), figure(d.high, &first.unit));
            out.push_str(&format!("Last against first: {} ({ends}).\n", figure(d.mean, &first.unit)));
        }
    }
    let lacking = s.plan.points.len() - known;
    if lacking > 0 {
        out.push_str(&format!("{} without a value of {}.\n", counted(lacking, "point"), first.name));
    }
    out
}

/// Commands to try next.
fn next(s: &Swept, order: &[usize], known: usize, shown: &Shown<'_>, folder: &Path) -> Vec<String> {
    let plan = &s.plan;
    let scenario = shown.scenario.filter(|p| p.as_os_str() != "the quickstart");
    let scenario = scenario.map_or_else(String::new, |p| format!(" {}", p.display()));
    let mut base = String::new();
    for t in &plan.set {
        base.push_str(&format!(" --set {}", quoted(t)));
    }
    if let Some(v) = &plan.variant {
        base.push_str(&format!(" --variant {v}"));
    }
    let best = order[0];
    let mut out = vec![format!("look at {}", folder.join("charts").display())];
    if known == 0 {
        out.push("fleetcast metrics".to_owned());
        return out;
    }
    let sets: Vec<String> = plan
        .axes
        .iter()
        .zip(&plan.points[best])
        .map(|(a, v)| format!(" --set {}", quoted(&format!("{}={v}", a.path))))
        .collect();
    let seed = plan.seed;
    out.push(format!("fleetcast run{scenario}{base}{} --seed {seed}    the first, in full", sets.concat()));
    if let Some(edge) = edge(s, best).filter(|_| s.ties(best, 0).len() + 1 < known) {
        out.push(format!("{edge}: the first lies at the end of that axis"));
    } else if plan.replications > 1 && !s.alike() && !s.ties(best, 0).is_empty() {
        let more = plan.replications.saturating_mul(4);
        out.push(format!("the same with --replications {more} and another --out: intervals half as wide"));
    }
    out
}

/// Where to look further, when the best point lies at an end of an axis of numbers.
fn edge(s: &Swept, best: usize) -> Option<String> {
    (0..s.plan.axes.len()).find_map(|axis| {
        let (v, unit) = s.numbers(axis);
        let (lo, hi) = v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |a, v| (a.0.min(*v), a.1.max(*v)));
        let what = format!("{} {}", s.plan.axes[axis].path, s.plan.points[best][axis]);
        match v[best] {
            _ if unit == CurveUnit::Order || hi <= lo => None,
            b if b >= hi => Some(format!("more than {what}")),
            // Of counted things there is nothing to try below one.
            b if b <= lo && lo > if unit == CurveUnit::Number { 1.0 } else { 0.0 } => Some(format!("less than {what}")),
            _ => None,
        }
    })
}

/// A word for the shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '=' | '_' | '-' | '/' | ':' | '%' | ',' | '+');
    let text = table::clean(text);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
