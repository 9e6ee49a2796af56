//! What settings do to a metric over a sweep: a curve over one axis, or a curve for each of several, averaged over the others.

use super::{Drawing, csv, num};
use crate::experiment::luck::Mean;
use crate::experiment::sweep::{Estimate, Level, Swept};
use crate::outcome::metric::Direction;
use crate::report::axes::{About, MARGIN, Plot, Scale, dollars, page, plain, ticks};
use crate::report::plot::heading;
use crate::report::scene::{Anchor, Area, Scene, Shape, Text};
use crate::report::sweep::{against, best_word, called, cells, figure, point_name, short_names};
use crate::report::theme::{self, BLACK, BLUE, GREY, GRID, LABEL_PX, MID, TICK_PX, TITLE_PX, WHITE};
use crate::report::words;
use crate::scenario::CurveUnit;

/// The most panels of a chart: further axes are in its table.
const PANELS: usize = 6;

/// Into how many groups of neighbours the points of a Latin hypercube are put.
const GROUPS: usize = 8;

/// A value of an axis and what the metric is there.
struct Mark {
    level: Level,
    at: Estimate,
}

/// An axis with its marks, ascending where its values are numbers.
struct Panel {
    axis: usize,
    unit: CurveUnit,
    marks: Vec<Mark>,
}

impl Panel {
    fn of(s: &Swept, axis: usize, metric: usize) -> Panel {
        let groups = if s.plan.axes.len() == 1 { usize::MAX } else { GROUPS };
        let unit = s.numbers(axis).1;
        // Words have no order of their own, and no neighbours to be grouped with.
        let groups = if unit == CurveUnit::Order { usize::MAX } else { groups };
        let mut levels = s.levels(axis, groups);
        if unit != CurveUnit::Order {
            levels.sort_by(|a, b| a.value.total_cmp(&b.value));
        }
        let at = |l: &Level| match l.points[..] {
            [one] => s.estimate(one, metric),
            _ => s.average(&l.points, metric),
        };
        Panel { axis, unit, marks: levels.into_iter().map(|level| Mark { at: at(&level), level }).collect() }
    }

    fn means(&self) -> impl Iterator<Item = (&Mark, Mean)> {
        self.marks.iter().filter_map(|m| Some((m, m.at.mean?)))
    }

    /// Between the lowest and the highest mean.
    fn effect(&self) -> f64 {
        let (lo, hi) = ends(self.means().map(|(_, m)| m.mean));
        if hi >= lo { hi - lo } else { 0.0 }
    }

    fn is_log(&self) -> bool {
        let (lo, hi) = ends(self.marks.iter().map(|m| m.level.value));
        self.unit != CurveUnit::Order && lo > 0.0 && hi / lo >= 20.0
    }
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |a, v| (a.0.min(v), a.1.max(v)))
}

/// Draws a metric over every axis; none where no run has a value.
#[must_use]
pub fn draw(s: &Swept, metric: usize, about: &About) -> Option<Drawing> {
    let all: Vec<Panel> = (0..s.plan.axes.len()).map(|a| Panel::of(s, a, metric)).collect();
    let table = table(s, &all);
    let mut shown: Vec<&Panel> = all.iter().filter(|p| p.means().next().is_some()).collect();
    let one = all.len() == 1;
    if shown.is_empty() {
        return None;
    }
    // The axes that do most, in their order.
    if shown.len() > PANELS {
        let mut by_effect = shown.clone();
        by_effect.sort_by(|a, b| b.effect().total_cmp(&a.effect()).then(a.axis.cmp(&b.axis)));
        by_effect.truncate(PANELS);
        shown.retain(|p| by_effect.iter().any(|k| k.axis == p.axis));
    }
    let title = if one { title_of_points(s, metric) } else { title_of_axes(s, metric, &all) };
    let (mut scene, body) = page(&title, &note(s, &all, shown.len()), about);
    let n = shown.len();
    let columns = match n {
        4 => 2,
        n => n.min(3),
    };
    let rows = n.div_ceil(columns);
    let scale = heights(s, metric, &shown, rows);
    let (gap, w, h) = (56.0, body.w() / columns as f64, body.h() / rows as f64);
    for (i, p) in shown.iter().enumerate() {
        let (x0, y0) = (body.x0 + w * (i % columns) as f64, body.y0 + h * (i / columns) as f64);
        let right = if i % columns + 1 == columns { 0.0 } else { gap };
        let room = Area::new(x0, y0, x0 + w - right, y0 + h - if rows > 1 { 14.0 } else { 0.0 });
        panel(&mut scene, &room, s, metric, p, &scale);
    }
    Some(Drawing { name: "response", title, scene, csv: table })
}

