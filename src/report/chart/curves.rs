//! What a setting does to the time to the end and to the cost: a line for the scenario and for each variant, with the
//! optima of the closed forms where they are known.

mod table;

pub use table::table;

use super::Drawing;
use super::finishes::{DAYS_FROM, LINES, ink, time};
use crate::experiment::luck::{Makespan, WorkLuck};
use crate::experiment::{Bound, Closed, CurveOutcome, PointOutcome};
use crate::report::axes::{About, Plot, Scale, Swatch, dollars, key, page, plain, ticks};
use crate::report::plot::heading;
use crate::report::scene::{Anchor, Area, Scene, Shape, Text, spread};
use crate::report::theme::{self, BLACK, GREY, GRID, LABEL_PX, SLATE, TICK_PX, WHITE};
use crate::report::words;
use crate::scenario::CurveUnit;
use crate::training::interval::Rule;

/// What a panel shows of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Show {
    /// The time to the end: its median within P10 to P90.
    Median,
    /// The time to the end: P90, within its confidence interval.
    P90,
    /// How often the deadline is missed, within its interval.
    Misses,
    /// The mean bill, within its interval.
    Cost,
}

/// A value with the band around it; a bound that is not known is not drawn.
#[derive(Clone, Copy, Debug)]
struct Mark {
    value: Bound,
    low: Option<f64>,
    /// Infinite where it lies beyond the horizon.
    high: Option<f64>,
}

type Outline = Vec<(f64, f64)>;

fn high(b: Bound) -> Option<f64> {
    match b {
        Bound::At(v) => Some(v),
        Bound::Beyond => Some(f64::INFINITY),
        Bound::TooFew => None,
    }
}

impl Show {
    fn mark(self, p: &PointOutcome, work: usize) -> Option<Mark> {
        let w = p.luck.work.get(work)?;
        let at = |q: f64| w.makespan.as_ref().and_then(|m: &Makespan| m.at(q)).copied();
        Some(match self {
            Show::Median => {
                let (a, m, b) = (at(0.1)?, at(0.5)?, at(0.9)?);
                Mark { value: m.value, low: a.value.value(), high: high(b.value) }
            }
            Show::P90 => {
                let q = at(0.9)?;
                Mark { value: q.value, low: q.low.value(), high: high(q.high) }
            }
            Show::Misses => {
                let m = w.deadline?;
                Mark { value: Bound::At(m.least), low: Some(m.low), high: Some(m.high) }
            }
            Show::Cost => {
                let m = p.luck.cost.as_ref()?.mean;
                Mark { value: Bound::At(m.mean), low: m.low, high: m.high }
            }
        })
    }

    const fn heading(self) -> &'static str {
        match self {
            Show::Median => "Time to the end: P50, and P10 to P90",
            Show::P90 => "Time to the end: P90 and its 95 % interval",
            Show::Misses => "Runs that miss their deadline, 95 % interval",
            Show::Cost => "Mean cost and its 95 % interval",
        }
    }
}

/// Where the points lie across, and what is written below them.
struct Axis {
    scale: Scale,
    x: Vec<f64>,
    ticks: Vec<(f64, String)>,
    unit: String,
    /// Whether `x` is the setting itself, so that values of it can be marked.
    is_value: bool,
}

/// What a curve is asked.
fn shows(c: &CurveOutcome, work: usize) -> [Show; 2] {
    let w = |p: &PointOutcome| p.luck.work.get(work).is_some_and(|w| w.deadline.is_some());
    if c.path.ends_with(".deadline") && c.points.iter().any(w) {
        return [Show::Cost, Show::Misses];
    }
    // Spare capacity is bought against the bad case.
    let spare = c.path.starts_with("pools.") && (c.path.ends_with(".spares") || c.path.ends_with(".nodes"));
    [if spare { Show::P90 } else { Show::Median }, Show::Cost]
}

