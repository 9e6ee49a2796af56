//! What the user sees: exit codes, failures, colours, progress.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crate::formats::render;
use crate::units::{Diagnostic, Diagnostics, SourceMap};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: fine.
    Fine,
    /// 1: a gate or a verification failed.
    Failed,
    /// 2: bad input.
    BadInput,
    /// 3: no gate broken, and too few runs to tell of some.
    Inconclusive,
    /// 4: a fault of ours.
    OurFault,
}

impl From<Exit> for ExitCode {
    fn from(e: Exit) -> ExitCode {
        ExitCode::from(match e {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::BadInput => 2,
            Exit::Inconclusive => 3,
            Exit::OurFault => 4,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// The input is wrong: diagnostics, with the texts that they point into.
    Input(Diagnostics, SourceMap),
    /// Something that should not happen.
    Fault(anyhow::Error),
}

impl Failure {
    /// Bad input that has no place in a text.
    pub fn input(d: impl Into<Diagnostics>) -> Failure {
        Failure::Input(d.into(), SourceMap::default())
    }

    /// A file that cannot be written.
    pub fn unwritable(path: &std::path::Path, e: &io::Error) -> Failure {
        Failure::input(
            Diagnostic::error(format!("cannot write `{}`: {e}", path.display()))
                .help("choose a folder that exists or can be made, and that you may write to"),
        )
    }

    pub const fn exit(&self) -> Exit {
        match self {
            Failure::Input(..) => Exit::BadInput,
            Failure::Fault(_) => Exit::OurFault,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(e: anyhow::Error) -> Failure {
        Failure::Fault(e)
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where words go.
#[derive(Debug)]
pub struct Console {
    /// Whether diagnostics are coloured.
    pub colour: bool,
    /// Whether progress is shown: stderr is a terminal.
    pub progress: bool,
}

impl Console {
    pub fn new(color: Color) -> Console {
        let terminal = io::stderr().is_terminal();
        let colour = match color {
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            Color::Always => true,
            Color::Never => false,
        };
        Console { colour, progress: terminal }
    }

    /// Data for stdout. A reader that has gone (`| head`) is no error.
    pub fn print(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
    }

    /// A remark for people.
    pub fn note(&self, text: &str) {
        eprintln!("{text}");
    }

    /// Diagnostics, errors and warnings alike.
    pub fn diagnostics(&self, d: &Diagnostics, sources: &SourceMap) {
        if !d.list.is_empty() {
            eprint!("{}", render::render(d, sources, self.colour));
        }
    }

    pub fn failure(&self, f: &Failure) {
        match f {
            Failure::Input(d, sources) => self.diagnostics(d, sources),
            Failure::Fault(e) => eprintln!("error: {e:#}"),
        }
    }
}
