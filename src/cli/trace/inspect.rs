//! `trace inspect`: the figures of a trace as tables, and its chart.

use std::path::Path;

use jiff::tz::TimeZone;

use super::{Input, InspectArgs, requests};
use crate::cli::console::{Console, Exit, Failure};
use crate::cli::files::OutDir;
use crate::cli::table;
use crate::kernel::Streams;
use crate::report::chart::Drawing;
use crate::report::chart::inspect::{TraceShape, draw};
use crate::report::{About, render_all, words};
use crate::units::time::NANOS_PER_HOUR;
use crate::units::{Name, SimTime};
use crate::workload::fit;
use crate::workload::inspect::{Group, Inspection, Quantiles, inspect};
use crate::workload::synth::{Calendar, Synth};
use crate::workload::trace::Trace;

/// Rows of a table of groups; the rest is added up in one.
const MOST_GROUPS: usize = 20;
/// The seed of the fit's draws in the chart.
const SEED: u64 = 1;

pub(super) fn run(a: &InspectArgs, data: &Path, console: &Console) -> Result<Exit, Failure> {
    // The output is opened before the work: a bad path fails early.
    let out = a.out.as_deref().map(OutDir::create).transpose()?;
    if let Some(format) = a.input.requests(data) {
        return requests::run(a, format, out.as_ref(), data, console);
    }
    let trace = a.input.read(data)?;
    let found = inspect(&trace);
    let text = if a.json {
        serde_json::to_string_pretty(&found).map_err(|e| Failure::Fault(e.into()))?
    } else {
        text(&found, &a.input)
    };
    if let Some(out) = out {
        chart(&trace, &found, &a.input, &out, console)?;
    }
    console.print(&text);
    Ok(Exit::Fine)
}

fn text(i: &Inspection, input: &Input) -> String {
    let mut out = heading(i, input);
    out.push('\n');
    out.push_str(table::plain(&["", ""], &[1], facts(i)).trim_start_matches('\n'));
    let rows: Vec<Vec<String>> = [("run time", i.duration_s), ("recorded wait", i.wait_s), ("both", i.lifetime_s)]
        .into_iter()
        .filter_map(|(what, q)| q.map(|q| quantiles(what, &q)))
        .collect();
    if !rows.is_empty() {
        let header = ["", "jobs", "mean", "min", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "max"];
        out.push_str(&format!("\n{}", table::plain(&header, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], rows)));
    }
    for (what, list) in [
        ("GPUs of a job", &i.by_gpus),
        ("ending", &i.by_ending),
        ("label", &i.by_label),
        ("accepted devices", &i.by_devices),
    ] {
        if !list.is_empty() {
            out.push_str(&format!("\n{}", groups(what, list, i)));
        }
    }
    if !i.hour_of_week.is_empty() {
        out.push_str(&format!("\n{}", week(i)));
    }
    if !i.notices.is_empty() {
        out.push_str("\nWhat to know\n");
        i.notices.iter().for_each(|n| out.push_str(&format!("  {}\n", table::clean(n))));
    }
    out
}

fn heading(i: &Inspection, input: &Input) -> String {
    let window = input.window();
    let window = if window.is_empty() { String::new() } else { format!(", {window}") };
    format!("{}: {} trace{window}\n", input.stem(), i.format)
}

/// A figure with as many decimals as it deserves.
pub(super) fn figure(v: f64) -> String {
    words::number(v, if v.abs() >= 100.0 { 0 } else { 2 })
}

fn facts(i: &Inspection) -> Vec<Vec<String>> {
    let count = words::count;
    let mut rows = vec![("rows read", count(i.rows)), ("jobs in the window", count(i.jobs))];
    for (what, n) in [
        ("  running at its start", i.running_at_start),
        ("  waiting at its start", i.waiting_at_start),
        ("  that outlive the trace", i.open_ended),
        ("  without a GPU", i.cpu_only),
        ("  that ask for part of a GPU", i.shares),
        ("rows out of order", i.out_of_order),
    ] {
        if n > 0 {
            rows.push((what, count(n)));
        }
    }
    if let Some(o) = &i.origin {
        rows.push(("starts at (local time)", o.clone()));
    }
    rows.push(("days", figure(i.span_days)));
    rows.push(("GPUs asked for, all jobs", figure(i.gpus_requested)));
    rows.push(("GPU-hours", figure(i.gpu_hours)));
    rows.push(("GPUs asked for at once, mean", figure(i.demand.mean_gpus)));
    rows.push(("  95 % of the time at most", figure(i.demand.p95_gpus)));
    rows.push(("  at most", figure(i.demand.max_gpus)));
    rows.push(("arrivals an hour, mean", figure(i.arrivals.per_hour_mean)));
    rows.push(("  at most", count(i.arrivals.per_hour_max)));
    if let Some(cv) = i.arrivals.gap_cv {
        rows.push(("CV of gaps (Poisson: 1)", figure(cv)));
    }
    if let Some(d) = i.arrivals.dispersion_hourly {
        rows.push(("variance / mean of hours (Poisson: 1)", figure(d)));
    }
    rows.into_iter().map(|(what, v)| vec![what.to_owned(), v]).collect()
}

fn quantiles(what: &str, q: &Quantiles) -> Vec<String> {
    let length = |s: f64| words::length((s * 1e9) as u64);
    let mut row = vec![what.to_owned(), words::count(q.n)];
    row.extend([q.mean, q.min, q.p10, q.p25, q.p50, q.p75, q.p90, q.p95, q.p99, q.max].map(length));
    row
}

