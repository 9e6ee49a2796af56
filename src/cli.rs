//! The command line: the only place that opens files, prints, and reads the clock or the environment.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "the boundary")]

/// Runs the command that the arguments name.
pub fn main() -> std::process::ExitCode {
    for t in crate::verify::timing::setups() {
        let at = std::time::Instant::now();
        let e = t.run();
        println!("{} {:.3}s (target {}) events {e}", t.name, at.elapsed().as_secs_f64(), t.target_s);
    }
    std::process::ExitCode::SUCCESS
}
