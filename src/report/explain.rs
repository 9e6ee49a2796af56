//! Where a dollar came from: from the bill to its lines, from a line to its price and its jobs, or its service.

mod losses;
mod nodes;
mod services;
mod slices;

pub use losses::losses;
pub use nodes::nodes;
pub use slices::slices;

use super::clock::Clock;
use super::summary::{columns, right};
use super::tables::JobRecord;
use super::words;
use crate::outcome::{Charge, ChargeKind, MILLI_NS_PER_GPU_HOUR, Outcome, PriceRow};
use crate::units::{Activity, Usd, nearest};

/// The most lines of the bill, and the most jobs, that are shown one by one.
const LINES: usize = 20;
const JOBS: usize = 10;

/// A charge that is not in the bill.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no charge `{asked}` in this run{}", .near.as_ref().map(|n| format!(": did you mean `{n}`?")).unwrap_or_default())]
pub struct NoCharge {
    /// What was asked for.
    pub asked: String,
    /// The nearest that there is, when near enough.
    pub near: Option<String>,
}

/// The lines of the bill, largest first; those beyond the twentieth as one row, so that the column adds up. Beneath it what
/// interruptions cost and what autoscalers of nodes did, here and in the `variants`.
#[must_use]
pub fn bill(o: &Outcome, variants: &[Outcome]) -> String {
    let mut order: Vec<&Charge> = o.charges.iter().collect();
    // Stable: equal amounts stay in the order of the bill.
    order.sort_by_key(|c| std::cmp::Reverse(c.usd.0.0.unsigned_abs()));
    let keep = if order.len() > LINES { LINES - 1 } else { order.len() };
    let bill = o.bill();
    let share = |u: Usd| words::percent(if bill.0 == 0 { 0.0 } else { u.to_f64() / bill.to_f64() });
    let mut t =
        columns(&["charge", "pool", "what for", "workload", "labels", "hours", "USD", "share", "saved if less"]);
    for c in &order[..keep] {
        t.add_row(vec![
            c.id.clone(),
            c.pool.clone(),
            c.kind.title().to_owned(),
            c.workload.clone().unwrap_or_else(|| "–".into()),
            words::shorten(&c.labels.join(" "), 28),
            if c.milli_ns.0 == 0 { "–".into() } else { words::number(hours(c), 1) },
            c.usd.0.to_string(),
            share(c.usd.0),
            if c.avoidable { "yes" } else { "no: sunk" }.into(),
        ]);
    }
    let rest = &order[keep..];
    let blank = String::new;
    if !rest.is_empty() {
        let sum: Usd = rest.iter().map(|c| c.usd.0).sum();
        let text = format!("{} more", rest.len());
        t.add_row(vec![text, blank(), blank(), blank(), blank(), blank(), sum.to_string(), share(sum), blank()]);
    }
    t.add_row(vec![
        "the bill".into(),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
        bill.to_string(),
        share(bill),
        blank(),
    ]);
    right(&mut t, &[5, 6, 7]);
    let mut out = format!("{}: {} lines, {} USD\n\n", name(o), o.charges.len(), bill);
    out.push_str(&t.trim_fmt());
    out.push('\n');
    out.push_str(&losses(o));
    out.push_str(&nodes(o, variants));
    out.push_str(&slices(o));
    if let Some(first) = order.first() {
        let what = if o.work.iter().any(|w| w.service.is_some()) { "jobs or requests" } else { "jobs" };
        out.push_str(&format!("\nThe {what} behind a line: fleetcast explain RUN {}\n", first.id));
    }
    out
}

fn name(o: &Outcome) -> String {
    match &o.variant {
        Some(v) => format!("{}, variant {v}", o.scenario),
        None => o.scenario.clone(),
    }
}

fn hours(c: &Charge) -> f64 {
    c.milli_ns.0 as f64 / MILLI_NS_PER_GPU_HOUR
}