/// How to read it.
fn note(s: &Swept, all: &[Panel], shown: usize) -> String {
    let mut out = if all.len() == 1 {
        "points: means".to_owned()
    } else if s.plan.latin.is_some() {
        "pale dots: points; curves: means of neighbours".to_owned()
    } else {
        "each axis averaged over the others".to_owned()
    };
    if s.plan.replications < 2 {
        out.push_str("; one run a point says nothing of luck");
    } else if s.alike() {
        out.push_str("; all runs of a point are the same");
    } else {
        out.push_str("; bands: 95 % intervals, every point under the same luck");
    }
    if shown < all.len() {
        out.push_str(&format!("; {} more axes in the table", all.len() - shown));
    }
    out
}

/// Scale, ticks and unit of the metric, the same in all panels.
struct Heights {
    scale: Scale,
    ticks: Vec<(f64, String)>,
    unit: String,
}

fn heights(s: &Swept, metric: usize, shown: &[&Panel], rows: usize) -> Heights {
    let bounds = shown.iter().flat_map(|p| p.means()).flat_map(|(_, m)| [Some(m.mean), m.low, m.high]).flatten();
    let mut values: Vec<f64> = bounds.collect();
    // What is never below nothing has no interval below it that means anything.
    if shown.iter().flat_map(|p| p.means()).all(|(_, m)| m.mean >= 0.0) {
        values.iter_mut().for_each(|v| *v = v.max(0.0));
    }
    if dots(s) {
        values.extend((0..s.plan.points.len()).filter_map(|p| s.estimate(p, metric).mean).map(|m| m.mean));
    }
    let (lo, hi) = ends(values.into_iter());
    let unit = s.plan.metrics[metric].unit.as_str();
    let (word, per) = match unit {
        "s" if hi < 180.0 => ("seconds", 1.0),
        "s" if hi < 3.0 * 3_600.0 => ("minutes", 60.0),
        "s" if hi < 3.0 * 86_400.0 => ("hours", 3_600.0),
        "s" => ("days", 86_400.0),
        other => (other, 1.0),
    };
    let pad = ((hi - lo) * 0.1).max(hi.abs() * 0.004).max(per * 1e-3);
    let from = if lo >= 0.0 && lo < 0.35 * hi || lo == 0.0 { 0.0 } else { lo - pad };
    let (t, step) = ticks(from / per, (hi + pad) / per, if rows > 1 { 4 } else { 6 });
    let t = if unit == "USD" { dollars(&t, step) } else { plain(&t, step) };
    let ticks = t.into_iter().map(|(v, text)| (v * per, text)).collect();
    let cut = if from <= 0.0 { "" } else { " (the axis does not begin at 0)" };
    Heights { scale: Scale::Linear(from, hi + pad), ticks, unit: format!("{word}{cut}") }
}

/// Whether each point has a dot behind the curves.
fn dots(s: &Swept) -> bool {
    s.plan.latin.is_some() && s.plan.axes.len() > 1
}