fn groups(what: &str, list: &[Group], i: &Inspection) -> String {
    let share = |part: f64, whole: f64| if whole > 0.0 { words::percent(part / whole) } else { "-".to_owned() };
    let row = |name: String, jobs: u64, gpu_hours: f64| {
        vec![
            name,
            words::count(jobs),
            share(jobs as f64, i.jobs as f64),
            figure(gpu_hours),
            share(gpu_hours, i.gpu_hours),
        ]
    };
    // Beyond the most, the groups with the most jobs stay, in their order.
    let mut by_jobs: Vec<usize> = (0..list.len()).collect();
    by_jobs.sort_by_key(|at| std::cmp::Reverse(list[*at].jobs));
    let mut kept: Vec<usize> = by_jobs.into_iter().take(MOST_GROUPS).collect();
    kept.sort_unstable();
    let mut rows: Vec<Vec<String>> =
        kept.iter().map(|at| row(list[*at].what.clone(), list[*at].jobs, list[*at].gpu_hours)).collect();
    if list.len() > kept.len() {
        let rest: Vec<&Group> = (0..list.len()).filter(|at| !kept.contains(at)).map(|at| &list[at]).collect();
        let name = format!("{} more", rest.len());
        rows.push(row(name, rest.iter().map(|g| g.jobs).sum(), rest.iter().map(|g| g.gpu_hours).sum()));
    }
    table::plain(&[what, "jobs", "share", "GPU-hours", "share"], &[1, 2, 3, 4], rows)
}

/// Arrivals an hour by day and two-hour slot.
fn week(i: &Inspection) -> String {
    let dated = i.origin.is_some();
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let mut header = vec!["arrivals an hour".to_owned()];
    header.extend((0..12).map(|s| format!("{:02}h", s * 2)));
    let rows = i.hour_of_week.chunks(24).enumerate().map(|(d, hours)| {
        let name = if dated { days[d % 7].to_owned() } else { format!("day {} of 7", d + 1) };
        let mut row = vec![name];
        row.extend(hours.chunks(2).map(|h| {
            let rate = h.iter().sum::<f64>() / h.len() as f64;
            words::number(rate, usize::from(rate < 10.0))
        }));
        row
    });
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    table::plain(&header, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], rows)
}

fn chart(trace: &Trace, i: &Inspection, input: &Input, out: &OutDir, console: &Console) -> Result<(), Failure> {
    let mut shape = TraceShape {
        name: input.stem(),
        arrivals_per_hour: i.arrivals.hourly.iter().map(|n| *n as f64).collect(),
        durations_s: trace.arriving().iter().map(|j| j.work.as_secs_f64()).collect(),
        ..TraceShape::default()
    };
    match fitted(trace, input, i.arrivals.hourly.len()) {
        Ok((arrivals, durations)) => {
            shape.fitted_arrivals_per_hour = arrivals;
            shape.fitted_durations_s = durations;
        }
        Err(why) => console.note(&format!("note: the chart is without a fit: {why}")),
    }
    let window = input.window();
    let origin = i.origin.as_ref().map(|o| format!(" · starts {o} (local time)")).unwrap_or_default();
    let about = About {
        subtitle: format!(
            "{} · {} trace, {} jobs, {} days{origin}{}{window}",
            input.stem(),
            i.format,
            words::count(i.jobs),
            words::number(i.span_days, 1),
            if window.is_empty() { "" } else { " · " }
        ),
        footnote: format!("inspected by fleetcast {}", env!("CARGO_PKG_VERSION")),
        ..About::default()
    };
    let Some(drawing) = draw(&shape, &about) else {
        console.note("note: no chart: no job arrives in the window");
        return Ok(());
    };
    write(drawing, out, console)
}

/// Writes a chart's files.
pub(super) fn write(drawing: Drawing, out: &OutDir, console: &Console) -> Result<(), Failure> {
    for c in render_all(vec![drawing]).map_err(|e| Failure::Fault(e.into()))? {
        out.write(&format!("{}.svg", c.name), c.svg.as_bytes())?;
        out.write(&format!("{}.png", c.name), &c.png)?;
        out.write(&format!("{}.csv", c.name), c.csv.as_bytes())?;
        console.note(&format!("chart: {}", out.path().join(format!("{}.svg", c.name)).display()));
    }
    Ok(())
}

/// Arrivals by the hour and durations of one draw from the fit, over the trace's own span.
fn fitted(trace: &Trace, input: &Input, hours: usize) -> Result<(Vec<f64>, Vec<f64>), String> {
    let name = Name::new("fit").map_err(|e| e.to_string())?;
    let spec = fit(trace).and_then(|f| f.spec(name, input.gpus_per_node)).map_err(|e| e.to_string())?;
    let synth = Synth::new(spec).map_err(|list| list.first().map_or_else(String::new, ToString::to_string))?;
    // A trace without dates starts its week when it starts, as the default calendar does.
    let epoch = trace.origin.and_then(|o| o.to_zoned(TimeZone::UTC).ok()).map(|z| z.timestamp());
    let calendar = epoch.map_or_else(Calendar::default, |epoch| Calendar { epoch, zone: TimeZone::UTC });
    let mut arrivals = vec![0.0; hours.max(1)];
    let mut durations = Vec::new();
    let last = arrivals.len() - 1;
    for j in synth.jobs(&Streams::new(SEED, 0), &calendar, SimTime::ZERO, SimTime(trace.span.0)) {
        arrivals[((j.arrive.0 / NANOS_PER_HOUR) as usize).min(last)] += 1.0;
        durations.push(j.work.as_secs_f64());
    }
    Ok((arrivals, durations))
}