/// A line of the bill: what it is, how its amount comes about, the price behind it, and the jobs that contributed most; of
/// a service, its requests, tokens, replicas and teams.
/// `jobs` are the rows of `jobs.csv` in any order; only the ten largest are kept.
///
/// # Errors
/// [`NoCharge`] when the bill has no such line.
pub fn charge(o: &Outcome, id: &str, jobs: impl IntoIterator<Item = JobRecord>) -> Result<String, NoCharge> {
    let Some(c) = o.charges.iter().find(|c| c.id == id) else {
        let near = nearest(id, o.charges.iter().map(|c| c.id.as_str())).map(str::to_owned);
        return Err(NoCharge { asked: id.to_owned(), near });
    };
    let clock = Clock::of(o);
    let mut out = String::new();
    let mut line = |k: &str, v: String| {
        if !v.is_empty() {
            out.push_str(&format!("{k:<11}{v}\n"));
        }
    };
    line("Charge", format!("{}: {} USD for {} in {}", c.id, c.usd.0, c.kind.title(), c.pool));
    let payer = match (&c.workload, c.labels.is_empty()) {
        (Some(w), true) => format!("{w}, which carries no label"),
        (Some(w), false) => format!("{w} ({})", c.labels.join(", ")),
        (None, _) => "no workload: nobody held it".to_owned(),
    };
    line("Paid by", payer);
    let bill = o.bill();
    let part = if bill.0 == 0 { 0.0 } else { c.usd.0.to_f64() / bill.to_f64() };
    line("Share", format!("{} of the bill of {bill} USD", words::percent(part)));
    let saved = if c.avoidable {
        "yes: using less would have saved it"
    } else {
        "no: owned or committed, freeing it saves nothing by itself"
    };
    line("Avoidable", saved.to_owned());
    let price = c.price.and_then(|i| o.prices.get(i));
    let cpu = o.pools.iter().any(|p| p.name == c.pool && p.unit == "cpu");
    line("Formula", formula(c, price, cpu));
    if let Some(p) = price {
        let from = if p.from_ns == 0 {
            "since before the window".into()
        } else {
            format!("from {}", clock.date_time(p.from_ns))
        };
        line("Price", format!("{} USD an hour per {}, {from}", p.usd_per_hour.0.exact(), p.per));
        line("Source", format!("{} ({})", p.source, p.evidence));
    }
    out.push('\n');
    match services::behind(o, c) {
        Some(text) => out.push_str(&text),
        None => out.push_str(&behind(c, jobs, &clock)),
    }
    Ok(out)
}

/// `1,234.5 GPU-h / 8 GPUs × 98.32 USD = 15,172.01 USD`.
fn formula(c: &Charge, price: Option<&PriceRow>, cpu: bool) -> String {
    let (unit, unit_h) = if cpu { ("core", "core-h") } else { ("GPU", "GPU-h") };
    let h = hours(c);
    if c.milli_ns.0 == 0 {
        return match c.kind {
            ChargeKind::MinimumAndRounding => "what granularity and minimum charges add to the seconds run".into(),
            ChargeKind::FreeReclaim => "time not billed because the provider took the node back".into(),
            ChargeKind::Storage => "checkpoints kept, by the byte and the hour".into(),
            ChargeKind::Egress => "checkpoints moved between the pools and their store, by the byte".into(),
            _ => "a fee: no simulated second stands behind it".into(),
        };
    }
    let Some(p) = price else {
        return format!("{} {unit_h}, no price row", words::number(h, 2));
    };
    let each = if p.per_milli == 0 { 1.0 } else { f64::from(p.per_milli) / 1000.0 };
    let by = if each == 1.0 { String::new() } else { format!(" / {each} {unit}s") };
    format!("{} {unit_h}{by} × {} USD = {} USD", words::number(h, 4), p.usd_per_hour.0.exact(), c.usd.0)
}

fn behind(c: &Charge, jobs: impl IntoIterator<Item = JobRecord>, clock: &Clock) -> String {
    let ChargeKind::Activity(a) = c.kind else {
        return "No jobs: this line is a fee or an adjustment of the bill\n".to_owned();
    };
    let Some(workload) = &c.workload else {
        return format!("No jobs: {}\n", why_free(a));
    };
    let mut labels = c.labels.clone();
    labels.sort();
    let mut top: Vec<JobRecord> = Vec::new();
    let (mut n, mut sum) = (0u64, 0.0);
    let of = |j: &JobRecord| j.hours.get(a as usize).copied().unwrap_or(0.0);
    for j in jobs {
        let mut mine = j.labels.clone();
        mine.sort();
        if j.workload != *workload || j.pool != c.pool || mine != labels || of(&j) <= 0.0 {
            continue;
        }
        n += 1;
        sum += of(&j);
        let at = top.partition_point(|t| of(t) > of(&j) || (of(t) == of(&j) && t.ordinal < j.ordinal));
        if at < JOBS {
            top.insert(at, j);
            top.truncate(JOBS);
        }
    }
    if top.is_empty() {
        return "No jobs with such time in jobs.csv (was the run written with its jobs?)\n".to_owned();
    }
    let title = a.title();
    let what = if n == 1 { "job" } else { "jobs" };
    let of_line = if hours(c) > 0.0 { format!(" of the line's {}", words::number(hours(c), 1)) } else { String::new() };
    let mut out =
        format!("{} {what} with {title}, {} GPU-h{of_line}; the largest:\n\n", words::count(n), words::number(sum, 1));
    let heading = format!("{title} h");
    let mut t = columns(&["job", "state", "GPUs", &heading, "USD in all", "arrived", "started", "ended", "nodes"]);
    let when = |s: f64| {
        if s < 0.0 { format!("{} before", words::length((-s * 1e9) as u64)) } else { clock.date_time((s * 1e9) as u64) }
    };
    for j in &top {
        t.add_row(vec![
            format!("{}-{}", j.workload, j.ordinal),
            j.state.clone(),
            words::number(j.gpus, if j.gpus.fract() == 0.0 { 0 } else { 2 }),
            words::number(of(j), 1),
            j.usd.to_string(),
            when(j.arrive_s),
            j.start_s.map_or_else(|| "–".into(), when),
            when(j.end_s),
            on(&j.nodes),
        ]);
    }
    right(&mut t, &[2, 3, 4]);
    out.push_str(&t.trim_fmt());
    out.push('\n');
    out
}

