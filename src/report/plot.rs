//! Plots that more than one chart uses: lines with their names, distribution curves, heat maps.

use super::axes::{Plot, Scale, from_zero, log_counts, log_time, plain};
use super::clock::Clock;
use super::scene::{Anchor, Area, Scene, spread};
use super::theme::{self, BLACK, GREY, HEAD_PX, Ink, LABEL_PX, MID, PALE, TICK_PX};

/// A row of a heat map.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatRow {
    /// At the left.
    pub name: String,
    /// Shares from 0 to 1, one a column; `None` where there is nothing to show.
    pub values: Vec<Option<f64>>,
    /// At the right.
    pub note: String,
}

/// A heat map over time with a fixed scale from 0 to 100 %; what is missing is hatched, never 0.
pub fn heat(s: &mut Scene, body: Area, rows: &[HeatRow], column_ns: u64, horizon_ns: u64, clock: &Clock) {
    let left = rows.iter().map(|r| theme::width(&r.name, LABEL_PX, false)).fold(0.0, f64::max).min(420.0);
    let right = rows.iter().map(|r| theme::width(&r.note, LABEL_PX, false)).fold(0.0, f64::max);
    let area = Area::new(body.x0 + left + 24.0, body.y0 + 56.0, body.x1 - right - 40.0, body.y1 - 50.0);
    let pitch = (area.h() / rows.len().max(1) as f64).min(260.0);
    let area = Area { y1: area.y0 + pitch * rows.len() as f64, ..area };
    let plot = Plot { area, x: Scale::Linear(0.0, horizon_ns as f64), y: Scale::Linear(0.0, 1.0) };
    scale_bar(s, area.x1, body.y0 + 14.0);
    for (i, r) in rows.iter().enumerate() {
        let (y0, y1) = ((area.y0 + pitch * i as f64).round(), (area.y0 + pitch * (i + 1) as f64).round());
        let gap = if pitch > 30.0 { 3.0 } else { 1.0 };
        for (c, v) in r.values.iter().enumerate() {
            let x = |c: usize| plot.px((c as u64 * column_ns).min(horizon_ns) as f64).round();
            let cell = Area::new(x(c), y0, x(c + 1), y1 - gap);
            match v {
                Some(v) => s.rect(cell, theme::heat(*v)),
                None => {
                    s.rect(cell, PALE);
                    s.hatch(cell, MID, 8.0);
                }
            }
        }
        let y = (y0 + y1 - gap) / 2.0 + 0.36 * LABEL_PX;
        let name = theme::fit(&r.name, LABEL_PX, false, 420.0);
        s.text(area.x0 - 16.0, y, name, LABEL_PX, BLACK, Anchor::End);
        s.text(area.x1 + 16.0, y, r.note.clone(), LABEL_PX, GREY, Anchor::Start);
    }
    plot.time_axis(s, clock, horizon_ns);
}

/// The colours of a heat map with their values, right-aligned at `x1`.
fn scale_bar(s: &mut Scene, x1: f64, y: f64) {
    let (w, x0) = (360.0, x1 - 360.0 - theme::width("100 %", TICK_PX, false) - 14.0);
    for i in 0..60 {
        let a = Area::new(x0 + w * f64::from(i) / 60.0, y - 16.0, x0 + w * f64::from(i + 1) / 60.0, y + 6.0);
        s.rect(a, theme::heat(f64::from(i) / 59.0));
    }
    s.text(x0 - 12.0, y + 3.0, "0 %", TICK_PX, GREY, Anchor::End);
    s.text(x0 + w + 12.0, y + 3.0, "100 %", TICK_PX, GREY, Anchor::Start);
}

/// A line with its name; points in the plot's own units, `x` ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// At its right end.
    pub name: String,
    /// Colour.
    pub ink: Ink,
    /// Dashed, for what is fitted or forecast.
    pub dashed: bool,
    /// The points.
    pub points: Vec<(f64, f64)>,
}

