//! The ledger: what the bill was for, over time, by pool, workload and label, and its every line.

use maud::{Markup, html};

use super::View;
use crate::outcome::MILLI_NS_PER_GPU_HOUR;
use crate::report::chart::{activities, dollars};
use crate::report::html::bars::{Bar, bars};
use crate::report::html::figure::{Curves, Mark, Series, pool_ink};
use crate::report::html::method::grade;
use crate::report::html::page::named;
use crate::report::html::table::{self, bar, code, markup, maybe, number, text};
use crate::report::waste::{Slice, largest_avoidable, slices};
use crate::report::words;
use crate::units::{Activity, Group, Usd};

/// The most lines of the bill in the page: all of it is in `charges.csv`.
const LINES: usize = 2_000;
/// The most bars of a split.
const BARS: usize = 14;

pub fn body(v: &View<'_>) -> Markup {
    let all = slices(v.o);
    html! {
        (by_activity(v, &all))
        (over_time(v))
        (pools_over_time(v))
        (budgets(v))
        (pools(v))
        (workloads(v))
        (labels(v))
        (bill(v))
    }
}

fn part(a: Usd, b: Usd) -> f64 {
    if b.0 == 0 { 0.0 } else { a.to_f64() / b.to_f64() }
}

fn usd(v: Usd) -> table::Cell {
    number(words::dollars(v.to_f64()), v.to_f64())
}

fn by_activity(v: &View<'_>, all: &[Slice]) -> Markup {
    let bill = v.o.bill();
    let worst = largest_avoidable(all);
    let inks = activities::inks(v.o);
    let ink = |s: &Slice| inks.iter().find(|i| i.0 == s.kind).map_or("mid", |i| named(i.1));
    let steps = all
        .iter()
        .map(|s| {
            let sunk = 1.0 - part(s.avoidable, s.usd);
            let strong = worst.is_some_and(|w| w.kind == s.kind);
            let note = format!("{} USD · {}", words::dollars(s.usd.to_f64()), words::percent(part(s.usd, bill)));
            let bar = Bar::new(words::sentence(s.kind.title()), s.usd.to_f64(), ink(s), note);
            Bar { hatched: if s.usd > Usd::ZERO { sunk } else { 0.0 }, strong, ..bar }
        })
        .collect();
    let columns = vec![
        table::words("what for"),
        table::words("whose"),
        table::numbers("USD"),
        table::numbers("share of the bill"),
        table::words(""),
        table::numbers("GPU-h"),
        table::numbers("avoidable, USD"),
        table::numbers("sunk, USD"),
        table::words("most of it in"),
    ];
    let whose = |s: &Slice| match s.kind {
        crate::outcome::ChargeKind::Activity(a) => match a.group() {
            Group::Useful => "useful",
            Group::JobWaste => "the jobs' own waste",
            Group::FleetWaste => "the fleet's waste",
        },
        _ if s.is_waste() => "waste",
        _ => "fees",
    };
    let rows = all.iter().map(|s| {
        let hours = s.gpu_milli_ns as f64 / MILLI_NS_PER_GPU_HOUR;
        vec![
            text(s.kind.title()),
            text(whose(s)),
            usd(s.usd),
            number(words::percent(part(s.usd, bill)), part(s.usd, bill)),
            bar(part(s.usd, bill), ink(s)),
            if s.gpu_milli_ns == 0 { text("–") } else { number(words::number(hours, 1), hours) },
            usd(s.avoidable),
            usd(s.usd - s.avoidable),
            text(
                s.top_pool
                    .as_ref()
                    .map_or_else(String::new, |(p, u)| format!("{p} ({})", words::percent(part(*u, s.usd)))),
            ),
        ]
    });
    let gpu: u128 = all.iter().map(|s| s.gpu_milli_ns).sum();
    let avoidable: Usd = all.iter().map(|s| s.avoidable).sum();
    let foot = vec![
        text("the bill"),
        text(""),
        usd(bill),
        text("100 %"),
        text(""),
        number(words::number(gpu as f64 / MILLI_NS_PER_GPU_HOUR, 1), gpu as f64),
        usd(avoidable),
        usd(bill - avoidable),
        text(""),
    ];
    html! {
        (bars("dollars", &dollars::title(v.o), "The bill by what it was for. Each bar begins where the one above ends; together they are the bill, exactly. Red: the largest avoidable waste; striped: sunk, that is owned or committed.", "USD of the bill", &Bar::in_steps(steps)))
        (table::table("ledger", "Where GPU time and money went", columns).note("adds up to the bill, exactly").rows(rows).foot(foot).html())
    }
}

