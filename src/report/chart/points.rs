//! Names and differences beside the points of a chart.

use crate::report::axes::Plot;
use crate::report::scene::{Anchor, Area, Scene, Shape, Text};
use crate::report::theme::{self, BLACK, BLUE, GREY, HEAD_PX, Ink, LABEL_PX, MID, VERMILION, WHITE};

/// A point with what is said of it.
pub(super) struct Point {
    /// Where, in pixels.
    pub at: (f64, f64),
    pub name: String,
    pub detail: String,
    /// Whether it is what the others are held against: it is marked.
    pub base: bool,
}

/// Draws the points, the base as a target.
pub(super) fn discs(s: &mut Scene, points: &[Point]) {
    for p in points {
        if p.base {
            s.shapes.push(Shape::Disc(p.at, 19.0, VERMILION));
            s.shapes.push(Shape::Disc(p.at, 14.0, WHITE));
            s.shapes.push(Shape::Disc(p.at, 9.0, VERMILION));
        } else {
            s.shapes.push(Shape::Disc(p.at, 13.0, BLUE));
        }
    }
}

/// Sets names and differences beside the points, each where it meets neither a text nor a point; those that find no place
/// are counted, and the reader is told where to find them.
pub(super) fn label(s: &mut Scene, plot: &Plot, body: &Area, points: &[Point], file: &str) {
    let spots: Vec<Area> = points.iter().map(|p| around(p.at)).collect();
    let bounds = Area::new(plot.area.x0, body.y0 + 34.0, body.x1, plot.area.y1 - 4.0);
    let mut left_out = 0;
    for p in points {
        let (x, y) = p.at;
        let mut places = Vec::new();
        for d in [0.0, -46.0, 46.0, -92.0, 92.0, -138.0, 138.0, -184.0, 184.0] {
            places.push((x + 28.0, y - 4.0 + d, Anchor::Start));
            places.push((x - 28.0, y - 4.0 + d, Anchor::End));
        }
        let found = places.iter().find_map(|(px, py, anchor)| {
            let (a, b) = texts(p, (*px, *py), *anchor);
            let clear = |t: &Text| s.free(t, &bounds) && spots.iter().all(|o| !o.meets(&t.area()));
            (clear(&a) && clear(&b)).then_some((a, b, *py))
        });
        if let Some((a, b, py)) = found {
            if (py - y).abs() > 60.0 {
                s.line((x, y), (a.x, py), MID, 1);
            }
            s.label(a);
            s.label(b);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let text = format!("{left_out} more had no room for a name: see {file}.csv");
        s.text(body.x1, body.y0 + 24.0, text, LABEL_PX, GREY, Anchor::End);
    }
}

fn around((x, y): (f64, f64)) -> Area {
    Area::new(x - 20.0, y - 20.0, x + 20.0, y + 20.0)
}

/// The name, and beneath it the detail.
fn texts(p: &Point, (x, y): (f64, f64), anchor: Anchor) -> (Text, Text) {
    let name = theme::fit(&p.name, HEAD_PX, true, 480.0);
    let ink: Ink = if p.base { VERMILION } else { BLACK };
    let a = Text { x, y, text: name, px: HEAD_PX, bold: true, ink, anchor };
    let b = Text { x, y: y + 31.0, text: p.detail.clone(), px: LABEL_PX, bold: false, ink: GREY, anchor };
    (a, b)
}
