//! The head of the page: key figures, budgets, options, replications; and the table of every figure.

use maud::{Markup, html};

use super::View;
use crate::outcome::metric::{Direction, TABLE, metrics};
use crate::report::chart::finishes::{misses, with_interval};
use crate::report::chart::options::{dearer, options};
use crate::report::html::bars::{Bar, bars};
use crate::report::html::page::{prose, tile};
use crate::report::html::table::{self, code, markup, maybe, number, text};
use crate::report::{sweep as say, words};
use crate::units::{Activity, Usd};

/// Key figures.
pub fn tiles(v: &View<'_>) -> Markup {
    let o = v.o;
    let bill = o.bill();
    let sunk: Usd = o.charges.iter().filter(|c| !c.avoidable).map(|c| c.usd.0).sum();
    let share = |part: f64, whole: f64| if whole > 0.0 { words::percent(part / whole) } else { "–".into() };
    let month = if o.hours() > 0.0 { words::dollars(bill.to_f64() / o.hours() * 730.0) } else { "–".into() };
    let useful = o.activity_usd(Activity::Productive).to_f64();
    let hours = o.gpu_activity(Activity::Productive) as f64 / crate::outcome::MILLI_NS_PER_GPU_HOUR;
    let gpu_bill: f64 = o.gpu_pools().map(|p| p.bill.0).sum::<Usd>().to_f64();
    let (good, concluded) = o
        .work
        .iter()
        .filter_map(|w| w.service.as_deref())
        .fold((0, 0), |(g, c), s| (g + s.good, c + s.requests.concluded()));
    let kept = o.work.iter().filter_map(|w| w.service.as_deref()).all(crate::outcome::ServiceOutcome::is_kept);
    let over = o.budgets.iter().filter(|b| b.crossed_100_ns.is_some()).count();
    let j = &o.jobs;
    let waits = o.all_waits();
    html! {
        div class="tiles" {
            (tile("Bill of the window", &words::dollars(bill.to_f64()), "USD", &format!("{month} USD a month of 730 h"), ""))
            (tile("Avoidable", &words::dollars((bill - sunk).to_f64()), "USD", &format!("{} of the bill; {} USD sunk", share((bill - sunk).to_f64(), bill.to_f64()), words::dollars(sunk.to_f64())), ""))
            (tile("Useful work", &share(useful, bill.to_f64()), "", &format!("of the bill, {} USD", words::dollars(useful)), ""))
            @if hours > 0.0 {
                (tile("A useful GPU-hour", &words::number(gpu_bill / hours, 2), "USD", &format!("{} GPU-h were productive", words::number(hours, 0)), ""))
            }
            @if let Some((allocated, truth, sampled)) = o.utilisation() {
                (tile("GPUs at work", &words::percent(truth), "", &format!("{} allocated, {} as a dashboard samples it", words::percent(allocated), words::percent(sampled)), ""))
            }
            @if concluded > 0 {
                (tile("Promises kept", &words::attained(good as f64 / concluded as f64), "", &format!("of {} requests", words::count(concluded)), if kept { "good" } else { "alarm" }))
            }
            @if j.arrived + j.running_at_start + j.queued_at_start > 0 {
                (tile("Jobs done", &words::count(j.done), "", &format!("of {} that came; {} failed", words::count(j.arrived + j.running_at_start + j.queued_at_start), words::count(j.failed)), ""))
            }
            @if let Some(p90) = waits.quantile(0.9).filter(|_| j.arrived > 0) {
                (tile("Wait, 90th percentile", &words::length(p90), "", &format!("median {}", waits.quantile(0.5).map_or_else(|| "–".into(), words::length)), ""))
            }
            @if !o.budgets.is_empty() {
                (tile("Budgets", &if over == 0 { "hold".to_owned() } else { format!("{over} of {}", o.budgets.len()) }, "", if over == 0 { "none is passed in the window" } else { "passed in the window" }, if over == 0 { "good" } else { "alarm" }))
            }
        }
    }
}

/// Budgets, options, replications.
pub fn body(v: &View<'_>) -> Markup {
    html! { (budgets(v)) (variants(v)) (luck(v)) @if v.o.budgets.is_empty() && v.results.variants.is_empty() && v.results.luck.is_empty() {
        p class="muted" { "The scenario has no budgets and no variants, and was run once." }
    } }
}

fn budgets(v: &View<'_>) -> Markup {
    let columns = vec![
        table::words("budget"),
        table::words("covers"),
        table::numbers("amount, USD"),
        table::words("for a"),
        table::numbers("spent, USD"),
        table::numbers("used"),
        table::words("80 % passed"),
        table::words("100 % passed"),
        table::words("at this rate lasts to"),
    ];
    let date = |at: Option<u64>| text(at.map_or_else(|| "–".to_owned(), |ns| v.clock.date_time(ns)));
    let rows = v.o.budgets.iter().map(|b| {
        let used = b.spent.0.to_f64() / b.amount.0.to_f64().max(1e-12);
        vec![
            text(&b.name),
            text(&b.scope),
            number(words::dollars(b.amount.0.to_f64()), b.amount.0.to_f64()),
            text(&b.period),
            number(words::dollars(b.spent.0.to_f64()), b.spent.0.to_f64()),
            number(words::percent(used), used),
            date(b.crossed_80_ns),
            date(b.crossed_100_ns),
            date(b.forecast_ns),
        ]
    });
    table::table("budgets", "Budgets", columns).rows(rows).html()
}

