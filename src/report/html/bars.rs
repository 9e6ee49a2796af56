//! Bars, steps, intervals and heat maps: plain SVG that is there without a script. Pointing at a bar tells its figures.

use maud::{Markup, PreEscaped, html};

use super::page::{hex, prose};
use crate::report::axes::{from_zero, ticks};
use crate::report::theme;
use crate::report::words;

const WIDTH: f64 = 960.0;
const PITCH: f64 = 26.0;
const PX: f64 = 12.0;

/// Width of a text of the figures.
fn wide(text: &str, bold: bool) -> f64 {
    theme::width(text, PX, bold)
}

/// A figure around a drawing.
fn figure(id: &str, title: &str, what: &str, height: f64, body: Markup) -> Markup {
    html! {
        figure id=(id) {
            figcaption { h3 { (prose(title)) } p class="what" { (prose(what)) } }
            div class="plot still" {
                svg viewBox=(format!("0 0 {WIDTH} {height:.0}")) role="img" aria-label=(title) { (body) }
            }
        }
    }
}

fn write(x: f64, y: f64, text: &str, anchor: &str, class: &str) -> Markup {
    html! { text x=(format!("{x:.1}")) y=(format!("{y:.1}")) text-anchor=(anchor) class=(class) { (text) } }
}

fn rect(x0: f64, y0: f64, x1: f64, y1: f64, style: &str) -> Markup {
    let (x, w) = (x0.min(x1), (x1 - x0).abs().max(1.0));
    html! {
        rect x=(format!("{x:.1}")) y=(format!("{y0:.1}")) width=(format!("{w:.1}")) height=(format!("{:.1}", y1 - y0)) style=(style) {}
    }
}

/// A bar from one value to another.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// A colour of the page's.
    pub ink: &'static str,
    /// The share of it that is hatched, at its end.
    pub hatched: f64,
    /// What stands beside it.
    pub note: String,
    /// Whether it is a sum, or the one that matters.
    pub strong: bool,
}

impl Bar {
    /// A bar from nothing.
    pub fn new(name: impl Into<String>, value: f64, ink: &'static str, note: impl Into<String>) -> Bar {
        let (name, note) = (name.into(), note.into());
        Bar { name, from: 0.0, to: value, ink, hatched: 0.0, note, strong: false }
    }

    /// Each begins where the one above ends.
    #[must_use]
    pub fn in_steps(bars: Vec<Bar>) -> Vec<Bar> {
        let mut at = 0.0;
        let step = |b: Bar| {
            let from = at;
            at += b.to;
            Bar { from, to: at, ..b }
        };
        bars.into_iter().map(step).collect()
    }
}

/// Bars below each other over one axis; nothing without any.
#[must_use]
pub fn bars(id: &str, title: &str, what: &str, axis: &str, all: &[Bar]) -> Markup {
    if all.is_empty() {
        return PreEscaped(String::new());
    }
    let fit = |t: &str| theme::fit(t, PX, true, 300.0);
    let left = all.iter().map(|b| wide(&fit(&b.name), b.strong)).fold(0.0, f64::max) + 12.0;
    let ends = || all.iter().flat_map(|b| [b.from, b.to]);
    let (lo, hi) = (ends().fold(0.0, f64::min), ends().fold(0.0, f64::max));
    let note = all.iter().map(|b| wide(&b.note, b.strong)).fold(0.0, f64::max);
    // What grows to the left has its note there, between the names and the bars.
    let names = left;
    let left = if lo < 0.0 { left + note + 10.0 } else { left };
    // A note stands right of its bar, or left of it where the right has no room.
    let right = WIDTH
        - if lo < 0.0 && hi <= 0.0 {
            0.0
        } else if all.iter().any(|b| b.from != 0.0) {
            note * 0.55
        } else {
            note
        }
        - 14.0;
    let span = if hi > lo { hi - lo } else { 1.0 };
    let px = |v: f64| left + (v - lo) / span * (right - left);
    let foot = 8.0 + PITCH * all.len() as f64;
    let marks = if lo < 0.0 {
        let (at, step) = ticks(lo, hi, 6);
        (at, step)
    } else {
        let (_, at, step) = from_zero(hi, span.min(1e-9), 6);
        (at, step)
    };
    let body = html! {
        defs {
            pattern id=(format!("{id}-hatch")) width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect width="2.2" height="6" style="fill:var(--card)" {}
            }
        }
        @for v in marks.0.iter().filter(|v| **v <= hi * 1.0001 && **v >= lo * 1.0001) {
            path class="grid" d=(format!("M{:.1} 4V{:.1}", px(*v), foot)) {}
            (write(px(*v), foot + 16.0, &words::number(*v, words::decimals(marks.1)), "middle", "axis"))
        }
        (write(WIDTH, foot + 34.0, axis, "end", "axis"))
        path class="base" d=(format!("M{0:.1} 4V{1:.1}", px(0.0), foot)) {}
        @for (i, b) in all.iter().enumerate() {
            @let y = 8.0 + PITCH * i as f64;
            @let (x0, x1) = (px(b.from), px(b.to));
            g {
                title { (b.name) ": " (b.note) }
                (rect(x0, y + 3.0, x1, y + PITCH - 5.0, &format!("fill:var(--{})", b.ink)))
                @if b.hatched > 0.001 {
                    (rect(x1 - (x1 - x0) * b.hatched.min(1.0), y + 3.0, x1, y + PITCH - 5.0, &format!("fill:url(#{id}-hatch)")))
                }
                @if i + 1 < all.len() && (all[i + 1].from - b.to).abs() < 1e-9 && b.to != 0.0 {
                    path class="thin" d=(format!("M{x1:.1} {:.1}V{:.1}", y + PITCH - 5.0, y + PITCH + 3.0)) {}
                }
                (write(names - 10.0, y + 16.0, &fit(&b.name), "end", if b.strong { "strong" } else { "" }))
                @if b.to >= b.from && x0.max(x1) + 8.0 + wide(&b.note, b.strong) <= WIDTH {
                    (write(x0.max(x1) + 8.0, y + 16.0, &b.note, "start", if b.strong { "strong" } else { "" }))
                } @else {
                    (write(x0.min(x1) - 8.0, y + 16.0, &b.note, "end", if b.strong { "strong" } else { "" }))
                }
            }
        }
    };
    figure(id, title, what, foot + 40.0, body)
}

