//! How charts look: size, type sizes, colours, and the embedded font with its measures.
//!
//! Colours are the eight of Okabe and Ito (*Color Universal Design*, 2008), told apart with any common colour
//! vision. Vermilion is kept for what needs attention (shortage, overrun, the largest avoidable slice), so a pool never
//! has it. Nothing is said by colour alone: labels, dashes and hatching repeat it.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};

use crate::outcome::Outcome;

/// Width of every chart, pixels.
pub const WIDTH: u32 = 1920;
/// Height of every chart, pixels.
pub const HEIGHT: u32 = 1080;

/// Type size of titles, pixels.
pub const TITLE_PX: f64 = 42.0;
/// Type size of subtitles and of headings in panels.
pub const HEAD_PX: f64 = 27.0;
/// Type size of labels in the plot.
pub const LABEL_PX: f64 = 24.0;
/// Type size of ticks and footnotes: the smallest there is (at least 22 at 1920 × 1080 is legible on a slide).
pub const TICK_PX: f64 = 22.0;

/// The CSS list that SVG names; Verdana has nearly the same widths as the embedded DejaVu Sans.
pub const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// A colour with an opacity from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// Red, green, blue.
    pub rgb: (u8, u8, u8),
    /// Opacity.
    pub alpha: f64,
}

const fn ink(r: u8, g: u8, b: u8) -> Ink {
    Ink { rgb: (r, g, b), alpha: 1.0 }
}

/// Paper.
pub const WHITE: Ink = ink(255, 255, 255);
/// Text and lines that matter.
pub const BLACK: Ink = ink(32, 33, 36);
/// Text of second rank.
pub const GREY: Ink = ink(92, 96, 102);
/// Bars and lines that are context.
pub const MID: Ink = ink(150, 154, 160);
/// Fills that are context.
pub const PALE: Ink = ink(214, 217, 221);
/// Grid lines.
pub const GRID: Ink = ink(230, 232, 235);
/// Bars that are about no pool.
pub const SLATE: Ink = ink(61, 72, 88);
/// Attention.
pub const VERMILION: Ink = ink(213, 94, 0);
/// Okabe and Ito's blue.
pub const BLUE: Ink = ink(0, 114, 178);
/// Okabe and Ito's orange.
pub const ORANGE: Ink = ink(230, 159, 0);
/// Okabe and Ito's bluish green.
pub const GREEN: Ink = ink(0, 158, 115);
/// Okabe and Ito's reddish purple.
pub const PURPLE: Ink = ink(204, 121, 167);
/// Okabe and Ito's sky blue.
pub const SKY: Ink = ink(86, 180, 233);
/// Okabe and Ito's yellow.
pub const YELLOW: Ink = ink(240, 228, 66);

impl Ink {
    /// The same colour, `share` of it mixed into white: an opaque tint.
    #[must_use]
    pub fn tint(self, share: f64) -> Ink {
        let m = |c: u8| (255.0 - (255.0 - f64::from(c)) * share).round() as u8;
        let (r, g, b) = self.rgb;
        ink(m(r), m(g), m(b))
    }

    /// The same colour with an opacity.
    #[must_use]
    pub const fn alpha(self, alpha: f64) -> Ink {
        Ink { alpha, ..self }
    }

    /// Black or white, whichever reads better on it (relative luminance of WCAG 2, without its gamma).
    #[must_use]
    pub fn text_on(self) -> Ink {
        let (r, g, b) = self.rgb;
        let l = 0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b);
        if l > 140.0 { BLACK } else { WHITE }
    }
}

const POOLS: [Ink; 6] = [BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW];

/// The colour of a pool by its place in the outcome: the same in every chart; beyond six they share a dark grey.
#[must_use]
pub fn pool(i: usize) -> Ink {
    POOLS.get(i).copied().unwrap_or(SLATE)
}

/// The colour of a device: that of its first pool.
#[must_use]
pub fn device(o: &Outcome, device: &str) -> Ink {
    o.pools.iter().position(|p| p.device == device).map_or(SLATE, pool)
}

/// Anchors of a sequential map from dark blue over green to yellow, even steps of lightness, readable in grey.
const SEQUENCE: [(u8, u8, u8); 6] =
    [(38, 42, 92), (36, 92, 130), (43, 134, 137), (88, 172, 118), (170, 205, 88), (246, 231, 88)];