fn panel(scene: &mut Scene, room: &Area, s: &Swept, metric: usize, p: &Panel, y: &Heights) {
    let path = &s.plan.axes[p.axis].path;
    let log = if p.is_log() { " (each step a factor)" } else { "" };
    heading(scene, room.x0, room.y0 + 24.0, path, room.w());
    let left = y.ticks.iter().map(|t| theme::width(&t.1, TICK_PX, false)).fold(0.0, f64::max) + 14.0;
    let area =
        Area::new(room.x0 + left, room.y0 + 96.0, room.x1 - 12.0, room.y1 - if log.is_empty() { 50.0 } else { 80.0 });
    let (numbers, _) = s.numbers(p.axis);
    let (lo, hi) = ends(if dots(s) { numbers.clone() } else { values(p) }.into_iter());
    let x = if p.is_log() {
        let pad = (hi / lo).powf(0.04);
        Scale::Log(lo / pad, hi * pad)
    } else {
        // Words stand in the middle of columns.
        let pad = if p.unit == CurveUnit::Order { 0.5 } else { ((hi - lo) * 0.05).max(1e-9 * hi.abs()).max(1e-9) };
        Scale::Linear(lo - pad, hi + pad)
    };
    let plot = Plot { area, x, y: y.scale };
    let unit = theme::fit(&y.unit, TICK_PX, false, room.w());
    plot.y_axis(scene, &y.ticks, &unit);
    // Of a hypercube the first and the last value stand below, and what has room between them.
    let mut ticks: Vec<(f64, String)> = if dots(s) && p.unit != CurveUnit::Order {
        let mut all: Vec<(f64, String)> =
            numbers.iter().copied().zip(s.plan.points.iter().map(|v| v[p.axis].clone())).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all.dedup_by(|a, b| a.0 == b.0);
        all
    } else {
        p.marks.iter().map(|m| (m.level.value, m.level.label.clone())).collect()
    };
    let grid = ticks.len() <= 40 && !dots(s);
    for (v, _) in ticks.iter().filter(|_| grid && p.unit != CurveUnit::Order) {
        scene.line((plot.px(*v), area.y0), (plot.px(*v), area.y1), GRID, 1);
    }
    plot.base(scene);
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    x_ticks(scene, &plot, &ticks);
    if !log.is_empty() {
        scene.text(area.x1, area.y1 + 66.0, log.trim(), TICK_PX, GREY, Anchor::End);
    }
    if dots(s) {
        for (v, e) in numbers.iter().zip((0..s.plan.points.len()).map(|i| s.estimate(i, metric))) {
            if let Some(m) = e.mean {
                scene.shapes.push(Shape::Disc(plot.at(*v, m.mean), 6.0, MID.alpha(0.7)));
            }
        }
    }
    curve(scene, &plot, p);
    if s.plan.axes.len() == 1 {
        ends_named(scene, &plot, s, metric, p);
    }
}

fn values(p: &Panel) -> Vec<f64> {
    p.marks.iter().map(|m| m.level.value).collect()
}

/// Band, line and points; over words, whiskers and points.
fn curve(scene: &mut Scene, plot: &Plot, p: &Panel) {
    let words = p.unit == CurveUnit::Order;
    let range = |m: &Mean| Some((m.low?, m.high?));
    if words {
        for (m, mean) in p.means() {
            if let Some((low, high)) = range(&mean) {
                let x = plot.px(m.level.value);
                scene.line((x, plot.py(low)), (x, plot.py(high)), BLUE, 4);
                for v in [low, high] {
                    scene.line((x - 12.0, plot.py(v)), (x + 12.0, plot.py(v)), BLUE, 4);
                }
            }
        }
    } else {
        // A value that no run has breaks the line and the band.
        for part in p.marks.split(|m| m.at.mean.is_none()) {
            let at = |m: &Mark| m.at.mean.map(|e| plot.at(m.level.value, e.mean));
            let mut band: Vec<(f64, f64)> = Vec::new();
            let mut lower = Vec::new();
            for m in part {
                if let Some((low, high)) = m.at.mean.as_ref().and_then(range) {
                    band.push(plot.at(m.level.value, high));
                    lower.push(plot.at(m.level.value, low));
                }
            }
            if band.len() > 1 {
                band.extend(lower.into_iter().rev());
                scene.shapes.push(Shape::Polygon(band, BLUE.alpha(0.2)));
            }
            scene.path(part.iter().filter_map(at).collect(), BLUE, 4);
        }
    }
    for (m, mean) in p.means() {
        let at = plot.at(m.level.value, mean.mean);
        scene.shapes.push(Shape::Disc(at, 9.0, WHITE));
        scene.shapes.push(Shape::Disc(at, 7.0, BLUE));
    }
}