fn axis(c: &CurveOutcome, work: usize) -> Axis {
    let values: Vec<f64> = c.points.iter().map(|p| p.value).collect();
    let alone = c.points.first().and_then(|p| p.alone_s.get(work).copied().flatten());
    if c.path.ends_with(".deadline")
        && c.unit == CurveUnit::Seconds
        && let Some(alone) = alone
    {
        let x: Vec<f64> = values.iter().map(|v| v - alone).collect();
        let tick =
            |v: &f64| (*v, format!("{}{}", if *v < 0.0 { "−" } else { "" }, words::length((v.abs() * 1e9) as u64)));
        let ticks = x.iter().map(tick).collect();
        let unit = format!("slack: the deadline less {} of computing", words::length((alone * 1e9) as u64));
        return Axis { scale: range(&x), x, ticks, unit, is_value: false };
    }
    let ticks = values.iter().zip(&c.points).map(|(v, p)| (*v, p.label.clone())).collect();
    let (lo, hi) = ends(&values);
    let scale = if c.unit != CurveUnit::Order && lo > 0.0 && hi / lo >= 10.0 {
        let pad = (hi / lo).powf(0.04);
        Scale::Log(lo / pad, hi * pad)
    } else {
        range(&values)
    };
    let log = if matches!(scale, Scale::Log(..)) { " (each step a factor)" } else { "" };
    let unit = format!("{}{log}", c.path);
    Axis { scale, x: values, ticks, unit, is_value: c.unit == CurveUnit::Seconds }
}

fn ends(v: &[f64]) -> (f64, f64) {
    v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |a, v| (a.0.min(*v), a.1.max(*v)))
}

fn range(v: &[f64]) -> Scale {
    let (lo, hi) = ends(v);
    let pad = ((hi - lo) * 0.05).max(1e-9 * hi.abs()).max(1e-9);
    Scale::Linear(lo - pad, hi + pad)
}

/// Draws the curve of one name: the scenario's line and its variants'. None when nothing was run or no workload's time to
/// the end is known.
#[must_use]
pub fn draw(lines: &[CurveOutcome], about: &About) -> Option<Drawing> {
    let mut lines = lines.to_vec();
    lines.iter_mut().for_each(|c| c.points.sort_by(|a, b| a.value.total_cmp(&b.value)));
    let base = lines.first().filter(|c| !c.points.is_empty())?;
    let work = base.work()?;
    let shows = shows(base, work);
    let title = title(base, work, shows[0]);
    let axis = axis(base, work);
    // A variant that differs in the setting itself alone has the same line: once is enough.
    let same = |a: &CurveOutcome, b: &CurveOutcome| a.points == b.points;
    let distinct: Vec<&CurveOutcome> =
        lines.iter().enumerate().filter(|(i, c)| !lines[..*i].iter().any(|o| same(o, c))).map(|(_, c)| c).collect();
    let shown: Vec<&CurveOutcome> = distinct.iter().take(LINES).copied().collect();
    let n = base.points[0].luck.wanted;
    let mut note = format!("{} runs a point, every point under the same luck", words::count(u64::from(n)));
    let cut = |p: &PointOutcome| p.luck.work.get(work).and_then(|w| w.makespan.as_ref()).is_some_and(|m| m.beyond > 0);
    if shown.iter().flat_map(|c| &c.points).any(cut) {
        note.push_str("; runs that the horizon cut off cost what they had by then");
    }
    let open = |p: &PointOutcome| shows[0].mark(p, work).is_some_and(|m| m.high.is_none());
    if shows[0] == Show::P90 && shown.iter().flat_map(|c| &c.points).any(open) {
        note.push_str(", too few to bound P90 from above");
    }
    if distinct.len() < lines.len() {
        note.push_str("; variants with the same line are drawn once");
    }
    if distinct.len() > LINES {
        note.push_str(&format!("; {} more variants are in curves.csv", distinct.len() - LINES));
    }
    let (mut s, body) = page(&title, &note, about);
    let closed =
        base.points[0].closed.get(work).copied().flatten().filter(|_| axis.is_value && sets_interval(base, work));

    let mut entries = Vec::new();
    if shown.len() > 1 {
        entries
            .extend(shown.iter().enumerate().map(|(i, c)| (Swatch::Line(ink(i), 4), format!("{} {}", i + 1, name(c)))));
    }
    if closed.is_some_and(|c| c.rest.is_some()) {
        entries.push((Swatch::Dash(BLACK, 3), "mean by the closed form".to_owned()));
    }
    if closed.is_some() {
        entries.push((Swatch::Line(SLATE, 2), "best interval by Young, Daly and exactly".to_owned()));
    }
    let entries: Vec<(Swatch, &str)> = entries.iter().map(|(s, t)| (*s, t.as_str())).collect();
    let top = if entries.is_empty() { body.y0 + 14.0 } else { key(&mut s, &body, body.y0 + 14.0, &entries) };
    let gap = 70.0;
    let half = (body.w() - gap) / 2.0;
    for (k, show) in shows.into_iter().enumerate() {
        let x0 = body.x0 + (half + gap) * k as f64;
        let room = Area::new(x0, top, x0 + half, body.y1);
        let over = closed.as_ref().filter(|_| show != Show::Misses && show != Show::Cost);
        panel(&mut s, &room, &shown, work, show, &axis, over);
    }
    Some(Drawing { name: "curve", title, scene: s, csv: table(&lines) })
}

