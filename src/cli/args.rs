//! The arguments, and what `--help` says.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use super::console::{Color, Console, Exit, Failure};
use super::{
    catalog, check, compare, explain, init, lint, merge, metrics, profile, report, run, schema, sweep, trace, verify,
};

/// Forecasts what a fleet of GPUs costs, how well it is used, who waits, and where the waste goes.
#[derive(Debug, Parser)]
#[command(
    name = "fleetcast",
    version,
    arg_required_else_help = true,
    after_help = "\
Exit codes: 0 fine, 1 a gate broken or a verification failed, 2 bad input, 3 inconclusive, 4 a fault in fleetcast.
Public data is found through FLEETCAST_DATA or --data (default ../shared/data).

First steps:
  fleetcast run                          the embedded quickstart: summary and charts
  fleetcast init my.ron                  a commented scenario to edit
  fleetcast check my.ron                 every problem with its place, and the defaults taken
  fleetcast run my.ron --out my-run      run it, keep charts and tables
  fleetcast report my-run                all of it as one page of HTML"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Colour on stderr.
    #[arg(long, value_enum, default_value_t, global = true)]
    pub color: Color,
    /// How many threads to use; the results do not depend on it.
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// The folder of the public data (what `$FLEETCAST_DATA` stands for in scenarios).
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "FLEETCAST_DATA",
        default_value = "../shared/data",
        hide_env_values = true
    )]
    pub data: PathBuf,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario (the embedded quickstart where none is named): summary, charts, tables
    Run(run::Args),
    /// Check scenarios: every problem with its place, and the defaults taken; nothing is run
    Check(check::Args),
    /// Kubernetes manifests: what controllers would refuse, what does not do what it seems to, what is not modelled
    Lint(lint::Args),
    /// A scenario at many points of its settings: grids, ranges, Latin hypercubes; resumable, in shards
    Sweep(sweep::Args),
    /// Put the shards of a sweep together
    Merge(merge::Args),
    /// Candidates beside a base under the same luck: what differs, how sure, which gates hold, why the bill changed
    Compare(compare::Args),
    /// A run, a comparison or a sweep as one page of HTML that needs no network
    Report(report::Args),
    /// Where a dollar came from: a run's bill, or one line of it
    Explain(explain::Args),
    /// Our figures beside published and closed-form ones, with the tolerance
    Verify(verify::Args),
    /// Look into a trace, or fit a synthetic workload to it
    Trace(trace::Args),
    /// Devices, instance types, dated prices and their sources
    Catalog(catalog::Args),
    /// What a step of a language model costs: bundled profiles, estimates, fits to benchmarks
    Profile(profile::Args),
    /// Every metric: name, unit, which direction is better, what it is of
    Metrics(metrics::Args),
    /// The scenario format: JSON Schema, or the field reference
    Schema(schema::Args),
    /// Write a commented scenario that runs
    Init(init::Args),
    /// Shell completions
    Completions(CompletionArgs),
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionArgs {
    /// For which shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub fn completions(a: &CompletionArgs, console: &Console) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(a.shell, &mut Cli::command(), "fleetcast", &mut text);
    console.print(&String::from_utf8_lossy(&text));
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_hang_together() {
        Cli::command().debug_assert();
    }
}
