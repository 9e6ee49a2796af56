//! A file of gates, checked form first and all faults together.

use super::gate::{Gate, Side};
use crate::formats::{Syntax, parse};
use crate::scenario::decode::{self, Spanned, record};
use crate::units::{Diagnostic, Diagnostics, SourceId, SourceMap};

/// The version of the form of a gates file.
pub const VERSION: u32 = 1;

record! {
    /// What must not happen.
    pub struct Gates {
        /// The version of this form: 1.
        pub version: Spanned<u32>,
        /// The gates.
        pub gates: Spanned<Vec<OneGate>>,
    }
}

record! {
    /// A figure and the limits that break the gate. A limit with a sign is a change (`+2%` of the base, `+500 USD`, `-1pp`
    /// of a percentage), one without the candidate's own value (`500 USD`, `95%`).
    pub struct OneGate {
        /// The metric: `cost.total`.
        pub metric: Spanned<String>,
        /// Broken when it lies above this.
        pub above: Option<Spanned<String>>,
        /// Broken when it lies below this.
        pub below: Option<Spanned<String>>,
        /// Why there is such a gate: shown when it is broken.
        pub about: Option<String>,
    }
}

/// Reads the gates of a text.
///
/// # Errors
/// All that is wrong with it.
pub fn read(id: SourceId, syntax: Syntax, sources: &SourceMap) -> Result<Vec<Gate>, Diagnostics> {
    let (node, mut out) = parse(id, sources, syntax);
    let Some(node) = node else { return Err(out) };
    let decoded = decode::decode::<Gates>(&node);
    out.extend(decoded.diagnostics);
    let Some(file) = decoded.value else { return Err(out) };
    if *file.version != VERSION {
        let (id, span) = file.version.at;
        out.push(
            Diagnostic::error(format!("version {} of a gates file is not known", *file.version))
                .at(id, span, "not a version that this program reads")
                .help(format!("this program reads version {VERSION}")),
        );
    }
    let mut gates = Vec::new();
    for g in file.gates.iter() {
        let (id, span) = g.metric.at;
        if g.above.is_none() && g.below.is_none() {
            let d = Diagnostic::error(format!("the gate on `{}` has no limit", *g.metric));
            out.push(d.at(id, span, "neither `above` nor `below`").help("give it one: above: \"+2%\""));
        }
        for (side, limit) in [(Side::Above, &g.above), (Side::Below, &g.below)] {
            let Some(limit) = limit else { continue };
            match Gate::new(&g.metric, g.metric.at, side, limit.trim(), limit.at, g.about.clone()) {
                Ok(gate) => gates.push(gate),
                Err(d) => out.extend(d),
            }
        }
    }
    if file.gates.is_empty() {
        let (id, span) = file.gates.at;
        out.push(Diagnostic::error("a gates file without a gate holds nothing").at(id, span, "empty"));
    }
    if out.has_errors() { Err(out) } else { Ok(gates) }
}
