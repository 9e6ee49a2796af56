//! `fleetcast report`: a run, a comparison or a sweep as one page of HTML.

use std::path::{Path, PathBuf};

use super::console::{Console, Exit, Failure};
use super::files::OutDir;
use super::results::{Found, find};
use crate::report::html::{comparison, run as of_run, sweep};
use crate::report::words;
use crate::units::Diagnostic;

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
One file that can be mailed, kept with a build or opened years later: it fetches nothing, and needs no network. In it are the
summary, curves that zoom, tables that sort, the ledger, the inputs with their hashes and how well each is known, the folder's
charts, and a section on method and limits.

RESULTS is
  the folder of a run                    fleetcast run --out FOLDER
  the folder or file of a comparison     fleetcast compare --out FOLDER, or --json > FILE
  the folder of a sweep                  fleetcast sweep --out FOLDER, fleetcast merge --out FOLDER

In the page: drag over a curve to zoom in, double click for all, arrow keys to read it out; a click on a column's head sorts;
a click in a key hides a curve; CSV saves the figures behind it. Printed, it is light and open.

Examples:
  fleetcast run my.ron --out my-run && fleetcast report my-run
  fleetcast compare before.ron after.ron --out change && fleetcast report change --out change.html
  fleetcast compare before.ron after.ron --json > change.json; fleetcast report change.json
  fleetcast report fleetcast-out/quickstart-sweep --out - > sweep.html")]
pub struct Args {
    /// A run's, comparison's or sweep's folder, or the JSON of a run or comparison
    results: PathBuf,
    /// The page's file, `-` for stdout [default: report.html in the folder; beside a file, its name with .html]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(a: &Args, console: &Console) -> Result<Exit, Failure> {
    let page = match find(&a.results)? {
        Found::Run(r) => of_run::render(&r),
        Found::Comparison(r, pictures) => comparison::render(&r, pictures),
        Found::Sweep(s, pictures) => sweep::render(&s, pictures),
    };
    let to = match &a.out {
        Some(to) if to.as_os_str() == "-" => {
            console.print(&page);
            return Ok(Exit::Fine);
        }
        Some(to) => to.clone(),
        None if a.results.is_dir() => a.results.join("report.html"),
        None => a.results.with_extension("html"),
    };
    write(&to, &page)?;
    let size = words::number(page.len() as f64 / 1e3, 0);
    console.note(&format!("{} ({size} kB): open it in a browser", to.display()));
    Ok(Exit::Fine)
}

fn write(to: &Path, page: &str) -> Result<(), Failure> {
    let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match to.file_name().and_then(|n| n.to_str()) {
        Some(name) if !to.is_dir() => OutDir::create(folder)?.write(name, page.as_bytes()),
        _ => Err(Failure::input(
            Diagnostic::error(format!("`{}` is not the name of a file", to.display()))
                .help("name the page's file: --out report.html"),
        )),
    }
}
