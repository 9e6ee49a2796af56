//! A metric over the grid of two axes: a cell a point.

use std::collections::BTreeSet;

use super::response::title_of_points;
use super::{Drawing, csv};
use crate::experiment::sweep::{Level, Swept};
use crate::report::axes::{About, page};
use crate::report::plot::heading;
use crate::report::scene::{Anchor, Area, Scene, Shape, Text};
use crate::report::sweep::{cells, figure, plain};
use crate::report::theme::{self, BLACK, GREY, LABEL_PX, MID, PALE, TICK_PX, WHITE};
use crate::report::words;
use crate::scenario::CurveUnit;

/// Where a cell is and what it holds.
struct Grid {
    /// The axis across, and the one upwards.
    axes: [usize; 2],
    across: Vec<Level>,
    up: Vec<Level>,
}

impl Grid {
    fn of(s: &Swept) -> Grid {
        let levels = |axis| {
            let mut l = s.levels(axis, usize::MAX);
            if s.numbers(axis).1 != CurveUnit::Order {
                l.sort_by(|a, b| a.value.total_cmp(&b.value));
            }
            l
        };
        let (a, b) = (levels(0), levels(1));
        // The page is wider than high.
        if b.len() > a.len() {
            Grid { axes: [1, 0], across: b, up: a }
        } else {
            Grid { axes: [0, 1], across: a, up: b }
        }
    }

    /// The point of each cell, row by row from the foot.
    fn points(&self, n: usize) -> Vec<Option<usize>> {
        let mut column = vec![0; n];
        for (x, l) in self.across.iter().enumerate() {
            l.points.iter().for_each(|p| column[*p] = x);
        }
        let mut cells = vec![None; self.across.len() * self.up.len()];
        for (y, l) in self.up.iter().enumerate() {
            l.points.iter().for_each(|p| cells[y * self.across.len() + column[*p]] = Some(*p));
        }
        cells
    }
}

/// Draws a metric over two axes; none where no run has a value, or the sweep is no grid of two axes.
#[must_use]
pub fn draw(s: &Swept, metric: usize, about: &About) -> Option<Drawing> {
    if s.plan.axes.len() != 2 || s.plan.latin.is_some() {
        return None;
    }
    let kept = &s.plan.metrics[metric];
    let means: Vec<Option<f64>> =
        (0..s.plan.points.len()).map(|p| s.estimate(p, metric).mean.map(|m| m.mean)).collect();
    let known = || means.iter().copied().flatten();
    let (lo, hi) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |a, v| (a.0.min(v), a.1.max(v)));
    known().next()?;
    let best = s.ranking(metric)[0];
    let ties = if s.plan.replications > 1 { s.ties(best, metric) } else { Vec::new() };
    let ties: BTreeSet<usize> = ties.into_iter().collect();
    let title = title_of_points(s, metric);
    let mut note = "framed: the best".to_owned();
    if !ties.is_empty() {
        note.push_str("; dots: cannot be told from it, run against run (95 %)");
    }
    if means.iter().any(Option::is_none) {
        note.push_str("; hatched: no run has a value");
    }
    let (mut scene, body) = page(&title, &note, about);
    let g = Grid::of(s);
    let wide = |t: &str| theme::width(t, LABEL_PX, false);
    let left = g.up.iter().map(|l| wide(&l.label)).fold(0.0, f64::max).min(360.0) + 18.0;
    let area = Area::new(body.x0 + left, body.y0 + 66.0, body.x1, body.y1 - 76.0);
    let share = |v: f64| if hi > lo { (v - lo) / (hi - lo) } else { 0.5 };
    scale_bar(&mut scene, body.x1, body.y0 + 22.0, [&figure(lo, &kept.unit), &figure(hi, &kept.unit)], hi > lo);
    heading(&mut scene, body.x0, body.y0 + 24.0, &format!("{} ↑", s.plan.axes[g.axes[1]].path), body.w() * 0.5);
    let (w, h) = (area.w() / g.across.len() as f64, area.h() / g.up.len() as f64);
    let gap = if w > 24.0 && h > 24.0 { 4.0 } else { 1.0 };
    let text = |v: f64| match kept.unit.as_str() {
        "USD" => words::dollars(v),
        "s" => figure(v, "s"),
        _ => plain(v),
    };
    let written = h >= 44.0 && known().all(|v| theme::width(&text(v), LABEL_PX, true) + 22.0 <= w - gap);
    let cells = g.points(means.len());
    for x in 0..g.across.len() {
        for y in 0..g.up.len() {
            let Some(p) = cells[y * g.across.len() + x] else { continue };
            // The first value of the axis upwards is at the foot.
            let top = area.y1 - h * (y + 1) as f64;
            let cell = Area::new(area.x0 + w * x as f64, top, area.x0 + w * (x + 1) as f64 - gap, top + h - gap);
            let Some(v) = means[p] else {
                scene.rect(cell, PALE);
                scene.hatch(cell, MID, 8.0);
                continue;
            };
            let ink = theme::heat(share(v));
            if p == best {
                scene.rect(cell, BLACK);
                scene.rect(cell.grown(-5.0), WHITE);
                scene.rect(cell.grown(-8.0), ink);
            } else {
                scene.rect(cell, ink);
            }
            if ties.contains(&p) {
                let r = (w.min(h) * 0.12).clamp(2.0, 6.0);
                scene.shapes.push(Shape::Disc((cell.x0 + 2.6 * r, cell.y0 + 2.6 * r), r, ink.text_on()));
            }
            if written {
                let (x, y) = ((cell.x0 + cell.x1) / 2.0, (cell.y0 + cell.y1) / 2.0 + 0.36 * LABEL_PX);
                let bold = p == best;
                scene.put(Text { x, y, text: text(v), px: LABEL_PX, bold, ink: ink.text_on(), anchor: Anchor::Middle });
            }
        }
    }
    labels(&mut scene, &area, &g, (w, h), gap);
    let name = theme::fit(&format!("{} →", s.plan.axes[g.axes[0]].path), TICK_PX, false, area.w());
    scene.text(area.x1, area.y1 + 66.0, name, TICK_PX, GREY, Anchor::End);
    Some(Drawing { name: "heat", title, scene, csv: table(s, metric) })
}

