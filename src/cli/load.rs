//! Reading a scenario from where the user points: a file, or the embedded quickstart.

use std::path::{Path, PathBuf};

use super::console::{Console, Failure};
use crate::formats::{Syntax, read_text};
use crate::scenario::{Env, Loaded, QUICKSTART, load};
use crate::units::SourceMap;

/// A loaded scenario with what its manifest needs.
#[derive(Debug)]
pub struct Input {
    pub loaded: Loaded,
    /// The scenario's text.
    pub text: String,
    /// What it is called in messages: a path, or `the quickstart`.
    pub name: String,
    /// Data files read.
    pub inputs: Vec<PathBuf>,
    /// What readers had to say.
    pub notices: Vec<String>,
}

/// Loads a scenario; warnings are printed, errors are a failure.
pub fn scenario(
    path: Option<&Path>,
    sets: &[String],
    variant: Option<&str>,
    data: &Path,
    console: &Console,
) -> Result<Input, Failure> {
    let mut sources = SourceMap::default();
    let (id, syntax, base, name) = match path {
        Some(p) => {
            let read = Syntax::from_path(p).and_then(|s| Ok((read_text(p, &mut sources)?, s)));
            let (id, syntax) = match read {
                Ok(r) => r,
                Err(d) => return Err(Failure::Input(d, sources)),
            };
            (id, syntax, p.parent().unwrap_or(Path::new("")).to_owned(), p.display().to_string())
        }
        None => {
            let id = sources.add("<the embedded quickstart>", QUICKSTART);
            (id, Syntax::Ron, PathBuf::new(), "the quickstart".to_owned())
        }
    };
    let text = sources.get(id).text.to_string();
    let mut env = Env::new(&mut sources, base, data);
    let result = load(id, syntax, sets, variant, &mut env);
    let (inputs, mut notices) = (std::mem::take(&mut env.inputs), std::mem::take(&mut env.notices));
    // Variants read the same files and say the same.
    let mut seen = std::collections::BTreeSet::new();
    notices.retain(|n| seen.insert(n.clone()));
    match result {
        Ok(loaded) => {
            console.diagnostics(&loaded.warnings, &sources);
            Ok(Input { loaded, text, name, inputs, notices })
        }
        Err(d) => Err(Failure::Input(d, sources)),
    }
}
