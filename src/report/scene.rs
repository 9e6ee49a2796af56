//! A drawing as plain data: shapes and texts in pixels, first drawn first, texts over all.
//!
//! Charts build a scene; [`super::render`] turns it into SVG and PNG through plotters' backends. Because a scene is
//! data, tests can prove that no text overlaps another or leaves the page.

use std::collections::BTreeMap;

use super::theme::{self, Ink};

/// Where a text's position is on it, horizontally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

/// A text on one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Where, by `anchor`.
    pub x: f64,
    /// The baseline.
    pub y: f64,
    /// The words.
    pub text: String,
    /// Type size.
    pub px: f64,
    /// Weight.
    pub bold: bool,
    /// Colour.
    pub ink: Ink,
    /// What `x` is.
    pub anchor: Anchor,
}

/// A rectangle in pixels: left, top, right, bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x0: f64,
    /// Top edge.
    pub y0: f64,
    /// Right edge.
    pub x1: f64,
    /// Bottom edge.
    pub y1: f64,
}

impl Area {
    /// From its edges.
    #[must_use]
    pub const fn new(x0: f64, y0: f64, x1: f64, y1: f64) -> Area {
        Area { x0, y0, x1, y1 }
    }
    /// Width.
    #[must_use]
    pub fn w(&self) -> f64 {
        self.x1 - self.x0
    }
    /// Height.
    #[must_use]
    pub fn h(&self) -> f64 {
        self.y1 - self.y0
    }
    /// Whether two have a point within both.
    #[must_use]
    pub fn meets(&self, o: &Area) -> bool {
        self.x0 < o.x1 && o.x0 < self.x1 && self.y0 < o.y1 && o.y0 < self.y1
    }
    /// Larger by `d` on every side.
    #[must_use]
    pub fn grown(&self, d: f64) -> Area {
        Area::new(self.x0 - d, self.y0 - d, self.x1 + d, self.y1 + d)
    }
}

impl Text {
    /// The box of its letters, from the cap height to the descenders.
    #[must_use]
    pub fn area(&self) -> Area {
        let w = theme::width(&self.text, self.px, self.bold);
        let x0 = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - w / 2.0,
            Anchor::End => self.x - w,
        };
        Area::new(x0, self.y - 0.76 * self.px, x0 + w, self.y + 0.24 * self.px)
    }
}

/// A shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A filled rectangle.
    Rect(Area, Ink),
    /// A line through points, with its width.
    Path(Vec<(f64, f64)>, Ink, u32),
    /// A filled polygon.
    Polygon(Vec<(f64, f64)>, Ink),
    /// A filled disc: centre, radius.
    Disc((f64, f64), f64, Ink),
}

/// The drawing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// Shapes in the order of drawing.
    pub shapes: Vec<Shape>,
    /// Texts, drawn over the shapes.
    pub texts: Vec<Text>,
}

impl Scene {
    /// A filled rectangle; nothing when it has no extent.
    pub fn rect(&mut self, a: Area, ink: Ink) {
        if a.x1.round() > a.x0.round() && a.y1.round() > a.y0.round() {
            self.shapes.push(Shape::Rect(a, ink));
        }
    }

    /// A line through points; those that lie within half a pixel of the line are left out: they would only make it
    /// tremble on the pixels' grid.
    pub fn path(&mut self, points: Vec<(f64, f64)>, ink: Ink, width: u32) {
        let points = simplify(points, 0.5);
        if points.len() > 1 {
            self.shapes.push(Shape::Path(points, ink, width));
        }
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: u32) {
        self.path(vec![from, to], ink, width);
    }