/// Whether the setting is the workload's checkpoint interval: every point has its value as its pace.
fn sets_interval(c: &CurveOutcome, work: usize) -> bool {
    c.points.iter().all(|p| {
        p.closed.get(work).copied().flatten().is_some_and(|k| (k.interval - p.value).abs() <= 1e-6 * p.value.abs())
    })
}

fn name(c: &CurveOutcome) -> String {
    theme::fit(c.variant.as_deref().unwrap_or("today"), LABEL_PX, false, 420.0)
}

fn panel(
    s: &mut Scene,
    room: &Area,
    shown: &[&CurveOutcome],
    work: usize,
    show: Show,
    axis: &Axis,
    closed: Option<&Closed>,
) {
    let marks: Vec<Vec<Option<Mark>>> =
        shown.iter().map(|c| c.points.iter().map(|p| show.mark(p, work)).collect()).collect();
    let flat = || marks.iter().flatten().flatten();
    let all: Vec<f64> =
        flat().flat_map(|m| [m.value.value(), m.low, m.high]).flatten().filter(|v| v.is_finite()).collect();
    heading(s, room.x0, room.y0 + 24.0, show.heading(), room.w());
    if all.is_empty() {
        s.text(room.x0, room.y0 + 90.0, "No run finished within the horizon", LABEL_PX, GREY, Anchor::Start);
        return;
    }
    let (lo, hi) = ends(&all);
    let (scale, y_ticks, unit) = heights(show, lo, hi);
    let left = y_ticks.iter().map(|t| theme::width(&t.1, TICK_PX, false)).fold(0.0, f64::max) + 14.0;
    let area =
        Area::new(room.x0 + left, room.y0 + 104.0, room.x1 - if marks.len() > 1 { 30.0 } else { 0.0 }, room.y1 - 76.0);
    let plot = Plot { area, x: axis.scale, y: scale };
    plot.y_axis(s, &y_ticks, &unit);
    x_axis(s, &plot, axis);

    // Bands first, so that no line lies under one. One that several lines share is drawn once, and is nobody's.
    let mut bands: Vec<(Outline, Option<usize>)> = Vec::new();
    for (i, line) in marks.iter().enumerate() {
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        for (x, m) in axis.x.iter().zip(line) {
            if let Some(Mark { low: Some(l), high: Some(h), .. }) = m {
                // Beyond the horizon is beyond the top.
                let top = if h.is_finite() { plot.py(*h) } else { plot.area.y0 };
                upper.push((plot.px(*x), top));
                lower.push(plot.at(*x, *l));
            }
        }
        if upper.len() > 1 {
            upper.extend(lower.into_iter().rev());
            match bands.iter_mut().find(|(b, _)| *b == upper) {
                Some((_, whose)) => *whose = None,
                None => bands.push((upper, Some(i))),
            }
        }
    }
    for (band, whose) in bands {
        let colour = match whose {
            Some(i) => ink(i).alpha(if marks.len() > 2 { 0.13 } else { 0.2 }),
            None => GREY.alpha(0.1),
        };
        s.shapes.push(Shape::Polygon(band, colour));
    }
    for (i, line) in marks.iter().enumerate() {
        let mut run: Vec<(f64, f64)> = Vec::new();
        let mut beyond = Vec::new();
        for (x, m) in axis.x.iter().zip(line) {
            match m.map(|m| m.value) {
                Some(Bound::At(v)) => run.push(plot.at(*x, v)),
                other => {
                    s.path(std::mem::take(&mut run), ink(i), 4);
                    if other == Some(Bound::Beyond) {
                        beyond.push(plot.px(*x));
                    }
                }
            }
        }
        s.path(run, ink(i), 4);
        // An arrow at the top: beyond the horizon.
        for x in beyond {
            let y = plot.area.y0;
            s.shapes.push(Shape::Polygon(vec![(x - 12.0, y + 22.0), (x + 12.0, y + 22.0), (x, y)], ink(i)));
        }
    }
    if let Some(c) = closed {
        closed_form(s, &plot, c);
    }
    for (i, line) in marks.iter().enumerate() {
        for (x, m) in axis.x.iter().zip(line) {
            if let Some(Bound::At(v)) = m.map(|m| m.value) {
                let at = plot.at(*x, v);
                s.shapes.push(Shape::Disc(at, 9.0, WHITE));
                s.shapes.push(Shape::Disc(at, 7.0, ink(i)));
            }
        }
    }
    if marks.len() > 1 {
        numbers(s, &plot, &marks, &axis.x);
    }
    if flat().any(|m| m.value == Bound::Beyond) {
        let text = "arrows: beyond the horizon";
        s.text(plot.area.x1, plot.area.y0 - 22.0, text, TICK_PX, GREY, Anchor::End);
    }
    if let Some(c) = closed {
        optima(s, &plot, c, &marks, &axis.x);
    }
}

