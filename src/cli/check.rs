//! `fleetcast check`: every problem with its place, and the defaults taken.

use std::path::{Path, PathBuf};

use super::console::{Console, Exit, Failure};
use super::load;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenarios (.ron, .json, .yaml)
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Change a setting by name before checking, e.g. `pools.ft.nodes=4`
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Leave out the list of defaults taken
    #[arg(long)]
    quiet: bool,
}

pub fn run(a: &Args, data: &Path, console: &Console) -> Result<Exit, Failure> {
    let mut exit = Exit::Fine;
    for path in &a.scenarios {
        match load::scenario(Some(path), &a.set, None, data, console) {
            Ok(input) => {
                let m = &input.loaded.model;
                let gpus: u64 = m.nodes.iter().map(|n| u64::from(n.capacity.gpus)).sum();
                for n in &input.notices {
                    console.note(&format!("note: {n}"));
                }
                let parts = [
                    counted(m.pools.len() as u64, "pool"),
                    counted(m.nodes.len() as u64, "node"),
                    counted(gpus, "GPU"),
                    counted(m.work.len() as u64, "workload"),
                    counted(input.loaded.variants.len() as u64, "variant"),
                ];
                console.print(&format!("{}: fine: {}", path.display(), parts.join(", ")));
                if !a.quiet && !input.loaded.defaults.is_empty() {
                    console.print("defaults taken:");
                    let rows = &input.loaded.defaults;
                    let (w, v) = rows.iter().fold((0, 0), |(w, v), d| {
                        (w.max(d.path.chars().count()), v.max(d.value.chars().count().min(40)))
                    });
                    for d in rows {
                        console.print(&format!("  {:w$}  {:v$}  {}", d.path, d.value, d.source));
                    }
                }
            }
            Err(f) => {
                console.failure(&f);
                exit = if exit == Exit::OurFault { exit } else { f.exit() };
            }
        }
    }
    Ok(exit)
}

/// `1 pool`, `2 pools`.
fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|n| counted(n, "GPU")), ["0 GPUs", "1 GPU", "2 GPUs"]);
    }
}
