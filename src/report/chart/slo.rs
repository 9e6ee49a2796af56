//! Latencies against promises over time, and the share of requests that kept all of them.

use super::service::{Shown, decade_ticks, decades, every, grid, panel, peaks, shown, steps};
use super::{Drawing, csv, edges, num};
use crate::outcome::{Outcome, Promise, SloOutcome};
use crate::report::axes::{About, Scale, Swatch, key, page};
use crate::report::clock::Clock;
use crate::report::scene::{Area, Scene};
use crate::report::theme::{BLUE, GREEN, PALE, SKY, VERMILION};
use crate::report::words;

/// The most services side by side.
const SERVICES: usize = 2;
/// The most steps across a panel.
const STEPS: usize = 360;

/// `TTFT within 1 s for 95 %`.
fn promised(p: &SloOutcome) -> String {
    let share = words::attained(p.share);
    match p.what {
        Promise::Deadline => format!("deadlines for {share} of requests"),
        what => format!("{} within {} for {share} of requests", what.key().to_uppercase(), words::latency(p.within_ns)),
    }
}

fn title(o: &Outcome) -> String {
    let all: Vec<(Shown, &SloOutcome)> = every(o).flat_map(|s| s.service.slo.iter().map(move |p| (s, p))).collect();
    let margin = |p: &SloOutcome| p.attained().map_or(f64::INFINITY, |a| a - p.share);
    let least = all.iter().copied().reduce(|a, b| if margin(b.1) < margin(a.1) { b } else { a });
    let Some((s, p)) = least else {
        let slow = every(o).filter_map(|s| Some((s, s.service.latency.ttft.quantile(0.99)?)));
        return match slow.reduce(|a, b| if b.1 > a.1 { b } else { a }) {
            Some((s, ns)) => {
                format!("Nothing is promised; {} answers 99 % within {}", s.work.name, words::latency(ns))
            }
            None => "Nothing is promised, and nothing was answered".into(),
        };
    };
    let got = p.attained().map_or_else(|| "none came".into(), |a| format!("{} had it", words::attained(a)));
    let name = words::shorten(&s.work.name, 28);
    match all.iter().filter(|(_, p)| !p.is_kept()).count() {
        0 if all.len() == 1 => format!("{name} keeps its promise, {}: {got}", promised(p)),
        0 => format!("Every promise is kept; the closest is {name}'s, {}: {got}", promised(p)),
        1 => format!("{name} breaks its promise, {}: {got}", promised(p)),
        n => format!("{n} promises are broken, worst {name}'s, {}: {got}", promised(p)),
    }
}

/// Draws it; `None` where no service answered anything.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let (services, rest) =
        shown(o, SERVICES, |s| s.series.ttft_p99.iter().any(Option::is_some) || s.requests.lost() > 0);
    if services.is_empty() || o.series.buckets == 0 {
        return None;
    }
    let title = title(o);
    let k = o.series.buckets.div_ceil(STEPS).max(1);
    let of = if k > 1 { "the highest of neighbouring buckets" } else { "by bucket of time" };
    let note = format!("{rest}quantiles of the requests answered, {of}; the axes of latencies have even factors");
    let (mut s, body) = page(&title, &note, about);
    let entries = [
        (Swatch::Line(BLUE, 4), "99th percentile"),
        (Swatch::Line(SKY, 3), "median"),
        (Swatch::Dash(VERMILION, 3), "promise"),
        (Swatch::Fill(GREEN.tint(0.5)), "share that kept every promise"),
        (Swatch::Hatch(PALE, VERMILION), "share that did not"),
    ];
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let panels = grid(Area::new(body.x0, top, body.x1, body.y1), services.len(), 3, 60.0);
    for (service, column) in services.iter().zip(&panels) {
        latency(&mut s, o, service, Promise::Ttft, column[0], services.len() > 1);
        latency(&mut s, o, service, Promise::Tpot, column[1], services.len() > 1);
        kept(&mut s, o, service, column[2], services.len() > 1);
    }
    Some(Drawing { name: "slo", title, scene: s, csv: table(o) })
}

fn named(service: &Shown, what: &str, many: bool) -> String {
    if many { format!("{}: {what}", words::shorten(&service.work.name, 14)) } else { what.to_owned() }
}

fn latency(s: &mut Scene, o: &Outcome, service: &Shown, what: Promise, a: Area, many: bool) {
    let v = &service.service.series;
    let (p50, p99) = if what == Promise::Ttft { (&v.ttft_p50, &v.ttft_p99) } else { (&v.tpot_p50, &v.tpot_p99) };
    let (k, p50) = peaks(p50, STEPS);
    let (_, p99) = peaks(p99, STEPS);
    let promise = service.service.slo.iter().find(|p| p.what == what);
    let line = promise.map(|p| p.within_ns as f64 / 1e9);
    let (lo, hi) = decades(p50.iter().chain(&p99).copied().flatten().chain(line));
    let fact = match promise {
        Some(p) => {
            let got = p.attained().map_or_else(|| "promised to none".into(), words::attained);
            let verdict = if p.is_kept() { "kept" } else { "broken" };
            format!("≤ {} for {}: {got}, {verdict}", words::latency(p.within_ns), words::attained(p.share))
        }
        None => "nothing promised".into(),
    };
    let name = named(service, &what.key().to_uppercase(), many);
    let plot = panel(s, o, a, Scale::Log(lo, hi), &decade_ticks(lo, hi), (&name, &fact));
    let e = edges(o, k, p50.len());
    steps(s, &plot, &e, &p50, (SKY, 3, false));
    steps(s, &plot, &e, &p99, (BLUE, 4, false));
    if let Some(v) = line {
        s.dashed(&[(plot.area.x0, plot.py(v)), (plot.area.x1, plot.py(v))], VERMILION, 3, 10.0, 6.0);
    }
    plot.base(s);
}

