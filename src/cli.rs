//! The command line: one file a command, and the only place that opens outputs, prints, and reads the clock or the
//! environment.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 fine, 1 a gate or a verification failed, 2 bad input,
//! 3 inconclusive, 4 a fault of ours.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "this is the boundary that the bans point to")]

mod args;
mod catalog;
mod check;
mod compare;
mod console;
mod explain;
mod files;
mod init;
mod lint;
mod load;
mod merge;
mod metrics;
mod profile;
mod report;
mod results;
mod run;
mod schema;
mod sweep;
mod table;
mod trace;
mod trace_out;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use console::{Console, Exit, Failure};

/// Runs the command that the process was called with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // clap's own rule: help and version go to stdout and are fine, the rest is bad input.
            let code = if e.use_stderr() { Exit::BadInput } else { Exit::Fine };
            let _ = e.print();
            return code.into();
        }
    };
    let console = Console::new(cli.color);
    // A panic is a fault of ours, and says so with its own exit code.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dispatch(&cli, &console)));
    match outcome {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            console.failure(&failure);
            failure.exit().into()
        }
        Err(_) => {
            eprintln!(
                "this is a fault in fleetcast, not in your input: please report it with the scenario that shows it"
            );
            Exit::OurFault.into()
        }
    }
}

fn dispatch(cli: &Cli, console: &Console) -> Result<Exit, Failure> {
    if let Some(n) = cli.threads {
        // Only the first call in a process can fail, and this is it.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(n.get()).build_global();
    }
    match &cli.command {
        Command::Run(a) => run::run(a, &cli.data, console),
        Command::Check(a) => check::run(a, &cli.data, console),
        Command::Lint(a) => lint::run(a, console),
        Command::Sweep(a) => sweep::run(a, &cli.data, console),
        Command::Merge(a) => merge::run(a, console),
        Command::Compare(a) => compare::run(a, &cli.data, console),
        Command::Report(a) => report::run(a, console),
        Command::Explain(a) => explain::run(a, console),
        Command::Verify(a) => verify::run(a, &cli.data, console),
        Command::Trace(a) => trace::run(a, &cli.data, console),
        Command::Catalog(a) => catalog::run(a, console),
        Command::Profile(a) => profile::run(a, console),
        Command::Metrics(a) => metrics::run(a, console),
        Command::Schema(a) => schema::run(a, console),
        Command::Init(a) => init::run(a, console),
        Command::Completions(a) => args::completions(a, console),
    }
}
