//! The options: what each variant costs and how long its jobs wait, or how its services keep their promises, with today
//! marked.

use super::points::{self, Point};
use super::{Drawing, csv, num};
use crate::outcome::{Outcome, metrics};
use crate::report::axes::{About, Plot, Scale, dollars, log_time, page, plain, ticks};
use crate::report::scene::{Anchor, Area, Scene};
use crate::report::theme::{self, GREY, HEAD_PX, MID, TICK_PX};
use crate::report::words;

/// An option's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// `today` or the variant's name.
    pub name: String,
    /// The bill, USD.
    pub usd: f64,
    /// 90th percentile of waits, seconds; absent when no job started.
    pub wait_p90_s: Option<f64>,
    /// Median time from arrival to completion of runs that keep their progress, seconds; absent where none has finished.
    pub finish_s: Option<f64>,
    /// Of the requests to services that concluded, the share that kept every promise, 0 to 1; absent without any.
    pub attained: Option<f64>,
    /// 99th percentile of the time to the first token over all services, seconds; absent where none was answered.
    pub ttft_p99_s: Option<f64>,
    /// Allocated utilisation, 0 to 1.
    pub allocated: Option<f64>,
    /// True utilisation, 0 to 1.
    pub truth: Option<f64>,
}

impl Choice {
    /// What is drawn across, less of which is better: seconds of p90 wait, or, where there are services, the percentage
    /// of requests that a promise was broken to.
    fn across(&self, served: bool) -> Option<f64> {
        if served { self.attained.map(|a| 100.0 * (1.0 - a)) } else { self.wait_p90_s }
    }
}

/// Today and its variants, today first.
#[must_use]
pub fn options(o: &Outcome, variants: &[Outcome]) -> Vec<Choice> {
    let of = |o: &Outcome, name: String| {
        let waits = o.all_waits();
        let u = o.utilisation();
        let mut finish = crate::kernel::Histogram::new();
        o.work.iter().filter(|w| w.run.is_some()).for_each(|w| finish.merge(&w.turnaround));
        let mut ttft = crate::kernel::Histogram::new();
        let (mut good, mut concluded) = (0, 0);
        for v in o.work.iter().filter_map(|w| w.service.as_deref()) {
            ttft.merge(&v.latency.ttft);
            good += v.good;
            concluded += v.requests.concluded();
        }
        Choice {
            name,
            usd: o.bill().to_f64(),
            wait_p90_s: waits.quantile(0.9).map(|ns| ns as f64 / 1e9),
            finish_s: finish.quantile(0.5).map(|ns| ns as f64 / 1e9),
            attained: (concluded > 0).then(|| good as f64 / concluded as f64),
            ttft_p99_s: ttft.quantile(0.99).map(|ns| ns as f64 / 1e9),
            allocated: u.map(|u| u.0),
            truth: u.map(|u| u.1),
        }
    };
    let named = |v: &Outcome| of(v, v.variant.clone().unwrap_or_else(|| v.scenario.clone()));
    std::iter::once(of(o, "today".into())).chain(variants.iter().map(named)).collect()
}

/// What a variant changes in the bill, in words: `12 % cheaper`.
#[must_use]
pub fn dearer(base: &Choice, v: &Choice) -> String {
    difference(base.usd, v.usd)
}

/// A bill beside another, in words: `12 % cheaper`.
pub(super) fn difference(base_usd: f64, usd: f64) -> String {
    let cost = if base_usd > 0.0 { usd / base_usd - 1.0 } else { 0.0 };
    match cost {
        c if c <= -0.0005 => format!("{} cheaper", words::percent(-c)),
        c if c >= 0.0005 => format!("{} dearer", words::percent(c)),
        _ => "same cost".into(),
    }
}

/// What a variant changes in the bill and the waits, in words: `12 % cheaper, p90 wait 3 min longer`; of runs that keep
/// their progress, when they are done: `12 % cheaper, runs done 3 h later`; of services, how their promises are kept.
#[must_use]
pub fn against(base: &Choice, v: &Choice) -> String {
    let cost = dearer(base, v);
    if let (Some(a), Some(b)) = (base.attained, v.attained) {
        let [a, b] = [a, b].map(words::attained);
        let kept = format!("{cost}, promises kept for {b} of requests");
        return if a == b { format!("{kept} as before") } else { format!("{kept} instead of {a}") };
    }
    if let (Some(a), Some(b)) = (base.finish_s, v.finish_s) {
        let d = words::length(((a - b).abs() * 1e9) as u64);
        return match a - b {
            // The histograms behind both have three digits.
            e if e.abs() <= 2e-3 * a => format!("{cost}, runs done as soon"),
            e => format!("{cost}, runs done {d} {}", if e > 0.0 { "sooner" } else { "later" }),
        };
    }
    let wait = match (base.wait_p90_s, v.wait_p90_s) {
        (Some(a), Some(b)) if (a - b).abs() < 1.0 => "same p90 wait".into(),
        (Some(a), Some(b)) => {
            let d = words::length(((a - b).abs() * 1e9) as u64);
            format!("p90 wait {d} {}", if b < a { "shorter" } else { "longer" })
        }
        _ => return cost,
    };
    format!("{cost}, {wait}")
}

