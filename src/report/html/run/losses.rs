//! Interruptions: what they cost, by workload and pool.

use maud::{Markup, html};

use super::View;
use crate::market::Cause;
use crate::outcome::{MILLI_NS_PER_GPU_HOUR, Part};
use crate::report::html::bars::{Bar, bars};
use crate::report::html::table::{self, maybe, number, text};
use crate::report::words;
use crate::units::Usd;

pub fn body(v: &View<'_>) -> Markup {
    html! { (parts(v)) (runs(v)) (pools(v)) (worst(v)) }
}

/// `14 capacity, 2 hardware`.
fn causes(by: &[u64]) -> String {
    let all: Vec<String> = by
        .iter()
        .zip(Cause::ALL)
        .filter(|(n, _)| **n > 0)
        .map(|(n, c)| format!("{} {}", words::count(*n), c.key().replace('_', " ")))
        .collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn parts(v: &View<'_>) -> Markup {
    let mut by: Vec<(Part, Usd)> = Part::ALL.iter().map(|p| (*p, Usd::ZERO)).collect();
    for r in v.o.split() {
        if let Some(p) = by.iter_mut().find(|p| p.0 == r.part) {
            p.1 += r.usd.0;
        }
    }
    let bill = v.o.bill().to_f64();
    let all: Vec<Bar> = by
        .into_iter()
        .filter(|(_, usd)| *usd != Usd::ZERO)
        .map(|(p, usd)| {
            let usd = usd.to_f64();
            let share = if bill > 0.0 { words::percent(usd / bill) } else { String::new() };
            let ink = match p {
                Part::Lost | Part::Restart => "vermilion",
                _ if usd < 0.0 => "green",
                _ => "slate",
            };
            Bar::new(words::sentence(p.title()), usd, ink, format!("{} USD · {share}", words::dollars(usd)))
        })
        .collect();
    let what = "The bill divided as interruptions see it, exactly: time on spot and on demand, what was thrown away and set up again, checkpoints, notices, storage, and what the provider gave back.";
    bars("split", &v.title("split", "What interruptions cost"), what, "USD", &all)
}

fn runs(v: &View<'_>) -> Markup {
    let losses = v.o.work_losses();
    let columns = vec![
        table::words("workload"),
        table::words("interruptions"),
        table::numbers("goodput").hint("productive time / time held"),
        table::numbers("lost, GPU-h"),
        table::numbers("lost, USD"),
        table::numbers("set up again, USD"),
        table::numbers("USD per useful GPU-h"),
        table::numbers("checkpoints"),
        table::numbers("saves in time"),
        table::numbers("deadlines met"),
        table::numbers("missed"),
    ];
    let rows = v.o.work.iter().zip(&losses).filter_map(|(w, l)| {
        let r = w.run.as_ref()?;
        let count = |n: u64| number(words::count(n), n as f64);
        let hours = l.lost as f64 / MILLI_NS_PER_GPU_HOUR;
        let usd = |p: Part| number(words::dollars(l.of(p).to_f64()), l.of(p).to_f64());
        Some(vec![
            text(&w.name),
            text(causes(&r.interruptions)),
            maybe(l.goodput(), words::percent),
            number(words::number(hours, 1), hours),
            usd(Part::Lost),
            usd(Part::Restart),
            maybe(l.usd_per_useful_hour(), |u| words::number(u, 2)),
            count(r.checkpoints),
            text(format!("{} of {}", words::count(r.saves), words::count(r.saves + r.saves_failed))),
            count(r.deadline_met),
            count(r.deadline_missed),
        ])
    });
    table::table("runs", "Runs that keep their progress", columns).rows(rows).html()
}

fn pools(v: &View<'_>) -> Markup {
    let columns = vec![
        table::words("pool"),
        table::words("market"),
        table::numbers("launched"),
        table::numbers("refused"),
        table::words("lost"),
        table::numbers("mean hours to a loss"),
    ];
    let rows = v.o.pools.iter().filter_map(|p| {
        let l = p.losses.as_ref()?;
        Some(vec![
            text(&p.name),
            text(&p.market),
            number(words::count(l.launches), l.launches as f64),
            number(words::count(l.launches_failed), l.launches_failed as f64),
            text(causes(&l.lost)),
            maybe(l.mean_hours_to_loss(), |h| words::number(h, 1)),
        ])
    });
    table::table("supply", "Nodes that come and go", columns).rows(rows).html()
}

fn worst(v: &View<'_>) -> Markup {
    let columns = vec![
        table::words("when"),
        table::words("workload"),
        table::words("pool"),
        table::words("cause"),
        table::numbers("nodes"),
        table::numbers("lost, GPU-h"),
        table::numbers("set up again, GPU-h"),
        table::numbers("USD"),
    ];
    let rows = v.o.work.iter().filter_map(|w| Some((w, w.run.as_ref()?))).flat_map(|(w, r)| {
        r.worst.iter().map(|l| {
            let hours = |x: u128| number(words::number(x as f64 / MILLI_NS_PER_GPU_HOUR, 1), x as f64);
            vec![
                text(v.clock.date_time(l.at_ns)),
                text(&w.name),
                text(&l.pool),
                text(l.cause.replace('_', " ")),
                number(words::count(l.nodes.into()), f64::from(l.nodes)),
                hours(l.lost.0),
                hours(l.restart.0),
                number(words::dollars(l.usd.0.to_f64()), l.usd.0.to_f64()),
            ]
        })
    });
    table::table("worst", "The interruptions that cost most", columns).note("five of each workload").rows(rows).html()
}
