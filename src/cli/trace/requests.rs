//! `trace inspect` of a trace of requests.

use std::path::Path;

use super::inspect::{figure, write};
use super::{Input, InspectArgs};
use crate::cli::console::{Console, Exit, Failure};
use crate::cli::files::OutDir;
use crate::cli::table;
use crate::report::chart::requests::{RequestShape, draw};
use crate::report::{About, words};
use crate::scenario::decode::scalar;
use crate::units::{Diagnostics, Name, SourceMap};
use crate::workload::inspect::Quantiles;
use crate::workload::traffic::inspect::{Inspection, inspect};
use crate::workload::traffic::{BLOCK_TOKENS, Format, Options, Recorded};

/// Rows of the table of labels.
const MOST_LABELS: usize = 20;

pub(super) fn run(
    a: &InspectArgs,
    format: Format,
    out: Option<&OutDir>,
    data: &Path,
    console: &Console,
) -> Result<Exit, Failure> {
    let found = read(&a.input, format, data)?;
    let text = if a.json {
        serde_json::to_string_pretty(&found).map_err(|e| Failure::Fault(e.into()))?
    } else {
        text(&found, &a.input)
    };
    if let Some(out) = out {
        chart(&found, &a.input, out, console)?;
    }
    console.print(&text);
    Ok(Exit::Fine)
}

fn read(input: &Input, format: Format, data: &Path) -> Result<Inspection, Failure> {
    let options = Options { from: input.from, to: input.to, sort: input.sort, ..Options::default() };
    let path = input.path(data);
    let mut sources = SourceMap::default();
    // The name keys random streams, and none is drawn from.
    let name = Name::new("trace").map_err(|e| Failure::Fault(anyhow::anyhow!("{e}")))?;
    match Recorded::open(name, Some(format), &path, options, &mut sources) {
        Ok(trace) => inspect(&trace).map_err(|f| {
            let d: Diagnostics = f.into_diagnostic(&mut sources).into();
            Failure::Input(d, sources)
        }),
        Err(mut bad) => {
            if let (Some(d), false) = (bad.list.first_mut(), path.exists()) {
                d.help.push(format!("this trace is not shipped: it is published at {}", format.published()));
                d.help.push(
                    "say where your copy is by its path, or by FLEETCAST_DATA for the folder of all data".to_owned(),
                );
            }
            Err(Failure::Input(bad, sources))
        }
    }
}

fn text(i: &Inspection, input: &Input) -> String {
    let window = input.window();
    let comma = if window.is_empty() { "" } else { ", " };
    let mut out = format!("{}: {} trace of requests{comma}{window}\n\n", input.stem(), i.format);
    out.push_str(table::plain(&["", ""], &[1], facts(i)).trim_start_matches('\n'));
    let lengths = [("prompt", i.input), ("answer", i.output)];
    let mut rows: Vec<Vec<String>> = lengths.into_iter().filter_map(|(what, q)| Some(quantiles(what, &q?))).collect();
    if let Some(q) = i.sessions.as_ref().and_then(|s| s.turns) {
        rows.push(quantiles("requests of a session", &q));
    }
    let header = ["tokens", "n", "mean", "min", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "max"];
    out.push_str(&format!("\n{}", table::plain(&header, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], rows)));
    if !i.by_label.is_empty() {
        out.push_str(&format!("\n{}", labels(i)));
    }
    if i.hour_of_day.iter().any(Option::is_some) {
        out.push_str(&format!("\n{}", day(i)));
    }
    if !i.notices.is_empty() {
        out.push_str("\nWhat to know\n");
        i.notices.iter().for_each(|n| out.push_str(&format!("  {}\n", table::clean(n))));
    }
    out.push_str(&format!("\nIn a scenario\n{}", block(&input.stem(), &input.file)));
    out
}

/// The traffic of a scenario that replays the file.
fn block(name: &str, file: &Path) -> String {
    format!("Recorded(name: {}, file: {})\n", scalar::quote(name), scalar::quote(&file.to_string_lossy()))
}