/// The best and the worst value of a single curve with their figures.
fn ends_named(scene: &mut Scene, plot: &Plot, s: &Swept, metric: usize, p: &Panel) {
    let kept = &s.plan.metrics[metric];
    let mut all: Vec<(&Mark, Mean)> = p.means().collect();
    all.sort_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    let (Some(low), Some(high)) = (all.first(), all.last()) else { return };
    for (m, mean) in if low.1.mean < high.1.mean { vec![low, high] } else { vec![low] } {
        let (x, y) = plot.at(m.level.value, mean.mean);
        let text = Text {
            x,
            y,
            text: figure(mean.mean, &kept.unit),
            px: LABEL_PX,
            bold: true,
            ink: BLACK,
            anchor: Anchor::Middle,
        };
        let bounds = Area::new(plot.area.x0 + 4.0, plot.area.y0 - 8.0, plot.area.x1 + 10.0, plot.area.y1 - 4.0);
        let mut places = vec![
            (x, y - 24.0, Anchor::Middle),
            (x, y + 40.0, Anchor::Middle),
            (x - 8.0, y - 36.0, Anchor::Start),
            (x + 8.0, y - 36.0, Anchor::End),
            (x - 8.0, y + 54.0, Anchor::Start),
            (x + 8.0, y + 54.0, Anchor::End),
            (x + 20.0, y + 8.0, Anchor::Start),
            (x - 20.0, y + 8.0, Anchor::End),
        ];
        // A whisker goes up and down: beside it there is room.
        if p.unit == CurveUnit::Order {
            places.rotate_right(2);
        }
        crate::report::axes::place(scene, &bounds, &places, &text);
    }
}

/// As many values below the axis as have room, the last one among them.
fn x_ticks(scene: &mut Scene, plot: &Plot, ticks: &[(f64, String)]) {
    let set = |t: &(f64, String)| {
        let text = theme::fit(&t.1, TICK_PX, false, 240.0);
        let half = theme::width(&text, TICK_PX, false) / 2.0;
        // None leaves the page or meets the panel beside it.
        let x = plot.px(t.0).min(plot.area.x1 + 12.0 - half).max(plot.area.x0 - 30.0 + half);
        (x, half, text)
    };
    let Some(last) = ticks.last().map(set) else { return };
    let mut end = f64::NEG_INFINITY;
    for (x, half, text) in ticks[..ticks.len() - 1].iter().map(set) {
        if x - half > end + 14.0 && x + half + 14.0 < last.0 - last.1 {
            scene.text(x, plot.area.y1 + 34.0, text, TICK_PX, GREY, Anchor::Middle);
            end = x + half;
        }
    }
    scene.text(last.0, plot.area.y1 + 34.0, last.2, TICK_PX, GREY, Anchor::Middle);
}

