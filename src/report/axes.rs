//! The page every chart shares (title, subtitle, footnote), and plots with their scales, grids and keys.

use super::clock::Clock;
use super::scene::{Anchor, Area, Scene, Text};
use super::theme::{self, BLACK, GREY, GRID, HEAD_PX, HEIGHT, Ink, LABEL_PX, TICK_PX, TITLE_PX, WHITE, WIDTH};
use super::words;
use crate::outcome::Outcome;
use crate::scenario::model::{Model, Pool, Work};

/// Left and right margin of the page.
pub const MARGIN: f64 = 80.0;

/// What a chart says about itself beside its title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Under the title: scenario, horizon, seed, price date.
    pub subtitle: String,
    /// At the foot: `simulated by fleetcast 0.1.0, seed 1`.
    pub footnote: String,
    /// By workload, the deadline of its runs from their arrival, ns: what an outcome does not say.
    pub deadlines: Vec<(String, u64)>,
    /// By pool, from the notice to the reclaim, ns, where there is a notice.
    pub notices: Vec<(String, u64)>,
}

impl About {
    /// From an outcome, the program's version, and the date of the prices where known.
    #[must_use]
    pub fn of(o: &Outcome, version: &str, prices: Option<&str>) -> About {
        let clock = Clock::of(o);
        let variant = o.variant.as_ref().map(|v| format!(", variant {v}")).unwrap_or_default();
        let prices = prices.map(|p| format!(" · prices of {p}")).unwrap_or_default();
        About {
            subtitle: format!(
                "{}{variant} · {} from {} ({}) · seed {}{prices}",
                o.scenario,
                words::length(o.horizon_ns),
                clock.date(0),
                o.tz,
                o.seed
            ),
            footnote: format!("simulated by fleetcast {version}, seed {}", o.seed),
            ..About::default()
        }
    }

    /// With the deadlines and notices of the model behind the outcome.
    #[must_use]
    pub fn with(self, m: &Model) -> About {
        let deadline = |w: &Work| Some((w.name.clone(), w.run.as_ref()?.buying.as_ref()?.deadline?.0));
        let notice = |p: &Pool| Some((p.name.clone(), p.supply.as_ref()?.notice.kill.0)).filter(|n| n.1 > 0);
        About {
            deadlines: m.work.iter().filter_map(deadline).collect(),
            notices: m.pools.iter().filter_map(notice).collect(),
            ..self
        }
    }
}

/// A page with its title, subtitle, footnote and a note on how to read it; returns the scene and the area left over.
#[must_use]
pub fn page(title: &str, note: &str, about: &About) -> (Scene, Area) {
    let mut s = Scene::default();
    let (w, h) = (f64::from(WIDTH), f64::from(HEIGHT));
    s.rect(Area::new(0.0, 0.0, w, h), WHITE);
    let mut y = 72.0;
    for line in theme::wrap(title, TITLE_PX, true, w - 2.0 * MARGIN, 2) {
        s.bold(MARGIN, y, line, TITLE_PX, BLACK, Anchor::Start);
        y += 52.0;
    }
    let sub = theme::fit(&about.subtitle, HEAD_PX, false, w - 2.0 * MARGIN);
    s.text(MARGIN, y, sub, HEAD_PX, GREY, Anchor::Start);
    let foot = h - 28.0;
    let by = theme::fit(&about.footnote, TICK_PX, false, 0.4 * w);
    let left = w - 2.0 * MARGIN - theme::width(&by, TICK_PX, false) - 40.0;
    s.text(w - MARGIN, foot, by, TICK_PX, GREY, Anchor::End);
    s.text(MARGIN, foot, theme::fit(note, TICK_PX, false, left), TICK_PX, GREY, Anchor::Start);
    (s, Area::new(MARGIN, y + 28.0, w - MARGIN, foot - 34.0))
}

/// From values to pixels along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Even steps from the first value to the second.
    Linear(f64, f64),
    /// Even factors; both ends are positive. Values below the first are drawn on it.
    Log(f64, f64),
}