/// The colour of a share from 0 to 1 in heat maps.
#[must_use]
pub fn heat(share: f64) -> Ink {
    let at = share.clamp(0.0, 1.0) * (SEQUENCE.len() - 1) as f64;
    let i = (at as usize).min(SEQUENCE.len() - 2);
    let (a, b, f) = (SEQUENCE[i], SEQUENCE[i + 1], at - i as f64);
    let m = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * f).round() as u8;
    ink(m(a.0, b.0), m(a.1, b.1), m(a.2, b.2))
}

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| load(dejavu::sans::regular()));
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| load(dejavu::sans::bold()));

fn load(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the embedded font is well-formed")
}

/// The embedded font.
pub(super) fn font(bold: bool) -> &'static FontRef<'static> {
    if bold { &BOLD } else { &REGULAR }
}

/// The scale at which an em is `px` pixels (`ab_glyph` scales by the height from ascender to descender).
pub(super) fn scale(font: &FontRef<'_>, px: f64) -> PxScale {
    PxScale::from(px as f32 * font.height_unscaled() / font.units_per_em().unwrap_or(2048.0))
}

/// Width of a text set on one line, pixels.
#[must_use]
pub fn width(text: &str, px: f64, bold: bool) -> f64 {
    let f = font(bold);
    let s = f.as_scaled(scale(f, px));
    text.chars().map(|c| f64::from(s.h_advance(s.glyph_id(c)))).sum()
}

/// Cuts a text, with an ellipsis, to at most `max` pixels.
#[must_use]
pub fn fit(text: &str, px: f64, bold: bool, max: f64) -> String {
    if width(text, px, bold) <= max {
        return text.to_owned();
    }
    let mut n = text.chars().count();
    while n > 1 {
        n -= 1;
        let cut = super::words::shorten(text, n);
        if width(&cut, px, bold) <= max {
            return cut;
        }
    }
    "…".to_owned()
}

/// Breaks a text at spaces into at most `lines` lines of at most `max` pixels; the last is cut where it must be.
#[must_use]
pub fn wrap(text: &str, px: f64, bold: bool, max: f64, lines: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut words = glued(text).into_iter().peekable();
    while words.peek().is_some() {
        if out.len() + 1 == lines {
            let rest: Vec<String> = words.collect();
            out.push(fit(&rest.join(" "), px, bold, max));
            break;
        }
        let mut line = String::new();
        while let Some(w) = words.peek() {
            let longer = if line.is_empty() { w.clone() } else { format!("{line} {w}") };
            if width(&longer, px, bold) > max && !line.is_empty() {
                break;
            }
            line = longer;
            words.next();
        }
        out.push(fit(&line, px, bold, max));
    }
    out
}

/// The words of a text, a unit with its number: no line begins with one.
fn glued(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for w in text.split(' ') {
        let bare = w.trim_end_matches([',', ';', '.', ':']);
        let unit = matches!(bare, "%" | "s" | "min" | "h" | "d" | "USD");
        match out.last_mut() {
            Some(last) if unit && last.ends_with(|c: char| c.is_ascii_digit()) => {
                last.push(' ');
                last.push_str(w);
            }
            _ => out.push(w.to_owned()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_the_fonts_own() {
        // DejaVu Sans' figures are 1303 of 2048 units wide, in both weights as listed in the font: 1303 and 1425.
        assert!((width("0", 2048.0, false) - 1303.0).abs() < 1.0);
        assert!((width("0", 2048.0, true) - 1425.0).abs() < 1.0);
    }

    #[test]
    fn wrapped_lines_keep_their_width_and_every_word() {
        let text = "the quick brown fox jumps over the lazy dog";
        let lines = wrap(text, 22.0, false, 200.0, 9);
        assert!(lines.iter().all(|l| width(l, 22.0, false) <= 200.0));
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrap(text, 22.0, false, 200.0, 2).len(), 2);
        let narrow = width("of 32", 22.0, false) + 1.0;
        assert_eq!(wrap("of 32 % now", 22.0, false, narrow, 9), ["of", "32 %", "now"]);
    }

    #[test]
    fn no_pool_takes_the_colour_of_alarm() {
        assert!((0..20).all(|i| pool(i) != VERMILION));
    }
}