/// The number of each line beside its last point, for who cannot tell the colours.
fn numbers(s: &mut Scene, plot: &Plot, marks: &[Vec<Option<Mark>>], xs: &[f64]) {
    let ends: Vec<(usize, f64)> = marks
        .iter()
        .enumerate()
        .filter_map(|(i, line)| {
            let last = xs.iter().zip(line).filter_map(|(_, m)| m.and_then(|m| m.value.value())).next_back()?;
            Some((i, plot.py(last) + 0.36 * TICK_PX))
        })
        .collect();
    let want: Vec<f64> = ends.iter().map(|e| e.1).collect();
    let ys = spread(&want, TICK_PX * 1.15, plot.area.y0 + 8.0, plot.area.y1 - 4.0);
    for ((i, _), y) in ends.into_iter().zip(ys) {
        s.bold(plot.area.x1 + 6.0, y, (i + 1).to_string(), TICK_PX, BLACK, Anchor::Start);
        s.rect(Area::new(plot.area.x1 + 24.0, y - 16.0, plot.area.x1 + 32.0, y), ink(i));
    }
}

/// The points' own values below the axis, as many as have room; points lie close together at one end of a linear axis.
fn x_axis(s: &mut Scene, plot: &Plot, axis: &Axis) {
    for (v, _) in &axis.ticks {
        let x = plot.px(*v);
        s.line((x, plot.area.y0), (x, plot.area.y1), GRID, 1);
    }
    plot.base(s);
    let mut order: Vec<&(f64, String)> = axis.ticks.iter().collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut end = f64::NEG_INFINITY;
    for (v, text) in order {
        let text = theme::fit(text, TICK_PX, false, 220.0);
        let half = theme::width(&text, TICK_PX, false) / 2.0;
        // The last stays on the page.
        let x = plot.px(*v).min(f64::from(theme::WIDTH) - 20.0 - half);
        if x - half > end + 14.0 {
            s.text(x, plot.area.y1 + 34.0, text, TICK_PX, GREY, Anchor::Middle);
            end = x + half;
        }
    }
    let unit = theme::fit(&axis.unit, TICK_PX, false, plot.area.w());
    s.text(plot.area.x1, plot.area.y1 + 66.0, unit, TICK_PX, GREY, Anchor::End);
}

/// The scale across the values, its ticks and its unit.
fn heights(show: Show, lo: f64, hi: f64) -> (Scale, Vec<(f64, String)>, String) {
    if show == Show::Misses {
        let top = (hi * 1.08).clamp(0.05, 1.0);
        let (t, _) = ticks(0.0, top, 5);
        return (Scale::Linear(0.0, top), t.into_iter().map(|v| (v, words::percent(v))).collect(), "of runs".into());
    }
    let pad = ((hi - lo) * 0.12).max(hi.abs() * 0.004).max(1e-9);
    let from = if lo < 0.35 * hi { 0.0 } else { (lo - pad).max(0.0) };
    let (unit, per) = match show {
        Show::Cost => ("USD", 1.0),
        _ if hi < 3.0 * 3_600.0 => ("minutes", 60.0),
        _ if hi < DAYS_FROM => ("hours", 3_600.0),
        _ => ("days", 86_400.0),
    };
    let (t, step) = ticks(from / per, (hi + pad) / per, 6);
    let t = if show == Show::Cost { dollars(&t, step) } else { plain(&t, step) };
    let t = t.into_iter().map(|(v, text)| (v * per, text)).collect();
    let cut = if from > 0.0 { " (the axis does not begin at 0)" } else { "" };
    (Scale::Linear(from, hi + pad), t, format!("{unit}{cut}"))
}

