//! Rows (stub).
use crate::units::Diagnostic;
pub(super) fn cannot_read(name: &str, e: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot read `{name}`: {e}"))
}