fn kept(s: &mut Scene, o: &Outcome, service: &Shown, a: Area, many: bool) {
    let v = &service.service.series;
    let k = v.concluded.len().div_ceil(STEPS).max(1);
    let share = |(good, all): (&[u64], &[u64])| {
        let (good, all): (u64, u64) = (good.iter().sum(), all.iter().sum());
        if all > 0 { [good as f64 / all as f64, 1.0] } else { [0.0, 0.0] }
    };
    let all: Vec<[f64; 2]> = v.good.chunks(k).zip(v.concluded.chunks(k)).map(share).collect();
    let good: Vec<f64> = all.iter().map(|v| v[0]).collect();
    let whole: Vec<f64> = all.iter().map(|v| v[1]).collect();
    let ticks: Vec<(f64, String)> = [0.0, 0.5, 1.0].map(|v| (v, format!("{} %", v * 100.0))).to_vec();
    let attained = service.service.attained().map_or_else(|| "–".into(), words::attained);
    let lost = service.service.requests.lost();
    let lost = if lost > 0 { format!(", {} lost", words::count(lost)) } else { String::new() };
    let fact = format!("{attained} of {}{lost}", words::count(service.service.requests.concluded()));
    let name = named(service, "promises kept", many);
    let plot = panel(s, o, a, Scale::Linear(0.0, 1.0), &ticks, (&name, &fact));
    let e = edges(o, k, good.len());
    for c in plot.columns(&e, &vec![0.0; good.len()], &good) {
        s.rect(c, GREEN.tint(0.5));
    }
    let missed = plot.columns(&e, &good, &whole);
    for c in &missed {
        s.rect(*c, PALE);
    }
    s.hatch_all(&missed, VERMILION, 8.0);
    plot.base(s);
}

fn table(o: &Outcome) -> String {
    let clock = Clock::of(o);
    let header = [
        "time",
        "service",
        "ttft_p50_s",
        "ttft_p99_s",
        "ttft_promise_s",
        "tpot_p50_s",
        "tpot_p99_s",
        "tpot_promise_s",
        "concluded",
        "good",
    ];
    let rows = every(o).flat_map(|s| {
        let v = &s.service.series;
        let promise = |what: Promise| {
            let p = s.service.slo.iter().find(|p| p.what == what);
            p.map_or_else(String::new, |p| num(p.within_ns as f64 / 1e9))
        };
        let (ttft, tpot) = (promise(Promise::Ttft), promise(Promise::Tpot));
        let clock = &clock;
        (0..v.concluded.len()).map(move |i| {
            let at = |v: &[Option<f64>]| v.get(i).copied().flatten().map_or_else(String::new, num);
            vec![
                clock.iso(i as u64 * o.series.bucket_ns),
                s.work.name.clone(),
                at(&v.ttft_p50),
                at(&v.ttft_p99),
                ttft.clone(),
                at(&v.tpot_p50),
                at(&v.tpot_p99),
                tpot.clone(),
                v.concluded[i].to_string(),
                v.good.get(i).copied().unwrap_or(0).to_string(),
            ]
        })
    });
    csv(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_title_is_about_the_promise_that_fell_shortest() {
        let mut o = sample::services::outcome();
        let slo = |what, share, met| SloOutcome { what, within_ns: 500_000_000, share, met, of: 1_000 };
        o.work[1].service.as_mut().unwrap().slo.clear();
        let mut with = |slo: Vec<SloOutcome>| {
            o.work[0].service.as_mut().unwrap().slo = slo;
            title(&o)
        };
        let (kept, near) = (slo(Promise::Ttft, 0.95, 960), slo(Promise::E2e, 0.95, 949));
        let far = slo(Promise::Tpot, 0.99, 912);
        let ttft = "TTFT within 500 ms for 95 % of requests: 96 % had it";
        assert_eq!(with(vec![kept]), format!("chat keeps its promise, {ttft}"));
        assert_eq!(with(vec![kept, kept]), format!("Every promise is kept; the closest is chat's, {ttft}"));
        let broken = "TPOT within 500 ms for 99 % of requests: 91.2 % had it";
        assert_eq!(with(vec![kept, far]), format!("chat breaks its promise, {broken}"));
        assert_eq!(with(vec![near, far]), format!("2 promises are broken, worst chat's, {broken}"));
        assert!(with(vec![]).starts_with("Nothing is promised; chat answers 99 % within 1 min"));
    }
}