/// A value with its interval.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Of what.
    pub name: String,
    /// The value.
    pub mean: f64,
    /// The ends.
    pub ends: Option<(f64, f64)>,
    /// A colour of the page's.
    pub ink: &'static str,
    /// What stands beside it.
    pub note: String,
}

/// Intervals below each other over one axis with nothing in its middle; nothing without any. Those that would leave nothing
/// to see of the others are cut at the border, with an arrow.
#[must_use]
pub fn intervals(id: &str, title: &str, what: &str, axis: &str, all: &[Interval]) -> Markup {
    if all.is_empty() {
        return PreEscaped(String::new());
    }
    let reach = |i: &Interval| i.ends.map_or(i.mean.abs(), |(a, b)| a.abs().max(b.abs()));
    let mut sizes: Vec<f64> = all.iter().map(reach).collect();
    sizes.sort_by(f64::total_cmp);
    // Four times the median: one figure that doubles does not hide the others.
    let most = sizes[sizes.len() - 1].min((4.0 * sizes[sizes.len() / 2]).max(1e-9));
    let fit = |t: &str| theme::fit(t, PX, false, 280.0);
    let left = all.iter().map(|i| wide(&fit(&i.name), false)).fold(0.0, f64::max) + 12.0;
    let right = WIDTH - all.iter().map(|i| wide(&i.note, false)).fold(0.0, f64::max) - 16.0;
    let px = |v: f64| left + (v.clamp(-most, most) + most) / (2.0 * most) * (right - left);
    let foot = 8.0 + 22.0 * all.len() as f64;
    let (at, step) = ticks(-most, most, 6);
    let body = html! {
        @for v in &at {
            path class=(if *v == 0.0 { "base" } else { "grid" }) d=(format!("M{:.1} 4V{foot:.1}", px(*v))) {}
            (write(px(*v), foot + 16.0, &words::number(*v, words::decimals(step)), "middle", "axis"))
        }
        (write(WIDTH, foot + 34.0, axis, "end", "axis"))
        @for (i, v) in all.iter().enumerate() {
            @let y = 8.0 + 22.0 * i as f64 + 11.0;
            g {
                title { (v.name) ": " (v.note) }
                (write(left - 10.0, y + 4.0, &fit(&v.name), "end", ""))
                @if let Some((a, b)) = v.ends {
                    path d=(format!("M{:.1} {y:.1}H{:.1}", px(a), px(b).max(px(a) + 1.0)))
                        style=(format!("stroke:var(--{});stroke-width:3", v.ink)) {}
                }
                @if v.mean.abs() > most {
                    @let (x, d) = if v.mean > 0.0 { (right, -7.0) } else { (left, 7.0) };
                    path d=(format!("M{x:.1} {y:.1}l{d} -5v10z")) style=(format!("fill:var(--{})", v.ink)) {}
                } @else {
                    circle cx=(format!("{:.1}", px(v.mean))) cy=(format!("{y:.1}")) r="4.5" style=(format!("fill:var(--{})", v.ink)) {}
                }
                (write(right + 12.0, y + 4.0, &v.note, "start", ""))
            }
        }
    };
    figure(id, title, what, foot + 40.0, body)
}