impl Scale {
    /// Where a value lies: 0 at the first end, 1 at the second.
    #[must_use]
    pub fn share(self, v: f64) -> f64 {
        let f = match self {
            Scale::Linear(a, b) => (v - a) / (b - a),
            Scale::Log(a, b) => (v.max(a) / a).ln() / (b / a).ln(),
        };
        if f.is_finite() { f } else { 0.0 }
    }
}

/// An area with two scales.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plot {
    /// Where on the page.
    pub area: Area,
    /// Across.
    pub x: Scale,
    /// Up.
    pub y: Scale,
}

impl Plot {
    /// Pixels across of a value, kept within the area.
    #[must_use]
    pub fn px(&self, v: f64) -> f64 {
        self.area.x0 + self.x.share(v).clamp(0.0, 1.0) * self.area.w()
    }
    /// Pixels down of a value, kept within the area.
    #[must_use]
    pub fn py(&self, v: f64) -> f64 {
        self.area.y1 - self.y.share(v).clamp(0.0, 1.0) * self.area.h()
    }
    /// Both.
    #[must_use]
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.px(x), self.py(y))
    }

    /// Horizontal grid lines with their ticks on the left and the unit above the axis.
    pub fn y_axis(&self, s: &mut Scene, ticks: &[(f64, String)], unit: &str) {
        for (v, text) in ticks {
            let y = self.py(*v);
            s.line((self.area.x0, y), (self.area.x1, y), GRID, 1);
            s.text(self.area.x0 - 12.0, y + 0.36 * TICK_PX, text.clone(), TICK_PX, GREY, Anchor::End);
        }
        let widest = ticks.iter().map(|t| theme::width(&t.1, TICK_PX, false)).fold(0.0, f64::max);
        let x = self.area.x0 - 12.0 - widest;
        s.text(x, self.area.y0 - 22.0, unit, TICK_PX, GREY, Anchor::Start);
    }

    /// Vertical grid lines with their ticks below, and the unit under them at the right end.
    pub fn x_axis(&self, s: &mut Scene, ticks: &[(f64, String)], unit: &str) {
        let y = self.area.y1;
        let mut end = f64::NEG_INFINITY;
        for (v, text) in ticks {
            let x = self.px(*v);
            s.line((x, self.area.y0), (x, y), GRID, 1);
            let half = theme::width(text, TICK_PX, false) / 2.0;
            if x - half > end + 14.0 {
                s.text(x, y + 34.0, text.clone(), TICK_PX, GREY, Anchor::Middle);
                end = x + half;
            }
        }
        s.text(self.area.x1, y + 66.0, unit, TICK_PX, GREY, Anchor::End);
        self.base(s);
    }

    /// Civil ticks below over `to` ns; `x` counts nanoseconds.
    pub fn time_axis(&self, s: &mut Scene, clock: &Clock, to: u64) {
        let ticks = clock.ticks(to, |t| {
            t.windows(2).all(|w| {
                let half = |t: &(u64, String)| theme::width(&t.1, TICK_PX, false) / 2.0;
                self.px(w[1].0 as f64) - self.px(w[0].0 as f64) > half(&w[0]) + half(&w[1]) + 26.0
            })
        });
        let y = self.area.y1;
        for (ns, text) in ticks {
            let x = self.px(ns as f64);
            s.line((x, self.area.y0), (x, y + 8.0), GRID, 1);
            s.text(x, y + 34.0, text, TICK_PX, GREY, Anchor::Middle);
        }
        self.base(s);
    }

    /// The line of the x axis.
    pub fn base(&self, s: &mut Scene) {
        s.line((self.area.x0, self.area.y1), (self.area.x1, self.area.y1), GREY, 2);
    }

    /// A step line: each value holds from its edge to the next. `edges` has one more than `values`.
    pub fn steps(&self, s: &mut Scene, edges: &[f64], values: &[f64], ink: Ink, width: u32, dash: bool) {
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(values.len() * 2);
        for (i, v) in values.iter().enumerate() {
            let y = self.py(*v);
            for x in [self.px(edges[i]), self.px(edges[i + 1])] {
                // Runs of equal height need their two ends only.
                if points.len() >= 2 && points[points.len() - 1].1 == y && points[points.len() - 2].1 == y {
                    points.pop();
                }
                points.push((x, y));
            }
        }
        if dash {
            s.dashed(&points, ink, width, 14.0, 8.0);
            return;
        }
        // Straight pieces, each reaching over the corners: a path with joins is ragged in a bitmap at this density.
        let half = f64::from(width) / 2.0;
        for w in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (w[0], w[1]);
            let (l, r) = (x0.min(x1) - half, x0.max(x1) + half);
            s.rect(Area::new(l, y0.min(y1) - half, r, y0.max(y1) + half), ink);
        }
    }

    /// Columns between two values in each step; neighbours of the same heights are joined. Nothing where `low ≥ high`.
    pub fn columns(&self, edges: &[f64], low: &[f64], high: &[f64]) -> Vec<Area> {
        let mut out: Vec<Area> = Vec::new();
        for i in 0..low.len().min(high.len()) {
            if high[i] <= low[i] {
                continue;
            }
            let (x0, x1) = (self.px(edges[i]).round(), self.px(edges[i + 1]).round());
            let a = Area::new(x0, self.py(high[i]).round(), x1, self.py(low[i]).round());
            match out.last_mut() {
                Some(l) if l.x1 == a.x0 && l.y0 == a.y0 && l.y1 == a.y1 => l.x1 = a.x1,
                _ if a.h() >= 1.0 && a.w() >= 1.0 => out.push(a),
                _ => {}
            }
        }
        out
    }
}

