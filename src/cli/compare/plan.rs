//! Who is compared with whom.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::super::console::{Console, Failure};
use super::super::load::{self, Input};
use super::{Args, Base};
use crate::experiment::Control;
use crate::experiment::compare::Baseline;
use crate::experiment::compare::baseline::Input as Hashed;
use crate::report::compare::Party;
use crate::units::Diagnostic;

/// How all are run.
pub(super) struct Runner<'a> {
    pub seed: u64,
    pub n: u32,
    pub control: Control<'a>,
}

/// One that is to be run.
pub(super) struct Spec {
    /// What it is called.
    pub name: String,
    pub path: Option<PathBuf>,
    pub variant: Option<String>,
    pub set: Vec<String>,
}

impl Spec {
    fn load(&self, data: &Path, console: &Console) -> Result<Input, Failure> {
        load::scenario(self.path.as_deref(), &self.set, self.variant.as_deref(), data, console)
    }

    pub fn party(&self, input: &Input) -> Result<Party, Failure> {
        Ok(Party {
            name: self.name.clone(),
            scenario: input.loaded.model.name.clone(),
            variant: self.variant.clone(),
            set: self.set.clone(),
            scenario_sha256: text_of(input).sha256,
            stored: None,
            inputs: hashed(input)?,
            evidence: input.loaded.model.evidence.clone(),
        })
    }
}

/// The base, and the candidates, loaded.
pub(super) fn plan(
    a: &Args,
    stored: Option<(PathBuf, Baseline)>,
    data: &Path,
    console: &Console,
) -> Result<(Base, Vec<(Spec, Input)>), Failure> {
    let refuse = |message: &str, help: &str| Err(Failure::input(Diagnostic::error(message).help(help)));
    let with = |set: &[String]| [&a.set_all[..], set].concat();
    let file = |path: Option<&PathBuf>, set: &[String]| Spec {
        name: path.map_or_else(|| "the quickstart".to_owned(), |p| p.display().to_string()),
        path: path.cloned(),
        variant: None,
        set: with(set),
    };
    let load = |s: Spec| s.load(data, console).map(|i| (s, i));
    if a.scenarios.len() > 1 && !a.variant.is_empty() {
        return refuse(
            "--variant goes with one scenario, and there are several",
            "name the one whose variants are meant",
        );
    }
    let variant = |path: Option<&PathBuf>, name: &String| Spec {
        name: if a.set.is_empty() { name.clone() } else { format!("{name} with {}", a.set.join(" ")) },
        variant: Some(name.clone()),
        ..file(path, &a.set)
    };
    if let Some(stored) = stored {
        let specs: Vec<Spec> = match &a.scenarios[..] {
            [] => {
                return refuse(
                    "a stored baseline needs a candidate",
                    "name its scenario: fleetcast compare --baseline FILE CAND",
                );
            }
            [one] if !a.variant.is_empty() => a.variant.iter().map(|v| variant(Some(one), v)).collect(),
            all => all.iter().map(|p| file(Some(p), &a.set)).collect(),
        };
        return Ok((Base::Stored(Box::new(stored)), specs.into_iter().map(load).collect::<Result<_, _>>()?));
    }
    let path = a.scenarios.first();
    let base = load(file(path, &[]))?;
    let specs: Vec<Spec> = if a.scenarios.len() > 1 {
        a.scenarios[1..].iter().map(|p| file(Some(p), &a.set)).collect()
    } else if !a.variant.is_empty() {
        a.variant.iter().map(|v| variant(path, v)).collect()
    } else if !a.set.is_empty() {
        vec![Spec { name: a.set.join(" "), ..file(path, &a.set) }]
    } else if a.save_baseline.is_some() {
        Vec::new()
    } else {
        base.1.loaded.variants.iter().filter_map(|m| m.variant.as_ref()).map(|v| variant(path, v)).collect()
    };
    if specs.is_empty() && a.save_baseline.is_none() {
        return refuse(
            "there is nothing to compare the scenario with: it has no variants",
            "name another file, or change a setting: --set pools.NAME.nodes=8",
        );
    }
    Ok((Base::Run(Box::new(base)), specs.into_iter().map(load).collect::<Result<_, _>>()?))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// The scenario's text with its hash.
pub(super) fn text_of(input: &Input) -> Hashed {
    Hashed { file: input.name.clone(), sha256: hex(&Sha256::digest(input.text.as_bytes())) }
}

/// The data files that a scenario read, with their hashes.
pub(super) fn hashed(input: &Input) -> Result<Vec<Hashed>, Failure> {
    let mut files: Vec<&PathBuf> = input.inputs.iter().collect();
    files.sort();
    files.dedup();
    files
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(path)
                .map_err(|e| Failure::Fault(anyhow::anyhow!("reading {} again: {e}", path.display())))?;
            Ok(Hashed { file: path.display().to_string(), sha256: hex(&Sha256::digest(&bytes)) })
        })
        .collect()
}

/// The command that gives the same again.
pub(super) fn command(a: &Args, seed: u64, n: u32) -> String {
    let mut words = vec!["fleetcast".to_owned(), "compare".to_owned()];
    words.extend(a.scenarios.iter().map(|p| quoted(&p.display().to_string())));
    let mut put = |name: &str, values: &[String]| {
        words.extend(values.iter().flat_map(|v| [name.to_owned(), quoted(v)]));
    };
    let path = |p: &Option<PathBuf>| p.iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
    put("--baseline", &path(&a.baseline));
    put("--variant", &a.variant);
    put("--set-all", &a.set_all);
    put("--set", &a.set);
    put("--gates", &path(&a.gates));
    put("--fail-on", &a.fail_on);
    put("--seed", &[seed.to_string()]);
    put("--replications", &[n.to_string()]);
    if a.reprice {
        words.push("--reprice".to_owned());
    }
    words.join(" ")
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '=' | ':' | ',');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
