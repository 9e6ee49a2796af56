//! Services: promises over time, requests, replicas, what tokens cost.

use maud::{Markup, html};

use super::View;
use crate::outcome::{Promise, ServiceOutcome, WorkOutcome};
use crate::report::html::figure::{Curves, INKS, Mark, Series};
use crate::report::html::page::tag;
use crate::report::html::table::{self, markup, maybe, number, text};
use crate::report::summary::services::{of, promised};
use crate::report::words;

pub fn body(v: &View<'_>) -> Markup {
    html! {
        (promises(v))
        @for (i, (w, s)) in of(v.o).enumerate() { (one(v, i, w, s)) }
        (deployments(v))
        (rollouts(v))
    }
}

fn promises(v: &View<'_>) -> Markup {
    let columns = vec![
        table::words("service"),
        table::words("promise"),
        table::numbers("kept for"),
        table::words("so it is"),
        table::numbers("requests it was made for"),
    ];
    let rows = of(v.o).flat_map(|(w, s)| {
        s.slo.iter().map(|p| {
            let (kind, word) = if p.is_kept() { ("holds", "kept") } else { ("broken", "broken") };
            vec![
                text(&w.name),
                text(promised(p)),
                maybe(p.attained(), words::attained),
                markup(tag(kind, word)),
                number(words::count(p.of), p.of as f64),
            ]
        })
    });
    let money = vec![
        table::words("service"),
        table::numbers("USD"),
        table::numbers("requests"),
        table::numbers("kept every promise"),
        table::numbers("lost"),
        table::numbers("TTFT p50"),
        table::numbers("TTFT p99"),
        table::numbers("TPOT p50"),
        table::numbers("TPOT p99"),
        table::numbers("USD per million in"),
        table::numbers("USD per million out"),
        table::numbers("USD per good request"),
    ];
    let figures = of(v.o).map(|(w, s)| {
        let bill = w.bill.0.to_f64();
        let (input, output) = s.usd_per_million(bill);
        let q =
            |h: &crate::kernel::Histogram, p| maybe(h.quantile(p).map(|ns| ns as f64), |ns| words::latency(ns as u64));
        vec![
            text(&w.name),
            number(words::dollars(bill), bill),
            number(words::count(s.requests.sent), s.requests.sent as f64),
            maybe(s.attained(), words::attained),
            number(words::count(s.requests.lost()), s.requests.lost() as f64),
            q(&s.latency.ttft, 0.5),
            q(&s.latency.ttft, 0.99),
            q(&s.latency.tpot, 0.5),
            q(&s.latency.tpot, 0.99),
            maybe(input, |u| words::number(u, 3)),
            maybe(output, |u| words::number(u, 3)),
            maybe((s.good > 0).then(|| bill / s.good as f64), |u| words::number(u, 5)),
        ]
    });
    html! {
        (table::table("promises", "Promises and how they were kept", columns).rows(rows).html())
        (table::table("services-table", "Requests, latencies and what they cost", money).rows(figures).html())
    }
}

