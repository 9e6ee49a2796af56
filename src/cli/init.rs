//! `fleetcast init`: a commented scenario that runs.

use std::path::PathBuf;

use super::console::{Console, Exit, Failure};
use super::files::OutDir;
use crate::scenario::QUICKSTART;
use crate::units::Diagnostic;

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to write; it must not exist
    #[arg(default_value = "scenario.ron")]
    file: PathBuf,
}

pub fn run(a: &Args, console: &Console) -> Result<Exit, Failure> {
    if a.file.exists() {
        return Err(Failure::input(
            Diagnostic::error(format!("`{}` exists already", a.file.display()))
                .help("name another file, or remove it first"),
        ));
    }
    let folder = match a.file.parent() {
        Some(p) if !p.as_os_str().is_empty() => p.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = a.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if !name.ends_with(".ron") {
        return Err(Failure::input(
            Diagnostic::error(format!("`{}` does not end in .ron", a.file.display()))
                .help("the scenario is written as RON"),
        ));
    }
    OutDir::create(&folder)?.write(&name, QUICKSTART.as_bytes())?;
    console.print(&format!(
        "wrote {}: a commented scenario; `fleetcast run {}` runs it",
        a.file.display(),
        a.file.display()
    ));
    Ok(Exit::Fine)
}
