//! Reading a scenario from where the user points: a file, or the embedded quickstart.

use std::path::{Path, PathBuf};

use super::console::{Console, Failure};
use crate::formats::{Syntax, read_text};
use crate::scenario::{Env, Loaded, QUICKSTART, load};
use crate::units::{Diagnostics, SourceId, SourceMap};

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

/// A scenario's text, read.
#[derive(Debug)]
pub struct Opened {
    pub id: SourceId,
    pub syntax: Syntax,
    /// Where its relative paths start.
    pub base: PathBuf,
    /// What it is called in messages.
    pub name: String,
}

/// Reads the text of a scenario, or takes the embedded quickstart's.
pub fn open(path: Option<&Path>, sources: &mut SourceMap) -> Result<Opened, Diagnostics> {
    let Some(p) = path else {
        let id = sources.add("<the embedded quickstart>", QUICKSTART);
        return Ok(Opened { id, syntax: Syntax::Ron, base: PathBuf::new(), name: "the quickstart".to_owned() });
    };
    let syntax = Syntax::from_path(p)?;
    let id = read_text(p, sources)?;
    let base = p.parent().unwrap_or(Path::new("")).to_owned();
    Ok(Opened { id, syntax, base, name: p.display().to_string() })
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
    let Opened { id, syntax, base, name } = match open(path, &mut sources) {
        Ok(o) => o,
        Err(d) => return Err(Failure::Input(d, sources)),
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