/// Round steps over `lo..=hi`, about `n` of them, and the distance between two.
#[must_use]
pub fn ticks(lo: f64, hi: f64, n: usize) -> (Vec<f64>, f64) {
    let span = (hi - lo).max(f64::MIN_POSITIVE);
    let raw = span / n.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= raw * 0.999).unwrap_or(raw);
    let (first, last) = ((lo / step - 1e-9).ceil() as i64, (hi / step + 1e-9).floor() as i64);
    ((first..=last).map(|i| i as f64 * step).collect(), step)
}

/// A round number at or above every value, at least `least`, with its ticks: for axes that begin at 0.
#[must_use]
pub fn from_zero(max: f64, least: f64, n: usize) -> (f64, Vec<f64>, f64) {
    let max = if max.is_finite() { max.max(least) } else { least };
    let (_, step) = ticks(0.0, max * 1.04, n);
    let top = (max * 1.04 / step).ceil() * step;
    (top, ticks(0.0, top, n).0, step)
}

/// Ticks with plain numbers, as many decimals as their step needs.
#[must_use]
pub fn plain(values: &[f64], step: f64) -> Vec<(f64, String)> {
    values.iter().map(|v| (*v, words::number(*v, words::decimals(step)))).collect()
}

/// Ticks in dollars.
#[must_use]
pub fn dollars(values: &[f64], step: f64) -> Vec<(f64, String)> {
    let max = values.iter().copied().fold(0.0, f64::max);
    values.iter().map(|v| (*v, words::dollar_tick(*v, step, max))).collect()
}

/// The usual ticks of a time axis with even factors, in seconds: 1 s to 1 year, those within the range.
#[must_use]
pub fn log_time(lo: f64, hi: f64) -> Vec<(f64, String)> {
    [
        (1e-3, "1 ms"),
        (1e-2, "10 ms"),
        (0.1, "0.1 s"),
        (1.0, "1 s"),
        (10.0, "10 s"),
        (60.0, "1 min"),
        (600.0, "10 min"),
        (3_600.0, "1 h"),
        (6.0 * 3_600.0, "6 h"),
        (86_400.0, "1 d"),
        (7.0 * 86_400.0, "1 week"),
        (30.0 * 86_400.0, "30 d"),
        (365.0 * 86_400.0, "1 year"),
    ]
    .into_iter()
    .filter(|(v, _)| *v >= lo * 0.999 && *v <= hi * 1.001)
    .map(|(v, t)| (v, t.to_owned()))
    .collect()
}