/// The values of both axes, as many as have room.
fn labels(scene: &mut Scene, area: &Area, g: &Grid, (w, h): (f64, f64), gap: f64) {
    let mut end = f64::NEG_INFINITY;
    for (i, l) in g.across.iter().enumerate() {
        let text = theme::fit(&l.label, LABEL_PX, false, 300.0_f64.min(w.max(120.0)));
        let half = theme::width(&text, LABEL_PX, false) / 2.0;
        let x = (area.x0 + w * (i as f64 + 0.5) - gap / 2.0).min(f64::from(theme::WIDTH) - 20.0 - half);
        if x - half > end + 12.0 {
            scene.text(x, area.y1 + 32.0, text, LABEL_PX, BLACK, Anchor::Middle);
            end = x + half;
        }
    }
    let mut end = f64::INFINITY;
    for (i, l) in g.up.iter().enumerate() {
        let y = area.y1 - h * (i as f64 + 0.5) - gap / 2.0 + 0.36 * LABEL_PX;
        if y + 6.0 < end {
            let text = theme::fit(&l.label, LABEL_PX, false, 360.0);
            scene.text(area.x0 - 18.0, y, text, LABEL_PX, BLACK, Anchor::End);
            end = y - LABEL_PX;
        }
    }
}

/// The colours with the values at their ends, right-aligned at `x1`; of values that are all the same there is one colour.
fn scale_bar(scene: &mut Scene, x1: f64, y: f64, [low, high]: [&str; 2], spread: bool) {
    if !spread {
        return;
    }
    let (w, x0) = (300.0, x1 - 300.0 - theme::width(high, TICK_PX, false) - 14.0);
    for i in 0..60 {
        let a = Area::new(x0 + w * f64::from(i) / 60.0, y - 18.0, x0 + w * f64::from(i + 1) / 60.0, y + 4.0);
        scene.rect(a, theme::heat(f64::from(i) / 59.0));
    }
    scene.text(x0 - 12.0, y, low, TICK_PX, GREY, Anchor::End);
    scene.text(x0 + w + 12.0, y, high, TICK_PX, GREY, Anchor::Start);
}

/// A row a point.
fn table(s: &Swept, metric: usize) -> String {
    let paths = s.plan.axes.iter().map(|a| a.path.as_str());
    let head: Vec<&str> = paths.chain(["n", "mean", "low", "high"]).collect();
    let rows = s.plan.points.iter().enumerate().map(|(p, v)| {
        let mut row = v.clone();
        row.extend(cells(s.estimate(p, metric)));
        row
    });
    csv(&head, rows)
}
