//! What went in: files with their hashes, settings, evidence, defaults.

use maud::{Markup, html};

use super::View;
use crate::report::html::method::{evidence, files};
use crate::report::html::table::{self, code, text};
use crate::report::words;

pub fn body(v: &View<'_>) -> Markup {
    let weak = evidence("evidence", "How well inputs are known", &v.o.evidence).html();
    let Some(m) = &v.results.manifest else {
        return html! {
            (weak)
            p class="muted" { "The run's manifest was not beside this summary: files, settings and defaults are not known here." }
        };
    };
    let scenario = (m.scenario.as_str(), "scenario", m.scenario_sha256.as_str());
    let data = m.inputs.iter().map(|i| (i.file.as_str(), "data", i.sha256.as_str()));
    let defaults = m.defaults.iter().map(|d| vec![code(&d.path), code(&d.value), text(&d.source)]);
    let columns = vec![table::words("setting"), table::words("taken"), table::words("why")];
    html! {
        (weak)
        (files("files", "Files", std::iter::once(scenario).chain(data)))
        h3 { "Settings" }
        ul {
            li { "Seed " (m.seed) "; random streams " code { (m.random_streams) } }
            @if let Some(name) = &m.variant { li { "Variant " code { (name) } } }
            @for s in &m.set { li { "Changed: " code { (s) } } }
            @if m.set.is_empty() && m.variant.is_none() { li { "As the scenario has them." } }
        }
        pre { code { (again(v)) } }
        @if !m.defaults.is_empty() {
            details {
                summary { "Defaults that were taken (" (words::count(m.defaults.len() as u64)) ")" }
                (table::table("defaults", "What the scenario left out, and what was taken for it", columns).filter(true).rows(defaults).html())
            }
        }
    }
}

/// The command that gives the same again.
fn again(v: &View<'_>) -> String {
    let Some(m) = &v.results.manifest else { return String::new() };
    let mut words = vec!["fleetcast".to_owned(), "run".to_owned()];
    if m.scenario != "the quickstart" {
        words.push(quoted(&m.scenario));
    }
    for s in &m.set {
        words.extend(["--set".to_owned(), quoted(s)]);
    }
    words.extend(m.variant.iter().flat_map(|n| ["--variant".to_owned(), quoted(n)]));
    words.extend(["--seed".to_owned(), m.seed.to_string()]);
    words.join(" ")
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '=' | ':' | ',' | '%' | '+');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