/// Dollars an hour in each bucket.
fn an_hour(o: &crate::outcome::Outcome, values: &[f64]) -> Vec<f64> {
    crate::report::chart::bucket_hours(o).iter().zip(values).map(|(h, v)| if *h > 0.0 { v / h } else { 0.0 }).collect()
}

fn over_time(v: &View<'_>) -> Markup {
    let o = v.o;
    let series = activities::layers(o).iter().map(|l| Series::new(&l.name, named(l.ink), &l.rate)).collect::<Vec<_>>();
    if series.is_empty() {
        return html! {};
    }
    let what = "What each hour's money was for, all pools, useful work at the foot. Time only: billing minimums, fees and time given back are in the table above.";
    Curves::over_time(o, "USD an hour", "USD/h", series).stacked().html(
        "cost-by-activity",
        &activities::title(o, &v.clock),
        what,
    )
}

fn pools_over_time(v: &View<'_>) -> Markup {
    let o = v.o;
    if o.pools.len() < 2 {
        return html! {};
    }
    let total: f64 = o.pools.iter().map(|p| p.bill.0.to_f64()).sum();
    let Some(most) = o.pools.iter().reduce(|a, b| if b.bill.0 > a.bill.0 { b } else { a }).filter(|_| total > 0.0)
    else {
        return html! {};
    };
    let title = format!("{} takes {} of what the pools cost", most.name, words::percent(most.bill.0.to_f64() / total));
    let series = o
        .pools
        .iter()
        .zip(&o.series.pools)
        .enumerate()
        .filter(|(_, (_, s))| s.spend.iter().any(|v| *v != 0.0))
        .map(|(i, (p, s))| {
            Series::new(&p.name, pool_ink(i), &an_hour(o, &s.spend.iter().map(|v| v.max(0.0)).collect::<Vec<_>>()))
        })
        .collect();
    Curves::over_time(o, "USD an hour", "USD/h", series).stacked().html(
        "cost-by-pool",
        &title,
        "What each pool cost, hour by hour.",
    )
}

fn budgets(v: &View<'_>) -> Markup {
    let o = v.o;
    let shown = o.budgets.iter().filter(|b| !b.spend.is_empty()).take(6);
    let (mut series, mut lines) = (Vec::new(), Vec::new());
    for (i, b) in shown.enumerate() {
        series.push(Series::new(&b.name, pool_ink(i), &b.spend).dash((i / 3) as u8));
        lines.push(Mark { at: b.amount.0.to_f64(), name: format!("{}: {}", b.name, words::usd(b.amount.0)) });
    }
    if series.is_empty() {
        return html! {};
    }
    Curves::over_time(o, "USD since the start", "USD", series).lines(lines).html(
        "budgets-over-time",
        &v.title("spend", "What was spent against the budgets"),
        "Spent since the window began, and what each budget allows for its period.",
    )
}