/// A cell of a heat map.
#[derive(Clone, Debug)]
pub struct Heat {
    /// Its value; none where there is none.
    pub value: Option<f64>,
    /// What is written in it.
    pub text: String,
    /// What is told of it.
    pub told: String,
    /// Whether it is the best.
    pub best: bool,
}

/// An axis of a heat map: what it is of, and its values.
pub type Names<'a> = (&'a str, &'a [String]);

/// A heat map: columns from the left, rows from the foot. `cells` go row by row.
#[must_use]
pub fn heat(id: &str, title: &str, what: &str, [across, up]: [Names<'_>; 2], cells: &[Heat]) -> Markup {
    let known = || cells.iter().filter_map(|c| c.value);
    let (lo, hi) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |a, v| (a.0.min(v), a.1.max(v)));
    if hi < lo || across.1.is_empty() || up.1.is_empty() {
        return PreEscaped(String::new());
    }
    let fit = |t: &str, most: f64| theme::fit(t, PX, false, most);
    let left = up.1.iter().map(|t| wide(&fit(t, 220.0), false)).fold(0.0, f64::max) + 14.0;
    let w = (WIDTH - left) / across.1.len() as f64;
    let h = (300.0 / up.1.len() as f64).clamp(14.0, 46.0);
    let foot = 24.0 + h * up.1.len() as f64;
    let share = |v: f64| if hi > lo { (v - lo) / (hi - lo) } else { 0.5 };
    let body = html! {
        (write(0.0, 14.0, &format!("{} ↑", up.0), "start", "axis"))
        @for (i, c) in cells.iter().enumerate() {
            @let (x, y) = (left + w * (i % across.1.len()) as f64, foot - h * (i / across.1.len() + 1) as f64);
            @let ink = c.value.map_or(theme::PALE, |v| theme::heat(share(v)));
            g {
                title { (c.told) }
                (rect(x, y, x + w - 2.0, y + h - 2.0, &format!("fill:{}{}", hex(ink), if c.best { ";stroke:var(--vermilion);stroke-width:3" } else { "" })))
                @if wide(&c.text, c.best) + 8.0 <= w && h >= 15.0 {
                    text x=(format!("{:.1}", x + w / 2.0)) y=(format!("{:.1}", y + h / 2.0 + 3.0)) text-anchor="middle"
                        class=(if c.best { "strong" } else { "" }) style=(format!("fill:{}", hex(ink.text_on()))) { (c.text) }
                }
            }
        }
        @for (i, t) in up.1.iter().enumerate() {
            @if h >= 14.0 { (write(left - 10.0, foot - h * (i as f64 + 0.5) + 3.0, &fit(t, 220.0), "end", "")) }
        }
        @for (i, t) in across.1.iter().enumerate() {
            @if w >= 34.0 || i % (34.0 / w).ceil() as usize == 0 {
                (write(left + w * (i as f64 + 0.5), foot + 16.0, &fit(t, w.max(34.0)), "middle", ""))
            }
        }
        (write(WIDTH, foot + 34.0, &format!("{} →", across.0), "end", "axis"))
    };
    figure(id, title, what, foot + 40.0, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_begin_where_the_one_above_ends() {
        let b = Bar::in_steps([5.0, -2.0, 4.0].map(|v| Bar::new("x", v, "blue", "")).to_vec());
        assert_eq!(b.iter().map(|b| (b.from, b.to)).collect::<Vec<_>>(), [(0.0, 5.0), (5.0, 3.0), (3.0, 7.0)]);
    }

    #[test]
    fn names_are_text_whatever_is_in_them() {
        let b = [Bar::new("<script>alert(1)</script>", 1.0, "blue", "1 USD")];
        let text = bars("b", "t", "w", "USD", &b).into_string();
        assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"), "{text}");
    }

    #[test]
    fn a_figure_far_beyond_the_others_is_cut_with_an_arrow() {
        let of = |mean: f64| Interval { name: "m".into(), mean, ends: None, ink: "blue", note: String::new() };
        let text = intervals("i", "t", "w", "%", &[of(1.0), of(-2.0), of(900.0)]).into_string();
        assert_eq!((text.matches("<circle").count(), text.matches("z\"").count()), (2, 1), "{text}");
    }
}
