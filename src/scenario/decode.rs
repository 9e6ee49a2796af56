//! From a spanned tree to typed values, with all problems reported together.
//!
//! A shape is written once, with `record!` or `choice!`: that one definition makes the type, its decoder, its JSON
//! Schema and its rows in the field reference, so they cannot disagree.
//!
//! - [`Decode`]: what a type needs to be read, described and written;
//! - [`Cx`]: where problems and the defaults taken are gathered;
//! - [`quantity`], [`number`], [`calendar`]: scalars with units, each exact or refused;
//! - [`shapes`]: lists, options, pairs, maps, and [`Spanned`], which keeps the place for later checks;
//! - [`names`]: names given once, references that must lead somewhere;
//! - [`schema`]: JSON Schema and the Markdown field reference.
//!
//! *Invariant:* decoding knows form, not meaning. Whether a pool that is named exists is for whoever has all pools.

use crate::formats::{Node, Place};
use crate::units::Diagnostics;

pub mod calendar;
pub mod catalogue;
pub mod cx;
pub mod decimal;
pub(crate) mod macros;
pub mod names;
pub mod number;
pub mod quantity;
pub mod scalar;
pub mod schema;
pub mod shapes;
#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, TypeRef};
pub use cx::{Cx, DefaultTaken};
#[allow(unused_imports, reason = "the file shapes use them")]
pub(crate) use macros::{choice, record};
pub use names::{Names, unique};
pub use shapes::Spanned;

/// A type that can be read from a tree, described for the schema and the reference, and written as RON.
pub trait Decode: Sized {
    /// Whether it is written as a record, `(field: value, …)`. A variant that holds one is written without a second
    /// pair of brackets, and as a bare name when every field has a default.
    const RECORD: bool = false;

    /// Reads a node. `None` when there is no usable value, which has then been reported; some problems (an unknown
    /// field) are reported and still leave a value.
    fn decode(node: &Node, cx: &mut Cx) -> Option<Self>;

    /// The value of a field that is left out and has no default: `None` makes the field required.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }

    /// The same value, as if written at a place: where a default taken is blamed when it has no meaning.
    #[must_use]
    fn placed(self, at: Place) -> Self {
        let _ = at;
        self
    }

    /// Registers the type and all it is made of, and says how to refer to it.
    fn describe(catalogue: &mut Catalogue) -> TypeRef;

    /// The value as one would write it in RON; decodes to the same value.
    fn show(&self) -> String;
}

/// What came of decoding a tree.
#[derive(Clone, Debug)]
pub struct Decoded<T> {
    /// The value, when the form allowed one. It may be there although `diagnostics` has errors: good enough for
    /// further checks, not for a run.
    pub value: Option<T>,
    /// All problems of form.
    pub diagnostics: Diagnostics,
    /// The defaults that were taken, in the order of the fields.
    pub defaults: Vec<DefaultTaken>,
}

/// Decodes a whole tree.
#[must_use]
pub fn decode<T: Decode>(node: &Node) -> Decoded<T> {
    let mut cx = Cx::default();
    let value = T::decode(node, &mut cx);
    let (diagnostics, defaults) = cx.finish();
    debug_assert!(value.is_some() || diagnostics.has_errors(), "a value was refused without saying why");
    Decoded { value, diagnostics, defaults }
}

/// A record with all its defaults: the value of `()`. For a field whose default is a record of defaults.
///
/// # Panics
/// When a field of the record is required, which is a fault of its definition.
#[must_use]
pub fn all_defaults<T: Decode>() -> T {
    let node = Node::new(crate::formats::Value::Map(Vec::new()), shapes::NOWHERE);
    decode(&node).value.expect("every field has a default")
}
