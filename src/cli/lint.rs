//! `fleetcast lint`: Kubernetes manifests, and what is wrong or other than it seems with them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::console::{Console, Exit, Failure};
use crate::manifest::files::{matching, read_files};
use crate::manifest::{Class, Finding, Findings, Manifests, lint};
use crate::units::{Diagnostic, Severity, SourceMap};

/// Arguments of `lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing or warnings only, 1 a controller would refuse something (with --deny-warnings: anything at all),
2 something cannot be read.
docs/manifests.md lists what is read and every lint.")]
pub struct Args {
    /// Files (.yaml, .yml, .json), folders or patterns (`k8s/**/*.yaml`)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Warnings fail too
    #[arg(long)]
    deny_warnings: bool,
    /// Leave out what is not modelled
    #[arg(long)]
    quiet: bool,
    /// All findings as JSON on stdout
    #[arg(long)]
    json: bool,
}

pub fn run(a: &Args, console: &Console) -> Result<Exit, Failure> {
    let (mut sources, mut manifests, mut findings) = (SourceMap::default(), Manifests::default(), Findings::default());
    let mut paths: Vec<PathBuf> = Vec::new();
    for f in &a.files {
        let found = matching(Path::new(""), &f.to_string_lossy());
        if found.is_empty() {
            let d = Diagnostic::error(format!("`{}` names no file", f.display()))
                .help("name files, folders with .yaml files, or a pattern in quotes: 'k8s/**/*.yaml'");
            findings.push(Class::Invalid, "invalid", "", "", d);
        }
        for p in found {
            if !paths.contains(&p) {
                paths.push(p);
            }
        }
    }
    read_files(&paths, &mut sources, &mut manifests, &mut findings);
    lint(&manifests, &mut findings);
    if a.quiet {
        findings.list.retain(|f| f.class != Class::NotModelled);
    }
    let exit = exit(&findings, a.deny_warnings);
    if a.json {
        let text = serde_json::to_string_pretty(&as_json(&manifests, paths.len(), &findings, &sources));
        console.print(&text.map_err(|e| Failure::Fault(e.into()))?);
        return Ok(exit);
    }
    console.diagnostics(&findings.diagnostics(), &sources);
    if let Some(note) = findings.no_effect_note().filter(|_| !a.quiet) {
        console.note(&format!("note: {note}"));
    }
    console.print(&summary(&manifests, paths.len(), &findings));
    Ok(exit)
}

fn exit(findings: &Findings, deny_warnings: bool) -> Exit {
    if findings.has_invalid() {
        Exit::BadInput
    } else if findings.has_errors() || (deny_warnings && !findings.list.is_empty()) {
        Exit::Failed
    } else {
        Exit::Fine
    }
}

fn summary(manifests: &Manifests, files: usize, findings: &Findings) -> String {
    let counted = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let of = |f: &dyn Fn(&&Finding) -> bool| findings.list.iter().filter(f).count();
    let error = |f: &&Finding| f.diagnostic.severity == Severity::Error;
    let parts = [
        counted(of(&|f| f.class == Class::Invalid), "unreadable place"),
        counted(of(&|f| f.class == Class::Lint && error(f)), "refusal"),
        counted(of(&|f| f.class == Class::Lint && !error(f)), "warning"),
        format!("{} not modelled", of(&|f| f.class == Class::NotModelled)),
    ];
    format!("{} in {}: {}", counted(manifests.objects.len(), "object"), counted(files, "file"), parts.join(", "))
}

fn as_json(manifests: &Manifests, files: usize, findings: &Findings, sources: &SourceMap) -> Value {
    let place = |at: Option<(crate::units::SourceId, crate::units::Span)>| match at {
        Some((id, span)) => {
            let (line, column) = sources.line_col(id, span.start);
            json!({"file": sources.get(id).name, "line": line, "column": column})
        }
        None => Value::Null,
    };
    let one = |f: &Finding| {
        let d = &f.diagnostic;
        json!({
            "id": f.id,
            "class": f.class.key(),
            "severity": match d.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "object": f.object,
            "path": f.path,
            "message": d.message,
            "what": d.label,
            "help": d.help,
            "at": place(d.at),
            "also": d.also.as_ref().map(|(id, span, label)| {
                json!({"at": place(Some((*id, *span))), "what": label})
            }),
        })
    };
    json!({
        "format": "fleetcast-lint/1",
        "files": files,
        "objects": manifests.objects.iter().map(super::super::manifest::Object::id).collect::<Vec<_>>(),
        "findings": findings.list.iter().map(one).collect::<Vec<_>>(),
        "no_effect": findings.no_effect,
        "idle_kinds": findings.idle_kinds,
    })
}
