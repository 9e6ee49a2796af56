//! The page of a sweep: the best points, how sure that is, response curves and heat maps.

use maud::{Markup, PreEscaped, html};

use super::bars::{Heat, heat};
use super::figure::{Across, Curves, INKS, Series};
use super::method;
use super::page::{Page, Picture, Section, page, tile};
use super::table::{self, maybe, number, text};
use crate::experiment::sweep::{Estimate, Level, Swept};
use crate::outcome::metric::Direction;
use crate::report::About;
use crate::report::chart::{heat as heat_chart, response};
use crate::report::sweep::{figure, plain, point_name, short_names, with_half};
use crate::report::words;
use crate::scenario::CurveUnit;

/// The most points in the table: all are in `points.csv`.
const POINTS: usize = 2_000;
/// The most curves of one figure.
const LINES: usize = 8;
/// Into how many groups of neighbours the points of a Latin hypercube are put, as in the charts.
const GROUPS: usize = 8;

/// The page.
#[must_use]
pub fn render(s: &Swept, pictures: Vec<Picture>) -> String {
    let plan = &s.plan;
    let order = s.ranking(0);
    let first = &plan.metrics[0];
    let sections = vec![
        Section::new("summary", "Summary", summary(s, &order)),
        Section::new("response", "What the settings do", responses(s)),
        Section::new("points", "All points", points(s, &order)),
        Section::new("inputs", "Inputs", inputs(s)),
        Section::new("method", "Method and limits", method::method(method::Kind::Sweep)),
    ];
    let variant = plan.variant.as_ref().map(|v| format!(", variant {v}")).unwrap_or_default();
    let finding = title(s, 0).unwrap_or_else(|| format!("No run has a value of {}", first.name));
    page(Page {
        kind: "sweep",
        title: format!(
            "{}{variant}: {}",
            plan.name,
            words::list(&plan.axes.iter().map(|a| a.path.clone()).collect::<Vec<_>>())
        ),
        over: format!(
            "Sweep of {} points, {} runs each · {} · seed {}",
            words::count(plan.points.len() as u64),
            words::count(plan.replications.into()),
            plan.about,
            plan.seed
        ),
        finding: format!("{finding}."),
        head: tiles(s, &order),
        sections,
        pictures,
        foot: format!(
            "Simulated by fleetcast {}, random streams {}, seed {}. This page has all of it: nothing is fetched.",
            plan.fleetcast, plan.random_streams, plan.seed
        ),
    })
}

/// What a metric's chart says.
fn title(s: &Swept, metric: usize) -> Option<String> {
    let about = About::default();
    heat_chart::draw(s, metric, &about).or_else(|| response::draw(s, metric, &about)).map(|d| d.title)
}

fn tiles(s: &Swept, order: &[usize]) -> Markup {
    let plan = &s.plan;
    let best = order[0];
    let ties = if plan.replications > 1 { s.ties(best, 0).len() } else { 0 };
    let at = |point: usize, metric: usize| s.estimate(point, metric).mean.map(|m| m.mean);
    let there = |name: &str, metric: usize, note: &str, kind: &str| {
        let unit = plan.metrics[metric].unit.as_str();
        match (at(best, metric), unit) {
            (None, _) => tile(name, "–", "", note, kind),
            (Some(v), "USD") => tile(name, &words::dollars(v), "USD", note, kind),
            (Some(v), "s") if v >= 0.0 => tile(name, &figure(v, "s"), "", note, kind),
            (Some(v), unit) => tile(name, &plain(v), unit, note, kind),
        }
    };
    let sure = match (plan.replications, s.alike(), ties) {
        (1, ..) => "one run a point says nothing of luck".to_owned(),
        (_, true, _) => "all runs of a point are alike".to_owned(),
        (_, _, 0) => "better than every other, run against run".to_owned(),
        (_, _, n) => format!("{} cannot be told from it", words::count(n as u64)),
    };
    html! {
        div class="tiles" {
            (there(&format!("Best by {}", plan.metrics[0].name), 0, &point_name(plan, best), "good"))
            (tile("How sure", if ties == 0 && plan.replications > 1 { "told apart" } else if plan.replications > 1 { "tied" } else { "not known" }, "", &sure, ""))
            @for (i, m) in plan.metrics.iter().enumerate().skip(1).take(4) {
                (there(&m.name, i, "at that point", ""))
            }
        }
    }
}

