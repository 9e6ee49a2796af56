//! What the charts of services share: which services are shown, panels over time, lines with gaps.

use crate::outcome::{Outcome, ServiceOutcome, WorkOutcome};
use crate::report::axes::{Plot, Scale};
use crate::report::clock::Clock;
use crate::report::plot::heading;
use crate::report::scene::{Anchor, Area, Scene};
use crate::report::theme::{self, GREY, Ink, LABEL_PX};
use crate::report::words;

/// A service to show.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub work: &'a WorkOutcome,
    pub service: &'a ServiceOutcome,
}

/// Services that have what a chart is about, dearest first (equal ones in the scenario's order), `most` of them; and what
/// to say of the others.
pub(super) fn shown(o: &Outcome, most: usize, has: impl Fn(&ServiceOutcome) -> bool) -> (Vec<Shown<'_>>, String) {
    let all = o.work.iter().filter_map(|work| Some(Shown { work, service: work.service.as_deref()? }));
    let mut all: Vec<Shown> = all.filter(|s| has(s.service)).collect();
    all.sort_by_key(|s| std::cmp::Reverse(s.work.bill.0));
    let rest = match all.len() - all.len().min(most) {
        0 => String::new(),
        n => format!("{n} more services, which cost less, are in the CSV; "),
    };
    all.truncate(most);
    (all, rest)
}

/// Every service of an outcome.
pub(super) fn every(o: &Outcome) -> impl Iterator<Item = Shown<'_>> {
    o.work.iter().filter_map(|work| Some(Shown { work, service: work.service.as_deref()? }))
}

/// Divides an area into columns and rows, `gap` apart across.
pub(super) fn grid(a: Area, columns: usize, rows: usize, gap: f64) -> Vec<Vec<Area>> {
    let (w, h) = ((a.w() - gap * (columns as f64 - 1.0)) / columns as f64, a.h() / rows as f64);
    let column = |c: usize| {
        let x = a.x0 + c as f64 * (w + gap);
        (0..rows).map(|r| Area::new(x, a.y0 + r as f64 * h, x + w, a.y0 + (r + 1) as f64 * h)).collect()
    };
    (0..columns).map(column).collect()
}

/// A panel over time: a heading with a fact beside it, axes; the plot to draw in.
pub(super) fn panel(
    s: &mut Scene,
    o: &Outcome,
    a: Area,
    y: Scale,
    ticks: &[(f64, String)],
    (name, fact): (&str, &str),
) -> Plot {
    let area = Area::new(a.x0 + 96.0, a.y0 + 40.0, a.x1 - 20.0, a.y1 - 46.0);
    let plot = Plot { area, x: Scale::Linear(0.0, o.horizon_ns as f64), y };
    plot.y_axis(s, ticks, "");
    plot.time_axis(s, &Clock::of(o), o.horizon_ns);
    heading(s, area.x0, a.y0 + 22.0, name, area.w());
    let x = area.x0 + theme::width(&theme::fit(name, theme::HEAD_PX, true, area.w()), theme::HEAD_PX, true) + 20.0;
    let fact = theme::fit(fact, LABEL_PX, false, (a.x1 - x).max(0.0));
    if a.x1 - x > 60.0 {
        s.text(x, a.y0 + 22.0, fact, LABEL_PX, GREY, Anchor::Start);
    }
    plot
}

/// At most `max` values: of neighbours that are drawn as one, the largest. Returns the factor.
pub(super) fn peaks(values: &[Option<f64>], max: usize) -> (usize, Vec<Option<f64>>) {
    let k = values.len().div_ceil(max.max(1)).max(1);
    let most = |c: &[Option<f64>]| c.iter().copied().flatten().reduce(f64::max);
    (k, values.chunks(k).map(most).collect())
}

/// Stretches of values without a gap: where each begins, and its values.
fn stretches(values: &[Option<f64>]) -> Vec<(usize, Vec<f64>)> {
    let mut out: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut open = false;
    for (i, v) in values.iter().enumerate() {
        match (v, out.last_mut()) {
            (Some(v), Some(last)) if open => last.1.push(*v),
            (Some(v), _) => out.push((i, vec![*v])),
            _ => {}
        }
        open = v.is_some();
    }
    out
}

/// A step line that is interrupted where there is no value.
pub(super) fn steps(
    s: &mut Scene,
    plot: &Plot,
    edges: &[f64],
    values: &[Option<f64>],
    (ink, width, dash): (Ink, u32, bool),
) {
    for (i, v) in stretches(values) {
        plot.steps(s, &edges[i..=i + v.len()], &v, ink, width, dash);
    }
}

/// A scale of even factors whose ends are powers of ten about the values, and at least two of them apart.
pub(super) fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (lo, hi) = values
        .filter(|v| v.is_finite() && *v > 0.0)
        .fold((f64::INFINITY, 0.0f64), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if hi <= 0.0 {
        return (1e-2, 1.0);
    }
    let (lo, hi) = (lo.max(1e-6).log10().floor() as i32, (hi * 1.05).log10().ceil() as i32);
    (10f64.powi(lo.min(hi - 2)), 10f64.powi(hi))
}

/// Ticks of [`decades`], seconds: powers of ten, of which the larger are said in minutes and hours only where exact.
pub(super) fn decade_ticks(lo: f64, hi: f64) -> Vec<(f64, String)> {
    let powers = (lo.log10().round() as i32..=hi.log10().round() as i32).map(|p| 10f64.powi(p));
    let name = |v: f64| match v {
        v if v < 0.999e-3 => format!("{} µs", words::number(v * 1e6, 0)),
        v if v < 0.999 => format!("{} ms", words::number(v * 1e3, 0)),
        v => format!("{} s", words::number(v, 0)),
    };
    powers.map(|v| (v, name(v))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_nothing_is_known_and_peaks_stay() {
        let v = [None, Some(1.0), Some(3.0), None, None, Some(2.0)];
        assert_eq!(stretches(&v), [(1, vec![1.0, 3.0]), (5, vec![2.0])]);
        assert_eq!(peaks(&v, 3), (2, vec![Some(1.0), Some(3.0), Some(2.0)]));
        assert_eq!(peaks(&v, 6).0, 1);
    }

    #[test]
    fn decades_hold_their_values() {
        assert_eq!(decades([0.04, 0.5].into_iter()), (1e-2, 1.0));
        assert_eq!(decades([0.2, 0.3].into_iter()), (1e-2, 1.0));
        assert_eq!(decades([0.99].into_iter()), (0.1, 10.0));
        assert_eq!(decades(std::iter::empty()), (1e-2, 1.0));
        let names: Vec<String> = decade_ticks(1e-4, 100.0).into_iter().map(|t| t.1).collect();
        assert_eq!(names, ["100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s"]);
    }
}
