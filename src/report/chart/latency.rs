//! Cumulative curves of the latencies of services, with their promises.

use super::service::{Shown, decade_ticks, every, grid, shown};
use super::{Drawing, csv, num};
use crate::kernel::Histogram;
use crate::outcome::{Outcome, Promise};
use crate::report::axes::{About, Plot, Scale, Swatch, key, page};
use crate::report::plot::heading;
use crate::report::scene::{Anchor, Area, Scene, Shape};
use crate::report::theme::{self, BLUE, GREEN, GREY, HEAD_PX, Ink, ORANGE, TICK_PX, VERMILION, WHITE};
use crate::report::words;

/// The most services.
const SERVICES: usize = 4;
/// What has a curve, with its colour and the width of its line: told apart without colour too.
const CURVES: [(Promise, Ink, u32); 3] =
    [(Promise::Tpot, ORANGE, 3), (Promise::Ttft, BLUE, 5), (Promise::E2e, GREEN, 3)];

fn histogram<'a>(s: &Shown<'a>, what: Promise) -> Option<&'a Histogram> {
    let l = &s.service.latency;
    match what {
        Promise::Ttft => Some(&l.ttft),
        Promise::Tpot => Some(&l.tpot),
        Promise::E2e => Some(&l.e2e),
        Promise::Deadline => None,
    }
    .filter(|h| h.count() > 0)
}

/// Points (seconds, share at or below), up to the largest value.
fn points(h: &Histogram) -> Vec<(f64, f64)> {
    let share = (0..400).map(|i| f64::from(i) / 400.0).chain([0.999, 0.9999, 1.0]);
    share.filter_map(|p| Some((h.quantile(p)? as f64 / 1e9, p))).filter(|p| p.0 > 0.0).collect()
}

fn title(services: &[Shown]) -> String {
    let of = |s: &Shown| {
        let ttft = s.service.latency.ttft.quantile(0.5)?;
        Some((words::shorten(&s.work.name, 28), ttft, s.service.latency.ttft.quantile(0.99)?))
    };
    // The service whose slowest hundredth is furthest from its median.
    let far = |v: &(String, u64, u64)| v.2 as f64 / v.1.max(1) as f64;
    let Some(v) = services.iter().filter_map(of).reduce(|a, b| if far(&b) > far(&a) { b } else { a }) else {
        return "Nothing was answered".into();
    };
    format!(
        "Half of {}'s requests have their first token within {}, 99 % within {}",
        v.0,
        words::latency(v.1),
        words::latency(v.2)
    )
}

/// Draws it; `None` where nothing was answered.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let (services, rest) = shown(o, SERVICES, |s| s.latency.ttft.count() > 0);
    if services.is_empty() {
        return None;
    }
    let title = title(&services);
    let note = format!("{rest}share of answered requests at or below; discs: promises, at their share");
    let (mut s, body) = page(&title, &note, about);
    let entries = [
        (Swatch::Line(ORANGE, 3), "TPOT: mean gap between tokens"),
        (Swatch::Line(BLUE, 5), "TTFT: first token"),
        (Swatch::Line(GREEN, 3), "E2E: last token"),
        (Swatch::Dash(VERMILION, 3), "promise"),
    ];
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let (columns, rows) = (services.len().min(2), services.len().div_ceil(2));
    let panels = grid(Area::new(body.x0, top, body.x1, body.y1), columns, rows, 60.0);
    for (i, v) in services.iter().enumerate() {
        one(&mut s, v, panels[i % columns][i / columns], services.len() > 1);
    }
    Some(Drawing { name: "latency", title, scene: s, csv: table(o) })
}

fn one(s: &mut Scene, v: &Shown, a: Area, many: bool) {
    let curves: Vec<_> = CURVES.iter().filter_map(|(p, ink, w)| Some((*ink, *w, points(histogram(v, *p)?)))).collect();
    let promises = || v.service.slo.iter().filter(|p| p.what != Promise::Deadline && p.within_ns > 0);
    let xs = curves.iter().flat_map(|c| &c.2).map(|p| p.0).chain(promises().map(|p| p.within_ns as f64 / 1e9));
    let (lo, hi) = super::service::decades(xs);
    let area = Area::new(a.x0 + 90.0, a.y0 + 48.0, a.x1 - 24.0, a.y1 - 76.0);
    let plot = Plot { area, x: Scale::Log(lo, hi), y: Scale::Linear(0.0, 1.0) };
    let ticks: Vec<(f64, String)> = (0..=4).map(|i| (f64::from(i) * 0.25, format!("{} %", i * 25))).collect();
    plot.y_axis(s, &ticks, "");
    plot.x_axis(s, &decade_ticks(lo, hi), "time (each step a factor of ten)");
    let name = if many { words::shorten(&v.work.name, 20) } else { "promises".into() };
    heading(s, plot.area.x0, a.y0 + 22.0, &name, a.w());
    let x = plot.area.x0 + theme::width(&name, HEAD_PX, true) + 20.0;
    let facts: Vec<String> = promises()
        .map(|p| {
            let got = p.attained().map_or_else(|| "–".into(), words::attained);
            let verdict = if p.is_kept() { "kept" } else { "broken" };
            format!("{} ≤ {}: {got}, {verdict}", p.what.key().to_uppercase(), words::latency(p.within_ns))
        })
        .collect();
    let facts = if facts.is_empty() { "no latency promised".to_owned() } else { facts.join(" · ") };
    s.text(x, a.y0 + 22.0, theme::fit(&facts, TICK_PX, false, a.x1 - x), TICK_PX, GREY, Anchor::Start);
    for (ink, width, points) in curves {
        s.path(points.iter().map(|p| plot.at(p.0, p.1)).collect(), ink, width);
    }
    for p in promises() {
        let (x, y) = plot.at(p.within_ns as f64 / 1e9, p.share);
        s.dashed(&[(x, plot.area.y1), (x, plot.area.y0)], VERMILION, 3, 10.0, 6.0);
        let ink = CURVES.iter().find(|c| c.0 == p.what).map_or(VERMILION, |c| c.1);
        s.shapes.push(Shape::Disc((x, y), 12.0, VERMILION));
        s.shapes.push(Shape::Disc((x, y), 9.0, WHITE));
        s.shapes.push(Shape::Disc((x, y), 6.0, ink));
    }
    plot.base(s);
}

fn table(o: &Outcome) -> String {
    let rows = every(o).flat_map(|s| {
        CURVES.iter().filter_map(move |c| Some((c.0, histogram(&s, c.0)?))).flat_map(move |(what, h)| {
            points(h).into_iter().map(move |(x, p)| vec![s.work.name.clone(), what.key().to_owned(), num(p), num(x)])
        })
    });
    csv(&["service", "what", "share", "seconds"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_the_distribution_up_to_its_largest_value() {
        let mut h = Histogram::new();
        // Nine of 1,000 ns and one of 2,000, both exact in the histogram.
        (0..9).for_each(|_| h.record(1_000));
        h.record(2_000);
        let p = points(&h);
        let below = p.iter().filter(|p| p.0 < 1.5e-6).map(|p| p.1).fold(0.0, f64::max);
        assert!((below - 0.9).abs() < 1e-9, "{below}");
        assert_eq!(p.last(), Some(&(2e-6, 1.0)));
        assert!(p.windows(2).all(|w| w[0].0 <= w[1].0 && w[0].1 < w[1].1));
    }
}