    /// A dashed line through points: `on` pixels drawn, `off` left out.
    pub fn dashed(&mut self, points: &[(f64, f64)], ink: Ink, width: u32, on: f64, off: f64) {
        let mut left = on;
        let mut drawing = true;
        for w in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (w[0], w[1]);
            let len = (x1 - x0).hypot(y1 - y0);
            let mut done = 0.0;
            while len - done > 1e-9 {
                let d = left.min(len - done);
                let at = |t: f64| (x0 + (x1 - x0) * t / len, y0 + (y1 - y0) * t / len);
                if drawing {
                    self.line(at(done), at(done + d), ink, width);
                }
                done += d;
                left -= d;
                if left <= 1e-9 {
                    drawing = !drawing;
                    left = if drawing { on } else { off };
                }
            }
        }
    }

    /// Diagonal hatching within a rectangle, for what must be told apart without colour.
    pub fn hatch(&mut self, a: Area, ink: Ink, gap: f64) {
        self.hatch_all(&[a], ink, gap);
    }

    /// [`Scene::hatch`] over many rectangles, left to right: lines x − y = k at fixed k through the page. Those that meet at their borders are drawn as one.
    pub fn hatch_all(&mut self, areas: &[Area], ink: Ink, gap: f64) {
        let mut pieces: BTreeMap<i64, Vec<(f64, f64)>> = BTreeMap::new();
        for a in areas {
            let (first, last) = (((a.x0 - a.y1) / gap).ceil() as i64, ((a.x1 - a.y0) / gap).floor() as i64);
            for i in first..=last {
                let k = i as f64 * gap;
                let (x0, x1) = ((a.y0 + k).max(a.x0), (a.y1 + k).min(a.x1));
                let row = pieces.entry(i).or_default();
                match row.last_mut() {
                    Some(l) if (l.1 - x0).abs() < 0.5 => l.1 = x1.max(l.1),
                    _ if x1 > x0 => row.push((x0, x1)),
                    _ => {}
                }
            }
        }
        for (i, row) in pieces {
            let k = i as f64 * gap;
            for (x0, x1) in row.into_iter().filter(|(x0, x1)| x1 - x0 >= 1.0) {
                self.line((x0, x0 - k), (x1, x1 - k), ink, 1);
            }
        }
    }

    /// A text.
    pub fn text(&mut self, x: f64, y: f64, text: impl Into<String>, px: f64, ink: Ink, anchor: Anchor) {
        self.put(Text { x, y, text: text.into(), px, bold: false, ink, anchor });
    }

    /// A bold text.
    pub fn bold(&mut self, x: f64, y: f64, text: impl Into<String>, px: f64, ink: Ink, anchor: Anchor) {
        self.put(Text { x, y, text: text.into(), px, bold: true, ink, anchor });
    }

    /// Adds a text as it is; empty ones are left out.
    pub fn put(&mut self, t: Text) {
        if !t.text.is_empty() {
            self.texts.push(t);
        }
    }

    /// A text on a white ground, so that lines beneath do not cross it.
    pub fn label(&mut self, t: Text) {
        self.shapes.push(Shape::Rect(t.area().grown(3.0), theme::WHITE.alpha(0.85)));
        self.put(t);
    }

    /// Whether a text would meet none that is there, and stay within `bounds`.
    #[must_use]
    pub fn free(&self, t: &Text, bounds: &Area) -> bool {
        let a = t.area().grown(2.0);
        a.x0 >= bounds.x0
            && a.x1 <= bounds.x1
            && a.y0 >= bounds.y0
            && a.y1 <= bounds.y1
            && self.texts.iter().all(|o| !o.area().meets(&a))
    }

    /// Pairs of texts that overlap, and texts that leave the page: what a chart must not have.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let page = Area::new(0.0, 0.0, f64::from(theme::WIDTH), f64::from(theme::HEIGHT));
        let boxes: Vec<Area> = self.texts.iter().map(Text::area).collect();
        let mut out = Vec::new();
        for (i, a) in boxes.iter().enumerate() {
            if a.x0 < page.x0 || a.y0 < page.y0 || a.x1 > page.x1 || a.y1 > page.y1 {
                out.push(format!("off the page: {:?}", self.texts[i].text));
            }
            if self.texts[i].px < theme::TICK_PX {
                out.push(format!("too small: {:?}", self.texts[i].text));
            }
            for (j, b) in boxes.iter().enumerate().skip(i + 1) {
                if a.meets(b) {
                    out.push(format!("{:?} overlaps {:?}", self.texts[i].text, self.texts[j].text));
                }
            }
        }
        out
    }
}

