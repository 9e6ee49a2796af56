//! The frame of a page: style, script, a policy that forbids everything outside it, head, sections and pictures.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::MOST_BYTES;
use crate::report::theme::{self, Ink};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A chart as SVG, for slides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its file's name without the ending.
    pub name: String,
    /// What it says.
    pub title: String,
    /// The SVG.
    pub svg: String,
}

impl Picture {
    /// From a chart's file. What it says stands in it: the bold texts of the size of titles.
    #[must_use]
    pub fn new(name: impl Into<String>, svg: String) -> Picture {
        let name = name.into();
        let mut lines: Vec<String> = Vec::new();
        for t in svg.split("<text ").skip(1) {
            let (head, rest) = t.split_once('>').unwrap_or((t, ""));
            if head.contains(&format!("font-size=\"{}\"", theme::TITLE_PX)) && head.contains("bold") {
                lines.extend(rest.split_once("</text>").map(|(text, _)| plain(text.trim())));
            }
        }
        let title = if lines.is_empty() { name.clone() } else { lines.join(" ") };
        Picture { name, title, svg }
    }
}

/// Text without the escapes of XML.
fn plain(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |t, (from, to)| t.replace(from, to))
}

/// A part of a page with a heading.
#[derive(Debug)]
pub struct Section {
    /// Its mark within the page.
    pub id: &'static str,
    /// The heading.
    pub title: String,
    /// What stands in it.
    pub body: Markup,
}

impl Section {
    /// A section.
    pub fn new(id: &'static str, title: impl Into<String>, body: Markup) -> Section {
        Section { id, title: title.into(), body }
    }
}

/// A page.
#[derive(Debug)]
pub struct Page {
    /// `run`, `comparison` or `sweep`.
    pub kind: &'static str,
    /// What it is of.
    pub title: String,
    /// Above the title: what kind of results, how long, from when.
    pub over: String,
    /// What the results say, in a sentence.
    pub finding: String,
    /// What stands below that, before the first section.
    pub head: Markup,
    /// The sections.
    pub sections: Vec<Section>,
    /// Charts for slides, shown in a section of their own after the others; the last section stays the last.
    pub pictures: Vec<Picture>,
    /// At the foot.
    pub foot: String,
}

/// The charts' colours by the names that the style has for them.
const INKS: [(&str, Ink); 13] = [
    ("blue", theme::BLUE),
    ("orange", theme::ORANGE),
    ("green", theme::GREEN),
    ("purple", theme::PURPLE),
    ("sky", theme::SKY),
    ("yellow", theme::YELLOW),
    ("vermilion", theme::VERMILION),
    ("slate", theme::SLATE),
    ("mid", theme::MID),
    ("pale", theme::PALE),
    ("text", theme::BLACK),
    ("grey", theme::GREY),
    ("grid", theme::GRID),
];

/// The name of a colour of the charts'; a middle grey for any other.
#[must_use]
pub fn named(ink: Ink) -> &'static str {
    INKS.iter().find(|i| i.1 == ink).map_or("mid", |i| i.0)
}

/// Colours as variables of the style: the charts' own, and lighter ones on a dark ground.
fn colours() -> String {
    let light: String = INKS.iter().map(|(n, i)| format!("--{n}:{};", hex(*i))).collect();
    let bright: String = INKS[..7]
        .iter()
        .map(|(n, i)| format!("--{n}:{};", hex(i.tint(if *n == "blue" { 0.7 } else { 0.9 }))))
        .collect();
    let rest = "--ground:#fff;--card:#f7f8f9;--rule:#dfe2e6;--vermilion-text:#a84a00;--orange-text:#7d5600;--green-text:#00694c;";
    let dark = "--slate:#9aa7b8;--mid:#8b929b;--pale:#4a5058;--text:#e8eaed;--grey:#a9b0b8;--grid:#31363d;--ground:#15181c;\
                --card:#1c2026;--rule:#343a42;--vermilion-text:#ff9a4d;--orange-text:#ffc04d;--green-text:#4fd6ae;";
    format!(":root{{{light}{rest}}}html[data-theme=dark]{{{bright}{dark}}}")
}

/// A colour as CSS has it.
#[must_use]
pub fn hex(i: Ink) -> String {
    format!("#{:02x}{:02x}{:02x}", i.rgb.0, i.rgb.1, i.rgb.2)
}