fn pools(v: &View<'_>) -> Markup {
    let bill = v.o.bill();
    let columns = vec![
        table::words("pool"),
        table::words("device"),
        table::words("instance"),
        table::words("market"),
        table::numbers("GPUs at the start").hint("cores in a pool without GPUs"),
        table::numbers("most nodes"),
        table::numbers("USD"),
        table::numbers("share"),
        table::numbers("sunk, USD"),
        table::numbers("USD per useful GPU-h"),
        table::numbers("allocated"),
        table::numbers("at work"),
        table::numbers("wait p50"),
        table::numbers("wait p90"),
        table::numbers("kWh"),
    ];
    let rows = v.o.pools.iter().map(|p| {
        let gpu = p.unit == "gpu";
        let cap = p.capacity.0 as f64;
        let of = |x: f64| Some(x / cap).filter(|_| cap > 0.0);
        let wait = |q: f64| maybe(p.waits.quantile(q).map(|ns| ns as f64), |ns| words::length(ns as u64));
        vec![
            text(&p.name),
            text(&p.device),
            text(p.instance.as_deref().unwrap_or("–")),
            text(&p.market),
            number(words::number(p.units_at_start, 0), p.units_at_start),
            number(words::count(p.nodes_max.into()), f64::from(p.nodes_max)),
            usd(p.bill.0),
            number(words::percent(part(p.bill.0, bill)), part(p.bill.0, bill)),
            usd(p.sunk.0),
            maybe(p.usd_per_useful_hour().filter(|_| gpu), |v| words::number(v, 2)),
            maybe(of(p.allocated() as f64), words::percent),
            maybe(of(p.busy_ppm.0 as f64 / 1e6), words::percent),
            wait(0.5),
            wait(0.9),
            maybe(Some(p.energy_kwh()).filter(|k| *k > 0.0), |k| words::number(k, 0)),
        ]
    });
    table::table("pools", "Pools", columns).rows(rows).html()
}

/// Bars of a split, the largest first, small ones as one.
fn split(id: &str, title: &str, what: &str, mut rows: Vec<(String, f64)>, bill: f64) -> Markup {
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    let note =
        |v: f64| format!("{} USD · {}", words::dollars(v), words::percent(if bill > 0.0 { v / bill } else { 0.0 }));
    let shown = if rows.len() > BARS { BARS - 1 } else { rows.len() };
    let ink = |name: &str| if name.starts_with('(') { "mid" } else { "slate" };
    let mut all: Vec<Bar> = rows[..shown].iter().map(|(n, v)| Bar::new(n, *v, ink(n), note(*v))).collect();
    if rows.len() > shown {
        let sum = rows[shown..].iter().map(|r| r.1).sum();
        all.push(Bar::new(format!("{} others", rows.len() - shown), sum, "mid", note(sum)));
    }
    bars(id, title, what, "USD", &all)
}

/// The largest of those that have a name, as a finding.
fn largest(rows: &[(String, f64)], bill: f64, of: &str) -> String {
    match rows.iter().filter(|r| !r.0.starts_with('(')).reduce(|a, b| if b.1 > a.1 { b } else { a }) {
        Some((name, usd)) if bill > 0.0 => {
            format!("{name} is charged most by {of}: {} of the bill", words::percent(usd / bill))
        }
        _ => format!("The bill by {of}"),
    }
}

fn workloads(v: &View<'_>) -> Markup {
    let o = v.o;
    let bill = o.bill().to_f64();
    let mut by: std::collections::BTreeMap<&str, Usd> = std::collections::BTreeMap::new();
    for c in &o.charges {
        *by.entry(c.workload.as_deref().unwrap_or("(the fleet's own)")).or_default() += c.usd.0;
    }
    let rows: Vec<(String, f64)> = by.iter().map(|(n, u)| ((*n).to_owned(), u.to_f64())).collect();
    let columns = vec![
        table::words("workload"),
        table::numbers("USD"),
        table::numbers("GPU-h held"),
        table::numbers("of it productive"),
        table::numbers("jobs done"),
        table::numbers("failed"),
        table::numbers("waiting at the end"),
        table::numbers("wait p90"),
        table::words("promised wait"),
        table::numbers("kept for"),
    ];
    let table_rows = o.work.iter().map(|w| {
        let held: u128 = w.activity.iter().map(|a| a.0).sum();
        let useful = w.activity.get(Activity::Productive as usize).map_or(0, |a| a.0);
        let hours = held as f64 / MILLI_NS_PER_GPU_HOUR;
        let count = |n: u64| number(words::count(n), n as f64);
        vec![
            text(&w.name),
            usd(w.bill.0),
            number(words::number(hours, 1), hours),
            maybe((held > 0).then(|| useful as f64 / held as f64), words::percent),
            count(w.jobs.done),
            count(w.jobs.failed),
            count(w.jobs.queued_at_end),
            maybe(w.waits.quantile(0.9).map(|ns| ns as f64), |ns| words::length(ns as u64)),
            text(w.wait_target.map_or_else(String::new, |t| {
                format!("within {} for {}", words::length(t.within_ns), words::attained(t.share))
            })),
            maybe(w.wait_target.filter(|t| t.of > 0).map(|t| t.met as f64 / t.of as f64), words::attained),
        ]
    });
    html! {
        (split("by-workload", &largest(&rows, bill, "workload"), "What each workload held its GPUs for; capacity that nobody held and fees are the fleet's own.", rows, bill))
        (table::table("workloads", "Workloads", columns).rows(table_rows).html())
    }
}