fn facts(i: &Inspection) -> Vec<Vec<String>> {
    let count = words::count;
    let mut rows: Vec<(&str, String)> = vec![("rows read", count(i.rows)), ("requests", count(i.requests))];
    for (what, n) in [
        ("left out: before the window", i.before),
        ("left out: after the window", i.after),
        ("left out: failures, whose answers have no tokens", i.failures),
    ] {
        if n > 0 {
            rows.push((what, count(n)));
        }
    }
    if let Some(o) = &i.origin {
        rows.push(("begins at", o.clone()));
    }
    rows.push(("span", words::length((i.span_s * 1e9) as u64)));
    if let Some(r) = i.rate.per_second_mean {
        rows.push(("requests a second, mean", rate(r)));
    }
    // Of less than a minute the busiest minute is all of it.
    if i.span_s >= 60.0 {
        rows.push(("  in the busiest minute", rate(i.rate.per_minute_max as f64 / 60.0)));
    }
    // On a grid gaps are none or whole steps, which says little of the requests.
    let gaps = if i.rate.grid_s.is_some() { "CV of gaps, of times on a grid" } else { "CV of gaps (Poisson: 1)" };
    for (what, v) in [
        (gaps, i.rate.gap_cv),
        ("variance / mean of minutes (Poisson: 1)", i.rate.dispersion_minute),
        ("variance / mean of hours (Poisson: 1)", i.rate.dispersion_hour),
    ] {
        if let Some(v) = v {
            rows.push((what, figure(v)));
        }
    }
    rows.push(("times lie on a grid", i.rate.grid_s.map_or_else(|| "no".to_owned(), |s| format!("of {s} s"))));
    if let Some(r) = i.rank_correlation {
        rows.push(("rank correlation of prompt and answer", words::number(r, 2)));
    }
    let blocks = format!("blocks of {BLOCK_TOKENS} tokens in all prompts");
    if let Some(s) = &i.sessions {
        rows.push(("sessions", count(s.sessions)));
        rows.push(("  requests in them", count(s.requests)));
    }
    if let Some(p) = &i.prefix {
        let share = |v: f64| format!("{} %", words::number(100.0 * v, 2));
        rows.push((&blocks, count(p.references)));
        rows.push(("  different ones", count(p.blocks)));
        rows.push(("  seen before (hits of an infinite cache)", share(p.hit_rate)));
        if p.leading_hit_rate != p.hit_rate {
            rows.push(("  seen before, from the front without a break", share(p.leading_hit_rate)));
        }
    }
    rows.into_iter().map(|(what, v)| vec![what.to_owned(), v]).collect()
}

/// Requests a second with as many decimals as they deserve.
fn rate(v: f64) -> String {
    words::number(
        v,
        if v >= 100.0 {
            0
        } else if v >= 0.1 {
            2
        } else {
            5
        },
    )
}

fn quantiles(what: &str, q: &Quantiles) -> Vec<String> {
    let mut row = vec![what.to_owned(), words::count(q.n), words::number(q.mean, 1)];
    row.extend([q.min, q.p10, q.p25, q.p50, q.p75, q.p90, q.p95, q.p99, q.max].map(|v| words::number(v, 0)));
    row
}

/// Those with the most requests, in their order.
fn labels(i: &Inspection) -> String {
    let mut most: Vec<&(String, u64)> = i.by_label.iter().collect();
    most.sort_by_key(|l| std::cmp::Reverse(l.1));
    let rest: u64 = most.iter().skip(MOST_LABELS).map(|l| l.1).sum();
    let left = most.len().saturating_sub(MOST_LABELS);
    most.truncate(MOST_LABELS);
    most.sort();
    let row = |name: &str, n: u64| vec![name.to_owned(), words::count(n), words::percent(n as f64 / i.requests as f64)];
    let mut rows: Vec<Vec<String>> = most.into_iter().map(|(name, n)| row(name, *n)).collect();
    if left > 0 {
        rows.push(row(&format!("{left} more"), rest));
    }
    table::plain(&["label", "requests", "share"], &[1, 2], rows)
}

/// Requests an hour by hour of the day, six hours a line; lines of which nothing is known are left out.
fn day(i: &Inspection) -> String {
    let dated = i.origin.is_some();
    let rows = i.hour_of_day.chunks(6).enumerate().filter(|(_, hours)| hours.iter().any(Option::is_some));
    let rows = rows.map(|(k, hours)| {
        let name = if dated { format!("from {:02}:00", k * 6) } else { format!("from hour {}", k * 6) };
        let cell = |h: &Option<f64>| h.map_or_else(|| "-".to_owned(), |r| words::number(r, usize::from(r < 10.0)));
        std::iter::once(name).chain(hours.iter().map(cell)).collect()
    });
    table::plain(&["requests an hour", "+0 h", "+1 h", "+2 h", "+3 h", "+4 h", "+5 h"], &[1, 2, 3, 4, 5, 6], rows)
}

fn chart(i: &Inspection, input: &Input, out: &OutDir, console: &Console) -> Result<(), Failure> {
    let shape = RequestShape {
        name: input.stem(),
        series: i.rate.series.clone(),
        step_s: i.rate.series_step_s,
        span_s: i.span_s,
        input_median: i.input.map_or(0.0, |q| q.p50),
        output_median: i.output.map_or(0.0, |q| q.p50),
        input: i.input_curve.clone(),
        output: i.output_curve.clone(),
    };
    let window = input.window();
    let origin = i.origin.as_ref().map(|o| format!(" · begins {o}")).unwrap_or_default();
    let about = About {
        subtitle: format!(
            "{} · {} trace, {} requests, {}{origin}{}{window}",
            input.stem(),
            i.format,
            words::count(i.requests),
            words::length((i.span_s * 1e9) as u64),
            if window.is_empty() { "" } else { " · " }
        ),
        footnote: format!("inspected by fleetcast {}", env!("CARGO_PKG_VERSION")),
        ..About::default()
    };
    match draw(&shape, &about) {
        Some(drawing) => write(drawing, out, console),
        None => {
            console.note("note: no chart: all requests come at one moment");
            Ok(())
        }
    }
}