/// Leaves out points nearer than `tolerance` to the line through those that stay (Douglas and Peucker 1973).
fn simplify(points: Vec<(f64, f64)>, tolerance: f64) -> Vec<(f64, f64)> {
    if points.len() < 3 {
        return points;
    }
    let mut keep = vec![false; points.len()];
    keep[0] = true;
    keep[points.len() - 1] = true;
    let mut todo = vec![(0, points.len() - 1)];
    while let Some((a, b)) = todo.pop() {
        let ((x0, y0), (x1, y1)) = (points[a], points[b]);
        let len = (x1 - x0).hypot(y1 - y0);
        let off = |p: (f64, f64)| {
            if len > 0.0 {
                ((x1 - x0) * (p.1 - y0) - (y1 - y0) * (p.0 - x0)).abs() / len
            } else {
                (p.0 - x0).hypot(p.1 - y0)
            }
        };
        let far = (a + 1..b).map(|i| (off(points[i]), i)).fold((0.0, 0), |m, v| if v.0 > m.0 { v } else { m });
        if far.0 > tolerance {
            keep[far.1] = true;
            todo.extend([(a, far.1), (far.1, b)]);
        }
    }
    points.into_iter().zip(keep).filter(|(_, k)| *k).map(|(p, _)| p).collect()
}

/// Moves wanted positions apart so that neighbours are at least `gap` apart and all lie within `lo..=hi`, keeping their
/// order and moving as little as a sweep down and up allows. For labels at the ends of lines.
#[must_use]
pub fn spread(wanted: &[f64], gap: f64, lo: f64, hi: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
    let mut out: Vec<f64> = wanted.iter().map(|w| w.clamp(lo, hi)).collect();
    let mut floor = lo;
    for &i in &order {
        out[i] = out[i].max(floor);
        floor = out[i] + gap;
    }
    let mut ceiling = hi;
    for &i in order.iter().rev() {
        out[i] = out[i].min(ceiling);
        ceiling = out[i] - gap;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_spread_within_their_bounds() {
        let y = spread(&[50.0, 50.0, 52.0, 100.0], 20.0, 0.0, 100.0);
        assert_eq!(y, [40.0, 60.0, 80.0, 100.0].map(|v: f64| v));
    }

    #[test]
    fn a_straight_line_keeps_its_ends_only_and_a_corner_stays() {
        let line: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i), f64::from(i) * 0.5)).collect();
        assert_eq!(simplify(line, 0.5).len(), 2);
        assert_eq!(simplify(vec![(0.0, 0.0), (5.0, 9.0), (10.0, 0.0)], 0.5).len(), 3);
    }

    #[test]
    fn hatching_joins_where_areas_meet() {
        let (mut one, mut two) = (Scene::default(), Scene::default());
        one.hatch(Area::new(0.0, 0.0, 40.0, 20.0), theme::BLACK, 8.0);
        let halves = [Area::new(0.0, 0.0, 20.0, 20.0), Area::new(20.0, 0.0, 40.0, 20.0)];
        two.hatch_all(&halves, theme::BLACK, 8.0);
        assert_eq!(one, two);
    }

    #[test]
    fn dashes_cover_their_share_of_the_line() {
        let mut s = Scene::default();
        s.dashed(&[(0.0, 0.0), (100.0, 0.0)], theme::BLACK, 1, 6.0, 4.0);
        let drawn: f64 = s.shapes.iter().map(|s| if let Shape::Path(p, ..) = s { p[1].0 - p[0].0 } else { 0.0 }).sum();
        assert!((drawn - 60.0).abs() < 1e-6);
    }

    #[test]
    fn overlapping_and_clipped_texts_are_found() {
        let mut s = Scene::default();
        s.text(100.0, 100.0, "one", 24.0, theme::BLACK, Anchor::Start);
        s.text(110.0, 104.0, "two", 24.0, theme::BLACK, Anchor::Start);
        s.text(-5.0, 300.0, "three", 24.0, theme::BLACK, Anchor::Start);
        assert_eq!(s.faults().len(), 2);
    }
}