/// Lines from 0 upwards with their names at the right ends; `x` labels are given.
pub fn lines(s: &mut Scene, body: Area, lines: &[Line], x: Scale, x_ticks: &[(f64, String)], units: (&str, &str)) {
    let max = lines.iter().flat_map(|l| &l.points).map(|p| p.1).fold(0.0, f64::max);
    let (top, t, step) = from_zero(max, 1e-9, 5);
    let t = plain(&t, step);
    let plot = framed(body, lines, &t, x, Scale::Linear(0.0, top));
    plot.y_axis(s, &t, units.1);
    plot.x_axis(s, x_ticks, units.0);
    draw_lines(s, &plot, lines);
}

/// Distribution curves (share of values at or below x) over seconds, each step of the axis a factor.
pub fn ecdf(s: &mut Scene, body: Area, lines: &[Line], unit: &str) {
    curves(s, body, lines, unit, 1e-3, log_time);
}

/// The same over counts from 1 on: the axis has powers of ten.
pub fn ecdf_counts(s: &mut Scene, body: Area, lines: &[Line], unit: &str) {
    curves(s, body, lines, unit, 1.0, log_counts);
}

fn curves(
    s: &mut Scene,
    body: Area,
    lines: &[Line],
    unit: &str,
    least: f64,
    ticks: fn(f64, f64) -> Vec<(f64, String)>,
) {
    let xs = || lines.iter().flat_map(|l| &l.points).map(|p| p.0);
    let hi = xs().fold(10.0, f64::max) * 1.05;
    let lo = xs().filter(|v| *v > 0.0).fold(hi / 10.0, f64::min).max(least).min(hi / 10.0);
    let t: Vec<(f64, String)> = (0..=4).map(|i| (f64::from(i) * 0.25, format!("{} %", i * 25))).collect();
    let plot = framed(body, lines, &t, Scale::Log(lo, hi), Scale::Linear(0.0, 1.0));
    plot.y_axis(s, &t, "share at or below");
    plot.x_axis(s, &ticks(lo, hi), unit);
    draw_lines(s, &plot, lines);
}

fn framed(body: Area, lines: &[Line], y_ticks: &[(f64, String)], x: Scale, y: Scale) -> Plot {
    let left = y_ticks.iter().map(|t| theme::width(&t.1, TICK_PX, false)).fold(0.0, f64::max);
    let right = lines.iter().map(|l| theme::width(&l.name, LABEL_PX, false)).fold(0.0, f64::max);
    let area = Area::new(body.x0 + left + 14.0, body.y0 + 48.0, body.x1 - right - 44.0, body.y1 - 76.0);
    Plot { area, x, y }
}

fn draw_lines(s: &mut Scene, plot: &Plot, lines: &[Line]) {
    for l in lines {
        let px: Vec<(f64, f64)> = l.points.iter().map(|p| plot.at(p.0, p.1)).collect();
        if l.dashed {
            s.dashed(&px, l.ink, 3, 14.0, 8.0);
        } else {
            s.path(px, l.ink, 3);
        }
    }
    let want: Vec<f64> =
        lines.iter().map(|l| l.points.last().map_or(plot.area.y1, |p| plot.py(p.1)) + 0.36 * LABEL_PX).collect();
    let ys = spread(&want, LABEL_PX * 1.3, plot.area.y0 + 10.0, plot.area.y1);
    for (l, y) in lines.iter().zip(ys) {
        let x = plot.area.x1;
        s.rect(Area::new(x + 12.0, y - 17.0, x + 22.0, y + 2.0), l.ink);
        s.text(x + 32.0, y, l.name.clone(), LABEL_PX, BLACK, Anchor::Start);
    }
}

/// A heading over a panel.
pub fn heading(s: &mut Scene, x: f64, y: f64, text: &str, max: f64) {
    s.bold(x, y, theme::fit(text, HEAD_PX, true, max), HEAD_PX, BLACK, Anchor::Start);
}