fn summary(s: &Swept, order: &[usize]) -> Markup {
    let plan = &s.plan;
    let best = order[0];
    let columns = vec![
        table::numbers("rank"),
        table::words("point"),
        table::numbers(format!("{}, {}", plan.metrics[0].name, plan.metrics[0].unit)),
        table::words("less the first, run against run [95 %]"),
        table::words("so it is"),
    ];
    let rows = order.iter().take(12).enumerate().map(|(rank, p)| {
        let d = s.difference(best, *p, 0).filter(|_| *p != best);
        let told = match (&d, *p == best) {
            (_, true) => "the first",
            (Some(d), _) if d.low <= 0.0 && d.high >= 0.0 => "not told apart",
            (Some(_), _) => "told apart",
            (None, _) => "not known",
        };
        vec![
            number((rank + 1).to_string(), rank as f64),
            text(point_name(plan, *p)),
            cell(s.estimate(*p, 0)),
            text(d.map_or_else(String::new, |d| format!("{} [{}, {}]", plain(d.mean), plain(d.low), plain(d.high)))),
            text(told),
        ]
    });
    let by = match plan.metrics[0].better {
        Direction::Higher => "the highest first",
        Direction::Lower => "the lowest first",
        Direction::Neutral => "the lowest first: neither way is better",
    };
    let caption = format!("The points by {}", plan.metrics[0].name);
    table::table("best", caption, columns).note(by).rows(rows).html()
}

/// A mean with half the width of its interval.
fn cell(e: Estimate) -> table::Cell {
    e.mean.map_or_else(
        || text("–"),
        |m| {
            let shown = match (m.low, m.high) {
                (Some(low), Some(high)) => with_half(m.mean, (high - low) / 2.0),
                _ => plain(m.mean),
            };
            number(shown, m.mean)
        },
    )
}

fn responses(s: &Swept) -> Markup {
    html! {
        @for i in 0..s.plan.metrics.len() {
            @if let Some(title) = title(s, i) {
                @if s.plan.axes.len() == 2 && s.plan.latin.is_none() {
                    (grid(s, i, &title))
                    (lines(s, i))
                } @else if s.plan.axes.len() == 1 {
                    (axis(s, i, 0, &title))
                } @else {
                    h3 { (title) }
                    div class="two" { @for a in 0..s.plan.axes.len() { (axis(s, i, a, &effect(s, i, a))) } }
                }
            }
        }
    }
}

/// The levels of an axis, ascending where they are numbers.
fn levels(s: &Swept, axis: usize) -> Vec<Level> {
    let words = s.numbers(axis).1 == CurveUnit::Order;
    let groups = if s.plan.axes.len() == 1 || words { usize::MAX } else { GROUPS };
    let mut l = s.levels(axis, groups);
    if !words {
        l.sort_by(|a, b| a.value.total_cmp(&b.value));
    }
    l
}

/// What stands across, and where the levels are.
fn across(s: &Swept, axis: usize, l: Vec<Level>) -> (Across, Vec<f64>) {
    let label = s.plan.axes[axis].path.clone();
    if s.numbers(axis).1 == CurveUnit::Order {
        let names: Vec<String> = l.into_iter().map(|l| l.label).collect();
        let at = (0..names.len()).map(|i| i as f64).collect();
        return (Across::Names { label, names }, at);
    }
    let at = l.iter().map(|l| l.value).collect();
    (Across::Number { label, ticks: l.into_iter().map(|l| (l.value, l.label)).collect() }, at)
}

fn series(name: &str, ink: &'static str, all: Vec<Estimate>) -> Series {
    let of = |f: &dyn Fn(&crate::experiment::luck::Mean) -> Option<f64>| -> Vec<Option<f64>> {
        all.iter().map(|e| e.mean.as_ref().and_then(f)).collect()
    };
    Series::with_gaps(name, ink, of(&|m| Some(m.mean))).between(of(&|m| m.low), of(&|m| m.high))
}

