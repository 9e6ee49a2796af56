//! A trace beside the workload fitted to it: arrivals over time, and how long jobs run.

use super::{Drawing, csv, num, thin};
use crate::report::axes::{About, Scale, page, plain, ticks};
use crate::report::plot::{self, Line};
use crate::report::scene::Area;
use crate::report::theme::{BLUE, ORANGE};
use crate::report::words;

/// What a trace looks like, and, where something was fitted, what the fit looks like. Plain vectors: whoever inspects
/// a trace fills them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceShape {
    /// The trace's name.
    pub name: String,
    /// Jobs that arrived in each hour from the trace's start.
    pub arrivals_per_hour: Vec<f64>,
    /// The same of the fit; empty without one.
    pub fitted_arrivals_per_hour: Vec<f64>,
    /// How long each job ran, seconds, in any order.
    pub durations_s: Vec<f64>,
    /// Durations of the fit at even steps of probability or drawn from it, in any order; empty without one.
    pub fitted_durations_s: Vec<f64>,
}

/// Points of the distribution curve of values, at most `max` of them: (value, share at or below).
#[must_use]
pub fn ecdf_points(values: &[f64], max: usize) -> Vec<(f64, f64)> {
    let mut v: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    v.sort_by(f64::total_cmp);
    let n = v.len();
    let points = n.min(max.max(2));
    (1..=points).map(|i| i * n / points).map(|rank| (v[rank - 1], rank as f64 / n as f64)).collect()
}

/// Draws both; `None` for a trace without jobs.
#[must_use]
pub fn draw(t: &TraceShape, about: &About) -> Option<Drawing> {
    if t.durations_s.is_empty() || t.arrivals_per_hour.is_empty() {
        return None;
    }
    let durations = ecdf_points(&t.durations_s, 400);
    let quantile = |q: f64| durations[(((durations.len() as f64) * q).ceil() as usize).clamp(1, durations.len()) - 1].0;
    let hours = t.arrivals_per_hour.len() as f64;
    let rate = t.arrivals_per_hour.iter().sum::<f64>() / hours;
    let in_ns = |s: f64| words::length((s.max(0.0) * 1e9) as u64);
    let title = format!(
        "{}: {} jobs an hour on average; half run for at most {}, one in ten for more than {}",
        t.name,
        words::number(rate, usize::from(rate < 10.0)),
        in_ns(quantile(0.5)),
        in_ns(quantile(0.9))
    );
    let note = "measured: the trace; fitted: the synthetic workload that `trace fit` prints";
    let (mut s, body) = page(&title, note, about);
    let half = body.w() * 0.5;
    let left = Area { x1: body.x0 + half - 10.0, ..body };
    let right = Area { x0: body.x0 + half + 30.0, ..body };

    let series = |name: &str, ink, dashed, v: &[f64]| {
        let (k, v) = thin(v, 480);
        let points = v.iter().enumerate().map(|(i, y)| ((i * k) as f64 + k as f64 / 2.0, *y)).collect();
        Line { name: name.into(), ink, dashed, points }
    };
    let mut arrivals = vec![series("measured", BLUE, false, &t.arrivals_per_hour)];
    if !t.fitted_arrivals_per_hour.is_empty() {
        arrivals.push(series("fitted", ORANGE, true, &t.fitted_arrivals_per_hour));
    }
    let days = hours / 24.0;
    let (x_ticks, unit): (Vec<(f64, String)>, &str) = if days >= 2.0 {
        // Whole days only.
        let step = [1.0, 2.0, 5.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0].into_iter().find(|s| days / s <= 8.0);
        let step = step.unwrap_or((days / 8.0).ceil());
        let v: Vec<f64> = (0..=(days / step) as u32).map(|i| f64::from(i) * step).collect();
        (plain(&v, step).into_iter().map(|(v, t)| (v * 24.0, t)).collect(), "days from the trace's start")
    } else {
        let (v, step) = ticks(0.0, hours, 6);
        (plain(&v, step), "hours from the trace's start")
    };
    plot::lines(&mut s, left, &arrivals, Scale::Linear(0.0, hours), &x_ticks, (unit, "jobs an hour"));

    let mut curves = vec![Line { name: "measured".into(), ink: BLUE, dashed: false, points: durations.clone() }];
    if !t.fitted_durations_s.is_empty() {
        let points = ecdf_points(&t.fitted_durations_s, 400);
        curves.push(Line { name: "fitted".into(), ink: ORANGE, dashed: true, points });
    }
    plot::ecdf(&mut s, right, &curves, "time a job runs (each step a factor)");

    let rows = (0..t.arrivals_per_hour.len()).map(|i| {
        let fit = t.fitted_arrivals_per_hour.get(i).copied().map_or_else(String::new, num);
        vec!["arrivals_per_hour".into(), i.to_string(), num(t.arrivals_per_hour[i]), fit]
    });
    let q = |v: &[f64]| ecdf_points(v, 100);
    let fitted = q(&t.fitted_durations_s);
    let durations = q(&t.durations_s).into_iter().enumerate().map(|(i, (v, p))| {
        let fit = fitted.get(i).map_or_else(String::new, |f| num(f.0));
        vec!["duration_s_at_share".into(), num(p), num(v), fit]
    });
    let csv = csv(&["what", "at", "measured", "fitted"], rows.chain(durations));
    Some(Drawing { name: "trace", title, scene: s, csv })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_curve_ends_at_one_and_never_falls() {
        let p = super::ecdf_points(&[3.0, 1.0, 2.0, 2.0], 10);
        assert_eq!(p, [(1.0, 0.25), (2.0, 0.5), (2.0, 0.75), (3.0, 1.0)]);
        let many: Vec<f64> = (0..10_000).map(f64::from).collect();
        let p = super::ecdf_points(&many, 100);
        assert_eq!(p.len(), 100);
        assert_eq!(p.last(), Some(&(9_999.0, 1.0)));
        assert!(super::ecdf_points(&[], 10).is_empty());
    }
}