fn title(all: &[Choice]) -> String {
    let today = &all[0];
    let Some(best) = all[1..].iter().reduce(|a, b| if b.usd < a.usd { b } else { a }) else {
        return String::new();
    };
    if best.usd < today.usd * 0.9995 {
        return format!("{} is the cheapest option: {}", best.name, against(today, best));
    }
    let served = today.attained.is_some();
    let better = all[1..].iter().filter(|v| match (v.across(served), today.across(served)) {
        (Some(a), Some(b)) => a < b,
        (a, b) => !served && a < b,
    });
    match better.reduce(|a, b| if b.usd < a.usd { b } else { a }) {
        Some(v) if served => {
            format!("No option is cheaper than today; {} keeps more promises: {}", v.name, against(today, v))
        }
        None if served => "No option beats today: none is cheaper and none keeps more promises".into(),
        Some(v) => format!("No option is cheaper than today; {} buys shorter waits: {}", v.name, against(today, v)),
        None => "No option beats today: none is cheaper and none waits less".into(),
    }
}

/// Draws it; `None` without variants.
#[must_use]
pub fn draw(o: &Outcome, variants: &[Outcome], about: &About) -> Option<Drawing> {
    if variants.is_empty() {
        return None;
    }
    let all = options(o, variants);
    let title = title(&all);
    let table = table(o, variants);
    let note = "down and left is better; the stepped line joins the options that no other beats on both";
    let (mut s, body) = page(&title, note, about);
    let served = all[0].attained.is_some();
    let shown: Vec<&Choice> = all.iter().filter(|v| v.across(served).is_some()).collect();
    if shown.is_empty() {
        let t = "No job started under any option: there are no waits to compare";
        s.text(body.x0, body.y0 + 60.0, t, HEAD_PX, GREY, Anchor::Start);
        return Some(Drawing { name: "options", title, scene: s, csv: table });
    }
    let plot = frame(&mut s, &body, &shown, served);
    frontier(&mut s, &plot, &shown, served);
    let points: Vec<Point> = shown
        .iter()
        .enumerate()
        .map(|(i, v)| Point {
            at: spot(&plot, v, served),
            name: v.name.clone(),
            detail: detail(&all[0], v, served),
            base: i == 0 && v.name == all[0].name,
        })
        .collect();
    points::discs(&mut s, &points);
    points::label(&mut s, &plot, &body, &points, "options");
    Some(Drawing { name: "options", title, scene: s, csv: table })
}

fn spot(plot: &Plot, v: &Choice, served: bool) -> (f64, f64) {
    plot.at(v.across(served).unwrap_or(0.0), v.usd)
}

/// Axes around the points with a margin; a wide spread of waits gets an axis of factors.
fn frame(s: &mut Scene, body: &Area, shown: &[&Choice], served: bool) -> Plot {
    let range = |v: Vec<f64>| {
        let (lo, hi) = v.iter().fold((f64::MAX, f64::MIN), |a, v| (a.0.min(*v), a.1.max(*v)));
        (lo, hi)
    };
    let (c0, c1) = range(shown.iter().map(|v| v.usd).collect());
    let (w0, w1) = range(shown.iter().filter_map(|v| v.across(served)).collect());
    let pad = ((c1 - c0) * 0.25).max(c1.abs() * 0.02).max(0.5);
    let y = Scale::Linear((c0 - pad).max(0.0), c1 + pad);
    let (t, step) = match y {
        Scale::Linear(a, b) | Scale::Log(a, b) => ticks(a, b, 6),
    };
    let y_ticks = dollars(&t, step);
    let left = y_ticks.iter().map(|t| theme::width(&t.1, TICK_PX, false)).fold(0.0, f64::max) + 14.0;
    let area = Area::new(body.x0 + left, body.y0 + 56.0, body.x1 - 40.0, body.y1 - 80.0);
    // Minutes or hours on an even axis; factors where the longest wait is far beyond the shortest.
    let (x, x_ticks, unit) = if served {
        let pad = ((w1 - w0) * 0.25).max(w1 * 0.1).max(0.02);
        let (lo, hi) = ((w0 - pad).max(0.0), (w1 + pad).min(100.0));
        let (v, step) = ticks(lo, hi, 7);
        // Attainment, from the best on the left: down and left is better, as with waits.
        let t = v.iter().map(|v| (*v, format!("{} %", words::number(100.0 - v, words::decimals(step))))).collect();
        (Scale::Linear(lo, hi), t, "requests that kept every promise".to_owned())
    } else if w0 >= 1.0 && w1 / w0 > 20.0 {
        let (lo, hi) = (w0 / 1.6, w1 * 1.6);
        (Scale::Log(lo, hi), log_time(lo, hi), "p90 wait (each step a factor)".to_owned())
    } else {
        let (unit, per) = match w1 {
            w if w < 180.0 => ("seconds", 1.0),
            w if w < 10_800.0 => ("minutes", 60.0),
            w if w < 259_200.0 => ("hours", 3_600.0),
            _ => ("days", 86_400.0),
        };
        let pad = ((w1 - w0) * 0.25).max(w1 * 0.1).max(per * 0.5);
        let (lo, hi) = ((w0 - pad).max(0.0), w1 + pad);
        let (v, step) = ticks(lo / per, hi / per, 7);
        let t = plain(&v, step).into_iter().map(|(v, t)| (v * per, t)).collect();
        (Scale::Linear(lo, hi), t, format!("90th percentile of waits, {unit}"))
    };
    let plot = Plot { area, x, y };
    let from = if matches!(y, Scale::Linear(a, _) if a > 0.0) { " (the axis does not begin at 0)" } else { "" };
    plot.y_axis(s, &y_ticks, &format!("USD in the window{from}"));
    plot.x_axis(s, &x_ticks, &unit);
    plot
}

