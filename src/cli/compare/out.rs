//! The folder of a comparison: its JSON and its charts.

use super::super::console::Failure;
use super::super::files::OutDir;
use super::super::results::COMPARISON;
use crate::report::chart::comparison_drawings;
use crate::report::compare::Report;
use crate::report::render_all;

/// Writes it.
pub(super) fn write(out: &OutDir, r: &Report) -> Result<(), Failure> {
    out.write(COMPARISON, r.to_json().map_err(|e| Failure::Fault(e.into()))?.as_bytes())?;
    for (file, drawing) in comparison_drawings(r) {
        for c in render_all(vec![drawing]).map_err(|e| Failure::Fault(e.into()))? {
            out.write(&format!("charts/{file}.svg"), c.svg.as_bytes())?;
            out.write(&format!("charts/{file}.png"), &c.png)?;
            out.write(&format!("charts/{file}.csv"), c.csv.as_bytes())?;
        }
    }
    Ok(())
}
