//! A fitted step cost beside what was measured: each row of a benchmark a disc, on the diagonal when it fits.

use super::{Drawing, csv, num};
use crate::report::axes::{About, Plot, Scale, Swatch, from_zero, key, page, plain};
use crate::report::scene::{Area, Scene, Shape};
use crate::report::theme::{self, GREY, GRID, Ink, MID};
use crate::report::words;
use crate::serving::fit::{Fit, Fitted};

/// Shapes with a colour of their own; the rest share one.
const MOST_SHAPES: usize = 8;
/// The band beside the diagonal.
const BAND: f64 = 0.10;

/// Draws fitted against measured time between tokens; `None` for a fit without rows.
#[must_use]
pub fn draw(name: &str, fit: &Fit, about: &About) -> Option<Drawing> {
    if fit.rows.is_empty() {
        return None;
    }
    let title = format!(
        "{name}: the fit is {} off its {} measurements on average, {} off those it has not seen",
        percent(fit.mape),
        words::count(fit.used as u64),
        percent(fit.loo)
    );
    let note = "band: ten per cent either side; grey: queued before the first token, and left out of the fit";
    let (mut s, body) = page(&title, note, about);
    // What was fitted sets the scale: a row that queued may be far off, and is in the table of the chart.
    let max = fit.rows.iter().filter(|f| f.used).map(|f| f.row.tpot_ms.max(f.fitted_ms)).fold(0.0, f64::max);
    let (top, ticks, step) = from_zero(max, 1e-9, 6);
    let ticks = plain(&ticks, step);
    let shapes = shapes(&fit.rows);
    let entries: Vec<(Swatch, &str)> =
        shapes.iter().map(|(_, text, ink)| (Swatch::Fill(*ink), text.as_str())).collect();
    let below = key(&mut s, &body, body.y0 + 18.0, &entries);
    let left = ticks.iter().map(|t| theme::width(&t.1, theme::TICK_PX, false)).fold(0.0, f64::max);
    let area = Area::new(body.x0 + left + 14.0, below + 30.0, body.x1 - 40.0, body.y1 - 76.0);
    let plot = Plot { area, x: Scale::Linear(0.0, top), y: Scale::Linear(0.0, top) };
    // The band first: everything else goes over it.
    let edge = |by: f64| if by >= 1.0 { plot.at(top / by, top) } else { plot.at(top, top * by) };
    let corner = plot.at(top, top);
    let band = vec![plot.at(0.0, 0.0), edge(1.0 + BAND), corner, edge(1.0 - BAND)];
    s.shapes.push(Shape::Polygon(band, GRID.alpha(0.6)));
    plot.y_axis(&mut s, &ticks, "fitted, ms a token");
    plot.x_axis(&mut s, &ticks, "measured, ms a token");
    s.line(plot.at(0.0, 0.0), corner, GREY, 2);
    for f in fit.rows.iter().filter(|f| f.row.tpot_ms <= top && f.fitted_ms <= top) {
        let ink = if f.used { ink_of(&shapes, f) } else { MID };
        disc(&mut s, plot.at(f.row.tpot_ms, f.fitted_ms), ink);
    }
    let rows = fit.rows.iter().map(|f| {
        let r = &f.row;
        let counts = [r.isl, r.osl, r.concurrency].map(|n| n.to_string());
        let times = [r.ttft_ms, r.tpot_ms, f.fitted_ms].map(num);
        let unseen = f.unseen_ms.map_or_else(String::new, num);
        counts.into_iter().chain(times).chain([unseen, f.used.to_string()]).collect()
    });
    let header = ["isl", "osl", "concurrency", "ttft_ms", "measured_ms", "fitted_ms", "unseen_ms", "used"];
    Some(Drawing { name: "profile", title, scene: s, csv: csv(&header, rows) })
}

fn percent(v: f64) -> String {
    format!("{} %", words::number(v, 1))
}

fn disc(s: &mut Scene, at: (f64, f64), ink: Ink) {
    s.shapes.push(Shape::Disc(at, 8.0, ink.alpha(0.85)));
}

/// A prompt and output length, its name, and its colour.
type ShapeOf = ((u64, u64), String, Ink);

/// The shapes in the order of their lengths; beyond the most, the last stands for all others.
fn shapes(rows: &[Fitted]) -> Vec<ShapeOf> {
    let mut all: Vec<(u64, u64)> = rows.iter().map(|f| (f.row.isl, f.row.osl)).collect();
    all.sort_unstable();
    all.dedup();
    let more = all.len() > MOST_SHAPES;
    let kept = if more { MOST_SHAPES - 1 } else { all.len() };
    let named = |(i, s): (usize, &(u64, u64))| (*s, format!("{} in, {} out", s.0, s.1), theme::pool(i));
    let mut out: Vec<ShapeOf> = all[..kept].iter().enumerate().map(named).collect();
    if more {
        out.push(((0, 0), format!("{} more lengths", all.len() - kept), theme::SLATE));
    }
    out
}

fn ink_of(shapes: &[ShapeOf], f: &Fitted) -> Ink {
    let found = shapes.iter().find(|(s, ..)| *s == (f.row.isl, f.row.osl));
    found.or(shapes.last()).map_or(GREY, |(.., ink)| *ink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serving::cost::StepCost;
    use crate::serving::fit::{Options, Row, from_benchmark, tpot_ms};

    fn fit(shapes: u64) -> Fit {
        let truth = StepCost { a: 10.0, b: 0.05, c: 5e-5, p: 0.03, ..StepCost::default() };
        let mut rows = Vec::new();
        for s in 1..=shapes {
            for c in [1, 4, 16, 64] {
                let r = Row { isl: 512 * s, osl: 1024, concurrency: c, ttft_ms: 90.0, tpot_ms: 1.0 };
                let noise = 1.0 + 0.05 * ((s * 7 + c) as f64).sin();
                rows.push(Row { tpot_ms: tpot_ms(&truth, &r, &Options::default()) * noise, ..r });
            }
        }
        rows[3].ttft_ms = 9_000.0;
        from_benchmark(&rows, &Options::default()).unwrap()
    }

    #[test]
    fn no_text_overlaps_another_or_leaves_the_page() {
        let about = About { subtitle: "bench.csv".into(), footnote: "fitted by fleetcast".into() };
        for shapes in [3, 20] {
            let d = draw("llama-3.1-70b-fp8-h100-vllm-tp2", &fit(shapes), &about).unwrap();
            assert_eq!(d.scene.faults(), Vec::<String>::new());
            let seen = d.csv.lines().skip(1).count();
            let discs = d.scene.shapes.iter().filter(|s| matches!(s, Shape::Disc(..))).count();
            assert!(seen == 4 * shapes as usize && discs + 1 >= seen, "all but perhaps the one that queued");
        }
    }

    #[test]
    fn a_row_that_was_left_out_is_said_to_be() {
        let d = draw("x", &fit(3), &About::default()).unwrap();
        assert_eq!(d.csv.lines().filter(|l| l.ends_with(",false")).count(), 1);
    }
}
