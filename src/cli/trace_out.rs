//! `--trace-out`: the run as a trace for a public viewer, in a file that appears only when it is whole.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use super::console::Failure;
use super::files::{OutDir, Pending};
use crate::outcome::{NodeRow, Outcome, StretchRow};
use crate::report::perfetto::{Header, Perfetto};
use crate::scenario::model::Model;
use crate::units::{Diagnostic, SimTime};

/// The trace being written.
#[derive(Debug)]
pub struct TraceOut {
    trace: Perfetto<BufWriter<File>>,
    pending: Pending,
    broken: Option<std::io::Error>,
    start: SimTime,
}

impl TraceOut {
    /// Opens it, so that a bad path fails before the run.
    pub fn open(path: &Path, model: &Model, seed: u64) -> Result<TraceOut, Failure> {
        let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|_| !path.is_dir()) else {
            return Err(Failure::input(
                Diagnostic::error(format!("`{}` does not name a file", path.display()))
                    .help("name the file to write, e.g. `--trace-out run.trace.json`"),
            ));
        };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let pending = OutDir::create(folder)?.open(name)?;
        let fault = |e: std::io::Error| Failure::Fault(e.into());
        let file = BufWriter::with_capacity(1 << 18, pending.file.as_file().try_clone().map_err(fault)?);
        let start = model.start.to_string();
        let header = Header { scenario: &model.name, seed, start: &start, window_start: model.window_start() };
        let work = model.work.iter().map(|w| w.name.as_str());
        let trace = Perfetto::new(file, header, work, model.pools.iter().map(|p| p.name.as_str())).map_err(fault)?;
        Ok(TraceOut { trace, pending, broken: None, start: model.window_start() })
    }

    pub fn stretch(&mut self, row: &StretchRow<'_>) {
        if self.broken.is_none() {
            self.broken = self.trace.stretch(row).err();
        }
    }

    pub fn node(&mut self, row: &NodeRow<'_>) {
        if self.broken.is_none() {
            self.broken = self.trace.node(row).err();
        }
    }

    /// Whether writing failed: the run need not go on.
    pub const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Ends the trace where the run ended, and gives the file its name.
    pub fn finish(self, o: &Outcome) -> Result<(), Failure> {
        let fault = |e: std::io::Error| Failure::Fault(anyhow::Error::new(e).context("writing the trace"));
        match self.broken {
            Some(e) => Err(fault(e)),
            None => {
                self.trace.finish(SimTime(self.start.0 + o.horizon_ns)).map_err(fault)?;
                self.pending.keep()
            }
        }
    }
}