fn labels(v: &View<'_>) -> Markup {
    let o = v.o;
    let bill = o.bill().to_f64();
    let keys = o.label_keys();
    html! {
        @for (i, key) in keys.iter().enumerate() {
            @let rows: Vec<(String, f64)> = o.by_label(key).into_iter().map(|(n, u)| (n, u.to_f64())).filter(|r| r.1 != 0.0).collect();
            (split(&format!("by-label-{i}"), &largest(&rows, bill, key), &format!("The bill by the label {key}, exactly: what has no such label, the fleet's own waste and fees are a bar of their own."), rows, bill))
        }
    }
}

fn bill(v: &View<'_>) -> Markup {
    let o = v.o;
    let mut order: Vec<&crate::outcome::Charge> = o.charges.iter().collect();
    let cut = order.len().saturating_sub(LINES);
    if cut > 0 {
        order.sort_by_key(|c| std::cmp::Reverse(c.usd.0));
        order.truncate(LINES);
    }
    let columns = vec![
        table::words("line"),
        table::words("pool or fee"),
        table::words("what for"),
        table::words("workload"),
        table::words("labels"),
        table::numbers("unit-hours").hint("GPU-hours; core-hours in a pool without GPUs"),
        table::numbers("price, USD/h"),
        table::words("of a"),
        table::numbers("USD"),
        table::words("avoidable"),
    ];
    let rows = order.into_iter().map(|c| {
        let price = c.price.and_then(|i| o.prices.get(i));
        let hours = c.milli_ns.0 as f64 / MILLI_NS_PER_GPU_HOUR;
        vec![
            code(&c.id),
            text(&c.pool),
            text(c.kind.title()),
            text(c.workload.as_deref().unwrap_or("")),
            text(c.labels.join(" ")),
            if c.milli_ns.0 == 0 { text("–") } else { number(words::number(hours, 2), hours) },
            price.map_or_else(|| text("–"), |p| number(p.usd_per_hour.0.exact(), p.usd_per_hour.0.to_f64())),
            text(price.map_or("", |p| &p.per)),
            number(words::number(c.usd.0.to_f64(), 2), c.usd.0.to_f64()),
            text(if c.avoidable { "yes" } else { "sunk" }),
        ]
    });
    let note = if cut > 0 {
        format!(
            "the largest {}; all {} are in charges.csv",
            words::count(LINES as u64),
            words::count(o.charges.len() as u64)
        )
    } else {
        "`fleetcast explain RUN LINE` walks from a line to its jobs".to_owned()
    };
    html! {
        details open[o.charges.len() <= 40] {
            summary { "Every line of the bill (" (words::count(o.charges.len() as u64)) ")" }
            (table::table("bill", "The bill, line by line", columns).note(note).filter(true).rows(rows).html())
        }
        (prices(v))
    }
}

fn prices(v: &View<'_>) -> Markup {
    let columns = vec![
        table::words("pool or fee"),
        table::numbers("USD/h"),
        table::words("of a"),
        table::words("from"),
        table::words("grade"),
        table::words("source"),
    ];
    let rows = v.o.prices.iter().map(|p| {
        vec![
            text(&p.pool),
            number(p.usd_per_hour.0.exact(), p.usd_per_hour.0.to_f64()),
            text(&p.per),
            text(if p.from_ns == 0 { "the start".to_owned() } else { v.clock.date_time(p.from_ns) }),
            markup(grade(&p.evidence)),
            text(&p.source),
        ]
    });
    table::table("prices", "Prices in force", columns).rows(rows).html()
}
