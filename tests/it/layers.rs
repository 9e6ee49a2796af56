//! Imports point one way: a module uses only modules above it in the list of `docs/architecture.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// The list. A module may import from those before it.
const ORDER: [&str; 19] = [
    "units",
    "kernel",
    "formats",
    "catalog",
    "workload",
    "market",
    "fleet",
    "policy",
    "manifest",
    "training",
    "serving",
    "ledger",
    "outcome",
    "scenario",
    "sim",
    "experiment",
    "report",
    "verify",
    "cli",
];

/// Collects the first segment after `crate::` of every path, macro arguments included.
struct Uses(BTreeSet<String>);

impl<'ast> Visit<'ast> for Uses {
    fn visit_path(&mut self, p: &'ast syn::Path) {
        let mut segments = p.segments.iter();
        if segments.next().is_some_and(|s| s.ident == "crate")
            && let Some(s) = segments.next()
        {
            self.0.insert(s.ident.to_string());
        }
        syn::visit::visit_path(self, p);
    }
    fn visit_item_use(&mut self, u: &'ast syn::ItemUse) {
        if let syn::UseTree::Path(p) = &u.tree
            && p.ident == "crate"
        {
            self.tree(&p.tree);
        }
    }
    fn visit_macro(&mut self, m: &'ast syn::Macro) {
        let text = m.tokens.to_string().replace(' ', "");
        for part in text.split("crate::").skip(1) {
            let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            self.0.insert(name);
        }
    }
}

impl Uses {
    fn tree(&mut self, t: &syn::UseTree) {
        match t {
            syn::UseTree::Path(p) => {
                self.0.insert(p.ident.to_string());
            }
            syn::UseTree::Name(n) => {
                self.0.insert(n.ident.to_string());
            }
            syn::UseTree::Rename(r) => {
                self.0.insert(r.ident.to_string());
            }
            syn::UseTree::Group(g) => g.items.iter().for_each(|t| self.tree(t)),
            syn::UseTree::Glob(_) => {}
        }
    }
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for p in entries {
        if p.is_dir() {
            files(&p, out);
        } else if p.extension().is_some_and(|e| e == "rs") {
            out.push(p);
        }
    }
}

#[test]
fn modules_import_only_from_those_above_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in all {
        let rel = path.strip_prefix(&src).unwrap();
        let room = rel.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if room == "lib" || room == "main" {
            continue;
        }
        let Some(own) = ORDER.iter().position(|r| *r == room) else {
            wrong.push(format!("{}: room `{room}` is not in the list", rel.display()));
            continue;
        };
        let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut uses = Uses(BTreeSet::new());
        uses.visit_file(&file);
        seen += uses.0.len();
        for used in uses.0 {
            match ORDER.iter().position(|r| *r == used) {
                Some(at) if at > own => {
                    wrong.push(format!("{} imports `{used}`, which is below `{room}`", rel.display()))
                }
                _ => {}
            }
        }
    }
    assert!(seen > 50, "the test reads the code");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