/// The finding over the points of a sweep: which is best, by how much, and how sure that is.
#[must_use]
pub fn title_of_points(s: &Swept, metric: usize) -> String {
    let kept = &s.plan.metrics[metric];
    let (what, unit) = (words::sentence(&called(&kept.name)), kept.unit.as_str());
    let order: Vec<usize> = s.ranking(metric).into_iter().filter(|p| s.estimate(*p, metric).mean.is_some()).collect();
    let mean = |p: usize| s.estimate(p, metric).mean.map_or(f64::NAN, |m| m.mean);
    let (Some(best), Some(worst)) = (order.first().copied(), order.last().copied()) else {
        return format!("No run has a value of {}", kept.name);
    };
    let (a, b) = (mean(best), mean(worst));
    let name = |p| point_name(&s.plan, p);
    if best == worst {
        return format!("{what} is {} with {}", figure(a, unit), name(best));
    }
    if a == b {
        return format!("{what} is {} at every point", figure(a, unit));
    }
    let known = |p: &usize| s.estimate(*p, metric).mean.is_some();
    let ties: Vec<usize> = s.ties(best, metric).into_iter().filter(known).collect();
    if s.plan.replications > 1 && ties.len() + 1 == order.len() {
        let (lo, hi) = (a.min(b), a.max(b));
        return format!(
            "No point differs in {} as far as {} runs of each can tell: {} to {}",
            called(&kept.name),
            s.plan.replications,
            figure(lo, unit),
            figure(hi, unit)
        );
    }
    if kept.better == Direction::Neutral {
        return format!(
            "{what} goes from {} with {} to {} with {}",
            figure(a, unit),
            name(best),
            figure(b, unit),
            name(worst)
        );
    }
    let head = format!("{what} is {} with {}: {}", best_word(kept.better), name(best), figure(a, unit));
    // Seconds against hours: the factor would say nothing that the two do not.
    let other = if unit == "s" { figure(b, unit) } else { against(a, b, unit) };
    let tail = format!("; {other} with {}", name(worst));
    let as_good = match ties.len() {
        0 => String::new(),
        1 => format!("; {} may be as good", name(ties[0])),
        n => format!("; {n} others may be as good"),
    };
    // What has no room is left out, the worst point first: a chart shows it anyway.
    let all = [format!("{head}{tail}{as_good}"), format!("{head}{as_good}"), head];
    let fits = |t: &&String| theme::wrap(t, TITLE_PX, true, f64::from(theme::WIDTH) - 2.0 * MARGIN, 3).len() <= 2;
    all.iter().find(fits).unwrap_or(&all[2]).clone()
}

/// The finding over several axes: which moves the metric most.
fn title_of_axes(s: &Swept, metric: usize, all: &[Panel]) -> String {
    let kept = &s.plan.metrics[metric];
    let unit = kept.unit.as_str();
    let names = short_names(&s.plan);
    let most = all.iter().max_by(|a, b| a.effect().total_cmp(&b.effect()).then(b.axis.cmp(&a.axis)));
    let Some(p) = most.filter(|p| p.effect() > 0.0) else {
        return format!("No axis moves {}", called(&kept.name));
    };
    let mut means: Vec<(&Mark, Mean)> = p.means().collect();
    means.sort_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    if kept.better == Direction::Higher {
        means.reverse();
    }
    let ((a, best), (b, worst)) = (means[0], means[means.len() - 1]);
    format!(
        "{} moves {} most: on average {} with {} and {} with {}",
        names[p.axis],
        called(&kept.name),
        figure(best.mean, unit),
        a.level.label,
        figure(worst.mean, unit),
        b.level.label
    )
}

/// A row a value of an axis: how many points have it, and the metric there.
fn table(s: &Swept, all: &[Panel]) -> String {
    let head = ["setting", "label", "value", "points", "n", "mean", "low", "high"];
    let row = |p: &Panel, m: &Mark| {
        let mut row = vec![
            s.plan.axes[p.axis].path.clone(),
            m.level.label.clone(),
            num(m.level.value),
            m.level.points.len().to_string(),
        ];
        row.extend(cells(m.at));
        row
    };
    csv(&head, all.iter().flat_map(|p| p.marks.iter().map(move |m| row(p, m))))
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
