//! The summary for a terminal: what a stranger wants to know, in at most 25 lines of at most 100 columns.
//!
//! What must be there is reserved first; tables of pools, budgets and variants take the lines left, and say what they
//! leave out. Plain text: no colour carries a meaning.

pub(in crate::report) mod services;

use comfy_table::{CellAlignment, Table};

use super::chart::options::{Choice, against, dearer, options};
use super::clock::Clock;
use super::waste::{Slice, largest_avoidable, phrase, slices};
use super::words;
use crate::market::Cause;
use crate::outcome::{
    BudgetOutcome, MILLI_NS_PER_GPU_HOUR, NodeScaling, Outcome, Part, PoolLosses, PoolOutcome, RunOutcome, WorkLosses,
    WorkOutcome,
};
use crate::units::{Activity, Usd};

/// The most lines.
pub const LINES: usize = 25;
/// The most columns.
pub const COLUMNS: usize = 100;

/// A table without borders, two spaces between columns.
#[must_use]
pub(super) fn columns(header: &[&str]) -> Table {
    let mut t = Table::new();
    t.load_style(comfy_table::presets::NOTHING);
    t.set_header(header.to_vec());
    t
}

/// Aligns the columns of numbers to the right.
pub(super) fn right(t: &mut Table, at: &[usize]) {
    let last = t.column_count().saturating_sub(1);
    for (i, c) in t.column_iter_mut().enumerate() {
        c.set_padding((0, if i == last { 0 } else { 2 }));
        if at.contains(&i) {
            c.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The summary. `variants` are the other outcomes of the scenario; `next` are commands to try, of which three are shown.
#[must_use]
pub fn text(o: &Outcome, variants: &[Outcome], next: &[String]) -> String {
    let clock = Clock::of(o);
    let all = slices(o);
    let mut head = vec![title(o, &clock)];
    head.extend(wrap(&verdict(o, &all, variants, &clock), COLUMNS, 2));
    let mut facts = vec![bill_line(o), use_line(o)];
    if has_jobs(o) {
        facts.push(jobs_line(o));
    }
    facts.extend(slices_line(o));
    if let Some(n) = &o.nodes {
        facts.push(nodes_line(n));
    }
    let risky = o.has_interruptions();
    let mut waste = waste_lines(o, &all);
    let mut evidence = evidence_lines(o);
    if risky {
        // What interruptions cost has lines of its own.
        waste.truncate(4);
        evidence.truncate(1);
    }
    let next: Vec<String> =
        next.iter().take(3).enumerate().map(|(i, c)| gutter(if i == 0 { "Try next" } else { "" }, c)).collect();

    // Lines that have a claim first; then runs, pools, budgets and variants share what is left, each at least its minimum.
    let fixed = head.len() + facts.len() + waste.len() + evidence.len() + next.len();
    let mut left = LINES.saturating_sub(fixed);
    let (np, nb, nv) = (o.pools.len(), o.budgets.len(), if variants.is_empty() { 0 } else { variants.len() + 1 });
    let nr = o.work.iter().filter(|w| w.run.is_some()).count();
    let min_budgets = nb.min(1);
    let min_variants = nv.min(2);
    // Of what a table of pools would take, a table of runs may have so much that two pools can still be told.
    let room = left.saturating_sub(min_budgets + min_variants);
    let table = |rows: usize, room: usize| match rows {
        0 => 0,
        n => (n + 1).min(room.saturating_sub((np + 1).min(3))).max(2),
    };
    // Services before runs; these keep the two lines that they need.
    let served = table(services::of(o).count(), room.saturating_sub(2 * nr.min(1)));
    let runs = table(nr, room.saturating_sub(served));
    left = left.saturating_sub(served + runs);
    let pools = (np + 1).min(left.saturating_sub(min_budgets + min_variants).max(2));
    left = left.saturating_sub(pools);
    let budgets = nb.min(left.saturating_sub(min_variants));
    left -= budgets;
    let shown = nv.min(left);
    left -= shown;

    let mut blocks = vec![
        head,
        facts,
        services::lines(o, served.saturating_sub(1)),
        run_lines(o, runs.saturating_sub(1)),
        if risky { supply_lines(o, pools.saturating_sub(1)) } else { pool_lines(o, pools.saturating_sub(1)) },
        waste,
        budget_lines(o, &clock, budgets),
        variant_lines(o, variants, shown),
        evidence,
        next,
    ];
    blocks.retain(|b| !b.is_empty());
    let mut out: Vec<String> = Vec::new();
    for (i, b) in blocks.into_iter().enumerate() {
        if i > 0 && left > 0 {
            out.push(String::new());
            left -= 1;
        }
        out.extend(b);
    }
    let mut text = String::new();
    for line in out.into_iter().take(LINES) {
        text.push_str(words::shorten(line.trim_end(), COLUMNS).as_str());
        text.push('\n');
    }
    text
}

/// What the autoscaler of nodes did: with as much of why as there is room for.
fn nodes_line(n: &NodeScaling) -> String {
    let all = (0..=4).map(|brief| gutter("Nodes", &nodes_in_words(n, brief)));
    let mut all = all.filter(|l| l.chars().count() <= COLUMNS);
    all.next().unwrap_or_else(|| gutter("Nodes", &nodes_in_words(n, 4)))
}

/// The same, the more briefly the higher `brief`: first words go, then who decided, then the lesser reasons,
/// then all of them.
fn nodes_in_words(n: &NodeScaling, brief: u8) -> String {
    let by = if brief < 2 { format!(" by {}", n.by) } else { String::new() };
    let mut parts = vec![format!("{} launched{by}", words::count(n.launched))];
    let mut why: Vec<&(String, u64)> = n.removed.iter().filter(|(_, k)| *k > 0).collect();
    if !why.is_empty() {
        let first = why.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
        if brief >= 3 {
            why.retain(|r| Some(*r) == first);
        }
        let why: Vec<String> = why.iter().map(|(why, k)| format!("{} {why}", words::count(*k))).collect();
        let why = if brief < 4 { format!(" ({})", why.join(", ")) } else { String::new() };
        let gone = if brief < 1 { "told to go" } else { "removed" };
        parts.push(format!("{} {gone}{why}", words::count(n.removed_in_all())));
    }
    if n.evicted > 0 {
        let lost = match (n.lost_usd.0 > Usd::ZERO, brief) {
            (false, _) => String::new(),
            (true, 0) => format!(", work worth {} lost", words::usd(n.lost_usd.0)),
            (true, _) => format!(", {} lost", words::usd(n.lost_usd.0)),
        };
        let pods = if n.evicted == 1 { "pod" } else { "pods" };
        parts.push(format!("{} {pods} moved{lost}", words::count(n.evicted)));
    }
    parts.join(" · ")
}

const GUTTER: usize = 10;

fn gutter(name: &str, rest: &str) -> String {
    format!("{name:<GUTTER$}{rest}")
}

fn wrap(text: &str, width: usize, lines: usize) -> Vec<String> {
    let mut out: Vec<String> = vec![String::new()];
    for w in text.split(' ') {
        let n = out.len();
        let line = &mut out[n - 1];
        if line.is_empty() {
            line.push_str(w);
        } else if line.chars().count() + 1 + w.chars().count() <= width || n == lines {
            line.push(' ');
            line.push_str(w);
        } else {
            out.push(w.to_owned());
        }
    }
    out
}

fn title(o: &Outcome, clock: &Clock) -> String {
    let variant = o.variant.as_ref().map(|v| format!(", variant {v}")).unwrap_or_default();
    format!(
        "{}{variant} · {} from {} ({}) · seed {}",
        o.scenario,
        words::length(o.horizon_ns),
        clock.date(0),
        o.tz,
        o.seed
    )
}

fn part(a: Usd, b: Usd) -> String {
    words::percent(if b.0 == 0 { 0.0 } else { a.to_f64() / b.to_f64() })
}

/// What the run says in a sentence: where the money went, then the most urgent of a budget that will not hold and an
/// option that is cheaper.
pub(super) fn verdict(o: &Outcome, all: &[Slice], variants: &[Outcome], clock: &Clock) -> String {
    let bill = o.bill();
    if bill <= Usd::ZERO {
        return "Nothing was billed in the window.".to_owned();
    }
    let useful = o.activity_usd(Activity::Productive);
    let mut text = format!("{} of the bill bought useful work; ", part(useful, bill));
    let kept = services::verdict(o);
    if let Some(kept) = &kept {
        text.push_str(&format!("{kept}; "));
    }
    text.push_str(&match largest_avoidable(all) {
        Some(s) => format!("the largest avoidable waste is {}, {}", phrase(s.kind), words::usd(s.avoidable)),
        None if all.iter().any(Slice::is_waste) => "none of the waste is avoidable: it is owned or committed".into(),
        None => "there is no waste".into(),
    });
    let over = o.budgets.iter().filter_map(|b| Some((b, b.crossed_100_ns?))).min_by_key(|x| x.1);
    let choices = options(o, variants);
    let best = choices[1..].iter().reduce(|a, b| if b.usd < a.usd { b } else { a });
    let last = if let Some((b, at)) = over {
        format!("; budget {} is spent on {}", b.name, clock.date(at))
    } else if let Some(v) = best.filter(|v| v.usd < choices[0].usd * 0.995) {
        format!("; {} is {}", v.name, against(&choices[0], v))
    } else {
        String::new()
    };
    // Two lines hold what broken promises are and the waste; a third thing only where it fits.
    if kept.is_none() || text.chars().count() + last.chars().count() < 2 * COLUMNS - 20 {
        text.push_str(&last);
    }
    text.push('.');
    text
}

fn bill_line(o: &Outcome) -> String {
    let bill = o.bill();
    let sunk: Usd = o.charges.iter().filter(|c| !c.avoidable).map(|c| c.usd.0).sum();
    let month = if o.hours() > 0.0 { words::dollars(bill.to_f64() / o.hours() * 730.0) } else { "–".into() };
    gutter(
        "Bill",
        &format!(
            "{} · {month} USD a month (730 h) · {} avoidable, {} sunk",
            words::usd(bill),
            words::dollars((bill - sunk).to_f64()),
            words::dollars(sunk.to_f64())
        ),
    )
}

/// Energy at the meter, where any is known.
fn energy(o: &Outcome) -> String {
    let kwh: f64 = o.pools.iter().map(PoolOutcome::energy_kwh).sum();
    if kwh >= 0.5 { format!(" · {} kWh", words::number(kwh, 0)) } else { String::new() }
}

fn use_line(o: &Outcome) -> String {
    let text = match o.utilisation() {
        Some((a, t, s)) => format!(
            "GPUs {} allocated · {} at work (true) · {} as a dashboard samples it{}",
            words::percent(a),
            words::percent(t),
            words::percent(s),
            energy(o)
        ),
        None => "no GPU time in the window".to_owned(),
    };
    gutter("Use", &text)
}

/// What pods hold of GPUs that are cut, over all such pools.
fn slices_line(o: &Outcome) -> Option<String> {
    let pools = || o.gpu_pools().filter_map(|p| Some((p, p.slices.as_deref()?)));
    let capacity: u128 = pools().map(|(p, _)| p.capacity.0).sum();
    if capacity == 0 {
        return None;
    }
    let of = |part: u128| words::percent(part as f64 / capacity as f64);
    let mut kinds: Vec<(&str, u128)> = Vec::new();
    for k in pools().flat_map(|(_, s)| &s.kinds) {
        match kinds.iter_mut().find(|(n, _)| *n == k.name) {
            Some((_, held)) => *held += k.held.0,
            None => kinds.push((&k.name, k.held.0)),
        }
    }
    kinds.sort_by_key(|(_, held)| std::cmp::Reverse(*held));
    let mut parts: Vec<String> = kinds.iter().take(4).map(|(n, held)| format!("{n} {}", of(*held))).collect();
    let stranded: u128 = pools().map(|(p, _)| p.activity[Activity::MigStranded as usize].0).sum();
    if pools().any(|(_, s)| s.compute_slices > 0) {
        parts.push(format!("stranded {}", of(stranded)));
    }
    let (left, all) = pools().fold((0, 0), |(l, a), (_, s)| (l + s.compute_left.0, a + s.compute_all.0));
    if left > 0 {
        parts.push(format!("compute beyond use {}", words::percent(left as f64 / all as f64)));
    }
    let slower =
        pools().filter_map(|(_, s)| s.slowdown.mean()).fold(None, |m: Option<f64>, s| Some(m.map_or(s, |m| m.max(s))));
    parts.extend(slower.map(|s| format!("beside others {} times as long", words::number(s, 2))));
    Some(gutter("Slices", &parts.join(" · ")))
}

/// Whether there is anything to say of jobs: a run with services may have none.
fn has_jobs(o: &Outcome) -> bool {
    services::of(o).next().is_none() || o.jobs != crate::outcome::JobCounts::default()
}

/// Every job that was there is in one of the figures after the equals sign.
fn jobs_line(o: &Outcome) -> String {
    let j = &o.jobs;
    let came = j.arrived + j.running_at_start + j.queued_at_start;
    let mut parts = vec![format!("{} done", words::count(j.done))];
    for (n, what) in [
        (j.failed, "failed"),
        (j.cancelled, "cancelled"),
        (j.rejected, "rejected"),
        (j.running_at_end, "running"),
        (j.queued_at_end, "queued"),
    ] {
        if n > 0 {
            parts.push(format!("{} {what}", words::count(n)));
        }
    }
    let mut line = gutter("Jobs", &format!("{} = {}", words::count(came), parts.join(" + ")));
    if o.has_interruptions() {
        let mut more = vec![format!("{} interruptions", words::count(j.interruptions))];
        more.extend(spot_share(o).map(|s| format!("{} of useful GPU time on spot", words::percent(s))));
        more.extend(o.all_waits().quantile(0.9).map(|w| format!("wait p90 {}", words::length(w))));
        for m in more {
            if line.chars().count() + 3 + m.chars().count() <= COLUMNS {
                line = format!("{line} · {m}");
            }
        }
    }
    let pushed = format!("{line} · {} preemptions", words::count(j.preemptions));
    if j.preemptions > 0 && pushed.chars().count() <= COLUMNS { pushed } else { line }
}

fn indent(t: &Table, name: &str) -> Vec<String> {
    t.lines().enumerate().map(|(i, l)| gutter(if i == 0 { name } else { "" }, l.trim_end())).collect()
}

fn pool_lines(o: &Outcome, rows: usize) -> Vec<String> {
    if o.pools.is_empty() || rows == 0 {
        return Vec::new();
    }
    let bill = o.bill();
    let mut order: Vec<&PoolOutcome> = o.pools.iter().collect();
    let keep = if order.len() > rows { rows.saturating_sub(1) } else { order.len() };
    if keep < order.len() {
        order.sort_by_key(|p| std::cmp::Reverse(p.bill.0));
    }
    let waits = has_jobs(o);
    let header = ["pool", "GPUs", "market", "USD", "share", "USD/useful GPU-h", "wait p50", "p90"];
    let mut t = columns(&header[..if waits { 8 } else { 6 }]);
    for p in &order[..keep] {
        let gpu = p.unit == "gpu";
        let wait = |q: f64| p.waits.quantile(q).map_or_else(|| "–".into(), words::length);
        let mut row = vec![
            words::shorten(&p.name, 18),
            if gpu { words::number(p.units_at_start, 0) } else { "–".into() },
            p.market.clone(),
            words::dollars(p.bill.0.to_f64()),
            part(p.bill.0, bill),
            p.usd_per_useful_hour().filter(|_| gpu).map_or_else(|| "–".into(), |v| words::number(v, 2)),
        ];
        if waits {
            row.extend([wait(0.5), wait(0.9)]);
        }
        t.add_row(row);
    }
    let rest = &order[keep..];
    if !rest.is_empty() {
        let usd: Usd = rest.iter().map(|p| p.bill.0).sum();
        let gpus: f64 = rest.iter().filter(|p| p.unit == "gpu").map(|p| p.units_at_start).sum();
        t.add_row(vec![
            format!("{} others", rest.len()),
            words::number(gpus, 0),
            String::new(),
            words::dollars(usd.to_f64()),
            part(usd, bill),
        ]);
    }
    right(&mut t, &[1, 3, 4, 5, 6, 7]);
    indent(&t, "Pools")
}

/// Productive GPU time on spot / productive GPU time; none without a spot pool.
fn spot_share(o: &Outcome) -> Option<f64> {
    let of = |p: &PoolOutcome| p.activity[Activity::Productive as usize].0;
    let spot: u128 = o.gpu_pools().filter(|p| p.market == "spot").map(of).sum();
    let all: u128 = o.gpu_pools().map(of).sum();
    (all > 0 && o.pools.iter().any(|p| p.market == "spot")).then(|| spot as f64 / all as f64)
}

/// `14 capacity`, or `22, 14 capacity`: all, and the commonest cause.
fn causes(by: &[u64]) -> String {
    let all: u64 = by.iter().sum();
    // Of equals the first in the list.
    match by.iter().zip(Cause::ALL).rev().max_by_key(|(n, _)| **n) {
        Some((n, _)) if *n == 0 => "none".to_owned(),
        Some((n, c)) if *n == all => format!("{} {}", words::count(*n), c.key().replace('_', " ")),
        Some((n, c)) => format!("{}, {} {}", words::count(all), words::count(*n), c.key().replace('_', " ")),
        None => "none".to_owned(),
    }
}

/// A line for each workload whose runs keep their progress; those that lost most where there is no room for all.
fn run_lines(o: &Outcome, rows: usize) -> Vec<String> {
    if rows == 0 {
        return Vec::new();
    }
    let losses = o.work_losses();
    let mut all: Vec<(&WorkOutcome, &RunOutcome, &WorkLosses)> =
        o.work.iter().zip(&losses).filter_map(|(w, l)| Some((w, w.run.as_ref()?, l))).collect();
    let cut = all.len().saturating_sub(rows);
    if cut > 0 {
        all.sort_by_key(|(_, _, l)| std::cmp::Reverse(l.of(Part::Lost) + l.of(Part::Restart)));
        all.truncate(rows);
    }
    let header = ["workload", "interruptions", "goodput", "lost GPU-h", "lost USD", "USD/useful h", "deadlines met"];
    let mut t = columns(&header);
    for (w, r, l) in all {
        let deadlines = r.deadline_met + r.deadline_missed;
        t.add_row(vec![
            words::shorten(&w.name, 18),
            words::shorten(&causes(&r.interruptions), 20),
            l.goodput().map_or_else(|| "–".into(), words::percent),
            words::number(l.lost as f64 / MILLI_NS_PER_GPU_HOUR, 0),
            words::dollars(l.of(Part::Lost).to_f64()),
            l.usd_per_useful_hour().map_or_else(|| "–".into(), |v| words::number(v, 2)),
            if deadlines == 0 {
                "–".into()
            } else {
                format!("{} of {}", words::count(r.deadline_met), words::count(deadlines))
            },
        ]);
    }
    right(&mut t, &[2, 3, 4, 5, 6]);
    let mut lines = indent(&t, "Runs");
    if cut > 0
        && let Some(l) = lines.last_mut()
    {
        l.push_str(&format!("; {cut} more"));
    }
    lines
}

/// The table of pools where nodes come and go: launches and losses in the place of waits.
fn supply_lines(o: &Outcome, rows: usize) -> Vec<String> {
    if o.pools.is_empty() || rows == 0 {
        return Vec::new();
    }
    let mut order: Vec<&PoolOutcome> = o.pools.iter().collect();
    let keep = if order.len() > rows { rows.saturating_sub(1) } else { order.len() };
    if keep < order.len() {
        order.sort_by_key(|p| std::cmp::Reverse(p.bill.0));
    }
    let header = ["pool", "market", "USD", "USD/useful h", "launched", "refused", "lost", "mean to loss"];
    let mut t = columns(&header);
    for p in &order[..keep] {
        let count =
            |of: &dyn Fn(&PoolLosses) -> u64| p.losses.as_ref().map_or_else(|| "–".into(), |l| words::count(of(l)));
        let mean = p.losses.as_ref().and_then(PoolLosses::mean_hours_to_loss);
        t.add_row(vec![
            words::shorten(&p.name, 18),
            p.market.clone(),
            words::dollars(p.bill.0.to_f64()),
            p.usd_per_useful_hour().filter(|_| p.unit == "gpu").map_or_else(|| "–".into(), |v| words::number(v, 2)),
            count(&|l| l.launches),
            count(&|l| l.launches_failed),
            count(&PoolLosses::total),
            mean.map_or_else(|| "–".into(), |h| words::length((h * 3.6e12) as u64)),
        ]);
    }
    let rest = &order[keep..];
    if !rest.is_empty() {
        let usd: Usd = rest.iter().map(|p| p.bill.0).sum();
        let sum =
            |of: &dyn Fn(&PoolLosses) -> u64| words::count(rest.iter().filter_map(|p| p.losses.as_ref()).map(of).sum());
        let (a, b, c) = (sum(&|l| l.launches), sum(&|l| l.launches_failed), sum(&PoolLosses::total));
        let blank = String::new;
        t.add_row(vec![format!("{} others", rest.len()), blank(), words::dollars(usd.to_f64()), blank(), a, b, c]);
    }
    right(&mut t, &[2, 3, 4, 5, 6, 7]);
    indent(&t, "Pools")
}

fn waste_lines(o: &Outcome, all: &[Slice]) -> Vec<String> {
    let bill = o.bill();
    let top: Vec<&Slice> = all.iter().filter(|s| s.is_waste() && s.usd > Usd::ZERO).take(5).collect();
    if top.is_empty() {
        return Vec::new();
    }
    let mut t = columns(&["", "USD", "share", "GPU-h", "avoidable", "most of it"]);
    for s in top {
        let hours = s.gpu_milli_ns as f64 / MILLI_NS_PER_GPU_HOUR;
        let pool = s.top_pool.as_ref().map(|(p, u)| format!("{} ({})", words::shorten(p, 16), part(*u, s.usd)));
        t.add_row(vec![
            s.kind.title().to_owned(),
            words::dollars(s.usd.to_f64()),
            part(s.usd, bill),
            if s.gpu_milli_ns == 0 { "–".into() } else { words::number(hours, 0) },
            if s.avoidable == Usd::ZERO { "none".into() } else { words::dollars(s.avoidable.to_f64()) },
            pool.unwrap_or_default(),
        ]);
    }
    right(&mut t, &[1, 2, 3, 4]);
    indent(&t, "Waste")
}

fn budget_lines(o: &Outcome, clock: &Clock, rows: usize) -> Vec<String> {
    let keep = if o.budgets.len() > rows { rows.saturating_sub(1) } else { o.budgets.len() };
    let mut order: Vec<&BudgetOutcome> = o.budgets.iter().collect();
    if keep < order.len() {
        let used = |b: &BudgetOutcome| b.spent.0.to_f64() / b.amount.0.to_f64().max(1e-12);
        order.sort_by(|a, b| used(b).total_cmp(&used(a)));
    }
    let mut out: Vec<String> = Vec::new();
    for b in &order[..keep] {
        let per = if b.period == "window" { String::new() } else { format!(" a {}", b.period) };
        let head = format!(
            "{}: {} of {}{per}",
            words::shorten(&b.name, 20),
            part(b.spent.0, b.amount.0),
            words::usd(b.amount.0)
        );
        let warned = b.crossed_80_ns.map(|at| format!(", 80 % on {}", clock.date(at))).unwrap_or_default();
        let end = match (b.crossed_100_ns, b.forecast_ns) {
            (Some(at), _) => format!(", passed on {}", clock.date(at)),
            (None, Some(at)) => format!(", at this rate lasts to {}", clock.date(at)),
            _ => String::new(),
        };
        // The day of passing matters more than the day of warning, and both more than what it covers.
        let full = format!("{head}{warned}{end}");
        let line = if full.chars().count() + GUTTER <= COLUMNS { full } else { format!("{head}{end}") };
        let left = COLUMNS.saturating_sub(line.chars().count() + GUTTER + 3);
        out.push(if left >= 12 { format!("{line} · {}", words::shorten(&b.scope, left)) } else { line });
    }
    if keep < order.len() && rows > 0 {
        let over = order[keep..].iter().filter(|b| b.crossed_100_ns.is_some()).count();
        out.push(format!("{} more budgets, {over} of them passed", order.len() - keep));
    }
    out.iter().enumerate().map(|(i, l)| gutter(if i == 0 { "Budgets" } else { "" }, l)).collect()
}

fn variant_lines(o: &Outcome, variants: &[Outcome], rows: usize) -> Vec<String> {
    if variants.is_empty() || rows < 2 {
        return Vec::new();
    }
    let all = options(o, variants);
    let (today, rest) = (&all[0], &all[1..]);
    let mut order: Vec<&Choice> = rest.iter().collect();
    let cut = rest.len() > rows - 1;
    if cut {
        order.sort_by(|a, b| a.usd.total_cmp(&b.usd));
    }
    let keep = rows - 1;
    let mut t = Table::new();
    t.load_style(comfy_table::presets::NOTHING);
    for v in std::iter::once(today).chain(order.into_iter().take(keep)) {
        let change = if std::ptr::eq(v, today) { String::new() } else { dearer(today, v) };
        t.add_row(vec![
            words::shorten(&v.name, 22),
            format!("{} USD", words::dollars(v.usd)),
            match (today.finish_s, v.finish_s, v.wait_p90_s) {
                _ if today.attained.is_some() => promises(v),
                (_, Some(s), _) => format!("done in {}", words::length((s * 1e9) as u64)),
                (Some(_), None, _) => "no run done".into(),
                (None, None, Some(s)) => format!("p90 wait {}", words::length((s * 1e9) as u64)),
                (None, None, None) => "–".into(),
            },
            // Promises take the room of the use.
            if today.attained.is_some() {
                String::new()
            } else {
                v.truth.map_or_else(|| "–".into(), |u| format!("use {}", words::percent(u)))
            },
            change,
        ]);
    }
    right(&mut t, &[1]);
    let mut lines = indent(&t, "Variants");
    if cut && let Some(l) = lines.last_mut() {
        l.push_str(&format!("; {} more", rest.len() - keep));
    }
    lines
}

/// `96.1 % kept, TTFT p99 1.25 s`.
fn promises(v: &Choice) -> String {
    let kept = v.attained.map_or_else(|| "–".into(), words::attained);
    let ttft = v.ttft_p99_s.map_or_else(|| "–".into(), |s| words::latency((s * 1e9) as u64));
    format!("{kept} kept, TTFT p99 {ttft}")
}

/// The three weakest inputs: on one line where they fit, else one a line.
fn evidence_lines(o: &Outcome) -> Vec<String> {
    let weak: Vec<String> = o.evidence.iter().take(3).map(|e| format!("{} ({})", e.what, e.grade)).collect();
    if weak.is_empty() {
        return Vec::new();
    }
    let one = weak.join(" · ");
    if one.chars().count() + GUTTER <= COLUMNS {
        return vec![gutter("Weakest", &one)];
    }
    weak.iter().enumerate().map(|(i, l)| gutter(if i == 0 { "Weakest" } else { "" }, l)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn next() -> Vec<String> {
        ["fleetcast explain out", "fleetcast run --set pools.t4.nodes=40", "fleetcast report out"]
            .map(str::to_owned)
            .to_vec()
    }

    fn fits(text: &str) {
        assert!(text.lines().count() <= LINES, "{} lines\n{text}", text.lines().count());
        for l in text.lines() {
            assert!(l.chars().count() <= COLUMNS, "{}: {l}", l.chars().count());
        }
    }

    #[test]
    fn it_fits_the_terminal_and_has_every_part() {
        let o = sample::outcome(None, 1.0, 1.0);
        let v = [sample::outcome(Some("fewer-h100"), 0.85, 1.9), sample::outcome(Some("backfill"), 1.0, 0.4)];
        let text = text(&o, &v, &next());
        fits(&text);
        for part in ["Bill", "Use", "Jobs", "Pools", "Waste", "Budgets", "Variants", "Weakest", "Try next"] {
            assert!(text.lines().any(|l| l.starts_with(part)), "{part}\n{text}");
        }
        assert!(text.contains("5,047 = 4,602 done + 214 failed + 160 cancelled + 3 rejected + 48 running + 20 queued"));
        assert!(text.contains("fewer-h100"));
    }

    #[test]
    fn many_pools_budgets_and_variants_are_cut_and_counted() {
        let mut o = sample::outcome(None, 1.0, 1.0);
        for i in 0..9 {
            let mut p = o.pools[0].clone();
            p.name = format!("pool-with-a-rather-long-name-{i}");
            o.pools.push(p);
            let mut b = o.budgets[0].clone();
            b.name = format!("budget-{i}");
            o.budgets.push(b);
        }
        o.evidence
            .iter_mut()
            .for_each(|e| e.what = "a long description of an input, longer than a line can take".into());
        let v: Vec<Outcome> = (0..6).map(|i| sample::outcome(Some(&format!("v{i}")), 1.0, 1.0)).collect();
        let text = text(&o, &v, &next());
        fits(&text);
        assert!(text.contains("others") && text.contains("more"), "{text}");
        assert!(text.lines().any(|l| l.starts_with("Try next")), "{text}");
    }

    #[test]
    fn runs_and_losses_have_their_lines_and_make_room() {
        let mut o = sample::spot();
        let text = super::text(&o, &[], &next());
        fits(&text);
        for part in ["Bill", "Use", "Jobs", "Runs", "Pools", "Waste", "Try next"] {
            assert!(text.lines().any(|l| l.starts_with(part)), "{part}\n{text}");
        }
        for (w, n) in o.work.iter().zip(["capacity", "hardware"]) {
            let line = text.lines().find(|l| l.contains(&w.name)).unwrap_or_else(|| panic!("{text}"));
            let all: u64 = w.run.as_ref().unwrap().interruptions.iter().sum();
            assert!(line.contains(&format!("{all} {n}")), "{line}");
        }
        assert!(o.pools.iter().all(|p| text.contains(&p.name)), "{text}");
        // Many of everything: still 25 lines, and no part is gone.
        let other = sample::outcome(None, 1.0, 1.0);
        o.budgets.clone_from(&other.budgets);
        o.evidence.clone_from(&other.evidence);
        for i in 0..9 {
            o.work.push(WorkOutcome { name: format!("a-run-with-a-rather-long-name-{i}"), ..o.work[0].clone() });
            o.pools.push(PoolOutcome { name: format!("a-pool-with-a-rather-long-name-{i}"), ..o.pools[0].clone() });
        }
        let text = super::text(&o, &[o.clone(), o.clone()], &next());
        fits(&text);
        for part in ["Runs", "Pools", "Waste", "Budgets", "Variants", "Weakest", "Try next"] {
            assert!(text.lines().any(|l| l.starts_with(part)), "{part}\n{text}");
        }
        assert!(text.contains("more") && text.contains("others"), "{text}");
    }

    #[test]
    fn services_have_their_lines_and_jobs_none_where_there_are_none() {
        let mut o = sample::services::outcome();
        let mut better = o.clone();
        better.variant = Some("more".into());
        let s = better.work[0].service.as_mut().unwrap();
        s.good = s.requests.concluded();
        let text = super::text(&o, &[better], &next());
        fits(&text);
        for part in ["Bill", "Use", "Services", "Pools", "Waste", "Variants", "Try next"] {
            assert!(text.lines().any(|l| l.starts_with(part)), "{part}\n{text}");
        }
        assert!(!text.contains("Jobs") && !text.contains("wait"), "{text}");
        // Many of everything: still 25 lines, and no part is gone.
        let (other, spot) = (sample::outcome(None, 1.0, 1.0), sample::spot());
        o.budgets = other.budgets;
        o.evidence = other.evidence;
        o.jobs = other.jobs;
        o.work.extend(spot.work);
        o.pools.extend(spot.pools);
        for i in 0..9 {
            o.work.push(WorkOutcome { name: format!("a-service-with-a-long-name-{i}"), ..o.work[0].clone() });
        }
        let text = super::text(&o, &[o.clone(), o.clone()], &next());
        fits(&text);
        for part in ["Jobs", "Services", "Runs", "Pools", "Waste", "Budgets", "Variants", "Weakest", "Try next"] {
            assert!(text.lines().any(|l| l.starts_with(part)), "{part}\n{text}");
        }
        assert!(text.contains("more") && text.contains("others"), "{text}");
    }

    #[test]
    fn the_line_of_nodes_says_as_much_as_there_is_room_for() {
        let scaling = |by: &str, launched, empty, under, moved, usd: &str| NodeScaling {
            by: by.into(),
            launched,
            removed: vec![("empty".into(), empty), ("underutilized".into(), under), ("drifted".into(), 0)],
            evicted: moved,
            lost_usd: crate::outcome::Money(usd.parse().expect("an amount")),
            ..NodeScaling::default()
        };
        let line = nodes_line(&scaling("Karpenter", 12, 9, 0, 3, "0.50"));
        assert_eq!(
            line,
            "Nodes     12 launched by Karpenter · 9 told to go (9 empty) · 3 pods moved, work worth 0.50 USD lost"
        );
        let line = nodes_line(&scaling("Karpenter", 212, 150, 30, 33, "12.10"));
        let brief = "212 launched · 180 removed (150 empty, 30 underutilized) · 33 pods moved, 12.10 USD lost";
        assert_eq!(line, format!("Nodes     {brief}"));
        for n in [10, 1_000, 100_000, 10_000_000] {
            let n = scaling("Cluster Autoscaler and Descheduler", n, n, n / 2, n, "1234567.10");
            let line = nodes_line(&n);
            assert!(line.chars().count() <= COLUMNS, "{line}");
            assert!(line.contains(" removed") && line.contains(" moved, 1,234,567 USD lost"), "{line}");
        }
    }

    #[test]
    fn causes_name_the_commonest() {
        assert_eq!(causes(&[14, 0, 0, 0, 0, 0]), "14 capacity");
        assert_eq!(causes(&[2, 0, 3, 1, 0, 0]), "6, 3 max lifetime");
        assert_eq!(causes(&[0; 6]), "none");
    }

    #[test]
    fn an_empty_run_is_said_to_be_empty() {
        let mut o = sample::outcome(None, 1.0, 1.0);
        o.charges.clear();
        o.pools.clear();
        o.budgets.clear();
        o.evidence.clear();
        o.waits.clear();
        let text = text(&o, &[], &[]);
        fits(&text);
        assert!(text.contains("Nothing was billed"));
    }
}
