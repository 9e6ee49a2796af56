//! The `fleetcast` command: everything is in the library's `cli`.

fn main() -> std::process::ExitCode {
    fleetcast::cli::main()
}
