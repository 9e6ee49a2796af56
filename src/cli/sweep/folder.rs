//! A sweep's folder: made and proved writable before the work starts, a line for each run as it ends, and taken up again where
//! it was left.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::super::console::Failure;
use super::super::files::OutDir;
use crate::experiment::sweep::record::{self, SCHEMA};
use crate::experiment::sweep::{Plan, Run};
use crate::units::{Diagnostic, Diagnostics};

/// What is swept.
pub const PLAN: &str = "sweep.json";
/// A line a run.
pub const RUNS: &str = "runs.jsonl";

/// A sweep's folder that this process has for itself.
#[derive(Debug)]
pub struct Folder {
    pub out: OutDir,
    file: File,
    path: PathBuf,
}

impl Folder {
    /// Makes the folder, or takes it up again when it has the same sweep; returns what had ended there. A line that was cut short
    /// is dropped.
    pub fn open(path: &Path, plan: &Plan) -> Result<(Folder, Vec<Run>), Failure> {
        let out = OutDir::create(path)?;
        let runs_path = path.join(RUNS);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&runs_path)
            .map_err(|e| Failure::unwritable(&runs_path, &e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(refused(path, "another process is at work in it")
                    .help("wait for it, or choose another folder with --out")
                    .into());
            }
            // A file system without locks: the user sees to it that nobody else writes there.
            Err(TryLockError::Error(_)) => {}
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| unreadable(&runs_path, &e.to_string()))?;
        match read_plan(path)? {
            Some(there) => same(path, &there, plan)?,
            None if bytes.is_empty() => out.write(PLAN, json(plan)?.as_bytes())?,
            None => return Err(unreadable(&runs_path, &format!("it has runs, and there is no {PLAN} beside it"))),
        }
        sweep_up(path);
        let (runs, whole) = record::runs(&bytes, plan).map_err(|e| corrupt(&runs_path, &e.to_string()))?;
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(|e| Failure::unwritable(&runs_path, &e))?;
        }
        file.seek(SeekFrom::End(0)).map_err(|e| Failure::unwritable(&runs_path, &e))?;
        Ok((Folder { out, file, path: runs_path }, runs))
    }

    /// Adds the line of a run, and hands it to the operating system at once.
    pub fn add(&mut self, run: &Run) -> Result<(), Failure> {
        let line = run.line().map_err(|e| Failure::Fault(e.into()))?;
        self.file.write_all(line.as_bytes()).map_err(|e| Failure::unwritable(&self.path, &e))
    }

    /// Puts the lines in order.
    pub fn finish(self, runs: &[Run]) -> Result<OutDir, Failure> {
        // Where files that are open cannot be replaced, this one must be closed.
        drop(self.file);
        write_runs(&self.out, runs)?;
        Ok(self.out)
    }
}

/// Writes the runs in the order given.
pub fn write_runs(out: &OutDir, runs: &[Run]) -> Result<(), Failure> {
    let lines: Result<String, _> = runs.iter().map(Run::line).collect();
    out.write(RUNS, lines.map_err(|e| Failure::Fault(e.into()))?.as_bytes())
}

/// A plan as the bytes of its file.
pub fn json(plan: &Plan) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(plan).map_err(|e| Failure::Fault(e.into()))?;
    text.push('\n');
    Ok(text)
}

/// Whether the folder's plan is this one, shards included.
pub fn same(path: &Path, there: &Plan, plan: &Plan) -> Result<(), Failure> {
    let mut differs = there.differences(plan, "there", "here");
    if there.shard != plan.shard {
        let part = |p: &Plan| p.shard.map_or_else(|| "the whole".to_owned(), |s| format!("shard {}/{}", s.index, s.of));
        differs.push(format!("part: {} there, {} here", part(there), part(plan)));
    }
    if differs.is_empty() {
        return Ok(());
    }
    let mut d = Diagnostic::error(format!("`{}` holds another sweep", path.display()));
    for text in differs {
        d = d.help(text);
    }
    Err(Failure::input(d.help("choose another folder with --out, or repeat the command that made this one")))
}

/// The plan of a folder; none where there is no file.
pub fn read_plan(folder: &Path) -> Result<Option<Plan>, Failure> {
    let path = folder.join(PLAN);
    let bytes = match fs::read(&path) {
        Ok(b) => b,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(&path, &e.to_string())),
    };
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| unreadable(&path, &e.to_string()))?;
    let schema = value.get("schema").and_then(|s| s.as_str()).unwrap_or("none");
    if schema != SCHEMA {
        return Err(unreadable(&path, &format!("its schema is {schema}, this program reads {SCHEMA}")));
    }
    let plan: Plan = serde_json::from_value(value).map_err(|e| unreadable(&path, &e.to_string()))?;
    plan.check().map_err(|why| unreadable(&path, &why))?;
    Ok(Some(plan))
}

/// The runs of a folder that nobody writes to.
pub fn read_runs(folder: &Path, plan: &Plan) -> Result<Vec<Run>, Failure> {
    let path = folder.join(RUNS);
    let bytes = fs::read(&path).map_err(|e| unreadable(&path, &e.to_string()))?;
    record::runs(&bytes, plan).map(|r| r.0).map_err(|e| corrupt(&path, &e.to_string()))
}

/// Takes away what a process that died while it wrote has left.
fn sweep_up(folder: &Path) {
    for at in [folder.to_owned(), folder.join("charts")] {
        for e in fs::read_dir(at).into_iter().flatten().flatten() {
            if e.file_name().to_string_lossy().starts_with(".fleetcast-") {
                // What cannot be taken away harms nobody.
                let _ = fs::remove_file(e.path());
            }
        }
    }
}

fn refused(path: &Path, why: &str) -> Diagnostic {
    Diagnostic::error(format!("cannot use the folder `{}`: {why}", path.display()))
}

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::input(
        Diagnostic::error(format!("cannot read `{}`: {why}", path.display()))
            .help("name the folder of a sweep, as `fleetcast sweep --out FOLDER` makes it"),
    )
}

fn corrupt(path: &Path, why: &str) -> Failure {
    Failure::input(
        Diagnostic::error(format!("`{}` is damaged: {why}", path.display()))
            .help("delete that line, and its run is done again; or begin in another folder with --out"),
    )
}

impl From<Diagnostic> for Failure {
    fn from(d: Diagnostic) -> Failure {
        Failure::input(Diagnostics::from(d))
    }
}
