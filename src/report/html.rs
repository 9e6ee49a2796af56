//! One page of HTML that has all of a run, a comparison or a sweep in it: opened from a mail or a build's artifacts, without a
//! network.
//!
//! - [`run`], [`comparison`], [`sweep`]: what each page says, section by section
//! - [`page`]: the frame of a page with its style and script; [`table`]: tables that sort; [`figure`]: curves that zoom;
//!   [`bars`]: bars, steps, intervals and heat maps as plain SVG; [`method`]: how figures come about, and their limits
//!
//! *Invariants:* all text goes through `maud`, which escapes it, or into JSON in which no `<` stands; a page refers to nothing
//! outside itself, and its own policy forbids it to; curves are drawn by the page's script from the figures that stand in it,
//! all else is there without a script. The same results give the same bytes.

pub mod bars;
pub mod comparison;
pub mod figure;
pub mod method;
pub mod page;
pub mod run;
pub mod sweep;
pub mod table;
#[cfg(test)]
mod tests;

pub use page::Picture;

/// The most bytes of a page. Pictures that would make it larger are left out, and it is said which.
pub const MOST_BYTES: usize = 2_900_000;
