//! A file or bytes as one text: plain, gzip or zstd.

use std::io::Cursor;
use std::path::Path;

use crate::formats::rows::Lines;
use crate::formats::{MAX_TEXT_BYTES, text_from_bytes};
use crate::units::{Diagnostic, Diagnostics, SourceId, SourceMap};

/// Where a trace comes from.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A file.
    Path(&'a Path),
    /// Bytes, under a name for diagnostics.
    Bytes(&'a str, Vec<u8>),
}

/// A text of the map.
pub(super) struct Text {
    pub id: SourceId,
    pub name: String,
}

impl Input<'_> {
    /// Reads and unpacks all of it.
    pub(super) fn into_text(self, sources: &mut SourceMap) -> Result<Text, Diagnostics> {
        let lines = match self {
            Input::Path(path) => Lines::open(path),
            Input::Bytes(name, bytes) => Lines::from_reader(name, Cursor::new(bytes)),
        };
        let mut lines = lines.map_err(|f| f.into_diagnostic(sources))?;
        let name = lines.name().to_owned();
        let mut bytes = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            if !lines.append(&mut line).map_err(|f| f.into_diagnostic(sources))? {
                break;
            }
            bytes.extend_from_slice(&line);
            // What is larger is refused below; there is no need to read it to its end.
            if bytes.len() as u64 > MAX_TEXT_BYTES {
                break;
            }
        }
        if bytes.trim_ascii().is_empty() {
            return Err(Diagnostic::error(format!("`{name}` is empty")).help("fetch it again").into());
        }
        Ok(Text { id: text_from_bytes(&name, bytes, sources)?, name })
    }
}
