//! A scene as SVG and as PNG, through plotters' drawing backends: one drawing code for both.

use ab_glyph::{Font, ScaleFont, point};
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, RGBAColor, ShapeStyle};

use super::png;
use super::scene::{Anchor, Scene, Shape, Text};
use super::theme::{self, HEIGHT, Ink, WIDTH};

/// A backend refused to draw. Drawing in memory should never fail: a fault of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chart could not be drawn: {0}")]
pub struct RenderError(String);

/// SVG, the same bytes for the same scene.
///
/// # Errors
/// When the backend refuses.
pub fn svg(scene: &Scene) -> Result<String, RenderError> {
    let mut out = String::with_capacity(64 * 1024);
    {
        let mut b = SVGBackend::with_string(&mut out, (WIDTH, HEIGHT));
        shapes(scene, &mut b)?;
        for t in &scene.texts {
            text_vector(t, &mut b)?;
        }
        b.present().map_err(|e| RenderError(e.to_string()))?;
    }
    Ok(out)
}

/// PNG, the same bytes for the same scene.
///
/// # Errors
/// When the backend refuses.
pub fn png(scene: &Scene) -> Result<Vec<u8>, RenderError> {
    let mut rgb = vec![255u8; (WIDTH * HEIGHT * 3) as usize];
    {
        let mut b = BitMapBackend::with_buffer(&mut rgb, (WIDTH, HEIGHT));
        shapes(scene, &mut b)?;
        b.present().map_err(|e| RenderError(e.to_string()))?;
    }
    for t in &scene.texts {
        text_pixels(t, &mut rgb);
    }
    Ok(png::encode(&rgb, WIDTH, HEIGHT))
}

fn rgba(i: Ink) -> RGBAColor {
    RGBAColor(i.rgb.0, i.rgb.1, i.rgb.2, i.alpha)
}

fn at(p: &(f64, f64)) -> (i32, i32) {
    (p.0.round() as i32, p.1.round() as i32)
}

fn shapes<B: DrawingBackend>(scene: &Scene, b: &mut B) -> Result<(), RenderError> {
    for s in &scene.shapes {
        let done = match s {
            Shape::Rect(a, ink) => {
                let style = ShapeStyle { color: rgba(*ink), filled: true, stroke_width: 0 };
                b.draw_rect(at(&(a.x0, a.y0)), at(&(a.x1, a.y1)), &style, true)
            }
            Shape::Path(points, ink, width) => {
                let style = ShapeStyle { color: rgba(*ink), filled: false, stroke_width: *width };
                let mut px: Vec<(i32, i32)> = points.iter().map(at).collect();
                px.dedup();
                if px.len() < 2 { Ok(()) } else { b.draw_path(px, &style) }
            }
            Shape::Polygon(points, ink) => {
                let style = ShapeStyle { color: rgba(*ink), filled: true, stroke_width: 0 };
                b.fill_polygon(points.iter().map(at), &style)
            }
            Shape::Disc(c, r, ink) => {
                let style = ShapeStyle { color: rgba(*ink), filled: true, stroke_width: 0 };
                b.draw_circle(at(c), r.round() as u32, &style, true)
            }
        };
        done.map_err(|e| RenderError(e.to_string()))?;
    }
    Ok(())
}

fn text_vector<B: DrawingBackend>(t: &Text, b: &mut B) -> Result<(), RenderError> {
    // plotters writes font-size as size / 1.24: look for the float that divides to the size wanted.
    let size = t.px * 1.24;
    let size = [size, size.next_down(), size.next_up()].into_iter().find(|s| s / 1.24 == t.px).unwrap_or(size);
    let h = match t.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let weight = if t.bold { FontStyle::Bold } else { FontStyle::Normal };
    // The top anchor puts the baseline 0.76 em below the position.
    let style =
        FontDesc::new(FontFamily::Name(theme::FAMILY), size, weight).color(&rgba(t.ink)).pos(Pos::new(h, VPos::Top));
    let y = (t.y - 0.76 * t.px).round() as i32;
    b.draw_text(&t.text, &style, (t.x.round() as i32, y)).map_err(|e| RenderError(e.to_string()))
}

/// Sets a text with the glyphs' own bearings and parts of a pixel.
fn text_pixels(t: &Text, rgb: &mut [u8]) {
    let font = theme::font(t.bold);
    let scale = theme::scale(font, t.px);
    let scaled = font.as_scaled(scale);
    let mut x = t.area().x0.round() as f32;
    // The same baseline as SVG's.
    let y = ((t.y - 0.76 * t.px).round() + 0.76 * t.px).round() as f32;
    for c in t.text.chars() {
        let id = scaled.glyph_id(c);
        let glyph = id.with_scale_and_position(scale, point(x, y));
        if let Some(outline) = font.outline_glyph(glyph) {
            let bounds = outline.px_bounds();
            let (x0, y0) = (bounds.min.x as i64, bounds.min.y as i64);
            outline.draw(|dx, dy, cover| {
                let (px, py) = (x0 + i64::from(dx), y0 + i64::from(dy));
                if (0..i64::from(WIDTH)).contains(&px) && (0..i64::from(HEIGHT)).contains(&py) {
                    let i = (py as usize * WIDTH as usize + px as usize) * 3;
                    let a = f64::from(cover).clamp(0.0, 1.0) * t.ink.alpha;
                    for (p, c) in rgb[i..i + 3].iter_mut().zip([t.ink.rgb.0, t.ink.rgb.1, t.ink.rgb.2]) {
                        *p = (f64::from(*p) * (1.0 - a) + f64::from(c) * a).round() as u8;
                    }
                }
            });
        }
        x += scaled.h_advance(id);
    }
}