fn on(all: &[String]) -> String {
    match all {
        [] => "–".into(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} + {} more", rest.len()),
    }
}

fn why_free(a: Activity) -> &'static str {
    match a {
        Activity::Boot => "the nodes were starting",
        Activity::Drain => "the nodes were being emptied",
        Activity::Reconfiguring => "the GPUs were being repartitioned",
        Activity::Broken => "the nodes were out of order",
        Activity::Spare => "the capacity was kept free on purpose",
        Activity::Fragmented => "what was free did not fit any job that waited",
        Activity::MigStranded => "no profile in demand fits the free slices",
        Activity::QueueHeld => "the queue's order, a reservation or a quota held it back",
        _ => "the capacity was free and nothing that waited wanted it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn job(ordinal: u64, hours: f64, pool: &str) -> JobRecord {
        let mut h = vec![0.0; Activity::COUNT];
        h[Activity::Productive as usize] = hours;
        JobRecord {
            workload: "train".into(),
            ordinal,
            labels: vec!["team=research".into(), "env=prod".into()],
            state: "done".into(),
            arrive_s: -60.0,
            start_s: Some(0.0),
            end_s: 3_600.0,
            gpus: 8.0,
            pool: pool.into(),
            nodes: vec!["h100-0".into(), "h100-1".into()],
            attempts: 1,
            usd: "55.04".parse().unwrap(),
            hours: h,
        }
    }

    #[test]
    fn the_rows_of_the_bill_add_up_to_it() {
        let o = sample::outcome(None, 1.0, 1.0);
        let text = bill(&o, &[]);
        let dollars = |l: &str| -> i128 {
            let mut it = l.split_whitespace().filter(|w| w.contains('.') && w.parse::<f64>().is_err() || w.len() > 3);
            let _ = it.next();
            l.split_whitespace()
                .rev()
                .find(|w| w.rsplit_once('.').is_some_and(|(_, c)| c.len() == 2))
                .map_or(0, |w| w.replace([',', '.'], "").parse().unwrap())
        };
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.iter().position(|l| l.contains("what for")).unwrap() + 1;
        let last = lines.iter().position(|l| l.trim_start().starts_with("the bill")).unwrap();
        let rows: Vec<&&str> = lines[first..last].iter().filter(|l| l.contains('%')).collect();
        assert_eq!(rows.len(), 20);
        // Each printed row is rounded to a cent.
        let sum: i128 = rows.iter().map(|l| dollars(l)).sum();
        assert!((sum - dollars(lines[last])).abs() <= 10, "{text}");
    }

    #[test]
    fn a_line_shows_its_product_its_price_and_its_largest_jobs() {
        let o = sample::outcome(None, 1.0, 1.0);
        let c = o.charges.iter().find(|c| c.kind.key() == "productive" && c.pool == "h100").unwrap();
        let jobs = (0..30).map(|i| job(i, i as f64, "h100")).chain([job(99, 1e6, "a100")]);
        let text = charge(&o, &c.id, jobs).unwrap();
        assert!(text.contains("/ 8 GPUs × 55.04 USD ="), "{text}");
        assert!(text.contains("AWS price list, p5.48xlarge, us-east-1, 2026-08-03 (measured)"), "{text}");
        // Ordinal 0 has no such time; 29 are counted, ten are shown, another pool's is not.
        assert!(text.contains("29 jobs with productive, 435.0 GPU-h"), "{text}");
        assert!(text.contains("train-29") && text.contains("train-20") && !text.contains("train-19"));
        assert!(!text.contains("train-99"));
        assert!(text.contains("1 min before") && text.contains("h100-0 + 1 more"));
    }

    #[test]
    fn an_unknown_line_names_the_nearest() {
        let o = sample::outcome(None, 1.0, 1.0);
        let e = charge(&o, "C12", []).unwrap_err();
        assert_eq!(e.to_string(), "no charge `C12` in this run: did you mean `c12`?");
    }
}
