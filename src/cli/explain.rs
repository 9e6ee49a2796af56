//! `fleetcast explain`: from a line of the bill to the jobs, nodes and price behind it.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::console::{Console, Exit, Failure};
use super::results;
use crate::report::explain;
use crate::report::tables::read_jobs;
use crate::units::Diagnostic;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  fleetcast explain fleetcast-out/quickstart\n  fleetcast explain fleetcast-out/quickstart c12"
)]
pub struct Args {
    /// A run's folder
    run: PathBuf,
    /// A line of its bill, e.g. `c12`; the whole bill where left out
    charge: Option<String>,
}

pub fn run(a: &Args, console: &Console) -> Result<Exit, Failure> {
    let o = results::outcome(&a.run)?;
    let Some(id) = &a.charge else {
        console.print(&explain::bill(&o, &results::variants(&a.run)?));
        return Ok(Exit::Fine);
    };
    let path = a.run.join("jobs.csv");
    let file = File::open(&path).map_err(|e| unreadable(&path, &e.to_string()))?;
    let mut jobs = Vec::new();
    for r in read_jobs(BufReader::new(file)).map_err(|e| unreadable(&path, &e.to_string()))? {
        jobs.push(r.map_err(|e| unreadable(&path, &e.to_string()))?);
    }
    match explain::charge(&o, id, jobs) {
        Ok(text) => {
            console.print(&text);
            Ok(Exit::Fine)
        }
        Err(e) => Err(Failure::input(
            Diagnostic::error(e.to_string()).help(format!("`fleetcast explain {}` lists them", a.run.display())),
        )),
    }
}

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::input(
        Diagnostic::error(format!("cannot read `{}`: {why}", path.display()))
            .help("name the folder of a run, as `fleetcast run --out FOLDER` makes it"),
    )
}
