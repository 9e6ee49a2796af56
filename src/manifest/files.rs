//! Which files a pattern names, and reading them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::finding::{Class, Findings};
use super::object::{Manifests, Object};
use super::read::read;
use crate::formats::{Syntax, read_text};
use crate::units::{Diagnostic, SourceMap};

/// How many files and folders a pattern may lead to.
const MAX_FILES: usize = 10_000;

/// The files that a pattern names, below `base` where it is relative, in order. `*` and `?` stand for letters of one name,
/// `**` for any number of folders. A folder stands for the `.yaml`, `.yml` and `.json` files directly in it.
#[must_use]
pub fn matching(base: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let (root, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (PathBuf::from("/"), rest),
        None => (base.to_owned(), pattern),
    };
    let steps: Vec<&str> = rest.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
    walk(&root, &steps, &mut found);
    found.sort();
    found.dedup();
    found
}

fn walk(at: &Path, steps: &[&str], found: &mut Vec<PathBuf>) {
    if found.len() >= MAX_FILES {
        return;
    }
    let Some((step, rest)) = steps.split_first() else {
        if at.is_dir() {
            found.extend(entries(at).into_iter().filter(|p| p.is_file() && is_manifest(p)));
        } else if at.is_file() {
            found.push(at.to_owned());
        }
        return;
    };
    if *step == "**" {
        walk(at, rest, found);
        for p in entries(at).into_iter().filter(|p| p.is_dir() && !p.is_symlink()) {
            walk(&p, steps, found);
        }
    } else if step.contains(['*', '?']) {
        let last = rest.is_empty();
        for p in entries(at) {
            let name = p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            // A pattern for files does not mean what lies in folders of the name.
            if fits(step.as_bytes(), name.as_bytes()) && !name.starts_with('.') && (!last || p.is_file()) {
                walk(&p, rest, found);
            }
        }
    } else {
        walk(&at.join(step), rest, found);
    }
}

fn entries(at: &Path) -> Vec<PathBuf> {
    // The base of a scenario in the current folder is the empty path.
    let at = if at.as_os_str().is_empty() { Path::new(".") } else { at };
    let mut all: Vec<PathBuf> = fs::read_dir(at).map(|d| d.flatten().map(|e| e.path()).collect()).unwrap_or_default();
    for p in &mut all {
        if let Ok(bare) = p.strip_prefix("./") {
            *p = bare.to_owned();
        }
    }
    all.sort();
    all
}

fn is_manifest(p: &Path) -> bool {
    matches!(Syntax::from_path(p), Ok(Syntax::Yaml | Syntax::Json))
}

/// Whether a name fits a pattern of `*` and `?`.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == name[n]) && pattern[p] != b'*' {
            p += 1;
            n += 1;
        } else if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, n));
            p += 1;
        } else if let Some((sp, sn)) = star {
            star = Some((sp, sn + 1));
            p = sp + 1;
            n = sn + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// Reads files into objects and findings; files that cannot be read are findings too.
pub fn read_files(paths: &[PathBuf], sources: &mut SourceMap, all: &mut Manifests, findings: &mut Findings) {
    for path in paths {
        let syntax = match Syntax::from_path(path) {
            Ok(s @ (Syntax::Yaml | Syntax::Json)) => s,
            _ => {
                let d = Diagnostic::error(format!("`{}` is no manifest by its name", path.display()))
                    .help("name it .yaml, .yml or .json");
                findings.push(Class::Invalid, "invalid", "", "", d);
                continue;
            }
        };
        match read_text(path, sources) {
            Ok(id) => read(id, syntax, sources, all, findings),
            Err(found) => found.list.into_iter().for_each(|d| findings.push(Class::Invalid, "invalid", "", "", d)),
        }
    }
    duplicates(all, findings);
}

/// Two objects of one kind, name and namespace: the later one replaces the earlier.
fn duplicates(all: &Manifests, findings: &mut Findings) {
    let mut seen: BTreeMap<(&str, &str, &str), &Object> = BTreeMap::new();
    for o in &all.objects {
        // A name that is made up from a prefix is another each time.
        let no_name = o.name().is_empty() || o.name().ends_with('-');
        if no_name || matches!(o.kind.as_str(), "mig-parted" | "device-plugin") {
            continue;
        }
        let same = seen.insert((o.kind.as_str(), o.name(), o.meta.namespace()), o);
        if let Some(first) = same {
            let (at, was) = (o.name_at(), first.name_at());
            let d = Diagnostic::error(format!("{} is there twice", o.named()))
                .at(at.0, at.1, "given again here")
                .also(was.0, was.1, "first given here")
                .help("keep one of them: the later would replace the earlier");
            findings.push(Class::Invalid, "invalid", &o.id(), "metadata.name", d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path();
        fs::create_dir_all(base.join("k8s/deep/er")).unwrap();
        for f in ["k8s/a.yaml", "k8s/b.yml", "k8s/c.txt", "k8s/deep/d.yaml", "k8s/deep/er/e.yaml", "k8s/.hidden.yaml"] {
            fs::write(base.join(f), "").unwrap();
        }
        let names = |p: &str| -> Vec<String> {
            let all = matching(base, p);
            all.iter().map(|p| p.strip_prefix(base).unwrap().display().to_string()).collect()
        };
        assert_eq!(names("k8s/*.yaml"), ["k8s/a.yaml"]);
        assert_eq!(names("./k8s/?.y*ml"), ["k8s/a.yaml", "k8s/b.yml"]);
        assert_eq!(names("k8s"), ["k8s/.hidden.yaml", "k8s/a.yaml", "k8s/b.yml"]);
        assert_eq!(names("k8s/**/*.yaml"), ["k8s/a.yaml", "k8s/deep/d.yaml", "k8s/deep/er/e.yaml"]);
        assert_eq!(names("k8s/a.yaml"), ["k8s/a.yaml"]);
        assert!(names("nowhere/*.yaml").is_empty());
        assert!(fits(b"*a*b", b"xaxxb") && !fits(b"*a*b", b"xaxxbc") && fits(b"**", b""));
    }
}
