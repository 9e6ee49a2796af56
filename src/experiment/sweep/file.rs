//! The design of a sweep as a file: the same axes, replications and metrics as on the command line.

use std::num::NonZeroU32;

use super::axis::Axis;
use crate::formats::Node;
use crate::scenario::decode::{self, Spanned, record};
use crate::units::Diagnostics;

record! {
    /// A sweep over settings of a scenario.
    pub struct Design {
        /// The settings, and the values of each; together they make a grid.
        pub axes: Vec<AxisShape> = Vec::new() => "axes of the command line alone",
        /// So many points of a Latin hypercube in the place of the grid.
        pub latin: Option<Spanned<NonZeroU32>>,
        /// How many times each point is run; as often as the scenario where left out.
        pub replications: Option<NonZeroU32>,
        /// The metrics to keep, as `fleetcast metrics` lists them.
        pub metrics: Vec<Spanned<String>> = Vec::new() => "cost, use and waits",
    }
}

record! {
    /// A setting and its values.
    pub struct AxisShape {
        /// The setting, as `--set` names it: `work.ft.checkpoint.every`.
        pub set: Spanned<String>,
        /// Its values, as `--set` takes them; ranges among them: `"1..16:1"`.
        pub to: Spanned<Vec<Spanned<String>>>,
    }
}

/// Reads a design from its tree.
///
/// # Errors
/// Every fault of its form.
pub fn read(tree: &Node) -> Result<Design, Diagnostics> {
    let decoded = decode::decode::<Design>(tree);
    match decoded.value {
        Some(d) if !decoded.diagnostics.has_errors() => Ok(d),
        _ => Err(decoded.diagnostics),
    }
}

impl AxisShape {
    /// As an axis; `stepless` as in [`Axis::new`].
    ///
    /// # Errors
    /// Every fault of it.
    pub fn axis(&self, stepless: bool) -> Result<Axis, Diagnostics> {
        let items: Vec<_> = self.to.iter().map(|t| (t.value.as_str(), t.at)).collect();
        Axis::new((self.set.as_str(), self.set.at), &items, stepless)
    }
}