fn frontier(s: &mut Scene, plot: &Plot, shown: &[&Choice], served: bool) {
    let mut points: Vec<(f64, f64)> = shown.iter().map(|v| spot(plot, v, served)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    // Pixels grow downwards: going right, only a point lower than all before it is unbeaten.
    let mut line: Vec<(f64, f64)> = Vec::new();
    for p in points {
        match line.last().copied() {
            None => line.push(p),
            Some(last) if p.1 > last.1 + 0.5 => line.extend([(p.0, last.1), p]),
            _ => {}
        }
    }
    s.dashed(&line, MID, 2, 10.0, 6.0);
}

/// What is said of a point beneath its name.
fn detail(today: &Choice, v: &Choice, served: bool) -> String {
    if served {
        let kept = words::attained(v.attained.unwrap_or(0.0));
        let ttft = v.ttft_p99_s.map(|s| format!(", TTFT p99 {}", words::latency((s * 1e9) as u64)));
        let usd = if v.name == today.name { format!("{} USD", words::dollars(v.usd)) } else { dearer(today, v) };
        format!("{usd}, {kept} kept{}", ttft.unwrap_or_default())
    } else if v.name == today.name {
        format!("{} USD, p90 {}", words::dollars(v.usd), words::length((v.wait_p90_s.unwrap_or(0.0) * 1e9) as u64))
    } else {
        against(today, v)
    }
}

fn table(o: &Outcome, variants: &[Outcome]) -> String {
    // Every metric of every option, so that the next question needs no second run.
    let columns: Vec<(String, Vec<crate::outcome::Metric>)> = std::iter::once(("today".to_owned(), metrics(o)))
        .chain(variants.iter().map(|v| (v.variant.clone().unwrap_or_else(|| v.scenario.clone()), metrics(v))))
        .collect();
    let mut names: Vec<(String, String)> = Vec::new();
    for (_, ms) in &columns {
        for m in ms {
            if !names.iter().any(|n| n.0 == m.name) {
                names.push((m.name.clone(), m.unit.clone()));
            }
        }
    }
    let mut header = vec!["metric", "unit"];
    header.extend(columns.iter().map(|c| c.0.as_str()));
    let rows = names.iter().map(|(n, unit)| {
        let mut row = vec![n.clone(), unit.clone()];
        row.extend(
            columns
                .iter()
                .map(|(_, ms)| ms.iter().find(|m| m.name == *n).and_then(|m| m.value).map_or_else(String::new, num)),
        );
        row
    });
    csv(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_compared_by_their_promises() {
        let choice = |usd, attained| Choice {
            name: "a".into(),
            usd,
            wait_p90_s: None,
            finish_s: None,
            attained: Some(attained),
            ttft_p99_s: None,
            allocated: None,
            truth: None,
        };
        let base = choice(100.0, 0.95);
        let text = against(&base, &choice(88.0, 0.912));
        assert_eq!(text, "12 % cheaper, promises kept for 91.2 % of requests instead of 95 %");
        let text = against(&base, &choice(100.0, 0.95));
        assert_eq!(text, "same cost, promises kept for 95 % of requests as before");
        assert!((base.across(true).unwrap() - 5.0).abs() < 1e-9);
        let dearer = title(&[base.clone(), choice(120.0, 0.99)]);
        assert!(dearer.starts_with("No option is cheaper than today; a keeps more promises"), "{dearer}");
        let worse = title(&[base.clone(), choice(120.0, 0.9)]);
        assert!(worse.starts_with("No option beats today"), "{worse}");
    }

    #[test]
    fn runs_that_keep_their_progress_are_compared_by_when_they_are_done() {
        let choice = |usd, finish_s| Choice {
            name: String::new(),
            usd,
            wait_p90_s: Some(9.0),
            finish_s,
            attained: None,
            ttft_p99_s: None,
            allocated: None,
            truth: None,
        };
        let base = choice(100.0, Some(36_000.0));
        assert_eq!(against(&base, &choice(88.0, Some(46_800.0))), "12 % cheaper, runs done 3 h later");
        assert_eq!(against(&base, &choice(100.0, Some(36_010.0))), "same cost, runs done as soon");
        assert_eq!(against(&base, &choice(100.0, None)), "same cost, same p90 wait");
    }
}
