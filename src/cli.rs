//! The command line: the only place that opens files, prints, and reads the clock or the environment.

/// Runs the command that the arguments name.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