fn one(v: &View<'_>, i: usize, w: &WorkOutcome, s: &ServiceOutcome) -> Markup {
    let (o, x) = (v.o, &s.series);
    let seconds = crate::report::chart::bucket_hours(o).into_iter().map(|h| h * 3600.0).collect::<Vec<f64>>();
    let rate = |n: &[u64]| -> Vec<f64> { n.iter().zip(&seconds).map(|(n, s)| *n as f64 / s.max(1e-9)).collect() };
    let kept: Vec<Option<f64>> =
        x.good.iter().zip(&x.concluded).map(|(g, c)| (*c > 0).then(|| 100.0 * *g as f64 / *c as f64)).collect();
    let promise = |what: Promise| s.slo.iter().find(|p| p.what == what);
    let line = |what: Promise| {
        promise(what)
            .map(|p| Mark { at: p.within_ns as f64 / 1e9, name: format!("promised to {}", words::attained(p.share)) })
    };
    let low =
        kept.iter().enumerate().filter_map(|(i, k)| Some((i, (*k)?))).reduce(|a, b| if b.1 < a.1 { b } else { a });
    let kept_title = match low {
        Some((at, k)) if k < 99.95 => format!(
            "{}: {} of requests had every promise kept, least on {} ({})",
            w.name,
            s.attained().map_or_else(|| "–".into(), words::attained),
            v.clock.date_time(at as u64 * o.series.bucket_ns),
            words::attained(k / 100.0)
        ),
        _ => format!("{}: every promise was kept at all times", w.name),
    };
    let percentiles = |p50: &[Option<f64>], p99: &[Option<f64>]| {
        vec![
            Series::with_gaps("99th percentile", "vermilion", p99.iter().copied()),
            Series::with_gaps("median", "blue", p50.iter().copied()).dash(1),
        ]
    };
    let latency = |name: &str, what: Promise, h: &crate::kernel::Histogram| {
        let p99 = h.quantile(0.99).map_or_else(|| "–".into(), words::latency);
        match promise(what) {
            Some(p) => format!(
                "{}: {name} is {p99} at the 99th percentile; {} was promised to {}",
                w.name,
                words::latency(p.within_ns),
                words::attained(p.share)
            ),
            None => format!("{}: {name} is {p99} at the 99th percentile", w.name),
        }
    };
    let total = |of: fn(&crate::outcome::service::DeploymentSeries) -> &Vec<f64>| {
        let mut sum = Vec::new();
        x.deployments.iter().for_each(|d| crate::report::chart::add(&mut sum, of(d)));
        sum
    };
    let ready = total(|d| &d.ready);
    let most = ready.iter().copied().fold(0.0, f64::max);
    let mut replicas = vec![
        Series::new("asked for", "slate", &total(|d| &d.desired)).dash(1),
        Series::new("ready", "sky", &ready),
        Series::new("starting", "orange", &total(|d| &d.starting)).dash(2),
        Series { fill: true, ..Series::new("with a step in progress", "blue", &total(|d| &d.busy)) },
    ];
    if x.deployments.len() > 1 {
        for (k, (d, series)) in s.deployments.iter().zip(&x.deployments).enumerate() {
            let one = Series::new(format!("ready: {}", d.name), INKS[(k + 3) % INKS.len()], &series.ready);
            replicas.push(Series { off: true, ..one }.dash(3));
        }
    }
    let id = |what: &str| format!("{what}-{i}");
    html! {
        h3 { (w.name) }
        (Curves::over_time(o, "% of requests that concluded", "%", vec![Series { fill: true, ..Series::with_gaps("kept every promise", "green", kept) }])
            .at_most(100.0).html(&id("slo"), &kept_title, "Of the requests that concluded in each bucket, lost ones included, the share that had every promise kept."))
        div class="two" {
            (Curves::over_time(o, "seconds", "s", percentiles(&x.ttft_p50, &x.ttft_p99)).lines(line(Promise::Ttft).into_iter().collect())
                .html(&id("ttft"), &latency("the first token", Promise::Ttft, &s.latency.ttft), "From the client's sending to the first token, retries included, by bucket."))
            (Curves::over_time(o, "seconds", "s", percentiles(&x.tpot_p50, &x.tpot_p99)).lines(line(Promise::Tpot).into_iter().collect())
                .html(&id("tpot"), &latency("a further token", Promise::Tpot, &s.latency.tpot), "Mean gap between tokens after the first, one value a request, by bucket."))
            (Curves::over_time(o, "requests a second", "/s", vec![
                    Series::new("sent", "slate", &rate(&x.sent)),
                    Series::new("kept every promise", "green", &rate(&x.good)).dash(1),
                    Series::new("lost", "vermilion", &rate(&x.lost)).dash(2),
                ])
                .html(&id("requests"), &format!("{}: {} requests, {} of them lost", w.name, words::count(s.requests.sent), words::count(s.requests.lost())), "Requests sent, served as promised, and lost (refused, limited, timed out, cut off)."))
            (Curves::over_time(o, "replicas", "", replicas)
                .html(&id("replicas"), &format!("{}: up to {} replicas take requests", w.name, words::number(most, usize::from(most.fract() > 0.05))), "Replicas over all deployments, averaged over each bucket."))
        }
    }
}

fn deployments(v: &View<'_>) -> Markup {
    let columns = vec![
        table::words("service"),
        table::words("deployment"),
        table::words("model"),
        table::numbers("GPUs each"),
        table::numbers("asked for, mean"),
        table::numbers("ready, mean"),
        table::numbers("most"),
        table::numbers("busy"),
        table::numbers("started"),
        table::numbers("start-up p50"),
        table::numbers("lost"),
        table::numbers("scalings"),
        table::numbers("KV in use"),
        table::words("steps cost as in"),
    ];
    let rows = of(v.o).flat_map(|(w, s)| {
        s.deployments.iter().map(|d| {
            let count = |n: u64| number(words::count(n), n as f64);
            let two = |x: f64| number(words::number(x, 2), x);
            let ready = d.ready_ns.0 as f64;
            vec![
                text(&w.name),
                text(&d.name),
                text(&d.model),
                count(d.gpus.into()),
                two(d.desired_mean),
                two(d.ready_mean),
                count(d.ready_max.into()),
                maybe((ready > 0.0).then(|| d.busy_ns.0 as f64 / ready), words::percent),
                count(d.started),
                maybe(d.start_up.quantile(0.5).map(|ns| ns as f64), |ns| words::length(ns as u64)),
                count(d.lost),
                count(d.scalings),
                number(words::percent(d.kv_use_mean), d.kv_use_mean),
                text(d.profiles.join("; ")),
            ]
        })
    });
    table::table("deployments", "Deployments", columns).rows(rows).html()
}

fn rollouts(v: &View<'_>) -> Markup {
    let columns = vec![
        table::words("when"),
        table::words("service"),
        table::words("deployment"),
        table::words("what"),
        table::numbers("share of requests"),
        table::words("why"),
    ];
    let rows = of(v.o).flat_map(|(w, s)| {
        s.rollouts.iter().map(|r| {
            vec![
                text(v.clock.date_time(r.at_ns)),
                text(&w.name),
                text(&r.deployment),
                text(&r.what),
                number(words::percent(r.share), r.share),
                text(&r.why),
            ]
        })
    });
    table::table("rollouts", "What rollouts decided", columns).rows(rows).html()
}
