//! From outcomes to bytes: the terminal summary, tables, charts, and where a dollar came from.
//!
//! *Invariant:* everything here is a pure function of outcomes (and of job rows, where they are asked for). Nothing
//! opens a file, prints, or reads a clock: that is `cli`'s. The same outcome gives the same bytes.
//!
//! - [`summary`]: 25 lines for a terminal; [`explain`]: from a line of the bill to its jobs
//! - [`mod@sweep`]: a sweep's points as CSV, JSON and words
//! - [`tables`]: `timeseries.csv`, `charges.csv`, `jobs.csv`, `summary.json`
//! - [`compare`]: a comparison as text, Markdown, JUnit and JSON
//! - [`mod@html`]: one page that has all of a run, a comparison or a sweep in it; [`manifest`]: what went into a run
//! - [`chart`]: one file a chart; each gives a [`chart::Drawing`], rendered as SVG and PNG by [`chart::render_all`]
//! - beneath: [`waste`] (the bill by what it was for), [`axes`] and [`plot`] (pages, axes, common plots), [`scene`] (a
//!   drawing as data), [`theme`] (colours, type), [`render`] and [`png`] (bytes), [`clock`] (civil time), [`words`]

pub mod axes;
pub mod chart;
pub mod clock;
pub mod compare;
pub mod explain;
pub mod html;
pub mod manifest;
pub mod perfetto;
pub mod plot;
pub mod png;
pub mod render;
#[cfg(test)]
mod sample;
pub mod scene;
pub mod summary;
pub mod sweep;
pub mod tables;
pub mod theme;
pub mod waste;
pub mod words;

pub use axes::About;
pub use chart::{Chart, Drawing, drawings, render_all};
pub use render::RenderError;