/// The whole page.
#[must_use]
pub fn page(p: Page) -> String {
    let style = format!("{}{STYLE}", colours());
    // The script may run because of its hash; nothing else may, and nothing may be fetched.
    let hash = base64(&Sha256::digest(SCRIPT.as_bytes()));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
         form-action 'none'"
    );
    let frame = |pictures: Markup| {
        let more = !p.pictures.is_empty();
        let last = p.sections.len().saturating_sub(1);
        let text = html! {
            (DOCTYPE)
            html lang="en" data-kind=(p.kind) {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="generator" content=(format!("fleetcast {}", env!("CARGO_PKG_VERSION")));
                    title { (p.title) " · fleetcast" }
                    style { (PreEscaped(&style)) }
                }
                body {
                    svg id="ns" aria-hidden="true" {}
                    a class="skip" href="#summary" { "To the summary" }
                    nav class="to" aria-label="Sections" {
                        div {
                            @for (i, s) in p.sections.iter().enumerate() {
                                @if i == last && more { a href="#slides" { "Slides" } }
                                a href=(format!("#{}", s.id)) { (s.title) }
                            }
                            button id="theme" type="button" { "Dark" }
                        }
                    }
                    header class="top" {
                        div class="muted small" { (p.over) }
                        h1 { (p.title) }
                        p class="lead" { (prose(&p.finding)) }
                        noscript {
                            p class="warn" {
                                "Scripts are off here: tables, bars and slides are all there, and the curves that zoom are not."
                            }
                        }
                        (p.head)
                    }
                    main {
                        @for (i, s) in p.sections.iter().enumerate() {
                            @if i == last && more {
                                section id="slides" { h2 { "Charts for slides" } (pictures) }
                            }
                            section id=(s.id) { h2 { (s.title) } (s.body) }
                        }
                    }
                    footer { (p.foot) }
                    @if more { dialog id="large" { img alt=""; } }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        text.into_string() + "\n"
    };
    let bare = frame(PreEscaped(String::new())).len();
    frame(gallery(&p.pictures, MOST_BYTES.saturating_sub(bare + 4_000)))
}

/// Pictures, as long as there is room for them. An image runs no script of its own, whatever its file holds.
fn gallery(all: &[Picture], room: usize) -> Markup {
    let mut left = room;
    let (mut shown, mut out) = (Vec::new(), Vec::new());
    for p in all {
        let need = p.svg.len().div_ceil(3) * 4 + 2 * p.title.len() + 300;
        if need <= left {
            left -= need;
            shown.push(p);
        } else {
            out.push(p.name.clone());
        }
    }
    html! {
        p class="what" {
            "Each says its finding in its title. The folder's " code { "charts/" }
            " has them as SVG and PNG of 1920 × 1080, with their figures as CSV. A click shows one large."
        }
        div class="deck" {
            @for p in shown {
                figure {
                    button type="button" aria-label=(format!("Show large: {}", p.title)) {
                        img loading="lazy" alt=(p.title) src=(format!("data:image/svg+xml;base64,{}", base64(p.svg.as_bytes())));
                    }
                    figcaption { code { (p.name) } " · " (p.title) }
                }
            }
        }
        @if !out.is_empty() {
            p class="small muted" { "Too large for this page, and in the folder: " (out.join(", ")) "." }
        }
    }
}

/// Base 64 with padding (RFC 4648, section 4).
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for c in bytes.chunks(3) {
        let n = c.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - c.len()));
        for i in 0..4 {
            let digit = DIGITS[(n >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= c.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// A figure of the head: what it is, its value, its unit, and a remark.
#[must_use]
pub fn tile(name: &str, value: &str, unit: &str, note: &str, kind: &str) -> Markup {
    html! {
        div class=(format!("tile {kind}").trim_end()) {
            div class="name" { (name) }
            div class="value" { (value) @if !unit.is_empty() { " " span class="unit" { (unit) } } }
            @if !note.is_empty() { div class="note" { (note) } }
        }
    }
}

/// A sentence of ours: what stands between backticks is of a program, and no line begins with a percent sign.
#[must_use]
pub fn prose(text: &str) -> Markup {
    let text = text.replace(" %", "\u{a0}%");
    html! { @for (i, part) in text.split('`').enumerate() { @if i % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// A word in a frame, coloured by what it is.
#[must_use]
pub fn tag(kind: &str, text: &str) -> Markup {
    html! { span class=(format!("tag {kind}")) { (text) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let all = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|t| base64(t.as_bytes()));
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn pictures_that_do_not_fit_are_named() {
        let p = |name: &str, n| Picture { name: name.into(), title: "t".into(), svg: "x".repeat(n) };
        let text = gallery(&[p("large", 9_000), p("small", 90)], 2_000).into_string();
        assert_eq!(text.matches("<img").count(), 1);
        assert!(text.contains("in the folder: large."), "{text}");
    }
}