fn y_label(s: &Swept, metric: usize) -> String {
    let m = &s.plan.metrics[metric];
    format!("{}, {}", m.name, m.unit)
}

/// A metric over an axis, averaged over the others.
fn axis(s: &Swept, metric: usize, axis: usize, title: &str) -> Markup {
    let (x, at) = across(s, axis, levels(s, axis));
    let of = |l: &Level| match l.points[..] {
        [one] => s.estimate(one, metric),
        _ => s.average(&l.points, metric),
    };
    let all = levels(s, axis).iter().map(of).collect();
    let m = &s.plan.metrics[metric];
    let what = match (s.plan.axes.len(), s.plan.replications) {
        (1, 1) => "One run a point.",
        (1, _) => "Means with 95 % intervals; every point under the same luck.",
        _ => "Averaged over the other axes, replication by replication; the band is of luck alone.",
    };
    Curves::over(x, at, &y_label(s, metric), &m.unit, vec![series(&m.name, "blue", all)]).html(
        &format!("response-{metric}-{axis}"),
        title,
        what,
    )
}

/// What an axis alone does to a metric.
fn effect(s: &Swept, metric: usize, axis: usize) -> String {
    let ends: Vec<f64> =
        levels(s, axis).iter().filter_map(|l| s.average(&l.points, metric).mean).map(|m| m.mean).collect();
    let (lo, hi) = ends.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |a, v| (a.0.min(*v), a.1.max(*v)));
    let (name, unit) = (short_names(&s.plan)[axis].clone(), &s.plan.metrics[metric].unit);
    if hi >= lo { format!("{name}: from {} to {}", figure(lo, unit), figure(hi, unit)) } else { name }
}

/// A metric over the grid of two axes.
fn grid(s: &Swept, metric: usize, title: &str) -> Markup {
    let m = &s.plan.metrics[metric];
    let (mut a, mut b) = (0, 1);
    if s.levels(1, usize::MAX).len() > s.levels(0, usize::MAX).len() {
        (a, b) = (1, 0);
    }
    let (across, up) = (all_levels(s, a), all_levels(s, b));
    let best = s.ranking(metric)[0];
    let mut cells = Vec::new();
    for y in &up {
        for x in &across {
            let Some(p) = x.points.iter().copied().find(|p| y.points.contains(p)) else { continue };
            let e = s.estimate(p, metric);
            let value = e.mean.map(|m| m.mean);
            let told = format!(
                "{}: {}",
                point_name(&s.plan, p),
                value.map_or_else(|| "no value".into(), |v| figure(v, &m.unit))
            );
            let text =
                value.map_or_else(|| "–".into(), |v| if m.unit == "s" && v >= 0.0 { figure(v, "s") } else { plain(v) });
            cells.push(Heat { value, text, told, best: p == best });
        }
    }
    if cells.len() != across.len() * up.len() {
        return PreEscaped(String::new());
    }
    let names = |l: &[Level]| l.iter().map(|l| l.label.clone()).collect::<Vec<_>>();
    let what = format!(
        "{} in {}, mean of {} runs a point; dark is low, light is high, framed the best.",
        m.name, m.unit, s.plan.replications
    );
    let (x, y) = (names(&across), names(&up));
    heat(&format!("heat-{metric}"), title, &what, [(&s.plan.axes[a].path, &x), (&s.plan.axes[b].path, &y)], &cells)
}

