//! A comparison for a pull request. The first line is a comment by which a bot finds what it wrote before.

use std::fmt::Write;

use super::wording as say;
use super::{Comparison, Report};
use crate::experiment::compare::{Change, Held, Verdict};

/// The most characters: GitHub refuses a comment of more than 65,536.
pub const LONGEST: usize = 65_000;

/// The comment that marks what was written for a base of this name.
#[must_use]
pub fn marker(base: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
    // Two hyphens in a row would end a comment.
    let mut name: String = base.chars().map(safe).collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    format!("<!-- fleetcast:compare:{} -->", name.trim_matches('-'))
}

/// The whole text; where it would be longer than [`LONGEST`], without the figures of which nothing is told, else cut.
#[must_use]
pub fn markdown(r: &Report) -> String {
    let all = whole(r, true);
    if all.chars().count() <= LONGEST {
        return all;
    }
    let short = whole(r, false);
    if short.chars().count() <= LONGEST {
        return short;
    }
    let note = "\n\n… cut here: `fleetcast compare --json` has all of it\n";
    let mut cut: String = short.chars().take(LONGEST - note.chars().count()).collect();
    // Not in the middle of a row.
    cut.truncate(cut.rfind('\n').unwrap_or(0));
    cut + note
}

fn whole(r: &Report, all: bool) -> String {
    let mut out = marker(&r.base.scenario);
    out.push('\n');
    for c in &r.comparisons {
        one(&mut out, r, c, all);
    }
    let _ = writeln!(out, "\n<details><summary>Settings</summary>\n");
    let _ = writeln!(
        out,
        "fleetcast {}, random streams `{}`, seed {}, {} runs of each.\n",
        r.fleetcast,
        code(&r.random_streams),
        r.seed,
        r.replications
    );
    let _ = writeln!(out, "| | scenario | SHA-256 | settings |\n|---|---|---|---|");
    for p in std::iter::once(&r.base).chain(&r.candidates) {
        let variant = p.variant.as_ref().map_or_else(String::new, |v| format!(", variant {}", cell(v)));
        let stored = p.stored.as_ref().map_or_else(String::new, |s| format!(", stored in {}", cell(s)));
        let hash: String = p.scenario_sha256.chars().take(12).collect();
        let set: Vec<String> = p.set.iter().map(|s| format!("`{}`", code(s))).collect();
        let _ = writeln!(
            out,
            "| {} | {}{variant}{stored} | `{hash}` | {} |",
            cell(&p.name),
            cell(&p.scenario),
            set.join(" ")
        );
    }
    let _ = writeln!(out, "\n```sh\n{}\n```\n\n</details>", r.command.replace("```", "` ` `").replace('\n', " "));
    out
}

fn one(out: &mut String, r: &Report, c: &Comparison, all: bool) {
    let verdict = match c.held() {
        _ if c.gates.is_empty() => "",
        Held::Holds => " — passes",
        Held::Inconclusive => " — inconclusive",
        Held::Broken => " — fails",
    };
    let _ = writeln!(out, "### {} beside {}{verdict}\n", cell(&c.candidate), cell(&r.base.name));
    let _ = writeln!(out, "**{}**", cell(&crate::report::words::sentence(&say::finding(c))));
    let gates = say::gates(c);
    if !gates.is_empty() {
        let _ = writeln!(out, "{}.", cell(&crate::report::words::sentence(&gates)));
    }
    let _ = writeln!(out, "{}.", cell(&crate::report::words::sentence(&say::basis(c, r.seed))));
    for n in &c.notes {
        let _ = writeln!(out, "\n> Note: {}", cell(n));
    }
    if !c.gates.is_empty() {
        let _ = writeln!(out, "\n| gate | measured [95 %] | outcome |\n|---|---|---|");
        for g in &c.gates {
            let more: String = [say::remedy(g), g.about.clone().filter(|_| g.held != Held::Holds).unwrap_or_default()]
                .iter()
                .filter(|t| !t.is_empty())
                .fold(String::new(), |text, t| format!("{text}; {t}"));
            let outcome = if g.held == Held::Broken { "**broken**" } else { say::held(g.held) };
            let _ = writeln!(out, "| `{}` | {} | {outcome}{} |", code(&g.gate), cell(&say::measured(g)), cell(&more));
        }
    }
    let n = c.why.replications;
    let _ = writeln!(
        out,
        "\n| what drove it ({}) | base | candidate | change |\n|---|---:|---:|---:|",
        say::split_title(&c.why)
    );
    let parts = &c.why.by_pool_and_activity;
    let shown = parts.iter().take(5).filter(|p| p.change.0.0 != 0).count();
    let mut row = |name: &str, b, t, d| {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            cell(name),
            say::dollars(b, n),
            say::dollars(t, n),
            say::signed_dollars(d, n)
        );
    };
    for p in &parts[..shown] {
        row(&p.name, p.base.0, p.candidate.0, p.change.0);
    }
    let rest = &parts[shown..];
    if !rest.is_empty() {
        let sum = |f: fn(&crate::experiment::compare::Part) -> crate::units::Usd| rest.iter().map(f).sum();
        row("all else", sum(|p| p.base.0), sum(|p| p.candidate.0), sum(|p| p.change.0));
    }
    let t = &c.why.total;
    row("the bill", t.base.0, t.candidate.0, t.change.0);
    if let Some(p) = &c.reprice {
        let _ = writeln!(
            out,
            "\nOf this, other prices for the candidate's time are {} USD, and other behaviour at the base's prices {} USD.",
            say::signed_dollars(p.price.0, n),
            say::signed_dollars(p.behaviour.0, n)
        );
        for k in &p.kept {
            let _ = writeln!(out, "`{}` stays as the candidate has it: {}.", code(&k.name), cell(&k.why));
        }
    }
    let told = |m: &&Change| all || say::is_key(&m.name) || !matches!(m.verdict, Verdict::Same | Verdict::NotTold);
    let _ = writeln!(out, "\n<details><summary>{} figures</summary>\n", c.metrics.len());
    let _ = writeln!(
        out,
        "| figure | unit | base | candidate | change [95 %] | of the base | verdict |\n|---|---|---:|---:|---|---:|---|"
    );
    for m in c.metrics.iter().filter(told) {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} | {} | {} |",
            code(&m.name),
            cell(&m.unit),
            say::value(m.base, m.change),
            say::value(m.candidate, m.change),
            say::change(m.change),
            say::percent(m),
            m.verdict.title()
        );
    }
    let _ = writeln!(out, "\n</details>");
}

/// Text within a cell: nothing that ends it or is markup.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            // Nobody is told of a pull request by the name of a pool.
            '@' => out.push_str("@\u{200b}"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text within backticks, which knows no escapes but that of a table's bar.
fn code(text: &str) -> String {
    text.replace('`', "'").replace('|', "\\|").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