/// The mean of the formula over the interval, where all of it is known.
fn closed_form(s: &mut Scene, plot: &Plot, c: &Closed) {
    let Scale::Linear(top_from, top) = plot.y else { return };
    let (a, b) = match plot.x {
        Scale::Linear(a, b) | Scale::Log(a, b) => (a, b),
    };
    let mut run = Vec::new();
    for i in 0..=240 {
        let f = f64::from(i) / 240.0;
        let x = if matches!(plot.x, Scale::Log(..)) { a * (b / a).powf(f) } else { a + (b - a) * f };
        match c.mean(x).filter(|v| x > 0.0 && (top_from..=top).contains(v)) {
            Some(v) => run.push(plot.at(x, v)),
            None => {
                s.dashed(&std::mem::take(&mut run), BLACK, 3, 12.0, 8.0);
            }
        }
    }
    s.dashed(&run, BLACK, 3, 12.0, 8.0);
}

/// Young's, Daly's and the exact optimum as vertical lines, each named where no point of the curve lies.
fn optima(s: &mut Scene, plot: &Plot, c: &Closed, marks: &[Vec<Option<Mark>>], xs: &[f64]) {
    let (a, b) = match plot.x {
        Scale::Linear(a, b) | Scale::Log(a, b) => (a, b),
    };
    let found: Vec<(f64, String)> = Rule::ALL
        .iter()
        .filter_map(|r| Some((c.optimum(*r)?, *r)))
        .filter(|(t, _)| *t >= a && *t <= b)
        .map(|(t, r)| (plot.px(t), format!("{} {}", words::sentence(r.key()), words::length((t * 1e9) as u64))))
        .collect();
    if found.is_empty() {
        return;
    }
    let width = found.iter().map(|f| theme::width(&f.1, LABEL_PX, false)).fold(0.0, f64::max);
    let (first, last) = ends(&found.iter().map(|f| f.0).collect::<Vec<_>>());
    // To the right where there is room, else to the left; as high as no line passes through.
    let right = last + 26.0 + width < plot.area.x1;
    let x = if right { last + 26.0 } else { first - 26.0 };
    let anchor = if right { Anchor::Start } else { Anchor::End };
    let (from, to) = if right { (first, x + width) } else { (x - width, last) };
    let mut lines: Vec<f64> = Vec::new();
    for line in marks {
        let at: Vec<(f64, f64)> =
            xs.iter().zip(line).filter_map(|(x, m)| Some(plot.at(*x, (*m)?.value.value()?))).collect();
        for w in at.windows(2) {
            let steps = (0..=20).map(|i| f64::from(i) / 20.0);
            let points = steps.map(|f| (w[0].0 + (w[1].0 - w[0].0) * f, w[0].1 + (w[1].1 - w[0].1) * f));
            lines.extend(points.filter(|p| p.0 >= from - 10.0 && p.0 <= to + 10.0).map(|p| p.1));
        }
    }
    let step = LABEL_PX * 1.4;
    let block = step * found.len() as f64;
    let clear = |y: f64| lines.iter().all(|l| *l < y - LABEL_PX - 8.0 || *l > y + block - step + 18.0);
    let places = (0..40).map(|i| plot.area.y0 + 28.0 + f64::from(i) * (plot.area.h() - block - 28.0) / 39.0);
    let y0 = places.into_iter().find(|y| clear(*y)).unwrap_or(plot.area.y0 + 28.0);
    let ys = spread(&vec![y0; found.len()], step, y0, y0 + block);
    for ((px, text), y) in found.into_iter().zip(ys) {
        s.line((px, plot.area.y0), (px, plot.area.y1), SLATE, 2);
        s.line((px, y - 8.0), (if right { x - 6.0 } else { x + 6.0 }, y - 8.0), SLATE, 1);
        s.label(Text { x, y, text, px: LABEL_PX, bold: false, ink: SLATE, anchor });
    }
}