/// The same as curves: one for each value of the shorter axis.
fn lines(s: &Swept, metric: usize) -> Markup {
    let m = &s.plan.metrics[metric];
    let numbers = |a: usize| s.numbers(a).1 != CurveUnit::Order;
    let longer = usize::from(s.levels(1, usize::MAX).len() > s.levels(0, usize::MAX).len());
    // Numbers stand across before words do.
    let a = if numbers(longer) || !numbers(1 - longer) { longer } else { 1 - longer };
    let b = 1 - a;
    let columns = all_levels(s, a);
    let (x, at) = across(s, a, columns.clone());
    let rows = all_levels(s, b);
    if rows.len() > LINES {
        return PreEscaped(String::new());
    }
    let list: Vec<Series> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| {
            let of = |c: &Level| {
                let p = c.points.iter().copied().find(|p| row.points.contains(p));
                p.map_or(Estimate { n: 0, mean: None }, |p| s.estimate(p, metric))
            };
            let name = format!("{} = {}", short_names(&s.plan)[b], row.label);
            series(&name, INKS[i % INKS.len()], columns.iter().map(of).collect()).dash((i % 4) as u8)
        })
        .collect();
    let title = format!("{} over {}, by {}", m.name, s.plan.axes[a].path, s.plan.axes[b].path);
    Curves::over(x, at, &y_label(s, metric), &m.unit, list).html(
        &format!("lines-{metric}"),
        &title,
        "Means with 95 % intervals; every point under the same luck.",
    )
}

fn all_levels(s: &Swept, axis: usize) -> Vec<Level> {
    let mut l = s.levels(axis, usize::MAX);
    if s.numbers(axis).1 != CurveUnit::Order {
        l.sort_by(|a, b| a.value.total_cmp(&b.value));
    }
    l
}

fn points(s: &Swept, order: &[usize]) -> Markup {
    let plan = &s.plan;
    let mut columns = vec![table::numbers("rank"), table::numbers("point")];
    let numeric: Vec<bool> = (0..plan.axes.len()).map(|a| s.numbers(a).1 != CurveUnit::Order).collect();
    columns.extend(
        plan.axes.iter().zip(&numeric).map(|(a, n)| if *n { table::numbers(&a.path) } else { table::words(&a.path) }),
    );
    columns.extend(plan.metrics.iter().map(|m| table::numbers(format!("{}, {}", m.name, m.unit))));
    let values: Vec<Vec<f64>> = (0..plan.axes.len()).map(|a| s.numbers(a).0).collect();
    let rows = order.iter().take(POINTS).enumerate().map(|(rank, p)| {
        let mut row = vec![number((rank + 1).to_string(), rank as f64), number(p.to_string(), *p as f64)];
        for (a, v) in plan.points[*p].iter().enumerate() {
            row.push(if numeric[a] { number(v, values[a][*p]) } else { text(v) });
        }
        row.extend((0..plan.metrics.len()).map(|m| cell(s.estimate(*p, m))));
        row
    });
    let mut note = "mean ± half the 95 % interval".to_owned();
    if order.len() > POINTS {
        note.push_str(&format!(
            "; the first {}, all {} are in points.csv",
            words::count(POINTS as u64),
            words::count(order.len() as u64)
        ));
    }
    table::table("all", "Every point and what came of it", columns).note(note).filter(true).rows(rows).html()
}

fn inputs(s: &Swept) -> Markup {
    let plan = &s.plan;
    let scenario = (plan.scenario.as_str(), "scenario", plan.scenario_sha256.as_str());
    let data = plan.inputs.iter().map(|i| (i.file.as_str(), "data", i.sha256.as_str()));
    let columns = vec![table::words("setting"), table::words("values"), table::numbers("how many")];
    let axes = plan.axes.iter().enumerate().map(|(i, a)| {
        let n = s.levels(i, usize::MAX).len();
        vec![table::code(&a.path), text(a.to.join(", ")), maybe(Some(n as f64), |n| words::number(n, 0))]
    });
    html! {
        (method::evidence("evidence", "How well inputs are known", &plan.evidence).note("as the settings that all points share have them, the weakest first").html())
        (table::table("axes", "What was swept", columns).note(plan.latin.map_or_else(|| "a grid: every combination".to_owned(), |n| format!("a Latin hypercube of {n} points"))).rows(axes).html())
        (method::files("files", "Files", std::iter::once(scenario).chain(data)))
        h3 { "Settings" }
        ul {
            li { "Seed " (plan.seed) ", " (words::count(plan.replications.into())) " replications a point; random streams " code { (plan.random_streams) } }
            @for t in &plan.set { li { "Changed at all points: " code { (t) } } }
        }
    }
}