fn variants(v: &View<'_>) -> Markup {
    let all = options(v.o, &v.results.variants);
    if all.len() < 2 {
        return html! {};
    }
    let today = &all[0];
    let (served, runs) = (today.attained.is_some(), today.finish_s.is_some());
    let columns = vec![
        table::words("option"),
        table::numbers("bill, USD"),
        table::words("against today"),
        table::numbers(if served { "requests that kept every promise" } else { "wait, 90th percentile" }),
        table::numbers(if served {
            "TTFT p99"
        } else if runs {
            "runs done in (median)"
        } else {
            "allocated"
        }),
        table::numbers("GPUs at work"),
    ];
    let time = |s: f64| words::length((s * 1e9) as u64);
    let rows = all.iter().enumerate().map(|(i, c)| {
        vec![
            text(&c.name),
            number(words::dollars(c.usd), c.usd),
            text(if i == 0 { String::new() } else { dearer(today, c) }),
            if served { maybe(c.attained, words::attained) } else { maybe(c.wait_p90_s, time) },
            if served {
                maybe(c.ttft_p99_s, |s| words::latency((s * 1e9) as u64))
            } else if runs {
                maybe(c.finish_s, time)
            } else {
                maybe(c.allocated, words::percent)
            },
            maybe(c.truth, words::percent),
        ]
    });
    let most = all.iter().map(|c| c.usd).fold(0.0, f64::max);
    let steps: Vec<Bar> = all
        .iter()
        .enumerate()
        .map(|(i, c)| {
            let note = if i == 0 { String::new() } else { format!(" · {}", dearer(today, c)) };
            let ink = if i == 0 { "slate" } else { "blue" };
            Bar { strong: i == 0, ..Bar::new(&c.name, c.usd, ink, format!("{} USD{note}", words::dollars(c.usd))) }
        })
        .collect();
    html! {
        @if most > 0.0 {
            (bars("options", &v.title("options", "What the options cost"), "The bill of the window, today and each variant of the scenario. One run of each under the same seed: `fleetcast compare` says how sure a difference is.", "USD", &steps))
        }
        (table::table("variants", "Today and the scenario's variants", columns).note("one run each, same seed").rows(rows).html())
    }
}

fn luck(v: &View<'_>) -> Markup {
    if v.results.luck.is_empty() {
        return html! {};
    }
    let n = v.results.luck[0].1.n;
    let columns = vec![
        table::words("option"),
        table::words("workload"),
        table::words("cost, USD: mean [95 %]"),
        table::words("finish P50 (95 %)"),
        table::words("finish P90 (95 %)"),
        table::words("deadline"),
    ];
    let dollars = |m: &crate::experiment::luck::Mean| match (m.low, m.high) {
        (Some(a), Some(b)) => format!("{} [{}, {}]", words::dollars(m.mean), words::dollars(a), words::dollars(b)),
        _ => words::dollars(m.mean),
    };
    let mut rows = Vec::new();
    for (variant, l) in &v.results.luck {
        let name = variant.as_deref().unwrap_or("today");
        rows.push(vec![
            text(name),
            text("(the whole bill)"),
            text(l.cost.as_ref().map_or_else(|| "–".into(), |c| dollars(&c.mean))),
            text(""),
            text(""),
            text(if l.alike { "all runs are alike: nothing random mattered" } else { "" }),
        ]);
        for w in &l.work {
            let q = |p| w.makespan.as_ref().and_then(|m| m.at(p)).map_or_else(|| "–".to_owned(), with_interval);
            rows.push(vec![
                text(name),
                text(&w.name),
                text(w.cost.as_ref().map_or_else(|| "–".into(), |c| dollars(&c.mean))),
                text(q(0.5)),
                text(q(0.9)),
                text(w.deadline.as_ref().map_or_else(String::new, |d| misses(d, l.n))),
            ]);
        }
    }
    let caption = format!("What {} replications say", words::count(n.into()));
    table::table("luck", caption, columns).note("95 % intervals, of luck alone").rows(rows).html()
}

/// Every figure.
pub fn figures(v: &View<'_>) -> Markup {
    let columns = vec![
        table::words("figure"),
        table::numbers("value"),
        table::words("unit"),
        table::words("better"),
        table::words("what it is"),
    ];
    let better = |d: Direction| match d {
        Direction::Lower => "lower",
        Direction::Higher => "higher",
        Direction::Neutral => "",
    };
    let rows = metrics(v.o).into_iter().map(|m| {
        let meaning = TABLE.iter().find(|d| fits(d.name, &m.name)).map_or("", |d| d.meaning);
        vec![code(&m.name), maybe(m.value, say::plain), text(&m.unit), text(better(m.better)), markup(prose(meaning))]
    });
    table::table("all", "Every figure by its name", columns)
        .note("the names that gates, sweeps and `fleetcast metrics` use")
        .filter(true)
        .rows(rows)
        .html()
}

/// Whether a name is of a row of the documented table: words in capitals stand for names, which may have dots of their own.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut rest, mut first) = (name, true);
    for piece in pattern.split(|c: char| c.is_ascii_uppercase()).filter(|p| !p.is_empty()) {
        let Some(at) = rest.find(piece).filter(|at| !first || *at == 0) else { return false };
        rest = &rest[at + piece.len()..];
        first = false;
    }
    pattern.ends_with(|c: char| c.is_ascii_uppercase()) || rest.is_empty()
}