/// The finding.
fn title(c: &CurveOutcome, work: usize, show: Show) -> String {
    let name = |w: &WorkLuck| w.name.clone();
    let who = c.points[0].luck.work.get(work).map(name).unwrap_or_default();
    let known: Vec<(usize, f64, Option<f64>)> = c
        .points
        .iter()
        .enumerate()
        .filter_map(|(i, p)| {
            let m = show.mark(p, work)?;
            // The interval of the value itself, not the band that is drawn.
            let own = p.luck.work.get(work)?.makespan.as_ref().and_then(|m| m.at(0.5)).and_then(|q| high(q.high));
            let high = if show == Show::Median { own } else { m.high };
            Some((i, m.value.value()?, high))
        })
        .collect();
    let Some((best, value, high)) = known.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)) else {
        return format!("No value of {} lets half of the runs finish within the horizon", c.path);
    };
    let label = &c.points[best].label;
    let setting = c.path.rsplit('.').next().unwrap_or(&c.path);
    let (first, last) = (known[0], known[known.len() - 1]);
    if show == Show::Cost {
        let (a, b) = (&c.points[first.0], &c.points[last.0]);
        let miss = |p: &PointOutcome| {
            let m = p.luck.work.get(work).and_then(|w| w.deadline);
            m.map_or_else(String::new, |m| format!(", {} missed,", words::percent(m.least)))
        };
        let usd = words::dollars;
        let change = match last.1 / first.1 - 1.0 {
            d if d < -0.005 => format!("saves {}", words::percent(-d)),
            d if d > 0.005 => format!("costs {} more", words::percent(d)),
            _ => "changes the cost by less than 1 %".to_owned(),
        };
        return format!(
            "A deadline of {} instead of {} {change}: {} USD{} against {} USD{}",
            b.label,
            a.label,
            usd(last.1),
            miss(b),
            usd(first.1),
            miss(a)
        )
        .trim_end_matches(',')
        .to_owned();
    }
    let t = |s: f64| time(Some(Bound::At(s)));
    if show == Show::P90 {
        // The first value that is as good as the best as far as so few runs can tell.
        let enough = known.iter().find(|k| k.1 <= high.unwrap_or(value)).copied().unwrap_or((best, value, high));
        let (from, to) = (&c.points[first.0].label, &c.points[enough.0].label);
        if enough.0 == first.0 {
            return format!("More {setting} than {from} do not make {who} finish sooner: P90 {}", t(first.1));
        }
        let more = if enough.0 == last.0 { "" } else { "; more gain nothing that these runs can tell" };
        return format!(
            "With {to} {setting} nine runs of {who} in ten finish within {}, with {from} within {}{more}",
            t(enough.1),
            t(first.1)
        );
    }
    let near: Vec<usize> = known.iter().filter(|k| Some(k.1) <= high).map(|k| k.0).collect();
    let said = if setting == "every" { "a checkpoint every" } else { setting };
    if near.len() == known.len() && known.len() > 1 {
        let most = known.iter().map(|k| k.1).fold(value, f64::max);
        let (a, b) = (&c.points[first.0].label, &c.points[last.0].label);
        let what = if setting == "every" { "the checkpoint interval" } else { setting };
        let range = if most > value * 1.001 { format!("{} to {}", t(value), t(most)) } else { t(value) };
        return format!("From {a} to {b}, {what} makes no difference to {who} that these runs can tell: P50 {range}");
    }
    let mut text = format!("{who} finishes soonest with {said} {label}: P50 {}", t(value));
    if let [a, .., b] = near[..]
        && a != b
    {
        let (a, b) = (&c.points[a].label, &c.points[b].label);
        text.push_str(&format!("; {a} to {b} are within its interval"));
    }
    if let Some(worst) = known.iter().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|w| w.1 > value * 1.02) {
        let more = words::percent(worst.1 / value - 1.0);
        text.push_str(&format!("; {} takes {more} longer", c.points[worst.0].label));
    }
    text
}

#[cfg(test)]
mod tests;