/// Powers of ten within the range, or, where there are few, also twice and five times them.
#[must_use]
pub fn log_counts(lo: f64, hi: f64) -> Vec<(f64, String)> {
    let within = |steps: &[f64]| -> Vec<f64> {
        let powers = (0..=12).map(|k| 10f64.powi(k));
        let all = powers.flat_map(|p| steps.iter().map(move |s| s * p));
        all.filter(|v| *v >= lo * 0.999 && *v <= hi * 1.001).collect()
    };
    let tens = within(&[1.0]);
    let ticks = if tens.len() >= 3 { tens } else { within(&[1.0, 2.0, 5.0]) };
    ticks.into_iter().map(|v| (v, words::number(v, 0))).collect()
}

/// How an entry of a key looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Swatch {
    /// A filled box.
    Fill(Ink),
    /// A filled box with hatching.
    Hatch(Ink, Ink),
    /// A line.
    Line(Ink, u32),
    /// A dashed line.
    Dash(Ink, u32),
    /// A box in up to three colours: what has the same meaning in each of them.
    Many([Ink; 3]),
}

/// A key on lines from `y` (the first baseline), breaking lines at `area`'s right edge; returns the baseline after it.
pub fn key(s: &mut Scene, area: &Area, y: f64, entries: &[(Swatch, &str)]) -> f64 {
    let (mut x, mut y) = (area.x0, y);
    for (swatch, text) in entries {
        let need = 44.0 + theme::width(text, LABEL_PX, false);
        if x > area.x0 && x + need > area.x1 {
            x = area.x0;
            y += 36.0;
        }
        let b = Area::new(x, y - 18.0, x + 34.0, y + 2.0);
        match *swatch {
            Swatch::Fill(i) => s.rect(b, i),
            Swatch::Hatch(i, h) => {
                s.rect(b, i);
                s.hatch(b, h, 8.0);
            }
            Swatch::Many(inks) => {
                for (k, i) in inks.iter().enumerate() {
                    let x0 = x + 12.0 * k as f64;
                    s.rect(Area::new(x0, b.y0, x0 + 12.0, b.y1), *i);
                }
            }
            Swatch::Line(i, w) => s.line((x, y - 8.0), (x + 34.0, y - 8.0), i, w),
            Swatch::Dash(i, w) => s.dashed(&[(x, y - 8.0), (x + 34.0, y - 8.0)], i, w, 9.0, 4.0),
        }
        s.text(x + 44.0, y, *text, LABEL_PX, BLACK, Anchor::Start);
        x += need + 36.0;
    }
    y + 36.0
}

/// Puts a text at the first of several places where it meets no other and stays within `bounds`. Says whether it did.
pub fn place(s: &mut Scene, bounds: &Area, places: &[(f64, f64, Anchor)], like: &Text) -> bool {
    for (x, y, anchor) in places {
        let t = Text { x: *x, y: *y, anchor: *anchor, ..like.clone() };
        if s.free(&t, bounds) {
            s.label(t);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        assert_eq!(ticks(0.0, 100.0, 5), (vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0], 20.0));
        let (top, t, _) = from_zero(97.0, 1.0, 5);
        assert!(top >= 97.0 && t.last() == Some(&top));
        assert_eq!(plain(&[0.25], 0.25)[0].1, "0.25");
    }

    #[test]
    fn counts_have_powers_of_ten() {
        let at = |lo, hi| log_counts(lo, hi).into_iter().map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(at(3.0, 14_050.0), ["10", "100", "1,000", "10,000"]);
        assert_eq!(at(1.0, 10.5), ["1", "2", "5", "10"]);
    }

    #[test]
    fn a_log_scale_draws_zero_at_its_foot() {
        let s = Scale::Log(1.0, 100.0);
        assert_eq!(s.share(0.0), 0.0);
        assert!((s.share(10.0) - 0.5).abs() < 1e-12);
        assert_eq!(Scale::Linear(1.0, 1.0).share(1.0), 0.0);
    }

    #[test]
    fn equal_columns_are_joined() {
        let p =
            Plot { area: Area::new(0.0, 0.0, 100.0, 100.0), x: Scale::Linear(0.0, 4.0), y: Scale::Linear(0.0, 10.0) };
        let c = p.columns(&[0.0, 1.0, 2.0, 3.0, 4.0], &[0.0; 4], &[5.0, 5.0, 0.0, 5.0]);
        assert_eq!(c.len(), 2);
        assert_eq!(c[0], Area::new(0.0, 50.0, 50.0, 100.0));
    }
}
